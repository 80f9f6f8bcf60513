//! What sessions want and tell, as the other side hears it.

use std::fmt::Display;

use bytes::Bytes;
use peerhall_core::{Json, RemoteKey};
use peerhall_labelled::{
    ChannelChange, ChannelId, ChannelOptions, Event, IncomingId, Kind, Offer, Output, Progress, Receipt,
    SendError, TransferError, Way, labelled_protocol, safe_file_name,
};

use crate::value::{Value, record};

/// Member of a message's info that belongs to the layer, not to the application.
const RESERVED: &str = "__peerhall";

/// `{do: "label", key, what, …}`: what the layer has to say about a remote peer, in a word, and the rest.
macro_rules! about {
    ($key:expr, $what:literal $(, $name:literal: $value:expr)* $(,)?) => {
        record! { "do": Value::word("label"), "key": $key.0, "what": Value::word($what) $(, $name: $value)* }
    };
}

/// An output with the remote peer that it is about; none for what nobody here needs. `given` is the message that the
/// other side reports at this moment.
pub(super) fn describe(key: RemoteKey, output: Output, given: &Bytes) -> Option<Value> {
    let told = match output {
        Output::Create { channel, label, init } => {
            about! { key, "create", "channel": channel.number(), "label": &*label, "init": written(&init),
            "framed": is_framed(&init) }
        }
        Output::Negotiate => about! { key, "negotiate" },
        Output::Send { channel, bytes } => {
            about! { key, "transmit", "channel": channel.number(), "at": bytes.as_ptr().addr(),
            "count": bytes.len() }
        }
        Output::Close(channel) => about! { key, "close", "channel": channel.number() },
        Output::Want { transfer, bytes } => {
            about! { key, "want", "transfer": u64::from(transfer.number()), "count": bytes }
        }
        // The peer below takes it.
        Output::Direct { .. } => return None,
        Output::Rewind(transfer) => {
            about! { key, "rewind", "transfer": u64::from(transfer.number()) }
        }
        Output::Event(event) => return told(key, event, given),
    };
    Some(told)
}

/// Where bytes stand in those that they were cut out of.
fn place(bytes: &Bytes, all: &Bytes) -> Option<usize> {
    let at = bytes.as_ptr().addr().checked_sub(all.as_ptr().addr())?;
    (at + bytes.len() <= all.len()).then_some(at)
}

/// A remote peer has shown that it does not know labels.
pub(super) fn unlabelled(key: RemoteKey) -> Value {
    about! { key, "unlabelled" }
}

fn told(key: RemoteKey, event: Event, given: &Bytes) -> Option<Value> {
    Some(match event {
        Event::Ready => about! { key, "ready" },
        Event::Way(way) => {
            let word = match way {
                Way::Connection => "connection",
                Way::Server => "server",
            };
            about! { key, "way", "way": word }
        }
        Event::OverQuota => {
            let words = "the server takes no more messages in this period";
            about! { key, "overQuota", "error": error("over_message_quota", &words, None) }
        }
        Event::Channel { label, change } => changed(key, &label, change),
        Event::Progress { transfer, progress } => {
            about! { key, "progress", "transfer": u64::from(transfer.number()),
            "progress": moved(progress) }
        }
        Event::Sent { transfer, receipt } => {
            about! { key, "sent", "transfer": u64::from(transfer.number()), "receipt": received(receipt) }
        }
        Event::SendFailed { transfer, error } => {
            about! { key, "failed", "transfer": u64::from(transfer.number()), "error": broken(&error) }
        }
        Event::Incoming { incoming, label, offer } => comes(key, incoming, &label, offer),
        Event::Data { incoming, bytes } => {
            match place(&bytes, given) {
                // The other side has them, and need not be given a copy.
                Some(at) => {
                    about! { key, "data", "incoming": incoming.number(), "at": at, "count": bytes.len() }
                }
                None => {
                    about! { key, "data", "incoming": incoming.number(), "bytes": Value::bytes(&bytes) }
                }
            }
        }
        Event::Complete { incoming, receipt } => {
            about! { key, "complete", "incoming": incoming.number(), "receipt": received(receipt) }
        }
        Event::IncomingFailed { incoming, error } => {
            about! { key, "broken", "incoming": incoming.number(), "error": broken(&error) }
        }
        Event::Text { .. } => return None,
        Event::CutOff(reason) => {
            about! { key, "cutOff", "error": error("cut_off", &reason, None) }
        }
    })
}

fn changed(key: RemoteKey, label: &str, change: ChannelChange) -> Value {
    match change {
        ChannelChange::New { channel, options } => {
            about! { key, "opening", "label": label, "channel": channel.number(),
            "options": written(&options) }
        }
        ChannelChange::Open => about! { key, "opened", "label": label },
        ChannelChange::Close => about! { key, "closed", "label": label },
        ChannelChange::Refused => about! { key, "refused", "label": label },
    }
}

fn comes(key: RemoteKey, incoming: IncomingId, label: &str, offer: Offer) -> Value {
    let kind = match offer.kind {
        Kind::Text => "text",
        Kind::Json => "json",
        Kind::Blob => "blob",
        Kind::Bytes => "bytes",
    };
    // What another client wrote into it is its own affair, and no reason to lose the message.
    let info = std::str::from_utf8(&offer.info).ok().filter(|info| !info.is_empty());
    let info = info.and_then(|info| Value::from(info).parse()).filter(Json::is_object);
    let reserved = info.as_ref().and_then(|info| info.member(RESERVED)).filter(Json::is_object);
    let said = |member: &'static str| reserved.as_ref().and_then(|reserved| reserved.text_at(member));
    about! { key, "incoming", "incoming": incoming.number(),
        "label": label,
        "kind": kind,
        "info": info.clone(),
        "total": offer.total.map(Value::from),
        "content": offer.content.map(|content| content.to_string()),
        "waits": offer.waits,
        "fileName": said("name").map(|name| safe_file_name(&name)),
        "mimeType": said("mime"),
    }
}

fn moved(progress: Progress) -> Value {
    record! {
        "current": progress.current,
        "acked": progress.acked,
        "total": progress.total.map(Value::from),
        "done": progress.done,
        "rate": progress.rate,
        "left": progress.left.map(Value::from),
    }
}

fn received(receipt: Receipt) -> Value {
    record! { "bytes": receipt.bytes, "proof": &receipt.proof.to_string() }
}

/// As the browser's `RTCDataChannelInit`.
fn written(init: &ChannelOptions) -> Value {
    let whole = |number: Option<u16>| number.map(|number| Value::from(u64::from(number)));
    record! {
        "ordered": init.ordered,
        "maxRetransmits": whole(init.max_retransmits),
        "maxPacketLifeTime": whole(init.max_packet_life_time),
        "protocol": &init.protocol,
    }
}

/// Whether the layer's messages go over a channel, or the application's.
pub(super) fn is_framed(init: &ChannelOptions) -> bool {
    let protocol = labelled_protocol(&init.protocol).unwrap_or(&init.protocol).to_owned();
    ChannelOptions { protocol, ..init.clone() }.is_framed()
}

/// The number of a channel that the remote opened.
pub(super) fn number(channel: ChannelId) -> Value {
    Value::from(channel.number())
}

/// Why a message was not taken.
pub(super) fn refused(why: &SendError) -> Value {
    let code = match why {
        SendError::NoChannel => "no_channel",
        SendError::NotFramed => "not_framed",
        SendError::InfoTooLarge { .. } => "info_too_large",
        SendError::BadLabel => "bad_label",
        SendError::TooManyLabels(_) => "too_many_labels",
        SendError::NotLabelled => "not_labelled",
        SendError::Closed | _ => "closed",
    };
    error(code, why, None)
}

/// Why a message did not arrive.
fn broken(why: &TransferError) -> Value {
    let (code, reason) = match why {
        TransferError::Aborted { reason } => ("aborted", Some(reason)),
        TransferError::Cancelled { reason } => ("cancelled", Some(reason)),
        TransferError::Stalled { .. } => ("stalled", None),
        TransferError::ConnectionReset => ("connection_reset", None),
        TransferError::ChannelClosed => ("channel_closed", None),
        TransferError::ProofMismatch => ("proof_mismatch", None),
        TransferError::NotLabelled => ("not_labelled", None),
        TransferError::Closed | _ => ("closed", None),
    };
    error(code, why, reason)
}

fn error(code: &str, words: &impl Display, reason: Option<&String>) -> Value {
    let args = [Some(code.into()), Some(words.to_string().as_str().into()), reason.map(Value::from)];
    record! { "class": "LabelledError", "args": Value::list(args.into_iter().flatten()) }
}

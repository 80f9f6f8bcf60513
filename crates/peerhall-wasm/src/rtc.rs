//! What a browser's peer connection reports.

use peerhall_core::{
    ChannelKey, Description, DescriptionKind, IceCandidate, IceState, Json, MediaKind, RemoteStream,
    RemoteStreamKey, RemoteTrack, RemoteTrackKey, RtcFailure, RtcInput, RtcState, Stats, TrackKey,
};

use crate::value::{Value, millis};

/// Reads a report; `None` when it says nothing that is known here.
pub(crate) fn read(report: &Value) -> Option<RtcInput> {
    Some(match report.text("on").as_str() {
        "createFailed" => RtcInput::CreateFailed(result(report).err()?),
        "negotiationNeeded" => RtcInput::NegotiationNeeded,
        "offerCreated" => RtcInput::OfferCreated(description(report, DescriptionKind::Offer)),
        "answerCreated" => RtcInput::AnswerCreated(description(report, DescriptionKind::Answer)),
        "localSet" => RtcInput::LocalSet(result(report)),
        "remoteSet" => RtcInput::RemoteSet(result(report)),
        "candidateAdded" => RtcInput::CandidateAdded(result(report)),
        "attachFailed" => {
            RtcInput::AttachFailed { track: TrackKey(report.whole("track")), failure: result(report).err()? }
        }
        "replaced" => RtcInput::Replaced { old: TrackKey(report.whole("old")), result: result(report) },
        "localCandidate" => RtcInput::LocalCandidate(report.member("candidate").map(|c| candidate(&c))),
        "state" => RtcInput::State(rtc_state(&report.text("state"))?),
        "ice" => RtcInput::Ice(ice_state(&report.text("state"))?),
        "track" => RtcInput::Track(track(report)),
        "trackEnded" => RtcInput::TrackEnded(RemoteTrackKey(report.whole("track"))),
        "trackRemoved" => RtcInput::TrackRemoved {
            stream: report.text("stream"),
            track: RemoteTrackKey(report.whole("track")),
        },
        "dataChannel" => RtcInput::DataChannel(ChannelKey(report.whole("channel"))),
        "stats" => RtcInput::Stats(stats(report)),
        _ => return None,
    })
}

fn result(report: &Value) -> Result<(), RtcFailure> {
    match report.member("failure") {
        None => Ok(()),
        Some(failure) => Err(RtcFailure { name: failure.text("name"), message: failure.text("message") }),
    }
}

fn description(report: &Value, kind: DescriptionKind) -> Result<Description, RtcFailure> {
    result(report).map(|()| Description { kind, sdp: report.text("sdp") })
}

fn candidate(candidate: &Value) -> IceCandidate {
    let index = candidate.member("sdpMLineIndex").and_then(|index| index.as_number());
    IceCandidate {
        candidate: candidate.text("candidate"),
        sdp_mid: candidate.text_at("sdpMid"),
        sdp_m_line_index: index.map(|index| index as u16),
        username_fragment: candidate.text_at("usernameFragment"),
    }
}

fn track(report: &Value) -> RemoteTrack {
    let streams = report.member("streams").and_then(Value::into_items).unwrap_or_default();
    let stream =
        |stream: &Value| RemoteStream { key: RemoteStreamKey(stream.whole("key")), id: stream.text("id") };
    RemoteTrack {
        key: RemoteTrackKey(report.whole("key")),
        id: report.text("id"),
        mid: report.text_at("mid"),
        kind: if report.text("kind") == "audio" { MediaKind::Audio } else { MediaKind::Video },
        streams: streams.iter().map(stream).collect(),
    }
}

fn stats(report: &Value) -> Stats {
    let seconds = report.member("roundTrip").and_then(|value| value.as_number());
    Stats {
        round_trip: seconds.map(|seconds| millis(seconds * 1_000.0)),
        packets_received: report.whole("received"),
        packets_lost: report.whole("lost"),
        relayed: report.member("relayed").and_then(|relayed| relayed.as_bool()),
    }
}

fn rtc_state(word: &str) -> Option<RtcState> {
    Some(match word {
        "new" => RtcState::New,
        "connecting" => RtcState::Connecting,
        "connected" => RtcState::Connected,
        "disconnected" => RtcState::Disconnected,
        "failed" => RtcState::Failed,
        "closed" => RtcState::Closed,
        _ => return None,
    })
}

fn ice_state(word: &str) -> Option<IceState> {
    Some(match word {
        "new" => IceState::New,
        "checking" => IceState::Checking,
        "connected" => IceState::Connected,
        "completed" => IceState::Completed,
        "disconnected" => IceState::Disconnected,
        "failed" => IceState::Failed,
        "closed" => IceState::Closed,
        _ => return None,
    })
}

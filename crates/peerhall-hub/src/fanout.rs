//! One publish and everybody who gets it: the frame is encoded once, or twice when some members asked
//! for the sender's metadata.

use std::collections::HashMap;

use peerhall_auth::action::Action;
use peerhall_proto::code::ErrorCode;
use peerhall_proto::frame::client::Publish;
use peerhall_proto::frame::server::{Encoded, Message, ServerFrame};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};
use serde_json::value::RawValue;

use crate::effect::{ConnId, Effect, Fanout};
use crate::hub::{Hub, Refused};
use crate::link::Note;
use crate::members::{Audience, Members};
use crate::scope;

/// A message ready to be handed out.
#[derive(Debug, Clone)]
pub(crate) struct Broadcast {
    pub(crate) plain: Encoded,
    /// Only when the sender has metadata.
    pub(crate) with_metadata: Option<Encoded>,
}

impl Broadcast {
    fn new(channel: &ChannelName, from: &PeerId, data: &RawValue, metadata: Option<&RawValue>) -> Self {
        let encode = |from_metadata| {
            ServerFrame::Message(Message {
                channel: channel.clone(),
                from: from.clone(),
                data,
                from_metadata,
            })
            .encode()
        };
        Self { plain: encode(None), with_metadata: metadata.map(|metadata| encode(Some(metadata))) }
    }

    /// What hands it to everybody in the audience but the publisher.
    fn fanouts(&self, audience: &Audience, except: Option<ConnId>) -> [Fanout; 2] {
        let with_metadata = self.with_metadata.as_ref().unwrap_or(&self.plain);
        [(&audience.plain, &self.plain), (&audience.with_metadata, with_metadata)].map(|(to, frame)| Fanout {
            to: to.clone(),
            except,
            frame: frame.clone(),
        })
    }
}

impl Hub {
    /// `publish` of a connection: to every other member and pattern subscriber, on every shard.
    pub(crate) fn publish(&mut self, conn: ConnId, frame: &Publish<'_>) -> Result<(), Refused> {
        let Some(session) = self.session(conn) else { return Ok(()) };
        scope::check(session, Action::Publish, &frame.channel)?;
        let (app, peer, metadata) = (session.app, session.peer.clone(), session.peer_metadata.clone());
        self.charge_quota(app)?;
        let metadata = metadata.as_ref().map(|metadata| &***metadata);
        let message = Broadcast::new(&frame.channel, &peer, frame.data, metadata);
        self.stats.publishes += 1;
        self.post_publish(app, &frame.channel, &message);
        self.deliver(app, &frame.channel, &message, Some(conn));
        Ok(())
    }

    /// `publish` over REST, for the members on this shard; the server asks every shard. Returns the
    /// connections it was handed to.
    pub fn publish_from_outside(
        &mut self,
        app: &AppId,
        channel: &ChannelName,
        from: &PeerId,
        data: &RawValue,
        metadata: Option<&RawValue>,
    ) -> usize {
        let Some(place) = self.app_places.get(app).copied() else { return 0 };
        let message = Broadcast::new(channel, from, data, metadata);
        self.deliver(place, channel, &message, None)
    }

    /// Counts one message against the app's quota (wire protocol, section 13.2).
    pub(crate) fn charge_quota(&self, app: u32) -> Result<(), Refused> {
        let Some(app) = self.apps.get(app as usize) else { return Ok(()) };
        let within = app.usage.as_ref().is_none_or(|usage| usage.message(&app.record));
        if within { Ok(()) } else { Err((ErrorCode::OverMessageQuota, "the app has used up its messages")) }
    }

    fn post_publish(&mut self, app: u32, channel: &ChannelName, message: &Broadcast) {
        if self.others.is_empty() {
            return;
        }
        let Some(table) = self.apps.get(app as usize) else { return };
        let room_hosts = table.rooms.get(channel).and_then(|room| self.rooms.get(*room));
        let to = room_hosts.map_or_else(Default::default, |room| room.hosts).union(table.pattern_hosts);
        let note = Note::Publish {
            app: table.record.id.clone(),
            channel: channel.clone(),
            plain: message.plain.clone(),
            with_metadata: message.with_metadata.clone(),
        };
        self.post(to, note);
    }

    /// Hands a message to the members and pattern subscribers of this shard, once each. Returns how
    /// many there were.
    pub(crate) fn deliver(
        &mut self,
        app: u32,
        channel: &ChannelName,
        message: &Broadcast,
        except: Option<ConnId>,
    ) -> usize {
        let Some(table) = self.apps.get_mut(app as usize) else { return 0 };
        let room = table.rooms.get(channel).and_then(|room| self.rooms.get_mut(*room));
        let matching: Vec<_> = if table.pattern_names.is_empty() || channel.is_reserved() {
            Vec::new()
        } else {
            let places = table.pattern_names.values();
            let rooms = places.filter_map(|place| table.patterns.get(*place));
            rooms.filter(|room| room.pattern.matches(channel.as_str())).collect()
        };
        let fanouts = if !matching.is_empty() {
            let mut wants: HashMap<ConnId, bool> = HashMap::new();
            let rooms = room.iter().map(|room| &room.members);
            let all = rooms.chain(matching.iter().map(|room| &room.members));
            for member in all.flat_map(Members::iter) {
                *wants.entry(member.conn).or_default() |= member.wants_metadata();
            }
            message.fanouts(&Audience::of(wants.into_iter()), except)
        } else if let Some(room) = room {
            message.fanouts(room.members.audience(), except)
        } else {
            return 0;
        };
        let mut delivered = 0;
        for fanout in fanouts {
            let receivers = fanout.receivers().count();
            if receivers > 0 {
                delivered += receivers;
                self.effects.push(Effect::Fanout(Box::new(fanout)));
            }
        }
        self.stats.deliveries += delivered as u64;
        delivered
    }
}

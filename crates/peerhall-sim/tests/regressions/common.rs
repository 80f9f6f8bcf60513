//! What most scenarios begin with.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use peerhall_core::{OpId, Outcome, SubscribeOptions, Time};
use peerhall_sim::{ActorId, Lab, LabOptions};
use serde_json::Value;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Two peers in one channel; alice is the polite one.
pub(crate) fn pair() -> (Lab, ActorId, ActorId) {
    pair_in(Lab::new(LabOptions::seeded(5)))
}

pub(crate) fn pair_in(mut lab: Lab) -> (Lab, ActorId, ActorId) {
    let (alice, bob) = (lab.peer("alice"), lab.peer("bob"));
    lab.join(alice, "room");
    lab.join(bob, "room");
    lab.run_for(SECOND);
    assert_eq!((lab.remotes(alice), lab.remotes(bob)), (vec!["bob".to_owned()], vec!["alice".to_owned()]));
    lab.clear_seen();
    (lab, alice, bob)
}

/// Two peers that are connected because alice sends a picture.
pub(crate) fn connected_pair() -> (Lab, ActorId, ActorId) {
    let (mut lab, alice, bob) = pair();
    lab.add_track(alice, "camera", Some("stream"), Some(serde_json::json!({"role": "cam"})));
    lab.run_for(SECOND);
    assert!(lab.is_connected(alice, "bob") && lab.is_connected(bob, "alice"));
    lab.clear_seen();
    (lab, alice, bob)
}

/// A connected client.
pub(crate) fn client() -> (Lab, ActorId) {
    let mut lab = Lab::new(LabOptions::seeded(5));
    let client = lab.client("carol");
    connect(&mut lab, client);
    lab.run_for(SECOND);
    assert!(lab.has_seen(client, "connect ok"));
    lab.clear_seen();
    (lab, client)
}

pub(crate) fn connect(lab: &mut Lab, client: ActorId) -> OpId {
    lab.ask_client(client, |client, now| client.connect(now)).unwrap()
}

pub(crate) fn subscribe(lab: &mut Lab, client: ActorId, channel: &str) -> OpId {
    lab.ask_client(client, |client, now| client.subscribe(now, channel, SubscribeOptions::default())).unwrap()
}

/// The name of the error that a request ended with; `ok` for none.
pub(crate) fn outcome(lab: &Lab, actor: ActorId, op: OpId) -> String {
    match lab.answer(actor, op) {
        None => "nothing".to_owned(),
        Some(Outcome::Connect(Err(error))) => error.name().to_owned(),
        Some(Outcome::Request(Err(error))) => error.name().to_owned(),
        Some(Outcome::Join(Err(error))) => error.name().to_owned(),
        Some(Outcome::Send(Err(error))) => error.code().to_owned(),
        Some(Outcome::ReplaceTrack(Err(_))) => "failed".to_owned(),
        Some(_) => "ok".to_owned(),
    }
}

/// Frames that reach the server, with their senders and times.
#[derive(Clone, Default)]
pub(crate) struct Frames(pub(crate) Rc<RefCell<Vec<(ActorId, Value)>>>);

impl Frames {
    pub(crate) fn listen(lab: &mut Lab) -> Self {
        let frames = Self::default();
        let heard = frames.0.clone();
        lab.on_up(move |actor, frame| {
            heard.borrow_mut().push((actor, frame.clone()));
            peerhall_sim::Tamper::Pass
        });
        frames
    }

    /// What somebody sent, in short words: the type of the frame, and for directs what is in it.
    pub(crate) fn of(&self, actor: ActorId) -> Vec<String> {
        let word = |frame: &Value| match &frame["data"] {
            data if data.get("__meteredTrackMeta").is_some() => "metadata".to_owned(),
            data => match data["type"].as_str() {
                Some("rtc-description") => {
                    data["description"]["type"].as_str().unwrap_or_default().to_owned()
                }
                Some(kind) => kind.to_owned(),
                None => frame["type"].as_str().unwrap_or_default().to_owned(),
            },
        };
        let frames = self.0.borrow();
        frames.iter().filter(|(from, _)| *from == actor).map(|(_, frame)| word(frame)).collect()
    }

    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// Seconds between a moment and each of these.
pub(crate) fn seconds_after(start: Time, times: &[Time]) -> Vec<f64> {
    times.iter().map(|time| (*time - start).as_secs_f64()).collect()
}

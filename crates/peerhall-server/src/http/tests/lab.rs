//! A plane with one app, one secret key, one publishable key, and a thread in place of a shard.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Builder;
use peerhall_auth::key::{AppRecord, KeyKind, KeyRecord};
use peerhall_auth::keyring::Keyring;
use peerhall_auth::pattern::PatternSet;
use peerhall_hub::ShardId;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::{ClientAddress, DevInfo, HttpState, Plane};
use crate::config::Config;
use crate::control::Control;
use crate::exchange::{Exchange, Look, Mail, OutsideMessage};
use crate::metrics::Metrics;
use crate::usage::UsageBook;

pub(in crate::http) const APP: &str = "app_test";
/// What lets into the console of a plane in dev mode.
pub(in crate::http) const CONSOLE_TOKEN: &str = "token-of-this-run";

pub(in crate::http) const OTHER_APP: &str = "app_other";

/// What a test may change before the plane is made.
pub(in crate::http) struct Setup {
    pub(in crate::http) config: Config,
    pub(in crate::http) app: AppRecord,
    pub(in crate::http) secret: KeyRecord,
    pub(in crate::http) address: &'static str,
    pub(in crate::http) dev: bool,
}

pub(in crate::http) struct Lab {
    plane: Plane,
    control: Control,
    exchange: Exchange,
    published: mpsc::Receiver<Arc<OutsideMessage>>,
    address: IpAddr,
    secret: KeyRecord,
    revoked: KeyRecord,
    of_other_app: KeyRecord,
    pub(in crate::http) publishable: KeyRecord,
}

/// One answer; two are equal when they are so in every byte.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Answer {
    pub(in crate::http) status: u16,
    pub(in crate::http) headers: Vec<(String, String)>,
    pub(in crate::http) body: String,
}

impl Lab {
    pub(in crate::http) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(in crate::http) fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup {
            config: Config::default(),
            app: AppRecord::new(APP.parse().unwrap()),
            secret: key(KeyKind::Secret, APP),
            address: "127.0.0.1",
            dev: false,
        };
        change(&mut setup);
        let publishable = key(KeyKind::Publishable, APP);
        let revoked = KeyRecord { revoked_at: Some(1), ..key(KeyKind::Secret, APP) };
        let of_other_app = key(KeyKind::Secret, OTHER_APP);
        let keys = [&setup.secret, &publishable, &revoked, &of_other_app].map(KeyRecord::clone);
        let apps = vec![setup.app, AppRecord::new(OTHER_APP.parse().unwrap())];
        let keyring = Arc::new(Keyring::new(apps, keys.to_vec()).unwrap());

        let (exchange, published) = start_shard();
        let control = Control::new(exchange.clone(), Arc::<UsageBook>::default(), keyring);
        let plane = Plane::new(HttpState {
            control: control.clone(),
            metrics: Metrics::new(1),
            config: Arc::new(setup.config),
            readiness: Arc::new(AtomicBool::new(true)),
            dev: setup.dev.then(|| DevInfo {
                publishable_key: publishable.id.as_str().to_owned(),
                console_token: CONSOLE_TOKEN.to_owned(),
                phone_url: None,
                lan: None,
            }),
            orders: crate::storage::orders().0,
            relay: None,
        });
        let address = setup.address.parse().unwrap();
        Self {
            plane,
            control,
            exchange,
            published,
            address,
            secret: setup.secret,
            revoked,
            of_other_app,
            publishable,
        }
    }

    /// Asks with the secret key.
    pub(in crate::http) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_as(Some(&self.bearer()), method, path, body)
    }

    pub(in crate::http) fn ask_as(
        &self,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let request = self.request(method, path, body);
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        self.send(request, body.to_owned())
    }

    pub(in crate::http) fn request(&self, method: &str, path: &str, body: &str) -> Builder {
        let request = Request::builder().method(method).uri(path).extension(ClientAddress(self.address));
        if body.is_empty() { request } else { request.header("content-length", body.len()) }
    }

    pub(in crate::http) fn send(&self, request: Builder, body: impl Into<Body>) -> Answer {
        let request = request.body(body.into()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let response = self.plane.respond(request).await;
            let status = response.status().as_u16();
            let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
            let headers =
                response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
        })
    }

    pub(in crate::http) fn bearer(&self) -> String {
        bearer(&self.secret)
    }

    pub(in crate::http) fn bearer_of_revoked_key(&self) -> String {
        bearer(&self.revoked)
    }

    pub(in crate::http) fn bearer_of_other_app(&self) -> String {
        bearer(&self.of_other_app)
    }

    pub(in crate::http) fn secret_pair(&self) -> (&str, &str) {
        (self.secret.id.as_str(), self.secret.secret.as_ref().unwrap().expose())
    }

    pub(in crate::http) fn keyring(&self) -> Arc<Keyring> {
        self.control.keyring()
    }

    pub(in crate::http) fn set_ready(&self, is_ready: bool) {
        self.plane.state.readiness.store(is_ready, Ordering::Release);
    }

    /// The message that the shard was last asked to publish.
    pub(in crate::http) fn published(&self) -> Option<Arc<OutsideMessage>> {
        self.published.try_iter().last()
    }

    /// Revokes the secret key.
    pub(in crate::http) fn revoke_secret(&self) {
        let keyring = self.keyring();
        let apps = keyring.apps().map(|app| AppRecord::clone(app)).collect();
        let revoke = |key: &Arc<KeyRecord>| {
            let revoked_at = if key.id == self.secret.id { Some(1) } else { key.revoked_at };
            KeyRecord { revoked_at, ..KeyRecord::clone(key) }
        };
        let keys = keyring.keys().map(revoke).collect();
        self.control.set_keyring(Arc::new(Keyring::new(apps, keys).unwrap()));
    }

    /// From now on the shard answers nothing.
    pub(in crate::http) fn end_shard(&self) {
        self.exchange.put(0, Mail::Drain);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.exchange.put(0, Mail::Abort);
    }
}

impl Answer {
    pub(in crate::http) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The code of an error, after checking its shape.
    pub(in crate::http) fn error(&self) -> String {
        let body = self.json();
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        assert!(!body["message"].as_str().unwrap().is_empty());
        body["error"].as_str().unwrap().to_owned()
    }

    pub(in crate::http) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

pub(in crate::http) fn patterns(patterns: &[&str]) -> PatternSet {
    PatternSet::for_key(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect()).unwrap()
}

fn key(kind: KeyKind, app: &str) -> KeyRecord {
    KeyRecord::generate(kind, app.parse().unwrap(), patterns(&["**"]), 0).unwrap()
}

fn bearer(key: &KeyRecord) -> String {
    format!("Bearer {}:{}", key.id.as_str(), key.secret.as_ref().unwrap().expose())
}

/// Stands in for a shard: alice (with metadata, on two connections) and carol are in every channel of
/// [`APP`], each with one copy of what is published.
fn start_shard() -> (Exchange, mpsc::Receiver<Arc<OutsideMessage>>) {
    let mut poll = mio::Poll::new().unwrap();
    let waker = mio::Waker::new(poll.registry(), mio::Token(0)).unwrap();
    let exchange = Exchange::new(vec![waker]);
    let (sender, published) = mpsc::channel();
    let mailbox = exchange.clone();
    std::thread::spawn(move || {
        let mut events = mio::Events::with_capacity(8);
        let mut is_ending = false;
        loop {
            for mail in mailbox.take(ShardId::new(0).unwrap()) {
                if matches!(mail, Mail::Abort) {
                    return;
                }
                is_ending |= matches!(mail, Mail::Drain);
                if !is_ending {
                    answer(mail, &sender);
                }
            }
            if !mailbox.has_mail(ShardId::new(0).unwrap()) {
                poll.poll(&mut events, None).unwrap();
            }
        }
    });
    (exchange, published)
}

fn answer(mail: Mail, published: &mpsc::Sender<Arc<OutsideMessage>>) {
    if let Mail::List { app, reply, .. } = mail {
        let metadata = RawValue::from_string(r#"{"username":"Alice"}"#.to_owned()).unwrap();
        let carol = ("carol".parse().unwrap(), None);
        let alice = ("alice".parse().unwrap(), Some(Arc::new(metadata)));
        let members = if app.as_str() == APP { vec![carol, alice] } else { Vec::new() };
        reply.send(members).unwrap();
    } else if let Mail::Publish { message, reply } = mail {
        published.send(message).unwrap();
        reply.send(3).unwrap();
    } else if let Mail::Look(Look::Tap { reply, .. }) = mail {
        reply.send(false).unwrap();
    } else if let Mail::Kick { app, peer, reply } = mail {
        let is_there = app.as_str() == APP && peer.as_str().starts_with("alice");
        reply.send(if is_there { 2 } else { 0 }).unwrap();
    }
}

//! A TURN server that keeps no allocation and answers as it is told.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use stun_types::attribute::{AlternateServer, ErrorCode, Nonce, Realm, XorMappedAddress};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message, MessageClass, MessageWriteVec,
};
use stun_types::prelude::{AttributeStaticType as _, MessageWrite as _, MessageWriteExt as _};
use turn_types::attribute::{
    ChannelNumber, Data, Lifetime, RequestedAddressFamily, XorPeerAddress, XorRelayedAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH};

pub(super) const RELAYED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 50_000);
pub(super) const MAPPED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 9), 1_234);
pub(super) const ALTERNATE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 2), 3_478);

pub(super) struct Server {
    pub(super) nonce: String,
    pub(super) always_stale: bool,
    /// Answers nothing.
    pub(super) mute: bool,
    /// Answers with a proof of another password.
    pub(super) forge: bool,
    pub(super) lifetime: u32,
    /// A request to refuse and the code for it.
    pub(super) refuse: Option<(&'static str, u16)>,
    /// What was asked for, in order.
    pub(super) asked: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            nonce: "first".to_owned(),
            always_stale: false,
            mute: false,
            forge: false,
            lifetime: 600,
            refuse: None,
            asked: Vec::new(),
        }
    }
}

/// What the server does about a message.
pub(super) enum Answer {
    Response(Vec<u8>),
    Silence,
    /// It is for a peer.
    Payload,
}

impl Server {
    pub(super) fn answer(&mut self, bytes: &[u8]) -> Answer {
        if bytes[0] >= 0x40 {
            return Answer::Payload;
        }
        let request = Message::from_bytes(bytes).expect("the client sends STUN");
        if request.has_class(MessageClass::Indication) {
            return Answer::Payload;
        }
        let what = describe(&request);
        self.asked.push(what.clone());
        if self.mute {
            return Answer::Silence;
        }
        Answer::Response(self.respond(&request, &what))
    }

    fn respond(&self, request: &Message<'_>, what: &str) -> Vec<u8> {
        if request.validate_integrity_with_key(&key("wonderland")).is_err() {
            return self.challenge(request, 401);
        }
        let nonce = request.attribute::<Nonce>().expect("a signed request has a nonce");
        if nonce.nonce() != self.nonce || self.always_stale {
            return self.challenge(request, 438);
        }
        if let Some((_, code)) = self.refuse.filter(|(refused, _)| what.starts_with(refused)) {
            let mut response = error(request, code);
            if code == 300 {
                response.add_attribute(&AlternateServer::new(ALTERNATE.into())).expect("fits");
            }
            return self.sign(response);
        }
        let mut response = Message::builder_success(request, MessageWriteVec::new());
        let transaction = request.transaction_id();
        if request.has_method(ALLOCATE) {
            response.add_attribute(&XorRelayedAddress::new(RELAYED.into(), transaction)).expect("fits");
            response.add_attribute(&XorMappedAddress::new(MAPPED.into(), transaction)).expect("fits");
            response.add_attribute(&Lifetime::new(self.lifetime)).expect("fits");
        }
        if request.has_method(REFRESH) {
            response.add_attribute(&Lifetime::new(self.lifetime)).expect("fits");
        }
        self.sign(response)
    }

    fn challenge(&self, request: &Message<'_>, code: u16) -> Vec<u8> {
        let mut response = error(request, code);
        response.add_attribute(&Realm::new("test").expect("short")).expect("fits");
        response.add_attribute(&Nonce::new(&self.nonce).expect("short")).expect("fits");
        response.finish()
    }

    fn sign(&self, mut response: MessageWriteVec) -> Vec<u8> {
        let key = key(if self.forge { "looking-glass" } else { "wonderland" });
        response.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).expect("fits");
        response.finish()
    }
}

/// A payload from `peer` as the server passes it on without a channel.
pub(super) fn data(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut message = Message::builder_indication(DATA, MessageWriteVec::new());
    let transaction = message.transaction_id();
    message.add_attribute(&XorPeerAddress::new(peer, transaction)).expect("fits");
    message.add_attribute(&Data::new(payload)).expect("fits");
    message.finish()
}

fn error(request: &Message<'_>, code: u16) -> MessageWriteVec {
    let mut response = Message::builder_error(request, MessageWriteVec::new());
    response.add_attribute(&ErrorCode::new(code, "no").expect("a code")).expect("fits");
    response
}

fn key(password: &str) -> IntegrityKey {
    LongTermKeyCredentials::new("alice".to_owned(), password.to_owned(), "test".to_owned())
        .make_key(IntegrityAlgorithm::Sha1)
}

fn describe(request: &Message<'_>) -> String {
    match request.method() {
        ALLOCATE if request.has_attribute(RequestedAddressFamily::TYPE) => "allocate ipv6".to_owned(),
        ALLOCATE => "allocate".to_owned(),
        REFRESH if request.attribute::<Lifetime>().is_ok_and(|life| life.seconds() == 0) => {
            "release".to_owned()
        }
        REFRESH => "refresh".to_owned(),
        CREATE_PERMISSION => "permission".to_owned(),
        CHANNEL_BIND => {
            let number = request.attribute::<ChannelNumber>().expect("a channel").channel();
            format!("channel {number:x}")
        }
        other => panic!("an unexpected method {other}"),
    }
}

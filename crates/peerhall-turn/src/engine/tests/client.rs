//! The client's side: requests built and answers read.

use std::net::SocketAddr;

use peerhall_auth::turn::{RelayUser, TurnSecret};
use stun_types::attribute::{
    ErrorCode, Fingerprint, Nonce, RawAttribute, Realm, UnknownAttributes, Username, XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message, MessageClass, MessageType,
    MessageWriteVec, Method, TransactionId,
};
use stun_types::prelude::{
    AttributeStaticType as _, AttributeWrite, MessageWrite as _, MessageWriteExt as _,
};
use turn_types::AddressFamily;
use turn_types::attribute::{
    AddressErrorCode, ChannelNumber, Data, Lifetime, RequestedTransport, ReservationToken, XorPeerAddress,
    XorRelayedAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};

/// A request that can be built more than once.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    method: Method,
    transaction: TransactionId,
    attributes: Vec<RawAttribute<'static>>,
    fingerprint: bool,
}

impl Asked {
    pub(crate) fn new(method: Method) -> Self {
        let transaction = TransactionId::generate();
        Self { method, transaction, attributes: Vec::new(), fingerprint: false }
    }

    pub(crate) fn binding() -> Self {
        Self::new(BINDING)
    }

    pub(crate) fn allocate() -> Self {
        Self::new(ALLOCATE).with(&RequestedTransport::new(RequestedTransport::UDP))
    }

    pub(crate) fn refresh(lifetime: u32) -> Self {
        Self::new(REFRESH).with(&Lifetime::new(lifetime))
    }

    pub(crate) fn permission(peers: &[SocketAddr]) -> Self {
        let asked = Self::new(CREATE_PERMISSION);
        let transaction = asked.transaction;
        peers.iter().fold(asked, |asked, peer| asked.with(&XorPeerAddress::new(*peer, transaction)))
    }

    pub(crate) fn channel(number: u16, peer: SocketAddr) -> Self {
        let asked = Self::new(CHANNEL_BIND).with(&ChannelNumber::new(number));
        let transaction = asked.transaction;
        asked.with(&XorPeerAddress::new(peer, transaction))
    }

    pub(crate) fn with(mut self, attribute: &(impl AttributeWrite + ?Sized)) -> Self {
        self.attributes.push(attribute.to_raw().into_owned());
        self
    }

    pub(crate) fn with_raw(mut self, kind: u16, value: &[u8]) -> Self {
        self.attributes.push(RawAttribute::new(kind.into(), value).into_owned());
        self
    }

    pub(crate) fn with_fingerprint(mut self) -> Self {
        self.fingerprint = true;
        self
    }

    fn build(&self) -> MessageWriteVec {
        let kind = MessageType::from_class_method(MessageClass::Request, self.method);
        let mut message = Message::builder(kind, self.transaction, MessageWriteVec::new());
        for attribute in &self.attributes {
            message.add_attribute(attribute).expect("fits");
        }
        message
    }

    fn finish(&self, mut message: MessageWriteVec) -> Vec<u8> {
        if self.fingerprint {
            message.add_fingerprint().expect("fits");
        }
        message.finish()
    }

    pub(crate) fn unsigned(self) -> Vec<u8> {
        let message = self.build();
        self.finish(message)
    }

    pub(crate) fn signed(self, who: &RelayUser, secret: &str, nonce: &str) -> (Vec<u8>, IntegrityKey) {
        self.signed_as(&who.to_string(), secret, "peerhall", nonce)
    }

    pub(crate) fn signed_as(
        self,
        username: &str,
        secret: &str,
        realm: &str,
        nonce: &str,
    ) -> (Vec<u8>, IntegrityKey) {
        let password = TurnSecret::new(secret).unwrap().password(username);
        let key = LongTermKeyCredentials::new(username.to_owned(), password, realm.to_owned())
            .make_key(IntegrityAlgorithm::Sha1);
        let mut message = self.build();
        message.add_attribute(&Username::new(username).unwrap()).expect("fits");
        message.add_attribute(&Realm::new(realm).unwrap()).expect("fits");
        message.add_attribute(&Nonce::new(nonce).unwrap()).expect("fits");
        message.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).expect("fits");
        (self.finish(message), key)
    }
}

/// What an answer says.
#[derive(Debug)]
pub(crate) struct Got {
    /// The code of a refusal.
    pub(crate) code: Option<u16>,
    pub(crate) realm: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) mapped: Option<SocketAddr>,
    pub(crate) relayed: Vec<SocketAddr>,
    pub(crate) lifetime: Option<u32>,
    pub(crate) token: Option<u64>,
    pub(crate) lacks: Option<(AddressFamily, u16)>,
    pub(crate) unknown: Option<UnknownAttributes>,
    pub(crate) has_fingerprint: bool,
}

impl Got {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let message = Message::from_bytes(bytes).expect("an answer is STUN");
        assert!(message.is_response());
        let transaction = message.transaction_id();
        let code = message.attribute::<ErrorCode>().ok().map(|error| error.code());
        assert_eq!(code.is_some(), message.has_class(MessageClass::Error));
        let relayed = (0..2).map_while(|n| message.nth_attribute::<XorRelayedAddress>(n).ok());
        Self {
            code,
            realm: message.attribute::<Realm>().ok().map(|realm| realm.realm().to_owned()),
            nonce: message.attribute::<Nonce>().ok().map(|nonce| nonce.nonce().to_owned()),
            mapped: message.attribute::<XorMappedAddress>().ok().map(|mapped| mapped.addr(transaction)),
            relayed: relayed.map(|relayed| relayed.addr(transaction)).collect(),
            lifetime: message.attribute::<Lifetime>().ok().map(|lifetime| lifetime.seconds()),
            token: message.attribute::<ReservationToken>().ok().map(|token| token.token()),
            lacks: message.attribute::<AddressErrorCode>().ok().map(|e| (e.family(), e.error().code())),
            unknown: message.attribute::<UnknownAttributes>().ok(),
            has_fingerprint: message.has_attribute(Fingerprint::TYPE),
        }
    }

    /// The same of an answer that proves that the server knows the password.
    pub(crate) fn proven(bytes: &[u8], key: &IntegrityKey) -> Self {
        let got = Self::read(bytes);
        let message = Message::from_bytes(bytes).unwrap();
        let proven = message.validate_integrity_with_key(key).is_ok();
        assert!(proven || matches!(got.code, Some(400 | 401 | 438)), "{got:?} proves nothing");
        got
    }
}

pub(crate) fn send_indication(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
    let transaction = message.transaction_id();
    message.add_attribute(&XorPeerAddress::new(peer, transaction)).expect("fits");
    message.add_attribute(&Data::new(payload)).expect("fits");
    message.finish()
}

/// Who a Data indication says a payload is from.
pub(crate) fn data_indication(bytes: &[u8]) -> (SocketAddr, Vec<u8>) {
    let message = Message::from_bytes(bytes).expect("STUN");
    assert!(message.has_class(MessageClass::Indication));
    let peer = message.attribute::<XorPeerAddress>().expect("a peer").addr(message.transaction_id());
    (peer, message.attribute::<Data>().expect("a payload").data().to_vec())
}

pub(crate) fn channel_data(number: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short");
    [&number.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

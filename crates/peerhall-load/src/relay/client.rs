//! A TURN client that does one thing after the other.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use stun_types::attribute::{ErrorCode, Nonce, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message, MessageClass, MessageType,
    MessageWriteVec, Method, StunWriteError, TransactionId,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use turn_types::attribute::{ChannelNumber, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND};

use crate::error::LoadError;

/// How long an answer is waited for before the request is sent again, and how often.
const PATIENCE: Duration = Duration::from_secs(1);
const TRIES: usize = 8;

/// The one channel.
const CHANNEL: u16 = 0x4000;

/// One user of a relay.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

/// A client with one socket.
pub(super) struct Client {
    socket: UdpSocket,
    proof: Option<Proof>,
}

struct Proof {
    name: String,
    realm: String,
    nonce: String,
    key: IntegrityKey,
}

impl Client {
    pub(super) fn to(server: SocketAddr) -> Result<Self, LoadError> {
        let open = || -> io::Result<UdpSocket> {
            let socket = UdpSocket::bind((server.ip(), 0))?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        };
        Ok(Self { socket: open().map_err(LoadError::system("open a socket"))?, proof: None })
    }

    /// Asks for the challenge that every later request answers.
    pub(super) fn challenge(&mut self, user: &User) -> Result<(), LoadError> {
        let answer = self.exchange(&write(self.allocate_request())?)?;
        let read = || -> Option<Proof> {
            let answer = Message::from_bytes(&answer).ok()?;
            let realm = answer.attribute::<Realm>().ok()?.realm().to_owned();
            let nonce = answer.attribute::<Nonce>().ok()?.nonce().to_owned();
            let key = LongTermKeyCredentials::new(user.name.clone(), user.password.clone(), realm.clone())
                .make_key(IntegrityAlgorithm::Sha1);
            Some(Proof { name: user.name.clone(), realm, nonce, key })
        };
        self.proof = Some(read().ok_or_else(|| refused("an allocation is not challenged", &answer))?);
        Ok(())
    }

    /// Allocates. Returns the relayed address and how long the answer took.
    pub(super) fn allocate(&self) -> Result<(SocketAddr, Duration), LoadError> {
        let request = write(self.signed(self.allocate_request()))?;
        let begin = Instant::now();
        let answer = self.exchange(&request)?;
        let took = begin.elapsed();
        let message =
            Message::from_bytes(&answer).ok().filter(|message| message.has_class(MessageClass::Success));
        let relayed = message.and_then(|message| {
            Some(message.attribute::<XorRelayedAddress>().ok()?.addr(message.transaction_id()))
        });
        Ok((relayed.ok_or_else(|| refused("an allocation is refused", &answer))?, took))
    }

    /// Binds the channel to a peer.
    pub(super) fn bind(&self, peer: SocketAddr) -> Result<(), LoadError> {
        let made = builder(CHANNEL_BIND).and_then(|(transaction, mut message)| {
            message.add_attribute(&ChannelNumber::new(CHANNEL))?;
            message.add_attribute(&XorPeerAddress::new(peer, transaction))?;
            Ok(message)
        });
        let answer = self.exchange(&write(self.signed(made))?)?;
        match Message::from_bytes(&answer) {
            Ok(message) if message.has_class(MessageClass::Success) => Ok(()),
            Ok(_) | Err(_) => Err(refused("a channel is refused", &answer)),
        }
    }

    /// The socket, for payloads.
    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    fn allocate_request(&self) -> Result<MessageWriteVec, StunWriteError> {
        let (_, mut message) = builder(ALLOCATE)?;
        message.add_attribute(&RequestedTransport::new(RequestedTransport::UDP))?;
        Ok(message)
    }

    fn signed(
        &self,
        message: Result<MessageWriteVec, StunWriteError>,
    ) -> Result<MessageWriteVec, StunWriteError> {
        let mut message = message?;
        if let Some(proof) = &self.proof {
            message.add_attribute(&Username::new(&proof.name)?)?;
            message.add_attribute(&Realm::new(&proof.realm)?)?;
            message.add_attribute(&Nonce::new(&proof.nonce)?)?;
            message.add_message_integrity_with_key(&proof.key, IntegrityAlgorithm::Sha1)?;
        }
        Ok(message)
    }

    fn exchange(&self, request: &[u8]) -> Result<Vec<u8>, LoadError> {
        let mut buffer = [0; 2_048];
        for _ in 0..TRIES {
            self.socket.send(request).map_err(LoadError::system("send to the relay"))?;
            if let Ok(length) = self.socket.recv(&mut buffer) {
                return Ok(buffer.get(..length).unwrap_or_default().to_vec());
            }
        }
        let server = self.socket.peer_addr().map_or_else(|_| "the relay".to_owned(), |at| at.to_string());
        Err(LoadError::Silent(server))
    }
}

/// A payload as it travels in the channel.
pub(super) fn channel_data(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    [&CHANNEL.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

/// The request of somebody who shows nothing.
pub(super) fn stranger() -> Result<Vec<u8>, LoadError> {
    write(builder(ALLOCATE).and_then(|(_, mut message)| {
        message.add_attribute(&RequestedTransport::new(RequestedTransport::UDP))?;
        Ok(message)
    }))
}

fn builder(method: Method) -> Result<(TransactionId, MessageWriteVec), StunWriteError> {
    let kind = MessageType::from_class_method(MessageClass::Request, method);
    let transaction = TransactionId::generate();
    Ok((transaction, Message::builder(kind, transaction, MessageWriteVec::new())))
}

fn write(message: Result<MessageWriteVec, StunWriteError>) -> Result<Vec<u8>, LoadError> {
    let fault = |error: StunWriteError| LoadError::Output(format!("cannot write a request: {error}"));
    Ok(message.map_err(fault)?.finish())
}

fn refused(what: &str, answer: &[u8]) -> LoadError {
    let code = Message::from_bytes(answer).ok().and_then(|answer| answer.attribute::<ErrorCode>().ok());
    let code = code.map_or(0, |error| error.code());
    LoadError::Output(format!("{what} by the relay (code {code}); see its own output"))
}

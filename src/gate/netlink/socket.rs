//! One blocking netlink socket to netfilter: sends requests, reads answers until the last.

use std::io;
use std::time::Duration;

use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt;

use super::attr::{AttrWriter, Attrs};
use super::element::{self, Element, GET_ELEMENT, NEW_ELEMENT};
use super::message::{
    self, Body, FAMILY_INET, FLAG_ACK, FLAG_CREATE, FLAG_DUMP, FLAG_DUMP_INTERRUPTED, Message, MessageKind,
    Messages,
};
use crate::faults::attempt;
use crate::gate::error::GateError;
use crate::gate::names::TABLE;

/// `NETLINK_NETFILTER`.
pub const NETLINK_NETFILTER: isize = 12;
/// What the kernel may queue for us: a batch's echoes and errors.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;
/// What one send may hold.
const SEND_BUFFER_BYTES: usize = 4 << 20;
/// Longer than any datagram of nf_tables: dumps and merged notifications stay within 64 KiB.
const DATAGRAM_BYTES: usize = 256 << 10;
/// The kernel answers in the call or not at all; this only keeps a lost answer from blocking for ever.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests in one send, so that the answers fit into the receive buffer even where it could not be enlarged.
const REQUESTS_PER_SEND: usize = 64;
/// How often a dump that was interrupted by a change is begun again.
const DUMP_TRIES: usize = 50;

/// `NFT_MSG_NEWTABLE`, `NFT_MSG_GETTABLE`.
const NEW_TABLE: u8 = 0;
const GET_TABLE: u8 = 1;
/// `NFTA_TABLE_NAME`, `NFTA_TABLE_HANDLE`.
const TABLE_NAME: u16 = 1;
const TABLE_HANDLE: u16 = 4;

const ENOENT: i32 = 2;
const EINTR: i32 = 4;

/// A socket to netfilter.
#[derive(Debug)]
pub struct NetfilterSocket {
    socket: Socket,
    port: u32,
    sequence: u32,
    datagram: Vec<u8>,
    max_send_bytes: usize,
}

/// One change of something in nf_tables.
pub struct Change<'write> {
    /// The command.
    pub command: u8,
    /// Writes its attributes.
    pub write: &'write dyn Fn(&mut AttrWriter<'_>),
}

/// Whether reading goes on.
pub enum Reading {
    /// More is to come.
    More,
    /// That was the last.
    Finished,
}

impl NetfilterSocket {
    /// A socket in the network namespace of this thread. Without the right to enlarge its buffers beyond the system's
    /// limits it does with what it gets.
    pub fn open() -> Result<Self, GateError> {
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(GateError::socket("open"))?;
        let address = socket.bind_auto().map_err(GateError::socket("bind"))?;
        // Errors without a copy of the request; older kernels do not know it, and their longer errors are read as well.
        let _ = socket.set_cap_ack(true);
        if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER_BYTES).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES)
                .map_err(|error| GateError::socket("set the receive buffer")(error.into()))?;
        }
        if sockopt::set_socket_send_buffer_size_force(&socket, SEND_BUFFER_BYTES).is_err() {
            sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES)
                .map_err(|error| GateError::socket("set the send buffer")(error.into()))?;
        }
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(ANSWER_TIMEOUT))
            .map_err(|error| GateError::socket("set the timeout")(error.into()))?;
        let send_buffer = sockopt::socket_send_buffer_size(&socket)
            .map_err(|error| GateError::socket("ask for the send buffer")(error.into()))?;
        Ok(Self {
            socket,
            port: address.port_number(),
            sequence: 0,
            datagram: Vec::with_capacity(DATAGRAM_BYTES),
            // The kernel reports twice what can be used.
            max_send_bytes: (send_buffer / 2).saturating_sub(4096).max(16 << 10),
        })
    }

    /// The port that the kernel knows it by, as in the messages that tell others of our changes.
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// How long a batch may be.
    pub const fn max_send_bytes(&self) -> usize {
        self.max_send_bytes
    }

    /// The first of `count` sequence numbers that were not in use before.
    pub fn sequences(&mut self, count: usize) -> u32 {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        // Never 0, and no wrap inside one request.
        if self.sequence.checked_add(count).is_none() {
            self.sequence = 0;
        }
        let first = self.sequence + 1;
        self.sequence = self.sequence.saturating_add(count);
        first
    }

    /// Sends one or more messages.
    pub fn send(&self, bytes: &[u8]) -> Result<(), GateError> {
        attempt("gate.send").map_err(GateError::socket("send"))?;
        loop {
            match self.socket.send_to(bytes, &SocketAddr::new(0, 0), 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(GateError::socket("send")(error)),
            }
        }
    }

    /// Gives every message of the kernel to `take` until it has seen the last.
    pub fn receive(
        &mut self,
        mut take: impl FnMut(Message<'_>) -> Result<Reading, GateError>,
    ) -> Result<(), GateError> {
        // What was sent has happened by now.
        attempt("gate.answer").map_err(GateError::socket("receive"))?;
        loop {
            self.datagram.clear();
            let sender = match self.socket.recv_from(&mut self.datagram, 0) {
                Ok((_, sender)) => sender,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(GateError::socket("receive")(error)),
            };
            if sender.port_number() != 0 {
                continue;
            }
            for message in Messages::new(&self.datagram) {
                if let Reading::Finished = take(message)? {
                    return Ok(());
                }
            }
        }
    }

    /// The elements of a set with these keys, in their order; `None` where there is none (or it has timed out).
    pub fn get(&mut self, set: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<Element>>, GateError> {
        self.get_in(TABLE, set, keys)
    }

    /// The same of a set of any table.
    pub fn get_in(
        &mut self,
        table: &str,
        set: &str,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Element>>, GateError> {
        let mut found = vec![None; keys.len()];
        self.ask_each(
            keys,
            |buffer, sequence, key| {
                let element = Element { key: key.clone(), ..Element::default() };
                message::push(
                    buffer,
                    MessageKind::nftables(GET_ELEMENT),
                    0,
                    sequence,
                    FAMILY_INET,
                    |attrs| {
                        element.write(attrs, table, set);
                    },
                );
            },
            |number, body| match body {
                Body::Result(ENOENT) => Ok(true),
                Body::Result(errno) => Err(GateError::refused("read an element", errno)),
                Body::Object { .. } => {
                    let attrs = body
                        .object(MessageKind::nftables(NEW_ELEMENT))
                        .ok_or(GateError::Malformed("another object than an element"))?;
                    let element = element::read_elements(attrs)
                        .next()
                        .ok_or(GateError::Malformed("an answer without its element"))?;
                    if let Some(slot) = found.get_mut(number) {
                        *slot = Some(element);
                    }
                    Ok(true)
                }
                Body::Done | Body::Other => Ok(false),
            },
        )?;
        Ok(found)
    }

    /// Many requests with one answer each, some in each send. `take` gets each answer with the place of its request, and
    /// says whether that was all of it.
    pub fn ask_each<R>(
        &mut self,
        requests: &[R],
        write: impl Fn(&mut Vec<u8>, u32, &R),
        mut take: impl FnMut(usize, Body<'_>) -> Result<bool, GateError>,
    ) -> Result<(), GateError> {
        for (number, chunk) in requests.chunks(REQUESTS_PER_SEND).enumerate() {
            let first = self.sequences(chunk.len());
            let mut buffer = Vec::with_capacity(chunk.len() * 80);
            for (sequence, request) in (first..).zip(chunk) {
                write(&mut buffer, sequence, request);
            }
            self.send(&buffer)?;
            let mut unanswered = chunk.len();
            self.receive(|message| {
                let place = message.sequence.checked_sub(first).and_then(|place| usize::try_from(place).ok());
                let Some(place) = place.filter(|place| *place < chunk.len()) else {
                    return Ok(Reading::More);
                };
                if take(number * REQUESTS_PER_SEND + place, message.body)? {
                    unanswered = unanswered.saturating_sub(1);
                }
                Ok(if unanswered == 0 { Reading::Finished } else { Reading::More })
            })?;
        }
        Ok(())
    }

    /// Every element of a set. [`GateError::NotLoaded`] if the set is not there.
    pub fn dump(&mut self, set: &str) -> Result<Vec<Element>, GateError> {
        self.dump_as(set, Some)
    }

    /// As [`NetfilterSocket::dump`], of each element only what is wanted.
    pub fn dump_as<T>(
        &mut self,
        set: &str,
        read: impl Fn(Element) -> Option<T>,
    ) -> Result<Vec<T>, GateError> {
        let listed = self.list(
            (MessageKind::nftables(GET_ELEMENT), MessageKind::nftables(NEW_ELEMENT)),
            FAMILY_INET,
            |attrs| element::write_set(attrs, TABLE, set),
            |_, attrs, found: &mut Vec<T>| found.extend(element::read_elements(attrs).filter_map(&read)),
        );
        match listed {
            Err(error) if error.errno() == Some(ENOENT) => Err(GateError::NotLoaded),
            listed => listed,
        }
    }

    /// The number of a table of ours, which the kernel gives to no other after it; `None` if it is not there.
    pub fn table_handle(&mut self, name: &str) -> Result<Option<u64>, GateError> {
        let found = self.list(
            (MessageKind::nftables(GET_TABLE), MessageKind::nftables(NEW_TABLE)),
            FAMILY_INET,
            |_| {},
            |_, attrs, found: &mut Vec<u64>| {
                if attrs.find_kind(TABLE_NAME).is_some_and(|attr| attr.text() == Some(name)) {
                    found.extend(attrs.find_kind(TABLE_HANDLE).and_then(|attr| attr.be64()));
                }
            },
        )?;
        Ok(found.first().copied())
    }

    /// Every object of a kind; `commands` are the question and the answers to it. A listing that a change interrupted is
    /// begun again.
    pub fn list<T>(
        &mut self,
        (question, answer): (MessageKind, MessageKind),
        family: u8,
        write: impl Fn(&mut AttrWriter<'_>),
        read: impl Fn(u8, Attrs<'_>, &mut Vec<T>),
    ) -> Result<Vec<T>, GateError> {
        for _ in 0..DUMP_TRIES {
            let sequence = self.sequences(1);
            let mut buffer = Vec::with_capacity(64);
            message::push(&mut buffer, question, FLAG_DUMP, sequence, family, &write);
            self.send(&buffer)?;
            let mut objects = Vec::new();
            let mut interrupted = false;
            self.receive(|message| {
                if message.sequence != sequence {
                    return Ok(Reading::More);
                }
                interrupted |= message.flags & FLAG_DUMP_INTERRUPTED != 0;
                match message.body {
                    Body::Done | Body::Result(0) => return Ok(Reading::Finished),
                    Body::Result(EINTR) => {
                        interrupted = true;
                        return Ok(Reading::Finished);
                    }
                    Body::Result(errno) => return Err(GateError::refused("list what it holds", errno)),
                    Body::Object { family, .. } => {
                        if let Some(attrs) = message.body.object(answer) {
                            read(family, attrs, &mut objects);
                        }
                    }
                    Body::Other => {}
                }
                Ok(Reading::More)
            })?;
            if !interrupted {
                return Ok(objects);
            }
        }
        Err(GateError::Unsteady)
    }

    /// A batch of other changes than elements: the error number if it did not happen.
    pub fn change(&mut self, messages: &[Change<'_>]) -> Result<Option<i32>, GateError> {
        let begin = self.sequences(messages.len() + 2);
        let mut buffer = Vec::with_capacity(512);
        message::begin_batch(&mut buffer, begin);
        let mut last = begin;
        for change in messages {
            last += 1;
            let kind = MessageKind::nftables(change.command);
            message::push(&mut buffer, kind, FLAG_CREATE | FLAG_ACK, last, FAMILY_INET, change.write);
        }
        message::end_batch(&mut buffer, last + 1);
        self.send(&buffer)?;
        let mut failure = None;
        self.receive(|message| {
            if let Body::Result(errno) = message.body
                && (begin..=last).contains(&message.sequence)
            {
                if errno != 0 {
                    failure = failure.or(Some(errno));
                }
                if message.sequence == last || message.sequence == begin {
                    return Ok(Reading::Finished);
                }
            }
            Ok(Reading::More)
        })?;
        Ok(failure)
    }
}

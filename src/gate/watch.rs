//! Notices that somebody else changed our table: a firewall that restarted, an operator's `nft flush ruleset`.

use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};
use rustix::net::sockopt;

use super::error::GateError;
use super::load::OwnLoads;
use super::names::{DNS_RATE, GARDEN4, GARDEN4_OLD, GARDEN6, GARDEN6_OLD, TABLE};
use super::netlink::attr::Attrs;
use super::netlink::element::{DELETE_ELEMENT, LIST_SET, NEW_ELEMENT};
use super::netlink::message::{Body, FAMILY_INET, Message, Messages, NFTABLES};
use super::netlink::socket::NETLINK_NETFILTER;
use crate::faults::attempt;

/// `NFNLGRP_NFTABLES`.
const GROUP: u32 = 7;
/// Longer than any notification.
const DATAGRAM_BYTES: usize = 256 << 10;
/// What may be queued: a load of the ruleset is some hundred kilobytes as the kernel accounts for it.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// `NFT_MSG_*`.
const NEW_TABLE: u8 = 0;
const DELETE_TABLE: u8 = 2;
const NEW_RULE: u8 = 6;
const DELETE_SET: u8 = 11;
const NEW_GENERATION: u8 = 15;
/// The attribute with the table's name, the same in the messages of all objects.
const TABLE_NAME: u16 = 1;
/// `NFTA_RULE_USERDATA`.
const RULE_USER_DATA: u16 = 7;

const ENOBUFS: i32 = 105;

/// What happened to our table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableNotice {
    /// It was deleted.
    Deleted,
    /// Somebody changed rules, sets or elements of it.
    Changed,
    /// Notices were lost: it may have changed.
    Unknown,
}

/// Waits for changes of our table by others.
pub struct TableWatch {
    socket: TokioSocket,
    transaction: Transaction,
    own_port: u32,
    own_loads: OwnLoads,
}

/// What is known so far of the change that the messages tell of; it ends with the new generation's number.
#[derive(Debug, Default)]
struct Transaction {
    deleted: bool,
    changed: bool,
    ours: bool,
}

impl std::fmt::Debug for TableWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWatch").field("transaction", &self.transaction).finish_non_exhaustive()
    }
}

impl TableWatch {
    /// Listens from here on, in the network namespace of the calling thread; needs a tokio runtime.
    pub(super) fn open(own_port: u32, own_loads: OwnLoads) -> Result<Self, GateError> {
        let mut socket = TokioSocket::new(NETLINK_NETFILTER).map_err(GateError::socket("open"))?;
        socket.socket_mut().bind(&SocketAddr::new(0, 0)).map_err(GateError::socket("bind"))?;
        if sockopt::set_socket_recv_buffer_size_force(socket.socket_ref(), RECEIVE_BUFFER_BYTES).is_err() {
            sockopt::set_socket_recv_buffer_size(socket.socket_ref(), RECEIVE_BUFFER_BYTES)
                .map_err(|error| GateError::socket("set the receive buffer")(error.into()))?;
        }
        socket.socket_mut().add_membership(GROUP).map_err(GateError::socket("join the notices"))?;
        Ok(Self { socket, transaction: Transaction::default(), own_port, own_loads })
    }

    /// Waits until somebody else has changed our table. Our own loads and elements are no news, nor are the garden's
    /// addresses. Safe to cancel.
    pub async fn changed(&mut self) -> Result<TableNotice, GateError> {
        let mut datagram = Vec::with_capacity(DATAGRAM_BYTES);
        loop {
            datagram.clear();
            if attempt("gate.hear").is_err() {
                return Ok(self.lost());
            }
            match self.socket.recv_from(&mut datagram).await {
                Ok(sender) if sender.port_number() != 0 => continue,
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => return Ok(self.lost()),
                Err(error) => return Err(GateError::socket("wait for changes")(error)),
            }
            let mut notice = None;
            for message in Messages::new(&datagram) {
                notice = merge(notice, self.transaction.take(&message, self.own_port, &self.own_loads));
            }
            if let Some(notice) = notice {
                return Ok(notice);
            }
        }
    }

    /// Some notices were lost, perhaps the beginning of the next transaction.
    fn lost(&mut self) -> TableNotice {
        self.transaction = Transaction::default();
        TableNotice::Unknown
    }
}

/// Of two notices in one datagram the later deletion counts, or any change after it.
fn merge(earlier: Option<TableNotice>, later: Option<TableNotice>) -> Option<TableNotice> {
    later.or(earlier)
}

impl Transaction {
    /// Takes one message in; at the end of a change of ours by somebody else, what it was.
    fn take(&mut self, message: &Message<'_>, own_port: u32, own_loads: &OwnLoads) -> Option<TableNotice> {
        let Body::Object { kind, family, attributes } = message.body else { return None };
        if kind.subsystem != NFTABLES {
            return None;
        }
        if kind.command == NEW_GENERATION {
            let ended = std::mem::take(self);
            return match ended {
                Self { ours: true, .. } => None,
                Self { deleted: true, .. } => Some(TableNotice::Deleted),
                Self { changed: true, .. } => Some(TableNotice::Changed),
                Self { .. } => None,
            };
        }
        let attrs = Attrs::new(attributes);
        let is_our_table =
            family == FAMILY_INET && attrs.find_kind(TABLE_NAME).and_then(|name| name.text()) == Some(TABLE);
        if !is_our_table || message.port == own_port {
            return None;
        }
        match kind.command {
            NEW_ELEMENT | DELETE_ELEMENT => {
                let set = attrs.find_kind(LIST_SET).and_then(|name| name.text());
                self.changed |=
                    !matches!(set, Some(GARDEN4 | GARDEN6 | GARDEN4_OLD | GARDEN6_OLD | DNS_RATE));
            }
            NEW_RULE => {
                self.changed = true;
                let label = attrs.find_kind(RULE_USER_DATA);
                self.ours |= label.is_some_and(|label| own_loads.contains(label.payload));
            }
            DELETE_TABLE => self.deleted = true,
            // A table that is made anew after it was deleted.
            NEW_TABLE => {
                self.changed = true;
                self.deleted = false;
            }
            command if command <= DELETE_SET => self.changed = true,
            _ => {}
        }
        None
    }
}

/// Takes in all messages of a datagram, for the fuzz target.
#[cfg(any(test, fuzzing))]
pub(super) fn read_any(bytes: &[u8]) {
    let (mut transaction, own_loads) = (Transaction::default(), OwnLoads::default());
    for message in Messages::new(bytes) {
        let is_end = matches!(message.body, Body::Object { kind, .. } if kind.command == NEW_GENERATION);
        let notice = transaction.take(&message, 1, &own_loads);
        assert!(notice.is_none() || is_end, "nothing is told before a transaction is over");
    }
}

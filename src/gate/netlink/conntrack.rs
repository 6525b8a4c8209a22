//! Conntrack entries, deleted by their mark (`include/uapi/linux/netfilter/nfnetlink_conntrack.h`).

use super::message::{self, CONNTRACK, FAMILY_ANY, FLAG_ACK, MessageKind};
use super::socket::NetfilterSocket;
use crate::gate::error::GateError;

/// `IPCTNL_MSG_CT_DELETE`.
const DELETE: MessageKind = MessageKind { subsystem: CONNTRACK, command: 2 };
/// `CTA_MARK`.
const MARK: u16 = 8;
/// `CTA_MARK_MASK`.
const MARK_MASK: u16 = 21;

const ENOENT: i32 = 2;

impl NetfilterSocket {
    /// Deletes every entry, of both families, whose mark under `mask` is `mark`. None is no error.
    ///
    /// `mark` must not be 0: that would be everybody who has no key.
    pub fn delete_flows(&mut self, mark: u32, mask: u32) -> Result<(), GateError> {
        if mark == 0 || mask == 0 {
            return Err(GateError::Malformed("a mark of 0 is nobody's"));
        }
        let result = self.command("delete connections by mark", |buffer, sequence| {
            message::push(buffer, DELETE, FLAG_ACK, sequence, FAMILY_ANY, |attrs| {
                attrs.be32(MARK, mark).be32(MARK_MASK, mask);
            });
        });
        match result {
            Err(error) if error.errno() == Some(ENOENT) => Ok(()),
            other => other,
        }
    }
}

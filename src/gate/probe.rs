//! What this kernel has, found by trying, and what goes around it.

use super::error::GateError;
use super::kernel::Kernel;
use super::names::TABLE;
use super::netlink::attr::AttrWriter;
use super::netlink::element::{Counter, Element, NEW_ELEMENT, Quota};
use super::netlink::message::{FAMILY_ANY, MessageKind};
use super::netlink::socket::Change;

/// A table that nobody uses; the number of our socket follows, so that two who probe at once have one each. It is deleted when
/// the probe is done.
const PROBE_TABLE: &str = "turnpike_probe_";
const PROBE_SET: &str = "online";

/// `NFT_MSG_*`.
const NEW_TABLE: u8 = 0;
const DELETE_TABLE: u8 = 2;
const NEW_SET: u8 = 9;
const NEW_FLOWTABLE: u8 = 22;
const GET_FLOWTABLE: u8 = 23;
/// `NFTA_TABLE_NAME`, `NFTA_TABLE_FLAGS`.
const TABLE_NAME: u16 = 1;
const TABLE_FLAGS: u16 = 2;
/// `NFT_TABLE_F_OWNER`: the table goes with the socket that made it, however its process dies (kernel 5.12).
const FLAG_OWNER: u32 = 2;
/// `NFTA_SET_*`.
const SET_TABLE: u16 = 1;
const SET_NAME: u16 = 2;
const SET_FLAGS: u16 = 3;
const SET_KEY_TYPE: u16 = 4;
const SET_KEY_LENGTH: u16 = 5;
const SET_ID: u16 = 10;
/// `NFT_SET_TIMEOUT`.
const FLAG_TIMEOUT: u32 = 0x10;
/// nft's own number for the type mark; the kernel only keeps it.
const TYPE_MARK: u32 = 19;
const EPERM: i32 = 1;

/// `NFTA_FLOWTABLE_TABLE` and `NFTA_FLOWTABLE_NAME`.
const FLOWTABLE_TABLE: u16 = 1;
const FLOWTABLE_NAME: u16 = 2;

/// What the kernel can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Tables and sets with timeouts. Without them nothing works.
    pub sets: bool,
    /// Quotas in elements. Without them data limits cannot be enforced.
    pub quota: bool,
    /// Counters in elements. Without them there are no books.
    pub counter: bool,
    /// An element's timeout can be changed in place (kernel 6.12). Without it the element is replaced, which is done anyway.
    pub timeout_update: bool,
    /// Elements can be removed without minding whether they are there (kernel 6.3). Without it removals cost a second batch.
    pub destroy: bool,
}

impl Capabilities {
    /// What is missing and cannot be done without, one sentence each.
    pub fn shortcomings(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.sets {
            missing.push("the kernel has no nf_tables sets with timeouts (kmod-nft-core)".to_owned());
        }
        if !self.quota {
            missing.push(
                "the kernel has no nf_tables quotas (CONFIG_NFT_QUOTA): data limits cannot be enforced"
                    .to_owned(),
            );
        }
        if !self.counter {
            missing.push(
                "the kernel has no nf_tables counters (CONFIG_NFT_COUNTER): usage cannot be read".to_owned(),
            );
        }
        missing
    }
}

impl Kernel {
    pub(super) fn probe(&mut self) -> Result<Capabilities, GateError> {
        let name = format!("{PROBE_TABLE}{}", self.socket.port());
        let table = |attrs: &mut AttrWriter<'_>| {
            attrs.text(TABLE_NAME, &name);
        };
        let owned_table = |attrs: &mut AttrWriter<'_>| {
            attrs.text(TABLE_NAME, &name).be32(TABLE_FLAGS, FLAG_OWNER);
        };
        let set = |attrs: &mut AttrWriter<'_>| {
            attrs
                .text(SET_TABLE, &name)
                .text(SET_NAME, PROBE_SET)
                .be32(SET_FLAGS, FLAG_TIMEOUT)
                .be32(SET_KEY_TYPE, TYPE_MARK)
                .be32(SET_KEY_LENGTH, 4)
                .be32(SET_ID, 1);
        };
        let mut made = Some(EPERM);
        for table in [&owned_table as &dyn Fn(&mut AttrWriter<'_>), &table] {
            if made.is_some() {
                made = self.socket.change(&[
                    Change { command: NEW_TABLE, write: table },
                    Change { command: NEW_SET, write: &set },
                ])?;
            }
        }
        if made == Some(EPERM) {
            return Err(GateError::refused("make a table", EPERM));
        }
        let mut found = Capabilities {
            sets: made.is_none(),
            quota: false,
            counter: false,
            timeout_update: false,
            destroy: self.has_destroy(),
        };
        if found.sets {
            let tried = self.probe_elements(&name, &mut found);
            self.socket.change(&[Change { command: DELETE_TABLE, write: &table }])?;
            tried?;
        }
        Ok(found)
    }

    fn probe_elements(&mut self, table: &str, found: &mut Capabilities) -> Result<(), GateError> {
        let quota = Some(Quota { limit_bytes: 1_000, used_bytes: 1 });
        found.quota = self.probe_add(table, &Element { key: vec![1; 4], quota, ..Element::default() })?;
        let counter = Some(Counter { bytes: 1, packets: 1 });
        found.counter = self.probe_add(table, &Element { key: vec![3; 4], counter, ..Element::default() })?;
        let lasting =
            |timeout_ms| Element { key: vec![2; 4], timeout_ms: Some(timeout_ms), ..Element::default() };
        if self.probe_add(table, &lasting(10_000))? && self.probe_add(table, &lasting(100_000))? {
            let now = self.socket.get_in(table, PROBE_SET, &[vec![2; 4]])?;
            let left = now.into_iter().flatten().next().and_then(|element| element.expires_in_ms);
            found.timeout_update = left.is_some_and(|left| left > 50_000);
        }
        Ok(())
    }

    fn probe_add(&mut self, table: &str, element: &Element) -> Result<bool, GateError> {
        let write = |attrs: &mut AttrWriter<'_>| element.write(attrs, table, PROBE_SET);
        Ok(self.socket.change(&[Change { command: NEW_ELEMENT, write: &write }])?.is_none())
    }

    /// Flow tables of others: their flows pass neither quota nor books nor traffic class.
    pub(super) fn offload_warnings(&mut self) -> Result<Vec<String>, GateError> {
        self.socket.list(
            (MessageKind::nftables(GET_FLOWTABLE), MessageKind::nftables(NEW_FLOWTABLE)),
            FAMILY_ANY,
            |_| {},
            |_, attrs, warnings: &mut Vec<String>| {
                let text = |kind| attrs.find_kind(kind).and_then(|name| name.text()).unwrap_or("?");
                let (table, name) = (text(FLOWTABLE_TABLE), text(FLOWTABLE_NAME));
                if table != TABLE {
                    warnings.push(offload_warning(table, name));
                }
            },
        )
    }
}

fn offload_warning(table: &str, name: &str) -> String {
    format!(
        "flow offload is on (flowtable {name:?} of the nftables table {table:?}): its flows go around limits, books and \
         speeds. Turn it off; on OpenWrt set flow_offloading and flow_offloading_hw to 0 in the defaults section of \
         /etc/config/firewall and restart the firewall"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_is_a_shortcoming() {
        let all =
            Capabilities { sets: true, quota: true, counter: true, timeout_update: false, destroy: false };
        assert!(all.shortcomings().is_empty());
        assert_eq!(Capabilities { sets: false, quota: false, counter: false, ..all }.shortcomings().len(), 3);
    }

    #[test]
    fn a_hostile_name_cannot_break_the_line() {
        assert!(!offload_warning("a\nb", "f").contains('\n'));
    }
}

//! A network of its own for each test: phones, a router, an "internet", all in namespaces.
//!
//! ```text
//!  phones[0] eth0 ─┐
//!  phones[1] eth0 ─┴ br-lan ─┐
//!                            router ─ wan ───── eth0 internet
//!  guests[0] eth0 ── br-guest┘      │
//!                                 office ──── eth0 office
//! ```
//!
//! Everything disappears when the [`Lab`] is dropped, also when the test panics; what a killed test run left behind
//! is removed by the next one.
#![allow(dead_code, unused_imports, reason = "a box of tools: not every tool is in use all the time")]

mod attack;
mod axe;
mod browser;
mod build;
mod crossing;
mod daemon;
mod debian;
mod desk;
mod dhcp;
mod disk;
mod dns;
mod frame;
mod http;
mod ledger;
mod meter;
mod ns;
mod operator;
mod poll;
mod process;
mod random;
mod speed;
mod stolen;
mod tcp;
mod traffic;
mod udp;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

pub use attack::{Attack, Attacker};
pub use browser::Browser;
pub use build::LabBuilder;
pub use crossing::Crossing;
pub use daemon::{Daemon, DaemonConfig, used_bytes};
pub use debian::Debian;
pub use desk::{Desk, hex};
pub use dhcp::{Lease, dhcp, dhcp6_text};
pub use disk::{Disk, Faults};
pub use dns::{DnsAnswer, resolve, resolve6};
pub use frame::{Frame, send_frames};
pub use http::{HttpAnswer, HttpRequest, send_raw};
pub use ledger::{Acts, Till};
pub use meter::{Count, PacketCounter};
pub use ns::{Ns, Output};
pub use operator::{Operator, SCREENS};
pub use poll::{eventually, holds_for};
pub use process::Process;
pub use random::Random;
pub use speed::{Flood, assert_rates, assert_tcp, frame_speeds, mbps, measured, settles, speeds, usual_mbps};
pub use tcp::{TcpServer, Transfer, connect};
pub use traffic::Traffic;
pub use udp::{UdpBlaster, UdpEcho, UdpSink, header_bytes, send_datagrams};

/// The router's address on `br-lan`.
pub const LAN4: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
/// The router's routed address on `br-lan`.
pub const LAN6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1);
/// The router's address on `br-guest`.
pub const GUEST4: Ipv4Addr = Ipv4Addr::new(192, 168, 78, 1);
/// The router's routed address on `br-guest`.
pub const GUEST6: Ipv6Addr = Ipv6Addr::new(0xfd78, 0, 0, 0, 0, 0, 0, 1);
/// The router's address on `wan`.
pub const WAN4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The router's address on `wan`.
pub const WAN6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 2);
/// The host on the internet.
pub const NET4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The host on the internet.
pub const NET6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

/// The router's address on `office`, where the operator's computer is.
pub const OFFICE4: Ipv4Addr = Ipv4Addr::new(192, 168, 79, 1);

/// One test's network.
pub struct Lab {
    /// Devices on `br-lan`.
    pub phones: Vec<Phone>,
    /// Devices on `br-guest`.
    pub guests: Vec<Phone>,
    /// `br-lan`, `br-guest`, `wan`; forwards.
    pub router: Ns,
    /// The far end: [`NET4`], [`NET6`] on `eth0`.
    pub internet: Ns,
    /// The operator's computer, on the router's device `office`, if the test asked for one.
    pub office: Option<Ns>,
    /// The router's dnsmasq, if the test asked for one.
    pub dnsmasq: Option<Process>,
    /// Files of this test; removed with the lab.
    pub dir: tempfile::TempDir,
    /// Its turn among the labs; last, so that it is given away when all else is gone.
    _turn: std::fs::File,
}

/// A device in its own namespace; its interface is `eth0`, its default routes lead to the router.
pub struct Phone {
    ns: Ns,
    /// Its MAC, as the kernel prints it.
    pub mac: String,
    /// Its IPv4 address (with DHCP: once leased).
    pub v4: Ipv4Addr,
    /// Its routed IPv6 address (with DHCP and RA: unspecified; ask [`Ns::addresses`]).
    pub v6: Ipv6Addr,
    /// The bridge port at the router's side.
    pub port: String,
}

impl Deref for Phone {
    type Target = Ns;

    fn deref(&self) -> &Ns {
        &self.ns
    }
}

impl Phone {
    /// Leaves the network and comes back under another MAC, as phones do that make theirs up; its addresses stay.
    /// `mac` remains the one that it began with.
    pub fn change_mac(&self, mac: &str) {
        self.ns.ip(&format!(
            "link set eth0 down\nlink set eth0 address {mac} up\naddress replace {}/64 dev eth0 nodad\n\
             route replace default via {LAN4}\nroute replace default via {LAN6}\n",
            self.v6
        ));
    }
}

impl Lab {
    /// One phone, no guest, addresses set by hand, IPv4 masqueraded.
    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    /// Gives dnsmasq more lines, and starts it again.
    pub fn reconfigure_dnsmasq(&mut self, lines: &str) {
        self.dnsmasq = None;
        build::start_dnsmasq(self, lines);
    }

    /// The usual lab with this many phones on `br-lan`.
    pub fn with_phones(phones: usize) -> Self {
        Self::builder().phones(phones).build()
    }
}

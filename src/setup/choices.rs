use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::{Ipv4Net, Ipv6Net};

use super::answer::DeviceName;
use super::{ADMIN_PORT, Networking};
use crate::domain::{AccountName, Currency, MacAddr, Plan};

/// All that has to be known, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// The configuration file.
    pub config: PathBuf,
    /// Whether one that somebody wrote is replaced.
    pub force: bool,
    /// The device that leads to the Internet.
    pub wan: DeviceName,
    /// The device of the guests' network.
    pub guest: DeviceName,
    /// The router's address there, if it is known.
    pub guest_address: Option<IpAddr>,
    /// What is made; `None` if all is there.
    pub network: Option<GuestNetwork>,
    /// Where the admin pages listen.
    pub listen: Listen,
    /// Devices of the guests' network that are never captive, and reach ssh.
    pub trusted: Vec<MacAddr>,
    /// The port of the ssh server.
    pub ssh_port: u16,
    /// The box's name; empty is the host name.
    pub name: String,
    /// What it counts its money in.
    pub currency: Currency,
    /// The first admin account.
    pub admin: AccountName,
    /// The first plan.
    pub plan: Option<FirstPlan>,
}

/// Where the admin pages listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// On another device.
    On {
        /// Which.
        device: DeviceName,
        /// Its address.
        address: IpAddr,
        /// Whether it leads to the Internet as well.
        is_wan: bool,
    },
    /// On the guests' network, for those who are trusted there.
    Guests(IpAddr),
    /// On the box itself.
    Loopback,
}

impl Listen {
    /// The address and port; `None` is the default.
    pub(super) fn place(&self) -> Option<SocketAddr> {
        match self {
            Self::On { address, .. } | Self::Guests(address) => Some(SocketAddr::new(*address, ADMIN_PORT)),
            Self::Loopback => None,
        }
    }
}

/// What a plain box lacks for guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestNetwork {
    /// Their device.
    pub device: DeviceName,
    /// The bridge, if it has to be made.
    pub bridge: Option<NewBridge>,
    /// The router's address.
    pub v4: Ipv4Net,
    /// The same of IPv6, if there is any.
    pub v6: Option<Ipv6Net>,
    /// The access point, if there is to be one.
    pub wifi: Option<Wifi>,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBridge {
    /// What makes it at boot: ifupdown or systemd-networkd.
    pub by: Networking,
    /// Its cards.
    pub ports: Vec<DeviceName>,
}

/// An access point.
#[derive(Clone, PartialEq, Eq)]
pub struct Wifi {
    /// The card.
    pub device: DeviceName,
    /// The name of the network.
    pub ssid: String,
    /// Its passphrase; open if there is none.
    pub passphrase: Option<String>,
}

impl std::fmt::Debug for Wifi {
    /// A passphrase does not belong in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wifi({} {:?})", self.device, self.ssid)
    }
}

/// What is sold first.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstPlan {
    /// The plan, as it will be.
    pub plan: Plan,
    /// Seconds, as they were asked for.
    pub time_secs: Option<u64>,
    /// MB, as they were asked for.
    pub data_mb: Option<f64>,
    /// The price as it was typed.
    pub price: String,
}

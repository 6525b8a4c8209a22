use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use crate::domain::MacAddr;

/// Files and folders of which it matters whether they are there; files of them are read as well.
pub const PLACES: &[&str] = &[
    super::files::ifupdown::FILE,
    super::files::dnsmasq::FILE,
    super::files::sysctl::FILE,
    super::files::nat::FILE,
    "/etc/dnsmasq.conf",
    "/etc/dnsmasq.d",
    "/etc/machine-id",
    "/etc/network/interfaces",
    "/etc/nftables.conf",
    super::files::nat::COPY,
    "/etc/ufw/ufw.conf",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
    "/etc/systemd/system/multi-user.target.wants/firewalld.service",
    "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
    "/etc/systemd/system/sysinit.target.wants/nftables.service",
    super::plan::EXAMPLE_PLACE,
    "/proc/sys/net/ipv6",
    "/run/NetworkManager",
    "/run/dbus/system_bus_socket",
    "/run/firewalld",
    "/run/systemd/system",
    "/usr/sbin/hostapd",
    "/usr/sbin/ifup",
    "/usr/sbin/sysctl",
    "/usr/lib/systemd/system/dnsmasq.service",
];

/// Folders whose files are read.
pub const FOLDERS: &[&str] = &[
    "/etc/network/interfaces.d",
    "/etc/systemd/network",
    "/run/systemd/network",
    "/usr/lib/systemd/network",
    "/etc/dnsmasq.d",
    "/etc/hostapd",
];

/// What was found on the box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its network devices, but for the loopback.
    pub devices: Vec<Device>,
    /// The devices of the default routes.
    pub default_routes: Vec<String>,
    /// Who called by ssh to set it up, if somebody did.
    pub caller: Option<Caller>,
    /// The name of the host.
    pub host_name: String,
    /// This program, by its absolute path.
    pub program: String,
    /// The configuration file as it is now, if there is one.
    pub config: Option<String>,
    /// The texts of files, by their absolute paths.
    pub files: BTreeMap<PathBuf, String>,
    /// What else is there of [`PLACES`] and in [`FOLDERS`].
    pub exists: BTreeSet<PathBuf>,
    /// The control socket of the daemon that runs.
    pub daemon: Option<PathBuf>,
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Whether it is up and has a carrier.
    pub up: bool,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    /// The device that it is made on, as a VLAN is on a card.
    pub on: Option<String>,
    /// Its addresses, with their prefixes.
    pub addresses: Vec<IpNet>,
}

/// What a network device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A wired card, or what stands for one in a container.
    Card,
    /// A Wi-Fi card.
    Wireless,
    /// A bridge.
    Bridge,
    /// Anything else: VLANs, tunnels.
    Other,
}

/// Who called by ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub address: IpAddr,
    /// The port of the ssh server.
    pub ssh_port: u16,
    /// Over which device.
    pub device: Option<String>,
    /// The caller's MAC, if the caller is on the network of that device.
    pub mac: Option<MacAddr>,
}

/// What sets up the network at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Networking {
    /// Debian's `ifup` and `/etc/network/interfaces`.
    Ifupdown,
    /// systemd-networkd.
    Networkd,
    /// NetworkManager.
    NetworkManager,
    /// None of them.
    Unknown,
}

/// Whose firewall there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Firewall {
    /// None but Debian's `/etc/nftables.conf`.
    Nftables,
    /// ufw.
    Ufw,
    /// firewalld.
    Firewalld,
}

impl Device {
    /// Its IPv4 address that others reach it at, else its IPv6 one.
    pub fn address(&self) -> Option<IpAddr> {
        let all = || self.addresses.iter().map(IpNet::addr).filter(|address| !is_link_local(*address));
        all().find(IpAddr::is_ipv4).or_else(|| all().next())
    }

    /// Whether it is made by a program that runs containers or machines, for them.
    fn is_for_containers(&self) -> bool {
        let is_docker = |rest: &str| rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        ["docker", "virbr", "lxcbr", "lxdbr", "podman", "cni"]
            .iter()
            .any(|start| self.name.starts_with(start))
            || self.name.strip_prefix("br-").is_some_and(is_docker)
    }

    /// Whether people could be on it: a card or bridge of the box itself, with an address.
    pub(super) fn is_network(&self) -> bool {
        let is_one = match self.kind {
            DeviceKind::Card | DeviceKind::Wireless | DeviceKind::Bridge => true,
            DeviceKind::Other => self.name.contains('.'),
        };
        is_one && self.bridge.is_none() && self.address().is_some() && !self.is_for_containers()
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

impl Facts {
    /// The device of that name.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// Whether something is there.
    pub fn has(&self, path: &str) -> bool {
        let path = Path::new(path);
        self.exists.contains(path) || self.files.contains_key(path)
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(Path::new(path)).map(String::as_str)
    }

    /// The files within a folder, with their names.
    pub(super) fn within<'f>(&'f self, folder: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.files.iter().filter_map(move |(path, text)| {
            let name = path.strip_prefix(folder).ok()?.to_str()?;
            Some((name, text.as_str()))
        })
    }

    /// Whether systemd runs here.
    pub fn systemd_runs(&self) -> bool {
        self.has("/run/systemd/system")
    }

    /// Whether there is IPv6.
    pub(super) fn has_ipv6(&self) -> bool {
        self.has("/proc/sys/net/ipv6")
    }

    /// What sets up the network at boot.
    pub fn networking(&self) -> Networking {
        let wanted = "/etc/systemd/system/multi-user.target.wants";
        if self.has("/run/NetworkManager") || self.has(&format!("{wanted}/NetworkManager.service")) {
            Networking::NetworkManager
        } else if self.has(&format!("{wanted}/systemd-networkd.service")) {
            Networking::Networkd
        } else if self.has("/usr/sbin/ifup") && self.has("/etc/network/interfaces") {
            Networking::Ifupdown
        } else {
            Networking::Unknown
        }
    }

    /// Whose firewall there is.
    pub(super) fn firewall(&self) -> Firewall {
        let ufw_is_on = |text: &str| text.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled=yes"));
        if self.text("/etc/ufw/ufw.conf").is_some_and(ufw_is_on) {
            Firewall::Ufw
        } else if self.has("/run/firewalld")
            || self.has("/etc/systemd/system/multi-user.target.wants/firewalld.service")
        {
            Firewall::Firewalld
        } else {
            Firewall::Nftables
        }
    }

    /// What is made on a device, which then is not free, address or not.
    pub(super) fn made_on(&self, device: &str) -> Option<&Device> {
        self.devices.iter().find(|other| other.on.as_deref() == Some(device))
    }

    /// Whether ssh, over which this is done, comes over that device.
    pub(super) fn called_over(&self, device: &str) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.device.as_deref() == Some(device))
    }
}

use std::path::PathBuf;

use ipnet::{Ipv4Net, Ipv6Net};

use super::answer::{self, DeviceName};
use crate::domain::{AccountName, Currency, MacAddr};

/// What was said so far, by flags and by answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wishes {
    /// The configuration file.
    pub config: PathBuf,
    /// Whether a configuration that somebody wrote is replaced.
    pub force: bool,
    /// The device that leads to the Internet.
    pub wan: Option<DeviceName>,
    /// The device of the guests' network.
    pub guest: Option<DeviceName>,
    /// Whether what the box lacks is made: bridge, DHCP, masquerading.
    pub create_network: Option<bool>,
    /// The cards that go into the bridge.
    pub ports: Option<Vec<DeviceName>>,
    /// The router's address on the guests' network.
    pub address: Option<Ipv4Net>,
    /// The same of IPv6.
    pub address6: Option<Ipv6Net>,
    /// The Wi-Fi card that becomes an access point.
    pub wlan: Option<DeviceName>,
    /// The name of its network.
    pub ssid: Option<String>,
    /// Its passphrase; open if there is none.
    pub passphrase: Option<String>,
    /// From where the box is managed.
    pub manage: Option<Manage>,
    /// Devices on the guests' network that are never captive.
    pub trust: Vec<MacAddr>,
    /// The box's name; empty is the host name.
    pub name: Option<String>,
    /// What it counts its money in.
    pub currency: Option<Currency>,
    /// The first admin account.
    pub admin: Option<AccountName>,
    /// The title of the first plan; empty is none.
    pub plan: Option<String>,
    /// How long a session of it is.
    pub plan_time_secs: Option<u64>,
    /// How much it may pass.
    pub plan_data_mb: Option<f64>,
    /// What it costs, as it was typed: what it means depends on the currency.
    pub plan_price: Option<String>,
}

/// From where the box is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manage {
    /// From the network of another device.
    On(DeviceName),
    /// From the guests' network, by devices that are trusted there.
    FromGuests,
    /// From the box itself, as through a tunnel of ssh.
    Loopback,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The device that leads to the Internet.
    Wan,
    /// Whether a network is made.
    CreateNetwork,
    /// The guests' device.
    Guest,
    /// The cards of the bridge.
    Ports,
    /// The address on the guests' network.
    Address,
    /// The same of IPv6.
    Address6,
    /// The Wi-Fi card.
    Wlan,
    /// The name of the Wi-Fi network.
    Ssid,
    /// Its passphrase.
    Passphrase,
    /// From where the box is managed.
    Manage,
    /// The same, by a device's name.
    ManageOn,
    /// A device that is trusted.
    Trust,
    /// The name of the box.
    Name,
    /// The currency.
    Currency,
    /// The first admin.
    Admin,
    /// The first plan.
    Plan,
    /// Its time.
    PlanTime,
    /// Its data.
    PlanData,
    /// Its price.
    PlanPrice,
}

impl Topic {
    /// The flag that answers it.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Wan => "--wan",
            Self::CreateNetwork => "--create-network",
            Self::Guest => "--guest",
            Self::Ports => "--ports",
            Self::Address => "--address",
            Self::Address6 => "--address6",
            Self::Wlan => "--wlan",
            Self::Ssid => "--ssid",
            Self::Passphrase => "--passphrase-file",
            Self::Manage => "--manage, --trust or --admin-on-loopback",
            Self::ManageOn => "--manage",
            Self::Trust => "--trust",
            Self::Name => "--name",
            Self::Currency => "--currency",
            Self::Admin => "--admin",
            Self::Plan => "--plan",
            Self::PlanTime => "--plan-time-secs",
            Self::PlanData => "--plan-data-mb",
            Self::PlanPrice => "--plan-price",
        }
    }
}

impl Wishes {
    /// Takes an answer, typed or of a flag.
    ///
    /// # Errors
    ///
    /// It is none; the text says what one would be.
    pub fn answer(&mut self, topic: Topic, text: &str) -> Result<(), String> {
        match topic {
            Topic::Wan => self.wan = Some(DeviceName::parse(text.trim())?),
            Topic::CreateNetwork => self.create_network = Some(yes_or_no(text)?),
            Topic::Guest => self.guest = Some(DeviceName::parse(text.trim())?),
            Topic::Ports => self.ports = Some(answer::devices(text)?),
            Topic::Address => self.address = Some(answer::address(text)?),
            Topic::Address6 => self.address6 = Some(answer::address6(text)?),
            Topic::Wlan => self.wlan = Some(DeviceName::parse(text.trim())?),
            Topic::Ssid => self.ssid = Some(answer::ssid(text)?),
            Topic::Passphrase => self.passphrase = Some(answer::passphrase(text)?),
            Topic::Manage => self.manage(text.trim())?,
            Topic::ManageOn => self.manage = Some(Manage::On(DeviceName::parse(text)?)),
            Topic::Trust => self.trust.push(answer::mac(text)?),
            Topic::Name => self.name = Some(answer::gateway_name(text)?),
            Topic::Currency => self.currency = Some(answer::currency(text)?),
            Topic::Admin => self.admin = Some(AccountName::parse(text).map_err(|error| error.problem)?),
            Topic::Plan => self.plan = Some(answer::title(text)?),
            Topic::PlanTime => self.plan_time_secs = Some(number(text)?),
            Topic::PlanData => self.plan_data_mb = Some(number(text)?),
            Topic::PlanPrice => self.plan_price = Some(text.trim().to_owned()),
        }
        Ok(())
    }

    /// A device, the MAC of one on the guests' network, or `loopback`.
    fn manage(&mut self, text: &str) -> Result<(), String> {
        if text == "loopback" {
            self.manage = Some(Manage::Loopback);
        } else if let Ok(mac) = answer::mac(text) {
            self.trust.push(mac);
            self.manage = Some(Manage::FromGuests);
        } else {
            self.manage = Some(Manage::On(DeviceName::parse(text)?));
        }
        Ok(())
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("must be yes or no".to_owned()),
    }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| "must be a number".to_owned())
}

//! The configuration file: read, checked, and every mistake reported at once.
//!
//! serde stops at the first mistake and knows no places; here the parsed file, with the place of every value, is walked
//! with typed getters that collect what is wrong.

mod coinslot;
mod dnsmasq;
mod free;
mod guest_log;
mod keys;
mod metric;
mod plugin;
mod ports;
pub mod reference;
mod report;
mod roles;
mod section;
mod site;
mod theme;
mod tls;
mod uci;
mod values;
mod whole;
mod zone;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::{Currency, FreeOffer, GatewayFacts, RolePolicy, Text};
use crate::tls::CertificateFiles;

pub use coinslot::{CoinInput, CoinSlotConfig, GpioBias, GpioInput};
pub use dnsmasq::DnsmasqConfig;
pub use guest_log::GuestLogConfig;
pub use metric::MetricConfig;
pub use plugin::{PluginConfig, RESERVED_PLUGIN_NAMES};
pub use report::{ConfigError, Finding};
pub use theme::ThemeConfig;
use tls::Files;
pub use tls::{AdminTls, SecurePortal, TlsConfig};
pub use uci::{DEFAULT_UCI_PATH, FromUci, made_of_uci};
pub use zone::ZoneConfig;

/// Where the file is unless the command line says otherwise.
pub const DEFAULT_PATH: &str = "/etc/turnpike/turnpike.toml";

/// Where the control socket is unless the file or the command line says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/turnpike/control.sock";

/// The largest file that is read.
const MAX_BYTES: u64 = 1_000_000;

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[network]`.
    pub network: NetworkConfig,
    /// `[[zone]]`, at least one.
    pub zones: Vec<ZoneConfig>,
    /// `[gateway]`.
    pub gateway: GatewayConfig,
    /// `[tls]`.
    pub tls: TlsConfig,
    /// `[dnsmasq]`.
    pub dnsmasq: DnsmasqConfig,
    /// `[admin]`.
    pub admin: AdminConfig,
    /// `[control]`.
    pub control: ControlConfig,
    /// `[store]`.
    pub store: StoreConfig,
    /// `[audit]`.
    pub audit: AuditConfig,
    /// `[guest_log]`.
    pub guest_log: GuestLogConfig,
    /// `[site]`.
    pub site: SiteConfig,
    /// `[authenticators]`.
    pub authenticators: AuthenticatorsConfig,
    /// `[hooks]`.
    pub hooks: HooksConfig,
    /// `[roles.NAME]`: what a role changes, by name.
    pub roles: BTreeMap<String, RolePolicy>,
    /// `[[metric]]`: the operator's own counts.
    pub metrics: Vec<MetricConfig>,
    /// `[[coinslot]]`: coin slots.
    pub coin_slots: Vec<CoinSlotConfig>,
    /// `[free]`: free access, if there is any.
    pub free: Option<FreeOffer>,
    /// `[[plugin]]`: programs that are started with the daemon.
    pub plugins: Vec<PluginConfig>,
    /// `[plugins] socket`: where those connect that run by themselves.
    pub plugin_socket: PathBuf,
    /// What works but is hardly meant; to be logged at start.
    pub warnings: Vec<Finding>,
}

/// `[network]`: the way out, and the bits of the mark that are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The devices that lead to the Internet; empty is the default route's device, whichever that is.
    pub wan: Vec<String>,
    /// The bits of the connection mark that hold the client key; never zero.
    pub mark_mask: u32,
    /// The files in which DHCP servers say what devices call themselves.
    pub lease_files: Vec<PathBuf>,
}

/// `[gateway]`: what the fixed properties say of this box.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayConfig {
    /// Its name; the host name if the file gives none.
    pub name: Text,
    /// Its country; may be empty.
    pub country: Text,
    /// Degrees north; `None` if unset (`nan`).
    pub latitude: Option<f64>,
    /// Degrees east; `None` if unset (`nan`).
    pub longitude: Option<f64>,
}

/// `[admin]`: where API and admin pages listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// The address and port.
    pub listen: SocketAddr,
    /// How it is spoken to.
    pub tls: AdminTls,
    /// The certificate and its key: its own, else those of `[tls]`; `None` is one that is made here.
    pub files: Option<CertificateFiles>,
    /// Whoever does nothing for so long is signed out, in seconds.
    pub idle_sign_out_secs: u64,
    /// Whoever is signed in signs in again after so long in any case, in seconds.
    pub sign_out_secs: u64,
}

/// `[control]`: the Unix socket of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlConfig {
    /// Its path.
    pub socket: PathBuf,
}

/// `[store]`: the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// Its path.
    pub path: PathBuf,
    /// How often the usage of running sessions is written, in seconds: what a power cut may cost.
    pub flush_secs: u64,
    /// For how many days what is over is kept; 0 is for ever.
    pub keep_days: u32,
}

/// `[audit]`: the log of who changed what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// For how many days its lines are kept.
    pub keep_days: u32,
}

/// `[site]`: what the place is like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteConfig {
    /// What it counts its money in.
    pub currency: Currency,
}

/// `[authenticators]`: who is asked before a device is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorsConfig {
    /// These first, in this order; one that is not there has not answered.
    pub order: Vec<String>,
    /// Whether one that does not answer has said no; else it has said nothing.
    pub deny_on_silence: bool,
    /// How long each has to answer.
    pub deadline: Duration,
}

/// `[hooks]`: webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HooksConfig {
    /// A PEM file of authorities that `https` receivers may be vouched for by, beside those that browsers trust.
    pub ca_file: Option<PathBuf>,
}

impl GatewayConfig {
    /// What the sessions manager needs to know of it.
    pub fn facts(&self) -> GatewayFacts {
        GatewayFacts {
            name: self.name.clone(),
            country: self.country.clone(),
            latitude: self.latitude,
            longitude: self.longitude,
        }
    }
}

impl Config {
    /// Reads and checks a file. What lies in other files that it names is the daemon's business.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::open(file, Files::Left)
    }

    /// The same, and looks into the certificates and keys that it names.
    pub fn check(file: &Path) -> Result<Self, ConfigError> {
        Self::open(file, Files::Read)
    }

    fn open(file: &Path, files: Files) -> Result<Self, ConfigError> {
        let unreadable = |problem: String| ConfigError {
            file: file.to_owned(),
            mistakes: vec![Finding { line: None, column: 1, key: String::new(), message: problem }],
        };
        let size = std::fs::metadata(file).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        if size.len() > MAX_BYTES {
            return Err(unreadable(format!("has more than {MAX_BYTES} bytes: not a configuration file")));
        }
        let text =
            std::fs::read_to_string(file).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        whole::parse(&text, file, files)
    }

    /// Checks the text of a file, and looks into the certificates and keys that it names; `file` is for messages only.
    pub fn check_text(text: &str, file: &Path) -> Result<Self, ConfigError> {
        whole::parse(text, file, Files::Read)
    }

    /// Checks the text of a file; `file` is for messages only.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        whole::parse(text, file, Files::Left)
    }
}

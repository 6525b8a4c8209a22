use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use toml::de::DeTable;

use super::report::Report;
use super::section::{Found, Section};
use super::theme::{self, ThemeConfig};
use super::tls::Files;
use super::{site, values};
use crate::domain::{MacAddr, Mbps, OpeningHours, ProviderName, WebUrl, ZoneName, ZonePolicy};

/// The portal's port unless the file says otherwise.
const PORTAL_PORT: u16 = 2050;
/// What the firewall redirects to the portal.
const HTTP_PORT: u16 = 80;

/// How long a device may be gone before its session is paused, unless the file says otherwise.
const AWAY_PAUSE_SECS: u64 = 60;

/// How little is left when an open page says so, unless the file says otherwise.
const NOTICE_SECS: u64 = 300;
const NOTICE_BYTES: u64 = 10_000_000;

/// One `[[zone]]`: a guest network with its portal, speeds and garden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneConfig {
    /// Its name, unique.
    pub name: ZoneName,
    /// Its network devices, at least one; no device is in two zones.
    pub lan: Vec<String>,
    /// Where its portal listens.
    pub portal: SocketAddr,
    /// Where its portal listens for TLS, if it does.
    pub portal_tls: Option<SocketAddr>,
    /// What devices are told to be about the place (RFC 8908).
    pub venue_info_url: Option<WebUrl>,
    /// The whole zone's speed towards its clients.
    pub down: Option<Mbps>,
    /// The whole zone's speed from its clients.
    pub up: Option<Mbps>,
    /// Towards a client whose session has `use_global_speed`.
    pub client_down: Option<Mbps>,
    /// From a client whose session has `use_global_speed`.
    pub client_up: Option<Mbps>,
    /// A device that passes nothing for so long is paused.
    pub idle_timeout_secs: Option<u64>,
    /// A device that has left the network for so long is paused.
    pub away_pause_secs: Option<u64>,
    /// Whether a known device with a usable session is let through as it joins.
    pub auto_connect: bool,
    /// When it lets anybody in.
    pub open: OpeningHours,
    /// Domains, with their subdomains, that are free for all; lower case.
    pub garden_domains: Vec<String>,
    /// Addresses that are free for all; host bits are zero.
    pub garden_addresses: Vec<IpNet>,
    /// Devices that are never captive.
    pub trusted: BTreeSet<MacAddr>,
    /// TCP ports of the router that trusted devices reach, for an operator who has no other network than the guests'.
    pub trusted_ports: BTreeSet<u16>,
    /// Whether devices on one bridge are kept apart.
    pub isolate: bool,
    /// Whether flows begun outside reach connected clients.
    pub inbound: bool,
    /// Its session providers, in the order in which they are asked and shown; `None`: all there are.
    pub providers: Option<Vec<ProviderName>>,
    /// The time left at which an open page says so, in seconds.
    pub notice_secs: Option<u64>,
    /// The data left at which an open page says so.
    pub notice_bytes: Option<u64>,
    /// How its portal looks: `[theme]`, and over it `[zone.theme]`.
    pub theme: ThemeConfig,
}

impl ZoneConfig {
    /// What the sessions manager needs to know of it.
    pub fn policy(&self) -> ZonePolicy {
        ZonePolicy {
            name: self.name.clone(),
            down: self.down,
            up: self.up,
            client_down: self.client_down,
            client_up: self.client_up,
            idle_timeout_secs: self.idle_timeout_secs,
            away_pause_secs: self.away_pause_secs,
            auto_connect: self.auto_connect,
            open: self.open.clone(),
            trusted: self.trusted.clone(),
        }
    }
}

/// A zone as read, with the places that checks across zones point at.
pub(super) struct ReadZone {
    pub(super) config: ZoneConfig,
    pub(super) name_at: usize,
    pub(super) lan_at: Vec<usize>,
    pub(super) portal_at: usize,
    pub(super) portal_tls_at: usize,
    pub(super) trusted_ports: Vec<Found<u16>>,
}

/// Reads one `[[zone]]`; `None` if it has no name, device or portal to go on with (which is reported). `look` is how portals
/// look that do not say it.
pub(super) fn read(
    report: &mut Report<'_>,
    at: usize,
    table: &DeTable<'_>,
    look: &ThemeConfig,
    files: Files,
) -> Option<ReadZone> {
    let mut section = Section::new(report, "zone", at, table);
    let name = section.required("name", "\"guests\"", values::zone_name);
    let lan = read_lan(&mut section);
    let portal = section.read("portal", values::listen);
    let portal_is_wrong = portal.is_none() && table.get("portal").is_some();
    let portal = portal.unwrap_or_else(|| Found {
        value: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), PORTAL_PORT),
        at,
    });
    let portal_tls = section.read("portal_tls", values::listen_if);
    if let Some(Found { value: Some(listen), at }) = portal_tls
        && listen.port() == HTTP_PORT
    {
        section.mistake(at, "portal_tls", "port 80 leads guests without a session to the plain portal");
    }
    let venue_info_url = section.read("venue_info_url", values::web_url_if).and_then(|found| found.value);

    let down = section.read("down_mbps", values::speed).and_then(|found| found.value);
    let up = section.read("up_mbps", values::speed).and_then(|found| found.value);
    let client_down = client_speed(&mut section, "client_down_mbps", "down_mbps", down);
    let client_up = client_speed(&mut section, "client_up_mbps", "up_mbps", up);
    let idle_timeout_secs = section.read("idle_timeout_secs", values::timeout).and_then(|found| found.value);
    let away_pause_secs =
        section.read("away_pause_secs", values::timeout).map_or(Some(AWAY_PAUSE_SECS), |found| found.value);
    let mut flag = |key| section.read(key, values::boolean).is_some_and(|found| found.value);
    let auto_connect = flag("auto_connect");
    let isolate = flag("isolate");
    let inbound = flag("inbound");
    let open = read_hours(&mut section);
    let garden_domains = plain(section.list("garden_domains", values::domain));
    let garden_addresses = read_prefixes(&mut section);
    let providers = site::providers(&mut section);
    let trusted = plain(section.list("trusted", values::mac));
    let trusted_ports = section.list("trusted_ports", values::port);
    if let Some(ports) = trusted_ports.as_ref().filter(|ports| !ports.value.is_empty() && trusted.is_empty())
    {
        section.warning(ports.at, "trusted_ports", "opens nothing to anybody, since no device is trusted");
    }
    let notice_secs =
        section.read("notice_secs", values::timeout).map_or(Some(NOTICE_SECS), |found| found.value);
    let notice_bytes =
        section.read("notice_mb", values::bytes).map_or(Some(NOTICE_BYTES), |found| found.value);
    let theme = section.table("theme");
    section.finish();
    let theme = theme::read(report, "zone.theme", theme, look, files);

    let (name, (lan, lan_at)) = (name?, lan?);
    if portal_is_wrong {
        return None;
    }
    Some(ReadZone {
        config: ZoneConfig {
            name: name.value,
            lan,
            portal: portal.value,
            portal_tls: portal_tls.as_ref().and_then(|found| found.value),
            venue_info_url,
            down,
            up,
            client_down,
            client_up,
            idle_timeout_secs,
            away_pause_secs,
            auto_connect,
            open,
            garden_domains,
            garden_addresses,
            trusted: trusted.into_iter().collect(),
            trusted_ports: trusted_ports
                .iter()
                .flat_map(|found| &found.value)
                .map(|port| port.value)
                .collect(),
            isolate,
            inbound,
            providers,
            notice_secs,
            notice_bytes,
            theme,
        },
        name_at: name.at,
        lan_at,
        portal_at: portal.at,
        portal_tls_at: portal_tls.map_or(at, |found| found.at),
        trusted_ports: trusted_ports.map_or_else(Vec::new, |found| found.value),
    })
}

/// The devices, with their places; `None` if none is left.
fn read_lan(section: &mut Section<'_, '_, '_>) -> Option<(Vec<String>, Vec<usize>)> {
    let Some(found) = section.list("lan", values::device_name) else {
        section.required("lan", "[\"br-lan\"]", |_| Ok(()));
        return None;
    };
    if section.is_empty_list("lan") {
        section.mistake(found.at, "lan", "must name at least one network device, as in [\"br-lan\"]");
    }
    if found.value.is_empty() {
        return None;
    }
    Some(found.value.into_iter().map(|found| (found.value, found.at)).unzip())
}

/// A client's speed; one above the whole zone's is hardly meant.
fn client_speed(
    section: &mut Section<'_, '_, '_>,
    key: &'static str,
    zone_key: &str,
    zone: Option<Mbps>,
) -> Option<Mbps> {
    let found = section.read(key, values::speed)?;
    if let (Some(client), Some(zone)) = (found.value, zone)
        && client > zone
    {
        section.warning(found.at, key, format!("is above the whole zone's {zone_key}, which holds"));
    }
    found.value
}

/// The opening hours; lines that leave nothing out are hardly meant.
fn read_hours(section: &mut Section<'_, '_, '_>) -> OpeningHours {
    let Some(found) = section.list("open", values::opening_line) else { return OpeningHours::default() };
    let (at, count) = (found.at, found.value.len());
    if count > OpeningHours::MOST_LINES {
        section.mistake(at, "open", format!("has at most {} lines, not {count}", OpeningHours::MOST_LINES));
    }
    let hours = OpeningHours::new(plain(Some(found)));
    if count > 0 && hours.is_always() {
        section.warning(at, "open", "leaves no hour out: the zone is always open");
    }
    hours
}

fn read_prefixes(section: &mut Section<'_, '_, '_>) -> Vec<IpNet> {
    let Some(found) = section.list("garden_addresses", values::prefix) else { return Vec::new() };
    for prefix in found.value.iter().filter(|prefix| prefix.value.prefix_len() == 0) {
        section.warning(prefix.at, "garden_addresses", "opens the whole Internet to everyone, uncharged");
    }
    plain(Some(found))
}

fn plain<T>(found: Option<Found<Vec<Found<T>>>>) -> Vec<T> {
    found.map_or_else(Vec::new, |found| found.value.into_iter().map(|item| item.value).collect())
}

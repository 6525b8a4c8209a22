//! The file as a whole: its tables, and the checks across them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::Section;
use super::tls::{Files, admin_tls, read_files};
use super::zone::{self, ReadZone};
use super::{
    AdminConfig, AdminTls, AuditConfig, Config, ConfigError, ControlConfig, DEFAULT_SOCKET, GatewayConfig,
    HooksConfig, NetworkConfig, StoreConfig, ThemeConfig, TlsConfig, coinslot, dnsmasq, free, guest_log,
    metric, plugin, ports, roles, site, theme, tls, values,
};
use crate::domain::{ClientKey, Text, ZONE_MINORS};

const DEFAULT_MASK: u32 = 0xff00_00ff;
const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2051);
const DEFAULT_STORE: &str = "/var/lib/turnpike/turnpike.db";
const DEFAULT_FLUSH_SECS: u64 = 60;
const DEFAULT_KEEP_DAYS: u32 = 90;
const DEFAULT_AUDIT_DAYS: u32 = 365;
const DEFAULT_IDLE_SECS: u64 = 1_800;
const DEFAULT_SIGN_OUT_SECS: u64 = 43_200;
/// A week.
const MAX_SIGNED_IN_SECS: u64 = 604_800;

/// Where DHCP servers keep their leases: Debian's dnsmasq, OpenWrt's dnsmasq, OpenWrt's odhcpd.
const LEASE_FILES: [&str; 3] = ["/var/lib/misc/dnsmasq.leases", "/tmp/dhcp.leases", "/tmp/hosts/odhcpd"];
/// Each is looked at every few seconds.
const MAX_LEASE_FILES: usize = 16;

/// Fewer bits than this hold fewer clients than a busy place has.
const FEW_MASK_BITS: u32 = 8;

/// Every zone has a traffic class of its own above the clients'.
const MAX_ZONES: usize = (u16::MAX - ZONE_MINORS) as usize + 1;

/// Checks the text of a file; every mistake in it is reported.
pub(super) fn parse(text: &str, file: &Path, files: Files) -> Result<Config, ConfigError> {
    let mut report = Report::new(text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        report.broken(error.span(), error.message());
    }
    let at = 0;
    let mut top = Section::new(&mut report, "", at, document.get_ref());
    let network = top.table("network");
    let zones = top.tables("zone");
    let gateway = top.table("gateway");
    let tls = top.table("tls");
    let dnsmasq = top.table("dnsmasq");
    let admin = top.table("admin");
    let control = top.table("control");
    let store = top.table("store");
    let audit = top.table("audit");
    let guest_log = top.table("guest_log");
    let site = top.table("site");
    let authenticators = top.table("authenticators");
    let hooks = top.table("hooks");
    let free = top.table("free");
    let roles = top.named_tables("roles");
    let metrics = top.tables("metric");
    let coin_slots = top.tables("coinslot");
    let plugin_tables = top.tables("plugin");
    let plugin_socket = top.table("plugins");
    let look = top.table("theme");
    top.finish();

    let empty = DeTable::new();
    let or_empty = |table: Option<(usize, _)>| table.unwrap_or((0, &empty));
    let (network, wan_at) = read_network(&mut report, or_empty(network));
    let gateway = read_gateway(&mut report, or_empty(gateway));
    let (tls, tls_at) = tls::read(&mut report, tls, files);
    let dnsmasq = dnsmasq::read(&mut report, or_empty(dnsmasq));
    let (admin, admin_at) = read_admin(&mut report, or_empty(admin), &tls, files);
    let control = read_control(&mut report, or_empty(control));
    let store = read_store(&mut report, or_empty(store));
    let audit = read_audit(&mut report, or_empty(audit));
    let guest_log = guest_log::read(&mut report, or_empty(guest_log));
    let site = site::read(&mut report, or_empty(site));
    let authenticators = site::read_authenticators(&mut report, or_empty(authenticators));
    let hooks = read_hooks(&mut report, or_empty(hooks));
    let free = free.and_then(|table| free::read(&mut report, table));
    let roles = roles::read(&mut report, roles);
    let metrics = metric::read(&mut report, metrics);
    let coin_slots = coinslot::read(&mut report, coin_slots, site.currency);
    let plugins = plugin::read(&mut report, plugin_tables);
    let plugin_socket = plugin::read_socket(&mut report, or_empty(plugin_socket), &control.socket);

    // A `zone` that is no list of tables was reported already.
    let none_written =
        |zone: &toml::Spanned<DeValue<'_>>| zone.get_ref().as_array().is_some_and(|zones| zones.is_empty());
    if document.get_ref().get("zone").is_none_or(none_written) {
        report.missing(None, "zone", "there must be at least one [[zone]], with name and lan");
    }
    if let Some((at, _)) = zones.get(MAX_ZONES) {
        report.mistake(*at, "zone", format!("there can be at most {MAX_ZONES} zones"));
    }
    let look = theme::read(&mut report, "theme", look, &ThemeConfig::default(), files);
    let read: Vec<ReadZone> = zones
        .into_iter()
        .filter_map(|(at, table)| zone::read(&mut report, at, table, &look, files))
        .collect();
    check_names(&mut report, &read);
    check_devices(&mut report, &read, network.wan.iter().zip(wan_at));
    ports::check(&mut report, &read, &admin, admin_at);
    check_tls(&mut report, &read, &tls, tls_at);
    if store.path == control.socket {
        report.missing(None, "store.path", "is the same file as control.socket");
    }

    let warnings = report.finish(file)?;
    let zones = read.into_iter().map(|zone| zone.config).collect();
    Ok(Config {
        network,
        zones,
        gateway,
        tls,
        dnsmasq,
        admin,
        control,
        store,
        audit,
        guest_log,
        site,
        authenticators,
        hooks,
        roles,
        metrics,
        coin_slots,
        free,
        plugins,
        plugin_socket,
        warnings,
    })
}

pub(super) type Table<'t> = (usize, &'t DeTable<'t>);

fn read_network(report: &mut Report<'_>, (at, table): Table<'_>) -> (NetworkConfig, Vec<usize>) {
    let mut section = Section::new(report, "network", at, table);
    let (wan, wan_at) = section
        .list("wan", values::device_name)
        .map(|found| found.value.into_iter().map(|found| (found.value, found.at)).unzip())
        .unwrap_or_default();
    let mask = section.read("mark_mask", values::mask);
    if let Some(mask) = &mask
        && mask.value.count_ones() < FEW_MASK_BITS
    {
        let clients = ClientKey::max_for(mask.value);
        section.warning(mask.at, "mark_mask", format!("holds only {clients} client devices"));
    }
    let lease_files = section.list("lease_files", values::path);
    if let Some(found) = &lease_files
        && found.value.len() > MAX_LEASE_FILES
    {
        section.mistake(found.at, "lease_files", format!("there can be at most {MAX_LEASE_FILES}"));
    }
    section.finish();
    let lease_files = match lease_files {
        Some(found) => found.value.into_iter().map(|found| found.value).collect(),
        None => LEASE_FILES.iter().map(PathBuf::from).collect(),
    };
    let mark_mask = mask.map_or(DEFAULT_MASK, |mask| mask.value);
    (NetworkConfig { wan, mark_mask, lease_files }, wan_at)
}

fn read_gateway(report: &mut Report<'_>, (at, table): Table<'_>) -> GatewayConfig {
    let mut section = Section::new(report, "gateway", at, table);
    let name = section.read("name", values::line).map(|found| found.value).filter(|name| !name.is_empty());
    let country = section.read("country", values::country).map(|found| found.value).unwrap_or_default();
    let latitude = section.read("latitude", values::degrees(90.0)).and_then(|found| found.value);
    let longitude = section.read("longitude", values::degrees(180.0)).and_then(|found| found.value);
    section.finish();
    GatewayConfig { name: name.unwrap_or_else(host_name), country, latitude, longitude }
}

fn read_admin(
    report: &mut Report<'_>,
    (at, table): Table<'_>,
    tls: &TlsConfig,
    files: Files,
) -> (AdminConfig, Option<usize>) {
    let mut section = Section::new(report, "admin", at, table);
    let listen = section.read("listen", values::listen);
    let mode = section.read("tls", admin_tls).map(|found| found.value).unwrap_or_default();
    let own = read_files(&mut section, files).map(|(files, _)| files);
    if let Some(listen) = &listen
        && mode == AdminTls::Off
        && !listen.value.ip().is_loopback()
    {
        section.warning(listen.at, "listen", "tokens and passwords cross the network in the clear");
    }
    let idle = section.read("idle_sign_out_secs", values::secs(60, MAX_SIGNED_IN_SECS));
    let longest = section.read("sign_out_secs", values::secs(60, MAX_SIGNED_IN_SECS));
    section.finish();
    let place = listen.as_ref().map(|listen| listen.at);
    let listen = listen.map_or(DEFAULT_ADMIN, |listen| listen.value);
    let config = AdminConfig {
        listen,
        tls: mode,
        files: own.or_else(|| tls.files.clone()),
        idle_sign_out_secs: idle.map_or(DEFAULT_IDLE_SECS, |secs| secs.value),
        sign_out_secs: longest.map_or(DEFAULT_SIGN_OUT_SECS, |secs| secs.value),
    };
    (config, place)
}

fn read_control(report: &mut Report<'_>, (at, table): Table<'_>) -> ControlConfig {
    let mut section = Section::new(report, "control", at, table);
    let socket = section.read("socket", values::socket_path);
    section.finish();
    ControlConfig { socket: socket.map_or_else(|| PathBuf::from(DEFAULT_SOCKET), |socket| socket.value) }
}

fn read_store(report: &mut Report<'_>, (at, table): Table<'_>) -> StoreConfig {
    let mut section = Section::new(report, "store", at, table);
    let path = section.read("path", values::path);
    let flush_secs = section.read("flush_secs", values::secs(1, 3600));
    let keep_days = section.read("keep_days", values::days(0, 3650));
    section.finish();
    StoreConfig {
        path: path.map_or_else(|| PathBuf::from(DEFAULT_STORE), |path| path.value),
        flush_secs: flush_secs.map_or(DEFAULT_FLUSH_SECS, |secs| secs.value),
        keep_days: keep_days.map_or(DEFAULT_KEEP_DAYS, |days| days.value),
    }
}

fn read_audit(report: &mut Report<'_>, (at, table): Table<'_>) -> AuditConfig {
    let mut section = Section::new(report, "audit", at, table);
    let keep_days = section.read("keep_days", values::days(1, 3650));
    section.finish();
    AuditConfig { keep_days: keep_days.map_or(DEFAULT_AUDIT_DAYS, |days| days.value) }
}

fn read_hooks(report: &mut Report<'_>, (at, table): Table<'_>) -> HooksConfig {
    let mut section = Section::new(report, "hooks", at, table);
    let ca_file = section.read("ca_file", values::path_if).and_then(|found| found.value);
    section.finish();
    HooksConfig { ca_file }
}

fn host_name() -> Text {
    Text::new(&rustix::system::uname().nodename().to_string_lossy())
}

fn check_names(report: &mut Report<'_>, zones: &[ReadZone]) {
    let mut names = BTreeSet::new();
    for zone in zones {
        if !names.insert(&zone.config.name) {
            report.mistake(
                zone.name_at,
                "zone.name",
                format!("there are two zones named {}", zone.config.name),
            );
        }
    }
}

/// A device belongs to one zone, or leads outside, but never both.
fn check_devices<'c>(
    report: &mut Report<'_>,
    zones: &'c [ReadZone],
    wan: impl Iterator<Item = (&'c String, usize)>,
) {
    let mut owner: BTreeMap<&str, String> = BTreeMap::new();
    for (device, at) in wan {
        if owner.insert(device, "network.wan".to_owned()).is_some() {
            report.mistake(at, "network.wan", format!("{device} is named twice"));
        }
    }
    for zone in zones {
        for (device, at) in zone.config.lan.iter().zip(&zone.lan_at) {
            let here = format!("zone {}", zone.config.name);
            match owner.get(device.as_str()) {
                Some(other) if *other == here => {
                    report.mistake(*at, "zone.lan", format!("{device} is named twice"));
                }
                Some(other) => report.mistake(*at, "zone.lan", format!("{device} is in {other} already")),
                None => {
                    owner.insert(device, here);
                }
            }
        }
    }
}

/// A certificate that nobody is shown, and a listener that shows one that nobody believes.
fn check_tls(report: &mut Report<'_>, zones: &[ReadZone], tls: &TlsConfig, tls_at: Option<usize>) {
    let serves_tls = zones.iter().any(|zone| zone.config.portal_tls.is_some());
    if let Some(at) = tls_at.filter(|_| tls.files.is_some() && !serves_tls) {
        report.warning(at, "tls", "no zone has a portal_tls, so guests are shown nothing of it");
    }
    for zone in zones.iter().filter(|zone| zone.config.portal_tls.is_some() && tls.files.is_none()) {
        let text =
            "browsers will warn of the certificate, which is made here: give [tls] certificate and key";
        report.warning(zone.portal_tls_at, "zone.portal_tls", text);
    }
}

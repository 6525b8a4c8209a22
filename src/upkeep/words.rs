use std::collections::BTreeMap;

use crate::config::{Config, GuestLogConfig, ZoneConfig};
use crate::domain::{LocalTime, WallTime};

/// When a change is made, and where.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// By the clock on the wall; `None` while it cannot be believed.
    pub at: Option<WallTime>,
    /// What it shows.
    pub place: &'a dyn LocalTime,
}

impl Moment<'_> {
    /// Whether a zone that is open is closed by its new opening hours now.
    fn closes(&self, before: &ZoneConfig, zone: &ZoneConfig) -> bool {
        let is_open = |zone: &ZoneConfig| self.at.is_none_or(|at| zone.open.at(at, self.place).is_open);
        is_open(before) && !is_open(zone)
    }
}

/// What it means to go from one configuration to another, a sentence each: what an operator must know before.
pub fn changes(old: &Config, new: &Config, now: Moment<'_>) -> Vec<String> {
    let mut texts = zones(&old.zones, &new.zones, now);
    let mut say = |text: String| texts.push(text);
    if old.admin.listen != new.admin.listen {
        let (from, to) = (old.admin.listen, new.admin.listen);
        say(format!(
            "The admin pages move from {from} to {to}: open them there afterwards. Check that you reach that address."
        ));
        if !new.admin.listen.ip().is_loopback() && old.admin.listen.ip().is_loopback() {
            say("Other machines will reach the admin pages and the API, as far as your firewall lets them."
                .to_owned());
        }
        if new.admin.listen.ip().is_loopback() && !old.admin.listen.ip().is_loopback() {
            say("The admin pages and the API will be reached from this machine only.".to_owned());
        }
    }
    if old.admin.tls != new.admin.tls || old.admin.files != new.admin.files {
        say("How the admin pages are encrypted changes: your browser may have to be told to trust another certificate.".to_owned());
    }
    if old.store.path != new.store.path {
        let path = new.store.path.display();
        say(format!(
            "Another database is used: {path}. Devices, sessions, vouchers, accounts and tokens are those that are in it. \
             Everybody has to sign in to the admin pages again, as names and passwords are there."
        ));
    }
    if old.network.mark_mask != new.network.mark_mask {
        say("The bits that mark connections change: connections that stand may have to be made anew."
            .to_owned());
    }
    if old.network.wan != new.network.wan {
        let wan = if new.network.wan.is_empty() {
            "the default route's".to_owned()
        } else {
            new.network.wan.join(", ")
        };
        say(format!("The way to the Internet is looked for on other devices: {wan}."));
    }
    if old.site.currency != new.site.currency {
        let (from, to) = (old.site.currency.code(), new.site.currency.code());
        say(format!("Money is counted in {to} instead of {from}. Amounts are not converted."));
    }
    if old.control.socket != new.control.socket {
        let path = new.control.socket.display();
        say(format!("The command line must be told where the control socket is: --socket {path}."));
    }
    if old.audit.keep_days > new.audit.keep_days {
        say(format!("Lines of the audit log that are older than {} days are deleted.", new.audit.keep_days));
    }
    if keeps_less(old, new) {
        let days = new.store.keep_days;
        say(format!(
            "Sessions that are over for more than {days} days are deleted, and devices that have nothing left."
        ));
    }
    if old.guest_log != new.guest_log {
        say(guest_log(&old.guest_log, &new.guest_log));
    }
    if old.gateway.name != new.gateway.name {
        say(format!("This box is called {}.", new.gateway.name));
    }
    if old.coin_slots != new.coin_slots {
        say("The coin slots change. What is in one that is taken away stays with the guest who put it in."
            .to_owned());
    }
    if old.free != new.free {
        say(match (&old.free, &new.free) {
            (None, Some(_)) => "Free access is given from then on.",
            (Some(_), None) => "No more free access is given; what was given is used up as it was.",
            (Some(_) | None, Some(_) | None) => "Free access changes; what was given is used up as it was.",
        }
        .to_owned());
    }
    if old.plugins != new.plugins {
        say("The programs that are started as plugins change.".to_owned());
    }
    if old.dnsmasq != new.dnsmasq {
        say("What is written for dnsmasq, or what is run for it, changes.".to_owned());
    }
    if old.roles != new.roles {
        say("What roles change is different from then on, also for sessions that run.".to_owned());
    }
    if others(old, new) {
        say("Other keys change as well: look at the lines that differ.".to_owned());
    }
    texts
}

/// Whether what is over is kept for a shorter time; 0 days are for ever.
fn keeps_less(old: &Config, new: &Config) -> bool {
    let days = |config: &Config| config.store.keep_days.checked_sub(1).unwrap_or(u32::MAX);
    days(new) < days(old)
}

fn guest_log(old: &GuestLogConfig, new: &GuestLogConfig) -> String {
    let file = |log: &GuestLogConfig| log.file.clone().map(|file| file.display().to_string());
    match (old.is_on(), new.is_on()) {
        (false, true) => "From then on it is logged which guest has which address when.".to_owned(),
        (true, false) => {
            "It is no longer logged which guest has which address. Files that were written stay until you \
                          remove them."
                .to_owned()
        }
        (true, true) | (false, false) => match (file(old), file(new)) {
            (Some(old), new) if new.as_ref() != Some(&old) => {
                let goes_on = new
                    .map_or_else(|| "is in no file any more".to_owned(), |new| format!("goes on in {new}"));
                format!("The guest log {goes_on}. The files {old}.* stay until you remove them.")
            }
            (Some(_), Some(_)) if new.keep_days < old.keep_days => {
                format!("Files of the guest log that are older than {} days are deleted.", new.keep_days)
            }
            _ if new.connections && !old.connections => {
                "From then on each connection of a guest is logged, too.".to_owned()
            }
            _ => "What is logged of guests, or for how long, changes.".to_owned(),
        },
    }
}

/// Whether something differs that no sentence is about.
fn others(old: &Config, new: &Config) -> bool {
    let mut known = new.clone();
    known.warnings.clone_from(&old.warnings);
    known.zones.retain(|zone| old.zones.iter().any(|before| before.name == zone.name));
    for zone in &mut known.zones {
        let Some(before) = old.zones.iter().find(|before| before.name == zone.name) else { continue };
        *zone = ZoneConfig {
            venue_info_url: zone.venue_info_url.clone(),
            auto_connect: zone.auto_connect,
            garden_domains: zone.garden_domains.clone(),
            garden_addresses: zone.garden_addresses.clone(),
            trusted: zone.trusted.clone(),
            trusted_ports: zone.trusted_ports.clone(),
            providers: zone.providers.clone(),
            notice_secs: zone.notice_secs,
            notice_bytes: zone.notice_bytes,
            theme: zone.theme.clone(),
            ..before.clone()
        };
        // One that is taken away is said, one that comes is not.
        if before.trusted.iter().any(|mac| !zone.trusted.contains(mac)) {
            zone.trusted.clone_from(&before.trusted);
        }
        zone.trusted_ports.clone_from(&before.trusted_ports);
    }
    let mut before = old.clone();
    before.zones.retain(|zone| known.zones.iter().any(|after| after.name == zone.name));
    known.admin.listen = before.admin.listen;
    known.admin.tls = before.admin.tls;
    known.admin.files.clone_from(&before.admin.files);
    known.store.path.clone_from(&before.store.path);
    known.network.mark_mask = before.network.mark_mask;
    known.network.wan.clone_from(&before.network.wan);
    known.site.currency = before.site.currency;
    known.control.clone_from(&before.control);
    if known.audit.keep_days < before.audit.keep_days {
        known.audit.keep_days = before.audit.keep_days;
    }
    if keeps_less(&before, &known) {
        known.store.keep_days = before.store.keep_days;
    }
    known.guest_log.clone_from(&before.guest_log);
    known.gateway.name = before.gateway.name.clone();
    known.coin_slots.clone_from(&before.coin_slots);
    known.free.clone_from(&before.free);
    known.plugins.clone_from(&before.plugins);
    known.dnsmasq.clone_from(&before.dnsmasq);
    known.roles.clone_from(&before.roles);
    known != before
}

/// Who stays online while the service starts anew with another configuration; without one that it came from, nobody knows.
pub fn meanwhile(old: Option<&Config>, new: &Config, now: Moment<'_>) -> &'static str {
    let Some(old) = old else {
        return "The service starts anew, which takes about a second; the kernel enforces all sessions meanwhile.";
    };
    if old.store.path != new.store.path {
        "The service starts anew with that database: whoever has no running session in it is cut off. Whoever stands at a coin \
         slot is waited for, a minute and a half at most."
    } else if a_network_leaves_its_zone(old, new) {
        "The service starts anew, which takes about a second. Whoever is in a network that stays in its zone stays online. \
         Whoever stands at a coin slot is waited for, a minute and a half at most."
    } else if cuts_off(old, new, now) {
        "The service starts anew, which takes about a second. Who is online stays so, but for what is said above. Whoever stands \
         at a coin slot is waited for, a minute and a half at most."
    } else {
        "Everybody stays online: the service starts anew, which takes about a second, and the kernel enforces all sessions \
         meanwhile. Whoever stands at a coin slot is waited for, a minute and a half at most."
    }
}

/// Whether somebody who is online, or a connection that stands, may be cut off by going from one configuration to another.
pub fn cuts_off(old: &Config, new: &Config, now: Moment<'_>) -> bool {
    old.store.path != new.store.path
        || old.network.mark_mask != new.network.mark_mask
        || old.network.wan != new.network.wan
        || a_network_leaves_its_zone(old, new)
        || old.zones.iter().any(|before| {
            // What is not there any more is cut off by the line above.
            new.zones.iter().filter(|zone| zone.name == before.name).any(|zone| {
                before.trusted.iter().any(|mac| !zone.trusted.contains(mac))
                    || before.trusted_ports.iter().any(|port| !zone.trusted_ports.contains(port))
                    || (before.inbound && !zone.inbound)
                    || (zone.isolate && !before.isolate)
                    || now.closes(before, zone)
            })
        })
}

fn a_network_leaves_its_zone(old: &Config, new: &Config) -> bool {
    old.zones.iter().any(|before| {
        let zone = new.zones.iter().find(|zone| zone.name == before.name);
        before.lan.iter().any(|device| zone.is_none_or(|zone| !zone.lan.contains(device)))
    })
}

fn zones(old: &[ZoneConfig], new: &[ZoneConfig], now: Moment<'_>) -> Vec<String> {
    let by_name = |zones: &[ZoneConfig]| -> BTreeMap<String, ZoneConfig> {
        zones.iter().map(|zone| (zone.name.to_string(), zone.clone())).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let mut texts = Vec::new();
    for (name, zone) in &new {
        let Some(before) = old.get(name) else {
            let devices = zone.lan.join(", ");
            texts.push(format!("The zone {name} is added: devices on {devices} meet its portal."));
            continue;
        };
        if before.lan != zone.lan {
            texts.push(format!(
                "The zone {name} is on {} instead of {}.",
                zone.lan.join(", "),
                before.lan.join(", ")
            ));
        }
        if before.portal != zone.portal || before.portal_tls != zone.portal_tls {
            texts.push(format!("The portal of the zone {name} listens elsewhere; guests are led there."));
        }
        let speeds = |zone: &ZoneConfig| (zone.down, zone.up, zone.client_down, zone.client_up);
        if speeds(before) != speeds(zone) {
            texts.push(format!("Speeds of the zone {name} change at once, also for sessions that run."));
        }
        let outs = |zone: &ZoneConfig| (zone.idle_timeout_secs, zone.away_pause_secs);
        if outs(before) != outs(zone) {
            texts.push(format!("When sessions in the zone {name} are paused by themselves changes."));
        }
        if now.closes(before, zone) {
            texts.push(format!(
                "The zone {name} is closed now, by its new opening hours: whoever is online there is paused, and loses \
                 nothing of what is left."
            ));
        } else if before.open != zone.open {
            texts.push(format!("The opening hours of the zone {name} change."));
        }
        if before.inbound != zone.inbound {
            texts.push(if zone.inbound {
                format!("Others may begin connections to devices of the zone {name} that are let through.")
            } else {
                format!("Nobody may begin connections to devices of the zone {name} any more.")
            });
        }
        if before.isolate != zone.isolate {
            texts.push(if zone.isolate {
                format!("Devices of the zone {name} on one bridge do not reach each other any more.")
            } else {
                format!("Devices of the zone {name} on one bridge reach each other.")
            });
        }
        if before.trusted.iter().any(|mac| !zone.trusted.contains(mac)) {
            texts.push(format!("Devices in the zone {name} that are no longer trusted meet the portal."));
        }
        if before.trusted_ports != zone.trusted_ports {
            let ports: Vec<String> = zone.trusted_ports.iter().map(ToString::to_string).collect();
            texts.push(if ports.is_empty() {
                format!(
                    "Trusted devices in the zone {name} reach nothing on this router but the portal any more."
                )
            } else {
                format!(
                    "Trusted devices in the zone {name} reach these ports of this router: {}.",
                    ports.join(", ")
                )
            });
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        texts.push(format!(
            "The zone {name} is removed: its network is no longer Turnpike's, and nothing there is enforced or counted."
        ));
    }
    texts
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const NOW: Moment<'_> = Moment { at: Some(WallTime(1_795_348_800_000)), place: &crate::domain::Utc };

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("t")).unwrap()
    }

    #[test]
    fn what_an_operator_must_know_is_said() {
        let zone =
            |name: &str, more: &str| format!("[[zone]]\nname = \"{name}\"\nlan = [\"br-{name}\"]\n{more}\n");
        let old = config(&zone("guests", ""));
        assert_eq!(changes(&old, &old, NOW), Vec::<String>::new());
        let moved = zone("guests", "down_mbps = 5")
            + &zone("cellar", "portal = \"[::]:2060\"")
            + "[admin]\nlisten = \"10.0.0.1:2052\"\n[store]\npath = \"/tmp/other.db\"\n";
        let texts = changes(&old, &config(&moved), NOW);
        for part in [
            "cellar is added",
            "Speeds of the zone guests",
            "to 10.0.0.1:2052",
            "/tmp/other.db",
            "Other machines",
        ] {
            assert!(texts.iter().any(|text| text.contains(part)), "{part}: {texts:?}");
        }
        let texts = changes(&config(&moved), &old, NOW);
        assert!(texts.iter().any(|text| text.starts_with("The zone cellar is removed")), "{texts:?}");
    }

    #[test]
    fn whatever_else_changes_is_at_least_hinted_at() {
        let zone = "[[zone]]\nname = \"guests\"\nlan = [\"br-guests\"]\n";
        let text = |more: &str| changes(&config(zone), &config(&format!("{zone}{more}")), NOW).join(" ");
        for (more, said) in [
            ("inbound = true", "may begin connections to devices of the zone guests"),
            ("isolate = true", "do not reach each other any more"),
            ("trusted_ports = [22]", "reach these ports of this router: 22"),
            ("[audit]\nkeep_days = 7", "older than 7 days"),
            ("[store]\nkeep_days = 7", "over for more than 7 days"),
            ("[guest_log]\nsyslog = true", "logged which guest has which address"),
        ] {
            let text = text(more);
            assert!(text.contains(said) && !text.contains("Other keys"), "{more}: {text}");
        }
        for more in [
            "auto_connect = true",
            "notice_secs = 60",
            "[audit]\nkeep_days = 999",
            "[store]\nflush_secs = 30",
            "[store]\nkeep_days = 0",
            "[theme]\nname = \"Ours\"",
        ] {
            assert_eq!(text(more), "Other keys change as well: look at the lines that differ.", "{more}");
        }
        let both = text("down_mbps = 5\nauto_connect = true");
        assert!(both.contains("Speeds of the zone") && both.contains("Other keys change"), "{both}");
    }

    fn cuts_off_now(old: &Config, new: &Config) -> bool {
        cuts_off(old, new, NOW)
    }

    #[test]
    fn who_is_online_is_cut_off_if_it_is_closed_now() {
        let zone = |open: &str| {
            config(&format!("[[zone]]\nname = \"guests\"\nlan = [\"br-guests\"]\nopen = {open}\n"))
        };
        // It is a Sunday, at noon.
        let (always, weekdays, sundays) =
            (zone("[]"), zone("[\"mon-fri 07:00-22:00\"]"), zone("[\"sun 08:00-16:00\"]"));
        let said = |old: &Config, new: &Config| changes(old, new, NOW).join(" ");
        assert!(said(&always, &weekdays).contains("is closed now") && cuts_off_now(&always, &weekdays));
        assert!(said(&sundays, &weekdays).contains("loses nothing") && cuts_off_now(&sundays, &weekdays));
        for (old, new) in [(&always, &sundays), (&weekdays, &sundays), (&weekdays, &always)] {
            assert_eq!(said(old, new), "The opening hours of the zone guests change.");
            assert!(!cuts_off_now(old, new));
        }
        let unknown = Moment { at: None, ..NOW };
        assert!(!cuts_off(&always, &weekdays, unknown), "all are open then");
    }

    #[test]
    fn who_stays_online_is_said_as_it_is() {
        let config = |lan: &str, more: &str| {
            config(&format!("[[zone]]\nname = \"guests\"\nlan = [\"{lan}\"]\n{more}"))
        };
        let old = config("br-a", "");
        let said = |new: &Config| meanwhile(Some(&old), new, NOW);
        assert!(said(&config("br-a", "down_mbps = 5")).starts_with("Everybody stays online"));
        assert!(said(&config("br-b", "")).contains("that stays in its zone"));
        assert!(!cuts_off_now(&old, &config("br-a", "down_mbps = 5")));
        let cellar = "[[zone]]\nname = \"cellar\"\nlan = [\"br-c\"]\nportal = \"[::]:2060\"\n";
        assert!(!cuts_off_now(&old, &config("br-a", cellar)) && cuts_off_now(&config("br-a", cellar), &old));
        assert!(cuts_off_now(&old, &config("br-b", "")));
        assert!(cuts_off_now(&old, &config("br-a", "isolate = true")));
        assert!(
            cuts_off_now(&config("br-a", "inbound = true"), &old)
                && !cuts_off_now(&old, &config("br-a", "inbound = true"))
        );
        assert!(cuts_off_now(&old, &config("br-a", "[network]\nwan = [\"eth9\"]")));
        assert!(said(&config("br-a", "[store]\npath = \"/tmp/b.db\"")).contains("in it is cut off"));
        assert!(!meanwhile(None, &old, NOW).contains("Everybody"));
    }
}

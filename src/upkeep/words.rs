use std::collections::BTreeMap;

use crate::config::{Config, ZoneConfig};

/// What it means to go from one configuration to another, a sentence each: what an operator must know before.
pub fn changes(old: &Config, new: &Config) -> Vec<String> {
    let mut texts = zones(&old.zones, &new.zones);
    let mut say = |text: String| texts.push(text);
    if old.admin.listen != new.admin.listen {
        let (from, to) = (old.admin.listen, new.admin.listen);
        say(format!(
            "These pages move from {from} to {to}: open them there afterwards. Check that you reach that address."
        ));
        if !new.admin.listen.ip().is_loopback() && old.admin.listen.ip().is_loopback() {
            say("Other machines will reach these pages and the API, as far as your firewall lets them."
                .to_owned());
        }
        if new.admin.listen.ip().is_loopback() && !old.admin.listen.ip().is_loopback() {
            say("These pages and the API will be reached from this machine only.".to_owned());
        }
    }
    if old.admin.tls != new.admin.tls || old.admin.files != new.admin.files {
        say("How these pages are encrypted changes: your browser may have to be told to trust another certificate.".to_owned());
    }
    if old.store.path != new.store.path {
        let path = new.store.path.display();
        say(format!(
            "Another database is used: {path}. Devices, sessions, vouchers and accounts are those that are in it."
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
    if old.gateway.name != new.gateway.name {
        say(format!("This box is called {}.", new.gateway.name));
    }
    if old.plugins != new.plugins {
        say("The programs that are started as plugins change.".to_owned());
    }
    if old.roles != new.roles {
        say("What roles change is different from then on, also for sessions that run.".to_owned());
    }
    texts
}

fn zones(old: &[ZoneConfig], new: &[ZoneConfig]) -> Vec<String> {
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
        if before.trusted.iter().any(|mac| !zone.trusted.contains(mac)) {
            texts.push(format!("Devices in the zone {name} that are no longer trusted meet the portal."));
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

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("t")).unwrap()
    }

    #[test]
    fn what_an_operator_must_know_is_said() {
        let zone =
            |name: &str, more: &str| format!("[[zone]]\nname = \"{name}\"\nlan = [\"br-{name}\"]\n{more}\n");
        let old = config(&zone("guests", ""));
        assert_eq!(changes(&old, &old), Vec::<String>::new());
        let moved = zone("guests", "down_mbps = 5")
            + &zone("cellar", "portal = \"[::]:2060\"")
            + "[admin]\nlisten = \"10.0.0.1:2052\"\n[store]\npath = \"/tmp/other.db\"\n";
        let texts = changes(&old, &config(&moved));
        for part in [
            "cellar is added",
            "Speeds of the zone guests",
            "to 10.0.0.1:2052",
            "/tmp/other.db",
            "Other machines",
        ] {
            assert!(texts.iter().any(|text| text.contains(part)), "{part}: {texts:?}");
        }
        let texts = changes(&config(&moved), &old);
        assert!(texts.iter().any(|text| text.starts_with("The zone cellar is removed")), "{texts:?}");
    }
}

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::config::{Config, SecurePortal, ZoneConfig};
use crate::domain::GARDEN_TTL_SECS;

/// The first line of a file that is ours. One that begins with another is somebody else's and is left alone.
pub const HEAD: &str = "# Written by turnpike from its configuration. What is changed here is lost.";

/// The whole file. `has_nftset` is whether that dnsmasq can fill sets of nftables; one that cannot would refuse the file.
pub fn fragment(config: &Config, has_nftset: bool) -> String {
    let mut text = format!("{HEAD}\n");
    let domains: BTreeSet<&str> =
        config.zones.iter().flat_map(|zone| zone.garden_domains.iter().map(String::as_str)).collect();
    // Writing to a string does not fail.
    if !domains.is_empty() && has_nftset {
        let _ = writeln!(text, "# The walled garden: addresses of these names go into turnpike's sets.");
        for domain in domains {
            let _ = writeln!(text, "nftset=/{domain}/4#inet#turnpike#garden4,6#inet#turnpike#garden6");
        }
        let _ = writeln!(
            text,
            "# Nobody may use an answer for longer than its address stays in a set, and an answer from the cache does not\n\
             # put it there again.\nmax-ttl={GARDEN_TTL_SECS}\nmax-cache-ttl={GARDEN_TTL_SECS}"
        );
    }
    for zone in &config.zones {
        if let Ok(portal) = config.secure_portal(zone) {
            text.push_str(&portal_lines(config, zone, &portal));
        }
    }
    text
}

/// What tells phones of a zone's portal, and leads its name there.
pub fn portal_lines(config: &Config, zone: &ZoneConfig, portal: &SecurePortal) -> String {
    let (uri, name) = (portal.api(), &zone.name);
    let mut text = format!("# Zone {name}: DHCPv4 option 114 and DHCPv6 option 103 of RFC 8910.\n");
    for device in devices(zone) {
        let _ = writeln!(text, "dhcp-option-force=tag:{device},114,{uri}");
        let _ = writeln!(text, "dhcp-option=tag:{device},option6:103,{uri}");
    }
    let _ = writeln!(
        text,
        "# The name leads guests to the portal, each to the address on their own network.\nlocalise-queries"
    );
    text.push_str(&portal_name(config, zone, portal));
    text
}

/// How dnsmasq leads the name to the portal: by the device, so that no address is written twice.
///
/// Of several networks it tells each guest's from the others for IPv4 only (`localise-queries`), and the portal of another
/// zone is shut to them: then the name has no IPv6 address.
pub fn portal_name(config: &Config, zone: &ZoneConfig, portal: &SecurePortal) -> String {
    let host = &portal.host;
    let networks = config
        .zones
        .iter()
        .filter(|zone| config.secure_portal(zone).is_ok())
        .map(|zone| zone.lan.len())
        .sum::<usize>();
    let by_device = |family: &str| {
        devices(zone).map(|device| format!("interface-name={host},{device}{family}\n")).collect::<String>()
    };
    // What it has no address for is no business of other name servers', who may say that there is no such name.
    let own = format!("local=/{host}/\n");
    let leads = match zone.portal_tls.map(|listen| listen.ip()) {
        Some(address) if !address.is_unspecified() => format!("host-record={host},{address}\n"),
        Some(IpAddr::V4(_)) => by_device("/4"),
        Some(IpAddr::V6(_)) | None if networks > 1 => by_device("/4"),
        Some(IpAddr::V6(_)) | None => by_device(""),
    };
    own + &leads
}

/// The zone's devices whose names dnsmasq takes as they are. The firewall takes no others, either.
fn devices(zone: &ZoneConfig) -> impl Iterator<Item = &String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
    zone.lan.iter().filter(move |device| device.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TLS: &str =
        "[tls]\ncertificate = \"/etc/a.pem\"\nkey = \"/etc/a.key\"\nhost = \"portal.example.net\"\n";

    fn written(text: &str, has_nftset: bool) -> String {
        fragment(&Config::parse(text, Path::new("turnpike.toml")).unwrap(), has_nftset)
    }

    #[test]
    fn each_domain_fills_both_sets_once_and_answers_are_not_kept_for_long() {
        let text = written(
            "[[zone]]\nname = \"a\"\nlan = [\"br-lan\"]\ngarden_domains = [\"pay.example\", \"Bank.example.\"]\n\
             [[zone]]\nname = \"b\"\nlan = [\"br-guest\"]\nportal = \"[::]:2060\"\ngarden_domains = [\"pay.example\"]\n",
            true,
        );
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "nftset=/bank.example/4#inet#turnpike#garden4,6#inet#turnpike#garden6",
                "nftset=/pay.example/4#inet#turnpike#garden4,6#inet#turnpike#garden6",
                "max-ttl=1200",
                "max-cache-ttl=1200",
            ]
        );
        assert!(text.starts_with(HEAD));
    }

    #[test]
    fn a_dnsmasq_without_nftset_is_told_nothing_that_it_refuses() {
        let zone = "[[zone]]\nname = \"a\"\nlan = [\"br-lan\"]\ngarden_domains = [\"pay.example\"]\n";
        assert_eq!(written(zone, false), format!("{HEAD}\n"));
    }

    #[test]
    fn a_name_leads_to_both_families_on_one_network_and_to_each_own_on_several() {
        let one = "[[zone]]\nname = \"a\"\nlan = [\"br-lan\"]\nportal_tls = \"[::]:2443\"\n";
        let text = written(&format!("{one}{TLS}"), true);
        assert!(text.contains("interface-name=portal.example.net,br-lan\n"), "{text}");
        assert!(!text.contains("max-ttl"), "no garden, no bound: {text}");
        let two = format!(
            "{one}[[zone]]\nname = \"b\"\nlan = [\"br-guest\"]\nportal = \"[::]:2060\"\nportal_tls = \"[::]:2444\"\n{TLS}"
        );
        let text = written(&two, true);
        for line in [
            "interface-name=portal.example.net,br-lan/4",
            "interface-name=portal.example.net,br-guest/4",
            "dhcp-option-force=tag:br-guest,114,https://portal.example.net:2444/capport",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn hostile_names_add_no_line() {
        for domain in [
            "a.example\\ndhcp-script=/tmp/x",
            "a.example/#x",
            "a example",
            "a,b.example",
            "#",
            "a\\u2028b.example",
            "",
        ] {
            let text =
                format!("[[zone]]\nname = \"a\"\nlan = [\"br-lan\"]\ngarden_domains = [\"{domain}\"]\n");
            assert!(Config::parse(&text, Path::new("turnpike.toml")).is_err(), "{domain:?} is taken");
        }
    }
}

//! What a DHCP server is to tell guests' devices of the portal (RFC 8910).

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::{Failure, complain, say};
use crate::config::{Config, DEFAULT_PATH, SecurePortal, ZoneConfig};
use crate::dnsmasq::{portal_lines, portal_name};

/// Whose configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// dnsmasq: DHCPv4, DHCPv6, DNS
    Dnsmasq,
    /// OpenWrt's /etc/config/dhcp: dnsmasq and odhcpd
    Odhcpd,
    /// radvd: router advertisements
    Radvd,
    /// Kea: DHCPv4, DHCPv6
    Kea,
}

/// `turnpike dhcp-options`.
#[derive(Debug, Args)]
pub struct DhcpOptions {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// For which server
    #[arg(long, value_name = "SERVER", default_value = "dnsmasq")]
    format: Format,
    /// One zone; all of them if left out
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
}

impl DhcpOptions {
    pub(super) fn print(&self) -> Result<(), Failure> {
        let config = Config::load(&self.config).map_err(|error| Failure(error.to_string()))?;
        let is_meant = |zone: &&ZoneConfig| self.zone.as_ref().is_none_or(|name| zone.name.as_str() == name);
        let zones: Vec<&ZoneConfig> = config.zones.iter().filter(is_meant).collect();
        if let (Some(name), []) = (&self.zone, zones.as_slice()) {
            return Err(Failure(format!("there is no zone named {name:?}")));
        }
        let (mut text, mut refused) = (String::new(), Vec::new());
        for zone in zones {
            match config.secure_portal(zone) {
                Ok(portal) => text.push_str(&lines(self.format, &config, zone, &portal)),
                Err(why) => refused.push(format!("zone {}: {why}", zone.name)),
            }
        }
        if text.is_empty() {
            // An iPhone that is told of a portal whose certificate it does not believe stays without one.
            let why = refused.join("; ");
            return Err(Failure(format!("phones cannot be told of the portal by DHCP: {why}")));
        }
        for why in refused {
            complain(&Failure(format!("{why} (left out)")));
        }
        say(&text)
    }
}

/// The lines for one zone.
fn lines(format: Format, config: &Config, zone: &ZoneConfig, portal: &SecurePortal) -> String {
    let (uri, name) = (portal.api(), &zone.name);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match format {
        Format::Dnsmasq => write!(text, "{}", portal_lines(config, zone, portal)),
        Format::Odhcpd => {
            let devices = zone.lan.join(", ");
            let _ = writeln!(
                text,
                "# Zone {name}: in /etc/config/dhcp, in the section of the interface on {devices}."
            );
            let _ = writeln!(
                text,
                "# DHCPv4 by dnsmasq; DHCPv6 and router advertisements by an odhcpd that knows the option."
            );
            let _ =
                writeln!(text, "\tlist dhcp_option_force '114,{uri}'\n\toption captive_portal_uri '{uri}'");
            write!(text, "# And in /etc/dnsmasq.conf:\n{}", commented(&portal_name(config, zone, portal)))
        }
        Format::Radvd => {
            let _ = writeln!(
                text,
                "# Zone {name}: option 37 of RFC 8910, in the block of each interface; radvd 2.20 or newer."
            );
            for device in &zone.lan {
                let _ = writeln!(text, "interface {device} {{\n    AdvCaptivePortalAPI \"{uri}\";\n}};");
            }
            write!(
                text,
                "# The name must lead guests to the portal, with dnsmasq by\n{}",
                commented(&portal_name(config, zone, portal))
            )
        }
        Format::Kea => {
            let devices = zone.lan.join(", ");
            let _ = writeln!(text, "// Zone {name}: in the subnets of {devices} of kea-dhcp4");
            let _ = writeln!(
                text,
                "\"option-data\": [ {{ \"name\": \"v4-captive-portal\", \"data\": \"{uri}\", \"always-send\": true }} ]"
            );
            let _ = writeln!(text, "// and of kea-dhcp6");
            writeln!(text, "\"option-data\": [ {{ \"name\": \"v6-captive-portal\", \"data\": \"{uri}\" }} ]")
        }
    };
    text
}

fn commented(lines: &str) -> String {
    lines.lines().map(|line| format!("# {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn printed(format: Format, listen: &str) -> String {
        let text = format!(
            "[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\nportal_tls = \"{listen}\"\n[tls]\n\
             certificate = \"/etc/a.pem\"\nkey = \"/etc/a.key\"\nhost = \"portal.example.net\"\n"
        );
        let config = Config::parse(&text, Path::new("turnpike.toml")).unwrap();
        let zone = &config.zones[0];
        lines(format, &config, zone, &config.secure_portal(zone).unwrap())
    }

    #[test]
    fn every_server_is_told_the_same() {
        let uri = "https://portal.example.net:2443/capport";
        let dnsmasq = printed(Format::Dnsmasq, "[::]:2443");
        for line in [
            format!("dhcp-option-force=tag:br-lan,114,{uri}"),
            format!("dhcp-option=tag:br-lan,option6:103,{uri}"),
            "interface-name=portal.example.net,br-lan".to_owned(),
        ] {
            assert!(dnsmasq.lines().any(|written| written == line), "{line} in\n{dnsmasq}");
        }
        assert!(printed(Format::Odhcpd, "[::]:2443").contains(&format!("option captive_portal_uri '{uri}'")));
        assert!(printed(Format::Radvd, "[::]:2443").contains(&format!("AdvCaptivePortalAPI \"{uri}\";")));
        let kea = printed(Format::Kea, "[::]:2443");
        assert_eq!(kea.matches(uri).count(), 2, "{kea}");
        // The usual port is not written, and a listener on one address has that one.
        let one = printed(Format::Dnsmasq, "192.0.2.1:443");
        assert!(one.contains("114,https://portal.example.net/capport\n"), "{one}");
        assert!(one.contains("host-record=portal.example.net,192.0.2.1\n"), "{one}");
        assert!(
            printed(Format::Dnsmasq, "0.0.0.0:2443").contains("interface-name=portal.example.net,br-lan/4\n")
        );
    }
}

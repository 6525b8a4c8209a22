//! The configuration, only what differs from the defaults.

use std::fmt::Write as _;

use super::{Choices, Listen, NewFile, Owner};

/// The name of the zone.
pub(super) const ZONE: &str = "guests";

/// The file.
pub(super) fn file(choices: &Choices) -> NewFile {
    NewFile {
        path: choices.config.clone(),
        text: text(choices),
        mode: 0o640,
        owner: Owner::Daemon,
        secret: None,
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn text(choices: &Choices) -> String {
    let mut text = format!(
        "# Written by \"turnpike setup\": only what differs from the defaults. Every key with its default is in\n\
         # /usr/share/doc/turnpike/examples/turnpike.toml; \"turnpike check-config\" reports every mistake.\n\
         \n\
         [network]\n\
         # The device that leads to the Internet.\n\
         wan = [{}]\n\
         \n\
         [[zone]]\n\
         name = {}\n\
         # The guests' network.\n\
         lan = [{}]\n",
        quoted(choices.wan.as_str()),
        quoted(ZONE),
        quoted(choices.guest.as_str()),
    );
    // Writing to a string does not fail, here and below.
    if !choices.trusted.is_empty() {
        let macs: Vec<String> = choices.trusted.iter().map(|mac| quoted(&mac.to_string())).collect();
        let ports = match choices.listen {
            Listen::Guests(_) => format!("{}, {}", choices.ssh_port, super::ADMIN_PORT),
            Listen::On { .. } | Listen::Loopback => choices.ssh_port.to_string(),
        };
        let what = match choices.listen {
            Listen::Guests(_) => "ssh and the admin pages",
            Listen::On { .. } | Listen::Loopback => "ssh",
        };
        let _ = write!(
            text,
            "# Devices of whoever looks after this box: never captive, and they reach {what} on it.\n\
             trusted = [{}]\n\
             trusted_ports = [{ports}]\n",
            macs.join(", ")
        );
    }
    // Where systemd does not run, or dnsmasq is somebody else's, nobody looks at it.
    text.push_str(
        "\n[dnsmasq]\n# Systemd has dnsmasq fill the walled garden again when this is written.\n\
         refill_file = \"/run/turnpike/refill\"\n",
    );
    if !choices.name.is_empty() {
        let _ = write!(text, "\n[gateway]\nname = {}\n", quoted(&choices.name));
    }
    if let Some(code) = choices.currency.named() {
        let _ = write!(text, "\n[site]\ncurrency = {}\n", quoted(code));
    }
    if let Some(place) = choices.listen.place() {
        let (why, tls) = match &choices.listen {
            Listen::Guests(_) => {
                ("For the trusted devices on the guests' network; no other guest gets there.", true)
            }
            Listen::On { is_wan: true, .. } => {
                ("On the network that leads to the Internet: a private one.", true)
            }
            Listen::On { .. } | Listen::Loopback => ("On a network where no guest is.", false),
        };
        let _ = write!(text, "\n[admin]\n# {why}\nlisten = {}\n", quoted(&place.to_string()));
        if tls {
            text.push_str("# Passwords do not cross it in the clear.\ntls = \"required\"\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::domain::Currency;
    use crate::setup::sample::{choices, device};

    #[test]
    fn a_box_with_one_network_is_managed_from_it() {
        let mut choices = choices();
        choices.name = "Café \"Zum Hafen\" \\o/".to_owned();
        choices.currency = Currency::parse("EUR").unwrap();
        choices.trusted = vec!["02:00:5e:00:53:01".parse().unwrap()];
        choices.ssh_port = 2222;
        choices.listen = Listen::Guests([192, 168, 77, 1].into());
        let text = file(&choices).text;
        assert_eq!(
            text,
            r#"# Written by "turnpike setup": only what differs from the defaults. Every key with its default is in
# /usr/share/doc/turnpike/examples/turnpike.toml; "turnpike check-config" reports every mistake.

[network]
# The device that leads to the Internet.
wan = ["eth0"]

[[zone]]
name = "guests"
# The guests' network.
lan = ["br-guest"]
# Devices of whoever looks after this box: never captive, and they reach ssh and the admin pages on it.
trusted = ["02:00:5e:00:53:01"]
trusted_ports = [2222, 2051]

[dnsmasq]
# Systemd has dnsmasq fill the walled garden again when this is written.
refill_file = "/run/turnpike/refill"

[gateway]
name = 'Café "Zum Hafen" \o/'

[site]
currency = "EUR"

[admin]
# For the trusted devices on the guests' network; no other guest gets there.
listen = "192.168.77.1:2051"
# Passwords do not cross it in the clear.
tls = "required"
"#
        );
    }

    #[test]
    fn what_is_the_default_is_not_written() {
        let text = file(&choices()).text;
        assert!(text.ends_with("refill_file = \"/run/turnpike/refill\"\n"), "{text}");
        let config = Config::parse(&text, Path::new("t")).unwrap();
        assert_eq!(config.network.wan, ["eth0"]);
        assert!(config.admin.listen.ip().is_loopback());
    }

    #[test]
    fn another_network_has_the_admin_pages() {
        let mut choices = choices();
        let on = |is_wan| Listen::On { device: device("eth2"), address: "fd00::7".parse().unwrap(), is_wan };
        choices.listen = on(false);
        let text = file(&choices).text;
        assert!(
            text.ends_with("[admin]\n# On a network where no guest is.\nlisten = \"[fd00::7]:2051\"\n"),
            "{text}"
        );
        choices.listen = on(true);
        assert!(file(&choices).text.ends_with("tls = \"required\"\n"));
    }
}

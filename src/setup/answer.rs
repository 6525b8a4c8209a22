//! Single answers, read by the checks that the configuration and the domain have.

use std::path::Path;

use ipnet::{Ipv4Net, Ipv6Net};

use crate::config::Config;
use crate::domain::{Currency, MacAddr};

/// The name of a network device, as the configuration takes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceName(String);

impl DeviceName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// The kernel has no device of such a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let list = toml::Value::Array(vec![toml::Value::from(text)]);
        as_configured("network", "wan", &list)?;
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it means nothing but itself in the configuration files of Debian, some of which are read by a shell.
    pub fn is_plain(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        self.0.bytes().all(plain) && !self.0.starts_with('-')
    }
}

impl std::fmt::Display for DeviceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Puts one value into a configuration that is right otherwise, and hands back what is said of it.
fn as_configured(table: &str, key: &str, value: &toml::Value) -> Result<(), String> {
    let text =
        format!("[{table}]\n{key} = {value}\n[[zone]]\nname = \"guests\"\nlan = [\"turnpike-setup\"]\n");
    match Config::parse(&text, Path::new("an answer")) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.mistakes.into_iter().next().map_or_else(String::new, |first| first.message)),
    }
}

/// The box's name; empty is the host name.
pub(super) fn gateway_name(text: &str) -> Result<String, String> {
    as_configured("gateway", "name", &toml::Value::from(text))?;
    Ok(text.trim().to_owned())
}

/// Three letters; empty is none.
pub(super) fn currency(text: &str) -> Result<Currency, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Currency::default());
    }
    Currency::parse(&text.to_ascii_uppercase()).map_err(|error| error.to_string())
}

/// Names of devices with commas between them; empty is none.
pub(super) fn devices(text: &str) -> Result<Vec<DeviceName>, String> {
    let mut names = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let name = DeviceName::parse(name)?;
        if names.contains(&name) {
            return Err(format!("{name} is named twice"));
        }
        names.push(name);
    }
    Ok(names)
}

/// A MAC.
pub(super) fn mac(text: &str) -> Result<MacAddr, String> {
    text.trim().parse().map_err(|error: crate::domain::MacError| error.to_string())
}

/// The router's address on the guests' network, with its prefix: a private one, with room for guests.
pub(super) fn address(text: &str) -> Result<Ipv4Net, String> {
    let wrong = || "must be an address with its prefix, as in 192.168.77.1/24".to_owned();
    let net: Ipv4Net = text.trim().parse().map_err(|_| wrong())?;
    if !(16..=28).contains(&net.prefix_len()) {
        return Err("must have a prefix between /16 and /28".to_owned());
    }
    if !net.addr().is_private() {
        return Err("must be a private address (10.…, 172.16.… to 172.31.…, 192.168.…)".to_owned());
    }
    if net.addr() == net.network() || net.addr() == net.broadcast() {
        return Err("is the network's own or its broadcast address: take one between them".to_owned());
    }
    Ok(net)
}

/// The router's IPv6 address on the guests' network: one of the site's own (RFC 4193), of a /64, which is what phones make
/// addresses in.
pub(super) fn address6(text: &str) -> Result<Ipv6Net, String> {
    let wrong = || "must be an address with its prefix, as in fd12:3456:789a::1/64".to_owned();
    let net: Ipv6Net = text.trim().parse().map_err(|_| wrong())?;
    if net.prefix_len() != 64 {
        return Err("must have the prefix /64".to_owned());
    }
    if net.addr().octets()[0] != 0xfd || net.addr() == net.network() {
        return Err("must be an address of the site's own, which begins with fd (RFC 4193)".to_owned());
    }
    Ok(net)
}

/// The name of a Wi-Fi network (IEEE 802.11: at most 32 bytes).
pub(super) fn ssid(text: &str) -> Result<String, String> {
    if (1..=32).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("must be one line of 1 to 32 bytes".to_owned())
    }
}

/// The passphrase of a Wi-Fi network (WPA: 8 to 63 characters of ASCII).
pub(super) fn passphrase(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if (8..=63).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("must be 8 to 63 letters, digits, signs and spaces (ASCII)".to_owned())
    }
}

/// The title of a plan, as guests read it; empty is no plan.
pub(super) fn title(text: &str) -> Result<String, String> {
    // What a name of the box may be is what fits on a page, too.
    as_configured("gateway", "name", &toml::Value::from(text))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_answers_are_refused_by_the_checks_of_the_configuration() {
        for name in ["eth0", "enp1s0", "eth0.100", "a;b"] {
            assert_eq!(DeviceName::parse(name).unwrap().as_str(), name);
        }
        for name in ["", "a/b", "a b", "../..", "a\nb", "a\"b", "sixteen-letters-", "ü"] {
            let said = DeviceName::parse(name).unwrap_err();
            assert!(said.contains("network device's name"), "{name:?}: {said}");
        }
        assert!(!DeviceName::parse("a;b").unwrap().is_plain());
        assert!(!DeviceName::parse("-a").unwrap().is_plain());
        assert_eq!(gateway_name("Café \"Zum Hafen\"").unwrap(), "Café \"Zum Hafen\"");
        for name in ["two\nlines".to_owned(), "x".repeat(101), "\u{7}".to_owned()] {
            assert!(gateway_name(&name).unwrap_err().contains("one line"), "{name:?}");
        }
        assert_eq!(currency("eur").unwrap().code(), "EUR");
        assert_eq!(currency("").unwrap(), Currency::default());
        assert!(currency("EU\"").is_err() && currency("euro").is_err());
        assert!(mac("01:00:5e:00:00:01").is_err() && mac("zz").is_err());
        assert_eq!(devices("eth1, eth2,").unwrap().len(), 2);
        assert!(devices("eth1,eth1").is_err() && devices("eth1,a/b").is_err());
        assert!(ssid("").is_err() && ssid(&"é".repeat(17)).is_err() && ssid("a\nb").is_err());
        assert!(passphrase("seven77").is_err() && passphrase("ÄÄÄÄÄÄÄÄ").is_err());
        assert!(passphrase("line\nssid=x").is_err());
    }

    #[test]
    fn an_address_is_private_and_one_of_a_host() {
        assert!(address("192.168.77.1/24").is_ok() && address("10.0.0.1/16").is_ok());
        for text in ["192.168.77.0/24", "192.168.77.255/24", "203.0.113.1/24", "10.0.0.1/8", "10.0.0.1", "x"]
        {
            assert!(address(text).is_err(), "{text}");
        }
        assert!(address6("fd12:3456:789a::1/64").is_ok());
        for text in ["fd12::/64", "2001:db8::1/64", "fd12::1/48", "fe80::1/64", "x"] {
            assert!(address6(text).is_err(), "{text}");
        }
    }
}

//! What single values may be: each takes a TOML value and says in one sentence what would be right.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::de::DeValue;

use super::section::expected;
use crate::domain::{
    Filter, FixedKey, MacAddr, Mbps, OpeningLine, PropertyPatch, Text, WebUrl, ZoneName, mb_to_bytes,
};

/// A year of seconds: no timeout of a device needs more.
const MAX_TIMEOUT_SECS: u64 = 366 * 86_400;

/// The longest name of a metric.
const MAX_METRIC_NAME: usize = 64;

/// The kernel's IFNAMSIZ less the closing zero (`include/uapi/linux/if.h`).
const MAX_DEVICE_NAME: usize = 15;

/// `sun_path` less the closing zero (`unix(7)`).
const MAX_SOCKET_PATH: usize = 107;

fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected("a string", value))
}

fn float(value: &DeValue<'_>) -> Result<f64, String> {
    let written = match value {
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        DeValue::Integer(_) => Some(f64::from(i32::try_from(integer(value)?).unwrap_or(i32::MAX))),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    };
    written.ok_or_else(|| expected("a number", value))
}

/// A whole number.
pub(super) fn integer(value: &DeValue<'_>) -> Result<i64, String> {
    let written = value.as_integer().ok_or_else(|| expected("a whole number", value))?;
    i64::from_str_radix(written.as_str(), written.radix()).map_err(|_| "is too large a number".to_owned())
}

/// A whole number.
pub(super) fn whole(value: &DeValue<'_>) -> Result<i64, String> {
    integer(value)
}

/// A number.
pub(super) fn amount(value: &DeValue<'_>) -> Result<f64, String> {
    float(value)
}

/// Days and hours.
pub(super) fn opening_line(value: &DeValue<'_>) -> Result<OpeningLine, String> {
    let written = text(value)?;
    OpeningLine::parse(written).map_err(|error| format!("{written:?}: {error}"))
}

/// `true` or `false`.
pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| expected("true or false", value))
}

/// A TCP port.
pub(super) fn port(value: &DeValue<'_>) -> Result<u16, String> {
    u16::try_from(integer(value)?)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| "must be a port between 1 and 65535".to_owned())
}

/// A whole number of seconds within bounds.
pub(super) fn secs(least: u64, most: u64) -> impl FnOnce(&DeValue<'_>) -> Result<u64, String> {
    move |value| {
        u64::try_from(integer(value)?)
            .ok()
            .filter(|secs| (least..=most).contains(secs))
            .ok_or_else(|| format!("must be between {least} and {most} seconds"))
    }
}

/// A whole number of days within bounds.
pub(super) fn days(least: u32, most: u32) -> impl FnOnce(&DeValue<'_>) -> Result<u32, String> {
    move |value| {
        u32::try_from(integer(value)?)
            .ok()
            .filter(|days| (least..=most).contains(days))
            .ok_or_else(|| format!("must be between {least} and {most} days"))
    }
}

/// Seconds of which 0 means never.
pub(super) fn timeout(value: &DeValue<'_>) -> Result<Option<u64>, String> {
    secs(0, MAX_TIMEOUT_SECS)(value).map(|secs| Some(secs).filter(|secs| *secs != 0))
}

/// Mbit/s of which 0 means unlimited.
pub(super) fn speed(value: &DeValue<'_>) -> Result<Option<Mbps>, String> {
    Mbps::from_mbps(float(value)?).map_err(|error| error.to_string())
}

/// Megabytes; whoever takes them checks the bounds.
pub(super) fn megabytes(value: &DeValue<'_>) -> Result<f64, String> {
    float(value)
}

/// Megabytes, as bytes; 0 is none.
pub(super) fn bytes(value: &DeValue<'_>) -> Result<Option<u64>, String> {
    let bytes = mb_to_bytes(float(value)?).ok_or("must be between 0 and 1000000000 MB")?;
    Ok(Some(bytes).filter(|bytes| *bytes != 0))
}

/// Degrees; `nan` is unset.
pub(super) fn degrees(most: f64) -> impl FnOnce(&DeValue<'_>) -> Result<Option<f64>, String> {
    move |value| {
        let degrees = float(value)?;
        if degrees.is_nan() {
            Ok(None)
        } else if (-most..=most).contains(&degrees) {
            Ok(Some(degrees))
        } else {
            Err(format!("must be between -{most} and {most} degrees, or nan for unset"))
        }
    }
}

/// A firewall mark's mask: at least one of 32 bits.
pub(super) fn mask(value: &DeValue<'_>) -> Result<u32, String> {
    u32::try_from(integer(value)?)
        .ok()
        .filter(|mask| *mask != 0)
        .ok_or_else(|| "must have between 1 and 32 bits set, as in 0xff0000ff".to_owned())
}

/// The name of a network device, as the kernel takes them (`dev_valid_name` in `net/core/dev.c`).
pub(super) fn device_name(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'"' | b'\\');
    if name.is_empty() || name.len() > MAX_DEVICE_NAME {
        Err(format!("a network device's name has 1 to {MAX_DEVICE_NAME} characters"))
    } else if name == "." || name == ".." || !name.bytes().all(plain) {
        Err("a network device's name has no spaces, slashes, colons or quotes".to_owned())
    } else {
        Ok(name.to_owned())
    }
}

/// A zone's name: it appears in paths, in the firewall's chains and in log lines.
pub(super) fn zone_name(value: &DeValue<'_>) -> Result<ZoneName, String> {
    let name = text(value)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=32).contains(&name.len())
        && name.bytes().all(plain)
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
    {
        Ok(ZoneName::new(name))
    } else {
        Err("must be 1 to 32 letters, digits, - and _, the first a letter or digit".to_owned())
    }
}

/// An address to listen on, with its port.
pub(super) fn listen(value: &DeValue<'_>) -> Result<SocketAddr, String> {
    let address: SocketAddr = text(value)?
        .parse()
        .map_err(|_| "must be an address and a port, as in \"[::]:2050\" or \"192.0.2.1:2050\"".to_owned())?;
    if address.port() == 0 {
        Err("the port must be between 1 and 65535".to_owned())
    } else if address.ip().is_multicast() {
        Err("nothing can listen on a multicast address".to_owned())
    } else {
        Ok(address)
    }
}

/// The same; empty is none.
pub(super) fn listen_if(value: &DeValue<'_>) -> Result<Option<SocketAddr>, String> {
    if text(value)?.is_empty() { Ok(None) } else { listen(value).map(Some) }
}

/// An address on the web; empty is none.
pub(super) fn web_url_if(value: &DeValue<'_>) -> Result<Option<WebUrl>, String> {
    match text(value)? {
        "" => Ok(None),
        url => url.parse().map(Some).map_err(|error: crate::domain::WebUrlError| error.to_string()),
    }
}

/// A device's hardware address.
pub(super) fn mac(value: &DeValue<'_>) -> Result<MacAddr, String> {
    text(value)?.parse().map_err(|error: crate::domain::MacError| error.to_string())
}

/// An address, or a prefix of addresses; host bits are dropped.
pub(super) fn prefix(value: &DeValue<'_>) -> Result<IpNet, String> {
    let written = text(value)?;
    let prefix = written.parse::<IpNet>().or_else(|_| written.parse::<IpAddr>().map(IpNet::from));
    prefix
        .map(|prefix| prefix.trunc())
        .map_err(|_| "must be an address or a prefix, as in \"192.0.2.0/24\" or \"2001:db8::/32\"".to_owned())
}

/// A domain, lower case, without the closing dot. It stands for its subdomains too.
pub(super) fn domain(value: &DeValue<'_>) -> Result<String, String> {
    let written = text(value)?;
    if written.starts_with("*.") || written.starts_with('.') {
        return Err("subdomains are included already: write it without the leading *. or dot".to_owned());
    }
    if !written.is_ascii() {
        return Err("must be written in ASCII (punycode, xn--…)".to_owned());
    }
    let domain = written.strip_suffix('.').unwrap_or(written).to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() <= 253 && domain.split('.').all(label) && domain.parse::<Ipv4Addr>().is_err() {
        Ok(domain)
    } else {
        Err("must be a domain, as in \"example.com\"".to_owned())
    }
}

/// An absolute path without `..`.
pub(super) fn path(value: &DeValue<'_>) -> Result<PathBuf, String> {
    let written = text(value)?;
    let path = Path::new(written);
    let climbs = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
    if written.contains('\0') || !path.is_absolute() || climbs || path.file_name().is_none() {
        return Err("must be the absolute path of a file, without ..".to_owned());
    }
    Ok(path.to_owned())
}

/// The same; empty is none.
pub(super) fn path_if(value: &DeValue<'_>) -> Result<Option<PathBuf>, String> {
    if text(value)?.is_empty() { Ok(None) } else { path(value).map(Some) }
}

/// A path that a Unix socket can have.
pub(super) fn socket_path(value: &DeValue<'_>) -> Result<PathBuf, String> {
    let path = path(value)?;
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(format!("a socket's path has at most {MAX_SOCKET_PATH} bytes"));
    }
    Ok(path)
}

/// One line of text of at most 100 characters; may be empty.
pub(super) fn line(value: &DeValue<'_>) -> Result<Text, String> {
    let written = text(value)?;
    if written.chars().count() > 100 || written.chars().any(char::is_control) {
        return Err("must be one line of at most 100 characters".to_owned());
    }
    Ok(Text::new(written))
}

/// A country's code of two letters (ISO 3166-1 alpha-2), upper case; may be empty.
pub(super) fn country(value: &DeValue<'_>) -> Result<Text, String> {
    let written = text(value)?;
    if written.is_empty() || (written.len() == 2 && written.bytes().all(|byte| byte.is_ascii_alphabetic())) {
        Ok(Text::new(&written.to_ascii_uppercase()))
    } else {
        Err("must be a country's code of two letters, as in \"DE\", or empty".to_owned())
    }
}

/// The name of a count of the operator's own: what a label of the metrics holds without being quoted.
pub(super) fn metric_name(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() <= MAX_METRIC_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(plain)
    {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "must be 1 to {MAX_METRIC_NAME} small letters, digits and _, the first a letter, as in \"low_data\""
        ))
    }
}

/// Which sessions are meant, in the language of filters.
pub(super) fn filter(value: &DeValue<'_>) -> Result<Filter, String> {
    Filter::parse(text(value)?).map_err(|error| error.to_string())
}

/// The key of a property: a fixed one that there is, or one that a session can be given.
pub(super) fn property_key(value: &DeValue<'_>) -> Result<String, String> {
    let key = text(value)?;
    if FixedKey::from_name(key).is_none() {
        PropertyPatch::new([(key.to_owned(), None)].into()).map_err(|error| error.problem)?;
    }
    Ok(key.to_owned())
}

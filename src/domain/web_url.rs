use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// An address on the web that something is sent to: `http` or `https`, a host, nothing that logs in.
///
/// Only the characters that RFC 3986 has for a path and a query; what else is meant is percent-encoded by whoever writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebUrl {
    text: String,
    is_https: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    target: String,
}

/// Why a text is no [`WebUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebUrlError {
    /// Too long, or nothing at all.
    #[error("must have between 1 and {} bytes", WebUrl::MAX_BYTES)]
    Length,
    /// Neither `http` nor `https`.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// Something that no URL holds.
    #[error("holds a character that a URL cannot hold: write it as %XX")]
    Character,
    /// A name or password in it.
    #[error("must not hold a name or password (the part before an @)")]
    Credentials,
    /// Something behind a `#`.
    #[error("must not hold a fragment (the part behind a #)")]
    Fragment,
    /// No host, or none that can be.
    #[error("must name a host, as in https://example.com/path or http://[2001:db8::1]:8080/")]
    Host,
    /// A port that cannot be.
    #[error("the port must be between 1 and 65535")]
    Port,
}

impl WebUrl {
    /// The longest, in bytes.
    pub const MAX_BYTES: usize = 2000;

    /// The whole, as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is `https`.
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// The host: a name or an address, the latter without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 or 443 if none is written.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as a request's first line has them.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What a `Host` header says.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.is_https { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for WebUrl {
    type Err = WebUrlError;

    fn from_str(text: &str) -> Result<Self, WebUrlError> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(WebUrlError::Length);
        }
        let (scheme, rest) = text.split_once("://").ok_or(WebUrlError::Scheme)?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(WebUrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(WebUrlError::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(WebUrlError::Credentials);
        }
        if !is_path_and_query(target) {
            return Err(WebUrlError::Character);
        }
        let (host, port) = split_authority(authority)?;
        let port = match port {
            None if is_https => 443,
            None => 80,
            Some(port) => read_port(port).ok_or(WebUrlError::Port)?,
        };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { text: text.to_owned(), is_https, host, port, target })
    }
}

/// The host without brackets, and what stands behind its colon.
fn split_authority(authority: &str) -> Result<(String, Option<&str>), WebUrlError> {
    if let Some(opened) = authority.strip_prefix('[') {
        let (address, rest) = opened.split_once(']').ok_or(WebUrlError::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| WebUrlError::Host)?;
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return Err(WebUrlError::Host),
            Some(port) => Some(port),
        };
        return Ok((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if is_host(host) { Ok((host.to_ascii_lowercase(), port)) } else { Err(WebUrlError::Host) }
}

/// A name's parts have 1 to 63 letters, digits, `-` and `_`, in all at most 253: RFC 1035, 2.3.4.
fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(plain);
    host.len() <= 253 && host.split('.').all(is_label)
}

fn read_port(port: &str) -> Option<u16> {
    let is_digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| is_digits && *port != 0)
}

/// RFC 3986: `pchar`, `/` and `?`.
fn is_path_and_query(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let mut digit = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                digit() && digit()
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url: WebUrl = "https://Example.com/a/b?c=d%20e".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.target()), ("example.com", 443, "/a/b?c=d%20e"));
        assert!(url.is_https());
        assert_eq!(url.authority(), "example.com");
        let url: WebUrl = "http://[2001:db8::1]:8080".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.target()), ("2001:db8::1", 8080, "/"));
        assert_eq!(url.authority(), "[2001:db8::1]:8080");
        let url: WebUrl = "HTTP://127.0.0.1?x".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.target()), ("127.0.0.1", 80, "/?x"));
    }

    #[test]
    fn what_is_none_is_refused_by_name() {
        let long = format!("http://a/{}", "b".repeat(WebUrl::MAX_BYTES));
        for (text, error) in [
            ("", WebUrlError::Length),
            (&long, WebUrlError::Length),
            ("example.com", WebUrlError::Scheme),
            ("ftp://example.com/", WebUrlError::Scheme),
            ("file:///etc/passwd", WebUrlError::Scheme),
            ("http:/example.com", WebUrlError::Scheme),
            ("https://user:secret@example.com/", WebUrlError::Credentials),
            ("https://example.com/#top", WebUrlError::Fragment),
            ("http://", WebUrlError::Host),
            ("http:///path", WebUrlError::Host),
            ("http://a..b/", WebUrlError::Host),
            ("http://a b/", WebUrlError::Host),
            ("http://ex\u{e4}mple.com/", WebUrlError::Host),
            ("http://[::1/", WebUrlError::Host),
            ("http://[::1]x/", WebUrlError::Host),
            ("http://[fe80::1%25eth0]/", WebUrlError::Host),
            ("http://a\r\nb/", WebUrlError::Host),
            ("http://a:0/", WebUrlError::Port),
            ("http://a:/", WebUrlError::Port),
            ("http://a:+80/", WebUrlError::Port),
            ("http://a:65536/", WebUrlError::Port),
            ("http://a/b c", WebUrlError::Character),
            ("http://a/\r\nHost: b", WebUrlError::Character),
            ("http://a/%", WebUrlError::Character),
            ("http://a/%4", WebUrlError::Character),
            ("http://a/%zz", WebUrlError::Character),
            ("http://a/\u{e9}", WebUrlError::Character),
        ] {
            assert_eq!(text.parse::<WebUrl>(), Err(error), "{text:?}");
        }
    }
}

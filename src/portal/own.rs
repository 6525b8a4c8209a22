use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, header};

/// Where the portal is for one visitor: the local address of the visitor's own connection.
///
/// nftables' `redirect` has put the zone's address there, so that no name and no configuration is needed, and IPv4 and
/// IPv6 visitors each get an address that they reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnAddress(SocketAddr);

impl OwnAddress {
    /// From the local end of the connection.
    pub const fn new(local: SocketAddr) -> Self {
        Self(local)
    }

    /// `http://ADDRESS:PORT`, as a browser writes the origin; IPv6 in brackets, port 80 left out.
    pub fn origin(&self) -> String {
        let host = match self.0.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        match self.0.port() {
            HTTP_PORT => format!("http://{host}"),
            port => format!("http://{host}:{port}"),
        }
    }

    /// The absolute URL of the first page.
    pub fn url(&self) -> String {
        format!("{}/", self.origin())
    }

    /// Whether a request was meant for the portal itself, and not for a host that the visitor wanted to reach.
    ///
    /// An absolute-form target speaks for itself (RFC 9112, 3.2.2); else exactly one `Host` must name this address.
    pub fn is_target_of<B>(&self, request: &Request<B>) -> bool {
        match request.uri().authority() {
            Some(authority) => self.names(authority.as_str()),
            None => {
                only(request.headers(), header::HOST).is_ok_and(|host| host.is_some_and(|it| self.names(it)))
            }
        }
    }

    /// Whether a form was posted by one of the portal's own pages.
    ///
    /// `Origin` decides if it is there; `null` (a redirected or sandboxed form) and old browsers that send none are judged
    /// by `Referer`; mini-browsers that send neither are let through: they cannot be told from a page of our own, and
    /// the caller has checked `Host`.
    pub fn is_source_of(&self, headers: &HeaderMap) -> bool {
        let (Ok(origin), Ok(referer), Ok(site)) =
            (only(headers, header::ORIGIN), only(headers, header::REFERER), only(headers, "sec-fetch-site"))
        else {
            return false;
        };
        if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
            return false;
        }
        match (origin, referer) {
            (Some("null") | None, Some(referer)) => self.wrote(referer),
            (Some("null"), None) => false,
            (Some(origin), _) => without_scheme(origin).is_some_and(|rest| self.names(rest)),
            (None, None) => true,
        }
    }

    fn wrote(&self, referer: &str) -> bool {
        let Some(rest) = without_scheme(referer) else { return false };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        self.names(authority)
    }

    /// Whether `ADDRESS[:PORT]` is this address.
    fn names(&self, authority: &str) -> bool {
        let Ok(parsed) = authority.parse::<Authority>() else { return false };
        if authority.contains('@') {
            return false;
        }
        let port = match parsed.port() {
            Some(port) => port.as_u16(),
            None if parsed.as_str().ends_with(':') => return false,
            None => HTTP_PORT,
        };
        let host = parsed.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical() == self.0.ip()) && port == self.0.port()
    }
}

const HTTP_PORT: u16 = 80;

/// The header's value if it is there once; `Err` if it is there twice or is not text.
fn only(headers: &HeaderMap, name: impl header::AsHeaderName) -> Result<Option<&str>, NotOnce> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| NotOnce),
        (Some(_), Some(_)) => Err(NotOnce),
    }
}

struct NotOnce;

fn without_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    scheme.eq_ignore_ascii_case("http").then_some(rest)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn own(local: &str) -> OwnAddress {
        OwnAddress::new(local.parse().unwrap())
    }

    fn request(target: &str, host: Option<&str>) -> Request<()> {
        let builder = Request::builder().uri(target);
        match host {
            Some(host) => builder.header("host", host),
            None => builder,
        }
        .body(())
        .unwrap()
    }

    #[test]
    fn the_url_is_absolute_and_brackets_ipv6() {
        assert_eq!(own("10.0.0.1:2050").url(), "http://10.0.0.1:2050/");
        assert_eq!(own("[fd00::1]:2050").url(), "http://[fd00::1]:2050/");
        assert_eq!(own("10.0.0.1:80").url(), "http://10.0.0.1/");
    }

    #[test]
    fn only_the_exact_address_is_the_portal() {
        let four = own("10.0.0.1:2050");
        assert!(four.is_target_of(&request("/", Some("10.0.0.1:2050"))));
        for host in [
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:80",
            "10.0.0.1:2050x",
            "x@10.0.0.1:2050",
            "10.0.0.2:2050",
            "10.0.0.1.evil.test:2050",
            "captive.apple.com",
            "",
        ] {
            assert!(!four.is_target_of(&request("/", Some(host))), "{host:?}");
        }
        assert!(!four.is_target_of(&request("/", None)));
        let six = own("[fd00::1]:2050");
        assert!(six.is_target_of(&request("/", Some("[fd00::1]:2050"))));
        assert!(six.is_target_of(&request("/", Some("[FD00:0:0:0::1]:2050"))));
        assert!(!six.is_target_of(&request("/", Some("[fd00::2]:2050"))));
        assert!(own("10.0.0.1:80").is_target_of(&request("/", Some("10.0.0.1"))));
    }

    #[test]
    fn an_absolute_target_beats_host_and_two_hosts_are_nobodys() {
        let own = own("10.0.0.1:2050");
        assert!(!own.is_target_of(&request("http://example.com/", Some("10.0.0.1:2050"))));
        assert!(own.is_target_of(&request("http://10.0.0.1:2050/", Some("example.com"))));
        let mut twice = request("/", Some("10.0.0.1:2050"));
        twice.headers_mut().append("host", "example.com".parse().unwrap());
        assert!(!own.is_target_of(&twice));
    }

    #[test]
    fn forms_are_taken_from_our_own_pages_only() {
        let own = own("10.0.0.1:2050");
        let cases: [(&[(&str, &str)], bool); 13] = [
            (&[], true),
            (&[("origin", "http://10.0.0.1:2050")], true),
            (&[("origin", "HTTP://10.0.0.1:2050"), ("referer", "http://evil.test/")], true),
            (&[("origin", "https://10.0.0.1:2050")], false),
            (&[("origin", "http://10.0.0.1")], false),
            (&[("origin", "http://evil.test"), ("referer", "http://10.0.0.1:2050/")], false),
            (&[("origin", "null")], false),
            (&[("origin", "null"), ("referer", "http://10.0.0.1:2050/")], true),
            (&[("referer", "http://10.0.0.1:2050/providers/voucher?x")], true),
            (&[("referer", "http://10.0.0.1:2050.evil.test/")], false),
            (&[("referer", "about:blank")], false),
            (&[("origin", "http://10.0.0.1:2050"), ("origin", "http://evil.test")], false),
            (&[("sec-fetch-site", "cross-site")], false),
        ];
        for (headers, allowed) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            assert_eq!(own.is_source_of(&map), allowed, "{headers:?}");
        }
    }
}

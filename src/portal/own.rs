use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, header};

use crate::config::SecurePortal;
use crate::http::{Endpoints, Source, only, scheme_and_authority};

/// Where the portal is for one visitor: the local address of the visitor's own connection.
///
/// nftables' `redirect` has put the zone's address there, so that no name and no configuration is needed, and IPv4 and
/// IPv6 visitors each get an address that they reach. A name that is configured is the portal's, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    local: SocketAddr,
    is_tls: bool,
    secure: Option<Arc<SecurePortal>>,
    /// Whether devices believe the certificate that is shown under that name.
    believed: bool,
}

/// What a portal is called over TLS, and whether devices believe the certificate that it shows now.
#[derive(Clone)]
pub struct SecureName {
    portal: Arc<SecurePortal>,
    is_believed: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl SecureName {
    /// A name; `is_believed` is asked at each request, since certificates are renewed while pages are open.
    pub fn new(portal: SecurePortal, is_believed: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { portal: Arc::new(portal), is_believed: Arc::new(is_believed) }
    }
}

impl OwnAddress {
    /// From our end of the connection.
    pub const fn new(endpoints: &Endpoints) -> Self {
        Self { local: endpoints.local, is_tls: endpoints.is_tls, secure: None, believed: false }
    }

    /// The same for a portal that has a name.
    #[must_use]
    pub fn named(mut self, name: Option<&SecureName>) -> Self {
        self.secure = name.map(|name| Arc::clone(&name.portal));
        self.believed = name.is_some_and(|name| (name.is_believed)());
        self
    }

    /// The name, if nobody is warned who goes there.
    fn name(&self) -> Option<&SecurePortal> {
        self.secure.as_deref().filter(|_| self.believed)
    }

    /// `http://ADDRESS:PORT`, as a browser writes the origin; IPv6 in brackets, the usual port left out. Over TLS `https`,
    /// and by name if there is one.
    pub fn origin(&self) -> String {
        if let Some(secure) = self.name().filter(|_| self.is_tls) {
            return secure.origin();
        }
        let host = match self.local.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let scheme = self.scheme();
        if self.local.port() == self.usual_port() {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{}", self.local.port())
        }
    }

    /// The absolute URL of the first page for whoever is to keep it: over TLS and by name if that can be had.
    pub fn best_url(&self) -> String {
        self.name().map_or_else(|| self.url(), |secure| format!("{}/", secure.origin()))
    }

    const fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    const fn usual_port(&self) -> u16 {
        if self.is_tls { 443 } else { 80 }
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
        match Source::of(headers) {
            Source::Page(url) => scheme_and_authority(url).is_some_and(|(scheme, authority)| {
                scheme.eq_ignore_ascii_case(self.scheme()) && self.names(authority)
            }),
            Source::Foreign => false,
            Source::Unsaid => true,
        }
    }

    /// Whether `HOST[:PORT]` is this address, or the portal's name on this port. Whatever else leads here, a name that
    /// somebody has pointed at the router, is not the portal.
    fn names(&self, authority: &str) -> bool {
        let Ok(parsed) = authority.parse::<Authority>() else { return false };
        if authority.contains('@') {
            return false;
        }
        let port = match parsed.port() {
            Some(port) => port.as_u16(),
            None if parsed.as_str().ends_with(':') => return false,
            None => self.usual_port(),
        };
        let host = parsed.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_address = bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical() == self.local.ip());
        let is_name = self
            .secure
            .as_ref()
            .is_some_and(|secure| host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(&secure.host));
        (is_address || is_name) && port == self.local.port()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn ends(local: &str) -> Endpoints {
        Endpoints::new("10.0.0.7:40000".parse().unwrap(), local.parse().unwrap())
    }

    fn own(local: &str) -> OwnAddress {
        OwnAddress::new(&ends(local))
    }

    fn secure(local: &str) -> OwnAddress {
        let name = SecurePortal { host: "portal.example.net".to_owned(), port: 2443 };
        OwnAddress::new(&ends(local).over_tls()).named(Some(&SecureName::new(name, || true)))
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
    fn nobody_is_sent_to_a_name_that_only_a_certificate_of_our_own_vouches_for() {
        let portal = SecurePortal { host: "portal.example.net".to_owned(), port: 2443 };
        let name = SecureName::new(portal, || false);
        let plain = OwnAddress::new(&ends("10.0.0.1:2050")).named(Some(&name));
        assert_eq!(plain.best_url(), "http://10.0.0.1:2050/");
        let own = OwnAddress::new(&ends("10.0.0.1:2443").over_tls()).named(Some(&name));
        assert_eq!(
            (own.url(), own.best_url()),
            ("https://10.0.0.1:2443/".into(), "https://10.0.0.1:2443/".into())
        );
        assert!(
            own.is_target_of(&request("/", Some("portal.example.net:2443"))),
            "who comes all the same is served"
        );
    }

    #[test]
    fn over_tls_the_portal_has_its_name_and_its_addresses() {
        let plain = OwnAddress::new(&ends("10.0.0.1:443").over_tls());
        assert_eq!((plain.url(), plain.best_url()), ("https://10.0.0.1/".into(), "https://10.0.0.1/".into()));
        assert!(plain.is_target_of(&request("/", Some("10.0.0.1"))));
        let own = secure("10.0.0.1:2443");
        assert_eq!(own.url(), "https://portal.example.net:2443/");
        for host in [
            "portal.example.net:2443",
            "PORTAL.example.net.:2443",
            "10.0.0.1:2443",
            "portal.example.net:2443",
        ] {
            assert!(own.is_target_of(&request("/", Some(host))), "{host}");
        }
        for host in [
            "portal.example.net",
            "portal.example.net:2050",
            "example.net:2443",
            "portal.example.net.evil.test:2443",
            "evil.test:2443",
            "portal.example.net..:2443",
        ] {
            assert!(!own.is_target_of(&request("/", Some(host))), "{host}");
        }
        let from = |origin: &str| {
            let mut map = HeaderMap::new();
            map.insert("origin", origin.parse().unwrap());
            own.is_source_of(&map)
        };
        assert!(from("https://portal.example.net:2443") && from("https://10.0.0.1:2443"));
        assert!(!from("http://portal.example.net:2443"), "a page that anybody could have changed");
        assert!(!from("https://portal.example.net") && !from("https://evil.test:2443"));
    }

    #[test]
    fn by_its_name_the_plain_portal_is_the_portal_too() {
        let name = SecurePortal { host: "portal.example.net".to_owned(), port: 2443 };
        let own = own("10.0.0.1:2050").named(Some(&SecureName::new(name, || true)));
        assert!(own.is_target_of(&request("/", Some("portal.example.net:2050"))));
        assert!(!own.is_target_of(&request("/", Some("portal.example.net:2443"))));
        assert_eq!(own.url(), "http://10.0.0.1:2050/", "captive devices are led to the address");
        assert_eq!(own.best_url(), "https://portal.example.net:2443/");
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

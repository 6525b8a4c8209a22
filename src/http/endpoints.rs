use std::net::{IpAddr, SocketAddr};

/// Both ends of the accepted connection that a request came in on. The serve loop puts one into every request's
/// extensions (`Extension<Endpoints>`).
///
/// Addresses are canonical: on a dual-stack listener an IPv4 client shows as IPv4, not as `::ffff:a.b.c.d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// The client's end.
    pub peer: SocketAddr,
    /// Our end. For a connection that nftables redirected it is the zone's own address and the portal's port.
    pub local: SocketAddr,
    /// Whether it came over TLS: then cookies are `Secure`, and our own addresses begin with `https`.
    pub is_tls: bool,
}

/// Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED). The serve loop puts one into every request's
/// extensions (`Extension<PeerUser>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerUser {
    /// The user id.
    pub uid: u32,
}

impl Endpoints {
    /// From what the socket says (`peer_addr`, `local_addr`); mapped addresses become IPv4, scopes are dropped. Plain, until
    /// [`Self::over_tls`] says otherwise.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self { peer: canonical(peer), local: canonical(local), is_tls: false }
    }

    /// The same, over TLS.
    #[must_use]
    pub const fn over_tls(mut self) -> Self {
        self.is_tls = true;
        self
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = address.ip().to_canonical();
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_ipv4_and_a_scope_is_dropped() {
        let endpoints =
            Endpoints::new("[::ffff:10.0.0.7]:4242".parse().unwrap(), "[fe80::1%3]:2050".parse().unwrap());
        assert_eq!(endpoints.peer.to_string(), "10.0.0.7:4242");
        assert_eq!(endpoints.local.to_string(), "[fe80::1]:2050");
    }
}

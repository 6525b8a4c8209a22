use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{SocketAddr, TcpListener as StdTcp};
use std::os::unix::net::UnixListener as StdUnix;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::process::bind_socket;
use crate::config::Config;

/// How many who have connected may wait to be let in: a crowd whose phones all look at once. The kernel bounds it
/// (`net.core.somaxconn`); who finds it full tries again a second later.
const BACKLOG: u32 = 4096;

/// What is listened on. It stays open while the service starts anew: who comes meanwhile waits in the kernel's queue, and
/// nobody is turned away.
#[derive(Debug, Default)]
pub(super) struct Doors {
    tcp: HashMap<SocketAddr, StdTcp>,
    unix: HashMap<PathBuf, StdUnix>,
}

/// What a configuration listens on, with what is said of it in an error.
fn addresses(config: &Config) -> Vec<(SocketAddr, String)> {
    let mut all = Vec::new();
    for zone in &config.zones {
        all.push((zone.portal, format!("zone {}: portal {}", zone.name, zone.portal)));
        if let Some(address) = zone.portal_tls {
            all.push((address, format!("zone {}: portal_tls {address}", zone.name)));
        }
    }
    all.push((config.admin.listen, format!("[admin] listen {}", config.admin.listen)));
    all
}

impl Doors {
    /// Opens what a configuration needs beyond what is open already: what cannot be had is known before anything is changed.
    /// What only we ourselves stand in the way of is opened when the old one is closed.
    pub(super) fn prepare(&mut self, config: &Config) -> anyhow::Result<()> {
        let wanted = addresses(config);
        let mut new = Vec::new();
        for (address, name) in &wanted {
            if self.tcp.contains_key(address) {
                continue;
            }
            if self.tcp.keys().any(|open| open.port() == address.port()) {
                // Perhaps only we ourselves hold the port; that the box has the address is known with any other.
                let any_port = SocketAddr::new(address.ip(), 0);
                bind(any_port, Wants::Now).with_context(|| format!("{name} cannot be opened"))?;
                continue;
            }
            new.push((
                *address,
                bind(*address, Wants::Now).with_context(|| format!("{name} cannot be opened"))?,
            ));
        }
        for (path, name) in sockets(config) {
            let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
            if let Some(directory) = directory.filter(|_| !self.unix.contains_key(path)) {
                std::fs::create_dir_all(directory)
                    .with_context(|| format!("{name} {} cannot be opened", path.display()))?;
            }
        }
        self.tcp.extend(new);
        Ok(())
    }

    /// Closes what a configuration does not need.
    pub(super) fn keep_only(&mut self, config: &Config) {
        let wanted: Vec<SocketAddr> = addresses(config).into_iter().map(|(address, _)| address).collect();
        self.tcp.retain(|address, _| wanted.contains(address));
        let paths: Vec<&Path> = sockets(config).into_iter().map(|(path, _)| path).collect();
        self.unix.retain(|path, _| {
            let is_wanted = paths.contains(&path.as_path());
            if !is_wanted {
                // Nobody listens there any more; one that stays does no harm.
                let _ = std::fs::remove_file(path);
            }
            is_wanted
        });
    }

    /// All TCP listeners of a configuration.
    pub(super) fn open(&mut self, config: &Config) -> anyhow::Result<()> {
        let wanted = addresses(config);
        // Those of the configuration before may stand in the way of new ones on the same port.
        self.tcp.retain(|address, _| {
            let is_wanted = wanted.iter().any(|(wanted, _)| wanted == address);
            is_wanted || !wanted.iter().any(|(wanted, _)| wanted.port() == address.port())
        });
        for (address, name) in wanted {
            if let Entry::Vacant(place) = self.tcp.entry(address) {
                let listener =
                    bind(address, Wants::Sometime).with_context(|| format!("{name} cannot be opened"))?;
                place.insert(listener);
            }
        }
        Ok(())
    }

    /// One that is open.
    pub(super) fn tcp(&self, address: SocketAddr) -> anyhow::Result<TcpListener> {
        let open = self.tcp.get(&address).with_context(|| format!("{address} is not open"))?;
        Ok(TcpListener::from_std(open.try_clone()?)?)
    }

    /// A Unix socket for those who may by its mode.
    fn unix(&mut self, path: &Path, mode: u32) -> std::io::Result<UnixListener> {
        // Whoever took the file away wants it back.
        if !path.exists() {
            self.unix.remove(path);
        }
        let open = match self.unix.get(path) {
            Some(open) => open.try_clone()?,
            None => {
                let open = bind_socket(path, mode)?.into_std()?;
                let clone = open.try_clone()?;
                self.unix.insert(path.to_owned(), open);
                clone
            }
        };
        UnixListener::from_std(open)
    }

    /// The control socket. Who is not root needs a token there.
    pub(super) fn control(&mut self, config: &Config) -> anyhow::Result<UnixListener> {
        let path = &config.control.socket;
        self.unix(path, 0o666)
            .with_context(|| format!("[control] socket {} cannot be opened", path.display()))
    }

    /// The socket of those plugins that run by themselves.
    pub(super) fn plugins(&mut self, config: &Config) -> anyhow::Result<UnixListener> {
        let path = &config.plugin_socket;
        self.unix(path, 0o660)
            .with_context(|| format!("[plugins] socket {} cannot be opened", path.display()))
    }
}

fn sockets(config: &Config) -> [(&Path, &'static str); 2] {
    [(&config.control.socket, "[control] socket"), (&config.plugin_socket, "[plugins] socket")]
}

/// When the box has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// It must have it: somebody who changes a configuration is told of a slip.
    Now,
    /// It may get it later, as a box that starts does, or goes back to what it started with: a bridge is still to come, or a
    /// lease. Who listens is reached as soon as it is there; that it never comes, `turnpike doctor` says.
    Sometime,
}

fn bind(address: SocketAddr, wants: Wants) -> std::io::Result<StdTcp> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if wants == Wants::Sometime {
        match address {
            SocketAddr::V4(_) => sockopt::set_ip_freebind(&socket, true)?,
            SocketAddr::V6(_) => sockopt::set_ipv6_freebind(&socket, true)?,
        }
    }
    // What was closed a moment ago does not keep the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(port: u16, admin: u16) -> Config {
        let text = format!(
            "[[zone]]\nname = \"guests\"\nlan = [\"br\"]\nportal = \"127.0.0.1:{port}\"\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n"
        );
        Config::parse(&text, Path::new("t")).unwrap()
    }

    fn free_port() -> u16 {
        StdTcp::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn a_box_that_starts_need_not_have_its_addresses_yet() {
        // Addresses for documentation: no box has them.
        let of = |admin: &str| {
            let text = format!(
                "[[zone]]\nname = \"guests\"\nlan = [\"br\"]\nportal = \"[2001:db8::1]:{}\"\n[admin]\nlisten = \"{admin}\"\n",
                free_port()
            );
            Config::parse(&text, Path::new("t")).unwrap()
        };
        let (first, slip) = (of("192.0.2.1:2051"), of("192.0.2.2:2052"));
        let mut doors = Doors::default();
        doors.open(&first).unwrap();
        assert!(doors.tcp(first.admin.listen).is_ok() && doors.tcp(first.zones[0].portal).is_ok());
        let error = format!("{:#}", doors.prepare(&slip).unwrap_err());
        assert!(error.contains("2001:db8::1"), "{error}");
        // Also on a port that is open already, and back again.
        let port = of("192.0.2.3:2051");
        let same = Config { zones: first.zones.clone(), ..port };
        let error = format!("{:#}", doors.prepare(&same).unwrap_err());
        assert!(error.contains("192.0.2.3"), "{error}");
        doors.open(&same).unwrap();
        doors.open(&first).unwrap();
    }

    #[tokio::test]
    async fn a_door_stays_open_and_one_that_cannot_be_had_is_known_before() {
        let (portal, admin, taken) = (free_port(), free_port(), StdTcp::bind("127.0.0.1:0").unwrap());
        let old = config(portal, admin);
        let mut doors = Doors::default();
        doors.open(&old).unwrap();
        let first = doors.tcp(old.admin.listen).unwrap();
        drop(first);
        // Who comes while nobody accepts is taken in by the next.
        let waiting = std::net::TcpStream::connect(old.admin.listen).unwrap();
        let second = doors.tcp(old.admin.listen).unwrap();
        let (_, peer) = second.accept().await.unwrap();
        assert_eq!(peer, waiting.local_addr().unwrap());
        let error = doors.prepare(&config(portal, taken.local_addr().unwrap().port())).unwrap_err();
        assert!(format!("{error:#}").contains("[admin] listen"), "{error:#}");
        let new = config(portal, free_port());
        doors.prepare(&new).unwrap();
        doors.open(&new).unwrap();
        doors.keep_only(&new);
        drop(second);
        assert!(std::net::TcpStream::connect(old.admin.listen).is_err(), "closed");
        assert!(std::net::TcpStream::connect(new.admin.listen).is_ok());
    }
}

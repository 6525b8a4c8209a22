//! Who called by ssh to set the box up: a set-up must not cut its own branch off.

use std::fs;
use std::net::IpAddr;

use super::Place;
use crate::net::Neighbour;
use crate::setup::{Caller, Facts};

/// What sshd tells those it starts: the caller's address and port, and the server's.
const VARIABLE: &str = "SSH_CONNECTION";

/// So many programs are between sshd and us at most: shells, sudo, su, tmux.
const MAX_PARENTS: usize = 64;

/// What sshd said, to us or, where sudo keeps it from us, to one of those who started us.
pub(super) fn connection(place: &Place) -> Option<String> {
    if let Ok(text) = std::env::var(VARIABLE) {
        return Some(text);
    }
    let mut process = rustix::process::getppid()?.as_raw_nonzero().get();
    for _ in 0..MAX_PARENTS {
        let environment = fs::read(place.path(format!("/proc/{process}/environ"))).unwrap_or_default();
        if let Some(text) = variable(&environment) {
            return Some(text);
        }
        process = parent(&fs::read_to_string(place.path(format!("/proc/{process}/stat"))).ok()?)?;
        if process <= 1 {
            return None;
        }
    }
    None
}

fn variable(environment: &[u8]) -> Option<String> {
    environment.split(|byte| *byte == 0).find_map(|pair| {
        let value = pair.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    })
}

/// The parent in a line of `/proc/PID/stat`; the name before it may hold anything, also a closing bracket (proc(5)).
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Where the caller is: on the network of a device, or somewhere beyond.
pub(super) fn find(text: &str, facts: &Facts, neighbours: &[Neighbour]) -> Option<Caller> {
    let mut words = text.split_whitespace();
    let (from, _, _, port) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (address, scope) =
        from.split_once('%').map_or((from, None), |(address, scope)| (address, Some(scope)));
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    let ssh_port = port.parse().ok()?;
    let is_it = |neighbour: &&Neighbour| {
        neighbour.address == address && scope.is_none_or(|scope| scope == neighbour.device)
    };
    let neighbour = neighbours.iter().find(is_it);
    let on_link = || {
        let holds =
            |device: &&crate::setup::Device| device.addresses.iter().any(|net| net.contains(&address));
        facts.devices.iter().find(holds).map(|device| device.name.clone())
    };
    let device = neighbour
        .map(|neighbour| neighbour.device.clone())
        .or_else(|| scope.map(str::to_owned))
        .or_else(on_link)
        .or_else(|| facts.default_routes.first().cloned());
    Some(Caller { address, ssh_port, device, mac: neighbour.map(|neighbour| neighbour.mac) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Reachability;
    use crate::setup::{Device, DeviceKind};

    fn facts() -> Facts {
        let device = |name: &str, net: &str| Device {
            name: name.to_owned(),
            kind: DeviceKind::Card,
            up: true,
            bridge: None,
            on: None,
            addresses: vec![net.parse().unwrap(), "fe80::1/64".parse().unwrap()],
        };
        Facts {
            devices: vec![device("eth0", "203.0.113.2/24"), device("eth1", "192.168.77.1/24")],
            default_routes: vec!["eth0".to_owned()],
            ..Facts::default()
        }
    }

    fn neighbour(device: &str, address: &str, mac: &str) -> Neighbour {
        Neighbour {
            device: device.to_owned(),
            address: address.parse().unwrap(),
            mac: mac.parse().unwrap(),
            state: Reachability::Stale,
        }
    }

    #[test]
    fn the_caller_is_found_on_a_network_or_beyond() {
        let neighbours = [
            neighbour("eth0", "fe80::5", "02:00:5e:00:53:0a"),
            neighbour("eth1", "fe80::5", "02:00:5e:00:53:01"),
            neighbour("eth1", "192.168.77.50", "02:00:5e:00:53:01"),
        ];
        let find = |text: &str| {
            find(text, &facts(), &neighbours).map(|caller| {
                (caller.device.unwrap(), caller.mac.map(|mac| mac.to_string()), caller.ssh_port)
            })
        };
        let mac = Some("02:00:5e:00:53:01".to_owned());
        assert_eq!(find("192.168.77.50 50000 192.168.77.1 22"), Some(("eth1".into(), mac.clone(), 22)));
        assert_eq!(find("fe80::5%eth1 50000 fe80::1 2222"), Some(("eth1".into(), mac, 2222)));
        // On the network, though the kernel has forgotten it; and beyond all of them.
        assert_eq!(find("192.168.77.51 50000 192.168.77.1 22"), Some(("eth1".into(), None, 22)));
        assert_eq!(find("198.51.100.7 50000 203.0.113.2 22"), Some(("eth0".into(), None, 22)));
        for nonsense in ["", "x", "192.168.77.50", "192.168.77.50 1 2 x", "a b c d"] {
            assert_eq!(find(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn sudo_does_not_hide_the_caller() {
        let root = tempfile::tempdir().unwrap();
        let parent_id = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        let process = |id: i32, parent: i32, environment: &str| {
            let folder = root.path().join(format!("proc/{id}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("environ"), environment).unwrap();
            fs::write(folder.join("stat"), format!("{id} (a) b) ) S {parent} 0 0")).unwrap();
        };
        process(parent_id, 77_777, "A=b\0SSH_CONNECTION_NO=x\0");
        process(77_777, 1, "HOME=/\0SSH_CONNECTION=192.0.2.7 1 192.0.2.1 22\0");
        // Where the tests are run by ssh themselves it is in the environment.
        let expected = std::env::var(VARIABLE).unwrap_or_else(|_| "192.0.2.7 1 192.0.2.1 22".to_owned());
        assert_eq!(connection(&Place::below(root.path())), Some(expected));
        process(77_777, 1, "HOME=/\0");
        assert_eq!(connection(&Place::below(root.path())), std::env::var(VARIABLE).ok());
        assert_eq!(parent("1 (x"), None);
    }
}

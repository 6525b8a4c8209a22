//! The router's addresses on the guests' network.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sha2::{Digest, Sha256};

use super::{Device, DeviceName, Facts, Refused, Wishes, answer};

/// The router's address on the guests' network, and others in case that one is taken.
const ADDRESSES: [&str; 3] = ["192.168.77.1/24", "10.77.77.1/24", "172.29.77.1/24"];

/// The addresses of a network that somebody else made.
pub(super) fn there(wishes: &Wishes, device: &Device) -> Result<(Ipv4Net, Option<Ipv6Net>), Refused> {
    let (mut v4, mut v6) = (None, None);
    for address in &device.addresses {
        match address {
            IpNet::V4(net) => v4 = v4.or(Some(*net)),
            IpNet::V6(net) if !net.addr().is_unicast_link_local() && net.prefix_len() == 64 => {
                v6 = v6.or(Some(*net));
            }
            IpNet::V6(_) => {}
        }
    }
    let name = &device.name;
    let Some(v4) = v4 else {
        return Err(Refused::new(format!(
            "{name} is there and has no IPv4 address. Give it one; or take another name for a bridge (--guest) with {name} as a port"
        )));
    };
    answer::address(&v4.to_string()).map_err(|why| Refused::new(format!("{name} has {v4}, which {why}")))?;
    let other = wishes.address.filter(|wanted| *wanted != v4).map(IpNet::from);
    let other = other.or(wishes.address6.filter(|wanted| Some(*wanted) != v6).map(IpNet::from));
    match other {
        Some(wanted) => {
            Err(Refused::new(format!("{name} is there already and is left as it is: it has not {wanted}")))
        }
        None => Ok((v4, v6)),
    }
}

/// The addresses of a network that is made.
pub(super) fn made(
    wishes: &Wishes,
    facts: &Facts,
    guest: &DeviceName,
    ports: &[DeviceName],
) -> Result<(Ipv4Net, Option<Ipv6Net>), Refused> {
    let others = || {
        let is_other = |device: &&Device| {
            device.name != guest.as_str() && !ports.iter().any(|port| port.as_str() == device.name)
        };
        facts.devices.iter().filter(is_other)
    };
    let clash = |net: IpNet| {
        let overlaps = |there: &&IpNet| net.contains(&there.trunc()) || there.contains(&net.trunc());
        others().find_map(|device| Some((device.name.clone(), *device.addresses.iter().find(overlaps)?)))
    };
    let wanted = [wishes.address.map(IpNet::from), wishes.address6.map(IpNet::from)];
    for net in wanted.into_iter().flatten() {
        if let Some((device, there)) = clash(net) {
            return Err(Refused::new(format!(
                "{net} overlaps with {there} on {device}: take another --address"
            )));
        }
    }
    let free = || {
        ADDRESSES
            .iter()
            .filter_map(|net| net.parse::<Ipv4Net>().ok())
            .find(|net| clash((*net).into()).is_none())
    };
    let v4 = wishes.address.or_else(free).ok_or_else(|| {
        Refused::new(format!("{} are all in use here: give another --address", ADDRESSES.join(", ")))
    })?;
    let v6 = wishes.address6.unwrap_or_else(|| local_prefix(facts));
    Ok((v4, facts.has_ipv6().then_some(v6)))
}

/// A network of the site's own (RFC 4193), another one on each box and the same each time on one.
fn local_prefix(facts: &Facts) -> Ipv6Net {
    let box_id = facts.text("/etc/machine-id").map_or(facts.host_name.as_str(), str::trim);
    // The id itself is nobody's business (machine-id(5)).
    let digest = Sha256::new().chain_update("turnpike guests").chain_update(box_id).finalize();
    let mut bytes = [0; 16];
    bytes[0] = 0xfd;
    for (byte, random) in bytes.iter_mut().skip(1).take(5).zip(digest.iter()) {
        *byte = *random;
    }
    bytes[15] = 1;
    Ipv6Net::new_assert(bytes.into(), 64)
}

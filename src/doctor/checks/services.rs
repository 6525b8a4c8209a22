use std::net::IpAddr;

use crate::doctor::gather::{Known, Network, Protocol, Socket};
use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Sides};

const DNS_PORT: u16 = 53;
const DHCP_PORT: u16 = 67;

/// Who answers guests' DNS and DHCP on this box.
pub fn judge(
    sides: &Sides,
    network: &Known<Network>,
    sockets: &Known<Vec<Socket>>,
    system: System,
) -> Vec<Finding> {
    let (network, sockets) = match (network, sockets) {
        (Ok(network), Ok(sockets)) => (network, sockets),
        (Err(error), _) | (_, Err(error)) => {
            return [Code::DNS, Code::DHCP].map(|code| Finding::unchecked(code, error)).into();
        }
    };
    let mut found = Vec::new();
    for device in sides.zone_devices() {
        // A device without an address has a finding of its own.
        let Some(address) = first_address(&network.addresses_of(device)) else { continue };
        found.push(dns(device, address, sockets, system));
        found.push(dhcp(device, address, sockets, system));
    }
    found
}

/// The one that guests are most likely to be told.
fn first_address(addresses: &[IpAddr]) -> Option<IpAddr> {
    addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied()
}

fn hears(sockets: &[Socket], protocol: Protocol, address: IpAddr, port: u16) -> bool {
    sockets.iter().any(|socket| socket.protocol == protocol && socket.hears(address, port))
}

fn dns(device: &str, address: IpAddr, sockets: &[Socket], system: System) -> Finding {
    let code = Code::DNS;
    let [udp, tcp] = [Protocol::Udp, Protocol::Tcp].map(|by| hears(sockets, by, address, DNS_PORT));
    let fix = match system {
        System::Debian => vec![
            "apt install dnsmasq".to_owned(),
            format!("interface={device} in /etc/dnsmasq.conf"),
            "systemctl restart dnsmasq".to_owned(),
        ],
        System::OpenWrt(_) => {
            vec!["/etc/init.d/dnsmasq restart".to_owned(), "logread -e dnsmasq".to_owned()]
        }
    };
    match (udp, tcp) {
        (false, _) => {
            Finding::problem(code, format!("nobody listens on UDP port 53 of {address} ({device})"))
                .because(
                    "the firewall sends guests' questions to this box: without an answer no portal opens",
                )
                .fix(fix)
        }
        (true, false) => {
            Finding::warning(code, format!("nobody listens on TCP port 53 of {address} ({device})"))
                .because("long answers cannot be had")
                .fix(fix)
        }
        (true, true) => {
            let text = "whether another firewall lets guests there was not looked at";
            Finding::ok(
                code,
                format!("a name server listens on {address} ({device}), by UDP and TCP; {text}"),
            )
        }
    }
}

fn dhcp(device: &str, address: IpAddr, sockets: &[Socket], system: System) -> Finding {
    let code = Code::DHCP;
    if !address.is_ipv4() {
        return Finding::ok(code, format!("{device} has no IPv4 address to give any from"));
    }
    if hears(sockets, Protocol::Udp, address, DHCP_PORT) {
        let text = "whether it serves that device, and another firewall lets guests there, was not looked at";
        return Finding::ok(
            code,
            format!("a DHCP server listens on UDP port 67 for {address} ({device}); {text}"),
        );
    }
    let fix = match system {
        System::Debian => vec![
            format!("interface={device} and a dhcp-range in /etc/dnsmasq.conf"),
            "systemctl restart dnsmasq".to_owned(),
        ],
        System::OpenWrt(_) => vec![
            "in /etc/config/dhcp: a 'config dhcp' for that interface, without ignore".to_owned(),
            "/etc/init.d/dnsmasq restart".to_owned(),
        ],
    };
    Finding::warning(code, format!("nobody listens on UDP port 67 for {address} ({device})"))
        .because("guests get no address, unless another box of that network gives them")
        .fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Problem, Warning};
    use crate::doctor::gather::network;

    fn of(sockets: &[(Protocol, &str)], addresses: &[(&str, &str)]) -> Vec<Severity> {
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        let network = Ok(network(&[("br-lan", None)], addresses, &[]));
        let socket = |(protocol, address): &(Protocol, &str)| Socket {
            protocol: *protocol,
            address: address.parse().unwrap(),
            inode: 1,
        };
        let sockets = Ok(sockets.iter().map(socket).collect());
        judge(&sides, &network, &sockets, System::Debian)
            .into_iter()
            .map(|finding| finding.severity)
            .collect()
    }

    #[test]
    fn listeners_count_where_guests_reach_them() {
        use Protocol::{Tcp, Udp};
        let v4 = [("br-lan", "fe80::1"), ("br-lan", "10.0.0.1")];
        let dhcp = (Udp, "0.0.0.0:67");
        assert_eq!(of(&[(Udp, "10.0.0.1:53"), (Tcp, "10.0.0.1:53"), dhcp], &v4), [Well, Well]);
        assert_eq!(of(&[(Udp, "[::]:53"), (Tcp, "[::]:53"), dhcp], &v4), [Well, Well]);
        assert_eq!(of(&[(Udp, "0.0.0.0:53")], &v4), [Warning, Warning]);
        assert_eq!(of(&[(Udp, "127.0.0.53:53"), (Tcp, "127.0.0.53:53"), dhcp], &v4), [Problem, Well]);
        assert_eq!(of(&[], &[("br-lan", "fd77::1")]), [Problem, Well]);
        assert_eq!(of(&[], &[]), []);
    }
}

//! Many phones in the namespace of one: each a device of its own with a MAC and an address.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::net::{TcpSocket, TcpStream};

use crate::lab::Lab;

/// Gives the lab's first phone so many devices, and the router an address among theirs.
pub fn crowd(lab: &Lab, count: u16) {
    let phone = lab.phones.first().expect("one");
    // Only whoever has an address answers for it, with its own MAC.
    phone.sysctl(&[("net/ipv4/conf/all/arp_ignore", "1"), ("net/ipv4/conf/all/arp_announce", "2")]);
    let link = lab.router.run(&["ip", "-j", "link", "show", "br-lan"]).json();
    let router = link[0]["address"].as_str().expect("a MAC");
    let mut batch = String::new();
    // The router's MAC is set down: the kernel's table of neighbours is one for all namespaces, and is to hold the phones.
    for number in 0..count {
        let [high, low] = number.to_be_bytes();
        writeln!(
            batch,
            "link add link eth0 name m{number} address 02:20:00:00:{high:02x}:{low:02x} type macvlan mode bridge\n\
             link set m{number} up\naddress add {}/16 dev m{number} noprefixroute\n\
             neigh replace 10.76.0.1 lladdr {router} dev m{number} nud permanent\n\
             route add default via 10.76.0.1 dev m{number} onlink metric {}",
            address(number),
            1_000 + u32::from(number)
        )
        .expect("a string");
    }
    phone.ip(&batch);
    lab.router.ip("address add 10.76.0.1/16 dev br-lan\n");
}

/// Room for so many in the kernel's tables of neighbours, as long as this lives. The tables are one for all namespaces and take 1,024
/// as the kernel comes: `turnpike doctor` says when that is too few, and this is what it says to do.
pub struct RoomForNeighbours {
    before: Vec<(PathBuf, String)>,
}

impl RoomForNeighbours {
    /// What is larger already stays.
    pub fn make(count: u16) -> Self {
        let mut before = Vec::new();
        for family in ["ipv4", "ipv6"] {
            for (name, times) in [("gc_thresh3", 8), ("gc_thresh2", 4), ("gc_thresh1", 2)] {
                let path = PathBuf::from(format!("/proc/sys/net/{family}/neigh/default/{name}"));
                let was = fs::read_to_string(&path).expect("a threshold");
                let wanted = u64::from(count) * times;
                if was.trim().parse::<u64>().expect("a number") < wanted {
                    fs::write(&path, wanted.to_string()).expect("room for neighbours");
                    before.push((path, was));
                }
            }
        }
        Self { before }
    }
}

impl Drop for RoomForNeighbours {
    fn drop(&mut self) {
        for (path, was) in &self.before {
            if let Err(error) = fs::write(path, was) {
                println!("{} was {}, and cannot be set back: {error}", path.display(), was.trim());
            }
        }
    }
}

/// The address of one of them.
pub const fn address(number: u16) -> Ipv4Addr {
    let [high, low] = (number + 2).to_be_bytes();
    Ipv4Addr::new(10, 76, high, low)
}

/// The device of one of them: packets that are to bear its MAC leave by it.
pub fn device(number: u16) -> String {
    format!("m{number}")
}

/// A connection from one of them.
pub async fn connect(number: u16, to: (Ipv4Addr, u16)) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind_device(Some(device(number).as_bytes()))?;
    socket.bind(SocketAddr::from((address(number), 0)))?;
    let stream = socket.connect(SocketAddr::from(to)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

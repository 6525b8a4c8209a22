use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::ns::{Ns, ip_batch};
use super::{GUEST4, GUEST6, LAN4, LAN6, Lab, NET4, NET6, OFFICE4, Phone, WAN4, WAN6};

/// What a test's network is to be.
pub struct LabBuilder {
    phones: usize,
    guests: usize,
    masquerade: bool,
    dhcp: bool,
    dns: bool,
    alone: bool,
    office: bool,
    plain: bool,
}

impl Default for LabBuilder {
    fn default() -> Self {
        Self {
            phones: 1,
            guests: 0,
            masquerade: true,
            dhcp: false,
            dns: false,
            alone: false,
            office: false,
            plain: false,
        }
    }
}

/// One guest network: its bridge, the router's addresses, the second byte of its devices' MACs.
struct Segment {
    bridge: &'static str,
    number: u8,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

const LAN: Segment = Segment { bridge: "br-lan", number: 0x77, v4: LAN4, v6: LAN6 };
const GUEST: Segment = Segment { bridge: "br-guest", number: 0x78, v4: GUEST4, v6: GUEST6 };

impl LabBuilder {
    /// Devices on `br-lan`.
    pub fn phones(mut self, count: usize) -> Self {
        self.phones = count;
        self
    }

    /// Devices on `br-guest`.
    pub fn guests(mut self, count: usize) -> Self {
        self.guests = count;
        self
    }

    /// Without the router's own masquerading of IPv4.
    pub fn routed(mut self) -> Self {
        self.masquerade = false;
        self
    }

    /// With dnsmasq on both bridges as the name server; every name resolves to the internet host.
    pub fn dns(mut self) -> Self {
        self.dns = true;
        self
    }

    /// With dnsmasq as DHCP server and router advertiser, too; the phones begin without addresses (see
    /// [`super::dhcp`]).
    pub fn dhcp(mut self) -> Self {
        self.dhcp = true;
        self.dns()
    }

    /// For measurements of time and speed: no other lab is there meanwhile.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// With a computer of the operator on a network of its own (see [`Lab::office`]).
    pub fn office(mut self) -> Self {
        self.office = true;
        self
    }

    /// A router as it comes: `eth0` leads to the Internet, with an address and a default route; the other cards, `eth1` and so
    /// on with a phone behind each, are down and nobody's. It passes nothing on, there is no bridge and no firewall, and
    /// nobody out there knows a guest's address.
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self.routed()
    }

    fn port(&self, segment: &Segment, number: usize) -> String {
        if self.plain { format!("eth{}", number + 1) } else { port_name(segment, number) }
    }

    /// Makes it.
    pub fn build(self) -> Lab {
        let turn = turn(self.alone);
        let devices: Vec<(&Segment, usize)> =
            (0..self.phones).map(|n| (&LAN, n)).chain((0..self.guests).map(|n| (&GUEST, n))).collect();
        let roles: Vec<String> = ["router".to_owned(), "net".to_owned()]
            .into_iter()
            .chain(devices.iter().map(|(segment, n)| port_name(segment, *n)))
            .chain(self.office.then(|| "office".to_owned()))
            .collect();
        let mut spaces = Ns::create(&roles).into_iter();
        let router = spaces.next().expect("the router");
        let internet = spaces.next().expect("the internet");
        let mut hosts: Vec<Ns> = spaces.collect();
        let office = if self.office { hosts.pop() } else { None };
        prepare(&router, !self.plain);
        prepare(&internet, false);
        let wan = if self.plain { "eth0" } else { "wan" };
        let mut links = format!(
            "link add name {wan} netns {} type veth peer name eth0 netns {}\n",
            router.name(),
            internet.name()
        );
        for (host, (segment, n)) in hosts.iter().zip(&devices) {
            prepare(host, false);
            writeln!(
                links,
                "link add name {} netns {} type veth peer name eth0 netns {}",
                self.port(segment, *n),
                router.name(),
                host.name()
            )
            .expect("a string");
        }
        if let Some(office) = &office {
            prepare(office, false);
            writeln!(
                links,
                "link add name office netns {} type veth peer name eth0 netns {}",
                router.name(),
                office.name()
            )
            .expect("a string");
        }
        ip_batch(None, &links);
        set_up_wan(&router, wan);
        if !self.plain {
            set_up_bridges(&router, &devices);
        }
        set_up_internet(&internet, !self.plain);
        if let Some(office) = &office {
            router.ip(&format!("link set office up\naddress add {OFFICE4}/24 dev office\n"));
            let own = Ipv4Addr::from(u32::from(OFFICE4) + 1);
            office.ip(&format!("link set lo up\nlink set eth0 up\naddress add {own}/24 dev eth0\n"));
        }
        if self.masquerade {
            router.nft(FW4);
        }
        let dir = tempfile::tempdir().expect("a directory");
        let mut phones: Vec<Phone> = hosts
            .into_iter()
            .zip(&devices)
            .map(|(ns, (segment, n))| {
                let port = self.port(segment, *n);
                set_up_phone(ns, segment, *n, port, self.dhcp || self.plain)
            })
            .collect();
        // On a plain router, nobody has switched the cards on.
        if !self.plain {
            let ends: Vec<&Ns> =
                phones.iter().map(|phone| &**phone).chain(&office).chain([&internet, &router]).collect();
            wait_for_links(&ends);
        }
        let guests = phones.split_off(self.phones);
        let mut lab = Lab { phones, guests, router, internet, office, dnsmasq: None, dir, _turn: turn };
        if self.dns {
            write_dnsmasq(&lab, self.dhcp);
            start_dnsmasq(&mut lab, "");
        }
        lab
    }
}

/// What is sent before the kernel has got round to a link that came up is lost, and the next question of ARP comes a second later.
fn wait_for_links(spaces: &[&Ns]) {
    // Nobody may be on a bridge; and the loopback does not say.
    let is_up =
        |link: &serde_json::Value| link["operstate"] == "UP" || link["linkinfo"]["info_kind"] != "veth";
    for space in spaces {
        let mut links = serde_json::Value::Null;
        let ready = super::eventually(std::time::Duration::from_secs(1), || {
            links = space.run(&["ip", "-j", "-d", "link", "show"]).json();
            links.as_array().is_some_and(|links| links.iter().all(is_up))
        });
        assert!(ready, "a link stays down: {links}");
    }
}

/// A firewall of somebody else, as OpenWrt's fw4 has it.
const FW4: &str = "table inet fw4 {
  chain forward { type filter hook forward priority filter; policy accept; }
  chain srcnat { type nat hook postrouting priority srcnat; policy accept; oifname wan meta nfproto ipv4 masquerade; }
}";

/// Waits for a turn among all test threads and processes of this machine; the lock goes with the file.
fn turn(alone: bool) -> fs::File {
    let path = std::env::temp_dir().join("turnpike-labs.lock");
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).expect("the lock");
    if alone { file.lock() } else { file.lock_shared() }.expect("a turn");
    file
}

fn port_name(segment: &Segment, number: usize) -> String {
    format!("{}{number}", segment.bridge.trim_start_matches("br-"))
}

/// Before there is any interface: addresses are usable at once, and the first solicitation goes out at once.
fn prepare(ns: &Ns, forwards: bool) {
    let forward = if forwards { "1" } else { "0" };
    ns.sysctl(&[
        // The machine's own choice may look for more bandwidth, or less, all the time (BBR); this one every kernel has, and it
        // keeps a queue full. Nothing is remembered of the connections before, either.
        ("net/ipv4/tcp_congestion_control", "reno"),
        ("net/ipv4/tcp_no_metrics_save", "1"),
        ("net/ipv6/conf/all/accept_dad", "0"),
        ("net/ipv6/conf/default/accept_dad", "0"),
        ("net/ipv6/conf/default/dad_transmits", "0"),
        ("net/ipv6/conf/default/router_solicitation_delay", "0"),
        ("net/ipv4/ip_forward", forward),
        ("net/ipv6/conf/all/forwarding", forward),
        ("net/ipv6/conf/default/forwarding", forward),
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv4/conf/default/rp_filter", "0"),
    ]);
}

fn set_up_wan(router: &Ns, wan: &str) {
    router.ip(&format!(
        "link set lo up\nlink set {wan} up\naddress add {WAN4}/24 dev {wan}\naddress add {WAN6}/64 dev {wan} nodad\n\
         route add default via {NET4}\nroute add default via {NET6}\n"
    ));
}

fn set_up_bridges(router: &Ns, devices: &[(&Segment, usize)]) {
    let mut batch = String::new();
    for Segment { bridge, number, v4, v6 } in [&LAN, &GUEST] {
        writeln!(
            batch,
            "link add {bridge} address 02:00:00:00:{number:02x}:01 type bridge forward_delay 0 stp_state 0 \
             mcast_snooping 0\n\
             link set {bridge} up\naddress add {v4}/24 dev {bridge}\naddress add {v6}/64 dev {bridge} nodad"
        )
        .expect("a string");
    }
    for (segment, n) in devices {
        let port = port_name(segment, *n);
        writeln!(batch, "link set {port} master {} up", segment.bridge).expect("a string");
    }
    router.ip(&batch);
}

fn set_up_internet(internet: &Ns, knows_guests: bool) {
    let mut batch = format!(
        "link set lo up\nlink set eth0 up\naddress add {NET4}/24 dev eth0\naddress add {NET6}/64 dev eth0 nodad\n"
    );
    for Segment { v4, v6, .. } in [&LAN, &GUEST].into_iter().filter(|_| knows_guests) {
        let (net4, net6) =
            (Ipv4Addr::from(u32::from(*v4) & 0xffff_ff00), Ipv6Addr::from(u128::from(*v6) & !0xffff));
        writeln!(batch, "route add {net4}/24 via {WAN4}\nroute add {net6}/64 via {WAN6}").expect("a string");
    }
    internet.ip(&batch);
}

fn set_up_phone(ns: Ns, segment: &Segment, number: usize, port: String, dhcp: bool) -> Phone {
    let host = u8::try_from(number + 10).expect("few phones");
    let mac = format!("02:00:00:01:{:02x}:{host:02x}", segment.number);
    let mut batch = format!("link set lo up\nlink set eth0 address {mac} up\n");
    let (mut v4, mut v6) = (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
    if !dhcp {
        v4 = Ipv4Addr::from(u32::from(segment.v4) + u32::from(host) - 1);
        v6 = Ipv6Addr::from(u128::from(segment.v6) + u128::from(host) - 1);
        write!(
            batch,
            "address add {v4}/24 dev eth0\naddress add {v6}/64 dev eth0 nodad\n\
             route add default via {}\nroute add default via {}\n",
            segment.v4, segment.v6
        )
        .expect("a string");
    }
    ns.ip(&batch);
    Phone { ns, mac, v4, v6, port }
}

fn write_dnsmasq(lab: &Lab, dhcp: bool) {
    let dir = lab.dir.path().display();
    let mut config = format!(
        "keep-in-foreground\nlog-facility=-\nno-resolv\nno-hosts\npid-file={dir}/dnsmasq.pid\n\
         bind-dynamic\nexcept-interface=wan\naddress=/#/{NET4}\naddress=/#/{NET6}\n\
         dhcp-leasefile={dir}/leases\nuser=root\n"
    );
    if dhcp {
        for Segment { bridge, v4, .. } in [&LAN, &GUEST] {
            let [a, b, c, _] = v4.octets();
            writeln!(
                config,
                "dhcp-range={a}.{b}.{c}.100,{a}.{b}.{c}.199,255.255.255.0,10m\n\
                 dhcp-range=::,constructor:{bridge},ra-stateless,64,10m"
            )
            .expect("a string");
        }
        config.push_str("enable-ra\ndhcp-authoritative\nno-ping\ndhcp-rapid-commit\n");
    }
    fs::write(lab.dir.path().join("dnsmasq.conf"), config).expect("the configuration of dnsmasq");
}

/// Starts it with these lines added to what is configured already.
pub(super) fn start_dnsmasq(lab: &mut Lab, more: &str) {
    let path = lab.dir.path().join("dnsmasq.conf");
    let config = fs::read_to_string(&path).expect("the configuration of dnsmasq");
    fs::write(&path, config + more).expect("the configuration of dnsmasq");
    let log = lab.dir.path().join("dnsmasq.log");
    let process = lab.router.spawn(&["dnsmasq", "-C", &path.display().to_string()], &log);
    lab.dnsmasq = Some(process);
    let answers = super::eventually(std::time::Duration::from_secs(5), || {
        lab.router.enter(|| super::resolve(LAN4.into(), "ready.test").is_some())
    });
    assert!(answers, "dnsmasq does not answer: {}", lab.dnsmasq.as_ref().expect("started").log());
}

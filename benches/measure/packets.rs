//! What the packet path costs: with nobody else, with the crowd, shaped; against a router without Turnpike, and against one with
//! rules for each client.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Effort;
use crate::lab::{Lab, NET4, Phone, TcpServer, Transfer};
use crate::layout::{self, RULES_OF_A_CLIENT};
use crate::report::{Aim, Report};
use crate::router::{Router, macs, terms};
use crate::stats::Sample;

const AREA: &str = "packets";
const PAYLOAD_BYTES: usize = 64;
const SETTLE: Duration = Duration::from_millis(200);

/// Clients of the layouts that list them rule by rule.
const LISTED: [usize; 4] = [1, 100, 1_000, 5_000];
/// The measured client's speed where it has one: it is reached by no path.
const NO_LIMIT_MBPS: f64 = 100_000.0;
const CROWDS_MBPS: f64 = 5.0;

/// What stands in the router.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// Nothing: routed, without conntrack.
    Plain,
    /// Conntrack and masquerading.
    Masquerade,
    /// Turnpike with so many clients.
    Turnpike(usize),
    /// The same, each with a speed: packets go through their classes.
    Shaped(usize),
    /// Masquerading, and rules for each of so many clients.
    Listed(usize),
}

impl Layout {
    fn name(self) -> String {
        match self {
            Self::Plain => "forwarding without any rule".to_owned(),
            Self::Masquerade => "conntrack and masquerade alone".to_owned(),
            Self::Turnpike(1) => "Turnpike, 1 client".to_owned(),
            Self::Turnpike(clients) => format!("Turnpike, {clients} clients"),
            Self::Shaped(clients) => format!("Turnpike, {clients} clients, all shaped"),
            Self::Listed(clients) => {
                format!("{RULES_OF_A_CLIENT} rules a client, {clients} of them")
            }
        }
    }

    fn lab(self) -> Lab {
        match self {
            Self::Plain => Lab::builder().routed().build(),
            Self::Masquerade | Self::Turnpike(_) | Self::Shaped(_) | Self::Listed(_) => Lab::with_phones(1),
        }
    }
}

/// One way to run the router.
struct Way<'lab> {
    layout: Layout,
    lab: &'lab Lab,
    router: Option<Router<'lab>>,
    kpps: Sample,
    gbps: Sample,
}

/// All ways side by side, in turns.
pub fn measure(report: &mut Report, effort: Effort) {
    let many = effort.clients;
    let turnpikes =
        [Layout::Turnpike(1), Layout::Turnpike(1_000), Layout::Turnpike(many), Layout::Shaped(many)];
    let layouts: Vec<Layout> = [Layout::Plain, Layout::Masquerade]
        .into_iter()
        .chain(turnpikes)
        .chain(LISTED.map(Layout::Listed))
        .collect();
    let labs: Vec<Lab> = layouts.iter().map(|layout| layout.lab()).collect();
    let mut ways: Vec<Way<'_>> =
        layouts.iter().zip(&labs).map(|(layout, lab)| Way::new(*layout, lab)).collect();
    // Many short turns: what else the machine does comes and goes.
    for run in 0..effort.runs * 2 {
        // Each turn begins with another one, so that none always comes after the same.
        for turn in 0..ways.len() {
            let at = (run + turn) % ways.len();
            if let Some(way) = ways.get_mut(at) {
                way.run(effort.secs / 2.0);
            }
        }
    }
    for way in &ways {
        let what = format!("{PAYLOAD_BYTES}-byte UDP, {}", way.layout.name());
        report.add(AREA, what, way.kpps.clone(), "kpps", Aim::Open);
    }
    for way in &ways {
        report.add(AREA, format!("TCP, {}", way.layout.name()), way.gbps.clone(), "Gbit/s", Aim::Open);
    }
    let [plain, masquerade, one, _thousand, many, shaped, listed @ ..] = ways.as_slice() else {
        panic!("six ways and the lists")
    };
    let mut ratio = |what: &str, sample: Sample, aim| report.add(AREA, what, sample, "ratio", aim);
    ratio("UDP: the crowd to one client", many.kpps.over(&one.kpps), Aim::AtLeast(0.97));
    ratio("UDP: the crowd to masquerade alone", many.kpps.over(&masquerade.kpps), Aim::AtLeast(0.85));
    ratio("UDP: the crowd to no rules", many.kpps.over(&plain.kpps), Aim::Open);
    ratio("UDP: the crowd shaped to not shaped", shaped.kpps.over(&many.kpps), Aim::Open);
    for way in listed {
        let what = format!("UDP: the crowd to {}", way.layout.name());
        ratio(&what, many.kpps.over(&way.kpps), Aim::Open);
    }
    ratio("TCP: the crowd to one client", many.gbps.over(&one.gbps), Aim::Open);
    ratio("TCP: the crowd to masquerade alone", many.gbps.over(&masquerade.gbps), Aim::Open);
    ratio("TCP: the crowd shaped to not shaped", shaped.gbps.over(&many.gbps), Aim::Open);
}

impl<'lab> Way<'lab> {
    fn new(layout: Layout, lab: &'lab Lab) -> Self {
        let phone = lab.phones.first().expect("one");
        let speed = |mbps: f64| {
            let mut terms = terms();
            terms["down_mbps"] = mbps.into();
            terms["up_mbps"] = mbps.into();
            terms
        };
        let router = match layout {
            Layout::Plain | Layout::Masquerade => None,
            Layout::Listed(clients) => {
                layout::load(lab, phone, clients);
                None
            }
            Layout::Turnpike(clients) => Some(crowded(lab, clients, &terms(), &terms())),
            Layout::Shaped(clients) => {
                Some(crowded(lab, clients, &speed(CROWDS_MBPS), &speed(NO_LIMIT_MBPS)))
            }
        };
        Self { layout, lab, router, kpps: Sample::default(), gbps: Sample::default() }
    }

    /// One run of each, with this way's daemon at work and the others' frozen.
    fn run(&mut self, secs: f64) {
        if let Some(router) = &self.router {
            router.thaw();
        }
        let phone = self.lab.phones.first().expect("one");
        let time = Duration::from_secs_f64(secs);
        self.kpps.add(packets_per_sec(phone, self.lab, time) / 1e3);
        let server = TcpServer::open(&self.lab.internet, (NET4, 5001));
        let transfer = Transfer::download(phone, server.address());
        sleep(SETTLE);
        self.gbps.add(transfer.mbps_over(time) / 1e3);
        drop(transfer);
        drop(server);
        if let Some(router) = &self.router {
            router.freeze();
        }
    }
}

/// A daemon that lets a crowd of so many through, of whom the phone is one; stopped for now.
fn crowded<'lab>(lab: &'lab Lab, clients: usize, terms: &Value, phones: &Value) -> Router<'lab> {
    let router = Router::start(lab, "");
    let others = macs(clients - 1);
    router.register_with(&others, terms);
    router.all("connect", &others);
    router.let_through(&lab.phones.first().expect("one").mac, phones);
    router.wait_for(clients);
    router.freeze();
    router
}

/// One sender as fast as it can, one receiver that counts.
fn packets_per_sec(phone: &Phone, lab: &Lab, time: Duration) -> f64 {
    let to = SocketAddr::from((NET4, 5002));
    let sink = lab.internet.enter(|| UdpSocket::bind(to).expect("a port"));
    sink.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let (received, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let reader = {
        let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !stop.load(Ordering::Relaxed) {
                if sink.recv(&mut buffer).is_ok() {
                    received.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    };
    let source = phone.enter(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
        socket.connect(to).expect("a route");
        socket
    });
    let sender = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            let payload = [0x54; PAYLOAD_BYTES];
            while !stop.load(Ordering::Relaxed) {
                // A queue that is full for a moment: the next one, then.
                source.send(&payload).ok();
            }
        })
    };
    sleep(SETTLE);
    let (begun, before) = (Instant::now(), received.load(Ordering::Relaxed));
    sleep(time);
    let count = received.load(Ordering::Relaxed) - before;
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    for thread in [reader, sender] {
        thread.join().expect("sender and receiver");
    }
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    let count = count as f64;
    count / took.as_secs_f64()
}

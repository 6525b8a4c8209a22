//! What the packet path costs: with nobody else, with the crowd, against a router without Turnpike.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Effort;
use crate::lab::{Lab, NET4, Phone, TcpServer, Transfer};
use crate::report::{Aim, Report};
use crate::router::{Router, macs, terms};
use crate::stats::Sample;

const AREA: &str = "packets";
const PAYLOAD_BYTES: usize = 64;
const SETTLE: Duration = Duration::from_millis(200);

/// One way to run the router.
struct Way<'lab> {
    name: String,
    lab: &'lab Lab,
    router: Option<Router<'lab>>,
    kpps: Sample,
    gbps: Sample,
}

/// All ways side by side, in turns.
pub fn measure(report: &mut Report, effort: Effort) {
    let labs: [Lab; 4] =
        [Lab::builder().routed().build(), Lab::with_phones(1), Lab::with_phones(1), Lab::with_phones(1)];
    let [plain, masquerade, one, many] = &labs;
    let mut ways = [
        Way::new("forwarding without any rule".to_owned(), plain, None),
        Way::new("conntrack and masquerade alone".to_owned(), masquerade, None),
        Way::new("Turnpike, 1 client".to_owned(), one, Some(1)),
        Way::new(format!("Turnpike, {} clients", effort.clients), many, Some(effort.clients)),
    ];
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
        let name = &way.name;
        report.add(AREA, format!("{PAYLOAD_BYTES}-byte UDP, {name}"), way.kpps.clone(), "kpps", Aim::Open);
    }
    for way in &ways {
        report.add(AREA, format!("TCP, {}", way.name), way.gbps.clone(), "Gbit/s", Aim::Open);
    }
    let [plain, masquerade, one, many] = &ways;
    let mut ratio = |what: &str, sample: Sample, aim| report.add(AREA, what, sample, "ratio", aim);
    ratio("UDP: the crowd to one client", many.kpps.over(&one.kpps), Aim::AtLeast(0.97));
    ratio("UDP: the crowd to masquerade alone", many.kpps.over(&masquerade.kpps), Aim::AtLeast(0.85));
    ratio("UDP: the crowd to no rules", many.kpps.over(&plain.kpps), Aim::Open);
    ratio("TCP: the crowd to one client", many.gbps.over(&one.gbps), Aim::Open);
    ratio("TCP: the crowd to masquerade alone", many.gbps.over(&masquerade.gbps), Aim::Open);
}

impl<'lab> Way<'lab> {
    fn new(name: String, lab: &'lab Lab, clients: Option<usize>) -> Self {
        let router = clients.map(|clients| {
            let router = Router::start(lab, "");
            let others = macs(clients - 1);
            router.register(&others);
            router.all("connect", &others);
            router.let_through(&lab.phones.first().expect("one").mac, &terms());
            router.wait_for(clients);
            router.freeze();
            router
        });
        Self { name, lab, router, kpps: Sample::default(), gbps: Sample::default() }
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

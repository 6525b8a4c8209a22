//! How a full zone is shared, and what is left of the latency under load.

use std::net::IpAddr;
use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::json;

use crate::Effort;
use crate::lab::{Lab, NET4, Phone, TcpServer, Transfer, mbps};
use crate::report::{Aim, Report};
use crate::router::Router;
use crate::stats::{Sample, jain};

const AREA: &str = "share";
const ZONE_MBPS: f64 = 20.0;
const CLIENT_MBPS: f64 = 5.0;
const SETTLE: Duration = Duration::from_secs(1);

/// Fairness and latency.
pub fn measure(report: &mut Report, effort: Effort) {
    fairness(report, effort);
    latency(report, effort);
}

fn let_through(router: &Router<'_>, phone: &Phone, speed: f64) {
    let terms = json!({"kind": "time", "time_secs": 86400, "down_mbps": speed, "up_mbps": speed});
    router.let_through(&phone.mac, &terms);
}

fn fairness(report: &mut Report, effort: Effort) {
    for count in [2, 3] {
        let lab = Lab::with_phones(count);
        let router = Router::start(&lab, &format!("down_mbps = {ZONE_MBPS}\nup_mbps = {ZONE_MBPS}\n"));
        for phone in &lab.phones {
            let_through(&router, phone, 0.0);
        }
        let servers: Vec<TcpServer> =
            (5001..).take(count).map(|port| TcpServer::open(&lab.internet, (NET4, port))).collect();
        let time = Duration::from_secs_f64((effort.secs * 2.0).max(2.0));
        let (mut down, mut up) = (Sample::default(), Sample::default());
        for _ in 0..effort.runs.div_ceil(2) {
            down.add(jain(&at_once(&lab, &servers, |phone, server| {
                let transfer = Transfer::download(phone, server.address());
                sleep(SETTLE);
                transfer.mbps_over(time)
            })));
            up.add(jain(&at_once(&lab, &servers, |phone, server| {
                let _transfer = Transfer::upload(phone, server.address());
                sleep(SETTLE);
                mbps(time, || server.received_bytes())
            })));
        }
        for (way, sample) in [("down", down), ("up", up)] {
            let what = format!("{count} clients in a full zone of {ZONE_MBPS} Mbit/s, {way}");
            report.add(AREA, what, sample, "Jain", Aim::AtLeast(0.98));
        }
    }
}

fn at_once(lab: &Lab, servers: &[TcpServer], measure: impl Fn(&Phone, &TcpServer) -> f64 + Sync) -> Vec<f64> {
    let measure = &measure;
    scope(|scope| {
        let threads: Vec<_> = lab
            .phones
            .iter()
            .zip(servers)
            .map(|(phone, server)| scope.spawn(move || measure(phone, server)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect()
    })
}

fn latency(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let phone = lab.phones.first().expect("one");
    let_through(&router, phone, CLIENT_MBPS);
    let server = TcpServer::open(&lab.internet, (NET4, 5001));
    let (mut down, mut up) = (Sample::default(), Sample::default());
    for _ in 0..effort.runs.div_ceil(2) {
        let transfer = Transfer::download(phone, server.address());
        sleep(SETTLE);
        down.add(rtt_p90_ms(phone, NET4.into()));
        drop(transfer);
        let transfer = Transfer::upload(phone, server.address());
        sleep(SETTLE);
        up.add(rtt_p90_ms(phone, NET4.into()));
        drop(transfer);
        sleep(SETTLE);
    }
    for (way, sample) in [("download", down), ("upload", up)] {
        let what = format!("RTT p90 beside a full {way} at {CLIENT_MBPS} Mbit/s");
        report.add(AREA, what, sample, "ms", Aim::Below(60.0));
    }
}

/// A second flow's round trips: a hundred pings, 20 ms apart. One without an answer counts as a second.
fn rtt_p90_ms(phone: &Phone, to: IpAddr) -> f64 {
    const PINGS: usize = 100;
    let output =
        phone.run(&["ping", "-n", "-i", "0.02", "-W", "1", "-c", &PINGS.to_string(), &to.to_string()]);
    let times = output
        .stdout
        .lines()
        .filter_map(|line| line.split_once("time=")?.1.split_whitespace().next()?.parse::<f64>().ok());
    times.chain(std::iter::repeat(1000.0)).take(PINGS).collect::<Sample>().quantile(0.9)
}

//! Steering among ten thousand stored sessions, half of them running: finding a hundred, closing a thousand.

use std::net::UdpSocket;
use std::time::Instant;

use serde_json::{Value, json};
use turnpike::domain::ClientKey;

use crate::Effort;
use crate::crowd::MARK_MASK;
use crate::lab::{HttpRequest, Lab};
use crate::report::{Aim, Report};
use crate::router::{Router, macs};
use crate::stats::Sample;

const AREA: &str = "steering";
/// How many are closed at once.
const GROUP: usize = 1_000;
/// How many times that can be done.
const GROUPS: usize = 4;
/// How many of those that run, and of those that are over, the filter finds.
const FOUND_OF_EACH: usize = 50;
/// Values in one list of a filter.
const LISTED: usize = 400;
/// Connections of each client, where there are any.
const FLOWS_OF_EACH: usize = 6;
const FIRST_PORT: u16 = 10_000;
/// Looks for each run.
const LOOKS: usize = 10;

/// Finding and closing by filter.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let half = effort.clients / 2;
    let macs = macs(half);
    // The first sessions run to nobody's end, and are then over.
    router.register(&macs);
    mark(&router, macs.get(..FOUND_OF_EACH).unwrap_or_default(), "Floor", "3");
    assert_eq!(bulk(&router, "close", json!({"filter": "all"})).0, half);
    router.sessions(&macs);
    router.all("connect", &macs);
    router.wait_for(half);
    mark(&router, macs.get(..FOUND_OF_EACH).unwrap_or_default(), "Floor", "3");
    for (number, group) in macs.chunks(GROUP).take(GROUPS).enumerate() {
        mark(&router, group, "Group", &number.to_string());
    }

    let mut found = Sample::default();
    for _ in 0..effort.runs * LOOKS {
        let begun = Instant::now();
        let path =
            "/api/v1/sessions?filter=Floor%20is%20%223%22%20and%20%24Zone%20is%20%22guests%22&per_page=100";
        let answer = router.get(path).expect("an answer");
        found.add(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(answer["total"], json!(2 * FOUND_OF_EACH), "{answer}");
    }
    let what = format!("a filter that finds {} of {}", 2 * FOUND_OF_EACH, 2 * half);
    report.add(AREA, what, found, "ms", Aim::Below(20.0));

    let (mut counted, mut closed) = (Sample::default(), [Sample::default(), Sample::default()]);
    let flows = Flows::prepare(&lab, half);
    for number in 0..GROUPS {
        let filter = format!("Group is \"{number}\"");
        let (matched, millis) = bulk(&router, "close", json!({"filter": filter, "dry_run": true}));
        assert_eq!(matched, GROUP);
        counted.add(millis);
        // In turns.
        let has_flows = number % 2 == 1;
        if has_flows {
            flows.begin(&lab);
        }
        let (matched, millis) = bulk(&router, "close", json!({"filter": filter}));
        assert_eq!(matched, GROUP);
        if let Some(closed) = closed.get_mut(usize::from(has_flows)) {
            closed.add(millis);
        }
    }
    report.add(AREA, format!("counting {GROUP} by filter (dry run)"), counted, "ms", Aim::Open);
    let [alone, beside] = closed;
    let what = format!("closing {GROUP} running ones by filter");
    report.add(AREA, &what, alone, "ms", Aim::Below(250.0));
    let what = format!("… {} connections each, {} in the kernel", FLOWS_OF_EACH, flows.count());
    report.add(AREA, what, beside, "ms", Aim::Below(250.0));
}

/// Connections that carry the clients' keys, made by packets of the router to itself.
struct Flows {
    ports: std::ops::Range<u16>,
}

impl Flows {
    /// One port for each of the first keys.
    fn prepare(lab: &Lab, clients: usize) -> Self {
        let last = FIRST_PORT + u16::try_from(clients).expect("ports enough");
        let keys = (1..).map_while(ClientKey::new).map(|key| key.spread(MARK_MASK));
        let marks: Vec<String> =
            (FIRST_PORT..last).zip(keys).map(|(port, mark)| format!("{port} : {mark:#x}")).collect();
        lab.router.nft(&format!(
            "table ip measure {{\nchain out {{\ntype filter hook output priority filter;\n\
             ip daddr 127.0.0.1 ct mark set udp dport map {{ {} }}\n}}\n}}",
            marks.join(", ")
        ));
        Self { ports: FIRST_PORT..last }
    }

    fn begin(&self, lab: &Lab) {
        lab.router.enter(|| {
            for _ in 0..FLOWS_OF_EACH {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                for port in self.ports.clone() {
                    // Nobody listens.
                    socket.send_to(b"x", ("127.0.0.1", port)).expect("sent");
                }
            }
        });
        let count = lab.router.must(&["conntrack", "-C"]);
        assert!(count.trim().parse::<usize>().expect("a number") >= self.count(), "{count}");
    }

    fn count(&self) -> usize {
        self.ports.len() * FLOWS_OF_EACH
    }
}

/// A change of many: how many, and milliseconds.
fn bulk(router: &Router<'_>, what: &str, body: Value) -> (usize, f64) {
    let request = HttpRequest::json("POST", &format!("/api/v1/sessions:{what}"), &body.to_string());
    let begun = Instant::now();
    let answer = request.send_unix(&router.socket()).expect("an answer");
    let millis = begun.elapsed().as_secs_f64() * 1e3;
    assert_eq!(answer.status, 200, "{answer:?}");
    let matched = answer.json()["matched"].as_u64().expect("a number");
    (usize::try_from(matched).expect("few enough"), millis)
}

/// Gives the sessions of these devices that are not over a property.
fn mark(router: &Router<'_>, macs: &[String], key: &str, value: &str) {
    for macs in macs.chunks(LISTED) {
        let list: Vec<String> = macs.iter().map(|mac| format!("'{mac}'")).collect();
        let filter = format!("$Mac in [{}]", list.join(","));
        let (matched, _) = bulk(router, "properties", json!({"filter": filter, "properties": {key: value}}));
        assert_eq!(matched, macs.len());
    }
}

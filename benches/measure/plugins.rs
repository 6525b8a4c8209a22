//! What hostile plugins cost whoever connects: each beside an idle one.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::Effort;
use crate::lab::Lab;
use crate::report::{Aim, Report};
use crate::router::{Router, device_call, macs};
use crate::stats::Sample;

const AREA: &str = "plugins";
/// How much longer a connect may take beside a hostile plugin than beside an idle one, in milliseconds.
const AIM_MS: f64 = 10.0;

/// What a plugin does once it has registered.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Answers what it is asked.
    Idle,
    /// Answers nothing, and is asked for a session again and again.
    Silent,
    /// Sends as fast as it is read.
    Flood,
    /// Sends requests as fast as it is read, and never reads an answer.
    Deaf,
    /// Asks for all sessions as fast as it is answered.
    Greedy,
}

/// Connects beside an idle plugin and beside each hostile one.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(effort.connects + 1);
    let (without, macs) = macs.split_first().expect("a device");
    router.register(std::slice::from_ref(without));
    router.register(macs);
    router.all("connect", macs);
    router.all("disconnect", macs);
    let hostile = [Manner::Silent, Manner::Flood, Manner::Deaf, Manner::Greedy];
    let mut idle = (Sample::default(), Sample::default());
    let mut beside = hostile.map(|manner| (manner, Sample::default(), Sample::default()));
    for _ in 0..effort.runs {
        let (p50, p99) = connects(&router, macs, Manner::Idle);
        idle.0.add(p50);
        idle.1.add(p99);
        for (manner, over_p50, over_p99) in &mut beside {
            let (hostile_p50, hostile_p99) = connects(&router, macs, *manner);
            over_p50.add(hostile_p50 - p50);
            over_p99.add(hostile_p99 - p99);
        }
    }
    report.add(AREA, "connect beside an idle plugin: p50", idle.0, "ms", Aim::Open);
    report.add(AREA, "connect beside an idle plugin: p99", idle.1, "ms", Aim::Open);
    for (manner, over_p50, over_p99) in beside {
        let what = format!("{manner:?}").to_lowercase();
        report.add(AREA, format!("longer beside a {what} one: p50"), over_p50, "ms", Aim::Below(AIM_MS));
        report.add(AREA, format!("longer beside a {what} one: p99"), over_p99, "ms", Aim::Below(AIM_MS));
    }
}

/// One connect after the other beside such a plugin: the median and the 99th percentile, in milliseconds.
fn connects(router: &Router<'_>, macs: &[String], manner: Manner) -> (f64, f64) {
    let plugin = Plugin::start(router, manner);
    let calls = router.callers().post(1, macs.iter().map(|mac| device_call(mac, "connect")).collect());
    plugin.stop();
    router.all("disconnect", macs);
    (calls.each_ms.median(), calls.each_ms.quantile(0.99))
}

/// A plugin on the socket, and what it does there.
struct Plugin {
    stream: UnixStream,
    over: Arc<AtomicBool>,
    works: Vec<JoinHandle<()>>,
}

impl Plugin {
    fn start(router: &Router<'_>, manner: Manner) -> Self {
        let stream =
            UnixStream::connect(router.socket().with_file_name("plugin.sock")).expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a reader"));
        let name = format!("{manner:?}").to_lowercase();
        ask(&stream, "hello", &json!({ "protocol": 1, "name": name }));
        ask(&stream, "provider.register", &json!({ "name": name, "title": "Hostile" }));
        for _ in 0..2 {
            let mut line = String::new();
            reader.read_line(&mut line).expect("an answer");
            assert!(line.contains("result"), "{line}");
        }
        let over = Arc::new(AtomicBool::new(false));
        let mut works = Vec::new();
        if !matches!(manner, Manner::Deaf) {
            let stream = stream.try_clone().expect("a writer");
            works.push(std::thread::spawn(move || answer(&stream, reader, manner)));
        }
        if matches!(manner, Manner::Flood | Manner::Deaf) {
            let (stream, over) = (stream.try_clone().expect("a writer"), Arc::clone(&over));
            works.push(std::thread::spawn(move || flood(&stream, manner, &over)));
        }
        if matches!(manner, Manner::Greedy) {
            ask(&stream, "session.list", &json!({}));
        }
        Self { stream, over, works }
    }

    fn stop(self) {
        self.over.store(true, Ordering::Relaxed);
        self.stream.shutdown(std::net::Shutdown::Both).expect("an end");
        for work in self.works {
            work.join().expect("no panic");
        }
    }
}

fn ask(mut stream: &UnixStream, method: &str, params: &Value) {
    let line = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    // It may have been closed meanwhile.
    let _ = writeln!(stream, "{line}");
}

/// Reads to the end and answers, as its manner is.
fn answer(mut stream: &UnixStream, reader: BufReader<UnixStream>, manner: Manner) {
    for line in reader.lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let is_question = message.get("method").is_some();
        match manner {
            Manner::Idle | Manner::Flood if is_question => {
                let line = json!({ "jsonrpc": "2.0", "id": message["id"], "result": null });
                let _ = writeln!(stream, "{line}");
            }
            Manner::Greedy if !is_question => ask(stream, "session.list", &json!({})),
            Manner::Idle | Manner::Flood | Manner::Silent | Manner::Deaf | Manner::Greedy => {}
        }
    }
}

fn flood(mut stream: &UnixStream, manner: Manner, over: &AtomicBool) {
    let method = if matches!(manner, Manner::Deaf) { "no.such" } else { "ping" };
    let line = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": {} });
    let lines = format!("{line}\n").repeat(100);
    while !over.load(Ordering::Relaxed) && stream.write_all(lines.as_bytes()).is_ok() {}
}

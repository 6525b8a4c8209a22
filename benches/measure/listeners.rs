//! Who listens to events: how soon they hear, and what they cost whoever connects.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use crate::Effort;
use crate::lab::Lab;
use crate::report::{Aim, Report};
use crate::router::{Router, device_call, macs};
use crate::stats::Sample;

const AREA: &str = "listeners";
const FEW: usize = 100;
const MANY: usize = 1000;
/// Each connect is told a thousand times.
const TOLD_TO_MANY: usize = 20;
/// Longer than any event is under way.
const PATIENCE: Duration = Duration::from_secs(30);

/// The delay of events at 100 and at 1,000 listeners; connects beside 1,000, one of which never reads, and beside none.
pub fn measure(report: &mut Report, effort: Effort) {
    raise_open_files();
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(effort.connects);
    router.register(&macs);
    router.all("connect", &macs);
    router.all("disconnect", &macs);
    let (mut p50, mut p99) = (Sample::default(), Sample::default());
    let (mut many_p50, mut many_p99) = (Sample::default(), Sample::default());
    let (mut alone, mut beside) = (Sample::default(), Sample::default());
    for _ in 0..effort.runs {
        let few = delays(&router, FEW, &macs);
        p50.add(few.median());
        p99.add(few.quantile(0.99));
        let many = delays(&router, MANY, macs.get(..TOLD_TO_MANY).unwrap_or(&macs));
        many_p50.add(many.median());
        many_p99.add(many.quantile(0.99));
        alone.add(connects(&router, &macs));
        let audience = Audience::open(&router.socket(), MANY, true);
        beside.add(connects(&router, &macs));
        audience.close();
    }
    report.add(AREA, format!("event at {FEW} listeners, after the answer: p50"), p50, "ms", Aim::Below(20.0));
    report.add(AREA, format!("event at {FEW} listeners, after the answer: p99"), p99, "ms", Aim::Below(20.0));
    report.add(AREA, format!("event at {MANY} listeners, after the answer: p50"), many_p50, "ms", Aim::Open);
    report.add(AREA, format!("event at {MANY} listeners, after the answer: p99"), many_p99, "ms", Aim::Open);
    let ratio = beside.over(&alone);
    report.add(AREA, "connect, no listener: p50", alone, "ms", Aim::Open);
    report.add(AREA, format!("connect, {MANY} listeners, one deaf: p50"), beside, "ms", Aim::Below(5.0));
    report.add(AREA, format!("connect, {MANY} listeners over none"), ratio, "times", Aim::Open);
}

/// One connect after the other; the median, in milliseconds.
fn connects(router: &Router<'_>, macs: &[String]) -> f64 {
    let calls = router.callers().post(1, macs.iter().map(|mac| device_call(mac, "connect")).collect());
    router.all("disconnect", macs);
    calls.each_ms.median()
}

/// From a connect's answer until its event is at each listener, in milliseconds; one that is there sooner took none.
fn delays(router: &Router<'_>, listeners: usize, macs: &[String]) -> Sample {
    let audience = Audience::open(&router.socket(), listeners, false);
    let mut delays = Sample::default();
    for mac in macs {
        router.post(&device_call(mac, "connect").path, &serde_json::json!({}));
        let answered = Instant::now();
        for heard in audience.wait_for(mac) {
            delays.add(heard.saturating_duration_since(answered).as_secs_f64() * 1e3);
        }
    }
    audience.close();
    router.all("disconnect", macs);
    delays
}

/// When each device was heard of, by each listener.
type Heard = Arc<Mutex<HashMap<String, Vec<Instant>>>>;

/// Listeners on the control socket, all on one thread.
struct Audience {
    size: usize,
    heard: Heard,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Audience {
    /// Opens so many and waits until each has heard what there is; with `one_deaf` one more, which never reads.
    fn open(socket: &Path, size: usize, one_deaf: bool) -> Self {
        let (stop, stopped) = watch::channel(false);
        let heard = Heard::default();
        let (ready, waiting) = channel();
        let (socket, memory) = (socket.to_owned(), Arc::clone(&heard));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let deaf = if one_deaf { Some(subscribe(&socket, "").await) } else { None };
                let tasks: Vec<_> = (0..size)
                    .map(|_| {
                        let memory = (!one_deaf).then(|| Arc::clone(&memory));
                        tokio::spawn(listen(socket.clone(), memory, ready.clone(), stopped.clone()))
                    })
                    .collect();
                drop(ready);
                for task in tasks {
                    task.await.expect("a listener");
                }
                drop(deaf);
            });
        });
        wait_ready(&waiting, size);
        Self { size, heard, stop, thread }
    }

    /// When each heard of the device.
    fn wait_for(&self, mac: &str) -> Vec<Instant> {
        let begun = Instant::now();
        loop {
            let mut heard = self.heard.lock().expect("not poisoned");
            if heard.get(mac).is_some_and(|times| times.len() >= self.size) {
                return heard.remove(mac).unwrap_or_default();
            }
            drop(heard);
            assert!(begun.elapsed() < PATIENCE, "not everybody heard of {mac}");
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    fn close(self) {
        self.stop.send_replace(true);
        self.thread.join().expect("the listeners");
    }
}

fn wait_ready(waiting: &Receiver<()>, size: usize) {
    for _ in 0..size {
        waiting.recv_timeout(PATIENCE).expect("each listener hears what there is");
    }
}

async fn subscribe(socket: &Path, query: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).await.expect("the socket answers");
    let request = format!("GET /api/v1/events{query} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

/// Listens until it is told to stop; with `memory` it notes of which devices it heard, and when.
async fn listen(
    socket: PathBuf,
    memory: Option<Heard>,
    ready: std::sync::mpsc::Sender<()>,
    mut stop: watch::Receiver<bool>,
) {
    let mut stream = subscribe(&socket, "?properties=$Mac,$State").await;
    let (mut unread, mut is_ready) = (String::new(), false);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read.expect("events"),
            _ = stop.wait_for(|stop| *stop) => return,
        };
        assert!(read > 0, "a listener that reads was dropped");
        let now = Instant::now();
        unread.push_str(&String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()));
        while let Some((block, rest)) = unread.split_once("\n\n") {
            if block.contains("event: ready") {
                is_ready = true;
                ready.send(()).expect("somebody waits");
            } else if let (true, Some(memory)) = (is_ready, &memory)
                && let Some(mac) = block.split("\"$Mac\":\"").nth(1).and_then(|rest| rest.split('"').next())
                && block.contains("\"$State\":\"running\"")
            {
                memory.lock().expect("not poisoned").entry(mac.to_owned()).or_default().push(now);
            }
            unread = rest.to_owned();
        }
    }
}

/// A thousand connections are more than a process may have open unless it asks.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .expect("more files");
}

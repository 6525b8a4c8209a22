//! Two thousand phones that come, pay, use and go, for twenty minutes: nothing may grow that does not have to.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::Effort;
use crate::lab::{LAN4, Lab, NET4, Random, UdpEcho};
use crate::phones::{self, RoomForNeighbours, address, connect};
use crate::report::{Aim, Report};
use crate::router::Router;
use crate::stats::Sample;

const AREA: &str = "soak";
const PHONES: u16 = 2_000;
const MINUTES: [usize; 2] = [20, 6];
/// Everybody has been here by then.
const SETTLED: usize = 4;
const CODES_OF_A_KIND: usize = 12_000;
const PORTAL: (Ipv4Addr, u16) = (LAN4, 2050);
const ANYWHERE: (Ipv4Addr, u16) = (NET4, 80);
const ECHO: (Ipv4Addr, u16) = (NET4, 7);
const PATIENCE: Duration = Duration::from_secs(10);
/// A code lasts no longer than this.
const CODE: Duration = Duration::from_secs(90);

/// What the phones found.
#[derive(Default)]
struct Seen {
    /// Visits of the portal's page, in milliseconds, since it was last asked.
    page_ms: Sample,
    visits: usize,
    sold: usize,
    answers: usize,
    /// What did not go as it should.
    wrong: Vec<String>,
}

/// What there is at the end of a minute.
struct Minute {
    memory_mb: f64,
    files: f64,
    store_mb: f64,
    sessions: f64,
    page_ms: Sample,
}

/// Twenty minutes, and what has changed between the first and the last of them.
pub fn measure(report: &mut Report, effort: Effort) {
    let _room = RoomForNeighbours::make(PHONES);
    let lab = Lab::with_phones(1);
    phones::crowd(&lab, PHONES);
    let router = Router::start(&lab, "");
    let echo = UdpEcho::open(&lab.internet, ECHO);
    let shared = Arc::new(Shared { seen: Mutex::default(), codes: Mutex::new(codes(&router)) });
    let crowd = Crowd::start(&lab, &shared);
    let [whole, quick] = MINUTES;
    let minutes = if effort.runs > 5 { whole } else { quick };
    let mut found = Vec::new();
    for number in 1..=minutes {
        std::thread::sleep(Duration::from_secs(60));
        let minute = Minute::now(&router, &shared);
        let [p50, p99] = [0.5, 0.99].map(|share| minute.page_ms.quantile(share));
        println!(
            "  minute {number}: {:.1} MB, {} files, {:.2} MB for {} sessions, page {p50:.2} ms (p99 {p99:.2})",
            minute.memory_mb, minute.files, minute.store_mb, minute.sessions
        );
        found.push(minute);
    }
    crowd.stop();
    drop(echo);
    let seen = shared.seen();
    for wrong in seen.wrong.iter().take(10) {
        println!("  WRONG: {wrong}");
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let [visits, sold, answers, wrong] =
        [seen.visits, seen.sold, seen.answers, seen.wrong.len()].map(|n| n as f64);
    report.one(AREA, format!("visits of {PHONES} phones in {minutes} minutes"), visits, "visits", Aim::Open);
    report.one(AREA, "codes redeemed", sold, "codes", Aim::Open);
    report.one(AREA, "datagrams answered", answers, "datagrams", Aim::Open);
    report.one(
        AREA,
        "answers of the portal that were not what they should be",
        wrong,
        "answers",
        Aim::Exactly(0.0),
    );
    let (Some(early), Some(late)) = (found.get(SETTLED - 1), found.last()) else { return };
    let mut both = |what: &str, of: &dyn Fn(&Minute) -> f64, unit| {
        report.one(AREA, format!("{what}: minute {SETTLED}"), of(early), unit, Aim::Open);
        report.one(AREA, format!("{what}: minute {minutes}"), of(late), unit, Aim::Open);
    };
    both("memory of its own (RssAnon)", &|minute| minute.memory_mb, "MB");
    both("open files", &|minute| minute.files, "files");
    both("store", &|minute| minute.store_mb, "MB");
    both("sessions in it", &|minute| minute.sessions, "sessions");
    both("the portal's page: p50", &|minute| minute.page_ms.median(), "ms");
    both("the portal's page: p99", &|minute| minute.page_ms.quantile(0.99), "ms");
}

impl Minute {
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    fn now(router: &Router<'_>, shared: &Shared) -> Self {
        let sessions = router.get("/api/v1/sessions?per_page=1").expect("an answer");
        Self {
            memory_mb: router.memory_mb("RssAnon"),
            files: router.open_files() as f64,
            store_mb: router.store_bytes() as f64 / 1e6,
            sessions: sessions["total"].as_f64().unwrap_or(f64::NAN),
            page_ms: std::mem::take(&mut shared.seen().page_ms),
        }
    }
}

/// Codes for minutes, for data, and for both. All of them are used up within a few visits: what can be used no more is not in the daemon's
/// memory, so that nothing has a reason to grow there.
fn codes(router: &Router<'_>) -> VecDeque<String> {
    let kinds = [
        json!({"kind": "time", "time_secs": 60}),
        json!({"kind": "data", "data_mb": 0.03}),
        json!({"kind": "time_or_data", "time_secs": 45, "data_mb": 2, "down_mbps": 5, "up_mbps": 2}),
    ];
    let batches = kinds.map(|mut batch| {
        batch["count"] = CODES_OF_A_KIND.into();
        let made = router.post("/api/v1/vouchers", &batch);
        let codes = made["codes"].as_array().expect("codes").clone();
        codes.into_iter().map(|code| code.as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    });
    let [time, data, both] = batches;
    time.into_iter().zip(data).zip(both).flat_map(|((time, data), both)| [time, data, both]).collect()
}

/// What the phones share.
struct Shared {
    seen: Mutex<Seen>,
    codes: Mutex<VecDeque<String>>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn code(&self) -> Option<String> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// The phones, all on one thread.
struct Crowd {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Crowd {
    fn start(lab: &Lab, shared: &Arc<Shared>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::clone(shared);
        let thread = lab.phones.first().expect("one").start(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let tasks: Vec<_> = (0..PHONES)
                    .map(|number| {
                        let (shared, mut stopped) = (Arc::clone(&shared), stopped.clone());
                        tokio::spawn(async move {
                            tokio::select! {
                                () = Owner::new(number, shared).live() => {}
                                _ = stopped.changed() => {}
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.expect("a phone");
                }
            });
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.send_replace(true);
        self.thread.join().expect("the phones");
    }
}

/// Somebody with a phone.
struct Owner {
    number: u16,
    shared: Arc<Shared>,
    random: Random,
    /// When the last code is used up.
    paid_until: Option<Instant>,
}

impl Owner {
    fn new(number: u16, shared: Arc<Shared>) -> Self {
        Self { number, shared, random: Random::new(number.into()), paid_until: None }
    }

    /// Comes, and comes again.
    async fn live(mut self) {
        self.pause(0, 120_000).await;
        loop {
            self.visit().await;
            self.pause(60_000, 180_000).await;
        }
    }

    async fn pause(&mut self, least_ms: u64, most_ms: u64) {
        sleep(Duration::from_millis(least_ms + self.random.below(most_ms - least_ms))).await;
    }

    async fn visit(&mut self) {
        let is_paid = self.paid_until.is_some_and(|until| Instant::now() < until);
        if !is_paid {
            self.probes().await;
        }
        let asked = Instant::now();
        self.wants("GET", PORTAL, "/", "", &[200]).await;
        let took = asked.elapsed();
        {
            let mut seen = self.shared.seen();
            seen.visits += 1;
            seen.page_ms.add(took.as_secs_f64() * 1e3);
        }
        // One in ten only looks.
        if self.number.is_multiple_of(10) {
            return;
        }
        if is_paid {
            // 409: what was paid for is used up by now.
            self.wants("POST", PORTAL, "/connect", "", &[303, 409]).await;
        } else if let Some(code) = self.shared.code() {
            self.wants("POST", PORTAL, "/providers/voucher", &format!("code={code}"), &[303]).await;
            self.paid_until = Some(Instant::now() + CODE);
            self.shared.seen().sold += 1;
        }
        if self.random.chance(20) {
            self.watches().await;
        }
        let datagrams = if self.random.chance(10) { 1_000 } else { 50 };
        self.uses(datagrams).await;
        if self.random.chance(30) {
            self.wants("POST", PORTAL, "/disconnect", "", &[303]).await;
        }
    }

    /// Whether it is captive, as phones find out. Where it is not, somebody else's port 80 answers, which is shut.
    async fn probes(&self) {
        let asked = timeout(PATIENCE, connect(self.number, ANYWHERE)).await;
        if !matches!(asked, Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused) {
            self.wants("GET", ANYWHERE, "/generate_204", "", &[302]).await;
        }
    }

    /// A request on a connection of its own, which has to be answered with one of these.
    async fn wants(&self, method: &str, to: (Ipv4Addr, u16), path: &str, form: &str, statuses: &[u16]) {
        let mut answer = None;
        let end = timeout(PATIENCE, self.ask(method, to, path, form, &mut answer)).await;
        let said = answer.as_deref().map(String::from_utf8_lossy);
        let said = match (end, said) {
            (Ok(Ok(())), Some(said))
                if statuses.iter().any(|status| said.starts_with(&format!("HTTP/1.1 {status} "))) =>
            {
                return;
            }
            (Ok(Ok(())), said) => said.unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
            (Ok(Err(error)), _) => error.to_string(),
            (Err(_), None) => "no connection".to_owned(),
            (Err(_), Some(said)) => format!("no end after {} bytes", said.len()),
        };
        self.shared.seen().wrong.push(format!("phone {}: {method} {path}: {said}", self.number));
    }

    /// Puts what comes into `answer`, which is `None` until there is a connection.
    async fn ask(
        &self,
        method: &str,
        to: (Ipv4Addr, u16),
        path: &str,
        form: &str,
        answer: &mut Option<Vec<u8>>,
    ) -> std::io::Result<()> {
        let mut stream = connect(self.number, to).await?;
        let answer = answer.insert(Vec::new());
        let host = SocketAddr::from(to);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(answer).await?;
        Ok(())
    }

    /// Leaves the page open for a while.
    async fn watches(&mut self) {
        let Ok(mut stream) = connect(self.number, PORTAL).await else { return };
        let host = SocketAddr::from(PORTAL);
        let request = format!(
            "GET /events HTTP/1.1\r\nHost: {host}\r\nReferer: http://{host}/\r\nAccept: text/event-stream\r\n\r\n"
        );
        if stream.write_all(request.as_bytes()).await.is_err() {
            return;
        }
        let end = Duration::from_millis(2_000 + self.random.below(10_000));
        let mut read = [0; 4096];
        // Whatever is told: what counts is that it is there, and that it goes.
        let _gone =
            timeout(end, async { while stream.read(&mut read).await.is_ok_and(|count| count > 0) {} }).await;
    }

    /// Sends datagrams and counts what comes back.
    async fn uses(&self, datagrams: usize) {
        let Ok(socket) = UdpSocket::bind((address(self.number), 0)).await else { return };
        let is_bound = socket.bind_device(Some(phones::device(self.number).as_bytes()));
        if is_bound.is_err() || socket.connect(ECHO).await.is_err() {
            return;
        }
        let (payload, mut read, mut answers) = ([0x54; 500], [0; 2048], 0);
        for _ in 0..datagrams {
            // The end of what was paid for is an answer, too.
            if socket.send(&payload).await.is_err() {
                break;
            }
            if timeout(Duration::from_millis(20), socket.recv(&mut read)).await.is_ok_and(|got| got.is_ok()) {
                answers += 1;
            }
        }
        self.shared.seen().answers += answers;
    }
}

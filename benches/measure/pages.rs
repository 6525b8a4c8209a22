//! The portal under load, beside an nginx that serves a file of the same size in a network of the same shape and behind the
//! same rules: redirects of captive phones, splash pages, and what a thousand open pages cost.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::Effort;
use crate::lab::{HttpRequest, LAN4, Lab, NET4, Process, eventually};
use crate::phones::{self, crowd};
use crate::report::{Aim, Report};
use crate::router::Router;
use crate::stats::Sample;

const AREA: &str = "pages";
/// Phones; each has as many pages open as a device may.
const PHONES: u16 = 250;
const OPEN_PAGES: usize = 1_000;
const CONNECTIONS: [usize; 2] = [50, 500];
const START: Duration = Duration::from_secs(20);

/// Where a captive phone's first request goes: anywhere.
const ANYWHERE: (Ipv4Addr, u16) = (NET4, 80);
const SPLASH: (Ipv4Addr, u16) = (LAN4, 2050);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Redirect,
    Splash,
}

impl Ask {
    const fn words(self) -> &'static str {
        match self {
            Self::Redirect => "captive redirect",
            Self::Splash => "splash page",
        }
    }

    const fn address(self) -> (Ipv4Addr, u16) {
        match self {
            Self::Redirect => ANYWHERE,
            Self::Splash => SPLASH,
        }
    }

    const fn status(self) -> &'static str {
        match self {
            Self::Redirect => "HTTP/1.1 302",
            Self::Splash => "HTTP/1.1 200",
        }
    }

    /// What the answer should reach of nginx's rate.
    const fn aim(self) -> Aim {
        match self {
            Self::Redirect => Aim::AtLeast(1.0),
            Self::Splash => Aim::AtLeast(0.5),
        }
    }

    fn request(self) -> String {
        let (path, host) = match self {
            Self::Redirect => ("/generate_204", "connectivitycheck.gstatic.com".to_owned()),
            Self::Splash => ("/", format!("{LAN4}:2050")),
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (Linux; Android 14)\r\n\
             Accept: text/html\r\nAccept-Language: en\r\n\r\n"
        )
    }
}

/// What a run of requests came to.
#[derive(Default)]
struct Run {
    per_sec: Sample,
    p99_ms: Sample,
}

/// Rates and delays of both servers in turn, then the open pages.
pub fn measure(report: &mut Report, effort: Effort) {
    let (lab, other) = (Lab::with_phones(1), Lab::with_phones(1));
    crowd(&lab, PHONES);
    crowd(&other, PHONES);
    let router = Router::start(&lab, "");
    let splash = HttpRequest::get("/").send(&lab.phones[0], SPLASH).expect("the portal answers").body;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let size = splash.len() as f64 / 1e3;
    report.one(AREA, "the splash page alone", size, "kB", Aim::Below(30.0));
    open_pages(report, effort, &lab, &router);
    let Some(_nginx) = nginx(&lab, &other, &splash) else {
        println!("  nginx is not there: scripts/bench fetches it");
        return;
    };
    for ask in [Ask::Redirect, Ask::Splash] {
        for connections in CONNECTIONS {
            let (mut ours, mut theirs) = (Run::default(), Run::default());
            for _ in 0..effort.runs {
                load(&lab, ask, connections, effort.secs, &mut ours);
                load(&other, ask, connections, effort.secs, &mut theirs);
            }
            let what = format!("{}, {connections} connections", ask.words());
            let ratio = ours.per_sec.over(&theirs.per_sec);
            report.add(AREA, format!("{what}: per second"), ours.per_sec, "1/s", Aim::Open);
            report.add(AREA, format!("{what}: nginx"), theirs.per_sec, "1/s", Aim::Open);
            report.add(AREA, format!("{what}: over nginx"), ratio, "times", ask.aim());
            report.add(AREA, format!("{what}: p99"), ours.p99_ms, "ms", Aim::Open);
            report.add(AREA, format!("{what}: p99 of nginx"), theirs.p99_ms, "ms", Aim::Open);
        }
    }
}

/// A thousand open pages: what they take, and what the others notice.
fn open_pages(report: &mut Report, effort: Effort, lab: &Lab, router: &Router<'_>) {
    let (mut alone, mut beside) = (Run::default(), Run::default());
    // Before anything else has been asked of it: what a load leaves behind would hide it.
    let before = router.memory_mb("VmRSS");
    let pages = OpenPages::open(lab);
    let memory = router.memory_mb("VmRSS") - before;
    report.one(AREA, format!("memory of {OPEN_PAGES} open pages"), memory, "MB", Aim::Below(20.0));
    let (cpu, begun) = (router.cpu_secs(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(effort.secs * 5.0));
    let share = 100.0 * (router.cpu_secs() - cpu) / begun.elapsed().as_secs_f64();
    report.one(AREA, format!("processor, {OPEN_PAGES} open pages of captive phones"), share, "%", Aim::Open);
    pages.close();
    for _ in 0..effort.runs {
        let pages = OpenPages::open(lab);
        // What opening and closing them leaves to do is no matter of the open pages, nor is the first visit of a phone, which
        // is noted in the store.
        load(lab, Ask::Splash, 50, effort.secs, &mut Run::default());
        load(lab, Ask::Splash, 50, effort.secs, &mut beside);
        pages.close();
        load(lab, Ask::Splash, 50, effort.secs, &mut Run::default());
        load(lab, Ask::Splash, 50, effort.secs, &mut alone);
    }
    let ratio = beside.per_sec.over(&alone.per_sec);
    let what = format!("splash pages beside {OPEN_PAGES} open ones, over none");
    report.add(AREA, what, ratio, "times", Aim::AtLeast(0.9));
    let what = format!("splash page beside {OPEN_PAGES} open ones: p99");
    report.add(AREA, what, beside.p99_ms, "ms", Aim::Open);
}

/// nginx as a static server of that page and of one redirect, where the portal would be, behind the rules that the portal is
/// behind; `None` if it is not installed.
fn nginx(ours: &Lab, lab: &Lab, page: &str) -> Option<Process> {
    let program = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .map(|place| place.join("nginx"))
        .find(|path| path.is_file())?;
    let dir = lab.dir.path();
    fs::write(dir.join("index.html"), page).expect("the page");
    let place = dir.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .fold(String::new(), |all, name| all + &format!("{name}_temp_path {place}/{name};\n"));
    let config = format!(
        "user root;\nworker_processes auto;\ndaemon off;\npid {place}/nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n{temporary}access_log off;\nkeepalive_requests 1000000000;\nopen_file_cache max=10;\n\
         default_type text/html;\n\
         server {{ listen {LAN4}:2050; server_name {LAN4}; root {place};\n\
         location = /index.html {{ }} location = / {{ try_files /index.html =404; }} }}\n\
         server {{ listen {LAN4}:2050 default_server; keepalive_timeout 0; location / {{ return 302 http://{LAN4}:2050/; }} }}\n}}\n"
    );
    let file = dir.join("nginx.conf");
    fs::write(&file, config).expect("the configuration");
    // A connection that was led astray ends with its answer, as at the portal: it must not live on once its device is online.
    // The rules know the crowd by its MACs, which are the same in both labs.
    lab.router.nft(&ours.router.must(&["nft", "list", "table", "inet", "turnpike"]));
    let (program, file) = (program.display().to_string(), file.display().to_string());
    let process =
        lab.router.spawn(&[&program, "-p", &place.to_string(), "-c", &file], &dir.join("nginx.log"));
    let answers = |ask: Ask| {
        let answer = HttpRequest::get("/").send(&lab.phones[0], ask.address());
        answer.is_ok_and(|answer| ask.status().ends_with(&answer.status.to_string()))
    };
    let ready = eventually(START, || answers(Ask::Redirect) && answers(Ask::Splash));
    assert!(ready, "nginx does not answer: {}", process.log());
    Some(process)
}

/// Asks on so many connections at once, each one request after the other, for as long as the effort says.
fn load(lab: &Lab, ask: Ask, connections: usize, secs: f64, run: &mut Run) {
    let (count, each_ms, whole) = lab.phones[0].enter_async(|| ask_all(ask, connections, secs));
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    run.per_sec.add(count as f64 / whole);
    run.p99_ms.add(each_ms.quantile(0.99));
}

async fn ask_all(ask: Ask, connections: usize, secs: f64) -> (usize, Sample, f64) {
    let mut open = Vec::new();
    for number in 0..connections {
        open.push(connect(number, ask.address()).await);
    }
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(secs);
    let request: Arc<str> = ask.request().into();
    let tasks: Vec<_> = open
        .into_iter()
        .enumerate()
        .map(|(number, mut stream)| {
            let request = Arc::clone(&request);
            // Not a LocalSet: it lets those that it has not begun with wait while others are answered again and again.
            tokio::spawn(async move {
                let mut each = Vec::new();
                let mut read = Vec::with_capacity(32 * 1024);
                while Instant::now() < end {
                    let asked = Instant::now();
                    let stays = call(&mut stream, &request, ask.status(), &mut read).await;
                    each.push(asked.elapsed().as_secs_f64() * 1e3);
                    if !stays {
                        stream = connect(number, ask.address()).await;
                    }
                }
                each
            })
        })
        .collect();
    let mut all = Sample::default();
    for task in tasks {
        task.await.expect("a caller").into_iter().for_each(|ms| all.add(ms));
    }
    let whole = begun.elapsed().as_secs_f64();
    (all.len(), all, whole)
}

async fn connect(number: usize, to: (Ipv4Addr, u16)) -> TcpStream {
    let phone = u16::try_from(number % usize::from(PHONES)).expect("less than 250");
    phones::connect(phone, to).await.expect("the server answers")
}

/// Sends one request and reads its whole answer; whether the connection stays.
async fn call(stream: &mut TcpStream, request: &str, status: &str, read: &mut Vec<u8>) -> bool {
    stream.write_all(request.as_bytes()).await.expect("sent");
    read.clear();
    let mut whole = None;
    let mut stays = true;
    loop {
        let count = stream.read_buf(read).await.expect("an answer");
        assert!(count > 0, "the answer ends early: {}", String::from_utf8_lossy(read));
        if whole.is_none()
            && let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            assert!(head.starts_with(&status.to_ascii_lowercase()), "{head}");
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            stays = !head.contains("connection: close");
            whole = Some(end + 4 + length.expect("answers are whole"));
        }
        if whole.is_some_and(|whole| read.len() >= whole) {
            return stays;
        }
    }
}

/// Pages that are open: streams that are read and say nothing.
struct OpenPages {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl OpenPages {
    fn open(lab: &Lab) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (ready, waiting) = channel();
        let thread = lab.phones[0].start(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut tasks = Vec::new();
                for number in 0..OPEN_PAGES {
                    let stream = connect(number, SPLASH).await;
                    tasks.push(tokio::spawn(listen(stream, ready.clone(), stopped.clone())));
                }
                drop(ready);
                for task in tasks {
                    task.await.expect("a page");
                }
            });
        });
        for _ in 0..OPEN_PAGES {
            waiting.recv_timeout(START).expect("each page is told how things stand");
        }
        Self { stop, thread }
    }

    fn close(self) {
        self.stop.send_replace(true);
        self.thread.join().expect("the pages");
    }
}

async fn listen(mut stream: TcpStream, ready: std::sync::mpsc::Sender<()>, mut stop: watch::Receiver<bool>) {
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: {LAN4}:2050\r\nReferer: http://{LAN4}:2050/\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut read = Vec::with_capacity(1024);
    let mut told = false;
    loop {
        tokio::select! {
            count = stream.read_buf(&mut read) => {
                assert!(count.expect("a stream") > 0, "it ended: {}", String::from_utf8_lossy(&read));
            }
            _ = stop.changed() => return,
        }
        if !told && read.windows(13).any(|piece| piece == b"event: status") {
            told = true;
            ready.send(()).expect("somebody waits");
        }
        if told {
            read.clear();
        }
    }
}

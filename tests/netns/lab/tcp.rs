use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ns::Ns;
use super::speed::mbps;

const TICK: Duration = Duration::from_millis(20);
const CHUNK_BYTES: usize = 16 << 10;

/// Serves transfers: a client that sends `D` gets bytes until it goes, one that sends `U` is read until it goes.
pub struct TcpServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    received: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl TcpServer {
    /// Listens in the namespace.
    pub fn open(ns: &Ns, address: impl Into<SocketAddr>) -> Self {
        let address = address.into();
        let listener =
            ns.enter(|| TcpListener::bind(address).unwrap_or_else(|error| panic!("tcp {address}: {error}")));
        listener.set_nonblocking(true).expect("a mode");
        let (stop, received) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&received));
        let thread = std::thread::spawn(move || {
            let mut clients = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let (stopped, counted) = (Arc::clone(&stopped), Arc::clone(&counted));
                        clients.push(std::thread::spawn(move || serve(stream, &stopped, &counted)));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
            for client in clients {
                client.join().ok();
            }
        });
        Self { address, stop, received, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of all uploads so far.
    pub fn received_bytes(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().map(JoinHandle::join);
    }
}

fn serve(mut stream: TcpStream, stop: &AtomicBool, received: &AtomicUsize) {
    stream.set_nonblocking(false).expect("a mode");
    stream.set_read_timeout(Some(TICK)).expect("a timeout");
    stream.set_write_timeout(Some(TICK)).expect("a timeout");
    let mut buffer = vec![0x54; CHUNK_BYTES];
    let mut order = [0];
    let mut download = None;
    while !stop.load(Ordering::SeqCst) {
        let step = match download {
            None => stream.read(&mut order).inspect(|_| download = Some(order[0] == b'D')),
            Some(true) => stream.write(&buffer),
            Some(false) => stream.read(&mut buffer).inspect(|&size| {
                received.fetch_add(size, Ordering::SeqCst);
            }),
        };
        match step {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if waits(&error) => {}
            // The client went, or was cut off: what these tests are about.
            Err(_) => return,
        }
    }
}

fn waits(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Whether a TCP connection can be made, and if not, why: `ConnectionRefused` is a reset, `TimedOut` silence.
pub fn connect(ns: &Ns, address: impl Into<SocketAddr>, within: Duration) -> Result<Duration, ErrorKind> {
    let address = address.into();
    ns.enter(|| {
        let begun = Instant::now();
        TcpStream::connect_timeout(&address, within).map(|_| begun.elapsed()).map_err(|error| error.kind())
    })
}

/// A download or upload that runs beside the test.
pub struct Transfer {
    bytes: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<ErrorKind>>>,
}

impl Transfer {
    /// Downloads until stopped or cut off.
    pub fn download(ns: &Ns, server: impl Into<SocketAddr>) -> Self {
        Self::start(ns, None, server.into(), b'D')
    }

    /// Uploads until stopped or cut off. [`Transfer::bytes`] is what the kernel took: for what arrived ask the server.
    pub fn upload(ns: &Ns, server: impl Into<SocketAddr>) -> Self {
        Self::start(ns, None, server.into(), b'U')
    }

    /// Downloads from one of the device's addresses.
    pub fn download_from(ns: &Ns, source: IpAddr, server: impl Into<SocketAddr>) -> Self {
        Self::start(ns, Some(source), server.into(), b'D')
    }

    fn start(ns: &Ns, source: Option<IpAddr>, server: SocketAddr, order: u8) -> Self {
        let (bytes, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (Arc::clone(&bytes), Arc::clone(&stop));
        let stream = ns.enter(|| open(source, server));
        let thread = std::thread::spawn(move || run(stream, order, &stopped, &counted));
        Self { bytes, stop, thread: Some(thread) }
    }

    /// Payload bytes so far.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Whether the connection still stands.
    pub fn alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Payload bits a second over the next `time`, in Mbit/s.
    pub fn mbps_over(&self, time: Duration) -> f64 {
        mbps(time, || self.bytes())
    }

    /// Ends it; how the connection ended if it was not by this call.
    pub fn stop(mut self) -> Option<ErrorKind> {
        self.finish()
    }

    fn finish(&mut self) -> Option<ErrorKind> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().and_then(|thread| thread.join().ok()).flatten()
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.finish();
    }
}

fn open(source: Option<IpAddr>, server: SocketAddr) -> TcpStream {
    let Some(source) = source else {
        return TcpStream::connect_timeout(&server, Duration::from_secs(5))
            .unwrap_or_else(|error| panic!("tcp {server}: {error}"));
    };
    let family =
        if server.is_ipv4() { rustix::net::AddressFamily::INET } else { rustix::net::AddressFamily::INET6 };
    let socket = rustix::net::socket(family, rustix::net::SocketType::STREAM, None).expect("a socket");
    rustix::net::bind(&socket, &SocketAddr::new(source, 0)).expect("one of the device's addresses");
    rustix::net::connect(&socket, &server)
        .unwrap_or_else(|error| panic!("tcp {server} from {source}: {error}"));
    TcpStream::from(socket)
}

fn run(mut stream: TcpStream, order: u8, stop: &AtomicBool, counted: &AtomicUsize) -> Option<ErrorKind> {
    stream.set_read_timeout(Some(TICK)).expect("a timeout");
    stream.set_write_timeout(Some(TICK)).expect("a timeout");
    if let Err(error) = stream.write_all(&[order]) {
        return Some(error.kind());
    }
    let mut buffer = vec![0x54; CHUNK_BYTES];
    while !stop.load(Ordering::SeqCst) {
        match if order == b'D' { stream.read(&mut buffer) } else { stream.write(&buffer) } {
            Ok(0) => return Some(ErrorKind::UnexpectedEof),
            Ok(size) => {
                counted.fetch_add(size, Ordering::SeqCst);
            }
            Err(error) if waits(&error) => {}
            Err(error) => return Some(error.kind()),
        }
    }
    stream.shutdown(Shutdown::Both).ok();
    None
}

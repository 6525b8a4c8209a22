use std::net::SocketAddr;

use axum::Extension;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::domain::{MacAddr, WallTime};
use crate::tls::{Identity, own_pair};

/// Whoever comes from 127.0.0.x is one device, under as many addresses as it likes; another has 127.0.1.1.
#[tokio::test]
async fn a_device_with_many_addresses_has_half_of_the_places_and_one_share() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections: 20, per_address: 3, ..Limits::default() };
    let holders: Holders = Arc::new(|address: IpAddr| {
        let is_other = address == IpAddr::from([127, 0, 1, 1]);
        Box::pin(std::future::ready(MacAddr::from_bytes([2, 0, 0, 0, 0, u8::from(is_other)]).ok()))
    });
    let served = tokio::spawn(serve_devices(
        listener,
        router(Arc::new(Notify::new())),
        limits,
        holders,
        std::future::pending(),
    ));
    let asks = async |from: [u8; 4]| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let is_served = stream.write_all(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n").await.is_ok()
            && stream.read(&mut [0; 512]).await.is_ok_and(|count| count > 0);
        is_served.then_some(stream)
    };
    let mut held = Vec::new();
    for number in 0..30 {
        held.extend(asks([127, 0, 0, 10 + number]).await);
    }
    // Ten until half are taken, and then its three.
    assert_eq!(held.len(), 13);
    for _ in 0..3 {
        held.push(asks([127, 0, 1, 1]).await.expect("another has its share all the same"));
    }
    assert!(asks([127, 0, 0, 99]).await.is_none());
    held.clear();
    let again = async { while asks([127, 0, 0, 99]).await.is_none() {} };
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("the seats are given back");
    served.abort();
}

fn router(ended: Arc<Notify>) -> Router {
    Router::new()
        .route("/who", get(|Extension(ends): Extension<Endpoints>| async move { ends.peer.ip().to_string() }))
        .route("/user", get(|Extension(user): Extension<PeerUser>| async move { user.uid.to_string() }))
        .route("/never", get(|| async { std::future::pending::<()>().await }))
        .route("/flood", get(|Extension(ended): Extension<Arc<Notify>>| async { flood(ended) }))
        .layer(Extension(ended))
}

/// Bytes without end; says when nobody is sent any more.
fn flood(ended: Arc<Notify>) -> Body {
    struct Ends(Arc<Notify>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let ends = Ends(ended);
    Body::from_stream(futures_util::stream::repeat_with(move || {
        let _kept = &ends;
        Ok::<_, Infallible>(vec![b'.'; 16 * 1024])
    }))
}

struct Running {
    address: SocketAddr,
    /// A flood has ended.
    ended: Arc<Notify>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

async fn start(limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = Arc::new(Notify::new());
    let served = tokio::spawn(serve(listener, router(Arc::clone(&ended)), limits, async move {
        let _ = stopped.await;
    }));
    Running { address, ended, stop, served }
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Asks without a word about what comes after; whether the answer is the last one.
async fn ask_on(stream: &mut TcpStream) -> bool {
    stream.write_all(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n127.0.0.1") {
        let mut piece = [0; 512];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "{answer}");
        answer.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
    answer.contains("connection: close")
}

#[tokio::test]
async fn connections_stay_while_there_is_room() {
    let running = start(Limits { connections: 4, ..Limits::default() }).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    assert!(!ask_on(&mut first).await && !ask_on(&mut first).await, "one after the other");
    let mut second = TcpStream::connect(running.address).await.unwrap();
    assert!(!ask_on(&mut second).await, "half of the places are taken");
    let mut third = TcpStream::connect(running.address).await.unwrap();
    assert!(ask_on(&mut third).await, "a quarter is left");
    assert!(!ask_on(&mut first).await, "what stays, stays");
    running.stop.send(()).unwrap();
    running.served.await.unwrap();
}

#[tokio::test]
async fn a_request_knows_both_ends() {
    let running = start(Limits::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    assert!(ask(&mut stream, "/who").await.ends_with("\r\n\r\n127.0.0.1"));
    running.stop.send(()).unwrap();
    running.served.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "the listener is gone");
}

/// What answers without a router has its answers framed all the same.
#[tokio::test]
async fn an_answer_has_a_length_and_head_gets_no_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers = tower::service_fn(|_request| async {
        let close = HeaderValue::from_static("close");
        Ok::<_, Infallible>(([(header::CONNECTION, close)], "Sign in").into_response())
    });
    let served = tokio::spawn(serve(listener, answers, Limits::default(), std::future::pending()));
    for (method, body) in [("GET", "Sign in"), ("HEAD", "")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-length: 7"), "{method}: {answer}");
        assert_eq!(rest, body, "{method}: {answer}");
    }
    served.abort();
}

#[tokio::test]
async fn a_unix_socket_says_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, router(Arc::default()), Limits::default(), async move {
        let _ = stopped.await;
    }));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let uid = rustix::process::getuid().as_raw();
    assert!(ask(&mut stream, "/user").await.ends_with(&format!("\r\n\r\n{uid}")));
    stop.send(()).unwrap();
    served.await.unwrap();
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_off() {
    let running = start(Limits { head: Duration::from_millis(100), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /who HTTP/1.1\r\nHost:").await.unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection was left open");
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let running = start(Limits::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!("GET /who HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    // The other end may close before all of it is written.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn one_address_has_a_bounded_number_of_connections() {
    let running = start(Limits { per_address: 2, ..Limits::default() }).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        // An answer proves that it has been accepted.
        stream.write_all(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        held.push(stream);
    }
    let mut third = TcpStream::connect(running.address).await.unwrap();
    let mut answer = Vec::new();
    let read = third.read_to_end(&mut answer).await;
    assert!(read.is_err() || answer.is_empty(), "turned away");
    drop(held);
    let again = async {
        loop {
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            let request = b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let mut answer = Vec::new();
            if stream.write_all(request).await.is_ok()
                && stream.read_to_end(&mut answer).await.is_ok()
                && answer.starts_with(b"HTTP/1.1 200")
            {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("the seats are given back");
}

#[tokio::test]
async fn a_handler_that_hangs_is_answered_for() {
    let running = start(Limits { answer: Duration::from_millis(50), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    assert!(ask(&mut stream, "/never").await.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let running = start(Limits { drain: Duration::from_millis(100), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    running.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), running.served).await.expect("bounded").unwrap();
}

#[tokio::test]
async fn a_request_that_may_take_long_is_given_its_time() {
    let patience: fn(&Request<Body>) -> Option<Duration> =
        |request| (request.uri().path() == "/never").then_some(Duration::from_millis(400));
    let limits = Limits { answer: Duration::from_millis(20), patience, ..Limits::default() };
    let running = start(limits).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let asked = tokio::time::Instant::now();
    assert!(ask(&mut stream, "/never").await.starts_with("HTTP/1.1 503"));
    assert!(asked.elapsed() >= Duration::from_millis(400), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_peer_that_takes_no_bytes_is_dropped() {
    let running = start(Limits { write: Duration::from_millis(500), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // As long as it takes some it is served, however long that goes on.
    let begun = tokio::time::Instant::now();
    let mut some = vec![0; 64 * 1024];
    while begun.elapsed() < Duration::from_millis(1500) {
        assert!(stream.read(&mut some).await.unwrap() > 0);
        let ended = tokio::time::timeout(Duration::from_millis(10), running.ended.notified()).await;
        assert!(ended.is_err(), "dropped while it took bytes");
    }
    let ended = tokio::time::timeout(Duration::from_secs(5), running.ended.notified()).await;
    assert!(ended.is_ok(), "it is still served");
}

/// A listener over TLS with a certificate of its own, and what trusts it.
struct Secured {
    address: SocketAddr,
    identity: Identity,
    folder: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

impl Secured {
    async fn start(limits: Limits, plain_too: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pair = own_pair(&folder.path().join("a.tls"), &["localhost".to_owned()], WallTime(0)).unwrap();
        let identity = Identity::new(pair);
        let listener = Listener::Tls { listener, tls: identity.server().unwrap(), plain_too };
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().route(
            "/how",
            get(|Extension(ends): Extension<Endpoints>| async move { format!("tls={}", ends.is_tls) }),
        );
        tokio::spawn(serve(listener, router, limits, async move {
            let _ = stopped.await;
        }));
        Self { address, identity, folder, _stop: stop }
    }

    /// Connects as whoever trusts the certificate that lies in the folder.
    async fn connect(&self, file: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let pem = std::fs::read(self.folder.path().join(file)).unwrap();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

#[tokio::test]
async fn over_tls_a_request_says_so() {
    let secured = Secured::start(Limits::default(), false).await;
    let mut stream = secured.connect("a.tls").await.unwrap();
    assert!(ask(&mut stream, "/how").await.ends_with("tls=true"));
}

#[tokio::test]
async fn where_both_are_offered_the_first_byte_decides() {
    let secured = Secured::start(Limits::default(), true).await;
    let mut stream = secured.connect("a.tls").await.unwrap();
    assert!(ask(&mut stream, "/how").await.ends_with("tls=true"));
    let mut stream = TcpStream::connect(secured.address).await.unwrap();
    assert!(ask(&mut stream, "/how").await.ends_with("tls=false"));
}

#[tokio::test]
async fn what_is_no_handshake_is_closed() {
    let limits = Limits { head: Duration::from_millis(300), ..Limits::default() };
    let secured = Secured::start(limits, false).await;
    for said in [
        b"GET /how HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
        b"\x16\x03\x01\xff\xff".as_slice(),
        b"\x16\x03\x01\x00\x05hello".as_slice(),
        &[0xff; 70_000],
        // Nothing at all: cut off in time.
        b"",
    ] {
        let mut stream = TcpStream::connect(secured.address).await.unwrap();
        // The other end may have closed before all of it is written.
        let _ = stream.write_all(said).await;
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "left open after {:?}", &said[..said.len().min(8)]);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    let mut stream = secured.connect("a.tls").await.unwrap();
    assert!(ask(&mut stream, "/how").await.ends_with("tls=true"), "others are served");
}

#[tokio::test]
async fn who_dawdles_over_a_handshake_holds_up_nobody_and_has_a_seat_only() {
    let secured = Secured::start(Limits { per_address: 4, ..Limits::default() }, false).await;
    let mut dawdlers = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(secured.address).await.unwrap();
        stream.write_all(b"\x16").await.unwrap();
        dawdlers.push(stream);
    }
    let mut stream = secured.connect("a.tls").await.unwrap();
    stream.write_all(b"GET /how HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
    assert!(secured.connect("a.tls").await.is_err(), "one too many");
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let secured = Secured::start(Limits::default(), false).await;
    let mut old = secured.connect("a.tls").await.unwrap();
    let file = secured.folder.path().join("b.tls");
    secured.identity.replace(own_pair(&file, &["localhost".to_owned()], WallTime(0)).unwrap());
    assert!(secured.connect("a.tls").await.is_err(), "shown no more");
    let mut new = secured.connect("b.tls").await.unwrap();
    assert!(ask(&mut new, "/how").await.ends_with("tls=true"));
    assert!(ask(&mut old, "/how").await.ends_with("tls=true"), "it was dropped");
}

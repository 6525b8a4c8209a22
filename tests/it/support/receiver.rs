//! Somebody else's HTTP server, well or badly behaved.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What it does with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Manner {
    /// Answers this status and a short text.
    Status(u16),
    /// Answers this, byte by byte as it stands.
    Raw(&'static [u8]),
    /// Reads it and answers nothing.
    Hang,
    /// Reads it and breaks the connection off.
    Reset,
    /// Answers 200 and a body without an end.
    Endless,
    /// Answers 200 and the rest a byte at a time, for ever.
    SlowBody,
    /// Answers a head a byte at a time, for ever.
    SlowHead,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The first line.
    pub line: String,
    /// The header, names in small letters.
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Kind and event id.
    pub fn brief(&self) -> (String, String) {
        let json = self.json();
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        (text("kind"), text("id"))
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    manners: VecDeque<Manner>,
    connections: usize,
}

/// The server. It takes everything with a 200 unless told otherwise.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
    /// What vouches for it, in PEM form.
    pub authority: Option<String>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), None)
    }

    /// One that speaks TLS as `localhost`, vouched for by an authority of its own.
    pub async fn secure() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = own.signed_by(&key, &authority).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut receiver = Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), Some(acceptor));
        receiver.authority = Some(authority.pem());
        receiver
    }

    fn on(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let mut tasks = JoinSet::new();
        let known = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                known.lock().unwrap().connections += 1;
                let (state, tls) = (Arc::clone(&known), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => plain(stream, state).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                converse(stream, &state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, state, _tasks: tasks, authority: None }
    }

    pub fn url(&self) -> String {
        format!("http://{}/told?by=turnpike", self.address)
    }

    /// What it does with the next requests, one after the other.
    pub fn behave(&self, manners: impl IntoIterator<Item = Manner>) {
        self.state.lock().unwrap().manners.extend(manners);
    }

    /// The same with every one to come: no end of it, as good as.
    pub fn behave_always(&self, manner: Manner) {
        self.state.lock().unwrap().manners = VecDeque::from(vec![manner; 10_000]);
    }

    /// From now on it takes everything.
    pub fn mend(&self) {
        self.state.lock().unwrap().manners.clear();
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits until it has had so many requests.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let until = tokio::time::Instant::now() + Duration::from_secs(15);
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            let briefs: Vec<_> = received.iter().map(Received::brief).collect();
            assert!(tokio::time::Instant::now() < until, "{count} wanted, had {briefs:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A reset instead of a polite end: what is unread when a socket is closed has the kernel send one.
async fn plain(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    converse(&mut stream, &state).await;
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &Mutex<State>) {
    let mut unread = Vec::new();
    while let Some(received) = request(&mut stream, &mut unread).await {
        let manner = {
            let mut state = state.lock().unwrap();
            state.received.push(received);
            state.manners.pop_front().unwrap_or(Manner::Status(200))
        };
        let answered = match manner {
            Manner::Status(status) => {
                let text = format!(
                    "HTTP/1.1 {status} Said\r\nContent-Length: 5\r\nLocation: /elsewhere\r\n\r\nthank"
                );
                stream.write_all(text.as_bytes()).await
            }
            Manner::Raw(bytes) => {
                let _ = stream.write_all(bytes).await;
                return;
            }
            Manner::Reset => return,
            Manner::Hang => std::future::pending().await,
            Manner::Endless => drip(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 16_384], 0).await,
            Manner::SlowBody => {
                drip(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", 20).await
            }
            Manner::SlowHead => drip(&mut stream, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 20).await,
        };
        if answered.is_err() {
            return;
        }
    }
}

async fn drip(
    stream: &mut (impl AsyncWrite + Unpin),
    head: &[u8],
    piece: &[u8],
    millis: u64,
) -> std::io::Result<()> {
    stream.write_all(head).await?;
    loop {
        stream.write_all(piece).await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

async fn request(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> Option<Received> {
    loop {
        if let Some(received) = parse(unread) {
            return Some(received);
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
}

fn parse(unread: &mut Vec<u8>) -> Option<Received> {
    let end = unread.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(unread.get(..end)?.to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        })
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let text = String::from_utf8(unread.get(end + 4..end + 4 + length)?.to_vec()).unwrap();
    unread.drain(..end + 4 + length);
    Some(Received { line, headers, text })
}

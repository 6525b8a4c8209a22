//! Requests as bytes to the real server on a socket of its own, and what comes back.

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::ServiceExt;
use turnpike::http::{Answers, Limits, PeerUser, serve};

use super::Target;

/// An input that begins so is sent as it is, in whatever pieces of requests; of others the head is completed.
const RAW: &[u8] = b"raw\n";
/// How long a server may say nothing to what is no whole request.
const SILENCE: Duration = Duration::from_millis(30);
/// How long it may take to answer what is one.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read, in bytes.
const MOST: usize = 8 << 20;

/// What no answer may have in it, unless it is no page: it is what an input would put into one.
pub const MARK: &str = "<x7f";

/// One thread does everything, so that an input leaves nothing running behind.
fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    // A server that closes early is no reason to end: from here on it is not, even where nobody listens any more.
    let _closed = runtime.block_on(async { signal(SignalKind::pipe()) }).expect("signals can be listened to");
    runtime
}

/// What inputs are run in, one after the other.
pub trait World: Sized + 'static {
    /// What is new.
    fn start() -> impl Future<Output = Self>;
    /// Runs an input; whether it spoiled this world for those that follow.
    fn take(&mut self, input: &[u8]) -> impl Future<Output = Spoiled>;
    /// Ends all of it.
    fn stop(self) -> impl Future<Output = ()>;
}

/// Whether the next input needs a new world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoiled(pub bool);

/// After so many inputs a world is made anew: what they leave in the store stays small.
const MOST_OF_A_WORLD: u32 = 5_000;

/// A target that runs its inputs in such worlds, each in a runtime of its own: what one has started ends with it.
pub fn in_worlds<W: World>() -> Target {
    // The last one goes with the process: a thread's values end when no runtime can be entered any more, which a store needs.
    let mut held: ManuallyDrop<Option<(W, Runtime, u32)>> = ManuallyDrop::new(None);
    Box::new(move |input| {
        let (mut world, runtime, taken) = held.take().unwrap_or_else(|| {
            let runtime = runtime();
            (runtime.block_on(W::start()), runtime, 0)
        });
        let spoiled = runtime.block_on(world.take(input));
        if spoiled == Spoiled(true) || taken >= MOST_OF_A_WORLD {
            runtime.block_on(world.stop());
        } else {
            *held = Some((world, runtime, taken + 1));
        }
    })
}

/// A server on a socket in a folder of its own.
pub struct Served {
    dir: TempDir,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case, as they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request that was sent: what is known of it.
#[derive(Debug)]
pub struct Sent {
    pub method: String,
    /// Without what the question mark begins.
    pub path: String,
    /// Whether its head was made whole: then an answer must come.
    pub whole: bool,
}

impl Served {
    /// Serves until the runtime ends.
    pub fn start(service: impl Answers) -> Self {
        let dir = TempDir::new().expect("a folder for the socket");
        let listener = UnixListener::bind(Self::socket(&dir)).expect("a socket");
        let limits = Limits { answer: Duration::from_secs(10), ..Limits::default() };
        // It came over a socket so that it can be many a second: to whoever answers it came from the network.
        let service = service.map_request(|mut request: Request<Body>| {
            request.extensions_mut().remove::<PeerUser>();
            request
        });
        let task = tokio::spawn(serve(listener, service, limits, std::future::pending()));
        Self { dir, task }
    }

    fn socket(dir: &TempDir) -> PathBuf {
        dir.path().join("socket")
    }

    /// Sends an input, whose names in braces stand for values; the first answer to it.
    pub async fn ask(&self, input: &[u8], values: &[(&str, String)]) -> (Sent, Option<Reply>) {
        let (bytes, whole) = match input.strip_prefix(RAW) {
            Some(raw) => (filled_in(raw, values), false),
            None => (framed(&filled_in(input, values)), true),
        };
        let line: Vec<u8> = bytes.iter().copied().take_while(|byte| !b"\r\n".contains(byte)).collect();
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default().split(['?', '#']).next().unwrap_or_default().to_owned();
        let answer = self.exchange(&bytes, whole).await;
        (Sent { method, path, whole }, Reply::read(&answer, line.starts_with("HEAD ")))
    }

    /// All that comes back; of a stream its beginning.
    async fn exchange(&self, bytes: &[u8], whole: bool) -> Vec<u8> {
        let mut stream = UnixStream::connect(Self::socket(&self.dir)).await.expect("the server is there");
        // It may have closed already, having seen enough.
        let sent = timeout(PATIENCE, stream.write_all(bytes)).await;
        let _early = sent.expect("the server reads or closes");
        let mut answer = Vec::new();
        let mut is_shut = false;
        loop {
            let wait = if whole || is_shut { PATIENCE } else { SILENCE };
            match timeout(wait, stream.read_buf(&mut answer)).await {
                Ok(Ok(0) | Err(_)) => return answer,
                Ok(Ok(_)) if is_stream(&answer) => return answer,
                Ok(Ok(_)) => assert!(answer.len() < MOST, "an answer without end"),
                Err(_) if !whole && !is_shut => {
                    is_shut = true;
                    let _gone = stream.shutdown().await;
                }
                Err(_) => panic!("neither answered nor closed: {}", String::from_utf8_lossy(&answer)),
            }
        }
    }
}

/// Whether it is one that goes on for ever, and some of it is there.
fn is_stream(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer.get(..2_000).unwrap_or(answer));
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    head.to_ascii_lowercase().contains("content-type: text/event-stream")
}

fn filled_in(input: &[u8], values: &[(&str, String)]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for (name, value) in values {
        let mut from = 0;
        while let Some(at) = find(bytes.get(from..).unwrap_or_default(), name.as_bytes()) {
            let at = from + at;
            bytes.splice(at..at + name.len(), value.bytes());
            from = at + value.len();
        }
    }
    bytes
}

/// Where a piece begins.
pub fn find(bytes: &[u8], piece: &[u8]) -> Option<usize> {
    bytes.windows(piece.len()).position(|window| window == piece)
}

/// A request whose lines end as they must and whose length is what it is; the connection ends with it.
fn framed(input: &[u8]) -> Vec<u8> {
    let (head, body) = match find(input, b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let ours: [&[u8]; 5] = [b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"];
    let mut request = Vec::new();
    for line in head.split(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let is_ours = ours.iter().any(|known| name.trim_ascii().eq_ignore_ascii_case(known));
        // An empty one would be the end of the head.
        if !is_ours && !line.trim_ascii().is_empty() {
            request.extend_from_slice(line);
            request.extend_from_slice(b"\r\n");
        }
    }
    request
        .extend_from_slice(format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(body);
    request
}

impl Reply {
    /// The first answer of those; `None` if there is none.
    fn read(bytes: &[u8], to_head: bool) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let end = find(bytes, b"\r\n\r\n").expect("the head of an answer");
        let head = std::str::from_utf8(&bytes[..end]).expect("a head is ASCII");
        assert!(head.split("\r\n").all(|line| !line.contains(char::is_control)), "{head:?}");
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        let version = status.get(..9).unwrap_or_default();
        assert!(["HTTP/1.1 ", "HTTP/1.0 "].contains(&version), "{head:?}");
        let status: u16 = status.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
        if status == 100 {
            return Self::read(bytes.get(end + 4..).unwrap_or_default(), to_head);
        }
        let headers =
            lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line:?} in {head:?}")));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let rest = bytes.get(end + 4..).unwrap_or_default();
        let mut reply = Self { status, headers, body: Vec::new() };
        if !to_head {
            let length = reply.header("content-length").and_then(|length| length.parse().ok());
            reply.body = rest.get(..length.unwrap_or(rest.len())).unwrap_or(rest).to_vec();
        }
        Some(reply)
    }

    /// The only header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none() || name == "set-cookie", "{name} twice: {:?}", self.headers);
        value
    }

    /// Its media type without what follows.
    pub fn kind(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default()
    }

    /// What holds of every answer: no header that we do not send, no cookie but ours, nothing of the input as markup, nothing
    /// that failed inside.
    pub fn check(&self, sent: &Sent, headers: &[&str], cookies: &[&str]) {
        let text = String::from_utf8_lossy(&self.body);
        assert!((200..500).contains(&self.status), "{} of {sent:?}: {text:.500}", self.status);
        for (name, value) in &self.headers {
            assert!(headers.contains(&name.as_str()), "{name}: {value:?} of {sent:?}");
            assert!(value.len() < 2_000 && value.is_ascii(), "{name}: {value:?} of {sent:?}");
            assert!(!value.contains(MARK), "{name}: {value:?} of {sent:?}");
            if name == "set-cookie" {
                assert!(cookies.iter().any(|known| value.starts_with(known)), "{value:?} of {sent:?}");
                let value = value.split(';').next().unwrap_or_default();
                let value = value.split_once('=').map_or("", |(_, value)| value);
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                assert!(value.bytes().all(is_plain), "{value:?} of {sent:?}");
            }
        }
        if ["text/html", "image/svg+xml"].contains(&self.kind()) {
            assert!(!text.to_ascii_lowercase().contains(MARK), "{} of {sent:?}: {text}", self.status);
        }
        // What hyper itself refuses has nothing at all.
        if !self.body.is_empty() {
            assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{sent:?}");
            assert!(self.header("content-security-policy").is_some(), "{sent:?}");
        }
    }
}

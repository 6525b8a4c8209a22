//! Callers of the API: connections that are kept, one request after the other on each.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::lab::Ns;
use crate::stats::Sample;

/// One request.
#[derive(Debug, Clone)]
pub struct Post {
    /// Its path.
    pub path: String,
    /// JSON.
    pub body: String,
}

/// Where the API is.
#[derive(Debug, Clone)]
pub enum To {
    /// The control socket.
    Unix(PathBuf),
    /// The admin listener.
    Tcp(SocketAddr),
}

/// Who calls.
#[derive(Clone)]
pub struct Callers<'lab> {
    /// From where.
    pub ns: &'lab Ns,
    /// Whom.
    pub to: To,
    /// With which right.
    pub token: Option<String>,
}

/// What a run of calls took.
#[derive(Debug, Clone)]
pub struct Calls {
    /// Each call, in milliseconds.
    pub each_ms: Sample,
    /// All of them.
    pub whole: Duration,
}

impl Calls {
    /// Calls a second.
    pub fn per_sec(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let count = self.each_ms.len() as f64;
        count / self.whole.as_secs_f64()
    }
}

impl Callers<'_> {
    /// Makes all the calls from so many callers at once; every one has to succeed.
    ///
    /// One thread plays them all, so that the measuring takes as little as possible of the processors that are measured.
    pub fn post(&self, callers: usize, calls: Vec<Post>) -> Calls {
        let requests: VecDeque<Vec<u8>> = calls.iter().map(|call| self.request(call)).collect();
        self.ns.enter_async(|| async move {
            tokio::task::LocalSet::new().run_until(self.run(callers, requests)).await
        })
    }

    async fn run(&self, callers: usize, requests: VecDeque<Vec<u8>>) -> Calls {
        let todo = Rc::new(RefCell::new(requests));
        let mut connections = Vec::new();
        for _ in 0..callers {
            connections.push(Connection::open(&self.to).await);
        }
        let begun = Instant::now();
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|mut connection| {
                let todo = Rc::clone(&todo);
                tokio::task::spawn_local(async move {
                    let mut took = Vec::new();
                    loop {
                        let next = todo.borrow_mut().pop_front();
                        let Some(request) = next else { return took };
                        let begun = Instant::now();
                        connection.call(&request).await;
                        took.push(begun.elapsed().as_secs_f64() * 1e3);
                    }
                })
            })
            .collect();
        let mut each_ms = Sample::default();
        for task in tasks {
            for took in task.await.expect("a caller") {
                each_ms.add(took);
            }
        }
        Calls { each_ms, whole: begun.elapsed() }
    }

    fn request(&self, call: &Post) -> Vec<u8> {
        let token = self
            .token
            .as_ref()
            .map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let Post { path, body } = call;
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{token}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

struct Connection {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Connection {
    async fn open(to: &To) -> Self {
        let stream: Box<dyn Stream> = match to {
            To::Unix(path) => Box::new(UnixStream::connect(path).await.expect("the socket answers")),
            To::Tcp(address) => {
                let stream = TcpStream::connect(address).await.expect("the listener answers");
                stream.set_nodelay(true).expect("an option");
                Box::new(stream)
            }
        };
        Self { stream, read: Vec::with_capacity(4096) }
    }

    /// Sends one request and reads its whole answer, which has to be a success.
    async fn call(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.expect("sent");
        self.read.clear();
        loop {
            let read = self.stream.read_buf(&mut self.read).await.expect("an answer");
            let text = String::from_utf8_lossy(&self.read);
            assert!(read > 0, "the answer ends early: {text}");
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            assert!(
                head.starts_with("HTTP/1.1 20"),
                "refused: {text}\n(to {})",
                String::from_utf8_lossy(request)
            );
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
                })
                .expect("answers are whole");
            if body.len() >= length {
                return;
            }
        }
    }
}

//! A small HTTP/1.1 client for what turnpike tells others: bounded in time and in what it reads, follows no redirect.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::trust::{AuthorityError, Trust};
use crate::domain::WebUrl;

/// The most of an answer's body that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The most of an answer's head that is read, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most header fields of an answer.
const MAX_HEADERS: usize = 64;
/// How long one address of a host may take to answer a connect; then the next one is tried.
const CONNECT: Duration = Duration::from_secs(4);
/// The most addresses of a host that are tried.
const MAX_ADDRESSES: usize = 4;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The host's name could not be looked up.
    #[error("{host} could not be looked up: {source}")]
    Lookup {
        /// The host.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// No address of the host took a connection.
    #[error("no connection to {host}: {source}")]
    Connect {
        /// The host.
        host: String,
        /// Why the last address did not.
        source: std::io::Error,
    },
    /// The host could not show who it is, or speaks no TLS that we know.
    #[error("no secure connection to {host}: {source}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// The request cannot be written.
    #[error("this cannot be sent: {0}")]
    Request(#[from] axum::http::Error),
    /// The connection broke off, or what came back is no HTTP.
    #[error("the connection broke off before an answer: {0}")]
    Broke(#[from] hyper::Error),
    /// No answer within this time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// Makes connections; clones share what they trust.
#[derive(Clone)]
pub struct HttpClient {
    trust: Trust,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpClient")
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The header, but for `Host` and `Content-Length`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
    /// Whether that is all of it: it may be too long, too slow, or break off.
    pub is_whole: bool,
}

impl HttpClient {
    /// A client that trusts the authorities that browsers trust.
    pub fn new() -> Result<Self, AuthorityError> {
        Self::trusting(None)
    }

    /// The same, and those of a PEM file's text.
    pub fn trusting(more: Option<&[u8]>) -> Result<Self, AuthorityError> {
        Ok(Self { trust: Trust::new(more)? })
    }

    /// A line to an address, over which one request after the other goes. Nothing is connected yet.
    pub fn line(&self, url: WebUrl) -> Line {
        Line { client: self.clone(), url, open: None }
    }

    async fn connect(&self, url: &WebUrl) -> Result<Open, ClientError> {
        let host = || url.host().to_owned();
        let stream = dial(url).await?;
        if !url.is_https() {
            return Open::over(stream).await;
        }
        let secured = self.trust.secure(url.host(), stream).await;
        Open::over(secured.map_err(|source| ClientError::Tls { host: host(), source })?).await
    }
}

async fn dial(url: &WebUrl) -> Result<TcpStream, ClientError> {
    let host = || url.host().to_owned();
    let found = lookup_host((url.host(), url.port())).await;
    let found = found.map_err(|source| ClientError::Lookup { host: host(), source })?;
    let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    let mut last = std::io::Error::other("it has no address");
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY could not be set");
                }
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = std::io::ErrorKind::TimedOut.into(),
        }
    }
    Err(ClientError::Connect { host: host(), source: last })
}

/// A connection.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// Closed when this is dropped.
    _connection: JoinSet<hyper::Result<()>>,
}

impl Open {
    async fn over<S>(stream: S) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, exchange) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await?;
        let mut connection = JoinSet::new();
        connection.spawn(exchange);
        Ok(Self { sender, _connection: connection })
    }
}

/// A line to one address. It keeps its connection as long as the other end does.
pub struct Line {
    client: HttpClient,
    url: WebUrl,
    open: Option<Open>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({})", self.url.host())
    }
}

impl Line {
    /// Where it leads.
    pub const fn url(&self) -> &WebUrl {
        &self.url
    }

    /// Closes the connection; the next request makes another.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Sends a request and reads its answer, all within a time. A status of any kind is an answer, and so is one whose body
    /// did not come whole.
    ///
    /// Over a connection that was kept and turns out to be closed the request is sent once more over a new one: it may
    /// arrive twice.
    pub async fn send(&mut self, outgoing: &Outgoing, within: Duration) -> Result<Answer, ClientError> {
        let until = Instant::now() + within;
        let head = timeout_at(until, self.head(outgoing)).await;
        let (open, response) = head.map_err(|_| ClientError::TimedOut(within))??;
        let status = response.status();
        let (body, is_whole) = read(response.into_body(), until).await;
        self.open = is_whole.then_some(open).filter(|open| !open.sender.is_closed());
        Ok(Answer { status, body, is_whole })
    }

    /// Sends a request and waits for its answer's head.
    async fn head(&mut self, outgoing: &Outgoing) -> Result<(Open, hyper::Response<Incoming>), ClientError> {
        if let Some(mut open) = self.open.take()
            && open.sender.ready().await.is_ok()
            && let Ok(response) = open.sender.send_request(self.request(outgoing)?).await
        {
            return Ok((open, response));
        }
        let mut open = self.client.connect(&self.url).await?;
        let response = open.sender.send_request(self.request(outgoing)?).await?;
        Ok((open, response))
    }

    fn request(&self, outgoing: &Outgoing) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(outgoing.method.clone())
            .uri(self.url.target())
            .header(header::HOST, self.url.authority())
            .body(Full::new(outgoing.body.clone()))?;
        for (name, value) in &outgoing.headers {
            request.headers_mut().append(name, value.clone());
        }
        Ok(request)
    }
}

/// Reads a body as far as it is bounded and comes in time; whether that is all of it.
async fn read(mut body: Incoming, until: Instant) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    loop {
        match timeout_at(until, body.frame()).await {
            Ok(None) => return (read, true),
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                let room = MAX_ANSWER_BYTES - read.len();
                read.extend(data.iter().take(room));
                if data.len() > room {
                    return (read, false);
                }
            }
            Ok(Some(Err(_))) | Err(_) => return (read, false),
        }
    }
}

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt::{set_socket_send_buffer_size, set_tcp_nodelay};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::rustls::ServerConfig;
use tower::{Service, ServiceExt};

use super::last::{Last, WriteLast};
use super::seats::{Door, Holders, Seat, Seats, pass};
use super::secure::{Opened, open};
use super::write_limit::WriteLimit;
use super::{Endpoints, PeerMac, PeerUser, Problem};

/// What connections may take. The defaults suit a small router.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections at once from one address; more are closed at once. Where holders are known and more than half of all places
    /// are taken, also from one device, of those that it makes from then on. Not for Unix sockets.
    pub per_address: usize,
    /// How long a request's head may take, which is also how long an idle connection is kept.
    pub head: Duration,
    /// How many bytes a request's head may have; also what is read ahead.
    pub head_bytes: usize,
    /// How long a handler may take until its answer begins; a stream may then go on for ever.
    pub answer: Duration,
    /// The requests whose handlers may take longer than that, and how long.
    pub patience: fn(&Request<Body>) -> Option<Duration>,
    /// How long a peer may take no byte of what is sent to it; then it is dropped.
    pub write: Duration,
    /// How long open connections may take to finish at shutdown.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            per_address: 64,
            head: Duration::from_secs(10),
            head_bytes: 16 * 1024,
            answer: Duration::from_secs(30),
            patience: |_| None,
            write: Duration::from_secs(30),
            drain: Duration::from_secs(3),
        }
    }
}

/// The most header fields of a request.
const MAX_HEADERS: usize = 64;
/// What the kernel keeps of what a peer has not taken yet, in bytes (it doubles this): left alone, that grows to megabytes
/// for each of thousands of listeners, and a slow peer shows no progress until a third of it is gone.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// After an accept that failed for lack of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is listened on: made and bound by the caller.
#[derive(Debug)]
pub enum Listener {
    /// TCP: requests carry [`Endpoints`] in their extensions.
    Tcp(TcpListener),
    /// The same over TLS.
    Tls {
        /// What connections come in on.
        listener: TcpListener,
        /// What is shown to them.
        tls: Arc<ServerConfig>,
        /// Whether those that begin without TLS are served plainly; else they are closed.
        plain_too: bool,
    },
    /// A Unix socket: requests carry [`PeerUser`] in their extensions.
    Unix(UnixListener),
}

impl Listener {
    /// What every connection takes over from the socket that it comes in on.
    fn prepare(&self) {
        let socket = match self {
            Self::Tcp(listener) | Self::Tls { listener, .. } => listener,
            Self::Unix(_) => return,
        };
        // Answers are small and whole: nothing is gained by waiting for more of them.
        if let Err(error) = set_tcp_nodelay(socket, true) {
            tracing::warn!(%error, "TCP_NODELAY could not be set");
        }
        if let Err(error) = set_socket_send_buffer_size(socket, SEND_BUFFER_BYTES) {
            tracing::warn!(%error, "SO_SNDBUF could not be set");
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// What answers requests: a router, or what stands before one.
pub trait Answers:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Serves requests until `shutdown`; then finishes what is under way, within [`Limits::drain`].
pub async fn serve(
    listener: impl Into<Listener>,
    service: impl Answers,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    serve_all(listener.into(), service, limits, None, shutdown).await;
}

/// As [`serve`], for a network on which it is known which device has an address: none has more than its share of the places.
pub async fn serve_devices(
    listener: impl Into<Listener>,
    service: impl Answers,
    limits: Limits,
    holders: Holders,
    shutdown: impl Future<Output = ()>,
) {
    serve_all(listener.into(), service, limits, Some(holders), shutdown).await;
}

async fn serve_all(
    listener: Listener,
    service: impl Answers,
    limits: Limits,
    holders: Option<Holders>,
    shutdown: impl Future<Output = ()>,
) {
    listener.prepare();
    let (stop, stopped) = watch::channel(());
    let shop = Shop {
        service,
        limits,
        stopped,
        places: Arc::new(Semaphore::new(limits.connections)),
        seats: Seats::new(limits.per_address, holders),
    };
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = shop.accept(&listener) => match accepted {
                Ok(Some(visit)) => drop(connections.spawn(visit)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
        // What has ended is put away when the next one comes, so that nobody is woken for it.
        while let Some(ended) = connections.try_join_next() {
            put_away(ended);
        }
    }
    drop(listener);
    drop(stop);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            put_away(ended);
        }
    };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        connections.shutdown().await;
    }
}

fn put_away(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a request's handler failed");
    }
}

/// A connection being served, to its end.
type Visit = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

struct Shop<A> {
    service: A,
    limits: Limits,
    stopped: watch::Receiver<()>,
    places: Arc<Semaphore>,
    seats: Seats,
}

impl<A: Answers> Shop<A> {
    /// Waits for a place and a connection; `None` if the connection was turned away or is gone already.
    async fn accept(&self, listener: &Listener) -> io::Result<Option<Visit>> {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return Ok(None) };
        match listener {
            Listener::Tcp(listener) => {
                let Some((stream, endpoints, seat)) = self.accept_tcp(listener).await? else {
                    return Ok(None);
                };
                let door = self.door(&endpoints);
                Ok(Some(self.visit(stream, endpoints, (place, Some(seat)), door)))
            }
            Listener::Tls { listener, tls, plain_too } => {
                let Some((stream, endpoints, seat)) = self.accept_tcp(listener).await? else {
                    return Ok(None);
                };
                let door = self.door(&endpoints);
                let visit =
                    self.secure_visit(stream, endpoints, (place, seat), door, Arc::clone(tls), *plain_too);
                Ok(Some(visit))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let user = PeerUser { uid: stream.peer_cred()?.uid() };
                Ok(Some(self.visit(stream, user, place, None)))
            }
        }
    }

    async fn accept_tcp(
        &self,
        listener: &TcpListener,
    ) -> io::Result<Option<(TcpStream, Endpoints, Seat<IpAddr>)>> {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_the_clients(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(local) = stream.local_addr() else { return Ok(None) };
        let endpoints = Endpoints::new(peer, local);
        let Some(seat) = self.seats.of_address(endpoints.peer.ip()) else { return Ok(None) };
        Ok(Some((stream, endpoints, seat)))
    }

    /// What a connection has to pass now that it has its place: nothing while half of the places are free.
    fn door(&self, endpoints: &Endpoints) -> Option<Door> {
        let is_short = self.places.available_permits() < self.limits.connections / 2;
        is_short.then(|| self.seats.door(endpoints.peer.ip())).flatten()
    }

    fn visit<S, E>(&self, stream: S, about: E, held: impl Send + 'static, door: Option<Door>) -> Visit
    where
        S: AsyncRead + WriteLast + Send + 'static,
        E: Clone + Send + Sync + 'static,
    {
        let house = self.house();
        Box::pin(async move {
            let _held = held;
            let Ok(_seat) = pass(door).await else { return };
            let stream = WriteLimit::new(stream, house.limits.write);
            let last = stream.last();
            converse(house, stream, last, about).await;
        })
    }

    fn house(&self) -> House<A> {
        // Idle connections of guests who are done leave the last places to those who come. No more than a quarter: where half
        // of them are open pages that are told of changes, the others' connections stay all the same.
        let stays = self.places.available_permits() > self.limits.connections / 4;
        House { service: self.service.clone(), limits: self.limits, stopped: self.stopped.clone(), stays }
    }

    /// The handshake is part of the visit, so that nobody waits for whoever dawdles over it, and has as long as a head.
    fn secure_visit(
        &self,
        stream: TcpStream,
        endpoints: Endpoints,
        held: impl Send + 'static,
        door: Option<Door>,
        tls: Arc<ServerConfig>,
        plain_too: bool,
    ) -> Visit {
        let house = self.house();
        let limits = self.limits;
        Box::pin(async move {
            let _held = held;
            let Ok(_seat) = pass(door).await else { return };
            match tokio::time::timeout(limits.head, open(stream, tls, plain_too, limits.write)).await {
                // The end of TLS is a message of its own.
                Ok(Ok(Opened::Tls(stream))) => {
                    converse(house, stream, Last::default(), endpoints.over_tls()).await;
                }
                Ok(Ok(Opened::Plain(stream))) => {
                    let last = stream.last();
                    converse(house, stream, last, endpoints).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, peer = %endpoints.peer, "no TLS came about"),
                Err(_) => tracing::debug!(peer = %endpoints.peer, "no TLS came about in time"),
            }
        })
    }
}

/// What a conversation needs of the place that it is held in.
#[derive(Clone)]
struct House<A> {
    service: A,
    limits: Limits,
    stopped: watch::Receiver<()>,
    /// Whether a connection stays when its answer is given: not when places are short.
    stays: bool,
}

/// Answers requests on one connection until it ends, or the daemon does.
async fn converse<A, S, E>(house: House<A>, stream: S, last: Last, about: E)
where
    A: Answers,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    E: Clone + Send + Sync + 'static,
{
    let House { service, limits, mut stopped, stays } = house;
    let peer = PeerMac::default();
    let answered = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(about.clone());
        request.extensions_mut().insert(peer.clone());
        let limit = (limits.patience)(&request).unwrap_or(limits.answer);
        let last = Last::may_follow(&request).then(|| last.clone());
        let answer = answer(service.clone(), request, limit);
        async move {
            let response = answer.await?;
            if let Some(last) = last {
                last.note(&response, stays);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(stays)
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), answered);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The sender is dropped at shutdown; it never sends.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What goes wrong with one connection before it is accepted (`accept(2)`): the next one may be fine.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

async fn answer(
    service: impl Answers,
    request: Request<Body>,
    limit: Duration,
) -> Result<Response<Body>, Infallible> {
    match tokio::time::timeout(limit, service.oneshot(request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(never)) => match never {},
        Err(_) => Ok(Problem::timed_out().into_response()),
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;

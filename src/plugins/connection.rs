//! One connection of a plugin, from its hello to its end.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::account::Account;
use super::bucket::Bucket;
use super::codec::{LineError, Lines};
use super::link::{Link, MAX_LINES};
use super::rpc::{self, Fault, Fields, Message};
use super::{PROTOCOL, PluginHost, calls, told};
use crate::domain::{
    ConnectionId, LockName, LockOwner, LockScope, Permission, ProviderError, ProviderName, Refusal,
};
use crate::runtime::LostLock;

/// How long a plugin may take to say hello.
const HELLO: Duration = Duration::from_secs(10);
/// How many lines that are no hello are answered before it.
const MAX_BEFORE_HELLO: usize = 10;
/// Requests that wait for their turn; more are refused.
const MAX_REQUESTS: usize = 32;
/// A plugin may send so much at once, and so much a second: a line is 1 and a bit for its length. What is beyond is read
/// later.
const BURST: f64 = 1000.0;
const PER_SEC: f64 = 250.0;
/// So many bytes cost as much as a line.
const BYTES_A_LINE: usize = 2048;
/// So many lines in a row that cannot be read end the connection.
const MAX_UNREADABLE: usize = 32;
/// A plugin that takes nothing of what is written to it for so long is dropped.
const WRITE: Duration = Duration::from_secs(10);
/// What was asked before a plugin closed its end is carried out, for so long.
const DRAIN: Duration = Duration::from_secs(5);
/// How often a plugin that has registered something is asked whether it lives.
const PING: Duration = Duration::from_secs(30);

/// What a plugin may do: these; `None` is everything.
pub(super) type Permissions = Option<Vec<Permission>>;

/// Who has said hello.
pub(super) struct Admitted {
    pub(super) account: Arc<Account>,
    pub(super) permissions: Permissions,
    /// What the audit log says of where it comes from.
    pub(super) origin: String,
    /// Resolves when it may no longer be there.
    pub(super) expires: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Looks at who says hello. An error is told to the plugin.
pub(super) type Doorman<'d> =
    dyn Fn(Hello) -> Pin<Box<dyn Future<Output = Result<Admitted, Fault>> + Send + 'd>> + Send + Sync + 'd;

/// What a plugin says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Hello {
    pub(super) name: Option<String>,
    pub(super) token: Option<String>,
}

/// A plugin that is connected.
pub(super) struct Peer {
    pub(super) host: PluginHost,
    pub(super) account: Arc<Account>,
    pub(super) link: Arc<Link>,
    pub(super) id: ConnectionId,
    pub(super) permissions: Permissions,
    pub(super) origin: String,
    held: Mutex<Held>,
    /// What goes on beside the requests: waits for locks, events.
    beside: Mutex<JoinSet<()>>,
}

/// What goes with the connection.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) providers: BTreeSet<ProviderName>,
    pub(super) authenticators: BTreeSet<String>,
    pub(super) locks: HashMap<LockName, (LockOwner, LockScope)>,
    pub(super) lock_waits: usize,
    pub(super) subscriptions: u64,
}

impl Peer {
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something beside the requests, until the connection ends.
    pub(super) fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        while beside.try_join_next().is_some() {}
        beside.spawn(work);
    }

    /// Whether the plugin has this permission.
    pub(super) fn has(&self, wanted: &Permission) -> bool {
        self.permissions.as_ref().is_none_or(|granted| Permission::any_allows(granted, wanted))
    }

    /// The same, as the error that names it.
    pub(super) fn needs(&self, wanted: &Permission) -> Result<(), Fault> {
        if self.has(wanted) { Ok(()) } else { Err(Fault::not_permitted(&wanted.to_string())) }
    }
}

/// Serves a plugin until it ends, or `stop` says so. Why it ended; `None` if it was told to.
pub(super) async fn run(
    host: PluginHost,
    reader: impl AsyncRead + Unpin + Send + 'static,
    mut writer: impl AsyncWrite + Unpin + Send + 'static,
    doorman: &Doorman<'_>,
    mut stop: watch::Receiver<bool>,
) -> (Option<Arc<Account>>, Option<String>) {
    let mut lines = Lines::new(BufReader::with_capacity(8 * 1024, reader));
    let admitted = tokio::select! {
        () = told(&mut stop) => return (None, None),
        admitted = timeout(HELLO, hello(&host, &mut lines, &mut writer, doorman)) => admitted,
    };
    let admitted = match admitted {
        Ok(Ok(admitted)) => admitted,
        Ok(Err(problem)) => return (None, Some(problem)),
        Err(_) => return (None, Some(format!("did not say hello within {} s", HELLO.as_secs()))),
    };
    let (out, outbound) = mpsc::channel(MAX_LINES);
    let peer = Arc::new(Peer {
        host,
        account: admitted.account,
        link: Arc::new(Link::new(out)),
        id: ConnectionId::new(uuid::Uuid::now_v7()),
        permissions: admitted.permissions,
        origin: admitted.origin,
        held: Mutex::default(),
        beside: Mutex::default(),
    });
    let lost = peer.host.handle.lost_locks();
    // However this ends, also by being dropped: nothing of it is left.
    let leaving = Leaving(Arc::clone(&peer));
    let served = async {
        let (requests, queue) = mpsc::channel(MAX_REQUESTS);
        let mut worker = std::pin::pin!(work(Arc::clone(&peer), queue));
        let ended = tokio::select! {
            ended = read(Arc::clone(&peer), &mut lines, requests) => ended,
            ended = write(writer, outbound) => return ended,
            () = &mut worker => return "its requests could not be carried out".to_owned(),
            () = watch_locks(Arc::clone(&peer), lost) => return "turnpike is stopping".to_owned(),
            () = ping(Arc::clone(&peer)) => return "its connection ended".to_owned(),
            () = admitted.expires => return "its token was revoked".to_owned(),
        };
        // The last requests of one that has left are carried out all the same; nobody hears their answers.
        let _ = timeout(DRAIN, worker).await;
        ended
    };
    let ended = tokio::select! {
        () = told(&mut stop) => None,
        ended = served => Some(ended),
    };
    drop(leaving);
    (Some(Arc::clone(&peer.account)), ended)
}

/// Waits for a hello that is let in.
async fn hello<R: AsyncRead + Unpin>(
    host: &PluginHost,
    lines: &mut Lines<BufReader<R>>,
    writer: &mut (impl AsyncWrite + Unpin),
    doorman: &Doorman<'_>,
) -> Result<Admitted, String> {
    let mut problem = "never said hello".to_owned();
    for _ in 0..MAX_BEFORE_HELLO {
        let line = lines.next().await.map_err(|error| error.to_string())?;
        let (id, said) = match rpc::read(&line) {
            Ok(Message::Request { id, method, params }) if method == "hello" => {
                let said = match read_hello(params) {
                    Ok(hello) => doorman(hello).await,
                    Err(fault) => Err(fault),
                };
                (id.unwrap_or(Value::Null), said)
            }
            Ok(Message::Request { id, .. }) => {
                let fault = Fault::new(rpc::HELLO_FIRST, "say hello first: {\"method\": \"hello\", …}");
                (id.unwrap_or(Value::Null), Err(fault))
            }
            Ok(Message::Answer { .. }) => continue,
            Err(unreadable) => (unreadable.id, Err(unreadable.fault)),
        };
        let (answer, admitted) = match said {
            Ok(admitted) => {
                let (name, permissions) = (admitted.account.name.clone(), admitted.permissions.clone());
                (Ok(welcome(host, &name, permissions).await?), Some(admitted))
            }
            Err(fault) => {
                problem.clone_from(&fault.message);
                (Err(fault), None)
            }
        };
        let line = rpc::answer(&id, &answer);
        put(writer, &line).await?;
        if let Some(admitted) = admitted {
            return Ok(admitted);
        }
    }
    Err(problem)
}

fn read_hello(params: Value) -> Result<Hello, Fault> {
    let mut fields = Fields::of(params)?;
    let protocol = fields.need::<u64>("protocol")?;
    let name = fields.take("name")?;
    let token = fields.take("token")?;
    fields.finish()?;
    if protocol != PROTOCOL {
        return Err(Fault::invalid("protocol", format!("this turnpike speaks version {PROTOCOL} only")));
    }
    Ok(Hello { name, token })
}

async fn welcome(host: &PluginHost, name: &str, permissions: Permissions) -> Result<Value, String> {
    let policies = host.handle.policies().await.map_err(|refusal| refusal.to_string())?;
    let permissions = match permissions {
        Some(permissions) => permissions.iter().map(ToString::to_string).collect(),
        None => vec![Permission::Admin.to_string()],
    };
    Ok(json!({
        "protocol": PROTOCOL,
        "name": name,
        "version": env!("CARGO_PKG_VERSION"),
        "gateway": policies.gateway.name.as_str(),
        "currency": { "code": host.currency.code(), "digits": host.currency.digits() },
        "permissions": permissions,
    }))
}

/// A request that waits for its turn.
struct Request {
    id: Option<Value>,
    method: String,
    params: Value,
}

/// Reads until the plugin ends, or cannot be borne any longer. Never faster than a plugin may send.
async fn read<R: AsyncRead + Unpin>(
    peer: Arc<Peer>,
    lines: &mut Lines<BufReader<R>>,
    requests: mpsc::Sender<Request>,
) -> String {
    let mut bucket = Bucket::new(BURST, PER_SEC, Instant::now());
    let mut unreadable = 0;
    loop {
        let line = match lines.next().await {
            Ok(line) => line,
            Err(LineError::Ended) => return LineError::Ended.to_string(),
            Err(error) => {
                let fault = Fault::new(rpc::INVALID, error.to_string());
                // It may not read either.
                let answer = rpc::answer(&Value::Null, &Err(fault));
                let _ = timeout(Duration::from_millis(100), peer.link.put(answer)).await;
                return error.to_string();
            }
        };
        let cost = 1 + line.len() / BYTES_A_LINE;
        let wait = bucket.take(f64::from(u32::try_from(cost).unwrap_or(u32::MAX)), Instant::now());
        if !wait.is_zero() {
            // What it sends meanwhile waits in the pipe, and then in the plugin.
            tokio::time::sleep(wait).await;
        }
        let message = match rpc::read(&line) {
            Ok(message) => message,
            Err(bad) => {
                unreadable += 1;
                peer.account.blame(&format!("sent what cannot be read: {}", bad.fault.message));
                if unreadable >= MAX_UNREADABLE {
                    return format!("sent {unreadable} lines in a row that cannot be read");
                }
                peer.link.put(rpc::answer(&bad.id, &Err(bad.fault))).await;
                continue;
            }
        };
        unreadable = 0;
        match message {
            Message::Answer { id: Some(id), answer } => {
                if !peer.link.answered(id, answer) {
                    peer.account.blame(&format!("answered a question that nobody waits for (id {id})"));
                }
            }
            Message::Answer { id: None, .. } => peer.account.blame("sent an answer without a usable id"),
            Message::Request { id, method, params } => {
                let refused = match requests.try_send(Request { id, method, params }) {
                    Ok(()) => continue,
                    Err(mpsc::error::TrySendError::Full(request)) => request,
                    Err(mpsc::error::TrySendError::Closed(_)) => return "its connection ended".to_owned(),
                };
                let text = format!("{MAX_REQUESTS} requests wait already: wait for their answers");
                peer.account.blame("sends requests faster than they can be carried out");
                if let Some(id) = refused.id {
                    peer.link.put(rpc::answer(&id, &Err(Fault::new(rpc::BUSY, text)))).await;
                }
            }
        }
    }
}

/// Carries out requests, one after the other.
async fn work(peer: Arc<Peer>, mut queue: mpsc::Receiver<Request>) {
    while let Some(Request { id, method, params }) = queue.recv().await {
        if calls::waits(&method, &params) {
            let waiting = Arc::clone(&peer);
            peer.beside(async move {
                let answer = calls::carry_out(&waiting, &method, params).await;
                tell(&waiting, id, &method, answer).await;
            });
        } else {
            let answer = calls::carry_out(&peer, &method, params).await;
            tell(&peer, id, &method, answer).await;
        }
    }
}

async fn tell(peer: &Peer, id: Option<Value>, method: &str, answer: Result<Value, Fault>) {
    if let Err(fault) = &answer
        && [rpc::NOT_PERMITTED, rpc::INVALID_PARAMS, rpc::UNKNOWN_METHOD].contains(&fault.code)
    {
        peer.account.blame(&format!("{method}: {}", fault.message));
    }
    if let Some(id) = id {
        peer.link.put(rpc::answer(&id, &answer)).await;
    }
}

async fn write(mut writer: impl AsyncWrite + Unpin, mut outbound: mpsc::Receiver<String>) -> String {
    while let Some(line) = outbound.recv().await {
        if let Err(problem) = put(&mut writer, &line).await {
            return problem;
        }
    }
    "its connection ended".to_owned()
}

async fn put(writer: &mut (impl AsyncWrite + Unpin), line: &str) -> Result<(), String> {
    let written = async {
        writer.write_all(line.as_bytes()).await?;
        writer.flush().await
    };
    match timeout(WRITE, written).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("it cannot be written to: {error}")),
        Err(_) => Err(format!("it read nothing for {} s", WRITE.as_secs())),
    }
}

/// Tells the plugin of locks that it loses.
async fn watch_locks(peer: Arc<Peer>, mut lost: broadcast::Receiver<LostLock>) {
    loop {
        let gone: Vec<(LockName, LockOwner, &'static str)> = match lost.recv().await {
            Ok(LostLock { name, owner, why }) => vec![(name, owner, why)],
            Err(RecvError::Lagged(_)) => {
                let locks = peer.held().locks.clone();
                let is_gone = |(name, owner): &(LockName, LockOwner)| {
                    peer.host.handle.lock_holder(name) != Some(*owner)
                };
                let held = locks.into_iter().map(|(name, (owner, _))| (name, owner));
                held.filter(is_gone).map(|(name, owner)| (name, owner, "it was lost")).collect()
            }
            Err(RecvError::Closed) => return,
        };
        for (name, owner, why) in gone {
            let was_held = {
                let mut held = peer.held();
                let is_it = held.locks.get(&name).is_some_and(|(known, _)| *known == owner);
                if is_it {
                    held.locks.remove(&name);
                }
                is_it
            };
            if was_held {
                let device = match owner {
                    LockOwner::Device(device) => Some(device.to_string()),
                    LockOwner::Connection(_) => None,
                };
                let params = json!({ "name": name.as_str(), "device": device, "reason": why });
                peer.link.tell("lock.lost", &params).await;
            }
        }
    }
}

/// Asks a plugin that others rely on now and then whether it lives: it is left out before anybody waits for it in vain.
async fn ping(peer: Arc<Peer>) {
    loop {
        tokio::time::sleep(PING).await;
        let is_relied_on = {
            let held = peer.held();
            !held.providers.is_empty() || !held.authenticators.is_empty()
        };
        // Any answer will do, also that it does not know the method.
        if is_relied_on && peer.account.ask(&peer.link, "ping", &json!({})).await.is_ok() {
            peer.account.succeeded();
        }
    }
}

/// Takes away what goes with a connection.
struct Leaving(Arc<Peer>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let peer = &self.0;
        peer.link.end();
        peer.beside.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        let held = std::mem::take(&mut *peer.held());
        let handle = &peer.host.handle;
        for provider in &held.providers {
            handle.registry().unregister(provider);
            handle.end_waits(provider);
        }
        for authenticator in &held.authenticators {
            handle.registry().authenticators().unregister(authenticator);
        }
        for (name, (owner, scope)) in &held.locks {
            // A device's lock goes with the plugin that asked for it, unless it was to outlast it.
            if *scope == LockScope::ConnectionLoss {
                handle.give_back_lock(name, *owner);
            }
        }
        handle.connection_lost(peer.id);
        peer.account.registered(|status| {
            status.providers.clear();
            status.authenticators.clear();
        });
    }
}

impl From<ProviderError> for Fault {
    fn from(error: ProviderError) -> Self {
        Self::from(Refusal::Provider(error.0))
    }
}

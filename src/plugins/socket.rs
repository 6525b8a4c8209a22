//! Plugins that run by themselves and connect to `plugin.sock`.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::account::Account;
use super::connection::{self, Admitted, Hello};
use super::rpc::Fault;
use super::{PluginHost, told};
use crate::config::RESERVED_PLUGIN_NAMES;
use crate::domain::ProviderName;
use crate::runtime::{PluginKind, PluginState, PluginStatus};
use crate::store::{Store, TokenText};

/// The most connections at once.
const MAX_CONNECTIONS: usize = 64;
/// How long a plugin has to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// How often it is looked whether a plugin's token is still good.
const TOKEN: Duration = Duration::from_secs(5);
/// After an accept that failed for lack of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The names of those that are connected.
type Names = Arc<Mutex<std::collections::BTreeSet<String>>>;

/// Serves plugins until `stop` says so.
pub(super) async fn run(host: PluginHost, listener: UnixListener, mut stop: watch::Receiver<bool>) {
    let names = Names::default();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = told(&mut stop) => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(%error, "a plugin's connection failed");
                }
            }
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(host.clone(), stream, Arc::clone(&names), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a plugin could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    // They are told by the same signal.
    while connections.join_next().await.is_some() {}
}

/// A name that is taken while this lives.
struct Taken {
    names: Names,
    name: Mutex<Option<String>>,
}

impl Taken {
    fn take(&self, name: &str) -> bool {
        let is_new = self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        if is_new {
            *self.name.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
        }
        is_new
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(name) = self.name.get_mut().unwrap_or_else(PoisonError::into_inner) {
            self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(name.as_str());
        }
    }
}

async fn serve(host: PluginHost, stream: UnixStream, names: Names, stop: watch::Receiver<bool>) {
    let Ok(user) = stream.peer_cred() else { return };
    let taken = Taken { names, name: Mutex::new(None) };
    let doorman = |hello: Hello| -> Pin<Box<dyn Future<Output = Result<Admitted, Fault>> + Send + '_>> {
        Box::pin(admit(&host, hello, user.uid(), &taken))
    };
    let (reader, writer) = stream.into_split();
    let (account, ended) = connection::run(host.clone(), reader, writer, &doorman, stop).await;
    match account {
        Some(account) => {
            if let Some(problem) = ended {
                account.blame(&problem);
            }
            account.stands(PluginState::Disconnected, None);
        }
        None => tracing::debug!(
            uid = user.uid(),
            problem = ended,
            "somebody at the plugins' socket was not let in"
        ),
    }
}

async fn admit(host: &PluginHost, hello: Hello, uid: u32, taken: &Taken) -> Result<Admitted, Fault> {
    let name = hello.name.ok_or_else(|| Fault::invalid("name", "is missing"))?;
    if !ProviderName::is_name(&name) {
        return Err(Fault::invalid("name", "must be 1 to 32 small letters, digits, - and _"));
    }
    let (permissions, expires, origin) = match hello.token {
        Some(text) => {
            let unknown = || Fault::invalid("token", "is not known");
            let text = TokenText::parse(&text).ok_or_else(unknown)?;
            let token = host.store.find_token(&text).await.map_err(|error| Fault::internal(&error))?;
            let token = token.ok_or_else(unknown)?;
            let expires: Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(expired(host.store.clone(), text));
            let origin = format!("plugin socket, uid {uid}, token {} {}", token.id, token.name);
            (Some(token.permissions), expires, origin)
        }
        None if uid == 0 => {
            let never: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(std::future::pending());
            (None, never, format!("plugin socket, uid {uid}"))
        }
        None => return Err(Fault::invalid("token", "is missing: only root needs none")),
    };
    let is_kept = RESERVED_PLUGIN_NAMES.contains(&name.as_str()) || host.configured.contains(&name);
    if is_kept || !taken.take(&name) {
        return Err(Fault::invalid("name", format!("there is a plugin {name} already")));
    }
    let account = Arc::new(Account::new(&name, host.handle.clone(), DEADLINE));
    let before = account.roster().get(&name);
    let since = host.handle.now().wall;
    let status = PluginStatus::new(&name, PluginKind::Socket, PluginState::Connected, since);
    account.roster().put(PluginStatus {
        restarts: before.as_ref().map_or(0, |before| before.restarts.saturating_add(1)),
        last_error_at: before.as_ref().and_then(|before| before.last_error_at),
        last_error: before.and_then(|before| before.last_error),
        ..status
    });
    Ok(Admitted { account, permissions, origin, expires })
}

/// Resolves when a token is no longer good.
async fn expired(store: Store, text: TokenText) {
    loop {
        tokio::time::sleep(TOKEN).await;
        // That it could not be looked up says nothing of it.
        if let Ok(None) = store.find_token(&text).await {
            return;
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::{ProviderName, Text, WallTime};

/// How a plugin is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginKind {
    /// The daemon starts it.
    Child,
    /// It connects by itself.
    Socket,
}

/// How a plugin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginState {
    /// Started; it has not said hello yet.
    Starting,
    /// Started, and speaking.
    Running,
    /// It ended and will be started again.
    WaitingToRestart,
    /// The daemon stops.
    Stopped,
    /// It runs by itself and is connected.
    Connected,
    /// It runs by itself and was connected.
    Disconnected,
}

impl PluginState {
    /// Every state, with its name in API and CLI.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Starting, "starting"),
        (Self::Running, "running"),
        (Self::WaitingToRestart, "waiting_to_restart"),
        (Self::Stopped, "stopped"),
        (Self::Connected, "connected"),
        (Self::Disconnected, "disconnected"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("stopped", |(_, name)| name)
    }
}

/// A plugin as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// How it is there.
    pub kind: PluginKind,
    /// How it stands.
    pub state: PluginState,
    /// Since when.
    pub since: WallTime,
    /// Its process, while the daemon runs one.
    pub pid: Option<u32>,
    /// How often it was started again.
    pub restarts: u32,
    /// How often it was asked for anything.
    pub asked: u64,
    /// How often it did not answer, or not with anything that could be used.
    pub failed: u64,
    /// What went wrong last.
    pub last_error: Option<Text>,
    /// The session providers that it has registered.
    pub providers: BTreeSet<ProviderName>,
    /// The authenticators that it has registered.
    pub authenticators: BTreeSet<String>,
}

/// The plugins that there are, and those that were there lately.
#[derive(Debug, Clone, Default)]
pub struct Roster(Arc<RwLock<BTreeMap<String, PluginStatus>>>);

/// Of plugins that went away by themselves so many are remembered.
const MAX_GONE: usize = 32;

impl Roster {
    /// Puts a plugin in.
    pub fn put(&self, status: PluginStatus) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(status.name.clone(), status);
        let gone = |status: &&PluginStatus| status.state == PluginState::Disconnected;
        if all.values().filter(gone).count() > MAX_GONE {
            let oldest = all.values().filter(gone).min_by_key(|status| status.since);
            let oldest = oldest.map(|status| status.name.clone());
            all.retain(|name, _| Some(name) != oldest.as_ref());
        }
    }

    /// Changes what is known of a plugin.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut PluginStatus)) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = all.get_mut(name) {
            change(status);
        }
    }

    /// The plugin of that name.
    pub fn get(&self, name: &str) -> Option<PluginStatus> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<PluginStatus> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

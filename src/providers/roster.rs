use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::Notify;

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
    /// When that was.
    pub last_error_at: Option<WallTime>,
    /// It failed again and again and is asked nothing for a while.
    pub left_out: bool,
    /// When its process ended last, and why.
    pub last_exit: Option<(WallTime, Text)>,
    /// What it wrote last to its standard error, a line each, the newest last.
    pub said: VecDeque<Text>,
    /// The session providers that it has registered.
    pub providers: BTreeSet<ProviderName>,
    /// The authenticators that it has registered.
    pub authenticators: BTreeSet<String>,
}

/// So many lines of a plugin's standard error are remembered.
const MAX_SAID: usize = 20;

impl PluginStatus {
    /// Before anything is known of it.
    pub fn new(name: &str, kind: PluginKind, state: PluginState, since: WallTime) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            state,
            since,
            pid: None,
            restarts: 0,
            asked: 0,
            failed: 0,
            last_error: None,
            last_error_at: None,
            left_out: false,
            last_exit: None,
            said: VecDeque::new(),
            providers: BTreeSet::new(),
            authenticators: BTreeSet::new(),
        }
    }

    /// It wrote this line.
    pub fn says(&mut self, line: Text) {
        if self.said.len() >= MAX_SAID {
            self.said.pop_front();
        }
        self.said.push_back(line);
    }
}

/// The plugins that there are, and those that were there lately.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    plugins: Arc<RwLock<BTreeMap<String, PluginStatus>>>,
    /// How those that the daemon starts are told to begin anew.
    anew: Arc<Mutex<BTreeMap<String, Arc<Notify>>>>,
}

/// Of plugins that went away by themselves so many are remembered.
const MAX_GONE: usize = 32;

impl Roster {
    /// Puts a plugin in.
    pub fn put(&self, status: PluginStatus) {
        let mut all = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
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
        let mut all = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = all.get_mut(name) {
            change(status);
        }
    }

    /// The plugin of that name.
    pub fn get(&self, name: &str) -> Option<PluginStatus> {
        self.plugins.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Where a plugin that the daemon starts hears that it is to begin anew.
    pub fn supervised(&self, name: &str) -> Arc<Notify> {
        let mut anew = self.anew.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(anew.entry(name.to_owned()).or_default())
    }

    /// Has a plugin that the daemon starts ended and started again at once. `false` if there is none of that name.
    pub fn restart(&self, name: &str) -> bool {
        let anew = self.anew.lock().unwrap_or_else(PoisonError::into_inner);
        let told = anew.get(name);
        if let Some(told) = told {
            told.notify_one();
        }
        told.is_some()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<PluginStatus> {
        self.plugins.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::bucket::Bucket;
use super::link::{Link, Silence};
use crate::domain::Text;
use crate::runtime::{Handle, PluginState, PluginStatus, Roster};

/// How a plugin is doing, over all of its connections: what operators see, and whether it is left out for a while.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    handle: Handle,
    breaker: Mutex<Breaker>,
    /// How often its errors are logged.
    said: Mutex<Bucket>,
    pub(super) deadline: Duration,
}

impl Account {
    pub(super) fn new(name: &str, handle: Handle, deadline: Duration) -> Self {
        let said = Mutex::new(Bucket::new(20.0, 0.2, Instant::now()));
        Self { name: name.to_owned(), handle, breaker: Mutex::default(), said, deadline }
    }

    pub(super) fn roster(&self) -> &Roster {
        self.handle.registry().plugins()
    }

    fn change(&self, change: impl FnOnce(&mut PluginStatus)) {
        self.roster().change(&self.name, change);
    }

    /// It stands so from now on.
    pub(super) fn stands(&self, state: PluginState, pid: Option<u32>) {
        let since = self.handle.now().wall;
        self.change(|status| (status.state, status.since, status.pid) = (state, since, pid));
    }

    /// It was started once more.
    pub(super) fn restarted(&self) {
        self.change(|status| status.restarts = status.restarts.saturating_add(1));
    }

    /// Its process has ended.
    pub(super) fn ended(&self, why: &str) {
        let exit = Some((self.handle.now().wall, Text::new(why)));
        self.change(|status| status.last_exit = exit);
    }

    /// It wrote a line to its standard error.
    pub(super) fn says(&self, line: Text) {
        self.change(|status| status.says(line));
    }

    /// What it has registered.
    pub(super) fn registered(&self, change: impl FnOnce(&mut PluginStatus)) {
        self.change(change);
    }

    /// Notes what it did wrong; the log is told now and then.
    pub(super) fn blame(&self, problem: &str) {
        let problem = Text::new(problem);
        if self.said.lock().unwrap_or_else(PoisonError::into_inner).try_take(1.0, Instant::now()) {
            tracing::warn!(plugin = self.name, problem = problem.as_str(), "a plugin misbehaves");
        }
        let at = Some(self.handle.now().wall);
        self.change(|status| (status.last_error, status.last_error_at) = (Some(problem), at));
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks over this link, unless it is left out, and remembers a failure. An error that it answers counts as an answer;
    /// whether a result can be used, the caller says.
    pub(super) async fn ask(&self, link: &Link, method: &str, params: &Value) -> Result<Value, Silence> {
        if let Err(wait) = self.breaker().admit(Instant::now()) {
            let secs = wait.as_secs().saturating_add(1);
            let text =
                format!("is left out after failing again and again; it is tried again within {secs} s");
            return Err(Silence::LeftOut(text));
        }
        let mut asked = Asked { account: self, is_over: false };
        let answer = link.ask(method, params, self.deadline).await;
        asked.is_over = true;
        self.change(|status| status.asked = status.asked.saturating_add(1));
        match &answer {
            Ok(_) | Err(Silence::LeftOut(_)) => {}
            Err(Silence::Fault(_)) => self.succeeded(),
            Err(Silence::Failed(problem)) => self.failed(problem),
        }
        answer
    }

    /// It has answered as it should.
    pub(super) fn succeeded(&self) {
        self.breaker().succeeded();
        self.change(|status| status.left_out = false);
    }

    /// It failed to answer as it should.
    pub(super) fn failed(&self, problem: &str) {
        self.change(|status| status.failed = status.failed.saturating_add(1));
        self.blame(problem);
        if self.breaker().failed(Instant::now()) {
            self.change(|status| status.left_out = true);
            tracing::warn!(plugin = self.name, "a plugin failed again and again and is left out for a while");
        }
    }
}

/// A question; if whoever asked had no more time, it was not answered in time.
struct Asked<'a> {
    account: &'a Account,
    is_over: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.account.change(|status| status.asked = status.asked.saturating_add(1));
            self.account.failed("did not answer in time");
        }
    }
}

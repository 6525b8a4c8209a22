//! The service manager that started us. systemd is told when we are ready, start anew and stop, and that we are alive for as
//! long as the sessions manager answers. A terminal and procd ask for none of it, and are told nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, warn};

use crate::runtime::Handle;

/// How long we give signs of life while no service runs, at most: a large back-up takes long to be restored, and one that hangs
/// is to be ended.
const CHANGE_AT_MOST: Duration = Duration::from_secs(300);

/// Whoever started this process, if it wants to be told.
#[derive(Debug)]
pub(super) struct Manager {
    /// After how long without a sign of life it kills us and starts us again.
    patience: Option<Duration>,
    /// What gives them between one service and the next.
    between: Option<AbortHandle>,
}

impl Manager {
    /// What the environment says (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    pub(super) fn of_this_process() -> Self {
        Self { patience: sd_notify::watchdog_enabled(), between: None }
    }

    /// Everybody who should be online is, and every listener answers.
    pub(super) fn ready(&mut self) {
        tell(&[NotifyState::Ready]);
        if let Some(between) = self.between.take() {
            between.abort();
        }
    }

    /// Something else is about to hold. Until it does, or does not after [`CHANGE_AT_MOST`], no service gives signs of life.
    pub(super) fn reloading(&mut self) {
        if let Some(patience) = self.patience {
            let signs = async move {
                let mut ticks = interval(patience / 3);
                loop {
                    ticks.tick().await;
                    tell(&[NotifyState::Watchdog]);
                }
            };
            let bounded = tokio::spawn(async { timeout(CHANGE_AT_MOST, signs).await });
            self.between = Some(bounded.abort_handle());
        }
        // systemd tells by the time whether this is the reload that it asked for (sd_notify(3)).
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => warn!(%error, "the service manager was not told that this is a reload"),
        }
    }

    /// The end has begun.
    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Gives signs of life for as long as the sessions manager answers. Ends only with the task that it runs in.
    pub(super) async fn keep_informed(patience: Duration, handle: Handle) {
        // Two of them may be lost.
        let every = patience / 3;
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match timeout(every, handle.status()).await {
                Ok(Ok(_)) => tell(&[NotifyState::Watchdog]),
                Ok(Err(refusal)) => error!(%refusal, "the sessions manager gives no sign of life"),
                Err(_) => error!("the sessions manager has not answered for {} ms", every.as_millis()),
            }
        }
    }

    /// How long it waits for a sign of life; `None` if for none.
    pub(super) const fn patience(&self) -> Option<Duration> {
        self.patience
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Without a manager this does nothing. One that cannot be told gives up on us by itself.
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "the service manager could not be told");
    }
}

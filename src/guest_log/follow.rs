use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError, error::TryRecvError};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::GuestLog;
use super::connections::Ear;
use super::day::Day;
use super::ledger::Ledger;
use super::line::{Event, Line, Lost, Moment};
use super::writer::{Writer, Written};
use crate::domain::{Connection, WallTime};
use crate::runtime::{Following, Handle, Moves};

/// How often the day is looked at, and what could not be written is tried again.
const TICK: Duration = Duration::from_secs(1);
/// How often old files are looked for.
const PRUNE_EVERY_MS: u64 = 3_600_000;
/// After a loss everybody is said anew, but not again before so long: where there are thousands, that alone may be more than
/// the log takes at a time.
const SAY_ANEW_EVERY_MS: u64 = 60_000;
/// Somebody who looked at the clock so shortly before midnight was there all the time.
const SHORTLY_MS: i64 = 120_000;

/// The task's own memory.
struct Log {
    handle: Handle,
    keep_days: u32,
    keeps_files: bool,
    ledger: Ledger,
    writer: Arc<Mutex<Writer>>,
    /// The day of the last line.
    day: Option<Day>,
    /// When the log was last looked after.
    seen: WallTime,
    /// What was lost and is not said yet.
    lost: Lost,
    /// Whether nothing waits to be written.
    is_whole: bool,
    /// Whether who is there is to be said anew, since it may have been lost.
    is_unsure: bool,
    /// When that was last done.
    said_anew_at: Option<u64>,
    failing: bool,
    silent: bool,
    losing: bool,
    pruned_at: Option<u64>,
}

/// Follows the devices and logs until `stop`, or until the sessions manager is gone.
pub async fn run(mut log: GuestLog, handle: Handle, stop: impl Future<Output = ()>) {
    let mut ear = Ear::new(log.connections.take());
    let writer = match Writer::new(&log) {
        Ok(writer) => writer,
        Err(error) => {
            error!(%error, "the guest log cannot be written");
            handle.warn("guest_log", Some(format!("the guest log cannot be written: {error}")));
            return stop.await;
        }
    };
    let Ok(following) = handle.follow_devices().await else { return stop.await };
    let mut log = Log {
        handle,
        keep_days: log.keep_days,
        keeps_files: log.file.is_some(),
        ledger: Ledger::default(),
        writer: Arc::new(Mutex::new(writer)),
        day: None,
        seen: following.at,
        lost: Lost::default(),
        is_whole: true,
        is_unsure: false,
        said_anew_at: None,
        failing: false,
        silent: false,
        losing: false,
        pruned_at: None,
    };
    let mut moves = log.begin(following, Event::Began);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = std::pin::pin!(stop);
    loop {
        log.write().await;
        let goes_on = tokio::select! {
            biased;
            () = &mut stop => false,
            moved = moves.recv() => log.hear(moved, &mut moves).await,
            _ = tick.tick() => {
                log.look_after(ear.take_losses()).await;
                true
            }
            heard = ear.hear() => {
                log.connections(heard);
                true
            }
        };
        if !goes_on {
            break;
        }
    }
    log.end(moves).await;
}

impl Log {
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        Moment { at: self.handle.believable(), believed: self.handle.believed().is_some() }
    }

    /// Begins with everybody who is there.
    fn begin(&mut self, following: Following, event: Event) -> Receiver<Arc<Moves>> {
        let Following { at, believed, devices, moves } = following;
        let now = Moment { at, believed };
        self.ledger.take_all(&devices, at);
        self.day = Some(Day::of(at));
        self.seen = at;
        self.everybody(now, event);
        moves
    }

    fn everybody(&mut self, now: Moment, event: Event) {
        self.is_unsure = false;
        let day = Day::of(now.at);
        let mut writer = self.writer();
        writer.begin_list();
        writer.push(day, &Line::of_nobody(now, event));
        for guest in self.ledger.guests() {
            writer.push(day, &Line::of_guest(now, Event::Present, guest));
        }
        writer.end_list();
    }

    /// The day that it is now. Another one begins with everybody who is there, as of before what happens now.
    fn turn_to(&mut self, now: Moment) -> Day {
        let day = Day::of(now.at);
        if self.day.replace(day) != Some(day) {
            let start = day.start();
            let was_there = self.seen < start && now.at.0.saturating_sub(self.seen.0) < SHORTLY_MS;
            let at = if was_there { start } else { now.at };
            self.everybody(Moment { at, ..now }, Event::Continued);
        }
        self.seen = now.at;
        day
    }

    /// Takes in what happened, and what else has happened since; whether there is more to come.
    async fn hear(&mut self, moved: Result<Arc<Moves>, RecvError>, moves: &mut Receiver<Arc<Moves>>) -> bool {
        match moved {
            Ok(moved) => self.take(&moved),
            Err(RecvError::Lagged(groups)) => {
                warn!(groups, "the guest log could not follow; it begins anew with everybody");
                let Ok(following) = self.handle.follow_devices().await else { return false };
                let now = Moment { at: following.at, believed: following.believed };
                let lines = usize::try_from(groups).unwrap_or(usize::MAX);
                self.count_lost(Lost { lines, ..Lost::default() });
                // Everybody follows, as they are now and not as they were before.
                self.day = Some(Day::of(now.at));
                self.say_lost(now);
                *moves = self.begin(following, Event::Continued);
            }
            Err(RecvError::Closed) => return false,
        }
        true
    }

    fn take(&mut self, moved: &Moves) {
        let now = Moment { at: moved.at, believed: moved.believed };
        let day = self.turn_to(now);
        for (id, found) in &moved.devices {
            let Some((events, guest)) = self.ledger.take(*id, found.as_ref(), moved.at) else { continue };
            let mut writer = self.writer();
            for event in events {
                writer.push(day, &Line::of_guest(now, event, &guest));
            }
        }
    }

    fn connections(&mut self, heard: Option<Vec<Connection>>) {
        let Some(heard) = heard else {
            let text = "the kernel tells nothing of connections any more";
            error!("{text}");
            self.handle.warn("guest_log_connections", Some(text.to_owned()));
            return;
        };
        let believed = self.now().believed;
        for connection in heard {
            let day = Day::of(connection.at);
            // One of yesterday that is read after midnight is yesterday's, and does not turn the day back.
            let is_yesterdays = self.day.is_some_and(|today| today.back(1) == day);
            let day = if is_yesterdays { day } else { self.turn_to(Moment { at: connection.at, believed }) };
            let line = Line::of_connection(&connection, believed, self.ledger.whose(&connection));
            self.writer().push(day, &line);
        }
    }

    /// What is to be done now and then.
    async fn look_after(&mut self, lost: Lost) {
        let now = self.now();
        self.writer().try_again();
        self.turn_to(now);
        if !lost.is_nothing() && !self.losing {
            warn!(?lost, "connections come faster than the guest log takes them");
        }
        self.losing = !lost.is_nothing();
        self.count_lost(lost);
        if self.lost.lines == 0 {
            self.say_lost(now);
        }
        let boot = self.handle.now().boot.0;
        let is_due = self.pruned_at.is_none_or(|at| boot.saturating_sub(at) >= PRUNE_EVERY_MS);
        // By a clock that is wrong, files would be old that are not.
        if self.keeps_files && now.believed && is_due {
            self.pruned_at = Some(boot);
            self.prune(Day::of(now.at)).await;
        }
    }

    async fn prune(&self, today: Day) {
        let (writer, first_kept) = (Arc::clone(&self.writer), today.back(self.keep_days));
        let pruned =
            in_background(move || writer.lock().unwrap_or_else(PoisonError::into_inner).prune(first_kept))
                .await
                .and_then(|pruned| pruned);
        match pruned {
            Ok(removed) => {
                if removed > 0 {
                    info!(removed, "files of the guest log that were kept long enough are removed");
                }
                self.handle.warn("guest_log_prune", None);
            }
            Err(error) => {
                warn!(%error, "old files of the guest log could not be removed");
                let text = format!("old files of the guest log could not be removed: {error}");
                self.handle.warn("guest_log_prune", Some(text));
            }
        }
    }

    fn count_lost(&mut self, lost: Lost) {
        let counts = &self.handle.measures().guest_log_lost;
        for (name, count) in [
            ("lines", lost.lines),
            ("connections", lost.connections),
            ("kernel_overflows", lost.kernel_overflows),
        ] {
            if count > 0 {
                counts.add(name, count);
            }
        }
        self.lost += lost;
    }

    /// Says what was lost, if anything was.
    fn say_lost(&mut self, now: Moment) {
        let lost = std::mem::take(&mut self.lost);
        if lost.is_nothing() {
            return;
        }
        if lost.lines == 0 {
            let day = self.turn_to(now);
            self.writer().push(day, &Line::of_loss(now, lost));
            return;
        }
        // Before anything else of a new day: what the day before has lost is read before all is sure again.
        let day = Day::of(now.at);
        self.writer().push(day, &Line::of_loss(now, lost));
        self.is_unsure = true;
        self.seen = now.at;
        if self.day.replace(day) != Some(day) {
            self.everybody(now, Event::Continued);
        }
    }

    /// Writes what waits; what cannot be written waits on.
    async fn write(&mut self) {
        self.write_what_waits().await;
        if !self.is_whole || self.lost.lines == 0 && !self.is_unsure {
            return;
        }
        let now = self.now();
        self.say_lost(now);
        let boot = self.handle.now().boot.0;
        let is_due = self.said_anew_at.is_none_or(|at| boot.saturating_sub(at) >= SAY_ANEW_EVERY_MS);
        if self.is_unsure && is_due {
            // What was lost may have been who came and went: from here on the log is sure again.
            self.said_anew_at = Some(boot);
            self.turn_to(now);
            if self.is_unsure {
                self.everybody(now, Event::Continued);
            }
        }
        self.write_what_waits().await;
    }

    async fn write_what_waits(&mut self) {
        if self.writer().has_work() {
            let written = self.write_once().await;
            self.is_whole = written.is_whole;
            self.note(written);
        }
    }

    async fn write_once(&self) -> Written {
        let writer = Arc::clone(&self.writer);
        let written =
            in_background(move || writer.lock().unwrap_or_else(PoisonError::into_inner).write()).await;
        written.unwrap_or_else(|error| Written { failed: Some(error.to_string()), ..Written::default() })
    }

    fn note(&mut self, written: Written) {
        let measures = self.handle.measures();
        measures.guest_log_lines.add(written.lines);
        if written.unsaid > 0 {
            measures.guest_log_lost.add("syslog", written.unsaid);
        }
        self.count_lost(Lost { lines: written.lost, ..Lost::default() });
        let said =
            written.silent.map(|error| format!("the system's log does not take the guest log: {error}"));
        self.silent = tell(&self.handle, "guest_log_syslog", self.silent, said);
        let failed = written.failed.map(|error| format!("the guest log cannot be written: {error}"));
        self.failing = tell(&self.handle, "guest_log", self.failing, failed);
    }

    /// Ends the log in good order.
    async fn end(&mut self, mut moves: Receiver<Arc<Moves>>) {
        loop {
            match moves.try_recv() {
                Ok(moved) => self.take(&moved),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.writer().try_again();
        // What can be written now is, so that the end is not among what is given up; nothing is said behind it.
        self.write_what_waits().await;
        let now = self.now();
        self.say_lost(now);
        let day = self.turn_to(now);
        self.writer().push(day, &Line::of_nobody(now, Event::Ended));
        self.writer().try_again();
        self.write_what_waits().await;
        let unsaid = self.writer().waiting_to_be_said();
        if unsaid > 0 {
            warn!(unsaid, "the system's log does not take the end of the guest log");
        }
        let writer = Arc::clone(&self.writer);
        let synced = in_background(move || writer.lock().unwrap_or_else(PoisonError::into_inner).sync());
        if let Err(error) = synced.await.and_then(|synced| synced) {
            warn!(%error, "the end of the guest log may not be on the disk");
        }
    }
}

/// Warns once of what fails, in log and `status`, and takes it back when it works again; whether it fails.
fn tell(handle: &Handle, area: &'static str, failed_before: bool, failed: Option<String>) -> bool {
    let fails = failed.is_some();
    match &failed {
        Some(text) if !failed_before => warn!("{text}"),
        None if failed_before => info!("the guest log is written again"),
        Some(_) | None => {}
    }
    if fails || failed_before {
        handle.warn(area, failed);
    }
    fails
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)
}

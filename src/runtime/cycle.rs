use std::collections::HashSet;
use std::sync::Arc;

use tracing::{debug, error, warn};

use super::kernel::KernelError;
use super::mail::{Mail, Reply, ReplyTo};
use super::notices::PortalNotice;
use super::owner::{FLUSH_ROWS, Owner};
use crate::domain::sessions_mgr::{Command, Want};
use crate::domain::{
    Change, ClientKey, DeviceId, Event, EventKind, GateOp, Now, Outcome, Refusal, SessionEvent, ShapeOp,
    Transition,
};
use crate::faults::boundary;
use crate::store::{Committed, LoggedEvent, Numbers, Writes};

/// A transition on its way through store and kernel, and who waits for it.
pub(super) struct Step {
    pub(super) transition: Transition,
    pub(super) device: Option<DeviceId>,
    pub(super) caller: Caller,
    /// Whether the sources of sessions that it lets run were asked just now.
    pub(super) asked_source: bool,
}

pub(super) enum Caller {
    /// A deadline: nobody waits, and what ended has ended whatever the kernel says.
    Timeout,
    /// Housekeeping: the flush.
    Flush,
    /// Somebody.
    Command(ReplyTo),
}

impl Owner {
    /// One group: ask the kernel what must be known, decide, commit once, change the kernel once, answer.
    pub(super) async fn cycle(&mut self, group: Vec<Mail>) {
        let now = self.shared.clock.now();
        self.mgr.ask_authenticators(self.shared.registry.authenticators().any());
        let due = self.mgr.due(now);
        let (believed, newest) = self.mgr.belief();
        self.shared.clock.note_belief(believed, newest, now);
        let (commands, questions) = self.take_commands(group, &due);
        let commands = self.leave_out_done(commands).await;
        let wants = due
            .iter()
            .map(|(_, want)| *want)
            .chain(commands.iter().map(|(command, _)| self.mgr.wants(command)))
            .chain(questions.iter().filter_map(|(device, _)| self.want_of(*device)))
            .collect::<Vec<_>>();
        let read = self.read_books(&wants).await;
        boundary("owner.read");
        // Decided at the time of the books or later, so that no moment is charged twice.
        let now = self.shared.clock.now();
        for (_, question) in questions {
            question(&self.mgr, now);
        }
        let mut steps = Vec::new();
        let mut touched = HashSet::new();
        for (device, want) in due {
            if want_key(want).is_some_and(|key| read.unread.contains(&key)) {
                self.mgr.put_off(device, now);
                continue;
            }
            if let Some(transition) = self.mgr.handle_timeout(device, now) {
                touched.insert(device);
                touched.extend(transition.devices());
                let (device, caller) = (Some(device), Caller::Timeout);
                steps.push(Step { transition, device, caller, asked_source: false });
            }
        }
        for (command, reply) in commands {
            self.decide(command, reply, &read.unread, now, &mut touched, &mut steps);
        }
        touched.extend(steps.iter().flat_map(|step| step.transition.concerns().chain(step.device)));
        let transition = self.mgr.housekeeping(now, FLUSH_ROWS, &touched);
        if !transition.is_empty() {
            steps.push(Step { transition, device: None, caller: Caller::Flush, asked_source: false });
        }
        let steps = self.commit(steps, now).await;
        self.bring_about(steps, now).await;
    }

    /// Commands that can be handled now: one for each device, in their order; the others wait for the next group. Questions
    /// that need no books are answered at once.
    #[expect(clippy::type_complexity, reason = "two lists, each with what comes back to the caller")]
    fn take_commands(
        &mut self,
        group: Vec<Mail>,
        due: &[(DeviceId, Want)],
    ) -> (Vec<(Command, ReplyTo)>, Vec<(DeviceId, super::mail::Question)>) {
        let mut taken: HashSet<DeviceId> =
            due.iter().filter(|(_, want)| matches!(want, Want::Shut(_))).map(|(device, _)| *device).collect();
        let (mut commands, mut questions) = (Vec::new(), Vec::new());
        let now = self.shared.clock.now();
        for mail in group {
            let mail = match mail {
                Mail::Answered(device, command, reply) => {
                    self.deferred.extend(self.asking.remove(&device).unwrap_or_default());
                    Mail::Command(command, reply)
                }
                mail @ (Mail::Command(..)
                | Mail::Ask(_)
                | Mail::AskExact(..)
                | Mail::Reconcile { .. }
                | Mail::Stop(_)) => mail,
            };
            match mail {
                Mail::Ask(question) => question(&self.mgr, now),
                Mail::AskExact(device, question) => questions.push((device, question)),
                Mail::Command(command, reply) => {
                    let about: Vec<DeviceId> = self
                        .mgr
                        .device_of(&command)
                        .into_iter()
                        .chain(self.mgr.second_device_of(&command))
                        .collect();
                    if about.iter().any(|device| taken.contains(device)) {
                        self.deferred.push_back(Mail::Command(command, reply));
                    } else {
                        taken.extend(about);
                        commands.push((*command, reply));
                    }
                }
                Mail::Reconcile { reload, why, done } => {
                    self.until_right.extend(done);
                    self.want_reconcile(reload, why);
                }
                // Taken out or turned into a command before this.
                Mail::Stop(_) | Mail::Answered(..) => {}
            }
        }
        (commands, questions)
    }

    fn want_of(&self, device: DeviceId) -> Option<Want> {
        self.mgr.curr_session(device)?;
        self.mgr.device(device).ok()?.key.map(Want::Read)
    }

    /// Shuts and reads what is wanted, in two calls at most, and takes the books in.
    pub(super) async fn read_books(&mut self, wants: &[Want]) -> Readings {
        let mut shut: Vec<ClientKey> = Vec::new();
        let mut read: Vec<ClientKey> = Vec::new();
        for want in wants {
            match want {
                Want::Shut(key) => shut.push(*key),
                Want::Read(key) => read.push(*key),
                Want::Nothing => {}
            }
        }
        shut.sort_unstable();
        shut.dedup();
        read.sort_unstable();
        read.dedup();
        read.retain(|key| shut.binary_search(key).is_err());
        let mut unread = HashSet::new();
        for (keys, is_shut) in [(shut, true), (read, false)] {
            if keys.is_empty() {
                continue;
            }
            let books = if is_shut { self.kernel.shut(&keys).await } else { self.kernel.read(&keys).await };
            let boot = self.shared.clock.now().boot;
            match books {
                Ok(books) => {
                    for key in &keys {
                        match books.get(key) {
                            Some(reading) => {
                                let is_gone = !is_shut && reading.quota_used.is_none();
                                if is_gone && self.mgr.should_pass(*key, boot) {
                                    self.want_reconcile(false, "a client's element was gone");
                                }
                                self.mgr.settle(*key, reading, is_shut, boot);
                            }
                            // Its elements are gone: somebody flushed the table. Time goes on, and the reconciler puts
                            // them back.
                            None => self.lost(*key, is_shut, boot),
                        }
                    }
                }
                Err(error) => {
                    warn!(%error, clients = keys.len(), "the books could not be read");
                    if is_shut {
                        // Some of them may be cut off now, and nothing will be decided about them in this group.
                        self.want_reconcile(false, "clients could not be shut");
                    }
                    unread.extend(keys);
                }
            }
        }
        Readings { unread }
    }

    fn lost(&mut self, key: ClientKey, is_shut: bool, boot: crate::domain::BootTime) {
        let Some(device) = self.mgr.device_by_key(key) else { return };
        if self.mgr.is_connected(device) {
            self.mgr.settle_lost(key, is_shut, boot);
            self.want_reconcile(true, "a client's elements were gone");
        }
    }

    fn decide(
        &mut self,
        command: Command,
        reply: ReplyTo,
        unread: &HashSet<ClientKey>,
        now: Now,
        touched: &mut HashSet<DeviceId>,
        steps: &mut Vec<Step>,
    ) {
        let device = self.mgr.device_of(&command);
        let second = self.mgr.second_device_of(&command);
        if device.into_iter().chain(second).any(|device| touched.contains(&device)) {
            // It was changed in this very group, by its deadline or through another device: decide on what will then be
            // true, so that each step can be taken back without another's.
            self.deferred.push_back(Mail::Command(Box::new(command), reply));
            return;
        }
        if want_key(self.mgr.wants(&command)).is_some_and(|key| unread.contains(&key)) {
            answer(reply, Err(Refusal::Kernel("the client's books could not be read".to_owned())));
            return;
        }
        let again = command.clone();
        let asked_source = command.is_answered();
        match self.mgr.handle(command, now) {
            Ok(transition) => match transition.outcome {
                ask @ (Outcome::AskProviders(_) | Outcome::AskSource(_) | Outcome::AskAuthenticators(_)) => {
                    if let Some(device) = device {
                        self.ask(device, ask, again, reply);
                    }
                }
                Outcome::Done
                | Outcome::Device(_)
                | Outcome::Session(_)
                | Outcome::Previous { .. }
                | Outcome::Matched(_) => {
                    touched.extend(transition.devices().chain(second));
                    steps.push(Step { transition, device, caller: Caller::Command(reply), asked_source });
                }
            },
            Err(refusal) => answer(reply, Err(refusal)),
        }
    }

    /// Changes the kernel in one batch, takes back what it refused to open, and tells everybody.
    pub(super) async fn bring_about(&mut self, steps: Vec<(Step, Numbers)>, now: Now) {
        let gate: Vec<GateOp> =
            steps.iter().flat_map(|(step, _)| step.transition.gate.iter().cloned()).collect();
        let shape: Vec<ShapeOp> =
            steps.iter().flat_map(|(step, _)| step.transition.shape.iter().cloned()).collect();
        let results = if gate.is_empty() && shape.is_empty() {
            Vec::new()
        } else {
            boundary("owner.stored");
            let results = self.kernel.apply(self.shared.clock.now().boot, &gate, &shape).await;
            boundary("owner.applied");
            results
        };
        let mut results = results.into_iter();
        let moved = self.moved_by(&steps);
        let (mut taken_back, mut refusals) = (Vec::new(), Vec::new());
        let mut done = Vec::new();
        let mut told = Vec::new();
        for (mut step, numbers) in steps {
            // All that was logged is told, also what is then taken back: no listener misses a number.
            let logged = std::mem::take(&mut step.transition.told);
            told.extend(numbers.told.into_iter().zip(logged.iter().cloned()));
            let mut refused = None;
            for op in &step.transition.gate {
                let unanswered = || Err(KernelError("the kernel gave no answer".to_owned()));
                if let Err(error) = results.next().unwrap_or_else(unanswered) {
                    warn!(%error, ?op, "the kernel refused a change");
                    self.want_reconcile(true, "the kernel refused a change");
                    // What was paid for is not taken back because its device is not known to the kernel yet: the
                    // comparison that follows puts that right.
                    let opens = matches!(op, GateOp::Open { .. } | GateOp::Swap { .. })
                        || matches!(op, GateOp::Learn { .. }) && !step.transition.is_bought();
                    if opens && matches!(step.caller, Caller::Command(Some(_))) {
                        refused = Some(error);
                    }
                }
            }
            match refused {
                Some(error) => {
                    let changes = self.mgr.undo(&step.transition, now);
                    let undone = logged.iter().rev().map(|event| event.reversed(now.wall)).collect();
                    taken_back.push(Writes { changes, told: undone, ..Writes::default() });
                    refusals.push((step, error.refusal()));
                }
                None => done.push((step, numbers.events)),
            }
        }
        if !taken_back.is_empty() {
            boundary("owner.take-back");
            match self.store.commit(taken_back.clone()).await {
                Ok(committed) => told.extend(told_of(committed, taken_back)),
                Err(error) => {
                    error!(%error, "what the kernel refused could not be taken back in the store; trying again");
                    self.shared.fail("store", Some(format!("the store cannot write: {error}")));
                    self.owed.extend(taken_back);
                }
            }
        }
        boundary("owner.answer");
        // Only now: a crash before this would have brought about what they were told is not.
        for (step, refusal) in refusals {
            refuse(step, refusal);
        }
        for (step, events) in done {
            self.tell(step, events);
        }
        self.shared.listeners.tell(told);
        self.tell_moves(moved);
    }

    fn tell(&mut self, step: Step, events: Vec<i64>) {
        let Step { transition, device, caller, asked_source } = step;
        for event in transition.events.iter().filter(|_| !asked_source) {
            if matches!(event.kind, EventKind::SessionConnected | EventKind::SessionResumed)
                && let Some(session) = event.session
            {
                self.reload_source(session);
            }
        }
        let mut moved: HashSet<DeviceId> = HashSet::new();
        for (device, text) in transition.notices {
            moved.insert(device);
            // Nobody may be listening; the text is stored with the device.
            self.shared.notices.send(device, PortalNotice { text: Some(text) });
        }
        for device in transition.events.iter().filter_map(|event| event.device).chain(device) {
            if !transition.changes.is_empty() && moved.insert(device) {
                self.shared.notices.send(device, PortalNotice { text: None });
            }
        }
        for event in &transition.events {
            if let (EventKind::DeviceDeleted, Some(device)) = (&event.kind, event.device) {
                self.shared.end_wait(device);
            }
        }
        for (id, event) in events.into_iter().zip(transition.events) {
            debug!(id, kind = event.kind.as_str(), "event");
            self.shared.measures.note(&event.kind);
            let _ = self.shared.events.send(Arc::new(LoggedEvent { id, event }));
        }
        for device in transition.wants_connect {
            let connect = Command::Connect { device, notify: None, answer: None, verdict: None };
            self.deferred.push_back(Mail::Command(Box::new(connect), None));
        }
        if transition.changes.iter().any(|change| matches!(change, Change::Outbox(_))) {
            self.shared.outbox.notify_one();
        }
        if let Caller::Command(reply) = caller {
            answer(reply, Ok(reply_of(transition.outcome)));
        }
    }

    pub(super) async fn log_event(&mut self, kind: EventKind) {
        let event = Event { at: self.shared.clock.now().wall, device: None, session: None, kind };
        let writes = Writes { events: vec![event.clone()], ..Writes::default() };
        match self.store.commit(vec![writes]).await {
            Ok(committed) => {
                for id in committed.into_iter().flatten().flat_map(|numbers| numbers.events) {
                    let _ = self.shared.events.send(Arc::new(LoggedEvent { id, event: event.clone() }));
                }
            }
            Err(error) => error!(%error, "an event could not be written"),
        }
    }
}

/// What was written for listeners outside a step, with its numbers.
pub(super) fn told_of(
    committed: Vec<Committed>,
    writes: Vec<Writes>,
) -> impl Iterator<Item = (i64, SessionEvent)> {
    let numbered = |(committed, writes): (Committed, Writes)| {
        let numbers = committed.map(|numbers| numbers.told).unwrap_or_default();
        numbers.into_iter().zip(writes.told)
    };
    committed.into_iter().zip(writes).flat_map(numbered)
}

/// Clients whose books could not be read: nothing is decided about them in this group.
pub(super) struct Readings {
    pub(super) unread: HashSet<ClientKey>,
}

fn want_key(want: Want) -> Option<ClientKey> {
    match want {
        Want::Nothing => None,
        Want::Read(key) | Want::Shut(key) => Some(key),
    }
}

fn reply_of(outcome: Outcome) -> Reply {
    match outcome {
        Outcome::Device(device) => Reply::Device(device),
        Outcome::Session(session) => Reply::Session(session),
        Outcome::Previous { previous, .. } => Reply::Previous(previous),
        Outcome::Matched(count) => Reply::Matched(count),
        Outcome::Done | Outcome::AskProviders(_) | Outcome::AskSource(_) | Outcome::AskAuthenticators(_) => {
            Reply::Done
        }
    }
}

pub(super) fn refuse(step: Step, refusal: Refusal) {
    match step.caller {
        Caller::Command(reply) => answer(reply, Err(refusal)),
        Caller::Timeout | Caller::Flush => {}
    }
}

/// Sends an answer; a caller that has gone away does not mind.
pub(super) fn answer(reply: ReplyTo, result: Result<Reply, Refusal>) {
    if let Some(reply) = reply {
        let _ = reply.send(result);
    }
}

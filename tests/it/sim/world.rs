use std::collections::{BTreeMap, BTreeSet, HashMap};

use turnpike::domain::sessions_mgr::{
    Command, NewSession, ProviderAnswer, Restored, Retention, Settings, Want,
};
use turnpike::domain::{
    BootId, BootTime, Change, ClientKey, DeviceId, GateOp, Image, KernelBooks, Now, Outcome, ProviderName,
    Refusal, SessionId, SessionsMgr, ShapeOp, SourceData, Transition, WallTime, ZonePolicy,
};

use super::kernel::SimKernel;
use super::model::Model;
use super::names;
use super::store::SimStore;

/// How often usage is flushed in the simulation, in milliseconds.
pub const FLUSH_MS: u64 = 5_000;
/// Here nobody is forgotten.
const RETENTION: Retention = Retention { most_devices: usize::MAX, unseen_days: u32::MAX };

/// What goes wrong in one group, and what the network does meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// The daemon dies before this phase.
    pub crash: Option<Phase>,
    /// The store cannot write.
    pub store_fails: bool,
    /// The kernel refuses what lets the n-th transition's client through.
    pub kernel_refuses: Option<usize>,
    /// Packets between any two phases: device, from it, bytes.
    pub packets: Vec<(u8, bool, u64)>,
    /// Milliseconds between any two phases.
    pub millis: u64,
}

/// The phases of one group, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Clients that end are shut and all wanted books read.
    Read,
    /// Everything is decided in memory.
    Decide,
    /// The store commits.
    Commit,
    /// The kernel changes.
    Apply,
    /// What the kernel refused is taken back, and the callers told.
    Tell,
}

/// One router with its daemon, its store, its kernel, its clocks and its guests, and the model that checks them.
pub struct World {
    pub zones: Vec<ZonePolicy>,
    pub max_key: u16,
    pub boots: u32,
    pub boot: BootTime,
    pub wall: WallTime,
    /// What a process that goes on over a restart of the manager remembers.
    pub last_believed: Option<Now>,
    pub kernel: SimKernel,
    pub store: SimStore,
    pub mgr: SessionsMgr,
    pub model: Model,
    /// Sessions that moves are to make, with those that they are made of.
    moves: HashMap<SessionId, SessionId>,
    ids: u128,
}

/// The devices whose rows, or whose sessions' rows, a transition changed.
fn rows_of(transition: &Transition) -> BTreeSet<DeviceId> {
    transition
        .before
        .iter()
        .filter_map(|image| match image {
            Image::Device(id, _) => Some(*id),
            Image::Session(_, session) => session.as_ref().map(|session| session.device),
        })
        .chain(transition.events.iter().filter_map(|event| event.device))
        .collect()
}

/// A daemon died in the middle of a group.
struct Died;

impl World {
    pub fn new(zones: Vec<ZonePolicy>, max_key: u16) -> Self {
        let (boot, wall) = (BootTime(30_000), WallTime(1_800_000_000_000));
        let settings = Settings {
            zones: zones.clone(),
            roles: names::roles(),
            gateway: Default::default(),
            place: std::sync::Arc::new(turnpike::domain::Utc),
            boot_id: BootId::new("boot-0"),
            max_key,
            flush_ms: FLUSH_MS,
            retention: RETENTION,
        };
        let (mgr, _) = SessionsMgr::restore(settings, Restored::default(), Now { boot, wall });
        Self {
            zones,
            max_key,
            boots: 0,
            boot,
            wall,
            last_believed: None,
            kernel: SimKernel::default(),
            store: SimStore::default(),
            mgr,
            model: Model::default(),
            moves: HashMap::new(),
            ids: 0,
        }
    }

    pub fn now(&self) -> Now {
        Now { boot: self.boot, wall: self.wall }
    }

    /// A fresh id, in the order of making.
    pub fn id(&mut self) -> uuid::Uuid {
        self.ids += 1;
        uuid::Uuid::from_u128(self.ids)
    }

    /// Both clocks go on; the daemon is not looked at.
    pub fn pass(&mut self, millis: u64) {
        self.model.time_passed(&self.store, millis, self.wall);
        self.boot = self.boot.plus_millis(millis);
        self.wall = self.wall.plus_millis(i64::try_from(millis).unwrap());
    }

    /// The wall clock is set; nothing else changes.
    pub fn step_wall(&mut self, millis: i64) {
        self.wall = self.wall.plus_millis(millis);
        self.model.clock_stepped(millis, self.boot);
    }

    /// The wall clock is put right.
    pub fn right_wall(&mut self) {
        let off = self.model.wall_off();
        self.step_wall(-off);
    }

    /// One packet of a guest; whether it passed.
    pub fn packet(&mut self, device: u8, up: bool, bytes: u64) -> bool {
        let mac = names::mac(device);
        let passed = self.kernel.packet(mac, up, bytes, self.boot);
        if passed {
            self.model.packet_passed(mac, &self.store, bytes, self.now());
        }
        passed
    }

    /// Runs the daemon's deadlines until so many milliseconds have passed.
    pub fn advance(&mut self, millis: u64) {
        let until = self.boot.plus_millis(millis);
        let mut rounds = 0;
        loop {
            let next = self.mgr.poll_timeout().at.max(self.boot);
            if next > until {
                break;
            }
            self.pass(next.millis_since(self.boot));
            self.group(Vec::new(), &Trouble::default());
            rounds += 1;
            assert!(
                rounds < 100 + millis / 20,
                "the deadlines do not move on: {:?}",
                self.mgr.poll_timeout()
            );
        }
        let rest = until.millis_since(self.boot);
        self.pass(rest);
    }

    /// One group, and whatever the providers are asked in it. One answer for each command; none if the daemon died.
    pub fn group(&mut self, commands: Vec<Command>, trouble: &Trouble) -> Vec<Result<Outcome, Refusal>> {
        self.group_with(commands, trouble, None)
    }

    /// As [`World::group`]; what is asked of providers or sources is answered with this offer, if there is one.
    pub fn group_with(
        &mut self,
        commands: Vec<Command>,
        trouble: &Trouble,
        offer: Option<&SourceData>,
    ) -> Vec<Result<Outcome, Refusal>> {
        let again = commands.clone();
        let answers = match self.run_group(commands, trouble) {
            Ok(answers) => answers,
            Err(Died) => {
                if trouble.crash >= Some(Phase::Apply) {
                    self.model.died_before_swapping(&self.store);
                }
                self.restart();
                return Vec::new();
            }
        };
        let mut finals = Vec::new();
        for (answer, command) in answers.into_iter().zip(again) {
            finals.push(match (answer, command) {
                (Ok(Outcome::AskProviders(device)), Command::Connect { notify, .. }) => {
                    let id = SessionId::new(self.id());
                    let answer = offer.map_or(ProviderAnswer::Nothing, |data| {
                        let (provider, data) = (ProviderName::new("plugin"), data.clone());
                        ProviderAnswer::Offer(Box::new(NewSession { id, device, provider, data }))
                    });
                    self.model.offered(id, offer);
                    self.ask_again(Command::Connect { device, notify, answer: Some(answer), verdict: None })
                }
                (Ok(Outcome::AskSource(session)), Command::Connect { device, notify, .. }) => {
                    let data = offer.map(|data| Box::new(data.clone()));
                    let answer = ProviderAnswer::Reloaded { session, data };
                    // If something else connected it meanwhile, there is nothing left to ask for.
                    let connected = self.mgr.is_connected(device);
                    let answer = self.ask_again(Command::Connect {
                        device,
                        notify,
                        answer: Some(answer),
                        verdict: None,
                    });
                    let taken = answer.is_ok()
                        && !connected
                        && self.mgr.session(session).is_some_and(|session| session.source.is_some());
                    self.model.reloaded(session, offer.filter(|_| taken));
                    answer
                }
                (Ok(outcome), Command::Reloaded { session, data }) => {
                    self.model.reloaded(session, Some(&data));
                    Ok(outcome)
                }
                (answer, _) => answer,
            });
        }
        self.check();
        finals
    }

    fn ask_again(&mut self, command: Command) -> Result<Outcome, Refusal> {
        match self.run_group(vec![command], &Trouble::default()) {
            Ok(mut answers) => answers.pop().unwrap(),
            Err(Died) => panic!("nothing goes wrong in this group"),
        }
    }

    fn between(&mut self, next: Phase, trouble: &Trouble) -> Result<(), Died> {
        if trouble.crash == Some(next) {
            return Err(Died);
        }
        self.pass(trouble.millis);
        for (device, up, bytes) in &trouble.packets {
            self.packet(*device, *up, *bytes);
        }
        Ok(())
    }

    fn run_group(
        &mut self,
        commands: Vec<Command>,
        trouble: &Trouble,
    ) -> Result<Vec<Result<Outcome, Refusal>>, Died> {
        let now = self.now();
        let due = self.mgr.due(now);
        let mut taken: BTreeSet<DeviceId> =
            due.iter().filter(|(_, want)| matches!(want, Want::Shut(_))).map(|(device, _)| *device).collect();
        let (mut first, mut later) = (Vec::new(), Vec::new());
        let mut answers: BTreeMap<usize, Result<Outcome, Refusal>> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (place, command) in commands.into_iter().enumerate() {
            if let Some(key) = command.once().map(|once| once.key.clone()) {
                if self.store.once.contains(&key) {
                    answers.insert(place, Err(Refusal::DoneBefore));
                    continue;
                }
                if !keys.insert(key) {
                    later.push((place, command));
                    continue;
                }
            }
            let about: Vec<DeviceId> =
                self.mgr.device_of(&command).into_iter().chain(self.mgr.second_device_of(&command)).collect();
            if about.iter().any(|device| taken.contains(device)) {
                later.push((place, command));
            } else {
                taken.extend(about);
                first.push((place, command));
            }
        }
        self.between(Phase::Read, trouble)?;
        let wants: Vec<Want> = due
            .iter()
            .map(|(_, want)| *want)
            .chain(first.iter().map(|(_, command)| self.mgr.wants(command)))
            .collect();
        self.read(&wants);
        self.between(Phase::Decide, trouble)?;
        let mut steps: Vec<(Option<usize>, Transition)> = Vec::new();
        let mut ended = BTreeSet::new();
        for (device, _) in due {
            if let Some(transition) = self.mgr.handle_timeout(device, now) {
                ended.insert(device);
                steps.push((None, transition));
            }
        }
        for (place, command) in first {
            let about = self.mgr.device_of(&command).into_iter().chain(self.mgr.second_device_of(&command));
            if about.into_iter().any(|device| ended.contains(&device)) {
                later.push((place, command));
                continue;
            }
            let before = self.picture();
            if let Command::MoveSessions { from, fresh, .. } = &command {
                let old = self.mgr.movable_sessions(*from);
                self.moves.extend(fresh.iter().copied().zip(old));
            }
            match self.mgr.handle(command, now) {
                Ok(transition) => steps.push((Some(place), transition)),
                Err(refusal) => {
                    assert_eq!(before, self.picture(), "a refused command changes nothing ({refusal})");
                    answers.insert(place, Err(refusal));
                }
            }
        }
        let touched = steps.iter().flat_map(|(_, step)| step.concerns()).collect();
        let housekeeping = self.mgr.housekeeping(now, 2, &touched);
        if !housekeeping.is_empty() {
            steps.push((None, housekeeping));
        }
        self.between(Phase::Commit, trouble)?;
        let steps = self.commit(steps, trouble, now, &mut answers);
        self.between(Phase::Apply, trouble)?;
        self.apply(steps, trouble, now, &mut answers)?;
        for (place, command) in later {
            let answer = self.run_group(vec![command], &Trouble::default())?.pop().unwrap();
            answers.insert(place, answer);
        }
        Ok(answers.into_values().collect())
    }

    /// Shuts and reads, and tells the model that these books are now known.
    fn read(&mut self, wants: &[Want]) {
        let shut: BTreeSet<ClientKey> = wants
            .iter()
            .filter_map(|want| if let Want::Shut(key) = want { Some(*key) } else { None })
            .collect();
        let keys: BTreeSet<ClientKey> = wants
            .iter()
            .filter_map(|want| match want {
                Want::Shut(key) | Want::Read(key) => Some(*key),
                Want::Nothing => None,
            })
            .collect();
        for key in keys {
            let is_shut = shut.contains(&key);
            if is_shut {
                self.kernel.shut(key);
            }
            self.settle(key, is_shut);
        }
    }

    fn settle(&mut self, key: ClientKey, is_shut: bool) {
        let Some(device) = self.mgr.device_by_key(key) else { return };
        let reading = self.kernel.read(key, self.boot).or_else(|| {
            let desired = self.mgr.desired();
            let grant = desired.into_iter().find(|access| access.key == key)?.grant?;
            Some(KernelBooks { books: grant.books, ..KernelBooks::default() })
        });
        if let Some(reading) = reading {
            let mac = self.mgr.device(device).unwrap().mac;
            self.model.books_read(mac, device, &self.store);
            self.mgr.settle(key, &reading, is_shut, self.boot);
        }
    }

    fn commit(
        &mut self,
        steps: Vec<(Option<usize>, Transition)>,
        trouble: &Trouble,
        now: Now,
        answers: &mut BTreeMap<usize, Result<Outcome, Refusal>>,
    ) -> Vec<(Option<usize>, Transition)> {
        if trouble.store_fails && !steps.is_empty() {
            for (place, transition) in steps.into_iter().rev() {
                self.mgr.flush_failed(&transition);
                self.mgr.undo(&transition, now);
                if let Some(place) = place {
                    answers.insert(place, Err(Refusal::Store("disk full".to_owned())));
                }
            }
            self.model.failed_at = Some(self.boot);
            self.reconcile();
            return Vec::new();
        }
        let mut done = Vec::new();
        for (place, transition) in steps {
            match self.store.hold(&transition.guards) {
                Ok(()) => {
                    let running = self.running();
                    transition.changes.iter().for_each(|change| self.store.write(change));
                    self.model.ran(&running, &self.running(), trouble.millis);
                    for change in &transition.changes {
                        let Change::Session(row) = change else { continue };
                        if let Some(old) = self.moves.remove(&row.id) {
                            self.model.moved(old, row.id);
                        }
                        self.model.written(row);
                    }
                    done.push((place, transition));
                }
                Err(refusal) => {
                    self.model.failed_at = Some(self.boot);
                    self.mgr.undo(&transition, now);
                    answers.insert(place.expect("only commands have guards"), Err(refusal));
                }
            }
        }
        done
    }

    fn running(&self) -> BTreeMap<DeviceId, SessionId> {
        let mut running = BTreeMap::new();
        for session in self.store.sessions.values().filter(|session| session.is_running()) {
            let other = running.insert(session.device, session.id);
            assert_eq!(other, None, "a device runs one session at most");
        }
        running
    }

    fn apply(
        &mut self,
        steps: Vec<(Option<usize>, Transition)>,
        trouble: &Trouble,
        now: Now,
        answers: &mut BTreeMap<usize, Result<Outcome, Refusal>>,
    ) -> Result<(), Died> {
        let lets_through =
            |op: &GateOp| matches!(op, GateOp::Open { .. } | GateOp::Swap { .. } | GateOp::Learn { .. });
        let mut refused = Vec::new();
        let ops = |steps: &[(Option<usize>, Transition)]| -> Vec<ShapeOp> {
            steps.iter().flat_map(|(_, transition)| transition.shape.clone()).collect()
        };
        let shape = ops(&steps);
        shape.iter().filter(|op| matches!(op, ShapeOp::Set { .. })).for_each(|op| self.kernel.shape(op));
        for (number, (place, transition)) in steps.iter().enumerate() {
            // One that others of the group rest on cannot be taken back alone.
            let rows = rows_of(transition);
            let alone = steps[number + 1..].iter().all(|(_, later)| rows_of(later).is_disjoint(&rows));
            let may_refuse = place.is_some() && alone && trouble.kernel_refuses == Some(number);
            for op in &transition.gate {
                if may_refuse && lets_through(op) {
                    refused.push(number);
                } else {
                    self.model.before_gate_op(op, &self.kernel);
                    self.kernel.apply(op, self.boot);
                    self.model.after_gate_op(op, &mut self.kernel, &self.store);
                }
            }
        }
        shape.iter().filter(|op| matches!(op, ShapeOp::Remove { .. })).for_each(|op| self.kernel.shape(op));
        self.between(Phase::Tell, trouble)?;
        let from = refused.first().copied().unwrap_or(usize::MAX);
        for (number, (place, transition)) in steps.into_iter().enumerate().rev() {
            let answer = if number == from {
                let running = self.running();
                let changes: Vec<Change> = self.mgr.undo(&transition, now);
                changes.iter().for_each(|change| self.store.write(change));
                self.model.ran(&running, &self.running(), trouble.millis);
                Err(Refusal::Kernel("no memory".to_owned()))
            } else {
                Ok(transition.outcome)
            };
            if let Some(place) = place {
                answers.insert(place, answer);
            }
        }
        if from != usize::MAX {
            self.model.failed_at = Some(self.boot);
            self.reconcile();
        }
        Ok(())
    }

    /// The start's and the notices' reconciliation: the books are read, then the kernel is made what it must be.
    pub fn reconcile(&mut self) {
        let online: Vec<ClientKey> = self.kernel.online.keys().copied().collect();
        for key in online {
            self.settle(key, false);
        }
        self.kernel.reconcile(&self.mgr.desired(), self.boot);
        self.mgr.reconciled();
    }

    /// The ruleset is flushed by somebody, and put back so many milliseconds later.
    pub fn flush_ruleset(&mut self, millis: u64) {
        self.kernel.flush();
        self.model.counters_lost();
        self.pass(millis);
        self.reconcile();
        self.check();
    }

    /// The daemon dies here and starts again.
    pub fn restart(&mut self) {
        let boot_id = BootId::new(&format!("boot-{}", self.boots));
        let keys: Vec<ClientKey> = self.kernel.books.keys().copied().collect();
        let mut found = HashMap::new();
        for key in keys {
            found.extend(self.kernel.read(key, self.boot).map(|reading| (key, reading)));
        }
        let now = self.now();
        self.model.restarting(&self.store, &found, now);
        let (devices, sessions) = self.store.load();
        let restored = Restored {
            devices,
            sessions,
            had_session: Default::default(),
            newest_wall: self.store.newest_wall,
            last_believed: self.last_believed,
            kernel: Some(found),
        };
        let settings = Settings {
            zones: self.zones.clone(),
            roles: names::roles(),
            gateway: Default::default(),
            place: std::sync::Arc::new(turnpike::domain::Utc),
            boot_id,
            max_key: self.max_key,
            flush_ms: FLUSH_MS,
            retention: RETENTION,
        };
        let (mgr, transition) = SessionsMgr::restore(settings, restored, now);
        self.mgr = mgr;
        let running = self.running();
        transition.changes.iter().for_each(|change| self.store.write(change));
        self.model.ran(&running, &self.running(), 0);
        self.reconcile();
        self.check();
    }

    /// Power cut: an empty kernel, CLOCK_BOOTTIME from the start, perhaps a wall clock that is wrong.
    pub fn reboot(&mut self, wall: WallTime) {
        self.boots += 1;
        self.kernel = SimKernel::default();
        self.model.rebooted(&self.store);
        self.boot = BootTime(20_000);
        let step = wall.0 - self.wall.0;
        self.step_wall(step);
        self.restart();
    }

    /// All that a caller could see, to compare.
    fn picture(&self) -> String {
        let mut devices: Vec<_> = self.mgr.devices().collect();
        devices.sort_by_key(|device| device.id);
        let mut sessions: Vec<_> = devices
            .iter()
            .flat_map(|device| self.mgr.usable_sessions(device.id))
            .filter_map(|id| self.mgr.session(id))
            .collect();
        sessions.sort_by_key(|session| session.id);
        let mut desired = self.mgr.desired();
        desired.sort_by_key(|access| access.key);
        format!("{devices:?}\n{sessions:?}\n{desired:?}\n{:?}", self.mgr.poll_timeout())
    }

    /// Everything that must hold after a completed group.
    pub fn check(&mut self) {
        let now = self.now();
        self.model.check(&self.mgr, &self.store, &self.kernel, &self.zones, now);
    }
}

use turnpike::domain::sessions_mgr::{Command, DevicePatch, NewSession};
use turnpike::domain::{
    ClientSession, CloseReason, DeviceId, EventKind, GateOp, Now, Outcome, PauseReason, ProviderName,
    Refusal, SessionId, SessionPatch, SessionTerms, SessionsMgr, ShapeOp, SourceData, Text, Transition,
    Usage, ZonePolicy,
};
use uuid::Uuid;

use super::names::{address, mac, zone};
use super::world::{Trouble, World};

/// A router on which a test tells a story: phones 1, 2, … and sessions by the numbers of their ids.
pub struct Story {
    pub world: World,
}

/// A session of so many seconds.
pub fn time(secs: u64) -> SessionTerms {
    SessionTerms::new(turnpike::domain::SessionKind::Time, Some(secs), None, None, 0.0, 0.0, false).unwrap()
}

/// A session of so many bytes.
pub fn data(bytes: u64) -> SessionTerms {
    let mb = turnpike::domain::bytes_to_mb(bytes);
    SessionTerms::new(turnpike::domain::SessionKind::Data, None, Some(mb), None, 0.0, 0.0, false).unwrap()
}

/// What a source says: so much of these terms is used.
pub fn says(terms: SessionTerms, used_bytes: u64) -> SourceData {
    SourceData {
        reference: Some("there".to_owned()),
        usage: Usage { sent_bytes: used_bytes, ..Usage::default() },
        ..SourceData::new(terms)
    }
}

impl Story {
    /// In one zone.
    pub fn in_zone(zone: ZonePolicy) -> Self {
        Self { world: World::new(vec![zone], 100) }
    }

    /// In a zone without limits or automatisms.
    pub fn new() -> Self {
        Self::in_zone(super::names::plain_zone("cafe"))
    }

    fn one(&mut self, command: Command) -> Result<Outcome, Refusal> {
        self.world.group(vec![command], &Trouble::default()).pop().unwrap()
    }

    /// A phone joins the network.
    pub fn joins(&mut self, phone: u8) -> DeviceId {
        self.moves_to(phone, "cafe")
    }

    /// A phone is seen in a zone.
    pub fn moves_to(&mut self, phone: u8, name: &str) -> DeviceId {
        let command = Command::Seen {
            fresh: DeviceId::new(self.world.id()),
            fresh_session: SessionId::new(self.world.id()),
            mac: mac(phone),
            zone: zone(name),
            address: Some(address(phone)),
            attached: None,
            hostname: None,
            alive: true,
        };
        self.one(command).unwrap();
        self.device(phone)
    }

    /// A phone's device.
    pub fn device(&self, phone: u8) -> DeviceId {
        self.world.mgr.device_by_mac(mac(phone)).expect("this phone is known").id
    }

    /// A phone leaves the network.
    pub fn leaves(&mut self, phone: u8) {
        self.one(Command::Lost { mac: mac(phone), address: address(phone) }).unwrap();
    }

    /// A phone gets a session.
    pub fn buys(&mut self, phone: u8, terms: SessionTerms) -> SessionId {
        self.gets(phone, terms, None)
    }

    /// A phone gets a session, perhaps one whose source lives elsewhere.
    pub fn gets(&mut self, phone: u8, terms: SessionTerms, source: Option<&str>) -> SessionId {
        // A moment apart, so that one is older than the other.
        self.world.pass(1);
        let id = SessionId::new(self.world.id());
        let new = NewSession {
            id,
            device: self.device(phone),
            provider: ProviderName::new("operator"),
            data: SourceData { reference: source.map(str::to_owned), ..SourceData::new(terms) },
        };
        self.one(Command::CreateSession(Box::new(new))).unwrap();
        id
    }

    /// Connects a phone.
    pub fn connects(&mut self, phone: u8) -> Result<SessionId, Refusal> {
        self.connects_if(phone, None)
    }

    /// Connects a phone; providers and sources say this.
    pub fn connects_if(&mut self, phone: u8, offer: Option<&SourceData>) -> Result<SessionId, Refusal> {
        let device = self.world.mgr.device_by_mac(mac(phone)).map(|device| device.id);
        let device = device.unwrap_or(DeviceId::new(Uuid::nil()));
        let command =
            Command::Connect { device, notify: Some(Text::new("welcome")), answer: None, verdict: None };
        match self.world.group_with(vec![command], &Trouble::default(), offer).pop().unwrap()? {
            Outcome::Session(session) => Ok(session.id),
            other => panic!("connect answers {other:?}"),
        }
    }

    /// Disconnects a phone.
    pub fn disconnects(&mut self, phone: u8) {
        let device = self.device(phone);
        self.one(Command::Disconnect { device, notify: None, reason: PauseReason::Asked }).unwrap();
    }

    /// Blocks a phone, or lets it back in.
    pub fn blocks(&mut self, phone: u8, blocked: bool) {
        let patch = DevicePatch { blocked: Some(blocked), ..DevicePatch::default() };
        let device = self.device(phone);
        self.one(Command::UpdateDevice { device, patch }).unwrap();
    }

    /// Closes a session.
    pub fn closes(&mut self, session: SessionId) {
        let text = Text::new("enough");
        self.one(Command::CloseSession { session, reason: CloseReason::Operator, text }).unwrap();
    }

    /// Deletes a session.
    pub fn deletes(&mut self, session: SessionId) {
        let ended = self.world.store.sessions.get(&session).filter(|row| !row.is_usable()).cloned();
        self.one(Command::DeleteSession { session, ended: ended.map(Box::new) }).unwrap();
    }

    /// Forgets a phone.
    pub fn forgets(&mut self, phone: u8) {
        let device = self.device(phone);
        self.one(Command::DeleteDevice { device }).unwrap();
    }

    /// Changes a session; what the kernel was told for it.
    pub fn changes(&mut self, session: SessionId, patch: SessionPatch) -> Result<(), Refusal> {
        self.one(Command::UpdateSession { session, patch }).map(|_| ())
    }

    /// What the manager alone answers to a command, on fresh books, without store or kernel: for looking at operations.
    pub fn transition(&mut self, command: Command) -> Transition {
        let now = self.now();
        let mgr: &mut SessionsMgr = &mut self.world.mgr;
        for key in mgr.running_keys() {
            let reading = self.world.kernel.read(key, now.boot).unwrap_or_default();
            mgr.settle(key, &reading, false, now.boot);
        }
        mgr.handle(command, now).unwrap()
    }

    fn now(&self) -> Now {
        self.world.now()
    }

    /// So many seconds pass with the daemon running.
    pub fn seconds(&mut self, secs: u64) {
        self.world.advance(secs * 1_000);
    }

    /// A phone downloads in packets of 1,000 bytes; how many bytes passed.
    pub fn downloads(&mut self, phone: u8, packets: u64) -> u64 {
        (0..packets).filter(|_| self.world.packet(phone, false, 1_000)).count() as u64 * 1_000
    }

    /// The session that a phone runs.
    pub fn runs(&self, phone: u8) -> Option<SessionId> {
        self.world.mgr.curr_session(self.device(phone))
    }

    /// A session's row, ended ones too.
    pub fn row(&self, session: SessionId) -> &ClientSession {
        self.world.mgr.session(session).unwrap_or(&self.world.store.sessions[&session])
    }

    /// A session's state by name, with the reason of a pause.
    pub fn state(&self, session: SessionId) -> String {
        match &self.row(session).state {
            turnpike::domain::SessionState::Paused(reason) => format!("paused {}", reason.as_str()),
            state => state.as_str().to_owned(),
        }
    }

    /// Whether a phone is let through by the kernel.
    pub fn online(&mut self, phone: u8) -> bool {
        self.downloads(phone, 1) > 0
    }
}

/// The names of operations, to compare.
pub fn gate_ops(transition: &Transition) -> Vec<&'static str> {
    let name = |op: &GateOp| match op {
        GateOp::Learn { .. } => "learn",
        GateOp::Forget { .. } => "forget",
        GateOp::Open { .. } => "open",
        GateOp::Swap { .. } => "swap",
        GateOp::Class { .. } => "class",
        GateOp::Close { .. } => "close",
    };
    transition.gate.iter().map(name).collect()
}

/// The names of class operations, to compare.
pub fn shape_ops(transition: &Transition) -> Vec<&'static str> {
    let name = |op: &ShapeOp| match op {
        ShapeOp::Set { .. } => "set",
        ShapeOp::Remove { .. } => "remove",
    };
    transition.shape.iter().map(name).collect()
}

/// The names of events, to compare.
pub fn events(transition: &Transition) -> Vec<&'static str> {
    transition.events.iter().map(|event| EventKind::as_str(&event.kind)).collect()
}

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use turnpike::domain::sessions_mgr::{Command, DevicePatch, NewSession, RolePatch};
use turnpike::domain::{
    AtEnd, BootId, ClientRates, CloseReason, DeviceId, Guard, Once, OpeningHours, OpeningLine, PauseReason,
    ProviderName, Proviso, SessionId, SessionKind, SessionPatch, SessionTerms, SlowEnd, SourceData, Text,
    Usage, WallTime,
};

use super::actions::{Action, Extras, Kind, Offer, Request, action};
use super::names::{FREE, address, mac, mbps, plain_zone};
use super::world::{Trouble, World};

/// Cases without `TURNPIKE_SIM_CASES`: what a debug build does in a few seconds.
const CASES: u32 = 1_000;

/// Two zones: one that limits nothing and pauses who is idle or away, one with limits and automatisms, perhaps one that
/// opens and closes each minute, looked at so many seconds after it opened.
fn world(max_key: u16, minute: Option<u8>) -> World {
    let mut cafe = plain_zone("cafe");
    cafe.idle_timeout_secs = Some(8);
    cafe.away_pause_secs = Some(3);
    let mut hotel = plain_zone("hotel");
    hotel.client_down = Some(mbps(5.0));
    hotel.auto_connect = true;
    hotel.trusted = [mac(5)].into();
    if minute.is_some() {
        // The first twenty minutes it is open every other one.
        let pairs = (0..10).map(|pair| format!("fri 08:{:02}-08:{:02}", pair * 2, pair * 2 + 1));
        let rest = ["sat-thu 00:00-24:00", "fri 00:00-08:00", "fri 08:20-24:00"].map(str::to_owned);
        let lines = pairs.chain(rest).map(|line| OpeningLine::parse(&line).unwrap());
        hotel.open = OpeningHours::new(lines.collect());
    }
    let mut world = World::new(vec![cafe, hotel], max_key);
    world.advance(minute.map_or(0, |secs| u64::from(secs) * 1_000));
    world
}

fn terms(kind: &Kind, extras: Option<&Extras>) -> SessionTerms {
    let wants_time = kind.kind != SessionKind::Data;
    let wants_data = kind.kind != SessionKind::Time;
    SessionTerms {
        kind: kind.kind,
        time_limit_ms: wants_time.then_some(kind.secs * 1_000),
        data_limit_bytes: wants_data.then_some(kind.bytes),
        exp_days: extras.filter(|extras| extras.days).map(|_| 1),
        down: extras.and_then(|extras| extras.mbps).map(|speed| mbps(f64::from(speed))),
        up: None,
        use_global_speed: extras.is_some_and(|extras| extras.global),
    }
}

fn source_data(offer: &Offer) -> SourceData {
    SourceData {
        reference: Some("there".to_owned()),
        usage: Usage { time_ms: offer.used_millis, sent_bytes: offer.used_bytes, received_bytes: 0 },
        ..SourceData::new(terms(&offer.kind, None))
    }
}

impl World {
    /// The n-th phone's device, or one that nobody knows.
    fn device(&mut self, number: u8) -> DeviceId {
        match self.mgr.device_by_mac(mac(number)) {
            Some(device) => device.id,
            None => DeviceId::new(self.id()),
        }
    }

    /// A session by number, ended ones too, or one that nobody knows.
    fn session(&mut self, number: u8) -> SessionId {
        let known: Vec<SessionId> = self.store.sessions.keys().copied().collect();
        match known.get(usize::from(number) % (known.len() + 1)) {
            Some(id) => *id,
            None => SessionId::new(self.id()),
        }
    }

    fn new_session(&mut self, device: u8, terms: SessionTerms) -> NewSession {
        NewSession {
            id: SessionId::new(self.id()),
            device: self.device(device),
            provider: ProviderName::new("operator"),
            data: SourceData::new(terms),
        }
    }

    fn command(&mut self, request: &Request) -> Command {
        match request {
            Request::Connect(device) => {
                Command::Connect { device: self.device(*device), notify: None, answer: None, verdict: None }
            }
            Request::Disconnect(device) => Command::Disconnect {
                device: self.device(*device),
                notify: Some(Text::new("bye")),
                reason: PauseReason::Asked,
            },
            Request::Create(device, kind, extras) => {
                let mut new = self.new_session(*device, terms(kind, Some(extras)));
                new.data.reference = extras.sourced.then(|| "there".to_owned());
                if let Some(lasts_ms) = extras.slow_ms {
                    let rates = ClientRates { down: Some(mbps(0.5)), up: None };
                    new.data.at_end = AtEnd::Slow(SlowEnd { rates, lasts_ms });
                }
                Command::CreateSession(Box::new(new))
            }
            Request::Voucher(device, voucher) => {
                let kind = Kind { kind: SessionKind::Data, secs: 1, bytes: 5_000 };
                let mut new = self.new_session(*device, terms(&kind, None));
                let at = self.wall;
                let guard =
                    Guard::RedeemVoucher { voucher: *voucher, device: new.device, session: new.id, at };
                new.data.guards.push(guard);
                Command::CreateSession(Box::new(new))
            }
            Request::TopUp(session, secs, bytes) => self.patch(
                *session,
                SessionPatch { add_time_ms: secs * 1_000, add_data_bytes: *bytes, ..SessionPatch::default() },
            ),
            Request::SetLimits(session, secs, bytes) => self.patch(
                *session,
                SessionPatch {
                    time_limit_ms: Some(secs * 1_000).filter(|millis| *millis > 0),
                    data_limit_bytes: Some(*bytes).filter(|bytes| *bytes > 0),
                    ..SessionPatch::default()
                },
            ),
            Request::SetSpeed(session, speed) => self.patch(
                *session,
                SessionPatch {
                    down: Some(speed.map(|speed| mbps(f64::from(speed)))),
                    use_global_speed: Some(false),
                    ..SessionPatch::default()
                },
            ),
            Request::SetDays(session, days) => self.patch(
                *session,
                SessionPatch {
                    exp_days: Some(Some(u32::from(*days)).filter(|days| *days > 0)),
                    ..SessionPatch::default()
                },
            ),
            Request::Free(session, free) => {
                let role = || [FREE.to_owned()].into();
                let patch = if *free {
                    RolePatch { add: role(), remove: Default::default() }
                } else {
                    RolePatch { add: Default::default(), remove: role() }
                };
                Command::ChangeRoles { session: self.session(*session), patch }
            }
            Request::FreeDevice(device, free) => {
                let roles = Some(if *free { [FREE.to_owned()].into() } else { Default::default() });
                let patch = DevicePatch { roles, ..DevicePatch::default() };
                Command::UpdateDevice { device: self.device(*device), patch }
            }
            Request::Move(from, to) => {
                let (from, to) = (self.device(*from), self.device(*to));
                let fresh =
                    self.mgr.movable_sessions(from).iter().map(|_| SessionId::new(self.id())).collect();
                Command::MoveSessions { from, to, fresh }
            }
            Request::Close(session) => Command::CloseSession {
                session: self.session(*session),
                reason: CloseReason::Operator,
                text: Text::new("enough"),
            },
            Request::Delete(session) => {
                let session = self.session(*session);
                let ended = self.store.sessions.get(&session).filter(|row| !row.is_usable()).cloned();
                Command::DeleteSession { session, ended: ended.map(Box::new) }
            }
            Request::Register(device) => Command::RegisterDevice {
                id: DeviceId::new(self.id()),
                mac: mac(*device),
                alias: None,
                zone: None,
            },
            Request::Alias(device, named) => {
                let alias = named.then(|| Text::new("kitchen"));
                let patch = DevicePatch { alias: Some(alias), ..DevicePatch::default() };
                Command::UpdateDevice { device: self.device(*device), patch }
            }
            Request::Block(device, block, wrong) => {
                let zone = (*wrong).then(|| turnpike::domain::ZoneName::new("nowhere"));
                let patch = DevicePatch { blocked: Some(*block), zone, ..DevicePatch::default() };
                Command::UpdateDevice { device: self.device(*device), patch }
            }
            Request::DeleteDevice(device) => Command::DeleteDevice { device: self.device(*device) },
            Request::Seen(device, second, last, alive) => Command::Seen {
                fresh: DeviceId::new(self.id()),
                fresh_session: SessionId::new(self.id()),
                mac: mac(*device),
                zone: self.zones[usize::from(*second)].name.clone(),
                address: Some(address(*last)),
                attached: None,
                hostname: None,
                alive: *alive,
            },
            Request::Once(key, request) => {
                let once = Once {
                    caller: "till".to_owned(),
                    key: key.to_string(),
                    fingerprint: [0; 32],
                    boot_id: BootId::new("boot"),
                    at: self.now(),
                };
                let proviso = Box::new(Proviso { once: Some(once), expected: None, by: None });
                Command::Under { proviso, command: Box::new(self.command(request)) }
            }
            Request::Lost(device, last) => Command::Lost { mac: mac(*device), address: address(*last) },
            Request::Reload(session, offer) => {
                Command::Reloaded { session: self.session(*session), data: Box::new(source_data(offer)) }
            }
        }
    }

    fn patch(&mut self, session: u8, patch: SessionPatch) -> Command {
        Command::UpdateSession { session: self.session(session), patch }
    }

    fn requests(&mut self, requests: &[Request], trouble: &Trouble, offer: Option<&Offer>) {
        let commands: Vec<Command> = requests.iter().map(|request| self.command(request)).collect();
        let offer = offer.map(source_data);
        let mut trouble = trouble.clone();
        if requests.iter().any(|request| matches!(request, Request::Reload(..))) {
            // The model learns of what a source says from the answer, which a crash would swallow.
            trouble.crash = None;
        }
        self.group_with(commands, &trouble, offer.as_ref());
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Packets(packets) => {
                for (device, up, bytes) in packets {
                    self.packet(*device, *up, *bytes);
                }
            }
            Action::Run(millis) => self.advance(*millis),
            Action::Suspend(minutes) => {
                self.pass(minutes * 60_000);
                self.advance(1);
            }
            Action::StepWall(0) => self.right_wall(),
            Action::StepWall(secs) => self.step_wall(secs * 1_000),
            Action::Requests(requests, trouble, offer) => self.requests(requests, trouble, offer.as_ref()),
            Action::FlushRuleset => self.flush_ruleset(120),
            Action::Crash => self.restart(),
            Action::Reboot(lost_clock) => {
                let wall = if *lost_clock { WallTime(0) } else { self.wall };
                self.reboot(wall);
            }
        }
    }
}

#[test]
fn whatever_happens_the_books_add_up() {
    let wanted: Option<u32> = std::env::var("TURNPIKE_SIM_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = wanted.unwrap_or(CASES);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let actions = prop::collection::vec(action(), 1..60);
    let keys = prop::sample::select(vec![3u16, 40]);
    let minute = prop::option::of(0..120u8);
    // The same cases each time, unless somebody asks for more.
    let mut runner = match wanted {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    runner
        .run(&(actions, keys, minute), |(actions, max_key, minute)| {
            let mut world = world(max_key, minute);
            actions.iter().for_each(|action| world.act(action));
            Ok(())
        })
        .unwrap();
}

use proptest::prelude::*;
use turnpike::domain::SessionKind;

use super::world::{Phase, Trouble};

/// One thing that happens to the router. Devices, sessions and addresses are picked by number among what there is.
#[derive(Debug, Clone)]
pub enum Action {
    /// Packets: device, from it, bytes.
    Packets(Vec<(u8, bool, u64)>),
    /// The daemon runs for so many milliseconds.
    Run(u64),
    /// The router is suspended for so many minutes.
    Suspend(u64),
    /// The wall clock is set, by so many seconds; 0 puts it right.
    StepWall(i64),
    /// Requests that arrive together.
    Requests(Vec<Request>, Trouble, Option<Offer>),
    /// The ruleset is flushed.
    FlushRuleset,
    /// The daemon dies.
    Crash,
    /// The power goes; the wall clock starts in 1970, or stays.
    Reboot(bool),
}

/// A request.
#[derive(Debug, Clone)]
pub enum Request {
    Connect(u8),
    Disconnect(u8),
    Create(u8, Kind, Extras),
    Voucher(u8, i64),
    TopUp(u8, u64, u64),
    SetLimits(u8, u64, u64),
    SetSpeed(u8, Option<u8>),
    SetDays(u8, u8),
    /// What the session uses from now on is counted only, or consumed again.
    Free(u8, bool),
    /// The same by a role of the device.
    FreeDevice(u8, bool),
    /// What one device has goes to another one.
    Move(u8, u8),
    Close(u8),
    Delete(u8),
    Register(u8),
    Alias(u8, bool),
    Block(u8, bool, bool),
    DeleteDevice(u8),
    Seen(u8, bool, u8, bool),
    Lost(u8, u8),
    Reload(u8, Offer),
    /// Under a key, by number, which may have been used before.
    Once(u8, Box<Self>),
}

/// What a session is sold as: seconds and bytes.
#[derive(Debug, Clone)]
pub struct Kind {
    pub kind: SessionKind,
    pub secs: u64,
    pub bytes: u64,
}

/// What else it has.
#[derive(Debug, Clone)]
pub struct Extras {
    pub days: bool,
    pub mbps: Option<u8>,
    pub global: bool,
    pub sourced: bool,
    /// It goes on for so many milliseconds when used up.
    pub slow_ms: Option<u64>,
}

/// What a provider or a source says.
#[derive(Debug, Clone)]
pub struct Offer {
    pub kind: Kind,
    pub used_millis: u64,
    pub used_bytes: u64,
}

fn device() -> impl Strategy<Value = u8> {
    0..6u8
}

fn packets() -> impl Strategy<Value = Vec<(u8, bool, u64)>> {
    prop::collection::vec((device(), any::<bool>(), 40..9_000u64), 0..12)
}

fn kind() -> impl Strategy<Value = Kind> {
    let kinds = prop::sample::select(vec![SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData]);
    (kinds, 1..20u64, 1_000..60_000u64).prop_map(|(kind, secs, bytes)| Kind { kind, secs, bytes })
}

fn extras() -> impl Strategy<Value = Extras> {
    let slow = prop::option::weighted(0.2, 1..5_000u64);
    (
        prop::bool::weighted(0.3),
        prop::option::weighted(0.2, 1..9u8),
        any::<bool>(),
        prop::bool::weighted(0.2),
        slow,
    )
        .prop_map(|(days, mbps, global, sourced, slow_ms)| Extras {
            days,
            mbps,
            global,
            sourced,
            slow_ms,
        })
}

fn offer() -> impl Strategy<Value = Offer> {
    (kind(), 0..3_000u64, 0..3_000u64).prop_map(|(kind, used_millis, used_bytes)| Offer {
        kind,
        used_millis,
        used_bytes,
    })
}

fn once() -> impl Strategy<Value = Request> {
    let request = prop_oneof![
        device().prop_map(Request::Disconnect),
        (device(), kind(), extras()).prop_map(|(device, kind, extras)| Request::Create(device, kind, extras)),
        (device(), 0..4i64).prop_map(|(device, voucher)| Request::Voucher(device, voucher)),
        (any::<u8>(), 0..10u64, 0..30_000u64).prop_map(|(s, secs, bytes)| Request::TopUp(s, secs, bytes)),
        any::<u8>().prop_map(Request::Close),
        (device(), any::<bool>()).prop_map(|(device, block)| Request::Block(device, block, false)),
    ];
    (0..12u8, request).prop_map(|(key, request)| Request::Once(key, Box::new(request)))
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        4 => once(),
        6 => device().prop_map(Request::Connect),
        3 => device().prop_map(Request::Disconnect),
        6 => (device(), kind(), extras()).prop_map(|(device, kind, extras)| Request::Create(device, kind, extras)),
        1 => (device(), 0..4i64).prop_map(|(device, voucher)| Request::Voucher(device, voucher)),
        2 => (any::<u8>(), 0..10u64, 0..30_000u64).prop_map(|(s, secs, bytes)| Request::TopUp(s, secs, bytes)),
        2 => (any::<u8>(), 0..20u64, 0..50_000u64).prop_map(|(s, secs, bytes)| Request::SetLimits(s, secs, bytes)),
        1 => (any::<u8>(), prop::option::of(1..9u8)).prop_map(|(s, mbps)| Request::SetSpeed(s, mbps)),
        1 => (any::<u8>(), 0..3u8).prop_map(|(s, days)| Request::SetDays(s, days)),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(s, free)| Request::Free(s, free)),
        1 => (device(), any::<bool>()).prop_map(|(device, free)| Request::FreeDevice(device, free)),
        2 => (device(), device()).prop_map(|(from, to)| Request::Move(from, to)),
        2 => any::<u8>().prop_map(Request::Close),
        1 => any::<u8>().prop_map(Request::Delete),
        2 => device().prop_map(Request::Register),
        1 => (device(), any::<bool>()).prop_map(|(device, named)| Request::Alias(device, named)),
        1 => (device(), any::<bool>(), any::<bool>()).prop_map(|(d, block, wrong)| Request::Block(d, block, wrong)),
        1 => device().prop_map(Request::DeleteDevice),
        5 => (device(), any::<bool>(), 0..8u8, prop::bool::weighted(0.8))
            .prop_map(|(device, second, address, alive)| Request::Seen(device, second, address, alive)),
        2 => (device(), 0..8u8).prop_map(|(device, address)| Request::Lost(device, address)),
        1 => (any::<u8>(), offer()).prop_map(|(session, offer)| Request::Reload(session, offer)),
    ]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let phases = vec![Phase::Read, Phase::Decide, Phase::Commit, Phase::Apply, Phase::Tell];
    let crash = prop::option::weighted(0.12, prop::sample::select(phases));
    let refuses = prop::option::weighted(0.08, 0..3usize);
    (crash, prop::bool::weighted(0.06), refuses, packets(), 0..4u64).prop_map(
        |(crash, store_fails, kernel_refuses, packets, millis)| Trouble {
            crash,
            store_fails,
            kernel_refuses,
            packets,
            millis,
        },
    )
}

/// One thing that happens.
pub fn action() -> impl Strategy<Value = Action> {
    let days = prop::sample::select(vec![
        -86_400i64 * 365 * 57,
        -86_400,
        -3_600,
        0,
        0,
        3_600,
        86_400 * 2,
        86_400 * 9_000,
    ]);
    prop_oneof![
        6 => packets().prop_map(Action::Packets),
        6 => (1..4_000u64).prop_map(Action::Run),
        1 => (1..2_000u64).prop_map(Action::Suspend),
        1 => days.prop_map(Action::StepWall),
        14 => (prop::collection::vec(request(), 1..4), trouble(), prop::option::of(offer()))
            .prop_map(|(requests, trouble, offer)| Action::Requests(requests, trouble, offer)),
        1 => Just(Action::FlushRuleset),
        1 => Just(Action::Crash),
        1 => any::<bool>().prop_map(Action::Reboot),
    ]
}

//! Filters in the store: SQL selects the rows that evaluation selects.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use turnpike::domain::filter::{Expr, Key, Number, Order};
use turnpike::domain::{
    BootId, BootTime, Checkpoint, ClientDevice, ClientKey, ClientSession, ClientType, CloseReason, Filter,
    FixedKey, GatewayFacts, Lookup, Mbps, PauseReason, Policies, ProviderName, SessionId, SessionKind,
    SessionState, SessionTerms, SessionView, Text, Transport, Usage, WallTime, ZoneName,
};
use turnpike::store::{Direction, SessionQuery, SortKey, Store};

use crate::store::{block_on, changes, device, fixture, put_device, put_session, session};

fn policies() -> Policies {
    Policies {
        zones: BTreeMap::new(),
        first_zone: ZoneName::new("guests"),
        roles: BTreeMap::new(),
        gateway: GatewayFacts {
            name: Text::new("café-1"),
            country: Text::new("FR"),
            latitude: Some(51.509_865),
            longitude: None,
        },
    }
}

/// Sessions with their devices, in the order of making, and a store that holds them.
struct World {
    devices: Vec<ClientDevice>,
    sessions: Vec<ClientSession>,
    policies: Policies,
}

impl World {
    fn view<'a>(&'a self, session: &'a ClientSession) -> SessionView<'a> {
        let device = self.devices.iter().find(|device| device.id == session.device).unwrap();
        SessionView::new(session, device, &self.policies, BootTime(1_000_000))
    }

    async fn put(&self, store: &Store) {
        let all = self.devices.iter().map(put_device).chain(self.sessions.iter().map(put_session));
        store.commit(vec![changes(all.collect::<Vec<_>>())]).await.unwrap().remove(0).unwrap();
    }

    /// The sessions that a filter selects, by whether they can still be used.
    fn selected(&self, filter: &Filter, usable: bool) -> BTreeSet<SessionId> {
        let of_kind = self.sessions.iter().filter(|session| session.is_usable() == usable);
        of_kind.filter(|session| filter.matches(&self.view(session))).map(|session| session.id).collect()
    }

    fn query(&self, filter: &Filter) -> SessionQuery {
        SessionQuery {
            filter: Some(filter.clone()),
            gateway: self.policies.gateway.clone(),
            page: 1,
            per_page: 10_000,
            ..SessionQuery::default()
        }
    }
}

async fn ids(store: &Store, wanted: &SessionQuery) -> BTreeSet<SessionId> {
    let (sessions, total) = store.page_sessions(wanted).await.unwrap();
    assert_eq!(sessions.len(), usize::try_from(total).unwrap());
    sessions.iter().map(|session| session.id).collect()
}

const USER_KEYS: [&str; 10] =
    ["Department", "a\\b", "é", "not", "k[0]", "a.b", "$", "\u{7f}", "\\u0041", "has_a_very/long{name}"];

const ROLES: [&str; 6] = ["staff", "desk 2", ",", "\"", "\\", "\",\""];

fn value() -> impl Strategy<Value = String> {
    let numbers = select(vec![
        "0",
        "-0",
        "00",
        "7",
        "007",
        "7.0",
        "7.50",
        "-7",
        "--7",
        "7-",
        "7.",
        ".7",
        "1.2.3",
        "+7",
        " 7",
        "7 ",
        "7e1",
        "7\0",
        "0x7",
        "٧",
        "123456789012345",
        "1234567890123456",
        "0.00000000000001",
        "0.3",
        "0.30000000000001",
        "99999999999999.9",
        "NaN",
        "51.509865",
        "",
    ]);
    prop_oneof![
        3 => numbers.prop_map(str::to_owned),
        2 => "-?[0-9]{1,9}(\\.[0-9]{1,8})?",
        1 => select(vec!["it's", "\"a\"", "\\", "\\\"", "Accounts", "é", "\u{1F4A9}", "a\0b", "\n\t", "null", "[]"])
            .prop_map(str::to_owned),
        1 => ".{0,12}",
    ]
}

fn amount() -> impl Strategy<Value = u64> {
    let edge = 1_000_000_000_000_000_u64;
    prop_oneof![
        0..5_000_000_u64,
        Just(0),
        0..1_u64 << 60,
        edge - 2..edge + 2,
        edge * 1_000 - 2..edge * 1_000 + 2
    ]
}

fn some_roles() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(select(&ROLES[..]).prop_map(str::to_owned), 0..3)
}

fn any_device(number: u16) -> impl Strategy<Value = ClientDevice> {
    let text = || proptest::option::of(value().prop_map(|text| Text::new(&text)));
    let kinds = ClientType::ALL.map(|(kind, _)| kind);
    (
        text(),
        text(),
        proptest::option::of(select(vec!["guests", "it's"])),
        some_roles(),
        proptest::option::of(select(kinds.to_vec())),
    )
        .prop_map(move |(hostname, language, zone, roles, client_type)| ClientDevice {
            hostname,
            language,
            zone: zone.map(ZoneName::new),
            roles,
            client_type,
            ipv4: ["192.0.2.1".parse().unwrap()].into(),
            interface: Some(Text::new("br-lan")),
            transport: Transport::Wifi,
            ..device(number)
        })
}

fn state() -> impl Strategy<Value = SessionState> {
    let checkpoint = Checkpoint {
        boot_id: BootId::new("6ba1f0b2-0000-4000-8000-000000000001"),
        at: BootTime(77_000),
        key: ClientKey::new(9).unwrap(),
        sent_bytes: 11,
        received_bytes: 22,
    };
    let live = vec![
        SessionState::Available,
        SessionState::Running(checkpoint),
        SessionState::Paused(PauseReason::Asked),
    ];
    let ended = vec![
        SessionState::Consumed,
        SessionState::Expired,
        SessionState::Closed(CloseReason::Operator, Text::new("why")),
    ];
    prop_oneof![1 => select(live), 4 => select(ended)]
}

fn any_session(number: u16, devices: usize) -> impl Strategy<Value = ClientSession> {
    let kinds = select(vec![SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData]);
    let speed = || {
        proptest::option::of(
            (8_000..=100_000_000_000_u64).prop_map(|bits| Mbps::from_bits_per_sec(bits).unwrap()),
        )
    };
    let limit = || proptest::option::of(amount());
    let terms = (kinds, limit(), limit(), speed(), speed());
    let wall = || {
        prop_oneof![2 => any::<i64>(), 1 => -2_000_000_i64..2_000_000, 3 => 1_700_000_000_000..1_800_000_000_000_i64].prop_map(WallTime)
    };
    let times = (wall(), proptest::option::of(wall()), proptest::option::of(wall()));
    let words = || proptest::option::of(value());
    let keys =
        select([&USER_KEYS[..], &["$Country", "$Latitude", "$Longitude", "$Language", "x\"y"]].concat());
    let properties = proptest::collection::btree_map(keys.prop_map(str::to_owned), value(), 0..6);
    (
        0..devices,
        state(),
        terms,
        (amount(), amount(), amount(), amount(), amount()),
        times,
        (words(), words(), words()),
        properties,
        some_roles(),
    )
        .prop_map(
            move |(
                of,
                state,
                (kind, time_limit_ms, data_limit_bytes, down, up),
                used,
                times,
                words,
                properties,
                roles,
            )| ClientSession {
                terms: SessionTerms {
                    kind,
                    time_limit_ms,
                    data_limit_bytes,
                    exp_days: None,
                    down,
                    up,
                    use_global_speed: number.is_multiple_of(2),
                },
                usage: Usage { time_ms: used.0, sent_bytes: used.1, received_bytes: used.2 },
                free: Usage { time_ms: used.3, sent_bytes: used.4 / 3, received_bytes: used.4 - used.4 / 3 },
                provider: ProviderName::new(if number.is_multiple_of(3) { "voucher" } else { "operator" }),
                state,
                created_at: times.0,
                started_at: times.1,
                expires_at: times.2,
                plan: words.0,
                principal: words.1,
                voucher: words.2,
                properties,
                roles,
                ..session(number, &device(u16::try_from(of).unwrap()))
            },
        )
}

fn world() -> impl Strategy<Value = World> {
    const DEVICES: usize = 5;
    let devices: Vec<_> = (0..DEVICES).map(|number| any_device(u16::try_from(number).unwrap())).collect();
    let sessions: Vec<_> = (0..60).map(|number| any_session(number, DEVICES)).collect();
    (devices, sessions).prop_map(|(devices, sessions)| World { devices, sessions, policies: policies() })
}

/// A clause before it is known which values the sessions have.
#[derive(Debug, Clone)]
enum Sketch {
    Clause {
        key: String,
        kind: u8,
        of: Index,
        own: bool,
        value: String,
        order: Order,
        roles: BTreeSet<String>,
    },
    Not(Box<Sketch>),
    And(Vec<Sketch>),
    Or(Vec<Sketch>),
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let fixed: Vec<&str> = FixedKey::ALL.iter().map(|key| key.as_str()).collect();
    let key = prop_oneof![
        4 => select(fixed),
        3 => select(&USER_KEYS[..]),
        1 => select(vec!["$Nothing", "nothing", "a\0b", "$.a"]),
    ];
    let orders = select(vec![Order::Lt, Order::Le, Order::Gt, Order::Ge]);
    let roles = proptest::collection::btree_set(select(&ROLES[..]).prop_map(str::to_owned), 1..3);
    let clause = (key, 0..8_u8, any::<Index>(), any::<bool>(), value(), orders, roles).prop_map(
        |(key, kind, of, own, value, order, roles)| Sketch::Clause {
            key: key.to_owned(),
            kind,
            of,
            own,
            value,
            order,
            roles,
        },
    );
    clause.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Sketch::Not(Box::new(inner))),
            proptest::collection::vec(inner.clone(), 2..5).prop_map(Sketch::And),
            proptest::collection::vec(inner, 2..5).prop_map(Sketch::Or),
        ]
    })
}

impl Sketch {
    /// The expression, with values that a session of the world has where it says so.
    fn expr(&self, world: &World) -> Expr {
        let all = |terms: &[Self]| terms.iter().map(|term| term.expr(world)).collect();
        match self {
            Self::Not(inner) => Expr::Not(Box::new(inner.expr(world))),
            Self::And(terms) => Expr::And(all(terms)),
            Self::Or(terms) => Expr::Or(all(terms)),
            Self::Clause { key, kind, of, own, value, order, roles } => {
                let view = world.view(of.get(&world.sessions));
                let found = if *own { view.get(key) } else { None };
                let other = value.clone();
                let value = found.map_or_else(|| value.clone(), |found| found.into_owned());
                let key = Key::new(key, 1);
                match kind {
                    0 => Expr::All,
                    1 => Expr::Is { key, value },
                    2 => Expr::Ne { key, value },
                    3 => Expr::Has { key },
                    4 => Expr::In { key, values: vec![other, value] },
                    5 => Expr::HasRoles { roles: roles.iter().cloned().collect() },
                    _ => {
                        let number = Number::parse(&value).or_else(|| Number::parse("7")).unwrap();
                        Expr::Compare { key, order: *order, number }
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.sessions.iter().map(|session| self.view(session))).finish()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn sql_selects_what_evaluation_selects(world in world(), sketches in proptest::collection::vec(sketch(), 60)) {
        block_on(async {
            let fixture = fixture().await;
            world.put(&fixture.store).await;
            for sketch in sketches {
                let filter = Filter::parse(&sketch.expr(&world).to_string()).unwrap();
                let ended = world.selected(&filter, false);
                let wanted = world.query(&filter);
                prop_assert_eq!(ids(&fixture.store, &wanted).await, ended.clone(), "{}", filter);

                let live = world.selected(&filter, true);
                let wanted = SessionQuery { live: Some(live.iter().copied().collect()), ..wanted };
                prop_assert_eq!(ids(&fixture.store, &wanted).await, &ended | &live, "{}", filter);
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn numbers_that_are_close_are_told_apart(bases in proptest::collection::vec((1..999_999_999_999_999_u64, 0..15_usize), 12)) {
        let spelled = |(digits, places): (u64, usize)| {
            let digits = format!("{digits:0>15}");
            let (whole, fraction) = digits.split_at(15 - places);
            if places == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
        };
        let numbers: Vec<String> = bases
            .iter()
            .flat_map(|&(digits, places)| [digits - 1, digits, digits + 1].map(|digits| spelled((digits, places))))
            .flat_map(|number| [format!("-{number}"), number])
            .collect();
        let device = device(1);
        let sessions = (0..).zip(&numbers).map(|(number, value)| ClientSession {
            state: SessionState::Consumed,
            properties: [("n".to_owned(), value.clone())].into(),
            ..session(number, &device)
        });
        let world = World { sessions: sessions.collect(), devices: vec![device], policies: policies() };
        block_on(async {
            let fixture = fixture().await;
            world.put(&fixture.store).await;
            for number in &numbers {
                for order in ["lt", "le", "gt", "ge"] {
                    let filter = Filter::parse(&format!("n {order} '{number}'")).unwrap();
                    let found = ids(&fixture.store, &world.query(&filter)).await;
                    prop_assert_eq!(found, world.selected(&filter, false), "{}", filter);
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn the_largest_filters_are_within_what_sqlite_takes() {
    let device = device(1);
    let ended = ClientSession {
        state: SessionState::Expired,
        properties: [("a".to_owned(), "7".to_owned())].into(),
        ..session(1, &device)
    };
    let world = World { sessions: vec![ended], devices: vec![device], policies: policies() };
    let nested = |open: &str| format!("{}a is '7'{}", open.repeat(63), ")".repeat(63));
    let filters = [
        vec!["a lt '8'"; 500].join(" and "),
        vec!["$Roles ne 'x'"; 500].join(" or "),
        format!("a in [{}'7']", "'b' ".repeat(499)),
        format!("not hasRoles [{}'7']", "'b' ".repeat(499)),
        nested("(a is '8' or "),
        nested("(a is '7' and "),
        nested("(a is '7' or a is '8' and a is '7' or a is '7' and a is '8' and "),
        format!("{}a is '7'{}", "not (all and ".repeat(32), ")".repeat(32)),
        format!("a is '{}' or all", "x".repeat(16_000)),
    ];
    block_on(async {
        let fixture = fixture().await;
        world.put(&fixture.store).await;
        for text in filters {
            let filter = Filter::parse(&text).unwrap();
            let found = ids(&fixture.store, &world.query(&filter)).await;
            assert_eq!(found, world.selected(&filter, false), "{text:.80}");
            assert_eq!(found.len(), 1, "{text:.80}");
        }
    });
}

#[test]
fn a_search_of_sessions_that_have_ended_leaves_the_chosen_live_ones_in() {
    let devices = [1, 2].map(device);
    let sessions = (0..20).map(|number| ClientSession {
        state: if number < 8 { SessionState::Available } else { SessionState::Consumed },
        plan: (number % 2 == 0).then(|| "Day pass".to_owned()),
        voucher: (number == 11).then(|| "ABCDE-FGH23".to_owned()),
        ..session(number, &devices[usize::from(number % 4 == 0)])
    });
    let world = World { sessions: sessions.collect(), devices: devices.to_vec(), policies: policies() };
    block_on(async {
        let fixture = fixture().await;
        world.put(&fixture.store).await;
        let numbers = async |wanted: SessionQuery| {
            let (found, total) = fixture.store.page_sessions(&wanted).await.unwrap();
            let place = |id| world.sessions.iter().position(|session| session.id == id).unwrap();
            (found.into_iter().map(|session| place(session.id)).collect::<Vec<_>>(), total)
        };
        let live = |numbers: &[usize]| Some(numbers.iter().map(|place| world.sessions[*place].id).collect());
        let filter = Filter::parse("$Plan is 'Day pass'").unwrap();
        let both = SessionQuery { live: live(&[1, 3, 9]), per_page: 3, ..world.query(&filter) };
        assert_eq!(numbers(both.clone()).await, (vec![18, 16, 14], 9));
        assert_eq!(numbers(SessionQuery { page: 3, ..both.clone() }).await, (vec![8, 3, 1], 9));
        assert_eq!(numbers(SessionQuery { page: 4, ..both.clone() }).await, (vec![], 9));
        assert_eq!(numbers(SessionQuery { per_page: 0, ..both.clone() }).await, (vec![], 9));
        let of_device = SessionQuery { device: Some(devices[1].id), per_page: 9, ..both.clone() };
        assert_eq!(numbers(of_device).await, (vec![16, 12, 8], 3));
        let sort = vec![(SortKey::Mac, Direction::Descending), (SortKey::CreatedAt, Direction::Ascending)];
        assert_eq!(numbers(SessionQuery { sort, ..both.clone() }).await, (vec![8, 12, 16], 9));
        let expired = SessionQuery { state: Some("expired".to_owned()), per_page: 9, ..both.clone() };
        assert_eq!(numbers(expired).await, (vec![9, 3, 1], 3));

        let q = async |q: &str, more: SessionQuery| {
            numbers(SessionQuery { q: Some(q.to_owned()), page: 1, per_page: 20, ..more }).await.0
        };
        let none = SessionQuery::default;
        assert_eq!(q("DAY P", none()).await, [18, 16, 14, 12, 10, 8, 6, 4, 2, 0]);
        for code in ["abcde-fgh23", "ABCDEFGH", "e-f-g", "-fgh23-"] {
            assert_eq!(q(code, none()).await, [11], "{code}");
        }
        assert_eq!(q("--", none()).await.len(), 0);
        let found = SessionQuery { q_devices: vec![devices[1].id], ..none() };
        assert_eq!(q("192.0.2.1", found.clone()).await, [16, 12, 8, 4, 0]);
        assert_eq!(q("192.0.2.1", SessionQuery { live: live(&[2]), ..found }).await, [16, 12, 8, 2]);
    });
}

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const KEYS: [&str; 5] = ["$State", "$Roles", "$StartTime", "desk", "floor"];

fn session(number: u8) -> SessionId {
    SessionId::new(Uuid::from_u128(u128::from(number)))
}

fn device(number: u8) -> DeviceId {
    DeviceId::new(Uuid::from_u128(1000 + u128::from(number)))
}

fn map(pairs: &[(&'static str, &str)]) -> PropertyMap {
    pairs.iter().map(|(key, value)| (Cow::Borrowed(*key), (*value).to_owned())).collect()
}

/// The event that leads from one state of a session to another.
fn event(number: u8, kind: SessionEventKind, before: &PropertyMap, after: &PropertyMap) -> SessionEvent {
    let changed = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
    SessionEvent {
        at: WallTime(1),
        session: session(number),
        device: device(number),
        kind,
        reason: (kind == SessionEventKind::Close).then_some(Cow::Borrowed("operator")),
        properties: after.clone(),
        previous: if kind == SessionEventKind::Open {
            BTreeMap::new()
        } else {
            changed.map(|key| (key.clone(), before.get(key).cloned())).collect()
        },
    }
}

fn listener(filter: &str, chosen: &str) -> Listener {
    Listener::new(filter.parse().unwrap(), Select::parse(chosen).unwrap(), None)
}

fn update(before: &[(&'static str, &str)], after: &[(&'static str, &str)]) -> SessionEvent {
    event(1, SessionEventKind::Update, &map(before), &map(after))
}

#[test]
fn an_update_says_what_was_before_and_only_what_was_chosen() {
    let changed = update(&[("desk", "1"), ("floor", "2")], &[("desk", "3"), ("$State", "running")]);
    let told = listener("all", "desk,floor,nothing").hear(&changed).unwrap();
    assert_eq!(told.kind, SessionEventKind::Update);
    assert_eq!(told.properties, BTreeMap::from([("desk", "3")]));
    assert_eq!(told.previous, BTreeMap::from([("desk", Some("1")), ("floor", Some("2"))]));
    assert_eq!(listener("all", "$Zone").hear(&changed), None);
    assert_eq!(listener("all", "").hear(&changed), None);
    let mut left = changed;
    left.kind = SessionEventKind::Disconnected;
    left.reason = Some(Cow::Borrowed("away"));
    let told = listener("all", "").hear(&left).unwrap();
    assert_eq!((told.kind, told.reason), (SessionEventKind::Disconnected, Some("away")));
    assert!(told.properties.is_empty() && told.previous.is_empty());
}

#[test]
fn coming_to_match_is_an_open_and_ceasing_a_close() {
    let desk = listener("desk is '1'", "desk");
    let told = |before, after| {
        desk.hear(&update(before, after)).map(|told| (told.kind, told.reason.map(str::to_owned)))
    };
    let ceased = Some((SessionEventKind::Close, Some(NO_LONGER_MATCHES.to_owned())));
    assert_eq!(told(&[], &[("desk", "1")]), Some((SessionEventKind::Open, None)));
    assert_eq!(told(&[("desk", "1")], &[]), ceased);
    assert_eq!(told(&[("desk", "1")], &[("desk", "2")]), ceased);
    assert_eq!(told(&[("desk", "2")], &[("desk", "3")]), None);
    let staff = listener("hasRoles ['staff']", "");
    let joined = update(&[("$Roles", "")], &[("$Roles", "\"desk 2\",\"staff\"")]);
    assert_eq!(staff.hear(&joined).unwrap().kind, SessionEventKind::Open);
}

#[test]
fn a_session_that_ends_is_closed_with_its_own_reason_for_whom_it_was_open() {
    let (running, over) = (map(&[("$State", "running")]), map(&[("$State", "closed")]));
    let closed = event(1, SessionEventKind::Close, &running, &over);
    let told = listener("$State is 'running'", "$State");
    let told = told.hear(&closed).unwrap();
    assert_eq!((told.kind, told.reason), (SessionEventKind::Close, Some("operator")));
    assert_eq!(told.previous, BTreeMap::from([("$State", Some("running"))]));
    assert_eq!(listener("$State is 'closed'", "").hear(&closed), None);
}

#[test]
fn those_that_started_before_or_never_are_left_out_until_they_start() {
    let since = Listener::new(Filter::all(), Select::everything(), Some(WallTime(100)));
    let open = |after: &PropertyMap| event(1, SessionEventKind::Open, &PropertyMap::new(), after);
    assert_eq!(since.hear(&open(&map(&[]))), None);
    assert_eq!(since.hear(&open(&map(&[("$StartTime", "99")]))), None);
    assert!(since.hear(&open(&map(&[("$StartTime", "100")]))).is_some());
    let started = update(&[], &[("$StartTime", "100")]);
    assert_eq!(since.hear(&started).unwrap().kind, SessionEventKind::Open);
}

#[test]
fn only_what_flows_needs_to_be_looked_at_again() {
    assert!(listener("$Zone is 'a' and not $TimeLeft lt '60'", "").flows());
    assert!(!listener("$Zone is 'a' or hasRoles ['vip']", "$TimeLeft").flows());
    assert_ne!(listener("all", "desk").key(), listener("all", "").key());
}

#[test]
fn what_matches_shifts_but_for_what_changed_since() {
    let mut matching = Matching::default();
    for number in 1..=3 {
        matching.add(session(number), device(number));
    }
    let now = HashMap::from([3, 4, 5].map(|number| (session(number), device(number))));
    let shift = matching.shift(&now, |id| id == session(2) || id == session(5), 10);
    assert_eq!(shift, Shift { opened: vec![session(4)], ceased: vec![(session(1), device(1))] });
    let open: BTreeSet<_> = matching.sessions().collect();
    assert_eq!(open, [2, 3, 4].map(session).into());
    assert_eq!(matching.shift(&HashMap::new(), |_| false, 2).ceased.len(), 2);
    assert_eq!(matching.shift(&HashMap::new(), |_| false, 2).ceased.len(), 1);
}

/// One step of one session: which, what becomes of it.
#[derive(Debug, Clone)]
enum Step {
    Set(u8, [Option<u8>; KEYS.len()]),
    End(u8),
}

fn value(key: &str, number: u8) -> String {
    match key {
        "$Roles" => roles_of(number),
        _ => number.to_string(),
    }
}

fn roles_of(number: u8) -> String {
    crate::domain::roles::canonical(["a", "b"].into_iter().take(usize::from(number)))
}

/// Plays the steps: the events, and all sessions before each of them and at the end.
fn play(steps: &[Step]) -> (Vec<SessionEvent>, Vec<BTreeMap<u8, PropertyMap>>) {
    let mut sessions: BTreeMap<u8, PropertyMap> = BTreeMap::new();
    let (mut events, mut states) = (Vec::new(), vec![sessions.clone()]);
    for step in steps {
        match step {
            Step::Set(number, values) => {
                let after: PropertyMap = KEYS
                    .iter()
                    .zip(values)
                    .filter_map(|(key, number)| Some((Cow::Borrowed(*key), value(key, (*number)?))))
                    .collect();
                let before = sessions.insert(*number, after.clone());
                let kind = if before.is_some() { SessionEventKind::Update } else { SessionEventKind::Open };
                events.push(event(*number, kind, &before.unwrap_or_default(), &after));
            }
            Step::End(number) => {
                let Some(before) = sessions.remove(number) else { continue };
                let mut after = before.clone();
                after.insert(Cow::Borrowed("$State"), "closed".to_owned());
                events.push(event(*number, SessionEventKind::Close, &before, &after));
            }
        }
        states.push(sessions.clone());
    }
    (events, states)
}

fn open_in(listener: &Listener, sessions: &BTreeMap<u8, PropertyMap>) -> BTreeSet<SessionId> {
    let matches = |(number, properties): (&u8, &PropertyMap)| {
        let shown = event(*number, SessionEventKind::Open, &PropertyMap::new(), properties);
        listener.matches(&Shown::after(&shown)).then(|| session(*number))
    };
    sessions.iter().filter_map(matches).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let values = prop::array::uniform5(prop::option::of(0..3_u8));
    prop_oneof![
        4 => (0..4_u8, values).prop_map(|(number, values)| Step::Set(number, values)),
        1 => (0..4_u8).prop_map(Step::End),
    ]
}

proptest! {
    /// From any point of the log on, what was open then and what is heard since is what matches in the end.
    #[test]
    fn hearing_the_log_from_any_point_leads_to_what_matches(
        steps in prop::collection::vec(step(), 1..40),
        filter in prop::sample::select(vec![
            "all", "desk is '1'", "not has floor", "desk ne '1' or floor lt '2'", "hasRoles ['b']",
            "$Roles eq '\"a\"' and $State in ['0' '1']", "desk gt '0' or not desk is '2'",
        ]),
        since in prop::option::of(0..3_i64),
        from in any::<prop::sample::Index>(),
    ) {
        let listener = Listener::new(filter.parse().unwrap(), Select::everything(), since.map(WallTime));
        let (events, states) = play(&steps);
        let from = from.index(events.len() + 1);
        let Some(mut open) = states.get(from).map(|state| open_in(&listener, state)) else { return Ok(()) };
        let mut matching = Matching::default();
        for id in &open {
            matching.add(*id, device(0));
        }
        for event in events.iter().skip(from) {
            let told = listener.hear(event);
            prop_assert_eq!(&told, &matching.hear(&listener, event));
            match told.map(|told| told.kind) {
                Some(SessionEventKind::Open) => prop_assert!(open.insert(event.session), "opened twice"),
                Some(SessionEventKind::Close) => prop_assert!(open.remove(&event.session), "was not open"),
                Some(_) => prop_assert!(open.contains(&event.session)),
                None => {}
            }
        }
        prop_assert_eq!(&open, &states.last().map(|state| open_in(&listener, state)).unwrap_or_default());
        prop_assert_eq!(open, matching.sessions().collect::<BTreeSet<_>>());
    }
}

//! What goes on elsewhere: a session under another MAC, or more slowly; and who is asked before it does.

use turnpike::domain::sessions_mgr::{AuthAnswer, Command, NewSession, RolePatch};
use turnpike::domain::{
    Allowed, AtEnd, Change, ClientRates, Guard, Money, Outcome, PeriodGrant, PropertyPatch, ProviderName,
    Refusal, Sale, SaleItem, SessionId, SessionState, SlowEnd, SourceData, Text, WallTime,
};

use super::names::{mbps, plain_zone};
use super::story::{Story, data, says, time};
use super::world::{Phase, Trouble};

/// Moves what one phone has to another; the ids it got there, or the refusal.
fn moves(story: &mut Story, from: u8, to: u8, trouble: &Trouble) -> Result<Vec<SessionId>, Refusal> {
    let (from, to) = (story.device(from), story.device(to));
    let wanted = story.world.mgr.movable_sessions(from);
    let fresh: Vec<SessionId> = wanted.iter().map(|_| SessionId::new(story.world.id())).collect();
    let command = Command::MoveSessions { from, to, fresh: fresh.clone() };
    match story.world.group(vec![command], trouble).pop() {
        Some(Ok(_)) => Ok(fresh),
        Some(Err(refusal)) => Err(refusal),
        None => Ok(Vec::new()),
    }
}

#[test]
fn what_is_left_moves_to_the_byte_and_the_old_mac_is_cut_off_at_once() {
    let mut story = Story::new();
    story.joins(1);
    story.joins(2);
    let first = story.buys(1, data(50_000));
    let second = story.buys(1, time(60));
    story.connects(1).unwrap();
    let passed = story.downloads(1, 20);
    assert_eq!(passed, 20_000);
    let fresh = moves(&mut story, 1, 2, &Trouble::default()).unwrap();
    assert!(!story.online(1), "the old one is captive");
    for old in [first, second] {
        assert!(
            matches!(story.row(old).state, SessionState::Closed(reason, _) if reason.as_str() == "moved")
        );
    }
    assert_eq!(story.connects(2), Ok(fresh[0]), "what ran is first again");
    assert_eq!(story.row(fresh[0]).usage.data_bytes(), 20_000);
    assert_eq!(story.downloads(2, 40), 30_000, "exactly the rest");
    story.seconds(1);
    assert_eq!(story.runs(2), Some(fresh[1]), "the other one takes over");
    assert_eq!(story.connects(1), Err(Refusal::NoSession));
}

#[test]
fn a_move_that_cannot_be_changes_nothing() {
    let mut story = Story::new();
    story.joins(1);
    story.joins(2);
    let none = Trouble::default();
    assert_eq!(moves(&mut story, 1, 2, &none), Err(Refusal::NoSession));
    let session = story.buys(1, time(60));
    assert_eq!(moves(&mut story, 1, 1, &none), Err(Refusal::SameDevice));
    story.blocks(2, true);
    assert_eq!(moves(&mut story, 1, 2, &none), Err(Refusal::Blocked));
    story.blocks(2, false);
    let fails = Trouble { store_fails: true, ..Trouble::default() };
    assert!(matches!(moves(&mut story, 1, 2, &fails), Err(Refusal::Store(_))));
    let (from, to) = (story.device(1), story.device(2));
    let command = Command::MoveSessions { from, to, fresh: Vec::new() };
    assert_eq!(story.world.group(vec![command], &none).pop().unwrap().unwrap_err(), Refusal::Changed);
    assert_eq!((story.state(session).as_str(), story.connects(1)), ("available", Ok(session)));
}

#[test]
fn a_crash_at_any_phase_of_a_move_neither_loses_nor_doubles_anything() {
    for phase in [Phase::Read, Phase::Decide, Phase::Commit, Phase::Apply, Phase::Tell] {
        let mut story = Story::new();
        story.joins(1);
        story.joins(2);
        story.buys(1, data(50_000));
        story.connects(1).unwrap();
        story.downloads(1, 10);
        let crash = Trouble { crash: Some(phase), ..Trouble::default() };
        moves(&mut story, 1, 2, &crash).unwrap();
        let left: Vec<u64> = story
            .world
            .store
            .sessions
            .values()
            .filter(|session| session.is_usable())
            .map(|row| story.world.mgr.session(row.id).unwrap().data_left_bytes().unwrap())
            .collect();
        assert_eq!(left, [40_000], "{phase:?}");
    }
}

#[test]
fn a_moved_session_still_saves_to_its_source_with_a_higher_number() {
    let mut story = Story::new();
    story.joins(1);
    story.joins(2);
    let old = story.gets(1, data(50_000), Some("there"));
    story.connects_if(1, Some(&says(data(50_000), 0))).unwrap();
    story.downloads(1, 5);
    let fresh = moves(&mut story, 1, 2, &Trouble::default()).unwrap();
    let outbox = &story.world.store.outbox;
    assert!(outbox.iter().all(|owed| owed.session != old || owed.state != "closed"), "it is not over");
    let last = outbox.iter().rfind(|owed| owed.session == fresh[0]).unwrap();
    assert_eq!((last.usage.data_bytes(), last.reference.as_str()), (5_000, "there"));
    let before = outbox.iter().filter(|owed| owed.session == old).map(|owed| owed.seq).max();
    assert!(before.is_none_or(|seq| seq < last.seq));
}

/// A session that goes on slowly for ten seconds.
fn slowing(story: &mut Story, phone: u8) -> SessionId {
    let id = SessionId::new(story.world.id());
    let rates = ClientRates { down: Some(mbps(0.5)), up: None };
    let at_end = AtEnd::Slow(SlowEnd { rates, lasts_ms: 10_000 });
    let data = SourceData { at_end, plan: Some("day".to_owned()), ..SourceData::new(data(10_000)) };
    let new = NewSession { id, device: story.device(phone), provider: ProviderName::new("free"), data };
    story
        .world
        .group(vec![Command::CreateSession(Box::new(new))], &Trouble::default())
        .pop()
        .unwrap()
        .unwrap();
    id
}

#[test]
fn what_is_used_up_goes_on_slowly_and_then_ends() {
    let mut story = Story::new();
    story.joins(1);
    let session = slowing(&mut story, 1);
    story.connects(1).unwrap();
    assert_eq!(story.downloads(1, 20), 10_000);
    story.seconds(1);
    let slow = story.runs(1).unwrap();
    assert_eq!((slow, story.state(session).as_str()), (session.successor(), "consumed"));
    assert_eq!(story.row(slow).terms.down, Some(mbps(0.5)));
    assert_eq!(story.row(slow).plan.as_deref(), Some("day"));
    assert!(story.online(1));
    story.seconds(9);
    assert!(story.online(1));
    story.seconds(2);
    assert!(!story.online(1), "the slow one has no successor");
    assert_eq!(story.state(slow), "consumed");
}

#[test]
fn what_was_bought_comes_before_what_is_slow() {
    let mut story = Story::new();
    story.joins(1);
    let session = slowing(&mut story, 1);
    let bought = story.buys(1, time(60));
    story.connects(1).unwrap();
    story.downloads(1, 20);
    story.seconds(1);
    assert_eq!(story.runs(1), Some(bought));
    assert_eq!(story.state(session.successor()), "available");
}

#[test]
fn buying_ends_the_slow_part_at_once_and_what_is_left_of_it_waits() {
    let mut story = Story::new();
    story.joins(1);
    let session = slowing(&mut story, 1);
    story.connects(1).unwrap();
    story.downloads(1, 20);
    story.seconds(4);
    let slow = session.successor();
    assert_eq!(story.runs(1), Some(slow));
    let bought = story.buys(1, time(5));
    assert_eq!((story.runs(1), story.state(slow).as_str()), (Some(bought), "paused asked"));
    assert!(story.online(1));
    story.seconds(6);
    assert_eq!((story.runs(1), story.state(bought).as_str()), (Some(slow), "consumed"));
    let left = story.row(slow).time_left_ms().unwrap();
    assert!((4_000..8_000).contains(&left), "{left} ms of ten seconds");
}

#[test]
fn a_move_takes_along_how_a_session_goes_on_that_its_last_books_ended() {
    let mut story = Story::new();
    story.joins(1);
    story.joins(2);
    slowing(&mut story, 1);
    story.connects(1).unwrap();
    // Used up, and nobody has looked yet.
    story.downloads(1, 20);
    moves(&mut story, 1, 2, &Trouble::default()).unwrap();
    let left = story.connects(2).unwrap();
    assert!(story.row(left).slowed && story.row(left).plan.as_deref() == Some("day"));
    assert_eq!(story.connects(1), Err(Refusal::NoSession));
}

#[test]
fn the_end_by_itself_asks_for_more_and_an_operators_does_not() {
    let mut story = Story::new();
    let device = story.joins(1);
    let session = story.buys(1, time(5));
    story.connects(1).unwrap();
    let text = Text::new("enough");
    let close = Command::CloseSession { session, reason: turnpike::domain::CloseReason::Operator, text };
    assert!(story.transition(close).wants_connect.is_empty());

    let mut story = Story::new();
    let device_too = story.joins(1);
    story.buys(1, time(5));
    story.connects(1).unwrap();
    story.world.pass(6_000);
    let now = story.world.now();
    for key in story.world.mgr.running_keys() {
        story.world.kernel.shut(key);
        let reading = story.world.kernel.read(key, now.boot).unwrap();
        story.world.mgr.settle(key, &reading, true, now.boot);
    }
    let ended = story.world.mgr.handle_timeout(device_too, now).unwrap();
    assert_eq!(ended.wants_connect, [device_too]);
    assert_eq!(device, device_too, "the same first id in both stories");
}

/// A connect of phone 1 with what the authenticators said of a session.
fn judged(story: &Story, session: SessionId, verdict: Result<Allowed, Refusal>) -> Command {
    let verdict = Some(AuthAnswer { session, verdict });
    Command::Connect { device: story.device(1), notify: None, answer: None, verdict }
}

#[test]
fn nobody_is_let_through_before_the_authenticators_have_spoken() {
    let mut story = Story::new();
    story.joins(1);
    let session = story.buys(1, time(60));
    story.world.mgr.ask_authenticators(true);
    let now = story.world.now();
    let device = story.device(1);
    let connect = Command::Connect { device, notify: None, answer: None, verdict: None };
    let asked = story.world.mgr.handle(connect, now).unwrap();
    assert!(asked.is_empty(), "{asked:?}");
    let Outcome::AskAuthenticators(about) = asked.outcome else { panic!("{:?}", asked.outcome) };
    assert_eq!(about.id, session);

    let before = story.row(session).clone();
    let denied = Refusal::Denied(Text::new("not today"));
    let veto = judged(&story, session, Err(denied.clone()));
    assert_eq!(story.world.mgr.handle(veto, now).unwrap_err(), denied);
    assert!(!story.online(1));
    assert_eq!(story.row(session), &before, "a veto leaves everything as it was");

    let another = SessionId::new(story.world.id());
    let of_another = judged(&story, another, Ok(Allowed::default()));
    let again = story.world.mgr.handle(of_another, now).unwrap();
    assert!(matches!(again.outcome, Outcome::AskAuthenticators(_)), "a word on another session is none");

    let properties = [("class".to_owned(), Some("7b".to_owned()))].into();
    let allowed = Allowed {
        roles: RolePatch { add: ["pupil".to_owned()].into(), remove: Default::default() },
        properties: PropertyPatch::new(properties).unwrap(),
    };
    let command = judged(&story, session, Ok(allowed));
    story.world.group(vec![command], &Trouble::default()).pop().unwrap().unwrap();
    assert!(story.online(1));
    let row = story.row(session);
    assert_eq!((row.properties["class"].as_str(), row.roles.contains("pupil")), ("7b", true));
}

#[test]
fn who_would_be_let_through_as_it_joins_is_asked_about_first() {
    let mut zone = plain_zone("cafe");
    zone.auto_connect = true;
    let mut story = Story::in_zone(zone);
    story.joins(1);
    let session = story.buys(1, time(60));
    story.leaves(1);
    story.world.mgr.ask_authenticators(true);
    let device = story.joins(1);
    assert_eq!((story.state(session).as_str(), story.online(1)), ("available", false));
    story.leaves(1);
    let seen = Command::Seen {
        fresh: device,
        fresh_session: SessionId::new(story.world.id()),
        mac: super::names::mac(1),
        zone: super::names::zone("cafe"),
        address: Some(super::names::address(1)),
        attached: None,
        hostname: None,
        alive: true,
    };
    assert_eq!(story.transition(seen).wants_connect, [device]);
}

#[test]
fn guards_and_the_sale_learn_which_session_they_are_for() {
    let mut story = Story::new();
    let device = story.joins(1);
    let id = SessionId::new(story.world.id());
    let nobody = SessionId::new(uuid::Uuid::nil());
    let grant = PeriodGrant {
        subject: "device 1".to_owned(),
        plan: "day".to_owned(),
        period: WallTime(0),
        most: 1,
        session: nobody,
    };
    let sale = Sale {
        id: uuid::Uuid::nil(),
        at: WallTime(1),
        seller: Text::new("coinslot/1"),
        item: SaleItem::Coins,
        plan: None,
        voucher: None,
        device: None,
        session: None,
        amount: Money(500),
        note: None,
    };
    let guards = vec![
        Guard::Grant(Box::new(grant)),
        Guard::ClaimCredits { credits: vec![1, 2], amount: Money(1), session: nobody, at: WallTime(1) },
    ];
    let data = SourceData { guards, sale: Some(Box::new(sale)), ..SourceData::new(time(60)) };
    let new = NewSession { id, device, provider: ProviderName::new("coin"), data };
    let made = story.transition(Command::CreateSession(Box::new(new)));
    let about: Vec<SessionId> = made
        .guards
        .iter()
        .filter_map(|guard| match guard {
            Guard::Grant(grant) => Some(grant.session),
            Guard::ClaimCredits { session, .. }
            | Guard::RedeemVoucher { session, .. }
            | Guard::TakeOverVoucher { session, .. } => Some(*session),
            Guard::Once(_)
            | Guard::Account(_)
            | Guard::HoldsVoucher { .. }
            | Guard::Resume { .. }
            | Guard::NothingLeft(..) => None,
        })
        .collect();
    assert_eq!(about, [id, id]);
    let sold = made.changes.iter().find_map(|change| match change {
        Change::Sale(sale) => Some((sale.device, sale.session)),
        _ => None,
    });
    assert_eq!(sold, Some((Some(device), Some(id))));
}

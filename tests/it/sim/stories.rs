use turnpike::domain::sessions_mgr::Command;
use turnpike::domain::{
    Change, CloseReason, DeviceId, PauseReason, Refusal, SessionId, SessionPatch, SessionState, SessionTerms,
    Text, WallTime,
};

use super::names::{mac, mbps, plain_zone};
use super::story::{Story, data, events, gate_ops, says, shape_ops, time};
use super::world::{Phase, Trouble};

#[test]
fn connect_takes_paused_before_available_and_the_oldest_first() {
    let mut story = Story::new();
    story.joins(1);
    let (first, second) = (story.buys(1, time(60)), story.buys(1, time(60)));
    assert_eq!(story.connects(1), Ok(first), "the oldest");
    assert_eq!(story.connects(1), Ok(first), "again: the same");
    story.closes(first);
    assert_eq!(story.runs(1), Some(second), "the next takes over");
    let third = story.buys(1, time(60));
    story.disconnects(1);
    assert_eq!(story.state(second), "paused asked");
    assert_eq!(story.connects(1), Ok(second), "paused before available");
    assert_eq!(story.state(third), "available");
}

#[test]
fn who_cannot_connect_is_told_why() {
    let mut story = Story::new();
    assert_eq!(story.connects(9), Err(Refusal::UnknownDevice));
    story.joins(1);
    assert_eq!(story.connects(1), Err(Refusal::NoSession));
    story.buys(1, time(60));
    story.blocks(1, true);
    assert_eq!(story.connects(1), Err(Refusal::Blocked));
    story.blocks(1, false);
    assert!(story.connects(1).is_ok());
}

#[test]
fn a_disconnected_device_is_charged_nothing_and_goes_on_where_it_stopped() {
    let mut story = Story::new();
    story.joins(1);
    let session = story.buys(1, time(10));
    story.connects(1).unwrap();
    story.seconds(4);
    story.disconnects(1);
    assert!(!story.online(1));
    let used = story.row(session).usage.time_ms;
    story.seconds(600);
    assert_eq!(story.row(session).usage.time_ms, used);
    assert_eq!(used, 4_000);
    story.connects(1).unwrap();
    story.seconds(5);
    assert!(story.online(1));
    story.seconds(1);
    assert_eq!((story.state(session).as_str(), story.online(1)), ("consumed", false));
}

#[test]
fn each_kind_ends_at_its_limit_to_the_byte_and_the_millisecond() {
    let mut both = time(5);
    both.kind = turnpike::domain::SessionKind::TimeOrData;
    both.data_limit_bytes = Some(3_000);
    // terms, packets of 1,000 bytes in the first second, bytes that pass, seconds until it is over
    for (terms, packets, bytes, over_after) in [
        (time(5), 50, 50_000, 5),
        (data(3_000), 50, 3_000, 1),
        (both.clone(), 2, 2_000, 5),
        (both, 50, 3_000, 1),
    ] {
        let mut story = Story::new();
        story.joins(1);
        let session = story.buys(1, terms);
        story.connects(1).unwrap();
        assert_eq!(story.downloads(1, packets), bytes);
        story.world.advance(over_after * 1_000 - 2);
        let early = story.state(session);
        story.world.advance(2);
        assert_eq!(story.state(session), "consumed");
        assert_eq!(story.row(session).usage.data_bytes(), bytes);
        assert!(over_after == 1 || early == "running", "not before its time");
        assert!(!story.online(1));
    }
}

#[test]
fn what_comes_next_takes_over_when_time_or_data_ends() {
    for first in [time(2), data(5_000)] {
        let mut story = Story::new();
        story.joins(1);
        let (first, second) = (story.buys(1, first), story.buys(1, data(20_000)));
        story.connects(1).unwrap();
        let mut passed = 0;
        for _ in 0..4 {
            passed += story.downloads(1, 4);
            story.seconds(1);
        }
        assert_eq!((story.state(first).as_str(), story.runs(1)), ("consumed", Some(second)));
        let charged = story.row(first).usage.data_bytes() + story.row(second).usage.data_bytes();
        assert_eq!(charged, passed, "each byte is charged once");
        assert!(passed > 10_000, "{passed} bytes passed");
    }
}

#[test]
fn a_top_up_swaps_the_element_and_a_new_speed_touches_the_class_alone() {
    let mut story = Story::new();
    story.joins(1);
    let mut terms = data(5_000);
    terms.down = Some(mbps(5.0));
    let session = story.buys(1, terms);
    story.connects(1).unwrap();
    story.downloads(1, 3);
    let top_up = SessionPatch { add_data_bytes: 4_000, ..SessionPatch::default() };
    let transition = story.transition(Command::UpdateSession { session, patch: top_up });
    assert_eq!((gate_ops(&transition), shape_ops(&transition)), (vec!["swap"], vec![]));
    assert_eq!(events(&transition), ["session_changed"]);
    let faster = SessionPatch { down: Some(Some(mbps(20.0))), ..SessionPatch::default() };
    let transition = story.transition(Command::UpdateSession { session, patch: faster });
    assert_eq!((gate_ops(&transition), shape_ops(&transition)), (vec![], vec!["set"]));
    let same = story.transition(Command::UpdateSession { session, patch: SessionPatch::default() });
    assert!(same.is_empty(), "what changes nothing does nothing: {same:?}");
}

#[test]
fn a_limit_is_never_below_what_is_used_nor_of_another_kind() {
    let mut story = Story::new();
    story.joins(1);
    let session = story.buys(1, data(5_000));
    story.connects(1).unwrap();
    story.downloads(1, 3);
    let to = |bytes| SessionPatch { data_limit_bytes: Some(bytes), ..SessionPatch::default() };
    assert!(matches!(story.changes(session, to(2_999)), Err(Refusal::BelowUsed { field: "data_mb", .. })));
    let hours = SessionPatch { add_time_ms: 1_000, ..SessionPatch::default() };
    assert!(matches!(story.changes(session, hours), Err(Refusal::NotOfThisKind { .. })));
    assert_eq!(story.changes(session, to(4_000)), Ok(()));
    assert_eq!(story.downloads(1, 9), 1_000, "what is left of the lower limit");
    let nobody = SessionId::new(uuid::Uuid::nil());
    assert_eq!(story.changes(nobody, to(1)), Err(Refusal::UnknownSession));
}

#[test]
fn blocking_deleting_and_closing_cut_off_at_once() {
    for how in ["block", "delete device", "delete session", "close"] {
        let mut story = Story::new();
        let device = story.joins(1);
        let session = story.buys(1, data(9_000));
        story.connects(1).unwrap();
        story.downloads(1, 2);
        match how {
            "block" => story.blocks(1, true),
            "delete device" => story.forgets(1),
            "delete session" => story.deletes(session),
            _ => story.closes(session),
        }
        assert!(!story.online(1), "{how}");
        let row =
            story.world.store.sessions.get(&session).map(|row| (row.state.as_str(), row.usage.data_bytes()));
        let known = story.world.store.devices.contains_key(&device);
        let expected = match how {
            "block" => (true, Some(("paused", 2_000))),
            "delete device" => (false, None),
            "delete session" => (true, None),
            _ => (true, Some(("closed", 2_000))),
        };
        assert_eq!((known, row), expected, "{how}");
    }
}

#[test]
fn a_device_is_registered_by_its_mac_once() {
    let mut story = Story::new();
    let register = |story: &mut Story| {
        let id = DeviceId::new(story.world.id());
        let command = Command::RegisterDevice { id, mac: mac(1), alias: Some(Text::new("Ana")), zone: None };
        story.world.group(vec![command], &Trouble::default()).pop().unwrap().map(|_| id)
    };
    let id = register(&mut story).unwrap();
    assert_eq!(register(&mut story), Err(Refusal::DeviceExists));
    assert_eq!(story.joins(1), id, "the same when it is seen");
    assert!(story.world.mgr.device(id).unwrap().key.is_some());
}

#[test]
fn who_is_trusted_or_connected_by_itself_is_let_through_as_it_joins() {
    let mut trusting = plain_zone("cafe");
    trusting.trusted = [mac(1)].into();
    let mut story = Story::in_zone(trusting);
    story.joins(1);
    assert!(story.online(1));
    assert_eq!(story.row(story.runs(1).unwrap()).terms, SessionTerms::unlimited());

    let mut automatic = plain_zone("cafe");
    automatic.auto_connect = true;
    let mut story = Story::in_zone(automatic);
    story.joins(1);
    assert_eq!(story.runs(1), None, "nothing to run");
    let session = story.buys(1, time(60));
    story.leaves(1);
    story.joins(1);
    assert_eq!(story.runs(1), Some(session));
}

#[test]
fn who_leaves_or_is_idle_is_paused_and_loses_no_minutes() {
    let mut zone = plain_zone("cafe");
    zone.away_pause_secs = Some(3);
    zone.idle_timeout_secs = Some(10);
    let mut story = Story::in_zone(zone);
    story.joins(1);
    let session = story.buys(1, time(60));
    story.connects(1).unwrap();
    story.leaves(1);
    story.seconds(5);
    assert_eq!(story.state(session), "paused away");
    let used = story.row(session).usage.time_ms;
    assert!((3_000..=4_000).contains(&used), "{used} ms");
    story.connects(1).unwrap();
    story.seconds(2);
    assert_eq!(story.state(session), "running", "asked for: it gets the time to come back");
    story.joins(1);
    story.seconds(6);
    story.downloads(1, 1);
    story.seconds(9);
    assert_eq!(story.state(session), "running");
    story.seconds(3);
    assert_eq!(story.state(session), "paused idle");
}

#[test]
fn after_a_reboot_it_goes_on_when_the_device_is_seen() {
    let mut story = Story::new();
    story.joins(1);
    story.joins(2);
    let (first, second) = (story.buys(1, time(60)), story.buys(2, time(60)));
    story.connects(1).unwrap();
    story.seconds(20);
    let wall = story.world.wall;
    story.world.reboot(wall);
    assert_eq!(story.state(first), "paused reboot");
    let used = story.row(first).usage.time_ms;
    assert!((13_000..=20_000).contains(&used), "{used} ms: one flush is lost at most");
    story.seconds(100);
    assert_eq!(story.row(first).usage.time_ms, used);
    story.joins(1);
    story.joins(2);
    assert_eq!((story.runs(1), story.runs(2)), (Some(first), None));
    assert_eq!(story.state(second), "available");
}

#[test]
fn days_end_a_session_by_a_clock_that_can_be_believed() {
    const DAY: i64 = 86_400_000;
    let mut story = Story::new();
    story.joins(1);
    let mut terms = time(3_600);
    terms.exp_days = Some(2);
    let session = story.buys(1, terms);
    story.connects(1).unwrap();
    story.seconds(1);
    story.world.step_wall(9_000 * DAY);
    story.seconds(20);
    assert_eq!(story.state(session), "running", "nobody believes that");
    story.world.right_wall();
    story.world.step_wall(-60 * 365 * DAY);
    story.seconds(20);
    assert_eq!(story.state(session), "running");
    story.world.right_wall();
    story.disconnects(1);
    story.world.pass(2 * 86_400_000);
    story.seconds(20);
    assert_eq!(story.state(session), "expired");
    assert_eq!(story.connects(1), Err(Refusal::NoSession));
}

#[test]
fn providers_are_asked_when_there_is_nothing_and_a_source_before_it_runs() {
    let mut story = Story::new();
    story.joins(1);
    let offered = story.connects_if(1, Some(&says(data(9_000), 2_000))).unwrap();
    assert_eq!(story.downloads(1, 20), 7_000, "what is left of the offer");
    assert_eq!(story.row(offered).source.as_deref(), Some("there"));
    story.seconds(2);
    assert_eq!(story.state(offered), "consumed");
    let sourced = story.gets(1, data(1_000), Some("there"));
    let own = story.buys(1, data(1_000));
    assert_eq!(story.connects_if(1, Some(&says(data(1_000), 1_000))), Ok(own), "the source says: used up");
    story.closes(own);
    story.changes(sourced, SessionPatch { add_data_bytes: 2_000, ..SessionPatch::default() }).unwrap();
    assert_eq!(story.connects_if(1, None), Ok(sourced), "no answer changes nothing");
}

#[test]
fn usage_goes_back_to_its_source_in_order_also_across_a_crash() {
    let mut story = Story::new();
    story.joins(1);
    let session = story.gets(1, data(90_000), Some("there"));
    story.connects(1).unwrap();
    for _ in 0..3 {
        story.downloads(1, 5);
        story.seconds(6);
        story.world.restart();
    }
    story.disconnects(1);
    let owed = &story.world.store.outbox;
    assert!(owed.len() >= 4, "{owed:?}");
    assert!(owed.windows(2).all(|pair| pair[0].seq < pair[1].seq), "{owed:?}");
    let last = owed.last().unwrap();
    assert_eq!((last.session, last.usage.data_bytes(), last.state), (session, 15_000, "paused"));
}

#[test]
fn usage_is_flushed_in_bounded_portions() {
    let mut story = Story::new();
    for phone in 1..=5 {
        story.joins(phone);
        story.buys(phone, time(600));
        story.connects(phone).unwrap();
    }
    story.world.pass(6_000);
    let now = story.world.now();
    let written = |story: &mut Story| {
        let transition = story.world.mgr.housekeeping(now, 2, &Default::default());
        transition.changes.iter().filter(|change| matches!(change, Change::Usage(_))).count()
    };
    for (device, want) in story.world.mgr.due(now) {
        let turnpike::domain::sessions_mgr::Want::Read(key) = want else {
            panic!("{device} is not at its end")
        };
        let reading = story.world.kernel.read(key, now.boot).unwrap();
        story.world.mgr.settle(key, &reading, false, now.boot);
    }
    assert_eq!([(); 4].map(|()| written(&mut story)), [2, 2, 1, 0]);
}

#[test]
fn with_the_first_limit_every_client_of_the_zone_has_a_class_and_keeps_it() {
    let mut story = Story::new();
    for phone in [1, 2] {
        story.joins(phone);
        let mut terms = time(600);
        terms.down = (phone == 2).then(|| mbps(5.0));
        story.buys(phone, terms);
    }
    story.connects(1).unwrap();
    assert!(story.world.kernel.classes.is_empty(), "nothing is limited");
    story.connects(2).unwrap();
    assert_eq!(story.world.kernel.classes.len(), 2);
    story.world.restart();
    assert_eq!(story.world.kernel.classes.len(), 2, "also after a restart");
}

#[test]
fn a_crash_at_any_phase_of_connect_and_disconnect_loses_no_byte() {
    for phase in [Phase::Read, Phase::Decide, Phase::Commit, Phase::Apply, Phase::Tell] {
        let mut story = Story::new();
        let device = story.joins(1);
        let session = story.buys(1, data(50_000));
        let crash = Trouble { crash: Some(phase), ..Trouble::default() };
        let connect = Command::Connect { device, notify: None, answer: None, verdict: None };
        story.world.group(vec![connect], &crash);
        story.connects(1).unwrap();
        let passed = story.downloads(1, 10);
        let disconnect = Command::Disconnect { device, notify: None, reason: PauseReason::Asked };
        story.world.group(vec![disconnect], &crash);
        story.disconnects(1);
        assert_eq!(story.row(session).usage.data_bytes(), passed, "{phase:?}");
        assert_eq!((passed, story.online(1)), (10_000, false), "{phase:?}");
    }
}

#[test]
fn what_store_or_kernel_refuse_has_not_happened() {
    for (store_fails, kernel_refuses) in [(true, None), (false, Some(0))] {
        let mut story = Story::new();
        let device = story.joins(1);
        let session = story.buys(1, data(50_000));
        let trouble = Trouble { store_fails, kernel_refuses, ..Trouble::default() };
        let connect = Command::Connect { device, notify: None, answer: None, verdict: None };
        let answer = story.world.group(vec![connect], &trouble).pop().unwrap();
        assert!(matches!(answer, Err(Refusal::Store(_) | Refusal::Kernel(_))), "{answer:?}");
        assert_eq!((story.state(session).as_str(), story.online(1)), ("available", false));
        assert_eq!(story.connects(1), Ok(session));
        assert!(story.online(1));
    }
}

#[test]
fn the_texts_and_events_of_a_session_come_in_order() {
    let mut story = Story::new();
    let device = story.joins(1);
    let session = story.buys(1, time(60));
    let notify = Some(Text::new("hello"));
    let connect =
        story.transition(Command::Connect { device, notify: notify.clone(), answer: None, verdict: None });
    assert_eq!(events(&connect), ["session_connected", "device_connected"]);
    assert_eq!(connect.notices, [(device, Text::new("hello"))]);
    let disconnect = Command::Disconnect { device, notify, reason: PauseReason::Asked };
    let disconnect = story.transition(disconnect);
    assert_eq!(events(&disconnect), ["session_disconnected", "session_paused", "device_disconnected"]);
    let connect = story.transition(Command::Connect { device, notify: None, answer: None, verdict: None });
    assert_eq!(events(&connect), ["session_resumed", "device_connected"]);
    let close = Command::CloseSession { session, reason: CloseReason::Revoked, text: Text::new("why") };
    let close = story.transition(close);
    assert_eq!(events(&close), ["session_closed", "device_disconnected"]);
    let row = close.changes.iter().rev().find_map(|change| match change {
        Change::Session(row) => Some(row),
        _ => None,
    });
    let row = row.unwrap_or_else(|| panic!("{:?}", close.changes));
    assert_eq!(row.state, SessionState::Closed(CloseReason::Revoked, Text::new("why")));
    assert!(row.ended_at > Some(WallTime(0)));
}

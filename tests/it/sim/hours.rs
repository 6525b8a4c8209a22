//! Opening hours: who is cut off, when, what it costs, and who is let back in.

use turnpike::domain::sessions_mgr::{AuthAnswer, Command, DevicePatch, ZoneOpening};
use turnpike::domain::{
    Allowed, BootTime, DeviceId, OpeningHours, OpeningLine, Outcome, Refusal, Text, WallTime, When,
    ZonePolicy,
};

use super::names::{FREE, mac, plain_zone};
use super::story::{Story, time};
use super::world::Trouble;

/// A zone that closes 60 seconds after the story begins, at 08:01 on Friday, 15 January 2027, and opens at 08:05.
fn cafe() -> ZonePolicy {
    ZonePolicy { open: hours(&["mon-sun 08:05-08:01"]), ..plain_zone("cafe") }
}

fn hours(lines: &[&str]) -> OpeningHours {
    OpeningHours::new(lines.iter().map(|line| OpeningLine::parse(line).unwrap()).collect())
}

fn automatic() -> ZonePolicy {
    ZonePolicy { auto_connect: true, ..cafe() }
}

impl Story {
    /// Time goes on to so many milliseconds after the story began.
    fn until(&mut self, millis: u64) {
        let now = self.world.boot.millis_since(BootTime(30_000));
        self.world.advance(millis - now);
    }

    /// The same while the daemon is dead or stands still.
    fn until_unwatched(&mut self, millis: u64) {
        let now = self.world.boot.millis_since(BootTime(30_000));
        self.world.pass(millis - now);
    }
}

#[test]
fn who_is_online_is_paused_as_it_closes_and_is_charged_what_it_used() {
    let mut story = Story::in_zone(cafe());
    story.joins(1);
    let session = story.buys(1, time(600));
    story.until(10_000);
    story.connects(1).unwrap();
    assert_eq!(story.connects(1), Ok(session), "again: the same");
    story.until(59_999);
    assert!(story.online(1));
    story.until(60_000);
    assert!(!story.online(1));
    assert_eq!(
        (story.state(session).as_str(), story.row(session).usage.time_ms),
        ("paused opening_hours", 50_000)
    );
    let refused = Refusal::Closed { opens: When::Today(8, 5), retry_secs: 240 };
    assert_eq!(refused.to_string(), "this network is closed now; it is open again at 08:05");
    assert_eq!(story.connects(1), Err(refused));
    let other = story.buys(1, time(60));
    assert_eq!(story.state(other), "available", "what is bought meanwhile waits");
    story.until(299_999);
    assert!(story.connects(1).is_err());
    story.until(300_000);
    assert_eq!((story.runs(1), story.state(session).as_str()), (None, "paused opening_hours"), "it asks");
    assert_eq!(story.connects(1), Ok(session));
    story.until(310_000);
    story.disconnects(1);
    assert_eq!(story.row(session).usage.time_ms, 60_000);
}

#[test]
fn where_devices_are_let_in_by_themselves_they_are_as_it_opens() {
    let mut story = Story::in_zone(automatic());
    for phone in 1..=5 {
        story.joins(phone);
        story.buys(phone, time(600));
        story.connects(phone).unwrap();
    }
    story.leaves(3);
    story.disconnects(4);
    story.until(60_000);
    story.blocks(5, true);
    // One that comes while it is closed, and one that leaves meanwhile.
    story.joins(6);
    story.buys(6, time(600));
    story.leaves(6);
    story.joins(6);
    // One that gets something only after it came.
    story.joins(7);
    story.buys(7, time(600));
    assert_eq!((1..=7).filter(|phone| story.runs(*phone).is_some()).count(), 0);
    story.leaves(2);
    story.until(300_000);
    story.world.advance(10);
    let online: Vec<u8> = (1..=7).filter(|phone| story.online(*phone)).collect();
    assert_eq!(online, [1, 6, 7], "not who is away, was disconnected, or is blocked");
    story.joins(2);
    assert!(story.online(2), "as ever");
}

#[test]
fn they_are_let_in_a_few_at_a_time_and_none_is_lost() {
    let mut story = Story::in_zone(automatic());
    for phone in 1..=5 {
        story.joins(phone);
        story.buys(phone, time(600));
        story.connects(phone).unwrap();
    }
    story.until(299_999);
    story.until_unwatched(300_001);
    let online = |story: &mut Story| (1..=5).filter(|phone| story.online(*phone)).collect::<Vec<u8>>();
    assert!(online(&mut story).is_empty());
    // A command of the same group has changed one of them: each step can be taken back without the other.
    let patch = DevicePatch { alias: Some(Some(Text::new("Ana"))), ..DevicePatch::default() };
    let named = Command::UpdateDevice { device: story.device(1), patch };
    story.world.group(vec![named], &Trouble::default()).pop().unwrap().unwrap();
    assert_eq!(online(&mut story), [2, 3]);
    // The store cannot write: nobody of this group is let in, and all of them are a second later.
    story.world.pass(1);
    story.world.group(Vec::new(), &Trouble { store_fails: true, ..Trouble::default() });
    assert_eq!(online(&mut story), [2, 3]);
    story.until(300_500);
    assert_eq!(online(&mut story), [2, 3, 5]);
    story.until(301_100);
    assert_eq!(online(&mut story), [1, 2, 3, 4, 5]);
}

/// What the daemon does where the authenticators are asked: housekeeping names whom to ask about, and the connect comes back
/// with their word. Who was asked about.
fn asks_and_hears(story: &mut Story, allows: bool, store_fails: bool) -> Vec<DeviceId> {
    let now = story.world.now();
    let housekeeping = story.world.mgr.housekeeping(now, 10, &Default::default());
    for device in housekeeping.wants_connect.clone() {
        let connect = |verdict| Command::Connect { device, notify: None, answer: None, verdict };
        let asked = story.world.mgr.handle(connect(None), now).unwrap();
        let Outcome::AskAuthenticators(about) = asked.outcome else { panic!("{:?}", asked.outcome) };
        let no = Refusal::Denied(Text::new("not today"));
        let verdict = if allows { Ok(Allowed::default()) } else { Err(no) };
        let heard = AuthAnswer { session: about.id, verdict };
        let trouble = Trouble { store_fails, ..Trouble::default() };
        let answer = story.world.group(vec![connect(Some(heard))], &trouble).pop().unwrap();
        assert_eq!(answer.is_ok(), allows && !store_fails, "{answer:?}");
    }
    housekeeping.wants_connect
}

#[test]
fn who_waits_for_the_authenticators_is_not_lost_to_a_store_that_cannot_write() {
    for allows in [true, false] {
        let mut story = Story::in_zone(automatic());
        let device = story.joins(1);
        story.buys(1, time(600));
        story.connects(1).unwrap();
        story.world.mgr.ask_authenticators(true);
        story.until(299_999);
        assert!(!story.online(1));
        story.until_unwatched(300_001);
        assert_eq!(asks_and_hears(&mut story, true, true), [device]);
        assert!(!story.online(1));
        assert!(asks_and_hears(&mut story, true, false).is_empty(), "not without a pause");
        story.until_unwatched(309_000);
        assert!(asks_and_hears(&mut story, true, false).is_empty(), "nor each second");
        story.until_unwatched(311_000);
        assert_eq!(asks_and_hears(&mut story, allows, false), [device]);
        assert_eq!(story.online(1), allows);
        story.until_unwatched(400_000);
        assert!(asks_and_hears(&mut story, true, false).is_empty(), "connected, or refused");
    }
}

#[test]
fn a_reload_while_the_clock_is_wrong_keeps_the_hours() {
    let mut story = Story::in_zone(automatic());
    story.joins(1);
    story.buys(1, time(6_000));
    story.connects(1).unwrap();
    story.until(100_000);
    story.world.last_believed = Some(story.world.now());
    story.world.step_wall(-730 * 86_400_000);
    story.world.advance(1_000);
    story.world.restart();
    story.joins(1);
    assert!(!story.online(1));
    let refused = Refusal::Closed { opens: When::Today(8, 5), retry_secs: 199 };
    assert_eq!(story.connects(1), Err(refused), "in words by the time that is believed");
    story.until(300_010);
    assert!(story.online(1));
}

#[test]
fn the_kernel_closes_alone_and_nothing_after_that_is_charged() {
    for (restarts_at, runs) in [(100_000, false), (400_000, false)] {
        let mut story = Story::in_zone(cafe());
        story.joins(1);
        let session = story.buys(1, time(90));
        story.connects(1).unwrap();
        story.until(20_000);
        story.until_unwatched(60_049);
        assert!(story.online(1), "the kernel's grace");
        story.until_unwatched(60_050);
        assert!(!story.online(1));
        story.until_unwatched(restarts_at);
        story.world.restart();
        story.world.advance(1);
        assert_eq!(story.runs(1).is_some(), runs);
        assert_eq!(story.row(session).usage.time_ms, 60_000 - 1, "bought after a millisecond");
        assert_eq!(story.state(session), "paused opening_hours");
    }
}

#[test]
fn a_daemon_that_stands_still_over_a_closing_charges_nothing_of_it() {
    for (zone, wakes_at, runs) in
        [(cafe(), 100_000, false), (cafe(), 400_000, false), (automatic(), 400_000, true)]
    {
        let mut story = Story::in_zone(zone);
        story.joins(1);
        let session = story.buys(1, time(90));
        story.connects(1).unwrap();
        story.until(20_000);
        story.until_unwatched(wakes_at);
        assert!(!story.online(1));
        story.world.advance(1_000);
        assert_eq!(story.runs(1).is_some(), runs);
        let used = story.row(session).usage.time_ms;
        assert!((60_000 - 1..=60_000 + 1_000 * u64::from(runs)).contains(&used), "{used}");
    }
}

#[test]
fn what_is_at_its_end_as_it_closes_is_over_and_nothing_takes_its_place() {
    let mut story = Story::in_zone(cafe());
    story.joins(1);
    let first = story.buys(1, time(50));
    let second = story.buys(1, time(600));
    story.until(10_000);
    story.connects(1).unwrap();
    story.until(60_001);
    assert_eq!(story.state(first), "consumed");
    assert_eq!((story.state(second).as_str(), story.row(second).usage.time_ms), ("available", 0));
    story.world.restart();
    assert!(!story.online(1));
}

#[test]
fn trusted_devices_stay_and_those_that_are_free_of_charge_do_not() {
    let mut zone = automatic();
    zone.trusted = [mac(1)].into();
    let mut story = Story::in_zone(zone);
    let device = story.joins(2);
    let session = story.buys(2, time(5));
    story.connects(2).unwrap();
    let patch = DevicePatch { roles: Some([FREE.to_owned()].into()), ..DevicePatch::default() };
    let free = Command::UpdateDevice { device, patch };
    story.world.group(vec![free], &Default::default()).pop().unwrap().unwrap();
    story.joins(1);
    assert!(story.online(1) && story.online(2));
    story.until(60_000);
    assert!(story.online(1) && !story.online(2));
    assert_eq!(story.state(session), "paused opening_hours");
    story.leaves(1);
    story.disconnects(1);
    story.joins(1);
    assert!(story.online(1), "it comes as it likes");
    assert!(story.connects(1).is_ok());
}

#[test]
fn while_no_clock_could_be_believed_it_is_open() {
    let mut story = Story::in_zone(automatic());
    story.joins(1);
    let session = story.buys(1, time(6_000));
    story.until(100_000);
    assert!(story.connects(1).is_err());
    story.world.reboot(WallTime(0));
    let opening = |story: &Story| story.world.mgr.openings(story.world.now())[0].1;
    assert_eq!(opening(&story), ZoneOpening { is_open: true, changes_at: None, changes_in_ms: None });
    story.joins(1);
    story.world.advance(100_000);
    assert!(story.online(1));
    // NTP answers: it is 08:03.
    story.world.right_wall();
    assert_eq!(story.world.wall, WallTime(1_800_000_200_000));
    story.world.advance(1_000);
    assert!(!story.online(1) && !opening(&story).is_open);
    assert_eq!(story.state(session), "paused opening_hours");
    story.world.advance(100_000);
    assert!(story.online(1));
}

#[test]
fn a_clock_that_is_set_opens_and_closes_and_one_that_is_wrong_does_not() {
    let mut story = Story::in_zone(automatic());
    story.joins(1);
    story.buys(1, time(6_000));
    story.connects(1).unwrap();
    story.until(10_000);
    story.world.step_wall(60_000);
    story.world.advance(1_000);
    assert!(!story.online(1), "it is 08:01:11");
    story.world.step_wall(240_000);
    story.world.advance(1_000);
    assert!(story.online(1), "it is 08:05:12");
    // A day ahead is not believed at once, and a step back is not until it is later than it ever was: time goes on.
    story.world.step_wall(9_000 * 86_400_000 + 12 * 3_600_000);
    story.world.advance(10_000);
    assert!(story.online(1));
    story.world.step_wall(-9_000 * 86_400_000 - 12 * 3_600_000 - 180_000);
    story.world.advance(10_000);
    assert!(story.online(1), "the clock shows 08:02:32, which is over");
}

#[test]
fn a_clock_that_is_corrected_by_a_little_does_not_open_again() {
    for slew in [-900, -400, 400, 900] {
        let mut story = Story::in_zone(automatic());
        story.joins(1);
        let session = story.buys(1, time(600));
        story.connects(1).unwrap();
        story.until(58_000);
        story.world.step_wall(slew);
        story.until(60_000);
        assert!(!story.online(1), "{slew}");
        for _ in 0..30 {
            story.world.advance(100);
            assert!(!story.online(1), "{slew}");
        }
        assert_eq!(story.row(session).usage.time_ms, 60_000 - 1);
        story.world.advance(240_000);
        assert!(story.online(1), "{slew}");
    }
}

#[test]
fn who_comes_into_a_zone_that_is_closed_is_cut_off() {
    let mut story = Story::in_zone(cafe());
    story.world.zones.push(plain_zone("hotel"));
    story.world.restart();
    story.joins(1);
    let session = story.buys(1, time(600));
    story.until(100_000);
    story.moves_to(1, "hotel");
    story.connects(1).unwrap();
    story.until(110_000);
    assert!(story.online(1));
    story.moves_to(1, "cafe");
    story.world.advance(1);
    assert!(!story.online(1));
    assert_eq!(story.state(session), "paused opening_hours");
    story.moves_to(1, "hotel");
    assert_eq!(story.connects(1), Ok(session));
}

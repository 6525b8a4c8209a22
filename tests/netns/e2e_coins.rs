//! Coins through the real daemon: two phones at one slot, and `kill -9` at any point of a sale.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{Daemon, DaemonConfig, HttpAnswer, HttpRequest, LAN4, Lab, Phone, eventually};

const SECOND: Duration = Duration::from_secs(1);
/// How long a page may take to show what is on disk.
const SOON: Duration = Duration::from_secs(5);

/// A slot of which a pulse is 1.00; 5.00 is an hour, 1.00 ten minutes.
struct Slot<'lab> {
    daemon: Daemon<'lab>,
    wire: PathBuf,
    /// The time on the wire.
    wire_ms: u64,
}

fn config(lab: &Lab) -> DaemonConfig {
    let pipe = lab.dir.path().join("coins").display().to_string();
    let slot = format!(
        "away_pause_secs = 60\n[[coinslot]]\nname = \"1\"\npipe = \"{pipe}\"\n\
         debounce_ms = 5\ntrain_gap_ms = 50\npulses = [[1, \"1\"], [5, \"5\"]]\n\
         rates = [{{ amount = \"5\", time_secs = 3600 }}, {{ amount = \"1\", time_secs = 600 }}]\n\
         [site]\ncurrency = \"EUR\"\n"
    );
    DaemonConfig { zone: slot, ..DaemonConfig::default() }
}

impl<'lab> Slot<'lab> {
    fn start(lab: &'lab Lab) -> Self {
        let daemon = Daemon::start_with(lab, &config(lab));
        let wire = lab.dir.path().join("coins");
        assert!(eventually(SOON, || wire.exists()), "{}", daemon.log());
        Self { daemon, wire, wire_ms: 1_000 }
    }

    fn pulses_at(&self, begin_ms: u64, count: u64) {
        let edge = |n: u64| format!("{} {}\n", 1 - n % 2, (begin_ms + 20 * n) * 1_000_000);
        let text: String = (0..2 * count).map(edge).collect();
        // Both ways, so that it never waits; what the daemon has not read dies with it.
        let mut wire = OpenOptions::new().read(true).write(true).open(&self.wire).unwrap();
        wire.write_all(text.as_bytes()).unwrap();
    }

    /// A coin; when it began.
    fn coin(&mut self, pulses: u64) -> u64 {
        self.wire_ms += 10_000;
        self.pulses_at(self.wire_ms, pulses);
        self.wire_ms
    }

    fn credits(&self) -> Vec<Value> {
        self.daemon.get("/api/v1/credits?per_page=1000")["items"].as_array().unwrap().clone()
    }

    /// All that ever came in, and what of it was turned into sessions.
    fn sums(&self) -> (f64, f64) {
        let amount = |credit: &Value| credit["amount"].as_str().unwrap().parse::<f64>().unwrap();
        let all = self.credits();
        let claimed = all.iter().filter(|credit| credit["claimed_at"].is_string()).map(amount).sum();
        (all.iter().map(amount).sum(), claimed)
    }

    /// Seconds of all sessions.
    fn secs(&self) -> f64 {
        let sessions = self.daemon.get("/api/v1/sessions?per_page=1000");
        sessions["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["time_secs"].as_f64().unwrap())
            .sum()
    }
}

fn portal() -> SocketAddr {
    (LAN4, 2050).into()
}

fn try_press(phone: &Phone, form: &str) -> std::io::Result<HttpAnswer> {
    let origin = format!("http://{}", portal());
    HttpRequest::form("/providers/coin-1", form).header("Origin", &origin).send(phone, portal())
}

fn press(phone: &Phone, form: &str) {
    let answer = try_press(phone, form).unwrap();
    assert_eq!(answer.status, 303, "{form}: {answer:?}");
}

fn page(phone: &Phone) -> String {
    HttpRequest::get("/").send(phone, portal()).map_or_else(|_| String::new(), |answer| answer.body)
}

fn shows(phone: &Phone, text: &str) -> bool {
    eventually(SOON, || page(phone).contains(text))
}

#[test]
fn two_phones_at_one_slot_and_the_second_has_it_when_the_first_leaves() {
    let lab = Lab::builder().phones(2).alone().build();
    let mut slot = Slot::start(&lab);
    lab.phones.iter().for_each(|phone| drop(slot.daemon.meet(phone)));
    // Both at once.
    scope(|scope| lab.phones.iter().for_each(|phone| drop(scope.spawn(|| press(phone, "")))));
    let first = usize::from(!page(&lab.phones[0]).contains("Insert coins now"));
    let (first, second) = (&lab.phones[first], &lab.phones[1 - first]);
    assert!(shows(first, "Insert coins now"), "{}", page(first));
    assert!(shows(second, "You are number 1 in line."), "{}", page(second));
    slot.coin(5);
    assert!(shows(first, "5.00 EUR so far: 1 h"), "{}\n{}", page(first), slot.daemon.log());
    // They stay: nothing changes.
    sleep(2 * SECOND);
    assert!(page(second).contains("You are number 1 in line."), "{}", page(second));

    first.ip("link set eth0 down\n");
    let left = Instant::now();
    assert!(shows(second, "Insert coins now"), "{}\n{}", page(second), slot.daemon.log());
    let took = left.elapsed();
    eprintln!("from leaving to the next one at the slot: {took:?}");
    assert!(took < SOON, "{took:?}");
    // What the first one inserted is a session for later.
    let path = format!("/api/v1/devices/{}/sessions", first.mac);
    assert!(eventually(SOON, || slot.daemon.get(&path)["total"] == 1), "{}", slot.daemon.log());
    let session = slot.daemon.get(&path)["items"][0].clone();
    assert_eq!((session["state"].as_str(), session["time_secs"].as_f64()), (Some("available"), Some(3600.0)));

    slot.coin(1);
    assert!(shows(second, "1.00 EUR so far: 10 min"), "{}", page(second));
    press(second, "action=done");
    let device = slot.daemon.get(&format!("/api/v1/devices/{}", second.mac));
    assert_eq!(device["connected"], true, "{device}");
    assert_eq!(slot.sums(), (6.0, 6.0));
    assert_eq!(slot.daemon.get("/api/v1/locks")["total"], 0);
}

#[test]
fn kill_9_at_any_point_of_a_sale_loses_no_money_and_credits_nothing_twice() {
    let lab = Lab::builder().phones(1).alone().build();
    let mut slot = Slot::start(&lab);
    let phone = &lab.phones[0];
    slot.daemon.meet(phone);
    // Killed so many milliseconds after the coin fell, or after "Done" was pressed.
    let before = [0, 20, 40, 50, 55, 60, 65, 70, 80, 120].map(|ms| (ms, false));
    let after = [0, 1, 2, 4, 6, 8, 12, 20].map(|ms| (ms, true));
    let (mut coins, mut kept, mut sold) = (0.0, 0, 0);
    for (ms, is_done) in before.into_iter().chain(after) {
        press(phone, "");
        assert!(shows(phone, "Insert coins now"), "{}\n{}", page(phone), slot.daemon.log());
        let began = slot.coin(5);
        coins += 5.0;
        if is_done {
            assert!(shows(phone, "5.00 EUR so far"), "{}", page(phone));
        }
        scope(|scope| {
            // The answer dies with the daemon.
            let done = is_done.then(|| scope.spawn(|| drop(try_press(phone, "action=done"))));
            sleep(Duration::from_millis(ms));
            slot.daemon.kill();
            drop(done);
        });
        slot.daemon.restart();
        let (inserted, claimed) = slot.sums();
        assert!(inserted == coins || inserted == coins - 5.0, "{ms}, {is_done}: {inserted} of {coins}");
        assert!(inserted == coins || !is_done, "lost what was shown");
        assert_eq!(slot.secs(), claimed / 5.0 * 3600.0, "{ms}, {is_done}:\n{}", slot.daemon.log());
        kept += u32::from(inserted == coins && claimed < coins);
        sold += u32::from(claimed == coins);
        // Whoever feeds the wire does not know how far the daemon came.
        if claimed < coins {
            press(phone, "");
        }
        slot.pulses_at(began, 5);
        if inserted < coins {
            assert!(shows(phone, "5.00 EUR so far"), "{}\n{}", page(phone), slot.daemon.log());
            press(phone, "action=done");
        }
        let all = eventually(SOON, || slot.sums() == (coins, coins));
        assert!(all, "{ms}, {is_done}: {:?} of {coins}\n{}", slot.sums(), slot.daemon.log());
        assert_eq!(slot.secs(), coins / 5.0 * 3600.0, "{ms}, {is_done}");
    }
    eprintln!("credit was left by {kept} deaths, a session by {sold}");
    assert!(kept > 0, "the daemon never died between coin and credit");
    // The replayed pulses were told twice, and counted once.
    assert_eq!(slot.credits().len(), 18, "{:?}", slot.credits());
}

#[test]
fn the_desk_sees_and_gives_what_fell_with_nobody_there() {
    let lab = Lab::builder().phones(1).alone().build();
    let mut slot = Slot::start(&lab);
    let phone = &lab.phones[0];
    slot.daemon.meet(phone);
    slot.coin(5);
    let warned =
        || slot.daemon.get("/api/v1/status")["warnings"].to_string().contains("5.00 EUR came in with nobody");
    assert!(eventually(SOON, warned), "{}", slot.daemon.log());
    let listed = slot.daemon.cli(&["credit", "list", "--unclaimed"]);
    assert!(
        listed.ok() && listed.stdout.contains("coinslot/1") && listed.stdout.contains("5.00"),
        "{listed:?}"
    );
    let session = slot.daemon.cli_json(&["credit", "claim", "1", &phone.mac]);
    assert_eq!((session["time_secs"].as_f64(), session["provider"].as_str()), (Some(3600.0), Some("coin-1")));
    let again = slot.daemon.cli(&["credit", "claim", "1", &phone.mac]);
    assert_eq!((again.code, again.stderr.contains("claimed already")), (1, true), "{again:?}");
    slot.coin(1);
    assert!(eventually(SOON, || slot.sums().0 == 6.0));
    let returned = slot.daemon.cli_json(&["credit", "return", "2"]);
    assert!(returned["returned_at"].is_string(), "{returned}");
}

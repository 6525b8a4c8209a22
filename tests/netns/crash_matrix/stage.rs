use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::{
    Daemon, DaemonConfig, HttpAnswer, HttpRequest, Lab, NET4, Phone, Traffic, UdpBlaster, UdpEcho,
    eventually, used_bytes,
};

const SECOND: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(2);
/// Longer than a packet takes there and back, and than the gap between two.
const QUIET: Duration = Duration::from_millis(80);
/// What the guest's traffic comes to in a fifth of a second.
const MOST_GIVEN_BYTES: u64 = 50_000;
/// At places that are passed all the time, too, it is to die this often only.
pub const MOST_AT_A_PLACE: usize = 6;

/// Three phones: a guest to whom it all happens, a bystander who is online throughout, and one who may not.
pub struct Stage<'lab> {
    pub lab: &'lab Lab,
    pub daemon: Daemon<'lab>,
    /// The guest's MAC.
    pub guest: String,
    /// Other devices that have sessions of the guest's.
    pub also: Vec<String>,
    bystander: Traffic,
    bystanders_session: String,
    echo: UdpEcho,
    blaster: UdpBlaster,
    /// What arrived and was nobody's to pay.
    given: u64,
    /// How often it died, or how often something failed, by place.
    deaths: BTreeMap<String, usize>,
}

/// The lab for it.
pub fn lab() -> Lab {
    Lab::with_phones(3)
}

impl<'lab> Stage<'lab> {
    pub fn set(lab: &'lab Lab) -> Self {
        Self::set_with(lab, DaemonConfig::default())
    }

    pub fn set_with(lab: &'lab Lab, config: DaemonConfig) -> Self {
        // Nobody is away, however long a start takes.
        let config = DaemonConfig { zone: format!("away_pause_secs = 0\n{}", config.zone), ..config };
        let daemon = Daemon::start_with(lab, &config);
        let [guest, bystander, captive] = lab.phones.as_slice() else { panic!("three phones") };
        let bystanders_session = daemon.let_through(bystander, &plenty());
        daemon.meet(captive);
        daemon.meet(guest);
        let echo = UdpEcho::open(&lab.internet, (NET4, 70));
        let blaster = UdpBlaster::start(guest, (NET4, 70), 200, GAP);
        Self {
            lab,
            daemon,
            guest: guest.mac.clone(),
            also: Vec::new(),
            bystander: Traffic::start(lab, bystander, captive),
            bystanders_session,
            echo,
            blaster,
            given: 0,
            deaths: BTreeMap::new(),
        }
    }

    /// A new session of the guest's with plenty in it, not connected.
    pub fn plenty(&self) -> String {
        self.daemon.create_session(&self.guest, &plenty())
    }

    /// The guest is online with a new session.
    pub fn online(&self) -> String {
        let session = self.plenty();
        self.daemon.connect(&self.guest);
        session
    }

    /// Tells a story with a death at each of its places. `prepare` sets it up, `act` asks for what it is about, and `check` is
    /// told what was answered, after the daemon was started again if it died.
    pub fn each_death<P>(
        &mut self,
        prepare: impl Fn(&Self) -> P,
        act: impl Fn(&Self, &P) -> std::io::Result<HttpAnswer>,
        check: impl Fn(&Self, &P, Option<&HttpAnswer>),
    ) {
        // Once undisturbed, to see where it leads.
        let known = self.daemon.places().len();
        assert!(self.survives("trace", &prepare, &act, &check), "it died by itself");
        let places: BTreeSet<String> = self.daemon.places().into_iter().skip(known).collect();
        for place in &places {
            for at in 1..=MOST_AT_A_PLACE {
                if self.survives(&format!("kill {at} {place}"), &prepare, &act, &check) {
                    break;
                }
            }
        }
    }

    /// Tells a story with a failure of each thing that it asks the kernel or the disk for. `check` is told what was answered,
    /// when there is nothing left to put right.
    pub fn each_failure<P>(
        &mut self,
        prepare: impl Fn(&Self) -> P,
        act: impl Fn(&Self, &P) -> std::io::Result<HttpAnswer>,
        check: impl Fn(&Self, &P, &HttpAnswer),
    ) {
        let known = self.daemon.places().len();
        assert!(!self.fails("trace", 0, &prepare, &act, &check), "nothing was to fail");
        let places: BTreeSet<String> = self.daemon.places().into_iter().skip(known).collect();
        for place in &places {
            for at in 1..=MOST_AT_A_PLACE {
                if !self.fails(&format!("fail {at} {place}"), at, &prepare, &act, &check) {
                    break;
                }
                *self.deaths.entry(place.clone()).or_default() += 1;
            }
        }
    }

    /// Tells it once with this order; whether something failed, which is what was counted as number `at`.
    fn fails<P>(
        &mut self,
        order: &str,
        at: usize,
        prepare: impl Fn(&Self) -> P,
        act: impl Fn(&Self, &P) -> std::io::Result<HttpAnswer>,
        check: impl Fn(&Self, &P, &HttpAnswer),
    ) -> bool {
        let prepared = prepare(self);
        let known = self.daemon.places().len();
        self.daemon.order(order);
        let answer = act(self, &prepared).unwrap_or_else(|error| panic!("{order}: {error}"));
        let counted = self.daemon.places().len() - known;
        self.daemon.order("");
        assert!(answer.status < 300 || answer.status >= 500, "{order}: {answer:?}");
        // What could not be written is known to be over once something is.
        self.daemon.patch(&format!("/api/v1/devices/{}", self.guest), &json!({"alias": order}));
        let calm = eventually(5 * SECOND, || {
            let warnings = self.daemon.get("/api/v1/status")["warnings"].clone();
            warnings.as_array().is_some_and(Vec::is_empty) && self.differences().is_none()
        });
        let differences = self.differences();
        assert!(calm, "{order}: {differences:?} {}", self.daemon.get("/api/v1/status")["warnings"]);
        if answer.status >= 500 {
            self.note_gift();
        }
        check(self, &prepared, &answer);
        self.books_are_right();
        at > 0 && counted >= at
    }

    /// Tells it once with this order.
    fn survives<P>(
        &mut self,
        order: &str,
        prepare: impl Fn(&Self) -> P,
        act: impl Fn(&Self, &P) -> std::io::Result<HttpAnswer>,
        check: impl Fn(&Self, &P, Option<&HttpAnswer>),
    ) -> bool {
        let prepared = prepare(self);
        self.daemon.order(order);
        let answer = act(self, &prepared).ok();
        let lives = self.daemon.survives();
        if let Some(answer) = &answer {
            assert!((200..300).contains(&answer.status), "{order}: {answer:?}");
        }
        assert!(!lives || answer.is_some(), "{order}: alive, and no answer");
        if !lives {
            self.died();
            self.daemon.restart();
        }
        self.agree();
        check(self, &prepared, answer.as_ref());
        self.agree();
        self.books_are_right();
        lives
    }

    /// Notes where it died, and that the bystander did not notice.
    pub fn died(&mut self) {
        let place = self.daemon.places().pop().expect("it died somewhere");
        *self.deaths.entry(place).or_default() += 1;
        assert!(
            self.bystander.goes_on(),
            "the bystander is offline while the daemon is dead: {:?}",
            self.deaths
        );
    }

    /// The kernel lets through whom the books say, and nobody else.
    pub fn agree(&self) {
        assert_eq!(self.differences(), None, "the kernel's and the books' differ after {:?}", self.deaths);
    }

    /// Whom the kernel lets through and whom the books say, if those are not the same.
    fn differences(&self) -> Option<[BTreeSet<String>; 2]> {
        let devices = self.daemon.get("/api/v1/devices?per_page=1000");
        let connected: BTreeSet<String> = devices["items"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|device| device["connected"] == true)
            .map(|device| device["mac"].as_str().expect("a MAC").to_owned())
            .collect();
        let let_through = self.let_through();
        (let_through != connected).then_some([let_through, connected])
    }

    /// Whom the kernel lets through, by MAC.
    pub fn let_through(&self) -> BTreeSet<String> {
        let list = |kind: &str, name: &str| {
            let listed = self.lab.router.run(&["nft", "-j", "list", kind, "inet", "turnpike", name]).json();
            let objects = listed["nftables"].as_array().expect("objects").clone();
            let set = objects.into_iter().find_map(|object| object.get(kind).cloned());
            set.and_then(|set| set.get("elem").cloned()).and_then(|elements| elements.as_array().cloned())
        };
        let online = list("set", "online").unwrap_or_default();
        let online: BTreeSet<u64> =
            online.iter().map(|element| mark_of(element.pointer("/elem/val").unwrap_or(element))).collect();
        let clients = list("map", "client_of").unwrap_or_default();
        let of_client = clients.iter().filter(|pair| online.contains(&mark_of(&pair[1])));
        of_client.map(|pair| pair[0].as_str().expect("a MAC").to_owned()).collect()
    }

    /// Cuts the guest off; then what its sessions have used is what arrived, to the byte. None of them is left open.
    pub fn books_are_right(&self) {
        for mac in std::iter::once(&self.guest).chain(&self.also) {
            self.daemon.disconnect(mac);
        }
        let quiet = eventually(2 * SECOND, || {
            let before = self.arrived();
            std::thread::sleep(QUIET);
            self.arrived() == before
        });
        assert!(quiet, "the guest is cut off and goes on");
        let used = self.used();
        assert_eq!(used + self.given, self.arrived(), "charged and arrived, after {:?}", self.deaths);
        for session in self.sessions().iter().filter(|session| is_open(session)) {
            let id = session["id"].as_str().expect("an id");
            self.daemon.post(&format!("/api/v1/sessions/{id}/close"), &json!({}));
        }
    }

    /// What arrived at either end of the guest's traffic.
    fn arrived(&self) -> u64 {
        let header = crate::lab::header_bytes(self.blaster.to());
        (self.echo.l3_bytes() + self.blaster.answer_bytes() + self.blaster.answers() * header) as u64
    }

    /// Who was told no may have been let through for a moment, where the kernel's yes was lost: until it was put right, and
    /// for nothing.
    fn note_gift(&mut self) {
        if self.is_online() {
            return;
        }
        let given = self.arrived() - self.used();
        assert!(given - self.given < MOST_GIVEN_BYTES, "{given} bytes, {} before", self.given);
        self.given = given;
    }

    /// What the guest's sessions have used.
    fn used(&self) -> u64 {
        // What a session had used when it moved is in the one that it has become, too.
        let sessions = self.sessions();
        let counted = sessions.iter().filter(|session| session["reason"] != "moved");
        counted.map(used_bytes).sum()
    }

    /// All of the guest's sessions.
    pub fn sessions(&self) -> Vec<Value> {
        let of = |mac: &String| {
            let listed = self.daemon.get(&format!("/api/v1/devices/{mac}/sessions?per_page=1000"));
            listed["items"].as_array().expect("a list").clone()
        };
        std::iter::once(&self.guest).chain(&self.also).flat_map(of).collect()
    }

    /// Whether the guest is online.
    pub fn is_online(&self) -> bool {
        self.daemon.get(&format!("/api/v1/devices/{}", self.guest))["connected"] == true
    }

    /// Waits until more of the guest's traffic is answered.
    pub fn traffic_goes_on(&self) -> bool {
        let before = self.blaster.answers();
        eventually(SECOND, || self.blaster.answers() > before + 20)
    }

    /// A `POST` whose answer may never come.
    pub fn post(&self, path: &str, body: &Value) -> std::io::Result<HttpAnswer> {
        HttpRequest::json("POST", path, &body.to_string()).send_unix(&self.daemon.socket())
    }

    /// A `POST` that is carried out at most once, however often it is sent with the same key.
    pub fn post_once(&self, key: &str, path: &str, body: &Value) -> std::io::Result<HttpAnswer> {
        let request = HttpRequest::json("POST", path, &body.to_string()).header("Idempotency-Key", key);
        request.send_unix(&self.daemon.socket())
    }

    /// As [`Stage::ends`], where the bystander was cut off for moments: what arrived is charged.
    pub fn ends_after_gaps(self, places: &[&str]) {
        let Self { daemon, bystander, bystanders_session, deaths, .. } = self;
        check_places(&deaths, places);
        let arrived = bystander.settle_after_gaps();
        assert_eq!(arrived, daemon.used(&bystanders_session), "{deaths:?}");
    }

    /// The end: it died at all of these places and some more, the bystander lost nothing, and the captive phone got nothing through.
    pub fn ends(self, places: &[&str]) {
        let Self { daemon, bystander, bystanders_session, deaths, .. } = self;
        check_places(&deaths, places);
        assert_eq!(bystander.settle(), daemon.used(&bystanders_session), "{deaths:?}");
    }
}

fn check_places(found: &BTreeMap<String, usize>, wanted: &[&str]) {
    eprintln!("{} times: {found:?}", found.values().sum::<usize>());
    for place in wanted {
        assert!(found.contains_key(*place), "nothing ever happened at {place}: {found:?}");
    }
}

/// Whether it can still be used.
pub fn is_open(session: &Value) -> bool {
    !["consumed", "expired", "closed"].contains(&session["state"].as_str().expect("a state"))
}

/// A mark as nft writes it: a number, or the two halves of a class id.
fn mark_of(value: &Value) -> u64 {
    let halves = |text: &str| {
        let (high, low) = text.split_once(':')?;
        Some(u64::from_str_radix(high, 16).ok()? << 16 | u64::from_str_radix(low, 16).ok()?)
    };
    let mark = value.as_u64().or_else(|| value.as_str().and_then(halves));
    mark.unwrap_or_else(|| panic!("no mark: {value}"))
}

/// Terms that nothing here uses up.
pub fn plenty() -> Value {
    json!({"kind": "time_or_data", "time_secs": 86_400, "data_mb": 10_000, "down_mbps": 50, "up_mbps": 50})
}

/// The phone to whom it all happens.
pub fn guest_of(lab: &Lab) -> &Phone {
    &lab.phones[0]
}

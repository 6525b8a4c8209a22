//! A disk that takes nothing any more, or only slowly, under a daemon that runs: whoever is online stays online and is charged for
//! it, what cannot be stored is refused and says why, and when the disk heals all goes on.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::{
    Daemon, DaemonConfig, Disk, Faults, HttpAnswer, HttpRequest, LAN4, Lab, Random, Till, Traffic, eventually,
};

const SECOND: Duration = Duration::from_secs(1);

/// A box with a disk of its own, a guest who is online, one who waits, and somebody at the counter.
struct Shop<'lab> {
    lab: &'lab Lab,
    disk: &'lab Disk,
    daemon: Daemon<'lab>,
    till: Till,
    random: Random,
    traffic: Traffic,
    session: String,
}

fn lab_and_disk() -> (Lab, Disk) {
    let lab = Lab::builder().phones(2).routed().build();
    let disk = Disk::mount(&lab.dir.path().join("disk"));
    (lab, disk)
}

impl<'lab> Shop<'lab> {
    fn open(lab: &'lab Lab, disk: &'lab Disk, environment: Vec<(String, String)>) -> Self {
        let config = DaemonConfig {
            flush_secs: 1,
            store: Some(disk.path().to_owned()),
            environment,
            ..DaemonConfig::default()
        };
        let daemon = Daemon::start_with(lab, &config);
        let (online, waits) = (&lab.phones[0], &lab.phones[1]);
        let terms = json!({"kind": "time_or_data", "time_secs": 3600, "data_mb": 500});
        let session = daemon.let_through(online, &terms);
        daemon.meet(waits);
        let mut till = Till::new("shop");
        till.no_is_no = true;
        till.leave_out(&session);
        assert_eq!(till.open_up(&daemon), Ok(true));
        let traffic = Traffic::start(lab, online, waits);
        let mut shop = Self { lab, disk, daemon, till, random: Random::new(5), traffic, session };
        for _ in 0..12 {
            assert!(shop.sell());
        }
        shop.books_add_up();
        shop
    }

    /// Whether something more was sold, or done that is like it.
    fn sell(&mut self) -> bool {
        self.till.act(&self.daemon, &mut self.random)
    }

    fn books_add_up(&mut self) {
        let checked = self.till.check(&self.daemon, &mut self.random);
        assert_eq!(checked, Ok(()), "{}", self.daemon.log());
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.daemon.send(&HttpRequest::get("/metrics")).body;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    fn warnings(&self) -> Vec<String> {
        let status = self.daemon.get("/api/v1/status");
        let texts = status["warnings"].as_array().unwrap().iter();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    fn warns_of(&self, words: &str) -> bool {
        self.warnings().iter().any(|text| text.contains(words))
    }

    /// What the waiting phone is told that would come in.
    fn comes_in(&self) -> HttpAnswer {
        let path = format!("/api/v1/devices/{}/sessions", self.lab.phones[1].mac);
        let terms = json!({"kind": "time", "time_secs": 60}).to_string();
        self.daemon.send(&HttpRequest::json("POST", &path, &terms))
    }

    /// The story of a disk that takes nothing for a while; `says` is what people read of it.
    fn goes_through(mut self, faults: Faults, says: &str) {
        self.disk.break_with(faults);
        let refused = eventually(5 * SECOND, || !self.sell());
        assert!(refused, "it sells what it cannot store");
        // All the while, and not only the first.
        for _ in 0..20 {
            self.sell();
        }
        assert!(self.till.acts.refused > 10, "{:?}", self.till.acts);
        let refusal = self.till.refusal.clone().unwrap();
        assert!(refusal.starts_with("503") && refusal.contains("/problems/not-stored"), "{refusal}");
        assert!(refusal.contains("nothing was done: the disk"), "{refusal}");
        let answer = self.comes_in();
        assert_eq!(answer.status, 503, "{answer:?}");

        // Whoever is online notices nothing, and the portal answers who is not.
        assert!(self.traffic.goes_on());
        let portal = HttpRequest::get("/").send(&self.lab.phones[1], (LAN4, 2050)).unwrap();
        assert!(portal.status < 400, "{portal:?}");

        let told = eventually(3 * SECOND, || self.warns_of(says));
        assert!(told, "{:?}\n{}", self.warnings(), self.daemon.log());
        assert!(self.metric("turnpike_store_writable") < 0.5 && self.metric("turnpike_warnings") > 0.5);
        let log = self.daemon.log();
        assert!(log.contains(says), "{log}");
        assert!(log.contains("ERROR"), "{log}");

        self.disk.heal();
        let healed = Instant::now();
        assert!(eventually(3 * SECOND, || self.sell()), "it does not sell again:\n{}", self.daemon.log());
        let again = healed.elapsed();
        assert!(again < 5 * SECOND, "sold again after {again:?}");
        assert!(eventually(3 * SECOND, || !self.warns_of("stored") && !self.warns_of("the store")));
        assert!(self.metric("turnpike_store_writable") > 0.5);
        assert!(self.daemon.log().contains("the disk takes what is to be stored again"));
        assert_eq!(self.comes_in().status, 201);
        self.settles();
    }

    /// Nothing is half done, all that was used is charged, and all of it outlasts a restart.
    fn settles(mut self) {
        let [mine] = self.sessions_of_the_other();
        self.till.leave_out(&mine);
        self.books_add_up();
        assert!(self.traffic.goes_on());
        let used = self.traffic.settle();
        let daemon = &self.daemon;
        let charged = eventually(3 * SECOND, || daemon.used(&self.session) == used);
        assert!(charged, "{used} bytes passed, {} are charged", daemon.used(&self.session));
        self.daemon.stop();
        self.daemon.restart();
        assert_eq!(self.daemon.used(&self.session), used);
        let checked = self.till.check(&self.daemon, &mut self.random);
        assert_eq!(checked, Ok(()), "after a restart");
        assert!(self.disk.names().iter().all(|name| !name.contains("corrupt")), "{:?}", self.disk.names());
    }

    /// Of the phone that waits: the one that it has, if it is one.
    fn sessions_of_the_other(&self) -> [String; 1] {
        let path = format!("/api/v1/devices/{}/sessions", self.lab.phones[1].mac);
        let items = self.daemon.get(&path)["items"].as_array().cloned().unwrap_or_default();
        let ids: Vec<String> =
            items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect();
        ids.try_into().unwrap_or_else(|ids| panic!("what was refused is there: {ids:?}"))
    }
}

#[test]
fn a_full_disk_refuses_sales_and_cuts_nobody_off() {
    let (lab, disk) = lab_and_disk();
    let shop = Shop::open(&lab, &disk, Vec::new());
    shop.goes_through(Faults { full: true, ..Faults::default() }, "the disk is full");
}

#[test]
fn a_disk_that_became_read_only_refuses_sales_and_cuts_nobody_off() {
    let (lab, disk) = lab_and_disk();
    let shop = Shop::open(&lab, &disk, Vec::new());
    shop.goes_through(Faults { read_only: true, ..Faults::default() }, "the disk can only be read");
}

#[test]
fn a_disk_that_fails_to_write_refuses_sales_and_cuts_nobody_off() {
    let (lab, disk) = lab_and_disk();
    let shop = Shop::open(&lab, &disk, Vec::new());
    shop.goes_through(Faults { failing_writes: true, ..Faults::default() }, "the disk answers with errors");
}

#[test]
fn a_disk_that_fails_to_sync_refuses_sales_and_cuts_nobody_off() {
    let (lab, disk) = lab_and_disk();
    let shop = Shop::open(&lab, &disk, Vec::new());
    shop.goes_through(Faults { failing_syncs: true, ..Faults::default() }, "the disk answers with errors");
}

#[test]
fn a_disk_that_takes_a_second_for_each_sync_is_slow_and_nothing_else() {
    let (lab, disk) = lab_and_disk();
    let path = lab.dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    // Half the patience of the unit that is shipped.
    let patience = 15 * SECOND;
    let environment =
        [("NOTIFY_SOCKET", path.display().to_string()), ("WATCHDOG_USEC", patience.as_micros().to_string())];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    let mut shop = Shop::open(&lab, &disk, environment);
    manager.set_nonblocking(true).unwrap();
    while manager.recv(&mut [0; 500]).is_ok() {}
    manager.set_nonblocking(false).unwrap();
    manager.set_read_timeout(Some(patience)).unwrap();
    disk.break_with(Faults { slow_sync: SECOND, ..Faults::default() });
    let begun = Instant::now();
    let signs = std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let mut signs = 0;
            // Each within its patience, or it would be killed.
            while begun.elapsed() < 18 * SECOND {
                manager.recv(&mut [0; 500]).expect("a sign of life in time");
                signs += 1;
            }
            signs
        });
        while begun.elapsed() < 14 * SECOND {
            let done = shop.till.act_at_once(&shop.daemon, &mut shop.random, 4);
            assert_eq!(done, 4, "{:?}\n{}", shop.till.refusal, shop.daemon.log());
        }
        assert!(shop.traffic.goes_on());
        counting.join().unwrap()
    });
    assert!(signs >= 3, "{signs} signs of life");
    assert!(!shop.warns_of("stored"), "{:?}", shop.warnings());
    disk.heal();
    assert_eq!(shop.comes_in().status, 201);
    shop.settles();
}

/// What is refused under a key is not remembered as done: sent again when the disk has healed, it is done once.
#[test]
fn what_a_full_disk_refused_is_done_once_when_it_is_sent_again() {
    let (lab, disk) = lab_and_disk();
    let mut shop = Shop::open(&lab, &disk, Vec::new());
    let body = json!({"plan": "hour", "note": "again"}).to_string();
    let request =
        HttpRequest::json("POST", "/api/v1/vouchers/sell", &body).header("Idempotency-Key", "again");
    disk.break_with(Faults { full: true, ..Faults::default() });
    for _ in 0..3 {
        let answer = shop.daemon.send(&request);
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true), "{answer:?}");
    }
    disk.heal();
    let sold: Vec<Value> = (0..3)
        .map(|_| {
            let answer = shop.daemon.send(&request);
            assert_eq!(answer.status, 201, "{answer:?}");
            answer.json()["sale"].clone()
        })
        .collect();
    assert!(sold.iter().all(|sale| *sale == sold[0]), "{sold:?}");
    let sales = shop.daemon.get("/api/v1/sales?per_page=1000");
    let mine = sales["items"].as_array().unwrap().iter().filter(|sale| sale["note"] == "again").count();
    assert_eq!(mine, 1, "{sales}");
    let wrong = shop.till.check(&shop.daemon, &mut shop.random).unwrap_err();
    // All that these books do not know is that one sale, its voucher and its money.
    assert_eq!(wrong.lines().count(), 3, "{wrong}");
}

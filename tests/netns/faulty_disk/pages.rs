//! A page of the database is spoiled under a daemon that runs: it ends, the next start salvages what can be read or says what to
//! do, and whoever is online stays online meanwhile.

use std::time::Duration;

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::lab::{Daemon, DaemonConfig, Disk, HttpRequest, Lab, Random, Till, Traffic, eventually};

const SECOND: Duration = Duration::from_secs(1);
const DATABASE: &str = "turnpike.db";

/// Sorts of pages: <https://sqlite.org/fileformat2.html#b_tree_pages>.
const INTERIOR_OF_TABLE: u8 = 0x05;
const LEAF_OF_INDEX: u8 = 0x0a;

fn page_size(file: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([file[16], file[17]]))
}

/// Where the pages of indexes are in which a text is found.
fn indexes_with(file: &[u8], text: &str) -> Vec<usize> {
    let size = page_size(file);
    let has = |page: &[u8]| page.windows(text.len()).any(|window| window == text.as_bytes());
    let pages = file.chunks(size).enumerate().skip(1);
    pages.filter(|(_, page)| page[0] == LEAF_OF_INDEX && has(page)).map(|(number, _)| number * size).collect()
}

/// Where the leaves of a table of some pages are, in order.
fn leaves(disk: &Disk, table: &str) -> Vec<usize> {
    let folder = tempfile::tempdir().unwrap();
    disk.copy_to(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let root: i64 = runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.path().join(DATABASE));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let query =
            sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = $1");
        query.bind(table).fetch_one(&mut connection).await.unwrap()
    });
    let file = disk.contents(DATABASE).unwrap();
    let size = page_size(&file);
    let page = &file[usize::try_from(root - 1).unwrap() * size..][..size];
    assert_eq!(page[0], INTERIOR_OF_TABLE, "{table} has one page only");
    let place = |at: usize| {
        let number = u32::from_be_bytes(page[at..at + 4].try_into().unwrap());
        (number as usize - 1) * size
    };
    let cells = usize::from(u16::from_be_bytes([page[3], page[4]]));
    let cell =
        |number: usize| usize::from(u16::from_be_bytes([page[12 + 2 * number], page[13 + 2 * number]]));
    // The last one is named apart.
    (0..cells).map(|number| place(cell(number))).chain([place(8)]).collect()
}

/// A shop that has sold a lot, all of it in the file and nothing of it remembered; somebody is online.
struct Shop<'lab> {
    lab: &'lab Lab,
    disk: &'lab Disk,
    daemon: Daemon<'lab>,
    till: Till,
    random: Random,
    traffic: Traffic,
    session: String,
    first_sale: String,
}

impl<'lab> Shop<'lab> {
    fn open(lab: &'lab Lab, disk: &'lab Disk) -> Self {
        let store = Some(disk.path().to_owned());
        let config = DaemonConfig { flush_secs: 1, store, ..DaemonConfig::default() };
        let mut daemon = Daemon::start_with(lab, &config);
        let (online, captive) = (&lab.phones[0], &lab.phones[1]);
        let terms = json!({"kind": "time_or_data", "time_secs": 3600, "data_mb": 500});
        let session = daemon.let_through(online, &terms);
        daemon.meet(captive);
        let (mut till, mut random) = (Till::new("shop"), Random::new(3));
        till.leave_out(&session);
        assert_eq!(till.open_up(&daemon), Ok(true));
        for round in 0..150 {
            assert!(till.act(&daemon, &mut random));
            // Learns which sales there are to be refunded.
            if round % 30 == 29 {
                assert_eq!(till.check(&daemon, &mut random), Ok(()));
            }
        }
        let sales = daemon.get("/api/v1/sales?per_page=1000");
        let first = &sales["items"].as_array().unwrap().last().unwrap()["id"];
        let first_sale = first.as_str().unwrap().to_owned();
        daemon.stop();
        daemon.restart();
        let traffic = Traffic::start(lab, online, captive);
        Self { lab, disk, daemon, till, random, traffic, session, first_sale }
    }

    /// Spoils pages, and has a statement meet them.
    fn spoil(&mut self, places: &[usize]) {
        assert!(!places.is_empty(), "no such page");
        for place in places {
            self.disk.spoil(DATABASE, *place, &[0xff; 100]);
        }
        let ended = eventually(10 * SECOND, || {
            let one = format!("/api/v1/sales/{}", self.first_sale);
            for path in [one.as_str(), "/api/v1/sales?per_page=1000"] {
                self.daemon.try_send(&HttpRequest::get(path)).ok();
            }
            !self.daemon.runs()
        });
        let log = self.daemon.log();
        assert!(ended && log.contains("the database is damaged"), "it goes on with it:\n{log}");
        assert!(self.traffic.goes_on(), "whoever is online is cut off");
    }

    /// Of all that was done some lines of the till are lost, as many as the report says.
    fn only_lines_are_lost(&mut self) {
        let wrong = self.till.check(&self.daemon, &mut self.random).expect_err("a page of the till is lost");
        let lost = wrong.lines().filter(|line| line.starts_with("sale ") && line.ends_with("None")).count();
        let others: Vec<&str> = wrong.lines().filter(|line| !line.starts_with("sale ")).collect();
        assert!(matches!(others[..], [sum] if sum.starts_with("the till says ")), "{wrong}");
        let report = self.disk.names().into_iter().find(|name| name.ends_with(".report")).unwrap();
        let report = String::from_utf8(self.disk.contents(&report).unwrap()).unwrap();
        assert!(lost > 0 && report.contains(&format!("{lost} lost")), "{lost} lines are lost:\n{report}");
    }

    /// It goes on with what could be read, says so, and everybody is charged.
    fn goes_on(self) {
        assert!(self.traffic.goes_on());
        let aside = self.disk.names().into_iter().filter(|name| name.contains(".corrupt-")).count();
        assert!(aside >= 2, "the damaged file and a report are to be there: {:?}", self.disk.names());
        let status = self.daemon.get("/api/v1/status");
        assert!(status["warnings"].to_string().contains("the database was damaged"), "{status}");
        for _ in 0..10 {
            let sold = self.daemon.post("/api/v1/vouchers/sell", &json!({"plan": "hour"}));
            assert!(sold["sale"]["id"].is_string(), "{sold}");
        }
        assert_eq!(self.daemon.state(&self.session), "running");
        let used = self.traffic.settle();
        let (daemon, session) = (&self.daemon, &self.session);
        assert!(
            eventually(3 * SECOND, || daemon.used(session) == used),
            "{used}: {}",
            daemon.session(session)
        );
    }
}

fn lab_and_disk() -> (Lab, Disk) {
    let lab = Lab::builder().phones(2).routed().build();
    let disk = Disk::mount(&lab.dir.path().join("disk"));
    (lab, disk)
}

#[test]
fn a_spoiled_index_costs_nothing() {
    let (lab, disk) = lab_and_disk();
    let mut shop = Shop::open(&lab, &disk);
    let places = indexes_with(&disk.contents(DATABASE).unwrap(), &shop.first_sale);
    shop.spoil(&places);
    // As the service manager does.
    shop.daemon.restart();
    let checked = shop.till.check(&shop.daemon, &mut shop.random);
    assert_eq!(checked, Ok(()));
    for _ in 0..10 {
        assert!(shop.till.act(&shop.daemon, &mut shop.random), "{:?}", shop.till.refusal);
    }
    assert_eq!(shop.till.check(&shop.daemon, &mut shop.random), Ok(()));
    shop.goes_on();
}

#[test]
fn a_spoiled_page_of_the_till_costs_its_lines_and_they_are_counted() {
    let (lab, disk) = lab_and_disk();
    let mut shop = Shop::open(&lab, &disk);
    let places = leaves(&disk, "sales");
    shop.spoil(&places[..1]);
    shop.daemon.restart();
    shop.only_lines_are_lost();
    shop.goes_on();
}

#[test]
fn lost_refunds_are_for_a_human() {
    let (lab, disk) = lab_and_disk();
    let mut shop = Shop::open(&lab, &disk);
    let places = leaves(&disk, "sales");
    // The newest lines: some gave back what older ones had taken, and without them that could be given back again.
    shop.spoil(&places[places.len() - 2..]);
    shop.daemon.begin_again();
    assert!(!shop.daemon.comes_up(|| false), "{}", shop.daemon.log());
    let log = shop.daemon.log();
    assert!(log.contains("`turnpike salvage --yes` goes on with that"), "{log}");
    assert!(shop.traffic.goes_on(), "whoever is online is cut off");
    let config = shop.daemon.config().display().to_string();
    let salvaged = Daemon::run_cli(shop.lab, &["salvage", "--yes", "--config", &config]);
    assert!(salvaged.ok(), "{salvaged:?}");
    shop.daemon.restart();
    shop.only_lines_are_lost();
    shop.goes_on();
}

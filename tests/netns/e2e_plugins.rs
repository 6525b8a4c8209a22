//! The coin plugin of the examples with the real daemon and two phones: one customer at a time, and walking away loses the
//! slot, but not the coins.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{Daemon, DaemonConfig, HttpRequest, LAN4, Lab, Phone, eventually};

const SECOND: Duration = Duration::from_secs(1);

/// Sends the plugin's form; the page that follows.
fn submit(phone: &Phone, body: &str) -> String {
    let answer = HttpRequest::form("/providers/coins", body).send(phone, (LAN4, 2050)).unwrap();
    let page = HttpRequest::get("/").send(phone, (LAN4, 2050)).unwrap();
    format!("{}\n{}", answer.body, page.body)
}

fn insert(acceptor: &Path) {
    writeln!(OpenOptions::new().write(true).open(acceptor).unwrap(), "coin").unwrap();
}

fn owner(daemon: &Daemon<'_>) -> Option<String> {
    let locks = daemon.get("/api/v1/locks");
    let lock = locks["items"].as_array().unwrap().iter().find(|lock| lock["name"] == "coinslot/1")?;
    Some(lock["owner"].as_str().unwrap().to_owned())
}

fn plugin(daemon: &Daemon<'_>) -> Value {
    let all = daemon.get("/api/v1/providers");
    let found = all["items"].as_array().unwrap().iter().find(|one| one["name"] == "coins");
    found.cloned().unwrap_or_default()
}

fn sessions(daemon: &Daemon<'_>, phone: &Phone) -> Vec<Value> {
    let answer = daemon.get(&format!("/api/v1/devices/{}/sessions", phone.mac));
    answer["items"].as_array().unwrap().clone()
}

#[test]
fn one_customer_at_a_time_inserts_coins_and_walking_away_loses_the_slot() {
    let lab = Lab::builder().phones(2).alone().build();
    let acceptor = lab.dir.path().join("acceptor");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &acceptor, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let coin = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugins/coin.py");
    let zone = format!(
        "away_pause_secs = 60\n[[plugin]]\nname = \"coins\"\ncommand = [\"{coin}\", \"{}\"]\n\
         permissions = [\"register_handler\", \"acquire_lock:coinslot\"]\ndeadline_ms = 4000\n",
        acceptor.display()
    );
    let mut daemon = Daemon::start_with(&lab, &DaemonConfig { zone, ..DaemonConfig::default() });
    let ids: Vec<String> = lab.phones.iter().map(|phone| daemon.meet(phone)).collect();
    let (ana, ben) = (&lab.phones[0], &lab.phones[1]);
    assert!(eventually(10 * SECOND, || plugin(&daemon)["state"] == "running"), "{}", daemon.log());
    assert_eq!((&plugin(&daemon)["kind"], &plugin(&daemon)["title"]), (&"plugin".into(), &"Coins".into()));
    let table = daemon.cli(&["providers"]);
    assert!(table.stdout.contains("coins") && table.stdout.contains("running"), "{table:?}");

    assert!(submit(ana, "").contains("Insert a coin"), "{}", daemon.log());
    assert_eq!(owner(&daemon).as_deref(), Some(ids[0].as_str()));
    assert!(submit(ben, "").contains("Somebody else is at the coin slot"));
    insert(&acceptor);
    let page = || HttpRequest::get("/").send(ana, (LAN4, 2050)).unwrap().body;
    assert!(eventually(5 * SECOND, || page().contains("1 coin(s): 5 minutes")), "{}", page());
    submit(ana, "action=done");
    assert_eq!(sessions(&daemon, ana)[0]["time_secs"], 300);
    assert!(eventually(5 * SECOND, || sessions(&daemon, ana)[0]["state"] == "running"), "{}", daemon.log());

    // The other inserts one and walks off.
    assert!(submit(ben, "").contains("Insert a coin"));
    insert(&acceptor);
    let page = || HttpRequest::get("/").send(ben, (LAN4, 2050)).unwrap().body;
    assert!(eventually(5 * SECOND, || page().contains("1 coin(s)")), "{}", page());
    ben.ip("link set eth0 down\n");
    let left = Instant::now();
    assert!(eventually(10 * SECOND, || owner(&daemon).is_none()), "{}", daemon.log());
    assert!(left.elapsed() < 6 * SECOND, "{:?}", left.elapsed());
    assert!(eventually(5 * SECOND, || sessions(&daemon, ben).len() == 1), "{}", daemon.log());
    assert_eq!(sessions(&daemon, ben)[0]["time_secs"], 300);

    // The plugin ends with the daemon, also when that is killed, and comes back with it.
    let pid = plugin(&daemon)["pid"].as_u64().unwrap();
    daemon.kill();
    let is_gone =
        || std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
    assert!(eventually(5 * SECOND, is_gone), "the plugin lives on");
    daemon.restart();
    assert!(eventually(10 * SECOND, || plugin(&daemon)["state"] == "running"), "{}", daemon.log());
    assert_eq!((sessions(&daemon, ana).len(), sessions(&daemon, ben).len()), (1, 1), "nothing is sold twice");
}

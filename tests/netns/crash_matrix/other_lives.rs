//! Deaths while the daemon starts, repairs the kernel, restores a back-up, or brings an old database up to date.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::stage::{MOST_AT_A_PLACE, Stage, guest_of, lab};
use crate::lab::{Daemon, DaemonConfig, Desk, HttpRequest, Lab, eventually};

const SECOND: Duration = Duration::from_secs(1);
/// A restore has fewer places of a kind than this.
const MOST_PLACES: usize = 100;

/// Where a start leads to; asked of one that is not disturbed.
fn places_of_a_start(daemon: &mut Daemon<'_>) -> BTreeSet<String> {
    let known = daemon.places().len();
    daemon.kill();
    daemon.order("trace");
    daemon.restart();
    daemon.order("");
    daemon.places().into_iter().skip(known).collect()
}

#[test]
fn the_start_itself() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    for place in places_of_a_start(&mut stage.daemon) {
        for at in 1..=MOST_AT_A_PLACE {
            stage.online();
            stage.daemon.kill();
            stage.daemon.order(&format!("kill {at} {place}"));
            let lives = stage.daemon.tries_to_start() && stage.daemon.survives();
            stage.daemon.order("");
            if !lives {
                stage.died();
                stage.daemon.restart();
            }
            stage.agree();
            assert!(stage.is_online());
            assert!(stage.traffic_goes_on());
            stage.books_are_right();
            if lives {
                break;
            }
        }
    }
    stage.ends(&["gate.load", "gate.loaded", "owner.loaded", "store.prepared", "store.commit"]);
}

/// Somebody flushes all rules: everybody is let back in, by this daemon or by the next.
#[test]
fn the_repair_of_the_kernel() {
    let lab = lab();
    let mut daemon = Daemon::start_with(
        &lab,
        &DaemonConfig { zone: "away_pause_secs = 0\n".to_owned(), ..DaemonConfig::default() },
    );
    let phone = guest_of(&lab);
    let session = daemon.let_through(phone, &super::stage::plenty());
    let is_repaired = || {
        let online = lab.router.run(&["nft", "-j", "list", "set", "inet", "turnpike", "online"]);
        online.ok() && online.json().to_string().contains("\"elem\"")
    };
    // Notices of the kernel, what nft was told, and what is read and put back.
    for place in ["gate.hear", "gate.load", "gate.loaded", "owner.loaded", "gate.send", "gate.answer"] {
        let mut deaths = 0;
        for at in 1..=MOST_AT_A_PLACE {
            daemon.order(&format!("kill {at} {place}"));
            lab.router.must(&["nft", "delete", "table", "inet", "turnpike"]);
            let settled = eventually(10 * SECOND, || !daemon.runs() || is_repaired());
            assert!(settled, "neither repaired nor dead: {}", daemon.log());
            let lives = daemon.survives();
            if !lives {
                daemon.restart();
                assert!(is_repaired(), "started, and not repaired after {at} at {place}");
                deaths += 1;
            }
            assert_eq!(daemon.state(&session), "running");
            if lives {
                break;
            }
        }
        assert!(deaths > 0, "it never died at {place}");
    }
}

#[test]
fn a_restore() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let token = daemon.post("/api/v1/tokens", &json!({"name": "desk", "permissions": ["admin"]}));
    let token = token["token"].as_str().unwrap().to_owned();
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "data", "data_mb": 100}));
    let file = lab.dir.path().join("one.backup");
    let config = daemon.config().display().to_string();
    let made = Daemon::run_cli(&lab, &["backup", &file.display().to_string(), "--config", &config]);
    assert!(made.ok(), "{made:?}");
    let file = std::fs::read(file).unwrap();
    let (mut old, mut new, mut deaths) = (0, 0, Vec::new());
    for begin in ["restore.", "durable.", "store.write"] {
        for at in 1..MOST_PLACES {
            let mark = format!("02:00:5e:{:02x}:54:{at:02x}", begin.len());
            let mark = daemon.post("/api/v1/devices", &json!({ "mac": mark }));
            let desk = Desk::sign_in(&lab, &token);
            assert_eq!(desk.upload("/admin/backup/upload", &file).status, 303);
            let page = desk.get("/admin/backup/restore").body;
            let of =
                page.split("name=\"of\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            let before = daemon.log().matches("the restored state holds").count();
            daemon.order(&format!("kill {at} {begin}"));
            // It may die before it answers.
            let _ = desk.try_post("/admin/backup/restore", &[("of", of)]);
            let mut lives = true;
            let settled = eventually(20 * SECOND, || {
                lives = daemon.runs();
                !lives || daemon.log().matches("the restored state holds").count() > before
            });
            assert!(settled, "neither restored nor dead: {}", daemon.log());
            lives = daemon.survives();
            if !lives {
                deaths.extend(daemon.places().pop());
                daemon.restart();
            }
            let path = format!("/api/v1/devices/{}", mark["id"].as_str().unwrap());
            match daemon.send(&HttpRequest::get(&path)).status {
                200 => old += 1,
                404 => new += 1,
                status => panic!("{status}"),
            }
            assert_eq!(daemon.state(&session), "running", "{deaths:?}");
            if lives {
                break;
            }
        }
    }
    assert!(old > 0 && new > 3, "{old} times the old state, {new} times the new one: {deaths:?}");
    for place in ["restore.rename", "restore.renamed", "durable.rename", "durable.renamed"] {
        assert!(deaths.iter().any(|death| death == place), "it never died at {place}: {deaths:?}");
    }
}

/// A database as an older version has left it.
fn of_an_older_version(path: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut file =
            SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap();
        Migrator::new(folder).await.unwrap().run_to(3, &mut file).await.unwrap();
        let text = "PRAGMA journal_mode = WAL; INSERT INTO meta (name, value) VALUES ('newest_wall', 4711)";
        sqlx::raw_sql(text).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    });
}

#[test]
fn bringing_an_old_database_up_to_date() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let database = lab.dir.path().join("turnpike.db");
    let kept = lab.dir.path().join(format!("turnpike.db.before-{}", env!("CARGO_PKG_VERSION")));
    for place in ["copy", "copied", "kept", "migrate", "migrated", "prepared", "write", "written", "commit"] {
        let mut deaths = 0;
        for at in 1..=MOST_AT_A_PLACE {
            daemon.kill();
            for file in std::fs::read_dir(lab.dir.path()).unwrap().map(|file| file.unwrap().path()) {
                if file.file_name().unwrap().to_string_lossy().starts_with("turnpike.db") {
                    std::fs::remove_file(file).unwrap();
                }
            }
            of_an_older_version(&database);
            daemon.order(&format!("kill {at} store.{place}"));
            let lives = daemon.tries_to_start() && daemon.survives();
            daemon.order("");
            if !lives {
                daemon.restart();
                deaths += 1;
            }
            assert!(kept.exists(), "no copy after {at} at {place}");
            daemon.let_through(&lab.phones[0], &super::stage::plenty());
            if lives {
                break;
            }
        }
        assert!(deaths > 0, "it never died at {place}");
    }
}

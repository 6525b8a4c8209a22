//! What is kept for how long: the page about it, copies before upgrades, and room that is given back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use turnpike::clock::Stopwatch;
use turnpike::store::{Store, StoreError};

async fn plain(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.disable_statement_logging().connect().await.unwrap()
}

async fn run(path: &Path, text: &'static str) {
    let mut file = plain(path).await;
    sqlx::raw_sql(text).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
}

async fn number(path: &Path, text: &'static str) -> i64 {
    let mut file = plain(path).await;
    let found = sqlx::query_scalar(text).fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    found
}

#[tokio::test]
async fn the_page_has_every_table_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    Store::open(&path).await.unwrap().close().await.unwrap();
    let mut file = plain(&path).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut file)
    .await
    .unwrap();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/retention.md")).unwrap();
    let first = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let told: BTreeSet<String> = page.lines().filter_map(first).collect();
    assert_eq!(told, tables.into_iter().collect::<BTreeSet<String>>());
}

/// A database as an older version has left it.
async fn of_an_older_version(path: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut file = plain(path).await;
    Migrator::new(folder).await.unwrap().run_to(3, &mut file).await.unwrap();
    sqlx::raw_sql("PRAGMA journal_mode = WAL; INSERT INTO meta (name, value) VALUES ('newest_wall', 4711)")
        .execute(&mut file)
        .await
        .unwrap();
    file.close().await.unwrap();
}

#[tokio::test]
async fn a_copy_is_kept_from_before_an_upgrade_and_named_to_who_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    let kept = dir.path().join(format!("turnpike.db.before-{}", env!("CARGO_PKG_VERSION")));
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert!(!kept.exists(), "nothing was there before");
    fs::remove_file(&path).unwrap();
    of_an_older_version(&path).await;
    for older in ["turnpike.db.before-0.0.1", "turnpike.db.before-0.0.2.new", "turnpike.db.before-restore"] {
        fs::write(dir.path().join(older), "older").unwrap();
    }
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(number(&kept, "SELECT max(version) FROM _sqlx_migrations").await, 3);
    assert_eq!(number(&kept, "SELECT value FROM meta WHERE name = 'newest_wall'").await, 4711);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&kept).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let names: BTreeSet<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(".before-"))
        .collect();
    let kept_name = kept.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(names, BTreeSet::from([kept_name, "turnpike.db.before-restore".to_owned()]));
    let made = fs::metadata(&kept).unwrap().modified().unwrap();
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), made, "only an upgrade makes one");
    // To this program, one of tomorrow has used it.
    run(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                VALUES (9999, 'of tomorrow', 1, x'00', 0)",
    )
    .await;
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Version { .. }), "{error:?}");
    assert!(error.to_string().contains(&kept.display().to_string()), "{error}");
    // And so it is gone back to.
    fs::rename(&kept, &path).unwrap();
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.load().await.unwrap().newest_wall.map(|wall| wall.0), Some(4711));
}

#[tokio::test]
async fn an_upgrade_that_was_cut_short_keeps_the_copy_from_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    let kept = dir.path().join(format!("turnpike.db.before-{}", env!("CARGO_PKG_VERSION")));
    of_an_older_version(&path).await;
    fs::copy(&path, &kept).unwrap();
    let mut file = plain(&path).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    Migrator::new(folder).await.unwrap().run_to(7, &mut file).await.unwrap();
    file.close().await.unwrap();
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(number(&kept, "SELECT max(version) FROM _sqlx_migrations").await, 3);
}

#[tokio::test]
async fn a_file_shrinks_in_short_steps_when_much_of_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    // One from before files could shrink is rewritten once.
    of_an_older_version(&path).await;
    assert_eq!(number(&path, "PRAGMA auto_vacuum").await, 0);
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(number(&path, "PRAGMA auto_vacuum").await, 2);
    run(&path, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) \
                INSERT INTO audit (at, actor, action, subject, details, origin) \
                SELECT i, 'ana', 'voucher.make', 'x' || i, 'what was done, in so many words ' || i, 'here' FROM n")
    .await;
    run(&path, "DELETE FROM audit WHERE id % 100 <> 0").await;
    let store = Store::open(&path).await.unwrap();
    let before = (store.size().unwrap().file_bytes, store.pages().await.unwrap());
    assert!(before.1.are_worth_it(), "{before:?}");
    let (mut longest, mut steps) = (0.0_f64, 0);
    while !store.pages().await.unwrap().are_enough() {
        let watch = Stopwatch::start();
        assert!(store.give_back_step().await.unwrap());
        longest = longest.max(watch.secs());
        steps += 1;
    }
    store.shorten().await.unwrap();
    let after = (store.size().unwrap().file_bytes, store.pages().await.unwrap());
    println!("{before:?} {after:?}, {steps} steps, the longest {:.1} ms", longest * 1e3);
    assert!(after.0 * 2 < before.0 && !after.1.are_worth_it(), "{before:?} {after:?}");
    assert!(store.look_for_damage().await.unwrap().is_none());
}

#[tokio::test]
async fn places_that_were_taken_over_long_ago_are_forgotten_and_held_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    Store::open(&path).await.unwrap().close().await.unwrap();
    run(
        &path,
        "INSERT INTO meta (name, value) VALUES ('newest_wall', 1790000000000); \
         INSERT INTO voucher_batches (kind, use_global_speed, count, created_at) VALUES ('time', 1, 1, 1); \
         INSERT INTO vouchers (batch, lookup, sealed) VALUES (1, zeroblob(32), x'00'); \
         INSERT INTO voucher_uses (voucher, device, session, at, ended_at) VALUES \
             (1, 'held', 's', 1700000000000, NULL), \
             (1, 'long ago', 's', 1700000000000, 1790000000000 - 31 * 86400000), \
             (1, 'lately', 's', 1700000000000, 1790000000000 - 29 * 86400000), \
             (1, 'under a clock that was not set', 's', 1, 2)",
    )
    .await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.prune_voucher_uses(30).await.unwrap(), 1);
    assert_eq!(store.prune_voucher_uses(30).await.unwrap(), 0);
    store.close().await.unwrap();
    assert_eq!(number(&path, "SELECT count(*) FROM voucher_uses WHERE device <> 'long ago'").await, 3);
}

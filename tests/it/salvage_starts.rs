//! Damage that a start meets: while it upgrades, or because a power cut has left an empty file.

use std::fs;
use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use turnpike::store::{Store, StoreError, begin_empty};

use super::salvage::{NOW, beside, copy, page_of, plain, wipe};

#[tokio::test]
async fn damage_that_an_upgrade_meets_after_a_clean_stop_is_salvaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut file = options.connect().await.unwrap();
    Migrator::new(folder).await.unwrap().run_to(3, &mut file).await.unwrap();
    sqlx::raw_sql(
        "PRAGMA journal_mode = WAL; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
         INSERT INTO devices (id, mac, blocked, roles, first_seen) SELECT printf('01900001-0000-7000-8000-%012x', i), \
         printf('02:00:5e:00:%02x:%02x', i / 256, i % 256), 0, '[]', 1700000000000 FROM n",
    )
    .execute(&mut file)
    .await
    .unwrap();
    file.close().await.unwrap();
    wipe(&path, page_of(&path, "devices", Some(3)).await);
    assert!(!beside(&path, "-wal").exists());
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }) && beside(&path, ".check").exists(), "{error:?}");
    let (store, salvaged) = Store::open_or_salvage(&path, NOW).await.unwrap();
    assert!(salvaged.unwrap().devices_by_index > 5);
    assert_eq!(store.load().await.unwrap().devices.len(), 600);
    store.close().await.unwrap();
    assert!(!beside(&path, ".check").exists());
}

#[tokio::test]
async fn a_file_that_a_power_cut_has_emptied_is_not_taken_for_a_new_one() {
    for belonging in [".key", "-wal"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("turnpike.db");
        fs::write(&path, "").unwrap();
        fs::write(beside(&path, belonging), "what belongs to it").unwrap();
        let error = Store::open_or_salvage(&path, NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Unsalvaged { .. }), "{belonging}: {error:?}");
        assert!(error.to_string().contains("the file is empty"), "{error}");
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        assert_eq!(fs::read_to_string(beside(&path, belonging)).unwrap(), "what belongs to it");
        begin_empty(&path, NOW).await.unwrap();
        Store::open(&path).await.unwrap().close().await.unwrap();
    }
    // Nothing was there before: nothing can be lost.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fs::write(&path, "").unwrap();
    fs::write(beside(&path, "-wal"), "").unwrap();
    Store::open(&path).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn what_is_in_the_log_of_an_emptied_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    let cut = dir.path().join("cut.db");
    let store = Store::open(&path).await.unwrap();
    let mut file = plain(&path).await;
    sqlx::query("INSERT INTO meta (name, value) VALUES ('newest_wall', 4711)")
        .execute(&mut file)
        .await
        .unwrap();
    copy(&path, &cut);
    fs::write(&cut, "").unwrap();
    let log = fs::read(beside(&cut, "-wal")).unwrap();
    assert!(matches!(Store::open(&cut).await.unwrap_err(), StoreError::Damaged { .. }));
    assert!(fs::read(beside(&cut, "-wal")).unwrap() == log, "it is left as it was");
    // The log holds what was written since the last checkpoint: here, the schema as well.
    let (opened, salvaged) = Store::open_or_salvage(&cut, NOW).await.unwrap();
    assert!(salvaged.is_some());
    assert_eq!(opened.load().await.unwrap().newest_wall.map(|wall| wall.0), Some(4711));
    opened.close().await.unwrap();
    file.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_first_start_that_fails_leaves_nothing_for_the_next_one_to_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fs::write(beside(&path, ".key"), "of a database that somebody has taken away").unwrap();
    // SQLite cannot begin to write.
    fs::create_dir(beside(&path, "-journal")).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(!path.exists() && !beside(&path, "-wal").exists());
    fs::remove_dir(beside(&path, "-journal")).unwrap();
    Store::open(&path).await.unwrap().close().await.unwrap();
    // One that was there before stays, whatever is wrong with it.
    fs::create_dir(beside(&path, "-wal")).unwrap();
    Store::open(&path).await.unwrap_err();
    assert!(fs::metadata(&path).unwrap().len() > 0);
}

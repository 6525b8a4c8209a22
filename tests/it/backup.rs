//! Back-ups: one file with everything, taken while all goes on, and put back whole or not at all.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use turnpike::domain::{
    DeviceId, Hook, HookId, HookPatch, HookSecret, NewBatch, Permission, SessionState, Text, VoucherCodes,
    WebUrl,
};
use turnpike::store::{AuditQuery, HookHeard, Store, StoreError, restore};
use turnpike::upkeep::{
    LogTail, Order, SettingsFile, Upkeep, backup_part, clear_backup_part, key_path, stage_backup,
    upload_path, write_backup,
};

use crate::admin_pages::{Pages, csrf, seller};
use crate::admin_sessions::hidden;
use crate::support::{START, TestApp, mac, minutes};

const SETTINGS: &str = "# settings\n";

async fn back_up(app: &TestApp, name: &str) -> std::path::PathBuf {
    let to = app.dir.path().join(name);
    let now = app.clock.now().wall;
    write_backup(app.store.path(), &to, SETTINGS.to_owned(), "Café <b>", now).await.unwrap();
    to
}

async fn voucher(app: &TestApp) -> String {
    let batch = NewBatch::new(None, minutes(10), None, None, 1).unwrap();
    let (code, sealed) = VoucherCodes::new_codes(&*app.vault, 1).unwrap().remove(0);
    app.store.create_batch(&batch, &[sealed], START.wall).await.unwrap();
    code
}

async fn session_of(app: &TestApp, device: DeviceId) -> turnpike::domain::ClientSession {
    app.handle.curr_session(device).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_back_up_is_restored_whole_and_nobody_is_charged_for_what_lay_between() {
    let app = TestApp::start().await;
    let (ana, ben) = (app.device(1).await, app.device(2).await);
    for device in [&ana, &ben] {
        app.handle.create_session(device.id, minutes(60)).await.unwrap();
    }
    app.handle.connect(ana.id, None).await.unwrap();
    app.pass(Duration::from_secs(60)).await;
    let code = voucher(&app).await;
    let file = back_up(&app, "one.backup").await;
    assert_eq!(
        fs::metadata(&file)
            .map(|found| std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777)
            .unwrap(),
        0o600
    );
    // Afterwards: time goes by, Ben comes online, a voucher is made, a device joins.
    app.pass(Duration::from_secs(600)).await;
    app.handle.connect(ben.id, None).await.unwrap();
    let later = voucher(&app).await;
    let cleo = app.device(3).await;
    app.handle.create_session(cleo.id, minutes(60)).await.unwrap();
    app.handle.connect(cleo.id, None).await.unwrap();
    assert!(session_of(&app, ana.id).await.usage.time_ms >= 660_000);
    let database = app.store.path().to_owned();
    fs::copy(&file, upload_path(&database)).unwrap();
    let facts = stage_backup(&database).await.unwrap();
    assert_eq!((facts.devices, facts.sessions, facts.vouchers, facts.till), (2, 2, 1, 0));
    assert_eq!((facts.note.gateway.as_str(), facts.note.settings.as_str()), ("Café <b>", SETTINGS));
    // Only a daemon that has stopped is restored.
    assert!(matches!(restore::begin(&database).await, Err(StoreError::InUse { .. })));
    app.handle.stop().await;
    app.store.close().await.unwrap();
    restore::begin(&database).await.unwrap();
    let app = app.restart().await;
    let session = session_of(&app, ana.id).await;
    assert_eq!(
        session.usage.time_ms, 60_000,
        "what passed between is not charged, and she went on without a gap"
    );
    assert!(matches!(session.state, SessionState::Running(_)));
    app.pass(Duration::from_secs(30)).await;
    assert_eq!(session_of(&app, ana.id).await.usage.time_ms, 90_000);
    assert!(app.handle.curr_session(ben.id).await.unwrap().is_none(), "he was not online then");
    assert!(!app.handle.is_connected(ben.id).await.unwrap());
    assert!(app.handle.device_is_unknown(cleo.id).await);
    let stored = app.store.any_voucher().await.unwrap().unwrap();
    assert_eq!(app.vault.unseal(&stored).unwrap().to_string(), code);
    assert_ne!(code, later);
    for suffix in ["before-restore", "before-restore.key"] {
        assert!(app.dir.path().join(format!("turnpike.db.{suffix}")).exists(), "{suffix}");
    }
    for suffix in ["restoring", "staged", "staged.key", "upload"] {
        assert!(!app.dir.path().join(format!("turnpike.db.{suffix}")).exists(), "{suffix}");
    }
    // And back again.
    let database = app.store.path().to_owned();
    app.handle.stop().await;
    app.store.close().await.unwrap();
    restore::begin_undo(&database).unwrap();
    let app = app.restart().await;
    assert!(session_of(&app, ana.id).await.usage.time_ms >= 660_000);
    assert!(!app.handle.device_is_unknown(cleo.id).await);
}

trait Unknown {
    async fn device_is_unknown(&self, device: DeviceId) -> bool;
}

impl Unknown for turnpike::runtime::Handle {
    async fn device_is_unknown(&self, device: DeviceId) -> bool {
        self.is_connected(device).await.is_err()
    }
}

#[tokio::test]
async fn a_number_that_is_anothers_by_now_is_given_up_and_its_session_waits() {
    let app = TestApp::start().await;
    let ana = app.device(1).await;
    app.handle.create_session(ana.id, minutes(60)).await.unwrap();
    app.handle.connect(ana.id, None).await.unwrap();
    app.pass(Duration::from_secs(60)).await;
    let file = back_up(&app, "one.backup").await;
    // Ana's device is forgotten, and another one takes her number.
    app.handle.delete_device(ana.id).await.unwrap();
    let ben = app.device(2).await;
    app.handle.create_session(ben.id, minutes(60)).await.unwrap();
    let ben = app.handle.connect(ben.id, None).await.map(|session| session.device).unwrap();
    app.pass(Duration::from_secs(60)).await;
    let database = app.store.path().to_owned();
    fs::copy(&file, upload_path(&database)).unwrap();
    stage_backup(&database).await.unwrap();
    app.handle.stop().await;
    app.store.close().await.unwrap();
    restore::begin(&database).await.unwrap();
    let app = app.restart().await;
    assert!(app.handle.curr_session(ana.id).await.unwrap().is_none(), "she is let through when she is seen");
    let session = app.handle.usable_sessions(ana.id).await.unwrap().remove(0);
    assert_eq!(session.usage.time_ms, 60_000);
    assert!(matches!(session.state, SessionState::Paused(_)), "{:?}", session.state);
    assert!(app.handle.device_is_unknown(ben).await);
    app.lan.join(mac(1), IpAddr::from([10, 0, 0, 1]));
    app.device(1).await;
    app.pass(Duration::from_secs(1)).await;
    assert_eq!(app.handle.usable_sessions(ana.id).await.unwrap().remove(0).usage.data_bytes(), 0);
}

/// Everything as it was when the back-up was made.
async fn restored(app: TestApp, file: &Path) -> TestApp {
    let database = app.store.path().to_owned();
    fs::copy(file, upload_path(&database)).unwrap();
    stage_backup(&database).await.unwrap();
    app.handle.stop().await;
    app.store.close().await.unwrap();
    restore::begin(&database).await.unwrap();
    app.restart().await
}

#[tokio::test]
async fn no_number_of_an_event_is_given_twice() {
    let app = TestApp::start().await;
    let ana = app.device(1).await;
    let fields = HookPatch {
        name: Some(Text::new("books")),
        url: Some("https://books.example/".parse::<WebUrl>().unwrap()),
        ..HookPatch::default()
    };
    let hook = Hook::new(HookId::new(uuid::Uuid::now_v7()), fields).unwrap();
    let secret = HookSecret::of_random([7; 32]);
    app.store.create_hook(&hook, &secret, START.wall, None).await.unwrap().unwrap();
    let before_any = back_up(&app, "empty.backup").await;
    let session = async |app: &TestApp| {
        app.handle.create_session(ana.id, minutes(60)).await.unwrap();
        app.store.session_event_range().await.unwrap().unwrap().1
    };
    let heard = session(&app).await;
    let far = HookHeard { hook: hook.id, from: heard, to: heard, deliveries: Vec::new() };
    app.store.queue_for_hook(&far, &app.clock.boot_id().unwrap(), app.clock.now()).await.unwrap();
    let with_one = back_up(&app, "one.backup").await;
    let mut given = 0;
    for _ in 0..5 {
        given = session(&app).await;
    }
    let logged = async |app: &TestApp| app.store.events(0, 1_000).await.unwrap().last().unwrap().id;
    let mut log = logged(&app).await;
    let (mut app, mut kept) = (app, heard);
    for file in [with_one, before_any] {
        app = restored(app, &file).await;
        // Whoever heard the last one, or any before, finds a gap behind it, and begins anew.
        let behind = app.store.session_events(kept.saturating_sub(1), 10).await.unwrap();
        assert_eq!(behind[0].id, given + 2, "{behind:?}");
        let cursor = app.store.hook(hook.id).await.unwrap().unwrap().cursor;
        assert_eq!(cursor, given + 2, "what it was told it is not told again");
        let newest = session(&app).await;
        assert!(newest > given + 2);
        let newest_line = logged(&app).await;
        assert!(newest_line > log, "{newest_line} and {log}");
        (given, log, kept) = (newest, newest_line, 0);
    }
}

async fn staged(database: &Path, bytes: &[u8]) -> String {
    fs::write(upload_path(database), bytes).unwrap();
    let error = stage_backup(database).await.unwrap_err().to_string();
    assert!(!upload_path(database).exists() && !restore::is_staged(database), "{error}");
    error
}

#[tokio::test]
async fn what_is_no_back_up_of_ours_is_refused_and_nothing_is_left_of_it() {
    let app = TestApp::start().await;
    voucher(&app).await;
    let database = app.store.path().to_owned();
    let good = fs::read(back_up(&app, "good.backup").await).unwrap();
    for bytes in [b"".as_slice(), b"hello", &[0; 5_000]] {
        assert!(staged(&database, bytes).await.contains("no back-up of turnpike"), "{}", bytes.len());
    }
    let cut = staged(&database, &good[..good.len() / 2]).await;
    assert!(cut.contains("damaged") || cut.contains("no back-up"), "{cut}");
    // A database without the note, another key, a newer version, foreign tables.
    let change = async |statement: &'static str| {
        let place = app.dir.path().join("changed.backup");
        fs::write(&place, &good).unwrap();
        let pool = sqlx::sqlite::SqlitePool::connect(&format!("sqlite://{}", place.display())).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
        fs::read(&place).unwrap()
    };
    for (statement, said) in [
        ("DROP TABLE turnpike_backup", "no back-up of turnpike"),
        ("UPDATE turnpike_backup SET value = '2' WHERE name = 'format'", "newer turnpike"),
        ("UPDATE turnpike_backup SET value = 'zz' WHERE name = 'key'", "key does not fit"),
        (
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'x', 1, x'00', 0)",
            "newer turnpike",
        ),
        (
            "CREATE TRIGGER evil AFTER UPDATE ON sessions BEGIN DELETE FROM sessions; END",
            "tables are not those",
        ),
    ] {
        let error = staged(&database, &change(statement).await).await;
        assert!(error.contains(said), "{statement}: {error}");
    }
    assert!(app.store.any_voucher().await.unwrap().is_some());
    let key = fs::read_to_string(key_path(&database)).unwrap();
    assert_eq!(key.trim().len(), 64);
    // A daemon that starts meanwhile opens what it had.
    let store = Store::open(&app.dir.path().join("other.db")).await.unwrap();
    store.close().await.unwrap();
}

/// What stands before a file in a form.
const FILE: &[u8] = b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\n";

struct Desk {
    pages: Pages,
    upkeep: Upkeep,
    orders: Receiver<Order>,
    cookie: String,
}

impl Desk {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.keep().join("turnpike.toml");
        fs::write(&path, SETTINGS).unwrap();
        let (upkeep, orders) = Upkeep::new(SettingsFile::new(path), LogTail::default());
        let known = upkeep.clone();
        let pages = Pages::start_as(|state| state.with_upkeep(known)).await;
        let cookie = pages.log_in(&[Permission::Admin]).await;
        Self { pages, upkeep, orders, cookie }
    }

    /// What the page that asks names.
    async fn of(&self) -> String {
        let page = self.pages.get(&self.cookie, "/admin/backup/restore").await;
        hidden(&page.text, "of").to_owned()
    }

    async fn upload(&self, bytes: &[u8]) -> crate::admin_pages::Shown {
        self.send([FILE, bytes, b"\r\n--XX--\r\n"].concat()).await
    }

    async fn send(&self, body: Vec<u8>) -> crate::admin_pages::Shown {
        let path = format!("/admin/backup/upload?csrf={}", csrf(&self.cookie));
        self.pages.post_bytes(&self.cookie, &path, "multipart/form-data; boundary=XX", body).await
    }

    async fn actions(&self) -> Vec<String> {
        let query = AuditQuery { page: 1, per_page: 50, ..AuditQuery::default() };
        let (lines, _) = self.pages.app.store.audit(&query).await.unwrap();
        lines.into_iter().map(|line| line.action).collect()
    }
}

#[tokio::test]
async fn the_pages_download_look_at_and_restore() {
    let mut desk = Desk::open().await;
    let other = desk.pages.log_in(&seller()).await;
    for path in ["/admin/backup", "/admin/backup/restore", "/admin/backup/settings"] {
        assert_eq!(desk.pages.get(&other, path).await.status, 403, "{path}");
    }
    for path in ["/admin/backup/file", "/admin/backup/restore", "/admin/backup/discard"] {
        assert_eq!(desk.pages.post(&other, path, &[]).await.status, 403, "{path}");
    }
    desk.pages.voucher().await;
    let front = desk.pages.get(&desk.cookie, "/admin/backup").await;
    assert!(
        front.status == 200 && front.text.contains("Whoever has the file has all of that"),
        "{}",
        front.text
    );
    let file = desk.pages.post_raw(&desk.cookie, "/admin/backup/file").await;
    assert!(file.starts_with(b"SQLite format 3\0"), "{} bytes", file.len());
    let rest = fs::read_dir(desk.pages.app.dir.path()).unwrap();
    let left: Vec<_> = rest.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("backup")), "{left:?}");
    // What a killed process has left is in nobody's way, and goes.
    let part = backup_part(desk.pages.app.store.path());
    fs::write(&part, "half of one").unwrap();
    assert!(desk.pages.post_raw(&desk.cookie, "/admin/backup/file").await.starts_with(b"SQLite format 3\0"));
    assert!(!part.exists());
    fs::write(&part, "half of one").unwrap();
    clear_backup_part(desk.pages.app.store.path());
    assert!(!part.exists());
    for wrong in [b"nonsense".as_slice(), b""] {
        let shown = desk.upload(wrong).await;
        assert!(shown.status == 422 && shown.text.contains("cannot be restored"), "{}", shown.text);
        assert!(
            shown.text.contains("<title>Error: ") && shown.text.contains("aria-describedby=\"file-trouble\"")
        );
    }
    assert_eq!(desk.pages.get(&desk.cookie, "/admin/backup/restore").await.to, "/admin/backup");
    let ready = desk.upload(&file).await;
    assert_eq!((ready.status, ready.to.as_str()), (303, "/admin/backup/restore"), "{}", ready.text);
    let confirm = desk.pages.get(&desk.cookie, "/admin/backup/restore").await;
    for part in
        ["Café &#60;b&#62;", "<dt>Vouchers</dt><dd>1</dd>", "0.00 EUR", "before-restore", "is cut off"]
    {
        assert!(confirm.text.contains(part), "{part}: {}", confirm.text);
    }
    assert_eq!(desk.pages.get(&desk.cookie, "/admin/backup/settings").await.text, SETTINGS);
    // The forms are about what was looked at: another upload, also of the same file, is another.
    let seen = hidden(&confirm.text, "of").to_owned();
    assert_eq!(desk.upload(&file).await.status, 303);
    for path in ["/admin/backup/discard", "/admin/backup/restore"] {
        for of in ["", &*seen] {
            let shown = desk.pages.post(&desk.cookie, path, &[("of", of)]).await;
            assert!(shown.status == 422 && shown.text.contains("Another back-up was sent"), "{}", shown.text);
        }
    }
    assert!(desk.orders.try_recv().is_err());
    let of = desk.of().await;
    desk.pages.post(&desk.cookie, "/admin/backup/discard", &[("of", &of)]).await;
    let gone = desk.pages.post(&desk.cookie, "/admin/backup/restore", &[]).await;
    assert!(gone.status == 422 && gone.text.contains("nothing to restore"), "{}", gone.text);
    desk.upload(&file).await;
    let chosen = desk.of().await;
    let order = async {
        let Some(Order::Restore { of, by, reply }) = desk.orders.recv().await else { panic!("no order") };
        assert_eq!(of, chosen);
        assert_eq!((by.action, by.name), ("backup.restore", Text::new("token 1 Ana & Ben")));
        reply.send(Ok(())).unwrap();
    };
    let fields = [("of", chosen.as_str())];
    let sent = desk.pages.post(&desk.cookie, "/admin/backup/restore", &fields);
    let (shown, ()) = tokio::join!(sent, order);
    assert!(shown.status == 200 && shown.text.contains("is being restored"), "{}", shown.text);
    // While that is carried out nobody exchanges or removes it, and nothing else begins.
    desk.upkeep.begin(desk.pages.app.handle.now().wall, Text::new("ana"), true);
    let other = desk.upload(&file).await;
    assert!(other.status == 422 && other.text.contains("Another change is being made"), "{}", other.text);
    for path in ["/admin/backup/discard", "/admin/backup/restore"] {
        let shown = desk.pages.post(&desk.cookie, path, &fields).await;
        assert!(shown.text.contains("Another change is being made"), "{path}: {}", shown.text);
    }
    assert_eq!(desk.of().await, chosen);
    let actions = desk.actions().await;
    assert!(actions.iter().any(|action| action == "backup.download"), "{actions:?}");
}

#[tokio::test]
async fn what_is_no_form_with_one_whole_file_is_refused_and_leaves_nothing() {
    let desk = Desk::open().await;
    let file = desk.pages.post_raw(&desk.cookie, "/admin/backup/file").await;
    let end = b"\r\n--XX--\r\n".as_slice();
    let huge = [b"--XX\r\nX: ".as_slice(), &vec![b'x'; 300_000], b"\r\n\r\n", &file, end].concat();
    for (body, why) in [
        ([FILE, &file, b"\r\n", FILE, &file, end].concat(), "Send one file."),
        ([FILE, &file].concat(), "did not come whole"),
        ([FILE, &file, b"\r\n--XX"].concat(), "did not come whole"),
        ([FILE, &file, b"\r\n--XY--\r\n"].concat(), "did not come whole"),
        ([b"--XY".as_slice(), &FILE[4..], &file, end].concat(), "did not come whole"),
        (huge, "did not come whole"),
        (b"--XX\r\n\r\nfile\r\n--XX--".to_vec(), "did not come whole"),
        (b"--XX--\r\n".to_vec(), "Choose a file first."),
        ([FILE, end].concat(), "Choose a file first."),
        (Vec::new(), "did not come whole"),
    ] {
        let shown = desk.send(body).await;
        assert!(shown.status == 422 && shown.text.contains(why), "{why}: {}", shown.text);
        assert_eq!(desk.pages.get(&desk.cookie, "/admin/backup/restore").await.to, "/admin/backup");
    }
    let rest = fs::read_dir(desk.pages.app.dir.path()).unwrap();
    let left: Vec<_> = rest.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("restore")), "{left:?}");
}

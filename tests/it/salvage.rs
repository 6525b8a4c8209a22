//! A database that is damaged: what could be read goes on exactly as it was, and no power cut leaves half of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use turnpike::domain::WallTime;
use turnpike::store::{AuditQuery, Salvage, SalvageFor, Store, StoreError, begin_empty, salvage};

pub(super) const NOW: WallTime = WallTime(1_790_000_000_000);
/// The tables that people have paid for, and what hangs on them.
const MONEY: &[&str] = &[
    "account_plans",
    "accounts",
    "credits",
    "devices",
    "grants",
    "refunds",
    "sales",
    "sessions",
    "voucher_batches",
    "voucher_uses",
    "vouchers",
];

/// Numbers that look like chance and are the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.next() & 0xff).unwrap()).collect()
    }
}

pub(super) async fn plain(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).pragma("writable_schema", "ON");
    options.disable_statement_logging().connect().await.unwrap()
}

/// A hotspot that has been in use: several pages of each table that matters.
async fn fill(path: &Path, scale: usize) {
    let store = Store::open(path).await.unwrap();
    let mut file = plain(path).await;
    let count =
        format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {scale}) ");
    let uuid = |kind: u32| format!("printf('0190{kind:04}-0000-7000-8000-%012x', i)");
    let (device, session, sale) = (uuid(1), uuid(2), uuid(3));
    for insert in [
        format!("INSERT INTO devices (id, mac, blocked, roles, first_seen, hostname) {count} \
            SELECT {device}, printf('02:00:5e:%02x:%02x:%02x', i / 65536, i / 256 % 256, i % 256), i % 7 = 0, '[]', 1700000000000 + i, 'phone-' || i FROM n"),
        format!("INSERT INTO sessions (id, device, provider, source_seq, kind, time_limit_ms, use_global_speed, used_time_ms, used_sent, used_received, state, created_at, properties, roles) {count} \
            SELECT {session}, {device}, 'voucher', 0, 'time', 3600000 + i, 1, i * 10, i, i, 'available', 1700000000000 + i, '{{}}', '[]' FROM n"),
        format!("INSERT INTO voucher_batches (name, kind, time_limit_ms, use_global_speed, count, created_at) {count} \
            SELECT 'batch ' || i, 'time', 3600000, 1, 5, 1700000000000 + i FROM n WHERE i <= {scale} / 5"),
        format!("INSERT INTO vouchers (batch, lookup, sealed, redeemed_at, device, session) {count} \
            SELECT 1 + (i - 1) % ({scale} / 5), unhex(printf('%064x', i)), unhex(printf('%080x', i * 7)), \
            CASE i % 2 WHEN 0 THEN 1700000000000 + i END, CASE i % 2 WHEN 0 THEN {device} END, CASE i % 2 WHEN 0 THEN {session} END FROM n"),
        format!("INSERT INTO voucher_uses (voucher, device, session, at) {count} SELECT i, {device}, {session}, 1700000000000 + i FROM n WHERE i % 2 = 0"),
        format!("INSERT INTO sales (id, at, seller, item, voucher, device, session, amount) {count} \
            SELECT {sale}, 1700000000000 + i, 'ana', 'voucher', i, {device}, {session}, 100 + i FROM n"),
        format!("INSERT INTO refunds (sale, refunded, taken_back) {count} SELECT {sale}, printf('01900003-0000-7000-8000-%012x', i + 1), 0 FROM n WHERE i % 10 = 0 AND i < {scale}"),
        format!("INSERT INTO credits (source, reference, at, amount, device) {count} SELECT 'coinslot/a', 'coin ' || i, 1700000000000 + i, 5, {device} FROM n"),
        format!("INSERT INTO accounts (name, password, max_devices, one_more, disabled, roles, properties, created_at) {count} \
            SELECT 'guest' || i, '$argon2id$v=19$m=19456,t=2,p=1$' || hex(i * 1000003) || '$' || hex(i * 7919), 3, 'refuse', 0, '[]', '{{}}', 1700000000000 FROM n"),
        format!("INSERT INTO account_plans (account, place, plan, attached_at) {count} SELECT i, 1, 'hour', 1700000000000 FROM n"),
        format!("INSERT INTO grants (subject, plan, period, session) {count} SELECT 'device ' || {device}, 'free', 0, {session} FROM n"),
        format!("INSERT INTO events (at, name, details) {count} SELECT 1700000000000 + i, 'device_joined', '[]' FROM n"),
        format!("INSERT INTO session_events (id, at, session, device, kind, properties, previous) {count} SELECT i, 1700000000000 + i, {session}, {device}, 'open', '{{}}', '{{}}' FROM n"),
        format!("INSERT INTO audit (at, actor, action, subject, details, origin) {count} SELECT 1700000000000 + i, 'ana', 'voucher.make', 'x' || i, 'details of ' || i, 'here' FROM n"),
        "INSERT INTO hooks (id, name, url, secret, kinds, properties, enabled, cursor, created_at) \
            VALUES ('0190aaaa-0000-7000-8000-000000000001', 'h', 'https://x.example/', 's', '[]', '', 1, 3, 1)".to_owned(),
        "INSERT INTO meta (name, value) VALUES ('newest_wall', 1700000000000)".to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(insert)).execute(&mut file).await.unwrap();
    }
    file.close().await.unwrap();
    store.close().await.unwrap();
}

type Rows = BTreeMap<i64, String>;

async fn columns(file: &mut SqliteConnection, table: &str) -> String {
    let rows =
        sqlx::query("SELECT name FROM pragma_table_info($1)").bind(table.to_owned()).fetch_all(file).await;
    let names: Vec<String> =
        rows.unwrap().iter().map(|row| format!("quote(\"{}\")", row.get::<String, _>(0))).collect();
    names.join(" || '|' || ")
}

/// Every row, by its number, as a text of all that is in it.
async fn all(file: &mut SqliteConnection, table: &str) -> Rows {
    let text = format!("SELECT rowid, {} FROM {table}", columns(file, table).await);
    let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(file).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn everything(path: &Path) -> BTreeMap<&'static str, Rows> {
    let mut file = plain(path).await;
    let mut found = BTreeMap::new();
    for table in MONEY {
        found.insert(*table, all(&mut file, table).await);
    }
    file.close().await.unwrap();
    found
}

/// Which of these rows can be read one by one in a copy of the damaged file, and are what they were.
async fn readable(
    damaged: &Path,
    before: &BTreeMap<&'static str, Rows>,
) -> BTreeMap<&'static str, BTreeSet<i64>> {
    let mut found = BTreeMap::new();
    let mut file = plain(damaged).await;
    for (table, rows) in before {
        let names = columns(&mut file, table).await;
        let text = format!("SELECT {names} FROM {table} NOT INDEXED WHERE rowid = $1");
        let mut whole = BTreeSet::new();
        for (number, was) in rows.iter().filter(|_| !names.is_empty()) {
            let row = sqlx::query(AssertSqlSafe(text.clone())).bind(number).fetch_optional(&mut file).await;
            if row.ok().flatten().is_some_and(|row| row.try_get::<String, _>(0).is_ok_and(|row| row == *was))
            {
                whole.insert(*number);
            }
        }
        found.insert(*table, whole);
    }
    let _ = file.close().await;
    found
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    let log = beside(from, "-wal");
    if log.exists() {
        fs::copy(log, beside(to, "-wal")).unwrap();
    }
}

/// Overwrites part of a file, and says whether what is read is whole or not at all.
fn damage(path: &Path, chance: &mut Chance, kind: usize) -> bool {
    let mut bytes = fs::read(path).unwrap();
    let pages = bytes.len() / 4096;
    let many = 1 + chance.below(6);
    match kind {
        0 => {
            for _ in 0..many {
                let page = 1 + chance.below(pages - 1);
                bytes[page * 4096..(page + 1) * 4096].copy_from_slice(&chance.bytes(4096));
            }
        }
        1 => {
            for _ in 0..many {
                let page = 1 + chance.below(pages - 1);
                bytes[page * 4096..(page + 1) * 4096].fill(0);
            }
        }
        2 => bytes.truncate(4096 + chance.below(bytes.len() - 4096)),
        3 => {
            let length = [16, 40, 100][chance.below(3)];
            bytes[..length].copy_from_slice(&chance.bytes(length));
        }
        _ => {
            for _ in 0..many {
                let length = 1 + chance.below(300);
                let at = 4096 + chance.below(bytes.len() - 4096 - length);
                bytes[at..at + length].copy_from_slice(&chance.bytes(length));
            }
        }
    }
    fs::write(path, bytes).unwrap();
    kind != 4
}

async fn assert_sound(path: &Path) {
    let mut file = plain(path).await;
    let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut file).await.unwrap();
    assert_eq!(check, "ok");
    assert!(sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut file).await.unwrap().is_empty());
    file.close().await.unwrap();
}

/// Rows that cannot stay although they can be read: those of which a parent is lost.
fn has_lost_parent(table: &str, row: &str, after: &BTreeMap<&'static str, Rows>) -> bool {
    let parts: Vec<&str> = row.split('|').collect();
    let has = |table: &str, column: usize, value: &str| {
        after[table].values().any(|row| row.split('|').nth(column) == Some(value))
    };
    match table {
        "sessions" => !has("devices", 0, parts[1]),
        "vouchers" => !has("voucher_batches", 0, parts[1]),
        "voucher_uses" => !has("vouchers", 0, parts[1]),
        "refunds" => !has("sales", 0, parts[0]) || !has("sales", 0, parts[1]),
        "account_plans" => !has("accounts", 0, parts[1]),
        _ => false,
    }
}

/// What is in a row but for its number.
fn number_off(row: &str) -> &str {
    row.split_once('|').unwrap().1
}

/// Vouchers that could be redeemed a second time.
async fn redeemed_without_a_place(path: &Path) -> i64 {
    let mut file = plain(path).await;
    let count = "SELECT count(*) FROM vouchers v WHERE redeemed_at IS NOT NULL AND NOT EXISTS \
                 (SELECT 1 FROM voucher_uses u WHERE u.voucher = v.id AND u.ended_at IS NULL)";
    let count = sqlx::query_scalar(count).fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    count
}

/// The first page of a table, or the leaf of it with that number.
pub(super) async fn page_of(path: &Path, table: &str, leaf: Option<i64>) -> i64 {
    let mut file = plain(path).await;
    let found = match leaf {
        None => {
            sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE name = $1").bind(table.to_owned())
        }
        Some(leaf) => sqlx::query_scalar(
            "SELECT pageno FROM dbstat WHERE name = $1 AND pagetype = 'leaf' LIMIT 1 OFFSET $2",
        )
        .bind(table.to_owned())
        .bind(leaf),
    };
    let page = found.fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    page
}

pub(super) fn wipe(path: &Path, page: i64) {
    let mut bytes = fs::read(path).unwrap();
    let at = usize::try_from(page - 1).unwrap() * 4096;
    bytes[at..at + 4096].fill(0);
    fs::write(path, bytes).unwrap();
}

async fn one_case(whole: &Path, before: &BTreeMap<&'static str, Rows>, seed: u64) -> Result<Salvage, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    copy(whole, &path);
    let mut chance = Chance(seed);
    let is_exact = damage(&path, &mut chance, usize::try_from(seed % 5).unwrap());
    let oracle = dir.path().join("oracle.db");
    copy(&path, &oracle);
    let bytes = fs::read(&path).unwrap();
    let salvaged = match salvage(&path, "test", NOW, SalvageFor::GoingOn).await {
        Ok(salvaged) => salvaged,
        Err(error @ StoreError::Unsalvaged { .. }) => {
            assert!(fs::read(&path).unwrap() == bytes, "it was left as it is");
            let left: Vec<_> =
                fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert!(left.iter().all(|name| !name.to_string_lossy().contains(".salvag")), "{left:?}");
            return Err(error.to_string());
        }
        Err(error) => panic!("seed {seed}: {error}"),
    };
    assert!(fs::read(&salvaged.aside).unwrap() == bytes, "what is set aside is what it was");
    let store = Store::open(&path).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    store.load().await.unwrap();
    store.close().await.unwrap();
    assert_sound(&path).await;
    let after = everything(&path).await;
    // A header that is lost says nothing to those who do not know what it was.
    let readable = if seed % 5 == 3 { BTreeMap::new() } else { readable(&oracle, before).await };
    for table in MONEY {
        let (before, after_rows) = (&before[table], &after[table]);
        let said = salvaged.tables.iter().find(|said| said.name == *table).unwrap();
        assert_eq!(said.came, u64::try_from(after_rows.len()).unwrap(), "seed {seed}: {table}");
        if is_exact && !said.or_more {
            let lost = u64::try_from(before.len() - after_rows.len()).unwrap();
            assert_eq!(said.lost, lost, "seed {seed}: {table}");
        }
        for (number, row) in after_rows.iter().filter(|_| is_exact) {
            let is_by_index = *table == "devices" && salvaged.devices_by_index > 0;
            let is_made_again =
                *table == "voucher_uses" && before.values().any(|was| number_off(was) == number_off(row));
            assert!(
                before.get(number) == Some(row) || is_by_index || is_made_again,
                "seed {seed}: {table} {number}: {row}"
            );
        }
        for number in readable.get(table).into_iter().flatten() {
            let row = &before[number];
            let is_there = after_rows.get(number) == Some(row) || has_lost_parent(table, row, &after);
            assert!(is_there || !is_exact, "seed {seed}: {table} {number} could be read: {row}");
        }
    }
    for guard in ["grants", "refunds"] {
        let said = salvaged.tables.iter().find(|said| said.name == guard).unwrap();
        assert!(said.is_whole() || guard == "refunds", "seed {seed}: {said:?}");
    }
    assert_eq!(redeemed_without_a_place(&path).await, 0, "seed {seed}");
    if seed % 5 == 3 {
        assert_eq!(&after, before, "seed {seed}: only the header was lost");
    }
    Ok(salvaged)
}

#[tokio::test]
async fn what_can_be_read_of_a_damaged_database_goes_on_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole.db");
    fill(&whole, 600).await;
    let before = everything(&whole).await;
    let (mut went_on, mut refused, mut lossy) = (0, 0, 0);
    for seed in 0..100 {
        match one_case(&whole, &before, seed).await {
            Ok(salvaged) => {
                went_on += 1;
                lossy += usize::from(salvaged.tables.iter().any(|table| !table.is_whole()));
            }
            Err(said) => {
                assert!(
                    said.contains("turnpike salvage --yes") && said.contains("turnpike restore"),
                    "{said}"
                );
                refused += 1;
            }
        }
    }
    println!("{went_on} went on, {lossy} of them with losses; {refused} refused");
    assert!(went_on >= 50 && lossy >= 25, "{went_on} {lossy} {refused}");
}

#[tokio::test]
async fn damage_that_is_met_while_running_is_salvaged_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fill(&path, 600).await;
    let before = everything(&path).await;
    let root: i64 = {
        let mut file = plain(&path).await;
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'audit_by_time'";
        let root = sqlx::query_scalar(root).fetch_one(&mut file).await.unwrap();
        file.close().await.unwrap();
        root
    };
    let store = Store::open(&path).await.unwrap();
    assert!(!Store::met_damage());
    let mut bytes = fs::read(&path).unwrap();
    let at = usize::try_from(root - 1).unwrap() * 4096;
    bytes[at..at + 4096].fill(0);
    fs::write(&path, &bytes).unwrap();
    let since = AuditQuery { since: Some(NOW), page: 1, per_page: 10, ..AuditQuery::default() };
    let error = store.audit(&since).await.unwrap_err();
    assert!(Store::met_damage(), "{error}");
    assert!(!Store::met_damage(), "it is asked once");
    let problem = store.look_for_damage().await.unwrap();
    assert!(problem.is_some());
    store.mark_for_check().unwrap();
    store.close().await.unwrap();
    // After a clean stop nobody would look otherwise.
    let (store, salvaged) = Store::open_or_salvage(&path, NOW).await.unwrap();
    let salvaged = salvaged.unwrap();
    assert!(salvaged.tables.iter().all(|table| table.is_whole()), "an index is made anew: {salvaged:?}");
    let (report, says) = store.salvage_report().unwrap().unwrap();
    assert!(
        says.contains("nothing was lost") && says.contains(&salvaged.aside.display().to_string()),
        "{says}"
    );
    assert!(report.to_string_lossy().contains(".corrupt-20260921-"), "{report:?}");
    let lines = AuditQuery {
        action: Some("store.salvage".to_owned()),
        page: 1,
        per_page: 100,
        ..AuditQuery::default()
    };
    let (lines, _) = store.audit(&lines).await.unwrap();
    assert!(lines.iter().any(|line| line.details.as_str() == "sales: 600 rows, none lost"), "{lines:?}");
    store.close().await.unwrap();
    assert!(!beside(&path, ".check").exists());
    assert_eq!(everything(&path).await, before);
    let (_, again) = Store::open_or_salvage(&path, NOW).await.unwrap();
    assert!(again.is_none());
}

#[tokio::test]
async fn a_human_decides_when_nothing_of_what_matters_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fill(&path, 300).await;
    let before = everything(&path).await;
    let mut file = plain(&path).await;
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'";
    let root: i64 = sqlx::query_scalar(root).fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = usize::try_from(root - 1).unwrap() * 4096;
    bytes[at..at + 4096].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    fs::write(beside(&path, ".before-restore"), "a copy").unwrap();
    // What a salvage that died has left is not taken for anything.
    fs::write(beside(&path, ".salvaged"), "half of it").unwrap();
    fs::write(beside(&path, ".salvage"), "half of it").unwrap();
    fs::write(beside(&path, "-wal"), "").unwrap();
    let error = Store::open_or_salvage(&path, NOW).await.unwrap_err().to_string();
    for part in
        ["nothing of its table sessions can be read", "turnpike.db.before-restore", "turnpike salvage --yes"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    let again = Store::open_or_salvage(&path, NOW).await.unwrap_err().to_string();
    assert!(
        again.contains("nothing of its table sessions can be read") && beside(&path, ".unsalvaged").exists()
    );
    let looked = salvage(&path, "test", NOW, SalvageFor::Looking).await.unwrap();
    let sessions = looked.tables.iter().find(|table| table.name == "sessions").unwrap();
    assert_eq!(
        (sessions.came, sessions.lost, sessions.or_more),
        (0, 300, false),
        "its indexes know how many"
    );
    assert!(fs::read(&path).unwrap() == bytes && !looked.aside.exists(), "it was only looked at");
    let salvaged = salvage(&path, "test", NOW, SalvageFor::GoingOnAnyway).await.unwrap();
    assert!(fs::read(&salvaged.aside).unwrap() == bytes);
    let after = everything(&path).await;
    assert!(after["sessions"].is_empty());
    for table in MONEY.iter().filter(|table| **table != "sessions") {
        assert_eq!(after[table], before[table], "{table}");
    }
    let aside = begin_empty(&path, NOW).await.unwrap();
    assert_ne!(aside, salvaged.aside, "nothing that was set aside is overwritten");
    let store = Store::open(&path).await.unwrap();
    assert!(store.load().await.unwrap().devices.is_empty());
}

#[tokio::test]
async fn what_was_used_once_is_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fill(&path, 600).await;
    wipe(&path, page_of(&path, "voucher_uses", None).await);
    let salvaged = salvage(&path, "test", NOW, SalvageFor::GoingOn).await.unwrap();
    assert_eq!(redeemed_without_a_place(&path).await, 0, "{salvaged:?}");
    let mut file = plain(&path).await;
    let places =
        "SELECT count(*) FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher AND v.device = u.device";
    assert_eq!(sqlx::query_scalar::<_, i64>(places).fetch_one(&mut file).await.unwrap(), 300);
    let least = "SELECT min(id) FROM voucher_uses";
    let least: i64 = sqlx::query_scalar(least).fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    assert!(least > 300, "no number is given twice: {least}");
    wipe(&path, page_of(&path, "grants", Some(1)).await);
    let refused = salvage(&path, "test", NOW, SalvageFor::GoingOn).await.unwrap_err().to_string();
    assert!(refused.contains("not all of its table grants can be read"), "{refused}");
    let salvaged = salvage(&path, "test", NOW, SalvageFor::GoingOnAnyway).await.unwrap();
    assert!(salvaged.lines().iter().any(|line| line.contains("grants: what its lost rows")), "{salvaged:?}");
    // A line that gives money back is lost: what it gave back could be given back again.
    let mut file = plain(&path).await;
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut file).await.unwrap();
    let delete = "DELETE FROM sales WHERE id = (SELECT sale FROM refunds LIMIT 1)";
    assert_eq!(sqlx::query(delete).execute(&mut file).await.unwrap().rows_affected(), 1);
    file.close().await.unwrap();
    let refused = salvage(&path, "test", NOW, SalvageFor::GoingOn).await.unwrap_err().to_string();
    assert!(refused.contains("not all of its table refunds can be read"), "{refused}");
}

#[tokio::test]
async fn a_lost_place_of_a_code_for_several_devices_is_for_a_human_to_decide() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fill(&path, 600).await;
    let mut file = plain(&path).await;
    let shared =
        "UPDATE voucher_batches SET max_devices = 2 WHERE id = (SELECT min(id) FROM voucher_batches)";
    assert_eq!(sqlx::query(shared).execute(&mut file).await.unwrap().rows_affected(), 1);
    file.close().await.unwrap();
    wipe(&path, page_of(&path, "voucher_uses", Some(1)).await);
    let refused = salvage(&path, "test", NOW, SalvageFor::GoingOn).await.unwrap_err().to_string();
    assert!(refused.contains("not all of its table voucher_uses can be read"), "{refused}");
}

#[tokio::test]
async fn devices_whose_row_is_lost_keep_what_they_have_paid_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fill(&path, 600).await;
    let before = everything(&path).await;
    wipe(&path, page_of(&path, "devices", Some(2)).await);
    let salvaged = salvage(&path, "test", NOW, SalvageFor::GoingOn).await.unwrap();
    assert!(salvaged.devices_by_index > 5, "{salvaged:?}");
    let after = everything(&path).await;
    assert_eq!(after["sessions"], before["sessions"]);
    let ids = |rows: &Rows| {
        rows.values().map(|row| row.split('|').take(2).collect::<String>()).collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(&after["devices"]), ids(&before["devices"]));
    let mut file = plain(&path).await;
    let kinds = "SELECT count(*) FROM devices WHERE identity = 1000000";
    let made: i64 = sqlx::query_scalar(kinds).fetch_one(&mut file).await.unwrap();
    assert_eq!(u64::try_from(made).unwrap(), salvaged.devices_by_index, "older cookies and codes are void");
}

#[tokio::test]
async fn a_log_that_is_damaged_takes_nothing_that_was_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fill(&path, 100).await;
    let store = Store::open(&path).await.unwrap();
    let mut file = plain(&path).await;
    for number in 0..50 {
        let text = format!(
            "INSERT INTO credits (source, reference, at, amount) VALUES ('late', 'late {number}', 1, 5)"
        );
        sqlx::query(AssertSqlSafe(text)).execute(&mut file).await.unwrap();
    }
    for seed in 0..20 {
        let mut chance = Chance(seed);
        let cut = tempfile::tempdir().unwrap();
        let damaged = cut.path().join("turnpike.db");
        copy(&path, &damaged);
        let log = beside(&damaged, "-wal");
        let mut bytes = fs::read(&log).unwrap();
        for _ in 0..3 {
            let at = chance.below(bytes.len() - 64);
            bytes[at..at + 64].copy_from_slice(&chance.bytes(64));
        }
        fs::write(&log, bytes).unwrap();
        let (opened, _) = Store::open_or_salvage(&damaged, NOW).await.unwrap();
        opened.close().await.unwrap();
        assert_sound(&damaged).await;
        let credits = everything(&damaged).await["credits"].len();
        assert!((100..=150).contains(&credits), "seed {seed}: {credits}");
    }
    file.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
#[ignore = "says how long it takes with 10,000 devices; nothing depends on it"]
async fn how_long_checks_and_a_salvage_take() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnpike.db");
    fill(&path, 10_000).await;
    let mut file = plain(&path).await;
    for check in ["PRAGMA quick_check(1)", "PRAGMA integrity_check(1)"] {
        let watch = turnpike::clock::Stopwatch::start();
        let answer: String = sqlx::query_scalar(check).fetch_one(&mut file).await.unwrap();
        println!(
            "{check}: {answer}, {:.3} s, {} KB",
            watch.secs(),
            fs::metadata(&path).unwrap().len() / 1024
        );
    }
    file.close().await.unwrap();
    let mut chance = Chance(7);
    damage(&path, &mut chance, 1);
    let watch = turnpike::clock::Stopwatch::start();
    let salvaged = salvage(&path, "test", NOW, SalvageFor::GoingOnAnyway).await.unwrap();
    println!("salvage: {:.3} s: {:?}", watch.secs(), salvaged.lines());
}

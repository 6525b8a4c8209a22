//! For how long the audit log is kept, and by which clock that is told.

use std::time::Duration;

use turnpike::domain::{Actor, AuditLine, Change, ClockGuard, Text, WallTime};
use turnpike::store::{AuditQuery, Store};

use crate::store::{block_on, changes, fixture};
use crate::support::{START, TestApp};

const DAY: i64 = 86_400_000;
/// A believed time.
const NOW: i64 = START.wall.0;

fn line(at: i64) -> AuditLine {
    let actor = Actor {
        name: Text::new("root"),
        origin: Text::new("socket"),
        action: "session.close",
        details: Text::new(""),
    };
    AuditLine { at: WallTime(at), actor, subject: None, before: None, after: None }
}

async fn write(store: &Store, times: &[i64]) {
    let lines: Vec<AuditLine> = times.iter().copied().map(line).collect();
    store.append_audit(&lines).await.unwrap();
}

async fn believe(store: &Store, wall: i64) {
    let committed = store.commit(vec![changes(vec![Change::NewestWall(WallTime(wall))])]).await.unwrap();
    assert!(committed.iter().all(Result::is_ok));
}

/// The times of what is left, oldest line first.
async fn left(store: &Store) -> Vec<i64> {
    let all = AuditQuery { page: 1, per_page: 1_000, ..AuditQuery::default() };
    let mut times: Vec<i64> = store.audit(&all).await.unwrap().0.iter().map(|line| line.at.0).collect();
    times.reverse();
    times
}

#[test]
fn lines_go_when_their_days_are_over() {
    block_on(async {
        let fixture = fixture().await;
        let store = &fixture.store;
        write(store, &[NOW - 40 * DAY, NOW - 31 * DAY, NOW - 29 * DAY, NOW]).await;
        assert_eq!(store.prune_audit(30).await.unwrap(), 0, "no time was believed yet");
        believe(store, NOW).await;
        assert_eq!(store.prune_audit(60).await.unwrap(), 0);
        assert_eq!(store.prune_audit(30).await.unwrap(), 2);
        assert_eq!(left(store).await, [NOW - 29 * DAY, NOW]);
        assert_eq!(store.prune_audit(30).await.unwrap(), 0);
        believe(store, NOW + 100 * DAY).await;
        assert_eq!(store.prune_audit(30).await.unwrap(), 1);
        assert_eq!(left(store).await, [NOW], "the newest line stays");
    });
}

#[test]
fn a_clock_that_was_not_set_makes_no_line_old() {
    block_on(async {
        let fixture = fixture().await;
        let store = &fixture.store;
        // The first start of a router without a battery: 1970, then its time server answered.
        write(store, &[0, 5_000, NOW]).await;
        believe(store, NOW).await;
        assert_eq!(store.prune_audit(30).await.unwrap(), 0);
        // Another start at the image's build date, between lines that are young.
        write(store, &[ClockGuard::FLOOR.0, NOW + DAY]).await;
        believe(store, NOW + 20 * DAY).await;
        assert_eq!(store.prune_audit(30).await.unwrap(), 0);
        // Once a later line is old, so are those before it.
        believe(store, NOW + 31 * DAY - 1).await;
        assert_eq!(store.prune_audit(30).await.unwrap(), 4);
        assert_eq!(left(store).await, [NOW + DAY]);
    });
}

#[test]
fn many_are_pruned_step_by_step() {
    block_on(async {
        let fixture = fixture().await;
        let store = &fixture.store;
        let old: Vec<i64> = (0..2_500).map(|number| NOW - 50 * DAY + number).collect();
        write(store, &old).await;
        write(store, &[NOW]).await;
        believe(store, NOW).await;
        for expected in [1_000, 1_000, 500, 0] {
            assert_eq!(store.prune_audit(30).await.unwrap(), expected);
        }
    });
}

#[tokio::test]
async fn the_daemon_prunes_as_it_was_told() {
    let app = TestApp::start().await;
    write(&app.store, &[NOW, NOW + 2 * DAY, NOW + 366 * DAY]).await;
    believe(&app.store, NOW + 366 * DAY).await;
    // It looks at once when it starts.
    let app = app.restart().await;
    let pruned = tokio::time::timeout(Duration::from_secs(10), async {
        while left(&app.store).await.len() > 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    pruned.await.expect("nothing was pruned");
    assert_eq!(left(&app.store).await, [NOW + 2 * DAY, NOW + 366 * DAY]);
}

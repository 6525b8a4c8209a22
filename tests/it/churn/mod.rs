//! Devices that come and go: what is kept of them is bounded, and nobody loses or gets what is not theirs.

mod crowd;
mod rules;

use crowd::{Crowd, kept};

/// A small place for many: as many a day as a test has time for. `scripts/proof churn` has 5,000.
const PHONES: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn thirty_days_of_phones_that_never_come_again_leave_no_more_than_six_days_do() {
    // Fewer keys than devices: they change hands by being given back and by being taken from who is away.
    let mut crowd = Crowd::start(kept(5, 20_000, 500), 1).await;
    let mut counts = Vec::new();
    for day in 1..=30 {
        counts.push(crowd.day(PHONES).await);
        if day == 10 || day == 20 {
            crowd = crowd.again(day == 10).await;
        }
    }
    crowd.saver_is_whole().await;
    for count in counts.iter().filter(|count| count.day % 5 == 0) {
        println!("{count:?}");
    }
    let bound = PHONES * 65 / 10 + 20;
    for count in &counts[6..] {
        let rows = [count.device_rows, count.session_rows, count.grant_rows];
        assert!(rows.iter().all(|rows| usize::try_from(*rows).unwrap() <= bound), "{count:?}");
    }
    assert!(counts[4].devices > 4 * PHONES, "what is not over for five days is there: {:?}", counts[4]);
    assert!(counts[29].place_rows > 0, "what was paid for is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_most_devices_those_go_that_had_free_access_on_another_day() {
    let most = 200;
    let mut crowd = Crowd::start(kept(90, most, 10_000), 2).await;
    for _ in 1..=8 {
        let count = crowd.day(PHONES).await;
        // One in ten was sold something, and stays; who was here today stays until tomorrow.
        let stay = count.day * PHONES / 4;
        assert!(count.devices <= most + PHONES + stay, "{count:?}");
        assert!(count.devices >= (most * 4 / 5).min(count.day * PHONES / 2), "{count:?}");
    }
    crowd.saver_is_whole().await;
}

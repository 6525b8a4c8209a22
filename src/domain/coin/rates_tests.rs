use proptest::prelude::*;

use super::*;

fn rate(price: i64, time_secs: u64, data_mb: u32) -> Rate {
    let data = (data_mb > 0).then(|| f64::from(data_mb));
    Rate::new(Money(price), Some(time_secs).filter(|secs| *secs > 0), data, None).unwrap()
}

fn rates(rows: &[(i64, u64, u32)]) -> Rates {
    Rates::new(rows.iter().map(|(price, secs, mb)| rate(*price, *secs, *mb)).collect()).unwrap()
}

#[test]
fn the_guest_gets_the_most_for_an_amount() {
    let list = rates(&[(100, 600, 0), (500, 3_600, 0), (2_000, 18_000, 0)]);
    for (amount, spent, secs) in [
        (100, 100, 600),
        (199, 100, 600),
        (499, 400, 2_400),
        (500, 500, 3_600),
        (750, 700, 4_800),
        (2_600, 2_600, 22_200),
    ] {
        let bought = list.best(None, Money(amount)).unwrap();
        assert_eq!((bought.spent, bought.time_ms), (Money(spent), secs * 1_000), "{amount}");
    }
    assert_eq!(list.best(None, Money(99)), None);
    assert_eq!(list.best(None, Money(0)), None);
    assert_eq!(list.best(None, Money(-5)), None);
    // Not what spends the most: an hour and a rest is more than two times ten minutes.
    let odd = rates(&[(300, 600, 0), (500, 3_600, 0)]);
    let bought = odd.best(None, Money(600)).unwrap();
    assert_eq!((bought.spent, bought.time_ms), (Money(500), 3_600_000));
    // The cheapest of equals.
    let dear = rates(&[(700, 60, 0), (500, 60, 0)]);
    assert_eq!(dear.best(None, Money(900)).unwrap().spent, Money(500));
}

#[test]
fn time_and_data_are_chosen_and_not_mixed() {
    let list = rates(&[(500, 3_600, 0), (300, 0, 100), (900, 3_600, 500)]);
    assert_eq!(list.kinds(), [SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData]);
    let data = list.best(Some(SessionKind::Data), Money(800)).unwrap();
    assert_eq!((data.spent, data.time_ms, data.data_bytes), (Money(600), 0, 200_000_000));
    assert_eq!(list.best(None, Money(800)).unwrap().kind, SessionKind::Time);
    assert_eq!(list.best(None, Money(400)).unwrap().kind, SessionKind::Data);
    assert_eq!(list.best(Some(SessionKind::TimeOrData), Money(800)), None);
}

#[test]
fn a_plan_is_named_if_all_of_it_is_that_plan() {
    let row = |price, plan: &str| {
        Rate::new(Money(price), Some(60 * u64::try_from(price).unwrap()), None, Some(plan.to_owned()))
            .unwrap()
    };
    let list = Rates::new(vec![row(5, "short"), row(7, "long")]).unwrap();
    let plan = |amount| list.best(None, Money(amount)).unwrap().plan;
    assert_eq!(plan(10).as_deref(), Some("short"));
    assert_eq!(plan(14).as_deref(), Some("long"));
    assert_eq!(plan(12), None);
}

#[test]
fn a_fortune_is_sold_in_parts() {
    let bought = rates(&[(1, 60, 0)]).best(None, Money::MOST).unwrap();
    assert_eq!(bought.spent, Money(100_000));
    // What a session cannot hold stays as credit.
    let century = rates(&[(100, MAX_TIME_SECS, 0)]).best(None, Money(1_000)).unwrap();
    assert_eq!((century.spent, century.time_ms), (Money(100), MAX_TIME_MS));
}

#[test]
fn rows_that_cannot_be_are_refused_by_field() {
    let field = |price, secs, mb| Rate::new(Money(price), secs, mb, None).unwrap_err().field;
    assert_eq!(field(0, Some(60), None), "amount");
    assert_eq!(field(-1, Some(60), None), "amount");
    assert_eq!(field(1, None, None), "amount");
    assert_eq!(field(1, Some(0), None), "time_secs");
    assert_eq!(field(1, Some(u64::MAX), None), "time_secs");
    assert_eq!(field(1, None, Some(-1.0)), "data_mb");
    assert_eq!(field(1, None, Some(f64::NAN)), "data_mb");
    assert!(Rates::new(Vec::new()).is_err());
    for wrong in [vec![], vec![(0, Money(1))], vec![(1, Money(0))], vec![(1, Money(1)), (1, Money(2))]] {
        assert!(PulseTable::new(wrong).is_err());
    }
}

#[test]
fn pulses_are_worth_what_the_table_says() {
    let table = PulseTable::new(vec![(1, Money(100)), (5, Money(500)), (10, Money(900))]).unwrap();
    let counted = |amount, unknown| Counted { amount: Money(amount), unknown };
    for (pulses, amount) in [(0, 0), (1, 100), (5, 500), (10, 900), (6, 600), (15, 1_400), (2, 200)] {
        assert_eq!(table.worth(pulses), counted(amount, 0), "{pulses}");
    }
    let coarse = PulseTable::new(vec![(3, Money(50)), (5, Money(70))]).unwrap();
    assert_eq!(coarse.worth(2), counted(0, 2));
    assert_eq!(coarse.worth(4), counted(50, 1));
    assert_eq!(coarse.worth(8), counted(120, 0));
    assert_eq!(coarse.worth(7), counted(100, 1));
    assert!(table.worth(u32::MAX).unknown > 0);
}

/// All that can be bought, tried out.
fn tried(
    rows: &[(i64, u64, u32)],
    amount: i64,
    time: u64,
    mb: u64,
    spent: i64,
    count: u32,
) -> Vec<(u64, u64, Reverse<i64>, Reverse<u32>)> {
    let Some(((price, secs, data), others)) = rows.split_first() else {
        return if count == 0 { Vec::new() } else { vec![(time, mb, Reverse(spent), Reverse(count))] };
    };
    let mut found = Vec::new();
    for many in 0..=u32::try_from(amount / price).unwrap() {
        let (times, cost) = (u64::from(many), i64::from(many) * price);
        found.extend(tried(
            others,
            amount - cost,
            time + times * secs,
            mb + times * u64::from(*data),
            spent + cost,
            count + many,
        ));
    }
    found
}

proptest! {
    #[test]
    fn the_best_split_is_the_best_of_all(
        rows in prop::collection::vec((1_i64..12, 1_u64..50, 0_u32..4), 1..4),
        amount in 0_i64..40,
        data in any::<bool>(),
    ) {
        // All of one kind.
        let rows: Vec<(i64, u64, u32)> =
            rows.into_iter().map(|(price, secs, mb)| (price, secs, if data { mb + 1 } else { 0 })).collect();
        let best = tried(&rows, amount, 0, 0, 0, 0).into_iter().max();
        let bought = rates(&rows).best(None, Money(amount)).map(|bought| {
            (bought.time_ms / 1_000, bought.data_bytes / 1_000_000, Reverse(bought.spent.0), Reverse(bought.rows))
        });
        prop_assert_eq!(bought, best);
    }

    /// No pulse is counted twice, and none that can be explained is left out.
    #[test]
    fn a_train_is_worth_no_more_than_its_pulses(
        rows in prop::collection::btree_map(1_u32..9, 1_i64..50, 1..4),
        pulses in 0_u32..60,
    ) {
        let table = PulseTable::new(rows.iter().map(|(count, amount)| (*count, Money(*amount))).collect()).unwrap();
        let counted = table.worth(pulses);
        prop_assert!(counted.unknown <= pulses);
        let dearest = rows.iter().map(|(count, amount)| amount * 1_000 / i64::from(*count)).max().unwrap() + 1;
        prop_assert!(counted.amount.0 * 1_000 <= dearest * i64::from(pulses - counted.unknown));
        if rows.contains_key(&1) {
            prop_assert_eq!(counted.unknown, 0);
        }
    }
}

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;

fn edge(at_ms: u64, active: bool) -> Edge {
    Edge { at_ns: at_ms * MS, active, stamped: true }
}

fn counter() -> PulseCounter {
    PulseCounter::new(10, 300)
}

/// All trains of some edges, the last one by waiting.
fn trains(counter: &mut PulseCounter, edges: impl IntoIterator<Item = Edge>) -> Vec<(u64, u32)> {
    let mut found: Vec<Train> = edges.into_iter().filter_map(|edge| counter.edge(edge)).collect();
    // As the reader does: it waits as long as it is told to, until there is nothing more.
    for _ in 0..4 {
        let Some(patience) = counter.patience_ns() else { break };
        found.extend(counter.quiet(patience));
    }
    assert_eq!(counter.patience_ns(), None, "it would wait for ever");
    found.into_iter().map(|train| (train.began_ns / MS, train.pulses)).collect()
}

fn pulses(begin_ms: u64, count: u64) -> impl Iterator<Item = Edge> {
    (0..count).flat_map(move |n| [edge(begin_ms + n * 100, true), edge(begin_ms + n * 100 + 50, false)])
}

#[test]
fn a_gap_ends_a_train() {
    assert_eq!(trains(&mut counter(), pulses(1_000, 3)), [(1_000, 3)]);
    let two = pulses(1_000, 2).chain(pulses(1_449, 1)).chain(pulses(2_000, 5));
    assert_eq!(trains(&mut counter(), two), [(1_000, 3), (2_000, 5)]);
    assert_eq!(trains(&mut counter(), []), []);
}

#[test]
fn what_bounces_counts_once() {
    let bouncing = [(0, true), (1, false), (3, true), (50, false), (52, true), (55, false)];
    let edges = bouncing.map(|(at, active)| edge(1_000 + at, active));
    assert_eq!(trains(&mut counter(), edges), [(1_003, 1)]);
    // A spark, alone and within a pulse.
    assert_eq!(trains(&mut counter(), [edge(5, true), edge(7, false)]), []);
    let sparks = [edge(0, true), edge(30, false), edge(33, true), edge(60, false)];
    assert_eq!(trains(&mut counter(), sparks), [(0, 1)]);
}

#[test]
fn an_edge_that_is_told_twice_or_missed_makes_no_pulse() {
    let edges = [edge(0, true), edge(0, true), edge(40, false), edge(40, false), edge(90, false)];
    assert_eq!(trains(&mut counter(), edges), [(0, 1)]);
}

#[test]
fn a_line_that_stays_active_pays_nothing_and_holds_nothing_up() {
    let mut counter = counter();
    assert_eq!(trains(&mut counter, pulses(0, 2).chain([edge(200, true)])), [(0, 2)]);
    assert!(counter.is_busy());
    // It comes to rest, and the next coin counts.
    assert_eq!(
        trains(&mut counter, [edge(9_000, false)].into_iter().chain(pulses(10_000, 1))),
        [(10_000, 1)]
    );
}

#[test]
fn a_clock_that_begins_anew_loses_no_coin() {
    let edges = pulses(50_000, 2).chain(pulses(10, 3));
    assert_eq!(trains(&mut counter(), edges), [(50_000, 2), (10, 3)]);
}

#[test]
fn a_train_has_an_end() {
    let edges = pulses(0, u64::from(MAX_TRAIN_PULSES) + 5);
    assert_eq!(trains(&mut counter(), edges), [(0, MAX_TRAIN_PULSES), (100_000, 5)]);
}

proptest! {
    /// Whatever coins come, at whatever distance, and however each edge bounces: each is counted, with its pulses.
    #[test]
    fn trains_with_noise_are_counted_exactly(
        coins in prop::collection::vec((1_u64..=12, 30_u64..=120, 400_u64..5_000), 1..8),
        bounces in prop::collection::vec(0_u64..4, 1..20),
    ) {
        let (mut now, mut edges, mut expected) = (0, Vec::new(), Vec::new());
        let mut bounces = bounces.iter().copied().cycle();
        for (count, width, gap) in coins {
            now += gap;
            expected.push(count);
            for _ in 0..count {
                for active in [true, false] {
                    for bounce in 0..bounces.next().unwrap() {
                        edges.push(edge(now + 2 * bounce, active));
                        edges.push(edge(now + 2 * bounce + 1, !active));
                    }
                    now += 8;
                    edges.push(edge(now, active));
                    now += width;
                }
            }
        }
        let found = trains(&mut counter(), edges);
        let counted: Vec<u64> = found.iter().map(|(_, pulses)| u64::from(*pulses)).collect();
        prop_assert_eq!(counted, expected);
    }

    /// Nothing that comes over the wire breaks it, or makes it wait for ever.
    #[test]
    fn anything_can_come(edges in prop::collection::vec((any::<u64>(), any::<bool>()), 0..50)) {
        let mut counter = counter();
        for (at_ns, active) in edges {
            counter.edge(Edge { at_ns, active, stamped: false });
            counter.quiet(counter.patience_ns().unwrap_or(0));
        }
        trains(&mut counter, []);
    }
}

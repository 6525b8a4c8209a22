use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{BootTime, WallTime, ZoneName};

const START: i64 = 1_780_272_000_000;

fn reading(boot: u64, wall: i64, count: u64) -> Reading {
    let zone = ZoneReading { clients: 3, online_ms: count * 3, down_bytes: count * 7, up_bytes: count };
    Reading {
        boot: BootTime(boot),
        wall: WallTime(wall),
        zones: vec![(ZoneName::new("guests"), zone)],
        started: count,
        ended: count / 2,
        repairs: 0,
        machine: MachineReading {
            own_cpu_ms: count,
            box_cpu_ms: count,
            box_cpu_of_ms: count * 2,
            ..Default::default()
        },
        store_kb: count,
        uplink: Some(count.is_multiple_of(2)),
    }
}

/// Of many samples, whatever slots they are in.
fn sum<'s>(samples: impl IntoIterator<Item = &'s Sample>) -> (Figures, BTreeMap<ZoneName, ZoneFigures>) {
    let mut all =
        Sample { at: WallTime(0), tier: Tier::Hour, whole: Figures::default(), zones: BTreeMap::new() };
    for sample in samples {
        all.add(sample);
    }
    (all.whole, all.zones)
}

#[test]
fn a_sample_is_what_one_reading_says_more_than_the_one_before() {
    let mut meter = SampleMeter::default();
    assert_eq!(meter.take(reading(1_000, START, 1_000)), None, "nothing to compare with");
    let sample = meter.take(reading(11_000, START + 10_000, 1_600)).unwrap();
    assert_eq!((sample.at, sample.tier), (WallTime(START), Tier::TenSeconds));
    let Figures { covered_ms, online_ms, clients_most, down_bytes, up_bytes, started, ended, .. } =
        sample.whole;
    assert_eq!((covered_ms, online_ms, clients_most), (10_000, 1_800, 3));
    assert_eq!((down_bytes, up_bytes, started, ended), (4_200, 600, 600, 300));
    assert_eq!(sample.whole.uplink_percent(), Some(100.0));
    assert_eq!(sample.whole.down_bps(), Some(3_360.0));
    assert_eq!(sample.whole.box_cpu_percent(), Some(50.0));
    assert_eq!(meter.take(reading(11_000, START + 10_000, 1_700)), None, "no time has passed");
    let sample = meter.take(reading(21_000, START + 20_000, 1_700)).unwrap();
    assert_eq!(sample.whole.started, 100, "what came meanwhile is not lost");
}

#[test]
fn a_clock_that_is_set_makes_a_gap_or_adds_to_what_was_there() {
    let mut meter = SampleMeter::default();
    let mut ring = Ring::new(Tier::TenSeconds);
    // Half of the ring's round.
    let later = 1_800_000;
    for (step, wall) in
        [0, 10_000, later + 20_000, later + 30_000, 20_000, 10_000, 20_000].into_iter().enumerate()
    {
        let step = step as u64;
        if let Some(sample) = meter.take(reading(step * 10_000, START + wall, step * 50)) {
            ring.add(&sample);
        }
    }
    let all = ring.within(WallTime(START), WallTime(START + 2 * later));
    let slots: Vec<(i64, u64)> = all.iter().map(|one| (one.at.0 - START, one.whole.covered_ms)).collect();
    assert_eq!(
        slots,
        [(0, 10_000), (10_000, 20_000), (20_000, 10_000), (later + 20_000, 10_000), (later + 30_000, 10_000)]
    );
    assert_eq!(sum(&all).0.started, 300, "all that was counted, once");
}

#[test]
fn what_is_finer_is_shown_where_it_is_whole() {
    let fine = |at: i64, covered_ms| Sample {
        at: WallTime(START + at),
        tier: Tier::TenSeconds,
        whole: Figures { covered_ms, ..Figures::default() },
        zones: BTreeMap::new(),
    };
    let coarse = |at, covered_ms| Sample { tier: Tier::Minute, ..fine(at, covered_ms) };
    let shown: Vec<(i64, Tier)> = joined(
        vec![coarse(0, 60_000), coarse(60_000, 40_000), coarse(120_000, 20_000)],
        vec![fine(90_000, 10_000), fine(120_000, 10_000), fine(130_000, 10_000)],
    )
    .iter()
    .map(|sample| (sample.at.0 - START, sample.tier))
    .collect();
    let expected =
        [(0, Tier::Minute), (60_000, Tier::Minute), (120_000, Tier::TenSeconds), (130_000, Tier::TenSeconds)];
    assert_eq!(shown, expected);
    assert!(joined(Vec::new(), Vec::new()).is_empty());
}

#[test]
fn a_zone_stands_for_itself_and_many_zones_are_bounded() {
    let mut one = reading(0, START, 0);
    one.zones =
        (0..100).map(|number| (ZoneName::new(&format!("z{number}")), ZoneReading::default())).collect();
    let mut two = one.clone();
    two.boot = BootTime(10_000);
    for (_, zone) in &mut two.zones {
        zone.down_bytes = 5;
    }
    let mut meter = SampleMeter::default();
    meter.take(one);
    let sample = meter.take(two).unwrap();
    assert_eq!((sample.whole.down_bytes, sample.zones.len()), (500, MAX_SAMPLED_ZONES));
    let zone = sample.of_zone(&ZoneName::new("z0"));
    assert_eq!((zone.whole.down_bytes, zone.whole.covered_ms, zone.whole.store_kb), (5, 10_000, 0));
    assert_eq!(sample.of_zone(&ZoneName::new("gone")).whole.down_bytes, 0);
}

proptest! {
    /// However readings come and the wall clock jumps: what the samples say together is what the counters say.
    #[test]
    fn nothing_is_lost_or_counted_twice(
        steps in prop::collection::vec((1_u64..100_000, -10_000_000_i64..10_000_000, any::<bool>(), 0_u64..1_000), 1..80),
    ) {
        let mut meter = SampleMeter::default();
        let (mut boot, mut wall, mut count) = (0_u64, START, 0_u64);
        meter.take(reading(boot, wall, count));
        let mut samples = Vec::new();
        for (elapsed, jump, jumps, counted) in steps {
            boot += elapsed;
            wall += elapsed as i64 + if jumps { jump } else { 0 };
            count += counted;
            samples.extend(meter.take(reading(boot, wall, count)));
        }
        let (whole, zones) = sum(&samples);
        prop_assert_eq!(whole.covered_ms, boot);
        prop_assert_eq!((whole.started, whole.ended), (count, count / 2));
        prop_assert_eq!((whole.down_bytes, whole.up_bytes, whole.online_ms), (count * 7, count, count * 3));
        prop_assert_eq!(zones[&ZoneName::new("guests")].down_bytes, count * 7);
        prop_assert!(whole.uplink_ms <= whole.uplink_known_ms && whole.uplink_known_ms == whole.covered_ms);
        // The same through every ring, as long as none has come round.
        for tier in Tier::STORED {
            let rolled = rolled_up(&samples, tier);
            prop_assert_eq!(sum(&rolled), (whole, zones.clone()));
            prop_assert!(rolled.windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert!(rolled.iter().all(|sample| sample.at == tier.slot(sample.at)));
            let from_minutes = rolled_up(&rolled_up(&samples, Tier::Minute), tier);
            prop_assert_eq!(from_minutes, rolled, "by way of minutes or not");
        }
    }

    /// A ring holds so many slots and no more, and the newest of each place.
    #[test]
    fn a_ring_is_bounded(walls in prop::collection::vec(-5_000_000_000_i64..5_000_000_000, 1..2_000)) {
        let whole = Figures { covered_ms: 10, started: 1, ..Figures::default() };
        for tier in [Tier::TenSeconds, Tier::Hour] {
            let mut ring = Ring::new(tier);
            let mut model: BTreeMap<u32, (WallTime, u64)> = BTreeMap::new();
            for wall in &walls {
                let at = tier.slot(WallTime(START + wall));
                ring.add(&Sample { at, tier: Tier::TenSeconds, whole, zones: BTreeMap::new() });
                let kept = model.entry(tier.place(at)).or_insert((at, 0));
                *kept = if kept.0 == at { (at, kept.1 + 1) } else { (at, 1) };
            }
            prop_assert!(ring.len() <= tier.slots() as usize);
            let held: BTreeMap<WallTime, u64> = ring
                .within(WallTime(i64::MIN), WallTime(i64::MAX))
                .iter()
                .map(|sample| (sample.at, sample.whole.started))
                .collect();
            prop_assert_eq!(held, model.into_values().collect::<BTreeMap<_, _>>());
        }
    }

    /// Groups take in every sample between the first and the last edge, once.
    #[test]
    fn groups_take_in_everything_between_their_edges(
        slots in prop::collection::btree_set(0_i64..200, 0..100),
        edges in prop::collection::btree_set(0_i64..200, 2..20),
    ) {
        let sample = |slot: &i64| Sample {
            at: WallTime(slot * 60_000),
            tier: Tier::Minute,
            whole: Figures { covered_ms: 60_000, started: 1, ..Figures::default() },
            zones: BTreeMap::new(),
        };
        let samples: Vec<Sample> = slots.iter().map(sample).collect();
        let edges: Vec<WallTime> = edges.iter().map(|slot| WallTime(slot * 60_000)).collect();
        let groups = grouped(&samples, &edges);
        prop_assert_eq!(groups.len(), edges.len() - 1);
        for (pair, group) in edges.windows(2).zip(groups) {
            let inside = samples.iter().filter(|sample| sample.at >= pair[0] && sample.at < pair[1]).count() as u64;
            prop_assert_eq!(group.map_or(0, |sum| sum.started), inside);
        }
    }
}

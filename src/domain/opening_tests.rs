use proptest::prelude::*;

use super::*;
use crate::domain::Utc;
use crate::domain::period::tests::{Summer, at};

const MINUTE_MS: i64 = 60_000;

fn hours(lines: &[&str]) -> OpeningHours {
    OpeningHours::new(lines.iter().map(|line| OpeningLine::parse(line).unwrap()).collect())
}

#[test]
fn a_line_is_days_and_hours() {
    for (line, spans) in [
        ("mon 07:00-22:00", vec![(420, 1320)]),
        ("Mon-Wed 7:00-24:00", vec![(420, 1440), (1860, 2880), (3300, 4320)]),
        ("sun,tue 00:00-01:30", vec![(8640, 8730), (1440, 1530)]),
        ("sat-mon 22:00-02:00", vec![(8520, 8760), (9960, 10200), (1320, 1560)]),
        ("fri 20:00-00:00", vec![(6960, 7200)]),
    ] {
        let read: Vec<_> =
            OpeningLine::parse(line).unwrap().spans.iter().map(|span| (span.from, span.to)).collect();
        assert_eq!(read, spans, "{line}");
    }
    for (line, why) in [
        ("", "must be days and hours"),
        ("mon", "must be days and hours"),
        ("mon 07:00", "must be days and hours"),
        ("mon 07:00-09:00 12:00-13:00", "must be days and hours"),
        ("monday 07:00-09:00", "days are mon, tue"),
        ("mon- 07:00-09:00", "days are mon, tue"),
        ("mon,,tue 07:00-09:00", "days are mon, tue"),
        ("mon 7-9", "times are"),
        ("mon 07:0-09:00", "times are"),
        ("mon +7:00-09:00", "times are"),
        ("mon 07:60-09:00", "times are"),
        ("mon 07:00-24:01", "times are"),
        ("mon 65535:00-09:00", "times are"),
        ("mon 24:00-09:00", "cannot begin at 24:00"),
        ("mon 09:00-09:00", "00:00-24:00 is the whole day"),
    ] {
        let said = OpeningLine::parse(line).unwrap_err();
        assert!(said.contains(why), "{line}: {said}");
    }
}

#[test]
fn lines_that_leave_nothing_out_are_always() {
    for lines in [
        &["mon-sun 00:00-24:00"][..],
        &["mon-sun 00:00-12:00", "mon-sun 12:00-24:00"],
        &["sun-sat 20:00-08:00", "mon-sun 07:00-21:00"],
        &[],
    ] {
        assert!(hours(lines).is_always(), "{lines:?}");
        assert_eq!(hours(lines).at(at("2026-11-22T12:00:00Z"), &Utc), Opening { is_open: true, until: None });
    }
    assert!(!hours(&["mon-sun 00:00-23:59"]).is_always());
}

#[test]
fn it_is_open_until_the_end_of_what_follows_without_a_gap() {
    // 2026-11-22 is a Sunday.
    let bar = ["mon-fri 07:00-22:00", "sat 09:00-24:00", "sun 00:00-02:00", "sun 20:00-04:00"];
    for (now, is_open, until) in [
        ("2026-11-20T21:59:59Z", true, "2026-11-20T22:00:00Z"),
        ("2026-11-20T22:00:00Z", false, "2026-11-21T09:00:00Z"),
        ("2026-11-21T09:00:00Z", true, "2026-11-22T02:00:00Z"),
        ("2026-11-22T02:00:00Z", false, "2026-11-22T20:00:00Z"),
        ("2026-11-22T23:00:00Z", true, "2026-11-23T04:00:00Z"),
        ("2026-11-23T03:00:00Z", true, "2026-11-23T04:00:00Z"),
        ("2026-11-23T04:00:00Z", false, "2026-11-23T07:00:00Z"),
    ] {
        let expected = Opening { is_open, until: Some(at(until)) };
        assert_eq!(hours(&bar).at(at(now), &Utc), expected, "{now}");
    }
    let once = hours(&["mon 09:00-10:00"]).at(at("2026-11-23T10:00:00Z"), &Utc);
    assert_eq!(once, Opening { is_open: false, until: Some(at("2026-11-30T09:00:00Z")) });
}

#[test]
fn when_clocks_are_changed_nothing_opens_or_closes_twice() {
    for (lines, now, is_open, until) in [
        // From 02:00 to 03:00 is left out on 29 March: it opens at 03:00, or not at all.
        (&["sun 02:30-04:00"][..], "2026-03-29T00:59:59Z", false, "2026-03-29T01:00:00Z"),
        (&["sun 02:30-04:00"], "2026-03-29T01:00:00Z", true, "2026-03-29T02:00:00Z"),
        (&["sun 02:15-02:45"], "2026-03-29T00:59:59Z", false, "2026-04-05T00:15:00Z"),
        (&["sun 01:00-02:15", "sun 02:45-04:00"], "2026-03-29T00:30:00Z", true, "2026-03-29T02:00:00Z"),
        (&["sat 20:00-02:30"], "2026-03-29T00:59:00Z", true, "2026-03-29T01:00:00Z"),
        // From 02:00 to 03:00 comes twice on 25 October: the first time counts.
        (&["sat 20:00-02:30"], "2026-10-25T00:29:00Z", true, "2026-10-25T00:30:00Z"),
        (&["sat 20:00-02:30"], "2026-10-25T01:10:00Z", false, "2026-10-31T19:00:00Z"),
        (&["sun 02:30-04:00"], "2026-10-25T00:10:00Z", false, "2026-10-25T00:30:00Z"),
        (&["sun 02:30-04:00"], "2026-10-25T01:10:00Z", true, "2026-10-25T03:00:00Z"),
    ] {
        let expected = Opening { is_open, until: Some(at(until)) };
        assert_eq!(hours(lines).at(at(now), &Summer), expected, "{lines:?} {now}");
    }
}

#[test]
fn it_is_said_as_people_say_it() {
    let now = at("2026-11-20T22:30:00Z");
    for (then, said) in [
        ("2026-11-20T23:00:00Z", "at 23:00"),
        ("2026-11-21T09:00:00Z", "tomorrow at 09:00"),
        ("2026-11-22T00:00:00Z", "on Sunday at 00:00"),
        ("2026-11-26T07:30:00Z", "on Thursday at 07:30"),
        ("2026-11-27T07:30:00Z", "on 27 November at 07:30"),
    ] {
        assert_eq!(When::ahead(at(then), now, &Utc).to_string(), said);
    }
}

/// Some lines of a few days each.
fn some_lines() -> impl Strategy<Value = Vec<String>> {
    let line = (0_usize..7, 0_usize..7, 0_u16..1440, 0_u16..=1440).prop_map(|(first, last, from, to)| {
        let to = if from == to { to + 1 } else { to };
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        format!("{}-{} {}-{}", DAYS[first], DAYS[last], clock(from), clock(to))
    });
    prop::collection::vec(line, 0..6)
}

/// What the lines say, minute by minute of a week, in the plainest way.
fn minutes(lines: &[String]) -> Vec<bool> {
    let mut open = vec![lines.is_empty(); usize::from(WEEK_MINUTES)];
    for span in lines.iter().flat_map(|line| OpeningLine::parse(line).unwrap().spans) {
        (span.from..span.to).for_each(|minute| open[usize::from(minute % WEEK_MINUTES)] = true);
    }
    open
}

fn minute_of(shown: NaiveDateTime) -> usize {
    let day = usize::try_from(shown.weekday().num_days_from_monday()).unwrap();
    day * 1440 + usize::try_from(shown.hour() * 60 + shown.minute()).unwrap()
}

proptest! {
    #[test]
    fn it_is_open_in_the_minutes_that_the_lines_name(
        lines in some_lines(), moment in 1_767_225_600_000_i64..1_830_000_000_000,
    ) {
        let open = minutes(&lines);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (hours, now) = (hours(&lines), WallTime(moment));
        let opening = hours.at(now, &Utc);
        prop_assert_eq!(opening.is_open, open[minute_of(Utc.local(now))]);
        prop_assert_eq!(opening.until.is_none(), open.iter().all(|minute| *minute));
        if let Some(until) = opening.until {
            prop_assert!(until > now && until.0 - now.0 <= 7 * 86_400_000);
            let mut minute = now;
            while minute < until {
                prop_assert_eq!(open[minute_of(Utc.local(minute))], opening.is_open);
                minute = WallTime((minute.0 / MINUTE_MS + 1) * MINUTE_MS);
            }
            prop_assert_ne!(open[minute_of(Utc.local(until))], opening.is_open);
        }
    }

    /// Around the days on which clocks are changed, and across the end of the week.
    #[test]
    fn it_changes_exactly_when_it_said(
        lines in some_lines(), autumn in any::<bool>(), after in 0_i64..5 * 1440, later in 0_i64..1440,
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let hours = hours(&lines);
        let from = if autumn { at("2026-10-22T12:00:00Z") } else { at("2026-03-26T12:00:00Z") };
        let now = from.plus_millis(after * MINUTE_MS);
        let opening = hours.at(now, &Summer);
        let then = now.plus_millis(later * MINUTE_MS);
        if opening.until.is_none_or(|until| then < until) {
            prop_assert_eq!(hours.at(then, &Summer), opening, "nothing changes before");
        }
        if let Some(until) = opening.until {
            prop_assert!(until > now);
            prop_assert_ne!(hours.at(until, &Summer).is_open, opening.is_open);
        }
        // Away from the hour that is left out or comes twice, it is what the clock shows.
        let shown = Summer.local(now);
        let is_change = [at("2026-03-29T01:00:00Z"), at("2026-10-25T01:00:00Z")]
            .iter()
            .any(|change| (now.0 - change.0).abs() <= 2 * 3_600_000);
        let open = minutes(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        prop_assert!(is_change || opening.is_open == open[minute_of(shown)]);
    }
}

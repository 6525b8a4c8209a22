//! What is found in files, and what the answer vouches for.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use turnpike::guest_log::Asked;

use super::{address, asked_by_hand, found};
use crate::support::mac;

/// Files of a log, as somebody wrote them: the day of a line says which.
fn files_of(lines: &[Value]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("guests.log");
    for line in lines {
        let day = line["at"].as_str().unwrap().split('T').next().unwrap();
        let path = base.with_file_name(format!("guests.log.{day}"));
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{before}{line}\n")).unwrap();
    }
    (dir, base)
}

/// A line about the log itself, of the first of June unless a day is said.
fn of_log(when: &str, event: &str) -> Value {
    let at = if when.contains('T') { when.to_owned() } else { format!("2026-06-01T{when}Z") };
    json!({"at": at, "event": event})
}

fn with(line: Value, more: Value) -> Value {
    let (Value::Object(mut line), Value::Object(more)) = (line, more) else { panic!("no objects") };
    line.extend(more);
    line.into()
}

fn lost(when: &str, what: Value) -> Value {
    with(of_log(when, "lost"), json!({"lost": what}))
}

fn holds(when: &str, number: u8, addresses: &[&str]) -> Value {
    let guest = json!({"mac": mac(number).to_string(), "ipv4": addresses, "ipv6": [], "session": format!("s-{number}")});
    with(of_log(when, "address"), guest)
}

/// A connection of a guest from the public port that all share.
fn connection(when: &str, event: &str, number: u8, destination: &str) -> Value {
    let flow = json!({
        "protocol": "udp", "source": format!("10.0.0.{number}"), "source_port": 5_000, "translated": "203.0.113.2",
        "translated_port": 5_000, "destination": destination, "destination_port": 443,
    });
    with(of_log(when, event), json!({"mac": mac(number).to_string(), "connection": flow}))
}

/// Whose connections they were, and whether the log is sure.
fn whose(base: &Path, when: &str) -> Vec<(String, bool)> {
    let found = found(base, Asked::Connection([203, 0, 113, 2].into(), 5_000), when).connections;
    found.into_iter().map(|found| (found.facts.mac.unwrap(), found.sure)).collect()
}

/// Whether somebody had the address, and the log is sure; with its notes.
fn holder(base: &Path, when: &str) -> (Option<bool>, String) {
    let answer = found(base, Asked::Address(address(7)), when);
    (answer.guests.first().map(|guest| guest.sure), answer.notes.join("\n"))
}

#[test]
fn guests_share_a_public_port_as_long_as_they_lead_elsewhere() {
    let (_dir, base) = files_of(&[
        of_log("00:00:00.000", "began"),
        connection("00:00:01.000", "connection", 1, "192.0.2.1"),
        connection("00:00:02.000", "connection", 2, "192.0.2.2"),
        connection("00:00:03.000", "connection_ended", 1, "192.0.2.1"),
        connection("00:00:04.000", "connection", 1, "192.0.2.1"),
        connection("00:00:05.000", "connection_ended", 2, "192.0.2.2"),
        of_log("00:00:06.000", "ended"),
    ]);
    let (one, two) = ((mac(1).to_string(), true), (mac(2).to_string(), true));
    assert_eq!(whose(&base, "2026-06-01T00:00:02.500Z"), [one.clone(), two.clone()]);
    assert_eq!(whose(&base, "2026-06-01T00:00:03.500Z"), std::slice::from_ref(&two));
    assert_eq!(whose(&base, "2026-06-01T00:00:04.500Z"), [two, one.clone()]);
    assert_eq!(whose(&base, "2026-06-01T00:00:05.500Z"), [one]);
}

#[test]
fn what_was_open_when_the_log_began_anew_is_unsure_unless_its_end_is_there() {
    let (_dir, base) = files_of(&[
        of_log("00:00:00.000", "began"),
        connection("00:00:01.000", "connection", 1, "192.0.2.1"),
        connection("00:00:01.500", "connection", 2, "192.0.2.2"),
        of_log("00:00:02.000", "began"),
        connection("00:00:03.000", "connection", 3, "192.0.2.3"),
        connection("00:00:09.000", "connection_ended", 2, "192.0.2.2"),
    ]);
    let of = |number: u8, sure| (mac(number).to_string(), sure);
    assert_eq!(whose(&base, "2026-06-01T00:00:04Z"), [of(2, true), of(3, true), of(1, false)]);
}

#[test]
fn a_time_without_a_fraction_is_the_whole_second() {
    let (_dir, base) = files_of(&[
        of_log("00:00:00.000", "began"),
        holds("00:00:01.000", 1, &["10.0.0.7"]),
        holds("00:00:10.500", 1, &[]),
        holds("00:00:10.500", 2, &["10.0.0.7"]),
        connection("00:00:10.200", "connection", 1, "192.0.2.1"),
        connection("00:00:10.700", "connection_ended", 1, "192.0.2.1"),
        of_log("00:01:00.000", "ended"),
    ]);
    let macs = |arguments: &[&str]| {
        let file = base.to_str().unwrap();
        let (_, out, err) = asked_by_hand(&[arguments, &["--json", "--file", file]].concat());
        let answer: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
        let all =
            [&answer["guests"], &answer["connections"]].map(|all| all.as_array().unwrap().clone()).concat();
        all.iter().map(|found| found["mac"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (one, two) = (mac(1).to_string(), mac(2).to_string());
    assert_eq!(macs(&["10.0.0.7", "--at", "2026-06-01T00:00:10Z"]), [one.clone(), two.clone()]);
    assert_eq!(macs(&["10.0.0.7", "--at", "2026-06-01T00:00:10.499Z"]), std::slice::from_ref(&one));
    assert_eq!(macs(&["10.0.0.7", "--at", "2026-06-01T00:00:12Z"]), std::slice::from_ref(&two));
    assert_eq!(macs(&["10.0.0.7", "--at", "2026-06-01T00:00:12Z", "--within", "3"]), [one.clone(), two]);
    let port = |at: &str| macs(&["203.0.113.2", "--port", "5000", "--at", at]);
    assert_eq!(port("2026-06-01T00:00:10Z"), std::slice::from_ref(&one));
    assert_eq!(port("2026-06-01T00:00:10.5Z"), [one]);
    assert!(port("2026-06-01T00:00:10.1Z").is_empty() && port("2026-06-01T00:00:11Z").is_empty());
    let (code, _, err) = asked_by_hand(&["10.0.0.7", "--within", "3601", "--file", base.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn a_gap_is_unsure_although_its_loss_is_said_behind_it() {
    let begun = [of_log("00:00:00.000", "began"), holds("10:00:00.000", 1, &["10.0.0.7"])];
    let gap =
        [begun.as_slice(), &[lost("12:00:00.000", json!({"lines": 9})), of_log("12:00:00.000", "continued")]]
            .concat();
    let (_dir, base) = files_of(&gap);
    let (sure, notes) = holder(&base, "2026-06-01T11:00:00Z");
    assert!(sure == Some(false) && notes.contains("lost before 2026-06-01T12:00:00"), "{sure:?} {notes}");

    // Its end is in the next day's file, behind somebody's line.
    let midnight = [
        begun.as_slice(),
        &[
            holds("2026-06-02T00:00:01.000Z", 2, &["10.0.0.8"]),
            lost("2026-06-02T00:00:02.000Z", json!({"lines": 9})),
            of_log("2026-06-02T00:00:02.000Z", "continued"),
        ],
    ]
    .concat();
    let (_dir, base) = files_of(&midnight);
    let (sure, notes) = holder(&base, "2026-06-01T11:00:00Z");
    assert!(sure == Some(false) && notes.contains("lost before 2026-06-02T00:00:02"), "{sure:?} {notes}");
}

#[test]
fn who_has_an_address_is_sure_whatever_connections_were_lost() {
    let (_dir, base) = files_of(&[
        of_log("00:00:00.000", "began"),
        holds("10:00:00.000", 1, &["10.0.0.7"]),
        connection("10:00:01.000", "connection", 1, "192.0.2.1"),
        lost("11:00:00.000", json!({"connections": 7, "kernel_overflows": 1})),
        connection("11:30:00.000", "connection", 2, "192.0.2.2"),
        lost("12:30:00.000", json!({"kernel_overflows": 1})),
        of_log("13:00:00.000", "ended"),
    ]);
    assert_eq!(holder(&base, "2026-06-01T12:00:00Z"), (Some(true), String::new()));
    let of = |number: u8, sure| (mac(number).to_string(), sure);
    assert_eq!(whose(&base, "2026-06-01T12:00:00Z"), [of(2, true), of(1, false)]);
    let notes = found(&base, Asked::Connection([203, 0, 113, 2].into(), 5_000), "2026-06-01T12:00:00Z").notes;
    assert!(notes.iter().any(|note| note.contains("at last at 2026-06-01T11:00:00")), "{notes:?}");
}

#[test]
fn a_log_that_broke_off_is_not_sure_of_what_came_after() {
    let begun = [of_log("00:00:00.000", "began"), holds("10:00:00.000", 1, &["10.0.0.7"])];
    let (_dir, base) = files_of(&begun);
    assert_eq!(holder(&base, "2026-06-01T10:00:00Z"), (Some(true), String::new()));
    let (sure, notes) = holder(&base, "2026-06-01T11:00:00Z");
    assert!(sure == Some(false) && notes.contains("last line is of 2026-06-01T10:00:00"), "{sure:?} {notes}");

    // Days later it begins anew.
    let later = [begun.as_slice(), &[of_log("2026-06-05T08:00:00.000Z", "began")]].concat();
    let (_dir, base) = files_of(&later);
    let (sure, notes) = holder(&base, "2026-06-01T11:00:00Z");
    assert!(sure == Some(false) && notes.contains("begins anew at 2026-06-05T08:00:00"), "{sure:?} {notes}");
}

#[test]
fn a_loss_at_midnight_is_read_although_the_new_day_begins_with_everybody() {
    let begun = [
        of_log("00:00:00.000", "began"),
        holds("10:00:00.000", 1, &["10.0.0.7"]),
        connection("23:59:50.000", "connection", 1, "192.0.2.1"),
        of_log("2026-06-02T00:00:00.000Z", "continued"),
        holds("2026-06-02T00:00:00.000Z", 1, &["10.0.0.7"]),
    ];
    let then = |more: &[Value]| files_of(&[begun.as_slice(), more].concat());
    let late = "2026-06-01T23:59:55Z";
    let (_dir, base) = then(&[
        lost("2026-06-02T00:00:00.500Z", json!({"lines": 9})),
        of_log("2026-06-02T00:00:00.500Z", "continued"),
    ]);
    let (sure, notes) = holder(&base, late);
    assert!(sure == Some(false) && notes.contains("lost before 2026-06-02T00:00:00.500"), "{sure:?} {notes}");

    let (_dir, base) = then(&[lost("2026-06-02T00:00:01.000Z", json!({"connections": 9}))]);
    assert_eq!(holder(&base, late), (Some(true), String::new()));
    assert_eq!(whose(&base, late), [(mac(1).to_string(), false)]);

    // A day on which something was lost once it had begun well.
    let (_dir, base) = then(&[
        holds("2026-06-02T00:01:00.000Z", 2, &["10.0.0.8"]),
        lost("2026-06-02T00:01:01.000Z", json!({"lines": 9})),
    ]);
    assert_eq!(holder(&base, late), (Some(true), String::new()));
}

//! A guest log that somebody or something has damaged is read to its end, and what it does not say is not answered.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use tempfile::TempDir;
use turnpike::domain::MacAddr;
use turnpike::guest_log::{Answer, Asked, look};

use super::{Target, assert_sayable};
use crate::support::START;

/// Opens the target.
pub fn open() -> Target {
    let dir = TempDir::new().expect("a folder for the log");
    let base = dir.path().join("guests.log");
    let files = ["2026-06-01", "2026-06-02"].map(|day| dir.path().join(format!("guests.log.{day}")));
    let address = IpAddr::from(Ipv4Addr::new(10, 0, 0, 7));
    let public = IpAddr::from(Ipv4Addr::new(203, 0, 113, 2));
    let mac = MacAddr::from_bytes([2, 0, 0, 0, 0x53, 1]).expect("the MAC of a device");
    // The first of June 2026, whole.
    let day = START.wall;
    let (begin, middle, end) = (day, day.plus_millis(12 * 3_600_000), day.plus_millis(86_399_999));
    Box::new(move |bytes| {
        // The folder stays as long as the target.
        let _dir = &dir;
        // A line of its own divides the days.
        let days = bytes.windows(5).position(|piece| piece == b"\n---\n").unwrap_or(bytes.len());
        let (first, second) = bytes.split_at(days);
        let second = second.get(5..).unwrap_or_default();
        for (file, content) in files.iter().zip([first, second]) {
            fs::write(file, content).expect("the log can be written");
        }
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        for asked in [Asked::Address(address), Asked::Device(mac), Asked::Connection(public, 5_000)] {
            for when in [begin..=begin, middle..=middle, begin..=end] {
                let answer = look(&base, asked, when.clone()).expect("a file that can be read");
                check(&answer, asked, lines);
                assert_eq!(look(&base, asked, when).expect("the same file"), answer);
            }
        }
        // Nothing is said of what is not in it.
        let never = IpAddr::from(Ipv4Addr::new(198, 51, 100, 250));
        if !bytes.windows(3).any(|piece| piece == b"198") {
            let answer = look(&base, Asked::Address(never), begin..=end).expect("the same file");
            assert!(answer.guests.is_empty(), "{answer:?}");
        }
    })
}

fn check(answer: &Answer, asked: Asked, lines: usize) {
    let Answer { guests, connections, notes, broken_lines } = answer;
    assert!(*broken_lines <= lines);
    assert!(guests.len() + connections.len() <= lines);
    for note in notes {
        assert_sayable(note, 500);
    }
    match asked {
        Asked::Address(address) => {
            let has = |of: &[String]| of.iter().any(|held| held.parse() == Ok(address));
            assert!(guests.iter().all(|guest| has(&guest.ipv4) || has(&guest.ipv6)), "{answer:?}");
            assert!(connections.is_empty());
        }
        Asked::Device(mac) => {
            let mac = mac.to_string();
            assert!(guests.iter().all(|guest| guest.facts.mac.as_deref() == Some(&mac)), "{answer:?}");
        }
        Asked::Connection(..) => assert!(guests.is_empty()),
    }
}

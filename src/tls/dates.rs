//! The two dates of a certificate: all of X.509 that the TLS library does not tell and operators need to know.

use chrono::NaiveDate;

use crate::domain::WallTime;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT Version`, which version 1 leaves out.
const VERSION: u8 = 0xa0;

/// From when until when a certificate holds (RFC 5280, 4.1); `None` if it cannot be read.
pub(super) fn dates(der: &[u8]) -> Option<(WallTime, WallTime)> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (body, _) = element(certificate, SEQUENCE)?;
    let rest = element(body, VERSION).map_or(body, |(_, rest)| rest);
    let (_serial, rest) = element(rest, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    let (_issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, _) = element(rest, SEQUENCE)?;
    let (begins, rest) = date(validity)?;
    let (ends, _) = date(rest)?;
    Some((begins, ends))
}

/// The content of the element that begins here, if it has this tag, and what follows it (X.690, 8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [found, first, rest @ ..] = bytes else { return None };
    if *found != tag {
        return None;
    }
    let (length, rest) = match usize::from(*first) {
        short @ 0..=0x7f => (short, rest),
        // A certificate has far less than 16 MB.
        long @ 0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(long - 0x80)?;
            (digits.iter().fold(0, |length, digit| length * 256 + usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `YYMMDDhhmmssZ` (1950 to 2049) or `YYYYMMDDhhmmssZ` (RFC 5280, 4.1.2.5).
fn date(bytes: &[u8]) -> Option<(WallTime, &[u8])> {
    let (written, rest) = element(bytes, UTC_TIME).or_else(|| element(bytes, GENERALIZED_TIME))?;
    let written = std::str::from_utf8(written).ok()?.strip_suffix('Z')?;
    if !written.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, tail) = match written.len() {
        12 => {
            let short: i32 = written.get(..2)?.parse().ok()?;
            (if short < 50 { 2000 + short } else { 1900 + short }, written.get(2..)?)
        }
        14 => (written.get(..4)?.parse().ok()?, written.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| tail.get(at..at + 2)?.parse::<u32>().ok();
    let day = NaiveDate::from_ymd_opt(year, part(0)?, part(2)?)?;
    let time = day.and_hms_opt(part(4)?, part(6)?, part(8)?.min(59))?;
    Some((WallTime(time.and_utc().timestamp_millis()), rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["portal.example.net".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_ways_to_write_a_date_are_read() {
        let der = made((1970, 1, 1), (2026, 11, 21));
        assert_eq!(dates(&der), Some((WallTime(0), WallTime(1_795_219_200_000))));
        let der = made((2049, 12, 31), (2050, 1, 1));
        assert_eq!(dates(&der), Some((WallTime(2_524_521_600_000), WallTime(2_524_608_000_000))));
    }

    #[test]
    fn what_is_cut_off_or_bent_has_no_dates_and_does_no_harm() {
        let der = made((1970, 1, 1), (2026, 11, 21));
        for end in 0..der.len() {
            // Behind the dates the rest is not looked at, but the lengths around it are.
            assert_eq!(dates(&der[..end]), None, "{end}");
        }
        for place in 0..der.len() {
            for bit in 0..8 {
                let mut bent = der.clone();
                bent[place] ^= 1 << bit;
                let _ = dates(&bent);
            }
        }
        assert_eq!(date(b"\x17\x0d261340000000Z"), None, "a month 13");
        assert_eq!(date("\u{17}\u{d}26112100000\u{e9}Z".as_bytes()), None);
        assert_eq!(element(b"\x30\x84\xff\xff\xff\xff", SEQUENCE), None);
    }
}

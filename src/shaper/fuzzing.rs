//! What is held against any bytes that might come from traffic control, by the fuzz target `netlink` and over its seeds.

use super::htb::KernelClass;
use super::wire::{Message, NEW_CLASS, OPTIONS, answers, find_attribute, u16_at};

/// Reads a datagram as the shaper does.
///
/// # Panics
///
/// Something was read that is not in it.
pub fn netlink(bytes: &[u8]) {
    let mut length = 0;
    for answer in answers(bytes) {
        length += 16 + answer.body.len();
        assert_eq!(answer.errno().is_some(), answer.kind == super::wire::ERROR && answer.body.len() >= 4);
        assert!(answer.name().is_none_or(|name| name.len() <= answer.body.len()));
        let class = KernelClass::read(&answer);
        assert!(class.is_none() || answer.kind == NEW_CLASS && answer.name() == Some("htb"));
        let Some(target) = answer.target() else { continue };
        // What is written about the same is read as the same.
        let options = answer.attribute(OPTIONS).unwrap_or_default();
        let mut again = Message::new(answer.kind, 0, target);
        if let Some(name) = answer.name() {
            again = again.kind(name);
        }
        let mut written = Vec::new();
        again.attribute(OPTIONS, options).write_to(&mut written, answer.sequence, 0);
        let read = answers(&written).next().map(|read| (read.target(), read.attribute(OPTIONS)));
        assert_eq!(read, Some((Some(target), Some(options))));
        assert_eq!(answers(&written).next().and_then(|read| KernelClass::read(&read)), class);
    }
    assert!(length <= bytes.len(), "more was read than is there");
    let first = u16_at(bytes, 2).map_or(1, |kind| kind & 0x3fff);
    assert!(find_attribute(bytes, first).is_none_or(|value| value.len() + 4 <= bytes.len()));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn seeds_and_what_once_broke_something_hold() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let mut run = 0;
        for folder in ["seeds", "crashes"] {
            let Ok(files) = std::fs::read_dir(fuzz.join(folder).join("netlink")) else { continue };
            for file in files {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                super::netlink(&bytes);
                run += 1;
            }
        }
        assert!(run >= 5, "the seeds are elsewhere");
    }
}

use super::htb::ticks;
use super::wire::{CREATE, EXCL, Message, NEW_QDISC, OPTIONS, Target, put_attribute};
use crate::domain::{CLASS_MAJOR, ClassMinor};

/// What queues a client's packets: HTB's own pfifo would hold them for a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafKind {
    /// Fair between the client's flows, and short queues; the best where the kernel has it.
    FqCodel,
    /// Splits aggregates and keeps the queue at 50 ms.
    Tbf,
    /// A plain queue of 50 ms; every kernel with tc has it.
    Bfifo,
}

/// The choice, best first.
pub(super) const BY_PREFERENCE: [LeafKind; 3] = [LeafKind::FqCodel, LeafKind::Tbf, LeafKind::Bfifo];

/// A full Ethernet frame.
const FRAME_BYTES: u64 = 1514;

/// `TCA_FQ_CODEL_…`.
const FQ_CODEL_TARGET: u16 = 1;
const FQ_CODEL_LIMIT: u16 = 2;
const FQ_CODEL_INTERVAL: u16 = 3;
pub(super) const FQ_CODEL_FLOWS: u16 = 5;
const FQ_CODEL_MEMORY_LIMIT: u16 = 9;
/// Flows of one client that are told apart. The default of 1,024 would cost 64 KB a client and direction.
const FLOWS: u32 = 32;

/// `TCA_TBF_…`.
const TBF_PARMS: u16 = 1;
const TBF_RATE64: u16 = 4;
const TBF_BURST: u16 = 6;

/// The handle of the queue under a class: the class's number, but for the one that the tree itself has.
pub(super) const fn leaf_handle(minor: ClassMinor) -> u32 {
    let major = if minor == CLASS_MAJOR { 0xfff0 } else { minor };
    (major as u32) << 16
}

impl LeafKind {
    /// What makes the queue, or changes it if it is there already; all but the last may answer that it is there.
    pub(super) fn messages(self, index: u32, minor: ClassMinor, ceil: u64) -> Vec<Message> {
        let target = Target {
            index,
            handle: leaf_handle(minor),
            parent: u32::from(CLASS_MAJOR) << 16 | u32::from(minor),
            info: 0,
        };
        let message = |flags, name, options: &[u8]| {
            Message::new(NEW_QDISC, flags, target).kind(name).attribute(OPTIONS, options)
        };
        match self {
            Self::FqCodel => {
                let options = fq_codel_options(ceil);
                let mut with_flows = options.clone();
                put_attribute(&mut with_flows, FQ_CODEL_FLOWS, &FLOWS.to_ne_bytes());
                // The number of flows can be given when it is made, not afterwards.
                vec![message(CREATE | EXCL, "fq_codel", &with_flows), message(0, "fq_codel", &options)]
            }
            Self::Tbf => vec![message(CREATE, "tbf", &tbf_options(ceil))],
            Self::Bfifo => vec![message(CREATE, "bfifo", &queue_bytes(ceil).to_ne_bytes())],
        }
    }
}

/// Bytes that 50 ms hold at this speed: ten frames at least, or TCP loses more than it sends, and 8 MB at most.
fn queue_bytes(bytes_per_sec: u64) -> u32 {
    clamp((bytes_per_sec / 20).clamp(10 * FRAME_BYTES, 8 << 20))
}

fn fq_codel_options(bytes_per_sec: u64) -> Vec<u8> {
    // A queue shorter than one frame takes cannot be had: at 1 Mbit/s that is 12 ms.
    let target_us = (FRAME_BYTES * 1_500_000 / bytes_per_sec.max(1)).max(5_000);
    let mut options = Vec::new();
    put_attribute(&mut options, FQ_CODEL_TARGET, &clamp(target_us).to_ne_bytes());
    put_attribute(&mut options, FQ_CODEL_INTERVAL, &clamp((target_us * 2).max(100_000)).to_ne_bytes());
    put_attribute(&mut options, FQ_CODEL_LIMIT, &1_024u32.to_ne_bytes());
    put_attribute(&mut options, FQ_CODEL_MEMORY_LIMIT, &(4u32 << 20).to_ne_bytes());
    options
}

/// `struct tc_tbf_qopt`: a little slower than the class, so that the queue is here, where aggregates are split.
fn tbf_options(bytes_per_sec: u64) -> Vec<u8> {
    let rate = (bytes_per_sec * 99 / 100).max(1);
    let burst = (rate / 1_000).clamp(6_000, 1 << 20);
    let mut parms = super::htb::rate_spec(rate).to_vec();
    parms.extend_from_slice(&[0; 12]);
    for field in [queue_bytes(bytes_per_sec), ticks(burst, rate), 0] {
        parms.extend_from_slice(&field.to_ne_bytes());
    }
    let mut options = Vec::new();
    put_attribute(&mut options, TBF_PARMS, &parms);
    put_attribute(&mut options, TBF_RATE64, &rate.to_ne_bytes());
    put_attribute(&mut options, TBF_BURST, &clamp(burst).to_ne_bytes());
    options
}

fn clamp(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ClientKey;

    #[test]
    fn every_class_has_a_queue_of_its_own_number() {
        let mut handles = std::collections::BTreeSet::new();
        for minor in 1..=ClientKey::MAX {
            let handle = leaf_handle(minor);
            assert!(handle != u32::from(CLASS_MAJOR) << 16 && handles.insert(handle));
        }
    }

    #[test]
    fn queues_hold_fifty_milliseconds_within_bounds() {
        assert_eq!(queue_bytes(2_500_000), 125_000);
        assert_eq!(queue_bytes(1_000), 15_140);
        assert_eq!(queue_bytes(12_500_000_000), 8 << 20);
    }
}

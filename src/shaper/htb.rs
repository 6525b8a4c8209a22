use super::plan::ClassPlan;
use super::wire::{
    Answer, CREATE, DEL_CLASS, DEL_QDISC, ECHO, EXCL, GET_CLASS, GET_QDISC, Message, NEW_CLASS, NEW_QDISC,
    OPTIONS, REPLACE, ROOT, Target, find_attribute, put_attribute, u32_at, u64_at,
};
use crate::domain::{CLASS_MAJOR, ClassMinor};

/// `TCA_HTB_…` (`include/uapi/linux/pkt_sched.h`).
const PARMS: u16 = 1;
const INIT: u16 = 2;
const RATE64: u16 = 6;
const CEIL64: u16 = 7;

/// A frame a turn, when classes share.
const QUANTUM_BYTES: u32 = 1514;

/// The handle of our tree's root.
pub(super) const ROOT_HANDLE: u32 = (CLASS_MAJOR as u32) << 16;

/// The whole number of a class.
pub(super) const fn class_id(minor: ClassMinor) -> u32 {
    ROOT_HANDLE | minor as u32
}

/// Asks for a device's root qdisc. Without the echo flag the kernel tells everybody but the one who asked.
pub(super) fn ask_root(index: u32) -> Message {
    Message::new(GET_QDISC, ECHO, Target { index, parent: ROOT, ..Target::default() })
}

/// Makes the root: what has no class goes out unshaped.
pub(super) fn make_root(index: u32, replace: bool) -> Message {
    // struct tc_htb_glob: version, rate2quantum (unused: every class has its quantum), defcls (0: direct), debug, direct_pkts
    let glob: Vec<u8> = [3u32, 10, 0, 0, 0].iter().flat_map(|field| field.to_ne_bytes()).collect();
    let mut options = Vec::new();
    put_attribute(&mut options, INIT, &glob);
    let flags = if replace { CREATE | REPLACE } else { CREATE | EXCL };
    let target = Target { index, handle: ROOT_HANDLE, parent: ROOT, info: 0 };
    Message::new(NEW_QDISC, flags, target).kind("htb").attribute(OPTIONS, &options)
}

/// Removes the root with all that is under it.
pub(super) fn remove_root(index: u32) -> Message {
    Message::new(DEL_QDISC, 0, Target { index, handle: ROOT_HANDLE, parent: ROOT, info: 0 })
}

/// Makes a class, or changes it while packets wait in it.
pub(super) fn set_class(index: u32, plan: &ClassPlan) -> Message {
    let mut parms = Vec::with_capacity(44);
    parms.extend_from_slice(&rate_spec(plan.rate));
    parms.extend_from_slice(&rate_spec(plan.ceil));
    for field in [
        ticks(ClassPlan::burst(plan.rate), plan.rate),
        ticks(ClassPlan::burst(plan.ceil), plan.ceil),
        QUANTUM_BYTES,
        0,
        0,
    ] {
        parms.extend_from_slice(&field.to_ne_bytes());
    }
    let mut options = Vec::new();
    put_attribute(&mut options, PARMS, &parms);
    put_attribute(&mut options, RATE64, &plan.rate.to_ne_bytes());
    put_attribute(&mut options, CEIL64, &plan.ceil.to_ne_bytes());
    let target = Target { index, handle: class_id(plan.minor), parent: class_id(plan.parent), info: 0 };
    Message::new(NEW_CLASS, CREATE, target).kind("htb").attribute(OPTIONS, &options)
}

/// Removes a class with its queue.
pub(super) fn remove_class(index: u32, minor: ClassMinor) -> Message {
    Message::new(DEL_CLASS, 0, Target { index, handle: class_id(minor), ..Target::default() })
}

/// Asks for all classes of our tree, without those of the queues under it.
pub(super) fn ask_classes(index: u32) -> Message {
    Message::new(GET_CLASS, 0, Target { index, parent: ROOT_HANDLE, ..Target::default() })
}

/// A class as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KernelClass {
    pub plan: ClassPlan,
    /// The handle of the queue under it.
    pub leaf: u32,
}

impl KernelClass {
    /// Reads a class of ours; `None` for others'.
    pub fn read(answer: &Answer<'_>) -> Option<Self> {
        let target = answer.target()?;
        if answer.kind != NEW_CLASS
            || answer.name() != Some("htb")
            || target.handle >> 16 != ROOT_HANDLE >> 16
        {
            return None;
        }
        let options = answer.attribute(OPTIONS)?;
        let parms = find_attribute(options, PARMS)?;
        // The 64-bit ones are told only where 32 bits are too few.
        let rate = |at, wide| match find_attribute(options, wide).and_then(|value| u64_at(value, 0)) {
            Some(rate) => Some(rate),
            None => u32_at(parms, at).map(u64::from),
        };
        Some(Self {
            plan: ClassPlan {
                minor: minor_of(target.handle),
                parent: if target.parent == ROOT { 0 } else { minor_of(target.parent) },
                rate: rate(8, RATE64)?,
                ceil: rate(20, CEIL64)?,
            },
            leaf: target.info,
        })
    }
}

fn minor_of(handle: u32) -> ClassMinor {
    u16::try_from(handle & 0xffff).unwrap_or_default()
}

/// `struct tc_ratespec`: link layer Ethernet, so that no rate table is needed.
pub(super) fn rate_spec(bytes_per_sec: u64) -> [u8; 12] {
    let [a, b, c, d] = u32::try_from(bytes_per_sec).unwrap_or(u32::MAX).to_ne_bytes();
    [0, 1, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

/// The time that so many bytes take, in the kernel's ticks of 64 ns.
pub(super) fn ticks(bytes: u64, bytes_per_sec: u64) -> u32 {
    let ticks = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_sec.max(1)) / 64;
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shaper::wire::answers;

    #[test]
    fn a_class_reads_back_as_it_was_planned() {
        for rate in [125, 625_000, 12_500_000_000] {
            let plan = ClassPlan { minor: 7, parent: 0xff00, rate, ceil: rate * 2 };
            let mut bytes = Vec::new();
            set_class(3, &plan).write_to(&mut bytes, 1, 0);
            let read = KernelClass::read(&answers(&bytes).next().unwrap()).unwrap();
            assert_eq!(read.plan, plan);
        }
    }

    #[test]
    fn bursts_become_ticks() {
        assert_eq!(ticks(6_250, 625_000), 156_250);
        assert_eq!(ticks(u64::MAX, 1), u32::MAX);
    }
}

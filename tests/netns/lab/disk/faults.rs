//! What can be wrong with a disk.

use std::ops::Range;
use std::time::Duration;

use fuser::Errno;

use super::State;

/// All that is wrong with it at a time.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// No file can grow, and none can be made (ENOSPC).
    pub full: bool,
    /// Nothing can be changed (EROFS), as ext4 has it after an error.
    pub read_only: bool,
    /// Whatever is written is refused (EIO).
    pub failing_writes: bool,
    /// Whatever is to be synced is refused (EIO), and is not on the disk.
    pub failing_syncs: bool,
    /// Whatever is to be synced is said to be, and is not on the disk.
    pub lying_syncs: bool,
    /// How long a sync takes.
    pub slow_sync: Duration,
    /// Bytes of a file that cannot be read (EIO).
    pub unreadable: Option<(String, Range<usize>)>,
}

/// Whether it has power.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Power {
    #[default]
    On,
    /// For so many changes more.
    Fails(u64),
    Off,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Needs room.
    Growing,
    /// Needs none.
    Changing,
    /// Makes durable.
    Syncing,
}

impl State {
    /// Nothing can be read without power.
    pub(super) fn may_read(&self) -> Result<(), Errno> {
        if matches!(self.power, Power::Off) { Err(Errno::EIO) } else { Ok(()) }
    }

    /// Whether a change is carried out. One that the power goes with is carried out, and nobody is told: a cut may leave it.
    pub(super) fn may(&mut self, doing: Doing) -> Result<(), Errno> {
        self.may_read()?;
        self.operations += 1;
        if self.faults.read_only {
            return Err(Errno::EROFS);
        }
        match doing {
            Doing::Growing if self.faults.full => return Err(Errno::ENOSPC),
            Doing::Growing | Doing::Changing if self.faults.failing_writes => return Err(Errno::EIO),
            Doing::Syncing if self.faults.failing_syncs => return Err(Errno::EIO),
            Doing::Growing | Doing::Changing | Doing::Syncing => {}
        }
        if let Power::Fails(left) = &mut self.power {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.cut(),
            }
        }
        Ok(())
    }

    /// What whoever asked for a change is told after it.
    pub(super) fn done(&self) -> Result<(), Errno> {
        self.may_read()
    }
}

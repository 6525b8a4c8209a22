/// Why nothing can be stored at present. Nothing of what was asked for has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskTrouble {
    /// There is no room.
    Full,
    /// It can only be read.
    ReadOnly,
    /// It answers with errors.
    Failing,
    /// It can be read, and does not make sense.
    Damaged,
}

impl DiskTrouble {
    /// In words that say nothing of the inside.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::ReadOnly => "the disk can only be read",
            Self::Failing => "the disk answers with errors",
            Self::Damaged => "the database is damaged",
        }
    }
}

impl std::fmt::Display for DiskTrouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

use std::io;

/// What the kernel's netfilter answered, or why it could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The policy cannot be compiled: each mistake in one sentence.
    #[error("the gate's policy is impossible: {}", .0.join("; "))]
    Policy(Vec<String>),
    /// `nft` could not be run.
    #[error("cannot run nft (is the nftables package installed?): {0}")]
    NftMissing(String),
    /// `nft` refused the base ruleset; nothing changed.
    #[error("nft refused the base ruleset, the old one stands: {0}")]
    NftRefused(String),
    /// The table in the kernel has sets or chains of another definition; nothing changed. `Gate::rebuild` replaces them.
    #[error("table inet turnpike holds sets of another definition; it must be rebuilt")]
    Incompatible,
    /// The table, or a set of it, is not there: load first.
    #[error("table inet turnpike is not loaded")]
    NotLoaded,
    /// The kernel refused an operation.
    #[error("the kernel refused to {what}: {source}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// What it answered.
        source: io::Error,
    },
    /// The socket failed.
    #[error("netlink: {what}: {source}")]
    Socket {
        /// What was being done.
        what: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// The kernel sent something that cannot be read.
    #[error("netlink: the kernel's answer cannot be read: {0}")]
    Malformed(&'static str),
    /// The sets changed during each of many readings.
    #[error("the kernel's sets changed during every reading")]
    Unsteady,
    /// The gate's own thread is gone.
    #[error("the gate's thread has ended")]
    Stopped,
}

impl GateError {
    /// A failed system call on a socket.
    pub(crate) fn socket(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Socket { what, source }
    }

    /// An answer of the kernel with this error number.
    pub(crate) fn refused(what: &'static str, errno: i32) -> Self {
        Self::Refused { what, source: io::Error::from_raw_os_error(errno) }
    }

    /// The same once more, for another who asked for the same.
    pub(crate) fn again(&self) -> Self {
        let copy = |source: &io::Error| match source.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::new(source.kind(), source.to_string()),
        };
        match self {
            Self::Policy(mistakes) => Self::Policy(mistakes.clone()),
            Self::NftMissing(why) => Self::NftMissing(why.clone()),
            Self::NftRefused(why) => Self::NftRefused(why.clone()),
            Self::Incompatible => Self::Incompatible,
            Self::NotLoaded => Self::NotLoaded,
            Self::Refused { what, source } => Self::Refused { what, source: copy(source) },
            Self::Socket { what, source } => Self::Socket { what, source: copy(source) },
            Self::Malformed(what) => Self::Malformed(what),
            Self::Unsteady => Self::Unsteady,
            Self::Stopped => Self::Stopped,
        }
    }

    /// The error number, where it came from the kernel.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused { source, .. } | Self::Socket { source, .. } => source.raw_os_error(),
            Self::Policy(_)
            | Self::NftMissing(_)
            | Self::NftRefused(_)
            | Self::Incompatible
            | Self::NotLoaded
            | Self::Malformed(_)
            | Self::Unsteady
            | Self::Stopped => None,
        }
    }
}

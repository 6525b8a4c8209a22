use std::io;

/// Why the kernel's tables could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// No netlink socket, or it broke.
    #[error("netlink socket: {0}")]
    Socket(#[from] io::Error),
    /// The kernel refused, or answered what cannot be read.
    #[error("{doing}: {source}")]
    Refused {
        /// What was asked for.
        doing: &'static str,
        /// What came back.
        source: rtnetlink::Error,
    },
    /// A question did not get to the kernel, or its answer not back.
    #[error("{doing}: {source}")]
    Unanswered {
        /// What was asked for.
        doing: &'static str,
        /// What went wrong.
        source: io::Error,
    },
    /// There is no such device at the moment.
    #[error("there is no network device {0}")]
    NoDevice(String),
    /// A file could not be read.
    #[error("reading {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl NetError {
    /// Wraps what rtnetlink says with what was being done.
    pub(super) fn refused(doing: &'static str) -> impl Fn(rtnetlink::Error) -> Self {
        move |source| Self::Refused { doing, source }
    }
}

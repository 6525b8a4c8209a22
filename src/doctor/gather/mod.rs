//! What the checks judge: read from files, asked of the kernel, of nft and of the daemon. What cannot be had is told with its
//! reason, and the rest is gathered all the same.

mod daemon;
mod disk;
mod network;
mod processes;
mod program;
mod sockets;

pub use daemon::{Daemon, ask_daemon};
pub use disk::{Disk, look_at_disk};
#[cfg(test)]
pub use network::network;
pub use network::{Network, read_network};
pub use processes::{Process, capabilities, holders, processes};
pub use program::{Nft, ask_nft};
pub use sockets::{Protocol, Socket, listening};

/// What was found, or why it could not be.
pub type Known<T> = Result<T, String>;

/// The reason of an error in words.
pub fn reason(error: impl std::fmt::Display) -> String {
    error.to_string()
}

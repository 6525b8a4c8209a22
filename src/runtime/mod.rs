//! The task that owns the sessions manager; its mailbox; what it asks of the kernel and the store.

mod ask;
mod cycle;
mod handle;
mod kernel;
mod lan;
mod mail;
mod outbox;
mod owner;
mod start;

pub use handle::{DevicePatch, DeviceRef, Handle, Ping, PortalNotice, ServiceStatus};
pub use kernel::{AllBooks, Kernel, KernelError};
pub use lan::{Lan, Neighbour};
pub use start::Runtime;

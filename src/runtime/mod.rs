//! The task that owns the sessions manager; its mailbox; what it asks of the kernel and the store.

mod ask;
mod beside;
mod bulk;
mod cycle;
mod handle;
mod kernel;
mod lan;
mod linux;
mod listeners;
mod lock_keeper;
mod locks;
mod mail;
mod measures;
mod once;
mod outbox;
mod owner;
mod shared;
mod start;
mod steer;
mod survey;
mod under;
mod visits;
mod watch;

pub use handle::{DevicePatch, DeviceRef, Handle, Ping, PortalNotice, ServiceStatus};
pub use kernel::{AllBooks, Kernel, KernelError};
pub use lan::{Lan, Neighbour};
pub use linux::{LinuxKernel, LinuxLan, watch_offload};
pub use listeners::ToldGroup;
pub use locks::Lock;
pub use measures::Measures;
pub use start::Runtime;
pub use steer::{DeviceSnapshot, Snapshot};
pub use survey::Survey;
pub use visits::Sighting;
pub use watch::{Hostnames, watch_lan, watch_table};

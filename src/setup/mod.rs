//! `turnpike setup` without hands: from what was found on a box and what was answered to the files and commands that make a
//! hotspot of it.
//!
//! Nothing here looks at the box or changes it: [`Facts`] come in, a [`Plan`] goes out. Names of devices, texts and prices
//! pass the checks of the configuration and of the domain before they get into any file.

mod addresses;
mod answer;
mod ask;
mod choices;
mod config_file;
mod ending;
mod facts;
mod files;
mod guess;
mod management;
mod network;
mod plan;
mod seen;
mod steps;
mod undo;
mod wishes;

#[cfg(test)]
mod sample;

pub use answer::DeviceName;
pub use ask::{Next, Question, next};
pub use choices::{Choices, FirstPlan, GuestNetwork, Listen, NewBridge, Wifi};
pub use ending::ending;
pub use facts::{Caller, Device, DeviceKind, FOLDERS, Facts, Networking, PLACES};
pub use plan::{Plan, plan};
pub use seen::{found, taken};
pub use steps::{ByHand, Command, NewFile, Owner, Step};
pub use undo::undo;
pub use wishes::{Manage, Topic, Wishes};

/// The first line of every file of ours on the box; what begins otherwise is somebody else's.
pub const MARK: &str = "# Made by \"turnpike setup\"; \"turnpike setup --undo-network\" removes it.";

/// The port of the API and the admin pages.
pub const ADMIN_PORT: u16 = 2051;

/// The port of the portal.
pub const PORTAL_PORT: u16 = 2050;

/// Why a box is left as it is: what is in the way, and what to do about it. May have several lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl Refused {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

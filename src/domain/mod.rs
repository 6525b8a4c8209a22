//! The rules of the hotspot: who is let through, for how long and how much.
//!
//! Pure: no I/O, no clock, no runtime. Time comes in as [`Now`], kernel counters as [`Books`], and what is to be done
//! goes out as a [`Transition`].

mod access;
mod clock_guard;
mod device;
mod event;
mod ids;
mod key;
mod mac;
mod once;
mod permission;
mod provider;
mod refusal;

mod session;
pub mod sessions_mgr;
mod tag;
mod terms;
mod text;
mod time;
mod transition;
mod units;
mod usage;
mod voucher;
mod voucher_codes;
mod zone;

pub use access::{Access, ClassRates, ClientRates, Grant};
pub use clock_guard::ClockGuard;
pub use device::{ClientDevice, DeviceStatus};
pub use event::{Event, EventKind};
pub use ids::{DeviceId, ProviderName, SessionId, ZoneName};
pub use key::{CLASS_MAJOR, ClassMinor, ClientKey, ZONE_MINORS};
pub use mac::{MacAddr, MacError};
pub use once::{DoneOnce, Once, OnceSubject, OnceSubjectError, Proviso};
pub use permission::{Permission, PermissionError};
pub use provider::{BoxFuture, ProviderError, SessionProvider, SessionSource, SourceData, SourceUsage};
pub use refusal::Refusal;
pub use session::{Checkpoint, ClientSession, CloseReason, PauseReason, SessionState};
pub use sessions_mgr::SessionsMgr;
pub use tag::Tag;
pub use terms::{SessionKind, SessionPatch, SessionTerms, TermsError};
pub use text::Text;
pub use time::{BootId, BootTime, Now, WallTime};
pub use transition::{Change, Deadline, GateOp, Guard, Image, Outcome, ShapeOp, Transition};
pub use units::{Mbps, MbpsError, bytes_to_mb, mb_to_bytes};
pub use usage::{Books, KernelBooks, Usage};
pub use voucher::{NewBatch, Redeemed, SealedCode, Voucher, VoucherBatch, VoucherStatus};
pub use voucher_codes::VoucherCodes;
pub use zone::ZonePolicy;

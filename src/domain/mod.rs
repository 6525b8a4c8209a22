//! The rules of the hotspot: who is let through, for how long and how much.
//!
//! Pure: no I/O, no clock, no runtime. Time comes in as [`Now`], kernel counters as [`Books`], and what is to be done
//! goes out as a [`Transition`].

mod access;
mod account;
mod admin;
mod audit;
mod authenticator;
mod client_type;
mod clock_guard;
pub mod coin;
mod connection;
mod device;
mod disk_trouble;
mod event;
pub mod filter;
mod form;
mod free;
mod hook;
mod hook_fields;
mod identity;
mod ids;
mod key;
mod language;
mod listener;
mod lock;
mod mac;
mod message;
mod money;
mod once;
mod opening;
mod period;
mod permission;
mod phrase;
mod plan;
mod policies;
mod properties;
mod provider;
mod refusal;
mod role_policy;
pub mod roles;
mod sale;
pub mod samples;
mod session;
mod session_event;
pub mod sessions_mgr;
mod settled_clock;
mod tag;
mod terms;
mod text;
pub mod theme;
mod time;
mod totp;
mod transition;
mod units;
mod usage;
mod voucher;
mod voucher_codes;
mod web_url;
mod zone;

pub use access::{Access, ClassRates, ClientRates, Grant};
pub use account::{
    Account, AccountBook, AccountDevice, AccountGuard, AccountName, AccountOff, AccountPlan, Entry,
    GrantBook, Helping, OneMore, PasswordHash, standing,
};
pub use admin::{Admin, SetupCode};
pub use audit::{Actor, AuditFields, AuditLine};
pub use authenticator::{Allowed, AuthRequest, Authenticator, Occasion, Verdict};
pub use client_type::{ClientType, Transport};
pub use clock_guard::ClockGuard;
pub use connection::{Connection, ConnectionEvent, Endpoint};
pub use device::{ClientDevice, DeviceStatus};
pub use disk_trouble::DiskTrouble;
pub use event::{Event, EventKind};
pub use filter::{Filter, FilterError, Lookup};
pub use form::{
    Beside, Enter, FieldKind, FormButton, FormField, FormHint, FormValues, LogIn, MAX_FIELDS, ProviderFace,
    Submitted, Waiting,
};
pub use free::{FreeGift, FreeOffer};
pub use hook::{Hook, HookFilter, HookFilterError, HookKinds, HookPatch, HookSecret, HookSecretError};
pub use hook_fields::{HookFieldError, HookFields};
pub use identity::{Identity, RecoveryCode};
pub use ids::{ConnectionId, DeviceId, HookId, ProviderName, SessionId, ZoneName};
pub use key::{CLASS_MAJOR, ClassMinor, ClientKey, ZONE_MINORS};
pub use language::{preferred_language, wanted_languages};
pub use listener::{Listener, Matching, NO_LONGER_MATCHES, Shift, Told};
pub use lock::{
    Acquired, HandOver, LockLoss, LockName, LockNameError, LockOwner, LockRefusal, LockScope, LockStatus,
    LockTable, LockTicket, LockWaiter, NotHeld,
};
pub use mac::{MacAddr, MacError};
pub use message::Message;
pub use money::{Currency, CurrencyError, Money};
pub use once::{DoneOnce, Once, OnceSubject, OnceSubjectError, Proviso};
pub use opening::{Opening, OpeningHours, OpeningLine};
pub use period::{Every, LocalTime, Period, Repeat, Utc};
pub use permission::{Permission, PermissionError};
pub use phrase::{Amount, Part, Phrase, Said, When};
pub use plan::{AtEnd, Plan, PlanBook, PlanName, SlowEnd};
pub use policies::{GatewayFacts, Policies};
pub use properties::{
    DeviceView, FixedKey, PropertyError, PropertyMap, PropertyPatch, Select, SessionView, is_settable,
    millionths,
};
pub use provider::{
    BoxFuture, Granted, ProviderError, SessionProvider, SessionSource, SourceData, SourceUsage,
};
pub use refusal::Refusal;
pub use role_policy::RolePolicy;
pub use sale::{Sale, SaleItem};
pub use session::{Checkpoint, ClientSession, CloseReason, PauseReason, SessionState};
pub use session_event::{SessionEvent, SessionEventKind};
pub use sessions_mgr::SessionsMgr;
pub use settled_clock::SettledClock;
pub use tag::Tag;
pub use terms::{MAX_EXP_DAYS, MAX_TIME_SECS, SessionKind, SessionPatch, SessionTerms, TermsError};
pub use text::Text;
pub use theme::Theme;
pub use time::{BootId, BootTime, Now, UseTime, WallTime};
pub use totp::TotpSecret;
pub use transition::{
    Change, Deadline, GateOp, GrantChange, Guard, Image, Outcome, Parting, PeriodGrant, ShapeOp, Transition,
};
pub use units::{MAX_MB, Mbps, MbpsError, bytes_to_mb, mb_to_bytes};
pub use usage::{Books, KernelBooks, Usage};
pub use voucher::{
    NewBatch, Redeemed, SealedCode, Voucher, VoucherBatch, VoucherOffer, VoucherSale, VoucherStatus,
    VoucherUse, WhenFull, grant_subject,
};
pub use voucher_codes::{VoucherBook, VoucherCodes};
pub use web_url::{WebUrl, WebUrlError};
pub use zone::{GARDEN_TTL_SECS, ZonePolicy};

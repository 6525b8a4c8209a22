//! SQLite: what must survive a power cut.
//!
//! One connection writes, a few read. A commit is on disk (`synchronous = FULL`) before it is answered, and takes
//! everything that waits in one transaction. The file belongs to one daemon at a time: a lock file beside it says whose.

mod account_devices;
mod account_plans;
mod accounts;
mod admins;
mod audit;
mod batch_list;
mod batches;
mod commit;
mod counter;
mod credits;
mod error;
mod events;
mod filter_sql;
mod grants;
mod hook_outbox;
mod hooks;
mod load;
mod lock;
mod measures;
mod messages;
mod once;
mod open;
mod outbox;
mod page;
mod plans;
mod rows;
mod sales;
mod samples;
mod session_events;
mod sold;
mod space;
mod sql;
mod tokens;
mod voucher_uses;
mod vouchers;

pub use account_devices::Binding;
pub use account_plans::Till;
pub use accounts::{AccountPatch, AccountQuery, NewAccount};
pub use admins::{AdminPatch, NewAdmin};
pub use audit::{AuditQuery, LoggedAudit};
pub use batch_list::{BatchQuery, BatchSums};
pub use commit::{Committed, Numbers, Writes};
pub use counter::{Refund, Refunded, Stock, VoucherTill};
pub use credits::{Credit, CreditQuery};
pub use error::StoreError;
pub use events::{KEPT_EVENTS, LoggedEvent};
pub use hook_outbox::{Delivery, HookHeard, MAX_HOOK_WAITING, NewDelivery};
pub use hooks::{HookConflict, HookStanding, KeptHook, MAX_HOOKS};
pub use load::Loaded;
pub use measures::StoreMeasures;
pub use messages::{LeftMessage, MessageQuery};
pub use once::{KEPT_ONCE, KeptAnswer, RememberedOnce};
pub use open::{Store, StoreSize};
pub use outbox::PendingUsage;
pub use page::{Direction, SessionQuery, SortKey};
pub use plans::PlanProviso;
pub use sales::{ListedSale, SalesQuery, SalesSum};
pub use session_events::{KEPT_SESSION_EVENTS, LoggedSessionEvent};
pub use sold::SoldAmounts;
pub use space::DiskSpace;
pub use tokens::{Token, TokenText};
pub use vouchers::{ListedVoucher, Revoked, VoucherQuery};

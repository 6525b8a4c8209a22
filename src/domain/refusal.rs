use super::{DiskTrouble, LockOwner, PropertyError, TermsError, Text, When};

/// Why a command was not carried out. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No device of that id, MAC or address.
    #[error("there is no such device")]
    UnknownDevice,
    /// No session of that id.
    #[error("there is no such session")]
    UnknownSession,
    /// No zone of that name.
    #[error("there is no zone {0:?} in the configuration")]
    UnknownZone(String),
    /// An operator blocked it.
    #[error("this device is blocked")]
    Blocked,
    /// The zone is closed, by its opening hours.
    #[error("this network is closed now; it is open again {opens}")]
    Closed {
        /// When it is open again.
        opens: When,
        /// In how many seconds.
        retry_secs: u64,
    },
    /// Nothing to connect on.
    #[error("this device has no session that it could use")]
    NoSession,
    /// The session has ended.
    #[error("this session is {0} and cannot be changed")]
    SessionEnded(&'static str),
    /// Numbers that cannot be.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// A limit below what is used.
    #[error("{field}: {used} is used already; the limit cannot be below that")]
    BelowUsed {
        /// The field, by its API name.
        field: &'static str,
        /// What is used, in the field's unit.
        used: String,
    },
    /// A limit that this kind does not have.
    #[error("{field}: a session of kind {kind} has no such limit")]
    NotOfThisKind {
        /// The field, by its API name.
        field: &'static str,
        /// The kind.
        kind: &'static str,
    },
    /// The device is not on a guest network.
    #[error("this device has not been seen in any zone yet")]
    NotInAZone,
    /// All client keys are taken by devices that are online.
    #[error("no client key is free: all are held by devices that are online")]
    KeysUsedUp,
    /// A property that cannot be.
    #[error(transparent)]
    Property(#[from] PropertyError),
    /// Beyond the most roles.
    #[error("roles: there are at most {0}")]
    TooManyRoles(usize),
    /// A MAC that is registered already.
    #[error("a device with this MAC is registered already")]
    DeviceExists,
    /// No such voucher.
    #[error("this code is not known")]
    VoucherUnknown,
    /// Redeemed before.
    #[error("this voucher has been used already")]
    VoucherUsed,
    /// Revoked by an operator.
    #[error("this voucher has been revoked")]
    VoucherRevoked,
    /// Before or after its validity window.
    #[error("this voucher is not valid {0}")]
    VoucherNotValid(&'static str),
    /// Too many wrong codes.
    #[error("too many wrong codes; try again in {retry_secs} s")]
    TooManyTries {
        /// Seconds until the next try.
        retry_secs: u64,
    },
    /// An authenticator said no.
    #[error("this is not allowed: {0}")]
    Denied(Text),
    /// A form that a provider does not take.
    #[error("{text}")]
    Form {
        /// The field that is wrong; `None` if it is none in particular.
        field: Option<String>,
        /// What the guest reads.
        text: Text,
    },
    /// No provider of that name, or none that takes forms.
    #[error("there is no session provider {0:?} here")]
    UnknownProvider(String),
    /// What is granted once in a period was granted.
    #[error("this has been used up for now")]
    GrantUsed,
    /// Coins that were given out for already.
    #[error("this credit has been claimed already")]
    CreditClaimed,
    /// No plan of that name.
    #[error("there is no plan {0:?}")]
    UnknownPlan(String),
    /// A plan of that name is there already.
    #[error("there is a plan of this name already")]
    PlanExists,
    /// A plan that something refers to.
    #[error("this plan is in use: {0}; take it off sale instead")]
    PlanInUse(String),
    /// A plan, or a voucher of it, that cannot be sold.
    #[error("this is not on sale")]
    NotOnSale,
    /// No voucher of the batch is left to be sold.
    #[error("no voucher of this batch is left to be sold")]
    SoldOut,
    /// A voucher that was sold already.
    #[error("this voucher has been sold already")]
    VoucherSold,
    /// No batch of that number.
    #[error("there is no such batch of vouchers")]
    UnknownBatch,
    /// No account of that name.
    #[error("there is no such account")]
    UnknownAccount,
    /// An account of that name is there already.
    #[error("there is an account of this name already")]
    AccountExists,
    /// No admin account of that name.
    #[error("there is no such admin account")]
    UnknownAdmin,
    /// An admin account of that name is there already, or the first one is made.
    #[error("there is an admin account of this name already")]
    AdminExists,
    /// Nobody would be left who may do everything.
    #[error("an account that is not disabled must keep the permission admin: this is the last one")]
    LastAdmin,
    /// No sale of that id.
    #[error("there is no such sale")]
    UnknownSale,
    /// More was to be given back than was paid.
    #[error("this sale cannot be refunded: {0}")]
    CannotRefund(&'static str),
    /// A code that is no device's, or of one that has nothing left.
    #[error("this recovery code is not known")]
    RecoveryUnknown,
    /// The same things moved from device to device too often.
    #[error("this has been moved too often; try again in {retry_secs} s")]
    TooManyMoves {
        /// Seconds until the next move.
        retry_secs: u64,
    },
    /// A device's sessions to itself.
    #[error("this is the same device")]
    SameDevice,
    /// A provider did not answer, or not in time.
    #[error("the session provider did not answer: {0}")]
    Provider(String),
    /// The store could not write.
    #[error("the store could not save this: {0}")]
    Store(String),
    /// The disk does not take it, or not any more.
    #[error("nothing was done: {0}")]
    Disk(DiskTrouble),
    /// The kernel refused.
    #[error("the kernel refused this: {0}")]
    Kernel(String),
    /// What was to be changed is not as the caller last saw it.
    #[error("it has been changed since: look at it again")]
    Changed,
    /// A request under this key was carried out already.
    #[error("a request with this key was carried out already")]
    DoneBefore,
    /// Another holds the lock, and the caller does not wait.
    #[error("the lock is held by {0}")]
    LockHeld(LockOwner),
    /// Another still holds the lock after the time that the caller would wait.
    #[error("the lock did not become free in time: it is held by {0}")]
    LockWaitOver(LockOwner),
    /// Everybody on a circle of waits would wait for ever.
    #[error("this wait could never end: an owner ahead waits for a lock of this one; release that first")]
    LockWouldDeadlock,
    /// The owner lost its claim while it waited.
    #[error(
        "the lock was lost before it could be taken: the device left the network, was blocked or deleted, or the lock \
         was released"
    )]
    LockLost,
    /// The lock is not held, or not by the one that was named.
    #[error("{0} a lock of this name")]
    LockNotHeld(&'static str),
    /// As many locks or waits as there may be.
    #[error("too many locks: {0} may hold or wait for {1} at most; release some first")]
    TooManyLocks(&'static str, usize),
    /// Shutting down.
    #[error("turnpike is stopping")]
    Stopping,
}

impl Refusal {
    /// A short name that stays, for counting.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::UnknownDevice => "unknown_device",
            Self::UnknownSession => "unknown_session",
            Self::UnknownZone(_) => "unknown_zone",
            Self::Blocked => "blocked",
            Self::Closed { .. } => "closed",
            Self::NoSession => "no_session",
            Self::SessionEnded(_) => "session_ended",
            Self::Terms(_) => "terms",
            Self::Property(_) => "property",
            Self::TooManyRoles(_) => "too_many_roles",
            Self::BelowUsed { .. } => "below_used",
            Self::NotOfThisKind { .. } => "not_of_this_kind",
            Self::NotInAZone => "not_in_a_zone",
            Self::KeysUsedUp => "keys_used_up",
            Self::DeviceExists => "device_exists",
            Self::VoucherUnknown => "voucher_unknown",
            Self::VoucherUsed => "voucher_used",
            Self::VoucherRevoked => "voucher_revoked",
            Self::VoucherNotValid(_) => "voucher_not_valid",
            Self::TooManyTries { .. } => "too_many_tries",
            Self::Denied(_) => "denied",
            Self::Form { .. } => "form",
            Self::UnknownProvider(_) => "unknown_provider",
            Self::GrantUsed => "grant_used",
            Self::CreditClaimed => "credit_claimed",
            Self::UnknownPlan(_) => "unknown_plan",
            Self::PlanExists => "plan_exists",
            Self::PlanInUse(_) => "plan_in_use",
            Self::NotOnSale => "not_on_sale",
            Self::SoldOut => "sold_out",
            Self::VoucherSold => "voucher_sold",
            Self::UnknownBatch => "unknown_batch",
            Self::UnknownAccount => "unknown_account",
            Self::AccountExists => "account_exists",
            Self::UnknownAdmin => "unknown_admin",
            Self::AdminExists => "admin_exists",
            Self::LastAdmin => "last_admin",
            Self::UnknownSale => "unknown_sale",
            Self::CannotRefund(_) => "cannot_refund",
            Self::RecoveryUnknown => "recovery_unknown",
            Self::TooManyMoves { .. } => "too_many_moves",
            Self::SameDevice => "same_device",
            Self::Provider(_) => "provider",
            Self::Disk(_) => "disk",
            Self::Store(_) => "store",
            Self::Kernel(_) => "kernel",
            Self::Changed => "changed",
            Self::DoneBefore => "done_before",
            Self::LockHeld(_) => "lock_held",
            Self::LockWaitOver(_) => "lock_wait_over",
            Self::LockWouldDeadlock => "lock_would_deadlock",
            Self::LockLost => "lock_lost",
            Self::LockNotHeld(_) => "lock_not_held",
            Self::TooManyLocks(..) => "too_many_locks",
            Self::Stopping => "stopping",
        }
    }
}

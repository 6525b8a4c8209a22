use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    AccountGuard, AuditLine, BootTime, ClassRates, ClientDevice, ClientKey, ClientSession, DeviceId,
    DoneOnce, Event, Grant, MacAddr, Message, Money, Sale, SessionEvent, SessionId, SourceUsage, Text,
    WallTime, ZoneName,
};

/// Everything that follows from one command: to be stored, then done in the kernel, then told. All of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Transition {
    /// What must hold in the store for the rest to happen; checked in the same transaction, first.
    pub guards: Vec<Guard>,
    /// Rows to write.
    pub changes: Vec<Change>,
    /// Events, written with them and sent after the commit.
    pub events: Vec<Event>,
    /// What listeners are told, written with them and sent after the commit.
    pub told: Vec<SessionEvent>,
    /// Set elements, in this order.
    pub gate: Vec<GateOp>,
    /// Traffic classes.
    pub shape: Vec<ShapeOp>,
    /// Devices that are to be connected as soon as somebody outside was asked: providers, authenticators. That they may
    /// have nothing, or say no, is no failure.
    pub wants_connect: Vec<DeviceId>,
    /// Texts for portal pages.
    pub notices: Vec<(DeviceId, Text)>,
    /// What the caller is told.
    pub outcome: Outcome,
    /// How things were, for taking it all back.
    pub before: Vec<Image>,
    /// Who waited for opening hours until now: waits again if all is taken back.
    pub waited: Vec<DeviceId>,
}

impl Transition {
    /// Whether there is nothing to store, to do or to tell.
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty()
            && self.changes.is_empty()
            && self.events.is_empty()
            && self.told.is_empty()
            && self.gate.is_empty()
            && self.shape.is_empty()
            && self.notices.is_empty()
            && self.wants_connect.is_empty()
    }

    /// Whether something was given for it: a voucher, coins, money over the counter.
    pub fn is_bought(&self) -> bool {
        self.guards.iter().any(|guard| !matches!(guard, Guard::Once(_) | Guard::NothingLeft(..)))
            || self.changes.iter().any(|change| matches!(change, Change::Sale(_)))
    }

    /// The devices whose rows it changes.
    pub fn devices(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.before.iter().filter_map(|image| match image {
            Image::Device(id, _) => Some(*id),
            Image::Session(..) => None,
        })
    }

    /// The devices whose rows, or whose sessions' rows, it changes; some of them more than once.
    pub fn concerns(&self) -> impl Iterator<Item = DeviceId> + '_ {
        let of_session =
            |change: &Change| if let Change::Session(session) = change { Some(session.device) } else { None };
        let before = self.before.iter().filter_map(|image| match image {
            Image::Device(id, _) => Some(*id),
            Image::Session(_, session) => session.as_ref().map(|session| session.device),
        });
        before.chain(self.changes.iter().filter_map(of_session))
    }
}

/// A row before a transition; `None` if there was none.
#[derive(Debug, Clone)]
pub enum Image {
    /// A device.
    Device(DeviceId, Option<Arc<ClientDevice>>),
    /// A session.
    Session(SessionId, Option<Arc<ClientSession>>),
}

/// A condition that only the store can check; if it does not hold, the transition does not happen and the caller gets
/// the refusal that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The voucher (by its row id) is unsold and not revoked; it is marked as redeemed.
    RedeemVoucher {
        /// The row.
        voucher: i64,
        /// By whom.
        device: DeviceId,
        /// For which session.
        session: SessionId,
        /// When.
        at: WallTime,
    },
    /// A device holds a place of a voucher that is not revoked; another one takes it over.
    TakeOverVoucher {
        /// The row.
        voucher: i64,
        /// From whom.
        from: DeviceId,
        /// By whom.
        device: DeviceId,
        /// For which session.
        session: SessionId,
        /// When.
        at: WallTime,
    },
    /// A device holds a place of a voucher that is not revoked, and goes on holding it.
    HoldsVoucher {
        /// The row.
        voucher: i64,
        /// Who.
        device: DeviceId,
        /// When: the code's days are counted from the first use by a clock that could be believed.
        at: WallTime,
    },
    /// A subject (a device, an account, a voucher) has had fewer than `most` sessions of a plan in a period; this is one
    /// more.
    Grant(Box<PeriodGrant>),
    /// An account can be used on a device.
    Account(Box<AccountGuard>),
    /// What was left of a session when its device was logged out waits to be gone on with; from now on this one does.
    Resume {
        /// The session that it was left of.
        from: SessionId,
        /// The session.
        session: SessionId,
    },
    /// Coins that were inserted and that nobody has got anything for: from now on this session is what they bought.
    ClaimCredits {
        /// Their rows: all of them must still be unclaimed.
        credits: Vec<i64>,
        /// How much of them is spent; what is over stays unclaimed.
        amount: Money,
        /// The session.
        session: SessionId,
        /// When.
        at: WallTime,
    },
    /// The request was not carried out before; from now on it was.
    Once(Box<DoneOnce>),
    /// A device that is to be forgotten has nothing left that counts.
    NothingLeft(DeviceId, Parting),
}

/// What nothing means, of a device that has departed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parting {
    /// When that is asked.
    pub at: WallTime,
    /// It was not seen since then.
    pub unseen_since: WallTime,
    /// What it was given by itself in a period that began before then is over and comes anew.
    pub granted_before: WallTime,
    /// Whether sessions of free access that are over count for nothing.
    pub with_free: bool,
}

impl Guard {
    /// The same about this session of this device: a provider does not know yet what it will be called.
    #[must_use]
    pub fn about(mut self, device: DeviceId, session: SessionId) -> Self {
        match &mut self {
            Self::RedeemVoucher { device: of, session: about, .. }
            | Self::TakeOverVoucher { device: of, session: about, .. } => (*of, *about) = (device, session),
            Self::Grant(grant) => grant.session = session,
            Self::ClaimCredits { session: about, .. } => *about = session,
            Self::Account(guard) => guard.device = device,
            Self::HoldsVoucher { device: of, .. } => *of = device,
            Self::Resume { session: about, .. } => *about = session,
            Self::Once(_) | Self::NothingLeft(..) => {}
        }
        self
    }
}

/// One grant of a plan that comes anew each period, or once and for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodGrant {
    /// Who gets it: `device UUID`, `account NAME`, `voucher ROW`.
    pub subject: String,
    /// The plan.
    pub plan: String,
    /// When the period began; `WallTime(0)` if it does not repeat.
    pub period: WallTime,
    /// The most that the subject gets in one period.
    pub most: u32,
    /// For which session.
    pub session: SessionId,
}

/// A row to write.
#[derive(Debug, Clone)]
pub enum Change {
    /// Insert or replace the device.
    Device(Box<ClientDevice>),
    /// Delete the device with its sessions.
    DeleteDevice(DeviceId),
    /// Insert or replace the session.
    Session(Box<ClientSession>),
    /// Delete the session.
    DeleteSession(SessionId),
    /// Write usage and checkpoint only: the periodic flush.
    Usage(Box<ClientSession>),
    /// Queue totals for the session's source.
    Outbox(SourceUsage),
    /// The newest wall-clock time that was believable.
    NewestWall(WallTime),
    /// Leave a text for a device's page.
    Message(Box<Message>),
    /// Note a sale; one of the same id is there already changes nothing.
    Sale(Box<Sale>),
    /// Give money that one device put in and has got nothing for to another one. It stays there if the rest is taken back:
    /// both are the same phone.
    MoveCredits {
        /// Whose it was.
        from: DeviceId,
        /// Whose it is.
        to: DeviceId,
    },
    /// Change what is known of grants.
    Grants(GrantChange),
    /// A session goes on with what another one was: money that is given back for that one ends this one as well.
    Origin {
        /// The one that has ended.
        from: SessionId,
        /// The one that goes on.
        to: SessionId,
    },
    /// Append a line to the audit log.
    Audit(Box<AuditLine>),
    /// What a guard took for a session that has been taken back is given back: a grant, money that was claimed.
    GiveBack(Box<Guard>),
    /// A sale that has been taken back before anybody was told of it.
    DropSale(uuid::Uuid),
    /// A request that was carried out has been taken back.
    ForgetOnce {
        /// Whose.
        caller: String,
        /// Under which key.
        key: String,
    },
}

/// A change of what is known of grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantChange {
    /// What is left of this session waits for the next log-in.
    Park(SessionId),
    /// What this session carried, another one does from now on: it was moved.
    Carry {
        /// The one that has ended.
        from: SessionId,
        /// The one that goes on.
        to: SessionId,
    },
    /// What a device has had in the periods that go on, the same phone under another MAC has had as well; and it is
    /// logged in where that was.
    Follow {
        /// The device.
        from: DeviceId,
        /// The same phone under another MAC.
        to: DeviceId,
    },
}

/// A change of the kernel's sets. Times and quotas are absolute in the [`Grant`]; the gate computes what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateOp {
    /// Make the pair known (`client_of`, `owner`); flows of the key's former owner are deleted first.
    Learn {
        /// The device.
        mac: MacAddr,
        /// Its key.
        key: ClientKey,
    },
    /// Forget the pair, its elements and its flows.
    Forget {
        /// The device.
        mac: MacAddr,
        /// Its key.
        key: ClientKey,
    },
    /// Let through: `online`, `sent`, `received` (starting at the grant's books), `class_of`.
    Open {
        /// The key.
        key: ClientKey,
        /// How far.
        grant: Grant,
    },
    /// Change how far, while it is let through; the books go on. Bytes that passed since `quota_used` was read are charged
    /// to the new element.
    Swap {
        /// The key.
        key: ClientKey,
        /// How far from now on.
        grant: Grant,
        /// The old element's `used` when the grant's books were read.
        quota_used: u64,
    },
    /// Change the class only.
    Class {
        /// The key.
        key: ClientKey,
        /// Whether it has one.
        has_class: bool,
    },
    /// Captive again: delete what is left of its elements, and its flows.
    Close {
        /// The key.
        key: ClientKey,
    },
}

impl GateOp {
    /// Whose elements it changes.
    pub const fn key(&self) -> ClientKey {
        match self {
            Self::Learn { key, .. }
            | Self::Forget { key, .. }
            | Self::Open { key, .. }
            | Self::Swap { key, .. }
            | Self::Class { key, .. }
            | Self::Close { key } => *key,
        }
    }
}

/// A change of the traffic classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShapeOp {
    /// The client's class exists with these speeds.
    Set {
        /// The key, which is the class's minor.
        key: ClientKey,
        /// Under which zone, how fast.
        rates: ClassRates,
    },
    /// The client's class is gone.
    Remove {
        /// The key.
        key: ClientKey,
        /// The zone it was under.
        zone: ZoneName,
    },
}

/// What the caller of a command is told.
#[derive(Debug, Clone, Default)]
pub enum Outcome {
    /// Done, nothing to show.
    #[default]
    Done,
    /// The device as it is now.
    Device(Box<ClientDevice>),
    /// The session as it is now.
    Session(Box<ClientSession>),
    /// The session as it is now, and the properties that were named as they were before; `None` was not set.
    Previous {
        /// The session.
        session: Box<ClientSession>,
        /// The properties.
        previous: BTreeMap<String, Option<String>>,
    },
    /// So many sessions were selected.
    Matched(usize),
    /// No session here; the providers are to be asked, and the command repeated with their answer.
    AskProviders(DeviceId),
    /// The source of the session that would run is to be asked what it grants, and the command repeated with its answer.
    AskSource(SessionId),
    /// The authenticators are to be asked about the session that would run, and the command repeated with their answer.
    AskAuthenticators(Box<ClientSession>),
}

impl Outcome {
    /// Whether somebody outside is to be asked first: nothing has changed then.
    pub const fn asks(&self) -> bool {
        matches!(self, Self::AskProviders(_) | Self::AskSource(_) | Self::AskAuthenticators(_))
    }
}

/// When the sessions manager next wants to be looked at, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: BootTime,
    /// Why.
    pub reason: &'static str,
}

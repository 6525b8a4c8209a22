use super::{DeviceId, Money, SessionId, Text, WallTime};

/// Money that changed hands: a line of the till, written in the transaction that makes it true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// Its id; a sale that is written twice under one id is one sale.
    pub id: uuid::Uuid,
    /// When.
    pub at: WallTime,
    /// Who took the money: a token's name, `root`, `coinslot/NAME`, `plugin/NAME`.
    pub seller: Text,
    /// What was sold.
    pub item: SaleItem,
    /// Which plan, if one.
    pub plan: Option<String>,
    /// The voucher's row.
    pub voucher: Option<i64>,
    /// To which device.
    pub device: Option<DeviceId>,
    /// The session that it made or topped up.
    pub session: Option<SessionId>,
    /// How much; negative when it was given back.
    pub amount: Money,
    /// A remark.
    pub note: Option<Text>,
}

/// What was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SaleItem {
    /// A voucher over the counter.
    Voucher,
    /// A session.
    Session,
    /// More of a session.
    TopUp,
    /// Coins in a slot.
    Coins,
    /// An account's plan.
    Account,
}

impl SaleItem {
    /// Every item, with its name in API, CLI and store.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Voucher, "voucher"),
        (Self::Session, "session"),
        (Self::TopUp, "top_up"),
        (Self::Coins, "coins"),
        (Self::Account, "account"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(item, _)| *item == self).map_or("session", |(_, name)| name)
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(item, _)| *item)
    }
}

use super::{PulseTable, Purchase, Rates};
use crate::domain::{
    Guard, LockName, Mbps, Money, ProviderName, Sale, SaleItem, SessionId, SessionKind, SessionTerms,
    SourceData, Text, WallTime,
};

/// A coin slot as its guests know it: what its pulses are worth, and what can be bought there.
#[derive(Debug, Clone, PartialEq)]
pub struct CoinSlot {
    /// Its name, which others are made of: 1 to 32 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// What guests read above its button.
    pub title: Text,
    /// What pulses are worth.
    pub pulses: PulseTable,
    /// What can be bought.
    pub rates: Rates,
    /// Speed towards the client; `None` is unlimited.
    pub down: Option<Mbps>,
    /// Speed from the client; `None` is unlimited.
    pub up: Option<Mbps>,
    /// Whether the zone's client speeds apply instead.
    pub use_global_speed: bool,
}

/// What credits buy: what is to be granted, and for how much of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Sold {
    /// What the session grants, with what must hold for it and the sale that goes with it.
    pub data: SourceData,
    /// What was bought.
    pub purchase: Purchase,
}

impl CoinSlot {
    /// How credits and sales name it.
    pub fn source(&self) -> String {
        format!("coinslot/{}", self.name)
    }

    /// The provider that it is on the portal.
    pub fn provider(&self) -> ProviderName {
        Self::provider_of(&self.name)
    }

    /// The same of a slot of that name.
    pub fn provider_of(name: &str) -> ProviderName {
        ProviderName::new(&format!("coin-{name}"))
    }

    /// The lock of whoever has it.
    ///
    /// # Errors
    ///
    /// None with a name that was checked.
    pub fn lock(&self) -> Result<LockName, crate::domain::LockNameError> {
        self.source().parse()
    }

    /// Turns credits (their rows and amounts) into a session: the best that they buy together. What they do not buy stays
    /// credit. The sale gets this id. `None`: they buy nothing yet.
    pub fn sell(
        &self,
        kind: Option<SessionKind>,
        credits: &[(i64, Money)],
        at: WallTime,
        sale: uuid::Uuid,
    ) -> Option<Sold> {
        let sum = credits.iter().fold(Money::ZERO, |sum, (_, amount)| Money(sum.0.saturating_add(amount.0)));
        let purchase = self.rates.best(kind, sum)?;
        let terms = SessionTerms {
            kind: purchase.kind,
            time_limit_ms: Some(purchase.time_ms).filter(|time| *time > 0),
            data_limit_bytes: Some(purchase.data_bytes).filter(|bytes| *bytes > 0),
            exp_days: None,
            down: self.down,
            up: self.up,
            use_global_speed: self.use_global_speed,
        };
        let mut data = SourceData::new(terms);
        data.plan.clone_from(&purchase.plan);
        data.guards.push(Guard::ClaimCredits {
            credits: credits.iter().map(|(row, _)| *row).collect(),
            amount: purchase.spent,
            // Known when the session is made.
            session: SessionId::new(uuid::Uuid::nil()),
            at,
        });
        data.sale = Some(Box::new(Sale {
            id: sale,
            at,
            seller: Text::new(&self.source()),
            item: SaleItem::Coins,
            plan: purchase.plan.clone(),
            voucher: None,
            device: None,
            session: None,
            amount: purchase.spent,
            note: None,
        }));
        Some(Sold { data, purchase })
    }
}

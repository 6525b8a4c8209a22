use tokio::sync::oneshot;
use tokio::time::Instant;

use super::money::Customer;
use crate::domain::coin::{Rates, amount};
use crate::domain::{
    BootTime, Currency, DeviceId, Money, Part, Phrase, SessionKind, Submitted, Text, Waiting,
};

/// The time in which one device's coins are taken.
pub(super) struct Window {
    pub(super) device: DeviceId,
    /// What is wanted; `None`: whatever can be bought.
    pub(super) kind: Option<SessionKind>,
    /// Until when the slot waits for a coin.
    pub(super) until: BootTime,
    /// Set when it is to be closed.
    pub(super) closing: Option<Closing>,
    /// All that the device has here, with what it had left over before.
    credit: Money,
    /// Whether a coin has come.
    any: bool,
}

/// A window that is to be closed once nothing falls any more.
pub(super) struct Closing {
    /// Whether the device is to be let through.
    pub(super) connect: bool,
    /// Who is to be told.
    pub(super) replies: Vec<oneshot::Sender<Submitted>>,
    /// When it is closed whatever falls.
    pub(super) at_last: Instant,
}

impl Window {
    pub(super) const fn new(
        device: DeviceId,
        kind: Option<SessionKind>,
        credit: Money,
        until: BootTime,
    ) -> Self {
        Self { device, kind, until, closing: None, credit, any: false }
    }

    /// Whose coins fall now.
    pub(super) const fn customer(&self) -> Customer {
        Customer { device: self.device, kind: self.kind }
    }

    /// A coin is on disk: the countdown begins anew.
    pub(super) fn add(&mut self, amount: Money, until: BootTime) {
        self.credit = Money(self.credit.0.saturating_add(amount.0));
        self.until = until;
        self.any = true;
    }

    /// What the device's page shows.
    pub(super) fn waiting(&self, rates: &Rates, currency: Currency) -> Waiting {
        let money = |amount| Part::Money(currency.show(amount));
        let so_far = ("money", money(self.credit));
        let text = match rates.best(self.kind, self.credit) {
            Some(bought) => {
                let (rest, grant) = (Money(self.credit.0 - bought.spent.0), Part::Grant(amount(&bought)));
                if rest.is_zero() {
                    Text::ours_with(Phrase::CoinSoFar, vec![so_far, ("grant", grant)])
                } else {
                    let parts = vec![so_far, ("grant", grant), ("rest", money(rest))];
                    Text::ours_with(Phrase::CoinSoFarRest, parts)
                }
            }
            None if self.credit.is_zero() => Text::ours(Phrase::CoinInsert),
            None => Text::ours_with(Phrase::CoinNotEnough, vec![so_far]),
        };
        let button = |phrase| Some(Text::ours(phrase));
        let (done, cancel) =
            if self.any { (button(Phrase::CoinDone), None) } else { (None, button(Phrase::CoinCancel)) };
        Waiting { text, until: Some(self.until), done, cancel }
    }
}

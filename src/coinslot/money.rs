use std::sync::Arc;

use tracing::{info, warn};

use super::provider::refused;
use crate::domain::coin::{CoinSlot, amount, in_words};
use crate::domain::{
    Currency, DeviceId, Money, Occasion, Part, Phrase, ProviderName, Refusal, SessionKind, Submitted, Text,
    Waiting,
};
use crate::runtime::Handle;
use crate::store::{Credit, Store, StoreError};

/// How often a sale is tried anew that another of the same money came before.
const TRIES: usize = 3;

/// A coin that was counted.
#[derive(Debug, Clone)]
pub(super) struct Coin {
    /// Its own name: told twice, it is counted once.
    pub(super) reference: String,
    pub(super) amount: Money,
    /// Who had the slot.
    pub(super) customer: Option<Customer>,
    pub(super) at: crate::domain::WallTime,
}

/// Who has the slot, and for what. It stays with a coin that falls late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    pub(super) device: DeviceId,
    /// What is wanted; `None`: whatever can be bought.
    pub(super) kind: Option<SessionKind>,
}

/// Turns money into sessions.
#[derive(Clone)]
pub(super) struct Till {
    pub(super) handle: Handle,
    pub(super) store: Store,
    pub(super) currency: Currency,
    pub(super) slot: Arc<CoinSlot>,
    pub(super) source: Arc<str>,
    pub(super) provider: ProviderName,
}

/// What a device's credit was turned into.
pub(super) struct Settled {
    /// Whose.
    pub(super) device: DeviceId,
    /// What its page is told.
    pub(super) submitted: Submitted,
    /// What its page shows from now on.
    pub(super) offer: Option<Waiting>,
}

/// The sum of credits.
pub(super) fn sum(credits: &[Credit]) -> Money {
    credits.iter().fold(Money::ZERO, |sum, credit| Money(sum.0.saturating_add(credit.amount.0)))
}

impl Till {
    /// Writes a coin down; whether it was new.
    pub(super) async fn keep(&self, coin: &Coin) -> Result<bool, StoreError> {
        let device = coin.customer.map(|customer| customer.device);
        self.store.add_credit(&self.source, &coin.reference, coin.amount, device, coin.at).await
    }

    /// What a device has inserted here and got nothing for yet.
    pub(super) async fn credits(&self, device: DeviceId) -> Result<Vec<Credit>, StoreError> {
        self.store.unclaimed_credits(Some(&self.source), Some(device)).await
    }

    /// What was inserted here with nobody at the slot.
    pub(super) async fn nobodys(&self) -> Result<Money, StoreError> {
        let all = self.store.unclaimed_credits(Some(&self.source), None).await?;
        Ok(sum(&all.into_iter().filter(|credit| credit.device.is_none()).collect::<Vec<_>>()))
    }

    /// What the page of each device that has credit here shows: the daemon may have died between coin and session.
    pub(super) async fn offers(&self) -> Result<Vec<(DeviceId, Waiting)>, StoreError> {
        let all = self.store.unclaimed_credits(Some(&self.source), None).await?;
        let mut devices: Vec<DeviceId> = all.iter().filter_map(|credit| credit.device).collect();
        devices.sort_unstable();
        devices.dedup();
        let of =
            |device| all.iter().filter(|credit| credit.device == Some(device)).cloned().collect::<Vec<_>>();
        Ok(devices.into_iter().filter_map(|device| Some((device, self.offer(sum(&of(device)))?))).collect())
    }

    fn money(&self, amount: Money) -> Part {
        Part::Money(self.currency.show(amount))
    }

    /// What a page shows about credit that buys something; `None`: it does not yet.
    fn offer(&self, credit: Money) -> Option<Waiting> {
        let purchase = self.slot.rates.best(None, credit)?;
        let text = Text::ours_with(
            Phrase::CoinCredit,
            vec![("money", self.money(credit)), ("grant", Part::Grant(amount(&purchase)))],
        );
        Some(Waiting { text, until: None, done: Some(Text::ours(Phrase::CoinUse)), cancel: None })
    }

    /// Turns what a device has inserted into a session, as far as it buys one; with `connect` the device is let through.
    ///
    /// The money is claimed, the session made and the sale noted in one transaction; whatever stands in the way leaves the
    /// credit as it is.
    pub(super) async fn settle(&self, device: DeviceId, kind: Option<SessionKind>, connect: bool) -> Settled {
        let answer = |submitted, offer| Settled { device, submitted, offer };
        for _ in 0..TRIES {
            let credits = match self.credits(device).await {
                Ok(credits) => credits,
                Err(error) => {
                    warn!(%error, %device, "credits could not be read");
                    return answer(refused(Phrase::CoinNoted), None);
                }
            };
            let rows: Vec<_> = credits.iter().map(|credit| (credit.id, credit.amount)).collect();
            let now = self.handle.believable();
            let Some(sold) = self.slot.sell(kind, &rows, now, uuid::Uuid::now_v7()) else {
                let rest = sum(&credits);
                let text = || Text::ours_with(Phrase::CoinKept, vec![("money", self.money(rest))]);
                return answer(Submitted::Done((!rest.is_zero()).then(text)), None);
            };
            let (spent, bought) = (sold.purchase.spent, in_words(&sold.purchase));
            match self.handle.grant(device, &self.provider, sold.data, Occasion::LogIn).await {
                Ok(session) => {
                    let amount = self.currency.show(spent);
                    info!(%device, session = %session.id, %amount, bought, "coins were turned into a session");
                    if !connect {
                        return answer(Submitted::Done(None), None);
                    }
                    if let Err(refusal) = self.handle.connect(device, None).await {
                        info!(%device, %refusal, "it has its session, and is not let through yet");
                    }
                    return answer(Submitted::Connect, None);
                }
                // Another sale of the same money came before this one: what is left now?
                Err(Refusal::CreditClaimed) => {}
                Err(refusal) => {
                    warn!(%device, %refusal, "coins could not be turned into a session; they stay credit");
                    let why = Part::Text(explained(&refusal));
                    let text = Text::ours_with(Phrase::CoinNotedAs, vec![("why", why)]);
                    // Of a device that was deleted it is nobody's now.
                    let is_gone = refusal == Refusal::UnknownDevice;
                    let offer = if is_gone { None } else { self.offer(sum(&credits)) };
                    return answer(Submitted::Refused { field: None, text }, offer);
                }
            }
        }
        answer(Submitted::Done(None), None)
    }
}

/// Why the coins became no session, for the guest: what others have written for guests, and nothing of what is inside.
fn explained(refusal: &Refusal) -> Text {
    if let Refusal::Denied(text) | Refusal::Form { text, .. } = refusal
        && !text.is_empty()
    {
        return match text.said() {
            Some(_) => text.clone(),
            None => Text::new(&format!("{}.", text.as_str().trim_end_matches('.'))),
        };
    }
    Text::ours(Phrase::CoinNotNow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_reads_no_inner_detail() {
        assert_eq!(explained(&Refusal::Denied(Text::new("Ask at the desk."))).as_str(), "Ask at the desk.");
        assert_eq!(explained(&Refusal::Denied(Text::new("Closed"))).as_str(), "Closed.");
        for inner in [Refusal::Store("disk /dev/sda1 is full".to_owned()), Refusal::Denied(Text::default())] {
            assert_eq!(explained(&inner).as_str(), "You cannot be let through now.");
        }
    }
}

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::money::{Coin, Customer, Settled};
use super::slot::Slot;
use super::trouble::What;
use super::window::Window;
use crate::domain::coin::{Edge, Train};
use crate::domain::{DeviceId, SessionKind, Submitted};

/// The most coins that wait to be written down while the disk refuses.
const MAX_UNSAVED: usize = 1_000;

/// From edges to money on disk, and from there to sessions.
impl Slot {
    pub(super) async fn edge(&mut self, edge: Edge) {
        self.heard_at = Instant::now();
        let was_busy = self.counter.is_busy();
        let ended = self.counter.edge(edge);
        let is_another = ended.is_some() || !was_busy;
        if let Some(train) = ended {
            self.coin(train).await;
        }
        if is_another && self.counter.is_busy() {
            self.train_of = self.at_the_slot();
        }
    }

    /// Whose a coin is that falls now.
    fn at_the_slot(&self) -> Option<Customer> {
        let now = self.till.handle.now().boot;
        let last = self.last.filter(|(_, until)| now < *until).map(|(customer, _)| customer);
        self.window.as_ref().map(Window::customer).or(last)
    }

    pub(super) async fn coin(&mut self, train: Train) {
        let customer = self.train_of.take();
        let counted = self.config.slot.pulses.worth(train.pulses);
        if counted.unknown > 0 {
            warn!(
                slot = self.config.slot.name,
                pulses = train.pulses,
                "the table does not know these pulses"
            );
            let text = format!("a coin of {} pulses is not in its table", train.pulses);
            self.trouble.note(&self.config.slot.name, What::Pulses, Some(text));
        }
        if counted.amount.is_zero() {
            return;
        }
        self.coins += 1;
        let reference = match (train.stamped, self.till.handle.boot_id()) {
            (true, Ok(boot)) => format!("{} {}", boot.as_str(), train.began_ns),
            (false, _) | (true, Err(_)) => format!("{} {}", self.run, self.coins),
        };
        if self.unsaved.len() >= MAX_UNSAVED {
            error!(slot = self.config.slot.name, amount = %counted.amount, "a coin is lost: the disk refuses");
            return;
        }
        let at = self.till.handle.believable();
        self.unsaved.push_back(Coin { reference, amount: counted.amount, customer, at });
        self.save().await;
    }

    /// Writes down what was counted, and only then lets anybody know.
    pub(super) async fn save(&mut self) {
        while let Some(coin) = self.unsaved.front().cloned() {
            match self.till.keep(&coin).await {
                Ok(true) => self.saved(&coin).await,
                Ok(false) => {
                    warn!(
                        slot = self.config.slot.name,
                        coin.reference, "a coin was told twice: counted once"
                    );
                }
                Err(error) => {
                    error!(slot = self.config.slot.name, %error, "a coin cannot be written down yet");
                    let text = format!("money cannot be written down, and no more is taken: {error}");
                    self.trouble.note(&self.config.slot.name, What::Store, Some(text));
                    self.enable(false);
                    return;
                }
            }
            self.unsaved.pop_front();
            if self.unsaved.is_empty() {
                self.trouble.note(&self.config.slot.name, What::Store, None);
                self.enable(self.window.is_some());
            }
        }
    }

    async fn saved(&mut self, coin: &Coin) {
        let amount = self.till.currency.show(coin.amount);
        info!(slot = self.config.slot.name, %amount, customer = ?coin.customer, "a coin was inserted");
        let until = self.window_end();
        match (&mut self.window, coin.customer) {
            (Some(window), Some(customer)) if window.device == customer.device => {
                window.add(coin.amount, until);
                self.show_window();
            }
            // It fell after the window was over.
            (_, Some(Customer { device, kind })) => self.settle(device, kind, false, Vec::new()),
            (_, None) => self.count_nobodys().await,
        }
    }

    /// Says in `status` what was inserted with nobody at the slot.
    pub(super) async fn count_nobodys(&mut self) {
        let text = match self.till.nobodys().await {
            Ok(amount) if amount.is_zero() => None,
            Ok(amount) => Some(format!(
                "{} came in with nobody at the slot; see turnpike credit list --unclaimed",
                self.till.currency.show(amount)
            )),
            Err(error) => return warn!(%error, "credits could not be read"),
        };
        self.trouble.note(&self.config.slot.name, What::Nobody, text);
    }

    pub(super) fn settle(
        &mut self,
        device: DeviceId,
        kind: Option<SessionKind>,
        connect: bool,
        replies: Vec<oneshot::Sender<Submitted>>,
    ) {
        let till = self.till.clone();
        // An authenticator may take its time, and the next guest waits: the slot goes on beside it.
        self.settling.push(Box::pin(async move {
            let settled = till.settle(device, kind, connect).await;
            for reply in replies {
                // Whoever pressed the button may be gone.
                let _ = reply.send(settled.submitted.clone());
            }
            settled
        }));
    }

    pub(super) fn settled(&mut self, settled: Settled) {
        let is_busy = self.window.as_ref().is_some_and(|window| window.device == settled.device)
            || self.line.has(settled.device);
        if !is_busy {
            self.show(settled.device, settled.offer);
        }
    }
}

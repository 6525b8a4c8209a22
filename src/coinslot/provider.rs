use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::domain::coin::{CoinSlot, sells};
use crate::domain::{
    BoxFuture, ClientDevice, Currency, DeviceId, FieldKind, FormField, FormValues, Phrase, ProviderError,
    ProviderFace, ProviderName, SessionKind, SessionProvider, Submitted, Text,
};

/// Requests that may wait for a slot's task; more are refused.
const WAITING: usize = 64;
/// The field that says what is wanted, where there is a choice.
const KIND: &str = "kind";

/// What a guest wants of a slot.
pub(super) struct Request {
    pub(super) device: DeviceId,
    pub(super) wish: Wish,
    pub(super) reply: oneshot::Sender<Submitted>,
}

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// "Insert coins", for a session of this kind; `None`: whatever can be bought.
    Insert(Option<SessionKind>),
    /// "Done".
    Done,
    /// "Cancel".
    Cancel,
}

/// A slot as the registry knows it. It holds nothing but the way to the slot's task.
pub(super) struct CoinProvider {
    name: ProviderName,
    face: Arc<ProviderFace>,
    slot: mpsc::Sender<Request>,
}

impl CoinProvider {
    /// The provider of a slot, and where its requests come out.
    pub(super) fn new(slot: &CoinSlot, currency: Currency) -> (Self, mpsc::Receiver<Request>) {
        let (sender, requests) = mpsc::channel(WAITING);
        let kinds = slot.rates.kinds();
        let choice = FormField {
            name: KIND.to_owned(),
            label: Text::ours(Phrase::CoinWhat),
            kind: FieldKind::Choice(
                kinds.iter().map(|kind| (kind.as_str().to_owned(), Text::ours(label(*kind)))).collect(),
            ),
            required: true,
            max_chars: 20,
        };
        let face = Arc::new(ProviderFace {
            title: slot.title.clone(),
            // Older phones have no coin among their signs.
            icon: Text::new("¤"),
            text: sells(&slot.rates, currency),
            fields: if kinds.len() > 1 { vec![choice] } else { Vec::new() },
            button: Text::ours(Phrase::CoinButton),
        });
        (Self { name: slot.provider(), face, slot: sender }, requests)
    }
}

const fn label(kind: SessionKind) -> Phrase {
    match kind {
        SessionKind::Time => Phrase::CoinTime,
        SessionKind::Data => Phrase::CoinData,
        SessionKind::TimeOrData => Phrase::CoinBoth,
    }
}

/// The sentence of a form that is not taken.
pub(super) fn refused(phrase: Phrase) -> Submitted {
    Submitted::Refused { field: None, text: Text::ours(phrase) }
}

fn read(values: &FormValues) -> Option<Wish> {
    match values.get("action").map(String::as_str) {
        Some("done") => Some(Wish::Done),
        Some("cancel") => Some(Wish::Cancel),
        Some(_) => None,
        None => Some(Wish::Insert(values.get(KIND).and_then(|kind| SessionKind::from_name(kind)))),
    }
}

impl SessionProvider for CoinProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn face(&self) -> Option<Arc<ProviderFace>> {
        Some(Arc::clone(&self.face))
    }

    fn submit<'a>(
        &'a self,
        device: &'a ClientDevice,
        values: &'a FormValues,
    ) -> BoxFuture<'a, Result<Submitted, ProviderError>> {
        Box::pin(async move {
            let Some(wish) = read(values) else { return Ok(refused(Phrase::NoButton)) };
            let (reply, answer) = oneshot::channel();
            let request = Request { device: device.id, wish, reply };
            match self.slot.try_send(request) {
                Ok(()) => answer.await.map_err(|_| ProviderError("the slot has stopped".to_owned())),
                Err(mpsc::error::TrySendError::Full(_)) => Ok(refused(Phrase::CoinAsking)),
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    Err(ProviderError("the slot has stopped".to_owned()))
                }
            }
        })
    }
}

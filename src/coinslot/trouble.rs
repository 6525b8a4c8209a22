use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Text;
use crate::domain::coin::CoinSlot;
use crate::runtime::Handle;

/// What is wrong at the slots, for `status`: the sentences of all of them together.
#[derive(Clone)]
pub(super) struct Trouble {
    handle: Handle,
    all: Arc<Mutex<BTreeMap<(String, What), String>>>,
}

/// What can be wrong at a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// Its pulses cannot be read.
    Input,
    /// Money cannot be written down.
    Store,
    /// Money that nobody has got anything for and that nobody will ask for.
    Nobody,
    /// Pulses that the table does not know.
    Pulses,
}

impl What {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Store => "store",
            Self::Nobody => "nobody",
            Self::Pulses => "pulses",
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

impl Trouble {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle, all: Arc::default() }
    }

    /// Notes what is wrong at a slot, or that it is no longer.
    pub(super) fn note(&self, slot: &str, what: What, text: Option<String>) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (slot.to_owned(), what);
        let part = what.as_str();
        let own = text.as_deref().map(|text| Text::new(&sentence(text)));
        self.handle.registry().set_trouble(&CoinSlot::provider_of(slot), part, own);
        match text {
            Some(text) => all.insert(key, format!("coin slot {slot}: {text}")),
            None => all.remove(&key),
        };
        let whole = all.values().cloned().collect::<Vec<_>>().join("; ");
        self.handle.warn("coinslot", Some(whole).filter(|text| !text.is_empty()));
    }
}

use std::sync::Arc;

use crate::domain::{BootTime, ClientRates, ProviderFace, ProviderName};

use super::dress::Dress;
use super::page::Page;
use super::scene::Scene;
use super::view::{EndedView, Ending, Meter, SessionView, Standing};
use super::words::Words;

/// A page as guests see it, with somebody who is not there: for whoever chooses what pages wear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// Before anything was bought.
    Welcome,
    /// While a session runs.
    Online,
    /// When it is over.
    UsedUp,
}

impl Example {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Welcome, Self::Online, Self::UsedUp];

    /// Its name in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Online => "online",
            Self::UsedUp => "used-up",
        }
    }

    /// The page, with what the providers of the zone show.
    pub fn page(self, dress: Arc<Dress>, faces: Vec<(ProviderName, Arc<ProviderFace>)>, t: Words) -> Page {
        let scene = Scene { faces, ..Scene::bare(self.standing()) };
        let mut page = Page::of(dress, &scene, BootTime(0), t);
        page.refresh_secs = None;
        page
    }

    fn standing(self) -> Standing {
        match self {
            Self::Welcome => Standing::New,
            Self::Online => Standing::Online(SessionView {
                id: "example".to_owned(),
                time: Some(Meter { left: 2_590_000, whole: 3_600_000, percent: 72 }),
                data: Some(Meter { left: 312_400_000, whole: 500_000_000, percent: 63 }),
                ends_in_ms: None,
                metered: true,
                days_count: false,
                rates: ClientRates::default(),
                validity: None,
                started: true,
                others: Vec::new(),
            }),
            Self::UsedUp => Standing::UsedUp(EndedView {
                why: Ending::UsedUp,
                time_ms: Some((3_600_000, 3_600_000)),
                data_bytes: None,
            }),
        }
    }
}

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::domain::{Beside, BootTime, ProviderFace, ProviderName, Text, Waiting, When};

use super::offered::Look;
use super::offers::OfferView;
use super::state::PortalState;
use super::view::{Soon, Standing};
use super::words::Words;
use crate::runtime::Visit;

/// All that a device's page is about, at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Where the device stands.
    pub standing: Standing,
    /// What a provider waits for on its behalf, and which.
    pub waiting: Option<(ProviderName, Waiting)>,
    /// What the providers of the zone show it.
    pub faces: Vec<(ProviderName, Arc<ProviderFace>)>,
    /// What they say to it beside their forms.
    pub beside: Beside,
    /// Whether this box itself does not reach the Internet.
    pub offline: bool,
    /// That its session is about to end, or its zone to close.
    pub soon: Option<Soon>,
    /// When its zone is open again, if it is closed.
    pub closed: Option<When>,
}

/// What a page shows while a provider waits for something outside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingView {
    /// The provider's title.
    pub title: String,
    /// Where the buttons go.
    pub action: String,
    /// What to do, or what has been counted so far.
    pub text: String,
    /// The time left, if an end is known.
    pub left: Option<String>,
    /// What stands on the button that ends it.
    pub done: Option<String>,
    /// What stands on the button that gives up.
    pub cancel: Option<String>,
}

impl Scene {
    /// A device that gets no forms.
    pub const fn bare(standing: Standing) -> Self {
        Self {
            standing,
            waiting: None,
            faces: Vec::new(),
            beside: Beside::NONE,
            offline: false,
            soon: None,
            closed: None,
        }
    }

    /// Everything of the page that the live numbers do not cover: if it changes, the page has to be loaded again.
    pub fn fingerprint(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.faces.hash(&mut hasher);
        self.beside.hash(&mut hasher);
        if let Some((provider, waiting)) = &self.waiting {
            (provider, &waiting.text, &waiting.done, &waiting.cancel).hash(&mut hasher);
            waiting.until.is_some().hash(&mut hasher);
        }
        self.offline.hash(&mut hasher);
        self.closed.hash(&mut hasher);
        format!("{} {:x}", self.standing.fingerprint(), hasher.finish())
    }

    /// The page's heading, by its name among the texts.
    pub const fn heading(&self) -> &'static str {
        match (&self.closed, &self.standing) {
            (Some(_), Standing::Ready(_) | Standing::UsedUp(_) | Standing::New) => "heading-closed",
            (Some(_) | None, standing) => standing.heading(),
        }
    }

    /// What the page shows of a wait.
    pub fn waiting_view(&self, now: BootTime, t: Words) -> Option<WaitingView> {
        let said = |text: &Text| t.text(text).into_owned();
        let (provider, waiting) = self.waiting.as_ref()?;
        let face = self.faces.iter().find(|(name, _)| name == provider).map(|(_, face)| face)?;
        Some(WaitingView {
            title: said(&face.title),
            action: OfferView::new(0, provider, face, t).action,
            text: said(&waiting.text),
            left: waiting.until.map(|until| t.time(until.millis_since(now))),
            done: waiting.done.as_ref().map(said),
            cancel: waiting.cancel.as_ref().map(said),
        })
    }

    /// The providers' forms; not that of the one that waits, and none while the zone is closed: only what goes on is
    /// brought to its end.
    ///
    /// One alone is open. Of several the first is, and those that are a single button; whoever has something to connect
    /// on, or waits, unfolds what they need.
    pub fn offers(&self, t: Words) -> Vec<OfferView> {
        let waits = self.waiting.as_ref().map(|(provider, _)| provider);
        let has_none = matches!(self.standing, Standing::New | Standing::UsedUp(_)) && waits.is_none();
        let is_shown = |provider| Some(provider) != waits && self.closed.is_none();
        let shown = self.faces.iter().filter(|(provider, _)| is_shown(provider));
        let mut offers: Vec<OfferView> = shown
            .enumerate()
            .map(|(number, (provider, face))| OfferView::new(number, provider, face, t))
            .collect();
        for (number, offer) in offers.iter_mut().enumerate() {
            offer.open = has_none && (number == 0 || offer.fields.is_empty());
            let hint = self.beside.hints.iter().find(|(provider, _)| *provider == offer.provider);
            if let Some((_, hint)) = hint {
                offer.hint = Some(t.text(&hint.text).into_owned());
                offer.is_closed = !hint.is_open;
            }
        }
        offers
    }
}

impl PortalState {
    /// All that the device's page is about now.
    pub(super) async fn scene(&self, visit: Visit, look: Look, beside: Beside) -> Scene {
        let device = visit.device.id;
        let hours = self.hours(visit.opening);
        let standing = self.standing(visit, look).await;
        if matches!(standing, Standing::Stranger | Standing::Blocked) {
            return Scene::bare(standing);
        }
        let waiting = self.handle.waiting(device);
        Scene {
            soon: standing.soon(self.end_notice, hours),
            closed: hours.closed(&standing),
            standing,
            waiting,
            faces: self.handle.faces(&self.zone),
            beside,
            offline: self.uplink.is_down(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FormButton, FormHint};
    use crate::portal::words::Language;

    const EN: Words = Words::of(Language::English);

    fn face(title: &str) -> ProviderFace {
        ProviderFace {
            title: Text::new(title),
            icon: Text::default(),
            text: Text::default(),
            fields: Vec::new(),
            button: Text::default(),
        }
    }

    fn waiting(text: &str) -> Waiting {
        Waiting { text: Text::new(text), until: Some(BootTime(61_000)), done: None, cancel: None }
    }

    #[test]
    fn what_is_waited_for_is_counted_down_and_tells_pages_apart() {
        let coin = ProviderName::new("coin");
        let free = Arc::new(face("Free"));
        let faces = vec![(coin.clone(), Arc::new(face("Coins"))), (ProviderName::new("free"), free)];
        let mut scene = Scene { faces, ..Scene::bare(Standing::New) };
        let idle = scene.fingerprint();
        assert_eq!(scene.offers(EN).len(), 2);
        scene.waiting = Some((coin.clone(), waiting("Insert coins")));
        let first = scene.fingerprint();
        let view = scene.waiting_view(BootTime(1_000), EN).unwrap();
        assert_eq!((view.left.as_deref(), view.title.as_str()), (Some("0:01:00"), "Coins"));
        assert_eq!(scene.waiting_view(BootTime(90_000), EN).unwrap().left.as_deref(), Some("0:00:00"));
        let offers = scene.offers(EN);
        assert_eq!((offers.len(), offers[0].open), (1, false), "the others are at hand, folded");
        scene.waiting = Some((coin, waiting("5.00 counted")));
        assert!(idle != first && first != scene.fingerprint());
        scene.waiting = None;
        assert_eq!(scene.fingerprint(), idle);
        scene.faces[1].1 = Arc::new(face("Gratis"));
        assert_ne!(scene.fingerprint(), idle, "a provider that changes its face");
        scene.offline = true;
        assert_ne!(scene.fingerprint(), idle, "the Internet goes");
        scene.offline = false;
        let plain = scene.fingerprint();
        let hint = FormHint { text: Text::new("Free today: 30 min"), is_open: true };
        scene.beside.hints.push((ProviderName::new("free"), hint));
        let hinted = scene.fingerprint();
        assert!(hinted != plain && scene.offers(EN)[1].hint.is_some());
        scene.beside.hints[0].1.is_open = false;
        assert!(
            scene.fingerprint() != hinted && scene.offers(EN)[1].is_closed,
            "nothing is left of it for today"
        );
        scene.beside = Beside::NONE;
        let (action, text, label) = ("logout".to_owned(), Text::new("You are Ana"), Text::new("Log out"));
        scene.beside.buttons.push((ProviderName::new("account"), FormButton { action, text, label }));
        assert_ne!(scene.fingerprint(), plain, "somebody logs in elsewhere");
        scene.beside = Beside::NONE;
        assert_eq!(scene.fingerprint(), plain);
        scene.faces.pop();
        assert_ne!(scene.fingerprint(), idle, "a provider that goes");
    }
}

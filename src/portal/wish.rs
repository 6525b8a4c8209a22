//! Which language a page is in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri, header};

use crate::domain::{ClientDevice, DeviceId, Text};

use super::forms::Pairs;
use super::state::PortalState;
use super::words::{Language, Words};

/// The cookie's name.
const COOKIE: &str = "turnpike-language";
/// How it is kept: for a year, for the portal alone.
const KEPT: &str = "Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax";
/// The devices whose choice is remembered: mini-browsers keep no cookies.
const MOST_REMEMBERED: usize = 4_096;

/// What a request says of the language that it would like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Chosen in the address: `lang=ar`.
    by_link: Option<Language>,
    /// Chosen before, in a cookie.
    by_cookie: Option<Language>,
    /// The best of what the browser takes.
    accepted: Option<Language>,
}

impl Wish {
    /// From a request's address and headers.
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let pairs = Query::<Pairs>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        let by_link = pairs.iter().find(|(name, _)| name == "lang");
        Self {
            by_link: by_link.and_then(|(_, tag)| Language::of_tag(tag)),
            by_cookie: cookie(headers, COOKIE).and_then(Language::of_tag),
            accepted: text(header::ACCEPT_LANGUAGE).and_then(Language::wanted),
        }
    }

    /// The words for somebody of whom nothing is known.
    pub fn words(self) -> Words {
        Words::of(self.by_link.or(self.by_cookie).or(self.accepted).unwrap_or(Language::English))
    }

    /// Where the page itself is, in the language that was chosen in its address.
    pub(super) fn home(self) -> String {
        self.by_link.map_or_else(|| "/".to_owned(), |language| format!("/?lang={}", language.code()))
    }

    /// What the browser is to keep, if it was just chosen.
    pub(super) fn kept(self) -> Option<HeaderValue> {
        let chosen = self.by_link.filter(|chosen| self.by_cookie != Some(*chosen))?;
        HeaderValue::try_from(format!("{COOKIE}={}; {KEPT}", chosen.code())).ok()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Wish {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        // The door has looked at it.
        let known = parts.extensions.get::<Self>().copied();
        Ok(known.unwrap_or_else(|| Self::of(&parts.uri, &parts.headers)))
    }
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// The languages that devices have chosen, as long as the daemon runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen(Arc<Mutex<HashMap<DeviceId, Language>>>);

impl Chosen {
    fn get(&self, device: DeviceId) -> Option<Language> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&device).copied()
    }

    fn remember(&self, device: DeviceId, language: Language) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_REMEMBERED
            && !all.contains_key(&device)
            && let Some(any) = all.keys().next().copied()
        {
            all.remove(&any);
        }
        all.insert(device, language);
    }
}

impl PortalState {
    /// The words for a device: what it has chosen, else what its browser takes, else what it took before.
    pub(super) fn words(&self, wish: Wish, device: &ClientDevice) -> Words {
        let before = || device.language.as_ref().and_then(|tag| Language::of_tag(tag.as_str()));
        let language = self.choice(wish, device).or(wish.accepted).or_else(before);
        Words::of(language.unwrap_or(Language::English))
    }

    /// Remembers what was chosen on this page.
    pub(super) fn remember(&self, wish: Wish, device: &ClientDevice) {
        if let Some(language) = wish.by_link {
            self.chosen.remember(device.id, language);
        }
    }

    /// The tag of what was chosen, if anything was.
    pub(super) fn chosen_tag(&self, wish: Wish, device: &ClientDevice) -> Option<Text> {
        self.choice(wish, device).map(|language| Text::new(language.code()))
    }

    fn choice(&self, wish: Wish, device: &ClientDevice) -> Option<Language> {
        wish.by_link.or(wish.by_cookie).or_else(|| self.chosen.get(device.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(uri: &str, headers: &[(&'static str, &str)]) -> Wish {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, value.parse().unwrap());
        }
        Wish::of(&uri.parse().unwrap(), &all)
    }

    #[test]
    fn what_is_chosen_comes_before_what_the_browser_takes() {
        let headers = [("accept-language", "de,fr;q=0.8,es;q=0.9"), ("cookie", "a=b; turnpike-language=id")];
        let language = |wish: Wish| wish.words().language();
        assert_eq!(language(wish("/?lang=AR-eg", &headers)), Language::Arabic);
        assert_eq!(language(wish("/?lang=xx", &headers)), Language::Indonesian);
        assert_eq!(language(wish("/", &headers[..1])), Language::Spanish);
        assert_eq!(language(wish("/", &[("accept-language", "tl-PH, en;q=0.9")])), Language::Filipino);
        assert_eq!(language(wish("/", &[("accept-language", "de")])), Language::English);
        assert_eq!(language(wish("/?lang=%ff&lang=ar", &[])), Language::English);
    }

    #[test]
    fn a_choice_goes_along_and_is_kept() {
        let chosen = wish("/?lang=ar", &[]);
        assert_eq!(chosen.home(), "/?lang=ar");
        assert!(chosen.kept().unwrap().to_str().unwrap().starts_with("turnpike-language=ar; "));
        assert_eq!(wish("/?lang=ar", &[("cookie", "turnpike-language=ar")]).kept(), None);
        assert_eq!((wish("/", &[]).home(), wish("/", &[]).kept()), ("/".to_owned(), None));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let chosen = Chosen::default();
        for number in 0..=MOST_REMEMBERED {
            chosen.remember(DeviceId::new(uuid::Uuid::from_u128(number as u128)), Language::Arabic);
        }
        assert_eq!(chosen.0.lock().unwrap().len(), MOST_REMEMBERED);
    }
}

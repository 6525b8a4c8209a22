use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::{BootTime, ClientRates, FormValues, ProviderName};

use super::dress::Dress;
use super::inbox::MessageView;
use super::moving::RecoverView;
use super::offers::{ButtonView, Input, OfferView};
use super::scene::{Scene, WaitingView};
use super::view::{OtherView, Standing};
use super::words::Words;

/// How often a page loads itself where there is no script, in seconds: while a provider waits …
const WAITING_REFRESH_SECS: u32 = 5;
/// … and while the device is online.
const ONLINE_REFRESH_SECS: u32 = 30;
/// The most sessions that are listed beside the one that the page is about.
const MOST_OTHERS: usize = 5;

/// A guest's page. One template: the card changes with the standing.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "portal/page.html")]
pub struct Page {
    /// The guest's language.
    pub t: Words,
    /// Where the page itself is.
    pub home: String,
    /// What it wears: name, logo, colours, texts.
    pub dress: Arc<Dress>,
    /// Where the device stands.
    pub standing: Standing,
    /// All of the page that the live numbers do not cover.
    pub fingerprint: String,
    /// The text that a connect, a disconnect, a provider or an operator left for this device.
    pub notice: Option<String>,
    /// What operators left for it, the newest first.
    pub messages: Vec<MessageView>,
    /// Whether this box itself does not reach the Internet.
    pub offline: bool,
    /// That the session is about to end, or the zone to close.
    pub soon: Option<String>,
    /// The heading, by its name among the texts.
    pub heading: &'static str,
    /// That the zone is closed, and until when.
    pub closed: Option<String>,
    /// What a provider waits for.
    pub waiting: Option<WaitingView>,
    /// The providers' forms.
    pub offers: Vec<OfferView>,
    /// The form for a recovery code.
    pub recover: Option<RecoverView>,
    /// The sessions that wait behind the one that the page is about.
    pub others: Vec<OtherLine>,
    /// The code that brings along what this device has left.
    pub recovery_code: Option<String>,
    /// What another device has left that the same browser was on, in words.
    pub earlier: Option<String>,
    /// The providers' buttons that stand by themselves.
    pub buttons: Vec<ButtonView>,
    /// What went wrong with what the guest just did, and is not about one form.
    pub trouble: Option<String>,
    /// Whether anything went wrong.
    pub failed: bool,
    /// After how many seconds the page loads itself where there is no script.
    pub refresh_secs: Option<u32>,
}

/// A session that waits behind the one that the page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherLine {
    /// Its id.
    pub id: String,
    /// Where it comes from.
    pub title: String,
    /// What is left of it.
    pub text: String,
}

/// What went wrong, and where it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A short sentence.
    pub text: String,
    /// Whether it is about the code that was typed.
    pub about_code: bool,
}

/// A page that only says something: a wrong address, a refused form.
#[derive(Debug, Clone, Template)]
#[template(path = "portal/message.html")]
pub struct Note<'a> {
    t: Words,
    dress: Arc<Dress>,
    heading: Cow<'a, str>,
    text: Cow<'a, str>,
}

impl Page {
    /// The page of a device, with nothing to complain of.
    pub fn of(dress: Arc<Dress>, scene: &Scene, now: BootTime, t: Words) -> Self {
        let waiting = scene.waiting_view(now, t);
        let refresh_secs = match (&waiting, &scene.standing) {
            (Some(_), _) => Some(WAITING_REFRESH_SECS),
            (None, Standing::Online(_)) => Some(ONLINE_REFRESH_SECS),
            (
                None,
                Standing::Stranger
                | Standing::Blocked
                | Standing::Ready(_)
                | Standing::UsedUp(_)
                | Standing::New,
            ) => None,
        };
        let title = |other: &OtherView| {
            let face = scene.faces.iter().find(|(name, _)| *name == other.provider).map(|(_, face)| face);
            face.map_or_else(|| other.provider.to_string(), |face| t.text(&face.title).into_owned())
        };
        let others = scene.standing.session().into_iter().flat_map(|session| &session.others);
        let line =
            |other: &OtherView| OtherLine { id: other.id.clone(), title: title(other), text: other.say(t) };
        let others = others.take(MOST_OTHERS).map(line).collect();
        let mut offers = scene.offers(t);
        if dress.asks_for_terms() {
            offers.iter_mut().for_each(OfferView::ask_for_terms);
        }
        let buttons = scene.beside.buttons.iter();
        let buttons = buttons.map(|(provider, button)| ButtonView::new(provider, button, t)).collect();
        Self {
            t,
            home: dress.at("/"),
            dress,
            standing: scene.standing.clone(),
            fingerprint: scene.fingerprint(),
            notice: None,
            messages: Vec::new(),
            offline: scene.offline,
            soon: scene.soon.map(|soon| soon.say(t)),
            heading: scene.heading(),
            closed: scene.closed.map(|when| t.one("closed-until", "when", t.when(when)).into_owned()),
            waiting,
            offers,
            recover: RecoverView::of(&scene.standing),
            others,
            recovery_code: None,
            earlier: None,
            buttons,
            trouble: None,
            failed: false,
            refresh_secs,
        }
    }

    /// Shows what was typed into a provider's form again.
    pub fn fill(&mut self, provider: Option<&ProviderName>, typed: &FormValues) {
        if let Some(offer) = self.offer(provider) {
            offer.fill(typed);
        }
    }

    /// Says what went wrong: at a provider's form if the page shows it, else above all of them. Such a page does not load
    /// itself: it would take the words away.
    pub fn complain(&mut self, provider: Option<&ProviderName>, field: Option<&str>, text: String) {
        self.failed = true;
        self.refresh_secs = None;
        match self.offer(provider) {
            Some(offer) => offer.complain(field, text),
            None => self.trouble = Some(text),
        }
    }

    /// Fills in a voucher's code that came with the address.
    pub fn offer_code(&mut self, code: &str) {
        if let Some(offer) = self.offers.iter_mut().find(|offer| offer.is_voucher()) {
            offer.fill(&FormValues::from([("code".to_owned(), code.to_owned())]));
            offer.open = true;
            // The page would forget the code.
            self.refresh_secs = None;
        }
    }

    fn offer(&mut self, provider: Option<&ProviderName>) -> Option<&mut OfferView> {
        self.offers.iter_mut().find(|offer| Some(&offer.provider) == provider)
    }

    /// Whether there is one form alone, which needs no heading.
    fn is_single(&self) -> bool {
        self.offers.len() == 1 && self.waiting.is_none()
    }

    /// Whoever gets nothing here need not know.
    const fn says_offline(&self) -> bool {
        self.offline && !matches!(self.standing, Standing::Stranger | Standing::Blocked)
    }

    /// What becomes of the session while this box does not reach the Internet.
    fn meanwhile(&self) -> Option<Cow<'static, str>> {
        match &self.standing {
            Standing::Online(session) if session.time.is_some() => Some(self.t.get("offline-time-goes-on")),
            Standing::Online(session) | Standing::Ready(session) if session.days_count => {
                Some(self.t.get("offline-days-go-on"))
            }
            Standing::Online(_) | Standing::Ready(_) => Some(self.t.get("offline-nothing-used")),
            Standing::Stranger | Standing::Blocked | Standing::UsedUp(_) | Standing::New => None,
        }
    }

    /// How long the session can be used, whatever is left.
    fn validity(&self) -> Option<String> {
        self.standing.session()?.validity.map(|validity| validity.say(self.t))
    }

    /// What a pause keeps.
    fn while_paused(&self) -> Cow<'static, str> {
        let days_count = self.standing.session().is_some_and(|session| session.days_count);
        self.t.get(if days_count { "while-paused-days-go-on" } else { "while-paused" })
    }

    fn loads_itself(&self) -> Cow<'static, str> {
        self.t.counted("loads-itself", self.refresh_secs.unwrap_or(0))
    }

    fn has_vouchers(&self) -> bool {
        self.offers.iter().any(OfferView::is_voucher)
    }

    fn title(&self) -> String {
        let title = format!("{} – {}", self.t.get(self.heading), self.dress.name);
        if self.failed { self.t.one("error-title", "title", title).into_owned() } else { title }
    }

    /// The page as an answer.
    pub fn respond(&self, status: StatusCode) -> Response {
        html(status, self.rendered())
    }

    /// The page as text.
    pub(super) fn rendered(&self) -> Result<String, askama::Error> {
        self.render()
    }
}

impl<'a> Note<'a> {
    /// A heading and a sentence, by their names among the texts.
    pub fn new(dress: Arc<Dress>, t: Words, heading: &str, text: &str) -> Self {
        Self { t, dress, heading: t.get(heading), text: t.get(text) }
    }

    /// A heading by its name, and any text.
    pub fn with(dress: Arc<Dress>, t: Words, heading: &str, text: &'a str) -> Self {
        Self { t, dress, heading: t.get(heading), text: Cow::Borrowed(text) }
    }

    /// The page as an answer.
    pub fn respond(&self, status: StatusCode) -> Response {
        html(status, self.render())
    }
}

/// Room for the page's own headers and the door's, made once.
const ROOM_FOR_HEADERS: usize = 10;

pub(super) fn html(status: StatusCode, rendered: Result<impl Into<Body>, askama::Error>) -> Response {
    match rendered {
        Ok(page) => {
            let mut headers = HeaderMap::with_capacity(ROOM_FOR_HEADERS);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            let mut response = Response::new(page.into());
            *response.headers_mut() = headers;
            *response.status_mut() = status;
            response
        }
        Err(error) => {
            tracing::error!(%error, "a portal page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here. Please try again.")
                .into_response()
        }
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "page_states_tests.rs"]
mod states;

//! The pages that guests see: plain HTML that works without JavaScript and in captive mini-browsers, the answer to every
//! operating system's probe, and the captive-portal API (RFC 8908).
//!
//! A request must carry [`crate::http::Endpoints`] in its extensions: a guest is known by the address it speaks from, and
//! the portal by the address it was reached at.

mod assets;
mod capport;
mod door;
mod draft;
mod dress;
mod example;
mod explain;
mod forms;
mod hours;
mod inbox;
mod live;
mod moving;
mod offered;
mod offers;
mod own;
mod page;
mod pages;
mod reckoning;
mod rendered;
mod scene;
mod state;
mod streams;
mod terms;
mod themes;
mod uplink;
mod view;
mod wish;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use assets::embedded;
pub use capport::{Answer, MEDIA_TYPE, wants_api};
pub use door::Guarded;
pub use dress::{Dress, Logo, Said};
pub use example::Example;
pub use hours::Hours;
pub use inbox::{Inbox, MessageView};
pub use moving::RecoverView;
pub use offers::{FieldView, Input, Line, OfferView, TermsTick};
pub use own::{OwnAddress, SecureName};
pub use page::{Note, OtherLine, Page, Trouble};
pub use reckoning::Reckoning;
pub use scene::{Scene, WaitingView};
pub use state::{History, PortalState};
pub use streams::{MAX_IN_ALL, MAX_PER_DEVICE, Slot, Streams};
pub use terms::TermsPage;
pub use themes::{Themes, ZoneTheme};
pub use uplink::Uplink;
pub use view::{EndNotice, EndedView, Ending, Meter, OtherView, SessionView, Soon, Standing, Validity};
pub use wish::Wish;
pub use words::{Language, Words};

/// The largest form, in bytes: each field at its longest, in a script whose letters take nine bytes each on their way, and
/// more of them than there may be.
const MAX_FORM_BYTES: usize = 65_536;

/// The portal of one zone.
pub fn router(state: PortalState) -> Guarded {
    let (theme, secure) = (state.theme.clone(), state.secure.clone());
    // What is read alone needs no limit, and pays for none.
    let forms = Router::new()
        .route("/connect", post(pages::connect).get(pages::back))
        .route("/sessions/{id}/connect", post(pages::connect_on).get(pages::back))
        .route("/disconnect", post(pages::disconnect).get(pages::back))
        .route("/providers/{name}", post(forms::submit).get(pages::back))
        .route("/move", post(moving::bring_over).get(pages::back))
        .route("/messages/{id}/dismiss", post(inbox::dismiss).get(pages::back))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES));
    let routes = forms
        .route("/", get(pages::front))
        .route("/events", get(live::events))
        .route("/capport", get(pages::capport))
        .route("/terms", get(terms::show))
        .route("/portal/{name}", get(assets::of_theme))
        .route("/static/portal.css", get(assets::style))
        .route("/static/portal.js", get(assets::script))
        .route("/static/icon.svg", get(assets::icon))
        .fallback(pages::unknown_path)
        .method_not_allowed_fallback(pages::wrong_method)
        .with_state(Arc::new(state));
    Guarded::new(routes, theme, secure)
}

use std::cell::RefCell;

use super::clerk::Clerk;
use super::nav::{self, NavGroup};
use super::state::AdminState;
use crate::domain::Text;

tokio::task_local! {
    /// The frame of whoever a request is found to be of: a refusal deep inside shows the navigation as well.
    static SEEN: RefCell<Option<Frame>>;
}

/// What every page has around its content: `admin/layout.html` shows it. Templates name the field `frame`.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// This box's name.
    pub(super) gateway: Text,
    /// Who is signed in; `None` on pages for nobody in particular.
    pub(super) who: Option<Text>,
    /// Where they may go.
    pub(super) groups: Vec<NavGroup>,
    /// The value of the hidden field `csrf` that each form of the page must have (`admin/csrf.html`).
    pub(super) csrf: String,
}

impl Frame {
    /// Around a page for whoever is signed in; `current` is its path in the navigation, or that of the entry it is below.
    pub(super) fn of(state: &AdminState, clerk: &Clerk, current: &str) -> Self {
        Self {
            gateway: state.gateway.clone(),
            who: Some(clerk.name.clone()),
            groups: nav::of(clerk, current),
            csrf: clerk.csrf.clone(),
        }
    }

    /// Around a page for nobody in particular.
    pub(super) fn bare(state: &AdminState) -> Self {
        Self { gateway: state.gateway.clone(), who: None, groups: Vec::new(), csrf: String::new() }
    }

    /// Around what is said instead of a page: as whoever asked for it has it, if that is known by now.
    pub(super) fn here(state: &AdminState) -> Self {
        let seen = SEEN.try_with(|seen| seen.borrow().clone()).ok().flatten();
        seen.unwrap_or_else(|| Self::bare(state))
    }

    /// From now on [`Frame::here`] is for this person, as long as their request lasts.
    pub(super) fn remember(state: &AdminState, clerk: &Clerk) {
        // Outside of a request there is nobody to show it to.
        let _ = SEEN.try_with(|seen| seen.replace(Some(Self::of(state, clerk, ""))));
    }

    /// Has a request remember whose it is.
    pub(super) async fn around<T>(request: impl Future<Output = T>) -> T {
        SEEN.scope(RefCell::default(), request).await
    }
}

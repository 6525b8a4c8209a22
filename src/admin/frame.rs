use super::clerk::Clerk;
use super::nav::{self, NavGroup};
use super::state::AdminState;
use crate::domain::Text;

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

    /// Around a page that says nothing of anybody.
    pub(super) fn bare(state: &AdminState) -> Self {
        Self { gateway: state.gateway.clone(), who: None, groups: Vec::new(), csrf: String::new() }
    }
}

use std::sync::Arc;

use crate::domain::BootTime;

use super::dress::Dress;
use super::inbox::MessageView;
use super::page::Page;
use super::scene::Scene;
use super::view::Standing;
use super::wish::home;
use super::words::{Language, Words};

/// All that goes into a device's page before anything is complained of or filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// The guest's language.
    pub(super) t: Words,
    /// The language that was chosen in the page's address.
    pub(super) link: Option<Language>,
    /// What it wears.
    pub(super) dress: Arc<Dress>,
    /// What it is about.
    pub(super) scene: Scene,
    /// The text that was left for this device.
    pub(super) notice: Option<String>,
    /// What operators left for it.
    pub(super) messages: Vec<MessageView>,
}

impl Draft {
    /// The page at this instant.
    pub(super) fn page(&self, now: BootTime) -> Page {
        let mut page = Page::of(Arc::clone(&self.dress), &self.scene, now, self.t);
        page.home = home(self.link);
        page.notice.clone_from(&self.notice);
        page.messages.clone_from(&self.messages);
        page
    }

    /// Whether others may get the very same page, now and later: nothing is anybody's, and nothing counts down.
    pub(super) fn is_common(&self) -> bool {
        self.scene.standing == Standing::New && self.scene.waiting.is_none()
    }
}

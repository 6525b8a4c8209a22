use std::sync::Arc;

use crate::domain::{Beside, BootTime, ClientDevice, Refusal, Text};
use crate::runtime::Visit;

use super::dress::Dress;
use super::inbox::MessageView;
use super::offered::Look;
use super::page::Page;
use super::scene::Scene;
use super::state::PortalState;
use super::view::Standing;
use super::wish::Wish;
use super::words::Words;

/// All that goes into a device's page before anything is complained of or filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// The guest's language.
    pub(super) t: Words,
    /// Where the page is.
    pub(super) home: String,
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
        page.home.clone_from(&self.home);
        page.notice.clone_from(&self.notice);
        page.messages.clone_from(&self.messages);
        page
    }

    /// Whether others may get the very same page, now and later: nothing is anybody's, and nothing counts down.
    pub(super) fn is_common(&self) -> bool {
        self.scene.standing == Standing::New
            && self.scene.waiting.is_none()
            && self.scene.beside.buttons.is_empty()
            && self.notice.is_none()
            && self.messages.is_empty()
    }
}

impl PortalState {
    /// The device's page as things are now, with nothing to complain of.
    pub(super) async fn page(&self, device: &ClientDevice, wish: Wish) -> Result<Page, Refusal> {
        let draft = self.draft(self.handle.visit_of(device.id).await?, wish).await;
        Ok(draft.page(self.handle.now().boot))
    }

    /// What the page of a visit says.
    pub(super) async fn draft(&self, visit: Visit, wish: Wish) -> Draft {
        let device = Arc::clone(&visit.device);
        let beside = self.beside(&device).await;
        let scene = self.scene(visit, Look::Anew, beside).await;
        let t = self.words(wish, &device);
        Draft {
            t,
            home: wish.home(),
            dress: self.dress(),
            notice: notice_of(&device).map(|notice| t.text(notice).into_owned()),
            messages: self.messages(device.id, t).await,
            scene,
        }
    }

    /// Asks the providers what they say to a device beside their forms.
    pub(super) async fn beside(&self, device: &Arc<ClientDevice>) -> Beside {
        if device.blocked {
            return Beside::NONE;
        }
        self.handle.beside(device).await
    }
}

fn notice_of(device: &ClientDevice) -> Option<&Text> {
    device.notice.as_ref().filter(|notice| !notice.is_empty())
}

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, html};
use super::view::Standing;

/// How many different pages are kept: a few languages, each with the provider's hints as they change.
const MOST_KEPT: usize = 16;

/// Pages as they were rendered, for the next device that gets the very same one.
///
/// Those that have nothing yet mostly do. A page is found by all that it says, so there is nothing here that could grow stale.
#[derive(Debug, Clone, Default)]
pub(super) struct Rendered(Arc<Mutex<VecDeque<(Page, Bytes)>>>);

impl Rendered {
    /// The page as an answer.
    pub(super) fn respond(&self, page: Page, status: StatusCode) -> Response {
        if page.standing != Standing::New {
            return page.respond(status);
        }
        if let Some(rendered) = self.find(&page) {
            return html(status, Ok(rendered));
        }
        let rendered = page.rendered().map(Bytes::from);
        if let Ok(rendered) = &rendered {
            self.keep(page, rendered.clone());
        }
        html(status, rendered)
    }

    fn find(&self, page: &Page) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == page)?;
        // What is asked for stays.
        kept.swap(0, place);
        kept.front().map(|(_, rendered)| rendered.clone())
    }

    fn keep(&self, page: Page, rendered: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((page, rendered));
        kept.truncate(MOST_KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BootTime;
    use crate::portal::dress::Dress;
    use crate::portal::scene::Scene;
    use crate::portal::words::{Language, Words};

    fn page(language: Language) -> Page {
        let dress = Arc::new(Dress::new("Café", Arc::default()));
        Page::of(dress, &Scene::bare(Standing::New), BootTime(0), Words::of(language))
    }

    async fn text(rendered: &Rendered, page: Page) -> String {
        let body = rendered.respond(page, StatusCode::OK).into_body();
        let bytes = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_page_is_rendered_once_and_a_different_one_anew() {
        let rendered = Rendered::default();
        let count = || rendered.0.lock().unwrap().len();
        let first = text(&rendered, page(Language::English)).await;
        assert_eq!(first, page(Language::English).rendered().unwrap());
        assert_eq!((text(&rendered, page(Language::English)).await, count()), (first.clone(), 1));
        let mut told = page(Language::English);
        told.notice = Some("Closed at nine".to_owned());
        assert!(text(&rendered, told).await.contains("Closed at nine"));
        assert!(text(&rendered, page(Language::Arabic)).await.contains("dir=\"rtl\""));
        assert_eq!((text(&rendered, page(Language::English)).await, count()), (first, 3));
    }

    #[tokio::test]
    async fn only_so_many_are_kept_and_none_that_is_somebodys() {
        let rendered = Rendered::default();
        for number in 0..2 * MOST_KEPT {
            let mut page = page(Language::English);
            page.notice = Some(number.to_string());
            rendered.respond(page, StatusCode::OK);
        }
        assert_eq!(rendered.0.lock().unwrap().len(), MOST_KEPT);
        let mut blocked = page(Language::English);
        blocked.standing = Standing::Blocked;
        assert!(rendered.find(&blocked).is_none());
        rendered.respond(blocked.clone(), StatusCode::OK);
        assert!(rendered.find(&blocked).is_none());
    }
}

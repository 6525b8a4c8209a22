use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;

use crate::domain::BootTime;

use super::draft::Draft;
use super::page::html;

/// How many different pages are kept: a few languages, each with the provider's hints as they change.
const MOST_KEPT: usize = 16;

/// Pages as they were rendered, for the next device that gets the very same one.
///
/// Those that have nothing yet mostly do. A page is found by all that it says, so there is nothing here that could grow stale:
/// texts that are the same in English are the same to their providers, and are said alike.
#[derive(Debug, Clone, Default)]
pub(super) struct Rendered(Arc<Mutex<VecDeque<(Draft, Bytes)>>>);

impl Rendered {
    /// The page as an answer.
    pub(super) fn respond(&self, draft: Draft, now: BootTime, status: StatusCode) -> Response {
        if !draft.is_common() {
            return draft.page(now).respond(status);
        }
        if let Some(rendered) = self.find(&draft) {
            return html(status, Ok(rendered));
        }
        let rendered = draft.page(now).rendered().map(Bytes::from);
        if let Ok(rendered) = &rendered {
            self.keep(draft, rendered.clone());
        }
        html(status, rendered)
    }

    fn find(&self, draft: &Draft) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == draft)?;
        // What is asked for stays.
        let found = kept.remove(place)?;
        let rendered = found.1.clone();
        kept.push_front(found);
        Some(rendered)
    }

    fn keep(&self, draft: Draft, rendered: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((draft, rendered));
        kept.truncate(MOST_KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FormButton, ProviderName, Text, Waiting};
    use crate::portal::dress::Dress;
    use crate::portal::scene::Scene;
    use crate::portal::view::Standing;
    use crate::portal::words::{Language, Words};

    const NOW: BootTime = BootTime(0);

    fn draft(language: Language) -> Draft {
        let dress = Arc::new(Dress::new("Café", Arc::default()));
        let (t, scene) = (Words::of(language), Scene::bare(Standing::New));
        Draft { t, home: "/".to_owned(), dress, scene, notice: None, messages: Vec::new() }
    }

    async fn text(rendered: &Rendered, draft: Draft) -> String {
        let body = rendered.respond(draft, NOW, StatusCode::OK).into_body();
        let bytes = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_page_is_rendered_once_and_a_different_one_anew() {
        let rendered = Rendered::default();
        let count = || rendered.0.lock().unwrap().len();
        let first = text(&rendered, draft(Language::English)).await;
        assert_eq!(first, draft(Language::English).page(NOW).rendered().unwrap());
        assert_eq!((text(&rendered, draft(Language::English)).await, count()), (first.clone(), 1));
        let mut offline = draft(Language::English);
        offline.scene.offline = true;
        assert_ne!(text(&rendered, offline).await, first);
        assert!(text(&rendered, draft(Language::Arabic)).await.contains("dir=\"rtl\""));
        assert_eq!((text(&rendered, draft(Language::English)).await, count()), (first, 3));
        let linked = Draft { home: "/?lang=en".to_owned(), ..draft(Language::English) };
        assert!(text(&rendered, linked).await.contains("/?lang=en"));
    }

    #[tokio::test]
    async fn only_so_many_are_kept_and_none_that_is_somebodys() {
        let rendered = Rendered::default();
        for number in 0..2 * MOST_KEPT {
            let draft = Draft { home: format!("/?{number}"), ..draft(Language::English) };
            rendered.respond(draft, NOW, StatusCode::OK);
        }
        assert_eq!(rendered.0.lock().unwrap().len(), MOST_KEPT);
        let mut blocked = draft(Language::English);
        blocked.scene.standing = Standing::Blocked;
        let mut waits = draft(Language::English);
        let waiting = Waiting { text: Text::new("Insert coins"), until: None, done: None, cancel: None };
        waits.scene.waiting = Some((ProviderName::new("coin"), waiting));
        let told = Draft { notice: Some("Closed at nine".to_owned()), ..draft(Language::English) };
        assert!(text(&rendered, told.clone()).await.contains("Closed at nine"));
        let (action, said) = ("logout".to_owned(), Text::new("You are Ana"));
        let button = FormButton { action, text: said, label: Text::new("Log out") };
        let mut logged_in = draft(Language::English);
        logged_in.scene.beside.buttons.push((ProviderName::new("account"), button));
        for somebodys in [blocked, waits, told, logged_in] {
            rendered.respond(somebodys.clone(), NOW, StatusCode::OK);
            assert!(rendered.find(&somebodys).is_none());
        }
    }
}

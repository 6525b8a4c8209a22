use std::sync::{Arc, Mutex, PoisonError};

use super::form::Typed;
use crate::domain::ZoneName;
use crate::domain::theme::{Picture, Theme};

/// The most drafts that are kept; one more and the oldest is forgotten. Each has pictures of 320 KB at most.
const MOST: usize = 8;

/// A theme that somebody is at work on: guests do not see it. In memory, one for each person and zone.
#[derive(Debug, Clone)]
pub(in crate::admin) struct Draft {
    /// What was typed.
    pub(super) typed: Typed,
    /// The pictures as they would be: a browser does not send a file again by itself.
    pub(super) logo: Option<Picture>,
    /// The same.
    pub(super) background: Option<Picture>,
    /// What it comes to, if there is no mistake in it.
    pub(super) theme: Option<Arc<Theme>>,
    /// What was saved last when it was begun: [`super::theme::standing`].
    pub(super) seen: String,
}

/// All drafts, the oldest first.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Drafts(Arc<Mutex<Vec<Kept>>>);

#[derive(Debug)]
struct Kept {
    whose: String,
    zone: ZoneName,
    draft: Draft,
}

impl Drafts {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Kept>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// That of a person and a zone.
    pub(super) fn find(&self, whose: &str, zone: &ZoneName) -> Option<Draft> {
        self.with(|all| {
            let found = all.iter().find(|kept| kept.whose == whose && kept.zone == *zone);
            found.map(|kept| kept.draft.clone())
        })
    }

    /// Keeps one in place of the one that was there.
    pub(super) fn keep(&self, whose: &str, zone: &ZoneName, draft: Draft) {
        self.with(|all| {
            all.retain(|kept| kept.whose != whose || kept.zone != *zone);
            if all.len() >= MOST {
                all.remove(0);
            }
            all.push(Kept { whose: whose.to_owned(), zone: zone.clone(), draft });
        });
    }

    /// Forgets one.
    pub(super) fn forget(&self, whose: &str, zone: &ZoneName) {
        self.with(|all| all.retain(|kept| kept.whose != whose || kept.zone != *zone));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_person_has_a_draft_of_each_zone_and_there_are_only_so_many() {
        let (drafts, zone) = (Drafts::default(), ZoneName::new("guests"));
        let draft = || {
            let seen = String::new();
            Draft { typed: Typed::default(), logo: None, background: None, theme: None, seen }
        };
        drafts.keep("ana", &zone, draft());
        assert!(drafts.find("ana", &zone).is_some() && drafts.find("ben", &zone).is_none());
        assert!(drafts.find("ana", &ZoneName::new("staff")).is_none());
        for number in 0..MOST {
            drafts.keep("ben", &ZoneName::new(&number.to_string()), draft());
        }
        assert!(drafts.find("ana", &zone).is_none(), "the oldest made room");
        drafts.forget("ben", &ZoneName::new("7"));
        assert_eq!(drafts.with(|all| all.len()), MOST - 1);
    }
}

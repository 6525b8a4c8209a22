use serde::Deserialize;

use super::seek::Seek;
use crate::admin::pager::Pager;

/// Numbers of rows that can be chosen.
pub(super) const PER_PAGES: [u32; 3] = [25, 50, 100];

/// What the address of a list says.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ListQuery {
    /// What is looked for.
    #[serde(default)]
    pub(super) q: String,
    /// `words` or `filter`: how it is to be read, where it could be either.
    #[serde(default, rename = "as")]
    pub(super) reading: String,
    /// Only those in this state.
    #[serde(default)]
    pub(super) state: String,
    /// By what: a name, with a `-` in front for the largest first.
    #[serde(default)]
    pub(super) sort: String,
    #[serde(default)]
    pub(super) page: String,
    #[serde(default)]
    pub(super) per: String,
    /// `rows`: only what changes by itself, for the script.
    #[serde(default)]
    pub(super) part: String,
    /// What was just done.
    #[serde(default)]
    pub(super) done: String,
}

/// A list as its page shows it: what is looked for, which part of it is shown, and the ways to its other parts.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) pager: Pager,
    pub(super) seek: Seek,
    pub(super) state: String,
    sort: String,
}

/// A column's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) title: &'static str,
    /// Sorts by it; empty if it cannot be sorted by.
    pub(super) link: String,
    /// How the list is sorted by it now.
    pub(super) order: Option<&'static str>,
}

impl Column {
    /// What shows the order to the eye.
    pub(super) fn arrow(&self) -> &'static str {
        match self.order {
            Some("ascending") => " ▲",
            Some(_) => " ▼",
            None => "",
        }
    }
}

impl Listing {
    /// Of an address; what it says of the impossible (a page 0) is taken for the nearest that can be. States and sort keys
    /// that are not among those known are nothing.
    pub(super) fn read(
        place: &'static str,
        query: &ListQuery,
        is_state: impl Fn(&str) -> bool,
        is_key: impl Fn(&str) -> bool,
    ) -> Self {
        let known = |text: &str, is_known: &dyn Fn(&str) -> bool| {
            if is_known(text) { text.to_owned() } else { String::new() }
        };
        let chosen = query.per.trim().parse().ok().filter(|per| PER_PAGES.contains(per));
        let per_page = chosen.unwrap_or(Pager::ROWS);
        let seek = Seek::read(&query.q, &query.reading);
        let state = known(&query.state, &is_state);
        let sort = known(&query.sort, &|sort| is_key(sort.strip_prefix('-').unwrap_or(sort)));
        let pairs = vec![
            ("q", seek.text.clone()),
            ("as", known(&query.reading, &|word| Seek::is_reading(word))),
            ("state", state.clone()),
            ("sort", sort.clone()),
            ("per", if per_page == Pager::ROWS { String::new() } else { per_page.to_string() }),
        ];
        let pager = Pager { per_page, ..Pager::read(place, &query.page, pairs) };
        Self { pager, seek, state, sort }
    }

    /// The name of what it is sorted by, and whether the largest come first.
    pub(super) fn sorted_by(&self) -> Option<(&str, bool)> {
        match self.sort.strip_prefix('-') {
            Some(name) => Some((name, true)),
            None if self.sort.is_empty() => None,
            None => Some((self.sort.as_str(), false)),
        }
    }

    /// Whether less than everything is asked for.
    pub(super) fn is_narrowed(&self) -> bool {
        !self.seek.is_nothing() || !self.state.is_empty()
    }

    /// Whether only those in this state are asked for.
    pub(super) fn is_state(&self, name: &str) -> bool {
        self.state == name
    }

    /// The same with something else looked for.
    pub(super) fn looking_for(&self, q: &str) -> String {
        self.pager.link(&[("q", q), ("as", "")])
    }

    /// The same text looked for as words.
    pub(super) fn as_words(&self) -> String {
        self.pager.link(&[("as", "words")])
    }

    /// The whole list.
    pub(super) fn everything(&self) -> String {
        self.pager.link(&[("q", ""), ("as", ""), ("state", "")])
    }

    /// A column that can be sorted by: the smallest first, and when it is, the largest.
    pub(super) fn column(&self, title: &'static str, key: &str) -> Column {
        if key.is_empty() {
            return Column { title, link: String::new(), order: None };
        }
        let (order, next) = match self.sorted_by() {
            Some((name, false)) if name == key => (Some("ascending"), format!("-{key}")),
            Some((name, true)) if name == key => (Some("descending"), key.to_owned()),
            Some(_) | None => (None, key.to_owned()),
        };
        Column { title, link: self.pager.link(&[("sort", &next)]), order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(query: &ListQuery) -> Listing {
        Listing::read("/l", query, |state| state == "on", |key| ["a", "b"].contains(&key))
    }

    #[test]
    fn addresses_keep_what_is_looked_for_and_say_what_changes() {
        let query = ListQuery {
            q: "a&b \"é\"".to_owned(),
            sort: "-a".to_owned(),
            page: "0".to_owned(),
            ..ListQuery::default()
        };
        let mut listing = listing(&query);
        assert!(!listing.pager.counted(120));
        assert_eq!(listing.pager.on_page(2), "/l?q=a%26b%20%22%C3%A9%22&sort=-a&page=2");
        let column = listing.column("A", "a");
        assert_eq!((column.order, column.arrow()), (Some("descending"), " ▼"));
        assert_eq!(column.link, "/l?q=a%26b%20%22%C3%A9%22&sort=a");
        assert_eq!(listing.column("B", "b").order, None);
        assert_eq!((listing.pager.pages(), listing.pager.first(), listing.pager.last()), (3, 1, 50));
        assert_eq!(listing.everything(), "/l?sort=-a");
    }

    #[test]
    fn what_cannot_be_is_taken_for_the_nearest_that_can() {
        let query = ListQuery {
            state: "off".to_owned(),
            sort: "-c".to_owned(),
            page: "99".to_owned(),
            per: "7".to_owned(),
            ..ListQuery::default()
        };
        let mut listing = listing(&query);
        assert_eq!((listing.state.as_str(), listing.sorted_by()), ("", None));
        assert!(listing.pager.counted(60));
        assert_eq!((listing.pager.page, listing.pager.first(), listing.pager.last()), (2, 51, 60));
        assert_eq!(listing.pager.here(), "/l?page=2");
    }
}

use std::fmt::Write;

use serde::Deserialize;

use super::seek::Seek;

/// Rows of a page unless asked otherwise.
const PER_PAGE: u32 = 50;
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
    /// Its address.
    pub(super) place: &'static str,
    pub(super) seek: Seek,
    pub(super) state: String,
    pub(super) page: u32,
    pub(super) per_page: u32,
    /// Rows on all pages.
    pub(super) total: u64,
    reading: String,
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
        let number = |text: &str| text.trim().parse::<u32>().ok();
        Self {
            place,
            seek: Seek::read(&query.q, &query.reading),
            state: known(&query.state, &is_state),
            page: number(&query.page).unwrap_or(1).max(1),
            per_page: number(&query.per).filter(|per| PER_PAGES.contains(per)).unwrap_or(PER_PAGE),
            total: 0,
            reading: known(&query.reading, &|word| Seek::is_reading(word)),
            sort: known(&query.sort, &|sort| is_key(sort.strip_prefix('-').unwrap_or(sort))),
        }
    }

    /// The name of what it is sorted by, and whether the largest come first.
    pub(super) fn sorted_by(&self) -> Option<(&str, bool)> {
        match self.sort.strip_prefix('-') {
            Some(name) => Some((name, true)),
            None if self.sort.is_empty() => None,
            None => Some((self.sort.as_str(), false)),
        }
    }

    /// With the number of rows; a page behind the last one becomes the last one. Whether the rows must be read again.
    pub(super) fn counted(&mut self, total: u64) -> bool {
        self.total = total;
        let is_behind = self.page > self.pages();
        self.page = self.page.min(self.pages());
        is_behind
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> u32 {
        let pages = self.total.div_ceil(u64::from(self.per_page)).max(1);
        u32::try_from(pages).unwrap_or(u32::MAX)
    }

    /// The number of the first row that is shown.
    pub(super) fn first(&self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.per_page) + 1
    }

    /// The number of the last row that is shown.
    pub(super) fn last(&self) -> u64 {
        (u64::from(self.page) * u64::from(self.per_page)).min(self.total)
    }

    /// Whether less than everything is asked for.
    pub(super) fn is_narrowed(&self) -> bool {
        !self.seek.is_nothing() || !self.state.is_empty()
    }

    /// Whether only those in this state are asked for.
    pub(super) fn is_state(&self, name: &str) -> bool {
        self.state == name
    }

    /// All that the address says, for hidden fields.
    pub(super) fn fields(&self) -> [(&'static str, String); 5] {
        let per = if self.per_page == PER_PAGE { String::new() } else { self.per_page.to_string() };
        [
            ("q", self.seek.text.clone()),
            ("as", self.reading.clone()),
            ("state", self.state.clone()),
            ("sort", self.sort.clone()),
            ("per", per),
        ]
    }

    fn link(&self, changed: &[(&str, &str)]) -> String {
        let fields = self.fields();
        let mut pairs: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for (name, value) in changed {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        address(self.place, &pairs)
    }

    /// This page of it.
    pub(super) fn here(&self) -> String {
        self.on_page(self.page)
    }

    /// Another page of it.
    pub(super) fn on_page(&self, page: u32) -> String {
        self.link(&[("page", if page == 1 { String::new() } else { page.to_string() }.as_str())])
    }

    /// The same with something else looked for.
    pub(super) fn looking_for(&self, q: &str) -> String {
        self.link(&[("q", q), ("as", "")])
    }

    /// The same text looked for as words.
    pub(super) fn as_words(&self) -> String {
        self.link(&[("as", "words")])
    }

    /// The whole list.
    pub(super) fn everything(&self) -> String {
        self.link(&[("q", ""), ("as", ""), ("state", "")])
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
        Column { title, link: self.link(&[("sort", &next)]), order }
    }
}

/// An address with these parameters; empty ones are left out.
pub(in crate::admin) fn address(place: &str, pairs: &[(&str, &str)]) -> String {
    let mut address = place.to_owned();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(if address.len() == place.len() { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                address.push(char::from(byte));
            } else {
                // Writing to a text cannot fail.
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    address
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
        assert!(!listing.counted(120));
        assert_eq!(listing.on_page(2), "/l?q=a%26b%20%22%C3%A9%22&sort=-a&page=2");
        let column = listing.column("A", "a");
        assert_eq!((column.order, column.arrow()), (Some("descending"), " ▼"));
        assert_eq!(column.link, "/l?q=a%26b%20%22%C3%A9%22&sort=a");
        assert_eq!(listing.column("B", "b").order, None);
        assert_eq!((listing.pages(), listing.first(), listing.last()), (3, 1, 50));
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
        assert!(listing.counted(60));
        assert_eq!((listing.page, listing.first(), listing.last()), (2, 51, 60));
        assert_eq!(listing.here(), "/l?page=2");
    }
}

use crate::http::encoded;

/// One page of a list, and the ways to the others (`admin/pager.html`).
#[derive(Debug, Clone)]
pub(super) struct Pager {
    /// The list's address.
    pub(super) place: &'static str,
    /// What else the address says.
    pub(super) pairs: Vec<(&'static str, String)>,
    /// From 1.
    pub(super) page: u32,
    /// Rows of a page.
    pub(super) per_page: u32,
    /// Rows on all pages.
    pub(super) total: u64,
}

impl Pager {
    /// Rows of a page unless asked otherwise.
    pub(super) const ROWS: u32 = 50;

    /// Of an address; a page that cannot be is taken for the first.
    pub(super) fn read(place: &'static str, page: &str, pairs: Vec<(&'static str, String)>) -> Self {
        let page = page.trim().parse().ok().filter(|page| *page > 0).unwrap_or(1);
        Self { place, pairs, page, per_page: Self::ROWS, total: 0 }
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
        u32::try_from(self.total.div_ceil(u64::from(self.per_page)).max(1)).unwrap_or(u32::MAX)
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
        self.pairs.iter().any(|(_, value)| !value.is_empty())
    }

    /// The whole list.
    pub(super) const fn everything(&self) -> &'static str {
        self.place
    }

    /// This page of it.
    pub(super) fn here(&self) -> String {
        self.on_page(self.page)
    }

    /// Another page of it.
    pub(super) fn on_page(&self, page: u32) -> String {
        let page = if page == 1 { String::new() } else { page.to_string() };
        self.link(&[("page", &page)])
    }

    /// The same with something else in its address, from the first page on.
    pub(super) fn link(&self, changed: &[(&str, &str)]) -> String {
        let is_kept = |name: &str| changed.iter().all(|(other, _)| *other != name);
        let kept = self.pairs.iter().map(|(name, value)| (*name, value.as_str()));
        let pairs: Vec<_> = kept.filter(|(name, _)| is_kept(name)).chain(changed.iter().copied()).collect();
        address(self.place, &pairs)
    }
}

/// An address with these parameters; empty ones are left out.
pub(super) fn address(place: &str, pairs: &[(&str, &str)]) -> String {
    let mut address = place.to_owned();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(if address.len() == place.len() { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.extend(encoded(value));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_behind_the_last_is_the_last_and_addresses_keep_what_is_asked_for() {
        let mut pager = Pager::read("/l", "9", vec![("q", "a&b".to_owned()), ("plan", String::new())]);
        assert!(pager.counted(101) && pager.is_narrowed());
        assert_eq!((pager.page, pager.pages(), pager.first(), pager.last()), (3, 3, 101, 101));
        assert_eq!(
            (pager.on_page(1), pager.on_page(2)),
            ("/l?q=a%26b".to_owned(), "/l?q=a%26b&page=2".to_owned())
        );
        for wrong in ["", "0", "-1", "x", "99999999999"] {
            let mut pager = Pager::read("/l", wrong, Vec::new());
            assert!(!pager.counted(0));
            assert_eq!((pager.page, pager.pages(), pager.is_narrowed()), (1, 1, false), "{wrong}");
        }
    }
}

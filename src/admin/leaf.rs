use super::tables::address;

/// Rows of a page.
const PER_PAGE: u32 = 50;

/// One page of a list that is cut by the store, and the ways to the others (`admin/pager.html`).
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    place: &'static str,
    /// What else the address says.
    pairs: Vec<(&'static str, String)>,
    /// From 1.
    pub(super) page: u32,
    /// Rows on all pages.
    pub(super) total: u64,
}

impl Leaf {
    /// At most so many rows are on one.
    pub(super) const ROWS: u32 = PER_PAGE;

    /// Of an address; a page that cannot be is taken for the first.
    pub(super) fn read(place: &'static str, page: &str, pairs: Vec<(&'static str, String)>) -> Self {
        let page = page.trim().parse().ok().filter(|page| *page > 0).unwrap_or(1);
        Self { place, pairs, page, total: 0 }
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
        u32::try_from(self.total.div_ceil(u64::from(PER_PAGE)).max(1)).unwrap_or(u32::MAX)
    }

    /// The number of the first row that is shown.
    pub(super) fn first(&self) -> u64 {
        u64::from(self.page - 1) * u64::from(PER_PAGE) + 1
    }

    /// The number of the last row that is shown.
    pub(super) fn last(&self) -> u64 {
        (u64::from(self.page) * u64::from(PER_PAGE)).min(self.total)
    }

    /// Whether less than everything is asked for.
    pub(super) fn is_narrowed(&self) -> bool {
        self.pairs.iter().any(|(_, value)| !value.is_empty())
    }

    /// The whole list.
    pub(super) const fn everything(&self) -> &'static str {
        self.place
    }

    /// Another page of it.
    pub(super) fn on_page(&self, page: u32) -> String {
        let page = if page == 1 { String::new() } else { page.to_string() };
        let pairs: Vec<(&str, &str)> =
            self.pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        address(self.place, &[pairs.as_slice(), &[("page", page.as_str())]].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_behind_the_last_is_the_last_and_addresses_keep_what_is_asked_for() {
        let mut leaf = Leaf::read("/l", "9", vec![("q", "a&b".to_owned()), ("plan", String::new())]);
        assert!(leaf.counted(101) && leaf.is_narrowed());
        assert_eq!((leaf.page, leaf.pages(), leaf.first(), leaf.last()), (3, 3, 101, 101));
        assert_eq!(
            (leaf.on_page(1), leaf.on_page(2)),
            ("/l?q=a%26b".to_owned(), "/l?q=a%26b&page=2".to_owned())
        );
        for wrong in ["", "0", "-1", "x", "99999999999"] {
            let mut leaf = Leaf::read("/l", wrong, Vec::new());
            assert!(!leaf.counted(0));
            assert_eq!((leaf.page, leaf.pages(), leaf.is_narrowed()), (1, 1, false), "{wrong}");
        }
    }
}

use chrono::DateTime;
use serde::Serialize;

use crate::domain::WallTime;
use crate::http::Problem;
use crate::store::Direction;

/// Items of a page unless asked otherwise.
pub(super) const PER_PAGE: u32 = 50;
/// Items of a page at most.
pub(super) const MAX_PER_PAGE: u32 = 1000;
/// Fields that a list can be sorted by at once.
pub(super) const MAX_SORT_FIELDS: usize = 8;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) page: u32,
    pub(super) per_page: u32,
    pub(super) total: u64,
}

/// Which page: from 1, of so many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paging {
    pub(super) page: u32,
    pub(super) per_page: u32,
}

impl Paging {
    /// Reads `page` and `per_page`; empty is absent.
    pub(super) fn read(page: Option<&str>, per_page: Option<&str>) -> Result<Self, Problem> {
        let number = |field, text: Option<&str>, default: u32, most: u32| match text {
            None | Some("") => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (1..=most).contains(number))
                .ok_or_else(|| Problem::invalid_field(field, format!("must be between 1 and {most}"))),
        };
        Ok(Self {
            page: number("page", page, 1, u32::MAX)?,
            per_page: number("per_page", per_page, PER_PAGE, MAX_PER_PAGE)?,
        })
    }

    /// The page of a list that is all in memory.
    pub(super) fn cut<T>(self, items: Vec<T>) -> Page<T> {
        let total = items.len() as u64;
        let skip = (self.page as usize - 1).saturating_mul(self.per_page as usize);
        let items = items.into_iter().skip(skip).take(self.per_page as usize).collect();
        self.of(items, total)
    }

    /// A page that was cut elsewhere.
    pub(super) fn of<T>(self, items: Vec<T>, total: u64) -> Page<T> {
        Page { items, page: self.page, per_page: self.per_page, total }
    }
}

/// Reads `sort`: names between commas, each with a `-` in front for the largest first.
pub(super) fn read_sort<K>(
    sort: Option<&str>,
    key: impl Fn(&str) -> Option<K>,
    known: &[&str],
) -> Result<Vec<(K, Direction)>, Problem> {
    let names: Vec<&str> =
        sort.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > MAX_SORT_FIELDS {
        return Err(Problem::invalid_field("sort", format!("at most {MAX_SORT_FIELDS} fields")));
    }
    names
        .into_iter()
        .map(|name| {
            let (name, direction) = match name.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                None => (name, Direction::Ascending),
            };
            key(name).map(|key| (key, direction)).ok_or_else(|| {
                Problem::invalid_field("sort", format!("a list is sorted by {}", known.join(", ")))
            })
        })
        .collect()
}

/// Reads a part of the path or a parameter; `None` if it is absent or empty.
pub(super) fn read_name<T>(field: &str, text: Option<&str>, known: &[(T, &str)]) -> Result<Option<T>, Problem>
where
    T: Copy,
{
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    known.iter().find(|(_, name)| *name == text).map(|(value, _)| Some(*value)).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
        Problem::invalid_field(field, format!("must be one of {}", names.join(", ")))
    })
}

/// Reads a time of a query: RFC 3339, or milliseconds since the epoch; an empty one is absent.
pub(super) fn read_time(field: &str, text: Option<&str>) -> Result<Option<WallTime>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let millis = text.parse::<i64>().ok();
    let at = millis.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_millis()));
    at.map(|at| Some(WallTime(at))).ok_or_else(|| {
        let text = "must be a time as in 2026-01-31T18:00:00Z, or milliseconds since the epoch";
        Problem::invalid_field(field, text)
    })
}

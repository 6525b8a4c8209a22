use crate::domain::Filter;
use crate::http::Problem;

/// Reads a filter; what is wrong with it is said with the column and the expression.
pub(super) fn read_filter(field: &str, text: &str) -> Result<Filter, Problem> {
    Filter::parse(text).map_err(|error| Problem::invalid_filter(field, &error))
}

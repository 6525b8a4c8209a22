use std::collections::BTreeSet;

use crate::domain::roles;
use crate::http::Problem;

/// Reads a list of role names; one that cannot be is named.
pub(super) fn read(field: &str, names: Vec<String>) -> Result<BTreeSet<String>, Problem> {
    for name in &names {
        if let Err(error) = roles::check(name) {
            return Err(Problem::invalid_field(field, error));
        }
    }
    Ok(names.into_iter().collect())
}

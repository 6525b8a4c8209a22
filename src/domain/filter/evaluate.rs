use super::{Expr, Lookup, Number};

/// Whether the expression is true of it. Recursion is bounded by what the parser lets through.
pub(super) fn matches(expr: &Expr, of: &dyn Lookup) -> bool {
    match expr {
        Expr::All => true,
        Expr::Not(inner) => !matches(inner, of),
        Expr::And(terms) => terms.iter().all(|term| matches(term, of)),
        Expr::Or(terms) => terms.iter().any(|term| matches(term, of)),
        Expr::Is { key, value } => of.get(key.as_str()).is_some_and(|found| found == value.as_str()),
        Expr::Ne { key, value } => of.get(key.as_str()).is_none_or(|found| found != value.as_str()),
        Expr::Compare { key, order, number } => of
            .get(key.as_str())
            .and_then(|found| Number::parse(&found))
            .is_some_and(|found| order.holds(&found, number)),
        Expr::Has { key } => of.get(key.as_str()).is_some(),
        Expr::In { key, values } => {
            of.get(key.as_str()).is_some_and(|found| values.iter().any(|value| found == value.as_str()))
        }
        Expr::HasRoles { roles } => roles.iter().all(|role| of.has_role(role)),
    }
}

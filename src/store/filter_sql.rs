//! A filter as a condition on stored sessions, true of exactly those that [`Filter::matches`] selects with a
//! [`SessionView`](crate::domain::SessionView).
//!
//! For sessions that have ended: of the others, part of what a filter asks about is in memory only. Every clause is 0 or
//! 1, never NULL, so that `not` means the same as in memory. Texts are bound, never written into the statement.

mod property;

use sqlx::{QueryBuilder, Sqlite};

use self::property::Property;
use crate::domain::filter::{Expr, Number, Order};
use crate::domain::{Filter, GatewayFacts};

/// Adds the condition, in parentheses, over `sessions s LEFT JOIN devices d ON d.id = s.device`.
pub(super) fn push(query: &mut QueryBuilder<Sqlite>, filter: &Filter, gateway: &GatewayFacts) {
    expression(query, filter.expr(), gateway);
}

fn expression(query: &mut QueryBuilder<Sqlite>, expr: &Expr, gateway: &GatewayFacts) {
    match expr {
        Expr::All => {
            query.push("1");
        }
        Expr::Not(inner) => {
            query.push("(NOT ");
            expression(query, inner, gateway);
            query.push(")");
        }
        Expr::And(terms) => halves(query, terms, " AND ", gateway),
        Expr::Or(terms) => halves(query, terms, " OR ", gateway),
        Expr::Is { key, value } => equality(query, &Property::of(key.as_str(), gateway), true, value),
        Expr::Ne { key, value } => equality(query, &Property::of(key.as_str(), gateway), false, value),
        Expr::Compare { key, order, number } => {
            compare(query, &Property::of(key.as_str(), gateway), *order, number);
        }
        Expr::Has { key } => {
            query.push("(");
            Property::of(key.as_str(), gateway).push(query);
            query.push(" IS NOT NULL)");
        }
        Expr::In { key, values } => {
            let property = Property::of(key.as_str(), gateway);
            query.push("ifnull(");
            property.push(query);
            query.push(" IN (");
            for (place, value) in values.iter().filter_map(|value| property.stored(value)).enumerate() {
                query.push(if place > 0 { ", " } else { "" });
                value.push(query);
            }
            query.push("), 0)");
        }
        Expr::HasRoles { roles } => {
            query.push("(1");
            for role in roles {
                query.push(" AND (");
                has_role(query, "s.roles", role);
                query.push(" OR ");
                has_role(query, "d.roles", role);
                query.push(")");
            }
            query.push(")");
        }
    }
}

/// A role in a JSON array of them. Most arrays do not even hold its letters, which is cheaper to see than to read them.
fn has_role(query: &mut QueryBuilder<Sqlite>, column: &str, role: &str) {
    query.push(format_args!("(instr({column}, ")).push_bind(serde_json::Value::from(role).to_string());
    query.push(format_args!(") AND EXISTS (SELECT 1 FROM json_each({column}) WHERE value = "));
    query.push_bind(role.to_owned()).push("))");
}

/// Adds whether the property has the value (or has not): `IS` and `IS NOT` take NULL for a value like any other.
fn equality(query: &mut QueryBuilder<Sqlite>, property: &Property, is: bool, value: &str) {
    match property.stored(value) {
        Some(value) => {
            query.push("(");
            property.push(query);
            query.push(if is { " IS " } else { " IS NOT " });
            value.push(query);
            query.push(")");
        }
        // It is shown so for no session.
        None => {
            query.push(if is { "0" } else { "1" });
        }
    }
}

/// Half of the terms, the operator, and the other half: SQLite bounds how deep an expression is, and takes a row of terms
/// for one that is as deep as it is long.
fn halves(query: &mut QueryBuilder<Sqlite>, terms: &[Expr], operator: &str, gateway: &GatewayFacts) {
    match terms {
        [only] => expression(query, only, gateway),
        terms => {
            let (left, right) = terms.split_at(terms.len() / 2);
            query.push("(");
            halves(query, left, operator, gateway);
            query.push(operator);
            halves(query, right, operator, gateway);
            query.push(")");
        }
    }
}

/// Adds a comparison of numbers, 0 if the property is none.
///
/// Few enough digits are told apart by a double: see [`Number`].
fn compare(query: &mut QueryBuilder<Sqlite>, property: &Property, order: Order, number: &Number) {
    let operator = match order {
        Order::Lt => " < ",
        Order::Le => " <= ",
        Order::Gt => " > ",
        Order::Ge => " >= ",
    };
    match property {
        Property::Unset => {
            query.push("0");
        }
        Property::Integer(sql) => {
            query.push(format_args!("iif({sql} BETWEEN -{LARGEST} AND {LARGEST}, {sql}{operator}"));
            query.push_bind(number.value()).push(", 0)");
        }
        Property::Millionths(sql) => {
            query.push(format_args!("CASE WHEN {sql} <= {LARGEST} THEN {sql} / 1000000.0{operator}"));
            query.push_bind(number.value()).push(" ELSE ");
            compare_text(query, property, operator, number);
            query.push(" END");
        }
        Property::Text(_) | Property::Constant(_) | Property::Set(..) | Property::User(_) => {
            compare_text(query, property, operator, number);
        }
    }
}

/// The largest integer of [`Number::MAX_DIGITS`] digits. So many millionths have no more digits either.
const LARGEST: u64 = 10_u64.pow(Number::MAX_DIGITS as u32) - 1;

/// Adds a comparison with a text: what its first digits are worth, which is quick, and then whether it is a number by the
/// rules of [`Number::parse`].
fn compare_text(query: &mut QueryBuilder<Sqlite>, property: &Property, operator: &str, number: &Number) {
    query.push("(ifnull(CAST(");
    property.push_text(query);
    query.push(format_args!(" AS REAL){operator}")).push_bind(number.value());
    // A subquery with a limit is not merged into the outer one: the value is looked up once.
    query.push(", 0) AND EXISTS (SELECT 1 FROM (SELECT ");
    property.push_text(query);
    query.push(format_args!(
        " AS value LIMIT 1) WHERE value GLOB '*[0-9]' AND ltrim(value, '-') NOT GLOB '*[^0-9.]*' \
         AND length(value) - length(ltrim(value, '-')) <= 1 AND ltrim(value, '-') GLOB '[0-9]*' \
         AND length(value) - length(replace(value, '.', '')) <= 1 \
         AND length(replace(ltrim(value, '-'), '.', '')) <= {} AND length(value) = octet_length(value)))",
        Number::MAX_DIGITS
    ));
}

use std::fmt::{self, Display, Formatter, Write};

use super::{Expr, Filter, Key, Order};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.expr().fmt(f)
    }
}

/// As an expression that is read as the same again, with as few parentheses as it takes.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                operand(f, inner, matches!(**inner, Self::And(_) | Self::Or(_)))
            }
            Self::And(terms) => joined(f, terms, " and ", |term| matches!(term, Self::And(_) | Self::Or(_))),
            Self::Or(terms) => joined(f, terms, " or ", |term| matches!(term, Self::Or(_))),
            Self::Is { key, value } => {
                write!(f, "{key} is ")?;
                quoted(f, value)
            }
            Self::Ne { key, value } => {
                write!(f, "{key} ne ")?;
                quoted(f, value)
            }
            Self::Compare { key, order, number } => write!(f, "{key} {order} \"{}\"", number.as_str()),
            Self::Has { key } => write!(f, "has {key}"),
            Self::In { key, values } => {
                write!(f, "{key} in ")?;
                list(f, values)
            }
            Self::HasRoles { roles } => {
                f.write_str("hasRoles ")?;
                list(f, roles)
            }
        }
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
        })
    }
}

fn operand(f: &mut Formatter<'_>, term: &Expr, in_parentheses: bool) -> fmt::Result {
    if in_parentheses { write!(f, "({term})") } else { term.fmt(f) }
}

fn joined(
    f: &mut Formatter<'_>,
    terms: &[Expr],
    operator: &str,
    in_parentheses: impl Fn(&Expr) -> bool,
) -> fmt::Result {
    for (place, term) in terms.iter().enumerate() {
        if place > 0 {
            f.write_str(operator)?;
        }
        operand(f, term, in_parentheses(term))?;
    }
    Ok(())
}

fn list(f: &mut Formatter<'_>, values: &[String]) -> fmt::Result {
    f.write_char('[')?;
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            f.write_char(' ')?;
        }
        quoted(f, value)?;
    }
    f.write_char(']')
}

/// In the quotes of which it holds fewer, double ones if it holds none: never longer than it was written.
fn quoted(f: &mut Formatter<'_>, value: &str) -> fmt::Result {
    let count = |quote| value.matches(quote).count();
    let quote = if count('\'') < count('"') { '\'' } else { '"' };
    f.write_char(quote)?;
    for character in value.chars() {
        if character == quote || character == '\\' {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char(quote)
}

//! Sets of roles as one text: `"desk 2","staff"`.

use std::collections::BTreeSet;

use super::filter::Scanner;

/// The longest name of a role, in characters.
pub const MAX_CHARS: usize = 64;
/// The most names in one list.
pub const MAX_NAMES: usize = 64;

/// Not the name of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// It is empty.
    #[error("a role needs a name")]
    Empty,
    /// It is longer than [`MAX_CHARS`].
    #[error("the name of a role has at most {MAX_CHARS} characters")]
    TooLong,
    /// It holds a control character.
    #[error("the name of a role has no control characters")]
    Control,
}

/// Not a set of roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// The text is not made as it should be.
    #[error(transparent)]
    Form(#[from] super::FilterError),
    /// A role cannot be called so.
    #[error("{error} (the one at column {column})")]
    Role {
        /// Why.
        error: RoleError,
        /// Where it stands in the text, from 1, in characters.
        column: usize,
    },
}

/// Whether a role may be called so: not empty, at most [`MAX_CHARS`] characters, none of them a control character.
/// Spaces are allowed.
pub fn check(name: &str) -> Result<(), RoleError> {
    if name.is_empty() {
        Err(RoleError::Empty)
    } else if name.chars().count() > MAX_CHARS {
        Err(RoleError::TooLong)
    } else if name.contains(char::is_control) {
        Err(RoleError::Control)
    } else {
        Ok(())
    }
}

/// Reads a list of names.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn read(names: impl IntoIterator<Item = String>) -> Result<BTreeSet<String>, String> {
    let mut count = 0_usize;
    let mut roles = BTreeSet::new();
    for name in names {
        count += 1;
        if count > MAX_NAMES {
            return Err(format!("at most {MAX_NAMES} roles"));
        }
        check(&name).map_err(|error| error.to_string())?;
        roles.insert(name);
    }
    Ok(roles)
}

/// The one text of a set of roles: sorted (byte by byte), each once, in double quotes, with commas between; `\` before a
/// double quote or backslash within a name. No roles are the empty text.
///
/// `$Roles` has this form. To compare with it in a filter, escape it: `$Roles is "{escape(canonical(…))}"`.
pub fn canonical<R: AsRef<str>>(roles: impl IntoIterator<Item = R>) -> String {
    let roles: Vec<R> = roles.into_iter().collect();
    let sorted: BTreeSet<&str> = roles.iter().map(AsRef::as_ref).collect();
    let mut text = String::new();
    for role in sorted {
        if !text.is_empty() {
            text.push(',');
        }
        text.push('"');
        for character in role.chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text.push('"');
    }
    text
}

/// Reads a set of roles: names in double or single quotes, apart by spaces or commas, in any order.
///
/// # Errors
///
/// What was expected where, or which of them cannot be the name of a role.
pub fn parse(text: &str) -> Result<BTreeSet<String>, RolesError> {
    let mut scanner = Scanner::new(text);
    let mut roles = BTreeSet::new();
    scanner.skip_space();
    while scanner.peek().is_some() {
        let column = scanner.column();
        let role = scanner.quoted("a role in quotes")?;
        check(&role).map_err(|error| RolesError::Role { error, column })?;
        roles.insert(role);
        let mut apart = scanner.skip_space();
        if scanner.eat(',') {
            scanner.skip_space();
            if !scanner.at_quote() {
                return Err(scanner.expected("a role in quotes").into());
            }
            apart = true;
        }
        if !apart && scanner.at_quote() {
            return Err(scanner.expected("a comma or a space").into());
        }
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_one_text() {
        assert_eq!(canonical(["staff", "desk 2", "staff"]), r#""desk 2","staff""#);
        assert_eq!(canonical([r#"a"b\c'"#]), r#""a\"b\\c'""#);
        assert_eq!(canonical::<&str>([]), "");
    }

    #[test]
    fn every_set_is_read_back() {
        for roles in [&[] as &[&str], &["a"], &["desk 2", "staff", "é"], &[r#"a"b\c'"#, ",", " "]] {
            let set: BTreeSet<String> = roles.iter().map(|&role| role.to_owned()).collect();
            assert_eq!(parse(&canonical(roles)), Ok(set));
        }
        let loose = parse(" 'b'  \"a\" ,\t'b' ").unwrap();
        assert_eq!(canonical(loose), r#""a","b""#);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, error) in [
            ("a", "expected a role in quotes at column 1"),
            (r#""a","#, "expected a role in quotes at column 5"),
            (r#""a" b"#, "expected a role in quotes at column 5"),
            (r#""a""b""#, "expected a comma or a space at column 4"),
            (r#""a"#, "expected a closing \" at column 3"),
            (r#""a" "" "#, "a role needs a name (the one at column 5)"),
            ("'a\u{7}'", "the name of a role has no control characters (the one at column 1)"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), error, "{text:?}");
        }
        assert_eq!(check(&"é".repeat(64)), Ok(()));
        assert_eq!(check(&"é".repeat(65)), Err(RoleError::TooLong));
    }
}

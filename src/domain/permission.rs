use std::fmt;
use std::str::FromStr;

use super::lock::{MAX_PATH_CHARS, is_path};

/// What a token or an admin account may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See devices, sessions and events.
    ViewSession,
    /// Change them; seeing them is needed as well.
    ModifySession,
    /// Register providers, authenticators and other handlers.
    RegisterHandler,
    /// Acquire the lock of this path and those below it; the empty path is all of them.
    AcquireLock(String),
    /// Make, list and revoke vouchers.
    ManageVouchers,
    /// Everything.
    Admin,
}

/// Not the name of a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no permission; they are view_session, modify_session, register_handler, acquire_lock:PATH, \
     manage_vouchers, admin"
)]
pub struct PermissionError(String);

impl Permission {
    /// Whether whoever has this may do what needs `wanted`.
    pub fn allows(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Admin, _) => true,
            (Self::AcquireLock(granted), Self::AcquireLock(path)) => {
                granted.is_empty()
                    || path
                        .strip_prefix(granted.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (granted, wanted) => granted == wanted,
        }
    }

    /// Whether any of those granted allows it.
    pub fn any_allows<'a>(granted: impl IntoIterator<Item = &'a Self>, wanted: &Self) -> bool {
        granted.into_iter().any(|permission| permission.allows(wanted))
    }
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "view_session" => Self::ViewSession,
            "modify_session" => Self::ModifySession,
            "register_handler" => Self::RegisterHandler,
            "manage_vouchers" => Self::ManageVouchers,
            "admin" => Self::Admin,
            other => {
                let path =
                    other.strip_prefix("acquire_lock:").filter(|path| path.is_empty() || is_path(path));
                let shown = || PermissionError(other.chars().take(MAX_PATH_CHARS).collect());
                Self::AcquireLock(path.ok_or_else(shown)?.to_owned())
            }
        })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ViewSession => f.write_str("view_session"),
            Self::ModifySession => f.write_str("modify_session"),
            Self::RegisterHandler => f.write_str("register_handler"),
            Self::AcquireLock(path) => write!(f, "acquire_lock:{path}"),
            Self::ManageVouchers => f.write_str("manage_vouchers"),
            Self::Admin => f.write_str("admin"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in [
            "view_session",
            "modify_session",
            "register_handler",
            "acquire_lock:coinslot/1",
            "acquire_lock:",
            "manage_vouchers",
            "admin",
        ] {
            assert_eq!(name.parse::<Permission>().unwrap().to_string(), name);
        }
        for name in ["", "Admin", "view_session ", "acquire_lock", "acquire_lock:/a", "acquire_lock:a//b"] {
            assert!(name.parse::<Permission>().is_err(), "{name:?}");
        }
        assert!("x".repeat(1_000_000).parse::<Permission>().unwrap_err().to_string().len() < 1_000);
    }

    #[test]
    fn admin_allows_all_and_a_lock_those_below_it() {
        let lock = |path: &str| Permission::AcquireLock(path.to_owned());
        assert!(Permission::Admin.allows(&lock("a")));
        assert!(Permission::ViewSession.allows(&Permission::ViewSession));
        assert!(!Permission::ModifySession.allows(&Permission::ViewSession));
        assert!(lock("coinslot").allows(&lock("coinslot/1")) && lock("a").allows(&lock("a")));
        assert!(lock("").allows(&lock("anything")));
        assert!(!lock("coinslot/1").allows(&lock("coinslot")) && !lock("coin").allows(&lock("coinslot")));
        assert!(!lock("a").allows(&Permission::Admin));
        let granted = [Permission::ViewSession, lock("a")];
        assert!(Permission::any_allows(&granted, &lock("a/b")) && !Permission::any_allows(&[], &lock("a")));
    }
}

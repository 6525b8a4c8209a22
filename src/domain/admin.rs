use super::{Account, AccountName, PasswordHash, Permission, RecoveryCode, TermsError, WallTime};

/// Somebody who signs in to the admin pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Admin {
    /// Its number, which is never given again.
    pub id: i64,
    /// What is typed in.
    pub name: AccountName,
    /// What the password is checked against.
    pub password: PasswordHash,
    /// What it may do, as a token may.
    pub permissions: Vec<Permission>,
    /// Shut out by another one.
    pub disabled: bool,
    /// The secret of its one-time codes, sealed; `None` if it needs none.
    pub totp: Option<Vec<u8>>,
    /// The newest step a code of which was taken.
    pub totp_step: i64,
    /// Counts up when everybody who is signed in as it has to sign in again.
    pub version: i64,
    /// When it was made.
    pub created_at: WallTime,
    /// When somebody last signed in as it.
    pub signed_in_at: Option<WallTime>,
}

impl Admin {
    /// The most of them.
    pub const MAX_COUNT: i64 = 200;
    /// The most permissions of one.
    pub const MAX_PERMISSIONS: usize = 50;
    /// The shortest password, in characters.
    pub const MIN_PASSWORD_CHARS: usize = 8;

    /// Whether this can be a password.
    ///
    /// # Errors
    ///
    /// It is too short or too long.
    pub fn check_password(password: &str) -> Result<(), TermsError> {
        let (least, most) = (Self::MIN_PASSWORD_CHARS, Account::MAX_PASSWORD_CHARS);
        if password.chars().count() >= least && Account::check_password(password).is_ok() {
            return Ok(());
        }
        let problem = format!("must be {least} to {most} characters, none of them a control character");
        Err(TermsError { field: "password", problem })
    }

    /// Permissions in their order, each once.
    ///
    /// # Errors
    ///
    /// They are none, or too many.
    pub fn check_permissions(mut permissions: Vec<Permission>) -> Result<Vec<Permission>, TermsError> {
        permissions.sort();
        permissions.dedup();
        if (1..=Self::MAX_PERMISSIONS).contains(&permissions.len()) {
            return Ok(permissions);
        }
        let problem = format!("must be between 1 and {} permissions", Self::MAX_PERMISSIONS);
        Err(TermsError { field: "permissions", problem })
    }

    /// Whether it keeps the box from being nobody's.
    pub fn administers(&self) -> bool {
        !self.disabled && Permission::any_allows(&self.permissions, &Permission::Admin)
    }
}

/// What proves to the admin pages that somebody may make the first account: it is in the daemon's log. A few wrong ones
/// and it is another.
#[derive(Debug)]
pub struct SetupCode {
    code: RecoveryCode,
    tries: u8,
}

impl SetupCode {
    /// Wrong ones that a code bears.
    pub const TRIES: u8 = 5;

    /// The code of a random number.
    pub fn from_number(number: u64) -> Self {
        Self { code: RecoveryCode::from_number(number), tries: Self::TRIES }
    }

    /// As it is shown and typed.
    pub const fn code(&self) -> RecoveryCode {
        self.code
    }

    /// Whether it is this one; a wrong one costs a try.
    pub fn is(&mut self, typed: &str) -> bool {
        let right = self.tries > 0 && RecoveryCode::parse(typed) == Some(self.code);
        if !right {
            self.tries = self.tries.saturating_sub(1);
        }
        right
    }

    /// Whether it is worth nothing any more.
    pub const fn is_spent(&self) -> bool {
        self.tries == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_bears_five_wrong_ones() {
        let mut code = SetupCode::from_number(4711);
        let right = code.code().to_string();
        assert!(code.is(&right) && code.is(&right.to_lowercase().replace('-', " ")));
        for _ in 0..SetupCode::TRIES {
            assert!(!code.is_spent() && !code.is("2222-2223"));
        }
        assert!(code.is_spent() && !code.is(&right), "not even the right one");
    }

    #[test]
    fn passwords_and_permissions_are_bounded() {
        let long = "x".repeat(201);
        for wrong in ["", "1234567", "12345\n78", &long] {
            assert_eq!(Admin::check_password(wrong).map_err(|error| error.field), Err("password"));
        }
        assert!(Admin::check_password("päßwörd8").is_ok());
        assert!(Admin::check_permissions(Vec::new()).is_err());
        let twice = vec![Permission::Admin, Permission::ViewSession, Permission::Admin];
        assert_eq!(
            Admin::check_permissions(twice).unwrap(),
            [Permission::ViewSession, Permission::Admin],
            "in their order, each once"
        );
    }
}

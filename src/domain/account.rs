use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{
    BoxFuture, ClientSession, DeviceId, Phrase, PlanName, ProviderError, SessionId, TermsError, Text,
    WallTime,
};

/// The name of an account: 1 to 64 letters, digits, `.`, `_`, `-`, `@` and `+`; lower case, whatever is typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

impl AccountName {
    /// The longest, in characters.
    pub const MAX_CHARS: usize = 64;

    /// Reads a name. Blanks around it and capitals are what a phone's keyboard makes of it.
    ///
    /// # Errors
    ///
    /// It is empty, too long, or has other characters.
    pub fn parse(typed: &str) -> Result<Self, TermsError> {
        let name = typed.trim().to_ascii_lowercase();
        let fits =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+');
        if (1..=Self::MAX_CHARS).contains(&name.len()) && name.bytes().all(fits) {
            Ok(Self(name))
        } else {
            let problem = format!("must be 1 to {} letters, digits, and . _ - @ +", Self::MAX_CHARS);
            Err(TermsError { field: "name", problem })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a password is checked against: an Argon2id hash as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what was computed or read back.
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }

    /// The PHC string, for the store and for checking.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    /// It does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What happens when one more device than may be logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OneMore {
    /// It is refused.
    #[default]
    Refuse,
    /// The device that was not used for the longest time is logged out, and what it had left goes on here.
    TakeOver,
}

impl OneMore {
    /// The name in API, CLI and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::TakeOver => "take_over",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Refuse, Self::TakeOver].into_iter().find(|one| one.as_str() == name)
    }
}

/// Somebody who logs in.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its number, which is never given again.
    pub id: i64,
    /// What is typed in.
    pub name: AccountName,
    /// What the password is checked against.
    pub password: PasswordHash,
    /// Who it is.
    pub full_name: Option<Text>,
    /// The operator's own.
    pub note: Option<Text>,
    /// What it is given, the first first.
    pub plans: Vec<AccountPlan>,
    /// How many devices may be logged in at the same time.
    pub max_devices: u32,
    /// What happens to one more.
    pub one_more: OneMore,
    /// Shut out by an operator.
    pub disabled: bool,
    /// From then on it is over.
    pub expires_at: Option<WallTime>,
    /// Roles of its sessions, besides those of the plan.
    pub roles: BTreeSet<String>,
    /// User-defined properties of its sessions, over those of the plan.
    pub properties: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: WallTime,
}

/// A plan that an account was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPlan {
    /// Its number, which is never given again: what does not repeat is granted once for each.
    pub id: i64,
    /// The plan, by name.
    pub plan: PlanName,
    /// When it was given; from then on it counts.
    pub attached_at: WallTime,
}

/// Why nobody can be logged in as an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountOff {
    /// An operator has disabled it.
    Disabled,
    /// Its time is over.
    Expired,
}

impl AccountOff {
    /// What the guest reads.
    pub const fn text(self) -> Phrase {
        match self {
            Self::Disabled => Phrase::AccountDisabled,
            Self::Expired => Phrase::AccountExpired,
        }
    }
}

impl Account {
    /// The most accounts.
    pub const MAX_COUNT: i64 = 100_000;
    /// The most plans of one.
    pub const MAX_PLANS: usize = 32;
    /// The most devices of one at the same time.
    pub const MAX_DEVICES: u32 = 1_000;
    /// The shortest password, in characters. What is guessed is limited where it is typed.
    pub const MIN_PASSWORD_CHARS: usize = 4;
    /// The longest password, in characters.
    pub const MAX_PASSWORD_CHARS: usize = 200;

    /// Whether somebody can be logged in as it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn standing(&self, at: WallTime) -> Result<(), AccountOff> {
        standing(self.disabled, self.expires_at, at)
    }

    /// Whether this can be a password.
    ///
    /// # Errors
    ///
    /// It is too short or too long.
    pub fn check_password(password: &str) -> Result<(), TermsError> {
        let (least, most) = (Self::MIN_PASSWORD_CHARS, Self::MAX_PASSWORD_CHARS);
        if (least..=most).contains(&password.chars().count()) && !password.contains(char::is_control) {
            return Ok(());
        }
        let problem = format!("must be {least} to {most} characters, none of them a control character");
        Err(TermsError { field: "password", problem })
    }
}

/// Whether somebody can be logged in as an account with these fields.
///
/// # Errors
///
/// Why not.
pub fn standing(disabled: bool, expires_at: Option<WallTime>, at: WallTime) -> Result<(), AccountOff> {
    if disabled {
        Err(AccountOff::Disabled)
    } else if expires_at.is_some_and(|expires| at >= expires) {
        Err(AccountOff::Expired)
    } else {
        Ok(())
    }
}

/// A device that is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountDevice {
    /// Which.
    pub device: DeviceId,
    /// Since when.
    pub bound_at: WallTime,
    /// When it was last given a session.
    pub used_at: WallTime,
}

/// What must hold of an account for a session of its to be made; checked, and done, in the session's transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountGuard {
    /// The account is there and can be used.
    pub account: i64,
    /// On this device.
    pub device: DeviceId,
    /// When, as far as the clock can be believed.
    pub at: WallTime,
    /// How the device comes to it.
    pub entry: Entry,
}

/// How a device comes to an account's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It is logged in.
    Bound,
    /// It logs in by this, if there is a place for it.
    LogIn {
        /// The device whose place it takes, which is logged out by this.
        instead_of: Option<DeviceId>,
    },
}

/// One time that a plan was granted: the session that carries it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Helping {
    /// Which session.
    pub session: SessionId,
    /// Whether its device was logged out, so that what is left waits for the next log-in.
    pub parked: bool,
    /// The session as it is stored; `None` if it was deleted.
    pub row: Option<ClientSession>,
}

/// Where a provider looks up what was granted.
pub trait GrantBook: Send + Sync {
    /// The times that a plan was granted to a subject in the period that began then.
    fn helpings<'a>(
        &'a self,
        subject: &'a str,
        plan: &'a str,
        period: WallTime,
    ) -> BoxFuture<'a, Result<Vec<Helping>, ProviderError>>;
}

/// Where accounts are looked up.
pub trait AccountBook: GrantBook {
    /// Whether there are any: nobody is shown a form that is of no use.
    fn any_account(&self) -> bool;

    /// The account of that name.
    fn find_account<'a>(
        &'a self,
        name: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Account>, ProviderError>>;

    /// The account that a device is logged in as.
    fn account_of(&self, device: DeviceId) -> BoxFuture<'_, Result<Option<Account>, ProviderError>>;

    /// Where an account is logged in, the longest unused first.
    fn account_devices(&self, account: i64) -> BoxFuture<'_, Result<Vec<AccountDevice>, ProviderError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_however_it_is_typed() {
        for (typed, name) in
            [("Ana", "ana"), (" ana@Example.org ", "ana@example.org"), ("a.b_c-1+x", "a.b_c-1+x")]
        {
            assert_eq!(AccountName::parse(typed).unwrap().as_str(), name);
        }
        let long = "a".repeat(65);
        for typed in ["", "  ", "a b", "a/b", "é", "<b>", "a'--", "a\0", "a\u{202e}b", "a%", &long] {
            assert_eq!(AccountName::parse(typed).map_err(|error| error.field), Err("name"), "{typed:?}");
        }
    }

    #[test]
    fn a_password_is_bounded_and_never_shown() {
        for fine in ["1234", "pass word", "pässword", &"x".repeat(200)] {
            assert!(Account::check_password(fine).is_ok(), "{fine:?}");
        }
        for wrong in ["", "123", "abc\0d", "abc\nd", &"x".repeat(201)] {
            assert_eq!(Account::check_password(wrong).map_err(|error| error.field), Err("password"));
        }
        assert!(!format!("{:?}", PasswordHash::new("$argon2id$secret".to_owned())).contains("secret"));
    }

    #[test]
    fn an_account_is_off_when_it_is_disabled_or_over() {
        let until = Some(WallTime(10));
        assert_eq!(standing(false, until, WallTime(9)), Ok(()));
        assert_eq!(standing(false, until, WallTime(10)), Err(AccountOff::Expired));
        assert_eq!(standing(true, None, WallTime(0)), Err(AccountOff::Disabled));
    }
}

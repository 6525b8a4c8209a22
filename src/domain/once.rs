use std::fmt;
use std::str::FromStr;

use super::{Actor, BootId, DeviceId, HookId, Now, SessionId, Tag};

/// A request that is carried out at most once, however often it is sent: it names itself by a key of its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Whose key it is: callers do not meet each other's.
    pub caller: String,
    /// The key, as the caller chose it.
    pub key: String,
    /// SHA-256 of what was asked: another request under the same key is refused.
    pub fingerprint: [u8; 32],
    /// The boot in which it was asked; with `at.boot` its age is known whatever the wall clock does.
    pub boot_id: BootId,
    /// When it was asked.
    pub at: Now,
}

impl Once {
    /// The longest key, in characters.
    pub const MAX_KEY_CHARS: usize = 255;
    /// Keys are remembered for so long, unless there are too many of them: a day.
    pub const KEPT_MS: u64 = 86_400_000;
}

/// A request that was carried out, as the store remembers it from the transaction on that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneOnce {
    /// The request.
    pub once: Once,
    /// What it made or changed.
    pub subject: OnceSubject,
    /// Whether it made it.
    pub made: bool,
}

/// What a request made or changed: where its answer is found again if that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnceSubject {
    /// Nothing that could be shown.
    Nothing,
    /// A session.
    Session(SessionId),
    /// A device.
    Device(DeviceId),
    /// A batch of vouchers, by its number.
    Batch(i64),
    /// A token, by its number.
    Token(i64),
    /// A plan, by its number.
    Plan(i64),
    /// A voucher that was sold, by its number.
    Voucher(i64),
    /// A line of the till.
    Sale(uuid::Uuid),
    /// A webhook.
    Hook(HookId),
    /// An account, by its number.
    Account(i64),
    /// An admin account, by its number.
    Admin(i64),
}

impl fmt::Display for OnceSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Session(id) => write!(f, "session {id}"),
            Self::Device(id) => write!(f, "device {id}"),
            Self::Batch(id) => write!(f, "batch {id}"),
            Self::Token(id) => write!(f, "token {id}"),
            Self::Plan(id) => write!(f, "plan {id}"),
            Self::Voucher(id) => write!(f, "voucher {id}"),
            Self::Sale(id) => write!(f, "sale {id}"),
            Self::Hook(id) => write!(f, "hook {id}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Admin(id) => write!(f, "admin {id}"),
        }
    }
}

/// A text that names no [`OnceSubject`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing is called so")]
pub struct OnceSubjectError;

impl FromStr for OnceSubject {
    type Err = OnceSubjectError;

    fn from_str(text: &str) -> Result<Self, OnceSubjectError> {
        let (kind, id) = text.split_once(' ').unwrap_or((text, ""));
        let found = match kind {
            "nothing" if id.is_empty() => Some(Self::Nothing),
            "session" => id.parse().ok().map(Self::Session),
            "device" => id.parse().ok().map(Self::Device),
            "batch" => id.parse().ok().map(Self::Batch),
            "token" => id.parse().ok().map(Self::Token),
            "plan" => id.parse().ok().map(Self::Plan),
            "voucher" => id.parse().ok().map(Self::Voucher),
            "sale" => id.parse().ok().map(Self::Sale),
            "hook" => id.parse().ok().map(Self::Hook),
            "account" => id.parse().ok().map(Self::Account),
            "admin" => id.parse().ok().map(Self::Admin),
            _ => None,
        };
        found.ok_or(OnceSubjectError)
    }
}

/// What must hold for a command to be carried out, decided together with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proviso {
    /// It was not carried out before.
    pub once: Option<Once>,
    /// What it is about still bears one of these tags; `None` if it may have changed.
    pub expected: Option<Vec<Tag>>,
    /// Who asks: the audit log gets a line in the same transaction.
    pub by: Option<Actor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_back_as_written() {
        let id = uuid::Uuid::now_v7();
        for subject in [
            OnceSubject::Nothing,
            OnceSubject::Session(SessionId::new(id)),
            OnceSubject::Device(DeviceId::new(id)),
            OnceSubject::Batch(7),
            OnceSubject::Token(-1),
            OnceSubject::Plan(3),
            OnceSubject::Voucher(4),
            OnceSubject::Sale(id),
            OnceSubject::Hook(HookId::new(id)),
            OnceSubject::Account(9),
            OnceSubject::Admin(1),
        ] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        for wrong in ["", "nothing 1", "session", "session 1", "batch x", "sale 1"] {
            assert_eq!(wrong.parse::<OnceSubject>(), Err(OnceSubjectError), "{wrong:?}");
        }
    }
}

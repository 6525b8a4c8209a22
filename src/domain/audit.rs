use std::collections::BTreeMap;

use super::{Text, WallTime};

/// Who asks for a change, and what they call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// A token or account by name, or root on the socket.
    pub name: Text,
    /// From where: an address, or the socket.
    pub origin: Text,
    /// What is done, by a stable name such as `session.close`.
    pub action: &'static str,
    /// The rest, for people; never a secret.
    pub details: Text,
}

/// A line of the audit log that belongs to a transition: written in its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: WallTime,
    /// Who and what.
    pub actor: Actor,
    /// To whom or what: an id; `None` for many.
    pub subject: Option<String>,
    /// The fields that changed, as they were; `None` if there was no such thing.
    pub before: Option<AuditFields>,
    /// The same fields, as they are; `None` if there is no such thing any more.
    pub after: Option<AuditFields>,
}

/// Fields by their API names.
pub type AuditFields = BTreeMap<String, String>;

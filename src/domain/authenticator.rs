use super::sessions_mgr::RolePatch;
use super::{BoxFuture, ClientDevice, ClientSession, PropertyPatch, ProviderError, Text};

/// What an authenticator is asked about.
#[derive(Debug, Clone)]
pub struct AuthRequest {
    /// Why it is asked.
    pub occasion: Occasion,
    /// Whose session it is.
    pub device: ClientDevice,
    /// The session as it would be: with the properties, roles and principal that are proposed.
    pub session: ClientSession,
    /// The principal before, at a change of it.
    pub previous: Option<String>,
}

/// Why an authenticator is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// A device is to be let through on a session.
    Connect,
    /// Somebody signs in: a session is to be made.
    LogIn,
    /// A session's principal is to change.
    Principal,
}

impl Occasion {
    /// The name in the plugin protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::LogIn => "log_in",
            Self::Principal => "principal",
        }
    }
}

/// What an authenticator says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Yes, with these changes.
    Allow(Allowed),
    /// No, with a text for the guest.
    Deny(Text),
    /// Nothing: the others decide.
    Abstain,
}

/// What an authenticator changes of a session that it allows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Allowed {
    /// Roles.
    pub roles: RolePatch,
    /// User-defined properties.
    pub properties: PropertyPatch,
}

/// Somebody who may say no.
///
/// It is asked outside the owner's task, with a deadline; it may hang, lie or panic without holding up anyone else.
pub trait Authenticator: Send + Sync {
    /// The name it registers under.
    fn name(&self) -> &str;

    /// Its word on one request.
    fn authenticate<'a>(&'a self, request: &'a AuthRequest) -> BoxFuture<'a, Result<Verdict, ProviderError>>;
}

impl Allowed {
    /// Adds what a later authenticator changes; where both speak of the same, the later one holds.
    pub fn take(&mut self, later: Self) {
        self.roles.add.retain(|role| !later.roles.remove.contains(role));
        self.roles.remove.retain(|role| !later.roles.add.contains(role));
        self.roles.add.extend(later.roles.add);
        self.roles.remove.extend(later.roles.remove);
        self.properties.take(later.properties);
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{
    AtEnd, ClientDevice, FormButton, FormHint, FormValues, Guard, ProviderFace, ProviderName, Sale,
    SessionId, SessionTerms, Submitted, Usage, WallTime,
};

/// A future that a provider hands out.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A provider or source that could not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError(pub String);

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProviderError {}

/// Where sessions come from.
///
/// It is asked outside the owner's task, with a deadline; it may hang, lie or panic without holding up anyone else.
pub trait SessionProvider: Send + Sync {
    /// The name it registers under.
    fn name(&self) -> &ProviderName;

    /// A session that the device could use now without asking for it, if there is one.
    fn get_session<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        let _ = device;
        Box::pin(async { Ok(None) })
    }

    /// All sessions it has for the device, a page at a time (from 1).
    fn fetch_sessions<'a>(
        &'a self,
        device: &'a ClientDevice,
        page: u32,
        per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        let _ = (device, page, per_page);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// What it shows on the portal; `None` if nothing.
    fn face(&self) -> Option<Arc<ProviderFace>> {
        None
    }

    /// A button that it shows to this device, beside its face or instead of it; not where its hint failed.
    fn button<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<FormButton>, ProviderError>> {
        let _ = device;
        Box::pin(async { Ok(None) })
    }

    /// What it says to this device at its form, if it has something to say.
    fn hint<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<FormHint>, ProviderError>> {
        let _ = device;
        Box::pin(async { Ok(None) })
    }

    /// A guest has sent its form: the fields of its face, checked as they say; or `action` alone, from the buttons of
    /// [`super::Waiting`].
    fn submit<'a>(
        &'a self,
        device: &'a ClientDevice,
        values: &'a FormValues,
    ) -> BoxFuture<'a, Result<Submitted, ProviderError>> {
        let _ = (device, values);
        Box::pin(async { Err(ProviderError("takes no forms".to_owned())) })
    }

    /// The source it once handed out under this reference: asked after a restart, to save usage and to reload.
    fn source<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        let _ = reference;
        Box::pin(async { Ok(None) })
    }
}

/// The place where one session lives: what it grants, and where its usage goes back to.
pub trait SessionSource: Send + Sync {
    /// What it grants, as last known.
    fn data(&self) -> SourceData;

    /// Takes the totals. At least once, in order of `seq`, also across a crash: a number seen before is to be ignored.
    fn save<'a>(&'a self, usage: &'a SourceUsage) -> BoxFuture<'a, Result<(), ProviderError>>;

    /// Asks anew what it grants. Limits may change; usage is never lowered by it.
    fn reload(&self) -> BoxFuture<'_, Result<SourceData, ProviderError>>;
}

/// What a source grants: all that is needed to make a session of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceData {
    /// The provider's own name for it, at most 200 characters, under which it takes usage back; `None` if the session
    /// lives here only.
    pub reference: Option<String>,
    /// What it grants.
    pub terms: SessionTerms,
    /// What is consumed already.
    pub usage: Usage,
    /// The plan.
    pub plan: Option<String>,
    /// The account behind it.
    pub principal: Option<String>,
    /// The code it was bought with, as printed.
    pub voucher: Option<String>,
    /// User-defined properties that are proposed with it.
    pub properties: BTreeMap<String, String>,
    /// Roles that are proposed with it.
    pub roles: BTreeSet<String>,
    /// When it ends whatever is left, if that is known before it starts.
    pub expires_at: Option<WallTime>,
    /// What happens when it is used up.
    pub at_end: AtEnd,
    /// What must hold in the store for the session to be made. Only from providers within the daemon.
    pub guards: Vec<Guard>,
    /// The sale that goes with it. Only from providers within the daemon.
    pub sale: Option<Box<Sale>>,
}

impl SourceData {
    /// Of these terms, with nothing beside them.
    pub const fn new(terms: SessionTerms) -> Self {
        Self {
            reference: None,
            terms,
            usage: Usage { time_ms: 0, sent_bytes: 0, received_bytes: 0 },
            plan: None,
            principal: None,
            voucher: None,
            properties: BTreeMap::new(),
            roles: BTreeSet::new(),
            expires_at: None,
            at_end: AtEnd::CutOff,
            guards: Vec::new(),
            sale: None,
        }
    }
}

/// A session's totals on their way back to its source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceUsage {
    /// The session.
    pub session: SessionId,
    /// The provider's own name for it.
    pub reference: String,
    /// Counts up per session.
    pub seq: u64,
    /// Totals, not differences.
    pub usage: Usage,
    /// Its state's name.
    pub state: &'static str,
}

/// A source of what is granted once and lives here from then on: nothing is given back to it.
#[derive(Debug, Clone)]
pub struct Granted(pub SourceData);

impl SessionSource for Granted {
    fn data(&self) -> SourceData {
        self.0.clone()
    }

    fn save<'a>(&'a self, _usage: &'a SourceUsage) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async { Ok(()) })
    }

    fn reload(&self) -> BoxFuture<'_, Result<SourceData, ProviderError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

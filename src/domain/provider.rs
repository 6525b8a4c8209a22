use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::{ClientDevice, ProviderName, SessionId, SessionTerms, Usage};

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

    /// A session that the device could use now, if there is one.
    fn get_session<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>>;

    /// All sessions it has for the device, a page at a time (from 1).
    fn fetch_sessions<'a>(
        &'a self,
        device: &'a ClientDevice,
        page: u32,
        per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>>;

    /// The source it once handed out under this reference: asked after a restart, to save usage and to reload.
    fn source<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>>;
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

/// What a source grants.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceData {
    /// The provider's own name for it, at most 200 characters.
    pub reference: String,
    /// What it grants.
    pub terms: SessionTerms,
    /// What is consumed already.
    pub usage: Usage,
    /// The plan.
    pub plan: Option<String>,
    /// The account behind it.
    pub principal: Option<String>,
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

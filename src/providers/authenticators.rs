use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::answer::within;
use crate::domain::{Allowed, AuthRequest, Authenticator, Phrase, ProviderError, Refusal, Text, Verdict};

/// What an authenticator that does not answer is taken to have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSilence {
    /// No: nobody comes in while it is away.
    #[default]
    Deny,
    /// Nothing: the others decide.
    Abstain,
}

/// How authenticators are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthPolicy {
    /// These are asked first, in this order, and must be there: one that is not has not answered. The others follow in
    /// the order in which they registered.
    pub order: Vec<String>,
    /// What silence means.
    pub on_silence: OnSilence,
    /// How long each has to answer.
    pub deadline: Duration,
}

impl Default for AuthPolicy {
    fn default() -> Self {
        Self { order: Vec::new(), on_silence: OnSilence::Deny, deadline: Duration::from_secs(5) }
    }
}

/// Those who may say no, in the order in which they are asked.
#[derive(Clone, Default)]
pub struct Authenticators {
    policy: Arc<AuthPolicy>,
    registered: Arc<RwLock<Vec<Arc<dyn Authenticator>>>>,
}

impl Authenticators {
    /// Nobody registered yet.
    pub fn new(policy: AuthPolicy) -> Self {
        Self { policy: Arc::new(policy), registered: Arc::default() }
    }

    /// Adds one behind the others; `false` if its name is taken.
    pub fn register(&self, authenticator: Arc<dyn Authenticator>) -> bool {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        if registered.iter().any(|known| known.name() == authenticator.name()) {
            return false;
        }
        registered.push(authenticator);
        true
    }

    /// Takes one out; whether it was there.
    pub fn unregister(&self, name: &str) -> bool {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        let before = registered.len();
        registered.retain(|known| known.name() != name);
        registered.len() < before
    }

    /// Whether anybody is to be asked.
    pub fn any(&self) -> bool {
        !self.policy.order.is_empty()
            || !self.registered.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Their names in the order in which they are asked, each with whether it is there.
    pub fn names(&self) -> Vec<(String, bool)> {
        self.in_order().into_iter().map(|(name, authenticator)| (name, authenticator.is_some())).collect()
    }

    fn in_order(&self) -> Vec<(String, Option<Arc<dyn Authenticator>>)> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        let named =
            self.policy.order.iter().map(|name| {
                (name.clone(), registered.iter().find(|known| known.name() == name).map(Arc::clone))
            });
        let others = registered
            .iter()
            .filter(|known| !self.policy.order.iter().any(|name| name == known.name()))
            .map(|known| (known.name().to_owned(), Some(Arc::clone(known))));
        named.chain(others).collect()
    }

    /// Asks each in turn. The first no is the answer; each sees what those before it have changed.
    ///
    /// # Errors
    ///
    /// [`Refusal::Denied`], with what the guest reads.
    pub async fn ask(&self, mut request: AuthRequest) -> Result<Allowed, Refusal> {
        let mut allowed = Allowed::default();
        for (name, authenticator) in self.in_order() {
            let verdict = match authenticator {
                Some(authenticator) => {
                    let asked = request.clone();
                    let question = async move { authenticator.authenticate(&asked).await };
                    within(self.policy.deadline, question).await
                }
                None => Err(ProviderError("is not connected".to_owned())),
            };
            match verdict {
                Ok(Verdict::Allow(changes)) => {
                    changes.properties.apply(&mut request.session.properties)?;
                    request.session.roles.extend(changes.roles.add.iter().cloned());
                    request.session.roles.retain(|role| !changes.roles.remove.contains(role));
                    allowed.take(changes);
                }
                Ok(Verdict::Abstain) => {}
                Ok(Verdict::Deny(text)) => return Err(Refusal::Denied(text)),
                Err(error) => {
                    tracing::warn!(authenticator = name, %error, "an authenticator did not answer");
                    if self.policy.on_silence == OnSilence::Deny {
                        return Err(Refusal::Denied(Text::ours(Phrase::SignInSilent)));
                    }
                }
            }
        }
        Ok(allowed)
    }
}

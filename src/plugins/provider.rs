use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::account::Account;
use super::link::{Link, Silence};
use super::rpc::{Fault, Fields, UNKNOWN_METHOD};
use super::{grant, shapes};
use crate::domain::{
    AuthRequest, Authenticator, BoxFuture, ClientDevice, FormValues, PlanBook, ProviderError, ProviderFace,
    ProviderName, SessionProvider, SessionSource, SessionTerms, SourceData, SourceUsage, Submitted, Verdict,
};

/// A session provider that is a plugin.
#[derive(Clone)]
pub(super) struct PluginProvider {
    name: ProviderName,
    face: Option<Arc<ProviderFace>>,
    link: Arc<Link>,
    account: Arc<Account>,
    plans: Arc<dyn PlanBook>,
    /// It has said that it never offers sessions by itself.
    offers_none: Arc<AtomicBool>,
}

impl PluginProvider {
    pub(super) fn new(
        name: ProviderName,
        face: Option<ProviderFace>,
        link: Arc<Link>,
        account: Arc<Account>,
        plans: Arc<dyn PlanBook>,
    ) -> Self {
        Self { name, face: face.map(Arc::new), link, account, plans, offers_none: Arc::default() }
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value, Silence> {
        self.account.ask(&self.link, method, &params).await
    }

    /// Whether what it answered can be used.
    fn usable<T>(&self, method: &str, read: Result<T, Fault>) -> Result<T, ProviderError> {
        match read {
            Ok(read) => {
                self.account.succeeded();
                Ok(read)
            }
            Err(fault) => Err(self.wrong(method, &fault)),
        }
    }

    /// What it answered cannot be used.
    fn wrong(&self, method: &str, fault: &Fault) -> ProviderError {
        let problem = format!("answered {method} with what cannot be: {}", fault.message);
        self.account.failed(&problem);
        ProviderError(problem)
    }

    /// Asks for sessions. `None` if it does not offer any by itself, or is left out.
    async fn offered(&self, method: &str, params: Value) -> Result<Option<Value>, ProviderError> {
        if self.offers_none.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.ask(method, params).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Silence::Fault(fault)) if fault.code == UNKNOWN_METHOD => {
                self.offers_none.store(true, Ordering::Relaxed);
                Ok(None)
            }
            // That it fails was said when it did.
            Err(Silence::LeftOut(_)) => Ok(None),
            Err(silence) => Err(silence.into()),
        }
    }

    async fn grant(&self, method: &str, value: Value) -> Result<SourceData, ProviderError> {
        let granted = match Fields::of(value) {
            Ok(fields) => grant::grant(fields, self.plans.as_ref()).await,
            Err(fault) => Err(fault),
        };
        self.usable(method, granted)
    }

    fn source_of(&self, reference: Option<String>, data: SourceData) -> Box<dyn SessionSource> {
        Box::new(PluginSource { provider: self.clone(), reference, data: Mutex::new(data) })
    }
}

impl SessionProvider for PluginProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async move {
            let method = "provider.get_session";
            let params = json!({ "provider": self.name.as_str(), "device": shapes::device(device) });
            match self.offered(method, params).await? {
                None => Ok(None),
                Some(Value::Null) => {
                    self.account.succeeded();
                    Ok(None)
                }
                Some(answer) => {
                    let data = self.grant(method, answer).await?;
                    Ok(Some(self.source_of(data.reference.clone(), data)))
                }
            }
        })
    }

    fn fetch_sessions<'a>(
        &'a self,
        device: &'a ClientDevice,
        page: u32,
        per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        Box::pin(async move {
            let method = "provider.fetch_sessions";
            let device = shapes::device(device);
            let name = self.name.as_str();
            let params = json!({ "provider": name, "device": device, "page": page, "per_page": per_page });
            let most = usize::try_from(per_page).unwrap_or(usize::MAX);
            let granted = match self.offered(method, params).await? {
                None => return Ok(Vec::new()),
                Some(Value::Array(granted)) if granted.len() <= most => granted,
                Some(_) => {
                    let text = format!("a list of at most {per_page} grants was expected");
                    return Err(self.wrong(method, &Fault::invalid("result", text)));
                }
            };
            let mut sessions = Vec::new();
            for value in granted {
                sessions.push(self.grant(method, value).await?);
            }
            self.account.succeeded();
            Ok(sessions)
        })
    }

    fn face(&self) -> Option<Arc<ProviderFace>> {
        self.face.clone()
    }

    fn submit<'a>(
        &'a self,
        device: &'a ClientDevice,
        values: &'a FormValues,
    ) -> BoxFuture<'a, Result<Submitted, ProviderError>> {
        Box::pin(async move {
            let method = "portal.submit";
            let device = shapes::device(device);
            let params = json!({ "provider": self.name.as_str(), "device": device, "values": values });
            let answer = self.ask(method, params).await?;
            let read = grant::submitted(answer, self.plans.as_ref()).await;
            self.usable(method, read)
        })
    }

    fn source<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        // Whether the plugin knows it is found out when it is asked to save or reload.
        let unknown_yet = SourceData::new(SessionTerms::unlimited());
        Box::pin(async move { Ok(Some(self.source_of(Some(reference.to_owned()), unknown_yet))) })
    }
}

/// A session that lives with a plugin.
struct PluginSource {
    provider: PluginProvider,
    reference: Option<String>,
    data: Mutex<SourceData>,
}

impl SessionSource for PluginSource {
    fn data(&self) -> SourceData {
        self.data.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn save<'a>(&'a self, usage: &'a SourceUsage) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            let mut params = shapes::usage(usage);
            if let Some(params) = params.as_object_mut() {
                params.insert("provider".to_owned(), self.provider.name.as_str().into());
            }
            match self.provider.ask("source.save", params).await {
                Ok(_) => {
                    self.provider.account.succeeded();
                    Ok(())
                }
                // It does not want to know.
                Err(Silence::Fault(fault)) if fault.code == UNKNOWN_METHOD => Ok(()),
                Err(silence) => Err(silence.into()),
            }
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<SourceData, ProviderError>> {
        Box::pin(async move {
            let method = "source.reload";
            let params = json!({ "provider": self.provider.name.as_str(), "reference": self.reference });
            let answer = self.provider.ask(method, params).await?;
            let mut data = self.provider.grant(method, answer).await?;
            // What it is called does not change.
            data.reference.clone_from(&self.reference);
            self.data.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&data);
            Ok(data)
        })
    }
}

/// An authenticator that is a plugin.
pub(super) struct PluginAuthenticator {
    pub(super) name: String,
    pub(super) link: Arc<Link>,
    pub(super) account: Arc<Account>,
}

impl Authenticator for PluginAuthenticator {
    fn name(&self) -> &str {
        &self.name
    }

    fn authenticate<'a>(&'a self, request: &'a AuthRequest) -> BoxFuture<'a, Result<Verdict, ProviderError>> {
        Box::pin(async move {
            let properties: &BTreeMap<String, String> = &request.session.properties;
            let params = json!({
                "authenticator": self.name,
                "occasion": request.occasion.as_str(),
                "device": shapes::device(&request.device),
                "session": shapes::session(&request.session),
                "properties": properties,
                "previous": request.previous,
            });
            let answer = self.account.ask(&self.link, "authenticate", &params).await?;
            match grant::verdict(answer) {
                Ok(verdict) => {
                    self.account.succeeded();
                    Ok(verdict)
                }
                Err(fault) => {
                    let problem = format!("answered authenticate with what cannot be: {}", fault.message);
                    self.account.failed(&problem);
                    Err(ProviderError(problem))
                }
            }
        })
    }
}

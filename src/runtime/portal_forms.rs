use std::sync::{Arc, PoisonError};

use super::handle::{DeviceRef, Handle};
use super::notices::PortalNotice;
use crate::domain::sessions_mgr::{Command, NewSession};
use crate::domain::{
    Allowed, AuthRequest, Beside, ClientDevice, ClientSession, DeviceId, FormButton, FormValues, Occasion,
    Phrase, ProviderFace, ProviderName, Refusal, SessionId, SourceData, Submitted, Text, Waiting, ZoneName,
};

/// What became of a form.
#[derive(Debug, Clone, PartialEq)]
pub enum FormDone {
    /// The device is let through on this session.
    Connected(Box<ClientSession>),
    /// The provider has taken it; a text for the page.
    Taken(Option<Text>),
}

/// What providers show on the portal, and what guests fill in there.
impl Handle {
    /// What the providers of a zone show, in order.
    pub fn faces(&self, zone: &ZoneName) -> Vec<(ProviderName, Arc<ProviderFace>)> {
        self.shared.registry.faces(zone)
    }

    /// What the providers of its zone say to a device beside their forms.
    pub async fn beside(&self, device: &Arc<ClientDevice>) -> Beside {
        self.shared.registry.beside(device).await
    }

    /// The button that one of them shows to it.
    pub async fn button(&self, provider: &ProviderName, device: &Arc<ClientDevice>) -> Option<FormButton> {
        self.shared.registry.button(provider, device).await
    }

    /// Hands a guest's form to a provider; what it grants is made and connected. `values` are checked against its face
    /// here.
    ///
    /// # Errors
    ///
    /// [`Refusal::Form`] names the field; [`Refusal::Denied`] is an authenticator's no. If the session was made but the
    /// connect is refused, the session stays for later.
    pub async fn submit(
        &self,
        device: DeviceId,
        provider: &ProviderName,
        values: FormValues,
    ) -> Result<FormDone, Refusal> {
        let known = self.find_device(DeviceRef::Id(device)).await?;
        if known.blocked {
            return Err(Refusal::Blocked);
        }
        let unknown = || Refusal::UnknownProvider(provider.to_string());
        let face = self.shared.registry.provider(provider).and_then(|provider| provider.face());
        let face = face.ok_or_else(unknown)?;
        // The buttons of a wait post nothing else.
        if !values.contains_key("action")
            && let Some((field, text)) = face.complaint(&values)
        {
            return Err(Refusal::Form { field: Some(field), text });
        }
        let submitted = self.shared.registry.submit(provider, &known, values).await.ok_or_else(unknown)?;
        match submitted.map_err(|error| Refusal::Provider(error.0))? {
            Submitted::Grant(data) => match self.grant(device, provider, *data, Occasion::LogIn).await {
                Ok(_) => Ok(FormDone::Connected(Box::new(self.connect(device, None).await?))),
                // Of two clicks at once one makes the session; both are for it.
                Err(Refusal::GrantUsed) => {
                    let connected = self.connect(device, None).await.map_err(|_| Refusal::GrantUsed)?;
                    Ok(FormDone::Connected(Box::new(connected)))
                }
                Err(refusal) => Err(refusal),
            },
            Submitted::LogIn(log_in) => {
                Ok(FormDone::Connected(Box::new(self.log_in(device, provider, *log_in).await?)))
            }
            Submitted::LogOut { principal } => {
                self.log_out(device, provider, principal).await?;
                Ok(FormDone::Taken(Some(Text::ours(Phrase::AccountOut))))
            }
            Submitted::Connect => Ok(FormDone::Connected(Box::new(self.connect(device, None).await?))),
            Submitted::Done(text) => Ok(FormDone::Taken(text)),
            Submitted::Refused { field, text } => Err(Refusal::Form { field, text }),
        }
    }

    /// Makes a session for a device of what a provider grants, durable when this returns. Authenticators are asked first.
    ///
    /// # Errors
    ///
    /// A guard of the grant that does not hold, or an authenticator's no: nothing has changed then.
    pub async fn grant(
        &self,
        device: DeviceId,
        provider: &ProviderName,
        mut data: SourceData,
        occasion: Occasion,
    ) -> Result<ClientSession, Refusal> {
        let id = SessionId::new(uuid::Uuid::now_v7());
        let new = |data| NewSession { id, device, provider: provider.clone(), data };
        let asked = new(data.clone()).session(self.now().wall);
        let allowed = self.authenticate(asked, occasion, None).await?;
        allowed.properties.apply(&mut data.properties)?;
        data.roles.extend(allowed.roles.add);
        data.roles.retain(|role| !allowed.roles.remove.contains(role));
        self.for_session(Command::CreateSession(Box::new(new(data)))).await
    }

    /// Asks the authenticators about a session as it would be.
    pub(super) async fn authenticate(
        &self,
        session: ClientSession,
        occasion: Occasion,
        previous: Option<String>,
    ) -> Result<Allowed, Refusal> {
        let authenticators = self.shared.registry.authenticators();
        if !authenticators.any() {
            return Ok(Allowed::default());
        }
        let device = self.find_device(DeviceRef::Id(session.device)).await?;
        authenticators.ask(AuthRequest { occasion, device, session, previous }).await
    }

    /// What a device's page shows while a provider waits for something outside the page; `None` ends it. In memory: after
    /// a restart nobody waits.
    pub fn set_waiting(&self, device: DeviceId, provider: &ProviderName, waiting: Option<Waiting>) {
        let mut all = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting {
            Some(waiting) => {
                all.insert(device, (provider.clone(), waiting));
            }
            // Another provider's is none of this one's business.
            None if all.get(&device).is_some_and(|(of, _)| of == provider) => {
                all.remove(&device);
            }
            None => return,
        }
        drop(all);
        // Nobody may be looking.
        self.shared.notices.send(device, PortalNotice { text: None });
    }

    /// What a provider waits for on behalf of a device.
    pub fn waiting(&self, device: DeviceId) -> Option<(ProviderName, Waiting)> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&device).cloned()
    }

    /// Whether a provider waits for somebody for so long only, as for whoever puts coins into a slot.
    pub fn is_awaited(&self) -> bool {
        let now = self.now().boot;
        let all = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().any(|(_, waiting)| waiting.until.is_some_and(|until| until > now))
    }

    /// Ends all waits of a provider that has gone.
    pub fn end_waits(&self, provider: &ProviderName) {
        let mut all = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<DeviceId> =
            all.iter().filter(|(_, (of, _))| of == provider).map(|(device, _)| *device).collect();
        all.retain(|_, (of, _)| of != provider);
        drop(all);
        for device in gone {
            self.shared.notices.send(device, PortalNotice { text: None });
        }
    }

    /// Moves what a device has left to another one: the same phone under another MAC. The first is cut off at once.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] if nothing is left to be moved; that it is the same phone is known all the same: what it
    /// has had in this period it has had under the new MAC too.
    pub async fn move_sessions(
        &self,
        from: DeviceId,
        to: DeviceId,
    ) -> Result<crate::domain::ClientDevice, Refusal> {
        let sessions = self.ask(move |mgr, _| mgr.device(from).map(|_| mgr.movable_sessions(from))).await??;
        let fresh = sessions.iter().map(|_| SessionId::new(uuid::Uuid::now_v7())).collect();
        let moved = self.for_device(Command::MoveSessions { from, to, fresh }).await;
        if moved.is_ok() {
            self.shared.end_wait(from);
        }
        if moved == Err(Refusal::NoSession) {
            // The same phone has had what it had, and is logged in where it was, also with nothing left.
            let followed = self.shared.store.follow_device(from, to).await;
            followed.map_err(Refusal::from)?;
        }
        moved
    }
}

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::domain::{
    BoxFuture, ClientDevice, ClientSession, ClientType, DeviceId, Policies, Refusal, Text, WebUrl, ZoneName,
    preferred_language,
};
use crate::http::PeerMac;
use crate::runtime::{Handle, Visit};
use crate::store::{Direction, SessionQuery, SortKey, Store};

use super::dress::Dress;
use super::inbox::{Inbox, NoInbox};
use super::offered::{Look, Offered};
use super::own::SecureName;
use super::reckoning::Reckoning;
use super::rendered::Rendered;
use super::streams::Streams;
use super::themes::ZoneTheme;
use super::uplink::Uplink;
use super::view::{EndNotice, Standing};
use super::wish::{Chosen, Wish};

/// How long it is known who is at the other end of a connection before the kernel is asked again.
const HOLDER_KNOWN: Duration = Duration::from_secs(1);

/// What one zone's portal needs.
#[derive(Clone)]
pub struct PortalState {
    /// The sessions manager.
    pub handle: Handle,
    /// Whose portal this is.
    pub zone: ZoneName,
    /// What every page wears: name, logo, colours, texts.
    pub theme: ZoneTheme,
    /// Where the page of a device that has nothing left finds what it had.
    pub history: Arc<dyn History>,
    /// What operators left for the device.
    pub inbox: Arc<dyn Inbox>,
    /// The live streams that are open; one table for all zones.
    pub streams: Streams,
    /// What the portal is called, and where it is over TLS, while devices believe it.
    pub secure: Option<SecureName>,
    /// What devices are told to be about the place.
    pub venue: Option<Arc<str>>,
    /// What the providers have for devices that hold nothing.
    pub(super) offered: Offered,
    /// Whether this box itself reaches the Internet.
    pub uplink: Uplink,
    /// When an open page says that a session is about to end.
    pub end_notice: EndNotice,
    /// The languages that guests have chosen.
    pub(super) chosen: Chosen,
    /// Pages that many devices get alike.
    pub(super) rendered: Rendered,
}

/// Sessions that have ended, from the store.
pub trait History: Send + Sync {
    /// The one of this device that ended last. `Err` with a text for the log.
    fn last_ended(&self, device: DeviceId) -> BoxFuture<'_, Result<Option<ClientSession>, String>>;
}

struct NoHistory;

impl History for NoHistory {
    fn last_ended(&self, _device: DeviceId) -> BoxFuture<'_, Result<Option<ClientSession>, String>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl History for Store {
    fn last_ended(&self, device: DeviceId) -> BoxFuture<'_, Result<Option<ClientSession>, String>> {
        Box::pin(async move {
            let newest = SessionQuery {
                device: Some(device),
                sort: vec![(SortKey::EndedAt, Direction::Descending)],
                page: 1,
                per_page: 1,
                ..SessionQuery::default()
            };
            let (found, _) = self.page_sessions(&newest).await.map_err(|error| error.to_string())?;
            Ok(found.into_iter().find(|session| !session.is_usable()))
        })
    }
}

impl PortalState {
    /// A portal of a zone without a theme that knows nothing of the past; the fields say more.
    pub fn new(handle: Handle, zone: ZoneName, gateway: Text) -> Self {
        Self {
            handle,
            zone,
            theme: ZoneTheme::from(gateway.as_str()),
            history: Arc::new(NoHistory),
            inbox: Arc::new(NoInbox),
            streams: Streams::default(),
            secure: None,
            venue: None,
            offered: Offered::default(),
            uplink: Uplink::default(),
            end_notice: EndNotice::default(),
            chosen: Chosen::default(),
            rendered: Rendered::default(),
        }
    }

    /// What a page that is made now wears.
    pub(super) fn dress(&self) -> Arc<Dress> {
        self.theme.now()
    }

    /// The same with a theme.
    #[must_use]
    pub fn with_theme(mut self, theme: ZoneTheme) -> Self {
        self.theme = theme;
        self
    }

    /// The same with the store, or whatever else knows what a device had.
    #[must_use]
    pub fn with_history(mut self, history: Arc<dyn History>) -> Self {
        self.history = history;
        self
    }

    /// The same with the messages that operators leave.
    #[must_use]
    pub fn with_inbox(mut self, inbox: Arc<dyn Inbox>) -> Self {
        self.inbox = inbox;
        self
    }

    /// The same with a name over TLS.
    #[must_use]
    pub fn with_secure(mut self, secure: Option<SecureName>) -> Self {
        self.secure = secure;
        self
    }

    /// The same with a page about the place.
    #[must_use]
    pub fn with_venue(mut self, venue: Option<&WebUrl>) -> Self {
        self.venue = venue.map(|url| url.as_str().into());
        self
    }

    /// The same with what says whether this box reaches the Internet.
    #[must_use]
    pub fn with_uplink(mut self, uplink: Uplink) -> Self {
        self.uplink = uplink;
        self
    }

    /// The same with a notice on open pages before a session ends.
    #[must_use]
    pub fn with_end_notice(mut self, notice: EndNotice) -> Self {
        self.end_notice = notice;
        self
    }

    /// The same with streams counted together with other zones' portals.
    #[must_use]
    pub fn with_streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// The device that speaks from this address.
    pub(super) async fn visitor(&self, address: IpAddr) -> Result<Arc<ClientDevice>, Refusal> {
        self.handle.visitor(self.zone.clone(), address).await
    }

    /// The same with what it can connect on.
    pub(super) async fn visit(&self, address: IpAddr, peer: &PeerMac) -> Result<Visit, Refusal> {
        let told = peer.get(HOLDER_KNOWN);
        let visit = self.handle.visit(self.zone.clone(), address, told).await?;
        if let Some(holder) = visit.holder {
            peer.put(holder);
        }
        Ok(visit)
    }

    /// Notes what a guest's browser says of itself. For operators only: that it could not be noted is no concern of the guest.
    pub(super) async fn note_browser(&self, device: &ClientDevice, wish: Wish, headers: &HeaderMap) {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let hostname = device.hostname.as_ref().map(Text::as_str);
        let kind = ClientType::guess(text(header::USER_AGENT), hostname);
        let accepted = || text(header::ACCEPT_LANGUAGE).and_then(preferred_language);
        let language = self.chosen_tag(wish, device).or_else(accepted);
        let is_news =
            kind.is_some() && kind != device.client_type || language.is_some() && language != device.language;
        if is_news && let Err(refusal) = self.handle.note_client(device.id, kind, language).await {
            tracing::debug!(device = %device.id, %refusal, "what a browser says could not be noted");
        }
    }

    /// Where a device stands now.
    pub(super) async fn standing(&self, visit: Visit, look: Look) -> Standing {
        let Visit { device, mut usable, policies, .. } = visit;
        let mut ended = None;
        if !usable.is_empty() {
            self.offered.forget(device.id);
        } else if !device.blocked {
            usable.extend(self.offered.look(&self.handle, &device, look).await);
        }
        if usable.is_empty() {
            // Only for the page's words: without it the guest still gets a page.
            ended = self.history.last_ended(device.id).await.unwrap_or_else(|error| {
                tracing::warn!(device = %device.id, error, "the last session could not be read");
                None
            });
        }
        Standing::of(&usable, ended.as_ref(), self.reckoning(&device, &policies))
    }

    /// By what is told how much a device's sessions are good for now.
    pub(super) fn reckoning<'v>(&self, device: &'v ClientDevice, policies: &'v Policies) -> Reckoning<'v> {
        Reckoning { device, policies, boot: self.handle.now().boot, wall: self.handle.believed() }
    }
}

//! Lists of sessions and devices, as every face shows them: what is not over is chosen in memory, what is over in the store,
//! and the two are joined by ids.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::handle::Handle;
use super::search::Search;
use crate::domain::{
    ClientDevice, ClientSession, DeviceId, DeviceStatus, DeviceView, Filter, Refusal, SessionId, SessionView,
};
use crate::store::{Direction, SessionQuery, SortKey};

/// Which sessions a list shows, of those that are not over and those that are.
#[derive(Debug, Clone, Default)]
pub struct SessionList {
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// In this state only, by its name.
    pub state: Option<&'static str>,
    /// Those that it selects.
    pub filter: Option<Filter>,
    /// Those in which this is found; see [`Search`].
    pub q: Option<String>,
    /// First by the first; what is equal in all is in the order of creation, newest first.
    pub sort: Vec<(SortKey, Direction)>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

/// Which devices a list shows.
#[derive(Debug, Clone, Default)]
pub struct DeviceList {
    /// Of this standing only.
    pub status: Option<DeviceStatus>,
    /// Those that it selects: it looks at the properties of the session that a device runs, or else would run; of a device
    /// without one, at those that say something of a device.
    pub filter: Option<Filter>,
    /// Those in which this is found; see [`Search`].
    pub q: Option<String>,
    /// First by the first; what is equal in all is newest first.
    pub sort: Vec<(DeviceKey, Direction)>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

/// A device in a list, with the session that it runs, or else would run.
#[derive(Debug, Clone)]
pub struct ListedDevice {
    /// The device.
    pub device: Arc<ClientDevice>,
    /// Its session.
    pub session: Option<Arc<ClientSession>>,
}

impl ListedDevice {
    /// Whether it is let through.
    pub fn is_connected(&self) -> bool {
        self.session.as_deref().is_some_and(ClientSession::is_running)
    }

    /// Its standing.
    pub fn status(&self) -> DeviceStatus {
        DeviceStatus::of(&self.device, self.is_connected())
    }
}

/// What a list of devices can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKey {
    /// The id: in the order of making.
    Id,
    /// What it is called: its alias, else its host name, else its MAC.
    Name,
    /// The MAC.
    Mac,
    /// The host name.
    Hostname,
    /// The alias.
    Alias,
    /// Its standing, by name.
    Status,
    /// The zone.
    Zone,
    /// When it was first known.
    FirstSeen,
    /// When it was last on the network.
    LastSeen,
}

/// A device that a list shows, with its name if that is what it is sorted by.
struct Found {
    listed: ListedDevice,
    name: String,
}

impl Found {
    fn new(listed: ListedDevice, is_by_name: bool) -> Self {
        let device = &listed.device;
        let name = match device.alias.as_ref().or(device.hostname.as_ref()) {
            _ if !is_by_name => String::new(),
            // As the store sorts sessions by it.
            Some(name) => name.as_str().to_ascii_lowercase(),
            None => device.mac.to_string(),
        };
        Self { listed, name }
    }
}

impl DeviceKey {
    /// Every key, with its name in the API.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Id, "id"),
        (Self::Name, "name"),
        (Self::Mac, "mac"),
        (Self::Hostname, "hostname"),
        (Self::Alias, "alias"),
        (Self::Status, "status"),
        (Self::Zone, "zone"),
        (Self::FirstSeen, "first_seen"),
        (Self::LastSeen, "last_seen"),
    ];

    /// The key of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(key, _)| *key)
    }

    fn compare(self, a: &Found, b: &Found) -> Ordering {
        let (one, other) = (&a.listed.device, &b.listed.device);
        match self {
            Self::Id => one.id.cmp(&other.id),
            Self::Name => a.name.cmp(&b.name),
            Self::Mac => one.mac.cmp(&other.mac),
            Self::Hostname => one.hostname.cmp(&other.hostname),
            Self::Alias => one.alias.cmp(&other.alias),
            Self::Status => a.listed.status().as_str().cmp(b.listed.status().as_str()),
            Self::Zone => one.zone.cmp(&other.zone),
            Self::FirstSeen => one.first_seen.cmp(&other.first_seen),
            Self::LastSeen => one.last_seen.cmp(&other.last_seen),
        }
    }
}

impl Handle {
    /// A page of sessions with their usage up to now, and how many there are in all.
    pub async fn list_sessions(&self, wanted: &SessionList) -> Result<(Vec<ClientSession>, u64), Refusal> {
        let search = Search::read(wanted.q.as_deref());
        // What state a session is in the store knows as soon as memory does. What flows, and addresses, it does not.
        let is_plain = wanted.filter.is_none() && search.is_none();
        let (live, q_devices) = if is_plain {
            (None, Vec::new())
        } else {
            (Some(self.select_sessions(wanted).await?), self.devices_at(search.as_ref()).await?)
        };
        let query = SessionQuery {
            device: wanted.device,
            gateway: self.policies().await?.gateway.clone(),
            filter: wanted.filter.clone(),
            live,
            q: wanted.q.clone().filter(|_| search.is_some()),
            q_devices,
            state: wanted.state.map(str::to_owned),
            sort: wanted.sort.clone(),
            page: wanted.page,
            per_page: wanted.per_page,
        };
        let page = self.shared.store.page_sessions(&query).await;
        let (sessions, total) = page.map_err(Refusal::from)?;
        Ok((self.freshen(sessions).await?, total))
    }

    /// Of the sessions that are not over, those that a list shows on all its pages; in the order of their ids, which is that
    /// of making.
    pub async fn select_sessions(&self, wanted: &SessionList) -> Result<Vec<SessionId>, Refusal> {
        let search = Search::read(wanted.q.as_deref());
        let now = self.snapshot().await?;
        let selects = |session: &ClientSession, device: &ClientDevice, view: &SessionView<'_>| {
            wanted.device.is_none_or(|id| id == device.id)
                && wanted.state.is_none_or(|state| session.state.as_str() == state)
                && search
                    .as_ref()
                    .is_none_or(|search| search.finds_session(session) || search.finds_device(device))
                && wanted.filter.as_ref().is_none_or(|filter| filter.matches(view))
        };
        let found = now.views().filter(|(session, device, view)| selects(session, device, view));
        let mut ids: Vec<SessionId> = found.map(|(session, ..)| session.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The devices whose addresses a text finds: the store knows none.
    async fn devices_at(&self, search: Option<&Search>) -> Result<Vec<DeviceId>, Refusal> {
        let Some(search) = search else { return Ok(Vec::new()) };
        let all = self.device_snapshot().await?;
        let found = all.devices.iter().filter(|(device, _)| search.finds_address(device));
        Ok(found.map(|(device, _)| device.id).collect())
    }

    /// A page of devices, and how many there are in all.
    pub async fn list_devices(&self, wanted: &DeviceList) -> Result<(Vec<ListedDevice>, u64), Refusal> {
        let search = Search::read(wanted.q.as_deref());
        let all = self.device_snapshot().await?;
        let is_by_name = wanted.sort.iter().any(|(key, _)| *key == DeviceKey::Name);
        let mut found: Vec<Found> = Vec::new();
        for (device, session) in all.devices {
            let listed = ListedDevice { device, session };
            let (device, session) = (&*listed.device, listed.session.as_deref());
            let found_by = |search: &Search| {
                search.finds_device(device)
                    || search.is(listed.status().as_str())
                    || session.is_some_and(|session| search.finds_session(session))
            };
            let selects =
                |filter: &Filter| filter.matches(&DeviceView::new(device, session, &all.policies, all.now));
            if wanted.status.is_none_or(|status| status == listed.status())
                && search.as_ref().is_none_or(found_by)
                && wanted.filter.as_ref().is_none_or(selects)
            {
                found.push(Found::new(listed, is_by_name));
            }
        }
        // What is equal in all that was asked for: the newest first.
        let newest = |a: &Found, b: &Found| {
            let (one, other) = (&a.listed.device, &b.listed.device);
            other.first_seen.cmp(&one.first_seen).then_with(|| other.id.cmp(&one.id))
        };
        found.sort_unstable_by(|a, b| {
            let asked = wanted.sort.iter().map(|(key, direction)| match direction {
                Direction::Ascending => key.compare(a, b),
                Direction::Descending => key.compare(b, a),
            });
            asked.fold(Ordering::Equal, Ordering::then).then_with(|| newest(a, b))
        });
        let total = found.len() as u64;
        let before = (wanted.page.max(1) as usize - 1).saturating_mul(wanted.per_page as usize);
        let page = found.into_iter().skip(before).take(wanted.per_page as usize);
        Ok((page.map(|found| found.listed).collect(), total))
    }

    /// These devices, by id; those that are not known are absent.
    pub async fn devices_by_id(
        &self,
        ids: Vec<DeviceId>,
    ) -> Result<HashMap<DeviceId, ClientDevice>, Refusal> {
        self.ask(move |mgr, _| {
            ids.into_iter().filter_map(|id| mgr.device(id).ok().map(|device| (id, device.clone()))).collect()
        })
        .await
    }
}

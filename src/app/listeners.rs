//! The doors of the daemon: opened all before anybody is served through one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use super::certificates::Certificates;
use super::doors::Doors;
use super::sign_ins::SignIns;
use super::told;
#[cfg(feature = "admin-pages")]
use crate::admin::{self, AdminState};
use crate::api::{self, ApiState, AuditLog};
#[cfg(feature = "admin-pages")]
use crate::clock::MachinePlace;
use crate::config::{AdminTls, Config, ZoneConfig};
use crate::domain::{Filter, ProviderName, VoucherCodes, ZoneName};
use crate::hooks::{ANSWER_WITHIN, Hooks};
use crate::http::{self, AuthorityError, Holders, HttpClient, Limits, Listener};
use crate::portal::{self, EndNotice, PortalState, SecureName, Streams, Themes, Uplink, ZoneTheme};
use crate::providers::voucher::VoucherVault;
use crate::runtime::Handle;
use crate::store::Store;
use crate::upkeep::Upkeep;

/// What the pages get of what outlives a start anew.
pub(super) struct About {
    pub(super) upkeep: Upkeep,
    #[cfg_attr(not(feature = "admin-pages"), expect(dead_code, reason = "nobody signs in"))]
    pub(super) sign_ins: SignIns,
}

/// What the faces speak to.
#[derive(Clone, Copy)]
pub(super) struct Behind<'a> {
    pub(super) config: &'a Config,
    pub(super) handle: &'a Handle,
    pub(super) store: &'a Store,
    pub(super) vault: &'a Arc<VoucherVault>,
    pub(super) certificates: &'a Certificates,
}

/// What serves.
pub(super) struct Served {
    pub(super) servers: JoinSet<()>,
    pub(super) audit: AuditLog,
    /// The guests' open pages.
    pub(super) streams: Streams,
}

/// Every door that is open, before anybody is served through it.
pub(super) struct Listeners {
    /// Each zone's, plain and over TLS.
    portals: Vec<(TcpListener, Option<TcpListener>)>,
    admin: TcpListener,
    control: UnixListener,
    /// What all portals say of the way to the Internet.
    pub(super) uplink: Uplink,
    /// How the portals look.
    pub(super) themes: Themes,
}

impl Listeners {
    /// Takes all of them, opening those that are not open yet.
    pub(super) fn open(config: &Config, doors: &Doors, control: UnixListener) -> anyhow::Result<Self> {
        let mut portals = Vec::new();
        for zone in &config.zones {
            let secure = zone.portal_tls.map(|address| doors.tcp(address)).transpose()?;
            portals.push((doors.tcp(zone.portal)?, secure));
        }
        let admin = doors.tcp(config.admin.listen)?;
        Ok(Self { portals, admin, control, uplink: Uplink::default(), themes: Themes::default() })
    }

    /// Serves every face of what stands behind it.
    pub(super) fn serve(
        self,
        behind: Behind<'_>,
        about: About,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<Served> {
        let Behind { config, handle, store, vault, certificates } = behind;
        let mut servers = JoinSet::new();
        let streams = Streams::default();
        for ((listener, secure), zone) in self.portals.into_iter().zip(&config.zones) {
            let theme = self.themes.of(&zone.name);
            let state = PortalState::new(handle.clone(), zone.name.clone(), config.gateway.name.clone())
                .with_theme(theme.unwrap_or_else(|| ZoneTheme::from(config.gateway.name.as_str())))
                .with_history(Arc::new(store.clone()))
                .with_inbox(Arc::new(store.clone()))
                .with_streams(streams.clone())
                .with_uplink(self.uplink.clone())
                .with_end_notice(EndNotice {
                    time_ms: zone.notice_secs.map(|secs| secs * 1_000),
                    data_bytes: zone.notice_bytes,
                })
                .with_secure(secure_name(config, zone, certificates))
                .with_venue(zone.venue_info_url.as_ref());
            let router = portal::router(state);
            let holders = holders(handle, &zone.name);
            if let (Some(listener), Some(identity)) = (secure, &certificates.portal) {
                let secure = Listener::Tls { listener, tls: identity.server()?, plain_too: false };
                let (router, holders) = (router.clone(), Arc::clone(&holders));
                servers.spawn(http::serve_devices(secure, router, guests(), holders, told(stopped)));
            }
            servers.spawn(http::serve_devices(listener, router, guests(), holders, told(stopped)));
        }
        let codes = Arc::clone(vault) as Arc<dyn VoucherCodes>;
        #[cfg(feature = "admin-pages")]
        let mut pages = pages(behind, Arc::clone(&codes), &about, &self.themes);
        let providers: Vec<ProviderName> =
            handle.registry().status().into_iter().map(|provider| provider.name).collect();
        let mut state = ApiState::new(handle.clone(), store.clone(), codes, &providers)
            .with_metrics(&config.metrics)
            .with_currency(config.site.currency)
            .with_coin_slots(&config.coin_slots)
            .with_certificates(certificates.shown())
            .with_upkeep(about.upkeep);
        if let Some(client) = http_client(config, handle) {
            let name = config.gateway.name.clone();
            let hooks = Hooks::new(handle.clone(), store.clone(), client, name, ANSWER_WITHIN);
            servers.spawn(hooks.clone().run(told(stopped)));
            #[cfg(feature = "admin-pages")]
            {
                pages = pages.with_hooks(hooks.clone());
            }
            state = state.with_hooks(hooks);
        }
        let faces = api::router(state.clone());
        #[cfg(feature = "admin-pages")]
        let faces = {
            let pages = pages.with_events(state.events.clone()).with_revoked(state.revoked());
            faces.merge(admin::router(pages))
        };
        let admin = match (&certificates.admin, config.admin.tls) {
            (Some(identity), mode) => Listener::Tls {
                listener: self.admin,
                tls: identity.server()?,
                plain_too: mode == AdminTls::Offered,
            },
            (None, AdminTls::Required) => {
                anyhow::bail!("[admin] tls is required, and there is no certificate")
            }
            (None, AdminTls::Offered | AdminTls::Off) => Listener::Tcp(self.admin),
        };
        servers.spawn(http::serve(admin, faces, programs(), told(stopped)));
        let audit = state.audit.clone();
        // A stream never ends by itself, and the stop would wait for it.
        let (events, stop) = (state.events.clone(), told(stopped));
        tokio::spawn(async move {
            stop.await;
            events.stop();
        });
        servers.spawn(http::serve(self.control, api::router(state), programs(), told(stopped)));
        Ok(Served { servers, audit, streams })
    }
}

/// The operators' pages, as far as they need no other face.
#[cfg(feature = "admin-pages")]
fn pages(behind: Behind<'_>, codes: Arc<dyn VoucherCodes>, about: &About, themes: &Themes) -> AdminState {
    let Behind { config, handle, store, .. } = behind;
    let (name, currency) = (config.gateway.name.clone(), config.site.currency);
    AdminState::new(handle.clone(), store.clone(), codes, Arc::new(MachinePlace), name, currency)
        .with_sign_ins(about.sign_ins.clone())
        .with_sign_in_times(config.admin.idle_sign_out_secs, config.admin.sign_out_secs)
        .with_upkeep(about.upkeep.clone())
        .with_zones(config.zones.clone(), themes.clone())
        .with_coin_slots(&config.coin_slots)
}

/// How long a request of programs or of operators may be waited for, where that is long.
fn patience(request: &Request<Body>) -> Option<Duration> {
    let of_api = api::patience(request);
    #[cfg(feature = "admin-pages")]
    let of_api = of_api.or_else(|| admin::patience(request.uri().path()));
    of_api
}

/// What a zone's portal is called over TLS. Not while its files cannot be used: nobody believes what is shown instead.
fn secure_name(config: &Config, zone: &ZoneConfig, certificates: &Certificates) -> Option<SecureName> {
    let identity = certificates.portal.clone()?;
    Some(SecureName::new(config.secure_portal(zone).ok()?, move || !identity.is_own()))
}

/// What speaks to others over HTTP. A file of authorities that cannot be used is no reason to let nobody through: `status`
/// warns of it, and what they vouch for is not believed.
fn http_client(config: &Config, handle: &Handle) -> Option<HttpClient> {
    let read = |path: &PathBuf| {
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| format!("{shown}: cannot be read: {error}"))?;
        HttpClient::trusting(Some(&pem)).map_err(|error: AuthorityError| format!("{shown}: {error}"))
    };
    let client = match config.hooks.ca_file.as_ref().map(read) {
        Some(Ok(client)) => return Some(client),
        Some(Err(problem)) => {
            warn!(problem, "[hooks] ca_file is not used");
            handle.warn("hooks", Some(format!("[hooks] ca_file is not used: {problem}")));
            HttpClient::new()
        }
        None => HttpClient::new(),
    };
    client.inspect_err(|error| warn!(%error, "webhooks are not told anything")).ok()
}

/// Who has an address in a zone.
fn holders(handle: &Handle, zone: &ZoneName) -> Holders {
    let (handle, zone) = (handle.clone(), zone.clone());
    Arc::new(move |address| {
        let (handle, zone) = (handle.clone(), zone.clone());
        Box::pin(async move { handle.holder(&zone, address).await })
    })
}

/// What guests may take: every page that is open keeps a connection, and as many again must load.
fn guests() -> Limits {
    Limits { connections: 2 * portal::MAX_IN_ALL, ..Limits::default() }
}

/// What programs may take: a thousand of them listen to events at once, and some wait for a lock.
fn programs() -> Limits {
    Limits {
        connections: 4096,
        per_address: 2048,
        // A filter stands in the address, and is long before it is too long.
        head_bytes: 2 * Filter::MAX_BYTES,
        patience,
        ..Limits::default()
    }
}

//! The HTTP API under `/api/v1`, served on `admin.listen` and on the control socket.
//!
//! Every handler names the permissions it needs by the type of its first argument ([`Allowed`]). Times are RFC 3339 in
//! UTC; sizes, speeds and durations carry their unit in their name.
//!
//! Two headers make a change depend on something; neither is ever needed:
//!
//! - `Idempotency-Key` on a POST or PATCH: carried out at most once, also across crashes. The same request again gets the
//!   first answer again, with `Idempotent-Replayed: true`; another request with the same key 422; the same one while the
//!   first is under way 409. Keys are 1 to 255 visible characters (else 400), a caller's own, and remembered for a day, the
//!   newest 100,000 of them. A refusal uses up no key. What made a token answers 409 again: the token is shown once.
//!   Locks take no notice of it: a device that holds a lock may ask for it again and is told so (200 instead of 201), and an
//!   answer that was kept would go on saying that a lock is held long after it was freed.
//! - `If-Match` with the `ETag` of a device, session or plan, on what changes it: 412 if it was changed since. A tag stands for
//!   what is decided (terms, state, names, block, zone, roles), not for usage. `*` is any. On a path below a device it is
//!   the device's tag. What has no `ETag` matches `*` only.

mod accounts;
mod admins;
mod again;
mod audit;
mod audit_list;
mod auth;
mod batches;
mod bulk;
mod credits;
mod device_list;
mod devices;
mod events;
mod filters;
mod hooks;
mod list;
mod locks;
mod messages;
mod metrics;
mod moving;
mod offers;
mod once;
mod openapi;
mod plans;
mod properties;
mod providers;
mod roles;
mod sales;
mod samples;
mod service;
mod session_list;
mod sessions;
mod shapes;
mod status;
mod terms;
mod tokens;
mod under;
mod voucher_shapes;
mod vouchers;

use std::sync::Arc;

use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use tokio::sync::broadcast;

use crate::config::{CoinSlotConfig, MetricConfig};
use crate::domain::coin::CoinSlot;
use crate::domain::{Currency, ProviderName, VoucherCodes};
use crate::events::EventHub;
use crate::hooks::Hooks;
use crate::http::finish_api;
use crate::runtime::Handle;
use crate::store::Store;
use crate::upkeep::Upkeep;

pub use audit::AuditLog;
pub use auth::{Allowed, Caller};

pub use locks::patience;
pub use openapi::document;
pub use status::ShownCertificate;

/// What the API works with.
#[derive(Clone)]
pub struct ApiState {
    /// The sessions manager.
    pub handle: Handle,
    /// For lists, vouchers, tokens.
    pub store: Store,
    /// For making and reading voucher codes.
    pub codes: Arc<dyn VoucherCodes>,
    /// Who did what.
    pub audit: AuditLog,
    /// Who listens to what happens to sessions.
    pub events: EventHub,
    /// The registered providers, in the order they are asked.
    pub providers: Arc<[ProviderName]>,
    /// Which requests with an `Idempotency-Key` are under way.
    once: once::UnderWay,
    /// Tokens that were revoked, as it happens: what they opened is closed.
    revoked: broadcast::Sender<i64>,
    /// The operator's own counts.
    metrics: Arc<[MetricConfig]>,
    /// What money is counted in.
    currency: Currency,
    /// What coins buy where.
    coin_slots: Arc<[CoinSlot]>,
    /// What tells webhooks; `None` where nothing does.
    hooks: Option<Hooks>,
    /// What our listeners show.
    certificates: Arc<[ShownCertificate]>,
    /// The daemon's knowledge of itself; `None` where no daemon is around it.
    upkeep: Option<Upkeep>,
}

impl ApiState {
    /// What the API works with; starts the writer of the audit log, so it must be called inside a runtime.
    pub fn new(
        handle: Handle,
        store: Store,
        codes: Arc<dyn VoucherCodes>,
        providers: &[ProviderName],
    ) -> Self {
        let audit = AuditLog::start(store.clone());
        let events = EventHub::start(handle.clone(), store.clone());
        let once = once::UnderWay::default();
        let revoked = broadcast::channel(64).0;
        let providers = providers.into();
        Self {
            handle,
            store,
            codes,
            audit,
            events,
            providers,
            once,
            revoked,
            metrics: Arc::default(),
            currency: Currency::default(),
            coin_slots: Arc::default(),
            hooks: None,
            certificates: Arc::default(),
            upkeep: None,
        }
    }

    /// With the currency that money is counted in.
    pub const fn with_currency(mut self, currency: Currency) -> Self {
        self.currency = currency;
        self
    }

    /// With counts of the operator's own in `/metrics`.
    pub fn with_metrics(mut self, metrics: &[MetricConfig]) -> Self {
        self.metrics = metrics.into();
        self
    }

    /// With coin slots, whose credits can be claimed.
    pub fn with_coin_slots(mut self, slots: &[CoinSlotConfig]) -> Self {
        self.coin_slots = slots.iter().map(|config| config.slot.clone()).collect();
        self
    }

    /// With webhooks that are told what happens.
    pub fn with_hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = Some(hooks);
        self
    }

    /// With the certificates that our listeners show.
    pub fn with_certificates(mut self, shown: Vec<ShownCertificate>) -> Self {
        self.certificates = shown.into();
        self
    }

    /// With what the daemon knows of itself: it can be told to look at its configuration again.
    pub fn with_upkeep(mut self, upkeep: Upkeep) -> Self {
        self.upkeep = Some(upkeep);
        self
    }

    /// Tokens that are revoked, as it happens: whoever revokes one says so here.
    pub fn revoked(&self) -> broadcast::Sender<i64> {
        self.revoked.clone()
    }

    /// Webhooks were made, changed or deleted.
    fn told_of_hooks(&self) {
        if let Some(hooks) = &self.hooks {
            hooks.changed();
        }
    }
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiState")
    }
}

/// The whole API. Served by [`crate::http::serve`], which says who is at the other end.
pub fn router(state: ApiState) -> Router {
    let api = Router::new()
        .route("/openapi.json", get(openapi::get))
        .route("/status", get(status::status))
        .route("/samples", get(samples::list))
        .route("/providers", get(providers::providers))
        .route("/devices", get(device_list::list).post(devices::register))
        .route("/devices/{dev}", get(devices::get).patch(devices::change).delete(devices::delete))
        .route("/devices/{dev}/connect", post(devices::connect))
        .route("/devices/{dev}/disconnect", post(devices::disconnect))
        .route("/devices/{dev}/move", post(moving::move_to))
        .route("/devices/{dev}/recovery-code", get(moving::recovery_code))
        .route("/devices/{dev}/ping", post(devices::ping))
        .route("/devices/{dev}/offers", get(offers::list))
        .route("/devices/{dev}/session", get(sessions::current))
        .route("/devices/{dev}/sessions", get(session_list::list_of_device).post(sessions::create))
        .route("/sessions", get(session_list::list))
        .route("/sessions/{id}", get(sessions::get).patch(sessions::change).delete(sessions::delete))
        .route("/sessions/{id}/close", post(sessions::close))
        .route("/sessions/{id}/properties", get(properties::get).patch(properties::change))
        .route("/sessions/{id}/roles", post(roles::change))
        .route("/sessions/{id}/principal", post(roles::principal))
        .route("/sessions/{id}/message", post(messages::to_session))
        .route("/devices/{dev}/message", post(messages::to_device))
        .route("/sessions:close", post(bulk::close))
        .route("/sessions:properties", post(bulk::properties))
        .route("/sessions:roles", post(bulk::roles))
        .route("/sessions:message", post(bulk::message))
        .route("/messages", get(messages::list))
        .route("/messages/{id}", axum::routing::delete(messages::delete))
        .route("/events", get(events::events))
        .route("/audit", get(audit_list::list))
        .route("/plans", get(plans::list).post(plans::create))
        .route("/plans/{name}", get(plans::get).patch(plans::change).delete(plans::delete))
        .route("/vouchers", get(vouchers::list).post(vouchers::create))
        .route("/vouchers/batches", get(batches::list))
        .route("/vouchers/batches/{id}", get(batches::get).delete(batches::revoke))
        .route("/vouchers/batches/{id}/sheet", get(batches::print))
        .route("/vouchers/import", post(batches::import))
        .route("/vouchers/sell", post(sales::sell))
        .route("/top_ups", post(sales::top_up))
        .route("/sales", get(sales::list))
        .route("/sales.csv", get(sales::export))
        .route("/sales/{id}", get(sales::get))
        .route("/sales/{id}/refund", post(sales::refund))
        .route("/vouchers/{code}", get(vouchers::get).delete(vouchers::revoke))
        .route("/vouchers/{code}/redeem", post(vouchers::redeem))
        .route("/credits", get(credits::list))
        .route("/credits/{id}/claim", post(credits::claim))
        .route("/credits/{id}/return", post(credits::give_back))
        .route("/hooks", get(hooks::list).post(hooks::create))
        .route("/hooks/{id}", get(hooks::get).patch(hooks::change).delete(hooks::delete))
        .route("/accounts", get(accounts::list).post(accounts::create))
        .route("/accounts/{name}", get(accounts::get).patch(accounts::change).delete(accounts::delete))
        .route("/accounts/{name}/password", post(accounts::password))
        .route("/accounts/{name}/plans", post(accounts::attach))
        .route("/accounts/{name}/devices", get(accounts::devices))
        .route("/accounts/{name}/devices/{dev}", delete(accounts::log_out))
        .route("/admins", get(admins::list).post(admins::create))
        .route("/admins/{name}", get(admins::get).patch(admins::change).delete(admins::delete))
        .route("/admins/{name}/password", post(admins::password))
        .route("/setup_code", get(admins::setup_code))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", get(tokens::get).delete(tokens::revoke))
        .route_layer(middleware::from_fn_with_state(state.clone(), once::once));
    // Outside of what is done once: see above.
    let anew = Router::new()
        .route("/hooks/{id}/test", post(hooks::test))
        .route("/service", get(service::get))
        .route("/service/reload", post(service::reload))
        .route("/service/reconcile", post(service::reconcile))
        .route("/locks", get(locks::list).post(locks::acquire))
        .route("/locks/{*name}", delete(locks::release));
    let routes = Router::new()
        .nest("/api/v1", api.merge(anew))
        .route("/healthz", get(status::healthz))
        .route("/metrics", get(metrics::metrics));
    finish_api(routes.with_state(state))
}

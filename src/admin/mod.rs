//! The admin pages on `admin.listen`: all that the API can do, for people. Forms and tables that work without a script.
//!
//! Whoever signs in has an account of these pages, or a token of the API, and may do what that may. The browser keeps a cookie
//! that stands for the sign-in; no password and no token is in a page or a cookie.

mod accounts;
mod assets;
mod clerk;
mod csrf;
mod dashboard;
mod device;
mod door;
mod form;
mod frame;
mod front;
mod login;
mod logins;
mod me;
mod nav;
mod once;
mod page;
mod pager;
mod people;
mod permissions;
mod plans;
mod plot;
mod sale;
mod setup;
mod shown;
mod state;
mod system;
mod tables;
mod till;
mod voucher;
mod vouchers;
mod watch;
mod zones;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::Redirect;
use axum::routing::{get, post};

use std::time::Duration;

pub use logins::SignIns;
pub use state::AdminState;

/// Forms here are small.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The requests that may take longer than others, and how long.
pub fn patience(path: &str) -> Option<Duration> {
    system::patience(path)
}

/// What is posted from the counter only: a page that says what went wrong, loaded again.
async fn counter() -> Redirect {
    Redirect::to("/admin/counter")
}

/// The pages. Requests need [`crate::http::Endpoints`] among their extensions.
pub fn router(state: AdminState) -> Router {
    let pages = Router::new()
        .route("/", get(|| async { Redirect::to("/admin") }))
        .route("/admin", get(dashboard::first))
        .route("/admin/dashboard", get(dashboard::show))
        .route("/admin/dashboard/live", get(dashboard::live))
        .route("/admin/counter", get(front::front))
        .route("/admin/login", get(login::form).post(login::log_in))
        .route("/admin/setup", get(setup::form).post(setup::set_up))
        .route("/admin/people", get(people::list).post(people::create))
        .route("/admin/people/new", get(people::new))
        .route("/admin/people/{id}", get(people::show))
        .route("/admin/people/{id}/{what}", get(people::confirm).post(people::change))
        .route("/admin/me", get(me::show))
        .route("/admin/me/{what}", get(me::codes).post(me::change))
        .route("/admin/logout", get(login::form).post(login::log_out))
        .route("/admin/sell", post(sale::sell).get(counter))
        .route("/admin/topup", post(sale::top_up).get(counter))
        .route("/admin/till", get(till::report))
        .route("/admin/voucher", get(voucher::show))
        .route("/admin/print", get(voucher::print))
        .route("/admin/redeem", post(voucher::redeem).get(counter))
        .route("/admin/revoke", post(voucher::revoke).get(counter))
        .route("/admin/device", get(device::show))
        .route("/admin/connect", post(device::connect).get(counter))
        .route("/admin/static/{name}", get(assets::serve))
        .route("/admin/{*rest}", get(page::nowhere).fallback(page::nowhere));
    pages
        .merge(tables::routes())
        .merge(plans::routes())
        .merge(accounts::routes())
        .merge(vouchers::routes())
        .merge(zones::routes())
        .merge(watch::routes())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .merge(system::routes())
        .layer(middleware::from_fn_with_state(state.clone(), door::pass))
        .with_state(state)
}

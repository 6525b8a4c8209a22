//! What the HTTP faces share: server, errors, limits, security headers.

mod endpoints;

pub use endpoints::Endpoints;

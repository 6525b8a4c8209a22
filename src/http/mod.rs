//! What the HTTP faces share: server, errors, limits, security headers.

mod endpoints;
mod extract;
mod finish;
mod problem;
mod server;
mod write_limit;

pub use endpoints::{Endpoints, PeerUser};
pub use extract::{JsonBody, MAX_BODY_BYTES, PathPart, QueryParams, parse_json, read_body};
pub use finish::finish_api;
pub use problem::Problem;
pub use server::{Limits, Listener, serve};

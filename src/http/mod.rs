//! What the HTTP faces share: server, errors, limits, security headers.

mod client;
mod endpoints;
mod extract;
mod finish;
mod last;
mod multipart;
mod peer;
mod percent;
mod problem;
mod seats;
mod secure;
mod server;
mod source;
mod trust;
mod write_limit;

pub use client::{Answer, ClientError, HttpClient, Line, MAX_ANSWER_BYTES, Outgoing};
pub use endpoints::{Endpoints, PeerUser};
pub use extract::{JsonBody, MAX_BODY_BYTES, PathPair, PathPart, QueryParams, parse_json, read_body};
pub use finish::finish_api;
pub use multipart::{Incoming, MultipartError, MultipartForm, Part};
pub use peer::PeerMac;
pub use percent::encoded;
pub use problem::Problem;
pub use seats::Holders;
pub use server::{Answers, Limits, Listener, serve, serve_devices};
pub use source::{NotOnce, Source, only, scheme_and_authority};
pub use trust::AuthorityError;

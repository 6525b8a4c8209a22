//! What the HTTP faces share: server, errors, limits, security headers.

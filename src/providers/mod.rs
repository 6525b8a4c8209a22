//! Where sessions come from.

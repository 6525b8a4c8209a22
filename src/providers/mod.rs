//! Where sessions come from.

pub mod voucher;

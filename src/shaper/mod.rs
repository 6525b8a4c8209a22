//! tc: what speed each client gets.

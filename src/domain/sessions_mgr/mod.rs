//! The one place that decides who is let through.

/// All devices and usable sessions, and what follows from every command, reading and deadline.
#[derive(Debug)]
pub struct SessionsMgr {}

//! SQLite: what must survive a power cut.

//! The configuration file: read, checked, and every mistake reported at once.

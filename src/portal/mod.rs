//! The pages that guests see.

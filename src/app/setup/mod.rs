//! The eyes and hands of `turnpike setup`: what it knows of the box, and each thing that it does there.

mod caller;
mod carry;
mod look;

use std::path::{Path, PathBuf};

pub use carry::carry_out;
pub use look::{look, look_at_files};

/// The box: where its files begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
}

impl Default for Place {
    /// This box.
    fn default() -> Self {
        Self::below("/")
    }
}

impl Place {
    /// A box whose files are all below a folder.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a file of the box is.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

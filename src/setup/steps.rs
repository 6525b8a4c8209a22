use std::path::PathBuf;

/// One thing that is done, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The configuration is checked and put in its place.
    Configure {
        /// It.
        file: NewFile,
        /// Whether the one before is kept beside.
        keep: bool,
    },
    /// A file is written that is not there.
    Write(NewFile),
    /// A line is added at the end of a file that is somebody else's; a copy of it is kept.
    Append {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
        /// Where the copy is kept.
        copy: PathBuf,
    },
    /// That line is taken out again.
    TakeOut {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
        /// The copy, which goes if it is the same as what is then there.
        copy: PathBuf,
    },
    /// A file of ours is removed.
    Remove(PathBuf),
    /// A program is run.
    Run(Command),
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its permissions.
    pub mode: u32,
    /// Whose it is.
    pub owner: Owner,
    /// What must not be shown of it.
    pub secret: Option<String>,
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// root's.
    Root,
    /// The daemon's, if it has a user of its own.
    Daemon,
}

/// A program with its arguments; no shell is in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What for.
    pub why: String,
    /// Whether it can only be done where systemd runs.
    pub needs_systemd: bool,
}

/// What somebody has to do who knows the box better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// Why it is not done here.
    pub why: String,
    /// What is to be typed, or written into files.
    pub lines: Vec<String>,
}

impl Command {
    pub(super) fn new<const N: usize>(argv: [&str; N], why: impl Into<String>) -> Self {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let needs_systemd =
            argv.first().is_some_and(|program| ["systemctl", "networkctl"].contains(&program.as_str()));
        Self { argv, why: why.into(), needs_systemd }
    }

    /// How it is typed.
    pub fn line(&self) -> String {
        let word = |word: &String| match word.contains([' ', ';']) {
            true => format!("'{word}'"),
            false => word.clone(),
        };
        self.argv.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

impl NewFile {
    /// A file of the system's: root's, for all to read.
    pub(super) fn system(path: &str, text: String) -> Self {
        Self { path: PathBuf::from(path), text, mode: 0o644, owner: Owner::Root, secret: None }
    }

    /// Its text without what must not be shown.
    pub fn shown(&self) -> String {
        match &self.secret {
            Some(secret) => self.text.replace(secret, "…"),
            None => self.text.clone(),
        }
    }
}

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::config::{Config, ConfigError};
use crate::durable::sync_folder_of;

/// The longest text that is read; [`Config`] reads no longer one either.
const MAX_BYTES: u64 = 1_000_000;

const PREVIOUS: &str = ".previous";
/// The text that last showed that it works: what the guests' networks are closed with when the file cannot be read.
const WORKING: &str = ".working";
/// Holds the fingerprint of a text that was written and has yet to show that it works.
const UNTRIED: &str = ".untried";

/// The configuration file of this daemon.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
}

/// Why the file was not written. It is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// It is not what the change was made to.
    #[error("the file was changed meanwhile by somebody else: look at it again, then make your change")]
    Changed,
    /// The system did not let us.
    #[error("{path} could not be {what}: {problem}", path = path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it did not work.
        problem: String,
    },
}

/// What a text is told from another by: the SHA-256 in hexadecimal digits.
pub fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text with lines that end as most lines of another do: browsers send what suits themselves.
pub fn with_ends_of(text: &str, model: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let crlf = model.matches("\r\n").count();
    if 2 * crlf > model.matches('\n').count() { text.replace('\n', "\r\n") } else { text }
}

impl SettingsFile {
    /// The file at a path.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text as it is now.
    pub fn read(&self) -> Result<String, NotWritten> {
        self.read_at(&self.path)
    }

    fn read_at(&self, path: &Path) -> Result<String, NotWritten> {
        let failed = |problem: String| NotWritten::Failed { path: path.to_owned(), what: "read", problem };
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let mut text = String::new();
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
        read.map_err(|error| failed(error.to_string()))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(failed(format!("it has more than {MAX_BYTES} bytes")));
        }
        Ok(text)
    }

    /// What a text says, or every mistake in it: as `check-config` does, certificates and keys included.
    pub fn check(&self, text: &str) -> Result<Config, ConfigError> {
        Config::check_text(text, &self.path)
    }

    /// Why the file cannot be written, if that is known beforehand.
    pub fn trouble(&self) -> Option<String> {
        let real = self.real();
        let directory = directory(&real);
        let barred = |path: &Path, wanted| access(path, wanted).err().map(|error| (path.to_owned(), error));
        let found = barred(directory, Access::WRITE_OK | Access::EXEC_OK)
            .or_else(|| barred(&real, Access::READ_OK | Access::WRITE_OK));
        found.map(|(path, error)| format!("{}: {}", path.display(), std::io::Error::from(error)))
    }

    /// Puts another text in the place of the one with the fingerprint `seen`, at once and for good; owner and mode stay. The
    /// old one is kept beside it as `FILE.previous`, and what is new is on trial until [`SettingsFile::works`].
    pub fn replace(&self, text: &str, seen: &str) -> Result<(), NotWritten> {
        let old = self.read()?;
        if fingerprint(&old) != seen {
            return Err(NotWritten::Changed);
        }
        self.write(PREVIOUS, &old)?;
        // Before the text: whenever the process dies, the next one knows what to go back to.
        self.write(UNTRIED, &fingerprint(text))?;
        self.write("", text)
    }

    /// The text before, and the one that is there now, if that one is still on trial: the process that wrote it ended before
    /// anybody knew whether it works.
    pub fn on_trial(&self) -> Option<(String, String)> {
        let real = self.real();
        let tried = self.read_at(&beside(&real, UNTRIED)).ok()?;
        let new = self.read().ok()?;
        // Else somebody has written it by hand since, or it was never written.
        if tried != fingerprint(&new) {
            return None;
        }
        Some((self.read_at(&beside(&real, PREVIOUS)).ok()?, new))
    }

    /// Where the text is that last showed that it works.
    pub fn working(&self) -> PathBuf {
        beside(&self.real(), WORKING)
    }

    /// What stands in the file works, whoever wrote it; `config` is what it says.
    pub fn works(&self, config: &Config) {
        self.keep_working(config);
        self.end_trial();
    }

    fn end_trial(&self) {
        let untried = beside(&self.real(), UNTRIED);
        if let Err(error) = fs::remove_file(&untried)
            && error.kind() != ErrorKind::NotFound
        {
            warn!(%error, file = %untried.display(), "a note that is of no more use could not be removed");
        }
    }

    /// Keeps the text beside the file. One that was changed since it was read has not shown anything.
    fn keep_working(&self, config: &Config) {
        let Ok(text) = self.read() else { return };
        if self.check(&text).is_ok_and(|read| read == *config)
            && self.read_at(&self.working()).ok().as_ref() != Some(&text)
            && let Err(error) = self.write(WORKING, &text)
        {
            warn!(%error, "the configuration could not be kept for a start on which the file cannot be read");
        }
    }

    /// Puts the text back that was there before; what was refused is kept beside it as `FILE.refused`. A file that was
    /// changed meanwhile is left alone.
    pub fn put_back(&self, old: &str, refused: &str) -> Result<(), NotWritten> {
        if self.read()? != refused {
            return Err(NotWritten::Changed);
        }
        self.write(".refused", refused)?;
        self.write("", old)?;
        self.end_trial();
        Ok(())
    }

    /// A link stays one: what it leads to is written.
    fn real(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Writes the file with this suffix whole: to a new file, onto the disk, then into its place.
    fn write(&self, suffix: &str, text: &str) -> Result<(), NotWritten> {
        let real = self.real();
        let path = beside(&real, suffix);
        let new = beside(&real, ".new");
        let write = || {
            let as_is = fs::metadata(&real)?;
            match fs::remove_file(&new) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            // Who is not root owns the file anyway, or may not have written it.
            if let Err(error) = fchown(&file, Some(as_is.uid()), Some(as_is.gid())) {
                let own = file.metadata()?;
                if (own.uid(), own.gid()) != (as_is.uid(), as_is.gid()) {
                    return Err(error);
                }
            }
            file.set_permissions(fs::Permissions::from_mode(as_is.mode() & 0o7777))?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            sync_folder_of(&real)
        };
        write().map_err(|error: std::io::Error| {
            // What is left of it is of no use; if it cannot go either, nothing reads it.
            let _ = fs::remove_file(&new);
            NotWritten::Failed { path, what: "written", problem: error.to_string() }
        })
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, SettingsFile) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("turnpike.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        (dir, SettingsFile::new(path))
    }

    #[test]
    fn a_file_is_replaced_whole_and_the_old_one_is_kept() {
        let (dir, settings) = file("old");
        assert_eq!(settings.replace("new", &fingerprint("other")), Err(NotWritten::Changed));
        assert_eq!(settings.read().unwrap(), "old");
        settings.replace("new", &fingerprint("old")).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            (settings.read().unwrap().as_str(), read("turnpike.toml.previous").as_str()),
            ("new", "old")
        );
        let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777;
        assert_eq!((mode("turnpike.toml"), mode("turnpike.toml.previous")), (0o640, 0o640));
        settings.put_back("old", "new").unwrap();
        assert_eq!(
            (settings.read().unwrap().as_str(), read("turnpike.toml.refused").as_str()),
            ("old", "new")
        );
        assert_eq!(settings.put_back("older", "new"), Err(NotWritten::Changed));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
    }

    #[test]
    fn lines_end_as_they_did() {
        for (model, ends) in
            [("a\r\nb\r\n", "x\r\ny\r\n"), ("a\nb\n", "x\ny\n"), ("", "x\ny\n"), ("a\r\nb\nc\n", "x\ny\n")]
        {
            assert_eq!(with_ends_of("x\r\ny\n", model), ends, "{model:?}");
        }
    }

    #[test]
    fn what_was_written_is_on_trial_until_it_works() {
        let (dir, settings) = file("old");
        let on_trial = |old: &str, new: &str| Some((old.to_owned(), new.to_owned()));
        assert_eq!(settings.on_trial(), None);
        settings.replace("new", &fingerprint("old")).unwrap();
        assert_eq!(settings.on_trial(), on_trial("old", "new"));
        settings.end_trial();
        settings.end_trial();
        assert_eq!(settings.on_trial(), None);
        settings.replace("newer", &fingerprint("new")).unwrap();
        settings.put_back("new", "newer").unwrap();
        assert_eq!(settings.on_trial(), None);
        // What somebody writes by hand is theirs; a death before the text was written leaves what was there.
        settings.replace("newest", &fingerprint("new")).unwrap();
        fs::write(dir.path().join("turnpike.toml"), "by hand").unwrap();
        assert_eq!(settings.on_trial(), None);
    }

    #[test]
    fn what_has_worked_is_kept_beside_it() {
        let zone = |name: &str| format!("[[zone]]\nname = \"{name}\"\nlan = [\"br-lan\"]\n");
        let (_dir, settings) = file(&zone("guests"));
        let kept = || fs::read_to_string(settings.working()).ok();
        let config = settings.check(&zone("guests")).unwrap();
        settings.works(&config);
        assert_eq!(kept(), Some(zone("guests")));
        // Another text than the one that the daemon runs with has shown nothing yet; neither has one with mistakes.
        for text in [zone("others"), zone("guests") + "speed = 7\n"] {
            fs::write(settings.path(), text).unwrap();
            settings.works(&config);
            assert_eq!(kept(), Some(zone("guests")));
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let (dir, settings) = file("old");
        let link = dir.path().join("link.toml");
        std::os::unix::fs::symlink(settings.path(), &link).unwrap();
        SettingsFile::new(link.clone()).replace("new", &fingerprint("old")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(settings.read().unwrap(), "new");
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let settings = SettingsFile::new(dir.path().join("nowhere/turnpike.toml"));
        assert!(settings.trouble().is_some_and(|text| text.contains("nowhere")));
        assert!(matches!(settings.read(), Err(NotWritten::Failed { what: "read", .. })));
        let (_dir, settings) = file("old");
        assert_eq!(settings.trouble(), None);
    }
}

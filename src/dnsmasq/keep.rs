use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Mutex;

use super::fragment::{HEAD, fragment};
use super::program::{run, words};
use super::refill::running;
use crate::config::Config;
use crate::durable::{self, Staged};

/// How often it is looked for a dnsmasq that was started anew, and what lies between.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The most that is read of a file of ours: what is longer is not.
const MAX_BYTES: u64 = 4 << 20;

/// A service that starts anew may come while the one before is still at it.
static TURN: Mutex<()> = Mutex::const_new(());

/// Where dnsmasq's file is, and how dnsmasq is made to take it.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'k> {
    /// The file.
    pub fragment: &'k Path,
    /// dnsmasq itself.
    pub program: &'k str,
    /// What is run when the file has changed; nothing if empty.
    pub reload: &'k [String],
    /// Where it says its process id; empty is the usual places.
    pub pid_files: &'k [PathBuf],
}

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Whether it is another one now.
    pub is_new: bool,
    /// Whether there are garden domains and this dnsmasq cannot fill sets of nftables.
    pub lacks_nftset: bool,
}

/// Why the file is not what it should be. Whatever dnsmasq had before it still has.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// dnsmasq cannot be run.
    #[error("{0} cannot be run: {1}")]
    NoProgram(String, io::Error),
    /// The file is not ours.
    #[error("{} was not written by turnpike and is left alone: move it away, or name another file", .0.display())]
    NotOurs(PathBuf),
    /// The file cannot be read or written.
    #[error("{} cannot be written: {}", .0.display(), .1)]
    Unwritable(PathBuf, io::Error),
    /// dnsmasq does not take it.
    #[error("dnsmasq does not take the new file, the old one stays: {0}")]
    Refused(String),
    /// dnsmasq took the file, but not with the rest of its configuration.
    #[error("dnsmasq did not start with the new file, so it has the old one again: {0}")]
    NotStarted(String),
    /// And not with the old one, either.
    #[error("dnsmasq does not start, also not with the file that it had before: {0}")]
    Down(String),
}

/// Makes the file what the configuration says. dnsmasq is asked whether it takes it before it is put into its place, and made
/// to take it only if it has changed: for names of sets it has to start anew, and a SIGHUP is not enough (`dnsmasq(8)`,
/// NOTES). If that fails, the file before is put back.
pub async fn keep(config: &Config, keeping: Keeping<'_>) -> Result<Kept, Trouble> {
    let _turn = TURN.lock().await;
    let Keeping { fragment: path, program, reload, pid_files } = keeping;
    let wants_nftset = config.zones.iter().any(|zone| !zone.garden_domains.is_empty());
    let has_nftset = knows_nftset(program).await?;
    let kept = |is_new| Kept { is_new, lacks_nftset: wants_nftset && !has_nftset };
    let text = fragment(config, has_nftset);
    let unwritable = |error| Trouble::Unwritable(path.to_owned(), error);
    let old = read(path).map_err(unwritable)?;
    match &old {
        Some(old) if old == text.as_bytes() => return Ok(kept(false)),
        Some(old) if !old.starts_with(HEAD.as_bytes()) => return Err(Trouble::NotOurs(path.to_owned())),
        // Nothing to say, and nothing was said.
        None if text.lines().all(|line| line.starts_with('#')) => return Ok(kept(false)),
        Some(_) | None => {}
    }
    let staged = Staged::write(path, text.as_bytes()).map_err(unwritable)?;
    let copy = format!("--conf-file={}", staged.beside().display());
    let tested = run(program, &["--test", &copy]).await;
    let tested = tested.map_err(|error| Trouble::NoProgram(program.to_owned(), error))?;
    if !tested.status.success() {
        return Err(Trouble::Refused(words(&tested)));
    }
    staged.take_place().map_err(unwritable)?;
    let Err(why) = start_anew(reload, pid_files).await else { return Ok(kept(true)) };
    put_back(path, old.as_deref()).map_err(unwritable)?;
    match start_anew(reload, pid_files).await {
        Ok(()) => Err(Trouble::NotStarted(why)),
        Err(_) => Err(Trouble::Down(why)),
    }
}

/// Whether it was built so that it can fill sets of nftables.
async fn knows_nftset(program: &str) -> Result<bool, Trouble> {
    let output = run(program, &["--version"]).await;
    let output = output.map_err(|error| Trouble::NoProgram(program.to_owned(), error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().any(|word| word == "nftset"))
}

/// Has dnsmasq take its file. An error says why it does not run afterwards.
async fn start_anew(reload: &[String], pid_files: &[PathBuf]) -> Result<(), String> {
    let Some((program, arguments)) = reload.split_first() else { return Ok(()) };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let before = running(pid_files);
    match run(program, &arguments).await {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Err(format!("{program}: {}", words(&output))),
        Err(error) => return Err(format!("{program}: {error}")),
    }
    // Some service managers say that all is well before they know (procd).
    for _ in 0..LOOKS {
        if before.is_empty() || running(pid_files).iter().any(|now| !before.contains(now)) {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    if running(pid_files).is_empty() {
        return Err(format!("{program} ended well, and dnsmasq does not run"));
    }
    Ok(())
}

fn put_back(path: &Path, old: Option<&[u8]>) -> io::Result<()> {
    match old {
        Some(old) => Staged::write(path, old)?.take_place(),
        None => {
            fs::remove_file(path)?;
            durable::sync_folder_of(path)
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

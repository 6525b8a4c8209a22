//! Each thing that a set-up does to the box.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use super::Place;
use crate::config::Config;
use crate::durable::sync_folder_of;
use crate::setup::{Command, NewFile, Owner, Step};

/// A unit may take its time to start: a database of years on a slow card.
const PATIENCE: Duration = Duration::from_secs(360);

/// Where the programs of an administrator are; a path of `su` does not say so.
const PATHS: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/// The daemon's user and group.
const DAEMON: &str = "turnpike";

/// Does one thing.
///
/// # Errors
///
/// It could not be done, and nothing of it was; or a program failed, and said why.
pub async fn carry_out(place: Place, step: Step) -> anyhow::Result<()> {
    match step {
        Step::Configure { file, keep } => configure(&place, &file, keep),
        Step::Write(file) => write(&place, &file),
        Step::Append { path, line, copy } => append(&place.path(path), &line, &place.path(copy)),
        Step::TakeOut { path, line, copy } => take_out(&place.path(path), &line, &place.path(copy)),
        Step::Remove(path) => remove(&place.path(path)),
        Step::Run(command) => run(&command).await,
    }
}

/// The configuration, beside its place first: what is not right never gets there.
fn configure(place: &Place, file: &NewFile, keep: bool) -> anyhow::Result<()> {
    let path = place.path(&file.path);
    let beside = with_ending(&path, ".setup-new");
    forget(&beside)?;
    create(place, file, &beside)?;
    let checked = Config::check(&beside).map_err(|mut error| {
        error.file.clone_from(&file.path);
        anyhow!(error)
    });
    if let Err(error) = checked {
        forget(&beside)?;
        return Err(error);
    }
    if keep {
        // The file itself, with its owner and mode.
        let free = (0..).map(|number| match number {
            0 => with_ending(&path, ".before-setup"),
            number => with_ending(&path, &format!(".before-setup.{number}")),
        });
        let kept = free.into_iter().find(|path| fs::symlink_metadata(path).is_err());
        fs::hard_link(&path, kept.context("there is no free name")?)?;
    }
    fs::rename(&beside, &path)?;
    Ok(sync_folder_of(&path)?)
}

/// A file that is not there.
fn write(place: &Place, file: &NewFile) -> anyhow::Result<()> {
    let path = place.path(&file.path);
    create(place, file, &path)?;
    Ok(sync_folder_of(&path)?)
}

/// Writes a file at a path at which there is none.
fn create(place: &Place, file: &NewFile, path: &Path) -> anyhow::Result<()> {
    let shown = || format!("{} cannot be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(shown)?;
    }
    let mut new =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(shown)?;
    let written = fill(&mut new, place, file);
    if written.is_err() {
        // What is half a file would be taken for a whole one.
        forget(path)?;
    }
    written.with_context(shown)
}

fn fill(new: &mut File, place: &Place, file: &NewFile) -> anyhow::Result<()> {
    new.write_all(file.text.as_bytes())?;
    if let (Owner::Daemon, Some((user, group))) = (file.owner, daemon_user(place)) {
        fchown(&*new, Some(user), Some(group))?;
    }
    new.set_permissions(Permissions::from_mode(file.mode))?;
    Ok(new.sync_all()?)
}

/// The numbers of the daemon's user and group, if it has them.
fn daemon_user(place: &Place) -> Option<(u32, u32)> {
    let text = fs::read_to_string(place.path("/etc/passwd")).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(DAEMON) {
            return None;
        }
        let mut number = |nth: usize| -> Option<u32> { fields.nth(nth)?.parse().ok() };
        Some((number(1)?, number(0)?))
    })
}

/// A line more at the end of somebody else's file, of which a copy is kept.
fn append(path: &Path, line: &str, copy: &Path) -> anyhow::Result<()> {
    let path = path.canonicalize().with_context(|| path.display().to_string())?;
    let mut text = fs::read_to_string(&path)?;
    if text.lines().any(|there| there.trim() == line) {
        return Ok(());
    }
    if fs::symlink_metadata(copy).is_err() {
        fs::copy(&path, copy).with_context(|| format!("{} cannot be written", copy.display()))?;
        File::open(copy)?.sync_all()?;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
    replace(&path, &text)
}

/// That line out again; the copy goes if it says the same.
fn take_out(path: &Path, line: &str, copy: &Path) -> anyhow::Result<()> {
    let path = path.canonicalize().with_context(|| path.display().to_string())?;
    let text = fs::read_to_string(&path)?;
    let rest: String = text.split_inclusive('\n').filter(|there| there.trim() != line).collect();
    if rest != text {
        replace(&path, &rest)?;
    }
    if fs::read_to_string(copy).is_ok_and(|before| before == rest) {
        fs::remove_file(copy)?;
    }
    Ok(())
}

/// Another text in a file whose owner and mode stay.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let before = fs::metadata(path)?;
    let beside = with_ending(path, ".setup-new");
    forget(&beside)?;
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    new.write_all(text.as_bytes())?;
    chown(&beside, Some(before.uid()), Some(before.gid()))?;
    new.set_permissions(before.permissions())?;
    new.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(sync_folder_of(path)?)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    forget(path).with_context(|| format!("{} cannot be removed", path.display()))?;
    Ok(sync_folder_of(path)?)
}

/// Removes a file, if it is there.
fn forget(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A program to its end.
async fn run(command: &Command) -> anyhow::Result<()> {
    let Some((program, arguments)) = command.argv.split_first() else { bail!("no program") };
    let path = std::env::var("PATH").map_or_else(|_| PATHS.to_owned(), |path| format!("{path}:{PATHS}"));
    // Else it would be looked for where this process's own path says.
    let found = path.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.is_file());
    let started = tokio::process::Command::new(found.unwrap_or_else(|| program.into()))
        .arg0(program)
        .args(arguments)
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let child = started.with_context(|| format!("{} cannot be started", command.line()))?;
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .with_context(|| format!("{} does not come to an end", command.line()))??;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let said = said.into_iter().find(|said| !said.is_empty()).unwrap_or_else(|| output.status.to_string());
    Err(anyhow!("{} failed: {said}", command.line()))
}

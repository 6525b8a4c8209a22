//! A disk whose power goes, that fills up, or that breaks: a file system in memory, mounted in a folder.
//!
//! It keeps no more than POSIX promises: what a file was written is durable once *this file* was synced, what was made, renamed or
//! removed once *the folder* was synced. At a cut anything may have become of the rest: each change is there or not, whatever
//! came before or after it; a write may be there in part, sector by sector; a file may have grown without what was to be in it.
//! ext4 and most others are kinder: they keep changes of a folder in order, and a new file's name with its first sync.

mod faults;
mod fs;
mod image;

use std::fs::create_dir;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fuser::{BackgroundSession, Config, MountOption};
use rustix::mount::{UnmountFlags, unmount};

use super::random::Random;
pub use faults::Faults;
use faults::Power;
use fs::Served;
use image::Image;

/// What is mounted is named so, and after the process that serves it.
const SOURCE: &str = "turnpike-disk-";

/// A disk in a folder. Whoever is to see it must be started after it was made, and be gone before it is dropped.
pub struct Disk {
    path: PathBuf,
    state: Arc<Mutex<State>>,
    session: Option<BackgroundSession>,
}

/// What the file system works on.
#[derive(Debug, Default)]
struct State {
    image: Image,
    faults: Faults,
    power: Power,
    /// Changes that were asked for, syncs among them.
    operations: u64,
    cut_at: Option<Instant>,
}

impl Disk {
    /// An empty one, in a folder that is made for it.
    pub fn mount(path: &Path) -> Self {
        unmount_stale();
        create_dir(path).expect("a folder to mount the disk in");
        let state = Arc::new(Mutex::new(State::default()));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName(format!("{SOURCE}{}", std::process::id()))];
        // One that sleeps in a sync must not keep others waiting.
        config.n_threads = Some(2);
        let session = fuser::spawn_mount(Served::new(Arc::clone(&state)), path, &config)
            .unwrap_or_else(|error| panic!("mounting needs root and /dev/fuse: {error}"));
        Self { path: path.to_owned(), state, session: Some(session) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with it from now on.
    pub fn break_with(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Nothing is wrong with it any more.
    pub fn heal(&self) {
        self.break_with(Faults::default());
    }

    /// The power goes with the change after so many others.
    pub fn cut_after(&self, operations: u64) {
        self.lock().power = Power::Fails(operations);
    }

    /// The power stays, if it has not gone; whether it has not.
    pub fn spare(&self) -> bool {
        let mut state = self.lock();
        if matches!(state.power, Power::Off) {
            return false;
        }
        state.power = Power::On;
        true
    }

    /// When the power went.
    pub fn cut_at(&self) -> Option<Instant> {
        self.lock().cut_at
    }

    /// Whether the power has gone.
    pub fn is_off(&self) -> bool {
        matches!(self.lock().power, Power::Off)
    }

    /// The power goes now, if it has not.
    pub fn cut(&self) {
        self.lock().cut();
    }

    /// What a cut has left is the disk now. Whoever had it in use has to be gone.
    pub fn power_on(&self, random: &mut Random) {
        let mut state = self.lock();
        state.cut();
        state.image = state.image.after_cut(random);
        state.power = Power::On;
        state.cut_at = None;
        state.faults = Faults::default();
    }

    /// How many changes and syncs were asked for so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// The names in it.
    pub fn names(&self) -> Vec<String> {
        self.lock().image.names().map(|(name, _)| name.clone()).collect()
    }

    /// Whether a cut may leave something else of a file than what is in it.
    pub fn is_pending(&self, name: &str) -> bool {
        let state = self.lock();
        let number = state.image.find(name);
        number.and_then(|number| state.image.file(number)).is_some_and(image::File::is_pending)
    }

    /// What a file holds, for whoever reads it.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        Some(state.image.file(state.image.find(name)?)?.bytes.clone())
    }

    /// Bytes of a file are others, and nobody was told.
    pub fn spoil(&self, name: &str, at: usize, bytes: &[u8]) {
        let mut state = self.lock();
        let number = state.image.find(name).expect("a file to be spoiled");
        let file = state.image.file_mut(number).expect("it has a number");
        file.write(at, bytes);
        file.sync();
    }

    /// Copies all that is on it, for a look.
    pub fn copy_to(&self, folder: &Path) {
        for name in self.names() {
            std::fs::write(folder.join(&name), self.contents(&name).unwrap_or_default()).expect("a copy");
        }
    }
}

impl State {
    fn cut(&mut self) {
        if !matches!(self.power, Power::Off) {
            self.power = Power::Off;
            self.cut_at = Some(Instant::now());
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever is still in there gets no answer from now on; the mount is gone for all others.
        unmount(&self.path, UnmountFlags::DETACH).ok();
        // Its thread ends with the last who has it mounted.
        drop(self.session.take());
        std::fs::remove_dir(&self.path).ok();
    }
}

/// Removes the mounts of test runs that no longer live: nobody answers there.
fn unmount_stale() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let (Some(source), Some(path)) = (words.next(), words.next()) else { continue };
        let Some(owner) = source.strip_prefix(SOURCE) else { continue };
        if !Path::new(&format!("/proc/{owner}")).exists() {
            unmount(path, UnmountFlags::DETACH).ok();
        }
    }
}

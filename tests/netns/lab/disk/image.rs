//! What is on the disk, and what only seems to be.

use std::collections::BTreeMap;

use super::Random;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A flat folder of files, each as its writers see it and as it would be found after a power cut.
#[derive(Debug, Clone, Default)]
pub struct Image {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    moves: Vec<Move>,
    last: u64,
}

/// One file, whatever its name.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// As its writers see it.
    pub bytes: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Its permissions.
    pub mode: u16,
    /// Its user and group.
    pub owner: (u32, u32),
}

/// What was done to a file since it was last synced.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

/// What was done to the folder since it was last synced.
#[derive(Debug, Clone)]
enum Move {
    Name(String, u64),
    Remove(String),
    Rename(String, String, u64),
}

/// How much of what was not synced a cut leaves.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Nothing,
    Everything,
    Some,
}

impl Image {
    /// Numbers of files are never given twice, so that no cache of the kernel's takes one for another.
    fn number(&mut self) -> u64 {
        // 1 is the folder.
        self.last = self.last.max(1) + 1;
        self.last
    }

    /// The file of a name.
    pub fn find(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = (&String, u64)> {
        self.names.iter().map(|(name, file)| (name, *file))
    }

    /// A file by its number; one without a name is there as long as somebody has it open.
    pub fn file(&self, number: u64) -> Option<&File> {
        self.files.get(&number)
    }

    /// The same, to set what is durable at once.
    pub fn file_mut(&mut self, number: u64) -> Option<&mut File> {
        self.files.get_mut(&number)
    }

    /// All bytes of all files that have a name.
    pub fn used(&self) -> u64 {
        self.names
            .values()
            .filter_map(|number| self.files.get(number))
            .map(|file| file.bytes.len() as u64)
            .sum()
    }

    /// A new file, in place of another of that name.
    pub fn create(&mut self, name: &str, mode: u16, owner: (u32, u32)) -> u64 {
        let number = self.number();
        self.files.insert(number, File { mode, owner, ..File::default() });
        self.names.insert(name.to_owned(), number);
        self.moves.push(Move::Name(name.to_owned(), number));
        number
    }

    /// Whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let was = self.names.remove(name).is_some();
        if was {
            self.moves.push(Move::Remove(name.to_owned()));
        }
        was
    }

    /// Whether there was one.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(number) = self.names.remove(from) else { return false };
        self.names.insert(to.to_owned(), number);
        self.moves.push(Move::Rename(from.to_owned(), to.to_owned(), number));
        true
    }

    /// The folder as it is now is on the disk.
    pub fn sync_folder(&mut self) {
        self.durable_names = self.names.clone();
        self.moves.clear();
    }

    /// The disk after a power cut: what was synced, and of the rest what luck has it, in whatever order.
    pub fn after_cut(&self, random: &mut Random) -> Self {
        let luck =
            *random.pick(&[Luck::Nothing, Luck::Everything, Luck::Some, Luck::Some]).unwrap_or(&Luck::Some);
        let mut names = self.durable_names.clone();
        for change in self.moves.iter().filter(|_| luck.keeps(random)) {
            match change {
                Move::Name(name, number) => {
                    names.insert(name.clone(), *number);
                }
                Move::Remove(name) => {
                    names.remove(name);
                }
                Move::Rename(from, to, number) => {
                    names.retain(|name, found| name != from || found != number);
                    names.insert(to.clone(), *number);
                }
            }
        }
        let mut after = Self { last: self.last, ..Self::default() };
        // A rename of which only one half would be there names the file twice: they are the same file still.
        let mut numbers = BTreeMap::new();
        for (name, old) in names {
            let number = *numbers.entry(old).or_insert_with(|| after.number());
            if let Some(file) = self.files.get(&old) {
                after.files.entry(number).or_insert_with(|| file.after_cut(luck, random));
                after.names.insert(name, number);
            }
        }
        after.sync_folder();
        after
    }
}

impl Luck {
    fn keeps(self, random: &mut Random) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Some => random.chance(50),
        }
    }
}

impl File {
    /// Some bytes of it; fewer at its end.
    pub fn read(&self, at: usize, size: usize) -> &[u8] {
        let at = at.min(self.bytes.len());
        &self.bytes[at..(at + size).min(self.bytes.len())]
    }

    /// Seen at once, durable with the next sync.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.bytes, at, bytes);
        self.pending.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    /// Whether a cut may leave something else of it.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Longer or shorter.
    pub fn resize(&mut self, size: usize) {
        self.bytes.resize(size, 0);
        self.pending.push(Change::Resize(size));
    }

    /// What it is now is on the disk.
    pub fn sync(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write { at, bytes } => put(&mut self.durable, at, &bytes),
                Change::Resize(size) => self.durable.resize(size, 0),
            }
        }
    }

    fn after_cut(&self, luck: Luck, random: &mut Random) -> Self {
        let mut disk = self.durable.clone();
        for change in &self.pending {
            match change {
                Change::Resize(size) if luck.keeps(random) => disk.resize(*size, 0),
                Change::Resize(_) => {}
                Change::Write { at, bytes } => write_some(&mut disk, *at, bytes, luck, random),
            }
        }
        Self { bytes: disk.clone(), durable: disk, pending: Vec::new(), mode: self.mode, owner: self.owner }
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

/// One write, whole, not at all, or some sectors of it; its length may be there without what was to be in it.
fn write_some(disk: &mut Vec<u8>, at: usize, bytes: &[u8], luck: Luck, random: &mut Random) {
    let torn = matches!(luck, Luck::Some) && random.chance(50);
    if !torn {
        if luck.keeps(random) {
            put(disk, at, bytes);
        }
        return;
    }
    if random.chance(50) {
        grow(disk, at + bytes.len(), random);
    }
    let mut from = 0;
    while from < bytes.len() {
        // To the next boundary of the disk's, not of the write's.
        let to = bytes.len().min(from + SECTOR - (at + from) % SECTOR);
        if random.chance(50) {
            grow(disk, at + from, random);
            put(disk, at + from, &bytes[from..to]);
        }
        from = to;
    }
}

/// What a file has been given and nobody has written there is zero, or what some other file has left behind.
fn grow(disk: &mut Vec<u8>, size: usize, random: &mut Random) {
    while disk.len() < size {
        let end = size.min((disk.len() / SECTOR + 1) * SECTOR);
        let litter = random.chance(50);
        while disk.len() < end {
            disk.push(if litter { random.next().to_le_bytes()[0] } else { 0 });
        }
    }
}

//! The file system, as the kernel asks for it.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::State;
use super::faults::Doing;

/// The kernel asks anew each time: after a cut a name stands for another file.
const NOT_KEPT: Duration = Duration::ZERO;

/// What it holds in all.
const BYTES: u64 = 256 << 20;
const BLOCK: u32 = 4096;

pub(super) struct Served {
    state: Arc<Mutex<State>>,
}

impl Served {
    pub(super) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { state }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(name: &OsStr) -> Result<&str, Errno> {
    name.to_str().ok_or(Errno::EINVAL)
}

fn size(bytes: u64) -> Result<usize, Errno> {
    usize::try_from(bytes).map_err(|_| Errno::EFBIG)
}

/// What is read and written goes past the kernel's page cache, so that nothing waits there; but SQLite maps its index of the log,
/// which only the cache can share.
fn flags(name: &str) -> FopenFlags {
    if name.ends_with("-shm") { FopenFlags::empty() } else { FopenFlags::FOPEN_DIRECT_IO }
}

fn folder() -> FileAttr {
    attr(1, 0, FileType::Directory, 0o755, (0, 0))
}

fn attr(number: u64, size: usize, kind: FileType, mode: u16, owner: (u32, u32)) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        size: size as u64,
        blocks: (size as u64).div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: SystemTime::now(),
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: mode,
        nlink: 1,
        uid: owner.0,
        gid: owner.1,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

impl State {
    fn attr(&self, number: u64) -> Result<FileAttr, Errno> {
        if number == 1 {
            return Ok(folder());
        }
        let file = self.image.file(number).ok_or(Errno::EIO)?;
        Ok(attr(number, file.bytes.len(), FileType::RegularFile, file.mode, file.owner))
    }

    fn look_up(&self, name: &OsStr) -> Result<FileAttr, Errno> {
        self.may_read()?;
        self.attr(self.image.find(text(name)?).ok_or(Errno::ENOENT)?)
    }

    fn create(
        &mut self,
        name: &OsStr,
        mode: u32,
        owner: (u32, u32),
    ) -> Result<(FileAttr, FopenFlags), Errno> {
        self.may(Doing::Growing)?;
        let name = text(name)?;
        let mode = u16::try_from(mode & 0o7777).map_err(|_| Errno::EINVAL)?;
        let number = self.image.create(name, mode, owner);
        self.done()?;
        Ok((self.attr(number)?, flags(name)))
    }

    fn open(&self, number: u64) -> Result<FopenFlags, Errno> {
        self.may_read()?;
        self.image.file(number).ok_or(Errno::EIO)?;
        let name = self.image.names().find(|(_, found)| *found == number);
        Ok(flags(name.map_or("", |(name, _)| name)))
    }

    fn read(&self, number: u64, at: u64, count: u32) -> Result<&[u8], Errno> {
        self.may_read()?;
        let (at, count) = (size(at)?, size(count.into())?);
        if let Some((name, range)) = &self.faults.unreadable
            && self.image.find(name) == Some(number)
            && at < range.end
            && range.start < at + count
        {
            return Err(Errno::EIO);
        }
        Ok(self.image.file(number).ok_or(Errno::EIO)?.read(at, count))
    }

    fn write(&mut self, number: u64, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        let at = size(at)?;
        let length = self.image.file(number).ok_or(Errno::EIO)?.bytes.len();
        self.may(if at + bytes.len() > length { Doing::Growing } else { Doing::Changing })?;
        self.image.file_mut(number).ok_or(Errno::EIO)?.write(at, bytes);
        self.done()
    }

    fn set(&mut self, number: u64, wanted: &Wanted) -> Result<FileAttr, Errno> {
        if let Some(new) = wanted.size {
            let new = size(new)?;
            let length = self.image.file(number).ok_or(Errno::EIO)?.bytes.len();
            self.may(if new > length { Doing::Growing } else { Doing::Changing })?;
            self.image.file_mut(number).ok_or(Errno::EIO)?.resize(new);
        } else {
            self.may(Doing::Changing)?;
        }
        // A file's mode and owner are of no matter here: they are durable at once.
        if let Some(file) = self.image.file_mut(number) {
            file.mode = wanted.mode.and_then(|mode| u16::try_from(mode & 0o7777).ok()).unwrap_or(file.mode);
            file.owner = (wanted.uid.unwrap_or(file.owner.0), wanted.gid.unwrap_or(file.owner.1));
        }
        self.done()?;
        self.attr(number)
    }

    fn change_names(&mut self, work: impl FnOnce(&mut Self) -> Result<bool, Errno>) -> Result<(), Errno> {
        self.may(Doing::Changing)?;
        if !work(self)? {
            return Err(Errno::ENOENT);
        }
        self.done()
    }

    /// How long it takes.
    fn sync_takes(&mut self) -> Result<Duration, Errno> {
        self.may(Doing::Syncing)?;
        self.done()?;
        Ok(self.faults.slow_sync)
    }

    fn sync(&mut self, number: u64) -> Result<(), Errno> {
        // The power may have gone meanwhile.
        self.may_read()?;
        if self.faults.lying_syncs {
            return Ok(());
        }
        if number == 1 {
            self.image.sync_folder();
        } else if let Some(file) = self.image.file_mut(number) {
            file.sync();
        }
        Ok(())
    }
}

/// What a file's facts are to be.
struct Wanted {
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    size: Option<u64>,
}

impl Served {
    fn sync(&self, number: u64, reply: ReplyEmpty) {
        let takes = match self.lock().sync_takes() {
            Ok(takes) => takes,
            Err(errno) => return reply.error(errno),
        };
        let state = Arc::clone(&self.state);
        let finish = move || {
            std::thread::sleep(takes);
            match state.lock().unwrap_or_else(PoisonError::into_inner).sync(number) {
                Ok(()) => reply.ok(),
                Err(errno) => reply.error(errno),
            }
        };
        if takes.is_zero() {
            finish();
        } else {
            // Whatever else is asked of the disk meanwhile is answered.
            std::thread::spawn(finish);
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.lock().look_up(name) {
            Ok(attr) => reply.entry(&NOT_KEPT, &attr, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let state = self.lock();
        match state.may_read().and_then(|()| state.attr(ino.0)) {
            Ok(attr) => reply.attr(&NOT_KEPT, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        match self.lock().set(ino.0, &Wanted { mode, uid, gid, size }) {
            Ok(attr) => reply.attr(&NOT_KEPT, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn create(
        &self,
        request: &Request,
        _: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.lock().create(name, mode & !umask, (request.uid(), request.gid())) {
            Ok((attr, flags)) => reply.created(&NOT_KEPT, &attr, Generation(0), FileHandle(0), flags),
            Err(errno) => reply.error(errno),
        }
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        match self.lock().change_names(|state| Ok(state.image.remove(text(name)?))) {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn rename(
        &self,
        _: &Request,
        _: INodeNo,
        from: &OsStr,
        _: INodeNo,
        to: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        match self.lock().change_names(|state| Ok(state.image.rename(text(from)?, text(to)?))) {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.lock().open(ino.0) {
            Ok(flags) => reply.opened(FileHandle(0), flags),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.lock().read(ino.0, offset, size) {
            Ok(bytes) => reply.data(bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.lock().write(ino.0, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(ino.0, reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(ino.0, reply);
    }

    fn readdir(&self, _: &Request, _: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let state = self.lock();
        if let Err(errno) = state.may_read() {
            return reply.error(errno);
        }
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (place, (name, number)) in (1..).zip(state.image.names()).skip(from) {
            if reply.add(INodeNo(number), place, FileType::RegularFile, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let state = self.lock();
        let free = if state.faults.full { 0 } else { BYTES.saturating_sub(state.image.used()) };
        let blocks = |bytes: u64| bytes / u64::from(BLOCK);
        reply.statfs(blocks(BYTES), blocks(free), blocks(free), 1_000, 1_000, BLOCK, 255, BLOCK);
    }
}

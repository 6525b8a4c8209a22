//! The disk itself: what it promises, and no more.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::lab::{Disk, Faults, Random};

fn disk() -> (tempfile::TempDir, Disk) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::mount(&dir.path().join("disk"));
    (dir, disk)
}

fn sync_folder(disk: &Disk) {
    File::open(disk.path()).unwrap().sync_all().unwrap();
}

#[test]
fn files_are_made_written_read_moved_and_removed() {
    let (_dir, disk) = disk();
    let path = disk.path().join("a");
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    file.write_all(b"hello, world").unwrap();
    file.seek(SeekFrom::Start(7)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "world");
    file.set_len(5).unwrap();
    fs::rename(&path, disk.path().join("b")).unwrap();
    assert_eq!(fs::read(disk.path().join("b")).unwrap(), b"hello");
    assert_eq!(fs::read(&path).unwrap_err().kind(), ErrorKind::NotFound);
    let names: Vec<_> = fs::read_dir(disk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["b"]);
    fs::remove_file(disk.path().join("b")).unwrap();
    assert!(disk.names().is_empty());
    // Whoever has it open still has it.
    file.write_all_at(b"!", 5).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 6);
}

#[test]
fn what_was_synced_outlasts_every_cut_and_the_rest_may_be_there_in_part() {
    let (_dir, disk) = disk();
    let mut random = Random::new(7);
    let (old, new) = (vec![b'o'; 4096], vec![b'n'; 4096]);
    let (mut all_old, mut all_new, mut torn) = (0, 0, 0);
    let path = disk.path().join("a");
    for _ in 0..60 {
        let file = File::create(&path).unwrap();
        file.write_all_at(&old, 0).unwrap();
        file.sync_all().unwrap();
        sync_folder(&disk);
        file.write_all_at(&new, 0).unwrap();
        drop(file);
        disk.cut();
        assert!(fs::read(&path).is_err(), "it can be read without power");
        disk.power_on(&mut random);
        let found = fs::read(&path).unwrap();
        assert_eq!(found.len(), 4096);
        for sector in found.chunks(512) {
            assert!(sector == &old[..512] || sector == &new[..512], "a sector is neither");
        }
        match () {
            () if found == old => all_old += 1,
            () if found == new => all_new += 1,
            () => torn += 1,
        }
    }
    assert!(
        all_old > 5 && all_new > 5 && torn > 5,
        "{all_old} as they were, {all_new} as written, {torn} torn"
    );
}

#[test]
fn a_name_is_durable_with_its_folder_and_not_with_its_file() {
    let (_dir, disk) = disk();
    let mut random = Random::new(11);
    let (mut there, mut gone) = (0, 0);
    for _ in 0..40 {
        let file = File::create(disk.path().join("a")).unwrap();
        file.write_all_at(b"whole", 0).unwrap();
        file.sync_all().unwrap();
        disk.power_on(&mut random);
        match fs::read(disk.path().join("a")) {
            Ok(bytes) => {
                assert_eq!(bytes, b"whole");
                there += 1;
                fs::remove_file(disk.path().join("a")).unwrap();
                sync_folder(&disk);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound);
                gone += 1;
            }
        }
    }
    assert!(there > 5 && gone > 5, "{there} there, {gone} gone");
    for bytes in [&b"first"[..], b"second"] {
        turnpike::durable::replace_private(&disk.path().join("b"), bytes).unwrap();
        disk.power_on(&mut random);
        assert_eq!(fs::read(disk.path().join("b")).unwrap(), bytes);
    }
}

#[test]
fn a_file_that_is_replaced_is_the_old_one_or_the_new_one_at_every_cut() {
    let (_dir, disk) = disk();
    let mut random = Random::new(13);
    let path = disk.path().join("key");
    turnpike::durable::replace_private(&path, &[b'0'; 1000]).unwrap();
    let mut found = Vec::new();
    for changes in 0..12 {
        for _ in 0..10 {
            let before = fs::read(&path).unwrap();
            let next = vec![before[0] + 1; 1000];
            disk.cut_after(changes);
            let replaced = turnpike::durable::replace_private(&path, &next);
            disk.power_on(&mut random);
            let after = fs::read(&path).unwrap();
            assert!(after == before || after == next, "neither, after {changes} changes: {after:?}");
            assert!(after == next || replaced.is_err(), "it was said to be replaced");
            found.push((changes, after == next));
            turnpike::durable::replace_private(&path, &[b'0'; 1000]).unwrap();
        }
    }
    assert!(found.iter().any(|(_, new)| *new) && found.iter().any(|(_, new)| !*new), "{found:?}");
}

#[test]
fn what_is_wrong_with_it_is_what_a_program_meets() {
    let (_dir, disk) = disk();
    let file = File::create(disk.path().join("a")).unwrap();
    file.write_all_at(&[1; 1000], 0).unwrap();
    let kind = |result: std::io::Result<()>| result.map_err(|error| error.kind());
    let make = || File::create(disk.path().join("b")).map(drop);

    disk.break_with(Faults { full: true, ..Faults::default() });
    assert_eq!(kind(file.write_all_at(b"over", 998)), Err(ErrorKind::StorageFull));
    assert_eq!(kind(file.write_all_at(b"inside", 0)), Ok(()));
    assert_eq!(kind(make()), Err(ErrorKind::StorageFull));
    assert_eq!(rustix::fs::statvfs(disk.path()).unwrap().f_bavail, 0);

    disk.break_with(Faults { read_only: true, ..Faults::default() });
    assert_eq!(kind(file.write_all_at(b"x", 0)), Err(ErrorKind::ReadOnlyFilesystem));
    assert_eq!(kind(make()), Err(ErrorKind::ReadOnlyFilesystem));
    assert_eq!(fs::read(disk.path().join("a")).unwrap().len(), 1000);

    disk.break_with(Faults { failing_writes: true, ..Faults::default() });
    assert!(file.write_all_at(b"x", 0).is_err() && file.sync_all().is_ok());
    disk.break_with(Faults { failing_syncs: true, ..Faults::default() });
    assert!(file.write_all_at(b"x", 0).is_ok() && file.sync_all().is_err());
    disk.break_with(Faults { unreadable: Some(("a".to_owned(), 600..601)), ..Faults::default() });
    assert!(fs::read(disk.path().join("a")).is_err());

    let slow_sync = Duration::from_millis(200);
    disk.break_with(Faults { slow_sync, ..Faults::default() });
    let begun = Instant::now();
    file.sync_all().unwrap();
    assert!(begun.elapsed() >= slow_sync);
    disk.heal();
    assert_eq!(kind(make()), Ok(()));
}

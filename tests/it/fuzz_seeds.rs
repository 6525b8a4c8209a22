//! What the fuzz targets begin with, and every input that once broke something, run through them without a fuzzer.

#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;

fn fuzz(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder)
}

/// The names in a folder, without their endings; none if it is not there.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[rstest]
#[case("config")]
#[case("cookie")]
#[case("filter")]
#[case("guest_log")]
#[case("http_api")]
#[case("http_portal")]
#[case("leases")]
#[case("plugin_line")]
#[case("theme")]
#[case("voucher_code")]
fn seeds_and_what_once_broke_something_hold(#[case] name: &str) {
    let open = targets::ALL.iter().find(|(known, _)| *known == name).unwrap().1;
    let mut target = open();
    let mut count = 0;
    for folder in ["seeds", "crashes"] {
        for file in fs::read_dir(fuzz(folder).join(name)).into_iter().flatten() {
            let path = file.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
            count += 1;
        }
    }
    assert!(count >= 3, "{name} has {count} seeds");
}

#[test]
fn every_target_has_seeds_and_is_run_here() {
    let targets = names(&fuzz("fuzz_targets"));
    assert_eq!(names(&fuzz("seeds")), targets);
    for folder in ["crashes", "dictionaries"] {
        assert!(names(&fuzz(folder)).is_subset(&targets), "{folder} of what is no target");
    }
    let here: BTreeSet<String> = targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    // What reads the kernel's messages is no part of what the crate shows: src/gate/fuzzing.rs goes over its seeds.
    let inside = BTreeSet::from(["netlink".to_owned()]);
    assert_eq!(&here | &inside, targets);
}

//! What the fuzz targets begin with, and every input that once broke something, run through them without a fuzzer.

#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;
use targets::wire::{Reply, Sent};

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

/// An answer as it should be, but for one thing.
#[rstest]
#[case::nothing(200, ("etag", "x"), "<p>&lt;x7f", true)]
#[case::failed(500, ("etag", "x"), "", false)]
#[case::markup(200, ("etag", "x"), "<p><X7F>", false)]
#[case::header(200, ("x-evil", "x"), "", false)]
#[case::header_text(200, ("etag", "<x7f"), "", false)]
#[case::cookie(200, ("set-cookie", "evil=1"), "", false)]
#[case::cookie_text(200, ("set-cookie", "ours=a b; Path=/"), "", false)]
#[case::unsealed(200, ("x-content-type-options", "none"), "<p>", false)]
fn what_an_answer_may_not_be_is_noticed(
    #[case] status: u16,
    #[case] header: (&str, &str),
    #[case] body: &str,
    #[case] holds: bool,
) {
    let usual = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
    ];
    let usual = usual.into_iter().filter(|(name, _)| *name != header.0).chain([header]);
    let headers = usual.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let reply = Reply { status, headers, body: body.into() };
    let sent = Sent { method: "GET".to_owned(), path: "/".to_owned(), whole: true };
    let known = ["content-type", "content-security-policy", "etag", "set-cookie", "x-content-type-options"];
    let checked = std::panic::catch_unwind(|| reply.check(&sent, &known, &["ours="]));
    assert_eq!(checked.is_ok(), holds);
}

//! What `docs/security.md` promises is held by tests that are there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All of the sources' text, tests and all.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            text += &sources(&entry);
        } else if entry.extension().is_some_and(|end| end == "rs") {
            text += &fs::read_to_string(&entry).unwrap();
        }
    }
    text
}

#[test]
fn each_promise_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let promised = page.split("## Promised").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let all = sources(&root().join("tests")) + &sources(&root().join("src"));
    for promise in promised.split("\n- **").skip(1) {
        let Some((what, tests)) = promise.split_once("\n  - ") else {
            // Those that say in their own words how they are held.
            assert!(promise.contains("scripts/"), "no test is named for: {promise}");
            continue;
        };
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test is named for: {what}");
        for name in names {
            let is_there = all.contains(&format!("fn {name}(")) || root().join(name).exists();
            assert!(is_there, "{name} is no test, and is said to hold: {what}");
        }
    }
}

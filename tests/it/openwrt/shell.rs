//! Every shell file of the tree, as shellcheck reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::router::{find_program, tree};

/// The files of a folder that are shell: by their first line, their ending, or because they say how to read them.
fn shell_files(folder: &str) -> Vec<(PathBuf, &'static str)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(tree().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let first = text.lines().next().unwrap_or_default();
        if first.contains("bash") || path.extension().is_some_and(|ending| ending == "bash") {
            found.push((path, "bash"));
        } else if first.starts_with("#!/bin/sh") || text.contains("# shellcheck shell=dash") {
            found.push((path, "dash"));
        }
    }
    found.sort();
    found
}

#[test]
fn every_shell_file_is_as_shellcheck_wants_it() {
    let folders = ["openwrt", "openwrt/files", "scripts", ".ci"];
    let files: Vec<_> = folders.into_iter().flat_map(shell_files).collect();
    let names: Vec<_> = files.iter().map(|(path, _)| path.strip_prefix(tree()).unwrap()).collect();
    for wanted in [
        ".ci/run",
        "openwrt/files/firewall.include",
        "openwrt/files/prerm",
        "openwrt/files/turnpike-guest-network",
        "openwrt/files/turnpike.defaults",
        "openwrt/files/turnpike.init",
        "openwrt/files/turnpike.upgrade",
        "openwrt/install-files",
        "scripts/ipk",
        "scripts/lab.bash",
        "scripts/test",
    ] {
        assert!(names.contains(&Path::new(wanted)), "{wanted} was not found among {names:?}");
    }
    for (path, shell) in &files {
        let checked = Command::new(find_program("shellcheck"))
            .args(["--shell", shell, "--external-sources"])
            .arg(path)
            .current_dir(tree())
            .output()
            .unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

#[test]
fn what_runs_on_a_router_is_read_by_busybox() {
    for (path, shell) in ["openwrt", "openwrt/files"].into_iter().flat_map(shell_files) {
        assert_eq!(shell, "dash", "{}: a router has no bash", path.display());
        let read = Command::new(find_program("busybox")).args(["ash", "-n"]).arg(&path).output().unwrap();
        assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    }
}

//! `scripts/ipk`, with a file that looks like a static program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::router::tree;

/// A copy of what the script needs, since /etc/config/turnpike may be in the making.
fn copied_tree() -> TempDir {
    let dir = TempDir::new().unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .args(["openwrt", "scripts", "Cargo.toml"].map(|part| tree().join(part)))
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(copied.success());
    fs::write(dir.path().join("openwrt/files/turnpike.config"), "config turnpike 'main'\n").unwrap();
    dir
}

/// The head of an ELF file of that class (1: 32 bits, 2: 64), byte order (1: little) and machine, with one program header.
fn elf(class: u8, order: u8, machine: u16, header: u32) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order, 1]);
    let mut put = |at: usize, number: u32, size: usize| {
        let number = if order == 1 {
            number.to_le_bytes()[..size].to_vec()
        } else {
            number.to_be_bytes()[4 - size..].to_vec()
        };
        bytes[at..at + size].copy_from_slice(&number);
    };
    put(18, machine.into(), 2);
    let (offset_at, size_at, size) = if class == 2 { (32, 54, 56) } else { (28, 42, 32) };
    put(offset_at, 64, 4);
    put(size_at, size, 2);
    put(size_at + 2, 1, 2);
    put(64, header, 4);
    bytes
}

const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;

fn ipk(dir: &Path, binary: &[u8], epoch: Option<&str>, arguments: &[&str]) -> Output {
    let file = dir.join("program");
    fs::write(&file, binary).unwrap();
    let mut command = Command::new(dir.join("scripts/ipk"));
    command.arg(&file).args(arguments).current_dir(dir).env_remove("SOURCE_DATE_EPOCH");
    if let Some(epoch) = epoch {
        command.env("SOURCE_DATE_EPOCH", epoch);
    }
    command.output().unwrap()
}

fn version() -> String {
    format!("{}-r1", env!("CARGO_PKG_VERSION"))
}

/// Where the package is that the script says it has made.
fn made(output: &Output) -> PathBuf {
    assert!(output.status.success(), "{output:?}");
    PathBuf::from(String::from_utf8(output.stdout.clone()).unwrap().trim_end())
}

fn tar(arguments: &[&str], file: &Path) -> String {
    let output = Command::new("tar").args(arguments).arg(file).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a tar.gz lists: owner, time and mode by name.
fn listing(file: &Path) -> BTreeMap<String, (String, String, String)> {
    let text = tar(&["--numeric-owner", "--full-time", "-tvzf"], file);
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words[5..].join(" ");
        (name, (words[1].to_owned(), format!("{} {}", words[3], words[4]), words[0].to_owned()))
    };
    text.lines().map(line).collect()
}

fn unpacked(dir: &Path, package: &Path) -> PathBuf {
    let to = dir.join("unpacked");
    fs::create_dir_all(&to).unwrap();
    tar(&["-C", to.to_str().unwrap(), "-xzf"], package);
    for part in ["control", "data"] {
        fs::create_dir_all(to.join(part)).unwrap();
        tar(&["-C", to.join(part).to_str().unwrap(), "-xzf"], &to.join(format!("{part}.tar.gz")));
    }
    to
}

#[test]
fn the_package_has_everything_in_its_place_and_of_root() {
    let dir = copied_tree();
    let output = ipk(dir.path(), &elf(2, 1, 62, LOAD), Some("1700000000"), &["out"]);
    let package = dir.path().join(made(&output));
    assert_eq!(package, dir.path().join(format!("out/turnpike_{}_x86_64.ipk", version())));
    let parts = tar(&["-tzf"], &package);
    assert_eq!(parts, "./debian-binary\n./control.tar.gz\n./data.tar.gz\n");

    let to = unpacked(dir.path(), &package);
    assert_eq!(fs::read_to_string(to.join("debian-binary")).unwrap(), "2.0\n");
    let data = listing(&to.join("data.tar.gz"));
    let control = listing(&to.join("control.tar.gz"));
    for (name, (owner, time, _)) in data.iter().chain(&control) {
        assert_eq!((owner.as_str(), time.as_str()), ("0/0", "2023-11-14 22:13:20"), "{name}");
    }
    let modes: Vec<String> = data
        .iter()
        .filter(|(name, _)| !name.ends_with('/') || name.ends_with("/turnpike/"))
        .map(|(name, (_, _, mode))| format!("{mode} {name}"))
        .collect();
    assert_eq!(
        modes,
        [
            "-rw-r--r-- ./etc/capabilities/turnpike.json",
            "-rw------- ./etc/config/turnpike",
            "-rwxr-xr-x ./etc/init.d/turnpike",
            "drwx------ ./etc/turnpike/",
            "lrwxrwxrwx ./etc/turnpike/turnpike.toml -> /var/etc/turnpike/turnpike.toml",
            "-rwxr-xr-x ./etc/uci-defaults/90-turnpike",
            "-rw-r--r-- ./lib/upgrade/keep.d/turnpike",
            "-rw-r--r-- ./lib/upgrade/turnpike.sh",
            "-rwxr-xr-x ./usr/bin/turnpike",
            "-rwxr-xr-x ./usr/sbin/turnpike-guest-network",
            "drwxr-xr-x ./usr/share/turnpike/",
            "-rwxr-xr-x ./usr/share/turnpike/firewall.include",
            "-rwxr-xr-x ./usr/share/turnpike/prerm",
        ]
    );
    let names: Vec<String> = control.iter().map(|(name, (_, _, mode))| format!("{mode} {name}")).collect();
    assert_eq!(
        names,
        [
            "drwxr-xr-x ./",
            "-rw-r--r-- ./conffiles",
            "-rw-r--r-- ./control",
            "-rwxr-xr-x ./postinst",
            "-rwxr-xr-x ./prerm",
            "-rwxr-xr-x ./prerm-pkg",
        ]
    );
    assert_eq!(fs::read(to.join("data/usr/bin/turnpike")).unwrap(), elf(2, 1, 62, LOAD));
    assert_eq!(fs::read_to_string(to.join("data/lib/upgrade/keep.d/turnpike")).unwrap(), "/etc/turnpike/\n");
    assert_eq!(fs::read_to_string(to.join("control/conffiles")).unwrap(), "/etc/config/turnpike\n");
    // What was not of the tree is not in it, either.
    assert!(!data.keys().any(|name| name.contains("install-files")));
}

#[test]
fn the_control_file_says_what_opkg_asks_for() {
    let dir = copied_tree();
    let package = made(&ipk(dir.path(), &elf(2, 1, 62, LOAD), None, &[]));
    let to = unpacked(dir.path(), &dir.path().join(package));
    let control = fs::read_to_string(to.join("control/control")).unwrap();
    let field = |name: &str| {
        let line = control.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {control}")).to_owned()
    };
    assert_eq!(field("Package"), "turnpike");
    assert_eq!(field("Version"), version());
    assert_eq!(field("Architecture"), "x86_64");
    assert_eq!(field("License"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(field("Require-User"), "turnpike:turnpike");
    assert_eq!(
        field("Depends"),
        "libc, kmod-nft-core, kmod-nft-nat, kmod-nft-fib, kmod-nf-conntrack-netlink, kmod-sched-core, nftables-json, \
         ca-bundle"
    );
    assert!(field("Installed-Size").parse::<u64>().unwrap() > 20_000);
    // Only the first line of a field begins at the margin.
    let description: Vec<&str> =
        control.lines().skip_while(|line| !line.starts_with("Description: ")).collect();
    assert!(description.len() > 1 && description[1..].iter().all(|line| line.starts_with(' ')), "{control}");
}

#[test]
fn the_scripts_of_the_package_leave_the_work_to_openwrts_where_it_has_them() {
    let dir = copied_tree();
    let package = made(&ipk(dir.path(), &elf(2, 1, 62, LOAD), None, &[]));
    let to = unpacked(dir.path(), &dir.path().join(package));
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("lib")).unwrap();
    let run = |script: &str, no_script: &str| {
        let output = Command::new("busybox")
            .args(["ash", to.join("control").join(script).to_str().unwrap(), "configure"])
            .env("IPKG_INSTROOT", &root)
            .env("IPKG_NO_SCRIPT", no_script)
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Nothing there; an older one without these functions; and as it is.
    assert_eq!(run("postinst", "") + &run("prerm", ""), "");
    fs::write(root.join("lib/functions.sh"), ":\n").unwrap();
    assert_eq!(run("postinst", "") + &run("prerm", ""), "");
    let functions =
        "default_postinst() { echo post ${1##*/} $2; }\ndefault_prerm() { echo pre ${1##*/} $2; }\n";
    fs::write(root.join("lib/functions.sh"), functions).unwrap();
    assert_eq!(run("postinst", ""), "post postinst configure\n");
    assert_eq!(run("prerm", ""), "pre prerm configure\n");
    assert_eq!(run("postinst", "1"), "");
    // In a root that is being built nothing of this machine's is called.
    assert_eq!(run("prerm-pkg", ""), "");
    let before = fs::read_to_string(to.join("control/prerm-pkg")).unwrap();
    assert!(before.contains("/usr/share/turnpike/prerm"), "{before}");
}

#[test]
fn the_same_input_makes_the_same_bytes() {
    let (one, other) = (copied_tree(), copied_tree());
    let binary = elf(2, 1, 62, LOAD);
    let first = one.path().join(made(&ipk(one.path(), &binary, Some("1700000000"), &["out"])));
    // Other times of files, another umask, another place.
    fs::remove_file(other.path().join("scripts/lab.bash")).unwrap();
    let touched = Command::new("touch").arg(other.path().join("openwrt/files/prerm")).status().unwrap();
    assert!(touched.success());
    let second = other.path().join(made(&ipk(other.path(), &binary, Some("1700000000"), &["elsewhere"])));
    assert!(fs::read(&first).unwrap() == fs::read(second).unwrap(), "not the same bytes");
    let third = other.path().join(made(&ipk(other.path(), &binary, Some("1700000001"), &["elsewhere"])));
    assert!(fs::read(first).unwrap() != fs::read(third).unwrap(), "the time is in it");
}

#[test]
fn a_package_is_for_the_processor_that_the_program_is_for() {
    let dir = copied_tree();
    for (class, order, machine, arch) in [
        (2, 1, 62, "x86_64"),
        (2, 1, 183, "aarch64_cortex-a53"),
        (2, 1, 183, "aarch64_generic"),
        (1, 1, 40, "arm_cortex-a7_neon-vfpv4"),
        (1, 1, 8, "mipsel_24kc"),
        (1, 2, 8, "mips_24kc"),
        (2, 1, 243, "riscv64_riscv64"),
    ] {
        let output = ipk(dir.path(), &elf(class, order, machine, LOAD), None, &["out", "--arch", arch]);
        assert_eq!(made(&output).to_str().unwrap(), format!("out/turnpike_{}_{arch}.ipk", version()));
    }
    let refused = |binary: &[u8], arguments: &[&str], reason: &str| {
        let output = ipk(dir.path(), binary, None, arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains(reason), "{complaint}");
    };
    refused(&elf(2, 1, 183, LOAD), &[], "opkg print-architecture");
    refused(&elf(2, 1, 183, LOAD), &["--arch", "x86_64"], "not for x86_64");
    refused(&elf(1, 1, 8, LOAD), &["--arch", "mips_24kc"], "is for mipsel");
    refused(&elf(2, 1, 62, LOAD), &["--arch", "x86_64/../.."], "no architecture");
    refused(&elf(2, 1, 62, INTERPRETER), &[], "not static");
    refused(&elf(1, 2, 8, INTERPRETER), &["--arch", "mips_24kc"], "not static");
    refused(&elf(2, 1, 21, LOAD), &[], "machine 21");
    refused(&elf(2, 1, 62, LOAD)[..40], &[], "header");
    refused(b"#!/bin/sh\n", &[], "no program");
    let output = ipk(dir.path(), &elf(2, 1, 62, LOAD), Some("yesterday"), &[]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("SOURCE_DATE_EPOCH"));
}

/// OpenWrt's build system is not here: this is what can be seen of the Makefile without it.
#[test]
fn the_makefile_builds_what_the_script_packs() {
    let makefile = fs::read_to_string(tree().join("openwrt/Makefile")).unwrap();
    for wanted in [
        "CARGO_PKG_PROFILE:=router",
        "$(TOPDIR)/feeds/packages/lang/rust/rust-package.mk",
        "sh ./install-files $(PKG_INSTALL_DIR)/bin/turnpike $(1)",
        "$(eval $(call BuildPackage,turnpike))",
    ] {
        assert!(makefile.contains(wanted), "{wanted}");
    }
    let parts = makefile.lines().find_map(|line| line.strip_prefix("TURNPIKE_PARTS:=")).unwrap();
    for part in parts.split_whitespace() {
        assert!(tree().join(part).exists(), "{part} is copied, but is not there");
    }
    // make takes a line of a recipe by its tab, and ends at the first thing that it does not understand.
    let checked = Command::new("make")
        .args(["-n", "-C", tree().join("openwrt").to_str().unwrap(), "TOPDIR=/nowhere"])
        .output()
        .unwrap();
    let complaint = String::from_utf8(checked.stderr).unwrap();
    assert!(!complaint.contains("missing separator"), "{complaint}");
}

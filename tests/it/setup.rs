//! The hands of `turnpike setup`, on a box that is a folder.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use turnpike::app::setup::{Place, carry_out, look_at_files};
use turnpike::setup::{Command, MARK, NewFile, Owner, Step};

const CONFIG: &str = "/etc/turnpike/turnpike.toml";
const RIGHT: &str = "[[zone]]\nname = \"guests\"\nlan = [\"br-guest\"]\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn put(&self, path: &str, text: &str, mode: u32) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.path(path)).unwrap().permissions().mode() & 0o7777
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn carry_out(&self, step: Step) -> Result<(), String> {
        carry_out(Place::below(self.0.path()), step).await.map_err(|error| format!("{error:#}"))
    }
}

fn file(path: &str, text: &str, mode: u32) -> NewFile {
    NewFile { path: path.into(), text: text.to_owned(), mode, owner: Owner::Daemon, secret: None }
}

#[tokio::test]
async fn a_configuration_is_checked_before_it_takes_its_place() {
    let folder = Folder::new();
    folder.put(CONFIG, "# mine\n", 0o600);
    let wrong = Step::Configure { file: file(CONFIG, "[[zone]]\nname = \"a b\"\n", 0o640), keep: true };
    let said = folder.carry_out(wrong).await.unwrap_err();
    assert!(said.contains("/etc/turnpike/turnpike.toml:2:8: zone.name"), "{said}");
    assert_eq!(folder.names("/etc/turnpike"), ["turnpike.toml"]);
    assert_eq!(folder.text(CONFIG), "# mine\n");

    let right = |keep| Step::Configure { file: file(CONFIG, RIGHT, 0o640), keep };
    folder.carry_out(right(true)).await.unwrap();
    assert_eq!((folder.text(CONFIG).as_str(), folder.mode(CONFIG)), (RIGHT, 0o640));
    let kept = format!("{CONFIG}.before-setup");
    assert_eq!((folder.text(&kept).as_str(), folder.mode(&kept)), ("# mine\n", 0o600));
    // What was kept is not overwritten by the next.
    folder.carry_out(right(true)).await.unwrap();
    assert_eq!(folder.text(&kept), "# mine\n");
    assert_eq!(folder.text(&format!("{kept}.1")), RIGHT);
    folder.carry_out(right(false)).await.unwrap();
    assert_eq!(folder.names("/etc/turnpike").len(), 3);
}

#[tokio::test]
async fn a_file_that_is_there_is_not_overwritten() {
    let folder = Folder::new();
    let step = |mode| Step::Write(file("/etc/dnsmasq.d/guests.conf", "interface=br-guest\n", mode));
    folder.carry_out(step(0o600)).await.unwrap();
    assert_eq!(folder.mode("/etc/dnsmasq.d/guests.conf"), 0o600);
    assert!(folder.carry_out(step(0o644)).await.unwrap_err().contains("cannot be written"));
    assert_eq!(folder.mode("/etc/dnsmasq.d/guests.conf"), 0o600);
    // Nor what a link leads to.
    folder.put("/etc/theirs", "theirs\n", 0o644);
    symlink(folder.path("/etc/theirs"), folder.path("/etc/link")).unwrap();
    folder.carry_out(Step::Write(file("/etc/link", "ours\n", 0o644))).await.unwrap_err();
    assert_eq!(folder.text("/etc/theirs"), "theirs\n");
    let remove = || Step::Remove("/etc/dnsmasq.d/guests.conf".into());
    folder.carry_out(remove()).await.unwrap();
    folder.carry_out(remove()).await.unwrap();
    assert!(folder.names("/etc/dnsmasq.d").is_empty());
}

#[tokio::test]
async fn a_line_comes_once_into_somebody_elses_file_and_goes_again() {
    let folder = Folder::new();
    let (path, copy, line) = ("/etc/nftables.conf", "/etc/nftables.conf.before", "include \"/etc/ours.nft\"");
    let before = "#!/usr/sbin/nft -f\nflush ruleset\n";
    folder.put("/etc/rules/nftables.conf", before, 0o755);
    symlink("rules/nftables.conf", folder.path(path)).unwrap();
    let append = || Step::Append { path: path.into(), line: line.to_owned(), copy: copy.into() };
    for _ in 0..2 {
        folder.carry_out(append()).await.unwrap();
        assert_eq!(folder.text(path), format!("{before}{line}\n"));
    }
    assert_eq!((folder.text(copy).as_str(), folder.mode(path)), (before, 0o755));
    assert!(fs::symlink_metadata(folder.path(path)).unwrap().is_symlink(), "the link was replaced");
    let take_out = || Step::TakeOut { path: path.into(), line: line.to_owned(), copy: copy.into() };
    folder.carry_out(take_out()).await.unwrap();
    assert_eq!(
        (folder.text(path).as_str(), folder.names("/etc")),
        (before, vec!["nftables.conf".into(), "rules".into()])
    );
    // Somebody has changed it meanwhile: that stays, and so does the copy.
    folder.carry_out(append()).await.unwrap();
    let changed = folder.text(path) + "# theirs";
    folder.put("/etc/rules/nftables.conf", &changed, 0o755);
    folder.carry_out(take_out()).await.unwrap();
    assert_eq!(folder.text(path), format!("{before}# theirs"));
    assert_eq!(folder.text(copy), before);
}

#[tokio::test]
async fn a_program_that_fails_says_why() {
    let folder = Folder::new();
    let run = |argv: &[&str]| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        folder.carry_out(Step::Run(Command { argv, why: String::new(), needs_systemd: false }))
    };
    run(&["true"]).await.unwrap();
    assert_eq!(run(&["false"]).await.unwrap_err(), "false failed: exit status: 1");
    let said = run(&["cat", "/nonexistent; true"]).await.unwrap_err();
    // Some programs say by which path they were started.
    assert!(said.starts_with("cat '/nonexistent; true' failed: "), "{said}");
    assert!(said.contains("cat: '/nonexistent; true': No such"), "{said}");
    assert!(run(&["no-such-program"]).await.unwrap_err().contains("cannot be started"));
}

#[test]
fn what_stands_in_files_is_looked_at() {
    let folder = Folder::new();
    folder.put("/etc/dnsmasq.d/turnpike-guests.conf", MARK, 0o644);
    folder.put("/etc/dnsmasq.d/large.conf", &"#".repeat(1_000_001), 0o644);
    folder.put("/etc/network/interfaces", "auto lo\n", 0o644);
    folder.put(CONFIG, RIGHT, 0o640);
    fs::create_dir_all(folder.path("/etc/systemd/system/multi-user.target.wants")).unwrap();
    symlink("/nowhere", folder.path("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"))
        .unwrap();
    let facts = look_at_files(&Place::below(folder.0.path()), Path::new(CONFIG));
    assert_eq!(facts.config.as_deref(), Some(RIGHT));
    assert_eq!(facts.text("/etc/dnsmasq.d/turnpike-guests.conf"), Some(MARK));
    assert_eq!(facts.text("/etc/network/interfaces"), Some("auto lo\n"));
    assert!(facts.has("/etc/dnsmasq.d/large.conf") && facts.text("/etc/dnsmasq.d/large.conf").is_none());
    assert_eq!(facts.networking(), turnpike::setup::Networking::Networkd);
    assert!(!facts.systemd_runs());
}

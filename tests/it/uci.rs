//! `turnpike from-uci`: OpenWrt's form of the configuration, as the init script asks for it.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use turnpike::config::{Config, FromUci};

/// Exit code, stdout, stderr.
fn from_uci(file: &Path) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_turnpike")).arg("from-uci").arg(file).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const FILE: &str = "config turnpike 'main'\n\toption enabled '1'\n\nconfig network 'network'\n\tlist wan 'wan'\n\
                    \toption mark_mask '0xff0000ff'\n\nconfig zone 'guests'\n\toption name 'guests'\n\tlist lan 'br-lan'\n\n\
                    config role 'vip'\n\toption down_mbps '50'\n";

#[test]
fn what_is_printed_is_what_the_daemon_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (uci, toml) = (dir.path().join("turnpike"), dir.path().join("turnpike.toml"));
    fs::write(&uci, FILE).unwrap();
    let (code, said, complaint) = from_uci(&uci);
    assert_eq!((code, complaint.as_str()), (0, ""));
    fs::write(&toml, &said).unwrap();
    let config = Config::load(&toml).unwrap();
    assert_eq!(
        (config.network.wan.as_slice(), config.network.mark_mask),
        (["wan".to_owned()].as_slice(), 0xff00_00ff)
    );
    assert_eq!(
        (config.zones[0].name.as_str(), config.zones[0].lan.as_slice()),
        ("guests", ["br-lan".to_owned()].as_slice())
    );
    assert_eq!(config.roles["vip"].down.unwrap().unwrap().as_mbps(), 50.0);
    // A mistake that is found in it later names a line, and the line the one that it was made of.
    let number = said.lines().position(|line| line.starts_with("name = ")).unwrap();
    assert!(said.lines().nth(number).unwrap().ends_with("# line 9"), "{said}");
}

#[test]
fn a_wrong_file_prints_nothing_but_its_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    let uci = dir.path().join("turnpike");
    fs::write(
        &uci,
        format!(
            "{FILE}\toption upp_mbps '5'\n\toption unmetered 'perhaps'\nconfig zone\n\tlist lan 'br-lan'\n"
        ),
    )
    .unwrap();
    let (code, said, complaint) = from_uci(&uci);
    assert_eq!((code, said.as_str()), (1, ""));
    let file = uci.display();
    assert_eq!(
        complaint.lines().collect::<Vec<_>>(),
        [
            format!("{file}:14:18: vip.upp_mbps: unknown option; did you mean up_mbps?"),
            format!("{file}:15:19: vip.unmetered: must be 1 or 0, not 'perhaps'"),
            format!("{file}:16:1: @zone[1].name: needs a name, as in: config zone 'NAME', or option name"),
        ]
    );
    let (code, said, complaint) = from_uci(&dir.path().join("nowhere"));
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.contains("nowhere: cannot be read"), "{complaint}");
    // A folder, and what has no end.
    assert_eq!(from_uci(dir.path()).0, 1);
    let (code, said, complaint) = from_uci(Path::new("/dev/zero"));
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.contains("more than 1000000 bytes"), "{complaint}");
}

#[test]
fn what_is_doubtful_is_told_and_taken() {
    let dir = tempfile::tempdir().unwrap();
    let uci = dir.path().join("turnpike");
    fs::write(&uci, FILE.replace("0xff0000ff", "0xf")).unwrap();
    let (code, said, complaint) = from_uci(&uci);
    assert_eq!(code, 0);
    assert!(said.contains("mark_mask = 0xf "), "{said}");
    assert_eq!(
        complaint,
        format!("{}:6:19: network.mark_mask: holds only 15 client devices (a warning)\n", uci.display())
    );
}

/// What a file can be made of, right and wrong.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("config zone 'guests'\n".to_owned()),
        Just("\tlist lan 'br-lan'\n".to_owned()),
        "config [a-z]{1,8} '?[a-z0-9_-]{0,4}'?\n",
        "\t(option|list) [a-z_]{1,12} ['\"]?\\PC{0,12}['\"]?\n",
        "\t(option|list) (name|lan|empty|theme_welcome_es|rates|coinslot|env|pulses|enabled) '[ -~]{0,12}'\n",
        "config (zone|role|coinslot|rate|plugin|theme|free|metric|turnpike)( 'a')?\n",
        "[ -~\n\t]{0,12}",
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Whatever it is, it is a configuration that the daemon takes, or it is refused with mistakes that print.
fn hold(bytes: &[u8]) -> Result<(), TestCaseError> {
    match FromUci::parse(bytes, Path::new("turnpike")) {
        Ok(said) => {
            let read = Config::parse(&said.toml, Path::new("turnpike.toml"));
            prop_assert!(read.is_ok(), "{:?}", read);
        }
        Err(error) => {
            prop_assert!(!error.mistakes.is_empty());
            let text = error.to_string();
            prop_assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{:?}", text);
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
            prop_assert!(
                error.mistakes.iter().all(|mistake| mistake.line.is_none_or(|line| line <= lines)),
                "{}",
                text
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        hold(&bytes)?;
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
        hold(text.as_bytes())?;
    }

    #[test]
    fn anything_like_a_file_is_read_or_refused(text in pieces()) {
        hold(text.as_bytes())?;
    }
}

//! What the command line says of itself: completions and man pages name every command.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use turnpike::cli;

fn turnpike(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_turnpike"))
        .args(arguments)
        .env_remove("TURNPIKE_TOKEN")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Every command, by its words, with the names of its options.
fn commands() -> Vec<(Vec<String>, Vec<String>)> {
    fn below(command: &clap::Command, path: &[String], found: &mut Vec<(Vec<String>, Vec<String>)>) {
        for command in command.get_subcommands() {
            let path: Vec<String> = path.iter().cloned().chain([command.get_name().to_owned()]).collect();
            let options = command.get_arguments().filter_map(|option| option.get_long()).map(str::to_owned);
            found.push((path.clone(), options.collect()));
            below(command, &path, found);
        }
    }
    let mut found = Vec::new();
    below(&cli::command(), &[], &mut found);
    assert!(found.len() > 40, "{found:?}");
    found
}

#[test]
fn completions_name_every_command_and_option() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, complaint) = turnpike(&["completions", shell], &[]);
        assert_eq!((code, complaint.as_str()), (0, ""), "{shell}");
        for (path, options) in commands() {
            let name = path.last().unwrap();
            assert!(script.contains(name.as_str()), "{shell}: {name}");
            for option in options {
                assert!(script.contains(&option), "{shell}: {name} --{option}");
            }
        }
    }
    assert_eq!(turnpike(&["completions", "tcsh"], &[]).0, 2);
}

/// The page is roff that can be set: a title, sections, and no line that begins with a request by accident.
fn assert_page(page: &str, title: &str) {
    assert!(page.contains(&format!(".TH {title} 1")), "{title}: {page}");
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"] {
        assert!(page.contains(&format!(".SH {section}")), "{title} has no {section}");
    }
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split([' ', '\\']).next().unwrap();
        let known =
            [".ie", ".el", ".TH", ".SH", ".SS", ".TP", ".RS", ".RE", ".br", ".PP", ".IP", ".nf", ".fi"];
        assert!(known.contains(&request), "{title}: {line}");
    }
}

#[test]
fn the_man_page_names_every_command_and_each_has_its_own() {
    let (code, page, _) = turnpike(&["man"], &[]);
    assert_eq!(code, 0);
    let plain = |text: &str| text.replace("\\-", "-");
    assert!(page.contains(".TH turnpike 1") && page.contains(".SH SUBCOMMANDS"), "{page}");
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("man1");
    assert_eq!(turnpike(&["man", "--dir", place.to_str().unwrap()], &[]).0, 0);
    for (path, options) in commands() {
        if let [name] = path.as_slice() {
            assert!(plain(&page).contains(&format!("turnpike-{name}(1)")), "{name}");
        }
        let title = format!("turnpike-{}", path.join("-"));
        let own =
            fs::read_to_string(place.join(format!("{title}.1"))).unwrap_or_else(|_| panic!("no {title}"));
        assert_page(&own, &title);
        for option in options {
            assert!(plain(&own).contains(&format!("--{option}")), "{title} --{option}");
        }
    }
    let taken = dir.path().join("file");
    fs::write(&taken, "").unwrap();
    let (code, _, complaint) = turnpike(&["man", "--dir", taken.to_str().unwrap()], &[]);
    assert_eq!((code, complaint.lines().count()), (1, 1), "{complaint}");
}

#[test]
fn help_shows_an_example_of_every_command() {
    for (path, _) in commands() {
        let mut command = cli::command();
        let found =
            path.iter().fold(&mut command, |command, name| command.find_subcommand_mut(name).unwrap());
        if !found.has_subcommands() {
            let help = found.render_long_help().to_string();
            assert!(help.contains("Examples:\n  "), "{path:?}: {help}");
        }
    }
    let mut command = cli::command();
    let token = command.find_subcommand_mut("token").unwrap().find_subcommand_mut("create").unwrap();
    let help = token.render_help().to_string();
    for permission in [
        "view_session",
        "modify_session",
        "manage_vouchers",
        "acquire_lock:PATH",
        "register_handler",
        "admin",
    ] {
        assert!(help.contains(permission), "{permission}: {help}");
    }
}

#[test]
fn a_token_is_shown_nowhere() {
    let secret = "tp_secret\u{7f}secret";
    let nowhere = ["status", "--socket", "/nonexistent/socket"];
    for (arguments, environment) in [
        ([&nowhere[..], &["--token", secret]].concat(), vec![]),
        (nowhere.to_vec(), vec![("TURNPIKE_TOKEN", secret)]),
        (nowhere.to_vec(), vec![("TURNPIKE_TOKEN", "tp_secret")]),
        ([&nowhere[..], &["--colour"]].concat(), vec![("TURNPIKE_TOKEN", secret)]),
        (vec!["status", "--help"], vec![("TURNPIKE_TOKEN", secret)]),
    ] {
        let (_, said, complaint) = turnpike(&arguments, &environment);
        assert!(
            !said.contains("secret") && !complaint.contains("secret"),
            "{arguments:?}: {said}{complaint}"
        );
    }
    let given: Vec<OsString> = ["turnpike", "status", "--token", secret].map(OsString::from).into();
    let read = <cli::Cli as clap::Parser>::try_parse_from(given).unwrap();
    assert!(!format!("{read:?}").contains("secret"));
}

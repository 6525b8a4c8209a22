//! How portals look, as the configuration says it.

use std::path::Path;

use turnpike::config::{Config, ConfigError};
use turnpike::domain::theme::Shade;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("turnpike.toml"))
}

const ZONE: &str = "[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n";

#[test]
fn a_zone_says_what_is_different_from_the_others() {
    let text = format!(
        "[theme]\nname = \"Café\"\nwelcome = \"Hello\"\nterms = {{ all = \"Be kind.\", es = \"Sé amable.\" }}\n\
         light = {{ accent = \"#b00020\" }}\n{ZONE}portal = \"[::]:2050\"\n[[zone]]\nname = \"staff\"\nlan = [\"br-staff\"]\n\
         portal = \"[::]:2051\"\n[zone.theme]\nname = \"Staff\"\nwelcome = {{ fil = \"Mabuhay\" }}\nterms_required = true\n\
         light = {{ background = \"#fff\", text = \"#000\" }}\n[admin]\nlisten = \"127.0.0.1:2055\"\n"
    );
    let config = parse(&text).unwrap();
    let [guests, staff] = [0, 1].map(|number| &config.zones[number].theme.theme);
    assert_eq!(guests.name.as_ref().unwrap().as_str(), "Café");
    assert_eq!(staff.name.as_ref().unwrap().as_str(), "Staff");
    assert_eq!(staff.welcome.find("en").unwrap().prose.as_str(), "Mabuhay", "the only one there is");
    assert_eq!(staff.welcome.find("en").unwrap().language, Some("fil"));
    assert!(staff.asks_for_terms() && !guests.asks_for_terms());
    assert_eq!(staff.terms.find("es").unwrap().prose.as_str(), "Sé amable.");
    let accent = |theme: &turnpike::domain::Theme| theme.palette(Shade::Light).accent().unwrap().to_string();
    assert_eq!((accent(guests), accent(staff)), ("#b00020".to_owned(), "#b00020".to_owned()));
    assert!(guests.light.background().is_none() && staff.light.background().is_some());
    let plain = parse(ZONE).unwrap();
    assert_eq!(plain.zones[0].theme, Default::default());
}

#[test]
fn every_mistake_names_its_place() {
    for (rest, wanted) in [
        ("name = \"a\\nb\"", "5:8: zone.theme.name: must be one line of at most 60 characters"),
        ("logos = \"a\"", "5:1: zone.theme.logos: unknown key; did you mean logo?"),
        (
            "light = { accent = \"red\" }",
            "5:20: zone.theme.light.accent: must be a colour in hexadecimal digits",
        ),
        (
            "light = { background = \"#fff\", text = \"#999\" }",
            "5:39: zone.theme.light.text: text of #999999 on #ffffff has a contrast of 2.84:1",
        ),
        (
            "dark = { background = \"#ffffff\" }",
            "5:23: zone.theme.dark.background: text of #ecf2f0 on #ffffff",
        ),
        ("dark = \"#000\"", "5:8: zone.theme.dark: expected a table"),
        ("dark = { link = \"#000\" }", "5:10: zone.theme.dark.link: unknown key"),
        (
            "welcome = 7",
            "5:11: zone.theme.welcome: expected a string, or a table with a string for each language",
        ),
        ("welcome = { de = \"Hallo\" }", "5:13: zone.theme.welcome.de: unknown key"),
        ("footer = \"\\u0007\"", "5:10: zone.theme.footer: has characters that cannot be shown"),
        (
            "terms_required = true",
            "5:18: zone.theme.terms_required: there are no terms that could be accepted",
        ),
        ("logo = \"logo.png\"", "5:8: zone.theme.logo: must be the absolute path of a file"),
    ] {
        let error = parse(&format!("{ZONE}[zone.theme]\n{rest}\n")).expect_err(rest).to_string();
        assert!(error.contains(wanted), "{rest}: {error}");
        assert_eq!(error.lines().count(), 1, "{rest}: {error}");
    }
    let long = format!("{ZONE}[zone.theme]\nwelcome = \"{}\"\n", "x".repeat(601));
    assert!(parse(&long).unwrap_err().to_string().contains("has 601 characters; it can have at most 600"));
}

#[test]
fn pictures_are_looked_at_by_the_check_and_the_daemon_lives_without_them() {
    let dir = tempfile::tempdir().unwrap();
    let logo = dir.path().join("logo.png");
    let file = dir.path().join("turnpike.toml");
    let text = format!("{ZONE}[zone.theme]\nlogo = \"{}\"\n", logo.display());
    std::fs::write(&file, text).unwrap();
    let check = || Config::check(&file).expect_err("has a mistake").to_string();
    assert!(check().contains(":5:8: zone.theme.logo: ") && check().contains("cannot be read"), "{}", check());
    let config = Config::load(&file).unwrap();
    let (theme, problems) = config.zones[0].theme.load();
    assert!(theme.logo.is_none() && problems.len() == 1 && problems[0].contains("logo.png"), "{problems:?}");
    for (bytes, problem) in [
        (b"<svg></svg>".to_vec(), "must be a picture: PNG, JPEG or WebP"),
        (b"\x89PNG\r\n\x1a\nxxxx".to_vec(), "damaged"),
        (vec![0; 70_000], "too large: a picture here can have at most 64 KB"),
    ] {
        std::fs::write(&logo, bytes).unwrap();
        assert!(check().contains(problem), "{}", check());
    }
    std::fs::remove_file(&logo).unwrap();
    std::fs::create_dir(&logo).unwrap();
    assert!(check().contains("is no file"), "{}", check());
}

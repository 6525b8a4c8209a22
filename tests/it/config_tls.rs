//! Certificates in the configuration: what is missing, what does not fit, what is in the files.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use turnpike::config::{AdminTls, Config, ConfigError};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("turnpike.toml"))
}

/// A zone in three lines, and what follows from line 4 on.
fn zone(rest: &str) -> String {
    format!("[[zone]]\nname = \"guests\"\nlan = [\"br-lan\"]\n{rest}")
}

fn mistake(text: &str) -> String {
    parse(text).expect_err("has a mistake").to_string()
}

const FILES: &str = "certificate = \"/etc/a.pem\"\nkey = \"/etc/a.key\"\n";

#[test]
fn without_a_word_there_is_tls_for_the_operator_and_none_for_guests() {
    let config = parse(&zone("")).unwrap();
    assert_eq!((config.admin.tls, &config.admin.files), (AdminTls::Offered, &None));
    assert_eq!((config.zones[0].portal_tls, &config.tls.host), (None, &None));
    let why = config.secure_portal(&config.zones[0]).expect_err("nothing to tell of");
    assert!(why.contains("portal_tls"), "{why}");
}

#[test]
fn what_dhcp_tells_needs_a_listener_a_certificate_and_a_name() {
    let tls = "portal_tls = \"[::]:2443\"\n";
    let config = parse(&zone(tls)).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.key == "zone.portal_tls"), "{:?}", config.warnings);
    assert!(config.secure_portal(&config.zones[0]).is_err_and(|why| why.contains("certificate")));
    let config = parse(&zone(&format!("{tls}[tls]\n{FILES}"))).unwrap();
    assert!(config.warnings.is_empty());
    assert!(config.secure_portal(&config.zones[0]).is_err_and(|why| why.contains("host")));
    let whole = format!("{tls}[tls]\n{FILES}host = \"Portal.Example.net.\"\n");
    let config = parse(&zone(&whole)).unwrap();
    let portal = config.secure_portal(&config.zones[0]).unwrap();
    assert_eq!(portal.api(), "https://portal.example.net:2443/capport");
    assert_eq!(config.admin.files, config.tls.files, "the operator sees the same unless there is another");
    let config = parse(&zone(&whole.replace("2443", "443"))).unwrap();
    assert_eq!(config.secure_portal(&config.zones[0]).unwrap().origin(), "https://portal.example.net");
    let unused = parse(&zone(&format!("[tls]\n{FILES}"))).unwrap();
    assert_eq!(unused.warnings[0].key, "tls");
}

#[test]
fn every_mistake_names_its_key() {
    for (rest, wanted) in [
        ("portal_tls = \"2443\"", "4:14: zone.portal_tls: must be an address and a port"),
        (
            "portal_tls = \"[::]:2050\"",
            "4:14: zone.portal_tls: [::]:2050 is taken by the portal of zone guests",
        ),
        ("portal_tls = \"[::]:80\"", "zone.portal_tls: port 80 leads"),
        ("portal_tls = \"127.0.0.1:2051\"", "zone.portal_tls: 127.0.0.1:2051 is taken by admin.listen"),
        ("venue_info_url = \"cafe.example\"", "zone.venue_info_url: must begin with http"),
        ("[tls]\ncertificate = \"/etc/a.pem\"", "tls.certificate: needs its private key"),
        ("[tls]\nkey = \"/etc/a.key\"", "tls.key: needs its certificate"),
        (
            "[tls]\ncertificate = \"a.pem\"\nkey = \"/etc/a.key\"",
            "tls.certificate: must be the absolute path",
        ),
        ("[tls]\nhost = \"portal.example.net\"", "tls.host: is the name in a certificate"),
        (&format!("[tls]\n{FILES}host = \"192.0.2.1\""), "tls.host: must be a host's name"),
        (&format!("[tls]\n{FILES}host = \"[fd00::1]\""), "tls.host: must be a host's name"),
        (&format!("[tls]\n{FILES}host = \"{}\"", ["a"; 120].join(".")), "tls.host: has at most"),
        ("[tls]\ncertificat = \"/a\"", "did you mean certificate?"),
        ("[admin]\ntls = \"on\"", "admin.tls: must be \"offered\", \"required\" or \"off\""),
        ("[admin]\ntls = true", "admin.tls: expected"),
        ("[admin]\nkey = \"/etc/a.key\"", "admin.key: needs its certificate"),
        // Another address of the router, but the same port: the firewall opens it.
        (
            "portal = \"192.0.2.1:2050\"\n[admin]\nlisten = \"192.0.2.2:2050\"",
            "admin.listen: guests reach port 2050",
        ),
        (
            "portal_tls = \"192.0.2.1:2443\"\n[admin]\nlisten = \"192.0.2.2:2443\"",
            "admin.listen: guests reach port 2443",
        ),
    ] {
        let error = mistake(&zone(rest));
        assert!(error.contains(wanted), "{rest}: {error}");
    }
    let quiet = parse(&zone("[admin]\nlisten = \"192.0.2.2:2051\"\ntls = \"off\"")).unwrap();
    assert!(quiet.warnings[0].to_string().contains("in the clear"), "{:?}", quiet.warnings);
}

#[test]
fn check_config_looks_into_the_files_and_the_daemon_starts_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let file = path("turnpike.toml");
    let text = zone(&format!(
        "portal_tls = \"[::]:2443\"\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\nhost = \"portal.example.net\"\n",
        path("a.pem").display(),
        path("a.key").display()
    ));
    fs::write(&file, text).unwrap();
    let missing = Config::check(&file).expect_err("there are no files").to_string();
    assert!(
        missing.contains("turnpike.toml:6:15: tls.certificate: ")
            && missing.contains("a.pem: cannot be read"),
        "{missing}"
    );
    assert!(Config::load(&file).is_ok(), "a router that waits for its certificate lets nobody through");

    let write = |host: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().self_signed(&key).unwrap();
        fs::write(path("a.pem"), certificate.pem()).unwrap();
        fs::write(path("a.key"), key.serialize_pem()).unwrap();
    };
    write("portal.example.net");
    Config::check(&file).unwrap();
    write("other.example.net");
    let other = Config::check(&file).expect_err("another's").to_string();
    assert!(
        other.contains(":8:8: tls.host: the certificate in")
            && other.contains("is not for portal.example.net"),
        "{other}"
    );
    fs::write(path("a.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let unlike = Config::check(&file).expect_err("not its key").to_string();
    assert!(
        unlike.contains(":7:7: tls.key: ") && unlike.contains("is not the key to the certificate"),
        "{unlike}"
    );
}

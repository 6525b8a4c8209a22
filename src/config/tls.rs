//! What is served over TLS, and with which certificate.

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::{Found, Section, expected};
use super::{Config, ZoneConfig, values};
use crate::tls::{CertificateFiles, Pair, PairError};

/// What a DHCP option holds in one piece (RFC 2132: one byte for its length), less the longest of what stands around the
/// host in the URI: `https://`, `:65535/capport`.
const MAX_HOST: usize = 255 - 22;

/// Whether the files that a configuration names are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// Not now: they come and go while the daemon runs, and it lives without them.
    Left,
    /// Now: whoever checks a configuration wants to know.
    Read,
}

/// `[tls]`: what guests' devices reach the portal by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// The certificate and its key; `None` is one that is made here, which devices do not believe.
    pub files: Option<CertificateFiles>,
    /// The name in the certificate, lower case. What DHCP tells, and what guests must find the portal by.
    pub host: Option<String>,
}

/// `[admin] tls`: how the admin listener is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdminTls {
    /// With TLS or without, on the same port.
    #[default]
    Offered,
    /// With TLS only.
    Required,
    /// Without.
    Off,
}

/// Where a zone's portal is by name and over TLS, with a certificate that devices believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurePortal {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl SecurePortal {
    /// `https://HOST[:PORT]`, as a browser writes the origin.
    pub fn origin(&self) -> String {
        match self.port {
            443 => format!("https://{}", self.host),
            port => format!("https://{}:{port}", self.host),
        }
    }

    /// Where the captive-portal API is (RFC 8908): what DHCP and router advertisements tell (RFC 8910).
    pub fn api(&self) -> String {
        format!("{}/capport", self.origin())
    }
}

impl Config {
    /// Where a zone's portal is over TLS, with a certificate that devices believe.
    ///
    /// # Errors
    ///
    /// What is missing for it, as a sentence with the key to set.
    pub fn secure_portal(&self, zone: &ZoneConfig) -> Result<SecurePortal, &'static str> {
        let Some(listen) = zone.portal_tls else {
            return Err("the zone has no portal_tls, as in portal_tls = \"[::]:2443\"");
        };
        if self.tls.files.is_none() {
            return Err("[tls] names no certificate and key: devices do not believe one that is made here");
        }
        let Some(host) = self.tls.host.clone() else {
            return Err("[tls] names no host: the name in the certificate");
        };
        Ok(SecurePortal { host, port: listen.port() })
    }
}

/// `[tls]`, and where its first key stands.
pub(super) fn read(
    report: &mut Report<'_>,
    table: Option<(usize, &DeTable<'_>)>,
    files: Files,
) -> (TlsConfig, Option<usize>) {
    let Some((at, table)) = table else { return (TlsConfig::default(), None) };
    let mut section = Section::new(report, "tls", at, table);
    let host = section.read("host", host_if).and_then(|found| Some((found.value?, found.at)));
    let found = read_files(&mut section, files);
    if let Some((host, at)) = &host {
        match &found {
            None if table.get("certificate").is_none() => section.mistake(
                *at,
                "host",
                "is the name in a certificate: give the certificate and its key, too",
            ),
            Some((files, Some(pair))) if !pair.is_for(host) => {
                let text = format!("the certificate in {} is not for {host}", files.certificate.display());
                section.mistake(*at, "host", text);
            }
            Some(_) | None => {}
        }
    }
    section.finish();
    (TlsConfig { files: found.map(|(files, _)| files), host: host.map(|(host, _)| host) }, Some(at))
}

/// `certificate` and `key` of a section: both or none. With what is in them, if that was looked at and can be used.
pub(super) fn read_files(
    section: &mut Section<'_, '_, '_>,
    files: Files,
) -> Option<(CertificateFiles, Option<Pair>)> {
    let given =
        |found: Option<Found<Option<PathBuf>>>| found.and_then(|found| Some((found.value?, found.at)));
    let certificate = given(section.read("certificate", values::path_if));
    let key = given(section.read("key", values::path_if));
    let ((certificate, certificate_at), (key, key_at)) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some((_, at)), None) => {
            section.mistake(at, "certificate", "needs its private key: give key, too");
            return None;
        }
        (None, Some((_, at))) => {
            section.mistake(at, "key", "needs its certificate: give certificate, too");
            return None;
        }
        (None, None) => return None,
    };
    let named = CertificateFiles { certificate, key };
    let pair = match files {
        Files::Left => None,
        Files::Read => match Pair::read(&named) {
            Ok(pair) => Some(pair),
            Err(error) => {
                let (at, key) = match &error {
                    PairError::Certificate { .. } => (certificate_at, "certificate"),
                    PairError::Key { .. } => (key_at, "key"),
                };
                section.mistake(at, key, error.to_string());
                None
            }
        },
    };
    Some((named, pair))
}

/// `"offered"`, `"required"` or `"off"`.
pub(super) fn admin_tls(value: &DeValue<'_>) -> Result<AdminTls, String> {
    match value.as_str() {
        Some("offered") => Ok(AdminTls::Offered),
        Some("required") => Ok(AdminTls::Required),
        Some("off") => Ok(AdminTls::Off),
        Some(_) => Err("must be \"offered\", \"required\" or \"off\"".to_owned()),
        None => Err(expected("\"offered\", \"required\" or \"off\"", value)),
    }
}

/// A host's name; empty is none. No address: devices do not believe a certificate for one, and DHCP does not tell it.
fn host_if(value: &DeValue<'_>) -> Result<Option<String>, String> {
    if value.as_str() == Some("") {
        return Ok(None);
    }
    let host = values::domain(value)
        .map_err(|_| "must be a host's name, as in \"portal.example.net\", and no address".to_owned())?;
    if host.len() > MAX_HOST {
        return Err(format!("has at most {MAX_HOST} characters: its address must fit into a DHCP option"));
    }
    Ok(Some(host))
}

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};

use super::dates::dates;
use crate::domain::WallTime;

/// The largest file that is read: a chain has a few KB.
const MAX_BYTES: u64 = 256 * 1024;

/// Where a certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it those that lead to the authority; PEM.
    pub certificate: PathBuf,
    /// Its private key; PEM, without a password.
    pub key: PathBuf,
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// It is the certificate.
    #[error("{}: {problem}", file.display())]
    Certificate {
        /// Its file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It is the key.
    #[error("{}: {problem}", file.display())]
    Key {
        /// Its file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What is worth knowing of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The SHA-256 of it, as browsers show it: pairs of hexadecimal digits with colons between.
    pub sha256: String,
    /// From when it holds.
    pub begins: WallTime,
    /// Until when it holds.
    pub ends: WallTime,
    /// Whether it was made here: nobody vouches for it, and browsers warn of it.
    pub is_own: bool,
}

/// A certificate with its chain, and its key, which belong together.
#[derive(Debug, Clone)]
pub struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) facts: Facts,
}

impl Pair {
    /// Reads both files and checks that they belong together.
    pub fn read(files: &CertificateFiles) -> Result<Self, PairError> {
        let certificate = read(&files.certificate)
            .map_err(|problem| PairError::Certificate { file: files.certificate.clone(), problem })?;
        let key = read(&files.key).map_err(|problem| PairError::Key { file: files.key.clone(), problem })?;
        Self::from_pem(&certificate, &key, files)
    }

    /// From what is in the files; their names are for messages.
    fn from_pem(certificate: &[u8], key: &[u8], files: &CertificateFiles) -> Result<Self, PairError> {
        let of_certificate =
            |problem: String| PairError::Certificate { file: files.certificate.clone(), problem };
        let of_key = |problem: String| PairError::Key { file: files.key.clone(), problem };

        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| of_certificate(format!("is not PEM: {error}")))?;
        let first = chain.first().ok_or_else(|| {
            of_certificate(
                "holds no certificate; it is to be PEM, with -----BEGIN CERTIFICATE-----".to_owned(),
            )
        })?;
        ParsedCertificate::try_from(first)
            .map_err(|error| of_certificate(format!("holds no certificate that can be used: {error}")))?;
        let (begins, ends) = dates(first)
            .ok_or_else(|| of_certificate("the dates of the certificate cannot be read".to_owned()))?;
        let facts = Facts { sha256: fingerprint(first), begins, ends, is_own: false };

        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| of_key(no_key(key).to_owned()))?;
        let key = any_supported_type(&key).map_err(|_| {
            of_key(
                "holds no key that can be used; those for RSA (2048 to 4096 bits), ECDSA (P-256, P-384) and Ed25519 can"
                    .to_owned(),
            )
        })?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self { key: Arc::new(key), facts })
            }
            Err(_) => {
                Err(of_key(format!("is not the key to the certificate in {}", files.certificate.display())))
            }
        }
    }

    /// The same, known to be made here.
    pub(super) fn own(mut self) -> Self {
        self.facts.is_own = true;
        self
    }

    /// What is worth knowing of the certificate.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether the certificate is for this host.
    pub fn is_for(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host) else { return false };
        let parsed =
            self.key.end_entity_cert().ok().and_then(|first| ParsedCertificate::try_from(first).ok());
        parsed.is_some_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }
}

/// What a file without a key holds instead.
fn no_key(pem: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(pem);
    if text.contains("ENCRYPTED") {
        "is encrypted; write the key without a password"
    } else {
        "holds no private key; it is to be PEM, with -----BEGIN PRIVATE KEY-----"
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let opened = File::open(file).map_err(unreadable)?;
    if !opened.metadata().map_err(unreadable)?.is_file() {
        return Err("is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let read = opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) {
        return Err(format!("has more than {MAX_BYTES} bytes: neither a certificate nor a key"));
    }
    Ok(bytes)
}

fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn read(&self, certificate: &str, key: &str) -> Result<Pair, PairError> {
            let files = CertificateFiles {
                certificate: self.0.path().join("a.pem"),
                key: self.0.path().join("a.key"),
            };
            fs::write(&files.certificate, certificate).unwrap();
            fs::write(&files.key, key).unwrap();
            Pair::read(&files)
        }
    }

    fn made(host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_pair_knows_its_host_and_its_fingerprint() {
        let folder = Folder::new();
        let (certificate, key) = made("portal.example.net");
        let pair = folder.read(&certificate, &key).unwrap();
        assert!(pair.is_for("portal.example.net") && pair.is_for("PORTAL.example.net"));
        assert!(!pair.is_for("example.net") && !pair.is_for("a b") && !pair.is_for(""));
        assert_eq!(pair.facts().sha256.len(), 32 * 3 - 1);
        assert!(!pair.facts().is_own);
        // A chain: what follows the first leads to the authority.
        let (more, _) = made("authority");
        assert_eq!(folder.read(&format!("{certificate}{more}"), &key).unwrap().facts(), pair.facts());
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_file() {
        let folder = Folder::new();
        let ((certificate, key), (other, _)) = (made("a.test"), made("b.test"));
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let cut = &certificate[..certificate.len() / 2];
        let bent = certificate.replacen("MII", "MIA", 1);
        for (certificate, key, about, word) in [
            ("", key.as_str(), "a.pem", "holds no certificate"),
            (key.as_str(), key.as_str(), "a.pem", "holds no certificate"),
            (cut, key.as_str(), "a.pem", "PEM"),
            (bent.as_str(), key.as_str(), "a.pem", "can"),
            (certificate.as_str(), "", "a.key", "holds no private key"),
            (certificate.as_str(), certificate.as_str(), "a.key", "holds no private key"),
            (certificate.as_str(), encrypted.as_str(), "a.key", "without a password"),
            (other.as_str(), key.as_str(), "a.key", "is not the key to the certificate"),
        ] {
            let error = folder.read(certificate, key).expect_err(word);
            let (file, problem) = match &error {
                PairError::Certificate { file, problem } | PairError::Key { file, problem } => {
                    (file, problem)
                }
            };
            assert!(file.ends_with(about) && problem.contains(word), "{error}");
        }
        let huge = "x".repeat(300_000);
        assert!(folder.read(&huge, &key).expect_err("huge").to_string().contains("more than"));
        let files = CertificateFiles { certificate: folder.0.path().into(), key: folder.0.path().into() };
        assert!(Pair::read(&files).expect_err("a folder").to_string().contains("no file"));
    }
}

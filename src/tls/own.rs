use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};

use super::pair::{CertificateFiles, Pair, PairError};
use crate::domain::WallTime;
use crate::durable::replace_private;

/// One that ends within so long is made anew.
const RENEW_MS: i64 = 30 * 86_400_000;
/// Routers start in 1970, and some never hear what year it is: it holds from the first day of their clocks …
const FIRST: (i32, u8, u8) = (1970, 1, 1);
/// … for longer than the router.
const LAST: (i32, u8, u8) = (2099, 12, 31);

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// It could not be signed.
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// It could not be kept.
    #[error("{}: the certificate could not be written: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was kept cannot be used.
    #[error(transparent)]
    Pair(#[from] PairError),
}

/// The certificate that was made here, which nobody vouches for: kept in one file with its key, readable by its owner
/// alone. It is made if there is none, if what is there cannot be used, and before it ends.
///
/// `now` is the time as far as it can be believed.
pub fn own_pair(file: &Path, names: &[String], now: WallTime) -> Result<Pair, OwnError> {
    let files = CertificateFiles { certificate: file.to_owned(), key: file.to_owned() };
    match File::open(file) {
        Ok(opened) => {
            // Restored from a copy, it may have lost its mode.
            let kept = opened.set_permissions(Permissions::from_mode(0o600));
            kept.map_err(|source| OwnError::Write { file: file.to_owned(), source })?;
            match Pair::read(&files) {
                Ok(pair) if pair.facts().ends.0.saturating_sub(now.0) > RENEW_MS => return Ok(pair.own()),
                Ok(_) => {
                    tracing::info!(file = %file.display(), "the certificate ends soon; it is made anew");
                }
                Err(error) => tracing::warn!(%error, "the certificate cannot be used; it is made anew"),
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => {
            let problem = format!("cannot be read: {source}");
            return Err(PairError::Key { file: file.to_owned(), problem }.into());
        }
    }
    replace_private(file, make(names)?.as_bytes())
        .map_err(|source| OwnError::Write { file: file.to_owned(), source })?;
    Ok(Pair::read(&files)?.own())
}

/// A key and its certificate, PEM. Names that no certificate can hold are left out.
fn make(names: &[String]) -> Result<String, rcgen::Error> {
    let is_name = |name: &&String| name.is_ascii() && !name.is_empty();
    let mut params = CertificateParams::new(names.iter().filter(is_name).cloned().collect::<Vec<_>>())?;
    params.not_before = date_time_ymd(FIRST.0, FIRST.1, FIRST.2);
    params.not_after = date_time_ymd(LAST.0, LAST.1, LAST.2);
    params.distinguished_name.push(DnType::CommonName, "Turnpike");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime(1_795_219_200_000);

    fn names() -> Vec<String> {
        vec!["localhost".to_owned(), "cafe-1".to_owned(), "caf\u{e9}".to_owned(), String::new()]
    }

    #[test]
    fn it_is_made_once_for_its_owner_alone_and_holds_at_any_clock() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("turnpike.db.tls");
        let made = own_pair(&file, &names(), WallTime(0)).unwrap();
        assert!(made.facts().is_own && made.is_for("localhost") && made.is_for("cafe-1"));
        assert!(made.facts().begins <= WallTime(0));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let again = own_pair(&file, &names(), NOW).unwrap();
        assert_eq!(again.facts(), made.facts());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_is_made_anew_before_it_ends_and_if_it_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.tls");
        let first = own_pair(&file, &names(), NOW).unwrap();
        let day_before = WallTime(first.facts().ends.0 - 86_400_000);
        let second = own_pair(&file, &names(), day_before).unwrap();
        assert_ne!(first.facts().sha256, second.facts().sha256);
        std::fs::write(&file, "half of it").unwrap();
        let third = own_pair(&file, &names(), NOW).unwrap();
        assert!(third.facts().is_own && third.facts().sha256 != second.facts().sha256);
        let nowhere = folder.path().join("no/such/folder.tls");
        assert!(matches!(own_pair(&nowhere, &names(), NOW), Err(OwnError::Write { .. })));
    }
}

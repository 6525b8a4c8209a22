use std::collections::HashSet;
use std::fmt;
use std::fs::{File, Permissions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::VoucherCode;
use crate::domain::SealedCode;
use crate::durable::replace_private;

const SECRET_BYTES: usize = 32;
/// Of ChaCha20-Poly1305 (RFC 8439).
pub(super) const NONCE_BYTES: usize = 12;

/// The keys to the codes: digests and seals them. See the module for what it protects from.
#[derive(Clone)]
pub struct VoucherVault {
    lookup_key: [u8; 32],
    device_key: [u8; 64],
    cipher: ChaCha20Poly1305,
    /// For what else is kept in the store and must not be read from a copy of it.
    pub(super) secrets: ChaCha20Poly1305,
}

/// Why codes cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There are vouchers, and no key to them.
    #[error(
        "{}: the key to the vouchers in the database is missing; put it back from a copy, \
         or delete the vouchers to start anew", .0.display()
    )]
    Missing(PathBuf),
    /// The file does not hold a key.
    #[error("{}: not a voucher key: expected 64 hexadecimal digits", .0.display())]
    NotAKey(PathBuf),
    /// A key, but another one.
    #[error("{}: this is not the key that the vouchers in the database were made with", .0.display())]
    WrongKey(PathBuf),
    /// The file could not be read or made.
    #[error("{}: cannot {action} the voucher key: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A sealed code that this key does not open.
    #[error("a stored voucher code cannot be read: another key made it, or it is damaged")]
    Unreadable,
}

impl VoucherVault {
    /// Reads the key file. If there is none, it is made, unless a voucher says that there was one.
    ///
    /// `sample` is any voucher of the store: what proves that the key is the right one.
    pub fn open(path: &Path, sample: Option<&SealedCode>) -> Result<Self, VaultError> {
        let failed = |action| move |source| VaultError::File { path: path.to_owned(), action, source };
        let secret = match File::open(path) {
            Ok(file) => {
                // Restored from a copy, it may have lost its mode.
                file.set_permissions(Permissions::from_mode(0o600)).map_err(failed("protect"))?;
                let mut text = String::new();
                match file.take(256).read_to_string(&mut text) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::InvalidData => {
                        return Err(VaultError::NotAKey(path.to_owned()));
                    }
                    Err(error) => return Err(failed("read")(error)),
                }
                from_hex(text.trim()).ok_or_else(|| VaultError::NotAKey(path.to_owned()))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if sample.is_some() {
                    return Err(VaultError::Missing(path.to_owned()));
                }
                let mut secret = [0; SECRET_BYTES];
                getrandom::fill(&mut secret)?;
                write_key(path, &secret).map_err(failed("make"))?;
                secret
            }
            Err(error) => return Err(failed("read")(error)),
        };
        let vault = Self::from_secret(&secret);
        match sample.map(|sample| vault.unseal(sample)) {
            None | Some(Ok(_)) => Ok(vault),
            Some(Err(_)) => Err(VaultError::WrongKey(path.to_owned())),
        }
    }

    /// One key for each use, so that neither tells anything of the other.
    pub(super) fn from_secret(secret: &[u8; SECRET_BYTES]) -> Self {
        let seal_key = digest(secret, b"turnpike voucher seal 1");
        Self {
            lookup_key: digest(secret, b"turnpike voucher lookup 1"),
            device_key: block(&digest(secret, b"turnpike device 1")),
            cipher: ChaCha20Poly1305::new(&seal_key.into()),
            secrets: ChaCha20Poly1305::new(&digest(secret, b"turnpike secret seal 1").into()),
        }
    }

    /// The key to what devices are known by, as long as a block of SHA-256.
    pub(super) const fn device_key(&self) -> [u8; 64] {
        self.device_key
    }

    /// New codes, all different, each with what the store keeps of it.
    pub fn new_codes(&self, count: u32) -> Result<Vec<(VoucherCode, SealedCode)>, VaultError> {
        let mut known = HashSet::new();
        let mut codes = Vec::new();
        let mut pool = [0; 4096];
        while codes.len() < usize::try_from(count).unwrap_or(usize::MAX) {
            getrandom::fill(&mut pool)?;
            let mut bytes = pool.into_iter();
            while let Some(code) = VoucherCode::from_random(&mut bytes) {
                if codes.len() >= usize::try_from(count).unwrap_or(usize::MAX) {
                    break;
                }
                if known.insert(code) {
                    codes.push((code, self.seal(&code)?));
                }
            }
        }
        Ok(codes)
    }

    /// What a typed code is found by; `None` if it cannot be a code.
    pub fn lookup(&self, typed: &str) -> Option<[u8; 32]> {
        VoucherCode::parse(typed).map(|code| self.digest(&code))
    }

    /// The code of a stored voucher, for printing it again.
    pub fn unseal(&self, stored: &SealedCode) -> Result<VoucherCode, VaultError> {
        let plain = self
            .cipher
            .decrypt(&nonce(&stored.lookup), stored.sealed.as_slice())
            .map_err(|_| VaultError::Unreadable)?;
        std::str::from_utf8(&plain).ok().and_then(VoucherCode::parse).ok_or(VaultError::Unreadable)
    }

    pub(super) fn seal(&self, code: &VoucherCode) -> Result<SealedCode, VaultError> {
        let lookup = self.digest(code);
        let sealed = self
            .cipher
            .encrypt(&nonce(&lookup), code.bytes().as_slice())
            .map_err(|_| VaultError::Unreadable)?;
        Ok(SealedCode { lookup, sealed })
    }

    fn digest(&self, code: &VoucherCode) -> [u8; 32] {
        digest(&self.lookup_key, code.bytes())
    }
}

impl fmt::Debug for VoucherVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherVault(…)")
    }
}

/// The nonce of a code's seal: part of its keyed digest. Two codes never share one, so none is ever used for two texts;
/// and a seal moved to another row does not open.
fn nonce(lookup: &[u8; 32]) -> Nonce {
    let mut nonce = [0; NONCE_BYTES];
    nonce.iter_mut().zip(lookup).for_each(|(to, from)| *to = *from);
    nonce.into()
}

fn digest(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block(key).into());
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// A key of 32 bytes as HMAC takes it: the block of SHA-256 is 64 bytes, a shorter key is padded (RFC 2104).
fn block(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

/// Writes the key beside its place and moves it there: a power cut leaves a whole key or none.
fn write_key(path: &Path, secret: &[u8; SECRET_BYTES]) -> std::io::Result<()> {
    let mut text = String::with_capacity(2 * SECRET_BYTES + 1);
    for byte in secret {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('\n');
    replace_private(path, text.as_bytes())
}

pub(super) fn from_hex(text: &str) -> Option<[u8; SECRET_BYTES]> {
    if text.len() != 2 * SECRET_BYTES {
        return None;
    }
    let mut secret = [0; SECRET_BYTES];
    for (byte, pair) in secret.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = pair.iter().try_fold(0u8, |value, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            u8::try_from(u32::from(value) * 16 + digit).ok()
        })?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_and_printed_again_under_its_own_key_only() {
        let vault = VoucherVault::from_secret(&[1; 32]);
        let other = VoucherVault::from_secret(&[2; 32]);
        let (code, stored) = vault.new_codes(1).unwrap().remove(0);
        assert_eq!(vault.lookup(&code.to_string().to_lowercase()), Some(stored.lookup));
        assert_eq!(vault.unseal(&stored).unwrap(), code);
        assert_ne!(other.lookup(&code.to_string()), Some(stored.lookup));
        assert!(matches!(other.unseal(&stored), Err(VaultError::Unreadable)));
        let (_, mut moved) = vault.new_codes(1).unwrap().remove(0);
        moved.sealed = stored.sealed;
        assert!(vault.unseal(&moved).is_err());
    }

    #[test]
    fn the_digest_is_hmac_sha256() {
        // RFC 4231 has no case with a key of 32 bytes; a shorter one is padded with zeroes alike (case 2).
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(digest(&key, b"what do ya want for nothing?")[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }

    #[test]
    fn the_key_is_made_once_and_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("turnpike.db.key");
        let vault = VoucherVault::open(&path, None).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (_, stored) = vault.new_codes(1).unwrap().remove(0);

        let again = VoucherVault::open(&path, Some(&stored)).unwrap();
        assert!(again.unseal(&stored).is_ok());

        let moved = directory.path().join("elsewhere");
        std::fs::rename(&path, &moved).unwrap();
        assert!(matches!(VoucherVault::open(&path, Some(&stored)), Err(VaultError::Missing(_))));
        assert!(!path.exists());

        VoucherVault::open(&path, None).unwrap();
        assert!(matches!(VoucherVault::open(&path, Some(&stored)), Err(VaultError::WrongKey(_))));
        for wrong in [&b""[..], b"00", &[0xff; 64], &[b'x'; 64], &[b'0'; 66]] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(VoucherVault::open(&path, None), Err(VaultError::NotAKey(_))));
        }
    }
}

use chacha20poly1305::Nonce;
use chacha20poly1305::aead::{Aead, Payload};

use super::vault::NONCE_BYTES;
use super::{VaultError, VoucherVault};

impl VoucherVault {
    /// Seals a small secret that is kept in the store, with the key that lies beside it. `of` says whose it is: elsewhere
    /// it does not open.
    pub fn seal_secret(&self, of: &str, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        // Few are ever sealed: random nonces do not meet.
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: secret, aad: of.as_bytes() };
        let sealed =
            self.secrets.encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::Unreadable)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`VoucherVault::seal_secret`] sealed for the same.
    pub fn open_secret(&self, of: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Unreadable)?;
        let payload = Payload { msg: sealed, aad: of.as_bytes() };
        self.secrets.decrypt(&Nonce::from(*nonce), payload).map_err(|_| VaultError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_whom_it_was_sealed_and_nobody_else() {
        let vault = VoucherVault::from_secret(&[7; 32]);
        let sealed = vault.seal_secret("admin 1", b"secret").unwrap();
        assert_ne!(vault.seal_secret("admin 1", b"secret").unwrap(), sealed, "never the same twice");
        assert_eq!(vault.open_secret("admin 1", &sealed).unwrap(), b"secret");
        let other = VoucherVault::from_secret(&[8; 32]);
        assert!(
            vault.open_secret("admin 2", &sealed).is_err() && other.open_secret("admin 1", &sealed).is_err()
        );
        for damaged in [&[][..], &sealed[..5], &sealed[..sealed.len() - 1]] {
            assert!(vault.open_secret("admin 1", damaged).is_err());
        }
    }
}

//! What devices are known by beyond their MAC, from the same secret as the vouchers' keys. Nothing of it is stored.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::VoucherVault;
use crate::domain::{DeviceId, RecoveryCode};

/// The longest token: a UUID, a version, 64 digits, two dots.
const MAX_TOKEN_BYTES: usize = 36 + 10 + 64 + 2;

impl VoucherVault {
    /// What a device's browser keeps: who it is, under a keyed digest.
    pub fn device_token(&self, device: DeviceId, version: u32) -> String {
        let mut token = format!("{device}.{version}.");
        for byte in self.of_device(b"token", device, version).finalize().into_bytes() {
            token.push_str(&format!("{byte:02x}"));
        }
        token
    }

    /// Whose token this is; `None` if it is not one of ours. Compared in constant time.
    pub fn read_device_token(&self, token: &str) -> Option<(DeviceId, u32)> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (device, rest) = token.split_once('.')?;
        let (version, digest) = rest.split_once('.')?;
        let (device, version) = (device.parse().ok()?, version.parse().ok()?);
        let digest = super::vault::from_hex(digest)?;
        self.of_device(b"token", device, version).verify_slice(&digest).ok()?;
        Some((device, version))
    }

    /// The code that moves what a device has left.
    pub fn recovery_code(&self, device: DeviceId, version: u32) -> RecoveryCode {
        let digest = self.of_device(b"code", device, version).finalize().into_bytes();
        RecoveryCode::from_number(
            digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }

    fn of_device(&self, what: &[u8], device: DeviceId, version: u32) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.device_key().into());
        mac.update(what);
        mac.update(device.to_string().as_bytes());
        mac.update(&version.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: u128) -> DeviceId {
        DeviceId::new(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_token_is_read_as_written_and_nothing_else_is() {
        let (vault, other) = (VoucherVault::from_secret(&[1; 32]), VoucherVault::from_secret(&[2; 32]));
        let token = vault.device_token(device(7), 3);
        assert_eq!(vault.read_device_token(&token), Some((device(7), 3)));
        assert_eq!(vault.device_token(device(u128::MAX), u32::MAX).len(), MAX_TOKEN_BYTES);
        assert_eq!(other.read_device_token(&token), None, "another router's");
        let forged = token.replacen(".3.", ".4.", 1);
        let mut flipped = token.clone();
        flipped.replace_range(token.len() - 1.., if token.ends_with('0') { "1" } else { "0" });
        let shorter = &token[..token.len() - 2];
        for wrong in [
            forged.as_str(),
            &flipped,
            shorter,
            "",
            ".",
            "..",
            "a.b.c",
            &token.replace('.', ""),
            &format!("{token}0"),
            &"é".repeat(50),
        ] {
            assert_eq!(vault.read_device_token(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn codes_differ_by_device_version_and_router() {
        let (vault, other) = (VoucherVault::from_secret(&[1; 32]), VoucherVault::from_secret(&[2; 32]));
        let codes = [
            vault.recovery_code(device(1), 0),
            vault.recovery_code(device(1), 1),
            vault.recovery_code(device(2), 0),
            other.recovery_code(device(1), 0),
        ];
        for (place, code) in codes.iter().enumerate() {
            assert_eq!(codes.iter().filter(|other| *other == code).count(), 1, "{place}");
        }
        assert_eq!(vault.recovery_code(device(1), 0), codes[0]);
    }
}

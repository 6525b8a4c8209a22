use super::{VoucherCode, VoucherVault};
use crate::domain::{SealedCode, VoucherCodes};

impl VoucherCodes for VoucherVault {
    fn new_codes(&self, count: u32) -> Result<Vec<(String, SealedCode)>, String> {
        let codes = Self::new_codes(self, count).map_err(|error| error.to_string())?;
        Ok(codes.into_iter().map(|(code, sealed)| (code.to_string(), sealed)).collect())
    }

    fn seal(&self, typed: &str) -> Option<(String, SealedCode)> {
        let code = VoucherCode::parse(typed)?;
        Some((code.to_string(), Self::seal(self, &code).ok()?))
    }

    fn lookup(&self, typed: &str) -> Option<[u8; 32]> {
        Self::lookup(self, typed)
    }

    fn unseal(&self, stored: &SealedCode) -> Result<String, String> {
        Self::unseal(self, stored).map(|code| code.to_string()).map_err(|error| error.to_string())
    }
}

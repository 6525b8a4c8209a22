use std::fmt;
use std::str::FromStr;

/// An Ethernet address of one device: never a group address, never all zeroes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

/// Why a text or a byte string is no device's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// Not six pairs of hexadecimal digits.
    #[error("not a MAC address: expected six pairs of hexadecimal digits, as in 02:00:5e:00:53:01")]
    Syntax,
    /// Multicast, broadcast or all zeroes.
    #[error("not one device's MAC address: a group address or all zeroes")]
    NotADevice,
}

impl MacAddr {
    /// Checks that the bytes can be one device's address.
    pub fn from_bytes(bytes: [u8; 6]) -> Result<Self, MacError> {
        if bytes[0] & 1 == 1 || bytes == [0; 6] { Err(MacError::NotADevice) } else { Ok(Self(bytes)) }
    }

    /// The six bytes, in the order of the wire.
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for MacAddr {
    type Err = MacError;

    /// Reads `aa:bb:cc:dd:ee:ff`, with colons or dashes, in any case.
    fn from_str(text: &str) -> Result<Self, MacError> {
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut bytes = [0; 6];
        let mut parts = text.split(separator);
        for byte in &mut bytes {
            let part = parts.next().ok_or(MacError::Syntax)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(MacError::Syntax);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| MacError::Syntax)?;
        }
        if parts.next().is_some() {
            return Err(MacError::Syntax);
        }
        Self::from_bytes(bytes)
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_separators_and_prints_lower_case() {
        for text in ["02:AB:cd:00:53:01", "02-ab-CD-00-53-01"] {
            assert_eq!(text.parse::<MacAddr>().unwrap().to_string(), "02:ab:cd:00:53:01");
        }
    }

    #[test]
    fn refuses_what_is_no_device() {
        for text in [
            "",
            "02:ab:cd:00:53",
            "02:ab:cd:00:53:01:02",
            "2:ab:cd:00:53:01",
            "+2:ab:cd:00:53:01",
            "zz:ab:cd:00:53:01",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(MacError::Syntax), "{text}");
        }
        for text in ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"] {
            assert_eq!(text.parse::<MacAddr>(), Err(MacError::NotADevice), "{text}");
        }
    }
}

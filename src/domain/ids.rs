use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an id that the caller made (version 7) or read back.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare id.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// A device's id, for as long as the store knows it.
    DeviceId
}
uuid_id! {
    /// A session's id.
    SessionId
}
impl SessionId {
    /// The id of the session that goes on when this one is used up: always the same one, so that none is made twice.
    pub fn successor(self) -> Self {
        // The last 48 bits of a version 7 id are random, and stay so.
        Self(Uuid::from_u128(self.0.as_u128() ^ 0x5e55_0c0f_fee5))
    }
}

uuid_id! {
    /// A plugin's connection, for as long as it lasts.
    ConnectionId
}

uuid_id! {
    /// A webhook's id.
    HookId
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name that was checked where it came in.
            pub fn new(name: &str) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a `[[zone]]` of the configuration.
    ZoneName
}
name! {
    /// The name that a session provider registered under.
    ProviderName
}

impl ProviderName {
    /// Whether a provider may register under a name: 1 to 32 small letters, digits, `-` and `_`.
    pub fn is_name(name: &str) -> bool {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        (1..=32).contains(&name.len()) && name.bytes().all(fits)
    }
}

macro_rules! fixed_keys {
    ($($(#[$doc:meta])* $key:ident, $name:literal;)*) => {
        /// A fixed property.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FixedKey {
            $($(#[$doc])* $key,)*
        }

        impl FixedKey {
            /// Every fixed property.
            pub const ALL: &'static [Self] = &[$(Self::$key,)*];

            /// Its name, with the `$`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }

            /// The fixed property of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$key),)*
                    _ => None,
                }
            }
        }
    };
}

fixed_keys! {
    /// The session's id.
    SessionId, "$SessionId";
    /// The device's id.
    DeviceId, "$DeviceId";
    /// The device's MAC.
    Mac, "$Mac";
    /// The device's address: its lowest IPv4 address, else its lowest IPv6 address; unset once the session is over.
    ClientIp, "$ClientIP";
    /// The name that the device gave in DHCP.
    Hostname, "$Hostname";
    /// The zone.
    Zone, "$Zone";
    /// The state: available, running, paused, consumed, expired, closed.
    State, "$State";
    /// The kind: time, data, time_or_data.
    Kind, "$Kind";
    /// The provider.
    Provider, "$Provider";
    /// The account or voucher batch; empty if there is none.
    Principal, "$Principal";
    /// The roles of the session and of its device, in canonical form.
    Roles, "$Roles";
    /// The gateway's name.
    Gateway, "$Gateway";
    /// The zone's network device that the client is on; unset once the session is over.
    Interface, "$Interface";
    /// When the session first ran, in milliseconds since the epoch.
    StartTime, "$StartTime";
    /// What the device is: ANDROID, IOS, WINDOWS, MACOS, LINUX, OTHER.
    ClientType, "$ClientType";
    /// How it is attached: WIFI, WIRED, OTHER; unset once the session is over.
    Transport, "$Transport";
    /// The zone.
    Connector, "$Connector";
    /// The gateway's name.
    ServerName, "$ServerName";
    /// The gateway's country, or what was set; empty if unset.
    Country, "$Country";
    /// The gateway's latitude in degrees, or what was set; NaN if unset.
    Latitude, "$Latitude";
    /// The gateway's longitude in degrees, or what was set; NaN if unset.
    Longitude, "$Longitude";
    /// What the device's browser asks for, or what was set; empty if neither.
    Language, "$Language";
    /// Whole seconds left; unset if time does not limit it.
    TimeLeft, "$TimeLeft";
    /// MB left; unset if data does not limit it.
    DataLeft, "$DataLeft";
    /// Whole seconds used.
    TimeUsed, "$TimeUsed";
    /// MB used.
    DataUsed, "$DataUsed";
    /// Mbit/s towards the client that hold, roles included; 0 is unlimited. Of a session that is over, its own.
    DownMbps, "$DownMbps";
    /// Mbit/s from the client that hold, roles included; 0 is unlimited. Of a session that is over, its own.
    UpMbps, "$UpMbps";
    /// The plan it was sold under.
    Plan, "$Plan";
    /// The voucher code it was bought with.
    Voucher, "$Voucher";
    /// When it was made, in milliseconds since the epoch.
    CreatedAt, "$CreatedAt";
    /// When it expires, in milliseconds since the epoch.
    ExpiresAt, "$ExpiresAt";
}

impl FixedKey {
    /// Whether it changes by itself while a session runs. Such a change is no event.
    pub const fn flows(self) -> bool {
        matches!(self, Self::TimeLeft | Self::DataLeft | Self::TimeUsed | Self::DataUsed)
    }
}

/// Whether a fixed property may be set by hand.
pub const fn is_settable(key: FixedKey) -> bool {
    matches!(key, FixedKey::Country | FixedKey::Language | FixedKey::Latitude | FixedKey::Longitude)
}

/// What a device is: the property `$ClientType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientType {
    /// Android.
    Android,
    /// iOS, iPadOS.
    Ios,
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
    /// Linux, ChromeOS.
    Linux,
    /// Something else.
    Other,
}

impl ClientType {
    /// Every type, with its name in properties and store.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Android, "ANDROID"),
        (Self::Ios, "IOS"),
        (Self::Windows, "WINDOWS"),
        (Self::MacOs, "MACOS"),
        (Self::Linux, "LINUX"),
        (Self::Other, "OTHER"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("OTHER", |(_, name)| name)
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(known, _)| *known)
    }
}

/// How a device is attached: the property `$Transport`, from the port of the bridge behind which its MAC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Transport {
    /// Over a radio.
    Wifi,
    /// Over a cable.
    Wired,
    /// Neither is known.
    #[default]
    Other,
}

impl Transport {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wifi => "WIFI",
            Self::Wired => "WIRED",
            Self::Other => "OTHER",
        }
    }
}

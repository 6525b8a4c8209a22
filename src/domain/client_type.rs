/// How much of what a browser says of itself is looked at, in characters.
const LONGEST_USER_AGENT: usize = 500;
/// How much of a host name is looked at, in characters: as long as one can be.
const LONGEST_HOSTNAME: usize = 253;

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

    /// What the browser says that it runs on; `None` if that is nothing known. Browsers name the systems that they want to be
    /// taken for too, so the order of the questions counts.
    pub fn from_user_agent(user_agent: &str) -> Option<Self> {
        // The system stands near the front; what follows, and what is made up, may be of any length.
        let shown: String = user_agent.chars().take(LONGEST_USER_AGENT).collect();
        let says = |words: &[&str]| words.iter().any(|word| shown.contains(word));
        if says(&["Xbox", "PlayStation", "Nintendo", "Tizen", "Web0S", "SmartTV", "KAIOS", "OpenHarmony"]) {
            Some(Self::Other)
        } else if says(&["Windows", "Microsoft NCSI"]) {
            Some(Self::Windows)
        } else if says(&["Android", "Dalvik"]) {
            Some(Self::Android)
        } else if says(&["iPhone", "iPad", "iPod"]) {
            Some(Self::Ios)
        } else if says(&["Macintosh", "Mac OS X", "macOS"]) {
            Some(Self::MacOs)
        } else if says(&["Linux", "CrOS", "Ubuntu", "X11"]) {
            Some(Self::Linux)
        } else {
            None
        }
    }

    /// What the name says that a device gave in DHCP, as systems name themselves; `None` if that is nothing known.
    pub fn from_hostname(hostname: &str) -> Option<Self> {
        let name: String = hostname.chars().take(LONGEST_HOSTNAME).collect::<String>().to_ascii_lowercase();
        let words = || name.split(|letter: char| !letter.is_ascii_alphanumeric());
        let has = |known: &[&str]| words().any(|word| known.contains(&word));
        let begins = |known: &[&str]| words().any(|word| known.iter().any(|known| word.starts_with(known)));
        if name.contains("iphone") || begins(&["ipad", "ipod"]) {
            Some(Self::Ios)
        } else if begins(&["macbook", "imac"]) || has(&["mac", "mbp", "mba"]) {
            Some(Self::MacOs)
        } else if begins(&["android", "galaxy", "redmi", "oneplus"]) || has(&["pixel"]) {
            Some(Self::Android)
        } else if begins(&["windows"]) || is_named_by_windows(&name) {
            Some(Self::Windows)
        } else if begins(&["chromebook", "raspberrypi", "ubuntu", "debian", "fedora", "archlinux"]) {
            Some(Self::Linux)
        } else {
            None
        }
    }

    /// What a device is by both. A tablet of Apple's says in its browser that it is a desktop; its name knows better.
    pub fn guess(user_agent: Option<&str>, hostname: Option<&str>) -> Option<Self> {
        let by_name = hostname.and_then(Self::from_hostname);
        match user_agent.and_then(Self::from_user_agent) {
            Some(Self::MacOs) if by_name == Some(Self::Ios) => by_name,
            by_browser => by_browser.or(by_name),
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("OTHER", |(_, name)| name)
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(known, _)| *known)
    }
}

/// `DESKTOP-` or `LAPTOP-` and seven or eight letters and digits.
fn is_named_by_windows(name: &str) -> bool {
    let rest = name.strip_prefix("desktop-").or_else(|| name.strip_prefix("laptop-"));
    rest.is_some_and(|rest| {
        (7..=8).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_what_they_run_on() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Version/4.0 Chrome/120.0.6099.144 Mobile Safari/537.36",
                "ANDROID",
            ),
            ("Mozilla/5.0 (Android 13; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0", "ANDROID"),
            ("Dalvik/2.1.0 (Linux; U; Android 14; SM-S911B Build/UP1A.231005.007)", "ANDROID"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Mobile/15E148",
                "IOS",
            ),
            ("Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", "IOS"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.2 Safari/605.1.15",
                "MACOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
                "WINDOWS",
            ),
            ("Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950)", "WINDOWS"),
            ("Microsoft NCSI", "WINDOWS"),
            ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", "LINUX"),
            ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/120.0.0.0", "LINUX"),
            ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36", "OTHER"),
            ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/87.0.4280.88", "OTHER"),
            ("Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15", "OTHER"),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) Edge/44.18363.8131", "OTHER"),
            ("CaptiveNetworkSupport-471 wispr", ""),
            ("curl/8.5.0", ""),
            ("", ""),
        ] {
            let found = ClientType::from_user_agent(user_agent).map_or("", ClientType::as_str);
            assert_eq!(found, name, "{user_agent}");
        }
        let far = format!("{}Android", "x".repeat(100_000));
        assert_eq!(ClientType::from_user_agent(&far), None);
    }

    #[test]
    fn systems_name_themselves() {
        for (hostname, name) in [
            ("Annas-iPhone", "IOS"),
            ("iPhone", "IOS"),
            ("iPad-von-Ben", "IOS"),
            ("Carlas-MacBook-Pro", "MACOS"),
            ("Annas-MBP", "MACOS"),
            ("iMac", "MACOS"),
            ("android-5f3a9c0d1b2e4f67", "ANDROID"),
            ("Galaxy-S23", "ANDROID"),
            ("Pixel-8", "ANDROID"),
            ("Redmi-Note-12", "ANDROID"),
            ("DESKTOP-4F7K2QX", "WINDOWS"),
            ("LAPTOP-9A8B7C6D", "WINDOWS"),
            ("raspberrypi", "LINUX"),
            ("desktop-of-dan", ""),
            ("till", ""),
            ("machine", ""),
            ("", ""),
        ] {
            let found = ClientType::from_hostname(hostname).map_or("", ClientType::as_str);
            assert_eq!(found, name, "{hostname}");
        }
    }

    #[test]
    fn the_name_of_a_tablet_knows_better_than_its_browser() {
        let desktop = Some("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.2 Safari/605.1.15");
        assert_eq!(ClientType::guess(desktop, Some("Bens-iPad-iPhone")), Some(ClientType::Ios));
        assert_eq!(ClientType::guess(desktop, Some("galaxy")), Some(ClientType::MacOs));
        assert_eq!(ClientType::guess(Some("curl/8.5.0"), Some("galaxy")), Some(ClientType::Android));
        assert_eq!(ClientType::guess(None, None), None);
    }
}

use super::Place;

/// What kind of system this is: fixes are written for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Debian; others with systemd are near enough.
    Debian,
    /// OpenWrt, with what installs its packages.
    OpenWrt(&'static str),
}

impl System {
    pub fn of(place: &Place) -> Self {
        if !place.has("/etc/openwrt_release") {
            return Self::Debian;
        }
        // From 25.12 on; before that it is opkg.
        let has_apk = ["/usr/bin/apk", "/sbin/apk"].iter().any(|path| place.has(path));
        Self::OpenWrt(if has_apk { "apk add" } else { "opkg install" })
    }

    /// One of two texts.
    pub fn say<T>(self, debian: T, openwrt: T) -> T {
        match self {
            Self::Debian => debian,
            Self::OpenWrt(_) => openwrt,
        }
    }

    /// Installs a package.
    pub fn install(self, debian: &str, openwrt: &str) -> String {
        match self {
            Self::Debian => format!("apt install {debian}"),
            Self::OpenWrt(installer) => format!("{installer} {openwrt}"),
        }
    }

    /// Sets a kernel parameter, now and at each start.
    pub fn sysctl(self, key: &str, value: &str) -> [String; 2] {
        let file = self.say("/etc/sysctl.d/90-turnpike.conf", "/etc/sysctl.conf");
        [format!("sysctl -w {key}={value}"), format!("echo '{key}={value}' >> {file}")]
    }

    /// Does something with a service.
    pub fn service(self, action: &str, name: &str) -> String {
        match self {
            Self::Debian => format!("systemctl {action} {name}"),
            Self::OpenWrt(_) => format!("/etc/init.d/{name} {action}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::place::with_files;

    #[test]
    fn fixes_are_those_of_the_system() {
        let of = |files: &[(&str, &str)]| System::of(&with_files(files).1);
        assert_eq!(of(&[]).install("nftables", "nftables-json"), "apt install nftables");
        let old = of(&[("/etc/openwrt_release", "")]);
        assert_eq!(old.install("nftables", "nftables-json"), "opkg install nftables-json");
        assert_eq!(old.service("restart", "dnsmasq"), "/etc/init.d/dnsmasq restart");
        let new = of(&[("/etc/openwrt_release", ""), ("/usr/bin/apk", "")]);
        assert_eq!(new.install("nftables", "nftables-json"), "apk add nftables-json");
        assert!(old.sysctl("a.b", "1")[1].ends_with("/etc/sysctl.conf"));
    }
}

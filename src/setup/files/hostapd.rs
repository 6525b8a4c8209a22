//! The access point.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::{Command, DeviceName, MARK, NewFile, Owner, Wifi};

/// Where its files are. A file is named by its card: Debian's unit waits for the device that its name says.
pub(in super::super) const FOLDER: &str = "/etc/hostapd";

/// The file.
pub(in super::super) fn file(wifi: &Wifi, bridge: &DeviceName) -> NewFile {
    // In hexadecimal, no sign of a name means anything to whoever reads the file.
    let mut ssid = String::new();
    for byte in wifi.ssid.bytes() {
        // Writing to a string does not fail.
        let _ = write!(ssid, "{byte:02x}");
    }
    let name: String = wifi.ssid.chars().filter(|letter| !letter.is_control()).collect();
    let mut text = format!(
        "{MARK}\n\
         # The guests' Wi-Fi, {name}.\n\
         interface={card}\n\
         bridge={bridge}\n\
         driver=nl80211\n\
         ssid2={ssid}\n\
         utf8_ssid=1\n\
         hw_mode=g\n\
         channel=6\n\
         ieee80211n=1\n\
         wmm_enabled=1\n\
         # Guests do not reach each other over the air.\n\
         ap_isolate=1\n\
         # The law of the place, as in DE, and with it more channels:\n\
         # country_code=\n",
        card = wifi.device
    );
    if let Some(passphrase) = &wifi.passphrase {
        let _ = write!(
            text,
            "auth_algs=1\nwpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase={passphrase}\n"
        );
    }
    NewFile {
        path: PathBuf::from(format!("{FOLDER}/{}.conf", wifi.device)),
        text,
        mode: 0o600,
        owner: Owner::Root,
        secret: wifi.passphrase.clone(),
    }
}

/// Debian's unit for one card.
pub(in super::super) fn unit(card: &str) -> String {
    format!("hostapd@{card}.service")
}

/// What applies it.
pub(in super::super) fn apply(wifi: &Wifi) -> Command {
    let unit = unit(wifi.device.as_str());
    Command::new(["systemctl", "enable", "--now", &unit], "the access point starts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::device;

    #[test]
    fn the_file_is_this_and_its_passphrase_is_not_shown() {
        let wifi = Wifi {
            device: device("wlan0"),
            ssid: "Café".to_owned(),
            passphrase: Some("by the harbour".to_owned()),
        };
        let made = file(&wifi, &device("br-guest"));
        assert_eq!(
            made.text,
            r#"# Made by "turnpike setup"; "turnpike setup --undo-network" removes it.
# The guests' Wi-Fi, Café.
interface=wlan0
bridge=br-guest
driver=nl80211
ssid2=436166c3a9
utf8_ssid=1
hw_mode=g
channel=6
ieee80211n=1
wmm_enabled=1
# Guests do not reach each other over the air.
ap_isolate=1
# The law of the place, as in DE, and with it more channels:
# country_code=
auth_algs=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=by the harbour
"#
        );
        assert_eq!((made.path.to_str(), made.mode), (Some("/etc/hostapd/wlan0.conf"), 0o600));
        assert!(!made.shown().contains("harbour"), "{}", made.shown());
        assert!(!format!("{wifi:?}").contains("harbour"));
        let open = file(&Wifi { passphrase: None, ..wifi }, &device("br-guest"));
        assert!(!open.text.contains("wpa"), "{}", open.text);
    }
}

use crate::domain::{ClientDevice, ClientSession, MacAddr, Text};

/// Free text that a list is searched for: found anywhere in a name, an address, an id, a provider or a code, in any case.
#[derive(Debug)]
pub struct Search {
    wanted: String,
    /// A MAC may be written with dashes.
    mac: Option<MacAddr>,
    /// A code may be written with or without dashes.
    code: String,
}

impl Search {
    /// `None` if there is nothing to look for. Bounded as what is kept of texts is.
    pub fn read(q: Option<&str>) -> Option<Self> {
        let text = Text::new(q?);
        if text.is_empty() {
            return None;
        }
        let wanted = text.as_str().to_lowercase();
        let code = without_dashes(&wanted);
        Some(Self { mac: wanted.parse().ok(), code, wanted })
    }

    fn holds(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.wanted)
    }

    /// Whether a device has an address that holds the text.
    pub fn finds_address(&self, device: &ClientDevice) -> bool {
        device.ipv4.iter().any(|address| self.holds(&address.to_string()))
            || device.ipv6.iter().any(|address| self.holds(&address.to_string()))
    }

    /// Whether a device is found by anything of its own.
    pub fn finds_device(&self, device: &ClientDevice) -> bool {
        let names = [&device.hostname, &device.alias];
        self.mac == Some(device.mac)
            || self.holds(&device.mac.to_string())
            || self.holds(&device.id.to_string())
            || names.into_iter().flatten().any(|name| self.holds(name.as_str()))
            || device.zone.as_ref().is_some_and(|zone| self.holds(zone.as_str()))
            || self.finds_address(device)
    }

    /// Whether a session is found by anything of its own.
    pub fn finds_session(&self, session: &ClientSession) -> bool {
        let texts = [&session.principal, &session.plan];
        self.holds(&session.id.to_string())
            || self.holds(session.provider.as_str())
            || self.holds(session.state.as_str())
            || texts.into_iter().flatten().any(|text| self.holds(text))
            || session.voucher.as_ref().is_some_and(|code| {
                !self.code.is_empty() && without_dashes(&code.to_lowercase()).contains(&self.code)
            })
    }

    /// Whether the text is a device's whole standing: "connected" is no part of "disconnected".
    pub fn is(&self, standing: &str) -> bool {
        self.wanted == standing
    }
}

fn without_dashes(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect()
}

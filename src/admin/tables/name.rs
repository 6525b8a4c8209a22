use std::fmt;

use askama::filters::{Escaper, Html, HtmlSafe};

use crate::domain::{ClientDevice, ClientSession, DeviceStatus, SessionState};

/// So many characters of a name fit into a table.
const MOST_SHOWN: usize = 32;
/// And so many into a heading.
const MOST_IN_HEADING: usize = 80;

/// A text of somebody else's (a host name, an alias, a note), as markup: escaped, apart from the direction of what is around
/// it, and cut where there is little room, with the whole of it at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct Name {
    text: String,
    most: usize,
}

impl Name {
    /// For a table: cut.
    pub(in crate::admin) fn short(text: impl Into<String>) -> Self {
        Self { text: text.into(), most: MOST_SHOWN }
    }

    /// For a heading: cut where it would be all that there is on a phone.
    pub(super) fn heading(text: impl Into<String>) -> Self {
        Self { text: text.into(), most: MOST_IN_HEADING }
    }

    /// The whole of it.
    pub(in crate::admin) fn whole(text: impl Into<String>) -> Self {
        Self { text: text.into(), most: usize::MAX }
    }

    /// The same where there can be no markup (a title, an option, a label): cut, and without what turns the direction around.
    pub(in crate::admin) fn plain(&self) -> String {
        let kept = self.text.chars().filter(|letter| !turns(*letter));
        let plain: String = kept.take(MOST_SHOWN + 1).collect();
        if plain.chars().count() > MOST_SHOWN { cut(&plain, MOST_SHOWN).to_owned() + "…" } else { plain }
    }
}

/// What a device is called.
pub(in crate::admin) fn of_device(device: &ClientDevice) -> String {
    crate::admin::shown::device_name(device)
}

/// How a session's state looks.
pub(in crate::admin) const fn badge(session: &ClientSession) -> &'static str {
    match &session.state {
        SessionState::Running(_) => "good",
        SessionState::Paused(_) => "warn",
        SessionState::Available
        | SessionState::Consumed
        | SessionState::Expired
        | SessionState::Closed(..) => "",
    }
}

/// How a device's standing looks.
pub(in crate::admin) const fn device_badge(status: DeviceStatus) -> &'static str {
    match status {
        DeviceStatus::Connected => "good",
        DeviceStatus::Disconnected => "",
        DeviceStatus::Blocked => "bad",
    }
}

fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Marks that steer the direction of the text after them: U+061C, U+200E and F, U+202A to E, U+2066 to 9.
const fn turns(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = cut(&self.text, self.most);
        if shown.len() == self.text.len() {
            f.write_str("<bdi>")?;
            Html.write_escaped_str(&mut *f, shown)?;
        } else {
            f.write_str("<bdi title=\"")?;
            Html.write_escaped_str(&mut *f, &self.text)?;
            f.write_str("\">")?;
            Html.write_escaped_str(&mut *f, shown)?;
            f.write_str("…")?;
        }
        f.write_str("</bdi>")
    }
}

impl HtmlSafe for Name {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_cut_with_the_whole_at_hand() {
        assert_eq!(Name::short("<b>").to_string(), "<bdi>&#60;b&#62;</bdi>");
        let long = "é".repeat(300);
        let shown = Name::short(long.clone()).to_string();
        assert_eq!(shown, format!("<bdi title=\"{long}\">{}…</bdi>", "é".repeat(MOST_SHOWN)));
        assert_eq!(Name::whole(long.clone()).to_string(), format!("<bdi>{long}</bdi>"));
        assert!(Name::short("\"><script>").to_string().starts_with("<bdi>&#34;&#62;&#60;script"));
        assert_eq!(Name::short("a\u{202e}b\u{2066}").plain(), "ab");
        assert_eq!(Name::short(long).plain().chars().count(), MOST_SHOWN + 1);
    }
}

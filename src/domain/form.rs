use std::collections::BTreeMap;

use super::{DeviceId, Guard, Part, Phrase, ProviderName, SourceData, Text};

/// What a provider shows on the portal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderFace {
    /// The heading of its part of the page.
    pub title: Text,
    /// A single character or short emoji beside it; never markup. Empty: none.
    pub icon: Text,
    /// A sentence above the form. Empty: none.
    pub text: Text,
    /// The fields; none is a single button.
    pub fields: Vec<FormField>,
    /// What stands on the button.
    pub button: Text,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormField {
    /// Its name in the post: 1 to 32 lower-case letters, digits and `_`.
    pub name: String,
    /// What stands beside it.
    pub label: Text,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether it must be filled in.
    pub required: bool,
    /// The most characters that it takes, at most 500.
    pub max_chars: u16,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A line of text.
    Text,
    /// A secret: never shown again.
    Password,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Telephone,
    /// A voucher's code: capitals, no corrections.
    Code,
    /// A box to tick: `on` or absent.
    Checkbox,
    /// One of several values, each with its label.
    Choice(Vec<(String, Text)>),
}

/// The most fields of one form.
pub const MAX_FIELDS: usize = 12;

/// What a guest filled in: at most [`MAX_FIELDS`] values of at most 500 characters, none with control characters.
pub type FormValues = BTreeMap<String, String>;

/// What became of a form that a guest sent.
#[derive(Debug, Clone)]
pub enum Submitted {
    /// A session is to be made of this, and connected on.
    Grant(Box<SourceData>),
    /// The provider has done what there was to do (or waits, see [`Waiting`]); a text for the page.
    Done(Option<Text>),
    /// The provider has made a session by its own means: connect.
    Connect,
    /// Somebody has shown who they are: what the device has of another account ends, and it is logged in.
    LogIn(Box<LogIn>),
    /// The device is to be logged out: what it has of this account waits for the next log-in, here or elsewhere.
    LogOut {
        /// The account.
        principal: String,
    },
    /// No. Nothing has changed.
    Refused {
        /// The field that is wrong; `None` if it is none in particular.
        field: Option<String>,
        /// What the guest reads.
        text: Text,
    },
}

/// Somebody who has shown who they are.
#[derive(Debug, Clone)]
pub struct LogIn {
    /// The account.
    pub principal: String,
    /// What they get.
    pub enter: Enter,
}

/// What somebody who logs in gets.
#[derive(Debug, Clone)]
pub enum Enter {
    /// A session made of this.
    Grant(Box<SourceData>),
    /// What another device has of the account goes on here.
    TakeOver {
        /// The other device, which is cut off.
        from: DeviceId,
        /// What must hold in the store.
        guards: Vec<Guard>,
    },
}

/// A button of a provider that stands by itself: it posts `action` alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormButton {
    /// What it posts as `action`.
    pub action: String,
    /// What stands beside it.
    pub text: Text,
    /// What stands on it.
    pub label: Text,
}

/// What a provider says to one device at its form: what it has for it now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormHint {
    /// A sentence.
    pub text: Text,
    /// Whether the form is of any use now; if not, it is not shown.
    pub is_open: bool,
}

/// What the providers say to one device beside their forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Beside {
    /// What they have for it now, and whether their forms are of any use.
    pub hints: Vec<(ProviderName, FormHint)>,
    /// Buttons that stand by themselves.
    pub buttons: Vec<(ProviderName, FormButton)>,
}

impl Beside {
    /// Nothing.
    pub const NONE: Self = Self { hints: Vec::new(), buttons: Vec::new() };
}

/// What a device's page shows while a provider waits for something outside the page: a coin, a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What to do, or what has been counted so far.
    pub text: Text,
    /// Until when the provider waits, on CLOCK_BOOTTIME; the page counts down to it. `None`: no end is known.
    pub until: Option<super::BootTime>,
    /// What stands on the button that ends it (posts `action=done`); `None`: no button.
    pub done: Option<Text>,
    /// What stands on the button that gives up (posts `action=cancel`); `None`: no button.
    pub cancel: Option<Text>,
}

impl FormField {
    /// Checks a field that comes from outside.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=32).contains(&self.name.len()) || !self.name.bytes().all(fits) {
            return Err(format!("field {:?}: a name is 1 to 32 lower-case letters, digits and _", self.name));
        }
        if self.name == "action" {
            return Err("field action: the name is that of the buttons of a wait".to_owned());
        }
        if self.label.is_empty() {
            return Err(format!("field {}: it has no label", self.name));
        }
        if self.max_chars == 0 || usize::from(self.max_chars) > Text::MAX_CHARS {
            return Err(format!("field {}: max_chars is 1 to {}", self.name, Text::MAX_CHARS));
        }
        match &self.kind {
            FieldKind::Choice(choices) if !(1..=50).contains(&choices.len()) => {
                Err(format!("field {}: a choice has 1 to 50 values", self.name))
            }
            FieldKind::Text
            | FieldKind::Password
            | FieldKind::Email
            | FieldKind::Telephone
            | FieldKind::Code
            | FieldKind::Checkbox
            | FieldKind::Choice(_) => Ok(()),
        }
    }

    /// Why a value cannot be taken, for the guest; `None` if it can.
    pub fn complaint(&self, value: Option<&str>) -> Option<Text> {
        let value = value.unwrap_or_default();
        if value.is_empty() {
            return self.required.then(|| match self.kind {
                FieldKind::Checkbox => self.say(Phrase::FormTick),
                FieldKind::Text
                | FieldKind::Password
                | FieldKind::Email
                | FieldKind::Telephone
                | FieldKind::Code
                | FieldKind::Choice(_) => self.say(Phrase::FormFill),
            });
        }
        if value.chars().count() > usize::from(self.max_chars) {
            return Some(self.say(Phrase::FormTooLong));
        }
        let fits = match &self.kind {
            FieldKind::Email => value.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && host.contains('.') && !host.starts_with('.') && !value.contains(' ')
            }),
            FieldKind::Telephone => {
                value.chars().filter(char::is_ascii_digit).count() >= 3
                    && value.chars().all(|letter| letter.is_ascii_digit() || " +-/().".contains(letter))
            }
            FieldKind::Checkbox => value == "on",
            FieldKind::Choice(choices) => choices.iter().any(|(known, _)| known == value),
            FieldKind::Text | FieldKind::Password | FieldKind::Code => true,
        };
        (!fits).then(|| self.say(Phrase::FormWrong))
    }

    /// A sentence about it, which names it as `label`.
    pub fn say(&self, phrase: Phrase) -> Text {
        Text::ours_with(phrase, vec![("label", Part::Text(self.label.clone()))])
    }
}

impl ProviderFace {
    /// Checks a face that comes from outside.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.title.is_empty() {
            return Err("the provider has no title".to_owned());
        }
        if self.icon.as_str().chars().count() > 8 {
            return Err("the icon has more than 8 characters".to_owned());
        }
        if self.fields.len() > MAX_FIELDS {
            return Err(format!("a form has at most {MAX_FIELDS} fields"));
        }
        for (place, field) in self.fields.iter().enumerate() {
            field.check()?;
            if self.fields.iter().take(place).any(|other| other.name == field.name) {
                return Err(format!("there are two fields named {}", field.name));
            }
        }
        Ok(())
    }

    /// The first field that does not take its value, and why, for the guest.
    pub fn complaint(&self, values: &FormValues) -> Option<(String, Text)> {
        self.fields.iter().find_map(|field| {
            let complaint = field.complaint(values.get(&field.name).map(String::as_str))?;
            Some((field.name.clone(), complaint))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: FieldKind, required: bool) -> FormField {
        FormField { name: name.to_owned(), label: Text::new("Label"), kind, required, max_chars: 20 }
    }

    #[test]
    fn values_are_taken_as_their_field_says() {
        let choice = FieldKind::Choice(vec![("a".to_owned(), Text::new("A"))]);
        for (kind, value, taken) in [
            (FieldKind::Text, "anything", true),
            (FieldKind::Text, &"x".repeat(21), false),
            (FieldKind::Text, "", false),
            (FieldKind::Email, "ana@example.org", true),
            (FieldKind::Email, "ana", false),
            (FieldKind::Email, "a b@example.org", false),
            (FieldKind::Telephone, "+49 (30) 123-4", true),
            (FieldKind::Telephone, "call me", false),
            (FieldKind::Checkbox, "on", true),
            (FieldKind::Checkbox, "off", false),
            (choice.clone(), "a", true),
            (choice, "b", false),
        ] {
            let field = field("x", kind, true);
            assert_eq!(field.complaint(Some(value)).is_none(), taken, "{field:?} {value:?}");
        }
        assert_eq!(field("x", FieldKind::Email, false).complaint(None), None);
    }

    #[test]
    fn a_face_from_outside_is_bounded() {
        let face = |fields| ProviderFace {
            title: Text::new("Title"),
            icon: Text::default(),
            text: Text::default(),
            fields,
            button: Text::default(),
        };
        assert_eq!(face(vec![field("a", FieldKind::Text, true)]).check(), Ok(()));
        for wrong in [
            vec![field("A", FieldKind::Text, true)],
            vec![field("", FieldKind::Text, true)],
            vec![field("action", FieldKind::Text, true)],
            vec![field("a", FieldKind::Text, true), field("a", FieldKind::Text, true)],
            vec![field("a", FieldKind::Choice(Vec::new()), true)],
            vec![field("a", FieldKind::Text, true); 13],
        ] {
            assert!(face(wrong).check().is_err());
        }
    }
}

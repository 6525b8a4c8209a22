use crate::domain::{FieldKind, FormButton, FormField, FormValues, ProviderFace, ProviderName};
use crate::http::encoded;

use super::words::Words;

/// The provider whose form the page knows by name: a code in the address fills it in.
pub(super) const VOUCHER: &str = "voucher";

/// A provider's part of the page: its title, its text and its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferView {
    /// Its id on the page.
    pub id: String,
    /// Whose it is.
    pub provider: ProviderName,
    /// Where its form goes.
    pub action: String,
    /// The heading.
    pub title: String,
    /// A character beside it; empty if there is none.
    pub icon: String,
    /// A sentence above the form; empty if there is none.
    pub text: String,
    /// What stands on the button.
    pub button: String,
    /// The fields.
    pub fields: Vec<FieldView>,
    /// What is wrong with the form as a whole.
    pub trouble: Option<String>,
    /// What its provider says to this device.
    pub hint: Option<String>,
    /// Whether the form is of no use now.
    pub is_closed: bool,
    /// The terms of use, if they must be accepted with it.
    pub terms: Option<TermsTick>,
    /// Whether it is unfolded.
    pub open: bool,
}

/// The box by which the terms of use are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsTick {
    /// Its id on the page.
    pub id: String,
    /// Whether it is ticked.
    pub ticked: bool,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

impl TermsTick {
    /// Its name in the post; no provider's field has it.
    pub const FIELD: &'static str = "accept-terms";
}

/// One field of a form, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldView {
    /// Its id on the page.
    pub id: String,
    /// Its name in the post.
    pub name: String,
    /// What stands beside it.
    pub label: String,
    /// How it is shown.
    pub input: Input,
    /// What stands in it; never a password.
    pub value: String,
    /// Whether it must be filled in.
    pub required: bool,
    /// The most characters.
    pub max_chars: u16,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

/// How a field is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A line to type in.
    Line(Line),
    /// A box to tick.
    Checkbox,
    /// One of several, each with its value and its label.
    Choice(Vec<(String, String)>),
}

/// A line to type in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The `type` of the input.
    pub kind: &'static str,
    /// What the browser may fill in by itself.
    pub autocomplete: &'static str,
    /// What a phone's keyboard does with capitals.
    pub capitals: &'static str,
    /// Whether it is a code: shown in capitals.
    pub is_code: bool,
}

/// A button of a provider that stands by itself: to log out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ButtonView {
    /// Where it goes.
    pub target: String,
    /// What it posts as `action`.
    pub action: String,
    /// What stands beside it.
    pub text: String,
    /// What stands on it.
    pub label: String,
}

impl ButtonView {
    /// A provider's button.
    pub fn new(provider: &ProviderName, button: &FormButton, t: Words) -> Self {
        Self {
            target: format!("/providers/{}", encoded(provider.as_str())),
            action: button.action.clone(),
            text: t.text(&button.text).into_owned(),
            label: t.text(&button.label).into_owned(),
        }
    }
}

impl OfferView {
    /// A provider's face, as the page's part of that number.
    pub fn new(number: usize, provider: &ProviderName, face: &ProviderFace, t: Words) -> Self {
        let several_secrets =
            face.fields.iter().filter(|field| matches!(field.kind, FieldKind::Password)).count() > 1;
        let fields = face.fields.iter().enumerate();
        let fields = fields
            .map(|(place, field)| FieldView::new(format!("f{number}-{place}"), field, several_secrets, t))
            .collect();
        let button = if face.button.is_empty() { t.get("go-on") } else { t.text(&face.button) };
        Self {
            id: format!("f{number}"),
            provider: provider.clone(),
            action: format!("/providers/{}", encoded(provider.as_str())),
            title: t.text(&face.title).into_owned(),
            icon: face.icon.to_string(),
            text: t.text(&face.text).into_owned(),
            button: button.into_owned(),
            fields,
            trouble: None,
            hint: None,
            is_closed: false,
            terms: None,
            open: false,
        }
    }

    /// Has the terms of use accepted with the form.
    pub fn ask_for_terms(&mut self) {
        self.terms = Some(TermsTick { id: format!("{}-terms", self.id), ticked: false, trouble: None });
    }

    /// Shows what was typed again, but for secrets.
    pub fn fill(&mut self, values: &FormValues) {
        if let Some(tick) = &mut self.terms {
            tick.ticked = values.contains_key(TermsTick::FIELD);
        }
        for field in &mut self.fields {
            if let Some(value) = values.get(&field.name).filter(|_| !field.is_secret()) {
                field.value.clone_from(value);
            }
        }
    }

    /// Says what is wrong: beside the field if it is there, else above the form.
    pub fn complain(&mut self, field: Option<&str>, text: String) {
        self.open = true;
        // Its fields are not shown.
        if self.is_closed {
            self.trouble = Some(text);
            return;
        }
        if let Some(tick) = self.terms.as_mut().filter(|_| field == Some(TermsTick::FIELD)) {
            tick.trouble = Some(text);
            return;
        }
        match self.fields.iter_mut().find(|known| Some(known.name.as_str()) == field) {
            Some(field) => field.trouble = Some(text),
            None => self.trouble = Some(text),
        }
    }

    /// Whether it is the voucher's.
    pub fn is_voucher(&self) -> bool {
        self.provider.as_str() == VOUCHER
    }
}

impl FieldView {
    fn new(id: String, field: &FormField, several_secrets: bool, t: Words) -> Self {
        let line = |kind, autocomplete| Line { kind, autocomplete, capitals: "none", is_code: false };
        let input = match &field.kind {
            FieldKind::Text => Input::Line(match field.name.as_str() {
                "user" | "username" | "login" => line("text", "username"),
                "name" => Line { capitals: "words", ..line("text", "name") },
                _ => Line { capitals: "sentences", ..line("text", "off") },
            }),
            FieldKind::Password if several_secrets || field.name.starts_with("new") => {
                Input::Line(line("password", "new-password"))
            }
            FieldKind::Password => Input::Line(line("password", "current-password")),
            FieldKind::Email => Input::Line(line("email", "email")),
            FieldKind::Telephone => Input::Line(line("tel", "tel")),
            FieldKind::Code => {
                Input::Line(Line { capitals: "characters", is_code: true, ..line("text", "off") })
            }
            FieldKind::Checkbox => Input::Checkbox,
            FieldKind::Choice(choices) => Input::Choice(
                choices.iter().map(|(value, label)| (value.clone(), t.text(label).into_owned())).collect(),
            ),
        };
        Self {
            id,
            name: field.name.clone(),
            label: t.text(&field.label).into_owned(),
            input,
            value: String::new(),
            required: field.required,
            max_chars: field.max_chars,
            trouble: None,
        }
    }

    fn is_secret(&self) -> bool {
        matches!(self.input, Input::Line(Line { kind: "password", .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Text;
    use crate::portal::words::Language;

    #[test]
    fn passwords_are_never_shown_again_and_names_stay_one_segment() {
        let field = |name: &str, kind| FormField {
            name: name.to_owned(),
            label: Text::new(name),
            kind,
            required: true,
            max_chars: 20,
        };
        let face = ProviderFace {
            title: Text::new("Accounts"),
            icon: Text::default(),
            text: Text::default(),
            fields: vec![field("user", FieldKind::Text), field("password", FieldKind::Password)],
            button: Text::default(),
        };
        let mut offer =
            OfferView::new(0, &ProviderName::new("plugin/a?b c"), &face, Words::of(Language::English));
        assert_eq!(offer.action, "/providers/plugin%2Fa%3Fb%20c");
        let typed = [("user", "ana"), ("password", "secret")];
        offer.fill(&typed.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!((offer.fields[0].value.as_str(), offer.fields[1].value.as_str()), ("ana", ""));
        offer.complain(Some("password"), "Wrong.".to_owned());
        assert_eq!((offer.fields[1].trouble.as_deref(), &offer.trouble), (Some("Wrong."), &None));
        offer.complain(Some("nothing"), "Odd.".to_owned());
        assert_eq!(offer.trouble.as_deref(), Some("Odd."));
        assert!(offer.open);
    }
}

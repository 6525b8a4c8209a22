use std::borrow::Cow;
use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use super::Language;

type Bundle = FluentBundle<FluentResource>;

/// Each language's texts, read when the first page needs them.
static BUNDLES: [OnceLock<Bundle>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];

/// A language's text; `None` if it has none of this name, or not with these parts.
pub(super) fn format(
    language: Language,
    id: &str,
    args: Option<&FluentArgs<'_>>,
) -> Option<Cow<'static, str>> {
    let bundle = BUNDLES.get(language as usize)?.get_or_init(|| read(language));
    let pattern = bundle.get_message(id)?.value()?;
    let mut errors = Vec::new();
    // What has no parts is borrowed from the file.
    let text = match args {
        None => bundle.format_pattern(pattern, None, &mut errors),
        Some(args) => Cow::Owned(bundle.format_pattern(pattern, Some(args), &mut errors).into_owned()),
    };
    errors.is_empty().then_some(text)
}

fn read(language: Language) -> Bundle {
    let resource = FluentResource::try_new(language.texts().to_owned()).unwrap_or_else(|(rest, errors)| {
        // What could be read is used; a test keeps this from happening.
        tracing::error!(language = language.code(), ?errors, "some texts of the portal cannot be read");
        rest
    });
    let id: LanguageIdentifier = language.code().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![id]);
    // The marks would be in attributes and in what scripts compare; names are kept apart where they are put in.
    bundle.set_use_isolating(false);
    if language == Language::Arabic {
        bundle.set_formatter(Some(|value, _| match value {
            FluentValue::Number(number) => Some(Language::Arabic.digits(&number.as_string())),
            FluentValue::String(_) | FluentValue::Custom(_) | FluentValue::None | FluentValue::Error => None,
        }));
    }
    bundle.add_resource_overriding(resource);
    bundle
}

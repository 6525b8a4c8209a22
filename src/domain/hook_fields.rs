use super::filter::FilterError;
use super::{Hook, HookFilterError, HookKinds, HookPatch, Select, SessionEventKind, Text};

/// What somebody wrote of a webhook, field by field; `None` was not written.
#[derive(Debug, Clone, Default)]
pub struct HookFields<'a> {
    /// What it is called.
    pub name: Option<&'a str>,
    /// Where its events go.
    pub url: Option<&'a str>,
    /// What they are signed with.
    pub secret: Option<&'a str>,
    /// Which sessions it is told of; `Some(None)`: of all.
    pub filter: Option<Option<&'a str>>,
    /// Which kinds of events, by their names.
    pub kinds: Option<Vec<&'a str>>,
    /// Which properties, by their names.
    pub properties: Option<Vec<&'a str>>,
    /// Whether it is told anything.
    pub enabled: Option<bool>,
}

/// Why a field of a webhook cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFieldError {
    /// Its name.
    pub field: &'static str,
    /// What is wrong with it, as in `must have between 1 and 64 characters`.
    pub problem: String,
    /// Where in the filter, if that is no filter at all.
    pub filter: Option<FilterError>,
}

impl HookFieldError {
    fn new(field: &'static str, problem: impl ToString) -> Self {
        Self { field, problem: problem.to_string(), filter: None }
    }
}

impl HookFields<'_> {
    /// What of it changes a webhook.
    ///
    /// # Errors
    ///
    /// The first field that cannot be.
    pub fn read(&self) -> Result<HookPatch, HookFieldError> {
        let wrong = HookFieldError::new;
        let filter = match self.filter {
            Some(Some(text)) => Some(Some(text.parse().map_err(|error: HookFilterError| {
                let problem = error.to_string();
                let filter = match error {
                    HookFilterError::Filter(error) => Some(error),
                    HookFilterError::Flows(_) => None,
                };
                HookFieldError { field: "filter", problem, filter }
            })?)),
            Some(None) => Some(None),
            None => None,
        };
        Ok(HookPatch {
            name: self.name.map(name).transpose()?,
            url: self
                .url
                .map(|url| url.parse().map_err(|error| wrong("url", error_text(&error))))
                .transpose()?,
            secret: self
                .secret
                .map(|secret| secret.parse().map_err(|error| wrong("secret", error_text(&error))))
                .transpose()?,
            filter,
            kinds: self.kinds.as_deref().map(kinds).transpose()?,
            properties: self.properties.as_deref().map(properties).transpose()?,
            enabled: self.enabled,
        })
    }
}

fn error_text(error: &dyn std::error::Error) -> String {
    error.to_string()
}

fn name(name: &str) -> Result<Text, HookFieldError> {
    let text = Text::new(name);
    if text.is_empty() || name.chars().count() > Hook::MAX_NAME_CHARS {
        let problem = format!("must have between 1 and {} characters", Hook::MAX_NAME_CHARS);
        return Err(HookFieldError::new("name", problem));
    }
    Ok(text)
}

fn kinds(names: &[&str]) -> Result<HookKinds, HookFieldError> {
    HookKinds::from_names(names.iter().copied()).ok_or_else(|| {
        let known: Vec<&str> = SessionEventKind::ALL.iter().map(|(_, name)| *name).collect();
        HookFieldError::new("kinds", format!("must be some of {}", known.join(", ")))
    })
}

fn properties(names: &[&str]) -> Result<Select, HookFieldError> {
    if names.iter().any(|name| name.contains(',')) {
        return Err(HookFieldError::new("properties", "a name holds no comma"));
    }
    Select::parse(&names.join(","))
        .ok_or_else(|| HookFieldError::new("properties", format!("at most {} names", Select::MAX_NAMES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_that_cannot_be_is_named() {
        let wrong = |fields: HookFields<'_>| fields.read().unwrap_err().field;
        assert_eq!(wrong(HookFields { name: Some(""), ..HookFields::default() }), "name");
        assert_eq!(wrong(HookFields { url: Some("ftp://a/"), ..HookFields::default() }), "url");
        assert_eq!(wrong(HookFields { secret: Some("short"), ..HookFields::default() }), "secret");
        assert_eq!(wrong(HookFields { kinds: Some(vec!["never"]), ..HookFields::default() }), "kinds");
        assert_eq!(
            wrong(HookFields { properties: Some(vec!["a,b"]), ..HookFields::default() }),
            "properties"
        );
        let filter = |text| HookFields { filter: Some(Some(text)), ..HookFields::default() }.read();
        assert!(filter("Desk is").unwrap_err().filter.is_some());
        assert_eq!(filter("$TimeLeft lt '5'").unwrap_err().filter, None);
        assert_eq!(HookFields::default().read(), Ok(HookPatch::default()));
    }
}

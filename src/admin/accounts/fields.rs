use serde_json::Value;

use crate::admin::form::{Form, Wrong, commas, lines, moment};
use crate::domain::{Account, LocalTime};
use crate::wares::AccountFields;

/// What becomes of one device more.
pub(super) const ONE_MORE: [(&str, &str); 2] = [
    ("refuse", "Is refused"),
    ("take_over", "Takes the place of the one that was not used for the longest time"),
];

/// The form for a new account.
pub(super) fn blank() -> Form {
    Form::filled([("max_devices", "1".to_owned())])
}

/// The form of an account as it stands.
pub(super) fn of(account: &Account, place: &dyn LocalTime) -> Form {
    let text = |text: Option<&crate::domain::Text>| text.map(ToString::to_string).unwrap_or_default();
    Form::filled([
        ("full_name", text(account.full_name.as_ref())),
        ("note", text(account.note.as_ref())),
        ("max_devices", account.max_devices.to_string()),
        ("one_more", account.one_more.as_str().to_owned()),
        ("expires_at", moment(account.expires_at, place)),
        ("plans", plans(account)),
        ("roles", commas(&account.roles)),
        ("properties", lines(&account.properties)),
    ])
}

/// The plans of an account, in their order.
fn plans(account: &Account) -> String {
    let names: Vec<&str> = account.plans.iter().map(|attached| attached.plan.as_str()).collect();
    names.join(", ")
}

/// The body that the form for a new account says.
pub(super) fn read_new(form: &Form, place: &dyn LocalTime) -> Result<AccountFields, Wrong> {
    let plan = form.get("plan");
    let plans: Vec<Value> = Some(plan).filter(|plan| !plan.is_empty()).map(Value::from).into_iter().collect();
    form.body()
        .text("name")
        // Blanks at its ends are part of it.
        .with("password", form.whole("password"))
        .text_or_null("full_name")
        .text_or_null("note")
        .whole("max_devices")
        .text("one_more")
        .moment_or_null("expires_at", place)
        .with("plans", plans)
        .flag("paid")
        .read()
}

/// The body that the form of an account says. What stands as it was shown is left out, and stays to the second.
pub(super) fn read(form: &Form, known: &Account, place: &dyn LocalTime) -> Result<AccountFields, Wrong> {
    let shown = of(known, place);
    let mut body = form
        .body()
        .text_or_null("full_name")
        .text_or_null("note")
        .whole("max_devices")
        .text("one_more")
        .names("roles")
        .pairs("properties", shown.get("properties"));
    if form.get("expires_at") != shown.get("expires_at") {
        body = body.moment_or_null("expires_at", place);
    }
    if form.get("plans") != shown.get("plans") {
        body = body.names("plans");
    }
    body.read()
}

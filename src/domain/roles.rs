/// Roles as the property `$Roles` shows them: each in double quotes, sorted, commas between them.
pub fn canonical<'a>(roles: impl IntoIterator<Item = &'a String>) -> String {
    let roles: std::collections::BTreeSet<&String> = roles.into_iter().collect();
    let quoted = |role: &String| format!("\"{}\"", role.replace('\\', "\\\\").replace('"', "\\\""));
    roles.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

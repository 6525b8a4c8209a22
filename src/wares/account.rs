use std::collections::BTreeMap;

use serde::Deserialize;

use super::plan::read_properties;
use super::text::{null_is_some, read_rfc3339, read_roles};
use crate::domain::{Account, AccountName, OneMore, PlanName, TermsError, Text};
use crate::http::Problem;
use crate::runtime::Handle;
use crate::store::{AccountPatch, NewAccount, Till};

/// A new account, or what is to be different about one; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountFields {
    pub(crate) name: Option<String>,
    pub(crate) password: Option<String>,
    #[serde(default, deserialize_with = "null_is_some")]
    full_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "null_is_some")]
    note: Option<Option<String>>,
    plans: Option<Vec<String>>,
    paid: Option<bool>,
    max_devices: Option<u32>,
    one_more: Option<String>,
    pub(crate) disabled: Option<bool>,
    #[serde(default, deserialize_with = "null_is_some")]
    expires_at: Option<Option<String>>,
    roles: Option<Vec<String>>,
    properties: Option<BTreeMap<String, String>>,
}

fn read_plan(name: &str) -> Result<PlanName, Problem> {
    PlanName::parse(name).map_err(|error| TermsError { field: "plans", ..error }.into())
}

/// Whoever takes the money, if some changes hands.
pub(crate) fn till(paid: Option<bool>, seller: &Text, note: Option<Text>) -> Option<Till> {
    (paid == Some(true)).then(|| Till { seller: seller.clone(), note })
}

impl AccountFields {
    /// What they say, but for name and password.
    pub(crate) fn patch(self, seller: &Text) -> Result<AccountPatch, Problem> {
        let text = |text: Option<Option<String>>| text.map(|text| text.as_deref().map(Text::new));
        let plans = self.plans.map(|plans| plans.iter().map(|plan| read_plan(plan)).collect());
        let one_more = self.one_more.as_deref().map(|name| {
            OneMore::from_name(name)
                .ok_or_else(|| Problem::invalid_field("one_more", "must be one of refuse, take_over"))
        });
        let read_time = |text: Option<String>| text.map(|text| read_rfc3339("expires_at", &text)).transpose();
        let expires_at = self.expires_at.map(read_time).transpose()?;
        Ok(AccountPatch {
            password: None,
            full_name: text(self.full_name),
            note: text(self.note),
            plans: plans.transpose()?,
            till: till(self.paid, seller, None),
            max_devices: self.max_devices,
            one_more: one_more.transpose()?,
            disabled: self.disabled,
            expires_at,
            roles: self.roles.map(|names| read_roles("roles", names)).transpose()?,
            properties: self.properties.map(read_properties).transpose()?,
            expected: None,
        })
    }

    /// A new account of these fields; its password is hashed here.
    pub(crate) async fn new_account(mut self, handle: &Handle, seller: &Text) -> Result<NewAccount, Problem> {
        let name =
            self.name.take().ok_or_else(|| Problem::invalid_field("name", "an account needs a name"))?;
        let name = AccountName::parse(&name)?;
        let password = self.password.take();
        let password =
            password.ok_or_else(|| Problem::invalid_field("password", "an account needs a password"))?;
        Account::check_password(&password)?;
        let rest = self.patch(seller)?;
        Ok(NewAccount { name, password: handle.hash_password(&password).await?, rest })
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::plan::{read_price, read_properties};
use super::terms::NewTerms;
use super::text::{read_rfc3339, read_roles};
use crate::domain::{Currency, NewBatch, Refusal, SealedCode, Text, VoucherCodes, VoucherOffer, WhenFull};
use crate::http::Problem;
use crate::store::Store;

/// A batch as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVouchers {
    count: Option<u32>,
    name: Option<String>,
    note: Option<String>,
    plan: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    kind: Option<String>,
    time_secs: Option<u64>,
    data_mb: Option<f64>,
    exp_days: Option<u32>,
    down_mbps: Option<f64>,
    up_mbps: Option<f64>,
    use_global_speed: Option<bool>,
    price: Option<String>,
    roles: Option<Vec<String>>,
    properties: Option<BTreeMap<String, String>>,
    max_devices: Option<u32>,
    when_full: Option<String>,
    use_days: Option<u32>,
}

impl NewVouchers {
    /// Checks it, and takes from its plan what it does not say itself. `count` is how many there are, if that is known.
    pub(crate) async fn check(
        self,
        store: &Store,
        currency: Currency,
        count: Option<u32>,
    ) -> Result<NewBatch, Problem> {
        let time =
            |field, text: &Option<String>| text.as_deref().map(|text| read_rfc3339(field, text)).transpose();
        let from = time("valid_from", &self.valid_from)?;
        let until = time("valid_until", &self.valid_until)?;
        let name = self.name.as_deref().map(Text::new);
        let count = match (count, self.count) {
            (Some(count), None) => count,
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("count", "the file says how many there are"));
            }
            (None, Some(count)) => count,
            (None, None) => return Err(Problem::invalid_field("count", "say how many")),
        };
        let terms = NewTerms {
            kind: self.kind,
            time_secs: self.time_secs,
            data_mb: self.data_mb,
            exp_days: self.exp_days,
            down_mbps: self.down_mbps,
            up_mbps: self.up_mbps,
            use_global_speed: self.use_global_speed,
        };
        let (terms, mut offer) = match &self.plan {
            None => (terms.check()?, VoucherOffer::default()),
            Some(plan) => {
                if let Some(field) = terms.first_given() {
                    return Err(Problem::invalid_field(field, "comes with the plan"));
                }
                let found = store.find_plan(plan).await.map_err(|error| Problem::internal(&error))?;
                let plan = found.ok_or_else(|| Refusal::UnknownPlan(Text::new(plan).to_string()))?;
                if !plan.on_sale {
                    return Err(Refusal::NotOnSale.into());
                }
                (plan.terms.clone(), VoucherOffer::of_plan(&plan))
            }
        };
        if let Some(price) = &self.price {
            offer.price = read_price("price", price, currency)?;
        }
        if let Some(names) = self.roles {
            offer.roles = read_roles("roles", names)?;
        }
        if let Some(properties) = self.properties {
            offer.properties = read_properties(properties)?;
        }
        if let Some(when) = &self.when_full {
            offer.when_full = WhenFull::from_name(when)
                .ok_or_else(|| Problem::invalid_field("when_full", "must be one of refuse, take_over"))?;
        }
        offer.max_devices = self.max_devices.unwrap_or(offer.max_devices);
        offer.use_days = self.use_days;
        let new = NewBatch::new(name, terms, from, until, count)?;
        Ok(new.offering(offer, self.note.as_deref().map(Text::new))?)
    }
}

/// Makes codes: as they are printed, and as they are kept.
pub(crate) async fn make_codes(
    maker: &Arc<dyn VoucherCodes>,
    count: u32,
) -> Result<(Vec<String>, Vec<SealedCode>), Problem> {
    let maker = Arc::clone(maker);
    // Sealing a hundred thousand codes takes a while: not where others wait.
    let made = tokio::task::spawn_blocking(move || maker.new_codes(count))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    Ok(made.into_iter().unzip())
}

//! What is sold (plans, batches of vouchers, accounts) as the faces take it: one reading of it for the API's bodies and the
//! forms of the admin pages, and the paper and the tables that both hand out.

mod account;
mod batch;
mod csv;
mod plan;
mod sheet;
mod stock;
mod terms;
mod text;

pub(crate) use account::{AccountFields, till};
pub(crate) use batch::{NewVouchers, make_codes};
pub(crate) use csv::{Wrong, read_codes, table};
pub(crate) use plan::{AtEndShape, PlanFields, RepeatShape, read_price};
pub(crate) use sheet::{Format, Layout, read_portal};
pub(crate) use stock::Stock;
pub(crate) use terms::NewTerms;
pub(crate) use text::{mbps, null_is_some, read_roles, rfc3339};

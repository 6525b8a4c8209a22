use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::searches::Search;
use super::{PLACE, batch};
use crate::admin::clerk::{Clerk, SELL};
use crate::admin::frame::Frame;
use crate::admin::page::{self, failed, html};
use crate::admin::pager::Pager;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::admin::{shown, voucher};
use crate::domain::VoucherStatus;
use crate::store::{ListedVoucher, VoucherQuery};

/// Where they are listed.
const CODES: &str = "/admin/vouchers/codes";
/// The longest code or beginning of one, in characters.
const MOST_CHARS: usize = 64;

/// Codes, of one batch or all.
#[derive(Debug, Template)]
#[template(path = "admin/sales/codes.html")]
struct CodesPage {
    frame: Frame,
    list: Pager,
    rows: Vec<Row>,
    batch: String,
    status: String,
    code: String,
    statuses: Vec<(&'static str, &'static str)>,
    trouble: Option<&'static str>,
}

/// A code in the list.
#[derive(Debug)]
struct Row {
    code: String,
    place: String,
    batch: i64,
    batch_name: Name,
    standing: &'static str,
    badge: &'static str,
    price: String,
    sold: String,
    seller: Option<Name>,
    redeemed: String,
    uses: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    batch: String,
    status: String,
    code: String,
    page: String,
}

/// What was found, and how many there are in all.
type Found = (Vec<ListedVoucher>, u64);

/// `GET /admin/vouchers/codes`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let typed = |text: &str| text.trim().chars().take(MOST_CHARS).collect::<String>();
    let (batch, code) = (typed(&wanted.batch), typed(&wanted.code));
    // A whole code has a page of its own.
    if let Some(lookup) = state.codes.lookup(&code).filter(|_| !code.is_empty()) {
        let known = state.store.find_voucher(&lookup).await.map_err(|error| failed(&state, &error))?;
        if known.is_some() {
            return Ok(Redirect::to(&voucher::place(&code, "")).into_response());
        }
    }
    let status = VoucherStatus::ALL.into_iter().find(|status| status.as_str() == wanted.status);
    let number = if batch.is_empty() { Ok(None) } else { batch.parse::<i64>().map(Some) };
    let trouble = number.is_err().then_some("A batch is named by its number.");
    let pairs = vec![
        ("batch", batch.clone()),
        ("status", status.map_or("", VoucherStatus::as_str).to_owned()),
        ("code", code.clone()),
    ];
    let mut list = Pager::read(CODES, &wanted.page, pairs);
    let mut query = VoucherQuery {
        batch: number.ok().flatten(),
        status: status.map(|status| (status, state.handle.now().wall)),
        page: list.page,
        per_page: Pager::ROWS,
        ..VoucherQuery::default()
    };
    let mut found = (Vec::new(), 0);
    if trouble.is_none() {
        found = find(&state, &query, &code).await?;
        if list.counted(found.1) {
            query.page = list.page;
            found = find(&state, &query, &code).await?;
        }
    }
    let rows: Result<Vec<Row>, String> = found.0.iter().map(|listed| Row::new(&state, listed)).collect();
    let page = CodesPage {
        frame: clerk.frame(&state, PLACE),
        rows: rows.map_err(|error| failed(&state, &error))?,
        list,
        batch,
        status: status.map_or("", VoucherStatus::as_str).to_owned(),
        code,
        statuses: VoucherStatus::ALL.map(|status| (status.as_str(), shown::standing(status))).into(),
        trouble,
    };
    let status = page::status(trouble.is_some());
    Ok(html(status, page.render()))
}

/// A page of the vouchers whose codes begin so.
async fn find(state: &AdminState, query: &VoucherQuery, beginning: &str) -> Result<Found, Response> {
    let failed = |error: &dyn std::fmt::Display| failed(state, error);
    let wanted = letters(beginning);
    if wanted.is_empty() {
        return state.store.list_vouchers(query).await.map_err(|error| failed(&error));
    }
    let (status, now) = (query.status.map(|(status, _)| status), state.handle.now().boot);
    let search = Search { batch: query.batch, status, letters: wanted.clone() };
    let known = state.searches.find(&search, now).filter(|_| query.page > 1);
    let ids = match known {
        Some(ids) => ids,
        None => {
            let ids: Arc<[i64]> = begins_so(state, query, wanted).await?.into();
            state.searches.keep(search, now, Arc::clone(&ids));
            ids
        }
    };
    let total = ids.len() as u64;
    let skipped = (query.page as usize - 1).saturating_mul(query.per_page as usize);
    let mut shown = Vec::new();
    for id in ids.iter().skip(skipped).take(query.per_page as usize) {
        shown.extend(state.store.voucher_by_id(*id).await.map_err(|error| failed(&error))?);
    }
    Ok((shown, total))
}

/// The letters of a code, as they are compared.
fn letters(code: &str) -> String {
    code.chars().filter(|letter| *letter != '-').map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The numbers of all vouchers that are meant and whose codes begin so.
async fn begins_so(state: &AdminState, query: &VoucherQuery, wanted: String) -> Result<Vec<i64>, Response> {
    let failed = |error: &dyn std::fmt::Display| failed(state, error);
    // The store cannot tell how a code begins: all that are meant are read, apart from where others wait.
    let sealed = state.store.sealed_codes(query).await.map_err(|error| failed(&error))?;
    let reader = Arc::clone(&state.codes);
    tokio::task::spawn_blocking(move || {
        let begins = |code: &str| letters(code).starts_with(&wanted);
        let mut ids = Vec::new();
        for (id, code) in sealed {
            if begins(&reader.unseal(&code)?) {
                ids.push(id);
            }
        }
        Ok::<_, String>(ids)
    })
    .await
    .map_err(|error| failed(&error))?
    .map_err(|error| failed(&error))
}

impl Row {
    fn new(state: &AdminState, listed: &ListedVoucher) -> Result<Self, String> {
        let voucher = &listed.voucher;
        let (code, time) = (state.codes.unseal(&listed.code)?, |at| shown::time(at, &*state.place));
        let status = voucher.status(state.handle.now().wall);
        let sale = voucher.sold.as_ref();
        Ok(Self {
            place: voucher::place(&code, ""),
            code,
            batch: voucher.batch.id,
            batch_name: Name::short(batch::title(&voucher.batch)),
            standing: shown::standing(status),
            badge: match status {
                VoucherStatus::Unsold | VoucherStatus::Sold => "good",
                VoucherStatus::Redeemed => "",
                VoucherStatus::NotYetValid | VoucherStatus::Expired => "warn",
                VoucherStatus::Revoked => "bad",
            },
            price: state.currency.show(voucher.batch.offer.price),
            sold: sale.map(|sale| time(sale.at)).unwrap_or_default(),
            seller: sale.map(|sale| Name::short(sale.seller.to_string())),
            redeemed: voucher.redeemed.map(|first| time(first.at)).unwrap_or_default(),
            uses: format!("{} of {}", voucher.uses, voucher.batch.offer.max_devices),
        })
    }
}

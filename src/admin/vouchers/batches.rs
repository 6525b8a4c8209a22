use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{PLACE, batch};
use crate::admin::clerk::{Clerk, SELL};
use crate::admin::frame::Frame;
use crate::admin::page::{failed, html};
use crate::admin::pager::Pager;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::store::{BatchQuery, BatchSums};

/// The longest text that is looked for, in characters.
const MOST_CHARS: usize = 200;

/// All batches.
#[derive(Debug, Template)]
#[template(path = "admin/sales/batches.html")]
struct BatchesPage {
    frame: Frame,
    list: Pager,
    rows: Vec<Row>,
    /// What is looked for.
    q: String,
    plan: String,
    singles: bool,
    plans: Vec<String>,
    done: Option<String>,
}

/// A batch in the list.
#[derive(Debug)]
struct Row {
    id: i64,
    name: Name,
    plan: String,
    grants: String,
    price: String,
    made: String,
    by: Option<Name>,
    sums: BatchSums,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    q: String,
    plan: String,
    singles: String,
    page: String,
    done: String,
}

/// `GET /admin/vouchers`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let failed = |error| failed(&state, &error);
    let q: String = wanted.q.trim().chars().take(MOST_CHARS).collect();
    let singles = wanted.singles == "on";
    let pairs = vec![
        ("q", q.clone()),
        ("plan", wanted.plan.clone()),
        ("singles", if singles { "on" } else { "" }.to_owned()),
    ];
    let mut list = Pager::read(PLACE, &wanted.page, pairs);
    let mut query = BatchQuery {
        text: Some(q.clone()).filter(|q| !q.is_empty()),
        plan: Some(wanted.plan.clone()).filter(|plan| !plan.is_empty()),
        with_single_sales: singles,
        page: list.page,
        per_page: Pager::ROWS,
    };
    let (mut batches, total) = state.store.find_batches(&query).await.map_err(failed)?;
    if list.counted(total) {
        query.page = list.page;
        (batches, _) = state.store.find_batches(&query).await.map_err(failed)?;
    }
    let ids: Vec<i64> = batches.iter().map(|batch| batch.id).collect();
    let sums = state.store.batch_sums(&ids).await.map_err(failed)?;
    let makers = state.store.batch_makers(&ids).await.map_err(failed)?;
    let rows = batches.iter().map(|batch| Row {
        id: batch.id,
        name: Name::short(batch::title(batch)),
        plan: batch.offer.plan.clone().unwrap_or_default(),
        grants: shown::terms(&batch.terms),
        price: state.currency.show(batch.offer.price),
        made: shown::time(batch.created_at, &*state.place),
        by: makers.get(&batch.id).map(Name::short),
        sums: sums.get(&batch.id).copied().unwrap_or_default(),
    });
    let page = BatchesPage {
        frame: clerk.frame(&state, PLACE),
        rows: rows.collect(),
        plans: state.store.batch_plans().await.map_err(failed)?,
        done: batch::said(&wanted.done),
        list,
        q,
        plan: wanted.plan,
        singles,
    };
    Ok(html(StatusCode::OK, page.render()))
}

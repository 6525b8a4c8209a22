//! The first page: who is here, what passes, what came in, and how the box is.

mod figures;
mod health;
mod money;
mod plots;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use self::figures::Figured;
use self::health::Health;
use self::money::Taken;
use self::plots::Slots;
use super::clerk::{Clerk, VIEW};
use super::frame::Frame;
use super::nav;
use super::page::{failed, html, refused};
use super::plot::Plot;
use super::shown;
use super::state::AdminState;
use crate::domain::ZoneName;
use crate::domain::samples::{Figures, Span};
use crate::http::encoded;
use crate::runtime::Standing;

/// So many of those who are online are named.
const MOST_NAMED: usize = 10;
/// Where plans are made.
const PLANS: &str = "/admin/plans";
/// So many zones are offered and listed.
const MOST_ZONES: usize = 32;

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "admin/dashboard.html")]
struct DashboardPage {
    frame: Frame,
    parts: Parts,
}

/// What of the page moves.
#[derive(Debug, Template)]
#[template(path = "admin/dashboard_live.html")]
struct LivePage {
    parts: Parts,
}

/// All that is shown, as texts.
#[derive(Debug)]
struct Parts {
    /// When this was so, by the clocks of the place.
    at: String,
    spans: Vec<Choice>,
    zones: Vec<Choice>,
    /// The parameters that ask for this page again.
    query: String,
    /// `in the last hour`, and the like.
    within: &'static str,
    figured: Figured,
    taken: Option<Taken>,
    health: Health,
    first_steps: Vec<Step>,
    plots: Vec<Plot>,
}

/// A link among several, one of which is where we are.
#[derive(Debug)]
struct Choice {
    href: String,
    text: String,
    current: bool,
}

/// Something to do first.
#[derive(Debug)]
struct Step {
    text: &'static str,
    href: &'static str,
    link: &'static str,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    span: String,
    #[serde(default)]
    zone: String,
    /// `0` if the plots are not wanted.
    #[serde(default)]
    plots: String,
}

/// `GET /admin`: the dashboard for whoever may see it, else the counter.
pub(super) async fn first(
    clerk: Clerk,
    state: State<AdminState>,
    wanted: Query<Wanted>,
) -> Result<Response, Response> {
    if clerk.views() {
        return show(clerk, state, wanted).await;
    }
    Ok(Redirect::to("/admin/counter").into_response())
}

/// `GET /admin/dashboard`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let parts = Parts::gather(&state, &clerk, &wanted).await?;
    let page = DashboardPage { frame: clerk.frame(&state, "/admin/dashboard"), parts };
    Ok(html(StatusCode::OK, page.render()))
}

/// `GET /admin/dashboard/live`: what of the page moves, for the page's script.
pub(super) async fn live(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let parts = Parts::gather(&state, &clerk, &wanted).await?;
    Ok(html(StatusCode::OK, LivePage { parts }.render()))
}

impl Parts {
    async fn gather(state: &AdminState, clerk: &Clerk, wanted: &Wanted) -> Result<Self, Response> {
        let fail = |error: &dyn std::fmt::Display| failed(state, error);
        let refuse = |refusal| refused(state, refusal);
        let span = Span::from_name(&wanted.span).unwrap_or(Span::Hour);
        let zone = Some(&wanted.zone).filter(|zone| !zone.is_empty()).map(|zone| ZoneName::new(zone));
        let standing = state.handle.standing(MOST_NAMED, zone).await.map_err(refuse)?;
        // One that has gone meanwhile is all of them.
        let zone =
            standing.zones.iter().map(|(name, _)| name).find(|name| name.as_str() == wanted.zone).cloned();
        let samples = state.handle.samples(span, zone.as_ref()).await.map_err(refuse)?;
        let now = state.handle.believable();
        let slots = Slots::new(span, now, &*state.place);
        let sum = samples.iter().fold(Figures::default(), |sum, sample| sum.plus(&sample.whole));
        let latest = state.handle.latest_sample().map(|sample| match &zone {
            Some(zone) => sample.of_zone(zone).whole,
            None => sample.whole,
        });
        let taken = match clerk.sells() {
            true => Some(Taken::gather(state, span, now, &slots).await.map_err(|error| fail(&error))?),
            false => None,
        };
        let any_plan = state.store.any_plan().await.map_err(|error| fail(&error))?;
        let first_steps = first_steps(clerk, !any_plan, &standing);
        let health =
            Health::gather(state, &standing, &sum, latest.as_ref(), zone.is_none()).await.map_err(refuse)?;
        let mut plots = Vec::new();
        if wanted.plots != "0" {
            plots = plots::of_samples(&samples, &slots, zone.is_none());
            if let Some(taken) = &taken {
                let place = plots.len().min(3);
                plots.insert(place, taken.plot(&slots));
            }
        }
        Ok(Self {
            at: state.place.local(now).format("%H:%M:%S").to_string(),
            spans: spans(span, zone.as_ref()),
            zones: zones(span, zone.as_ref(), &standing),
            query: query(span, zone.as_ref()),
            within: slots.within(),
            figured: Figured::new(&standing, zone.as_ref(), &sum, latest.as_ref()),
            taken,
            health,
            first_steps,
            plots,
        })
    }
}

/// The parameters of a link: names of zones may hold anything that a configuration can say.
fn query(span: Span, zone: Option<&ZoneName>) -> String {
    let zone = zone.map(|zone| format!("&zone={}", encoded(zone.as_str()))).unwrap_or_default();
    format!("span={}{zone}", span.as_str())
}

fn spans(current: Span, zone: Option<&ZoneName>) -> Vec<Choice> {
    let names = [(Span::Hour, "Hour"), (Span::Day, "Day"), (Span::Week, "Week"), (Span::Month, "Month")];
    let choice = |(span, text): (Span, &str)| Choice {
        href: format!("/admin/dashboard?{}", query(span, zone)),
        text: text.to_owned(),
        current: span == current,
    };
    names.into_iter().map(choice).collect()
}

/// All together and each by itself; nothing where there is but one.
fn zones(span: Span, current: Option<&ZoneName>, standing: &Standing) -> Vec<Choice> {
    if standing.zones.len() < 2 {
        return Vec::new();
    }
    let all = Choice {
        href: format!("/admin/dashboard?{}", query(span, None)),
        text: "All zones".to_owned(),
        current: current.is_none(),
    };
    let each = standing.zones.iter().take(MOST_ZONES).map(|(zone, online)| Choice {
        href: format!("/admin/dashboard?{}", query(span, Some(zone))),
        text: format!("{zone} ({online})"),
        current: current == Some(zone),
    });
    std::iter::once(all).chain(each).collect()
}

/// What is to be done where nothing is yet.
fn first_steps(clerk: &Clerk, no_plans: bool, standing: &Standing) -> Vec<Step> {
    let mut steps = Vec::new();
    if no_plans && clerk.sells() {
        // Where there is no page for it, there is a command.
        steps.push(match nav::leads_to(clerk, PLANS) {
            true => {
                let text = "There is no plan yet. Make one: it says what is sold, for how long and how much.";
                Step { text, href: PLANS, link: "Make a plan" }
            }
            false => {
                let text = "There is no plan yet. turnpike plan create makes one: what is sold, for how long and how much.";
                Step { text, href: "", link: "" }
            }
        });
    }
    if standing.devices == 0 {
        let text = "No device was seen yet. Join the guest network with a phone: it is shown here, and its portal opens.";
        steps.push(Step { text, href: "", link: "" });
    } else if standing.online == 0 && clerk.sells() {
        let text = "Nobody is online. Sell a voucher, or redeem one for a device.";
        steps.push(Step { text, href: "/admin/counter", link: "To the counter" });
    }
    steps
}

/// What a span of time is called.
const fn within(span: Span) -> &'static str {
    match span {
        Span::Hour => "in the last hour",
        Span::Day => "in the last 24 hours",
        Span::Week => "in the last 7 days",
        Span::Month => "in the last 31 days",
    }
}

/// Days, hours and minutes of what was used or sold.
fn long(millis: u64) -> String {
    shown::duration(millis)
}

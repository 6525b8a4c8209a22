use std::collections::HashMap;

use crate::config::MetricConfig;
use crate::domain::{Lookup, SessionView};

use crate::runtime::Survey;

/// The most groups of one metric; the sessions of the others are counted together.
const MAX_GROUPS: usize = 100;
/// What the others are counted as.
const OTHERS: &str = "other";

/// The sessions of one operator's metric, by group; in the order of the groups.
pub(super) struct Counted {
    pub(super) metric: String,
    pub(super) groups: Vec<(String, usize)>,
}

/// Counts what the operator asked for. May take a while: not for a thread that others wait for.
pub(super) fn count(metrics: &[MetricConfig], survey: &Survey) -> Vec<Counted> {
    metrics
        .iter()
        .map(|metric| Counted {
            metric: metric.name.clone(),
            groups: groups(metric, survey.snapshot.views().map(|(_, _, view)| view)),
        })
        .collect()
}

/// Of many groups the largest keep their names, so that those who invent values do not push out the others.
fn groups<'s>(metric: &MetricConfig, views: impl Iterator<Item = SessionView<'s>>) -> Vec<(String, usize)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for view in views.filter(|view| metric.filter.matches(view)) {
        let value = metric.group_by.as_deref().and_then(|key| view.get(key));
        *counts.entry(value.map_or_else(String::new, std::borrow::Cow::into_owned)).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    if counts.is_empty() && metric.group_by.is_none() {
        counts.push((String::new(), 0));
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    if counts.len() > MAX_GROUPS {
        let rest: usize = counts.drain(MAX_GROUPS..).map(|(_, count)| count).sum();
        match counts.iter_mut().find(|(group, _)| group == OTHERS) {
            Some((_, count)) => *count += rest,
            None => counts.push((OTHERS.to_owned(), rest)),
        }
    }
    counts.sort();
    counts
}

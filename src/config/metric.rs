use std::collections::BTreeSet;

use toml::de::DeTable;

use super::report::Report;
use super::section::Section;
use super::values;
use crate::domain::Filter;

/// The most counts of an operator's own.
const MAX_METRICS: usize = 32;

/// One `[[metric]]`: a count of the operator's own among the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricConfig {
    /// Its name, unique: a small letter, then small letters, digits and `_`.
    pub name: String,
    /// Which sessions it counts, in the language of filters.
    pub filter: Filter,
    /// The property by whose values it is split up.
    pub group_by: Option<String>,
}

/// Reads every `[[metric]]`.
pub(super) fn read(report: &mut Report<'_>, tables: Vec<(usize, &DeTable<'_>)>) -> Vec<MetricConfig> {
    if let Some((at, _)) = tables.get(MAX_METRICS) {
        report.mistake(*at, "metric", format!("there can be at most {MAX_METRICS} metrics"));
    }
    let mut names = BTreeSet::new();
    let mut metrics = Vec::new();
    for (at, table) in tables {
        let mut section = Section::new(report, "metric", at, table);
        let name = section.required("name", "\"low_data\"", values::metric_name);
        if let Some(name) = &name
            && !names.insert(name.value.clone())
        {
            section.mistake(name.at, "name", format!("there are two metrics named {}", name.value));
        }
        let filter = section.read("filter", values::filter);
        let group_by = section.read("group_by", values::property_key);
        section.finish();
        if let Some(name) = name {
            metrics.push(MetricConfig {
                name: name.value,
                filter: filter.map_or_else(Filter::all, |filter| filter.value),
                group_by: group_by.map(|key| key.value),
            });
        }
    }
    metrics
}

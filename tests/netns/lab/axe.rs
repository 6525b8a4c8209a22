//! Whether a page is accessible, as far as a program can tell: axe-core in the page, held against WCAG 2.2 AA.

use std::path::PathBuf;

use serde_json::Value;

use super::Browser;

/// Runs the checks of WCAG up to 2.2 AA and hands over what is broken: rule, element, why.
const CHECK: &str = "var done = arguments[arguments.length - 1];\
    axe.run(document, { resultTypes: ['violations'],\
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(function (found) {\
      done(found.violations.reduce(function (all, rule) { return all.concat(rule.nodes.map(function (node) {\
        return rule.id + ' at ' + node.target.join(' ') + ': ' + node.failureSummary; })); }, [])); },\
      function (error) { done(['axe: ' + error]); });";

/// The program; `scripts/test` fetches it.
fn source() -> String {
    let place =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&place)
        .unwrap_or_else(|error| panic!("{} (scripts/test fetches it): {error}", place.display()))
}

impl Browser<'_> {
    /// What keeps somebody out of the page that is shown: WCAG 2.2 AA on this screen, and what reaches beyond its edge.
    pub fn hurdles(&self, what: &str) -> Vec<String> {
        if self.evaluate("typeof axe") == "undefined" {
            self.runs(&source());
        }
        let found = self.awaits(CHECK);
        let found = found.as_array().unwrap_or_else(|| panic!("axe said {found}"));
        let mut found: Vec<String> = found.iter().map(|hurdle| format!("{what}: {hurdle}")).collect();
        let wide =
            self.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        if wide != 0 {
            found.push(format!("{what}: {wide} points wider than the screen"));
        }
        found
    }

    /// Nothing on the page that is shown keeps anybody out.
    pub fn must_be_accessible(&self, what: &str) {
        let hurdles = self.hurdles(what);
        assert!(hurdles.is_empty(), "{}:\n{}", self.url(), hurdles.join("\n"));
    }
}

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

/// Gives each thing that can be reached by keyboard the focus, and hands over those that do not show that they have it.
const FOCUS: &str = "[].filter.call(document.querySelectorAll(\
      'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]'), function (it) {\
        it.focus({ preventScroll: true });\
        if (document.activeElement !== it) { return false; }\
        var style = getComputedStyle(it);\
        return style.outlineStyle === 'none' && style.boxShadow === 'none'; })\
    .map(function (it) { return 'shows no focus: ' + it.outerHTML.slice(0, 200); })\
    .concat([].map.call(document.querySelectorAll('[tabindex]:not([tabindex=\"0\"]):not([tabindex=\"-1\"])'),\
      function (it) { return 'has a place of its own in the order: ' + it.outerHTML.slice(0, 200); }))";

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

    /// What of the page that is shown does not work by keyboard alone.
    pub fn keyboard_hurdles(&self, what: &str) -> Vec<String> {
        // From here on the focus is shown, as to somebody who moves it with keys.
        self.types("\u{e004}");
        let found = self.evaluate(FOCUS);
        self.runs("document.activeElement.blur(); window.scrollTo(0, 0);");
        let found = found.as_array().unwrap_or_else(|| panic!("{what}: {found}"));
        found.iter().map(|hurdle| format!("{what}: {hurdle}")).collect()
    }

    /// Nothing on the page that is shown keeps anybody out.
    pub fn must_be_accessible(&self, what: &str) {
        let hurdles = self.hurdles(what);
        assert!(hurdles.is_empty(), "{}:\n{}", self.url(), hurdles.join("\n"));
    }
}

//! The admin pages' lists with ten thousand rows: how long a page of them takes.

use std::net::SocketAddr;
use std::time::Instant;

use crate::Effort;
use crate::lab::{HttpRequest, Lab};
use crate::report::{Aim, Report};
use crate::router::{Router, macs};
use crate::stats::Sample;

const AREA: &str = "lists";
/// What feels immediate (Miller 1968; Nielsen 1993), in milliseconds.
const AIM_MS: f64 = 100.0;

/// The first and the last page, a filter, and words, of sessions and of devices.
pub fn measure(report: &mut Report, effort: Effort) {
    let lab = Lab::with_phones(1);
    let router = Router::start(&lab, "");
    let macs = macs(effort.clients);
    router.register(&macs);
    router.all("connect", &macs);
    let admin = SocketAddr::from(([127, 0, 0, 1], 2051));
    let form = format!("token={}", router.token());
    let signed = HttpRequest::form("/admin/login", &form)
        .header("Origin", &format!("http://{admin}"))
        .send(&lab.router, admin)
        .expect("an answer");
    let cookie = signed.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    let cookie = cookie.unwrap_or_else(|| panic!("not signed in: {signed:?}")).to_owned();
    let last = effort.clients.div_ceil(50);
    let filter = "%24Zone+is+%22guests%22+and+%24TimeLeft+gt+%22100%22";
    for (what, path) in [
        ("sessions: first page", "/admin/sessions".to_owned()),
        ("sessions: last page", format!("/admin/sessions?page={last}")),
        ("sessions: by what they have used", "/admin/sessions?sort=-data_used_mb".to_owned()),
        ("sessions: a filter that all match", format!("/admin/sessions?q={filter}")),
        ("sessions: a word", "/admin/sessions?q=00%3A0f".to_owned()),
        ("devices: first page", "/admin/devices".to_owned()),
        ("devices: a word", "/admin/devices?q=00%3A0f".to_owned()),
    ] {
        let mut took = Sample::default();
        for _ in 0..effort.runs.max(5) {
            let begun = Instant::now();
            let page =
                HttpRequest::get(&path).header("Cookie", &cookie).send(&lab.router, admin).expect("a page");
            took.add(begun.elapsed().as_secs_f64() * 1e3);
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            assert!(page.body.contains("<tbody>"), "{path}: {}", page.body);
        }
        report.add(AREA, format!("{what}, of {}", effort.clients), took, "ms", Aim::Below(AIM_MS));
    }
}

use serde_json::Value;

use super::operation::Operation;
use super::schema::{
    about, amount, count, fields, integer, list_of, nullable, one_of, reference, text, time, whole,
};
use crate::api::auth::View;
use crate::domain::samples::Span;

fn spans() -> Value {
    one_of(&Span::ALL.map(|(_, name)| name))
}

pub(super) fn schema() -> Value {
    let of_all = |schema: Value| about(nullable(schema), "`null` for one zone: not told apart by zone.");
    let sample = whole(fields([
        ("at", about(nullable(time()), "When the slot began.")),
        ("step_secs", about(integer(10, 3_600), "How long the slot is.")),
        ("covered_secs", about(amount(), "How much of it was measured; what is missing is a gap.")),
        ("clients", about(nullable(amount()), "Online on average.")),
        ("clients_most", about(count(), "Online at once.")),
        ("online_secs", about(amount(), "That clients were online, all of them together.")),
        ("down_bytes", about(count(), "Towards clients.")),
        ("up_bytes", about(count(), "From clients.")),
        ("started", of_all(count())),
        ("ended", of_all(count())),
        ("repairs", of_all(count())),
        ("own_cpu_percent", about(nullable(amount()), "Of one processor, by the daemon.")),
        ("box_cpu_percent", about(nullable(amount()), "Of all processors, by everything.")),
        ("own_memory_kb", of_all(count())),
        ("box_memory_kb", of_all(count())),
        ("store_kb", of_all(count())),
        ("uplink_percent", about(nullable(amount()), "Of the time; `null` where nobody knows.")),
    ]));
    whole(fields([
        ("span", spans()),
        ("zone", nullable(text())),
        ("from", nullable(time())),
        ("to", nullable(time())),
        ("items", list_of(sample)),
    ]))
}

pub(super) fn operation() -> Operation {
    Operation::get("/api/v1/samples", "listSamples", "What happened over time, for plots")
        .about(
            "The oldest slot first. An hour comes in slots of ten seconds (minutes for what was before the last restart), a \
             day in minutes, a week in ten minutes, a month (31 days) in hours. A slot that nobody measured is absent.",
        )
        .needs::<View>()
        .query("span", spans(), "How far back; an hour unless asked otherwise")
        .query("zone", text(), "Of this zone only")
        .answers(200, "What happened.", reference("Samples"))
}

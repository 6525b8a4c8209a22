use serde_json::{Value, json};

use super::Area;
use super::operation::Operation;
use super::plans::price;
use super::schema::{
    about, body, boolean, count, fields, list_of, nullable, one_of, page_of, reference, text, time, uuid,
    whole,
};
use super::terms;
use crate::api::auth::{ManageVouchers, Sell};
use crate::domain::SaleItem;
use crate::runtime::SalesBy;

/// An amount that may have been given back.
fn amount() -> Value {
    json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" })
}

fn items() -> Value {
    one_of(&SaleItem::ALL.map(|(_, name)| name))
}

fn sale() -> Value {
    whole(fields([
        ("id", uuid()),
        ("at", nullable(time())),
        ("seller", text()),
        ("item", items()),
        ("plan", nullable(text())),
        ("voucher", about(nullable(json!({ "type": "integer" })), "The voucher's row.")),
        ("device", nullable(uuid())),
        ("session", nullable(uuid())),
        ("amount", about(amount(), "Negative when it was given back.")),
        ("currency", text()),
        ("note", nullable(text())),
        ("refunds", about(nullable(uuid()), "The sale that it gives money back for.")),
    ]))
}

fn report() -> Value {
    let line = whole(fields([
        ("day", nullable(json!({ "type": "string", "format": "date" }))),
        ("seller", nullable(text())),
        ("plan", nullable(text())),
        ("item", nullable(items())),
        ("sold", count()),
        ("refunded", count()),
        ("amount", amount()),
    ]));
    whole(fields([
        ("from", nullable(time())),
        ("to", nullable(time())),
        ("currency", text()),
        ("items", list_of(line)),
        ("sold", count()),
        ("refunded", count()),
        ("amount", amount()),
    ]))
}

/// Which lines.
fn selected(operation: Operation) -> Operation {
    let day = "RFC 3339, milliseconds since the epoch, or a day of the place as in 2026-01-31";
    operation
        .query("from", text(), &format!("From then on: {day}"))
        .query("to", text(), &format!("Before then, or up to the end of that day: {day}"))
        .query("seller", text(), "Taken by this one")
        .query("plan", text(), "Of this plan")
        .query("item", items(), "Of this sort")
}

fn by() -> Value {
    let names = SalesBy::ALL.map(|(_, name)| name).join("|");
    json!({ "type": "string", "pattern": format!("^({names})(,({names}))*$") })
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/sales";
    let sold = whole(fields([("voucher", reference("Voucher")), ("sale", reference("Sale"))]));
    let sell = body(
        &[],
        fields([
            ("plan", about(text(), "A code is made for it.")),
            ("batch", about(json!({ "type": "integer" }), "The next of it that was not sold.")),
            ("code", about(text(), "This very one.")),
            ("note", text()),
        ]),
    );
    let top_up = body(
        &["to"],
        fields([
            ("to", about(text(), "A session's id; or a device: its id, MAC or IP address.")),
            ("plan", text()),
            ("add_time_secs", terms::seconds()),
            ("add_data_mb", terms::megabytes()),
            ("price", price()),
            ("note", text()),
        ]),
    );
    let refund = body(
        &[],
        fields([
            ("amount", about(price(), "All that was not given back yet, if it is not said.")),
            ("keep", about(boolean(), "What was sold goes on.")),
            ("note", text()),
        ]),
    );
    let id = || json!({ "type": "string", "minLength": 1 });
    let lines = json!({ "anyOf": [page_of("Sale"), reference("SalesReport")] });
    let operations = vec![
        Operation::post("/api/v1/vouchers/sell", "sellVoucher", "Sells a voucher over the counter")
            .about("One of `plan`, `batch` and `code`. The answer holds the code.")
            .needs::<ManageVouchers>()
            .if_match()
            .body(sell)
            .answers(201, "The voucher with its code, and the line of the till.", sold)
            .refuses(404, "There is no such plan, batch or code.")
            .refuses(409, "It is not on sale, sold, sold out, used or revoked."),
        Operation::post("/api/v1/top_ups", "topUp", "Sells more of a session")
            .about("Of the session that is named, or the one that the device runs or would run next. A plan of another kind \
                    or speed becomes a session of its own.")
            .needs::<Sell>()
            .if_match()
            .body(top_up)
            .answers_with(200, "The session.", reference("Session"), &["ETag"])
            .answers_with(201, "The session that it made, found again.", reference("Session"), &["ETag", "Location"])
            .refuses(404, "There is no such session, device or plan.")
            .refuses(409, "The session has ended, the device has none, or the plan is not on sale."),
        selected(Operation::get(ALL, "listSales", "Lines of the till, the newest first; or what came in"))
            .needs::<ManageVouchers>()
            .query("by", by(), "Sum up by these, names with commas: a report instead of lines")
            .pages()
            .answers(200, "A page of lines, or the report.", lines),
        selected(Operation::get("/api/v1/sales.csv", "exportSales", "Lines of the till as a table"))
            .needs::<ManageVouchers>()
            .query("by", text(), "Taken no notice of")
            .pages()
            .answers_in(200, "The newest first, 100,000 at most.", "text/csv", text(), &[]),
        Operation::get("/api/v1/sales/{id}", "getSale", "One line of the till")
            .needs::<ManageVouchers>()
            .part("id", id(), "A sale's id")
            .answers(200, "The line.", reference("Sale")),
        Operation::post("/api/v1/sales/{id}/refund", "refundSale", "Gives money back")
            .about("If all of it is, what was sold is taken back: a voucher is revoked, its sessions are closed.")
            .needs::<ManageVouchers>()
            .part("id", id(), "A sale's id")
            .if_match()
            .optional_body(refund)
            .answers(201, "The negative line.", reference("Sale"))
            .refuses(409, "There is nothing left to be given back."),
    ];
    Area {
        tag: "sales",
        about: "The counter: what is sold, and what came in.",
        operations,
        schemas: vec![("Sale", sale()), ("SalesReport", report())],
    }
}

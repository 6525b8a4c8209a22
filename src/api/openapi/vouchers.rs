use serde_json::{Map, Value, json};

use super::Area;
use super::operation::Operation;
use super::plans::{at_end, price, properties, repeat};
use super::schema::{
    about, amount, body, boolean, count, fields, integer, list_of, new_roles, nullable, one_of, page_of,
    reference, roles, text, time, uuid, whole,
};
use super::terms;
use crate::api::auth::{ManageVouchers, Modify};
use crate::domain::{MAX_EXP_DAYS, NewBatch, Plan, VoucherStatus, WhenFull};

fn voucher_fields() -> Map<String, Value> {
    let mut all = terms::shown();
    all.extend(fields([
        ("code", text()),
        ("status", one_of(&VoucherStatus::ALL.map(VoucherStatus::as_str))),
        ("batch", count()),
        ("name", nullable(text())),
        ("plan", nullable(text())),
        ("price", price()),
        ("valid_from", nullable(time())),
        ("valid_until", nullable(time())),
        ("created_at", nullable(time())),
        ("sold_at", nullable(time())),
        ("seller", nullable(text())),
        ("redeemed_at", about(nullable(time()), "Its first use, as the device and the session.")),
        ("revoked_at", nullable(time())),
        ("ends_at", about(nullable(time()), "When all that came of it is over.")),
        ("device", nullable(uuid())),
        ("session", nullable(uuid())),
        ("max_devices", count()),
        ("uses", about(count(), "Places that are taken.")),
    ]));
    all
}

fn detail() -> Value {
    let place = whole(fields([
        ("device", uuid()),
        ("session", about(uuid(), "The first that came of it.")),
        ("at", nullable(time())),
        ("ended_at", about(nullable(time()), "When another device took the place.")),
    ]));
    let mut all = voucher_fields();
    all.extend(fields([
        ("places", list_of(place)),
        ("sessions", about(list_of(uuid()), "Those that are not over.")),
    ]));
    whole(all)
}

/// What a batch is sold as, as it is shown.
fn batch_fields() -> Map<String, Value> {
    let mut all = terms::shown();
    all.extend(fields([
        ("batch", count()),
        ("name", nullable(text())),
        ("note", nullable(text())),
        ("plan", nullable(text())),
        ("price", price()),
        ("currency", text()),
        ("roles", roles()),
        ("properties", properties()),
        ("at_end", at_end()),
        ("repeat", repeat()),
        ("max_devices", count()),
        ("when_full", when_full()),
        ("use_days", nullable(count())),
        ("valid_from", nullable(time())),
        ("valid_until", nullable(time())),
        ("created_at", nullable(time())),
        ("count", count()),
    ]));
    all
}

fn made() -> Value {
    let mut all = batch_fields();
    all.insert("codes".to_owned(), list_of(text()));
    whole(all)
}

fn when_full() -> Value {
    one_of(&[WhenFull::Refuse, WhenFull::TakeOver].map(WhenFull::as_str))
}

fn new() -> Value {
    let others = fields([
        ("count", integer(1, NewBatch::MAX_COUNT.into())),
        ("name", about(text(), "What you call the batch.")),
        ("note", text()),
        ("price", about(price(), "Of one code, in the site's currency.")),
        ("roles", new_roles()),
        ("properties", properties()),
        ("max_devices", about(integer(1, Plan::MAX_DEVICES.into()), "How many devices may use a code.")),
        ("when_full", about(when_full(), "What becomes of one device more.")),
        ("use_days", about(integer(1, MAX_EXP_DAYS.into()), "It is over so many days after its first use.")),
        ("valid_from", about(time(), "Not redeemable before.")),
        ("valid_until", about(time(), "Not redeemable from then on.")),
    ]);
    let by_terms = terms::new_terms(&["count"], &others);
    let mut of_plan = others;
    of_plan.insert("plan".to_owned(), about(text(), "What it does not say itself, it takes from this plan."));
    json!({ "anyOf": [by_terms, body(&["count", "plan"], of_plan)] })
}

/// The same between `?` and `&`.
fn with_batch_query(mut operation: Operation) -> Operation {
    let all = [
        ("plan", text(), "The plan that they are made of; or else the terms:"),
        ("kind", one_of(&["time", "data", "time_or_data"]), "What ends a session"),
        ("time_secs", terms::seconds(), "Seconds it may run"),
        ("data_mb", terms::megabytes(), "MB it may pass"),
        ("exp_days", integer(1, MAX_EXP_DAYS.into()), "Days from its first start"),
        ("down_mbps", amount(), "Mbit/s towards the device"),
        ("up_mbps", amount(), "Mbit/s from the device"),
        ("use_global_speed", boolean(), "The zone's client speeds instead of its own"),
        ("name", text(), "What you call the batch"),
        ("note", text(), "A remark"),
        ("price", price(), "Of one code"),
        ("max_devices", integer(1, Plan::MAX_DEVICES.into()), "How many devices may use a code"),
        ("when_full", when_full(), "What becomes of one device more"),
        ("use_days", integer(1, MAX_EXP_DAYS.into()), "It is over so many days after its first use"),
        ("valid_from", time(), "Not redeemable before"),
        ("valid_until", time(), "Not redeemable from then on"),
    ];
    for (name, schema, about) in all {
        operation = operation.query_given(name, schema, about);
    }
    operation
}

fn of_batch(operation: Operation) -> Operation {
    operation.part("id", json!({ "type": "string", "minLength": 1 }), "A batch's number")
}

fn batches() -> Vec<Operation> {
    const ALL: &str = "/api/v1/vouchers/batches";
    const ONE: &str = "/api/v1/vouchers/batches/{id}";
    let revoked = whole(fields([
        ("revoked", about(count(), "Vouchers that were not taken back before.")),
        ("sessions_closed", count()),
    ]));
    vec![
        Operation::get(ALL, "listBatches", "Batches, the newest first")
            .needs::<ManageVouchers>()
            .query("plan", text(), "Of this plan only")
            .pages()
            .answers(200, "A page of them.", page_of("Batch")),
        of_batch(Operation::get(ONE, "getBatch", "One batch"))
            .about("With `.csv` behind the number, its codes as a table (`text/csv`).")
            .needs::<ManageVouchers>()
            .answers(200, "The batch.", reference("Batch")),
        of_batch(Operation::delete(ONE, "revokeBatch", "Takes a batch back and closes all its sessions"))
            .needs::<ManageVouchers>()
            .if_match()
            .answers(200, "How many.", revoked),
        of_batch(Operation::get("/api/v1/vouchers/batches/{id}/sheet", "printBatch", "A page to be printed"))
            .about("The vouchers that can still be redeemed, 500 to a page.")
            .needs::<ManageVouchers>()
            .query("format", one_of(&["a4", "receipt58"]), "The paper: A4, or a roll of 58 mm")
            .query(
                "portal",
                text(),
                "The portal's address: adds QR codes that open it with the code filled in",
            )
            .query("page", integer(1, u32::MAX.into()), "The page, from 1")
            .answers_in(200, "The page.", "text/html", text(), &[]),
        with_batch_query(Operation::post(
            "/api/v1/vouchers/import",
            "importVouchers",
            "Makes a batch of codes that were made elsewhere",
        ))
        .about("The column `code` of a table, or else its first one; 64 KiB at most. All of them or none.")
        .needs::<ManageVouchers>()
        .if_match()
        .text_body("text/csv")
        .answers(201, "The batch with its codes.", reference("VoucherBatch")),
    ]
}

/// About one voucher.
fn of_one(operation: Operation) -> Operation {
    let code = json!({ "type": "string", "minLength": 1 });
    operation.part("code", code, "A voucher's code, in any case, with or without its dashes")
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/vouchers";
    const ONE: &str = "/api/v1/vouchers/{code}";
    let number = json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX });
    let redeem = body(&["device"], fields([("device", about(text(), "Its id, MAC or IP address."))]));
    let mut operations = vec![
        Operation::get(ALL, "listVouchers", "Vouchers, the newest batch first")
            .needs::<ManageVouchers>()
            .query_given("batch", number, "Of this batch only")
            .query_given("redeemed", boolean(), "Only those that were redeemed, or were not")
            .query_given("revoked", boolean(), "Only those that were revoked, or were not")
            .query(
                "status",
                one_of(&VoucherStatus::ALL.map(VoucherStatus::as_str)),
                "Only those that stand so",
            )
            .query("plan", text(), "Of this plan only")
            .query("seller", text(), "Sold by this one only")
            .pages()
            .answers(200, "A page of them.", page_of("Voucher")),
        Operation::post(ALL, "createVouchers", "Makes a batch of vouchers")
            .needs::<ManageVouchers>()
            .if_match()
            .body(reference("NewVouchers"))
            .answers(201, "The batch with its codes.", reference("VoucherBatch"))
            .refuses(404, "There is no such plan."),
        of_one(Operation::get(ONE, "getVoucher", "One voucher")).needs::<ManageVouchers>().answers(
            200,
            "The voucher.",
            reference("VoucherDetail"),
        ),
        of_one(Operation::delete(
            ONE,
            "revokeVoucher",
            "Takes a voucher back and closes the session it made",
        ))
        .needs::<ManageVouchers>()
        .if_match()
        .answers(200, "The voucher, revoked.", reference("VoucherDetail")),
        of_one(Operation::post(
            "/api/v1/vouchers/{code}/redeem",
            "redeemVoucher",
            "Redeems a voucher for a device",
        ))
        .needs::<Modify>()
        .if_match()
        .body(redeem)
        .answers_with(201, "The session that it bought.", reference("Session"), &["ETag", "Location"])
        .refuses(409, "The voucher was used or revoked, or is not valid now.")
        .refuses(429, "Too many wrong codes for this device."),
    ];
    operations.extend(batches());
    Area {
        tag: "vouchers",
        about: "Codes that are sold and redeemed.",
        operations,
        schemas: vec![
            ("Voucher", whole(voucher_fields())),
            ("VoucherDetail", detail()),
            ("Batch", whole(batch_fields())),
            ("VoucherBatch", made()),
            ("NewVouchers", new()),
        ],
    }
}

use serde_json::{Map, Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    about, boolean, count, fields, integer, list_of, nullable, object, one_of, page_of, reference, text,
    time, uuid, whole,
};
use super::terms;
use crate::api::auth::{ManageVouchers, Modify};
use crate::domain::{NewBatch, VoucherStatus};

fn with_terms(others: Map<String, Value>) -> Value {
    let mut all = terms::shown();
    all.extend(others);
    whole(all)
}

fn voucher() -> Value {
    use VoucherStatus::{Expired, NotYetValid, Redeemed, Revoked, Unsold};
    let status = [Unsold, NotYetValid, Expired, Redeemed, Revoked];
    with_terms(fields([
        ("code", text()),
        ("status", one_of(&status.map(VoucherStatus::as_str))),
        ("batch", count()),
        ("name", nullable(text())),
        ("valid_from", nullable(time())),
        ("valid_until", nullable(time())),
        ("created_at", nullable(time())),
        ("redeemed_at", nullable(time())),
        ("revoked_at", nullable(time())),
        ("device", nullable(uuid())),
        ("session", nullable(uuid())),
    ]))
}

fn batch() -> Value {
    with_terms(fields([
        ("batch", count()),
        ("name", nullable(text())),
        ("valid_from", nullable(time())),
        ("valid_until", nullable(time())),
        ("created_at", nullable(time())),
        ("count", count()),
        ("codes", list_of(text())),
    ]))
}

fn new() -> Value {
    let others = fields([
        ("count", integer(1, NewBatch::MAX_COUNT.into())),
        ("name", about(nullable(text()), "What you call the batch.")),
        ("valid_from", about(nullable(time()), "Not redeemable before.")),
        ("valid_until", about(nullable(time()), "Not redeemable from then on.")),
    ]);
    terms::new_terms(&["count"], &others)
}

/// About one voucher.
fn of_one(operation: Operation) -> Operation {
    let code = json!({ "type": "string", "minLength": 1 });
    operation.part("code", code, "A voucher's code, in any case, with or without its dashes")
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/vouchers";
    const ONE: &str = "/api/v1/vouchers/{code}";
    let batches = json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX });
    let redeem = object(&["device"], fields([("device", about(text(), "Its id, MAC or IP address."))]));
    let operations = vec![
        Operation::get(ALL, "listVouchers", "Vouchers, the newest batch first")
            .needs::<ManageVouchers>()
            .query_given("batch", batches, "Of this batch only")
            .query_given("redeemed", boolean(), "Only those that were redeemed, or were not")
            .query_given("revoked", boolean(), "Only those that were revoked, or were not")
            .pages()
            .answers(200, "A page of them.", page_of("Voucher")),
        Operation::post(ALL, "createVouchers", "Makes a batch of vouchers")
            .needs::<ManageVouchers>()
            .if_match()
            .body(reference("NewVouchers"))
            .answers(201, "The batch with its codes.", reference("VoucherBatch")),
        of_one(Operation::get(ONE, "getVoucher", "One voucher")).needs::<ManageVouchers>().answers(
            200,
            "The voucher.",
            reference("Voucher"),
        ),
        of_one(Operation::delete(
            ONE,
            "revokeVoucher",
            "Takes a voucher back and closes the session it made",
        ))
        .needs::<ManageVouchers>()
        .if_match()
        .answers(200, "The voucher, revoked.", reference("Voucher")),
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
    Area {
        tag: "vouchers",
        about: "Codes that are sold, and redeemed once.",
        operations,
        schemas: vec![("Voucher", voucher()), ("VoucherBatch", batch()), ("NewVouchers", new())],
    }
}

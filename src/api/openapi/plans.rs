use serde_json::{Map, Value, json};

use super::Area;
use super::operation::Operation;
use super::schema::{
    about, amount, body, boolean, fields, integer, new_roles, nullable, object, one_of, page_of, reference,
    roles, text, whole,
};
use super::terms;
use crate::api::auth::{ManageVouchers, View};
use crate::domain::{MAX_TIME_SECS, Plan, PlanName, SessionKind};

fn name() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": PlanName::MAX_CHARS })
}

/// An amount in the site's currency.
pub(super) fn price() -> Value {
    json!({
        "type": "string",
        "pattern": "^[0-9]+(\\.[0-9]+)?$",
        "description": "An amount in the site's currency, with at most as many decimals as that has.",
    })
}

pub(super) fn at_end() -> Value {
    let slow = body(
        &["secs"],
        fields([("down_mbps", amount()), ("up_mbps", amount()), ("secs", integer(1, MAX_TIME_SECS))]),
    );
    json!({
        "description": "What happens when it is used up: cut off, or so many seconds more at a lower speed.",
        "anyOf": [
            { "type": "string", "enum": ["cut_off"] },
            object(&["slow"], fields([("slow", slow)])),
        ],
    })
}

pub(super) fn repeat() -> Value {
    let every = one_of(&["day", "week", "month"]);
    let at_hour = about(integer(0, 23), "The hour at which a day begins, in the local time.");
    about(
        nullable(body(&["every"], fields([("every", every), ("at_hour", at_hour)]))),
        "Granted anew each day, week or month.",
    )
}

pub(super) fn properties() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn others() -> Map<String, Value> {
    fields([
        ("title", about(text(), "What guests read.")),
        ("price", price()),
        ("roles", new_roles()),
        ("properties", properties()),
        ("at_end", at_end()),
        ("repeat", repeat()),
        ("max_devices", integer(1, Plan::MAX_DEVICES.into())),
        ("on_sale", boolean()),
    ])
}

fn plan() -> Value {
    let mut all = terms::shown();
    all.extend(others());
    all.extend(fields([("name", name()), ("currency", text()), ("roles", roles())]));
    whole(all)
}

fn new() -> Value {
    let mut with_name = others();
    with_name.insert("name".to_owned(), name());
    terms::new_terms(&["name"], &with_name)
}

fn change() -> Value {
    let kinds = [SessionKind::Time, SessionKind::Data, SessionKind::TimeOrData];
    let mut all = terms::common();
    all.extend(others());
    all.extend(fields([
        ("name", about(name(), "As it is: a name stays.")),
        ("kind", one_of(&kinds.map(SessionKind::as_str))),
        ("time_secs", terms::seconds()),
        ("data_mb", terms::megabytes()),
    ]));
    body(&[], all)
}

fn of_one(operation: Operation) -> Operation {
    operation.part("name", json!({ "type": "string", "minLength": 1 }), "A plan's name")
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/plans";
    const ONE: &str = "/api/v1/plans/{name}";
    let operations = vec![
        Operation::get(ALL, "listPlans", "Plans, by name").needs::<View>().pages().answers(
            200,
            "A page of them.",
            page_of("Plan"),
        ),
        Operation::post(ALL, "createPlan", "Makes a plan")
            .needs::<ManageVouchers>()
            .if_match()
            .body(reference("NewPlan"))
            .answers_with(201, "The plan.", reference("Plan"), &["ETag", "Location"])
            .refuses(409, "There is a plan of this name; or the request is under way."),
        of_one(Operation::get(ONE, "getPlan", "One plan")).needs::<View>().answers_tagged(
            200,
            "The plan.",
            reference("Plan"),
        ),
        of_one(Operation::patch(ONE, "changePlan", "Changes a plan, for what is sold from now on"))
            .needs::<ManageVouchers>()
            .if_match()
            .optional_body(reference("PlanChange"))
            .answers_tagged(200, "The plan as it is now.", reference("Plan")),
        of_one(Operation::delete(ONE, "deletePlan", "Deletes a plan that nothing refers to"))
            .needs::<ManageVouchers>()
            .if_match()
            .answers_nothing("It is gone.")
            .refuses(409, "Something refers to it, which is named: take it off sale instead."),
    ];
    Area {
        tag: "plans",
        about: "Named products, which vouchers, accounts, free access and plugins refer to.",
        operations,
        schemas: vec![("Plan", plan()), ("NewPlan", new()), ("PlanChange", change())],
    }
}

use serde_json::{Map, Value, json};

use super::Area;
use super::operation::Operation;
use super::plans::properties;
use super::schema::{
    about, body, boolean, count, fields, integer, list_of, new_roles, nullable, one_of, page_of, reference,
    roles, text, time, uuid, whole,
};
use crate::api::auth::{ManageVouchers, View};
use crate::domain::{Account, AccountName, OneMore, PlanName};

fn name() -> Value {
    json!({
        "type": "string",
        "pattern": "^[A-Za-z0-9._@+-]+$",
        "maxLength": AccountName::MAX_CHARS,
        "description": "What is typed in to log in; capitals are the same as small letters.",
    })
}

fn plan() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": PlanName::MAX_CHARS })
}

fn password() -> Value {
    json!({
        "type": "string",
        "minLength": Account::MIN_PASSWORD_CHARS,
        "maxLength": Account::MAX_PASSWORD_CHARS,
        "description": "Kept as an Argon2id hash; never shown again.",
    })
}

fn one_more() -> Value {
    let what = "What happens to one more device than may be logged in: it is refused, or the one that was not used for the longest time is logged out.";
    about(one_of(&[OneMore::Refuse, OneMore::TakeOver].map(OneMore::as_str)), what)
}

fn common() -> Map<String, Value> {
    fields([
        ("full_name", nullable(text())),
        ("note", about(nullable(text()), "Your own.")),
        (
            "max_devices",
            about(
                integer(1, Account::MAX_DEVICES.into()),
                "So many devices may be logged in at the same time.",
            ),
        ),
        ("one_more", one_more()),
        ("disabled", boolean()),
        ("expires_at", about(nullable(time()), "From then on nobody is logged in as it.")),
        ("properties", properties()),
    ])
}

fn device() -> Value {
    whole(fields([
        ("device", uuid()),
        ("since", about(nullable(time()), "When it logged in.")),
        ("used_at", about(nullable(time()), "When it was last given a session.")),
    ]))
}

fn account() -> Value {
    let attached = whole(fields([("id", count()), ("plan", plan()), ("attached_at", nullable(time()))]));
    let mut all = common();
    all.extend(fields([
        ("name", name()),
        ("plans", about(list_of(attached), "In the order in which they are used.")),
        ("roles", roles()),
        ("created_at", nullable(time())),
        ("devices", about(list_of(reference("AccountDevice")), "Where it is logged in.")),
    ]));
    whole(all)
}

fn writable() -> Map<String, Value> {
    let mut all = common();
    let plans = json!({ "type": "array", "items": plan(), "maxItems": Account::MAX_PLANS });
    all.extend(fields([
        ("plans", about(plans, "All of them, by name, the first first. Those that it has stay as they are.")),
        ("paid", about(boolean(), "Plans that it has not had are sold for their price.")),
        ("roles", new_roles()),
    ]));
    all
}

fn new() -> Value {
    let mut all = writable();
    all.extend(fields([("name", name()), ("password", password())]));
    body(&["name", "password"], all)
}

fn change() -> Value {
    let mut all = writable();
    all.extend(fields([("name", about(name(), "As it is: a name stays."))]));
    body(&[], all)
}

fn of_one(operation: Operation) -> Operation {
    operation.part("name", json!({ "type": "string", "minLength": 1 }), "An account's name")
}

pub(super) fn area() -> Area {
    const ALL: &str = "/api/v1/accounts";
    const ONE: &str = "/api/v1/accounts/{name}";
    const DEVICES: &str = "/api/v1/accounts/{name}/devices";
    let attach = body(
        &["plan"],
        fields([
            ("plan", plan()),
            ("paid", about(boolean(), "It is sold for its price.")),
            ("note", about(text(), "A remark for the till.")),
        ]),
    );
    let dev = json!({ "type": "string", "minLength": 1 });
    let operations = vec![
        Operation::get(ALL, "listAccounts", "Accounts, by name")
            .needs::<View>()
            .query_given("q", text(), "Whose name, full name or note contains this")
            .pages()
            .answers(200, "A page of them.", page_of("Account")),
        Operation::post(ALL, "createAccount", "Makes an account")
            .needs::<ManageVouchers>()
            .if_match()
            .body(reference("NewAccount"))
            .answers_with(201, "The account.", reference("Account"), &["Location"])
            .refuses(404, "There is no such plan.")
            .refuses(409, "There is an account of this name, or a plan is not on sale."),
        of_one(Operation::get(ONE, "getAccount", "One account")).needs::<View>().answers(
            200,
            "The account.",
            reference("Account"),
        ),
        of_one(Operation::patch(ONE, "changeAccount", "Changes an account; what must not go on by it ends"))
            .needs::<ManageVouchers>()
            .if_match()
            .optional_body(reference("AccountChange"))
            .answers(200, "The account as it is now.", reference("Account")),
        of_one(Operation::delete(ONE, "deleteAccount", "Deletes an account and ends its sessions"))
            .needs::<ManageVouchers>()
            .if_match()
            .answers_nothing("It is gone."),
        of_one(Operation::post(
            "/api/v1/accounts/{name}/password",
            "setAccountPassword",
            "Gives an account a new password, and logs out every device",
        ))
        .needs::<ManageVouchers>()
        .if_match()
        .body(body(&["password"], fields([("password", password())])))
        .answers(200, "The account.", reference("Account")),
        of_one(Operation::post(
            "/api/v1/accounts/{name}/plans",
            "attachPlan",
            "Gives an account one more plan, behind the others",
        ))
        .needs::<ManageVouchers>()
        .if_match()
        .body(attach)
        .answers(200, "The account.", reference("Account")),
        of_one(Operation::get(DEVICES, "listAccountDevices", "Where an account is logged in"))
            .needs::<View>()
            .answers(200, "The longest unused first.", list_of(reference("AccountDevice"))),
        of_one(Operation::delete(
            "/api/v1/accounts/{name}/devices/{dev}",
            "logOutDevice",
            "Logs a device out; what is left of its session waits for the next log-in",
        ))
        .part("dev", dev, "Its id, MAC or IP address; `all` is every device")
        .needs::<ManageVouchers>()
        .if_match()
        .answers_nothing("It is logged out."),
    ];
    Area {
        tag: "accounts",
        about: "People who log in with a name and a password, and the plans that they have.",
        operations,
        schemas: vec![
            ("Account", account()),
            ("NewAccount", new()),
            ("AccountChange", change()),
            ("AccountDevice", device()),
        ],
    }
}

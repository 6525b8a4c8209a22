//! The OpenAPI 3.1 document of the whole API, built from tables: a file for each area, with its operations and shapes.
//!
//! Bounds and names that a handler checks come from the constants it checks with; what a call needs comes from the type
//! that its handler asks with. That every route is in the document, and the other way round, is tested (`tests/it`).

mod accounts;
mod admins;
mod audit;
mod credits;
mod devices;
mod events;
mod hooks;
mod locks;
mod messages;
mod operation;
mod plans;
mod responses;
mod sales;
mod samples;
mod schema;
mod sessions;
mod steering;
mod system;
mod terms;
mod tokens;
mod vouchers;

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use operation::Operation;

/// `GET /api/v1/openapi.json`. It tells nothing of anybody: it needs no token.
pub(super) async fn get() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| Bytes::from(document().to_string())).clone();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// A part of the API.
struct Area {
    tag: &'static str,
    about: &'static str,
    operations: Vec<Operation>,
    /// By their names in `#/components/schemas`.
    schemas: Vec<(&'static str, Value)>,
}

fn areas() -> Vec<Area> {
    vec![
        system::area(),
        devices::area(),
        sessions::area(),
        steering::area(),
        messages::area(),
        events::area(),
        hooks::area(),
        locks::area(),
        accounts::area(),
        plans::area(),
        vouchers::area(),
        sales::area(),
        credits::area(),
        tokens::area(),
        admins::area(),
        audit::area(),
    ]
}

/// The whole document.
pub fn document() -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    let mut tags = Vec::new();
    for area in areas() {
        tags.push(json!({ "name": area.tag, "description": area.about }));
        schemas.extend(area.schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)));
        for operation in area.operations {
            let path = paths.entry(operation.path).or_insert_with(|| json!({}));
            if let Value::Object(methods) = path {
                methods.insert(operation.method.to_owned(), operation.into_json(area.tag));
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Turnpike",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A captive-portal hotspot session manager",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The address of `admin.listen`, or the control socket." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `POST /api/v1/tokens`. Root on the control socket needs none.",
                },
            },
            "headers": responses::headers(),
            "responses": responses::problems(),
            "schemas": schemas,
        },
    })
}

const ABOUT: &str = "Sizes, speeds and durations carry their unit in their name: MB are 10^6 bytes, Mbit/s are 10^6 \
    bit/s. Times are RFC 3339 in UTC. An empty body is `{}`; a field or parameter that is not known is refused. Lists come \
    in pages. `x-permissions` of an operation names the permissions that its token must have, all of them; `admin` stands \
    for every one.";

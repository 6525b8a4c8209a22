use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::responses;
use super::schema;
use crate::api::auth::Need;
use crate::api::list::{MAX_PER_PAGE, MAX_SORT_FIELDS, PER_PAGE};

/// What a call may need.
enum Access {
    /// No token.
    Open,
    /// A token with all of these permissions.
    Token(Vec<String>),
}

/// One operation of the document. Each part that is added brings with it the refusals that it can end in.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: Option<String>,
    access: Access,
    parameters: Vec<Value>,
    body: Option<Value>,
    /// Whether its answer may be one that was given before.
    is_once: bool,
    responses: BTreeMap<u16, Value>,
}

impl Operation {
    fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let new = Self {
            method,
            path,
            id,
            summary,
            description: None,
            access: Access::Open,
            parameters: Vec::new(),
            body: None,
            is_once: false,
            responses: BTreeMap::new(),
        };
        new.may_end_in(&[500, 503])
    }

    pub(super) fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, id, summary)
    }

    /// Honours `Idempotency-Key`.
    pub(super) fn post(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, id, summary).once()
    }

    /// Carried out as often as it is sent.
    pub(super) fn post_anew(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, id, summary)
    }

    /// Honours `Idempotency-Key`.
    pub(super) fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("patch", path, id, summary).once()
    }

    pub(super) fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("delete", path, id, summary)
    }

    /// More than the summary, in Markdown.
    pub(super) fn about(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// What its handler needs.
    pub(super) fn needs<N: Need>(mut self) -> Self {
        self.access = Access::Token(N::PERMISSIONS.iter().map(ToString::to_string).collect());
        self.may_end_in(&[401, 403])
    }

    /// What its handler needs, where that depends on the request.
    pub(super) fn needs_permission(mut self, permission: &str) -> Self {
        self.access = Access::Token(vec![permission.to_owned()]);
        self.may_end_in(&[401, 403])
    }

    fn once(mut self) -> Self {
        self.is_once = true;
        let text = "Carries the request out at most once, however often it is sent; remembered for a day. The same request \
                    again gets the first answer again, another one with the same key is refused.";
        self.header("Idempotency-Key", schema::idempotency_key(), text).may_end_in(&[400, 409, 410, 413, 422])
    }

    /// Honours `If-Match`.
    pub(super) fn if_match(self) -> Self {
        let text = "Carried out only if this is still its `ETag`; `*` is any.";
        self.header("If-Match", json!({ "type": "string" }), text).may_end_in(&[400, 412])
    }

    /// A header of the request.
    pub(super) fn header(mut self, name: &str, schema: Value, text: &str) -> Self {
        self.parameters.push(json!({ "name": name, "in": "header", "description": text, "schema": schema }));
        self
    }

    /// A part of the path.
    pub(super) fn part(mut self, name: &str, schema: Value, text: &str) -> Self {
        self.parameters.push(
            json!({ "name": name, "in": "path", "required": true, "description": text, "schema": schema }),
        );
        self.may_end_in(&[404])
    }

    /// A device, by id, MAC or IP.
    pub(super) fn device(self) -> Self {
        self.part("dev", json!({ "type": "string", "minLength": 1 }), "A device: its id, MAC or IP address")
    }

    /// A session, by its id.
    pub(super) fn session(self) -> Self {
        self.part("id", json!({ "type": "string", "minLength": 1 }), "A session's id")
    }

    /// A parameter behind the `?`; an empty one is absent.
    pub(super) fn query(self, name: &str, schema: Value, text: &str) -> Self {
        self.with_query(name, schema, text, true)
    }

    /// A parameter behind the `?` that is not empty.
    pub(super) fn query_given(self, name: &str, schema: Value, text: &str) -> Self {
        self.with_query(name, schema, text, false)
    }

    fn with_query(mut self, name: &str, schema: Value, text: &str, may_be_empty: bool) -> Self {
        let mut parameter = json!({ "name": name, "in": "query", "description": text, "schema": schema });
        if may_be_empty {
            parameter["allowEmptyValue"] = json!(true);
        }
        self.parameters.push(parameter);
        self.may_end_in(&[414, 422, 431])
    }

    /// `page` and `per_page`.
    pub(super) fn pages(self) -> Self {
        let page = json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX, "default": 1 });
        let per_page =
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE, "default": PER_PAGE });
        self.query("page", page, "The page, from 1").query("per_page", per_page, "Items of a page")
    }

    /// `q` and `sort`.
    pub(super) fn search(self, sort_keys: &[&str]) -> Self {
        let names = sort_keys.join("|");
        let pattern = format!("^-?({names})(,-?({names})){{0,{}}}$", MAX_SORT_FIELDS - 1);
        self.query("q", json!({ "type": "string" }), "Only those that mention this text").query(
            "sort",
            json!({ "type": "string", "pattern": pattern }),
            "Fields between commas; a `-` in front for the largest first",
        )
    }

    /// A JSON body that it cannot do without.
    pub(super) fn body(self, schema: Value) -> Self {
        self.with_body(schema, true)
    }

    /// A JSON body that may be left out.
    pub(super) fn optional_body(self, schema: Value) -> Self {
        self.with_body(schema, false)
    }

    /// A text that it cannot do without.
    pub(super) fn text_body(mut self, media_type: &str) -> Self {
        let content = json!({ media_type: { "schema": schema::text() } });
        self.body = Some(json!({ "required": true, "content": content }));
        self.may_end_in(&[400, 413, 422])
    }

    fn with_body(mut self, schema: Value, required: bool) -> Self {
        let content = json!({ "application/json": { "schema": schema } });
        self.body = Some(json!({ "required": required, "content": content }));
        self.may_end_in(&[400, 413, 422])
    }

    /// An answer in JSON.
    pub(super) fn answers(self, status: u16, text: &str, schema: Value) -> Self {
        self.answers_with(status, text, schema, &[])
    }

    /// An answer in JSON, with an `ETag`.
    pub(super) fn answers_tagged(self, status: u16, text: &str, schema: Value) -> Self {
        self.answers_with(status, text, schema, &["ETag"])
    }

    /// An answer in JSON with these of the document's headers.
    pub(super) fn answers_with(self, status: u16, text: &str, schema: Value, headers: &[&str]) -> Self {
        self.answers_in(status, text, "application/json", schema, headers)
    }

    /// An answer of any media type.
    pub(super) fn answers_in(
        mut self,
        status: u16,
        text: &str,
        media_type: &str,
        schema: Value,
        headers: &[&str],
    ) -> Self {
        let headers: Map<String, Value> =
            headers.iter().map(|name| ((*name).to_owned(), responses::header_ref(name))).collect();
        let content = json!({ media_type: { "schema": schema } });
        self.responses.insert(status, json!({ "description": text, "headers": headers, "content": content }));
        self
    }

    /// 204.
    pub(super) fn answers_nothing(mut self, text: &str) -> Self {
        self.responses.insert(204, json!({ "description": text, "headers": {} }));
        self
    }

    /// 204 if the request was carried out before and the daemon broke off before it could keep the answer.
    pub(super) fn answer_may_be_lost(self) -> Self {
        self.answers_nothing("It was carried out before; what was answered then is lost.")
    }

    /// A refusal, and when it comes.
    pub(super) fn refuses(mut self, status: u16, text: &str) -> Self {
        let mut response = responses::problem_ref(status);
        response["description"] = json!(text);
        self.responses.insert(status, response);
        self
    }

    fn may_end_in(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            self.responses.entry(*status).or_insert_with(|| responses::problem_ref(*status));
        }
        self
    }

    pub(super) fn into_json(mut self, tag: &str) -> Value {
        if self.is_once {
            for response in self.responses.values_mut().filter_map(|response| response.get_mut("headers")) {
                response["Idempotent-Replayed"] = responses::header_ref("Idempotent-Replayed");
            }
        }
        let responses: Map<String, Value> =
            self.responses.into_iter().map(|(status, response)| (status.to_string(), response)).collect();
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [tag],
            "parameters": self.parameters,
            "responses": responses,
        });
        if let Some(description) = self.description {
            operation["description"] = json!(description);
        }
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        match self.access {
            Access::Open => operation["security"] = json!([]),
            Access::Token(permissions) => {
                operation["security"] = json!([{ "token": [] }]);
                operation["x-permissions"] = json!(permissions);
            }
        }
        operation
    }
}

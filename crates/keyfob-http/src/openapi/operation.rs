//! Operations, and the parameters and answers that they share.

use keyfob_engine::{Context, Engine, Feature, Store};
use serde_json::{Map, Value, json};

use super::schema::reference;

/// The parameter that stands in the path of one resource.
pub(super) const PATH_ID: &str = "id";

/// A method of a path.
pub(super) struct Operation {
    members: Map<String, Value>,
    parameters: Vec<Value>,
    responses: Map<String, Value>,
}

impl Operation {
    /// An operation that may be refused, and does nothing else yet.
    pub(super) fn new(id: &str, summary: &str) -> Self {
        let members = [("operationId", id), ("summary", summary)];
        let refusals =
            ["4XX", "5XX"].map(|status| (status.to_owned(), json!({"$ref": "#/components/responses/Error"})));
        Self {
            members: members
                .into_iter()
                .map(|(name, text)| (name.into(), text.into()))
                .collect(),
            parameters: Vec::new(),
            responses: refusals.into_iter().collect(),
        }
    }

    /// The same operation with one more parameter.
    pub(super) fn with(mut self, name: &str) -> Self {
        self.parameters
            .push(json!({"$ref": format!("#/components/parameters/{name}")}));
        self
    }

    /// The same operation with the parameters that say which attributes the answer holds.
    pub(super) fn shows(self) -> Self {
        self.with("attributes").with("excludedAttributes")
    }

    /// The same operation with the parameters of a query.
    pub(super) fn queries<S: Store>(self, engine: &Engine<S>, cx: &Context) -> Self {
        let names = ["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor"];
        let names = names.into_iter().filter(|name| is_taken(engine, cx, name));
        names.fold(self.shows(), Self::with)
    }

    /// The same operation with the headers of conditional requests.
    pub(super) fn conditional<S: Store>(self, engine: &Engine<S>, cx: &Context) -> Self {
        let names = ["If-Match", "If-None-Match"].into_iter();
        names
            .filter(|name| is_taken(engine, cx, name))
            .fold(self, Self::with)
    }

    /// The same operation with a body of this schema.
    pub(super) fn takes(mut self, schema: &str) -> Self {
        let media = json!({"schema": reference(schema)});
        let content = json!({"application/scim+json": media, "application/json": media});
        self.members.insert(
            "requestBody".into(),
            json!({"required": true, "content": content}),
        );
        self
    }

    /// The same operation with a body that is JSON and no message of SCIM.
    pub(super) fn takes_json(mut self, schema: &Value) -> Self {
        let content = json!({"application/json": {"schema": schema}});
        self.members.insert(
            "requestBody".into(),
            json!({"required": true, "content": content}),
        );
        self
    }

    /// The same operation with an answer of this schema.
    pub(super) fn answers(mut self, status: u16, schema: &Value) -> Self {
        let media = json!({"schema": schema});
        let content = json!({"application/scim+json": media, "application/json": media});
        self.responses.insert(
            status.to_string(),
            json!({"description": "Done", "content": content}),
        );
        self
    }

    /// The same operation with an answer that is JSON and no message of SCIM.
    pub(super) fn answers_json(self, schema: &Value) -> Self {
        self.answers_as("application/json", schema)
    }

    /// The same operation with an answer of another media type.
    pub(super) fn answers_as(mut self, media_type: &str, schema: &Value) -> Self {
        let content = json!({media_type: {"schema": schema}});
        self.responses
            .insert("200".into(), json!({"description": "Done", "content": content}));
        self
    }

    /// The same operation with an answer without a body.
    pub(super) fn answers_nothing(mut self, status: u16) -> Self {
        let description = if status == 304 {
            "The client has this version"
        } else {
            "Done"
        };
        self.responses
            .insert(status.to_string(), json!({"description": description}));
        self
    }

    /// The operation as `OpenAPI` has it.
    pub(super) fn into_value(self) -> Value {
        let mut members = self.members;
        if !self.parameters.is_empty() {
            members.insert("parameters".into(), self.parameters.into());
        }
        members.insert("responses".into(), self.responses.into());
        members.into()
    }
}

/// Returns true if the feature is on that a parameter belongs to, if to any.
fn is_taken<S: Store>(engine: &Engine<S>, cx: &Context, parameter: &str) -> bool {
    let feature = match parameter {
        "filter" => Feature::Filter,
        "sortBy" | "sortOrder" => Feature::Sort,
        "startIndex" => Feature::IndexPagination,
        "cursor" => Feature::CursorPagination,
        "If-Match" | "If-None-Match" => Feature::Etag,
        _ => return true,
    };
    engine.offers(cx, feature)
}

/// The parameters by name (RFC 7644 sections 3.4.2, 3.9 and 3.14, RFC 9865 section 2).
pub(super) fn parameters<S: Store>(engine: &Engine<S>, cx: &Context) -> Map<String, Value> {
    let text = || json!({"type": "string"});
    let integer = || json!({"type": "integer"});
    let page = engine.limits_of(cx).page;
    let query = [
        (
            "attributes",
            text(),
            "Names of attributes with commas between them: what the answer holds",
        ),
        (
            "excludedAttributes",
            text(),
            "Names of attributes with commas between them: what the answer doesn't hold",
        ),
        ("filter", text(), "The resources that are listed"),
        (
            "sortBy",
            text(),
            "The attribute by which the resources are in order",
        ),
        (
            "sortOrder",
            json!({"type": "string", "enum": ["ascending", "descending"]}),
            "The direction of the order",
        ),
        (
            "startIndex",
            integer(),
            "The place of the first resource, counted from 1",
        ),
        (
            "count",
            integer(),
            &*format!("The number of resources at most; never more than {page}"),
        ),
        (
            "cursor",
            text(),
            "Empty for the first page, and `nextCursor` of the page before for any other",
        ),
    ];
    let query = query.map(|(name, schema, description)| (name, "query", schema, description));
    let tags = "`*`, or entity tags with commas between them";
    let others = [
        (PATH_ID, "path", text(), "The id"),
        ("If-Match", "header", text(), tags),
        ("If-None-Match", "header", text(), tags),
    ];
    let described = query.into_iter().chain(others).map(|(name, place, schema, description)| {
        let parameter = json!({
            "name": name, "in": place, "required": place == "path", "schema": schema, "description": description,
        });
        (name.to_owned(), parameter)
    });
    described.filter(|(name, _)| is_taken(engine, cx, name)).collect()
}

/// The answers that operations share.
pub(super) fn responses() -> Value {
    json!({
        "Error": {
            "description": "Refused, with the reason (RFC 7644 section 3.12)",
            "content": {"application/scim+json": {"schema": reference("message.Error")}},
        },
    })
}

//! Security events, and requests that are answered before they are done.

use serde_json::{Map, Value, json};

use super::{operation::Operation, schema::reference};

/// The parameter by which a client says that it doesn't wait.
const PREFER: &str = "Prefer";

/// The same bulk operation, which may be answered before it is done (RFC 9967 section 2.5.1).
pub(super) fn answered_later(bulk: Operation) -> Operation {
    bulk.with(PREFER).answers_nothing(202)
}

/// Adds the paths of the stream (RFC 8936).
pub(super) fn add_paths(paths: &mut Map<String, Value>) {
    let poll = Operation::new(
        "pollEvents",
        "Acknowledges security events, and reads those that wait",
    )
    .takes_json(&reference("message.PollRequest"))
    .answers_json(&reference("message.PollResponse"))
    .into_value();
    paths.insert("/Events".into(), json!({"post": poll}));
    let keys = Operation::new(
        "getEventKeys",
        "Reads the keys by which security events are checked",
    )
    .answers_as("application/jwk-set+json", &reference("message.EventKeys"))
    .into_value();
    paths.insert("/Events/keys".into(), json!({"get": keys}));
}

/// Adds the parameter to those by name.
pub(super) fn add_parameters(parameters: &mut Map<String, Value>) {
    let prefer = json!({
        "name": PREFER,
        "in": "header",
        "required": false,
        "schema": {"type": "string"},
        "description": "`respond-async`, perhaps with `wait=` and a number of seconds: the answer doesn't wait for the outcome",
    });
    parameters.insert(PREFER.into(), prefer);
}

/// Adds the messages (RFC 8936 sections 2.4 and 2.5, RFC 7517 section 5).
pub(super) fn add_schemas(schemas: &mut Map<String, Value>) {
    let text = || json!({"type": "string"});
    let error = json!({
        "type": "object",
        "properties": {"err": text(), "description": text()},
        "required": ["err"],
    });
    let request = json!({
        "type": "object",
        "properties": {
            "maxEvents": {"type": "integer", "minimum": 0},
            "returnImmediately": {"type": "boolean"},
            "ack": {"type": "array", "items": text()},
            "setErrs": {"type": "object", "additionalProperties": error},
        },
    });
    let response = json!({
        "type": "object",
        "properties": {
            "sets": {"type": "object", "additionalProperties": text()},
            "moreAvailable": {"type": "boolean"},
        },
        "required": ["sets", "moreAvailable"],
        "additionalProperties": false,
    });
    let key = json!({
        "type": "object",
        "properties": {"kty": text(), "crv": text(), "x": text(), "kid": text(), "use": text(), "alg": text()},
        "required": ["kty"],
    });
    let keys = json!({
        "type": "object",
        "properties": {"keys": {"type": "array", "items": key}},
        "required": ["keys"],
        "additionalProperties": false,
    });
    for (name, schema) in [
        ("PollRequest", request),
        ("PollResponse", response),
        ("EventKeys", keys),
    ] {
        schemas.insert(format!("message.{name}"), schema);
    }
}

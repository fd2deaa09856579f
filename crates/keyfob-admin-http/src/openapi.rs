//! The description of the interface, made of the table of operations.

use keyfob_admin::{
    Kind, Method, OPERATIONS, Operation, Parameter, Place, Returns, Risk,
    view::{Field, Shape, ViewType},
};
use keyfob_core::{Object, Value};

use crate::message::{CONFIRMATION, DRY_RUN, REASON};

/// Returns the document of the interface in the form of `OpenAPI` 3.1. It follows from [`OPERATIONS`] alone.
#[must_use]
pub fn openapi() -> Object {
    let mut views = Views::default();
    let mut paths = Object::new();
    for operation in &OPERATIONS {
        let item = described(operation, &mut views);
        let method = operation.method.as_str().to_ascii_lowercase();
        match paths.get_mut(operation.path).and_then(Value::as_object_mut) {
            Some(path) => {
                path.insert(method.as_str(), item);
            }
            None => {
                paths.insert(operation.path, Object::from_iter([(method.as_str(), item)]));
            }
        }
    }
    let mut schemas = Object::new();
    for view in views.0 {
        schemas.insert(view.name, schema_of(view));
    }
    schemas.insert("Problem", problem());
    let mut info = Object::new();
    info.insert("title", "keyfob administration");
    info.insert("version", "1");
    let mut scheme = Object::new();
    scheme.insert("type", "http");
    scheme.insert("scheme", "bearer");
    let mut components = Object::new();
    components.insert("schemas", schemas);
    components.insert("securitySchemes", Object::from_iter([("token", scheme)]));
    let mut document = Object::new();
    document.insert("openapi", "3.1.0");
    document.insert("info", info);
    document.insert("paths", paths);
    document.insert("components", components);
    let security = Object::from_iter([("token", Vec::<Value>::new())]);
    document.insert("security", vec![Value::from(security)]);
    document
}

/// The types of views that are referred to, each once.
#[derive(Default)]
struct Views(Vec<&'static ViewType>);

impl Views {
    fn refer(&mut self, view: &'static ViewType) -> Object {
        if !self.0.iter().any(|known| known.name == view.name) {
            self.0.push(view);
            for field in view.fields {
                self.visit(&field.shape);
            }
        }
        reference(view.name)
    }

    fn visit(&mut self, shape: &Shape) {
        match shape {
            Shape::View(view) => {
                self.refer(view);
            }
            Shape::List(of) | Shape::Optional(of) => self.visit(of),
            Shape::Text | Shape::Flag | Shape::Number | Shape::Instant | Shape::Any | Shape::Secret => {}
        }
    }
}

fn reference(name: &str) -> Object {
    Object::from_iter([("$ref", format!("#/components/schemas/{name}").as_str())])
}

fn described(operation: &Operation, views: &mut Views) -> Object {
    let mut item = Object::new();
    item.insert("operationId", operation.name);
    item.insert("summary", operation.about);
    item.insert("x-permission", format!("{:?}", operation.permission).as_str());
    match operation.risk {
        Risk::Reversible { inverse } => {
            item.insert("x-inverse", inverse);
        }
        Risk::Confirmed => {
            item.insert("x-confirmed", true);
        }
        _ => {}
    }
    let outside = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place != Place::Body);
    let mut parameters: Vec<Value> = outside.map(|parameter| parameter_of(parameter).into()).collect();
    if operation.risk != Risk::Read {
        parameters.push(
            header(
                DRY_RUN,
                "`true` answers what would be written, and writes nothing",
            )
            .into(),
        );
        parameters.push(header(REASON, "Why it is done, for the record").into());
    }
    if operation.risk == Risk::Confirmed {
        parameters.push(header(CONFIRMATION, "The `confirmation` of the preview").into());
    }
    item.insert("parameters", parameters);
    let mut properties = Object::new();
    let mut required = Vec::new();
    for parameter in operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place == Place::Body)
    {
        let mut schema = kind_of(parameter.kind);
        schema.insert("description", parameter.about);
        properties.insert(parameter.name, schema);
        if parameter.is_required {
            required.push(Value::from(parameter.name));
        }
    }
    if !properties.is_empty() {
        let mut schema = Object::from_iter([("type", "object")]);
        schema.insert("properties", properties);
        let is_required = !required.is_empty();
        if is_required {
            schema.insert("required", required);
        }
        let mut body = content("application/json", schema);
        body.insert("required", is_required);
        item.insert("requestBody", body);
    }
    item.insert("responses", responses(operation, views));
    item
}

fn responses(operation: &Operation, views: &mut Views) -> Object {
    let mut responses = Object::new();
    let creates = operation.method == Method::Post && operation.name.starts_with("create");
    let (status, mut answer) = match operation.returns {
        Returns::Nothing => ("204", Object::new()),
        Returns::One(view) | Returns::Secret(view) => {
            let status = if creates { "201" } else { "200" };
            (status, content("application/json", views.refer(view)))
        }
        Returns::Page(view) => {
            let mut items = Object::from_iter([("type", "array")]);
            items.insert("items", views.refer(view));
            let mut properties = Object::from_iter([("items", items)]);
            properties.insert("next", nullable(Object::from_iter([("type", "string")])));
            let mut page = Object::from_iter([("type", "object")]);
            page.insert("properties", properties);
            ("200", content("application/json", page))
        }
    };
    answer.insert("description", "Done");
    responses.insert(status, answer);
    let refusals = [
        ("400", "The input can't be read", true),
        ("401", "Nobody is known to ask", true),
        ("403", "The role doesn't allow it", true),
        ("404", "It isn't there", true),
        ("429", "Too many wrong tokens came from the same place", true),
        (
            "409",
            "It can't be done as things are, or the effects have changed since the preview",
            operation.risk != Risk::Read,
        ),
        (
            "428",
            "It can't be taken back, and the preview has to be confirmed",
            operation.risk == Risk::Confirmed,
        ),
    ];
    for (status, about, _) in refusals.into_iter().filter(|(_, _, applies)| *applies) {
        let mut answer = content("application/problem+json", reference("Problem"));
        answer.insert("description", about);
        responses.insert(status, answer);
    }
    responses
}

fn content(media_type: &str, schema: Object) -> Object {
    let schema = Object::from_iter([("schema", schema)]);
    Object::from_iter([("content", Object::from_iter([(media_type, schema)]))])
}

fn parameter_of(parameter: &Parameter) -> Object {
    let mut object = Object::new();
    object.insert("name", parameter.name);
    object.insert(
        "in",
        if parameter.place == Place::Path {
            "path"
        } else {
            "query"
        },
    );
    object.insert("required", parameter.is_required);
    object.insert("description", parameter.about);
    object.insert("schema", kind_of(parameter.kind));
    object
}

fn header(name: &str, about: &str) -> Object {
    let mut object = Object::new();
    object.insert("name", name);
    object.insert("in", "header");
    object.insert("required", false);
    object.insert("description", about);
    object.insert("schema", Object::from_iter([("type", "string")]));
    object
}

fn kind_of(kind: Kind) -> Object {
    let typed = |name: &str| Object::from_iter([("type", name)]);
    match kind {
        Kind::Text => typed("string"),
        Kind::Texts => {
            let mut list = typed("array");
            list.insert("items", typed("string"));
            list
        }
        Kind::Flag => typed("boolean"),
        Kind::Number => {
            let mut number = typed("integer");
            number.insert("minimum", 0);
            number
        }
        Kind::Instant => {
            let mut instant = typed("string");
            instant.insert("format", "date-time");
            instant
        }
        Kind::Duration => {
            let mut duration = typed("string");
            duration.insert("pattern", "^[0-9]+[dhm]$");
            duration
        }
        Kind::Choice(words) => {
            let mut choice = typed("string");
            let words = words.iter().map(|word| Value::from(*word));
            choice.insert("enum", words.collect::<Vec<_>>());
            choice
        }
    }
}

fn schema_of(view: &ViewType) -> Object {
    let mut properties = Object::new();
    for field in view.fields {
        let mut schema = shape_of(&field.shape);
        schema.insert("description", about(field));
        properties.insert(field.name, schema);
    }
    let names = view.fields.iter().map(|field| Value::from(field.name));
    let mut schema = Object::from_iter([("type", "object")]);
    schema.insert("description", view.about.trim());
    schema.insert("properties", properties);
    schema.insert("required", names.collect::<Vec<_>>());
    schema
}

fn about(field: &Field) -> &'static str {
    field.about.trim().trim_end_matches('.')
}

fn shape_of(shape: &Shape) -> Object {
    let typed = |name: &str| Object::from_iter([("type", name)]);
    match shape {
        Shape::Text | Shape::Secret => typed("string"),
        Shape::Flag => typed("boolean"),
        Shape::Number => typed("integer"),
        Shape::Instant => kind_of(Kind::Instant),
        Shape::Any => typed("object"),
        Shape::List(of) => {
            let mut list = typed("array");
            list.insert("items", shape_of(of));
            list
        }
        Shape::Optional(of) => nullable(shape_of(of)),
        Shape::View(view) => reference(view.name),
    }
}

fn nullable(schema: Object) -> Object {
    let null = Object::from_iter([("type", "null")]);
    Object::from_iter([("anyOf", vec![Value::from(schema), null.into()])])
}

/// The schema of a problem (RFC 9457).
fn problem() -> Object {
    let mut properties = Object::new();
    for (name, kind, about) in [
        ("type", "string", "A URN that ends with the code"),
        ("title", "string", "The name of the status"),
        ("status", "integer", "The status"),
        ("detail", "string", "What was wrong"),
        ("code", "string", "The word by which a program knows the problem"),
        ("field", "string", "The parameter that it is about"),
        ("fix", "string", "What would be right"),
        (
            "requestId",
            "string",
            "The id of the request, under which the log has it",
        ),
        (
            "preview",
            "object",
            "What would happen: `effects`, `stays` and the `confirmation`",
        ),
    ] {
        let mut schema = Object::from_iter([("type", kind)]);
        schema.insert("description", about);
        properties.insert(name, schema);
    }
    let required = ["type", "title", "status", "detail", "code"].map(Value::from);
    let mut schema = Object::from_iter([("type", "object")]);
    schema.insert("properties", properties);
    schema.insert("required", required.to_vec());
    schema
}

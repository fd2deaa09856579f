//! The description of the service for machines: `OpenAPI` 3.1, made of the registry and of what is on.
//!
//! It names every endpoint that answers, the parameters that each takes, and the resources as `/Schemas` has them, so
//! that clients and tests can be generated from it. It is made anew for each request, as the tenant's profile has it.

mod events;
mod operation;
mod schema;

use keyfob_core::ResourceType;
use keyfob_engine::{AuthenticationScheme, Context, Engine, Feature, Store, Transport};
use serde_json::{Map, Value, json};

use self::{
    operation::{Operation, PATH_ID},
    schema::{BODY, reference},
};

/// The description of what a caller can ask for, as JSON.
///
/// `me` is the type of the resource that the caller is, if they are one.
pub(crate) fn describe<S: Store>(
    engine: &Engine<S>,
    cx: &Context,
    transport: &Transport,
    me: Option<&ResourceType>,
) -> Vec<u8> {
    let all_types = engine.registry().resource_types().iter();
    let exposed: Vec<&ResourceType> = all_types
        .filter(|resource_type| resource_type.is_exposed())
        .collect();
    let server = match cx.base_url() {
        "" => "/",
        url => url,
    };
    let (schemes, security) = security(&transport.authentication_schemes);
    let has_events = transport.security_events.is_some() && engine.offers(cx, Feature::SecurityEvents);
    let mut described = schema::schemas(engine.profile(), &exposed);
    let mut parameters = operation::parameters(engine, cx);
    if has_events {
        events::add_schemas(&mut described);
    }
    if has_events && engine.offers(cx, Feature::Bulk) {
        events::add_parameters(&mut parameters);
    }
    let mut components = Map::new();
    components.insert("schemas".into(), described.into());
    components.insert("parameters".into(), parameters.into());
    components.insert("responses".into(), operation::responses());
    components.insert("securitySchemes".into(), schemes.into());
    let description = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "SCIM 2.0",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Provisioning of users and groups (RFC 7643, RFC 7644, RFC 9865, RFC 9967)",
        },
        "servers": [{"url": server}],
        "security": security,
        "paths": paths(engine, cx, &exposed, me, has_events),
        "components": components,
    });
    description.to_string().into_bytes()
}

/// The schemes that `OpenAPI` has a form for: those with a challenge, whose first word is the scheme in `Authorization`. The
/// second element asks for any one of them.
fn security(schemes: &[AuthenticationScheme]) -> (Map<String, Value>, Vec<Value>) {
    let (mut described, mut any) = (Map::new(), Vec::new());
    for (number, scheme) in schemes.iter().enumerate() {
        let word = scheme
            .challenge
            .as_deref()
            .and_then(|challenge| challenge.split(' ').next());
        if let Some(word) = word {
            let name = format!("scheme{}", number + 1);
            let description = format!("{}: {}", scheme.name, scheme.description);
            let scheme =
                json!({"type": "http", "scheme": word.to_ascii_lowercase(), "description": description});
            any.push(Value::Object(Map::from_iter([(name.clone(), json!([]))])));
            described.insert(name, scheme);
        }
    }
    (described, any)
}

/// Every path that answers, with its methods.
fn paths<S: Store>(
    engine: &Engine<S>,
    cx: &Context,
    exposed: &[&ResourceType],
    me: Option<&ResourceType>,
    has_events: bool,
) -> Map<String, Value> {
    let mut paths = Map::new();
    let everything = reference("message.ListResponse");
    paths.insert(
        "/".into(),
        json!({"get": Operation::new("queryEverything", "Lists resources of all types").queries(engine, cx).answers(200, &everything).into_value()}),
    );
    paths.insert("/.search".into(), search("searchEverything", &everything));
    for resource_type in exposed {
        let name = resource_type.name();
        let (endpoint, list) = (resource_type.endpoint(), reference(&format!("{name}.list")));
        let get = Operation::new(&format!("list{name}"), "Lists resources")
            .queries(engine, cx)
            .answers(200, &list)
            .into_value();
        let post = Operation::new(&format!("create{name}"), "Creates a resource")
            .shows()
            .takes(&format!("{name}{BODY}"))
            .answers(201, &reference(name))
            .into_value();
        paths.insert(endpoint.into(), json!({"get": get, "post": post}));
        let search_list = search(&format!("search{name}"), &list);
        paths.insert(format!("{endpoint}/.search"), search_list);
        let one = one(engine, cx, name, name, Some(PATH_ID));
        paths.insert(format!("{endpoint}/{{id}}"), one);
    }
    if let Some(resource_type) = me {
        paths.insert("/Me".into(), one(engine, cx, "Me", resource_type.name(), None));
    }
    if engine.offers(cx, Feature::Bulk) {
        let mut bulk = Operation::new("bulk", "Does several operations")
            .takes("message.BulkRequest")
            .answers(200, &reference("message.BulkResponse"));
        if has_events {
            bulk = events::answered_later(bulk);
        }
        paths.insert("/Bulk".into(), json!({"post": bulk.into_value()}));
    }
    if has_events {
        events::add_paths(&mut paths);
    }
    for (path, id, answer) in [
        (
            "/ServiceProviderConfig",
            "discoverServiceProviderConfig",
            "message.ServiceProviderConfig",
        ),
        (
            "/ResourceTypes",
            "discoverResourceTypes",
            "message.ResourceTypeList",
        ),
        ("/Schemas", "discoverSchemas", "message.SchemaList"),
    ] {
        let get = Operation::new(id, "Describes the service")
            .answers(200, &reference(answer))
            .into_value();
        paths.insert(path.into(), json!({"get": get}));
    }
    for (path, id, answer) in [
        (
            "/ResourceTypes/{id}",
            "discoverResourceType",
            "message.ResourceType",
        ),
        ("/Schemas/{id}", "discoverSchema", "message.Schema"),
    ] {
        let get = Operation::new(id, "Describes the service")
            .with(PATH_ID)
            .answers(200, &reference(answer))
            .into_value();
        paths.insert(path.into(), json!({"get": get}));
    }
    let own = Operation::new("discoverOpenApi", "Describes the service")
        .answers_json(&json!({"type": "object"}))
        .into_value();
    paths.insert("/openapi.json".into(), json!({"get": own}));
    paths
}

/// A query by POST.
fn search(id: &str, list: &Value) -> Value {
    json!({"post": Operation::new(id, "Lists resources").takes("message.SearchRequest").answers(200, list).into_value()})
}

/// The operations on one resource.
fn one<S: Store>(
    engine: &Engine<S>,
    cx: &Context,
    named: &str,
    name: &str,
    id: Option<&'static str>,
) -> Value {
    let shown = reference(name);
    let operation = |verb: &str, summary: &str| {
        let operation = Operation::new(&format!("{verb}{named}"), summary);
        id.into_iter()
            .fold(operation, Operation::with)
            .conditional(engine, cx)
    };
    let get = operation("get", "Reads the resource")
        .shows()
        .answers(200, &shown)
        .answers_nothing(304)
        .into_value();
    let put = operation("replace", "Replaces the resource")
        .shows()
        .takes(&format!("{name}{BODY}"))
        .answers(200, &shown)
        .into_value();
    let patch = operation("patch", "Changes parts of the resource")
        .shows()
        .takes("message.PatchOp")
        .answers(200, &shown)
        .answers_nothing(204)
        .into_value();
    let delete = operation("delete", "Deletes the resource")
        .answers_nothing(204)
        .into_value();
    let mut one = json!({"get": get, "put": put, "delete": delete});
    if let (true, Some(methods)) = (engine.offers(cx, Feature::Patch), one.as_object_mut()) {
        methods.insert("patch".into(), patch);
    }
    one
}

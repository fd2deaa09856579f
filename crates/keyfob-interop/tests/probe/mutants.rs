//! Servers that each break one rule: every one is found, under the id of the check that is about it.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderValue, Method};
use keyfob_interop::probe::{Level, Probe};
use serde_json::{Value, json};

use crate::{
    broken::{Answer, Asked, Broken, Memory, Mutant, remove},
    server::{BASE, served},
};

fn ask_as_it_is(_: &mut Asked, _: &Memory) {}
fn nothing_instead(_: &Asked, _: &Memory) -> Option<Answer> {
    None
}
fn answer_as_it_is(_: &Asked, _: &mut Answer, _: &Memory) {}

/// A mutant that changes requests.
const fn asks(check: &'static str, does: &'static str, ask: fn(&mut Asked, &Memory)) -> Mutant {
    Mutant {
        check,
        does,
        ask,
        instead: nothing_instead,
        answer: answer_as_it_is,
    }
}

/// A mutant that answers some requests itself.
const fn instead(
    check: &'static str,
    does: &'static str,
    instead: fn(&Asked, &Memory) -> Option<Answer>,
) -> Mutant {
    Mutant {
        check,
        does,
        ask: ask_as_it_is,
        instead,
        answer: answer_as_it_is,
    }
}

/// A mutant that changes answers.
const fn answers(
    check: &'static str,
    does: &'static str,
    answer: fn(&Asked, &mut Answer, &Memory),
) -> Mutant {
    Mutant {
        check,
        does,
        ask: ask_as_it_is,
        instead: nothing_instead,
        answer,
    }
}

fn refuse_if(is: bool, status: u16) -> Option<Answer> {
    is.then(|| Answer::error(status))
}

/// Names users and groups once.
fn is_resource(asked: &Asked) -> bool {
    asked.path.starts_with("/Users") || asked.path.starts_with("/Groups")
}

const CONFIG: &str = "/ServiceProviderConfig";

#[rustfmt::skip]
pub(crate) static MUTANTS: &[Mutant] = &[
    // Discovery
    answers("discovery.config", "names no schema in the configuration", |asked, answer, _| {
        if asked.path == CONFIG { answer.change(|body| remove(body, "schemas")); }
    }),
    answers("discovery.config-features", "says nothing of entity tags", |asked, answer, _| {
        if asked.path == CONFIG { answer.change(|body| remove(body, "etag")); }
    }),
    answers("discovery.config-limits", "names no limit of bulk requests", |asked, answer, _| {
        if asked.path == CONFIG { answer.change(|body| remove(&mut body["bulk"], "maxOperations")); }
    }),
    answers("discovery.config-schemes", "names no authentication scheme", |asked, answer, _| {
        if asked.path == CONFIG { answer.change(|body| remove(body, "authenticationSchemes")); }
    }),
    answers("discovery.types-list", "lists resource types in a bare array", |asked, answer, _| {
        if asked.path == "/ResourceTypes" { answer.change(|body| *body = body["Resources"].clone()); }
    }),
    answers("discovery.types-members", "has a resource type without an endpoint", |asked, answer, _| {
        if asked.path == "/ResourceTypes" { answer.change(|body| body.pointer_mut("/Resources/0").into_iter().for_each(|first| remove(first, "endpoint"))); }
    }),
    answers("discovery.schemas-list", "does not count the schemas", |asked, answer, _| {
        if asked.path == "/Schemas" { answer.change(|body| remove(body, "totalResults")); }
    }),
    answers("discovery.schemas-characteristics", "leaves out the type of attributes", |asked, answer, _| {
        if asked.path == "/Schemas" {
            answer.change(|body| {
                for attribute in body.pointer_mut("/Resources/0/attributes").and_then(Value::as_array_mut).into_iter().flatten() { remove(attribute, "type"); }
            });
        }
    }),
    answers("discovery.types-schemas", "lists no schema of an extension", |asked, answer, _| {
        if asked.path == "/Schemas" {
            answer.change(|body| {
                if let Some(schemas) = body["Resources"].as_array_mut() {
                    schemas.retain(|schema| !schema["id"].as_str().unwrap_or_default().contains("enterprise"));
                }
            });
        }
    }),
    answers("discovery.messages-hidden", "lists the schema of a message", |asked, answer, _| {
        if asked.path == "/Schemas" {
            answer.change(|body| {
                if let Some(schemas) = body["Resources"].as_array_mut() {
                    schemas.push(json!({"id": "urn:ietf:params:scim:api:messages:2.0:ListResponse", "attributes": []}));
                }
            });
        }
    }),
    answers("discovery.endpoints", "announces a resource type that it doesn't serve", |asked, answer, _| {
        if asked.path == "/ResourceTypes" {
            answer.change(|body| {
                let device = json!({"name": "Device", "endpoint": "/Devices", "schema": "urn:ietf:params:scim:schemas:core:2.0:User"});
                if let Some(types) = body["Resources"].as_array_mut() { types.push(device); }
            });
        }
    }),
    instead("discovery.schema-by-id", "has no schema alone", |asked, _| refuse_if(asked.path.starts_with("/Schemas/"), 404)),
    instead("discovery.type-by-id", "has no resource type alone", |asked, _| refuse_if(asked.path.starts_with("/ResourceTypes/"), 404)),
    answers("discovery.schema-unknown", "answers an unknown schema with an empty list", |asked, answer, _| {
        if asked.path.starts_with("/Schemas/") && answer.status == 404 { *answer = Answer::new(200, &json!({"totalResults": 0})); }
    }),
    answers("discovery.type-unknown", "answers an unknown resource type with 500", |asked, answer, _| {
        if asked.path.starts_with("/ResourceTypes/") && answer.status == 404 { *answer = Answer::error(500); }
    }),
    answers("discovery.endpoint-unknown", "answers whatever it doesn't know with a page of its own", |_, answer, _| {
        if answer.status == 404 { *answer = Answer::new(200, &json!("<html></html>")); }
    }),
    instead("discovery.methods", "lets the schemas be deleted", |asked, _| {
        asked.is("DELETE", "/Schemas").then(|| Answer::new(204, &Value::Null))
    }),
    asks("discovery.filter-refused", "passes over filters of schemas", |asked, _| {
        if asked.path == "/Schemas" { asked.drop_query("filter"); }
    }),
    instead("discovery.advertised-absent", "has no PATCH, and says that it has", |asked, _| refuse_if(asked.method == Method::PATCH, 501)),
    answers("discovery.absent-advertised", "denies the bulk requests that it takes", |asked, answer, _| {
        if asked.path == CONFIG { answer.change(|body| body["bulk"]["supported"] = json!(false)); }
    }),
    answers("discovery.schemas-declared", "adds a schema that the resource type doesn't have", |asked, answer, _| {
        answer.resources(asked, |resource| {
            if let Some(schemas) = resource["schemas"].as_array_mut() { schemas.push(json!("urn:example:internal")); }
        });
    }),
    // Resources
    answers("resource.id", "shows no ids in lists", |asked, answer, _| {
        if asked.path == "/Users" && asked.method == Method::GET { answer.resources(asked, |resource| remove(resource, "id")); }
    }),
    answers("resource.schemas", "shows no schemas", |asked, answer, _| answer.resources(asked, |resource| remove(resource, "schemas"))),
    answers("resource.meta", "shows no meta", |asked, answer, _| answer.resources(asked, |resource| remove(resource, "meta"))),
    answers("resource.meta-dates", "counts seconds", |asked, answer, _| {
        answer.resources(asked, |resource| resource["meta"]["created"] = json!(1_700_000_000));
    }),
    answers("resource.resource-type", "calls a user a Person", |asked, answer, _| {
        answer.resources(asked, |resource| resource["meta"]["resourceType"] = json!("Person"));
    }),
    answers("create.status", "answers a creation with 200", |asked, answer, _| {
        if asked.is("POST", "/Users") && answer.status == 201 { answer.status = 200; }
    }),
    answers("create.location", "sends no Location", |_, answer, _| { answer.headers.remove("location"); }),
    answers("create.location-works", "shows an address of nothing", |asked, answer, _| {
        answer.resources(asked, |resource| resource["meta"]["location"] = json!(format!("{BASE}/Users/elsewhere")));
    }),
    answers("create.id", "takes the id of the client", |asked, answer, _| {
        let wish = asked.json()["id"].clone();
        if asked.is("POST", "/Users") && wish.is_string() { answer.change(|body| body["id"] = wish); }
    }),
    answers("create.stable-id", "shows another id each time", |asked, answer, memory| {
        if asked.is_one("GET", "/Users") {
            let count = memory.noted("count").as_u64().unwrap_or_default() + 1;
            memory.note("count", json!(count));
            answer.change(|body| body["id"] = json!(format!("id-{count}")));
        }
    }),
    instead("create.read-only", "refuses groups in the body of a user", |asked, _| {
        refuse_if(asked.is("POST", "/Users") && asked.json().get("groups").is_some(), 400)
    }),
    asks("create.required", "makes up a missing name", |asked, _| {
        if asked.is("POST", "/Users") {
            asked.change(|body| if body.get("userName").is_none() { body["userName"] = json!("kfp-made-up") });
        }
    }),
    answers("create.external-id", "sets the external id itself", |asked, answer, _| {
        answer.resources(asked, |resource| resource["externalId"] = resource["id"].clone());
    }),
    answers("uniqueness.user-name", "answers a name that is taken with 400", |asked, answer, _| {
        if asked.is("POST", "/Users") && answer.status == 409 { *answer = Answer::error(400); }
    }),
    answers("uniqueness.keyword", "has no keyword for a name that is taken", |_, answer, _| {
        if answer.status == 409 { answer.change(|body| remove(body, "scimType")); }
    }),
    asks("uniqueness.case", "takes names in another case for others", |asked, _| {
        if asked.is("POST", "/Users") {
            asked.change(|body| {
                let name = body["userName"].as_str().unwrap_or_default().to_owned();
                if name.contains("PROBE") { body["userName"] = json!(format!("{name}.2")); }
            });
        }
    }),
    answers("uniqueness.put", "gives a name twice by PUT", |asked, answer, _| {
        if asked.method == Method::PUT && answer.status == 409 { *answer = Answer::new(200, &asked.json()); }
    }),
    answers("uniqueness.patch", "gives a name twice by PATCH", |asked, answer, _| {
        if asked.method == Method::PATCH && answer.status == 409 { *answer = Answer::new(204, &Value::Null); }
    }),
    asks("round-trip.lost", "forgets the nick name", |asked, _| asked.change(|body| remove(body, "nickName"))),
    asks("round-trip.lost", "forgets all addresses but the first", |asked, _| {
        asked.change(|body| if let Some(emails) = body.get_mut("emails").and_then(Value::as_array_mut) { emails.truncate(1) });
    }),
    asks("round-trip.changed", "cuts titles off", |asked, _| {
        asked.change(|body| {
            let title = body.get("title").and_then(Value::as_str).map(|title| title.chars().take(3).collect::<String>());
            if let Some(title) = title { body["title"] = json!(title); }
        });
    }),
    answers("round-trip.type", "shows booleans as texts", |asked, answer, _| {
        answer.resources(asked, |resource| if resource.get("active").is_some() { resource["active"] = json!("true") });
    }),
    instead("round-trip.refused", "refuses time zones", |asked, _| {
        refuse_if(asked.is("POST", "/Users") && asked.json().get("timezone").is_some(), 400)
    }),
    asks("put.replaces", "does nothing with a PUT", |asked, _| if asked.method == Method::PUT { asked.method = Method::GET }),
    answers("put.no-create", "creates by PUT", |asked, answer, _| {
        if asked.method == Method::PUT && answer.status == 404 { *answer = Answer::new(201, &asked.json()); }
    }),
    instead("put.own-answer", "refuses meta in a PUT", |asked, _| {
        refuse_if(asked.method == Method::PUT && asked.json().get("meta").is_some(), 400)
    }),
    answers("delete.status", "answers a DELETE with 200", |asked, answer, _| {
        if asked.method == Method::DELETE && answer.status == 204 { answer.status = 200; }
    }),
    instead("delete.gone", "does nothing with a DELETE", |asked, _| {
        asked.is_one("DELETE", "/Users").then(|| Answer::new(204, &Value::Null))
    }),
    answers("delete.again", "deletes what is gone", |asked, answer, _| {
        if asked.method == Method::DELETE && answer.status == 404 { *answer = Answer::new(204, &Value::Null); }
    }),
    answers("delete.unlisted", "lists who is deleted", |asked, answer, memory| {
        if asked.is("POST", "/Users") { memory.note("last", answer.json()); }
        if asked.is("DELETE", "/Users") { memory.note("deleted", memory.noted("last")); }
        let deleted = memory.noted("deleted");
        if asked.is("GET", "/Users") && asked.get("filter").is_some() && deleted.is_object() && answer.json()["totalResults"] == 0 {
            answer.change(|body| { body["Resources"] = json!([deleted]); body["totalResults"] = json!(1); });
        }
    }),
    instead("delete.name-free", "never frees a name", |asked, memory| {
        if !asked.is("POST", "/Users") { return None; }
        let name = asked.json()["userName"].as_str().unwrap_or_default().to_owned();
        let known = memory.noted(&name) == json!(true);
        memory.note(&name, json!(true));
        refuse_if(known, 409)
    }),
    answers("delete.members", "shows who is deleted as a member", |asked, answer, memory| {
        if asked.is("POST", "/Groups") { memory.note("members", asked.json()["members"].clone()); }
        let members = memory.noted("members");
        if asked.is_one("GET", "/Groups") && members.is_array() { answer.change(|body| body["members"] = members); }
    }),
    answers("group.members", "shows no members", |asked, answer, _| {
        answer.resources(asked, |resource| if resource.get("members").is_some() { resource["members"] = json!([]) });
    }),
    answers("group.of-user", "shows the groups of users empty", |asked, answer, _| {
        if asked.path.starts_with("/Users") { answer.resources(asked, |resource| resource["groups"] = json!([])); }
    }),
    // Filters
    asks("filter.eq", "passes over filters", |asked, _| if is_resource(asked) { asked.drop_query("filter") }),
    answers("filter.none", "answers nothing found with 404", |asked, answer, _| {
        if asked.get("filter").is_some() && answer.json()["totalResults"] == 0 { *answer = Answer::error(404); }
    }),
    answers("filter.case", "takes account of case in names", |asked, answer, _| {
        if asked.get("filter").is_some_and(|filter| filter.contains("PROBE")) {
            answer.change(|body| { body["Resources"] = json!([]); body["totalResults"] = json!(0); });
        }
    }),
    asks("filter.exact", "takes no account of case in external ids", |asked, _| {
        asked.filter(|filter| {
            if !filter.starts_with("externalId") { return filter.to_owned(); }
            filter.to_ascii_lowercase().replace("externalid", "externalId").replace("ext-a", "Ext-A")
        });
    }),
    asks("filter.external-id", "can't filter by external ids", |asked, _| asked.filter(|filter| filter.replace("externalId eq", "id eq"))),
    asks("filter.ne", "takes ne for eq", |asked, _| asked.filter(|filter| filter.replace(" ne ", " eq "))),
    asks("filter.co", "takes co for sw", |asked, _| asked.filter(|filter| filter.replace(" co ", " sw "))),
    asks("filter.sw", "takes sw for eq", |asked, _| asked.filter(|filter| filter.replace(" sw ", " eq "))),
    asks("filter.ew", "takes ew for eq", |asked, _| asked.filter(|filter| filter.replace(" ew ", " eq "))),
    asks("filter.pr", "finds everything present", |asked, _| asked.filter(|filter| filter.replace("title pr", "userName pr"))),
    asks("filter.and", "takes and for or", |asked, _| asked.filter(|filter| filter.replace(" and ", " or "))),
    asks("filter.or", "takes or for and", |asked, _| asked.filter(|filter| filter.replace(" or ", " and "))),
    asks("filter.not", "passes over not", |asked, _| asked.filter(|filter| filter.replace("not (", "("))),
    asks("filter.precedence", "reads from left to right", |asked, _| {
        asked.filter(|filter| match filter.split_once(" and ") {
            Some((left, right)) if left.contains(" or ") && !left.contains('(') => format!("({left}) and {right}"),
            _ => filter.to_owned(),
        });
    }),
    asks("filter.grouping", "passes over parentheses", |asked, _| {
        asked.filter(|filter| if filter.starts_with('(') { filter.replace(['(', ')'], "") } else { filter.to_owned() });
    }),
    asks("filter.order", "takes lt for gt", |asked, _| asked.filter(|filter| filter.replace(" lt ", " gt "))),
    asks("filter.order-none", "finds every time later", |asked, _| {
        asked.filter(|filter| filter.replace("gt \"2999-01-01T00:00:00Z\"", "pr"));
    }),
    asks("filter.boolean", "takes false for true", |asked, _| asked.filter(|filter| filter.replace("eq false", "eq true"))),
    asks("filter.boolean-order", "compares booleans", |asked, _| asked.filter(|filter| filter.replace("active gt", "active eq"))),
    asks("filter.unknown-operator", "passes over filters that it doesn't know", |asked, _| {
        if asked.get("filter").is_some_and(|filter| filter.contains(" xx ")) { asked.drop_query("filter"); }
    }),
    answers("filter.unknown-operator", "names no keyword for a filter that it doesn't know", |_, answer, _| {
        answer.change(|body| if body["scimType"] == "invalidFilter" { remove(body, "scimType") });
    }),
    answers("filter.incomplete", "fails at a filter that is cut off", |asked, answer, _| {
        if asked.get("filter") == Some("userName eq") { *answer = Answer::error(500); }
    }),
    asks("filter.sub-attribute", "looks for names in display names", |asked, _| asked.filter(|filter| filter.replace("name.familyName", "displayName"))),
    asks("filter.multi-valued", "looks at primary addresses alone", |asked, _| {
        asked.filter(|filter| match filter.strip_prefix("emails.value ") {
            Some(rest) => format!("emails[primary eq true and value {rest}]"),
            None => filter.to_owned(),
        });
    }),
    instead("filter.value-path", "knows no brackets", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.contains('[')), 400)),
    asks("filter.value-path-same", "looks at any value in brackets", |asked, _| {
        asked.filter(|filter| filter.replace("emails[type", "emails.type").replace("and value", "and emails.value").replace(']', ""));
    }),
    instead("filter.names", "knows names in one case alone", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.contains("USERNAME")), 400)),
    instead("filter.urn", "knows no URIs of schemas in filters", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.starts_with("urn:")), 400)),
    instead("filter.extension", "knows no extensions in filters", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.contains("enterprise")), 400)),
    instead("filter.id", "can't filter by id", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.starts_with("id eq")), 400)),
    asks("filter.group-name", "passes over filters of groups", |asked, _| {
        if asked.path == "/Groups" { asked.filter(|_| "displayName pr and displayName eq \"nobody\"".to_owned()); }
    }),
    instead("filter.members", "can't filter by members", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.contains("members")), 400)),
    // PATCH
    answers("patch.answer", "answers a PATCH with nothing and 200", |asked, answer, _| {
        if asked.method == Method::PATCH && answer.is_success() { *answer = Answer::new(200, &Value::Null); }
    }),
    answers("patch.attributes", "answers every PATCH with 204", |asked, answer, _| {
        if asked.method == Method::PATCH && answer.is_success() { *answer = Answer::new(204, &Value::Null); }
    }),
    answers("patch.unknown", "patches what isn't there", |asked, answer, _| {
        if asked.method == Method::PATCH && answer.status == 404 { *answer = Answer::new(204, &Value::Null); }
    }),
    asks("patch.add", "does nothing with add", |asked, _| {
        asked.operations(|operation| if operation["op"] == "add" && operation["path"] == "title" { operation["path"] = json!("nickName") });
    }),
    asks("patch.add-values", "replaces the values that there are", |asked, _| {
        asked.operations(|operation| if operation["path"] == "phoneNumbers" && operation["op"] == "add" { operation["op"] = json!("replace") });
    }),
    instead("patch.add-pathless", "wants a path", |asked, _| refuse_if(asked.any_operation(|operation| operation.get("path").is_none() && operation["op"] != "remove"), 400)),
    asks("patch.add-sub-attributes", "replaces the other sub-attributes", |asked, _| {
        asked.change(|body| {
            if body["Operations"][0]["path"] == "name" {
                let add = body["Operations"][0].clone();
                body["Operations"] = json!([{"op": "remove", "path": "name"}, add]);
            }
        });
    }),
    asks("patch.add-same", "modifies whatever is patched", |asked, memory| {
        if asked.method != Method::PATCH { return; }
        let count = memory.noted("count").as_u64().unwrap_or_default() + 1;
        memory.note("count", json!(count));
        asked.change(|body| if let Some(operations) = body["Operations"].as_array_mut() {
            operations.push(json!({"op": "replace", "path": "nickName", "value": format!("n{count}")}));
        });
    }),
    asks("patch.remove", "does nothing with remove", |asked, _| {
        asked.operations(|operation| if operation["op"] == "remove" && operation["path"] == "title" { operation["path"] = json!("nickName") });
    }),
    asks("patch.remove-values", "removes the first value alone", |asked, _| {
        asked.operations(|operation| if operation["path"] == "phoneNumbers" && operation["op"] == "remove" {
            operation["path"] = json!("phoneNumbers[type eq \"work\"]");
        });
    }),
    asks("patch.remove-filtered", "removes all values whatever the filter", |asked, _| {
        asked.operations(|operation| if operation["op"] == "remove" && operation["path"].as_str().unwrap_or_default().starts_with("phoneNumbers[") {
            operation["path"] = json!("phoneNumbers");
        });
    }),
    asks("patch.remove-sub-attribute", "removes the whole attribute", |asked, _| {
        asked.operations(|operation| if operation["path"] == "name.middleName" { operation["path"] = json!("name") });
    }),
    answers("patch.remove-pathless", "removes nothing without a path, and says nothing", |asked, answer, _| {
        if asked.any_operation(|operation| operation["op"] == "remove" && operation.get("path").is_none()) { *answer = Answer::new(204, &Value::Null); }
    }),
    answers("patch.remove-required", "says nothing of a name that can't be removed", |asked, answer, _| {
        if asked.any_operation(|operation| operation["path"] == "userName") && answer.status == 400 { *answer = Answer::new(204, &Value::Null); }
    }),
    asks("patch.replace", "does nothing with replace", |asked, _| {
        asked.operations(|operation| if operation["op"] == "replace" && operation["path"] == "title" { operation["path"] = json!("nickName") });
    }),
    answers("patch.replace-absent", "replaces only what is there", |asked, answer, memory| {
        if asked.is("POST", "/Users") { memory.note("title", json!(asked.json().get("title").is_some())); }
        if asked.any_operation(|operation| operation["op"] == "replace") && memory.noted("title") == json!(false) { *answer = Answer::error(400); }
    }),
    asks("patch.replace-pathless", "takes the first attribute of a value alone", |asked, _| {
        asked.operations(|operation| if operation.get("path").is_none() { remove(&mut operation["value"], "nickName") });
    }),
    asks("patch.replace-values", "appends where it should replace", |asked, _| {
        asked.operations(|operation| if operation["path"] == "phoneNumbers" && operation["op"] == "replace" { operation["op"] = json!("add") });
    }),
    asks("patch.replace-filtered", "changes every value", |asked, _| {
        asked.operations(|operation| if operation["path"] == "phoneNumbers[type eq \"home\"].value" { operation["path"] = json!("phoneNumbers[value pr].value") });
    }),
    answers("patch.replace-no-target", "says nothing of a filter that matches nothing", |_, answer, _| {
        if answer.json()["scimType"] == "noTarget" { *answer = Answer::new(204, &Value::Null); }
    }),
    answers("patch.replace-no-target-eq", "says nothing of a filter by eq that matches nothing", |_, answer, _| {
        if answer.json()["scimType"] == "noTarget" { *answer = Answer::new(204, &Value::Null); }
    }),
    answers("patch.primary", "has several primary values", |asked, answer, _| {
        answer.resources(asked, |resource| {
            for phone in resource.get_mut("phoneNumbers").and_then(Value::as_array_mut).into_iter().flatten() { phone["primary"] = json!(true); }
        });
    }),
    Mutant {
        check: "patch.atomic",
        does: "carries out the operations before the one that fails",
        ask: |asked, _| asked.change(|body| if let Some(operations) = body.get_mut("Operations").and_then(Value::as_array_mut) && operations.len() > 1 {
            operations.retain(|operation| operation["path"] != "userName");
        }),
        instead: nothing_instead,
        answer: |asked, answer, _| if asked.any_operation(|operation| operation["path"] == "userName") { *answer = Answer::error(400) },
    },
    answers("patch.read-only", "says nothing of an id that can't be changed", |asked, answer, _| {
        if asked.any_operation(|operation| operation["path"] == "id") { *answer = Answer::new(204, &Value::Null); }
    }),
    answers("patch.unknown-op", "passes over operations that it doesn't know", |asked, answer, _| {
        if asked.any_operation(|operation| operation["op"] == "increment") { *answer = Answer::new(204, &Value::Null); }
    }),
    answers("patch.bad-path", "fails at a malformed path", |asked, answer, _| {
        if asked.any_operation(|operation| operation["path"] == "title[") { *answer = Answer::error(500); }
    }),
    answers("patch.wrong-type", "passes over values that don't fit", |asked, answer, _| {
        if asked.any_operation(|operation| operation["value"].is_object() && operation["path"] == "active") { *answer = Answer::new(204, &Value::Null); }
    }),
    instead("patch.extension", "knows no extensions in paths", |asked, _| refuse_if(asked.any_operation(|operation| operation["path"].as_str().unwrap_or_default().starts_with("urn:")), 400)),
    asks("patch.members-add", "replaces the members that there are", |asked, _| {
        asked.operations(|operation| if operation["path"] == "members" && operation["op"] == "add" { operation["op"] = json!("replace") });
    }),
    answers("patch.members-add-again", "refuses who is a member already", |asked, answer, memory| {
        if asked.is("POST", "/Groups") { memory.note("members", asked.json()["members"].clone()); }
        let members = memory.noted("members");
        if members.is_array() && asked.any_operation(|operation| operation["value"] == members) { *answer = Answer::error(409); }
    }),
    instead("patch.members-remove", "can't remove a member by a filter", |asked, _| refuse_if(asked.any_operation(|operation| operation["path"].as_str().unwrap_or_default().starts_with("members[")), 400)),
    instead("patch.members-replace", "can't replace members", |asked, _| refuse_if(asked.any_operation(|operation| operation["path"] == "members" && operation["op"] == "replace"), 400)),
    asks("patch.rename-group", "loses the members of a group that is renamed", |asked, _| {
        asked.change(|body| if body["Operations"][0]["path"] == "displayName" && let Some(operations) = body["Operations"].as_array_mut() {
            operations.push(json!({"op": "remove", "path": "members"}));
        });
    }),
    // Lists
    answers("list.schema", "does not name the list", |asked, answer, _| if asked.path == "/Users" { answer.change(|body| if body.get("totalResults").is_some() { remove(body, "schemas") }) }),
    answers("list.total", "counts the page", |asked, answer, _| if asked.path == "/Users" {
        answer.change(|body| { let found = body["Resources"].as_array().map_or(0, Vec::len); if body.get("totalResults").is_some() { body["totalResults"] = json!(found) } });
    }),
    answers("list.items-per-page", "shows the size that is asked for", |asked, answer, _| if asked.path == "/Users" {
        answer.change(|body| if body.get("itemsPerPage").is_some() { body["itemsPerPage"] = json!(1000) });
    }),
    answers("list.start-index", "begins every page at 1", |_, answer, _| answer.change(|body| if body.get("startIndex").is_some() { body["startIndex"] = json!(1) })),
    asks("paging.count", "passes over the size of pages", |asked, _| if is_resource(asked) { asked.drop_query("count") }),
    asks("paging.pages", "counts from 0", |asked, _| {
        for (name, value) in &mut asked.query {
            if name == "startIndex" && value.parse::<u32>().is_ok_and(|start| start > 1) { *value = (value.parse::<u32>().unwrap() + 1).to_string(); }
        }
    }),
    asks("paging.pages", "repeats the end of a page", |asked, _| {
        for (name, value) in &mut asked.query {
            if name == "startIndex" && value.parse::<u32>().is_ok_and(|start| start > 2) { *value = (value.parse::<u32>().unwrap() - 1).to_string(); }
        }
    }),
    asks("paging.count-zero", "takes 0 for no limit", |asked, _| if asked.get("count") == Some("0") { asked.drop_query("count") }),
    instead("paging.count-negative", "refuses a negative size", |asked, _| refuse_if(asked.get("count").is_some_and(|count| count.starts_with('-')), 400)),
    instead("paging.start-zero", "refuses 0 as a start", |asked, _| refuse_if(asked.get("startIndex") == Some("0"), 400)),
    instead("paging.start-negative", "fails at a negative start", |asked, _| refuse_if(asked.get("startIndex").is_some_and(|start| start.starts_with('-')), 500)),
    instead("paging.beyond", "finds no page beyond the end", |asked, _| refuse_if(asked.get("startIndex") == Some("1000000"), 404)),
    instead("paging.cap", "refuses large pages", |asked, _| refuse_if(asked.get("count") == Some("1000000"), 400)),
    answers("paging.cursor-first", "shows a previous page before the first", |asked, answer, _| {
        if asked.get("cursor").is_some() { answer.change(|body| body["previousCursor"] = json!("before")); }
    }),
    asks("paging.cursor-pages", "begins again with every cursor", |asked, _| {
        for (name, value) in &mut asked.query { if name == "cursor" { value.clear(); } }
    }),
    asks("paging.cursor-wrong", "takes any cursor", |asked, _| {
        for (name, value) in &mut asked.query { if name == "cursor" && value == "no-cursor-of-yours" { value.clear(); } }
    }),
    asks("projection.attributes", "passes over attributes", |asked, _| asked.drop_query("attributes")),
    answers("projection.minimum", "leaves the id out of what is asked for", |asked, answer, _| {
        if asked.get("attributes").is_some() { answer.resources(asked, |resource| remove(resource, "id")); }
    }),
    answers("projection.schemas", "leaves the schemas out of what is asked for", |asked, answer, _| {
        if asked.get("attributes").is_some() { answer.resources(asked, |resource| remove(resource, "schemas")); }
    }),
    instead("projection.sub-attribute", "knows no sub-attributes in projections", |asked, _| refuse_if(asked.get("attributes").is_some_and(|names| names.contains('.')), 400)),
    asks("projection.excluded", "passes over excludedAttributes", |asked, _| asked.drop_query("excludedAttributes")),
    answers("projection.always", "excludes the id", |asked, answer, _| {
        if asked.get("excludedAttributes").is_some_and(|names| names.contains("id")) { answer.resources(asked, |resource| remove(resource, "id")); }
    }),
    answers("projection.never", "returns a password that is asked for", |asked, answer, _| {
        if asked.get("attributes").is_some_and(|names| names.contains("password")) { answer.resources(asked, |resource| resource["password"] = json!("x")); }
    }),
    asks("projection.create", "returns everything after a creation", |asked, _| if asked.method == Method::POST { asked.drop_query("attributes") }),
    asks("sort.ascending", "passes over the order", |asked, _| {
        for (name, value) in &mut asked.query { if name == "sortBy" { "id".clone_into(value); } }
    }),
    asks("sort.descending", "sorts upwards alone", |asked, _| asked.drop_query("sortOrder")),
    instead("search.post", "has no search", |asked, _| refuse_if(asked.path.ends_with("/.search"), 404)),
    asks("search.filter", "passes over the filter of a search", |asked, _| if asked.path.ends_with("/.search") { asked.change(|body| remove(body, "filter")) }),
    // Bulk requests
    answers("bulk.created", "shows no address of what a bulk request created", |asked, answer, _| if asked.path == "/Bulk" {
        answer.change(|body| for result in body["Operations"].as_array_mut().into_iter().flatten() { remove(result, "location") });
    }),
    asks("bulk.references", "passes over references in bulk requests", |asked, _| if asked.path == "/Bulk" {
        asked.change(|body| for operation in body["Operations"].as_array_mut().into_iter().flatten() { remove(&mut operation["data"], "members") });
    }),
    asks("bulk.errors-apart", "stops at the first error", |asked, _| if asked.path == "/Bulk" { asked.change(|body| body["failOnErrors"] = json!(1)) }),
    answers("bulk.error-body", "shows no errors of operations", |asked, answer, _| if asked.path == "/Bulk" {
        answer.change(|body| for result in body["Operations"].as_array_mut().into_iter().flatten() { remove(result, "response") });
    }),
    asks("bulk.fail-on-errors", "never stops", |asked, _| if asked.path == "/Bulk" { asked.change(|body| remove(body, "failOnErrors")) }),
    answers("bulk.too-many", "refuses too many operations with 400", |asked, answer, _| if asked.path == "/Bulk" && answer.status == 413 { *answer = Answer::error(400) }),
    // Versions
    answers("etag.header", "sends no ETag", |_, answer, _| { answer.headers.remove("etag"); }),
    answers("etag.version", "shows another version than the ETag", |asked, answer, _| answer.resources(asked, |resource| resource["meta"]["version"] = json!("W/\"0\""))),
    answers("etag.form", "sends a number for an ETag", |_, answer, _| {
        if answer.headers.contains_key("etag") { answer.headers.insert("etag", HeaderValue::from_static("17")); }
    }),
    asks("etag.not-modified", "sends again what is known", |asked, _| { asked.headers.remove("if-none-match"); }),
    answers("etag.changes", "has one ETag for all", |_, answer, _| {
        if answer.headers.contains_key("etag") { answer.headers.insert("etag", HeaderValue::from_static("W/\"1\"")); }
    }),
    asks("etag.stale-put", "passes over versions in PUT", |asked, _| if asked.method == Method::PUT { asked.headers.remove("if-match"); }),
    asks("etag.stale-patch", "passes over versions in PATCH", |asked, _| if asked.method == Method::PATCH { asked.headers.remove("if-match"); }),
    // Errors
    answers("errors.body", "answers errors with pages", |_, answer, _| {
        if answer.status >= 400 {
            answer.body = Bytes::from_static(b"<html><body>Not found</body></html>");
            answer.headers.insert("content-type", HeaderValue::from_static("text/html"));
        }
    }),
    answers("errors.status-text", "shows the status as a number", |_, answer, _| {
        let status = answer.status;
        if status >= 400 { answer.change(|body| body["status"] = json!(status)); }
    }),
    answers("errors.status-same", "shows the status 500 in every error", |_, answer, _| {
        if answer.status >= 400 { answer.change(|body| body["status"] = json!("500")); }
    }),
    answers("errors.malformed", "fails at malformed JSON", |asked, answer, _| {
        if asked.is("POST", "/Users") && asked.json().is_null() { *answer = Answer::error(500); }
    }),
    answers("errors.wrong-type", "fails at a value of a wrong type", |asked, answer, _| {
        if asked.is("POST", "/Users") && asked.json()["name"].is_string() { *answer = Answer::error(500); }
    }),
    answers("errors.media-type", "calls everything HTML", |_, answer, _| {
        answer.headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    }),
    instead("errors.accept-json", "sends no application/json", |asked, _| {
        refuse_if(asked.headers.get("accept").is_some_and(|accept| accept == "application/json"), 406)
    }),
    instead("errors.unknown-parameter", "refuses parameters that it doesn't know", |asked, _| refuse_if(asked.get("nothingOfTheKind").is_some(), 400)),
    instead("errors.charset", "takes no charset", |asked, _| {
        refuse_if(asked.headers.get("content-type").is_some_and(|media_type| media_type.to_str().unwrap_or_default().contains("charset")), 415)
    }),
    // At the same time
    instead("concurrency.members", "loses every third change of members", |asked, memory| {
        if !asked.any_operation(|operation| operation["path"] == "members") { return None; }
        let count = memory.noted("count").as_u64().unwrap_or_default() + 1;
        memory.note("count", json!(count));
        (count % 3 == 0).then(|| Answer::new(204, &Value::Null))
    }),
    answers("concurrency.names", "gives a name twice", |asked, answer, _| {
        if asked.is("POST", "/Users") && answer.status == 409 { *answer = Answer::new(201, &json!({"id": "another"})); }
    }),
    // Security
    asks("security.no-token", "wants no token", |asked, memory| if !asked.headers.contains_key("authorization") {
        asked.headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {}", memory.token)).unwrap());
    }),
    asks("security.wrong-token", "takes any token", |asked, memory| if asked.headers.get("authorization").is_some_and(|token| token == "Bearer wrong") {
        asked.headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {}", memory.token)).unwrap());
    }),
    answers("security.challenge", "names no scheme in a 401", |_, answer, _| { answer.headers.remove("www-authenticate"); }),
    answers("security.password-returned", "returns the password after a creation", |asked, answer, _| {
        let password = asked.json()["password"].clone();
        if asked.is("POST", "/Users") && password.is_string() { answer.change(|body| body["password"] = password); }
    }),
    asks("security.password-filter", "filters by passwords", |asked, _| {
        asked.filter(|filter| filter.replace(" and password sw \"Probe\"", "").replace("password sw \"nothing\"", "userName eq \"nobody\""));
    }),
    asks("security.tenants-read", "shows other tenants' resources", |asked, memory| if asked.is_one("GET", "/Users") { as_own(asked, memory) }),
    asks("security.tenants-list", "lists other tenants' resources", |asked, memory| if asked.path == "/Users" { as_own(asked, memory) }),
    asks("security.tenants-write", "changes other tenants' resources", |asked, memory| if asked.method == Method::PATCH { as_own(asked, memory) }),
    answers("security.internals", "shows where it failed", |_, answer, _| {
        if answer.status >= 400 { answer.change(|body| body["detail"] = json!("Traceback (most recent call last):\n  File \"/srv/app.py\", line 7")); }
    }),
    // What providers need
    instead("interop.op-case", "wants op in lower case", |asked, _| refuse_if(asked.any_operation(|operation| operation["op"] == "Replace"), 400)),
    instead("interop.active-text", "wants booleans", |asked, _| refuse_if(asked.any_operation(|operation| operation["value"] == "False"), 400)),
    instead("interop.active-text-create", "wants booleans in a POST", |asked, _| refuse_if(asked.json().get("active").is_some_and(Value::is_string), 400)),
    instead("interop.dotted-names", "knows no dotted names", |asked, _| refuse_if(asked.any_operation(|operation| operation["value"].get("name.familyName").is_some()), 400)),
    instead("interop.filtered-path-creates", "makes no value by a filter", |asked, _| refuse_if(asked.any_operation(|operation| operation["path"] == "phoneNumbers[type eq \"work\"].value" && operation["op"] == "Add"), 400)),
    instead("interop.filter-after-brackets", "compares nothing after brackets", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.contains("].")), 400)),
    instead("interop.reference-filter", "compares no members", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.contains("members eq")), 400)),
    instead("interop.members-remove-by-value", "removes no members by a list", |asked, _| refuse_if(asked.any_operation(|operation| operation["op"] == "remove" && operation["path"] == "members" && operation.get("value").is_some()), 400)),
    instead("interop.rename-with-id", "refuses an id in a rename", |asked, _| refuse_if(asked.any_operation(|operation| operation["value"].get("id").is_some()), 400)),
    instead("interop.microsoft-group", "refuses schemas that it doesn't know", |asked, _| refuse_if(asked.json()["schemas"].to_string().contains("microsoft"), 400)),
    instead("interop.nulls", "refuses null", |asked, _| refuse_if(asked.json().get("title").is_some_and(Value::is_null), 400)),
    instead("interop.empty-lists", "refuses empty lists", |asked, _| refuse_if(asked.is("POST", "/Groups") && asked.json()["members"] == json!([]), 400)),
    instead("interop.json-bodies", "takes no application/json", |asked, _| refuse_if(asked.headers.get("content-type").is_some_and(|media_type| media_type == "application/json"), 415)),
    instead("interop.no-user-agent", "wants a User-Agent", |asked, _| refuse_if(asked.headers.get("user-agent").is_none_or(HeaderValue::is_empty), 403)),
    instead("interop.bare-question-mark", "has nothing at an address without parameters", |asked, _| refuse_if(asked.path == "/Users" && asked.method == Method::GET && asked.query.is_empty(), 404)),
    instead("interop.two-users", "refuses the connection test of a provider", |asked, _| refuse_if(asked.headers.contains_key("accept-charset"), 406)),
    // Limits
    asks("limits.page", "gives 50 users a page and says nothing of it", |asked, _| {
        if asked.is("GET", "/Users") {
            for (name, value) in &mut asked.query { if name == "count" && value.parse::<u32>().is_ok_and(|count| count > 50) { "50".clone_into(value); } }
        }
    }),
    instead("limits.members", "refuses more than 30 members in a PATCH", |asked, _| {
        refuse_if(asked.any_operation(|operation| operation["value"].as_array().is_some_and(|members| members.len() > 30)), 400)
    }),
    asks("limits.members-kept", "drops members behind the hundredth", |asked, _| {
        asked.operations(|operation| if let Some(members) = operation["value"].as_array_mut() { members.truncate(100) });
    }),
    instead("limits.soft-delete", "answers a DELETE and does nothing", |asked, _| asked.is_one("DELETE", "/Users").then(|| Answer::new(204, &Value::Null))),
    // Hostile requests
    instead("robust.deep-filter", "fails at deep filters", |asked, _| refuse_if(asked.get("filter").is_some_and(|filter| filter.len() > 5_000), 500)),
    instead("robust.large-filter", "fails at large filters", |asked, _| refuse_if(asked.path.ends_with("/.search") && asked.body.len() > 500_000, 502)),
    instead("robust.deep-json", "fails at deep JSON", |asked, _| refuse_if(asked.is("POST", "/Users") && asked.body.len() > 100_000, 500)),
    instead("robust.wrong-media-type", "fails at media types that it doesn't know", |asked, _| refuse_if(asked.headers.get("content-type").is_some_and(|media_type| media_type == "nonsense"), 500)),
    instead("robust.many-members", "fails at many members", |asked, _| refuse_if(asked.is("PATCH", "/Groups") && asked.body.len() > 1_000_000, 504)),
    instead("robust.long-text", "fails at long texts", |asked, _| refuse_if(asked.is("PATCH", "/Users") && asked.body.len() > 500_000, 500)),
    instead("robust.bad-text", "fails at bytes that are no text", |asked, _| refuse_if(std::str::from_utf8(&asked.body).is_err(), 500)),
    instead("robust.huge-numbers", "fails at numbers that are none", |asked, _| refuse_if(asked.get("startIndex") == Some("abc"), 500)),
    instead("robust.odd-bodies", "fails at null", |asked, _| refuse_if(&asked.body[..] == b"null", 500)),
];

fn as_own(asked: &mut Asked, memory: &Memory) {
    if asked
        .headers
        .get("authorization")
        .is_some_and(|token| token == format!("Bearer {}", memory.other).as_str())
    {
        asked.headers.insert(
            "authorization",
            HeaderValue::from_str(&format!("Bearer {}", memory.token)).unwrap(),
        );
    }
}

#[tokio::test]
async fn every_server_that_breaks_a_rule_is_found_under_the_id_of_its_check() {
    assert!(MUTANTS.len() >= 60);
    let mut unseen = Vec::new();
    for mutant in MUTANTS {
        let sound = served("interop").await;
        // With the checks of its area, among which the right one has to be found; hostile requests take long.
        let area = mutant.check.split('.').next().unwrap();
        let area = if area == "robust" { mutant.check } else { area };
        let probe = Probe::new(BASE)
            .unwrap()
            .bearer(&sound.token)
            .other_bearer(&sound.other)
            .level(Level::Robust)
            .only(area)
            .unwrap();
        let report = probe.run(&Broken::new(&sound, mutant)).await.unwrap();
        let found: BTreeSet<&str> = report
            .findings()
            .iter()
            .map(|finding| finding.check.as_str())
            .collect();
        if !found.contains(mutant.check) {
            let outcome = report
                .outcomes
                .iter()
                .find(|outcome| outcome.check == mutant.check);
            unseen.push(format!(
                "{}, which {}: found {found:?}, {:?}",
                mutant.check,
                mutant.does,
                outcome.map(|outcome| &outcome.verdict)
            ));
        }
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
}

#[tokio::test]
async fn every_check_has_a_server_that_breaks_it() {
    // A check that nothing ever fails says nothing.
    let sound = served("interop").await;
    let probe = Probe::new(BASE)
        .unwrap()
        .bearer(&sound.token)
        .other_bearer(&sound.other)
        .level(Level::Robust);
    let report = probe.run(&sound.transport).await.unwrap();
    let broken: BTreeSet<&str> = MUTANTS.iter().map(|mutant| mutant.check).collect();
    let skipped = report
        .outcomes
        .iter()
        .filter(|outcome| matches!(outcome.verdict, keyfob_interop::probe::Verdict::Skipped(_)));
    assert_eq!(
        skipped.map(|outcome| outcome.check.as_str()).collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
    let without: Vec<&str> = report
        .outcomes
        .iter()
        .map(|outcome| outcome.check.as_str())
        .filter(|check| !broken.contains(check))
        .collect();
    assert!(without.is_empty(), "{without:#?}");
    let known: BTreeSet<&str> = report
        .outcomes
        .iter()
        .map(|outcome| outcome.check.as_str())
        .collect();
    assert!(
        broken.is_subset(&known),
        "{:#?}",
        broken.difference(&known).collect::<Vec<_>>()
    );
}

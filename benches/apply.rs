//! The cost of applying a PATCH, beside the same change made by hand in `serde_json::Value`.
//!
//! Requests about one value, many values and members, and without a path, of users and groups of several sizes: applied alone, each
//! change and its opposite in turns, and from the bytes of the request to the changed resource.

use keyfob_benches::{compare, criterion};
use keyfob_core::{Dialect, Registry, Resource, ResourceType, message::PatchRequest};
use keyfob_patch::{Applied, Plan};
use serde_json::{Value, json};

#[cfg(feature = "peers")]
#[path = "apply/peers.rs"]
mod peers;

type Failed = Box<dyn std::error::Error>;

/// A change by hand: of a resource, by an operation.
type ByHand = fn(&mut Value, &Value);

/// Two requests that undo one another, and how their operations are done by hand.
struct Case {
    name: &'static str,
    requests: [Vec<u8>; 2],
    by_hand: ByHand,
}

fn main() -> Result<(), Failed> {
    let mut criterion = criterion();
    let user = Registry::rfc().resource_type("User").ok_or("no users")?;
    for emails in [1, 10, 100] {
        for case in user_cases() {
            measure(
                &mut criterion,
                &format!("{} of a user with {emails} emails", case.name),
                &case,
                &a_user(emails),
                user,
            )?;
        }
    }
    let group = Registry::rfc().resource_type("Group").ok_or("no groups")?;
    for members in [10, 1_000, 10_000] {
        for case in group_cases() {
            measure(
                &mut criterion,
                &format!("{} of a group with {members} members", case.name),
                &case,
                &a_group(members),
                group,
            )?;
        }
    }
    criterion.final_summary();
    Ok(())
}

fn measure(
    criterion: &mut criterion::Criterion,
    name: &str,
    case: &Case,
    document: &Value,
    resource_type: &ResourceType,
) -> Result<(), Failed> {
    let text = document.to_string();
    let mut resource = Resource::from_json(text.as_bytes(), resource_type)?;
    let mut value = document.clone();
    let parsed: Vec<PatchRequest> = case
        .requests
        .iter()
        .map(|text| PatchRequest::from_json(text))
        .collect::<Result<_, _>>()?;
    let plans: Vec<Plan<'_>> = parsed
        .iter()
        .map(|request| Plan::compile(request.clone(), resource_type, Dialect::strict()))
        .collect::<Result<_, _>>()?;
    let bodies: Vec<Value> = case
        .requests
        .iter()
        .map(|text| serde_json::from_slice(text))
        .collect::<Result<_, _>>()?;
    // Both sides have to do the same for the ratio to mean anything.
    let operations: Vec<&Value> = bodies.iter().filter_map(operation).collect();
    #[cfg(feature = "peers")]
    let mut expected = Vec::new();
    for (plan, operation) in plans.iter().zip(&operations) {
        if plan.apply(&mut resource)? == Applied::Unchanged {
            return Err(format!("{name}: nothing changes").into());
        }
        (case.by_hand)(&mut value, operation);
        let ours: Value = serde_json::from_slice(&resource.to_json())?;
        if ours != value {
            return Err(format!("{name}: the floor gives {value} instead of {ours}").into());
        }
        #[cfg(feature = "peers")]
        expected.push(ours);
    }
    compare(
        criterion,
        &format!("apply {name}"),
        || {
            plans
                .iter()
                .map(|plan| plan.apply(&mut resource))
                .collect::<Vec<_>>()
        },
        || {
            for operation in &operations {
                (case.by_hand)(&mut value, operation);
            }
        },
    );
    let mut from_bytes = || {
        let changes = case.requests.iter().map(|text| -> Result<Applied, Failed> {
            let request = PatchRequest::from_json(text)?;
            let plan = Plan::compile(request, resource_type, Dialect::strict())?;
            Ok(plan.apply(&mut resource)?)
        });
        changes.collect::<Vec<_>>()
    };
    compare(
        criterion,
        &format!("decode, compile and apply {name}"),
        &mut from_bytes,
        || {
            for text in &case.requests {
                let body: Value = serde_json::from_slice(text).unwrap_or_default();
                if let Some(operation) = operation(&body) {
                    (case.by_hand)(&mut value, operation);
                }
            }
        },
    );
    #[cfg(feature = "peers")]
    if let Ok(expected) = <[Value; 2]>::try_from(expected) {
        peers::measure(criterion, name, &case.requests, document, &expected, from_bytes)?;
    }
    Ok(())
}

/// The one operation of a request.
fn operation(body: &Value) -> Option<&Value> {
    body.get("Operations")?.get(0)
}

fn a_user(emails: usize) -> Value {
    let emails: Vec<Value> = (0..emails)
        .map(|number| json!({"type": if number == 0 { "work" } else { "other" }, "value": format!("babs{number}@example.com")}))
        .collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "bjensen", "title": "Tour Guide", "displayName": "Babs Jensen",
        "name": {"givenName": "Barbara", "familyName": "Jensen"}, "active": true, "emails": emails,
    })
}

fn a_group(members: usize) -> Value {
    let members: Vec<Value> = (0..members)
        .map(|number| json!({"value": format!("{number:08}-f08f-4109-8486-000000000000")}))
        .collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Tour Guides", "members": members,
    })
}

fn message(operations: [Value; 2]) -> [Vec<u8>; 2] {
    operations.map(|operation| {
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        json!({"schemas": [schema], "Operations": [operation]})
            .to_string()
            .into_bytes()
    })
}

fn user_cases() -> [Case; 3] {
    [
        Case {
            name: "a single-valued PATCH",
            requests: message(["Guide", "Tour Guide"].map(|title| json!({"op": "replace", "path": "title", "value": title}))),
            by_hand: |user, operation| user["title"] = operation["value"].clone(),
        },
        Case {
            name: "a multi-valued PATCH",
            requests: message(["b@example.org", "babs0@example.com"].map(|address| {
                json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": address})
            })),
            by_hand: |user, operation| {
                for email in user["emails"].as_array_mut().into_iter().flatten() {
                    if email["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("work")) {
                        email["value"] = operation["value"].clone();
                    }
                }
            },
        },
        Case {
            name: "a path-less PATCH",
            requests: message([("Babs", false, "J"), ("Babs Jensen", true, "Jensen")].map(|(name, active, family)| {
                let value = json!({"displayName": name, "active": active, "name": {"familyName": family}});
                json!({"op": "replace", "value": value})
            })),
            by_hand: |user, operation| {
                for (name, value) in operation["value"].as_object().into_iter().flatten() {
                    match (user[name].as_object_mut(), value.as_object()) {
                        (Some(present), Some(value)) => present.extend(value.clone()),
                        _ => user[name] = value.clone(),
                    }
                }
            },
        },
    ]
}

fn group_cases() -> [Case; 2] {
    let stranger = "ffffffff-f08f-4109-8486-000000000000";
    [
        Case {
            name: "a single-valued PATCH",
            requests: message(
                ["Guides", "Tour Guides"]
                    .map(|name| json!({"op": "replace", "path": "displayName", "value": name})),
            ),
            by_hand: |group, operation| group["displayName"] = operation["value"].clone(),
        },
        Case {
            name: "a membership PATCH",
            requests: message([
                json!({"op": "add", "path": "members", "value": [{"value": stranger}]}),
                json!({"op": "remove", "path": format!("members[value eq \"{stranger}\"]")}),
            ]),
            by_hand: |group, operation| {
                let Some(members) = group["members"].as_array_mut() else {
                    return;
                };
                for added in operation["value"].as_array().into_iter().flatten() {
                    if members.iter().all(|member| member["value"] != added["value"]) {
                        members.push(added.clone());
                    }
                }
                let path = operation["path"].as_str().unwrap_or_default();
                if let Some(id) = path
                    .strip_prefix("members[value eq \"")
                    .and_then(|rest| rest.strip_suffix("\"]"))
                {
                    members.retain(|member| member["value"] != id);
                }
            },
        },
    ]
}

//! A filter is asked of what GET shows, on every store and below every base URL (RFC 7644 section 3.4.2.2).

use keyfob_filter::Filter;
use keyfob_provisioning::Profile;
use keyfob_testgen::{Kind, filter_matches};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::{Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// What filters speak of: paths, operators and what stands for a value; `@` is an address, `%` a version.
const TERMS: &[&str] = &[
    "meta.location OP @",
    "meta.version OP %",
    "meta[location OP @]",
    "meta[version OP % and resourceType eq \"User\"]",
    "meta.resourceType eq \"Group\"",
    "groups.$ref OP @",
    "groups[$ref OP @]",
    "groups[$ref OP @ and display pr]",
    "groups.$ref pr",
    "members.$ref OP @",
    "members[$ref OP @]",
    "members[$ref OP @ and type eq \"User\"]",
    "not (members[$ref OP @])",
    "members.$ref pr",
    "emails.primary eq false",
    "emails[type eq \"work\" and primary ne true]",
    "emails.value ne \"w@example.com\"",
    "not (userName pr)",
    "userName eq \"u1\" or members.$ref OP @",
    "displayName eq \"inner\" or groups.$ref OP @",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.$ref OP @",
];

#[tokio::test]
async fn what_get_shows_can_be_filtered_by() {
    check(Backend::Memory, "https://scim.example.com/scim/v2").await;
    check(Backend::Sqlite, "http://localhost:8080/scim/v2").await;
}

async fn check(backend: Backend, public_url: &str) {
    let server = Server::start_with(backend, Profile::rfc(), |builder| {
        builder.public_url(public_url.parse().unwrap())
    })
    .await;
    let first = server
        .create(
            "/Users",
            &json!({"schemas": [USER], "userName": "u1", "emails": [
                {"value": "w@example.com", "type": "work"}, {"value": "h@example.com", "type": "home", "primary": true}]}),
        )
        .await;
    let second = server
        .create(
            "/Users",
            &json!({"schemas": [USER, ENTERPRISE], "userName": "u2",
                ENTERPRISE: {
                    "manager": {"value": first, "$ref": format!("{public_url}/Users/{first}")}}}),
        )
        .await;
    let member = |id: &str| json!({"value": id});
    let inner = server
        .create(
            "/Groups",
            &json!({"schemas": [GROUP], "displayName": "inner", "members": [member(&first)]}),
        )
        .await;
    server
        .create(
            "/Groups",
            &json!({"schemas": [GROUP], "displayName": "outer", "members": [member(&inner), member(&second)]}),
        )
        .await;
    server
        .create("/Groups", &json!({"schemas": [GROUP], "displayName": "empty"}))
        .await;

    let shown = server.send("POST", "/.search", Some(&search(None))).await.json();
    let shown = shown["Resources"].as_array().unwrap().clone();
    assert_eq!(shown.len(), 5);
    let mut values = vec![json!("/Users"), json!(public_url), json!(first)];
    values.extend([0, 2].map(|index| shown[index]["meta"]["location"].clone()));
    let versions = [json!("W/\"1\""), json!("1"), shown[0]["meta"]["version"].clone()];
    let operators = ["eq", "ne", "co", "sw", "ew", "gt"];
    for term in TERMS {
        if !term.contains("OP") {
            check_filter(&server, &shown, term).await;
            continue;
        }
        let values = if term.contains('%') {
            &versions[..]
        } else {
            &values[..]
        };
        for operator in operators {
            for value in values {
                let text = term
                    .replace("OP", operator)
                    .replace(['@', '%'], &value.to_string());
                check_filter(&server, &shown, &text).await;
            }
        }
    }
}

/// Checks that a search finds those of whom the filter holds as they are shown.
async fn check_filter(server: &Server, shown: &[Value], text: &str) {
    let filter = Filter::parse(text).unwrap();
    let matching = |kind: Option<Kind>| -> Vec<&Value> {
        let matching = shown.iter().filter(|resource| {
            let own = kind_of(resource);
            kind.is_none_or(|kind| kind == own) && filter_matches(&filter, resource, own.resource_type())
        });
        matching.map(|resource| &resource["id"]).collect()
    };
    let answer = server.send("POST", "/.search", Some(&search(Some(text)))).await;
    assert_eq!(answer.status, 200, "{text}: {answer}");
    assert_eq!(ids(&answer.json()), matching(None), "{text}");
    let query = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    for (endpoint, kind) in [("/Users", Kind::User), ("/Groups", Kind::Group)] {
        let answer = server
            .send("GET", &format!("{endpoint}?filter={query}"), None)
            .await;
        // One type alone doesn't know the attributes of the other.
        if answer.status == 200 {
            assert_eq!(ids(&answer.json()), matching(Some(kind)), "{endpoint} {text}");
        } else {
            answer.assert_error(400, Some("invalidFilter"));
        }
    }
}

fn search(filter: Option<&str>) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter, "count": 100})
}

fn ids(list: &Value) -> Vec<&Value> {
    let resources = list["Resources"].as_array().into_iter().flatten();
    resources.map(|resource| &resource["id"]).collect()
}

fn kind_of(resource: &Value) -> Kind {
    if resource["meta"]["resourceType"] == "User" {
        Kind::User
    } else {
        Kind::Group
    }
}

//! What providers do when they are set up, and what each of their requests comes to in the profiles of door systems.

use keyfob_core::Dialect;
use keyfob_engine::{Actor, Context};
use keyfob_provisioning::{Profile, UserState};
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A service of which the organization has the domain `example.com` and a default unit.
async fn start(backend: Backend, profile: Profile) -> (Server, Context) {
    let server = Server::start_with(backend, profile, |builder| builder.tenants_at("/organizations")).await;
    let organization = server.engine.admin().organization("default").await.unwrap();
    let cx = Context::new(organization.tenant).acting_as(Actor::Administrator);
    server
        .engine
        .admin()
        .add_domain(&cx, "example.com")
        .await
        .unwrap();
    server
        .engine
        .admin()
        .set_default_unit(&cx, Some("unit"))
        .await
        .unwrap();
    (server, cx)
}

fn user(name: &str) -> Value {
    json!({
        "schemas": [USER],
        "userName": format!("{name}@example.com"),
        "name": {"givenName": "Ann", "familyName": "Lee"},
        "emails": [{"value": format!("{name}@example.com"), "type": "work", "primary": true}],
        "active": true,
    })
}

fn patch(operation: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": [operation]})
}

#[track_caller]
fn assert_list(answer: &Answer, total: usize) {
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.header("content-type"), Some("application/scim+json"));
    let body = answer.json();
    assert_eq!(body["schemas"], json!([LIST]));
    assert_eq!(body["totalResults"], json!(total));
    assert!(
        body["Resources"].is_array(),
        "Okta wants `Resources` even if there are none: {answer}"
    );
}

/// The PATCH by which a provider says whether a user is active.
fn activation(dialect: &str, active: bool) -> Value {
    match dialect {
        "entra" => {
            let text = if active { "True" } else { "False" };
            patch(&json!({"op": "Replace", "path": "active", "value": text}))
        }
        "okta" => patch(&json!({"op": "replace", "value": {"active": active}})),
        _ => patch(&json!({"op": "replace", "path": "active", "value": active})),
    }
}

/// The PATCH by which a provider puts a member into a group or takes it out.
fn membership(dialect: &str, joins: bool, id: &str) -> Value {
    match (dialect, joins) {
        ("entra", true) => patch(&json!({"op": "Add", "path": "members", "value": [{"value": id}]})),
        ("entra", false) => patch(&json!({"op": "Remove", "path": "members", "value": [{"value": id}]})),
        (_, true) => patch(&json!({"op": "add", "path": "members", "value": [{"value": id}]})),
        (_, false) => patch(&json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")})),
    }
}

#[tokio::test]
async fn op_1_every_operation_does_in_every_profile_and_dialect_what_its_table_says() {
    let profiles = [("verkada", Profile::verkada()), ("accessiq", Profile::accessiq())];
    let dialects = [
        ("interop", Dialect::interop()),
        ("entra", Dialect::entra()),
        ("okta", Dialect::okta()),
    ];
    for backend in Backend::ALL {
        for (profile_name, profile) in &profiles {
            for (dialect, quirks) in dialects {
                let case = format!("{backend:?} {profile_name} {dialect}");
                let mut profile = profile.clone();
                profile.protocol.dialect = quirks;
                let (server, cx) = start(backend, profile).await;
                operations(&server, &cx, dialect, *profile_name == "verkada", &case).await;
            }
        }
    }
}

async fn operations(server: &Server, cx: &Context, dialect: &str, is_verkada: bool, case: &str) {
    let state = async || {
        server
            .engine
            .admin()
            .user(cx, "ann@example.com")
            .await
            .map(|user| user.state)
    };
    // POST /Users
    let ann = server.create("/Users", &user("ann")).await;
    let view = server.engine.admin().user(cx, "ann@example.com").await.unwrap();
    assert!(view.is_managed, "{case}");
    let created_as = if is_verkada {
        UserState::Invited
    } else {
        UserState::Active
    };
    assert_eq!(view.state, created_as, "{case}");
    let unit = view.internal.get("unit").and_then(keyfob_core::Value::as_str);
    assert_eq!(unit, (!is_verkada).then_some("unit"), "{case}");
    let foreign = json!({"schemas": [USER], "userName": "eve@evil.com", "name": {"givenName": "E", "familyName": "V"},
        "emails": [{"value": "eve@evil.com"}]});
    let refused = server.send("POST", "/Users", Some(&foreign)).await;
    refused.assert_error(400, Some("invalidValue"));
    // PUT and PATCH of attributes
    let path = format!("/Users/{ann}");
    let mut whole = user("ann");
    whole["title"] = json!("Guide");
    let answer = server.send("PUT", &path, Some(&whole)).await;
    assert_eq!(
        (answer.status, &answer.json()["title"]),
        (200, &json!("Guide")),
        "{case}"
    );
    let rename = patch(&json!({"op": "replace", "path": "name.givenName", "value": "Anna"}));
    let answer = server.send("PATCH", &path, Some(&rename)).await;
    assert_eq!(
        (answer.status, &answer.json()["name"]["givenName"]),
        (200, &json!("Anna")),
        "{case}"
    );
    assert_eq!(
        answer.json()["title"],
        json!("Guide"),
        "U-5: nothing else changes: {case}"
    );
    // Groups
    let group = json!({"schemas": [GROUP], "displayName": "Guides", "members": []});
    let guides = server.create("/Groups", &group).await;
    let again = server.send("POST", "/Groups", Some(&group)).await;
    again.assert_error(409, Some("uniqueness"));
    let guides = format!("/Groups/{guides}");
    for (joins, members) in [(true, 1), (false, 0), (true, 1)] {
        let answer = server
            .send("PATCH", &guides, Some(&membership(dialect, joins, &ann)))
            .await;
        assert!(matches!(answer.status, 200 | 204), "{case}: {answer}");
        let body = server.send("GET", &guides, None).await.json();
        assert_eq!(
            body["members"].as_array().map_or(0, Vec::len),
            members,
            "G-3: {case}"
        );
    }
    let whole = json!({"schemas": [GROUP], "displayName": "Guides", "members": [{"value": ann}]});
    assert_eq!(
        server.send("PUT", &guides, Some(&whole)).await.status,
        200,
        "{case}"
    );
    // Deactivation and reactivation
    for (active, then) in [(false, UserState::Deactivated), (true, created_as)] {
        let answer = server
            .send("PATCH", &path, Some(&activation(dialect, active)))
            .await;
        assert!(matches!(answer.status, 200 | 204), "{case}: {answer}");
        let body = server.send("GET", &path, None).await.json();
        assert_eq!(body["active"], json!(active), "U-6: {case}");
        assert_eq!(body["groups"].as_array().map_or(0, Vec::len), 1, "U-6: {case}");
        assert_eq!(state().await.unwrap(), then, "{case}");
    }
    // DELETE
    assert_eq!(server.send("DELETE", &guides, None).await.status, 204, "{case}");
    server.send("GET", &guides, None).await.assert_error(404, None);
    assert_eq!(server.send("DELETE", &path, None).await.status, 204, "{case}");
    server.send("GET", &path, None).await.assert_error(404, None);
    server.send("DELETE", &path, None).await.assert_error(404, None);
    let deleted = server.engine.admin().deleted_users(cx).await.unwrap();
    assert_eq!(deleted.len(), usize::from(is_verkada), "D-9: {case}");
}

#[tokio::test]
async fn i_3_entras_test_of_the_connection_finds_nobody_and_is_content() {
    for backend in Backend::ALL {
        let (mut server, _) = start(backend, Profile::verkada()).await;
        for path in [
            "/Users?filter=userName+eq+%22b2b3c4d5-0000-4000-8000-000000000000%22",
            "/Groups?excludedAttributes=members&filter=displayName+eq+%22b2b3c4d5-0000-4000-8000-000000000000%22",
        ] {
            assert_list(&server.send("GET", path, None).await, 0);
        }
        server.token = "wrong".into();
        server.send("GET", "/Users", None).await.assert_error(401, None);
    }
}

#[tokio::test]
async fn i_4_i_5_i_8_oktas_and_googles_probes_get_whole_lists_and_their_pages() {
    for backend in Backend::ALL {
        let (server, _) = start(backend, Profile::verkada()).await;
        for path in [
            "/Users?startIndex=1&count=2",
            "/Groups?startIndex=1&count=100",
            "/Users?count=1",
        ] {
            assert_list(&server.send("GET", path, None).await, 0);
        }
        let created = server.send("POST", "/Users", Some(&user("ann"))).await;
        assert_eq!(created.status, 201);
        assert_eq!(
            created.json()["userName"],
            json!("ann@example.com"),
            "I-8: an empty body is a failure to Okta"
        );
        assert_list(
            &server.send("GET", "/Users?startIndex=1&count=100", None).await,
            1,
        );
    }
}

#[tokio::test]
async fn i_6_jumpcloud_activates_with_a_user_and_a_group_that_it_deletes_again() {
    for backend in Backend::ALL {
        let (server, _) = start(backend, Profile::verkada()).await;
        let id = server.create("/Users", &user("test")).await;
        let group = json!({"schemas": [GROUP], "displayName": "test", "members": [{"value": id}]});
        let group = server.create("/Groups", &group).await;
        assert_eq!(
            server
                .send("DELETE", &format!("/Groups/{group}"), None)
                .await
                .status,
            204
        );
        assert_eq!(
            server.send("DELETE", &format!("/Users/{id}"), None).await.status,
            204
        );
        assert_list(&server.send("GET", "/Users", None).await, 0);
        assert_list(&server.send("GET", "/Groups", None).await, 0);
    }
}

#[tokio::test]
async fn i_9_entras_operators_are_understood() {
    let (server, _) = start(Backend::Sqlite, Profile::verkada()).await;
    server.create("/Users", &user("ann")).await;
    let path = "/Users?filter=userName+eq+%22ann@example.com%22+and+active+eq+true";
    assert_list(&server.send("GET", path, None).await, 1);
}

#[tokio::test]
async fn i_7_i_12_t_11_a_provider_that_nobody_knows_works_by_the_rfc_and_unknown_parameters_count_for_nothing()
 {
    let (server, _) = start(Backend::Memory, Profile::rfc()).await;
    let ann = server.create("/Users", &user("ann")).await;
    let rename = patch(&json!({"op": "replace", "path": "displayName", "value": "Ann"}));
    let path = format!("/Users/{ann}?aadOptscim062020&AzureAdScimPatch2017=1");
    assert_eq!(server.send("PATCH", &path, Some(&rename)).await.status, 200);
    assert_list(&server.send("GET", "/Users?aadOptscim062020", None).await, 1);
    assert_eq!(server.send("DELETE", &path, None).await.status, 204);
}

#[tokio::test]
async fn i_1_the_service_is_mounted_at_any_prefix_with_a_version_and_without() {
    for prefix in ["/scim", "/scim/v2", "/a/b/scim", ""] {
        let server = Server::start_with(Backend::Memory, Profile::verkada(), |builder| {
            builder
                .base_path(prefix)
                .public_url(format!("https://door.example{prefix}").parse().unwrap())
        })
        .await;
        let request = http::Request::get(format!("{prefix}/Users"))
            .header("authorization", format!("Bearer {}", server.token))
            .body(http_body_util::Full::default())
            .unwrap();
        assert_list(&server.send_raw(request).await, 0);
    }
}

#[tokio::test]
async fn i_2_the_organization_in_the_path_and_that_of_the_token_are_one() {
    let (server, cx) = start(Backend::Memory, Profile::accessiq()).await;
    let own = format!("/organizations/{}", cx.tenant());
    let created = server
        .send("POST", &format!("{own}/Users"), Some(&user("ann")))
        .await;
    assert_eq!(created.status, 201, "{created}");
    let location = created.header("location").unwrap().to_owned();
    assert!(location.contains(&own), "{location}");
    assert_list(&server.send("GET", &format!("{own}/Users"), None).await, 1);
    assert_list(&server.send("GET", "/Users", None).await, 1);
    let foreign = "/organizations/00000000-0000-0000-0000-000000000000/Users";
    server.send("GET", foreign, None).await.assert_error(404, None);
    server
        .send("GET", "/organizations", None)
        .await
        .assert_error(404, None);
}

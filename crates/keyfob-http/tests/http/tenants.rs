//! Two organizations on one store: neither sees what the other has (RFC 7644 section 6.3).

use keyfob_provisioning::Profile;
use serde_json::json;

use crate::support::{Backend, Server, builder, organization};

#[tokio::test]
async fn a_resource_of_another_organization_is_not_found_by_any_method() {
    for backend in Backend::ALL {
        let ours = Server::start(backend, Profile::interop()).await;
        let user = ours.create_user("bjensen@example.com").await;
        let group = ours
            .create(
                "/Groups",
                &json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                    "displayName": "Guides",
                    "members": [{"value": user}],
                }),
            )
            .await;
        let before = ours.send("GET", &format!("/Users/{user}"), None).await.json();

        let theirs = Server {
            service: builder(&ours.engine).base_path("/scim/v2").build(),
            engine: ours.engine.clone(),
            token: organization(&ours.engine, "theirs").await,
            ..Server::start(Backend::Memory, Profile::interop()).await
        };
        let put = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "x"});
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "displayName", "value": "X"}],
        });
        let members = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "remove", "path": "members"}],
        });
        for (method, path, body) in [
            ("GET", format!("/Users/{user}"), None),
            ("HEAD", format!("/Users/{user}"), None),
            ("PUT", format!("/Users/{user}"), Some(&put)),
            ("PATCH", format!("/Users/{user}"), Some(&patch)),
            ("DELETE", format!("/Users/{user}"), None),
            ("GET", format!("/Groups/{group}"), None),
            ("PATCH", format!("/Groups/{group}"), Some(&members)),
            ("DELETE", format!("/Groups/{group}"), None),
        ] {
            let answer = theirs.send(method, &path, body).await;
            assert_eq!(answer.status, 404, "{method} {path}: {answer}");
        }
        let list = theirs.send("GET", "/Users", None).await.json();
        assert_eq!(list["totalResults"], 0);
        let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
        assert_eq!(
            theirs.send("POST", "/.search", Some(&search)).await.json()["totalResults"],
            0
        );

        // Their names are their own, and our resources are no members for them.
        theirs.create_user("bjensen@example.com").await;
        let strangers = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Guides",
            "members": [{"value": user}],
        });
        theirs
            .send("POST", "/Groups", Some(&strangers))
            .await
            .assert_error(400, Some("invalidValue"));

        assert_eq!(
            ours.send("GET", &format!("/Users/{user}"), None).await.json(),
            before,
            "{backend:?}"
        );
        assert_eq!(ours.send("GET", "/Users", None).await.json()["totalResults"], 1);
    }
}

//! PATCH: whole or not at all, and never a panic.

use keyfob_core::{Dialect, Registry, Resource, ToErrorBody, message::PatchRequest};
use keyfob_patch::{Applied, Plan};

const USER: &[u8] = br#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "id": "u1", "externalId": "x", "userName": "bjensen", "active": true,
    "name": {"familyName": "Jensen", "givenName": "Barbara"},
    "emails": [{"type": "work", "value": "b@example.com", "primary": true}, {"type": "home", "value": "b@jensen.org"}],
    "roles": [{"value": "guide", "primary": true}],
    "groups": [{"value": "g1"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tours", "manager": {"value": "u2"}}
}"#;
const GROUP: &[u8] = br#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    "id": "g1", "displayName": "Tour Guides", "members": [{"value": "u1", "type": "User"}, {"value": "u2"}]
}"#;

/// A request that fails leaves the resource as it was, one that says it changed nothing did not, and none changes the id.
/// What comes out is encoded and decoded like any resource.
pub fn patch_apply_total(body: &[u8]) {
    let Ok(request) = PatchRequest::from_json(body) else {
        return;
    };
    for (name, body) in [("User", USER), ("Group", GROUP)] {
        let kind = Registry::rfc().resource_type(name).unwrap();
        for dialect in [
            Dialect::strict(),
            Dialect::interop(),
            Dialect::entra(),
            Dialect::okta(),
        ] {
            let before = Resource::from_json(body, kind).unwrap();
            let plan = match Plan::compile(request.clone(), kind, dialect) {
                Ok(plan) => plan,
                Err(error) => {
                    let _ = error.to_error_body();
                    continue;
                }
            };
            let mut after = before.clone();
            match plan.apply(&mut after) {
                Ok(Applied::Changed) => {
                    assert_eq!(after.id(), before.id());
                    let decoded = Resource::from_json(&after.to_json(), kind).unwrap();
                    assert_eq!(decoded.to_json(), after.to_json());
                }
                Ok(_) => assert_eq!(after, before),
                Err(error) => {
                    assert_eq!(after, before, "{error}");
                    let _ = error.to_error_body();
                }
            }
        }
    }
}

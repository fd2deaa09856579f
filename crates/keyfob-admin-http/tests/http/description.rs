//! The description of the interface.

use keyfob_admin::{OPERATIONS, Place};
use keyfob_core::json::object_to_vec;
use serde_json::{Value, json};

/// The committed document. `KEYFOB_WRITE_OPENAPI=1 cargo test -p keyfob-admin-http` writes it.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

#[test]
fn the_committed_description_is_that_of_the_table() {
    let made: Value = serde_json::from_slice(&object_to_vec(&keyfob_admin_http::openapi())).unwrap();
    if std::env::var_os("KEYFOB_WRITE_OPENAPI").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        std::fs::write(COMMITTED, text + "\n").unwrap();
    }
    let committed: Value = serde_json::from_slice(&std::fs::read(COMMITTED).unwrap()).unwrap();
    assert!(
        made == committed,
        "write it anew: KEYFOB_WRITE_OPENAPI=1 cargo test -p keyfob-admin-http --test http"
    );
}

#[test]
fn every_operation_is_described_with_all_that_it_is_given() {
    let document: Value = serde_json::from_slice(&object_to_vec(&keyfob_admin_http::openapi())).unwrap();
    for operation in &OPERATIONS {
        let method = operation.method.as_str().to_ascii_lowercase();
        let item = &document["paths"][operation.path][&method];
        assert_eq!(item["operationId"], json!(operation.name));
        for parameter in operation.parameters {
            let described = if parameter.place == Place::Body {
                let schema = &item["requestBody"]["content"]["application/json"]["schema"];
                schema["properties"][parameter.name].is_object()
            } else {
                let parameters = item["parameters"].as_array().unwrap();
                parameters
                    .iter()
                    .any(|described| described["name"] == json!(parameter.name))
            };
            assert!(described, "{} of {}", parameter.name, operation.name);
        }
    }
    // No reference leads nowhere.
    let text = document.to_string();
    for rest in text.split("#/components/schemas/").skip(1) {
        let name = rest.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

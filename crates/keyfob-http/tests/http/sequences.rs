//! Sequences of requests of any bytes, by the property of the fuzz target `http_total`.

use std::{fs, path::Path};

use proptest::{collection::vec, option, prelude::*, sample::select};

#[path = "../../../../fuzz/src/http.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

#[test]
fn the_seeds_of_the_target_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/http_total");
    let seeds: Vec<_> = fs::read_dir(directory).unwrap().collect();
    assert!(seeds.len() > 5);
    for seed in seeds {
        properties::http_total(&fs::read(seed.unwrap().path()).unwrap());
    }
}

/// A request of parts that mean something, in any combination.
fn request() -> impl Strategy<Value = String> {
    let method = select(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]);
    let path = select(&[
        "/Users",
        "/Users/$1",
        "/Users/$2",
        "/Groups",
        "/Groups/$2",
        "/Groups/$3",
        "/.search",
        "/Users/.search",
        "/Bulk",
        "/Me",
        "/Schemas",
        "/ResourceTypes/User",
        "/ServiceProviderConfig",
        "/openapi.json",
        "/",
        "/Nothing",
        "/Users/%ff",
    ]);
    let query = select(&[
        "filter=userName%20pr",
        "filter=groups.value%20pr",
        "filter=(",
        "attributes=userName",
        "excludedAttributes=members",
        "sortBy=userName&sortOrder=descending",
        "cursor&count=1",
        "cursor=AAAA",
        "count=0",
        "startIndex=2",
        "colour=blue",
    ]);
    let header = select(&[
        "if-match: *",
        "if-match: W/\"1\"",
        "if-none-match: *",
        "if-match: nonsense",
        "accept: application/json",
        "content-type: text/plain",
    ]);
    let body = select(&[
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a"}"#,
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"b","active":false}"#,
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g","members":[{"value":"$1"}]}"#,
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"h","members":[{"value":"$2"},{"value":"$3"}]}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"$1"}]}]}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"title":"t","active":"False"}}]}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"id eq \"$1\"","count":1}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"PATCH","path":"/Users/$1","data":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"x"}]}},{"method":"DELETE","path":"/Groups/$2"}]}"#,
        "{}",
        "[",
        "",
    ]);
    let parts = (
        method,
        path,
        option::weighted(0.3, query),
        option::weighted(0.2, header),
        body,
    );
    parts.prop_map(|(method, path, query, header, body)| {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let header = header.map(|header| format!("\n{header}")).unwrap_or_default();
        format!("{method} /scim/v2{path}{query}{header}\n\n{body}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_bytes_are_a_request_that_fails(bytes in vec(any::<u8>(), 0..200)) {
        properties::http_total(&bytes);
        properties::http_total(&[b"POST /scim/v2/Users\n\n", bytes.as_slice()].concat());
    }

    #[test]
    fn no_sequence_of_requests_fails(requests in vec(request(), 1..24)) {
        properties::http_total(requests.join("\n%\n").as_bytes());
    }
}

//! Bulk requests: split to the limits, with references that still lead where they led.

use keyfob_client::{Client, Error};
use keyfob_core::{
    Object, Value,
    message::{BulkMethod, BulkOperation, BulkRequest},
};
use serde_json::{Value as Json, json};

use crate::script::{Answered, Script, broken, scim};

/// A server that creates whatever it is sent, and takes so many operations at once.
fn creating(most: usize) -> Script {
    Script::of(move |request| {
        let body: Json = serde_json::from_slice(request.body()).unwrap();
        let operations = body["Operations"].as_array().unwrap();
        assert!(operations.len() <= most, "{} operations", operations.len());
        let results: Vec<Json> = operations
            .iter()
            .map(|operation| {
                let mut result = json!({"method": operation["method"], "status": "201"});
                if let Some(bulk_id) = operation["bulkId"].as_str() {
                    result["bulkId"] = bulk_id.into();
                    result["location"] = format!("https://app.example/scim/v2/Users/id-{bulk_id}").into();
                }
                result
            })
            .collect();
        answer(&results)
    })
}

fn answer(results: &[Json]) -> Answered {
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": results});
    scim(200, &body.to_string())
}

fn client(script: &Script, operations: u64, bytes: u64) -> Client<Script> {
    let client = script.client();
    let mut target = client.target().clone().given("bulk", true).unwrap();
    target.capabilities.bulk_limits.value.max_operations = Some(operations);
    target.capabilities.bulk_limits.value.max_payload_size = Some(bytes);
    client.with(target)
}

fn create(bulk_id: &str, refers_to: Option<&str>) -> BulkOperation {
    let mut operation = BulkOperation::new(BulkMethod::Post, "/Users");
    operation.bulk_id = Some(bulk_id.into());
    let mut data = Object::new();
    data.insert("userName", bulk_id);
    if let Some(other) = refers_to {
        let mut manager = Object::new();
        manager.insert("value", format!("bulkId:{other}").as_str());
        data.insert("manager", Value::Array(vec![manager.into()]));
    }
    operation.data = Some(data);
    operation
}

fn request(operations: Vec<BulkOperation>) -> BulkRequest {
    let mut request = BulkRequest::new();
    request.operations = operations;
    request
}

/// The `bulkId`s of each request, and the references that were sent.
fn sent(script: &Script) -> (Vec<Vec<String>>, Vec<String>) {
    let mut references = Vec::new();
    let requests = script.log.lock().unwrap();
    let ids = requests.iter().map(|request| {
        let body: Json = serde_json::from_slice(request.body()).unwrap();
        let operations = body["Operations"].as_array().unwrap();
        let ids = operations.iter().map(|operation| {
            references.extend(
                operation["data"]["manager"][0]["value"]
                    .as_str()
                    .map(str::to_owned),
            );
            operation["bulkId"].as_str().unwrap().to_owned()
        });
        ids.collect()
    });
    (ids.collect(), references)
}

#[tokio::test]
async fn operations_beyond_the_limit_go_into_further_requests_and_references_become_ids() {
    let script = creating(2);
    let operations = vec![
        create("a", None),
        create("b", Some("a")),
        create("c", Some("a")),
        create("d", None),
    ];
    let response = client(&script, 2, 10_000)
        .bulk(request(operations))
        .await
        .unwrap();
    assert_eq!(response.results.len(), 4);
    let (ids, references) = sent(&script);
    assert_eq!(ids, [["a", "b"], ["c", "d"]]);
    assert_eq!(references, ["bulkId:a", "id-a"]);
}

#[tokio::test]
async fn operations_that_refer_forward_stay_together() {
    let script = creating(3);
    let operations = vec![
        create("a", None),
        create("b", None),
        create("c", Some("d")),
        create("d", Some("c")),
    ];
    client(&script, 3, 10_000)
        .bulk(request(operations))
        .await
        .unwrap();
    assert_eq!(sent(&script).0, [vec!["a", "b"], vec!["c", "d"]]);
    let circle = vec![
        create("a", Some("d")),
        create("b", None),
        create("c", None),
        create("d", None),
    ];
    let refused = client(&script, 3, 10_000)
        .bulk(request(circle))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("4 operations of"), "{refused}");
    assert_eq!(script.asked().len(), 2, "nothing of it is sent");
}

#[tokio::test]
async fn a_request_is_no_larger_than_the_server_takes() {
    let script = creating(usize::MAX);
    let operations: Vec<_> = (0..100).map(|number| create(&number.to_string(), None)).collect();
    client(&script, 1_000, 1_024)
        .bulk(request(operations))
        .await
        .unwrap();
    let log = script.log.lock().unwrap();
    assert!(log.len() > 5);
    assert!(log.iter().all(|request| request.body().len() <= 1_024));
}

#[tokio::test]
async fn errors_are_counted_over_all_requests() {
    let script = Script::of(|request| {
        let body: Json = serde_json::from_slice(request.body()).unwrap();
        let count = body["Operations"].as_array().unwrap().len();
        let failed = json!({"method": "POST", "status": "400"});
        answer(&vec![
            failed;
            count.min(
                usize::try_from(body["failOnErrors"].as_u64().unwrap()).unwrap()
            )
        ])
    });
    let mut request = request((0..9).map(|number| create(&number.to_string(), None)).collect());
    request.fail_on_errors = Some(3);
    let response = client(&script, 2, 10_000).bulk(request).await.unwrap();
    assert_eq!(response.results.len(), 3);
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_not_asked_for_again() {
    let script = Script::new([broken()]);
    let found = client(&script, 2, 10_000)
        .bulk(request(vec![create("a", None)]))
        .await
        .unwrap_err();
    assert!(matches!(found, Error::Ambiguous { .. }), "{found}");
    assert_eq!(script.asked(), ["POST /Bulk"]);
    let script = Script::new([
        answer(&[
            json!({"method": "POST", "status": "201"}),
            json!({"method": "POST", "status": "201"}),
        ]),
        broken(),
    ]);
    let operations = vec![create("a", None), create("b", None), create("c", None)];
    let found = client(&script, 2, 10_000)
        .bulk(request(operations))
        .await
        .unwrap_err();
    assert!(matches!(found, Error::Partial { done: 1, of: 2, .. }), "{found}");
}

#[tokio::test]
async fn a_server_that_does_not_say_that_it_takes_them_gets_none() {
    let script = Script::new([]);
    let found = script
        .client()
        .bulk(request(vec![create("a", None)]))
        .await
        .unwrap_err();
    assert!(matches!(found, Error::Unsupported(_)), "{found}");
    assert_eq!(script.asked().len(), 0);
}

//! Whatever a server answers, every operation comes to an end, and none panics.

use bytes::Bytes;
use keyfob_client::{Client, Error, Exchange, Patch, Retry, Step, TransportError};
use keyfob_core::{
    ResourceId,
    message::{BulkMethod, BulkOperation, BulkRequest},
    view::{Group, User},
};
use proptest::prelude::*;

/// No operation here takes more steps, whatever comes.
const STEPS: usize = 2_000;

/// Drives an operation with these answers in a circle.
fn ends<T>(mut exchange: Exchange<T>, answers: &[Option<http::Response<Bytes>>]) -> Result<T, Error> {
    let mut answers = answers.iter().cycle();
    for _ in 0..STEPS {
        match exchange.next() {
            Step::Send(_) => exchange.answer(match answers.next().unwrap() {
                Some(response) => Ok(response.clone()),
                None => Err(TransportError::interrupted("the connection broke")),
            }),
            Step::Wait(_) => {}
            Step::Done(result) => return result,
        }
    }
    panic!("the operation does not come to an end");
}

fn body() -> impl Strategy<Value = String> {
    let resource = prop_oneof![
        Just(r#"{"id": "1", "userName": "a", "displayName": "a"}"#.to_owned()),
        Just(r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "2", "members": [{"value": "1"}]}"#.to_owned()),
        Just(r#"{"id": "..", "name": "User", "endpoint": "/Users", "schema": "urn:ietf:params:scim:schemas:core:2.0:User"}"#.to_owned()),
        Just(r#"{"id": "urn:a:b", "attributes": [{"name": "members", "type": "complex", "multiValued": true}]}"#.to_owned()),
        Just("{}".to_owned()),
        Just("7".to_owned()),
    ];
    let number = prop_oneof![
        Just("0"),
        Just("1"),
        Just("3"),
        Just("-1"),
        Just("1e9"),
        Just("\"2\""),
        Just("9223372036854775807")
    ];
    let list = (number, proptest::collection::vec(resource.clone(), 0..4), any::<bool>()).prop_map(|(total, resources, next)| {
        let next = if next { r#""nextCursor": "n", "# } else { "" };
        format!(r#"{{{next}"totalResults": {total}, "Resources": [{}], "Operations": [{{"status": "201", "bulkId": "a", "location": "/"}}]}}"#, resources.join(","))
    });
    prop_oneof![
        4 => list,
        2 => resource,
        1 => Just(String::new()),
        1 => Just("<html>".to_owned()),
        1 => Just(r#"{"status": "400", "scimType": "expiredCursor"}"#.to_owned()),
        1 => r#"[\[\]{}",:a-z0-9 ]{0,40}"#,
        1 => "\\PC{0,20}",
    ]
}

fn answer() -> impl Strategy<Value = Option<http::Response<Bytes>>> {
    let status = prop_oneof![
        6 => Just(200u16), 2 => Just(201), 1 => Just(204), 1 => Just(301), 1 => Just(307), 1 => Just(400), 1 => Just(404),
        1 => Just(409), 1 => Just(412), 1 => Just(429), 1 => Just(500), 1 => Just(503),
    ];
    let media_type = prop_oneof![4 => Just("application/scim+json"), 1 => Just("text/html"), 1 => Just(""), 1 => Just("\u{7f}")];
    let header = prop_oneof![
        4 => Just(("x", "y")), 1 => Just(("retry-after", "1")), 1 => Just(("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")),
        1 => Just(("location", "/scim/v2/Users/1")), 1 => Just(("location", "/Users/..")), 1 => Just(("etag", "W/\"1\"")),
    ];
    let response =
        (status, media_type, header, body()).prop_map(|(status, media_type, (name, value), body)| {
            let mut response = http::Response::builder().status(status).header(name, value);
            if let Ok(value) = http::HeaderValue::from_str(media_type) {
                response = response.header("content-type", value);
            }
            Some(response.body(Bytes::from(body)).unwrap())
        });
    prop_oneof![8 => response, 1 => Just(None)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_operation_ends_whatever_the_server_answers(answers in proptest::collection::vec(answer(), 1..6)) {
        let retry = Retry { budget: 40, ..Retry::default() };
        let client = Client::builder("https://app.example/scim/v2").unwrap().bearer("secret-token").retry(retry).max_pages(50).build().unwrap();
        let client = match ends(client.discover().into_exchange(), &answers) {
            Ok(target) => client.with(target.given("bulk", true).unwrap()),
            Err(_) => client,
        };
        let (users, groups, id) = (client.of::<User>(), client.of::<Group>(), ResourceId::new("1"));
        ends(users.get(&id).into_exchange(), &answers).ok();
        ends(users.find("userName eq \"a\"").into_exchange(), &answers).ok();
        ends(users.list().all().into_exchange(), &answers).ok();
        ends(users.search().filter("userName eq \"a\"").all().into_exchange(), &answers).ok();
        ends(client.search().all().into_exchange(), &answers).ok();
        ends(users.create(&User::new("a")).into_exchange(), &answers).ok();
        ends(users.replace(&id, &User::new("a")).into_exchange(), &answers).ok();
        ends(users.patch(&id, Patch::new().replace("title", "b")).into_exchange(), &answers).ok();
        ends(groups.members(&id).set([ResourceId::new("2")]).into_exchange(), &answers).ok();
        ends(users.delete(&id).into_exchange(), &answers).ok();
        let mut request = BulkRequest::new();
        request.operations.push(BulkOperation::new(BulkMethod::Delete, "/Users/1"));
        ends(client.bulk(request).into_exchange(), &answers).ok();
    }
}

#[test]
fn an_exchange_that_is_driven_wrongly_ends_too() {
    let client = Client::builder("https://app.example")
        .unwrap()
        .retry(Retry::never())
        .build()
        .unwrap();
    let mut exchange = client.of::<User>().get(&ResourceId::new("1")).into_exchange();
    exchange.answer(Ok(http::Response::new(Bytes::new())));
    assert!(matches!(exchange.next(), Step::Send(_)));
    let Step::Done(Err(unanswered)) = exchange.next() else {
        panic!("nothing was answered")
    };
    assert!(matches!(unanswered, Error::Transport(_)), "{unanswered}");
    assert!(matches!(exchange.next(), Step::Done(Err(Error::Finished))));
}

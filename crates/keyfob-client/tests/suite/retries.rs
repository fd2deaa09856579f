//! When a request is sent again, and when that would do harm.

use keyfob_client::{Error, Patch, Random, Retry, TransportError};
use keyfob_core::{
    ResourceId,
    view::{Group, User},
};

use crate::script::{Answered, Script, broken, error, list, response, scim, user, with};

fn throttled(header: &'static str) -> Answered {
    with("retry-after", header, scim(429, &error(429, "")))
}

fn id() -> ResourceId {
    ResourceId::new("1")
}

#[tokio::test]
async fn a_server_that_says_when_is_asked_again_then() {
    let dated = with(
        "date",
        "Sun, 29 Nov 2026 12:00:00 GMT",
        throttled("Sun, 29 Nov 2026 12:01:30 GMT"),
    );
    let unavailable = with("retry-after", "7", Ok(response(503, "text/html", "<html>")));
    let script = Script::new([throttled("3"), dated, unavailable, scim(201, &user("1", "a"))]);
    script
        .client()
        .of::<User>()
        .create(&User::new("a"))
        .await
        .unwrap();
    assert_eq!(script.waited(), [3, 90, 7]);
    assert_eq!(
        script.asked(),
        ["POST /Users"; 4],
        "what was refused is sent again without a look"
    );
}

#[tokio::test]
async fn a_server_that_wants_too_long_a_wait_is_not_waited_for() {
    let script = Script::of(|_| throttled("601"));
    let found = script.client().of::<User>().get(&id()).await.unwrap_err();
    assert!(
        matches!(
            found,
            Error::Status {
                status: 429,
                retry_after: Some(_),
                ..
            }
        ),
        "{found:?}"
    );
    assert_eq!(script.waited(), [0; 0]);
}

struct Most;

impl Random for Most {
    fn next(&self) -> u64 {
        // The remainder by every bound + 1 of the waits is the bound.
        499
    }
}

#[tokio::test]
async fn five_attempts_are_made_and_the_last_failure_is_told() {
    for answer in [
        || broken(),
        || Ok(response(502, "text/plain", "error code: 502")),
        || Err(TransportError::timed_out("late")),
    ] {
        let script = Script::of(move |_| answer());
        let client = script
            .builder()
            .retry(Retry::default())
            .random(Most)
            .build()
            .unwrap();
        let found = client.of::<User>().get(&id()).await.unwrap_err();
        assert!(matches!(found, Error::GaveUp { attempts: 5, .. }), "{found:?}");
        assert_eq!(script.asked().len(), 5);
        assert_eq!(script.waits.lock().unwrap().len(), 4);
        assert!(
            script
                .waits
                .lock()
                .unwrap()
                .iter()
                .all(|wait| wait.as_millis() == 499)
        );
    }
}

#[tokio::test]
async fn what_a_repetition_can_not_mend_is_asked_once() {
    for status in [400, 401, 403, 404, 405, 409, 412, 413, 500, 501] {
        let script = Script::of(move |_| scim(status, &error(status, "")));
        let found = script.client().of::<User>().get(&id()).await.unwrap_err();
        assert_eq!(found.status(), Some(status));
        assert_eq!(script.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_budget_is_shared_by_all_calls_of_a_client() {
    let script = Script::of(|_| broken());
    let client = script
        .builder()
        .retry(Retry {
            budget: 6,
            ..Retry::default()
        })
        .build()
        .unwrap();
    for _ in 0..10 {
        client.of::<User>().get(&id()).await.unwrap_err();
    }
    assert_eq!(script.asked().len(), 10 + 6);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_asked_for_again() {
    let script = Script::new([scim(200, r#"{"id": "1", "userNa"#), scim(200, &user("1", "a"))]);
    let stored = script.client().of::<User>().get(&id()).await.unwrap();
    assert_eq!(stored.resource.user_name.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_creation_whose_fate_is_unknown_is_looked_up_before_it_is_sent_again() {
    for lost in [
        broken,
        || scim(500, &error(500, "")),
        || Ok(response(502, "", "")),
        || Ok(response(503, "", "")),
    ] {
        // It arrived.
        let script = Script::new([lost(), scim(200, &list(1, &[user("1", "a")]))]);
        let stored = script
            .client()
            .of::<User>()
            .create(&User::new("A"))
            .await
            .unwrap();
        assert_eq!(stored.id, id());
        assert_eq!(
            script.asked(),
            ["POST /Users", "GET /Users?filter=userName%20eq%20%22A%22&count=2"]
        );
    }
    // It did not arrive.
    let script = Script::new([broken(), scim(200, &list(0, &[])), scim(201, &user("1", "a"))]);
    script
        .client()
        .of::<User>()
        .create(&User::new("a"))
        .await
        .unwrap();
    assert_eq!(script.asked().len(), 3);
    // A 500 is told, once it is known that nothing was created.
    let script = Script::new([scim(500, &error(500, "")), scim(200, &list(0, &[]))]);
    let found = script
        .client()
        .of::<User>()
        .create(&User::new("a"))
        .await
        .unwrap_err();
    assert!(matches!(found, Error::Status { status: 500, .. }), "{found:?}");
}

#[tokio::test]
async fn a_creation_that_never_left_is_sent_again_without_a_look() {
    let script = Script::new([
        Err(TransportError::not_sent("refused")),
        scim(201, &user("1", "a")),
    ]);
    script
        .client()
        .of::<User>()
        .create(&User::new("a"))
        .await
        .unwrap();
    assert_eq!(script.asked(), ["POST /Users", "POST /Users"]);
}

#[tokio::test]
async fn what_a_look_up_finds_is_taken_only_if_it_is_what_was_sent() {
    let mut sent = User::new("a");
    sent.title = Some("Lead".into());
    // Somebody else's user of the same name, which the first request may have been refused for.
    let script = Script::new([broken(), scim(200, &list(1, &[user("7", "a")]))]);
    let found = script.client().of::<User>().create(&sent).await.unwrap_err();
    assert_eq!(
        found.to_string(),
        "whether the server carried out the request is unknown: an earlier answer was lost; it may be `7`"
            .replace(
                "an earlier answer was lost",
                "the answer can't be read: an earlier answer was lost"
            )
    );
    // A conflict is with what the first request created.
    let mine = user("1", "a").replace("\"id\"", "\"title\": \"Lead\", \"id\"");
    let script = Script::new([
        broken(),
        scim(200, &list(0, &[])),
        scim(409, &error(409, "uniqueness")),
        scim(200, &list(1, &[mine])),
    ]);
    assert_eq!(script.client().of::<User>().create(&sent).await.unwrap().id, id());
    // A conflict of the first request is one.
    let script = Script::new([scim(409, &error(409, "uniqueness"))]);
    assert!(
        script
            .client()
            .of::<User>()
            .create(&sent)
            .await
            .unwrap_err()
            .is_conflict()
    );
}

#[tokio::test]
async fn a_creation_that_can_not_be_looked_up_is_not_sent_again() {
    let script = Script::new([broken()]);
    let client = script.client();
    let client = client.with(client.target().clone().given("filter", "none").unwrap());
    let found = client
        .of::<Group>()
        .create(&Group::new("Guides"))
        .await
        .unwrap_err();
    assert!(
        matches!(&found, Error::Ambiguous { found, .. } if found.is_empty()),
        "{found:?}"
    );
    assert_eq!(script.asked(), ["POST /Groups"]);
}

#[tokio::test]
async fn a_creation_is_found_by_the_attribute_that_the_caller_names() {
    let mut user = User::new("a");
    user.external_id = Some(keyfob_core::ExternalId::new("17"));
    let script = Script::new([
        broken(),
        scim(200, &list(0, &[])),
        scim(201, &crate::script::user("1", "a")),
    ]);
    script
        .client()
        .of::<User>()
        .identified_by("externalId")
        .create(&user)
        .await
        .unwrap();
    assert_eq!(
        script.asked()[1],
        "GET /Users?filter=externalId%20eq%20%2217%22&count=2"
    );
}

#[tokio::test]
async fn the_id_of_a_creation_without_a_readable_body_is_taken_from_its_address() {
    for body in ["", "{\"id\": \"1\", \"user"] {
        let created = with(
            "location",
            "https://elsewhere.example/x/Users/a%2Fb",
            scim(201, body),
        );
        let script = Script::new([created, scim(200, &user("a/b", "a"))]);
        script
            .client()
            .of::<User>()
            .create(&User::new("a"))
            .await
            .unwrap();
        assert_eq!(script.asked(), ["POST /Users", "GET /Users/a%2Fb"]);
        assert_eq!(script.log.lock().unwrap()[1].uri().host(), Some("app.example"));
    }
    // Without an address it is looked up.
    let script = Script::new([scim(201, ""), scim(200, &list(1, &[user("1", "a")]))]);
    assert_eq!(
        script
            .client()
            .of::<User>()
            .create(&User::new("a"))
            .await
            .unwrap()
            .id,
        id()
    );
}

#[tokio::test]
async fn a_deletion_that_finds_nothing_when_it_is_repeated_is_done() {
    let script = Script::new([broken(), scim(404, &error(404, ""))]);
    script.client().of::<User>().delete(&id()).await.unwrap();
    let script = Script::new([broken(), Ok(response(404, "text/html", "<html>"))]);
    let found = script.client().of::<User>().delete(&id()).await.unwrap_err();
    assert!(matches!(found, Error::Ambiguous { .. }), "{found:?}");
    let script = Script::new([scim(404, &error(404, ""))]);
    assert!(
        script
            .client()
            .of::<User>()
            .delete(&id())
            .await
            .unwrap_err()
            .is_gone()
    );
}

#[tokio::test]
async fn a_change_that_is_refused_when_it_is_repeated_is_looked_at() {
    let lead = user("1", "a").replace("\"id\"", "\"title\": \"Lead\", \"id\"");
    let patch = || Patch::new().replace("title", "Lead");
    // The first attempt took effect, so that the version moved on.
    let script = Script::new([broken(), scim(412, &error(412, "")), scim(200, &lead)]);
    script
        .client()
        .of::<User>()
        .patch(&id(), patch())
        .if_match("W/\"1\"")
        .await
        .unwrap();
    assert_eq!(
        script.asked(),
        ["PATCH /Users/1", "PATCH /Users/1", "GET /Users/1"]
    );
    // It did not: somebody else's change moved it on.
    let script = Script::new([broken(), scim(412, &error(412, "")), scim(200, &user("1", "a"))]);
    let found = script
        .client()
        .of::<User>()
        .patch(&id(), patch())
        .if_match("W/\"1\"")
        .await
        .unwrap_err();
    assert_eq!(found.status(), Some(412));
    // The same with PUT.
    let mut whole = User::new("a");
    whole.title = Some("Lead".into());
    let script = Script::new([broken(), scim(412, &error(412, "")), scim(200, &lead)]);
    script
        .client()
        .of::<User>()
        .replace(&id(), &whole)
        .if_match("W/\"1\"")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_whose_fate_stays_unknown_is_told_as_such() {
    let script = Script::of(|_| broken());
    let client = script.client();
    let users = client.of::<User>();
    for found in [
        users
            .patch(&id(), Patch::new().remove("title"))
            .await
            .unwrap_err(),
        users.replace(&id(), &User::new("a")).await.unwrap_err(),
        users.delete(&id()).await.unwrap_err(),
        users.create(&User::new("a")).await.unwrap_err(),
    ] {
        assert!(matches!(found, Error::Ambiguous { .. }), "{found:?}");
    }
}

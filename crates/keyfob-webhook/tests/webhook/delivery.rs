//! What a receiver gets, and when.

use std::time::Duration;

use keyfob_core::DateTime;
use keyfob_store::{Feeds as _, Position, Retention};
use keyfob_store_memory::MemoryStore;
use keyfob_webhook::{DeadLetter, Paused, Secret, Webhook};
use pollster::block_on;

use crate::fixture::{Arrival, Fate, World, administrator, in_memory, tenant};

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn each_event_is_delivered_once_signed_and_without_anything_personal() {
    block_on(async {
        let world = in_memory();
        world.create("acme", "before").await;
        let (_, secret) = world.webhook("a.example", &["User.*"]).await;
        let ann = world.create("acme", "ann").await;
        world.rename("acme", &ann, "Guide").await;
        world.create("globex", "bob").await;
        assert_eq!(world.deliver().await, 2);
        assert_eq!(world.deliver().await, 0);
        let taken = world.receiver.taken();
        let kinds: Vec<String> = taken.iter().map(Arrival::kind).collect();
        assert_eq!(kinds, ["User.created", "User.changed"]);
        let now = world.engine.now();
        for arrival in &taken {
            assert_eq!(
                secret.verify(&arrival.headers, &arrival.body, now),
                Ok(arrival.id())
            );
            assert_eq!(arrival.headers["content-type"], "application/json");
            let text = String::from_utf8(arrival.body.to_vec()).unwrap();
            for personal in ["ann", "example.com", "Guide"] {
                assert!(!text.contains(personal), "{text}");
            }
        }
        let changed = taken[1].json();
        assert_eq!(changed["timestamp"], "2026-11-30T12:00:00.000Z");
        assert_eq!(changed["data"]["resource"], ann.as_str());
        assert_eq!(changed["data"]["tenant"], "acme");
        assert_eq!(changed["data"]["version"], 2);
        assert_eq!(changed["data"]["actor"], "provider");
        let attributes = changed["data"]["attributes"].as_array().unwrap();
        assert!(attributes.contains(&"title".into()), "{attributes:?}");
    });
}

#[test]
fn a_webhook_gets_the_types_of_events_that_it_names_and_a_test_is_its_own() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (created, _) = world.webhook("created.example", &["User.created"]).await;
        world.webhook("groups.example", &["Group.*"]).await;
        let ann = world.create("acme", "ann").await;
        world.rename("acme", &ann, "Guide").await;
        world.webhooks().test(&admin, &created.id).await.unwrap();
        world.deliver().await;
        let taken = world.receiver.taken();
        let got: Vec<_> = taken
            .iter()
            .map(|arrival| (arrival.host.as_str(), arrival.kind()))
            .collect();
        assert_eq!(
            got,
            [
                ("created.example", "User.created".to_owned()),
                ("created.example", "webhook.test".to_owned())
            ]
        );
    });
}

#[test]
fn an_event_that_fails_holds_up_those_of_its_resource_and_no_others() {
    block_on(async {
        let world = in_memory();
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        let ann = world.create("acme", "ann").await;
        world.receiver.judge({
            let ann = ann.to_string();
            move |arrival| {
                if arrival.resource() == ann {
                    Fate::Status(500)
                } else {
                    Fate::Take
                }
            }
        });
        world.rename("acme", &ann, "Guide").await;
        let bob = world.create("acme", "bob").await;
        world.rename("acme", &bob, "Guide").await;
        world.deliver().await;
        let taken = world.receiver.taken();
        assert_eq!(taken.iter().map(Arrival::position).collect::<Vec<_>>(), [4, 5]);
        let status = world
            .webhooks()
            .get(&administrator("acme"), &webhook.id)
            .await
            .unwrap()
            .status;
        assert_eq!((status.waiting, status.failures, status.held_until), (2, 0, None));
        assert_eq!(status.reason.as_deref(), Some("the receiver answered 500"));
        // A restart in between changes nothing, and nothing is tried before its time.
        assert_eq!(world.deliver().await, 0);
        assert!(world.receiver.arrivals().is_empty());
        world.receiver.judge(|_| Fate::Take);
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(world.deliver().await, 2);
        let taken = world.receiver.taken();
        assert_eq!(taken.iter().map(Arrival::position).collect::<Vec<_>>(), [2, 3]);
    });
}

#[test]
fn a_receiver_that_is_away_is_asked_with_one_message_at_growing_intervals() {
    block_on(async {
        let world = in_memory();
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        for number in 0..20 {
            world.create("acme", &format!("user{number}")).await;
        }
        world.receiver.judge(|_| Fate::Break { has_it: false });
        world.deliver().await;
        assert_eq!(world.receiver.arrivals().len(), 8);
        for attempts in 9..12 {
            world.clock.advance(Duration::from_secs(30));
            world.deliver().await;
            assert_eq!(world.receiver.arrivals().len(), attempts);
        }
        let status = world
            .webhooks()
            .get(&administrator("acme"), &webhook.id)
            .await
            .unwrap()
            .status;
        assert_eq!(status.failures, 4);
        assert!(status.held_until.is_some());
        // It is back: everything comes at once.
        world.receiver.judge(|_| Fate::Take);
        world.clock.advance(HOUR);
        assert_eq!(world.deliver().await, 20);
    });
}

#[test]
fn retry_after_of_rfc_9110_section_10_2_3_is_respected() {
    block_on(async {
        let world = in_memory();
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        world.create("acme", "ann").await;
        world.receiver.next([Fate::Busy(120)]);
        assert_eq!(world.deliver().await, 0);
        world.create("acme", "bob").await;
        world.clock.advance(Duration::from_secs(119));
        assert_eq!(world.deliver().await, 0);
        assert_eq!(world.receiver.arrivals().len(), 1);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.deliver().await, 2);
        // An administrator who asks for an attempt ends the wait.
        world.create("acme", "cleo").await;
        world.receiver.next([Fate::Busy(3_600)]);
        assert_eq!(world.deliver().await, 0);
        world.clock.advance(Duration::from_millis(1));
        world
            .webhooks()
            .test(&administrator("acme"), &webhook.id)
            .await
            .unwrap();
        world.receiver.taken();
        assert_eq!(world.deliver().await, 2);
        assert_eq!(world.receiver.kinds(), ["User.created", "webhook.test"]);
    });
}

/// A webhook whose receiver refuses three messages for three days, with the ids of the messages.
async fn with_dead_letters(world: &World<MemoryStore>) -> (Webhook, Secret, Vec<String>) {
    let (webhook, secret) = world.webhook("a.example", &["User.*"]).await;
    for name in ["ann", "bob", "cleo"] {
        world.create("acme", name).await;
    }
    world.receiver.judge(|_| Fate::Status(422));
    world.deliver().await;
    let arrivals = world.receiver.arrivals();
    let ids = arrivals.iter().map(|arrival| arrival.id().to_owned()).collect();
    world.clock.advance(71 * HOUR);
    world.deliver().await;
    assert!(
        letters(world, &webhook).await.is_empty(),
        "three days are not over"
    );
    world.clock.advance(HOUR);
    world.deliver().await;
    world.receiver.taken();
    (webhook, secret, ids)
}

async fn letters(world: &World<MemoryStore>, webhook: &Webhook) -> Vec<DeadLetter> {
    let admin = administrator("acme");
    let page = world
        .webhooks()
        .dead_letters(&admin, &webhook.id, None, 100)
        .await;
    page.unwrap().letters
}

#[test]
fn what_is_not_delivered_in_time_is_a_dead_letter() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (webhook, _, ids) = with_dead_letters(&world).await;
        let letters = letters(&world, &webhook).await;
        let dead: Vec<&str> = letters.iter().map(|letter| letter.message.as_str()).collect();
        assert_eq!(dead, ids);
        assert_eq!(
            (letters[0].kind.as_str(), letters[0].attempts),
            ("User.created", 3)
        );
        assert_eq!(letters[0].reason, "the receiver answered 422");
        let status = world.webhooks().get(&admin, &webhook.id).await.unwrap().status;
        assert_eq!(status.waiting, 0);
        // A page at a time.
        let webhooks = world.webhooks();
        let page = webhooks.dead_letters(&admin, &webhook.id, None, 2).await.unwrap();
        let rest = webhooks
            .dead_letters(&admin, &webhook.id, page.next, 2)
            .await
            .unwrap();
        assert_eq!((page.letters.len(), rest.letters.len()), (2, 1));
    });
}

#[test]
fn a_dead_letter_is_redelivered_under_its_id_and_stays_until_it_is_delivered() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (webhook, secret, ids) = with_dead_letters(&world).await;
        let first = letters(&world, &webhook).await.remove(0);
        // The receiver still refuses: it stays, with one attempt more.
        world
            .webhooks()
            .redeliver(&admin, &webhook.id, &first.id)
            .await
            .unwrap();
        world.deliver().await;
        assert_eq!(world.receiver.arrivals().len(), 1);
        let left = letters(&world, &webhook).await;
        assert_eq!((left.len(), left[0].attempts), (3, 4));

        // It takes one of them, and then the others.
        world.receiver.judge(|_| Fate::Take);
        world.receiver.taken();
        world
            .webhooks()
            .redeliver(&admin, &webhook.id, &first.id)
            .await
            .unwrap();
        assert_eq!(world.deliver().await, 1);
        let taken = world.receiver.taken();
        assert_eq!(taken[0].id(), ids[0]);
        let now = world.engine.now();
        assert_eq!(
            secret.verify(&taken[0].headers, &taken[0].body, now),
            Ok(ids[0].as_str())
        );
        assert_eq!(
            world.webhooks().redeliver_all(&admin, &webhook.id).await.unwrap(),
            2
        );
        assert_eq!(world.deliver().await, 2);
        assert!(letters(&world, &webhook).await.is_empty());
        let again = world.webhooks().redeliver(&admin, &webhook.id, &first.id).await;
        assert!(again.unwrap_err().to_string().contains("no dead letter"));
    });
}

#[test]
fn more_dead_letters_than_one_page_are_all_redelivered() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        for number in 0..150 {
            world.create("acme", &format!("user{number}")).await;
        }
        world.receiver.judge(|_| Fate::Status(422));
        for _ in 0..10 {
            world.deliver().await;
            world.clock.advance(73 * HOUR);
        }
        let all = world.webhooks().redeliver_all(&admin, &webhook.id).await.unwrap();
        assert_eq!(all, 150);
        world.receiver.judge(|_| Fate::Take);
        assert_eq!(world.deliver().await, 150);
    });
}

#[test]
fn a_receiver_that_answers_410_is_left_alone_until_the_webhook_is_resumed() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        world.create("acme", "ann").await;
        world.receiver.next([Fate::Status(410)]);
        world.deliver().await;
        let seen = world.webhooks().get(&admin, &webhook.id).await.unwrap();
        assert_eq!(seen.paused, Some(Paused::Gone));
        world.create("acme", "bob").await;
        world.clock.advance(100 * HOUR);
        world.deliver().await;
        assert_eq!(world.receiver.arrivals().len(), 1);
        world.webhooks().resume(&admin, &webhook.id).await.unwrap();
        assert_eq!(world.deliver().await, 2);
        let acme = tenant("acme");
        let events = world
            .engine
            .store()
            .read_feed(&acme, Position::START, 100)
            .await
            .unwrap();
        let names: Vec<String> = events
            .iter()
            .filter(|event| event.event.resource_type == "Webhook")
            .map(|event| format!("{} {:?}", event.event.name, event.event.attributes))
            .collect();
        assert_eq!(
            names,
            ["created []", "changed [\"paused\"]", "changed [\"paused\"]"]
        );
    });
}

#[test]
fn while_a_secret_is_replaced_messages_carry_a_signature_of_each() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (webhook, old) = world.webhook("a.example", &["User.*"]).await;
        let new = world
            .webhooks()
            .rotate_secret(&admin, &webhook.id, 24 * HOUR)
            .await
            .unwrap();
        let verified = |secrets: [&Secret; 2]| {
            let now = world.engine.now();
            let taken = world.receiver.taken();
            let arrival = &taken[0];
            secrets.map(|secret| secret.verify(&arrival.headers, &arrival.body, now).is_ok())
        };
        world.create("acme", "ann").await;
        world.deliver().await;
        assert_eq!(verified([&old, &new]), [true, true]);
        world.clock.advance(24 * HOUR);
        world.create("acme", "bob").await;
        world.deliver().await;
        assert_eq!(verified([&old, &new]), [false, true]);
        // Without an overlap the one before ends at once.
        let newest = world
            .webhooks()
            .rotate_secret(&admin, &webhook.id, Duration::ZERO)
            .await
            .unwrap();
        world.create("acme", "cleo").await;
        world.deliver().await;
        assert_eq!(verified([&new, &newest]), [false, true]);
    });
}

#[test]
fn a_paused_webhook_gets_what_happened_meanwhile_in_order() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        world.webhooks().pause(&admin, &webhook.id).await.unwrap();
        let ann = world.create("acme", "ann").await;
        world.rename("acme", &ann, "Guide").await;
        assert_eq!(world.deliver().await, 0);
        world.webhooks().resume(&admin, &webhook.id).await.unwrap();
        assert_eq!(world.deliver().await, 2);
        assert_eq!(world.receiver.kinds(), ["User.created", "User.changed"]);
    });
}

#[test]
fn events_are_not_trimmed_before_they_are_delivered_and_what_is_lost_is_told_of() {
    block_on(async {
        let world = in_memory();
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        let acme = tenant("acme");
        world.create("acme", "ann").await;
        world.receiver.next([Fate::Status(500)]);
        world.deliver().await;
        world.create("acme", "bob").await;
        let late = DateTime::from_unix_millis(i64::MAX);
        let patient = Retention {
            read_before: late,
            unread_before: DateTime::from_unix_millis(0),
        };
        let store = world.engine.store();
        // The webhook's own event alone: one waits for its second attempt, and one was not read.
        assert_eq!(store.trim(&acme, &patient, 100).await.unwrap(), 1);
        let strict = Retention {
            read_before: late,
            unread_before: late,
        };
        assert_eq!(store.trim(&acme, &strict, 100).await.unwrap(), 2);
        world.create("acme", "cleo").await;
        world.clock.advance(HOUR);
        world.receiver.taken();
        // What the receiver has missed comes before anything else, until it has it.
        world.receiver.next([Fate::Status(500)]);
        assert_eq!(world.deliver().await, 0);
        assert_eq!(world.receiver.arrivals().len(), 1);
        world.clock.advance(HOUR);
        world.deliver().await;
        let taken = world.receiver.taken();
        let lost: Vec<_> = taken
            .iter()
            .filter(|arrival| arrival.kind() == "webhook.eventsLost")
            .collect();
        assert_eq!(lost.last().unwrap().json()["data"]["before"], 4);
        assert_eq!(taken.last().unwrap().kind(), "User.created");
        let status = world
            .webhooks()
            .get(&administrator("acme"), &webhook.id)
            .await
            .unwrap()
            .status;
        assert_eq!((status.waiting, status.position), (0, 4));
    });
}

#[test]
fn one_process_at_a_time_sends_and_another_goes_on_where_it_was_killed() {
    block_on(async {
        let world = in_memory();
        world.webhook("a.example", &["User.*"]).await;
        world.create("acme", "ann").await;
        world.receiver.next([Fate::Hang { has_it: true }]);
        let first = world.deliverer();
        let mut running = Box::pin(first.deliver_due());
        let waker = std::task::Waker::noop();
        let polled = running.as_mut().poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
        // While it waits for an answer, nobody else sends the same.
        assert_eq!(world.deliver().await, 0);
        assert_eq!(world.receiver.arrivals().len(), 1);
        drop(running);
        world.clock.advance(Duration::from_secs(16));
        assert_eq!(world.deliver().await, 1);
        let taken = world.receiver.taken();
        assert_eq!(taken.len(), 2);
        assert_eq!((taken[0].id(), &taken[0].body), (taken[1].id(), &taken[1].body));
    });
}

#[test]
fn what_one_receiver_does_is_nothing_to_others() {
    block_on(async {
        let world = in_memory();
        world.webhook("broken.example", &["User.*"]).await;
        world.webhook("fine.example", &["User.*"]).await;
        let url = "https://other.example/";
        world
            .webhooks()
            .create(&administrator("globex"), url, &["User.*"])
            .await
            .unwrap();
        world.receiver.judge(|arrival| match arrival.host.as_str() {
            "broken.example" => Fate::Busy(3_600),
            _ => Fate::Take,
        });
        for number in 0..3 {
            world.create("acme", &format!("user{number}")).await;
            world.create("globex", &format!("user{number}")).await;
        }
        assert_eq!(world.deliver().await, 6);
    });
}

#[test]
fn events_are_delivered_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = keyfob_store_sqlite::SqliteStore::open(folder.path().join("keyfob.db")).unwrap();
    block_on(async {
        let world = World::over(store);
        world.webhook("a.example", &["User.*"]).await;
        world.create("acme", "ann").await;
        assert_eq!(world.deliver().await, 1);
    });
}

//! What administrators and applications may do with webhooks, and what they are told.

use keyfob_core::{ResourceId, ToErrorBody as _};
use keyfob_engine::{Actor, Context, Rehearsal};
use keyfob_store::{Feeds as _, LookBack};
use keyfob_store_memory::MemoryStore;
use keyfob_webhook::{WebhookError, Webhooks};
use pollster::block_on;

use crate::fixture::{Fate, administrator, in_memory, tenant};

const URL: &str = "https://hooks.example.com/";

#[test]
fn a_provider_and_a_user_have_no_say_in_webhooks() {
    block_on(async {
        let world = in_memory();
        for actor in [Actor::Provider, Actor::User, Actor::DirectoryAdministrator] {
            let cx = Context::new(tenant("acme")).acting_as(actor);
            let error = world.webhooks().create(&cx, URL, &[]).await.unwrap_err();
            assert_eq!(error.to_error_body().status, 403, "{actor:?}");
            assert!(world.webhooks().list(&cx).await.is_err());
        }
        let application = Context::new(tenant("acme")).acting_as(Actor::Application);
        assert!(world.webhooks().create(&application, URL, &[]).await.is_ok());
        let reader = application.read_only();
        assert!(world.webhooks().create(&reader, URL, &[]).await.is_err());
    });
}

#[test]
fn the_webhook_of_another_organization_is_none() {
    block_on(async {
        let world = in_memory();
        let (webhook, _) = world.webhook("a.example", &[]).await;
        let other = administrator("globex");
        let webhooks = world.webhooks();
        let id = &webhook.id;
        let results = [
            webhooks.get(&other, id).await.map(drop),
            webhooks.change(&other, id, Some(URL), None).await.map(drop),
            webhooks.pause(&other, id).await.map(drop),
            webhooks.resume(&other, id).await.map(drop),
            webhooks.test(&other, id).await.map(drop),
            webhooks
                .rotate_secret(&other, id, std::time::Duration::ZERO)
                .await
                .map(drop),
            webhooks.dead_letters(&other, id, None, 10).await.map(drop),
            webhooks.redeliver_all(&other, id).await.map(drop),
            webhooks.redeliver(&other, id, id).await,
            webhooks.discard(&other, id, id).await,
            webhooks.delete(&other, id).await,
        ];
        for result in results {
            assert_eq!(result.unwrap_err().to_error_body().status, 404);
        }
        assert!(webhooks.list(&other).await.unwrap().is_empty());
        assert_eq!(webhooks.list(&administrator("acme")).await.unwrap().len(), 1);
    });
}

#[test]
fn an_organization_has_sixteen_webhooks_and_no_more() {
    block_on(async {
        let world = in_memory();
        for _ in 0..Webhooks::<MemoryStore>::MAX {
            world.webhook("a.example", &[]).await;
        }
        let error = world
            .webhooks()
            .create(&administrator("acme"), URL, &[])
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "at most 16 webhooks");
    });
}

#[test]
fn each_change_is_told_by_an_event_that_names_who_made_it_and_no_secret() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme").with_identity("ann", "console");
        let webhooks = world.webhooks();
        let (webhook, secret) = webhooks.create(&admin, URL, &[]).await.unwrap();
        let id = &webhook.id;
        webhooks
            .change(&admin, id, None, Some(&["User.*"]))
            .await
            .unwrap();
        let same = webhooks.change(&admin, id, Some(URL), None).await.unwrap();
        assert_eq!(same.events, ["User.*"]);
        webhooks.pause(&admin, id).await.unwrap();
        webhooks.pause(&admin, id).await.unwrap();
        assert!(matches!(
            webhooks.test(&admin, id).await,
            Err(WebhookError::Paused)
        ));
        webhooks.resume(&admin, id).await.unwrap();
        webhooks
            .rotate_secret(&admin, id, std::time::Duration::ZERO)
            .await
            .unwrap();
        webhooks.delete(&admin, id).await.unwrap();
        let query = LookBack {
            limit: 100,
            ..LookBack::default()
        };
        let mut events = world
            .engine
            .store()
            .look_back(&tenant("acme"), &query)
            .await
            .unwrap();
        events.reverse();
        let told: Vec<_> = events
            .iter()
            .map(|event| format!("{} {}", event.event.name, event.event.attributes.join(",")))
            .collect();
        assert_eq!(
            told,
            [
                "created ",
                "changed events",
                "changed paused",
                "changed paused",
                "changed secrets",
                "deleted "
            ]
        );
        assert!(events.iter().all(|event| event.actor.identity == "ann"));
        let text = format!("{events:?} {webhook:?} {secret:?}");
        assert!(
            !text.contains(secret.expose().trim_start_matches("whsec_")),
            "{text}"
        );
    });
}

#[test]
fn a_rehearsal_changes_nothing() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let rehearsal = Rehearsal::new();
        let trying = admin.clone().rehearsing(rehearsal.clone());
        assert!(world.webhooks().create(&trying, URL, &[]).await.is_err());
        assert!(world.webhooks().list(&admin).await.unwrap().is_empty());
        let (webhook, _) = world.webhook("a.example", &[]).await;
        let trying = admin.clone().rehearsing(Rehearsal::new());
        assert!(world.webhooks().delete(&trying, &webhook.id).await.is_err());
        assert_eq!(world.webhooks().list(&admin).await.unwrap().len(), 1);
    });
}

#[test]
fn a_deleted_webhook_leaves_no_dead_letter_and_gets_nothing_more() {
    block_on(async {
        let world = in_memory();
        let admin = administrator("acme");
        let (webhook, _) = world.webhook("a.example", &["User.*"]).await;
        let (other, _) = world.webhook("b.example", &["User.*"]).await;
        for number in 0..3 {
            world.create("acme", &format!("user{number}")).await;
        }
        world.receiver.judge(|_| Fate::Status(422));
        for _ in 0..2 {
            world.deliver().await;
            world
                .clock
                .advance(std::time::Duration::from_secs(4 * 24 * 3_600));
        }
        let letters = world
            .webhooks()
            .dead_letters(&admin, &webhook.id, None, 10)
            .await
            .unwrap()
            .letters;
        assert_eq!(letters.len(), 3);
        let strange = world.webhooks().discard(&admin, &other.id, &letters[0].id).await;
        assert!(matches!(strange, Err(WebhookError::NoLetter(_))));
        world
            .webhooks()
            .discard(&admin, &webhook.id, &letters[0].id)
            .await
            .unwrap();
        world.webhooks().delete(&admin, &webhook.id).await.unwrap();
        let gone = world.webhooks().dead_letters(&admin, &webhook.id, None, 10).await;
        assert!(matches!(gone, Err(WebhookError::NotFound(id)) if id == webhook.id));
        // Those of the other one are left.
        let left = world
            .webhooks()
            .dead_letters(&admin, &other.id, None, 10)
            .await
            .unwrap();
        assert_eq!(left.letters.len(), 3);
        world.receiver.judge(|_| Fate::Take);
        world.receiver.taken();
        world.create("acme", "late").await;
        assert_eq!(world.deliver().await, 1);
        assert_eq!(world.receiver.taken()[0].host, "b.example");
        let nobody = ResourceId::new("nobody");
        assert!(world.webhooks().get(&admin, &nobody).await.is_err());
    });
}

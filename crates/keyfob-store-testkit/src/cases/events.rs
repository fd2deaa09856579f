//! Events are published by commits, in their order.

use keyfob_core::{Object, Value, Version};
use keyfob_store::{Actor, Event, EventId, Listed, RequestId};

use crate::{
    cases::relations::users,
    effect::Effect,
    failure::Verdict,
    fixture::{Group, User, minute},
    step::Step,
    tenancy::{Tenancy, Tested},
    upkeep::texts,
};

pub(crate) async fn events_are_given_back_equal_and_in_order(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    let mut rich = Step::publish("badge.printed", User, "u1").at(3);
    rich.event.attributes = vec!["userName".into(), "urn:example:größe".into()];
    rich.event.data = [("colour", "größe"), ("note", "")].into_iter().collect();
    rich.event
        .data
        .insert("deep", [("level", 7)].into_iter().collect::<Object>());
    rich.event.data.insert("score", Value::Decimal(0.5));
    let steps = [
        Step::publish("created", User, "u1"),
        rich,
        Step::publish("created", Group, "no such group"),
    ];
    acme.apply(&steps).await?;
    let events = acme.events().await?;
    let given: Vec<_> = steps.iter().map(|step| &step.event).collect();
    let found: Vec<_> = events.iter().map(|event| &event.event).collect();
    ensure_eq!(found, given, "the events");
    ensure!(
        events.iter().all(|event| event.at == minute(3)),
        "the events don't have the time of their commit"
    );
    Ok(())
}

pub(crate) async fn an_event_is_published_only_if_its_change_changed_something(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.events().await?;
    users(acme, &["a", "b"]).await?;
    let outcomes = acme
        .apply(&[
            Step::create(Group, "g").add(&["a"]),
            Step::publish("0: created", Group, "g").of(0),
            Step::update(Group, "g").add(&["a"]),
            Step::publish("2: unchanged", Group, "g").of(2),
            Step::update(Group, "g").add(&["b"]),
            Step::publish("4: changed", Group, "g").of(4),
            Step::publish("4: and again", Group, "g").of(4),
            Step::publish("2: unchanged", Group, "g").of(2),
            Step::delete(User, "b"),
            Step::publish("8: deleted", User, "b").of(8),
            Step::publish("by itself", User, "b"),
            Step::update(User, "a"),
            Step::publish("11: unchanged", User, "a").of(11),
        ])
        .await?;
    let suppressed: Vec<usize> = outcomes
        .iter()
        .enumerate()
        .filter(|(_, outcome)| **outcome == Effect::Suppressed)
        .map(|(place, _)| place)
        .collect();
    ensure_eq!(
        suppressed,
        [3, 7, 12],
        "the places of the events that are suppressed"
    );
    let expected = [
        "0: created",
        "4: changed",
        "4: and again",
        "8: deleted",
        "by itself",
    ];
    ensure_eq!(names(&acme.events().await?), expected, "the events");
    Ok(())
}

pub(crate) async fn positions_are_dense_in_each_tenant(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    let globex = acme.other("globex");
    users(acme, &["a"]).await?;
    users(&globex, &["a"]).await?;
    for round in 1..5 {
        for tenant in [acme, &globex] {
            tenant
                .apply(&[
                    Step::publish("a", User, "a"),
                    Step::update(User, "a"),
                    Step::publish("suppressed", User, "a").of(1),
                    Step::publish("b", User, "a"),
                ])
                .await?;
        }
        acme.refuse(&[Step::publish("lost", User, "a"), Step::delete(User, "nobody")])
            .await?;
        for tenant in [acme, &globex] {
            let events = tenant.events().await?;
            ensure_eq!(events.len(), 2 * round, "how many events there are");
            are_dense(&events)?;
        }
    }
    Ok(())
}

pub(crate) async fn an_event_is_known_by_its_commit_and_its_number(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.events().await?;
    users(acme, &["a"]).await?;
    let mut expected = Vec::new();
    for _ in 0..2 {
        let commit = acme.to_commit(&[
            Step::publish("first", User, "a"),
            Step::update(User, "a"),
            Step::publish("suppressed", User, "a").of(1),
            Step::publish("second", User, "a"),
        ])?;
        for number in 0..2 {
            expected.push(EventId {
                commit: commit.id.clone(),
                number,
            });
        }
        acme.commit_all(vec![commit]).await?;
    }
    ensure_eq!(ids(&acme.events().await?), expected, "the ids of the events");
    Ok(())
}

pub(crate) async fn an_event_names_the_actor_the_request_and_the_operation(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.events().await?;
    let actor = Actor::new("provider")
        .with_identity("link-7")
        .with_credential("token of june");
    let mut commit = acme.to_commit(&[Step::publish("a", User, "u"), Step::publish("b", User, "u")])?;
    commit.actor = actor.clone();
    commit.request = RequestId::new("request-9");
    commit.verb = "patch".into();
    acme.commit_all(vec![commit]).await?;
    acme.apply(&[Step::publish("c", User, "u")]).await?;
    let events = acme.events().await?;
    for event in events.iter().take(2) {
        ensure_eq!(event.actor, actor, "the actor");
        ensure_eq!(event.request.as_str(), "request-9", "the request");
        ensure_eq!(event.verb, "patch", "the operation");
    }
    for event in events.iter().skip(2) {
        ensure_eq!(event.actor, Actor::default(), "the actor of a commit without one");
    }
    Ok(())
}

pub(crate) async fn an_event_has_the_version_after_its_change(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    acme.apply(&[
        Step::create(User, "a"),
        Step::publish("created", User, "a").of(0),
        Step::update(User, "a").named("b"),
        Step::publish("about the first", User, "a").of(0),
        Step::publish("renamed", User, "a").of(2),
        Step::publish("about nothing", User, "a"),
        Step::delete(User, "a"),
        Step::publish("deleted", User, "a").of(6),
    ])
    .await?;
    let events = acme.events().await?;
    let versions: Vec<_> = events
        .iter()
        .map(|event| event.version.map(Version::number))
        .collect();
    ensure_eq!(
        versions,
        [Some(1), Some(1), Some(2), None, None],
        "the versions of the events"
    );
    Ok(())
}

pub(crate) async fn an_event_has_who_joined_and_left(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    users(acme, &["a", "b", "c"]).await?;
    acme.apply(&[
        Step::create(Group, "g").add(&["b", "a"]),
        Step::publish("created", Group, "g").of(0),
        Step::update(Group, "g").add(&["a", "c"]).remove(&["b"]),
        Step::publish("changed", Group, "g").of(2),
        Step::publish("about nothing", Group, "g"),
        Step::update(Group, "g").named("renamed"),
        Step::publish("renamed", Group, "g").of(5),
    ])
    .await?;
    let events = acme.events().await?;
    let found: Vec<_> = events
        .iter()
        .map(|event| (texts(&event.joined.ids), texts(&event.left.ids)))
        .collect();
    let expected = [
        (vec!["b", "a"], vec![]),
        (vec!["c"], vec!["b"]),
        (vec![], vec![]),
        (vec![], vec![]),
    ];
    ensure_eq!(found, expected, "who joined and who left, by the events");
    Ok(())
}

pub(crate) async fn an_event_lists_a_hundred_members_and_counts_all(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.events().await?;
    let ids = crowd(acme).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    acme.apply(&[
        Step::create(Group, "g").add(&ids),
        Step::publish("created", Group, "g").of(0),
        Step::update(Group, "g").remove(&ids),
        Step::publish("emptied", Group, "g").of(2),
    ])
    .await?;
    let events = acme.events().await?;
    let counts: Vec<_> = events
        .iter()
        .map(|event| {
            let Event { joined, left, .. } = event;
            (joined.ids.len(), joined.count, left.ids.len(), left.count)
        })
        .collect();
    ensure_eq!(
        counts,
        [(Listed::MAX, ids.len(), 0, 0), (0, 0, Listed::MAX, ids.len())],
        "how many are listed and counted"
    );
    Ok(())
}

pub(crate) async fn an_event_has_the_names_of_its_resource(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    acme.apply(&[
        Step::create(User, "u").named("ada").with("externalId", "7"),
        Step::publish("created", User, "u").of(0),
        Step::create(Group, "g").named("Guides"),
        Step::publish("created", Group, "g").of(2),
        Step::publish("nobody", User, "nobody"),
    ])
    .await?;
    acme.apply(&[
        Step::update(User, "u").named("grace").with("externalId", "8"),
        Step::publish("renamed", User, "u").of(0),
    ])
    .await?;
    acme.apply(&[Step::delete(User, "u"), Step::publish("deleted", User, "u").of(0)])
        .await?;
    acme.apply(&[Step::publish("afterwards", User, "u")]).await?;
    let expected = [
        (Some("ada"), Some("7")),
        (Some("Guides"), None),
        (None, None),
        (Some("grace"), Some("8")),
        (Some("grace"), Some("8")),
        (None, None),
    ];
    ensure_eq!(labels(&acme.events().await?), expected, "the labels");
    Ok(())
}

pub(crate) async fn what_is_forgotten_loses_its_labels_and_nothing_else(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.events().await?;
    let globex = acme.other("globex");
    for tenant in [acme, &globex] {
        tenant
            .apply(&[
                Step::create(User, "u").named("ada").with("externalId", "7"),
                Step::publish("created", User, "u").of(0),
                Step::create(User, "v").named("grace"),
                Step::publish("created", User, "v").of(2),
                Step::create(Group, "g").add(&["u"]),
                Step::publish("created", Group, "g").of(4),
            ])
            .await?;
    }
    let before = acme.state().await?;
    ensure_eq!(
        acme.apply(&[Step::forget(User, "u")]).await?,
        [Effect::Forgotten],
        "the outcome"
    );
    let mut after = acme.state().await?;
    let found = after.events.as_deref().map(labels);
    let expected = vec![(None, None), (Some("grace"), None), (Some("g"), None)];
    ensure_eq!(found, Some(expected), "the labels");
    // But for those labels everything is as it was.
    let (events, labelled) = (after.events.iter_mut().flatten(), before.events.iter().flatten());
    for (event, labelled) in events.zip(labelled) {
        event.labels.clone_from(&labelled.labels);
    }
    after.check_equal(&before, "forgetting a user changed more than labels")?;
    ensure_eq!(
        labels(&globex.events().await?).first(),
        Some(&(Some("ada"), Some("7"))),
        "the labels of another tenant's user of that id"
    );
    acme.apply(&[
        Step::delete(User, "v"),
        Step::publish("purged", User, "v").of(0),
        Step::forget(User, "v"),
    ])
    .await?;
    ensure_eq!(
        labels(&acme.events().await?),
        [(None, None), (None, None), (Some("g"), None), (None, None)],
        "the labels of a user that is deleted and forgotten in one commit"
    );
    Ok(())
}

pub(crate) async fn events_are_read_from_any_place_and_in_any_number(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.events().await?;
    for number in 0..10 {
        acme.other("globex")
            .apply(&[Step::publish("theirs", User, "u")])
            .await?;
        acme.apply(&[Step::publish(&number.to_string(), User, "u")])
            .await?;
    }
    let all = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    for limit in [0, 1, 3, 9, 10, 11, usize::MAX] {
        for (after, place) in (0..=10).zip(0..) {
            let found = acme.feed(after, limit).await?;
            let expected: Vec<&str> = all.iter().copied().skip(place).take(limit).collect();
            ensure_eq!(names(&found), expected, "{limit} events after position {after}");
        }
    }
    for beyond in [11, 1_000, u64::from(u32::MAX)] {
        ensure_eq!(
            acme.feed(beyond, 99).await?,
            [],
            "the events after a position beyond all"
        );
    }
    Ok(())
}

pub(crate) async fn a_tenant_reads_its_own_events_alone(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    acme.apply(&[Step::publish("ours", User, "u")]).await?;
    acme.other("globex")
        .apply(&[Step::publish("theirs", User, "u")])
        .await?;
    ensure_eq!(names(&acme.events().await?), ["ours"], "the events of a tenant");
    ensure_eq!(
        acme.other("initech").events().await?,
        [],
        "the events of a tenant that has nothing"
    );
    Ok(())
}

pub(crate) async fn events_outlive_what_they_are_about(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    acme.apply(&[Step::create(User, "u"), Step::publish("created", User, "u").of(0)])
        .await?;
    acme.apply(&[Step::delete(User, "u"), Step::publish("deleted", User, "u").of(0)])
        .await?;
    ensure_eq!(
        names(&acme.events().await?),
        ["created", "deleted"],
        "the events of a deleted user"
    );
    Ok(())
}

/// Checks that positions start at 1 and leave none out, and that the events of one commit are neighbours.
pub(crate) fn are_dense(events: &[Event]) -> Verdict {
    let mut commits = Vec::new();
    for (position, event) in (1..).zip(events) {
        ensure_eq!(event.position.number(), position, "the position of an event");
        if commits.last() != Some(&&event.id.commit) {
            ensure!(
                !commits.contains(&&event.id.commit),
                "the events of the commit {} are not neighbours",
                event.id.commit
            );
            commits.push(&event.id.commit);
        }
    }
    Ok(())
}

/// Creates more users than are listed.
pub(crate) async fn crowd(acme: &Tenancy<'_, impl Tested>) -> Result<Vec<String>, crate::failure::Failure> {
    // Named in an order that neither sorting nor insertion gives.
    let ids: Vec<String> = (0..Listed::MAX + 3)
        .rev()
        .map(|number| format!("u{number}"))
        .collect();
    let steps: Vec<Step> = ids.iter().map(|id| Step::create(User, id)).collect();
    acme.apply(&steps).await?;
    Ok(ids)
}

pub(crate) fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id.clone()).collect()
}

pub(crate) fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.event.name.as_str()).collect()
}

fn labels(events: &[Event]) -> Vec<(Option<&str>, Option<&str>)> {
    let labels = events.iter().map(|event| &event.labels);
    labels
        .map(|labels| (labels.name.as_deref(), labels.external_id.as_deref()))
        .collect()
}

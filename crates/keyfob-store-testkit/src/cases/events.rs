//! Events tell of what was committed, in its order.

use keyfob_core::Object;
use keyfob_store::{Event, EventId, Outcome, Store};

use crate::{
    cases::relations::users,
    failure::{Failure, Verdict},
    fixture::{Group, User, minute},
    step::Step,
    tenancy::Tenancy,
};

pub(crate) async fn events_are_given_back_equal_and_in_order(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let mut rich = Step::publish("badge.printed", User, "u1").at(3);
    rich.event.data = [("colour", "größe"), ("note", "")].into_iter().collect();
    rich.event
        .data
        .insert("deep", [("level", 7)].into_iter().collect::<Object>());
    rich.event.data.insert("score", keyfob_core::Value::Decimal(0.5));
    let steps = [
        Step::publish("created", User, "u1").at(1),
        rich,
        Step::publish("created", Group, "no such group").at(2),
    ];
    let outcomes = acme.apply(&steps).await?;
    let events = acme.events(None, 10).await?;
    ensure_eq!(
        ids(&events),
        published(&outcomes)?,
        "the ids, as the commit tells them"
    );
    let given: Vec<_> = steps.iter().map(|step| &step.event).collect();
    let found: Vec<_> = events.iter().map(|event| &event.event).collect();
    ensure_eq!(found, given, "the events");
    ensure_eq!(
        events.get(1).map(|event| event.event.at),
        Some(minute(3)),
        "when the second happened"
    );
    Ok(())
}

pub(crate) async fn an_event_is_published_only_if_its_change_changed_something(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
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
    let names: Vec<_> = acme
        .events(None, 20)
        .await?
        .into_iter()
        .map(|event| event.event.name)
        .collect();
    let expected = [
        "0: created",
        "4: changed",
        "4: and again",
        "8: deleted",
        "by itself",
    ];
    ensure_eq!(names, expected, "the events");
    Ok(())
}

pub(crate) async fn event_ids_grow_over_all_commits_and_tenants(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let globex = acme.other("globex");
    let mut all = Vec::new();
    for _ in 0..4 {
        for tenant in [acme, &globex] {
            all.extend(published(
                &tenant
                    .apply(&[Step::publish("a", User, "u"), Step::publish("b", User, "u")])
                    .await?,
            )?);
        }
        acme.refuse(&[Step::publish("lost", User, "u"), Step::delete(User, "nobody")])
            .await?;
    }
    ensure!(
        all.is_sorted_by(|left, right| left < right),
        "event ids don't grow: {all:?}"
    );
    Ok(())
}

pub(crate) async fn events_are_read_from_any_place_and_in_any_number(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    // Another tenant's events lie between, so that no store can count on ids that grow by one.
    let mut all = Vec::new();
    for number in 0..10 {
        acme.other("globex")
            .apply(&[Step::publish("theirs", User, "u")])
            .await?;
        all.extend(published(
            &acme
                .apply(&[Step::publish(&number.to_string(), User, "u")])
                .await?,
        )?);
    }
    for limit in [0, 1, 3, 9, 10, 11, usize::MAX] {
        let first = ids(&acme.events(None, limit).await?);
        let expected: Vec<EventId> = all.iter().copied().take(limit).collect();
        ensure_eq!(first, expected, "the first {limit} events");
        for (place, after) in all.iter().enumerate() {
            let found = ids(&acme.events(Some(*after), limit).await?);
            let expected: Vec<EventId> = all.iter().copied().skip(place + 1).take(limit).collect();
            ensure_eq!(found, expected, "{limit} events after the one at place {place}");
        }
    }
    ensure_eq!(
        ids(&acme.events(Some(EventId::new(0)), 99).await?),
        all,
        "the events after a place before all"
    );
    let beyond = all.last().map(|last| EventId::new(last.number() + 1_000));
    ensure_eq!(
        acme.events(beyond, 99).await?,
        [],
        "the events after a place beyond all"
    );
    Ok(())
}

pub(crate) async fn a_tenant_reads_its_own_events_alone(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::publish("ours", User, "u")]).await?;
    acme.other("globex")
        .apply(&[Step::publish("theirs", User, "u")])
        .await?;
    let names: Vec<_> = acme
        .events(None, 9)
        .await?
        .into_iter()
        .map(|event| event.event.name)
        .collect();
    ensure_eq!(names, ["ours"], "the events of a tenant");
    ensure_eq!(
        acme.other("initech").events(None, 9).await?,
        [],
        "the events of a tenant that has nothing"
    );
    Ok(())
}

pub(crate) async fn events_outlive_what_they_tell_of(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "u"), Step::publish("created", User, "u").of(0)])
        .await?;
    acme.apply(&[Step::delete(User, "u"), Step::publish("deleted", User, "u").of(0)])
        .await?;
    let names: Vec<_> = acme
        .events(None, 9)
        .await?
        .into_iter()
        .map(|event| event.event.name)
        .collect();
    ensure_eq!(names, ["created", "deleted"], "the events of a deleted user");
    Ok(())
}

pub(crate) fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

/// The ids under which a commit published, all of whose changes are events.
pub(crate) fn published(outcomes: &[Outcome]) -> Result<Vec<EventId>, Failure> {
    let ids = outcomes.iter().map(|outcome| match outcome {
        Effect::Published(id) => Ok(*id),
        other => Err(Failure::new(format!("an event came to {other:?}"))),
    });
    ids.collect()
}

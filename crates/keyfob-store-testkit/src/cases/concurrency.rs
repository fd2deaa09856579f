//! Many callers at once.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use keyfob_store::Event;

use crate::{
    cases::{
        events::{are_dense, ids},
        relations::users,
    },
    effect::Refusal,
    failure::{Failure, Verdict},
    fixture::{Group, Kind, User},
    harness::Harness,
    step::Step,
    tenancy::{Tenancy, Tested},
};

const CALLERS: usize = 8;

pub(crate) fn of_many_updates_that_demand_one_version_one_is_made<H: Harness>(harness: &H) -> Verdict {
    let store = harness.run(harness.open())?;
    let acme = Tenancy::new(harness, &store, "acme");
    harness.run(users(&acme, &["u"]))?;
    for version in 1..=10 {
        let refusals = race(harness, CALLERS, async |caller| {
            let step = Step::update(User, "u")
                .named("u")
                .with("title", format!("{caller}").as_str());
            refusal(&acme, &[step.precondition(version)]).await
        })?;
        let winners = refusals.iter().filter(|refusal| refusal.is_none()).count();
        ensure_eq!(
            winners,
            1,
            "how many of {CALLERS} updates that demand version {version} were made"
        );
        let expected = Refusal::VersionMismatch {
            change: 0,
            current: version + 1,
        };
        ensure!(
            refusals.iter().flatten().all(|refusal| *refusal == expected),
            "an update that came too late was refused otherwise than by its version: {refusals:?}"
        );
    }
    ensure_eq!(
        harness.run(acme.version(User, "u"))?,
        11,
        "the version in the end"
    );
    Ok(())
}

pub(crate) fn of_many_resources_of_one_name_one_is_created<H: Harness>(harness: &H) -> Verdict {
    let store = harness.run(harness.open())?;
    let acme = Tenancy::new(harness, &store, "acme");
    for round in 0..10 {
        let name = format!("name {round}");
        let refusals = race(harness, CALLERS, async |caller| {
            refusal(
                &acme,
                &[Step::create(User, &format!("{round}-{caller}")).named(&name)],
            )
            .await
        })?;
        let winners = refusals.iter().filter(|refusal| refusal.is_none()).count();
        ensure_eq!(winners, 1, "how many of {CALLERS} users of one name were created");
        let expected = Refusal::Uniqueness {
            change: 0,
            attribute: "userName".to_owned(),
        };
        ensure!(
            refusals.iter().flatten().all(|refusal| *refusal == expected),
            "a user was refused otherwise than by its name: {refusals:?}"
        );
    }
    ensure_eq!(harness.run(acme.ids(User))?.len(), 10, "how many users there are");
    Ok(())
}

pub(crate) fn of_many_resources_of_one_id_one_is_created<H: Harness>(harness: &H) -> Verdict {
    let store = harness.run(harness.open())?;
    let acme = Tenancy::new(harness, &store, "acme");
    for round in 0..10 {
        let id = format!("{round}");
        let refusals = race(harness, CALLERS, async |caller| {
            let kind = if caller % 2 == 0 { User } else { Group };
            refusal(
                &acme,
                &[Step::create(kind, &id).named(&format!("{round}-{caller}"))],
            )
            .await
        })?;
        let winners = refusals.iter().filter(|refusal| refusal.is_none()).count();
        ensure_eq!(
            winners,
            1,
            "how many of {CALLERS} resources of one id were created"
        );
        let expected = Refusal::IdTaken { change: 0 };
        ensure!(
            refusals.iter().flatten().all(|refusal| *refusal == expected),
            "a resource was refused otherwise than by its id: {refusals:?}"
        );
    }
    Ok(())
}

pub(crate) fn of_many_members_that_are_put_in_at_once_none_is_lost<H: Harness>(harness: &H) -> Verdict {
    const EACH: usize = 10;
    let store = harness.run(harness.open())?;
    let acme = Tenancy::new(harness, &store, "acme");
    let mut members: Vec<String> = (0..CALLERS * EACH).map(|number| format!("u{number}")).collect();
    harness.run(async {
        users(&acme, &members.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        acme.apply(&[Step::create(Group, "g")]).await
    })?;
    race(harness, CALLERS, async |caller| {
        for id in members.iter().skip(caller * EACH).take(EACH) {
            acme.apply(&[Step::update(Group, "g").add(&[id])]).await?;
        }
        Ok(())
    })?;
    members.sort();
    ensure_eq!(
        harness.run(acme.member_ids(Group, "g", "members"))?,
        members,
        "the members"
    );
    let version = u64::try_from(1 + CALLERS * EACH)?;
    ensure_eq!(
        harness.run(acme.version(Group, "g"))?,
        version,
        "the version, one more for each member"
    );
    Ok(())
}

pub(crate) fn a_reader_sees_every_commit_that_has_returned<H: Harness>(harness: &H) -> Verdict {
    let store = harness.run(harness.open())?;
    let acme = Tenancy::new(harness, &store, "acme");
    race(harness, CALLERS, async |caller| {
        for number in 0..10 {
            let id = format!("{caller}-{number}");
            acme.apply(&[Step::create(User, &id), Step::publish("created", User, &id).of(0)])
                .await?;
            acme.read(User, &id).await?;
            ensure_eq!(
                acme.find(User, &format!("userName eq \"{id}\"")).await?,
                [id.as_str()],
                "finding {id}"
            );
            let events = acme.state().await?.events;
            ensure!(
                events.is_none_or(|events| events.iter().any(|event| event.event.resource.as_str() == id)),
                "the creation of {id} is not in the feed"
            );
        }
        Ok(())
    })?;
    Ok(())
}

pub(crate) fn who_follows_the_events_misses_none<H: Harness>(harness: &H) -> Verdict {
    const EACH: usize = 25;
    let store = harness.run(harness.open())?;
    let acme = Tenancy::new(harness, &store, "acme");
    harness.run(acme.events())?;
    let writing = AtomicUsize::new(CALLERS);
    let followed = race(harness, CALLERS + 1, async |caller| {
        let mut read: Vec<Event> = Vec::new();
        if caller < CALLERS {
            for _ in 0..EACH {
                acme.apply(&[Step::publish("a", User, "u"), Step::publish("b", User, "u")])
                    .await?;
            }
            writing.fetch_sub(1, Ordering::SeqCst);
            return Ok(read);
        }
        loop {
            let all_written = writing.load(Ordering::SeqCst) == 0;
            let last = read.last().map_or(0, |event| event.position.number());
            let events = acme.feed(last, 7).await?;
            if events.is_empty() && all_written {
                return Ok(read);
            }
            read.extend(events);
            ensure!(
                read.len() <= CALLERS * EACH * 2,
                "more events were read than were published: {}",
                read.len()
            );
        }
    })?;
    let all = harness.run(acme.events())?;
    ensure_eq!(all.len(), CALLERS * EACH * 2, "how many events there are");
    are_dense(&all)?;
    let followed = followed.last().map(|events| ids(events));
    ensure_eq!(
        followed,
        Some(ids(&all)),
        "the events as they were read while they were published"
    );
    Ok(())
}

pub(crate) fn a_commit_that_nobody_waits_for_happens_whole_or_not_at_all<H: Harness>(harness: &H) -> Verdict {
    let store = harness.run(harness.open())?;
    let acme = Tenancy::new(harness, &store, "acme");
    harness.run(users(&acme, &["member"]))?;
    let rounds = 12;
    for round in 0..rounds {
        let steps = whole(round);
        harness.run(async {
            let mut commit = pin!(acme.commit(&steps));
            let mut polls = round % 4;
            poll_fn(|tenant| {
                // What is done must not be polled again, and who has no polls left walks away.
                while polls > 0 {
                    polls -= 1;
                    if commit.as_mut().poll(tenant).is_ready() {
                        break;
                    }
                }
                Poll::Ready(())
            })
            .await;
        });
    }
    // A store may still be at work on what was given up.
    let mut settled = Err(Failure::new("no round was looked at"));
    for _ in 0..40 {
        settled = harness.run(async {
            for round in 0..rounds {
                is_whole(&acme, round).await?;
            }
            Ok(())
        });
        if settled.is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    settled?;
    harness.run(async {
        acme.apply(&[Step::create(User, "after")]).await?;
        for round in 0..rounds {
            is_whole(&acme, round).await?;
        }
        Ok(())
    })
}

fn whole(round: usize) -> Vec<Step> {
    let id = |kind: Kind| format!("{}{round}", kind.name());
    vec![
        Step::create(User, &id(User)),
        Step::create(Group, &id(Group)).add(&["member", &id(User)]),
        Step::update(User, &id(User)).named(&id(User)).with("title", "t"),
        Step::publish("created", User, &id(User)).of(0),
    ]
}

async fn is_whole(acme: &Tenancy<'_, impl Tested>, round: usize) -> Verdict {
    let user = acme
        .get(User, &format!("User{round}"))
        .await?
        .map(|stored| stored.version.number());
    let happened = user.is_some();
    ensure_eq!(
        user.unwrap_or(2),
        2,
        "the version of the user of a commit that nobody waited for"
    );
    let id = format!("Group{round}");
    let group = match acme.get(Group, &id).await? {
        None => None,
        Some(_) => Some(acme.member_ids(Group, &id, "members").await?),
    };
    let expected = happened.then(|| vec![format!("User{round}"), "member".to_owned()]);
    ensure_eq!(group, expected, "the group of a commit that nobody waited for");
    let Some(events) = acme.state().await?.events else {
        return Ok(());
    };
    let is_published = events
        .iter()
        .any(|event| event.event.resource.as_str() == format!("User{round}"));
    ensure_eq!(
        is_published,
        happened,
        "whether the event of a commit that nobody waited for is there"
    );
    Ok(())
}

/// Commits, and says why not if it was refused.
async fn refusal(acme: &Tenancy<'_, impl Tested>, steps: &[Step]) -> Result<Option<Refusal>, Failure> {
    Ok(acme.commit(steps).await?.err())
}

/// Runs the same for several callers, each on a thread of its own, all let loose at once.
fn race<H: Harness, T: Send>(
    harness: &H,
    callers: usize,
    call: impl AsyncFn(usize) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let barrier = Barrier::new(callers);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                let (barrier, call) = (&barrier, &call);
                scope.spawn(move || {
                    barrier.wait();
                    harness.run(call(caller))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Failure::new("the store panicked")))
            })
            .collect()
    })
}

//! A read that would cost more than its budget fails and is never answered in part.

use std::time::Instant;

use keyfob_core::message::SortOrder;
use keyfob_store::{Budget, Exhausted, Paging, Query, StoreError, Total};

use crate::{
    cases::sorting::by,
    failure::{Failure, Verdict},
    fixture::{Group, User},
    step::Step,
    tenancy::{Tenancy, Tested, page_ids},
};

const USERS: usize = 60;
const STEPS: [u64; 11] = [0, 1, 2, 10, 30, 59, 60, 61, 119, 500, 1_000_000];

/// Creates many users, of whom every third is called by another name, and a group of all of them.
async fn stage(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let ids: Vec<String> = (0..USERS).map(|number| format!("u{number:02}")).collect();
    let steps: Vec<Step> = ids
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let name = if number % 3 == 0 { "third" } else { "other" };
            Step::create(User, id).named(&format!("{name} {}", id.repeat(20)))
        })
        .collect();
    acme.apply(&steps).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    acme.apply(&[Step::create(Group, "g").add(&ids)]).await?;
    Ok(())
}

/// Queries of users, and whether the answer can't be had without a look at every user.
fn queries(acme: &Tenancy<'_, impl Tested>) -> Result<Vec<(Query, bool)>, Failure> {
    let scan = acme.compile(User, r#"userName co "third""#)?;
    let related = acme.compile(User, r#"groups.display co "G" and userName sw "t""#)?;
    let mut queries = vec![
        (Query::all(), true),
        (Query::all().with_selection(acme.everything(User)?), true),
        (Query::first(3).with_filter(scan.clone()), true),
        (
            Query::first(3)
                .with_filter(scan.clone())
                .with_total(Total::Unknown),
            false,
        ),
        (Query::all().with_filter(related), true),
        (
            Query::first(2).with_paging(Paging::Offset { offset: 50, count: 2 }),
            false,
        ),
    ];
    if acme.capabilities().cursors {
        let paging = Paging::Cursor {
            after: None,
            count: 5,
        };
        queries.push((Query::all().with_filter(scan.clone()).with_paging(paging), false));
    }
    if acme.capabilities().sorting {
        let sort = by("userName", SortOrder::Descending)?;
        queries.push((Query::all().with_filter(scan).with_sort(sort), true));
    }
    Ok(queries)
}

pub(crate) async fn a_query_beyond_its_steps_fails_and_is_never_short(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    for (query, looks_at_all) in queries(acme)? {
        let whole = acme.query(User, &query).await?;
        for steps in STEPS {
            let within = acme.within(Budget {
                steps,
                ..Budget::UNLIMITED
            });
            match within.try_query(User, &query).await? {
                Ok(page) => {
                    ensure_eq!(
                        page_ids(&page)?,
                        page_ids(&whole)?,
                        "the answer within {steps} steps"
                    );
                    ensure_eq!(page.total, whole.total, "the total within {steps} steps");
                    ensure_eq!(page.next, whole.next, "the cursor within {steps} steps");
                    ensure!(
                        !looks_at_all || steps >= 60,
                        "a query that looks at {USERS} users is answered within {steps} steps: {query:?}"
                    );
                }
                Err(StoreError::Exhausted(Exhausted::Steps { limit })) => {
                    ensure_eq!(limit, steps, "the limit that is exceeded");
                    ensure!(
                        steps < 1_000_000,
                        "a query of {USERS} users takes a million steps: {query:?}"
                    );
                }
                Err(other) => return Err(other.into()),
            }
        }
    }
    Ok(())
}

pub(crate) async fn a_read_by_ids_beyond_its_steps_fails(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    let ids = acme.ids(User).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let selection = acme.everything(User)?;
    let whole = acme.get_many(User, &ids, &selection).await?;
    let resource_type = acme.resource_type(User)?;
    let resource_ids: Vec<_> = ids.iter().map(|id| keyfob_core::ResourceId::new(*id)).collect();
    for steps in STEPS {
        let within = acme.within(Budget {
            steps,
            ..Budget::UNLIMITED
        });
        let read = within
            .store
            .get(&within.context(), resource_type, &resource_ids, &selection)
            .await;
        match read {
            Ok(read) => {
                let versions = |stored: &[Option<keyfob_store::Stored>]| -> Vec<_> {
                    stored
                        .iter()
                        .map(|stored| stored.as_ref().map(|stored| stored.version))
                        .collect()
                };
                ensure_eq!(
                    versions(&read),
                    versions(&whole),
                    "the answer within {steps} steps"
                );
                ensure!(steps >= 60, "{USERS} users are read within {steps} steps");
            }
            Err(StoreError::Exhausted(_)) => {
                ensure!(steps < 1_000_000, "reading {USERS} users takes a million steps");
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

pub(crate) async fn a_query_beyond_its_bytes_fails_and_is_never_short(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    for (query, _) in queries(acme)? {
        let whole = acme.query(User, &query).await?;
        // A store that decodes nothing stays within any number of bytes.
        for bytes in [0, 100, 1_000, 3_000, 6_000, 100_000_000] {
            let within = acme.within(Budget {
                bytes,
                ..Budget::UNLIMITED
            });
            match within.try_query(User, &query).await? {
                Ok(page) => {
                    ensure_eq!(
                        page_ids(&page)?,
                        page_ids(&whole)?,
                        "the answer within {bytes} bytes"
                    );
                    ensure_eq!(page.total, whole.total, "the total within {bytes} bytes");
                }
                Err(StoreError::Exhausted(Exhausted::Bytes { limit })) => {
                    ensure_eq!(limit, bytes, "the limit that is exceeded");
                    ensure!(
                        bytes < 100_000_000,
                        "a query of {USERS} users reads a hundred million bytes"
                    );
                }
                Err(other) => return Err(other.into()),
            }
        }
    }
    Ok(())
}

pub(crate) async fn a_read_ends_at_its_deadline(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    let late = acme.within(Budget {
        deadline: Some(Instant::now()),
        ..Budget::UNLIMITED
    });
    for (query, _) in queries(acme)? {
        let answer = late.try_query(User, &query).await?;
        ensure!(
            matches!(answer, Err(StoreError::Exhausted(Exhausted::Time))),
            "a query after its deadline is answered with {answer:?}"
        );
    }
    let in_time = acme.within(Budget::UNLIMITED.within(std::time::Duration::from_secs(3_600)));
    ensure_eq!(
        in_time.ids(User).await?.len(),
        USERS,
        "how many users are found before the deadline"
    );
    Ok(())
}

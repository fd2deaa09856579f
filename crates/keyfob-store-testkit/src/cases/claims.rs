//! A store refuses what it doesn't claim, and never passes over it.

use keyfob_core::message::SortOrder;
use keyfob_store::{CommitError, Paging, Query, StoreError, StoreExt, Visibility};

use crate::{
    cases::{relations::users, sorting::by},
    failure::{Failure, Verdict},
    fixture::{Group, User},
    step::Step,
    tenancy::{Tenancy, Tested, new_commit_id},
};

pub(crate) async fn a_store_refuses_what_it_does_not_claim(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let capabilities = acme.capabilities();
    if capabilities.hiding && capabilities.sorting && capabilities.cursors {
        return Err(Failure::inapplicable("the store claims to do everything"));
    }
    users(acme, &["a", "b"]).await?;
    let resource_type = acme.resource_type(User)?;
    if !capabilities.hiding {
        let change = Step::hide(User, "a").to_change(resource_type);
        let commit = keyfob_store::Commit::new(
            new_commit_id(),
            acme.tenant.clone(),
            crate::fixture::minute(1),
            vec![change],
        );
        let hidden = acme.store.commit_one(commit).await;
        ensure!(
            matches!(hidden, Err(CommitError::Store(StoreError::Unsupported(_)))),
            "a store that hides nothing was asked to hide a user: {hidden:?}"
        );
        ensure_eq!(acme.ids(User).await?, ["a", "b"], "the users");
        let hidden = Query::all().with_visibility(Visibility::Hidden);
        match acme.store.query(&acme.context(), resource_type, &hidden).await {
            Err(StoreError::Unsupported(_)) => {}
            Ok(page) if page.resources.is_empty() => {}
            other => {
                return Err(Failure::new(format!(
                    "a store that hides nothing was asked for hidden users: {other:?}"
                )));
            }
        }
    }
    let sorted = Query::all().with_sort(by("userName", SortOrder::Descending)?);
    let paged = Query::all().with_paging(Paging::Cursor {
        after: None,
        count: 1,
    });
    for (is_claimed, query) in [(capabilities.sorting, sorted), (capabilities.cursors, paged)] {
        let answer = acme.store.query(&acme.context(), resource_type, &query).await;
        ensure!(
            is_claimed || matches!(answer, Err(StoreError::Unsupported(_))),
            "a store answers what it doesn't claim, {query:?}, with {answer:?}"
        );
    }
    Ok(())
}

pub(crate) async fn a_store_claims_the_same_each_time(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let before = acme.capabilities().clone();
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    ensure_eq!(*acme.capabilities(), before, "the capabilities after commits");
    Ok(())
}

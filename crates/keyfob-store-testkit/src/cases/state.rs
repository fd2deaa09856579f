//! The state that a service keeps beside a document.

use keyfob_core::{Object, Value};
use keyfob_store::Query;

use crate::{
    cases::versions::was_changed,
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Group, User, minute},
    step::Step,
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn the_state_is_given_back_equal_beside_the_document(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    let mut state = Object::new();
    state.insert("origin", "größe \u{0} '\"\\");
    state.insert("count", i64::MIN);
    state.insert("share", Value::Decimal(0.1 + 0.2));
    state.insert("active", true);
    state.insert("list", vec![Value::from("a"), 7.into(), Value::Null]);
    state.insert(
        "deep",
        [("userName", "not the user's")].into_iter().collect::<Object>(),
    );
    let mut step = Step::create(User, "a");
    step.state = Some(state.clone());
    acme.apply(&[step]).await?;
    let stored = acme.read(User, "a").await?;
    ensure_eq!(*stored.state, state, "the state");
    let names: Vec<&str> = stored
        .resource
        .core()
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| *name != "id" && *name != "meta")
        .collect();
    ensure_eq!(names, ["userName"], "the attributes of the document");
    ensure!(
        stored.resource.extensions().is_empty(),
        "the document has extensions"
    );
    let query = Query::first(9).with_selection(acme.everything(User)?);
    let page = acme.query(User, &query).await?;
    ensure_eq!(page.resources.first(), Some(&stored), "the resource on a page");
    Ok(())
}

pub(crate) async fn a_resource_that_is_created_without_state_has_none(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "a").state("origin", "import")])
        .await?;
    acme.apply(&[Step::delete(User, "a")]).await?;
    acme.apply(&[Step::create(User, "a"), Step::create(Group, "g")])
        .await?;
    for (kind, id) in [(User, "a"), (Group, "g")] {
        ensure_eq!(
            *acme.read(kind, id).await?.state,
            Object::new(),
            "the state of `{id}`"
        );
    }
    Ok(())
}

pub(crate) async fn a_new_state_makes_the_next_version_and_leaves_the_rest(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "a").with("externalId", "7").at(1)])
        .await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    let outcomes = acme
        .apply(&[Step::update(User, "a").state("origin", "import").at(2)])
        .await?;
    ensure_eq!(outcomes, [Effect::Changed(2)], "the outcome of a new state");
    was_changed(acme, User, "a", 2, minute(2)).await?;
    ensure_eq!(
        acme.find(User, r#"externalId eq "7""#).await?,
        ["a"],
        "the user by an attribute"
    );
    let refusal = acme.refuse(&[Step::create(User, "b").named("A")]).await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "taking the name of the user"
    );
    ensure_eq!(
        acme.member_ids(User, "a", "groups").await?,
        ["g"],
        "the groups of the user"
    );
    // Another state replaces all of it.
    acme.apply(&[Step::update(User, "a").state("other", 1).at(3)])
        .await?;
    let expected: Object = [("other", 1)].into_iter().collect();
    ensure_eq!(*acme.read(User, "a").await?.state, expected, "the state");
    Ok(())
}

pub(crate) async fn a_change_without_a_state_leaves_the_state(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[
        Step::create(User, "a"),
        Step::create(Group, "g").state("origin", "import"),
    ])
    .await?;
    let expected: Object = [("origin", "import")].into_iter().collect();
    for step in [
        Step::update(Group, "g").named("renamed"),
        Step::update(Group, "g").add(&["a"]),
        Step::delete(User, "a"),
        Step::update(Group, "g"),
    ] {
        acme.apply(&[step]).await?;
        ensure_eq!(*acme.read(Group, "g").await?.state, expected, "the state");
    }
    Ok(())
}

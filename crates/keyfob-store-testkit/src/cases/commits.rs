//! Several commits at once, their answers, and whether they happened.

use std::time::Instant;

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{Answer, Cause, Commit, Committed, Selection, StoreExt, Stored};

use crate::{
    cases::relations::users,
    effect::{Effect, Refusal},
    failure::{Failure, Verdict},
    fixture::{Group, Kind, User},
    step::Step,
    tenancy::{Tenancy, Tested, new_commit_id, normal},
};

pub(crate) async fn several_commits_are_applied_in_order(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let results = several(
        acme,
        &[
            &[Step::create(User, "a")],
            &[
                Step::update(User, "a").named("second").precondition(1),
                Step::publish("renamed", User, "a").of(0),
            ],
            &[Step::create(Group, "g").add(&["a"])],
            &[Step::delete(User, "a").precondition(2)],
            &[Step::create(User, "b").named("second")],
        ],
    )
    .await?;
    let expected = [
        Ok(vec![Effect::Changed(1)]),
        Ok(vec![Effect::Changed(2), Effect::Published]),
        Ok(vec![Effect::Changed(1)]),
        Ok(vec![Effect::Deleted]),
        Ok(vec![Effect::Changed(1)]),
    ];
    ensure_eq!(results, expected, "the results of several commits at once");
    ensure_eq!(acme.ids(User).await?, ["b"], "the users in the end");
    ensure_eq!(acme.version(Group, "g").await?, 2, "the version of the group");
    Ok(())
}

pub(crate) async fn a_refused_commit_stops_none_after_it(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    let results = several(
        acme,
        &[
            &[Step::delete(User, "nobody")],
            &[Step::create(User, "b")],
            &[Step::create(User, "c").named("B")],
            &[Step::create(User, "d"), Step::update(User, "c").named("x")],
            &[Step::update(User, "b").named("x").precondition(7)],
            &[Step::create(User, "e")],
        ],
    )
    .await?;
    let expected = [
        Err(Refusal::NotFound { change: 0 }),
        Ok(vec![Effect::Changed(1)]),
        Err(Refusal::taken(0, "userName")),
        Err(Refusal::NotFound { change: 1 }),
        Err(Refusal::VersionMismatch {
            change: 0,
            current: 1,
        }),
        Ok(vec![Effect::Changed(1)]),
    ];
    ensure_eq!(results, expected, "the results of several commits at once");
    ensure_eq!(acme.ids(User).await?, ["a", "b", "e"], "the users in the end");
    Ok(())
}

pub(crate) async fn several_commits_may_be_of_several_tenants(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let globex = acme.other("globex");
    let commits = vec![
        acme.to_commit(&[Step::create(User, "a")])?,
        globex.to_commit(&[Step::create(User, "a").named("theirs")])?,
        acme.to_commit(&[Step::update(User, "a").named("ours")])?,
        globex.to_commit(&[Step::create(User, "b").named("THEIRS")])?,
    ];
    let results = acme.commit_all(commits).await?;
    let expected = [
        Ok(vec![Effect::Changed(1)]),
        Ok(vec![Effect::Changed(1)]),
        Ok(vec![Effect::Changed(2)]),
        Err(Refusal::taken(0, "userName")),
    ];
    ensure_eq!(effects(&results), expected, "the results");
    ensure_eq!(
        acme.find(User, r#"userName eq "ours""#).await?,
        ["a"],
        "the first tenant's user"
    );
    ensure_eq!(
        globex.find(User, r#"userName eq "theirs""#).await?,
        ["a"],
        "the second tenant's user"
    );
    Ok(())
}

pub(crate) async fn each_of_several_commits_is_atomic(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    let before = acme.state().await?;
    let wrong = Step::delete(User, "nobody");
    let results = several(
        acme,
        &[
            &[Step::create(User, "b"), wrong.clone()],
            &[Step::delete(User, "a"), wrong.clone()],
            &[Step::update(Group, "g").members(&[]), wrong.clone()],
            &[Step::publish("lost", User, "a"), wrong],
        ],
    )
    .await?;
    ensure_eq!(
        results,
        vec![Err(Refusal::NotFound { change: 1 }); 4],
        "the results of commits that fail at their second change"
    );
    acme.state()
        .await?
        .check_equal(&before, "commits that were refused changed something")
}

pub(crate) async fn of_no_commits_nothing_comes(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let results = acme.store.commit(&[]).await;
    ensure!(results.is_empty(), "no commits have results: {results:?}");
    Ok(())
}

pub(crate) async fn a_commit_that_happened_is_known(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let globex = acme.other("globex");
    let with_event = acme.to_commit(&[Step::create(User, "a"), Step::publish("created", User, "a").of(0)])?;
    let silent = acme.to_commit(&[Step::update(User, "a").named("b")])?;
    let refused = acme.to_commit(&[Step::publish("lost", User, "a"), Step::delete(User, "nobody")])?;
    let ids = [&with_event, &silent, &refused].map(|commit| commit.id.clone());
    for id in &ids {
        ensure!(!acme.committed(id).await?, "a commit is known before it is made");
    }
    acme.commit_all(vec![with_event, silent, refused]).await?;
    acme.apply(&[Step::create(User, "later")]).await?;
    for (id, expected) in ids.iter().zip([true, true, false]) {
        ensure_eq!(acme.committed(id).await?, expected, "whether a commit happened");
        ensure!(
            !globex.committed(id).await?,
            "a commit happened in another tenant than its own"
        );
    }
    ensure!(
        !acme.committed(&new_commit_id()).await?,
        "a commit is known that never was"
    );
    Ok(())
}

pub(crate) async fn a_commit_whose_deadline_has_passed_happens_whole_or_not_at_all(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    let mut commit = acme.to_commit(&[Step::create(User, "a"), Step::create(User, "b")])?;
    let id = commit.id.clone();
    commit.deadline = Some(Instant::now());
    let happened = acme.store.commit_one(commit).await.is_ok();
    let expected: &[&str] = if happened { &["a", "b"] } else { &[] };
    ensure_eq!(
        acme.ids(User).await?,
        expected,
        "the users of a commit that happened: {happened}"
    );
    ensure_eq!(
        acme.committed(&id).await?,
        happened,
        "whether the commit is known"
    );
    Ok(())
}

pub(crate) async fn an_answer_is_the_resource_as_the_commit_leaves_it(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    let steps = [
        Step::create(Group, "g").add(&["a", "b"]).at(3),
        Step::update(User, "a").named("renamed").state("origin", "import"),
        Step::update(Group, "g").named("Guides").add(&["c"]),
    ];
    let answer = answered(acme, &steps, 0, &acme.everything(Group)?).await?;
    is_as_read(acme, Group, "g", &acme.everything(Group)?, answer).await?;

    let steps = [
        Step::update(User, "a").named("again").at(4),
        Step::update(Group, "g").named("Drivers"),
    ];
    let answer = answered(acme, &steps, 0, &acme.everything(User)?).await?;
    is_as_read(acme, User, "a", &acme.everything(User)?, answer).await?;

    // Of what is not selected no relation is read.
    let steps = [Step::update(Group, "g").remove(&["c"])];
    let selection = acme.selection(Group, &["displayName"])?;
    let answer = answered(acme, &steps, 0, &selection).await?;
    is_as_read(acme, Group, "g", &selection, answer).await?;

    // A change of nothing has an answer too.
    let answer = answered(acme, &[Step::update(Group, "g")], 0, &acme.everything(Group)?).await?;
    is_as_read(acme, Group, "g", &acme.everything(Group)?, answer).await?;

    let none = acme.commit(&[Step::update(Group, "g").named("x")]).await?;
    ensure!(
        none.is_ok_and(|committed| committed.answer.is_none()),
        "a commit answers what nobody asked for"
    );
    Ok(())
}

pub(crate) async fn an_answer_leaves_out_a_relation_above_its_limit(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a", "b"])]).await?;
    for limit in 0..5 {
        let selection = acme.everything(Group)?.with_relation_limit(limit);
        let step = Step::update(Group, "g").named(&limit.to_string()).add(&["c"]);
        let answer = answered(acme, &[step], 0, &selection).await?;
        let size = answer
            .as_ref()
            .and_then(|stored| stored.resource.relation("members"))
            .map(keyfob_core::MemberSet::len);
        ensure_eq!(
            size,
            (limit >= 3).then_some(3),
            "how many members are answered with a limit of {limit}"
        );
        is_as_read(acme, Group, "g", &selection, answer).await?;
    }
    Ok(())
}

pub(crate) async fn a_skipped_change_has_no_answer(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    let steps = [
        Step::create(User, "a").named("twin").or_skip(&[Cause::IdTaken]),
        Step::update(User, "a").named("renamed"),
    ];
    ensure_eq!(
        answered(acme, &steps, 0, &Selection::document()).await?,
        None,
        "the answer to a skipped change"
    );
    Ok(())
}

pub(crate) async fn an_id_that_the_store_chooses_stands_for_the_given_one_in_its_commit(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    if acme.capabilities().ids == keyfob_store::Ids::Given {
        return Err(Failure::inapplicable("the store takes the ids that it is given"));
    }
    let (user, group) = (acme.resource_type(User)?, acme.resource_type(Group)?);
    let change = |step: Step, resource_type: &ResourceType| step.to_change(resource_type);
    let changes = vec![
        change(Step::create(User, "new user").named("ada"), user),
        change(Step::create(Group, "new group").add(&["new user"]), group),
        change(Step::publish("created", User, "new user").of(0), user),
    ];
    let commit = Commit::new(
        new_commit_id(),
        acme.tenant.clone(),
        crate::fixture::minute(1),
        changes,
    );
    let committed = acme.store.commit_one(commit).await?;
    let id_of = |change: usize| {
        let revision = committed.revision(change);
        let id = revision.map(|revision| revision.id.clone());
        id.ok_or_else(|| Failure::new("a created resource has no revision"))
    };
    let (user_id, group_id): (ResourceId, ResourceId) = (id_of(0)?, id_of(1)?);
    ensure!(
        user_id != group_id,
        "two resources have the id {user_id} that the store chose"
    );
    ensure!(
        user_id.as_str() != "new user" && group_id.as_str() != "new group",
        "the store claims to choose ids and keeps those that it is given"
    );
    ensure_eq!(
        acme.read(User, user_id.as_str()).await?.resource.id(),
        Some(user_id.clone()),
        "the id of the user"
    );
    ensure_eq!(
        acme.member_ids(Group, group_id.as_str(), "members").await?,
        [user_id.as_str()],
        "the members of the group"
    );
    if let Some(events) = acme.state().await?.events {
        let subject = events.first().map(|event| event.event.resource.clone());
        ensure_eq!(subject, Some(user_id), "the resource of the event");
    }
    Ok(())
}

/// Hands commits over at once.
async fn several(
    acme: &Tenancy<'_, impl Tested>,
    commits: &[&[Step]],
) -> Result<Vec<Result<Vec<Effect>, Refusal>>, Failure> {
    let commits: Result<Vec<_>, _> = commits.iter().map(|steps| acme.to_commit(steps)).collect();
    Ok(effects(&acme.commit_all(commits?).await?))
}

fn effects(results: &[Result<Committed, Refusal>]) -> Vec<Result<Vec<Effect>, Refusal>> {
    let effects = |committed: &Committed| committed.outcomes.iter().map(Effect::from).collect();
    results
        .iter()
        .map(|result| result.as_ref().map(effects).map_err(Clone::clone))
        .collect()
}

/// Commits what the store has to accept, and asks for a resource.
async fn answered(
    acme: &Tenancy<'_, impl Tested>,
    steps: &[Step],
    change: usize,
    selection: &Selection,
) -> Result<Option<Stored>, Failure> {
    let commit = acme.to_commit(steps)?.with_answer(Answer {
        change,
        selection: selection.clone(),
    });
    match acme.commit_once(commit).await? {
        Ok(committed) => Ok(committed.answer.map(normal)),
        Err(refusal) => Err(Failure::new(format!(
            "a commit was refused that has to be accepted: {refusal:?}"
        ))),
    }
}

async fn is_as_read(
    acme: &Tenancy<'_, impl Tested>,
    kind: Kind,
    id: &str,
    selection: &Selection,
    answer: Option<Stored>,
) -> Verdict {
    let read = acme.get_selected(kind, id, selection).await?;
    ensure!(answer.is_some(), "a commit has no answer that was asked for");
    ensure_eq!(answer, read, "the answer of a commit, and what is read after it");
    Ok(())
}

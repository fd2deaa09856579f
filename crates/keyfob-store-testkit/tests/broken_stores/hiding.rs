//! What can be wrong with hidden resources, with state, expectations, skipped changes and outcomes.

use std::sync::Arc;

use keyfob_core::{Member, Object, ResourceId, ResourceType, Version};
use keyfob_store::{
    Change, Commit, CommitError, Committed, Expected, Listed, OnRefusal, Outcome, Page, Query, ReadContext,
    RelationDelta, Selection, Stored, TenantId, UniqueKey, Visibility,
};
use keyfob_store_testkit::registry;

use crate::{
    bugs::{Result, stored_document},
    store::{Broken, cut, each_delta, everything},
};

fn owners() -> impl Iterator<Item = &'static ResourceType> {
    ["Group", "Device"]
        .into_iter()
        .filter_map(|name| registry().resource_type(name))
}

fn is_hidden(broken: &Broken, tenant: &TenantId, id: &ResourceId) -> bool {
    let mut types = registry().resource_types().iter();
    types.any(|found| {
        let stored = broken.get_rightly(tenant, found, id, &Selection::document());
        stored.is_some_and(|stored| stored.is_hidden())
    })
}

/// A change that makes a version and nothing else.
fn touch(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    stored: &Stored,
) -> Option<Change> {
    let id = stored.resource.id()?;
    let document = stored_document(broken, tenant, resource_type, &id)?;
    Some(Change::replace(resource_type, id, document, None))
}

/// The changes of a commit that give a resource a visibility, each with the resource.
fn seen(commit: &Commit, wanted: Visibility) -> Vec<(ResourceType, ResourceId)> {
    let changes = commit.changes.iter();
    let seen = changes.filter_map(|change| match change {
        Change::Update {
            resource_type,
            id,
            visibility: Some(visibility),
            ..
        } if *visibility == wanted => Some((resource_type.clone(), id.clone())),
        _ => None,
    });
    seen.collect()
}

/// The hidden or live members of a relation.
fn members(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    id: &ResourceId,
    relation: &str,
    visibility: Visibility,
) -> Vec<(ResourceId, Member)> {
    let mut selection = everything(resource_type);
    selection.members = visibility;
    let stored = broken.get_rightly(tenant, resource_type, id, &selection);
    let members = stored.and_then(|stored| stored.resource.relation(relation).cloned());
    members.unwrap_or_default().into_iter().collect()
}

pub(crate) fn find_hidden_too(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Page {
    let mut found = Vec::new();
    for visibility in [Visibility::Live, Visibility::Hidden] {
        let query = query.clone().with_visibility(visibility);
        found.extend(broken.all(cx, resource_type, &query));
    }
    let page = cut(
        found,
        &Query {
            filter: None,
            ..query.clone()
        },
        |_, _| true,
    );
    broken.selected(cx, resource_type, query, page)
}

pub(crate) fn delete_to_hide(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            visibility: Some(Visibility::Hidden),
            precondition,
            ..
        } = change
        {
            *change = Change::delete(resource_type, id.clone(), *precondition);
        }
    }
}

pub(crate) fn get_live_alone(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let read = |id| broken.get_rightly(&cx.tenant, resource_type, id, selection);
    let live = |stored: &Stored| !stored.is_hidden();
    ids.iter().map(|id| read(id).filter(live)).collect()
}

/// What a hidden resource reserved stays its own.
pub(crate) fn reserve_while_hidden(broken: &Broken, commit: &Commit) -> Result {
    let user = registry().resource_type("User");
    for (number, change) in commit.changes.iter().enumerate() {
        let (Change::Create { id, unique, .. }
        | Change::Update {
            id,
            unique: Some(unique),
            ..
        }) = change
        else {
            continue;
        };
        let notes = broken.notes().keys.clone();
        let is_taken = |key: &&UniqueKey| {
            notes.iter().any(|(tenant, owner, reserved)| {
                *tenant == commit.tenant
                    && reserved == *key
                    && owner.as_str() != id.as_str()
                    && is_hidden(broken, tenant, &ResourceId::new(owner.as_str()))
            })
        };
        if let Some(key) = unique.iter().find(is_taken) {
            return Err(CommitError::UniquenessViolated {
                change: number,
                attribute: key.attribute.clone(),
            });
        }
    }
    for (number, change) in commit.changes.iter().enumerate() {
        // A creation in the commit that hides.
        if let Change::Create { unique, .. } = change {
            for (_, hidden) in seen(commit, Visibility::Hidden) {
                let name = user.and_then(|user| stored_document(broken, &commit.tenant, user, &hidden));
                let name = name.and_then(|document| document.core().get_str("userName").map(str::to_owned));
                if unique
                    .iter()
                    .any(|key| Some(key.value.as_str()) == name.as_deref())
                {
                    return Err(CommitError::UniquenessViolated {
                        change: number,
                        attribute: "userName".into(),
                    });
                }
            }
        }
    }
    broken.commit_rightly(commit)
}

pub(crate) fn reveal_over_a_taken_key(broken: &Broken, commit: &Commit) -> Result {
    let mut lenient = commit.clone();
    match broken.commit_rightly(commit) {
        Err(CommitError::UniquenessViolated { change, .. }) => match lenient.changes.get_mut(change) {
            Some(Change::Update {
                visibility: Some(Visibility::Live),
                unique,
                ..
            }) => {
                *unique = Some(Vec::new());
                broken.commit_rightly(&lenient)
            }
            _ => broken.commit_rightly(commit),
        },
        other => other,
    }
}

pub(crate) fn reveal_without_keys(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            visibility: Some(Visibility::Live),
            unique,
            ..
        } = change
        {
            *unique = Some(Vec::new());
        }
    }
}

/// Shows hidden members beside the live ones.
pub(crate) fn show_hidden_members(broken: &Broken, tenant: &TenantId, stored: &mut Stored) {
    let Some(id) = stored.resource.id() else { return };
    for owner in owners() {
        for (relation, shown) in stored.resource.relations_mut() {
            for (id, member) in members(broken, tenant, owner, &id, relation.as_str(), Visibility::Hidden) {
                if !relation.is("partOf") {
                    shown.insert(id, member);
                }
            }
        }
    }
}

pub(crate) fn find_by_hidden_members(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Page {
    let unfiltered = Query {
        filter: None,
        ..query.clone()
    };
    let all = broken.all(cx, resource_type, &unfiltered);
    let page = cut(all, query, |filter, stored| {
        let mut stored = stored.clone();
        show_hidden_members(broken, &cx.tenant, &mut stored);
        filter.matches(&stored.resource)
    });
    broken.selected(cx, resource_type, query, page)
}

pub(crate) fn count_hidden_members(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let read = |id: &ResourceId| {
        let mut stored = broken.get_rightly(&cx.tenant, resource_type, id, selection)?;
        let limit = selection.relation_limit.unwrap_or(usize::MAX);
        stored.resource.relations_mut().retain(|(relation, shown)| {
            let hidden = members(
                broken,
                &cx.tenant,
                resource_type,
                id,
                relation.as_str(),
                Visibility::Hidden,
            );
            shown.len() + hidden.len() <= limit
        });
        Some(stored)
    };
    ids.iter().map(read).collect()
}

/// Takes a resource out of all its owners before it is hidden.
pub(crate) fn lose_hidden_edges(broken: &Broken, commit: &mut Commit) {
    let mut removals = Vec::new();
    for (_, id) in seen(commit, Visibility::Hidden) {
        for owner in owners() {
            for stored in broken.holders(&commit.tenant, owner, &id, Visibility::Live, Visibility::Live) {
                let Some(holder) = stored.resource.id() else {
                    continue;
                };
                let deltas = ["members", "users", "components"]
                    .into_iter()
                    .filter_map(|relation| {
                        let mut delta = RelationDelta::new(owner.relation(relation)?.attribute.name.clone());
                        delta.remove.push(id.clone());
                        Some(delta)
                    });
                removals.push(Change::relate(owner, holder, deltas.collect::<Vec<_>>()));
            }
        }
    }
    broken.also(&commit.tenant, removals).ok();
}

/// Owners don't change when a member is hidden or revealed.
pub(crate) fn leave_owners_alone(broken: &Broken, commit: &Commit) -> Result {
    let mut missed = Vec::new();
    for (resource_type, id) in seen(commit, Visibility::Hidden) {
        let was_live = !is_hidden(broken, &commit.tenant, &id);
        for owner in owners().filter(|_| was_live && resource_type.name() == "User") {
            let holders = broken.holders(&commit.tenant, owner, &id, Visibility::Live, Visibility::Live);
            missed.extend(holders.into_iter().filter_map(|stored| stored.resource.id()));
        }
    }
    let committed = broken.commit_rightly(commit)?;
    for owner in missed {
        *broken
            .notes()
            .missed
            .entry((commit.tenant.clone(), owner))
            .or_default() += 1;
    }
    Ok(committed)
}

pub(crate) fn give_without_missed(broken: &Broken, tenant: &TenantId, stored: &mut Stored) {
    let Some(id) = stored.resource.id() else { return };
    if let Some(missed) = broken.notes().missed.get(&(tenant.clone(), id)) {
        stored.version = Version::new(stored.version.number().saturating_sub(*missed));
    }
}

/// Owners change once for each relation in which a hidden member is.
pub(crate) fn change_owners_for_each_relation(broken: &Broken, commit: &Commit) -> Result {
    let mut again = Vec::new();
    for (_, id) in seen(commit, Visibility::Hidden) {
        for owner in owners() {
            for stored in broken.holders(&commit.tenant, owner, &id, Visibility::Live, Visibility::Live) {
                let owned = stored.resource.relations().iter();
                let holding = owned.filter(|(name, members)| !name.is("partOf") && members.contains(&id));
                if holding.count() > 1 {
                    again.extend(touch(broken, &commit.tenant, owner, &stored));
                }
            }
        }
    }
    let committed = broken.commit_rightly(commit)?;
    broken.also(&commit.tenant, again).ok();
    Ok(committed)
}

/// Hidden owners change too when a member is hidden.
pub(crate) fn change_hidden_owners(broken: &Broken, commit: &Commit) -> Result {
    let mut again = Vec::new();
    for (_, id) in seen(commit, Visibility::Hidden) {
        for owner in owners() {
            for stored in broken.holders(&commit.tenant, owner, &id, Visibility::Hidden, Visibility::Live) {
                again.extend(touch(broken, &commit.tenant, owner, &stored));
            }
        }
    }
    let committed = broken.commit_rightly(commit)?;
    broken.also(&commit.tenant, again).ok();
    Ok(committed)
}

/// Hidden owners change too when a member is deleted.
pub(crate) fn change_hidden_owners_of_deleted(broken: &Broken, commit: &Commit) -> Result {
    let mut again = Vec::new();
    for change in &commit.changes {
        let Change::Delete { id, .. } = change else {
            continue;
        };
        for owner in owners() {
            for stored in broken.holders(&commit.tenant, owner, id, Visibility::Hidden, Visibility::Live) {
                again.extend(touch(broken, &commit.tenant, owner, &stored));
            }
        }
    }
    let committed = broken.commit_rightly(commit)?;
    broken.also(&commit.tenant, again).ok();
    Ok(committed)
}

/// Owners change when a hidden member is deleted.
pub(crate) fn change_owners_of_hidden_deleted(broken: &Broken, commit: &Commit) -> Result {
    let mut again = Vec::new();
    for change in &commit.changes {
        let Change::Delete { id, .. } = change else {
            continue;
        };
        for owner in owners() {
            for stored in broken.holders(&commit.tenant, owner, id, Visibility::Live, Visibility::Hidden) {
                again.extend(touch(broken, &commit.tenant, owner, &stored));
            }
        }
    }
    let committed = broken.commit_rightly(commit)?;
    broken.also(&commit.tenant, again).ok();
    Ok(committed)
}

/// Hiding what is hidden makes a version.
pub(crate) fn hide_again(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            document: document @ None,
            visibility: Some(_),
            ..
        } = change
        {
            *document = stored_document(broken, &tenant, resource_type, id).map(Into::into);
        }
    }
}

pub(crate) fn clear_hidden_edges(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    each_delta(commit, |owner, id, delta| {
        if delta.clear {
            let relation = delta.attribute.as_str().to_owned();
            let hidden = members(broken, &tenant, owner, id, &relation, Visibility::Hidden);
            delta.remove.extend(hidden.into_iter().map(|(id, _)| id));
        }
    });
}

pub(crate) fn leave_hidden_edges(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    each_delta(commit, |_, _, delta| {
        delta.remove.retain(|id| !is_hidden(broken, &tenant, id));
    });
}

/// An edge of a hidden member makes a version.
pub(crate) fn count_hidden_edges(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            document: document @ None,
            relations,
            ..
        } = change
            && relations.iter().any(|delta| {
                let added = delta.add.iter().map(|(id, _)| id);
                added
                    .chain(&delta.remove)
                    .any(|id| is_hidden(broken, &tenant, id))
            })
        {
            *document = stored_document(broken, &tenant, resource_type, id).map(Into::into);
        }
    }
}

pub(crate) fn give_nothing_of_hidden(_: &Broken, _: &TenantId, stored: &mut Stored) {
    if stored.is_hidden() {
        for (_, members) in stored.resource.relations_mut() {
            members.clear();
        }
    }
}

/// Users show hidden groups.
pub(crate) fn show_hidden_owners(broken: &Broken, tenant: &TenantId, stored: &mut Stored) {
    let (Some(id), Some(group)) = (stored.resource.id(), registry().resource_type("Group")) else {
        return;
    };
    let hidden = broken.holders(tenant, group, &id, Visibility::Hidden, Visibility::Live);
    for (relation, members) in stored.resource.relations_mut() {
        if relation.is("groups") {
            for group in hidden.iter().filter_map(|stored| stored.resource.id()) {
                members.insert(group, Member::new().with_kind("direct"));
            }
        }
    }
}

pub(crate) fn merge_states(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            state: Some(state),
            ..
        } = change
            && let Some(stored) = broken.get_rightly(&tenant, resource_type, id, &Selection::document())
        {
            let mut merged = Object::clone(&stored.state);
            for (name, value) in state.iter() {
                merged.insert(name.clone(), value.clone());
            }
            *state = Arc::new(merged);
        }
    }
}

pub(crate) fn ignore_state_alone(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            document: None,
            state,
            ..
        } = change
        {
            *state = None;
        }
    }
}

pub(crate) fn lose_state_with_document(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            document: Some(_),
            state: state @ None,
            ..
        } = change
        {
            *state = Some(Arc::default());
        }
    }
}

pub(crate) fn expect_nothing(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Expect { id, expected, .. } = change {
            *id = ResourceId::new("no such resource");
            *expected = Expected::Absent;
        }
    }
}

pub(crate) fn expect_of_any_type(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Expect {
            resource_type, id, ..
        } = change
        {
            let mut types = registry().resource_types().iter();
            let found = types.find(|found| {
                broken
                    .get_rightly(&tenant, found, id, &Selection::document())
                    .is_some()
            });
            if let Some(found) = found {
                *resource_type = found.clone();
            }
        }
    }
}

pub(crate) fn expect_live_alone(broken: &Broken, commit: &Commit) -> Result {
    for (number, change) in commit.changes.iter().enumerate() {
        if let Change::Expect { id, expected, .. } = change
            && *expected != Expected::Absent
            && is_hidden(broken, &commit.tenant, id)
        {
            return Err(CommitError::NotFound { change: number });
        }
    }
    broken.commit_rightly(commit)
}

pub(crate) fn write_what_is_expected(broken: &Broken, commit: &Commit) -> Result {
    let committed = broken.commit_rightly(commit)?;
    for change in &commit.changes {
        if let Change::Expect {
            resource_type, id, ..
        } = change
            && let Some(document) = stored_document(broken, &commit.tenant, resource_type, id)
        {
            let again = Change::replace(resource_type, id.clone(), document, None);
            broken.also(&commit.tenant, vec![again]).ok();
        }
    }
    Ok(committed)
}

pub(crate) fn expect_before_all(broken: &Broken, commit: &Commit) -> Result {
    let expectations = commit.changes.iter();
    let expectations = expectations.filter(|change| matches!(change, Change::Expect { .. }));
    broken.also(&commit.tenant, expectations.cloned().collect())?;
    broken.commit_rightly(commit)
}

/// The document of an update is stored although the update is skipped.
pub(crate) fn leave_the_document_of_skipped(broken: &Broken, commit: &Commit) -> Result {
    let committed = broken.commit_rightly(commit)?;
    for (change, outcome) in commit.changes.iter().zip(&committed.outcomes) {
        if let (
            Change::Update {
                resource_type,
                id,
                document: Some(document),
                ..
            },
            Outcome::Skipped(keyfob_store::Cause::UnknownMembers),
        ) = (change, outcome)
        {
            let half = Change::replace(resource_type, id.clone(), Arc::clone(document), None);
            broken.also(&commit.tenant, vec![half]).ok();
        }
    }
    Ok(committed)
}

/// The keys of a skipped change stay reserved until the end of the commit.
pub(crate) fn reserve_for_skipped(broken: &Broken, commit: &Commit) -> Result {
    let committed = broken.commit_rightly(commit)?;
    let keys = |change: &Change| match change {
        Change::Create { unique, .. } => unique.clone(),
        _ => Vec::new(),
    };
    for (place, outcome) in committed.outcomes.iter().enumerate() {
        if let Outcome::Skipped(_) = outcome {
            let skipped = commit.changes.get(place).map(keys).unwrap_or_default();
            let later = commit.changes.iter().enumerate().skip(place + 1);
            for (number, change) in later {
                if let Some(key) = keys(change).iter().find(|key| skipped.contains(key)) {
                    return Err(CommitError::UniquenessViolated {
                        change: number,
                        attribute: key.attribute.clone(),
                    });
                }
            }
        }
    }
    Ok(committed)
}

/// What comes after a skipped change is skipped as well.
pub(crate) fn stop_at_skipped(broken: &Broken, commit: &Commit) -> Result {
    let committed = broken.commit_rightly(commit)?;
    let skipped = committed
        .outcomes
        .iter()
        .position(|outcome| matches!(outcome, Outcome::Skipped(_)));
    if let Some(place) = skipped {
        for change in commit.changes.iter().skip(place + 1) {
            if let Change::Create {
                resource_type, id, ..
            } = change
            {
                let undo = Change::delete(resource_type, id.clone(), None);
                broken.also(&commit.tenant, vec![undo]).ok();
            }
        }
    }
    Ok(committed)
}

pub(crate) fn never_skip(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Create { on_refusal, .. }
        | Change::Update { on_refusal, .. }
        | Change::Delete { on_refusal, .. } = change
        {
            *on_refusal = OnRefusal::Fail;
        }
    }
}

pub(crate) fn answer_skipped(broken: &Broken, commit: &Commit, committed: &mut Committed) {
    let subject = commit.answer.as_ref().and_then(|answer| {
        let change = commit.changes.get(answer.change)?;
        change.subject().zip(Some(&answer.selection))
    });
    if let Some(((resource_type, id), selection)) = subject {
        committed.answer = broken.get_rightly(&commit.tenant, resource_type, id, selection);
    }
}

/// Makes something else of the policy of each change.
pub(crate) fn each_policy(commit: &mut Commit, tamper: fn(&mut keyfob_store::MemberPolicy)) {
    for change in &mut commit.changes {
        if let Change::Create { members, .. } | Change::Update { members, .. } = change {
            tamper(members);
        }
    }
}

pub(crate) fn name_no_unknown(_: &Broken, _: &Commit, committed: &mut Committed) {
    for outcome in &mut committed.outcomes {
        if let Outcome::Changed { unknown, .. } | Outcome::Unchanged { unknown, .. } = outcome {
            unknown.clear();
        }
    }
}

/// Names those who were to join, whoever was there before.
pub(crate) fn name_all_that_were_to_join(_: &Broken, commit: &Commit, committed: &mut Committed) {
    for (change, outcome) in commit.changes.iter().zip(&mut committed.outcomes) {
        let (Change::Create { relations, .. } | Change::Update { relations, .. }) = change else {
            continue;
        };
        if let Outcome::Changed { joined, .. } = outcome {
            let added = relations.iter().flat_map(|delta| &delta.add);
            let ids: Vec<ResourceId> = added.map(|(id, _)| id.clone()).collect();
            let count = ids.len();
            *joined = Listed::of(ids, count);
        }
    }
}

pub(crate) fn each_listed(committed: &mut Committed, tamper: fn(&mut Listed)) {
    for outcome in &mut committed.outcomes {
        if let Outcome::Changed { joined, left, .. } = outcome {
            tamper(joined);
            tamper(left);
        }
    }
}

pub(crate) fn list_all(_: &Broken, commit: &Commit, committed: &mut Committed) {
    for (change, outcome) in commit.changes.iter().zip(&mut committed.outcomes) {
        if let (Change::Create { relations, .. }, Outcome::Changed { joined, .. }) = (change, outcome) {
            let added = relations.iter().flat_map(|delta| &delta.add);
            joined.ids = added.map(|(id, _)| id.clone()).collect();
        }
    }
}

pub(crate) fn each_revision(committed: &mut Committed, tamper: impl Fn(&mut keyfob_store::Revision)) {
    for outcome in &mut committed.outcomes {
        if let Outcome::Changed { revision, .. } | Outcome::Unchanged { revision, .. } = outcome {
            tamper(revision);
        }
    }
}

/// Answers with what was there before the commit.
pub(crate) fn answer_before_the_commit(broken: &Broken, commit: &Commit) -> Result {
    let before = commit.answer.as_ref().and_then(|answer| {
        let (resource_type, id) = commit.changes.get(answer.change)?.subject()?;
        broken.get_rightly(&commit.tenant, resource_type, id, &answer.selection)
    });
    let mut committed = broken.commit_rightly(commit)?;
    committed.answer = before.or(committed.answer);
    Ok(committed)
}

/// Answers with what the change itself left.
pub(crate) fn answer_before_later_changes(broken: &Broken, commit: &Commit) -> Result {
    let (Some(answer), true) = (&commit.answer, commit.changes.len() > 1) else {
        return broken.commit_rightly(commit);
    };
    let early = Commit {
        changes: commit.changes.iter().take(answer.change + 1).cloned().collect(),
        ..commit.clone()
    };
    let early = broken.commit_rightly(&early)?;
    let mut outcomes = early.outcomes;
    for change in commit.changes.iter().skip(answer.change + 1) {
        let outcome = broken.commit_change(commit, change, &outcomes)?;
        outcomes.push(outcome);
    }
    Ok(Committed::new(outcomes).with_answer(early.answer))
}

/// Treats hidden resources as if they were not there.
pub(crate) fn refuse_hidden(broken: &Broken, commit: &Commit) -> Result {
    for (number, change) in commit.changes.iter().enumerate() {
        if let Change::Update {
            id, visibility: None, ..
        } = change
            && is_hidden(broken, &commit.tenant, id)
        {
            return Err(CommitError::NotFound { change: number });
        }
    }
    broken.commit_rightly(commit)
}

pub(crate) fn change_visibility_alone(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            document,
            visibility: Some(_),
            ..
        } = change
        {
            *document = None;
        }
    }
}

/// A resource that is its own member is an owner that changes as well.
pub(crate) fn change_itself_again(broken: &Broken, commit: &Commit) -> Result {
    let committed = broken.commit_rightly(commit)?;
    for (owner, id) in seen(commit, Visibility::Live) {
        let selection = everything(&owner);
        let stored = broken.get_rightly(&commit.tenant, &owner, &id, &selection);
        let own = stored.filter(|stored| {
            let members = stored.resource.relation("members");
            members.is_some_and(|members| members.contains(&id))
        });
        let again = own.and_then(|stored| touch(broken, &commit.tenant, &owner, &stored));
        broken.also(&commit.tenant, again.into_iter().collect()).ok();
    }
    Ok(committed)
}

pub(crate) fn drop_left(committed: &mut Committed) {
    for outcome in &mut committed.outcomes {
        if let Outcome::Changed { left, .. } = outcome {
            *left = Listed::new();
        }
    }
}

//! Faults in the work of a commit: each bug breaks one sentence that is easily taken for granted.

use std::{thread, time::Duration};

use keyfob_core::{MemberSet, Resource, ResourceId, ResourceType, Version};
use keyfob_store::{
    Capabilities, Change, Commit, CommitError, Committed, Listed, Outcome, Query, ReadContext, RelationDelta,
    Selection, StoreError, TenantId, UniqueKey, Visibility,
};
use keyfob_store_testkit::registry;

use crate::{
    bugs::{Result, stored_document},
    hiding,
    store::{Broken, each_delta, each_keys, each_precondition, everything},
};

caught! {
    takes_values_by_their_place
        by the_order_of_attributes_makes_no_difference
        with { tamper: take_values_by_their_place };
    creates_what_it_should_update
        by an_unknown_id_is_not_found
        with { tamper: create_what_is_missing };
    has_ids_for_each_type
        by an_id_is_taken_whatever_the_type
        with { commit: take_ids_of_other_types };
    has_ids_for_all_tenants
        by two_tenants_may_use_one_id
        with { commit: refuse_ids_of_other_tenants };

    counts_the_document_and_the_members
        by each_update_makes_one_version
        with { finish: count_document_and_members };
    drops_attributes_with_a_change_of_members
        by an_update_without_a_document_leaves_the_document
        with { tamper: drop_attributes_of_related };
    demands_the_first_version
        by an_update_that_finds_the_demanded_version_is_made
        with { tamper: |_, commit| each_precondition(commit, |demanded| *demanded = demanded.map(|_| Version::FIRST)) };

    adds_nobody_beside_who_is_there
        by a_delta_that_changes_something_in_part_changes_the_resource
        with { tamper: add_all_or_nobody };
    takes_members_of_any_tenant
        by another_tenants_resource_is_an_unknown_member
        with { commit: take_members_of_other_tenants };
    creates_without_members
        by a_resource_is_created_with_its_members
        with { tamper: create_without_members };
    is_never_its_own_member
        by a_resource_may_be_its_own_member
        with { tamper: |_, commit| each_delta(commit, |_, owner, delta| delta.add.retain(|(id, _)| id != owner)) };
    applies_deltas_backwards
        by deltas_of_one_change_are_applied_in_order
        with { tamper: apply_deltas_backwards };
    adds_a_thousand_members
        by a_group_may_have_thousands_of_members
        with { tamper: |_, commit| each_delta(commit, |_, _, delta| delta.add.truncate(1_000)) };
    changes_who_joins
        by a_change_of_members_does_not_change_the_members
        with { commit: change_who_joins };

    hides_large_groups_instead_of_deleting_them
        by a_large_group_that_is_deleted_is_gone_at_once
        with { tamper: hide_what_is_large };
    counts_who_left_in_the_first_slice
        by a_large_group_is_emptied_at_once
        with { finish: |_, _, committed| each_left(committed, |left| left.count = left.count.min(1_000)) };
    empties_large_groups_of_hidden_members_too
        by a_large_group_is_emptied_at_once
        with { tamper: |broken, commit| each_emptied(broken, commit, |delta, hidden| delta.remove.extend(hidden)) };
    empties_large_groups_of_whoever_should_stay
        by who_stays_in_a_large_group_keeps_its_display_when_the_others_leave
        with { tamper: |broken, commit| each_emptied(broken, commit, |delta, _| delta.add.clear()) };
    loses_the_owners_of_what_it_empties
        by what_is_emptied_keeps_its_other_relations_and_its_owners
        with { commit: lose_owners_of_emptied };

    changes_bystanders
        by who_loses_a_member_by_its_deletion_changes
        with { commit: |broken, commit| change_groups_after_deletion(broken, commit, |_, _| true) };
    changes_owners_twice
        by who_loses_a_member_of_two_relations_changes_once
        with { commit: |broken, commit| change_groups_after_deletion(broken, commit, |resource, id| {
            let relations = resource.relations().iter();
            relations.filter(|(_, members)| members.contains(id)).count() > 1
        }) };
    gives_no_id_again
        by a_deleted_id_can_be_given_again
        with { commit: refuse_deleted_ids };
    reserves_for_what_is_deleted
        by a_deletion_frees_what_was_reserved
        with { commit: refuse_keys_of_deleted };

    takes_a_resource_for_another
        by a_resource_may_keep_what_it_reserved
        with { commit: refuse_own_keys };
    checks_keys_at_the_end
        by two_resources_swap_values_through_a_third_in_one_commit
        with { commit: free_keys_first };
    checks_keys_at_the_start
        by a_value_that_is_freed_can_be_taken_in_the_same_commit
        with { commit: check_keys_at_the_start };
    reserves_once_a_commit
        by two_changes_of_one_commit_cannot_take_one_value
        with { tamper: reserve_once };
    reserves_over_all_types
        by each_type_reserves_for_itself
        with { commit: reserve_over_all_types };

    frees_keys_for_a_failed_commit
        by a_failed_commit_frees_and_takes_no_value
        with { commit: |broken, commit| leave_of_failed(broken, commit, |update| {
            let Change::Update { unique, document, precondition, .. } = update else { return };
            (*unique, *document, *precondition) = (Some(Vec::new()), None, None);
        }) };
    leaves_edges_of_a_failed_commit
        by a_failed_commit_leaves_the_edges_at_both_ends
        with { commit: |broken, commit| leave_of_failed(broken, commit, |update| {
            let Change::Update { document, .. } = update else { return };
            *document = None;
        }) };
    knows_no_member_of_the_same_commit
        by a_member_may_be_created_earlier_in_the_commit
        with { commit: refuse_members_of_the_same_commit };
    passes_over_members_that_it_deletes
        by a_member_that_was_deleted_earlier_in_the_commit_is_unknown
        with { tamper: pass_over_deleted_members };
    refuses_a_commit_of_nothing
        by a_commit_of_nothing_does_nothing
        with { commit: |broken, commit| if commit.changes.is_empty() { Err(StoreError::internal("nothing to do").into()) } else { broken.commit_rightly(commit) } };

    claims_less_after_a_commit
        by a_store_claims_the_same_each_time
        with { commit: claim_less };
    checks_ids_before_it_writes
        by of_many_resources_of_one_id_one_is_created
        with { commit: check_ids_then_write };
}

const OTHERS: [&str; 2] = ["acme", "globex"];

fn others(tenant: &TenantId) -> impl Iterator<Item = TenantId> {
    let all = OTHERS.into_iter().map(TenantId::new);
    all.filter(move |other| other != tenant)
}

/// The type of whatever has an id.
fn type_of(broken: &Broken, tenant: &TenantId, id: &ResourceId) -> Option<&'static ResourceType> {
    let mut types = registry().resource_types().iter();
    types.find(|found| {
        let stored = broken.get_rightly(tenant, found, id, &Selection::document());
        stored.is_some()
    })
}

fn members(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    id: &ResourceId,
    delta: &RelationDelta,
) -> MemberSet {
    let stored = broken.get_rightly(tenant, resource_type, id, &everything(resource_type));
    let resource = stored.map(|stored| stored.resource).unwrap_or_default();
    let members = resource.relation(delta.attribute.as_str());
    members.cloned().unwrap_or_default()
}

/// Commits with changes at the end of which nothing is said.
fn with_more(broken: &Broken, commit: &Commit, more: Vec<Change>) -> Result {
    let mut longer = commit.clone();
    longer.changes.extend(more);
    let mut committed = broken.commit_rightly(&longer)?;
    committed.outcomes.truncate(commit.changes.len());
    Ok(committed)
}

/// The place and the key of each value that a commit reserves.
fn reserved(commit: &Commit) -> impl Iterator<Item = (usize, &ResourceType, &ResourceId, &UniqueKey)> {
    let changes = commit.changes.iter().enumerate();
    changes.flat_map(|(place, change)| {
        let keys = match change {
            Change::Create { unique, .. }
            | Change::Update {
                unique: Some(unique), ..
            } => unique.as_slice(),
            _ => &[],
        };
        let subject = change.subject();
        keys.iter()
            .filter_map(move |key| subject.map(|(resource_type, id)| (place, resource_type, id, key)))
    })
}

fn taken<T>(change: usize, key: &UniqueKey) -> Result<T> {
    Err(CommitError::UniquenessViolated {
        change,
        attribute: key.attribute.clone(),
    })
}

fn is_reserved(broken: &Broken, tenant: &TenantId, resource_type: &ResourceType, key: &UniqueKey) -> bool {
    let query = Query::reserving(key.clone());
    !broken
        .all(&ReadContext::new(tenant.clone()), resource_type, &query)
        .is_empty()
}

/// Puts the values of a new document under the names that the old one has in the same places.
fn take_values_by_their_place(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            document: Some(document),
            ..
        } = change
            && let Some(mut before) = stored_document(broken, &tenant, resource_type, id)
        {
            let values = document.core().iter().map(|(_, value)| value.clone());
            for ((_, old), value) in before.core_mut().iter_mut().zip(values) {
                *old = value;
            }
            *document = before.into();
        }
    }
}

fn create_what_is_missing(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            document: Some(document),
            ..
        } = change
            && type_of(broken, &tenant, id).is_none()
        {
            *change = Change::create(resource_type, id.clone(), document.clone());
        }
    }
}

/// Takes a creation for made whose id a resource of another type has.
fn take_ids_of_other_types(broken: &Broken, commit: &Commit) -> Result {
    let mut lenient = commit.clone();
    lenient.changes.retain(|change| {
        let Change::Create {
            resource_type, id, ..
        } = change
        else {
            return true;
        };
        let holder = type_of(broken, &commit.tenant, id);
        holder.is_none_or(|holder| holder.name() == resource_type.name())
    });
    broken.commit_rightly(&lenient)
}

fn refuse_ids_of_other_tenants(broken: &Broken, commit: &Commit) -> Result {
    for (change, created) in commit.changes.iter().enumerate() {
        if let Change::Create { id, .. } = created
            && others(&commit.tenant).any(|other| type_of(broken, &other, id).is_some())
        {
            return Err(CommitError::IdTaken { change });
        }
    }
    broken.commit_rightly(commit)
}

/// The number of members of a relation from which on it is large.
const LARGE: usize = 1_000;

fn hide_what_is_large(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Delete {
            resource_type, id, ..
        } = change
            && let Some(stored) = broken.get_rightly(&tenant, resource_type, id, &everything(resource_type))
            && stored
                .resource
                .relations()
                .iter()
                .any(|(_, members)| members.len() > LARGE)
        {
            let mut hiding = Change::relate(resource_type, id.clone(), []);
            if let Change::Update { visibility, .. } = &mut hiding {
                *visibility = Some(Visibility::Hidden);
            }
            *change = hiding;
        }
    }
}

fn each_left(committed: &mut Committed, change: impl Fn(&mut Listed)) {
    for outcome in &mut committed.outcomes {
        if let Outcome::Changed { left, .. } = outcome {
            change(left);
        }
    }
}

/// Changes the deltas that empty large relations. What changes them is given the hidden members, too.
fn each_emptied(broken: &Broken, commit: &mut Commit, change: impl Fn(&mut RelationDelta, Vec<ResourceId>)) {
    let tenant = commit.tenant.clone();
    each_delta(commit, |resource_type, owner, delta| {
        let selection = everything(resource_type);
        let members = |selection: &Selection| -> Vec<ResourceId> {
            let stored = broken.get_rightly(&tenant, resource_type, owner, selection);
            let resource = stored.map(|stored| stored.resource).unwrap_or_default();
            let members = resource
                .relation(delta.attribute.as_str())
                .into_iter()
                .flat_map(MemberSet::iter);
            members.map(|(id, _)| id.clone()).collect()
        };
        if delta.clear && members(&selection).len() > LARGE {
            let hidden = members(&selection.with_hidden_members());
            change(delta, hidden);
        }
    });
}

fn lose_owners_of_emptied(broken: &Broken, commit: &Commit) -> Result {
    let mut losses = Vec::new();
    for change in &commit.changes {
        let Change::Update {
            resource_type,
            id,
            relations,
            ..
        } = change
        else {
            continue;
        };
        let stored = broken.get_rightly(&commit.tenant, resource_type, id, &everything(resource_type));
        let resource = stored.map(|stored| stored.resource).unwrap_or_default();
        let is_large = |delta: &RelationDelta| {
            let members = resource.relation(delta.attribute.as_str());
            delta.clear && members.is_some_and(|members| members.len() > LARGE)
        };
        if relations.iter().any(is_large) {
            let owners = resource.relation("partOf").into_iter().flat_map(MemberSet::iter);
            for (owner, _) in owners.filter(|(owner, _)| *owner != id) {
                let mut delta = RelationDelta::new("components".into());
                delta.remove = vec![id.clone()];
                losses.push(Change::relate(resource_type, owner.clone(), [delta]));
            }
        }
    }
    let committed = broken.commit_rightly(commit)?;
    if !losses.is_empty() {
        broken.also(&commit.tenant, losses)?;
    }
    Ok(committed)
}

fn count_document_and_members(_: &Broken, commit: &Commit, committed: &mut Committed) {
    let both = commit.changes.iter().any(|change| {
        matches!(change, Change::Update { document: Some(_), relations, .. } if !relations.is_empty())
    });
    if both {
        hiding::each_revision(committed, |revision| {
            revision.version = Version::new(revision.version.number() + 1);
        });
    }
}

fn drop_attributes_of_related(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            document: document @ None,
            relations,
            ..
        } = change
            && !relations.is_empty()
        {
            let mut left = stored_document(broken, &tenant, resource_type, id);
            if let Some(left) = &mut left {
                left.core_mut().remove("externalId");
            }
            *document = left.map(Into::into);
        }
    }
}

fn add_all_or_nobody(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    each_delta(commit, |resource_type, id, delta| {
        let present = members(broken, &tenant, resource_type, id, delta);
        if !delta.clear && delta.add.iter().any(|(id, _)| present.contains(id)) {
            delta.add.clear();
        }
    });
}

fn take_members_of_other_tenants(broken: &Broken, commit: &Commit) -> Result {
    let mut lenient = commit.clone();
    each_delta(&mut lenient, |_, _, delta| {
        delta
            .add
            .retain(|(id, _)| !others(&commit.tenant).any(|other| type_of(broken, &other, id).is_some()));
    });
    broken.commit_rightly(&lenient)
}

fn create_without_members(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Create { relations, .. } = change {
            *relations = [].into();
        }
    }
}

fn apply_deltas_backwards(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Create { relations, .. } | Change::Update { relations, .. } = change {
            *relations = relations.iter().rev().cloned().collect();
        }
    }
}

fn change_who_joins(broken: &Broken, commit: &Commit) -> Result {
    let mut more = Vec::new();
    for change in &commit.changes {
        if let Change::Update { relations, .. } = change {
            for (id, _) in relations.iter().flat_map(|delta| &delta.add) {
                let found = type_of(broken, &commit.tenant, id);
                let document = found.and_then(|found| stored_document(broken, &commit.tenant, found, id));
                if let (Some(found), Some(document)) = (found, document) {
                    more.push(Change::replace(found, id.clone(), document, None));
                }
            }
        }
    }
    with_more(broken, commit, more)
}

/// Makes one more version of owners where a member is deleted.
fn change_groups_after_deletion(
    broken: &Broken,
    commit: &Commit,
    which: fn(&Resource, &ResourceId) -> bool,
) -> Result {
    let mut more = Vec::new();
    for change in &commit.changes {
        let Change::Delete { id: deleted, .. } = change else {
            continue;
        };
        for name in ["Group", "Device"] {
            let Some(found) = registry().resource_type(name) else {
                continue;
            };
            let cx = ReadContext::new(commit.tenant.clone());
            for stored in broken.all(&cx, found, &Query::all()) {
                if which(&stored.resource, deleted)
                    && let Some(id) = stored.resource.id().filter(|id| id != deleted)
                    && let Some(document) = stored_document(broken, &commit.tenant, found, &id)
                {
                    more.push(Change::replace(found, id, document, None));
                }
            }
        }
    }
    with_more(broken, commit, more)
}

fn note_deleted(broken: &Broken, commit: &Commit) {
    for change in &commit.changes {
        if let Change::Delete { id, .. } = change {
            broken.notes().forgotten.insert(id.clone());
        }
    }
}

fn refuse_deleted_ids(broken: &Broken, commit: &Commit) -> Result {
    for (change, created) in commit.changes.iter().enumerate() {
        if let Change::Create { id, .. } = created
            && broken.notes().forgotten.contains(id)
        {
            return Err(CommitError::IdTaken { change });
        }
    }
    broken
        .commit_rightly(commit)
        .inspect(|_| note_deleted(broken, commit))
}

fn refuse_keys_of_deleted(broken: &Broken, commit: &Commit) -> Result {
    for (change, _, id, key) in reserved(commit) {
        let mut notes = broken.notes();
        let is_of_deleted = notes.keys.iter().any(|(tenant, owner, other)| {
            *tenant == commit.tenant
                && other == key
                && notes.forgotten.contains(&ResourceId::new(owner.as_str()))
        });
        if is_of_deleted {
            return taken(change, key);
        }
        notes
            .keys
            .insert((commit.tenant.clone(), id.to_string(), key.clone()));
    }
    broken
        .commit_rightly(commit)
        .inspect(|_| note_deleted(broken, commit))
}

fn refuse_own_keys(broken: &Broken, commit: &Commit) -> Result {
    for (change, resource_type, _, key) in reserved(commit) {
        let is_update = matches!(commit.changes.get(change), Some(Change::Update { .. }));
        if is_update && is_reserved(broken, &commit.tenant, resource_type, key) {
            return taken(change, key);
        }
    }
    broken.commit_rightly(commit)
}

/// Frees what the resources of a commit reserve before it begins.
fn free_keys_first(broken: &Broken, commit: &Commit) -> Result {
    let mut freeing = Vec::new();
    for change in &commit.changes {
        if let Change::Update {
            resource_type,
            id,
            unique: Some(_),
            ..
        } = change
        {
            let mut update = Change::relate(resource_type, id.clone(), []);
            if let Change::Update { unique, .. } = &mut update {
                *unique = Some(Vec::new());
            }
            freeing.push(update);
        }
    }
    if freeing.len() < 2 {
        return broken.commit_rightly(commit);
    }
    let count = freeing.len();
    let mut longer = commit.clone();
    longer.changes.splice(0..0, freeing);
    let mut committed = broken.commit_rightly(&longer)?;
    committed.outcomes.drain(..count);
    Ok(committed)
}

fn check_keys_at_the_start(broken: &Broken, commit: &Commit) -> Result {
    for (change, resource_type, _, key) in reserved(commit) {
        let is_created = matches!(commit.changes.get(change), Some(Change::Create { .. }));
        if is_created && is_reserved(broken, &commit.tenant, resource_type, key) {
            return taken(change, key);
        }
    }
    broken.commit_rightly(commit)
}

/// Reserves what several resources of a commit want for the first of them.
fn reserve_once(_: &Broken, commit: &mut Commit) {
    let all = commit.clone();
    each_keys(commit, |resource_type, id, keys| {
        keys.retain(|key| {
            let mut same = reserved(&all)
                .filter(|(_, other, _, found)| other.name() == resource_type.name() && *found == key);
            same.next().is_none_or(|(_, _, first, _)| first == id)
        });
    });
}

fn reserve_over_all_types(broken: &Broken, commit: &Commit) -> Result {
    for (change, resource_type, _, key) in reserved(commit) {
        let name = resource_type.name().to_string();
        let mut notes = broken.notes();
        let is_of_another = notes
            .keys
            .iter()
            .any(|(tenant, other, found)| *tenant == commit.tenant && *other != name && found == key);
        if is_of_another {
            return taken(change, key);
        }
        notes.keys.insert((commit.tenant.clone(), name, key.clone()));
    }
    broken.commit_rightly(commit)
}

/// Leaves something of the updates of a commit that fails.
fn leave_of_failed(broken: &Broken, commit: &Commit, what: fn(&mut Change)) -> Result {
    broken.commit_rightly(commit).inspect_err(|_| {
        for change in &commit.changes {
            if let Change::Update { .. } = change {
                let mut left = change.clone();
                what(&mut left);
                broken.also(&commit.tenant, vec![left]).ok();
            }
        }
    })
}

fn refuse_members_of_the_same_commit(broken: &Broken, commit: &Commit) -> Result {
    let created: Vec<&ResourceId> = commit
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Create { id, .. } => Some(id),
            _ => None,
        })
        .collect();
    for (place, change) in commit.changes.iter().enumerate() {
        if let Change::Create { relations, .. } | Change::Update { relations, .. } = change {
            let added = relations.iter().flat_map(|delta| &delta.add);
            let members: Vec<ResourceId> = added
                .map(|(id, _)| id.clone())
                .filter(|id| created.contains(&id))
                .collect();
            if !members.is_empty() {
                return Err(CommitError::UnknownMembers {
                    change: place,
                    members,
                });
            }
        }
    }
    broken.commit_rightly(commit)
}

fn pass_over_deleted_members(_: &Broken, commit: &mut Commit) {
    let deleted: Vec<ResourceId> = commit
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Delete { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    each_delta(commit, |_, _, delta| {
        delta.add.retain(|(id, _)| !deleted.contains(id));
    });
}

fn claim_less(broken: &Broken, commit: &Commit) -> Result {
    let less = Capabilities {
        sorting: false,
        ..Capabilities::full().durable()
    };
    broken.commit_rightly(commit).inspect(|_| {
        broken.claimed_later.get_or_init(|| less);
    })
}

fn check_ids_then_write(broken: &Broken, commit: &Commit) -> Result {
    let [
        Change::Create {
            resource_type,
            id,
            document,
            ..
        },
    ] = commit.changes.as_slice()
    else {
        return broken.commit_rightly(commit);
    };
    if type_of(broken, &commit.tenant, id).is_some() {
        return Err(CommitError::IdTaken { change: 0 });
    }
    thread::sleep(Duration::from_millis(1));
    match broken.commit_rightly(commit) {
        Err(CommitError::IdTaken { .. }) => {
            let over = Change::replace(resource_type, id.clone(), document.clone(), None);
            broken.commit_rightly(&Commit {
                changes: vec![over],
                ..commit.clone()
            })
        }
        other => other,
    }
}

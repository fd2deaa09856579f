//! Stores that claim what they don't keep, or keep what they don't claim.

use keyfob_core::{ResourceId, ResourceType, SchemaUri};
use keyfob_store::{
    Capabilities, Change, Commit, CommitError, Committed, Ids, Paging, Query, ReadContext, Selection, Store,
    StoreError, Visibility,
};

use crate::store::{Broken, Paged, each_delta, each_document};

caught! {
    claims_to_sort_and_can_not
        by resources_are_sorted_by_an_attribute
        with { query: refuse_to_sort };
    passes_over_an_order_that_it_does_not_claim
        by a_store_refuses_what_it_does_not_claim
        with { claim: claim_no_sorting };
    hides_what_it_does_not_claim
        by a_store_refuses_what_it_does_not_claim
        with { claim: claim_no_hiding };

    claims_to_hide_and_can_not
        by a_hidden_resource_is_found_by_no_query_but_one_for_hidden_ones
        with { commit: refuse_to_hide };
    claims_cursors_and_gives_none
        by pages_by_cursor_hold_everything_once_and_in_order
        with { query: refuse_cursors };
    claims_groups_in_groups_and_refuses_them
        by a_group_in_a_group_is_an_indirect_group_of_its_members
        with { commit: refuse_groups_in_groups };
    claims_every_type_and_refuses_one
        by a_relation_that_states_no_types_takes_any_resource
        with { commit: refuse_devices };
    claims_every_attribute_and_drops_one
        by a_document_is_given_back_equal
        with { tamper: drop_external_ids };
    claims_unknown_extensions_and_drops_them
        by what_the_schema_does_not_know_is_kept_too
        with { tamper: drop_unknown_extensions };
    claims_to_choose_ids_and_keeps_the_given_ones
        by an_id_that_the_store_chooses_stands_for_the_given_one_in_its_commit
        with { claim: claim_ids };
    chooses_ids_that_members_do_not_follow
        by an_id_that_the_store_chooses_stands_for_the_given_one_in_its_commit
        with { claim: claim_ids, tamper: choose_ids };
    chooses_ids_that_events_do_not_follow
        by an_id_that_the_store_chooses_stands_for_the_given_one_in_its_commit
        with { claim: claim_ids, tamper: choose_ids_of_members };
}

fn refuse_to_sort(broken: &Broken, cx: &ReadContext, resource_type: &ResourceType, query: &Query) -> Paged {
    if query.sort.is_some() {
        return Err(StoreError::Unsupported("sort"));
    }
    pollster::block_on(broken.inner.query(cx, resource_type, query))
}

fn claim_no_sorting() -> Capabilities {
    Capabilities {
        sorting: false,
        ..Capabilities::full()
    }
}

fn claim_no_hiding() -> Capabilities {
    Capabilities {
        hiding: false,
        ..Capabilities::full()
    }
}

fn claim_ids() -> Capabilities {
    Capabilities {
        ids: Ids::Assigned,
        ..Capabilities::full()
    }
}

fn refuse_cursors(broken: &Broken, cx: &ReadContext, resource_type: &ResourceType, query: &Query) -> Paged {
    if matches!(query.paging, Paging::Cursor { .. }) {
        return Err(StoreError::Unsupported("page by cursor"));
    }
    pollster::block_on(broken.inner.query(cx, resource_type, query))
}

/// Refuses a commit one of whose changes is of this kind.
fn refuse(
    broken: &Broken,
    commit: &Commit,
    is_refused: impl Fn(&Change) -> bool,
) -> Result<Committed, CommitError> {
    if commit.changes.iter().any(is_refused) {
        return Err(StoreError::Unsupported("do this").into());
    }
    broken.commit_rightly(commit)
}

fn refuse_to_hide(broken: &Broken, commit: &Commit) -> Result<Committed, CommitError> {
    refuse(broken, commit, |change| {
        matches!(
            change,
            Change::Update {
                visibility: Some(Visibility::Hidden),
                ..
            }
        )
    })
}

fn refuse_devices(broken: &Broken, commit: &Commit) -> Result<Committed, CommitError> {
    refuse(
        broken,
        commit,
        |change| matches!(change, Change::Create { resource_type, .. } if resource_type.name() == "Device"),
    )
}

fn refuse_groups_in_groups(broken: &Broken, commit: &Commit) -> Result<Committed, CommitError> {
    refuse(broken, commit, |change| {
        let (Change::Create {
            resource_type,
            relations,
            ..
        }
        | Change::Update {
            resource_type,
            relations,
            ..
        }) = change
        else {
            return false;
        };
        let is_created = |id: &ResourceId| {
            commit.changes.iter().any(|change| {
                matches!(change, Change::Create { resource_type: other, id: created, .. }
                    if created == id && other.name() == resource_type.name())
            })
        };
        let is_of_type = |id: &ResourceId| {
            let found = broken.get_rightly(&commit.tenant, resource_type, id, &Selection::document());
            found.is_some()
        };
        let mut added = relations.iter().flat_map(|delta| &delta.add);
        added.any(|(id, _)| is_of_type(id) || is_created(id))
    })
}

fn drop_external_ids(_: &Broken, commit: &mut Commit) {
    each_document(commit, |_, document| {
        document.core_mut().remove("externalId");
    });
}

fn drop_unknown_extensions(_: &Broken, commit: &mut Commit) {
    each_document(commit, |_, document| {
        document
            .extensions_mut()
            .retain(|(uri, _)| *uri == SchemaUri::ENTERPRISE_USER);
    });
}

/// The id that a store chooses instead of a given one.
fn chosen(id: &ResourceId) -> ResourceId {
    ResourceId::new(format!("chosen {id}"))
}

fn choose_ids(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Create { id, .. } = change {
            *id = chosen(id);
        }
    }
}

fn choose_ids_of_members(broken: &Broken, commit: &mut Commit) {
    choose_ids(broken, commit);
    let created: Vec<ResourceId> = commit
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Create { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    each_delta(commit, |_, _, delta| {
        for (id, _) in &mut delta.add {
            if created.contains(&chosen(id)) {
                *id = chosen(id);
            }
        }
    });
}

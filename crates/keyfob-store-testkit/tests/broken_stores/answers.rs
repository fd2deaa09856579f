//! Faults in the answers of a store: each bug breaks one sentence that is easily taken for granted.

use keyfob_core::{Member, MemberSet, Resource, ResourceId, ResourceType, Version};
use keyfob_store::{Commit, Page, Position, Query, ReadContext, Selection, StoreError, Stored, TenantId};
use keyfob_store_testkit::registry;

use crate::{
    bugs::{self, Result, by_position, each_member},
    store::{Broken, Paged, RIGHT, Read, cut},
};

caught! {
    changes_new_resources_later
        by a_new_resource_has_version_1_and_one_time
        with { give: change_new_resources_later };
    keeps_the_addresses_of_members
        by nothing_else_of_a_member_is_kept
        with { give: |_, _, stored| each_member(&mut stored.resource, |member: &mut Member| member.reference = Some("/".into())) };
    shows_one_group
        by a_member_is_given_its_groups
        with { give: show_one_group };
    finds_values_of_a_failed_commit
        by a_failed_commit_leaves_what_filters_find
        with { commit: note_failed, query: find_by_failed };
    forgets_events_of_what_is_deleted
        by events_outlive_what_they_are_about
        with { read_feed: read_of_what_is_there };
    finds_what_others_have
        by a_query_finds_one_type_of_one_tenant
        with { query: find_what_others_have };
    lists_members_without_their_types
        by a_page_holds_what_get_gives
        with { page: |_, page| for stored in &mut page.resources { each_member(&mut stored.resource, |member| member.kind = None); } };
    adds_relations_up_to_the_limit
        by each_relation_is_held_against_the_limit_by_itself
        with { get: add_up_to_the_limit };

    finds_members_without_their_types
        by a_filter_finds_the_groups_that_match_it
        with { query: |broken, cx, resource_type, query| find_in(broken, cx, resource_type, query, |resource| each_member(resource, |member| member.kind = None)) };
    finds_no_instants
        by a_filter_finds_what_matches_by_values_of_every_type
        with { query: |broken, cx, resource_type, query| find_in(broken, cx, resource_type, query, |resource| { resource.core_mut().remove("installed"); }) };
    refuses_long_filters
        by a_filter_may_ask_for_a_thousand_ids
        with { query: refuse_long_filters };
    finds_all_for_nothing
        by a_filter_that_nothing_matches_finds_nothing
        with { query: find_all_for_nothing };
    stumbles_over_values_of_another_type
        by a_filter_passes_over_values_of_another_type
        with { query: stumble_over_texts };
    finds_what_is_composed_alone_at_random
        by random_queries_find_what_matches
        with { query: |broken, cx, resource_type, query| by_position(broken, cx, resource_type, query, |all| bugs::find_composed_alone(all, query)) };
    finds_what_is_composed_alone_at_the_edges
        by comparisons_with_the_edges_of_a_type_find_what_matches
        with { query: |broken, cx, resource_type, query| by_position(broken, cx, resource_type, query, |all| bugs::find_composed_alone(all, query)) };
    shows_new_resources_late
        by a_reader_sees_every_commit_that_has_returned
        with { get: show_late };
}

fn change_new_resources_later(_: &Broken, _: &TenantId, stored: &mut Stored) {
    if stored.version == Version::FIRST
        && let Some(mut meta) = stored.resource.meta()
    {
        meta.last_modified = Some(keyfob_core::DateTime::from_unix_millis(0));
        stored.resource.set_meta(&meta);
    }
}

fn show_one_group(_: &Broken, _: &TenantId, stored: &mut Stored) {
    for (relation, members) in stored.resource.relations_mut() {
        if relation.is("groups") {
            let first = members.iter().take(1);
            *members = first.map(|(id, group)| (id.clone(), group.clone())).collect();
        }
    }
}

/// Answers a filter by other resources than those that are given back.
fn find_in(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
    change: fn(&mut Resource),
) -> Paged {
    by_position(broken, cx, resource_type, query, |all| {
        cut(all, query, |filter, stored| {
            let mut resource = stored.resource.clone();
            change(&mut resource);
            filter.matches(&resource)
        })
    })
}

fn note_failed(broken: &Broken, commit: &Commit) -> Result {
    broken.commit_rightly(commit).inspect_err(|_| {
        for change in &commit.changes {
            if let keyfob_store::Change::Update {
                id,
                document: Some(document),
                ..
            } = change
            {
                let key = (commit.tenant.clone(), id.clone());
                broken.notes().old.insert(key, Resource::clone(document));
            }
        }
    })
}

fn find_by_failed(broken: &Broken, cx: &ReadContext, resource_type: &ResourceType, query: &Query) -> Paged {
    by_position(broken, cx, resource_type, query, |all| {
        let notes = broken.notes();
        cut(all, query, |filter, stored| {
            let key = stored.resource.id().map(|id| (cx.tenant.clone(), id));
            let failed = key.and_then(|key| notes.old.get(&key));
            filter.matches(failed.unwrap_or(&stored.resource))
        })
    })
}

fn read_of_what_is_there(broken: &Broken, tenant: &TenantId, after: Position, limit: usize) -> Read {
    let mut events = (RIGHT.read_feed)(broken, tenant, after, limit)?;
    events.retain(|event| {
        registry().resource_types().iter().any(|found| {
            broken
                .get_rightly(tenant, found, &event.event.resource, &Selection::document())
                .is_some()
        })
    });
    Ok(events)
}

fn find_what_others_have(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Paged {
    let page = (RIGHT.query)(broken, cx, resource_type, query)?;
    if page.resources.is_empty() {
        let theirs = ReadContext::new(TenantId::new("globex"));
        return (RIGHT.query)(broken, &theirs, resource_type, query);
    }
    Ok(page)
}

fn add_up_to_the_limit(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let mut found = (RIGHT.get)(broken, cx, resource_type, ids, selection);
    let unlimited = Selection {
        relation_limit: None,
        ..selection.clone()
    };
    let whole = (RIGHT.get)(broken, cx, resource_type, ids, &unlimited);
    for (stored, whole) in found.iter_mut().flatten().zip(whole.iter().flatten()) {
        let all: usize = whole
            .resource
            .relations()
            .iter()
            .map(|(_, members): &(_, MemberSet)| members.len())
            .sum();
        if selection.relation_limit.is_some_and(|limit| all > limit) {
            stored.resource.relations_mut().clear();
        }
    }
    found
}

fn refuse_long_filters(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Paged {
    if format!("{:?}", query.filter).len() > 50_000 {
        return Err(StoreError::internal("too many variables"));
    }
    (RIGHT.query)(broken, cx, resource_type, query)
}

fn find_all_for_nothing(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Paged {
    let page: Page = (RIGHT.query)(broken, cx, resource_type, query)?;
    if page.resources.is_empty() && query.filter.is_some() {
        let all = Query {
            filter: None,
            ..query.clone()
        };
        return (RIGHT.query)(broken, cx, resource_type, &all);
    }
    Ok(page)
}

fn stumble_over_texts(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Paged {
    let all = broken.all(cx, resource_type, &Query::all());
    let is_text = |stored: &Stored| stored.resource.core().get_str("slot").is_some();
    if query.filter.is_some() && all.iter().any(is_text) {
        return Err(StoreError::internal("a text where a number is expected"));
    }
    (RIGHT.query)(broken, cx, resource_type, query)
}

/// Shows each resource from the second time on that it is asked for.
fn show_late(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let mut found = (RIGHT.get)(broken, cx, resource_type, ids, selection);
    for stored in &mut found {
        let id = stored.as_ref().and_then(|stored| stored.resource.id());
        if let Some(id) = id {
            let key = (cx.tenant.clone(), resource_type.name().to_string(), id);
            if broken.notes().listed.insert(key) {
                *stored = None;
            }
        }
    }
    found
}

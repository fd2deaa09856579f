//! Every planted bug is caught by the case that is there to catch it, and the store without one passes.

/// One test for each bug: a store with it has to fail the case that is there for it.
macro_rules! caught {
    ($($name:ident by $case:ident with { $($what:ident: $how:expr),+ };)*) => {
        $(
            #[test]
            fn $name() {
                let bug = $crate::store::Bug { $($what: $how,)+ ..$crate::store::RIGHT };
                assert_eq!($crate::verdict(bug, stringify!($case)), "caught");
            }
        )*

        /// The cases that a bug of this module is planted for.
        pub(crate) const WATCHED: &[&str] = &[$(stringify!($case)),*];
    };
}

mod answers;
mod bugs;
mod changes;
mod claims;
mod hiding;
mod limited;
mod nesting;
mod reading;
mod store;

use std::sync::Arc;

use keyfob_core::{Collation, DateTime, Object, Version};
use keyfob_store::{
    Committed, Labels, Listed, Paging, Position, RequestId, Retention, TenantId, Total, Visibility,
};
use keyfob_store_memory::MemoryStore;
use keyfob_store_testkit::{Case, cases};

use self::store::{Bug, RIGHT, Workshop, each_delta, each_keys, each_precondition, everything};

caught! {
    forgets_extensions
        by a_document_is_given_back_equal
        with { tamper: bugs::keep_one_extension };
    cuts_text_at_nul
        by text_of_any_script_is_given_back_equal
        with { give: bugs::cut_text };
    stores_integers_as_doubles
        by numbers_are_given_back_equal
        with { give: bugs::round_integers };
    drops_unknown_attributes
        by what_the_schema_does_not_know_is_kept_too
        with { tamper: bugs::drop_unknown };
    takes_the_last_change_for_the_creation
        by a_resource_carries_its_id_its_type_its_times_and_its_version
        with { give: bugs::create_anew };
    folds_ids
        by ids_are_told_apart_by_case_and_may_hold_anything
        with { tamper: bugs::fold_ids };
    reads_whatever_the_type
        by an_id_of_another_type_is_not_found
        with { get: bugs::get_of_any_type };
    reads_whatever_the_tenant
        by an_id_of_another_tenant_is_not_found
        with { get: bugs::get_of_any_tenant };
    reads_ids_in_their_own_order
        by many_ids_are_read_in_their_order
        with { get: reading::read_in_order_of_ids };
    leaves_out_ids_that_are_not_there
        by many_ids_are_read_in_their_order
        with { get: reading::read_what_is_there };
    reads_live_resources_alone
        by hidden_resources_are_read_among_many_ids
        with { get: hiding::get_live_alone };

    merges_documents
        by an_update_replaces_the_document_and_makes_the_next_version
        with { tamper: bugs::merge };
    makes_a_version_of_every_update
        by an_update_of_nothing_changes_nothing
        with { tamper: bugs::always_write };
    makes_a_version_of_every_delta
        by a_delta_that_changes_nothing_leaves_version_and_time
        with { tamper: bugs::always_write };
    ignores_the_demanded_version
        by a_change_that_finds_another_version_is_refused
        with { tamper: |_, commit| each_precondition(commit, |precondition| *precondition = None) };
    checks_versions_last
        by existence_is_checked_first_then_the_version_then_the_rest
        with { commit: bugs::check_versions_last };
    takes_the_clock_of_the_caller
        by the_time_of_a_change_does_not_go_back
        with { finish: |_, commit, committed| hiding::each_revision(committed, |revision| revision.last_modified = commit.at) };

    forgets_the_state
        by the_state_is_given_back_equal_beside_the_document
        with { give: |_, _, stored| stored.state = Arc::default() };
    puts_the_state_into_the_document
        by the_state_is_given_back_equal_beside_the_document
        with { give: |_, _, stored| { stored.resource.core_mut().insert("state", Object::clone(&stored.state)); } };
    gives_every_resource_a_state
        by a_resource_that_is_created_without_state_has_none
        with { give: |_, _, stored| Arc::make_mut(&mut stored.state).insert("origin", "import").map_or((), drop) };
    merges_states
        by a_new_state_makes_the_next_version_and_leaves_the_rest
        with { tamper: hiding::merge_states };
    makes_no_version_of_a_new_state
        by a_new_state_makes_the_next_version_and_leaves_the_rest
        with { tamper: hiding::ignore_state_alone };
    loses_the_state_with_a_new_document
        by a_change_without_a_state_leaves_the_state
        with { tamper: hiding::lose_state_with_document };

    empties_a_group_to_take_one_out
        by members_are_put_in_and_taken_out
        with { tamper: bugs::clear_to_remove };
    replaces_all_to_put_one_in
        by members_are_put_in_and_taken_out
        with { tamper: bugs::clear_to_add };
    never_clears
        by a_delta_that_clears_leaves_exactly_those_it_puts_in
        with { tamper: |_, commit| each_delta(commit, |_, _, delta| delta.clear = false) };
    forgets_the_types_of_members
        by a_member_has_the_name_of_its_type
        with { give: |_, _, stored| bugs::each_member(&mut stored.resource, |member| member.kind = None) };
    forgets_the_names_of_members
        by a_member_keeps_the_display_with_which_it_was_put_in
        with { tamper: bugs::add_without_names };
    puts_members_in_anew
        by a_member_keeps_the_display_with_which_it_was_put_in
        with { tamper: bugs::put_in_anew };
    passes_over_unknown_members
        by all_unknown_members_are_named_and_nothing_is_stored
        with { commit: bugs::pass_over_unknown_members };
    names_one_unknown_member
        by all_unknown_members_are_named_and_nothing_is_stored
        with { commit: bugs::name_one_unknown_member };
    takes_members_of_any_type
        by who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member
        with { tamper: bugs::take_any_member };
    takes_what_any_relation_of_the_resource_takes
        by who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member
        with { tamper: bugs::take_what_any_relation_takes };
    passes_over_members_of_a_wrong_type
        by who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member
        with { tamper: bugs::pass_over_members_of_a_wrong_type };
    takes_no_types_for_no_members
        by a_relation_that_states_no_types_takes_any_resource
        with { commit: bugs::take_stated_types_alone };
    takes_members_by_the_type_that_the_id_had
        by the_type_of_a_member_is_that_of_whoever_has_the_id_by_then
        with { tamper: bugs::take_members_by_what_was };
    keeps_one_relation_for_each_type
        by relations_of_one_resource_are_apart
        with { tamper: bugs::merge_relations };
    empties_a_group_that_is_renamed
        by a_new_document_leaves_the_members
        with { tamper: bugs::empty_renamed };

    refuses_what_it_should_leave_out
        by unknown_members_are_left_out_and_named_where_the_policy_skips_them
        with { tamper: |_, commit| hiding::each_policy(commit, |policy| policy.skip_unknown = false) };
    leaves_out_members_without_a_word
        by unknown_members_are_left_out_and_named_where_the_policy_skips_them
        with { finish: hiding::name_no_unknown };
    leaves_out_what_it_should_refuse
        by all_unknown_members_are_named_and_nothing_is_stored
        with { tamper: |_, commit| hiding::each_policy(commit, |policy| policy.skip_unknown = true) };
    makes_a_version_for_unknown_members
        by a_change_of_unknown_members_alone_changes_nothing
        with { tamper: bugs::always_write };
    leaves_out_members_of_a_wrong_type_without_a_word
        by members_of_a_type_that_a_relation_does_not_take_are_unknown_to_the_policy
        with { tamper: bugs::pass_over_members_of_a_wrong_type };
    takes_hidden_members_always
        by hidden_members_are_unknown_unless_they_are_accepted
        with { tamper: |_, commit| hiding::each_policy(commit, |policy| policy.accept_hidden = true) };
    takes_hidden_members_never
        by accepted_hidden_members_are_seen_when_they_are_revealed
        with { tamper: |_, commit| hiding::each_policy(commit, |policy| policy.accept_hidden = false) };
    drops_hidden_members_that_it_should_take
        by accepted_hidden_members_are_seen_when_they_are_revealed
        with { tamper: |_, commit| hiding::each_policy(commit, |policy| { policy.skip_unknown |= policy.accept_hidden; policy.accept_hidden = false; }) };
    makes_a_version_of_a_hidden_edge
        by accepted_hidden_members_are_seen_when_they_are_revealed
        with { tamper: hiding::count_hidden_edges };

    keeps_the_first_name_of_a_group
        by the_groups_of_a_member_bear_their_present_names
        with { give: bugs::keep_first_names };
    shows_direct_groups_alone
        by a_group_in_a_group_is_an_indirect_group_of_its_members
        with { give: nesting::drop_indirect };
    calls_every_group_direct
        by a_group_in_a_group_is_an_indirect_group_of_its_members
        with { give: nesting::call_all_direct };
    calls_a_group_indirect_that_is_both
        by a_group_that_is_reached_in_several_ways_shows_once_and_direct_before_indirect
        with { give: nesting::prefer_indirect };
    stops_at_the_second_level
        by groups_show_through_thirty_two_levels
        with { give: nesting::keep_two_levels };
    leaves_the_groups_of_a_circle_out
        by a_circle_of_groups_shows_each_of_them_once
        with { give: nesting::leave_out_circles };
    goes_through_hidden_groups
        by a_hidden_group_ends_the_way_through_groups
        with { give: nesting::reach_through_hidden };
    counts_direct_groups_alone_to_the_limit
        by indirect_groups_count_to_the_limit_of_a_relation
        with { select: nesting::raise_limit };
    finds_direct_members_alone
        by a_filter_sees_indirect_groups
        with { query: nesting::find_direct };
    confuses_relations
        by an_inverse_relation_follows_from_its_own_relation_alone
        with { tamper: bugs::merge_relations };

    counts_what_is_deleted
        by what_is_deleted_is_gone_from_every_answer
        with { query: bugs::count_deleted };
    leaves_edges_to_what_is_deleted
        by a_deletion_takes_the_edges_to_the_resource
        with { commit: bugs::leave_edges };
    empties_what_is_deleted
        by a_deletion_takes_the_edges_from_the_resource
        with { tamper: bugs::empty_deleted };
    counts_versions_from_1
        by an_id_that_is_given_again_goes_on_after_the_last_version
        with { finish: bugs::begin_anew };
    frees_ids_at_the_end_of_the_commit
        by an_id_can_be_given_again_in_the_commit_that_deletes_its_resource
        with { commit: bugs::free_ids_last };

    finds_hidden_resources
        by a_hidden_resource_is_found_by_no_query_but_one_for_hidden_ones
        with { query: |broken, cx, resource_type, query| Ok(hiding::find_hidden_too(broken, cx, resource_type, query)) };
    overlooks_the_visibility
        by a_hidden_resource_is_found_by_no_query_but_one_for_hidden_ones
        with { ask: |_, query| query.visibility = Visibility::Live };
    orders_hidden_resources_by_their_hiding
        by hidden_resources_come_in_order_and_in_pages
        with { query: reading::order_by_change };
    deletes_to_hide
        by a_hidden_resource_is_read_by_its_id
        with { tamper: hiding::delete_to_hide };
    reads_no_hidden_resource
        by a_hidden_resource_is_read_by_its_id
        with { get: hiding::get_live_alone };
    says_that_all_are_live
        by a_hidden_resource_is_read_by_its_id
        with { give: |_, _, stored| stored.visibility = Visibility::Live };
    hides_again
        by hiding_what_is_hidden_changes_nothing
        with { tamper: hiding::hide_again };
    reserves_for_hidden_resources
        by a_hidden_resource_reserves_no_key
        with { commit: hiding::reserve_while_hidden };
    reveals_over_a_taken_key
        by revealing_is_refused_if_a_key_was_taken_meanwhile
        with { commit: hiding::reveal_over_a_taken_key };
    reveals_without_keys
        by a_revealed_resource_reserves_its_keys_again
        with { tamper: hiding::reveal_without_keys };
    shows_hidden_members
        by a_hidden_resource_is_a_member_of_nothing_that_is_seen
        with { give: hiding::show_hidden_members };
    finds_by_hidden_members
        by a_hidden_resource_is_a_member_of_nothing_that_is_seen
        with { query: |broken, cx, resource_type, query| Ok(hiding::find_by_hidden_members(broken, cx, resource_type, query)) };
    counts_hidden_members
        by a_hidden_resource_is_a_member_of_nothing_that_is_seen
        with { get: hiding::count_hidden_members };
    loses_the_edges_of_hidden_resources
        by a_revealed_resource_comes_back_with_its_edges
        with { tamper: hiding::lose_hidden_edges };
    leaves_owners_alone
        by owners_change_once_when_a_member_is_hidden_or_revealed
        with { commit: hiding::leave_owners_alone, give: hiding::give_without_missed };
    changes_hidden_owners
        by owners_change_once_when_a_member_is_hidden_or_revealed
        with { commit: hiding::change_hidden_owners };
    changes_owners_for_each_relation
        by an_owner_by_two_relations_changes_once_when_its_member_is_hidden
        with { commit: hiding::change_owners_for_each_relation };
    changes_no_hidden_resource
        by a_hidden_resource_can_be_updated
        with { commit: |broken, commit| hiding::refuse_hidden(broken, commit) };
    forgets_the_document_of_what_it_hides
        by a_document_and_the_visibility_change_in_one_version
        with { tamper: hiding::change_visibility_alone };
    leaves_hidden_edges_that_are_taken_out
        by taking_out_by_id_takes_a_hidden_edge
        with { tamper: hiding::leave_hidden_edges };
    makes_a_version_of_hidden_edges_that_are_taken_out
        by taking_out_by_id_takes_a_hidden_edge
        with { tamper: hiding::count_hidden_edges };
    clears_hidden_edges
        by clearing_leaves_hidden_edges
        with { tamper: hiding::clear_hidden_edges };
    changes_owners_of_a_hidden_resource_that_is_deleted
        by a_hidden_resource_can_be_deleted
        with { commit: hiding::change_owners_of_hidden_deleted };
    gives_nothing_of_hidden_resources
        by a_hidden_resource_reads_the_owners_to_which_it_comes_back
        with { give: hiding::give_nothing_of_hidden };
    shows_hidden_owners
        by a_hidden_owner_is_in_no_inverse_relation
        with { give: hiding::show_hidden_owners };
    changes_hidden_owners_that_lose_a_member
        by a_hidden_owner_that_loses_a_member_does_not_change
        with { commit: hiding::change_hidden_owners_of_deleted };
    hides_although_the_commit_fails
        by hiding_happens_with_its_commit_or_not_at_all
        with { commit: bugs::one_by_one };
    shows_no_hidden_members
        by a_selection_may_show_the_hidden_members
        with { select: |_, selection| selection.members = Visibility::Live };
    changes_its_own_owner_twice
        by a_resource_that_is_its_own_member_changes_once_when_it_is_hidden
        with { commit: hiding::change_itself_again };

    reserves_nothing
        by a_reserved_value_is_refused_to_a_new_resource
        with { tamper: |_, commit| each_keys(commit, |_, _, keys| keys.clear()) };
    checks_new_resources_alone
        by a_reserved_value_is_refused_to_an_update
        with { commit: bugs::reserve_at_creation };
    reserves_for_ever
        by an_update_frees_what_it_no_longer_reserves
        with { tamper: bugs::reserve_for_ever };
    frees_without_keys
        by an_update_without_keys_keeps_what_is_reserved
        with { tamper: bugs::free_without_keys };
    keeps_keys_without_a_document
        by keys_are_reserved_and_freed_whatever_else_an_update_changes
        with { tamper: bugs::keep_keys_without_document };
    reserves_over_all_tenants
        by each_tenant_reserves_for_itself
        with { commit: bugs::reserve_over_all_tenants };
    folds_keys
        by keys_are_compared_as_they_are_given
        with { tamper: |_, commit| bugs::compare_keys_with(commit, Collation::Caseless) };
    composes_keys
        by keys_are_compared_as_they_are_given
        with { tamper: |_, commit| bugs::compare_keys_with(commit, Collation::Exact) };
    reserves_one_value
        by a_resource_may_reserve_several_values
        with { tamper: |_, commit| each_keys(commit, |_, _, keys| keys.truncate(1)) };

    expects_nothing
        by a_commit_is_refused_if_something_is_not_as_expected
        with { tamper: hiding::expect_nothing };
    expects_ids_of_any_type
        by a_commit_is_made_if_everything_is_as_expected
        with { tamper: hiding::expect_of_any_type };
    writes_what_it_expects
        by an_expectation_writes_nothing
        with { commit: hiding::write_what_is_expected };
    expects_before_all_changes
        by an_expectation_sees_the_changes_before_it
        with { commit: hiding::expect_before_all };
    takes_hidden_for_absent
        by a_hidden_resource_is_expected_to_be_there
        with { commit: hiding::expect_live_alone };

    skips_never
        by a_change_is_skipped_for_the_causes_that_it_names
        with { tamper: hiding::never_skip };
    leaves_half_of_what_it_skips
        by a_change_is_skipped_for_the_causes_that_it_names
        with { commit: hiding::leave_the_document_of_skipped };
    skips_for_any_cause
        by a_commit_fails_for_the_causes_that_a_change_does_not_name
        with { tamper: bugs::skip_anything };
    reserves_for_what_it_skips
        by later_changes_see_nothing_of_a_skipped_one
        with { commit: hiding::reserve_for_skipped };
    stops_at_what_it_skips
        by the_changes_around_a_skipped_one_are_made
        with { commit: hiding::stop_at_skipped };
    publishes_nothing_instead
        by an_event_is_published_instead_of_a_skipped_change
        with { tamper: bugs::publish_nothing_for_skipped };

    applies_commits_backwards
        by several_commits_are_applied_in_order
        with { commits: |broken, commits| { let mut results: Vec<_> = commits.iter().rev().map(|commit| broken.commit_rightly(commit)).collect(); results.reverse(); results } };
    stops_at_the_first_refusal
        by a_refused_commit_stops_none_after_it
        with { commits: bugs::stop_at_a_refusal };
    commits_all_for_the_first_tenant
        by several_commits_may_be_of_several_tenants
        with { commits: bugs::commit_all_for_the_first_tenant };
    applies_several_commits_in_part
        by each_of_several_commits_is_atomic
        with { commits: |broken, commits| commits.iter().map(|commit| if commits.len() > 1 { bugs::one_by_one(broken, commit) } else { broken.commit_rightly(commit) }).collect() };
    gives_a_result_of_no_commit
        by of_no_commits_nothing_comes
        with { commits: |broken, commits| if commits.is_empty() { vec![Ok(Committed::default())] } else { broken.commit_each(commits) } };
    knows_every_commit
        by a_commit_that_happened_is_known
        with { committed: |_, _, _| true };
    knows_no_commit
        by a_commit_that_happened_is_known
        with { committed: |_, _, _| false };
    knows_commits_of_any_tenant
        by a_commit_that_happened_is_known
        with { committed: |broken, _, id| ["acme", "globex"].into_iter().any(|tenant| broken.committed_rightly(&TenantId::new(tenant), id)) };
    knows_commits_that_it_refused
        by a_commit_that_happened_is_known
        with { commit: bugs::note_refused, committed: |broken, tenant, id| broken.committed_rightly(tenant, id) || broken.notes().refused.contains(id) };
    happens_in_part_after_its_deadline
        by a_commit_whose_deadline_has_passed_happens_whole_or_not_at_all
        with { commit: bugs::give_up_half_way };
    answers_before_the_commit
        by an_answer_is_the_resource_as_the_commit_leaves_it
        with { commit: hiding::answer_before_the_commit };
    answers_before_later_changes
        by an_answer_is_the_resource_as_the_commit_leaves_it
        with { commit: hiding::answer_before_later_changes };
    answers_nothing
        by an_answer_is_the_resource_as_the_commit_leaves_it
        with { finish: |_, _, committed| committed.answer = None };
    answers_without_a_limit
        by an_answer_leaves_out_a_relation_above_its_limit
        with { tamper: |_, commit| if let Some(answer) = &mut commit.answer { answer.selection.relation_limit = None; } };
    answers_what_it_skipped
        by a_skipped_change_has_no_answer
        with { finish: hiding::answer_skipped };

    takes_the_commit_for_the_creation
        by an_outcome_has_the_revision_of_its_resource
        with { finish: |_, commit, committed| hiding::each_revision(committed, |revision| revision.created = commit.at) };
    names_all_that_were_to_join
        by an_outcome_names_those_who_effectively_joined_and_left
        with { finish: hiding::name_all_that_were_to_join };
    names_nobody_who_left
        by an_outcome_names_those_who_effectively_joined_and_left
        with { finish: |_, _, committed| hiding::drop_left(committed) };
    lists_all_members
        by an_outcome_lists_a_hundred_members_and_counts_all
        with { finish: hiding::list_all };
    counts_what_it_lists
        by an_outcome_lists_a_hundred_members_and_counts_all
        with { finish: |_, _, committed| hiding::each_listed(committed, |listed| listed.count = listed.ids.len()) };
    sorts_who_joined
        by an_outcome_lists_a_hundred_members_and_counts_all
        with { finish: |_, _, committed| hiding::each_listed(committed, |listed| listed.ids.sort()) };

    applies_changes_one_by_one
        by a_commit_that_fails_at_any_place_changes_nothing
        with { commit: bugs::one_by_one };
    takes_back_a_new_resource_with_the_old_one
        by a_commit_that_fails_at_any_place_changes_nothing
        with { commit: bugs::forget_what_was_there };
    checks_all_before_it_applies_any
        by a_change_sees_the_changes_before_it
        with { commit: bugs::check_first };
    publishes_what_failed
        by a_failed_commit_publishes_nothing
        with { commit: bugs::publish_failed };

    publishes_everything
        by an_event_is_published_only_if_its_change_changed_something
        with { tamper: bugs::publish_always };
    repeats_the_last_event
        by events_are_read_from_any_place_and_in_any_number
        with { read_feed: |broken, tenant, after, limit| Ok(reading::repeat_the_last(broken, tenant, after, limit)) };
    knows_no_limit
        by events_are_read_from_any_place_and_in_any_number
        with { read_feed: reading::know_no_limit };
    reads_events_backwards
        by events_are_given_back_equal_and_in_order
        with { read_feed: reading::read_backwards };
    forgets_what_attributes_changed
        by events_are_given_back_equal_and_in_order
        with { event: |_, _, event| event.event.attributes.clear() };
    leaves_positions_out
        by positions_are_dense_in_each_tenant
        with { event: |_, _, event| event.position = Position::new(event.position.number() * 2) };
    counts_positions_from_0
        by positions_are_dense_in_each_tenant
        with { event: |_, _, event| event.position = Position::new(event.position.number() - 1) };
    numbers_each_event_0
        by an_event_is_known_by_its_commit_and_its_number
        with { event: |_, _, event| event.id.number = 0 };
    numbers_events_by_their_positions
        by an_event_is_known_by_its_commit_and_its_number
        with { event: |_, _, event| event.id.number = u32::try_from(event.position.number()).unwrap_or_default() };
    forgets_the_actor
        by an_event_names_the_actor_the_request_and_the_operation
        with { event: |_, _, event| event.actor.identity = "".into() };
    forgets_the_request
        by an_event_names_the_actor_the_request_and_the_operation
        with { event: |_, _, event| event.request = RequestId::default() };
    forgets_the_operation
        by an_event_names_the_actor_the_request_and_the_operation
        with { event: |_, _, event| event.verb = "".into() };
    forgets_the_version_of_an_event
        by an_event_has_the_version_after_its_change
        with { event: |_, _, event| event.version = None };
    gives_the_version_before
        by an_event_has_the_version_after_its_change
        with { event: |_, _, event| event.version = event.version.map(|version| Version::new(version.number() - 1)) };
    forgets_who_joined
        by an_event_has_who_joined_and_left
        with { event: |_, _, event| event.joined = Listed::new() };
    forgets_who_left
        by an_event_has_who_joined_and_left
        with { event: |_, _, event| event.left = Listed::new() };
    counts_the_members_that_an_event_lists
        by an_event_lists_a_hundred_members_and_counts_all
        with { event: |_, _, event| event.joined.count = event.joined.ids.len() };
    forgets_the_names
        by an_event_has_the_names_of_its_resource
        with { event: |_, _, event| event.labels = Labels::default() };
    forgets_nobody
        by what_is_forgotten_loses_its_labels_and_nothing_else
        with { tamper: reading::forget_nobody };
    forgets_everybody
        by what_is_forgotten_loses_its_labels_and_nothing_else
        with { tamper: reading::note_forgotten, event: |broken, _, event| if !broken.notes().forgotten.is_empty() { event.labels = Labels::default(); } };
    forgets_over_all_tenants
        by what_is_forgotten_loses_its_labels_and_nothing_else
        with { tamper: reading::forget_everywhere };
    forgets_the_events
        by what_is_forgotten_loses_its_labels_and_nothing_else
        with { tamper: reading::note_forgotten, read_feed: reading::read_what_is_not_forgotten };
    gives_events_of_any_tenant
        by a_tenant_reads_its_own_events_alone
        with { read_feed: |broken, _, after, limit| (RIGHT.read_feed)(broken, &TenantId::new("globex"), after, limit) };

    acknowledges_for_all_consumers
        by what_is_acknowledged_is_kept_for_each_consumer_and_tenant
        with { acknowledge: |broken, tenant, _, position| (RIGHT.acknowledge)(broken, tenant, "all", position), acknowledged: |broken, tenant, _| (RIGHT.acknowledged)(broken, tenant, "all") };
    acknowledges_for_all_tenants
        by what_is_acknowledged_is_kept_for_each_consumer_and_tenant
        with { acknowledge: |broken, _, consumer, position| (RIGHT.acknowledge)(broken, &TenantId::new("all"), consumer, position), acknowledged: |broken, _, consumer| (RIGHT.acknowledged)(broken, &TenantId::new("all"), consumer) };
    acknowledges_back
        by an_acknowledgement_does_not_go_back
        with { acknowledge: reading::acknowledge_back, acknowledged: reading::acknowledged_last };
    lists_news_from_the_start
        by a_tenant_has_news_until_a_consumer_acknowledges_them
        with { with_news: reading::list_from_the_start };
    lists_news_backwards
        by a_tenant_has_news_until_a_consumer_acknowledges_them
        with { with_news: reading::list_news_backwards };
    lists_all_tenants_as_news
        by a_tenant_has_news_until_a_consumer_acknowledges_them
        with { with_news: reading::list_all_as_news };
    looks_back_forwards
        by events_are_looked_back_at_from_the_newest
        with { looked_back: |events| events.reverse() };
    looks_back_without_limit
        by events_are_looked_back_at_from_the_newest
        with { look_back: |query| query.limit = usize::MAX };
    looks_back_at_every_resource
        by events_are_looked_back_at_by_resource_actor_time_and_position
        with { look_back: |query| query.resource = None };
    looks_back_at_every_actor
        by events_are_looked_back_at_by_resource_actor_time_and_position
        with { look_back: |query| query.identity = None };
    looks_back_for_ever
        by events_are_looked_back_at_by_resource_actor_time_and_position
        with { look_back: |query| query.since = None };
    looks_back_from_now
        by events_are_looked_back_at_by_resource_actor_time_and_position
        with { look_back: |query| query.until = None };
    looks_back_from_the_newest_again
        by events_are_looked_back_at_by_resource_actor_time_and_position
        with { look_back: |query| query.before = None };
    trims_what_is_unread
        by trimming_removes_what_every_consumer_has_read
        with { trim: |broken, tenant, retention, limit| (RIGHT.trim)(broken, tenant, &Retention { unread_before: retention.read_before, ..*retention }, limit) };
    keeps_what_is_unread_for_ever
        by trimming_removes_what_is_too_old_although_nobody_has_read_it
        with { trim: |broken, tenant, retention, limit| (RIGHT.trim)(broken, tenant, &Retention { unread_before: DateTime::from_unix_millis(0), ..*retention }, limit) };
    trims_without_limit
        by trimming_removes_a_bounded_number_and_splits_no_commit
        with { trim: |broken, tenant, retention, _| (RIGHT.trim)(broken, tenant, retention, usize::MAX) };
    splits_a_commit
        by trimming_removes_a_bounded_number_and_splits_no_commit
        with { trim: reading::split_the_first_commit };
    waits_for_a_limit_that_a_commit_fits_into
        by trimming_removes_a_first_commit_that_is_larger_than_the_limit
        with { trim: |broken, tenant, retention, limit| if limit < 2 { 0 } else { (RIGHT.trim)(broken, tenant, retention, limit) } };
    passes_over_what_is_gone
        by a_reader_behind_the_trim_is_told
        with { read_feed: reading::pass_over_what_is_gone };
    counts_positions_anew
        by positions_go_on_after_a_trim
        with { trim: reading::note_trimmed, event: reading::count_anew };

    lists_tenants_backwards
        by tenants_are_listed_in_order
        with { tenants: |broken, after, limit| { let mut listed = (RIGHT.tenants)(broken, after, limit); listed.reverse(); listed } };
    lists_tenants_from_the_start
        by tenants_are_listed_in_order
        with { tenants: |broken, _, limit| (RIGHT.tenants)(broken, None, limit) };
    erases_nothing
        by a_tenant_that_is_erased_leaves_nothing
        with { erase: |_, _| true };
    erases_resources_alone
        by a_tenant_that_is_erased_leaves_nothing
        with { erase: reading::erase_resources };
    erases_by_prefix
        by erasing_one_tenant_leaves_the_others
        with { erase: reading::erase_by_prefix };
    finds_what_is_sound
        by a_check_of_a_sound_store_finds_nothing
        with { check: reading::find_what_is_sound };
    checks_by_writing
        by a_check_of_a_sound_store_finds_nothing
        with { check: reading::check_by_writing };
    finds_nothing
        by a_check_finds_keys_that_are_not_reserved
        with { check: |_, _, _, _| Vec::new() };
    finds_no_owner_of_a_key
        by a_check_finds_keys_that_are_not_reserved
        with { check: reading::find_no_owner };
    misses_keys_of_hidden_resources
        by a_check_expects_no_keys_of_hidden_resources
        with { check: reading::find_keys_missing_of_hidden };

    orders_by_id
        by resources_come_in_the_order_of_their_creation
        with { query: reading::order_by_id };
    orders_by_the_last_change
        by resources_come_in_the_order_of_their_creation
        with { query: reading::order_by_change };
    orders_by_insertion
        by resources_of_one_instant_come_in_the_order_of_their_ids
        with { tamper: reading::note_order, query: reading::order_by_insertion };
    counts_the_page
        by a_page_is_cut_out_of_all_and_counts_all
        with { page: |_, page| page.total = Some(page.resources.len()) };
    takes_a_count_of_0_for_none
        by a_page_is_cut_out_of_all_and_counts_all
        with { ask: |_, query| if let Paging::Offset { count: count @ 0, .. } = &mut query.paging { *count = usize::MAX; } };
    overlooks_the_offset
        by a_page_is_cut_out_of_all_and_counts_all
        with { ask: |_, query| if let Paging::Offset { offset, .. } = &mut query.paging { *offset = 0; } };
    filters_the_page
        by a_page_of_a_filter_is_cut_out_of_its_matches
        with { query: |broken, cx, resource_type, query| bugs::by_position(broken, cx, resource_type, query, |all| bugs::filter_the_page(all, query)) };
    counts_the_page_when_nobody_asks
        by a_query_may_do_without_the_total
        with { page: |query, page| if query.total == Total::Unknown { page.total = Some(page.resources.len()); } };
    overlooks_the_reserved_key
        by what_is_reserved_is_found_by_its_key
        with { ask: |_, query| query.reserved = None };
    finds_keys_of_any_attribute
        by what_is_reserved_is_found_by_its_key
        with { query: reading::find_keys_of_any_attribute };
    overlooks_the_filter_beside_a_key
        by what_is_reserved_is_found_by_its_key
        with { ask: |_, query| if query.reserved.is_some() { query.filter = None; } };
    finds_keys_of_hidden_resources
        by a_hidden_resource_is_found_by_no_key
        with { query: reading::find_keys_of_hidden };

    overlooks_the_order
        by resources_are_sorted_by_an_attribute
        with { ask: |_, query| query.sort = None };
    sorts_in_one_direction
        by resources_are_sorted_by_an_attribute
        with { ask: reading::sort_ascending };
    sorts_texts_as_they_are_written
        by values_are_sorted_as_they_compare
        with { query: reading::sort_texts_as_written };
    sorts_absent_values_first
        by absent_values_come_last_ascending_and_first_descending
        with { query: reading::sort_absent_first };
    sorts_equal_values_backwards
        by equal_values_come_in_the_order_of_creation
        with { query: reading::reverse_all };
    sorts_the_page
        by a_sorted_page_is_cut_out_of_what_a_filter_matches
        with { query: reading::sort_the_page };
    sorts_by_old_values
        by sorting_follows_changes
        with { tamper: reading::note_order, query: reading::sort_by_old_values };
    sorts_live_resources_alone
        by hidden_resources_are_sorted_too
        with { ask: reading::sort_live_alone };
    passes_over_an_order_that_it_does_not_have
        by a_query_sorted_by_what_has_no_order_is_refused_or_right
        with { query: reading::pass_over_the_order };

    repeats_the_last_resource
        by pages_by_cursor_hold_everything_once_and_in_order
        with { query: reading::repeat_the_last_resource };
    pages_by_the_time_of_creation
        by pages_by_cursor_hold_everything_once_and_in_order
        with { query: reading::page_by_time };
    has_no_last_page
        by pages_by_cursor_hold_everything_once_and_in_order
        with { page: reading::always_go_on };
    has_one_page
        by pages_by_cursor_hold_everything_once_and_in_order
        with { page: |_, page| page.next = None };
    pages_without_values
        by sorted_pages_by_cursor_hold_everything_once_and_in_order
        with { query: reading::page_without_values };
    counts_to_the_cursor
        by what_is_there_at_the_start_and_stays_is_on_exactly_one_page
        with { query: reading::count_to_the_cursor };
    shows_live_resources_on_later_pages
        by hidden_resources_come_in_pages_by_cursor
        with { ask: reading::show_live_ones_on_later_pages };
    counts_what_is_left
        by a_page_by_cursor_counts_all_that_matches
        with { query: reading::count_the_rest };
    begins_again_at_odd_cursors
        by what_is_no_cursor_is_refused
        with { query: reading::begin_again_at_odd_cursors };
    gives_a_cursor_for_a_position
        by a_page_by_position_has_no_cursor
        with { page: reading::always_go_on };

    has_no_limit_of_steps
        by a_query_beyond_its_steps_fails_and_is_never_short
        with { budget: |budget| budget.steps = u64::MAX };
    answers_short
        by a_query_beyond_its_steps_fails_and_is_never_short
        with { query: reading::answer_short };
    reads_ids_without_limit
        by a_read_by_ids_beyond_its_steps_fails
        with { budget: |budget| budget.steps = u64::MAX };
    leaves_out_what_its_bytes_do_not_cover
        by a_query_beyond_its_bytes_fails_and_is_never_short
        with { query: reading::leave_out_beyond_bytes };
    has_no_deadline
        by a_read_ends_at_its_deadline
        with { budget: |budget| budget.deadline = None };

    reads_every_relation
        by a_relation_is_read_when_it_is_selected_be_it_empty
        with { select: |resource_type, selection| selection.attributes = everything(resource_type).attributes };
    leaves_out_empty_relations
        by a_relation_is_read_when_it_is_selected_be_it_empty
        with { give: bugs::give_no_empty_relation };
    ignores_the_limit
        by a_relation_above_the_limit_is_left_out
        with { select: |_, selection| selection.relation_limit = None };
    leaves_out_relations_at_the_limit
        by a_relation_above_the_limit_is_left_out
        with { select: |_, selection| selection.relation_limit = selection.relation_limit.map(|limit| limit.saturating_sub(1)) };
    gives_all_members_for_a_page
        by the_pages_of_a_relation_hold_every_member_once_and_in_its_order
        with { select: |_, selection| if selection.page.take().is_some() { selection.relation_limit = None } };
    begins_every_page_with_the_first_member
        by the_pages_of_a_relation_hold_every_member_once_and_in_its_order
        with { select: |_, selection| if let Some(page) = &mut selection.page { page.after = None } };
    gives_a_member_too_many_on_a_page
        by the_pages_of_a_relation_hold_every_member_once_and_in_its_order
        with { select: |_, selection| if let Some(page) = &mut selection.page { page.count += 1 } };
    orders_the_members_of_a_page_by_id
        by the_pages_of_a_relation_hold_every_member_once_and_in_its_order
        with { get: reading::order_pages_by_id };
    shows_hidden_members_on_pages
        by the_pages_of_a_relation_hold_every_member_once_and_in_its_order
        with { select: |_, selection| if selection.page.is_some() { selection.members = Visibility::Hidden } };
    cuts_inverse_relations_to_a_page
        by a_page_of_members_leaves_inverse_relations_whole
        with { get: reading::cut_all_relations_to_a_page };
    ignores_the_limit_beside_a_page
        by a_page_of_members_leaves_inverse_relations_whole
        with { select: |_, selection| if selection.page.is_some() { selection.relation_limit = None } };
    filters_what_is_selected
        by a_filter_sees_relations_that_are_not_selected
        with { query: |broken, cx, resource_type, query| bugs::by_position(broken, cx, resource_type, query, |all| bugs::filter_the_selected(all, query)) };

    finds_by_old_values
        by filters_find_what_is_there_after_many_changes
        with { query: bugs::find_by_old_values };
    finds_what_is_composed_alone
        by a_filter_finds_the_users_that_match_it
        with { query: |broken, cx, resource_type, query| bugs::by_position(broken, cx, resource_type, query, |all| bugs::find_composed_alone(all, query)) };
    finds_extensions_never
        by a_filter_finds_the_users_that_match_it
        with { query: |broken, cx, resource_type, query| bugs::by_position(broken, cx, resource_type, query, |all| bugs::find_without_extensions(all, query)) };

    applies_what_it_can
        by random_commits_do_what_the_model_does
        with { commit: bugs::one_by_one };
    clears_hidden_edges_at_random
        by random_commits_do_what_the_model_does
        with { tamper: hiding::clear_hidden_edges };
    pages_by_time_at_random
        by random_commits_do_what_the_model_does
        with { query: reading::page_by_time };
    skips_anything_at_random
        by random_commits_do_what_the_model_does
        with { tamper: bugs::skip_anything };
    expects_nothing_at_random
        by random_commits_do_what_the_model_does
        with { tamper: hiding::expect_nothing };
    loses_the_state_at_random
        by random_commits_do_what_the_model_does
        with { tamper: hiding::lose_state_with_document };

    checks_versions_before_it_writes
        by of_many_updates_that_demand_one_version_one_is_made
        with { commit: bugs::check_versions_then_write };
    checks_keys_before_it_writes
        by of_many_resources_of_one_name_one_is_created
        with { commit: bugs::check_keys_then_write };
    writes_whole_groups
        by of_many_members_that_are_put_in_at_once_none_is_lost
        with { commit: bugs::write_whole_groups };
    shows_some_events_late
        by who_follows_the_events_misses_none
        with { read_feed: reading::show_late };
    stops_between_changes
        by a_commit_that_nobody_waits_for_happens_whole_or_not_at_all
        with { in_pieces: true };

    forgets_its_events
        by a_store_that_is_opened_again_holds_what_it_held
        with { read_feed: reading::read_what_was_not_seen, reopen: reading::forget_events };
    forgets_everything
        by a_store_that_is_opened_again_goes_on_where_it_stopped
        with { reopen: |mut broken| { broken.inner = MemoryStore::new(); broken } };
    forgets_its_positions
        by positions_go_on_in_a_store_that_is_opened_again
        with { reopen: |mut broken| { broken.inner = MemoryStore::new(); broken } };
    forgets_its_commits
        by a_store_that_is_opened_again_knows_its_commits_and_its_consumers
        with { reopen: |mut broken| { broken.bug.committed = |_, _, _| false; broken } };
    forgets_its_consumers
        by a_store_that_is_opened_again_knows_its_commits_and_its_consumers
        with { reopen: |mut broken| { broken.bug.acknowledged = |_, _, _| Position::START; broken } };
}

#[test]
fn the_store_without_a_bug_passes_however_it_is_taken_apart() {
    for case in cases::<Workshop>() {
        case.run(&Workshop(RIGHT)).unwrap();
    }
}

#[test]
fn every_case_catches_a_bug_that_is_planted_for_it() {
    let watched = [WATCHED, answers::WATCHED, changes::WATCHED, claims::WATCHED].concat();
    let cases = cases::<Workshop>();
    let unwatched: Vec<&str> = cases
        .iter()
        .map(Case::name)
        .filter(|name| !watched.contains(name))
        .collect();
    assert_eq!(unwatched, [""; 0], "cases that no broken store is there for");
}

/// Tries one case on a store with a bug.
fn verdict(bug: Bug, name: &str) -> String {
    let mut cases = cases::<Workshop>().into_iter();
    match cases.find(|case| case.name() == name) {
        None => format!("there is no case `{name}`"),
        Some(case) => match case.run(&Workshop(bug)) {
            Err(_) => "caught".to_owned(),
            Ok(conclusion) => format!("`{name}` comes to {conclusion:?} for the store with the bug"),
        },
    }
}

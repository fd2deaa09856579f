//! Every planted bug is caught by the case that is there to catch it, and the store without one passes.

mod bugs;
mod store;

use keyfob_core::{Collation, Version};
use keyfob_store_memory::MemoryStore;
use keyfob_store_testkit::cases;

use self::store::{Broken, Bug, Workshop, cut};

/// One test for each bug: a store with it has to fail the case that is there for it.
macro_rules! caught {
    ($($name:ident by $case:ident with $bug:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let failed = failing($bug);
                let expected = stringify!($case);
                assert!(failed.contains(&expected), "`{expected}` did not fail, but {failed:?}");
            }
        )*
    };
}

caught! {
    forgets_extensions
        by a_document_is_given_back_equal
        with Bug::Change(bugs::keep_one_extension);
    cuts_text_at_nul
        by text_of_any_script_is_given_back_equal
        with Bug::Give(bugs::cut_text);
    stores_integers_as_doubles
        by numbers_are_given_back_equal
        with Bug::Give(bugs::round_integers);
    drops_unknown_attributes
        by what_the_schema_does_not_know_is_kept_too
        with Bug::Change(bugs::drop_unknown);
    takes_the_last_change_for_the_creation
        by a_resource_carries_its_id_its_type_its_times_and_its_version
        with Bug::Give(bugs::create_anew);
    folds_ids
        by ids_are_told_apart_by_case_and_may_hold_anything
        with Bug::Change(bugs::fold_ids);
    reads_whatever_the_type
        by an_id_of_another_type_is_not_found
        with Bug::Get(bugs::get_of_any_type);
    reads_whatever_the_tenant
        by an_id_of_another_tenant_is_not_found
        with Bug::Get(bugs::get_of_any_tenant);

    merges_documents
        by an_update_replaces_the_document_and_makes_the_next_version
        with Bug::Change(bugs::merge);
    makes_a_version_of_every_update
        by an_update_of_nothing_changes_nothing
        with Bug::Change(bugs::always_write);
    makes_a_version_of_every_delta
        by a_delta_that_changes_nothing_leaves_version_and_time
        with Bug::Change(bugs::always_write);
    ignores_the_demanded_version
        by a_change_that_finds_another_version_is_refused
        with Bug::Change(|_, _, draft| draft.precondition = None);
    checks_versions_last
        by existence_is_checked_first_then_the_version_then_the_rest
        with Bug::Commit(bugs::check_versions_last);

    empties_a_group_to_take_one_out
        by members_are_put_in_and_taken_out
        with Bug::Change(bugs::clear_to_remove);
    replaces_all_to_put_one_in
        by members_are_put_in_and_taken_out
        with Bug::Change(bugs::clear_to_add);
    never_clears
        by a_delta_that_clears_leaves_exactly_those_it_puts_in
        with Bug::Change(|_, _, draft| for delta in &mut draft.relations { delta.clear = false });
    forgets_the_types_of_members
        by a_member_has_the_name_of_its_type
        with Bug::Give(|_, _, stored| bugs::each_member(&mut stored.resource, |member| member.kind = None));
    forgets_the_names_of_members
        by a_member_keeps_the_display_with_which_it_was_put_in
        with Bug::Change(bugs::add_without_names);
    puts_members_in_anew
        by a_member_keeps_the_display_with_which_it_was_put_in
        with Bug::Change(bugs::put_in_anew);
    passes_over_unknown_members
        by all_unknown_members_are_named_and_nothing_is_stored
        with Bug::Commit(bugs::pass_over_unknown_members);
    names_one_unknown_member
        by all_unknown_members_are_named_and_nothing_is_stored
        with Bug::Commit(bugs::name_one_unknown_member);
    takes_members_of_any_type
        by who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member
        with Bug::Change(|_, _, draft| bugs::take_any_member(draft));
    takes_what_any_relation_of_the_resource_takes
        by who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member
        with Bug::Change(bugs::take_what_any_relation_takes);
    passes_over_members_of_a_wrong_type
        by who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member
        with Bug::Change(bugs::pass_over_members_of_a_wrong_type);
    takes_no_types_for_no_members
        by a_relation_that_states_no_types_takes_any_resource
        with Bug::Commit(bugs::take_stated_types_alone);
    takes_members_by_the_type_that_the_id_had
        by the_type_of_a_member_is_that_of_whoever_has_the_id_by_then
        with Bug::Commit(bugs::take_members_by_what_was);
    keeps_one_relation_for_each_type
        by relations_of_one_resource_are_apart
        with Bug::Change(bugs::merge_relations);
    empties_a_group_that_is_renamed
        by a_new_document_leaves_the_members
        with Bug::Change(bugs::empty_renamed);

    keeps_the_first_name_of_a_group
        by the_groups_of_a_member_bear_their_present_names
        with Bug::Give(bugs::keep_first_names);
    confuses_relations
        by an_inverse_relation_follows_from_its_own_relation_alone
        with Bug::Change(bugs::merge_relations);

    counts_what_is_deleted
        by what_is_deleted_is_gone_from_every_answer
        with Bug::Page(bugs::count_deleted);
    leaves_edges_to_what_is_deleted
        by a_deletion_takes_the_edges_to_the_resource
        with Bug::Commit(bugs::leave_edges);
    empties_what_is_deleted
        by a_deletion_takes_the_edges_from_the_resource
        with Bug::Change(bugs::empty_deleted);
    counts_versions_from_1
        by what_is_brought_back_keeps_its_creation_and_starts_at_the_given_version
        with Bug::Change(|_, _, draft| draft.version = Version::FIRST);
    takes_coming_back_for_the_creation
        by what_is_brought_back_keeps_its_creation_and_starts_at_the_given_version
        with Bug::Change(|_, _, draft| draft.created = draft.at);
    takes_the_creation_for_the_last_change
        by what_is_brought_back_keeps_its_creation_and_starts_at_the_given_version
        with Bug::Change(bugs::date_back);
    frees_ids_at_the_end_of_the_commit
        by an_id_can_be_given_again_in_the_commit_that_deletes_its_resource
        with Bug::Commit(bugs::free_ids_last);

    reserves_nothing
        by a_reserved_value_is_refused_to_a_new_resource
        with Bug::Change(|_, _, draft| draft.unique.clear());
    checks_new_resources_alone
        by a_reserved_value_is_refused_to_an_update
        with Bug::Commit(bugs::reserve_at_creation);
    reserves_for_ever
        by an_update_frees_what_it_no_longer_reserves
        with Bug::Change(bugs::reserve_for_ever);
    frees_without_a_document
        by an_update_without_a_document_keeps_what_is_reserved
        with Bug::Change(bugs::always_write);
    reserves_over_all_tenants
        by each_tenant_reserves_for_itself
        with Bug::Commit(bugs::reserve_over_all_tenants);
    folds_keys
        by keys_are_compared_as_they_are_given
        with Bug::Change(|_, _, draft| bugs::compare_keys_with(draft, Collation::Caseless));
    composes_keys
        by keys_are_compared_as_they_are_given
        with Bug::Change(|_, _, draft| bugs::compare_keys_with(draft, Collation::Exact));
    reserves_one_value
        by a_resource_may_reserve_several_values
        with Bug::Change(|_, _, draft| draft.unique.truncate(1));

    applies_changes_one_by_one
        by a_commit_that_fails_at_any_place_changes_nothing
        with Bug::Commit(bugs::one_by_one);
    takes_back_a_new_resource_with_the_old_one
        by a_commit_that_fails_at_any_place_changes_nothing
        with Bug::Commit(bugs::forget_what_was_there);
    checks_all_before_it_applies_any
        by a_change_sees_the_changes_before_it
        with Bug::Commit(bugs::check_first);
    publishes_what_failed
        by a_failed_commit_publishes_nothing
        with Bug::Commit(bugs::publish_failed);

    publishes_everything
        by an_event_is_published_only_if_its_change_changed_something
        with Bug::Change(|_, _, draft| draft.of = None);
    repeats_the_last_event
        by events_are_read_from_any_place_and_in_any_number
        with Bug::Events(bugs::repeat_the_last);
    knows_no_limit
        by events_are_read_from_any_place_and_in_any_number
        with Bug::Events(|_, all, after, _| all.into_iter().filter(|event| Some(event.id) > after).collect());
    reads_events_backwards
        by events_are_given_back_equal_and_in_order
        with Bug::Events(bugs::read_backwards);

    orders_by_id
        by resources_come_in_the_order_of_their_creation
        with Bug::Page(bugs::order_by_id);
    orders_by_the_last_change
        by resources_come_in_the_order_of_their_creation
        with Bug::Page(bugs::order_by_change);
    counts_the_page
        by a_page_is_cut_out_of_all_and_counts_all
        with Bug::Page(bugs::count_the_page);
    takes_a_count_of_0_for_none
        by a_page_is_cut_out_of_all_and_counts_all
        with Bug::Page(bugs::take_0_for_none);
    filters_the_page
        by a_page_of_a_filter_is_cut_out_of_its_matches
        with Bug::Page(bugs::filter_the_page);

    reads_every_relation
        by a_relation_is_read_when_it_is_selected_be_it_empty
        with Bug::Select(bugs::select_everything);
    leaves_out_empty_relations
        by a_relation_is_read_when_it_is_selected_be_it_empty
        with Bug::Give(bugs::give_no_empty_relation);
    ignores_the_limit
        by a_relation_above_the_limit_is_left_out
        with Bug::Select(|_, selection| selection.relation_limit = None);
    leaves_out_relations_at_the_limit
        by a_relation_above_the_limit_is_left_out
        with Bug::Select(bugs::lower_the_limit);
    filters_what_is_selected
        by a_filter_sees_relations_that_are_not_selected
        with Bug::Page(bugs::filter_the_selected);

    finds_by_old_values
        by filters_find_what_is_there_after_many_changes
        with Bug::Page(bugs::find_by_old_values);
    finds_what_is_composed_alone
        by a_filter_finds_the_users_that_match_it
        with Bug::Page(bugs::find_composed_alone);
    finds_extensions_never
        by a_filter_finds_the_users_that_match_it
        with Bug::Page(bugs::find_without_extensions);

    applies_what_it_can
        by random_commits_do_what_the_model_does
        with Bug::Commit(bugs::one_by_one);

    checks_versions_before_it_writes
        by of_many_updates_that_demand_one_version_one_is_made
        with Bug::Commit(bugs::check_versions_then_write);
    checks_keys_before_it_writes
        by of_many_resources_of_one_name_one_is_created
        with Bug::Commit(bugs::check_keys_then_write);
    writes_whole_groups
        by of_many_members_that_are_put_in_at_once_none_is_lost
        with Bug::Commit(bugs::write_whole_groups);
    shows_some_events_late
        by who_follows_the_events_misses_none
        with Bug::Events(bugs::show_late);
    stops_between_changes
        by a_commit_that_nobody_waits_for_happens_whole_or_not_at_all
        with Bug::CommitInPieces;

    forgets_its_events
        by a_store_that_is_opened_again_holds_what_it_held
        with Bug::Reopen(bugs::forget_events);
    forgets_everything
        by a_store_that_is_opened_again_goes_on_where_it_stopped
        with Bug::Reopen(|mut broken| { broken.inner = MemoryStore::new(); broken });
}

#[test]
fn the_store_without_a_bug_passes_however_it_is_taken_apart() {
    for sound in [
        Bug::None,
        Bug::Change(|_, _, _| {}),
        Bug::Commit(Broken::commit_rightly),
        Bug::Give(|_, _, _| {}),
        Bug::Get(|broken, tenant, resource_type, id, selection| {
            broken.get_rightly(tenant, resource_type, id, selection)
        }),
        Bug::Select(|_, _| {}),
        Bug::Page(|_, _, all, query| cut(all, query, |filter, stored| filter.matches(&stored.resource))),
        Bug::Events(|_, all, after, limit| {
            all.into_iter()
                .filter(|event| Some(event.id) > after)
                .take(limit)
                .collect()
        }),
        Bug::Reopen(|broken| broken),
    ] {
        assert_eq!(failing(sound), [""; 0]);
    }
}

/// The names of the cases that a store with this bug fails.
fn failing(bug: Bug) -> Vec<&'static str> {
    let all = cases::<Workshop>().into_iter();
    all.filter(|case| case.run(&Workshop(bug)).is_err())
        .map(|case| case.name())
        .collect()
}

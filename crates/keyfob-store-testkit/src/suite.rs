//! The list of cases: the one place where a case is added, for every store at once.

use std::{
    fmt, io,
    io::Write as _,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use keyfob_store::{Capabilities, Store as _};

use crate::{
    failure::{Failure, Verdict},
    fixture,
    harness::Harness,
    tenancy::Tenancy,
};

/// One case of the suite: a sentence of the contract, and how it is tried.
#[derive(Debug)]
pub struct Case<H> {
    name: &'static str,
    run: fn(&H) -> Verdict,
}

/// The conclusion of a case that didn't fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conclusion {
    /// The store does what the case says.
    Holds,
    /// The case needs what the store doesn't claim: the reason.
    NotApplicable(String),
}

impl<H: Harness> Case<H> {
    /// Returns the sentence, as an identifier.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Tries the case on a store that the harness opens.
    ///
    /// # Errors
    /// [`Failure`] says how the store departs from the contract.
    pub fn run(&self, harness: &H) -> Result<Conclusion, Failure> {
        match (self.run)(harness) {
            Ok(()) => Ok(Conclusion::Holds),
            Err(failure) if failure.is_inapplicable() => Ok(Conclusion::NotApplicable(failure.to_string())),
            Err(failure) => Err(failure.in_case(self.name)),
        }
    }
}

/// Tries the case with this name on a store of a harness of its own, as the tests of
/// [`store_conformance!`](crate::store_conformance) do. A case that doesn't apply succeeds.
///
/// # Errors
/// [`Failure`] says how the store departs from the contract, or that there is no such case.
pub fn run<H: Harness + Default>(name: &str) -> Result<(), Failure> {
    match cases::<H>().iter().find(|case| case.name == name) {
        Some(case) => case.run(&H::default()).map(|_| ()),
        None => Err(Failure::new(format!("the suite has no case `{name}`"))),
    }
}

/// The conclusions of all cases for one store.
///
/// Prints as the list of the cases that fail and of those that don't apply, with the reasons.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The names of the cases that hold.
    pub holds: Vec<&'static str>,
    /// The cases that don't apply, with the reasons.
    pub not_applicable: Vec<(&'static str, String)>,
    /// The failures of the others.
    pub failures: Vec<Failure>,
}

impl Report {
    /// The number of cases that apply to a store at least.
    pub const LEAST: usize = 60;

    /// The number of cases that are tried at once. Much of the time of a case is that of the store's disk or database.
    const AT_ONCE: usize = 6;

    /// Tries all cases, each on a store of a harness of its own, several at a time.
    #[must_use]
    pub fn of<H: Harness + Default>() -> Self {
        let cases = cases::<H>();
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..Self::AT_ONCE {
                let (cases, next, sender) = (&cases, &next, sender.clone());
                scope.spawn(move || {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // Whoever listens does so to the end.
                        let _ = sender.send((case.name, case.run(&H::default())));
                    }
                });
            }
        });
        drop(sender);
        let mut report = Self::default();
        let mut conclusions: Vec<_> = receiver.into_iter().collect();
        conclusions.sort_by_key(|(name, _)| *name);
        for (name, conclusion) in conclusions {
            match conclusion {
                Ok(Conclusion::Holds) => report.holds.push(name),
                Ok(Conclusion::NotApplicable(reason)) => report.not_applicable.push((name, reason)),
                Err(failure) => report.failures.push(failure),
            }
        }
        report
    }

    /// Returns how many cases apply.
    #[must_use]
    pub fn applicable(&self) -> usize {
        self.holds.len() + self.failures.len()
    }

    /// Checks that the store keeps enough for the suite to mean something.
    ///
    /// # Errors
    /// [`Failure`] where fewer than [`Report::LEAST`] cases apply.
    pub fn check_applicable(&self) -> Result<(), Failure> {
        let applicable = self.applicable();
        if applicable < Self::LEAST {
            return Err(Failure::new(format!(
                "{applicable} cases apply: this store keeps too little to be called one\n{self}"
            )));
        }
        Ok(())
    }

    /// Checks that enough cases apply and that all of them hold.
    ///
    /// # Errors
    /// [`Failure`] with the whole report.
    pub fn check(&self) -> Result<(), Failure> {
        if !self.failures.is_empty() {
            return Err(Failure::new(self.to_string()));
        }
        self.check_applicable()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "failed: {failure}")?;
        }
        for (name, reason) in &self.not_applicable {
            writeln!(f, "not applicable: {name}: {reason}")?;
        }
        let all = self.applicable() + self.not_applicable.len();
        write!(
            f,
            "{} of {all} cases apply and {} hold",
            self.applicable(),
            self.holds.len()
        )
    }
}

/// Checks that enough cases apply, and prints those that don't: the last test of
/// [`store_conformance!`](crate::store_conformance). Where the harness says that the store can't be
/// [tried](Failure::inapplicable), that is printed and nothing is checked.
///
/// # Complexity
/// Tries all cases once more for a store that doesn't claim everything.
///
/// # Errors
/// [`Failure`] where fewer than [`Report::LEAST`] cases apply.
#[expect(
    clippy::disallowed_methods,
    reason = "what a macro prints in a test that passes is shown to nobody"
)]
pub fn check_applicable<H: Harness + Default>() -> Result<(), Failure> {
    let harness = H::default();
    let store = match harness.run(harness.open()) {
        Err(failure) if failure.is_inapplicable() => {
            writeln!(io::stderr(), "\nno case was tried: {failure}")?;
            return Ok(());
        }
        store => store?,
    };
    let capabilities = store.capabilities().clone();
    drop(store);
    let is_whole = capabilities == Capabilities::full().durable();
    if is_whole && std::ptr::eq(harness.registry(), fixture::registry()) {
        return Ok(());
    }
    let report = Report::of::<H>();
    writeln!(io::stderr(), "\n{}\n{report}", std::any::type_name::<H>())?;
    report.check_applicable()
}

/// How the function of a case is called: with a tenant of an open store, or with the harness.
macro_rules! adapt {
    (store $case:path) => {
        |harness| {
            harness.run(async {
                let store = harness.open().await?;
                $case(&Tenancy::new(harness, &store, "acme")).await
            })
        }
    };
    (harness $case:path) => {
        $case
    };
}

macro_rules! suite {
    ($dollar:tt $($kind:ident $module:ident { $($name:ident,)* })*) => {
        /// Returns all cases, for programs that run them in their own way.
        #[must_use]
        pub fn cases<H: Harness>() -> Vec<Case<H>> {
            vec![$($(Case { name: stringify!($name), run: adapt!($kind crate::cases::$module::$name) },)*)*]
        }

        /// Expands to one `#[test]` for each case of the suite, all on the stores that this [`Harness`] opens, and to one
        /// that prints which cases don't apply. The harness is made by [`Default`], once for each case.
        ///
        /// The tests are named by their cases; put the macro into a module where a file tries several stores.
        /// `KEYFOB_QUERIES` in the environment is the number of random queries that are asked of each population, 20 without it.
        #[macro_export]
        macro_rules! store_conformance {
            ($dollar harness:ty) => {
                $($(
                    #[test]
                    fn $name() -> ::std::result::Result<(), $crate::Failure> {
                        $crate::run::<$dollar harness>(::std::stringify!($name))
                    }
                )*)*

                #[test]
                fn the_store_keeps_enough_to_be_called_one() -> ::std::result::Result<(), $crate::Failure> {
                    $crate::check_applicable::<$dollar harness>()
                }
            };
        }
    };
}

suite! { $
    store documents {
        a_document_is_given_back_equal,
        text_of_any_script_is_given_back_equal,
        numbers_are_given_back_equal,
        what_the_schema_does_not_know_is_kept_too,
        the_order_of_attributes_makes_no_difference,
        a_resource_carries_its_id_its_type_its_times_and_its_version,
        a_new_resource_has_version_1_and_one_time,
        ids_are_told_apart_by_case_and_may_hold_anything,
        many_ids_are_read_in_their_order,
        hidden_resources_are_read_among_many_ids,
        an_unknown_id_is_not_found,
        an_id_of_another_type_is_not_found,
        an_id_of_another_tenant_is_not_found,
        an_id_is_taken_whatever_the_type,
        two_tenants_may_use_one_id,
    }
    store versions {
        an_update_replaces_the_document_and_makes_the_next_version,
        each_update_makes_one_version,
        an_update_without_a_document_leaves_the_document,
        the_time_of_a_change_does_not_go_back,
        an_update_of_nothing_changes_nothing,
        an_update_that_finds_the_demanded_version_is_made,
        a_change_that_finds_another_version_is_refused,
        existence_is_checked_first_then_the_version_then_the_rest,
    }
    store relations {
        members_are_put_in_and_taken_out,
        a_delta_that_clears_leaves_exactly_those_it_puts_in,
        a_delta_that_changes_nothing_leaves_version_and_time,
        a_delta_that_changes_something_in_part_changes_the_resource,
        a_member_has_the_name_of_its_type,
        a_member_keeps_the_display_with_which_it_was_put_in,
        nothing_else_of_a_member_is_kept,
        all_unknown_members_are_named_and_nothing_is_stored,
        another_tenants_resource_is_an_unknown_member,
        who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member,
        a_relation_that_states_no_types_takes_any_resource,
        the_type_of_a_member_is_that_of_whoever_has_the_id_by_then,
        a_resource_is_created_with_its_members,
        a_resource_may_be_its_own_member,
        relations_of_one_resource_are_apart,
        deltas_of_one_change_are_applied_in_order,
        a_new_document_leaves_the_members,
        a_group_may_have_thousands_of_members,
    }
    store inverse {
        a_member_is_given_its_groups,
        the_groups_of_a_member_bear_their_present_names,
        a_change_of_members_does_not_change_the_members,
        an_inverse_relation_follows_from_its_own_relation_alone,
        a_group_in_a_group_is_an_indirect_group_of_its_members,
        a_group_that_is_reached_in_several_ways_shows_once_and_direct_before_indirect,
        a_circle_of_groups_shows_each_of_them_once,
        groups_show_through_thirty_two_levels,
        a_hidden_group_ends_the_way_through_groups,
        indirect_groups_count_to_the_limit_of_a_relation,
        a_filter_sees_indirect_groups,
    }
    store deletion {
        what_is_deleted_is_gone_from_every_answer,
        a_deletion_takes_the_edges_to_the_resource,
        a_deletion_takes_the_edges_from_the_resource,
        who_loses_a_member_by_its_deletion_changes,
        a_deleted_id_can_be_given_again,
        a_deletion_frees_what_was_reserved,
        who_loses_a_member_of_two_relations_changes_once,
        an_id_that_is_given_again_goes_on_after_the_last_version,
        an_id_can_be_given_again_in_the_commit_that_deletes_its_resource,
    }
    store large {
        a_large_group_that_is_deleted_is_gone_at_once,
        a_large_group_is_emptied_at_once,
        who_stays_in_a_large_group_keeps_its_display_when_the_others_leave,
        what_is_emptied_keeps_its_other_relations_and_its_owners,
    }
    store uniqueness {
        a_reserved_value_is_refused_to_a_new_resource,
        a_reserved_value_is_refused_to_an_update,
        a_resource_may_keep_what_it_reserved,
        an_update_frees_what_it_no_longer_reserves,
        an_update_without_keys_keeps_what_is_reserved,
        keys_are_reserved_and_freed_whatever_else_an_update_changes,
        two_resources_swap_values_through_a_third_in_one_commit,
        a_value_that_is_freed_can_be_taken_in_the_same_commit,
        two_changes_of_one_commit_cannot_take_one_value,
        each_type_reserves_for_itself,
        each_tenant_reserves_for_itself,
        keys_are_compared_as_they_are_given,
        a_resource_may_reserve_several_values,
    }
    store atomicity {
        a_commit_that_fails_at_any_place_changes_nothing,
        a_failed_commit_frees_and_takes_no_value,
        a_failed_commit_leaves_the_edges_at_both_ends,
        a_failed_commit_leaves_what_filters_find,
        a_failed_commit_publishes_nothing,
        a_change_sees_the_changes_before_it,
        a_member_may_be_created_earlier_in_the_commit,
        a_member_that_was_deleted_earlier_in_the_commit_is_unknown,
        a_commit_of_nothing_does_nothing,
    }
    store events {
        events_are_given_back_equal_and_in_order,
        an_event_is_published_only_if_its_change_changed_something,
        positions_are_dense_in_each_tenant,
        an_event_is_known_by_its_commit_and_its_number,
        an_event_names_the_actor_the_request_and_the_operation,
        an_event_has_the_version_after_its_change,
        an_event_has_who_joined_and_left,
        an_event_lists_a_hundred_members_and_counts_all,
        an_event_has_the_names_of_its_resource,
        what_is_forgotten_loses_its_labels_and_nothing_else,
        events_are_read_from_any_place_and_in_any_number,
        a_tenant_reads_its_own_events_alone,
        events_outlive_what_they_are_about,
    }
    store state {
        the_state_is_given_back_equal_beside_the_document,
        a_resource_that_is_created_without_state_has_none,
        a_new_state_makes_the_next_version_and_leaves_the_rest,
        a_change_without_a_state_leaves_the_state,
    }
    store policies {
        unknown_members_are_left_out_and_named_where_the_policy_skips_them,
        a_change_of_unknown_members_alone_changes_nothing,
        members_of_a_type_that_a_relation_does_not_take_are_unknown_to_the_policy,
        hidden_members_are_unknown_unless_they_are_accepted,
        accepted_hidden_members_are_seen_when_they_are_revealed,
    }
    store hiding {
        a_hidden_resource_is_found_by_no_query_but_one_for_hidden_ones,
        hidden_resources_come_in_order_and_in_pages,
        a_hidden_resource_is_read_by_its_id,
        hiding_what_is_hidden_changes_nothing,
        a_hidden_resource_reserves_no_key,
        revealing_is_refused_if_a_key_was_taken_meanwhile,
        a_revealed_resource_reserves_its_keys_again,
        a_hidden_resource_is_a_member_of_nothing_that_is_seen,
        a_revealed_resource_comes_back_with_its_edges,
        owners_change_once_when_a_member_is_hidden_or_revealed,
        an_owner_by_two_relations_changes_once_when_its_member_is_hidden,
        a_hidden_resource_can_be_updated,
        a_document_and_the_visibility_change_in_one_version,
        taking_out_by_id_takes_a_hidden_edge,
        clearing_leaves_hidden_edges,
        a_hidden_resource_can_be_deleted,
        a_hidden_resource_reads_the_owners_to_which_it_comes_back,
        a_hidden_owner_is_in_no_inverse_relation,
        a_hidden_owner_that_loses_a_member_does_not_change,
        hiding_happens_with_its_commit_or_not_at_all,
        a_selection_may_show_the_hidden_members,
        a_resource_that_is_its_own_member_changes_once_when_it_is_hidden,
    }
    store expectations {
        a_commit_is_made_if_everything_is_as_expected,
        a_commit_is_refused_if_something_is_not_as_expected,
        an_expectation_writes_nothing,
        an_expectation_sees_the_changes_before_it,
        a_hidden_resource_is_expected_to_be_there,
    }
    store skipping {
        a_change_is_skipped_for_the_causes_that_it_names,
        a_commit_fails_for_the_causes_that_a_change_does_not_name,
        later_changes_see_nothing_of_a_skipped_one,
        the_changes_around_a_skipped_one_are_made,
        an_event_is_published_instead_of_a_skipped_change,
    }
    store commits {
        several_commits_are_applied_in_order,
        a_refused_commit_stops_none_after_it,
        several_commits_may_be_of_several_tenants,
        each_of_several_commits_is_atomic,
        of_no_commits_nothing_comes,
        a_commit_that_happened_is_known,
        a_commit_whose_deadline_has_passed_happens_whole_or_not_at_all,
        an_answer_is_the_resource_as_the_commit_leaves_it,
        an_answer_leaves_out_a_relation_above_its_limit,
        a_skipped_change_has_no_answer,
        an_id_that_the_store_chooses_stands_for_the_given_one_in_its_commit,
    }
    store outcomes {
        an_outcome_has_the_revision_of_its_resource,
        an_outcome_names_those_who_effectively_joined_and_left,
        an_outcome_lists_a_hundred_members_and_counts_all,
    }
    store feeds {
        what_is_acknowledged_is_kept_for_each_consumer_and_tenant,
        an_acknowledgement_does_not_go_back,
        a_tenant_has_news_until_a_consumer_acknowledges_them,
        events_are_looked_back_at_from_the_newest,
        events_are_looked_back_at_by_resource_actor_time_and_position,
        trimming_removes_what_every_consumer_has_read,
        trimming_removes_what_is_too_old_although_nobody_has_read_it,
        trimming_removes_a_bounded_number_and_splits_no_commit,
        trimming_removes_a_first_commit_that_is_larger_than_the_limit,
        a_reader_behind_the_trim_is_told,
        positions_go_on_after_a_trim,
    }
    store sorting {
        resources_are_sorted_by_an_attribute,
        values_are_sorted_as_they_compare,
        absent_values_come_last_ascending_and_first_descending,
        equal_values_come_in_the_order_of_creation,
        a_sorted_page_is_cut_out_of_what_a_filter_matches,
        sorting_follows_changes,
        hidden_resources_are_sorted_too,
        a_query_sorted_by_what_has_no_order_is_refused_or_right,
    }
    store cursors {
        pages_by_cursor_hold_everything_once_and_in_order,
        sorted_pages_by_cursor_hold_everything_once_and_in_order,
        what_is_there_at_the_start_and_stays_is_on_exactly_one_page,
        hidden_resources_come_in_pages_by_cursor,
        a_page_by_cursor_counts_all_that_matches,
        what_is_no_cursor_is_refused,
        a_page_by_position_has_no_cursor,
    }
    store budgets {
        a_query_beyond_its_steps_fails_and_is_never_short,
        a_read_by_ids_beyond_its_steps_fails,
        a_query_beyond_its_bytes_fails_and_is_never_short,
        a_read_ends_at_its_deadline,
    }
    store maintenance {
        tenants_are_listed_in_order,
        a_tenant_that_is_erased_leaves_nothing,
        erasing_one_tenant_leaves_the_others,
        a_check_of_a_sound_store_finds_nothing,
        a_check_finds_keys_that_are_not_reserved,
        a_check_expects_no_keys_of_hidden_resources,
    }
    store claims {
        a_store_refuses_what_it_does_not_claim,
        a_store_claims_the_same_each_time,
    }
    store queries {
        resources_come_in_the_order_of_their_creation,
        resources_of_one_instant_come_in_the_order_of_their_ids,
        a_page_is_cut_out_of_all_and_counts_all,
        a_page_of_a_filter_is_cut_out_of_its_matches,
        a_query_finds_one_type_of_one_tenant,
        a_page_holds_what_get_gives,
        a_query_may_do_without_the_total,
        what_is_reserved_is_found_by_its_key,
        a_hidden_resource_is_found_by_no_key,
    }
    store selection {
        a_relation_is_read_when_it_is_selected_be_it_empty,
        a_relation_above_the_limit_is_left_out,
        the_pages_of_a_relation_hold_every_member_once_and_in_its_order,
        a_page_of_members_leaves_inverse_relations_whole,
        each_relation_is_held_against_the_limit_by_itself,
        a_filter_sees_relations_that_are_not_selected,
    }
    store filters {
        a_filter_finds_the_users_that_match_it,
        a_filter_finds_the_groups_that_match_it,
        a_filter_finds_what_matches_by_values_of_every_type,
        filters_find_what_is_there_after_many_changes,
        a_filter_may_ask_for_a_thousand_ids,
        a_filter_that_nothing_matches_finds_nothing,
        a_filter_passes_over_values_of_another_type,
    }
    store searches {
        random_queries_find_what_matches,
        comparisons_with_the_edges_of_a_type_find_what_matches,
    }
    store random {
        random_commits_do_what_the_model_does,
    }
    harness concurrency {
        of_many_updates_that_demand_one_version_one_is_made,
        of_many_resources_of_one_name_one_is_created,
        of_many_resources_of_one_id_one_is_created,
        of_many_members_that_are_put_in_at_once_none_is_lost,
        a_reader_sees_every_commit_that_has_returned,
        who_follows_the_events_misses_none,
        a_commit_that_nobody_waits_for_happens_whole_or_not_at_all,
    }
    harness durability {
        a_store_that_is_opened_again_holds_what_it_held,
        a_store_that_is_opened_again_goes_on_where_it_stopped,
        positions_go_on_in_a_store_that_is_opened_again,
        a_store_that_is_opened_again_knows_its_commits_and_its_consumers,
    }
}

//! The functions of checks that data alone can't say.

mod bulk;
mod discovery;
mod error;
mod etag;
mod limits;
mod list;
mod resource;
mod robust;
mod round_trip;
mod security;
mod together;

use super::{
    cx::{Cx, Halt},
    wire::BoxFuture,
};

/// The function of a check.
#[derive(Clone, Copy)]
pub(super) struct Hook {
    pub(super) run: for<'c, 'r, 'p> fn(&'c mut Cx<'r, 'p>) -> BoxFuture<'c, Result<(), Halt>>,
    /// If true, it looks at the resources that several checks share.
    pub(super) shares: bool,
}

macro_rules! hooks {
    ($($module:ident ($shares:literal): $($name:ident)*;)*) => {
        const HOOKS: &[(&str, Hook)] = &[$($((
            concat!(stringify!($module), "::", stringify!($name)),
            Hook { run: |cx| Box::pin($module::$name(cx)), shares: $shares },
        ),)*)*];
    };
}

hooks! {
    discovery (false): config config_members bulk_limits schemes types_list schemas_list schema_by_id type_by_id types_schemas endpoints
        methods messages_hidden characteristics required_members advertised_absent absent_advertised;
    resource (false): create_status create_location location_works has_id has_schemas own_id meta_assigned meta_dates resource_type read_only_ignored stable
        put_replaces put_unknown put_own_answer put_taken delete_status delete_gone delete_again delete_unlisted delete_frees_name
        taken taken_keyword taken_in_another_case taken_by_patch patched_in_full patch_attributes patch_unknown patch_same member_of
        undeclared user_groups group_delete;
    round_trip (false): lost changed wrong_type refused;
    list (true): count zero negative start_zero start_negative pages beyond total per_page start_echoed list_schema cap cursor_pages cursor_wrong
        cursor_first attributes minimum schemas_always excluded excluded_always sub_attribute never_returned sorted sorted_down search search_filter created_projection;
    bulk (false): created references errors_apart error_body fail_on_errors too_many;
    etag (false): header weak version not_modified changes stale_put stale_patch;
    error (false): body status_text status_same media_type;
    security (false): no_token wrong_token challenge password_returned password_filter tenants_read tenants_list tenants_write internals;
    together (false): members names;
    limits (false): page members members_kept soft_delete;
    robust (false): deep_filter large_filter deep_json wrong_media_type many_members long_text bad_text huge_numbers odd_bodies;
}

/// Returns the function of this name.
pub(super) fn named(name: &str) -> Option<Hook> {
    HOOKS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, hook)| *hook)
}

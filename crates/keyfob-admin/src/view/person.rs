//! Users and groups, units and roles.

use keyfob_core::{DateTime, ResourceId};
use smol_str::SmolStr;

use super::view;

view! {
    /// A user.
    User {
        /// The id.
        "id" id: ResourceId,
        /// The user name.
        "userName" user_name: SmolStr,
        /// The name to show.
        "displayName" display_name: Option<SmolStr>,
        /// The phone number.
        "phoneNumber" phone_number: Option<SmolStr>,
        /// The state: `invited`, `uninvited` where the invitation was withdrawn, `active`, `deactivated` or `deleted`.
        "state" state: &'static str,
        /// Who manages the user: `scim`, the tag SCIM Managed, or `admin`.
        "managedBy" managed_by: &'static str,
        /// The card credential.
        "credential" credential: Option<Credential>,
        /// The names of the access groups that the user is in; none in lists.
        "accessGroups" access_groups: Option<Vec<SmolStr>>,
        /// When a deleted user was deleted.
        "deletedAt" deleted_at: Option<DateTime>,
        /// From which side a deleted user was deleted: `provider` or `administrator`.
        "deletedBy" deleted_by: Option<&'static str>,
    }

    /// The credential of a user.
    Credential {
        /// The state: `staged`, `active`, `deactivated` or `deleted`.
        "state" state: &'static str,
        /// The name of the card's format.
        "format" format: Option<SmolStr>,
        /// The facility code.
        "facility" facility: Option<u64>,
        /// The card number.
        "number" number: Option<u64>,
        /// What readers send for the card, in hexadecimal digits.
        "word" word: Option<SmolStr>,
        /// Why there is no card yet.
        "why" why: Vec<SmolStr>,
    }

    /// A group.
    Group {
        /// The id.
        "id" id: ResourceId,
        /// The name.
        "displayName" display_name: SmolStr,
        /// Who manages the group: `scim`, the tag SCIM Managed, or `admin`.
        "managedBy" managed_by: &'static str,
        /// The access group that was made from it.
        "accessGroup" access_group: Option<ResourceId>,
        /// The unit to which it is mapped; none in lists.
        "unit" unit: Option<ResourceId>,
        /// The role to which it is mapped; none in lists.
        "role" role: Option<ResourceId>,
        /// The number of its members; none in lists.
        "memberCount" member_count: Option<usize>,
        /// The ids of the first 1,000 members; none in lists.
        "members" members: Option<Vec<ResourceId>>,
    }

    /// What a group is mapped to.
    Mapping {
        /// The id of the unit to which its members belong.
        "unit" unit: ResourceId,
        /// The id of the role that they have there.
        "role" role: Option<ResourceId>,
    }

    /// A part of the organization.
    Unit {
        /// The id.
        "id" id: ResourceId,
        /// The name.
        "name" name: SmolStr,
        /// The id of the unit of which it is part.
        "parent" parent: Option<ResourceId>,
        /// True if created users join it.
        "isDefault" is_default: bool,
    }

    /// What somebody is in a unit.
    Role {
        /// The id.
        "id" id: ResourceId,
        /// The name.
        "name" name: SmolStr,
    }

    /// That somebody belongs to a unit, or has a role in it.
    Grant {
        /// The id of the unit.
        "unit" unit: ResourceId,
        /// The id of the role; none for membership alone.
        "role" role: Option<ResourceId>,
        /// On whose account: `default`, `group` or `administrator`.
        "source" source: &'static str,
        /// The group on whose account it is.
        "group" group: Option<ResourceId>,
    }
}

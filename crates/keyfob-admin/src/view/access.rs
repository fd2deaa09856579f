//! Doors, and who may pass them.

use keyfob_core::ResourceId;
use smol_str::SmolStr;

use super::view;

view! {
    /// An access group.
    AccessGroup {
        /// The id.
        "id" id: ResourceId,
        /// The name.
        "name" name: SmolStr,
        /// Where its members come from: `scim` for those of a group of the provider, or `manual`.
        "source" source: &'static str,
        /// The group from which it was made.
        "group" group: Option<ResourceId>,
        /// The directory to which it belongs.
        "directory" directory: &'static str,
        /// The ids of its members; none in lists.
        "members" members: Option<Vec<ResourceId>>,
    }

    /// An access level.
    Level {
        /// The id.
        "id" id: ResourceId,
        /// The name.
        "name" name: SmolStr,
        /// The hours of the week, by the clocks of each door.
        "hours" hours: Vec<SmolStr>,
        /// The days on which other hours hold, or none.
        "exceptions" exceptions: Vec<SmolStr>,
        /// The ids of the access groups to which it is assigned.
        "accessGroups" access_groups: Vec<ResourceId>,
        /// Their names.
        "accessGroupNames" access_group_names: Vec<SmolStr>,
        /// The ids of its doors.
        "doors" doors: Vec<ResourceId>,
        /// Their names.
        "doorNames" door_names: Vec<SmolStr>,
    }

    /// A door.
    Door {
        /// The id.
        "id" id: ResourceId,
        /// The name.
        "name" name: SmolStr,
        /// Where it is.
        "site" site: SmolStr,
        /// The time zone whose clocks decide; none where the stored one is unknown, and then the door opens to nobody.
        "timeZone" time_zone: Option<&'static str>,
    }

    /// Why a door opens to a user, or stays closed.
    DoorDecision {
        /// The id of the door.
        "door" door: ResourceId,
        /// The name of the door.
        "name" name: SmolStr,
        /// True if it opens.
        "opens" opens: bool,
        /// The word for the reason.
        "reason" reason: &'static str,
        /// The reason in a sentence.
        "explanation" explanation: SmolStr,
    }
}

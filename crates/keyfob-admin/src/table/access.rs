//! Access groups, access levels and doors.

use super::read;
use crate::{
    act::Action,
    administrator::Permission::{Administration, Read},
    operation::{AFTER, Kind, LIMIT, Method, ORG, Operation, Parameter, Returns},
    view::{AccessGroup, Door, Level, View},
};

const ACCESS_GROUP: Parameter = Parameter::path("accessGroup", "The access group, by its id or name");
const LEVEL: Parameter = Parameter::path("level", "The access level, by its id or name");
const DOOR: Parameter = Parameter::path("door", "The door, by its id or name");
const USER: Parameter = Parameter::path("user", "The user, by its id or userName");
const DATE: Parameter = Parameter::path("date", "The day, as in 2026-12-25");
const NAME: Parameter = Parameter::body("name", Kind::Text, "Its name");
const Q: Parameter = Parameter::query(
    "q",
    "search",
    Kind::Text,
    "Only those whose name has this text in it",
);

pub(super) const ROWS: &[Operation] = &[
    read(
        Action::ListAccessGroups,
        ("listAccessGroups", "Lists access groups"),
        Read,
        (
            Method::Get,
            "/organizations/{org}/access-groups",
            "access-group list",
        ),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(AccessGroup::TYPE),
    ),
    read(
        Action::ShowAccessGroup,
        ("showAccessGroup", "Shows an access group with its members"),
        Read,
        (
            Method::Get,
            "/organizations/{org}/access-groups/{accessGroup}",
            "access-group show",
        ),
        &[ORG, ACCESS_GROUP],
        Returns::One(AccessGroup::TYPE),
    ),
    read(
        Action::CreateAccessGroup,
        ("createAccessGroup", "Creates an access group with members of its own"),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/access-groups",
            "access-group create",
        ),
        &[ORG, NAME],
        Returns::One(AccessGroup::TYPE),
    )
    .undone_by("deleteAccessGroup"),
    read(
        Action::CreateAccessGroupFromScim,
        (
            "createAccessGroupFromScim",
            "Makes an access group with the name and the members of a group that the provider manages",
        ),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/access-groups/from-scim",
            "access-group create-from-scim",
        ),
        &[
            ORG,
            Parameter::body("group", Kind::Text, "The group, by its id or displayName"),
        ],
        Returns::One(AccessGroup::TYPE),
    )
    .undone_by("deleteAccessGroup"),
    read(
        Action::RenameAccessGroup,
        ("renameAccessGroup", "Gives an access group with members of its own another name"),
        Administration,
        (
            Method::Patch,
            "/organizations/{org}/access-groups/{accessGroup}",
            "access-group rename",
        ),
        &[ORG, ACCESS_GROUP, NAME],
        Returns::One(AccessGroup::TYPE),
    )
    .undone_by("renameAccessGroup"),
    read(
        Action::AddMember,
        ("addMember", "Puts a user into an access group with members of its own"),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/access-groups/{accessGroup}/members/{user}",
            "access-group add",
        ),
        &[ORG, ACCESS_GROUP, USER],
        Returns::One(AccessGroup::TYPE),
    )
    .undone_by("removeMember"),
    read(
        Action::RemoveMember,
        ("removeMember", "Takes a user out of an access group with members of its own"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/access-groups/{accessGroup}/members/{user}",
            "access-group remove",
        ),
        &[ORG, ACCESS_GROUP, USER],
        Returns::One(AccessGroup::TYPE),
    )
    .undone_by("addMember"),
    read(
        Action::DeleteAccessGroup,
        ("deleteAccessGroup", "Deletes an access group; the group from which it was made stays"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/access-groups/{accessGroup}",
            "access-group delete",
        ),
        &[ORG, ACCESS_GROUP],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListLevels,
        ("listLevels", "Lists access levels"),
        Read,
        (Method::Get, "/organizations/{org}/levels", "level list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(Level::TYPE),
    ),
    read(
        Action::ShowLevel,
        ("showLevel", "Shows an access level"),
        Read,
        (
            Method::Get,
            "/organizations/{org}/levels/{level}",
            "level show",
        ),
        &[ORG, LEVEL],
        Returns::One(Level::TYPE),
    ),
    read(
        Action::CreateLevel,
        ("createLevel", "Creates an access level over doors"),
        Administration,
        (Method::Post, "/organizations/{org}/levels", "level create"),
        &[
            ORG,
            NAME,
            Parameter::option("doors", "door", Kind::Texts, "A door, by its id or name"),
            Parameter::option(
                "hours",
                "hours",
                Kind::Texts,
                "When it grants access, as in `MO-FR 08:00-18:00` or `SA 22:00-06:00`; always where nothing is said",
            ),
        ],
        Returns::One(Level::TYPE),
    )
    .undone_by("deleteLevel"),
    read(
        Action::RenameLevel,
        ("renameLevel", "Gives an access level another name"),
        Administration,
        (
            Method::Patch,
            "/organizations/{org}/levels/{level}",
            "level rename",
        ),
        &[ORG, LEVEL, NAME],
        Returns::One(Level::TYPE),
    )
    .undone_by("renameLevel"),
    read(
        Action::SetHours,
        ("setHours", "Sets when an access level grants access; what is said of single days stays"),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/levels/{level}/hours",
            "level set-hours",
        ),
        &[
            ORG,
            LEVEL,
            Parameter::body("hours", Kind::Texts, "The hours, as in `MO-FR 08:00-18:00`"),
        ],
        Returns::One(Level::TYPE),
    )
    .undone_by("setHours"),
    read(
        Action::SetException,
        ("setException", "Sets the hours that hold on one day, or closes it"),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/levels/{level}/exceptions/{date}",
            "level except",
        ),
        &[
            ORG,
            LEVEL,
            DATE,
            Parameter::body("hours", Kind::Texts, "The hours, as in `10:00-14:00`, or `closed`"),
        ],
        Returns::One(Level::TYPE),
    )
    .undone_by("removeException"),
    read(
        Action::RemoveException,
        ("removeException", "Lets the hours of its weekday hold on a day again"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/levels/{level}/exceptions/{date}",
            "level unexcept",
        ),
        &[ORG, LEVEL, DATE],
        Returns::One(Level::TYPE),
    )
    .undone_by("setException"),
    read(
        Action::AddDoor,
        ("addDoor", "Puts a door into an access level"),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/levels/{level}/doors/{door}",
            "level add-door",
        ),
        &[ORG, LEVEL, DOOR],
        Returns::One(Level::TYPE),
    )
    .undone_by("removeDoor"),
    read(
        Action::RemoveDoor,
        ("removeDoor", "Takes a door out of an access level"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/levels/{level}/doors/{door}",
            "level remove-door",
        ),
        &[ORG, LEVEL, DOOR],
        Returns::One(Level::TYPE),
    )
    .undone_by("addDoor"),
    read(
        Action::AssignLevel,
        ("assignLevel", "Gives an access group an access level"),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/levels/{level}/access-groups/{accessGroup}",
            "level assign",
        ),
        &[ORG, LEVEL, ACCESS_GROUP],
        Returns::One(Level::TYPE),
    )
    .undone_by("unassignLevel"),
    read(
        Action::UnassignLevel,
        ("unassignLevel", "Takes an access level from an access group"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/levels/{level}/access-groups/{accessGroup}",
            "level unassign",
        ),
        &[ORG, LEVEL, ACCESS_GROUP],
        Returns::One(Level::TYPE),
    )
    .undone_by("assignLevel"),
    read(
        Action::DeleteLevel,
        ("deleteLevel", "Deletes an access level; the doors and access groups stay"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/levels/{level}",
            "level delete",
        ),
        &[ORG, LEVEL],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListDoors,
        ("listDoors", "Lists doors"),
        Read,
        (Method::Get, "/organizations/{org}/doors", "door list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(Door::TYPE),
    ),
    read(
        Action::ShowDoor,
        ("showDoor", "Shows a door"),
        Read,
        (Method::Get, "/organizations/{org}/doors/{door}", "door show"),
        &[ORG, DOOR],
        Returns::One(Door::TYPE),
    ),
    read(
        Action::CreateDoor,
        ("createDoor", "Creates a door"),
        Administration,
        (Method::Post, "/organizations/{org}/doors", "door create"),
        &[
            ORG,
            NAME,
            Parameter::option("site", "site", Kind::Text, "Where it is"),
            Parameter::option(
                "timeZone",
                "time-zone",
                Kind::Text,
                "The time zone there, by its name in the IANA database; UTC where nothing is said",
            ),
        ],
        Returns::One(Door::TYPE),
    )
    .undone_by("deleteDoor"),
    read(
        Action::RenameDoor,
        ("renameDoor", "Gives a door another name"),
        Administration,
        (
            Method::Patch,
            "/organizations/{org}/doors/{door}",
            "door rename",
        ),
        &[ORG, DOOR, NAME],
        Returns::One(Door::TYPE),
    )
    .undone_by("renameDoor"),
    read(
        Action::SetTimeZone,
        ("setTimeZone", "Sets the time zone in which schedules hold at a door"),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/doors/{door}/time-zone",
            "door zone",
        ),
        &[
            ORG,
            DOOR,
            Parameter::body(
                "timeZone",
                Kind::Text,
                "The time zone there, by its name in the IANA database",
            ),
        ],
        Returns::One(Door::TYPE),
    )
    .undone_by("setTimeZone"),
    read(
        Action::DeleteDoor,
        ("deleteDoor", "Deletes a door"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/doors/{door}",
            "door delete",
        ),
        &[ORG, DOOR],
        Returns::Nothing,
    )
    .confirmed(),
];

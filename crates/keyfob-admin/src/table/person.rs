//! Users and groups, units and roles.

use super::read;
use crate::{
    act::Action,
    administrator::Permission::{Administration, Invitations, People, Read},
    operation::{AFTER, Kind, LIMIT, Method, ORG, Operation, Parameter, Returns},
    view::{Door, DoorDecision, Grant, Group, Mapping, Role, Unit, User, View},
};

const USER: Parameter = Parameter::path("user", "The user, by its id, its userName or as external:VALUE");
const GROUP: Parameter = Parameter::path("group", "The group, by its id or displayName");
const UNIT: Parameter = Parameter::path("unit", "The unit, by its id or name");
const NAME: Parameter = Parameter::body("name", Kind::Text, "Its name");
const Q: Parameter = Parameter::query(
    "q",
    "search",
    Kind::Text,
    "Only those whose name has this text in it",
);
const STARTS: Parameter = Parameter::query(
    "q",
    "search",
    Kind::Text,
    "Only those whose name starts with this text",
);
const AT: Parameter = Parameter::query("at", "at", Kind::Instant, "When; now where nothing is said");
const DISPLAY_NAME: Parameter =
    Parameter::option("displayName", "display-name", Kind::Text, "The name to show");
const PHONE: Parameter = Parameter::option("phoneNumber", "phone", Kind::Text, "The phone number");
const TO_UNIT: Parameter =
    Parameter::option("unit", "unit", Kind::Text, "The unit, by its id or name").required();
const IN_ROLE: Parameter = Parameter::option("role", "role", Kind::Text, "The role there, by its id or name");

pub(super) const ROWS: &[Operation] = &[
    read(
        Action::ListUsers,
        ("listUsers", "Lists users"),
        People,
        (Method::Get, "/organizations/{org}/users", "user list"),
        &[
            ORG,
            STARTS,
            Parameter::query(
                "state",
                "state",
                Kind::Choice(&["invited", "uninvited", "active", "deactivated", "deleted"]),
                "Only those in this state: invited, uninvited, active, deactivated or deleted",
            ),
            Parameter::query("deleted", "deleted", Kind::Flag, "The deleted users instead"),
            Parameter::query(
                "managed",
                "managed",
                Kind::Flag,
                "Only those whom the provider manages, or the others",
            ),
            Parameter::query(
                "externalId",
                "external-id",
                Kind::Text,
                "Only the one whom applications know by this id, exactly as it is written",
            ),
            LIMIT,
            AFTER,
        ],
        Returns::Page(User::TYPE),
    ),
    read(
        Action::ShowUser,
        ("showUser", "Shows a user"),
        People,
        (Method::Get, "/organizations/{org}/users/{user}", "user show"),
        &[ORG, USER],
        Returns::One(User::TYPE),
    ),
    read(
        Action::CreateUser,
        ("createUser", "Creates a user whom no provider manages"),
        Administration,
        (Method::Post, "/organizations/{org}/users", "user create"),
        &[
            ORG,
            Parameter::body("userName", Kind::Text, "The user name"),
            DISPLAY_NAME,
            Parameter::option("givenName", "given-name", Kind::Text, "The given name"),
            Parameter::option("familyName", "family-name", Kind::Text, "The family name"),
            Parameter::option("email", "email", Kind::Text, "The e-mail address"),
            PHONE,
        ],
        Returns::One(User::TYPE),
    )
    .undone_by("deleteUser"),
    read(
        Action::EditUser,
        (
            "editUser",
            "Changes a user, as far as no provider has the say; an empty text takes a value away",
        ),
        Administration,
        (Method::Patch, "/organizations/{org}/users/{user}", "user set"),
        &[
            ORG,
            USER,
            Parameter::option("userName", "user-name", Kind::Text, "The user name"),
            DISPLAY_NAME,
            PHONE,
        ],
        Returns::One(User::TYPE),
    )
    .undone_by("editUser"),
    read(
        Action::InviteUser,
        (
            "inviteUser",
            "Invites a user, or once more; no door opens to it until it accepts",
        ),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/users/{user}/invite",
            "user invite",
        ),
        &[ORG, USER],
        Returns::One(User::TYPE),
    )
    .undone_by("withdrawInvite"),
    read(
        Action::WithdrawInvite,
        (
            "withdrawInvite",
            "Withdraws the invitation of a user who has not accepted it: nobody can accept it any more",
        ),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/users/{user}/invite",
            "user uninvite",
        ),
        &[ORG, USER],
        Returns::One(User::TYPE),
    )
    .undone_by("inviteUser"),
    read(
        Action::AcceptInvite,
        ("acceptInvite", "Notes that a user has accepted its invitation"),
        Invitations,
        (
            Method::Post,
            "/organizations/{org}/users/{user}/invite/accept",
            "user accept",
        ),
        &[ORG, USER],
        Returns::One(User::TYPE),
    )
    .undone_by("inviteUser"),
    read(
        Action::ActivateUser,
        (
            "activateUser",
            "Lets a user in again whom an administrator has deactivated",
        ),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/users/{user}/activate",
            "user activate",
        ),
        &[ORG, USER],
        Returns::One(User::TYPE),
    )
    .undone_by("deactivateUser"),
    read(
        Action::DeactivateUser,
        (
            "deactivateUser",
            "Shuts a user out, with everything that it has still there",
        ),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/users/{user}/deactivate",
            "user deactivate",
        ),
        &[ORG, USER],
        Returns::One(User::TYPE),
    )
    .undone_by("activateUser"),
    read(
        Action::DeleteUser,
        (
            "deleteUser",
            "Sends a user to the deleted users, from where it can be brought back",
        ),
        Administration,
        (Method::Delete, "/organizations/{org}/users/{user}", "user delete"),
        &[ORG, USER],
        Returns::One(User::TYPE),
    )
    .undone_by("restoreUser"),
    read(
        Action::RestoreUser,
        (
            "restoreUser",
            "Brings a deleted user back, deactivated as it was when it was deleted",
        ),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/users/{user}/restore",
            "user restore",
        ),
        &[ORG, USER],
        Returns::One(User::TYPE),
    )
    .undone_by("deleteUser"),
    read(
        Action::PurgeUser,
        ("purgeUser", "Removes a user and everything of it for good"),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/users/{user}/purge",
            "user purge",
        ),
        &[ORG, USER],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListDoorsOfUser,
        ("listDoorsOfUser", "Lists the doors that open to a user"),
        Read,
        (Method::Get, "/organizations/{org}/users/{user}/doors", "doors"),
        &[ORG, USER, AT, Q, LIMIT, AFTER],
        Returns::Page(Door::TYPE),
    ),
    read(
        Action::ExplainDoor,
        ("explainDoor", "Says why a door opens to a user, or stays closed"),
        Read,
        (
            Method::Get,
            "/organizations/{org}/users/{user}/doors/{door}/why",
            "user why",
        ),
        &[
            ORG,
            USER,
            Parameter::path("door", "The door, by its id or name"),
            AT,
        ],
        Returns::One(DoorDecision::TYPE),
    ),
    read(
        Action::ListGroups,
        ("listGroups", "Lists groups"),
        Read,
        (Method::Get, "/organizations/{org}/groups", "group list"),
        &[ORG, STARTS, LIMIT, AFTER],
        Returns::Page(Group::TYPE),
    ),
    read(
        Action::ShowGroup,
        ("showGroup", "Shows a group with its members"),
        Read,
        (Method::Get, "/organizations/{org}/groups/{group}", "group show"),
        &[ORG, GROUP],
        Returns::One(Group::TYPE),
    ),
    read(
        Action::MapGroup,
        (
            "mapGroup",
            "Maps a group to a unit, or to a role in it: its members belong there on the group's account",
        ),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/groups/{group}/mapping",
            "group map",
        ),
        &[ORG, GROUP, TO_UNIT, IN_ROLE],
        Returns::One(Mapping::TYPE),
    )
    .undone_by("unmapGroup"),
    read(
        Action::UnmapGroup,
        ("unmapGroup", "Takes the mapping of a group away"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/groups/{group}/mapping",
            "group unmap",
        ),
        &[ORG, GROUP],
        Returns::Nothing,
    )
    .undone_by("mapGroup"),
    read(
        Action::ListUnits,
        ("listUnits", "Lists units"),
        Read,
        (Method::Get, "/organizations/{org}/units", "unit list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(Unit::TYPE),
    ),
    read(
        Action::ShowUnit,
        ("showUnit", "Shows a unit"),
        Read,
        (Method::Get, "/organizations/{org}/units/{unit}", "unit show"),
        &[ORG, UNIT],
        Returns::One(Unit::TYPE),
    ),
    read(
        Action::CreateUnit,
        ("createUnit", "Creates a unit, below another or at the top"),
        Administration,
        (Method::Post, "/organizations/{org}/units", "unit create"),
        &[
            ORG,
            NAME,
            Parameter::option(
                "parent",
                "parent",
                Kind::Text,
                "The unit above it, by its id or name",
            ),
        ],
        Returns::One(Unit::TYPE),
    )
    .undone_by("deleteUnit"),
    read(
        Action::RenameUnit,
        (
            "renameUnit",
            "Gives a unit another name; users, groups and roles stay in it",
        ),
        Administration,
        (Method::Patch, "/organizations/{org}/units/{unit}", "unit rename"),
        &[ORG, UNIT, NAME],
        Returns::One(Unit::TYPE),
    )
    .undone_by("renameUnit"),
    read(
        Action::MoveUnit,
        (
            "moveUnit",
            "Moves a unit, with the units below it, below another or to the top",
        ),
        Administration,
        (
            Method::Put,
            "/organizations/{org}/units/{unit}/parent",
            "unit move",
        ),
        &[
            ORG,
            UNIT,
            Parameter::option(
                "parent",
                "parent",
                Kind::Text,
                "The unit above it, by its id or name; at the top where nothing is said",
            ),
        ],
        Returns::One(Unit::TYPE),
    )
    .undone_by("moveUnit"),
    read(
        Action::SetDefaultUnit,
        ("setDefaultUnit", "Names the unit that created users join"),
        Administration,
        (Method::Put, "/organizations/{org}/default-unit", "unit default"),
        &[
            ORG,
            Parameter::body("unit", Kind::Text, "The unit, by its id or name"),
        ],
        Returns::One(Unit::TYPE),
    )
    .undone_by("setDefaultUnit"),
    read(
        Action::DeleteUnit,
        (
            "deleteUnit",
            "Removes a unit that has no users, groups and units below it",
        ),
        Administration,
        (Method::Delete, "/organizations/{org}/units/{unit}", "unit delete"),
        &[ORG, UNIT],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListRoles,
        ("listRoles", "Lists roles"),
        Read,
        (Method::Get, "/organizations/{org}/roles", "role list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(Role::TYPE),
    ),
    read(
        Action::CreateRole,
        ("createRole", "Creates a role"),
        Administration,
        (Method::Post, "/organizations/{org}/roles", "role create"),
        &[ORG, NAME],
        Returns::One(Role::TYPE),
    )
    .undone_by("deleteRole"),
    read(
        Action::DeleteRole,
        ("deleteRole", "Removes a role that nobody has"),
        Administration,
        (Method::Delete, "/organizations/{org}/roles/{role}", "role delete"),
        &[ORG, Parameter::path("role", "The role, by its id or name")],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListGrants,
        (
            "listGrants",
            "Lists the units and roles of a user, each with the account on which it has them",
        ),
        Read,
        (Method::Get, "/organizations/{org}/users/{user}/grants", "grants"),
        &[ORG, USER],
        Returns::Page(Grant::TYPE),
    ),
    read(
        Action::GrantUnit,
        ("grantUnit", "Puts a user into a unit, or gives it a role there"),
        Administration,
        (Method::Put, "/organizations/{org}/users/{user}/grants", "grant"),
        &[ORG, USER, TO_UNIT, IN_ROLE],
        Returns::Nothing,
    )
    .undone_by("revokeUnit"),
    read(
        Action::RevokeUnit,
        (
            "revokeUnit",
            "Takes back what an administrator granted; what a user has on another account it keeps",
        ),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/users/{user}/grants",
            "revoke",
        ),
        &[ORG, USER, TO_UNIT.in_query(), IN_ROLE.in_query()],
        Returns::Nothing,
    )
    .undone_by("grantUnit"),
];

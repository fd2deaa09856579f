//! The pages, as data: what each shows and offers.

use keyfob_admin::{Role, operation};

/// A page of an organization.
pub(crate) struct Page {
    /// The last segment of its path, and the id of its title.
    pub(crate) slug: &'static str,
    /// Views that are shown one by one.
    pub(crate) shows: &'static [&'static str],
    /// The list that it shows.
    pub(crate) list: Option<List>,
    /// The operations on one of the list.
    pub(crate) item: Option<Item>,
    /// The operations beside it.
    pub(crate) offers: &'static [&'static str],
}

/// A list.
pub(crate) struct List {
    pub(crate) operation: &'static str,
    /// The fields that are shown.
    pub(crate) columns: &'static [&'static str],
    /// What the list is always given.
    pub(crate) fixed: &'static [(&'static str, &'static str)],
    /// The parameters by which it is narrowed.
    pub(crate) filters: &'static [&'static str],
}

/// One of a list.
pub(crate) struct Item {
    /// The operation that shows it in full; none where the list says all.
    pub(crate) show: Option<&'static str>,
    /// The parameter by which operations name it.
    pub(crate) parameter: &'static str,
    /// The field of the list that holds the name.
    pub(crate) field: &'static str,
    pub(crate) offers: &'static [&'static str],
    /// A further list about it, with its columns.
    pub(crate) further: &'static [(&'static str, &'static [&'static str])],
}

const EVENTS: &[&str] = &["at", "name", "label", "resourceType", "verb", "actor", "data"];

/// The pages of an organization, in the order of the navigation.
pub(crate) const PAGES: [Page; 19] = [
    Page {
        slug: "overview",
        shows: &["showOverview"],
        list: None,
        item: None,
        offers: &["enableProvisioning", "turnInvitesOn", "turnInvitesOff", "unlink"],
    },
    Page {
        slug: "tokens",
        shows: &[],
        list: Some(List {
            operation: "listTokens",
            columns: &["name", "hint", "created", "lastUsed", "expires", "warning"],
            fixed: &[],
            filters: &[],
        }),
        item: Some(Item {
            show: None,
            parameter: "token",
            field: "name",
            offers: &["revokeToken"],
            further: &[],
        }),
        offers: &["refreshToken", "issueToken"],
    },
    Page {
        slug: "domains",
        shows: &[],
        list: Some(List {
            operation: "listDomains",
            columns: &["domain"],
            fixed: &[],
            filters: &[],
        }),
        item: Some(Item {
            show: None,
            parameter: "domain",
            field: "domain",
            offers: &["removeDomain"],
            further: &[],
        }),
        offers: &["addDomains"],
    },
    Page {
        slug: "synchronization",
        shows: &["showSynchronization"],
        list: None,
        item: None,
        offers: &["setSynchronization"],
    },
    Page {
        slug: "users",
        shows: &[],
        list: Some(List {
            operation: "listUsers",
            columns: &["userName", "displayName", "state", "managedBy", "credential"],
            fixed: &[],
            filters: &["q", "state", "managed"],
        }),
        item: Some(Item {
            show: Some("showUser"),
            parameter: "user",
            field: "id",
            offers: &[
                "acceptInvite",
                "inviteUser",
                "withdrawInvite",
                "activateUser",
                "deactivateUser",
                "editUser",
                "grantUnit",
                "revokeUnit",
                "deleteUser",
                "purgeUser",
            ],
            further: &[
                ("listDoorsOfUser", &["name", "site", "timeZone"]),
                ("listGrants", &["unit", "role", "source", "group"]),
                ("showHistoryOfUser", EVENTS),
            ],
        }),
        offers: &["createUser"],
    },
    Page {
        slug: "invites",
        shows: &[],
        list: Some(List {
            operation: "listUsers",
            columns: &["userName", "displayName", "managedBy"],
            fixed: &[("state", "invited")],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showUser"),
            parameter: "user",
            field: "id",
            offers: &["inviteUser", "withdrawInvite", "acceptInvite"],
            further: &[("showHistoryOfUser", EVENTS)],
        }),
        offers: &["turnInvitesOn", "turnInvitesOff"],
    },
    Page {
        slug: "deleted-users",
        shows: &[],
        list: Some(List {
            operation: "listUsers",
            columns: &["userName", "displayName", "deletedAt", "deletedBy"],
            fixed: &[("deleted", "true")],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showUser"),
            parameter: "user",
            field: "id",
            offers: &["restoreUser", "purgeUser"],
            further: &[("showHistoryOfUser", EVENTS)],
        }),
        offers: &[],
    },
    Page {
        slug: "groups",
        shows: &[],
        list: Some(List {
            operation: "listGroups",
            columns: &["displayName", "managedBy", "accessGroup"],
            fixed: &[],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showGroup"),
            parameter: "group",
            field: "id",
            offers: &["createAccessGroupFromScim", "mapGroup", "unmapGroup"],
            further: &[],
        }),
        offers: &[],
    },
    Page {
        slug: "access-groups",
        shows: &[],
        list: Some(List {
            operation: "listAccessGroups",
            columns: &["name", "source", "directory"],
            fixed: &[],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showAccessGroup"),
            parameter: "accessGroup",
            field: "id",
            offers: &[
                "addMember",
                "removeMember",
                "assignLevel",
                "unassignLevel",
                "renameAccessGroup",
                "deleteAccessGroup",
            ],
            further: &[],
        }),
        offers: &["createAccessGroup"],
    },
    Page {
        slug: "levels",
        shows: &[],
        list: Some(List {
            operation: "listLevels",
            columns: &["name", "hours", "exceptions", "accessGroupNames", "doorNames"],
            fixed: &[],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showLevel"),
            parameter: "level",
            field: "id",
            offers: &[
                "assignLevel",
                "unassignLevel",
                "addDoor",
                "removeDoor",
                "setHours",
                "setException",
                "removeException",
                "renameLevel",
                "deleteLevel",
            ],
            further: &[],
        }),
        offers: &["createLevel"],
    },
    Page {
        slug: "doors",
        shows: &[],
        list: Some(List {
            operation: "listDoors",
            columns: &["name", "site", "timeZone"],
            fixed: &[],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showDoor"),
            parameter: "door",
            field: "id",
            offers: &["renameDoor", "setTimeZone", "deleteDoor"],
            further: &[],
        }),
        offers: &["createDoor"],
    },
    Page {
        slug: "units",
        shows: &[],
        list: Some(List {
            operation: "listUnits",
            columns: &["name", "parent", "isDefault"],
            fixed: &[],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showUnit"),
            parameter: "unit",
            field: "id",
            offers: &["renameUnit", "moveUnit", "setDefaultUnit", "deleteUnit"],
            further: &[],
        }),
        offers: &["createUnit"],
    },
    Page {
        slug: "roles",
        shows: &[],
        list: Some(List {
            operation: "listRoles",
            columns: &["name", "id"],
            fixed: &[],
            filters: &["q"],
        }),
        item: Some(Item {
            show: None,
            parameter: "role",
            field: "id",
            offers: &["deleteRole"],
            further: &[],
        }),
        offers: &["createRole"],
    },
    Page {
        slug: "set-up",
        shows: &["showProvisioning", "showGuide"],
        list: None,
        item: None,
        offers: &["enableProvisioning", "refreshToken", "issueToken"],
    },
    Page {
        slug: "setup-links",
        shows: &[],
        list: Some(List {
            operation: "listSetupLinks",
            columns: &["name", "hint", "created", "createdBy", "expires", "lastUsed"],
            fixed: &[],
            filters: &[],
        }),
        item: Some(Item {
            show: None,
            parameter: "link",
            field: "name",
            offers: &["revokeSetupLink"],
            further: &[],
        }),
        offers: &["issueSetupLink"],
    },
    Page {
        slug: "administrators",
        shows: &[],
        list: Some(List {
            operation: "listAdminTokens",
            columns: &[
                "name",
                "roles",
                "hint",
                "created",
                "createdBy",
                "expires",
                "lastUsed",
            ],
            fixed: &[],
            filters: &[],
        }),
        item: Some(Item {
            show: None,
            parameter: "token",
            field: "name",
            offers: &["revokeAdminToken"],
            further: &[],
        }),
        offers: &["issueAdminToken"],
    },
    Page {
        slug: "webhooks",
        shows: &[],
        list: Some(List {
            operation: "listWebhooks",
            columns: &[
                "url",
                "types",
                "paused",
                "waiting",
                "lastDelivered",
                "lastFailed",
                "failure",
            ],
            fixed: &[],
            filters: &["q"],
        }),
        item: Some(Item {
            show: Some("showWebhook"),
            parameter: "webhook",
            field: "id",
            offers: &[
                "testWebhook",
                "pauseWebhook",
                "resumeWebhook",
                "editWebhook",
                "rotateWebhookSecret",
                "redeliver",
                "discardDeadLetter",
                "deleteWebhook",
            ],
            further: &[(
                "listDeadLetters",
                &[
                    "id",
                    "type",
                    "resource",
                    "at",
                    "attempts",
                    "lastFailed",
                    "failure",
                ],
            )],
        }),
        offers: &["createWebhook"],
    },
    Page {
        slug: "requests",
        shows: &[],
        list: Some(List {
            operation: "listRequests",
            columns: &[
                "at",
                "method",
                "path",
                "status",
                "resourceName",
                "token",
                "why",
                "fix",
            ],
            fixed: &[],
            filters: &["outcome", "method", "status", "resource", "token", "since"],
        }),
        item: Some(Item {
            show: Some("showRequest"),
            parameter: "request",
            field: "id",
            offers: &[],
            further: &[],
        }),
        offers: &[],
    },
    Page {
        slug: "audit",
        shows: &[],
        list: Some(List {
            operation: "listAudit",
            columns: EVENTS,
            fixed: &[],
            filters: &["actor", "resource"],
        }),
        item: None,
        offers: &[],
    },
];

impl Page {
    /// Returns true if somebody with these roles is shown the page.
    pub(crate) fn is_shown_to(&self, roles: &[Role]) -> bool {
        let list = self.list.as_ref().map(|list| list.operation);
        let mut operations = self.shows.iter().copied().chain(list).filter_map(operation);
        operations.all(|operation| roles.iter().any(|role| role.may(operation.permission)))
    }
}

/// Returns the page of a path.
pub(crate) fn page(slug: &str) -> Option<&'static Page> {
    static ALL: [Page; 19] = PAGES;
    ALL.iter().find(|page| page.slug == slug)
}

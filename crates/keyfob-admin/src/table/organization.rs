//! Organizations, administrators, and what happened.

use super::read;
use crate::{
    act::Action,
    administrator::Permission::{
        Administrators, Audit, Known, Link, Overview as Glance, People, Read, Service,
    },
    operation::{AFTER, Kind, LIMIT, Method, ORG, Operation, Parameter, Returns},
    view::{AdminToken, AdminTokenIssued, Event, Guide, Identity, Organization, Overview, Request, View},
};

const Q: Parameter = Parameter::query(
    "q",
    "search",
    Kind::Text,
    "Only those whose name has this text in it",
);
const NAME: Parameter = Parameter::body("name", Kind::Text, "Its name");
const ROLES: Parameter = Parameter::option(
    "roles",
    "role",
    Kind::Texts,
    "A role: operator (of the service alone), administrator, directoryAdministrator, auditor or application",
)
.required();
const EXPIRES_IN: Parameter = Parameter::option(
    "expiresIn",
    "expires",
    Kind::Duration,
    "How long it is valid, as in 90d; for ever where nothing is said",
);
const TOKEN: Parameter = Parameter::path("token", "The token, by its name");
const SINCE: Parameter = Parameter::query(
    "since",
    "since",
    Kind::Instant,
    "Only what happened from this instant on",
);
const UNTIL: Parameter = Parameter::query(
    "until",
    "until",
    Kind::Instant,
    "Only what happened before this instant",
);
const ACTOR: Parameter = Parameter::query("actor", "actor", Kind::Text, "Only what this identity did");

pub(super) const ROWS: &[Operation] = &[
    read(
        Action::ShowIdentity,
        ("showIdentity", "Shows whoever asks, with their roles"),
        Known,
        (Method::Get, "/whoami", "whoami"),
        &[],
        Returns::One(Identity::TYPE),
    ),
    read(
        Action::ListOrganizations,
        ("listOrganizations", "Lists the organizations in which whoever asks has a role"),
        Known,
        (Method::Get, "/organizations", "org list"),
        &[Q, LIMIT, AFTER],
        Returns::Page(Organization::TYPE),
    ),
    read(
        Action::CreateOrganization,
        (
            "createOrganization",
            "Creates an organization; its first e-mail domain, or enabling its provisioning, links it to a provider",
        ),
        Service,
        (Method::Post, "/organizations", "org create"),
        &[
            NAME,
            Parameter::option(
                "profile",
                "profile",
                Kind::Text,
                "By which rules it is provisioned, for good: interop, rfc, verkada or accessiq",
            )
            .required(),
        ],
        Returns::One(Organization::TYPE),
    )
    .undone_by("deleteOrganization"),
    read(
        Action::ShowOrganization,
        ("showOrganization", "Shows an organization"),
        Glance,
        (Method::Get, "/organizations/{org}", "org show"),
        &[ORG],
        Returns::One(Organization::TYPE),
    ),
    read(
        Action::RenameOrganization,
        ("renameOrganization", "Gives an organization another name"),
        Service,
        (Method::Patch, "/organizations/{org}", "org rename"),
        &[ORG, NAME],
        Returns::One(Organization::TYPE),
    )
    .undone_by("renameOrganization"),
    read(
        Action::DeleteOrganization,
        ("deleteOrganization", "Removes an organization with everything in it"),
        Service,
        (Method::Delete, "/organizations/{org}", "org delete"),
        &[ORG],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ShowOverview,
        ("showOverview", "Counts what an organization has, and says what has to be looked at"),
        Read,
        (Method::Get, "/organizations/{org}/overview", "overview"),
        &[ORG],
        Returns::One(Overview::TYPE),
    ),
    read(
        Action::ShowGuide,
        ("showGuide", "Says how to set up a provider, with the organization's own values"),
        Link,
        (Method::Get, "/organizations/{org}/guides/{provider}", "guide"),
        &[
            ORG,
            Parameter::path("provider", "The provider: entra, okta, google, onelogin, jumpcloud or other"),
        ],
        Returns::One(Guide::TYPE),
    ),
    read(
        Action::ListAdminTokens,
        ("listAdminTokens", "Lists the tokens of an organization's administrators and applications"),
        Administrators,
        (Method::Get, "/organizations/{org}/admin-tokens", "admin-token list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(AdminToken::TYPE),
    ),
    read(
        Action::IssueAdminToken,
        (
            "issueAdminToken",
            "Makes a token for an administrator or an application of an organization, and shows it once",
        ),
        Administrators,
        (Method::Post, "/organizations/{org}/admin-tokens", "admin-token issue"),
        &[ORG, NAME, ROLES, EXPIRES_IN],
        Returns::Secret(AdminTokenIssued::TYPE),
    )
    .undone_by("revokeAdminToken"),
    read(
        Action::RevokeAdminToken,
        ("revokeAdminToken", "Takes a token of an administrator or an application back"),
        Administrators,
        (
            Method::Delete,
            "/organizations/{org}/admin-tokens/{token}",
            "admin-token revoke",
        ),
        &[ORG, TOKEN],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListServiceTokens,
        ("listServiceTokens", "Lists the tokens that are valid for the whole service"),
        Service,
        (Method::Get, "/admin-tokens", "service-token list"),
        &[Q, LIMIT, AFTER],
        Returns::Page(AdminToken::TYPE),
    ),
    read(
        Action::IssueServiceToken,
        ("issueServiceToken", "Makes a token that is valid for the whole service, and shows it once"),
        Service,
        (Method::Post, "/admin-tokens", "service-token issue"),
        &[NAME, ROLES, EXPIRES_IN],
        Returns::Secret(AdminTokenIssued::TYPE),
    )
    .undone_by("revokeServiceToken"),
    read(
        Action::RevokeServiceToken,
        ("revokeServiceToken", "Takes a token of the whole service back"),
        Service,
        (Method::Delete, "/admin-tokens/{token}", "service-token revoke"),
        &[TOKEN],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListEvents,
        ("listEvents", "Lists what happened after an event, in order, as applications follow it"),
        People,
        (Method::Get, "/organizations/{org}/events", "events"),
        &[
            ORG,
            LIMIT,
            Parameter::query("after", "after", Kind::Text, "The position of the last event that was read"),
        ],
        Returns::Page(Event::TYPE),
    ),
    read(
        Action::ListAudit,
        ("listAudit", "Lists what happened, the newest first"),
        Audit,
        (Method::Get, "/organizations/{org}/audit", "audit"),
        &[
            ORG,
            Parameter::query("resource", "resource", Kind::Text, "Only what happened to the resource with this id"),
            ACTOR,
            SINCE,
            UNTIL,
            LIMIT,
            AFTER,
        ],
        Returns::Page(Event::TYPE),
    ),
    read(
        Action::ListRequests,
        (
            "listRequests",
            "Lists the provider's writes, and what was refused, the newest first; a page may be short and have a next one",
        ),
        Read,
        (Method::Get, "/organizations/{org}/requests", "requests list"),
        &[
            ORG,
            Parameter::query(
                "outcome",
                "outcome",
                Kind::Choice(&["refused", "done"]),
                "Only those that were refused, or those that were done",
            ),
            Parameter::query(
                "method",
                "method",
                Kind::Choice(&["POST", "PUT", "PATCH", "DELETE", "GET"]),
                "Only those of this method: POST, PUT, PATCH, DELETE or GET",
            ),
            Parameter::query("status", "status", Kind::Number, "Only those that were answered with this status"),
            Parameter::query("resource", "resource", Kind::Text, "Only those about the resource with this id"),
            Parameter::query("token", "token", Kind::Text, "Only those with the token of this name"),
            SINCE,
            LIMIT,
            AFTER,
        ],
        Returns::Page(Request::TYPE),
    ),
    read(
        Action::ShowRequest,
        (
            "showRequest",
            "Shows a request of the provider: why it was refused, and what to change",
        ),
        Read,
        (
            Method::Get,
            "/organizations/{org}/requests/{request}",
            "requests show",
        ),
        &[ORG, Parameter::path("request", "The request, by its number in the log")],
        Returns::One(Request::TYPE),
    ),
    read(
        Action::ShowHistoryOfUser,
        ("showHistoryOfUser", "Lists what happened to a user, the newest first"),
        Audit,
        (
            Method::Get,
            "/organizations/{org}/users/{user}/history",
            "user history",
        ),
        &[
            ORG,
            Parameter::path("user", "The user, by its id or userName"),
            ACTOR,
            SINCE,
            UNTIL,
            LIMIT,
            AFTER,
        ],
        Returns::Page(Event::TYPE),
    ),
];

//! The link to a provider.

use super::read;
use crate::{
    act::Action,
    administrator::Permission::{Administration, Administrators, Link, LinkToken, Read},
    operation::{AFTER, Kind, LIMIT, Method, ORG, Operation, Parameter, Returns},
    view::{
        Domain, Linked, Provisioning, SetupLink, SetupLinkIssued, Synchronization, Token, TokenIssued, View,
    },
};

const Q: Parameter = Parameter::query(
    "q",
    "search",
    Kind::Text,
    "Only those whose name has this text in it",
);

pub(super) const ROWS: &[Operation] = &[
    read(
        Action::ShowProvisioning,
        ("showProvisioning", "Shows how an organization is provisioned"),
        Link,
        (
            Method::Get,
            "/organizations/{org}/provisioning",
            "provisioning show",
        ),
        &[ORG],
        Returns::One(Provisioning::TYPE),
    ),
    read(
        Action::EnableProvisioning,
        (
            "enableProvisioning",
            "Links an organization to a provider without an e-mail domain, and shows its token once",
        ),
        LinkToken,
        (
            Method::Post,
            "/organizations/{org}/provisioning/enable",
            "provisioning enable",
        ),
        &[ORG],
        Returns::Secret(Linked::TYPE),
    )
    .undone_by("unlink"),
    read(
        Action::Unlink,
        ("unlink", "Cuts the link to the provider"),
        Administration,
        (
            Method::Post,
            "/organizations/{org}/provisioning/unlink",
            "unlink",
        ),
        &[ORG],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListDomains,
        ("listDomains", "Lists the e-mail domains that users may have addresses in"),
        Read,
        (Method::Get, "/organizations/{org}/domains", "domain list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(Domain::TYPE),
    ),
    read(
        Action::AddDomains,
        (
            "addDomains",
            "Lets users have addresses in e-mail domains; the first ones link the organization, and its token is shown once",
        ),
        Administration,
        (Method::Post, "/organizations/{org}/domains", "domain add"),
        &[ORG, Parameter::body("domains", Kind::Texts, "The domains")],
        Returns::Secret(Linked::TYPE),
    )
    .undone_by("removeDomain"),
    read(
        Action::RemoveDomain,
        (
            "removeDomain",
            "Takes an e-mail domain back, after a confirmation where users have addresses in it",
        ),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/domains/{domain}",
            "domain remove",
        ),
        &[ORG, Parameter::path("domain", "The domain")],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListTokens,
        ("listTokens", "Lists the provider's tokens, as far as they may be seen"),
        Link,
        (Method::Get, "/organizations/{org}/tokens", "token list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(Token::TYPE),
    )
    .or("show"),
    read(
        Action::IssueToken,
        (
            "issueToken",
            "Makes another token for the provider, where the profile allows several, and shows it once",
        ),
        LinkToken,
        (Method::Post, "/organizations/{org}/tokens", "token issue"),
        &[
            ORG,
            Parameter::option("name", "name", Kind::Text, "Its name").required(),
            Parameter::option(
                "expiresIn",
                "expires",
                Kind::Duration,
                "How long it is valid, as in 365d; as the profile says where nothing is said",
            ),
        ],
        Returns::Secret(TokenIssued::TYPE),
    )
    .undone_by("revokeToken"),
    read(
        Action::RefreshToken,
        (
            "refreshToken",
            "Replaces a token of the provider: the old one opens nothing any more, and the new one is shown once",
        ),
        LinkToken,
        (
            Method::Post,
            "/organizations/{org}/tokens/refresh",
            "token refresh",
        ),
        &[
            ORG,
            Parameter::option("name", "name", Kind::Text, "Which, where the organization has several"),
        ],
        Returns::Secret(TokenIssued::TYPE),
    )
    .confirmed(),
    read(
        Action::RevokeToken,
        ("revokeToken", "Takes a token of the provider back: it opens nothing any more"),
        Administration,
        (
            Method::Delete,
            "/organizations/{org}/tokens/{token}",
            "token revoke",
        ),
        &[ORG, Parameter::path("token", "The token, by its name")],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::TurnInvitesOn,
        ("turnInvitesOn", "Lets users be invited whom the provider creates"),
        Administration,
        (Method::Post, "/organizations/{org}/invites/on", "invites on"),
        &[ORG],
        Returns::Nothing,
    )
    .undone_by("turnInvitesOff"),
    read(
        Action::TurnInvitesOff,
        ("turnInvitesOff", "Lets users be active at once whom the provider creates"),
        Administration,
        (Method::Post, "/organizations/{org}/invites/off", "invites off"),
        &[ORG],
        Returns::Nothing,
    )
    .undone_by("turnInvitesOn"),
    read(
        Action::ShowSynchronization,
        ("showSynchronization", "Shows what of the provider's data is taken over"),
        Read,
        (
            Method::Get,
            "/organizations/{org}/synchronization",
            "sync show",
        ),
        &[ORG],
        Returns::One(Synchronization::TYPE),
    ),
    read(
        Action::SetSynchronization,
        (
            "setSynchronization",
            "Changes what of the provider's data is taken over from now on; what is stored stays",
        ),
        Administration,
        (
            Method::Patch,
            "/organizations/{org}/synchronization",
            "sync set",
        ),
        &[
            ORG,
            Parameter::option("groups", "groups", Kind::Flag, "Whether groups are: on or off"),
            Parameter::option(
                "ignore",
                "ignore",
                Kind::Texts,
                "An attribute of users that is not taken over any more",
            ),
            Parameter::option(
                "take",
                "take",
                Kind::Texts,
                "An attribute of users that is taken over again",
            ),
        ],
        Returns::One(Synchronization::TYPE),
    )
    .undone_by("setSynchronization"),
    read(
        Action::ListSetupLinks,
        (
            "listSetupLinks",
            "Lists the links by which somebody sets the organization's provider up",
        ),
        Administrators,
        (
            Method::Get,
            "/organizations/{org}/setup-links",
            "setup-link list",
        ),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(SetupLink::TYPE),
    ),
    read(
        Action::IssueSetupLink,
        (
            "issueSetupLink",
            "Makes a link by which somebody sets the organization's provider up and sees nothing else, and shows it once",
        ),
        Administrators,
        (
            Method::Post,
            "/organizations/{org}/setup-links",
            "setup-link issue",
        ),
        &[
            ORG,
            Parameter::body("name", Kind::Text, "Its name, such as that of whoever gets it"),
            Parameter::option(
                "expiresIn",
                "expires",
                Kind::Duration,
                "How long it is valid, at most 30d; 72h where nothing is said",
            ),
        ],
        Returns::Secret(SetupLinkIssued::TYPE),
    )
    .undone_by("revokeSetupLink"),
    read(
        Action::RevokeSetupLink,
        ("revokeSetupLink", "Takes a set-up link back: it opens nothing any more"),
        Administrators,
        (
            Method::Delete,
            "/organizations/{org}/setup-links/{link}",
            "setup-link revoke",
        ),
        &[ORG, Parameter::path("link", "The link, by its name")],
        Returns::Nothing,
    )
    .confirmed(),
];

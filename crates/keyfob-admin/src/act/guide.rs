//! Guides to setting up a provider, with the values of the organization.

use keyfob_core::name::closest;
use keyfob_engine::{Feeds, Maintenance};
use keyfob_provisioning::Provisioning;
use smol_str::{SmolStr, format_smolstr};

use super::one;
use crate::{answer::Answer, input::Input, problem::Problem, session::Session, view};

/// The steps to be done in one provider.
struct Provider {
    /// The word by which it is asked for.
    name: &'static str,
    title: &'static str,
    /// The steps. `{base}` stands for the base URL and `{token}` for what is to be done for the token.
    steps: &'static [&'static str],
    /// Target, source and kind of each mapping of users, with `|` between them.
    users: &'static [&'static str],
    groups: &'static [&'static str],
    notes: &'static [&'static str],
}

/// The target of Verkada's access extension.
macro_rules! card {
    ($attribute:literal, $number:literal) => {
        concat!(
            "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:",
            $attribute,
            " | extensionAttribute",
            $number,
            " | Direct"
        )
    };
}

const ENTRA: Provider = Provider {
    name: "entra",
    title: "Microsoft Entra ID",
    steps: &[
        "Enterprise applications > New application > Create your own application; choose the non-gallery application",
        "Manage > Provisioning > Get started; set the Provisioning Mode to Automatic",
        "Tenant URL: {base}",
        "Secret Token: {token}",
        "Test Connection, and Save",
        "Mappings > Provision Microsoft Entra ID Groups: take the mapping of externalId out, and Save",
        "Mappings > Provision Microsoft Entra ID Users: make the mappings those of the table; for targets that are missing, Show advanced options > Edit attribute list for customappsso",
        "Users and groups: assign those who are to be provisioned, or set the scope to all",
        "Provisioning Status: On",
    ],
    users: &[
        "userName | userPrincipalName | Direct",
        r#"active | Switch([IsSoftDeleted], , "False", "True", "True", "False") | Expression"#,
        "displayName | displayName | Direct",
        r#"emails[type eq "work"].value | mail | Direct"#,
        "name.givenName | givenName | Direct",
        "name.familyName | surname | Direct",
        r#"phoneNumbers[type eq "work"].value | telephoneNumber | Direct"#,
        "externalId | mailNickname | Direct",
    ],
    groups: &["displayName | displayName | Direct", "members | members | Direct"],
    notes: &[
        "Entra provisions at intervals of about 40 minutes; Provision on demand sends one user at once",
        "a user who leaves the scope is sent with active=false, and is deactivated and not deleted",
    ],
};

const OKTA: Provider = Provider {
    name: "okta",
    title: "Okta",
    steps: &[
        "Applications > your SCIM 2.0 application > Provisioning > Integration > Configure API Integration > Enable API integration",
        "Base URL: {base}",
        "API Token: {token}",
        "Test API Credentials, and Save",
        "Provisioning > To App > Edit: enable Create Users, Update User Attributes and Deactivate Users",
        "Assignments: assign people and groups",
        "Push Groups: push the groups that are to be access groups or units",
    ],
    users: &[
        "userName | user.login | Application username",
        "name.givenName | user.firstName | Direct",
        "name.familyName | user.lastName | Direct",
        "emails | user.email | Direct",
        "displayName | user.displayName | Direct",
        "phoneNumbers | user.primaryPhone | Direct",
    ],
    groups: &["displayName | the name of the pushed group | Push Groups"],
    notes: &[
        "assign people by one group and push another: a group that is used for both is not pushed reliably",
        "Okta sends a password; it is neither stored nor logged",
    ],
};

const GOOGLE: Provider = Provider {
    name: "google",
    title: "Google Workspace",
    steps: &[
        "Admin console: Apps > Web and mobile apps > your SAML application > Autoprovisioning > Configure autoprovisioning",
        "App authorization, Access token: {token}",
        "Endpoint URL: {base}",
        "Attribute mapping: make it that of the table",
        "Provisioning scope: choose the groups whose members are provisioned",
        "Deprovisioning: suspend within 24 hours of leaving the scope, and Finish",
        "Turn autoprovisioning on",
    ],
    users: &[
        "userName | Basic Information > Username | Direct",
        "name.givenName | Basic Information > First Name | Direct",
        "name.familyName | Basic Information > Last Name | Direct",
        r#"emails[type eq "work"].value | Basic Information > Primary Email | Direct"#,
        r#"phoneNumbers[type eq "work"].value | Contact Information > Phone (Work) | Direct"#,
    ],
    groups: &[],
    notes: &[
        "autoprovisioning is there for applications of Google's catalogue alone",
        "Google provisions users and no groups: groups only say who is provisioned",
    ],
};

const ONELOGIN: Provider = Provider {
    name: "onelogin",
    title: "OneLogin",
    steps: &[
        "Applications > Add App > SCIM Provisioner with SAML (SCIM v2 Core), and Save",
        "Configuration, SCIM Base URL: {base}",
        "Configuration, SCIM Bearer Token: {token}",
        "Configuration, API Connection: Enable, and Save",
        "Provisioning: Enable provisioning, for users that are created, deleted and updated; when users are deleted: Suspend",
        "Parameters: the SCIM JSON template sends what the table names; Groups > Include in User Provisioning",
        "Users: assign the application",
    ],
    users: &[
        "userName | {$parameters.scimusername} | Template",
        "name.givenName | {$user.firstname} | Template",
        "name.familyName | {$user.lastname} | Template",
        "displayName | {$user.display_name} | Template",
        "emails | {$user.email} | Template",
        "phoneNumbers | {$user.phone} | Template",
    ],
    groups: &["displayName | a rule: Set Groups in the application | Rules"],
    notes: &["OneLogin tests the connection each time that the API connection is enabled"],
};

const JUMPCLOUD: Provider = Provider {
    name: "jumpcloud",
    title: "JumpCloud",
    steps: &[
        "SSO Applications > your application > Identity Management > SCIM API, version SCIM 2.0",
        "Base URL: {base}",
        "Token Key: {token}",
        "Test User Email: an address that no user has; Test Connection creates a user and deactivates it",
        "Group Management: on, for groups to be provisioned",
        "Activate, and assign user groups",
    ],
    users: &[
        "userName | email | Direct",
        "name.givenName | firstname | Direct",
        "name.familyName | lastname | Direct",
        "displayName | displayname | Direct",
        "emails | email | Direct",
        "phoneNumbers | phoneNumbers | Direct",
    ],
    groups: &["displayName | the name of the user group | Direct"],
    notes: &[
        "the test leaves a deactivated user, who can be removed with `user purge`",
        "users join and leave groups in JumpCloud alone",
    ],
};

const OTHER: Provider = Provider {
    name: "other",
    title: "Any other client of SCIM 2.0",
    steps: &[
        "Base URL: {base}",
        "Authentication: an HTTP header, `Authorization: Bearer` with the token: {token}",
        "Test the connection: a filter on userName that finds nobody is answered with 200 and an empty list",
        "Map the attributes of the table",
        "Where the client sends no SCIM of its own (as AWS Cognito), requests are sent by a program: `keyfob client` and the library below it do",
    ],
    users: &[
        "userName | the name to sign in with | Direct",
        "active | true, and false for who is shut out | Direct",
        "displayName | the name to show | Direct",
        r#"emails[type eq "work"].value | the e-mail address | Direct"#,
        "name.givenName | the given name | Direct",
        "name.familyName | the family name | Direct",
        r#"phoneNumbers[type eq "work"].value | the phone number | Direct"#,
    ],
    groups: &[
        "displayName | the name of the group | Direct",
        "members | the ids of its users | Direct",
    ],
    notes: &["/ServiceProviderConfig, /Schemas and /ResourceTypes say the rest"],
};

const PROVIDERS: [Provider; 6] = [ENTRA, OKTA, GOOGLE, ONELOGIN, JUMPCLOUD, OTHER];

/// The attributes that Entra sends for cards, beside the users' own.
const CARDS: [&str; 6] = [
    card!("cardFormat", "1"),
    card!("cardNumber", "2"),
    card!("cardNumberHex", "3"),
    card!("credentialStatus", "4"),
    card!("facilityCode", "5"),
    "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User:externalId | employeeId | Direct",
];

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let name = input.text("provider");
    let provider = PROVIDERS.iter().find(|provider| provider.name == name);
    let provider = provider.ok_or_else(|| {
        let names = PROVIDERS.iter().map(|provider| provider.name);
        let listed: Vec<_> = names.clone().map(|name| format!("`{name}`")).collect();
        let near = closest(name, names).map(|known| format_smolstr!("did you mean `{known}`?"));
        let fix = near.unwrap_or_else(|| format_smolstr!("there is {}", listed.join(", ")));
        Problem::missing("guide", name).with_fix(fix)
    })?;
    let provisioning = session.provisioner.provisioning(&session.cx).await?;
    let has_cards = session.organization()?.profile == "verkada";
    let base = session
        .administration
        .base_url()
        .cloned()
        .unwrap_or_else(|| SmolStr::new_static("the SCIM base URL that `keyfob serve` prints"));
    let token = token(&provisioning);
    let mut users: Vec<SmolStr> = provider.users.iter().copied().map(SmolStr::new_static).collect();
    let mut notes: Vec<SmolStr> = provider.notes.iter().copied().map(SmolStr::new_static).collect();
    if has_cards {
        users.extend(CARDS.iter().map(|row| {
            if provider.name == "entra" {
                SmolStr::new_static(row)
            } else {
                format_smolstr!("{} | an attribute of your own | Direct", target(row))
            }
        }));
        notes.push(SmolStr::new_static(
            "credentialStatus has to be `active` when a card is set up: without it the card waits, and opens no door",
        ));
        notes.push(SmolStr::new_static(
            "phone numbers of provisioned users are changed in the provider alone, also where none is mapped",
        ));
    }
    if provisioning.restricted {
        let domains: Vec<_> = provisioning.domains.iter().map(ToString::to_string).collect();
        let domains = if domains.is_empty() {
            "none".to_owned()
        } else {
            domains.join(", ")
        };
        notes.push(format_smolstr!(
            "addresses have to be in the organization's e-mail domains: {domains}"
        ));
    }
    if !provisioning.synchronization.groups {
        notes.push(SmolStr::new_static(
            "the organization takes no groups: `sync set --groups on`",
        ));
    }
    for path in &provisioning.synchronization.ignored {
        notes.push(format_smolstr!(
            "values of `{path}` are passed over: `sync set --take {path}`"
        ));
    }
    let filled = |step: &&str| step.replace("{base}", &base).replace("{token}", &token).into();
    Ok(one(&view::Guide {
        provider: provider.name.into(),
        title: provider.title.into(),
        steps: provider.steps.iter().map(filled).collect(),
        user_mappings: users,
        group_mappings: provider.groups.iter().copied().map(SmolStr::new_static).collect(),
        notes,
    }))
}

fn target(row: &str) -> &str {
    row.split(" | ").next().unwrap_or(row)
}

/// Says where the token comes from: it was shown once, and nobody can show it again.
fn token(provisioning: &Provisioning) -> SmolStr {
    match provisioning.tokens.as_slice() {
        [] if provisioning.is_linked() => SmolStr::new_static("the one that `token issue` shows"),
        [] => SmolStr::new_static("the one that `provisioning enable` or the first `domain add` shows"),
        [token, ..] => format_smolstr!(
            "the one that was shown when it was made and ends with {}; `token refresh` replaces it",
            token.hint
        ),
    }
}

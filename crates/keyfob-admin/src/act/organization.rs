//! Organizations, and whoever asks.

use std::future::{Future, ready};

use keyfob_access::Credential;
use keyfob_engine::{Feeds, Loaded, Maintenance};
use keyfob_provisioning::{Confirmed, Organization, UserFilter, UserState};
use keyfob_store::{Query, Total, Visibility};
use smol_str::{SmolStr, format_smolstr};

use super::{link, one, request};
use crate::{
    administrator::{Role, Scope},
    answer::{Answer, Page, Preview},
    input::Input,
    problem::Problem,
    session::{Session, cut_of},
    view::{self, View as _},
};

pub(super) fn show_identity<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> impl Future<Output = Result<Answer, Problem>> + Send + use<S> {
    let administrator = session.administrator;
    let roles = administrator.grants.iter().map(|grant| match &grant.scope {
        Scope::Service => SmolStr::new_static(grant.role.as_str()),
        Scope::Organization(tenant) => format_smolstr!("{} of {tenant}", grant.role.as_str()),
    });
    ready(Ok(one(&view::Identity {
        id: administrator.id.clone(),
        credential: administrator.credential.clone(),
        roles: roles.collect(),
    })))
}

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let mut organizations = session.admin().organizations().await?;
    organizations.retain(|organization| {
        let mut roles = session.administrator.roles_in(&organization.tenant);
        roles.next().is_some()
    });
    let (organizations, next) = cut_of(
        input,
        "listOrganizations",
        organizations,
        |organization| organization.tenant.as_str(),
        |organization| &organization.name,
    )?;
    // Those of the page alone are looked up.
    let mut views = Vec::with_capacity(organizations.len());
    for organization in &organizations {
        views.push(shown(session, organization).await?.to_object());
    }
    Ok(Answer::Page(Page::new(views, next)))
}

pub(super) async fn create<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let profile = input.text("profile");
    let provisioner = session.administration.provisioner(profile).ok_or_else(|| {
        let known: Vec<_> = session
            .administration
            .profiles()
            .map(|name| format!("`{name}`"))
            .collect();
        let detail = format_smolstr!("`{profile}` is no profile: {}", known.join(", "));
        Problem::malformed("profile", detail)
    })?;
    let organization = provisioner
        .admin()
        .found_organization(&session.cx, input.text("name"))
        .await?;
    Ok(one(&shown(session, &organization).await?))
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    Ok(one(&shown(session, session.organization()?).await?))
}

pub(super) async fn rename<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let tenant = &session.organization()?.tenant;
    let renamed = session
        .admin()
        .rename_organization(&session.cx, tenant, input.text("name"))
        .await?;
    Ok(one(&shown(session, &renamed).await?))
}

pub(super) async fn delete<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    let tenant = &session.organization()?.tenant;
    session
        .admin()
        .delete_organization(&session.cx, tenant, Some(Confirmed))
        .await?;
    let scope = Scope::Organization(tenant.clone());
    session
        .administration
        .tokens()?
        .revoke_all(&session.cx, &scope)
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_deletion<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Option<Preview>, Problem> {
    let organization = session.organization()?;
    let provisioning = session.provisioner.provisioning(&session.cx).await?;
    let scope = Scope::Organization(organization.tenant.clone());
    let tokens = session.administration.tokens()?.list(&scope).await?;
    let preview = Preview::of("deleteOrganization", organization.tenant.as_str())
        .number(
            "users are erased",
            count(session, "User", Visibility::Live).await?,
        )
        .number(
            "deleted users are erased",
            count(session, "User", Visibility::Hidden).await?,
        )
        .number(
            "groups are erased",
            count(session, "Group", Visibility::Live).await?,
        )
        .effect("tokens of the provider stop", link::named(&provisioning.tokens))
        .effect(
            "tokens of administrators stop",
            tokens.into_iter().map(|token| (token.hint, token.name)),
        );
    Ok(Some(preview.build()))
}

/// The number of users and groups that are looked at one by one for the overview.
const COUNTED: usize = 10_000;

/// The number that is read at a time for it.
const BATCH: usize = 500;

pub(super) async fn overview<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    let (access, cx) = (session.access()?, &session.cx);
    let users = count(session, "User", Visibility::Live).await?;
    let groups = count(session, "Group", Visibility::Live).await?;
    let (mut managed, mut invited, mut deactivated, mut staged) = (0, 0, 0, 0);
    let counts_users = users <= COUNTED;
    let mut after = None;
    loop {
        if !counts_users {
            break;
        }
        let filter = UserFilter::new();
        let page = session
            .admin()
            .user_page(cx, &filter, after.as_ref(), BATCH)
            .await?;
        for user in &page.users {
            managed += usize::from(user.is_managed);
            invited += usize::from(user.state == UserState::Invited);
            deactivated += usize::from(user.state == UserState::Deactivated);
            let credential = Credential::of(&user.internal);
            staged += usize::from(matches!(credential, Some(Credential::Staged { .. })));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let managed_groups = if groups <= COUNTED {
        Some(managed_groups(session).await?)
    } else {
        None
    };
    let counted = |number: usize| counts_users.then_some(number);
    let mut warnings = link::warnings(session).await?;
    let facts = request::log(session).facts(cx.tenant()).await?;
    let refusal = request::shown(session, facts.last_refusal.into_iter().collect()).await?;
    let last_refusal = refusal.into_iter().next();
    if let Some(refusal) = &last_refusal
        && Some(refusal.at) > facts.last_success
    {
        let (why, fix) = (refusal.why.unwrap_or("refused"), refusal.fix.unwrap_or_default());
        warnings.push(format_smolstr!(
            "the last request of the provider was refused, as {why}: {fix} (`requests show {}`)",
            refusal.id
        ));
    }
    if facts.lost > 0 {
        warnings.push(format_smolstr!(
            "{} requests are not in the log of requests: more came than it could take",
            facts.lost
        ));
    }
    if staged > 0 {
        let warning =
            format_smolstr!("{staged} cards are staged: `user list` and `user show` say what they wait for");
        warnings.push(warning);
    }
    Ok(one(&view::Overview {
        users,
        deleted_users: count(session, "User", Visibility::Hidden).await?,
        groups,
        managed_users: counted(managed),
        invited_users: counted(invited),
        deactivated_users: counted(deactivated),
        staged_cards: counted(staged),
        managed_groups,
        access_groups: access.access_groups(cx).await?.len(),
        levels: access.levels(cx).await?.len(),
        doors: access.doors(cx).await?.len(),
        last_request: facts.last_request,
        last_success: facts.last_success,
        last_refusal,
        warnings,
    }))
}

async fn managed_groups<S: Feeds + Maintenance>(session: &Session<'_, S>) -> Result<usize, Problem> {
    let provisioning = session.provisioner.provisioning(&session.cx).await?;
    let Some(groups) = session.provisioner.registry().resource_type("Group") else {
        return Ok(0);
    };
    let (mut managed, mut after) = (0, None);
    loop {
        let (read, next): (Vec<Loaded>, _) = session
            .admin()
            .page(&session.cx, groups, Query::all(), after.as_ref(), BATCH)
            .await?;
        managed += read
            .iter()
            .filter(|group| provisioning.manages(&group.state))
            .count();
        after = next;
        if after.is_none() {
            return Ok(managed);
        }
    }
}

/// Counts the resources of a type, without reading them.
pub(super) async fn count<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    resource_type: &str,
    visibility: Visibility,
) -> Result<usize, Problem> {
    let Some(resource_type) = session.provisioner.registry().resource_type(resource_type) else {
        return Ok(0);
    };
    let query = Query::first(0)
        .with_visibility(visibility)
        .with_total(Total::Exact);
    let page = session
        .provisioner
        .store()
        .query(&session.cx.reading(), resource_type, &query)
        .await?;
    Ok(page.total.unwrap_or_default())
}

/// Returns an organization as administrators see it.
async fn shown<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    organization: &Organization,
) -> Result<view::Organization, Problem> {
    let cx = session.cx.in_tenant(organization.tenant.clone());
    let provisioning = session.provisioner.provisioning(&cx).await?;
    let domains = provisioning.domains.iter();
    Ok(view::Organization {
        id: organization.tenant.as_str().into(),
        name: organization.name.clone(),
        profile: organization.profile.clone(),
        linked: provisioning.is_linked(),
        domains: domains.map(|domain| domain.as_str().into()).collect(),
        restricted: provisioning.restricted,
        send_invites: provisioning.send_invites,
        default_unit: provisioning.default_unit.clone(),
        base_url: session.administration.base_url().cloned(),
    })
}

/// Reads the names of roles.
pub(super) fn roles_of(input: &Input, may_operate: bool) -> Result<Vec<Role>, Problem> {
    let names = input.texts("roles");
    if names.is_empty() {
        return Err(Problem::malformed("roles", "a token has at least one role"));
    }
    let known = Role::ALL
        .into_iter()
        // The role of set-up links is theirs alone.
        .filter(|role| *role != Role::SetUp && (may_operate || *role != Role::Operator));
    let known: Vec<Role> = known.collect();
    let role = |name: &&str| {
        let role = Role::named(name).filter(|role| known.contains(role));
        role.ok_or_else(|| {
            let known: Vec<_> = known.iter().map(|role| format!("`{}`", role.as_str())).collect();
            Problem::malformed(
                "roles",
                format_args!("`{name}` is no role here: {}", known.join(", ")),
            )
        })
    };
    names.iter().map(role).collect()
}

//! The link to a provider: domains, tokens, invitations and what is taken over.

use std::collections::BTreeMap;

use keyfob_core::{AttrPath, DateTime};
use keyfob_engine::{Feeds, Maintenance};
use keyfob_provisioning::{AdminError, Confirmed, EmailDomain, Provisioning, Synchronization, TokenInfo};
use keyfob_store::Visibility;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::{one, organization::count, request};
use crate::{
    answer::{Answer, Preview},
    input::Input,
    problem::Problem,
    session::{Session, cut},
    view,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn provisioning<S: Feeds + Maintenance>(session: &Session<'_, S>) -> Result<Provisioning, Problem> {
    Ok(session.provisioner.provisioning(&session.cx).await?)
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    let provisioning = provisioning(session).await?;
    let facts = request::log(session).facts(session.cx.tenant()).await?;
    let refusal = request::shown(session, facts.last_refusal.into_iter().collect()).await?;
    Ok(one(&view::Provisioning {
        enabled: provisioning.is_linked(),
        base_url: session.administration.base_url().cloned(),
        profile: session.organization()?.profile.clone(),
        domains: texts(&provisioning.domains),
        send_invites: provisioning.send_invites,
        tokens: tokens_of(session, &provisioning, &facts.used),
        last_request: facts.last_request,
        last_success: facts.last_success,
        // Whoever sets a provider up sees no people.
        last_refusal: refusal.into_iter().next().map(|refusal| view::Request {
            resource_name: None,
            ..refusal
        }),
    }))
}

pub(super) async fn enable<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    let token = session.admin().enable(&session.cx).await?;
    linked(session, token.map(|token| token.expose().into())).await
}

async fn linked<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    token: Option<view::Secret>,
) -> Result<Answer, Problem> {
    Ok(one(&view::Linked {
        domains: texts(&provisioning(session).await?.domains),
        base_url: session.administration.base_url().cloned(),
        token,
    }))
}

pub(super) async fn unlink<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    session.admin().unlink(&session.cx, Some(Confirmed)).await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_unlinking<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Option<Preview>, Problem> {
    let (provisioning, access, cx) = (provisioning(session).await?, session.access()?, &session.cx);
    if !provisioning.is_linked() {
        return Ok(None);
    }
    let mut groups = access.access_groups(cx).await?;
    groups.retain(|group| group.source.is_some());
    let levels = access.levels(cx).await?;
    let mut people = Vec::new();
    for group in &groups {
        let is_assigned = levels.iter().any(|level| level.access_groups.contains(&group.id));
        if is_assigned {
            people.extend(access.members(cx, group.id.as_str()).await?);
        }
    }
    people.sort_unstable();
    people.dedup();
    let users = count(session, "User", Visibility::Live).await?;
    let preview = Preview::of("unlink", session.organization()?.tenant.as_str())
        .effect("tokens of the provider stop", named(&provisioning.tokens))
        .effect(
            "access groups of the provider are deleted",
            groups
                .into_iter()
                .map(|group| (group.id.as_str().into(), group.name)),
        )
        .effect(
            "people lose the doors that these access groups open",
            people
                .into_iter()
                .map(|id| (id.as_str().into(), id.as_str().into())),
        )
        .number("users stay, and no provider manages them", users)
        .stays("users, groups, phone numbers and card credentials")
        .stays("access groups with members of their own, access levels and doors")
        .stays("e-mail domains");
    Ok(Some(preview.build()))
}

pub(super) async fn list_domains<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let domains = provisioning(session).await?.domains.into_iter();
    let views = domains.map(|domain| view::Domain {
        domain: domain.as_str().into(),
    });
    cut(
        input,
        "listDomains",
        views.collect(),
        |view| &view.domain,
        |view| &view.domain,
    )
}

fn domain_of(field: &str, text: &str) -> Result<EmailDomain, Problem> {
    text.parse().map_err(|error| Problem::malformed(field, error))
}

pub(super) async fn add_domains<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let domains: Vec<EmailDomain> = input
        .texts("domains")
        .into_iter()
        .map(|text| domain_of("domains", text))
        .collect::<Result<_, _>>()?;
    if domains.is_empty() {
        return Err(Problem::malformed("domains", "at least one domain is added"));
    }
    let token = session.admin().add_domains(&session.cx, &domains).await?;
    linked(session, token.map(|token| token.expose().into())).await
}

pub(super) async fn remove_domain<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    session
        .admin()
        .remove_domain(&session.cx, input.text("domain"), true)
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_removal<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let domain = domain_of("domain", input.text("domain"))?;
    if !provisioning(session).await?.domains.contains(&domain) {
        return Err(AdminError::NoSuchDomain(domain).into());
    }
    let users = session.admin().users_in_domain(&session.cx, &domain).await?;
    if users == 0 {
        return Ok(None);
    }
    let preview = Preview::of("removeDomain", domain.as_str())
        .number(
            "users have addresses in it, and the provider can do no more to them than deactivate them",
            users,
        )
        .stays("the users and their addresses");
    Ok(Some(preview.build()))
}

pub(super) async fn list_tokens<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let used = last_uses(session).await?;
    let views = tokens_of(session, &provisioning(session).await?, &used);
    cut(input, "listTokens", views, |view| &view.name, |view| &view.name)
}

pub(super) async fn issue_token<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let name = input.text("name").trim();
    if name.is_empty() {
        return Err(Problem::malformed("name", "a token needs a name"));
    }
    let expires = input.later("expiresIn", session.provisioner.now());
    let token = session.admin().issue_token(&session.cx, name, expires).await?;
    issued(session, name, token.expose()).await
}

pub(super) async fn refresh_token<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let name = input.maybe("name");
    let token = session
        .admin()
        .refresh_token(&session.cx, name, Some(Confirmed))
        .await?;
    let provisioning = provisioning(session).await?;
    let name = match (name, provisioning.tokens.as_slice()) {
        (Some(name), _) => name.into(),
        (None, [only]) => only.name.clone(),
        (None, _) => SmolStr::default(),
    };
    issued(session, &name, token.expose()).await
}

async fn issued<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    name: &str,
    secret: &str,
) -> Result<Answer, Problem> {
    let tokens = provisioning(session).await?.tokens;
    let info = tokens.iter().find(|token| token.name == name);
    Ok(one(&view::TokenIssued {
        name: name.into(),
        token: secret.into(),
        expires: info.and_then(|info| info.expires),
    }))
}

pub(super) async fn preview_refreshment<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let provisioning = provisioning(session).await?;
    if !provisioning.is_linked() {
        return Err(AdminError::NotEnabled.into());
    }
    let tokens = match (input.maybe("name"), provisioning.tokens.as_slice()) {
        (Some(name), tokens) => {
            let found = tokens.iter().find(|token| token.name == name);
            std::slice::from_ref(found.ok_or_else(|| AdminError::NoSuchToken(name.into()))?)
        }
        (None, tokens @ ([] | [_])) => tokens,
        (None, _) => return Err(AdminError::AmbiguousToken.into()),
    };
    let preview = Preview::of("refreshToken", session.organization()?.tenant.as_str())
        .effect(
            "tokens stop at once: the provider is shut out until it has the new one",
            named(tokens),
        )
        .stays("users, groups, and everything that was provisioned");
    Ok(Some(preview.build()))
}

pub(super) async fn revoke_token<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    session
        .admin()
        .revoke_token(&session.cx, input.text("token"), Some(Confirmed))
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_revocation<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let (provisioning, name) = (provisioning(session).await?, input.text("token"));
    let (revoked, others): (Vec<TokenInfo>, Vec<TokenInfo>) = provisioning
        .tokens
        .into_iter()
        .partition(|token| token.name == name);
    if revoked.is_empty() {
        return Err(AdminError::NoSuchToken(name.into()).into());
    }
    let preview = Preview::of("revokeToken", session.organization()?.tenant.as_str())
        .effect("tokens stop at once", named(&revoked))
        .number("tokens are left for the provider", others.len())
        .stays("users, groups, and everything that was provisioned");
    Ok(Some(preview.build()))
}

pub(super) async fn turn_invites_on<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    session.admin().set_invites(&session.cx, true).await?;
    Ok(Answer::Done)
}

pub(super) async fn turn_invites_off<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    session.admin().set_invites(&session.cx, false).await?;
    Ok(Answer::Done)
}

pub(super) async fn show_synchronization<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    _: &Input,
) -> Result<Answer, Problem> {
    let provisioning = provisioning(session).await?;
    let default_unit_name = match &provisioning.default_unit {
        Some(unit) => Some(session.access()?.unit(&session.cx, unit).await?.name),
        None => None,
    };
    let Synchronization { groups, ignored, .. } = &provisioning.synchronization;
    Ok(one(&view::Synchronization {
        groups: *groups,
        ignored: ignored.iter().map(ToSmolStr::to_smolstr).collect(),
        default_unit: provisioning.default_unit,
        default_unit_name,
    }))
}

pub(super) async fn set_synchronization<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let present = provisioning(session).await?.synchronization;
    let path = |field: &'static str| {
        move |text: &str| {
            AttrPath::parse(text)
                .map_err(|error| Problem::malformed(field, format_args!("`{text}` is no attribute: {error}")))
        }
    };
    let mut ignored = present.ignored;
    for added in input.texts("ignore").into_iter().map(path("ignore")) {
        let added = added?;
        if !ignored.contains(&added) {
            ignored.push(added);
        }
    }
    for taken in input.texts("take").into_iter().map(path("take")) {
        let taken = taken?;
        ignored.retain(|present| *present != taken);
    }
    let groups = input.flag("groups").unwrap_or(present.groups);
    let synchronization = Synchronization::new(groups, ignored);
    session
        .admin()
        .set_synchronization(&session.cx, &synchronization)
        .await?;
    show_synchronization(session, input).await
}

/// Returns what has to be looked at in the link to the provider.
pub(super) async fn warnings<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
) -> Result<Vec<SmolStr>, Problem> {
    let provisioning = provisioning(session).await?;
    let mut warnings = Vec::new();
    if !provisioning.is_linked() {
        warnings.push(SmolStr::new_static(
            "no provider is linked: `provisioning enable` or the first e-mail domain links one",
        ));
    }
    let tokens = tokens_of(session, &provisioning, &BTreeMap::new()).into_iter();
    warnings.extend(tokens.filter_map(|token| token.warning));
    let needs_unit = session.provisioner.profile().default_unit;
    if needs_unit && provisioning.default_unit.is_none() {
        warnings.push(SmolStr::new_static(
            "there is no default unit, so that no user can be created: `unit default` names one",
        ));
    }
    Ok(warnings)
}

/// Returns when the provider used each of its tokens last, by their names.
async fn last_uses<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
) -> Result<BTreeMap<SmolStr, DateTime>, Problem> {
    Ok(request::log(session).facts(session.cx.tenant()).await?.used)
}

fn tokens_of<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    provisioning: &Provisioning,
    used: &BTreeMap<SmolStr, DateTime>,
) -> Vec<view::Token> {
    let now = session.provisioner.now();
    let view = |token: &TokenInfo| {
        let left = token
            .expires
            .map(|expires| expires.unix_millis().saturating_sub(now.unix_millis()));
        let warning = match left {
            Some(left) if left <= 0 => Some(format_smolstr!(
                "the token `{}` has expired: refresh it",
                token.name
            )),
            Some(left) => {
                let days = left.div_euclid(DAY) + 1;
                token.ends_within(now).map(|_| {
                    format_smolstr!(
                        "the token `{}` expires within {days} days: refresh it, or issue another and revoke this one",
                        token.name
                    )
                })
            }
            None => None,
        };
        view::Token {
            name: token.name.clone(),
            hint: token.hint.clone(),
            created: token.created,
            expires: token.expires,
            // A token that was refreshed has the name of the one before.
            last_used: used
                .get(&token.name)
                .copied()
                .filter(|used| *used >= token.created),
            warning,
        }
    };
    provisioning.tokens.iter().map(view).collect()
}

/// Returns tokens by what tells one from those before it, and by name.
pub(super) fn named(tokens: &[TokenInfo]) -> Vec<(SmolStr, SmolStr)> {
    let id = |token: &TokenInfo| format_smolstr!("{} {} {}", token.name, token.hint, token.created);
    tokens
        .iter()
        .map(|token| (id(token), token.name.clone()))
        .collect()
}

fn texts(domains: &[EmailDomain]) -> Vec<SmolStr> {
    domains.iter().map(|domain| domain.as_str().into()).collect()
}

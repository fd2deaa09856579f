//! Tokens of administrators and applications.

use keyfob_core::DateTime;
use keyfob_engine::{Feeds, Maintenance};
use smol_str::format_smolstr;

use super::{one, organization::roles_of};
use crate::{
    administrator::{Role, Scope},
    answer::{Answer, Preview},
    input::Input,
    problem::Problem,
    session::{Session, cut},
    token::{AdminSecret, NewToken},
    view,
};

fn scope<S: Feeds + Maintenance>(session: &Session<'_, S>) -> Result<Scope, Problem> {
    Ok(Scope::Organization(session.organization()?.tenant.clone()))
}

async fn list_in<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
    scope: &Scope,
) -> Result<Answer, Problem> {
    let mut views = session.administration.tokens()?.list(scope).await?;
    views.retain(|token| !is_link(token));
    cut(
        input,
        "listAdminTokens",
        views,
        |view| &view.name,
        |view| &view.name,
    )
}

async fn issue_in<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
    scope: &Scope,
) -> Result<Answer, Problem> {
    let roles = roles_of(input, *scope == Scope::Service)?;
    let expires = input.later("expiresIn", session.provisioner.now());
    session.administration.tokens()?.demand_room(scope).await?;
    let (name, secret) = (input.text("name"), AdminSecret::generate()?);
    let token = NewToken {
        name,
        roles: &roles,
        scope,
        expires,
    };
    session
        .administration
        .tokens()?
        .issue(&session.cx, &token, &secret)
        .await?;
    Ok(one(&view::AdminTokenIssued {
        name: name.trim().into(),
        token: secret.expose().into(),
        expires,
    }))
}

async fn revoke_in<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
    scope: &Scope,
) -> Result<Answer, Problem> {
    session
        .administration
        .tokens()?
        .revoke(&session.cx, scope, input.text("token"))
        .await?;
    Ok(Answer::Done)
}

async fn preview_in<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
    scope: &Scope,
) -> Result<Option<Preview>, Problem> {
    let tokens = session.administration.tokens()?;
    let token = tokens.named(scope, input.text("token")).await?;
    if is_link(&token) {
        return Err(Problem::missing("token", &token.name));
    }
    let preview = Preview::of("revokeAdminToken", &token.hint)
        .effect("tokens stop at once", [(token.hint.clone(), token.name)])
        .stays("everything that was done with it");
    Ok(Some(preview.build()))
}

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    list_in(session, input, &scope(session)?).await
}

pub(super) async fn issue<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    issue_in(session, input, &scope(session)?).await
}

pub(super) async fn revoke<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    revoke_in(session, input, &scope(session)?).await
}

pub(super) async fn preview<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    preview_in(session, input, &scope(session)?).await
}

pub(super) async fn list_of_service<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    list_in(session, input, &Scope::Service).await
}

pub(super) async fn issue_of_service<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    issue_in(session, input, &Scope::Service).await
}

pub(super) async fn revoke_of_service<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    revoke_in(session, input, &Scope::Service).await
}

pub(super) async fn preview_of_service<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    preview_in(session, input, &Scope::Service).await
}

/// The days for which a set-up link is valid at most.
const LINK_DAYS: i64 = 30;

/// The hours for which a set-up link is valid where nothing is said.
const LINK_HOURS: i64 = 72;

const HOUR: i64 = 60 * 60 * 1000;

/// Returns true for the token of a set-up link: it has that role alone, which no token of an administrator can have.
fn is_link(token: &view::AdminToken) -> bool {
    token.roles.iter().any(|role| role == Role::SetUp.as_str())
}

pub(super) async fn list_links<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let tokens = session.administration.tokens()?.list(&scope(session)?).await?;
    let links = tokens.into_iter().filter(is_link).map(|token| view::SetupLink {
        name: token.name,
        hint: token.hint,
        created: token.created,
        created_by: token.created_by,
        expires: token.expires,
        last_used: token.last_used,
    });
    cut(
        input,
        "listSetupLinks",
        links.collect(),
        |view| &view.name,
        |view| &view.name,
    )
}

pub(super) async fn issue_link<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (now, scope) = (session.provisioner.now(), scope(session)?);
    let at_most = DateTime::from_unix_millis(now.unix_millis().saturating_add(LINK_DAYS * 24 * HOUR));
    let expires = input
        .later("expiresIn", now)
        .unwrap_or_else(|| DateTime::from_unix_millis(now.unix_millis().saturating_add(LINK_HOURS * HOUR)));
    if expires > at_most {
        let detail = format_args!("a set-up link is valid for at most {LINK_DAYS} days");
        return Err(Problem::malformed("expiresIn", detail));
    }
    session.administration.tokens()?.demand_room(&scope).await?;
    let (name, secret) = (input.text("name"), AdminSecret::generate()?);
    let token = NewToken {
        name,
        roles: &[Role::SetUp],
        scope: &scope,
        expires: Some(expires),
    };
    session
        .administration
        .tokens()?
        .issue(&session.cx, &token, &secret)
        .await?;
    let console = session.administration.console_url();
    Ok(one(&view::SetupLinkIssued {
        name: name.trim().into(),
        url: console.map(|console| format_smolstr!("{console}/link/{}", secret.expose()).into()),
        token: secret.expose().into(),
        expires,
    }))
}

/// Finds a set-up link by its name, and no token of an administrator.
async fn found_link<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<view::AdminToken, Problem> {
    let name = input.text("link");
    let missing = || Problem::missing("set-up link", name);
    match session
        .administration
        .tokens()?
        .named(&scope(session)?, name)
        .await
    {
        Ok(token) if is_link(&token) => Ok(token),
        Ok(_) => Err(missing()),
        Err(problem) if problem.status == 404 => Err(missing()),
        Err(problem) => Err(problem),
    }
}

pub(super) async fn revoke_link<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let link = found_link(session, input).await?;
    session
        .administration
        .tokens()?
        .revoke(&session.cx, &scope(session)?, &link.name)
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_link<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let link = found_link(session, input).await?;
    let preview = Preview::of("revokeSetupLink", &link.hint)
        .effect("set-up links stop at once", [(link.hint.clone(), link.name)])
        .stays("the provider's tokens, and everything that was set up with it");
    Ok(Some(preview.build()))
}

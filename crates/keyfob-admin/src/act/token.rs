//! Tokens of administrators and applications.

use keyfob_engine::{Feeds, Maintenance};

use super::{one, organization::roles_of};
use crate::{
    administrator::Scope,
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
    let views = session.administration.tokens()?.list(scope).await?;
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

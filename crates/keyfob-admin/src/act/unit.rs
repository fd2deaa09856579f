//! Units, roles, and who is granted them.

use keyfob_access::{Grant, Provenance, Role, Unit};
use keyfob_engine::{Feeds, Maintenance};

use super::{access::explain, one, user::refused};
use crate::{
    answer::{Answer, Page, Preview},
    input::Input,
    problem::Problem,
    session::{Session, cut},
    view::{self, View as _},
};

async fn shown<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    units: Vec<Unit>,
) -> Result<Vec<view::Unit>, Problem> {
    let default = session.provisioner.provisioning(&session.cx).await?.default_unit;
    // The default unit may have been given by its name.
    let default = match default {
        Some(default) => session.access()?.unit(&session.cx, &default).await.ok(),
        None => None,
    };
    let views = units.into_iter().map(|unit| view::Unit {
        is_default: default.as_ref().is_some_and(|default| default.id == unit.id),
        id: unit.id,
        name: unit.name,
        parent: unit.parent,
    });
    Ok(views.collect())
}

async fn answered<S: Feeds + Maintenance>(session: &Session<'_, S>, unit: Unit) -> Result<Answer, Problem> {
    let views = shown(session, vec![unit]).await?;
    Ok(views.first().map_or(Answer::Done, one))
}

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let units = session.access()?.units(&session.cx).await?;
    cut(
        input,
        "listUnits",
        shown(session, units).await?,
        |view| view.id.as_str(),
        |view| &view.name,
    )
}

async fn found<S: Feeds + Maintenance>(session: &Session<'_, S>, input: &Input) -> Result<Unit, Problem> {
    let found = session.access()?.unit(&session.cx, input.text("unit")).await;
    Ok(explain!(session, found))
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    answered(session, found(session, input).await?).await
}

pub(super) async fn create<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let created = session
        .access()?
        .create_unit(&session.cx, input.text("name"), input.maybe("parent"))
        .await;
    let created = explain!(session, created);
    answered(session, created).await
}

pub(super) async fn rename<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let renamed = session
        .access()?
        .rename_unit(&session.cx, input.text("unit"), input.text("name"))
        .await;
    let renamed = explain!(session, renamed);
    answered(session, renamed).await
}

pub(super) async fn move_to<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let moved = session
        .access()?
        .move_unit(&session.cx, input.text("unit"), input.maybe("parent"))
        .await;
    let moved = explain!(session, moved);
    answered(session, moved).await
}

pub(super) async fn set_default<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let unit = found(session, input).await?;
    session
        .access()?
        .set_default_unit(&session.cx, Some(unit.id.as_str()))
        .await?;
    answered(session, unit).await
}

pub(super) async fn delete<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    session
        .access()?
        .delete_unit(&session.cx, input.text("unit"))
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_deletion<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let unit = found(session, input).await?;
    let preview = Preview::of("deleteUnit", unit.id.as_str())
        .effect("unit is deleted", [(unit.id.as_str().into(), unit.name)])
        .stays("users and groups: a unit that has any is not deleted");
    Ok(Some(preview.build()))
}

pub(super) async fn list_roles<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let roles = session.access()?.roles(&session.cx).await?;
    let views = roles.into_iter().map(shown_role).collect();
    cut(
        input,
        "listRoles",
        views,
        |view: &view::Role| view.id.as_str(),
        |view| &view.name,
    )
}

fn shown_role(role: Role) -> view::Role {
    view::Role {
        id: role.id,
        name: role.name,
    }
}

pub(super) async fn create_role<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let created = session
        .access()?
        .create_role(&session.cx, input.text("name"))
        .await?;
    Ok(one(&shown_role(created)))
}

pub(super) async fn delete_role<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    session
        .access()?
        .delete_role(&session.cx, input.text("role"))
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_role_deletion<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let role = explain!(
        session,
        session.access()?.role(&session.cx, input.text("role")).await
    );
    let preview = Preview::of("deleteRole", role.id.as_str())
        .effect("role is deleted", [(role.id.as_str().into(), role.name)])
        .stays("users and groups: a role that any of them has is not deleted");
    Ok(Some(preview.build()))
}

pub(super) async fn list_grants<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let grants = session.access()?.grants(&session.cx, input.text("user")).await?;
    let views = grants.into_iter().map(|grant| shown_grant(grant).to_object());
    Ok(Answer::Page(Page::new(views.collect(), None)))
}

fn shown_grant(grant: Grant) -> view::Grant {
    let (source, group) = match grant.provenance {
        Provenance::Default => ("default", None),
        Provenance::Group(group) => ("group", Some(group)),
        _ => ("administrator", None),
    };
    view::Grant {
        unit: grant.unit,
        role: grant.role,
        source,
        group,
    }
}

pub(super) async fn grant<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (user, unit, role) = (input.text("user"), input.text("unit"), input.maybe("role"));
    let granted = session.access()?.grant(&session.cx, user, unit, role).await;
    explain!(session, granted);
    Ok(Answer::Done)
}

pub(super) async fn revoke<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (user, unit, role) = (input.text("user"), input.text("unit"), input.maybe("role"));
    let revoked = session.access()?.revoke(&session.cx, user, unit, role).await;
    explain!(session, revoked);
    Ok(Answer::Done)
}

//! Access groups and doors.

use keyfob_access::{AccessGroup, Door, TimeZone, TimeZoneError};
use keyfob_core::ResourceId;
use keyfob_engine::{Feeds, Maintenance};
use smol_str::{SmolStr, format_smolstr};

use super::{one, user::refused};
use crate::{
    answer::{Answer, Preview},
    input::Input,
    problem::Problem,
    session::{Session, cut},
    view,
};

/// Returns the answer of the library, or its refusal with what was probably meant.
macro_rules! explain {
    ($session:expr, $outcome:expr) => {
        match $outcome {
            Ok(done) => done,
            Err(error) => return Err(refused($session, error).await),
        }
    };
}
pub(super) use explain;

pub(super) async fn list_groups<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let groups = session.access()?.access_groups(&session.cx).await?;
    let views = groups.into_iter().map(|group| shown_group(group, None)).collect();
    cut(
        input,
        "listAccessGroups",
        views,
        |view: &view::AccessGroup| view.id.as_str(),
        |view| &view.name,
    )
}

fn shown_group(group: AccessGroup, members: Option<Vec<ResourceId>>) -> view::AccessGroup {
    view::AccessGroup {
        source: if group.source.is_some() { "scim" } else { "manual" },
        id: group.id,
        name: group.name,
        group: group.source,
        directory: group.directory.as_str(),
        members,
    }
}

async fn group<S: Feeds + Maintenance>(session: &Session<'_, S>, name: &str) -> Result<Answer, Problem> {
    let access = session.access()?;
    let group = explain!(session, access.access_group(&session.cx, name).await);
    let members = access.members(&session.cx, group.id.as_str()).await?;
    Ok(one(&shown_group(group, Some(members))))
}

pub(super) async fn show_group<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    group(session, input.text("accessGroup")).await
}

pub(super) async fn create_group<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let access = session.access()?;
    let created = access
        .create_access_group(&session.cx, input.text("name"))
        .await?;
    Ok(one(&shown_group(created, Some(Vec::new()))))
}

pub(super) async fn create_group_from_scim<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let access = session.access()?;
    let created = access
        .create_access_group_from(&session.cx, input.text("group"))
        .await?;
    group(session, created.id.as_str()).await
}

pub(super) async fn rename_group<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let access = session.access()?;
    let renamed = explain!(
        session,
        access.access_group(&session.cx, input.text("accessGroup")).await
    );
    let (id, name) = (renamed.id.as_str(), input.text("name"));
    access.rename_access_group(&session.cx, id, name).await?;
    group(session, id).await
}

pub(super) async fn add_member<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    change_members(session, input, true).await
}

pub(super) async fn remove_member<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    change_members(session, input, false).await
}

async fn change_members<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
    joins: bool,
) -> Result<Answer, Problem> {
    let access = session.access()?;
    let changed = explain!(
        session,
        access.access_group(&session.cx, input.text("accessGroup")).await
    );
    let user = session.admin().user(&session.cx, input.text("user")).await?;
    let (added, removed): (&[_], &[_]) = if joins {
        (std::slice::from_ref(&user.id), &[])
    } else {
        (&[], std::slice::from_ref(&user.id))
    };
    let id = changed.id.as_str();
    explain!(
        session,
        access.change_members(&session.cx, id, added, removed).await
    );
    group(session, id).await
}

pub(super) async fn delete_group<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let access = session.access()?;
    access
        .delete_access_group(&session.cx, input.text("accessGroup"))
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_group_deletion<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let (access, cx) = (session.access()?, &session.cx);
    let group = explain!(session, access.access_group(cx, input.text("accessGroup")).await);
    let members = access.members(cx, group.id.as_str()).await?;
    let mut levels = access.levels(cx).await?;
    levels.retain(|level| level.access_groups.contains(&group.id));
    let preview = Preview::of("deleteAccessGroup", group.id.as_str())
        .effect(
            "access group is deleted",
            [(group.id.as_str().into(), group.name.clone())],
        )
        .effect(
            "access levels are assigned to it no more",
            levels
                .into_iter()
                .map(|level| (level.id.as_str().into(), level.name)),
        )
        .effect(
            "people lose the doors that it opens",
            members
                .into_iter()
                .map(|id| (id.as_str().into(), id.as_str().into())),
        )
        .stays("the access levels and the doors");
    let preview = match group.source {
        Some(_) => preview.stays("the group from which it was made"),
        None => preview,
    };
    Ok(Some(preview.build()))
}

pub(super) fn page_of_doors(input: &Input, operation: &str, doors: Vec<Door>) -> Result<Answer, Problem> {
    let views = doors.into_iter().map(shown_door).collect();
    cut(
        input,
        operation,
        views,
        |view: &view::Door| view.id.as_str(),
        |view| &view.name,
    )
}

fn shown_door(door: Door) -> view::Door {
    view::Door {
        id: door.id,
        name: door.name,
        site: door.site,
        time_zone: door.time_zone.map(TimeZone::as_str),
    }
}

pub(super) async fn list_doors<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let doors = session.access()?.doors(&session.cx).await?;
    page_of_doors(input, "listDoors", doors)
}

async fn door<S: Feeds + Maintenance>(session: &Session<'_, S>, name: &str) -> Result<Door, Problem> {
    Ok(explain!(session, session.access()?.door(&session.cx, name).await))
}

pub(super) async fn show_door<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    Ok(one(&shown_door(door(session, input.text("door")).await?)))
}

fn zone_of(input: &Input) -> Result<TimeZone, Problem> {
    let Some(name) = input.maybe("timeZone") else {
        return Ok(TimeZone::UTC);
    };
    name.parse().map_err(|error: TimeZoneError| {
        let fix = error
            .suggestion
            .as_ref()
            .map(|name| format_smolstr!("did you mean `{name}`?"));
        Problem {
            fix,
            ..Problem::malformed("timeZone", &error)
        }
    })
}

pub(super) async fn create_door<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (name, site) = (input.text("name"), input.text("site"));
    let created = session
        .access()?
        .create_door(&session.cx, name, site, zone_of(input)?)
        .await?;
    Ok(one(&shown_door(created)))
}

pub(super) async fn rename_door<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let id = door(session, input.text("door")).await?.id;
    session
        .access()?
        .rename_door(&session.cx, id.as_str(), input.text("name"))
        .await?;
    Ok(one(&shown_door(door(session, id.as_str()).await?)))
}

pub(super) async fn set_time_zone<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (zone, id) = (zone_of(input)?, door(session, input.text("door")).await?.id);
    session
        .access()?
        .set_time_zone(&session.cx, id.as_str(), zone)
        .await?;
    Ok(one(&shown_door(door(session, id.as_str()).await?)))
}

pub(super) async fn delete_door<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    session
        .access()?
        .delete_door(&session.cx, input.text("door"))
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_door_deletion<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let door = door(session, input.text("door")).await?;
    let mut levels = session.access()?.levels(&session.cx).await?;
    levels.retain(|level| level.doors.contains(&door.id));
    let preview = Preview::of("deleteDoor", door.id.as_str())
        .effect("door is deleted", [(SmolStr::new(door.id.as_str()), door.name)])
        .effect(
            "access levels lose it",
            levels
                .into_iter()
                .map(|level| (level.id.as_str().into(), level.name)),
        )
        .stays("the access levels and access groups");
    Ok(Some(preview.build()))
}

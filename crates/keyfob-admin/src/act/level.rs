//! Access levels: which access groups may pass which doors, and when.

use std::collections::HashMap;

use keyfob_access::{AccessLevel, Date, Hours, Schedule};
use keyfob_core::ResourceId;
use keyfob_engine::{Feeds, Maintenance};
use smol_str::{SmolStr, format_smolstr};

use super::{access::explain, one, user::refused};
use crate::{
    answer::{Answer, Preview},
    input::Input,
    problem::Problem,
    session::{Session, cut},
    view,
};

/// The names of doors and access groups, by their ids.
struct Names {
    doors: HashMap<ResourceId, SmolStr>,
    groups: HashMap<ResourceId, SmolStr>,
}

impl Names {
    async fn read<S: Feeds + Maintenance>(session: &Session<'_, S>) -> Result<Self, Problem> {
        let (access, cx) = (session.access()?, &session.cx);
        let doors = access.doors(cx).await?.into_iter();
        let groups = access.access_groups(cx).await?.into_iter();
        Ok(Self {
            doors: doors.map(|door| (door.id, door.name)).collect(),
            groups: groups.map(|group| (group.id, group.name)).collect(),
        })
    }

    fn show(&self, level: AccessLevel) -> view::Level {
        let named = |ids: &[ResourceId], names: &HashMap<ResourceId, SmolStr>| -> Vec<SmolStr> {
            ids.iter().filter_map(|id| names.get(id).cloned()).collect()
        };
        let hours = level.schedule.events().iter();
        let exceptions = level.schedule.exceptions().iter();
        view::Level {
            hours: hours
                .map(|(day, hours)| format_smolstr!("{day} {hours}"))
                .collect(),
            exceptions: exceptions
                .map(|(date, hours)| {
                    let closed = || format_smolstr!("{date} closed");
                    hours.map_or_else(closed, |hours| format_smolstr!("{date} {hours}"))
                })
                .collect(),
            access_group_names: named(&level.access_groups, &self.groups),
            // An access group that went with its link is nothing to anybody, though it may be stored still.
            access_groups: level
                .access_groups
                .into_iter()
                .filter(|id| self.groups.contains_key(id))
                .collect(),
            door_names: named(&level.doors, &self.doors),
            doors: level.doors,
            id: level.id,
            name: level.name,
        }
    }
}

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let names = Names::read(session).await?;
    let levels = session.access()?.levels(&session.cx).await?;
    let views = levels.into_iter().map(|level| names.show(level)).collect();
    cut(
        input,
        "listLevels",
        views,
        |view: &view::Level| view.id.as_str(),
        |view| &view.name,
    )
}

async fn found<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<AccessLevel, Problem> {
    let found = session.access()?.level(&session.cx, input.text("level")).await;
    Ok(explain!(session, found))
}

async fn again<S: Feeds + Maintenance>(session: &Session<'_, S>, id: &ResourceId) -> Result<Answer, Problem> {
    let level = session.access()?.level(&session.cx, id.as_str()).await?;
    Ok(one(&Names::read(session).await?.show(level)))
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let level = found(session, input).await?;
    Ok(one(&Names::read(session).await?.show(level)))
}

/// Reads hours of the week; always where nothing is said.
fn schedule_of(hours: &[&str]) -> Result<Schedule, Problem> {
    if hours.is_empty() {
        return Ok(Schedule::always());
    }
    hours.iter().try_fold(Schedule::new(), |schedule, text| {
        schedule
            .with_text(text)
            .map_err(|error| Problem::malformed("hours", error))
    })
}

pub(super) async fn create<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (access, schedule) = (session.access()?, schedule_of(&input.texts("hours"))?);
    // Over a mistyped door a level would open nothing, and only a creating verb creates.
    let mut doors = Vec::new();
    for name in input.texts("doors") {
        doors.push(explain!(session, access.door(&session.cx, name).await).id);
    }
    let created = access
        .create_level(&session.cx, input.text("name"), &schedule, &doors)
        .await?;
    again(session, &created.id).await
}

pub(super) async fn rename<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let id = found(session, input).await?.id;
    session
        .access()?
        .rename_level(&session.cx, id.as_str(), input.text("name"))
        .await?;
    again(session, &id).await
}

pub(super) async fn set_hours<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let weekly = schedule_of(&input.texts("hours"))?;
    let level = found(session, input).await?;
    // What is said of single days stays.
    let exceptions = level.schedule.exceptions().iter();
    let schedule = exceptions.fold(weekly, |schedule, (date, hours)| match hours {
        Some(hours) => schedule.with_exception(*date, *hours),
        None => schedule.with_closed_day(*date),
    });
    session
        .access()?
        .set_schedule(&session.cx, level.id.as_str(), &schedule)
        .await?;
    again(session, &level.id).await
}

fn date_of(input: &Input) -> Result<Date, Problem> {
    input
        .text("date")
        .parse()
        .map_err(|error| Problem::malformed("date", error))
}

pub(super) async fn set_exception<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let date = date_of(input)?;
    let hours: Vec<Hours> = match input.texts("hours").as_slice() {
        ["closed"] => Vec::new(),
        [] => {
            let detail = "the hours of the day are said, as in `10:00-14:00`, or `closed`";
            return Err(Problem::malformed("hours", detail));
        }
        texts => texts
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(|error| Problem::malformed("hours", error))?,
    };
    let id = found(session, input).await?.id;
    session
        .access()?
        .set_exception(&session.cx, id.as_str(), date, &hours)
        .await?;
    again(session, &id).await
}

pub(super) async fn remove_exception<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (date, id) = (date_of(input)?, found(session, input).await?.id);
    session
        .access()?
        .remove_exception(&session.cx, id.as_str(), date)
        .await?;
    again(session, &id).await
}

pub(super) async fn add_door<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    change_doors(session, input, true).await
}

pub(super) async fn remove_door<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    change_doors(session, input, false).await
}

async fn change_doors<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
    adds: bool,
) -> Result<Answer, Problem> {
    let (access, level) = (session.access()?, found(session, input).await?);
    let door = explain!(session, access.door(&session.cx, input.text("door")).await).id;
    let (added, removed): (&[_], &[_]) = if adds {
        (std::slice::from_ref(&door), &[])
    } else {
        (&[], std::slice::from_ref(&door))
    };
    access
        .change_level_doors(&session.cx, level.id.as_str(), added, removed)
        .await?;
    again(session, &level.id).await
}

pub(super) async fn assign<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (access, level) = (session.access()?, found(session, input).await?);
    let group = input.text("accessGroup");
    explain!(
        session,
        access.assign_level(&session.cx, level.id.as_str(), group).await
    );
    again(session, &level.id).await
}

pub(super) async fn unassign<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (access, level) = (session.access()?, found(session, input).await?);
    let group = input.text("accessGroup");
    explain!(
        session,
        access.unassign_level(&session.cx, level.id.as_str(), group).await
    );
    again(session, &level.id).await
}

pub(super) async fn delete<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    session
        .access()?
        .delete_level(&session.cx, input.text("level"))
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_deletion<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let level = Names::read(session).await?.show(found(session, input).await?);
    let pairs = |ids: &[ResourceId], names: &[SmolStr]| -> Vec<(SmolStr, SmolStr)> {
        let ids = ids.iter().map(|id| id.as_str().into());
        ids.zip(names.iter().cloned()).collect()
    };
    let preview = Preview::of("deleteLevel", level.id.as_str())
        .effect(
            "access level is deleted",
            [(level.id.as_str().into(), level.name.clone())],
        )
        .effect(
            "access groups lose it",
            pairs(&level.access_groups, &level.access_group_names),
        )
        .effect(
            "doors are opened by it no more",
            pairs(&level.doors, &level.door_names),
        )
        .stays("the access groups and the doors");
    Ok(Some(preview.build()))
}

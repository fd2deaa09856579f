//! `keyfob admin access-group`, `level`, `door` and `doors`.

use clap::Subcommand;
use keyfob_access::{Access, AccessError, AccessGroup, AccessLevel, Door, Schedule, TimeZone, TimeZoneError};
use keyfob_core::{Collation, CompareKey, DateTime, Object, ResourceId, Value, render::with_suggestion};
use keyfob_engine::DynStore;
use smol_str::SmolStr;

use super::{Confirmation, Failure, Session};
use crate::Unusable;

/// The commands of `keyfob admin access-group`.
#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// Makes an access group with the name and the members of a group that the provider manages
    CreateFromScim {
        /// The group, by its id or displayName
        #[arg(value_name = "NAME|ID")]
        group: String,
    },
    /// Prints all access groups
    List,
    /// Prints an access group with its members
    Show {
        /// The access group, by its id or name
        #[arg(value_name = "NAME|ID")]
        name: String,
    },
    /// Deletes an access group; the group from which it was made stays
    Delete {
        /// The access group, by its id or name
        #[arg(value_name = "NAME|ID")]
        name: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// The commands of `keyfob admin level`.
#[derive(Debug, Subcommand)]
pub(super) enum LevelCommand {
    /// Makes an access level over doors
    Create {
        /// Its name
        name: String,
        /// A door, by its id or name
        #[arg(long = "door", value_name = "DOOR")]
        doors: Vec<String>,
        /// When it grants access, as in `MO 08:00-18:00`; always where nothing is said
        #[arg(long = "hours", value_name = "HOURS")]
        hours: Vec<String>,
    },
    /// Prints all access levels
    List,
    /// Gives an access group an access level
    Assign {
        /// The level, by its id or name
        level: String,
        /// The access group, by its id or name
        access_group: String,
    },
    /// Deletes an access level
    Delete {
        /// The level, by its id or name
        level: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// The commands of `keyfob admin door`.
#[derive(Debug, Subcommand)]
pub(super) enum DoorCommand {
    /// Makes a door
    Create {
        /// Its name
        name: String,
        /// Where it is
        #[arg(long, default_value = "")]
        site: String,
        /// The time zone there, by its name in the IANA database
        #[arg(long, value_name = "NAME", default_value = "UTC")]
        time_zone: String,
    },
    /// Prints all doors
    List,
    /// Sets the time zone in which schedules hold at a door
    Zone {
        /// The door, by its id or name
        door: String,
        /// The time zone there, by its name in the IANA database
        time_zone: String,
    },
    /// Takes a door away
    Delete {
        /// The door, by its id or name
        door: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// The arguments of `keyfob admin doors`.
#[derive(Debug, clap::Args)]
pub(super) struct DoorsArguments {
    /// The user, by its id or userName
    #[arg(value_name = "USERNAME|ID")]
    user: String,
    /// When; now where nothing is said
    #[arg(long, value_name = "RFC3339")]
    at: Option<String>,
}

pub(super) async fn group(session: &Session, command: &GroupCommand) -> Result<(), Failure> {
    let (access, cx) = (session.access()?, &session.cx);
    match command {
        GroupCommand::CreateFromScim { group } => {
            let created = access.create_access_group_from(cx, group).await?;
            show_group(session, &access, &created).await
        }
        GroupCommand::List => {
            for group in access.access_groups(cx).await? {
                let text = format!("{}  {}  {}", group.id, group.name, source_of(&group));
                session.show(&group_object(&group), &text)?;
            }
            Ok(())
        }
        GroupCommand::Show { name } => {
            let group = access.access_group(cx, name).await?;
            show_group(session, &access, &group).await
        }
        GroupCommand::Delete { name, confirmation } => {
            let group = access.access_group(cx, name).await?;
            confirmation.demand(&format!("The access group `{}` loses its levels.", group.name))?;
            Ok(access.delete_access_group(cx, group.id.as_str()).await?)
        }
    }
}

pub(super) async fn level(session: &Session, command: &LevelCommand) -> Result<(), Failure> {
    let (access, cx) = (session.access()?, &session.cx);
    match command {
        LevelCommand::Create { name, doors, hours } => {
            let schedule = schedule_of(hours)?;
            let doors = doors_of(session, &access, doors).await?;
            let level = access.create_level(cx, name, &schedule, &doors).await?;
            show_level(session, &level)
        }
        LevelCommand::List => {
            for level in access.levels(cx).await? {
                show_level(session, &level)?;
            }
            Ok(())
        }
        LevelCommand::Assign { level, access_group } => {
            Ok(access.assign_level(cx, level, access_group).await?)
        }
        LevelCommand::Delete { level, confirmation } => {
            let level = access.level(cx, level).await?;
            confirmation.demand(&format!("The level `{}` opens no door any more.", level.name))?;
            Ok(access.delete_level(cx, level.id.as_str()).await?)
        }
    }
}

pub(super) async fn door(session: &Session, command: &DoorCommand) -> Result<(), Failure> {
    let (access, cx) = (session.access()?, &session.cx);
    match command {
        DoorCommand::Create {
            name,
            site,
            time_zone,
        } => {
            let time_zone = zone_of(time_zone)?;
            show_door(session, &access.create_door(cx, name, site, time_zone).await?)
        }
        DoorCommand::List => {
            for door in access.doors(cx).await? {
                show_door(session, &door)?;
            }
            Ok(())
        }
        DoorCommand::Zone { door, time_zone } => {
            let time_zone = zone_of(time_zone)?;
            Ok(access.set_time_zone(cx, door, time_zone).await?)
        }
        DoorCommand::Delete { door, confirmation } => {
            let door = access.door(cx, door).await?;
            confirmation.demand(&format!("No level opens the door `{}` any more.", door.name))?;
            Ok(access.delete_door(cx, door.id.as_str()).await?)
        }
    }
}

pub(super) async fn doors(session: &Session, arguments: &DoorsArguments) -> Result<(), Failure> {
    let at: DateTime = match &arguments.at {
        None => session.provisioner.now(),
        Some(text) => text
            .parse()
            .map_err(|error| Unusable::new(format!("`{text}` is no instant: {error}")))?,
    };
    let open = session
        .access()?
        .effective_doors(&session.cx, &arguments.user, at)
        .await?;
    for door in &open {
        show_door(session, door)?;
    }
    Ok(())
}

fn zone_of(name: &str) -> Result<TimeZone, Unusable> {
    name.parse().map_err(|error: TimeZoneError| {
        Unusable::new(with_suggestion(error.to_string(), error.suggestion.as_deref()))
    })
}

/// When a level grants access, from texts such as `MO 08:00-18:00`.
fn schedule_of(hours: &[String]) -> Result<Schedule, Unusable> {
    if hours.is_empty() {
        return Ok(Schedule::always());
    }
    hours.iter().try_fold(Schedule::new(), |schedule, text| {
        let (weekday, hours) = text
            .trim()
            .split_once(' ')
            .ok_or_else(|| Unusable::new(format!("`{text}` is not like `MO 08:00-18:00`")))?;
        Ok(schedule.with_hours(weekday.parse()?, hours.trim().parse()?))
    })
}

/// The doors of these ids or names.
async fn doors_of(
    session: &Session,
    access: &Access<'_, DynStore>,
    names: &[String],
) -> Result<Vec<ResourceId>, Failure> {
    let known = access.doors(&session.cx).await?;
    let mut ids = Vec::new();
    for name in names {
        let key = CompareKey::new(Collation::Caseless, name);
        let found = known
            .iter()
            .find(|door| door.id.as_str() == name || key.is_of(Collation::Caseless, &door.name));
        let door = found.ok_or_else(|| no_door(name, &known))?;
        ids.push(door.id.clone());
    }
    Ok(ids)
}

/// The refusal of a level over a door that there isn't: over a mistyped one it would open nothing.
fn no_door(name: &str, known: &[Door]) -> Failure {
    const SHOWN: usize = 20;
    let error = AccessError::NotFound {
        resource_type: "Door".into(),
        name: name.into(),
    };
    let mut names: Vec<_> = known
        .iter()
        .take(SHOWN)
        .map(|door| format!("`{}`", door.name))
        .collect();
    if known.len() > SHOWN {
        names.push("…".to_owned());
    }
    let hint = if names.is_empty() {
        "there are none; create it with `keyfob admin door create`".to_owned()
    } else {
        format!("the doors are {}", names.join(", "))
    };
    Failure::Refused(error, Some(hint))
}

async fn show_group(
    session: &Session,
    access: &Access<'_, DynStore>,
    group: &AccessGroup,
) -> Result<(), Failure> {
    let members = access.members(&session.cx, group.id.as_str()).await?;
    let mut object = group_object(group);
    object.insert("members", ids(&members));
    let text = format!("{}  {}  {}", group.id, group.name, source_of(group));
    session.show_with(&object, &text, &members)?;
    Ok(())
}

fn group_object(group: &AccessGroup) -> Object {
    let mut object = Object::new();
    object.insert("id", group.id.as_str());
    object.insert("name", group.name.clone());
    object.insert("source", source_of(group));
    object.insert(
        "group",
        group.source.as_ref().map_or(Value::Null, |id| id.as_str().into()),
    );
    object.insert("directory", group.directory.as_str());
    object
}

fn source_of(group: &AccessGroup) -> &'static str {
    if group.source.is_some() { "scim" } else { "manual" }
}

fn show_level(session: &Session, level: &AccessLevel) -> Result<(), Failure> {
    let events: Vec<SmolStr> = level
        .schedule
        .events()
        .iter()
        .map(|(weekday, hours)| format!("{weekday} {}-{}", hours.start(), hours.end()).into())
        .collect();
    let mut object = Object::new();
    object.insert("id", level.id.as_str());
    object.insert("name", level.name.clone());
    object.insert(
        "hours",
        events.iter().cloned().map(Value::from).collect::<Vec<_>>(),
    );
    object.insert("accessGroups", ids(&level.access_groups));
    object.insert("doors", ids(&level.doors));
    let text = format!("{}  {}  {}", level.id, level.name, events.join(", "));
    session.show(&object, &text)?;
    Ok(())
}

fn show_door(session: &Session, door: &Door) -> Result<(), Failure> {
    let mut object = Object::new();
    object.insert("id", door.id.as_str());
    object.insert("name", door.name.clone());
    object.insert("site", door.site.clone());
    object.insert(
        "timeZone",
        door.time_zone.map_or(Value::Null, |zone| zone.as_str().into()),
    );
    let site = if door.site.is_empty() {
        String::new()
    } else {
        format!("  {}", door.site)
    };
    session.show(&object, &format!("{}  {}{site}", door.id, door.name))?;
    Ok(())
}

fn ids(ids: &[ResourceId]) -> Vec<Value> {
    ids.iter().map(|id| id.as_str().into()).collect()
}

//! `keyfob admin events`.

use std::time::Duration;

use keyfob_core::{Object, Value, json};
use keyfob_engine::{Event, Listed, Position};
use smol_str::ToSmolStr;

use super::{Failure, Session};
use crate::output;

/// How many events are read at a time.
const PAGE: usize = 1000;

/// How long those who follow wait for more.
const PAUSE: Duration = Duration::from_millis(250);

/// The arguments of `keyfob admin events`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Prints what happened after the event at this position
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Goes on as more happens
    #[arg(long)]
    follow: bool,
}

pub(super) async fn run(session: &Session, arguments: &Arguments) -> Result<(), Failure> {
    let mut after = arguments.after.map_or(Position::START, Position::new);
    loop {
        let events = session.admin().events(&session.cx, after, PAGE).await?;
        for event in &events {
            output::json(json::object_to_vec(&object(event)))?;
            after = event.position;
        }
        if !events.is_empty() {
            continue;
        }
        if !arguments.follow {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Events are JSON either way: those who read them are programs.
fn object(event: &Event) -> Object {
    let mut object = Object::new();
    object.insert(
        "position",
        i64::try_from(event.position.number()).unwrap_or(i64::MAX),
    );
    object.insert("id", event.id.to_smolstr());
    object.insert("name", event.event.name.clone());
    object.insert("resourceType", event.event.resource_type.clone());
    object.insert("resource", event.event.resource.as_str());
    object.insert("at", event.at.to_smolstr());
    let mut actor = Object::new();
    for (name, text) in [
        ("role", &event.actor.role),
        ("identity", &event.actor.identity),
        ("credential", &event.actor.credential),
    ] {
        if !text.is_empty() {
            actor.insert(name, text.clone());
        }
    }
    if !actor.is_empty() {
        object.insert("actor", actor);
    }
    if !event.request.as_str().is_empty() {
        object.insert("request", event.request.as_str());
    }
    if !event.verb.is_empty() {
        object.insert("verb", event.verb.clone());
    }
    for (name, label) in [
        ("label", &event.labels.name),
        ("externalId", &event.labels.external_id),
    ] {
        if let Some(label) = label {
            object.insert(name, label.clone());
        }
    }
    if let Some(version) = event.version {
        object.insert("version", i64::try_from(version.number()).unwrap_or(i64::MAX));
    }
    if !event.event.attributes.is_empty() {
        let attributes = event.event.attributes.iter().cloned().map(Value::from);
        object.insert("attributes", attributes.collect::<Vec<_>>());
    }
    for (name, members) in [("joined", &event.joined), ("left", &event.left)] {
        if !members.is_empty() {
            object.insert(name, listed(members));
        }
    }
    if !event.event.data.is_empty() {
        object.insert("data", event.event.data.clone());
    }
    object
}

fn listed(members: &Listed) -> Object {
    let mut object = Object::new();
    object.insert("count", i64::try_from(members.count).unwrap_or(i64::MAX));
    let ids = members.ids.iter().map(|id| Value::from(id.as_str()));
    object.insert("ids", ids.collect::<Vec<_>>());
    object
}

//! `keyfob admin events`.

use std::time::Duration;

use keyfob_core::{Object, json};
use keyfob_engine::{Event, EventId};
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
    /// Prints what happened after the event with this id
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
    /// Goes on as more happens
    #[arg(long)]
    follow: bool,
}

pub(super) async fn run(session: &Session, arguments: &Arguments) -> Result<(), Failure> {
    let mut after = arguments.after.map(EventId::new);
    loop {
        let events = session.admin().events(&session.cx, after, PAGE).await?;
        for event in &events {
            output::json(json::object_to_vec(&object(event)))?;
            after = Some(event.id);
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
    object.insert("id", i64::try_from(event.id.number()).unwrap_or(i64::MAX));
    object.insert("name", event.event.name.clone());
    object.insert("resourceType", event.event.resource_type.clone());
    object.insert("resource", event.event.resource.as_str());
    object.insert("at", event.event.at.to_smolstr());
    if !event.event.data.is_empty() {
        object.insert("data", event.event.data.clone());
    }
    object
}

//! Events for applications, the record of administrators' actions, and the history of a user.

use keyfob_core::{Object, Value};
use keyfob_engine::{Event, Feeds, Listed, Maintenance, Position};
use keyfob_store::LookBack;
use smol_str::{SmolStr, ToSmolStr};

use crate::{
    answer::{Answer, Page},
    input::Input,
    problem::Problem,
    session::Session,
    view::{self, View as _},
};

fn position(input: &Input, name: &str) -> Result<Option<Position>, Problem> {
    let read = |text: &str| {
        let number = text.parse().map(Position::new);
        number.map_err(|_| Problem::malformed(name, format_args!("`{text}` is no position of an event")))
    };
    input.maybe(name).map(read).transpose()
}

pub(super) async fn list_events<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (after, limit) = (position(input, "after")?, input.limit()?);
    let after = after.unwrap_or(Position::START);
    let events = session.admin().events(&session.cx, after, limit).await?;
    let next = events.last().filter(|_| events.len() == limit);
    let next = next.map(|event| event.position.to_smolstr());
    Ok(page(&events, next))
}

pub(super) async fn list_audit<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let resource = input.maybe("resource").map(keyfob_core::ResourceId::new);
    look_back(session, input, resource).await
}

pub(super) async fn history_of_user<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = session.admin().user(&session.cx, input.text("user")).await?;
    look_back(session, input, Some(user.id)).await
}

async fn look_back<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
    resource: Option<keyfob_core::ResourceId>,
) -> Result<Answer, Problem> {
    let limit = input.limit()?;
    let query = LookBack {
        resource,
        identity: input.maybe("actor").map(Into::into),
        since: input.instant("since"),
        until: input.instant("until"),
        before: position(input, "after")?,
        limit,
    };
    let events = session
        .provisioner
        .store()
        .look_back(session.cx.tenant(), &query)
        .await?;
    let next = events.last().filter(|_| events.len() == limit);
    let next = next.map(|event| event.position.to_smolstr());
    Ok(page(&events, next))
}

fn page(events: &[Event], next: Option<SmolStr>) -> Answer {
    let views = events.iter().map(|event| shown(event).to_object());
    Answer::Page(Page::new(views.collect(), next))
}

/// Returns an event as administrators see it: without the external id of its resource.
fn shown(event: &Event) -> view::Event {
    let text = |text: &SmolStr| (!text.is_empty()).then(|| text.clone());
    view::Event {
        position: event.position.number(),
        id: event.id.to_smolstr(),
        name: event.event.name.clone(),
        resource_type: event.event.resource_type.clone(),
        resource: event.event.resource.clone(),
        at: event.at,
        actor: view::EventActor {
            role: text(&event.actor.role),
            identity: text(&event.actor.identity),
            credential: text(&event.actor.credential),
        },
        request: text(&event.request.as_str().into()),
        verb: text(&event.verb),
        label: event.labels.name.clone(),
        version: event.version.map(keyfob_core::Version::number),
        attributes: event.event.attributes.clone(),
        joined: listed(&event.joined),
        left: listed(&event.left),
        data: (!event.event.data.is_empty()).then(|| event.event.data.clone()),
    }
}

fn listed(members: &Listed) -> Option<Object> {
    if members.is_empty() {
        return None;
    }
    let mut object = Object::new();
    object.insert("count", i64::try_from(members.count).unwrap_or(i64::MAX));
    let ids = members.ids.iter().map(|id| Value::from(id.as_str()));
    object.insert("ids", ids.collect::<Vec<_>>());
    Some(object)
}

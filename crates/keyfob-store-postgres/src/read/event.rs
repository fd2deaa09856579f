//! Events as they are read.

use keyfob_core::ResourceId;
use keyfob_store::{Actor, CommitId, Event, EventId, Labels, Listed, NewEvent, Position, RequestId};
use tokio_postgres::Row;

use super::decode;
use crate::error::{Failure, Undecodable};

/// The columns that [`event`] takes, of `@events` and, but for the position, of `@pending`.
macro_rules! columns {
    () => {
        "commit_id, number, position, at, role, identity, credential, request, verb, name, resource_type, resource,
        label, external_id, version, attributes, joined, joined_count, departed, departed_count, data"
    };
}
pub(crate) use columns as EVENT;

pub(crate) fn event(row: &Row) -> Result<Event, Failure> {
    let text = |place| decode::text(row, place);
    let mut labels = Labels::default();
    labels.name = decode::optional_text(row, 12)?;
    labels.external_id = decode::optional_text(row, 13)?;
    let has_version = decode::optional_int(row, 14)?.is_some();
    let mut event = NewEvent::new(text(9)?, text(10)?, ResourceId::new(text(11)?));
    event.attributes = decode::texts(row, 15)?;
    event.data = decode::object(decode::raw(row, 20)?)?;
    Ok(Event {
        id: EventId {
            commit: CommitId::new(text(0)?),
            number: u32::try_from(decode::int(row, 1)?).map_err(|_| Undecodable)?,
        },
        position: Position::new(decode::natural(row, 2)?),
        at: decode::date_time(row, 3)?,
        actor: Actor::new(text(4)?)
            .with_identity(text(5)?)
            .with_credential(text(6)?),
        request: RequestId::new(text(7)?),
        verb: text(8)?,
        event,
        labels,
        version: has_version.then(|| decode::version(row, 14)).transpose()?,
        joined: listed(row, 16)?,
        left: listed(row, 18)?,
    })
}

/// Members and, in the column after them, the number of all.
fn listed(row: &Row, place: usize) -> Result<Listed, Failure> {
    let ids = decode::texts(row, place)?.into_iter().map(ResourceId::new);
    Ok(Listed::of(ids.collect(), decode::count(row, place + 1)?))
}

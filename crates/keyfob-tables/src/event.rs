//! Writing what happened: commits and their events.

use keyfob_core::{ResourceId, SmolStr, Value, Version, json};
use keyfob_store::{
    Actor, Commit, CommitId, Event, EventId, Labels, Listed, NewEvent, Outcome, Position, RequestId,
    StoreError, When, kit,
};

use crate::{
    error::{Failure, TableError},
    session::Session,
    tables::Tables,
    transaction::SqlRow,
};

/// The statement that reads the events of a tenant.
pub(crate) const SELECT: &str = "
    SELECT e.position, e.commit_id, e.number, c.at, c.role, c.identity, c.credential, c.request, c.verb,
        e.name, e.type, e.resource, e.attributes, e.data, e.label, e.external_id, e.version,
        e.joined, e.joined_count, e.departed, e.departed_count
    FROM @events e JOIN @commits c ON c.tenant = e.tenant AND c.id = e.commit_id
    WHERE e.tenant = ?1";

impl<T: Tables> Session<'_, T> {
    /// Waits for the commits of the tenant that are under way.
    ///
    /// Commits of one tenant take turns, since the positions of events have no gap; the row that they wait for is that of
    /// the feed. It is locked before all others. Own transactions of the application don't wait for it.
    pub(crate) async fn take_turn(&mut self) -> Result<(), TableError> {
        let tenant = [self.tenant()];
        self.execute(
            "INSERT INTO @tenants (tenant, last, trimmed) VALUES (?1, 0, 0)
             ON CONFLICT (tenant) DO UPDATE SET last = @tenants.last",
            &tenant,
        )
        .await?;
        Ok(())
    }

    /// Takes the turn of a commit, and notes it under its id.
    pub(crate) async fn begin(&mut self, commit: &Commit) -> Result<(), Failure> {
        self.take_turn().await?;
        let Commit {
            id,
            at,
            actor,
            request,
            verb,
            ..
        } = commit;
        let values = [
            self.tenant(),
            id.as_str().into(),
            (*at).into(),
            (&actor.role).into(),
            (&actor.identity).into(),
            (&actor.credential).into(),
            request.as_str().into(),
            verb.into(),
        ];
        let is_new = self
            .execute(
                "INSERT INTO @commits (tenant, id, at, role, identity, credential, request, verb)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (tenant, id) DO NOTHING",
                &values,
            )
            .await?;
        match is_new {
            0 => Err(StoreError::OutcomeUnknown("the commit was handed over before".into()).into()),
            _ => Ok(()),
        }
    }

    /// Appends an event to the feed.
    pub(crate) async fn publish(
        &mut self,
        commit: &Commit,
        number: u32,
        event: (&NewEvent, When),
        outcomes: &[Outcome],
        labels: Labels,
    ) -> Result<(), TableError> {
        let tenant = [self.tenant()];
        let rows = self
            .select(
                "UPDATE @tenants SET last = last + 1 WHERE tenant = ?1 RETURNING last",
                &tenant,
            )
            .await?;
        let last = rows
            .first()
            .ok_or_else(|| TableError::failed("a feed is missing"))?;
        let position = Position::new(last.integer(0)?.cast_unsigned());
        let event = kit::complete(commit, number, position, event, outcomes, labels);
        let members = |listed: &Listed| list(listed.ids.iter().map(|id| id.as_str().into()));
        let data = json::object_to_vec(&event.event.data);
        let values = [
            self.tenant(),
            event.position.number().into(),
            event.id.commit.as_str().into(),
            i64::from(event.id.number).into(),
            (&event.event.name).into(),
            (&event.event.resource_type).into(),
            (&event.event.resource).into(),
            list(event.event.attributes.iter().cloned()).into(),
            String::from_utf8_lossy(&data).as_ref().into(),
            event.labels.name.as_ref().into(),
            event.labels.external_id.as_ref().into(),
            event.version.map(|version| version.number().to_string()).into(),
            members(&event.joined).into(),
            event.joined.count.into(),
            members(&event.left).into(),
            event.left.count.into(),
        ];
        self.execute(
            "INSERT INTO @events (tenant, position, commit_id, number, name, type, resource, attributes, data, label,
                external_id, version, joined, joined_count, departed, departed_count)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            &values,
        )
        .await?;
        Ok(())
    }
}

/// Reads an event.
pub(crate) fn read(row: &SqlRow) -> Result<Event, TableError> {
    let listed = |column: usize| -> Result<Listed, TableError> {
        let ids = texts(&row.text(column)?)?
            .into_iter()
            .map(ResourceId::new)
            .collect();
        Ok(Listed::of(ids, row.count(column + 1)?))
    };
    let mut new = NewEvent::new(row.text(9)?, row.text(10)?, row.id(11)?);
    new.attributes = texts(&row.text(12)?)?;
    new.data = json::object_from_slice(row.text(13)?.as_bytes()).map_err(TableError::failed)?;
    let mut labels = Labels::default();
    labels.name = row.optional_text(14)?;
    labels.external_id = row.optional_text(15)?;
    let version = match row.optional_text(16)? {
        None => None,
        Some(number) => Some(Version::new(number.parse().map_err(TableError::failed)?)),
    };
    Ok(Event {
        id: EventId {
            commit: CommitId::new(row.text(1)?),
            number: u32::try_from(row.integer(2)?).map_err(TableError::failed)?,
        },
        position: Position::new(row.integer(0)?.cast_unsigned()),
        at: row.time(3)?,
        actor: Actor::new(row.text(4)?)
            .with_identity(row.text(5)?)
            .with_credential(row.text(6)?),
        request: RequestId::new(row.text(7)?),
        verb: row.text(8)?,
        event: new,
        labels,
        version,
        joined: listed(17)?,
        left: listed(19)?,
    })
}

/// A list of texts as JSON.
fn list(texts: impl Iterator<Item = SmolStr>) -> String {
    let list = Value::Array(texts.map(Value::String).collect());
    String::from_utf8_lossy(&json::value_to_vec(&list)).into_owned()
}

fn texts(list: &str) -> Result<Vec<SmolStr>, TableError> {
    let list = json::value_from_slice(list.as_bytes()).map_err(TableError::failed)?;
    let texts = list.as_elements().iter();
    Ok(texts.filter_map(Value::as_str).map(SmolStr::from).collect())
}

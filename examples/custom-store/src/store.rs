//! The application's database as a store: reading.

use keyfob_core::{
    CompareKey, DateTime, Member, MemberSet, Resource, ResourceId, ResourceType, SmolStr, Version, json,
    schema::{Relation, RelationKind},
};
use keyfob_filter::{Lookup, Predicate};
use keyfob_store::{
    Capabilities, Change, CommitError, Committed, Event, EventId, NewEvent, Page, Query, Selection, Store,
    StoreError, Stored, TenantId,
};
use rusqlite::{
    Connection, Error,
    ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull},
    OptionalExtension, Result, Row, params,
    types::Type,
};

use crate::{columns, commit::Commit, directory::Directory};

const SELECT: &str = "
    SELECT r.place, r.id, r.version, r.created, r.modified, r.document,
        e.login, e.given_name, e.family_name, e.mail, e.active, t.name
    FROM resources r LEFT JOIN employees e ON e.resource = r.place LEFT JOIN teams t ON t.resource = r.place
    WHERE r.company = ?1 AND r.type = ?2";

/// A method does its work when its future is first polled and never waits, so a future that is dropped has done all
/// or nothing. An application with a pool or an async driver would await it here.
impl Store for Directory {
    fn capabilities(&self) -> Capabilities {
        Capabilities::durable()
    }

    async fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        let connection = self.connection();
        let read = || {
            connection
                .prepare_cached(&format!("{SELECT} AND r.id = ?3"))?
                .query_row(
                    params![tenant.as_str(), resource_type.name().as_str(), id.as_str()],
                    |row| stored(&connection, resource_type, row, selection),
                )
                .optional()
        };
        read().map_err(failed)
    }

    async fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> Result<Page, StoreError> {
        page(&self.connection(), tenant.as_str(), resource_type, query).map_err(failed)
    }

    async fn commit(&self, tenant: &TenantId, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(failed)?;
        // An error drops the transaction, and that takes back what the changes before it did.
        let committed = Commit {
            transaction: &transaction,
            company: tenant.as_str(),
        }
        .run(changes)?;
        transaction.commit().map_err(failed)?;
        Ok(committed)
    }

    async fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let connection = self.connection();
        let after = after.map_or(0, |after| signed(after.number()));
        let read = || -> Result<Vec<Event>> {
            connection
                .prepare_cached(
                    "SELECT id, name, type, resource, at, data FROM events
                     WHERE company = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                )?
                .query_map(params![tenant.as_str(), after, signed(limit)], event)?
                .collect()
        };
        read().map_err(failed)
    }
}

/// Reads a page. Every resource of the type is looked at, unless the filter demands a login: that is how a provider
/// finds out whether it knows somebody, and `employees` has an index for it.
fn page(
    connection: &Connection,
    company: &str,
    resource_type: &ResourceType,
    query: &Query<'_>,
) -> Result<Page> {
    let login = query
        .filter
        .into_iter()
        .flat_map(Predicate::lookups)
        .find(|lookup| resource_type.name() == "User" && is_login(lookup))
        .and_then(|lookup| lookup.keys().next());
    let narrowed = match login {
        Some(_) => "e.company = ?1 AND e.login_key = ?3",
        None => "?3 IS NULL",
    };
    let mut statement = connection.prepare_cached(&format!("{SELECT} AND {narrowed} ORDER BY r.place"))?;
    let mut rows = statement.query(params![
        company,
        resource_type.name().as_str(),
        login.map(CompareKey::as_str)
    ])?;
    let read = query.filter.map(|filter| Selection::of(filter.reads().clone()));
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        if let (Some(filter), Some(read)) = (query.filter, &read)
            && !filter.matches(&stored(connection, resource_type, row, read)?.resource)
        {
            continue;
        }
        if page.total >= query.offset && page.resources.len() < query.count {
            page.resources
                .push(stored(connection, resource_type, row, query.selection)?);
        }
        page.total += 1;
    }
    Ok(page)
}

/// Whether a match has a certain `userName`, in the form in which it is kept in `login_key`.
fn is_login(lookup: &Lookup<'_>) -> bool {
    let place = lookup.place();
    let is_user_name = place.extension().is_none() && place.attribute().is("userName");
    is_user_name && lookup.keys().count() == 1
}

/// Puts a resource together: the document, the columns and those relations that are selected.
fn stored(
    connection: &Connection,
    resource_type: &ResourceType,
    row: &Row<'_>,
    selection: &Selection,
) -> Result<Stored> {
    let document: String = row.get("document")?;
    let mut document = Resource::from_json(document.as_bytes(), resource_type).map_err(malformed)?;
    columns::read(row, resource_type.name(), &mut document)?;
    for relation in resource_type.relations() {
        if selection.attributes.contains(relation.attribute.id)
            && let Some(members) = members(connection, row.get("place")?, relation, selection.relation_limit)?
        {
            document.set_relation(&relation.attribute.name, members);
        }
    }
    let id = ResourceId::new(row.get::<_, String>("id")?);
    let version = Version::new(row.get::<_, i64>("version")?.cast_unsigned());
    let [created, modified] = [row.get("created")?, row.get("modified")?].map(DateTime::from_unix_millis);
    Ok(Stored::new(
        resource_type,
        &id,
        document,
        version,
        created,
        modified,
    ))
}

/// The members under a relation, unless there are more than `limit`: then there is one more row than that.
fn members(
    connection: &Connection,
    place: i64,
    relation: &Relation,
    limit: Option<usize>,
) -> Result<Option<MemberSet>> {
    let rows = limit.map_or(-1, |limit| signed(limit.saturating_add(1)));
    let read = |row: &Row<'_>| {
        let mut member = Member::new();
        member.kind = row.get::<_, Option<String>>(1)?.map(SmolStr::from);
        member.display = row.get::<_, Option<String>>(2)?.map(SmolStr::from);
        Ok((ResourceId::new(row.get::<_, String>(0)?), member))
    };
    let members: MemberSet = match &relation.kind {
        RelationKind::Owned => connection
            .prepare_cached(
                "SELECT r.id, r.type, m.display FROM team_members m JOIN resources r ON r.place = m.member
                 WHERE m.team = ?1 AND m.attribute = ?2 LIMIT ?3",
            )?
            .query_map(params![place, relation.attribute.name.as_str(), rows], read)?
            .collect::<Result<_>>()?,
        RelationKind::InverseOf { resource_type, attribute } => connection
            .prepare_cached(
                "SELECT r.id, 'direct', coalesce(t.name,
                    iif(json_type(r.document, '$.displayName') = 'text', r.document ->> '$.displayName', NULL))
                 FROM team_members m JOIN resources r ON r.place = m.team LEFT JOIN teams t ON t.resource = r.place
                 WHERE m.member = ?1 AND m.attribute = ?2 AND r.type = ?3 LIMIT ?4",
            )?
            .query_map(params![place, attribute.as_str(), resource_type.as_str(), rows], read)?
            .collect::<Result<_>>()?,
        _ => return Ok(None),
    };
    Ok(limit
        .is_none_or(|limit| members.len() <= limit)
        .then_some(members))
}

fn event(row: &Row<'_>) -> Result<Event> {
    let text = |index| row.get::<_, String>(index);
    let at = DateTime::from_unix_millis(row.get(4)?);
    let mut event = NewEvent::new(text(1)?, text(2)?, ResourceId::new(text(3)?), at);
    event.data = json::object_from_slice(text(5)?.as_bytes()).map_err(malformed)?;
    Ok(Event::new(
        EventId::new(row.get::<_, i64>(0)?.cast_unsigned()),
        event,
    ))
}

/// SQLite's integers have a sign.
pub(crate) fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn malformed(error: json::JsonError) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}

/// A database that is locked or full may be well again in a moment; everything else is a bug.
pub(crate) fn failed(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked | DiskFull) => StoreError::unavailable(error),
        _ => StoreError::internal(error),
    }
}

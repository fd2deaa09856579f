//! The application's database as a store: reading.

use std::{sync::Arc, time::Instant};

use keyfob_core::{
    CompareKey, DateTime, Member, MemberSet, Resource, ResourceId, ResourceType, SmolStr, Version, json,
    message::SortOrder,
    schema::{Relation, RelationKind},
};
use keyfob_filter::{Lookup, Predicate};
use keyfob_store::{
    Capabilities, Commit, CommitError, CommitId, Committed, Exhausted, Meter, Page, Paging, Query,
    ReadContext, Selection, SortKey, Store, StoreError, Stored, TenantId, Total, Visibility,
    kit::{Place, SortAttribute},
};
use rusqlite::{
    Connection, Error,
    ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull},
    Result, Row, RowIndex, params,
    types::Type,
};

use crate::{columns, commit::Transaction, directory::Directory};

const SELECT: &str = "
    SELECT r.place, r.id, r.version, r.created, r.modified, r.document, r.state,
        e.login, e.given_name, e.family_name, e.mail, e.active, t.name
    FROM resources r LEFT JOIN employees e ON e.resource = r.place LEFT JOIN teams t ON t.resource = r.place
    WHERE r.company = ?1 AND r.type = ?2";

/// A method does its work when its future is first polled and never waits, so a future that is dropped has done all
/// or nothing. An application with a pool or an async driver would await it here.
impl Store for Directory {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let meter = cx.budget.meter();
        find(
            &self.connection(),
            cx.tenant.as_str(),
            resource_type,
            ids,
            selection,
            &meter,
        )
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        page(&self.connection(), cx, resource_type, query)
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        let mut connection = self.connection();
        commits
            .iter()
            .map(|commit| apply(&mut connection, commit))
            .collect()
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        self.connection()
            .prepare_cached("SELECT 1 FROM commits WHERE company = ?1 AND id = ?2")
            .and_then(|mut statement| statement.exists([tenant.as_str(), commit.as_str()]))
            .map_err(failed)
    }
}

/// Applies a commit in a transaction. An error drops it, and that takes back what the changes before did.
fn apply(connection: &mut Connection, commit: &Commit) -> Result<Committed, CommitError> {
    if commit.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Err(StoreError::from(Exhausted::Time).into());
    }
    let transaction = connection.transaction().map_err(failed)?;
    let committed = Transaction {
        connection: &transaction,
        company: commit.tenant.as_str(),
        commit,
    }
    .run()?;
    transaction.commit().map_err(failed)?;
    Ok(committed)
}

/// Reads resources by their ids.
pub(crate) fn find(
    connection: &Connection,
    company: &str,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
    meter: &Meter,
) -> Result<Vec<Option<Stored>>, StoreError> {
    let sql = format!("{SELECT} AND r.id = ?3");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let parameters = params![company, resource_type.name().as_str(), id.as_str()];
        let mut rows = statement.query(parameters).map_err(failed)?;
        let row = rows.next().map_err(failed)?;
        found.push(match row {
            Some(row) => Some(stored(connection, resource_type, row, selection, meter)?),
            None => None,
        });
    }
    Ok(found)
}

/// Reads a page. Every resource of the type is looked at, unless the filter demands a login: that is how a provider
/// finds out whether it knows somebody, and `employees` has an index for it. The kit knows the order and the marks of
/// pages.
fn page(
    connection: &Connection,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result<Page, StoreError> {
    let Query {
        filter,
        reserved,
        visibility,
        sort,
        paging,
        // All are counted anyway.
        total: Total::Exact | Total::Unknown,
        selection,
    } = query;
    if *visibility == Visibility::Hidden {
        return Err(StoreError::Unsupported("hide resources"));
    }
    let sort = sort.as_ref().map(|SortKey { path, order }| {
        let attribute = SortAttribute::of(resource_type, path);
        let attribute = attribute.ok_or(StoreError::Unsupported("sort by this attribute"));
        attribute.map(|attribute| (attribute, *order))
    });
    let sort = sort.transpose()?;
    let order = sort.map_or(SortOrder::Ascending, |(_, order)| order);

    let login = filter
        .as_deref()
        .into_iter()
        .flat_map(Predicate::lookups)
        .find(|lookup| resource_type.name() == "User" && is_login(lookup))
        .and_then(|lookup| lookup.keys().next());
    let company = cx.tenant.as_str();
    let sql = format!(
        "{SELECT} AND (?3 IS NULL OR r.place IN
            (SELECT resource FROM employees WHERE company = ?1 AND login_key = ?3))
        AND (?4 IS NULL OR r.place IN
            (SELECT resource FROM unique_values WHERE company = ?1 AND type = ?2 AND attribute = ?4 AND value = ?5))"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let parameters = params![
        company,
        resource_type.name().as_str(),
        login.map(CompareKey::as_str),
        reserved.as_ref().map(|key| key.attribute.as_str()),
        reserved.as_ref().map(|key| key.value.as_str())
    ];
    let mut rows = statement.query(parameters).map_err(failed)?;
    let meter = cx.budget.meter();
    let read = filter.as_ref().map(|filter| filter.reads().clone());
    let read = read.map_or_else(Selection::document, Selection::of);
    let mut matching = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let stored = stored(connection, resource_type, row, &read, &meter)?;
        if filter
            .as_ref()
            .is_none_or(|filter| filter.matches(&stored.resource))
        {
            matching.push(Place::of(&stored, sort.map(|(attribute, _)| attribute)));
        }
    }
    matching.sort_by(|left, right| left.compare(right, order));

    let (after, offset) = match paging {
        Paging::Offset { offset, .. } => (None, *offset),
        Paging::Cursor { after: None, .. } => (None, 0),
        Paging::Cursor {
            after: Some(after), ..
        } => {
            let after = Place::from_cursor(after);
            (Some(after.ok_or(StoreError::InvalidCursor)?), 0)
        }
    };
    let total = matching.len();
    let is_behind = |place: &Place| {
        after
            .as_ref()
            .is_none_or(|after| place.compare(after, order).is_gt())
    };
    let mut behind = matching.into_iter().filter(is_behind).skip(offset);
    let on_page: Vec<Place> = behind.by_ref().take(paging.count()).collect();
    let is_marked = matches!(paging, Paging::Cursor { .. }) && behind.next().is_some();
    let next = on_page.last().filter(|_| is_marked).map(Place::to_cursor);
    let ids: Vec<_> = on_page.into_iter().map(|place| place.id).collect();
    let found = find(connection, company, resource_type, &ids, selection, &meter)?;
    Ok(Page::new(found.into_iter().flatten().collect())
        .with_total(total)
        .with_next(next))
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
    meter: &Meter,
) -> Result<Stored, StoreError> {
    let document: String = row.get("document").map_err(failed)?;
    meter.step()?;
    meter.bytes(document.len())?;
    put_together(connection, resource_type, row, &document, selection).map_err(failed)
}

fn put_together(
    connection: &Connection,
    resource_type: &ResourceType,
    row: &Row<'_>,
    document: &str,
    selection: &Selection,
) -> Result<Stored> {
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
    let state: String = row.get("state")?;
    let state = json::object_from_slice(state.as_bytes()).map_err(malformed)?;
    let (created, modified) = (date_time(row, "created")?, date_time(row, "modified")?);
    let stored = Stored::new(
        resource_type,
        &id,
        document,
        version(row, "version")?,
        created,
        modified,
    );
    Ok(stored.with_state(state.into()))
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

pub(crate) fn date_time(row: &Row<'_>, column: impl RowIndex) -> Result<DateTime> {
    row.get(column).map(DateTime::from_unix_millis)
}

pub(crate) fn version(row: &Row<'_>, column: impl RowIndex) -> Result<Version> {
    row.get(column)
        .map(|number: i64| Version::new(number.cast_unsigned()))
}

/// SQLite's integers have a sign.
pub(crate) fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

pub(crate) fn malformed(error: json::JsonError) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}

/// A database that is locked or full may be well again in a moment; everything else is a bug.
pub(crate) fn failed(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked | DiskFull) => StoreError::unavailable(error),
        _ => StoreError::internal(error),
    }
}

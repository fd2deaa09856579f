//! Making the index anew of resources that stand in it otherwise than their type wants by now.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_core::{Registry, ResourceId, ResourceType, schema::IndexedAttribute};
use keyfob_store::kit::keyless;

use crate::{
    error::{Failure, OpenError},
    read::{decode, generation},
    session::{Database, Statement},
    sql::Param,
    write::Entry,
};

// Goes from one group of equal rows to the next by the index.
const GENERATIONS: &str = "WITH RECURSIVE found AS (
        (SELECT tenant, kind, generation FROM @resources ORDER BY tenant, kind, generation LIMIT 1)
        UNION ALL
        SELECT n.tenant, n.kind, n.generation FROM found f CROSS JOIN LATERAL (
            SELECT r.tenant, r.kind, r.generation FROM @resources r
            WHERE (r.tenant, r.kind, r.generation) > (f.tenant, f.kind, f.generation)
            ORDER BY r.tenant, r.kind, r.generation LIMIT 1
        ) n
    )
    SELECT tenant, kind, generation FROM found";

// The same over the attributes of the index.
const ATTRIBUTES: &str = "WITH RECURSIVE found AS (
        (SELECT tenant, kind, attribute FROM @entries ORDER BY tenant, kind, attribute LIMIT 1)
        UNION ALL
        SELECT n.tenant, n.kind, n.attribute FROM found f CROSS JOIN LATERAL (
            SELECT e.tenant, e.kind, e.attribute FROM @entries e
            WHERE (e.tenant, e.kind, e.attribute) > (f.tenant, f.kind, f.attribute)
            ORDER BY e.tenant, e.kind, e.attribute LIMIT 1
        ) n
    )
    SELECT DISTINCT kind, attribute FROM found ORDER BY kind, attribute";

/// The number of resources that are indexed in one transaction.
const BATCH: usize = 200;

const STALE: &str = "SELECT id, hidden, created, document FROM @resources
    WHERE tenant = $1 AND kind = $2 AND generation = $3 ORDER BY id LIMIT $4 FOR UPDATE";

const DELETE: &str = "DELETE FROM @entries WHERE tenant = $1 AND id = ANY($2)";

const INSERT: &str = "INSERT INTO @entries (tenant, kind, attribute, hidden, key, created, id, sorts)
    SELECT $1, $2, w.* FROM unnest($3::text[], $4::boolean[], $5::text[], $6::bigint[], $7::text[], $8::boolean[])
        AS w (attribute, hidden, key, created, id, sorts)";

const MARK: &str = "UPDATE @resources SET generation = $3 WHERE tenant = $1 AND id = ANY($2)";

/// Indexes all resources of the registry's types as these want it, in small transactions beside whatever else goes on.
pub(crate) async fn reindex(database: &Database, registry: &Registry) -> Result<(), Failure> {
    let mut session = database.session(None).await?;
    let rows = session.query(GENERATIONS, Vec::new()).await?;
    drop(session);
    for row in rows {
        let (tenant, kind) = (decode::text(&row, 0)?, decode::text(&row, 1)?);
        let stale = decode::int(&row, 2)?;
        let Some(resource_type) = registry.resource_type(&kind) else {
            continue;
        };
        if stale == generation(resource_type) {
            continue;
        }
        tracing::info!(tenant = %tenant, resource_type = %kind, "making the index anew");
        while index_batch(database, &tenant, resource_type, stale).await? == BATCH {}
    }
    Ok(())
}

/// Refuses a database with a type that stands in the index by an attribute that the registry doesn't have.
pub(crate) async fn demand_known(
    database: &Database,
    registry: &Registry,
    schema: &str,
) -> Result<(), OpenError> {
    match unknown(database, registry).await.map_err(OpenError::database)? {
        None => Ok(()),
        Some((resource_type, attribute)) => Err(OpenError::Index {
            schema: schema.to_owned(),
            resource_type,
            attribute,
        }),
    }
}

/// Returns a type and an attribute by which it stands in the index and that the registry doesn't have, if there is one.
async fn unknown(database: &Database, registry: &Registry) -> Result<Option<(String, String)>, Failure> {
    let mut session = database.session(None).await?;
    for row in session.query(ATTRIBUTES, Vec::new()).await? {
        let (kind, attribute) = (decode::text(&row, 0)?, decode::text(&row, 1)?);
        let Some(resource_type) = registry.resource_type(&kind) else {
            continue;
        };
        let is_of = |known: &IndexedAttribute| attribute == *known.key() || attribute == keyless(known.key());
        if !resource_type.index().attributes().iter().any(is_of) {
            let path = attribute.strip_suffix('?').unwrap_or(&attribute);
            return Ok(Some((kind.to_string(), path.to_owned())));
        }
    }
    Ok(None)
}

/// Indexes some resources of another generation and returns how many.
async fn index_batch(
    database: &Database,
    tenant: &str,
    resource_type: &ResourceType,
    stale: i64,
) -> Result<usize, Failure> {
    let mut session = database.session(None).await?;
    let params = vec![
        Param::text(tenant),
        Param::text(resource_type.name()),
        Param::int(stale),
        Param::count(BATCH),
    ];
    let statements = vec![Statement::begin_writing(None), Statement::Query(STALE, params)];
    let answers = session.run(statements).await?;
    let mut entries: BTreeMap<ResourceId, BTreeSet<Entry>> = BTreeMap::new();
    for row in answers.iter().flatten() {
        let document = decode::document(row, 3, resource_type)?;
        let (hidden, created) = (decode::flag(row, 1)?, decode::int(row, 2)?);
        entries.insert(
            decode::id(row, 0)?,
            Entry::of_document(resource_type, &document, hidden, created),
        );
    }
    let ids = || Param::texts(entries.keys().map(ResourceId::as_str));
    let all: Vec<(&ResourceId, &Entry)> = entries
        .iter()
        .flat_map(|(id, entries)| entries.iter().map(move |entry| (id, entry)))
        .collect();
    let inserted = vec![
        Param::text(tenant),
        Param::text(resource_type.name()),
        Param::texts(all.iter().map(|(_, entry)| entry.attribute.as_str())),
        Param::Flags(all.iter().map(|(_, entry)| entry.hidden).collect()),
        Param::stored(all.iter().map(|(_, entry)| entry.key.as_str())),
        Param::ints(all.iter().map(|(_, entry)| entry.created)),
        Param::texts(all.iter().map(|(id, _)| id.as_str())),
        Param::Flags(all.iter().map(|(_, entry)| entry.sorts).collect()),
    ];
    let mark = vec![Param::text(tenant), ids(), Param::int(generation(resource_type))];
    session
        .run(vec![
            Statement::Query(DELETE, vec![Param::text(tenant), ids()]),
            Statement::Query(INSERT, inserted),
            Statement::Query(MARK, mark),
            Statement::Commit,
        ])
        .await?;
    Ok(entries.len())
}

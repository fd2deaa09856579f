//! Reading resources by their ids.

use std::collections::HashMap;

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{Selection, Stored};
use tokio_postgres::Row;

use super::{
    Cost, Snapshot, decode,
    relation::{self, Limits},
};
use crate::{error::Failure, session::Statement, sql::Param};

/// The columns that [`stored`] takes.
macro_rules! columns {
    () => {
        "r.id, r.version, r.created, r.modified, r.hidden, r.state, r.document"
    };
}
pub(super) use columns;

const BY_IDS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM @resources r WHERE r.tenant = $1 AND r.kind = $2 AND r.id = ANY($3)"
);

/// Reads resources by their ids, in their order.
pub(super) async fn get(
    snapshot: &mut Snapshot<'_>,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Result<Vec<Option<Stored>>, Failure> {
    let limits = Limits::of(&snapshot.cost, selection);
    let statements = statements(snapshot.tenant(), resource_type, ids, selection, limits);
    let answers = if statements.len() == 1 {
        snapshot.ask_alone(statements).await?
    } else {
        snapshot.ask(statements).await?
    };
    found(&mut snapshot.cost, resource_type, ids, selection, answers)
}

/// The statements that read resources by their ids with those of their relations that are selected.
pub(crate) fn statements<'p>(
    tenant: &'p str,
    resource_type: &'p ResourceType,
    ids: &'p [ResourceId],
    selection: &Selection,
    limits: Limits,
) -> Vec<Statement<'p>> {
    let texts = || ids.iter().map(ResourceId::as_str);
    let params = vec![
        Param::text(tenant),
        Param::text(resource_type.name()),
        Param::texts(texts()),
    ];
    let mut statements = vec![Statement::Query(BY_IDS, params)];
    for relation in relation::selected(resource_type, selection) {
        // One that isn't there has no members either.
        statements.extend(relation::statements(tenant, relation, texts(), selection, limits));
    }
    statements
}

/// The resources that these statements found.
pub(crate) fn found(
    cost: &mut Cost,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
    answers: Vec<Vec<Row>>,
) -> Result<Vec<Option<Stored>>, Failure> {
    let mut answers = answers.into_iter();
    let mut found = HashMap::with_capacity(ids.len());
    for row in answers.next().unwrap_or_default() {
        found.insert(decode::id(&row, 0)?, stored(cost, &row, resource_type)?);
    }
    for relation in relation::selected(resource_type, selection) {
        relation::put_into(cost, relation, &mut answers, selection, found.iter_mut())?;
    }
    // One that is asked for twice is given twice.
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

/// The resource of a row.
pub(super) fn stored(cost: &mut Cost, row: &Row, resource_type: &ResourceType) -> Result<Stored, Failure> {
    cost.step()?;
    cost.decode(decode::raw(row, 6)?.len())?;
    let stored = Stored::new(
        resource_type,
        &decode::id(row, 0)?,
        decode::document(row, 6, resource_type)?,
        decode::version(row, 1)?,
        decode::date_time(row, 2)?,
        decode::date_time(row, 3)?,
    );
    let mut stored = stored
        .with_state(decode::state(row, 5)?)
        .with_visibility(decode::visibility(row, 4)?);
    stored.resource.relations_mut().clear();
    Ok(stored)
}

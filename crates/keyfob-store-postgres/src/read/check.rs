//! Reading what is stored together with what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{
    Stored, UniqueKey, Visibility,
    kit::{Place, Plan},
};

use super::{
    Snapshot, decode, generation,
    order::{Order, Scope},
    resource::stored,
};
use crate::{
    error::Failure,
    session::Statement,
    sql::{Param, index_key},
    write::Entry,
};

/// A resource with what the tables have that are derived.
pub(crate) struct Checked {
    pub(crate) id: ResourceId,
    pub(crate) place: Place,
    pub(crate) stored: Stored,
    /// The entries in the index; none where they are of another generation.
    indexed: Option<BTreeSet<Entry>>,
    /// The keys, as attribute and key.
    reserved: BTreeSet<(String, String)>,
}

const ENTRIES: &str = "SELECT r.id, r.generation, e.attribute, e.hidden, e.key, e.created, e.sorts
    FROM @resources r LEFT JOIN @entries e ON e.tenant = r.tenant AND e.id = r.id
    WHERE r.tenant = $1 AND r.id = ANY($2)";

const RESERVED: &str =
    "SELECT id, attribute, key FROM @unique_keys WHERE tenant = $1 AND id = ANY($2) AND kind = $3";

const HOLDERS: &str = "SELECT attribute, key, id FROM @unique_keys
    WHERE tenant = $1 AND kind = $2 AND (attribute, key) IN (SELECT a, k FROM unnest($3::text[], $4::text[]) AS w (a, k))";

/// Reads at most `count` resources after one.
pub(crate) async fn page_to_check(
    snapshot: &mut Snapshot<'_>,
    resource_type: &ResourceType,
    visibility: Visibility,
    after: Option<&Place>,
    count: usize,
) -> Result<Vec<Checked>, Failure> {
    let tenant = snapshot.tenant();
    let plan = Plan::everything();
    let scope = Scope {
        tenant,
        resource_type,
        visibility,
        plan: &plan,
    };
    let order = Order::of(resource_type, None)?;
    let mut page = Vec::new();
    for part in order.parts(after) {
        let sql = scope.page(&part, 0, count);
        let answers = snapshot.ask(vec![sql.into_statement()]).await?;
        for row in answers.iter().flatten() {
            let stored = stored(&mut snapshot.cost, row, resource_type)?;
            page.push((decode::id(row, 0)?, stored));
        }
    }
    let ids = || Param::texts(page.iter().map(|(id, _)| id.as_str()));
    let answers = snapshot
        .ask(vec![
            Statement::Query(ENTRIES, vec![Param::text(tenant), ids()]),
            Statement::Query(
                RESERVED,
                vec![Param::text(tenant), ids(), Param::text(resource_type.name())],
            ),
        ])
        .await?;
    let mut answers = answers.into_iter();
    let mut indexed: BTreeMap<ResourceId, BTreeSet<Entry>> = BTreeMap::new();
    for row in answers.next().unwrap_or_default() {
        if decode::int(&row, 1)? != generation(resource_type) {
            continue;
        }
        let entries = indexed.entry(decode::id(&row, 0)?).or_default();
        let attribute: Option<&str> = row.try_get(2)?;
        if attribute.is_some() {
            entries.insert(Entry {
                attribute: decode::text(&row, 2)?,
                hidden: decode::flag(&row, 3)?,
                // As it stands in the index.
                key: decode::raw(&row, 4)?.into(),
                created: decode::int(&row, 5)?,
                sorts: decode::flag(&row, 6)?,
            });
        }
    }
    let mut reserved: BTreeMap<ResourceId, BTreeSet<(String, String)>> = BTreeMap::new();
    for row in answers.next().unwrap_or_default() {
        let keys = reserved.entry(decode::id(&row, 0)?).or_default();
        keys.insert((decode::text(&row, 1)?.into(), decode::raw(&row, 2)?.to_owned()));
    }
    let checked = page.into_iter().map(|(id, stored)| Checked {
        indexed: indexed.remove(&id),
        reserved: reserved.remove(&id).unwrap_or_default(),
        place: Place::of(&stored, None),
        id,
        stored,
    });
    Ok(checked.collect())
}

/// Finds who has each of these keys.
pub(crate) async fn holders(
    snapshot: &mut Snapshot<'_>,
    resource_type: &ResourceType,
    keys: &[UniqueKey],
) -> Result<Vec<Option<ResourceId>>, Failure> {
    let params = vec![
        Param::text(snapshot.tenant()),
        Param::text(resource_type.name()),
        Param::texts(keys.iter().map(|key| key.attribute.as_str())),
        Param::keys(keys.iter().map(|key| key.value.as_str())),
    ];
    let answers = snapshot.ask(vec![Statement::Query(HOLDERS, params)]).await?;
    let mut holders = BTreeMap::new();
    for row in answers.iter().flatten() {
        let key = (
            String::from(decode::text(row, 0)?),
            decode::raw(row, 1)?.to_owned(),
        );
        holders.insert(key, decode::id(row, 2)?);
    }
    Ok(keys
        .iter()
        .map(|key| holders.get(&stored_key(key)).cloned())
        .collect())
}

/// A key as the table of unique keys has it.
fn stored_key(key: &UniqueKey) -> (String, String) {
    let value = index_key(key.value.as_str()).into_owned();
    (key.attribute.to_string(), value)
}

impl Checked {
    /// Returns true if the index doesn't say what the document says.
    pub(crate) fn is_unindexed(&self, resource_type: &ResourceType) -> bool {
        let expected = || {
            let created = self.place.created.unix_millis();
            Entry::of_document(
                resource_type,
                &self.stored.resource,
                self.stored.is_hidden(),
                created,
            )
        };
        self.indexed.as_ref().is_some_and(|found| *found != expected())
    }

    /// Returns true if the resource reserves the key.
    pub(crate) fn reserves(&self, key: &UniqueKey) -> bool {
        self.reserved.contains(&stored_key(key))
    }
}

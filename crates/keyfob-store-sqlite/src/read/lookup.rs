//! Finding resources by their values without reading them: the kit's plan as SQL.

use std::{collections::BTreeSet, fmt::Write as _};

use keyfob_core::{DateTime, ResourceId};
use keyfob_store::{
    UniqueKey, Visibility,
    kit::{Keys, Lookup, Place, Plan, Search, TimeSpan, keyless},
};
use rusqlite::{CachedStatement, Row, Statement, params, types::Value};
use smol_str::SmolStr;

use super::{Kind, Snapshot, decode, relation};

/// A resource that was found, ordered as resources are: by creation and then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) created: i64,
    pub(super) id: SmolStr,
    pub(super) resource: i64,
}

impl Entry {
    fn from_row(tenant: &Snapshot<'_>, row: &Row<'_>) -> rusqlite::Result<Self> {
        tenant.step()?;
        Ok(Self {
            resource: row.get(0)?,
            created: row.get(1)?,
            id: decode::text(row, 2)?,
        })
    }

    /// The place in the order of creation.
    pub(super) fn place(&self) -> Place {
        Place {
            value: None,
            created: DateTime::from_unix_millis(self.created),
            id: ResourceId::new(self.id.clone()),
        }
    }
}

const RESERVED: &str = "SELECT resource, created, id FROM unique_keys CROSS JOIN resources USING (resource)
    WHERE unique_keys.kind = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2) AND value = ?3
        AND hidden = ?4";

/// Finds the resource that reserves a key.
pub(super) fn reserved(
    tenant: &Snapshot<'_>,
    kind: &Kind,
    visibility: Visibility,
    key: &UniqueKey,
) -> rusqlite::Result<BTreeSet<Entry>> {
    tenant
        .connection
        .prepare_cached(RESERVED)?
        .query_map(
            params![
                kind.number,
                key.attribute.as_str(),
                key.value.as_str(),
                visibility == Visibility::Hidden
            ],
            |row| Entry::from_row(tenant, row),
        )?
        .collect()
}

/// The resources of a type that the searches of a plan find.
pub(super) struct Finding<'r> {
    pub(super) tenant: &'r Snapshot<'r>,
    pub(super) kind: &'r Kind,
    pub(super) visibility: Visibility,
    pub(super) plan: &'r Plan<'r>,
}

impl Finding<'_> {
    /// Finds the resources, in the order in which they were created, by the first search that finds no more than `limit`,
    /// whatever the others leave of them. None if there is no such search.
    ///
    /// Each row that a search finds is a step, so that a filter can't hide the work behind a condition that nothing satisfies.
    pub(super) fn find(&self, limit: usize) -> rusqlite::Result<Option<BTreeSet<Entry>>> {
        for (place, search) in self.plan.searches().iter().enumerate() {
            if search.passes_all() {
                self.pass_all()?;
            }
            if let Some(found) = self.find_by(place, limit)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_by(&self, place: usize, limit: usize) -> rusqlite::Result<Option<BTreeSet<Entry>>> {
        let mut sql = Sql::default();
        sql.push("SELECT resources.resource, resources.created, resources.id, ");
        self.add_rest(&mut sql, place);
        self.add_source(&mut sql, place);
        let mut found = BTreeSet::new();
        let mut statement = self.prepare(&sql)?;
        let mut rows = statement.raw_query();
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            if count > limit {
                return Ok(None);
            }
            let entry = Entry::from_row(self.tenant, row)?;
            if row.get(3)? {
                found.insert(entry);
            }
        }
        drop(rows);
        sql.done_with(statement);
        Ok(Some(found))
    }

    /// Counts what a search passes over that looks at every entry of an attribute, in the lane for that.
    fn pass_all(&self) -> rusqlite::Result<()> {
        let entries = self.kind.live.saturating_add(self.kind.hidden);
        self.tenant.demand_scans(entries)?;
        self.tenant.pass(entries)
    }

    /// Puts in the condition that a resource is one of those that are asked for and that all searches but one find it.
    fn add_rest(&self, sql: &mut Sql, place: usize) {
        sql.push("resources.kind = :kind AND resources.hidden = :hidden");
        let searches = self.plan.searches().iter().enumerate();
        for (_, search) in searches.filter(|(other, _)| *other != place) {
            sql.push(" AND ").found(search);
        }
    }

    fn add_source(&self, sql: &mut Sql, place: usize) {
        sql.push(" FROM (");
        match self.plan.searches().get(place) {
            Some(search) => sql.source(search),
            None => sql.source(&Search::Any(Vec::new())),
        }
        sql.push(") AS found CROSS JOIN resources ON resources.resource = found.resource");
    }

    /// Counts the resources.
    pub(super) fn count(&self) -> rusqlite::Result<usize> {
        let mut sql = Sql::default();
        sql.push("SELECT count(DISTINCT resources.resource)");
        self.add_source(&mut sql, 0);
        sql.push(" WHERE ");
        self.add_rest(&mut sql, 0);
        let mut statement = self.prepare(&sql)?;
        let mut rows = statement.raw_query();
        let counted = rows.next()?.map_or(Ok(0), |row| decode::count(row, 0))?;
        drop(rows);
        sql.done_with(statement);
        Ok(counted)
    }

    /// What all searches say of a row of `resources`, as an expression.
    pub(super) fn condition(&self) -> Sql {
        let mut sql = Sql::default();
        sql.all(self.plan.searches());
        sql
    }

    fn prepare(&self, sql: &Sql) -> rusqlite::Result<CachedStatement<'_>> {
        let mut statement = self.tenant.connection.prepare_cached(&sql.text)?;
        let is_hidden = self.visibility == Visibility::Hidden;
        for (name, value) in [
            (":tenant", self.kind.tenant),
            (":kind", self.kind.number),
            (":hidden", i64::from(is_hidden)),
        ] {
            if let Some(index) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        sql.bind_to(&mut statement)?;
        Ok(statement)
    }
}

/// A part of a statement, with the values that it is given beside `:tenant`, `:kind` and `:hidden`.
#[derive(Clone, Debug, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    values: Vec<Value>,
}

/// A statement with more values is of a shape that hardly comes again, and would take the place of others in the cache.
const MAX_CACHED_VALUES: usize = 8;

impl Sql {
    fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Puts in a value.
    fn bind(&mut self, value: Value) -> &mut Self {
        // Writing to a text doesn't fail.
        write!(self.text, ":p{}", self.values.len()).ok();
        self.values.push(value);
        self
    }

    fn bind_text(&mut self, text: &str) -> &mut Self {
        self.bind(Value::Text(text.to_owned()))
    }

    /// Gives the values to a statement of which this is a part.
    pub(super) fn bind_to(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        for (place, value) in self.values.iter().enumerate() {
            if let Some(index) = statement.parameter_index(&format!(":p{place}"))? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        Ok(())
    }

    /// Keeps the statement for the next query of its shape, if it is likely to come.
    pub(super) fn done_with(&self, statement: CachedStatement<'_>) {
        if self.values.len() > MAX_CACHED_VALUES {
            statement.discard();
        }
    }

    /// A statement that finds the numbers of all resources that a search finds, and perhaps some twice.
    fn source(&mut self, search: &Search<'_>) {
        match search {
            Search::One(lookup) => self.lookup(lookup),
            Search::Any(searches) => {
                // Without any there is nothing.
                self.push("SELECT 0 AS resource WHERE 0");
                for search in searches {
                    self.push(" UNION ALL SELECT resource FROM (").source(search);
                    self.push(")");
                }
            }
            Search::All(searches) => {
                let Some((first, rest)) = searches.split_first() else {
                    return;
                };
                self.push("SELECT resources.resource FROM (").source(first);
                self.push(") AS best CROSS JOIN resources ON resources.resource = best.resource WHERE ");
                self.all(rest);
            }
        }
    }

    fn lookup(&mut self, lookup: &Lookup<'_>) {
        match lookup {
            Lookup::Ids(ids) => {
                self.push("SELECT resource FROM resources WHERE tenant = :tenant AND id IN ");
                self.ids(ids);
            }
            Lookup::Owners { relation, ids } => {
                self.push("SELECT owner AS resource FROM edges WHERE member IN ");
                self.live(ids);
                self.push(" AND attribute = ")
                    .attribute(&relation::path(relation.as_str()));
            }
            Lookup::Members {
                owner_type,
                relation,
                ids,
                levels,
            } => {
                let path = relation::path(relation.as_str());
                self.push("SELECT member AS resource FROM edges WHERE owner IN ");
                self.owners(owner_type, ids, (&path, *levels));
                self.push(" AND attribute = ").attribute(&path);
            }
            Lookup::Entries(indexed, keys) => {
                let select = "SELECT resource FROM indexed WHERE kind = :kind AND attribute = ";
                match keys {
                    // Each range is a search of its own.
                    Keys::Within(ranges) => {
                        for (place, range) in ranges.iter().enumerate() {
                            let joint = if place > 0 { " UNION ALL " } else { "" };
                            self.push(joint).push(select).attribute(indexed.key());
                            self.push(" AND ").range(&range.from, range.before.as_deref());
                        }
                    }
                    Keys::Any => {
                        self.push(select).attribute(indexed.key());
                        self.push(" UNION ALL ")
                            .push(select)
                            .attribute(&keyless(indexed.key()));
                    }
                    keys => {
                        self.push(select).attribute(indexed.key());
                        self.push(" AND ").keys(keys);
                    }
                }
            }
            Lookup::Created(span) => {
                self.push("SELECT resource FROM resources WHERE kind = :kind AND hidden = :hidden AND ");
                self.span("created", *span);
            }
            Lookup::Modified(span) => {
                self.push("SELECT resource FROM resources WHERE kind = :kind AND hidden = :hidden AND ");
                self.span("last_modified", *span);
            }
        }
    }

    /// The expression that is true of a row of `resources` that all searches find.
    fn all(&mut self, searches: &[Search<'_>]) {
        self.push("1");
        for search in searches {
            self.push(" AND ").found(search);
        }
    }

    /// The expression that is true of a row of `resources` that a search finds.
    fn found(&mut self, search: &Search<'_>) {
        match search {
            Search::One(lookup) => self.holds(lookup),
            Search::All(searches) => {
                self.push("(").all(searches);
                self.push(")");
            }
            Search::Any(searches) => {
                self.push("(0");
                for search in searches {
                    self.push(" OR ").found(search);
                }
                self.push(")");
            }
        }
    }

    fn holds(&mut self, lookup: &Lookup<'_>) {
        match lookup {
            Lookup::Ids(ids) => {
                self.push("resources.id IN ").ids(ids);
            }
            Lookup::Owners { relation, ids } => {
                self.push("EXISTS (SELECT 1 FROM edges WHERE owner = resources.resource AND attribute = ");
                self.attribute(&relation::path(relation.as_str()));
                self.push(" AND member IN ").live(ids);
                self.push(")");
            }
            Lookup::Members {
                owner_type,
                relation,
                ids,
                levels,
            } => {
                let path = relation::path(relation.as_str());
                self.push("EXISTS (SELECT 1 FROM edges WHERE member = resources.resource AND attribute = ");
                self.attribute(&path).push(" AND owner IN ");
                self.owners(owner_type, ids, (&path, *levels));
                self.push(")");
            }
            Lookup::Entries(indexed, keys) => {
                // A resource has few entries, so that those of the one resource are looked at, and not those of the one value.
                self.push(
                    "EXISTS (SELECT 1 FROM indexed INDEXED BY indexed_by_resource
                        WHERE indexed.resource = resources.resource AND indexed.kind = :kind AND attribute IN (",
                );
                self.attribute(indexed.key());
                if *keys == Keys::Any {
                    self.push(", ").attribute(&keyless(indexed.key()));
                }
                self.push(") AND ").keys(keys);
                self.push(")");
            }
            Lookup::Created(span) => self.span("resources.created", *span),
            Lookup::Modified(span) => self.span("resources.last_modified", *span),
        }
    }

    /// The number of an attribute with this path.
    fn attribute(&mut self, path: &str) -> &mut Self {
        self.push("(SELECT attribute FROM attributes WHERE path = ")
            .bind_text(path)
            .push(")")
    }

    fn keys(&mut self, keys: &Keys) {
        match keys {
            Keys::Equal(keys) => {
                self.push("value IN ");
                self.list(keys.iter().map(AsRef::as_ref));
            }
            Keys::Within(ranges) => {
                self.push("(0");
                for range in ranges {
                    self.push(" OR ").range(&range.from, range.before.as_deref());
                }
                self.push(")");
            }
            // By bytes, as functions of texts end at a NUL.
            Keys::Containing(text) => {
                self.push("instr(CAST(value AS BLOB), ")
                    .bind(Value::Blob(text.as_bytes().to_vec()))
                    .push(") > 0");
            }
            Keys::Ending(text) => {
                let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
                self.push("substr(CAST(value AS BLOB), ")
                    .bind(Value::Integer(-length))
                    .push(") = ")
                    .bind(Value::Blob(text.as_bytes().to_vec()));
            }
            Keys::Any => {
                self.push("1");
            }
        }
    }

    fn range(&mut self, from: &str, before: Option<&str>) {
        self.push("value >= ").bind_text(from);
        if let Some(before) = before {
            self.push(" AND value < ").bind_text(before);
        }
    }

    fn span(&mut self, column: &str, span: TimeSpan) {
        self.push(column)
            .push(" BETWEEN ")
            .bind(Value::Integer(span.from));
        self.push(" AND ").bind(Value::Integer(span.to));
    }

    /// The numbers of the live resources with these ids: what is at the other end of a relation is always live.
    fn live(&mut self, ids: &[ResourceId]) {
        self.push(
            "(SELECT other.resource FROM resources AS other
                WHERE other.tenant = :tenant AND NOT other.hidden AND other.id IN ",
        );
        self.ids(ids);
        self.push(")");
    }

    /// Those of a type, with the owners of a relation that are in them down to a level.
    fn owners(&mut self, owner_type: &str, ids: &[ResourceId], (path, levels): (&str, usize)) {
        if levels == 1 {
            self.push("(").live_of("other.resource", owner_type, ids);
            self.push(")");
            return;
        }
        self.push("(WITH RECURSIVE below (owner, level) AS (");
        self.live_of("other.resource, 1", owner_type, ids);
        // Edges to owners are in an index that holds no others.
        self.push(
            " UNION SELECT edges.member, level + 1 FROM below CROSS JOIN edges ON edges.owner = below.owner
                CROSS JOIN resources AS other ON other.resource = edges.member
                WHERE edges.nests = 1 AND NOT other.hidden AND level < ",
        );
        self.bind(Value::Integer(super::rows(levels)));
        self.push(" AND edges.attribute = ").attribute(path);
        self.push(") SELECT owner FROM below)");
    }

    fn live_of(&mut self, columns: &str, resource_type: &str, ids: &[ResourceId]) {
        self.push("SELECT ").push(columns).push(
            " FROM resources AS other JOIN kinds ON kinds.kind = other.kind
                WHERE other.tenant = :tenant AND NOT other.hidden AND kinds.name = ",
        );
        self.bind_text(resource_type).push(" AND other.id IN ");
        self.ids(ids);
    }

    fn ids(&mut self, ids: &[ResourceId]) {
        self.list(ids.iter().map(ResourceId::as_str));
    }

    fn list<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        self.push("(");
        for (place, text) in texts.enumerate() {
            self.push(if place > 0 { ", " } else { "" }).bind_text(text);
        }
        self.push(")");
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::{Dialect, Registry};
    use keyfob_filter::Filter;
    use keyfob_store::kit::Indexes;

    use super::*;
    use crate::read::tests::plan;

    /// The way in which SQLite carries out the search that finds resources, and the condition on a resource.
    fn ways(resource_type: &str, filter: &str) -> [Vec<String>; 2] {
        let resource_type = Registry::rfc().resource_type(resource_type).unwrap();
        let predicate = Filter::parse(filter).unwrap();
        let predicate = predicate.compile(resource_type, Dialect::strict()).unwrap();
        let searches = Plan::of(&predicate, resource_type, Indexes::ALL);
        let mut source = Sql::default();
        source
            .push("SELECT resources.resource FROM (")
            .source(&searches.searches()[0]);
        source.push(") AS found CROSS JOIN resources ON resources.resource = found.resource WHERE resources.hidden = :hidden");
        let mut condition = Sql::default();
        condition.push("SELECT ").all(searches.searches());
        condition.push(" FROM resources WHERE kind = :kind AND hidden = :hidden");
        [plan(&source.text), plan(&condition.text)]
    }

    #[test]
    fn every_look_up_searches_an_index() {
        let users = [
            r#"id eq "a" or id eq "b""#,
            r#"userName eq "a""#,
            r#"userName sw "a""#,
            r#"displayName gt "a" or externalId pr"#,
            r#"(userName sw "a" and displayName sw "a") or externalId eq "x""#,
            r#"groups.value eq "g" or groups.value eq "h""#,
            r#"userName co "a""#,
            r#"meta.created gt "2026-01-01T00:00:00Z""#,
            r#"meta.lastModified gt "2026-01-01T00:00:00Z" or userName eq "a""#,
        ];
        let groups = [
            r#"members.value eq "a""#,
            r#"displayName le "a" and members.value eq "a""#,
        ];
        let filters = users.map(|filter| ("User", filter)).into_iter();
        for (resource_type, filter) in filters.chain(groups.map(|filter| ("Group", filter))) {
            for way in ways(resource_type, filter) {
                let scans = way.iter().filter(|line| {
                    // What a part of the same statement finds is gone through, and is no table.
                    let is_found = ["SCAN found", "SCAN best", "SCAN below", "SCAN CONSTANT ROW"]
                        .contains(&line.as_str());
                    !line.starts_with("SEARCH") && !is_found && !line.starts_with("SCAN (subquery")
                });
                assert_eq!(scans.count(), 0, "{filter}: {way:#?}");
            }
        }
    }

    #[test]
    fn a_look_up_begins_at_its_keys() {
        let entries = "SEARCH indexed USING PRIMARY KEY (kind=? AND attribute=? AND value";
        for (resource_type, filter, line) in [
            ("User", r#"userName eq "a""#, entries),
            ("User", r#"displayName sw "a""#, entries),
            (
                "User",
                r#"meta.lastModified gt "2026-01-01T00:00:00Z""#,
                "SEARCH resources USING COVERING INDEX resources_by_modification (kind=? AND hidden=? AND last_modified",
            ),
            (
                "Group",
                r#"members.value eq "a""#,
                "SEARCH edges USING COVERING INDEX edges_by_member (member=? AND attribute=?)",
            ),
        ] {
            let [found, _] = ways(resource_type, filter);
            assert!(
                found.iter().any(|found| found.starts_with(line)),
                "{filter}: {found:#?}"
            );
        }
        assert_eq!(
            plan(RESERVED)[0],
            "SEARCH unique_keys USING PRIMARY KEY (kind=? AND attribute=? AND value=?)"
        );
    }
}

//! One transaction: rows of the application and of the side tables, put together.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::Arc,
};

use keyfob_core::{
    DateTime, Object, Resource, ResourceId, ResourceType, SmolStr, Version, json, schema::Relation,
};
use keyfob_store::{Labels, Meter, Selection, StoreError, Stored, TenantId, Visibility};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Failure, TableError},
    escape,
    layout::text_of,
    row::{Cell, Key, Row},
    shape::{Hiding, Kind, Shape, type_of},
    store::TableStore,
    tables::{Scope, Tables, Which},
    transaction::{Dialect, SqlRow, SqlValue, Transaction},
};

/// The number of keys that one statement names at most.
pub(crate) const CHUNK: usize = 64;
/// The number of rows of the application that are read at once, and of keys that they are asked for by.
pub(crate) const PAGE: usize = 500;
/// The same, as databases count.
pub(crate) const PAGE_ROWS: i64 = 500;

const SIDE: &str =
    "SELECT id, type, row_key, version, print, created, modified, hidden, document, state FROM @resources";

/// A transaction of one tenant, and what it may cost.
pub(crate) struct Session<'s, T: Tables> {
    pub(crate) store: &'s TableStore<T>,
    pub(crate) tx: &'s mut T::Transaction,
    pub(crate) tenant: TenantId,
    pub(crate) meter: Meter,
}

/// A row of the side tables.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) id: ResourceId,
    pub(crate) type_name: SmolStr,
    /// The key of the application's row, where the resource has one.
    pub(crate) row_key: Option<SmolStr>,
    pub(crate) version: i64,
    /// The print of the application's row as the store saw or wrote it last.
    pub(crate) print: i64,
    pub(crate) created: DateTime,
    pub(crate) modified: DateTime,
    pub(crate) hidden: bool,
    /// What of the document has no column; empty for a row that the application inserted.
    pub(crate) document: SmolStr,
    pub(crate) state: SmolStr,
}

impl Side {
    fn read(row: &SqlRow) -> Result<Self, TableError> {
        Ok(Self {
            id: row.id(0)?,
            type_name: row.text(1)?,
            row_key: row.optional_text(2)?,
            version: row.integer(3)?,
            print: row.integer(4)?,
            created: row.time(5)?,
            modified: row.time(6)?,
            hidden: row.integer(7)? != 0,
            document: row.text(8)?,
            state: row.text(9)?,
        })
    }
}

/// A resource that is there.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The row of the application, if it has one, and which table it is of.
    pub(crate) own: Option<(Kind, Row)>,
    /// The row of the side tables, made up for a row that the application inserted and the store has not written since.
    pub(crate) side: Side,
    pub(crate) is_row_hiding: bool,
}

impl Found {
    /// A resource of the side tables alone.
    pub(crate) fn beside(side: Side) -> Self {
        Self {
            own: None,
            side,
            is_row_hiding: false,
        }
    }

    /// A resource with a row of the application.
    pub(crate) fn of_row(shape: &Shape, kind: Kind, row: Row, side: Side) -> Self {
        Self {
            own: Some((kind, row)),
            side,
            is_row_hiding: shape.hiding(kind) == Hiding::Row,
        }
    }

    /// The version of what is there now.
    ///
    /// It is the counter of the side tables while the application's row is as the store left it. A row that the
    /// application wrote since has a version that the counter never reaches: its print above the next number. So nothing is
    /// written when a row is read, a row that is changed back has its old version back, and the store's next write, which
    /// counts on, gives a third.
    pub(crate) fn version(&self) -> Version {
        let counter = self.side.version.cast_unsigned();
        match self.print() {
            Some(print) if print != self.side.print => {
                Version::new((print.cast_unsigned() << 32) | (counter.wrapping_add(1) & 0xffff_ffff))
            }
            _ => Version::new(counter),
        }
    }

    fn print(&self) -> Option<i64> {
        self.own.as_ref().map(|(_, row)| row.print())
    }

    /// Takes note of the row as the store has just written it.
    pub(crate) fn settle(&mut self) {
        if let Some(print) = self.print() {
            self.side.print = print;
        }
    }

    /// Whether the application wrote the row since the store did.
    pub(crate) fn is_foreign(&self) -> bool {
        self.print().is_some_and(|print| print != self.side.print)
    }

    pub(crate) fn id(&self) -> &ResourceId {
        &self.side.id
    }

    /// The values of the application's row.
    fn cells(&self) -> &[Cell] {
        self.own.as_ref().map_or(&[], |(_, row)| &row.cells)
    }

    pub(crate) fn key(&self) -> Option<&Key> {
        self.own.as_ref().map(|(_, row)| &row.key)
    }

    pub(crate) fn is_hidden(&self) -> bool {
        match &self.own {
            Some((_, row)) if self.is_row_hiding => row.hidden,
            _ => self.side.hidden,
        }
    }

    pub(crate) fn is_of(&self, visibility: Visibility) -> bool {
        self.is_hidden() == (visibility == Visibility::Hidden)
    }

    pub(crate) fn type_name(&self) -> &str {
        &self.side.type_name
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let row = self.own.as_ref().map_or(0, |(_, row)| row.size());
        row.saturating_add(self.side.document.len())
    }
}

/// A key as it is stored: by a part and a digest where it is long, since indexes of databases hold a few thousand bytes.
pub(crate) fn stored_key(key: &str) -> SmolStr {
    const WHOLE: usize = 600;
    if key.len() <= WHOLE {
        return key.into();
    }
    let start: String = key.chars().take(WHOLE / 4).collect();
    let mut stored = format!("{start}\u{1}");
    for byte in Sha256::digest(key.as_bytes()) {
        // Writing to a text can't fail.
        let _ = write!(stored, "{byte:02x}");
    }
    stored.into()
}

impl<T: Tables> Session<'_, T> {
    pub(crate) async fn execute(&mut self, statement: &str, values: &[SqlValue]) -> Result<u64, TableError> {
        let statement = self.store.statement(statement);
        self.tx.write(&statement, &Self::held(values)).await
    }

    pub(crate) async fn select(
        &mut self,
        statement: &str,
        values: &[SqlValue],
    ) -> Result<Vec<SqlRow>, TableError> {
        let statement = self.store.statement(statement);
        let rows = self.tx.read(&statement, &Self::held(values)).await?;
        Ok(match T::Transaction::DIALECT {
            Dialect::Postgres => rows.into_iter().map(escape::row).collect(),
            Dialect::Sqlite => rows,
        })
    }

    /// Values as the side tables hold them.
    fn held(values: &[SqlValue]) -> Cow<'_, [SqlValue]> {
        match T::Transaction::DIALECT {
            Dialect::Postgres => escape::values(values),
            Dialect::Sqlite => Cow::Borrowed(values),
        }
    }

    /// Runs a statement that ends with a list of texts, as often as the list is long.
    pub(crate) async fn select_in<'k>(
        &mut self,
        statement: &str,
        values: &[SqlValue],
        list: impl IntoIterator<Item = &'k str>,
    ) -> Result<Vec<SqlRow>, TableError> {
        let list: Vec<SqlValue> = list.into_iter().map(SqlValue::from).collect();
        let mut rows = Vec::new();
        for chunk in list.chunks(CHUNK) {
            // A few lengths, so that drivers prepare few statements; a text that is named twice finds the same.
            let length = chunk.len().next_power_of_two();
            let first = values.len() + 1;
            let places: Vec<String> = (first..first + length).map(|place| format!("?{place}")).collect();
            let statement = format!("{statement} ({})", places.join(", "));
            let padding = chunk.last().cloned().into_iter().cycle();
            let all: Vec<SqlValue> = values
                .iter()
                .chain(chunk)
                .cloned()
                .chain(padding)
                .take(values.len() + length)
                .collect();
            rows.extend(self.select(&statement, &all).await?);
        }
        Ok(rows)
    }

    /// Returns true if a column of the application has room for this text: PostgreSQL holds no U+0000, and refuses to be
    /// asked for it.
    pub(crate) fn can_hold(text: &str) -> bool {
        T::Transaction::DIALECT != Dialect::Postgres || !text.contains('\0')
    }

    pub(crate) fn tenant(&self) -> SqlValue {
        self.tenant.as_str().into()
    }

    /// Reads rows of the application.
    pub(crate) async fn rows(&mut self, kind: Kind, which: Which<'_>) -> Result<Vec<Row>, TableError> {
        let of = Scope {
            tenant: &self.tenant,
            kind,
        };
        let rows = self.store.tables.rows(self.tx, of, which).await?;
        let table = self.store.tables.shape().table(kind);
        rows.iter().try_for_each(|row| table.check(kind, row))?;
        Ok(rows)
    }

    /// Reads the next rows of all, until there are none.
    pub(crate) async fn next_rows(
        &mut self,
        kind: Kind,
        after: &mut Option<Key>,
    ) -> Result<Vec<Row>, TableError> {
        let which = Which::All {
            after: after.as_ref(),
            limit: PAGE_ROWS,
        };
        let rows = self.rows(kind, which).await?;
        if let Some(last) = rows.last() {
            // An application that passes over `after` would be asked for ever.
            if after.as_ref() == Some(&last.key) {
                return Err(TableError::failed(format!(
                    "the rows of {}s after a key end with the row of that key: `Which::All` asks for those behind it",
                    kind.name()
                )));
            }
            *after = Some(last.key.clone());
        }
        Ok(rows)
    }

    /// The rows of the side tables that belong to rows of the application.
    async fn sides_of(&mut self, kind: Kind, keys: &[Key]) -> Result<HashMap<SmolStr, Side>, TableError> {
        let texts: Vec<SmolStr> = keys.iter().map(Key::to_text).collect();
        let values = [self.tenant(), kind.name().into()];
        let statement = format!("{SIDE} WHERE tenant = ?1 AND type = ?2 AND row_key IN");
        let texts = texts.iter().map(SmolStr::as_str);
        let rows = self.select_in(&statement, &values, texts).await?;
        let sides = rows.iter().map(|row| {
            let side = Side::read(row)?;
            Ok((side.row_key.clone().unwrap_or_default(), side))
        });
        sides.collect()
    }

    /// Puts rows of the application together with those of the side tables.
    pub(crate) async fn found(&mut self, kind: Kind, rows: Vec<Row>) -> Result<Vec<Found>, TableError> {
        let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
        let sides = self.sides_of(kind, &keys).await?;
        self.join(kind, rows, sides).await
    }

    async fn join(
        &mut self,
        kind: Kind,
        rows: Vec<Row>,
        mut sides: HashMap<SmolStr, Side>,
    ) -> Result<Vec<Found>, TableError> {
        let mut found = Vec::with_capacity(rows.len());
        let mut unknown = Vec::new();
        for row in rows {
            let text = row.key.to_text();
            let side = sides.remove(&text).unwrap_or_else(|| {
                let id = self.store.id_of(kind, &text);
                unknown.push(id.clone());
                let created = row.created.unwrap_or(self.store.installed);
                Side {
                    id,
                    type_name: kind.name().into(),
                    row_key: Some(text),
                    version: 0,
                    print: 0,
                    created,
                    modified: created,
                    hidden: false,
                    document: SmolStr::default(),
                    state: SmolStr::new_static("{}"),
                }
            });
            found.push(Found::of_row(self.store.tables.shape(), kind, row, side));
        }
        if !unknown.is_empty() {
            let last = self.last_versions(&unknown).await?;
            for found in &mut found {
                if let Some(last) = last.get(found.id()) {
                    found.side.version = found.side.version.max(*last);
                }
            }
        }
        Ok(found)
    }

    /// The last versions of earlier resources with these ids.
    pub(crate) async fn last_versions(
        &mut self,
        ids: &[ResourceId],
    ) -> Result<HashMap<ResourceId, i64>, TableError> {
        let values = [self.tenant()];
        let rows = self
            .select_in(
                "SELECT id, version FROM @last_versions WHERE tenant = ?1 AND id IN",
                &values,
                ids.iter().map(ResourceId::as_str),
            )
            .await?;
        rows.iter().map(|row| Ok((row.id(0)?, row.integer(1)?))).collect()
    }

    /// Finds resources of any type by their ids.
    pub(crate) async fn locate(
        &mut self,
        ids: &[ResourceId],
    ) -> Result<HashMap<ResourceId, Found>, TableError> {
        self.located(ids, |keys| Which::Keys(keys)).await
    }

    async fn located(
        &mut self,
        ids: &[ResourceId],
        which: impl Fn(&[Key]) -> Which<'_>,
    ) -> Result<HashMap<ResourceId, Found>, TableError> {
        let values = [self.tenant()];
        let statement = format!("{SIDE} WHERE tenant = ?1 AND id IN");
        let rows = self
            .select_in(&statement, &values, ids.iter().map(ResourceId::as_str))
            .await?;
        let mut found = HashMap::with_capacity(rows.len());
        let mut known: HashSet<ResourceId> = HashSet::with_capacity(rows.len());
        let mut own: HashMap<Kind, HashMap<SmolStr, Side>> = HashMap::new();
        for row in &rows {
            let side = Side::read(row)?;
            known.insert(side.id.clone());
            if let (Some(kind), Some(key)) = (Kind::named(&side.type_name), &side.row_key) {
                own.entry(kind).or_default().insert(key.clone(), side);
            } else {
                found.insert(side.id.clone(), Found::beside(side));
            }
        }
        for kind in Kind::ALL {
            let sides = own.remove(&kind).unwrap_or_default();
            let shape = self.store.tables.shape();
            let keys: Vec<Key> = sides
                .keys()
                .filter_map(|text| shape.table(kind).key(text))
                .collect();
            let derived: Vec<Key> = ids
                .iter()
                .filter(|id| !known.contains(*id))
                .filter_map(|id| {
                    shape
                        .table(kind)
                        .key(id.as_str().strip_prefix(shape.id_prefix(kind))?)
                })
                .collect();
            if !keys.is_empty() {
                let mut rows = Vec::with_capacity(keys.len());
                for keys in keys.chunks(PAGE) {
                    rows.extend(self.rows(kind, which(keys)).await?);
                }
                for resource in self.join(kind, rows, sides).await? {
                    found.insert(resource.id().clone(), resource);
                }
            }
            for keys in derived.chunks(PAGE) {
                let rows = self.rows(kind, which(keys)).await?;
                for resource in self.found(kind, rows).await? {
                    // A row that the store wrote under an id of its own has no other.
                    if ids.contains(resource.id()) {
                        found.insert(resource.id().clone(), resource);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Finds a resource of a type.
    pub(crate) async fn find(
        &mut self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Option<Found>, TableError> {
        let found = self.locate(std::slice::from_ref(id)).await?.remove(id);
        Ok(found.filter(|found| found.type_name() == resource_type.name()))
    }

    /// Finds a resource of a type, and keeps the application from changing its row before this transaction ends.
    pub(crate) async fn find_to_write(
        &mut self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Option<Found>, TableError> {
        let ids = std::slice::from_ref(id);
        let found = self.located(ids, |keys| Which::Locked(keys)).await?.remove(id);
        Ok(found.filter(|found| found.type_name() == resource_type.name()))
    }

    /// Finds all resources of a type, in no order. Each is counted when it is read, so that no more are read than the budget
    /// covers, and a page.
    pub(crate) async fn all(&mut self, resource_type: &ResourceType) -> Result<Vec<Found>, Failure> {
        let Some(kind) = Kind::of(resource_type) else {
            return self.all_beside(resource_type).await;
        };
        let mut all = Vec::new();
        let mut after: Option<Key> = None;
        loop {
            self.meter.check_time().map_err(StoreError::from)?;
            let rows = self.next_rows(kind, &mut after).await?;
            let is_last = rows.len() < PAGE;
            for found in self.found(kind, rows).await? {
                self.count(&found)?;
                all.push(found);
            }
            if is_last {
                return Ok(all);
            }
        }
    }

    /// All resources of a type that stands in the side tables alone.
    async fn all_beside(&mut self, resource_type: &ResourceType) -> Result<Vec<Found>, Failure> {
        let statement =
            format!("{SIDE} WHERE tenant = ?1 AND type = ?2 AND id > ?3 ORDER BY id LIMIT {PAGE_ROWS}");
        let mut all: Vec<Found> = Vec::new();
        loop {
            self.meter.check_time().map_err(StoreError::from)?;
            let after = all.last().map_or("", |found| found.id().as_str());
            let values = [self.tenant(), resource_type.name().into(), after.into()];
            let rows = self.select(&statement, &values).await?;
            for row in &rows {
                let found = Found::beside(Side::read(row)?);
                self.count(&found)?;
                all.push(found);
            }
            if rows.len() < PAGE {
                return Ok(all);
            }
        }
    }

    /// The document of a resource, without relations.
    pub(crate) fn document(
        &self,
        resource_type: &ResourceType,
        found: &Found,
    ) -> Result<Resource, StoreError> {
        let rest = match found.side.document.as_str() {
            "" => None,
            json => {
                let rest = Resource::from_json(json.as_bytes(), resource_type);
                Some(rest.map_err(StoreError::internal)?)
            }
        };
        match &found.own {
            Some((kind, row)) => {
                let joined = self.store.layout(*kind).join(row, rest);
                joined.map_err(|fault| {
                    let (id, kind, key) = (found.id(), kind.name(), &row.key);
                    StoreError::internal(format!("`{id}`, the row `{key}` of a {kind}: {fault}"))
                })
            }
            None => rest.ok_or_else(|| StoreError::internal("a side table holds an empty document")),
        }
    }

    /// A text at the top of the document of a resource.
    fn text(&self, found: &Found, attribute: &str) -> Option<SmolStr> {
        match &found.own {
            Some((kind, row)) => {
                let layout = self.store.layout(*kind);
                layout.text(row, &found.side.document, attribute)
            }
            None => text_of(&found.side.document, attribute),
        }
    }

    /// The `displayName` of a resource.
    pub(crate) fn display_name(&self, found: &Found) -> Option<SmolStr> {
        self.text(found, "displayName")
    }

    /// The names by which people know a resource.
    pub(crate) fn names(&self, found: &Found) -> Labels {
        let mut labels = Labels::default();
        labels.name = self.text(found, "userName").or_else(|| self.display_name(found));
        labels.external_id = self.text(found, "externalId");
        labels
    }

    /// Counts a resource and its bytes.
    pub(crate) fn count(&self, found: &Found) -> Result<(), StoreError> {
        self.meter.step()?;
        self.meter.bytes(found.size())?;
        Ok(())
    }

    /// Puts resources together, with the relations that are selected.
    pub(crate) async fn stored(
        &mut self,
        resource_type: &ResourceType,
        found: &[&Found],
        selection: &Selection,
    ) -> Result<Vec<Stored>, Failure> {
        let mut documents = Vec::with_capacity(found.len());
        for found in found {
            documents.push(self.document(resource_type, found)?);
        }
        let selected = |relation: &&Relation| selection.attributes.contains(relation.attribute.id);
        for relation in resource_type.relations().iter().filter(selected) {
            let members = self.members(found, relation, selection).await?;
            for (document, members) in documents.iter_mut().zip(members) {
                if let Some(members) = members {
                    document.set_relation(&relation.attribute.name, members);
                }
            }
        }
        let stored = documents.into_iter().zip(found).map(|(document, found)| {
            let state: Object = match found.side.state.as_str() {
                "{}" => Object::new(),
                state => json::object_from_slice(state.as_bytes()).map_err(StoreError::internal)?,
            };
            let stored = Stored::new(
                resource_type,
                found.id(),
                document,
                found.version(),
                found.side.created,
                found.side.modified,
            );
            let visibility = if found.is_hidden() {
                Visibility::Hidden
            } else {
                Visibility::Live
            };
            Ok(stored.with_state(Arc::new(state)).with_visibility(visibility))
        });
        stored.collect()
    }

    /// Reads resources by their ids.
    pub(crate) async fn get(
        &mut self,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, Failure> {
        let found = self.locate(ids).await?;
        let of_type = |id: &ResourceId| {
            let found = found.get(id)?;
            (found.type_name() == resource_type.name()).then_some(found)
        };
        let mut present: Vec<&Found> = Vec::with_capacity(ids.len());
        // An id may be named twice: how often is each still to be answered?
        let mut times: HashMap<&ResourceId, usize> = HashMap::with_capacity(ids.len());
        for id in ids {
            if let Some(found) = of_type(id) {
                self.count(found)?;
                let times = times.entry(id).or_default();
                if *times == 0 {
                    present.push(found);
                }
                *times += 1;
            }
        }
        let stored = self.stored(resource_type, &present, selection).await?;
        let stored = present.iter().map(|found| found.id()).zip(stored);
        let mut stored: HashMap<&ResourceId, Stored> = stored.collect();
        let mut answer = Vec::with_capacity(ids.len());
        for id in ids {
            answer.push(match times.get_mut(id) {
                Some(times) if *times > 1 => {
                    *times -= 1;
                    stored.get(id).cloned()
                }
                // Large sets of members are not copied.
                _ => stored.remove(id),
            });
        }
        self.meter.check_time().map_err(StoreError::from)?;
        Ok(answer)
    }

    /// Writes the row of the side tables.
    pub(crate) async fn put(&mut self, side: &Side) -> Result<(), TableError> {
        let values = [
            self.tenant(),
            (&side.id).into(),
            (&side.type_name).into(),
            side.row_key.as_ref().into(),
            side.version.into(),
            side.print.into(),
            side.created.into(),
            side.modified.into(),
            side.hidden.into(),
            (&side.document).into(),
            (&side.state).into(),
        ];
        self.execute(
            "INSERT INTO @resources (tenant, id, type, row_key, version, print, created, modified, hidden, document, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (tenant, id) DO UPDATE SET row_key = excluded.row_key, version = excluded.version,
                print = excluded.print, modified = excluded.modified, hidden = excluded.hidden,
                document = excluded.document, state = excluded.state",
            &values,
        )
        .await?;
        Ok(())
    }

    /// Gives a resource its next version, and remembers the application's row as it is now.
    pub(crate) async fn advance(&mut self, found: &mut Found, at: DateTime) -> Result<(), Failure> {
        // Where another resource has one of its keys it stays a row of the application's, which `holder` looks at.
        self.take_over(found).await?;
        found.side.version = found.side.version.saturating_add(1);
        found.side.modified = found.side.modified.max(at);
        Ok(self.put(&found.side).await?)
    }

    /// Takes over a row that the application wrote: its values into the index, and those of unique columns as reserved.
    /// Returns the attribute of a key that another resource has; then the row is left as it is.
    pub(crate) async fn take_over(&mut self, found: &mut Found) -> Result<Option<SmolStr>, Failure> {
        let Some((kind, _)) = found.own.as_ref().filter(|_| found.is_foreign()) else {
            return Ok(None);
        };
        let store = self.store;
        let resource_type = type_of(&store.registry, *kind).map_err(StoreError::internal)?;
        let layout = store.layout(*kind);
        // A hidden resource reserves nothing.
        let keys = if found.is_hidden() {
            Vec::new()
        } else {
            layout.keys(found.cells())
        };
        for key in &keys {
            if self.holder(resource_type, key, Some(found.id())).await?.is_some() {
                return Ok(Some(key.attribute.clone()));
            }
        }
        self.index(resource_type, found).await?;
        // What else it reserves is not of its columns.
        let attributes = layout.unique_attributes();
        self.reserve_of(resource_type, found.id(), &keys, Some(&attributes))
            .await?;
        found.settle();
        Ok(None)
    }

    /// Removes everything of a resource from the side tables, and remembers its last version.
    pub(crate) async fn remove_side(&mut self, side: &Side) -> Result<(), TableError> {
        let values = [self.tenant(), (&side.id).into()];
        for statement in [
            "DELETE FROM @resources WHERE tenant = ?1 AND id = ?2",
            "DELETE FROM @unique_keys WHERE tenant = ?1 AND id = ?2",
            "DELETE FROM @entries WHERE tenant = ?1 AND id = ?2",
            "DELETE FROM @edges WHERE tenant = ?1 AND owner = ?2",
            "DELETE FROM @edges WHERE tenant = ?1 AND member = ?2",
            "DELETE FROM @displays WHERE tenant = ?1 AND owner = ?2",
            "DELETE FROM @displays WHERE tenant = ?1 AND member = ?2",
        ] {
            self.execute(statement, &values).await?;
        }
        let [tenant, id] = values;
        self.execute(
            "INSERT INTO @last_versions (tenant, id, version) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version",
            &[tenant, id, side.version.into()],
        )
        .await?;
        Ok(())
    }

    /// Removes what is left in the side tables of a resource whose row the application deleted.
    pub(crate) async fn remove_left_over(&mut self, id: &ResourceId) -> Result<bool, TableError> {
        let values = [self.tenant(), id.into()];
        let rows = self
            .select(&format!("{SIDE} WHERE tenant = ?1 AND id = ?2"), &values)
            .await?;
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        self.remove_side(&Side::read(row)?).await?;
        Ok(true)
    }

    /// The id of a row that is gone, or would have.
    pub(crate) async fn left_over_id(&mut self, kind: Kind, key: &Key) -> Result<ResourceId, TableError> {
        let sides = self.sides_of(kind, std::slice::from_ref(key)).await?;
        let known = sides.into_values().next().map(|side| side.id);
        Ok(known.unwrap_or_else(|| self.store.id_of(kind, &key.to_text())))
    }

    /// Removes what is left in the side tables of an earlier row with this key.
    pub(crate) async fn remove_left_over_of(&mut self, kind: Kind, key: &Key) -> Result<(), TableError> {
        let sides = self.sides_of(kind, std::slice::from_ref(key)).await?;
        for side in sides.values() {
            self.remove_side(side).await?;
        }
        Ok(())
    }
}

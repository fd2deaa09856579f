//! Finding resources.

use std::{collections::HashSet, sync::Arc};

use keyfob_core::{CompareKey, ResourceId, ResourceType, SmolStr, message::SortOrder};
use keyfob_filter::{Lookup, Predicate};
use keyfob_store::{
    Counted, Explanation, Page, PageOrder, Paging, Query, Reads, Selection, SortKey, StoreError, Total,
    UniqueKey, Visibility,
    kit::{self, Place, SortAttribute},
};

use crate::{
    error::{Failure, TableError},
    layout::Placed,
    row::{Cell, Key, Row},
    session::{CHUNK, Found, Session, stored_key},
    shape::{Hiding, Kind},
    tables::{Tables, Which},
};

/// The attribute and the order by which a query sorts.
fn sorted_by<'t>(
    resource_type: &'t ResourceType,
    sort: &SortKey,
) -> Result<(SortAttribute<'t>, SortOrder), StoreError> {
    let attribute = SortAttribute::of(resource_type, &sort.path);
    let attribute = attribute.ok_or(StoreError::Unsupported("sort by this attribute"))?;
    Ok((attribute, sort.order))
}

impl<T: Tables> Session<'_, T> {
    /// Reads one page of the resources that a query matches.
    ///
    /// What an index finds is asked of the predicate, and so is everything where no index does.
    pub(crate) async fn query(
        &mut self,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, Failure> {
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
        if *visibility == Visibility::Hidden && !self.store.hides() {
            return Err(StoreError::Unsupported("hide resources").into());
        }
        let sort = sort
            .as_ref()
            .map(|sort| sorted_by(resource_type, sort))
            .transpose()?;
        let order = sort.map_or(SortOrder::Ascending, |(_, order)| order);
        let attribute = sort.map(|(attribute, _)| attribute);

        let (_, mut candidates) = self
            .candidates(resource_type, filter.as_deref(), reserved.as_ref())
            .await?;
        candidates.retain(|found| found.is_of(*visibility));
        let mut matching = Vec::with_capacity(candidates.len());
        if filter.is_none() && attribute.is_none() {
            matching.extend(candidates.into_iter().map(|found| {
                let place = Place {
                    value: None,
                    created: found.side.created,
                    id: found.id().clone(),
                };
                (place, found)
            }));
        } else {
            let read = filter.as_ref().map(|filter| filter.reads().clone());
            let read = read.map_or_else(Selection::document, Selection::of);
            let mut candidates = candidates.into_iter();
            loop {
                // A few at a time, since a filter may read their members.
                let some: Vec<Found> = candidates.by_ref().take(CHUNK).collect();
                if some.is_empty() {
                    break;
                }
                self.meter.check_time().map_err(StoreError::from)?;
                let of_some: Vec<&Found> = some.iter().collect();
                let stored = self.stored(resource_type, &of_some, &read).await?;
                for (stored, found) in stored.into_iter().zip(some) {
                    let is_match = |filter: &Arc<Predicate>| filter.matches(&stored.resource);
                    if filter.as_ref().is_none_or(is_match) {
                        matching.push((Place::of(&stored, attribute), found));
                    }
                }
            }
        }
        matching.sort_by(|(left, _), (right, _)| left.compare(right, order));

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
        let mut behind = matching
            .into_iter()
            .filter(|(place, _)| is_behind(place))
            .skip(offset);
        let on_page: Vec<(Place, Found)> = behind.by_ref().take(paging.count()).collect();
        let is_marked = matches!(paging, Paging::Cursor { .. }) && behind.next().is_some();
        let next = on_page
            .last()
            .filter(|_| is_marked)
            .map(|(place, _)| place.to_cursor());
        let on_page: Vec<&Found> = on_page.iter().map(|(_, found)| found).collect();
        let resources = self.stored(resource_type, &on_page, selection).await?;
        self.meter.check_time().map_err(StoreError::from)?;
        Ok(Page::new(resources).with_total(total).with_next(next))
    }

    /// Explains how a page would be read. The rows of all candidates are read, whatever is asked.
    pub(crate) async fn explain(
        &mut self,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, Failure> {
        let filter = query.filter.as_deref();
        if let Some(sort) = &query.sort {
            sorted_by(resource_type, sort)?;
        }
        let (search, mut candidates) = self
            .candidates(resource_type, filter, query.reserved.as_ref())
            .await?;
        candidates.retain(|found| found.is_of(query.visibility));
        Ok(Explanation {
            resource_type: resource_type.name().clone(),
            is_index_current: true,
            searches: search.into_iter().collect(),
            decided: filter.map(kit::filter_in_words).unwrap_or_default(),
            candidates: candidates.len(),
            reads: Reads::Candidates,
            order: PageOrder::Sorted,
            total: Counted::Read,
        })
    }

    /// The resources among which the matching ones are, each counted, and in words the search that found them.
    async fn candidates(
        &mut self,
        resource_type: &ResourceType,
        filter: Option<&Predicate>,
        reserved: Option<&UniqueKey>,
    ) -> Result<(Option<String>, Vec<Found>), Failure> {
        if let Some(key) = reserved {
            let holder = self.holder(resource_type, key, None).await?;
            let found = self.counted(holder.into_iter().collect())?;
            return Ok((Some(kit::key_in_words(key)), found));
        }
        for lookup in filter.into_iter().flat_map(Predicate::lookups) {
            if let Some(found) = self.look_up(resource_type, &lookup).await? {
                return Ok((Some(kit::lookup_in_words(&lookup)), self.counted(found)?));
            }
        }
        Ok((None, self.all(resource_type).await?))
    }

    fn counted(&self, found: Vec<Found>) -> Result<Vec<Found>, Failure> {
        for found in &found {
            self.count(found)?;
        }
        Ok(found)
    }

    /// What an index finds; none where there is none for the place.
    async fn look_up(
        &mut self,
        resource_type: &ResourceType,
        lookup: &Lookup<'_>,
    ) -> Result<Option<Vec<Found>>, Failure> {
        let place = lookup.place();
        let name = place.attribute().as_str();
        let is_core = place.extension().is_none();
        if is_core && place.attribute().is("id") && place.sub().is_none() {
            let Some(ids) = lookup.ids() else { return Ok(None) };
            let found = self.locate(&ids).await?.into_values();
            let of_type = |found: &Found| found.type_name() == resource_type.name();
            return Ok(Some(found.filter(of_type).collect()));
        }
        if place.is_relation() {
            return match lookup.ids() {
                Some(ids) if place.sub().is_some_and(|sub| sub.is("value")) => {
                    self.look_up_members(resource_type, name, &ids).await
                }
                _ => Ok(None),
            };
        }
        let indexed = resource_type.index().attributes().iter().find(|indexed| {
            let path = indexed.path();
            path.schema() == place.extension()
                && path.name() == place.attribute()
                && path.sub() == place.sub()
        });
        let Some(indexed) = indexed else { return Ok(None) };
        let column = Kind::of(resource_type).and_then(|kind| {
            let (_, placed) = self.store.layout(kind).column_of(indexed.key())?;
            Some((kind, placed.clone()))
        });
        if column
            .as_ref()
            .is_some_and(|(_, placed)| !placed.column.is_indexed)
        {
            return Ok(None);
        }
        let keys: Vec<&CompareKey> = lookup.keys().collect();
        let stored: Vec<_> = keys.iter().map(|key| stored_key(key.as_str())).collect();
        let values = [self.tenant(), resource_type.name().into(), indexed.key().into()];
        let rows = self
            .select_in(
                "SELECT id FROM @entries WHERE tenant = ?1 AND type = ?2 AND attribute = ?3 AND value IN",
                &values,
                stored.iter().map(SmolStr::as_str),
            )
            .await?;
        let ids: HashSet<ResourceId> = rows.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
        let ids: Vec<ResourceId> = ids.into_iter().collect();
        let mut found = self.locate(&ids).await?;
        // Those whose rows the application wrote since their entries were made.
        if let Some((kind, placed)) = column {
            for key in keys {
                for other in self.equal(kind, &placed, key).await? {
                    found.insert(other.id().clone(), other);
                }
            }
        }
        Ok(Some(found.into_values().collect()))
    }

    /// The resources whose column holds a value with this key, as far as the application's look-up finds them.
    pub(crate) async fn equal(
        &mut self,
        kind: Kind,
        placed: &Placed,
        key: &CompareKey,
    ) -> Result<Vec<Found>, TableError> {
        let text = key.text(placed.collation);
        if !Self::can_hold(text) {
            return Ok(Vec::new());
        }
        let which = Which::Equal {
            column: &placed.column.name,
            text,
        };
        let rows = self.rows(kind, which).await?;
        let number = self
            .store
            .layout(kind)
            .columns
            .iter()
            .position(|other| other.path == placed.path);
        let is_equal = |row: &Row| match number.and_then(|number| row.cells.get(number)) {
            Some(Cell::Text(text)) => key.is_of(placed.collation, text),
            _ => false,
        };
        let rows = rows.into_iter().filter(is_equal).collect();
        self.found(kind, rows).await
    }

    /// The groups of certain users, or the users of certain groups; none for a relation of the side tables.
    async fn look_up_members(
        &mut self,
        resource_type: &ResourceType,
        relation: &str,
        ids: &[ResourceId],
    ) -> Result<Option<Vec<Found>>, Failure> {
        let Some(kind) = Kind::of(resource_type) else {
            return Ok(None);
        };
        let is_own = match kind {
            Kind::Group => relation == "members",
            Kind::User => relation == "groups",
        };
        if !is_own {
            return Ok(None);
        }
        let ends = self.locate(ids).await?;
        let (end_kind, others) = match kind {
            Kind::Group => (Kind::User, Kind::Group),
            Kind::User => (Kind::Group, Kind::User),
        };
        let ends = ends.values().filter_map(|end| match &end.own {
            Some((kind, row)) if *kind == end_kind => Some(row.key.clone()),
            _ => None,
        });
        let ends: Vec<Key> = ends.collect();
        let memberships = self.all_memberships(end_kind, &ends).await?;
        let keys = memberships.into_iter().map(|membership| match others {
            Kind::Group => membership.group,
            Kind::User => membership.user,
        });
        let keys: HashSet<Key> = keys.collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        Ok(Some(self.with_keys(others, &keys).await?))
    }

    /// The live resource that has a unique key, other than `but`.
    ///
    /// It is the one for which the key is reserved, unless the application deleted its row or gave it another value since;
    /// or one whose row the application wrote and which holds the value.
    pub(crate) async fn holder(
        &mut self,
        resource_type: &ResourceType,
        key: &UniqueKey,
        but: Option<&ResourceId>,
    ) -> Result<Option<Found>, Failure> {
        let value = stored_key(key.value.as_str());
        let values = [
            self.tenant(),
            resource_type.name().into(),
            (&key.attribute).into(),
            (&value).into(),
        ];
        let rows = self
            .select(
                "SELECT id FROM @unique_keys WHERE tenant = ?1 AND type = ?2 AND attribute = ?3 AND value = ?4",
                &values,
            )
            .await?;
        let kind = Kind::of(resource_type);
        let column = kind.and_then(|kind| {
            let (number, placed) = self.store.layout(kind).column_of(&key.attribute)?;
            Some((kind, number, placed.clone()))
        });
        if let Some(row) = rows.first() {
            let id = row.id(0)?;
            let holder = self.find(resource_type, &id).await?;
            let has_it = |found: &Found| match (&column, &found.own) {
                (Some((_, number, placed)), Some((_, row))) if found.is_foreign() => {
                    matches!(row.cells.get(*number), Some(Cell::Text(text)) if key.value.is_of(placed.collation, text))
                }
                _ => true,
            };
            let is_other = but != Some(&id);
            if let Some(holder) = holder.filter(|found| is_other && !found.is_hidden() && has_it(found)) {
                return Ok(Some(holder));
            }
        }
        if let Some((kind, _, placed)) = column {
            let others = self.equal(kind, &placed, &key.value).await?;
            let is_holder =
                |found: &Found| found.is_foreign() && !found.is_hidden() && but != Some(found.id());
            return Ok(others.into_iter().find(is_holder));
        }
        Ok(None)
    }

    /// Whether resources of a kind can be hidden.
    pub(crate) fn can_hide(&self, kind: Option<Kind>) -> bool {
        match kind {
            Some(kind) => self.store.tables.shape().hiding(kind) != Hiding::Never,
            None => self.store.hides(),
        }
    }
}

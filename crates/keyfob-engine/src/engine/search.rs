//! Queries.

use std::{collections::HashMap, sync::Arc};

use keyfob_core::{
    EntityTag, Resource, ResourceId, ResourceType,
    message::{ListResponse, SearchRequest},
};
use keyfob_filter::{Filter, Limits, Predicate};
use keyfob_store::{
    Cursor, Explanation, Maintenance, Page, Paging, Query, Selection, SortKey, Store, StoreError, Stored,
    Total, kit::Place,
};

use super::{
    CursorError, Engine, EngineError, SortError,
    cursor::{CursorScope, Mark},
    secret,
    sort::SortBy,
    view::select_shown,
};
use crate::{context::Context, feature::Feature, policy};

/// The number of resources that are sorted without an index at most.
const SORT_LIMIT: usize = 10_000;

/// The number of resources that are read at once to be sorted.
const CHUNK: usize = 1_000;

/// A resource type of a query, with what the query says of it.
struct Searched<'t> {
    resource_type: &'t ResourceType,
    filter: Option<Arc<Predicate>>,
    by: Option<SortBy<'t>>,
}

/// The part of the matching resources that a page holds.
enum Window {
    Index { offset: usize, count: usize },
    Cursor { after: Option<Mark>, count: usize },
}

/// The one who makes the order of a page.
enum Maker {
    /// The store, which sorts by the key.
    Store(Option<SortKey>),
    /// The engine, out of what the store gives in any order.
    Engine,
}

/// The cost of a query, as [`Engine::explain`] tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryExplanation {
    /// The way in which the store answers; none where the filter matches nothing whatever is stored, so that the store isn't
    /// asked.
    pub by_store: Option<Explanation>,
    /// The number of resources at which the query is refused, where the store lacks the order and the engine reads and sorts
    /// all that match.
    pub sort_limit: Option<usize>,
}

/// A page before it is shown.
#[derive(Default)]
struct Listed {
    total: usize,
    /// Each resource with the number of its type.
    rows: Vec<(usize, Stored)>,
    next: Option<Mark>,
}

impl<S: Store> Engine<S> {
    /// Lists the resources of one type (RFC 7644 section 3.4.2).
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub async fn list(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        request: &SearchRequest,
    ) -> Result<ListResponse, EngineError> {
        self.search(cx, &[resource_type], request).await
    }

    /// Explains what [`list`](Self::list) would cost: the indexes that answer, the resources that are read, and how the page
    /// gets its order and its total. The answer comes from the decisions of the query itself, over what is stored now.
    ///
    /// ```
    /// # use keyfob_core::{Registry, message::SearchRequest};
    /// # use keyfob_engine::{Context, Engine, TenantId};
    /// # use keyfob_store_memory::MemoryStore;
    /// # pollster::block_on(async {
    /// let engine = Engine::new(MemoryStore::new(), Registry::rfc().clone());
    /// let user = engine.registry().resource_type("User").ok_or("no User")?;
    /// let mut request = SearchRequest::default();
    /// request.filter = Some(r#"userName eq "ada" and title pr"#.into());
    ///
    /// let explained = engine.explain(&Context::new(TenantId::new("acme")), user, &request).await?;
    /// let by_store = explained.by_store.ok_or("the store is asked")?;
    /// assert_eq!((by_store.candidates, by_store.decided.len()), (0, 2), "the memory store looks at each");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub async fn explain(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        request: &SearchRequest,
    ) -> Result<QueryExplanation, EngineError>
    where
        S: Maintenance,
    {
        let cx = &self.begin(cx);
        self.check_offered(cx, request)?;
        let filter = self.filter(request)?;
        let searched = self.searched(cx, &[resource_type], filter.as_ref(), request)?;
        let count = self.count(cx, request);
        let maker = self.maker_of_order(&searched, request, count == 0);
        let [of_type] = &*searched else {
            return Ok(QueryExplanation {
                by_store: None,
                sort_limit: None,
            });
        };
        let (query, sort_limit) = match maker {
            Maker::Store(sort) => {
                let start = request.start_index.unwrap_or(1).max(1);
                let paging = match &request.cursor {
                    Some(_) => Paging::Cursor { after: None, count },
                    None => Paging::Offset {
                        offset: usize::try_from(start - 1).unwrap_or(usize::MAX),
                        count,
                    },
                };
                (of_type.query(sort.as_ref(), paging, Total::Exact), None)
            }
            Maker::Engine => {
                let paging = self.chunk(None, SORT_LIMIT + 1);
                (of_type.query(None, paging, Total::Unknown), Some(SORT_LIMIT))
            }
        };
        let explained = self.store().explain(&cx.reading(), resource_type, &query).await;
        Ok(QueryExplanation {
            by_store: Some(explained?),
            sort_limit,
        })
    }

    /// Lists the resources of several types (RFC 7644 section 3.4.3): one type after the other, or in the order that the
    /// request asks for (section 3.4.2.3).
    ///
    /// An attribute that a type lacks is without value there (section 3.4.2.1); it is an error that no type has it, in the
    /// filter and in `sortBy`.
    ///
    /// A `cursor`, empty on the first page, makes it a query by cursor (RFC 9865): the answer names the next page as long
    /// as there is one. A cursor holds for the tenant, the types, the filter, the order and the `count` for which it was
    /// made, for a day, and on every server of the store. A resource that is there when the first page is read, and stays
    /// with the value that it is sorted by, is on exactly one page.
    ///
    /// # Errors
    /// [`EngineError::FilterSyntax`] and [`EngineError::Filter`], which map to `invalidFilter`, or to 403 `sensitive`
    /// for a filter on an attribute that is never returned; [`EngineError::Sort`] for an order that there isn't;
    /// [`EngineError::Limit`] for a page that is too large; [`EngineError::Cursor`] for a cursor that isn't this query's or has
    /// expired, and [`EngineError::Unsupported`] for what isn't [offered](Self::offers), such as cursors over a store without
    /// them.
    ///
    /// # Complexity
    /// One query of the store for each type. An order over several types, and one by an attribute that the store doesn't
    /// sort by, reads what has to be compared, 10,000 resources at most, and is `tooMany` beyond.
    pub async fn search(
        &self,
        cx: &Context,
        resource_types: &[&ResourceType],
        request: &SearchRequest,
    ) -> Result<ListResponse, EngineError> {
        let cx = &self.begin(cx);
        self.check_offered(cx, request)?;
        let filter = self.filter(request)?;
        let searched = self.searched(cx, resource_types, filter.as_ref(), request)?;
        let limits = self.limits_of(cx);
        let count = self.count(cx, request);
        let start = usize::try_from(request.start_index.unwrap_or(1))
            .unwrap_or(1)
            .max(1);
        // RFC 9865 section 2.3: where cursors are the only pages, a query that asks for none gets the first.
        let by_cursor = !self.offers(cx, Feature::IndexPagination);
        let Some(cursor) = request.cursor.as_deref().or(by_cursor.then_some("")) else {
            let window = Window::Index {
                offset: start - 1,
                count,
            };
            let Listed { total, rows, .. } = self.rows(cx, &searched, request, window).await?;
            let resources = self.views(cx, &searched, request, rows)?;
            return Ok(ListResponse::new(total, start, resources));
        };
        if request.cursor.is_some() && request.start_index.is_some() {
            return Err(CursorError::WithStartIndex.into());
        }
        let secret = self.cursor_secret().await?;
        let scope = CursorScope::of(cx.tenant(), resource_types, filter.as_ref(), request, count);
        let after = match cursor {
            "" => None,
            cursor => Some(scope.open(&secret, self.now(), limits.cursor_time, cursor)?),
        };
        let window = Window::Cursor { after, count };
        let Listed { total, rows, next } = self.rows(cx, &searched, request, window).await?;
        let next = next
            .map(|mark| scope.seal(&secret, self.now(), &mark))
            .transpose()?;
        let resources = self.views(cx, &searched, request, rows)?;
        Ok(ListResponse::by_cursor(total, next, resources))
    }

    fn filter(&self, request: &SearchRequest) -> Result<Option<Filter>, EngineError> {
        let filter = request.filter.as_ref().map(|text| {
            let dialect = self.profile().dialect;
            Filter::parse_with(text, &Limits::default(), dialect)
        });
        Ok(filter.transpose()?)
    }

    /// Returns the number of resources on a page of the query at most.
    fn count(&self, cx: &Context, request: &SearchRequest) -> usize {
        let limits = self.limits_of(cx);
        match request.count {
            None => limits.default_page.min(limits.page),
            Some(count) => usize::try_from(count).unwrap_or(0).min(limits.page),
        }
    }

    /// Checks that a query needs nothing that isn't offered.
    fn check_offered(&self, cx: &Context, request: &SearchRequest) -> Result<(), EngineError> {
        let needed = [
            (Feature::Filter, request.filter.is_some()),
            (Feature::Sort, sorted_by(request).is_some()),
            (Feature::CursorPagination, request.cursor.is_some()),
            (
                Feature::IndexPagination,
                request.start_index.is_some_and(|start| start > 1),
            ),
        ];
        let mut missing = needed
            .into_iter()
            .filter(|(feature, is_needed)| *is_needed && !self.offers(cx, *feature));
        match missing.next() {
            Some((feature, _)) => Err(EngineError::Unsupported(feature)),
            None => Ok(()),
        }
    }

    /// Returns true if the store has cursors and keeps what seals them.
    pub(crate) fn has_cursors(&self) -> bool {
        let capabilities = self.store().capabilities();
        capabilities.cursors && secret::is_kept(capabilities)
    }

    /// Returns the types in which something may match.
    fn searched<'t>(
        &self,
        cx: &Context,
        resource_types: &[&'t ResourceType],
        filter: Option<&Filter>,
        request: &SearchRequest,
    ) -> Result<Vec<Searched<'t>>, EngineError> {
        let dialect = self.profile().dialect;
        let by = match sorted_by(request) {
            Some(path) => SortBy::resolve(path, resource_types, dialect)?
                .into_iter()
                .map(Some)
                .collect(),
            None => vec![None; resource_types.len()],
        };
        let types = resource_types.iter().copied().zip(by);
        let Some(filter) = filter else {
            let all = types.map(|(resource_type, by)| Searched {
                resource_type,
                filter: None,
                by,
            });
            return Ok(all.collect());
        };
        let addresses = cx.addresses(self.registry());
        let mut predicates = filter.compile_for_types(resource_types, dialect, &addresses)?;
        for ((place, resource_type), predicate) in resource_types.iter().enumerate().zip(&mut predicates) {
            if let Some(filter) = policy::with_active(filter, resource_type, dialect) {
                let of_users = filter.compile_for_types(resource_types, dialect, &addresses)?;
                if let Some(of_users) = of_users.into_iter().nth(place) {
                    *predicate = of_users;
                }
            }
        }
        let matching = types
            .zip(predicates)
            .filter(|(_, predicate)| predicate.constant() != Some(false));
        let searched = matching.map(|((resource_type, by), predicate)| {
            let matches_all = predicate.constant() == Some(true);
            Searched {
                resource_type,
                filter: (!matches_all).then(|| Arc::new(predicate)),
                by,
            }
        });
        Ok(searched.collect())
    }

    /// Reads a page: in the order of the store where it has the order, and otherwise in one that the engine makes.
    async fn rows(
        &self,
        cx: &Context,
        searched: &[Searched<'_>],
        request: &SearchRequest,
        window: Window,
    ) -> Result<Listed, EngineError> {
        // Who asks for the number alone (RFC 7644 section 3.4.2.4) is shown nothing that has an order.
        let is_empty = matches!(window, Window::Index { count: 0, .. });
        match self.maker_of_order(searched, request, is_empty) {
            Maker::Store(sort) => {
                self.rows_of_store(cx, searched, request, sort.as_ref(), window)
                    .await
            }
            Maker::Engine => self.rows_in_order(cx, searched, request, window).await,
        }
    }

    /// Decides who makes the order of a page.
    fn maker_of_order(&self, searched: &[Searched<'_>], request: &SearchRequest, is_empty: bool) -> Maker {
        match searched {
            _ if is_empty => Maker::Store(None),
            [Searched { by: Some(by), .. }] => {
                let sorts = self.store().capabilities().sorting;
                match by.key(request.sort_order).filter(|_| sorts) {
                    Some(key) => Maker::Store(Some(key)),
                    None if by.is_constant() => Maker::Store(None),
                    None => Maker::Engine,
                }
            }
            _ if searched.iter().all(|searched| searched.by.is_none()) => Maker::Store(None),
            _ => Maker::Engine,
        }
    }

    /// Reads a page one type after the other, each as the store sorts it.
    async fn rows_of_store(
        &self,
        cx: &Context,
        searched: &[Searched<'_>],
        request: &SearchRequest,
        sort: Option<&SortKey>,
        window: Window,
    ) -> Result<Listed, EngineError> {
        let (mut first, mut place) = (0, None);
        let (by_cursor, mut offset, count) = match window {
            Window::Index { offset, count } => (false, offset, count),
            Window::Cursor { after: None, count } => (true, 0, count),
            Window::Cursor {
                after: Some(Mark::Store { kind, after }),
                count,
            } => {
                (first, place) = (kind, after);
                (true, 0, count)
            }
            Window::Cursor { .. } => return Err(CursorError::Invalid.into()),
        };
        let mut read = Listed::default();
        for (number, of_type) in searched.iter().enumerate() {
            let left = count - read.rows.len();
            let is_read = by_cursor && number >= first && left > 0 && read.next.is_none();
            let paging = if is_read {
                Paging::Cursor {
                    after: place.take(),
                    count: left,
                }
            } else {
                let count = if by_cursor { 0 } else { left };
                Paging::Offset { offset, count }
            };
            let query = of_type.query(sort, paging, Total::Exact);
            let query = query.with_selection(selection(of_type.resource_type, request));
            let page = self.page(cx, of_type, &query).await?;
            let total = page.total.unwrap_or_default();
            read.total += total;
            offset = offset.saturating_sub(total);
            if is_read {
                read.next = page.next.map(|cursor| Mark::Store {
                    kind: number,
                    after: Some(cursor),
                });
            } else if by_cursor && count > 0 && number > first && total > 0 && read.next.is_none() {
                // The page is full, and there is more of another type.
                read.next = Some(Mark::Store {
                    kind: number,
                    after: None,
                });
            }
            let rows = page.resources.into_iter().map(|stored| (number, stored));
            read.rows.extend(rows);
        }
        Ok(read)
    }

    /// Reads a page in an order that the engine makes of what the resources are sorted by.
    async fn rows_in_order(
        &self,
        cx: &Context,
        searched: &[Searched<'_>],
        request: &SearchRequest,
        window: Window,
    ) -> Result<Listed, EngineError> {
        let order = request.sort_order;
        // Where the store has the order of a type, what stands first in all types stands first in each.
        let end = match window {
            Window::Index { offset, count } => Some(offset.saturating_add(count)),
            Window::Cursor { .. } => None,
        };
        let (mut places, mut whole) = (Vec::new(), 0);
        let mut read = Listed::default();
        for (number, of_type) in searched.iter().enumerate() {
            let sort = of_type.by.as_ref().and_then(|by| by.key(order));
            let sort = sort.filter(|_| self.store().capabilities().sorting);
            let is_constant = of_type.by.as_ref().is_some_and(SortBy::is_constant);
            let end = end.filter(|_| sort.is_some() || is_constant);
            let wanted = end.unwrap_or(usize::MAX).min(SORT_LIMIT + 1);
            let (found, total) = self.places(cx, of_type, sort.as_ref(), wanted).await?;
            read.total += total.unwrap_or(found.len());
            if end.is_none_or(|end| end > SORT_LIMIT) {
                whole += found.len();
            }
            if whole > SORT_LIMIT {
                let sortable = if self.store().capabilities().sorting {
                    SortBy::sortable(of_type.resource_type)
                } else {
                    Vec::new()
                };
                return Err(SortError::TooMany {
                    limit: SORT_LIMIT,
                    sortable,
                }
                .into());
            }
            places.extend(found.into_iter().map(|place| (number, place)));
        }
        places.sort_by(|(_, left), (_, right)| left.compare(right, order));
        let (offset, count) = match &window {
            Window::Index { offset, count } => (*offset, *count),
            Window::Cursor { after: None, count } => (0, *count),
            Window::Cursor {
                after: Some(Mark::Engine(cursor)),
                count,
            } => {
                let after = Place::from_cursor(cursor).ok_or(CursorError::Invalid)?;
                let before = |(_, place): &(usize, Place)| place.compare(&after, order).is_le();
                (places.partition_point(before), *count)
            }
            Window::Cursor { .. } => return Err(CursorError::Invalid.into()),
        };
        let page: Vec<&(usize, Place)> = places.iter().skip(offset).take(count).collect();
        let goes_on = offset.saturating_add(page.len()) < places.len();
        if matches!(window, Window::Cursor { .. }) && goes_on {
            let last = page.last().map(|(_, place)| Mark::Engine(place.to_cursor()));
            read.next = last;
        }
        for (number, of_type) in searched.iter().enumerate() {
            let of_page = page.iter().filter(|(of, _)| *of == number);
            let ids: Vec<ResourceId> = of_page.map(|(_, place)| place.id.clone()).collect();
            if ids.is_empty() {
                continue;
            }
            let selection = selection(of_type.resource_type, request);
            let found = self
                .store()
                .get(&cx.reading(), of_type.resource_type, &ids, &selection)
                .await?;
            let live = found.into_iter().flatten().filter(|stored| !stored.is_hidden());
            read.rows.extend(live.map(|stored| (number, stored)));
        }
        let ranks: HashMap<&ResourceId, usize> = page
            .iter()
            .enumerate()
            .map(|(rank, (_, place))| (&place.id, rank))
            .collect();
        read.rows
            .sort_by_key(|(_, stored)| stored.resource.id().and_then(|id| ranks.get(&id).copied()));
        Ok(read)
    }

    /// Reads the places of the resources of a type, as many as are wanted, and counts all where not all are.
    async fn places(
        &self,
        cx: &Context,
        of_type: &Searched<'_>,
        sort: Option<&SortKey>,
        wanted: usize,
    ) -> Result<(Vec<Place>, Option<usize>), EngineError> {
        let is_part = wanted <= SORT_LIMIT;
        let (mut places, mut total) = (Vec::new(), None);
        let mut after: Option<Cursor> = None;
        loop {
            let left = wanted - places.len();
            let paging = self.chunk(after.take(), left);
            let count = if is_part && total.is_none() {
                Total::Exact
            } else {
                Total::Unknown
            };
            let page = self
                .page(cx, of_type, &of_type.query(sort, paging, count))
                .await?;
            if is_part && total.is_none() {
                total = page.total;
            }
            for mut stored in page.resources {
                let mut place = Place::of(&stored, None);
                let by = of_type.by.as_ref();
                place.value = by.and_then(|by| by.value(of_type.resource_type, &mut stored));
                places.push(place);
            }
            match page.next {
                Some(next) if places.len() < wanted => after = Some(next),
                _ => return Ok((places, total)),
            }
        }
    }

    /// Returns the part of the matching resources that is read at once to be sorted, where so many are left.
    fn chunk(&self, after: Option<Cursor>, left: usize) -> Paging {
        if self.store().capabilities().cursors && left > 0 {
            Paging::Cursor {
                after,
                count: left.min(CHUNK),
            }
        } else {
            Paging::Offset {
                offset: 0,
                count: left,
            }
        }
    }

    async fn page(&self, cx: &Context, of_type: &Searched<'_>, query: &Query) -> Result<Page, EngineError> {
        let page = self
            .store()
            .query(&cx.reading(), of_type.resource_type, query)
            .await;
        page.map_err(|error| match error {
            // A client has one word for it, whoever finds out (RFC 9865 section 5.2).
            StoreError::InvalidCursor => CursorError::Invalid.into(),
            error => error.into(),
        })
    }

    fn views(
        &self,
        cx: &Context,
        searched: &[Searched<'_>],
        request: &SearchRequest,
        rows: Vec<(usize, Stored)>,
    ) -> Result<Vec<Resource>, EngineError> {
        let projections: Vec<_> = searched
            .iter()
            .map(|of_type| request.projection.resolve(of_type.resource_type))
            .collect();
        let views = rows.into_iter().filter_map(|(number, stored)| {
            let projection = projections.get(number)?;
            let tag = EntityTag::of(stored.version, &stored.resource, projection.resource_type());
            Some(self.view(cx, stored.resource, tag, projection))
        });
        let views: Vec<Resource> = views.collect();
        self.limits_of(cx).check_page(&views)?;
        Ok(views)
    }
}

impl Searched<'_> {
    fn query(&self, sort: Option<&SortKey>, paging: Paging, total: Total) -> Query {
        Query {
            filter: self.filter.clone(),
            sort: sort.cloned(),
            paging,
            total,
            ..Query::first(0)
        }
    }
}

/// Returns the path of the attribute by which a query sorts.
fn sorted_by(request: &SearchRequest) -> Option<&str> {
    request.sort_by.as_deref().filter(|path| !path.trim().is_empty())
}

/// Returns what is read of the resources of a type.
fn selection(resource_type: &ResourceType, request: &SearchRequest) -> Selection {
    let mut wanted = request.projection.resolve(resource_type).wants();
    // The tag of each resource is part of `meta`, and costs nothing where nobody asks for `meta`.
    let meta = resource_type.attribute("meta");
    if meta.is_some_and(|meta| wanted.contains(meta.id)) {
        select_shown(&mut wanted, resource_type);
    }
    Selection::of(wanted)
}

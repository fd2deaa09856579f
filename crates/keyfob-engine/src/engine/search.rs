//! Queries.

use std::sync::Arc;

use keyfob_core::{
    EntityTag, ResourceType,
    message::{ListResponse, SearchRequest},
};
use keyfob_filter::{Filter, Limits};
use keyfob_store::{Paging, Query, Selection, Store};

use super::{Engine, EngineError, view::select_shown};
use crate::{context::Context, feature::Feature, policy};

impl<S: Store> Engine<S> {
    /// Lists the resources of one type (RFC 7644 section 3.4.2).
    ///
    /// # Errors
    /// [`EngineError::FilterSyntax`] and [`EngineError::Filter`], which map to `invalidFilter`, or to 403 `sensitive`
    /// for a filter on an attribute that is never returned; [`EngineError::CursorUnsupported`] for a cursor.
    pub async fn list(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        request: &SearchRequest,
    ) -> Result<ListResponse, EngineError> {
        self.search(cx, &[resource_type], request).await
    }

    /// Lists the resources of several types, one type after the other (RFC 7644 section 3.4.3).
    ///
    /// An attribute that a type lacks is without value there (section 3.4.2.1); it is an error that no type has it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn search(
        &self,
        cx: &Context,
        resource_types: &[&ResourceType],
        request: &SearchRequest,
    ) -> Result<ListResponse, EngineError> {
        if request.cursor.is_some() && !Feature::CursorPagination.is_supported() {
            return Err(EngineError::CursorUnsupported);
        }
        let searched: Vec<_> = match &request.filter {
            None => resource_types
                .iter()
                .map(|resource_type| (*resource_type, None))
                .collect(),
            Some(text) => {
                let dialect = self.profile().dialect;
                let filter = Filter::parse_with(text, &Limits::default(), dialect)?;
                let addresses = cx.addresses(self.registry());
                let mut predicates = filter.compile_for_types(resource_types, dialect, &addresses)?;
                for ((place, resource_type), predicate) in
                    resource_types.iter().enumerate().zip(&mut predicates)
                {
                    if let Some(filter) = policy::with_active(&filter, resource_type, dialect) {
                        let of_users = filter.compile_for_types(resource_types, dialect, &addresses)?;
                        if let Some(of_users) = of_users.into_iter().nth(place) {
                            *predicate = of_users;
                        }
                    }
                }
                let searched = resource_types.iter().copied().zip(predicates);
                searched
                    .filter(|(_, predicate)| predicate.constant() != Some(false))
                    .map(|(resource_type, predicate)| {
                        let matches_all = predicate.constant() == Some(true);
                        (resource_type, (!matches_all).then_some(predicate))
                    })
                    .collect()
            }
        };
        let start = usize::try_from(request.start_index.unwrap_or(1))
            .unwrap_or(1)
            .max(1);
        let count = match request.count {
            None => self.profile().default_page,
            Some(count) => usize::try_from(count).unwrap_or(0).min(self.profile().max_page),
        };
        let (mut total, mut resources) = (0, Vec::new());
        for (resource_type, predicate) in searched {
            let projection = request.projection.resolve(resource_type);
            let mut wanted = projection.wants();
            // The tag of each resource is part of `meta`, and costs nothing where nobody asks for `meta`.
            let meta = resource_type.attribute("meta");
            if meta.is_some_and(|meta| wanted.contains(meta.id)) {
                select_shown(&mut wanted, resource_type);
            }
            let selection = Selection::of(wanted);
            let offset = (start - 1).saturating_sub(total);
            let query = Query {
                filter: predicate.map(Arc::new),
                ..Query::first(0)
            };
            let query = query.with_selection(selection).with_paging(Paging::Offset {
                offset,
                count: count - resources.len(),
            });
            let page = self.store().query(&cx.reading(), resource_type, &query).await?;
            total += page.total.unwrap_or_default();
            let views = page.resources.into_iter();
            resources.extend(views.map(|stored| {
                let tag = EntityTag::of(stored.version, &stored.resource, resource_type);
                self.view(cx, stored.resource, tag, &projection)
            }));
        }
        Ok(ListResponse::new(total, start, resources))
    }
}

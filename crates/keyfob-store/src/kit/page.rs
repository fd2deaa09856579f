//! Cutting a page out of what matches.

use keyfob_core::message::SortOrder;

use crate::{Cursor, Paging, Query, StoreError, Total, kit::Place};

/// The part of the matching resources that a query reads.
#[derive(Clone, Debug)]
pub struct Window {
    after: Option<Place>,
    offset: usize,
    count: usize,
    order: SortOrder,
    counts_all: bool,
    is_by_cursor: bool,
    /// The end of the page before.
    mark: Option<Cursor>,
}

/// A page, with what follows from the resources that are not on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a store must answer with every part")]
pub struct Cut<T> {
    /// The resources of the page, in order.
    pub on_page: Vec<T>,
    /// True if there may be a resource after the page.
    pub has_more: bool,
    /// The number of all that match: none where some were not looked at.
    pub total: Option<usize>,
}

impl Window {
    /// Returns the part that a query reads.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`] for a cursor that is of no place in the query's order.
    pub fn of(query: &Query) -> Result<Self, StoreError> {
        let (after, offset, is_by_cursor) = match &query.paging {
            Paging::Offset { offset, .. } => (None, *offset, false),
            Paging::Cursor { after, .. } => (after.as_ref(), 0, true),
        };
        let place = after.map(|cursor| Place::from_cursor(cursor).ok_or(StoreError::InvalidCursor));
        let place = place.transpose()?;
        let is_sorted = query.sort.is_some();
        if place
            .as_ref()
            .is_some_and(|place| place.value.is_some() && !is_sorted)
        {
            return Err(StoreError::InvalidCursor);
        }
        Ok(Self {
            after: place,
            offset,
            count: query.paging.count(),
            order: query
                .sort
                .as_ref()
                .map_or(SortOrder::Ascending, |sort| sort.order),
            counts_all: query.total == Total::Exact,
            is_by_cursor,
            mark: after.cloned(),
        })
    }

    /// Returns the place after which the page begins.
    #[must_use]
    pub fn after(&self) -> Option<&Place> {
        self.after.as_ref()
    }

    /// Returns the number of matching resources before the page, from its start on.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the number of resources on the page at most.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns true if all that match are counted.
    #[must_use]
    pub fn counts_all(&self) -> bool {
        self.counts_all
    }

    /// Returns the place after which the resources are looked at: none where those before the page are counted too.
    #[must_use]
    pub fn start(&self) -> Option<&Place> {
        self.after.as_ref().filter(|_| !self.counts_all)
    }

    /// Returns true if a place is after the end of the page before.
    #[must_use]
    pub fn is_behind(&self, place: &Place) -> bool {
        let after = self.after.as_ref();
        after.is_none_or(|after| place.compare(after, self.order).is_gt())
    }

    /// Returns the mark of the end of a page whose last resource has this place, if the query pages by cursor.
    #[must_use]
    pub fn mark(&self, last: Option<&Place>, has_more: bool) -> Option<Cursor> {
        match last {
            Some(last) => (self.is_by_cursor && has_more).then(|| last.to_cursor()),
            // A page for nobody ends where it began.
            None => self.mark.clone().filter(|_| self.count == 0),
        }
    }

    /// Takes the matching resources one by one, in order, from [`start`](Self::start) or from the first on.
    #[must_use]
    pub fn cutter<T>(&self) -> Cutter<'_, T> {
        Cutter {
            window: self,
            passed: 0,
            cut: Cut {
                on_page: Vec::new(),
                has_more: false,
                total: Some(0),
            },
        }
    }

    /// Sorts all that match and cuts the page out of them.
    #[must_use]
    pub fn cut_out<T>(&self, matching: Vec<(Place, T)>) -> Cut<T> {
        let mut matching = matching;
        matching.sort_by(|(left, _), (right, _)| left.compare(right, self.order));
        let total = matching.len();
        let mut behind = matching
            .into_iter()
            .filter(|(place, _)| self.is_behind(place))
            .skip(self.offset);
        let on_page = behind.by_ref().take(self.count);
        let on_page = on_page.map(|(_, found)| found).collect();
        Cut {
            on_page,
            has_more: behind.next().is_some(),
            total: Some(total),
        }
    }
}

/// Counts the resources that match and keeps those on the page.
#[derive(Debug)]
pub struct Cutter<'w, T> {
    window: &'w Window,
    passed: usize,
    cut: Cut<T>,
}

impl<T> Cutter<'_, T> {
    /// Takes the next resource and returns true if more are wanted.
    pub fn take(&mut self, place: impl FnOnce(&T) -> Place, found: T) -> bool {
        let Self { window, passed, cut } = self;
        if let Some(total) = &mut cut.total {
            *total += 1;
        }
        if window.after.is_none() || window.is_behind(&place(&found)) {
            if *passed < window.offset {
                *passed += 1;
            } else if cut.on_page.len() < window.count {
                cut.on_page.push(found);
            } else {
                cut.has_more = true;
            }
        }
        let ends = !window.counts_all && cut.on_page.len() >= window.count;
        if ends {
            // Nobody knows whether another one would have matched.
            cut.has_more = true;
            cut.total = None;
        }
        !ends
    }

    /// Returns the page.
    #[must_use]
    pub fn finish(self) -> Cut<T> {
        let Self { window, cut, .. } = self;
        Cut {
            total: cut.total.filter(|_| window.counts_all),
            ..cut
        }
    }
}

//! Reads: what is asked of a store, and what it answers.

use std::sync::Arc;

use keyfob_core::{
    AttrPath, AttrSet, DateTime, EntityTag, Meta, Object, Resource, ResourceId, ResourceType, Version,
    message::SortOrder,
};
use keyfob_filter::Predicate;
use smol_str::format_smolstr;

use crate::{Budget, TenantId, UniqueKey};

/// The circumstances of a read: for which tenant it is, and how much work it may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct ReadContext {
    /// The tenant.
    pub tenant: TenantId,
    /// The limit of the work.
    pub budget: Budget,
}

impl ReadContext {
    /// Creates the circumstances of a read without a limit.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            budget: Budget::UNLIMITED,
        }
    }

    /// Returns the same circumstances with a limit.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }
}

/// Which parts of a resource are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct Selection {
    /// The attributes that the caller looks at. A relation among them is read, even if it is empty; any other relation
    /// is not read. Attributes of the document may always be there.
    pub attributes: AttrSet,
    /// If set, a relation of more members than this is left out as if it were not selected. A store finds that out
    /// without reading all of them.
    pub relation_limit: Option<usize>,
    /// Which members an owned relation shows: the live ones, as everybody sees them, or the hidden ones, who come back to
    /// it when they are revealed.
    pub members: Visibility,
    /// If set, an owned relation shows this part of its members in place of all. Only for stores that
    /// [can](crate::Capabilities::member_pages).
    pub page: Option<MemberPage>,
}

/// A part of the members of an owned relation.
///
/// Members come in an order of the store's, which is the one in which a whole relation is given back. It stays as long as the
/// version of the resource does: pages that were read at one version, each after the last member of the one before it, hold every
/// member once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct MemberPage {
    /// The last member of the page before, or none for the first page. A relation that doesn't have this member may be left out.
    pub after: Option<ResourceId>,
    /// The number of members on the page. A page with fewer is the last one. The limit of relations doesn't hold for it.
    pub count: usize,
}

impl Selection {
    /// Selects the document without any relation.
    #[must_use]
    pub fn document() -> Self {
        Self::default()
    }

    /// Selects these attributes.
    #[must_use]
    pub fn of(attributes: AttrSet) -> Self {
        Self {
            attributes,
            ..Self::default()
        }
    }

    /// Returns the same selection with the hidden members of owned relations in place of the live ones.
    #[must_use]
    pub fn with_hidden_members(self) -> Self {
        Self {
            members: Visibility::Hidden,
            ..self
        }
    }

    /// Returns the same selection with a part of the members of owned relations in place of all.
    #[must_use]
    pub fn with_page(self, page: MemberPage) -> Self {
        Self {
            page: Some(page),
            ..self
        }
    }

    /// Returns the same selection with relations of at most so many members.
    #[must_use]
    pub fn with_relation_limit(self, limit: usize) -> Self {
        Self {
            relation_limit: Some(limit),
            ..self
        }
    }
}

/// Whether a resource can be seen.
///
/// A hidden resource reserves no unique key and is a member of nothing that can be seen. It keeps its id, its document,
/// its state and its edges, and comes back with all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle both")]
pub enum Visibility {
    /// The resource can be seen.
    #[default]
    Live,
    /// The resource can be seen only by those who ask for hidden ones.
    Hidden,
}

/// A resource as it is stored.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stored {
    /// The resource with `id` and with `meta`, but for its location.
    pub resource: Resource,
    /// The state that the service keeps beside the document.
    pub state: Arc<Object>,
    /// The version.
    pub version: Version,
    /// Whether the resource can be seen.
    pub visibility: Visibility,
}

impl Stored {
    /// Puts `id` and `meta` into a document of a live resource without state. The caller sets the relations.
    #[must_use]
    pub fn new(
        resource_type: &ResourceType,
        id: &ResourceId,
        document: Resource,
        version: Version,
        created: DateTime,
        last_modified: DateTime,
    ) -> Self {
        let mut resource = document;
        let mut meta = Meta::new();
        meta.resource_type = Some(resource_type.name().clone());
        meta.created = Some(created);
        meta.last_modified = Some(last_modified);
        meta.version = Some(format_smolstr!("{}", EntityTag::from(version)));
        resource.set_id(id);
        resource.set_meta(&meta);
        Self {
            resource,
            state: Arc::default(),
            version,
            visibility: Visibility::Live,
        }
    }

    /// Returns the same resource with this state.
    #[must_use]
    pub fn with_state(self, state: Arc<Object>) -> Self {
        Self { state, ..self }
    }

    /// Returns the same resource, live or hidden.
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// Returns true if the resource is hidden.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.visibility == Visibility::Hidden
    }
}

/// A query for the resources of one type.
///
/// Every store looks at every field: it does what the field says, or refuses the query with
/// [`StoreError::Unsupported`](crate::StoreError::Unsupported) where its [`Capabilities`](crate::Capabilities) say that
/// it can't.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must answer every field, so a new one has to break it"
)]
pub struct Query {
    /// The condition that the resources match.
    pub filter: Option<Arc<Predicate>>,
    /// The key that the resource reserves. At most one resource matches.
    pub reserved: Option<UniqueKey>,
    /// Which resources are asked for: the live ones or the hidden ones.
    pub visibility: Visibility,
    /// The order. Without a key the resources come in the order of their creation: by `meta.created` and then by the
    /// bytes of `id`.
    pub sort: Option<SortKey>,
    /// The part of the matching resources that is read.
    pub paging: Paging,
    /// Whether the matching resources are counted.
    pub total: Total,
    /// The parts of each resource that are read.
    pub selection: Selection,
}

impl Query {
    /// Creates a query for the first `count` live resources and for the number of all.
    #[must_use]
    pub fn first(count: usize) -> Self {
        Self {
            filter: None,
            reserved: None,
            visibility: Visibility::Live,
            sort: None,
            paging: Paging::Offset { offset: 0, count },
            total: Total::Exact,
            selection: Selection::document(),
        }
    }

    /// Creates a query for all live resources.
    ///
    /// # Complexity
    /// The answer holds all of them at once; what serves requests reads pages.
    #[must_use]
    pub fn all() -> Self {
        Self::first(usize::MAX).with_total(Total::Unknown)
    }

    /// Creates a query for the live resource that reserves a key.
    #[must_use]
    pub fn reserving(key: UniqueKey) -> Self {
        Self {
            reserved: Some(key),
            ..Self::first(1).with_total(Total::Unknown)
        }
    }

    /// Returns the same query for resources that match a filter.
    #[must_use]
    pub fn with_filter(self, filter: Predicate) -> Self {
        Self {
            filter: Some(Arc::new(filter)),
            ..self
        }
    }

    /// Returns the same query for live or hidden resources.
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// Returns the same query in this order.
    #[must_use]
    pub fn with_sort(self, sort: SortKey) -> Self {
        Self {
            sort: Some(sort),
            ..self
        }
    }

    /// Returns the same query for another part of the matching resources.
    #[must_use]
    pub fn with_paging(self, paging: Paging) -> Self {
        Self { paging, ..self }
    }

    /// Returns the same query with or without the number of matching resources.
    #[must_use]
    pub fn with_total(self, total: Total) -> Self {
        Self { total, ..self }
    }

    /// Returns the same query for these parts of each resource.
    #[must_use]
    pub fn with_selection(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }
}

/// The order of an answer (RFC 7644 section 3.4.2.3).
///
/// Resources of equal value come in the order of their creation. Resources without a value come last in ascending order
/// and first in descending order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct SortKey {
    /// The attribute, which is [sortable](crate::kit::SortAttribute::of) for stores.
    pub path: AttrPath,
    /// Ascending or descending.
    pub order: SortOrder,
}

/// The part of the matching resources that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle both")]
pub enum Paging {
    /// By position (RFC 7644 section 3.4.2.4).
    Offset {
        /// The number of matching resources before the page.
        offset: usize,
        /// The number of resources on the page at most. 0 asks for the total alone.
        count: usize,
    },
    /// By cursor (RFC 9865 section 2). A resource that is there when the first page is read, and stays with the value that
    /// the query sorts by, is on exactly one of the pages.
    Cursor {
        /// The end of the page before, or none for the first page.
        after: Option<Cursor>,
        /// The number of resources on the page at most.
        count: usize,
    },
}

impl Paging {
    /// Returns the number of resources on the page at most.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Offset { count, .. } | Self::Cursor { count, .. } => *count,
        }
    }
}

/// A store's own mark of the end of a page, in bytes that only the store reads.
///
/// It says nothing of the query; whoever hands it to a client wraps it into something that does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(Box<[u8]>);

impl Cursor {
    /// Creates a cursor from a store's bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the store's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whether a query counts what it matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle both")]
pub enum Total {
    /// The answer has the number of all matching resources.
    #[default]
    Exact,
    /// The answer may do without it, so that a full page ends the search.
    Unknown,
}

/// One page of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The resources of the page.
    pub resources: Vec<Stored>,
    /// The number of resources that match, on whatever page. Always there for [`Total::Exact`].
    pub total: Option<usize>,
    /// The mark of the page's end, if the query pages by cursor and there may be a page after this one.
    pub next: Option<Cursor>,
}

impl Page {
    /// Creates a page of these resources.
    #[must_use]
    pub fn new(resources: Vec<Stored>) -> Self {
        Self {
            resources,
            total: None,
            next: None,
        }
    }

    /// Returns the same page with the number of all matching resources.
    #[must_use]
    pub fn with_total(self, total: usize) -> Self {
        Self {
            total: Some(total),
            ..self
        }
    }

    /// Returns the same page with the mark of its end.
    #[must_use]
    pub fn with_next(self, next: Option<Cursor>) -> Self {
        Self { next, ..self }
    }
}

//! What is asked of a store, and what it answers.

use keyfob_core::{AttrSet, DateTime, EntityTag, Meta, Resource, ResourceId, ResourceType, Version};
use keyfob_filter::Predicate;
use smol_str::format_smolstr;

/// What a store is able to do beyond the contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether what was committed is there after the process is gone.
    pub durable: bool,
}

impl Capabilities {
    /// Those of a store that keeps everything in the process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of a store that keeps what was committed.
    #[must_use]
    pub fn durable() -> Self {
        Self { durable: true }
    }
}

/// Which parts of a resource are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// The attributes that will be looked at. A relation in it is read, be it empty; one that is not in it is not
    /// read. Attributes of the document may always be there.
    pub attributes: AttrSet,
    /// A relation of more members than this is left out as if it were not selected. A store finds that out without
    /// reading all of them.
    pub relation_limit: Option<usize>,
}

impl Selection {
    /// The document without any relation.
    #[must_use]
    pub fn document() -> Self {
        Self::default()
    }

    /// These attributes.
    #[must_use]
    pub fn of(attributes: AttrSet) -> Self {
        Self {
            attributes,
            relation_limit: None,
        }
    }

    /// The same with relations of at most so many members.
    #[must_use]
    pub fn with_relation_limit(self, limit: usize) -> Self {
        Self {
            relation_limit: Some(limit),
            ..self
        }
    }
}

/// A resource as it is stored.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stored {
    /// The resource with `id` and with `meta`, but for its location.
    pub resource: Resource,
    /// Its version.
    pub version: Version,
}

impl Stored {
    /// Puts `id` and `meta` into a document. Relations are set by the caller.
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
        Self { resource, version }
    }
}

/// A query.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query<'q> {
    /// What the resources must match.
    pub filter: Option<&'q Predicate>,
    /// How many matching resources come before the page.
    pub offset: usize,
    /// How many resources the page has at most. 0 asks for the number of all alone.
    pub count: usize,
    /// What is read of each.
    pub selection: &'q Selection,
}

impl<'q> Query<'q> {
    /// A query for the first `count` resources.
    #[must_use]
    pub fn new(selection: &'q Selection, count: usize) -> Self {
        Self {
            filter: None,
            offset: 0,
            count,
            selection,
        }
    }

    /// The same query for resources that match `filter`.
    #[must_use]
    pub fn with_filter(self, filter: &'q Predicate) -> Self {
        Self {
            filter: Some(filter),
            ..self
        }
    }

    /// The same query for the page after `offset` resources.
    #[must_use]
    pub fn with_offset(self, offset: usize) -> Self {
        Self { offset, ..self }
    }
}

/// One page of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// How many resources match, on whatever page.
    pub total: usize,
    /// Those of this page.
    pub resources: Vec<Stored>,
}

impl Page {
    /// A page.
    #[must_use]
    pub fn new(total: usize, resources: Vec<Stored>) -> Self {
        Self { total, resources }
    }
}

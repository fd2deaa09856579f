//! What a store can do.

use keyfob_core::{AttrPath, ResourceType};
use smol_str::SmolStr;

/// What a store keeps and what it can do beyond the part of the contract that binds every store.
///
/// The engine asks for nothing that a store can't do: it refuses the request, or does the work itself up to a bound.
/// The conformance suite leaves out the cases that need what a store doesn't claim, and says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    clippy::struct_excessive_bools,
    reason = "a store must say of every capability whether it has it"
)]
pub struct Capabilities {
    /// If true, what was committed outlives the process.
    pub durable: bool,
    /// If true, resources can be [hidden](crate::Visibility) and revealed.
    pub hiding: bool,
    /// If true, queries can be [sorted](crate::SortKey) by what is [sortable](crate::kit::SortAttribute::of).
    pub sorting: bool,
    /// If true, queries can be paged by [cursor](crate::Paging::Cursor).
    pub cursors: bool,
    /// If true, the members of an owned relation can be read [page by page](crate::MemberPage), and the version of a resource
    /// changes with every one of them.
    pub member_pages: bool,
    /// If true, a group may be a member of a group.
    pub nested_groups: bool,
    /// If true, extensions that the registry doesn't know are kept.
    pub unknown_extensions: bool,
    /// Who chooses the ids of new resources.
    pub ids: Ids,
    /// The resource types that are kept.
    pub types: Types,
}

impl Capabilities {
    /// The capabilities of a store that keeps everything within the process.
    #[must_use]
    pub fn full() -> Self {
        Self {
            durable: false,
            hiding: true,
            sorting: true,
            cursors: true,
            member_pages: true,
            nested_groups: true,
            unknown_extensions: true,
            ids: Ids::Given,
            types: Types::All,
        }
    }

    /// Returns the same capabilities of a store whose commits outlive the process.
    #[must_use]
    pub fn durable(self) -> Self {
        Self {
            durable: true,
            ..self
        }
    }

    /// Returns true if resources of the type are kept.
    #[must_use]
    pub fn keeps(&self, resource_type: &ResourceType) -> bool {
        match &self.types {
            Types::All => true,
            Types::Only(kept) => kept.iter().any(|kept| kept.name == *resource_type.name()),
        }
    }
}

/// Who chooses the ids of new resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle both")]
pub enum Ids {
    /// The caller, in [`Change::Create`](crate::Change::Create).
    #[default]
    Given,
    /// The store, for resources of registered types. The id in [`Change::Create`](crate::Change::Create) stands for the
    /// new one within the commit, and [`Revision::id`](crate::Revision::id) says what it is.
    Assigned,
}

/// The resource types that a store keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle both")]
pub enum Types {
    /// Every type, with every attribute.
    #[default]
    All,
    /// These types.
    Only(Vec<KeptType>),
}

/// A resource type that a store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptType {
    /// The name of the type.
    pub name: SmolStr,
    /// The attributes that are kept: all of them where there is no list.
    pub attributes: Option<Vec<AttrPath>>,
}

impl KeptType {
    /// A type that is kept with all its attributes.
    #[must_use]
    pub fn whole(name: impl Into<SmolStr>) -> Self {
        Self {
            name: name.into(),
            attributes: None,
        }
    }

    /// A type of which only these attributes are kept.
    #[must_use]
    pub fn only(name: impl Into<SmolStr>, attributes: Vec<AttrPath>) -> Self {
        Self {
            name: name.into(),
            attributes: Some(attributes),
        }
    }
}

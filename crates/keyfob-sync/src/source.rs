//! Sources: where the objects come from.

mod csv;
mod delta;
mod json;
mod ldif;
mod scim;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use keyfob_core::SmolStr;
use keyfob_expression::{Source, Value};
use keyfob_mapping::graph::{GraphObject, ObjectsErrorKind};
use thiserror::Error;

pub use self::{
    csv::CsvSource,
    delta::GraphSource,
    json::JsonSource,
    ldif::{LdifErrorKind, LdifSource},
    scim::ScimSource,
};
use crate::rule::Kind;

/// The attribute of a user that says if it is deleted or disabled, as mappings know it.
pub(crate) const IS_SOFT_DELETED: &str = "IsSoftDeleted";

/// A source that can be read from its start as often as needed.
///
/// A cycle reads it once to compare, and again where something has to be sent. An implementation yields every object of
/// every read, or ends with an error: an object that is left out counts as gone.
pub trait ObjectSource {
    /// Starts to read.
    ///
    /// # Errors
    /// [`SourceError`] where the source can't be opened.
    fn items(&self) -> Result<Items<'_>, SourceError>;

    /// Returns true if the source says memberships apart from groups ([`Item::Membership`]), all of them.
    fn lists_memberships(&self) -> bool {
        false
    }
}

/// A read of a source, item by item. It ends with the first error.
pub type Items<'s> = Box<dyn Iterator<Item = Result<Item, SourceError>> + 's>;

/// Something that a source says.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a cycle has to know what to do with each")]
pub enum Item {
    /// An object.
    Object(Object),
    /// A member of a group.
    Membership(Membership),
    /// The id of an object that is gone for good: its resource is deleted without the time for which others stay disabled.
    Deleted(SmolStr),
}

/// An object of the source.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "sources make it")]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its id, which no other object of the source has, of whichever kind, and which never changes.
    pub id: SmolStr,
    /// Its attributes, under the names that mappings know.
    pub source: Source,
    /// Where it stands.
    pub place: Place,
}

/// A member of a group, by ids of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "sources make it")]
pub struct Membership {
    /// The id of the group.
    pub group: SmolStr,
    /// The id of the member, a user or a group.
    pub member: SmolStr,
    /// Where it stands.
    pub place: Place,
}

/// A place in a source, for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "sources make it")]
pub struct Place {
    /// The file; empty for a source without files.
    pub file: PathBuf,
    /// The line, from 1; 0 for a source without lines.
    pub line: usize,
}

/// Why a source can't be read, with the place. Nothing of the cycle has been sent then, or what was sent is all right:
/// removals come last.
#[derive(Debug, Error)]
#[error("{place}{kind}")]
#[non_exhaustive]
pub struct SourceError {
    /// The place.
    pub place: Place,
    /// The fault.
    pub kind: SourceErrorKind,
}

/// A fault of a source.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// The file can't be read.
    #[error("can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// It holds something else than objects.
    #[error(transparent)]
    Objects(#[from] ObjectsErrorKind),
    /// It is no LDIF with whole entries.
    #[error(transparent)]
    Ldif(#[from] LdifErrorKind),
    /// A SCIM server doesn't answer with all of its resources.
    #[error("the server can't be read: {0}")]
    Server(#[from] keyfob_client::Error),
    /// An object without an id.
    #[error("the object has no `id`, by which it would be known again")]
    NoId,
    /// An id that is no text.
    #[error("the `id` is {found}, not text")]
    Id {
        /// The type of the value.
        found: &'static str,
    },
    /// An id with characters that get lost between programs, so that an object would be known under two ids.
    #[error("the id {id:?} begins or ends with a blank, or holds a control character")]
    OddId {
        /// The id.
        id: SmolStr,
    },
    /// Two ids of one object.
    #[error(
        "the `id` is `{id}` and the `objectId` is `{object_id}`, which mappings take for the same; give one of them"
    )]
    TwoIds {
        /// The `id`.
        id: SmolStr,
        /// The `objectId`.
        object_id: SmolStr,
    },
    /// A field that has to be there.
    #[error("`{field}` is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A header of other columns.
    #[error("the columns are {found}; they have to be {wanted}")]
    Columns {
        /// The columns in the file.
        found: String,
        /// The columns that are needed.
        wanted: &'static str,
    },
    /// An attribute that says if a user is deleted or disabled, and says neither.
    #[error("`IsSoftDeleted` is {found}; it has to be true or false")]
    Deletion {
        /// The value, or its type.
        found: String,
    },
    /// An `active` of a SCIM server that says neither.
    #[error("`active` is {found}; it has to be true or false")]
    Active {
        /// The value, or its type.
        found: String,
    },
    /// Nothing says of which kind an object is.
    #[error("nothing says if this is a user or a group; `@odata.context` or `@odata.type` would")]
    NoKind,
    /// An object of another kind than the file is of.
    #[error("this is a {found}, in a file of {wanted}s")]
    OtherKind {
        /// The kind that the object says.
        found: SmolStr,
        /// The kind of the file.
        wanted: Kind,
    },
    /// A page of a delta query.
    #[error("`{member}` is of a delta query; give the pages of a list, which are whole")]
    Delta {
        /// The member that says so.
        member: SmolStr,
    },
    /// A change in a page of a delta query that is not understood.
    #[error("`{field}` is {found}; it has to be {wanted}")]
    Change {
        /// The field.
        field: SmolStr,
        /// The thing that it holds.
        found: String,
        /// The form that is understood.
        wanted: &'static str,
    },
    /// A list without some of its pages.
    #[error(
        "the list is not whole: its pages name another one, or count more than they hold; give all pages in their order"
    )]
    Pages,
    /// Two objects with one id.
    #[error("the id `{id}` is that of another object already")]
    Twice {
        /// The id.
        id: SmolStr,
    },
    /// A membership of a group that is not there.
    #[error("`{member}` is a member of `{group}`, and there is no such group")]
    NoGroup {
        /// The id of the group.
        group: SmolStr,
        /// The id of the member.
        member: SmolStr,
    },
    /// An object of which no mapping makes anything.
    #[error("no mapping makes anything of a {kind}")]
    NoRule {
        /// Its kind.
        kind: Kind,
    },
    /// Memberships that no mapping sends.
    #[error("there are memberships, and no mapping of groups has `members`")]
    MembersNotMapped,
    /// A member of a list that is no id.
    #[error("a member is {found}, not an id")]
    Member {
        /// The type of the value.
        found: &'static str,
    },
    /// An object is not what it was when the cycle began.
    #[error("`{id}` changed while the source was read; run again when it is at rest")]
    Changed {
        /// The id.
        id: SmolStr,
    },
}

impl SourceErrorKind {
    /// Returns the error at a place.
    #[must_use]
    pub fn at(self, place: &Place) -> SourceError {
        SourceError {
            place: place.clone(),
            kind: self,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.as_os_str().is_empty() {
            write!(f, "`{}`: ", self.file.display())?;
        }
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        Ok(())
    }
}

impl Place {
    pub(crate) fn new(file: &Path, line: usize) -> Self {
        Self {
            file: file.into(),
            line,
        }
    }
}

/// Refuses an id that another read, or another program, would take for a different one.
pub(crate) fn demand_plain(id: &SmolStr) -> Result<(), SourceErrorKind> {
    if id.trim() == id && !id.contains(char::is_control) {
        return Ok(());
    }
    Err(SourceErrorKind::OddId { id: id.clone() })
}

/// Returns an object that was read, with its id.
fn object(object: GraphObject, kind: Kind, file: &Path) -> Result<Object, SourceError> {
    let place = Place::new(file, object.line);
    let (first, second) = (object.source.get("id"), object.source.get("objectId"));
    if let (Some(id), Some(object_id)) = (first, second)
        && id.to_text() != object_id.to_text()
    {
        let (id, object_id) = (id.to_text(), object_id.to_text());
        return Err(SourceErrorKind::TwoIds { id, object_id }.at(&place));
    }
    let id = match first.or(second) {
        None | Some(Value::Null) => Err(SourceErrorKind::NoId),
        Some(Value::Text(text)) if text.is_empty() => Err(SourceErrorKind::NoId),
        Some(Value::Text(text)) => Ok(text.clone()),
        Some(Value::Integer(number)) => Ok(smol_str::format_smolstr!("{number}")),
        Some(other) => Err(SourceErrorKind::Id {
            found: other.type_name(),
        }),
    };
    match id {
        Ok(id) => Ok(Object {
            kind,
            id,
            source: object.source,
            place,
        }),
        Err(kind) => Err(kind.at(&place)),
    }
}

/// Objects in memory, for programs that have them already and for tests. Memberships are those that it lists.
impl ObjectSource for Vec<Item> {
    fn items(&self) -> Result<Items<'_>, SourceError> {
        Ok(Box::new(self.iter().cloned().map(Ok)))
    }

    fn lists_memberships(&self) -> bool {
        true
    }
}

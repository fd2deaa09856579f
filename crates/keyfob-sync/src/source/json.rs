//! Objects as JSON: NDJSON, arrays, and pages of Microsoft Graph.

use std::path::{Path, PathBuf};

use keyfob_mapping::graph::{GraphObject, ObjectReader};

use super::{Item, Items, Object, ObjectSource, Place, SourceError, SourceErrorKind, object};
use crate::rule::Kind;

/// The largest file, in bytes: 1 GiB.
const MAX_BYTES: u64 = 1 << 30;

/// JSON files in every form that [`Objects`](keyfob_mapping::graph::Objects) lists, held in memory while they are read.
///
/// The kind of an object is that of its file, or the one that the object or its page says. A group's members are those
/// that it has under the attribute that its mapping reads, such as `members`; of a group without that attribute nothing is
/// known, and its memberships stay as they are.
///
/// ```
/// use keyfob_sync::{Kind, source::{JsonSource, ObjectSource}};
///
/// let source = JsonSource::new()
///     .text("users.ndjson", br#"{"id": "1", "mail": "ada@example.com"}"#.to_vec(), Some(Kind::User))
///     .text("groups.json", br#"{"@odata.context": "https://x/$metadata#groups",
///         "value": [{"id": "g1", "members": [{"id": "1"}]}]}"#.to_vec(), None);
/// assert_eq!(source.items()?.count(), 2);
///
/// // A list whose last pages are missing is refused: everybody on them would count as gone.
/// let cut = br#"{"@odata.context": "https://x/$metadata#users", "@odata.nextLink": "https://x/2", "value": []}"#;
/// let source = JsonSource::new().text("users.json", cut.to_vec(), None);
/// assert!(source.items()?.any(|item| item.is_err()));
/// # Ok::<(), keyfob_sync::source::SourceError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct JsonSource {
    files: Vec<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    name: PathBuf,
    text: Vec<u8>,
    kind: Option<Kind>,
}

impl JsonSource {
    /// Creates a source without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text that was read already. Messages call it by the name.
    #[must_use]
    pub fn text(mut self, name: impl Into<PathBuf>, text: Vec<u8>, kind: Option<Kind>) -> Self {
        self.files.push(Held {
            name: name.into(),
            text,
            kind,
        });
        self
    }

    /// Adds a file, which is read at once.
    ///
    /// # Errors
    /// [`SourceErrorKind::Io`] where it can't be read, or is larger than 1 GiB.
    pub fn file(self, path: &Path, kind: Option<Kind>) -> Result<Self, SourceError> {
        use std::io::{Error, Read};

        let read = || {
            let mut text = Vec::new();
            let file = std::fs::File::open(path)?;
            file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
            if text.len() as u64 > MAX_BYTES {
                return Err(Error::other("it is larger than 1 GiB"));
            }
            Ok(text)
        };
        let text = read().map_err(|error| SourceErrorKind::from(error).at(&Place::new(path, 0)))?;
        Ok(self.text(path, text, kind))
    }
}

impl ObjectSource for JsonSource {
    fn items(&self) -> Result<Items<'_>, SourceError> {
        Ok(Box::new(
            self.files.iter().flat_map(|file| Reading::new(file, true)),
        ))
    }
}

impl JsonSource {
    /// Returns the files for pages of changes, which may go on in the next file.
    pub(super) fn files(&self) -> impl Iterator<Item = Changes<'_>> {
        self.files.iter().map(|file| Changes(Reading::new(file, false)))
    }
}

/// A read of one file that may hold pages of a delta query.
pub(super) struct Changes<'s>(Reading<'s>);

impl Changes<'_> {
    /// Returns true if the file ends before its list does.
    pub(super) fn lacks_pages(&self) -> bool {
        self.0.reader.as_ref().is_some_and(ObjectReader::lacks_pages)
    }

    /// Returns true if the last object is one of a delta query.
    pub(super) fn is_delta(&self) -> bool {
        self.0.reader.as_ref().is_some_and(ObjectReader::is_delta)
    }

    pub(super) fn place(&self) -> Place {
        Place::new(&self.0.file.name, 0)
    }
}

impl Iterator for Changes<'_> {
    type Item = Result<Object, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_object()
    }
}

/// A read of one file.
struct Reading<'s> {
    file: &'s Held,
    reader: Option<ObjectReader<'s>>,
    /// If true, each list is whole within the file, and changes are refused.
    is_whole: bool,
    has_ended: bool,
}

impl Iterator for Reading<'_> {
    type Item = Result<Item, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_object()?.map(Item::Object))
    }
}

impl<'s> Reading<'s> {
    fn new(file: &'s Held, is_whole: bool) -> Self {
        Self {
            file,
            reader: None,
            is_whole,
            has_ended: false,
        }
    }

    fn next_object(&mut self) -> Option<Result<Object, SourceError>> {
        if self.has_ended {
            return None;
        }
        let object = self.read().transpose();
        self.has_ended = !matches!(object, Some(Ok(_)));
        object
    }

    fn read(&mut self) -> Result<Option<Object>, SourceError> {
        let file: &'s Held = self.file;
        let at = |line, kind: SourceErrorKind| kind.at(&Place::new(&file.name, line));
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => {
                let opened =
                    ObjectReader::new(&file.text).map_err(|error| at(error.line, error.kind.into()))?;
                none.insert(opened)
            }
        };
        match reader.next() {
            None if self.is_whole && reader.lacks_pages() => Err(at(0, SourceErrorKind::Pages)),
            None => Ok(None),
            Some(Err(error)) => Err(at(error.line, error.kind.into())),
            Some(Ok(read)) => {
                if self.is_whole {
                    demand_no_change(&read).map_err(|kind| at(read.line, kind))?;
                }
                let kind = kind(&read, file.kind).map_err(|kind| at(read.line, kind))?;
                Ok(Some(object(read, kind, &file.name)?))
            }
        }
    }
}

/// Refuses an object of a page of changes.
fn demand_no_change(object: &GraphObject) -> Result<(), SourceErrorKind> {
    let mut names = object.source.iter().map(|(name, _)| name);
    match names.find(|name| *name == "@removed" || name.ends_with("@delta")) {
        None => Ok(()),
        Some(member) => Err(SourceErrorKind::Delta {
            member: member.into(),
        }),
    }
}

/// Returns the kind of an object.
fn kind(object: &GraphObject, of_file: Option<Kind>) -> Result<Kind, SourceErrorKind> {
    let said = object.kind.as_deref();
    let known = Kind::ALL
        .into_iter()
        .find(|kind| said.is_some_and(|said| said.eq_ignore_ascii_case(kind.as_str())));
    match (of_file, known, said) {
        (None, Some(known), _) => Ok(known),
        (Some(wanted), Some(known), _) if wanted == known => Ok(wanted),
        (Some(wanted), None, None) => Ok(wanted),
        (Some(wanted), _, Some(found)) => Err(SourceErrorKind::OtherKind {
            found: found.into(),
            wanted,
        }),
        _ => Err(SourceErrorKind::NoKind),
    }
}

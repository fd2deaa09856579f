//! Lists and delta queries of Microsoft Graph: pages of changes, applied one after the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyfob_core::SmolStr;
use keyfob_expression::{Source, Value};

use super::{Item, Items, JsonSource, Object, ObjectSource, Place, SourceError, SourceErrorKind};
use crate::rule::Kind;

const REMOVED: &str = "@removed";
const DELTA: &str = "@delta";
const MEMBERS: &str = "members";

/// Users and groups as pages of Microsoft Graph say them: pages of lists, and pages of delta queries from the first page of the first
/// query on.
///
/// The files are read in their order, the users' and the groups' in any order, each query with all of its pages.
///
/// | in a page of a delta query | what it means |
/// |---|---|
/// | an object that comes again, on whichever page | It has what it had, under what is new. |
/// | `members@delta`, `manager@delta` | References that are added, and with `@removed` taken away; those of one object may stand on several pages. Where one group says members, of a group that says none nobody is a member. |
/// | `@removed` with `"reason": "changed"` | The object is gone, and may come back with what it had: its resource is disabled. |
/// | `@removed` with `"reason": "deleted"` | The object is gone for good: its resource is deleted, if the job created it. |
/// | `@odata.nextLink` | A page follows. |
/// | `@odata.deltaLink` | The query ends. Without it the query is not whole. |
///
/// A page that holds the changes of the last days alone says nothing of all others, who would count as gone: give the pages of the
/// first query with it, which the guards of a cycle also demand.
///
/// ```
/// use keyfob_sync::source::{GraphSource, Item, JsonSource, ObjectSource};
///
/// let first = br#"{"@odata.context": "https://x/$metadata#groups", "@odata.nextLink": "https://x/groups/delta?$skiptoken=2",
///     "value": [{"id": "g1", "displayName": "Guides", "members@delta": [{"id": "1"}, {"id": "2"}]}]}"#;
/// let second = br#"{"@odata.context": "https://x/$metadata#groups", "@odata.deltaLink": "https://x/groups/delta?$deltatoken=1",
///     "value": [{"id": "g1", "members@delta": [{"id": "3"}, {"id": "1", "@removed": {"reason": "deleted"}}]}]}"#;
/// let pages = JsonSource::new()
///     .text("1.json", first.to_vec(), None)
///     .text("2.json", second.to_vec(), None);
/// let source = GraphSource::of(pages)?;
/// let Some(Item::Object(group)) = source.items()?.next().transpose()? else { unreachable!() };
/// let members = group.source.get("members").map(|members| members.to_json());
/// assert_eq!(members.as_deref(), Some(r#"["2","3"]"#));
/// # Ok::<(), keyfob_sync::source::SourceError>(())
/// ```
#[derive(Debug)]
pub struct GraphSource {
    pages: JsonSource,
    known: Known,
}

/// What all pages together say of the objects; their attributes are read again from the pages.
#[derive(Debug, Default)]
struct Known {
    /// An object or a reference by its id, which stands for it as the number of its entry.
    numbers: HashMap<SmolStr, u32>,
    entries: Vec<Entry>,
    /// The references of objects by their names, such as `members`, that changes say.
    references: HashMap<u32, BTreeMap<SmolStr, BTreeSet<u32>>>,
    /// If true, changes say the members of groups.
    says_members: bool,
}

/// An object, or what a reference points at.
#[derive(Debug)]
struct Entry {
    id: SmolStr,
    /// The kind of the object; none of what only references name.
    kind: Option<Kind>,
    /// The number of times that it comes.
    times: u32,
    /// Why it is gone.
    removal: Option<Removal>,
}

/// A reason of `@removed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    Changed,
    Deleted,
}

impl GraphSource {
    /// Reads the pages once, and finds out which objects there are.
    ///
    /// # Errors
    /// [`SourceError`] with file and line where a file can't be read, an object has no id or is of another kind than before, a change
    /// is not understood, or a list or a query lacks pages.
    ///
    /// # Complexity
    /// Linear in the pages. Memory holds the pages, the ids, and four bytes or so for each reference.
    pub fn of(pages: JsonSource) -> Result<Self, SourceError> {
        let mut known = Known::default();
        // The place and the kind of a file whose last page names another one, which the next file has to hold.
        let mut lacking: Option<(Place, Option<Kind>)> = None;
        for mut file in pages.files() {
            let mut kind = None;
            while let Some(object) = file.next().transpose()? {
                if kind.is_none() {
                    kind = Some(object.kind);
                    demand_next(lacking.take(), kind)?;
                }
                let of_delta = file.is_delta();
                known
                    .take(&object, of_delta)
                    .map_err(|kind| kind.at(&object.place))?;
            }
            if kind.is_none() {
                demand_next(lacking.take(), None)?;
            }
            lacking = file.lacks_pages().then(|| (file.place(), kind));
        }
        if let Some((place, _)) = lacking {
            return Err(SourceErrorKind::Pages.at(&place));
        }
        Ok(Self { pages, known })
    }
}

/// Demands that a file goes on with the list that the one before it began.
fn demand_next(lacking: Option<(Place, Option<Kind>)>, kind: Option<Kind>) -> Result<(), SourceError> {
    match lacking {
        Some((place, Some(before))) if kind.is_some_and(|kind| kind != before) => {
            Err(SourceErrorKind::Pages.at(&place))
        }
        _ => Ok(()),
    }
}

impl Known {
    /// Returns the number of an id.
    fn number(&mut self, id: &SmolStr) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.numbers.insert(id.clone(), number);
        self.entries.push(Entry {
            id: id.clone(),
            kind: None,
            times: 0,
            removal: None,
        });
        number
    }

    /// Takes what a page says of an object.
    fn take(&mut self, object: &Object, of_delta: bool) -> Result<(), SourceErrorKind> {
        let number = self.number(&object.id);
        let Some(entry) = self.entries.get_mut(number as usize) else {
            return Ok(());
        };
        let is_other = entry.kind.is_some_and(|kind| kind != object.kind);
        if is_other || (entry.times > 0 && !of_delta) {
            return Err(SourceErrorKind::Twice {
                id: object.id.clone(),
            });
        }
        entry.kind = Some(object.kind);
        entry.removal = removal(&object.source)?;
        if entry.removal.is_some() {
            return Ok(());
        }
        entry.times = entry.times.saturating_add(1);
        for (name, value) in object.source.iter() {
            let Some(relation) = name.strip_suffix(DELTA) else {
                continue;
            };
            self.says_members |= relation == MEMBERS && object.kind == Kind::Group;
            let of = self.references.entry(number).or_default();
            of.entry(relation.into()).or_default();
            for (id, is_added) in changes(name, value)? {
                let to = self.number(&id);
                let of = self.references.entry(number).or_default();
                let ids = of.entry(relation.into()).or_default();
                if is_added {
                    ids.insert(to);
                } else {
                    ids.remove(&to);
                }
            }
        }
        Ok(())
    }

    /// Returns an object as all pages together say it.
    fn complete(&self, mut object: Object) -> Object {
        let number = self.numbers.get(&object.id);
        let of = number.and_then(|number| self.references.get(number));
        let nobody = BTreeMap::new();
        let of = of.unwrap_or(&nobody);
        let is_change = |name: &str| {
            let plain = name.strip_suffix(DELTA).or(name.strip_suffix(REMOVED));
            name == REMOVED || plain.is_some_and(|plain| !plain.is_empty())
        };
        let plain = object.source.iter().filter(|(name, _)| !is_change(name));
        let mut source: Source = plain.map(|(name, value)| (name, value.clone())).collect();
        if self.says_members && object.kind == Kind::Group {
            source.insert(MEMBERS, Value::List(Vec::new()));
        }
        for (name, ids) in of {
            // What is gone can't be referred to.
            let entries = ids.iter().filter_map(|number| self.entries.get(*number as usize));
            let there = entries.filter(|entry| entry.removal.is_none());
            let mut ids = there.map(|entry| Value::Text(entry.id.clone()));
            // A user has one manager.
            let value = if name == "manager" {
                ids.next().unwrap_or(Value::Null)
            } else {
                Value::List(ids.collect())
            };
            source.insert(name.clone(), value);
        }
        object.source = source;
        object
    }
}

/// Reads the reason for which an object is gone.
fn removal(source: &Source) -> Result<Option<Removal>, SourceErrorKind> {
    let removed = match source.get(REMOVED) {
        None | Some(Value::Null) => return Ok(None),
        Some(removed) => removed,
    };
    match removed.member("reason").map(Value::to_text).as_deref() {
        Some("changed") => Ok(Some(Removal::Changed)),
        Some("deleted") => Ok(Some(Removal::Deleted)),
        other => Err(SourceErrorKind::Change {
            field: REMOVED.into(),
            found: other.map_or_else(
                || "no `reason`".to_owned(),
                |reason| format!("the reason `{reason}`"),
            ),
            wanted: "`{\"reason\": \"changed\"}` or `{\"reason\": \"deleted\"}`",
        }),
    }
}

/// Reads changes of references: ids, each with true if it is added.
fn changes(field: &str, value: &Value) -> Result<Vec<(SmolStr, bool)>, SourceErrorKind> {
    let refuse = |found: String| SourceErrorKind::Change {
        field: field.into(),
        found,
        wanted: "a list of objects with an `id`",
    };
    let Value::List(values) = value else {
        return Err(refuse(value.type_name().to_owned()));
    };
    let change = |value: &Value| match value.member("id") {
        Some(Value::Text(id)) if !id.is_empty() => Ok((id.clone(), value.member(REMOVED).is_none())),
        _ => Err(refuse(format!("{} without an `id`", value.type_name()))),
    };
    values.iter().map(change).collect()
}

impl ObjectSource for GraphSource {
    fn items(&self) -> Result<Items<'_>, SourceError> {
        let read = self.pages.files().flatten();
        let objects = read.scan(HashMap::new(), |merging, object| {
            Some(object.map(|object| self.next(merging, object)).transpose())
        });
        let deleted = self
            .known
            .entries
            .iter()
            .filter(|entry| entry.removal == Some(Removal::Deleted));
        let deleted = deleted.map(|entry| Ok(Item::Deleted(entry.id.clone())));
        Ok(Box::new(objects.flatten().chain(deleted)))
    }
}

/// The attributes of objects that come again, and how often they came.
type Merging = HashMap<SmolStr, (Source, u32)>;

impl GraphSource {
    /// Returns an object when it comes for the last time.
    fn next(&self, merging: &mut Merging, object: Object) -> Option<Item> {
        let known = &self.known;
        let number = known.numbers.get(&object.id)?;
        let entry = known.entries.get(*number as usize)?;
        let is_removal = object
            .source
            .get(REMOVED)
            .is_some_and(|removed| *removed != Value::Null);
        if is_removal || entry.removal.is_some() {
            return None;
        }
        if entry.times == 1 {
            return Some(Item::Object(known.complete(object)));
        }
        let Object {
            kind,
            id,
            source,
            place,
        } = object;
        let (merged, times) = merging.entry(id.clone()).or_default();
        for (name, value) in source.iter() {
            merged.insert(name, value.clone());
        }
        *times += 1;
        if *times < entry.times {
            return None;
        }
        let (source, _) = merging.remove(&id)?;
        Some(Item::Object(known.complete(Object {
            kind,
            id,
            source,
            place,
        })))
    }
}

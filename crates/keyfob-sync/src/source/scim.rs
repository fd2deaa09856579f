//! Another SCIM server as a source.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use keyfob_client::{BlockingTransport, Client};
use keyfob_core::{SchemaUri, SmolStr};
use keyfob_expression::{Source, Value};

use super::{
    IS_SOFT_DELETED, Item, Items, Membership, Object, ObjectSource, Place, SourceError, SourceErrorKind,
};
use crate::rule::Kind;

/// The buffer of the copy, in bytes.
const BUFFER: usize = 1 << 16;

/// Attributes that are no part of an object, since they change when something else does.
const LEFT_OUT: [&str; 4] = ["schemas", "meta", "groups", MEMBERS];

const MEMBERS: &str = "members";

/// The users, groups and memberships of another SCIM server, as they were when they were fetched.
///
/// | of the server | what it becomes |
/// |---|---|
/// | `/Users`, `/Groups` | The objects. The `id` is the object's id, which mappings read as `[objectId]`, too. |
/// | attributes | Attributes under their names, and values within them by SCIM's own paths: `[name.givenName]`, `[emails[type eq "work"].value]`, `[urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department]`. |
/// | `active` | `IsSoftDeleted`, its opposite. |
/// | `manager` of the enterprise extension | The id of that user. |
/// | `members` of groups | The memberships. |
///
/// `schemas`, `meta` and `groups` are left out: they change with other things than the object.
///
/// The server is read once. What it answered stands in a temporary file without a name, which ends with the value, so that
/// every read of a cycle says the same.
///
/// ```
/// use keyfob_client::{Client, Ureq};
/// use keyfob_sync::{Kind, source::ScimSource};
///
/// fn fetch(token: &str) -> Result<ScimSource, Box<dyn std::error::Error>> {
///     let client = Client::builder("https://directory.example/scim/v2")?
///         .bearer(token)
///         .transport(Ureq::new())
///         .build()?;
///     let client = client.with(client.discover().call()?);
///     Ok(ScimSource::fetch(&client, &[Kind::User, Kind::Group])?)
/// }
/// ```
#[derive(Debug)]
pub struct ScimSource {
    /// A line for each resource: the initial of its kind, and its JSON.
    copy: Mutex<File>,
    base_url: String,
    lists_memberships: bool,
}

impl ScimSource {
    /// Fetches all resources of these kinds.
    ///
    /// Of a server that is known not to answer with members (a [preset](keyfob_client::Preset) says so) no memberships are
    /// known: those of the target stay as they are.
    ///
    /// # Errors
    /// [`SourceErrorKind::Server`] where the server can't be read to the end, or counts more resources than it shows;
    /// [`SourceErrorKind::Io`] where the copy can't be written.
    ///
    /// # Complexity
    /// Linear in the resources. Memory holds one page, and the ids of all.
    pub fn fetch<X: BlockingTransport>(client: &Client<X>, kinds: &[Kind]) -> Result<Self, SourceError> {
        let base_url = client.base_url().to_owned();
        let at = |kind: Kind| Place::new(&PathBuf::from(format!("{base_url}/{}s", kind.as_str())), 0);
        let copy = |error: io::Error| SourceErrorKind::from(error).at(&Place::default());
        let mut writer = BufWriter::with_capacity(BUFFER, tempfile::tempfile().map_err(copy)?);
        for kind in kinds.iter().copied() {
            // Who is missing from the list would count as gone.
            let mut list = client.resources(kind.as_str()).list().whole();
            if kind == Kind::User {
                list = list.excluding(["groups"]);
            }
            for stored in list.iter() {
                let stored = stored.map_err(|error| SourceErrorKind::from(error).at(&at(kind)))?;
                let json = stored.resource.to_json();
                writer
                    .write_all(&[initial(kind)])
                    .and_then(|()| writer.write_all(&json))
                    .and_then(|()| writer.write_all(b"\n"))
                    .map_err(copy)?;
            }
        }
        let file = writer.into_inner().map_err(|error| copy(error.into_error()))?;
        let shows_members = client.target().capabilities.members_readable.value;
        Ok(Self {
            copy: Mutex::new(file),
            lists_memberships: shows_members && kinds.contains(&Kind::Group),
            base_url,
        })
    }

    /// Returns what a line of the copy says.
    fn items_of(&self, line: &[u8]) -> Result<Vec<Item>, SourceError> {
        let everywhere = Place::new(&PathBuf::from(&self.base_url), 0);
        let (kind, json) = match line {
            [first, json @ ..] => (Kind::ALL.into_iter().find(|kind| initial(*kind) == *first), json),
            [] => (None, line),
        };
        let kind = kind.ok_or_else(|| {
            let cut = io::Error::other("the temporary copy of the server's answers is damaged");
            SourceErrorKind::from(cut).at(&everywhere)
        })?;
        let read = Source::from_json(json).map_err(|error| {
            SourceErrorKind::from(keyfob_mapping::graph::ObjectsErrorKind::from(error)).at(&everywhere)
        })?;
        let id = match read.get("id") {
            Some(Value::Text(id)) => id.clone(),
            _ => return Err(SourceErrorKind::NoId.at(&everywhere)),
        };
        let file = format!("{}/{}s/{id}", self.base_url, kind.as_str());
        let place = Place::new(&PathBuf::from(file), 0);
        let mut items = vec![Item::Object(Object {
            kind,
            id: id.clone(),
            source: attributes(&read, kind).map_err(|kind| kind.at(&place))?,
            place: place.clone(),
        })];
        if self.lists_memberships && kind == Kind::Group {
            for member in members(read.get(MEMBERS)).map_err(|kind| kind.at(&place))? {
                items.push(Item::Membership(Membership {
                    group: id.clone(),
                    member,
                    place: place.clone(),
                }));
            }
        }
        Ok(items)
    }
}

impl ObjectSource for ScimSource {
    fn items(&self) -> Result<Items<'_>, SourceError> {
        let reader = BufReader::with_capacity(
            BUFFER,
            Reading {
                file: &self.copy,
                position: 0,
            },
        );
        Ok(Box::new(reader.split(b'\n').flat_map(|line| {
            let line = line.map_err(|error| SourceErrorKind::from(error).at(&Place::default()));
            match line.and_then(|line| self.items_of(&line)) {
                Ok(items) => items.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        })))
    }

    fn lists_memberships(&self) -> bool {
        self.lists_memberships
    }
}

/// A read of the copy with a position of its own.
struct Reading<'s> {
    file: &'s Mutex<File>,
    position: u64,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

fn initial(kind: Kind) -> u8 {
    match kind {
        Kind::User => b'U',
        Kind::Group => b'G',
    }
}

/// Returns the attributes of an object, under the names that mappings know.
fn attributes(read: &Source, kind: Kind) -> Result<Source, SourceErrorKind> {
    let kept = read.iter().filter(|(name, _)| !LEFT_OUT.contains(name));
    let mut source: Source = kept.map(|(name, value)| (name, value.clone())).collect();
    if let Some(id) = read.get("id") {
        source.insert_new("objectId", id.clone());
    }
    if kind == Kind::User {
        if let Some(active) = read.get("active").map(is_active).transpose()? {
            source.insert_new(IS_SOFT_DELETED, !active);
        }
        let extension = read.get(SchemaUri::ENTERPRISE_USER.as_str());
        let manager = extension.and_then(|extension| extension.member("manager"));
        if let Some(id) = manager.and_then(|manager| manager.member("value")) {
            source.insert_new("manager", id.clone());
        }
    }
    Ok(source)
}

/// Reads `active`, which some servers send as text. A user of whom it says nothing that is understood would pass for an active one.
fn is_active(value: &Value) -> Result<bool, SourceErrorKind> {
    match value {
        Value::Null => Ok(true),
        Value::Boolean(active) => Ok(*active),
        Value::Text(text) => match text.as_str() {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(SourceErrorKind::Active {
                found: format!("`{text}`"),
            }),
        },
        other => Err(SourceErrorKind::Active {
            found: other.type_name().to_owned(),
        }),
    }
}

/// Returns the ids of the members of a group.
fn members(members: Option<&Value>) -> Result<Vec<SmolStr>, SourceErrorKind> {
    let elements = match members {
        None | Some(Value::Null) => &[],
        Some(Value::List(elements)) => elements.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    let id = |element: &Value| match element.member("value") {
        Some(Value::Text(id)) if !id.is_empty() => Ok(id.clone()),
        Some(other) => Err(SourceErrorKind::Member {
            found: other.type_name(),
        }),
        None => Err(SourceErrorKind::Member {
            found: element.type_name(),
        }),
    };
    elements.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_neither_that_a_user_is_active_nor_that_it_is_not_is_refused() {
        for (active, expected) in [
            ("true", Ok(false)),
            ("false", Ok(true)),
            (r#""True""#, Ok(false)),
            (r#""FALSE""#, Ok(true)),
            ("null", Ok(false)),
            (r#""no""#, Err("`active` is `no`; it has to be true or false")),
            ("0", Err("`active` is a number; it has to be true or false")),
        ] {
            let read = Source::from_json(format!(r#"{{"id": "1", "active": {active}}}"#).as_bytes()).unwrap();
            let said = attributes(&read, Kind::User)
                .map(|source| source.get(IS_SOFT_DELETED) == Some(&Value::Boolean(true)))
                .map_err(|error| error.to_string());
            assert_eq!(said, expected.map_err(str::to_owned), "{active}");
        }
    }
}

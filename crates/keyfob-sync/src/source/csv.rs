//! Users, groups and memberships as three CSV files.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use keyfob_expression::{Source, Value};
use keyfob_mapping::graph::{CsvObjects, GraphObject, ObjectsErrorKind};

use super::{Item, Items, Membership, ObjectSource, Place, SourceError, SourceErrorKind, object};
use crate::rule::Kind;

/// The buffer of a file, in bytes.
const BUFFER: usize = 1 << 16;

/// CSV files (RFC 4180), read row by row.
///
/// | file | columns |
/// |---|---|
/// | users | `id` and any others |
/// | groups | `id` and any others, such as `displayName` |
/// | memberships | `group` and `member`, both ids of the other files |
///
/// `id` is the id of the object, which mappings read as `[objectId]`; a column `objectId` beside it may hold the same alone. A
/// file without rows is an error in the first file;
/// the others may be empty below their header.
///
/// ```
/// use keyfob_sync::source::{CsvSource, Item, ObjectSource};
///
/// let folder = tempfile::tempdir()?;
/// let (users, groups) = (folder.path().join("users.csv"), folder.path().join("groups.csv"));
/// let members = folder.path().join("members.csv");
/// std::fs::write(&users, "id,mail\n1,ada@example.com\n")?;
/// std::fs::write(&groups, "id,displayName\ng1,Guides\n")?;
/// std::fs::write(&members, "group,member\ng1,1\n")?;
///
/// let source = CsvSource::new(users).groups(groups).memberships(members);
/// let items = source.items()?.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(items.len(), 3);
/// assert!(matches!(&items[2], Item::Membership(membership) if membership.member == "1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsvSource {
    users: PathBuf,
    groups: Option<PathBuf>,
    memberships: Option<PathBuf>,
}

impl CsvSource {
    /// Reads users from a file.
    #[must_use]
    pub fn new(users: impl Into<PathBuf>) -> Self {
        Self {
            users: users.into(),
            groups: None,
            memberships: None,
        }
    }

    /// Reads groups from a file too.
    #[must_use]
    pub fn groups(self, groups: impl Into<PathBuf>) -> Self {
        Self {
            groups: Some(groups.into()),
            ..self
        }
    }

    /// Reads memberships from a file too.
    #[must_use]
    pub fn memberships(self, memberships: impl Into<PathBuf>) -> Self {
        Self {
            memberships: Some(memberships.into()),
            ..self
        }
    }
}

impl ObjectSource for CsvSource {
    fn items(&self) -> Result<Items<'_>, SourceError> {
        // All are opened first: a file that is missing is told before anything is read.
        let mut users = Rows::open(&self.users, "`id` and any others", |columns| has(columns, "id"))?;
        // A list of nobody is a failed export; groups without any member, or no groups, are not.
        users.may_be_empty = false;
        let groups = self
            .groups
            .as_deref()
            .map(|file| Rows::open(file, "`id` and any others", |columns| has(columns, "id")));
        let memberships = self.memberships.as_deref().map(|file| {
            Rows::open(file, "`group` and `member`", |columns| {
                columns.len() == 2 && has(columns, "group") && has(columns, "member")
            })
        });
        let users =
            users.map(|row| row.and_then(|(row, file)| Ok(Item::Object(object(row, Kind::User, file)?))));
        let groups = groups
            .transpose()?
            .into_iter()
            .flatten()
            .map(|row| row.and_then(|(row, file)| Ok(Item::Object(object(row, Kind::Group, file)?))));
        let memberships = memberships.transpose()?.into_iter().flatten();
        let memberships = memberships.map(|row| row.and_then(|(row, file)| membership(&row, file)));
        Ok(Box::new(users.chain(groups).chain(memberships)))
    }

    fn lists_memberships(&self) -> bool {
        self.memberships.is_some()
    }
}

/// The rows of a file.
struct Rows<'f> {
    file: &'f Path,
    reader: CsvObjects<BufReader<File>>,
    may_be_empty: bool,
}

impl<'f> Rows<'f> {
    fn open(
        file: &'f Path,
        wanted: &'static str,
        fits: impl Fn(&[smol_str::SmolStr]) -> bool,
    ) -> Result<Self, SourceError> {
        let place = Place::new(file, 0);
        let opened = File::open(file).map_err(|error| SourceErrorKind::from(error).at(&place))?;
        let reader = CsvObjects::new(BufReader::with_capacity(BUFFER, opened))
            .map_err(|error| SourceErrorKind::from(error.kind).at(&Place::new(file, error.line)))?;
        if !fits(reader.columns()) {
            let found = reader.columns().iter().map(|name| format!("`{name}`"));
            let found = found.collect::<Vec<_>>().join(", ");
            return Err(SourceErrorKind::Columns { found, wanted }.at(&Place::new(file, 1)));
        }
        Ok(Self {
            file,
            reader,
            may_be_empty: true,
        })
    }
}

impl<'f> Iterator for Rows<'f> {
    type Item = Result<(GraphObject, &'f Path), SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.next()? {
            Ok(row) => Some(Ok((row, self.file))),
            Err(error) if self.may_be_empty && matches!(error.kind, ObjectsErrorKind::Nothing) => None,
            Err(error) => Some(Err(
                SourceErrorKind::from(error.kind).at(&Place::new(self.file, error.line))
            )),
        }
    }
}

fn has(columns: &[smol_str::SmolStr], name: &str) -> bool {
    columns.iter().any(|column| column == name)
}

fn membership(row: &GraphObject, file: &Path) -> Result<Item, SourceError> {
    let place = Place::new(file, row.line);
    let field =
        |name: &'static str| text(&row.source, name).ok_or(SourceErrorKind::Empty { field: name }.at(&place));
    Ok(Item::Membership(Membership {
        group: field("group")?,
        member: field("member")?,
        place: place.clone(),
    }))
}

fn text(source: &Source, name: &str) -> Option<smol_str::SmolStr> {
    source
        .get(name)
        .map(Value::to_text)
        .filter(|text| !text.is_empty())
}

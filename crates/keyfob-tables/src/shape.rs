//! What columns an application has.

use keyfob_core::{
    Registry, ResourceType, SchemaUri, SmolStr,
    schema::{RegistryBuilder, RelationKind},
};
use keyfob_store::Ids;

use crate::{
    error::{ShapeError, TableError},
    layout::Layout,
    row::{Key, Row},
};

/// The resource type whose rows a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "own tables hold nothing else")]
pub enum Kind {
    /// `User`.
    User,
    /// `Group`.
    Group,
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// Returns the name of the resource type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn of(resource_type: &ResourceType) -> Option<Self> {
        Self::named(resource_type.name())
    }

    fn schema(self) -> SchemaUri {
        match self {
            Self::User => SchemaUri::USER,
            Self::Group => SchemaUri::GROUP,
        }
    }
}

/// What a deletion that can be taken back does to a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hiding {
    /// There is none: what is deleted is gone.
    #[default]
    Never,
    /// The row says so itself, for instance by a column `deleted_at`: [`Tables::hide`](crate::Tables::hide) sets it, and
    /// [`Row::hidden`](crate::Row::hidden) tells.
    Row,
    /// A mark in the side tables says so. The application doesn't see it unless it asks the store.
    Mark,
}

/// The columns of a table of users or of groups.
#[derive(Clone, Debug)]
pub struct Table {
    is_numbered: bool,
    prefix: Option<SmolStr>,
    pub(crate) hiding: Hiding,
    pub(crate) columns: Vec<Column>,
}

/// A column and the attribute that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// The application's name of it.
    pub(crate) name: SmolStr,
    /// The path as it was declared.
    pub(crate) path: SmolStr,
    pub(crate) is_indexed: bool,
    pub(crate) is_unique: bool,
}

impl Table {
    /// A table whose rows are known by a number.
    #[must_use]
    pub fn numbered() -> Self {
        Self {
            is_numbered: true,
            prefix: None,
            hiding: Hiding::Never,
            columns: Vec::new(),
        }
    }

    /// A table whose rows are known by a text, such as a UUID.
    #[must_use]
    pub fn named() -> Self {
        Self {
            is_numbered: false,
            ..Self::numbered()
        }
    }

    /// Adds a column: its name, and the path of the attribute whose value it holds.
    ///
    /// The path names a simple attribute (`active`), a sub-attribute (`name.givenName`), one of an extension
    /// (`urn:…:2.0:User:department`), or one of the main value of a multi-valued attribute (`emails[primary].value`). The main
    /// value is the primary one or, without one, the first; the others stand in the side tables.
    #[must_use]
    pub fn column(self, name: impl Into<SmolStr>, path: impl Into<SmolStr>) -> Self {
        self.with(name, path, false, false)
    }

    /// Adds a column that the application can look up, by [`Which::Equal`](crate::Which::Equal).
    #[must_use]
    pub fn indexed(self, name: impl Into<SmolStr>, path: impl Into<SmolStr>) -> Self {
        self.with(name, path, true, false)
    }

    /// Adds a column that the application can look up and that has a unique constraint.
    #[must_use]
    pub fn unique(self, name: impl Into<SmolStr>, path: impl Into<SmolStr>) -> Self {
        self.with(name, path, true, true)
    }

    fn with(
        mut self,
        name: impl Into<SmolStr>,
        path: impl Into<SmolStr>,
        is_indexed: bool,
        is_unique: bool,
    ) -> Self {
        self.columns.push(Column {
            name: name.into(),
            path: path.into(),
            is_indexed,
            is_unique,
        });
        self
    }

    /// Says what a deletion that can be taken back does to a row.
    #[must_use]
    pub fn hiding(self, hiding: Hiding) -> Self {
        Self { hiding, ..self }
    }

    /// Sets what stands before the key in ids that are made of it: `u-` for users and `g-` for groups by default.
    ///
    /// The two tables need different prefixes, since ids are unique over all types.
    #[must_use]
    pub fn id_prefix(self, prefix: impl Into<SmolStr>) -> Self {
        Self {
            prefix: Some(prefix.into()),
            ..self
        }
    }

    /// Returns the names of the columns, in the order in which they were declared.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Checks that a row has what is declared. Resources whose keys are of the other kind would be written and never found.
    pub(crate) fn check(&self, kind: Kind, row: &Row) -> Result<(), TableError> {
        let name = kind.name();
        let fault = match (&row.key, self.is_numbered) {
            (Key::Text(_), true) => {
                format!("the key of a {name}'s row is a text: `Table::named` declares such a table")
            }
            (Key::Integer(_), false) => {
                format!("the key of a {name}'s row is a number: `Table::numbered` declares such a table")
            }
            _ if row.cells.len() != self.columns.len() => format!(
                "a {name}'s row has {} values, and {} columns are declared",
                row.cells.len(),
                self.columns.len()
            ),
            _ => return Ok(()),
        };
        Err(TableError::failed(fault))
    }

    pub(crate) fn key(&self, text: &str) -> Option<Key> {
        if !self.is_numbered {
            return Some(Key::Text(text.into()));
        }
        let number: i64 = text.parse().ok()?;
        // Another spelling of the number would be a second id of the row.
        (number.to_string() == text).then_some(Key::Integer(number))
    }
}

/// The columns of both tables, and how resources are made of their rows.
///
/// ```
/// use keyfob_tables::{Shape, Table};
///
/// let shape = Shape::new(
///     Table::numbered()
///         .unique("login", "userName")
///         .column("given_name", "name.givenName")
///         .indexed("mail", "emails[primary].value")
///         .column("active", "active"),
///     Table::numbered().indexed("name", "displayName"),
/// );
/// let registry = shape.registry()?;
/// let user = registry.resource_type("User").ok_or("no users")?;
/// assert!(user.attribute("emails").is_some());
/// assert!(user.attribute("nickName").is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Shape {
    users: Table,
    groups: Table,
    pub(crate) prefix: SmolStr,
    pub(crate) ids: Ids,
    pub(crate) overflow: bool,
}

impl Shape {
    /// The shape of a table of users and one of groups.
    #[must_use]
    pub fn new(users: Table, groups: Table) -> Self {
        Self {
            users,
            groups,
            prefix: "scim_".into(),
            ids: Ids::Given,
            overflow: false,
        }
    }

    /// Makes the id of a new resource of the key that the database gives it (`u-7`), as it is made for rows that the
    /// application inserts. By default a new resource has an id of its own, which stands in the side tables.
    #[must_use]
    pub fn with_ids_of_keys(self) -> Self {
        Self {
            ids: Ids::Assigned,
            ..self
        }
    }

    /// Keeps attributes without a column in the side tables. By default they are in no schema.
    #[must_use]
    pub fn with_overflow(self) -> Self {
        Self {
            overflow: true,
            ..self
        }
    }

    /// Sets what the names of the side tables begin with: `scim_` by default. It may name a schema of the database, as in
    /// `scim.`.
    #[must_use]
    pub fn with_side_tables(self, prefix: impl Into<SmolStr>) -> Self {
        Self {
            prefix: prefix.into(),
            ..self
        }
    }

    /// Returns one of the tables.
    #[must_use]
    pub fn table(&self, kind: Kind) -> &Table {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    pub(crate) fn hiding(&self, kind: Kind) -> Hiding {
        match (self.table(kind).hiding, self.users.hiding) {
            // Where users can come back, so can groups: the capability is one for all types.
            (Hiding::Never, Hiding::Row | Hiding::Mark) => Hiding::Mark,
            (own, _) => own,
        }
    }

    pub(crate) fn id_prefix(&self, kind: Kind) -> &str {
        match (&self.table(kind).prefix, kind) {
            (Some(prefix), _) => prefix,
            (None, Kind::User) => "u-",
            (None, Kind::Group) => "g-",
        }
    }

    /// Builds the registry of RFC 7643 without what has no column.
    ///
    /// # Errors
    /// [`ShapeError`] names the column that doesn't fit.
    pub fn registry(&self) -> Result<Registry, ShapeError> {
        self.trim(RegistryBuilder::rfc())
    }

    /// Builds a registry without those attributes of users and groups that have no column, unless the shape
    /// [keeps](Self::with_overflow) them, and with groups of users alone.
    ///
    /// # Errors
    /// [`ShapeError`] names the column that doesn't fit.
    pub fn trim(&self, builder: RegistryBuilder) -> Result<Registry, ShapeError> {
        let whole = builder.clone().build()?;
        let mut builder = builder.flat_groups();
        for kind in Kind::ALL {
            let layout = Layout::of(self, kind, &whole)?;
            if self.overflow {
                continue;
            }
            let resource_type = type_of(&whole, kind)?;
            layout.check_required(resource_type)?;
            let extensions = resource_type.extensions().iter();
            let uris = extensions.map(|extension| extension.schema.id.clone());
            for uri in uris.chain([kind.schema()]) {
                let is_core = uri == kind.schema();
                builder = builder.retain_attributes(&uri, |attribute, sub| {
                    let is_relation = is_core && resource_type.relation(attribute.name.as_str()).is_some();
                    is_relation || layout.keeps((!is_core).then_some(&uri), attribute, sub)
                });
            }
        }
        let registry = builder.build()?;
        self.layouts(&registry)?;
        Ok(registry)
    }

    /// Finds the attributes of all columns in a registry.
    pub(crate) fn layouts(&self, registry: &Registry) -> Result<[Layout; 2], ShapeError> {
        let members = type_of(registry, Kind::Group)?.relation("members");
        let relations = registry.resource_types().iter().flat_map(ResourceType::relations);
        let mut inverse = relations.map(|relation| &relation.kind);
        if members.is_some_and(|members| members.takes("Group"))
            || inverse.any(|kind| matches!(kind, RelationKind::InverseOf { levels: 2.., .. }))
        {
            return Err(ShapeError::NestedGroups);
        }
        Ok([
            Layout::of(self, Kind::User, registry)?,
            Layout::of(self, Kind::Group, registry)?,
        ])
    }
}

pub(crate) fn type_of(registry: &Registry, kind: Kind) -> Result<&ResourceType, ShapeError> {
    let resource_type = registry.resource_type(kind.name());
    resource_type.ok_or(ShapeError::UnknownType { kind: kind.name() })
}

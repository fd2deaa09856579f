//! Filters as conditions of SQL, over the columns that an application has.
//!
//! The result is text with places for values, and the values apart from it, ready to be bound by any driver: no text of a
//! client ever becomes a part of the statement. What SQL can't tell is left to [`Predicate::matches`](crate::Predicate),
//! and the result says so.
//!
//! ```
//! use keyfob_core::{Dialect, Registry};
//! use keyfob_filter::{Filter, sql::{Bind, Columns, SqlDialect}};
//!
//! let user = Registry::rfc().resource_type("User").unwrap();
//! let columns = Columns::new(user, SqlDialect::PostgreSql)
//!     .key("userName", "user_name_key")?
//!     .boolean("active", "active")?
//!     .rows("emails", "user_emails e", "e.user_id = users.id")?
//!     .key("emails.type", "e.type_key")?
//!     .key("emails.value", "e.value_key")?;
//!
//! let filter = Filter::parse(r#"userName eq "BJensen" and emails[type eq "work" and value co "@example.com"]"#)?;
//! let condition = columns.condition(&filter.compile(user, Dialect::strict())?).ok_or("nothing known")?;
//! // `$1` is the application's own, for the customer.
//! assert_eq!(
//!     condition.sql(2),
//!     "(user_name_key = $2 AND EXISTS (SELECT 1 FROM user_emails e WHERE e.user_id = users.id \
//!      AND (e.type_key = $3 AND strpos(e.value_key, $4) > 0)))"
//! );
//! let binds: Vec<_> = condition.binds().cloned().collect();
//! assert_eq!(binds, [Bind::from("bjensen"), Bind::from("work"), Bind::from("@example.com")]);
//! assert!(condition.is_exact());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With sqlx the statement is `format!("SELECT … WHERE company = $1 AND {}", condition.sql(2))`, and each bind goes to
//! `query.bind(…)`; with tokio-postgres they are the elements of the slice of parameters.
//!
//! # What a column holds
//!
//! SCIM compares texts composed and folded, and a `userName` prepared; no database does. So a [`key`](Columns::key)
//! column holds [`Attribute::compare_key`] of the value, beside the value as it was
//! sent. Then SQL and [`Predicate::matches`](crate::Predicate::matches) agree on every text that a database can hold. A
//! [`folded`](Columns::folded) column or expression, such as `lower(user_name)`, needs no further column, and what it
//! finds has to be asked again.
//!
//! No column holds a text with U+0000: PostgreSQL can't, and SQLite's functions end there. Refuse such a value, or keep it
//! elsewhere. A filter that asks for one finds nothing, without the database being asked for what it can't be.
//!
//! The order of texts is that of their characters. PostgreSQL is told so by `COLLATE "C"`; in SQLite a column has the
//! default collation, and in `MySQL` `utf8mb4_0900_bin`.
//!
//! # What an index needs
//!
//! | operator | index |
//! |---|---|
//! | `eq` | on the column |
//! | `sw`, `gt`, `ge`, `lt`, `le` | on the column; in PostgreSQL on `(column COLLATE "C")` |
//! | `co`, `ew`, `ne`, `pr`, `not` | none helps: they read every row of the tenant |
//! | of a multi-valued attribute | on the column, followed by that of the join |
//!
//! Put the column of the tenant first. An `or` uses indexes if each of its operands has one.
//!
//! # Pages
//!
//! `LIMIT` and `count(*)` belong into the statement only where the condition [is exact](SqlCondition::is_exact).
//! Otherwise rows that don't match are among the page, and the total is known after every row was asked.

mod condition;

use keyfob_core::{
    AttrPath, Attribute, Dialect, PathError, ResourceType, SmolStr,
    schema::{AttributeType, ResolveError, Target},
};
use thiserror::Error;

pub use self::condition::{Bind, SqlCondition};

/// The dialects of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlDialect {
    /// PostgreSQL: values stand at `$1`, `$2` and so on.
    PostgreSql,
    /// SQLite 3.23 or later: values stand at `?`.
    Sqlite,
    /// `MySQL` 8 and `MariaDB` 10.2 or later: values stand at `?`.
    MySql,
}

/// The columns that hold a resource type's attributes.
///
/// A column is SQL of the application's: a name, or an expression over names. It is never made of what a client sent,
/// which its type makes hard to get wrong.
#[derive(Clone, Debug)]
pub struct Columns {
    resource_type: ResourceType,
    dialect: SqlDialect,
    values: Vec<(AttrPath, Column)>,
    rows: Vec<(AttrPath, Rows)>,
}

/// A column and the form in which it holds values.
#[derive(Clone, Copy, Debug)]
struct Column {
    sql: &'static str,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Key,
    Folded,
    Boolean,
    Integer,
    Decimal,
    Instant,
}

/// The table that holds the values of a multi-valued attribute, one a row.
#[derive(Clone, Copy, Debug)]
struct Rows {
    table: &'static str,
    join: &'static str,
}

impl Columns {
    /// Begins a map without columns.
    #[must_use]
    pub fn new(resource_type: &ResourceType, dialect: SqlDialect) -> Self {
        Self {
            resource_type: resource_type.clone(),
            dialect,
            values: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Adds a column that holds the [key](keyfob_core::Attribute::compare_key) of a text, and NULL where there is none.
    ///
    /// # Errors
    /// [`ColumnsError`], where the path names no text of the resource type, or one of a multi-valued attribute without
    /// [`rows`](Self::rows).
    pub fn key(self, path: &str, column: &'static str) -> Result<Self, ColumnsError> {
        self.with(path, column, Form::Key)
    }

    /// Adds a column or an expression that holds a text folded in the database's own way, such as `lower(title)`. `eq`,
    /// `sw`, `co` and `ew` are asked of it, and what it finds has to be asked again.
    ///
    /// Such an expression finds every match whose texts are ASCII. Others, such as `É` in SQLite, it may miss.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn folded(self, path: &str, column: &'static str) -> Result<Self, ColumnsError> {
        self.with(path, column, Form::Folded)
    }

    /// Adds a column that holds a boolean.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn boolean(self, path: &str, column: &'static str) -> Result<Self, ColumnsError> {
        self.with(path, column, Form::Boolean)
    }

    /// Adds a column that holds an integer of 64 bits.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn integer(self, path: &str, column: &'static str) -> Result<Self, ColumnsError> {
        self.with(path, column, Form::Integer)
    }

    /// Adds a column that holds a floating-point number of 64 bits.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn decimal(self, path: &str, column: &'static str) -> Result<Self, ColumnsError> {
        self.with(path, column, Form::Decimal)
    }

    /// Adds a column that holds a `dateTime` as the milliseconds since the start of 1970 in UTC, such as
    /// `(extract(epoch FROM created_at) * 1000)::bigint`.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn instant(self, path: &str, column: &'static str) -> Result<Self, ColumnsError> {
        self.with(path, column, Form::Instant)
    }

    /// Says that a table holds the values of a multi-valued attribute, or the members of a relation, one a row: the table
    /// with its alias, and the condition that joins it. Columns of its sub-attributes follow.
    ///
    /// # Errors
    /// [`ColumnsError`], where the path names no multi-valued attribute of the resource type.
    pub fn rows(mut self, path: &str, table: &'static str, join: &'static str) -> Result<Self, ColumnsError> {
        let (resolved, attribute, is_sub) = self.resolve(path)?;
        if !attribute.multi_valued || is_sub {
            return Err(ColumnsError::SingleValued { path: path.into() });
        }
        if self.rows_of(&resolved).is_some() {
            return Err(ColumnsError::Repeated { path: path.into() });
        }
        self.rows.push((resolved, Rows { table, join }));
        Ok(self)
    }

    /// Returns the condition that finds every resource that matches; nothing where every row has to be asked.
    ///
    /// # Complexity
    /// Linear in the filter, whose terms are [bounded](crate::Limits). Each term has at most four values.
    #[must_use]
    pub fn condition(&self, predicate: &crate::Predicate) -> Option<SqlCondition> {
        condition::condition(self, predicate)
    }

    fn with(mut self, path: &str, sql: &'static str, form: Form) -> Result<Self, ColumnsError> {
        let (resolved, attribute, is_sub) = self.resolve(path)?;
        let expected = match form {
            Form::Key | Form::Folded => {
                matches!(
                    attribute.kind,
                    AttributeType::String | AttributeType::Reference | AttributeType::Binary
                )
            }
            Form::Boolean => attribute.kind == AttributeType::Boolean,
            Form::Integer => attribute.kind == AttributeType::Integer,
            Form::Decimal => attribute.kind == AttributeType::Decimal,
            Form::Instant => attribute.kind == AttributeType::DateTime,
        };
        if !expected {
            let kind = attribute.kind.as_str();
            return Err(ColumnsError::Type {
                path: path.into(),
                kind,
            });
        }
        let is_many = self.parent(&resolved).is_some_and(|parent| parent.multi_valued);
        if is_many && self.rows_of(&resolved.with_sub(None)).is_none() || is_sub && attribute.multi_valued {
            return Err(ColumnsError::MultiValued { path: path.into() });
        }
        if self.column(&resolved).is_some() {
            return Err(ColumnsError::Repeated { path: path.into() });
        }
        self.values.push((resolved, Column { sql, form }));
        Ok(self)
    }

    /// Returns the path in the schema's spelling, the attribute that it names, and whether that is a sub-attribute.
    fn resolve(&self, path: &str) -> Result<(AttrPath, &Attribute, bool), ColumnsError> {
        let parsed = AttrPath::parse(path)?;
        match self.resource_type.resolve(&parsed, Dialect::strict())? {
            Target::Attribute(target) => {
                let leaf = target.leaf();
                // GET makes these of what the service knows, and no row holds them.
                let is_shown = target.attribute.name.is("schemas")
                    || leaf.name.is("$ref")
                    || target.attribute.name.is("meta")
                        && (leaf.name.is("location") || leaf.name.is("version"));
                if is_shown {
                    return Err(ColumnsError::Shown { path: path.into() });
                }
                Ok((target.to_path(), leaf, target.sub.is_some()))
            }
            Target::Extension(schema) => Err(ColumnsError::Resolve(ResolveError::Schema {
                uri: schema.id.clone(),
            })),
        }
    }

    /// The attribute of a path, without its sub-attribute.
    fn parent(&self, path: &AttrPath) -> Option<&Attribute> {
        match self
            .resource_type
            .resolve(&path.with_sub(None), Dialect::strict())
        {
            Ok(Target::Attribute(target)) => Some(target.attribute),
            _ => None,
        }
    }

    fn column(&self, path: &AttrPath) -> Option<Column> {
        let mut values = self.values.iter();
        values
            .find(|(present, _)| present == path)
            .map(|(_, column)| *column)
    }

    fn rows_of(&self, path: &AttrPath) -> Option<Rows> {
        let mut rows = self.rows.iter();
        rows.find(|(present, _)| present == path).map(|(_, rows)| *rows)
    }
}

/// The error when a column doesn't fit the resource type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ColumnsError {
    /// The path is malformed.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The path names nothing in the resource type, or a schema.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The attribute is of another type than the column.
    #[error("`{path}` is of type {kind}, and the column holds another one")]
    Type {
        /// The path.
        path: SmolStr,
        /// The attribute's type.
        kind: &'static str,
    },
    /// The attribute has many values, and no rows were declared for them.
    #[error("`{path}` has many values: say by `rows` which table holds them")]
    MultiValued {
        /// The path.
        path: SmolStr,
    },
    /// Rows were declared for an attribute that has one value.
    #[error("`{path}` has one value and needs a column instead of rows")]
    SingleValued {
        /// The path.
        path: SmolStr,
    },
    /// The service makes the attribute when it shows a resource.
    #[error("`{path}` is made when a resource is shown, and no column holds it")]
    Shown {
        /// The path.
        path: SmolStr,
    },
    /// The path was given before.
    #[error("`{path}` has a column already")]
    Repeated {
        /// The path.
        path: SmolStr,
    },
}

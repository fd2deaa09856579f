//! The columns of a table with their attributes, and how rows and documents are made of one another.

use keyfob_core::{
    AttrName, AttrPath, Attribute, Collation, CompareKey, Object, Registry, Resource, ResourceType,
    SchemaUri, SmolStr, Value, json,
    schema::{AttributeType, Mutability},
    validate::is_primary,
};
use keyfob_store::UniqueKey;

use crate::{
    error::ShapeError,
    row::{CREATED, Cell, HIDDEN, Row},
    shape::{Column, Kind, Shape, type_of},
};

/// The text behind the name of a multi-valued attribute whose main value has columns.
const MAIN: &str = "[primary]";

/// The columns of one table with their attributes.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    kind: Kind,
    schema: SchemaUri,
    pub(crate) columns: Vec<Placed>,
}

/// A column with its attribute.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) column: Column,
    /// The path in the schema's spelling.
    pub(crate) path: AttrPath,
    pub(crate) collation: Collation,
    kind: AttributeType,
    /// Whether it holds something of the main value of many.
    is_main: bool,
}

impl Layout {
    /// Finds the attributes of a table's columns.
    pub(crate) fn of(shape: &Shape, kind: Kind, registry: &Registry) -> Result<Self, ShapeError> {
        let resource_type = type_of(registry, kind)?;
        let mut columns: Vec<Placed> = Vec::new();
        for column in &shape.table(kind).columns {
            let placed = Placed::of(column, kind, resource_type)?;
            if [HIDDEN, CREATED].contains(&column.name.as_str()) {
                return Err(ShapeError::ReservedColumn {
                    column: column.name.clone(),
                });
            }
            let is_twice = |other: &Placed| other.column.name == column.name || other.path == placed.path;
            if columns.iter().any(is_twice) {
                return Err(ShapeError::Duplicate {
                    column: column.name.clone(),
                    path: column.path.clone(),
                });
            }
            columns.push(placed);
        }
        Ok(Self {
            kind,
            schema: resource_type.schema().id.clone(),
            columns,
        })
    }

    /// Checks that everything that a resource must have has a column.
    pub(crate) fn check_required(&self, resource_type: &ResourceType) -> Result<(), ShapeError> {
        let missing = resource_type.attributes().find(|(uri, attribute)| {
            let is_common = resource_type
                .common()
                .attribute(attribute.name.as_str())
                .is_some();
            let is_sent = attribute.required && attribute.mutability != Mutability::ReadOnly && !is_common;
            is_sent && uri.is_none() && !self.keeps(None, attribute, None)
        });
        match missing {
            None => Ok(()),
            Some((_, attribute)) => Err(ShapeError::Missing {
                path: attribute.name.as_str().into(),
                kind: self.kind.name(),
            }),
        }
    }

    /// Whether an attribute or one of its sub-attributes has a column. A multi-valued attribute is kept whole, since its
    /// other values stand in the side tables.
    pub(crate) fn keeps(
        &self,
        extension: Option<&SchemaUri>,
        attribute: &Attribute,
        sub: Option<&Attribute>,
    ) -> bool {
        self.columns.iter().any(|placed| {
            placed.path.schema() == extension
                && *placed.path.name() == attribute.name
                && (attribute.multi_valued || sub.is_none_or(|sub| placed.path.sub() == Some(&sub.name)))
        })
    }

    /// The column that holds an attribute, by its path as unique keys and the index name it.
    pub(crate) fn column_of(&self, path: &str) -> Option<(usize, &Placed)> {
        let path = AttrPath::parse(path).ok()?;
        let columns = self.columns.iter().enumerate();
        let mut of_path = columns.filter(|(_, placed)| placed.path == path);
        of_path.next()
    }

    /// The keys of a row: those of its unique columns.
    pub(crate) fn keys(&self, cells: &[Cell]) -> Vec<UniqueKey> {
        let columns = self.columns.iter().zip(cells);
        let keys = columns.filter_map(|(placed, cell)| match cell {
            Cell::Text(text) if placed.column.is_unique => {
                let key = CompareKey::new(placed.collation, text);
                Some(UniqueKey::new(placed.path.to_string(), key))
            }
            _ => None,
        });
        keys.collect()
    }

    /// The attributes of unique columns, as unique keys name them.
    pub(crate) fn unique_attributes(&self) -> Vec<SmolStr> {
        let unique = self.columns.iter().filter(|placed| placed.column.is_unique);
        unique.map(|placed| placed.path.to_string().into()).collect()
    }

    /// The path of the column that the name of a unique constraint names, of those that are declared as unique first.
    pub(crate) fn taken(&self, constraint: &str) -> Option<SmolStr> {
        let is_boundary =
            |character: Option<char>| character.is_none_or(|character| !character.is_alphanumeric());
        let names = |name: &str| {
            constraint.match_indices(name).any(|(start, _)| {
                let (before, rest) = constraint.split_at(start);
                let after = rest.strip_prefix(name).unwrap_or_default();
                is_boundary(before.chars().next_back()) && is_boundary(after.chars().next())
            })
        };
        let find = |is_unique| {
            let mut columns = self.columns.iter();
            columns.find(|placed| placed.column.is_unique == is_unique && names(&placed.column.name))
        };
        let taken = find(true).or_else(|| find(false))?;
        Some(taken.path.to_string().into())
    }

    /// Takes the values of the columns out of a document, and returns them and what is left.
    ///
    /// A value that is not of its attribute's type is left where it is. Where the value of an element is taken out, `null`
    /// marks its place.
    pub(crate) fn split(&self, document: &Resource) -> (Vec<Cell>, Resource) {
        let mut rest = document.clone();
        rest.relations_mut().clear();
        let cells = self.columns.iter().map(|placed| placed.take(&mut rest));
        (cells.collect(), rest)
    }

    /// Puts the values of a row into what was left of its document, or into an empty one.
    ///
    /// A value that doesn't fit its attribute is an error, described without the value, and not an attribute without a value:
    /// a client would take a user whose `active` is `N` for one that is active.
    pub(crate) fn join(&self, row: &Row, rest: Option<Resource>) -> Result<Resource, String> {
        let mut document = rest.unwrap_or_else(|| Resource::new([self.schema.clone()]));
        for (placed, cell) in self.columns.iter().zip(&row.cells) {
            placed.put(&mut document, placed.value(cell)?);
        }
        // A row that lost a value may leave an extension that holds nothing, which is then no longer there.
        for uri in self.columns.iter().filter_map(|placed| placed.path.schema()) {
            drop(document.extension_mut(uri));
        }
        Ok(document)
    }

    /// A text at the top of the document, without making all of it.
    pub(crate) fn text(&self, row: &Row, rest: &str, attribute: &str) -> Option<SmolStr> {
        match self
            .column_of(attribute)
            .and_then(|(number, _)| row.cells.get(number))
        {
            Some(Cell::Text(text)) => Some(text.clone()),
            _ => text_of(rest, attribute),
        }
    }
}

/// A text at the top of a document in JSON.
pub(crate) fn text_of(document: &str, attribute: &str) -> Option<SmolStr> {
    let object = json::object_from_slice(document.as_bytes()).ok()?;
    object.get_str(attribute).map(SmolStr::from)
}

impl Placed {
    fn of(column: &Column, kind: Kind, resource_type: &ResourceType) -> Result<Self, ShapeError> {
        let is_main = column.path.contains(MAIN);
        let unknown = || ShapeError::UnknownAttribute {
            column: column.name.clone(),
            path: column.path.clone(),
            kind: kind.name(),
        };
        let unfit = |found| ShapeError::UnfitAttribute {
            column: column.name.clone(),
            path: column.path.clone(),
            found,
        };
        let path = AttrPath::parse(&column.path.replacen(MAIN, "", 1)).map_err(|_| unknown())?;
        let resolved = resource_type.resolve_attribute(&path).map_err(|_| unknown())?;
        let (path, leaf) = (resolved.to_path(), resolved.leaf());
        let name = resolved.attribute.name.as_str();
        let is_elsewhere = path.schema().is_none()
            && (resource_type.relation(name).is_some() || name == "id" || name == "meta");
        match () {
            () if is_elsewhere => Err(unfit("not part of the document")),
            () if leaf.is_complex() => Err(unfit("complex")),
            () if resolved.attribute.multi_valued && resolved.sub.is_none() => Err(unfit("multi-valued")),
            () if resolved.attribute.multi_valued && !is_main => {
                Err(unfit("of many values (`[primary]` behind the name chooses one)"))
            }
            () if is_main && !resolved.attribute.multi_valued => Err(unfit("not of many values")),
            () if resolved.sub.is_some_and(|sub| sub.multi_valued) => Err(unfit("multi-valued")),
            () => Ok(Self {
                column: column.clone(),
                path,
                collation: leaf.collation(),
                kind: leaf.kind,
                is_main,
            }),
        }
    }

    /// Takes the value out of a document.
    fn take(&self, document: &mut Resource) -> Cell {
        let object = match self.path.schema() {
            None => document.core_mut(),
            Some(uri) => {
                let extensions = document.extensions_mut().iter_mut();
                match extensions.into_iter().find(|(present, _)| present == uri) {
                    Some((_, object)) => object,
                    None => return Cell::Null,
                }
            }
        };
        let name = self.path.name().as_str();
        match self.path.sub() {
            None => self.take_from(object, name),
            Some(sub) if self.is_main => {
                let Some(Value::Array(elements)) = object.get_mut(name) else {
                    return Cell::Null;
                };
                let main = main(elements);
                let Some(element) = elements.get_mut(main).and_then(Value::as_object_mut) else {
                    return Cell::Null;
                };
                match element.get(sub.as_str()).and_then(|value| self.cell(value)) {
                    Some(cell) => {
                        element.insert(sub.clone(), Value::Null);
                        cell
                    }
                    None => Cell::Null,
                }
            }
            Some(sub) => {
                let Some(complex) = object.get_mut(name).and_then(Value::as_object_mut) else {
                    return Cell::Null;
                };
                let cell = self.take_from(complex, sub.as_str());
                if complex.is_empty() && cell != Cell::Null {
                    object.remove(name);
                }
                cell
            }
        }
    }

    fn take_from(&self, object: &mut Object, name: &str) -> Cell {
        match object.get(name).and_then(|value| self.cell(value)) {
            Some(cell) => {
                object.remove(name);
                cell
            }
            None => Cell::Null,
        }
    }

    /// The value as the column holds it, if it is of the attribute's type.
    fn cell(&self, value: &Value) -> Option<Cell> {
        match (self.kind, value) {
            (AttributeType::Boolean, Value::Bool(value)) => Some(Cell::Bool(*value)),
            (AttributeType::Integer, Value::Integer(value)) => Some(Cell::Integer(*value)),
            (AttributeType::Decimal, Value::Decimal(value)) => Some(Cell::Real(*value)),
            (
                AttributeType::String
                | AttributeType::Reference
                | AttributeType::DateTime
                | AttributeType::Binary,
                Value::String(text),
            ) => Some(Cell::Text(text.clone())),
            _ => None,
        }
    }

    /// The value of a column as the attribute has it; none where there is none.
    fn value(&self, cell: &Cell) -> Result<Option<Value>, String> {
        let found = match (self.kind, cell) {
            (_, Cell::Null) => return Ok(None),
            (AttributeType::Boolean, Cell::Bool(value)) => return Ok(Some(Value::Bool(*value))),
            (AttributeType::Boolean, Cell::Integer(number @ (0 | 1))) => {
                return Ok(Some(Value::Bool(*number == 1)));
            }
            (AttributeType::Integer | AttributeType::Decimal, Cell::Integer(value)) => {
                return Ok(Some(Value::Integer(*value)));
            }
            (AttributeType::Decimal, Cell::Real(value)) if value.is_finite() => {
                return Ok(Some(Value::Decimal(*value)));
            }
            (
                AttributeType::String
                | AttributeType::Reference
                | AttributeType::DateTime
                | AttributeType::Binary,
                Cell::Text(text),
            ) => return Ok(Some(Value::String(text.clone()))),
            (_, Cell::Bool(_)) => "a boolean",
            (_, Cell::Integer(_)) => "a whole number",
            (_, Cell::Real(_)) => "a number with a fraction",
            (_, Cell::Text(_)) => "a text",
        };
        Err(format!(
            "the column `{}` holds {found}, and `{}` is of the type {}",
            self.column.name,
            self.path,
            self.kind.as_str()
        ))
    }

    /// Puts the value of the column into what is left of a document.
    fn put(&self, document: &mut Resource, value: Option<Value>) {
        if value.is_none() && !self.is_main {
            return;
        }
        let mut attributes = document.attributes_mut(self.path.schema());
        let object: &mut Object = &mut attributes;
        let name = self.path.name();
        match (self.path.sub(), value) {
            (Some(sub), value) if self.is_main => put_main(object, name, sub, value),
            (None, Some(value)) => drop(object.insert(name.clone(), value)),
            (Some(sub), Some(value)) => {
                if let Some(complex) = object.get_mut(name.as_str()).and_then(Value::as_object_mut) {
                    complex.insert(sub.clone(), value);
                } else {
                    let mut complex = Object::new();
                    complex.insert(sub.clone(), value);
                    object.insert(name.clone(), complex);
                }
            }
            // What stands there didn't fit the column.
            (_, None) => {}
        }
    }
}

/// Puts a value into the main element of many. Without a `value` an element that had one is gone.
fn put_main(object: &mut Object, name: &AttrName, sub: &AttrName, value: Option<Value>) {
    let mut elements = match object.remove(name.as_str()) {
        Some(Value::Array(elements)) => elements,
        // Not of the attribute's type, so that no column has anything of it.
        Some(other) if value.is_none() => {
            object.insert(name.clone(), other);
            return;
        }
        _ => Vec::new(),
    };
    let main = main(&elements);
    match (elements.get_mut(main).and_then(Value::as_object_mut), value) {
        (Some(element), Some(value)) => drop(element.insert(sub.clone(), value)),
        (Some(element), None) if element.get(sub.as_str()) == Some(&Value::Null) => {
            if sub.is("value") {
                elements.remove(main);
            } else {
                element.remove(sub.as_str());
            }
        }
        (None, Some(value)) => {
            let mut element = Object::new();
            element.insert(sub.clone(), value);
            element.insert("primary", true);
            elements.push(element.into());
        }
        (_, None) => {}
    }
    if !elements.is_empty() {
        object.insert(name.clone(), elements);
    }
}

/// The place of the primary one, or else of the first.
fn main(elements: &[Value]) -> usize {
    elements.iter().position(is_primary).unwrap_or(0)
}

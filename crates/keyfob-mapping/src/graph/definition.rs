//! The attributes on both sides of a synchronization schema.

use smol_str::SmolStr;

use crate::document::{ImportError, Reader};

/// A directory: one side of a synchronization.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Directory {
    /// Its name.
    pub name: SmolStr,
    /// The types of its objects.
    pub objects: Vec<ObjectDefinition>,
}

/// A type of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectDefinition {
    /// Its name.
    pub name: SmolStr,
    /// Its attributes.
    pub attributes: Vec<AttributeDefinition>,
}

/// An attribute of a type of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the characteristics as Graph has them"
)]
pub struct AttributeDefinition {
    /// Its name; in a SCIM application its path.
    pub name: SmolStr,
    /// Its type, as in `String`, `Boolean`, `DateTime`, `Reference`.
    pub kind: SmolStr,
    /// If true, objects are told apart by it.
    pub anchor: bool,
    /// If true, its text is compared exactly.
    pub case_exact: bool,
    /// If true, it takes many values.
    pub multi_valued: bool,
    /// If true, an object must have it.
    pub required: bool,
    /// If true, null flows and takes the target's value away.
    pub flow_null_values: bool,
    /// The side that may change it, as in `ReadWrite`, `ReadOnly`, `Immutable`, `WriteOnly`.
    pub mutability: SmolStr,
}

impl Directory {
    /// The type of objects with this name.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&ObjectDefinition> {
        self.objects.iter().find(|object| object.name == name)
    }
}

impl ObjectDefinition {
    /// The attribute with this name, whose case counts.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&AttributeDefinition> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

pub(super) fn directories(document: &Reader<'_>) -> Result<Vec<Directory>, ImportError> {
    let directory = |reader: &Reader<'_>| {
        let objects = reader.objects("objects")?;
        Ok(Directory {
            name: reader.required_text("name")?.into(),
            objects: objects.iter().map(object).collect::<Result<_, _>>()?,
        })
    };
    document.objects("directories")?.iter().map(directory).collect()
}

fn object(reader: &Reader<'_>) -> Result<ObjectDefinition, ImportError> {
    let attributes = reader.objects("attributes")?;
    Ok(ObjectDefinition {
        name: reader.required_text("name")?.into(),
        attributes: attributes.iter().map(attribute).collect::<Result<_, _>>()?,
    })
}

fn attribute(reader: &Reader<'_>) -> Result<AttributeDefinition, ImportError> {
    let flag = |member| Ok::<_, ImportError>(reader.flag(member)?.unwrap_or(false));
    Ok(AttributeDefinition {
        name: reader.required_text("name")?.into(),
        kind: reader.text("type")?.unwrap_or("String").into(),
        anchor: flag("anchor")?,
        case_exact: flag("caseExact")?,
        multi_valued: flag("multivalued")?,
        required: flag("required")?,
        flow_null_values: flag("flowNullValues")?,
        mutability: reader.text("mutability")?.unwrap_or("ReadWrite").into(),
    })
}

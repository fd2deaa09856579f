//! Schemas from and to the RFC's own JSON form (RFC 7643 section 7).

use std::{cell::RefCell, collections::HashSet};

use smol_str::{SmolStr, format_smolstr};

use super::{
    AttrId, Attribute, AttributeType, Format, Mutability, Returned, Schema, SchemaError, Uniqueness,
};
use crate::{
    json,
    message::{Deviation, Deviations},
    name::{AttrName, SchemaUri, closest},
    render::excerpt,
    resource::Resource,
    value::{Object, Value},
};

/// The members of a schema; a schema that was served has `meta` too.
const SCHEMA: [&str; 6] = ["schemas", "id", "name", "description", "attributes", "meta"];

/// The characteristics of an attribute.
const ATTRIBUTE: [&str; 12] = [
    "name",
    "type",
    "multiValued",
    "description",
    "required",
    "canonicalValues",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "referenceTypes",
    "subAttributes",
];

/// Levels of attributes in a schema (RFC 7643 section 2.3.8).
const MAX_DEPTH: usize = 2;

impl Schema {
    /// Reads a schema in the form in which `/Schemas` serves it. Characteristics that are left out take the defaults
    /// of RFC 7643 section 2.2. A member that means nothing is an error, since it may be a characteristic with a slip of the
    /// pen, whose default would hold without a word.
    ///
    /// # Errors
    /// [`SchemaError`] names the member that is missing, wrong or unknown.
    ///
    /// ```
    /// use keyfob_core::Schema;
    ///
    /// let slip = br#"{"id": "urn:example:badge", "attributes": [{"name": "colour", "mutabilty": "readOnly"}]}"#;
    /// assert_eq!(
    ///     Schema::from_json(slip).map(|_| ()).map_err(|error| error.to_string()),
    ///     Err("`attributes.colour.mutabilty` means nothing here; did you mean `mutability`?".to_owned())
    /// );
    /// ```
    pub fn from_json(text: &[u8]) -> Result<Self, SchemaError> {
        Self::from_object(&json::object_from_slice(text)?)
    }

    /// Reads a schema out of a decoded body.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_object(object: &Object) -> Result<Self, SchemaError> {
        Self::read(Reader {
            object,
            path: "",
            tolerated: None,
        })
    }

    /// Reads a schema that a server answered with, whatever is wrong in it: a characteristic that can't be understood
    /// takes its default, an attribute without a legal name is passed over, and each is noted.
    ///
    /// # Errors
    /// [`SchemaError`] when the schema has no `id` that is a URI.
    ///
    /// ```
    /// use keyfob_core::{Schema, json, message::Deviations, schema::Mutability};
    ///
    /// let answer = json::object_from_slice(br#"{
    ///     "id": "urn:example:badge:1.0:User",
    ///     "attributes": [{"name": "colour", "type": "string", "multiValued": "false", "mutability": "rw"}]
    /// }"#)?;
    /// let mut deviations = Deviations::new();
    /// let schema = Schema::from_answer(&answer, &mut deviations)?;
    /// assert_eq!(schema.attribute("colour").ok_or("no such attribute")?.mutability, Mutability::ReadWrite);
    /// assert_eq!(deviations.iter().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_answer(object: &Object, deviations: &mut Deviations) -> Result<Self, SchemaError> {
        let tolerated = RefCell::new(deviations);
        Self::read(Reader {
            object,
            path: "",
            tolerated: Some(&tolerated),
        })
    }

    fn read(reader: Reader<'_, '_>) -> Result<Self, SchemaError> {
        reader.check_members(&SCHEMA)?;
        let text = reader.text("id")?.ok_or_else(|| reader.missing("id"))?;
        let id = SchemaUri::new(text.clone());
        if !id.is_legal() {
            return Err(reader.invalid("id", "a URI"));
        }
        // In the schema of schemas sub-attributes have sub-attributes (RFC 7643 section 7).
        let depth = MAX_DEPTH + usize::from(id == SchemaUri::SCHEMA);
        let mut attributes = reader.attributes("attributes", depth)?;
        if id == SchemaUri::USER {
            give_formats(&mut attributes);
        }
        Ok(Self {
            id,
            name: reader.text("name")?.unwrap_or(text),
            description: reader.text("description")?.unwrap_or_default(),
            attributes,
        })
    }

    /// The schema as `/Schemas` serves it, without `meta`.
    #[must_use]
    pub fn to_resource(&self) -> Resource {
        let mut resource = Resource::new([SchemaUri::SCHEMA]);
        let core = resource.core_mut();
        core.insert("id", self.id.as_str());
        core.insert("name", self.name.clone());
        core.insert("description", self.description.clone());
        core.insert("attributes", attributes_to_value(&self.attributes));
        resource
    }
}

/// Gives the attributes of the core User the forms that RFC 7643 section 4.1 has for them.
fn give_formats(attributes: &mut [Attribute]) {
    for attribute in attributes {
        attribute.format = Format::of_user_attribute(attribute.name.as_str());
        give_formats(&mut attribute.sub_attributes);
    }
}

/// Reads the members of an object, each once.
#[derive(Clone, Copy)]
pub(super) struct Reader<'o, 'd> {
    object: &'o Object,
    path: &'o str,
    /// Where faults are noted; without it they are errors.
    tolerated: Option<&'o RefCell<&'d mut Deviations>>,
}

impl<'o> Reader<'o, '_> {
    /// Reads an object at a path, in which every fault is an error.
    pub(super) fn strict(object: &'o Object, path: &'o str) -> Self {
        Self {
            object,
            path,
            tolerated: None,
        }
    }
}

impl Reader<'_, '_> {
    /// Refuses a member that is none of these. What a server adds to its answers is its own.
    pub(super) fn check_members(&self, known: &'static [&'static str]) -> Result<(), SchemaError> {
        if self.tolerated.is_some() {
            return Ok(());
        }
        let mut members = self.object.iter().map(|(name, _)| name);
        match members.find(|name| !known.iter().any(|known| name.is(known))) {
            None => Ok(()),
            Some(unknown) => Err(SchemaError::Unknown {
                path: self.at(&excerpt(unknown.as_str())),
                meant: closest(unknown.as_str(), known.iter().copied()),
                known,
            }),
        }
    }

    /// Notes a fault where faults are tolerated.
    fn tolerate(&self, fault: SchemaError) -> Result<(), SchemaError> {
        let Some(deviations) = self.tolerated else {
            return Err(fault);
        };
        let (path, rule) = match &fault {
            SchemaError::Missing { path } => (path.clone(), "is missing".into()),
            SchemaError::Invalid { path, expected } => (path.clone(), format_smolstr!("is not {expected}")),
            SchemaError::Duplicate { path } => (path.clone(), "is defined twice".into()),
            SchemaError::TooDeep { path } => (path.clone(), "nests too deep".into()),
            SchemaError::Json(_) | SchemaError::Unknown { .. } => return Err(fault),
        };
        let deviation = Deviation::new(path, rule, "RFC 7643 section 7");
        deviations.borrow_mut().note(deviation);
        Ok(())
    }

    pub(super) fn at(&self, member: &str) -> SmolStr {
        if self.path.is_empty() {
            member.into()
        } else {
            format_smolstr!("{}.{member}", self.path)
        }
    }

    pub(super) fn missing(&self, member: &str) -> SchemaError {
        SchemaError::Missing {
            path: self.at(member),
        }
    }

    pub(super) fn invalid(&self, member: &str, expected: &'static str) -> SchemaError {
        SchemaError::Invalid {
            path: self.at(member),
            expected,
        }
    }

    fn get(&self, member: &str) -> Option<&Value> {
        self.object.get(member).filter(|value| **value != Value::Null)
    }

    pub(super) fn text(&self, member: &str) -> Result<Option<SmolStr>, SchemaError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => self.tolerate(self.invalid(member, "a string")).map(|()| None),
        }
    }

    pub(super) fn flag(&self, member: &str) -> Result<bool, SchemaError> {
        match self.get(member) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => {
                self.tolerate(self.invalid(member, "a boolean"))?;
                Ok(other
                    .as_str()
                    .is_some_and(|text| text.eq_ignore_ascii_case("true")))
            }
        }
    }

    pub(super) fn texts(&self, member: &str) -> Result<Vec<SmolStr>, SchemaError> {
        let values = self.get(member).map(Value::as_elements).unwrap_or_default();
        let texts: Vec<_> = values
            .iter()
            .filter_map(|value| value.as_str().map(SmolStr::new))
            .collect();
        if texts.len() != values.len() {
            self.tolerate(self.invalid(member, "an array of strings"))?;
        }
        Ok(texts)
    }

    fn keyword<T: Copy>(
        &self,
        member: &str,
        all: &[T],
        as_str: fn(T) -> &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, SchemaError> {
        let Some(text) = self.text(member)? else {
            return Ok(None);
        };
        let found = all
            .iter()
            .copied()
            .find(|keyword| as_str(*keyword).eq_ignore_ascii_case(&text));
        if found.is_none() {
            self.tolerate(self.invalid(member, expected))?;
        }
        Ok(found)
    }

    fn attributes(&self, member: &str, depth: usize) -> Result<Vec<Attribute>, SchemaError> {
        let mut attributes: Vec<Attribute> = Vec::new();
        // A set, since a server may answer with a schema of any size.
        let mut names = HashSet::new();
        for value in self.get(member).map(Value::as_elements).unwrap_or_default() {
            let Some(object) = value.as_object() else {
                self.tolerate(self.invalid(member, "an array of attributes"))?;
                continue;
            };
            let Some(name) = object.get_str("name") else {
                self.tolerate(self.missing(&format_smolstr!("{member}.name")))?;
                continue;
            };
            let path = self.at(&format_smolstr!("{member}.{name}"));
            if depth == 0 {
                self.tolerate(SchemaError::TooDeep { path })?;
                continue;
            }
            let reader = Reader {
                object,
                path: &path,
                tolerated: self.tolerated,
            };
            let name = AttrName::new(name);
            if !name.is_legal() {
                self.tolerate(reader.invalid("name", "an attribute name (RFC 7643 section 2.1)"))?;
                continue;
            }
            if !names.insert(name.clone()) {
                self.tolerate(SchemaError::Duplicate { path })?;
                continue;
            }
            attributes.push(reader.attribute(name, depth)?);
        }
        Ok(attributes)
    }

    fn attribute(&self, name: AttrName, depth: usize) -> Result<Attribute, SchemaError> {
        self.check_members(&ATTRIBUTE)?;
        let mut kind = self
            .keyword(
                "type",
                &AttributeType::ALL,
                AttributeType::as_str,
                "an attribute type: `string`, `boolean`, `decimal`, `integer`, `dateTime`, `binary`, `reference` or `complex`",
            )?
            .unwrap_or(AttributeType::String);
        let sub_attributes = self.attributes("subAttributes", depth - 1)?;
        if (kind == AttributeType::Complex) == sub_attributes.is_empty() {
            self.tolerate(if sub_attributes.is_empty() {
                self.missing("subAttributes")
            } else {
                self.invalid("type", "`complex`, although there are sub-attributes")
            })?;
            kind = AttributeType::Complex;
        }
        Ok(Attribute {
            id: AttrId::UNREGISTERED,
            name,
            kind,
            multi_valued: self.flag("multiValued")?,
            description: self.text("description")?.unwrap_or_default(),
            required: self.flag("required")?,
            canonical_values: self.texts("canonicalValues")?,
            // References and binary values are compared exactly whatever the schema says (RFC 7643 sections 2.3.6, 2.3.7).
            case_exact: self.flag("caseExact")?
                || matches!(kind, AttributeType::Reference | AttributeType::Binary),
            mutability: self
                .keyword(
                    "mutability",
                    &Mutability::ALL,
                    Mutability::as_str,
                    "a mutability: `readOnly`, `readWrite`, `immutable` or `writeOnly`",
                )?
                .unwrap_or(Mutability::ReadWrite),
            returned: self
                .keyword(
                    "returned",
                    &Returned::ALL,
                    Returned::as_str,
                    "a keyword of `returned`: `always`, `never`, `default` or `request`",
                )?
                .unwrap_or(Returned::Default),
            uniqueness: self
                .keyword(
                    "uniqueness",
                    &Uniqueness::ALL,
                    Uniqueness::as_str,
                    "a uniqueness: `none`, `server` or `global`",
                )?
                .unwrap_or(Uniqueness::None),
            reference_types: self.texts("referenceTypes")?,
            sub_attributes,
            format: None,
        })
    }
}

fn attributes_to_value(attributes: &[Attribute]) -> Value {
    Value::Array(
        attributes
            .iter()
            .map(|attribute| Value::Object(attribute_to_object(attribute)))
            .collect(),
    )
}

fn attribute_to_object(attribute: &Attribute) -> Object {
    let texts = |texts: &[SmolStr]| Value::Array(texts.iter().cloned().map(Value::String).collect());
    let mut object = Object::new();
    object.insert("name", attribute.name.as_str());
    object.insert("type", attribute.kind.as_str());
    object.insert("multiValued", attribute.multi_valued);
    object.insert("description", attribute.description.clone());
    object.insert("required", attribute.required);
    if !attribute.canonical_values.is_empty() {
        object.insert("canonicalValues", texts(&attribute.canonical_values));
    }
    if matches!(
        attribute.kind,
        AttributeType::String | AttributeType::Reference | AttributeType::Binary
    ) {
        object.insert("caseExact", attribute.case_exact);
    }
    object.insert("mutability", attribute.mutability.as_str());
    object.insert("returned", attribute.returned.as_str());
    // Sections 2.3.2, 2.3.5 and 2.3.8: these types have no uniqueness.
    if !matches!(
        attribute.kind,
        AttributeType::Boolean | AttributeType::DateTime | AttributeType::Complex
    ) {
        object.insert("uniqueness", attribute.uniqueness.as_str());
    }
    if !attribute.reference_types.is_empty() {
        object.insert("referenceTypes", texts(&attribute.reference_types));
    }
    if !attribute.sub_attributes.is_empty() {
        object.insert("subAttributes", attributes_to_value(&attribute.sub_attributes));
    }
    object
}

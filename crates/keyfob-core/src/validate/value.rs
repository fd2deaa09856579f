//! Makes values canonical for their attribute.

use std::collections::HashMap;

use smol_str::{SmolStr, format_smolstr};

use super::{IgnoreRule, Reader, ValidationError, reader::is_written_json};
use crate::{
    dialect::{Dialect, Quirk},
    json,
    name::AttrName,
    schema::{Attribute, AttributeType, Mutability},
    time::DateTime,
    value::{Object, Value},
};

/// Makes a client's value canonical for `attribute`: [`Reader::value`].
///
/// # Errors
/// As [`Reader::value`].
///
/// # Complexity
/// Linear in the value.
pub fn value(
    attribute: &Attribute,
    value: Value,
    dialect: Dialect,
    path: &str,
) -> Result<Value, ValidationError> {
    Reader::new(dialect).value(attribute, value, path)
}

impl Reader {
    /// Makes a client's value canonical for `attribute`: of its type, with names in the schema's spelling, without
    /// readOnly sub-attributes and without anything unassigned. [`Value::Null`] means that the attribute is unassigned
    /// (RFC 7643 section 2.5), which of many values only `null` and `[]` say: an element of which nothing is left is a
    /// mistake. The dialect says which departures are understood.
    ///
    /// `path` is the attribute's path for messages.
    ///
    /// # Errors
    /// [`ValidationError`], which maps to `invalidValue`.
    ///
    /// # Complexity
    /// Linear in the value.
    pub fn value(
        &mut self,
        attribute: &Attribute,
        value: Value,
        path: &str,
    ) -> Result<Value, ValidationError> {
        if !attribute.multi_valued {
            return match value {
                Value::Null => Ok(Value::Null),
                Value::Array(values) if self.dialect.allows(Quirk::SingleValues) && values.len() <= 1 => {
                    match values.into_iter().next() {
                        None => Ok(Value::Null),
                        Some(Value::Object(object)) if !attribute.is_complex() => {
                            self.wrapped(attribute, object, path)
                        }
                        Some(single) => self.single(attribute, single, path),
                    }
                }
                single => self.single(attribute, single, path),
            };
        }
        let values = match value {
            Value::Null => return Ok(Value::Null),
            Value::Array(values) => values,
            // Nothing is no value, and doesn't say that there are none.
            Value::String(text) if text.is_empty() => {
                return Err(wrong_type(attribute, &Value::String(text), path, true));
            }
            single if self.dialect.allows(Quirk::SingleValues) => vec![single],
            // A bare element of several needs no array, as `SingleAppRoleAssignment` sends it.
            bare @ Value::String(_) if self.dialect.allows(Quirk::BareElements) && takes_bare(attribute) => {
                vec![bare]
            }
            other => return Err(wrong_type(attribute, &other, path, true)),
        };
        let mut canonical = Vec::with_capacity(values.len());
        for value in values {
            canonical.push(self.element(attribute, value, path)?);
        }
        unite_repeated(attribute, &mut canonical);
        let primaries = canonical.iter().filter(|value| is_primary(value)).count();
        if primaries > 1 {
            return Err(ValidationError::TwoPrimaries { path: path.into() });
        }
        Ok(if canonical.is_empty() {
            Value::Null
        } else {
            Value::Array(canonical)
        })
    }

    /// Makes one element of a multi-valued attribute canonical. It is never [`Value::Null`].
    ///
    /// # Errors
    /// As [`value`](Self::value), and where nothing is left once what is unknown or null is gone.
    ///
    /// # Complexity
    /// Linear in the value.
    pub fn element(
        &mut self,
        attribute: &Attribute,
        value: Value,
        path: &str,
    ) -> Result<Value, ValidationError> {
        if value == Value::Null {
            return Err(wrong_type(attribute, &value, path, false));
        }
        match self.single(attribute, value, path)? {
            Value::Null => Err(nothing_left(attribute, path)),
            value => Ok(value),
        }
    }

    /// Makes the value of a single-valued attribute, or what may be one of another, canonical.
    fn single(&mut self, attribute: &Attribute, value: Value, path: &str) -> Result<Value, ValidationError> {
        let dialect = self.dialect;
        match (attribute.kind, value) {
            (_, Value::Null) => Ok(Value::Null),
            (AttributeType::Complex, Value::Object(object)) => self.complex(attribute, object, path),
            (AttributeType::Complex, bare @ Value::String(_)) => {
                if let Some(object) = self.encoded(attribute, &bare) {
                    return self.complex(attribute, object, path);
                }
                let is_understood = (dialect.allows(Quirk::BareValues) && points_at_resources(attribute))
                    || (dialect.allows(Quirk::BareElements) && takes_bare(attribute));
                match bare.as_str() {
                    _ if !is_understood => Err(wrong_type(attribute, &bare, path, false)),
                    Some("") => Ok(Value::Null),
                    Some(text) if is_written_json(text) => Err(ValidationError::WrongType {
                        path: path.into(),
                        expected: "an object".into(),
                        found: "a list or an object that is written as text".into(),
                    }),
                    _ => self.complex(attribute, [("value", bare)].into_iter().collect(), path),
                }
            }
            (AttributeType::Boolean, flag @ Value::Bool(_)) => Ok(flag),
            (AttributeType::Boolean, Value::String(text)) if dialect.allows(Quirk::BooleanStrings) => {
                boolean(&text)
                    .map(Value::Bool)
                    .ok_or_else(|| wrong_type(attribute, &Value::String(text), path, false))
            }
            (AttributeType::Integer, number @ Value::Integer(_))
            | (AttributeType::Decimal, number @ (Value::Integer(_) | Value::Decimal(_))) => Ok(number),
            (AttributeType::String | AttributeType::Reference, Value::String(text)) => {
                match attribute.format() {
                    Some(format) if !dialect.allows(Quirk::LooseFormats) && !format.fits(&text) => {
                        Err(ValidationError::WrongType {
                            path: path.into(),
                            expected: format.expected().into(),
                            found: "this string".into(),
                        })
                    }
                    _ => Ok(Value::String(text)),
                }
            }
            (AttributeType::String, other @ (Value::Integer(_) | Value::Decimal(_) | Value::Bool(_)))
                if dialect.allows(Quirk::StringNumbers) =>
            {
                let text = json::value_to_vec(&other);
                let text = match &*text {
                    // The one integer that has to be read as a decimal number.
                    b"-0.0" => b"-0",
                    text => text,
                };
                Ok(Value::String(SmolStr::new(String::from_utf8_lossy(text))))
            }
            (AttributeType::DateTime, Value::String(text)) if text.parse::<DateTime>().is_ok() => {
                Ok(Value::String(text))
            }
            (AttributeType::Binary, Value::String(text)) if is_base64(&text) => Ok(Value::String(text)),
            (kind, Value::Object(object)) if kind != AttributeType::Complex && attribute.multi_valued => {
                self.wrapped(attribute, object, path)
            }
            (_, other) => Err(wrong_type(attribute, &other, path, false)),
        }
    }

    /// Takes the value of a simple attribute out of the object around it, where the dialect has it so.
    fn wrapped(
        &mut self,
        attribute: &Attribute,
        mut object: Object,
        path: &str,
    ) -> Result<Value, ValidationError> {
        let inner = (self.dialect.allows(Quirk::WrappedValues))
            .then(|| object.remove("value"))
            .flatten();
        match inner {
            Some(inner) if !matches!(inner, Value::Object(_)) => {
                for (name, value) in object {
                    if value != Value::Null {
                        self.unknown(path, name.as_str())?;
                    }
                }
                self.single(attribute, inner, path)
            }
            _ => Err(wrong_type(attribute, &Value::Object(object), path, false)),
        }
    }

    /// Makes a client's change of one complex value canonical: the sub-attributes that it sets, and as [`Value::Null`]
    /// those that it unassigns. What it doesn't name stays as it is (RFC 7644 section 3.5.2.3), so required
    /// sub-attributes may be left out. `None` means that the value is unassigned as a whole.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    ///
    /// # Complexity
    /// Linear in the value.
    pub fn changes(
        &mut self,
        attribute: &Attribute,
        value: Value,
        path: &str,
    ) -> Result<Option<Object>, ValidationError> {
        let single = match value {
            Value::Array(values) if self.dialect.allows(Quirk::SingleValues) && values.len() <= 1 => {
                values.into_iter().next().unwrap_or(Value::Null)
            }
            single => single,
        };
        let single = match single {
            Value::Object(object) => Value::Object(self.renamed(attribute, object)),
            single => single,
        };
        match single {
            Value::Object(object) if points_at_nothing(attribute, object.get_str("value"), self.dialect) => {
                Ok(None)
            }
            Value::Object(object) => self.sub_attributes(attribute, object, path).map(Some),
            other => match self.single(attribute, other, path)? {
                Value::Object(object) => Ok(Some(object)),
                _ => Ok(None),
            },
        }
    }

    /// Reads by which sub-attributes an element is meant, such as one that is to be removed: those that are known and
    /// have a value, at least one of them.
    ///
    /// # Errors
    /// As [`element`](Self::element).
    ///
    /// # Complexity
    /// Linear in the value.
    pub fn criteria(
        &mut self,
        attribute: &Attribute,
        value: Value,
        path: &str,
    ) -> Result<Value, ValidationError> {
        let Value::Object(object) = value else {
            let is_none = |text: &str| text.is_empty() || is_written_json(text);
            if !attribute.is_complex() && value.as_str().is_some_and(is_none) {
                return Err(nothing_left(attribute, path));
            }
            return self.element(attribute, value, path);
        };
        if !attribute.is_complex() {
            return self.element(attribute, Value::Object(object), path);
        }
        let mut criteria = self.sub_attributes(attribute, object, path)?;
        criteria.retain(|_, value| *value != Value::Null);
        if criteria.is_empty() {
            return Err(nothing_left(attribute, path));
        }
        Ok(Value::Object(criteria))
    }

    fn complex(
        &mut self,
        attribute: &Attribute,
        object: Object,
        path: &str,
    ) -> Result<Value, ValidationError> {
        let object = self.renamed(attribute, object);
        if points_at_nothing(attribute, object.get_str("value"), self.dialect) {
            return Ok(Value::Null);
        }
        // One that names a known sub-attribute, if only to say that it has no value, is understood.
        let is_known = |name: &AttrName| attribute.sub_attribute(name.as_str()).is_some();
        let says_unknown = object.iter().any(|(_, value)| *value != Value::Null)
            && !object.iter().any(|(name, _)| is_known(name));
        let mut canonical = self.sub_attributes(attribute, object, path)?;
        canonical.retain(|_, value| *value != Value::Null);
        if canonical.is_empty() {
            return if says_unknown {
                Err(nothing_left(attribute, path))
            } else {
                Ok(Value::Null)
            };
        }
        let lacking = attribute.sub_attributes.iter().find(|sub| {
            let present = canonical.get(sub.name.as_str());
            sub.required
                && sub.mutability != Mutability::ReadOnly
                && present.is_none_or(|value| value.as_str() == Some(""))
        });
        match lacking {
            Some(sub) => Err(ValidationError::Missing {
                path: format_smolstr!("{path}.{}", sub.name),
            }),
            None => Ok(Value::Object(canonical)),
        }
    }

    /// Gives the `value` of the one resource that an attribute points at its name, where the dialect knows a former one:
    /// `managerId` of `manager`.
    fn renamed(&self, attribute: &Attribute, mut object: Object) -> Object {
        if !self.dialect.allows(Quirk::FormerNames)
            || attribute.multi_valued
            || !points_at_resources(attribute)
            || object.get("value").is_some()
        {
            return object;
        }
        let former = format_smolstr!("{}Id", attribute.name);
        if attribute.sub_attribute(&former).is_none()
            && let Some(value) = object.remove(&former)
        {
            object.insert("value", value);
        }
        object
    }

    /// Makes the sub-attributes of a complex value canonical; those that are unassigned stay as `null`.
    fn sub_attributes(
        &mut self,
        attribute: &Attribute,
        object: Object,
        path: &str,
    ) -> Result<Object, ValidationError> {
        let object = match object.get("value").and_then(|text| self.encoded(attribute, text)) {
            None => object,
            Some(mut decoded) => {
                let beside = object.into_iter().filter(|(name, _)| !name.is("value"));
                for (name, value) in beside {
                    decoded.insert(name, value);
                }
                decoded
            }
        };
        let mut canonical = Object::new();
        for (name, inner) in object {
            let Some(sub) = attribute.sub_attribute(name.as_str()) else {
                self.unknown(path, name.as_str())?;
                continue;
            };
            if sub.mutability == Mutability::ReadOnly {
                self.ignore(IgnoreRule::ReadOnly, path, sub.name.as_str())?;
                continue;
            }
            let inner = self.value(sub, inner, &format_smolstr!("{path}.{}", sub.name))?;
            let inner = if inner.is_unassigned() { Value::Null } else { inner };
            canonical.push_new(sub.name.clone(), inner);
        }
        Ok(canonical)
    }

    /// Passes over a sub-attribute that the attribute doesn't have, where the dialect has it so.
    fn unknown(&mut self, path: &str, name: &str) -> Result<(), ValidationError> {
        if !self.dialect.allows(Quirk::UnknownAttributes) {
            return Err(ValidationError::UnknownSubAttribute {
                path: path.into(),
                name: name.into(),
            });
        }
        self.ignore(IgnoreRule::UnknownAttribute, path, name)
    }

    /// The element that a text spells as an object, where the dialect has it so.
    #[must_use]
    pub fn encoded(&self, attribute: &Attribute, text: &Value) -> Option<Object> {
        let text = text.as_str().filter(|text| text.trim_start().starts_with('{'))?;
        if !self.dialect.allows(Quirk::EncodedElements) || !takes_bare(attribute) {
            return None;
        }
        let mut object = json::object_from_slice(text.as_bytes()).ok()?;
        object.get_str("value")?;
        if object.get("display").is_none()
            && let Some(display) = object.remove("displayName")
        {
            object.insert("display", display);
        }
        Some(object)
    }
}

/// Makes one of the elements of an attribute that have the same `type` and `value` (RFC 7643 section 2.4): the first,
/// with what later ones say of it. Elements that point at resources are known by these and stay as they are.
///
/// # Complexity
/// Linear in the elements.
pub fn unite_repeated(attribute: &Attribute, elements: &mut Vec<Value>) {
    if elements.len() < 2 || points_at_resources(attribute) {
        return;
    }
    let mut places: HashMap<(SmolStr, SmolStr), usize> = HashMap::new();
    let mut united: Vec<Value> = Vec::with_capacity(elements.len());
    for element in elements.drain(..) {
        let key = element.as_object().and_then(|object| {
            let value = object.get_str("value")?;
            Some((object.get_str("type").unwrap_or_default().into(), value.into()))
        });
        let place = key.map(|key| *places.entry(key).or_insert(united.len()));
        let first = place
            .and_then(|place| united.get_mut(place))
            .and_then(Value::as_object_mut);
        match (first, element) {
            (Some(first), Value::Object(again)) => {
                for (name, value) in again {
                    first.insert(name, value);
                }
            }
            (_, element) => united.push(element),
        }
    }
    *elements = united;
}

/// What is wrong with an element that says nothing: of one that points at a resource the id is missing.
fn nothing_left(attribute: &Attribute, path: &str) -> ValidationError {
    if points_at_resources(attribute) {
        return ValidationError::Missing {
            path: format_smolstr!("{path}.value"),
        };
    }
    ValidationError::NothingKnown { path: path.into() }
}

/// Returns true if a string can be an element of the attribute: the `value` of one that points at no resource.
fn takes_bare(attribute: &Attribute) -> bool {
    let is_text = |sub: &Attribute| sub.kind == AttributeType::String && !sub.multi_valued;
    attribute.multi_valued
        && attribute.default_sub_attribute().is_some_and(is_text)
        && !points_at_resources(attribute)
}

/// Whether an element says of itself that it is the primary one (RFC 7643 section 2.4).
#[must_use]
pub fn is_primary(value: &Value) -> bool {
    value.as_object().and_then(|object| object.get("primary")) == Some(&Value::Bool(true))
}

/// Whether the single value of `attribute` says by the empty `id` in its `value` that there is no resource to point at,
/// which is how Entra ID takes a manager away ([`Quirk::BareValues`]). An element of several, such as a member without
/// an id, is a mistake instead.
#[must_use]
pub fn points_at_nothing(attribute: &Attribute, id: Option<&str>, dialect: Dialect) -> bool {
    id == Some("")
        && dialect.allows(Quirk::BareValues)
        && !attribute.multi_valued
        && points_at_resources(attribute)
}

/// The boolean that a string spells, in any case.
fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Whether the attribute's values point at resources, so that a bare string can only be the id of one.
fn points_at_resources(attribute: &Attribute) -> bool {
    attribute.default_sub_attribute().is_some() && attribute.sub_attribute("$ref").is_some()
}

/// Base64 or base64url, with white space as certificates come with and padded or not (RFC 7643 section 2.3.6).
fn is_base64(text: &str) -> bool {
    let (mut digits, mut padding) = (0_usize, 0_usize);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'=' => padding += 1,
            b'+' | b'/' | b'-' | b'_' if padding == 0 => digits += 1,
            byte if padding == 0 && byte.is_ascii_alphanumeric() => digits += 1,
            _ => return false,
        }
    }
    digits % 4 != 1 && (padding == 0 || (padding <= 2 && (digits + padding).is_multiple_of(4)))
}

fn wrong_type(attribute: &Attribute, found: &Value, path: &str, array: bool) -> ValidationError {
    let expected = match (array, attribute.kind) {
        (true, _) => "an array",
        (_, AttributeType::Binary) => "a base64 string",
        (_, AttributeType::Boolean) => "a boolean",
        (_, AttributeType::Complex) => "an object",
        (_, AttributeType::DateTime) => "a date and time such as `2008-01-23T04:56:22Z`",
        (_, AttributeType::Decimal) => "a number",
        (_, AttributeType::Integer) => "an integer",
        (_, AttributeType::Reference) => "a URI as a string",
        (_, AttributeType::String) => "a string",
    };
    // Only the type of what was sent is told: a value may be personal, and errors are logged.
    ValidationError::WrongType {
        path: path.into(),
        expected: expected.into(),
        found: match found {
            Value::String(_) if !array && !matches!(attribute.kind, AttributeType::Complex) => {
                "this string".into()
            }
            other => other.type_name().into(),
        },
    }
}

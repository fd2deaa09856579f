//! Mappings from and to the native JSON form.

use std::num::NonZeroU32;

use keyfob_core::{Object, Value, json};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Actions, Apply, AttributeMapping, ObjectMapping};
use crate::{
    document::{self, ImportError, ImportErrorKind, Reader},
    scope,
};

const MEMBERS: [&str; 7] = [
    "name",
    "enabled",
    "source",
    "target",
    "actions",
    "scope",
    "attributes",
];
const ATTRIBUTE_MEMBERS: [&str; 5] = ["target", "expression", "default", "apply", "matching"];
const ACTIONS: [&str; 3] = ["create", "update", "delete"];

impl ObjectMapping {
    /// Reads a mapping in the native form:
    ///
    /// ```
    /// use keyfob_mapping::ObjectMapping;
    ///
    /// let mapping = ObjectMapping::from_json(br#"{
    ///     "source": "User",
    ///     "target": "User",
    ///     "scope": [[{"sourceOperandName": "department", "operatorName": "EQUALS", "values": ["Sales"]}]],
    ///     "attributes": [
    ///         {"target": "userName", "expression": "[userPrincipalName]", "matching": 1},
    ///         {"target": "active", "expression": "Not([IsSoftDeleted])"},
    ///         {"target": "title", "expression": "[jobTitle]", "default": "Unknown"},
    ///         {"target": "userType", "expression": "\"Employee\"", "apply": "onCreate"},
    ///         {"target": "locale", "default": "en-US"}
    ///     ]
    /// }"#)?;
    /// assert_eq!(mapping.attributes.len(), 5);
    /// # Ok::<(), keyfob_mapping::ImportError>(())
    /// ```
    ///
    /// | member | | if left out |
    /// |---|---|---|
    /// | `name` | for people | empty |
    /// | `enabled` | whether the mapping is in use | `true` |
    /// | `source`, `target` | the types of objects and resources | `User` |
    /// | `actions` | an array of `create`, `update`, `delete` | all three |
    /// | `scope` | groups of clauses, see [`ScopingFilter`](crate::scope::ScopingFilter) | everything is in scope |
    /// | `attributes` | the attributes | none |
    ///
    /// An attribute has a `target` path, an `expression`, a `default`, an `apply` of `always`, `onCreate` or
    /// `addValues`, and its `matching` precedence from 1; all but the first may be left out.
    ///
    /// # Errors
    /// [`ImportError`] says where the text is something else; a member that there is not is an error too.
    pub fn from_json(text: &[u8]) -> Result<Self, ImportError> {
        read(&Reader::new(&document::object_from_slice(text)?))
    }

    /// The mapping in the native form, without what is left at its default.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json::object_to_vec(&write(self))
    }
}

fn read(reader: &Reader<'_>) -> Result<ObjectMapping, ImportError> {
    if let Err(error) = reader.only(&MEMBERS) {
        // A page, an object or an error that was taken for the mapping.
        let is_slip = reader.get("attributes").is_some() || error.suggestion().is_some();
        return Err(if is_slip {
            error
        } else {
            ImportError::new("", ImportErrorKind::NoMapping)
        });
    }
    let mut mapping = ObjectMapping::new(
        reader.text("source")?.unwrap_or("User"),
        reader.text("target")?.unwrap_or("User"),
    );
    mapping.name = reader.text("name")?.unwrap_or_default().into();
    mapping.enabled = reader.flag("enabled")?.unwrap_or(true);
    if reader.get("actions").is_some() {
        mapping.actions = read_actions(reader)?;
    }
    mapping.scope = scope::read_groups(reader, "scope")?;
    let attributes = reader.objects("attributes")?;
    mapping.attributes = attributes.iter().map(read_attribute).collect::<Result<_, _>>()?;
    Ok(mapping)
}

fn read_actions(reader: &Reader<'_>) -> Result<Actions, ImportError> {
    let mut actions = Actions::NONE;
    for (index, word) in reader.texts("actions")?.into_iter().enumerate() {
        match word.as_str() {
            "create" => actions.create = true,
            "update" => actions.update = true,
            "delete" => actions.delete = true,
            _ => {
                let path = smol_str::format_smolstr!("{}[{index}]", reader.at("actions"));
                return Err(ImportError::word(path, &word, ACTIONS));
            }
        }
    }
    Ok(actions)
}

fn read_attribute(reader: &Reader<'_>) -> Result<AttributeMapping, ImportError> {
    reader.only(&ATTRIBUTE_MEMBERS)?;
    let apply = match reader.text("apply")? {
        None => Apply::Always,
        Some(word) => Apply::ALL
            .into_iter()
            .find(|apply| apply.as_str() == word)
            .ok_or_else(|| ImportError::word(reader.at("apply"), word, Apply::ALL.map(Apply::as_str)))?,
    };
    let matching = match reader.integer("matching")? {
        None => None,
        Some(number) => Some(
            u32::try_from(number)
                .ok()
                .and_then(NonZeroU32::new)
                .ok_or_else(|| reader.invalid("matching", "a number from 1"))?,
        ),
    };
    Ok(AttributeMapping {
        target: reader.required_text("target")?.into(),
        expression: reader.text("expression")?.map(Into::into),
        default: reader.text("default")?.map(Into::into),
        apply,
        matching,
    })
}

fn write(mapping: &ObjectMapping) -> Object {
    let mut object = Object::new();
    if !mapping.name.is_empty() {
        object.insert("name", mapping.name.clone());
    }
    if !mapping.enabled {
        object.insert("enabled", false);
    }
    object.insert("source", mapping.source.clone());
    object.insert("target", mapping.target.clone());
    let Actions {
        create,
        update,
        delete,
    } = mapping.actions;
    if mapping.actions != Actions::ALL {
        let named = ACTIONS.into_iter().zip([create, update, delete]);
        let words = named
            .filter(|(_, allowed)| *allowed)
            .map(|(word, _)| Value::from(word));
        object.insert("actions", words.collect::<Vec<_>>());
    }
    if !mapping.scope.is_empty() {
        object.insert("scope", scope::to_groups(&mapping.scope));
    }
    let attributes = mapping
        .attributes
        .iter()
        .map(|attribute| write_attribute(attribute).into());
    object.insert("attributes", attributes.collect::<Vec<Value>>());
    object
}

fn write_attribute(attribute: &AttributeMapping) -> Object {
    let mut object: Object = [("target", attribute.target.clone())].into_iter().collect();
    if let Some(expression) = &attribute.expression {
        object.insert("expression", expression.clone());
    }
    if let Some(default) = &attribute.default {
        object.insert("default", default.clone());
    }
    if attribute.apply != Apply::Always {
        object.insert("apply", attribute.apply.as_str());
    }
    if let Some(precedence) = attribute.matching {
        object.insert("matching", i64::from(precedence.get()));
    }
    object
}

impl Serialize for ObjectMapping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ObjectMapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(&Reader::new(&Object::deserialize(deserializer)?)).map_err(D::Error::custom)
    }
}

//! The schema as a document.

use keyfob_core::{Object, Registry, ResourceType, SmolStr, Value, json};

use super::{TargetType, definition, definition::Directory, read, write};
use crate::{
    document::{self, ImportError, Reader},
    mapping::ObjectMapping,
};

/// A `synchronizationSchema`: what `GET /servicePrincipals/{id}/synchronization/jobs/{jobId}/schema` answers and what
/// the portal downloads.
///
/// The document is kept whole and in order; what is not understood goes out as it came in.
///
/// ```
/// use keyfob_mapping::graph::SynchronizationSchema;
///
/// let text = include_bytes!("../../../../testdata/entra/customappsso-schema-sample.json");
/// let mut schema = SynchronizationSchema::from_json(text)?;
/// let mut users = schema.mappings()?.swap_remove(0);
/// assert_eq!(users.rule, "USER_OUTBOUND_USER");
/// assert_eq!(users.mapping.attributes[0].target, "userName");
///
/// users.mapping.attributes[0].expression = Some("ToLower([userPrincipalName])".into());
/// schema.set_mapping(&users.mapping)?;
/// assert_eq!(schema.mappings()?[0], users);
/// # Ok::<(), keyfob_mapping::ImportError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SynchronizationSchema {
    document: Object,
}

/// A mapping and the synchronization rule that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleMapping {
    /// The name of the rule.
    pub rule: SmolStr,
    /// The directory that the objects come from.
    pub source_directory: SmolStr,
    /// The directory that the resources go to.
    pub target_directory: SmolStr,
    /// The mapping.
    pub mapping: ObjectMapping,
}

impl SynchronizationSchema {
    /// A schema of one rule with these mappings, for a job whose ids Graph has yet to give, between two directories
    /// of which nothing is said.
    #[must_use]
    pub fn new(mappings: &[ObjectMapping]) -> Self {
        Self {
            document: write::schema(mappings),
        }
    }

    /// Reads a schema.
    ///
    /// # Errors
    /// [`ImportError`], when the text is no JSON object, or one without `synchronizationRules`. What is within the
    /// rules is read by [`mappings`](Self::mappings).
    pub fn from_json(text: &[u8]) -> Result<Self, ImportError> {
        let document = document::object_from_slice(text)?;
        if !is_schema(&document) {
            return Err(Reader::new(&document).missing("synchronizationRules"));
        }
        Ok(Self { document })
    }

    /// The schema as it goes back to Graph.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json::object_to_vec(&self.document)
    }

    /// The mappings of all rules, in order.
    ///
    /// An expression is taken as it is written; where nothing but its tree is there, it is written from the tree.
    ///
    /// # Errors
    /// [`ImportError`] says which part is not as Graph has it.
    pub fn mappings(&self) -> Result<Vec<RuleMapping>, ImportError> {
        read::mappings(&Reader::new(&self.document))
    }

    /// The first mapping in use whose resources are of this type, or else the first of that type.
    ///
    /// # Errors
    /// As [`mappings`](Self::mappings).
    pub fn mapping_of(&self, resource_type: &ResourceType) -> Result<Option<RuleMapping>, ImportError> {
        let mut mappings = self.mappings()?;
        mappings.retain(|mapping| mapping.mapping.makes(resource_type));
        // A stable sort, so that of several the first comes first.
        mappings.sort_by_key(|mapping| !mapping.mapping.enabled);
        Ok(mappings.into_iter().next())
    }

    /// Puts a mapping in place of the one with the same name, or, where none has it, of the one between the same types
    /// of objects. Attribute mappings that stay as they are keep every member that they have, and so does the rest of
    /// the document.
    ///
    /// # Errors
    /// [`ImportError`], where there is no such mapping, or the document is not as Graph has it.
    pub fn set_mapping(&mut self, mapping: &ObjectMapping) -> Result<(), ImportError> {
        write::set_mapping(&mut self.document, mapping)
    }

    /// Returns what the schema knows of the directories on both sides.
    ///
    /// # Errors
    /// [`ImportError`] says which part is not as Graph has it.
    pub fn directories(&self) -> Result<Vec<Directory>, ImportError> {
        definition::directories(&Reader::new(&self.document))
    }

    /// Builds the type of the resources that a mapping makes from the attribute definitions of its target, or takes it
    /// from the `known` ones where the schema defines nothing. None where neither knows the target.
    ///
    /// # Errors
    /// As [`directories`](Self::directories) and [`ObjectDefinition::target_type`](super::ObjectDefinition::target_type).
    pub fn target_type(
        &self,
        rule: &RuleMapping,
        known: &Registry,
    ) -> Result<Option<TargetType>, ImportError> {
        let directories = self.directories()?;
        let mut named = directories
            .iter()
            .filter(|directory| directory.name == rule.target_directory);
        let object = named.find_map(|directory| directory.object(&rule.mapping.target));
        if let Some(object) = object.filter(|object| !object.attributes.is_empty()) {
            return object.target_type(known).map(Some);
        }
        let mut types = known.resource_types().iter();
        let found = types.find(|resource_type| rule.mapping.makes(resource_type));
        Ok(found.cloned().map(TargetType::scim))
    }

    /// Returns true if a text is a schema, rather than a mapping in the native form: a JSON object with `synchronizationRules`.
    #[must_use]
    pub fn is_one(text: &[u8]) -> bool {
        document::object_from_slice(text).is_ok_and(|document| is_schema(&document))
    }
}

fn is_schema(document: &Object) -> bool {
    matches!(document.get("synchronizationRules"), Some(Value::Array(_)))
}

//! From Graph's JSON to mappings.

use std::num::NonZeroU32;

use smol_str::SmolStr;

use super::{RuleMapping, tree};
use crate::{
    document::{ImportError, Reader},
    mapping::{Actions, Apply, AttributeMapping, ObjectMapping},
    scope,
};

/// The words of `flowType`.
pub(super) const FLOW_TYPES: [(&str, Apply); 3] = [
    ("Always", Apply::Always),
    ("ObjectAddOnly", Apply::OnCreate),
    ("MultiValueAddOnly", Apply::AddValues),
];

pub(super) fn mappings(document: &Reader<'_>) -> Result<Vec<RuleMapping>, ImportError> {
    let mut mappings = Vec::new();
    for rule in document.objects("synchronizationRules")? {
        let text = |member| Ok::<_, ImportError>(SmolStr::from(rule.text(member)?.unwrap_or_default()));
        let (name, source, target) = (
            text("name")?,
            text("sourceDirectoryName")?,
            text("targetDirectoryName")?,
        );
        for object in rule.objects("objectMappings")? {
            mappings.push(RuleMapping {
                rule: name.clone(),
                source_directory: source.clone(),
                target_directory: target.clone(),
                mapping: mapping(&object)?,
            });
        }
    }
    Ok(mappings)
}

pub(super) fn mapping(object: &Reader<'_>) -> Result<ObjectMapping, ImportError> {
    let mut mapping = ObjectMapping::new(
        object.required_text("sourceObjectName")?,
        object.required_text("targetObjectName")?,
    );
    mapping.name = object.text("name")?.unwrap_or_default().into();
    mapping.enabled = object.flag("enabled")?.unwrap_or(true);
    if let Some(words) = object.text("flowTypes")? {
        mapping.actions = actions(words, object)?;
    }
    if let Some(scope) = object.object("scope")? {
        mapping.scope = scope::read(&scope)?;
    }
    let attributes = object.objects("attributeMappings")?;
    mapping.attributes = attributes.iter().map(attribute).collect::<Result<_, _>>()?;
    Ok(mapping)
}

fn actions(words: &str, object: &Reader<'_>) -> Result<Actions, ImportError> {
    let mut actions = Actions::NONE;
    for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "add" => actions.create = true,
            "update" => actions.update = true,
            "delete" => actions.delete = true,
            "none" => {}
            _ => {
                let known = ["Add", "Update", "Delete", "None"];
                return Err(ImportError::word(object.at("flowTypes"), word, known));
            }
        }
    }
    Ok(actions)
}

pub(super) fn attribute(object: &Reader<'_>) -> Result<AttributeMapping, ImportError> {
    let apply = match object.text("flowType")? {
        None => Apply::Always,
        Some(word) => FLOW_TYPES
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word))
            .map(|(_, apply)| apply)
            .ok_or_else(|| {
                ImportError::word(object.at("flowType"), word, FLOW_TYPES.map(|(known, _)| known))
            })?,
    };
    let priority = object.integer("matchingPriority")?.unwrap_or(0);
    let matching =
        u32::try_from(priority).map_err(|_| object.invalid("matchingPriority", "a number from 0"))?;
    let expression = match object.object("source")? {
        None => None,
        Some(source) => Some(tree::text(&source)?),
    };
    Ok(AttributeMapping {
        target: object.required_text("targetAttributeName")?.into(),
        expression,
        default: object.text("defaultValue")?.map(Into::into),
        apply,
        matching: NonZeroU32::new(matching),
    })
}

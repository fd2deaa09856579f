//! Cases of whole mappings: an object of the source, and what the mapping has to make of it.

use std::path::Path;

use keyfob_core::{Dialect, Resource, render::Printable};
use keyfob_expression::{Environment, Options};
use keyfob_mapping::{Change, Lookup, Mapper, graph::Objects};
use keyfob_patch::Plan;
use serde_json::{Map, Value as Json};

use super::super::{
    apply::{apply_error, change_to_json, told},
    mapping::TargetOptions,
};
use crate::{Unusable, input};

/// A case of a mapping.
///
/// | member | what it is |
/// |---|---|
/// | `id` | a name, for reports |
/// | `mapping` | the mapping, or its file beside the case's; by default `--mapping` |
/// | `type` | the type of the resource |
/// | `source` | the object |
/// | `existing` | the resource that it has already |
/// | `expected` | the resource that there has to be afterwards |
/// | `patch` | or: the operations of the PATCH |
/// | `outcome` | or: `create`, `update`, `disable`, `delete`, `upToDate`, `outOfScope`, `skipped`, `notAllowed` or `error` |
/// | `now` | the time |
/// | `references` | the resources that references point at, by the source's ids |
pub(super) struct Case {
    id: String,
    members: Map<String, Json>,
}

const MEMBERS: [&str; 12] = [
    "id",
    "mapping",
    "type",
    "source",
    "existing",
    "expected",
    "patch",
    "outcome",
    "now",
    "references",
    "note",
    "ref",
];

/// True for a case of a mapping, false for one of an expression.
pub(super) fn is_one(text: &str) -> bool {
    serde_json::from_str::<Map<String, Json>>(text).is_ok_and(|case| case.contains_key("source"))
}

impl Case {
    pub(super) fn read(text: &str, number: usize) -> Result<Self, Unusable> {
        let members: Map<String, Json> = serde_json::from_str(text)?;
        let id = members.get("id").and_then(Json::as_str);
        let id = id.map_or_else(|| number.to_string(), str::to_owned);
        if let Some(unknown) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Unusable::new(format!(
                "case {id}: there is no such member: `{unknown}`"
            )));
        }
        let count = ["expected", "patch", "outcome"]
            .iter()
            .filter(|name| members.contains_key(**name))
            .count();
        if count != 1 {
            return Err(Unusable::new(format!(
                "case {id}: it has to have one of `expected`, `patch` and `outcome`"
            )));
        }
        Ok(Self { id, members })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The text of the mapping: in the case, in a file beside the case's, or the one of the command line.
    pub(super) fn mapping(&self, file: &Path, default: Option<&Path>) -> Result<Vec<u8>, Unusable> {
        match self.members.get("mapping") {
            Some(Json::String(name)) => input::read(&file.parent().unwrap_or(Path::new("")).join(name)),
            Some(mapping) => Ok(mapping.to_string().into_bytes()),
            None => match default {
                Some(file) => input::read(file),
                None => Err(Unusable::new(format!(
                    "case {}: give its mapping by --mapping",
                    self.id
                ))),
            },
        }
    }

    /// The target of the mapping, and the difference from the expectation.
    pub(super) fn check(
        &self,
        mapping: &[u8],
        target: &TargetOptions,
        options: &Options,
        environment: &Environment<'_>,
    ) -> Result<(String, Option<String>), Unusable> {
        let within = |error: Unusable| {
            Unusable::rendered(format!("case {}: {}", Printable(&self.id), error.message()))
        };
        let text = |name: &str| self.members.get(name).map(Json::to_string);
        let named = self.members.get("type").and_then(Json::as_str);
        let (loaded, target) = target.select(mapping, named).map_err(within)?;
        let mapper = Mapper::compile(&loaded.mapping, &target.resource_type, options)
            .map_err(|error| within(Unusable::rendered(told(&error, &loaded.mapping))))?;
        let objects = Objects::read(text("source").unwrap_or_default().as_bytes());
        let objects = objects.map_err(|error| within(error.into()))?.objects;
        let [object] = objects.as_slice() else {
            return Err(within(Unusable::new("`source` is one object")));
        };
        let existing = match text("existing") {
            None => None,
            Some(existing) => {
                let existing = Resource::from_json(existing.as_bytes(), &target.resource_type);
                Some(existing.map_err(|error| within(error.into()))?)
            }
        };
        let mut environment = *environment;
        if let Some(now) = self.members.get("now").and_then(Json::as_str) {
            environment.now = now
                .parse()
                .map_err(|_| within(Unusable::new(format!("`{now}` is not a date and time"))))?;
        }
        let references = self.members.get("references").and_then(Json::as_object);
        let resolve = |_: &str, id: &str| {
            references
                .and_then(|references| references.get(id)?.as_str())
                .map(Into::into)
        };
        let mut lookup = Lookup::new();
        if references.is_some() {
            lookup = lookup.with_references(&resolve);
        }
        let change = mapper.apply_with(&object.source, existing.as_ref(), &environment, &lookup);
        let actual = match &change {
            Ok(change) => change_to_json(change),
            Err(error) => {
                serde_json::json!({"outcome": "error", "message": apply_error(error, &loaded.mapping)})
            }
        };
        let failure = self.mismatch(&actual, change.ok(), existing.as_ref(), &target.resource_type)?;
        Ok((
            format!("{} to {}", loaded.mapping.source, loaded.mapping.target),
            failure,
        ))
    }

    fn mismatch(
        &self,
        actual: &Json,
        change: Option<Change>,
        existing: Option<&Resource>,
        resource_type: &keyfob_core::ResourceType,
    ) -> Result<Option<String>, Unusable> {
        let (expected, found) = if let Some(outcome) = self.members.get("outcome") {
            (outcome, actual["outcome"].clone())
        } else if let Some(patch) = self.members.get("patch") {
            let operations = patch.get("Operations").unwrap_or(patch);
            let none = Json::Array(Vec::new());
            let found = actual
                .get("patch")
                .map_or(none, |patch| patch["Operations"].clone());
            (operations, found)
        } else {
            let Some(expected) = self.members.get("expected") else {
                return Ok(None);
            };
            let found = match (change, existing) {
                (Some(Change::Create(resource)), _) => of_resource(&resource),
                (Some(Change::Update(request) | Change::Disable(request)), Some(existing)) => {
                    let plan = Plan::compile(request, resource_type, Dialect::strict())?;
                    let mut patched = existing.clone();
                    plan.apply(&mut patched)?;
                    of_resource(&patched)
                }
                (Some(Change::UpToDate), Some(existing)) => of_resource(existing),
                _ => actual.clone(),
            };
            (expected, without_schemas(found, expected))
        };
        let is_error = actual["outcome"] == "error" && self.members.get("outcome").is_none();
        if *expected == found && !is_error {
            return Ok(None);
        }
        let found = if is_error { actual } else { &found };
        Ok(Some(format!("expected {expected}, got {found}")))
    }
}

fn of_resource(resource: &Resource) -> Json {
    serde_json::from_slice(&resource.to_json()).unwrap_or_default()
}

/// The resource, without `schemas` where nothing is expected of them.
fn without_schemas(mut found: Json, expected: &Json) -> Json {
    if expected.get("schemas").is_none()
        && let Some(members) = found.as_object_mut()
    {
        members.remove("schemas");
    }
    found
}

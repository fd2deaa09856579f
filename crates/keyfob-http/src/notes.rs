//! A request as a log keeps it, without a value.

use std::sync::{Mutex, PoisonError};

use http::{Method, Response, StatusCode};
use keyfob_core::{
    AttrPath, Dialect, Object, Resource, ResourceId, ResourceType, ScimType, Value, message::PatchRequest,
    schema::Target,
};
use keyfob_engine::RequestRecord;
use smol_str::{SmolStr, ToSmolStr};

use crate::answer::AnswerBody;

/// The kind of a refusal, which its answer carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) &'static str);

/// What is noted of a request while it is answered.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    resource: Option<ResourceId>,
    attributes: Vec<SmolStr>,
}

impl Notes {
    fn with(&self, note: impl FnOnce(&mut Noted)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes the resource that a write was about.
    pub(crate) fn resource(&self, id: &ResourceId) {
        self.with(|noted| noted.resource = Some(id.clone()));
    }

    /// Notes the attributes that a body names.
    pub(crate) fn body(&self, resource: &Resource, resource_type: &ResourceType) {
        self.with(|noted| {
            let relations = resource.relations().iter().map(|(name, _)| name.as_str());
            let core = resource.core().iter().map(|(name, _)| name.as_str());
            for name in core.chain(relations) {
                noted.name(resource_type, name);
            }
            for (uri, object) in resource.extensions() {
                for (name, _) in object.iter() {
                    noted.name(resource_type, &format!("{uri}:{name}"));
                }
            }
        });
    }

    /// Notes the attributes that the operations of a PATCH name.
    pub(crate) fn patch(&self, request: &PatchRequest, resource_type: &ResourceType) {
        self.with(|noted| {
            for operation in &request.operations {
                if noted.is_full() {
                    return;
                }
                match (
                    &operation.path,
                    operation.value.as_ref().and_then(Value::as_object),
                ) {
                    (Some(path), _) => noted.name(resource_type, &without_filter(path)),
                    (None, Some(attributes)) => noted.object(resource_type, attributes),
                    (None, None) => {}
                }
            }
        });
    }

    /// Adds to a record what was noted.
    pub(crate) fn complete(self, record: &mut RequestRecord) {
        let noted = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        record.resource = noted.resource;
        record.attributes = noted.attributes;
    }
}

impl Noted {
    fn is_full(&self) -> bool {
        self.attributes.len() >= RequestRecord::MAX_ATTRIBUTES
    }

    fn object(&mut self, resource_type: &ResourceType, attributes: &Object) {
        for (name, _) in attributes.iter() {
            if self.is_full() {
                return;
            }
            self.name(resource_type, name.as_str());
        }
    }

    /// Notes an attribute by the name that the schema has for it. A name that the schema doesn't have may be anything,
    /// somebody's address included.
    fn name(&mut self, resource_type: &ResourceType, name: &str) {
        if self.is_full() {
            return;
        }
        let Ok(path) = AttrPath::parse(name) else { return };
        let Some(Target::Attribute(named)) = resource_type.find(&path, Dialect::strict()) else {
            return;
        };
        let name = named.to_path().to_smolstr();
        if name != "schemas" && !self.attributes.contains(&name) {
            self.attributes.push(name);
        }
    }
}

/// Returns a path without its value filter.
fn without_filter(path: &str) -> String {
    match (path.find('['), path.rfind(']')) {
        (Some(start), Some(end)) if start < end => {
            let (before, after) = (path.get(..start), path.get(end + 1..));
            format!("{}{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        _ => path.to_owned(),
    }
}

/// Returns true if a log keeps a request: a write, or a refusal.
pub(crate) fn is_kept<B>(method: &Method, is_write: bool, response: &Response<B>) -> bool {
    let status = response.status();
    let is_unchanged = status == StatusCode::NOT_MODIFIED;
    (is_write || status.is_client_error() || status.is_server_error())
        && !is_unchanged
        && *method != Method::OPTIONS
}

/// Adds to a record what its answer says.
pub(crate) fn of_answer(record: &mut RequestRecord, response: &Response<AnswerBody>) {
    let extensions = response.extensions();
    record.scim_type = extensions.get::<ScimType>().copied();
    record.refusal = extensions.get().map(|Refused(kind)| SmolStr::new_static(kind));
}

#[cfg(test)]
mod tests {
    use keyfob_core::Registry;

    use super::*;

    fn noted(note: impl FnOnce(&Notes, &ResourceType)) -> Vec<SmolStr> {
        let (notes, user) = (Notes::default(), Registry::rfc().resource_type("User").unwrap());
        note(&notes, user);
        notes.0.into_inner().unwrap().attributes
    }

    #[test]
    fn attributes_are_noted_by_the_schemas_names_and_others_are_not() {
        let body = br#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "USERNAME": "secret",
            "emails": [{"value": "secret"}], "secret@example.com": 1,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "secret", "secret": 1}}"#;
        let names = noted(|notes, user| notes.body(&Resource::from_json(body, user).unwrap(), user));
        assert_eq!(
            names,
            [
                "userName",
                "emails",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
            ]
        );
        let patch = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
            {"op": "replace", "path": "emails[value eq \"secret]\"].value", "value": "secret"},
            {"op": "add", "value": {"title": "secret", "secret": 1, "name.givenName": "secret"}},
            {"op": "remove", "path": "title"}, {"op": "remove", "path": "secret secret"}]}"#;
        let names = noted(|notes, user| notes.patch(&PatchRequest::from_json(patch).unwrap(), user));
        assert_eq!(names, ["emails.value", "title", "name.givenName"]);
    }
}

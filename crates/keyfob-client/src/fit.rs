//! Fits a PATCH to what a server takes: its forms, and how much at once.

use keyfob_core::{
    AttrPath, Dialect, ResourceId, ResourceType, SchemaUri, SmolStr, Value,
    message::{PatchOperation, PatchOperationKind, PatchRequest},
    schema::RelationKind,
};
use keyfob_filter::{CompareOp, Filter, Limits, Literal, PatchPath};
use smol_str::format_smolstr;

use crate::{
    capabilities::{Capabilities, RemoveBy},
    error::Error,
    patch::member_values,
};

/// Returns the requests that together do what the request does, each within the limits, in order.
///
/// # Errors
/// [`Error::Unsupported`] for what the server can't be asked for in any form.
///
/// # Complexity
/// Linear in the request.
pub(crate) fn fit(
    request: PatchRequest,
    capabilities: &Capabilities,
    resource_type: &ResourceType,
) -> Result<Vec<PatchRequest>, Error> {
    let mut fitting = Fitting {
        capabilities,
        resource_type,
        requests: Vec::new(),
        members: 0,
    };
    for operation in request.operations {
        fitting.operation(operation)?;
    }
    Ok(fitting.requests)
}

struct Fitting<'c> {
    capabilities: &'c Capabilities,
    resource_type: &'c ResourceType,
    requests: Vec<PatchRequest>,
    /// The number of members that the last request changes.
    members: usize,
}

impl Fitting<'_> {
    fn operation(&mut self, operation: PatchOperation) -> Result<(), Error> {
        let Some(path) = &operation.path else {
            return self.pathless(operation);
        };
        let path = PatchPath::parse_with(path, &Limits::default(), Dialect::interop())
            .map_err(|error| Error::parse(&error, path))?;
        let relation = self.resource_type.relation(path.attr.name().as_str());
        let is_owned = relation.is_some_and(|relation| relation.kind == RelationKind::Owned);
        if !is_owned || path.attr.sub().is_some() || path.sub.is_some() {
            self.push(operation, 0);
            return Ok(());
        }
        self.relation(operation, &path)
    }

    /// An operation without a path, made one operation for each attribute where the server wants paths.
    fn pathless(&mut self, operation: PatchOperation) -> Result<(), Error> {
        let Some(Value::Object(attributes)) = &operation.value else {
            self.push(operation, 0);
            return Ok(());
        };
        let names_relation = attributes
            .iter()
            .any(|(name, _)| self.resource_type.relation(name.as_str()).is_some());
        let limits_members = self.capabilities.members_per_patch.value.is_some();
        let is_split = self.capabilities.path_required.value || (names_relation && limits_members);
        if !is_split {
            self.push(operation, 0);
            return Ok(());
        }
        let Some(Value::Object(attributes)) = operation.value else {
            return Ok(());
        };
        for (name, value) in attributes {
            let uri = SchemaUri::new(name.as_str());
            match value {
                Value::Object(extension) if self.resource_type.extension(&uri).is_some() => {
                    for (name, value) in extension {
                        let path = AttrPath::new(Some(uri.clone()), name, None);
                        let path = SmolStr::from(path.to_string());
                        self.operation(PatchOperation::new(operation.kind, Some(path), Some(value)))?;
                    }
                }
                value => {
                    let path = SmolStr::new(name.as_str());
                    self.operation(PatchOperation::new(operation.kind, Some(path), Some(value)))?;
                }
            }
        }
        Ok(())
    }

    /// An operation on all of a relation or on members of it.
    fn relation(&mut self, operation: PatchOperation, path: &PatchPath) -> Result<(), Error> {
        let name = SmolStr::from(path.attr.to_string());
        match (operation.kind, &path.filter, &operation.value) {
            (PatchOperationKind::Add, None, Some(values)) => {
                let most = self
                    .capabilities
                    .members_per_patch
                    .value
                    .map_or(usize::MAX, |most| most as usize);
                for chunk in values.as_elements().chunks(most) {
                    let values = Value::Array(chunk.to_vec());
                    self.push(
                        PatchOperation::new(PatchOperationKind::Add, Some(name.clone()), Some(values)),
                        chunk.len(),
                    );
                }
            }
            (PatchOperationKind::Remove, None, Some(values)) if !values.is_unassigned() => {
                let ids: Option<Vec<ResourceId>> = values.as_elements().iter().map(id_of).collect();
                match ids {
                    Some(ids) => self.remove(&name, ids),
                    None => self.push(operation, 1),
                }
            }
            (PatchOperationKind::Remove, Some(filter), None) => match ids_of(filter) {
                Some(ids) => self.remove(&name, ids),
                None => self.push(operation, 1),
            },
            (PatchOperationKind::Remove | PatchOperationKind::Replace, None, _)
                if !self.capabilities.members_replace.value =>
            {
                return Err(Error::Unsupported(format_smolstr!(
                    "replacing or removing all of `{name}` at once; add and remove the ones that change"
                )));
            }
            _ => self.push(operation, 0),
        }
        Ok(())
    }

    /// Removes these members in the form that the server takes.
    fn remove(&mut self, name: &SmolStr, ids: Vec<ResourceId>) {
        let most = self
            .capabilities
            .members_per_patch
            .value
            .map_or(usize::MAX, |most| most as usize);
        match self.capabilities.remove_by.value {
            RemoveBy::Value => {
                for chunk in ids.chunks(most) {
                    let values = member_values(chunk);
                    let operation =
                        PatchOperation::new(PatchOperationKind::Remove, Some(name.clone()), Some(values));
                    self.push(operation, chunk.len());
                }
            }
            RemoveBy::Filter => {
                for id in ids {
                    let filter = Filter::eq(AttrPath::attribute("value"), id.as_str());
                    let path = format_smolstr!("{name}[{filter}]");
                    self.push(
                        PatchOperation::new(PatchOperationKind::Remove, Some(path), None),
                        1,
                    );
                }
            }
        }
    }

    /// Puts an operation that changes so many members into the last request, or into a new one.
    fn push(&mut self, operation: PatchOperation, members: usize) {
        let is_group = self
            .resource_type
            .relations()
            .iter()
            .any(|relation| relation.kind == RelationKind::Owned);
        let operations = if is_group {
            self.capabilities.operations_per_group_patch
        } else {
            self.capabilities.operations_per_patch
        };
        let within = |limit: Option<u32>, count: usize| limit.is_none_or(|limit| count <= limit as usize);
        if let Some(last) = self.requests.last_mut()
            && within(operations.value, last.operations.len() + 1)
            && within(self.capabilities.members_per_patch.value, self.members + members)
        {
            last.operations.push(operation);
            self.members += members;
            return;
        }
        self.requests.push(PatchRequest::new(vec![operation]));
        self.members = members;
    }
}

/// Returns the id in a value of a relation.
fn id_of(value: &Value) -> Option<ResourceId> {
    let id = value.as_object()?.get_str("value")?;
    Some(ResourceId::new(id))
}

/// Returns the ids that a filter names, if that is all that it says.
fn ids_of(filter: &Filter) -> Option<Vec<ResourceId>> {
    match filter {
        Filter::Compare(path, CompareOp::Eq, Literal::String(id))
            if *path == AttrPath::attribute("value") =>
        {
            Some(vec![ResourceId::new(id.clone())])
        }
        Filter::Or(filters) => {
            let ids: Option<Vec<_>> = filters.iter().map(ids_of).collect();
            Some(ids?.into_iter().flatten().collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::{Registry, json};

    use super::*;
    use crate::{Patch, Target, preset::Preset};

    fn fitted(preset: &str, type_name: &str, patch: &Patch) -> Result<Vec<String>, String> {
        let target = Target::rfc().preset(&Preset::named(preset).unwrap());
        let resource_type = Registry::rfc().resource_type(type_name).unwrap();
        let requests = fit(patch.to_request().unwrap(), &target.capabilities, resource_type);
        let requests = requests.map_err(|error| error.to_string())?;
        let text = |request: PatchRequest| {
            let operations = request.to_object().remove("Operations").unwrap();
            String::from_utf8(json::value_to_vec(&operations)).unwrap()
        };
        Ok(requests.into_iter().map(text).collect())
    }

    fn ids(count: usize) -> Vec<ResourceId> {
        (0..count)
            .map(|number| ResourceId::new(number.to_string()))
            .collect()
    }

    #[test]
    fn a_patch_within_the_limits_stays_one_request_as_it_is() {
        let patch = Patch::new()
            .replace("active", false)
            .add("members", member_values(&ids(2)));
        assert_eq!(
            fitted("rfc", "Group", &patch).unwrap(),
            [concat!(
                r#"[{"op":"replace","path":"active","value":false},"#,
                r#"{"op":"add","path":"members","value":[{"value":"0"},{"value":"1"}]}]"#
            )]
        );
    }

    #[test]
    fn aws_takes_a_hundred_members_by_value_and_no_pathless_operation() {
        let patch = Patch::new()
            .add("members", member_values(&ids(150)))
            .remove(r#"members[value eq "a" or value eq "b"]"#);
        let requests = fitted("aws", "Group", &patch).unwrap();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].matches("value\":\"").count(), 100);
        assert!(
            requests[1]
                .ends_with(r#"{"op":"remove","path":"members","value":[{"value":"a"},{"value":"b"}]}]"#)
        );

        let attributes = json::object_from_slice(
            br#"{"title": "Lead", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D"}}"#,
        );
        assert_eq!(
            fitted("aws", "User", &Patch::new().replace_all(attributes.unwrap())).unwrap(),
            [concat!(
                r#"[{"op":"replace","path":"title","value":"Lead"},{"op":"replace","#,
                r#""path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"R&D"}]"#
            )]
        );
    }

    #[test]
    fn replacing_all_members_is_refused_where_the_server_refuses_it() {
        for patch in [
            Patch::new().replace("members", member_values(&ids(1))),
            Patch::new().remove("members"),
            Patch::new().replace_all([("members", member_values(&ids(1)))].into_iter().collect()),
        ] {
            let error = fitted("aws", "Group", &patch).unwrap_err();
            assert!(
                error.contains("replacing or removing all of `members` at once"),
                "{error}"
            );
            assert!(fitted("rfc", "Group", &patch).is_ok());
        }
    }

    #[test]
    fn google_takes_two_operations_of_a_group_and_twenty_of_a_user() {
        let removals = ids(5).iter().fold(Patch::new(), |patch, id| {
            patch.remove(format!(r#"members[value eq "{id}"]"#).as_str())
        });
        let requests = fitted("google-cloud", "Group", &removals).unwrap();
        let counts: Vec<usize> = requests
            .iter()
            .map(|request| request.matches("remove").count())
            .collect();
        assert_eq!(counts, [2, 2, 1]);
        let titles = (0..21).fold(Patch::new(), |patch, _| patch.replace("title", "a"));
        assert_eq!(fitted("google-cloud", "User", &titles).unwrap().len(), 2);
    }

    #[test]
    fn a_path_below_a_member_is_no_membership() {
        let patch = Patch::new().replace(r#"members[value eq "1"].display"#, "Ada");
        assert_eq!(fitted("aws", "Group", &patch).unwrap().len(), 1);
    }
}

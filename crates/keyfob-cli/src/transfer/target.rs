//! Which resource a line is about.

use std::collections::{HashMap, HashSet};

use keyfob_core::{AttrPath, CompareKey, Dialect, Resource, ResourceId, ResourceType, SmolStr};
use keyfob_engine::{ImportTarget, Loaded, Query, Selection, Store as _, StoreError, is_group, is_user};
use keyfob_filter::Filter;

use super::Opened;

/// The names by which a resource is looked up that has no id, in this order.
const EXTERNAL_ID: &str = "externalId";
const USER_NAME: &str = "userName";
const DISPLAY_NAME: &str = "displayName";

/// The resource that a line is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// One that is there or is to be created.
    Target(ImportTarget),
    /// A deleted one, under whose id a client may see it or may not.
    Deleted(ResourceId),
    /// Several have the value of this attribute.
    Several(&'static str),
}

/// The value of an attribute by which a resource is looked up.
pub(super) type Name = (&'static str, CompareKey);

/// Returns the names that a body has, whether they identify its resource or not.
pub(super) fn mentions(resource_type: &ResourceType, body: &Resource) -> Vec<Name> {
    let attributes: &[&str] = if is_user(resource_type) {
        &[EXTERNAL_ID, USER_NAME]
    } else if is_group(resource_type) {
        &[EXTERNAL_ID, DISPLAY_NAME]
    } else {
        &[EXTERNAL_ID]
    };
    let names = attributes.iter().filter_map(|attribute| {
        let text = body.core().get_str(attribute).filter(|text| !text.is_empty())?;
        Some((*attribute, resource_type.attribute(attribute)?.compare_key(text)))
    });
    names.collect()
}

/// Returns those of the names that identify the resource of a body, beside its id.
///
/// A user is known by its `userName`, which no other user has, and without an id by its `externalId` before. Several groups
/// may have one name, so that it counts only where there is neither an id nor an `externalId`.
pub(super) fn names(mentions: &[Name], id: Option<&ResourceId>) -> Vec<Name> {
    let has_external = mentions.iter().any(|(attribute, _)| *attribute == EXTERNAL_ID);
    let names = mentions.iter().filter(|(attribute, _)| match *attribute {
        USER_NAME => true,
        EXTERNAL_ID => id.is_none(),
        _ => id.is_none() && !has_external,
    });
    names.cloned().collect()
}

impl Opened {
    /// Finds the resources that lines of one type are about, each known by an id and by names.
    pub(super) async fn find(
        &self,
        resource_type: &ResourceType,
        lines: &[(Option<&ResourceId>, &[Name], &Resource)],
    ) -> Result<Vec<Found>, StoreError> {
        let ids: Vec<ResourceId> = lines.iter().filter_map(|(id, ..)| id.cloned()).collect();
        let store = self.provisioner.store();
        let selection = Selection::document();
        let stored = store
            .get(&self.cx.reading(), resource_type, &ids, &selection)
            .await?;
        let by_id: HashMap<ResourceId, bool> = stored
            .into_iter()
            .flatten()
            .map(Loaded::new)
            .map(|loaded| (loaded.id.clone(), loaded.is_hidden()))
            .collect();
        let is_live = |id: Option<&ResourceId>| id.is_some_and(|id| by_id.get(id) == Some(&false));
        let mut named: HashMap<Name, Vec<ResourceId>> = HashMap::new();
        for attribute in [EXTERNAL_ID, USER_NAME, DISPLAY_NAME] {
            let mut values = Vec::new();
            let mut wanted = HashSet::new();
            for (id, names, body) in lines {
                let name = names.iter().find(|(name, _)| *name == attribute);
                if let Some(name) = name.filter(|_| !is_live(*id))
                    && wanted.insert(name)
                    && let Some(value) = body.core().get_str(attribute)
                {
                    values.push(value);
                }
            }
            for (name, id) in self.holders(resource_type, attribute, &values).await? {
                named.entry(name).or_default().push(id);
            }
        }
        let found = lines.iter().map(|(id, names, _)| {
            if let Some(id) = id.filter(|_| is_live(*id)) {
                return Found::Target(ImportTarget::Existing(id.clone()));
            }
            for name in *names {
                match named.get(name).map(Vec::as_slice) {
                    None | Some([]) => {}
                    Some([holder]) => return Found::Target(ImportTarget::Existing(holder.clone())),
                    Some(_) => return Found::Several(name.0),
                }
            }
            match id {
                Some(id) if by_id.contains_key(id) => Found::Deleted((*id).clone()),
                Some(id) => Found::Target(ImportTarget::NewAs((*id).clone())),
                None => Found::Target(ImportTarget::New),
            }
        });
        Ok(found.collect())
    }

    /// Finds who has one of these values of an attribute.
    async fn holders(
        &self,
        resource_type: &ResourceType,
        attribute: &'static str,
        values: &[&str],
    ) -> Result<Vec<(Name, ResourceId)>, StoreError> {
        let path = AttrPath::attribute(attribute);
        let operands = values
            .iter()
            .map(|value| Filter::eq(path.clone(), SmolStr::new(value)));
        let Some(filter) = operands.reduce(Filter::or) else {
            return Ok(Vec::new());
        };
        let predicate = filter
            .compile(resource_type, Dialect::strict())
            .map_err(StoreError::internal)?;
        let query = Query::all().with_filter(predicate);
        let store = self.provisioner.store();
        let page = store.query(&self.cx.reading(), resource_type, &query).await?;
        let holders = page.resources.into_iter().filter_map(|stored| {
            let text = stored.resource.core().get_str(attribute)?;
            let key = resource_type.attribute(attribute)?.compare_key(text);
            Some(((attribute, key), stored.resource.id()?))
        });
        Ok(holders.collect())
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::Registry;

    use super::*;

    #[test]
    fn a_user_is_known_by_its_user_name_and_a_group_by_its_name_only_where_nothing_else_says_it() {
        let told = |kind: &str, body: &str, id: Option<&str>| {
            let resource_type = Registry::rfc().resource_type(kind).unwrap();
            let body = Resource::from_json(body.as_bytes(), resource_type).unwrap();
            let id = id.map(ResourceId::new);
            let names = names(&mentions(resource_type, &body), id.as_ref());
            names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
        };
        let user = r#"{"userName": "ada", "externalId": "x", "displayName": "Ada"}"#;
        let group = r#"{"displayName": "Guides", "externalId": "x"}"#;
        for (kind, body, id, expected) in [
            ("User", user, None, "externalId userName"),
            ("User", user, Some("a"), "userName"),
            ("User", r#"{"userName": ""}"#, None, ""),
            ("Group", group, None, "externalId"),
            ("Group", group, Some("g"), ""),
            ("Group", r#"{"displayName": "Guides"}"#, None, "displayName"),
            ("Group", r#"{"displayName": "Guides"}"#, Some("g"), ""),
            (
                "Group",
                r#"{"displayName": "Guides", "externalId": ""}"#,
                None,
                "displayName",
            ),
        ] {
            assert_eq!(told(kind, body, id), expected, "{kind} {body}");
        }
    }
}

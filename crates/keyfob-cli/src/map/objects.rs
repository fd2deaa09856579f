//! Objects of the source and existing resources, for every command that takes them.

use keyfob_core::{Registry, Resource, ResourceType, SmolStr};
use keyfob_expression::Value;
use keyfob_mapping::graph::{GraphObject, ObjectReader};
use serde_json::Value as Json;

use super::evaluating::Attributes;
use crate::{Unusable, input};

/// The text of the objects that the arguments name; that of one without attributes where they name no file.
pub(super) fn text(attributes: &Attributes) -> Result<Vec<u8>, Unusable> {
    match &attributes.attrs {
        None => Ok(b"{}".to_vec()),
        Some(file) => input::read(file),
    }
}

/// The objects of a text, one by one, with the attributes of the command line.
pub(super) struct Reading<'t> {
    reader: ObjectReader<'t>,
    given: Vec<(&'t str, Value)>,
}

impl<'t> Reading<'t> {
    pub(super) fn new(text: &'t [u8], attributes: &'t Attributes) -> Result<Self, Unusable> {
        Ok(Self {
            reader: ObjectReader::new(text)?,
            given: attributes.given()?,
        })
    }

    /// The columns of a CSV file.
    pub(super) fn columns(&self) -> Option<&[SmolStr]> {
        self.reader.columns()
    }

    /// True if what was read is one object in no list.
    pub(super) fn is_single(&self) -> bool {
        self.reader.is_single()
    }
}

impl Iterator for Reading<'_> {
    type Item = Result<GraphObject, Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        let object = self.reader.next()?.map(|mut object| {
            for (name, value) in &self.given {
                object.source.insert(*name, value.clone());
            }
            object
        });
        Some(object.map_err(Unusable::from))
    }
}

/// The objects that the arguments name; one without attributes where they name none.
pub(super) fn read(attributes: &Attributes) -> Result<Vec<GraphObject>, Unusable> {
    let text = text(attributes)?;
    let objects = Reading::new(&text, attributes).and_then(Iterator::collect);
    objects.map_err(|error| within(attributes, error))
}

/// The error as one of the file of objects.
pub(super) fn within(attributes: &Attributes, error: Unusable) -> Unusable {
    match &attributes.attrs {
        Some(file) => error.within(file),
        None => error,
    }
}

/// The name of the type of existing resources, as the first of them says.
pub(super) fn type_name(text: &[u8]) -> Option<String> {
    let resources = input::split(text).ok()?;
    let first: Json = serde_json::from_str(resources.first()?.get()).ok()?;
    let schemas = first.get("schemas")?.as_array()?;
    let types = Registry::rfc().resource_types();
    let core = schemas.iter().filter_map(Json::as_str);
    let name = core.filter_map(|uri| uri.rsplit(':').next());
    let mut names = name.filter(|name| types.iter().any(|known| known.name().eq_ignore_ascii_case(name)));
    names.next().map(str::to_owned)
}

/// The resources in a file.
pub(super) fn resources(text: &[u8], resource_type: &ResourceType) -> Result<Vec<Resource>, Unusable> {
    let resources = input::split(text)?;
    let resources = resources
        .iter()
        .map(|resource| Ok(Resource::from_json(resource.get().as_bytes(), resource_type)?));
    resources.collect()
}

//! Schemas and resource types of the operator's own.

use std::path::PathBuf;

use keyfob_core::{
    Schema,
    schema::{RegistryBuilder, ResourceTypeBuilder},
};

use crate::{Unusable, input};

/// The files of schemas and resource types that are served beside the RFC's.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct DefinitionFiles {
    /// A schema that is served too, in the form of `/Schemas`; may be repeated. A resource type names it
    #[arg(long = "schema", global = true, value_name = "FILE")]
    schemas: Vec<PathBuf>,
    /// A resource type that is served too, in the form of `/ResourceTypes`; may be repeated. One that is there, such as
    /// User, gets the extensions that it lacks. `relations` lists attributes that point at other resources, `indexed` those
    /// by which resources are looked up
    #[arg(long = "resource-type", global = true, value_name = "FILE")]
    resource_types: Vec<PathBuf>,
}

impl DefinitionFiles {
    /// Reads the files.
    pub(crate) fn read(&self) -> Result<Definitions, Unusable> {
        let mut definitions = Definitions::default();
        for path in &self.schemas {
            let schema = Schema::from_json(&input::read(path)?);
            let schema = schema.map_err(|error| Unusable::from(error).within(path))?;
            definitions.schemas.push((path.clone(), schema));
        }
        for path in &self.resource_types {
            let resource_type = ResourceTypeBuilder::from_json(&input::read(path)?);
            let resource_type = resource_type.map_err(|error| Unusable::from(error).within(path))?;
            definitions.resource_types.push(resource_type);
        }
        definitions.check()?;
        Ok(definitions)
    }
}

/// Schemas and resource types beside the RFC's.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    schemas: Vec<(PathBuf, Schema)>,
    resource_types: Vec<ResourceTypeBuilder>,
}

impl Definitions {
    /// Adds them to what a profile serves.
    pub(crate) fn add_to(&self, mut builder: RegistryBuilder) -> RegistryBuilder {
        for (_, schema) in &self.schemas {
            builder = builder.schema(schema.clone());
        }
        for resource_type in &self.resource_types {
            builder = builder.define(resource_type.clone());
        }
        builder
    }

    /// Refuses a schema of which nothing would be served, and what doesn't fit together.
    fn check(&self) -> Result<(), Unusable> {
        for (path, schema) in &self.schemas {
            let mut types = self.resource_types.iter();
            if !types
                .any(|kind| *kind.schema() == schema.id || kind.extensions().any(|uri| *uri == schema.id))
            {
                let message = format!(
                    "no resource type has the schema `{}`: name it in a file of `--resource-type`, as `schema` or in `schemaExtensions`",
                    schema.id
                );
                return Err(Unusable::new(message).within(path));
            }
        }
        self.add_to(RegistryBuilder::verkada()).build()?;
        Ok(())
    }
}

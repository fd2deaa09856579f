//! What an organization does with the attribute mapping that its tenant exports: check it, test it, apply it.

use std::error::Error;

use keyfob_core::{Registry, Resource, ResourceType};
use keyfob_expression::{Environment, Options};
use keyfob_mapping::{
    Change, Mapper,
    graph::{self, RuleMapping, SynchronizationSchema},
    vectors,
};

/// The schema as the portal downloads it ("Review your schema here").
pub const SCHEMA: &[u8] = include_bytes!("../data/schema.json");
/// A user as Microsoft Graph answers it.
pub const USER: &[u8] = include_bytes!("../data/user.json");
/// Expressions of the mapping with what they have to give, kept beside it.
pub const VECTORS: &[u8] = include_bytes!("../data/vectors.json");

/// The resource type that the mapping makes: users with the card credentials of Verkada.
///
/// # Errors
/// None in fact: the registry has it.
pub fn user_type() -> Result<&'static ResourceType, Box<dyn Error>> {
    Ok(Registry::verkada()
        .resource_type("User")
        .ok_or("there is no User")?)
}

/// The user mapping of a schema, and every sentence that a reviewer should read.
///
/// # Errors
/// Where the schema is not one of Graph's, or maps no users.
pub fn import(schema: &[u8]) -> Result<(RuleMapping, Vec<String>), Box<dyn Error>> {
    let user = user_type()?;
    let schema = SynchronizationSchema::from_json(schema)?;
    let users = schema.mapping_of(user)?.ok_or("the schema maps no users")?;
    let options = Options::default();
    let mut lints = users.mapping.lints(user, &options);
    // The service refuses a mapping of attributes that the source's definition doesn't have.
    for directory in schema.directories()? {
        if directory.name == users.source_directory
            && let Some(definition) = directory.object(&users.mapping.source)
        {
            lints.extend(users.mapping.unknown_sources(definition, &options));
        }
    }
    let sentences = lints.into_iter().map(|found| {
        let target = found.target.as_deref().unwrap_or("the mapping");
        format!(
            "{}: {target}: {}; {}",
            found.lint.id, found.lint.sentence, found.lint.fix
        )
    });
    let sentences = sentences.collect();
    Ok((users, sentences))
}

/// Holds expressions to the values that they have to give, and counts them.
///
/// # Errors
/// The first vector that fails.
pub fn test(file: &[u8], environment: &Environment<'_>) -> Result<usize, Box<dyn Error>> {
    let vectors = vectors::read(file)?;
    for vector in &vectors {
        vector.check(&Options::default(), environment)?;
    }
    Ok(vectors.len())
}

/// What has to be done at the service provider for a user of Graph, who has the resource `existing` there already.
///
/// # Errors
/// Where the mapping is wrong, or can't be applied to this user.
pub fn provision(
    users: &RuleMapping,
    user: &[u8],
    existing: Option<&Resource>,
    environment: &Environment<'_>,
) -> Result<Change, Box<dyn Error>> {
    // A program that provisions many users compiles the mapping once.
    let mapper = Mapper::compile(&users.mapping, user_type()?, &Options::default())?;
    let source = graph::source_from_json(user)?;
    Ok(mapper.apply(&source, existing, environment)?)
}

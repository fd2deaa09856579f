//! What the tests share.

use keyfob_core::{Dialect, Registry, Resource, ResourceType};
use keyfob_filter::{CompileError, Filter, Limits, Predicate};
use proptest::test_runner::Config;

pub(crate) fn resource_type(name: &str) -> &'static ResourceType {
    Registry::rfc().resource_type(name).unwrap()
}

pub(crate) fn user() -> &'static ResourceType {
    resource_type("User")
}

/// The resource that a JSON text is.
pub(crate) fn resource(json: &str, resource_type: &ResourceType) -> Resource {
    Resource::from_json(json.as_bytes(), resource_type).unwrap()
}

/// The predicate that a text is.
pub(crate) fn compile(
    text: &str,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<Predicate, CompileError> {
    let filter = Filter::parse_with(text, &Limits::default(), dialect);
    let filter = filter.unwrap_or_else(|error| panic!("{}", error.display_with(text)));
    filter.compile(resource_type, dialect)
}

/// So many cases of a property, unless `PROPTEST_CASES` says otherwise.
pub(crate) fn cases(usual: u32) -> Config {
    let config = Config::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => Config {
            cases: usual,
            ..config
        },
    }
}

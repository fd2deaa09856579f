//! Mappings as tenants export them and people write them.

use keyfob_core::Registry;
use keyfob_expression::{Environment, Options, SeededEntropy, Source};
use keyfob_mapping::{
    Change, Mapper, ObjectMapping,
    graph::{self, SynchronizationSchema},
    scope::ScopingFilter,
};

/// No text makes the reading of a schema, a mapping, a scoping filter or a source panic, nor what comes after. What is
/// read goes out as what reads back as itself, putting back what was read changes nothing, and a resource that was made
/// needs no update.
///
/// # Panics
/// On a text that breaks it.
pub fn mapping_import_total(text: &[u8]) {
    let source = graph::source_from_json(text).unwrap_or_default();
    if let Ok(mut schema) = SynchronizationSchema::from_json(text) {
        let written = schema.to_json();
        assert_eq!(SynchronizationSchema::from_json(&written).unwrap(), schema);
        schema.directories().ok();
        let before = schema.clone();
        let mappings = schema.mappings().unwrap_or_default();
        if let Some(first) = mappings.first() {
            schema.set_mapping(&first.mapping).unwrap();
            assert_eq!(schema, before, "putting back what was read");
        }
        for mapping in &mappings {
            check(&mapping.mapping, &source);
        }
    }
    if let Ok(mapping) = ObjectMapping::from_json(text) {
        check(&mapping, &source);
    }
    if let Ok(filter) = ScopingFilter::from_json(text)
        && let Ok(scope) = filter.compile()
    {
        scope.contains(&source).ok();
    }
}

fn check(mapping: &ObjectMapping, source: &Source) {
    assert_eq!(&ObjectMapping::from_json(&mapping.to_json()).unwrap(), mapping);
    let schema = SynchronizationSchema::new(std::slice::from_ref(mapping));
    let read = SynchronizationSchema::from_json(&schema.to_json()).unwrap();
    assert_eq!(&read.mappings().unwrap()[0].mapping, mapping);

    let entropy = SeededEntropy::new(0);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
    for resource_type in Registry::verkada().resource_types() {
        let lints = mapping.lints(resource_type, &Options::default());
        let mapper = match Mapper::compile(mapping, resource_type, &Options::default()) {
            Ok(mapper) => mapper,
            Err(error) => {
                assert!(!error.faults.is_empty());
                continue;
            }
        };
        mapper.matching(source, &environment).ok();
        let Ok(Change::Create(created)) = mapper.apply(source, None, &environment) else {
            continue;
        };
        // What is made by chance differs each time, and filters that select the same value write it twice.
        let repeats = mapping.attributes.iter().all(|attribute| {
            let expression = attribute.expression.as_deref().unwrap_or_default();
            !["Guid", "RandomString"]
                .iter()
                .any(|name| expression.contains(name))
        });
        if repeats && lints.iter().all(|found| found.lint.id != "W-SAME-ELEMENT") {
            let request = mapper.update(source, &created, &environment).unwrap();
            assert_eq!(request.operations, [], "a resource that was made needs no update");
        }
    }
}

//! Objects of the source in every form in which they are exported.

use std::sync::LazyLock;

use keyfob_core::Registry;
use keyfob_expression::{Environment, Options, SeededEntropy};
use keyfob_mapping::{
    Mapper, ObjectMapping,
    graph::{self, Objects},
};

/// No file makes reading objects panic, nor applying the default mappings to them. Errors and objects stand on a line of
/// the file, objects in the order of their lines. One object is the same by itself, in an array and as NDJSON.
///
/// # Panics
/// On a file that breaks it.
pub fn objects_total(text: &[u8]) {
    let lines = 1 + text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    let read = match Objects::read(text) {
        Ok(read) => read,
        Err(error) => {
            assert!((1..=lines).contains(&error.line), "{error}");
            return;
        }
    };
    assert_eq!(Objects::read(text).unwrap(), read);
    let mut line = 1;
    for object in &read.objects {
        assert!(
            (line..=lines).contains(&object.line),
            "{} of {lines}",
            object.line
        );
        line = object.line;
        let _ = object.name();
    }
    if let (true, [object]) = (read.is_single, read.objects.as_slice()) {
        let one = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        assert_eq!(graph::source_from_json(one).unwrap(), object.source);
        for around in [[b"[".as_slice(), one, b"]"].concat(), [one, b"\n", one].concat()] {
            let among = Objects::read(&around).unwrap();
            assert_eq!(among.objects[0].source, object.source);
            assert_eq!(among.objects[0].kind, object.kind);
            assert!(!among.is_single);
        }
    }
    let entropy = SeededEntropy::new(0);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
    for mapper in &*MAPPERS {
        for object in read.objects.iter().take(8) {
            let _ = mapper.apply(&object.source, None, &environment);
        }
    }
}

/// The default mappings, compiled once: that takes longer than all else that is done with a file.
static MAPPERS: LazyLock<[Mapper; 2]> = LazyLock::new(|| {
    [
        (ObjectMapping::entra_user(), "User"),
        (ObjectMapping::entra_group(), "Group"),
    ]
    .map(|(mapping, name)| {
        let resource_type = Registry::rfc().resource_type(name).unwrap();
        Mapper::compile(&mapping, resource_type, &Options::default()).unwrap()
    })
});

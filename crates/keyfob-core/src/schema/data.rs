//! The schemas that come with the crate, as JSON files in the RFC's own form.

use std::sync::{Arc, LazyLock};

use super::Schema;

macro_rules! embedded {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])*
        pub(super) static $name: LazyLock<Arc<Schema>> =
            LazyLock::new(|| load(include_bytes!(concat!("../../schemas/", $file))));)*

        #[cfg(test)]
        const FILES: &[(&str, &[u8])] = &[$(($file, include_bytes!(concat!("../../schemas/", $file)))),*];
    };
}

embedded! {
    /// The attributes of every resource (RFC 7643 section 3.1).
    COMMON = "common.json";
    USER = "user.json";
    GROUP = "group.json";
    ENTERPRISE_USER = "enterprise-user.json";
    SERVICE_PROVIDER_CONFIG = "service-provider-config.json";
    RESOURCE_TYPE = "resource-type.json";
    SCHEMA = "schema.json";
    VERKADA_ACCESS_USER = "verkada-access-user.json";
    VERKADA_CORE_USER = "verkada-core-user.json";
}

#[expect(
    clippy::panic,
    reason = "the files are part of the crate and a test reads each"
)]
fn load(text: &[u8]) -> Arc<Schema> {
    match Schema::from_json(text) {
        Ok(schema) => Arc::new(schema),
        Err(error) => panic!("an embedded schema is malformed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_schema_reads_back_from_what_it_writes() {
        for (file, text) in FILES {
            let schema = Schema::from_json(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let written = schema.to_resource();
            let again = Schema::from_object(written.core()).unwrap();
            assert_eq!(again.to_resource(), written, "{file}");
            assert!(!again.attributes.is_empty(), "{file}");
        }
    }
}

//! Resources: what is decoded is encoded as what decodes to it.

use keyfob_core::{Registry, Resource};

/// A body that decodes is encoded as one that decodes to the same resource, but for relations without members, which
/// are left out.
pub fn resource_roundtrip(body: &[u8]) {
    for kind in Registry::verkada().resource_types() {
        let Ok(mut resource) = Resource::from_json(body, kind) else {
            continue;
        };
        let encoded = resource.to_json();
        let decoded = Resource::from_json(&encoded, kind).unwrap();
        resource
            .relations_mut()
            .retain(|(_, members)| !members.is_empty());
        assert_eq!(decoded, resource, "{}", String::from_utf8_lossy(&encoded));
        assert_eq!(decoded.to_json(), encoded);
    }
}

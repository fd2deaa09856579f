//! The entries under which a resource stands in a store's index.

use std::collections::BTreeMap;

use keyfob_core::{CompareKey, Resource, ResourceType};
use smol_str::{SmolStr, format_smolstr};

/// An entry of a store's index: a value by which a resource is found.
///
/// Entries follow from the document alone. Beside those of [`Index`](keyfob_core::schema::Index) there is one for each
/// attribute with a value that has no key, such as a number where the schema has a text: under the
/// [name](keyless) of the attribute with a mark, so that a presence test finds it and a comparison doesn't.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a store must write every part")]
pub struct IndexEntry {
    /// The attribute's path in lower case.
    pub attribute: SmolStr,
    /// The key of the value.
    pub key: CompareKey,
    /// True if resources are sorted by the entry. Of several values of an attribute that should have one, the first sorts.
    pub sorts: bool,
}

impl IndexEntry {
    /// Returns every entry of a document, each attribute and key once, in their order.
    ///
    /// ```
    /// use keyfob_core::{Registry, Resource};
    /// use keyfob_store::kit::IndexEntry;
    ///
    /// let user = Registry::rfc().resource_type("User").ok_or("no User")?;
    /// let ada = Resource::from_json(br#"{"userName": "Ada", "displayName": 7}"#, user)?;
    /// let entries = IndexEntry::of(user, &ada);
    /// let entries: Vec<_> = entries.iter().map(|entry| (entry.attribute.as_str(), entry.key.as_str())).collect();
    /// assert_eq!(entries, [("displayname?", ""), ("username", "ada")]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    /// Linear in the values of the indexed attributes.
    #[must_use]
    pub fn of(resource_type: &ResourceType, document: &Resource) -> Vec<Self> {
        let mut entries = BTreeMap::new();
        for indexed in resource_type.index().attributes() {
            let mut is_first = true;
            for key in indexed.entries(document) {
                if let Some(key) = key {
                    let sorts = is_first || !indexed.is_singular();
                    entries.entry((indexed.key().clone(), key)).or_insert(sorts);
                    is_first = false;
                } else {
                    let mark = (keyless(indexed.key()), CompareKey::verbatim(""));
                    entries.insert(mark, false);
                }
            }
        }
        let entries = entries.into_iter();
        entries
            .map(|((attribute, key), sorts)| Self {
                attribute,
                key,
                sorts,
            })
            .collect()
    }
}

/// Returns the name under which the index has the values of an attribute that have no key.
///
/// No attribute has such a name (RFC 7643 section 2.1).
#[must_use]
pub fn keyless(attribute: &str) -> SmolStr {
    format_smolstr!("{attribute}?")
}

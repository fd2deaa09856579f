//! The characteristics of attributes under a profile: one table for what is checked and for what `/Schemas` says.

use keyfob_core::{
    Attribute, Quirk, Schema, SchemaUri,
    schema::{Mutability, Uniqueness},
};

use crate::{
    feature::Feature,
    profile::{Profile, WriteOnlyPatch},
};

impl Profile {
    /// The paths, such as `name.givenName`, of the attributes of a schema that a provider has to give beyond those that
    /// the schema itself demands.
    pub(crate) fn required_in(&self, schema: &SchemaUri) -> &'static [&'static str] {
        if *schema == SchemaUri::USER {
            self.required
        } else {
            &[]
        }
    }

    /// Returns the uniqueness that holds within a tenant for an attribute of this schema. `global` is what one service
    /// can't promise; within a tenant it is the same as `server`.
    pub(crate) fn uniqueness_in(&self, schema: &SchemaUri, attribute: &Attribute) -> Uniqueness {
        let is_group_name = *schema == SchemaUri::GROUP && attribute.name.is("displayName");
        match attribute.uniqueness {
            _ if attribute.is_complex() => Uniqueness::None,
            Uniqueness::None if is_group_name && self.unique_group_names => Uniqueness::Server,
            Uniqueness::None => Uniqueness::None,
            Uniqueness::Server | Uniqueness::Global => Uniqueness::Server,
        }
    }

    /// Returns the schema as it holds under the profile, and as `/Schemas` shows it.
    #[must_use]
    pub fn schema(&self, schema: &Schema) -> Schema {
        let mut schema = schema.clone();
        let required = self.required_in(&schema.id);
        for attribute in &mut schema.attributes {
            self.describe(attribute);
            for sub in &mut attribute.sub_attributes {
                self.describe(sub);
            }
            attribute.uniqueness = self.uniqueness_in(&schema.id, attribute);
            for path in required {
                let (name, sub) = path
                    .split_once('.')
                    .map_or((*path, None), |(name, sub)| (name, Some(sub)));
                if !attribute.name.is(name) {
                    continue;
                }
                attribute.required = true;
                let subs = attribute.sub_attributes.iter_mut();
                for named in subs.filter(|named| sub.is_some_and(|sub| named.name.is(sub))) {
                    named.required = true;
                }
            }
        }
        schema
    }

    /// Lets an attribute say which values are checked, and that a client can't set one that isn't kept where the profile
    /// refuses to pass over it.
    fn describe(&self, attribute: &mut Attribute) {
        if let Some(format) = attribute.format()
            && !self.dialect.allows(Quirk::LooseFormats)
            && attribute.canonical_values.is_empty()
        {
            attribute.canonical_values = format.canonical_values();
        }
        if attribute.mutability == Mutability::WriteOnly
            && self.write_only == WriteOnlyPatch::Refuse
            && !Feature::ChangePassword.is_supported()
        {
            attribute.mutability = Mutability::ReadOnly;
        }
    }
}

//! Mappings that are ready for a job.

use std::fmt;

use keyfob_core::{
    Attribute, Dialect, Resource, ResourceType, SmolStr,
    schema::{Container, Mutability, ResolvedAttribute, Returned, Target},
};
use keyfob_expression::{Expression, Options, Source};
use keyfob_filter::{Limits, PatchPath};
use keyfob_mapping::{Mapper, MappingError, ObjectMapping};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::state::Digest;

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7643 has these two types")]
pub enum Kind {
    /// A user.
    User,
    /// A group.
    Group,
}

/// A mapping of users or of groups, checked against the target's resource type.
#[derive(Debug)]
pub struct Rule {
    pub(crate) kind: Kind,
    pub(crate) mapper: Mapper,
    pub(crate) mapping: ObjectMapping,
    /// The path of the first attribute by which resources are found.
    pub(crate) matched_by: SmolStr,
    /// The attribute of the source that holds the members, where they are mapped.
    pub(crate) members: Option<SmolStr>,
    digest: Digest,
}

/// Why a mapping can't be provisioned by.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The mapping is wrong.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The resources are neither users nor groups.
    #[error(
        "the mapping makes resources of the type `{resource_type}`; only users and groups are provisioned"
    )]
    Kind {
        /// The name of the resource type.
        resource_type: SmolStr,
    },
    /// Somebody took the mapping out of use, and nothing of it is to be sent.
    #[error("the mapping is not in use (`enabled` is false)")]
    NotInUse,
    /// Nothing says how existing resources are found.
    #[error("the mapping has no attribute to match by, so that every cycle would create everything again")]
    NoMatching,
    /// The target never shows the attribute, or never should, so that it can't be compared.
    #[error(
        "`{target}` is a secret, which no target shows, so that what it has can't be compared; take it out of the mapping"
    )]
    Secret {
        /// The target path.
        target: SmolStr,
    },
    /// Members of a group come from an expression.
    #[error(
        "`members` is mapped from `{expression}`; only an attribute, such as `[members]`, is provisioned"
    )]
    Members {
        /// The expression.
        expression: SmolStr,
    },
}

impl Kind {
    /// Both, in the order in which they are provisioned.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// Returns the name of the resource type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    pub(crate) fn number(self) -> i64 {
        match self {
            Self::User => 0,
            Self::Group => 1,
        }
    }

    pub(crate) fn of_number(number: i64) -> Self {
        if number == 1 { Self::Group } else { Self::User }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Group => "group",
        })
    }
}

impl Rule {
    /// Checks a mapping against the type of the target's resources.
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_expression::Options;
    /// use keyfob_mapping::{AttributeMapping, ObjectMapping};
    /// use keyfob_sync::Rule;
    ///
    /// let user = Registry::rfc().resource_type("User").ok_or("no User")?;
    /// let mut mapping = ObjectMapping::new("User", "User");
    /// mapping.attributes = vec![AttributeMapping::new("userName", "[mail]")];
    /// assert!(Rule::compile(&mapping, user, &Options::default()).is_err(), "nothing to match by");
    /// mapping.attributes = vec![AttributeMapping::new("userName", "[mail]").matching(1)];
    /// assert!(Rule::compile(&mapping, user, &Options::default()).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RuleError`] for a mapping that is not in use, can't be applied, makes neither users nor groups, or matches by nothing.
    pub fn compile(
        mapping: &ObjectMapping,
        resource_type: &ResourceType,
        options: &Options,
    ) -> Result<Self, RuleError> {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| resource_type.name() == kind.as_str())
            .ok_or_else(|| RuleError::Kind {
                resource_type: resource_type.name().clone(),
            })?;
        if !mapping.enabled {
            return Err(RuleError::NotInUse);
        }
        let mapper = Mapper::compile(mapping, resource_type, options)?;
        let secret = mapping.attributes.iter().find(|attribute| {
            resolve(&attribute.target, resource_type)
                .is_some_and(|found| is_secret(found.container, found.attribute))
        });
        if let Some(attribute) = secret {
            let target = attribute.target.clone();
            return Err(RuleError::Secret { target });
        }
        let matching = mapping
            .attributes
            .iter()
            .filter(|attribute| attribute.matching.is_some());
        let first = matching.min_by_key(|attribute| attribute.matching);
        let matched_by = first
            .map(|attribute| attribute.target.clone())
            .ok_or(RuleError::NoMatching)?;
        let mut relations = mapping
            .attributes
            .iter()
            .filter(|attribute| resource_type.relation(&attribute.target).is_some());
        let members = match relations
            .next()
            .and_then(|attribute| attribute.expression.clone())
        {
            None => None,
            Some(text) => match Expression::parse(&text) {
                Ok(Expression::Attribute(name)) => Some(name),
                _ => return Err(RuleError::Members { expression: text }),
            },
        };
        let digest = short(Sha256::new().chain_update(mapping.to_json()));
        Ok(Self {
            kind,
            mapper,
            mapping: mapping.clone(),
            matched_by,
            members,
            digest,
        })
    }

    /// Returns the kind of the objects.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what an object, the mapping and the scope come to. Members are no part of it: they are compared one by one.
    pub(crate) fn digest(&self, source: &Source, in_scope: bool) -> Digest {
        let mut digest = Sha256::new();
        digest.update(self.digest);
        digest.update([u8::from(in_scope)]);
        for (name, value) in source.iter() {
            if self.members.as_deref() != Some(name) {
                digest.update(name.as_bytes());
                digest.update([0]);
                digest.update(value.type_name().as_bytes());
                digest.update(value.to_json().as_bytes());
                digest.update([0]);
            }
        }
        short(digest)
    }

    /// Returns the expression of a target path.
    pub(crate) fn expression_of(&self, path: &str) -> Option<SmolStr> {
        let mut attributes = self.mapping.attributes.iter();
        let attribute = attributes.find(|attribute| attribute.target.eq_ignore_ascii_case(path))?;
        attribute.expression.clone()
    }

    /// Returns of a resource that is sent what it would be found by.
    pub(crate) fn matched(&self, resource: &Resource) -> Resource {
        let mut matched = Resource::new(resource.schemas().iter().cloned());
        let attributes = self.mapping.attributes.iter();
        for attribute in attributes.filter(|attribute| attribute.matching.is_some()) {
            let Some(found) = resolve(&attribute.target, self.resource_type()) else {
                continue;
            };
            let name = &found.attribute.name;
            let uri = match found.container {
                Container::Core => None,
                Container::Extension(uri) => Some(uri),
            };
            let object = uri.map_or(Some(resource.core()), |uri| resource.extension(uri));
            if let Some(value) = object.and_then(|object| object.get(name.as_str())) {
                matched.attributes_mut(uri).insert(name.clone(), value.clone());
            }
        }
        matched
    }

    pub(crate) fn resource_type(&self) -> &ResourceType {
        self.mapper.resource_type()
    }

    pub(crate) fn is_relation(&self, path: &str) -> bool {
        self.resource_type().relation(path).is_some()
    }
}

/// Returns the attribute that a target path leads to.
fn resolve<'r>(path: &str, resource_type: &'r ResourceType) -> Option<ResolvedAttribute<'r>> {
    let dialect = Dialect::interop();
    let path = PatchPath::parse_with(path, &Limits::default(), dialect).ok()?;
    match resource_type.resolve(&path.attr, dialect) {
        Ok(Target::Attribute(found)) => Some(found),
        _ => None,
    }
}

/// Returns true if the target never shows an attribute, or never should: the password of RFC 7643 section 4.1.1 is a secret
/// whatever the target's schema says of it.
pub(crate) fn is_secret(container: Container<'_>, attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::WriteOnly
        || attribute.returned == Returned::Never
        || (matches!(container, Container::Core) && attribute.name.is("password"))
}

/// The first half of a digest, which tells a few million objects apart.
pub(crate) fn short(digest: Sha256) -> Digest {
    let mut short = [0; 16];
    short
        .iter_mut()
        .zip(digest.finalize())
        .for_each(|(byte, of)| *byte = of);
    short
}

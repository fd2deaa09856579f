//! Mappings as data, as people write and tenants export them.

use std::num::NonZeroU32;

use keyfob_core::ResourceType;
use keyfob_expression::Expression;
use smol_str::SmolStr;

use crate::scope::ScopingFilter;

/// The mapping of one type of the source to one type of the target.
///
/// It holds texts as they were written; [`Mapper::compile`](super::Mapper::compile) reads and checks all of them.
///
/// ```
/// use keyfob_mapping::{AttributeMapping, ObjectMapping};
///
/// let mut mapping = ObjectMapping::new("User", "User");
/// mapping.attributes = vec![
///     AttributeMapping::new("userName", "[userPrincipalName]").matching(1),
///     AttributeMapping::new("title", "[jobTitle]").or_default("Unknown"),
///     AttributeMapping::new("emails[type eq \"work\"].value", "ToLower([mail])"),
/// ];
/// let text = mapping.to_json();
/// assert_eq!(ObjectMapping::from_json(&text)?, mapping);
/// # Ok::<(), keyfob_mapping::ImportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMapping {
    /// A name for people; perhaps empty.
    pub name: SmolStr,
    /// If true, it is in use.
    pub enabled: bool,
    /// The type of the source's objects, such as `User`.
    pub source: SmolStr,
    /// The type of the target's resources: the name of a resource type or the URI of one of its schemas.
    pub target: SmolStr,
    /// The actions that are allowed on resources of the target.
    pub actions: Actions,
    /// The objects that are provisioned.
    pub scope: ScopingFilter,
    /// The attributes, in order.
    pub attributes: Vec<AttributeMapping>,
}

/// The actions that are allowed on resources of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actions {
    /// If true, resources are created (`Add`).
    pub create: bool,
    /// If true, they are changed (`Update`).
    pub update: bool,
    /// If true, they are disabled and deleted (`Delete`).
    pub delete: bool,
}

/// The mapping of one attribute of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeMapping {
    /// The attribute's path: `userName`, `name.givenName`, `emails[type eq "work"].value`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
    pub target: SmolStr,
    /// The expression whose value flows: `[mail]` for an attribute, `"text"` for a constant, or any other. None where
    /// the attribute has nothing but a default.
    pub expression: Option<SmolStr>,
    /// The value in place of null: for new resources, and where there is no expression for any that has no value yet.
    pub default: Option<SmolStr>,
    /// When the value flows.
    pub apply: Apply,
    /// The precedence among the attributes by which existing resources are found; the lowest comes first.
    pub matching: Option<NonZeroU32>,
}

/// When a value flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Apply {
    /// Whenever a resource is created or updated.
    #[default]
    Always,
    /// When a resource is created.
    OnCreate,
    /// Whenever, and values of a multi-valued attribute that are there already stay.
    AddValues,
}

/// The kind of a mapping, as the service's portal shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MappingKind {
    /// An attribute of the source.
    Direct,
    /// A text.
    Constant,
    /// An expression.
    Expression,
    /// Nothing, or nothing but a default.
    None,
}

impl ObjectMapping {
    /// A mapping in use without attributes that creates, updates and deletes, with everything in scope.
    #[must_use]
    pub fn new(source: impl Into<SmolStr>, target: impl Into<SmolStr>) -> Self {
        Self {
            name: SmolStr::default(),
            enabled: true,
            source: source.into(),
            target: target.into(),
            actions: Actions::ALL,
            scope: ScopingFilter::default(),
            attributes: Vec::new(),
        }
    }

    /// Returns true if its resources are of this type: the target is the type's name, one of its schemas, or a URI
    /// that ends in its name.
    #[must_use]
    pub fn makes(&self, resource_type: &ResourceType) -> bool {
        let name = resource_type.name().as_str();
        let last = self.target.rsplit(':').next().unwrap_or(&self.target);
        let extensions = resource_type.extensions().iter();
        let mut uris = extensions
            .map(|extension| &extension.schema.id)
            .chain([&resource_type.schema().id]);
        last.eq_ignore_ascii_case(name) || uris.any(|uri| uri.is(&self.target))
    }
}

impl Actions {
    /// Everything.
    pub const ALL: Self = Self {
        create: true,
        update: true,
        delete: true,
    };
    /// Nothing.
    pub const NONE: Self = Self {
        create: false,
        update: false,
        delete: false,
    };
}

impl Default for Actions {
    fn default() -> Self {
        Self::ALL
    }
}

impl AttributeMapping {
    /// The value of an expression flows into an attribute whenever a resource is created or updated.
    #[must_use]
    pub fn new(target: impl Into<SmolStr>, expression: impl Into<SmolStr>) -> Self {
        Self {
            expression: Some(expression.into()),
            ..Self::of_default(target, None)
        }
    }

    /// An attribute that the source says nothing of: where it has no value, it takes this one.
    #[must_use]
    pub fn default_only(target: impl Into<SmolStr>, default: impl Into<SmolStr>) -> Self {
        Self::of_default(target, Some(default.into()))
    }

    fn of_default(target: impl Into<SmolStr>, default: Option<SmolStr>) -> Self {
        Self {
            target: target.into(),
            expression: None,
            default,
            apply: Apply::Always,
            matching: None,
        }
    }

    /// Returns what kind of mapping it is.
    #[must_use]
    pub fn kind(&self) -> MappingKind {
        match self.expression.as_deref().map(Expression::parse) {
            None => MappingKind::None,
            Some(Ok(Expression::Attribute(_))) => MappingKind::Direct,
            Some(Ok(Expression::Text(_) | Expression::Number(_) | Expression::Word(_))) => {
                MappingKind::Constant
            }
            Some(_) => MappingKind::Expression,
        }
    }

    /// The same with a default for new resources.
    #[must_use]
    pub fn or_default(mut self, default: impl Into<SmolStr>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// The same, flowing only so often.
    #[must_use]
    pub fn apply(mut self, apply: Apply) -> Self {
        self.apply = apply;
        self
    }

    /// The same, by which existing resources are found. A precedence of 0 means that they are not.
    #[must_use]
    pub fn matching(mut self, precedence: u32) -> Self {
        self.matching = NonZeroU32::new(precedence);
        self
    }
}

impl Apply {
    /// Every value.
    pub(crate) const ALL: [Self; 3] = [Self::Always, Self::OnCreate, Self::AddValues];

    /// The word in a document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::OnCreate => "onCreate",
            Self::AddValues => "addValues",
        }
    }
}

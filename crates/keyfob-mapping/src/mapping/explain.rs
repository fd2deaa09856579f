//! Explanations of mappings: the value of each attribute, and why.

use std::fmt;

use keyfob_core::{Resource, SmolStr, Value};
use keyfob_expression::{
    Environment, Source,
    explain::{self, Explanation},
};

use super::{ApplyError, ApplyErrorKind, Change, Lookup, Mapper, mapper::Purpose};
use crate::scope::{Decision, ScopeError};

/// The explanation of a mapping of one object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MappingExplanation {
    /// The decision on the scope, and the clauses that made it.
    pub scope: Result<Decision, ScopeError>,
    /// The attributes, in the mapping's order.
    pub attributes: Vec<AttributeExplanation>,
    /// The change that the resource needs.
    pub change: Result<Change, ApplyError>,
}

/// The explanation of one attribute.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AttributeExplanation {
    /// The target path.
    pub target: SmolStr,
    /// The evaluation of the expression; none where the attribute has none.
    pub expression: Option<Explanation>,
    /// The flow.
    pub flow: Result<Flow, ApplyErrorKind>,
}

/// The value that flows into an attribute, or the reason that none does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Flow {
    /// The value of the expression.
    Value(Value),
    /// The default, in place of null or where the attribute has no value yet.
    Default(Value),
    /// Nothing: the attribute stays as it is.
    Nothing(NoFlow),
}

/// Why nothing flows into an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoFlow {
    /// The value is null, and no default counts.
    Null,
    /// The value is the empty text and comes of attributes none of which is there, and no default counts.
    OfNothing,
    /// The expression leaves the attribute out of the flow.
    Ignored,
    /// The value flows only when a resource is created.
    OnCreate,
    /// The attribute has only a default, and a value already.
    Assigned,
    /// The attribute has neither an expression nor a default.
    Unmapped,
    /// No resource stands for the object that the value refers to.
    NoResource,
}

impl NoFlow {
    /// Says it in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "the value is null",
            Self::OfNothing => "the value is empty and comes of attributes none of which is there",
            Self::Ignored => "the expression leaves the attribute out of the flow",
            Self::OnCreate => "the value flows only when a resource is created",
            Self::Assigned => "the attribute has a value already, and only a default is mapped",
            Self::Unmapped => "neither an expression nor a default is mapped",
            Self::NoResource => "no resource stands for the object that the value refers to",
        }
    }
}

impl fmt::Display for NoFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Mapper {
    /// Explains what [`apply_with`](Self::apply_with) does for an object: what decided its scope, the value of every part of
    /// every expression, what flows and what doesn't.
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_expression::{Environment, Options, SeededEntropy, Source};
    /// use keyfob_mapping::{AttributeMapping, Flow, Lookup, Mapper, NoFlow, ObjectMapping};
    ///
    /// let mut mapping = ObjectMapping::new("User", "User");
    /// mapping.attributes = vec![
    ///     AttributeMapping::new("userName", "[userPrincipalName]"),
    ///     AttributeMapping::new("title", "PCase([jobTitle])"),
    /// ];
    /// let user = Registry::rfc().resource_type("User").ok_or("no User")?;
    /// let mapper = Mapper::compile(&mapping, user, &Options::default())?;
    /// let entropy = SeededEntropy::new(0);
    /// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
    /// let source = Source::from_iter([("userPrincipalName", "babs")]);
    /// let explained = mapper.explain(&source, None, &environment, &Lookup::new());
    /// assert_eq!(explained.attributes[0].flow, Ok(Flow::Value("babs".into())));
    /// assert_eq!(explained.attributes[1].flow, Ok(Flow::Nothing(NoFlow::Null)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    /// Twice that of [`apply_with`](Self::apply_with), and a copy of every value.
    #[must_use]
    pub fn explain(
        &self,
        source: &Source,
        existing: Option<&Resource>,
        environment: &Environment<'_>,
        lookup: &Lookup<'_>,
    ) -> MappingExplanation {
        let purpose = existing.map_or(Purpose::Create, Purpose::Update);
        let attributes = self.rows.iter().map(|row| {
            let expression = row.expression.as_ref().zip(row.program.as_ref());
            AttributeExplanation {
                target: row.target.path.clone(),
                expression: expression
                    .map(|(expression, program)| explain::program(expression, program, source, environment)),
                flow: row.flow(source, environment, purpose, lookup),
            }
        });
        MappingExplanation {
            scope: self.scope.decide(source),
            attributes: attributes.collect(),
            change: self.apply_with(source, existing, environment, lookup),
        }
    }
}

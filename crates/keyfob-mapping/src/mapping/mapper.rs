//! Mappings that were checked against a resource type.

use std::{borrow::Cow, num::NonZeroU32};

use keyfob_core::{Resource, ResourceType, Value};
use keyfob_expression as expression;
use keyfob_expression::{
    Environment, Expression, ExpressionError, FlowScope, Options, Outcome, Program, Source, function::Role,
};
use keyfob_filter::Filter;
use smol_str::{SmolStr, format_smolstr};

use super::{
    Actions, Apply, ApplyErrorKind, AttributeMapping, Flow, Lookup, MappingError, MappingFault,
    MappingFaultKind, NoFlow, ObjectMapping,
    coerce::coerce,
    target::{Part, Target},
    update::Others,
};
use crate::scope::Scope;

/// The source attribute that says whether the service takes an object for deleted.
pub(super) const IS_SOFT_DELETED: &str = "IsSoftDeleted";

/// The source attribute that says that an object is gone.
pub(crate) const REMOVED: &str = "@removed";

/// A mapping that was checked against a resource type, ready to be applied to objects of the source.
#[derive(Debug)]
pub struct Mapper {
    pub(super) resource_type: ResourceType,
    pub(super) enabled: bool,
    pub(super) actions: Actions,
    pub(super) scope: Scope,
    pub(super) rows: Vec<Row>,
    /// The number of different filters that select elements.
    pub(super) slots: usize,
}

/// One attribute.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) target: Target,
    /// The number of the filter that selects the element, for targets with the same one.
    pub(super) slot: Option<usize>,
    pub(super) expression: Option<Expression>,
    pub(super) program: Option<Program>,
    default: Option<Value>,
    apply: Apply,
    /// The treatment of values that the target has and that are not wanted.
    pub(super) others: Others,
    matching: Option<NonZeroU32>,
    /// If true, the value depends on whether the object is deleted in the source.
    pub(super) tells_deletion: bool,
    /// The source attribute with values that are taken away, where an attribute flows as it is.
    removals: Option<SmolStr>,
}

/// The purpose of a value.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'r> {
    Create,
    Update(&'r Resource),
    Match,
}

impl Mapper {
    /// Checks a mapping: target paths against the resource type, defaults against the attributes' types, expressions,
    /// and the scoping filter.
    ///
    /// # Errors
    /// [`MappingError`] holds everything that is wrong, not only what comes first.
    pub fn compile(
        mapping: &ObjectMapping,
        resource_type: &ResourceType,
        options: &Options,
    ) -> Result<Self, MappingError> {
        let (mapper, faults) = Self::check(mapping, resource_type, options);
        if faults.is_empty() {
            Ok(mapper)
        } else {
            Err(MappingError { faults })
        }
    }

    /// Compiles what can be, and gathers what is wrong with the rest.
    fn check(
        mapping: &ObjectMapping,
        resource_type: &ResourceType,
        options: &Options,
    ) -> (Self, Vec<MappingFault>) {
        let mut faults = Vec::new();
        let scope = mapping.scope.compile().unwrap_or_else(|error| {
            faults.push(MappingFault {
                target: None,
                kind: error.into(),
            });
            Scope::default()
        });
        let mut rows: Vec<Row> = Vec::with_capacity(mapping.attributes.len());
        let mut slots = 0;
        for attribute in &mapping.attributes {
            let row = Row::compile(attribute, resource_type, options).and_then(|row| {
                match rows.iter().find(|other| other.target.overlaps(&row.target)) {
                    Some(other) => Err(MappingFaultKind::Overlap {
                        other: other.target.path.clone(),
                    }),
                    None => Ok(row),
                }
            });
            match row {
                Ok(mut row) => {
                    row.slot = slot_of(&row.target, &rows, &mut slots);
                    rows.push(row);
                }
                Err(kind) => faults.push(MappingFault {
                    target: Some(attribute.target.clone()),
                    kind,
                }),
            }
        }
        let mapper = Self {
            resource_type: resource_type.clone(),
            enabled: mapping.enabled,
            actions: mapping.actions,
            scope,
            rows,
            slots,
        };
        (mapper, faults)
    }

    /// The type of the resources that it makes.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        &self.resource_type
    }

    /// Returns which objects of the source are provisioned.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The attributes of the source that it looks at, some of them perhaps twice.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        let read = self.rows.iter().filter_map(|row| row.program.as_ref());
        let read = read.flat_map(Program::reads).map(SmolStr::as_str);
        read.chain(self.scope.reads())
    }

    /// The attributes of the source by which existing resources are found, some of them perhaps twice.
    pub fn matching_reads(&self) -> impl Iterator<Item = &str> + Clone {
        let rows = self.rows.iter().filter(|row| row.matching.is_some());
        let read = rows.filter_map(|row| row.program.as_ref());
        read.flat_map(Program::reads).map(SmolStr::as_str)
    }

    /// The filters by which the resource of an object is found, in the order in which they are to be tried; the first
    /// that matches anything decides. None where the object has no value for any attribute that is matched by: such an
    /// object can't be provisioned.
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_expression::{Environment, Options, SeededEntropy, Source};
    /// use keyfob_mapping::{AttributeMapping, Mapper, ObjectMapping};
    ///
    /// let mut mapping = ObjectMapping::new("User", "User");
    /// mapping.attributes = vec![
    ///     AttributeMapping::new(r#"emails[type eq "work"].value"#, "[mail]").matching(2),
    ///     AttributeMapping::new("userName", "[userPrincipalName]").matching(1),
    /// ];
    /// let user = Registry::rfc().resource_type("User").unwrap();
    /// let mapper = Mapper::compile(&mapping, user, &Options::default())?;
    /// let source = Source::from_iter([("userPrincipalName", "bjensen@example.com"), ("mail", "babs@example.com")]);
    /// let entropy = SeededEntropy::new(0);
    /// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
    /// let filters = mapper.matching(&source, &environment)?;
    /// assert_eq!(filters[0].to_string(), r#"userName eq "bjensen@example.com""#);
    /// assert_eq!(filters[1].to_string(), r#"emails[type eq "work" and value eq "babs@example.com"]"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ApplyError`](super::ApplyError) where a value can't be computed or does not fit.
    pub fn matching(
        &self,
        source: &Source,
        environment: &Environment<'_>,
    ) -> Result<Vec<Filter>, super::ApplyError> {
        let precedence = |row: &&Row| row.matching;
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| row.matching.is_some()).collect();
        rows.sort_by_key(precedence);
        let mut filters = Vec::with_capacity(rows.len());
        for row in rows {
            let value = row.value(source, environment, Purpose::Match, &Lookup::new());
            if let Some(value) = value.map_err(|kind| row.refuse(kind))?
                && let Some(filter) = row.target.equals(&value)
            {
                filters.push(filter);
            }
        }
        Ok(filters)
    }

    /// Returns true if any attribute of the target says that an object is deleted in the source.
    pub(super) fn tells_deletion(&self) -> bool {
        self.rows.iter().any(|row| row.tells_deletion)
    }
}

impl ObjectMapping {
    /// Returns everything that is wrong with the mapping, without making anything of it.
    #[must_use]
    pub fn faults(&self, resource_type: &ResourceType, options: &Options) -> Vec<MappingFault> {
        Mapper::check(self, resource_type, options).1
    }
}

impl Row {
    fn compile(
        mapping: &AttributeMapping,
        resource_type: &ResourceType,
        options: &Options,
    ) -> Result<Self, MappingFaultKind> {
        let target = Target::compile(&mapping.target, resource_type)?;
        let (expression, program) = match &mapping.expression {
            None => (None, None),
            Some(text) => {
                let expression = Expression::parse_with(text, options).map_err(ExpressionError::from)?;
                let program = Program::compile(&expression, options).map_err(ExpressionError::from)?;
                (Some(expression), Some(program))
            }
        };
        let default = match mapping.default.as_deref() {
            None | Some("") => None,
            Some(text) => {
                let fitted = coerce(Cow::Owned(text.into()), target.leaf(), &target.path);
                Some(fitted.map_err(MappingFaultKind::Default)?)
            }
        };
        let removals = match &expression {
            Some(Expression::Attribute(name)) if target.leaf().multi_valued => {
                Some(format_smolstr!("{name}{REMOVED}"))
            }
            _ => None,
        };
        let others = match program.as_ref().map(Program::role) {
            Some(Role::Adds) => Others::Kept,
            _ if mapping.apply == Apply::AddValues => Others::Kept,
            Some(Role::Replaces) => Others::Replaced,
            _ => Others::Removed,
        };
        Ok(Self {
            tells_deletion: program
                .as_ref()
                .is_some_and(|program| program.reads().iter().any(|name| name == IS_SOFT_DELETED)),
            target,
            slot: None,
            expression,
            program,
            removals,
            default,
            apply: mapping.apply,
            others,
            matching: mapping.matching,
        })
    }

    /// The value that flows; none where the attribute is left as it is. [`Value::Null`] unassigns.
    pub(super) fn value(
        &self,
        source: &Source,
        environment: &Environment<'_>,
        purpose: Purpose<'_>,
        lookup: &Lookup<'_>,
    ) -> Result<Option<Value>, ApplyErrorKind> {
        Ok(match self.flow(source, environment, purpose, lookup)? {
            Flow::Value(value) | Flow::Default(value) => Some(value),
            Flow::Nothing(_) => None,
        })
    }

    /// Returns what flows, and why.
    pub(super) fn flow(
        &self,
        source: &Source,
        environment: &Environment<'_>,
        purpose: Purpose<'_>,
        lookup: &Lookup<'_>,
    ) -> Result<Flow, ApplyErrorKind> {
        let Some(program) = &self.program else {
            let is_assigned = match purpose {
                Purpose::Create => false,
                Purpose::Update(existing) => self.target.is_assigned_in(existing),
                Purpose::Match => true,
            };
            return Ok(match &self.default {
                Some(default) if !is_assigned => Flow::Default(default.clone()),
                Some(_) => Flow::Nothing(NoFlow::Assigned),
                None => Flow::Nothing(NoFlow::Unmapped),
            });
        };
        let is_update = matches!(purpose, Purpose::Update(_));
        if is_update && self.apply == Apply::OnCreate {
            return Ok(Flow::Nothing(NoFlow::OnCreate));
        }
        // Most mappings are an attribute as it is, whose value is not copied.
        let value = if let Some(value) = program.borrowed(source) {
            Cow::Borrowed(value)
        } else {
            match self.evaluated(program, source, environment, is_update, lookup)? {
                Ok(value) => Cow::Owned(value),
                Err(nothing) => return Ok(Flow::Nothing(nothing)),
            }
        };
        let nothing = if *value.reveal() == expression::Value::Null {
            Some(NoFlow::Null)
        } else if is_of_nothing(&value, program, source) {
            Some(NoFlow::OfNothing)
        } else {
            None
        };
        if let Some(nothing) = nothing {
            let default = self
                .default
                .as_ref()
                .filter(|_| matches!(purpose, Purpose::Create));
            return Ok(default.map_or(Flow::Nothing(nothing), |default| Flow::Default(default.clone())));
        }
        let value = coerce(value, self.target.leaf(), &self.target.path)?;
        let resolved = lookup.resolve(&self.target, value);
        Ok(resolved.map_or(Flow::Nothing(NoFlow::NoResource), Flow::Value))
    }

    /// The value of the expression, or the reason that nothing flows.
    fn evaluated(
        &self,
        program: &Program,
        source: &Source,
        environment: &Environment<'_>,
        is_update: bool,
        lookup: &Lookup<'_>,
    ) -> Result<Result<expression::Value, NoFlow>, ApplyErrorKind> {
        Ok(match program.evaluate(source, environment)? {
            Outcome::Value(value) => Ok(value),
            Outcome::Ignored(FlowScope::Attribute) => Err(NoFlow::Ignored),
            Outcome::Ignored(FlowScope::Object) => return Err(ApplyErrorKind::Skipped),
            Outcome::Candidates(_) if is_update => Err(NoFlow::OnCreate),
            Outcome::Candidates(candidates) => {
                Ok(candidates.select(|value| lookup.is_taken(&self.target.path, &value.to_text()))?)
            }
        })
    }

    /// The values that the source says are taken away, where it says changes instead of all values.
    pub(super) fn removed(
        &self,
        source: &Source,
        lookup: &Lookup<'_>,
    ) -> Result<Option<Value>, ApplyErrorKind> {
        let removed = self.removals.as_ref().and_then(|name| source.get(name));
        let Some(removed) = removed else {
            return Ok(None);
        };
        let value = coerce(Cow::Borrowed(removed), self.target.leaf(), &self.target.path)?;
        Ok(lookup.resolve(&self.target, value))
    }

    pub(super) fn refuse(&self, kind: ApplyErrorKind) -> super::ApplyError {
        super::ApplyError::Attribute {
            target: self.target.path.clone(),
            kind,
        }
    }
}

/// True for the empty text that comes of attributes none of which is there: it says nothing, and is not sent.
fn is_of_nothing(value: &expression::Value, program: &Program, source: &Source) -> bool {
    let is_there = |name: &SmolStr| {
        source
            .get(name)
            .is_some_and(|value| *value != expression::Value::Null)
    };
    matches!(value.reveal(), expression::Value::Text(text) if text.is_empty())
        && !program.reads().is_empty()
        && !program.reads().iter().any(is_there)
}

/// The number of the filter that selects the element of a target; a new one where no earlier target has it.
fn slot_of(target: &Target, earlier: &[Row], slots: &mut usize) -> Option<usize> {
    let Part::Element(element) = &target.part else {
        return None;
    };
    let same = |row: &&Row| match &row.target.part {
        Part::Element(other) => row.target.is_in_same_attribute(target) && other.selects_as(element),
        _ => false,
    };
    if let Some(row) = earlier.iter().find(same) {
        return row.slot;
    }
    *slots += 1;
    Some(*slots - 1)
}

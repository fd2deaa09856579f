//! From a filter to a [`Predicate`] or an [`ElementPredicate`]: names resolved, operators and types checked.

mod error;

use keyfob_core::{
    AttrSet, Attribute, DateTime, Dialect, Quirk, ResourceType, Schema, SchemaUri,
    name::AttrPath,
    schema::{AttributeType, Container, ResolveError, ResolvedAttribute, Returned, Target},
};

pub use self::error::{CompileError, CompileErrorKind};
use crate::{
    ast::{CompareOp, Filter, Literal},
    condition::{Comparand, Comparison, Condition, Part, Place, Text},
    predicate::{ElementPredicate, Predicate},
};

impl Filter {
    /// Checks the filter against a resource type and makes it ready for evaluation.
    ///
    /// Names are found as [`ResourceType::resolve`] says. A complex attribute is compared by its `value`; a dateTime is
    /// compared as an instant; text is folded once unless the attribute is caseExact. With
    /// [`Quirk::BooleanStrings`] `"True"` is a boolean.
    ///
    /// # Errors
    /// [`CompileError`], which maps to `invalidFilter`; a filter by an attribute that is `returned: never` maps to 403
    /// with `sensitive` (RFC 7644 section 7.5.2), since its matches would tell the value.
    pub fn compile(&self, resource_type: &ResourceType, dialect: Dialect) -> Result<Predicate, CompileError> {
        let mut compiler = Compiler {
            scope: Scope::Resource(resource_type),
            dialect,
            reads: AttrSet::new(),
            paths: 0,
        };
        Ok(Predicate {
            condition: compiler.condition(self)?,
            reads: compiler.reads,
        })
    }

    /// Checks a filter that stood in brackets against the attribute before them: its paths are sub-attributes, or
    /// `value` for the elements of an attribute that is not complex.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_for_elements(
        &self,
        attribute: &Attribute,
        dialect: Dialect,
    ) -> Result<ElementPredicate, CompileError> {
        let mut compiler = Compiler {
            scope: Scope::Element {
                attribute,
                extension: None,
                part: Part::Document,
            },
            dialect,
            reads: AttrSet::new(),
            paths: 0,
        };
        Ok(ElementPredicate {
            condition: compiler.condition(self)?,
        })
    }
}

struct Compiler<'r> {
    scope: Scope<'r>,
    dialect: Dialect,
    reads: AttrSet,
    /// How many paths were met, which is how an error finds the place of one in the text.
    paths: usize,
}

/// What paths are relative to.
#[derive(Clone, Copy)]
enum Scope<'r> {
    Resource(&'r ResourceType),
    Element {
        attribute: &'r Attribute,
        extension: Option<&'r SchemaUri>,
        part: Part,
    },
}

/// What a path names.
enum Named<'r> {
    Extension(&'r SchemaUri),
    Attribute(Found<'r>),
}

/// An attribute or sub-attribute that a path names.
#[derive(Clone, Copy)]
struct Found<'r> {
    extension: Option<&'r SchemaUri>,
    attribute: &'r Attribute,
    sub: Option<&'r Attribute>,
    part: Part,
}

impl<'r> Found<'r> {
    fn leaf(&self) -> &'r Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    #[inline]
    fn to_place(self) -> Place {
        Place {
            extension: self.extension.cloned(),
            attribute: self.attribute.name.clone(),
            sub: self.sub.map(|sub| sub.name.clone()),
            part: self.part,
        }
    }
}

type Checked<T> = Result<T, CompileError>;

impl<'r> Compiler<'r> {
    fn condition(&mut self, filter: &Filter) -> Checked<Condition> {
        match filter {
            Filter::Present(path) => self.present(path),
            Filter::Compare(path, op, literal) => self.comparison(path, *op, literal),
            Filter::And(operands) => self.conditions(operands).map(Condition::And),
            Filter::Or(operands) => self.conditions(operands).map(Condition::Or),
            Filter::Not(operand) => self.boxed(operand).map(Condition::Not),
            Filter::Path(path, filter) => self.elements(path, filter),
        }
    }

    fn conditions(&mut self, operands: &[Filter]) -> Checked<Vec<Condition>> {
        let mut conditions = Vec::with_capacity(operands.len());
        for operand in operands {
            conditions.push(self.condition(operand)?);
        }
        Ok(conditions)
    }

    fn boxed(&mut self, operand: &Filter) -> Checked<Box<Condition>> {
        self.condition(operand).map(Box::new)
    }

    /// The error that `kind` is of the path met last.
    #[cold]
    fn fault(&self, path: &AttrPath, kind: impl Into<CompileErrorKind>) -> CompileError {
        CompileError::new(kind.into(), path, self.paths.saturating_sub(1))
    }

    fn present(&mut self, path: &AttrPath) -> Checked<Condition> {
        Ok(match self.resolve(path)? {
            Named::Extension(uri) => Condition::ExtensionPresent(uri.clone()),
            Named::Attribute(found) => Condition::Present(found.to_place()),
        })
    }

    fn comparison(&mut self, path: &AttrPath, op: CompareOp, literal: &Literal) -> Checked<Condition> {
        if *literal == Literal::Null {
            let present = self.present(path)?;
            return match op {
                CompareOp::Eq => Ok(Condition::Not(Box::new(present))),
                CompareOp::Ne => Ok(present),
                _ => Err(self.fault(path, CompileErrorKind::NullOperator { op })),
            };
        }
        if op == CompareOp::Ne {
            let equal = self.typed_comparison(path, CompareOp::Eq, literal)?;
            return Ok(Condition::Not(Box::new(equal)));
        }
        self.typed_comparison(path, op, literal)
    }

    /// A comparison with a value, by any operator but `ne`.
    fn typed_comparison(&mut self, path: &AttrPath, op: CompareOp, literal: &Literal) -> Checked<Condition> {
        let mut found = self.resolve_attribute(path)?;
        if found.leaf().is_complex() {
            let Some(value) = found.leaf().default_sub_attribute() else {
                let attribute = found.leaf().name.clone();
                return Err(self.fault(path, CompileErrorKind::Complex { attribute }));
            };
            found.sub = Some(value);
            self.check_readable(path, &found)?;
        }
        Ok(Condition::Comparison(Comparison {
            comparand: self.comparand(path, found.leaf(), op, literal)?,
            op,
            place: found.to_place(),
        }))
    }

    #[inline]
    fn comparand(
        &self,
        path: &AttrPath,
        leaf: &Attribute,
        op: CompareOp,
        literal: &Literal,
    ) -> Checked<Comparand> {
        let is_ordering = matches!(op, CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le);
        let fits = match leaf.kind {
            AttributeType::String | AttributeType::Reference => true,
            AttributeType::Integer | AttributeType::Decimal | AttributeType::DateTime => {
                op == CompareOp::Eq || is_ordering
            }
            AttributeType::Boolean | AttributeType::Binary | AttributeType::Complex => op == CompareOp::Eq,
        };
        if !fits {
            let (attribute, kind) = (path.clone(), leaf.kind);
            return Err(self.fault(path, CompileErrorKind::Operator { op, attribute, kind }));
        }
        Ok(match (leaf.kind, literal) {
            (AttributeType::String | AttributeType::Reference, Literal::String(text)) => {
                Comparand::Text(Text::new(text, leaf.case_exact, op))
            }
            // Base64 means other bytes in another case, whatever a schema says.
            (AttributeType::Binary, Literal::String(text)) => Comparand::Text(Text::new(text, true, op)),
            (AttributeType::Boolean, Literal::Bool(value)) => Comparand::Bool(*value),
            (AttributeType::Boolean, Literal::String(text))
                if self.dialect.allows(Quirk::BooleanStrings)
                    && ["true", "false"]
                        .iter()
                        .any(|word| text.eq_ignore_ascii_case(word)) =>
            {
                Comparand::Bool(text.eq_ignore_ascii_case("true"))
            }
            (AttributeType::Integer | AttributeType::Decimal, Literal::Integer(number)) => {
                Comparand::Integer(*number)
            }
            (AttributeType::Integer | AttributeType::Decimal, Literal::Decimal(number)) => {
                Comparand::Decimal(*number)
            }
            (AttributeType::DateTime, Literal::String(text)) => {
                let instant = text.parse::<DateTime>().map_err(|_| {
                    let attribute = path.clone();
                    self.fault(path, CompileErrorKind::NotDateTime { attribute })
                })?;
                Comparand::Instant(instant, text.clone())
            }
            _ => {
                let (attribute, kind, literal) = (path.clone(), leaf.kind, literal.type_name());
                let kind = CompileErrorKind::Value {
                    attribute,
                    kind,
                    literal,
                };
                return Err(self.fault(path, kind));
            }
        })
    }

    fn elements(&mut self, path: &AttrPath, filter: &Filter) -> Checked<Condition> {
        let found = self.resolve_attribute(path)?;
        if matches!(self.scope, Scope::Element { .. }) {
            return Err(self.fault(path, CompileErrorKind::NestedValuePath));
        }
        if found.sub.is_some() || !(found.attribute.is_complex() || found.attribute.multi_valued) {
            let path = path.clone();
            return Err(self.fault(&path, CompileErrorKind::NoElements { path: path.clone() }));
        }
        let inner = Scope::Element {
            attribute: found.attribute,
            extension: found.extension,
            part: found.part,
        };
        let outer = std::mem::replace(&mut self.scope, inner);
        let condition = self.boxed(filter)?;
        self.scope = outer;
        Ok(Condition::Element(found.to_place(), condition))
    }

    fn resolve_attribute(&mut self, path: &AttrPath) -> Checked<Found<'r>> {
        match self.resolve(path)? {
            Named::Attribute(found) => Ok(found),
            Named::Extension(uri) => Err(self.fault(path, ResolveError::Schema { uri: uri.clone() })),
        }
    }

    fn resolve(&mut self, path: &AttrPath) -> Checked<Named<'r>> {
        self.paths += 1;
        let found = match self.scope {
            Scope::Resource(resource_type) => match resource_type.resolve(path, self.dialect) {
                Ok(Target::Attribute(resolved)) => found_in(resource_type, &resolved),
                Ok(Target::Extension(schema)) => return self.extension(path, schema),
                Err(error) => return Err(self.fault(path, error)),
            },
            Scope::Element {
                attribute,
                extension,
                part,
            } => Found {
                extension,
                attribute,
                sub: sub_attribute(attribute, path).map_err(|kind| self.fault(path, *kind))?,
                part,
            },
        };
        self.check_readable(path, &found)?;
        self.reads.insert(found.attribute.id);
        Ok(Named::Attribute(found))
    }

    fn extension(&mut self, path: &AttrPath, schema: &'r Schema) -> Checked<Named<'r>> {
        if schema.attributes.iter().all(is_unreadable) {
            return Err(self.fault(path, CompileErrorKind::Sensitive { path: path.clone() }));
        }
        for attribute in &schema.attributes {
            self.reads.insert(attribute.id);
        }
        Ok(Named::Extension(&schema.id))
    }

    fn check_readable(&self, path: &AttrPath, found: &Found<'_>) -> Checked<()> {
        if is_unreadable(found.attribute) || is_unreadable(found.leaf()) {
            return Err(self.fault(path, CompileErrorKind::Sensitive { path: path.clone() }));
        }
        Ok(())
    }
}

fn is_unreadable(attribute: &Attribute) -> bool {
    attribute.returned == Returned::Never
}

fn found_in<'r>(resource_type: &'r ResourceType, resolved: &ResolvedAttribute<'r>) -> Found<'r> {
    let (extension, part) = match resolved.container {
        Container::Extension(uri) => (Some(uri), Part::Document),
        Container::Core => {
            let name = resolved.attribute.name.as_str();
            let part = if resource_type.relation(name).is_some() {
                Part::Relation
            } else if name == "schemas" {
                Part::Schemas
            } else {
                Part::Document
            };
            (None, part)
        }
    };
    Found {
        extension,
        attribute: resolved.attribute,
        sub: resolved.sub,
        part,
    }
}

/// What a path within a value filter names in an element: a sub-attribute, or nothing but the element itself.
fn sub_attribute<'r>(
    attribute: &'r Attribute,
    path: &AttrPath,
) -> Result<Option<&'r Attribute>, Box<CompileErrorKind>> {
    if path.schema().is_some() || path.sub().is_some() {
        return Err(Box::new(CompileErrorKind::NotInElement {
            attribute: attribute.name.clone(),
            path: path.clone(),
        }));
    }
    if !attribute.is_complex() && path.name().is("value") {
        return Ok(None);
    }
    let sub = attribute.resolve_sub(path.name().as_str());
    sub.map(Some)
        .map_err(|error| Box::new(CompileErrorKind::Resolve(error)))
}

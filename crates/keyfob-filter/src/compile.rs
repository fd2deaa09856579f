//! From a filter to a [`Predicate`] or an [`ElementPredicate`]: names resolved, operators and types checked.

mod error;

use keyfob_core::{
    AttrSet, Attribute, DateTime, Dialect, Quirk, ResourceType, SchemaUri,
    name::{AttrPath, closest},
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
        let condition = compiler.condition(self)?;
        Ok(Predicate {
            condition,
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

    fn to_place(self) -> Place {
        Place {
            extension: self.extension.cloned(),
            attribute: self.attribute.name.clone(),
            sub: self.sub.map(|sub| sub.name.clone()),
            part: self.part,
        }
    }
}

type Checked<T> = Result<T, CompileErrorKind>;

impl<'r> Compiler<'r> {
    fn condition(&mut self, filter: &Filter) -> Result<Condition, CompileError> {
        Ok(match filter {
            Filter::Present(path) => self.at(path, |compiler| compiler.present(path))?,
            Filter::Compare(path, op, literal) => {
                self.at(path, |compiler| compiler.comparison(path, *op, literal))?
            }
            Filter::And(operands) => Condition::And(self.conditions(operands)?),
            Filter::Or(operands) => Condition::Or(self.conditions(operands)?),
            Filter::Not(operand) => Condition::Not(Box::new(self.condition(operand)?)),
            Filter::Path(path, filter) => {
                let found = self.at(path, |compiler| compiler.elements(path))?;
                let outer = std::mem::replace(
                    &mut self.scope,
                    Scope::Element {
                        attribute: found.leaf(),
                        extension: found.extension,
                        part: found.part,
                    },
                );
                let condition = self.condition(filter)?;
                self.scope = outer;
                Condition::Element(found.to_place(), Box::new(condition))
            }
        })
    }

    fn conditions(&mut self, operands: &[Filter]) -> Result<Vec<Condition>, CompileError> {
        operands.iter().map(|operand| self.condition(operand)).collect()
    }

    /// What `check` makes of the path that is next in the text.
    fn at<T>(
        &mut self,
        path: &AttrPath,
        check: impl FnOnce(&mut Self) -> Checked<T>,
    ) -> Result<T, CompileError> {
        let index = self.paths;
        self.paths += 1;
        check(self).map_err(|kind| CompileError::new(kind, path, index))
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
                _ => Err(CompileErrorKind::NullOperator { op }),
            };
        }
        let mut found = self.resolve_attribute(path)?;
        if found.leaf().is_complex() {
            found.sub =
                Some(
                    found
                        .leaf()
                        .default_sub_attribute()
                        .ok_or_else(|| CompileErrorKind::Complex {
                            attribute: found.attribute.name.clone(),
                        })?,
                );
            check_readable(found)?;
        }
        let positive = if op == CompareOp::Ne { CompareOp::Eq } else { op };
        let comparison = Condition::Comparison(Comparison {
            comparand: self.comparand(found.leaf(), positive, literal)?,
            op: positive,
            place: found.to_place(),
        });
        Ok(if op == CompareOp::Ne {
            Condition::Not(Box::new(comparison))
        } else {
            comparison
        })
    }

    fn comparand(&self, leaf: &Attribute, op: CompareOp, literal: &Literal) -> Checked<Comparand> {
        let is_ordering = matches!(op, CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le);
        let fits = match leaf.kind {
            AttributeType::String | AttributeType::Reference => true,
            AttributeType::Integer | AttributeType::Decimal | AttributeType::DateTime => {
                op == CompareOp::Eq || is_ordering
            }
            AttributeType::Boolean | AttributeType::Binary | AttributeType::Complex => op == CompareOp::Eq,
        };
        if !fits {
            return Err(CompileErrorKind::Operator {
                op,
                attribute: leaf.name.clone(),
                kind: leaf.kind,
            });
        }
        match (leaf.kind, literal) {
            (AttributeType::String | AttributeType::Reference, Literal::String(text)) => {
                Ok(Comparand::Text(Text::new(text, leaf.case_exact, op)))
            }
            // Base64 means other bytes in another case, whatever a schema says.
            (AttributeType::Binary, Literal::String(text)) => Ok(Comparand::Text(Text::new(text, true, op))),
            (AttributeType::Boolean, Literal::Bool(value)) => Ok(Comparand::Bool(*value)),
            (AttributeType::Boolean, Literal::String(text))
                if self.dialect.allows(Quirk::BooleanStrings)
                    && ["true", "false"]
                        .iter()
                        .any(|word| text.eq_ignore_ascii_case(word)) =>
            {
                Ok(Comparand::Bool(text.eq_ignore_ascii_case("true")))
            }
            (AttributeType::Integer | AttributeType::Decimal, Literal::Integer(number)) => {
                Ok(Comparand::Integer(*number))
            }
            (AttributeType::Integer | AttributeType::Decimal, Literal::Decimal(number)) => {
                Ok(Comparand::Decimal(*number))
            }
            (AttributeType::DateTime, Literal::String(text)) => match text.parse::<DateTime>() {
                Ok(instant) => Ok(Comparand::Instant(instant, text.clone())),
                Err(_) => Err(CompileErrorKind::NotDateTime {
                    attribute: leaf.name.clone(),
                }),
            },
            _ => Err(CompileErrorKind::Value {
                attribute: leaf.name.clone(),
                kind: leaf.kind,
                literal: literal.type_name(),
            }),
        }
    }

    /// The attribute whose values a value filter selects.
    fn elements(&mut self, path: &AttrPath) -> Checked<Found<'r>> {
        if let Scope::Element { .. } = self.scope {
            return Err(CompileErrorKind::NestedValuePath);
        }
        let found = self.resolve_attribute(path)?;
        if found.sub.is_some() || !(found.attribute.is_complex() || found.attribute.multi_valued) {
            return Err(CompileErrorKind::NoElements { path: path.clone() });
        }
        Ok(found)
    }

    fn resolve_attribute(&mut self, path: &AttrPath) -> Checked<Found<'r>> {
        match self.resolve(path)? {
            Named::Attribute(found) => Ok(found),
            Named::Extension(uri) => Err(ResolveError::Schema { uri: uri.clone() }.into()),
        }
    }

    fn resolve(&mut self, path: &AttrPath) -> Checked<Named<'r>> {
        let found = match self.scope {
            Scope::Resource(resource_type) => match resource_type.resolve(path, self.dialect)? {
                Target::Extension(schema) => {
                    if schema
                        .attributes
                        .iter()
                        .all(|attribute| attribute.returned == Returned::Never)
                    {
                        return Err(CompileErrorKind::Sensitive { path: path.clone() });
                    }
                    for attribute in &schema.attributes {
                        self.reads.insert(attribute.id);
                    }
                    return Ok(Named::Extension(&schema.id));
                }
                Target::Attribute(resolved) => found_in(resource_type, &resolved),
            },
            Scope::Element {
                attribute,
                extension,
                part,
            } => Found {
                extension,
                attribute,
                sub: sub_attribute(attribute, path)?,
                part,
            },
        };
        check_readable(found)?;
        self.reads.insert(found.attribute.id);
        Ok(Named::Attribute(found))
    }
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
fn sub_attribute<'r>(attribute: &'r Attribute, path: &AttrPath) -> Checked<Option<&'r Attribute>> {
    if path.schema().is_some() || path.sub().is_some() {
        return Err(CompileErrorKind::NotInElement {
            attribute: attribute.name.clone(),
            path: path.clone(),
        });
    }
    if !attribute.is_complex() && path.name().is("value") {
        return Ok(None);
    }
    let name = path.name().as_str();
    match attribute.sub_attribute(name) {
        Some(sub) => Ok(Some(sub)),
        None => Err(ResolveError::UnknownSubAttribute {
            attribute: attribute.name.clone(),
            name: path.name().clone(),
            suggestion: closest(name, attribute.sub_attributes.iter().map(|sub| sub.name.as_str())),
        }
        .into()),
    }
}

fn check_readable(found: Found<'_>) -> Checked<()> {
    if [found.attribute, found.leaf()]
        .iter()
        .any(|attribute| attribute.returned == Returned::Never)
    {
        return Err(CompileErrorKind::Sensitive {
            path: AttrPath::new(
                found.extension.cloned(),
                found.attribute.name.clone(),
                found.sub.map(|sub| sub.name.clone()),
            ),
        });
    }
    Ok(())
}

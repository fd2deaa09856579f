//! From a filter to a [`Predicate`] or an [`ElementPredicate`]: names resolved, operators and types checked.

mod error;

use std::sync::Arc;

use keyfob_core::{
    Addresses, AttrName, AttrSet, Attribute, Collation, DateTime, Dialect, Quirk, ResourceId, ResourceType,
    Schema, SchemaUri,
    name::AttrPath,
    schema::{AttributeType, Container, RelationKind, ResolveError, ResolvedAttribute, Returned, Target},
};

pub use self::error::{CompileError, CompileErrorKind};
use crate::{
    ast::{CompareOp, Filter, Literal},
    condition::{Comparand, Comparison, Condition, Part, Place, Text},
    predicate::{ElementPredicate, Predicate},
    shown::Shown,
};

impl Filter {
    /// Checks the filter against a resource type and makes it ready for evaluation.
    ///
    /// Names are found as [`ResourceType::resolve`] says. A complex attribute is compared by its `value`; a dateTime is
    /// compared as an instant; text gets its [`CompareKey`](keyfob_core::CompareKey) once. With
    /// [`Quirk::BooleanStrings`] `"True"` is a boolean.
    ///
    /// # Errors
    /// [`CompileError`], which maps to `invalidFilter`; a filter by an attribute that is `returned: never` maps to 403
    /// with `sensitive` (RFC 7644 section 7.5.2), since its matches would tell the value.
    pub fn compile(&self, resource_type: &ResourceType, dialect: Dialect) -> Result<Predicate, CompileError> {
        self.compile_among(resource_type, &[], dialect, None)
    }

    /// Checks the filter against all resource types of one query, and makes one predicate for each, in their order.
    ///
    /// An attribute that a type lacks and another one has is without value there (RFC 7644 section 3.4.2.1), and the
    /// rest of the filter counts. `meta.location`, `meta.version` and `$ref` of members are compared as they are shown
    /// under the addresses; an `eq` with one becomes a look-up of the id.
    ///
    /// ```
    /// use keyfob_core::{Dialect, Registry};
    /// use keyfob_filter::Filter;
    ///
    /// let types: Vec<_> = Registry::rfc().resource_types().iter().collect();
    /// let filter = Filter::parse("not (userName pr)")?;
    /// let predicates = filter
    ///     .compile_for_types(&types, Dialect::strict(), &Registry::rfc().addresses(""))
    ///     .unwrap();
    /// assert_eq!(predicates[0].constant(), None);
    /// assert_eq!(predicates[1].constant(), Some(true));
    /// # Ok::<(), keyfob_filter::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// [`CompileError`], as [`compile`](Self::compile), for what fits one of the types not, and for a name that none
    /// of them has.
    pub fn compile_for_types(
        &self,
        resource_types: &[&ResourceType],
        dialect: Dialect,
        addresses: &Addresses,
    ) -> Result<Vec<Predicate>, CompileError> {
        resource_types
            .iter()
            .map(|resource_type| {
                let shown = Shown {
                    addresses: addresses.clone(),
                    resource_type: Some(ResourceType::clone(resource_type)),
                };
                self.compile_among(resource_type, resource_types, dialect, Some(Arc::new(shown)))
            })
            .collect()
    }

    fn compile_among(
        &self,
        resource_type: &ResourceType,
        queried: &[&ResourceType],
        dialect: Dialect,
        shown: Option<Arc<Shown>>,
    ) -> Result<Predicate, CompileError> {
        let mut compiler = Compiler {
            scope: Scope::Resource(resource_type),
            queried,
            shown: shown.as_deref(),
            dialect,
            reads: AttrSet::new(),
            paths: 0,
            last: None,
        };
        let condition = compiler.condition(self)?;
        Ok(Predicate {
            condition,
            reads: compiler.reads,
            shown,
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
                path: None,
                attribute,
                extension: None,
                part: Part::Document,
            },
            queried: &[],
            shown: None,
            dialect,
            reads: AttrSet::new(),
            paths: 0,
            last: None,
        };
        Ok(ElementPredicate {
            condition: compiler.condition(self)?,
            shown: None,
        })
    }
}

struct Compiler<'r> {
    scope: Scope<'r>,
    /// The resource types of the query.
    queried: &'r [&'r ResourceType],
    /// What is compared as it is shown.
    shown: Option<&'r Shown>,
    dialect: Dialect,
    reads: AttrSet,
    /// How many paths were met, which is how an error finds the place of one in the text.
    paths: usize,
    /// The path in this scope that was met last: clients ask for many values of one attribute.
    last: Option<(&'r AttrPath, Found<'r>)>,
}

/// What paths are relative to.
#[derive(Clone, Copy)]
enum Scope<'r> {
    Resource(&'r ResourceType),
    Element {
        /// The path before the bracket.
        path: Option<&'r AttrPath>,
        attribute: &'r Attribute,
        extension: Option<&'r SchemaUri>,
        part: Part,
    },
}

/// What a path names.
enum Named<'r> {
    Extension(&'r SchemaUri),
    Attribute(Found<'r>),
    /// What another type of the query has.
    Lacking,
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

    fn is_meta(&self) -> bool {
        self.extension.is_none() && self.attribute.name.is("meta")
    }

    /// Returns true if it says which value of many is the preferred one.
    fn is_primary(&self) -> bool {
        self.attribute.multi_valued && self.sub.is_some_and(|sub| sub.name.is("primary"))
    }
}

type Checked<T> = Result<T, CompileError>;

impl<'r> Compiler<'r> {
    fn condition(&mut self, filter: &'r Filter) -> Checked<Condition> {
        match filter {
            Filter::Present(path) => self.present(path),
            Filter::Compare(path, op, literal) => self.comparison(path, *op, literal),
            Filter::And(operands) => self.conditions(operands).map(Condition::all),
            Filter::Or(operands) => self.conditions(operands).map(Condition::any),
            Filter::Not(operand) => self.condition(operand).map(Condition::negated),
            Filter::Path(path, filter) => self.elements(path, filter),
        }
    }

    fn conditions(&mut self, operands: &'r [Filter]) -> Checked<Vec<Condition>> {
        let mut conditions = Vec::with_capacity(operands.len());
        for operand in operands {
            conditions.push(self.condition(operand)?);
        }
        Ok(conditions)
    }

    /// The error that `kind` is of the path met last.
    #[cold]
    fn fault(&self, path: &AttrPath, kind: impl Into<CompileErrorKind>) -> CompileError {
        CompileError::new(kind.into(), path, self.paths.saturating_sub(1))
    }

    fn present(&mut self, path: &'r AttrPath) -> Checked<Condition> {
        Ok(match self.resolve(path)? {
            Named::Extension(uri) => Condition::ExtensionPresent(uri.clone()),
            Named::Attribute(found) => Condition::Present(self.place(&found)),
            Named::Lacking => Condition::always(false),
        })
    }

    fn comparison(&mut self, path: &'r AttrPath, op: CompareOp, literal: &Literal) -> Checked<Condition> {
        if matches!(literal, Literal::Null) {
            let present = self.present(path)?;
            return match op {
                CompareOp::Eq => Ok(present.negated()),
                CompareOp::Ne => Ok(present),
                _ => Err(self.fault(path, CompileErrorKind::NullOperator { op })),
            };
        }
        let Some(mut found) = self.resolve_attribute(path)? else {
            return Ok(Condition::always(op == CompareOp::Ne));
        };
        if found.leaf().is_complex() {
            let Some(value) = found.leaf().default_sub_attribute() else {
                let attribute = found.leaf().name.clone();
                return Err(self.fault(path, CompileErrorKind::Complex { attribute }));
            };
            found.sub = Some(value);
            self.check_readable(path, &found)?;
        }
        let leaf = found.leaf();
        if op != CompareOp::Ne && !found.is_primary() && !self.may_be_address(&found) {
            // Most comparisons are of this kind, and made where they are returned: copies of one are half of its cost.
            return Ok(Condition::Comparison(Comparison {
                place: self.place(&found),
                op,
                comparand: match (leaf.kind, literal) {
                    (AttributeType::String | AttributeType::Reference, Literal::String(text)) => {
                        Comparand::Text(Text::new(text, leaf.collation(), op))
                    }
                    _ => self.comparand(path, leaf, op, literal)?,
                },
            }));
        }
        let of_one = self.comparison_of_one(path, found, op, literal)?;
        let is_of_many = found.attribute.multi_valued && matches!(self.scope, Scope::Resource(_));
        Ok(match of_one {
            // One value that compares so is what a comparison asks for anyway.
            Condition::Comparison(_) if op != CompareOp::Ne => of_one,
            of_one if of_one.constant().is_some() => of_one,
            of_one if !is_of_many => of_one,
            of_one => {
                let values = self.place(&found).without_sub();
                let some = Condition::Element(values.clone(), Box::new(of_one));
                if op == CompareOp::Ne {
                    Condition::any(vec![Condition::Present(values).negated(), some])
                } else {
                    some
                }
            }
        })
    }

    /// A comparison of a single-valued attribute, or of one value of a multi-valued one.
    fn comparison_of_one(
        &self,
        path: &AttrPath,
        found: Found<'_>,
        op: CompareOp,
        literal: &Literal,
    ) -> Checked<Condition> {
        let equality = if op == CompareOp::Ne { CompareOp::Eq } else { op };
        let comparand = self.comparand(path, found.leaf(), equality, literal)?;
        Ok(match comparand {
            // An absent `primary` is false (RFC 7643 section 2.4).
            Comparand::Bool(is_primary) if found.is_primary() => {
                let primary = self.compare(found, CompareOp::Eq, Comparand::Bool(true));
                if is_primary == (op == CompareOp::Eq) {
                    primary
                } else {
                    primary.negated()
                }
            }
            comparand if op == CompareOp::Ne && found.sub.is_some_and(|sub| sub.multi_valued) => {
                let absent = Condition::Present(self.place(&found)).negated();
                Condition::any(vec![absent, self.compare(found, CompareOp::Ne, comparand)])
            }
            comparand if op == CompareOp::Ne => self.compare(found, CompareOp::Eq, comparand).negated(),
            comparand => self.compare(found, op, comparand),
        })
    }

    /// Returns true if the values are addresses of resources, as they are shown.
    fn may_be_address(&self, found: &Found<'_>) -> bool {
        self.shown.is_some()
            && match self.part(found) {
                Part::Location => true,
                Part::Relation => found.sub.is_some_and(|sub| sub.name.is("$ref")),
                _ => false,
            }
    }

    fn compare(&self, found: Found<'_>, op: CompareOp, comparand: Comparand) -> Condition {
        let place = self.place(&found);
        let comparison = Comparison { place, op, comparand };
        match (self.shown, comparison.equal_text()) {
            (Some(shown), Some(text))
                if self.may_be_address(&found) && text.collation() == Collation::Exact =>
            {
                match shown.addresses.resource_at(text.as_str()) {
                    None => Condition::always(false),
                    Some((resource_type, id)) => {
                        // Another version of the protocol in the address makes no difference (RFC 7643 section 2.4), and
                        // what is shown has the one of the base URL.
                        let address = shown.addresses.of(resource_type, &id).unwrap_or_default();
                        let comparand = Comparand::Text(Text::new(&address, Collation::Exact, op));
                        let comparison = Comparison {
                            comparand,
                            ..comparison
                        };
                        Self::at(shown, found, comparison, resource_type, &id)
                    }
                }
            }
            _ => Condition::Comparison(comparison),
        }
    }

    /// The comparison with the address of a resource: a look-up of its id, with a look at the address of who is found
    /// where nothing else tells their type.
    fn at(
        shown: &Shown,
        found: Found<'_>,
        comparison: Comparison,
        resource_type: &str,
        id: &ResourceId,
    ) -> Condition {
        let known = shown.type_of(&comparison.place.attribute);
        if known.is_some_and(|known| !known.eq_ignore_ascii_case(resource_type)) {
            return Condition::always(false);
        }
        let place = if comparison.place.part == Part::Location {
            Place {
                extension: None,
                attribute: AttrName::new("id"),
                sub: None,
                part: Part::Document,
            }
        } else {
            let value = found.attribute.default_sub_attribute();
            Place {
                sub: value.map(|value| value.name.clone()),
                ..comparison.place.clone()
            }
        };
        let op = CompareOp::Eq;
        let comparand = Comparand::Text(Text::new(&id.as_str().into(), Collation::Exact, op));
        let has_id = Condition::Comparison(Comparison { place, op, comparand });
        if known.is_some() {
            has_id
        } else {
            Condition::And(vec![has_id, Condition::Comparison(comparison)])
        }
    }

    /// Which part holds it: what is shown and not held is made of the resource as a whole.
    fn part(&self, found: &Found<'_>) -> Part {
        match found.sub {
            _ if self.shown.is_none() || !found.is_meta() => found.part,
            Some(sub) if sub.name.is("version") => Part::Version,
            Some(sub) if sub.name.is("location") => Part::Location,
            _ => found.part,
        }
    }

    #[inline]
    fn place(&self, found: &Found<'_>) -> Place {
        Place {
            extension: found.extension.cloned(),
            attribute: found.attribute.name.clone(),
            sub: found.sub.map(|sub| sub.name.clone()),
            part: self.part(found),
        }
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
            (
                AttributeType::String | AttributeType::Reference | AttributeType::Binary,
                Literal::String(text),
            ) => Comparand::Text(Text::new(text, leaf.collation(), op)),
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

    fn elements(&mut self, path: &'r AttrPath, filter: &'r Filter) -> Checked<Condition> {
        let Some(found) = self.resolve_attribute(path)? else {
            self.paths += filter.paths();
            return Ok(Condition::always(false));
        };
        if matches!(self.scope, Scope::Element { .. }) {
            return Err(self.fault(path, CompileErrorKind::NestedValuePath));
        }
        if found.sub.is_some() || !(found.attribute.is_complex() || found.attribute.multi_valued) {
            let path = path.clone();
            return Err(self.fault(&path, CompileErrorKind::NoElements { path: path.clone() }));
        }
        let inner = Scope::Element {
            path: Some(path),
            attribute: found.attribute,
            extension: found.extension,
            part: found.part,
        };
        self.last = None;
        let outer = std::mem::replace(&mut self.scope, inner);
        let condition = self.condition(filter)?;
        self.scope = outer;
        self.last = None;
        Ok(match condition.constant() {
            Some(false) => condition,
            // There is one of it with every resource, which the value of `meta` alone doesn't name.
            _ if self.shown.is_some() && found.is_meta() => condition,
            _ => Condition::Element(self.place(&found), Box::new(condition)),
        })
    }

    /// The attribute that a path names, unless only other types of the query have it.
    fn resolve_attribute(&mut self, path: &'r AttrPath) -> Checked<Option<Found<'r>>> {
        match self.resolve(path)? {
            Named::Attribute(found) => Ok(Some(found)),
            Named::Lacking => Ok(None),
            Named::Extension(uri) => Err(self.fault(path, ResolveError::Schema { uri: uri.clone() })),
        }
    }

    fn resolve(&mut self, path: &'r AttrPath) -> Checked<Named<'r>> {
        self.paths += 1;
        if let Some((last, found)) = self.last
            && last == path
        {
            return Ok(Named::Attribute(found));
        }
        let found = match self.scope {
            Scope::Resource(resource_type) => match resource_type.resolve(path, self.dialect) {
                Ok(Target::Attribute(resolved)) => found_in(resource_type, &resolved),
                Ok(Target::Extension(schema)) => return self.extension(path, schema),
                Err(_) if self.is_queried(|other| other.resolve(path, self.dialect).is_ok()) => {
                    return Ok(Named::Lacking);
                }
                Err(error) => return Err(self.fault(path, error)),
            },
            Scope::Element {
                path: before,
                attribute,
                extension,
                part,
            } => {
                let sub = match sub_attribute(attribute, path) {
                    Ok(sub) => sub,
                    Err(_) if self.is_queried(|other| has_sub(other, before, path, self.dialect)) => {
                        return Ok(Named::Lacking);
                    }
                    Err(kind) => return Err(self.fault(path, *kind)),
                };
                Found {
                    extension,
                    attribute,
                    sub,
                    part,
                }
            }
        };
        self.check_readable(path, &found)?;
        self.reads.insert(found.attribute.id);
        if self.part(&found) == Part::Version {
            self.read_shown();
        }
        self.last = Some((path, found));
        Ok(Named::Attribute(found))
    }

    /// Reads the inverse relations, which the entity tag depends on.
    #[cold]
    fn read_shown(&mut self) {
        let resource_type = self.shown.and_then(|shown| shown.resource_type.as_ref());
        for relation in resource_type.into_iter().flat_map(ResourceType::relations) {
            if relation.kind != RelationKind::Owned {
                self.reads.insert(relation.attribute.id);
            }
        }
    }

    /// Returns true if the query is for a type of which this is true.
    #[cold]
    fn is_queried(&self, is_so: impl Fn(&ResourceType) -> bool) -> bool {
        self.queried.iter().any(|resource_type| is_so(resource_type))
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
            let attribute = resolved.attribute;
            let mut relations = resource_type.relations().iter();
            let part = if relations.any(|relation| relation.attribute.id == attribute.id) {
                Part::Relation
            } else if attribute.name.as_str() == "schemas" {
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

/// Returns true if the attribute of this type before a bracket has what a path within it names.
fn has_sub(
    resource_type: &ResourceType,
    before: Option<&AttrPath>,
    path: &AttrPath,
    dialect: Dialect,
) -> bool {
    let resolved = before.and_then(|before| resource_type.resolve(before, dialect).ok());
    match resolved {
        Some(Target::Attribute(found)) => found.sub.is_none() && sub_attribute(found.attribute, path).is_ok(),
        _ => false,
    }
}

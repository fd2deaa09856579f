//! Filters whose names are resolved and whose comparands are typed: what is evaluated, and what stores translate.

use std::{ops::Deref, slice};

use keyfob_core::{AttrName, Collation, CompareKey, DateTime, ResourceId, SchemaUri, Value};
use smol_str::SmolStr;

use crate::{ast::CompareOp, fold::failure_table, lookup::Lookup};

/// A checked filter: names in the schema's spelling, comparands of the attribute's type.
///
/// What the filter language can say in several ways stands here in one: `eq null` is the negation of a presence test,
/// and a comparison of a complex attribute is one of its `value`. A multi-valued attribute satisfies a comparison when
/// one of its values does.
///
/// `ne` is the negation of `eq` of one value. A multi-valued attribute satisfies it when one value is another than the
/// comparand or when there is none (RFC 7644 section 3.4.2.2), which an `Or` says. An absent `primary` is false
/// (RFC 7643 section 2.4): `primary eq false` is the negation of `primary eq true`.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a translation has to know every form")]
pub enum Condition {
    /// All hold; without operands it always does.
    And(Vec<Condition>),
    /// At least one holds; without operands it never does.
    Or(Alternatives),
    /// It does not hold.
    Not(Box<Condition>),
    /// The attribute has a value: not `null`, not `[]`, and not complex without any assigned sub-attribute.
    Present(Place),
    /// The extension holds an attribute that has a value.
    ExtensionPresent(SchemaUri),
    /// Some value compares so.
    Comparison(Comparison),
    /// One and the same value of the attribute satisfies the condition, whose places are in that attribute.
    Element(Place, Box<Condition>),
}

impl Condition {
    /// The condition that holds of everything or of nothing.
    pub(crate) fn always(holds: bool) -> Self {
        if holds {
            Self::And(Vec::new())
        } else {
            Self::Or(Alternatives::default())
        }
    }

    /// What it comes to where that doesn't depend on the resource.
    pub(crate) fn constant(&self) -> Option<bool> {
        match self {
            Self::And(operands) if operands.is_empty() => Some(true),
            Self::Or(operands) if operands.is_empty() => Some(false),
            _ => None,
        }
    }

    /// The number of comparisons and presence tests in it.
    pub(crate) fn comparisons(&self) -> usize {
        match self {
            Self::And(operands) => comparisons(operands),
            Self::Or(operands) => comparisons(operands),
            Self::Not(operand) | Self::Element(_, operand) => operand.comparisons(),
            Self::Present(_) | Self::ExtensionPresent(_) | Self::Comparison(_) => 1,
        }
    }

    /// The conjunction. Constants among the operands are done with here, so that none stands within a condition.
    pub(crate) fn all(operands: Vec<Self>) -> Self {
        let is_conjunction = |operand: &Self| matches!(operand, Self::And(within) if !within.is_empty());
        let flat = if operands.iter().any(is_conjunction) {
            let within = operands.into_iter().flat_map(|operand| match operand {
                Self::And(within) if !within.is_empty() => within,
                other => vec![other],
            });
            within.collect()
        } else {
            operands
        };
        Self::joined(flat, false, Self::And)
    }

    /// The disjunction, as [`all`](Self::all).
    pub(crate) fn any(operands: Vec<Self>) -> Self {
        Self::joined(operands, true, |operands| Self::Or(Alternatives::new(operands)))
    }

    fn joined(mut operands: Vec<Self>, decisive: bool, join: fn(Vec<Self>) -> Self) -> Self {
        let constant = |operand: &Self| operand.constant();
        if operands.iter().any(|operand| constant(operand) == Some(decisive)) {
            return Self::always(decisive);
        }
        let before = operands.len();
        operands.retain(|operand| constant(operand).is_none());
        if operands.len() == 1
            && before > 1
            && let Some(operand) = operands.pop()
        {
            return operand;
        }
        join(operands)
    }

    /// The negation.
    pub(crate) fn negated(self) -> Self {
        match (self.constant(), self) {
            (Some(holds), _) => Self::always(!holds),
            (None, Self::Not(operand)) => *operand,
            (None, other) => Self::Not(Box::new(other)),
        }
    }
}

fn comparisons(operands: &[Condition]) -> usize {
    operands.iter().map(Condition::comparisons).sum()
}

/// The operands of a disjunction, as a slice.
///
/// Clients ask for many resources at once by `id eq "1" or id eq "2" or …`. So it is known of a disjunction whether it is a
/// [`Lookup`], whose value is looked for once and not once for each operand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alternatives {
    conditions: Vec<Condition>,
    is_lookup: bool,
}

impl Alternatives {
    fn new(conditions: Vec<Condition>) -> Self {
        let is_lookup = Lookup::is_lookup(&conditions);
        Self {
            conditions,
            is_lookup,
        }
    }

    /// The look-up that it is, if it is one.
    pub(crate) fn lookup(&self) -> Option<Lookup<'_>> {
        self.is_lookup
            .then(|| Lookup::of_alternatives(&self.conditions))?
    }
}

impl Deref for Alternatives {
    type Target = [Condition];

    fn deref(&self) -> &[Condition] {
        &self.conditions
    }
}

impl<'a> IntoIterator for &'a Alternatives {
    type Item = &'a Condition;
    type IntoIter = slice::Iter<'a, Condition>;

    fn into_iter(self) -> Self::IntoIter {
        self.conditions.iter()
    }
}

/// Where a resource keeps what is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) extension: Option<SchemaUri>,
    pub(crate) attribute: AttrName,
    pub(crate) sub: Option<AttrName>,
    pub(crate) part: Part,
}

/// Which part of a resource holds an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The core attributes or an extension's.
    Document,
    /// The relations.
    Relation,
    /// The list of schemas.
    Schemas,
    /// `meta.location` as it is shown.
    Location,
    /// `meta.version` as it is shown.
    Version,
}

impl Place {
    /// The attribute as a whole.
    pub(crate) fn without_sub(&self) -> Self {
        Self {
            sub: None,
            ..self.clone()
        }
    }

    /// The URI of the extension; `None` for common and core attributes.
    #[must_use]
    pub fn extension(&self) -> Option<&SchemaUri> {
        self.extension.as_ref()
    }

    /// The attribute, in the schema's spelling.
    #[must_use]
    pub fn attribute(&self) -> &AttrName {
        &self.attribute
    }

    /// The sub-attribute, in the schema's spelling. `None` for the attribute itself and, within an
    /// [`Element`](Condition::Element), for an element that is a simple value.
    #[must_use]
    pub fn sub(&self) -> Option<&AttrName> {
        self.sub.as_ref()
    }

    /// Whether the attribute is a relation, kept apart from the document.
    #[must_use]
    pub fn is_relation(&self) -> bool {
        self.part == Part::Relation
    }
}

/// A comparison of an attribute's values with a comparand of its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub(crate) place: Place,
    pub(crate) op: CompareOp,
    pub(crate) comparand: Comparand,
}

impl Comparison {
    /// Whose values are compared.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How. [`Ne`](CompareOp::Ne) stands nowhere but with a multi-valued sub-attribute, one of whose values is another.
    #[must_use]
    pub fn op(&self) -> CompareOp {
        self.op
    }

    /// With what.
    #[must_use]
    pub fn comparand(&self) -> &Comparand {
        &self.comparand
    }

    /// The text that a value has to equal, if this is such a comparison.
    pub(crate) fn equal_text(&self) -> Option<&Text> {
        match (self.op, &self.comparand) {
            (CompareOp::Eq, Comparand::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// What values are compared with.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a translation has to know every form")]
pub enum Comparand {
    /// `boolean`: for `eq` alone.
    Bool(bool),
    /// `integer` and `decimal`, compared as numbers.
    Integer(i64),
    /// `integer` and `decimal`, compared as numbers.
    Decimal(f64),
    /// `string` and `reference`, and for `eq` alone `binary`.
    Text(Text),
    /// `dateTime`, compared as instants, with the text of the literal.
    Instant(DateTime, SmolStr),
}

impl Comparand {
    /// The value as an attribute would hold it.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(number) => Value::Integer(*number),
            Self::Decimal(number) => Value::Decimal(*number),
            Self::Text(text) => Value::String(text.as_str().into()),
            Self::Instant(_, text) => Value::String(text.clone()),
        }
    }
}

/// A text to compare with, as written and as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Nothing where it is the key.
    written: Option<SmolStr>,
    pub(crate) collation: Collation,
    pub(crate) key: CompareKey,
    /// For a search that folds: where to go on after a mismatch.
    pub(crate) failure: Box<[u32]>,
}

impl Text {
    #[inline]
    pub(crate) fn new(text: &SmolStr, collation: Collation, op: CompareOp) -> Self {
        let (key, written) = if let Some(key) = CompareKey::own(collation, text) {
            (key, None)
        } else {
            let key = CompareKey::new(collation, text);
            let written = (*text != *key.as_str()).then(|| text.clone());
            (key, written)
        };
        let failure = if op == CompareOp::Co && collation != Collation::Exact {
            failure_table(key.text(collation))
        } else {
            Box::default()
        };
        Self {
            written,
            collation,
            key,
            failure,
        }
    }

    /// The text as it stands in the filter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.written.as_deref().unwrap_or(self.key.as_str())
    }

    /// The key that values equal to the text have. The substring operators and the orderings compare its
    /// [`text`](CompareKey::text).
    #[must_use]
    pub fn key(&self) -> &CompareKey {
        &self.key
    }

    /// How it is compared.
    #[must_use]
    pub fn collation(&self) -> Collation {
        self.collation
    }

    /// Returns the id that the text is, where ids are looked up by their bytes. One that is not ASCII may be composed in
    /// another way than it is written, and is searched for.
    #[must_use]
    pub fn as_id(&self) -> Option<ResourceId> {
        let is_plain = self.collation == Collation::Exact && self.as_str().is_ascii();
        is_plain.then(|| ResourceId::new(self.as_str()))
    }
}

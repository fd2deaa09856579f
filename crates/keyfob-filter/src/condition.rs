//! Filters whose names are resolved and whose comparands are typed: what is evaluated, and what stores translate.

use keyfob_core::{AttrName, DateTime, SchemaUri, Value, fold, folds_to};
use smol_str::SmolStr;

use crate::{ast::CompareOp, fold::failure_table};

/// A checked filter: names in the schema's spelling, comparands of the attribute's type.
///
/// What the filter language can say in several ways stands here in one: `ne` is the negation of `eq`, `eq null` that
/// of a presence test, and a comparison of a complex attribute is one of its `value`. A multi-valued attribute satisfies
/// a comparison when one of its values does.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a translation has to know every form")]
pub enum Condition {
    /// All hold.
    And(Vec<Condition>),
    /// At least one holds.
    Or(Vec<Condition>),
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
}

impl Place {
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

    /// How; never [`Ne`](CompareOp::Ne).
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
            Self::Text(Text { written: text, .. }) | Self::Instant(_, text) => Value::String(text.clone()),
        }
    }
}

/// A text to compare with, as written and as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub(crate) written: SmolStr,
    pub(crate) folded: Option<SmolStr>,
    /// For a search that folds: where to go on after a mismatch.
    pub(crate) failure: Box<[u32]>,
}

impl Text {
    #[inline]
    pub(crate) fn new(text: &SmolStr, case_exact: bool, op: CompareOp) -> Self {
        // Most texts are folded already; a clone of one costs less than another like it.
        let fold_once = || {
            if folds_to(text, text) {
                text.clone()
            } else {
                fold(text)
            }
        };
        let folded = (!case_exact).then(fold_once);
        let failure = match &folded {
            Some(folded) if op == CompareOp::Co => failure_table(folded),
            _ => Box::default(),
        };
        Self {
            written: text.clone(),
            folded,
            failure,
        }
    }

    /// The text as it stands in the filter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The text as it is compared: as written with a caseExact attribute, [folded](keyfob_core::fold) otherwise, with
    /// folded values.
    #[must_use]
    pub fn key(&self) -> &str {
        self.folded.as_ref().unwrap_or(&self.written)
    }

    /// Whether values are compared as they are, rather than folded.
    #[must_use]
    pub fn is_case_exact(&self) -> bool {
        self.folded.is_none()
    }
}

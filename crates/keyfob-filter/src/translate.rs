//! From conditions to the queries of a store: what it can answer, with the rest left over.

use crate::{condition::Condition, predicate::Predicate};

/// What a store says of the terms of a filter in its own query language; how they are joined follows from it.
///
/// ```
/// use keyfob_core::{Dialect, Registry};
/// use keyfob_filter::{CompareOp, Comparand, Condition, Filter, Translate, Translation};
///
/// /// Knows the column `user_name`, which holds folded names, and nothing else.
/// struct Sql;
///
/// impl Translate for Sql {
///     type Query = String;
///
///     fn term(&mut self, term: &Condition) -> Option<Translation<String>> {
///         let Condition::Comparison(comparison) = term else { return None };
///         let Comparand::Text(text) = comparison.comparand() else { return None };
///         let is_name = comparison.place().attribute().is("userName");
///         (is_name && comparison.op() == CompareOp::Eq)
///             .then(|| Translation::exact(format!("user_name = '{}'", text.key().as_str().replace('\'', "''"))))
///     }
///     fn and(&mut self, queries: Vec<String>) -> String {
///         format!("({})", queries.join(" AND "))
///     }
///     fn or(&mut self, queries: Vec<String>) -> String {
///         format!("({})", queries.join(" OR "))
///     }
///     fn not(&mut self, query: String) -> String {
///         format!("NOT {query}")
///     }
/// }
///
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let filter = Filter::parse(r#"(userName eq "A" or userName eq "B") and title pr"#)?;
/// let predicate = filter.compile(user, Dialect::strict()).unwrap();
/// let translation = predicate.translate(&mut Sql).unwrap();
/// assert_eq!(translation.query, "(user_name = 'a' OR user_name = 'b')");
/// // `title pr` is left: what the query finds has to be asked whether it matches.
/// assert!(!translation.is_exact);
/// # Ok::<(), keyfob_filter::ParseError>(())
/// ```
pub trait Translate {
    /// A query, or a part of one.
    type Query;

    /// The query for a [`Present`](Condition::Present), [`ExtensionPresent`](Condition::ExtensionPresent),
    /// [`Comparison`](Condition::Comparison) or [`Element`](Condition::Element); nothing when the store can't tell. What
    /// an element has to satisfy can be [translated](Condition::translate) in turn.
    fn term(&mut self, term: &Condition) -> Option<Translation<Self::Query>>;

    /// The query for what two queries or more find together.
    fn and(&mut self, queries: Vec<Self::Query>) -> Self::Query;

    /// The query for what at least one of two queries or more finds.
    fn or(&mut self, queries: Vec<Self::Query>) -> Self::Query;

    /// The query for what a query doesn't find, resources without the attribute included.
    fn not(&mut self, query: Self::Query) -> Self::Query;
}

/// A query that finds every match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Translation<Q> {
    /// The query.
    pub query: Q,
    /// Whether it finds nothing else. Otherwise what it finds has to be [asked](Predicate::matches).
    pub is_exact: bool,
}

impl<Q> Translation<Q> {
    /// A query that finds the matches and nothing else.
    #[must_use]
    pub fn exact(query: Q) -> Self {
        Self {
            query,
            is_exact: true,
        }
    }

    /// A query that finds the matches and perhaps more.
    #[must_use]
    pub fn superset(query: Q) -> Self {
        Self {
            query,
            is_exact: false,
        }
    }

    /// The same about a query made of this one, as of the condition of an element one of the whole resource.
    #[must_use]
    pub fn map<R>(self, make: impl FnOnce(Q) -> R) -> Translation<R> {
        Translation {
            query: make(self.query),
            is_exact: self.is_exact,
        }
    }
}

impl Predicate {
    /// The query of a store for this predicate; nothing when it has to look at every resource.
    pub fn translate<T: Translate>(&self, translate: &mut T) -> Option<Translation<T::Query>> {
        self.condition().translate(translate)
    }
}

impl Condition {
    /// The query for this condition.
    ///
    /// A conjunction needs but one of its operands to be known; a disjunction needs all of them, and a negation one that is
    /// exact, because the negation of too much is too little.
    pub fn translate<T: Translate>(&self, translate: &mut T) -> Option<Translation<T::Query>> {
        let (operands, is_and) = match self {
            Self::And(operands) => (operands.as_slice(), true),
            Self::Or(alternatives) => (&**alternatives, false),
            Self::Not(operand) => {
                let known = operand.translate(translate).filter(|known| known.is_exact)?;
                return Some(Translation::exact(translate.not(known.query)));
            }
            term => return translate.term(term),
        };
        let mut queries = Vec::with_capacity(operands.len());
        let mut is_exact = true;
        for operand in operands {
            match operand.translate(translate) {
                Some(known) => {
                    is_exact &= known.is_exact;
                    queries.push(known.query);
                }
                None if is_and => is_exact = false,
                None => return None,
            }
        }
        let query = if queries.len() < 2 {
            queries.pop()?
        } else if is_and {
            translate.and(queries)
        } else {
            translate.or(queries)
        };
        Some(Translation { query, is_exact })
    }
}

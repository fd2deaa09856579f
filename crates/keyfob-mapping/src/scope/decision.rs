//! Why an object is in scope or not.

use std::fmt;

use keyfob_expression::{Source, Value};
use smol_str::SmolStr;

use super::{Clause, Scope, ScopeError};

/// The decision on an object, and the clauses that made it.
///
/// [`Display`](fmt::Display) says it in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// True if the object is in scope.
    pub in_scope: bool,
    /// The groups that were looked at, in order. The last one decided where the object is in scope.
    pub groups: Vec<GroupDecision>,
}

/// The decision of one group of clauses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupDecision {
    /// The number of the group, from 1.
    pub number: usize,
    /// Its name; perhaps empty.
    pub name: SmolStr,
    /// The first clause that does not hold; none where all of them hold.
    pub failed: Option<ClauseDecision>,
}

/// A clause that does not hold, and the value that it asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClauseDecision {
    /// The number of the clause in its group, from 1.
    pub number: usize,
    /// The clause.
    pub clause: Clause,
    /// The attribute's value as text; none where there is none.
    pub value: Option<SmolStr>,
}

impl Scope {
    /// Decides whether the object is to be provisioned, and says why.
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    ///
    /// # Complexity
    /// As [`contains`](Self::contains).
    ///
    /// ```
    /// use keyfob_expression::Source;
    /// use keyfob_mapping::scope::{Clause, ClauseGroup, Operator, ScopingFilter};
    ///
    /// let clause = Clause::new("department", Operator::Equals, "Sales");
    /// let scope = ScopingFilter::new(vec![ClauseGroup::new("Sellers", vec![clause])]).compile()?;
    /// let decision = scope.decide(&Source::from_iter([("department", "Tours")]))?;
    /// assert!(!decision.in_scope);
    /// assert_eq!(
    ///     decision.to_string(),
    ///     "group 1 `Sellers` fails at clause 1, `department EQUALS Sales`: the value is `Tours`"
    /// );
    /// # Ok::<(), keyfob_mapping::scope::ScopeError>(())
    /// ```
    pub fn decide(&self, source: &Source) -> Result<Decision, ScopeError> {
        let mut groups = Vec::new();
        for number in 0..self.groups() {
            let failed = self.first_failing(number, source)?;
            let holds = failed.is_none();
            let failed = failed.and_then(|index| {
                let clause = self.clause(number, index)?.clone();
                let value = source.get(&clause.attribute).filter(|value| !value.is_empty());
                Some(ClauseDecision {
                    number: index + 1,
                    value: value.map(Value::to_text),
                    clause,
                })
            });
            groups.push(GroupDecision {
                number: number + 1,
                name: self.name(number),
                failed,
            });
            if holds {
                return Ok(Decision {
                    in_scope: true,
                    groups,
                });
            }
        }
        Ok(Decision {
            in_scope: groups.is_empty(),
            groups,
        })
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return f.write_str("there is no scoping filter");
        }
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{group}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GroupDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {}", self.number)?;
        if !self.name.is_empty() {
            write!(f, " `{}`", self.name)?;
        }
        match &self.failed {
            None => f.write_str(" holds"),
            Some(failed) => {
                let ClauseDecision {
                    number,
                    clause,
                    value,
                } = failed;
                write!(f, " fails at clause {number}, `{clause}`: ")?;
                match value {
                    Some(value) => write!(f, "the value is `{value}`"),
                    None => f.write_str("there is no value"),
                }
            }
        }
    }
}

/// `department EQUALS Sales`, as the portal shows a clause.
impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.attribute, self.operator)?;
        self.values.iter().try_for_each(|value| write!(f, " {value}"))
    }
}

//! Scoping filters ready to be asked.

#[cfg(feature = "regex")]
use keyfob_expression::dotnet::regex::Regex;
use keyfob_expression::{Decimal, Source, SourcePath, Value};
use smol_str::SmolStr;

use super::{Clause, Operator, ScopeError, ScopeErrorKind, ScopingFilter};

/// A scoping filter that was checked, ready to be asked of objects of the source.
///
/// ```
/// use keyfob_expression::Source;
/// use keyfob_mapping::scope::{Clause, ClauseGroup, Operator, ScopingFilter};
///
/// let clause = Clause::new("department", Operator::Equals, "Sales");
/// let scope = ScopingFilter::new(vec![ClauseGroup::new("Sales", vec![clause])]).compile()?;
/// assert!(scope.contains(&Source::from_iter([("department", "Sales")]))?);
/// assert!(!scope.contains(&Source::from_iter([("department", "sales")]))?);
/// assert!(!scope.contains(&Source::new())?);
/// # Ok::<(), keyfob_mapping::scope::ScopeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Scope {
    groups: Vec<Group>,
}

/// The clauses of a group.
#[derive(Debug)]
struct Group {
    name: SmolStr,
    tests: Vec<Test>,
}

/// One clause.
#[derive(Debug)]
struct Test {
    clause: Clause,
    attribute: SourcePath,
    question: Question,
}

/// The question of a clause; with `true` where the answer is to be yes.
#[derive(Debug)]
enum Question {
    IsNull,
    IsNotNull,
    Boolean(bool),
    Equals(SmolStr, bool),
    EndsWith(SmolStr),
    Includes(SmolStr),
    PartOf(SmolStr, bool),
    Greater(Decimal),
    GreaterOrEqual(Decimal),
    #[cfg(feature = "regex")]
    Matches(Box<Regex>, bool),
}

/// The work that the pattern of one clause may be, as [`Limits::work`](keyfob_expression::Limits::work) counts it.
#[cfg(feature = "regex")]
const WORK: usize = 1 << 20;

/// Attributes that the service does not take into scoping filters.
const UNSUPPORTED: [&str; 5] = [
    "members",
    "appRoleAssignments",
    "userType",
    "manager",
    "IsMemberOf",
];

impl ScopingFilter {
    /// Checks the filter and makes it ready.
    ///
    /// # Errors
    /// [`ScopeError`] names the first clause that can't be asked: too many values or none, a pattern that is none, a
    /// number that is none, an attribute that scoping filters do not support.
    pub fn compile(&self) -> Result<Scope, ScopeError> {
        let group = |(group, clauses): (usize, &super::ClauseGroup)| {
            let refuse = |clause, kind| ScopeError { group, clause, kind };
            if clauses.clauses.is_empty() {
                return Err(refuse(0, ScopeErrorKind::NoClause));
            }
            let tests = clauses
                .clauses
                .iter()
                .enumerate()
                .map(|(clause, asked)| Test::compile(asked).map_err(|kind| refuse(clause, kind)));
            Ok(Group {
                name: clauses.name.clone(),
                tests: tests.collect::<Result<_, _>>()?,
            })
        };
        let groups: Result<_, _> = self.groups.iter().enumerate().map(group).collect();
        Ok(Scope { groups: groups? })
    }
}

impl Scope {
    /// Returns true if the object is to be provisioned.
    ///
    /// # Errors
    /// [`ScopeError`] where a clause can't be asked of the object's value: it is multi-valued or a date, not a number
    /// where numbers are compared, not a boolean where one is asked for, or takes a pattern too long. Nothing is in or
    /// out of scope then; to take it for out of scope would delete what should stay.
    ///
    /// # Complexity
    /// Linear in the clauses and the texts, patterns aside, which are bounded by a limit of steps.
    pub fn contains(&self, source: &Source) -> Result<bool, ScopeError> {
        if self.groups.is_empty() {
            return Ok(true);
        }
        for group in 0..self.groups.len() {
            if self.first_failing(group, source)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first clause of a group that does not hold.
    pub(super) fn first_failing(&self, group: usize, source: &Source) -> Result<Option<usize>, ScopeError> {
        let tests = self.groups.get(group).map(|group| group.tests.as_slice());
        for (clause, test) in tests.unwrap_or_default().iter().enumerate() {
            let holds = test.holds(source);
            if !holds.map_err(|kind| ScopeError { group, clause, kind })? {
                return Ok(Some(clause));
            }
        }
        Ok(None)
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn name(&self, group: usize) -> SmolStr {
        self.groups
            .get(group)
            .map(|group| group.name.clone())
            .unwrap_or_default()
    }

    pub(super) fn clause(&self, group: usize, clause: usize) -> Option<&Clause> {
        Some(&self.groups.get(group)?.tests.get(clause)?.clause)
    }

    /// The attributes of the source that it looks at, perhaps one of them twice.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        let tests = self.groups.iter().flat_map(|group| &group.tests);
        tests.map(|test| test.clause.attribute.as_str())
    }
}

impl Test {
    fn compile(clause: &Clause) -> Result<Self, ScopeErrorKind> {
        let operator = clause.operator;
        if UNSUPPORTED.contains(&clause.attribute.as_str()) {
            return Err(ScopeErrorKind::Attribute {
                attribute: clause.attribute.clone(),
            });
        }
        let value = match (operator.is_unary(), clause.values.as_slice()) {
            (true, []) => SmolStr::default(),
            (false, [text]) => text.clone(),
            (_, values) => {
                let found = values.len();
                return Err(ScopeErrorKind::Values { operator, found });
            }
        };
        Ok(Self {
            attribute: SourcePath::new(clause.attribute.clone()),
            clause: clause.clone(),
            question: Question::new(operator, value)?,
        })
    }

    fn holds(&self, source: &Source) -> Result<bool, ScopeErrorKind> {
        let value = source.at(&self.attribute).unwrap_or(&Value::Null).reveal();
        if value.is_empty() {
            return Ok(self.clause.operator == Operator::IsNull);
        }
        if matches!(value, Value::List(_) | Value::Complex(_) | Value::DateTime(_)) {
            return Err(ScopeErrorKind::Unsupported {
                attribute: self.clause.attribute.clone(),
                found: value.type_name(),
            });
        }
        let text = value.as_text();
        Ok(match &self.question {
            Question::IsNull => false,
            Question::IsNotNull => true,
            Question::Boolean(wanted) => self.boolean(&text)? == *wanted,
            Question::Equals(other, wanted) => (text == other.as_str()) == *wanted,
            Question::EndsWith(end) => text.ends_with(end.as_str()),
            Question::Includes(part) => text.contains(part.as_str()),
            Question::PartOf(whole, wanted) => whole.contains(&*text) == *wanted,
            Question::Greater(bound) => integer(self.clause.operator, &text)? > *bound,
            Question::GreaterOrEqual(bound) => integer(self.clause.operator, &text)? >= *bound,
            #[cfg(feature = "regex")]
            Question::Matches(regex, wanted) => {
                regex
                    .is_match(&text, &mut WORK.clone())
                    .map_err(|error| pattern(&error))?
                    == *wanted
            }
        })
    }

    fn boolean(&self, text: &str) -> Result<bool, ScopeErrorKind> {
        if text.eq_ignore_ascii_case("true") {
            Ok(true)
        } else if text.eq_ignore_ascii_case("false") {
            Ok(false)
        } else {
            Err(ScopeErrorKind::NotBoolean {
                operator: self.clause.operator,
                attribute: self.clause.attribute.clone(),
            })
        }
    }
}

impl Question {
    /// The question of an operator, with the text of one that isn't unary.
    fn new(operator: Operator, text: SmolStr) -> Result<Self, ScopeErrorKind> {
        Ok(match operator {
            Operator::IsNull => Self::IsNull,
            Operator::IsNotNull => Self::IsNotNull,
            Operator::IsTrue => Self::Boolean(true),
            Operator::IsFalse => Self::Boolean(false),
            Operator::Equals => Self::Equals(text, true),
            Operator::NotEquals => Self::Equals(text, false),
            Operator::EndsWith => Self::EndsWith(text),
            Operator::Includes => Self::Includes(text),
            Operator::PartOf => Self::PartOf(text, true),
            Operator::NotPartOf => Self::PartOf(text, false),
            Operator::GreaterThan => Self::Greater(integer(operator, &text)?),
            Operator::GreaterThanOrEquals => Self::GreaterOrEqual(integer(operator, &text)?),
            #[cfg(feature = "regex")]
            Operator::RegexMatch | Operator::NotRegexMatch => {
                let regex = Regex::new(&text).map_err(|error| pattern(&error))?;
                Self::Matches(Box::new(regex), operator == Operator::RegexMatch)
            }
            #[cfg(not(feature = "regex"))]
            Operator::RegexMatch | Operator::NotRegexMatch => {
                return Err(ScopeErrorKind::NoRegex { operator });
            }
        })
    }
}

/// The whole number that a text is.
fn integer(operator: Operator, text: &str) -> Result<Decimal, ScopeErrorKind> {
    Decimal::parse(text)
        .filter(|number| !number.as_str().contains('.'))
        .ok_or_else(|| ScopeErrorKind::NotInteger {
            operator,
            text: text.into(),
        })
}

#[cfg(feature = "regex")]
fn pattern(error: &impl ToString) -> ScopeErrorKind {
    ScopeErrorKind::Pattern {
        message: error.to_string().into(),
    }
}

//! Terms of a filter as SQL.

use std::borrow::Cow;

use keyfob_core::{AttrPath, Collation, DateTime, SmolStr};

use super::{Column, Columns, Form, Rows, SqlDialect};
use crate::{
    ast::CompareOp,
    condition::{Comparand, Comparison, Condition, Part, Place, Text},
    predicate::Predicate,
    translate::{Translate, Translation},
};

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "who binds values has to know every type")]
pub enum Bind {
    /// A text.
    Text(SmolStr),
    /// An integer of 64 bits.
    Integer(i64),
    /// A floating-point number of 64 bits.
    Decimal(f64),
    /// A boolean.
    Bool(bool),
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// A condition of SQL and the values that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlCondition {
    dialect: SqlDialect,
    fragment: Fragment,
    is_exact: bool,
}

impl SqlCondition {
    /// Returns the text, which may stand between the terms of an `AND` as it is. In PostgreSQL the first value has the
    /// number `first`; the other dialects have no numbers.
    #[must_use]
    pub fn sql(&self, first: usize) -> String {
        let mut text = String::new();
        let mut number = first;
        for piece in &self.fragment.0 {
            match piece {
                Piece::Sql(sql) => text.push_str(sql),
                Piece::Bind(_) if self.dialect == SqlDialect::PostgreSql => {
                    text.push('$');
                    text.push_str(&number.to_string());
                    number += 1;
                }
                Piece::Bind(_) => text.push('?'),
            }
        }
        text
    }

    /// Returns the values in their order.
    pub fn binds(&self) -> impl Iterator<Item = &Bind> {
        self.fragment.0.iter().filter_map(|piece| match piece {
            Piece::Bind(bind) => Some(bind),
            Piece::Sql(_) => None,
        })
    }

    /// Returns true if the condition finds nothing but matches. Otherwise what it finds has to be
    /// [asked](Predicate::matches).
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }
}

/// SQL with values in it.
///
/// An absent value is NULL, and a comparison with it neither true nor false. `AND` and `OR` make of that what false would
/// make of it, and a negation asks for `IS NOT TRUE`, so that no term needs a test for NULL of its own, which would cost
/// its index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fragment(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Sql(Cow<'static, str>),
    Bind(Bind),
}

impl Fragment {
    fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self::default().sql(sql)
    }

    fn sql(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(Piece::Sql(sql.into()));
        self
    }

    fn bind(mut self, bind: Bind) -> Self {
        self.0.push(Piece::Bind(bind));
        self
    }

    fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// `(a AND b)` or `(a OR b)`.
    fn joined(fragments: Vec<Self>, separator: &'static str) -> Self {
        let mut joined = Self::new("(");
        for (index, fragment) in fragments.into_iter().enumerate() {
            if index > 0 {
                joined = joined.sql(separator);
            }
            joined = joined.then(fragment);
        }
        joined.sql(")")
    }

    fn all(fragments: Vec<Self>) -> Self {
        Self::joined(fragments, " AND ")
    }

    fn any(fragments: Vec<Self>) -> Self {
        Self::joined(fragments, " OR ")
    }

    fn never() -> Self {
        Self::new("1 = 0")
    }
}

pub(super) fn condition(columns: &Columns, predicate: &Predicate) -> Option<SqlCondition> {
    let translation = match predicate.constant() {
        Some(true) => Translation::exact(Fragment::new("1 = 1")),
        Some(false) => Translation::exact(Fragment::never()),
        None => predicate.translate(&mut Translator {
            columns,
            is_within: false,
        })?,
    };
    Some(SqlCondition {
        dialect: columns.dialect,
        fragment: translation.query,
        is_exact: translation.is_exact,
    })
}

struct Translator<'c> {
    columns: &'c Columns,
    /// If true, the condition is about one row of a multi-valued attribute, and its table is there.
    is_within: bool,
}

impl Translate for Translator<'_> {
    type Query = Fragment;

    fn term(&mut self, term: &Condition) -> Option<Translation<Fragment>> {
        match term {
            Condition::Present(place) => self.present(place).map(Translation::exact),
            Condition::Comparison(comparison) => self.comparison(comparison),
            Condition::Element(place, inner) => self.element(place, inner),
            _ => None,
        }
    }

    fn and(&mut self, queries: Vec<Fragment>) -> Fragment {
        Fragment::all(queries)
    }

    fn or(&mut self, queries: Vec<Fragment>) -> Fragment {
        Fragment::any(queries)
    }

    fn not(&mut self, query: Fragment) -> Fragment {
        Fragment::new("(").then(query).sql(") IS NOT TRUE")
    }
}

impl Translator<'_> {
    fn present(&self, place: &Place) -> Option<Fragment> {
        let path = path(place)?;
        if let Some(column) = self.columns.column(&path) {
            return Some(self.about(&path, is_present(column)));
        }
        let parent = self.columns.parent(&path).filter(|_| path.sub().is_none())?;
        if let Some(rows) = self.columns.rows_of(&path) {
            return (!self.is_within).then(|| exists(rows, None));
        }
        // A complex value is there if one of its sub-attributes is: all of them have to be known.
        let subs = parent.sub_attributes.iter().map(|sub| {
            let path = path.with_sub(Some(sub.name.clone()));
            self.columns.column(&path).map(is_present)
        });
        let subs: Vec<_> = subs.collect::<Option<_>>()?;
        (!subs.is_empty()).then(|| Fragment::any(subs))
    }

    fn comparison(&self, comparison: &Comparison) -> Option<Translation<Fragment>> {
        let path = path(comparison.place())?;
        let column = self.columns.column(&path)?;
        let compared = self.compared(column, comparison.op(), comparison.comparand())?;
        Some(compared.map(|fragment| self.about(&path, fragment)))
    }

    fn element(&self, place: &Place, inner: &Condition) -> Option<Translation<Fragment>> {
        let path = path(place)?;
        let mut within = Translator {
            columns: self.columns,
            is_within: true,
        };
        let Some(rows) = self.columns.rows_of(&path) else {
            // The one value of the attribute: whether it is there at all isn't asked.
            within.is_within = false;
            return inner
                .translate(&mut within)
                .map(|inner| Translation::superset(inner.query));
        };
        Some(match inner.translate(&mut within) {
            Some(inner) => inner.map(|inner| exists(rows, Some(inner))),
            None => Translation::superset(exists(rows, None)),
        })
    }

    /// Asks for a row where a condition is about one and none is there yet.
    fn about(&self, path: &AttrPath, condition: Fragment) -> Fragment {
        match self.columns.rows_of(&path.with_sub(None)) {
            Some(rows) if !self.is_within => exists(rows, Some(condition)),
            _ => condition,
        }
    }

    fn compared(
        &self,
        column: Column,
        op: CompareOp,
        comparand: &Comparand,
    ) -> Option<Translation<Fragment>> {
        let plain = |op, bind| Translation::exact(compare(column.sql, op, bind));
        Some(match (column.form, comparand) {
            (Form::Key, Comparand::Text(text)) => Translation::exact(self.text(column, op, text)),
            (Form::Folded, Comparand::Text(text)) => Translation::superset(self.folded(column, op, text)?),
            (Form::Boolean, Comparand::Bool(value)) => plain(op, Bind::Bool(*value)),
            (Form::Integer, Comparand::Integer(number)) => plain(op, Bind::Integer(*number)),
            (Form::Integer, Comparand::Decimal(number)) => {
                Translation::exact(whole(column, op, Bound::of_number(*number)))
            }
            (Form::Decimal, Comparand::Decimal(number)) => plain(op, Bind::Decimal(*number)),
            (Form::Decimal, Comparand::Integer(number)) => plain(op, Bind::Decimal(exact(*number)?)),
            (Form::Instant, Comparand::Instant(instant, _)) => {
                Translation::exact(whole(column, op, Bound::of_instant(*instant)))
            }
            _ => return None,
        })
    }

    /// A comparison of the keys of texts.
    fn text(&self, column: Column, op: CompareOp, text: &Text) -> Fragment {
        let (key, needle) = (text.key().as_str(), text.key().text(text.collation()));
        if let Some((before, _)) = needle.split_once('\0') {
            return match op {
                CompareOp::Eq | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => Fragment::never(),
                CompareOp::Ne => is_present(column),
                // Texts without it are on the same side of a text with it as of what is before it, which itself comes first.
                CompareOp::Gt | CompareOp::Ge => self.ordered(unmarked(column, text), CompareOp::Gt, before),
                CompareOp::Lt | CompareOp::Le => self.ordered(unmarked(column, text), CompareOp::Le, before),
            };
        }
        let is_marked = text.collation() == Collation::UserName;
        match op {
            CompareOp::Eq | CompareOp::Ne => compare(column.sql, op, key.into()),
            CompareOp::Sw if is_marked && !needle.is_empty() => {
                let marked = self.starts_with(column, &format!(" {needle}"));
                if needle.starts_with(' ') {
                    marked
                } else {
                    Fragment::any(vec![self.starts_with(column, needle), marked])
                }
            }
            CompareOp::Sw => self.starts_with(column, needle),
            CompareOp::Co => self.contains(column, &unmarked(column, text), needle),
            CompareOp::Ew => self.ends_with(column, &unmarked(column, text), needle),
            CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le => {
                self.ordered(unmarked(column, text), op, needle)
            }
        }
    }

    /// A comparison of texts that the database has folded.
    fn folded(&self, column: Column, op: CompareOp, text: &Text) -> Option<Fragment> {
        let needle = text.key().text(text.collation());
        match op {
            CompareOp::Eq | CompareOp::Sw | CompareOp::Co | CompareOp::Ew if needle.contains('\0') => {
                Some(Fragment::never())
            }
            CompareOp::Eq => Some(compare(column.sql, op, needle.into())),
            CompareOp::Sw => Some(self.starts_with(column, needle)),
            CompareOp::Co => Some(self.contains(column, column.sql, needle)),
            CompareOp::Ew => Some(self.ends_with(column, column.sql, needle)),
            _ => None,
        }
    }

    /// Every text starts with the empty one; texts that start with another one are a range, which an index has.
    fn starts_with(&self, column: Column, needle: &str) -> Fragment {
        if needle.is_empty() {
            return is_present(column);
        }
        let from = self.ordered(column.sql.into(), CompareOp::Ge, needle);
        match successor(needle) {
            Some(end) => Fragment::all(vec![from, self.ordered(column.sql.into(), CompareOp::Lt, &end)]),
            None => from,
        }
    }

    fn contains(&self, column: Column, text: &str, needle: &str) -> Fragment {
        if needle.is_empty() {
            return is_present(column);
        }
        let function = match self.columns.dialect {
            SqlDialect::PostgreSql => "strpos(",
            SqlDialect::Sqlite | SqlDialect::MySql => "instr(",
        };
        Fragment::new(format!("{function}{text}, "))
            .bind(needle.into())
            .sql(") > 0")
    }

    fn ends_with(&self, column: Column, text: &str, needle: &str) -> Fragment {
        if needle.is_empty() {
            return is_present(column);
        }
        let count = needle.chars().count();
        let end = match self.columns.dialect {
            SqlDialect::PostgreSql | SqlDialect::MySql => format!("right({text}, {count}) = "),
            SqlDialect::Sqlite => format!("substr({text}, -{count}) = "),
        };
        Fragment::new(end).bind(needle.into())
    }

    fn ordered(&self, left: Cow<'static, str>, op: CompareOp, needle: &str) -> Fragment {
        let collation = match self.columns.dialect {
            SqlDialect::PostgreSql => " COLLATE \"C\"",
            SqlDialect::Sqlite | SqlDialect::MySql => "",
        };
        Fragment::new(left)
            .sql(collation)
            .sql(sign(op))
            .bind(needle.into())
    }
}

/// The column without the blank before the key of a user name that could not be prepared, which counts for nothing but equality.
fn unmarked(column: Column, text: &Text) -> Cow<'static, str> {
    match text.collation() {
        Collation::UserName => format!(
            "(CASE WHEN {0} LIKE ' %' THEN substr({0}, 2) ELSE {0} END)",
            column.sql
        )
        .into(),
        Collation::Exact | Collation::Caseless => Cow::Borrowed(column.sql),
    }
}

/// The path of a place that a document or a relation holds.
fn path(place: &Place) -> Option<AttrPath> {
    matches!(place.part, Part::Document | Part::Relation).then(|| {
        AttrPath::new(
            place.extension().cloned(),
            place.attribute().clone(),
            place.sub().cloned(),
        )
    })
}

fn exists(rows: Rows, condition: Option<Fragment>) -> Fragment {
    let rows = Fragment::new(format!(
        "EXISTS (SELECT 1 FROM {} WHERE {}",
        rows.table, rows.join
    ));
    match condition {
        Some(condition) => rows.sql(" AND ").then(condition).sql(")"),
        None => rows.sql(")"),
    }
}

fn is_present(column: Column) -> Fragment {
    Fragment::new(column.sql).sql(" IS NOT NULL")
}

fn compare(column: &'static str, op: CompareOp, bind: Bind) -> Fragment {
    Fragment::new(column).sql(sign(op)).bind(bind)
}

fn sign(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Ne => " <> ",
        CompareOp::Gt => " > ",
        CompareOp::Ge => " >= ",
        CompareOp::Lt => " < ",
        CompareOp::Le => " <= ",
        // The others have functions of their own.
        CompareOp::Eq | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => " = ",
    }
}

/// The first text after all those that start with this one, if there is one.
fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // There is no character between the surrogates' neighbours.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// Where a comparand lies among the whole numbers that a column holds.
enum Bound {
    /// It is one of them.
    At(i64),
    /// It lies between this one and the next.
    After(i64),
    /// It lies before or after all of them.
    Below,
    Above,
}

impl Bound {
    fn of_number(number: f64) -> Self {
        /// 2⁶³, beyond which no integer is.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        let floor = number.floor();
        if floor >= LIMIT {
            return Self::Above;
        }
        if floor < -LIMIT {
            return Self::Below;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
        let whole = floor as i64;
        if number > floor {
            Self::After(whole)
        } else {
            Self::At(whole)
        }
    }

    fn of_instant(instant: DateTime) -> Self {
        let millis = instant.unix_millis();
        if DateTime::from_unix_millis(millis) == instant {
            Self::At(millis)
        } else {
            Self::After(millis)
        }
    }
}

/// A comparison of whole numbers with what lies at or between them.
fn whole(column: Column, op: CompareOp, bound: Bound) -> Fragment {
    let compare = |op, number| compare(column.sql, op, Bind::Integer(number));
    match (bound, op) {
        (Bound::At(number), op) => compare(op, number),
        (Bound::After(number), CompareOp::Gt | CompareOp::Ge) => compare(CompareOp::Gt, number),
        (Bound::After(number), CompareOp::Lt | CompareOp::Le) => compare(CompareOp::Le, number),
        (Bound::Below, CompareOp::Gt | CompareOp::Ge)
        | (Bound::Above, CompareOp::Lt | CompareOp::Le)
        | (_, CompareOp::Ne) => is_present(column),
        _ => Fragment::never(),
    }
}

/// The integer as a floating-point number, if there is one that equals it.
fn exact(number: i64) -> Option<f64> {
    /// 2⁵³, up to which every integer is one.
    const LIMIT: u64 = 1 << 53;
    #[expect(clippy::cast_precision_loss, reason = "the range is checked")]
    (number.unsigned_abs() <= LIMIT).then_some(number as f64)
}

//! The grammar of filters and PATCH paths (RFC 7644 figures 1 and 7).

use std::ops::Range;

use keyfob_core::{
    AttrPath, AttrPathRef, Dialect, Quirk,
    name::closest,
    render::{excerpt, first_char, nothing_at, span_of},
};

use super::{
    error::{Fault, ParseErrorKind},
    lexeme::{
        Operator, after, blank, blanks, connective, is_date, name_fault, operator, simple_value,
        single_quoted, string, sub_attribute, word,
    },
};
use crate::{
    ast::{Filter, Literal},
    limits::Limits,
    path::PatchPathRef,
};

/// One reading of one text: what may still be spent, and where it stands.
pub(super) struct Grammar<'i> {
    limits: Limits,
    dialect: Dialect,
    /// What was not read yet. It is no part of what a step returns, so that a step can return what another one did as
    /// it is: moving trees about is most of what reading costs.
    rest: &'i str,
    depth: usize,
    terms: usize,
    in_value_path: bool,
    record: Option<Vec<&'i str>>,
}

impl<'i> Grammar<'i> {
    pub(super) fn new(limits: &Limits, dialect: Dialect) -> Self {
        Self {
            limits: *limits,
            dialect,
            rest: "",
            depth: 0,
            terms: 0,
            in_value_path: false,
            record: None,
        }
    }

    /// A reading that remembers where attribute paths stand.
    pub(super) fn recording(limits: &Limits, dialect: Dialect) -> Self {
        Self {
            record: Some(Vec::new()),
            ..Self::new(limits, dialect)
        }
    }

    /// Where in `text` the `index`th attribute path stands.
    pub(super) fn recorded(&self, text: &str, index: usize) -> Option<Range<usize>> {
        let path = self.record.as_ref()?.get(index)?;
        Some(span_of(text, path))
    }

    /// `FILTER`, up to the end of the text.
    pub(super) fn filter(&mut self, input: &'i str) -> Result<Filter, Fault<'i>> {
        self.check_length(input)?;
        self.rest = blanks(input);
        let filter = self.disjunction()?;
        end(self.rest)?;
        Ok(filter)
    }

    /// `PATH`, up to the end of the text.
    #[inline]
    pub(super) fn path(&mut self, input: &'i str) -> Result<PatchPathRef<'i>, Fault<'i>> {
        self.check_length(input)?;
        let (rest, found) = word(blanks(input));
        let attr = AttrPathRef::parse(found).map_err(|error| name_fault(found, error))?;
        if after(rest, b'[').is_none() {
            end_of_path(rest)?;
            return Ok(PatchPathRef::new(attr, None, None));
        }
        self.rest = rest;
        let filter = self.value_filter()?;
        let (rest, sub) = match after(self.rest, b'.') {
            None => (self.rest, None),
            Some(rest) => {
                let (rest, found) = word(rest);
                (rest, Some(sub_attribute(found)?))
            }
        };
        end_of_path(rest)?;
        Ok(PatchPathRef::new(attr, Some(filter), sub))
    }

    fn check_length(&self, input: &'i str) -> Result<(), Fault<'i>> {
        let limit = self.limits.bytes;
        if input.len() <= limit {
            return Ok(());
        }
        // The limit may be within a character.
        let beyond = (limit..=input.len()).find_map(|start| input.get(start..));
        Err(Fault::new(
            ParseErrorKind::TooLong { limit },
            beyond.unwrap_or(input),
        ))
    }

    /// Terms joined by `or`.
    fn disjunction(&mut self) -> Result<Filter, Fault<'i>> {
        let first = self.conjunction();
        if first.is_err() || !self.connective("or") {
            return first;
        }
        let mut operands = Vec::new();
        first?.flatten_or(&mut operands);
        loop {
            self.conjunction()?.flatten_or(&mut operands);
            if !self.connective("or") {
                return Ok(Filter::Or(operands));
            }
        }
    }

    /// Terms joined by `and`.
    #[inline]
    fn conjunction(&mut self) -> Result<Filter, Fault<'i>> {
        let first = self.term();
        if first.is_err() || !self.connective("and") {
            return first;
        }
        let mut operands = Vec::new();
        first?.flatten_and(&mut operands);
        loop {
            self.term()?.flatten_and(&mut operands);
            if !self.connective("and") {
                return Ok(Filter::And(operands));
            }
        }
    }

    /// Passes over the keyword, where it stands there with a blank on both of its sides.
    #[inline]
    fn connective(&mut self, keyword: &str) -> bool {
        let rest = connective(self.rest, keyword);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A group, a negated group, a value path or a comparison.
    #[inline]
    fn term(&mut self) -> Result<Filter, Fault<'i>> {
        if after(self.rest, b'(').is_some() {
            return self.nested(b')');
        }
        let (rest, found) = word(self.rest);
        if found.is_empty() {
            return Err(Fault::new(ParseErrorKind::MissingTerm, first_char(rest)));
        }
        if found.eq_ignore_ascii_case("not") {
            let group = blanks(rest);
            if after(group, b'(').is_some() {
                self.rest = group;
                return self.nested(b')').map(Filter::not);
            }
        }
        self.rest = rest;
        if let Some(record) = &mut self.record {
            record.push(found);
        }
        let path = match AttrPath::parse(found) {
            Ok(path) => path,
            Err(error) => return Err(name_fault(found, error)),
        };
        if after(rest, b'[').is_some() {
            self.value_path(path)
        } else {
            self.comparison(path)
        }
    }

    /// What stands in the parentheses or brackets of which the first is next, and what closes them.
    fn nested(&mut self, closing: u8) -> Result<Filter, Fault<'i>> {
        let limit = self.limits.depth;
        let opening = first_char(self.rest);
        if self.depth >= limit {
            return Err(Fault::new(ParseErrorKind::TooDeep { limit }, opening));
        }
        self.depth += 1;
        self.rest = blanks(self.rest.get(opening.len()..).unwrap_or_default());
        let filter = self.disjunction();
        self.depth -= 1;
        if filter.is_ok() {
            let Some(rest) = after(blanks(self.rest), closing) else {
                return Err(continuation_fault(self.rest, Some(closing.into())));
            };
            self.rest = rest;
        }
        filter
    }

    /// `[valFilter]`.
    fn value_filter(&mut self) -> Result<Filter, Fault<'i>> {
        if self.in_value_path {
            return Err(Fault::new(ParseErrorKind::NestedValuePath, first_char(self.rest)));
        }
        self.in_value_path = true;
        let filter = self.nested(b']')?;
        self.in_value_path = false;
        Ok(filter)
    }

    /// `attrPath [valFilter]`, of which `path` was read.
    fn value_path(&mut self, path: AttrPath) -> Result<Filter, Fault<'i>> {
        let filter = self.value_filter()?;
        let Some(tail) = after(self.rest, b'.') else {
            return Ok(Filter::path(path, filter));
        };
        let (rest, found) = word(tail);
        if !self.dialect.allows(Quirk::ValuePathComparison) {
            let at = self.rest.get(..=found.len()).unwrap_or(self.rest);
            return Err(Fault::new(ParseErrorKind::SubAttributeAfterValuePath, at));
        }
        self.rest = rest;
        let sub = AttrPath::attribute(sub_attribute(found)?);
        if let Some(record) = &mut self.record {
            record.push(found);
        }
        let comparison = self.comparison(sub)?;
        Ok(Filter::path(path, filter.and(comparison)))
    }

    /// `attrPath SP "pr"` or `attrPath SP compareOp SP compValue`, of which `path` was read.
    #[inline]
    fn comparison(&mut self, path: AttrPath) -> Result<Filter, Fault<'i>> {
        let limit = self.limits.terms;
        if self.terms >= limit {
            return Err(Fault::new(
                ParseErrorKind::TooManyTerms { limit },
                first_char(self.rest),
            ));
        }
        self.terms += 1;
        let Some(input) = blank(self.rest) else {
            return Err(self.missing(ParseErrorKind::MissingOperator));
        };
        let (rest, found) = word(input);
        self.rest = rest;
        match operator(found)? {
            Operator::Present => Ok(Filter::Present(path)),
            Operator::Compare(op) => Ok(Filter::Compare(path, op, self.literal()?)),
        }
    }

    /// `SP compValue`.
    #[inline]
    fn literal(&mut self) -> Result<Literal, Fault<'i>> {
        let Some(input) = blank(self.rest) else {
            return Err(self.missing(ParseErrorKind::MissingValue));
        };
        if after(input, b'"').is_some() {
            let (rest, text) = string(input, self.dialect)?;
            self.rest = rest;
            return Ok(Literal::String(text.into()));
        }
        if after(input, b'\'').is_some() && self.dialect.allows(Quirk::SingleQuotes) {
            let (rest, text) = single_quoted(input, self.dialect)?;
            self.rest = rest;
            return Ok(Literal::String(text));
        }
        let (rest, found) = word(input);
        self.rest = rest;
        if self.dialect.allows(Quirk::UnquotedDates) && is_date(found) {
            return Ok(Literal::String(found.into()));
        }
        simple_value(found)
    }

    /// What is missing where no blank is next: `token` where the term ends, and a blank elsewhere.
    #[cold]
    fn missing(&self, token: ParseErrorKind) -> Fault<'i> {
        let kind = if matches!(self.rest.chars().next(), None | Some(')' | ']')) {
            token
        } else {
            ParseErrorKind::MissingBlank
        };
        Fault::new(kind, nothing_at(self.rest))
    }
}

/// The end of the text, blanks before it passed over.
fn end(rest: &str) -> Result<(), Fault<'_>> {
    if blanks(rest).is_empty() {
        Ok(())
    } else {
        Err(continuation_fault(rest, None))
    }
}

/// The end of a path, blanks before it passed over.
fn end_of_path(rest: &str) -> Result<(), Fault<'_>> {
    let rest = blanks(rest);
    if rest.is_empty() {
        return Ok(());
    }
    let (_, found) = word(rest);
    let at = if found.is_empty() { first_char(rest) } else { found };
    Err(Fault::new(ParseErrorKind::AfterPath { found: excerpt(at) }, at))
}

/// Why a filter doesn't go on with `rest`, which is neither `and` nor `or` nor what closes it.
#[cold]
fn continuation_fault(rest: &str, closing: Option<char>) -> Fault<'_> {
    let next = blanks(rest);
    let at = first_char(next);
    match (next.chars().next(), closing) {
        (None, Some(closing)) => return Fault::new(ParseErrorKind::Unclosed { closing }, next),
        (Some(found @ (')' | ']')), None) => return Fault::new(ParseErrorKind::Unopened { found }, at),
        (Some(')' | ']'), Some(closing)) => return Fault::new(ParseErrorKind::Unclosed { closing }, at),
        _ => {}
    }
    let (after, found) = word(next);
    let is_connective = ["and", "or"]
        .iter()
        .any(|keyword| found.eq_ignore_ascii_case(keyword));
    if is_connective && next.len() == rest.len() {
        return Fault::new(ParseErrorKind::MissingBlank, nothing_at(next));
    }
    if is_connective {
        let kind = if blank(after).is_some() || after.is_empty() {
            ParseErrorKind::MissingTerm
        } else {
            ParseErrorKind::MissingBlank
        };
        return Fault::new(kind, nothing_at(after));
    }
    let at = if found.is_empty() { at } else { found };
    let kind = ParseErrorKind::Unexpected {
        found: excerpt(at),
        suggestion: closest(found, ["and", "or"]),
    };
    Fault::new(kind, at)
}

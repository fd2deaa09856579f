//! The grammar of filters and PATCH paths (RFC 7644 figures 1 and 7).

use std::ops::Range;

use keyfob_core::{AttrPath, Dialect, Quirk, name::closest};

use super::{
    error::{Fault, ParseErrorKind, excerpt, span_of},
    lexeme::{
        Operator, Parsed, after, attr_path, blank, blanks, connective, is_date, operator, simple_value,
        single_quoted, string, sub_attribute, word,
    },
};
use crate::{
    ast::{Filter, Literal},
    limits::Limits,
    path::PatchPath,
};

/// One reading of one text: what may still be spent, and where it stands.
pub(super) struct Grammar<'i> {
    limits: Limits,
    dialect: Dialect,
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
        let (rest, filter) = self.disjunction(blanks(input))?;
        end(rest)?;
        Ok(filter)
    }

    /// `PATH`, up to the end of the text.
    pub(super) fn path(&mut self, input: &'i str) -> Result<PatchPath, Fault<'i>> {
        self.check_length(input)?;
        let (rest, found) = word(blanks(input));
        let attr = attr_path(found)?;
        let Some(inner) = after(rest, b'[') else {
            end_of_path(rest)?;
            return Ok(PatchPath::new(attr, None, None));
        };
        let (rest, filter) = self.value_filter(rest, inner)?;
        let (rest, sub) = match after(rest, b'.') {
            None => (rest, None),
            Some(rest) => {
                let (rest, found) = word(rest);
                (rest, Some(sub_attribute(found)?))
            }
        };
        end_of_path(rest)?;
        Ok(PatchPath::new(attr, Some(filter), sub))
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
    fn disjunction(&mut self, mut input: &'i str) -> Parsed<'i, Filter> {
        let mut operands = Vec::new();
        loop {
            let (rest, operand) = self.conjunction(input)?;
            let next = connective(rest, "or");
            if next.is_none() && operands.is_empty() {
                return Ok((rest, operand));
            }
            operand.flatten_or(&mut operands);
            match next {
                Some(next) => input = next,
                None => return Ok((rest, Filter::Or(operands))),
            }
        }
    }

    /// Terms joined by `and`.
    fn conjunction(&mut self, mut input: &'i str) -> Parsed<'i, Filter> {
        let mut operands = Vec::new();
        loop {
            let (rest, operand) = self.term(input)?;
            let next = connective(rest, "and");
            if next.is_none() && operands.is_empty() {
                return Ok((rest, operand));
            }
            operand.flatten_and(&mut operands);
            match next {
                Some(next) => input = next,
                None => return Ok((rest, Filter::And(operands))),
            }
        }
    }

    /// A group, a negated group, a value path or a comparison.
    fn term(&mut self, input: &'i str) -> Parsed<'i, Filter> {
        if let Some(inner) = after(input, b'(') {
            return self.nested(input, inner, b')');
        }
        let (rest, found) = word(input);
        if found.is_empty() {
            return Err(Fault::new(ParseErrorKind::MissingTerm, first_char(input)));
        }
        if found.eq_ignore_ascii_case("not") {
            let group = blanks(rest);
            if let Some(inner) = after(group, b'(') {
                let (rest, filter) = self.nested(group, inner, b')')?;
                return Ok((rest, filter.not()));
            }
        }
        let path = self.attr_path(found)?;
        match after(rest, b'[') {
            Some(inner) => self.value_path(path, rest, inner),
            None => self.comparison(path, rest),
        }
    }

    /// What follows the opening `(` or `[`, which is at `opening`, up to and with what closes it.
    fn nested(&mut self, opening: &'i str, inner: &'i str, closing: u8) -> Parsed<'i, Filter> {
        let limit = self.limits.depth;
        if self.depth >= limit {
            return Err(Fault::new(ParseErrorKind::TooDeep { limit }, first_char(opening)));
        }
        self.depth += 1;
        let (rest, filter) = self.disjunction(blanks(inner))?;
        self.depth -= 1;
        match after(blanks(rest), closing) {
            Some(rest) => Ok((rest, filter)),
            None => Err(continuation_fault(rest, Some(closing.into()))),
        }
    }

    /// `[valFilter]`.
    fn value_filter(&mut self, opening: &'i str, inner: &'i str) -> Parsed<'i, Filter> {
        if self.in_value_path {
            return Err(Fault::new(ParseErrorKind::NestedValuePath, first_char(opening)));
        }
        self.in_value_path = true;
        let parsed = self.nested(opening, inner, b']')?;
        self.in_value_path = false;
        Ok(parsed)
    }

    /// `attrPath [valFilter]`, of which `path` was read.
    fn value_path(&mut self, path: AttrPath, opening: &'i str, inner: &'i str) -> Parsed<'i, Filter> {
        let (rest, filter) = self.value_filter(opening, inner)?;
        let Some(tail) = after(rest, b'.') else {
            return Ok((rest, Filter::path(path, filter)));
        };
        let (after_sub, found) = word(tail);
        if !self.dialect.allows(Quirk::ValuePathComparison) {
            let at = rest.get(..=found.len()).unwrap_or(rest);
            return Err(Fault::new(ParseErrorKind::SubAttributeAfterValuePath, at));
        }
        let sub = AttrPath::attribute(sub_attribute(found)?);
        if let Some(record) = &mut self.record {
            record.push(found);
        }
        let (rest, comparison) = self.comparison(sub, after_sub)?;
        Ok((rest, Filter::path(path, filter.and(comparison))))
    }

    /// `attrPath SP "pr"` or `attrPath SP compareOp SP compValue`, of which `path` was read.
    fn comparison(&mut self, path: AttrPath, input: &'i str) -> Parsed<'i, Filter> {
        let limit = self.limits.terms;
        if self.terms >= limit {
            return Err(Fault::new(
                ParseErrorKind::TooManyTerms { limit },
                first_char(input),
            ));
        }
        self.terms += 1;
        let Some(input_after) = blank(input) else {
            let kind = if matches!(input.chars().next(), None | Some(')' | ']')) {
                ParseErrorKind::MissingOperator
            } else {
                ParseErrorKind::MissingBlank
            };
            return Err(Fault::new(kind, nothing_at(input)));
        };
        let (rest, found) = word(input_after);
        match operator(found)? {
            Operator::Present => Ok((rest, Filter::Present(path))),
            Operator::Compare(op) => {
                let (rest, literal) = self.literal(rest)?;
                Ok((rest, Filter::Compare(path, op, literal)))
            }
        }
    }

    /// `SP compValue`.
    fn literal(&mut self, input: &'i str) -> Parsed<'i, Literal> {
        let Some(input) = blank(input) else {
            let kind = if matches!(input.chars().next(), None | Some(')' | ']')) {
                ParseErrorKind::MissingValue
            } else {
                ParseErrorKind::MissingBlank
            };
            return Err(Fault::new(kind, nothing_at(input)));
        };
        if input.as_bytes().first() == Some(&b'"') {
            let (rest, text) = string(input)?;
            return Ok((rest, Literal::String(text)));
        }
        if input.starts_with('\'') && self.dialect.allows(Quirk::SingleQuotes) {
            let (rest, text) = single_quoted(input)?;
            return Ok((rest, Literal::String(text)));
        }
        let (rest, found) = word(input);
        if self.dialect.allows(Quirk::UnquotedDates) && is_date(found) {
            return Ok((rest, Literal::String(found.into())));
        }
        Ok((rest, simple_value(found)?))
    }

    fn attr_path(&mut self, found: &'i str) -> Result<AttrPath, Fault<'i>> {
        if let Some(record) = &mut self.record {
            record.push(found);
        }
        attr_path(found)
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

fn first_char(input: &str) -> &str {
    let end = input.chars().next().map_or(0, char::len_utf8);
    input.get(..end).unwrap_or_default()
}

fn nothing_at(input: &str) -> &str {
    input.get(..0).unwrap_or_default()
}

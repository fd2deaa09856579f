//! The grammar of expressions.

use std::ops::Range;

use keyfob_core::{
    name::closest,
    render::{excerpt, first_char, nothing_at, span_of},
};

use smol_str::SmolStr;

use super::{
    Comparison, Expression, Word,
    error::{Fault, ParseError, ParseErrorKind},
    lexeme::{
        after, attribute, before, blanks, foreign_operator, name, number, operator, parameter, text,
        unescaped_name,
    },
};
use crate::{
    function::{ArityError, Function, foreign},
    options::{FunctionSet, Functions, Options},
};

/// One reading of one text: what may still be spent, and where it stands.
pub(crate) struct Reading<'i> {
    characters: usize,
    max_depth: usize,
    functions: Functions,
    /// The text that was not read yet.
    rest: &'i str,
    depth: usize,
    record: Option<Record<'i>>,
    /// If true, every name is that of a function, with any arguments.
    takes_any_function: bool,
}

/// A record of what the tree of an expression doesn't hold.
#[derive(Default)]
struct Record<'i> {
    /// Where expressions stand, in the order in which they begin.
    places: Vec<&'i str>,
    remarks: Vec<(Remark, &'i str)>,
}

/// An odd spelling in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// A backslash in text that escapes nothing.
    Backslash,
    /// Blanks between a bracket and the attribute's name.
    Blanks,
    /// A function's name in another case than the reference has it.
    Case(Function),
}

impl<'i> Reading<'i> {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            characters: options.limits.characters,
            max_depth: options.limits.depth,
            functions: options.functions.clone(),
            rest: "",
            depth: 0,
            record: None,
            takes_any_function: false,
        }
    }

    /// A reading that remembers where the expressions of a text stand that was read before, whatever functions there were.
    pub(crate) fn locating() -> Self {
        let mut reading = Self::recording(&Options::default());
        reading.characters = usize::MAX;
        reading.takes_any_function = true;
        reading
    }

    /// A reading that remembers where expressions stand.
    pub(crate) fn recording(options: &Options) -> Self {
        Self {
            record: Some(Record::default()),
            ..Self::new(options)
        }
    }

    /// Reads an expression.
    pub(crate) fn read(&mut self, text: &'i str) -> Result<Expression, ParseError> {
        self.expression(text)
            .map_err(|fault| ParseError::new(fault, text))
    }

    /// Where in `text` the `index`th expression stands.
    pub(crate) fn place(&self, text: &str, index: usize) -> Option<Range<usize>> {
        let place = self.record.as_ref()?.places.get(index)?;
        Some(span_of(text, place))
    }

    /// Returns what is odd about the spelling, and where in `text`.
    pub(crate) fn remarks(&self, text: &str) -> impl Iterator<Item = (Remark, Range<usize>)> {
        let remarks = self.record.iter().flat_map(|record| &record.remarks);
        remarks.map(move |(remark, at)| (*remark, span_of(text, at)))
    }

    /// An expression, up to the end of the text.
    fn expression(&mut self, input: &'i str) -> Result<Expression, Fault<'i>> {
        self.check_length(input)?;
        self.rest = blanks(input);
        let expression = self.comparison()?;
        if blanks(self.rest).is_empty() {
            Ok(expression)
        } else {
            Err(continuation_fault(self.rest, false))
        }
    }

    fn check_length(&self, input: &'i str) -> Result<(), Fault<'i>> {
        let limit = self.characters;
        if input.len() <= limit {
            return Ok(());
        }
        let mut length = 0;
        let beyond = input.char_indices().find(|(_, character)| {
            length += character.len_utf16();
            length > limit
        });
        match beyond {
            None => Ok(()),
            Some((index, _)) => Err(Fault::new(
                ParseErrorKind::TooLong { limit },
                input.get(index..).unwrap_or_default(),
            )),
        }
    }

    /// `operand [ operator operand ]`.
    fn comparison(&mut self) -> Result<Expression, Fault<'i>> {
        let index = self.record.as_ref().map(|record| record.places.len());
        let left = self.operand()?;
        let Some((rest, found)) = operator(blanks(self.rest)) else {
            return Ok(left);
        };
        if let (Some(record), Some(index)) = (&mut self.record, index) {
            record.places.insert(index, before(blanks(self.rest), rest));
        }
        self.rest = blanks(rest);
        let right = self.operand()?;
        let next = blanks(self.rest);
        if let Some((rest, _)) = operator(next) {
            return Err(Fault::new(ParseErrorKind::ChainedComparison, before(next, rest)));
        }
        Ok(Expression::Comparison(Box::new(Comparison {
            left,
            operator: found,
            right,
        })))
    }

    /// A call, an attribute, text, a number or a word. No blanks stand before it.
    fn operand(&mut self) -> Result<Expression, Fault<'i>> {
        let input = self.rest;
        match input.as_bytes().first() {
            Some(b'[') => self.attribute(),
            Some(b'"') => {
                let (rest, (text, backslash)) = text(input)?;
                if let (Some(record), Some(at)) = (&mut self.record, backslash) {
                    record.remarks.push((Remark::Backslash, at));
                }
                self.passed(rest);
                Ok(Expression::Text(text))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'&') if matches!(input.as_bytes().get(1), Some(b'h' | b'H')) => self.number(),
            Some(b'%') => match parameter(input) {
                Some((rest, name)) => {
                    self.passed(rest);
                    Ok(Expression::Parameter(name.into()))
                }
                None => Err(operand_fault(input)),
            },
            Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
                let (rest, name) = name(input);
                match after(blanks(rest), b'(') {
                    Some(list) => self.call(name, list),
                    None => self.word(rest, name),
                }
            }
            _ => Err(operand_fault(input)),
        }
    }

    /// Records that the text up to `rest` is one expression.
    fn passed(&mut self, rest: &'i str) {
        if let Some(record) = &mut self.record {
            record.places.push(before(self.rest, rest));
        }
        self.rest = rest;
    }

    fn attribute(&mut self) -> Result<Expression, Fault<'i>> {
        let (rest, inner) = attribute(self.rest)?;
        let name = inner.trim();
        if name.is_empty() {
            return Err(Fault::new(ParseErrorKind::MissingName, inner));
        }
        if let Some(record) = &mut self.record
            && name.len() != inner.len()
        {
            record.remarks.push((Remark::Blanks, inner));
        }
        self.passed(rest);
        Ok(Expression::Attribute(unescaped_name(name).into()))
    }

    fn number(&mut self) -> Result<Expression, Fault<'i>> {
        let (rest, number) = number(self.rest)?;
        self.passed(rest);
        Ok(Expression::Number(number))
    }

    fn word(&mut self, rest: &'i str, found: &'i str) -> Result<Expression, Fault<'i>> {
        let word = Word::ALL.into_iter().find(|word| word.as_str() == found);
        let Some(word) = word else {
            return Err(Fault::new(
                ParseErrorKind::UnknownWord {
                    found: excerpt(found),
                    suggestion: self.suggestion(found, &Word::ALL.map(Word::as_str)),
                },
                found,
            ));
        };
        self.passed(rest);
        Ok(Expression::Word(word))
    }

    /// A call of `name`, of whose arguments nothing was read yet.
    fn call(&mut self, name: &'i str, list: &'i str) -> Result<Expression, Fault<'i>> {
        let function = match self.functions.find(name) {
            _ if self.takes_any_function => Function::unknown(),
            Some(function) => function,
            None => return Err(self.unknown_function(name)),
        };
        if let Some(record) = &mut self.record
            && function.name() != name
        {
            record.remarks.push((Remark::Case(function), name));
        }
        if self.depth >= self.max_depth {
            let limit = self.max_depth;
            return Err(Fault::new(ParseErrorKind::TooDeep { limit }, name));
        }
        if let Some(record) = &mut self.record {
            record.places.push(name);
        }
        self.depth += 1;
        let arguments = self.arguments(list)?;
        self.depth -= 1;
        if self.takes_any_function {
            return Ok(Expression::Call { function, arguments });
        }
        let is_given = |index| matches!(arguments.get(index), Some(Some(_)));
        match function.check(arguments.len(), is_given) {
            Ok(()) => Ok(Expression::Call { function, arguments }),
            Err(error) => Err(self.arity_fault(error, name, list)),
        }
    }

    /// Arguments, up to and with the parenthesis that closes them.
    fn arguments(&mut self, list: &'i str) -> Result<Vec<Option<Expression>>, Fault<'i>> {
        let mut arguments = Vec::new();
        self.rest = blanks(list);
        if let Some(rest) = after(self.rest, b')') {
            self.rest = rest;
            return Ok(arguments);
        }
        loop {
            arguments.push(self.argument()?);
            let rest = blanks(self.rest);
            if let Some(rest) = after(rest, b')') {
                self.rest = rest;
                return Ok(arguments);
            }
            match after(rest, b',') {
                Some(rest) => self.rest = blanks(rest),
                None => return Err(continuation_fault(self.rest, true)),
            }
        }
    }

    /// An argument, which may be empty. No blanks stand before it.
    fn argument(&mut self) -> Result<Option<Expression>, Fault<'i>> {
        match self.rest.as_bytes().first() {
            Some(b',' | b')') | None => Ok(None),
            Some(_) => self.comparison().map(Some),
        }
    }

    /// Returns what a word of another language is called here, or else one of these words or a function that is spelled alike.
    fn suggestion(&self, found: &str, words: &[&'static str]) -> Option<SmolStr> {
        let is_known = foreign::hint(found).is_some();
        let functions = self.functions.all().map(Function::name);
        let known = words.iter().copied().chain(functions);
        foreign::function(found)
            .map(SmolStr::new_static)
            .or_else(|| closest(found, known).filter(|_| !is_known))
    }

    #[cold]
    fn unknown_function(&self, name: &'i str) -> Fault<'i> {
        let kind = ParseErrorKind::UnknownFunction {
            found: excerpt(name),
            suggestion: self.suggestion(name, &[]),
            is_of_cloud_sync: Function::in_any_case(name, FunctionSet::CloudSync).is_some(),
        };
        Fault::new(kind, name)
    }

    /// The fault of a call that was read: at an argument too many or empty, and at the name where some are missing.
    #[cold]
    fn arity_fault(&self, error: ArityError, name: &'i str, list: &'i str) -> Fault<'i> {
        let at = error
            .argument()
            .and_then(|index| self.argument_at(list, index))
            .unwrap_or(name);
        Fault::new(error.into(), at)
    }

    /// Where an argument of a list that was read stands.
    fn argument_at(&self, list: &'i str, index: usize) -> Option<&'i str> {
        let mut again = Self {
            characters: self.characters,
            max_depth: self.max_depth,
            functions: self.functions.clone(),
            takes_any_function: self.takes_any_function,
            depth: self.depth,
            rest: blanks(list),
            record: None,
        };
        for _ in 0..index {
            again.argument().ok()?;
            again.rest = blanks(after(blanks(again.rest), b',')?);
        }
        let start = again.rest;
        again.argument().ok()?;
        Some(before(start, again.rest))
    }
}

/// Why no operand starts here.
#[cold]
fn operand_fault(input: &str) -> Fault<'_> {
    let at = first_char(input);
    let kind = match input.chars().next() {
        None | Some(')' | ',') => {
            return Fault::new(ParseErrorKind::MissingExpression, nothing_at(input));
        }
        Some('\'' | '‘' | '’' | '“' | '”' | '„' | '«' | '»') => ParseErrorKind::Quotes,
        Some(_) => match foreign_operator(input) {
            Some(found) => {
                let kind = ParseErrorKind::ForeignOperator { found: found.into() };
                return Fault::new(kind, found);
            }
            None => ParseErrorKind::NoExpression { found: excerpt(at) },
        },
    };
    Fault::new(kind, at)
}

/// Why neither an argument nor the end follows an expression, before `rest`.
#[cold]
fn continuation_fault(rest: &str, is_in_call: bool) -> Fault<'_> {
    let next = blanks(rest);
    let at = first_char(next);
    if next.is_empty() {
        return Fault::new(ParseErrorKind::UnclosedCall, next);
    }
    if let Some(found) = foreign_operator(next) {
        return Fault::new(ParseErrorKind::ForeignOperator { found: found.into() }, found);
    }
    let kind = match next.chars().next() {
        Some(')') if !is_in_call => ParseErrorKind::Unopened,
        Some('"') if next.len() == rest.len() => ParseErrorKind::DoubledQuote,
        _ => {
            let (_, word) = name(next);
            let at = if word.is_empty() { at } else { word };
            return Fault::new(ParseErrorKind::Unexpected { found: excerpt(at) }, at);
        }
    };
    Fault::new(kind, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_in_which_expressions_begin() {
        let text = r#"IIF([a] = "x", Left([b], 1), True)"#;
        let mut reading = Reading::recording(&Options::default());
        reading.expression(text).unwrap();
        let places: Vec<_> = (0..8)
            .filter_map(|index| text.get(reading.place(text, index)?))
            .collect();
        assert_eq!(places, ["IIF", "=", "[a]", "\"x\"", "Left", "[b]", "1", "True"]);
    }
}

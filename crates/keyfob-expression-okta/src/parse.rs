//! From text to tree: operators by how strongly they bind, one lexeme ahead.
//!
//! Parentheses, arguments, prefixes and the values of a conditional expression are the only recursion, and each is
//! charged to the limit of depth before it is entered.

use std::ops::Range;

use keyfob_core::{
    name::{closest, synonym},
    render::excerpt,
};
use smol_str::SmolStr;

use super::{
    ParseOptions,
    error::{ParseError, ParseErrorKind},
    function::{Function, suggestion},
    lexeme::{Fault, Lexeme, Lexemes, Token},
    method::Method,
    node::{Comparison, Node, Sign},
};

/// Reads a whole expression.
pub(super) fn parse(text: &str, options: &ParseOptions) -> Result<Node, ParseError> {
    let fault = |(kind, span)| ParseError::new(kind, span);
    let limit = options.bytes;
    if text.len() > limit {
        return Err(fault((ParseErrorKind::TooLong { limit }, text.len()..text.len())));
    }
    let mut parser = Parser::new(text, options).map_err(fault)?;
    let node = parser.whole().map_err(fault)?;
    Ok(node)
}

struct Parser<'i> {
    text: &'i str,
    options: &'i ParseOptions,
    lexemes: Lexemes<'i>,
    next: Lexeme,
    depth: usize,
    terms: usize,
    /// The calls that no condition may hold, and where they stand.
    undecided: Vec<(Function, Range<usize>)>,
}

/// The strength with which an operator binds its operands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Compare,
    Sum,
    Prefix,
}

enum Operator {
    Or,
    And,
    Compare(Comparison),
    Matches,
    Sum(Sign),
}

impl Operator {
    fn binding(&self) -> Binding {
        match self {
            Self::Or => Binding::Or,
            Self::And => Binding::And,
            Self::Compare(_) | Self::Matches => Binding::Compare,
            Self::Sum(_) => Binding::Sum,
        }
    }
}

impl<'i> Parser<'i> {
    fn new(text: &'i str, options: &'i ParseOptions) -> Result<Self, Fault> {
        let mut lexemes = Lexemes::new(text);
        let next = lexemes.next()?;
        Ok(Self {
            text,
            options,
            lexemes,
            next,
            depth: 0,
            terms: 0,
            undecided: Vec::new(),
        })
    }

    fn whole(&mut self) -> Result<Node, Fault> {
        let node = self.expression()?;
        match self.next.token {
            Token::End => Ok(node),
            _ => Err(self.unexpected()),
        }
    }

    /// `condition ? value : otherwise`, `value ?: otherwise`, or what has no `?`.
    fn expression(&mut self) -> Result<Node, Fault> {
        let depth = self.deeper()?;
        let mut arms = Vec::new();
        let last = loop {
            let mark = self.undecided.len();
            let operand = self.operation(Binding::Or)?;
            if self.accept("?:")? {
                break Node::Elvis(Box::new(operand), Box::new(self.expression()?));
            }
            if !self.accept("?")? {
                break operand;
            }
            if let Some((function, span)) = self.undecided.get(mark)
                && !self.options.any_function_decides
            {
                let function = function.name();
                return Err((ParseErrorKind::InCondition { function }, span.clone()));
            }
            let value = self.expression()?;
            if !self.accept(":")? {
                return Err(match self.next.token {
                    Token::End | Token::Sign(")" | "}" | "]" | ",") => {
                        (ParseErrorKind::MissingOtherwise, self.here())
                    }
                    _ => self.unexpected(),
                });
            }
            arms.push((operand, value));
        };
        self.depth = depth;
        Ok(Node::choose(arms, last))
    }

    /// Operators that bind at least so strongly, and their operands.
    fn operation(&mut self, least: Binding) -> Result<Node, Fault> {
        let mut left = self.prefixed()?;
        let mut is_comparison = false;
        while let Some(operator) = self.operator() {
            let binding = operator.binding();
            if binding < least {
                break;
            }
            if binding == Binding::Compare && is_comparison {
                return Err((ParseErrorKind::ChainedComparison, self.next.span.clone()));
            }
            is_comparison = binding == Binding::Compare;
            self.advance()?;
            let right = self.operation(match binding {
                Binding::Or => Binding::And,
                Binding::And => Binding::Compare,
                Binding::Compare => Binding::Sum,
                Binding::Sum | Binding::Prefix => Binding::Prefix,
            })?;
            left = match operator {
                Operator::Or => Node::or(left, right),
                Operator::And => Node::and(left, right),
                Operator::Compare(comparison) => Node::Compare(comparison, Box::new(left), Box::new(right)),
                Operator::Matches => Node::Matches(Box::new(left), Box::new(right)),
                Operator::Sum(sign) => Node::sum(left, sign, right),
            };
        }
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        Some(match &self.next.token {
            Token::Sign("==") => Operator::Compare(Comparison::Equal),
            Token::Sign("!=") => Operator::Compare(Comparison::NotEqual),
            Token::Sign("<") => Operator::Compare(Comparison::Less),
            Token::Sign("<=") => Operator::Compare(Comparison::LessOrEqual),
            Token::Sign(">") => Operator::Compare(Comparison::Greater),
            Token::Sign(">=") => Operator::Compare(Comparison::GreaterOrEqual),
            Token::Sign("+") => Operator::Sum(Sign::Plus),
            Token::Sign("-") => Operator::Sum(Sign::Minus),
            Token::Sign("&&") => Operator::And,
            Token::Sign("||") => Operator::Or,
            Token::Name(name) if name.eq_ignore_ascii_case("and") => Operator::And,
            Token::Name(name) if name.eq_ignore_ascii_case("or") => Operator::Or,
            Token::Name(name) if name == "matches" => Operator::Matches,
            _ => return None,
        })
    }

    /// `!` or `-` before a value, or a value alone.
    fn prefixed(&mut self) -> Result<Node, Fault> {
        let wrap = match self.next.token {
            Token::Sign("!") => |operand| Node::Not(Box::new(operand)),
            Token::Sign("-") => Node::negative,
            _ => return self.postfixed(),
        };
        let depth = self.deeper()?;
        self.advance()?;
        let operand = self.prefixed()?;
        self.depth = depth;
        Ok(wrap(operand))
    }

    /// A value, and what is taken out of it: `.attribute` and `[position]`.
    fn postfixed(&mut self) -> Result<Node, Fault> {
        let depth = self.depth;
        let mut node = self.primary()?;
        loop {
            if self.accept(".")? {
                self.deeper()?;
                let span = self.next.span.clone();
                let name = self.name()?;
                node = if self.accept("(")? {
                    self.method(node, &name, span)?
                } else {
                    Node::Member(Box::new(node), name)
                };
            } else if self.accept("[")? {
                self.deeper()?;
                let position = self.expression()?;
                self.close("]")?;
                node = Node::Index(Box::new(node), Box::new(position));
            } else if self.accept(".![")? {
                self.deeper()?;
                let path = self.names()?;
                self.close("]")?;
                node = Node::Projection(Box::new(node), path);
            } else {
                self.depth = depth;
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Result<Node, Fault> {
        if self.accept("(")? {
            let node = self.expression()?;
            self.close(")")?;
            return Ok(node);
        }
        let limit = self.options.terms;
        if self.terms >= limit {
            return Err((ParseErrorKind::TooManyTerms { limit }, self.next.span.clone()));
        }
        self.terms += 1;
        let node = match &self.next.token {
            Token::Text(text) => Node::Text(text.clone()),
            Token::Integer(number) => Node::Integer(*number),
            Token::Decimal(number) => Node::Decimal(number.clone()),
            Token::Name(name) if name.eq_ignore_ascii_case("true") => Node::Bool(true),
            Token::Name(name) if name.eq_ignore_ascii_case("false") => Node::Bool(false),
            Token::Name(name) if name.eq_ignore_ascii_case("null") => Node::Null,
            Token::Name(_) if self.operator().is_some() => {
                return Err((ParseErrorKind::MissingValue, self.here()));
            }
            Token::Name(_) => return self.path(),
            Token::Sign("{") => {
                self.advance()?;
                return self.braces();
            }
            Token::Sign(_) | Token::End => return Err((ParseErrorKind::MissingValue, self.here())),
        };
        self.advance()?;
        Ok(node)
    }

    /// An attribute or a call.
    fn path(&mut self) -> Result<Node, Fault> {
        let start = self.next.span.start;
        let path = self.names()?;
        let written = self.text.get(start..self.next.span.start).unwrap_or_default();
        let span = start..start + written.trim_end().len();
        if !self.accept("(")? {
            return Ok(Node::Attribute(path));
        }
        let Some(function) = Function::named(&path) else {
            if let Some((of, name)) = path.rsplit_once('.')
                && Method::named(name).is_some()
            {
                let span = span.end - name.len()..span.end;
                return self.method(Node::Attribute(of.into()), name, span);
            }
            let kind = ParseErrorKind::UnknownFunction {
                found: excerpt(&path),
                suggestion: suggestion(&path),
            };
            return Err((kind, span));
        };
        if !function.decides() {
            self.undecided.push((function, span.clone()));
        }
        let arguments = self.sequence(")")?;
        if !function.takes(arguments.len()) {
            let kind = ParseErrorKind::Arity {
                function: function.name(),
                expected: function.arity(),
                found: arguments.len(),
            };
            return Err((kind, span));
        }
        Ok(Node::Call(function, arguments))
    }

    /// Returns what stands between the braces of a list or a map, and what closes them.
    fn braces(&mut self) -> Result<Node, Fault> {
        if self.accept("}")? {
            return Ok(Node::List(Vec::new()));
        }
        let first = self.expression()?;
        let (Node::Text(key) | Node::Attribute(key)) = &first else {
            return self.rest_of(vec![first], "}").map(Node::List);
        };
        if self.next.token != Token::Sign(":") {
            return self.rest_of(vec![first], "}").map(Node::List);
        }
        let mut key = key.clone();
        let mut members = Vec::new();
        loop {
            if !self.accept(":")? {
                return Err(self.unexpected());
            }
            members.push((key, self.expression()?));
            if !self.accept(",")? {
                self.close("}")?;
                return Ok(Node::Map(members));
            }
            key = match &self.next.token {
                Token::Text(key) | Token::Name(key) => key.clone(),
                _ => return Err((ParseErrorKind::MissingName, self.here())),
            };
            self.advance()?;
        }
    }

    /// Expressions with commas between them, and what closes them.
    fn sequence(&mut self, closing: &'static str) -> Result<Vec<Node>, Fault> {
        if self.accept(closing)? {
            return Ok(Vec::new());
        }
        let first = self.expression()?;
        self.rest_of(vec![first], closing)
    }

    /// The same, of which the first was read.
    fn rest_of(&mut self, mut nodes: Vec<Node>, closing: &'static str) -> Result<Vec<Node>, Fault> {
        while self.accept(",")? {
            nodes.push(self.expression()?);
        }
        self.close(closing)?;
        Ok(nodes)
    }

    /// Names with dots between them.
    fn names(&mut self) -> Result<SmolStr, Fault> {
        let first = self.name()?;
        if self.next.token != Token::Sign(".") {
            return Ok(first);
        }
        let mut path = String::from(first);
        while self.accept(".")? {
            path.push('.');
            path.push_str(&self.name()?);
        }
        Ok(path.into())
    }

    fn name(&mut self) -> Result<SmolStr, Fault> {
        let Token::Name(name) = &self.next.token else {
            return Err((ParseErrorKind::MissingName, self.here()));
        };
        let name = name.clone();
        self.advance()?;
        Ok(name)
    }

    fn close(&mut self, closing: &'static str) -> Result<(), Fault> {
        if self.accept(closing)? {
            return Ok(());
        }
        Err(match self.next.token {
            Token::End | Token::Sign(")" | "}" | "]" | ":") => {
                (ParseErrorKind::Unclosed { closing }, self.here())
            }
            _ => self.unexpected(),
        })
    }

    fn accept(&mut self, sign: &'static str) -> Result<bool, Fault> {
        let is_there = self.next.token == Token::Sign(sign);
        if is_there {
            self.advance()?;
        }
        Ok(is_there)
    }

    fn advance(&mut self) -> Result<(), Fault> {
        self.next = self.lexemes.next()?;
        Ok(())
    }

    /// Charges a level of depth, and gives what to go back to.
    fn deeper(&mut self) -> Result<usize, Fault> {
        let depth = self.depth;
        let limit = self.options.depth;
        if depth >= limit {
            return Err((ParseErrorKind::TooDeep { limit }, self.next.span.clone()));
        }
        self.depth += 1;
        Ok(depth)
    }

    /// Where something is missing.
    fn here(&self) -> Range<usize> {
        self.next.span.start..self.next.span.start
    }

    fn unexpected(&self) -> Fault {
        let span = self.next.span.clone();
        let found = self.text.get(span.clone()).unwrap_or_default();
        let kind = ParseErrorKind::Unexpected {
            found: excerpt(found),
            suggestion: operator_suggestion(&self.next.token),
        };
        (kind, span)
    }

    /// A call of a method of a value, of whose arguments nothing was read yet.
    fn method(&mut self, of: Node, name: &str, span: Range<usize>) -> Result<Node, Fault> {
        let Some(method) = Method::named(name) else {
            let kind = ParseErrorKind::UnknownMethod {
                found: excerpt(name),
                suggestion: closest(name, Method::names()),
            };
            return Err((kind, span));
        };
        let arguments = self.sequence(")")?;
        if !method.takes(arguments.len()) {
            let kind = ParseErrorKind::Arity {
                function: method.name(),
                expected: method.arity(),
                found: arguments.len(),
            };
            return Err((kind, span));
        }
        Ok(Node::Method(Box::new(of), method, arguments))
    }
}

/// Returns what an operator that Spring spells as a word is in this language.
fn operator_suggestion(token: &Token) -> Option<SmolStr> {
    /// The operators of Spring and other languages, and their names here.
    const SYNONYMS: [(&str, &str); 8] = [
        ("eq", "=="),
        ("ne", "!="),
        ("lt", "<"),
        ("le", "<="),
        ("gt", ">"),
        ("ge", ">="),
        ("is", "=="),
        ("equals", "=="),
    ];
    let Token::Name(name) = token else {
        return None;
    };
    synonym(name, &SYNONYMS).or_else(|| closest(name, ["AND", "OR", "matches"]))
}

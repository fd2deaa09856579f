//! The lints of expressions.

use keyfob_core::render::excerpt;
use smol_str::{SmolStr, format_smolstr};

use super::Lint;
use crate::{
    expression::{Comparison, Expression, Word},
    function::{Function, Kind, Role},
};

/// The remarks on an expression.
#[derive(Default)]
pub(super) struct Findings {
    /// By which expression, counted as they begin.
    lints: Vec<(usize, Lint)>,
    /// The number of expressions that began.
    begun: usize,
}

/// Functions that tell whether a value is there.
const PRESENCE: [&str; 4] = ["IsPresent", "IsNull", "IsNullOrEmpty", "IsNothing"];

/// Attributes that refer to other objects.
const REFERENCES: [&str; 2] = ["manager", "members"];

impl Findings {
    pub(super) fn into_lints(self) -> impl Iterator<Item = (usize, Lint)> {
        self.lints.into_iter()
    }

    fn add(&mut self, index: usize, id: &'static str, sentence: impl Into<SmolStr>, fix: impl Into<SmolStr>) {
        self.lints.push((index, Lint::new(id, sentence, fix)));
    }

    /// Looks at an expression and those within it.
    pub(super) fn look_at(&mut self, expression: &Expression, is_whole: bool) {
        let index = self.begun;
        self.begun += 1;
        match expression {
            Expression::Word(word @ (Word::True | Word::False | Word::Null)) => self.add(
                index,
                "W-WORD",
                format_smolstr!(
                    "the bare word `{word}` is of Entra Connect; app provisioning doesn't document it"
                ),
                if *word == Word::Null {
                    "leave the argument empty, or leave the attribute out".into()
                } else {
                    format_smolstr!("write \"{word}\" in quotes")
                },
            ),
            Expression::Call { function, arguments } => {
                let arguments: Vec<_> = arguments.iter().map(Option::as_ref).collect();
                self.look_at_call(index, *function, &arguments, is_whole);
            }
            _ => {}
        }
        for part in expression.parts() {
            self.look_at(part, false);
        }
    }

    fn look_at_call(
        &mut self,
        index: usize,
        function: Function,
        arguments: &[Option<&Expression>],
        is_whole: bool,
    ) {
        if function.definition().role() == Role::IgnoreIfEmpty && !is_whole {
            self.add(
                index,
                "W-IGNORE-NESTED",
                format_smolstr!("`{function}` leaves an attribute out of the flow only as the whole expression; here it gives null"),
                format_smolstr!("put `{function}(…)` around the whole expression"),
            );
        }
        match function.name() {
            "Switch" => self.look_at_switch(index, arguments),
            "IIF" => self.look_at_condition(index, arguments),
            "Coalesce" => self.look_at_coalesce(index, arguments),
            "Mid" => self.look_at_mid(index, arguments),
            "Join" => self.look_at_join(index, arguments),
            "FormatDateTime" => self.look_at_format(index, arguments),
            "DateAdd" => self.look_at_dates(index, arguments, 2),
            "DateDiff" => self.look_at_dates(index, arguments, 1),
            "Replace" => self.look_at_replace(index, arguments),
            "Redact" if !is_whole => self.add(
                index,
                "W-REDACT-NESTED",
                "the mark of `Redact` is lost in other functions, and logs show their value",
                "put `Redact(…)` around the whole expression",
            ),
            "SingleAppRoleAssignment" => self.add(
                index,
                "W-ROLES",
                "with several roles assigned there is no saying which one `SingleAppRoleAssignment` gives",
                "assign one role to each user, or use `AppRoleAssignmentsComplex`",
            ),
            _ => {}
        }
    }

    fn look_at_switch(&mut self, index: usize, arguments: &[Option<&Expression>]) {
        let source = arguments.first().copied().flatten();
        let keys: Vec<_> = arguments.iter().skip(2).step_by(2).flatten().collect();
        match source {
            Some(Expression::Call { function, .. }) if PRESENCE.contains(&function.name()) => {
                if keys.iter().any(|key| is_call_of(key, &PRESENCE)) {
                    self.add(
                        index,
                        "W-SWITCH-VBA",
                        "this is the `Switch` of Entra Connect, of conditions and values; here the first argument is compared with the keys",
                        "write nested `IIF`s, or `Coalesce([first], [second])` for the first attribute with a value",
                    );
                } else {
                    self.add(
                        index,
                        "W-SWITCH-ISPRESENT",
                        format_smolstr!("Microsoft warns of `{function}` as the source of `Switch`"),
                        "write `Switch([attribute], [attribute], \"\", \"…\")`, whose key \"\" is for null, too",
                    );
                }
            }
            Some(Expression::Attribute(name)) if REFERENCES.contains(&name.as_str()) => self.add(
                index,
                "W-SWITCH-REFERENCE",
                format_smolstr!("`{name}` refers to other objects, which `Switch` can't compare"),
                "map the reference directly",
            ),
            _ => {}
        }
        self.look_at_delta(index, source, arguments, &keys);
        let mut seen: Vec<&SmolStr> = Vec::new();
        for key in keys {
            let Expression::Text(key) = key else {
                continue;
            };
            if seen.contains(&key) {
                self.add(
                    index,
                    "W-SWITCH-TWICE",
                    format_smolstr!("the key \"{key}\" stands there twice, and only the first counts"),
                    "leave one of them out",
                );
            }
            if matches!(key.as_str(), "true" | "false") && source.is_some_and(gives_boolean) {
                self.add(
                    index,
                    "W-SWITCH-CASE",
                    format_smolstr!("booleans are \"True\" and \"False\", and keys are compared with their case: \"{key}\" never fits"),
                    "begin the key with a capital",
                );
            }
            seen.push(key);
        }
    }

    /// Returns what an incremental cycle makes of a `Switch` that gives a value for null: a source that has not changed is null
    /// in it. What tests for null alone, with the key "", is the reference's own recipe.
    fn look_at_delta(
        &mut self,
        index: usize,
        source: Option<&Expression>,
        arguments: &[Option<&Expression>],
        keys: &[&&Expression],
    ) {
        let is_computed = matches!(source, Some(Expression::Attribute(name)) if name == "IsSoftDeleted");
        let default = arguments.get(1).copied().flatten();
        let gives_value = default.is_some_and(|default| !is_empty_text(default));
        let tests_null = keys.iter().all(|key| is_empty_text(key));
        if gives_value && !tests_null && !is_computed && source.is_some_and(reads) {
            self.add(
                index,
                "W-SWITCH-DELTA",
                "where the source of `Switch` has not changed, an incremental cycle evaluates it as null, and the default flows",
                "write a comparison for each key, as in `IIF([attribute] = \"key\", \"value\", …)`, where the target must keep its value",
            );
        }
    }

    fn look_at_coalesce(&mut self, index: usize, arguments: &[Option<&Expression>]) {
        let Some((_, sources)) = arguments.split_last() else {
            return;
        };
        if let Some(source) = sources.iter().flatten().find(|source| may_be_empty_text(source)) {
            self.add(
                index,
                "W-COALESCE-EMPTY",
                format_smolstr!(
                    "`{}` can give the empty text, which is a value to `Coalesce`",
                    excerpt(&source.to_string())
                ),
                "write `IIF(IsNullOrEmpty(…), …, …)` where the empty text is to be passed over",
            );
        }
    }

    fn look_at_condition(&mut self, index: usize, arguments: &[Option<&Expression>]) {
        let Some(attribute) = arguments.first().copied().flatten().and_then(asks_for_presence) else {
            return;
        };
        let otherwise = arguments.iter().flatten().find_map(|argument| match argument {
            Expression::Text(text) if !text.is_empty() => Some(argument.to_string()),
            _ => None,
        });
        let fix = match otherwise {
            Some(otherwise) => format_smolstr!(
                "`Coalesce([{attribute}], {otherwise})` says it without a condition where the attribute is null"
            ),
            None => "try it with the expression builder of the tenant before relying on it".into(),
        };
        self.add(
            index,
            "W-IIF-NULL",
            format_smolstr!(
                "the function reference calls a condition on [{attribute}] unsupported where it is null or empty; Microsoft's default mappings use such conditions, and they are evaluated as written"
            ),
            fix,
        );
    }

    fn look_at_mid(&mut self, index: usize, arguments: &[Option<&Expression>]) {
        let number = |place: usize| arguments.get(place).copied().flatten().and_then(integer);
        if number(1).is_some_and(|start| start < 1) || number(2).is_some_and(|length| length < 0) {
            self.add(
                index,
                "W-MID",
                "`Mid` gives its source unchanged for a start below 1 and for a negative length",
                "count from 1",
            );
        } else if let Some(start) = number(1).filter(|start| *start > 1) {
            let before = start - 1;
            self.add(
                index,
                "W-MID-END",
                format_smolstr!(
                    "a text of up to {before} characters ends before the start, and gives the empty text; Microsoft says so of no example, and of Entra Connect that the whole text comes back"
                ),
                "try a short text with the expression builder of the tenant",
            );
        }
    }

    fn look_at_join(&mut self, index: usize, arguments: &[Option<&Expression>]) {
        let is_separator = |argument: &Expression| matches!(argument, Expression::Text(text) if text.len() <= 3 && !text.contains(char::is_alphanumeric));
        let first = arguments.first().copied().flatten();
        let last = arguments.last().copied().flatten();
        if first.is_some_and(reads) && last.is_some_and(is_separator) {
            self.add(
                index,
                "W-JOIN-ORDER",
                "the separator is the first argument of `Join`; in Entra Connect it is the last",
                "put the separator first",
            );
        }
    }

    fn look_at_format(&mut self, index: usize, arguments: &[Option<&Expression>]) {
        if arguments.len() == 3 {
            self.add(
                index,
                "W-FORMAT-ARGUMENTS",
                "`FormatDateTime` with three arguments is the form of cloud sync",
                "leave the second of four arguments empty: `FormatDateTime([date], , \"…\", \"…\")`",
            );
        }
        if let Some(source) = arguments.first().copied().flatten()
            && is_date(source)
        {
            self.add(
                index,
                "W-FORMAT-UNUSED",
                format_smolstr!(
                    "`{}` is a date already, so that the input format is not used",
                    excerpt(&source.to_string())
                ),
                "nothing has to change; the input format has to be there",
            );
        }
        for format in arguments.iter().rev().take(2).flatten() {
            let Expression::Text(format) = format else {
                continue;
            };
            if let Some((letters, meant)) = foreign_letters(format) {
                self.add(
                    index,
                    "W-FORMAT-LETTERS",
                    format_smolstr!(
                        "in \"{format}\" `{letters}` is no field of a date but stands for itself"
                    ),
                    meant.map_or_else(
                        || format_smolstr!("write '{letters}' in single quotes if it is meant so"),
                        |meant| format_smolstr!("write `{meant}`"),
                    ),
                );
            }
            if format.contains("yyyy")
                && format.contains("mm")
                && !format.contains("MM")
                && !format.contains(['h', 'H'])
            {
                self.add(
                    index,
                    "W-FORMAT-MINUTES",
                    format_smolstr!("in \"{format}\" `mm` means minutes"),
                    "write `MM` for months",
                );
            }
        }
    }

    fn look_at_dates(&mut self, index: usize, arguments: &[Option<&Expression>], first: usize) {
        let dates = arguments.iter().skip(first).flatten();
        let is_text = |date: &&Expression| match date {
            Expression::Text(_) | Expression::Attribute(_) => true,
            Expression::Call { function, .. } => function.definition().returns() == Kind::Text,
            _ => false,
        };
        if let Some(date) = dates.copied().find(is_text) {
            self.add(
                index,
                "W-DATE-TEXT",
                "a date that is text is documented to work only within `CDate`",
                format_smolstr!("write `CDate({date})`"),
            );
        }
    }

    fn look_at_replace(&mut self, index: usize, arguments: &[Option<&Expression>]) {
        if let Some(Some(Expression::Text(name))) = arguments.get(5) {
            self.add(
                index,
                "W-REPLACE-ATTRIBUTE",
                format_smolstr!("the text \"{name}\" is taken as the name of an attribute"),
                format_smolstr!("write `[{name}]`"),
            );
        }
    }
}

fn is_call_of(expression: &Expression, names: &[&str]) -> bool {
    matches!(expression, Expression::Call { function, .. } if names.contains(&function.name()))
}

/// Returns true if an attribute stands in the expression.
fn reads(expression: &Expression) -> bool {
    matches!(expression, Expression::Attribute(_)) || expression.parts().any(reads)
}

/// Returns true if every value of the expression is a boolean.
fn gives_boolean(expression: &Expression) -> bool {
    match expression {
        Expression::Attribute(name) => matches!(name.as_str(), "IsSoftDeleted" | "accountEnabled"),
        Expression::Call { function, .. } => function.definition().returns() == Kind::Boolean,
        Expression::Comparison(_) => true,
        _ => false,
    }
}

/// The attribute of which a condition asks whether it has a value.
fn asks_for_presence(condition: &Expression) -> Option<&SmolStr> {
    match condition {
        Expression::Call { function, arguments } => {
            let argument = arguments.first()?.as_ref()?;
            match argument {
                Expression::Attribute(name) if PRESENCE.contains(&function.name()) => Some(name),
                inner if function.name() == "Not" => asks_for_presence(inner),
                _ => None,
            }
        }
        Expression::Comparison(comparison) => {
            let Comparison { left, right, .. } = &**comparison;
            match (left, right) {
                (Expression::Attribute(name), other) | (other, Expression::Attribute(name)) => match other {
                    Expression::Text(text) if text.is_empty() => Some(name),
                    Expression::Word(Word::Null) => Some(name),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_empty_text(expression: &Expression) -> bool {
    matches!(expression, Expression::Text(text) if text.is_empty())
}

/// Returns true if the expression gives the empty text for some source though no attribute of it is empty.
fn may_be_empty_text(expression: &Expression) -> bool {
    const EMPTY: [&str; 4] = ["Join", "Left", "Mid", "Word"];
    match expression {
        Expression::Call { function, arguments } => match function.name() {
            "IIF" => arguments.iter().skip(1).flatten().any(is_empty_text),
            "Switch" => arguments.iter().skip(1).step_by(2).flatten().any(is_empty_text),
            name => EMPTY.contains(&name),
        },
        other => is_empty_text(other),
    }
}

/// Returns true if every value of the expression is a date.
fn is_date(expression: &Expression) -> bool {
    matches!(expression, Expression::Call { function, .. } if function.definition().returns() == Kind::Date)
}

/// Letters of a format that are no field in .NET, and the field that other languages mean by them.
fn foreign_letters(format: &str) -> Option<(String, Option<&'static str>)> {
    /// The letters that stand in Java, Excel and SQL for a year, a day, a fraction of a second, and the half of the day.
    const MEANT: [(char, &str); 5] = [('Y', "yyyy"), ('D', "dd"), ('S', "fff"), ('a', "tt"), ('A', "tt")];
    const FIELDS: &str = "dfFgGhHKmMstyzTZ";
    // A letter alone is a standard format, `GMT` a zone.
    if format.chars().nth(1).is_none() || format.contains("GMT") {
        return None;
    }
    let mut quote = None;
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (None, '\\') => drop(characters.next()),
            (Some(open), _) if open == character => quote = None,
            (None, letter) if letter.is_ascii_alphabetic() && !FIELDS.contains(letter) => {
                let mut letters = String::from(letter);
                while let Some(next) = characters.next_if_eq(&letter) {
                    letters.push(next);
                }
                let meant = MEANT.iter().find(|(foreign, _)| *foreign == letter);
                return Some((letters, meant.map(|(_, meant)| *meant)));
            }
            _ => {}
        }
    }
    None
}

/// The integer that a constant is.
fn integer(expression: &Expression) -> Option<i64> {
    match expression {
        Expression::Number(number) => number.to_i64(),
        Expression::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

//! Forms: their fields out of the parameters of an operation, and what is sent with them.

use keyfob_admin::{Argument, Kind, Operation, Parameter};
use keyfob_core::{Object, Value};
use maud::{Markup, html};

use crate::text::Language;

/// The values that were sent with a form, or stand in a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Vec<(String, String)>);

impl Sent {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Returns what an operation is given: fields that are left empty are not given, but where a value is taken away by that.
    pub(crate) fn input(&self, operation: &Operation, org: &str) -> Object {
        let mut input = Object::new();
        for parameter in operation.parameters {
            if parameter.argument == Argument::Organization {
                input.insert(parameter.name, org);
                continue;
            }
            let Some(text) = self.get(parameter.name) else {
                continue;
            };
            if parameter.kind == Kind::Texts {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                let values: Vec<Value> = lines.map(Value::from).collect();
                if !values.is_empty() || parameter.is_required {
                    input.insert(parameter.name, values);
                }
            } else if !text.trim().is_empty() {
                input.insert(parameter.name, text.trim());
            }
        }
        input
    }

    /// Returns the fields for an operation, hidden, to be sent again.
    pub(crate) fn hidden(&self, operation: &Operation) -> Markup {
        let names = operation.parameters.iter().map(|parameter| parameter.name);
        let sent = names.filter_map(|name| Some((name, self.get(name)?)));
        html! {
            @for (name, value) in sent {
                input type="hidden" name=(name) value=(value);
            }
        }
    }
}

/// Returns the field of a parameter.
pub(crate) fn field(language: Language, operation: &Operation, parameter: &Parameter, value: &str) -> Markup {
    let id = format!("{}-{}", operation.name, parameter.name);
    let label = language.text(parameter.name);
    let required = parameter.is_required;
    html! {
        label for=(id) {
            (label)
            @if required { " (" (language.text("required")) ")" }
            @if parameter.kind == Kind::Texts { " (" (language.text("one-a-line")) ")" }
        }
        @match parameter.kind {
            Kind::Texts => textarea id=(id) name=(parameter.name) rows="3" required[required] { (value) },
            Kind::Flag => (choice(&id, parameter.name, value, &[
                ("", language.text("unchanged")),
                ("true", language.text("yes")),
                ("false", language.text("no")),
            ])),
            Kind::Choice(words) => {
                @let own = |id: &str| Some(language.text(id)).filter(|text| !text.is_empty());
                @let named = |word: &'static str| own(&format!("word.{word}")).or_else(|| own(word));
                @let rest = words.iter().map(|word| (*word, named(word).unwrap_or(*word)));
                @let options: Vec<_> = std::iter::once(("", language.text("unchanged"))).chain(rest).collect();
                (choice(&id, parameter.name, value, &options))
            }
            Kind::Text | Kind::Number | Kind::Instant | Kind::Duration => {
                input id=(id) name=(parameter.name) value=(value) required[required] autocomplete="off";
            }
        }
    }
}

fn choice(id: &str, name: &str, value: &str, options: &[(&str, &str)]) -> Markup {
    html! {
        select id=(id) name=(name) {
            @for (word, label) in options {
                option value=(word) selected[*word == value] { (label) }
            }
        }
    }
}

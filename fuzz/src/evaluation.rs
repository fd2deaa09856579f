//! Evaluation: equal to the oracle's, of any filter that a resource type allows and any resource of it.

use keyfob_core::{
    Attribute, Dialect, Registry, Resource, ResourceType, SchemaUri,
    schema::{AttributeType, Returned},
};
use keyfob_filter::Filter;
use keyfob_testgen::filter_matches;
use serde_json::{Map, Value, json};

/// How deep parentheses nest.
const LEVELS: usize = 4;

/// Few texts, so that comparisons hold now and then.
const TEXTS: [&str; 12] = [
    "",
    "a",
    "A",
    "ab",
    "aab",
    "AAAB",
    "bA",
    "Σ",
    "ς",
    "ΑΣ",
    "b c",
    "a\"\\\u{1f600}",
];
const DATES: [&str; 5] = [
    "2011-05-13T04:42:34Z",
    "2011-05-13T06:42:34+02:00",
    "2011-05-13T04:42:34.5Z",
    "2012-01-01T00:00:00",
    "2010-12-31T23:30:00-01:00",
];

/// The bytes choose a resource type, a filter of it and some of its resources.
pub fn filter_vs_oracle(bytes: &[u8]) {
    let mut choices = Choices(bytes.iter());
    let kinds = Registry::verkada().resource_types();
    let kind = &kinds[choices.below(kinds.len())];
    let text = filter(&mut choices, kind, LEVELS);
    let filter = Filter::parse(&text).unwrap_or_else(|error| panic!("{}", error.display_with(&text)));
    let predicate = filter
        .compile(kind, Dialect::strict())
        .unwrap_or_else(|error| panic!("{}", error.display_with(&text)));
    for _ in 0..4 {
        let body = body(&mut choices, kind);
        let resource = Resource::from_json(body.to_string().as_bytes(), kind)
            .unwrap_or_else(|error| panic!("{error}: {body}"));
        assert_eq!(
            predicate.matches(&resource),
            filter_matches(&filter, &body, kind),
            "{text} of {body}"
        );
    }
}

/// What the bytes choose; the first of everything when there are no more.
struct Choices<'b>(std::slice::Iter<'b, u8>);

impl Choices<'_> {
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or_default()) % end
    }

    fn of<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())]
    }

    fn spelling(&mut self, name: &str) -> String {
        match self.below(8) {
            0 => name.to_ascii_uppercase(),
            1 => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        }
    }
}

/// Combines terms.
fn combined(choices: &mut Choices<'_>, levels: usize, term: &dyn Fn(&mut Choices<'_>) -> String) -> String {
    let form = if levels == 0 { 0 } else { choices.below(8) };
    let operand = |choices: &mut Choices<'_>| combined(choices, levels - 1, term);
    match form {
        1 => format!("not ({})", operand(choices)),
        2 => format!("({})", operand(choices)),
        3 | 4 => format!("{} and {}", operand(choices), operand(choices)),
        5 | 6 => format!("{} OR {}", operand(choices), operand(choices)),
        _ => term(choices),
    }
}

fn filter(choices: &mut Choices<'_>, kind: &ResourceType, levels: usize) -> String {
    combined(choices, levels, &|choices| {
        let attributes: Vec<(Option<&SchemaUri>, &Attribute)> = kind
            .attributes()
            .filter(|(_, attribute)| is_readable(attribute))
            .collect();
        let (extension, attribute) = choices.of(&attributes);
        let name = choices.spelling(attribute.name.as_str());
        let path = match extension {
            Some(uri) => match choices.below(8) {
                0 => return format!("{uri} pr"),
                _ => format!("{}:{name}", choices.spelling(uri.as_str())),
            },
            None if choices.below(8) == 0 => format!("{}:{name}", kind.schema().id),
            None => name,
        };
        let subs = readable_subs(attribute);
        if subs.is_empty() {
            if attribute.multi_valued && choices.below(2) == 1 {
                let inner = combined(choices, LEVELS, &|choices| {
                    comparison(choices, "value", attribute)
                });
                return format!("{path}[{inner}]");
            }
            return comparison(choices, &path, attribute);
        }
        match choices.below(4) {
            0 | 1 => {
                let inner = combined(choices, LEVELS, &|choices| {
                    let sub = choices.of(&subs);
                    let name = choices.spelling(sub.name.as_str());
                    comparison(choices, &name, sub)
                });
                format!("{path}[{inner}]")
            }
            2 => {
                let sub = choices.of(&subs);
                let name = choices.spelling(sub.name.as_str());
                comparison(choices, &format!("{path}.{name}"), sub)
            }
            _ => match subs.iter().find(|sub| sub.name.is("value")) {
                Some(value) => comparison(choices, &path, value),
                None => format!("{path} pr"),
            },
        }
    })
}

/// A comparison of the path with what values of the attribute compare with.
fn comparison(choices: &mut Choices<'_>, path: &str, attribute: &Attribute) -> String {
    const ORDER: [&str; 6] = ["eq", "ne", "gt", "ge", "lt", "le"];
    const ANY: [&str; 9] = ["eq", "ne", "gt", "ge", "lt", "le", "co", "sw", "ew"];
    match choices.below(8) {
        0 => return format!("{path} pr"),
        1 => return format!("{path} {} null", choices.of(&["eq", "ne"])),
        _ => {}
    }
    let operators: &[&str] = match attribute.kind {
        AttributeType::Boolean | AttributeType::Binary => &["eq", "ne"],
        AttributeType::DateTime => &ORDER,
        _ => &ANY,
    };
    let operator = choices.of(operators);
    format!("{path} {operator} {}", single(choices, attribute))
}

/// A resource, as JSON.
fn body(choices: &mut Choices<'_>, kind: &ResourceType) -> Value {
    let mut body = Map::new();
    for (extension, attribute) in kind.attributes() {
        let is_relation = extension.is_none() && kind.relation(attribute.name.as_str()).is_some();
        let value = match choices.below(4) {
            0 => continue,
            _ if is_relation => members(choices, attribute),
            _ if attribute.multi_valued => {
                let length = choices.below(4);
                (0..length).map(|_| element(choices, attribute)).collect()
            }
            1 if attribute.name.as_str() != "schemas" => Value::Null,
            _ => element(choices, attribute),
        };
        let object = match extension {
            None => &mut body,
            Some(uri) => {
                let object = body.entry(uri.as_str()).or_insert_with(|| json!({}));
                object.as_object_mut().unwrap()
            }
        };
        object.insert(attribute.name.as_str().to_owned(), value);
    }
    Value::Object(body)
}

/// The members of a relation, each with another id.
fn members(choices: &mut Choices<'_>, attribute: &Attribute) -> Value {
    let mut members = Vec::new();
    for id in TEXTS.into_iter().skip(1) {
        if choices.below(4) == 1 {
            let mut member = element(choices, attribute);
            member["value"] = id.into();
            members.push(member);
        }
    }
    Value::Array(members)
}

fn element(choices: &mut Choices<'_>, attribute: &Attribute) -> Value {
    if !attribute.is_complex() {
        return single(choices, attribute);
    }
    let mut object = Map::new();
    for sub in &attribute.sub_attributes {
        match choices.below(4) {
            0 => {}
            1 => drop(object.insert(sub.name.to_string(), Value::Null)),
            _ => drop(object.insert(sub.name.to_string(), single(choices, sub))),
        }
    }
    Value::Object(object)
}

fn single(choices: &mut Choices<'_>, attribute: &Attribute) -> Value {
    match attribute.kind {
        AttributeType::Boolean => (choices.below(2) == 1).into(),
        AttributeType::DateTime => choices.of(&DATES).into(),
        AttributeType::Binary => choices.of(&["", "YQ==", "yq==", "YWE="]).into(),
        _ => choices.of(&TEXTS).into(),
    }
}

fn is_readable(attribute: &Attribute) -> bool {
    attribute.returned != Returned::Never
}

fn readable_subs(attribute: &Attribute) -> Vec<&Attribute> {
    attribute
        .sub_attributes
        .iter()
        .filter(|sub| is_readable(sub))
        .collect()
}

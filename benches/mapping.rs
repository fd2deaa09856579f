//! What do reading, checking and evaluating mapping expressions cost, beside the same done by hand?

use std::{error::Error, hint::black_box};

use criterion::Criterion;
use keyfob_benches::{compare, criterion};
use keyfob_core::SmolStr;
use keyfob_expression::{Environment, Expression, Options, Outcome, Program, SeededEntropy, Source, Value};

const SWITCH: &str = r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#;
const JOIN: &str = r#"Join(" ", [givenName], [surname])"#;
const PATHS: &str = r#"Join(" ", [name.givenName], [name.familyName])"#;
const REPLACE: &str = r#"Replace([mobile], , "[()\\s-]+", , "", , )"#;
const NESTED: &str = r#"ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".", [givenName], [surname]))), "contoso.com"))"#;

const SOURCE: &[u8] = br#"{
    "IsSoftDeleted": false, "userPrincipalName": "babs@contoso.com", "displayName": "Barbara Jensen",
    "givenName": "Barbara", "surname": "Jensen", "mail": "babs@contoso.com", "mailNickname": "babs",
    "jobTitle": "Tour Guide", "department": "Tours", "country": "US", "city": "Hollywood", "state": "CA",
    "streetAddress": "100 Universal City Plaza", "postalCode": "91608", "mobile": "+1 (999) 888-7777",
    "telephoneNumber": "+1 555 555 8377", "preferredLanguage": "en-US", "employeeId": "701984", "objectId": "b45b"
}"#;

const NESTED_SOURCE: &[u8] = br#"{
    "userName": "babs@contoso.com", "name": {"formatted": "Barbara Jensen", "givenName": "Barbara", "familyName": "Jensen"}
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = criterion();
    let expressions = [
        ("Switch of 59 characters", SWITCH),
        ("Join", JOIN),
        ("Replace", REPLACE),
        ("five calls", NESTED),
    ];
    for (name, text) in expressions {
        compare(
            &mut criterion,
            &format!("parse {name}"),
            || Expression::parse(black_box(text)),
            || floor_of_reading(black_box(text)),
        );
    }
    let options = Options::default();
    for (name, text) in expressions {
        let expression = Expression::parse(text)?;
        compare(
            &mut criterion,
            &format!("check {name}, beside a copy of the tree"),
            || Program::compile(black_box(&expression), &options),
            || black_box(&expression).clone(),
        );
    }
    evaluate_all(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Tells the characters of an expression apart and makes nothing of them.
fn floor_of_reading(text: &str) -> (usize, usize, usize) {
    let (mut is_text, mut calls, mut attributes, mut commas) = (false, 0, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'"' => is_text = !is_text,
            b'(' if !is_text => calls += 1,
            b'[' if !is_text => attributes += 1,
            b',' if !is_text => commas += 1,
            _ => {}
        }
    }
    (calls, attributes, commas)
}

fn evaluate_all(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let source = Source::from_json(SOURCE)?;
    let read = |name| source.get(name).map(Value::to_text).unwrap_or_default();
    evaluate(criterion, "Switch", SWITCH, &source, || {
        match source.get("IsSoftDeleted") {
            Some(Value::Boolean(false)) => SmolStr::new_static("True"),
            _ => SmolStr::new_static("False"),
        }
    })?;
    evaluate(criterion, "Join", JOIN, &source, || {
        format!("{} {}", read("givenName"), read("surname"))
    })?;
    let pattern = fancy_regex::Regex::new(r"[()\s-]+")?;
    evaluate(criterion, "Replace", REPLACE, &source, || {
        pattern.replace_all(&read("mobile"), "").into_owned()
    })?;
    evaluate(criterion, "five calls", NESTED, &source, || {
        format!("{}.{}@contoso.com", read("givenName"), read("surname")).to_ascii_lowercase()
    })?;
    // The same by names that are paths: reading them is done when the expression is compiled.
    let nested = Source::from_json(NESTED_SOURCE)?;
    let within = |name: &str| {
        let member = match nested.get("name") {
            Some(Value::Complex(members)) => members.iter().find(|(present, _)| present == name),
            _ => None,
        };
        member.map(|(_, value)| value.to_text()).unwrap_or_default()
    };
    evaluate(criterion, "Join of two paths", PATHS, &nested, || {
        format!("{} {}", within("givenName"), within("familyName"))
    })?;
    let (paths, names) = (
        Program::read(PATHS, &Options::default())?,
        Program::read(JOIN, &Options::default())?,
    );
    let entropy = SeededEntropy::new(1);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
    compare(
        criterion,
        "evaluate Join of two paths (keyfob) and of two names (floor): paths are parsed when a program is compiled",
        || paths.evaluate(black_box(&nested), &environment),
        || names.evaluate(black_box(&source), &environment),
    );
    Ok(())
}

/// A program beside the same by hand.
fn evaluate<T>(
    criterion: &mut Criterion,
    name: &str,
    text: &str,
    source: &Source,
    by_hand: impl Fn() -> T,
) -> Result<(), Box<dyn Error>>
where
    T: AsRef<str>,
{
    let entropy = SeededEntropy::new(1);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
    let program = Program::read(text, &Options::default())?;
    let expected = by_hand();
    match program.evaluate(source, &environment)? {
        Outcome::Value(value) if value.to_text() == expected.as_ref() => {}
        other => return Err(format!("{text}: {other:?}").into()),
    }
    compare(
        criterion,
        &format!("evaluate {name}"),
        || program.evaluate(black_box(source), &environment),
        || {
            black_box(source);
            by_hand()
        },
    );
    Ok(())
}

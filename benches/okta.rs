//! What does an expression of Okta cost beside the same in Rust by hand, and what does reading it cost beside that?

use keyfob_benches::{compare, criterion};
use keyfob_core::DateTime;
use keyfob_expression::{Source, Value};
use keyfob_expression_okta::{Context, Expression};

type Failed = Box<dyn std::error::Error>;

const NAME: &str = r#"String.toLowerCase(String.substring(user.firstName, 0, 1) + "." + user.lastName)"#;
const TITLE: &str =
    r#"user.isContractor ? "Contractor" : user.department == "Sales" ? "Seller" : user.title"#;

fn main() -> Result<(), Failed> {
    let source = Source::from_json(
        br#"{"user": {"firstName": "Winston", "lastName": "Churchill", "isContractor": false, "department": "Tours",
                      "title": "Prime Minister", "login": "w@example.com"}}"#,
    )?;
    let now: DateTime = "2026-01-01T00:00:00Z".parse()?;
    let cx = Context::new(&source, now);
    let (name, title) = (Expression::parse(NAME)?, Expression::parse(TITLE)?);
    let mut criterion = criterion();
    compare(
        &mut criterion,
        "evaluate an initial and a last name in lower case / the same by hand",
        || name.evaluate(&cx),
        || by_hand(&source),
    );
    compare(
        &mut criterion,
        "evaluate a title out of three / look the last attribute up",
        || title.evaluate(&cx),
        || source.get("user.title").cloned(),
    );
    compare(
        &mut criterion,
        "read an expression of 80 characters / evaluate it",
        || Expression::parse(NAME),
        || name.evaluate(&cx),
    );
    Ok(())
}

/// What `NAME` says.
fn by_hand(source: &Source) -> Option<Value> {
    let Some(Value::Complex(user)) = source.get("user") else {
        return None;
    };
    let text = |name: &str| match user.iter().find(|(present, _)| present == name) {
        Some((_, Value::Text(text))) => Some(text.as_str()),
        _ => None,
    };
    let initial: String = text("firstName")?.chars().take(1).collect();
    let name = initial + "." + text("lastName")?;
    Some(
        name.chars()
            .flat_map(char::to_lowercase)
            .collect::<String>()
            .into(),
    )
}

//! What a store answers of a filter: every match, and nothing else where it says so.

use keyfob_core::Dialect;
use keyfob_filter::{Comparison, Condition, Translate, Translation};

use crate::support::{compile, user};

/// A store that knows `userName` and, without the letter case, `externalId`, and the values of e-mails of a type.
struct Store;

impl Translate for Store {
    type Query = String;

    fn term(&mut self, term: &Condition) -> Option<Translation<String>> {
        let shown = |comparison: &Comparison| {
            let name = comparison.place().sub().unwrap_or(comparison.place().attribute());
            format!("{name} {}", comparison.op())
        };
        match term {
            Condition::Comparison(comparison) => match comparison.place().attribute().as_str() {
                "userName" | "emails" => Some(Translation::exact(shown(comparison))),
                "externalId" => Some(Translation::superset(shown(comparison))),
                _ => None,
            },
            Condition::Element(place, inner) if place.attribute().is("emails") => inner
                .translate(self)
                .map(|inner| inner.map(|query| format!("emails[{query}]"))),
            _ => None,
        }
    }

    fn and(&mut self, queries: Vec<String>) -> String {
        format!("({})", queries.join(" & "))
    }

    fn or(&mut self, queries: Vec<String>) -> String {
        format!("({})", queries.join(" | "))
    }

    fn not(&mut self, query: String) -> String {
        format!("!{query}")
    }
}

#[test]
fn a_store_answers_what_it_knows_and_says_what_is_left() {
    for (text, expected) in [
        (r#"userName eq "a""#, Some(("userName eq", true))),
        (r#"userName ne "a""#, Some(("!userName eq", true))),
        (r#"externalId eq "a""#, Some(("externalId eq", false))),
        ("title pr", None),
        (r#"userName eq "a" and title pr"#, Some(("userName eq", false))),
        ("title pr and nickName pr", None),
        (
            r#"userName eq "a" and userName sw "b""#,
            Some(("(userName eq & userName sw)", true)),
        ),
        (
            r#"userName eq "a" and externalId eq "b" and title pr"#,
            Some(("(userName eq & externalId eq)", false)),
        ),
        (
            r#"userName eq "a" or externalId eq "b""#,
            Some(("(userName eq | externalId eq)", false)),
        ),
        (r#"userName eq "a" or title pr"#, None),
        (
            r#"userName eq "a" or (userName eq "b" and title pr)"#,
            Some(("(userName eq | userName eq)", false)),
        ),
        // The negation of too much is too little.
        (r#"not (externalId eq "a")"#, None),
        (r#"not (userName eq "a" and title pr)"#, None),
        (
            r#"not (userName eq "a" or userName eq "b")"#,
            Some(("!(userName eq | userName eq)", true)),
        ),
        (
            r#"userName eq "a" and not (title pr)"#,
            Some(("userName eq", false)),
        ),
        (
            r#"emails[type eq "work" and (value sw "a" or not (value ew "b"))]"#,
            Some(("emails[(type eq & (value sw | !value ew))]", true)),
        ),
        (
            r#"emails[type eq "work" and primary pr]"#,
            Some(("emails[type eq]", false)),
        ),
        ("emails[primary pr]", None),
    ] {
        let predicate = compile(text, user(), Dialect::strict()).unwrap();
        let translation = predicate.translate(&mut Store);
        let translation = translation
            .as_ref()
            .map(|known| (known.query.as_str(), known.is_exact));
        assert_eq!(translation, expected, "{text}");
    }
}

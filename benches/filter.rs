//! What do reading, checking and evaluating filters cost, beside a floor that checks nothing and, with the feature
//! `peers`, beside other crates?

use std::{error::Error, hint::black_box};

use criterion::Criterion;
use keyfob_benches::{compare, criterion};
use keyfob_core::{Dialect, Registry, Resource, ResourceType, Value};
use keyfob_filter::{Filter, Limits, ParseError, PatchPath};

#[path = "filter/floor.rs"]
mod floor;
#[cfg(feature = "peers")]
#[path = "filter/peers.rs"]
mod peers;

const VALUE_PATHS: &str =
    r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#;
const USER: &[u8] = include_bytes!("../testdata/rfc7643/8.3-enterprise-user.json");

fn main() -> Result<(), Box<dyn Error>> {
    let or_of_100 = or_of_ids();
    let filters = [
        ("simple eq", r#"userName eq "bjensen""#),
        (
            "URN path",
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        ),
        (
            "and/not/or",
            r#"title pr and (userType eq "Employee" or not (nickName co "x")) and active eq true"#,
        ),
        ("two value paths", VALUE_PATHS),
        ("100-term or", &or_of_100),
    ];
    let user_type = Registry::rfc().resource_type("User").ok_or("no users")?;
    let mut criterion = criterion();
    for (name, text) in filters {
        parse(&mut criterion, name, text)?;
    }
    parse_nested(&mut criterion)?;
    for path in ["name.familyName", r#"addresses[type eq "work"].locality"#] {
        parse_path(&mut criterion, path)?;
    }
    for (name, text) in filters {
        compile(&mut criterion, name, text, user_type)?;
    }
    evaluate_all(&mut criterion, user_type)?;
    criterion.final_summary();
    Ok(())
}

fn or_of_ids() -> String {
    let terms: Vec<String> = ids().map(|id| format!("id eq \"{id}\"")).collect();
    terms.join(" or ")
}

fn ids() -> impl Iterator<Item = String> {
    (0..100).map(|number| format!("{number:04}"))
}

/// Reads a filter, in which parentheses may nest a little deeper than by default.
fn read(text: &str) -> Result<Filter, ParseError> {
    let mut limits = Limits::default();
    limits.depth = 40;
    Filter::parse_with(black_box(text), &limits, Dialect::strict())
}

fn parse(criterion: &mut Criterion, name: &str, text: &str) -> Result<(), Box<dyn Error>> {
    read(text)?;
    floor::filter(text).ok_or("the floor refuses a filter")?;
    compare(
        criterion,
        &format!("parse {name}"),
        || read(text),
        || floor::filter(black_box(text)),
    );
    #[cfg(feature = "peers")]
    peers::parse(criterion, name, text, || read(text));
    Ok(())
}

/// Is time linear in the parentheses that nest?
fn parse_nested(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let nested = |levels| format!("{}title pr{}", "(".repeat(levels), ")".repeat(levels));
    for levels in [10, 20, 40] {
        parse(
            criterion,
            &format!("{levels} nested parentheses"),
            &nested(levels),
        )?;
    }
    let (nested_20, nested_40) = (nested(20), nested(40));
    compare(
        criterion,
        "parse 40 nested parentheses (floor: 20 of them, by keyfob)",
        || read(&nested_40),
        || read(&nested_20),
    );
    Ok(())
}

fn parse_path(criterion: &mut Criterion, path: &str) -> Result<(), Box<dyn Error>> {
    PatchPath::parse(path)?;
    floor::patch_path(path).ok_or("the floor refuses a path")?;
    compare(
        criterion,
        &format!("parse path {path}"),
        || PatchPath::parse(black_box(path)),
        || floor::patch_path(black_box(path)),
    );
    #[cfg(feature = "peers")]
    peers::parse_path(criterion, path);
    Ok(())
}

fn compile(
    criterion: &mut Criterion,
    name: &str,
    text: &str,
    user_type: &ResourceType,
) -> Result<(), Box<dyn Error>> {
    let filter = Filter::parse(text)?;
    filter.compile(user_type, Dialect::strict())?;
    compare(
        criterion,
        &format!("compile {name} (floor: its parsing, by keyfob)"),
        || black_box(&filter).compile(user_type, Dialect::strict()),
        || Filter::parse(black_box(text)),
    );
    Ok(())
}

/// The floor of an evaluation is what one would write by hand for this very filter.
fn evaluate_all(criterion: &mut Criterion, user_type: &ResourceType) -> Result<(), Box<dyn Error>> {
    let user = Resource::from_json(USER, user_type)?;
    let simple = r#"userName eq "bjensen@example.com""#;
    evaluate(criterion, "simple eq", simple, &user, user_type, |user| {
        let name = user.core().get_str("userName");
        name.is_some_and(|name| name.eq_ignore_ascii_case("bjensen@example.com"))
    })?;
    evaluate(
        criterion,
        "two value paths",
        VALUE_PATHS,
        &user,
        user_type,
        |user| {
            any_value(user, "emails", "work", "@example.com") || any_value(user, "ims", "xmpp", "@foo.com")
        },
    )?;
    let ids: Vec<String> = ids().collect();
    evaluate(criterion, "100-term or", &or_of_ids(), &user, user_type, |user| {
        let found = user.core().get_str("id");
        ids.iter().any(|id| found == Some(id.as_str()))
    })
}

fn any_value(user: &Resource, attribute: &str, kind: &str, part: &str) -> bool {
    let values = user.core().get(attribute).map_or(&[][..], Value::as_elements);
    values.iter().filter_map(Value::as_object).any(|value| {
        let is_kind = value
            .get_str("type")
            .is_some_and(|found| found.eq_ignore_ascii_case(kind));
        is_kind && value.get_str("value").is_some_and(|found| found.contains(part))
    })
}

fn evaluate(
    criterion: &mut Criterion,
    name: &str,
    text: &str,
    user: &Resource,
    user_type: &ResourceType,
    by_hand: impl Fn(&Resource) -> bool,
) -> Result<(), Box<dyn Error>> {
    let predicate = Filter::parse(text)?.compile(user_type, Dialect::strict())?;
    if predicate.matches(user) != by_hand(user) {
        return Err(format!("the floor answers {name} differently").into());
    }
    let ours = || black_box(&predicate).matches(black_box(user));
    compare(criterion, &format!("evaluate {name}"), ours, || {
        by_hand(black_box(user))
    });
    #[cfg(feature = "peers")]
    peers::evaluate(criterion, name, text, &serde_json::from_slice(USER)?, ours);
    Ok(())
}

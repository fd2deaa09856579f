//! Conditions of `keyfob-filter` over an application's own columns, bound by tokio-postgres and held equal to the evaluation.

use keyfob_core::{AttrPath, Dialect, Resource, schema::Target};
use keyfob_filter::{
    CompareOp, Filter, Literal,
    sql::{Bind, Columns, SqlCondition, SqlDialect},
};
use keyfob_store_postgres::deadpool_postgres::tokio_postgres::{Client, types::ToSql};

use crate::support::{client, test, user_type};

/// Texts of every kind that is compared in a way of its own. No column of PostgreSQL holds the last two, which clients can
/// ask for all the same.
const TEXTS: [&str; 18] = [
    "",
    " ",
    "a",
    "A",
    "ab",
    "AB",
    "a%",
    "a_b",
    "a\\",
    "a'b",
    "jane doe",
    " jane doe",
    "é",
    "e\u{301}",
    "Σ",
    "\u{10ffff}a",
    "a\0b",
    "\0",
];

/// As many users as texts that a column holds, each with a text, and one with nothing.
fn users() -> Vec<Resource> {
    let held: Vec<_> = TEXTS.iter().filter(|text| !text.contains('\0')).collect();
    let mut users: Vec<_> = (0_usize..)
        .zip(&held)
        .map(|(number, text)| {
            let other = held[(number * 7 + 3) % held.len()];
            serde_json::json!({
                "id": format!("{number:02}"), "userName": text, "displayName": other, "active": number % 2 == 0,
                "emails": [
                    {"value": text, "type": "work", "primary": number % 3 == 0}, {"value": other, "type": "Home"},
                ],
            })
        })
        .collect();
    users.push(serde_json::json!({"id": "99", "userName": "nobody"}));
    users
        .iter()
        .map(|user| Resource::from_json(user.to_string().as_bytes(), user_type()).unwrap())
        .collect()
}

fn key(path: &str, text: Option<&str>) -> Option<String> {
    let path: AttrPath = path.parse().unwrap();
    match user_type().resolve(&path, Dialect::strict()).unwrap() {
        Target::Attribute(target) => text.map(|text| target.leaf().compare_key(text).as_str().to_owned()),
        Target::Extension(_) => panic!("{path} is an extension"),
    }
}

/// Writes a user as an application would.
async fn insert(client: &Client, user: &Resource) {
    let core = user.core();
    let id = core.get_str("id").unwrap();
    let active = core.get("active").and_then(keyfob_core::Value::as_bool);
    let row: [&(dyn ToSql + Sync); 4] = [
        &id,
        &key("userName", core.get_str("userName")),
        &key("displayName", core.get_str("displayName")),
        &active,
    ];
    client
        .execute("INSERT INTO people VALUES ($1, $2, $3, $4)", &row)
        .await
        .unwrap();
    for email in core
        .get("emails")
        .map_or(&[][..], keyfob_core::Value::as_elements)
    {
        let email = email.as_object().unwrap();
        let row: [&(dyn ToSql + Sync); 4] = [
            &id,
            &key("emails.value", email.get_str("value")),
            &key("emails.type", email.get_str("type")),
            &email.get("primary").and_then(keyfob_core::Value::as_bool),
        ];
        client
            .execute("INSERT INTO addresses VALUES ($1, $2, $3, $4)", &row)
            .await
            .unwrap();
    }
}

/// Returns the ids that a condition finds, in their order. `$1` is the application's own.
async fn found(client: &Client, condition: &SqlCondition) -> Vec<String> {
    let sql = format!(
        "SELECT id FROM people WHERE id <> $1 AND {} ORDER BY id",
        condition.sql(2)
    );
    let binds: Vec<Box<dyn ToSql + Sync>> = condition
        .binds()
        .map(|bind| -> Box<dyn ToSql + Sync> {
            match bind {
                Bind::Text(text) => Box::new(text.to_string()),
                Bind::Integer(number) => Box::new(*number),
                Bind::Decimal(number) => Box::new(*number),
                Bind::Bool(value) => Box::new(*value),
            }
        })
        .collect();
    let nobody = "no id";
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&nobody];
    parameters.extend(binds.iter().map(|bind| &**bind));
    let rows = client.query(&sql, &parameters).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// Every operator with every text, of one value, of one of many, of an element, and negated.
fn filters() -> Vec<Filter> {
    let path = |text: &str| text.parse::<AttrPath>().unwrap();
    let mut filters = Vec::new();
    for text in TEXTS {
        for op in CompareOp::ALL {
            let compare = |name| Filter::Compare(path(name), op, Literal::from(text));
            for name in ["userName", "displayName", "emails.value"] {
                filters.push(compare(name));
                filters.push(compare(name).not());
            }
            let home = Filter::eq(path("type"), "home");
            filters.push(Filter::path(path("emails"), compare("value").and(home)));
            filters.push(compare("userName").or(Filter::eq(path("active"), true)));
        }
    }
    filters.push(Filter::eq(path("emails.primary"), false));
    filters.extend(["displayName", "emails", "emails.primary", "active"].map(|name| Filter::pr(path(name))));
    filters
}

#[test]
fn what_postgresql_finds_by_a_condition_is_what_matches() {
    test(|schema| async move {
        let client = client().await;
        client
            .batch_execute(&format!(
                r#"CREATE SCHEMA "{0}"; SET search_path = "{0}";
                   CREATE TABLE people (id text PRIMARY KEY, user_name text, display_name text, active boolean);
                   CREATE TABLE addresses (person text, value text, type text, is_primary boolean)"#,
                schema.name
            ))
            .await
            .unwrap();
        let users = users();
        for user in &users {
            insert(&client, user).await;
        }
        let columns = Columns::new(user_type(), SqlDialect::PostgreSql)
            .key("id", "people.id")
            .and_then(|columns| columns.key("userName", "user_name"))
            .and_then(|columns| columns.key("displayName", "display_name"))
            .and_then(|columns| columns.boolean("active", "active"))
            .and_then(|columns| columns.rows("emails", "addresses a", "a.person = people.id"))
            .and_then(|columns| columns.key("emails.value", "a.value"))
            .and_then(|columns| columns.key("emails.type", "a.type"))
            .and_then(|columns| columns.boolean("emails.primary", "a.is_primary"))
            .unwrap();
        let mut exact = 0;
        for filter in filters() {
            let predicate = filter.compile(user_type(), Dialect::strict()).unwrap();
            let Some(condition) = columns.condition(&predicate) else {
                continue;
            };
            let found = found(&client, &condition).await;
            let matching = users.iter().filter(|user| predicate.matches(user));
            let matching: Vec<_> = matching.map(|user| user.core().get_str("id").unwrap()).collect();
            if condition.is_exact() {
                exact += 1;
                assert_eq!(found, matching, "{filter} as {}", condition.sql(2));
            } else {
                let is_found = |id: &&str| found.iter().any(|found| found == id);
                assert!(matching.iter().all(is_found), "{filter} as {}", condition.sql(2));
            }
        }
        assert!(exact > 1000, "{exact} conditions are exact");
    });
}

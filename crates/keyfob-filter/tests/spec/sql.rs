//! Conditions of SQL, held equal to the evaluation on a real database.

use keyfob_core::{
    AttrPath, Attribute, DateTime, Dialect, Registry, Resource, ResourceType, Value,
    schema::{RegistryBuilder, Target},
};
use keyfob_filter::{
    CompareOp, Filter, Literal, Predicate,
    sql::{Bind, Columns, ColumnsError, SqlCondition, SqlDialect},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use rusqlite::{Connection, params_from_iter, types::Value as Bound};
use serde_json::{Map, json};

use crate::support::{compile, resource, user};

const TABLES: &str = "
    CREATE TABLE users (
        id TEXT PRIMARY KEY, user_name TEXT, display_name TEXT, external_id TEXT, active INTEGER, family_name TEXT,
        given_name TEXT, department TEXT, created INTEGER, title TEXT);
    CREATE TABLE emails (user TEXT, value TEXT, type TEXT, is_primary INTEGER);
    CREATE INDEX users_user_name ON users (user_name);
    CREATE INDEX emails_value ON emails (value, user);";

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn columns(dialect: SqlDialect) -> Columns {
    let map = |columns: Columns| -> Result<Columns, ColumnsError> {
        columns
            .key("id", "users.id")?
            .key("userName", "user_name")?
            .key("displayName", "display_name")?
            .key("externalId", "external_id")?
            .boolean("active", "active")?
            .key("name.familyName", "family_name")?
            .key("name.givenName", "given_name")?
            .key(&format!("{ENTERPRISE}:department"), "department")?
            .instant("meta.created", "created")?
            .folded("title", "lower(title)")?
            .rows("emails", "emails e", "e.user = users.id")?
            .key("emails.value", "e.value")?
            .key("emails.type", "e.type")?
            .boolean("emails.primary", "e.is_primary")
    };
    map(Columns::new(user(), dialect)).unwrap()
}

/// Texts of every kind that is compared in a way of its own; `%` and `_` mean something to LIKE.
const TEXTS: [&str; 26] = [
    "",
    " ",
    "a",
    "A",
    "ab",
    "abc",
    "AB",
    "b",
    "ba",
    "a%",
    "a_",
    "%",
    "_b",
    "a'b",
    "jane doe",
    " jane doe",
    "Jane Doe",
    "é",
    "É",
    "e\u{301}",
    "ſam",
    "sam",
    "ｂａ",
    "Σ",
    "ς",
    "\u{10ffff}a",
];

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![4 => select(TEXTS.to_vec()).prop_map(ToOwned::to_owned), 1 => "[a-cA-C %_éÉσΣ\u{d7ff}\u{e000}\u{10ffff}]{0,4}"]
}

/// Texts that clients ask for. They know of no column that can't hold one.
fn asked() -> impl Strategy<Value = Literal> + Clone {
    let text = prop_oneof![8 => text(), 1 => select(vec!["a\0b".to_owned(), "\0".to_owned()])];
    text.prop_map(|text| Literal::from(text.as_str()))
}

fn instant() -> impl Strategy<Value = String> + Clone {
    let instants = [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.001Z",
        "2026-01-01T01:00:00+01:00",
        "1969-12-31T23:59:59.999Z",
    ];
    select(instants.to_vec()).prop_map(ToOwned::to_owned)
}

/// A user of whom the tables hold everything.
fn document() -> impl Strategy<Value = serde_json::Value> {
    let email = (
        option::of(text()),
        option::of(select(vec!["work", "Work", "home"])),
        option::of(any::<bool>()),
    );
    let texts = (
        text(),
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
    );
    let title = option::of("[a-zA-Z%_']{0,4}");
    (
        texts,
        option::of(any::<bool>()),
        option::of(instant()),
        vec(email, 0..4),
        title,
    )
        .prop_map(
            |((user_name, display, external, family, given, department), active, created, emails, title)| {
                let mut user = Map::new();
                user.insert("userName".into(), user_name.into());
                let mut put = |name: &str, value: serde_json::Value| {
                    if !value.is_null() {
                        user.insert(name.to_owned(), value);
                    }
                };
                put("displayName", json!(display));
                put("externalId", json!(external));
                put("title", json!(title));
                put("active", json!(active));
                if let Some(created) = created {
                    put("meta", json!({"created": created}));
                }
                let some = |pairs: &[(&str, serde_json::Value)]| {
                    let known = pairs.iter().filter(|(_, value)| !value.is_null());
                    let object: Map<_, _> = known
                        .map(|(name, value)| ((*name).to_owned(), value.clone()))
                        .collect();
                    (!object.is_empty()).then(|| serde_json::Value::from(object))
                };
                put(
                    "name",
                    json!(some(&[
                        ("familyName", json!(family)),
                        ("givenName", json!(given))
                    ])),
                );
                put(ENTERPRISE, json!(some(&[("department", json!(department))])));
                let emails = emails.iter().filter_map(|(value, kind, primary)| {
                    some(&[
                        ("value", json!(value)),
                        ("type", json!(kind)),
                        ("primary", json!(primary)),
                    ])
                });
                let emails: Vec<_> = emails.collect();
                if !emails.is_empty() {
                    put("emails", emails.into());
                }
                user.into()
            },
        )
}

fn path(text: &str) -> AttrPath {
    text.parse().unwrap()
}

/// A term about one of the columns.
fn term() -> impl Strategy<Value = Filter> {
    let texts = [
        "id",
        "userName",
        "displayName",
        "externalId",
        "name.familyName",
        "title",
        "emails",
        "emails.type",
    ];
    let texts = texts
        .iter()
        .map(|text| path(text))
        .chain([path(&format!("{ENTERPRISE}:department"))]);
    let compared = |paths: Vec<AttrPath>, literal: BoxedStrategy<Literal>, ops: Vec<CompareOp>| {
        (select(paths), select(ops), literal)
            .prop_map(|(path, op, literal)| Filter::Compare(path, op, literal))
    };
    let flag = || any::<bool>().prop_map(Literal::from).boxed();
    let instants = prop_oneof![
        instant(),
        Just("2026-01-01T00:00:00.0005Z".to_owned()),
        Just("1969-12-31T23:59:59.9985Z".to_owned()),
    ];
    let instants = instants.prop_map(|text| Literal::from(text.as_str())).boxed();
    let is = vec![CompareOp::Eq, CompareOp::Ne];
    let ordered = [CompareOp::Gt, CompareOp::Ge, CompareOp::Lt, CompareOp::Le]
        .into_iter()
        .chain(is.clone());
    let present = [
        "userName",
        "name",
        "name.givenName",
        "emails",
        "emails.primary",
        "active",
        "nickName",
        ENTERPRISE,
    ];
    prop_oneof![
        6 => compared(texts.collect(), asked().boxed(), CompareOp::ALL.to_vec()),
        1 => compared(vec![path("active"), path("emails.primary")], flag(), is.clone()),
        1 => compared(vec![path("meta.created")], instants, ordered.collect()),
        1 => select(present.map(path).to_vec()).prop_map(Filter::pr),
    ]
}

/// A term about one value of `emails`.
fn element() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        (
            select(vec![path("value"), path("type")]),
            select(CompareOp::ALL.to_vec()),
            asked()
        )
            .prop_map(|(path, op, literal)| Filter::Compare(path, op, literal)),
        any::<bool>().prop_map(|flag| Filter::eq(path("primary"), flag)),
        select(vec![
            path("value"),
            path("type"),
            path("primary"),
            path("display")
        ])
        .prop_map(Filter::pr),
    ];
    combined(leaf, 6).prop_map(|inner| Filter::path(path("emails"), inner))
}

fn combined(leaf: impl Strategy<Value = Filter> + 'static, size: u32) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(3, size, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| left.and(right)),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| left.or(right)),
            inner.prop_map(Filter::not),
        ]
    })
}

fn attribute(path: &str) -> &'static Attribute {
    match user()
        .resolve(&path.parse::<AttrPath>().unwrap(), Dialect::strict())
        .unwrap()
    {
        Target::Attribute(target) => target.leaf(),
        Target::Extension(_) => panic!("{path} is an extension"),
    }
}

fn key(path: &str, value: Option<&str>) -> Option<String> {
    value.map(|text| attribute(path).compare_key(text).as_str().to_owned())
}

/// Writes the user as the application would.
fn insert(database: &Connection, user: &Resource) {
    let core = user.core();
    let id = core.get_str("id").unwrap();
    let name = core.get("name").and_then(Value::as_object);
    let name = |part: &str| key(&format!("name.{part}"), name.and_then(|name| name.get_str(part)));
    let own = |path: &str| key(path, core.get_str(path));
    let department = user.extension(&keyfob_core::SchemaUri::ENTERPRISE_USER);
    let department = department.and_then(|extension| extension.get_str("department"));
    let created = user
        .meta()
        .and_then(|meta| meta.created)
        .map(DateTime::unix_millis);
    database
        .execute(
            "INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            rusqlite::params![
                id,
                own("userName"),
                own("displayName"),
                own("externalId"),
                core.get("active").and_then(Value::as_bool),
                name("familyName"),
                name("givenName"),
                key(&format!("{ENTERPRISE}:department"), department),
                created,
                core.get_str("title"),
            ],
        )
        .unwrap();
    for email in core.get("emails").map_or(&[][..], Value::as_elements) {
        let email = email.as_object().unwrap();
        database
            .execute(
                "INSERT INTO emails VALUES (?1, ?2, ?3, ?4)",
                rusqlite::params![
                    id,
                    key("emails.value", email.get_str("value")),
                    key("emails.type", email.get_str("type")),
                    email.get("primary").and_then(Value::as_bool),
                ],
            )
            .unwrap();
    }
}

fn bound(condition: &SqlCondition) -> impl Iterator<Item = Bound> {
    condition.binds().map(|bind| match bind {
        Bind::Text(text) => Bound::Text(text.as_str().to_owned()),
        Bind::Integer(number) => Bound::Integer(*number),
        Bind::Decimal(number) => Bound::Real(*number),
        Bind::Bool(value) => Bound::Integer((*value).into()),
    })
}

/// The ids that a condition finds, in their order.
fn found(database: &Connection, condition: &SqlCondition) -> Vec<String> {
    let sql = format!("SELECT id FROM users WHERE {} ORDER BY id", condition.sql(1));
    let mut statement = database
        .prepare(&sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = statement
        .query_map(params_from_iter(bound(condition)), |row| row.get(0))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn matching(users: &[Resource], predicate: &Predicate) -> Vec<String> {
    let matching = users.iter().filter(|user| predicate.matches(user));
    matching
        .map(|user| user.core().get_str("id").unwrap().to_owned())
        .collect()
}

proptest! {
    #[test]
    fn what_sqlite_finds_is_what_matches(
        documents in vec(document(), 1..8),
        filter in combined(prop_oneof![4 => term(), 1 => element()], 12),
    ) {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(TABLES).unwrap();
        let users: Vec<_> = documents
            .into_iter()
            .enumerate()
            .map(|(number, mut document)| {
                document["id"] = json!(format!("{number}"));
                resource(&document.to_string(), user())
            })
            .collect();
        for user in &users {
            insert(&database, user);
        }
        // A comparison that the type doesn't have is refused before there is anything to find.
        if let Ok(predicate) = filter.compile(user(), Dialect::strict())
            && let Some(condition) = columns(SqlDialect::Sqlite).condition(&predicate)
        {
            let (found, matching) = (found(&database, &condition), matching(&users, &predicate));
            if condition.is_exact() {
                prop_assert_eq!(found, matching, "{} as {}", filter, condition.sql(1));
            } else {
                let missed: Vec<_> = matching.iter().filter(|id| !found.contains(id)).collect();
                prop_assert!(missed.is_empty(), "{} as {} misses {:?}", filter, condition.sql(1), missed);
            }
        }
    }
}

#[test]
fn each_operator_is_one_that_the_dialect_has() {
    use SqlDialect::{MySql, PostgreSql, Sqlite};

    let shown = |text: &str, dialect| {
        let predicate = compile(text, user(), Dialect::strict()).unwrap();
        columns(dialect)
            .condition(&predicate)
            .map(|condition| condition.sql(1))
    };
    for (text, dialect, expected) in [
        (r#"displayName eq "A""#, PostgreSql, "display_name = $1"),
        (
            r#"displayName ne "A""#,
            PostgreSql,
            "(display_name = $1) IS NOT TRUE",
        ),
        (
            r#"displayName sw "a""#,
            PostgreSql,
            r#"(display_name COLLATE "C" >= $1 AND display_name COLLATE "C" < $2)"#,
        ),
        (
            r#"displayName sw "a""#,
            Sqlite,
            "(display_name >= ? AND display_name < ?)",
        ),
        (r#"displayName sw """#, Sqlite, "display_name IS NOT NULL"),
        (
            r#"displayName co "a""#,
            PostgreSql,
            "strpos(display_name, $1) > 0",
        ),
        (r#"displayName co "a""#, MySql, "instr(display_name, ?) > 0"),
        (
            r#"displayName ew "aé""#,
            PostgreSql,
            "right(display_name, 2) = $1",
        ),
        (r#"displayName ew "aé""#, Sqlite, "substr(display_name, -2) = ?"),
        (
            r#"displayName gt "a""#,
            PostgreSql,
            r#"display_name COLLATE "C" > $1"#,
        ),
        ("active eq true", Sqlite, "active = ?"),
        ("name pr", Sqlite, "1"),
        (
            r#"emails.value eq "a""#,
            PostgreSql,
            "EXISTS (SELECT 1 FROM emails e WHERE e.user = users.id AND e.value = $1)",
        ),
        (
            "emails pr",
            PostgreSql,
            "EXISTS (SELECT 1 FROM emails e WHERE e.user = users.id)",
        ),
    ] {
        // `name` has sub-attributes without a column, so that nobody can say whether it is there.
        let expected = (expected != "1").then(|| expected.to_owned());
        assert_eq!(shown(text, dialect), expected, "{text}");
    }
    let of = |text: &str| {
        let predicate = compile(text, user(), Dialect::strict()).unwrap();
        columns(PostgreSql).condition(&predicate)
    };
    // The numbers go on from the application's own.
    let condition = of(r#"displayName eq "a" and not (externalId eq "b" or active eq true)"#).unwrap();
    assert_eq!(
        condition.sql(3),
        "(display_name = $3 AND ((external_id = $4 OR active = $5)) IS NOT TRUE)"
    );
    assert!(condition.is_exact());
    // What has no column is left to be asked, and what nothing is known of has no condition.
    let condition = of(r#"displayName eq "a" and nickName eq "b""#).unwrap();
    assert_eq!(
        (condition.sql(1).as_str(), condition.is_exact()),
        ("display_name = $1", false)
    );
    assert_eq!(of(r#"displayName eq "a" or nickName eq "b""#), None);
    assert_eq!(of(r#"not (title eq "a")"#), None);
    assert!(!of(r#"title eq "a""#).unwrap().is_exact());
}

#[test]
fn no_text_of_a_client_is_a_part_of_the_statement() {
    for text in ["'; DROP TABLE users; --", "$1", "?", "a\\' OR 1=1", "%"] {
        for op in CompareOp::ALL {
            let filter = Filter::Compare(path("displayName"), op, text.into());
            let predicate = filter.compile(user(), Dialect::strict()).unwrap();
            let plain = Filter::Compare(path("displayName"), op, "x".into());
            let plain = plain.compile(user(), Dialect::strict()).unwrap();
            let columns = columns(SqlDialect::Sqlite);
            let sql = columns.condition(&predicate).unwrap().sql(1);
            let count = text.chars().count();
            let expected = columns
                .condition(&plain)
                .unwrap()
                .sql(1)
                .replace("-1", &format!("-{count}"));
            assert_eq!(sql, expected, "{op} {text:?}");
        }
    }
}

#[test]
fn no_database_is_asked_for_a_text_that_no_column_holds() {
    for (filter, expected) in [
        (r#"displayName eq "a\u0000b""#, "1 = 0"),
        (r#"displayName ne "a\u0000b""#, "(1 = 0) IS NOT TRUE"),
        (r#"displayName co "\u0000""#, "1 = 0"),
        (r#"displayName ge "a\u0000b""#, "display_name > ?"),
        (r#"displayName lt "a\u0000b""#, "display_name <= ?"),
        (r#"title sw "\u0000""#, "1 = 0"),
    ] {
        let predicate = compile(filter, user(), Dialect::strict()).unwrap();
        let condition = columns(SqlDialect::Sqlite).condition(&predicate).unwrap();
        assert_eq!(condition.sql(1), expected, "{filter}");
        let is_whole = |bind: &Bind| matches!(bind, Bind::Text(text) if !text.contains('\0'));
        assert!(condition.binds().all(is_whole), "{filter}");
    }
}

fn measured() -> Registry {
    let schema = br#"{
        "id": "urn:example:Device", "name": "Device", "attributes": [
            {"name": "floor", "type": "integer", "multiValued": false},
            {"name": "weight", "type": "decimal", "multiValued": false},
            {"name": "tags", "type": "string", "multiValued": true}
        ]}"#;
    let schema = keyfob_core::Schema::from_json(schema).unwrap();
    let device = keyfob_core::schema::ResourceTypeBuilder::new("Device", "/Devices", schema.id.clone());
    RegistryBuilder::new()
        .schema(schema)
        .resource_type(device)
        .build()
        .unwrap()
}

#[test]
fn numbers_compare_as_numbers_whatever_the_column_holds() {
    let registry = measured();
    let device: &ResourceType = registry.resource_type("Device").unwrap();
    let columns = Columns::new(device, SqlDialect::Sqlite)
        .integer("floor", "floor")
        .and_then(|columns| columns.decimal("weight", "weight"))
        .and_then(|columns| columns.rows("tags", "tags t", "t.device = devices.id"))
        .and_then(|columns| columns.key("tags", "t.tag"))
        .unwrap();
    let database = Connection::open_in_memory().unwrap();
    let tables = "CREATE TABLE devices (id TEXT, floor INTEGER, weight REAL); CREATE TABLE tags (device TEXT, tag TEXT);";
    database.execute_batch(tables).unwrap();
    let numbers = [
        "-9223372036854775808",
        "-3",
        "-2",
        "0",
        "2",
        "3",
        "9007199254740993",
        "9223372036854775807",
    ];
    let weights = ["-0.5", "0", "2.5", "3", "9007199254740992"];
    let mut devices = Vec::new();
    for (place, number) in numbers.into_iter().enumerate() {
        let weight = weights[place % weights.len()];
        let tags = if place % 2 == 0 {
            r#", "tags": ["Red", "big"]"#
        } else {
            ""
        };
        let text = format!(r#"{{"id": "{place}", "floor": {number}, "weight": {weight}{tags}}}"#);
        devices.push(resource(&text, device));
        let insert = "INSERT INTO devices VALUES (?1, ?2, ?3)";
        let (number, weight): (i64, f64) = (number.parse().unwrap(), weight.parse().unwrap());
        database
            .execute(insert, rusqlite::params![place.to_string(), number, weight])
            .unwrap();
        if !tags.is_empty() {
            let insert = "INSERT INTO tags VALUES (?1, 'red'), (?1, 'big')";
            database.execute(insert, [place.to_string()]).unwrap();
        }
    }
    let literals = [
        "-9223372036854775808",
        "-2.5",
        "-2",
        "0",
        "2.5",
        "2.0",
        "3",
        "9007199254740993",
        "9223372036854775807",
        "1e300",
        "-1e300",
        "9223372036854775000.5",
    ];
    let mut tried = 0;
    for path in ["floor", "weight"] {
        for op in ["eq", "ne", "gt", "ge", "lt", "le"] {
            for literal in literals {
                let text = format!("{path} {op} {literal}");
                let predicate = compile(&text, device, Dialect::strict()).unwrap();
                let Some(condition) = columns.condition(&predicate) else {
                    // A floating-point number can't say what this integer is.
                    assert_eq!(path, "weight", "{text}");
                    continue;
                };
                assert!(condition.is_exact());
                let sql = format!("SELECT id FROM devices WHERE {} ORDER BY id", condition.sql(1));
                let mut statement = database.prepare(&sql).unwrap();
                let rows = statement
                    .query_map(params_from_iter(bound(&condition)), |row| row.get(0))
                    .unwrap();
                let found: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
                assert_eq!(found, matching(&devices, &predicate), "{text} as {sql}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
    for (text, count) in [
        (r#"tags eq "RED""#, 4),
        (r#"tags ne "red""#, 8),
        ("tags pr", 4),
        ("not (tags pr)", 4),
    ] {
        let predicate = compile(text, device, Dialect::strict()).unwrap();
        let condition = columns.condition(&predicate).unwrap();
        let sql = format!("SELECT count(*) FROM devices WHERE {}", condition.sql(1));
        let found: i64 = database
            .query_row(&sql, params_from_iter(bound(&condition)), |row| row.get(0))
            .unwrap();
        assert_eq!(
            (found, matching(&devices, &predicate).len()),
            (count, usize::try_from(count).unwrap()),
            "{text} as {sql}"
        );
    }
}

#[test]
fn a_column_that_does_not_fit_is_refused() {
    let columns = || Columns::new(user(), SqlDialect::Sqlite);
    let refused = |result: Result<Columns, ColumnsError>| result.unwrap_err().to_string();
    for (error, expected) in [
        (
            refused(columns().key("userNam", "a")),
            "`User` has no attribute `userNam`",
        ),
        (
            refused(columns().key("name.", "a")),
            "an attribute name is missing",
        ),
        (
            refused(columns().key("name", "a")),
            "`name` is of type complex, and the column holds another one",
        ),
        (
            refused(columns().key("active", "a")),
            "`active` is of type boolean, and the column holds another one",
        ),
        (
            refused(columns().boolean("title", "a")),
            "`title` is of type string, and the column holds another one",
        ),
        (
            refused(columns().key("emails.value", "a")),
            "`emails.value` has many values: say by `rows` which table holds them",
        ),
        (
            refused(columns().rows("title", "t", "1")),
            "`title` has one value and needs a column instead of rows",
        ),
        (
            refused(columns().key("meta.version", "a")),
            "`meta.version` is made when a resource is shown, and no column holds it",
        ),
        (
            refused(columns().key("title", "a").unwrap().folded("TITLE", "b")),
            "`TITLE` has a column already",
        ),
        (
            refused(columns().key(ENTERPRISE, "a")),
            &format!("`{ENTERPRISE}` is a schema, not an attribute"),
        ),
    ] {
        assert_eq!(error, expected);
    }
}

//! Random filters, orders and pages of random resources, the same each time: what a query finds is what
//! [`Predicate::matches`](keyfob_filter::Predicate::matches) says of every resource, sorted the plain way.

use keyfob_core::{AttrPath, CompareKey, DateTime, Dialect, Object, Resource, Value, message::SortOrder};
use keyfob_filter::{CompareOp, Filter, Literal, Predicate};
use keyfob_store::{Paging, Query, Stored, Total, Visibility};

use crate::{
    cases::{cursors::pages, sorting::by},
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User},
    random::Random,
    step::Step,
    tenancy::{Tenancy, Tested, page_ids},
};

const POPULATIONS: u64 = 8;
/// Of each population, unless `KEYFOB_QUERIES` says how many.
const QUERIES: usize = 20;
const RESOURCES: usize = 14;

/// Texts that begin, end and compare alike in many ways. The first half needs no preparation to be user names.
const TEXTS: [&str; 20] = [
    "a",
    "A",
    "ab",
    "Ab.c",
    "b",
    "ada",
    "ADA@example.com",
    "größe",
    "GRÖẞE",
    "é",
    "e\u{301}",
    "zz",
    "z\u{10ffff}",
    "a\u{10ffff}b",
    "",
    " ",
    " a",
    "ada lovelace",
    "Ada Lovelace!",
    "~a b",
];

/// No names that people have, but texts all the same.
const ODD_TEXTS: [&str; 5] = ["\u{0}", "a\u{0}b", "\u{1}a", "\u{2}", "a\u{1}"];

const INSTANTS: [&str; 8] = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:03:00Z",
    "2026-01-01T00:03:00.0004Z",
    "2026-01-01T00:02:59.9999Z",
    "2026-01-01T00:07:00.001Z",
    "1969-12-31T23:59:59.5Z",
    "9999-12-31T23:59:59Z",
];

const INTEGERS: [i64; 8] = [-3, -1, 0, 2, 9, 10, 9_007_199_254_740_993, i64::MAX];
const DECIMALS: [f64; 8] = [-2.5, -0.25, 0.0, 0.125, 2.0, 9.5, 9_007_199_254_740_992.0, -9e18];

/// The type of an attribute's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Instant,
    Flag,
}

/// The attributes that documents have and filters ask for. A value path asks for the sub-attributes of one value.
const ATTRIBUTES: [(Kind, &str, Type); 19] = [
    (User, "userName", Type::Text),
    (User, "externalId", Type::Text),
    (User, "displayName", Type::Text),
    (User, "title", Type::Text),
    (User, "active", Type::Flag),
    (User, "emails.value", Type::Text),
    (User, "emails.type", Type::Text),
    (Group, "displayName", Type::Text),
    (Group, "externalId", Type::Text),
    (Device, "serialNumber", Type::Text),
    (Device, "label", Type::Text),
    (Device, "code", Type::Text),
    (Device, "manual", Type::Text),
    (Device, "slot", Type::Number),
    (Device, "weight", Type::Number),
    (Device, "installed", Type::Instant),
    (Device, "tags", Type::Text),
    (Device, "ports.name", Type::Text),
    (Device, "ports.speed", Type::Number),
];

const SORTS: [(Kind, &str); 15] = [
    (User, "userName"),
    (User, "externalId"),
    (User, "displayName"),
    (User, "id"),
    (User, "meta.created"),
    (User, "meta.lastModified"),
    (Group, "displayName"),
    (Group, "externalId"),
    (Group, "meta.lastModified"),
    (Device, "serialNumber"),
    (Device, "label"),
    (Device, "code"),
    (Device, "slot"),
    (Device, "installed"),
    (Device, "meta.lastModified"),
];

pub(crate) async fn random_queries_find_what_matches(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let queries = queries()?;
    for seed in 0..POPULATIONS {
        let tenant = acme.other(&format!("population {seed}"));
        let mut random = Random::new(seed + 1_000);
        populate(&tenant, &mut random).await?;
        let kinds = tenant.kinds();
        for number in 0..queries {
            let Some(kind) = random.pick(&kinds).copied() else {
                return Ok(());
            };
            query(&tenant, &mut random, kind)
                .await
                .map_err(|failure| failure.in_case(&format!("population {seed}, query {number}")))?;
        }
    }
    Ok(())
}

/// The comparands at the ends of what a type of value can be, where a range of an index has no start, no end, or nothing in it.
fn edges(of: Type) -> Vec<Literal> {
    match of {
        Type::Text => ["", " ", "!", "\u{0}", "\u{10ffff}"].map(Literal::from).into(),
        Type::Number => vec![
            Literal::Integer(i64::MIN),
            Literal::Integer(i64::MAX),
            Literal::Decimal(-0.0),
            Literal::Decimal(f64::MIN),
            Literal::Decimal(f64::MAX),
        ],
        Type::Instant => [
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
        ]
        .map(Literal::from)
        .into(),
        Type::Flag => vec![Literal::Bool(true)],
    }
}

pub(crate) async fn comparisons_with_the_edges_of_a_type_find_what_matches(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    const OPERATORS: [CompareOp; 9] = [
        CompareOp::Eq,
        CompareOp::Ne,
        CompareOp::Gt,
        CompareOp::Ge,
        CompareOp::Lt,
        CompareOp::Le,
        CompareOp::Co,
        CompareOp::Sw,
        CompareOp::Ew,
    ];
    populate(acme, &mut Random::new(7)).await?;
    for kind in acme.kinds() {
        let all = Query::all().with_selection(acme.everything(kind)?);
        let all = acme.query(kind, &all).await?.resources;
        let times = ["meta.created", "meta.lastModified"].map(|path| (path, Type::Instant));
        for (path, of) in attributes(acme, kind).into_iter().chain(times) {
            for (op, edge) in OPERATORS
                .iter()
                .flat_map(|op| edges(of).into_iter().map(move |edge| (*op, edge)))
            {
                let filter = Filter::Compare(AttrPath::parse(path)?, op, edge);
                let Ok(predicate) = filter.compile(acme.resource_type(kind)?, Dialect::strict()) else {
                    // The operator is none of the type's.
                    continue;
                };
                let matching = all.iter().filter(|stored| predicate.matches(&stored.resource));
                let expected: Vec<_> = matching
                    .filter_map(|stored| stored.resource.id())
                    .map(|id| id.to_string())
                    .collect();
                let page = acme.query(kind, &Query::all().with_filter(predicate)).await;
                let page = page.map_err(|failure| failure.in_case(&format!("`{filter}`")))?;
                ensure_eq!(page_ids(&page)?, expected, "what `{filter}` finds");
            }
        }
    }
    Ok(())
}

fn queries() -> Result<usize, Failure> {
    std::env::var("KEYFOB_QUERIES").map_or(Ok(QUERIES), |text| {
        text.parse()
            .map_err(|_| Failure::new(format!("KEYFOB_QUERIES is {text:?}, which is no number")))
    })
}

fn id_of(kind: Kind, number: usize) -> String {
    let name = match kind {
        User => "user",
        Group => "group",
        Device => "device",
    };
    format!("{name}{number}")
}

/// The attributes of a type that the store keeps.
fn attributes(tenant: &Tenancy<'_, impl Tested>, kind: Kind) -> Vec<(&'static str, Type)> {
    let attributes = ATTRIBUTES.into_iter().filter(|(of, path, _)| {
        let top = path.split('.').next().unwrap_or(path);
        *of == kind && tenant.keeps(kind, top) && tenant.compile(kind, &format!("{path} pr")).is_ok()
    });
    attributes.map(|(_, path, kind)| (path, kind)).collect()
}

async fn populate(tenant: &Tenancy<'_, impl Tested>, random: &mut Random) -> Verdict {
    for kind in tenant.kinds() {
        let attributes = attributes(tenant, kind);
        for number in 0..RESOURCES {
            let id = id_of(kind, number);
            let mut document = kind.document(&id);
            fill(
                random,
                &mut document,
                kind,
                &attributes,
                (number, tenant.has_unique_names),
            );
            let minutes = i64::try_from(random.below(10)).unwrap_or_default();
            let unique = match kind {
                User => vec![("userName", id.as_str())],
                Device => vec![("serialNumber", id.as_str())],
                Group => Vec::new(),
            };
            let create = Step::create(kind, &id).document(document.clone()).keys(&unique);
            tenant.apply(&[create.at(minutes)]).await?;
            if random.percent(30) {
                fill(
                    random,
                    &mut document,
                    kind,
                    &attributes,
                    (number, tenant.has_unique_names),
                );
                let update = Step::update(kind, &id).document(document).keys(&unique);
                tenant.apply(&[update.at(minutes + 3)]).await?;
            }
        }
    }
    let user = |number: usize| format!("user{number}");
    if tenant.keeps(Group, "members") && tenant.kinds().contains(&Group) {
        for number in 0..RESOURCES {
            let members: Vec<String> = (0..random.below(5))
                .map(|_| user(random.below(RESOURCES)))
                .collect();
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            let group = format!("group{number}");
            tenant
                .apply(&[Step::update(Group, &group).members(&members)])
                .await?;
        }
    }
    if tenant.capabilities().hiding {
        for kind in tenant.kinds() {
            for number in 0..RESOURCES {
                if random.percent(20) {
                    let id = id_of(kind, number);
                    tenant.apply(&[Step::hide(kind, &id)]).await?;
                }
            }
        }
    }
    Ok(())
}

/// Fills a document with random values, some of them of another type than the schema's.
fn fill(
    random: &mut Random,
    document: &mut Resource,
    kind: Kind,
    attributes: &[(&'static str, Type)],
    (number, has_unique_names): (usize, bool),
) {
    for name in ["emails", "ports"] {
        document.core_mut().remove(name);
        let subs: Vec<_> = attributes
            .iter()
            .filter_map(|(path, of)| Some((path.strip_prefix(name)?.strip_prefix('.')?, *of)))
            .collect();
        if subs.is_empty() {
            continue;
        }
        let mut elements = Vec::new();
        for _ in 0..random.below(4) {
            let mut element = Object::new();
            for (sub, of) in &subs {
                if random.percent(75) {
                    element.insert(*sub, value(random, kind, *of));
                }
            }
            if !element.is_empty() {
                elements.push(Value::Object(element));
            }
        }
        if !elements.is_empty() {
            document.core_mut().insert(name, Value::Array(elements));
        }
    }
    for (path, of) in attributes {
        if path.contains('.') {
            continue;
        }
        let is_needed =
            ["userName", "serialNumber"].contains(path) || (kind, *path) == (Group, "displayName");
        if *path == "userName" && has_unique_names {
            // A constraint of the database keeps them apart.
            let text = random.pick(&TEXTS).copied().unwrap_or_default();
            document
                .core_mut()
                .insert(*path, format!("{text}.{number}").as_str());
        } else if *path == "tags" {
            let tags: Vec<Value> = (0..random.below(3)).map(|_| value(random, kind, *of)).collect();
            document.core_mut().insert(*path, Value::Array(tags));
        } else if is_needed || random.percent(70) {
            document.core_mut().insert(*path, value(random, kind, *of));
        } else {
            document.core_mut().remove(path);
        }
    }
}

fn value(random: &mut Random, kind: Kind, of: Type) -> Value {
    // Users and groups may stand in tables of an application, whose columns have a type.
    if kind == Device && random.percent(8) {
        let odd: [Value; 6] = [
            true.into(),
            7.into(),
            "text".into(),
            vec![Value::from("a"), 8.into()].into(),
            Value::Decimal(1.5),
            "2026-01-01T00:00:00Z".into(),
        ];
        return random.pick(&odd).cloned().unwrap_or(Value::Null);
    }
    match literal(random, kind, of) {
        Literal::Bool(flag) => Value::Bool(flag),
        Literal::Integer(number) => Value::Integer(number),
        Literal::Decimal(number) => Value::Decimal(number),
        Literal::String(text) => Value::String(text),
        Literal::Null => Value::Null,
    }
}

fn literal(random: &mut Random, kind: Kind, of: Type) -> Literal {
    match of {
        Type::Text if kind == Device && random.percent(15) => {
            Literal::from(random.pick(&ODD_TEXTS).copied().unwrap_or_default())
        }
        // Some stores cut long keys off, and sort by what is left.
        Type::Text if kind == Device && random.percent(10) => {
            let starts = ["", "a", "b", "ab"];
            let long = random.pick(&starts).copied().unwrap_or_default().to_owned() + &"ä".repeat(600);
            Literal::from(long.as_str())
        }
        Type::Text => Literal::from(random.pick(&TEXTS).copied().unwrap_or_default()),
        Type::Number if random.percent(50) => {
            Literal::Integer(random.pick(&INTEGERS).copied().unwrap_or_default())
        }
        Type::Number => Literal::Decimal(random.pick(&DECIMALS).copied().unwrap_or_default()),
        Type::Instant => Literal::from(random.pick(&INSTANTS).copied().unwrap_or_default()),
        Type::Flag => Literal::Bool(random.percent(50)),
    }
}

/// A random filter of the attributes of a type.
fn filter(
    random: &mut Random,
    tenant: &Tenancy<'_, impl Tested>,
    kind: Kind,
    depth: usize,
) -> Result<Filter, Failure> {
    let further = |random: &mut Random| filter(random, tenant, kind, depth + 1);
    match random.below(if depth < 3 { 10 } else { 6 }) {
        0..=3 => {
            let attributes = attributes(tenant, kind);
            let (path, of) = random.pick(&attributes).copied().unwrap_or(("id", Type::Text));
            term(random, kind, path, of)
        }
        4 => common(random, tenant, kind),
        5 => element(random, tenant, kind),
        6 => Ok(further(random)?.and(further(random)?)),
        7 | 8 => Ok(further(random)?.or(further(random)?)),
        _ => Ok(further(random)?.not()),
    }
}

fn term(random: &mut Random, kind: Kind, path: &str, of: Type) -> Result<Filter, Failure> {
    let path = AttrPath::parse(path)?;
    let literal = match literal(random, kind, of) {
        // A part of a text, of whole characters.
        Literal::String(text) if of == Type::Text && random.percent(40) => {
            let skipped = random.below(2);
            let taken = 1 + random.below(300);
            Literal::from(
                text.chars()
                    .skip(skipped)
                    .take(taken)
                    .collect::<String>()
                    .as_str(),
            )
        }
        other => other,
    };
    let ordered = [
        CompareOp::Eq,
        CompareOp::Ne,
        CompareOp::Gt,
        CompareOp::Ge,
        CompareOp::Lt,
        CompareOp::Le,
    ];
    let of_texts = [
        CompareOp::Co,
        CompareOp::Sw,
        CompareOp::Ew,
        CompareOp::Sw,
        CompareOp::Eq,
    ];
    let of_flags = [CompareOp::Eq, CompareOp::Ne];
    if random.percent(12) {
        return Ok(Filter::pr(path));
    }
    let op = match of {
        Type::Text if random.percent(50) => random.pick(&of_texts),
        Type::Flag => random.pick(&of_flags),
        Type::Text | Type::Number | Type::Instant => random.pick(&ordered),
    };
    Ok(Filter::Compare(
        path,
        op.copied().unwrap_or(CompareOp::Eq),
        literal,
    ))
}

/// A term of what every resource has.
fn common(random: &mut Random, tenant: &Tenancy<'_, impl Tested>, kind: Kind) -> Result<Filter, Failure> {
    let number = random.below(RESOURCES + 1);
    let id = |kind: Kind| Literal::from(id_of(kind, number).as_str());
    let (path, other) = match kind {
        User => ("groups.value", Group),
        Group => ("members.value", User),
        Device => ("id", Device),
    };
    let kept = tenant.compile(kind, &format!("{path} pr")).is_ok();
    match random.below(4) {
        0 => Ok(Filter::eq(AttrPath::parse("id")?, id(kind))),
        1 if kept => Ok(Filter::eq(AttrPath::parse(path)?, id(other))),
        place => {
            let path = if place == 2 {
                "meta.created"
            } else {
                "meta.lastModified"
            };
            term(random, kind, path, Type::Instant)
        }
    }
}

/// A value path, whose conditions hold of one value.
fn element(random: &mut Random, tenant: &Tenancy<'_, impl Tested>, kind: Kind) -> Result<Filter, Failure> {
    let (path, subs): (_, &[(&str, Type)]) = match kind {
        User => ("emails", &[("value", Type::Text), ("type", Type::Text)]),
        Device if random.percent(30) => ("tags", &[("value", Type::Text)]),
        Device => ("ports", &[("name", Type::Text), ("speed", Type::Number)]),
        Group => return common(random, tenant, kind),
    };
    if !tenant.keeps(kind, path) {
        return common(random, tenant, kind);
    }
    let mut one = || {
        let (sub, of) = random.pick(subs).copied().unwrap_or(("value", Type::Text));
        let one = term(random, kind, sub, of)?;
        Ok::<_, Failure>(if random.percent(15) { one.not() } else { one })
    };
    let (first, second, third) = (one()?, one()?, one()?);
    let inner = match random.below(5) {
        0 => first,
        1 => first.or(second),
        2 => first.and(second.or(third)),
        _ => first.and(second),
    };
    Ok(Filter::path(AttrPath::parse(path)?, inner))
}

async fn query(tenant: &Tenancy<'_, impl Tested>, random: &mut Random, kind: Kind) -> Verdict {
    let capabilities = tenant.capabilities();
    let visibility = if capabilities.hiding && random.percent(20) {
        Visibility::Hidden
    } else {
        Visibility::Live
    };
    let filter = filter(random, tenant, kind, 0)?;
    let resource_type = tenant.resource_type(kind)?;
    let Ok(predicate) = filter.compile(resource_type, Dialect::strict()) else {
        // It asks for something that the store doesn't keep.
        return Ok(());
    };
    let sorts = SORTS.into_iter().filter(|(of, path)| {
        let top = path.split('.').next().unwrap_or(path);
        *of == kind && (["id", "meta"].contains(&top) || tenant.keeps(kind, top))
    });
    let sorts: Vec<_> = sorts.collect();
    let sort = random
        .pick(&sorts)
        .filter(|_| capabilities.sorting && random.percent(50))
        .map(|(_, path)| *path);
    let order = if random.percent(50) {
        SortOrder::Ascending
    } else {
        SortOrder::Descending
    };
    let expected = expected(
        tenant,
        (kind, visibility),
        &predicate,
        sort.map(|path| (path, order)),
    )
    .await?;
    let context = |failure: Failure| {
        failure.in_case(&format!(
            "{visibility:?} {}s of `{filter}` by {sort:?}, {order:?}",
            kind.name()
        ))
    };
    let mut query = Query::all().with_filter(predicate).with_visibility(visibility);
    if let Some(path) = sort {
        query = query.with_sort(by(path, order)?);
    }
    let (offset, count) = (random.below(6), random.below(8));
    let paged = query
        .clone()
        .with_total(Total::Exact)
        .with_paging(Paging::Offset { offset, count });
    let page = tenant.query(kind, &paged).await.map_err(context)?;
    let on_page: Vec<_> = expected.iter().skip(offset).take(count).cloned().collect();
    let found = (page_ids(&page)?, page.total);
    ensure_eq!(
        found,
        (on_page, Some(expected.len())),
        "a page of {count} after {offset}, and the total, of {visibility:?} {} `{filter}` by {sort:?}, {order:?}",
        kind.name()
    );
    if capabilities.cursors {
        let total = if random.percent(50) {
            Total::Exact
        } else {
            Total::Unknown
        };
        ensure_eq!(
            pages(tenant, kind, &query.with_total(total), count + 1)
                .await
                .map_err(context)?,
            expected,
            "the pages of {} of {visibility:?} {} `{filter}` by {sort:?}, {order:?}",
            count + 1,
            kind.name()
        );
    }
    Ok(())
}

/// The ids of what matches, in order: every resource is asked, and all that match are sorted.
async fn expected(
    tenant: &Tenancy<'_, impl Tested>,
    (kind, visibility): (Kind, Visibility),
    predicate: &Predicate,
    sort: Option<(&str, SortOrder)>,
) -> Result<Vec<String>, Failure> {
    let all = Query::first(usize::MAX)
        .with_visibility(visibility)
        .with_selection(tenant.everything(kind)?);
    let mut matching = tenant.query(kind, &all).await?.resources;
    matching.retain(|stored| predicate.matches(&stored.resource));
    if let Some((path, order)) = sort {
        // Those that compare equal stay in the order of their creation.
        matching.sort_by(|left, right| {
            let ordering = match (Sorted::of(kind, path, left), Sorted::of(kind, path, right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                (left, right) => right.is_some().cmp(&left.is_some()),
            };
            match order {
                SortOrder::Ascending => ordering,
                SortOrder::Descending => ordering.reverse(),
            }
        });
    }
    let ids = matching.iter().filter_map(|stored| stored.resource.id());
    Ok(ids.map(|id| id.to_string()).collect())
}

/// The value by which a resource is sorted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sorted {
    Text(String),
    /// In eighths, of which each number of the case is a multiple.
    Number(i128),
    Instant(DateTime),
}

impl Sorted {
    fn of(kind: Kind, path: &str, stored: &Stored) -> Option<Self> {
        let meta = || stored.resource.meta();
        match path {
            "id" => return Some(Self::Text(stored.resource.id()?.to_string())),
            "meta.created" => return meta()?.created.map(Self::Instant),
            "meta.lastModified" => return meta()?.last_modified.map(Self::Instant),
            _ => {}
        }
        let attribute = kind.definition().attribute(path)?;
        let values = stored.resource.core().get(path)?.as_elements();
        values.iter().find_map(|value| match (path, value) {
            ("slot", Value::Integer(number)) => Some(Self::Number(i128::from(*number) * 8)),
            #[expect(clippy::cast_possible_truncation, reason = "each is a multiple of an eighth")]
            ("slot", Value::Decimal(number)) => Some(Self::Number((number * 8.0) as i128)),
            ("installed", Value::String(text)) => text.parse().ok().map(Self::Instant),
            ("slot" | "installed", _) => None,
            (_, Value::String(text)) => {
                let key = CompareKey::new(attribute.collation(), text);
                Some(Self::Text(key.as_str().to_owned()))
            }
            _ => None,
        })
    }
}

//! The work that a store does for a query, counted by the query's own budget.

use keyfob_core::{Value, message::SortOrder};
use keyfob_filter::Predicate;
use keyfob_store::{
    Budget, Counted, Exhausted, Explanation, Paging, Query, Reads, StoreError, Total, Visibility,
};

use crate::{
    cases::sorting::by,
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User, minute},
    harness::Harness,
    random::Random,
    step::Step,
    tenancy::{Tenancy, Tested, page_ids},
};

const RESOURCES: usize = 300;

/// The length of each document in bytes, or somewhat less.
const DOCUMENT: u64 = 1_500;

/// Filters that indexes answer, with the number of resources that match.
const FILTERS: [(Kind, &str, u64); 21] = [
    (User, r#"userName eq "USER007""#, 1),
    (User, r#"userName sw "User00""#, 10),
    (User, r#"userName gt "user296""#, 3),
    (User, r#"userName ge "user100" and userName le "user102""#, 3),
    (
        User,
        r#"userName eq "user001" or externalId eq "x2" or emails.value eq "user003@example.com""#,
        3,
    ),
    (User, r#"userName sw "user00" or id eq "user020""#, 11),
    (
        User,
        r#"(userName sw "user00" and externalId pr) or displayName eq "name 8""#,
        4,
    ),
    (
        User,
        r#"emails[value eq "user004@example.com" and type eq "work"]"#,
        1,
    ),
    (
        User,
        r#"emails[value sw "user29" and value ew "8@example.com"]"#,
        1,
    ),
    (User, r#"externalId pr and userName lt "user010""#, 3),
    (User, r#"meta.created gt "2026-01-01T04:57:00Z""#, 2),
    (
        User,
        r#"meta.lastModified le "2026-01-01T00:01:30Z" or userName eq "user005""#,
        3,
    ),
    (
        User,
        r#"meta.created ge "2026-01-01T01:00:00Z" and meta.created lt "2026-01-01T01:02:00Z""#,
        2,
    ),
    // The title is in no index: those who are found are asked for it, and nobody else.
    (User, r#"userName sw "user00" and title pr"#, 10),
    (Device, "slot gt 297", 2),
    (Device, "slot ge 10 and slot lt 12.5", 3),
    (Device, r#"installed lt "2026-01-01T00:02:00Z""#, 2),
    (Device, r#"tags eq "T3""#, 1),
    // Every entry of the index is looked at, and no document but those that match.
    (User, r#"userName co "r00""#, 10),
    (User, r#"emails.value ew "99@example.com""#, 3),
    (Device, r#"label co "el 17""#, 11),
];

/// Checks that a store which answers filters by the kit's [`Plan`](keyfob_store::kit::Plan) reads no document that is not in
/// the answer, by queries whose budget has no bytes for others. The contract doesn't ask for it.
///
/// # Errors
/// [`Failure`] names the filter for which too much is read.
pub fn check_push_down<H: Harness + Default>() -> Result<(), Failure> {
    let harness = H::default();
    let checked: Verdict = harness.run(async {
        let store = harness.open().await?;
        let acme = Tenancy::new(&harness, &store, "acme");
        populate(&acme).await?;
        for (kind, filter, count) in FILTERS {
            check(&acme, kind, filter, count).await?;
        }
        Ok(())
    });
    match checked {
        Err(failure) if failure.is_inapplicable() => Ok(()),
        checked => checked,
    }
}

async fn check(acme: &Tenancy<'_, impl Tested>, kind: Kind, filter: &str, count: u64) -> Verdict {
    let within = acme.within(Budget {
        bytes: count * DOCUMENT,
        ..Budget::UNLIMITED
    });
    let query = Query::first(usize::MAX).with_filter(acme.compile(kind, filter)?);
    let page = within
        .query(kind, &query)
        .await
        .map_err(|failure| failure.in_case(&format!("`{filter}`, which {count} match")))?;
    ensure_eq!(
        page.total,
        usize::try_from(count).ok(),
        "how many match `{filter}`"
    );
    ensure_eq!(
        page_ids(&page)?.len(),
        page.resources.len(),
        "the page of `{filter}`"
    );
    Ok(())
}

/// The addresses of a user: one of the type `work`.
fn work_address(name: &str) -> Value {
    let address = format!("{name}@example.com");
    let address = [("value", address.as_str()), ("type", "work")];
    let address = address.into_iter().map(|(name, text)| (name, Value::from(text)));
    Value::Array(vec![Value::Object(address.collect())])
}

async fn populate(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let filling = "x".repeat(1_000);
    for number in 0..RESOURCES {
        let minutes = i64::try_from(number).unwrap_or_default();
        let name = format!("user{number:03}");
        let mut user = Step::create(User, &name)
            .with("displayName", format!("Name {number}").as_str())
            .with("emails", work_address(&name))
            .with("title", filling.as_str());
        if number % 4 == 2 || number == 0 {
            user = user.with("externalId", format!("x{number}").as_str());
        }
        let device = Step::create(Device, &format!("d{number}"))
            .with("label", format!("Label {number}").as_str())
            .with("slot", minutes)
            .with("installed", minute(minutes).to_string().as_str())
            .with("tags", Value::Array(vec![format!("t{number}").as_str().into()]))
            .with("manual", filling.as_str());
        acme.apply(&[user.at(minutes), device.at(minutes)]).await?;
    }
    Ok(())
}

/// Parts of filters, each as an explanation says it. Some are in indexes, some are not, and some are in part.
const PARTS: [&str; 16] = [
    r#"userName eq "user007""#,
    r#"userName sw "user0""#,
    r#"userName gt "user030""#,
    r#"userName co "r01""#,
    r#"displayName eq "guide""#,
    r#"displayName sw "g""#,
    "externalId pr",
    r#"title eq "north""#,
    "title pr",
    r#"nickName eq "odd""#,
    r#"not (displayName eq "guide")"#,
    r#"meta.created lt "2026-01-01T00:20:00Z""#,
    r#"displayName eq "clerk" or userName eq "user008""#,
    r#"displayName eq "clerk" or title eq "south""#,
    r#"emails[type eq "work" and value sw "user01"]"#,
    r#"groups.value eq "g""#,
];

/// The number of random queries that are explained.
const EXPLAINED: u64 = 100;

/// The number of users, more than a store finds and sorts rather than going through all.
const EXPLAINED_USERS: usize = 140;

/// Checks over random queries that a store reads the documents that its [`Explanation`] tells of, and no others, by queries
/// whose budget has the bytes of just these. The store counts the bytes of each document that it reads.
///
/// # Errors
/// [`Failure`] names the query that reads something else.
pub fn check_explanations<H: Harness + Default>() -> Result<(), Failure> {
    let harness = H::default();
    let checked: Verdict = harness.run(async {
        let store = harness.open().await?;
        let acme = Tenancy::new(&harness, &store, "acme");
        populate_alike(&acme).await?;
        let length = document_length(&acme).await?;
        for seed in 0..EXPLAINED {
            let mut random = Random::new(seed);
            let parts = random.some(&PARTS, 12);
            let query = random_query(&acme, &mut random, &parts)?;
            explain(&acme, &parts, &query, length)
                .await
                .map_err(|failure| failure.in_case(&format!("seed {seed}, {parts:?}, {query:?}")))?;
        }
        Ok(())
    });
    match checked {
        Err(failure) if failure.is_inapplicable() => Ok(()),
        checked => checked,
    }
}

/// Creates users whose documents have one length, in a group every third of them.
async fn populate_alike(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let mut members = Vec::new();
    for number in 0..EXPLAINED_USERS {
        let name = format!("user{number:03}");
        let of = |words: [&'static str; 2], every: usize| {
            words
                .get(usize::from(number % every == 0))
                .copied()
                .unwrap_or_default()
        };
        let user = Step::create(User, &name)
            .with("displayName", of(["guide", "clerk"], 5))
            .with("externalId", format!("x{number:03}").as_str())
            .with("title", of(["north", "south"], 7))
            .with("nickName", of(["odd", "few"], 2))
            .with("emails", work_address(&name));
        acme.apply(&[user.at(i64::try_from(number).unwrap_or_default())])
            .await?;
        if number % 3 == 0 {
            members.push(name);
        }
    }
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    acme.apply(&[Step::create(Group, "g").add(&members)]).await?;
    Ok(())
}

/// Returns the bytes that a store counts for one of the users' documents.
async fn document_length(acme: &Tenancy<'_, impl Tested>) -> Result<u64, Failure> {
    let first = Query::first(1).with_total(Total::Unknown);
    let (mut too_few, mut enough) = (0, 1 << 20);
    while enough - too_few > 1 {
        let bytes = u64::midpoint(too_few, enough);
        if is_enough(acme, &first, bytes).await? {
            enough = bytes;
        } else {
            too_few = bytes;
        }
    }
    ensure!(
        enough > 1,
        "the store counts no bytes of the documents that it reads"
    );
    let all = Query::all();
    let users = EXPLAINED_USERS as u64;
    ensure!(
        is_enough(acme, &all, users * enough).await? && !is_enough(acme, &all, users * enough - 1).await?,
        "{users} documents of {enough} bytes are not counted as such"
    );
    Ok(enough)
}

/// Returns true if a query reads no more than so many bytes.
async fn is_enough(acme: &Tenancy<'_, impl Tested>, query: &Query, bytes: u64) -> Result<bool, Failure> {
    let within = acme.within(Budget {
        bytes,
        ..Budget::UNLIMITED
    });
    match within.try_query(User, query).await? {
        Ok(_) => Ok(true),
        Err(StoreError::Exhausted(Exhausted::Bytes { .. })) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

fn random_query(
    acme: &Tenancy<'_, impl Tested>,
    random: &mut Random,
    parts: &[&str],
) -> Result<Query, Failure> {
    let count = random.below(6);
    let mut query = Query::first(count);
    if !parts.is_empty() {
        query = query.with_filter(all_of(acme, parts)?);
    }
    if random.percent(40) {
        query = query.with_total(Total::Unknown);
    }
    if random.percent(40) && acme.capabilities().sorting {
        let order = if random.percent(50) {
            SortOrder::Ascending
        } else {
            SortOrder::Descending
        };
        let path = random.pick(&["userName", "displayName", "meta.lastModified", "id"]);
        query = query.with_sort(by(path.copied().unwrap_or("id"), order)?);
    }
    if random.percent(30) {
        query = query.with_paging(Paging::Offset {
            offset: random.below(4),
            count,
        });
    }
    if random.percent(10) && acme.capabilities().hiding {
        query = query.with_visibility(Visibility::Hidden);
    }
    Ok(query)
}

/// The filter that demands all parts.
fn all_of(acme: &Tenancy<'_, impl Tested>, parts: &[&str]) -> Result<Predicate, Failure> {
    let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
    acme.compile(User, &parts.join(" and "))
}

/// Explains a query and checks what it says by asking the query.
async fn explain(acme: &Tenancy<'_, impl Tested>, parts: &[&str], query: &Query, length: u64) -> Verdict {
    let explanation = acme
        .store
        .explain(&acme.context(), acme.resource_type(User)?, query)
        .await?;
    let page = acme.query(User, query).await?;
    let (on_page, candidates) = (page.resources.len() as u64, explanation.candidates as u64);

    check_candidates(acme, parts, query, &explanation).await?;
    ensure!(
        query.total == Total::Unknown || explanation.total != Counted::Not,
        "the total is counted, and {explanation}"
    );
    let (least, most) = match explanation.reads {
        Reads::Page => (on_page, on_page),
        // Those of the page are read again once they are sorted.
        Reads::Candidates if query.total == Total::Exact => (candidates, candidates + on_page),
        Reads::Candidates => (on_page, candidates + on_page),
    };
    ensure!(
        is_enough(acme, query, most * length).await?,
        "more than {most} documents are read, and\n{explanation}"
    );
    if let Some(less) = (least * length).checked_sub(1) {
        ensure!(
            !is_enough(acme, query, less).await?,
            "fewer than {least} documents are read, and\n{explanation}"
        );
    }
    Ok(())
}

/// Checks that the candidates are among those that match all parts which are not said to be decided, and that no match is missing.
async fn check_candidates(
    acme: &Tenancy<'_, impl Tested>,
    parts: &[&str],
    query: &Query,
    explanation: &Explanation,
) -> Verdict {
    for decided in &explanation.decided {
        ensure!(
            parts.contains(&decided.as_str()),
            "`{decided}` is decided, and no part of the filter"
        );
    }
    let is_answered = |part: &&&str| !explanation.decided.iter().any(|decided| decided == **part);
    let answered: Vec<&str> = parts.iter().filter(is_answered).copied().collect();
    ensure!(
        answered.is_empty() || !explanation.searches.is_empty(),
        "no index is asked for {answered:?}, and\n{explanation}"
    );
    let everybody = Query::all()
        .with_visibility(query.visibility)
        .with_selection(acme.everything(User)?);
    let everybody = acme.query(User, &everybody).await?.resources;
    let matching = |parts: &[&str]| -> Result<usize, Failure> {
        if parts.is_empty() {
            return Ok(everybody.len());
        }
        let filter = all_of(acme, parts)?;
        Ok(everybody
            .iter()
            .filter(|stored| filter.matches(&stored.resource))
            .count())
    };
    let (least, most) = (matching(parts)?, matching(&answered)?);
    ensure!(
        (least..=most).contains(&explanation.candidates),
        "{least} users match, {most} match {answered:?}, and\n{explanation}"
    );
    // A part that an index answers without deciding it narrows them down further.
    let is_searched = |part: &&str| ["co \"", "["].iter().any(|sign| part.contains(sign));
    if !parts.iter().any(is_searched) {
        ensure_eq!(
            explanation.candidates,
            most,
            "how many match {answered:?}, which the indexes answer"
        );
    }
    Ok(())
}

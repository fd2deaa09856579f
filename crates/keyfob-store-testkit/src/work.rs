//! The work that a store does for a query, counted by the query's own budget.

use keyfob_core::Value;
use keyfob_store::{Budget, Query};

use crate::{
    failure::{Failure, Verdict},
    fixture::{Device, Kind, User, minute},
    harness::Harness,
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

async fn populate(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let filling = "x".repeat(1_000);
    for number in 0..RESOURCES {
        let minutes = i64::try_from(number).unwrap_or_default();
        let name = format!("user{number:03}");
        let address = [
            ("value", format!("{name}@example.com")),
            ("type", "work".to_owned()),
        ];
        let address = address
            .into_iter()
            .map(|(name, text)| (name, Value::from(text.as_str())));
        let mut user = Step::create(User, &name)
            .with("displayName", format!("Name {number}").as_str())
            .with("emails", Value::Array(vec![Value::Object(address.collect())]))
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

//! Documents are kept as they are given, under ids that belong to one tenant.

use keyfob_core::{Resource, Value};

use keyfob_store::Stored;

use crate::{
    effect::Refusal,
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User, document, minute},
    step::Step,
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn a_document_is_given_back_equal(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let given = document(
        User,
        r#"{
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:example:params:scim:schemas:extension:badge:1.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
            ],
            "userName": "bjensen", "externalId": "701984",
            "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen"},
            "emails": [
                {"value": "bjensen@example.com", "type": "work", "primary": true},
                {"value": "babs@jensen.org", "type": "home"}
            ],
            "active": false,
            "urn:example:params:scim:schemas:extension:badge:1.0:User":
                {"badgeNumber": "0042", "level": -3, "score": 99.5, "doors": [{"name": "Lobby", "floor": 0}]},
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                {"department": "Tour Operations", "manager": {"value": "26118915"}}
        }"#,
    )?;
    is_given_back(acme, "u1", &given).await
}

pub(crate) async fn text_of_any_script_is_given_back_equal(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    for (id, text) in [
        ("empty", ""),
        ("quotes", r#"'; DROP TABLE "users"; -- \ % _ * ? $1 :a {} []"#),
        ("controls", "\u{0}\u{1}\t\r\n\u{7f}\u{9f}\u{2028}"),
        ("german", "Größe GRÖẞE ß"),
        ("greek", "ΣΊΣΥΦΟΣ σίσυφος"),
        ("korean", "출입 그룹"),
        ("arabic", "مرحبا \u{200f}123"),
        ("composed", "\u{e9} e\u{301}"),
        ("beyond", "𝒜 👩\u{200d}🚒 \u{10ffff}"),
        ("blanks", "  leading and trailing  "),
    ] {
        let given = Step::create(User, id)
            .with("title", text)
            .with("nickName", text.repeat(50).as_str());
        is_given_back(acme, id, given.document.as_ref().unwrap_or(&Resource::default())).await?;
    }
    Ok(())
}

pub(crate) async fn numbers_are_given_back_equal(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    // The largest number below 2^63: a body holds none beyond.
    const LARGEST: f64 = 9_223_372_036_854_774_784.0;
    for (id, slot, weight) in [
        ("zero", 0, 0.0),
        ("one", 1, 1.0),
        ("least", i64::MIN, -LARGEST),
        ("greatest", i64::MAX, LARGEST),
        ("beyond-a-double", 9_007_199_254_740_993, 0.1 + 0.2),
        ("small", -1, f64::MIN_POSITIVE),
        ("third", 3, -1.0 / 3.0),
    ] {
        let given = Device.document(id);
        let step = Step::create(Device, id)
            .document(given)
            .with("slot", Value::Integer(slot))
            .with("weight", Value::Decimal(weight));
        acme.apply(&[step]).await?;
        let stored = acme.read(Device, id).await?;
        ensure_eq!(
            stored.resource.core().get("slot"),
            Some(&Value::Integer(slot)),
            "an integer"
        );
        ensure_eq!(
            stored.resource.core().get("weight"),
            Some(&Value::Decimal(weight)),
            "a decimal number"
        );
    }
    Ok(())
}

pub(crate) async fn what_the_schema_does_not_know_is_kept_too(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let given = document(
        Group,
        r#"{
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "urn:example:unknown"],
            "displayName": "Tour Guides",
            "x-colour": {"deep": [[1, 2.5], {"deeper": [true, null, []]}, {}]},
            "urn:example:unknown": {"shade": "red"}
        }"#,
    )?;
    acme.apply(&[Step::create(Group, "g1").document(given.clone())])
        .await?;
    holds(acme, Group, "g1", &given).await
}

pub(crate) async fn the_order_of_attributes_makes_no_difference(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let given = document(
        User,
        r#"{"userName": "a", "title": "t", "name": {"givenName": "g", "familyName": "f"}}"#,
    )?;
    let turned = document(
        User,
        r#"{"name": {"familyName": "f", "givenName": "g"}, "title": "t", "userName": "a"}"#,
    )?;
    acme.apply(&[Step::create(User, "u1").document(given.clone())])
        .await?;
    holds(acme, User, "u1", &turned).await?;
    acme.apply(&[Step::update(User, "u1").document(turned)]).await?;
    holds(acme, User, "u1", &given).await
}

pub(crate) async fn a_resource_carries_its_id_its_type_its_times_and_its_version(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "u1").at(1)]).await?;
    acme.apply(&[Step::update(User, "u1").named("renamed").at(5)])
        .await?;
    let stored = acme.read(User, "u1").await?;
    let meta = stored
        .resource
        .meta()
        .ok_or_else(|| Failure::new("a resource has no meta"))?;
    ensure_eq!(
        stored.resource.id().map(|id| id.to_string()),
        Some("u1".to_owned()),
        "id"
    );
    ensure_eq!(meta.resource_type.as_deref(), Some("User"), "meta.resourceType");
    ensure_eq!(meta.created, Some(minute(1)), "meta.created");
    ensure_eq!(meta.last_modified, Some(minute(5)), "meta.lastModified");
    ensure_eq!(meta.version.as_deref(), Some("W/\"2\""), "meta.version");
    ensure_eq!(stored.version.number(), 2, "the version");
    ensure_eq!(meta.location, None, "meta.location is for the engine to say");
    Ok(())
}

pub(crate) async fn a_new_resource_has_version_1_and_one_time(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(Group, "g1").at(7)]).await?;
    let stored = acme.read(Group, "g1").await?;
    let meta = stored.resource.meta().unwrap_or_default();
    ensure_eq!(stored.version.number(), 1, "the version of a new resource");
    ensure_eq!(
        (meta.created, meta.last_modified),
        (Some(minute(7)), Some(minute(7))),
        "the times of a new resource"
    );
    Ok(())
}

pub(crate) async fn ids_are_told_apart_by_case_and_may_hold_anything(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    let ids = [
        "a",
        "A",
        "ä",
        "a ",
        "%",
        "_",
        "a/b?c=d#e",
        "'\"\\",
        "2819c223-7f76-453a-919d-413861904646",
        "名",
    ];
    for (place, id) in ids.iter().enumerate() {
        acme.apply(&[Step::create(User, id).named(&format!("user {place}"))])
            .await?;
    }
    acme.apply(&[Step::update(User, "A").named("only this one changes")])
        .await?;
    for id in ids {
        let version = if id == "A" { 2 } else { 1 };
        ensure_eq!(acme.version(User, id).await?, version, "the version of `{id}`");
    }
    let mut all = acme.ids(User).await?;
    all.sort();
    let mut expected = ids;
    expected.sort_unstable();
    ensure_eq!(all, expected, "all ids");
    Ok(())
}

pub(crate) async fn many_ids_are_read_in_their_order(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[
        Step::create(User, "a"),
        Step::create(User, "b"),
        Step::create(User, "c"),
        Step::create(Group, "g").add(&["a", "c"]),
    ])
    .await?;
    acme.other("globex")
        .apply(&[Step::create(User, "theirs")])
        .await?;
    let selection = acme.everything(User)?;
    let mut single = Vec::new();
    let ids = ["c", "nobody", "a", "g", "theirs", "", "b", "c", "A"];
    for id in ids {
        single.push(acme.get(User, id).await?);
    }
    let found: Vec<bool> = single.iter().map(Option::is_some).collect();
    ensure_eq!(
        found,
        [true, false, true, false, false, false, true, true, false],
        "which of {ids:?} are found"
    );
    ensure_eq!(
        acme.get_many(User, &ids, &selection).await?,
        single,
        "the users of {ids:?}, together and one by one"
    );
    ensure_eq!(
        acme.get_many(User, &[], &selection).await?,
        [],
        "the users of no ids"
    );
    let many: Vec<String> = (0..1_200).map(|number| format!("none {number}")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    many.push("b");
    let found = acme.get_many(User, &many, &selection).await?;
    ensure_eq!(
        found.iter().flatten().count(),
        1,
        "how many of 1,201 ids are found"
    );
    ensure!(
        found.last().is_some_and(Option::is_some),
        "the last of 1,201 ids is not found in its place"
    );
    Ok(())
}

pub(crate) async fn hidden_resources_are_read_among_many_ids(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "a"), Step::create(User, "b")])
        .await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    let found = acme.get_many(User, &["b", "a"], &acme.everything(User)?).await?;
    let hidden: Vec<_> = found
        .iter()
        .map(|stored| stored.as_ref().map(Stored::is_hidden))
        .collect();
    ensure_eq!(hidden, [Some(false), Some(true)], "which of two users are hidden");
    Ok(())
}

pub(crate) async fn an_unknown_id_is_not_found(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "u1")]).await?;
    is_not_found(acme, User, "u2").await?;
    is_not_found(acme, User, "").await
}

pub(crate) async fn an_id_of_another_type_is_not_found(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[
        Step::create(User, "u1"),
        Step::create(Group, "g1"),
        Step::create(Device, "d1"),
    ])
    .await?;
    is_not_found(acme, Group, "u1").await?;
    is_not_found(acme, User, "g1").await?;
    is_not_found(acme, User, "d1").await
}

pub(crate) async fn an_id_of_another_tenant_is_not_found(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "u1")]).await?;
    let globex = acme.other("globex");
    is_not_found(&globex, User, "u1").await?;
    globex.apply(&[Step::create(User, "u2")]).await?;
    is_not_found(&globex, User, "u1").await?;
    is_not_found(acme, User, "u2").await?;
    ensure_eq!(
        acme.version(User, "u1").await?,
        1,
        "the version of what another tenant tried to change"
    );
    Ok(())
}

pub(crate) async fn an_id_is_taken_whatever_the_type(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "x")]).await?;
    for kind in Kind::ALL {
        let refusal = acme.refuse(&[Step::create(kind, "x").named("y")]).await?;
        ensure_eq!(
            refusal,
            Refusal::IdTaken { change: 0 },
            "creating a {} under a user's id",
            kind.name()
        );
    }
    let twice = acme
        .refuse(&[Step::create(Group, "y"), Step::create(Device, "y")])
        .await?;
    ensure_eq!(
        twice,
        Refusal::IdTaken { change: 1 },
        "creating two resources under one id"
    );
    Ok(())
}

pub(crate) async fn two_tenants_may_use_one_id(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let globex = acme.other("globex");
    acme.apply(&[Step::create(User, "x").with("title", "of acme")])
        .await?;
    globex
        .apply(&[Step::create(User, "x").with("title", "of globex")])
        .await?;
    globex.apply(&[Step::update(User, "x").named("renamed")]).await?;
    let stored = acme.read(User, "x").await?;
    ensure_eq!(
        stored.resource.core().get_str("title"),
        Some("of acme"),
        "a document of the first tenant"
    );
    ensure_eq!(stored.version.number(), 1, "a version of the first tenant");
    globex.apply(&[Step::delete(User, "x")]).await?;
    ensure_eq!(
        acme.ids(User).await?,
        ["x"],
        "the first tenant's users after the second deleted theirs"
    );
    Ok(())
}

async fn is_given_back(acme: &Tenancy<'_, impl Tested>, id: &str, given: &Resource) -> Verdict {
    acme.apply(&[Step::create(User, id).document(given.clone())])
        .await?;
    holds(acme, User, id, given).await
}

/// Checks that the stored resource is the document with `id` and `meta` and nothing else.
async fn holds(acme: &Tenancy<'_, impl Tested>, kind: Kind, id: &str, given: &Resource) -> Verdict {
    let mut resource = acme.read(kind, id).await?.resource;
    resource.core_mut().remove("id");
    resource.core_mut().remove("meta");
    resource.relations_mut().clear();
    ensure_eq!(resource, *given, "the document of `{id}`");
    Ok(())
}

async fn is_not_found(tenant: &Tenancy<'_, impl Tested>, kind: Kind, id: &str) -> Verdict {
    let name = kind.name();
    ensure_eq!(tenant.get(kind, id).await?, None, "reading {name} `{id}`");
    for step in [
        Step::update(kind, id),
        Step::update(kind, id).named("new"),
        Step::delete(kind, id),
    ] {
        let refusal = tenant.refuse(&[step]).await?;
        ensure_eq!(refusal, Refusal::NotFound { change: 0 }, "changing {name} `{id}`");
    }
    Ok(())
}

//! What is reserved is nobody else's.

use crate::{
    cases::relations::users,
    effect::Refusal,
    failure::Verdict,
    fixture::{Device, Group, User},
    step::Step,
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn a_reserved_value_is_refused_to_a_new_resource(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "a").named("BJensen")]).await?;
    for name in ["BJensen", "bjensen", "BJENSEN"] {
        let refusal = acme.refuse(&[Step::create(User, "b").named(name)]).await?;
        ensure_eq!(
            refusal,
            Refusal::taken(0, "userName"),
            "creating a second `{name}`"
        );
    }
    acme.apply(&[Step::create(User, "b").named("bjensen2")]).await?;
    Ok(())
}

pub(crate) async fn a_reserved_value_is_refused_to_an_update(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    let refusal = acme.refuse(&[Step::update(User, "b").named("A")]).await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "taking another user's name"
    );
    Ok(())
}

pub(crate) async fn a_resource_may_keep_what_it_reserved(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::update(User, "a").named("A").with("title", "t")])
        .await?;
    acme.apply(&[Step::update(User, "a").named("a")]).await?;
    let refusal = acme.refuse(&[Step::update(User, "b").named("a")]).await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "taking a name that its owner kept"
    );
    Ok(())
}

pub(crate) async fn an_update_frees_what_it_no_longer_reserves(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::update(User, "a").named("new")]).await?;
    acme.apply(&[Step::update(User, "b").named("a")]).await?;
    let refusal = acme.refuse(&[Step::update(User, "a").named("a")]).await?;
    ensure_eq!(refusal, Refusal::taken(0, "userName"), "taking the old name back");
    Ok(())
}

pub(crate) async fn an_update_without_keys_keeps_what_is_reserved(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["u"]).await?;
    acme.apply(&[Step::create(Group, "g1").keys(&[("displayName", "g1")])])
        .await?;
    let mut renamed = Step::update(Group, "g1").named("renamed");
    renamed.unique = None;
    for step in [
        Step::update(Group, "g1").add(&["u"]),
        Step::update(Group, "g1").state("origin", "import"),
        renamed,
        Step::update(Group, "g1"),
    ] {
        acme.apply(&[step]).await?;
        let refusal = acme
            .refuse(&[Step::create(Group, "g2").keys(&[("displayName", "g1")])])
            .await?;
        ensure_eq!(
            refusal,
            Refusal::taken(0, "displayName"),
            "taking the name of a group that changed without a word of its keys"
        );
    }
    Ok(())
}

pub(crate) async fn keys_are_reserved_and_freed_whatever_else_an_update_changes(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["u"]).await?;
    acme.apply(&[Step::create(Group, "g1").keys(&[("displayName", "0")])])
        .await?;
    for (step, before, now) in [
        (Step::update(Group, "g1").add(&["u"]), "0", "1"),
        (Step::update(Group, "g1").state("origin", "import"), "1", "2"),
        // Nothing else.
        (Step::update(Group, "g1"), "2", "3"),
    ] {
        acme.apply(&[step.keys(&[("displayName", now)])]).await?;
        let refusal = acme
            .refuse(&[Step::create(Group, "g2").keys(&[("displayName", now)])])
            .await?;
        ensure_eq!(
            refusal,
            Refusal::taken(0, "displayName"),
            "taking what a group has reserved just now"
        );
        acme.apply(&[Step::create(Group, "g2").keys(&[("displayName", before)])])
            .await?;
        let refusal = acme
            .refuse(&[Step::update(Group, "g1").keys(&[("displayName", before)])])
            .await?;
        ensure_eq!(
            refusal,
            Refusal::taken(0, "displayName"),
            "reserving what another group has taken meanwhile"
        );
        acme.apply(&[Step::delete(Group, "g2")]).await?;
    }
    Ok(())
}

pub(crate) async fn two_resources_swap_values_through_a_third_in_one_commit(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    let refusal = acme
        .refuse(&[
            Step::update(User, "a").named("b"),
            Step::update(User, "b").named("a"),
        ])
        .await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "taking a name before its owner has freed it"
    );
    acme.apply(&[
        Step::update(User, "a").named("c"),
        Step::update(User, "b").named("a"),
        Step::update(User, "a").named("b"),
    ])
    .await?;
    ensure_eq!(acme.find(User, r#"userName eq "a""#).await?, ["b"], "who is a");
    ensure_eq!(acme.find(User, r#"userName eq "b""#).await?, ["a"], "who is b");
    acme.apply(&[Step::create(User, "c")]).await?;
    Ok(())
}

pub(crate) async fn a_value_that_is_freed_can_be_taken_in_the_same_commit(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::update(User, "a").named("free"),
        Step::create(User, "c").named("a"),
    ])
    .await?;
    acme.apply(&[Step::delete(User, "b"), Step::create(User, "d").named("b")])
        .await?;
    ensure_eq!(acme.find(User, r#"userName eq "a""#).await?, ["c"], "who is a");
    ensure_eq!(acme.find(User, r#"userName eq "b""#).await?, ["d"], "who is b");
    Ok(())
}

pub(crate) async fn two_changes_of_one_commit_cannot_take_one_value(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    let created = acme
        .refuse(&[
            Step::create(User, "b").named("n"),
            Step::create(User, "c").named("N"),
        ])
        .await?;
    ensure_eq!(
        created,
        Refusal::taken(1, "userName"),
        "creating two users of one name"
    );
    let mixed = acme
        .refuse(&[
            Step::create(User, "b").named("n"),
            Step::update(User, "a").named("n"),
        ])
        .await?;
    ensure_eq!(
        mixed,
        Refusal::taken(1, "userName"),
        "creating a user and giving its name to another"
    );
    Ok(())
}

pub(crate) async fn each_type_reserves_for_itself(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let keys = [("name", "x")];
    acme.apply(&[
        Step::create(User, "u").keys(&keys),
        Step::create(Group, "g").keys(&keys),
        Step::create(Device, "d").keys(&keys),
    ])
    .await?;
    let refusal = acme.refuse(&[Step::create(Device, "e").keys(&keys)]).await?;
    ensure_eq!(refusal, Refusal::taken(0, "name"), "reserving twice in one type");
    Ok(())
}

pub(crate) async fn each_tenant_reserves_for_itself(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    users(&acme.other("globex"), &["a"]).await?;
    acme.other("globex")
        .apply(&[Step::update(User, "a").named("b")])
        .await?;
    let refusal = acme.refuse(&[Step::create(User, "x").named("a")]).await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "taking a name that another tenant's user gave up"
    );
    Ok(())
}

pub(crate) async fn keys_are_compared_as_they_are_given(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    for (id, value) in [
        ("d1", "a"),
        ("d2", "A"),
        ("d3", "a "),
        ("d4", "ä"),
        ("d5", ""),
        ("d6", "ss"),
        ("d7", "ß"),
        // What is the same in another composition or width is another key all the same: whoever makes keys composes.
        ("d8", "a\u{308}"),
        ("d9", "ａ"),
        ("d10", " a"),
    ] {
        let keys = [("serialNumber", value)];
        acme.apply(&[Step::create(Device, id).named(value).keys(&keys)])
            .await?;
        let refusal = acme
            .refuse(&[Step::create(Device, "twice").named(value).keys(&keys)])
            .await?;
        ensure_eq!(
            refusal,
            Refusal::taken(0, "serialNumber"),
            "taking `{value}` twice"
        );
    }
    Ok(())
}

pub(crate) async fn a_resource_may_reserve_several_values(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "a").keys(&[
        ("userName", "x"),
        ("employeeNumber", "7"),
        ("employeeNumber", "8"),
    ])])
    .await?;
    acme.apply(&[Step::create(User, "b").keys(&[("userName", "7"), ("employeeNumber", "x")])])
        .await?;
    for (keys, attribute) in [
        (
            &[("userName", "free"), ("employeeNumber", "8")][..],
            "employeeNumber",
        ),
        (&[("userName", "x"), ("employeeNumber", "free")], "userName"),
        (&[("employeeNumber", "7")], "employeeNumber"),
    ] {
        let refusal = acme.refuse(&[Step::create(User, "c").keys(keys)]).await?;
        ensure_eq!(refusal, Refusal::taken(0, attribute), "reserving {keys:?}");
    }
    acme.apply(&[Step::update(User, "a")
        .named("a")
        .keys(&[("userName", "x"), ("employeeNumber", "7")])])
        .await?;
    acme.apply(&[Step::create(User, "c").keys(&[("userName", "free"), ("employeeNumber", "8")])])
        .await?;
    Ok(())
}

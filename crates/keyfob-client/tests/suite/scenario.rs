//! One run through all operations, the same over every transport and against every server.

use keyfob_client::{Client, Error, FilterSupport, Found, Patch, Patched, Transport};
use keyfob_core::{
    Resource, ResourceId, SchemaUri,
    view::{EnterpriseUser, Group, MultiValue, Name, User},
};
use keyfob_filter::Filter;

/// Goes through the life of users and groups whose names begin with `run`, and leaves none of them behind.
pub(crate) async fn scenario<X: Transport>(client: &Client<X>, run: &str) {
    let target = client.discover().await.unwrap();
    let client = &client.with(target);
    let mut made = users(client, run).await;
    let guides = groups(client, run, &made).await;
    client.of::<Group>().delete(&guides).await.unwrap();
    lists(client, run, &mut made).await;
    for id in made {
        client.of::<User>().delete(&id).await.unwrap();
        let error = client.of::<User>().get(&id).await.unwrap_err();
        assert!(error.is_gone(), "{error}");
    }
}

async fn users<X: Transport>(client: &Client<X>, run: &str) -> Vec<ResourceId> {
    let users = client.of::<User>();
    let mut ada = User::new(format!("{run}-ada"));
    ada.name = Some(Name::new("Ada", "Lovelace"));
    ada.display_name = Some("Ada".into());
    ada.active = Some(true);
    ada.emails.push(
        MultiValue::new(format!("{run}-ada@example.com"))
            .with_kind("work")
            .with_primary(),
    );
    let mut ada = Resource::from(ada);
    let mut employee = EnterpriseUser::new();
    employee.department = Some("Engines".into());
    employee.write_to(&mut ada);
    let ada = User::from(ada);

    assert!(
        users
            .find(&format!("userName eq \"{run}-ada\""))
            .await
            .unwrap()
            .is_none()
    );
    let created = users.create(&ada).await.unwrap();
    assert_eq!(created.resource.user_name, ada.user_name);
    let read = users.get(&created.id).await.unwrap();
    assert_eq!(
        read.resource.name.as_ref().unwrap().family_name.as_deref(),
        Some("Lovelace")
    );
    let employee = EnterpriseUser::from_resource(&Resource::from(read.resource.clone())).unwrap();
    assert_eq!(employee.department.as_deref(), Some("Engines"));

    let conflict = users.create(&ada).await.unwrap_err();
    assert!(conflict.is_conflict(), "{conflict}");

    let by_name = Filter::eq(
        keyfob_core::AttrPath::attribute("userName"),
        format!("{run}-ada").as_str(),
    );
    let found = users.find(by_name).await.unwrap().one().unwrap();
    assert_eq!(found.id, created.id);

    let patched = users
        .patch(
            &created.id,
            Patch::new().replace("title", "Countess").remove("displayName"),
        )
        .await
        .unwrap();
    if let Patched::Body(stored) = &patched {
        assert_eq!(stored.resource.title.as_deref(), Some("Countess"));
    }
    let stored = users.get(&created.id).await.unwrap();
    let updated = users
        .update(&stored, |user| {
            user.title = Some("Analyst".into());
            user.emails
                .push(MultiValue::new(format!("{run}-ada@home.example")).with_kind("home"));
        })
        .await
        .unwrap();
    assert_eq!(updated.resource.title.as_deref(), Some("Analyst"));
    let stored = users.get(&created.id).await.unwrap();
    assert_eq!(stored.resource.title.as_deref(), Some("Analyst"));
    assert_eq!(stored.resource.emails.len(), 2);
    assert_eq!(stored.resource.display_name, None);

    let mut replacement = User::new(format!("{run}-ada"));
    replacement.active = Some(false);
    let replaced = users.replace(&created.id, &replacement).await.unwrap();
    assert_eq!(replaced.resource.active, Some(false));
    assert_eq!(users.get(&created.id).await.unwrap().resource.title, None);

    let bob = users.create(&User::new(format!("{run}-bob"))).await.unwrap();
    vec![created.id, bob.id]
}

async fn groups<X: Transport>(client: &Client<X>, run: &str, members: &[ResourceId]) -> ResourceId {
    let groups = client.of::<Group>();
    let guides = groups
        .create(&Group::new(format!("{run} Guides")))
        .await
        .unwrap()
        .id;
    let shown = async || {
        let group = groups.get(&guides).await.unwrap().resource;
        let mut ids: Vec<ResourceId> = group.members.iter().map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    };
    let sorted = {
        let mut ids = members.to_vec();
        ids.sort();
        ids
    };
    groups
        .members(&guides)
        .add(members.iter().cloned())
        .await
        .unwrap();
    assert_eq!(shown().await, sorted);
    groups
        .members(&guides)
        .remove([members[0].clone()])
        .await
        .unwrap();
    assert_eq!(shown().await, [members[1].clone()]);
    let changed = groups.members(&guides).set([members[0].clone()]).await.unwrap();
    assert_eq!((changed.added, changed.removed), (1, 1));
    assert_eq!(shown().await, [members[0].clone()]);
    groups
        .patch(
            &guides,
            Patch::new().replace("displayName", format!("{run} Leads").as_str()),
        )
        .await
        .unwrap();
    assert_eq!(
        groups.get(&guides).await.unwrap().resource.display_name,
        Some(format!("{run} Leads").into())
    );
    guides
}

async fn lists<X: Transport>(client: &Client<X>, run: &str, made: &mut Vec<ResourceId>) {
    let users = client.of::<User>();
    for number in 0..7 {
        made.push(
            users
                .create(&User::new(format!("{run}-{number}")))
                .await
                .unwrap()
                .id,
        );
    }
    if client.target().capabilities.filter.value == FilterSupport::Full {
        let filter = format!("userName sw \"{run}-\"");
        let mut listed = users.list().filter(&filter).page(3).stream();
        let mut ids = Vec::new();
        while let Some(stored) = listed.next().await {
            ids.push(stored.unwrap().id);
        }
        ids.sort();
        made.sort();
        assert_eq!(ids, *made);
        assert!(matches!(users.find(&filter).await.unwrap(), Found::Many(ids) if ids.len() >= 2));
        assert_eq!(
            users.search().filter(&filter).page(3).all().await.unwrap().len(),
            made.len()
        );
    }
    let all = users.list().attributes(["userName"]).all().await.unwrap();
    assert!(made.iter().all(|id| all.iter().any(|stored| stored.id == *id)));
    assert!(all.iter().all(|stored| stored.resource.emails.is_empty()));
}

#[tokio::test]
async fn the_scenario_runs_in_process() {
    scenario(&crate::server::in_process().await, "process").await;
}

#[tokio::test]
async fn the_answers_of_keyfob_depart_from_the_rfc_nowhere() {
    let (service, token) = crate::server::server().await;
    let client = crate::server::builder("http://localhost/scim/v2", &token)
        .strict()
        .transport(keyfob_client::InProcess::new(service))
        .build()
        .unwrap();
    scenario(&client, "strict").await;
}

#[tokio::test]
async fn versions_guard_updates_as_section_3_14_says() {
    let client = crate::server::in_process().await;
    let users = client.of::<User>();
    let first = users.create(&User::new("bjensen")).await.unwrap();
    let version = first.version.clone().unwrap();
    users
        .patch(&first.id, Patch::new().replace("title", "Guide"))
        .if_match(&version)
        .await
        .unwrap();
    let stale = users
        .patch(&first.id, Patch::new().replace("title", "Lead"))
        .if_match(&version)
        .await;
    assert_eq!(stale.unwrap_err().status(), Some(412));
    let stale = users
        .update(&first, |user| user.nick_name = Some("Babs".into()))
        .await;
    assert_eq!(stale.unwrap_err().status(), Some(412));
    let same = users.update(&first, |_| {}).await.unwrap();
    assert_eq!(same, first);
    assert_eq!(
        users
            .delete(&first.id)
            .if_match(&version)
            .await
            .unwrap_err()
            .status(),
        Some(412)
    );
}

#[tokio::test]
async fn a_search_over_all_types_knows_each_resource_by_its_schema() {
    let client = crate::server::in_process().await;
    let user = client.of::<User>().create(&User::new("bjensen")).await.unwrap();
    let mut group = Group::new("Guides");
    group.members.insert(user.id.clone(), keyfob_core::Member::new());
    client.of::<Group>().create(&group).await.unwrap();
    let all = client.search().all().await.unwrap();
    assert_eq!(all.len(), 2);
    let group = all
        .iter()
        .find(|stored| stored.resource.schemas().contains(&SchemaUri::GROUP))
        .unwrap();
    assert!(group.resource.relation("members").unwrap().contains(&user.id));
}

#[tokio::test]
async fn attributes_and_excluded_attributes_reach_the_server() {
    let client = crate::server::in_process().await;
    let mut user = User::new("bjensen");
    user.title = Some("Guide".into());
    let id = client
        .of::<User>()
        .create(&user)
        .attributes(["userName"])
        .await
        .unwrap()
        .id;
    let users = client.of::<User>();
    assert_eq!(
        users
            .get(&id)
            .attributes(["userName"])
            .await
            .unwrap()
            .resource
            .title,
        None
    );
    assert_eq!(
        users.get(&id).excluding(["title"]).await.unwrap().resource.title,
        None
    );
    let wrong = users.get(&id).attributes(["a b"]).await.unwrap_err();
    assert!(matches!(wrong, Error::Request(_)), "{wrong}");
}

#[tokio::test]
async fn an_update_without_patch_reads_and_replaces() {
    let client = crate::server::in_process().await;
    let client = client.with(client.discover().await.unwrap().given("patch", false).unwrap());
    let users = client.of::<User>();
    let mut user = User::new("bjensen");
    user.title = Some("Guide".into());
    user.emails
        .push(MultiValue::new("b@example.com").with_kind("work"));
    let stored = users.create(&user).await.unwrap();
    let updated = users.update(&stored, |user| user.title = None).await.unwrap();
    assert_eq!(updated.resource.title, None);
    assert_eq!(updated.resource.emails.len(), 1);
    let refused = users
        .patch(&stored.id, Patch::new().remove("title"))
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "the server does not support PATCH");
}

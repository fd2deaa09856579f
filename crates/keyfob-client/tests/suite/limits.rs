//! Servers that enforce the limits of the presets: nothing that they would refuse is sent to them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use keyfob_client::{Client, Error, InProcess, Patch, Preset, Request, Target, Transport};
use keyfob_core::{
    ResourceId,
    view::{Group, MultiValue, User},
};
use serde_json::Value;

use crate::{
    script::{Answered, error, response, scim},
    server::{Service, builder, server},
};

/// A keyfob server behind the rules of another, which looks at a group's members after every request.
#[derive(Clone)]
struct Enforcing {
    inner: InProcess<Service>,
    rules: fn(&http::Request<Bytes>) -> Option<&'static str>,
    hides_members: bool,
    refused: Arc<Mutex<Vec<String>>>,
    requests: Arc<Mutex<usize>>,
    /// A client past the rules, the group to look at, and the members that must be in it all the time.
    watch: Arc<Mutex<Option<Watch>>>,
}

type Watch = (Client<InProcess<Service>>, ResourceId, Vec<ResourceId>);

impl Transport for Enforcing {
    async fn send(&self, request: Request) -> Answered {
        *self.requests.lock().unwrap() += 1;
        if let Some(rule) = (self.rules)(&request.http) {
            self.refused.lock().unwrap().push(format!("{rule}: {request:?}"));
            if request.http.method() == http::Method::PUT {
                return Ok(response(404, "text/html", "<html>404</html>"));
            }
            return scim(400, &error(400, "invalidValue"));
        }
        let mut answer = self.inner.send(request).await?;
        let watch = self.watch.lock().unwrap().clone();
        if let Some((client, group, staying)) = watch {
            let shown = client.of::<Group>().get(&group).await.unwrap().resource.members;
            assert!(
                staying.iter().all(|id| shown.contains(id)),
                "a member that stays is out of the group"
            );
        }
        if self.hides_members
            && let Ok(mut body) = serde_json::from_slice::<Value>(answer.body())
        {
            if body.get("members").is_some() {
                body["members"] = Value::Array(Vec::new());
            }
            *answer.body_mut() = Bytes::from(body.to_string());
        }
        Ok(answer)
    }

    async fn wait(&self, _: Duration) {}
}

fn operations(request: &http::Request<Bytes>) -> Vec<Value> {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    body["Operations"].as_array().cloned().unwrap_or_default()
}

/// T1: what the developer guide of AWS IAM Identity Center says.
fn aws(request: &http::Request<Bytes>) -> Option<&'static str> {
    let query = request.uri().query().unwrap_or_default();
    if query.contains("%20or%20") || query.contains("%20sw%20") || query.contains("sortBy") {
        return Some("a filter");
    }
    let mut changes = 0;
    for operation in operations(request) {
        let path = operation["path"].as_str();
        let values = operation["value"].as_array().map_or(0, Vec::len);
        match path {
            None if operation["value"].as_object().is_none_or(|value| value.len() > 1) => {
                return Some("several attributes without a path");
            }
            Some(path) if path.starts_with("members[") => return Some("members by filter"),
            Some("members") if operation["op"] == "replace" || values == 0 => return Some("all members"),
            Some("members") => changes += values,
            _ => {}
        }
    }
    (changes > 100).then_some("more than 100 members")
}

/// T2: what users of Google Cloud Identity report.
fn google(request: &http::Request<Bytes>) -> Option<&'static str> {
    let is_group = request.uri().path().contains("/Groups/");
    match (request.method().as_str(), operations(request).len()) {
        ("PUT", _) => Some("PUT"),
        ("PATCH", 3..) if is_group => Some("more than 2 operations of a group"),
        ("PATCH", 21..) => Some("more than 20 operations"),
        _ => None,
    }
}

async fn enforcing(
    preset: &str,
    rules: fn(&http::Request<Bytes>) -> Option<&'static str>,
) -> (Client<Enforcing>, Client<InProcess<Service>>) {
    let (service, token) = server().await;
    let inner = InProcess::new(service);
    let past = builder("http://localhost/scim/v2", &token)
        .transport(inner.clone())
        .build()
        .unwrap();
    let transport = Enforcing {
        inner,
        rules,
        hides_members: preset == "aws",
        refused: Arc::default(),
        requests: Arc::default(),
        watch: Arc::default(),
    };
    let client = builder("http://localhost/scim/v2", &token)
        .transport(transport)
        .build()
        .unwrap();
    let target = client
        .discover()
        .await
        .unwrap()
        .preset(&Preset::named(preset).unwrap());
    (client.with(target), past)
}

/// Puts 250 users into a group, and exchanges 120 of them for others.
async fn exchange_members(
    client: &Client<Enforcing>,
    past: &Client<InProcess<Service>>,
    enforcing: &Enforcing,
) {
    let mut users = Vec::new();
    for number in 0..370 {
        users.push(
            past.of::<User>()
                .create(&User::new(format!("u{number}")))
                .await
                .unwrap()
                .id,
        );
    }
    let groups = client.of::<Group>();
    let group = groups.create(&Group::new("Guides")).await.unwrap().id;
    groups.members(&group).add(users[..250].to_vec()).await.unwrap();
    *enforcing.watch.lock().unwrap() = Some((past.clone(), group.clone(), users[120..250].to_vec()));
    let changed = groups
        .members(&group)
        .add(users[250..].to_vec())
        .remove(users[..120].to_vec())
        .await
        .unwrap();
    assert_eq!((changed.added, changed.removed), (120, 120));
    let shown = past.of::<Group>().get(&group).await.unwrap().resource.members;
    assert_eq!(shown.len(), 250);
    assert!(users[120..].iter().all(|id| shown.contains(id)));
}

/// Runs what a provider does to users.
async fn change_users(client: &Client<Enforcing>) {
    let users = client.of::<User>();
    let mut user = User::new("ada");
    user.emails
        .push(MultiValue::new("ada@example.com").with_kind("work"));
    let stored = users.create(&user).await.unwrap();
    let mut attributes = keyfob_core::Object::new();
    attributes.insert("title", "Countess");
    attributes.insert("nickName", "Ada");
    users
        .patch(&stored.id, Patch::new().replace_all(attributes))
        .await
        .unwrap();
    let stored = users.get(&stored.id).await.unwrap();
    let changed = users
        .update(&stored, |user| {
            user.title = None;
            user.locale = Some("en-GB".into());
            user.emails[0].value = Some("countess@example.com".into());
            user.timezone = Some("Europe/London".into());
        })
        .await
        .unwrap();
    assert_eq!(changed.resource.title, None);
    assert!(users.find("userName eq \"ada\"").await.unwrap().one().is_some());
    assert_eq!(
        users
            .list()
            .filter("userName eq \"ada\"")
            .all()
            .await
            .unwrap()
            .len(),
        1
    );
    let many = (0..45).fold(Patch::new(), |patch, number| {
        patch.replace("title", format!("t{number}").as_str())
    });
    users.patch(&stored.id, many).await.unwrap();
    assert_eq!(
        users.get(&stored.id).await.unwrap().resource.title.as_deref(),
        Some("t44")
    );
}

fn transport_of(client: &Client<Enforcing>) -> Enforcing {
    client.transport().clone()
}

#[tokio::test]
async fn no_request_is_refused_by_a_server_with_the_limits_of_aws() {
    let (client, past) = enforcing("aws", aws).await;
    let transport = transport_of(&client);
    exchange_members(&client, &past, &transport).await;
    change_users(&client).await;
    assert_eq!(*transport.refused.lock().unwrap(), Vec::<String>::new());
    let group = client
        .of::<Group>()
        .find("displayName eq \"Guides\"")
        .await
        .unwrap()
        .one()
        .unwrap();
    let before = *transport.requests.lock().unwrap();
    for refused in [
        client
            .of::<Group>()
            .members(&group.id)
            .set([ResourceId::new("1")])
            .await
            .unwrap_err(),
        client
            .of::<Group>()
            .patch(&group.id, Patch::new().remove("members"))
            .await
            .unwrap_err(),
        client.of::<User>().find("userName sw \"a\"").await.unwrap_err(),
        client
            .of::<User>()
            .list()
            .filter("title pr")
            .all()
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(refused, Error::Unsupported(_)), "{refused}");
    }
    assert_eq!(
        *transport.requests.lock().unwrap(),
        before,
        "what would be refused is not sent"
    );
}

#[tokio::test]
async fn no_request_is_refused_by_a_server_with_the_limits_of_google_cloud() {
    let (client, past) = enforcing("google-cloud", google).await;
    let transport = transport_of(&client);
    exchange_members(&client, &past, &transport).await;
    change_users(&client).await;
    let id = client
        .of::<User>()
        .find("userName eq \"ada\"")
        .await
        .unwrap()
        .one()
        .unwrap()
        .id;
    let refused = client
        .of::<User>()
        .replace(&id, &User::new("ada"))
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "the server does not support PUT");
    assert_eq!(*transport.refused.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn every_other_preset_serves_a_server_of_the_rfc() {
    for preset in ["rfc", "keyfob", "github", "slack"] {
        let (client, past) = enforcing(preset, |_| None).await;
        exchange_members(&client, &past, &transport_of(&client)).await;
        change_users(&client).await;
    }
}

#[tokio::test]
async fn the_limits_are_seen_to_be_enforced() {
    let (client, _) = enforcing("aws", aws).await;
    let client = client.with(Target::rfc());
    let group = client
        .of::<Group>()
        .create(&Group::new("Guides"))
        .await
        .unwrap()
        .id;
    client
        .of::<Group>()
        .members(&group)
        .remove([ResourceId::new("1")])
        .await
        .unwrap_err();
    assert_eq!(transport_of(&client).refused.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_change_of_members_says_how_far_it_came() {
    let (service, token) = server().await;
    let client = builder("http://localhost/scim/v2", &token)
        .transport(InProcess::new(service))
        .build()
        .unwrap();
    let client = client.with(client.target().clone().given("membersPerPatch", 2).unwrap());
    let group = client
        .of::<Group>()
        .create(&Group::new("Guides"))
        .await
        .unwrap()
        .id;
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        ids.push(client.of::<User>().create(&User::new(name)).await.unwrap().id);
    }
    ids.push(ResourceId::new("nobody"));
    let stopped = client.of::<Group>().members(&group).add(ids.clone()).await;
    if let Err(stopped) = stopped {
        assert!(
            stopped.to_string().starts_with("stopped after 1 of 2 requests: "),
            "{stopped}"
        );
    }
    let both = client
        .of::<Group>()
        .members(&group)
        .add([ids[0].clone()])
        .remove([ids[0].clone()])
        .await
        .unwrap_err();
    assert!(
        both.to_string().ends_with("is to be both added and removed"),
        "{both}"
    );
    let nothing = client.of::<Group>().members(&group).add([]).await.unwrap();
    assert_eq!((nothing.added, nothing.removed), (0, 0));
}

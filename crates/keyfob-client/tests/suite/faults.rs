//! Random faults on the way: nothing is created twice, and nothing that was reported as done is lost.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use keyfob_client::{Client, InProcess, Patch, Request, Retry, Transport, TransportError};
use keyfob_core::{
    ResourceId,
    view::{Group, User},
};
use proptest::prelude::*;

use crate::{
    script::{Answered, error, response, scim, with},
    server::{Service, builder, server},
};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The connection breaks before the request arrives.
    DropBefore,
    /// The request arrives, and the connection breaks before the answer does.
    DropAfter,
    /// The request arrives, and the answer comes too late.
    Slow,
    ThrottledSeconds,
    ThrottledDate,
    Unavailable,
    InternalBefore,
    InternalAfter,
    BadGateway,
    Html404,
    /// The request arrives, and half of the answer's body comes back.
    CutJson,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::DropBefore),
        1 => Just(Fault::DropAfter),
        1 => Just(Fault::Slow),
        1 => Just(Fault::ThrottledSeconds),
        1 => Just(Fault::ThrottledDate),
        1 => Just(Fault::Unavailable),
        1 => Just(Fault::InternalBefore),
        1 => Just(Fault::InternalAfter),
        1 => Just(Fault::BadGateway),
        1 => Just(Fault::Html404),
        1 => Just(Fault::CutJson),
    ]
}

/// A way to the server on which things go wrong by a schedule.
#[derive(Clone)]
struct Faulty {
    inner: InProcess<Service>,
    schedule: Arc<Mutex<std::vec::IntoIter<Fault>>>,
    /// The endpoints at which something was created, and how often one was asked to create again.
    created: Arc<Mutex<(Vec<String>, usize)>>,
}

impl Faulty {
    /// Lets a request arrive. The server refuses a second creation, so that only its arrival shows that it was sent.
    async fn arrive(&self, request: Request) -> Answered {
        let is_creation = request.http.method() == http::Method::POST;
        let path = request.http.uri().path().to_owned();
        if is_creation && self.created.lock().unwrap().0.contains(&path) {
            self.created.lock().unwrap().1 += 1;
        }
        let answer = self.inner.send(request).await?;
        if is_creation && answer.status() == 201 {
            self.created.lock().unwrap().0.push(path);
        }
        Ok(answer)
    }
}

impl Transport for Faulty {
    async fn send(&self, request: Request) -> Answered {
        let fault = self.schedule.lock().unwrap().next().unwrap_or(Fault::None);
        let interrupted = || Err(TransportError::interrupted("the connection broke"));
        match fault {
            Fault::None => self.arrive(request).await,
            Fault::DropBefore => interrupted(),
            Fault::DropAfter => {
                self.arrive(request).await?;
                interrupted()
            }
            Fault::Slow => {
                self.arrive(request).await?;
                Err(TransportError::timed_out("too late"))
            }
            Fault::ThrottledSeconds => with("retry-after", "1", scim(429, &error(429, ""))),
            Fault::ThrottledDate => with(
                "date",
                "Sun, 29 Nov 2026 12:00:00 GMT",
                with(
                    "retry-after",
                    "Sun, 29 Nov 2026 12:00:02 GMT",
                    Ok(response(429, "text/plain", "slow down")),
                ),
            ),
            Fault::Unavailable => Ok(response(503, "text/html", "<html>")),
            Fault::InternalBefore => scim(500, &error(500, "")),
            Fault::InternalAfter => {
                self.arrive(request).await?;
                Ok(response(500, "application/json", "{}"))
            }
            Fault::BadGateway => {
                self.arrive(request).await?;
                Ok(response(502, "text/plain", "error code: 502"))
            }
            Fault::Html404 => Ok(response(404, "text/html", "<html><h1>Not Found</h1></html>")),
            Fault::CutJson => {
                let mut answer = self.arrive(request).await?;
                let half = answer.body().len() / 2;
                let cut = answer.body().slice(..half);
                *answer.body_mut() = cut;
                Ok(answer)
            }
        }
    }

    async fn wait(&self, _: Duration) {}
}

/// Provisions a user and a group over a faulty way, and looks at the server past it after every step.
async fn provision(schedule: Vec<Fault>) -> Result<(), TestCaseError> {
    let (service, token) = server().await;
    let inner = InProcess::new(service);
    let truth = builder("http://localhost/scim/v2", &token)
        .transport(inner.clone())
        .build()
        .unwrap();
    let schedule = Arc::new(Mutex::new(schedule.into_iter()));
    let created_twice: Arc<Mutex<(Vec<String>, usize)>> = Arc::default();
    let client = builder("http://localhost/scim/v2", &token)
        .retry(Retry {
            first: Duration::ZERO,
            ..Retry::default()
        })
        .transport(Faulty {
            inner,
            schedule,
            created: Arc::clone(&created_twice),
        })
        .build()
        .unwrap();
    let (users, groups) = (client.of::<User>(), client.of::<Group>());

    let mut ada = User::new("ada");
    ada.title = Some("Countess".into());
    let created = users.create(&ada).await;
    let held = truth.of::<User>().list().all().await.unwrap();
    prop_assert!(held.len() <= 1, "a user was created twice");
    prop_assert_eq!(
        created_twice.lock().unwrap().1,
        0,
        "what was created is sent again"
    );
    let Ok(created) = created else { return Ok(()) };
    prop_assert_eq!(held.len(), 1, "a creation that was reported as done is lost");
    prop_assert_eq!(&created.id, &held[0].id);

    let group = groups.create(&Group::new("Guides")).await;
    let held = truth.of::<Group>().list().all().await.unwrap();
    prop_assert!(held.len() <= 1, "a group was created twice");
    prop_assert!(group.is_err() || held.len() == 1);
    prop_assert_eq!(
        created_twice.lock().unwrap().1,
        0,
        "what was created is sent again"
    );

    if users
        .patch(
            &created.id,
            Patch::new().replace("title", "Analyst").remove("nickName"),
        )
        .await
        .is_ok()
    {
        prop_assert!(
            title(&truth, &created.id, "Analyst").await,
            "a change that was reported as done is lost"
        );
    }
    let stored = truth.of::<User>().get(&created.id).await.unwrap();
    let updated = users
        .update(&stored, |user| user.title = Some("Engineer".into()))
        .await;
    if updated.is_ok() {
        prop_assert!(
            title(&truth, &created.id, "Engineer").await,
            "a change that was reported as done is lost"
        );
    }
    let mut lead = User::new("ada");
    lead.title = Some("Lead".into());
    if users.replace(&created.id, &lead).await.is_ok() {
        prop_assert!(
            title(&truth, &created.id, "Lead").await,
            "a change that was reported as done is lost"
        );
    }
    if let Ok(group) = group {
        let members = async || truth.of::<Group>().get(&group.id).await.unwrap().resource.members;
        if groups.members(&group.id).add([created.id.clone()]).await.is_ok() {
            prop_assert_eq!(members().await.len(), 1);
        }
        if groups
            .members(&group.id)
            .remove([created.id.clone()])
            .await
            .is_ok()
        {
            prop_assert!(members().await.is_empty());
        }
    }
    if let Ok(found) = users.find("userName eq \"ada\"").await {
        prop_assert_eq!(found.one().map(|stored| stored.id), Some(created.id.clone()));
    }
    if let Ok(listed) = users.list().all().await {
        prop_assert_eq!(listed.len(), 1);
    }
    if users.delete(&created.id).await.is_ok() {
        prop_assert!(truth.of::<User>().list().all().await.unwrap().is_empty());
    }
    Ok(())
}

async fn title(truth: &Client<InProcess<Service>>, id: &ResourceId, expected: &str) -> bool {
    truth
        .of::<User>()
        .get(id)
        .await
        .unwrap()
        .resource
        .title
        .as_deref()
        == Some(expected)
}

/// How many schedules are tried: `KEYFOB_FAULTS`, or 300.
fn cases() -> u32 {
    std::env::var("KEYFOB_FAULTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_schedule_of_faults_makes_a_duplicate_or_loses_what_was_reported_as_done(
        schedule in proptest::collection::vec(fault(), 0..40),
    ) {
        pollster::block_on(provision(schedule))?;
    }
}

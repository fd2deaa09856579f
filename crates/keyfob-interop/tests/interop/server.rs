//! A server under test, whose ids and times are the same in every run.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http::Response;
use keyfob_client::{Client, InProcess, Request, Transport, TransportError};
use keyfob_core::{Clock, DateTime, IdGenerator, Registry, ResourceId};
use keyfob_http::{BearerTokens, ScimService};
use keyfob_interop::simulate::{Report, Scenario, Simulation};
use keyfob_provisioning::{Provisioner, Token};
use keyfob_store_memory::MemoryStore;

pub(crate) type Service = ScimService<MemoryStore>;

/// Ids that count.
#[derive(Default)]
struct Counted(AtomicU64);

impl IdGenerator for Counted {
    fn next_id(&self, _: DateTime) -> ResourceId {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        ResourceId::new(format!("00000000-0000-7000-8000-{number:012}"))
    }
}

/// A clock that stands still.
pub(crate) struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(1_700_000_000_000)
    }
}

/// A server of one organization under the default profile, and its token.
pub(crate) async fn server() -> (Service, String) {
    let provisioner = Provisioner::builder(MemoryStore::new(), Registry::rfc().clone())
        .with_ids(Counted::default())
        .with_clock(Stopped)
        .build();
    let token = Token::generate().unwrap();
    provisioner
        .admin()
        .create_organization("Example", &token)
        .await
        .unwrap();
    let engine = Arc::clone(provisioner.engine());
    let tokens = BearerTokens::new(&engine, provisioner);
    let service = ScimService::builder(engine, tokens).base_path("/scim/v2").build();
    (service, token.expose().to_owned())
}

/// A simulation whose requests are the same each time.
pub(crate) fn simulation(provider: &str, variant: Option<&str>) -> Simulation {
    let scenario = Scenario::built_in(provider).unwrap_or_else(|| panic!("{provider}"));
    let simulation = Simulation::new(scenario)
        .run_name("sim-0001")
        .unwrap()
        .clock(Stopped);
    match variant {
        Some(variant) => simulation.variant(variant).unwrap(),
        None => simulation,
    }
}

/// Every provider with each of its variants.
pub(crate) fn variants() -> Vec<(&'static str, Option<String>)> {
    let of = |provider: &'static str| {
        let scenario = Scenario::built_in(provider).unwrap_or_else(|| panic!("{provider}"));
        let variants: Vec<Option<String>> = scenario
            .variants()
            .map(|(name, _)| Some(name.to_owned()))
            .collect();
        let variants = if variants.is_empty() { vec![None] } else { variants };
        variants.into_iter().map(move |variant| (provider, variant))
    };
    Scenario::providers().flat_map(of).collect()
}

/// Answers in place of the server, or changes a request on its way.
pub(crate) enum Tamper {
    Pass,
    Answer(u16, &'static str, String),
    Lose,
    LoseAnswer,
    Send(Box<http::Request<Bytes>>),
    /// Changes the server's answer.
    Edit(fn(String) -> String),
}

/// A way to the server on which requests and answers are tampered with.
pub(crate) struct Tampering<F> {
    pub(crate) inner: InProcess<Service>,
    pub(crate) tamper: F,
}

impl<F: Fn(&http::Request<Bytes>) -> Tamper + Send + Sync> Transport for Tampering<F> {
    async fn send(&self, mut request: Request) -> Result<Response<Bytes>, TransportError> {
        match (self.tamper)(&request.http) {
            Tamper::Pass => self.inner.send(request).await,
            Tamper::Answer(status, media_type, body) => Response::builder()
                .status(status)
                .header("content-type", media_type)
                .body(Bytes::from(body))
                .map_err(TransportError::interrupted),
            Tamper::Lose => Err(TransportError::not_sent("no connection")),
            Tamper::LoseAnswer => {
                self.inner.send(request).await?;
                Err(TransportError::interrupted("the connection broke"))
            }
            Tamper::Send(other) => {
                request.http = *other;
                self.inner.send(request).await
            }
            Tamper::Edit(edit) => {
                let answer = self.inner.send(request).await?;
                let text = |body: Bytes| String::from_utf8(body.to_vec()).unwrap();
                Ok(answer.map(|body| Bytes::from(edit(text(body)))))
            }
        }
    }

    async fn wait(&self, time: std::time::Duration) {
        self.inner.wait(time).await;
    }
}

/// Runs a simulation against a server in process, on whose way everything is tampered with.
pub(crate) fn run_with(
    simulation: Simulation,
    tamper: impl Fn(&http::Request<Bytes>) -> Tamper + Send + Sync,
) -> (Report, Service, String) {
    pollster::block_on(async {
        let (service, token) = server().await;
        let transport = Tampering {
            inner: InProcess::new(service.clone()),
            tamper,
        };
        let client = Client::builder("http://localhost/scim/v2")
            .unwrap()
            .transport(transport)
            .build()
            .unwrap();
        let report = simulation.token(&token).unwrap().run(&client, &mut ()).await;
        (report, service, token)
    })
}

/// The number of users and groups that the server has.
pub(crate) fn left(service: &Service, token: &str) -> usize {
    pollster::block_on(async {
        let client = Client::builder("http://localhost/scim/v2")
            .unwrap()
            .bearer(token)
            .transport(InProcess::new(service.clone()))
            .build()
            .unwrap();
        let mut count = 0;
        for name in ["User", "Group"] {
            let page = client.resources(name).list().first_page().await.unwrap();
            count += page.resources.len();
        }
        count
    })
}

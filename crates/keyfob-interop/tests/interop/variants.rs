//! Every variant of every provider finds nothing to say about keyfob under its default profile.

use std::{sync::Mutex, time::Instant};

use bytes::Bytes;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use keyfob_client::{BlockingTransport, Client, Request, Transport, TransportError, Ureq};
use keyfob_interop::simulate::{Report, Scenario, Sender, Verdict};

use crate::server::{Tamper, left, run_with, server, simulation, variants};

#[track_caller]
fn assert_clean(report: &Report) {
    assert_eq!(report.verdict(), Verdict::Ok, "{}", report.text());
    assert!(report.left.is_empty(), "{}", report.text());
}

#[test]
fn every_variant_is_clean_and_leaves_nothing_behind() {
    for (provider, variant) in variants() {
        let (report, service, token) = run_with(simulation(provider, variant.as_deref()).cycles(2), |_| {
            Tamper::Pass
        });
        assert_clean(&report);
        assert_eq!(left(&service, &token), 0, "{provider} {variant:?}");
    }
}

#[test]
fn a_run_that_keeps_its_objects_leaves_them_and_another_one_is_not_hindered() {
    let (report, service, token) = run_with(simulation("google", None).keep(), |_| Tamper::Pass);
    assert_clean(&report);
    // One of the five users was deleted.
    assert_eq!(left(&service, &token), 4);
}

#[test]
fn one_step_brings_those_along_that_it_depends_on() {
    let simulation = simulation("okta", Some("catalogue"))
        .step("swap-members")
        .unwrap();
    let (report, ..) = run_with(simulation, |_| Tamper::Pass);
    assert_clean(&report);
    let names: Vec<&str> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(
        names,
        ["create-users", "push-groups", "push-members", "swap-members"]
    );
}

#[test]
fn what_a_small_population_lacks_is_skipped_and_said() {
    let (report, ..) = run_with(simulation("entra", None).sizes(1, 0, 0), |_| Tamper::Pass);
    assert!(report.is_clean(), "{}", report.text());
    let skipped = report
        .steps
        .iter()
        .find(|step| step.name == "rename-user")
        .unwrap();
    assert_eq!(skipped.verdict, Verdict::Skipped);
    assert_eq!(skipped.findings[0].says, "there is no user 2 for it");
}

/// A transport that blocks, on a thread of its own for each request.
struct Blocking(Ureq);

impl Transport for Blocking {
    async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        let ureq = self.0.clone();
        tokio::task::spawn_blocking(move || ureq.send_blocking(request))
            .await
            .map_err(TransportError::interrupted)?
    }

    async fn wait(&self, time: std::time::Duration) {
        tokio::time::sleep(time).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_socket_every_variant_is_clean_in_less_than_ten_seconds() {
    let start = Instant::now();
    for (provider, variant) in variants() {
        let (service, token) = server().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scim/v2", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(service.clone());
                tokio::spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new();
                    connection
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        let client = Client::builder(&url)
            .unwrap()
            .transport(Blocking(Ureq::new()))
            .build()
            .unwrap();
        let simulation = simulation(provider, variant.as_deref()).token(&token).unwrap();
        assert_clean(&simulation.run(&client, &mut ()).await);
    }
    println!("{} variants: {:?}", variants().len(), start.elapsed());
}

/// Holds every request back until as many as are expected are under way.
struct Counting<'m, X> {
    inner: X,
    most: &'m Mutex<(usize, usize)>,
}
impl<X: Transport> Transport for Counting<'_, X> {
    async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        {
            let mut most = self.most.lock().unwrap();
            most.0 += 1;
            most.1 = most.1.max(most.0);
        }
        // Those beside it get their turn.
        let mut is_first = true;
        std::future::poll_fn(|cx| {
            if std::mem::take(&mut is_first) {
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(())
            }
        })
        .await;
        let answer = self.inner.send(request).await;
        self.most.lock().unwrap().0 -= 1;
        answer
    }

    async fn wait(&self, _: std::time::Duration) {}
}

#[test]
fn e12_five_membership_requests_are_under_way_at_the_same_time() {
    let most = Mutex::new((0, 0));
    let run = |parallel: Option<usize>| {
        *most.lock().unwrap() = (0, 0);
        pollster::block_on(async {
            let (service, token) = server().await;
            let transport = Counting {
                inner: keyfob_client::InProcess::new(service),
                most: &most,
            };
            let client = Client::builder("http://localhost/scim/v2")
                .unwrap()
                .transport(transport)
                .build()
                .unwrap();
            let mut simulation = simulation("entra", None).token(&token).unwrap();
            if let Some(parallel) = parallel {
                simulation = simulation.parallel(parallel);
            }
            assert_clean(&simulation.run(&client, &mut ()).await);
        });
        most.lock().unwrap().1
    };
    assert_eq!(run(None), 5);
    assert_eq!(run(Some(2)), 2);
}

#[test]
fn e2_o1_headers_are_the_providers_own_and_no_others() {
    let sent = |provider| {
        let (report, ..) = run_with(simulation(provider, None), |_| Tamper::Pass);
        let of_provider = report
            .transcript
            .into_iter()
            .filter(|sent| sent.sender == Sender::Provider);
        of_provider
            .map(|sent| (!sent.body.is_empty(), sent.headers))
            .collect::<Vec<_>>()
    };
    for (has_body, headers) in sent("entra") {
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let expected: &[&str] = if has_body {
            &["Authorization", "Content-Type"]
        } else {
            &["Authorization"]
        };
        assert_eq!(names, expected);
    }
    for (_, headers) in sent("onelogin") {
        let agent = headers.iter().find(|(name, _)| name == "User-Agent").unwrap();
        assert_eq!(agent.1, "");
    }
}

#[test]
fn every_step_of_every_scenario_names_facts_that_are_listed_and_google_is_said_to_be_inferred() {
    for provider in Scenario::providers() {
        let scenario = Scenario::built_in(provider).unwrap();
        let facts: Vec<&str> = scenario.evidence().iter().map(|fact| fact.id.as_str()).collect();
        let variants: Vec<Option<&str>> = scenario
            .variants()
            .map(|(name, _)| Some(name))
            .chain([None])
            .collect();
        for variant in variants {
            for (_, step, _, evidence) in scenario.steps(variant) {
                assert!(!evidence.is_empty(), "{provider} {step}");
                assert!(evidence.iter().all(|id| facts.contains(&id.as_str())));
            }
        }
    }
    let (report, ..) = run_with(simulation("google", None), |_| Tamper::Pass);
    let doubtful = report.steps.iter().filter(|step| step.doubts().next().is_some());
    assert_eq!(doubtful.count(), 7);
    let text = report.text();
    let json = String::from_utf8(report.json()).unwrap();
    for shown in [&text, &json, &report.junit(), &report.html()] {
        assert!(shown.contains("G1b is inferred, not the provider"), "{shown}");
    }
}

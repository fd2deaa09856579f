//! The sound server: nothing is found, everything is removed, and reports say what they have to.

use bytes::Bytes;
use keyfob_client::{
    Capabilities, Client, Origin, Preset, RemoveBy, Request, SoftDelete, Target, Transport, TransportError,
};
use keyfob_core::view::User;
use keyfob_interop::probe::{Baseline, Level, Probe, ProbeError, Report, Severity, Verdict};

use crate::{
    broken::Broken,
    mutants::MUTANTS,
    server::{BASE, PROFILES, Served, served},
};

fn probe(served: &Served) -> Probe {
    Probe::new(BASE)
        .unwrap()
        .bearer(&served.token)
        .other_bearer(&served.other)
}

async fn run(served: &Served, probe: Probe) -> Report {
    probe.run(&served.transport).await.unwrap()
}

#[tokio::test]
async fn the_sound_server_has_no_finding_above_a_note_in_its_own_profile() {
    let mut wrong = Vec::new();
    for name in PROFILES {
        let served = served(name).await;
        let report = run(&served, probe(&served).level(Level::Robust)).await;
        // The profile `rfc` is the RFC alone: what providers need beyond it is refused there on purpose.
        let wanted = if name == "rfc" {
            Severity::Should
        } else {
            Severity::Interop
        };
        wrong.extend(
            report
                .at_least(wanted)
                .map(|finding| format!("{name}: {} {}", finding.name(), finding.got)),
        );
        wrong.extend(
            report
                .outcomes
                .iter()
                .filter_map(|outcome| match &outcome.verdict {
                    Verdict::Unclear(why) => Some(format!("{name}: {} is unclear: {why}", outcome.check)),
                    _ => None,
                }),
        );
        wrong.extend(
            report
                .leftovers
                .iter()
                .map(|path| format!("{name}: {path} is left")),
        );
        let [passed, ..] = report.counts();
        assert!(passed > 150, "{name}: {}", report.summary());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn nothing_of_a_run_is_left_and_nothing_else_is_touched() {
    let served = served("interop").await;
    let client = Client::builder(BASE)
        .unwrap()
        .bearer(&served.token)
        .transport(served.transport.clone())
        .build()
        .unwrap();
    // A name that begins like those of runs.
    let mine = client
        .of::<User>()
        .create(&User::new("kfp-of-mine"))
        .await
        .unwrap();
    run(&served, probe(&served).level(Level::Robust)).await;
    let page = client.of::<User>().list().first_page().await.unwrap();
    let left: Vec<_> = page.resources.into_iter().map(|user| user.id).collect();
    assert_eq!(left, [mine.id]);
}

#[tokio::test]
async fn what_is_learnt_is_a_preset_of_the_client() {
    let served = served("interop").await;
    let report = run(&served, probe(&served)).await;
    let capabilities = learnt(&report);
    assert!(capabilities.put.value && capabilities.members_readable.value && capabilities.etag.value);
    assert_eq!(capabilities.remove_by.value, RemoveBy::Filter);
    assert_eq!(
        (capabilities.soft_delete.value, capabilities.soft_delete.origin),
        (SoftDelete::Delete, Origin::Probed)
    );
    // A limit that was not met is not known.
    assert_eq!(capabilities.members_per_patch.origin, Origin::Preset);
}

/// The capabilities of a client with what a run learnt.
fn learnt(report: &Report) -> Capabilities {
    let preset = Preset::from_json(report.capabilities().as_bytes()).unwrap();
    Target::rfc().preset(&preset).capabilities
}

/// What a run with the checks of limits learns of a server that breaks the rule of one of them.
async fn learnt_of_broken(check: &str) -> Capabilities {
    let served = served("interop").await;
    let mutant = MUTANTS.iter().find(|mutant| mutant.check == check).unwrap();
    let probe = probe(&served).only("limits").unwrap();
    learnt(&probe.run(&Broken::new(&served, mutant)).await.unwrap())
}

#[tokio::test]
async fn limits_that_no_configuration_names_are_measured() {
    let of_page = learnt_of_broken("limits.page").await.max_page;
    assert_eq!((of_page.value, of_page.origin), (Some(50), Origin::Probed));
    let refused = learnt_of_broken("limits.members").await.members_per_patch;
    assert_eq!((refused.value, refused.origin), (Some(30), Origin::Probed));
    let dropped = learnt_of_broken("limits.members-kept").await.members_per_patch;
    assert_eq!((dropped.value, dropped.origin), (Some(100), Origin::Probed));
    let stays = learnt_of_broken("limits.soft-delete").await.soft_delete;
    assert_eq!((stays.value, stays.origin), (SoftDelete::Active, Origin::Probed));
}

/// Answers some requests with a page of HTML, and cuts the connection at others.
struct Odd(Served);

impl Transport for Odd {
    async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        if request.http.method() == http::Method::PATCH {
            return Err(TransportError::interrupted("the connection is cut"));
        }
        let is_put = request.http.method() == http::Method::PUT;
        let mut answer = self.0.transport.send(request).await?;
        if is_put {
            *answer.status_mut() = http::StatusCode::NOT_FOUND;
            *answer.body_mut() = Bytes::from_static(b"<html><script>alert(1)</script>\x1b[2J]]></html>");
        }
        Ok(answer)
    }

    async fn wait(&self, _: std::time::Duration) {}
}

#[tokio::test]
async fn a_server_that_breaks_down_ends_no_run_and_its_texts_act_nowhere() {
    let served = served("interop").await;
    let odd = Odd(served.clone());
    let report = probe(&served).run(&odd).await.unwrap();
    let put = report
        .outcomes
        .iter()
        .find(|outcome| outcome.check == "put.replaces")
        .unwrap();
    assert!(matches!(&put.verdict, Verdict::Found(_)), "{put:?}");
    let patch = report
        .outcomes
        .iter()
        .find(|outcome| outcome.check == "patch.add")
        .unwrap();
    assert!(
        matches!(&patch.verdict, Verdict::Unclear(why) if why.contains("the connection is cut")),
        "{patch:?}"
    );
    // Checks that come after are carried out.
    let last = report
        .outcomes
        .iter()
        .find(|outcome| outcome.check == "errors.media-type")
        .unwrap();
    assert!(matches!(last.verdict, Verdict::Passed), "{last:?}");
    for document in [report.to_html(), report.to_junit(Severity::Must)] {
        assert!(document.contains("&lt;script&gt;"));
        for active in ["<script>", "\u{1b}", "]]>"] {
            assert!(!document.contains(active), "{active:?}");
        }
    }
    assert!(!report.to_text(None).contains('\u{1b}'));
}

#[tokio::test]
async fn a_baseline_tells_what_is_new_and_what_is_gone() {
    let served = served("interop").await;
    let only = || probe(&served).only("put").unwrap();
    let odd = only().run(&Odd(served.clone())).await.unwrap();
    let sound = run(&served, only()).await;
    let (before, after) = (
        Baseline::from_json(odd.to_json().as_bytes()).unwrap(),
        Baseline::from_json(sound.to_json().as_bytes()).unwrap(),
    );
    let changes = sound.changes(&before);
    assert_eq!((changes.new.len(), changes.same), (0, 0));
    assert!(changes.gone.contains(&("put.replaces", "")), "{changes:?}");
    let changes = odd.changes(&after);
    assert!(changes.gone.is_empty() && changes.new.iter().any(|finding| finding.check == "put.replaces"));
    // What was not carried out is not gone.
    let other = run(&served, probe(&served).only("create").unwrap()).await;
    assert!(other.changes(&before).gone.is_empty());
}

/// Ends the run at the first PATCH.
struct Ending(Served, keyfob_interop::probe::Stop);
impl Transport for Ending {
    async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        if request.http.method() == http::Method::PATCH {
            self.1.now();
        }
        self.0.transport.send(request).await
    }

    async fn wait(&self, _: std::time::Duration) {}
}

#[tokio::test]
async fn a_run_that_is_ended_removes_what_it_created() {
    let served = served("interop").await;
    let probe = probe(&served);
    let stop = probe.stop();
    let report = probe.run(&Ending(served.clone(), stop)).await.unwrap();
    assert!(report.stopped && report.leftovers.is_empty());
    let client = Client::builder(BASE)
        .unwrap()
        .bearer(&served.token)
        .transport(served.transport.clone())
        .build()
        .unwrap();
    assert_eq!(
        client.of::<User>().list().first_page().await.unwrap().total,
        Some(0)
    );
}

/// Sees that nothing is written.
struct Reading(Served);
impl Transport for Reading {
    async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        let (method, path) = (
            request.http.method().clone(),
            request.http.uri().path().to_owned(),
        );
        assert!(
            method == http::Method::GET || path.ends_with("/.search"),
            "{method} {path}"
        );
        self.0.transport.send(request).await
    }

    async fn wait(&self, _: std::time::Duration) {}
}

#[tokio::test]
async fn reading_alone_sends_no_write() {
    let served = served("interop").await;
    let report = probe(&served)
        .read_only()
        .level(Level::Robust)
        .run(&Reading(served.clone()))
        .await
        .unwrap();
    assert_eq!(report.at_least(Severity::Interop).count(), 0);
    assert!(report.counts()[0] > 20, "{}", report.summary());
}

#[tokio::test]
async fn who_is_no_scim_server_or_takes_another_token_is_told_apart() {
    let served = served("interop").await;
    let refused = Probe::new(BASE)
        .unwrap()
        .bearer("wrong")
        .run(&served.transport)
        .await;
    assert!(matches!(refused, Err(ProbeError::Refused(_))), "{refused:?}");
    let nothing = Probe::new("http://localhost/elsewhere")
        .unwrap()
        .bearer(&served.token)
        .run(&served.transport)
        .await;
    assert!(matches!(nothing, Err(ProbeError::NotScim(_))), "{nothing:?}");
    for url in ["ftp://app.example", "app.example", ""] {
        assert!(matches!(Probe::new(url), Err(ProbeError::Url(_))), "{url}");
    }
    let unknown = Probe::new(BASE).unwrap().only("nothing");
    assert!(unknown.unwrap_err().to_string().contains("bulk, "));
}

#[tokio::test]
async fn no_report_has_a_token() {
    let served = served("rfc").await;
    let report = run(&served, probe(&served)).await;
    assert!(!report.findings().is_empty());
    for text in [
        report.to_text(None),
        report.to_json(),
        report.to_html(),
        report.to_junit(Severity::Note),
        report.capabilities(),
    ] {
        assert!(!text.contains(&served.token) && !text.contains(&served.other));
    }
}

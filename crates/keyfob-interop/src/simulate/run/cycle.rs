//! Cycles of the engine of keyfob-sync within a run, with the requests that the provider would send.

use std::{sync::Arc, thread};

use bytes::Bytes;
use http::{Method, Response, header};
use keyfob_client::{Client, Retry, Transport};
use keyfob_core::{
    Clock, DateTime, Object, Registry, SmolStr, Value,
    json::{object_from_slice, object_to_vec},
};
use keyfob_expression::{Options, SeededEntropy};
use keyfob_mapping::{DeletionThreshold, ObjectMapping, graph::source_from_json};
use keyfob_sync::{
    Event, Guard, Job, Outcome, Quarantine, Report, Rule, State,
    source::{Item, Object as Provided, Place},
};
use percent_encoding::percent_decode_str;

use super::{
    Runner, Work,
    bridge::Bridge,
    send::{Failed, Ready, encoded},
};
use crate::simulate::{
    report::{Finding, Sender, Verdict},
    scenario::{Expected, Given, PatchForm, SyncCycle},
    world::{Scope, Unit},
};

/// The outcome of a cycle.
struct Ended {
    report: Report,
    events: Vec<Event>,
}

/// The clock of the provider.
struct At(DateTime);

impl Clock for At {
    fn now(&self) -> DateTime {
        self.0
    }
}

impl<X: Transport> Runner<'_, X> {
    /// Runs a cycle for a step, and says what departs from what the step expects.
    pub(super) async fn cycle(&mut self, cycle: &SyncCycle, work: &mut Work) {
        let ended = match self.run_cycle(cycle, work.unit).await {
            Ok(ended) => ended,
            Err(says) => {
                work.failed = Some(Failed::of_cycle(says, None, false));
                return;
            }
        };
        let quarantine = ended.report.guards.iter().find_map(|guard| match guard {
            Guard::Quarantine { reason } => Some(reason.clone()),
            _ => None,
        });
        let is_held = ended
            .report
            .guards
            .iter()
            .any(|guard| matches!(guard, Guard::Threshold { .. }));
        let writes = ended.writes();
        let failure = match (cycle.expect, quarantine) {
            (Expected::Quarantine, Some(_)) => None,
            (Expected::Quarantine, None) if cycle.token.is_some() => {
                let says = "a token that nobody gave is taken, and the provider goes on with it";
                Some(Failed::of_cycle(says.to_owned(), None, true))
            }
            (Expected::Quarantine, None) => {
                Some(Failed::of_cycle("there is no quarantine".to_owned(), None, false))
            }
            (_, Some(reason)) => {
                let says = format!("the job goes into quarantine: {reason}");
                Some(Failed::of_cycle(says, ended.status(), false))
            }
            (Expected::Held, None) if !is_held => Some(Failed::of_cycle(
                "no deletion is held back".to_owned(),
                None,
                false,
            )),
            (Expected::Held | Expected::Done | Expected::Quiet, None) => ended.failure(),
        };
        if failure.is_none() && cycle.expect == Expected::Quiet && !writes.is_empty() {
            let says = format!(
                "nothing changed, and the server has something else than was sent: {}",
                writes.join(", ")
            );
            work.notes.push(Finding::plain(Verdict::Tolerated, "", says));
        }
        work.failed = failure;
    }

    /// Runs a cycle on a thread of its own, and sends what it sends.
    async fn run_cycle(&mut self, cycle: &SyncCycle, unit: Unit) -> Result<Ended, String> {
        let simulation = self.simulation;
        let engine = simulation
            .scenario
            .engine
            .as_ref()
            .ok_or("the scenario has no `engine`")?;
        let items = self.items(cycle, unit)?;
        let state = match self.state.take() {
            Some(state) => state,
            None => State::in_memory().map_err(|error| error.to_string())?,
        };
        let started = simulation.clock.now().unix_millis();
        let elapsed = i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX);
        let clock = At(DateTime::from_unix_millis(started.saturating_add(elapsed)));
        // Each cycle looks for another nobody.
        let seed = simulation.seed ^ u64::try_from(self.now.as_millis()).unwrap_or_default();
        let settings = (
            engine.mapping.clone(),
            cycle.clone(),
            self.client.base_url().to_owned(),
        );
        let (bridge, cycling) = Bridge::new();
        let job = move || {
            let (mapping, cycle, base) = settings;
            let mut state = state;
            let mut events = Vec::new();
            let done = run(
                &mapping,
                &cycle,
                &base,
                cycling,
                &mut state,
                &items,
                clock,
                seed,
                &mut events,
            );
            (state, done.map(|report| Ended { report, events }))
        };
        let thread = thread::Builder::new().name("keyfob-cycle".to_owned()).spawn(job);
        let thread = thread.map_err(|error| format!("a cycle can't be run: {error}"))?;
        let own = self.world.token.clone();
        if let Some(token) = &cycle.token {
            self.world.token = Some(token.clone());
        }
        while let Some(request) = bridge.next().await {
            let is_read = request.http.method() == Method::GET;
            if let Some(status) = cycle.refuse.filter(|_| !is_read) {
                bridge.answer(Ok(refusal(status)));
                continue;
            }
            let dressed = self.dressed(&request.http);
            let answer = match dressed {
                Ok(ready) => self
                    .exchange(vec![ready], Sender::Provider)
                    .await
                    .pop()
                    .map(|(_, answer)| answer),
                Err(name) => {
                    let missing = format!("nothing is known as `{name}`, so that the request can't be sent");
                    Some(Err(keyfob_client::TransportError::not_sent(missing)))
                }
            };
            bridge.answer(
                answer.unwrap_or_else(|| Err(keyfob_client::TransportError::not_sent("nothing was sent"))),
            );
        }
        self.world.token = own;
        let (state, ended) = thread.join().map_err(|_| "the cycle broke off".to_owned())?;
        self.state = Some(state);
        ended
    }

    /// Returns the provider's users as the source of a cycle.
    fn items(&mut self, cycle: &SyncCycle, unit: Unit) -> Result<Vec<Item>, String> {
        let simulation = self.simulation;
        let Some(engine) = &simulation.scenario.engine else {
            return Ok(Vec::new());
        };
        if cycle.given == Given::Nobody {
            return Ok(Vec::new());
        }
        let mut items = Vec::new();
        for index in 0..self.world.users.len() {
            let is_left_out = cycle.given == Given::Others && unit.user == Some(index);
            if is_left_out || !self.world.is_there(index) {
                continue;
            }
            let saved = Object::new();
            let mut scope = Scope {
                world: &mut self.world,
                unit: Unit {
                    user: Some(index),
                    ..Unit::default()
                },
                saved: &saved,
                member: None,
            };
            let filled = engine.source.fill(&mut scope);
            let filled = filled
                .map_err(|name| format!("nothing is known as `{name}`, of which the source is made"))?;
            let Some(Value::Object(mut object)) = filled else {
                continue;
            };
            for (name, value) in &cycle.set {
                object.insert(name.as_str(), value.clone());
            }
            let id = SmolStr::new(object.get_str("id").unwrap_or_default());
            let source = source_from_json(&object_to_vec(&object)).map_err(|error| error.to_string())?;
            items.push(Item::Object(Provided {
                kind: keyfob_sync::Kind::User,
                id,
                source,
                place: Place::default(),
            }));
        }
        Ok(items)
    }

    /// Returns a request of the engine as the provider sends it: its headers, its encoding of queries, its form of a PATCH.
    fn dressed(&mut self, request: &http::Request<Bytes>) -> Result<Ready, SmolStr> {
        let simulation = self.simulation;
        let http = &simulation.scenario.http;
        let variant = simulation.variant.as_deref();
        let text = request.uri().to_string();
        let (address, query) = text.split_once('?').unwrap_or((&text, ""));
        let mut url = address.to_owned();
        let mut separator = '?';
        let mut push = |url: &mut String, part: &str| {
            url.push(separator);
            separator = '&';
            url.push_str(part);
        };
        if let Some((_, query)) = http.address.iter().find(|(of, _)| Some(of.as_str()) == variant) {
            push(&mut url, query);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // The engine bounds a look-up, which the provider does not.
            if matches!(name, "count" | "startIndex") {
                continue;
            }
            let value = percent_decode_str(value).decode_utf8_lossy();
            push(
                &mut url,
                &format!("{name}={}", encoded(&value, &http.plain, &http.space)),
            );
        }
        let body = self.formed(request);
        let mut templates: Vec<_> = http.headers.iter().collect();
        if !body.is_empty() {
            templates.extend(&http.body_headers);
        }
        let saved = Object::new();
        let mut scope = Scope {
            world: &mut self.world,
            unit: Unit::default(),
            saved: &saved,
            member: None,
        };
        let mut headers = Vec::new();
        for (name, template) in templates {
            match template.fill(&mut scope, str::to_owned) {
                Ok(value) => headers.push((name.clone(), value)),
                Err(missing) if missing == "token" => {}
                Err(missing) => return Err(missing),
            }
        }
        self.request(request.method(), &url, headers, body)
    }

    /// Returns the body of a request of the engine in the form of the variant.
    fn formed(&self, request: &http::Request<Bytes>) -> Vec<u8> {
        let body = request.body().to_vec();
        let simulation = self.simulation;
        let forms = simulation.scenario.engine.iter().flat_map(|engine| &engine.patch);
        let mut forms = forms.filter(|(of, _)| Some(of.as_str()) == simulation.variant.as_deref());
        let (true, Some((_, form)), Ok(mut object)) = (
            request.method() == Method::PATCH,
            forms.next(),
            object_from_slice(&body),
        ) else {
            return body;
        };
        let Some(Value::Array(operations)) = object.get("Operations").cloned() else {
            return body;
        };
        object.insert("Operations", Value::Array(patched(operations, *form)));
        object_to_vec(&object)
    }
}

/// Runs a cycle.
#[expect(clippy::too_many_arguments, reason = "what a thread is given at once")]
fn run(
    mapping: &ObjectMapping,
    cycle: &SyncCycle,
    base: &str,
    cycling: super::bridge::Cycling,
    state: &mut State,
    items: &Vec<Item>,
    clock: At,
    seed: u64,
    events: &mut Vec<Event>,
) -> Result<Report, String> {
    fn told(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
    let builder = Client::builder(base)
        .map_err(told)?
        .allow_plain_text()
        .retry(Retry::never());
    let client = builder.transport(cycling).build().map_err(told)?;
    let registry = Registry::rfc();
    let resource_type = registry
        .resource_type("User")
        .ok_or("there is no resource type `User`")?;
    let rule = Rule::compile(mapping, resource_type, &Options::default()).map_err(told)?;
    let mut quarantine = Quarantine::default();
    if let Some((least, percent)) = cycle.quarantine {
        (quarantine.least, quarantine.percent) = (least, percent);
    }
    let threshold = cycle
        .threshold
        .map_or(DeletionThreshold::new(500), DeletionThreshold::new);
    let job = Job::new(&client, vec![rule])
        .map_err(told)?
        .clock(Arc::new(clock))
        .entropy(Arc::new(SeededEntropy::new(seed)))
        .shrink_below(0)
        .threshold(threshold)
        .quarantine(quarantine);
    if cycle.allow {
        state.allow_removals().map_err(told)?;
    }
    if cycle.restart {
        state.restart().map_err(told)?;
    }
    job.run(state, items, &mut |event| events.push(event.clone()))
        .map_err(told)
}

impl Ended {
    /// Returns what was sent that changes something, in words.
    fn writes(&self) -> Vec<String> {
        let steps = self.events.iter().filter_map(|event| match event {
            Event::Step(step) => Some(step),
            _ => None,
        });
        let written = steps.filter(|step| step.requests.iter().any(|sent| sent.method != "GET"));
        written
            .map(|step| {
                let paths: Vec<&str> = step.changes.iter().map(|change| change.path.as_str()).collect();
                format!("{} `{}`", step.action.as_str(), paths.join("`, `"))
            })
            .collect()
    }

    /// Returns the first step that was not done.
    fn failure(&self) -> Option<Failed> {
        self.events.iter().find_map(|event| match event {
            Event::Step(step) => match &step.outcome {
                Outcome::Failed { status, reason } => Some(Failed::of_cycle(
                    format!("{} is refused: {reason}", step.action.as_str()),
                    *status,
                    false,
                )),
                Outcome::Held(keyfob_sync::Held::Guard) | Outcome::Done => None,
                Outcome::Held(held) => Some(Failed::of_cycle(held.to_string(), None, false)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Returns the status of the last answer.
    fn status(&self) -> Option<u16> {
        let requests = self.events.iter().rev().find_map(|event| match event {
            Event::Step(step) => step.requests.last(),
            Event::Tested { requests } => requests.last(),
            _ => None,
        });
        requests?.status
    }
}

/// Answers in the server's place.
fn refusal(status: u16) -> Response<Bytes> {
    let body = format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"{status}","detail":"refused by the run itself"}}"#
    );
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_REQUEST);
    let media_type = http::HeaderValue::from_static("application/scim+json");
    answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
    answer
}

/// Writes operations in a provider's form.
fn patched(operations: Vec<Value>, form: PatchForm) -> Vec<Value> {
    let mut written = Vec::new();
    let mut at_once = Object::new();
    for operation in operations {
        let Value::Object(mut operation) = operation else {
            continue;
        };
        let kind = SmolStr::new(operation.get_str("op").unwrap_or_default());
        let path = SmolStr::new(operation.get_str("path").unwrap_or_default());
        if form.texts
            && let Some(Value::Bool(flag)) = operation.get("value")
        {
            let text = if *flag { "True" } else { "False" };
            operation.insert("value", text);
        }
        let is_plain = kind != "remove" && !path.is_empty() && !path.contains('[');
        if form.pathless && is_plain {
            if let Some(value) = operation.get("value").cloned() {
                at_once.insert(path.as_str(), value);
            }
            continue;
        }
        if form.titles {
            operation.insert("op", titled(&kind));
        }
        written.push(Value::Object(operation));
    }
    if at_once.iter().next().is_some() {
        let mut operation = Object::new();
        operation.insert("op", "replace");
        operation.insert("value", Value::Object(at_once));
        written.push(Value::Object(operation));
    }
    written
}

/// Returns the name of an operation with a large first letter (RFC 7644 section 3.5.2 has them in lower case).
fn titled(word: &str) -> &str {
    match word {
        "add" => "Add",
        "remove" => "Remove",
        "replace" => "Replace",
        other => other,
    }
}

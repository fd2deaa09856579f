//! A run, and what a check has at hand.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Mutex, PoisonError},
};

use http::Method;
use keyfob_client::Request;
use keyfob_core::render::Printable;
use serde_json::{Value, json};

use super::{
    Probe, ProbeError,
    check::{Action, CHECKS, Check},
    hook, learnt,
    report::{Finding, Outcome, Report, Verdict},
    row,
    server::{self, Server, text},
    wire::{Ask, BoxFuture, Exchanged, Reply, Token, Wire, join, transcript},
};

/// The largest answer that is read, in bytes.
const MAX_BODY: usize = 32 << 20;

/// A run: the server, and what the checks share.
pub(super) struct Run<'p> {
    pub(super) probe: &'p Probe,
    wire: &'p dyn Wire,
    pub(super) server: Server,
    /// The paths of what was created.
    created: Mutex<Vec<String>>,
    requests: Mutex<u64>,
    /// The users and the group that filters and pages are tried on; an error if they can't be created.
    population: Option<Result<Population, String>>,
    /// The ids of the users that limits are tried with, once they are needed.
    crowd: Mutex<Vec<String>>,
    /// The capabilities of the server that checks measured.
    measured: Mutex<Vec<Measured>>,
}

/// A capability that a check measured.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// The name in presets.
    pub(super) name: &'static str,
    pub(super) value: Value,
    /// The way in which it is known, for people.
    pub(super) how: String,
}

/// Resources that several checks look at and none changes: their ids by their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Population {
    pub(super) users: BTreeMap<String, String>,
    pub(super) groups: BTreeMap<String, String>,
}

/// Why a check comes to no result.
#[derive(Debug)]
pub(super) enum Halt {
    /// It doesn't apply.
    Skip(String),
    /// What it needs first doesn't work.
    Unclear(String),
    /// The run was ended.
    Stopped,
}

impl<'p> Run<'p> {
    /// Reads what the server says of itself.
    pub(super) async fn begin(probe: &'p Probe, wire: &'p dyn Wire) -> Result<Self, ProbeError> {
        let mut run = Self {
            probe,
            wire,
            server: Server::of(&Value::Null, &Value::Null, &Value::Null),
            created: Mutex::default(),
            requests: Mutex::default(),
            population: None,
            crowd: Mutex::default(),
            measured: Mutex::default(),
        };
        let mut replies = Vec::new();
        for path in [
            "/ServiceProviderConfig",
            "/ResourceTypes",
            "/Schemas",
            "/Users?count=1",
        ] {
            let request = run.request(&Ask::get(path)).map_err(ProbeError::NotScim)?;
            run.count();
            match wire.send(request).await {
                Ok(answer) => replies.push(Reply::of(answer)),
                // Whoever answers one request and not another has a departure; who answers none is not there.
                Err(error) if replies.is_empty() => return Err(error.into()),
                Err(_) => {}
            }
        }
        let refused = |reply: &&Reply| matches!(reply.status, 401 | 403);
        if let Some(reply) = replies.last().filter(refused) {
            return Err(ProbeError::Refused(run.redacted(&reply.short())));
        }
        if !replies
            .iter()
            .any(|reply| reply.is_success() && (reply.json.is_object() || reply.json.is_array()))
        {
            let first = replies.first().map(Reply::short).unwrap_or_default();
            return Err(ProbeError::NotScim(run.redacted(&first)));
        }
        let json = |index: usize| {
            let reply = replies.get(index).filter(|reply| reply.is_success());
            reply.map(|reply| reply.json.clone()).unwrap_or_default()
        };
        run.server = Server::of(&json(0), &json(1), &json(2));
        Ok(run)
    }

    /// Carries out all checks that are wanted.
    pub(super) async fn checks(mut self) -> Report {
        let mut outcomes = Vec::new();
        for (number, check) in CHECKS.iter().enumerate() {
            if !self.probe.is_wanted(check) {
                continue;
            }
            let verdict = self.check(number, check).await;
            outcomes.push(Outcome {
                check: check.id.clone(),
                title: check.title.clone(),
                severity: check.severity,
                verdict,
            });
        }
        let leftovers = if self.probe.read_only {
            Vec::new()
        } else {
            self.remove_everything().await
        };
        let measured = self
            .measured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let capabilities = learnt::of(&self.server, &outcomes, measured);
        Report {
            server: self.probe.base.clone(),
            run: self.probe.run.clone(),
            level: self.probe.level,
            read_only: self.probe.read_only,
            stopped: self.probe.stop.is_asked(),
            requests: *self.requests.lock().unwrap_or_else(PoisonError::into_inner),
            outcomes,
            capabilities,
            leftovers,
        }
    }

    async fn check(&mut self, number: usize, check: &'static Check) -> Verdict {
        if self.probe.stop.is_asked() {
            return Verdict::Skipped("the run was ended".to_owned());
        }
        if self.probe.read_only && !check.reads {
            return Verdict::Skipped("it would change the server".to_owned());
        }
        if let Some(lacks) = check.needs.iter().find(|need| !self.has(need)) {
            return Verdict::Skipped(format!("the server has no `{lacks}`"));
        }
        let shares = match &check.action {
            Action::Filter(_) => true,
            Action::Hook(name) => hook::named(name).is_some_and(|hook| hook.shares),
            _ => false,
        };
        if shares && !self.probe.read_only && self.population.is_none() {
            let mut cx = Cx::new(self, number, check);
            let made = match populate(&mut cx).await {
                Ok(population) => Ok(population),
                Err(Halt::Skip(reason) | Halt::Unclear(reason)) => Err(reason),
                Err(Halt::Stopped) => return Verdict::Skipped("the run was ended".to_owned()),
            };
            self.population = Some(made);
        }
        if shares && let Some(Err(reason)) = &self.population {
            return Verdict::Unclear(reason.clone());
        }
        let mut cx = Cx::new(self, number, check);
        let done = match &check.action {
            Action::Filter(row) => row::filter(&mut cx, row).await,
            Action::Patch(row) => row::patch(&mut cx, row).await,
            Action::Request(row) => row::request(&mut cx, row).await,
            Action::Hook(name) => match hook::named(name) {
                Some(hook) => (hook.run)(&mut cx).await,
                None => Err(Halt::Unclear(format!("there is no function `{name}`"))),
            },
        };
        match (done, cx.findings) {
            (_, findings) if !findings.is_empty() => Verdict::Found(findings),
            (Ok(()), _) => Verdict::Passed,
            (Err(Halt::Skip(reason)), _) => Verdict::Skipped(reason),
            (Err(Halt::Unclear(reason)), _) => Verdict::Unclear(reason),
            (Err(Halt::Stopped), _) => Verdict::Skipped("the run was ended".to_owned()),
        }
    }

    /// Returns true if the server has what a check needs: a feature, an attribute, or a second token.
    fn has(&self, need: &str) -> bool {
        match need {
            "other-token" => self.probe.other_token.is_some(),
            "token" => self.probe.token.is_some(),
            "writes" => !self.probe.read_only,
            // What is denied is not tried; what isn't named is.
            "patch" | "filter" => !self.server.denies(need),
            "sort" | "etag" | "bulk" | "cursor" => self.server.offers(need),
            _ => self.server.has(need),
        }
    }

    fn request(&self, ask: &Ask) -> Result<Request, String> {
        let mut builder = http::Request::builder()
            .method(ask.method.clone())
            .uri(format!("{}{}", self.probe.base, ask.path));
        let token = match ask.token {
            Token::Own => self.probe.token.as_deref(),
            Token::Other => self.probe.other_token.as_deref(),
            Token::Wrong => Some("wrong"),
            Token::None => None,
        };
        if let Some(token) = token
            && !ask.headers.contains_key("authorization")
        {
            builder = builder.header("authorization", format!("Bearer {token}"));
        }
        for (name, default) in [
            ("accept", "application/scim+json"),
            ("user-agent", concat!("keyfob-probe/", env!("CARGO_PKG_VERSION"))),
        ] {
            if !ask.headers.contains_key(name) {
                builder = builder.header(name, default);
            }
        }
        if ask.body.is_some() && !ask.headers.contains_key("content-type") {
            builder = builder.header("content-type", "application/scim+json");
        }
        for (name, value) in &ask.headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(ask.body.clone().unwrap_or_default());
        let request = request.map_err(|error| format!("the request can't be made: {error}"))?;
        Ok(Request::new(request, self.probe.timeout, MAX_BODY))
    }

    fn count(&self) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    /// Returns a text without the tokens, which some servers repeat.
    fn redacted(&self, text: &str) -> String {
        let tokens = [&self.probe.token, &self.probe.other_token];
        tokens
            .into_iter()
            .flatten()
            .filter(|token| !token.is_empty())
            .fold(text.to_owned(), |text, token| text.replace(token.as_str(), "…"))
    }

    /// Sends a request, and notes what it created.
    async fn exchange(&self, ask: Ask) -> Exchanged {
        self.count();
        let sent = match self.request(&ask) {
            Ok(request) => self.wire.send(request).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let reply = match sent {
            Ok(answer) => Ok(Reply::of(answer)),
            Err(error) => Err(self.redacted(&error)),
        };
        if let Ok(reply) = &reply {
            self.note_created(&ask, reply);
        }
        Exchanged { ask, reply }
    }

    fn note_created(&self, ask: &Ask, reply: &Reply) {
        if !reply.is_success() || !matches!(ask.method, Method::POST | Method::PUT) {
            return;
        }
        let path = ask.path.split('?').next().unwrap_or_default();
        let mut created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        let operations = reply.json.get("Operations").and_then(Value::as_array);
        for operation in operations.map(Vec::as_slice).unwrap_or_default() {
            let location = text(operation, "location");
            if let Some(path) = self.probe.path_of(location)
                && text(operation, "method").eq_ignore_ascii_case("POST")
            {
                created.push(path.to_owned());
            }
        }
        let is_resource = !path.contains("/.search") && path != "/Bulk" && path.matches('/').count() == 1;
        if ask.method == Method::POST && is_resource && !reply.id().is_empty() {
            created.push(format!("{path}/{}", reply.id()));
        }
        // A server that creates by PUT.
        if ask.method == Method::PUT && reply.status == 201 {
            created.push(path.to_owned());
        }
    }

    /// Removes what the run created, and returns what could not be removed.
    async fn remove_everything(&self) -> Vec<String> {
        let mut created = self
            .created
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // What was created without an answer is found by its name.
        for (name, attribute) in [("User", "userName"), ("Group", "displayName")] {
            let endpoint = self.server.endpoint(name);
            let filter = format!("{attribute} sw \"{}\"", self.probe.run);
            let ask = Ask::get(&endpoint).query("filter", &filter).query("count", "200");
            if let Ok(reply) = self.exchange(ask).await.reply {
                let named = reply
                    .resources()
                    .iter()
                    .filter(|found| text(found, attribute).starts_with(&self.probe.run));
                created.extend(named.map(|found| format!("{endpoint}/{}", text(found, "id"))));
            }
        }
        created.sort();
        created.dedup();
        // Groups before their members.
        created.sort_by_key(|path| !path.starts_with(&self.server.endpoint("Group")));
        let mut leftovers = Vec::new();
        for path in created {
            let gone = match self.exchange(Ask::delete(&path)).await.reply {
                Ok(reply) => reply.is_success() || reply.status == 404,
                Err(_) => false,
            };
            if !gone {
                leftovers.push(path);
            }
        }
        leftovers
    }
}

/// What a check has at hand.
pub(super) struct Cx<'r, 'p> {
    pub(super) run: &'r Run<'p>,
    pub(super) check: &'static Check,
    number: usize,
    names: usize,
    sent: Vec<Exchanged>,
    findings: Vec<Finding>,
}

impl<'r, 'p> Cx<'r, 'p> {
    fn new(run: &'r Run<'p>, number: usize, check: &'static Check) -> Self {
        Self {
            run,
            check,
            number,
            names: 0,
            sent: Vec::new(),
            findings: Vec::new(),
        }
    }

    pub(super) fn server(&self) -> &'r Server {
        &self.run.server
    }

    pub(super) fn users(&self) -> String {
        self.run.server.endpoint("User")
    }

    pub(super) fn groups(&self) -> String {
        self.run.server.endpoint("Group")
    }

    /// Returns the resources that several checks look at.
    pub(super) fn population(&self) -> Population {
        match &self.run.population {
            Some(Ok(population)) => population.clone(),
            _ => Population::default(),
        }
    }

    /// Returns the beginning of every name of the run.
    pub(super) fn mark(&self) -> &'p str {
        &self.run.probe.run
    }

    /// Returns a name that no other resource has.
    pub(super) fn name(&mut self) -> String {
        self.names += 1;
        format!("{}.{}-{}", self.run.probe.run, self.number, self.names)
    }

    /// Sends a request; one that isn't answered ends the check.
    pub(super) async fn send(&mut self, ask: Ask) -> Result<Reply, Halt> {
        self.try_send(ask).await?.map_err(Halt::Unclear)
    }

    /// Sends a request, whose answer may fail to come.
    pub(super) async fn try_send(&mut self, ask: Ask) -> Result<Result<Reply, String>, Halt> {
        if self.run.probe.stop.is_asked() {
            return Err(Halt::Stopped);
        }
        let exchanged = self.run.exchange(ask).await;
        let reply = exchanged.reply.clone();
        self.sent.push(exchanged);
        Ok(reply)
    }

    /// Sends requests at once.
    pub(super) async fn send_all(&mut self, asks: Vec<Ask>) -> Result<Vec<Result<Reply, String>>, Halt> {
        if self.run.probe.stop.is_asked() {
            return Err(Halt::Stopped);
        }
        let run = self.run;
        let waiting: Vec<BoxFuture<'_, Exchanged>> = asks
            .into_iter()
            .map(|ask| Box::pin(run.exchange(ask)) as BoxFuture<'_, Exchanged>)
            .collect();
        let exchanged = join(waiting).await;
        let replies = exchanged
            .iter()
            .map(|exchanged| exchanged.reply.clone())
            .collect();
        self.sent.extend(exchanged);
        Ok(replies)
    }

    /// Forgets the requests so far, which have nothing to do with what comes.
    pub(super) fn forget(&mut self) {
        self.sent.clear();
    }

    /// Adds a finding unless the condition holds.
    pub(super) fn expect(&mut self, holds: bool, case: &str, got: impl Display) {
        if !holds {
            self.find(case, got);
        }
    }

    /// Adds a finding.
    pub(super) fn find(&mut self, case: &str, got: impl Display) {
        let lines = transcript(&self.sent)
            .into_iter()
            .map(|line| self.run.redacted(&line));
        self.findings.push(Finding {
            check: self.check.id.clone(),
            case: Printable(self.run.redacted(case)).to_string(),
            severity: self.check.severity,
            section: self.check.section.clone(),
            sentence: self.check.sentence.clone(),
            expected: self.check.title.clone(),
            got: Printable(self.run.redacted(&got.to_string())).to_string(),
            providers: self.check.providers.clone(),
            transcript: lines.collect(),
        });
    }

    /// Returns the smallest resource of a type that servers take, with a name of its own.
    pub(super) fn smallest(&mut self, of: &str) -> Value {
        let name = self.name();
        self.smallest_named(of, &name)
    }

    /// Returns the smallest resource of a type with this name.
    pub(super) fn smallest_named(&self, of: &str, name: &str) -> Value {
        if of == "Group" {
            return json!({"schemas": [server::GROUP], "displayName": name});
        }
        let address = format!("{name}@probe.example");
        let mut user = json!({"schemas": [server::USER], "userName": address});
        let server = self.server();
        for (path, value) in [
            ("User.name", json!({"givenName": "Ada", "familyName": "Probe"})),
            ("User.displayName", json!(name)),
            ("User.active", json!(true)),
            (
                "User.emails",
                json!([{"value": address, "type": "work", "primary": true}]),
            ),
        ] {
            if server.has(path) {
                let attribute = path.trim_start_matches("User.");
                insert(&mut user, attribute, value);
            }
        }
        for attribute in server.attributes("User") {
            if attribute.required
                && attribute.extension.is_empty()
                && user.get(&attribute.name).is_none()
                && let Some(value) = attribute.example(name)
            {
                insert(&mut user, &attribute.name, value);
            }
        }
        user
    }

    /// Creates a resource and returns its id and the answer.
    pub(super) async fn create(&mut self, of: &str, body: &Value) -> Result<(String, Reply), Halt> {
        let reply = self.send(Ask::post(self.server().endpoint(of), body)).await?;
        if !reply.is_success() || reply.id().is_empty() {
            return Err(Halt::Unclear(format!(
                "a {of} can't be created: {}",
                self.run.redacted(&reply.short())
            )));
        }
        Ok((reply.id().to_owned(), reply))
    }

    /// Creates the smallest resource of a type with these attributes beside, and returns its path and its id.
    pub(super) async fn created(&mut self, of: &str, with: &Value) -> Result<(String, String), Halt> {
        let mut body = self.smallest(of);
        merge(&mut body, with);
        let (id, _) = self.create(of, &body).await?;
        Ok((format!("{}/{id}", self.server().endpoint(of)), id))
    }

    /// Returns the ids of so many users, which are created when the first check needs them. The transcript doesn't show that.
    pub(super) async fn crowd(&mut self, number: usize) -> Result<Vec<String>, Halt> {
        let known = |run: &Run<'_>| run.crowd.lock().unwrap_or_else(PoisonError::into_inner).clone();
        while known(self.run).len() < number {
            let (_, id) = self.created("User", &Value::Null).await?;
            self.forget();
            let mut crowd = self.run.crowd.lock().unwrap_or_else(PoisonError::into_inner);
            crowd.push(id);
        }
        Ok(known(self.run).into_iter().take(number).collect())
    }

    /// Notes a capability under its name in presets, with how it is known.
    pub(super) fn learn(&self, name: &'static str, value: impl Into<Value>, how: impl Display) {
        let measured = Measured {
            name,
            value: value.into(),
            how: format!("the check `{}`: {how}", self.check.id),
        };
        let mut all = self.run.measured.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(measured);
    }

    /// Reads a resource that has to be there.
    pub(super) async fn read(&mut self, path: &str) -> Result<Value, Halt> {
        let reply = self.send(Ask::get(path)).await?;
        if reply.status != 200 {
            return Err(Halt::Unclear(format!(
                "what was created can't be read: {}",
                self.run.redacted(&reply.short())
            )));
        }
        Ok(reply.json)
    }
}

/// Puts the members of an object over those of another; a URI of a schema is added to `schemas`.
pub(super) fn merge(body: &mut Value, with: &Value) {
    let Some(with) = with.as_object() else { return };
    for (name, value) in with {
        insert(body, name, value.clone());
        if name.starts_with("urn:")
            && let Some(schemas) = body.get_mut("schemas").and_then(Value::as_array_mut)
            && !schemas.iter().any(|schema| schema == name)
        {
            schemas.push(json!(name));
        }
    }
}

pub(super) fn insert(body: &mut Value, name: &str, value: Value) {
    if let Some(object) = body.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// Creates the users and the group that filters and pages are tried on.
async fn populate(cx: &mut Cx<'_, '_>) -> Result<Population, Halt> {
    let mark = cx.mark().to_owned();
    let mut population = Population::default();
    let work = |key: &str| json!({"value": format!("{mark}-{key}.work@probe.example"), "type": "work", "primary": true});
    let rows = [
        (
            "a",
            json!({
                "title": format!("{mark}lead"),
                "externalId": format!("{mark}Ext-A"),
                "name": {"givenName": "Ada", "familyName": format!("{mark}Smith")},
                "emails": [work("a"), {"value": format!("{mark}-a.home@probe.example"), "type": "home"}],
                server::ENTERPRISE: {"department": format!("{mark}sales")},
            }),
        ),
        (
            "b",
            json!({"title": format!("{mark}Engineer"), "emails": [work("b")]}),
        ),
        ("c", json!({"active": false, "emails": [work("c")]})),
        (
            "d",
            json!({"title": format!("{mark}lead"), "emails": [work("d")]}),
        ),
        (
            "e",
            json!({"title": format!("{mark}zeta"), "emails": [work("e")]}),
        ),
    ];
    for (key, mut with) in rows {
        if let Some(with) = with.as_object_mut() {
            with.retain(|name, _| match name.as_str() {
                server::ENTERPRISE => cx.server().has("User.enterprise.department"),
                name => cx.server().has(&format!("User.{name}")),
            });
        }
        let mut body = cx.smallest_named("User", &format!("{mark}-{key}"));
        merge(&mut body, &with);
        let (id, _) = cx.create("User", &body).await?;
        population.users.insert(key.to_owned(), id);
    }
    if cx.server().resource_type("Group").is_some() {
        let member = json!([{"value": population.users.get("a")}, {"value": population.users.get("b")}]);
        let body = json!({"schemas": [server::GROUP], "displayName": format!("{mark}-g"), "members": member});
        // Filters of users need no group.
        if let Ok((id, _)) = cx.create("Group", &body).await {
            population.groups.insert("g".to_owned(), id);
        }
    }
    Ok(population)
}

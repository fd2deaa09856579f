//! A target in process, the way to it, and sources in memory.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use keyfob_client::{BlockingTransport, Client, InProcess, Request, Retry, Transport, TransportError};
use keyfob_core::{
    Clock, DateTime, MemberSet, Registry, Resource, ResourceId, Value,
    view::{EnterpriseUser, Group, User},
};
use keyfob_expression::{Options, SeededEntropy, Source};
use keyfob_http::{BearerTokens, ScimService};
use keyfob_mapping::{
    AttributeMapping, ObjectMapping,
    graph::source_from_json,
    scope::{Clause, ClauseGroup, Operator, ScopingFilter},
};
use keyfob_provisioning::{Provisioner, Token};
use keyfob_store_memory::MemoryStore;
use keyfob_sync::{
    Event, Job, Kind, Report, Rule, Sent, State, Step, SyncError,
    source::{Item, Membership, Object, Place},
};

pub(crate) type Service = ScimService<MemoryStore>;
pub(crate) type Answered = Result<http::Response<Bytes>, TransportError>;

/// A target, and what stands in the way to it.
pub(crate) struct World {
    pub(crate) way: Way,
    token: String,
    pub(crate) state: State,
    pub(crate) clock: Arc<Hands>,
}

/// A function that a request passes on its way. Several may be on it at the same time.
type Meddle = dyn Fn(&Way, Request) -> Answered + Send + Sync;

/// A blocking way to the target.
#[derive(Clone)]
pub(crate) struct Way {
    inner: InProcess<Service>,
    meddle: Arc<Mutex<Option<Arc<Meddle>>>>,
    /// Every request, as `METHOD path?query`.
    pub(crate) log: Arc<Mutex<Vec<String>>>,
}

impl Way {
    /// Lets a request arrive.
    pub(crate) fn arrive(&self, request: Request) -> Answered {
        pollster::block_on(self.inner.send(request))
    }
}

impl BlockingTransport for Way {
    fn send_blocking(&self, request: Request) -> Answered {
        let uri = request.http.uri().path_and_query().unwrap().to_string();
        let uri = uri.strip_prefix("/scim/v2").unwrap_or(&uri).to_owned();
        self.log
            .lock()
            .unwrap()
            .push(format!("{} {uri}", request.http.method()));
        let meddle = self.meddle.lock().unwrap().clone();
        match meddle {
            None => self.arrive(request),
            Some(meddle) => meddle(self, request),
        }
    }

    fn wait_blocking(&self, _: Duration) {}
}

/// A clock that is set by hand.
pub(crate) struct Hands(Mutex<i64>);

impl Clock for Hands {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(*self.0.lock().unwrap())
    }
}

impl Hands {
    pub(crate) fn advance(&self, hours: i64) {
        *self.0.lock().unwrap() += hours * 60 * 60 * 1_000;
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
        let token = Token::generate().unwrap();
        pollster::block_on(provisioner.admin().create_organization("Example", &token)).unwrap();
        let engine = Arc::clone(provisioner.engine());
        let tokens = BearerTokens::new(&engine, provisioner);
        let service = ScimService::builder(engine, tokens).base_path("/scim/v2").build();
        Self {
            way: Way {
                inner: InProcess::new(service),
                meddle: Arc::default(),
                log: Arc::default(),
            },
            token: token.expose().to_owned(),
            state: State::in_memory().unwrap(),
            clock: Arc::new(Hands(Mutex::new(1_800_000_000_000))),
        }
    }

    /// Lets somebody meddle with the requests of the cycles, one after the other.
    pub(crate) fn meddle(&self, meddle: impl FnMut(&Way, Request) -> Answered + Send + 'static) {
        let meddle = Mutex::new(meddle);
        self.disturb(move |way, request| meddle.lock().unwrap_or_else(PoisonError::into_inner)(way, request));
    }

    /// Lets somebody meddle with the requests of the cycles, also with several at the same time.
    pub(crate) fn disturb(&self, disturb: impl Fn(&Way, Request) -> Answered + Send + Sync + 'static) {
        *self.way.meddle.lock().unwrap() = Some(Arc::new(disturb));
    }

    /// Lets the target refuse all requests of a method.
    pub(crate) fn refuse(&self, method: &'static str, status: u16) {
        self.meddle(move |way, request| {
            if request.http.method() == method {
                refusal(status)
            } else {
                way.arrive(request)
            }
        });
    }

    pub(crate) fn stop_meddling(&self) {
        *self.way.meddle.lock().unwrap() = None;
    }

    pub(crate) fn client(&self) -> Client<Way> {
        let retry = Retry {
            first: Duration::ZERO,
            ..Retry::default()
        };
        Client::builder("http://localhost/scim/v2")
            .unwrap()
            .bearer(&self.token)
            .retry(retry)
            .transport(self.way.clone())
            .build()
            .unwrap()
    }

    /// Talks to the target past everything in the way.
    pub(crate) fn truth<T>(&self, ask: impl FnOnce(&Client<Way>) -> T) -> T {
        let meddle = self.way.meddle.lock().unwrap().take();
        let log = self.way.log.lock().unwrap().len();
        let answer = ask(&self.client());
        self.way.log.lock().unwrap().truncate(log);
        *self.way.meddle.lock().unwrap() = meddle;
        answer
    }

    pub(crate) fn users(&self) -> Vec<Resource> {
        self.truth(|client| {
            let all = client.resources("User").list().iter();
            all.map(|stored| stored.unwrap().resource).collect()
        })
    }

    pub(crate) fn groups(&self) -> Vec<Resource> {
        self.truth(|client| {
            let all = client.resources("Group").list().iter();
            all.map(|stored| stored.unwrap().resource).collect()
        })
    }

    pub(crate) fn user_named(&self, name: &str) -> Option<Resource> {
        let mut users = self.users().into_iter();
        users.find(|user| user.core().get_str("userName") == Some(name))
    }

    /// If the user of this name is active.
    pub(crate) fn is_active(&self, name: &str) -> bool {
        let user = self.user_named(name).unwrap();
        user.core().get("active") == Some(&Value::Bool(true))
    }

    pub(crate) fn create_user(&self, user: &User) -> ResourceId {
        self.truth(|client| client.of::<User>().create(user).call().unwrap().id)
    }

    pub(crate) fn create_group(&self, name: &str, members: &[ResourceId]) -> ResourceId {
        self.truth(|client| {
            let group = client.of::<Group>().create(&Group::new(name)).call().unwrap();
            if !members.is_empty() {
                let change = client.of::<Group>().members(&group.id).add(members.to_vec());
                change.call().unwrap();
            }
            group.id
        })
    }

    pub(crate) fn members_of(&self, name: &str) -> Vec<String> {
        let groups = self.groups();
        let group = groups
            .iter()
            .find(|group| group.core().get_str("displayName") == Some(name))
            .unwrap_or_else(|| panic!("no group {name}"));
        let all: BTreeMap<String, String> = self.users().iter().chain(&groups).map(id_and_name).collect();
        let members = group.relation("members").into_iter().flat_map(MemberSet::iter);
        let mut names: Vec<String> = members.map(|(id, _)| all[id.as_str()].clone()).collect();
        names.sort();
        names
    }

    /// Takes the requests since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.way.log.lock().unwrap())
    }

    /// Takes the requests since the last time but for reads.
    pub(crate) fn writes(&self) -> Vec<String> {
        let mut asked = self.asked();
        asked.retain(|request| !request.starts_with("GET "));
        asked
    }

    /// Runs a cycle of the usual mappings.
    pub(crate) fn run(&mut self, source: &Vec<Item>) -> Run {
        self.run_as(source, |job| job)
    }

    pub(crate) fn run_as(
        &mut self,
        source: &Vec<Item>,
        set: impl FnOnce(Job<'_, Way>) -> Job<'_, Way>,
    ) -> Run {
        self.try_run(source, set).unwrap()
    }

    pub(crate) fn try_run(
        &mut self,
        source: &Vec<Item>,
        set: impl FnOnce(Job<'_, Way>) -> Job<'_, Way>,
    ) -> Result<Run, SyncError> {
        let client = self.client();
        let job = set(job(&client, &self.clock));
        let mut events = Vec::new();
        let report = job.run(&mut self.state, source, &mut |event| events.push(event.clone()))?;
        Ok(Run { report, events })
    }

    pub(crate) fn plan(&mut self, source: &Vec<Item>) -> Run {
        self.plan_as(source, |job| job)
    }

    pub(crate) fn plan_as(
        &mut self,
        source: &Vec<Item>,
        set: impl FnOnce(Job<'_, Way>) -> Job<'_, Way>,
    ) -> Run {
        let client = self.client();
        let job = set(job(&client, &self.clock));
        let mut events = Vec::new();
        let report = job.plan(&mut self.state, source, &mut |event| events.push(event.clone()));
        let report = report.unwrap();
        Run { report, events }
    }
}

/// Lets requests for so many objects be under way at the same time.
pub(crate) fn parallel(most: usize) -> impl Fn(Job<'_, Way>) -> Job<'_, Way> + Copy {
    move |job| job.parallel(NonZeroUsize::new(most).unwrap())
}

/// The report and the events of a cycle.
pub(crate) struct Run {
    pub(crate) report: Report,
    pub(crate) events: Vec<Event>,
}

impl Run {
    pub(crate) fn steps(&self) -> Vec<&Step> {
        let steps = self.events.iter().filter_map(|event| match event {
            Event::Step(step) => Some(step),
            _ => None,
        });
        steps.collect()
    }

    /// `action source id: outcome`
    pub(crate) fn told(&self) -> Vec<String> {
        use keyfob_sync::Outcome;

        let told = |step: &&Step| {
            let outcome = match &step.outcome {
                Outcome::Done => "done".to_owned(),
                Outcome::Held(held) => format!("held: {held}"),
                Outcome::Failed { status, .. } => format!("failed: {status:?}"),
                other => format!("{other:?}"),
            };
            format!("{} {}: {outcome}", step.action.as_str(), step.source_id)
        };
        self.steps().iter().map(told).collect()
    }

    pub(crate) fn requests(&self) -> Vec<&Sent> {
        let requests = self.events.iter().flat_map(|event| match event {
            Event::Tested { requests } => requests.as_slice(),
            Event::Step(step) => step.requests.as_slice(),
            _ => &[],
        });
        requests.collect()
    }
}

/// A mapping, checked against a type of the RFC.
pub(crate) fn rule(mapping: &ObjectMapping, name: &str) -> Rule {
    let resource_type = Registry::rfc().resource_type(name).unwrap();
    Rule::compile(mapping, resource_type, &Options::default()).unwrap()
}

pub(crate) fn job<'c>(client: &'c Client<Way>, clock: &Arc<Hands>) -> Job<'c, Way> {
    let rules = vec![rule(&user_mapping(), "User"), rule(&group_mapping(), "Group")];
    Job::new(client, rules)
        .unwrap()
        .clock(clock.clone())
        .entropy(Arc::new(SeededEntropy::new(7)))
        .shrink_below(0)
}

/// Users of research, disabled where the source says so.
pub(crate) fn user_mapping() -> ObjectMapping {
    let mut mapping = ObjectMapping::new("User", "User");
    let clause = Clause::new("department", Operator::Equals, "R&D");
    mapping.scope = ScopingFilter::new(vec![ClauseGroup::new("Research", vec![clause])]);
    mapping.attributes = vec![
        AttributeMapping::new("userName", "[userPrincipalName]").matching(1),
        AttributeMapping::new("externalId", "[objectId]"),
        AttributeMapping::new(
            "active",
            r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
        ),
        AttributeMapping::new("title", "[jobTitle]"),
        AttributeMapping::new(r#"emails[type eq "work"].value"#, "[mail]"),
        AttributeMapping::new(
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            "[manager]",
        ),
    ];
    mapping
}

pub(crate) fn group_mapping() -> ObjectMapping {
    let mut mapping = ObjectMapping::new("Group", "Group");
    mapping.attributes = vec![
        AttributeMapping::new("displayName", "[displayName]").matching(1),
        AttributeMapping::new("externalId", "[objectId]"),
        AttributeMapping::new("members", "[members]"),
    ];
    mapping
}

/// A user of research out of JSON members, such as `"jobTitle": "Lead"`.
pub(crate) fn user(id: &str, members: &str) -> Item {
    let comma = if members.is_empty() { "" } else { ", " };
    let department = if members.contains("department") {
        ""
    } else {
        r#", "department": "R&D""#
    };
    let json =
        format!(r#"{{"id": "{id}", "userPrincipalName": "{id}@x.example"{department}{comma}{members}}}"#);
    object(Kind::User, id, source_from_json(json.as_bytes()).unwrap())
}

pub(crate) fn group(id: &str, name: &str) -> Item {
    let json = format!(r#"{{"id": "{id}", "displayName": "{name}"}}"#);
    object(Kind::Group, id, source_from_json(json.as_bytes()).unwrap())
}

pub(crate) fn member(group: &str, member: &str) -> Item {
    Item::Membership(Membership {
        group: group.into(),
        member: member.into(),
        place: Place::default(),
    })
}

/// Ada with a title, who is a member of a group.
pub(crate) fn member_with_title(title: &str) -> Vec<Item> {
    vec![
        user("ada", &format!(r#""jobTitle": "{title}""#)),
        group("g1", "Guides"),
        member("g1", "ada"),
    ]
}

fn object(kind: Kind, id: &str, source: Source) -> Item {
    Item::Object(Object {
        kind,
        id: id.into(),
        source,
        place: Place::default(),
    })
}

fn id_and_name(resource: &Resource) -> (String, String) {
    let name = resource.core().get_str("userName");
    let name = name.or(resource.core().get_str("displayName")).unwrap();
    (resource.id().unwrap().to_string(), name.to_owned())
}

/// The id of a user's manager.
pub(crate) fn manager_of(user: &Resource) -> Option<String> {
    let enterprise = EnterpriseUser::from_resource(user)?;
    enterprise.manager?.value.map(String::from)
}

/// An answer with a body of a media type.
pub(crate) fn response(status: u16, media_type: &str, body: &str) -> Answered {
    http::Response::builder()
        .status(status)
        .header("content-type", media_type)
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .map_err(TransportError::interrupted)
}

/// A SCIM error.
pub(crate) fn refusal(status: u16) -> Answered {
    response(
        status,
        "application/scim+json",
        &format!(r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "{status}"}}"#),
    )
}

//! Users and groups of a source, through mappings: what `keyfob provision plan` would create at an empty server.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use bytes::Bytes;
use keyfob_client::{BlockingTransport, Client, Request, TransportError};
use keyfob_core::{Object, SmolStr, Value, json::object_from_slice};
use keyfob_interop::simulate::Population;
use keyfob_mapping::DeletionThreshold;
use keyfob_sync::{Action, Event, Job, Kind, State, Step};

use crate::{
    Unusable, input,
    provision::{
        source::{self, SourceWay},
        target::{self, Reach},
    },
};

/// The schema of the enterprise extension (RFC 7643 section 4.3).
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Reads the source by the mappings.
pub(super) fn read(
    source: &str,
    mappings: &[PathBuf],
    from: &SourceWay,
    reach: &Reach,
) -> Result<Population, Unusable> {
    let mut read = Vec::new();
    for file in mappings {
        read.extend(target::mappings(&input::read(file)?).map_err(|error| error.within(file))?);
    }
    let source = source::open(source, &read, from, reach)?;
    let client = Client::builder("http://localhost/scim/v2")?
        .transport(Empty)
        .build()?;
    let registry = &client.target().registry;
    let rules = read.iter().map(|mapping| target::rule(mapping, registry));
    let job =
        Job::new(&client, rules.collect::<Result<_, _>>()?)?.threshold(DeletionThreshold::new(u64::MAX));
    let mut planned = Planned::default();
    let report = job.plan(&mut State::in_memory()?, &*source, &mut |event| {
        if let Event::Step(step) = event {
            planned.take(step);
        }
    })?;
    if report.counts.failed > 0 || report.counts.held > 0 {
        return Err(Unusable::new(format_args!(
            "{} objects of the source can't be provisioned; `keyfob provision plan` names them",
            report.counts.failed + report.counts.held
        )));
    }
    Ok(planned.population())
}

/// The users and groups that a plan creates.
#[derive(Default)]
struct Planned {
    users: Vec<Object>,
    groups: Vec<(Object, Vec<usize>)>,
    /// The positions of users and groups by their ids in the source.
    positions: BTreeMap<SmolStr, (Kind, usize)>,
}

impl Planned {
    fn take(&mut self, step: &Step) {
        match step.action {
            Action::Create => {
                let created = step.requests.iter().find(|sent| sent.method == "POST");
                let body = created.and_then(|sent| object_from_slice(&sent.body).ok());
                if let Some(body) = body {
                    self.create(step, &body);
                }
            }
            Action::AddMembers => self.join(step),
            _ => {}
        }
    }

    fn create(&mut self, step: &Step, body: &Object) {
        let position = match step.kind {
            Kind::User => {
                self.users.push(user(body));
                self.users.len() - 1
            }
            Kind::Group => {
                self.groups.push((group(body), Vec::new()));
                self.groups.len() - 1
            }
        };
        self.positions
            .insert(step.source_id.clone(), (step.kind, position));
    }

    /// Notes the users that join a group. Groups in groups are left to the scenario.
    fn join(&mut self, step: &Step) {
        let Some((Kind::Group, group)) = self.positions.get(&step.source_id) else {
            return;
        };
        let users = step.members.iter().filter_map(|id| match self.positions.get(id) {
            Some((Kind::User, user)) => Some(*user),
            _ => None,
        });
        if let Some((_, members)) = self.groups.get_mut(*group) {
            members.extend(users);
        }
    }

    fn population(self) -> Population {
        let mut population = Population::new();
        population.users = self.users;
        population.groups = self.groups;
        population
    }
}

/// Returns the attributes of a user under the names by which scenarios know them.
fn user(body: &Object) -> Object {
    let name = body.get("name").and_then(Value::as_object);
    let enterprise = body.get(ENTERPRISE).and_then(Value::as_object);
    let emails = body.get("emails").map(Value::as_elements).unwrap_or_default();
    let is_work = |email: &&Object| email.get_str("type") == Some("work");
    let mut objects = emails.iter().filter_map(Value::as_object);
    let email = objects.clone().find(is_work).or_else(|| objects.next());
    let mut user = Object::new();
    for (attribute, value) in [
        ("userName", body.get("userName")),
        ("externalId", body.get("externalId")),
        ("displayName", body.get("displayName")),
        ("title", body.get("title")),
        ("active", body.get("active")),
        ("givenName", name.and_then(|name| name.get("givenName"))),
        ("familyName", name.and_then(|name| name.get("familyName"))),
        ("email", email.and_then(|email| email.get("value"))),
        (
            "department",
            enterprise.and_then(|enterprise| enterprise.get("department")),
        ),
    ] {
        if let Some(value) = value {
            user.insert(attribute, value.clone());
        }
    }
    user
}

fn group(body: &Object) -> Object {
    let mut group = Object::new();
    for attribute in ["displayName", "externalId"] {
        if let Some(value) = body.get(attribute) {
            group.insert(attribute, value.clone());
        }
    }
    group
}

/// A server that has nothing.
struct Empty;

impl BlockingTransport for Empty {
    fn send_blocking(&self, _: Request) -> Result<http::Response<Bytes>, TransportError> {
        let list = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}"#;
        http::Response::builder()
            .header("content-type", "application/scim+json")
            .body(Bytes::from(list))
            .map_err(TransportError::not_sent)
    }

    fn wait_blocking(&self, _: Duration) {}
}

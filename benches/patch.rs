//! What does a PATCH cost beyond reading its JSON, and does the cost of a changed member grow with the group?

use std::sync::Arc;

use keyfob_benches::{compare, criterion, group};
use keyfob_core::{
    AttrName, Dialect, Member, MemberSet, Projection, Registry, Resource, ResourceId, ResourceType,
    SchemaUri, message::PatchRequest,
};
use keyfob_engine::{
    Change, CommitError, Context, Engine, EngineError, MemberPolicy, OnRefusal, Precondition, RelationDelta,
    StoreExt, TenantId, Written,
};
use keyfob_patch::{Applied, PatchError, Plan};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use serde_json::{Value, json};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let user = Registry::rfc().resource_type("User").ok_or("no users")?;
    let groups = Registry::rfc().resource_type("Group").ok_or("no groups")?;
    let mut criterion = criterion();
    let mut reads = |name: &str, text: &[u8], resource_type| {
        compare(
            &mut criterion,
            &format!("decode and compile {name} / decode it with serde_json"),
            || read(text, resource_type).map(|plan| plan.is_relation_only()),
            || serde_json::from_slice::<Value>(text),
        );
    };
    reads("an Entra PATCH of a user", &entra(), user);
    reads("a replacement of 10,000 members", &replacement(10_000)?, groups);
    reads("1,000 mixed operations", &mixed(1_000), groups);

    let mut small = Group::new(groups, 10)?;
    for count in [1_000, 100_000, 1_000_000] {
        let mut large = Group::new(groups, count)?;
        compare(
            &mut criterion,
            &format!("put a member into a group of {count} and take it out / of 10"),
            || large.toggle(),
            || small.toggle(),
        );
    }
    let text = removals(1_000);
    let request = PatchRequest::from_json(&text)?;
    let mut members = Group::new(groups, 10_000)?;
    let mut floor = Group::new(groups, 10_000)?;
    compare(
        &mut criterion,
        "compile and apply 1,000 filtered removes on 10,000 members / take them out of the set",
        || {
            let plan = Plan::compile(request.clone(), groups, Dialect::interop());
            let applied = plan.and_then(|plan| plan.apply(&mut members.resource));
            members.restore(1_000);
            applied
        },
        || {
            floor.take_out(1_000);
            floor.restore(1_000);
        },
    );

    let directory = tempfile::tempdir()?;
    let memory = Served::new(MemoryStore::new(), 1_000_000)?;
    compare(
        &mut criterion,
        "change a member through the engine in memory, in a group of 1,000,000 / of 10",
        || memory.toggle("large"),
        || memory.toggle("small"),
    );
    drop(memory);
    let count = std::env::var("KEYFOB_BENCH_MEMBERS").map_or(Ok(200_000), |text| text.parse())?;
    let sqlite = Served::new(SqliteStore::open(directory.path().join("bench.db"))?, count)?;
    compare(
        &mut criterion,
        &format!("change a member through the engine in SQLite, in a group of {count} / of 10"),
        || sqlite.toggle("large"),
        || sqlite.toggle("small"),
    );
    criterion.final_summary();
    Ok(())
}

fn read<'t>(text: &[u8], resource_type: &'t ResourceType) -> Result<Plan<'t>, Failed> {
    Ok(Plan::compile(
        PatchRequest::from_json(text)?,
        resource_type,
        Dialect::interop(),
    )?)
}

fn message(operations: &[Value]) -> Vec<u8> {
    let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    json!({"schemas": [schema], "Operations": operations})
        .to_string()
        .into_bytes()
}

/// As Entra ID updates a user.
fn entra() -> Vec<u8> {
    message(&[
        json!({"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "babs@example.com"}),
        json!({"op": "Add", "path": "name.familyName", "value": "Jensen"}),
        json!({"op": "Replace", "path": "active", "value": "True"}),
        json!({"op": "Replace", "path": "displayName", "value": "Barbara Jensen"}),
        json!({
            "op": "Add",
            "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "value": "Tour Operations"
        }),
    ])
}

fn replacement(members: u32) -> Result<Vec<u8>, Failed> {
    let group: Value = serde_json::from_slice(&group(members))?;
    Ok(message(&[
        json!({"op": "replace", "path": "members", "value": group.get("members")}),
    ]))
}

fn removals(count: usize) -> Vec<u8> {
    let path = |number| format!("members[value eq \"{}\"]", id(number));
    let operations: Vec<Value> = (0..count)
        .map(|number| json!({"op": "remove", "path": path(number)}))
        .collect();
    message(&operations)
}

fn mixed(count: usize) -> Vec<u8> {
    let operations: Vec<Value> = (0..count)
        .map(|number| match number % 4 {
            0 => json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id(number))}),
            1 => json!({"op": "add", "path": "members", "value": [{"value": id(number).as_str()}]}),
            2 => json!({"op": "Remove", "path": "members", "value": [{"value": id(number).as_str()}]}),
            _ => json!({"op": "replace", "value": {"displayName": format!("Tour Guides {number}")}}),
        })
        .collect();
    message(&operations)
}

fn id(number: usize) -> ResourceId {
    let text = format!(
        "{:08x}-f08f-4109-8486-{number:012x}",
        number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff
    );
    ResourceId::new(text)
}

/// A group in memory, and the plans that put a stranger in and take it out.
struct Group<'t> {
    resource: Resource,
    add: Plan<'t>,
    remove: Plan<'t>,
}

impl<'t> Group<'t> {
    fn new(resource_type: &'t ResourceType, count: usize) -> Result<Self, Failed> {
        let mut resource = Resource::new([SchemaUri::GROUP]);
        resource.core_mut().insert("displayName", "Tour Guides");
        let members: MemberSet = (0..count)
            .map(|number| (id(number), Member::new().with_kind("User")))
            .collect();
        resource.set_relation(&AttrName::new("members"), members);
        let [add, remove] = toggles(count);
        Ok(Self {
            resource,
            add: read(&add, resource_type)?,
            remove: read(&remove, resource_type)?,
        })
    }

    fn toggle(&mut self) -> Result<(Applied, Applied), PatchError> {
        Ok((
            self.add.apply(&mut self.resource)?,
            self.remove.apply(&mut self.resource)?,
        ))
    }

    fn take_out(&mut self, count: usize) {
        for (_, members) in self.resource.relations_mut() {
            for number in 0..count {
                members.remove(&id(number));
            }
        }
    }

    fn restore(&mut self, count: usize) {
        for (_, members) in self.resource.relations_mut() {
            for number in 0..count {
                members.insert(id(number), Member::new().with_kind("User"));
            }
        }
    }
}

/// The requests that put someone in and take them out.
fn toggles(number: usize) -> [Vec<u8>; 2] {
    let id = id(number);
    [
        message(&[json!({"op": "add", "path": "members", "value": [{"value": id.as_str()}]})]),
        message(&[json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")})]),
    ]
}

/// A store with users and two groups.
struct Served<S> {
    engine: Engine<S>,
    group: &'static ResourceType,
    cx: Context,
    requests: [PatchRequest; 2],
}

impl<S: StoreExt> Served<S> {
    fn new(store: S, count: usize) -> Result<Self, Failed> {
        let engine = Engine::new(store, Registry::rfc().clone());
        let cx = Context::new(TenantId::new("acme"));
        let [add, remove] = toggles(count);
        let requests = [PatchRequest::from_json(&add)?, PatchRequest::from_json(&remove)?];
        let group = Registry::rfc().resource_type("Group").ok_or("no groups")?;
        let served = Self {
            engine,
            group,
            cx,
            requests,
        };
        let user = Registry::rfc().resource_type("User").ok_or("no users")?;
        let numbers: Vec<usize> = (0..=count).collect();
        for numbers in numbers.chunks(5_000) {
            let users: Vec<_> = numbers
                .iter()
                .map(|number| {
                    let mut user = Resource::new([SchemaUri::USER]);
                    user.core_mut()
                        .insert("userName", format!("user{number}").as_str());
                    (id(*number), user)
                })
                .collect();
            let changes: Vec<_> = users
                .into_iter()
                .map(|(id, document)| create(user, id, document, Vec::new()))
                .collect();
            served.commit(changes)?;
        }
        for (name, members) in [("large", count), ("small", 10)] {
            let mut document = Resource::new([SchemaUri::GROUP]);
            document.core_mut().insert("displayName", name);
            let members = (0..members).map(|number| (id(number), Member::new().with_kind("User")));
            let delta = RelationDelta::replace("members".into(), members.collect());
            served.commit(vec![create(group, ResourceId::new(name), document, vec![delta])])?;
        }
        Ok(served)
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let commit = self.engine.commit_of(&self.cx, "bench", changes, None);
        block_on(self.engine.store().commit_one(commit)).map(|_| ())
    }

    fn toggle(&self, group: &str) -> Result<Written, EngineError> {
        let [add, remove] = self.requests.clone();
        let patch = |request| {
            block_on(self.engine.patch(
                &self.cx,
                self.group,
                &ResourceId::new(group),
                request,
                &Precondition::default(),
                &Projection::all(),
            ))
        };
        patch(add)?;
        patch(remove)
    }
}

fn create(
    resource_type: &ResourceType,
    id: ResourceId,
    document: Resource,
    relations: Vec<RelationDelta>,
) -> Change {
    Change::Create {
        resource_type: resource_type.clone(),
        id,
        document: document.into(),
        state: Arc::default(),
        relations: relations.into(),
        members: MemberPolicy::default(),
        unique: Vec::new(),
        on_refusal: OnRefusal::Fail,
    }
}

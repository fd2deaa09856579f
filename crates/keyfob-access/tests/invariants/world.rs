//! The engine with the rules of this crate, and how a step is done there.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use keyfob_access::{Access, AccessError, AccessGroups, Credentials, Schedule, TimeZone, Units, register};
use keyfob_core::{
    AttrPath, Clock, DateTime, IdGenerator, Projection, Resource, ResourceId, ResourceType, ToErrorBody,
    message::PatchRequest, schema::RegistryBuilder,
};
use keyfob_engine::{Actor, AuthenticationError, Context, DynStore, EngineError, Precondition, TenantId};
use keyfob_provisioning::{AdminError, Confirmed, Profile, Provisioner, Synchronization, Token};
use pollster::block_on;
use serde_json::{Value, json};

use crate::{
    model::{
        Made, Organization, Refusal, domain_name, doors_of_level, group_name, ignorable, role_name,
        token_name, unit_name,
    },
    steps::{Action, Body, Edit, Field, GroupEdit, LEVELS, ROLES, Shape, UNITS, Who},
    store::{Watched, Watcher},
};

pub(crate) const CARD: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User";
pub(crate) const EXTERNAL_ID: &str = "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User";

/// What Okta sends along, and nobody keeps.
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct World {
    pub(crate) engine: Provisioner<Arc<Watched>>,
    /// The providers' contexts of the organizations.
    pub(crate) tenants: [Context; 2],
}

/// A clock that moves each time that somebody looks at it.
#[derive(Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(1_700_000_000_000 + self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// Ids that are the same whenever the same is done.
#[derive(Default)]
struct Counting(AtomicUsize);

impl IdGenerator for Counting {
    fn next_id(&self, _: DateTime) -> ResourceId {
        ResourceId::new(format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

impl World {
    /// Two organizations with doors, levels, roles and a unit that are not linked to anything.
    pub(crate) fn new(store: DynStore, profile: Profile) -> Self {
        let registry = register(RegistryBuilder::verkada().flat_groups())
            .build()
            .unwrap();
        let (groups, units) = (
            AccessGroups::new(&registry).unwrap(),
            Units::new(&registry).unwrap(),
        );
        let engine = Provisioner::builder(Arc::new(Watched::new(store, Watcher::default())), registry)
            .with_clock(Ticking::default())
            .with_ids(Counting::default())
            .with_profile(profile)
            .with_module(groups)
            .with_module(units)
            .with_rule(Credentials::default())
            .build();
        let tenants = ["acme", "umbrella"].map(|name| Context::new(TenantId::new(name)));
        let world = Self { engine, tenants };
        let access = world.access();
        for cx in &world.tenants {
            let cx = cx.clone().acting_as(Actor::Administrator);
            for door in doors_of_level(LEVELS[1]) {
                block_on(access.create_door(&cx, door, "Site", TimeZone::UTC)).unwrap();
            }
            for level in LEVELS {
                world.create_level(&cx, level).unwrap();
            }
            for role in &ROLES[..2] {
                block_on(access.create_role(&cx, role)).unwrap();
            }
            block_on(access.create_unit(&cx, UNITS[0], None)).unwrap();
        }
        world
    }

    pub(crate) fn access(&self) -> Access<'_, Arc<Watched>> {
        Access::new(&self.engine).unwrap()
    }

    pub(crate) fn kind(&self, name: &str) -> &ResourceType {
        self.engine.registry().resource_type(name).unwrap()
    }

    fn create_level(&self, cx: &Context, level: &str) -> Result<(), AccessError> {
        let access = self.access();
        let doors = doors_of_level(level).iter();
        let doors: Vec<_> = doors
            .map(|door| block_on(access.door(cx, door)).unwrap().id)
            .collect();
        block_on(access.create_level(cx, level, &Schedule::always(), &doors)).map(|_| ())
    }

    /// Does it, on behalf of an organization that is as the model says.
    pub(crate) fn run(
        &self,
        number: usize,
        action: &Action,
        organization: &Organization,
        others: &Organization,
    ) -> Result<Made, Refusal> {
        let doing = Doing {
            world: self,
            cx: &self.tenants[number],
            organization,
            others,
        };
        doing.act(action)
    }
}

struct Doing<'w> {
    world: &'w World,
    cx: &'w Context,
    organization: &'w Organization,
    others: &'w Organization,
}

impl Doing<'_> {
    fn act(&self, action: &Action) -> Result<Made, Refusal> {
        match action {
            Action::PostUser(by, body) => self.create(*by, "User", &Self::user(body)),
            Action::PutUser(by, who, body) => self.replace(*by, "User", &self.id(*who), &Self::user(body)),
            Action::PatchUser(by, who, edits) => {
                let operations = edits.iter().map(|(shape, edit)| operation(*shape, *edit));
                self.patch(*by, "User", &self.id(*who), &operations.collect::<Vec<_>>())
            }
            Action::PutBackUser(who) => self.put_back("User", &self.id(*who)),
            Action::DeleteUser(by, who) => self.delete(*by, "User", &self.id(*who)),
            Action::Nameless(who, way) => {
                let by = Actor::Provider;
                match way {
                    0 => self.create(by, "User", &json!({"displayName": "One"})),
                    1 => self.replace(by, "User", &self.id(*who), &json!({"displayName": "One"})),
                    _ => {
                        let remove = json!({"op": "remove", "path": "userName"});
                        self.patch(by, "User", &self.id(*who), &[remove])
                    }
                }
            }
            Action::PostGroup(by, name, members) => self.create(*by, "Group", &self.group(*name, members)),
            Action::PutGroup(by, group, name, members) => {
                let id = self.organization.group_id(*group);
                self.replace(*by, "Group", &id, &self.group(*name, members))
            }
            Action::PatchGroup(by, group, edits) => {
                let operations = edits.iter().flat_map(|edit| self.group_operations(edit));
                self.patch(
                    *by,
                    "Group",
                    &self.organization.group_id(*group),
                    &operations.collect::<Vec<_>>(),
                )
            }
            Action::PutBackGroup(group) => self.put_back("Group", &self.organization.group_id(*group)),
            Action::DeleteGroup(by, group) => self.delete(*by, "Group", &self.organization.group_id(*group)),
            _ => self.administer(action),
        }
    }

    fn administer(&self, action: &Action) -> Result<Made, Refusal> {
        let admin = self.world.engine.admin();
        let token = |token: Token| Made {
            token: Some(token.expose().into()),
            ..Made::default()
        };
        let done = |()| Made::default();
        let outcome = match action {
            Action::AddDomain(by, domain) => {
                let added = block_on(admin.add_domain(&self.by(*by), domain_name(*domain)));
                added.map(|issued| issued.map_or_else(Made::default, token))
            }
            Action::RemoveDomain(by, domain, force) => {
                block_on(admin.remove_domain(&self.by(*by), domain_name(*domain), *force)).map(done)
            }
            Action::RefreshToken(by, name, confirmed) => {
                let name = name.map(token_name);
                block_on(admin.refresh_token(&self.by(*by), name, yes(*confirmed))).map(token)
            }
            Action::IssueToken(by, name, is_over) => {
                let expires = is_over.then(|| self.world.engine.now());
                block_on(admin.issue_token(&self.by(*by), token_name(*name), expires)).map(token)
            }
            Action::RevokeToken(by, name, confirmed) => {
                block_on(admin.revoke_token(&self.by(*by), token_name(*name), yes(*confirmed))).map(done)
            }
            Action::SetInvites(by, send) => block_on(admin.set_invites(&self.by(*by), *send)).map(done),
            Action::SetSynchronization(by, groups, ignored) => {
                let ignored = ignored.iter().map(|number| ignorable(*number));
                let ignored = ignored.map(|path| AttrPath::parse(path).unwrap()).collect();
                let synchronization = Synchronization::new(*groups, ignored);
                block_on(admin.set_synchronization(&self.by(*by), &synchronization)).map(done)
            }
            Action::AcceptInvite(who) => {
                block_on(admin.accept_invite(&self.by(Actor::Administrator), &self.resource_id(*who)))
                    .map(done)
            }
            Action::WithdrawInvite(by, who) => {
                block_on(admin.withdraw_invite(&self.by(*by), &self.resource_id(*who))).map(done)
            }
            Action::SetActive(by, who, active) => {
                let (by, id) = (self.by(*by), self.resource_id(*who));
                let said = if *active {
                    block_on(admin.activate_user(&by, &id))
                } else {
                    block_on(admin.deactivate_user(&by, &id))
                };
                said.map(done)
            }
            Action::SoftDelete(by, who) => {
                block_on(admin.delete_user(&self.by(*by), &self.resource_id(*who))).map(done)
            }
            Action::Purge(by, who, confirmed) => {
                block_on(admin.purge_user(&self.by(*by), &self.resource_id(*who), yes(*confirmed))).map(done)
            }
            Action::Restore(by, who) => {
                block_on(admin.restore_user(&self.by(*by), &self.resource_id(*who))).map(done)
            }
            Action::Unlink(by, confirmed) => block_on(admin.unlink(&self.by(*by), yes(*confirmed))).map(done),
            _ => return self.arrange(action).map_err(|error| of_access(&error)),
        };
        outcome.map_err(|error| of_admin(&error))
    }

    fn arrange(&self, action: &Action) -> Result<Made, AccessError> {
        let access = self.world.access();
        let outcome = match action {
            Action::CreateUnit(by, unit, parent) => {
                let parent = parent.map(unit_name);
                block_on(access.create_unit(&self.by(*by), unit_name(*unit), parent)).map(|_| ())
            }
            Action::MoveUnit(by, unit, parent) => {
                let parent = parent.map(unit_name);
                block_on(access.move_unit(&self.by(*by), unit_name(*unit), parent)).map(|_| ())
            }
            Action::DeleteUnit(by, unit) => block_on(access.delete_unit(&self.by(*by), unit_name(*unit))),
            Action::SetDefaultUnit(by, unit) => {
                block_on(access.set_default_unit(&self.by(*by), unit.map(unit_name)))
            }
            Action::CreateRole(by, role) => {
                block_on(access.create_role(&self.by(*by), role_name(*role))).map(|_| ())
            }
            Action::MapGroup(by, of, unit, role) => {
                let of = self.organization.group_id(*of);
                let (unit, role) = (unit_name(*unit), role.map(role_name));
                block_on(access.map_group(&self.by(*by), &of, unit, role)).map(|_| ())
            }
            Action::Grant(by, who, unit, role) => {
                let (id, unit, role) = (self.id(*who), unit_name(*unit), role.map(role_name));
                block_on(access.grant(&self.by(*by), &id, unit, role))
            }
            Action::Revoke(by, who, unit, role) => {
                let (id, unit, role) = (self.id(*who), unit_name(*unit), role.map(role_name));
                block_on(access.revoke(&self.by(*by), &id, unit, role))
            }
            _ => return self.give_access(action),
        };
        outcome.map(|()| Made::default())
    }

    fn give_access(&self, action: &Action) -> Result<Made, AccessError> {
        let access = self.world.access();
        let group = |number: u8| self.organization.access_group_id(number);
        let made = |group: keyfob_access::AccessGroup| Made {
            id: Some(group.id.as_str().into()),
            ..Made::default()
        };
        let done = |()| Made::default();
        let level = |number: u8| LEVELS[usize::from(number)];
        match action {
            Action::Convert(by, of) => {
                let of = self.organization.group_id(*of);
                block_on(access.create_access_group_from(&self.by(*by), &of)).map(made)
            }
            Action::CreateAccessGroup(by, name) => {
                block_on(access.create_access_group(&self.by(*by), group_name(*name))).map(made)
            }
            Action::DeleteAccessGroup(by, of) => {
                block_on(access.delete_access_group(&self.by(*by), &group(*of))).map(done)
            }
            Action::ChangeMembers(by, of, add, remove) => {
                let ids = |who: &[Who]| -> Vec<_> { who.iter().map(|who| self.resource_id(*who)).collect() };
                let (add, remove) = (ids(add), ids(remove));
                // Who is named on both sides stays or joins.
                block_on(access.change_members(&self.by(*by), &group(*of), &add, &remove)).map(done)
            }
            Action::CreateLevel(by, number) => {
                self.world.create_level(&self.by(*by), level(*number)).map(done)
            }
            Action::DeleteLevel(by, number) => {
                block_on(access.delete_level(&self.by(*by), level(*number))).map(done)
            }
            Action::AssignLevel(by, number, of) => {
                block_on(access.assign_level(&self.by(*by), level(*number), &group(*of))).map(done)
            }
            Action::UnassignLevel(by, number, of) => {
                block_on(access.unassign_level(&self.by(*by), level(*number), &group(*of))).map(done)
            }
            other => panic!("{other:?} is done elsewhere"),
        }
    }

    fn by(&self, actor: Actor) -> Context {
        self.cx.clone().acting_as(actor)
    }

    fn id(&self, who: Who) -> String {
        self.organization.user_id(who, self.others)
    }

    fn resource_id(&self, who: Who) -> ResourceId {
        ResourceId::new(self.id(who))
    }

    /// A provider is whom its token says it is.
    fn enter(&self, by: Actor) -> Result<Context, Refusal> {
        if by == Actor::Provider {
            let token = self.organization.open_token().unwrap_or("none");
            let opened =
                block_on(self.world.engine.authenticate(token)).map_err(|error| unauthenticated(&error))?;
            assert_eq!(
                *opened.tenant(),
                *self.cx.tenant(),
                "T-1, T-14: a token opens its own organization"
            );
        }
        Ok(self.by(by))
    }

    fn create(&self, by: Actor, kind: &str, body: &Value) -> Result<Made, Refusal> {
        let (cx, kind) = (self.enter(by)?, self.world.kind(kind));
        let created = block_on(
            self.world
                .engine
                .create(&cx, kind, read(body, kind)?, &Projection::all()),
        );
        let written = created.map_err(|error| of_engine(&error))?;
        Ok(Made {
            id: Some(written.id.as_str().into()),
            ..Made::default()
        })
    }

    fn replace(&self, by: Actor, kind: &str, id: &str, body: &Value) -> Result<Made, Refusal> {
        let (cx, kind) = (self.enter(by)?, self.world.kind(kind));
        let (id, body) = (ResourceId::new(id), read(body, kind)?);
        let (free, all) = (Precondition::None, Projection::all());
        let replaced = block_on(self.world.engine.replace(&cx, kind, &id, body, &free, &all));
        replaced
            .map(|_| Made::default())
            .map_err(|error| of_engine(&error))
    }

    fn put_back(&self, kind: &str, id: &str) -> Result<Made, Refusal> {
        let (cx, of) = (self.enter(Actor::Provider)?, self.world.kind(kind));
        let found = block_on(
            self.world
                .engine
                .get(&cx, of, &ResourceId::new(id), &Projection::all()),
        );
        let found = found.map_err(|error| of_engine(&error))?;
        let body = serde_json::from_slice(&found.to_json()).unwrap();
        self.replace(Actor::Provider, kind, id, &body)
    }

    fn patch(&self, by: Actor, kind: &str, id: &str, operations: &[Value]) -> Result<Made, Refusal> {
        let (cx, kind) = (self.enter(by)?, self.world.kind(kind));
        let request = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        let request = PatchRequest::from_json(request.to_string().as_bytes()).map_err(|error| Refusal {
            status: error.to_error_body().status,
            kind: ident(&error),
        })?;
        let (id, free, all) = (ResourceId::new(id), Precondition::None, Projection::all());
        let patched = block_on(self.world.engine.patch(&cx, kind, &id, request, &free, &all));
        patched
            .map(|_| Made::default())
            .map_err(|error| of_engine(&error))
    }

    fn delete(&self, by: Actor, kind: &str, id: &str) -> Result<Made, Refusal> {
        let (cx, kind) = (self.enter(by)?, self.world.kind(kind));
        let deleted = block_on(self.world.engine.delete(
            &cx,
            kind,
            &ResourceId::new(id),
            &Precondition::None,
        ));
        deleted
            .map(|()| Made::default())
            .map_err(|error| of_engine(&error))
    }

    fn user(body: &Body) -> Value {
        let mut user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": Field::UserName.value(body.user_name),
        });
        if body.surplus {
            user["password"] = json!(PASSWORD);
            user["groups"] = json!([]);
        }
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                user[name] = value;
            }
        };
        let text = |field: Field, number: Option<u8>| number.map(|number| json!(field.value(number)));
        let names = [
            ("givenName", Field::GivenName, body.given_name),
            ("familyName", Field::FamilyName, body.family_name),
        ];
        let names = names
            .into_iter()
            .filter_map(|(name, field, number)| Some((name, field.value(number?))));
        put("name", object(names));
        put("displayName", text(Field::DisplayName, body.display_name));
        put("title", text(Field::Title, body.title));
        put("active", body.active.map(|said| activity(said, body.texts)));
        put("emails", body.email.map(|number| whole(Field::Email, number)));
        put(
            "phoneNumbers",
            body.phone.map(|number| whole(Field::Phone, number)),
        );
        let external_id = body.external_id.map(|number| Field::ExternalId.value(number));
        let names = ["cardFormat", "cardNumber", "facilityCode", "credentialStatus"];
        let fields = [
            Field::CardFormat,
            Field::CardNumber,
            Field::FacilityCode,
            Field::CardStatus,
        ];
        let parts = names.into_iter().zip(fields).zip(body.card);
        let card = parts.filter_map(|((name, field), number)| Some((name, field.value(number?))));
        put(CARD, object(card));
        put(EXTERNAL_ID, external_id.map(|id| json!({"externalId": id})));
        user
    }

    fn group(&self, name: u8, members: &[Who]) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": group_name(name),
            "members": self.members(members),
        })
    }

    fn members(&self, members: &[Who]) -> Value {
        let mut ids: Vec<String> = members.iter().map(|who| self.id(*who)).collect();
        ids.sort();
        ids.dedup();
        ids.iter().map(|id| json!({"value": id, "$ref": null})).collect()
    }

    fn group_operations(&self, edit: &GroupEdit) -> Vec<Value> {
        let one = match edit {
            GroupEdit::Add(members) => {
                json!({"op": "Add", "path": "members", "value": self.members(members)})
            }
            GroupEdit::Remove(members, true) => {
                json!({"op": "remove", "path": "members", "value": self.members(members)})
            }
            GroupEdit::Remove(members, false) => {
                let path = |who: &Who| format!("members[value eq \"{}\"]", self.id(*who));
                let remove = |who: &Who| json!({"op": "Remove", "path": path(who)});
                return members.iter().map(remove).collect();
            }
            GroupEdit::Replace(members) => {
                json!({"op": "replace", "path": "members", "value": self.members(members)})
            }
            GroupEdit::Clear => json!({"op": "remove", "path": "members"}),
            GroupEdit::Rename(name) => {
                json!({"op": "replace", "value": {"displayName": group_name(*name)}})
            }
        };
        vec![one]
    }
}

fn read(body: &Value, kind: &ResourceType) -> Result<Resource, Refusal> {
    Resource::from_json(body.to_string().as_bytes(), kind).map_err(|error| Refusal {
        status: error.to_error_body().status,
        kind: ident(&error),
    })
}

/// An object with these texts; none where there are none.
fn object<'n>(texts: impl Iterator<Item = (&'n str, String)>) -> Option<Value> {
    let object: serde_json::Map<_, _> = texts.map(|(name, text)| (name.to_owned(), json!(text))).collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

fn activity(said: Option<bool>, text: bool) -> Value {
    match (text, said) {
        (false, said) => json!(said),
        (true, Some(true)) => json!("True"),
        (true, Some(false)) => json!("False"),
        (true, None) => Value::Null,
    }
}

/// What a value of [`Field::Active`] says.
pub(crate) fn said(value: &str) -> Option<bool> {
    (value != "null").then_some(value == "true")
}

/// The path of the value of a field.
fn path_of(field: Field) -> String {
    match field {
        Field::UserName => "userName".into(),
        Field::GivenName => "name.givenName".into(),
        Field::FamilyName => "name.familyName".into(),
        Field::DisplayName => "displayName".into(),
        Field::Title => "title".into(),
        Field::Active => "active".into(),
        Field::Email => "emails[type eq \"work\"].value".into(),
        Field::Phone => "phoneNumbers[type eq \"mobile\"].value".into(),
        Field::ExternalId => format!("{EXTERNAL_ID}:externalId"),
        Field::CardFormat => format!("{CARD}:cardFormat"),
        Field::CardNumber => format!("{CARD}:cardNumber"),
        Field::FacilityCode => format!("{CARD}:facilityCode"),
        Field::CardStatus => format!("{CARD}:credentialStatus"),
    }
}

/// The attribute that a field is, with its value.
fn whole(field: Field, number: u8) -> Value {
    let value = field.value(number);
    match field {
        Field::Active => activity(said(&value), false),
        Field::Email => json!([{"type": "work", "value": value}]),
        Field::Phone => json!([{"type": "mobile", "value": value}]),
        _ => json!(value),
    }
}

fn attribute_of(field: Field) -> String {
    match field {
        Field::Email => "emails".into(),
        Field::Phone => "phoneNumbers".into(),
        field => path_of(field),
    }
}

fn operation(shape: Shape, edit: Edit) -> Value {
    match (edit, shape) {
        (Edit::Remove(field), _) => json!({"op": "remove", "path": attribute_of(field)}),
        (Edit::Broken(0), _) => json!({"op": "replace", "path": "userName[x eq", "value": "x"}),
        (Edit::Broken(_), _) => json!({"op": "replace", "path": "id", "value": "other"}),
        (Edit::Set(field, number), Shape::Whole) => {
            json!({"op": "Replace", "value": {attribute_of(field): whole(field, number)}})
        }
        (Edit::Set(field, number), shape) => {
            let value = match (field, shape) {
                (Field::Active, Shape::Add) => activity(said(&field.value(number)), true),
                (Field::Active, _) => whole(field, number),
                _ => json!(field.value(number)),
            };
            let op = if matches!(shape, Shape::Add) {
                "Add"
            } else {
                "replace"
            };
            json!({"op": op, "path": path_of(field), "value": value})
        }
    }
}

fn yes(confirmed: bool) -> Option<Confirmed> {
    confirmed.then_some(Confirmed)
}

/// The name of an error's variant.
fn ident(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    text.chars()
        .take_while(|letter| letter.is_alphanumeric())
        .collect()
}

fn of_engine(error: &EngineError) -> Refusal {
    Refusal {
        status: error.to_error_body().status,
        kind: match (keyfob_provisioning::Refusal::of(error), error) {
            (Some(keyfob_provisioning::Refusal::State { reason, .. }), _) => ident(reason),
            (Some(refusal), _) => ident(refusal),
            (None, EngineError::Rejected(rejection)) => ident(rejection),
            (None, error) => ident(error),
        },
    }
}

fn of_admin(error: &AdminError) -> Refusal {
    match error {
        AdminError::Engine(error) => of_engine(error),
        error => Refusal {
            status: error.to_error_body().status,
            kind: match error {
                AdminError::State { reason, .. } => ident(reason),
                error => ident(error),
            },
        },
    }
}

fn of_access(error: &AccessError) -> Refusal {
    match error {
        AccessError::Engine(error) => of_engine(error),
        AccessError::Admin(error) => of_admin(error),
        error => Refusal {
            status: error.to_error_body().status,
            kind: ident(error),
        },
    }
}

fn unauthenticated(error: &AuthenticationError) -> Refusal {
    Refusal {
        status: error.to_error_body().status,
        kind: ident(error),
    }
}

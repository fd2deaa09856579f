//! An organization whose provider sends card credentials.

use std::collections::BTreeMap;

use keyfob_access::{Credential, Credentials};
use keyfob_core::{
    EntityTag, Projection, Registry, Resource, ResourceId, ResourceType, ScimType, ToErrorBody, Version,
    message::PatchRequest,
};
use keyfob_engine::{Actor, Context, DynStore, EngineError, Precondition, TenantId, Written};
use keyfob_provisioning::{Confirmed, Profile, Provisioner, UserView};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const URN: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User";
pub(super) const WIEGAND: &str = "Standard 26-bit Wiegand";

/// The attributes that Verkada's documentation sends as an example.
pub(super) const EXAMPLE: [(&str, &str); 5] = [
    ("cardFormat", WIEGAND),
    ("cardNumber", "7777"),
    ("cardNumberHex", "7"),
    ("credentialStatus", "active"),
    ("facilityCode", "111"),
];

pub(super) struct Organization {
    pub(super) engine: Provisioner<DynStore>,
    /// The provider's context.
    pub(super) cx: Context,
    /// An administrator's context.
    pub(super) admin: Context,
    _directory: Option<TempDir>,
}

/// Runs a test over each store, with the profile of Verkada Command.
pub(super) fn on_each_store(test: impl Fn(&Organization)) {
    test(&Organization::new());
    test(&Organization::in_sqlite());
}

impl Organization {
    pub(super) fn new() -> Self {
        Self::with(Profile::verkada(), Credentials::default())
    }

    pub(super) fn with(profile: Profile, rule: Credentials) -> Self {
        Self::over(DynStore::new(MemoryStore::new()), None, profile, rule)
    }

    pub(super) fn in_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("cards.db")).unwrap();
        Self::over(
            DynStore::new(store),
            Some(directory),
            Profile::verkada(),
            Credentials::default(),
        )
    }

    fn over(store: DynStore, directory: Option<TempDir>, profile: Profile, rule: Credentials) -> Self {
        let cx = Context::new(TenantId::new("acme"));
        let organization = Self {
            engine: Provisioner::builder(store, Registry::verkada().clone())
                .with_profile(profile)
                .with_rule(rule)
                .build(),
            admin: cx.clone().acting_as(Actor::Administrator),
            cx,
            _directory: directory,
        };
        let admin = organization.engine.admin();
        block_on(admin.add_domain(&organization.admin, "example.com")).unwrap();
        // Whoever is not invited is active at once.
        block_on(admin.set_invites(&organization.admin, false)).unwrap();
        organization
    }

    /// The same organization under another rule.
    pub(super) fn with_rule(self, rule: Credentials) -> Self {
        let store = self.engine.store().clone();
        Self {
            engine: Provisioner::builder(store, Registry::verkada().clone())
                .with_profile(self.engine.profile().clone())
                .with_rule(rule)
                .build(),
            ..self
        }
    }

    fn kind(&self) -> &ResourceType {
        self.engine.registry().resource_type("User").unwrap()
    }

    /// A POST with these attributes of the access extension.
    pub(super) fn post(&self, name: &str, attributes: &[(&str, &str)]) -> Result<ResourceId, EngineError> {
        let attributes: BTreeMap<_, _> = attributes.iter().copied().collect();
        let mut body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("{name}@example.com"),
            "emails": [{"value": format!("{name}@example.com")}]});
        if !attributes.is_empty() {
            body[URN] = json!(attributes);
        }
        Ok(self.post_body(&body)?.id)
    }

    pub(super) fn post_body(&self, body: &Value) -> Result<Written, EngineError> {
        let body = Resource::from_json(body.to_string().as_bytes(), self.kind()).unwrap();
        block_on(
            self.engine
                .create(&self.cx, self.kind(), body, &Projection::all()),
        )
    }

    /// A user without a credential.
    pub(super) fn user(&self, name: &str) -> ResourceId {
        self.post(name, &[]).unwrap()
    }

    pub(super) fn put(&self, id: &ResourceId, body: &Value) -> Result<Written, EngineError> {
        let body = Resource::from_json(body.to_string().as_bytes(), self.kind()).unwrap();
        let (none, all) = (Precondition::None, Projection::all());
        block_on(self.engine.replace(&self.cx, self.kind(), id, body, &none, &all))
    }

    /// A PATCH with these operations.
    pub(super) fn patch(&self, id: &ResourceId, operations: &Value) -> Result<Written, EngineError> {
        let text =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        let request = PatchRequest::from_json(text.to_string().as_bytes()).unwrap();
        let (none, all) = (Precondition::None, Projection::all());
        block_on(self.engine.patch(&self.cx, self.kind(), id, request, &none, &all))
    }

    /// A PATCH with an operation for each attribute, as Entra ID sends it.
    pub(super) fn send(&self, id: &ResourceId, attributes: &[(&str, &str)]) -> Result<Written, EngineError> {
        self.patch(id, &adds(attributes))
    }

    /// A PATCH that takes attributes away.
    pub(super) fn remove(&self, id: &ResourceId, attributes: &[&str]) -> Result<Written, EngineError> {
        let operations = attributes
            .iter()
            .map(|name| json!({"op": "remove", "path": format!("{URN}:{name}")}));
        self.patch(id, &operations.collect())
    }

    pub(super) fn set_active(&self, id: &ResourceId, active: bool) {
        let operations = json!([{"op": "replace", "path": "active", "value": active}]);
        self.patch(id, &operations).unwrap();
    }

    pub(super) fn delete(&self, id: &ResourceId) {
        block_on(self.engine.delete(&self.cx, self.kind(), id, &Precondition::None)).unwrap();
    }

    pub(super) fn purge(&self, id: &ResourceId) {
        block_on(self.engine.admin().purge_user(&self.admin, id, Some(Confirmed))).unwrap();
    }

    pub(super) fn view(&self, id: &ResourceId) -> UserView {
        block_on(self.engine.admin().user(&self.admin, id.as_str())).unwrap()
    }

    pub(super) fn credential(&self, id: &ResourceId) -> Option<Credential> {
        Credential::of(&self.view(id).internal)
    }

    /// The credential's state, `empty` where there is none.
    pub(super) fn state(&self, id: &ResourceId) -> &'static str {
        self.credential(id)
            .map_or("empty", |credential| credential.state())
    }

    /// The id of the user's card.
    pub(super) fn card_id(&self, id: &ResourceId) -> String {
        let credential = self.credential(id).unwrap();
        credential.card().unwrap().id.to_string()
    }

    /// What a reader sends for the user's card.
    pub(super) fn word(&self, id: &ResourceId) -> String {
        let credential = self.credential(id).unwrap();
        credential.card().unwrap().word.clone().unwrap().to_string()
    }

    /// What is missing for a card.
    pub(super) fn missing(&self, id: &ResourceId) -> Vec<String> {
        match self.credential(id) {
            Some(Credential::Staged { missing, .. }) => missing.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?} is not staged"),
        }
    }

    pub(super) fn is_effective(&self, id: &ResourceId) -> bool {
        let view = self.view(id);
        Credential::of(&view.internal).is_some_and(|credential| credential.is_effective(view.state))
    }

    /// The user as the provider gets it.
    pub(super) fn get(&self, id: &ResourceId) -> Value {
        let found = block_on(self.engine.get(&self.cx, self.kind(), id, &Projection::all())).unwrap();
        serde_json::from_slice(&found.to_json()).unwrap()
    }

    /// The attributes of the access extension as the provider gets them.
    pub(super) fn echoed(&self, id: &ResourceId) -> BTreeMap<String, String> {
        serde_json::from_value(self.get(id)[URN].clone()).unwrap_or_default()
    }

    pub(super) fn version(&self, id: &ResourceId) -> Version {
        let tag = self.get(id)["meta"]["version"]
            .as_str()
            .and_then(EntityTag::parse);
        tag.unwrap().version()
    }

    /// What was told of cards, as `name id`.
    pub(super) fn told(&self) -> Vec<String> {
        let events = block_on(self.engine.admin().events(
            &self.admin,
            keyfob_engine::Position::START,
            usize::MAX,
        ))
        .unwrap();
        let told = events.iter().filter_map(|event| {
            let credential = event.event.data.get_str("credential")?;
            Some(format!("{} {credential}", event.event.name))
        });
        told.collect()
    }

    /// How many events there are.
    pub(super) fn event_count(&self) -> usize {
        block_on(
            self.engine
                .admin()
                .events(&self.admin, keyfob_engine::Position::START, usize::MAX),
        )
        .unwrap()
        .len()
    }
}

/// An operation for each attribute.
pub(super) fn adds(attributes: &[(&str, &str)]) -> Value {
    attributes
        .iter()
        .map(|(name, value)| json!({"op": "Add", "path": format!("{URN}:{name}"), "value": value}))
        .collect()
}

/// The status, the keyword and the sentence that a client gets.
#[track_caller]
pub(super) fn refusal<T: std::fmt::Debug>(
    outcome: Result<T, EngineError>,
) -> (u16, Option<ScimType>, String) {
    let body = outcome.unwrap_err().to_error_body();
    (body.status, body.scim_type, body.detail.to_string())
}

/// Checks that a client is told 400 `invalidValue`, and returns the sentence.
#[track_caller]
pub(super) fn invalid_value<T: std::fmt::Debug>(outcome: Result<T, EngineError>) -> String {
    let (status, scim_type, detail) = refusal(outcome);
    assert_eq!(
        (status, scim_type),
        (400, Some(ScimType::InvalidValue)),
        "{detail}"
    );
    detail
}

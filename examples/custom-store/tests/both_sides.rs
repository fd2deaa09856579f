//! What the application does is seen over SCIM, and what a provider does is seen in the application's tables.
#![cfg(test)]

use custom_store::{Directory, Employee, OwnTables};
use keyfob_core::{
    DateTime, EntityTag, Projection, Resource, ResourceId, ResourceType,
    message::{PatchRequest, SearchRequest},
};
use keyfob_engine::{Context, Engine, EngineError, Precondition, TenantId};
use keyfob_store::{Actor, Commit, CommitId, Feeds as _, Position};
use keyfob_tables::TableStore;
use tempfile::TempDir;

struct Company {
    directory: Directory,
    engine: Engine<TableStore<OwnTables>>,
    cx: Context,
}

impl Company {
    async fn open(path: impl AsRef<std::path::Path>) -> Self {
        let directory = Directory::open(path).unwrap();
        let (store, registry) = directory.scim().await.unwrap();
        Self {
            directory,
            engine: Engine::new(store, registry),
            cx: Context::new(TenantId::new("acme")),
        }
    }

    fn user(&self) -> &ResourceType {
        self.engine.registry().resource_type("User").unwrap()
    }

    async fn create(&self, body: &str) -> Result<Resource, EngineError> {
        let body = Resource::from_json(body.as_bytes(), self.user()).unwrap();
        let all = Projection::all();
        let written = self.engine.create(&self.cx, self.user(), body, &all).await?;
        Ok(written.resource.unwrap())
    }

    async fn patch(
        &self,
        id: &ResourceId,
        operations: &str,
        precondition: &Precondition,
    ) -> Result<Resource, EngineError> {
        let request = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#
        );
        let request = PatchRequest::from_json(request.as_bytes()).unwrap();
        let all = Projection::all();
        let patched = self
            .engine
            .patch(&self.cx, self.user(), id, request, precondition, &all);
        Ok(patched.await?.resource.unwrap())
    }

    async fn find(&self, filter: &str) -> Vec<Resource> {
        let mut request = SearchRequest::new();
        request.filter = Some(filter.into());
        let found = self.engine.list(&self.cx, self.user(), &request).await;
        found.unwrap().resources
    }

    async fn employees(&self) -> Vec<Employee> {
        self.directory.employees(&TenantId::new("acme")).await.unwrap()
    }
}

#[tokio::test]
async fn employees_from_before_scim_are_resources_and_their_ids_stay() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("directory.db");
    let directory = Directory::open(&path).unwrap();
    directory
        .hire("acme", "bjensen", "Barbara", "Jensen")
        .await
        .unwrap();
    directory
        .hire("globex", "hscorpio", "Hank", "Scorpio")
        .await
        .unwrap();

    let id = {
        let company = Company::open(&path).await;
        let found = company.find("name.givenName pr").await;
        assert_eq!(found.len(), 1, "another company's employees are not seen");
        assert_eq!(found[0].core().get_str("userName"), Some("bjensen"));
        let id = found[0].id().unwrap();
        let operations = r#"[{"op": "replace", "path": "active", "value": false}]"#;
        company.patch(&id, operations, &Precondition::None).await.unwrap();
        id
    };
    let company = Company::open(&path).await;
    assert_eq!(company.find(r#"userName eq "bjensen""#).await[0].id(), Some(id));
    assert!(!company.employees().await[0].active);
}

#[tokio::test]
async fn a_login_that_the_application_gave_away_is_taken_in_any_case() {
    let company = Company::open(":memory:").await;
    let hired = company
        .directory
        .hire("acme", "Barbara.JENSEN", "Barbara", "Jensen");
    hired.await.unwrap();
    let body = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "barbara.jensen"}"#;
    assert!(matches!(
        company.create(body).await,
        Err(EngineError::Uniqueness { .. })
    ));
    assert_eq!(company.employees().await.len(), 1);
}

#[tokio::test]
async fn a_change_by_the_application_is_a_new_tag_and_an_event_where_it_tells() {
    let company = Company::open(":memory:").await;
    let hired = company.directory.hire("acme", "bjensen", "Barbara", "Jensen");
    let number = hired.await.unwrap();
    let before = company.find(r#"userName eq "bjensen""#).await.remove(0);
    let tag = before.meta().unwrap().version.unwrap();

    let at = DateTime::from_unix_millis(1_767_225_600_000);
    let acme = TenantId::new("acme");
    let mut commit = Commit::new(CommitId::new("request-7"), acme.clone(), at, Vec::new());
    commit.actor = Actor::new("application");
    let mail = "bjensen@acme.example";
    let set = company
        .directory
        .set_mail(company.engine.store(), number, mail, &commit);
    set.await.unwrap();

    let mut elsewhere = commit.clone();
    (elsewhere.id, elsewhere.tenant) = (CommitId::new("request-8"), TenantId::new("globex"));
    let set = company.directory.set_mail(
        company.engine.store(),
        number,
        "stolen@globex.example",
        &elsewhere,
    );
    assert!(set.await.is_err(), "another company's employee");

    let after = company
        .find(r#"emails.value eq "BJensen@acme.example""#)
        .await
        .remove(0);
    assert_eq!(after.id(), before.id());
    assert_ne!(after.meta().unwrap().version, Some(tag.clone()));
    let stale = Precondition::if_match(vec![EntityTag::parse(&tag).unwrap()]);
    let operations = r#"[{"op": "replace", "path": "active", "value": false}]"#;
    let refused = company.patch(&after.id().unwrap(), operations, &stale).await;
    assert!(
        refused.is_err(),
        "a tag from before the application's change fits no longer"
    );

    let events = company
        .engine
        .store()
        .read_feed(&acme, Position::START, 10)
        .await
        .unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.event.name.as_str(), event.actor.role.as_str()))
        .collect();
    assert_eq!(
        told,
        [("created", "application")],
        "nobody was told of the row before"
    );
}

#[tokio::test]
async fn what_a_provider_sends_is_in_the_columns_and_what_has_no_column_is_in_no_schema() {
    let company = Company::open(":memory:").await;
    assert!(company.user().attribute("title").is_none());
    let body = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen",
        "name": {"givenName": "Barbara", "familyName": "Jensen"}, "active": true,
        "emails": [{"value": "babs@home.example", "type": "home"},
            {"value": "bjensen@acme.example", "type": "work", "primary": true}]}"#;
    let created = company.create(body).await.unwrap();
    assert_eq!(created.core().get("emails").unwrap().as_elements().len(), 2);
    let employee = company.employees().await.remove(0);
    assert_eq!(
        (employee.login.as_str(), employee.name.as_str()),
        ("bjensen", "Barbara Jensen")
    );
    let primary = Some("bjensen@acme.example");
    assert_eq!(employee.mail.as_deref(), primary, "the primary address");

    let id = created.id().unwrap();
    let operations = r#"[{"op": "replace", "path": "active", "value": false},
        {"op": "remove", "path": "emails[type eq \"work\"]"}]"#;
    company.patch(&id, operations, &Precondition::None).await.unwrap();
    let employee = company.employees().await.remove(0);
    assert!(!employee.active);
    assert_eq!(
        employee.mail.as_deref(),
        Some("babs@home.example"),
        "the address that is left"
    );

    let user = company.user();
    let deleted = company
        .engine
        .delete(&company.cx, user, &id, &Precondition::None)
        .await;
    deleted.unwrap();
    assert_eq!(company.employees().await, []);
}

#[test]
fn all_that_scim_needs_to_know_of_the_tables_stands_in_120_lines() {
    let lines = include_str!("../src/tables.rs").lines().count();
    assert!(lines <= 120, "{lines} lines");
}

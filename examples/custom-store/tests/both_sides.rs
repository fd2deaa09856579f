//! What the application does is seen over SCIM, and what a provider does is seen in the application's tables.
#![cfg(test)]

use std::sync::Arc;

use custom_store::{Directory, Employee};
use keyfob_core::{
    Projection, Registry, Resource, ResourceId, ResourceType, message::PatchRequest, message::SearchRequest,
};
use keyfob_engine::{Context, Engine, EngineError, Precondition, TenantId};
use tempfile::TempDir;

struct Company {
    directory: Arc<Directory>,
    engine: Engine<Arc<Directory>>,
    cx: Context,
}

impl Company {
    fn open(path: impl AsRef<std::path::Path>) -> Self {
        let directory = Arc::new(Directory::open(path).unwrap());
        let engine = Engine::new(Arc::clone(&directory), Registry::rfc().clone());
        Self {
            directory,
            engine,
            cx: Context::new(TenantId::new("acme")),
        }
    }

    fn user(&self) -> &ResourceType {
        self.engine.registry().resource_type("User").unwrap()
    }

    async fn create(&self, body: &str) -> Result<Resource, EngineError> {
        let body = Resource::from_json(body.as_bytes(), self.user()).unwrap();
        let written = self
            .engine
            .create(&self.cx, self.user(), body, &Projection::all())
            .await?;
        Ok(written.resource.unwrap())
    }

    async fn patch(&self, id: &ResourceId, operations: &str) -> Resource {
        let request = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#
        );
        let request = PatchRequest::from_json(request.as_bytes()).unwrap();
        let all = Projection::all();
        let written = self
            .engine
            .patch(&self.cx, self.user(), id, request, &Precondition::None, &all)
            .await;
        written.unwrap().resource.unwrap()
    }

    async fn find(&self, filter: &str) -> Vec<Resource> {
        let mut request = SearchRequest::new();
        request.filter = Some(filter.into());
        self.engine
            .list(&self.cx, self.user(), &request)
            .await
            .unwrap()
            .resources
    }

    fn employees(&self) -> Vec<Employee> {
        self.directory.employees("acme").unwrap()
    }
}

#[tokio::test]
async fn employees_from_before_scim_are_resources_once_the_database_was_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("directory.db");
    let before = rusqlite::Connection::open(&path).unwrap();
    before
        .execute_batch(
            "CREATE TABLE employees (number INTEGER PRIMARY KEY, company TEXT NOT NULL, login TEXT,
                given_name TEXT, family_name TEXT, mail TEXT, active INTEGER DEFAULT 1);
             INSERT INTO employees (company, login, given_name) VALUES ('acme', 'bjensen', 'Barbara');
             INSERT INTO employees (company, login, given_name) VALUES ('globex', 'hscorpio', 'Hank');",
        )
        .unwrap();
    drop(before);

    let id = {
        let company = Company::open(&path);
        let found = company.find("name.givenName pr").await;
        assert_eq!(found.len(), 1, "another company's employees are not seen");
        assert_eq!(found[0].core().get_str("userName"), Some("bjensen"));
        found[0].id()
    };
    let company = Company::open(&path);
    assert_eq!(
        company.find(r#"userName eq "bjensen""#).await[0].id(),
        id,
        "the id stays"
    );
}

#[tokio::test]
async fn a_login_that_the_application_gave_away_is_taken_in_any_case() {
    let company = Company::open(":memory:");
    company
        .directory
        .hire("acme", "Barbara.JENSEN", "Barbara", "Jensen")
        .unwrap();
    let body = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "barbara.jensen"}"#;
    assert!(matches!(
        company.create(body).await,
        Err(EngineError::Uniqueness { .. })
    ));
    assert_eq!(company.employees().len(), 1);
    assert!(
        company
            .directory
            .hire("acme", "barbara.jensen", "B", "J")
            .is_err()
    );
    assert_eq!(company.employees().len(), 1);
}

#[tokio::test]
async fn a_change_by_the_application_is_a_new_version_of_the_resource() {
    let company = Company::open(":memory:");
    let number = company
        .directory
        .hire("acme", "bjensen", "Barbara", "Jensen")
        .unwrap();
    let before = company.find(r#"userName eq "bjensen""#).await.remove(0);
    assert!(before.core().get("emails").is_none());

    company
        .directory
        .set_mail(number, "bjensen@acme.example")
        .unwrap();
    let after = company
        .find(r#"emails.value eq "BJensen@acme.example""#)
        .await
        .remove(0);
    assert_eq!(after.id(), before.id());
    assert_ne!(after.meta().unwrap().version, before.meta().unwrap().version);
}

#[tokio::test]
async fn what_a_provider_sends_is_in_the_columns_and_nothing_of_it_is_lost() {
    let company = Company::open(":memory:");
    let body = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen",
        "name": {"givenName": "Barbara", "familyName": "Jensen", "middleName": "Jane"}, "active": true,
        "emails": [{"value": "babs@home.example", "type": "home"},
            {"value": "bjensen@acme.example", "type": "work", "primary": true}],
        "title": "Tour Guide"}"#;
    let created = company.create(body).await.unwrap();
    assert_eq!(created.core().get("emails").unwrap().as_elements().len(), 2);
    let found = company
        .find(r#"name.middleName eq "jane" and title sw "tour""#)
        .await;
    assert_eq!(found, std::slice::from_ref(&created));
    let employee = company.employees().remove(0);
    assert_eq!(
        (employee.login.as_str(), employee.name.as_str()),
        ("bjensen", "Barbara Jensen")
    );
    assert_eq!(
        employee.mail.as_deref(),
        Some("bjensen@acme.example"),
        "the primary address"
    );

    let id = created.id().unwrap();
    let operations = r#"[{"op": "replace", "path": "active", "value": false},
        {"op": "remove", "path": "emails[type eq \"work\"]"}]"#;
    company.patch(&id, operations).await;
    let employee = company.employees().remove(0);
    assert!(!employee.active);
    assert_eq!(
        employee.mail.as_deref(),
        Some("babs@home.example"),
        "the address that is left"
    );

    company
        .engine
        .delete(&company.cx, company.user(), &id, &Precondition::None)
        .await
        .unwrap();
    assert_eq!(company.employees(), []);
}

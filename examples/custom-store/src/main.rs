//! Both sides of one table: the application hires somebody, a provider provisions somebody.

use std::error::Error;

use custom_store::Directory;
use keyfob_core::{Projection, Resource, message::SearchRequest};
use keyfob_engine::{Context, Engine, TenantId};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a program to look at")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = Directory::open(":memory:")?;
    let (store, registry) = directory.scim().await?;
    let engine = Engine::new(store, registry);
    let user = engine
        .registry()
        .resource_type("User")
        .ok_or("there is no User")?;
    let company = TenantId::new("acme");
    let acme = Context::new(company.clone()).with_base_url("https://acme.example/scim/v2");

    // The application's own code adds a row, and a provider finds a resource.
    directory.hire("acme", "bjensen", "Barbara", "Jensen").await?;
    let mut request = SearchRequest::new();
    request.filter = Some(r#"userName eq "BJensen""#.into());
    for found in engine.list(&acme, user, &request).await?.resources {
        println!("the provider finds    {}", String::from_utf8(found.to_json())?);
    }

    // A provider creates a resource, and the application finds a row.
    let body = br#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jsmith",
        "name": {"givenName": "Jim", "familyName": "Smith"}, "active": true,
        "emails": [{"value": "jsmith@acme.example", "type": "work"}], "nickName": "Jimmy"}"#;
    let body = Resource::from_json(body, user)?;
    let written = engine.create(&acme, user, body, &Projection::all()).await?;
    if let Some(resource) = written.resource {
        println!("the provider is told  {}", String::from_utf8(resource.to_json())?);
    }
    for employee in directory.employees(&company).await? {
        println!("the application finds {employee:?}");
    }
    Ok(())
}

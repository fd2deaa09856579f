//! Both sides of one table: the application hires somebody, a provider provisions somebody.

use std::{error::Error, sync::Arc};

use custom_store::Directory;
use keyfob_core::{Projection, Registry, Resource, message::SearchRequest};
use keyfob_engine::{Context, Engine, TenantId};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a program to look at")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = Arc::new(Directory::open(":memory:")?);
    let engine = Engine::new(Arc::clone(&directory), Registry::rfc().clone());
    let user = engine
        .registry()
        .resource_type("User")
        .ok_or("there is no User")?;
    let acme = Context::new(TenantId::new("acme")).with_base_url("https://acme.example/scim/v2");

    // The application's own code adds a row, and a provider finds a resource.
    let number = directory.hire("acme", "bjensen", "Barbara", "Jensen")?;
    directory.set_mail(number, "bjensen@acme.example")?;
    let mut request = SearchRequest::new();
    request.filter = Some(r#"userName eq "BJensen""#.into());
    for found in engine.list(&acme, user, &request).await?.resources {
        println!("the provider finds    {}", String::from_utf8(found.to_json())?);
    }

    // A provider creates a resource, and the application finds a row.
    let body = br#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jsmith",
        "name": {"givenName": "Jim", "familyName": "Smith", "honorificPrefix": "Mr."}, "active": true,
        "emails": [{"value": "jsmith@acme.example", "type": "work"}], "title": "Tour Guide"}"#;
    let body = Resource::from_json(body, user)?;
    engine.create(&acme, user, body, &Projection::all()).await?;
    for employee in directory.employees("acme")? {
        println!("the application finds {employee:?}");
    }
    Ok(())
}

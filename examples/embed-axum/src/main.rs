//! Serves the application, with SCIM in it, on <http://127.0.0.1:3000>.

use std::error::Error;

use keyfob_core::Registry;
use keyfob_engine::DynStore;
use keyfob_provisioning::{Provisioner, Token};
use keyfob_store_memory::MemoryStore;
use tokio::net::TcpListener;

#[tokio::main]
#[expect(
    clippy::print_stdout,
    reason = "the token is shown once, to whoever starts the program"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    let provisioner = Provisioner::new(DynStore::new(MemoryStore::new()), Registry::rfc().clone());
    let token = Token::generate()?;
    let organization = provisioner.admin().create_organization("Acme", &token).await?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("SCIM base URL: http://{}/scim/v2", listener.local_addr()?);
    println!("bearer token: {}", token.expose());
    axum::serve(listener, embed_axum::app(provisioner, organization.tenant)).await?;
    Ok(())
}

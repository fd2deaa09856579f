//! The keyfob server in process, in each profile as the command serves it.

use std::sync::Arc;

use keyfob_access::{AccessGroups, Credentials, Units};
use keyfob_card::Formats;
use keyfob_client::InProcess;
use keyfob_core::schema::RegistryBuilder;
use keyfob_http::{BearerTokens, ScimService};
use keyfob_provisioning::{Profile, Provisioner, Token};
use keyfob_store_memory::MemoryStore;

pub(crate) const BASE: &str = "http://localhost/scim/v2";

/// A server of two organizations, and the tokens of both.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) transport: InProcess<ScimService<MemoryStore>>,
    pub(crate) token: String,
    pub(crate) other: String,
}

pub(crate) const PROFILES: [&str; 4] = ["interop", "rfc", "verkada", "accessiq"];

pub(crate) async fn served(name: &str) -> Served {
    let (builder, profile) = match name {
        "interop" => (RegistryBuilder::verkada(), Profile::interop()),
        "rfc" => (RegistryBuilder::rfc(), Profile::rfc()),
        "verkada" => (RegistryBuilder::verkada().flat_groups(), Profile::verkada()),
        _ => (RegistryBuilder::verkada().flat_groups(), Profile::accessiq()),
    };
    let registry = keyfob_access::register(builder).build().unwrap();
    let groups = AccessGroups::new(&registry).unwrap();
    let units = Units::new(&registry).unwrap();
    let builder = Provisioner::builder(MemoryStore::new(), registry)
        .with_profile(profile)
        .with_module(groups);
    let builder = match name {
        "verkada" => builder.with_rule(Credentials::new(Formats::built_in().clone())),
        "accessiq" => builder.with_module(units),
        _ => builder,
    };
    let provisioner = builder.build();
    let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
    provisioner
        .admin()
        .create_organization("Example", &token)
        .await
        .unwrap();
    provisioner
        .admin()
        .create_organization("Other", &other)
        .await
        .unwrap();
    let engine = Arc::clone(provisioner.engine());
    let tokens = BearerTokens::new(&engine, provisioner);
    let service = ScimService::builder(engine, tokens)
        .base_path("/scim/v2")
        .public_url(BASE.parse().unwrap())
        .build();
    Served {
        transport: InProcess::new(service),
        token: token.expose().to_owned(),
        other: other.expose().to_owned(),
    }
}

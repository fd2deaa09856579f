//! The keyfob server, in process and over a socket.

use std::{net::SocketAddr, sync::Arc};

use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use keyfob_client::{Client, ClientBuilder, InProcess, Retry};
use keyfob_core::Registry;
use keyfob_http::{BearerTokens, ScimService};
use keyfob_provisioning::{Provisioner, Token};
use keyfob_store_memory::MemoryStore;

pub(crate) type Service = ScimService<MemoryStore>;

/// A server of one organization, and its token.
pub(crate) async fn server() -> (Service, String) {
    let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
    let token = Token::generate().unwrap();
    provisioner
        .admin()
        .create_organization("Example", &token)
        .await
        .unwrap();
    let engine = Arc::clone(provisioner.engine());
    let tokens = BearerTokens::new(&engine, provisioner);
    let service = ScimService::builder(engine, tokens).base_path("/scim/v2").build();
    (service, token.expose().to_owned())
}

/// A client of a server in process.
pub(crate) async fn in_process() -> Client<InProcess<Service>> {
    let (service, token) = server().await;
    builder("http://localhost/scim/v2", &token)
        .transport(InProcess::new(service))
        .build()
        .unwrap()
}

/// A client without waits that would take time.
pub(crate) fn builder(url: &str, token: &str) -> ClientBuilder {
    let retry = Retry {
        first: std::time::Duration::ZERO,
        ..Retry::default()
    };
    Client::builder(url).unwrap().bearer(token).retry(retry)
}

/// Serves over a socket of this machine.
pub(crate) async fn listen(service: Service) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new();
                connection
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    address
}

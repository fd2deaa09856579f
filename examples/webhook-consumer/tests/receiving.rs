//! The messages that the application handles.
#![cfg(test)]

use std::sync::{Arc, Mutex};

use keyfob::{
    client::Reqwest,
    engine::Actor,
    prelude::*,
    webhook::{Deliverer, Secret, Webhooks},
};
use tokio::net::TcpListener;
use webhook_consumer::Inbox;

#[tokio::test]
async fn each_message_is_verified_and_handled_once() {
    let engine = Arc::new(Engine::new(MemoryStore::new(), Registry::rfc().clone()));
    let admin = Context::new(TenantId::new("acme")).acting_as(Actor::Administrator);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let webhooks = Webhooks::new(&engine).allowing_loopback();
    let (webhook, secret) = webhooks.create(&admin, &url, &["User.*"]).await.unwrap();
    // The receiver knows the secret by its text.
    let secret: Secret = secret.expose().parse().unwrap();
    let handled: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&handled);
    let inbox = Inbox::new(secret, move |message| {
        noted
            .lock()
            .unwrap()
            .push(message["type"].as_str().unwrap().to_owned());
    });
    tokio::spawn(async move { axum::serve(listener, inbox.router()).await });

    let users = engine.registry().resource_type("User").unwrap();
    let ann = Resource::from_json(br#"{"userName": "ann"}"#, users).unwrap();
    let cx = Context::new(TenantId::new("acme"));
    engine.create(&cx, users, ann, &Projection::all()).await.unwrap();
    let transport = Reqwest::reaching(|address| address.is_loopback()).unwrap();
    let deliverer = Deliverer::new(Arc::clone(&engine), transport);
    assert_eq!(deliverer.deliver_due().await.unwrap(), 1);
    assert_eq!(*handled.lock().unwrap(), ["User.created"]);

    // A message that another secret has signed is refused.
    let zero = std::time::Duration::ZERO;
    webhooks.rotate_secret(&admin, &webhook.id, zero).await.unwrap();
    webhooks.test(&admin, &webhook.id).await.unwrap();
    assert_eq!(deliverer.deliver_due().await.unwrap(), 0);
    assert_eq!(handled.lock().unwrap().len(), 1);
    let status = webhooks.get(&admin, &webhook.id).await.unwrap().status;
    assert_eq!(status.reason.unwrap(), "the receiver answered 401");
}

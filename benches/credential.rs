//! How long does the rule for credentials take in a PATCH of a user?
//!
//! A rule sees a change only while the engine reviews it, so what is measured runs inside a review, each time on a copy of
//! it. The floor is the copy alone: what the rule takes is the difference.

use std::sync::{Arc, Mutex, PoisonError};

use keyfob_access::Credentials;
use keyfob_benches::{compare, criterion};
use keyfob_core::{ErrorBody, Projection, Registry, Resource, message::PatchRequest};
use keyfob_engine::{Context, Precondition, Rejection, Review, Rule, TenantId};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;

const CARD: &str = r#"{"userName": "ann@example.com", "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User": {
    "cardFormat": "Standard 26-bit Wiegand", "cardNumber": "7777", "cardNumberHex": "7", "credentialStatus": "active",
    "facilityCode": "111"}}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (name, path, value) in [
        ("another card in place of the one there is", "cardNumber", "7778"),
        ("deactivate a card", "credentialStatus", "deactivated"),
        ("the first card of a user", "", ""),
        ("a change that leaves the card as it is", "displayName", "Ann"),
    ] {
        measure(name, path, value)?;
    }
    criterion().final_summary();
    Ok(())
}

/// Measures the rule in a PATCH of one attribute of a user with a card, or in the POST of that user.
fn measure(name: &str, path: &str, value: &str) -> Result<(), Box<dyn std::error::Error>> {
    let stopwatch = Stopwatch::default();
    let engine = Provisioner::builder(MemoryStore::new(), Registry::verkada().clone())
        .with_profile(Profile::verkada())
        .with_rule(stopwatch.clone())
        .build();
    let cx = Context::new(TenantId::new("acme"));
    let user = engine.registry().resource_type("User").ok_or("no User")?;
    let body = Resource::from_json(CARD.as_bytes(), user)?;
    if path.is_empty() {
        stopwatch.start(name);
        pollster::block_on(engine.create(&cx, user, body, &Projection::all())).err();
        return Ok(());
    }
    let id = pollster::block_on(engine.create(&cx, user, body, &Projection::all()))?.id;
    let path = match path {
        "displayName" => path.to_owned(),
        path => format!("urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:{path}"),
    };
    let request = format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"replace","path":"{path}","value":"{value}"}}]}}"#
    );
    let request = PatchRequest::from_json(request.as_bytes())?;
    stopwatch.start(name);
    pollster::block_on(engine.patch(&cx, user, &id, request, &Precondition::None, &Projection::all())).err();
    Ok(())
}

/// The rule, which is measured in the first review after [`start`](Self::start); that change is then refused.
#[derive(Clone, Default)]
struct Stopwatch {
    rule: Credentials,
    name: Arc<Mutex<Option<String>>>,
}

impl Stopwatch {
    fn start(&self, name: &str) {
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    }
}

impl Rule for Stopwatch {
    fn review(&self, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        let Some(name) = self.name.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return self.rule.review(cx, review);
        };
        compare(
            &mut criterion(),
            &name,
            || {
                let mut review = review.clone();
                self.rule.review(cx, &mut review).map(|()| review)
            },
            || review.clone(),
        );
        Err(Rejection::other("measured", ErrorBody::new(500, "measured")))
    }
}

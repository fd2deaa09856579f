#![doc = include_str!("../README.md")]

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use keyfob_core::message::SearchRequest;
use keyfob_engine::{Context, DynStore, EngineError, TenantId};
use keyfob_http::{BearerTokens, ScimService};
use keyfob_provisioning::Provisioner;

/// How many users are asked for at once.
const PAGE: i64 = 500;

/// What the application's own handlers share.
#[derive(Clone, Debug)]
struct Application {
    company: &'static str,
    provisioner: Provisioner<DynStore>,
    tenant: TenantId,
}

/// The application: its own pages, and SCIM under `/scim/v2`.
///
/// The store may be any; the application reads through the same engine what providers write through SCIM.
pub fn app(provisioner: Provisioner<DynStore>, tenant: TenantId) -> Router {
    let engine = Arc::clone(provisioner.engine());
    let tokens = BearerTokens::new(&engine, provisioner.clone());
    let scim = ScimService::new(engine, tokens);
    Router::new()
        .route("/", get(home))
        .route("/employees", get(employees))
        .nest("/scim/v2", keyfob_http::axum::router(scim))
        .with_state(Application {
            company: "Acme",
            provisioner,
            tenant,
        })
}

async fn home(State(application): State<Application>) -> String {
    format!("{}: see /employees\n", application.company)
}

/// Everybody who was provisioned and not deactivated, one a line.
async fn employees(State(application): State<Application>) -> Result<String, StatusCode> {
    let names = names(&application)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(names.into_iter().map(|name| name + "\n").collect())
}

async fn names(application: &Application) -> Result<Vec<String>, EngineError> {
    let engine = &application.provisioner;
    let Some(user) = engine.registry().resource_type("User") else {
        return Ok(Vec::new());
    };
    let cx = Context::new(application.tenant.clone());
    let mut request = SearchRequest::new();
    request.filter = Some("not (active eq false)".into());
    let mut names = Vec::new();
    // An answer is a page of many: ask for the next one until there is nothing left.
    let mut start = 1;
    loop {
        request.start_index = Some(start);
        request.count = Some(PAGE);
        let page = engine.list(&cx, user, &request).await?;
        let found = page
            .resources
            .iter()
            .filter_map(|user| user.core().get_str("userName"));
        names.extend(found.map(ToOwned::to_owned));
        if page.resources.is_empty() {
            return Ok(names);
        }
        start += PAGE;
    }
}

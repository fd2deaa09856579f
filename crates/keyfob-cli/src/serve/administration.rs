//! The administration, on the port of operators.

use std::sync::Arc;

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt as _, Collected, Full};
use keyfob_admin::{AdminSecret, Administration, Administrator};
use keyfob_admin_http::{AdminTokens, IdentifyError, router};
use keyfob_engine::DynStore;
use tokio::net::TcpListener;
use tower_service::Service as _;

use super::{body::SharedBody, failures::Failures, services::Provisioners};
use crate::{Unusable, output};

/// The environment variable with the first token of the administration.
pub(super) const ADMIN_TOKEN: &str = "KEYFOB_ADMIN_TOKEN";

/// The path of the administration for programs.
const PATH: &str = "/admin/v1";

/// The path of the pages for people.
const CONSOLE: &str = "/console";

/// The administration, as the front of the server calls it.
#[derive(Clone)]
pub(super) struct Administrators(Router);

impl Administrators {
    /// Returns the administration where it is served, at an address with a port of its own, and its first token if that was made now and has to be shown.
    pub(super) async fn start(
        origin: Option<&str>,
        chosen: Option<AdminSecret>,
        provisioners: &Provisioners,
        failures: &Arc<Failures>,
        base_url: &str,
        loopback_webhooks: bool,
    ) -> Result<(Option<Self>, Option<AdminSecret>), Unusable> {
        let Some(origin) = origin else {
            return Ok((None, None));
        };
        let administration = Administration::new(provisioners.all())
            .with_base_url(base_url)
            .with_console_url(format!("{origin}{CONSOLE}"));
        let administration = if loopback_webhooks {
            administration.allowing_loopback_webhooks()
        } else {
            administration
        };
        let shown = administration.bootstrap(chosen).await?;
        let tokens = CountedTokens {
            tokens: AdminTokens::new(administration.clone()),
            failures: Arc::clone(failures),
        };
        let router = Router::new()
            .nest(PATH, router(administration.clone(), tokens))
            .nest(CONSOLE, keyfob_console::router(administration, CONSOLE))
            .route(
                &format!("{CONSOLE}/"),
                axum::routing::get(|| async { axum::response::Redirect::to(CONSOLE) }),
            );
        Ok((Some(Self(router)), shown))
    }

    /// Returns true for a path of the administration or of its pages.
    pub(super) fn has(path: &str) -> bool {
        [PATH, CONSOLE].into_iter().any(|known| {
            let rest = path.strip_prefix(known);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    pub(super) async fn call(mut self, request: Request<SharedBody>) -> Response<Full<Bytes>> {
        let Ok(answer) = self.0.call(request.map(Body::new)).await;
        let (head, body) = answer.into_parts();
        // The router's bodies are at hand and don't fail.
        let body = body.collect().await.map(Collected::to_bytes);
        Response::from_parts(head, Full::new(body.unwrap_or_default()))
    }
}

/// The tokens of administrators, of which wrong ones are counted.
struct CountedTokens {
    tokens: AdminTokens<DynStore>,
    failures: Arc<Failures>,
}

impl keyfob_admin_http::Administrators for CountedTokens {
    async fn identify(&self, request: &Parts) -> Result<Administrator, IdentifyError> {
        let found = self.tokens.identify(request).await;
        if matches!(found, Err(IdentifyError::Unknown))
            && let Some(retry_after) = self.failures.note_refused(request)
        {
            return Err(IdentifyError::TooMany { retry_after });
        }
        found
    }
}

/// Prints where the administration is served, and its first token if that has to be shown.
pub(super) fn announce(
    scheme: &str,
    listener: Option<&TcpListener>,
    first: Option<AdminSecret>,
) -> Result<(), Unusable> {
    let Some(listener) = listener else {
        return Ok(());
    };
    let origin = format!("{scheme}://{}", listener.local_addr()?);
    output::line(&format!("administration on {origin}"))?;
    output::line(&format!("console: {origin}{CONSOLE}"))?;
    if let Some(token) = first {
        output::line(&format!("admin token (shown once): {}", token.expose()))?;
    }
    Ok(())
}

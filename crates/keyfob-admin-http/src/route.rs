//! The routes: one for each operation.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use http::{HeaderValue, header};
use keyfob_admin::{Administration, Call, Method, OPERATIONS, Operation, Problem};
use keyfob_core::{IdGenerator as _, SystemClock, UuidGenerator, context::Clock as _};
use keyfob_engine::{Feeds, Maintenance, RequestId};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    identity::{Administrators, IdentifyError},
    message::{CONFIRMATION, DRY_RUN, REASON, answered, document, input, read, refused, text},
    openapi::openapi,
};

/// The state that every route shares.
struct Shared<S, A> {
    administration: Administration<S>,
    administrators: A,
}

/// Returns a router with a route for every operation of the table, and `/openapi.json`, to be nested in an application.
///
/// Everything else under the path at which it is nested is answered by a problem with status 404 or 405.
pub fn router<S, A, T>(administration: Administration<S>, administrators: A) -> Router<T>
where
    S: Feeds + Maintenance,
    A: Administrators,
    T: Clone + Send + Sync + 'static,
{
    let shared = Arc::new(Shared {
        administration,
        administrators,
    });
    let mut paths: BTreeMap<&'static str, MethodRouter<T>> = BTreeMap::new();
    for operation in &OPERATIONS {
        let shared = Arc::clone(&shared);
        let handler = move |request: Request| {
            let shared = Arc::clone(&shared);
            async move { perform(&shared, operation, request).await }
        };
        let route = paths.remove(operation.path).unwrap_or_default();
        paths.insert(operation.path, route.on(filter(operation.method), handler));
    }
    let described = on(MethodFilter::GET, |request: Request| async move {
        let _ = request;
        document(&openapi(), &next_request())
    });
    paths.insert("/openapi.json", described);
    let mut router = Router::new();
    for (path, route) in paths {
        let route = route.fallback(|| async {
            let problem = Problem::new("methodNotAllowed", 405, "there is no such operation on this path");
            refused(&problem, &next_request())
        });
        router = router.route(path, route);
    }
    // A route and no fallback: one router's fallback is lost when that router is nested twice.
    router.route(
        "/{*path}",
        axum::routing::any(|| async {
            let problem = Problem::new("notFound", 404, "there is no such path")
                .with_fix("`/openapi.json` describes the paths that there are");
            refused(&problem, &next_request())
        }),
    )
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// Returns the id of a request.
fn next_request() -> SmolStr {
    UuidGenerator::default()
        .next_id(SystemClock::default().now())
        .as_str()
        .into()
}

async fn perform<S: Feeds + Maintenance, A: Administrators>(
    shared: &Shared<S, A>,
    operation: &'static Operation,
    request: Request,
) -> Response {
    let id = next_request();
    match tried(shared, operation, request, &id).await {
        Ok(answer) => answer,
        Err(problem) => {
            if problem.status >= 500 {
                tracing::error!(operation = operation.name, request = %id, code = %problem.code, "an operation failed");
            } else {
                tracing::info!(
                    operation = operation.name,
                    request = %id,
                    status = problem.status,
                    code = %problem.code,
                    "an operation was refused"
                );
            }
            refused(&problem, &id)
        }
    }
}

async fn tried<S: Feeds + Maintenance, A: Administrators>(
    shared: &Shared<S, A>,
    operation: &'static Operation,
    request: Request,
    id: &SmolStr,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    // Nobody's body is read before it is known who sends it.
    let administrator = match shared.administrators.identify(&head).await {
        Ok(administrator) => administrator,
        // Without a line in the log, which whoever guesses would fill.
        Err(error @ IdentifyError::TooMany { retry_after }) => {
            let problem = Problem::new("tooMany", 429, format_smolstr!("{error}"));
            let mut response = refused(&problem, id);
            let seconds = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return Ok(response);
        }
        Err(error @ IdentifyError::Unavailable) => {
            return Err(Problem::new("unavailable", 503, format_smolstr!("{error}")));
        }
        Err(error) => return Err(Problem::new("unauthenticated", 401, format_smolstr!("{error}"))),
    };
    let body = read(body).await?;
    let query = head.uri.query().unwrap_or_default();
    let input = input(
        operation,
        relative(operation, head.uri.path()),
        query,
        &head.headers,
        &body,
    )?;
    let mut call = Call::new(operation, input).with_request(RequestId::new(id.clone()));
    if let Some(digest) = text(&head.headers, CONFIRMATION) {
        call = call.confirmed(digest);
    }
    if let Some(reason) = text(&head.headers, REASON).filter(|reason| !reason.is_empty()) {
        call = call.with_reason(reason);
    }
    match text(&head.headers, DRY_RUN).as_deref() {
        None | Some("false") => {}
        Some("true") => call = call.dry(),
        Some(_) => {
            let detail = format_smolstr!("the header `{DRY_RUN}` is `true` or `false`");
            return Err(Problem::new("invalidInput", 400, detail));
        }
    }
    let answer = shared.administration.perform(&administrator, &call).await?;
    Ok(answered(operation, answer, id))
}

/// Returns the end of a path that has as many segments as the operation's, wherever the router is nested.
fn relative<'p>(operation: &Operation, path: &'p str) -> &'p str {
    let slashes = operation.path.bytes().filter(|byte| *byte == b'/').count();
    let start = path.rmatch_indices('/').nth(slashes.saturating_sub(1));
    start.and_then(|(start, _)| path.get(start..)).unwrap_or(path)
}

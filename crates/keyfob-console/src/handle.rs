//! Requests: signing in, pages, and forms.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, Request, State},
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use keyfob_admin::{
    Administration, Administrator, Answer, Call, Grant, Operation, Page as Listed, Problem, Returns, Role,
    Scope, operation,
};
use keyfob_core::{
    IdGenerator as _, Object, SystemClock, UuidGenerator, context::Clock as _, render::Printable,
};
use keyfob_engine::{AuthenticationError, Feeds, Maintenance, RequestId, TenantId};
use maud::{Markup, html};

use crate::{
    desk::Desk,
    form::{Sent, field},
    page::page,
    render::{Frame, Of, encoded},
    session::{Form, Sessions},
    text::Language,
};

/// The number of bytes that a form has at most.
const FORM: usize = 64 << 10;

const COOKIE: &str = "__Host-keyfob";
const LANGUAGE: &str = "keyfob_language";

/// No script at all, nothing of other sites, and no frame around a page.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) struct Console<S> {
    administration: Administration<S>,
    pub(crate) sessions: Sessions,
    pub(crate) prefix: &'static str,
}

type Shared<S> = State<Arc<Console<S>>>;

/// Returns the console as a router, to be nested at `prefix`, which starts with a slash and has none at its end.
///
/// Signing in takes a token of the administration.
pub fn router<S, T>(administration: Administration<S>, prefix: &'static str) -> Router<T>
where
    S: Feeds + Maintenance,
    T: Clone + Send + Sync + 'static,
{
    let console = Arc::new(Console {
        administration,
        sessions: Sessions::default(),
        prefix,
    });
    Router::new()
        .route("/", get(start::<S>))
        .route("/style.css", get(style))
        .route("/sign-in", get(sign_in_page::<S>).post(sign_in::<S>))
        .route("/sign-out", post(sign_out::<S>))
        .route("/link/{token}", get(link::<S>))
        .route("/organizations", get(organizations::<S>))
        .route("/do/{operation}", post(perform::<S>))
        .route("/o/{org}/{page}", get(show::<S>))
        .route("/o/{org}/{page}/{item}", get(show_item::<S>))
        .route("/o/{org}/do/{operation}", post(perform_in::<S>))
        .route("/{*path}", get(nothing::<S>))
        .with_state(console)
}

/// A request as pages need it.
pub(crate) struct Visit {
    language: Language,
    /// The path with its query, below the prefix too.
    pub(crate) here: String,
    pub(crate) query: Sent,
    cookie: Option<String>,
    /// The language that was asked for by the query, to be remembered.
    chosen: Option<Language>,
}

impl Visit {
    fn of(prefix: &str, request: &Request) -> Self {
        let headers = request.headers();
        let query = Sent::parse(request.uri().query().unwrap_or_default().as_bytes());
        let chosen = query.get("lang").and_then(Language::named);
        let remembered = cookie(headers, LANGUAGE).and_then(|code| Language::named(&code));
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .map_or(Language::English, Language::accepted);
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        Self {
            language: chosen.or(remembered).unwrap_or(accepted),
            here: format!("{prefix}{}", path.strip_prefix(prefix).unwrap_or(path)),
            query,
            cookie: cookie(headers, COOKIE),
            chosen,
        }
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut pairs = values
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

/// Returns true where cookies that are kept for secure connections arrive: on this machine, and behind TLS as the browser
/// says in `Origin`.
fn is_secure(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let origin_is_https = text(header::ORIGIN).is_some_and(|origin| origin.starts_with("https://"));
    origin_is_https || text(header::HOST).is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Returns true if a form comes from a page of this very server.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let fetched = headers
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    if fetched.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else {
        return false;
    };
    let named = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    named == Some(host)
}

fn answered(status: StatusCode, markup: &Markup, visit: &Visit) -> Response {
    let mut response = finished(status, "text/html; charset=utf-8", markup.0.clone());
    if let Some(language) = visit.chosen {
        let cookie = format!(
            "{LANGUAGE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
            language.code()
        );
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn finished(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    response
}

fn led_to(address: &str) -> Response {
    let mut response = finished(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    // What isn't a header's text was no address of ours.
    let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, address);
    response
}

async fn style() -> Response {
    let mut response = finished(
        StatusCode::OK,
        "text/css; charset=utf-8",
        include_str!("style.css"),
    );
    let hour = HeaderValue::from_static("max-age=3600");
    response.headers_mut().insert(header::CACHE_CONTROL, hour);
    response
}

async fn start<S: Feeds + Maintenance>(State(console): Shared<S>) -> Response {
    led_to(&format!("{}/organizations", console.prefix))
}

async fn nothing<S: Feeds + Maintenance>(State(console): Shared<S>, request: Request) -> Response {
    console.missing(&Visit::of(console.prefix, &request))
}

async fn sign_in_page<S: Feeds + Maintenance>(State(console): Shared<S>, request: Request) -> Response {
    let visit = Visit::of(console.prefix, &request);
    console.sign_in_form(&visit, StatusCode::OK, None)
}

/// Shows a set-up link's page, whether the link is valid or not. It opens nothing yet: whoever looks at links in mails before
/// people do begins no session.
async fn link<S: Feeds + Maintenance>(
    State(console): Shared<S>,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    let visit = Visit::of(console.prefix, &request);
    let frame = console.frame(&visit, None, None);
    let content = html! {
        p { (frame.text("link-about")) }
        form method="post" action={ (console.prefix) "/sign-in" } {
            input type="hidden" name="token" value=(named(&parameters, "token"));
            p { button { (frame.text("link-open")) } }
        }
    };
    answered(
        StatusCode::OK,
        &frame.page(frame.text("page.set-up"), &content),
        &visit,
    )
}

async fn sign_in<S: Feeds + Maintenance>(State(console): Shared<S>, request: Request) -> Response {
    let visit = Visit::of(console.prefix, &request);
    if !is_own(request.headers()) {
        return console.refused_form(&visit);
    }
    if !is_secure(request.headers()) {
        return console.sign_in_form(&visit, StatusCode::FORBIDDEN, Some("plain-text"));
    }
    let Some(sent) = sent(request).await else {
        return console.sign_in_form(&visit, StatusCode::PAYLOAD_TOO_LARGE, Some("sign-in-failed"));
    };
    let token = sent.get("token").unwrap_or_default().trim();
    let administrator = match console.administration.authenticate(token).await {
        Ok(administrator) => administrator,
        Err(AuthenticationError::Store(_)) => {
            return console.sign_in_form(&visit, StatusCode::SERVICE_UNAVAILABLE, Some("unavailable"));
        }
        // Tokens are too long to be guessed. Whoever tries is told to stop; administrators with a token are not shut out by it.
        Err(_) if console.sessions.fails_often() => {
            return console.sign_in_form(&visit, StatusCode::TOO_MANY_REQUESTS, Some("sign-in-often"));
        }
        Err(_) => return console.sign_in_form(&visit, StatusCode::FORBIDDEN, Some("sign-in-failed")),
    };
    let start = match administrator.grants.as_slice() {
        [
            Grant {
                role: Role::SetUp,
                scope: Scope::Organization(tenant),
                ..
            },
        ] => {
            format!("{}/o/{}/set-up", console.prefix, encoded(tenant.as_str()))
        }
        _ => format!("{}/organizations", console.prefix),
    };
    let Some(cookie) = console.sessions.begin(administrator) else {
        return console.sign_in_form(&visit, StatusCode::SERVICE_UNAVAILABLE, Some("sign-in-failed"));
    };
    let mut response = led_to(&start);
    let cookie = format!("{COOKIE}={cookie}; Path=/; Secure; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn sign_out<S: Feeds + Maintenance>(State(console): Shared<S>, request: Request) -> Response {
    let visit = Visit::of(console.prefix, &request);
    let is_own = is_own(request.headers());
    let sent = sent(request).await.unwrap_or_default();
    if let Some(cookie) = &visit.cookie {
        let key = sent.get("form").unwrap_or_default();
        if !is_own || console.sessions.take(cookie, key) == Form::Unknown {
            return console.refused_form(&visit);
        }
        console.sessions.end(cookie);
    }
    led_to(&format!("{}/sign-in", console.prefix))
}

/// Reads a form; none where it is too large or breaks off.
async fn sent(request: Request) -> Option<Sent> {
    let body = Limited::new(request.into_body(), FORM).collect().await.ok()?;
    Some(Sent::parse(&body.to_bytes()))
}

async fn organizations<S: Feeds + Maintenance>(State(console): Shared<S>, request: Request) -> Response {
    let visit = Visit::of(console.prefix, &request);
    let Some((administrator, cookie)) = console.signed_in(&visit).await else {
        return led_to(&format!("{}/sign-in", console.prefix));
    };
    let mut input = Object::new();
    if let Some(after) = visit.query.get("after") {
        input.insert("after", after);
    }
    let read = console.read(&administrator, "listOrganizations", input).await;
    let key = console.sessions.give(&cookie);
    let frame = console.frame(&visit, None, Some((&administrator.id, &key)));
    let content = match &read {
        Err(problem) => frame.problem(problem),
        Ok(page) => {
            let link = |row: &Object| {
                let name = row.get_str("name").unwrap_or_default();
                html! { a href=(frame.address(row.get_str("id").unwrap_or_default(), "overview")) { bdi { (Printable(name)) } } }
            };
            let create = operation("createOrganization");
            let may_create = administrator
                .roles_in_service()
                .any(|role| create.is_some_and(|create| role.may(create.permission)));
            html! {
                (frame.table(frame.text("organizations"), &["name", "profile", "linked", "domains"], &page.items, &link, true))
                (following(&frame, &visit, &[], page.next.as_deref()))
                @if let Some(create) = create.filter(|_| may_create) {
                    (frame.form(create, &format!("{}/do/createOrganization", console.prefix), &console.sessions.give(&cookie), &[], &Sent::default()))
                }
            }
        }
    };
    let status = status_of(read.as_ref().err());
    answered(status, &frame.page(frame.text("organizations"), &content), &visit)
}

fn status_of(problem: Option<&Problem>) -> StatusCode {
    problem.map_or(StatusCode::OK, |problem| {
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// Returns the link to the next page of a list, narrowed by the same filters.
pub(crate) fn following(frame: &Frame<'_>, visit: &Visit, filters: &[&str], next: Option<&str>) -> Markup {
    let path = visit.here.split('?').next().unwrap_or_default();
    html! {
        @if let Some(next) = next {
            @let kept: String = filters
                .iter()
                .filter_map(|name| Some(format!("&{name}={}", encoded(visit.query.get(name)?))))
                .collect();
            p { a href={ (path) "?after=" (encoded(next)) (kept) } { (frame.text("next")) } }
        }
    }
}

/// Returns the parameters of a route, decoded.
fn named(parameters: &RawPathParams, name: &str) -> String {
    let mut found = parameters.iter().filter(|(known, _)| *known == name);
    found
        .next()
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default()
}

async fn show<S: Feeds + Maintenance>(
    State(console): Shared<S>,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    console.page(&parameters, None, request).await
}

async fn show_item<S: Feeds + Maintenance>(
    State(console): Shared<S>,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    let item = named(&parameters, "item");
    console.page(&parameters, Some(&item), request).await
}

async fn perform<S: Feeds + Maintenance>(
    State(console): Shared<S>,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    console
        .perform(None, &named(&parameters, "operation"), request)
        .await
}

async fn perform_in<S: Feeds + Maintenance>(
    State(console): Shared<S>,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    let org = named(&parameters, "org");
    console
        .perform(Some(&org), &named(&parameters, "operation"), request)
        .await
}

impl<S: Feeds + Maintenance> Console<S> {
    fn frame<'f>(
        &'f self,
        visit: &'f Visit,
        organization: Option<Of<'f>>,
        signed_in: Option<(&'f str, &'f str)>,
    ) -> Frame<'f> {
        Frame {
            language: visit.language,
            prefix: self.prefix,
            here: &visit.here,
            organization,
            signed_in,
        }
    }

    /// Returns who has signed in, as their token stands now, and the cookie.
    async fn signed_in(&self, visit: &Visit) -> Option<(Administrator, String)> {
        let cookie = visit.cookie.clone()?;
        let administrator = self.sessions.find(&cookie)?;
        match self.administration.recall(&administrator).await {
            Ok(administrator) => Some((administrator, cookie)),
            // A store that is away says nothing of the token: the session goes on when it is back.
            Err(AuthenticationError::Store(_)) => None,
            Err(_) => {
                self.sessions.end(&cookie);
                None
            }
        }
    }

    fn sign_in_form(&self, visit: &Visit, status: StatusCode, wrong: Option<&str>) -> Response {
        let frame = self.frame(visit, None, None);
        let content = html! {
            @if let Some(wrong) = wrong { div.problem role="alert" { p { (frame.text(wrong)) } } }
            form method="post" action={ (self.prefix) "/sign-in" } {
                label for="token" { (frame.text("admin-token")) }
                input id="token" name="token" type="password" autocomplete="current-password" required autofocus;
                p { button { (frame.text("sign-in")) } }
            }
        };
        answered(status, &frame.page(frame.text("sign-in"), &content), visit)
    }

    fn missing(&self, visit: &Visit) -> Response {
        let frame = self.frame(visit, None, None);
        let content = html! { p { a href={ (self.prefix) "/organizations" } { (frame.text("back")) } } };
        answered(
            StatusCode::NOT_FOUND,
            &frame.page(frame.text("not-found"), &content),
            visit,
        )
    }

    fn refused_form(&self, visit: &Visit) -> Response {
        let frame = self.frame(visit, None, None);
        let content = html! {
            div.problem role="alert" { p { (frame.text("stale-form")) } }
            p { a href={ (self.prefix) "/organizations" } { (frame.text("back")) } }
        };
        answered(
            StatusCode::FORBIDDEN,
            &frame.page(frame.text("problem"), &content),
            visit,
        )
    }

    async fn answer(&self, administrator: &Administrator, call: &Call) -> Result<Answer, Problem> {
        self.administration.perform(administrator, call).await
    }

    /// Reads a list, or a view as a list of one.
    pub(crate) async fn read(
        &self,
        administrator: &Administrator,
        name: &str,
        input: Object,
    ) -> Result<Listed<Object>, Problem> {
        let operation =
            operation(name).ok_or_else(|| Problem::new("failed", 500, "there is no such operation"))?;
        match self.answer(administrator, &Call::new(operation, input)).await? {
            Answer::Page(page) => Ok(page),
            Answer::One(view) => Ok(Listed::new(vec![view], None)),
            _ => Ok(Listed::default()),
        }
    }

    async fn page(&self, parameters: &RawPathParams, item: Option<&str>, request: Request) -> Response {
        let visit = Visit::of(self.prefix, &request);
        let Some((administrator, cookie)) = self.signed_in(&visit).await else {
            return led_to(&format!("{}/sign-in", self.prefix));
        };
        let (org, slug) = (named(parameters, "org"), named(parameters, "page"));
        let Some(page) = page(&slug) else {
            return self.missing(&visit);
        };
        let organization = match self.read(&administrator, "showOrganization", of_org(&org)).await {
            Ok(found) => found.items.into_iter().next().unwrap_or_default(),
            Err(problem) => {
                let frame = self.frame(&visit, None, None);
                let content = frame.problem(&problem);
                return answered(
                    status_of(Some(&problem)),
                    &frame.page(frame.text("problem"), &content),
                    &visit,
                );
            }
        };
        let id = organization.get_str("id").unwrap_or(&org);
        let tenant = TenantId::new(id);
        let roles: Vec<Role> = administrator.roles_in(&tenant).collect();
        let of = Of {
            id,
            name: organization.get_str("name").unwrap_or(&org),
            page: page.slug,
            roles: &roles,
        };
        let key = self.sessions.give(&cookie);
        let frame = self.frame(&visit, Some(of), Some((&administrator.id, &key)));
        let desk = Desk {
            console: self,
            frame: &frame,
            visit: &visit,
            administrator: &administrator,
            cookie: &cookie,
            org: of.id,
        };
        let content = match item {
            None => desk.page(page).await,
            Some(item) => match &page.item {
                Some(of) => desk.item(of, item).await,
                None => return self.missing(&visit),
            },
        };
        let title = frame.text(&format!("page.{}", page.slug));
        match content {
            Ok(content) => answered(StatusCode::OK, &frame.page(title, &content), &visit),
            Err(problem) => {
                let content = frame.problem(&problem);
                answered(status_of(Some(&problem)), &frame.page(title, &content), &visit)
            }
        }
    }

    /// Returns the address at which the pages are reached, as the browser says. A form of another site is refused.
    fn address(&self, headers: &HeaderMap) -> String {
        let origin = headers
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        format!("{}{}", origin.unwrap_or_default(), self.prefix)
    }

    /// Returns where a form leads back: an address of ours, and nothing that leads elsewhere.
    fn back(&self, sent: &Sent) -> String {
        let back = sent.get("back").filter(|back| {
            let rest = back.strip_prefix(self.prefix);
            rest.is_some_and(|rest| rest.starts_with('/')) && !back.contains(['\\', '\r', '\n'])
        });
        back.map_or_else(|| format!("{}/organizations", self.prefix), ToOwned::to_owned)
    }

    async fn perform(&self, org: Option<&str>, name: &str, request: Request) -> Response {
        let visit = Visit::of(self.prefix, &request);
        let is_own = is_own(request.headers());
        let console = self.address(request.headers());
        let Some((administrator, cookie)) = self.signed_in(&visit).await else {
            return led_to(&format!("{}/sign-in", self.prefix));
        };
        let sent = sent(request).await.unwrap_or_default();
        let key = sent.get("form").unwrap_or_default();
        let stage = if is_own {
            self.sessions.take(&cookie, key)
        } else {
            Form::Unknown
        };
        let sign_out = self.sessions.give(&cookie);
        let organization = match org {
            Some(org) => self
                .read(&administrator, "showOrganization", of_org(org))
                .await
                .ok(),
            None => None,
        };
        let organization = organization.and_then(|found| found.items.into_iter().next());
        let id = organization
            .as_ref()
            .and_then(|organization| organization.get_str("id"))
            .or(org);
        let tenant = TenantId::new(id.unwrap_or_default());
        let roles: Vec<Role> = administrator.roles_in(&tenant).collect();
        let of = org.map(|org| Of {
            id: org,
            name: organization
                .as_ref()
                .and_then(|organization| organization.get_str("name"))
                .unwrap_or(org),
            page: "",
            roles: &roles,
        });
        let frame = self.frame(&visit, of, Some((&administrator.id, &sign_out)));
        let back = self.back(&sent);
        match stage {
            Form::Fresh => {}
            Form::Unknown => return self.refused_form(&visit),
            Form::Sent => {
                let content = html! {
                    p { (frame.text("sent-already")) }
                    p { a href=(back) { (frame.text("back")) } }
                };
                return answered(StatusCode::OK, &frame.page(frame.text("done"), &content), &visit);
            }
        }
        let Some(operation) = operation(name) else {
            return self.missing(&visit);
        };
        let id = UuidGenerator::default().next_id(SystemClock::default().now());
        let mut call = Call::new(operation, sent.input(operation, org.unwrap_or_default()))
            .with_request(RequestId::new(id.as_str()));
        if let Some(digest) = sent.get("confirmation") {
            call = call.confirmed(digest);
        }
        let reason = sent.get("reason").unwrap_or_default().trim();
        if !reason.is_empty() {
            call = call.with_reason(reason);
        }
        let action = match org {
            Some(org) => format!("{}/o/{}/do/{name}", self.prefix, encoded(org)),
            None => format!("{}/do/{name}", self.prefix),
        };
        match self.answer(&administrator, &call).await {
            Ok(answer) => match (operation.returns, answer) {
                (Returns::Secret(_), Answer::One(view)) if secret_of(operation, &view).is_some() => {
                    secret(&frame, &visit, operation, &view, &console, &back)
                }
                // What is gone has no page any more.
                _ if operation.method == keyfob_admin::Method::Delete || name == "purgeUser" => {
                    led_to(&above(&back))
                }
                _ => led_to(&back),
            },
            Err(problem) => {
                let key = self.sessions.give(&cookie);
                let content = if let Some(preview) = &problem.preview {
                    html! {
                        @if problem.status != 428 { (frame.problem(&problem)) }
                        (frame.confirmation(operation, preview, &action, &key, &sent))
                    }
                } else {
                    html! {
                        (frame.problem(&problem))
                        (self.again(&frame, operation, &action, &key, &sent))
                        p { a href=(back) { (frame.text("back")) } }
                    }
                };
                let title = frame.text(problem.preview.as_ref().map_or("problem", |_| "confirm"));
                answered(status_of(Some(&problem)), &frame.page(title, &content), &visit)
            }
        }
    }

    /// Returns the form that was refused with what was sent, to be mended.
    fn again(
        &self,
        frame: &Frame<'_>,
        operation: &Operation,
        action: &str,
        key: &str,
        sent: &Sent,
    ) -> Markup {
        let asked = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.name != "org");
        html! {
            form method="post" action=(action) {
                input type="hidden" name="form" value=(key);
                input type="hidden" name="back" value=(sent.get("back").unwrap_or(self.prefix));
                @for parameter in asked {
                    (field(frame.language, operation, parameter, sent.get(parameter.name).unwrap_or_default()))
                }
                p { button { (frame.text(operation.name)) } }
            }
        }
    }
}

/// Returns the secret of a view. That of a link is its token: the address is made of where these pages are reached.
fn secret_of<'v>(operation: &Operation, view: &'v Object) -> Option<&'v str> {
    let mut secrets = operation.returns.secrets().filter(|name| *name != "url");
    secrets.find_map(|name| view.get_str(name))
}

/// Shows a secret, this once: neither reloading nor going back makes or shows another.
fn secret(
    frame: &Frame<'_>,
    visit: &Visit,
    operation: &Operation,
    view: &Object,
    console: &str,
    back: &str,
) -> Response {
    let token = secret_of(operation, view).unwrap_or_default();
    // A link leads to these pages, wherever they are reached.
    let is_link = operation.returns.secrets().any(|name| name == "url");
    let link = is_link.then(|| format!("{console}/link/{}", encoded(token)));
    let once = match operation.returns.secrets().next() {
        Some("url") => "once-link",
        Some("secret") => "once-secret",
        _ => "once",
    };
    let content = html! {
        div.once role="status" {
            p { (frame.text(once)) }
            p { code { (link.as_deref().unwrap_or(token)) } }
        }
        @if let Some(base) = view.get_str("baseUrl") { p { (frame.text("baseUrl")) ": " code { (base) } } }
        p { a href=(back) { (frame.text("done")) } }
    };
    answered(
        StatusCode::OK,
        &frame.page(frame.text(operation.name), &content),
        visit,
    )
}

/// Returns the address of the list of which an item was.
fn above(address: &str) -> String {
    let path = address.split('?').next().unwrap_or(address);
    // `PREFIX/o/ORG/PAGE/ITEM`
    let parts: Vec<&str> = path.split('/').collect();
    let place = parts.iter().position(|part| *part == "o").unwrap_or(parts.len());
    parts
        .get(..place + 3)
        .map_or_else(|| path.to_owned(), |kept| kept.join("/"))
}

pub(crate) fn of_org(org: &str) -> Object {
    Object::from_iter([("org", org)])
}

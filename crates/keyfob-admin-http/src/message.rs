//! Requests and answers.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use keyfob_admin::{Answer, Kind, Method, Operation, Place, Problem};
use keyfob_core::{
    Object, Value,
    json::{object_from_slice, object_to_vec},
};
use percent_encoding::percent_decode_str;
use smol_str::{SmolStr, format_smolstr};

/// The number of bytes that a body has at most.
pub(crate) const BODY: usize = 1 << 20;

/// The header with the digest of a confirmed preview.
pub(crate) const CONFIRMATION: &str = "keyfob-confirmation";

/// The header that asks what would be written.
pub(crate) const DRY_RUN: &str = "keyfob-dry-run";

/// The header with the reason for the record.
pub(crate) const REASON: &str = "keyfob-reason";

const REQUEST_ID: &str = "x-request-id";

/// Reads a body to its end, within the limit.
pub(crate) async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, BODY).collect().await {
        Ok(read) => Ok(read.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::new(
            "tooLarge",
            413,
            format_smolstr!("a body has at most {BODY} bytes"),
        )),
        Err(_) => Err(Problem::new(
            "invalidInput",
            400,
            "the body ended before its time",
        )),
    }
}

/// Collects what an operation is given from the path, the query and the body of a request.
pub(crate) fn input(
    operation: &Operation,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Object, Problem> {
    let mut input = Object::new();
    if !body.is_empty() {
        if !is_json(headers) {
            return Err(Problem::new(
                "unsupportedMediaType",
                415,
                "a body is `application/json`",
            ));
        }
        let given = object_from_slice(body).map_err(|error| {
            Problem::new(
                "invalidInput",
                400,
                format_smolstr!("the body is no JSON object: {error}"),
            )
        })?;
        for (name, value) in given {
            if placed(operation, name.as_str()).is_some_and(|place| place != Place::Body) {
                let detail = format_smolstr!("`{name}` doesn't belong into the body");
                return Err(Problem::new("invalidInput", 400, detail).of_field(name.as_str()));
            }
            input.insert(name, value);
        }
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let parameter = operation
            .parameters
            .iter()
            .find(|parameter| parameter.name == name);
        if parameter.is_some_and(|parameter| parameter.place != Place::Query) {
            let detail = format_smolstr!("`{name}` doesn't belong into the query");
            return Err(Problem::new("invalidInput", 400, detail).of_field(&name));
        }
        let is_list = parameter.is_some_and(|parameter| parameter.kind == Kind::Texts);
        let value = Value::from(value.as_ref());
        match input.get_mut(&name) {
            Some(Value::Array(values)) if is_list => values.push(value),
            Some(_) => {
                let detail = format_smolstr!("`{name}` is given twice");
                return Err(Problem::new("invalidInput", 400, detail).of_field(&name));
            }
            None if is_list => {
                input.insert(name.as_ref(), vec![value]);
            }
            None => {
                input.insert(name.as_ref(), value);
            }
        }
    }
    // The path last: nothing else says which resource is meant.
    for (pattern, segment) in operation.path.split('/').zip(path.split('/')) {
        let name = pattern
            .strip_prefix('{')
            .and_then(|pattern| pattern.strip_suffix('}'));
        if let Some(name) = name {
            let text = percent_decode_str(segment).decode_utf8();
            let text =
                text.map_err(|_| Problem::new("invalidInput", 400, "the path is no UTF-8").of_field(name))?;
            input.insert(name, text.as_ref());
        }
    }
    Ok(input)
}

fn placed(operation: &Operation, name: &str) -> Option<Place> {
    let mut parameters = operation.parameters.iter();
    parameters
        .find(|parameter| parameter.name == name)
        .map(|parameter| parameter.place)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Returns a header's text.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> Option<SmolStr> {
    let value = headers.get(name)?;
    // Reasons are in all languages: a header's bytes are taken for UTF-8.
    let text = str::from_utf8(value.as_bytes()).ok()?;
    Some(text.trim().into())
}

/// Writes an answer.
pub(crate) fn answered(operation: &Operation, answer: Answer, request: &str) -> Response {
    let creates = operation.method == Method::Post && operation.name.starts_with("create");
    let status = match &answer {
        Answer::Done => StatusCode::NO_CONTENT,
        Answer::One(_) if creates => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    match answer.into_object() {
        None => finished(status, None, Vec::new(), request),
        Some(object) => finished(status, Some("application/json"), object_to_vec(&object), request),
    }
}

/// Writes a problem.
pub(crate) fn refused(problem: &Problem, request: &str) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = object_to_vec(&problem.to_object(Some(request)));
    let mut response = finished(status, Some("application/problem+json"), body, request);
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer realm=\"keyfob administration\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

/// Writes a document.
pub(crate) fn document(object: &Object, request: &str) -> Response {
    finished(
        StatusCode::OK,
        Some("application/json"),
        object_to_vec(object),
        request,
    )
}

fn finished(status: StatusCode, media_type: Option<&'static str>, body: Vec<u8>, request: &str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(media_type) = media_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    // Secrets are shown once: nothing on the way stores them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Ok(request) = HeaderValue::from_str(request) {
        headers.insert(REQUEST_ID, request);
    }
    response
}

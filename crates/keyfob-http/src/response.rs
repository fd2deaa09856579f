//! Answers.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{self, HeaderName},
};
use keyfob_core::EntityTag;
use keyfob_engine::{Feature, RequestId};

use crate::{answer::AnswerBody, request_id, route::Route};

/// The media type of SCIM (RFC 7644 section 8.1).
pub(crate) const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// The media type for an answer: SCIM's own, unless the client takes nothing but `application/json`.
///
/// A client that takes neither gets SCIM's own too, which is of more use to it than a refusal.
pub(crate) fn media_type(request: &HeaderMap) -> HeaderValue {
    let accepted = request
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut json_alone = false;
    for range in accepted.flat_map(|value| value.split(',')) {
        let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
        if is_refused(parameters) {
            continue;
        }
        match range.trim() {
            "*/*" => return SCIM_JSON,
            range if range.eq_ignore_ascii_case("application/scim+json") => return SCIM_JSON,
            range if range.eq_ignore_ascii_case("application/*") => return SCIM_JSON,
            range if range.eq_ignore_ascii_case("application/json") => json_alone = true,
            _ => {}
        }
    }
    if json_alone { JSON } else { SCIM_JSON }
}

/// Whether the weight is 0: the client names the media type to say that it doesn't take it.
fn is_refused(parameters: &str) -> bool {
    let weights = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='));
    let mut weights = weights.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weights.any(|(_, weight)| weight.trim().parse() == Ok(0.0))
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, media_type: HeaderValue, body: Vec<u8>) -> Response<AnswerBody> {
    with_body(status, media_type, Bytes::from(body).into())
}

fn with_body(status: StatusCode, media_type: HeaderValue, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// The answer to a request that is done later: its name, which its events carry (RFC 9967 sections 2.5.1.1 and 3).
pub(crate) fn accepted(transaction: &str) -> Response<AnswerBody> {
    let mut response = empty(StatusCode::ACCEPTED);
    let headers = response.headers_mut();
    insert(headers, HeaderName::from_static("set-txn"), transaction);
    let applied = HeaderValue::from_static("respond-async");
    headers.insert(HeaderName::from_static("preference-applied"), applied);
    response
}

/// An answer about one resource: its tag, if it has one, as `ETag`, its address as `Location`, and what of it the client is to
/// see, whose address is `Content-Location` too (RFC 7643 section 3.1). Where that is nothing the status is 204, unless the
/// resource was created.
pub(crate) fn resource(
    status: StatusCode,
    media_type: HeaderValue,
    tag: Option<EntityTag>,
    location: &str,
    resource: Option<AnswerBody>,
) -> Response<AnswerBody> {
    let is_shown = resource.is_some();
    let mut response = match resource {
        Some(body) => with_body(status, media_type, body),
        // What was created and is gone by the time of the answer was created all the same.
        None if status == StatusCode::CREATED => empty(status),
        None => empty(StatusCode::NO_CONTENT),
    };
    if let Some(tag) = tag {
        insert(response.headers_mut(), header::ETAG, &tag.to_string());
    }
    insert(response.headers_mut(), header::LOCATION, location);
    if is_shown {
        insert(response.headers_mut(), header::CONTENT_LOCATION, location);
    }
    response
}

/// The answer to OPTIONS: the methods of the endpoint (RFC 9110 section 9.3.7), and what a PATCH may hold (RFC 5789 section
/// 3.1).
pub(crate) fn options(route: &Route<'_>, offers: impl Fn(Feature) -> bool) -> Response<AnswerBody> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static(route.allow(&offers)));
    let patch = route.feature(&Method::PATCH);
    if patch.is_some_and(offers) {
        headers.insert(
            ACCEPT_PATCH,
            HeaderValue::from_static("application/scim+json, application/json"),
        );
    }
    response
}

/// Sets what every answer has: its request's id, and that nobody keeps a copy or takes it for something else (RFC 6750 section
/// 5.3: what a bearer token opens isn't for shared caches).
pub(crate) fn finish(id: &RequestId, headers: &mut HeaderMap) {
    request_id::repeat(id, headers);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

/// The answer to HEAD: that to GET, its length included where it is known, without the body (RFC 9110 section 9.3.2).
pub(crate) fn without_body(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    let length = http_body::Body::size_hint(response.body())
        .exact()
        .unwrap_or_default();
    if length > 0 {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
    }
    *response.body_mut() = AnswerBody::default();
    response
}

/// Sets a header; a value that can't be one, such as the address of an id with control characters, is left out.
pub(crate) fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_is_scims_own_unless_json_alone_is_accepted() {
        for (accept, expected) in [
            (&[][..], SCIM_JSON),
            (&["application/scim+json"], SCIM_JSON),
            (&["application/json"], JSON),
            (&["Application/JSON; charset=utf-8"], JSON),
            (&["application/json, text/plain, */*"], SCIM_JSON),
            (&["application/json", "application/scim+json"], SCIM_JSON),
            (&["application/json, application/*;q=0.1"], SCIM_JSON),
            (&["application/json, application/scim+json;q=0"], JSON),
            (&["application/json;q=0"], SCIM_JSON),
            (&["text/html"], SCIM_JSON),
            (&["*/*"], SCIM_JSON),
            (&[""], SCIM_JSON),
        ] {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(header::ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(media_type(&headers), expected, "{accept:?}");
        }
    }

    #[test]
    fn head_keeps_the_length_and_loses_the_body() {
        let response = without_body(json(StatusCode::OK, SCIM_JSON, b"{\"a\":1}".to_vec()));
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "7");
        assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(0));
    }
}

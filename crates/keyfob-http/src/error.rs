//! Why a request is refused, as an answer.

use std::{error::Error as StdError, fmt};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use keyfob_core::{
    ErrorBody, ProjectionError, ScimType, ToErrorBody, json::JsonError, message::MessageError,
};
use keyfob_engine::{AuthenticationError, EngineError};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::{authenticate::RequestAuthenticatorError, response};

/// Seconds after which a client that came at a bad moment does well to come again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Why a request is refused.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error(transparent)]
    Authenticator(#[from] RequestAuthenticatorError),
    #[error("there is no such endpoint")]
    NoEndpoint,
    #[error("there is no {kind} `{id}`")]
    NotDescribed { kind: &'static str, id: SmolStr },
    #[error("the endpoint has other methods: {allow}")]
    Method { allow: &'static str },
    #[error("{what} is not supported")]
    NotImplemented { what: &'static str },
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body's media type is neither application/scim+json nor application/json")]
    MediaType,
    #[error("the body is encoded; it has to be sent as it is")]
    ContentEncoding,
    #[error("the body ended before it was complete")]
    Unreadable,
    #[error("`{name}` takes `*` or entity tags such as `W/\"3\"`, with commas between them")]
    EntityTags { name: &'static str },
    #[error("the query is not valid UTF-8")]
    QueryEncoding,
    #[error("`{name}` is not an integer: `{text}`")]
    NotAnInteger { name: &'static str, text: SmolStr },
    #[error("`{name}` is given more than once")]
    Repeated { name: &'static str },
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error("what a service says of itself can't be filtered")]
    DiscoveryFilter,
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ToErrorBody for HttpError {
    fn to_error_body(&self) -> ErrorBody {
        let detail = || format_smolstr!("{self}");
        match self {
            Self::Authenticator(error) => error.to_error_body(),
            Self::NoEndpoint | Self::NotDescribed { .. } => ErrorBody::new(404, detail()),
            Self::Method { .. } => ErrorBody::new(405, detail()),
            Self::NotImplemented { .. } => ErrorBody::new(501, detail()),
            Self::TooLarge { .. } => ErrorBody::new(413, detail()),
            Self::MediaType | Self::ContentEncoding => ErrorBody::new(415, detail()),
            Self::Unreadable => ErrorBody::bad_request(ScimType::InvalidSyntax, detail()),
            Self::EntityTags { .. }
            | Self::QueryEncoding
            | Self::NotAnInteger { .. }
            | Self::Repeated { .. } => ErrorBody::bad_request(ScimType::InvalidValue, detail()),
            Self::Projection(error) => error.to_error_body(),
            Self::DiscoveryFilter => ErrorBody::new(403, detail()),
            Self::Json(error) => error.to_error_body(),
            Self::Message(error) => error.to_error_body(),
            Self::Engine(error) => error.to_error_body(),
        }
    }
}

impl HttpError {
    #[cfg(test)]
    pub(crate) fn status(&self) -> u16 {
        self.to_error_body().status
    }

    /// The answer. The cause of a failure goes to the log and its place there to the client; what a client did wrong
    /// goes to the client alone, since it may quote personal data.
    ///
    /// `challenges` are those of the authenticator, for an answer 401.
    pub(crate) fn into_response(
        self,
        request: &HeaderMap,
        challenges: &[HeaderValue],
    ) -> Response<Full<Bytes>> {
        let mut body = self.to_error_body();
        let request_id = request_id(request);
        if matches!(body.status, 500 | 502..=599) {
            tracing::error!(status = body.status, request_id, cause = %Causes(&self), "a request failed");
            if let (500, Some(request_id)) = (body.status, request_id) {
                body.detail = format_smolstr!("{} (request `{request_id}`)", body.detail);
            }
        }
        let status = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = response::json(status, response::SCIM_JSON, body.to_json());
        if let Some(scim_type) = body.scim_type {
            response.extensions_mut().insert(scim_type);
        }
        if status == StatusCode::UNAUTHORIZED {
            tracing::warn!(request_id, reason = %self, "a request was not authenticated");
        }
        for challenge in self.challenges(status, challenges) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
        let header = match (&self, status) {
            (
                Self::Authenticator(RequestAuthenticatorError::Refused(AuthenticationError::TooMany {
                    retry_after,
                })),
                _,
            ) => Some((
                header::RETRY_AFTER,
                HeaderValue::from(retry_after.as_secs().max(1)),
            )),
            (_, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                Some((header::RETRY_AFTER, RETRY_AFTER))
            }
            (Self::Method { allow }, _) => Some((header::ALLOW, HeaderValue::from_static(allow))),
            _ => None,
        };
        response.headers_mut().extend(header);
        response
    }
}

impl HttpError {
    /// Returns the challenges of an answer: those of the authenticator with 401, and one that tells the reason where a bearer
    /// token is known and not enough (RFC 6750 section 3.1).
    fn challenges(&self, status: StatusCode, challenges: &[HeaderValue]) -> Vec<HeaderValue> {
        let told = match self {
            Self::Authenticator(RequestAuthenticatorError::Refused(AuthenticationError::Invalid {
                reason,
            })) => Some(("invalid_token", "error_description", reason.as_str())),
            Self::Authenticator(RequestAuthenticatorError::Refused(
                AuthenticationError::InsufficientScope { scope },
            )) => Some(("insufficient_scope", "scope", scope.as_str())),
            Self::Engine(EngineError::ReadOnly) => Some((
                "insufficient_scope",
                "error_description",
                "the credential may read and not write",
            )),
            _ => None,
        };
        let Some((error, name, text)) = told else {
            return if status == StatusCode::UNAUTHORIZED {
                challenges.to_vec()
            } else {
                Vec::new()
            };
        };
        // The characters that the attributes of a challenge may have.
        let is_fit = |character: &char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\');
        let text: String = text.chars().filter(is_fit).collect();
        let bearer = challenges.iter().filter_map(|challenge| challenge.to_str().ok());
        let bearer = bearer.filter(|challenge| {
            let scheme = challenge.split(' ').next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("Bearer")
        });
        bearer
            .filter_map(|challenge| {
                let separator = if challenge.contains(' ') { "," } else { "" };
                HeaderValue::try_from(format!(
                    "{challenge}{separator} error=\"{error}\", {name}=\"{text}\""
                ))
                .ok()
            })
            .collect()
    }
}

/// The id that a proxy gave the request, if it is fit to be repeated.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    ((1..=128).contains(&id.len()) && id.bytes().all(is_sane)).then_some(id)
}

/// An error and what lies behind it.
struct Causes<'e>(&'e HttpError);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyfob_engine::StoreError;

    use super::*;

    fn answer(error: HttpError, request_id: &'static str) -> (u16, HeaderMap, String) {
        let request = HeaderMap::from_iter([(
            header::HeaderName::from_static("x-request-id"),
            HeaderValue::from_static(request_id),
        )]);
        let detail = error.to_error_body().detail;
        let response = error.into_response(&request, &[HeaderValue::from_static("Bearer realm=\"SCIM\"")]);
        (
            response.status().as_u16(),
            response.headers().clone(),
            detail.into(),
        )
    }

    fn rejected(error: AuthenticationError) -> HttpError {
        RequestAuthenticatorError::from(error).into()
    }

    #[test]
    fn answers_carry_the_headers_of_their_status() {
        for (error, status, name, value) in [
            (
                rejected(AuthenticationError::Rejected),
                401,
                header::WWW_AUTHENTICATE,
                Some("Bearer realm=\"SCIM\""),
            ),
            (
                rejected(AuthenticationError::Forbidden),
                403,
                header::WWW_AUTHENTICATE,
                None,
            ),
            (
                rejected(AuthenticationError::Invalid {
                    reason: "the token ended at \"noon\"".into(),
                }),
                401,
                header::WWW_AUTHENTICATE,
                Some(
                    "Bearer realm=\"SCIM\", error=\"invalid_token\", error_description=\"the token ended at noon\"",
                ),
            ),
            (
                rejected(AuthenticationError::InsufficientScope {
                    scope: "scim:write".into(),
                }),
                403,
                header::WWW_AUTHENTICATE,
                Some("Bearer realm=\"SCIM\", error=\"insufficient_scope\", scope=\"scim:write\""),
            ),
            (
                rejected(AuthenticationError::TooMany {
                    retry_after: Duration::from_secs(30),
                }),
                429,
                header::RETRY_AFTER,
                Some("30"),
            ),
            (
                EngineError::ReadOnly.into(),
                403,
                header::WWW_AUTHENTICATE,
                Some(
                    "Bearer realm=\"SCIM\", error=\"insufficient_scope\", error_description=\"the credential may read \
                     and not write\"",
                ),
            ),
            (
                HttpError::Method { allow: "GET, HEAD" },
                405,
                header::ALLOW,
                Some("GET, HEAD"),
            ),
            (
                EngineError::Contention.into(),
                503,
                header::RETRY_AFTER,
                Some("2"),
            ),
            (
                EngineError::Store(StoreError::unavailable("locked")).into(),
                503,
                header::RETRY_AFTER,
                Some("2"),
            ),
            (
                EngineError::Store(StoreError::internal("corrupt")).into(),
                500,
                header::RETRY_AFTER,
                None,
            ),
        ] {
            let (answered, headers, _) = answer(error, "r-1");
            assert_eq!(answered, status);
            assert_eq!(
                headers.get(&name).map(|value| value.to_str().unwrap()),
                value,
                "{status}"
            );
            assert_eq!(headers[header::CONTENT_TYPE], "application/scim+json");
        }
    }

    #[test]
    fn the_cause_of_a_failure_is_for_the_log_and_the_client_is_told_where_to_look() {
        let failure = || HttpError::from(EngineError::Store(StoreError::internal("row 7 of bjensen")));
        for (id, told) in [
            ("r-1", "the service failed (request `r-1`)"),
            ("", "the service failed"),
            ("a b", "the service failed"),
            ("<script>", "the service failed"),
        ] {
            let request = HeaderMap::from_iter([(
                header::HeaderName::from_static("x-request-id"),
                HeaderValue::from_static(id),
            )]);
            let (_, body) = failure().into_response(&request, &[]).into_parts();
            let expected = ErrorBody::new(500, told).to_json();
            assert_eq!(
                format!("{body:?}"),
                format!("{:?}", Full::new(Bytes::from(expected)))
            );
        }
        assert_eq!(
            Causes(&failure()).to_string(),
            "the store failed: row 7 of bjensen"
        );
    }
}

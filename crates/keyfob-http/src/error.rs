//! Why a request is refused, as an answer.

use std::{
    error::Error as StdError,
    fmt,
    time::{Duration, Instant},
};

use http::{HeaderValue, Response, StatusCode, header};
use keyfob_core::{
    ErrorBody, ProjectionError, ScimType, ToErrorBody, json::JsonError, message::MessageError,
};
use keyfob_engine::{AcknowledgementError, AuthenticationError, EngineError, RequestId};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::{
    admission::Busy, answer::AnswerBody, authenticate::RequestAuthenticatorError, notes::Refused, response,
    sample::Sample,
};

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
    #[error("the body's content coding is none of those that are understood: {accepted}")]
    ContentEncoding { accepted: &'static str },
    #[cfg(feature = "gzip")]
    #[error("the body is not one whole gzip stream")]
    Gzip,
    #[error("the body ended before it was complete")]
    Unreadable,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error(
        "the target of the request is longer than {limit} bytes; a query goes into the body of a POST to `/.search`"
    )]
    Target { limit: usize },
    #[error("the request has more than {limit} header fields")]
    HeaderFields { limit: usize },
    #[error("a request names one host, in one `Host` header")]
    Host,
    #[error("the only expectation that is met is `100-continue`")]
    Expectation,
    #[error("{}", told(*.0))]
    Busy(Busy),
    #[error("`{name}` takes `*` or entity tags such as `W/\"3\"`, with commas between them")]
    EntityTags { name: &'static str },
    #[error("the query is not valid UTF-8")]
    QueryEncoding,
    #[error("`{name}` is not an integer: `{text}`")]
    NotAnInteger { name: &'static str, text: SmolStr },
    #[error("`{name}` is given more than once")]
    Repeated { name: &'static str },
    #[error("{member} has to be {expected} (RFC 8936 section 2.4)")]
    Poll {
        member: &'static str,
        expected: &'static str,
    },
    #[error(transparent)]
    Acknowledgement(#[from] AcknowledgementError),
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

impl From<Busy> for HttpError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}

fn told(busy: Busy) -> &'static str {
    match busy {
        Busy::Tenant { .. } => "too many requests at once, try again later",
        Busy::Server { .. } => "the service has too much to do, try again later",
    }
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
            Self::MediaType | Self::ContentEncoding { .. } => ErrorBody::new(415, detail()),
            Self::Unreadable | Self::Poll { .. } => ErrorBody::bad_request(ScimType::InvalidSyntax, detail()),
            #[cfg(feature = "gzip")]
            Self::Gzip => ErrorBody::bad_request(ScimType::InvalidSyntax, detail()),
            Self::TooSlow => ErrorBody::new(408, detail()),
            Self::Host => ErrorBody::new(400, detail()),
            Self::Target { .. } => ErrorBody::new(414, detail()),
            Self::HeaderFields { .. } => ErrorBody::new(431, detail()),
            Self::Expectation => ErrorBody::new(417, detail()),
            Self::Busy(Busy::Tenant { .. }) => ErrorBody::new(429, detail()),
            Self::Busy(Busy::Server { .. }) => ErrorBody::new(503, detail()),
            // RFC 9865 section 2.1 has a keyword for it.
            Self::NotAnInteger { name: "count", .. } => {
                ErrorBody::bad_request(ScimType::InvalidCount, detail())
            }
            Self::EntityTags { .. }
            | Self::QueryEncoding
            | Self::NotAnInteger { .. }
            | Self::Repeated { .. } => ErrorBody::bad_request(ScimType::InvalidValue, detail()),
            Self::Acknowledgement(error) => error.to_error_body(),
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
    /// goes to the client alone, since it may quote personal data. The log has its kind.
    pub(crate) fn into_response(self, request_id: &RequestId, refusing: &Refusing) -> Response<AnswerBody> {
        let mut body = self.to_error_body();
        match body.status {
            500 | 502..=599 => {
                tracing::error!(status = body.status, cause = %Causes(&self), "a request failed");
                if body.status == 500 {
                    body.detail = format_smolstr!("{} (request `{request_id}`)", body.detail);
                }
            }
            401 => {
                if let Some(suppressed) = refusing.unauthenticated.pass(Instant::now()) {
                    let suppressed = Some(suppressed).filter(|suppressed| *suppressed > 0);
                    tracing::warn!(reason = %self, suppressed, "a request was not authenticated");
                }
            }
            status => tracing::debug!(status, reason = self.kind(), "a request was refused"),
        }
        let status = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = response::json(status, response::SCIM_JSON, body.to_json());
        response.extensions_mut().insert(Refused(self.kind()));
        if let Some(scim_type) = body.scim_type {
            response.extensions_mut().insert(scim_type);
        }
        for challenge in self.challenges(status, &refusing.challenges) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
        let headers = response.headers_mut();
        match (&self, status) {
            (Self::Busy(busy), _) => {
                headers.insert(header::RETRY_AFTER, seconds(busy.retry_after()));
            }
            (
                Self::Authenticator(RequestAuthenticatorError::Refused(AuthenticationError::TooMany {
                    retry_after,
                })),
                _,
            ) => {
                headers.insert(header::RETRY_AFTER, seconds(*retry_after));
            }
            (_, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            (Self::Method { allow }, _) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            // RFC 9110 section 12.5.3: which codings a body may have.
            (Self::ContentEncoding { accepted }, _) => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            }
            _ => {}
        }
        response
    }

    /// Returns one word for the kind of the refusal, in which nothing of the request stands.
    fn kind(&self) -> &'static str {
        match self {
            Self::Authenticator(_) => "unauthenticated",
            Self::NoEndpoint => "noEndpoint",
            Self::NotDescribed { .. } => "notDescribed",
            Self::Method { .. } => "methodNotAllowed",
            Self::NotImplemented { .. } => "notImplemented",
            Self::TooLarge { .. } => "bodyTooLarge",
            Self::MediaType => "mediaType",
            Self::ContentEncoding { .. } => "contentEncoding",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            Self::Unreadable => "bodyIncomplete",
            Self::TooSlow => "bodyTooSlow",
            Self::Host => "host",
            Self::Target { .. } => "target",
            Self::HeaderFields { .. } => "headerFields",
            Self::Expectation => "expectation",
            Self::Busy(_) => "busy",
            Self::EntityTags { .. } => "entityTags",
            Self::QueryEncoding | Self::NotAnInteger { .. } | Self::Repeated { .. } => "query",
            Self::Projection(_) => "attributes",
            Self::DiscoveryFilter => "discoveryFilter",
            Self::Json(_) => "json",
            Self::Engine(error) | Self::Acknowledgement(AcknowledgementError::Engine(error)) => error.kind(),
            Self::Message(_) | Self::Poll { .. } | Self::Acknowledgement(_) => "message",
        }
    }
}

/// The parts that answers to refused requests share.
pub(crate) struct Refusing {
    /// The values of `WWW-Authenticate` in answers 401.
    pub(crate) challenges: Vec<HeaderValue>,
    /// Bounds the warnings of requests that were not authenticated.
    pub(crate) unauthenticated: Sample,
}

fn seconds(time: Duration) -> HeaderValue {
    HeaderValue::from(time.as_secs().max(1))
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
    use http::HeaderMap;
    use http_body_util::BodyExt as _;
    use keyfob_engine::StoreError;

    use super::*;

    fn refusing(challenges: Vec<HeaderValue>) -> Refusing {
        Refusing {
            challenges,
            unauthenticated: Sample::new(1, Duration::from_secs(1)),
        }
    }

    fn answer(error: HttpError, request_id: &'static str) -> (u16, HeaderMap, String) {
        let detail = error.to_error_body().detail;
        let refusing = refusing(vec![HeaderValue::from_static("Bearer realm=\"SCIM\"")]);
        let response = error.into_response(&RequestId::new(request_id), &refusing);
        (
            response.status().as_u16(),
            response.headers().clone(),
            detail.into(),
        )
    }

    fn rejected(error: AuthenticationError) -> HttpError {
        RequestAuthenticatorError::from(error).into()
    }

    #[track_caller]
    fn assert_header(error: HttpError, status: u16, name: &header::HeaderName, value: Option<&str>) {
        let (answered, headers, _) = answer(error, "r-1");
        assert_eq!(answered, status);
        assert_eq!(
            headers.get(name).map(|value| value.to_str().unwrap()),
            value,
            "{status}"
        );
        assert_eq!(headers[header::CONTENT_TYPE], "application/scim+json");
    }

    #[test]
    fn answers_carry_the_challenges_of_their_status() {
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
                EngineError::ReadOnly.into(),
                403,
                header::WWW_AUTHENTICATE,
                Some(
                    "Bearer realm=\"SCIM\", error=\"insufficient_scope\", error_description=\"the credential may read \
                     and not write\"",
                ),
            ),
        ] {
            assert_header(error, status, &name, value);
        }
    }

    #[test]
    fn answers_say_what_a_client_may_do_instead() {
        for (error, status, name, value) in [
            (
                rejected(AuthenticationError::TooMany {
                    retry_after: Duration::from_secs(30),
                }),
                429,
                header::RETRY_AFTER,
                Some("30"),
            ),
            (
                Busy::Tenant {
                    retry_after: Duration::from_secs(3),
                }
                .into(),
                429,
                header::RETRY_AFTER,
                Some("3"),
            ),
            (
                Busy::Server {
                    retry_after: Duration::ZERO,
                }
                .into(),
                503,
                header::RETRY_AFTER,
                Some("1"),
            ),
            (
                HttpError::ContentEncoding {
                    accepted: "gzip, identity",
                },
                415,
                header::ACCEPT_ENCODING,
                Some("gzip, identity"),
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
            assert_header(error, status, &name, value);
        }
    }

    #[test]
    fn the_cause_of_a_failure_is_for_the_log_and_the_client_is_told_where_to_look() {
        let failure = || HttpError::from(EngineError::Store(StoreError::internal("row 7 of bjensen")));
        let (_, body) = failure()
            .into_response(&RequestId::new("r-1"), &refusing(Vec::new()))
            .into_parts();
        let expected = ErrorBody::new(500, "the service failed (request `r-1`)").to_json();
        let body = pollster::block_on(body.collect()).unwrap().to_bytes();
        assert_eq!(body, expected);
        assert_eq!(
            Causes(&failure()).to_string(),
            "the store failed: row 7 of bjensen"
        );
    }
}

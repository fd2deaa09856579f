//! Why an operation did not come to its result.

use std::time::Duration;

use http::StatusCode;
use keyfob_core::{ErrorBody, ResourceId, ScimType, SmolStr, message::Deviation};
use keyfob_filter::ParseError;
use thiserror::Error as ThisError;

use crate::transport::TransportError;

/// The error when an operation did not come to its result.
///
/// Messages may quote what the server wrote; the token is never among it.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// No answer came. For a write, whether the server carried it out is unknown unless the request
    /// [was never sent](TransportError::is_not_sent).
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server refused the request.
    #[error("the server answered {}{}", status_line(*.status), said(.scim.as_ref(), .start))]
    Status {
        /// The HTTP status code.
        status: u16,
        /// The SCIM error, if the body is one (RFC 7644 section 3.12).
        scim: Option<ErrorBody>,
        /// The first 200 characters of a body that is no SCIM error; empty if there was no body.
        start: SmolStr,
        /// The wait that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The answer is no SCIM message: a page of a proxy, a portal that asks for a login, another service.
    #[error("the answer is no SCIM message: {}, media type `{media_type}`: `{start}`", status_line(*.status))]
    NotScim {
        /// The HTTP status code.
        status: u16,
        /// The media type; empty if the answer has none.
        media_type: SmolStr,
        /// The first 200 characters of the body.
        start: SmolStr,
    },
    /// The server sent the request elsewhere, and the client does not follow: to another server, where the token must
    /// not go, in a circle, or with another method.
    #[error("the server redirects to `{location}` ({}), which is not followed", status_line(*.status))]
    Redirect {
        /// The HTTP status code.
        status: u16,
        /// The address, without its query.
        location: SmolStr,
    },
    /// A SCIM message can't be read.
    #[error("the answer can't be read: {0}")]
    Decode(SmolStr),
    /// The answer departs from the RFC, and the client is [strict](crate::ClientBuilder::strict).
    #[error("{0}")]
    Deviation(Deviation),
    /// The request can't be sent as it is: a path or a filter is malformed, an id can't stand in an address.
    #[error("{0}")]
    Request(SmolStr),
    /// The server is known not to do what is needed (see [`Capabilities`](crate::Capabilities)).
    #[error("the server does not support {0}")]
    Unsupported(SmolStr),
    /// A write was sent, whether it was carried out is unknown, and looking did not tell.
    #[error(
        "whether the server carried out the request is unknown: {cause}{}",
        found_text(found)
    )]
    Ambiguous {
        /// The resources that could be what the request created, if they were looked up.
        found: Vec<ResourceId>,
        /// Why it is unknown.
        cause: Box<Error>,
    },
    /// Every attempt failed.
    #[error("gave up after {attempts} attempts: {last}")]
    GaveUp {
        /// The number of attempts.
        attempts: u32,
        /// Why the last one failed.
        last: Box<Error>,
    },
    /// An operation of several requests stopped in the middle.
    #[error("stopped after {done} of {of} requests: {cause}")]
    Partial {
        /// The number of requests that were carried out.
        done: usize,
        /// The number of requests in all.
        of: usize,
        /// Why the next one failed.
        cause: Box<Error>,
    },
    /// A list came to no end, or to one before all that the server counts.
    #[error("the list is incomplete: {reason}; {read} resources were read")]
    Incomplete {
        /// What is wrong with the pages.
        reason: &'static str,
        /// The number of different resources that were read.
        read: usize,
    },
    /// The exchange was driven beyond its end.
    #[error("the exchange is over")]
    Finished,
}

impl Error {
    /// Returns the HTTP status code of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } | Self::NotScim { status, .. } | Self::Redirect { status, .. } => {
                Some(*status)
            }
            Self::GaveUp { last: cause, .. }
            | Self::Ambiguous { cause, .. }
            | Self::Partial { cause, .. } => cause.status(),
            _ => None,
        }
    }

    /// Returns the keyword of the SCIM error, if the answer was one that has it.
    #[must_use]
    pub fn scim_type(&self) -> Option<ScimType> {
        match self {
            Self::Status { scim, .. } => scim.as_ref()?.scim_type,
            Self::GaveUp { last: cause, .. }
            | Self::Ambiguous { cause, .. }
            | Self::Partial { cause, .. } => cause.scim_type(),
            _ => None,
        }
    }

    /// Returns true if the resource is not there: a 404 with a SCIM error or an empty body.
    ///
    /// A 404 with anything else in it is the answer of a proxy or of a server that has no such method. It says nothing
    /// of the resource, and whoever takes it for its end creates the resource a second time.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Status {
                status: 404,
                scim,
                start,
                ..
            } => scim.is_some() || start.is_empty(),
            Self::GaveUp { last: cause, .. } => cause.is_gone(),
            _ => false,
        }
    }

    /// Returns true if a value that has to be unique is taken: 409, with whatever body.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(409)
    }

    pub(crate) fn parse(error: &ParseError, text: &str) -> Self {
        Self::Request(SmolStr::from(error.display_with(text).to_string()))
    }
}

fn status_line(status: u16) -> String {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    reason.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

fn said(scim: Option<&ErrorBody>, start: &str) -> String {
    match scim {
        Some(error) => {
            let keyword = error.scim_type.map(|scim_type| format!(" ({scim_type})"));
            let detail = Some(error.detail.as_str()).filter(|detail| !detail.is_empty());
            let detail = detail.map(|detail| format!(": {detail}"));
            format!("{}{}", keyword.unwrap_or_default(), detail.unwrap_or_default())
        }
        None if start.is_empty() => String::new(),
        None => format!(": `{start}`"),
    }
}

fn found_text(found: &[ResourceId]) -> String {
    let ids: Vec<String> = found.iter().map(|id| format!("`{id}`")).collect();
    if ids.is_empty() {
        String::new()
    } else {
        format!("; it may be {}", ids.join(" or "))
    }
}

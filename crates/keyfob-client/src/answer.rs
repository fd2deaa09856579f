//! Answers: what of them is SCIM, and what a refusal says.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use keyfob_core::{ErrorBody, SmolStr, message::Deviation, message::Deviations};

use crate::{error::Error, retry::retry_after, session::Session};

/// The number of characters that are shown of a body that is no SCIM message.
const START: usize = 200;

/// An answer that came whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    Json,
    Markup,
    Other,
    Missing,
}

impl Answer {
    pub(crate) fn new(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns true if there is nothing in the body.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.iter().all(u8::is_ascii_whitespace)
    }

    fn media_type(&self) -> &str {
        let value = self.header(header::CONTENT_TYPE).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    fn media(&self) -> Media {
        let media_type = self.media_type().to_ascii_lowercase();
        match media_type.as_str() {
            "" => Media::Missing,
            "application/scim+json" | "application/json" => Media::Json,
            _ if media_type.ends_with("+json") => Media::Json,
            _ if media_type.contains("html") || media_type.contains("xml") => Media::Markup,
            _ => Media::Other,
        }
    }

    /// Returns true if the body could be a SCIM message, whatever its media type says.
    fn may_be_scim(&self) -> bool {
        self.media() != Media::Markup
            && self.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
    }

    /// Checks that the body of an answer of success is a SCIM message or empty.
    pub(crate) fn check(&self, session: &Session, deviations: &mut Deviations) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        if !self.may_be_scim() {
            // A list of JSON that was cut off, or something else in JSON, is a message that can't be read.
            if self.media() == Media::Json {
                return Err(Error::Decode("the body is not a JSON object".into()));
            }
            return Err(self.not_scim(session));
        }
        if self.media() != Media::Json {
            let rule = "is not application/scim+json or application/json";
            deviations.note(Deviation::new("Content-Type", rule, "RFC 7644 section 3.1"));
        }
        Ok(())
    }

    pub(crate) fn not_scim(&self, session: &Session) -> Error {
        Error::NotScim {
            status: self.status.as_u16(),
            media_type: session.redacted(self.media_type()).chars().take(100).collect(),
            start: self.start(session),
        }
    }

    /// Returns what a refusal says.
    pub(crate) fn refusal(&self, session: &Session, deviations: &mut Deviations) -> Error {
        let status = self.status.as_u16();
        let json = self.may_be_scim();
        let scim = json
            .then(|| ErrorBody::from_json(&self.body, deviations).ok())
            .flatten();
        if scim.is_none() && !json && !self.is_empty() {
            return self.not_scim(session);
        }
        let scim = scim.map(|mut error| {
            if error.status != status {
                let rule = "is not the status of the answer";
                deviations.note(Deviation::new("status", rule, "RFC 7644 section 3.12"));
            }
            error.detail = session.redacted(&error.detail);
            error
        });
        let start = if scim.is_some() {
            SmolStr::default()
        } else {
            self.start(session)
        };
        Error::Status {
            status,
            scim,
            start,
            retry_after: self.retry_after(session),
        }
    }

    pub(crate) fn retry_after(&self, session: &Session) -> Option<std::time::Duration> {
        retry_after(&self.headers, session.clock().now())
    }

    /// Returns the start of the body, without the token if a server repeats it.
    fn start(&self, session: &Session) -> SmolStr {
        // All of the body is looked through: an excerpt that is cut first ends within a token.
        let text = session.redacted(&String::from_utf8_lossy(&self.body));
        text.trim().chars().take(START).collect()
    }
}

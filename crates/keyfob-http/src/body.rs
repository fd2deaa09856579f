//! Request bodies: of an accepted media type, and read no further than the limit.

use std::{error::Error as StdError, io};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keyfob_core::{Dialect, Quirk};

use crate::error::HttpError;

/// The error of a request's body: any that says why the rest of the body doesn't come. One that is, or comes of, an
/// [`io::Error`] of the kind `TimedOut` is answered 408, any other 400.
pub type BodyError = Box<dyn StdError + Send + Sync>;

/// Decodes a body in gzip, within a limit of what comes out.
pub(crate) type Decode = fn(&[u8], usize) -> Result<Bytes, HttpError>;

/// The bounds of a body, and the forms in which it is understood.
#[derive(Clone, Copy)]
pub(crate) struct Accepted {
    /// The largest number of bytes, of an encoded body and of the decoded one.
    pub(crate) limit: usize,
    pub(crate) dialect: Dialect,
    /// Decodes gzip, where it is understood.
    pub(crate) gzip: Option<Decode>,
}

/// Reads a body that has to be JSON.
///
/// A body without a `Content-Type` is taken for JSON: some clients send none, and nothing else could be meant.
pub(crate) async fn read<B>(headers: &HeaderMap, body: B, accepted: Accepted) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes, Error: Into<BodyError>>,
{
    let limit = accepted.limit;
    check_media_type(headers, accepted.dialect)?;
    let decode = decoder(headers, accepted.gzip)?;
    if declared_length(headers).is_some_and(|length| length > limit as u64) {
        return Err(HttpError::TooLarge { limit });
    }
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if is_too_large(&*error) => return Err(HttpError::TooLarge { limit }),
        Err(error) if is_too_slow(&*error) => return Err(HttpError::TooSlow),
        Err(_) => return Err(HttpError::Unreadable),
    };
    match decode {
        Some(decode) => decode(&body, limit),
        None => Ok(body),
    }
}

/// Returns what decodes a body by its content codings (RFC 9110 section 8.4), in all lines of the header; none for one that isn't
/// encoded.
fn decoder(headers: &HeaderMap, gzip: Option<Decode>) -> Result<Option<Decode>, HttpError> {
    let accepted = if gzip.is_some() {
        "gzip, identity"
    } else {
        "identity"
    };
    let refused = || HttpError::ContentEncoding { accepted };
    let mut found = None;
    for line in headers.get_all(header::CONTENT_ENCODING) {
        for coding in line.to_str().map_err(|_| refused())?.split(',') {
            let coding = coding.trim();
            if coding.is_empty() || coding.eq_ignore_ascii_case("identity") {
                continue;
            }
            let is_gzip = coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip");
            // What is encoded twice decodes to as much as a limit allows, and that again.
            if !is_gzip || found.is_some() {
                return Err(refused());
            }
            found = Some(gzip.ok_or_else(refused)?);
        }
    }
    Ok(found)
}

fn check_media_type(headers: &HeaderMap, dialect: Dialect) -> Result<(), HttpError> {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let sent = match (all.next(), all.next()) {
        (None, _) => return Ok(()),
        (Some(sent), None) => sent,
        // Which of them is meant is for the client to say.
        (Some(_), Some(_)) => return Err(HttpError::MediaType),
    };
    let media_type = sent
        .to_str()
        .ok()
        .and_then(|sent| sent.split(';').next())
        .unwrap_or_default()
        .trim();
    if ["application/scim+json", "application/json"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known))
        || (media_type == "*/*" && dialect.allows(Quirk::WildcardContentType))
    {
        Ok(())
    } else {
        Err(HttpError::MediaType)
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns true if the limit was hit, be it ours or that of a layer in front.
fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

/// Returns true if whoever reads from the connection has given up waiting.
fn is_too_slow(error: &(dyn StdError + 'static)) -> bool {
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.downcast_ref().is_some_and(timed_out) || error.source().is_some_and(is_too_slow)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::Full;

    use super::*;

    const ACCEPTED: Accepted = Accepted {
        limit: 8,
        dialect: Dialect::strict(),
        gzip: None,
    };

    async fn read_with(name: header::HeaderName, value: &'static [u8]) -> Result<Bytes, u16> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).unwrap())]);
        let body = Full::new(Bytes::from_static(b"{}"));
        read(&headers, body, ACCEPTED)
            .await
            .map_err(|error| error.status())
    }

    /// A body whose connection breaks.
    struct Broken(io::ErrorKind);

    impl Body for Broken {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            Poll::Ready(Some(Err(self.0.into())))
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_the_clients_fault() {
        for (fault, status) in [
            (io::ErrorKind::ConnectionReset, 400),
            (io::ErrorKind::TimedOut, 408),
        ] {
            let refusal = read(&HeaderMap::new(), Broken(fault), ACCEPTED)
                .await
                .map_err(|error| error.status());
            assert_eq!(refusal.err(), Some(status));
        }
    }

    #[tokio::test]
    async fn json_is_taken_with_and_without_parameters_and_nothing_else_is() {
        for (content_type, status) in [
            (&b"application/scim+json"[..], None),
            (b"application/json", None),
            (b"APPLICATION/JSON", None),
            (b"application/scim+json; charset=utf-8", None),
            (b" application/json ;charset=UTF-8", None),
            (b"text/json", Some(415)),
            (b"application/xml", Some(415)),
            (b"application/x-www-form-urlencoded", Some(415)),
            (b"application/scim", Some(415)),
            (b"*/*", Some(415)),
            (b"", Some(415)),
            (b"\xff", Some(415)),
        ] {
            assert_eq!(
                read_with(header::CONTENT_TYPE, content_type).await.err(),
                status,
                "{content_type:?}"
            );
        }
    }

    #[tokio::test]
    async fn two_media_types_are_none() {
        let mut headers = HeaderMap::new();
        for value in ["application/scim+json", "text/plain"] {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
        let refused = read(&headers, Full::new(Bytes::from_static(b"{}")), ACCEPTED).await;
        assert_eq!(refused.map_err(|error| error.status()).err(), Some(415));
    }

    #[test]
    fn rfc_9110_8_4_a_body_has_a_content_coding_that_is_understood() {
        let decode: Decode = |_, _| Ok(Bytes::new());
        // For each what becomes of it without gzip, and with it: refused, taken as it is, or decoded.
        for (sent, without, with) in [
            (&[][..], Some(false), Some(false)),
            (&[&b""[..]], Some(false), Some(false)),
            (&[b"identity"], Some(false), Some(false)),
            (&[b"gzip"], None, Some(true)),
            (&[b"X-Gzip"], None, Some(true)),
            (&[b"identity, gzip"], None, Some(true)),
            (&[b"identity", b"gzip"], None, Some(true)),
            (&[b"gzip, gzip"], None, None),
            (&[b"gzip", b"gzip"], None, None),
            (&[b"br"], None, None),
            (&[b"gzip, br"], None, None),
            (&[b"gzip\xff"], None, None),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_bytes(value).unwrap());
            }
            for (gzip, expected) in [(None, without), (Some(decode), with)] {
                let found = decoder(&headers, gzip).map(|found| found.is_some());
                assert_eq!(found.as_ref().ok(), expected.as_ref(), "{sent:?}");
                assert!(found.is_ok() || found.is_err_and(|error| error.status() == 415));
            }
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_so() {
        assert_eq!(read_with(header::CONTENT_LENGTH, b"9").await.err(), Some(413));
        assert_eq!(read_with(header::CONTENT_LENGTH, b"8").await.err(), None);
        assert_eq!(
            read_with(header::CONTENT_LENGTH, b"99999999999999999999")
                .await
                .err(),
            None
        );
        let headers = HeaderMap::new();
        assert!(
            read(&headers, Full::new(Bytes::from_static(b"12345678")), ACCEPTED)
                .await
                .is_ok()
        );
        let over = read(&headers, Full::new(Bytes::from_static(b"123456789")), ACCEPTED).await;
        assert_eq!(over.map_err(|error| error.status()).err(), Some(413));
        // A layer in front has a smaller limit.
        let layer = Limited::new(Full::new(Bytes::from_static(b"1234")), 2);
        assert_eq!(
            read(&headers, layer, ACCEPTED)
                .await
                .map_err(|error| error.status())
                .err(),
            Some(413)
        );
    }
}

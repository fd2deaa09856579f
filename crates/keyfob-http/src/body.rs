//! Request bodies: of an accepted media type, and read no further than the limit.

use std::{error::Error as StdError, io};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keyfob_core::{Dialect, Quirk};

use crate::error::HttpError;

/// The error of a request's body: any that says why the rest of the body doesn't come. One that is, or comes of, an
/// [`io::Error`] of the kind `TimedOut` is answered 408, any other 400.
pub type BodyError = Box<dyn StdError + Send + Sync>;

/// Reads a body that has to be JSON.
///
/// A body without a `Content-Type` is taken for JSON: some clients send none, and nothing else could be meant.
pub(crate) async fn read<B>(
    headers: &HeaderMap,
    body: B,
    limit: usize,
    dialect: Dialect,
) -> Result<Bytes, HttpError>
where
    B: Body<Data = Bytes, Error: Into<BodyError>>,
{
    check_media_type(headers, dialect)?;
    if declared_length(headers).is_some_and(|length| length > limit as u64) {
        return Err(HttpError::TooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_large(&*error) => Err(HttpError::TooLarge { limit }),
        Err(error) if is_too_slow(&*error) => Err(HttpError::TooSlow),
        Err(_) => Err(HttpError::Unreadable),
    }
}

fn check_media_type(headers: &HeaderMap, dialect: Dialect) -> Result<(), HttpError> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map_or(&b""[..], HeaderValue::as_bytes);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity") {
        return Err(HttpError::ContentEncoding);
    }
    let Some(sent) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
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

/// Whether the limit was hit, be it ours or that of a layer in front.
fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

/// Whether whoever reads from the connection has given up waiting.
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

    use http_body::Frame;
    use http_body_util::Full;

    use super::*;

    async fn read_with(name: header::HeaderName, value: &'static [u8]) -> Result<Bytes, u16> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).unwrap())]);
        let body = Full::new(Bytes::from_static(b"{}"));
        read(&headers, body, 8, Dialect::strict())
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
            let refusal = read(&HeaderMap::new(), Broken(fault), 8, Dialect::strict())
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
        assert_eq!(
            read_with(header::CONTENT_ENCODING, b"gzip").await.err(),
            Some(415)
        );
        assert_eq!(read_with(header::CONTENT_ENCODING, b"identity").await.err(), None);
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
            read(
                &headers,
                Full::new(Bytes::from_static(b"12345678")),
                8,
                Dialect::strict()
            )
            .await
            .is_ok()
        );
        let over = read(
            &headers,
            Full::new(Bytes::from_static(b"123456789")),
            8,
            Dialect::strict(),
        )
        .await;
        assert_eq!(over.map_err(|error| error.status()).err(), Some(413));
        // A layer in front has a smaller limit.
        let layer = Limited::new(Full::new(Bytes::from_static(b"1234")), 2);
        assert_eq!(
            read(&headers, layer, 8, Dialect::strict())
                .await
                .map_err(|error| error.status())
                .err(),
            Some(413)
        );
    }
}

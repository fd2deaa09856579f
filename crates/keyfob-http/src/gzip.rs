//! Bodies in gzip (RFC 9110 section 8.4.1.3), as clients send them and as they ask for them.

use std::{
    future::poll_fn,
    io::{self, Read as _, Write as _},
    task::Poll,
};

use bytes::Bytes;
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};

use crate::error::HttpError;

/// The size of the smallest answer that is encoded: a smaller one fits into a few packets anyway.
const SMALLEST: u64 = 16 << 10;
/// The bytes after which encoding lets other requests of its thread go on: a fraction of a millisecond's work, as a tenant may have
/// dozens of answers encoded at once.
const PIECE: usize = 32 << 10;

/// Decodes a body, which is one gzip stream.
///
/// # Errors
/// [`HttpError::TooLarge`] for one that is larger than `limit` bytes when it is decoded, of which no more is decoded;
/// [`HttpError::Gzip`] for one that is no gzip stream, not all of one, or more than one.
pub(crate) fn decode(encoded: &[u8], limit: usize) -> Result<Bytes, HttpError> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut stream = GzDecoder::new(encoded).take(most);
    let mut decoded = Vec::new();
    let read = stream.read_to_end(&mut decoded);
    if decoded.len() > limit {
        return Err(HttpError::TooLarge { limit });
    }
    read.map_err(|_| HttpError::Gzip)?;
    if !stream.into_inner().into_inner().is_empty() {
        return Err(HttpError::Gzip);
    }
    Ok(decoded.into())
}

/// Encodes the body of an answer that is large, if the client takes it so.
///
/// The entity tag stays: it is weak, and says that two answers mean the same, not that they are the same bytes (RFC 9110
/// section 8.8.1).
pub(crate) async fn encode(request: &HeaderMap, response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let (mut head, body) = response.into_parts();
    head.headers
        .append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let is_large = body.size_hint().lower() >= SMALLEST;
    if head.status != StatusCode::OK || !is_large || !is_accepted(request) {
        return Response::from_parts(head, body);
    }
    let Ok(plain) = body.collect().await;
    let plain = plain.to_bytes();
    let body = match encoded(&plain).await {
        Ok(encoded) if encoded.len() < plain.len() => {
            let gzip = HeaderValue::from_static("gzip");
            head.headers.insert(header::CONTENT_ENCODING, gzip);
            encoded.into()
        }
        _ => plain,
    };
    Response::from_parts(head, Full::new(body))
}

async fn encoded(plain: &[u8]) -> io::Result<Vec<u8>> {
    // Answers are text of few words: the fastest level makes a tenth of them.
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    for piece in plain.chunks(PIECE) {
        encoder.write_all(piece)?;
        let_others_go_on().await;
    }
    encoder.finish()
}

async fn let_others_go_on() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Returns true if the client takes gzip, and likes it no less than what isn't encoded (RFC 9110 section 12.5.3).
fn is_accepted(request: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let accepted = request.get_all(header::ACCEPT_ENCODING).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    for coding in accepted.flat_map(|value| value.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let Some(weight) = weight(parameters) else {
            continue;
        };
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                gzip = Some(weight);
            }
            name if name.eq_ignore_ascii_case("identity") => identity = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

/// Reads the weight of a coding (RFC 9110 section 12.4.2), which is 1 where there is none; none for one that isn't understood.
fn weight(parameters: &str) -> Option<f32> {
    let (name, weight) = match parameters.split_once('=') {
        Some(parameter) => parameter,
        None if parameters.trim().is_empty() => return Some(1.0),
        None => return None,
    };
    let weight: f32 = weight.trim().parse().ok()?;
    (name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&weight)).then_some(weight)
}

#[cfg(test)]
mod tests {
    use flate2::write::DeflateEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn status(encoded: &[u8], limit: usize) -> Option<u16> {
        decode(encoded, limit).err().map(|error| error.status())
    }

    #[test]
    fn what_comes_out_of_a_body_has_the_limit_of_a_body() {
        let zeros = gzip(&vec![0; 1 << 20]);
        assert!(zeros.len() < 2_000);
        assert_eq!(status(&zeros, 1 << 20), None);
        assert_eq!(status(&zeros, (1 << 20) - 1), Some(413));
        // A thousand times as much, of which no more than the limit is decoded.
        let bomb = gzip(&vec![0; 64 << 20]);
        assert_eq!(status(&bomb, 1 << 10), Some(413));
        assert_eq!(decode(&gzip(b""), 0).unwrap(), Bytes::new());
    }

    #[test]
    fn a_body_is_one_whole_gzip_stream() {
        let whole = gzip(b"{\"userName\": \"bjensen\"}");
        let mut wrong_checksum = whole.clone();
        let place = wrong_checksum.len() - 5;
        wrong_checksum[place] ^= 1;
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(b"{}").unwrap();
        for (what, encoded) in [
            ("nothing", Vec::new()),
            ("text", b"{\"userName\": \"bjensen\"}".to_vec()),
            ("another coding", deflate.finish().unwrap()),
            ("half of it", whole[..whole.len() / 2].to_vec()),
            ("all but a byte", whole[..whole.len() - 1].to_vec()),
            ("another checksum", wrong_checksum),
            ("more behind it", [&whole[..], b"x"].concat()),
            ("another one behind it", [&whole[..], &whole[..]].concat()),
        ] {
            assert_eq!(status(&encoded, 1 << 10), Some(400), "{what}");
        }
    }

    #[test]
    fn rfc_9110_12_5_3_gzip_is_for_clients_that_prefer_it() {
        for (sent, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZip"], true),
            (&["x-gzip"], true),
            (&["deflate, gzip;q=1.0, *;q=0.5"], true),
            (&["br", "gzip;q=0.001"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.0"], false),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["*, gzip;q=0"], false),
            (&["identity"], false),
            (&["identity;q=1, gzip;q=0.5"], false),
            (&["identity;q=0.5, gzip"], true),
            (&["identity;q=0, *"], true),
            (&["gzip;q=2"], false),
            (&["gzip;q=NaN"], false),
            (&["gzip;level=9"], false),
            (&["gzipped, br"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(is_accepted(&headers), expected, "{sent:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_body_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // A head that is right lets what follows be read.
            let stream = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255][..], &bytes].concat();
            for encoded in [&bytes, &stream] {
                if let Ok(decoded) = decode(encoded, 100) {
                    prop_assert!(decoded.len() <= 100);
                }
            }
        }

        #[test]
        fn what_is_encoded_is_decoded(plain in proptest::collection::vec(0..4_u8, 0..300_000)) {
            let encoded = pollster::block_on(encoded(&plain)).unwrap();
            prop_assert_eq!(decode(&encoded, plain.len()).unwrap(), plain);
        }
    }
}

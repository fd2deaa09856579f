//! Bodies in gzip (RFC 9110 section 8.4.1.3), as clients send them and as they ask for them.

use std::{
    future::poll_fn,
    io::{self, Read as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Collected};

use crate::{
    answer::{AnswerBody, Making, Source},
    error::HttpError,
};

/// The size of the smallest answer that is encoded: a smaller one fits into a few packets anyway.
const SMALLEST: u64 = 16 << 10;
/// The bytes after which encoding lets other requests of its thread go on: a fraction of a millisecond's work, as a tenant may have
/// dozens of answers encoded at once.
const PIECE: usize = 32 << 10;
/// The bytes after which an answer is sent as it is, if encoding has not made half of them until then.
const TRIAL: usize = 2 * PIECE;
/// The size above which an answer needs one of the places for large ones.
const LARGE: u64 = 1 << 20;
/// The number of large answers that are encoded at once.
const PLACES: usize = 2;

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

/// Encodes the answers of a service.
///
/// Encoding is no part of the work that a request is allowed, and holds an answer twice. So few large ones are encoded at once; any
/// other is sent as it is meanwhile, which every client takes (RFC 9110 section 12.5.3).
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// The number of large answers that are being encoded.
    large: Arc<AtomicUsize>,
    /// The number of answers that are encoded while they are sent, which takes as long as their clients like.
    sent: Arc<AtomicUsize>,
}

/// The place of a large answer, until it is encoded or given up.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    fn of(places: &Arc<AtomicUsize>) -> Option<Self> {
        let taken = |number| (number < PLACES).then_some(number + 1);
        let taken = places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
        taken.is_ok().then(|| Self(Arc::clone(places)))
    }
}

impl Encoder {
    /// Encodes the body of an answer that is large, if the client takes it so and that makes it smaller.
    ///
    /// The entity tag stays: it is weak, and says that two answers mean the same, not that they are the same bytes (RFC 9110
    /// section 8.8.1).
    pub(crate) async fn encode(
        &self,
        request: &HeaderMap,
        response: Response<AnswerBody>,
    ) -> Response<AnswerBody> {
        let (mut head, body) = response.into_parts();
        head.headers
            .append(header::VARY, HeaderValue::from_static("accept-encoding"));
        if head.status != StatusCode::OK || !is_accepted(request) {
            return Response::from_parts(head, body);
        }
        let gzip = HeaderValue::from_static("gzip");
        if body.is_made_while_sent() {
            let Some(place) = Place::of(&self.sent) else {
                return Response::from_parts(head, body);
            };
            head.headers.insert(header::CONTENT_ENCODING, gzip);
            let body = body.map_source(|source| Box::new(WhileSent::new(source, place)));
            return Response::from_parts(head, body);
        }
        let size = body.size_hint().lower();
        if size < SMALLEST {
            return Response::from_parts(head, body);
        }
        let place = (size > LARGE).then(|| Place::of(&self.large));
        if let Some(None) = place {
            return Response::from_parts(head, body);
        }
        // One at hand never fails.
        let plain = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        let body = match encoded(&plain).await {
            Ok(Some(encoded)) if encoded.len() < plain.len() => {
                head.headers.insert(header::CONTENT_ENCODING, gzip);
                encoded.into()
            }
            _ => plain,
        };
        Response::from_parts(head, body.into())
    }
}

/// Encodes pieces as they are made.
struct WhileSent {
    source: Box<dyn Source>,
    encoder: GzEncoder<Vec<u8>>,
    has_begun: bool,
    _place: Place,
}

/// The end of a body.
struct End;

impl Source for End {
    fn next(self: Box<Self>) -> Making {
        Box::pin(async { Ok(None) })
    }
}

impl WhileSent {
    fn new(source: Box<dyn Source>, place: Place) -> Self {
        Self {
            source,
            encoder: GzEncoder::new(Vec::new(), Compression::fast()),
            has_begun: false,
            _place: place,
        }
    }
}

impl Source for WhileSent {
    fn next(self: Box<Self>) -> Making {
        let Self {
            mut source,
            mut encoder,
            has_begun,
            _place: place,
        } = *self;
        Box::pin(async move {
            while let Some((piece, left)) = source.next().await? {
                source = left;
                for piece in piece.chunks(PIECE) {
                    // Into memory, which never fails.
                    encoder.write_all(piece).ok();
                    let_others_go_on().await;
                }
                if !has_begun {
                    // Lest the first bytes wait for the first page.
                    encoder.flush().ok();
                }
                let encoded = std::mem::take(encoder.get_mut());
                if !encoded.is_empty() {
                    let rest = Self {
                        source,
                        encoder,
                        has_begun: true,
                        _place: place,
                    };
                    return Ok(Some((encoded.into(), Box::new(rest) as Box<dyn Source>)));
                }
            }
            let last = encoder.finish().unwrap_or_default();
            Ok(Some((last.into(), Box::new(End) as Box<dyn Source>)))
        })
    }
}

/// Encodes bytes; none where the first of them make hardly less.
async fn encoded(plain: &[u8]) -> io::Result<Option<Vec<u8>>> {
    // Answers are text of few words: the fastest level makes a tenth of them.
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    let (trial, rest) = plain.split_at_checked(TRIAL).unwrap_or((plain, &[]));
    for piece in trial.chunks(PIECE) {
        encoder.write_all(piece)?;
        let_others_go_on().await;
    }
    if !rest.is_empty() {
        encoder.flush()?;
        if encoder.get_ref().len() > TRIAL / 2 {
            return Ok(None);
        }
    }
    for piece in rest.chunks(PIECE) {
        encoder.write_all(piece)?;
        let_others_go_on().await;
    }
    encoder.finish().map(Some)
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

    fn answer(size: usize) -> Response<AnswerBody> {
        Response::new(Bytes::from("scim".repeat(size / 4)).into())
    }

    fn asking() -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))])
    }

    #[test]
    fn few_large_answers_are_encoded_at_once_and_the_others_are_sent_as_they_are() {
        let encoder = Encoder::default();
        let is_encoded = |size| {
            let answer = pollster::block_on(encoder.encode(&asking(), answer(size)));
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
            let is_encoded = answer.headers().contains_key(header::CONTENT_ENCODING);
            let length = usize::try_from(answer.body().size_hint().lower()).unwrap();
            assert_eq!(length == size, !is_encoded);
            is_encoded
        };
        let (request, mut waiting) = (asking(), Vec::new());
        for _ in 0..PLACES {
            assert!(is_encoded(2 << 20));
            // As far as to where it lets others go on.
            let mut encoding = Box::pin(encoder.encode(&request, answer(2 << 20)));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(encoding.as_mut().poll(&mut cx).is_pending());
            waiting.push(encoding);
        }
        assert!(!is_encoded(2 << 20));
        assert!(is_encoded(1 << 20));
        // One that is given up makes room, as one that is done does.
        drop(waiting.pop());
        assert!(is_encoded(2 << 20) && is_encoded(2 << 20));
        let done = waiting.pop().map(pollster::block_on).unwrap();
        assert!(done.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(encoder.large.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_gzip_makes_hardly_smaller_is_sent_as_it_is() {
        // The bits of a generator that a coding by repetitions finds nothing in.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(200_000)
        .collect();
        let text = b"scim ".repeat(40_000);
        for (plain, is_encoded) in [
            (&noise[..], false),
            (&text, true),
            (&[&text[..], &noise].concat(), true),
            (&[&noise[..], &text].concat(), false),
        ] {
            let encoded = pollster::block_on(encoded(plain)).unwrap();
            assert_eq!(encoded.is_some(), is_encoded);
            if let Some(encoded) = encoded {
                assert_eq!(decode(&encoded, plain.len()).unwrap(), plain);
            }
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
            if let Some(encoded) = pollster::block_on(encoded(&plain)).unwrap() {
                prop_assert_eq!(decode(&encoded, plain.len()).unwrap(), plain);
            }
        }
    }
}

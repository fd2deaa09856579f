//! Requests over HTTP, one after the other, of one service.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use keyfob_core::Registry;
use keyfob_http::{BearerTokens, ScimService};
use keyfob_provisioning::{Profile, Provisioner, Token};
use keyfob_store_memory::MemoryStore;
use serde_json::Value;
use tower_service::Service;

/// The number of requests of a sequence that are sent.
const REQUESTS: usize = 32;

/// No bytes, sent as requests of one client, make the service panic, wait for nobody, or answer with a failure; every refusal
/// is an error of SCIM that says its own status; and whatever was done before, the lists hold what can be read one by one, under
/// the same versions.
///
/// The bytes are requests with lines of one `%` between them: a line of method and target, lines of headers, an empty line and a
/// body. `$1` to `$9` stand for the ids of what was created so far.
///
/// # Panics
/// On bytes that break it.
pub fn http_total(bytes: &[u8]) {
    for profile in [Profile::interop(), Profile::rfc()] {
        let provisioner = Provisioner::builder(MemoryStore::new(), Registry::rfc().clone())
            .with_profile(profile)
            .build();
        let token = Token::generate().unwrap();
        complete(provisioner.admin().create_organization("Example", &token)).unwrap();
        let engine = provisioner.engine().clone();
        let tokens = BearerTokens::new(&engine, provisioner);
        let client = Client {
            service: ScimService::builder(engine, tokens).base_path("/scim/v2").build(),
            token: token.expose().to_owned(),
        };
        let mut ids = Vec::new();
        for request in split(bytes).take(REQUESTS) {
            if let Some(request) = client.request(request, &ids) {
                let (method, is_bulk) = (request.method().clone(), request.uri().path().ends_with("/Bulk"));
                let answer = client.send(request);
                check(&method, &answer);
                if method == Method::POST && !is_bulk {
                    ids.extend(answer.1["id"].as_str().map(str::to_owned));
                }
            }
        }
        client.check_lists();
    }
}

/// A status with its headers, and the body as JSON; null where there is none.
type Answer = (Response<()>, Value);

struct Client {
    service: ScimService<MemoryStore>,
    token: String,
}

impl Client {
    /// The request that bytes mean; none where no HTTP client could send it.
    fn request(&self, bytes: &[u8], ids: &[String]) -> Option<Request<Full<Bytes>>> {
        let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => (&bytes[..end], &bytes[end + 2..]),
            None => (bytes, &b""[..]),
        };
        let mut lines = std::str::from_utf8(head).ok()?.split('\n');
        let (method, target) = lines.next()?.split_once(' ')?;
        let uri: Uri = named(target, ids).parse().ok()?;
        let body = match std::str::from_utf8(body) {
            Ok(text) => named(text, ids).into_bytes(),
            Err(_) => body.to_owned(),
        };
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
        *request.uri_mut() = uri;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token)).ok()?;
        request.headers_mut().insert("authorization", bearer);
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request
                .headers_mut()
                .append(name, HeaderValue::from_str(value.trim()).ok()?);
        }
        Some(request)
    }

    fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = complete(self.service.clone().call(request)).unwrap();
        let (head, body) = response.into_parts();
        let body = complete(body.collect()).unwrap().to_bytes();
        let json = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap()
        };
        (Response::from_parts(head, ()), json)
    }

    /// Checks that the lists are made of what GET shows.
    fn check_lists(&self) {
        for endpoint in ["/Users", "/Groups"] {
            let list = format!("GET /scim/v2{endpoint}?count=1000");
            let (_, list) = self.send(self.request(list.as_bytes(), &[]).unwrap());
            let listed = list["Resources"].as_array().unwrap();
            assert_eq!(list["totalResults"], listed.len());
            for resource in listed {
                let path = resource["meta"]["location"].as_str().unwrap();
                let (head, shown) = self.send(self.request(format!("GET {path}").as_bytes(), &[]).unwrap());
                assert_eq!(shown, *resource);
                assert_eq!(head.headers()["etag"], shown["meta"]["version"].as_str().unwrap());
            }
        }
    }
}

/// Checks what holds of every answer.
fn check(method: &Method, (head, body): &Answer) {
    let status = head.status().as_u16();
    assert!(status < 500 || status == 501, "{status} {body}");
    if method == Method::HEAD || matches!(status, 204 | 304) {
        assert_eq!(*body, Value::Null);
    } else if status >= 400 {
        assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        assert_eq!(body["status"], status.to_string(), "{body}");
        let detail = body["detail"].as_str().unwrap();
        assert!((1..1_100).contains(&detail.len()), "{detail}");
    }
    if status == 405 {
        assert!(head.headers().contains_key("allow"));
    }
}

/// The requests that bytes are made of.
fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let end = bytes.windows(3).position(|line| line == b"\n%\n");
        rest = end.map(|end| &bytes[end + 3..]);
        Some(&bytes[..end.unwrap_or(bytes.len())])
    })
}

/// A text with ids in place of `$1` to `$9`.
fn named(text: &str, ids: &[String]) -> String {
    let mut text = text.to_owned();
    for (number, id) in ids.iter().take(9).enumerate() {
        text = text.replace(&format!("${}", number + 1), id);
    }
    text
}

/// Drives a future that waits for nobody: there is one client, and the store is in memory.
fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("a request waits for nobody");
}

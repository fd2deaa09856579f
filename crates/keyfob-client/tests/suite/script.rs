//! A transport that answers from a script, and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use keyfob_client::{Client, ClientBuilder, Request, Transport, TransportError};

pub(crate) type Answered = Result<http::Response<Bytes>, TransportError>;

type Answer = dyn Fn(&http::Request<Bytes>) -> Answered + Send + Sync;

/// Answers from a script; where it is at its end, the connection breaks.
#[derive(Clone)]
pub(crate) struct Script {
    answer: Arc<Answer>,
    pub(crate) log: Arc<Mutex<Vec<http::Request<Bytes>>>>,
    pub(crate) waits: Arc<Mutex<Vec<Duration>>>,
}

impl Script {
    pub(crate) fn of(answer: impl Fn(&http::Request<Bytes>) -> Answered + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            log: Arc::default(),
            waits: Arc::default(),
        }
    }

    pub(crate) fn new(answers: impl IntoIterator<Item = Answered>) -> Self {
        let answers: Mutex<VecDeque<Answered>> = Mutex::new(answers.into_iter().collect());
        Self::of(move |_| {
            let next = answers.lock().unwrap().pop_front();
            next.unwrap_or_else(|| Err(TransportError::interrupted("the script is over")))
        })
    }

    /// What was asked, as `METHOD path?query`.
    pub(crate) fn asked(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter()
            .map(|request| {
                let path = request.uri().path_and_query().unwrap().as_str();
                format!(
                    "{} {}",
                    request.method(),
                    path.strip_prefix("/scim/v2").unwrap_or(path)
                )
            })
            .collect()
    }

    pub(crate) fn waited(&self) -> Vec<u64> {
        self.waits.lock().unwrap().iter().map(Duration::as_secs).collect()
    }

    pub(crate) fn client(&self) -> Client<Self> {
        self.builder().build().unwrap()
    }

    pub(crate) fn builder(&self) -> ClientBuilder<Self> {
        crate::server::builder("https://app.example/scim/v2", "s3cret-token").transport(self.clone())
    }
}

impl Transport for Script {
    async fn send(&self, request: Request) -> Answered {
        let answer = (self.answer)(&request.http);
        self.log.lock().unwrap().push(request.http);
        answer
    }

    async fn wait(&self, duration: Duration) {
        self.waits.lock().unwrap().push(duration);
    }
}

pub(crate) fn response(status: u16, media_type: &str, body: &str) -> http::Response<Bytes> {
    let mut response = http::Response::builder().status(status);
    if !media_type.is_empty() {
        response = response.header("content-type", media_type);
    }
    response.body(Bytes::from(body.to_owned())).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "what a script answers can be an error")]
pub(crate) fn scim(status: u16, body: &str) -> Answered {
    Ok(response(status, "application/scim+json", body))
}

pub(crate) fn with(header: &'static str, value: &'static str, answer: Answered) -> Answered {
    answer.map(|mut response| {
        response.headers_mut().insert(header, value.parse().unwrap());
        response
    })
}

pub(crate) fn broken() -> Answered {
    Err(TransportError::interrupted("the connection broke"))
}

pub(crate) fn user(id: &str, name: &str) -> String {
    format!(
        r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{id}", "userName": "{name}"}}"#
    )
}

pub(crate) fn list(total: u64, resources: &[String]) -> String {
    format!(
        r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": {total}, "Resources": [{}]}}"#,
        resources.join(",")
    )
}

pub(crate) fn error(status: u16, scim_type: &str) -> String {
    let keyword = if scim_type.is_empty() {
        String::new()
    } else {
        format!(r#""scimType": "{scim_type}", "#)
    };
    format!(
        r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "{status}", {keyword}"detail": "no"}}"#
    )
}

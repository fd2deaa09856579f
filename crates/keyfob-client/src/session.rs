//! One operation's way to the server: requests with the client's headers, redirects, repetitions.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use keyfob_core::{
    Clock, Projection, ResourceId, ResourceType, SmolStr,
    message::{Deviation, Deviations, SearchRequest},
};
use smol_str::format_smolstr;

use crate::{
    answer::Answer,
    base::shown,
    capabilities::Capabilities,
    client::Shared,
    error::Error,
    exchange::Port,
    transport::{Kind, Request},
};

/// The number of redirects that are followed for one request.
const MAX_REDIRECTS: u32 = 5;
/// The number of characters that are shown of what a server wrote.
const MAX_SHOWN: usize = 2_000;

/// What the caller of an operation may choose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) if_match: Option<SmolStr>,
    pub(crate) projection: Projection,
    pub(crate) timeout: Option<Duration>,
}

/// A request of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// The absolute address.
    pub(crate) url: String,
    pub(crate) body: Option<Bytes>,
    pub(crate) if_match: Option<SmolStr>,
}

/// Which requests may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Any: carried out twice it does what it does once.
    Always,
    /// One that the server has not carried out for certain.
    IfRefused,
}

/// The attempts at one operation.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) made: u32,
    /// If true, one of those that failed may have been carried out.
    pub(crate) uncertain: bool,
}

/// Why an attempt failed, and what that means for the next.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// If true, the server may have carried out the request.
    pub(crate) uncertain: bool,
    /// If true, the next attempt may go better.
    pub(crate) passing: bool,
    wait: Option<Duration>,
}

pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    port: Port,
    pub(crate) options: Options,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, port: Port, options: Options) -> Self {
        Self {
            shared,
            port,
            options,
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.shared.target.capabilities
    }

    pub(crate) fn resource_type(&self, name: &str) -> Result<&ResourceType, Error> {
        let registry = &self.shared.target.registry;
        registry
            .resource_type(name)
            .ok_or_else(|| Error::Unsupported(format_smolstr!("the resource type `{name}`")))
    }

    /// Returns what a server wrote as it may be shown: without the token, should the server repeat it, and not more of
    /// it than people read.
    pub(crate) fn redacted(&self, text: &str) -> SmolStr {
        let mut shown = Cow::Borrowed(text);
        // A shorter text is no secret, and would be found everywhere.
        for secret in self.shared.secrets().iter().filter(|secret| secret.len() >= 4) {
            if shown.contains(secret.as_str()) {
                shown = Cow::Owned(shown.replace(secret.as_str(), "…"));
            }
        }
        shown.chars().take(MAX_SHOWN).collect()
    }

    /// Returns the address of an endpoint, with a query if there is one.
    pub(crate) fn url(&self, endpoint: &str, query: &str) -> String {
        let base = self.shared.base.as_str();
        if query.is_empty() {
            format!("{base}{endpoint}")
        } else {
            format!("{base}{endpoint}?{query}")
        }
    }

    /// Returns the address of a resource.
    ///
    /// # Errors
    /// [`Error::Request`] for an id that would lead elsewhere: the path segments `.` and `..` are taken for steps by
    /// everything on the way, escaped or not.
    pub(crate) fn resource_address(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<String, Error> {
        if ["", ".", ".."].contains(&id.as_str()) {
            return Err(Error::Request(format_smolstr!(
                "`{id}` can't be the id of a resource"
            )));
        }
        Ok(resource_type
            .address(self.shared.base.as_str(), id.as_str())
            .into())
    }

    /// Returns the address of a resource with the attributes that the caller asks for.
    pub(crate) fn resource_url(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<String, Error> {
        let mut url = self.resource_address(resource_type, id)?;
        let query = self.projection_query();
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query);
        }
        Ok(url)
    }

    pub(crate) fn projection_query(&self) -> String {
        let mut request = SearchRequest::new();
        request.projection = self.options.projection.clone();
        request.to_query()
    }

    /// Makes a request of an operation.
    pub(crate) fn ask(&self, method: Method, url: String, body: Option<Vec<u8>>) -> Ask {
        Ask {
            method,
            url,
            body: body.map(Bytes::from),
            if_match: self.options.if_match.clone(),
        }
    }

    /// Sends a request until it succeeds, is refused for good, or nothing more may be tried.
    pub(crate) async fn send(
        &self,
        ask: &Ask,
        repeat: Repeat,
        attempts: &mut Attempts,
    ) -> Result<Answer, Failure> {
        loop {
            let failure = match self.attempt(ask, attempts).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let may_repeat = failure.passing && (repeat == Repeat::Always || !failure.uncertain);
            if !may_repeat {
                return Err(failure);
            }
            self.pause(failure, attempts).await?;
        }
    }

    /// Sends a request that changes nothing, and reads its answer; one that was cut off is asked for again.
    pub(crate) async fn fetch<T>(
        &self,
        ask: &Ask,
        read: impl Fn(&Answer, &mut Deviations) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut attempts = Attempts::default();
        loop {
            let answer = self
                .send(ask, Repeat::Always, &mut attempts)
                .await
                .map_err(|failure| failure.error)?;
            match self.read(&answer, &read) {
                Err(error @ Error::Decode(_)) => {
                    let failure = Failure {
                        error,
                        uncertain: false,
                        passing: true,
                        wait: None,
                    };
                    self.pause(failure, &attempts)
                        .await
                        .map_err(|failure| failure.error)?;
                }
                read => return read,
            }
        }
    }

    /// Reads an answer of success and reports what departs from the RFC in it.
    pub(crate) fn read<T>(
        &self,
        answer: &Answer,
        read: impl Fn(&Answer, &mut Deviations) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut deviations = Deviations::new();
        let value = answer
            .check(self, &mut deviations)
            .and_then(|()| read(answer, &mut deviations));
        self.report(deviations)?;
        value.map_err(|error| match error {
            Error::Decode(what) => Error::Decode(self.redacted(&what)),
            other => other,
        })
    }

    /// Reports deviations; for a strict client the first one is an error.
    pub(crate) fn report(&self, deviations: Deviations) -> Result<(), Error> {
        for deviation in deviations {
            self.deviates(deviation)?;
        }
        Ok(())
    }

    pub(crate) fn deviates(&self, mut deviation: Deviation) -> Result<(), Error> {
        deviation.path = self.redacted(&deviation.path);
        deviation.rule = self.redacted(&deviation.rule);
        if let Some(report) = &self.shared.on_deviation {
            report(&deviation);
        }
        if self.shared.strict {
            return Err(Error::Deviation(deviation));
        }
        Ok(())
    }

    /// Waits before the next attempt, or returns the failure where there is none.
    pub(crate) async fn pause(&self, failure: Failure, attempts: &Attempts) -> Result<(), Failure> {
        let retry = &self.shared.retry;
        let wait = failure
            .wait
            .unwrap_or_else(|| retry.backoff(attempts.made, &*self.shared.random));
        let may_wait = failure.wait.is_none_or(|wait| wait <= retry.longest);
        if attempts.made >= retry.attempts || !may_wait || !self.shared.budget.take() {
            return Err(if attempts.made > 1 {
                Failure {
                    error: Error::GaveUp {
                        attempts: attempts.made,
                        last: Box::new(failure.error),
                    },
                    ..failure
                }
            } else {
                failure
            });
        }
        self.port.wait(wait).await;
        Ok(())
    }

    /// Sends a request once, following redirects on the same server.
    async fn attempt(&self, ask: &Ask, attempts: &mut Attempts) -> Result<Answer, Failure> {
        attempts.made = attempts.made.saturating_add(1);
        let result = self.once(ask).await;
        match &result {
            Ok(answer) => {
                tracing::debug!(method = %ask.method, status = answer.status.as_u16(), attempt = attempts.made, "answered");
                self.shared.budget.give();
            }
            Err(failure) => {
                tracing::debug!(
                    method = %ask.method, status = failure.error.status(), attempt = attempts.made, "not answered"
                );
                attempts.uncertain |= failure.uncertain;
            }
        }
        result
    }

    async fn once(&self, ask: &Ask) -> Result<Answer, Failure> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let request = self.request(ask, &url).map_err(Failure::certain)?;
            let from = request.http.uri().clone();
            let answer = match self.port.send(request).await {
                Ok(response) => Answer::new(response),
                Err(error) => {
                    let kind = error.kind();
                    return Err(Failure {
                        error: error.into(),
                        uncertain: kind != Kind::NotSent,
                        passing: kind != Kind::TooLarge,
                        wait: None,
                    });
                }
            };
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return self.judge(answer);
            }
            url = self.redirect(ask, &from, &answer).map_err(Failure::certain)?;
        }
        Err(Failure::certain(Error::Redirect {
            status: 310,
            location: shown(&url),
        }))
    }

    /// Returns where an answer sends the request.
    fn redirect(&self, ask: &Ask, from: &Uri, answer: &Answer) -> Result<String, Error> {
        let location = answer.header(header::LOCATION).unwrap_or_default();
        // 307 and 308 keep the method (RFC 9110 section 15.4); the others make a GET of it.
        let keeps_method = matches!(answer.status.as_u16(), 307 | 308) || ask.method == Method::GET;
        let followed = self.shared.base.follow(from, location).filter(|_| keeps_method);
        followed
            .map(|uri| uri.to_string())
            .ok_or_else(|| Error::Redirect {
                status: answer.status.as_u16(),
                location: self.redacted(&shown(location)),
            })
    }

    /// Says what an answer means for the request.
    fn judge(&self, answer: Answer) -> Result<Answer, Failure> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let mut deviations = Deviations::new();
        let error = answer.refusal(self, &mut deviations);
        let wait = answer.retry_after(self);
        let status = answer.status.as_u16();
        // A refusal counts even where its form departs from the RFC.
        for deviation in deviations {
            self.deviates(deviation).ok();
        }
        Err(Failure {
            error,
            uncertain: match status {
                503 => wait.is_none(),
                500..=599 => status != 501,
                _ => false,
            },
            passing: matches!(status, 429 | 502..=504),
            wait: wait.filter(|_| matches!(status, 429 | 503)),
        })
    }

    fn request(&self, ask: &Ask, url: &str) -> Result<Request, Error> {
        let unfit = |what: &str| Error::Request(format_smolstr!("{what} can't be sent"));
        let uri: Uri = url.parse().map_err(|_| unfit("the address"))?;
        let mut http = http::Request::new(ask.body.clone().unwrap_or_default());
        *http.method_mut() = ask.method.clone();
        *http.uri_mut() = uri;
        let headers = http.headers_mut();
        headers.extend(
            self.shared
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        if let Some(authorization) = self.shared.authorization()? {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        if ask.body.is_some() {
            let media_type = self.capabilities().media_type.value.as_str();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        if let Some(version) = &ask.if_match {
            let version = HeaderValue::from_str(version).map_err(|_| unfit("the version"))?;
            headers.insert(header::IF_MATCH, version);
        }
        let timeout = self.options.timeout.unwrap_or(self.shared.timeout);
        Ok(Request::new(http, timeout, self.shared.max_body))
    }
}

impl Failure {
    /// A failure of which it is known that the server did nothing.
    fn certain(error: Error) -> Self {
        Self {
            error,
            uncertain: false,
            passing: false,
            wait: None,
        }
    }
}

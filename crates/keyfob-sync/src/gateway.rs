//! The way to the target, on which requests are noted, and in a plan writes are answered without being sent.

use std::{
    cell::RefCell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use keyfob_client::{
    BlockingTransport, Call, Client, Error, Found, Patched, Request, Stored, TransportError, drive_blocking,
};
use keyfob_core::{Clock, Resource, ResourceId, json, message::PatchRequest};

use crate::{event::Sent, rule::Kind};

/// The number of answers after which one request more may be under way.
const ANSWERS: usize = 100;

/// The target, as a part of a cycle sees it that sends one request after the other. Its requests are noted together.
pub(crate) struct Gateway<'g, X> {
    line: &'g Line<'g, X>,
    sent: RefCell<Vec<Sent>>,
}

/// The line to the target that all requests of a cycle share.
pub(crate) struct Line<'l, X> {
    client: &'l Client<X>,
    clock: &'l dyn Clock,
    /// If true, requests that would change something are not sent.
    is_dry: bool,
    count: AtomicU64,
    /// The number of resources that a plan made up.
    made_up: AtomicU64,
    flow: Mutex<Flow>,
}

/// The number of requests that may be under way: half as many where the target says that there are too many (429), and one more
/// with every hundred answers, up to what the job allows.
struct Flow {
    most: usize,
    limit: usize,
    /// The number of answers to requests that were under way when the limit was halved: they say nothing of the new one.
    stale: usize,
    /// The number of answers since the limit changed.
    answers: usize,
}

impl Flow {
    fn new(most: usize) -> Self {
        Self {
            most,
            limit: most,
            stale: 0,
            answers: 0,
        }
    }

    fn note(&mut self, status: u16) {
        if self.stale > 0 {
            self.stale -= 1;
        } else if status == 429 {
            self.stale = self.limit.saturating_sub(1);
            self.limit = (self.limit / 2).max(1);
            self.answers = 0;
        } else {
            self.answers = self.answers.saturating_add(1);
            if self.answers >= ANSWERS && self.limit < self.most {
                self.limit += 1;
                self.answers = 0;
            }
        }
    }
}

impl<X: BlockingTransport> BlockingTransport for Gateway<'_, X> {
    fn send_blocking(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let line = self.line;
        let uri = request.http.uri();
        let mut sent = Sent {
            method: request.http.method().to_string(),
            path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            body: request.http.body().clone(),
            status: None,
            millis: 0,
        };
        let start = line.clock.now();
        line.count.fetch_add(1, Ordering::Relaxed);
        let answer = if line.is_dry && request.http.method() != Method::GET {
            line.made_up(&request.http)
        } else {
            let answer = line.client.transport().send_blocking(request);
            let took = line.clock.now().unix_millis().saturating_sub(start.unix_millis());
            // A clock that was put back in between tells nothing.
            sent.millis = u64::try_from(took).unwrap_or_default();
            sent.status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            if let Some(status) = sent.status {
                line.flow().note(status);
            }
            answer
        };
        self.sent.borrow_mut().push(sent);
        answer
    }

    fn wait_blocking(&self, duration: Duration) {
        self.line.client.transport().wait_blocking(duration);
    }
}

impl<'l, X> Line<'l, X> {
    /// Creates the line of a cycle on which at most so many requests are under way.
    pub(crate) fn new(client: &'l Client<X>, clock: &'l dyn Clock, is_dry: bool, most: usize) -> Self {
        Self {
            client,
            clock,
            is_dry,
            count: AtomicU64::default(),
            made_up: AtomicU64::default(),
            flow: Mutex::new(Flow::new(most)),
        }
    }

    /// Returns true if requests that would change something are not sent.
    pub(crate) fn is_dry(&self) -> bool {
        self.is_dry
    }

    /// Returns the number of all requests.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that may be under way at present.
    pub(crate) fn limit(&self) -> usize {
        self.flow().limit
    }

    fn flow(&self) -> std::sync::MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request as a target would that carries it out: a new resource gets an id that no target gives.
    fn made_up(&self, request: &http::Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.method() != Method::POST {
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            return Ok(answer);
        }
        let mut body = json::object_from_slice(request.body()).map_err(TransportError::not_sent)?;
        let number = self.made_up.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        body.insert("id", smol_str::format_smolstr!("new-{number}"));
        Response::builder()
            .status(StatusCode::CREATED)
            .header(http::header::CONTENT_TYPE, "application/scim+json")
            .body(Bytes::from(json::object_to_vec(&body)))
            .map_err(TransportError::not_sent)
    }
}

impl<'g, X: BlockingTransport> Gateway<'g, X> {
    pub(crate) fn new(line: &'g Line<'g, X>) -> Self {
        Self {
            line,
            sent: RefCell::default(),
        }
    }

    /// Returns the requests since the last time that it was called.
    pub(crate) fn take_sent(&self) -> Vec<Sent> {
        self.sent.take()
    }

    fn drive<T: 'static>(&self, call: Call<'_, X, T>) -> Result<T, Error> {
        drive_blocking(self, call.into_exchange())
    }

    pub(crate) fn find(&self, kind: Kind, filter: &str) -> Result<Found, Error> {
        let call = self.line.client.resources(kind.as_str()).find(filter);
        self.drive(Self::without_members(kind, call))
    }

    pub(crate) fn get(&self, kind: Kind, id: &ResourceId) -> Result<Stored, Error> {
        let call = self.line.client.resources(kind.as_str()).get(id);
        self.drive(Self::without_members(kind, call))
    }

    /// Members are compared by the state: a large group is not read for its name.
    fn without_members<T: 'static>(kind: Kind, call: Call<'_, X, T>) -> Call<'_, X, T> {
        match kind {
            Kind::User => call,
            Kind::Group => call.excluding(["members"]),
        }
    }

    pub(crate) fn create(&self, kind: Kind, resource: &Resource) -> Result<Stored, Error> {
        self.drive(self.line.client.resources(kind.as_str()).create(resource))
    }

    /// Returns false if the last creation succeeded with another status than 201 (RFC 7644 section 3.3), as where the target
    /// answers with a resource that it had.
    pub(crate) fn says_created(&self) -> bool {
        let sent = self.sent.borrow();
        let creation = sent.iter().rfind(|sent| sent.method == Method::POST.as_str());
        let status = creation.and_then(|sent| sent.status);
        !status.is_some_and(|status| status != 201 && (200..300).contains(&status))
    }

    pub(crate) fn patch(&self, kind: Kind, id: &ResourceId, request: PatchRequest) -> Result<Patched, Error> {
        self.drive(self.line.client.resources(kind.as_str()).patch(id, request))
    }

    pub(crate) fn delete(&self, kind: Kind, id: &ResourceId) -> Result<(), Error> {
        self.drive(self.line.client.resources(kind.as_str()).delete(id))
    }

    /// Asks again for a resource that a write did not find: servers without a method, and proxies, answer 404 too.
    pub(crate) fn is_confirmed_gone(&self, kind: Kind, id: &ResourceId) -> bool {
        self.get(kind, id).is_err_and(|error| error.is_gone())
    }

    pub(crate) fn members(
        &self,
        group: &ResourceId,
        add: Vec<ResourceId>,
        remove: Vec<ResourceId>,
    ) -> Result<(), Error> {
        let groups = self.line.client.resources(Kind::Group.as_str());
        let change = groups.members(group).add(add).remove(remove);
        drive_blocking(self, change.into_exchange()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_has_too_many_requests_gets_half_as_many_and_slowly_more() {
        let mut flow = Flow::new(8);
        // All that are under way are refused at once, which counts once.
        (0..8).for_each(|_| flow.note(429));
        assert_eq!(flow.limit, 4);
        (0..4).for_each(|_| flow.note(429));
        assert_eq!(flow.limit, 2);
        (0..20).for_each(|_| flow.note(429));
        assert_eq!(flow.limit, 1);
        (0..ANSWERS * 3).for_each(|_| flow.note(200));
        assert_eq!(flow.limit, 4);
        (0..ANSWERS * 30).for_each(|_| flow.note(201));
        assert_eq!(flow.limit, 8);
    }
}

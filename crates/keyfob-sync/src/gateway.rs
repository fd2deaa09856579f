//! The way to the target, on which requests are noted, and in a plan writes are answered without being sent.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use keyfob_client::{
    BlockingTransport, Call, Client, Error, Found, Patched, Request, Stored, TransportError, drive_blocking,
};
use keyfob_core::{Clock, Resource, ResourceId, json, message::PatchRequest};

use crate::{event::Sent, rule::Kind};

/// The target, as a cycle sees it.
pub(crate) struct Gateway<'g, X> {
    client: &'g Client<X>,
    tap: Tap<'g, X>,
}

struct Tap<'g, X> {
    transport: &'g X,
    clock: &'g dyn Clock,
    /// If true, requests that would change something are not sent.
    is_dry: bool,
    sent: RefCell<Vec<Sent>>,
    count: Cell<u64>,
    /// The number of resources that a plan made up.
    made_up: Cell<u64>,
}

impl<X: BlockingTransport> BlockingTransport for Tap<'_, X> {
    fn send_blocking(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let uri = request.http.uri();
        let mut sent = Sent {
            method: request.http.method().to_string(),
            path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            body: request.http.body().clone(),
            status: None,
            millis: 0,
        };
        let start = self.clock.now();
        self.count.set(self.count.get().saturating_add(1));
        let answer = if self.is_dry && request.http.method() != Method::GET {
            self.made_up(&request.http)
        } else {
            let answer = self.transport.send_blocking(request);
            let took = self.clock.now().unix_millis().saturating_sub(start.unix_millis());
            // A clock that was put back in between tells nothing.
            sent.millis = u64::try_from(took).unwrap_or_default();
            sent.status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            answer
        };
        self.sent.borrow_mut().push(sent);
        answer
    }

    fn wait_blocking(&self, duration: Duration) {
        self.transport.wait_blocking(duration);
    }
}

impl<X> Tap<'_, X> {
    /// Answers a request as a target would that carries it out: a new resource gets an id that no target gives.
    fn made_up(&self, request: &http::Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.method() != Method::POST {
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            return Ok(answer);
        }
        let mut body = json::object_from_slice(request.body()).map_err(TransportError::not_sent)?;
        self.made_up.set(self.made_up.get().saturating_add(1));
        body.insert("id", smol_str::format_smolstr!("new-{}", self.made_up.get()));
        Response::builder()
            .status(StatusCode::CREATED)
            .header(http::header::CONTENT_TYPE, "application/scim+json")
            .body(Bytes::from(json::object_to_vec(&body)))
            .map_err(TransportError::not_sent)
    }
}

impl<'g, X: BlockingTransport> Gateway<'g, X> {
    pub(crate) fn new(client: &'g Client<X>, clock: &'g dyn Clock, is_dry: bool) -> Self {
        Self {
            client,
            tap: Tap {
                transport: client.transport(),
                clock,
                is_dry,
                sent: RefCell::default(),
                count: Cell::default(),
                made_up: Cell::default(),
            },
        }
    }

    /// Returns the requests since the last time that it was called.
    pub(crate) fn take_sent(&self) -> Vec<Sent> {
        self.tap.sent.take()
    }

    /// Returns the number of all requests.
    pub(crate) fn count(&self) -> u64 {
        self.tap.count.get()
    }

    fn drive<T: 'static>(&self, call: Call<'_, X, T>) -> Result<T, Error> {
        drive_blocking(&self.tap, call.into_exchange())
    }

    pub(crate) fn find(&self, kind: Kind, filter: &str) -> Result<Found, Error> {
        let call = self.client.resources(kind.as_str()).find(filter);
        self.drive(Self::without_members(kind, call))
    }

    pub(crate) fn get(&self, kind: Kind, id: &ResourceId) -> Result<Stored, Error> {
        let call = self.client.resources(kind.as_str()).get(id);
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
        self.drive(self.client.resources(kind.as_str()).create(resource))
    }

    /// Returns false if the last creation succeeded with another status than 201 (RFC 7644 section 3.3), as where the target
    /// answers with a resource that it had.
    pub(crate) fn says_created(&self) -> bool {
        let sent = self.tap.sent.borrow();
        let creation = sent.iter().rfind(|sent| sent.method == Method::POST.as_str());
        let status = creation.and_then(|sent| sent.status);
        !status.is_some_and(|status| status != 201 && (200..300).contains(&status))
    }

    pub(crate) fn patch(&self, kind: Kind, id: &ResourceId, request: PatchRequest) -> Result<Patched, Error> {
        self.drive(self.client.resources(kind.as_str()).patch(id, request))
    }

    pub(crate) fn delete(&self, kind: Kind, id: &ResourceId) -> Result<(), Error> {
        self.drive(self.client.resources(kind.as_str()).delete(id))
    }

    pub(crate) fn members(
        &self,
        group: &ResourceId,
        add: Vec<ResourceId>,
        remove: Vec<ResourceId>,
    ) -> Result<(), Error> {
        let groups = self.client.resources(Kind::Group.as_str());
        let change = groups.members(group).add(add).remove(remove);
        drive_blocking(&self.tap, change.into_exchange()).map(drop)
    }
}

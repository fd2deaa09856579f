//! Sends the requests of a step and reads the answers as the provider does.

use std::{
    future::{Future, poll_fn},
    io::Read,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderName, HeaderValue, Method, Response, header};
use keyfob_client::{Request, Transport, TransportError};
use keyfob_core::{
    Collation, CompareKey, Object, SmolStr, Value,
    json::{object_from_slice, value_to_vec},
};

use super::{Runner, Work};
use crate::simulate::{
    compare::start,
    report::{Answered, Exchanged, Finding, Sender, Verdict},
    scenario::{Kind, ObjectState, On, Send, Shape, Step},
    template::{Names, Text},
    world::{Scope, lookup},
};

/// The largest body of an answer that is read, in bytes.
const MAX_BODY: usize = 32 << 20;
/// How much of an answer that is no JSON a message shows, in characters.
const SHOWN: usize = 120;

/// The failure of a request.
pub(super) struct Failed {
    pub(super) request: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) says: String,
    on: On,
    /// If true, no rule of the provider is about it: it does not notice.
    pub(super) is_damage: bool,
}

impl Failed {
    /// The failure when a template names what is not known, so that nothing can be sent.
    pub(super) fn unknown(name: &str) -> Self {
        Self {
            request: None,
            status: None,
            says: format!("nothing is known as `{name}`, so that the request can't be sent"),
            on: On::Unexpected,
            is_damage: false,
        }
    }

    /// The failure of a cycle; `is_damage` if nobody notices it.
    pub(super) fn of_cycle(says: String, status: Option<u16>, is_damage: bool) -> Self {
        Self {
            request: None,
            status,
            says,
            on: status.map_or(On::Unexpected, |status| On::Status(status, status)),
            is_damage,
        }
    }

    /// Returns true if a rule is about this failure.
    pub(super) fn is(&self, rule: On) -> bool {
        match (rule, self.on) {
            (On::Any, _) => true,
            (On::Status(from, to), On::Status(status, _)) => (from..=to).contains(&status),
            (rule, on) => rule == on,
        }
    }
}

/// A request that is ready.
pub(super) struct Ready {
    http: http::Request<Bytes>,
    headers: Vec<(SmolStr, String)>,
}

type Answer = Result<Response<Bytes>, TransportError>;

impl<X: Transport> Runner<'_, X> {
    /// Sends the requests of a step, for all of these units side by side.
    pub(super) async fn attempt(&mut self, step: &Step, works: &mut [Work]) {
        for send in &step.send {
            if !send.is_of(self.simulation.variant.as_deref()) {
                continue;
            }
            let mut ready = Vec::new();
            for (index, work) in works.iter_mut().enumerate() {
                if work.failed.is_some() || !self.applies(send, work) {
                    continue;
                }
                match self.ready(send, work) {
                    Ok(request) => ready.push((index, request)),
                    Err(name) => work.failed = Some(Failed::unknown(&name)),
                }
            }
            let (indices, requests): (Vec<usize>, Vec<Ready>) = ready.into_iter().unzip();
            let answers = self.exchange(requests, Sender::Provider).await;
            for (index, (shown, answer)) in indices.into_iter().zip(answers) {
                if let Some(work) = works.get_mut(index) {
                    self.read(send, work, shown, answer);
                }
            }
        }
    }

    fn applies(&mut self, send: &Send, work: &Work) -> bool {
        let mut scope = self.scope(work);
        let is_known = |name: &SmolStr, scope: &mut Scope<'_>| scope.value(name).is_some();
        send.given.as_ref().is_none_or(|name| is_known(name, &mut scope))
            && !send
                .unless
                .as_ref()
                .is_some_and(|name| is_known(name, &mut scope))
    }

    fn scope<'w>(&'w mut self, work: &'w Work) -> Scope<'w> {
        Scope {
            world: &mut self.world,
            unit: work.unit,
            saved: &work.saved,
            member: None,
        }
    }

    /// Fills in the templates of a request.
    fn ready(&mut self, send: &Send, work: &Work) -> Result<Ready, SmolStr> {
        let simulation = self.simulation;
        let http = &simulation.scenario.http;
        let mut url = self.client.base_url().to_owned();
        let mut scope = self.scope(work);
        url.push_str(&send.path.fill(&mut scope, |text| encoded(text, "", "%20"))?);
        let variant = simulation.variant.as_deref();
        let mut address = http.address.iter();
        let address = address.find(|(of, _)| Some(of.as_str()) == variant);
        let mut separator = '?';
        if let Some((_, query)) = address {
            url.push('?');
            url.push_str(query);
            separator = '&';
        }
        if let Some(query) = &send.query {
            if query.is_empty() && address.is_none() {
                url.push('?');
            }
            for (name, value) in query {
                url.push(separator);
                separator = '&';
                // A value stands within quotes of a filter (RFC 7644 section 3.4.2.2).
                let value = value.fill(&mut scope, quoted)?;
                url.push_str(&encoded(name, &http.plain, &http.space));
                // A parameter without a value, such as a flag, has no `=`.
                if !value.is_empty() {
                    url.push('=');
                    url.push_str(&encoded(&value, &http.plain, &http.space));
                }
            }
        }
        let body = match &send.body {
            Some(tree) => value_to_vec(&tree.fill(&mut scope)?.unwrap_or_else(|| Object::new().into())),
            None => Vec::new(),
        };
        let mut templates: Vec<&(SmolStr, Text)> = http.headers.iter().collect();
        if send.body.is_some() {
            templates.extend(&http.body_headers);
        }
        templates.retain(|(name, _)| {
            let mut over = send.headers.iter();
            !over.any(|(over, _)| crate::simulate::scenario::same_header(over, name))
        });
        templates.extend(&send.headers);
        let mut headers = Vec::new();
        for (name, template) in templates {
            match template.fill(&mut scope, str::to_owned) {
                Ok(value) => headers.push((name.clone(), value)),
                // Without a token there is no header with one.
                Err(missing) if missing == "token" => {}
                Err(missing) => return Err(missing),
            }
        }
        self.request(&send.method, &url, headers, body)
    }

    pub(super) fn request(
        &self,
        method: &Method,
        url: &str,
        headers: Vec<(SmolStr, String)>,
        body: Vec<u8>,
    ) -> Result<Ready, SmolStr> {
        let mut request = http::Request::builder().method(method).uri(url);
        let mut noted = Vec::new();
        for (name, value) in headers {
            let header = HeaderName::try_from(name.as_str()).map_err(|_| name.clone())?;
            let mut sent = HeaderValue::try_from(&value).map_err(|_| name.clone())?;
            let secret = self
                .simulation
                .token
                .as_ref()
                .filter(|token| value.contains(token.as_str()));
            sent.set_sensitive(secret.is_some());
            let shown = secret.map_or_else(
                || value.clone(),
                |token| value.replace(token.as_str(), "[redacted]"),
            );
            noted.push((name, shown));
            request = request.header(header, sent);
        }
        let http = request
            .body(Bytes::from(body))
            .map_err(|error| SmolStr::from(error.to_string()))?;
        Ok(Ready { http, headers: noted })
    }

    /// Makes a request of the run itself: to read back, or to clean up.
    pub(super) fn own_request(&mut self, method: &Method, path: &str) -> Result<Ready, SmolStr> {
        let url = format!("{}{path}", self.client.base_url());
        let mut headers: Vec<(SmolStr, String)> = Vec::new();
        if let Some(token) = &self.simulation.token {
            headers.push((header::AUTHORIZATION.as_str().into(), format!("Bearer {token}")));
        }
        headers.push((header::ACCEPT.as_str().into(), "application/scim+json".into()));
        self.request(method, &url, headers, Vec::new())
    }

    /// Sends requests side by side, and notes them with their answers.
    pub(super) async fn exchange(&mut self, requests: Vec<Ready>, sender: Sender) -> Vec<(String, Answer)> {
        let (clock, transport) = (&self.simulation.clock, self.client.transport());
        let timeout = self.simulation.timeout;
        let mut noted = Vec::new();
        let mut pending = Vec::new();
        for Ready { http, headers } in requests {
            let started = clock.now();
            noted.push((
                format!("{} {}", http.method(), http.uri().path()),
                Exchanged {
                    step: self.place.clone(),
                    sender,
                    started,
                    took: Duration::ZERO,
                    method: http.method().as_str().into(),
                    url: http.uri().to_string(),
                    headers,
                    body: http.body().clone(),
                    answer: Err(String::new()),
                },
            ));
            pending.push(async move {
                let answer = transport.send(Request::new(http, timeout, MAX_BODY)).await;
                let answer = answer.and_then(decoded);
                let took = clock.now().unix_millis().saturating_sub(started.unix_millis());
                (
                    answer,
                    Duration::from_millis(u64::try_from(took).unwrap_or_default()),
                )
            });
        }
        let answers = all(pending).await;
        let mut exchanged = Vec::new();
        for ((shown, mut note), (answer, took)) in noted.into_iter().zip(answers) {
            note.took = took;
            note.answer = match &answer {
                Ok(answer) => Ok(Answered {
                    status: answer.status().as_u16(),
                    headers: answer
                        .headers()
                        .iter()
                        .map(|(name, value)| {
                            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                            (name.as_str().into(), value)
                        })
                        .collect(),
                    body: answer.body().clone(),
                }),
                Err(error) => Err(error.to_string()),
            };
            self.transcript.push(note);
            exchanged.push((shown, answer));
        }
        exchanged
    }

    /// Reads an answer as the provider does.
    fn read(&mut self, send: &Send, work: &mut Work, shown: String, answer: Answer) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if send.method == Method::POST {
                    self.doubt(work);
                }
                work.failed = Some(Failed {
                    request: Some(shown),
                    status: None,
                    says: error.to_string(),
                    on: On::NoAnswer,
                    is_damage: false,
                });
                return;
            }
        };
        let status = answer.status().as_u16();
        if let Err((on, says, is_damage)) = self.read_status(send, work, &shown, &answer) {
            work.failed = Some(Failed {
                request: Some(shown),
                status: Some(status),
                says,
                on,
                is_damage,
            });
        }
    }

    /// Reads the status of an answer, and its body where the provider does.
    fn read_status(
        &mut self,
        send: &Send,
        work: &mut Work,
        shown: &str,
        answer: &Response<Bytes>,
    ) -> Result<(), (On, String, bool)> {
        let status = answer.status().as_u16();
        let expected = || {
            let expected: Vec<String> = send.expect.iter().map(u16::to_string).collect();
            format!("expected {}", expected.join(" or "))
        };
        let is_expected = send.expect.contains(&status);
        if !is_expected && !send.tolerates.contains(&status) {
            if send.method == Method::POST && status >= 500 {
                self.doubt(work);
            }
            let is_json = answer.body().is_empty() || object_from_slice(answer.body()).is_ok();
            let on = if is_json {
                On::Status(status, status)
            } else {
                On::NotJson
            };
            let says = format!("{}; the answer says {}", expected(), said(answer.body()));
            return Err((on, says, false));
        }
        if !is_expected {
            work.tolerate(shown, status, expected());
        }
        let is_read = send.answer != Shape::Any || !send.save.is_empty() || !send.finds.is_empty();
        match status {
            204 if send.answer == Shape::Resource && !send.save.is_empty() => {
                Err((On::Unexpected, "there is no resource in the answer".into(), false))
            }
            // An answer with a status of a failure that is expected has nothing to take.
            204 | 300.. => Ok(()),
            _ if is_read => {
                let object = read_body(work, shown, answer).map_err(|says| (On::NotJson, says, false))?;
                let taken = self.take(send, work, object);
                taken.map_err(|(says, is_damage)| (On::Unexpected, says, is_damage))
            }
            _ => Ok(()),
        }
    }

    /// Takes from an answer what the provider needs. An error says what is wrong, and whether nobody notices.
    fn take(&mut self, send: &Send, work: &mut Work, object: Object) -> Result<(), (String, bool)> {
        let resources = match object.get("Resources") {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(resources)) => resources,
            Some(_) => return Err(("`Resources` is no array".into(), false)),
        };
        if send.answer == Shape::List {
            let has_count = object.get("totalResults").and_then(Value::as_integer).is_some();
            if !has_count && object.get("Resources").is_none() {
                return Err((
                    "the answer is no list: it has neither `totalResults` nor `Resources`".into(),
                    false,
                ));
            }
            if resources.len() < send.least {
                return Err((
                    format!(
                        "{} resources are found where at least {} should be",
                        resources.len(),
                        send.least
                    ),
                    false,
                ));
            }
            if let Some(most) = send.most
                && resources.len() > most
            {
                let says = if most == 0 {
                    "somebody is found where nobody is".to_owned()
                } else {
                    format!("{} resources match where {most} may", resources.len())
                };
                return Err((says, false));
            }
            if !send.finds.is_empty() {
                self.check_found(work, resources)?;
            }
        }
        if send.answer == Shape::Resource && object.get_str("id").is_none_or(str::is_empty) {
            return Err(("the resource in the answer has no `id`".into(), false));
        }
        let value = Value::Object(object);
        for (required, (name, path)) in send
            .save
            .iter()
            .map(|save| (true, save))
            .chain(send.finds.iter().map(|find| (false, find)))
        {
            match lookup(&value, path) {
                Some(found) => self.save(send, work, name, found.clone())?,
                None if required => return Err((format!("the answer has no `{path}`"), false)),
                None => {}
            }
        }
        Ok(())
    }

    /// Refuses what a look-up finds that is somebody else's: the provider would take it for its own, and change it.
    fn check_found(&self, work: &Work, resources: &[Value]) -> Result<(), (String, bool)> {
        let (kind, index) = match (work.unit.group, work.unit.user) {
            (Some(group), None) => (Kind::Group, group),
            (None, Some(user)) => (Kind::User, user),
            _ => return Ok(()),
        };
        let (Some(item), Some(found)) = (self.world.item(kind, index), resources.first()) else {
            return Ok(());
        };
        let found = found.as_object();
        let name = found
            .and_then(|found| found.get_str(kind.name_attribute()))
            .unwrap_or_default();
        let id = found.and_then(|found| found.get_str("id")).unwrap_or_default();
        let is_ours = item.id.as_deref() == Some(id)
            || (!name.is_empty()
                && CompareKey::new(Collation::Caseless, name)
                    == CompareKey::new(Collation::Caseless, item.name()));
        if is_ours {
            return Ok(());
        }
        Err((
            format!(
                "the look-up finds another resource, `{name}` with the id `{id}`, which the provider takes for this one"
            ),
            true,
        ))
    }

    fn save(&mut self, send: &Send, work: &mut Work, name: &str, value: Value) -> Result<(), (String, bool)> {
        let (kind, index) = match name {
            "user.id" => (Kind::User, work.unit.user),
            "group.id" => (Kind::Group, work.unit.group),
            _ => {
                work.saved.insert(name, value);
                return Ok(());
            }
        };
        let id = match value.as_str() {
            Some(id) if !id.is_empty() => SmolStr::new(id),
            _ => {
                return Err((
                    "an `id` is a text that is not empty (RFC 7643 section 3.1)".into(),
                    false,
                ));
            }
        };
        let Some(item) = index.and_then(|index| self.world.item_mut(kind, index)) else {
            return Ok(());
        };
        item.id = Some(id.clone());
        item.is_doubtful = false;
        if send.method == Method::POST && !self.created.contains(&(kind, id.clone())) {
            self.created.push((kind, id));
        }
        Ok(())
    }

    /// Notes that a creation may have been carried out, so that the clean-up looks for it.
    fn doubt(&mut self, work: &Work) {
        for (kind, index) in [(Kind::User, work.unit.user), (Kind::Group, work.unit.group)] {
            if let Some(item) = index.and_then(|index| self.world.item_mut(kind, index))
                && item.state == ObjectState::Absent
            {
                item.is_doubtful = true;
            }
        }
    }
}

/// Decompresses the body of an answer, since providers ask for that.
fn decoded(answer: Response<Bytes>) -> Answer {
    let coding = answer
        .headers()
        .get(header::CONTENT_ENCODING)
        .map(HeaderValue::as_bytes);
    let body = answer.body().clone();
    let mut read = Vec::new();
    // One byte more than the limit tells a body of just that size from a larger one.
    let most = MAX_BODY as u64 + 1;
    match coding {
        None | Some(b"identity") => return Ok(answer),
        Some(b"gzip" | b"x-gzip") => MultiGzDecoder::new(&*body).take(most).read_to_end(&mut read),
        Some(b"deflate") => ZlibDecoder::new(&*body).take(most).read_to_end(&mut read),
        Some(_) => {
            return Err(TransportError::interrupted(
                "the coding of its content is unknown",
            ));
        }
    }
    .map_err(TransportError::interrupted)?;
    if read.len() > MAX_BODY {
        return Err(TransportError::too_large(MAX_BODY));
    }
    Ok(answer.map(|_| Bytes::from(read)))
}

/// Reads the body of an answer. A media type that is none of SCIM's is put up with (RFC 7644 section 3.1).
fn read_body(work: &mut Work, shown: &str, answer: &Response<Bytes>) -> Result<Object, String> {
    let media_type = answer.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let object = object_from_slice(answer.body()).map_err(|error| {
        let media_type = media_type.as_deref().unwrap_or("no media type");
        let start = start(&String::from_utf8_lossy(answer.body()), SHOWN);
        format!("the answer is no JSON object ({media_type}, {error}): {start}")
    })?;
    let status = answer.status().as_u16();
    match media_type {
        Some(name) if name.starts_with("application/scim+json") || name.starts_with("application/json") => {}
        Some(name) => work.tolerate(
            shown,
            status,
            format!("the media type is `{name}` and not `application/scim+json`"),
        ),
        None => work.tolerate(
            shown,
            status,
            "there is no media type; it should be `application/scim+json`".into(),
        ),
    }
    Ok(object)
}

impl Work {
    fn tolerate(&mut self, shown: &str, status: u16, says: String) {
        self.notes.push(Finding {
            request: Some(shown.to_owned()),
            status: Some(status),
            ..Finding::plain(Verdict::Tolerated, "", says)
        });
    }
}

/// Returns what the server says of a failure: `detail` of a SCIM error, or the beginning of whatever it is.
fn said(body: &[u8]) -> String {
    if body.is_empty() {
        return "nothing".into();
    }
    if let Ok(object) = object_from_slice(body) {
        let kind = object.get_str("scimType").unwrap_or_default();
        if let Some(detail) = object.get_str("detail") {
            return format!("`{}` {kind}", start(detail, SHOWN)).trim_end().to_owned();
        }
    }
    format!("`{}`", start(&String::from_utf8_lossy(body), SHOWN))
}

/// Escapes a value for a string of a filter, which is one of JSON (RFC 7644 section 3.4.2.2).
fn quoted(text: &str) -> String {
    let quoted = value_to_vec(&Value::from(text));
    let quoted = String::from_utf8_lossy(&quoted).into_owned();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// Percent-encodes a text, except for letters, digits, `-._~` and the characters in `plain`.
pub(super) fn encoded(text: &str, plain: &str, space: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' ' => encoded.push_str(space),
            _ if character.is_ascii_alphanumeric()
                || "-._~".contains(character)
                || plain.contains(character) =>
            {
                encoded.push(character);
            }
            _ => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    encoded.push_str(percent_encoding::percent_encode_byte(byte));
                }
            }
        }
    }
    encoded
}

/// A future and its output, once it is there.
type Pending<F> = (Pin<Box<F>>, Option<<F as Future>::Output>);

/// Waits for all of these.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let pending = futures.into_iter().map(|future| (Box::pin(future), None));
    let mut pending: Vec<Pending<F>> = pending.collect();
    poll_fn(|cx| {
        let mut is_done = true;
        for (future, output) in &mut pending {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    pending.into_iter().filter_map(|(_, output)| output).collect()
}

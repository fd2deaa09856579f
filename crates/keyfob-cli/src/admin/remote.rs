//! The administration of a server, over HTTP.

use std::{env, time::Duration};

use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use keyfob_admin::{Answer, Call, Page, Place, Problem, Returns};
use keyfob_client::{BlockingTransport as _, Request as Sent, Ureq};
use keyfob_core::{
    Object, Value,
    json::{object_from_slice, object_to_vec},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Failure;
use crate::Unusable;

/// The environment variable of the token. It is never an argument, which every user of the machine sees.
const TOKEN: &str = "KEYFOB_ADMIN_TOKEN";

/// The path of the administration, where the address has none.
const PATH: &str = "/admin/v1";

const TIMEOUT: Duration = Duration::from_secs(60);

/// The largest answer that is read.
const ANSWER: usize = 64 << 20;

/// A server that administers.
pub(super) struct Remote {
    base: String,
    token: HeaderValue,
    transport: Ureq,
}

impl Remote {
    pub(super) fn new(server: &str) -> Result<Self, Unusable> {
        let wrong = |why: &str| Unusable::new(format!("`{server}` {why}"));
        let uri: Uri = server
            .parse()
            .map_err(|_| wrong("is no URL such as `https://keyfob.example.com:8443`"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("is no URL such as `https://keyfob.example.com:8443`"));
        };
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(wrong(
                "holds more than an address: the token is read from KEYFOB_ADMIN_TOKEN",
            ));
        }
        let is_here = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
        if scheme != "https" && !(scheme == "http" && is_here) {
            return Err(wrong(
                "is not encrypted: a token is sent to other machines over https alone",
            ));
        }
        let path = uri.path().trim_end_matches('/');
        let path = if path.is_empty() { PATH } else { path };
        let token = env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Unusable::new(format!("{TOKEN} holds no token for `{server}`")))?;
        let mut token = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Unusable::new(format!("{TOKEN} is no token")))?;
        token.set_sensitive(true);
        Ok(Self {
            base: format!("{scheme}://{authority}{path}"),
            token,
            transport: Ureq::new(),
        })
    }

    pub(super) fn perform(&self, call: &Call) -> Result<Answer, Failure> {
        let request = self.request(call)?;
        let sent = Sent::new(request.map(Into::into), TIMEOUT, ANSWER);
        let answer = self.transport.send_blocking(sent);
        let answer = answer.map_err(Unusable::from)?;
        let status = answer.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(Answer::Done);
        }
        let foreign = || {
            let text = format!("{} answered {status} and no administration of keyfob", self.base);
            Failure::Unusable(Unusable::new(text))
        };
        let object = object_from_slice(answer.body()).map_err(|_| foreign())?;
        if !status.is_success() {
            return Err(Problem::from_object(&object).map_or_else(foreign, Failure::Refused));
        }
        let objects = |name: &str| -> Vec<Object> {
            let values = object.get(name).map(Value::as_elements).unwrap_or_default();
            values
                .iter()
                .filter_map(|value| value.as_object().cloned())
                .collect()
        };
        if object.get("dryRun").and_then(Value::as_bool) == Some(true) {
            return Ok(Answer::DryRun(objects("changes")));
        }
        Ok(match call.operation.returns {
            Returns::Page(_) => {
                let next = object.get_str("next").map(Into::into);
                Answer::Page(Page::new(objects("items"), next))
            }
            _ => Answer::One(object),
        })
    }

    fn request(&self, call: &Call) -> Result<Request<Vec<u8>>, Unusable> {
        let operation = call.operation;
        let mut path = String::new();
        for segment in operation.path.split('/').skip(1) {
            path.push('/');
            let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            match name.and_then(|name| call.input.get_str(name)) {
                Some(value) => path.extend(utf8_percent_encode(value, NON_ALPHANUMERIC)),
                None => path.push_str(segment),
            }
        }
        let (mut query, mut body) = (Vec::new(), Object::new());
        for parameter in operation.parameters {
            let Some(value) = call.input.get(parameter.name) else {
                continue;
            };
            match parameter.place {
                Place::Path => {}
                Place::Body => {
                    body.insert(parameter.name, value.clone());
                }
                Place::Query => {
                    let text = match value {
                        Value::Integer(number) => number.to_string(),
                        value => value.as_str().unwrap_or_default().to_owned(),
                    };
                    let value = utf8_percent_encode(&text, NON_ALPHANUMERIC);
                    query.push(format!("{}={value}", parameter.name));
                }
            }
        }
        let question = if query.is_empty() { "" } else { "?" };
        let address = format!("{}{path}{question}{}", self.base, query.join("&"));
        let method = Method::from_bytes(operation.method.as_str().as_bytes())?;
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            .header(header::AUTHORIZATION, self.token.clone());
        if let Some(digest) = &call.confirmation {
            request = request.header("Keyfob-Confirmation", digest.as_str());
        }
        if call.dry_run {
            request = request.header("Keyfob-Dry-Run", "true");
        }
        if let Some(reason) = &call.reason {
            request = request.header("Keyfob-Reason", reason.as_bytes());
        }
        if body.is_empty() {
            return Ok(request.body(Vec::new())?);
        }
        request = request.header(header::CONTENT_TYPE, "application/json");
        Ok(request.body(object_to_vec(&body))?)
    }
}

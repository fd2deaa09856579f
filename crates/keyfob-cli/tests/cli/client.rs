//! A provider's side of the connection.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};
use ureq::{
    Agent,
    http::{Request, header},
};

use crate::process::PATIENCE;

/// Sends requests to one base address with one token.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
}

/// A request that is not sent yet.
pub(crate) struct Draft<'d> {
    pub(crate) method: &'d str,
    pub(crate) path: String,
    /// They take the place of the defaults.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<Vec<u8>>,
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(base: &str, token: Option<&str>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
            token: token.map(ToOwned::to_owned),
        }
    }

    /// The same with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The token.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Sends a request that has to be answered.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, path, body).unwrap()
    }

    /// Sends a request; an error is one of the connection.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ureq::Error> {
        let body = body.map(|body| body.to_string().into_bytes());
        self.try_send_draft(Draft {
            method,
            path: path.to_owned(),
            headers: BTreeMap::new(),
            body,
        })
    }

    pub(crate) fn try_send_draft(&self, draft: Draft<'_>) -> Result<Answer, ureq::Error> {
        let mut headers = BTreeMap::from([("accept".to_owned(), "application/scim+json".to_owned())]);
        if let Some(token) = &self.token {
            headers.insert("authorization".to_owned(), format!("Bearer {token}"));
        }
        if draft.body.is_some() {
            headers.insert("content-type".to_owned(), "application/scim+json".to_owned());
        }
        headers.extend(
            draft
                .headers
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value)),
        );
        let mut request = Request::builder()
            .method(draft.method)
            .uri(format!("{}{}", self.base, draft.path));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = match draft.body {
            Some(body) => self.agent.run(request.body(body)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let headers = response.headers().iter();
        Ok(Answer {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| {
                    (
                        name.to_string(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            body: response.body_mut().read_to_vec()?,
        })
    }

    /// Creates a user and returns their id.
    pub(crate) fn create_user(&self, user_name: &str) -> String {
        self.send("POST", "/Users", Some(&user(user_name))).created()
    }
}

impl Answer {
    /// The body, `null` where it is empty or no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION.as_str())
            .map_or("", String::as_str)
    }

    /// The id of what was created.
    #[track_caller]
    pub(crate) fn created(&self) -> String {
        assert_eq!(self.status, 201, "{self}");
        self.json()["id"].as_str().unwrap().to_owned()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// The smallest body of a user.
pub(crate) fn user(user_name: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name})
}

/// A PATCH request.
pub(crate) fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

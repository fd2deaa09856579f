//! An organization that is served, and a client of the service in the same process.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use keyfob_benches::Failed;
use keyfob_core::{Registry, Resource, ResourceId, ResourceType};
use keyfob_engine::{Context, DynStore, ImportTarget, Incoming};
use keyfob_http::{BearerTokens, ScimService};
use keyfob_provisioning::{Provisioner, Token};
use keyfob_testgen::Organization;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tower_service::Service as _;

/// The number of resources that are imported at once.
const BATCH: usize = 256;

/// An organization in a store, and the service of it.
pub(crate) struct Served {
    pub(crate) provisioner: Provisioner<DynStore>,
    pub(crate) organization: Organization,
    pub(crate) cx: Context,
    service: ScimService<DynStore>,
    authorization: String,
}

impl Served {
    pub(crate) async fn new(store: DynStore, organization: Organization) -> Result<Self, Failed> {
        let provisioner = Provisioner::new(store, Registry::verkada().clone());
        let token = Token::generate()?;
        let created = provisioner.admin().create_organization("scale", &token).await?;
        let engine = Arc::clone(provisioner.engine());
        let tokens = BearerTokens::new(&engine, provisioner.clone());
        Ok(Self {
            service: ScimService::new(engine, tokens),
            cx: Context::new(created.tenant),
            authorization: format!("Bearer {}", token.expose()),
            provisioner,
            organization,
        })
    }

    pub(crate) fn resource_type(&self, name: &str) -> Result<&ResourceType, Failed> {
        let found = self.provisioner.registry().resource_type(name);
        found.ok_or_else(|| format!("there is no type `{name}`").into())
    }

    /// Imports the users under their ids.
    pub(crate) async fn fill_users(&self) -> Result<(), Failed> {
        self.fill("User", self.organization.users()).await
    }

    /// Imports the groups under their ids, each at once where it is large.
    pub(crate) async fn fill_groups(&self) -> Result<(), Failed> {
        self.fill("Group", self.organization.groups()).await
    }

    async fn fill(&self, kind: &str, resources: impl Iterator<Item = Value>) -> Result<(), Failed> {
        let resource_type = self.resource_type(kind)?;
        let mut batch = Vec::with_capacity(BATCH);
        let mut bytes = 0;
        for resource in resources {
            let id = resource.get("id").and_then(Value::as_str).ok_or("no id")?;
            let target = ImportTarget::NewAs(ResourceId::new(id));
            let text = serde_json::to_vec(&resource)?;
            bytes += text.len();
            batch.push(Incoming {
                resource_type,
                body: Resource::from_json(&text, resource_type)?,
                target,
            });
            if batch.len() == BATCH || bytes > 4 << 20 {
                self.import(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
        self.import(batch).await
    }

    async fn import(&self, batch: Vec<Incoming<'_>>) -> Result<(), Failed> {
        for outcome in self.provisioner.import(&self.cx, batch).await {
            outcome?;
        }
        Ok(())
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
        expected: StatusCode,
    ) -> Result<Bytes, Failed> {
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::CONTENT_TYPE, "application/scim+json")
            .body(Full::new(Bytes::from(body)))?;
        let response = self.service.clone().call(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status == expected {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body);
        Err(format!("{method} {path}: {status}: {text}").into())
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, Failed> {
        self.send(Method::GET, path, String::new(), StatusCode::OK).await
    }

    /// Reads one of the users, any for any number.
    pub(crate) async fn get_user(&self, number: usize) -> Result<(), Failed> {
        let id = self.organization.user_id(self.user_number(number));
        self.get(&format!("/Users/{id}")).await.map(drop)
    }

    /// Creates a user.
    pub(crate) async fn create(&self, user: String) -> Result<(), Failed> {
        let created = self.send(Method::POST, "/Users", user, StatusCode::CREATED);
        created.await.map(drop)
    }

    /// Reads a page of users that match a filter, which has to match so many.
    pub(crate) async fn find(&self, filter: &str, rest: &str, total: Option<usize>) -> Result<(), Failed> {
        let filter = utf8_percent_encode(filter, NON_ALPHANUMERIC);
        let answer = self.get(&format!("/Users?filter={filter}{rest}")).await?;
        let expected = total.map(|total| format!(r#""totalResults":{total},"#));
        let is_there = |text: &str| answer.windows(text.len()).any(|found| found == text.as_bytes());
        match expected {
            Some(text) if !is_there(&text) => {
                let told = String::from_utf8_lossy(answer.get(..200).unwrap_or(&answer)).into_owned();
                Err(format!("`{filter}` was to be answered {text} and not {told}").into())
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of a user, another one for each number and far from the last.
    pub(crate) fn user_number(&self, number: usize) -> usize {
        number.wrapping_mul(7_919) % self.users()
    }

    pub(crate) fn users(&self) -> usize {
        self.organization.user_count()
    }
}

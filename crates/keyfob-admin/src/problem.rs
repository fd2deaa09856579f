//! Why nothing was done, in the form of RFC 9457.

use std::fmt;

use keyfob_access::AccessError;
use keyfob_core::{Object, ToErrorBody};
use keyfob_engine::{EngineError, FeedError, StoreError};
use keyfob_provisioning::{AdminError, Refusal, StateError};
use keyfob_webhook::WebhookError;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use crate::answer::Preview;

/// Why nothing was done: what a program, a command and a page tell an administrator (RFC 9457).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// The word by which a program knows the problem. It never changes.
    pub code: SmolStr,
    /// The status of HTTP.
    pub status: u16,
    /// The fault, a sentence about what was given.
    pub detail: SmolStr,
    /// The parameter that it is about, if it is about one.
    pub field: Option<SmolStr>,
    /// The remedy, where one is known.
    pub fix: Option<SmolStr>,
    /// The effects, where a confirmation is missing or they have changed.
    pub preview: Option<Box<Preview>>,
}

impl Problem {
    /// Creates a problem.
    #[must_use]
    pub fn new(code: &'static str, status: u16, detail: impl Into<SmolStr>) -> Self {
        Self {
            code: SmolStr::new_static(code),
            status,
            detail: detail.into(),
            field: None,
            fix: None,
            preview: None,
        }
    }

    /// Returns the same problem about a parameter.
    #[must_use]
    pub fn of_field(self, field: &str) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }

    /// Returns the same problem with what would be right.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<SmolStr>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    /// Creates the problem of a value that can't be read.
    pub(crate) fn malformed(field: &str, detail: impl fmt::Display) -> Self {
        Self::new("invalidInput", 400, format_smolstr!("{detail}")).of_field(field)
    }

    /// Creates the problem of something that is not there.
    pub(crate) fn missing(kind: &str, name: &str) -> Self {
        Self::new("notFound", 404, format_smolstr!("there is no {kind} `{name}`"))
    }

    /// Returns true if what was given can't be read, whatever the organization is like.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.status == 400 && self.code == "invalidInput"
    }

    /// Reads a problem that [`to_object`](Self::to_object) made.
    #[must_use]
    pub fn from_object(object: &Object) -> Option<Self> {
        let text = |name: &str| object.get_str(name).map(SmolStr::new);
        let status = object.get("status").and_then(keyfob_core::Value::as_integer)?;
        let preview = object.get("preview").and_then(keyfob_core::Value::as_object);
        Some(Self {
            code: text("code")?,
            status: u16::try_from(status).ok()?,
            detail: text("detail")?,
            field: text("field"),
            fix: text("fix"),
            preview: preview.and_then(Preview::from_object).map(Box::new),
        })
    }

    /// Returns the problem's document. `request` is the id of the request, under which the log has it.
    #[must_use]
    pub fn to_object(&self, request: Option<&str>) -> Object {
        let mut object = Object::new();
        object.insert("type", format_smolstr!("urn:keyfob:problem:{}", self.code));
        object.insert("title", title(self.status));
        object.insert("status", i64::from(self.status));
        object.insert("detail", self.detail.clone());
        object.insert("code", self.code.clone());
        for (name, text) in [("field", &self.field), ("fix", &self.fix)] {
            if let Some(text) = text {
                object.insert(name, text.clone());
            }
        }
        if let Some(request) = request {
            object.insert("requestId", request);
        }
        if let Some(preview) = &self.preview {
            object.insert("preview", preview.to_object());
        }
        object
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        match &self.fix {
            Some(fix) => write!(f, ": {fix}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Refused",
    }
}

/// Returns what would be right where the state of a user refuses something.
fn remedy_of(reason: StateError) -> Option<&'static str> {
    match reason {
        StateError::DeactivatedByProvider => {
            Some("activate the user in the identity provider; keyfob hears of it")
        }
        StateError::Deactivated => Some("activate the user first"),
        StateError::ActiveInProvider => {
            Some("deactivate the user in the identity provider; keyfob hears of it")
        }
        StateError::Active => Some("deactivate the user first"),
        StateError::Deleted => Some("restore the user first"),
        StateError::NotInvited => Some("invite the user first"),
        _ => None,
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let body = error.to_error_body();
        let (code, fix) = match &error {
            AdminError::NameTaken(_) | AdminError::TokenNameTaken(_) => ("nameTaken", None),
            AdminError::NameMissing => ("nameMissing", None),
            AdminError::NoSuchOrganization(_)
            | AdminError::NoSuchToken(_)
            | AdminError::NoSuchDomain(_)
            | AdminError::NoSuchUser(_) => ("notFound", None),
            AdminError::Forbidden => ("forbidden", None),
            AdminError::ConfirmationRequired => ("confirmationRequired", None),
            AdminError::NotEnabled => ("notEnabled", None),
            AdminError::OneToken => ("oneToken", None),
            AdminError::AmbiguousToken | AdminError::SeveralUsers { .. } => ("ambiguous", None),
            AdminError::Domain(_) => ("invalidInput", None),
            AdminError::DomainInUse { .. } => ("domainInUse", None),
            AdminError::RequiredAttribute(_) => ("requiredAttribute", None),
            AdminError::UnknownAttribute(_) => ("unknownAttribute", None),
            AdminError::State { reason, .. } => (reason.code(), remedy_of(*reason)),
            AdminError::Engine(error) => return engine(error, body.status, &body.detail),
            AdminError::Contention => ("contention", Some("try again")),
            AdminError::Store(error) => return store(error, body.status, &body.detail),
            _ => ("failed", None),
        };
        Self {
            fix: fix.map(SmolStr::new_static),
            ..Self::new(code, body.status, body.detail)
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let body = error.to_error_body();
        let code = match error {
            AccessError::Admin(error) => return error.into(),
            AccessError::Engine(error) => return engine(&error, body.status, &body.detail),
            AccessError::Store(error) => return store(&error, body.status, &body.detail),
            AccessError::TimeZone(error) => {
                let fix = error
                    .suggestion
                    .as_ref()
                    .map(|name| format_smolstr!("did you mean `{name}`?"));
                let problem = Self::malformed("timeZone", &error);
                return Self { fix, ..problem };
            }
            AccessError::Forbidden => "forbidden",
            AccessError::NotProvisioned(_) => "notProvisioned",
            AccessError::NotFound { .. } => "notFound",
            AccessError::Ambiguous { .. } => "ambiguous",
            AccessError::NameMissing => "nameMissing",
            AccessError::NameTaken { .. } => "nameTaken",
            AccessError::DerivedMembers(_) => "managedByProvider",
            AccessError::Schedule(_) => "invalidInput",
            AccessError::TooDeep { .. } => "tooDeep",
            AccessError::BelowItself { .. } => "belowItself",
            AccessError::NotEmpty { .. } => "notEmpty",
            AccessError::Contention => "contention",
            _ => "failed",
        };
        Self::new(code, body.status, body.detail)
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let body = error.to_error_body();
        let problem = |code| Self::new(code, body.status, body.detail.clone());
        match &error {
            WebhookError::Engine(error) => engine(error, body.status, &body.detail),
            WebhookError::Forbidden => problem("forbidden"),
            WebhookError::Url { .. } => problem("addressRefused")
                .of_field("url")
                .with_fix("give an `https` address of the public internet"),
            WebhookError::Event(_) => problem("invalidInput").of_field("types"),
            WebhookError::TooMany { .. } => problem("tooMany"),
            WebhookError::NotFound(_) | WebhookError::NoLetter(_) => problem("notFound"),
            WebhookError::Paused => problem("paused").with_fix("resume it first"),
            _ => problem("failed"),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        AdminError::from(error).into()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        AdminError::from(error).into()
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Gone { .. } => Self::new("gone", 410, error.to_smolstr())
                .of_field("after")
                .with_fix("begin again at the oldest event that is left"),
            FeedError::Store(error) => error.into(),
            error => Self::new("failed", 500, error.to_smolstr()),
        }
    }
}

fn engine(error: &EngineError, status: u16, detail: &SmolStr) -> Problem {
    let code = match error {
        EngineError::NotFound { .. } => "notFound",
        EngineError::Uniqueness { .. } | EngineError::NameTaken { .. } => "nameTaken",
        EngineError::Store(error) => return store(error, status, detail),
        error => Refusal::of(error).map_or("refused", Refusal::code),
    };
    Problem::new(code, status, detail.clone())
}

fn store(error: &StoreError, status: u16, detail: &SmolStr) -> Problem {
    match error {
        StoreError::InvalidCursor => Problem::new("invalidCursor", 400, error.to_smolstr()).of_field("after"),
        StoreError::Internal(_) => Problem::new("failed", 500, "the service failed"),
        _ => Problem::new("unavailable", status, detail.clone()),
    }
}

//! Why nothing was done or found.

use keyfob_core::{ErrorBody, ResourceId, ScimType, ToErrorBody};
use keyfob_engine::{EngineError, StoreError};
use keyfob_provisioning::AdminError;
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

use crate::{registry::NotRegistered, schedule::ScheduleError, time_zone::TimeZoneError};

/// Why an action or a question of an administrator's came to nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The registry was made without [`register`](crate::register); maps to 500.
    #[error(transparent)]
    NotRegistered(#[from] NotRegistered),
    /// Only an administrator of the organization may do it; maps to 403.
    #[error("only an administrator of the organization may do this")]
    Forbidden,
    /// There is no such group, or no provider manages it; maps to 404.
    #[error("the identity provider has provisioned no group `{0}`")]
    NotProvisioned(SmolStr),
    /// There is nothing of that id or name; maps to 404.
    #[error("there is no {resource_type} `{name}`")]
    NotFound {
        /// The name of the resource type.
        resource_type: SmolStr,
        /// The id or the name that was asked for.
        name: SmolStr,
    },
    /// Several have that name; maps to 409.
    #[error("there are several of type {resource_type} named `{name}`; say which by its id")]
    Ambiguous {
        /// The name of the resource type.
        resource_type: SmolStr,
        /// The name that was asked for.
        name: SmolStr,
    },
    /// It needs a name; maps to 400 `invalidValue`.
    #[error("a name is required")]
    NameMissing,
    /// Another of the organization has the name; maps to 409 `uniqueness`.
    #[error("there is another {resource_type} `{name}`")]
    NameTaken {
        /// The name of the resource type.
        resource_type: SmolStr,
        /// The name.
        name: SmolStr,
    },
    /// An access group has the name and the members of the group from which it was made; maps to 403.
    #[error("the name and the members of access group `{0}` are those of its group in the identity provider")]
    DerivedMembers(ResourceId),
    /// A day, a time of day or a stretch of time is none; maps to 400 `invalidValue`.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// There is no such time zone; maps to 400 `invalidValue`.
    #[error(transparent)]
    TimeZone(#[from] TimeZoneError),
    /// Units are nested deeper than five levels; maps to 400 `invalidValue`.
    #[error("units are nested at most {limit} levels deep")]
    TooDeep {
        /// How many levels there are at most.
        limit: usize,
    },
    /// A unit is moved below itself, or below one of the units below it; maps to 400 `invalidValue`.
    #[error("`{unit}` can't be moved below itself or a unit below it")]
    BelowItself {
        /// The name of the unit.
        unit: SmolStr,
    },
    /// A unit has children, users or groups, or a role has users or groups; maps to 409.
    #[error("`{unit}` still has {what}")]
    NotEmpty {
        /// The name of the unit or role.
        unit: SmolStr,
        /// What it has.
        what: &'static str,
    },
    /// The change was refused as a provider's would be.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine's administration refused it.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Others change the same at the same time, again and again; maps to 503.
    #[error("too many administrators change this at the same time")]
    Contention,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccessError {
    pub(crate) fn not_found(resource_type: &SmolStr, name: &str) -> Self {
        Self::NotFound {
            resource_type: resource_type.clone(),
            name: name.into(),
        }
    }
}

impl ToErrorBody for AccessError {
    /// For applications that offer administrators an interface over HTTP.
    fn to_error_body(&self) -> ErrorBody {
        let detail = self.to_smolstr();
        match self {
            Self::Engine(error) => error.to_error_body(),
            Self::Admin(error) => error.to_error_body(),
            Self::Store(error) => error.to_error_body(),
            Self::TimeZone(error) => error.to_error_body(),
            Self::NotRegistered(_) => ErrorBody::new(500, "the service failed"),
            Self::Forbidden | Self::DerivedMembers(_) => ErrorBody::new(403, detail),
            Self::NotProvisioned(_) | Self::NotFound { .. } => ErrorBody::new(404, detail),
            Self::Ambiguous { .. } | Self::NotEmpty { .. } => ErrorBody::new(409, detail),
            Self::NameTaken { .. } => ErrorBody::new(409, detail).with_scim_type(ScimType::Uniqueness),
            Self::NameMissing | Self::Schedule(_) | Self::TooDeep { .. } | Self::BelowItself { .. } => {
                ErrorBody::bad_request(ScimType::InvalidValue, detail)
            }
            Self::Contention => ErrorBody::new(503, detail),
        }
    }
}

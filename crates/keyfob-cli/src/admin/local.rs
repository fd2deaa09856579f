//! The administration of a store, beside the server that may run on it.

use keyfob_admin::{Administration, Administrator, Answer, Call, Grant, Role, Scope};
use keyfob_engine::DynStore;

use keyfob_provisioning::Provisioner;

use super::{
    Failure,
    command::{Arguments, Globals},
};
use crate::{
    Unusable,
    profile::{NamedProfile, PerProfile},
    service::operator,
};

/// The administration of a store, by whoever may open it.
pub(super) struct Local {
    administration: Administration<DynStore>,
    administrator: Administrator,
}

impl Local {
    pub(super) async fn open(arguments: &Arguments) -> Result<Self, Unusable> {
        let globals = &arguments.globals;
        let provisioners = provisioners(globals, arguments.create).await?;
        let provisioners: Vec<_> = provisioners.iter().cloned().collect();
        // Formats are of use to one profile alone, and whoever names them for another is told.
        if let Some(provisioner) = provisioners.first()
            && let Ok(organization) = provisioner.admin().organization(&globals.org).await
        {
            globals.card_formats.check(&[NamedProfile::of(&organization)?])?;
        }
        let administrator = Administrator::new(operator(), "store")
            .with_grant(Grant::new(Role::Administrator, Scope::Service))
            .with_grant(Grant::new(Role::Operator, Scope::Service));
        Ok(Self {
            administration: Administration::new(provisioners),
            administrator,
        })
    }

    pub(super) async fn perform(&self, call: &Call) -> Result<Answer, Failure> {
        Ok(self.administration.perform(&self.administrator, call).await?)
    }
}

/// Opens the store, or creates it, and returns its provisioner for each profile.
pub(super) async fn provisioners(
    globals: &Globals,
    creates: bool,
) -> Result<PerProfile<Provisioner<DynStore>>, Unusable> {
    globals.store.demand_lasting()?;
    let definitions = globals.definitions.read()?;
    let store = if creates {
        globals.store.open_or_create_for(&definitions).await?
    } else {
        globals.store.open_for(&definitions).await?
    };
    PerProfile::try_new(|profile| profile.provisioner_of(store.clone(), &globals.card_formats, &definitions))
}

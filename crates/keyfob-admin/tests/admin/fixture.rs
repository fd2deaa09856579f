//! A service with two organizations, and those who administer them.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use keyfob_access::{AccessGroups, Credentials, Units};
use keyfob_admin::{
    Administration, Administrator, Answer, Call, Grant, Page, Problem, Role, Scope, operation,
};
use keyfob_core::{
    Clock, DateTime, Object, Projection, Resource, ResourceId, Value, schema::RegistryBuilder,
};
use keyfob_engine::{Context, DynStore, TenantId};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn advance(&self, days: i64) {
        self.0.fetch_add(days * 24 * 60 * 60 * 1000, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(1_764_000_000_000 + self.0.load(Ordering::Relaxed))
    }
}

pub(crate) struct Fixture {
    pub(crate) administration: Administration<DynStore>,
    pub(crate) clock: TestClock,
    pub(crate) verkada: Provisioner<DynStore>,
}

/// An administrator with one role.
pub(crate) fn with(role: Role, scope: Scope) -> Administrator {
    Administrator::new(role.as_str(), "session").with_grant(Grant::new(role, scope))
}

/// Whoever may do everything.
pub(crate) fn owner() -> Administrator {
    with(Role::Operator, Scope::Service).with_grant(Grant::new(Role::Administrator, Scope::Service))
}

impl Fixture {
    /// A service with the organization `Acme` of the profile verkada and `Umbrella` of accessiq.
    pub(crate) fn new() -> Self {
        let (store, clock) = (DynStore::new(MemoryStore::new()), TestClock::default());
        let provisioner = |profile: Profile| {
            let registry = keyfob_access::register(RegistryBuilder::verkada().flat_groups());
            let registry = registry.build().unwrap();
            let (groups, units) = (AccessGroups::new(&registry), Units::new(&registry));
            let is_verkada = profile.name() == "verkada";
            let builder = Provisioner::builder(store.clone(), registry)
                .with_profile(profile)
                .with_clock(clock.clone())
                .with_module(groups.unwrap());
            if is_verkada {
                let formats = keyfob_card_formats();
                builder.with_rule(Credentials::new(formats)).build()
            } else {
                builder.with_module(units.unwrap()).build()
            }
        };
        let verkada = provisioner(Profile::verkada());
        let administration = Administration::new([verkada.clone(), provisioner(Profile::accessiq())])
            .with_base_url("https://scim.example.com/scim/v2");
        let fixture = Self {
            administration,
            clock,
            verkada,
        };
        for (name, profile) in [("Acme", "verkada"), ("Umbrella", "accessiq")] {
            fixture.done("createOrganization", &[("name", name), ("profile", profile)]);
        }
        fixture
    }

    pub(crate) fn perform(&self, by: &Administrator, call: &Call) -> Result<Answer, Problem> {
        block_on(self.administration.perform(by, call))
    }

    pub(crate) fn call(name: &str, input: &[(&str, &str)]) -> Call {
        let operation = operation(name).unwrap_or_else(|| panic!("there is no operation `{name}`"));
        let mut object = Object::new();
        for (name, value) in input {
            let value = match operation
                .parameters
                .iter()
                .find(|parameter| parameter.name == *name)
            {
                Some(parameter) if parameter.kind == keyfob_admin::Kind::Texts => {
                    let texts = value.split(';').map(Value::from);
                    texts.collect::<Vec<_>>().into()
                }
                _ => Value::from(*value),
            };
            object.insert(*name, value);
        }
        Call::new(operation, object)
    }

    /// Does something as the owner that has to succeed, confirming whatever is asked.
    #[track_caller]
    pub(crate) fn done(&self, name: &str, input: &[(&str, &str)]) -> Object {
        match self.confirmed(&owner(), name, input) {
            Ok(Answer::One(view)) => view,
            Ok(_) => Object::new(),
            Err(problem) => panic!("{name}: {problem}"),
        }
    }

    pub(crate) fn confirmed(
        &self,
        by: &Administrator,
        name: &str,
        input: &[(&str, &str)],
    ) -> Result<Answer, Problem> {
        let call = Self::call(name, input);
        match self.perform(by, &call) {
            Err(problem) if problem.status == 428 => {
                let digest = problem.preview.expect("a preview is shown").confirmation;
                self.perform(by, &call.confirmed(digest))
            }
            answered => answered,
        }
    }

    /// Tries something as the owner that has to be refused.
    #[track_caller]
    pub(crate) fn refused(&self, name: &str, input: &[(&str, &str)]) -> Problem {
        self.perform(&owner(), &Self::call(name, input))
            .expect_err("it has to be refused")
    }

    #[track_caller]
    pub(crate) fn page(&self, name: &str, input: &[(&str, &str)]) -> Page<Object> {
        match self.perform(&owner(), &Self::call(name, input)) {
            Ok(Answer::Page(page)) => page,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The names in a list.
    #[track_caller]
    pub(crate) fn names(&self, name: &str, field: &str, input: &[(&str, &str)]) -> Vec<String> {
        let page = self.page(name, input);
        let names = page.items.iter().filter_map(|view| view.get_str(field));
        names.map(ToOwned::to_owned).collect()
    }

    pub(crate) fn tenant(&self, name: &str) -> TenantId {
        let organization = block_on(self.verkada.admin().organization(name)).unwrap();
        organization.tenant
    }

    /// Links Acme, and has its provider create a user.
    pub(crate) fn provisioned(&self, user_name: &str) -> ResourceId {
        self.done("addDomains", &[("org", "Acme"), ("domains", "example.com")]);
        let user = format!(r#"{{"userName": "{user_name}"}}"#);
        self.create("User", &user)
    }

    /// Has the provider of Acme create something.
    pub(crate) fn create(&self, kind: &str, body: &str) -> ResourceId {
        let cx = Context::new(self.tenant("Acme"));
        let kind = self.verkada.registry().resource_type(kind).unwrap();
        let body = Resource::from_json(body.as_bytes(), kind).unwrap();
        block_on(self.verkada.create(&cx, kind, body, &Projection::all()))
            .unwrap()
            .id
    }
}

fn keyfob_card_formats() -> keyfob_card::Formats {
    keyfob_card::Formats::built_in().clone()
}

//! What sibling crates keep with a resource, and what they add to a commit.

use keyfob_core::{ErrorBody, Resource, ResourceId, SchemaUri};
use keyfob_engine::{
    Context, EngineError, FurtherChange, Operation, Rejection, RelationDelta, Review, Rule, State,
};
use keyfob_provisioning::ProvisionedState as _;
use pollster::block_on;

use crate::fixture::{Fixture, group, user};

/// Takes note of a user's title, and has a group for everybody with one.
struct Titles;

impl Rule for Titles {
    fn review(&self, _: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        let title = review
            .document()
            .and_then(|document| document.core().get_str("title"));
        let Some(title) = title.map(ToOwned::to_owned) else {
            return Ok(());
        };
        if review.operation() != Operation::Create {
            return Ok(());
        }
        let group = keyfob_core::Registry::rfc().resource_type("Group").unwrap();
        let id = ResourceId::new(format!("title-{title}"));
        let mut document = Resource::new([SchemaUri::GROUP]);
        document.core_mut().insert("displayName", title.as_str());
        let mut joining = RelationDelta::new("members".into());
        joining
            .add
            .push((review.id().clone(), keyfob_core::Member::new()));
        let create = FurtherChange::Create {
            resource_type: group.clone(),
            id: id.clone(),
            document,
            unique: Vec::new(),
        };
        review.attempt(create, None);
        review.add(FurtherChange::Relate {
            resource_type: group.clone(),
            id,
            relations: vec![joining],
        });
        Ok(())
    }
}

#[test]
fn a_change_that_a_rule_adds_is_told_of_if_it_is_made() {
    let fixture = Fixture::with(|engine| engine.with_rule(Titles));
    let body = |name: &str| user(name).replace('}', r#","title":"Guide"}"#);
    fixture.create("User", &body("ann")).unwrap();
    assert_eq!(fixture.event_names(), ["created", "created", "changed"]);
    fixture.create("User", &body("bob")).unwrap();
    // The group is there already.
    assert_eq!(fixture.event_names()[3..], ["created", "changed"]);
    let groups = fixture.list("Group", "displayName eq \"guide\"");
    assert_eq!(groups.resources[0].relation("members").unwrap().len(), 2);
}

#[test]
fn state_is_kept_with_a_resource_and_seen_by_no_client() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user("ann@example.com")).unwrap();
    let kind = fixture.engine().registry().resource_type("User").unwrap();
    let seen = fixture.get("User", &ann);
    let events = fixture.event_names().len();
    let amend = |value: Option<&str>| {
        block_on(
            fixture
                .engine()
                .amend(fixture.cx(), kind, &ann.id, "note", |review| match value {
                    None => Err(Rejection::other("no", ErrorBody::new(409, "no"))),
                    Some(value) => {
                        review.state_mut().set("note", value);
                        Ok(())
                    }
                }),
        )
    };
    assert!(matches!(amend(None), Err(EngineError::Rejected(_))));
    assert_eq!(fixture.event_names().len(), events);
    for _ in 0..2 {
        amend(Some("x")).unwrap();
        assert_eq!(fixture.event_names()[events..], ["changed"], "once");
    }
    let stored = fixture.stored("User", &ann);
    let state = State::of(&stored);
    assert_eq!(state.get("note").and_then(|note| note.as_str()), Some("x"));
    assert!(state.managed_by().is_some(), "what was there is there");
    let mut now = fixture.get("User", &ann);
    assert_ne!(now.meta(), seen.meta());
    now.set_meta(&seen.meta().unwrap());
    assert_eq!(now, seen);
    let missing = ResourceId::new("nobody");
    let outcome = block_on(
        fixture
            .engine()
            .amend(fixture.cx(), kind, &missing, "note", |_| Ok(())),
    );
    assert!(matches!(outcome, Err(EngineError::NotFound { .. })));
    // An id of another type's is as good as none.
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    let outcome = block_on(
        fixture
            .engine()
            .amend(fixture.cx(), kind, &guides.id, "note", |_| Ok(())),
    );
    assert!(matches!(outcome, Err(EngineError::NotFound { .. })));
}

//! What is created and what is updated.

use keyfob_core::{Dialect, Resource};
use keyfob_expression::Options;
use keyfob_mapping::{
    Actions, AttributeMapping, Change, DeletionThreshold, Lookup, Mapper, ObjectMapping, graph,
    scope::{Clause, ClauseGroup, Operator, ScopingFilter},
};
use keyfob_patch::Plan;
use serde_json::json;

use super::support::{attributes, environment, existing, group, mapper, mapping, operations, source, user};

/// The operations that an update takes, which are applied, and after which another update takes none.
fn update(mapper: &Mapper, from: &str, resource: &mut Resource) -> serde_json::Value {
    let source = source(from);
    let request = mapper.update(&source, resource, &environment()).unwrap();
    let told = operations(&request);
    let plan = Plan::compile(request, mapper.resource_type(), Dialect::strict()).unwrap();
    plan.apply(resource).unwrap();
    let again = mapper.update(&source, resource, &environment()).unwrap();
    assert_eq!(operations(&again), json!([]), "a second update of {from}");
    told
}

#[test]
fn an_update_tells_what_differs_and_nothing_else() {
    let mapper = mapper(
        r#"[
            {"target": "displayName", "expression": "[displayName]"},
            {"target": "title", "expression": "[title]"},
            {"target": "nickName", "expression": "[nickName]"},
            {"target": "name.givenName", "expression": "[givenName]"},
            {"target": "name.familyName", "expression": "[surname]"},
            {"target": "emails[type eq \"work\"].value", "expression": "[mail]"},
            {"target": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "expression": "[department]"}
        ]"#,
    );
    let mut babs = existing(
        r#"{
            "userName": "babs", "displayName": "Babs", "title": "Guide", "locale": "en-US", "name": {"givenName": "Barbara", "familyName": "J"},
            "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w", "primary": true}]
        }"#,
    );
    let told = update(
        &mapper,
        r#"{"displayName": "Babs", "title": "Chief Guide", "nickName": "B", "givenName": "Barbara", "surname": "Jensen",
            "mail": "work@example.com", "department": "Tours"}"#,
        &mut babs,
    );
    let expected = json!([
        {"op": "replace", "path": "title", "value": "Chief Guide"},
        {"op": "add", "path": "nickName", "value": "B"},
        {"op": "replace", "path": "name.familyName", "value": "Jensen"},
        {"op": "replace", "path": r#"emails[type eq "work"].value"#, "value": "work@example.com"},
        {
            "op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "value": "Tours"
        }
    ]);
    assert_eq!(told, expected);
    let held = attributes(&babs);
    assert_eq!(held["locale"], "en-US");
    assert_eq!(
        held["emails"][1],
        json!({"type": "work", "value": "work@example.com", "primary": true})
    );
}

const ROLES: &str =
    r#"{"appRoleAssignments": [{"id": "06b0", "displayName": "DS Admin", "value": "DSAdmin"}]}"#;

/// Microsoft's reference of attribute mappings: what `AppRoleAssignmentsComplex` and its assertive form send.
#[test]
fn complex_roles_are_added_and_assertive_ones_replace() {
    let role = |value: &str, display: &str| json!({"value": value, "display": display, "type": "WindowsAzureActiveDirectoryRole", "primary": false});
    let other = r#"{"userName": "babs", "roles": [{"value": "Guide", "display": "Guide"}]}"#;
    for (function, told, held) in [
        (
            "AppRoleAssignmentsComplex",
            json!([{"op": "add", "path": "roles", "value": [role("DSAdmin", "DS Admin")]}]),
            2,
        ),
        (
            "AssertiveAppRoleAssignmentsComplex",
            json!([{"op": "replace", "path": "roles", "value": [role("DSAdmin", "DS Admin")]}]),
            1,
        ),
    ] {
        let expression = format!("{function}([appRoleAssignments])");
        let mapper = mapper(&format!(
            r#"[{{"target": "roles", "expression": "{expression}"}}]"#
        ));
        let created = mapper.create(&source(ROLES), &environment()).unwrap();
        assert_eq!(
            attributes(&created),
            json!({"roles": [role("DSAdmin", "DS Admin")]})
        );

        let mut babs = existing(other);
        assert_eq!(update(&mapper, ROLES, &mut babs), told, "{function}");
        assert_eq!(attributes(&babs)["roles"].as_array().unwrap().len(), held);
        // A server that leaves `primary` out where it is false is up to date too.
        let mut babs = existing(
            r#"{"userName": "babs", "roles": [{"value": "DSAdmin", "display": "DS Admin", "type": "WindowsAzureActiveDirectoryRole"}]}"#,
        );
        assert_eq!(update(&mapper, ROLES, &mut babs), json!([]));
    }
}

#[test]
fn an_object_that_an_expression_leaves_out_of_the_flow_is_skipped() {
    let mapper = mapper(
        r#"[
            {"target": "userName", "expression": "[upn]"},
            {"target": "userType", "expression": "IIF([kind] = \"robot\", IgnoreObjectFlow, [kind])"},
            {"target": "title", "expression": "IIF([title] = \"none\", IgnoreAttributeFlow, [title])"}
        ]"#,
    );
    let apply = |json: &str, existing: Option<&Resource>| {
        mapper.apply(&source(json), existing, &environment()).unwrap()
    };
    let skipped = Change::Skipped {
        target: "userType".into(),
    };
    assert_eq!(apply(r#"{"upn": "r2", "kind": "robot"}"#, None), skipped);
    let babs = existing(r#"{"userName": "babs", "userType": "Guide", "title": "Chief"}"#);
    assert_eq!(apply(r#"{"upn": "babs", "kind": "robot"}"#, Some(&babs)), skipped);
    assert_eq!(
        apply(
            r#"{"upn": "babs", "kind": "Guide", "title": "none"}"#,
            Some(&babs)
        ),
        Change::UpToDate
    );
}

/// What a delta query of Microsoft Graph says of an object that is gone.
#[test]
fn an_object_that_is_gone_is_disabled_or_deleted_and_nothing_else_of_its_resource_changes() {
    let object = |json: &str| graph::source_from_json(json.as_bytes()).unwrap();
    let mapper = Mapper::compile(&ObjectMapping::entra_user(), user(), &Options::default()).unwrap();
    let babs = existing(r#"{"userName": "babs", "active": true, "name": {"formatted": "Babs"}}"#);
    let apply = |json: &str, existing| mapper.apply(&object(json), existing, &environment()).unwrap();
    let Change::Disable(request) = apply(r#"{"id": "1", "@removed": {"reason": "changed"}}"#, Some(&babs))
    else {
        panic!("not disabled");
    };
    assert_eq!(
        operations(&request),
        json!([{"op": "replace", "path": "active", "value": false}])
    );
    let purged = r#"{"id": "1", "@removed": {"reason": "deleted"}}"#;
    assert_eq!(apply(purged, Some(&babs)), Change::Delete);
    assert_eq!(apply(purged, None), Change::OutOfScope);
    // Groups have no attribute that says that they are gone.
    let groups = Mapper::compile(&ObjectMapping::entra_group(), group(), &Options::default()).unwrap();
    let guides = Resource::from_json(br#"{"displayName": "Guides"}"#, group()).unwrap();
    let gone = object(r#"{"id": "1", "@removed": {"reason": "changed"}}"#);
    assert_eq!(
        groups.apply(&gone, Some(&guides), &environment()),
        Ok(Change::Delete)
    );
}

#[test]
fn changes_of_members_are_made_and_no_others() {
    let mapper = Mapper::compile(&ObjectMapping::entra_group(), group(), &Options::default()).unwrap();
    let guides = Resource::from_json(
        br#"{"displayName": "Guides", "externalId": "g", "members": [{"value": "r1"}, {"value": "r2"}]}"#,
        group(),
    )
    .unwrap();
    let delta = graph::source_from_json(
        br#"{"id": "g", "displayName": "Guides", "members@delta": [
            {"id": "s3"}, {"id": "s2", "@removed": {"reason": "deleted"}}, {"id": "unknown"}
        ]}"#,
    )
    .unwrap();
    let references = |target: &str, id: &str| {
        assert_eq!(target, "members");
        id.strip_prefix('s').map(|number| format!("r{number}").into())
    };
    let lookup = Lookup::new().with_references(&references);
    let change = mapper
        .apply_with(&delta, Some(&guides), &environment(), &lookup)
        .unwrap();
    let Change::Update(request) = change else {
        panic!("{change:?}");
    };
    assert_eq!(
        operations(&request),
        json!([
            {"op": "remove", "path": "members[value eq \"r2\"]"},
            {"op": "add", "path": "members", "value": [{"value": "r3"}]}
        ])
    );
}

#[test]
fn a_reference_that_has_no_resource_is_left_out() {
    let mapper = Mapper::compile(&ObjectMapping::entra_user(), user(), &Options::default()).unwrap();
    let source =
        graph::source_from_json(br#"{"userPrincipalName": "babs", "manager": {"id": "8"}}"#).unwrap();
    let nobody = |_: &str, _: &str| None;
    let ann = |_: &str, id: &str| (id == "8").then(|| "ann".into());
    let manager = |lookup: &Lookup<'_>| {
        let made = mapper.create_with(&source, &environment(), lookup).unwrap();
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        attributes(&made)[enterprise]["manager"]["value"].clone()
    };
    assert_eq!(manager(&Lookup::new()), "8");
    assert_eq!(manager(&Lookup::new().with_references(&ann)), "ann");
    assert_eq!(manager(&Lookup::new().with_references(&nobody)), json!(null));
}

#[test]
fn an_empty_text_that_comes_of_nothing_is_not_sent() {
    let mapper = mapper(
        r#"[
            {"target": "name.formatted", "expression": "Join(\" \", [givenName], [surname])"},
            {"target": "title", "expression": "Left([jobTitle], 3)", "default": "None"},
            {"target": "nickName", "expression": "[nick]"}
        ]"#,
    );
    let made = |json: &str| attributes(&mapper.create(&source(json), &environment()).unwrap());
    assert_eq!(made("{}"), json!({"title": "None"}));
    assert_eq!(
        made(r#"{"surname": "Jensen", "nick": "", "jobTitle": ""}"#),
        json!({"name": {"formatted": "Jensen"}, "title": "", "nickName": ""})
    );
}

#[test]
fn values_that_no_filter_finds_are_added_by_one_operation_for_each_attribute() {
    let mapper = mapper(
        r#"[
            {"target": "addresses[type eq \"work\"].locality", "expression": "[city]"},
            {"target": "phoneNumbers[type eq \"work\"].value", "expression": "[phone]"},
            {"target": "addresses[type eq \"work\"].region", "expression": "[state]"},
            {"target": "phoneNumbers[type eq \"mobile\"].value", "expression": "[mobile]"}
        ]"#,
    );
    let mut babs = existing(r#"{"userName": "babs", "phoneNumbers": [{"type": "home", "value": "0"}]}"#);
    let told = update(
        &mapper,
        r#"{"city": "Hollywood", "state": "CA", "phone": "1", "mobile": "2"}"#,
        &mut babs,
    );
    let expected = json!([
        {"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Hollywood", "region": "CA"}]},
        {"op": "add", "path": "phoneNumbers", "value": [{"type": "work", "value": "1"}, {"type": "mobile", "value": "2"}]}
    ]);
    assert_eq!(told, expected);
    assert_eq!(
        attributes(&babs)["phoneNumbers"][0],
        json!({"type": "home", "value": "0"})
    );
}

#[test]
fn null_does_not_flow() {
    let mapper = mapper(r#"[{"target": "title", "expression": "[title]"}]"#);
    let mut babs = existing(r#"{"userName": "babs", "title": "Guide"}"#);
    assert_eq!(update(&mapper, "{}", &mut babs), json!([]));
    assert_eq!(update(&mapper, r#"{"title": null}"#, &mut babs), json!([]));
    let created = mapper.create(&source("{}"), &environment()).unwrap();
    assert_eq!(attributes(&created), json!({}));
}

#[test]
fn an_attribute_that_is_ignored_does_not_flow_and_takes_no_default() {
    let mapper = mapper(
        r#"[{"target": "title", "expression": "IgnoreFlowIfNullOrEmpty([title])", "default": "None"}]"#,
    );
    let created = mapper
        .create(&source(r#"{"title": ""}"#), &environment())
        .unwrap();
    assert_eq!(attributes(&created), json!({}));
}

#[test]
fn the_default_of_an_expression_is_for_new_resources_alone() {
    let mapper = mapper(r#"[{"target": "title", "expression": "[title]", "default": "Unknown"}]"#);
    let created = mapper.create(&source("{}"), &environment()).unwrap();
    assert_eq!(attributes(&created), json!({"title": "Unknown"}));
    let mut babs = existing(r#"{"userName": "babs"}"#);
    assert_eq!(update(&mapper, "{}", &mut babs), json!([]));
}

#[test]
fn a_default_without_an_expression_fills_what_is_empty_and_leaves_the_rest_alone() {
    let mapper = mapper(
        r#"[{"target": "emails[type eq \"work\"].primary", "default": "True"}, {"target": "locale", "default": "en"}]"#,
    );
    let created = mapper.create(&source("{}"), &environment()).unwrap();
    assert_eq!(
        attributes(&created),
        json!({"emails": [{"type": "work", "primary": true}], "locale": "en"})
    );
    let mut babs =
        existing(r#"{"userName": "babs", "locale": "fr", "emails": [{"type": "work", "value": "w"}]}"#);
    assert_eq!(
        update(&mapper, "{}", &mut babs),
        json!([{"op": "add", "path": r#"emails[type eq "work"].primary"#, "value": true}])
    );
}

#[test]
fn what_flows_on_create_only_is_not_updated() {
    let mapper = mapper(r#"[{"target": "userType", "expression": "\"Employee\"", "apply": "onCreate"}]"#);
    let created = mapper.create(&source("{}"), &environment()).unwrap();
    assert_eq!(attributes(&created), json!({"userType": "Employee"}));
    let mut babs = existing(r#"{"userName": "babs", "userType": "Contractor"}"#);
    assert_eq!(update(&mapper, "{}", &mut babs), json!([]));
}

#[test]
fn a_multi_valued_attribute_that_is_mapped_as_a_whole_holds_what_the_source_says() {
    let always = mapper(r#"[{"target": "emails", "expression": "[proxyAddresses]"}]"#);
    let mut babs =
        existing(r#"{"userName": "babs", "emails": [{"value": "a", "type": "work"}, {"value": "b"}]}"#);
    assert_eq!(
        update(&always, r#"{"proxyAddresses": ["a", "c"]}"#, &mut babs),
        json!([
            {"op": "remove", "path": r#"emails[value eq "b"]"#},
            {"op": "add", "path": "emails", "value": [{"value": "c"}]}
        ])
    );
    assert_eq!(
        attributes(&babs)["emails"][0],
        json!({"value": "a", "type": "work"})
    );
    let adding = mapper(r#"[{"target": "emails", "expression": "[proxyAddresses]", "apply": "addValues"}]"#);
    assert_eq!(
        update(&adding, r#"{"proxyAddresses": ["d"]}"#, &mut babs),
        json!([{"op": "add", "path": "emails", "value": [{"value": "d"}]}])
    );
    assert_eq!(attributes(&babs)["emails"].as_array().unwrap().len(), 3);
    assert_eq!(update(&adding, r#"{"proxyAddresses": []}"#, &mut babs), json!([]));
    assert_eq!(
        update(&always, r#"{"proxyAddresses": []}"#, &mut babs),
        json!([{"op": "remove", "path": "emails"}])
    );
}

#[test]
fn members_come_and_go_one_by_one() {
    let mapper = Mapper::compile(&ObjectMapping::entra_group(), group(), &Options::default()).unwrap();
    let mut guides = Resource::from_json(
        br#"{"displayName": "Guides", "members": [{"value": "a", "display": "Ann"}, {"value": "b"}]}"#,
        group(),
    )
    .unwrap();
    assert_eq!(
        update(
            &mapper,
            r#"{"displayName": "Guides", "members": ["a", "c"]}"#,
            &mut guides
        ),
        json!([
            {"op": "remove", "path": r#"members[value eq "b"]"#},
            {"op": "add", "path": "members", "value": [{"value": "c"}]}
        ])
    );
    assert_eq!(
        update(&mapper, r#"{"displayName": "Guides"}"#, &mut guides),
        json!([])
    );
    assert_eq!(
        update(&mapper, r#"{"members": []}"#, &mut guides),
        json!([{"op": "remove", "path": "members"}])
    );
}

#[test]
fn a_manager_is_replaced_only_by_another() {
    let mapper = mapper(
        r#"[{"target": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "expression": "[manager]"}]"#,
    );
    let mut babs = existing(
        r#"{"userName": "babs", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
            {"manager": {"value": "7", "displayName": "Ann"}}}"#,
    );
    assert_eq!(update(&mapper, r#"{"manager": "7"}"#, &mut babs), json!([]));
    let path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    assert_eq!(
        update(&mapper, r#"{"manager": "8"}"#, &mut babs),
        json!([{"op": "replace", "path": path, "value": {"value": "8"}}])
    );
    assert_eq!(
        update(&mapper, r#"{"manager": ""}"#, &mut babs),
        json!([{"op": "remove", "path": path}])
    );
    assert_eq!(update(&mapper, r#"{"manager": ""}"#, &mut babs), json!([]));
}

#[test]
fn a_text_without_characters_is_a_text() {
    let mapper = mapper(r#"[{"target": "title", "expression": "[title]"}]"#);
    let mut babs = existing(r#"{"userName": "babs", "title": "Guide"}"#);
    assert_eq!(
        update(&mapper, r#"{"title": ""}"#, &mut babs),
        json!([{"op": "replace", "path": "title", "value": ""}])
    );
}

fn scoped(actions: Actions, attributes: Vec<AttributeMapping>) -> Mapper {
    let mut mapping = mapping("[]");
    let sales = Clause::new("department", Operator::Equals, "Sales");
    mapping.scope = ScopingFilter::new(vec![ClauseGroup::new("Sales", vec![sales])]);
    mapping.attributes = attributes;
    mapping.actions = actions;
    Mapper::compile(&mapping, user(), &Options::default()).unwrap()
}

fn active() -> Vec<AttributeMapping> {
    let switch = r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#;
    vec![
        AttributeMapping::new("title", "[title]"),
        AttributeMapping::new("active", switch),
    ]
}

#[test]
fn an_object_out_of_scope_has_its_resource_disabled_and_gets_no_new_one() {
    let mapper = scoped(Actions::ALL, active());
    let apply = |from: &str, existing: Option<&Resource>| {
        mapper.apply(&source(from), existing, &environment()).unwrap()
    };
    let out = r#"{"department": "HR", "title": "Guide", "IsSoftDeleted": false}"#;
    assert_eq!(apply(out, None), Change::OutOfScope);
    let babs = existing(r#"{"userName": "babs", "title": "Guide", "active": true}"#);
    let Change::Disable(request) = apply(out, Some(&babs)) else {
        panic!()
    };
    assert_eq!(
        operations(&request),
        json!([{"op": "replace", "path": "active", "value": false}])
    );
    let gone = existing(r#"{"userName": "babs", "title": "Guide", "active": false}"#);
    assert_eq!(apply(out, Some(&gone)), Change::UpToDate);
    let other = existing(r#"{"userName": "babs", "title": "Chief", "active": false}"#);
    assert!(
        matches!(apply(out, Some(&other)), Change::Update(_)),
        "it is disabled already"
    );
    let back = r#"{"department": "Sales", "title": "Guide", "IsSoftDeleted": false}"#;
    assert!(matches!(apply(back, Some(&gone)), Change::Update(_)));
    assert!(matches!(apply(back, None), Change::Create(_)));
}

#[test]
fn an_object_out_of_scope_has_its_resource_deleted_where_nothing_could_say_that_it_is_disabled() {
    let title = || vec![AttributeMapping::new("title", "[title]")];
    let babs = existing(r#"{"userName": "babs"}"#);
    let out = source(r#"{"title": "Guide"}"#);
    let apply = |mapper: &Mapper| mapper.apply(&out, Some(&babs), &environment()).unwrap();
    assert_eq!(apply(&scoped(Actions::ALL, title())), Change::Delete);
    let mut actions = Actions::ALL;
    actions.delete = false;
    assert_eq!(apply(&scoped(actions, title())), Change::NotAllowed);
}

#[test]
fn what_is_none_of_the_actions_is_not_done() {
    let inside = source(r#"{"department": "Sales", "title": "Guide", "IsSoftDeleted": true}"#);
    let babs = existing(r#"{"userName": "babs", "title": "Guide", "active": true}"#);
    let no_delete = {
        let mut actions = Actions::ALL;
        actions.delete = false;
        scoped(actions, active())
    };
    let disabled = no_delete.apply(&inside, Some(&babs), &environment()).unwrap();
    assert_eq!(disabled, Change::NotAllowed, "to disable is to delete");
    let nothing = scoped(Actions::NONE, active());
    for existing in [None, Some(&babs)] {
        assert_eq!(
            nothing.apply(&inside, existing, &environment()).unwrap(),
            Change::NotAllowed
        );
    }
    let mut mapping = mapping("[]");
    mapping.enabled = false;
    let off = Mapper::compile(&mapping, user(), &Options::default()).unwrap();
    assert_eq!(
        off.apply(&inside, None, &environment()).unwrap(),
        Change::NotAllowed
    );
}

#[test]
fn a_scoping_filter_that_can_not_decide_changes_nothing() {
    let mapper = scoped(Actions::ALL, active());
    let odd = source(r#"{"department": ["Sales", "HR"]}"#);
    let error = mapper.apply(&odd, None, &environment()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "scoping filter: clause 1 of group 1: scoping filters do not support a list of values, which is what \
         `department` has"
    );
}

#[test]
fn resources_are_found_by_the_lowest_precedence_first_and_by_values_that_are_there() {
    let mapper = mapper(
        r#"[
            {"target": "externalId", "expression": "[id]", "matching": 3},
            {"target": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "expression": "[n]", "matching": 2},
            {"target": "emails[type eq \"work\"].value", "expression": "ToLower([mail])", "matching": 1},
            {"target": "title", "expression": "[id]"}
        ]"#,
    );
    let filters = |from: &str| -> Vec<String> {
        let filters = mapper.matching(&source(from), &environment()).unwrap();
        filters.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        filters(r#"{"id": "7", "mail": "A@B", "n": "5"}"#),
        [
            r#"emails[type eq "work" and value eq "a@b"]"#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "5""#,
            r#"externalId eq "7""#
        ]
    );
    assert_eq!(filters(r#"{"id": "7", "n": ""}"#), [r#"externalId eq "7""#]);
    assert_eq!(filters("{}"), [""; 0]);
}

#[test]
fn the_deletion_threshold_allows_itself_and_no_more() {
    assert!(DeletionThreshold::new(0).allows(0));
    assert!(!DeletionThreshold::new(0).allows(1));
    assert_eq!(DeletionThreshold::default(), DeletionThreshold::off());
}

#[test]
fn an_expression_that_fails_names_its_target() {
    let mapper = mapper(r#"[{"target": "title", "expression": "Left([title], [n])"}]"#);
    let error = mapper
        .create(&source(r#"{"title": "x", "n": "many"}"#), &environment())
        .unwrap_err();
    assert!(error.to_string().starts_with("`title`: "), "{error}");
}

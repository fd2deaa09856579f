//! Groups within groups.

use keyfob_core::{ScimType, message::SearchRequest};
use keyfob_engine::{EngineError, Rejection, UnknownMembers, Written};
use keyfob_provisioning::Profile;

use crate::fixture::{Fixture, group, patch, refusal, user};

fn profiles() -> [Profile; 4] {
    [
        Profile::rfc(),
        Profile::interop(),
        Profile::verkada(),
        Profile::accessiq(),
    ]
}

#[test]
fn g_8_a_group_is_no_member_of_itself_in_any_profile() {
    type Put = fn(&Fixture, &Written) -> Result<Written, EngineError>;
    let ways: [(&str, Put); 5] = [
        ("PATCH add", |fixture, of| {
            let add = format!(
                r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}"#,
                of.id
            );
            fixture.patch("Group", of, &patch(&add))
        }),
        ("PATCH add without a path", |fixture, of| {
            let add = format!(
                r#"{{"op":"add","value":{{"displayName":"Own","members":[{{"value":"{}"}}]}}}}"#,
                of.id
            );
            fixture.patch("Group", of, &patch(&add))
        }),
        ("PATCH replace", |fixture, of| {
            let replace = format!(
                r#"{{"op":"replace","path":"members","value":[{{"value":"{}","type":"Group"}}]}}"#,
                of.id
            );
            fixture.patch("Group", of, &patch(&replace))
        }),
        ("PUT", |fixture, of| {
            fixture.replace("Group", of, &group("Own", &[of.id.as_str()]))
        }),
        ("PUT beside another", |fixture, of| {
            let ann = fixture.create("User", &user("ann")).unwrap();
            fixture.replace("Group", of, &group("Own", &[ann.id.as_str(), of.id.as_str()]))
        }),
    ];
    for profile in profiles() {
        for (way, put) in ways {
            // Who leaves unknown members out doesn't leave this one out.
            for unknown_members in [UnknownMembers::Reject, UnknownMembers::Skip] {
                let mut profile = profile.clone();
                profile.protocol.unknown_members = unknown_members;
                profile.default_unit = false;
                profile.protocol.required = &[];
                let fixture = Fixture::with(|engine| engine.with_profile(profile));
                let own = fixture.create("Group", &group("Own", &[])).unwrap();
                let before = fixture.stored("Group", &own);
                let refused = put(&fixture, &own);
                assert!(
                    matches!(refused, Err(EngineError::Rejected(Rejection::SelfMember))),
                    "{way}: {refused:?}"
                );
                let (status, scim_type, detail) = refusal(refused);
                assert_eq!((status, scim_type), (400, Some(ScimType::InvalidValue)), "{way}");
                assert!(detail.contains("members"), "{detail}");
                assert_eq!(fixture.stored("Group", &own), before, "{way}");
            }
        }
    }
}

#[test]
fn g_8_longer_cycles_are_stored_and_every_read_ends() {
    for profile in [Profile::rfc(), Profile::interop()] {
        let fixture = Fixture::with(|engine| engine.with_profile(profile));
        let ann = fixture.create("User", &user("ann")).unwrap();
        let groups = ["A", "B", "C"].map(|name| fixture.create("Group", &group(name, &[])).unwrap());
        let [a, b, c] = &groups;
        for (of, member) in [(a, b), (b, c), (c, a)] {
            let add = format!(
                r#"{{"op":"add","path":"members","value":[{{"value":"{}"}},{{"value":"{}"}}]}}"#,
                member.id, ann.id
            );
            fixture.patch("Group", of, &patch(&add)).unwrap();
        }
        for of in &groups {
            assert_eq!(fixture.get("Group", of).relation("members").unwrap().len(), 2);
        }
        let shown = fixture.get("User", &ann);
        assert_eq!(shown.relation("groups").unwrap().len(), 3, "each group once");
        let filter = format!("members.value eq \"{}\"", a.id);
        assert_eq!(fixture.list("Group", &filter).total_results, 1);
        let all = fixture.search(&["User", "Group"], &SearchRequest::new()).unwrap();
        assert_eq!(all.total_results, 4);
    }
}

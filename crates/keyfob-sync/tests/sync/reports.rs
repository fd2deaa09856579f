//! Public reports of what went wrong in other programs that provision, each as a test that it does not here.

use keyfob_core::{
    Registry,
    schema::{Mutability, RegistryBuilder, Returned},
    view::User,
};
use keyfob_expression::Options;
use keyfob_mapping::AttributeMapping;
use keyfob_sync::{
    Event, Guard, Owned, Rule,
    source::{CsvSource, JsonSource, ObjectSource},
};

use crate::world::{World, group, job, member, member_with_title, refusal, response, user};

/// A target without a method answers 404 in HTML; taken for "gone", everybody is created again.
#[test]
fn authentik_16678_a_404_in_html_is_not_the_end_of_a_resource() {
    let mut world = World::new();
    world.run(&vec![user("ada", r#""jobTitle": "Guide""#)]);
    world.meddle(|way, request| {
        if request.http.method() == "PATCH" {
            return response(404, "text/html", "<html><h1>Not Found</h1></html>");
        }
        way.arrive(request)
    });
    let changed = vec![user("ada", r#""jobTitle": "Lead""#)];
    let run = world.run(&changed);
    assert_eq!(run.told(), ["update ada: failed: Some(404)"]);
    assert_eq!(world.state.links().unwrap().len(), 1, "the link stays");
    world.stop_meddling();
    world.clock.advance(24);
    assert_eq!(world.run(&changed).told(), ["update ada: done"]);
    assert_eq!(world.users().len(), 1);
}

/// Even with a SCIM error, a 404 counts only if the resource can't be read either.
#[test]
fn authentik_16678_a_404_to_a_write_is_confirmed_by_a_read() {
    let mut world = World::new();
    world.run(&vec![user("ada", r#""jobTitle": "Guide""#)]);
    world.refuse("PATCH", 404);
    world.run(&vec![user("ada", r#""jobTitle": "Lead""#)]);
    world.stop_meddling();
    assert_eq!(world.users().len(), 1);
    assert_eq!(world.state.links().unwrap().len(), 1);
}

/// A target takes 100 member changes in a request.
#[test]
fn authentik_20410_members_are_sent_in_requests_as_large_as_the_target_takes() {
    let mut world = World::new();
    let mut source: Vec<_> = (0..250).map(|n| user(&format!("u{n:03}"), "")).collect();
    source.push(group("g1", "Guides"));
    source.extend((0..250).map(|n| member("g1", &format!("u{n:03}"))));
    let client = world.client();
    let aws = keyfob_client::Preset::named("aws").unwrap();
    let client = client.with(client.target().clone().preset(&aws));
    job(&client, &world.clock)
        .run(&mut world.state, &source, &mut |_| {})
        .unwrap();
    assert_eq!(world.members_of("Guides").len(), 250);
    let writes = world.writes();
    assert_eq!(
        writes
            .iter()
            .filter(|write| write.starts_with("PATCH /Groups"))
            .count(),
        3
    );
}

/// A target always answers `members: []`; what was added is known all the same, and removed when it goes.
#[test]
fn authentik_23005_members_are_removed_from_a_target_that_never_shows_them() {
    let mut world = World::new();
    let hide = |way: &crate::world::Way, request: keyfob_client::Request| {
        let is_read = request.http.method() == "GET";
        let answer = way.arrive(request)?;
        if !is_read {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let mut object = keyfob_core::json::object_from_slice(&body).unwrap();
        object.remove("members");
        Ok(http::Response::from_parts(
            head,
            keyfob_core::json::object_to_vec(&object).into(),
        ))
    };
    world.meddle(hide);
    let whole = vec![
        user("ada", ""),
        user("bob", ""),
        group("g1", "Guides"),
        member("g1", "ada"),
        member("g1", "bob"),
    ];
    world.run(&whole);
    let run = world.run(&whole[..4].to_vec());
    assert_eq!(run.told(), ["remove members g1: done"]);
    assert_eq!(world.members_of("Guides"), ["ada@x.example"]);
}

/// A target refuses PATCH operations without a path.
#[test]
fn authentik_12321_every_operation_has_a_path() {
    let mut world = World::new();
    world.run(&member_with_title("Guide"));
    let run = world.run(&member_with_title("Lead"));
    let patches = run.requests().into_iter().filter(|sent| sent.method == "PATCH");
    for patch in patches {
        let object = keyfob_core::json::object_from_slice(&patch.body).unwrap();
        for operation in object.get("Operations").unwrap().as_elements() {
            assert!(operation.as_object().unwrap().get_str("path").is_some());
        }
    }
}

/// 429 ended the program, and the next run created everybody again: 409.
#[test]
fn ssosync_13_a_429_is_waited_out_and_nothing_is_created_twice() {
    let mut world = World::new();
    let mut requests = 0;
    world.meddle(move |way, request| {
        requests += 1;
        if requests % 2 == 0 {
            let mut answer = refusal(429)?;
            answer
                .headers_mut()
                .insert("retry-after", http::HeaderValue::from_static("1"));
            return Ok(answer);
        }
        way.arrive(request)
    });
    let source: Vec<_> = (0..20).map(|n| user(&format!("u{n}"), "")).collect();
    let run = world.run(&source);
    assert_eq!((run.report.counts.created, run.report.counts.failed), (20, 0));
    assert_eq!(world.users().len(), 20);
}

/// The program died after the target created a user and before it wrote that down.
#[test]
fn ssosync_13_what_was_created_before_the_program_died_is_found_again() {
    let mut world = World::new();
    world.meddle(|way, request| {
        let is_creation = request.http.method() == "POST";
        let answer = way.arrive(request);
        if is_creation {
            std::panic::resume_unwind(Box::new("the program dies"));
        }
        answer
    });
    let source = vec![user("ada", "")];
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run(&source)));
    assert!(died.is_err());
    assert_eq!(world.state.status().unwrap().uncertain, 1);
    world.stop_meddling();
    world.asked();
    let run = world.run(&source);
    assert_eq!(run.told(), ["adopt ada: done"]);
    assert!(world.writes().is_empty());
    assert_eq!(world.users().len(), 1);
    assert_eq!(world.state.links().unwrap()[0].owned, Owned::Created);
    assert!(world.run(&source).report.is_quiet());
}

/// Users and groups that the program had never seen were deleted.
#[test]
fn ssosync_88_nobody_deletes_what_the_job_does_not_own() {
    let mut world = World::new();
    let foreign = world.create_user(&User::new("foreign"));
    world.create_group("Foreign", &[foreign]);
    world.create_user(&User::new("ada@x.example"));
    world.run(&vec![user("ada", ""), user("bob", ""), group("g1", "Guides")]);
    world.run(&vec![user("bob", "")]);
    for _ in 0..3 {
        world.clock.advance(40 * 24);
        world.run(&vec![user("bob", "")]);
    }
    let mut names: Vec<_> = world
        .users()
        .iter()
        .map(|user| user.core().get_str("userName").unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["ada@x.example", "bob@x.example", "foreign"]);
    assert_eq!(world.members_of("Foreign"), ["foreign"]);
}

/// A dry run sent the empty id of a user that it did not create.
#[test]
fn ssosync_281_a_plan_gives_what_it_would_create_ids_of_its_own() {
    let mut world = World::new();
    let source = vec![
        user("ada", ""),
        user("bob", r#""manager": {"id": "ada"}"#),
        group("g1", "Guides"),
        member("g1", "ada"),
    ];
    let plan = world.plan(&source);
    assert_eq!(plan.report.counts.created, 3);
    assert_eq!(plan.report.counts.members, 1);
    assert!(
        world.writes().iter().all(|write| write.starts_with("GET")),
        "nothing is sent"
    );
    let members = plan
        .requests()
        .into_iter()
        .find(|sent| sent.path.contains("/Groups/"))
        .unwrap();
    assert_eq!(members.path, "/scim/v2/Groups/new-3");
    assert!(String::from_utf8_lossy(&members.body).contains(r#""value":"new-1""#));
    assert!(
        world.state.links().unwrap().is_empty(),
        "the state stays as it was"
    );
}

/// The state was written at the end alone: a program that died lost all links.
#[test]
fn idp_scim_sync_48_what_was_done_before_the_program_died_is_in_the_state() {
    let mut world = World::new();
    let mut posts = 0;
    world.meddle(move |way, request| {
        posts += usize::from(request.http.method() == "POST");
        if posts > 550 {
            std::panic::resume_unwind(Box::new("the program dies"));
        }
        way.arrive(request)
    });
    let source: Vec<_> = (0..620).map(|n| user(&format!("u{n:03}"), "")).collect();
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run(&source)));
    assert!(died.is_err());
    assert_eq!(world.state.links().unwrap().len(), 500, "the first page");
    world.stop_meddling();
    world.run(&source);
    assert_eq!(world.users().len(), 620);
    assert!(world.run(&source).report.is_quiet());
}

/// Pages of 100 were taken for all that there is.
#[test]
fn idp_scim_sync_62_more_than_a_page_of_users_and_members_is_provisioned() {
    let mut world = World::new();
    let mut source: Vec<_> = (0..205).map(|n| user(&format!("u{n:03}"), "")).collect();
    source.push(group("g1", "Guides"));
    source.extend((0..205).map(|n| member("g1", &format!("u{n:03}"))));
    world.run(&source);
    assert_eq!(world.users().len(), 205);
    assert_eq!(world.members_of("Guides").len(), 205);
}

/// A page of the source was lost, and 63 people were removed.
#[test]
fn idp_scim_sync_87_a_list_whose_last_page_is_missing_is_refused() {
    let page = |next: &str| {
        let text = format!(
            r#"{{"@odata.context": "https://x/$metadata#users"{next}, "value": [
                {{"id": "ada", "userPrincipalName": "ada@x.example", "department": "R&D"}}]}}"#
        );
        JsonSource::new().text("users.json", text.into_bytes(), None)
    };
    assert_eq!(page("").items().unwrap().flatten().count(), 1);
    let cut = page(r#", "@odata.nextLink": "https://x/2""#);
    let error = cut.items().unwrap().find_map(Result::err).unwrap();
    assert_eq!(
        error.to_string(),
        "`users.json`: the list is not whole: its pages name another one, or count more than they hold; give all pages in their \
         order"
    );

    let mut world = World::new();
    let client = world.client();
    let job = job(&client, &world.clock);
    let result = job.run(&mut world.state, &cut, &mut |_| {});
    assert!(result.is_err());
    assert!(world.users().is_empty());
}

/// The same where nothing says that a page is missing: see `guards` for the rest.
#[test]
fn idp_scim_sync_87_a_read_much_smaller_than_the_last_one_removes_nobody() {
    let mut world = World::new();
    let whole: Vec<_> = (0..100).map(|n| user(&format!("u{n}"), "")).collect();
    world.run(&whole);
    let run = world.run_as(&whole[..37].to_vec(), |job| job.shrink_below(90));
    assert_eq!(
        run.report.guards[0],
        Guard::Shrunk {
            what: "users",
            now: 37,
            before: 100
        }
    );
    assert_eq!(run.report.counts.disabled, 0);
}

/// The whole list was sent for one member of 212.
#[test]
fn scim_for_keycloak_134_one_member_more_is_one_member_sent() {
    let mut world = World::new();
    let mut source: Vec<_> = (0..212).map(|n| user(&format!("u{n:03}"), "")).collect();
    source.push(group("g1", "Guides"));
    source.extend((0..211).map(|n| member("g1", &format!("u{n:03}"))));
    world.run(&source);
    source.push(member("g1", "u211"));
    let run = world.run(&source);
    let writes: Vec<_> = run
        .requests()
        .into_iter()
        .filter(|sent| sent.method != "GET")
        .collect();
    assert_eq!(writes.len(), 1);
    assert_eq!(
        String::from_utf8_lossy(&writes[0].body)
            .matches("\"value\":\"")
            .count(),
        1
    );
}

/// One member whom the target does not know failed the whole group.
#[test]
fn wso2_21042_a_member_without_a_resource_waits_and_stops_nobody() {
    let mut world = World::new();
    let source = vec![
        user("ada", ""),
        user("eve", r#""department": "Sales""#),
        group("g1", "Guides"),
        member("g1", "ada"),
        member("g1", "eve"),
        member("g1", "nobody"),
    ];
    let run = world.run(&source);
    assert_eq!(run.report.counts.failed, 0);
    assert_eq!(run.report.counts.waiting, 2);
    assert_eq!(world.members_of("Guides"), ["ada@x.example"]);
}

/// The same where the target lost one of them behind the job's back.
#[test]
fn wso2_21042_a_member_that_is_gone_at_the_target_stops_nobody() {
    let mut world = World::new();
    let mut source: Vec<_> = (0..7).map(|n| user(&format!("u{n}"), "")).collect();
    source.push(group("g1", "Guides"));
    world.run(&source);
    let id = world.state.links().unwrap()[4].target_id.clone();
    world.truth(|client| client.of::<User>().delete(&id).call().unwrap());
    source.extend((0..7).map(|n| member("g1", &format!("u{n}"))));
    let run = world.run(&source);
    assert_eq!(run.report.counts.failed, 1);
    assert_eq!(world.members_of("Guides").len(), 6);
    let failed = run
        .steps()
        .into_iter()
        .find(|step| step.requests.iter().any(|sent| sent.status == Some(400)));
    assert!(failed.is_some());
}

/// A CSV file that is cut off in the middle of a row is an error, and nobody is removed for it.
#[test]
fn ssosync_88_a_file_that_is_cut_off_removes_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.csv");
    let mut world = World::new();
    let client = world.client();
    let job = job(&client, &world.clock);
    let header = "id,userPrincipalName,department\n";
    std::fs::write(
        &file,
        format!("{header}ada,ada@x.example,R&D\nbob,bob@x.example,R&D\n"),
    )
    .unwrap();
    let source = CsvSource::new(&file);
    job.run(&mut world.state, &source, &mut |_| {}).unwrap();
    std::fs::write(&file, format!("{header}ada,ada@x.exa")).unwrap();
    let mut steps = 0;
    let error = job.run(&mut world.state, &source, &mut |event| {
        steps += usize::from(matches!(event, Event::Step(_)));
    });
    let message = error.unwrap_err().to_string();
    assert!(
        message.ends_with("line 2: this is not CSV: the row has 2 fields and the header 3"),
        "{message}"
    );
    assert_eq!(steps, 0);
    assert!(world.is_active("bob@x.example"));
}

/// A target answers a creation with a resource that it had, and not with what it made.
#[test]
fn what_a_creation_was_not_answered_with_is_never_deleted() {
    for (status, name) in [(201, "Everybody"), (200, "Guides")] {
        let mut world = World::new();
        let foreign = world.create_user(&User::new("foreign"));
        let id = world.create_group("Old", &[foreign]);
        let body = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "{id}", "displayName": "{name}"}}"#
        );
        world.meddle(move |way, request| {
            if request.http.method() == "POST" {
                return response(status, "application/scim+json", &body);
            }
            way.arrive(request)
        });
        assert_eq!(world.run(&vec![group("g1", "Guides")]).told(), ["adopt g1: done"]);
        assert_eq!(world.state.links().unwrap()[0].owned, Owned::Adopted);
        world.stop_meddling();
        assert_eq!(world.run(&Vec::new()).told(), ["release g1: done"]);
        assert_eq!(world.members_of("Old"), ["foreign"]);
    }
}

/// A target's schema says that a password may be read.
#[test]
fn a_password_is_a_secret_whatever_the_schema_says() {
    let mut schema = Registry::rfc().resource_type("User").unwrap().schema().clone();
    for attribute in &mut schema.attributes {
        attribute.mutability = Mutability::ReadWrite;
        attribute.returned = Returned::Default;
    }
    let registry = RegistryBuilder::rfc().replace_schema(schema).build().unwrap();
    let user = registry.resource_type("User").unwrap();
    let mut mapping = crate::world::user_mapping();
    mapping
        .attributes
        .push(AttributeMapping::new("password", "[secret]"));
    let error = Rule::compile(&mapping, user, &Options::default());
    assert_eq!(
        error.unwrap_err().to_string(),
        "`password` is a secret, which no target shows, so that what it has can't be compared; take it out of the mapping"
    );
}

//! Requests for several objects that are under way at the same time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use keyfob_client::Request;
use keyfob_core::json::object_from_slice;
use keyfob_sync::{Action, Guard};

use crate::world::{World, group, member, parallel, refusal, response, user};

/// The requests that are under way, by their paths.
#[derive(Default)]
struct UnderWay {
    paths: Mutex<BTreeMap<String, usize>>,
    came: Condvar,
    most: Mutex<usize>,
    most_of_a_path: Mutex<usize>,
}

impl UnderWay {
    /// Holds a request up until another one is under way too, or none comes for long.
    fn come(&self, request: &Request) {
        let path = request.http.uri().path().to_owned();
        let mut paths = self.paths.lock().unwrap();
        let of_path = paths.entry(path).or_default();
        *of_path += 1;
        let mut of_a_path = self.most_of_a_path.lock().unwrap();
        *of_a_path = (*of_path).max(*of_a_path);
        drop(of_a_path);
        let count = paths.values().sum();
        let mut most = self.most.lock().unwrap();
        *most = (*most).max(count);
        drop(most);
        self.came.notify_all();
        let alone = |paths: &mut BTreeMap<String, usize>| paths.values().sum::<usize>() < 2;
        drop(
            self.came
                .wait_timeout_while(paths, Duration::from_millis(20), alone)
                .unwrap(),
        );
    }

    fn go(&self, path: &str) {
        *self.paths.lock().unwrap().get_mut(path).unwrap() -= 1;
    }
}

/// Lets all requests pass, and notes which are under way.
fn watched(world: &World) -> Arc<UnderWay> {
    let under_way = Arc::new(UnderWay::default());
    let noted = Arc::clone(&under_way);
    world.disturb(move |way, request| {
        let path = request.http.uri().path().to_owned();
        noted.come(&request);
        let answer = way.arrive(request);
        noted.go(&path);
        answer
    });
    under_way
}

fn users(count: usize) -> Vec<keyfob_sync::source::Item> {
    (0..count).map(|n| user(&format!("u{n:03}"), "")).collect()
}

#[test]
fn as_many_objects_as_are_allowed_are_under_way_and_their_results_come_in_order() {
    let mut world = World::new();
    let under_way = watched(&world);
    let run = world.run_as(&users(60), parallel(4));
    assert_eq!(run.report.counts.created, 60);
    let most = *under_way.most.lock().unwrap();
    assert!((2..=4).contains(&most), "{most}");
    let told: Vec<_> = run.steps().iter().map(|step| step.source_id.clone()).collect();
    assert!(told.is_sorted());
    assert_eq!(
        run.report.requests, 121,
        "a test, and for each a look-up and a creation"
    );
    let noted: usize = run.steps().iter().map(|step| step.requests.len()).sum();
    assert_eq!(noted, 120, "each step has its own requests");
}

#[test]
fn the_requests_of_one_object_follow_each_other() {
    let mut world = World::new();
    let mut source = users(40);
    for name in ["g1", "g2", "g3"] {
        source.push(group(name, name));
        source.extend((0..40).map(|n| member(name, &format!("u{n:03}"))));
    }
    world.run_as(&source[..41].to_vec(), parallel(4));
    // One member of each group is refused, so that the others are sent in halves.
    let under_way = Arc::new(UnderWay::default());
    let noted = Arc::clone(&under_way);
    let bad = world
        .user_named("u017@x.example")
        .unwrap()
        .id()
        .unwrap()
        .to_string();
    world.disturb(move |way, request| {
        let path = request.http.uri().path().to_owned();
        if request.http.method() != "PATCH" {
            return way.arrive(request);
        }
        noted.come(&request);
        let body = String::from_utf8_lossy(request.http.body()).into_owned();
        let answer = if body.contains(&bad) {
            refusal(400)
        } else {
            way.arrive(request)
        };
        noted.go(&path);
        answer
    });
    let run = world.run_as(&source, parallel(4));
    assert_eq!(*under_way.most_of_a_path.lock().unwrap(), 1);
    assert_eq!((run.report.counts.members, run.report.counts.failed), (117, 3));
    world.stop_meddling();
    for name in ["g1", "g2", "g3"] {
        assert_eq!(world.members_of(name).len(), 39);
    }
}

#[test]
fn nothing_refers_to_a_resource_before_it_is_there() {
    let mut world = World::new();
    let given = Mutex::new(BTreeSet::new());
    world.disturb(move |way, request| {
        let body = request.http.body().clone();
        let text = String::from_utf8_lossy(&body).into_owned();
        if let Some((_, manager)) = text.split_once(r#"manager":{"value":""#) {
            let (id, _) = manager.split_once('"').unwrap();
            assert!(given.lock().unwrap().contains(id), "{text}");
        }
        let answer = way.arrive(request)?;
        if let Some(id) = object_from_slice(answer.body())
            .ok()
            .and_then(|body| body.get_str("id").map(str::to_owned))
        {
            given.lock().unwrap().insert(id);
        }
        Ok(answer)
    });
    let source: Vec<_> = (0..30)
        .map(|n| {
            user(
                &format!("u{n:02}"),
                &format!(r#""manager": {{"id": "u{:02}"}}"#, (n + 7) % 30),
            )
        })
        .collect();
    let run = world.run_as(&source, parallel(8));
    assert_eq!((run.report.counts.created, run.report.counts.updated), (30, 30));
    world.asked();
    world.run_as(&source, parallel(8));
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn after_a_refused_token_no_request_begins_and_what_was_done_stays_known() {
    let mut world = World::new();
    let count = Mutex::new(0);
    world.disturb(move |way, request| {
        let mut posts = count.lock().unwrap();
        *posts += usize::from(request.http.method() == "POST");
        let is_refused = request.http.method() == "POST" && *posts > 10;
        drop(posts);
        if is_refused {
            refusal(401)
        } else {
            way.arrive(request)
        }
    });
    let source = users(300);
    let run = world.run_as(&source, parallel(4));
    assert!(matches!(&run.report.guards[..], [Guard::Quarantine { .. }]));
    let posts = world.writes().len();
    assert!((11..=10 + 4 * 5).contains(&posts), "{posts}");
    assert_eq!(world.state.links().unwrap().len(), 10);
    world.stop_meddling();
    assert_eq!(world.run_as(&source, parallel(4)).report.counts.created, 290);
    assert_eq!(world.users().len(), 300);
}

#[test]
fn after_a_restart_resources_are_read_several_at_a_time() {
    let mut world = World::new();
    let source = users(40);
    world.run(&source);
    world.state.restart().unwrap();
    let under_way = watched(&world);
    let run = world.run_as(&source, parallel(4));
    assert_eq!(run.report.counts.up_to_date, 40);
    assert!((2..=4).contains(&*under_way.most.lock().unwrap()));
}

#[test]
fn removals_of_several_objects_are_under_way_and_the_plan_says_the_same_requests() {
    let mut world = World::new();
    let mut source = users(30);
    source.extend((0..30).map(|n| group(&format!("g{n:02}"), &format!("G{n:02}"))));
    world.run(&source);
    let less = source[..1].to_vec();
    let plan = world.plan_as(&less, parallel(4));
    let under_way = watched(&world);
    world.asked();
    let run = world.run_as(&less, parallel(4));
    assert_eq!((run.report.counts.disabled, run.report.counts.deleted), (29, 30));
    assert!((2..=4).contains(&*under_way.most.lock().unwrap()));
    let planned: BTreeSet<String> = plan
        .requests()
        .iter()
        .filter(|sent| sent.method != "GET")
        .map(|sent| format!("{} {}", sent.method, sent.path.trim_start_matches("/scim/v2")))
        .collect();
    assert_eq!(planned, world.writes().into_iter().collect());
}

/// A program that died when it created Ada, of whom there are two by then.
fn created_and_doubled(world: &mut World) {
    let dying = std::panic::AssertUnwindSafe(|| {
        world.disturb(|way, request| {
            let is_creation = request.http.method() == "POST";
            let answer = way.arrive(request);
            if is_creation {
                std::panic::resume_unwind(Box::new("died"));
            }
            answer
        });
        world.try_run(&vec![user("ada", "")], |job| job).ok();
    });
    std::panic::catch_unwind(dying).unwrap_err();
    world.disturb(|way, request| {
        let is_look_up = request.http.uri().query().is_some_and(|query| query.contains("ada"));
        if !is_look_up {
            return way.arrive(request);
        }
        let user = |id| {
            format!(
                r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{id}", "userName": "ada@x.example"}}"#
            )
        };
        let list = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 2,
                "Resources": [{}, {}]}}"#,
            user(1),
            user(2)
        );
        response(200, "application/scim+json", &list)
    });
}

#[test]
fn what_may_have_been_created_among_several_is_named_until_it_is_known_which() {
    for source in [Vec::new(), vec![user("ada", "")]] {
        let mut world = World::new();
        created_and_doubled(&mut world);
        for _ in 0..2 {
            let run = world.run(&source);
            assert_eq!(run.told().len(), 1, "{:?}", run.told());
            assert!(
                run.told()[0].ends_with("held: several resources match: `1`, `2`"),
                "{:?}",
                run.told()
            );
            assert_eq!(world.state.status().unwrap().uncertain, 1);
        }
        // Somebody deleted the other one.
        world.stop_meddling();
        let run = world.run(&source);
        let step = &run.steps()[0];
        assert_eq!((step.action, &*step.source_id), (Action::Adopt, "ada"));
        assert_eq!(world.state.status().unwrap().uncertain, 0);
        let is_active = world.is_active("ada@x.example");
        assert_eq!(
            is_active,
            !source.is_empty(),
            "who is gone from the source is disabled"
        );
    }
}

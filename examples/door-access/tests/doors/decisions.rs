//! Decisions at the door.

use door_access::{Controller, Decision, Denial, Site};
use keyfob_access::{Access, Schedule, TimeZone};
use keyfob_card::{Formats, Word};
use keyfob_core::{DateTime, ResourceId};
use keyfob_provisioning::Confirmed;

const USER: &str = r#"{"userName": "ann@example.com",
    "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User": {
        "cardFormat": "Standard 26-bit Wiegand", "facilityCode": "111", "cardNumber": "7777", "credentialStatus": "active"}}"#;
const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User";

fn word(number: u64) -> Word {
    let format = Formats::built_in().get("Standard 26-bit Wiegand").unwrap();
    format.card(Some(111), number).unwrap().word().unwrap()
}

fn monday() -> DateTime {
    "2026-11-23T08:30:00Z".parse().unwrap()
}

/// Ann with her card in the group that may pass the lobby on Monday mornings.
async fn site() -> (Site, ResourceId, ResourceId) {
    let site = Site::open("example.com").await.unwrap();
    let cx = site.administrator();
    let ann = site.create("User", USER).await.unwrap();
    site.engine().admin().accept_invite(&cx, &ann).await.unwrap();
    let body = format!(r#"{{"displayName": "Guides", "members": [{{"value": "{ann}"}}]}}"#);
    let guides = site.create("Group", &body).await.unwrap();
    let access = Access::new(site.engine()).unwrap();
    access.create_access_group_from(&cx, "Guides").await.unwrap();
    let lobby = access.create_door(&cx, "Lobby", "", TimeZone::UTC).await.unwrap();
    let mornings = Schedule::new().with_hours("MO".parse().unwrap(), "08:00-12:00".parse().unwrap());
    access
        .create_level(&cx, "Mornings", &mornings, &[lobby.id])
        .await
        .unwrap();
    access.assign_level(&cx, "Mornings", "Guides").await.unwrap();
    (site, ann, guides)
}

fn denied(denial: Denial) -> Decision {
    Decision::Denied(denial)
}

#[tokio::test]
async fn a_4_c_13_the_card_opens_the_doors_of_its_users_levels_in_their_hours() {
    let (site, ann, _) = site().await;
    let mut controller = Controller::new(site.engine(), site.administrator());
    assert_eq!(
        controller.decide(word(7777), "Lobby", monday()).await.unwrap(),
        denied(Denial::UnknownCard),
        "nothing is read yet"
    );
    controller.catch_up().await.unwrap();
    assert_eq!(
        controller.decide(word(7777), "Lobby", monday()).await.unwrap(),
        Decision::Granted(ann)
    );
    let evening = "2026-11-23T18:30:00Z".parse().unwrap();
    for (card, door, at, denial) in [
        (word(7777), "Lobby", evening, Denial::NoAccess),
        (word(7777), "Lab", monday(), Denial::NoAccess),
        (word(7778), "Lobby", monday(), Denial::UnknownCard),
    ] {
        assert_eq!(
            controller.decide(card, door, at).await.unwrap(),
            denied(denial),
            "{card} {door}"
        );
    }
}

#[tokio::test]
async fn c_14_whom_the_provider_deactivates_passes_no_door_even_before_the_events_are_read() {
    let (site, ann, _) = site().await;
    let mut controller = Controller::new(site.engine(), site.administrator());
    controller.catch_up().await.unwrap();
    for (active, decision) in [
        ("False", denied(Denial::NotInUse)),
        ("True", Decision::Granted(ann.clone())),
    ] {
        let operation = format!(r#"{{"op": "Replace", "path": "active", "value": "{active}"}}"#);
        site.patch("User", &ann, &operation).await.unwrap();
        assert_eq!(
            controller.decide(word(7777), "Lobby", monday()).await.unwrap(),
            decision
        );
    }
}

#[tokio::test]
async fn a_5_who_leaves_the_group_leaves_the_door() {
    let (site, ann, guides) = site().await;
    let mut controller = Controller::new(site.engine(), site.administrator());
    controller.catch_up().await.unwrap();
    let operation = format!(r#"{{"op": "Remove", "path": "members", "value": [{{"value": "{ann}"}}]}}"#);
    site.patch("Group", &guides, &operation).await.unwrap();
    assert_eq!(
        controller.decide(word(7777), "Lobby", monday()).await.unwrap(),
        denied(Denial::NoAccess)
    );
}

#[tokio::test]
async fn c_10_another_card_takes_the_place_of_the_old_one() {
    let (site, ann, _) = site().await;
    let mut controller = Controller::new(site.engine(), site.administrator());
    controller.catch_up().await.unwrap();
    let operation = format!(r#"{{"op": "Replace", "path": "{EXTENSION}:cardNumber", "value": "8888"}}"#);
    site.patch("User", &ann, &operation).await.unwrap();
    let decide = async |controller: &Controller<'_, _>, number| {
        controller.decide(word(number), "Lobby", monday()).await.unwrap()
    };
    assert_eq!(decide(&controller, 7777).await, denied(Denial::UnknownCard));
    assert_ne!(controller.catch_up().await.unwrap(), 0);
    assert_eq!(decide(&controller, 7777).await, denied(Denial::UnknownCard));
    assert_eq!(decide(&controller, 8888).await, Decision::Granted(ann));
    assert_eq!(
        controller.catch_up().await.unwrap(),
        0,
        "every event is read once"
    );
}

#[tokio::test]
async fn l_2_d_4_after_unlinking_and_after_a_purge_nobody_passes() {
    let (site, ann, _) = site().await;
    let cx = site.administrator();
    let mut controller = Controller::new(site.engine(), cx.clone());
    controller.catch_up().await.unwrap();
    site.engine().admin().unlink(&cx, Some(Confirmed)).await.unwrap();
    assert_eq!(
        controller.decide(word(7777), "Lobby", monday()).await.unwrap(),
        denied(Denial::NoAccess)
    );
    let admin = site.engine().admin();
    admin.deactivate_user(&cx, &ann).await.unwrap();
    admin.purge_user(&cx, &ann, Some(Confirmed)).await.unwrap();
    controller.catch_up().await.unwrap();
    assert_eq!(
        controller.decide(word(7777), "Lobby", monday()).await.unwrap(),
        denied(Denial::UnknownCard)
    );
}

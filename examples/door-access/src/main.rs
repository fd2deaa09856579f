//! A day at a door.

use std::error::Error;

use door_access::{Controller, Site};
use keyfob_access::{Access, Schedule, TimeZone};
use keyfob_card::Formats;
use keyfob_core::DateTime;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "this is what the program is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Site::open("example.com").await?;
    let cx = site.administrator();

    // The provider sends a user with the card that is printed on its badge, and a group.
    let ann = site
        .create(
            "User",
            r#"{"userName": "ann@example.com",
                "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User": {
                    "cardFormat": "Standard 26-bit Wiegand", "facilityCode": "111", "cardNumber": "7777",
                    "credentialStatus": "active"}}"#,
        )
        .await?;
    site.engine().admin().accept_invite(&cx, &ann).await?;
    let guides = format!(r#"{{"displayName": "Guides", "members": [{{"value": "{ann}"}}]}}"#);
    site.create("Group", &guides).await?;

    // An administrator lets the group into the lobby on weekday mornings.
    let access = Access::new(site.engine())?;
    access.create_access_group_from(&cx, "Guides").await?;
    let berlin: TimeZone = "Europe/Berlin".parse()?;
    let lobby = access.create_door(&cx, "Lobby", "Main building", berlin).await?;
    let mornings = Schedule::new().with_hours("MO".parse()?, "08:00-12:00".parse()?);
    access
        .create_level(&cx, "Mornings", &mornings, &[lobby.id])
        .await?;
    access.assign_level(&cx, "Mornings", "Guides").await?;

    // What the reader at the door sends.
    let format = Formats::built_in().get("Standard 26-bit Wiegand")?;
    let word = format
        .card(Some(111), 7777)?
        .word()
        .ok_or("a format without layout")?;

    let mut controller = Controller::new(site.engine(), cx);
    controller.catch_up().await?;
    let monday: DateTime = "2026-11-23T08:30:00Z".parse()?;
    let evening: DateTime = "2026-11-23T18:30:00Z".parse()?;
    println!(
        "Monday morning: {:?}",
        controller.decide(word, "Lobby", monday).await?
    );
    println!(
        "Monday evening: {:?}",
        controller.decide(word, "Lobby", evening).await?
    );

    // Ann leaves: the provider deactivates her, as Entra ID says it.
    site.patch(
        "User",
        &ann,
        r#"{"op": "Replace", "path": "active", "value": "False"}"#,
    )
    .await?;
    println!(
        "after she left: {:?}",
        controller.decide(word, "Lobby", monday).await?
    );
    Ok(())
}

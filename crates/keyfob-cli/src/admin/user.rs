//! `keyfob admin user`.

use clap::Subcommand;
use keyfob_access::Credential;
use keyfob_core::{Object, Value};
use keyfob_provisioning::{UserState, UserView};
use smol_str::SmolStr;

use super::{Confirmation, Failure, Session};

/// The commands of `keyfob admin user`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints all users
    List {
        /// Prints the deleted ones instead
        #[arg(long)]
        deleted: bool,
    },
    /// Prints what is known of a user
    Show(User),
    /// Notes that a user has accepted its invitation
    Accept(User),
    /// Lets a user in again whom an administrator has deactivated
    Activate(User),
    /// Shuts a user out
    Deactivate(User),
    /// Sends a user to the deleted users, from where it can be brought back
    Delete(User),
    /// Removes a user and everything of it for good
    Purge {
        #[command(flatten)]
        user: User,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Brings a deleted user back
    Restore(User),
}

#[derive(Debug, clap::Args)]
pub(super) struct User {
    /// The user, by its id or userName
    #[arg(value_name = "USERNAME|ID")]
    name: String,
}

pub(super) async fn run(session: &Session, command: &Command) -> Result<(), Failure> {
    let (admin, cx) = (session.admin(), &session.cx);
    match command {
        Command::List { deleted } => {
            let users = if *deleted {
                admin.deleted_users(cx).await?
            } else {
                admin.users(cx).await?
            };
            for user in users {
                session.show(&object(&user), &line(&user))?;
            }
        }
        Command::Show(user) => {
            let user = admin.user(cx, &user.name).await?;
            let mut object = object(&user);
            let groups = access_groups(session, &user).await?;
            object.insert(
                "accessGroups",
                groups.iter().cloned().map(Value::from).collect::<Vec<_>>(),
            );
            session.show(&object, &format!("{}  {}", line(&user), groups.join(", ")))?;
        }
        Command::Accept(user) => {
            let user = admin.user(cx, &user.name).await?;
            admin.accept_invite(cx, &user.id).await?;
        }
        Command::Deactivate(user) => {
            let user = admin.user(cx, &user.name).await?;
            admin.deactivate_user(cx, &user.id).await?;
        }
        Command::Activate(user) => {
            let user = admin.user(cx, &user.name).await?;
            admin.activate_user(cx, &user.id).await?;
        }
        Command::Delete(user) => {
            let user = admin.user(cx, &user.name).await?;
            admin.delete_user(cx, &user.id).await?;
        }
        Command::Purge { user, confirmation } => {
            let user = admin.user(cx, &user.name).await?;
            let question = format!(
                "`{}` with the id `{}` and everything of it is erased.",
                user.user_name, user.id
            );
            admin
                .purge_user(cx, &user.id, confirmation.ask(&question))
                .await?;
        }
        Command::Restore(user) => {
            let user = admin.user(cx, &user.name).await?;
            admin.restore_user(cx, &user.id).await?;
        }
    }
    Ok(())
}

/// The names of the access groups that a user is in. A deleted user is in none.
async fn access_groups(session: &Session, user: &UserView) -> Result<Vec<SmolStr>, Failure> {
    if user.state == UserState::Deleted {
        return Ok(Vec::new());
    }
    let access = session.access()?.user(&session.cx, user.id.as_str()).await?;
    Ok(access.access_groups.into_iter().map(|group| group.name).collect())
}

fn object(user: &UserView) -> Object {
    let text = |text: &Option<_>| text.clone().map_or(Value::Null, Value::from);
    let mut object = Object::new();
    object.insert("id", user.id.as_str());
    object.insert("userName", user.user_name.clone());
    object.insert("displayName", text(&user.display_name));
    object.insert("phoneNumber", text(&user.phone_number));
    object.insert("state", user.state.as_str());
    object.insert("managedBy", if user.is_managed { "scim" } else { "admin" });
    let credential = Credential::of(&user.internal);
    object.insert(
        "credential",
        credential.as_ref().map_or(Value::Null, credential_object),
    );
    object
}

fn credential_object(credential: &Credential) -> Value {
    let card = credential.card();
    let word = card.and_then(|card| card.word.clone());
    let mut object = Object::new();
    object.insert("state", credential.state());
    object.insert(
        "format",
        card.map_or(Value::Null, |card| card.format.clone().into()),
    );
    object.insert("word", word.map_or(Value::Null, Value::from));
    object.into()
}

fn line(user: &UserView) -> String {
    let tag = if user.is_managed { "  SCIM Managed" } else { "" };
    format!("{}  {}  {}{tag}", user.id, user.user_name, user.state)
}

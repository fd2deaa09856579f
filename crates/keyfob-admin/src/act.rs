//! The actions of the operations: one function each.

pub(crate) mod access;
pub(crate) mod group;
pub(crate) mod guide;
pub(crate) mod level;
pub(crate) mod link;
pub(crate) mod organization;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod token;
pub(crate) mod unit;
pub(crate) mod user;
pub(crate) mod webhook;

use std::pin::Pin;

use keyfob_engine::{Feeds, Maintenance};

use crate::{
    answer::{Answer, Preview},
    input::Input,
    problem::Problem,
    session::Session,
    view::View,
};

type Running<'f, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'f>>;

/// Names the actions and the functions that do them, once: an action without a function doesn't compile, and one without a
/// row of the table is never constructed, which the compiler finds too.
macro_rules! actions {
    ($($action:ident => $module:ident::$function:ident;)*) => {
        /// What an operation does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Action {
            $($action,)*
        }

        impl Action {
            /// Does it.
            pub(crate) fn run<'f, S: Feeds + Maintenance>(
                self,
                session: &'f Session<'_, S>,
                input: &'f Input,
            ) -> Running<'f, Answer> {
                match self {
                    $(Self::$action => Box::pin($module::$function(session, input)),)*
                }
            }
        }
    };
}

actions! {
    ShowIdentity => organization::show_identity;
    ListOrganizations => organization::list;
    CreateOrganization => organization::create;
    ShowOrganization => organization::show;
    RenameOrganization => organization::rename;
    DeleteOrganization => organization::delete;
    ShowOverview => organization::overview;
    ShowProvisioning => link::show;
    EnableProvisioning => link::enable;
    Unlink => link::unlink;
    ListDomains => link::list_domains;
    AddDomains => link::add_domains;
    RemoveDomain => link::remove_domain;
    ListTokens => link::list_tokens;
    IssueToken => link::issue_token;
    RefreshToken => link::refresh_token;
    RevokeToken => link::revoke_token;
    TurnInvitesOn => link::turn_invites_on;
    TurnInvitesOff => link::turn_invites_off;
    ShowSynchronization => link::show_synchronization;
    SetSynchronization => link::set_synchronization;
    ListUsers => user::list;
    ShowUser => user::show;
    CreateUser => user::create;
    EditUser => user::edit;
    InviteUser => user::invite;
    WithdrawInvite => user::withdraw;
    AcceptInvite => user::accept;
    ActivateUser => user::activate;
    DeactivateUser => user::deactivate;
    DeleteUser => user::delete;
    RestoreUser => user::restore;
    PurgeUser => user::purge;
    ListDoorsOfUser => user::doors;
    ExplainDoor => user::explain_door;
    ShowHistoryOfUser => record::history_of_user;
    ListGroups => group::list;
    ShowGroup => group::show;
    MapGroup => group::map;
    UnmapGroup => group::unmap;
    ListAccessGroups => access::list_groups;
    ShowAccessGroup => access::show_group;
    CreateAccessGroup => access::create_group;
    CreateAccessGroupFromScim => access::create_group_from_scim;
    RenameAccessGroup => access::rename_group;
    AddMember => access::add_member;
    RemoveMember => access::remove_member;
    DeleteAccessGroup => access::delete_group;
    ListDoors => access::list_doors;
    ShowDoor => access::show_door;
    CreateDoor => access::create_door;
    RenameDoor => access::rename_door;
    SetTimeZone => access::set_time_zone;
    DeleteDoor => access::delete_door;
    ListLevels => level::list;
    ShowLevel => level::show;
    CreateLevel => level::create;
    RenameLevel => level::rename;
    SetHours => level::set_hours;
    SetException => level::set_exception;
    RemoveException => level::remove_exception;
    AddDoor => level::add_door;
    RemoveDoor => level::remove_door;
    AssignLevel => level::assign;
    UnassignLevel => level::unassign;
    DeleteLevel => level::delete;
    ListUnits => unit::list;
    ShowUnit => unit::show;
    CreateUnit => unit::create;
    RenameUnit => unit::rename;
    MoveUnit => unit::move_to;
    SetDefaultUnit => unit::set_default;
    DeleteUnit => unit::delete;
    ListRoles => unit::list_roles;
    CreateRole => unit::create_role;
    DeleteRole => unit::delete_role;
    ListGrants => unit::list_grants;
    GrantUnit => unit::grant;
    RevokeUnit => unit::revoke;
    ListServiceTokens => token::list_of_service;
    IssueServiceToken => token::issue_of_service;
    RevokeServiceToken => token::revoke_of_service;
    ListAdminTokens => token::list;
    IssueAdminToken => token::issue;
    RevokeAdminToken => token::revoke;
    ListSetupLinks => token::list_links;
    IssueSetupLink => token::issue_link;
    RevokeSetupLink => token::revoke_link;
    ListEvents => record::list_events;
    ListAudit => record::list_audit;
    ListRequests => request::list;
    ShowRequest => request::show;
    ShowGuide => guide::show;
    ListWebhooks => webhook::list;
    ShowWebhook => webhook::show;
    CreateWebhook => webhook::create;
    EditWebhook => webhook::edit;
    PauseWebhook => webhook::pause;
    ResumeWebhook => webhook::resume;
    RotateWebhookSecret => webhook::rotate_secret;
    TestWebhook => webhook::test;
    DeleteWebhook => webhook::delete;
    ListDeadLetters => webhook::list_dead_letters;
    Redeliver => webhook::redeliver;
    DiscardDeadLetter => webhook::discard;
}

impl Action {
    /// Looks at what an action would do that can't be taken back. There is no preview of one that can, and of one that has
    /// nothing to lose.
    pub(crate) fn preview<'f, S: Feeds + Maintenance>(
        self,
        session: &'f Session<'_, S>,
        input: &'f Input,
    ) -> Running<'f, Option<Preview>> {
        match self {
            Self::DeleteOrganization => Box::pin(organization::preview_deletion(session, input)),
            Self::Unlink => Box::pin(link::preview_unlinking(session, input)),
            Self::RemoveDomain => Box::pin(link::preview_removal(session, input)),
            Self::RefreshToken => Box::pin(link::preview_refreshment(session, input)),
            Self::RevokeToken => Box::pin(link::preview_revocation(session, input)),
            Self::PurgeUser => Box::pin(user::preview_purge(session, input)),
            Self::DeleteAccessGroup => Box::pin(access::preview_group_deletion(session, input)),
            Self::DeleteDoor => Box::pin(access::preview_door_deletion(session, input)),
            Self::DeleteLevel => Box::pin(level::preview_deletion(session, input)),
            Self::DeleteUnit => Box::pin(unit::preview_deletion(session, input)),
            Self::DeleteRole => Box::pin(unit::preview_role_deletion(session, input)),
            Self::RevokeServiceToken => Box::pin(token::preview_of_service(session, input)),
            Self::RevokeAdminToken => Box::pin(token::preview(session, input)),
            Self::RevokeSetupLink => Box::pin(token::preview_link(session, input)),
            Self::RotateWebhookSecret => Box::pin(webhook::preview_rotation(session, input)),
            Self::DeleteWebhook => Box::pin(webhook::preview_deletion(session, input)),
            Self::DiscardDeadLetter => Box::pin(webhook::preview_discarding(session, input)),
            _ => Box::pin(async { Ok(None) }),
        }
    }
}

/// Answers with a view.
pub(crate) fn one(view: &impl View) -> Answer {
    Answer::One(view.to_object())
}

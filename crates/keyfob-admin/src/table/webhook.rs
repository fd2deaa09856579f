//! Webhooks and their deliveries.

use super::read;
use crate::{
    act::Action,
    administrator::Permission::{Deliveries, Webhooks},
    operation::{AFTER, Kind, LIMIT, Method, ORG, Operation, Parameter, Returns},
    view::{DeadLetter, Redelivered, View, Webhook, WebhookSecret},
};

const WEBHOOK: Parameter = Parameter::path("webhook", "The webhook, by its id or address");
const LETTER: &str = "The message that was not delivered, by the id that the list shows";
const TYPES: Parameter = Parameter::option(
    "types",
    "types",
    Kind::Texts,
    "A type of the events that it gets, as in User.created or User.*; * and nothing else for all",
);
const Q: Parameter = Parameter::query(
    "q",
    "search",
    Kind::Text,
    "Only those whose address has this text in it",
);

pub(super) const ROWS: &[Operation] = &[
    read(
        Action::ListWebhooks,
        (
            "listWebhooks",
            "Lists the addresses to which the organization's events are delivered",
        ),
        Deliveries,
        (Method::Get, "/organizations/{org}/webhooks", "webhook list"),
        &[ORG, Q, LIMIT, AFTER],
        Returns::Page(Webhook::TYPE),
    ),
    read(
        Action::ShowWebhook,
        ("showWebhook", "Shows a webhook, and what became of its deliveries"),
        Deliveries,
        (
            Method::Get,
            "/organizations/{org}/webhooks/{webhook}",
            "webhook show",
        ),
        &[ORG, WEBHOOK],
        Returns::One(Webhook::TYPE),
    ),
    read(
        Action::CreateWebhook,
        (
            "createWebhook",
            "Has events delivered to an address from now on, and shows the secret that signs them once",
        ),
        Webhooks,
        (Method::Post, "/organizations/{org}/webhooks", "webhook add"),
        &[
            ORG,
            Parameter::body("url", Kind::Text, "The https address"),
            TYPES,
        ],
        Returns::Secret(WebhookSecret::TYPE),
    )
    .undone_by("deleteWebhook"),
    read(
        Action::EditWebhook,
        (
            "editWebhook",
            "Changes the address of a webhook, or the types of the events that it gets",
        ),
        Webhooks,
        (
            Method::Patch,
            "/organizations/{org}/webhooks/{webhook}",
            "webhook set",
        ),
        &[
            ORG,
            WEBHOOK,
            Parameter::option("url", "url", Kind::Text, "The https address"),
            TYPES,
        ],
        Returns::One(Webhook::TYPE),
    )
    .undone_by("editWebhook"),
    read(
        Action::PauseWebhook,
        (
            "pauseWebhook",
            "Pauses a webhook: its events wait, for as long as the store keeps them",
        ),
        Webhooks,
        (
            Method::Post,
            "/organizations/{org}/webhooks/{webhook}/pause",
            "webhook pause",
        ),
        &[ORG, WEBHOOK],
        Returns::One(Webhook::TYPE),
    )
    .undone_by("resumeWebhook"),
    read(
        Action::ResumeWebhook,
        (
            "resumeWebhook",
            "Resumes a webhook that an administrator or an answer 410 has paused: what waits is delivered",
        ),
        Webhooks,
        (
            Method::Post,
            "/organizations/{org}/webhooks/{webhook}/resume",
            "webhook resume",
        ),
        &[ORG, WEBHOOK],
        Returns::One(Webhook::TYPE),
    )
    .undone_by("pauseWebhook"),
    read(
        Action::RotateWebhookSecret,
        (
            "rotateWebhookSecret",
            "Makes another secret for a webhook and shows it once; the one before signs beside it for a while",
        ),
        Webhooks,
        (
            Method::Post,
            "/organizations/{org}/webhooks/{webhook}/secret",
            "webhook rotate-secret",
        ),
        &[
            ORG,
            WEBHOOK,
            Parameter::option(
                "overlap",
                "overlap",
                Kind::Duration,
                "How long the secret before signs too, at most 30d; 1d where nothing is said",
            ),
        ],
        Returns::Secret(WebhookSecret::TYPE),
    )
    .confirmed(),
    read(
        Action::TestWebhook,
        (
            "testWebhook",
            "Has a test message delivered to a webhook; the webhook shows what came of it",
        ),
        Webhooks,
        (
            Method::Post,
            "/organizations/{org}/webhooks/{webhook}/test",
            "webhook test",
        ),
        &[ORG, WEBHOOK],
        Returns::One(Webhook::TYPE),
    )
    .harmless(),
    read(
        Action::DeleteWebhook,
        (
            "deleteWebhook",
            "Deletes a webhook: nothing is delivered there any more, and nobody can make its secret again",
        ),
        Webhooks,
        (
            Method::Delete,
            "/organizations/{org}/webhooks/{webhook}",
            "webhook remove",
        ),
        &[ORG, WEBHOOK],
        Returns::Nothing,
    )
    .confirmed(),
    read(
        Action::ListDeadLetters,
        (
            "listDeadLetters",
            "Lists the messages that a webhook didn't take in three days, the oldest first",
        ),
        Deliveries,
        (
            Method::Get,
            "/organizations/{org}/webhooks/{webhook}/dead-letters",
            "webhook deliveries",
        ),
        &[ORG, WEBHOOK, LIMIT, AFTER],
        Returns::Page(DeadLetter::TYPE),
    )
    .or("dead-letters"),
    read(
        Action::Redeliver,
        (
            "redeliver",
            "Has messages delivered again that a webhook didn't take: one, or all of them",
        ),
        Webhooks,
        (
            Method::Post,
            "/organizations/{org}/webhooks/{webhook}/redeliver",
            "webhook redeliver",
        ),
        &[
            ORG,
            WEBHOOK,
            Parameter::option("letter", "letter", Kind::Text, LETTER),
        ],
        Returns::One(Redelivered::TYPE),
    )
    .harmless(),
    read(
        Action::DiscardDeadLetter,
        (
            "discardDeadLetter",
            "Discards a message that was not delivered",
        ),
        Webhooks,
        (
            Method::Delete,
            "/organizations/{org}/webhooks/{webhook}/dead-letters/{letter}",
            "webhook discard",
        ),
        &[ORG, WEBHOOK, Parameter::path("letter", LETTER)],
        Returns::Nothing,
    )
    .confirmed(),
];

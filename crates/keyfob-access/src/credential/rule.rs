//! How a user's credential follows from what its provider sends.

use keyfob_card::{Card, Formats, Part, Reading, Submitted};
use keyfob_core::{
    CompareKey, Object, ResourceId, SchemaUri, ToErrorBody, name::closest, render::excerpt, validate,
};
use keyfob_engine::{Context, Operation, Rejection, Review, Rule, UniqueKey};
use smol_str::SmolStr;

use super::{CardStatus, Credential, CredentialCard, CredentialError, Kept};
use crate::event::{CREDENTIAL_ACTIVATED, CREDENTIAL_CREATED, CREDENTIAL_DEACTIVATED, CREDENTIAL_DELETED};

/// Keeps each user's [`Credential`] in step with the five attributes of Verkada's access extension, in the same commit.
///
/// The attributes are looked at once, after all of a request's operations, so their order is of no account, and they
/// stay as they were sent.
///
/// - A card comes into being when its format, its numbers and the status `active` are there, be it after several
///   requests. What is incomplete is never refused: an unknown format is, a number that is none or is out of range, and
///   an unknown status.
/// - `deactivated` and `active` turn the card off and on; `deleted` deletes it, whatever else is sent. So does taking
///   away an attribute that it needs.
/// - Another number or format makes another card in place of the old one, if the status is `active`.
/// - No two users of an organization have the same card. The second one is refused as
///   [`EngineError::Uniqueness`](keyfob_engine::EngineError::Uniqueness) of `cardNumber`. The card of a deleted user is
///   free; where somebody else has it by now, that user comes back without it.
/// - What a request leaves as it is isn't looked at again, so no change of the table of formats stands in the way of
///   another change of a user.
///
/// What becomes of a card is published as [`CREDENTIAL_CREATED`], [`CREDENTIAL_ACTIVATED`], [`CREDENTIAL_DEACTIVATED`]
/// and [`CREDENTIAL_DELETED`]; of users that are deactivated or deleted with their cards the engine's own events tell.
///
/// ```
/// use keyfob_access::{Credential, Credentials};
/// use keyfob_core::{Projection, Resource};
/// use keyfob_engine::{Actor, Context, TenantId};
/// use keyfob_provisioning::{Profile, Provisioner};
/// use keyfob_store_memory::MemoryStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # pollster::block_on(async {
/// let engine = Provisioner::builder(MemoryStore::new(), keyfob_core::Registry::verkada().clone())
///     .with_profile(Profile::verkada())
///     .with_rule(Credentials::default())
///     .build();
/// let provider = Context::new(TenantId::new("acme"));
/// let user = engine.registry().resource_type("User").ok_or("no User")?;
/// let body = br#"{"userName": "ann@example.com", "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User": {
///     "cardFormat": "Standard 26-bit Wiegand", "facilityCode": "111", "cardNumber": "7777", "credentialStatus": "active"
/// }}"#;
/// let body = Resource::from_json(body, user)?;
/// engine.create(&provider, user, body, &Projection::all()).await?;
///
/// let admin = provider.acting_as(Actor::Administrator);
/// let ann = engine.admin().user(&admin, "ann@example.com").await?;
/// let credential = Credential::of(&ann.internal).ok_or("no credential")?;
/// assert_eq!(credential.state(), "active");
/// assert_eq!(credential.card().and_then(|card| card.word.as_deref()), Some("2DE3CC3"));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Credentials {
    formats: Formats,
    errors: CredentialErrors,
}

/// What becomes of a user that is created, or comes back, with a credential that can't be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialErrors {
    /// The request is refused.
    #[default]
    Reject,
    /// The user is created without a card, and [`Credential::Staged`] says what the problem is. Later changes of the
    /// credential are refused as ever, and so is the card of another user.
    QuarantineCredential,
}

/// What `credentialStatus` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Active,
    Deactivated,
    Deleted,
}

const STATUSES: [(&str, Status); 3] = [
    ("active", Status::Active),
    ("deactivated", Status::Deactivated),
    ("deleted", Status::Deleted),
];

impl Credentials {
    /// The rule over a table of formats, which also says how strict it is.
    #[must_use]
    pub fn new(formats: Formats) -> Self {
        Self {
            formats,
            errors: CredentialErrors::default(),
        }
    }

    /// The same rule with another way to take errors.
    #[must_use]
    pub fn with_errors(self, errors: CredentialErrors) -> Self {
        Self { errors, ..self }
    }

    /// What the texts that are submitted for a user's card make of the credential that there is.
    fn evaluate(
        &self,
        user: &ResourceId,
        before: &Kept,
        submitted: Option<&Object>,
    ) -> Result<Kept, CredentialError> {
        let text = |name| submitted.and_then(|submitted| submitted.get_str(name));
        let text = |name| text(name).unwrap_or_default().trim_ascii();
        let texts = Submitted {
            format: text("cardFormat"),
            number: text("cardNumber"),
            number_hex: text("cardNumberHex"),
            facility: text("facilityCode"),
        };
        let status = status_of(text("credentialStatus"))?;
        let nothing = status.is_none() && texts == Submitted::default();
        let had_card = matches!(
            before.credential,
            Some(Credential::Live { .. } | Credential::Deleted)
        );
        let (card, mut missing) = match self.formats.read(&texts) {
            Ok(Reading::Card { card, warnings }) => (Some((card, warnings)), Vec::new()),
            Ok(Reading::Incomplete { missing }) => (None, attributes_of(&missing)),
            Ok(_) => (None, Vec::new()),
            // A mistake in what else is sent keeps no card alive.
            Err(_) if status == Some(Status::Deleted) => (None, Vec::new()),
            Err(error) => return Err(error.into()),
        };
        if status != Some(Status::Active) {
            missing.push(SmolStr::new_static("credentialStatus"));
        }
        let same = before
            .card()
            .filter(|live| card.as_ref().is_some_and(|(card, _)| live.is(card)));
        let mut cards = before.cards;
        let credential = match (status, card, same) {
            (Some(Status::Active), Some((card, warnings)), same) => {
                let card = same.cloned().unwrap_or_else(|| {
                    cards = cards.saturating_add(1);
                    let id = [user.as_str(), ".", itoa::Buffer::new().format(cards)].concat();
                    new_card(id.into(), &card)
                });
                Some(Credential::Live {
                    card,
                    status: CardStatus::Active,
                    warnings,
                })
            }
            (Some(Status::Deactivated), Some((_, warnings)), Some(same)) => Some(Credential::Live {
                card: same.clone(),
                status: CardStatus::Deactivated,
                warnings,
            }),
            // Whoever takes away what a card needs deletes it, and what is deleted stays so until its status is another.
            (None | Some(Status::Deleted), ..) if had_card => Some(Credential::Deleted),
            (_, None, _) if before.card().is_some() => Some(Credential::Deleted),
            _ if nothing => None,
            // A card comes into being active or not at all.
            _ => Some(Credential::Staged {
                missing,
                problem: None,
            }),
        };
        Ok(Kept { credential, cards })
    }

    /// Whether what is wrong is taken all the same, without a card.
    fn tolerates(&self, review: &Review<'_>, is_new: bool) -> bool {
        match review.operation() {
            // It was stored before there was this rule.
            _ if !is_new => true,
            Operation::Create | Operation::Reveal => self.errors == CredentialErrors::QuarantineCredential,
            _ => false,
        }
    }
}

impl Default for Credentials {
    /// The rule over the [built-in](Formats::built_in) table of formats.
    fn default() -> Self {
        Self::new(Formats::built_in().clone())
    }
}

impl Rule for Credentials {
    fn review(&self, _: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        if review.resource_type().schema().id != SchemaUri::USER {
            return Ok(());
        }
        let Some(document) = review.document() else {
            return Ok(());
        };
        let submitted = document.extension(&SchemaUri::VERKADA_ACCESS_USER);
        let stored = review
            .before()
            .map(|before| before.extension(&SchemaUri::VERKADA_ACCESS_USER));
        let is_new = stored != Some(submitted);
        let before = review.state_before().map(Kept::of).unwrap_or_default();
        let is_known = !is_new && (submitted.is_none() || !before.is_empty());
        // What is known isn't looked at again, whatever has become of the table of formats.
        let evaluated = if is_known {
            Ok(before.clone())
        } else {
            self.evaluate(review.id(), &before, submitted)
        };
        let mut after = match evaluated {
            Ok(after) => after,
            Err(error) if self.tolerates(review, is_new) => Kept {
                credential: Some(Credential::Staged {
                    missing: Vec::new(),
                    problem: Some(error.sentence()),
                }),
                cards: before.cards,
            },
            Err(error) => {
                let body = error.to_error_body();
                return Err(Rejection::other(error, body).of_kind(CredentialError::EXPLANATION.code));
            }
        };
        let is_same = |card: &CredentialCard| before.card().is_some_and(|before| before.id == card.id);
        if review.is_taken(CARD_NUMBER) && after.card().is_some_and(is_same) {
            take_numbers(review);
            after.credential = Some(Credential::Deleted);
        }
        if after == before {
            reserve(review, &before);
            return Ok(());
        }
        tell(review, &before, &after);
        reserve(review, &after);
        after.put_into(review.state_mut());
        Ok(())
    }
}

/// Under which attribute a card is unique.
const CARD_NUMBER: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:cardNumber";

/// Holds the number of a card unique.
fn reserve(review: &mut Review<'_>, kept: &Kept) {
    if let Some(card) = kept.card() {
        let attribute = SmolStr::new_static(CARD_NUMBER);
        review.reserve(UniqueKey::new(attribute, CompareKey::verbatim(card.key.clone())));
    }
}

/// Takes away the numbers of a card that its user has to do without.
fn take_numbers(review: &mut Review<'_>) {
    let resource_type = review.resource_type().clone();
    let Some(document) = review.document_mut() else {
        return;
    };
    for name in ["cardNumber", "cardNumberHex"] {
        document
            .extension_mut(&SchemaUri::VERKADA_ACCESS_USER)
            .remove(name);
    }
    validate::state_schemas(document, &resource_type);
}

/// Publishes what became of a card.
fn tell(review: &mut Review<'_>, before: &Kept, after: &Kept) {
    let (old, new) = (before.card(), after.card());
    let is_same = old.zip(new).is_some_and(|(old, new)| old.id == new.id);
    let mut publish = |name, card: &CredentialCard| {
        let mut event = review.event(name);
        event.data.insert("credential", card.id.clone());
        review.publish_event(event);
    };
    if let Some(old) = old.filter(|_| !is_same) {
        publish(CREDENTIAL_DELETED, old);
    }
    match (new, &after.credential) {
        (Some(new), _) if !is_same => publish(CREDENTIAL_CREATED, new),
        (Some(new), Some(Credential::Live { status, .. })) if before.status() != Some(*status) => {
            publish(
                match status {
                    CardStatus::Active => CREDENTIAL_ACTIVATED,
                    CardStatus::Deactivated => CREDENTIAL_DEACTIVATED,
                },
                new,
            );
        }
        _ => {}
    }
}

fn new_card(id: SmolStr, card: &Card<'_>) -> CredentialCard {
    CredentialCard {
        id,
        format: card.format().name().into(),
        facility: card.facility(),
        number: card.number(),
        word: card.word().map(|word| word.hex().into()),
        key: card.key().into(),
    }
}

/// What a trimmed text says of a credential's status; an empty one says nothing.
fn status_of(text: &str) -> Result<Option<Status>, CredentialError> {
    if text.is_empty() {
        return Ok(None);
    }
    let found = STATUSES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let unknown = || CredentialError::Status {
        status: excerpt(text),
        near: closest(text, STATUSES.iter().map(|(name, _)| *name)),
    };
    found.map(|(_, status)| Some(*status)).ok_or_else(unknown)
}

/// The attributes in which parts of a card are sent.
fn attributes_of(parts: &[Part]) -> Vec<SmolStr> {
    let attribute = |part| match part {
        Part::Format => Some("cardFormat"),
        Part::Number => Some("cardNumber"),
        Part::NumberHex => Some("cardNumberHex"),
        Part::Facility => Some("facilityCode"),
        _ => None,
    };
    let attributes = parts.iter().copied().filter_map(attribute);
    attributes.map(SmolStr::new_static).collect()
}

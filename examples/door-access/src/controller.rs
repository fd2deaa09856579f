//! The controller of doors: which card is whose, and whether a door opens.

use std::collections::HashMap;

use keyfob_access::{Access, AccessError, Credential, NotRegistered};
use keyfob_card::Word;
use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{Context, FeedError, Feeds, Position};
use keyfob_provisioning::{AdminError, Provisioner};
use thiserror::Error;

/// How many events are read at a time.
const PAGE: usize = 100;

/// Decides at the doors of one organization.
///
/// It keeps of each card no more than whose it is. A controller that was away reads the events that it missed; one that
/// starts anew reads all of them.
#[derive(Debug)]
pub struct Controller<'e, S> {
    engine: &'e Provisioner<S>,
    cx: Context,
    /// The words of cards, in hex digits, with their users.
    cards: HashMap<String, ResourceId>,
    /// The position of the last event that was read.
    cursor: Position,
}

/// Whether a door opens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It does, for this user.
    Granted(ResourceId),
    /// It doesn't.
    Denied(Denial),
}

/// Why a door stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// Nobody has the card.
    UnknownCard,
    /// The card is not in use, or its user isn't active.
    NotInUse,
    /// No access level of the user's grants the door now.
    NoAccess,
}

/// Why there is no decision.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The service lacks doors.
    #[error(transparent)]
    NotRegistered(#[from] NotRegistered),
    /// The events can't be read.
    #[error(transparent)]
    Events(#[from] FeedError),
    /// What is asked about users failed.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What is asked about doors failed.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl<'e, S: Feeds> Controller<'e, S> {
    /// A controller that has read nothing yet.
    #[must_use]
    pub fn new(engine: &'e Provisioner<S>, cx: Context) -> Self {
        Self {
            engine,
            cx,
            cards: HashMap::new(),
            cursor: Position::START,
        }
    }

    /// Reads what happened since the last time, and returns how many events that were.
    ///
    /// # Errors
    /// [`Failure`]; what was read until then has taken effect, and the next call goes on from there.
    pub async fn catch_up(&mut self) -> Result<usize, Failure> {
        let mut read = 0;
        loop {
            let events = self.engine.admin().events(&self.cx, self.cursor, PAGE).await?;
            if events.is_empty() {
                return Ok(read);
            }
            for event in events {
                if event.event.resource_type == "User" {
                    self.learn(&event.event.resource).await?;
                }
                self.cursor = event.position;
                read += 1;
            }
        }
    }

    /// Learns which card a user has by now.
    async fn learn(&mut self, user: &ResourceId) -> Result<(), Failure> {
        self.cards.retain(|_, owner| owner != user);
        if let Some((word, _)) = self.card_of(user).await? {
            self.cards.insert(word, user.clone());
        }
        Ok(())
    }

    /// The word of a user's card, and whether the card is in use.
    async fn card_of(&self, user: &ResourceId) -> Result<Option<(String, bool)>, Failure> {
        let view = match self.engine.admin().user(&self.cx, user.as_str()).await {
            Ok(view) => view,
            Err(AdminError::NoSuchUser(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let credential = Credential::of(&view.internal);
        Ok(credential.and_then(|credential| {
            let word = credential.card()?.word.as_ref()?.to_string();
            Some((word, credential.is_effective(view.state)))
        }))
    }

    /// Decides whether a door opens to who presents a card, by what is true now.
    ///
    /// # Errors
    /// [`Failure`]; the door then stays closed.
    pub async fn decide(&self, word: Word, door: &str, at: DateTime) -> Result<Decision, Failure> {
        let word = word.hex();
        let Some(user) = self.cards.get(word.as_str()) else {
            return Ok(Decision::Denied(Denial::UnknownCard));
        };
        match self.card_of(user).await? {
            Some((current, true)) if current == word => {}
            Some((current, false)) if current == word => return Ok(Decision::Denied(Denial::NotInUse)),
            // The user has got another card, or none, since the events were read.
            _ => return Ok(Decision::Denied(Denial::UnknownCard)),
        }
        let open = Access::new(self.engine)?
            .effective_doors(&self.cx, user.as_str(), at)
            .await?;
        Ok(if open.iter().any(|open| open.name == door) {
            Decision::Granted(user.clone())
        } else {
            Decision::Denied(Denial::NoAccess)
        })
    }
}

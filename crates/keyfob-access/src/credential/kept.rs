//! A credential as it is kept in the state of its user.

use keyfob_card::Warning;
use keyfob_core::{AttrName, Object, Value};
use keyfob_engine::State;
use smol_str::SmolStr;

use super::{CardStatus, Credential, CredentialCard};

/// Under which name a user's state holds its credential.
const STATE: &str = "credential";

/// A user's credential and how many cards the user has had: the next one's id is numbered on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) credential: Option<Credential>,
    pub(crate) cards: u32,
}

impl Kept {
    pub(crate) fn of(state: &State) -> Self {
        let kept = state.get(STATE).and_then(Value::as_object);
        kept.map(Self::from_object).unwrap_or_default()
    }

    /// Whether nothing has to be remembered.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn put_into(self, state: &mut State) {
        if self.is_empty() {
            state.remove(STATE);
        } else {
            state.set(STATE, self.into_object());
        }
    }

    /// The card, where there is one.
    pub(crate) fn card(&self) -> Option<&CredentialCard> {
        self.credential.as_ref()?.card()
    }

    pub(crate) fn status(&self) -> Option<CardStatus> {
        match self.credential {
            Some(Credential::Live { status, .. }) => Some(status),
            _ => None,
        }
    }

    fn from_object(object: &Object) -> Self {
        let cards = object.get("cards").and_then(Value::as_integer);
        Self {
            credential: credential(object),
            cards: cards.and_then(|cards| u32::try_from(cards).ok()).unwrap_or(0),
        }
    }

    fn into_object(self) -> Object {
        let mut object = Object::new();
        object.reserve(8);
        if let Some(credential) = &self.credential {
            object.insert(name("state"), SmolStr::new_static(credential.state()));
        }
        object.insert(name("cards"), i64::from(self.cards));
        match self.credential {
            Some(Credential::Staged { missing, problem }) => {
                if !missing.is_empty() {
                    object.insert(name("missing"), texts(missing.into_iter()));
                }
                if let Some(problem) = problem {
                    object.insert(name("problem"), problem);
                }
            }
            Some(Credential::Live { card, warnings, .. }) => {
                object.insert(name("id"), card.id);
                object.insert(name("key"), card.key);
                object.insert(name("format"), card.format);
                if let Some(word) = card.word {
                    object.insert(name("word"), word);
                }
                if !warnings.is_empty() {
                    let names = warnings
                        .iter()
                        .map(|warning| SmolStr::new_static(warning.as_str()));
                    object.insert(name("warnings"), texts(names));
                }
            }
            Some(Credential::Deleted) | None => {}
        }
        object
    }
}

/// A name that need not be copied.
fn name(text: &'static str) -> AttrName {
    AttrName::new(SmolStr::new_static(text))
}

fn credential(object: &Object) -> Option<Credential> {
    let live = |status| {
        let warnings = elements(object, "warnings").filter_map(Warning::parse);
        Some(Credential::Live {
            card: card(object)?,
            status,
            warnings: warnings.collect(),
        })
    };
    match object.get_str("state")? {
        "staged" => Some(Credential::Staged {
            missing: elements(object, "missing").map(SmolStr::new).collect(),
            problem: object.get_str("problem").map(SmolStr::new),
        }),
        "active" => live(CardStatus::Active),
        "deactivated" => live(CardStatus::Deactivated),
        "deleted" => Some(Credential::Deleted),
        _ => None,
    }
}

fn card(object: &Object) -> Option<CredentialCard> {
    // Long texts are shared with the state that holds them.
    let text = |name| match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let key = text("key")?;
    // The key ends in the facility code, empty where there is none, and the number.
    let mut parts = key.rsplit(':');
    let number = parts.next()?.parse().ok()?;
    let facility = parts.next()?.parse().ok();
    Some(CredentialCard {
        id: text("id")?,
        format: text("format")?,
        facility,
        number,
        word: text("word"),
        key,
    })
}

fn texts(texts: impl Iterator<Item = SmolStr>) -> Value {
    Value::Array(texts.map(Value::String).collect())
}

fn elements<'o>(object: &'o Object, name: &str) -> impl Iterator<Item = &'o str> {
    let elements = object.get(name).map(Value::as_elements).unwrap_or_default();
    elements.iter().filter_map(Value::as_str)
}

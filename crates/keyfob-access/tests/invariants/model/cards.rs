//! Card credentials, as far as the alphabet of steps has them: one format, whose cards have a facility code and a number.

/// What a provider says of a user's card, as it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) format: Option<String>,
    pub(crate) number: Option<String>,
    pub(crate) facility: Option<String>,
    pub(crate) status: Option<String>,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Slot {
    #[default]
    Empty,
    Staged,
    Live {
        facility: u64,
        number: u64,
        is_active: bool,
    },
    Deleted,
}

impl Slot {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Staged => "staged",
            Self::Live { is_active: true, .. } => "active",
            Self::Live { is_active: false, .. } => "deactivated",
            Self::Deleted => "deleted",
        }
    }

    pub(crate) fn card(self) -> Option<(u64, u64)> {
        match self {
            Self::Live { facility, number, .. } => Some((facility, number)),
            _ => None,
        }
    }

    /// 4.3: what becomes of a credential by what is sent; none where that is refused.
    pub(super) fn after(self, sent: &Card) -> Option<Self> {
        let status = sent.status.as_deref().map(super::folded);
        let status = status.as_deref();
        // C-3.
        if !matches!(status, None | Some("active" | "deactivated" | "deleted")) {
            return None;
        }
        let had_card = matches!(self, Self::Live { .. } | Self::Deleted);
        // C-6: whatever else is sent.
        if status == Some("deleted") {
            return Some(if had_card { Self::Deleted } else { Self::Staged });
        }
        // C-2: an unknown format.
        if sent
            .format
            .as_deref()
            .is_some_and(|format| format.starts_with("No such"))
        {
            return None;
        }
        let card = match (&sent.format, &sent.facility, &sent.number) {
            (Some(_), Some(facility), Some(number)) => {
                let (facility, number) = (facility.parse().ok()?, number.parse().ok()?);
                // C-9: 8 bits and 16.
                if facility > 255 || number > 65_535 {
                    return None;
                }
                Some((facility, number))
            }
            // C-8: what is incomplete is never refused.
            _ => None,
        };
        Some(match (status, card) {
            (Some("active"), Some((facility, number))) => Self::Live {
                facility,
                number,
                is_active: true,
            },
            // C-5, and C-4: no card comes into being inactive.
            (Some("deactivated"), Some((facility, number))) if self.card() == card => Self::Live {
                facility,
                number,
                is_active: false,
            },
            // C-17: what a card needs was taken away.
            (None, _) if had_card => Self::Deleted,
            (_, None) if self.card().is_some() => Self::Deleted,
            _ if *sent == Card::default() => Self::Empty,
            _ => Self::Staged,
        })
    }
}

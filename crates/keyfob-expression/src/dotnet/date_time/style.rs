//! Styles of reading: the meaning of a text without an offset, and the places of white space.

use std::str::FromStr;

use super::DateTimeError;

/// The zone that an instant is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Nothing: the text had no offset.
    #[default]
    Unspecified,
    /// `Z`.
    Utc,
    /// An offset; that of the service, `+00:00`.
    Local,
}

/// The options of reading by a format: `DateTimeStyles` of .NET.
///
/// Written as the names in .NET with commas between them, such as `AssumeUniversal, AdjustToUniversal`.
///
/// ```
/// use keyfob_expression::dotnet::date_time::Styles;
///
/// let styles: Styles = "AssumeUniversal, AdjustToUniversal".parse()?;
/// assert!("Bogus".parse::<Styles>().is_err());
/// # Ok::<(), keyfob_expression::dotnet::date_time::DateTimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Styles(u16);

impl Styles {
    /// No option: `None` in .NET.
    pub const NONE: Self = Self(0);

    pub(super) const LEADING_WHITE: Self = Self(1);
    pub(super) const TRAILING_WHITE: Self = Self(2);
    pub(super) const INNER_WHITE: Self = Self(4);
    pub(super) const NO_CURRENT_DATE: Self = Self(8);
    pub(super) const ADJUST_TO_UNIVERSAL: Self = Self(16);
    pub(super) const ASSUME_LOCAL: Self = Self(32);
    pub(super) const ASSUME_UNIVERSAL: Self = Self(64);
    pub(super) const ROUNDTRIP_KIND: Self = Self(128);

    const NAMES: [(&str, Self); 10] = [
        ("None", Self::NONE),
        ("AllowLeadingWhite", Self::LEADING_WHITE),
        ("AllowTrailingWhite", Self::TRAILING_WHITE),
        ("AllowInnerWhite", Self::INNER_WHITE),
        ("AllowWhiteSpaces", Self(1 | 2 | 4)),
        ("NoCurrentDateDefault", Self::NO_CURRENT_DATE),
        ("AdjustToUniversal", Self::ADJUST_TO_UNIVERSAL),
        ("AssumeLocal", Self::ASSUME_LOCAL),
        ("AssumeUniversal", Self::ASSUME_UNIVERSAL),
        ("RoundtripKind", Self::ROUNDTRIP_KIND),
    ];

    const EXCLUSIVE: [[&str; 2]; 4] = [
        ["AssumeLocal", "AssumeUniversal"],
        ["RoundtripKind", "AssumeLocal"],
        ["RoundtripKind", "AssumeUniversal"],
        ["RoundtripKind", "AdjustToUniversal"],
    ];

    /// Returns true if all of these options are set.
    pub(super) fn has(self, styles: Self) -> bool {
        self.0 & styles.0 == styles.0
    }

    fn named(wanted: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|&(_, style)| style)
    }
}

impl Default for Styles {
    /// The service's own styles where none is named: `RoundtripKind`, `AllowLeadingWhite`, `AllowTrailingWhite`.
    fn default() -> Self {
        Self(Self::ROUNDTRIP_KIND.0 | Self::LEADING_WHITE.0 | Self::TRAILING_WHITE.0)
    }
}

impl FromStr for Styles {
    type Err = DateTimeError;

    fn from_str(names: &str) -> Result<Self, DateTimeError> {
        let mut styles = Self::NONE;
        for name in names.split(',').map(str::trim) {
            let style = Self::named(name).ok_or_else(|| DateTimeError::Style {
                name: name.to_owned(),
            })?;
            styles.0 |= style.0;
        }
        for [first, second] in Self::EXCLUSIVE {
            if [first, second]
                .into_iter()
                .filter_map(Self::named)
                .all(|style| styles.has(style))
            {
                return Err(DateTimeError::Styles { first, second });
            }
        }
        Ok(styles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_read_by_name() {
        assert_eq!("None".parse(), Ok(Styles::NONE));
        assert_eq!(
            "RoundtripKind,AllowLeadingWhite , AllowTrailingWhite".parse(),
            Ok(Styles::default())
        );
        for names in [
            "",
            "Bogus",
            "assumeuniversal",
            "AssumeLocal,AssumeUniversal",
            "RoundtripKind,AssumeLocal",
            "None,",
        ] {
            assert!(names.parse::<Styles>().is_err(), "{names}");
        }
    }
}

//! Forms that strings have beyond their type (RFC 7643 sections 2.3.7 and 4.1).

use smol_str::SmolStr;

use super::{Attribute, AttributeType};

/// The form of an attribute's strings. A schema in JSON has no word for it: the attributes of the core User have theirs
/// by RFC 7643 section 4.1, and references by section 2.3.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A URI, or a reference relative to one (RFC 3986 section 4.1).
    UriReference,
    /// A language tag such as `en-US` (RFC 5646).
    LanguageTag,
    /// Languages in the order in which they are preferred, as in `Accept-Language` (RFC 9110 section 12.5.4).
    LanguageRanges,
    /// The name of a time zone in the IANA database, such as `America/Los_Angeles`.
    TimeZone,
    /// The code of a country with two letters (ISO 3166-1).
    Country,
}

/// One name a line, sorted. The database gains about one name a year; crates that know more of it than names are 3 MB.
const TIME_ZONES: &str = include_str!("../../data/time-zones.txt");
const COUNTRIES: &str = include_str!("../../data/countries.txt");

impl Format {
    /// The form of an attribute of the core User, by its name.
    pub(super) fn of_user_attribute(name: &str) -> Option<Self> {
        Some(match name {
            "locale" => Self::LanguageTag,
            "preferredLanguage" => Self::LanguageRanges,
            "timezone" => Self::TimeZone,
            "country" => Self::Country,
            _ => return None,
        })
    }

    /// Returns values of the form, for `canonicalValues` of a schema: every country and time zone, and a few of the many
    /// languages. URIs have none.
    #[must_use]
    pub fn canonical_values(self) -> Vec<SmolStr> {
        let texts = |texts: &[&'static str]| texts.iter().copied().map(SmolStr::new_static).collect();
        match self {
            Self::UriReference => Vec::new(),
            Self::LanguageTag => texts(&[
                "de-DE", "en-GB", "en-US", "es-ES", "fr-FR", "ja-JP", "ko-KR", "pt-BR",
            ]),
            Self::LanguageRanges => texts(&["de", "en", "en-US", "es", "fr", "ja", "ko", "pt-BR"]),
            Self::TimeZone => TIME_ZONES.lines().map(SmolStr::new_static).collect(),
            Self::Country => COUNTRIES
                .split_ascii_whitespace()
                .map(SmolStr::new_static)
                .collect(),
        }
    }

    /// Returns true if a text has the form. Names of zones and countries are compared without regard to case.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        let is = |known: &str| known.eq_ignore_ascii_case(text);
        match self {
            Self::UriReference => is_uri_reference(text),
            Self::LanguageTag => is_language_tag(text),
            Self::LanguageRanges => text.split(',').all(is_language_range),
            Self::TimeZone => TIME_ZONES.lines().any(is),
            Self::Country => COUNTRIES.split_ascii_whitespace().any(is),
        }
    }

    /// What an attribute of the form takes, for a message.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::UriReference => "a URI",
            Self::LanguageTag => "a language tag such as `en-US`",
            Self::LanguageRanges => "languages such as `da, en-GB;q=0.8`",
            Self::TimeZone => "a time zone such as `America/Los_Angeles`",
            Self::Country => "a country of two letters such as `US`",
        }
    }
}

impl Attribute {
    /// The form of its strings.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match self.kind {
            AttributeType::Reference => Some(Format::UriReference),
            AttributeType::String => self.format,
            _ => None,
        }
    }
}

#[cfg(feature = "formats")]
fn is_uri_reference(text: &str) -> bool {
    iri_string::types::UriReferenceStr::new(text).is_ok()
}

/// Returns true if the text has none but the characters of RFC 3986: what stands where isn't looked at.
#[cfg(not(feature = "formats"))]
fn is_uri_reference(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    text.bytes().all(is_fit)
}

#[cfg(feature = "formats")]
fn is_language_tag(text: &str) -> bool {
    oxilangtag::LanguageTag::parse(text).is_ok()
}

/// Returns true if the text is made of subtags of one to eight letters and digits (RFC 5646 section 2.1): which may follow
/// which isn't looked at.
#[cfg(not(feature = "formats"))]
fn is_language_tag(text: &str) -> bool {
    let is_subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    text.split('-').all(is_subtag)
}

/// A language range with its weight, or without.
fn is_language_range(range: &str) -> bool {
    let (tag, weight) = range
        .split_once(';')
        .map_or((range, None), |(tag, weight)| (tag, Some(weight)));
    let is_weight = |weight: &str| {
        let digits = weight.trim().strip_prefix("q=").unwrap_or_default();
        digits.len() <= 5
            && digits
                .parse::<f32>()
                .is_ok_and(|weight| (0.0..=1.0).contains(&weight))
    };
    let tag = tag.trim();
    (tag == "*" || is_language_tag(tag)) && weight.is_none_or(is_weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_form() {
        for (format, fitting, unfit) in [
            (
                Format::UriReference,
                &[
                    "https://example.com/a?b#c",
                    "../Users/1",
                    "/Users/1",
                    "urn:a:b",
                    "mailto:a@b",
                    "a/b:c",
                ][..],
                &[
                    "not a url",
                    "https://h/<b>",
                    "%zz",
                    "http://[::1",
                    "1a:b",
                    "https://h/\u{e4}",
                ][..],
            ),
            (
                Format::LanguageTag,
                &["en", "en-US", "zh-Hant-TW", "de-CH-1996", "x-own"],
                &["no such locale!!", "en_US", "", "e", "en-"],
            ),
            (
                Format::LanguageRanges,
                &["en", "da, en-GB;q=0.8, *;q=0.1", "*"],
                &["", "en_US", "en;q=2", "en;weight=1", "en,"],
            ),
            (
                Format::TimeZone,
                &["America/Los_Angeles", "europe/berlin", "UTC", "Etc/GMT+1"],
                &[
                    "Mars/Base",
                    "",
                    "CET+1",
                    "Europe/Berlin\n",
                    "Pacific Standard Time",
                ],
            ),
            (
                Format::Country,
                &["US", "de"],
                &["Nowhere", "", "USA", "XX", "U S"],
            ),
        ] {
            for text in fitting {
                assert!(format.fits(text), "{format:?}: {text}");
            }
            for text in unfit {
                assert!(!format.fits(text), "{format:?}: {text}");
            }
        }
    }

    #[test]
    fn the_lists_are_those_of_the_crates_that_know_more() {
        let zones: Vec<_> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        let mut sorted = zones.clone();
        sorted.sort_unstable();
        assert_eq!(TIME_ZONES.lines().collect::<Vec<_>>(), sorted);
        let mut countries = rust_iso3166::ALL_ALPHA2.to_vec();
        countries.sort_unstable();
        assert_eq!(COUNTRIES.split_ascii_whitespace().collect::<Vec<_>>(), countries);
    }
}

//! What is known of servers beyond what they say, as data.

use keyfob_core::{
    Object, SmolStr, Value,
    json::{JsonError, object_from_slice},
};
use thiserror::Error;

use crate::capabilities::{Capabilities, Origin};

/// What is known of a server beyond what it says of itself.
///
/// The presets that come with the crate are JSON files in its folder `presets`; each value there has its source. Others
/// are read from files of the same form.
///
/// ```
/// use keyfob_client::{Preset, RemoveBy, Target};
///
/// let target = Target::rfc().preset(&Preset::named("aws").ok_or("no such preset")?);
/// assert_eq!(target.capabilities.members_per_patch.value, Some(100));
/// assert_eq!(target.capabilities.remove_by.value, RemoveBy::Value);
///
/// let own = Preset::from_json(br#"{"name": "mine", "capabilities": {"put": false, "maxPage": 20}}"#)?;
/// assert!(!target.preset(&own).capabilities.put.value);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    name: SmolStr,
    origin: Origin,
    capabilities: Object,
}

/// The error when a text is no preset.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PresetError {
    /// The text is no JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member of the file is not known.
    #[error("`{0}` is none of `name`, `origin`, `capabilities` and `sources`")]
    Member(SmolStr),
    /// A capability is not known.
    #[error("there is no capability `{0}`")]
    Name(SmolStr),
    /// The value of a capability, or a member of the file, does not fit.
    #[error("`{name}` is not {expected}")]
    Value {
        /// The capability.
        name: SmolStr,
        /// What it should be.
        expected: &'static str,
    },
}

macro_rules! built_in {
    ($($name:literal)*) => {
        const BUILT_IN: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../presets/", $name, ".json"))),)*];
    };
}

built_in! { "aws" "github" "google-cloud" "keyfob" "rfc" "slack" }

impl Preset {
    /// Returns the preset of this name that comes with the crate: `aws`, `github`, `google-cloud`, `keyfob`, `rfc` or
    /// `slack`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Self::from_json(text).ok()
    }

    /// Returns the names of the presets that come with the crate.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Reads a preset.
    ///
    /// # Errors
    /// [`PresetError`] names what is not known or does not fit: a limit that is not understood is not passed over.
    pub fn from_json(text: &[u8]) -> Result<Self, PresetError> {
        let wrong = |name: &str, expected| PresetError::Value {
            name: name.into(),
            expected,
        };
        let mut preset = Self {
            name: SmolStr::default(),
            origin: Origin::Preset,
            capabilities: Object::new(),
        };
        for (name, value) in object_from_slice(text)? {
            match (name.as_str(), value) {
                ("name", Value::String(text)) => preset.name = text,
                ("name", _) => return Err(wrong("name", "a string")),
                // A report of the probe is one of these files, and says so.
                ("origin", Value::String(text)) if text == "probed" => preset.origin = Origin::Probed,
                ("origin", Value::String(text)) if text == "preset" => preset.origin = Origin::Preset,
                ("origin", _) => return Err(wrong("origin", "`preset` or `probed`")),
                ("capabilities", Value::Object(capabilities)) => preset.capabilities = capabilities,
                ("capabilities", _) => return Err(wrong("capabilities", "an object")),
                ("sources", _) => {}
                (other, _) => return Err(PresetError::Member(other.into())),
            }
        }
        preset.apply(&mut Capabilities::rfc())?;
        Ok(preset)
    }

    /// Returns the same preset as something that somebody found out by trying.
    #[must_use]
    pub fn probed(self) -> Self {
        Self {
            origin: Origin::Probed,
            ..self
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts what it says over what is known.
    ///
    /// # Errors
    /// None for a preset that was read.
    pub(crate) fn apply(&self, capabilities: &mut Capabilities) -> Result<(), PresetError> {
        for (name, value) in self.capabilities.iter() {
            capabilities.set(name.as_str(), value, self.origin)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_of_the_crate_reads_and_has_its_own_name() {
        for name in Preset::names() {
            let preset = Preset::named(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(preset.name(), name);
        }
        assert_eq!(Preset::named("nobody"), None);
    }

    #[test]
    fn what_a_preset_says_and_nobody_understands_is_an_error() {
        for (text, message) in [
            (
                r#"{"capabilities": {"memberPerPatch": 1}}"#,
                "there is no capability `memberPerPatch`",
            ),
            (
                r#"{"capabilities": {"membersPerPatch": 0}}"#,
                "`membersPerPatch` is not a number from 1 on",
            ),
            (r#"{"capabilities": {"put": "no"}}"#, "`put` is not a boolean"),
            (
                r#"{"capabilities": {"filter": "some"}}"#,
                "`filter` is not one of its keywords",
            ),
            (r#"{"capabilities": []}"#, "`capabilities` is not an object"),
            (
                r#"{"limits": {}}"#,
                "`limits` is none of `name`, `origin`, `capabilities` and `sources`",
            ),
            (r#"{"origin": "given"}"#, "`origin` is not `preset` or `probed`"),
        ] {
            assert_eq!(
                Preset::from_json(text.as_bytes()).unwrap_err().to_string(),
                message
            );
        }
    }

    #[test]
    fn a_preset_that_was_probed_says_so_of_its_capabilities() {
        let text = br#"{"origin": "probed", "capabilities": {"maxPage": 50}}"#;
        let mut capabilities = Capabilities::rfc();
        Preset::from_json(text).unwrap().apply(&mut capabilities).unwrap();
        assert_eq!(
            (capabilities.max_page.value, capabilities.max_page.origin),
            (Some(50), Origin::Probed)
        );
        assert_eq!(capabilities.put.origin, Origin::Preset);
    }

    #[test]
    fn every_capability_of_a_preset_is_listed_under_its_name() {
        let listed: Vec<&str> = Capabilities::rfc()
            .list()
            .into_iter()
            .map(|(name, ..)| name)
            .collect();
        for name in Preset::names() {
            for (capability, _) in Preset::named(name).unwrap().capabilities.iter() {
                assert!(listed.contains(&capability.as_str()), "{name}: {capability}");
            }
        }
    }
}

//! The checks as data.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A check: what a server has to do, and how that is tried.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Check {
    /// The lasting name: its area, a dot, and what is checked.
    pub(super) id: String,
    pub(super) severity: Severity,
    #[serde(default)]
    pub(super) level: Level,
    /// If true, it sends nothing that changes the server.
    #[serde(default)]
    pub(super) reads: bool,
    /// Features and attributes without which it says nothing.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// The RFC and its section.
    pub(super) section: String,
    /// The sentence, `…` for what is left out.
    pub(super) sentence: String,
    /// What a right server does.
    pub(super) title: String,
    /// The identity providers that it hits, each with why.
    #[serde(default)]
    pub(super) providers: BTreeMap<String, String>,
    /// What the outcome says of the server's capabilities.
    #[serde(default)]
    pub(super) capability: Option<Learnt>,
    #[serde(rename = "do")]
    pub(super) action: Action,
}

/// What an outcome says of a capability by its name in presets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Learnt {
    pub(super) name: String,
    #[serde(default)]
    pub(super) passed: Option<Value>,
    #[serde(default)]
    pub(super) failed: Option<Value>,
}

/// How a check is tried.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Action {
    Filter(FilterRow),
    Patch(PatchRow),
    Request(RequestRow),
    /// The function of this name.
    Hook(String),
}

/// A filter, and which of the probe's own resources it finds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FilterRow {
    pub(super) filter: String,
    #[serde(default = "user")]
    pub(super) of: String,
    #[serde(default)]
    pub(super) finds: Vec<String>,
    /// The `scimType` of a refusal with 400.
    #[serde(default)]
    pub(super) refused: Option<String>,
}

/// A PATCH, the resource before it and after it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PatchRow {
    #[serde(default = "user")]
    pub(super) of: String,
    #[serde(default)]
    pub(super) before: Value,
    pub(super) operations: Value,
    /// What the resource has afterwards; null is what it must not have.
    #[serde(default)]
    pub(super) after: Value,
    /// The `scimType`s that a refusal with 400 may have; any for an empty list.
    #[serde(default)]
    pub(super) refused: Option<Vec<String>>,
}

/// A request, and what is answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RequestRow {
    #[serde(default = "get")]
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: Option<Value>,
    /// A body that is no JSON.
    #[serde(default)]
    pub(super) text: Option<String>,
    /// The resource type whose smallest resource the body is put over.
    #[serde(default)]
    pub(super) over: Option<String>,
    pub(super) status: Vec<u16>,
    /// What the answer has, when it is a success.
    #[serde(default)]
    pub(super) answer: Value,
}

fn user() -> String {
    "User".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

impl Check {
    /// Returns true if a word names the check, its area or one of its tags.
    pub(super) fn is_tagged(&self, tag: &str) -> bool {
        self.id == tag
            || self.area() == tag
            || self.tags.iter().any(|own| own == tag)
            || self.severity.as_str() == tag
    }

    fn area(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// Returns every word by which checks can be chosen.
pub(super) fn tags() -> Vec<&'static str> {
    let mut tags: Vec<&str> = CHECKS
        .iter()
        .flat_map(|check| {
            [check.area()]
                .into_iter()
                .chain(check.tags.iter().map(String::as_str))
        })
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

macro_rules! files {
    ($($name:literal)*) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../checks/", $name, ".json"))),)*];
    };
}

files! { "discovery" "resource" "filter" "patch" "list" "bulk" "etag" "errors" "security" "interop" "limits" "robust" }

/// Every check, in the order in which they run.
pub(super) static CHECKS: LazyLock<Vec<Check>> = LazyLock::new(|| {
    // A test reads every file, so that none is left out.
    let read = FILES
        .iter()
        .filter_map(|(_, text)| serde_json::from_str::<Vec<Check>>(text).ok());
    read.flatten().collect()
});

/// How much a departure matters, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// Somebody reads or changes what is not theirs.
    Security,
    /// What a client wrote is lost or changed, and the client isn't told.
    DataLoss,
    /// A sentence of the RFC with MUST, SHALL or REQUIRED doesn't hold.
    Must,
    /// A recommendation of the RFC isn't followed, or a sentence without a key word doesn't hold.
    Should,
    /// The RFC is kept, but an identity provider needs more.
    Interop,
    /// Worth knowing.
    Note,
}

impl Severity {
    const ALL: [Self; 6] = [
        Self::Security,
        Self::DataLoss,
        Self::Must,
        Self::Should,
        Self::Interop,
        Self::Note,
    ];

    /// Returns its word in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::DataLoss => "data-loss",
            Self::Must => "must",
            Self::Should => "should",
            Self::Interop => "interop",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|severity| severity.as_str() == text);
        found.ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|severity| severity.as_str()).collect();
            format!("`{text}` is no severity; there are {}", words.join(", "))
        })
    }
}

/// How far a run goes. Each level has the checks of those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Level {
    /// The needs of every client.
    Basic,
    /// All of the RFC, and what identity providers need beyond it.
    #[default]
    Rfc,
    /// Hostile and huge requests as well, which may bring down a weak server.
    Robust,
}

impl Level {
    /// Returns its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Rfc => "rfc",
            Self::Robust => "robust",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::probe::hook;

    #[test]
    fn every_file_of_checks_reads_and_every_check_has_a_name_of_its_own_and_a_function() {
        let mut ids = BTreeSet::new();
        for (name, text) in FILES {
            let checks: Vec<Check> =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            for check in checks {
                assert!(check.id.contains('.'), "{}", check.id);
                if let Action::Hook(hook) = &check.action {
                    assert!(hook::named(hook).is_some(), "{}: {hook}", check.id);
                }
                assert!(
                    check.severity != Severity::Interop || !check.providers.is_empty(),
                    "{}",
                    check.id
                );
                assert!(check.section.starts_with("RFC "), "{}", check.id);
                assert!(ids.insert(check.id.clone()), "{} twice", check.id);
            }
        }
        assert_eq!(ids.len(), CHECKS.len());
    }

    #[test]
    fn every_must_cites_a_sentence_of_the_rfc_with_its_section() {
        let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md");
        let table = std::fs::read_to_string(table).unwrap();
        let mut rows = BTreeSet::new();
        let mut rfc = "";
        for line in table.lines() {
            if let Some(heading) = line.strip_prefix("## RFC ") {
                rfc = heading.split(':').next().unwrap_or_default();
            }
            let mut cells = line.trim_matches('|').split(" | ");
            if let (Some(section), Some(sentence)) = (cells.next(), cells.next()) {
                rows.insert((
                    format!("RFC {rfc} section {}", section.trim()),
                    sentence.trim().to_owned(),
                ));
            }
        }
        for check in CHECKS.iter().filter(|check| check.severity == Severity::Must) {
            let cited = (check.section.clone(), check.sentence.clone());
            assert!(
                rows.contains(&cited),
                "{}: {} {}",
                check.id,
                check.section,
                check.sentence
            );
            let binds = ["MUST", "SHALL", "REQUIRED"];
            assert!(
                binds.iter().any(|word| check.sentence.contains(word)),
                "{}",
                check.id
            );
        }
    }
}

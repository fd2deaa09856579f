//! Earlier reports to compare with.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;

use super::report::{FORMAT, Finding, Report, Verdict};

/// The findings of an earlier report, which a later one is compared with.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// Which checks found something, and in which cases.
    found: BTreeSet<(String, String)>,
}

/// The changes since a [`Baseline`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changes<'r> {
    /// The findings that are new.
    pub new: Vec<&'r Finding>,
    /// The findings, by check and case, that are gone, though their checks were carried out.
    pub gone: Vec<(&'r str, &'r str)>,
    /// The number of findings that are in both.
    pub same: usize,
}

/// The error when a text is no earlier report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The text is no JSON of a report.
    #[error("this is no report of the probe in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The report is of another version of the form.
    #[error(
        "the report has the format {found}, and this version reads {FORMAT}: make a new one with `--json`"
    )]
    Format {
        /// The version of the report.
        found: u64,
    },
}

#[derive(Deserialize)]
struct Head {
    format: u64,
}

#[derive(Deserialize)]
struct Body {
    findings: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    check: String,
    case: String,
}

impl Baseline {
    /// Reads a report that [`Report::to_json`] wrote.
    ///
    /// # Errors
    /// [`BaselineError`] when the text is none, or one of another version.
    pub fn from_json(text: &[u8]) -> Result<Self, BaselineError> {
        // The version comes first: a report of another one may have another form altogether.
        let head: Head = serde_json::from_slice(text)?;
        if head.format != FORMAT {
            return Err(BaselineError::Format { found: head.format });
        }
        let body: Body = serde_json::from_slice(text)?;
        let found = body.findings.into_iter().map(|named| (named.check, named.case));
        Ok(Self {
            found: found.collect(),
        })
    }

    pub(super) fn changes<'r>(&'r self, report: &'r Report) -> Changes<'r> {
        let findings = report.findings();
        let now: BTreeSet<(&str, &str)> = findings
            .iter()
            .map(|finding| (finding.check.as_str(), finding.case.as_str()))
            .collect();
        // A check that was not carried out, or came to no result, says nothing of what it found before.
        let judged = |check: &str| {
            let mut outcomes = report.outcomes.iter();
            outcomes.any(|outcome| {
                outcome.check == check && matches!(outcome.verdict, Verdict::Passed | Verdict::Found(_))
            })
        };
        let gone = self
            .found
            .iter()
            .filter(|(check, case)| !now.contains(&(check.as_str(), case.as_str())) && judged(check));
        let is_new = |finding: &&Finding| {
            !self
                .found
                .contains(&(finding.check.clone(), finding.case.clone()))
        };
        let gone = gone
            .map(|(check, case)| (check.as_str(), case.as_str()))
            .collect();
        let all = findings.len();
        let new: Vec<&Finding> = findings.into_iter().filter(is_new).collect();
        Changes {
            same: all - new.len(),
            new,
            gone,
        }
    }
}

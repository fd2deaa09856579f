//! What a run found, as text and as JSON.

use std::{collections::BTreeMap, fmt::Write as _};

use keyfob_core::render::Printable;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    baseline::{Baseline, Changes},
    check::{Level, Severity},
    html, junit,
};

/// The version of the JSON form. A baseline of another one is refused.
pub(super) const FORMAT: u64 = 1;

/// The result of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The base URL.
    pub server: String,
    /// The word with which the names of the run's resources begin.
    pub run: String,
    /// How far the run went.
    pub level: Level,
    /// If true, nothing was sent that would change the server.
    pub read_only: bool,
    /// If true, the run was ended before its time.
    pub stopped: bool,
    /// The number of requests.
    pub requests: u64,
    /// What came of each check, in the order in which they were carried out.
    pub outcomes: Vec<Outcome>,
    /// What was learnt of the server's capabilities, as a preset in JSON.
    pub(super) capabilities: Value,
    /// The paths of resources that could not be removed.
    pub leftovers: Vec<String>,
}

/// What came of a check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The id of the check.
    pub check: String,
    /// What a right server does.
    pub title: String,
    /// How much a departure matters.
    pub severity: Severity,
    /// The result.
    pub verdict: Verdict,
}

/// The result of a check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The server does what it has to.
    Passed,
    /// It doesn't.
    Found(Vec<Finding>),
    /// The check does not apply, and why.
    Skipped(String),
    /// Something that the check needs first doesn't work, so that nothing can be said.
    Unclear(String),
}

/// A departure.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The id of the check.
    pub check: String,
    /// Which of several cases of the check it is, such as an attribute; empty if there is one.
    pub case: String,
    /// How much it matters.
    pub severity: Severity,
    /// The RFC and its section.
    pub section: String,
    /// The sentence of the RFC; `…` stands for words that are left out.
    pub sentence: String,
    /// What a right server does.
    pub expected: String,
    /// What this one did, on one line. What it quotes of the server doesn't act on a terminal.
    pub got: String,
    /// The identity providers that it hits, each with why.
    pub providers: BTreeMap<String, String>,
    /// The requests as commands of `curl` with their answers as comments. `$URL`, `$TOKEN` and `$OTHER_TOKEN` stand for the base URL
    /// and the tokens. Nothing in it acts on a terminal.
    pub transcript: Vec<String>,
}

impl Finding {
    /// Returns the severity, with the providers if it is theirs: `interop(entra, okta)`.
    #[must_use]
    pub fn label(&self) -> String {
        if self.severity != Severity::Interop {
            return self.severity.to_string();
        }
        let providers: Vec<&str> = self.providers.keys().map(String::as_str).collect();
        format!("interop({})", providers.join(", "))
    }

    /// Returns the id of the check, with the case if there are several.
    #[must_use]
    pub fn name(&self) -> String {
        if self.case.is_empty() {
            return self.check.clone();
        }
        format!("{} [{}]", self.check, self.case)
    }
}

impl Report {
    /// Returns the findings, the worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<&Finding> {
        let found = self.outcomes.iter().filter_map(|outcome| match &outcome.verdict {
            Verdict::Found(findings) => Some(findings),
            _ => None,
        });
        let mut findings: Vec<&Finding> = found.flatten().collect();
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    /// Returns the findings that matter as much as this or more.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings()
            .into_iter()
            .filter(move |finding| finding.severity <= severity)
    }

    /// Compares with an earlier report.
    #[must_use]
    pub fn changes<'r>(&'r self, baseline: &'r Baseline) -> Changes<'r> {
        baseline.changes(self)
    }

    /// Returns what was learnt of the server's capabilities, in the form that [`Preset::from_json`](keyfob_client::Preset::from_json)
    /// reads, each with the check that tells.
    #[must_use]
    pub fn capabilities(&self) -> String {
        pretty(&self.capabilities)
    }

    /// Returns the number of checks with each kind of verdict: passed, found, skipped, unclear.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for outcome in &self.outcomes {
            let place = match outcome.verdict {
                Verdict::Passed => 0,
                Verdict::Found(_) => 1,
                Verdict::Skipped(_) => 2,
                Verdict::Unclear(_) => 3,
            };
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        counts
    }

    /// Returns the last line of a report.
    #[must_use]
    pub fn summary(&self) -> String {
        let [passed, found, skipped, unclear] = self.counts();
        format!(
            "{} checks: {passed} passed, {found} with {} findings, {skipped} skipped, {unclear} unclear; {} requests",
            self.outcomes.len(),
            self.findings().len(),
            self.requests
        )
    }

    /// Returns the report as lines of text. What the server wrote is escaped.
    #[must_use]
    pub fn to_text(&self, baseline: Option<&Baseline>) -> String {
        let mut lines = Vec::new();
        let changes = baseline.map(|baseline| self.changes(baseline));
        let shown = changes
            .as_ref()
            .map_or_else(|| self.findings(), |changes| changes.new.clone());
        for finding in shown {
            text_of(finding, &mut lines);
        }
        if let Some(changes) = &changes {
            for (check, case) in &changes.gone {
                let case = if case.is_empty() {
                    String::new()
                } else {
                    format!(" [{case}]")
                };
                lines.push(format!("gone       {}", Printable(format!("{check}{case}"))));
            }
        }
        for outcome in &self.outcomes {
            if let Verdict::Unclear(reason) = &outcome.verdict {
                lines.push(format!("unclear    {}: {}", outcome.check, Printable(reason)));
            }
        }
        for path in &self.leftovers {
            lines.push(format!("not removed: {}", Printable(path)));
        }
        lines.push(self.summary());
        if let Some(changes) = &changes {
            lines.push(format!(
                "since the baseline: {} new, {} gone, {} as before",
                changes.new.len(),
                changes.gone.len(),
                changes.same
            ));
        }
        lines.join("\n")
    }

    /// Returns the report as JSON. [`Baseline::from_json`] reads it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let of = |wanted: fn(&Verdict) -> Option<&str>| -> Vec<Value> {
            let outcomes = self.outcomes.iter();
            let found = outcomes.filter_map(|outcome| Some((outcome, wanted(&outcome.verdict)?)));
            found
                .map(|(outcome, reason)| json!({"check": outcome.check, "reason": reason}))
                .collect()
        };
        let passed = self
            .outcomes
            .iter()
            .filter(|outcome| matches!(outcome.verdict, Verdict::Passed));
        pretty(&json!({
            "format": FORMAT,
            "server": self.server,
            "run": self.run,
            "level": self.level,
            "readOnly": self.read_only,
            "stopped": self.stopped,
            "requests": self.requests,
            "findings": self.findings(),
            "passed": passed.map(|outcome| outcome.check.as_str()).collect::<Vec<_>>(),
            "skipped": of(|verdict| match verdict {
                Verdict::Skipped(reason) => Some(reason),
                _ => None,
            }),
            "unclear": of(|verdict| match verdict {
                Verdict::Unclear(reason) => Some(reason),
                _ => None,
            }),
            "capabilities": self.capabilities,
            "notRemoved": self.leftovers,
        }))
    }

    /// Returns the report as XML of `JUnit`, a test case for each check. Findings of this severity or a worse one are failures.
    #[must_use]
    pub fn to_junit(&self, fail_on: Severity) -> String {
        junit::document(self, fail_on)
    }

    /// Returns the report as one HTML page, without scripts and without anything from elsewhere.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

fn text_of(finding: &Finding, lines: &mut Vec<String>) {
    let mut line = format!("{:<10} {}", finding.label(), Printable(finding.name()));
    lines.push(line.clone());
    line.clear();
    lines.push(format!("  expected {}", finding.expected));
    lines.push(format!("  got      {}", Printable(&finding.got)));
    lines.push(format!("  {}: “{}”", finding.section, finding.sentence));
    for (provider, why) in &finding.providers {
        write!(line, "  hits {provider}: {why}").ok();
        lines.push(std::mem::take(&mut line));
    }
    lines.extend(finding.transcript.iter().map(|command| format!("    {command}")));
    lines.push(String::new());
}

/// A value on several lines, for people and for versions under control.
fn pretty(value: &Value) -> String {
    // A `Value` is always written.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

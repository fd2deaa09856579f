//! Reports as XML of `JUnit`, which systems of continuous integration read.

use std::fmt::Write as _;

use super::{
    check::Severity,
    report::{Report, Verdict},
};
use crate::markup::escaped;

/// Returns the document: a suite, and a case for each check.
pub(super) fn document(report: &Report, fail_on: Severity) -> String {
    let mut cases = String::new();
    let (mut failures, mut skipped) = (0_usize, 0_usize);
    for outcome in &report.outcomes {
        let area = outcome.check.split('.').next().unwrap_or_default();
        write!(
            cases,
            "  <testcase classname=\"probe.{}\" name=\"{}\"",
            escaped(area),
            escaped(&outcome.check)
        )
        .ok();
        match &outcome.verdict {
            Verdict::Passed => cases.push_str("/>\n"),
            Verdict::Skipped(reason) | Verdict::Unclear(reason) => {
                skipped += 1;
                write!(
                    cases,
                    ">\n    <skipped message=\"{}\"/>\n  </testcase>\n",
                    escaped(reason)
                )
                .ok();
            }
            Verdict::Found(findings) => {
                let mut output = String::new();
                let mut worst = None;
                for finding in findings {
                    if finding.severity <= fail_on && worst.is_none() {
                        worst = Some(finding);
                    }
                    writeln!(output, "{}: {}", finding.name(), finding.got).ok();
                    writeln!(output, "{}: {}", finding.section, finding.sentence).ok();
                    for line in &finding.transcript {
                        writeln!(output, "{line}").ok();
                    }
                }
                cases.push_str(">\n");
                if let Some(finding) = worst {
                    failures += 1;
                    write!(
                        cases,
                        "    <failure type=\"{}\" message=\"{}\">{}</failure>\n  </testcase>\n",
                        escaped(&finding.label()),
                        escaped(&finding.got),
                        escaped(&output)
                    )
                    .ok();
                } else {
                    write!(
                        cases,
                        "    <system-out>{}</system-out>\n  </testcase>\n",
                        escaped(&output)
                    )
                    .ok();
                }
            }
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"keyfob probe\" tests=\"{}\" failures=\"{failures}\" \
         errors=\"0\" skipped=\"{skipped}\">\n{cases}</testsuite>\n",
        report.outcomes.len()
    )
}

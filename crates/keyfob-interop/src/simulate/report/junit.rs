//! Reports as the XML that build servers read.

use std::fmt::Write;

use super::{Report, Verdict};
use crate::markup::escaped;

impl Report {
    /// Returns the report in the XML of `JUnit`: a test case for each step. `damage` and `stops` are failures, `skipped` is
    /// skipped, and what else there is to say stands in `system-out`.
    #[must_use]
    pub fn junit(&self) -> String {
        let failures = self.count(Verdict::Damage) + self.count(Verdict::Stops);
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        writeln!(
            xml,
            "<testsuites><testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{}\">",
            escaped(&self.subject()),
            self.steps.len(),
            self.count(Verdict::Skipped)
        )
        .ok();
        let properties = [
            ("url", self.url.as_str()),
            ("run", &self.run),
            ("seed", &self.seed.to_string()),
        ]
        .map(|(name, value)| format!("<property name=\"{name}\" value=\"{}\"/>", escaped(value)));
        writeln!(xml, "<properties>{}</properties>", properties.concat()).ok();
        for step in &self.steps {
            writeln!(
                xml,
                "<testcase classname=\"{}.{}\" name=\"{}\" time=\"0\">",
                escaped(&self.provider),
                escaped(&step.phase),
                escaped(&format!("{} [{}]", step.name, step.evidence_text()))
            )
            .ok();
            let mut lines: Vec<String> = step
                .findings
                .iter()
                .map(|finding| format!("{}: {finding}", finding.verdict))
                .collect();
            match step.verdict {
                Verdict::Damage | Verdict::Stops => {
                    let first = step
                        .findings
                        .iter()
                        .find(|finding| finding.verdict == step.verdict);
                    let message = first.map(ToString::to_string).unwrap_or_default();
                    writeln!(
                        xml,
                        "<failure type=\"{}\" message=\"{}\">{}</failure>",
                        step.verdict,
                        escaped(&message),
                        escaped(&lines.join("\n"))
                    )
                    .ok();
                    lines.clear();
                }
                Verdict::Skipped => {
                    writeln!(xml, "<skipped message=\"{}\"/>", escaped(&lines.join("; "))).ok();
                    lines.clear();
                }
                Verdict::Ok | Verdict::Tolerated | Verdict::Retries => {}
            }
            lines.extend(step.doubts().map(|doubt| format!("note: {doubt}")));
            if !lines.is_empty() {
                writeln!(xml, "<system-out>{}</system-out>", escaped(&lines.join("\n"))).ok();
            }
            xml.push_str("</testcase>\n");
        }
        xml.push_str("</testsuite></testsuites>\n");
        xml
    }
}

//! Reports for people at a terminal.

use std::fmt::Write;

use keyfob_core::render::Printable;

use super::{Report, StepReport, clock};

impl Report {
    /// Returns the report for people, as lines.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} against {}, run {}, seed {}\n",
            Printable(self.subject()),
            Printable(&self.url),
            self.run,
            self.seed
        );
        for step in &self.steps {
            text.push_str(&step.text());
        }
        if let Some(ended) = &self.ended {
            writeln!(text, "ended early: {}", Printable(ended)).ok();
        }
        if !self.left.is_empty() {
            let left: Vec<String> = self.left.iter().map(|left| Printable(left).to_string()).collect();
            writeln!(text, "left at the server: {}", left.join(", ")).ok();
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }
}

impl StepReport {
    /// Returns the lines of a step: one, and one more for each finding and for each fact that is in doubt.
    #[must_use]
    pub fn text(&self) -> String {
        let counted = match (self.objects, self.requests) {
            (0, 0) => String::new(),
            (0 | 1, requests) => format!(", {}", plural(requests, "request")),
            (objects, requests) => {
                format!(", {}, {}", plural(objects, "object"), plural(requests, "request"))
            }
        };
        let mut text = format!(
            "{:<9} {:>5}  {}/{}: {} [{}]{counted}\n",
            self.verdict,
            clock(self.at),
            Printable(&self.phase),
            Printable(&self.name),
            Printable(&self.title),
            Printable(self.evidence_text()),
        );
        for finding in self.shown() {
            writeln!(text, "          {}: {}", finding.verdict, Printable(finding)).ok();
        }
        let hidden = self.findings.len() - self.shown().len();
        if hidden > 0 {
            writeln!(text, "          and {hidden} more").ok();
        }
        for doubt in self.doubts() {
            writeln!(text, "          note: {}", Printable(doubt)).ok();
        }
        text
    }

    /// Returns the findings that are shown to people: the first of them, since many objects often fail alike.
    fn shown(&self) -> &[super::Finding] {
        self.findings.get(..5).unwrap_or(&self.findings)
    }
}

fn plural(count: usize, of: &str) -> String {
    if count == 1 {
        format!("1 {of}")
    } else {
        format!("{count} {of}s")
    }
}

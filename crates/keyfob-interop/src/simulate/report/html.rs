//! Reports as one page of HTML, without scripts and without anything from elsewhere.

use std::fmt::Write;

use super::{Report, clock};
use crate::markup::escaped;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1b1b;background:#fff}\
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #ccc;padding:.35rem .5rem;text-align:left;vertical-align:top}\
td ul{margin:.3rem 0 0;padding-left:1.2rem}td{overflow-wrap:anywhere}.damage,.stops{color:#a40000;font-weight:700}\
.retries,.tolerated{color:#7a4b00}.skipped{color:#555}.ok{color:#0a5c0a}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}.damage,.stops{color:#ff8a80}.retries,.tolerated{color:#ffd180}\
.skipped{color:#bbb}.ok{color:#a5d6a7}}";

impl Report {
    /// Returns the report as a page of HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let title = escaped(&format!("{} against {}", self.subject(), self.url));
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
             <p>Run {}, seed {}. <strong class=\"{}\">{}</strong>.</p>\n",
            escaped(&self.run),
            self.seed,
            self.verdict(),
            escaped(&self.summary())
        );
        if let Some(ended) = &self.ended {
            writeln!(html, "<p>Ended early: {}</p>", escaped(ended)).ok();
        }
        if !self.left.is_empty() {
            writeln!(
                html,
                "<p>Left at the server: {}</p>",
                escaped(&self.left.join(", "))
            )
            .ok();
        }
        html.push_str(
            "<table><thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">Clock</th><th scope=\"col\">Step</th>\
             <th scope=\"col\">Evidence</th><th scope=\"col\">Requests</th></tr></thead><tbody>\n",
        );
        for step in &self.steps {
            let mut notes = String::new();
            for finding in &step.findings {
                write!(
                    notes,
                    "<li class=\"{0}\">{0}: {1}</li>",
                    finding.verdict,
                    escaped(&finding.to_string())
                )
                .ok();
            }
            for doubt in step.doubts() {
                write!(notes, "<li>note: {}</li>", escaped(&doubt)).ok();
            }
            if !notes.is_empty() {
                notes = format!("<ul>{notes}</ul>");
            }
            writeln!(
                html,
                "<tr><td class=\"{0}\">{0}</td><td>{1}</td><td><strong>{2}/{3}</strong>: {4}{notes}</td><td>{5}</td><td>{6}</td></tr>",
                step.verdict,
                clock(step.at),
                escaped(&step.phase),
                escaped(&step.name),
                escaped(&step.title),
                escaped(&step.evidence_text()),
                step.requests
            )
            .ok();
        }
        html.push_str("</tbody></table>\n</body></html>\n");
        html
    }
}

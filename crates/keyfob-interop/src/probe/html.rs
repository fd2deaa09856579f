//! Reports as one HTML page.

use std::fmt::Write as _;

use super::report::{Finding, Report, Verdict};
use crate::markup::escaped;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    pre{background:#8881;padding:.7rem;overflow-x:auto;font-size:13px}blockquote{margin:.5rem 0;padding-left:1rem;border-left:3px solid #8886}\
    section{border-top:1px solid #8885;padding:.5rem 0}.label{font-weight:600;padding:0 .4rem;border:1px solid;border-radius:4px}\
    .security,.data-loss{color:#b00020}.must{color:#b35900}table{border-collapse:collapse}td,th{text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top}\
    @media(prefers-color-scheme:dark){body{background:#16181c;color:#e6e6e6}.security,.data-loss{color:#ff8a80}.must{color:#ffb74d}}";

/// Returns the page. It has no script, and loads nothing.
pub(super) fn page(report: &Report) -> String {
    let mut body = String::new();
    for finding in report.findings() {
        section(&mut body, finding);
    }
    if report.findings().is_empty() {
        body.push_str("<p>Nothing was found.</p>\n");
    }
    body.push_str("<h2>All checks</h2>\n<table>\n<tr><th>check</th><th>result</th><th>what a right server does</th></tr>\n");
    for outcome in &report.outcomes {
        let result = match &outcome.verdict {
            Verdict::Passed => "passed".to_owned(),
            Verdict::Found(findings) => format!("{} findings", findings.len()),
            Verdict::Skipped(reason) => format!("skipped: {reason}"),
            Verdict::Unclear(reason) => format!("unclear: {reason}"),
        };
        writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&outcome.check),
            escaped(&result),
            escaped(&outcome.title)
        )
        .ok();
    }
    body.push_str("</table>\n");
    for path in &report.leftovers {
        writeln!(body, "<p>Not removed: <code>{}</code></p>", escaped(path)).ok();
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Probe of {server}</title><style>{STYLE}</style></head>\n<body>\n<h1>Probe of {server}</h1>\n<p>{summary}</p>\n{body}</body>\n</html>\n",
        server = escaped(&report.server),
        summary = escaped(&report.summary()),
    )
}

fn section(body: &mut String, finding: &Finding) {
    let name = escaped(&finding.name());
    write!(
        body,
        "<section>\n<h2><span class=\"label {}\">{}</span> {name}</h2>\n<table>\n<tr><th>expected</th><td>{}</td></tr>\n\
         <tr><th>got</th><td>{}</td></tr>\n",
        finding.severity,
        escaped(&finding.label()),
        escaped(&finding.expected),
        escaped(&finding.got),
    )
    .ok();
    for (provider, why) in &finding.providers {
        writeln!(
            body,
            "<tr><th>{}</th><td>{}</td></tr>",
            escaped(provider),
            escaped(why)
        )
        .ok();
    }
    writeln!(
        body,
        "</table>\n<blockquote>{}<br>{}</blockquote>\n<pre>{}</pre>\n</section>",
        escaped(&finding.sentence),
        escaped(&finding.section),
        escaped(&finding.transcript.join("\n")),
    )
    .ok();
}

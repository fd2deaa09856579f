//! What each variant sends, byte for byte. `KEYFOB_WRITE_TRANSCRIPTS=1` writes the files anew.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use keyfob_interop::simulate::{Report, Scenario, Sender};

use crate::server::{Tamper, run_with, simulation, variants};

/// Returns the requests of the provider as they go over the wire, with the facts that each step rests on.
fn transcript(report: &Report) -> String {
    let mut text = String::new();
    let mut last = "";
    for sent in report
        .transcript
        .iter()
        .filter(|sent| sent.sender == Sender::Provider)
    {
        if sent.step != last {
            last = &sent.step;
            let step = report
                .steps
                .iter()
                .find(|step| sent.step == format!("{}/{}", step.phase, step.name));
            let step = step.unwrap_or_else(|| panic!("{}", sent.step));
            writeln!(text, "### {} [{}]", sent.step, step.evidence_text()).unwrap();
        }
        let path = sent.url.strip_prefix("http://localhost").unwrap();
        writeln!(text, "{} {path}", sent.method).unwrap();
        for (name, value) in &sent.headers {
            writeln!(text, "{name}: {value}").unwrap();
        }
        if !sent.body.is_empty() {
            writeln!(text, "{}", str::from_utf8(&sent.body).unwrap()).unwrap();
        }
        writeln!(text, "-> {}\n", sent.answer.as_ref().unwrap().status).unwrap();
    }
    text
}

#[test]
fn each_variant_sends_what_its_transcript_says_byte_for_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/golden");
    for (provider, variant) in variants() {
        let (report, ..) = run_with(simulation(provider, variant.as_deref()), |_| Tamper::Pass);
        let name = match &variant {
            Some(variant) => format!("{provider}-{variant}.txt"),
            None => format!("{provider}.txt"),
        };
        let found = transcript(&report);
        if std::env::var_os("KEYFOB_WRITE_TRANSCRIPTS").is_some() {
            fs::write(folder.join(&name), &found).unwrap();
        }
        let expected = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "{name}, line {}", number + 1);
        }
        assert_eq!(found.len(), expected.len(), "{name}");
        assert!(!found.contains("kf_"), "a token is in {name}");
    }
}

/// Facts that are about what is not sent, or about whole cycles: no request shows them.
const WITHOUT_REQUEST: [&str; 3] = ["E6", "E18", "E19"];

#[test]
fn every_fact_that_a_request_can_show_has_a_step_that_shows_it() {
    for provider in Scenario::providers() {
        let scenario = Scenario::built_in(provider).unwrap();
        let variants: Vec<Option<&str>> = scenario
            .variants()
            .map(|(name, _)| Some(name))
            .chain([None])
            .collect();
        let shown: BTreeSet<String> = variants
            .iter()
            .flat_map(|variant| scenario.steps(*variant))
            .flat_map(|(.., evidence)| evidence.iter().map(ToString::to_string))
            .collect();
        for fact in scenario.evidence() {
            let is_rule = WITHOUT_REQUEST.contains(&fact.id.as_str()) || fact.id == "O9";
            assert_eq!(shown.contains(fact.id.as_str()), !is_rule, "{}", fact.id);
        }
    }
}

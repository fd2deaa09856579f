//! Reports for programs.

use keyfob_core::{Object, SmolStr, Value, json::object_to_vec};

use super::{Finding, Report, StepReport};
use crate::simulate::scenario::Evidence;

impl Report {
    /// Returns the report as a JSON object.
    ///
    /// `steps` holds what was done, each with `verdict`, `evidence` and `findings`; `left` what was not removed.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let mut object = Object::new();
        object.insert("provider", self.provider.clone());
        insert(&mut object, "variant", self.variant.clone());
        object.insert("url", self.url.clone());
        object.insert("run", self.run.clone());
        // A number beyond 2^63 is no number of JSON that everybody reads.
        object.insert("seed", SmolStr::from(self.seed.to_string()));
        object.insert("verdict", self.verdict().as_str());
        object.insert("clean", self.is_clean());
        insert(&mut object, "ended", self.ended.clone());
        object.insert("steps", self.steps.iter().map(step).collect::<Vec<Value>>());
        object.insert(
            "left",
            self.left.iter().cloned().map(Value::from).collect::<Vec<_>>(),
        );
        object_to_vec(&object)
    }
}

fn step(step: &StepReport) -> Value {
    let mut object = Object::new();
    object.insert("phase", step.phase.clone());
    object.insert("name", step.name.clone());
    object.insert("title", step.title.clone());
    object.insert("verdict", step.verdict.as_str());
    object.insert("objects", number(step.objects));
    object.insert("requests", number(step.requests));
    object.insert("atMillis", i64::try_from(step.at.as_millis()).unwrap_or(i64::MAX));
    object.insert("evidence", step.evidence.iter().map(evidence).collect::<Vec<_>>());
    object.insert(
        "doubts",
        step.doubts()
            .map(|doubt| Value::String(doubt.into()))
            .collect::<Vec<_>>(),
    );
    object.insert("findings", step.findings.iter().map(finding).collect::<Vec<_>>());
    object.into()
}

fn evidence(fact: &Evidence) -> Value {
    let mut object = Object::new();
    object.insert("id", fact.id.clone());
    let classes = fact.classes.iter().map(|class| class.letter().into());
    object.insert("classes", classes.collect::<Vec<Value>>());
    object.into()
}

fn finding(finding: &Finding) -> Value {
    let mut object = Object::new();
    object.insert("verdict", finding.verdict.as_str());
    object.insert("object", finding.object.clone());
    insert(
        &mut object,
        "request",
        finding.request.as_deref().map(SmolStr::new),
    );
    if let Some(status) = finding.status {
        object.insert("status", i64::from(status));
    }
    object.insert("says", finding.says.as_str());
    insert(&mut object, "consequence", finding.consequence.clone());
    let ids = finding.evidence.iter().map(|fact| fact.id.clone().into());
    object.insert("evidence", ids.collect::<Vec<Value>>());
    object.into()
}

fn insert(object: &mut Object, name: &str, text: Option<SmolStr>) {
    if let Some(text) = text {
        object.insert(name, text);
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

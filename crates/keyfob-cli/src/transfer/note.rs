//! Counts of the parts that an import passes over: attributes that no schema has and members that aren't there.

use std::collections::BTreeMap;

use keyfob_core::{SmolStr, validate::IgnoreRule};
use keyfob_engine::Imported;

use crate::output;

/// The number of different notes. Further ones are counted together.
const NOTES: usize = 100;

/// The parts of lines that were passed over.
#[derive(Default)]
pub(super) struct Notes {
    /// The number of lines for each attribute and rule, and the first of them.
    ignored: BTreeMap<(SmolStr, &'static str), (u64, u64)>,
    /// The lines for which there was no room.
    further: u64,
    /// The members that were left out, and the first line with one.
    left_out: Option<(u64, u64)>,
}

impl Notes {
    /// Notes what a line came to.
    pub(super) fn add(&mut self, line: u64, imported: &Imported) {
        let lost = imported.ignored.iter().filter(|ignored| is_loss(ignored.rule));
        for ignored in lost {
            let key = (ignored.attribute.clone(), ignored.rule.as_str());
            if self.ignored.len() >= NOTES && !self.ignored.contains_key(&key) {
                self.further += 1;
                continue;
            }
            let (count, _) = self.ignored.entry(key).or_insert((0, line));
            *count += 1;
        }
        if !imported.left_out.is_empty() {
            let (count, _) = self.left_out.get_or_insert((0, line));
            *count += imported.left_out.len() as u64;
        }
    }

    /// Tells people what was passed over.
    pub(super) fn report(&self) {
        for ((attribute, rule), (count, first)) in &self.ignored {
            output::report(&format!(
                "left out: `{attribute}` ({rule}), lines: {count}, the first of them {first}"
            ));
        }
        if self.further > 0 {
            output::report(&format!("left out: further attributes, lines: {}", self.further));
        }
        if let Some((count, first)) = self.left_out {
            output::report(&format!(
                "left out: {count} members that do not exist, the first of them in line {first}"
            ));
        }
    }
}

/// Returns true if something is lost. An exported resource has an `id` and `meta`, which the service makes anew.
fn is_loss(rule: IgnoreRule) -> bool {
    !matches!(
        rule,
        IgnoreRule::ReadOnly | IgnoreRule::RepeatedReadOnly | IgnoreRule::Derived
    )
}

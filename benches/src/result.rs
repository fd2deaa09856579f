//! Results of benches as JSON, one a line, and their comparison.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// The time of one run of what is ours and of the floor, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a line of a file")]
pub struct Measured {
    /// The measurement of keyfob.
    pub keyfob: f64,
    /// The floor.
    pub floor: f64,
}

impl Measured {
    /// Returns how many times longer ours takes than the floor: what is compared, since it is the same on a machine that is
    /// slower or busier.
    #[must_use]
    pub fn ratio(self) -> f64 {
        self.keyfob / self.floor
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    #[serde(rename = "keyfob_ns")]
    keyfob: f64,
    #[serde(rename = "floor_ns")]
    floor: f64,
}

/// Writes a result as a line.
///
/// # Errors
/// Those of `serde_json`.
pub fn line(name: &str, measured: Measured) -> serde_json::Result<String> {
    let Measured { keyfob, floor } = measured;
    let name = name.to_owned();
    serde_json::to_string(&Line { name, keyfob, floor }).map(|line| line + "\n")
}

/// Reads lines. Of several results of one bench, as from several runs, the smallest ratio counts: whatever else the machine
/// did made the others larger.
///
/// # Errors
/// The line that is no result.
pub fn read(text: &str) -> Result<BTreeMap<String, Measured>, String> {
    let mut results: BTreeMap<String, Measured> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Line { name, keyfob, floor } =
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        let measured = Measured { keyfob, floor };
        if !(measured.ratio().is_finite() && floor > 0.0) {
            return Err(format!("line {number}: the times have no ratio"));
        }
        let present = results.entry(name).or_insert(measured);
        if measured.ratio() < present.ratio() {
            *present = measured;
        }
    }
    Ok(results)
}

/// The benches of a run beside those of another.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    threshold: f64,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    baseline: Option<f64>,
    current: Option<f64>,
}

/// Compares the benches whose name contains a text.
#[must_use]
pub fn compare(
    baseline: &BTreeMap<String, Measured>,
    current: &BTreeMap<String, Measured>,
    threshold: f64,
    filter: &str,
) -> Comparison {
    let mut names: Vec<&String> = baseline.keys().chain(current.keys()).collect();
    names.sort();
    names.dedup();
    let ratio =
        |run: &BTreeMap<String, Measured>, name: &String| run.get(name).map(|measured| measured.ratio());
    let wanted = names.into_iter().filter(|name| name.contains(filter));
    let rows = wanted.map(|name| Row {
        name: name.clone(),
        baseline: ratio(baseline, name),
        current: ratio(current, name),
    });
    Comparison {
        threshold,
        rows: rows.collect(),
    }
}

impl Row {
    fn change(&self) -> Option<f64> {
        Some(self.current? / self.baseline?)
    }
}

impl Comparison {
    /// Returns true if a bench is slower than the threshold allows, and if there was nothing to compare, which is no
    /// comparison that anybody should be glad of.
    #[must_use]
    pub fn is_slower(&self) -> bool {
        let mut changes = self.rows.iter().filter_map(Row::change).peekable();
        changes.peek().is_none() || changes.any(|change| change > self.threshold)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut compared = 0;
        for row in &self.rows {
            let number = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
            let verdict = match row.change() {
                None => "not in both",
                Some(change) if change > self.threshold => "SLOWER",
                Some(change) if change < 1.0 / self.threshold => "faster",
                Some(_) => "equal",
            };
            compared += usize::from(row.change().is_some());
            let (baseline, current) = (number(row.baseline), number(row.current));
            writeln!(f, "{verdict:>11}  {baseline:>8} -> {current:>8}  {}", row.name)?;
        }
        write!(f, "{compared} compared, threshold {:.2}", self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(results: &[(&str, f64, f64)]) -> BTreeMap<String, Measured> {
        let lines = results.iter().map(|(name, keyfob, floor)| {
            line(
                name,
                Measured {
                    keyfob: *keyfob,
                    floor: *floor,
                },
            )
            .unwrap()
        });
        read(&lines.collect::<String>()).unwrap()
    }

    #[test]
    fn ratios_are_compared_and_not_times() {
        let baseline = run(&[
            ("decode", 100.0, 50.0),
            ("encode", 10.0, 10.0),
            ("gone", 1.0, 1.0),
        ]);
        // A machine that is three times slower.
        let current = run(&[
            ("decode", 300.0, 150.0),
            ("encode", 33.0, 30.0),
            ("new", 1.0, 1.0),
        ]);
        let comparison = compare(&baseline, &current, 1.15, "");
        assert!(!comparison.is_slower(), "{comparison}");
        let shown = comparison.to_string();
        assert!(shown.ends_with("2 compared, threshold 1.15"), "{shown}");
        assert_eq!(shown.matches("not in both").count(), 2);
        let slower = compare(&baseline, &current, 1.05, "");
        assert!(
            slower.is_slower() && slower.to_string().contains("SLOWER"),
            "{slower}"
        );
        assert!(!compare(&baseline, &current, 1.05, "decode").is_slower());
        assert!(compare(&baseline, &current, 2.0, "nothing").is_slower());
    }

    #[test]
    fn the_best_of_several_runs_counts_and_what_is_no_result_is_refused() {
        let best = run(&[("a", 30.0, 10.0), ("a", 20.0, 10.0), ("a", 25.0, 10.0)]);
        assert_eq!(best.get("a").map(|measured| measured.ratio()), Some(2.0));
        for text in ["{}", "x", r#"{"name": "a", "keyfob_ns": 1, "floor_ns": 0}"#] {
            assert!(read(text).unwrap_err().starts_with("line 1: "), "{text}");
        }
    }
}

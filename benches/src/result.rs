//! Results of benches as JSON, one a line, and their comparison.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// The time of one run of what is ours and of the floor.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a line of a file")]
pub struct Measured {
    /// The fastest run of keyfob, in nanoseconds.
    pub keyfob: f64,
    /// The fastest run of the floor, in nanoseconds.
    pub floor: f64,
    /// The time of ours in times of the floor.
    pub ratio: Ratio,
}

/// The time of ours in times of the floor, both measured at the same time: it is compared, since it is the same on a machine
/// that is slower or busier.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "three numbers of one list")]
pub struct Ratio {
    /// The bound that the median is hardly below, by the number of the pairs and how far they are apart.
    pub low: f64,
    /// The middle one.
    pub median: f64,
    /// The bound that it is hardly above.
    pub high: f64,
}

impl Ratio {
    /// Returns the median of ratios and its bounds at three standard errors; infinity of none.
    ///
    /// The bounds are ratios themselves, one and a half roots of their number away in their order, whatever else they are
    /// distributed like.
    #[must_use]
    pub fn of(mut ratios: Vec<f64>) -> Self {
        ratios.sort_by(f64::total_cmp);
        let last = ratios.len().saturating_sub(1);
        let at = |place: usize| ratios.get(place).copied().unwrap_or(f64::INFINITY);
        // The root of nine quarters of the number, rounded up.
        let away = (last * 9).div_ceil(4).isqrt() + 1;
        let middle = last / 2;
        Self {
            low: at(middle.saturating_sub(away)),
            median: at(middle),
            high: at((middle + away).min(last)),
        }
    }

    /// Returns the ratio of several runs: the median of their medians, within the bounds of all. Where its memory lies sways
    /// a run by some percent, which its own pairs can't tell. The middle half of five runs or more says by how much, and then
    /// bounds the median instead.
    fn of_runs(mut runs: Vec<Self>) -> Self {
        runs.sort_by(|left, right| left.median.total_cmp(&right.median));
        let median = Self::of(runs.iter().map(|run| run.median).collect()).median;
        let quarter = (runs.len() + 1) / 4;
        let half = runs.get(quarter..runs.len().saturating_sub(quarter));
        if let (true, Some([lowest, .., highest])) = (runs.len() >= 5, half) {
            return Self {
                low: lowest.median,
                median,
                high: highest.median,
            };
        }
        Self {
            low: runs.iter().map(|run| run.low).fold(median, f64::min),
            median,
            high: runs.iter().map(|run| run.high).fold(median, f64::max),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    keyfob_ns: f64,
    floor_ns: f64,
    ratio: f64,
    low: f64,
    high: f64,
}

/// Writes a result as a line.
///
/// # Errors
/// Those of `serde_json`.
pub fn line(name: &str, measured: Measured) -> serde_json::Result<String> {
    let Measured { keyfob, floor, ratio } = measured;
    let line = Line {
        name: name.to_owned(),
        keyfob_ns: keyfob,
        floor_ns: floor,
        ratio: ratio.median,
        low: ratio.low,
        high: ratio.high,
    };
    serde_json::to_string(&line).map(|line| line + "\n")
}

/// Reads the ratios in lines. Of several results of one bench, as from several runs, the median counts.
///
/// # Errors
/// The line that is no result.
pub fn read(text: &str) -> Result<BTreeMap<String, Ratio>, String> {
    let mut results: BTreeMap<String, Vec<Ratio>> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        let (low, median, high) = (line.low, line.ratio, line.high);
        if !(low > 0.0 && low <= median && median <= high && high.is_finite()) {
            return Err(format!("line {number}: {low}, {median} and {high} are no ratios"));
        }
        let runs = results.entry(line.name).or_default();
        runs.push(Ratio { low, median, high });
    }
    let results = results.into_iter();
    Ok(results.map(|(name, runs)| (name, Ratio::of_runs(runs))).collect())
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
    baseline: Option<Ratio>,
    current: Option<Ratio>,
}

/// The result of the comparison of one bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Missing,
    Equal,
    Faster,
    Slower,
    /// Beyond the threshold, but not beyond what the medians may be.
    Unclear,
}

/// Compares the benches whose name contains a text.
#[must_use]
pub fn compare(
    baseline: &BTreeMap<String, Ratio>,
    current: &BTreeMap<String, Ratio>,
    threshold: f64,
    filter: &str,
) -> Comparison {
    let mut names: Vec<&String> = baseline.keys().chain(current.keys()).collect();
    names.sort();
    names.dedup();
    let wanted = names.into_iter().filter(|name| name.contains(filter));
    let rows = wanted.map(|name| Row {
        name: name.clone(),
        baseline: baseline.get(name).copied(),
        current: current.get(name).copied(),
    });
    Comparison {
        threshold,
        rows: rows.collect(),
    }
}

impl Row {
    fn verdict(&self, threshold: f64) -> Verdict {
        let (Some(baseline), Some(current)) = (self.baseline, self.current) else {
            return Verdict::Missing;
        };
        let change = current.median / baseline.median;
        match () {
            () if change > threshold && current.low > baseline.high => Verdict::Slower,
            () if change < 1.0 / threshold && current.high < baseline.low => Verdict::Faster,
            () if change > threshold || change < 1.0 / threshold => Verdict::Unclear,
            () => Verdict::Equal,
        }
    }
}

impl Comparison {
    fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        self.rows.iter().map(|row| row.verdict(self.threshold))
    }

    /// Returns true if a bench is slower than the threshold allows, and if there was nothing to compare, which is no
    /// comparison that anybody should be glad of.
    #[must_use]
    pub fn is_slower(&self) -> bool {
        let mut verdicts = self.verdicts().filter(|verdict| *verdict != Verdict::Missing);
        let first = verdicts.next();
        first.is_none_or(|first| first == Verdict::Slower)
            || verdicts.any(|verdict| verdict == Verdict::Slower)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (row, verdict) in self.rows.iter().zip(self.verdicts()) {
            let number =
                |ratio: Option<Ratio>| ratio.map_or("-".into(), |ratio| format!("{:.2}", ratio.median));
            let said = match verdict {
                Verdict::Missing => "not in both",
                Verdict::Equal => "equal",
                Verdict::Faster => "faster",
                Verdict::Slower => "SLOWER",
                Verdict::Unclear => "unclear",
            };
            let (baseline, current) = (number(row.baseline), number(row.current));
            writeln!(f, "{said:>11}  {baseline:>8} -> {current:>8}  {}", row.name)?;
        }
        let compared = self.verdicts().filter(|verdict| *verdict != Verdict::Missing);
        write!(
            f,
            "{} compared, threshold {:.2}",
            compared.count(),
            self.threshold
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(median: f64) -> Ratio {
        Ratio {
            low: median * 0.98,
            median,
            high: median * 1.02,
        }
    }

    fn run(results: &[(&str, Ratio)]) -> BTreeMap<String, Ratio> {
        let lines = results.iter().map(|&(name, ratio)| {
            let measured = Measured {
                keyfob: ratio.median * 10.0,
                floor: 10.0,
                ratio,
            };
            line(name, measured).unwrap()
        });
        read(&lines.collect::<String>()).unwrap()
    }

    #[test]
    fn a_bench_is_slower_beyond_the_threshold_alone_and_missing_ones_are_named() {
        let baseline = run(&[
            ("decode", ratio(2.0)),
            ("encode", ratio(1.0)),
            ("gone", ratio(1.0)),
        ]);
        let current = run(&[
            ("decode", ratio(2.0)),
            ("encode", ratio(1.1)),
            ("new", ratio(1.0)),
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
        assert!(
            compare(&current, &baseline, 1.05, "")
                .to_string()
                .contains("faster")
        );
        assert!(!compare(&baseline, &current, 1.05, "decode").is_slower());
        assert!(compare(&baseline, &current, 2.0, "nothing").is_slower());
    }

    #[test]
    fn what_differs_no_more_than_its_median_may_is_unclear_and_not_slower() {
        let wide = |median: f64| Ratio {
            low: median * 0.7,
            median,
            high: median * 1.4,
        };
        let noisy = compare(&run(&[("a", wide(1.0))]), &run(&[("a", wide(1.3))]), 1.15, "");
        assert!(
            !noisy.is_slower() && noisy.to_string().contains("unclear"),
            "{noisy}"
        );
        assert!(compare(&run(&[("a", wide(1.0))]), &run(&[("a", wide(3.0))]), 1.15, "").is_slower());
    }

    #[test]
    fn the_median_counts_of_pairs_and_of_runs() {
        let pairs = Ratio::of(vec![9.0, 2.0, 3.0, 1.0, 4.0]);
        assert_eq!((pairs.low, pairs.median, pairs.high), (1.0, 3.0, 9.0));
        let many = Ratio::of((1..=10_000_u32).map(f64::from).collect());
        assert_eq!((many.low, many.median, many.high), (4_850.0, 5_000.0, 5_150.0));
        let several = run(&[("a", ratio(3.0)), ("a", ratio(2.0)), ("a", ratio(2.5))]);
        let expected = Ratio {
            low: ratio(2.0).low,
            median: 2.5,
            high: ratio(3.0).high,
        };
        assert_eq!(several.get("a"), Some(&expected));
        let one_is_far_off = [2.5, 9.0, 3.0, 2.0, 2.6].map(|median| ("a", ratio(median)));
        let expected = Ratio {
            low: 2.5,
            median: 2.6,
            high: 3.0,
        };
        assert_eq!(run(&one_is_far_off).get("a"), Some(&expected));
        let two_at_either_end = [9.0, 2.5, 8.0, 3.0, 1.0, 2.6, 0.1].map(|median| ("a", ratio(median)));
        assert_eq!(run(&two_at_either_end).get("a"), Some(&expected));
    }

    #[test]
    fn what_is_no_result_is_refused() {
        let result = |ratio: &str| {
            format!(
                r#"{{"name": "a", "keyfob_ns": 1, "floor_ns": 1, "ratio": {ratio}, "low": 1, "high": 3}}"#
            )
        };
        assert!(read(&result("2")).is_ok());
        for text in ["{}", "x", &result("0"), &result("4"), &result("null")] {
            assert!(read(text).unwrap_err().starts_with("line 1: "), "{text}");
        }
    }
}

//! Two reports side by side: what changed, by how much, and whether that is good. Reads no files and prints nothing.

use std::fmt;

use serde_json::Value;

use super::thresholds::numbers;

/// What two reports differ in.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    rows: Vec<Row>,
    /// How many numbers are the same, to within [`SAME`].
    alike: usize,
    /// Circumstances that differ, so that the numbers mean less.
    circumstances: Vec<String>,
    coloured: bool,
}

/// A number that differs.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    path: String,
    before: Option<f64>,
    after: Option<f64>,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Better,
    Worse,
    Other,
}

/// Changes of less than this share are not shown: no two runs are equal.
const SAME: f64 = 0.02;

/// What makes two runs hard to compare, if it differs.
const CIRCUMSTANCES: [&str; 6] =
    ["schema", "valid", "environment.cpu", "environment.cores", "environment.kernel", "environment.commit"];

/// Numbers that say how the run was made and not how it went.
const NOT_RESULTS: [&str; 2] = ["environment.", "valid"];

/// Less of it is better.
const LESS_IS_BETTER: [&str; 16] = [
    "latency_ms",
    "latency_raw_ms",
    "interval_ms",
    "jitter_ms",
    "instability_ratio",
    "connect.",
    "snapshot_bytes",
    "snapshot_sections",
    "bytes_per_second",
    "snapshots.",
    "late_percent",
    "resyncs",
    "mispredictions",
    "protocol_errors",
    "disconnects",
    "server.",
];

/// Exceptions to that: more of it is better.
const MORE_IS_BETTER: [&str; 3] = ["snapshots.per_second_per_client", "connect.per_second", "bots.connected"];

/// Exceptions to that: neither.
const NEUTRAL: [&str; 3] = ["server.ticks", "server.cpu_seconds", "bytes_per_second.up"];

impl Comparison {
    /// Of an earlier and a later report, each the JSON of a swarm.
    pub fn new(before: &Value, after: &Value) -> Comparison {
        let (old, new) = (numbers(before), numbers(after));
        let mut paths: Vec<&String> = new.iter().map(|(path, _)| path).collect();
        let known = |list: &[(String, Option<f64>)], path: &str| {
            list.iter().find(|(known, _)| known == path).and_then(|&(_, number)| number)
        };
        paths.extend(old.iter().map(|(path, _)| path).filter(|path| new.iter().all(|(n, _)| n != *path)));
        let mut comparison =
            Comparison { rows: Vec::new(), alike: 0, circumstances: Vec::new(), coloured: false };
        for path in paths.into_iter().filter(|path| !starts(path, &NOT_RESULTS)) {
            let (before, after) = (known(&old, path), known(&new, path));
            let change = before.zip(after).map(|(before, after)| after - before);
            let scale = before.unwrap_or(0.0).abs().max(after.unwrap_or(0.0).abs());
            if before == after || change.is_some_and(|change| change.abs() <= SAME * scale) {
                comparison.alike += 1;
                continue;
            }
            let verdict = change.map_or(Verdict::Other, |change| judge(path, change));
            comparison.rows.push(Row { path: path.clone(), before, after, verdict });
        }
        comparison.circumstances = CIRCUMSTANCES
            .iter()
            .filter_map(|path| {
                let pointer = format!("/{}", path.replace('.', "/"));
                let of = |report: &Value| match report.pointer(&pointer) {
                    Some(Value::String(text)) => text.clone(),
                    other => other.unwrap_or(&Value::Null).to_string(),
                };
                let (old, new) = (of(before), of(after));
                (old != new).then(|| format!("{path}: {old} → {new}"))
            })
            .collect();
        comparison
    }

    /// The same with colours for a terminal.
    #[must_use]
    pub fn coloured(mut self, yes: bool) -> Comparison {
        self.coloured = yes;
        self
    }
}

fn starts(path: &str, any: &[&str]) -> bool {
    any.iter().any(|start| path.starts_with(start))
}

fn judge(path: &str, change: f64) -> Verdict {
    let less_is_better = if starts(path, &NEUTRAL) {
        return Verdict::Other;
    } else if starts(path, &MORE_IS_BETTER) {
        false
    } else if starts(path, &LESS_IS_BETTER) || path == "bots.failed" {
        true
    } else {
        return Verdict::Other;
    };
    if (change < 0.0) == less_is_better { Verdict::Better } else { Verdict::Worse }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paint = |verdict| match verdict {
            _ if !self.coloured => ("", ""),
            Verdict::Better => ("\x1b[32m", "\x1b[0m"),
            Verdict::Worse => ("\x1b[31m", "\x1b[0m"),
            Verdict::Other => ("", ""),
        };
        for circumstance in &self.circumstances {
            writeln!(f, "not the same {circumstance}")?;
        }
        let width = self.rows.iter().map(|row| row.path.len()).max().unwrap_or(0);
        for Row { path, before, after, verdict } in &self.rows {
            let text = |x: &Option<f64>| x.map_or_else(|| "-".into(), short);
            let change = match (before, after) {
                (Some(before), Some(after)) if *before != 0.0 => {
                    format!("{:+.1} %", 100.0 * (after - before) / before.abs())
                }
                _ => String::new(),
            };
            let word = match verdict {
                Verdict::Better => "better",
                Verdict::Worse => "worse",
                Verdict::Other => "",
            };
            let (on, off) = paint(*verdict);
            let line =
                format!("{path:width$} {:>12} → {:>12} {change:>11}  {word}", text(before), text(after));
            writeln!(f, "{on}{}{off}", line.trim_end())?;
        }
        write!(
            f,
            "{} numbers differ, {} are alike to within {:.0} %",
            self.rows.len(),
            self.alike,
            100.0 * SAME
        )
    }
}

/// Up to three digits behind the point, and none that say nothing.
fn short(x: f64) -> String {
    let text = format!("{x:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_is_judged_and_what_did_not_is_counted() {
        let report = |p99: f64, rate: f64, shots: f64, missed: Value| {
            json!({
                "schema": "drift-swarm/1", "latency_ms": {"p50": 10.0, "p99": p99},
                "snapshots": {"per_second_per_client": rate}, "shots_per_bot_minute": shots,
                "server": {"missed_ticks": missed}, "environment": {"kernel": "6.1", "cores": 2}
            })
        };
        let before = report(80.0, 25.0, 100.0, json!(null));
        let mut after = report(40.0, 20.0, 150.0, json!(3));
        after["environment"]["kernel"] = json!("6.2");
        let comparison = Comparison::new(&before, &after);
        let verdicts: Vec<_> = comparison.rows.iter().map(|row| (row.path.as_str(), row.verdict)).collect();
        let expected = [
            ("latency_ms.p99", Verdict::Better),
            ("server.missed_ticks", Verdict::Other),
            ("shots_per_bot_minute", Verdict::Other),
            ("snapshots.per_second_per_client", Verdict::Worse),
        ];
        assert!(expected.iter().all(|row| verdicts.contains(row)), "{verdicts:?}");
        assert_eq!((comparison.rows.len(), comparison.alike), (4, 1));
        let text = comparison.to_string();
        assert!(
            text.contains("-50.0 %  better") && text.contains("not the same environment.kernel: 6.1 → 6.2")
        );
        assert!(!text.contains('\x1b') && comparison.coloured(true).to_string().contains("\x1b[32mlatency"));
    }

    #[test]
    fn a_run_is_like_itself_and_unlike_another_file() {
        let report = json!({"latency_ms": {"p99": 3.0}});
        let text = Comparison::new(&report, &report).to_string();
        assert_eq!(text, "0 numbers differ, 1 are alike to within 2 %");
        let other = Comparison::new(&report, &json!({"new": 1.0})).to_string();
        assert!(other.contains("latency_ms.p99") && other.contains("new"), "{other}");
    }
}

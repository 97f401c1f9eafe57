//! Two reports side by side: what changed, by how much, and whether that is good. Reads no files and prints nothing.

mod circumstances;

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

/// Numbers that say how the run was made and not how it went.
const NOT_RESULTS: [&str; 2] = ["environment", "valid"];

/// What to wish for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wish {
    Less,
    More,
    /// It is what somebody asked for, or how bots happened to play, or the swarm's own.
    Neither,
}

/// Figures, alone or by the group; of those that fit, the longest counts.
const FIGURES: [(&str, Wish); 48] = [
    ("bots", Wish::Neither),
    ("bots.failed", Wish::Less),
    ("connect", Wish::Less),
    ("connect.per_second", Wish::More),
    ("ticks_per_second", Wish::Neither),
    ("window_seconds", Wish::Neither),
    ("snapshots.per_second_per_client", Wish::More),
    ("snapshots.skipped", Wish::Less),
    ("snapshots.long_gaps", Wish::Less),
    ("latency_ms", Wish::Less),
    ("latency_raw_ms", Wish::Less),
    ("interval_ms", Wish::Less),
    ("jitter_ms", Wish::Less),
    ("instability_ratio", Wish::Less),
    ("snapshot_bytes", Wish::Less),
    // What is in view, whoever puts it into bytes.
    ("whole_view_bytes", Wish::Neither),
    ("snapshot_sections", Wish::Less),
    ("bytes_per_second.down", Wish::Less),
    ("bytes_per_second.up", Wish::Neither),
    // Snapshots are judged by themselves.
    ("messages_per_second", Wish::Neither),
    ("late_percent", Wish::Less),
    ("resyncs", Wish::Less),
    ("predicted_snapshots", Wish::Neither),
    ("mispredictions", Wish::Less),
    ("shots_per_bot_minute", Wish::Neither),
    ("kills_per_bot_minute", Wish::Neither),
    ("pickups_per_bot_minute", Wish::Neither),
    ("visits", Wish::Neither),
    ("visits.refused", Wish::Less),
    ("visits.shut_out", Wish::Less),
    ("resumes", Wish::Neither),
    ("resumes.lost", Wish::Less),
    ("resumes.ms", Wish::Less),
    ("reconnects.tried", Wish::Less),
    ("reconnects.ok", Wish::Neither),
    ("reconnects.ms", Wish::Less),
    ("disconnects", Wish::Less),
    ("protocol_errors", Wish::Less),
    ("generator", Wish::Neither),
    ("generator.broken", Wish::Less),
    ("server.cpu_us_per_player_tick", Wish::Less),
    // So long as the window.
    ("server.cpu_seconds", Wish::Neither),
    ("server.rss_bytes", Wish::Less),
    ("server.rss_bytes_per_connection", Wish::Less),
    ("server.ticks", Wish::Neither),
    ("server.missed_ticks", Wish::Less),
    ("server.tick_ms", Wish::Less),
    ("server.tick_parts_ms", Wish::Less),
];

impl Comparison {
    /// Of an earlier and a later report, each the JSON of a swarm.
    pub fn new(before: &Value, after: &Value) -> Comparison {
        let (old, new) = (numbers(before), numbers(after));
        let mut paths: Vec<&String> = new.iter().map(|(path, _)| path).collect();
        paths.extend(old.iter().map(|(path, _)| path).filter(|path| new.iter().all(|(n, _)| n != *path)));
        let (mut rows, mut alike) = (Vec::new(), 0);
        for path in paths.into_iter().filter(|path| NOT_RESULTS.iter().all(|group| !is_in(path, group))) {
            let (before, after) = (known(&old, path), known(&new, path));
            let change = before.zip(after).map(|(before, after)| after - before);
            let verdict = match change {
                // Neither run knows it.
                None if before == after => continue,
                None => Verdict::Other,
                Some(change) => {
                    let scale = before.unwrap_or(0.0).abs().max(after.unwrap_or(0.0).abs());
                    if change.abs() <= SAME * scale {
                        alike += 1;
                        continue;
                    }
                    judge(path, change)
                }
            };
            rows.push(Row { path: path.clone(), before, after, verdict });
        }
        let circumstances = circumstances::differences(before, after);
        Comparison { rows, alike, circumstances, coloured: false }
    }

    /// The same with colours for a terminal.
    #[must_use]
    pub fn coloured(mut self, yes: bool) -> Comparison {
        self.coloured = yes;
        self
    }
}

/// What a report says of a figure.
fn known(numbers: &[(String, Option<f64>)], path: &str) -> Option<f64> {
    match numbers.iter().find(|(known, _)| known == path) {
        Some(&(_, number)) => number,
        // Only codes that occurred are in a report.
        None if is_in(path, "disconnects") => Some(0.0),
        None => None,
    }
}

/// True if a path is this one, or one below it.
fn is_in(path: &str, group: &str) -> bool {
    path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn wish(path: &str) -> Option<Wish> {
    let fit = FIGURES.iter().filter(|(figure, _)| is_in(path, figure));
    fit.max_by_key(|(figure, _)| figure.len()).map(|&(_, wish)| wish)
}

fn judge(path: &str, change: f64) -> Verdict {
    match wish(path) {
        Some(Wish::Less) if change < 0.0 => Verdict::Better,
        Some(Wish::More) if change > 0.0 => Verdict::Better,
        Some(Wish::Less | Wish::More) => Verdict::Worse,
        Some(Wish::Neither) | None => Verdict::Other,
    }
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
    use crate::swarm::thresholds::example;

    #[test]
    fn every_figure_of_a_report_is_judged_or_known_to_be_neutral() {
        let mut report = example();
        report["disconnects"] = json!({"4003": 1});
        let paths: Vec<_> = numbers(&report).into_iter().map(|(path, _)| path).collect();
        for path in &paths {
            let is_result = NOT_RESULTS.iter().all(|group| !is_in(path, group));
            assert_eq!(wish(path).is_some(), is_result, "{path}: FIGURES says what to wish for");
        }
        for (figure, _) in FIGURES {
            assert!(paths.iter().any(|path| is_in(path, figure)), "{figure} is in no report");
        }
    }

    #[test]
    fn a_code_that_nobody_was_disconnected_with_before_is_worse() {
        let (clean, lossy) = (json!({"disconnects": {}}), json!({"disconnects": {"4003": 2}}));
        let verdict = |before, after| {
            let rows = Comparison::new(before, after).rows;
            assert_eq!(rows.len(), 1);
            (rows[0].before, rows[0].after, rows[0].verdict)
        };
        assert_eq!(verdict(&clean, &lossy), (Some(0.0), Some(2.0), Verdict::Worse));
        assert_eq!(verdict(&lossy, &clean), (Some(2.0), Some(0.0), Verdict::Better));
    }

    #[test]
    fn what_only_one_run_knows_is_a_dash_and_what_none_knows_is_nothing() {
        let (with, without) =
            (json!({"server": {"missed_ticks": 0}}), json!({"server": {"missed_ticks": null}}));
        let text = Comparison::new(&without, &with).to_string();
        assert!(
            text.contains("- →            0") && text.contains("1 numbers differ, 0 are alike"),
            "{text}"
        );
        let text = Comparison::new(&without, &without).to_string();
        assert!(text.starts_with("0 numbers differ, 0 are alike"), "{text}");
    }

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

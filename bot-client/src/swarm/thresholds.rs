//! Limits for a run: `latency_ms.p99<=90, server.missed_ticks<=3`. A path names a number of the report's own JSON.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::environment::Environment;
use super::report::Report;
use super::server::Server;

/// Limits that a report has to keep.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thresholds(Vec<Threshold>);

#[derive(Debug, Clone, PartialEq)]
struct Threshold {
    path: String,
    comparison: Comparison,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    AtMost,
    AtLeast,
    Below,
    Above,
    Equal,
    Unequal,
}

/// Longer signs first: `<=` begins with `<`.
const SIGNS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

/// Why a threshold was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadThreshold {
    /// It is no comparison of a path with a number.
    #[error("{0:?} is no threshold: write it like latency_ms.p99<=90, with <=, <, >=, >, == or !=")]
    Form(String),
    /// No report has such a number.
    #[error("the report has no number {path}{hint}")]
    Path {
        /// What was asked for.
        path: String,
        /// Which ones are like it.
        hint: String,
    },
    /// It is something else in the report.
    #[error("{path} is {what}, and a threshold needs a number: name one as the file of --json has it{hint}")]
    NoNumber {
        /// What was asked for.
        path: String,
        /// What is there.
        what: &'static str,
        /// Which ones are like it.
        hint: String,
    },
}

impl Thresholds {
    /// Looks every path up among those that reports have.
    ///
    /// # Errors
    /// A path that no report has, or not as a number.
    pub fn check_paths(&self) -> Result<(), BadThreshold> {
        let report = example();
        for Threshold { path, .. } in &self.0 {
            let (path, hint) = (path.clone(), hint(&report, path));
            let what = match find(&report, &path) {
                None => return Err(BadThreshold::Path { path, hint }),
                Some(Value::String(_)) => "text",
                Some(Value::Object(_)) => "a group of numbers",
                Some(Value::Array(_)) => "a list",
                Some(Value::Number(_) | Value::Null | Value::Bool(_)) => continue,
            };
            return Err(BadThreshold::NoNumber { path, what, hint });
        }
        Ok(())
    }

    /// What a report exceeds, one line each. A number that the run could not find out keeps no limit.
    pub fn violations(&self, report: &Value) -> Vec<String> {
        let broken = self.0.iter().filter_map(|threshold| {
            let Some(value) = find(report, &threshold.path).and_then(number) else {
                return Some(format!("{threshold}: not known in this run"));
            };
            let Threshold { comparison, limit, .. } = *threshold;
            let kept = match comparison {
                Comparison::AtMost => value <= limit,
                Comparison::AtLeast => value >= limit,
                Comparison::Below => value < limit,
                Comparison::Above => value > limit,
                Comparison::Equal => value == limit,
                Comparison::Unequal => value != limit,
            };
            (!kept).then(|| format!("{threshold}: it is {value}"))
        });
        broken.collect()
    }

    /// Adds those of another list.
    pub fn extend(&mut self, other: Thresholds) {
        self.0.extend(other.0);
    }
}

impl FromStr for Thresholds {
    type Err = BadThreshold;

    fn from_str(text: &str) -> Result<Thresholds, BadThreshold> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let thresholds: Vec<_> = parts.map(parse).collect::<Result<_, _>>()?;
        if thresholds.is_empty() {
            return Err(BadThreshold::Form(text.into()));
        }
        Ok(Thresholds(thresholds))
    }
}

fn parse(text: &str) -> Result<Threshold, BadThreshold> {
    let split = SIGNS.iter().find_map(|&(sign, comparison)| {
        let (path, limit) = text.split_once(sign)?;
        let limit = limit.trim().parse().ok().filter(|limit: &f64| limit.is_finite())?;
        let path = path.trim().to_owned();
        (!path.is_empty()).then_some(Threshold { path, comparison, limit })
    });
    split.ok_or_else(|| BadThreshold::Form(text.into()))
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = SIGNS.iter().find(|(_, c)| *c == self.comparison).map_or("", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.path, self.limit)
    }
}

/// A report with everything that one can have: the numbers may be null, but no text is.
pub(super) fn example() -> Value {
    let text = || Some(String::new());
    let server = Server { metrics: text(), ..Server::default() };
    let environment = Environment { commit: text(), cpu: text(), kernel: text(), ..Environment::default() };
    let report = Report { server, environment, ..Report::empty() };
    serde_json::to_value(report).expect("it has strings for keys, and nothing in it can fail")
}

fn find<'v>(report: &'v Value, path: &str) -> Option<&'v Value> {
    let found = path.split('.').try_fold(report, |value, key| value.as_object()?.get(key));
    let code = path.strip_prefix("disconnects.");
    let code = code.filter(|code| code.parse::<u16>().is_ok_and(|number| number.to_string() == **code));
    // A close code that nobody was disconnected with is not in the report.
    found.or_else(|| code.map(|_| &Value::Bool(false)))
}

fn is_leaf(value: &Value) -> bool {
    matches!(value, Value::Number(_) | Value::Null | Value::Bool(_))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
        other => other.as_f64(),
    }
}

/// All paths of a report's numbers, and what they are.
pub fn numbers(report: &Value) -> Vec<(String, Option<f64>)> {
    let mut found = Vec::new();
    collect(report, "", &mut found);
    found
}

fn collect(value: &Value, path: &str, found: &mut Vec<(String, Option<f64>)>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(value, &path, found);
            }
        }
        value if is_leaf(value) => found.push((path.to_owned(), number(value))),
        _ => {}
    }
}

/// Names up to five paths that share a word with the one asked for.
fn hint(report: &Value, path: &str) -> String {
    let words = |path: &str| -> Vec<String> { path.split(['.', '_']).map(str::to_owned).collect() };
    let asked = words(path);
    let mut like: Vec<(usize, String)> = numbers(report)
        .into_iter()
        .map(|(known, _)| (words(&known).iter().filter(|word| asked.contains(word)).count(), known))
        .filter(|&(shared, _)| shared > 0)
        .collect();
    like.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let names: Vec<_> = like.into_iter().take(5).map(|(_, name)| name).collect();
    if names.is_empty() {
        "; the JSON file has them all".into()
    } else {
        format!("; there is {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> Value {
        json!({
            "latency_ms": {"p50": 12.0, "p99": 91.5}, "valid": true, "schema": "x",
            "server": {"missed_ticks": null}, "disconnects": {"4003": 2}, "resyncs": 0
        })
    }

    #[track_caller]
    fn violations(text: &str) -> Vec<String> {
        let thresholds: Thresholds = text.parse().unwrap();
        thresholds.check_paths().unwrap();
        thresholds.violations(&report())
    }

    #[test]
    fn limits_are_kept_or_named() {
        assert_eq!(violations("latency_ms.p50<=12, latency_ms.p50>=12,latency_ms.p99<92"), [""; 0]);
        assert_eq!(violations(" latency_ms.p99 <= 90 "), ["latency_ms.p99<=90: it is 91.5"]);
        assert_eq!(violations("resyncs==0,resyncs!=0,valid==1"), ["resyncs!=0: it is 0"]);
        assert_eq!(violations("disconnects.4003<1,disconnects.4010<1"), ["disconnects.4003<1: it is 2"]);
        let unknown = violations("server.missed_ticks<=3");
        assert_eq!(unknown, ["server.missed_ticks<=3: not known in this run"], "no evidence is no success");
    }

    #[test]
    fn nonsense_says_what_to_write() {
        for bad in ["", ",", "latency_ms.p99", "latency_ms.p99<=", "<=3", "a<=b", "a<=inf", "a=3"] {
            let error = bad.parse::<Thresholds>().unwrap_err().to_string();
            assert!(error.contains("latency_ms.p99<=90"), "{bad}: {error}");
        }
        for (path, hint) in [
            ("latency.p99", "no number latency.p99; there is latency_ms.p99"),
            ("colour", "JSON file"),
            ("latency_ms", "latency_ms is a group of numbers, and a threshold needs a number"),
            ("latency_ms", "there is latency_ms.max"),
            ("disconnects", "a group"),
            ("disconnects.70000", "no number"),
            ("disconnects.04003", "no number"),
            ("disconnects.+4003", "no number"),
            ("latency_ms.p99.x", "no number"),
            ("schema", "schema is text"),
            ("url", "url is text"),
            (
                "environment.cpu",
                "environment.cpu is text, and a threshold needs a number: name one as the file",
            ),
            ("environment.kernel", "text"),
            ("environment.commit", "text"),
            ("server.metrics", "text"),
            ("environment.arguments", "a list"),
        ] {
            let thresholds: Thresholds = format!("{path}<=1").parse().unwrap();
            let error = thresholds.check_paths().unwrap_err().to_string();
            assert!(error.contains(hint), "{path}: {error}");
        }
    }

    #[test]
    fn whatever_a_run_has_as_text_is_known_as_text_before_it() {
        let environment = Environment::look(vec!["swarm".into()]);
        let server = Server { metrics: Some("http://127.0.0.1:1/".into()), ..Server::default() };
        let report = serde_json::to_value(Report { environment, server, ..Report::empty() }).unwrap();
        let Value::Object(parts) = &report else { panic!("no object") };
        let deep = parts.iter().filter_map(|(name, part)| Some((name, part.as_object()?)));
        let paths = deep
            .flat_map(|(name, part)| part.iter().map(move |(key, value)| (format!("{name}.{key}"), value)));
        let texts: Vec<_> = paths.filter(|(_, value)| value.is_string()).map(|(path, _)| path).collect();
        assert!(texts.contains(&"environment.version".to_owned()), "{texts:?}");
        for path in texts {
            let error = format!("{path}<=1").parse::<Thresholds>().unwrap().check_paths().unwrap_err();
            assert!(matches!(error, BadThreshold::NoNumber { what: "text", .. }), "{error}");
        }
    }
}

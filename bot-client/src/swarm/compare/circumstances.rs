//! What makes two runs hard to compare: another machine, another program, another way of running it.

use serde_json::Value;

use super::SAME;

/// What has to be the same.
const SAME_THROUGHOUT: [&str; 8] = [
    "schema",
    "valid",
    "environment.cpu",
    "environment.cores",
    "environment.kernel",
    "environment.version",
    "environment.commit",
    "ticks_per_second",
];

/// What has to be alike, and the share by which it may differ.
const ALIKE: [(&str, f64); 3] = [("bots.connected", SAME), ("bots.measured", SAME), ("window_seconds", 0.2)];

/// Options that change what becomes of the figures and not how they come about, and whether a value follows.
const NOT_THE_RUN: [(&str, bool); 4] =
    [("--json", true), ("--html", true), ("--fail", true), ("--allow-invalid", false)];

/// One line for each that differs.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<String> {
    let line = |what: &str, old: &Value, new: &Value| format!("{what}: {} → {}", plain(old), plain(new));
    let mut lines = Vec::new();
    for path in SAME_THROUGHOUT {
        let (old, new) = (at(before, path), at(after, path));
        if old != new {
            lines.push(line(path, old, new));
        }
    }
    let (old, new) = (asked(before), asked(after));
    if old != new {
        lines.push(line("bots asked for", &old, &new));
    }
    for (path, share) in ALIKE {
        let (old, new) = (at(before, path), at(after, path));
        let alike = match (old.as_f64(), new.as_f64()) {
            (Some(old), Some(new)) => (new - old).abs() <= share * old.abs().max(new.abs()),
            _ => old == new,
        };
        if !alike {
            lines.push(line(path, old, new));
        }
    }
    lines.extend(arguments(before, after));
    lines
}

fn at<'v>(report: &'v Value, path: &str) -> &'v Value {
    path.split('.').try_fold(report, |value, key| value.get(key)).unwrap_or(&Value::Null)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How many bots there should have been.
fn asked(report: &Value) -> Value {
    let count = |path| at(report, path).as_u64();
    count("bots.connected")
        .zip(count("bots.failed"))
        .map_or(Value::Null, |(some, others)| (some + others).into())
}

/// The arguments that only one of the two has, wherever they stand.
fn arguments(before: &Value, after: &Value) -> Option<String> {
    let (mut old, mut new) = (options(before), options(after));
    old.retain(|option| match new.iter().position(|other| other == option) {
        Some(same) => {
            new.remove(same);
            false
        }
        None => true,
    });
    let words = |options: Vec<String>| if options.is_empty() { "-".into() } else { options.join(" ") };
    (!old.is_empty() || !new.is_empty()).then(|| format!("arguments: {} → {}", words(old), words(new)))
}

/// A report's arguments, each option with its value: `--bots 100`.
fn options(report: &Value) -> Vec<String> {
    let words =
        at(report, "environment.arguments").as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut words = words.peekable();
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            options.push(word.to_owned());
            continue;
        }
        let (name, mut value) =
            word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let ignored = NOT_THE_RUN.iter().find(|(ignored, _)| *ignored == name);
        if value.is_none() && ignored.is_none_or(|&(_, has_value)| has_value) {
            value = words.next_if(|next| !next.starts_with("--"));
        }
        if ignored.is_none() {
            options.push(value.map_or_else(|| name.to_owned(), |value| format!("{name} {value}")));
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> Value {
        json!({
            "schema": "drift-swarm/1", "valid": true, "ticks_per_second": 30, "window_seconds": 10.0,
            "bots": {"connected": 100, "failed": 0, "measured": 80},
            "environment": {"cpu": "x", "cores": 2, "kernel": "6.1", "version": "0.1.0", "commit": null,
                "arguments": ["swarm", "--bots", "100", "--profile=play", "--json", "a.json"]}
        })
    }

    /// What is said when one thing is otherwise.
    fn with(pointer: &str, value: Value) -> Vec<String> {
        let mut other = report();
        *other.pointer_mut(pointer).unwrap() = value;
        differences(&report(), &other)
    }

    #[test]
    fn another_way_of_running_is_said() {
        assert_eq!(differences(&report(), &report()), [""; 0]);
        assert_eq!(with("/environment/kernel", json!("6.2")), ["environment.kernel: 6.1 → 6.2"]);
        assert_eq!(with("/environment/commit", json!("abc")), ["environment.commit: null → abc"]);
        assert_eq!(with("/valid", json!(false)), ["valid: true → false"]);
        assert_eq!(with("/ticks_per_second", json!(20)), ["ticks_per_second: 30 → 20"]);
        assert_eq!(with("/window_seconds", json!(12.0)), [""; 0]);
        assert_eq!(with("/window_seconds", json!(20.0)), ["window_seconds: 10.0 → 20.0"]);
        assert_eq!(with("/window_seconds", json!(null)), ["window_seconds: 10.0 → null"]);
        assert_eq!(with("/bots/measured", json!(79)), [""; 0]);
        assert_eq!(with("/bots/measured", json!(40)), ["bots.measured: 80 → 40"]);
        assert_eq!(
            with("/bots/connected", json!(200)),
            ["bots asked for: 100 → 200", "bots.connected: 100 → 200"]
        );
        let mut fewer = report();
        fewer["bots"] = json!({"connected": 60, "failed": 40, "measured": 80});
        assert_eq!(differences(&report(), &fewer), ["bots.connected: 100 → 60"]);
    }

    #[test]
    fn arguments_count_in_any_order_and_without_those_that_only_write() {
        let arguments = |words: &[&str]| with("/environment/arguments", json!(words));
        let same = ["swarm", "--html=b.html", "--profile", "play", "--allow-invalid", "--bots=100"];
        assert_eq!(arguments(&same), [""; 0]);
        assert_eq!(
            arguments(&["swarm", "--bots", "200", "--profile", "play", "--insecure", "--fail", "valid==1"]),
            ["arguments: --bots 100 → --bots 200 --insecure"]
        );
        assert_eq!(arguments(&["swarm", "--bots", "100"]), ["arguments: --profile play → -"]);
    }
}

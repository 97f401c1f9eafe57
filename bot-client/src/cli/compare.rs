//! The arguments of `bot-client compare`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// The earlier run, as `swarm --json` wrote it.
    before: PathBuf,
    /// The later run.
    after: PathBuf,
}

impl Compare {
    /// Both reports.
    pub(crate) fn read(&self) -> anyhow::Result<(Value, Value)> {
        Ok((read(&self.before)?, read(&self.after)?))
    }
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let report: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    is_of_a_swarm(&report).with_context(|| format!("cannot compare {}", path.display()))?;
    Ok(report)
}

fn is_of_a_swarm(report: &Value) -> anyhow::Result<()> {
    let is = match report.get("schema").and_then(Value::as_str) {
        Some(schema) if schema.starts_with("drift-swarm/") => return Ok(()),
        Some(schema) => format!("its schema is {schema}"),
        None => "it has no schema".into(),
    };
    anyhow::bail!("{is}; expected is drift-swarm/1, a report as swarm --json writes it")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_reports_of_swarms_are_compared() {
        let folder = std::env::temp_dir().join(format!("compare-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let read = |report: Value| {
            let path = folder.join("report.json");
            std::fs::write(&path, report.to_string()).unwrap();
            read(&path).map_err(|error| format!("{error:#}"))
        };
        assert!(read(json!({"schema": "drift-swarm/1"})).is_ok());
        for (other, is) in [
            (json!({"schema": "drift-capacity/1"}), "its schema is drift-capacity/1;"),
            (json!({"schema": 1}), "it has no schema;"),
            (json!([{"players": 100}]), "it has no schema;"),
        ] {
            let error = read(other).unwrap_err();
            assert!(
                error.contains(is) && error.contains("report.json") && error.contains("--json"),
                "{error}"
            );
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}

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
    let schema = report.get("schema").and_then(Value::as_str).unwrap_or_default();
    anyhow::ensure!(schema.starts_with("drift-swarm/"), "{} is no report of a swarm", path.display());
    Ok(report)
}

//! Where and how a run was made: what somebody needs to know to repeat it. What cannot be found out is null.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// The circumstances of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Environment {
    /// Version of this program.
    pub version: &'static str,
    /// Commit of the checkout that it was built in, with `-dirty` behind it if files differ.
    pub commit: Option<String>,
    /// Model of the CPU.
    pub cpu: Option<String>,
    /// Cores that this program may use.
    pub cores: usize,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// When it was read, s since 1970.
    pub unix_time: u64,
}

impl Environment {
    /// Looks around. Takes a few ms for asking git.
    pub fn look(arguments: Vec<String>) -> Environment {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Environment {
            version: env!("CARGO_PKG_VERSION"),
            commit: commit(),
            cpu: model.map(|(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
            arguments,
            unix_time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        }
    }
}

fn commit() -> Option<String> {
    let mut git = Command::new("git");
    // Wherever it was started: that may be another project's checkout.
    git.args([
        "-C",
        env!("CARGO_MANIFEST_DIR"),
        "describe",
        "--always",
        "--dirty",
        "--exclude=*",
        "--abbrev=12",
    ]);
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| output.status.success() && !text.is_empty())
}

//! `bot-client bench`: its arguments, and the rows one after another.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bot_client::Trust;
use bot_client::hosted::{Hosted, beside_this};
use bot_client::pin::{Cores, Split};
use bot_client::swarm::bench::{Bench as Table, Case, Row, cases, replace};
use bot_client::swarm::environment::Environment;
use bot_client::swarm::peer;
use bot_client::swarm::{Config, Report};

use super::capacity::{host, plain, swarm_of};
use super::runtime;
use crate::{FINE, INVALID, interrupted};

/// Programs of cargo's examples are in a folder of their own.
const TUTORIAL: &str = "examples/tutorial_server";

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// Two seconds a row, few rows and few players: shows that it works, and measures nothing.
    #[arg(long)]
    quick: bool,
    /// The server's program; by default the one beside this program.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// The tutorial's server; by default examples/tutorial_server beside this program.
    #[arg(long, value_name = "PATH")]
    tutorial: Option<PathBuf>,
    /// Cores of the server and cores of the swarm: 0/1. By default the first one and the others, where there are two.
    #[arg(long, value_name = "SERVER/SWARM")]
    pin: Option<Split>,
    /// Folder for the figures, one JSON file a day; assets/bench of the checkout.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Text whose table between the marks is replaced: README.md.
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
}

impl Bench {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let readme = self.readme.as_ref().map(|path| {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            replace(&text, "").with_context(|| format!("{} has no marks for the table", path.display()))?;
            anyhow::Ok((path, text))
        });
        let readme = readme.transpose()?;
        if let Some(out) = &self.out {
            std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        }
        let here = Environment::look(std::env::args().skip(1).collect());
        let split =
            self.pin.clone().or_else(|| Cores::halves().map(|(server, swarm)| Split { server, swarm }));
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let duration = Duration::from_secs(if self.quick { 2 } else { 10 });
        let mut rows = Vec::new();
        for case in cases(self.quick) {
            let report = if case.peer {
                self.peer(&case, duration, split.as_ref())?
            } else {
                self.own(&case, duration, split.as_ref())?
            };
            let Some(report) = report else { continue };
            anyhow::ensure!(report.bots.connected > 0, "{}: no bot could join", case.name);
            let row = Row::of(&case, &report);
            super::say(serde_json::to_string(&row)?)?;
            rows.push(row);
        }
        let pin = split.map(|split| format!("{}/{}", split.server, split.swarm));
        let table = Table::new(rows, pin, duration.as_secs_f64(), here);
        super::say(format_args!("\n{}", table.markdown()))?;
        if let Some(out) = &self.out {
            super::write(
                &out.join(format!("{}.json", table.date)),
                &(serde_json::to_string_pretty(&table)? + "\n"),
            )?;
        }
        if let Some((path, text)) = readme {
            super::write(path, &replace(&text, &table.markdown()).unwrap_or(text))?;
        }
        Ok(if self.quick || table.rows.iter().all(|row| row.valid) { FINE } else { INVALID })
    }

    fn own(&self, case: &Case, duration: Duration, split: Option<&Split>) -> anyhow::Result<Option<Report>> {
        let server = self.server.clone().map_or_else(|| beside_this("server"), Ok)?;
        let tls: &[&str] = if case.tls { &["--dev-tls"] } else { &[] };
        let hosted = host(&server, case.room_capacity(), tls, split)?;
        let config = Config {
            bots: case.players,
            rooms: Some(case.rooms),
            duration,
            profiles: case.mix(),
            // It made its certificate a moment ago, and is on this machine.
            trust: Trust::anybody(),
            ..plain(hosted.url.clone(), hosted.metrics.clone())
        };
        // After the pinning, which its threads inherit.
        let report = swarm_of(&runtime(1)?, config);
        report.map(Some).context("interrupted")
    }

    fn peer(&self, case: &Case, duration: Duration, split: Option<&Split>) -> anyhow::Result<Option<Report>> {
        let program = self.tutorial.clone().map_or_else(|| beside_this(TUTORIAL), Ok)?;
        if self.tutorial.is_none() && !program.exists() {
            super::warn(format_args!(
                "{}: left out; build it with `cargo build --release -p bot-client --examples`",
                case.name
            ));
            return Ok(None);
        }
        let hosted = Hosted::start(&program, &[case.players.to_string()], split)?;
        let (url, process) = (hosted.url.clone(), Some(hosted.id()));
        let load = peer::Load { url, bots: case.players, duration, rate: 500.0, process };
        Ok(Some(runtime(1)?.block_on(peer::run(load, interrupted())).report))
    }
}

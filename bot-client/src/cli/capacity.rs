//! `bot-client capacity`: its arguments, and the trials one after another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bot_client::hosted::{Hosted, beside_this};
use bot_client::pin::Split;
use bot_client::swarm::capacity::{self, Limit, Search, Trial};
use bot_client::swarm::environment::Environment;
use bot_client::swarm::profile::Mix;
use bot_client::swarm::server::Target;
use bot_client::swarm::{self, Config, Report};
use bot_client::{Endpoint, Trust};
use tokio::runtime::Runtime;

use super::{duration, rate, runtime};
use crate::{FINE, INVALID, SOME_LOST, interrupted};

/// Most players that the server takes into one room.
const LARGEST_ROOM: i64 = 4000;

#[derive(Debug, clap::Args)]
pub(crate) struct Capacity {
    /// A server that runs already, with a room for --most players; by default one is started for each trial.
    #[arg(long, conflicts_with_all = ["server", "pin"])]
    url: Option<String>,
    /// The server's program; by default the one beside this program.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Players in the first trial.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=LARGEST_ROOM))]
    from: u32,
    /// More players than this are not tried.
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=LARGEST_ROOM))]
    most: u32,
    /// How long each trial measures: 5s.
    #[arg(long, default_value = "5s", value_parser = duration)]
    duration: Duration,
    /// Bots that connect per second.
    #[arg(long, default_value_t = 500.0, value_parser = rate)]
    rate: f64,
    /// Cores of the server and cores of the swarm: 0/1. Linux only.
    #[arg(long, value_name = "SERVER/SWARM")]
    pin: Option<Split>,
    /// Write the trials and the knee to this file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write one page with the plot, readable on a phone, to this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Capacity {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        for path in [&self.json, &self.html].into_iter().flatten() {
            super::can_write(path)?;
        }
        let _ = rlimit::increase_nofile_limit(u64::from(self.most) + 64);
        let url =
            self.url.as_ref().map(|url| url.parse::<Endpoint>().with_context(|| format!("bad --url {url}")));
        let url = url.transpose()?;
        let server = self.server.clone().map_or_else(|| beside_this("server"), Ok)?;
        let (mut search, mut trials, mut hz) = (Search::new(self.from, self.most), Vec::new(), 0);
        while let Some(players) = search.next() {
            let report = match &url {
                Some(url) => swarm_of(&runtime(1)?, self.config(url.clone(), Target::beside(url), players)),
                None => {
                    let hosted = host(&server, players, &[], self.pin.as_ref())?;
                    // After the pinning, which its threads inherit.
                    swarm_of(&runtime(1)?, self.config(hosted.url.clone(), hosted.metrics.clone(), players))
                }
            };
            let Some(report) = report else { anyhow::bail!("interrupted") };
            anyhow::ensure!(report.bots.connected > 0, "no bot could join {}", report.url);
            hz = report.ticks_per_second;
            let trial = Trial::of(players, &report, None);
            super::say(&trial)?;
            search.tell(players, trial.held);
            trials.push(trial);
        }
        let mut found = capacity::Capacity::new(&search, trials, hz);
        found.environment = Environment::look(std::env::args().skip(1).collect());
        super::say(format_args!("\n{found}"))?;
        if let Some(path) = &self.json {
            super::write(path, &(serde_json::to_string_pretty(&found)? + "\n"))?;
        }
        if let Some(path) = &self.html {
            super::write(path, &capacity::page(&found))?;
        }
        Ok(match (found.limit, found.knee) {
            (Limit::Generator, _) => INVALID,
            (_, None) => SOME_LOST,
            _ => FINE,
        })
    }

    fn config(&self, url: Endpoint, metrics: Option<Target>, players: u32) -> Config {
        Config { bots: players, duration: self.duration, rate: self.rate, ..plain(url, metrics) }
    }
}

/// A server with rooms for so many players and no pilots.
pub(super) fn host(
    program: &Path,
    players: u32,
    more: &[&str],
    split: Option<&Split>,
) -> anyhow::Result<Hosted> {
    let capacity = players.to_string();
    let always =
        ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--pilots", "0", "--room-capacity", &capacity];
    let arguments: Vec<_> = always.iter().chain(more).map(|&argument| argument.to_owned()).collect();
    Ok(Hosted::start(program, &arguments, split)?)
}

/// Bots that play in one room.
pub(super) fn plain(url: Endpoint, metrics: Option<Target>) -> Config {
    Config {
        url,
        trust: Trust::system(),
        bots: 100,
        duration: Duration::from_secs(10),
        rate: 500.0,
        room: "LAB".parse().ok(),
        rooms: None,
        profiles: Mix::default(),
        sources: 1,
        seed: 1,
        predict: 0.05,
        metrics,
        threads: 1,
    }
}

/// One run, quietly; none if it was interrupted.
pub(super) fn swarm_of(runtime: &Runtime, config: Config) -> Option<Report> {
    runtime.block_on(async {
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let interrupted = async {
            interrupted().await;
            let _ = stop.send(());
        };
        let outcome = swarm::run(config, interrupted, |_| {}).await;
        stopped.try_recv().is_err().then_some(outcome.report)
    })
}

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
use bot_client::swarm::{self, Config, Outcome};
use bot_client::{Endpoint, Trust};

use super::trusted::Trusted;
use super::{duration, nobody_came, rate, runtime};
use crate::interrupt::Stop;
use crate::{FINE, INTERRUPTED, INVALID, NOTHING, SOME_LOST};

/// Most players that the server takes into one room.
const LARGEST_ROOM: i64 = 4000;

#[derive(Debug, clap::Args)]
pub(crate) struct Capacity {
    /// A server that runs already, with a room for --most players; by default one is started for each trial.
    #[arg(long, conflicts_with_all = ["server", "pin"])]
    url: Option<String>,
    #[command(flatten)]
    trusted: Trusted,
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

/// A server that runs already.
struct There {
    url: Endpoint,
    trust: Trust,
}

impl Capacity {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        super::can_write_both(self.json.as_deref(), self.html.as_deref())?;
        let there = match &self.url {
            Some(url) => {
                let url = url.parse().with_context(|| format!("bad --url {url}"))?;
                Some(There { url, trust: self.trusted.trust()? })
            }
            None => None,
        };
        if let Some(split) = &self.pin {
            split.check().map_err(anyhow::Error::msg)?;
        }
        let server = self.server.clone().map_or_else(|| beside_this("server"), Ok)?;
        let _ = rlimit::increase_nofile_limit(u64::from(self.most) + 64);
        // Before the pinning, which would hide the other cores.
        let here = Environment::look(std::env::args().skip(1).collect());
        runtime(1)?.block_on(self.search(there.as_ref(), &server, here))
    }

    /// Trial after trial. What ends it early loses nothing of what was found by then.
    async fn search(&self, there: Option<&There>, server: &Path, here: Environment) -> anyhow::Result<u8> {
        let stop = Stop::listen();
        let (mut search, mut trials, mut hz) = (Search::new(self.from, self.most), Vec::new(), 0);
        let mut early = None;
        while let Some(players) = search.next() {
            let outcome = match self.play(players, there, server, &stop).await {
                Ok(Some(outcome)) => outcome,
                Ok(None) => {
                    early = Some((INTERRUPTED, "interrupted".to_owned()));
                    break;
                }
                Err(error) if trials.is_empty() => return Err(error),
                Err(error) => {
                    early = Some((NOTHING, format!("{error:#}")));
                    break;
                }
            };
            hz = outcome.report.ticks_per_second;
            let trial = Trial::of(players, &outcome.report, outcome.first_failure.as_deref());
            super::say_on_the_way(&trial);
            search.tell(players, trial.held);
            trials.push(trial);
        }
        if trials.is_empty() {
            super::warn("interrupted before the first trial was over");
            return Ok(INTERRUPTED);
        }
        let mut found = capacity::Capacity::new(&search, trials, hz);
        found.environment = here;
        let (code, why) = early.unzip();
        found.stopped = why;
        let text = serde_json::to_string_pretty(&found)? + "\n";
        // Each by itself, so that no trouble with one of them loses the other: it took long.
        let written = [
            self.json.as_ref().map_or(Ok(()), |path| super::write(path, &text)),
            self.html.as_ref().map_or(Ok(()), |path| super::write(path, &capacity::page(&found))),
        ];
        super::say_on_the_way(format_args!("\n{found}"));
        if super::any_trouble(written) {
            return Ok(NOTHING);
        }
        Ok(code.unwrap_or(match (found.limit, found.knee) {
            (Limit::Generator, _) => INVALID,
            (_, None) => SOME_LOST,
            _ => FINE,
        }))
    }

    /// One trial; none if it was interrupted.
    async fn play(
        &self,
        players: u32,
        there: Option<&There>,
        server: &Path,
        stop: &Stop,
    ) -> anyhow::Result<Option<Outcome>> {
        let load = |url: &Endpoint, trust: &Trust, metrics| {
            let (url, trust) = (url.clone(), trust.clone());
            Config { bots: players, trust, duration: self.duration, rate: self.rate, ..plain(url, metrics) }
        };
        if let Some(There { url, trust }) = there {
            return swarm_of(load(url, trust, Target::beside(url)), stop).await;
        }
        let Some(hosted) = host(server, players, &[], self.pin.as_ref(), stop).await? else {
            return Ok(None);
        };
        swarm_of(load(&hosted.url, &Trust::system(), hosted.metrics.clone()), stop).await
    }
}

/// A server with rooms for so many players and no pilots; none if that was interrupted.
pub(super) async fn host(
    program: &Path,
    players: u32,
    more: &[&str],
    split: Option<&Split>,
    stop: &Stop,
) -> anyhow::Result<Option<Hosted>> {
    let capacity = players.to_string();
    let always =
        ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--pilots", "0", "--room-capacity", &capacity];
    let arguments: Vec<_> = always.iter().chain(more).map(|&argument| argument.to_owned()).collect();
    start(program, &arguments, split, stop).await
}

/// Starts a program; none if that was interrupted, and then it is ended.
pub(super) async fn start(
    program: &Path,
    arguments: &[String],
    split: Option<&Split>,
    stop: &Stop,
) -> anyhow::Result<Option<Hosted>> {
    tokio::select! {
        hosted = Hosted::start(program, arguments, split) => Ok(Some(hosted?)),
        () = stop.asked() => Ok(None),
    }
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
pub(super) async fn swarm_of(config: Config, stop: &Stop) -> anyhow::Result<Option<Outcome>> {
    played(swarm::run(config, stop.asked(), |_| {}).await, stop)
}

/// A run in which somebody played; none if it was interrupted.
pub(super) fn played(outcome: Outcome, stop: &Stop) -> anyhow::Result<Option<Outcome>> {
    if stop.is_asked() {
        return Ok(None);
    }
    let Outcome { report, first_failure, .. } = &outcome;
    anyhow::ensure!(report.bots.connected > 0, nobody_came(&report.url, first_failure.as_deref()));
    Ok(Some(outcome))
}

//! The arguments of `bot-client swarm`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bot_client::Endpoint;
use bot_client::pin::Cores;
use bot_client::swarm;
use bot_client::swarm::peer::Load;
use bot_client::swarm::process;
use bot_client::swarm::profile::Mix;
use bot_client::swarm::server::Target;
use bot_client::swarm::thresholds::Thresholds;
use protocol::RoomCode;
use tokio::runtime::{Builder, Runtime};

use super::trusted::Trusted;
use super::{duration, percent, rate};

#[derive(Debug, clap::Args)]
pub(crate) struct Swarm {
    /// The server's WebSocket address, ws:// or wss://.
    #[arg(long, default_value = "ws://127.0.0.1:8080/ws")]
    url: String,
    #[command(flatten)]
    trusted: Trusted,
    /// How many bots.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    bots: u32,
    /// How long to measure, from when all bots have arrived: 500ms, 10s, 2m.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// Bots that connect per second.
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    rate: f64,
    /// Code of the room to play in; without it the server chooses.
    #[arg(long)]
    room: Option<RoomCode>,
    /// Over how many rooms: crammed into one, spread so that each has about 100 bots, a number, or as the server likes.
    #[arg(long, value_name = "server|crammed|spread|N", default_value = "server", value_parser = rooms)]
    rooms: Rooms,
    /// What the bots are like, by weight: play=8,idle=1,fight,crowd,join-storm,slow-reader,garbage,resumer.
    ///
    /// Latency, intervals and sizes are those of bots that play, fight or crowd together; the others are the weather.
    #[arg(long, value_name = "MIX", default_value = "play")]
    profile: Mix,
    /// Addresses of 127.0.0.0/8 that the bots come from, where the server is on this machine: for its limits by address.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_000))]
    sources: u32,
    /// Write the figures to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write one page with figures and plots, readable on a phone, to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Seed of the bots' tempers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of the bots that predict their ship and compare: 5%, 100%, 0.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    predict: f64,
    /// Where the server's own metrics are, or off; by default the port after that of a server on this machine.
    #[arg(long, value_name = "URL|off", value_parser = metrics)]
    metrics: Option<Metrics>,
    /// Limits on the JSON's numbers, exit code 1 if one is not kept: "latency_ms.p99<=90, server.missed_ticks<=3".
    #[arg(long, value_name = "LIMITS")]
    fail: Vec<Thresholds>,
    /// Do without exit code 4 where the swarm itself was too late to be believed: it is only said then.
    #[arg(long)]
    pub(crate) allow_invalid: bool,
    /// Another server to load: the one of `examples/tutorial_server.rs`, with the same inputs and snapshots in its own JSON.
    /// --profile, --rooms, --predict, --metrics and --sources have no meaning for it.
    #[arg(long, value_name = "tutorial", value_parser = ["tutorial"])]
    peer: Option<String>,
    /// Cores that the swarm runs on: 1, or 1-3, or 0,2. Linux only.
    #[arg(long, value_name = "CORES")]
    pub(crate) pin: Option<Cores>,
    /// Threads that the bots play on; by default one for every 5000 bots.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
}

/// Bots that one thread is trusted with.
const BOTS_A_THREAD: usize = 5000;
/// Sockets that are read before the timers are looked at again.
const HELPING: usize = 32;

impl Swarm {
    /// The arguments as the swarm takes them.
    pub(crate) fn config(&self) -> anyhow::Result<swarm::Config> {
        let url: Endpoint = self.url.parse().with_context(|| format!("bad --url {}", self.url))?;
        anyhow::ensure!(
            self.sources == 1 || !url.host().starts_with('['),
            "bad --sources {}: they are addresses of IPv4, and {} is one of IPv6; write 127.0.0.1, or leave --sources out",
            self.sources,
            url.host()
        );
        Ok(swarm::Config {
            trust: self.trusted.trust()?,
            bots: self.bots,
            duration: self.duration,
            rate: self.rate,
            room: self.room.clone(),
            rooms: match self.rooms {
                Rooms::Server => None,
                Rooms::Spread => Some(self.bots.div_ceil(100).max(2)),
                Rooms::Exactly(rooms) => Some(rooms),
            },
            profiles: self.profile.clone(),
            sources: self.sources,
            seed: self.seed,
            predict: self.predict / 100.0,
            metrics: self.metrics(&url),
            threads: self.threads(),
            url,
        })
    }

    /// What to do where the server is the tutorial's.
    pub(crate) fn peer(&self) -> anyhow::Result<Option<Load>> {
        let Some(_) = &self.peer else { return Ok(None) };
        let url: Endpoint = self.url.parse().with_context(|| format!("bad --url {}", self.url))?;
        let process = url.is_loopback().then(|| process::listening_on(url.port())).flatten();
        Ok(Some(Load { url, bots: self.bots, duration: self.duration, rate: self.rate, process }))
    }

    fn metrics(&self, url: &Endpoint) -> Option<Target> {
        match &self.metrics {
            None => Target::beside(url),
            Some(Metrics(target)) => target.clone(),
        }
    }

    /// True if the server's metrics were asked for by name, so that their absence is worth a word.
    pub(crate) fn insists_on_metrics(&self) -> bool {
        matches!(self.metrics, Some(Metrics(Some(_))))
    }

    /// What `--fail` asks for, once it is clear that reports have such numbers.
    pub(crate) fn thresholds(&self) -> anyhow::Result<Thresholds> {
        let mut all = Thresholds::default();
        self.fail.iter().cloned().for_each(|list| all.extend(list));
        all.check_paths().context("bad --fail")?;
        Ok(all)
    }

    /// One thread does for thousands of bots and leaves the other cores to the server that is being measured.
    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or((self.bots as usize).div_ceil(BOTS_A_THREAD).min(cores), usize::from)
    }

    /// What they take their seats on; those of a tutorial play on it, too.
    pub(crate) fn runtime(&self) -> anyhow::Result<Runtime> {
        runtime(if self.peer.is_some() { self.threads() } else { 1 })
    }
}

/// What swarms run on.
pub(crate) fn runtime(threads: usize) -> anyhow::Result<Runtime> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    // A tick's snapshots arrive all at once. Taken in small helpings, they hold no input up that is due meanwhile.
    builder.max_io_events_per_tick(HELPING).event_interval(HELPING as u32);
    builder.worker_threads(threads).enable_all().build().context("cannot start the runtime")
}

/// Where metrics are; none: nowhere.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Option<Target>);

fn metrics(text: &str) -> Result<Metrics, String> {
    if text == "off" { Ok(Metrics(None)) } else { text.parse().map(|target| Metrics(Some(target))) }
}

/// Over how many rooms.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rooms {
    Server,
    Spread,
    Exactly(u32),
}

fn rooms(text: &str) -> Result<Rooms, String> {
    match (text, text.parse()) {
        ("server", _) => Ok(Rooms::Server),
        ("spread", _) => Ok(Rooms::Spread),
        ("crammed", _) => Ok(Rooms::Exactly(1)),
        (_, Ok(rooms)) if (1..=10_000).contains(&rooms) => Ok(Rooms::Exactly(rooms)),
        _ => Err("write server, crammed, spread, or a number of rooms up to 10000".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Args, Command};

    #[test]
    fn limits_on_what_is_no_number_are_refused_before_the_run() {
        let refusal = |limit: &str| {
            let Command::Swarm(swarm) = Args::parse_from(["bot-client", "swarm", "--fail", limit]).command
            else {
                panic!("another command")
            };
            swarm.thresholds().err().map(|error| format!("{error:#}"))
        };
        assert_eq!(
            refusal("latency_ms.p99<=90, server.missed_ticks<=3, disconnects.4003==0, valid==1"),
            None
        );
        for path in
            ["environment.cpu", "environment.kernel", "server.metrics", "url", "latency_ms", "latency"]
        {
            let error = refusal(&format!("{path}<=3")).unwrap_or_else(|| panic!("{path} was taken"));
            assert!(error.starts_with("bad --fail: ") && error.contains(path), "{error}");
        }
    }
}

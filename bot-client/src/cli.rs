//! The arguments of `bot-client`, as written and checked.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bot_client::{Endpoint, swarm};
use clap::{Parser, Subcommand};
use protocol::RoomCode;
use tokio::runtime::{Builder, Runtime};

/// Bots for Drift Arena: they play, and they measure what playing is like.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Let many bots play and report latency, snapshot sizes and traffic.
    ///
    /// Exit code: 0 all bots played to the end, 1 some got no seat or lost it, 2 none got one.
    Swarm(Swarm),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Swarm {
    /// The server's WebSocket address.
    #[arg(long, default_value = "ws://127.0.0.1:8080/ws")]
    url: String,
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
    /// Write the figures to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Seed of the bots' tempers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of the bots that predict their ship and compare: 5%, 100%, 0.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    predict: f64,
    /// Threads that the bots run on; by default one for every 1500 bots.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
}

impl Swarm {
    /// The arguments as the swarm takes them.
    pub(crate) fn config(&self) -> anyhow::Result<swarm::Config> {
        let url: Endpoint = self.url.parse().with_context(|| format!("bad --url {}", self.url))?;
        Ok(swarm::Config {
            url,
            bots: self.bots,
            duration: self.duration,
            rate: self.rate,
            room: self.room.clone(),
            seed: self.seed,
            predict: self.predict / 100.0,
        })
    }

    /// One thread does for some 1500 bots and leaves the other cores to the server that is being measured: a second
    /// one would add wake-ups across cores and nothing else.
    pub(crate) fn runtime(&self) -> anyhow::Result<Runtime> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.map_or((self.bots as usize / 1500 + 1).min(cores), usize::from);
        let mut builder = match threads {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.worker_threads(threads).enable_all().build().context("cannot start the runtime")
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("write it like 500ms, 10s or 2m".into()),
    };
    match digits.parse::<f64>().map(|n| n * unit) {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        Ok(_) => Err("it must be between 100ms and 24h".into()),
        Err(_) => Err("write it like 500ms, 10s or 2m".into()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim_end().parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("it must be a percentage from 0 to 100, such as 5%".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.1..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("it must be a number between 0.1 and 100000".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, ms) in
            [("500ms", 500), ("10s", 10_000), ("10", 10_000), ("1.5m", 90_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "10x", "-1s", "0s", "1e9h", "nan", "inf"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
        assert_eq!((percent("5%"), percent("0"), percent("2.5 %")), (Ok(5.0), Ok(0.0), Ok(2.5)));
        assert!(percent("101%").is_err() && percent("-1").is_err() && percent("nan").is_err());
        assert!(rate("0").is_err() && rate("NaN").is_err() && rate("50").is_ok());
    }
}

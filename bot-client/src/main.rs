//! `bot-client`: the command line of the swarm. Reads arguments, shows progress, prints the result, sets the exit code.

mod cli;
mod dashboard;
mod interrupt;
mod progress;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use bot_client::swarm::compare::Comparison;
use bot_client::swarm::environment::Environment;
use bot_client::swarm::{Report, page, peer};
use bot_client::{lag, swarm};
use clap::Parser;

use cli::{Args, Command, Compare, Lag, Swarm};
use interrupt::interrupted;
use progress::Screen;
use tokio::sync::Notify;

/// Every bot got a seat and kept it.
const FINE: u8 = 0;
/// Some bot got no seat, or was cut off; or a limit was not kept.
const SOME_LOST: u8 = 1;
/// No bot got a seat, the arguments make no sense, or the results could not be written.
const NOTHING: u8 = 2;
/// The server said what it must not say.
const PROTOCOL_BROKEN: u8 = 3;
/// The swarm was too late for its figures to be the server's.
const INVALID: u8 = 4;
/// Somebody ended a search or a table before it was done.
const INTERRUPTED: u8 = 5;

fn main() -> ExitCode {
    let code = match Args::parse().command {
        Command::Swarm(args) => run_swarm(&args),
        Command::Capacity(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::Lag(args) => run_lag(&args),
        Command::Compare(args) => run_compare(&args),
    };
    match code {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            cli::warn(format_args!("{error:#}"));
            ExitCode::from(NOTHING)
        }
    }
}

fn run_swarm(args: &Swarm) -> anyhow::Result<u8> {
    let config = args.config()?;
    let thresholds = args.thresholds()?;
    cli::can_write_both(args.json.as_deref(), args.html.as_deref())?;
    // One socket a bot and a few files; the usual soft limit is 1024. Where the hard one is lower too, bots fail and say why.
    let _ = rlimit::increase_nofile_limit(u64::from(config.bots) + 64);
    if let Some(cores) = &args.pin {
        cores.pin_this_thread().map_err(anyhow::Error::msg)?;
    }
    let runtime = args.runtime()?;
    let outcome = match args.peer()? {
        Some(load) => runtime.block_on(async { peer::run(load, interrupted()).await }),
        None => {
            let title = format!("Drift Arena: {} bots on {}", config.bots, config.url);
            let mut screen = Screen::open(title, config.bots, config.duration);
            let asked = Notify::new();
            let stop = async {
                tokio::select! {
                    () = interrupted() => {}
                    () = asked.notified() => {}
                }
            };
            let show = |progress| {
                if screen.show(progress) {
                    asked.notify_one();
                }
            };
            let outcome = runtime.block_on(swarm::run(config, stop, show));
            screen.close();
            outcome
        }
    };

    let mut report = outcome.report;
    report.environment = Environment::look(std::env::args().skip(1).collect());
    if report.bots.connected == 0 {
        let trouble = cli::nobody_came(&report.url, outcome.first_failure.as_deref());
        anyhow::ensure!(report.protocol_errors > 0, trouble);
        cli::warn(trouble);
        return Ok(PROTOCOL_BROKEN);
    }
    let text = serde_json::to_string_pretty(&report)? + "\n";
    let html = || page::page(&report, &outcome.charts);
    // Each by itself, and the files first, so that no trouble with one of them loses the others: it took long.
    let shown = [
        args.json.as_ref().map_or(Ok(()), |path| cli::write(path, &text)),
        args.html.as_ref().map_or(Ok(()), |path| cli::write(path, &html())),
        cli::say(&report),
    ];
    if report.window_seconds == 0.0 {
        cli::warn("stopped before all bots had come: nothing was measured");
    }
    if let Some(why) = &outcome.first_failure {
        cli::warn(format_args!("{} bots got no seat; the first: {why}", report.bots.failed));
    }
    if let Some(first) = &outcome.first_misprediction {
        cli::warn(format_args!("the first misprediction: {first}"));
    }
    if let Some(first) = &outcome.first_protocol_error {
        cli::warn(format_args!("the first protocol error: {first}"));
    }
    if report.server.metrics.is_none() && args.insists_on_metrics() {
        cli::warn(
            "the server's figures stay empty: no metrics of a Drift Arena server at both ends of a measurement",
        );
    }
    let violations = thresholds.violations(&serde_json::to_value(&report)?);
    for violation in &violations {
        cli::warn(format_args!("--fail: {violation}"));
    }
    if cli::any_trouble(shown) {
        return Ok(NOTHING);
    }
    Ok(verdict(&report, violations.is_empty(), args.allow_invalid))
}

/// The gravest first: what is said of a run that is not valid is not worth much.
fn verdict(report: &Report, limits_kept: bool, allow_invalid: bool) -> u8 {
    if report.protocol_errors > 0 {
        PROTOCOL_BROKEN
    } else if !report.valid && !allow_invalid {
        INVALID
    } else if report.is_clean() && report.window_seconds > 0.0 && limits_kept {
        FINE
    } else {
        SOME_LOST
    }
}

fn run_lag(args: &Lag) -> anyhow::Result<u8> {
    let conditions = args.conditions();
    // Two sockets a connection; the usual soft limit is 1024.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let found = tokio::net::lookup_host(&args.to).await.map(Vec::from_iter).unwrap_or_default();
        let to = *found.first().with_context(|| format!("bad --to {}: write it like 127.0.0.1:8080", args.to))?;
        let listener = lag::listen(args.listen, &conditions);
        let listener = listener.with_context(|| format!("cannot listen on {}", args.listen))?;
        let own = listener.local_addr()?;
        anyhow::ensure!(
            !found.iter().any(|&to| lag::leads_back(to, own)),
            "bad --to {}: that is this proxy itself, which listens on {own}; name the server, or choose another --listen",
            args.to
        );
        cli::say(format_args!("carries {own} to {to}"))?;
        let mut told = false;
        let on_trouble = |error| {
            if !std::mem::replace(&mut told, true) {
                cli::warn(format_args!(
                    "trouble with a connection: {error}; further trouble is only counted"
                ));
            }
        };
        let tally = lag::run(listener, to, conditions, args.seed, interrupted(), on_trouble).await;
        cli::say(tally)?;
        Ok(FINE)
    })
}

fn run_compare(args: &Compare) -> anyhow::Result<u8> {
    let (before, after) = args.read()?;
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let comparison = Comparison::new(&before, &after).coloured(coloured);
    cli::say(comparison)?;
    Ok(FINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_trouble_sets_the_exit_code() {
        let fine = Report { valid: true, window_seconds: 5.0, ..Report::empty() };
        assert_eq!((verdict(&fine, true, false), verdict(&fine, false, false)), (FINE, SOME_LOST));
        let late = Report { valid: false, ..fine.clone() };
        assert_eq!((verdict(&late, true, false), verdict(&late, false, false)), (INVALID, INVALID));
        assert_eq!((verdict(&late, true, true), verdict(&late, false, true)), (FINE, SOME_LOST));
        let broken = Report { protocol_errors: 1, ..late };
        assert_eq!(
            (verdict(&broken, true, false), verdict(&broken, true, true)),
            (PROTOCOL_BROKEN, PROTOCOL_BROKEN)
        );
        let stopped = Report { window_seconds: 0.0, ..fine.clone() };
        assert_eq!(verdict(&stopped, true, false), SOME_LOST);
        let mut lossy = fine;
        lossy.disconnects.insert(4003, 1);
        assert_eq!(verdict(&lossy, true, true), SOME_LOST);
    }
}

//! The arguments of `bot-client`, as written and checked.

mod bench;
mod capacity;
mod compare;
mod lag;
mod swarm;
mod trusted;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};

pub(crate) use bench::Bench;
pub(crate) use capacity::Capacity;
pub(crate) use compare::Compare;
pub(crate) use lag::Lag;
pub(crate) use swarm::{Swarm, runtime};

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
    /// Exit code: 0 all bots played to the end, 1 some got no seat or lost it, or a --fail limit was not kept, 2 none got
    /// a seat, the arguments make no sense or the results could not be written, 3 the server broke the protocol, 4 the
    /// swarm itself was too late (inputs p99 over 5 ms) for its figures to be the server's, or broke; --allow-invalid does
    /// without the last.
    Swarm(Swarm),
    /// Find the largest number of players in one room that a server holds: delivered >= 95 %, interval p99 <= 1.5 ticks, twice.
    ///
    /// Starts the server itself, anew for each trial, unless it is given a URL. Doubles, then halves the gap. Ctrl-C ends it
    /// with what was found so far. Exit code: 0 a number was found, 1 none, 2 there is no server (any more), the arguments
    /// make no sense or a file could not be written, 4 the swarm was at its own limit first, 5 interrupted.
    Capacity(Capacity),
    /// Measure the standard table: rooms from 100 to 2000 players, many rooms, a crowd, TLS, and beside them the server that a
    /// tutorial would build.
    ///
    /// Starts the servers itself, on a core of their own. Ctrl-C ends it with the rows that are done, and writes no file. Exit
    /// code: 0 measured, 1 bots of some row got no seat or lost it, or the server broke the protocol, 2 there is no server, the
    /// arguments make no sense or a file could not be written, 4 some rows are marked because the swarm itself was late, 5
    /// interrupted.
    Bench(Bench),
    /// Be a bad network between clients and a server: delays, stalls, a thin line, cuts.
    ///
    /// A TCP proxy for any number of connections, each direction by itself. Bytes keep their order. Ctrl-C ends it.
    Lag(Lag),
    /// What changed from one run to another, each a file that swarm --json wrote.
    Compare(Compare),
}

/// Better now than after a long run. The first of two files with one path would be lost, however the path is spelt.
pub(crate) fn can_write_both(json: Option<&Path>, html: Option<&Path>) -> anyhow::Result<()> {
    for path in [json, html].into_iter().flatten() {
        can_write(path)?;
    }
    if let (Some(json), Some(html)) = (json, html)
        && is_same(json, html)
    {
        anyhow::bail!("--json and --html are the same file, {}", html.display());
    }
    Ok(())
}

/// A file that is not there yet has a folder.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> {
        let there = path.canonicalize();
        there.ok().or_else(|| {
            Some(std::path::absolute(path).ok()?.parent()?.canonicalize().ok()?.join(path.file_name()?))
        })
    };
    real(one).is_some() && real(one) == real(other)
}

/// What an earlier run wrote stays until there is something to replace it.
fn can_write(path: &Path) -> anyhow::Result<()> {
    let is_new = path.symlink_metadata().is_err();
    let file = File::options().create(true).append(true).open(path);
    file.map(|_| ()).with_context(|| format!("cannot write {}", path.display()))?;
    if is_new {
        // A run that comes to nothing leaves nothing.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Says all that went wrong at the end, instead of the first of it alone. True if anything did.
pub(crate) fn any_trouble<const N: usize>(done: [anyhow::Result<()>; N]) -> bool {
    let troubles = done.into_iter().filter_map(Result::err);
    troubles.inspect(|error| warn(format_args!("{error:#}"))).count() > 0
}

pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Says on stderr what is wrong. Where nobody can hear it, as of a closed pipe or a full disk, the work goes on all the same.
pub(crate) fn warn(what: impl Display) {
    let _ = writeln!(io::stderr(), "bot-client: {what}");
}

/// That no bot got a seat there, why the first got none, and what may help.
pub(crate) fn nobody_came(url: &str, first_failure: Option<&str>) -> String {
    let why = first_failure.unwrap_or("stopped before the first connection");
    let advice = match why {
        why if why.contains("peer certificate") => " If it is your own, --ca FILE or --insecure believes it.",
        why if why.starts_with("cannot connect") => " Is the server running there?",
        _ => "",
    };
    format!("no bot could join {url}: {why}.{advice}")
}

/// Prints a line, or several. Where nobody reads any more, as after `| head`, whoever was reading has seen enough, and what
/// else there is to do is done.
pub(crate) fn say(what: impl Display) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{what}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        _ => Ok(()),
    }
}

/// Prints what a run has found so far. Where it cannot be printed, that is said once, and the run goes on: it writes files, too.
pub(crate) fn say_on_the_way(what: impl Display) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if let Err(error) = say(what)
        && !TOLD.swap(true, Ordering::Relaxed)
    {
        warn(format_args!("{error:#}; it goes on without"));
    }
}

fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    digits.parse::<f64>().ok().map(|n| n * unit)
}

fn duration(text: &str) -> Result<Duration, String> {
    match seconds(text) {
        Some(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Err("it must be between 100ms and 24h".into()),
        None => Err("write it like 500ms, 10s or 2m".into()),
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
    fn one_file_has_many_spellings() {
        let folder = std::env::temp_dir();
        let at = |rest: &str| folder.join(rest);
        for (one, other, same) in [
            (at("new.out"), at("./new.out"), true),
            (at("new.out"), at("other.out"), false),
            ("new.out".into(), "./new.out".into(), true),
            ("new.out".into(), "src/../new.out".into(), true),
            ("Cargo.toml".into(), "src/../Cargo.toml".into(), true),
            ("Cargo.toml".into(), "src/lib.rs".into(), false),
            ("nowhere/a".into(), "nowhere/b".into(), false),
        ] {
            assert_eq!(is_same(&one, &other), same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn who_got_no_seat_is_told_what_may_help() {
        let came = |why| nobody_came("ws://here", why);
        assert_eq!(came(Some("4005 (room_full)")), "no bot could join ws://here: 4005 (room_full).");
        assert!(
            came(Some("cannot connect to here: refused")).ends_with("refused. Is the server running there?")
        );
        assert!(came(Some("invalid peer certificate")).contains("--insecure"));
        assert!(came(None).contains("stopped"));
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

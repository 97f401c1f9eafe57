//! `bot-client bench`: its arguments, and the rows one after another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bot_client::Trust;
use bot_client::hosted::beside_this;
use bot_client::pin::{Cores, Split};
use bot_client::swarm::bench::{Bench as Table, Case, Row, cases, replace, stayed};
use bot_client::swarm::environment::Environment;
use bot_client::swarm::{Config, Outcome, peer};

use super::capacity::{host, plain, played, start, swarm_of};
use super::runtime;
use crate::interrupt::Stop;
use crate::{FINE, INTERRUPTED, INVALID, NOTHING, SOME_LOST};

/// Programs of cargo's examples are in a folder of their own.
const TUTORIAL: &str = "examples/tutorial_server";

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// Two seconds a row, few rows and few players: shows that it works, and measures nothing, so that it is not for a README.
    #[arg(long, conflicts_with = "readme")]
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
    /// Folder for the figures, one JSON file a day: assets/bench of the checkout. Those of --quick are in a file of their own.
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
        if let Some(split) = &self.pin {
            split.check().map_err(anyhow::Error::msg)?;
        }
        let split =
            self.pin.clone().or_else(|| Cores::halves().map(|(server, swarm)| Split { server, swarm }));
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let duration = Duration::from_secs(if self.quick { 2 } else { 10 });
        let Rows { rows, lost, early } = runtime(1)?.block_on(self.measure(duration, split.as_ref()))?;
        let pin = split.map(|split| format!("{}/{}", split.server, split.swarm));
        let table = Table::new(rows, pin, duration.as_secs_f64(), here);
        if let Some((code, why)) = early {
            if !table.rows.is_empty() {
                super::say_on_the_way(format_args!("\n{}", table.markdown()));
            }
            super::warn(format_args!("{why}: the other rows are missing, and no file is written"));
            return Ok(code);
        }
        let text = serde_json::to_string_pretty(&table)? + "\n";
        let name = format!("{}{}.json", table.date, if self.quick { "-quick" } else { "" });
        // Each by itself, so that no trouble with one of them loses the other: it took long.
        let written = [
            self.out.as_ref().map_or(Ok(()), |out| super::write(&out.join(name), &text)),
            readme.map_or(Ok(()), |(path, text)| {
                super::write(path, &replace(&text, &table.markdown()).unwrap_or(text))
            }),
        ];
        super::say_on_the_way(format_args!("\n{}", table.markdown()));
        if super::any_trouble(written) {
            return Ok(NOTHING);
        }
        Ok(verdict(lost, self.quick || table.rows.iter().all(|row| row.valid)))
    }

    /// Row after row. What ends it early loses none of those that are done.
    async fn measure(&self, duration: Duration, split: Option<&Split>) -> anyhow::Result<Rows> {
        let stop = Stop::listen();
        let mut done = Rows { rows: Vec::new(), lost: false, early: None };
        for case in cases(self.quick) {
            let Some(program) = self.program(&case)? else { continue };
            let outcome = if case.peer {
                Self::peer(&program, &case, duration, split, &stop).await
            } else {
                Self::own(&program, &case, duration, split, &stop).await
            };
            let outcome = match outcome.with_context(|| case.name) {
                Ok(Some(outcome)) => outcome,
                Ok(None) => {
                    done.early = Some((INTERRUPTED, "interrupted".into()));
                    break;
                }
                Err(error) if done.rows.is_empty() => return Err(error),
                Err(error) => {
                    done.early = Some((NOTHING, format!("{error:#}")));
                    break;
                }
            };
            let report = &outcome.report;
            if let Some(trouble) = trouble(&case, &outcome) {
                super::warn(format_args!("{}: {trouble}", case.name));
                done.lost = true;
            }
            let row = Row::of(&case, report);
            super::say_on_the_way(serde_json::to_string(&row)?);
            done.rows.push(row);
        }
        Ok(done)
    }

    /// The server of a case; none if it is left out.
    fn program(&self, case: &Case) -> anyhow::Result<Option<PathBuf>> {
        if !case.peer {
            return Ok(Some(self.server.clone().map_or_else(|| beside_this("server"), Ok)?));
        }
        let program = self.tutorial.clone().map_or_else(|| beside_this(TUTORIAL), Ok)?;
        if self.tutorial.is_none() && !program.exists() {
            super::warn(format_args!(
                "{}: left out; build it with `cargo build --release -p bot-client --examples`",
                case.name
            ));
            return Ok(None);
        }
        Ok(Some(program))
    }

    async fn own(
        program: &Path,
        case: &Case,
        duration: Duration,
        split: Option<&Split>,
        stop: &Stop,
    ) -> anyhow::Result<Option<Outcome>> {
        let tls: &[&str] = if case.tls { &["--dev-tls"] } else { &[] };
        let hosted = host(program, case.room_capacity(), tls, split, stop).await?;
        let Some(hosted) = hosted else { return Ok(None) };
        let config = Config {
            bots: case.players,
            rooms: Some(case.rooms),
            duration,
            profiles: case.mix(),
            // It made its certificate a moment ago, and is on this machine.
            trust: Trust::anybody(),
            ..plain(hosted.url.clone(), hosted.metrics.clone())
        };
        swarm_of(config, stop).await
    }

    async fn peer(
        program: &Path,
        case: &Case,
        duration: Duration,
        split: Option<&Split>,
        stop: &Stop,
    ) -> anyhow::Result<Option<Outcome>> {
        let hosted = start(program, &[case.players.to_string()], split, stop).await?;
        let Some(hosted) = hosted else { return Ok(None) };
        let (url, process) = (hosted.url.clone(), Some(hosted.id()));
        let load = peer::Load { url, bots: case.players, duration, rate: 500.0, process };
        played(peer::run(load, stop.asked()).await, stop)
    }
}

/// What was measured.
struct Rows {
    rows: Vec<Row>,
    /// True if a row lost bots.
    lost: bool,
    /// Why the others are missing, and the exit code for it; none if none is missing.
    early: Option<(u8, String)>,
}

/// Bots that were lost are no matter of time.
fn verdict(lost: bool, in_time: bool) -> u8 {
    match (lost, in_time) {
        (true, _) => SOME_LOST,
        (false, false) => INVALID,
        (false, true) => FINE,
    }
}

/// What became of bots that did not play to the end; none if all did.
fn trouble(case: &Case, Outcome { report, first_failure, .. }: &Outcome) -> Option<String> {
    if stayed(case, report) {
        return None;
    }
    if report.protocol_errors > 0 {
        return Some(format!("the server broke the protocol {} times", report.protocol_errors));
    }
    let (seats, lost) = (report.bots.connected, report.seats_lost());
    let why = first_failure.as_ref().map_or_else(String::new, |why| format!("; the first without: {why}"));
    Some(format!("{seats} of {} bots got a seat, {lost} lost it{why}", case.players))
}

#[cfg(test)]
mod tests {
    use bot_client::swarm::Report;
    use bot_client::swarm::page::Charts;

    use super::*;

    #[test]
    fn bots_that_are_lost_are_told_and_set_the_exit_code() {
        let case = &cases(true)[0];
        let trouble = |report: &Report, first_failure: Option<&str>| {
            let outcome = Outcome {
                report: report.clone(),
                charts: Charts::default(),
                first_failure: first_failure.map(str::to_owned),
                first_misprediction: None,
                first_protocol_error: None,
            };
            trouble(case, &outcome)
        };
        let mut report = Report::empty();
        report.bots.connected = case.players;
        assert_eq!(trouble(&report, None), None);
        report.disconnects.insert(4003, 2);
        assert_eq!(trouble(&report, None).unwrap(), "20 of 20 bots got a seat, 2 lost it");
        report = Report::empty();
        (report.bots.connected, report.bots.failed) = (19, 1);
        let told = trouble(&report, Some("too slow")).unwrap();
        assert_eq!(told, "19 of 20 bots got a seat, 0 lost it; the first without: too slow");
        assert_eq!((verdict(false, true), verdict(false, false)), (FINE, INVALID));
        assert_eq!((verdict(true, true), verdict(true, false)), (SOME_LOST, SOME_LOST));
    }
}

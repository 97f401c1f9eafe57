//! `server replay`: runs a recording again and says what came of it. Exit code 1: it went another way; 2: it is none that
//! can be run.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use protocol::{TICK_HZ, Tick};
use server::record::film::{Reel, film};
use server::record::replay::{Plan, Summary, replay};

use crate::cli::Replay;

/// Exit code for a recording that goes another way. The first tick that does is named.
const DIFFERENT: u8 = 1;

/// Runs it.
pub(crate) fn run(asked: &Replay) -> ExitCode {
    let path = asked.file.display();
    let bytes = match std::fs::read(&asked.file) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("error: cannot read {path}: {error}");
            return ExitCode::from(crate::USAGE);
        }
    };
    if let Some(out) = &asked.film {
        return develop(&bytes, asked, out);
    }
    let begun = Instant::now();
    match replay(&bytes, Plan { verify: asked.verify, from: asked.from.map(Tick) }) {
        Ok(summary) => {
            tell(&summary, asked.verify, begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(stopped) => {
            eprintln!("error: {path}: {stopped}");
            ExitCode::from(if stopped.is_difference() { DIFFERENT } else { crate::USAGE })
        }
    }
}

/// Writes the film of a recording.
fn develop(recording: &[u8], asked: &Replay, out: &Path) -> ExitCode {
    let all = Reel { ticks: u32::MAX, bytes: usize::MAX, until: None };
    let fail = |place: &Path, error: &dyn std::fmt::Display| {
        eprintln!("error: {}: {error}", place.display());
        ExitCode::from(crate::USAGE)
    };
    match film(recording, asked.from.map(Tick), all) {
        Err(stopped) => fail(&asked.file, &stopped),
        Ok(film) => match std::fs::write(out, &film) {
            Err(error) => fail(out, &error),
            Ok(()) => {
                crate::say(&format!("{} bytes of film in {}", film.len(), out.display()));
                ExitCode::SUCCESS
            }
        },
    }
}

fn tell(summary: &Summary, verified: bool, took: f64) {
    let Summary { header, ticks, run, segments, gaps, players, digests, checks } = summary;
    crate::say(&format!(
        "room {}, {} seats, {} pilots, seed {}, built from {}",
        header.room, header.world.capacity, header.world.pilots, header.world.seed, header.commit
    ));
    let played = f64::from(*run) / f64::from(TICK_HZ);
    crate::say(&format!(
        "ticks {} to {}: {played:.1} s; segments: {segments}, gaps: {gaps}, most players: {players}",
        ticks.0.next().0,
        ticks.1.0
    ));
    crate::say(&format!("ran in {took:.2} s, {:.0} times real time", played / took.max(1e-6)));
    if verified {
        crate::say(&format!("{digests} ticks and {checks} checksums compared: all the same"));
    }
}

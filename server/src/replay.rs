//! `server replay`: runs a recording again and says what came of it. Exit code 1: it went another way; 2: it is none that
//! can be run.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use protocol::{TICK_HZ, Tick};
use server::record::film::{Reel, film};
use server::record::format::MAGIC;
use server::record::replay::{Plan, Stopped, Summary, replay};

use crate::cli::Replay;

/// Exit code for a recording that goes another way. The first tick that does is named.
const DIFFERENT: u8 = 1;

/// Runs it.
pub(crate) fn run(asked: &Replay) -> ExitCode {
    let done = read(&asked.file).and_then(|bytes| {
        if asked.verify || asked.film.is_none() {
            let begun = Instant::now();
            let summary = replay(&bytes, Plan { verify: asked.verify, from: asked.from.map(Tick) });
            let summary = summary.map_err(|stopped| of_recording(&asked.file, &stopped))?;
            let text = told(&summary, asked.verify, begun.elapsed().as_secs_f64());
            // A film may go to stdout.
            if asked.film.is_some() { eprintln!("{text}") } else { crate::say(&text) }
        }
        asked.film.as_ref().map_or(Ok(()), |out| develop(&bytes, asked, out))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, text }) => {
            eprintln!("error: {text}");
            ExitCode::from(code)
        }
    }
}

/// What is said in the end, and the exit code.
struct Failure {
    code: u8,
    text: String,
}

fn of_recording(file: &Path, stopped: &Stopped) -> Failure {
    let code = if stopped.is_difference() { DIFFERENT } else { crate::USAGE };
    Failure { code, text: format!("{}: {stopped}", file.display()) }
}

fn of_file(cannot: &str, file: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure { code: crate::USAGE, text: format!("cannot {cannot} {}: {why}", file.display()) }
}

/// All of a file that begins like a recording, and no more than that of another one, however long.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = || {
        let mut file = File::open(file)?;
        let mut bytes = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
        if bytes == MAGIC {
            file.read_to_end(&mut bytes)?;
        }
        io::Result::Ok(bytes)
    };
    read().map_err(|error| of_file("read", file, &error))
}

/// Writes the film of a recording, up to where it cannot be shown any more.
fn develop(recording: &[u8], asked: &Replay, out: &Path) -> Result<(), Failure> {
    // A wrong word on the command line is no reason to lose one.
    if out.is_file() && read(out).is_ok_and(|bytes| bytes.starts_with(&MAGIC)) {
        return Err(of_file("write", out, &"a recording is there; choose another name for the film"));
    }
    let all = Reel { ticks: u32::MAX, bytes: usize::MAX, until: None };
    let film =
        film(recording, asked.from.map(Tick), all).map_err(|stopped| of_recording(&asked.file, &stopped))?;
    std::fs::write(out, &film.bytes).map_err(|error| of_file("write", out, &error))?;
    eprintln!("{} bytes of film in {}", film.bytes.len(), out.display());
    film.stopped.map_or(Ok(()), |stopped| Err(of_recording(&asked.file, &stopped)))
}

/// What came of it, a line each.
fn told(summary: &Summary, verified: bool, took: f64) -> String {
    let Summary { header, ticks, run, segments, gaps, players, digests, checks } = summary;
    let mut text = format!(
        "room {}, {} seats, {} pilots, seed {}, built from {}\n",
        header.room, header.world.capacity, header.world.pilots, header.world.seed, header.commit
    );
    let played = f64::from(*run) / f64::from(TICK_HZ);
    text += &format!(
        "ticks {} to {}: {played:.1} s; segments: {segments}, gaps: {gaps}, most players: {players}\n",
        ticks.0.next().0,
        ticks.1.0
    );
    text += &format!("ran in {took:.2} s, {:.0} times real time", played / took.max(1e-6));
    if verified {
        text += &format!("\n{digests} ticks and {checks} checksums compared: all the same");
    }
    text
}

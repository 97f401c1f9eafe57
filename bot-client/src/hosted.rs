//! A server that the lab starts by itself, on cores of its own, and ends when it is done. Knows only what the program prints.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use crate::pin::Split;
use crate::swarm::server::Target;

/// How long a server may take to say where it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long after its own address the one of its metrics may come.
const RIGHT_BEHIND: Duration = Duration::from_millis(500);

/// A running server; killed when this is dropped.
#[derive(Debug)]
pub struct Hosted {
    child: Child,
    /// Where to play.
    pub url: Endpoint,
    /// Where its metrics are, if it said so.
    pub metrics: Option<Target>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum NotHosted {
    /// The program cannot be started.
    #[error("cannot start {program}: {source}; build it with `cargo build --release`, or name it")]
    Start {
        /// Which.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not say where it listens.
    #[error("{program} did not say where it listens: {said}")]
    Silent {
        /// Which.
        program: PathBuf,
        /// The lines that it printed.
        said: String,
    },
    /// The cores cannot be used.
    #[error("{0}")]
    Pin(String),
}

impl Hosted {
    /// Starts a program and waits until it has printed its addresses. With a split, it runs on the server's cores, and the
    /// calling thread on the swarm's from then on.
    ///
    /// # Errors
    /// It cannot be started or pinned, or prints no address in time.
    pub fn start(program: &Path, arguments: &[String], split: Option<&Split>) -> Result<Hosted, NotHosted> {
        if let Some(split) = split {
            // A child runs where its parent does when it is started.
            split.server.pin_this_thread().map_err(NotHosted::Pin)?;
        }
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        if let Some(split) = split {
            split.swarm.pin_this_thread().map_err(NotHosted::Pin)?;
        }
        let program = program.to_owned();
        let mut child = match child {
            Ok(child) => child,
            Err(source) => return Err(NotHosted::Start { program, source }),
        };
        let said = child.stdout.take().map(listen_to);
        match said.map(|said| addresses(&said)) {
            Some(Ok((url, metrics))) => Ok(Hosted { child, url, metrics }),
            said => {
                end(&mut child);
                let said = said.and_then(Result::err).unwrap_or_default();
                Err(NotHosted::Silent { program, said })
            }
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; none while it runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// The lines of a pipe, read to its end, so that the writer never waits.
fn listen_to(pipe: impl io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (lines, said) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody listens any more once the addresses are known.
            let _ = lines.send(line);
        }
    });
    said
}

/// Waits for the game's address, and for the metrics' if they come right behind it. Or what was said instead.
fn addresses(said: &mpsc::Receiver<String>) -> Result<(Endpoint, Option<Target>), String> {
    let until = Instant::now() + PATIENCE;
    let mut all = String::new();
    let url = loop {
        let Ok(line) = said.recv_timeout(until.saturating_duration_since(Instant::now())) else {
            return Err(all);
        };
        all += &line;
        all.push('\n');
        if let Some(url) = line.split_whitespace().find_map(game_address) {
            break url;
        }
    };
    // Other lines may come between them, such as the fingerprint of a certificate.
    let until = Instant::now() + RIGHT_BEHIND;
    let mut metrics = None;
    while metrics.is_none()
        && let Ok(line) = said.recv_timeout(until.saturating_duration_since(Instant::now()))
    {
        let mut words = line.split_whitespace().filter(|word| word.contains("/metrics"));
        metrics = words.find_map(|word| word.trim_end_matches(';').parse().ok());
    }
    Ok((url, metrics))
}

fn game_address(word: &str) -> Option<Endpoint> {
    let (scheme, rest) = word.split_once("://")?;
    let scheme = match scheme {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return None,
    };
    format!("{scheme}://{rest}").parse().ok()
}

/// A program beside this one: where cargo puts it.
///
/// # Errors
/// The system does not say where this program is.
pub fn beside_this(name: &str) -> io::Result<PathBuf> {
    let mut path = std::env::current_exe()?;
    path.set_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    Ok(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Hosted, NotHosted> {
        Hosted::start(Path::new("/bin/sh"), &["-c".into(), script.into()], None)
    }

    #[test]
    fn it_is_known_by_what_it_prints_and_ends_with_its_owner() {
        let script = "echo Drift Arena listens on http://127.0.0.1:4711; echo '  something else'; \
            echo '  metrics at http://127.0.0.1:4712/metrics; stop with Ctrl-C'; exec sleep 60";
        let hosted = shell(script).unwrap();
        assert_eq!(hosted.url.to_string(), "ws://127.0.0.1:4711/ws");
        assert_eq!(hosted.metrics.as_ref().unwrap().to_string(), "http://127.0.0.1:4712/metrics");
        let stat = PathBuf::from(format!("/proc/{}/stat", hosted.id()));
        let was_there = stat.exists();
        drop(hosted);
        assert!(!stat.exists() && (was_there || !cfg!(target_os = "linux")));
        let plain = shell("echo listening on ws://127.0.0.1:9; exec sleep 60").unwrap();
        assert_eq!((plain.url.port(), plain.metrics.is_none()), (9, true));
    }

    #[test]
    fn a_program_that_says_nothing_useful_is_an_error_with_its_words() {
        let error = shell("echo out of order").unwrap_err().to_string();
        assert!(error.contains("out of order"), "{error}");
        let error = Hosted::start(Path::new("/nowhere/server"), &[], None).unwrap_err().to_string();
        assert!(error.contains("/nowhere/server") && error.contains("cargo build"), "{error}");
    }
}

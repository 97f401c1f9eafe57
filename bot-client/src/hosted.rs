//! A server that the lab starts by itself, on cores of its own, and ends when it is done. Knows only what the program prints.
//! Only a SIGKILL for the lab leaves it behind.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

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
    child: Running,
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
    /// calling thread on the swarm's from then on. Dropped half-way, it ends the program.
    ///
    /// # Errors
    /// It cannot be started or pinned, or prints no address in time.
    pub async fn start(
        program: &Path,
        arguments: &[String],
        split: Option<&Split>,
    ) -> Result<Hosted, NotHosted> {
        let mut child = Running::start(program, arguments, split)?;
        let (lines, mut said) = mpsc::unbounded_channel();
        if let Some(pipe) = child.0.stdout.take() {
            listen_to(pipe, Pipe::Stdout, lines.clone());
        }
        if let Some(pipe) = child.0.stderr.take() {
            listen_to(pipe, Pipe::Stderr, lines);
        }
        match addresses(&mut said).await {
            Ok((url, metrics)) => Ok(Hosted { child, url, metrics }),
            Err(said) => Err(NotHosted::Silent { program: program.to_owned(), said }),
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// How it ended; none while it runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.0.try_wait()
    }
}

/// A process that ends with this value, from the moment that it is there.
#[derive(Debug)]
struct Running(Child);

impl Running {
    fn start(program: &Path, arguments: &[String], split: Option<&Split>) -> Result<Running, NotHosted> {
        if let Some(split) = split {
            split.check().map_err(NotHosted::Pin)?;
            // A child runs where its parent does when it is started.
            split.server.pin_this_thread().map_err(NotHosted::Pin)?;
        }
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(Running);
        if let Some(split) = split {
            split.swarm.pin_this_thread().map_err(NotHosted::Pin)?;
        }
        started.map_err(|source| NotHosted::Start { program: program.to_owned(), source })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a line came from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pipe {
    /// Where addresses are said.
    Stdout,
    /// Why there are none, perhaps.
    Stderr,
}

/// Passes the lines of a pipe on, and reads it to its end, so that the writer never waits.
fn listen_to(pipe: impl io::Read + Send + 'static, from: Pipe, lines: mpsc::UnboundedSender<(Pipe, String)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody listens any more once the addresses are known.
            let _ = lines.send((from, line));
        }
    });
}

/// Waits for the game's address, and for the metrics' if they come right behind it. Or what was said instead.
async fn addresses(
    said: &mut mpsc::UnboundedReceiver<(Pipe, String)>,
) -> Result<(Endpoint, Option<Target>), String> {
    let until = Instant::now() + PATIENCE;
    let mut all = String::new();
    let url = loop {
        let (from, line) = match timeout_at(until, said.recv()).await {
            Ok(Some(said)) => said,
            _ if all.is_empty() => return Err("it said nothing".into()),
            _ => return Err(all.trim_end().into()),
        };
        all += &line;
        all.push('\n');
        let mut words = line.split_whitespace().filter(|_| from == Pipe::Stdout);
        if let Some(url) = words.find_map(game_address) {
            break url;
        }
    };
    // Other lines may come between them, such as the fingerprint of a certificate.
    let until = Instant::now() + RIGHT_BEHIND;
    let mut metrics = None;
    while metrics.is_none()
        && let Ok(Some((_, line))) = timeout_at(until, said.recv()).await
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

    async fn shell(script: &str) -> Result<Hosted, NotHosted> {
        Hosted::start(Path::new("/bin/sh"), &["-c".into(), script.into()], None).await
    }

    /// True while there is such a process. Linux only tells; elsewhere there is none.
    fn is_there(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}/stat")).exists()
    }

    #[tokio::test]
    async fn it_is_known_by_what_it_prints_and_ends_with_its_owner() {
        let script = "echo 'not on http://127.0.0.1:1' >&2; \
            echo Drift Arena listens on http://127.0.0.1:4711; echo '  something else'; \
            echo '  metrics at http://127.0.0.1:4712/metrics; stop with Ctrl-C'; exec sleep 60";
        let hosted = shell(script).await.unwrap();
        assert_eq!(hosted.url.to_string(), "ws://127.0.0.1:4711/ws");
        assert_eq!(hosted.metrics.as_ref().unwrap().to_string(), "http://127.0.0.1:4712/metrics");
        let pid = hosted.id();
        assert_eq!(is_there(pid), cfg!(target_os = "linux"));
        drop(hosted);
        assert!(!is_there(pid));
        let plain = shell("echo listening on ws://127.0.0.1:9; exec sleep 60").await.unwrap();
        assert_eq!((plain.url.port(), plain.metrics.is_none()), (9, true));
    }

    #[tokio::test]
    async fn a_program_that_says_nothing_useful_is_an_error_with_its_words() {
        let error = shell("echo out of order; echo the port is taken >&2").await.unwrap_err().to_string();
        assert!(error.contains("out of order") && error.contains("the port is taken"), "{error}");
        let error = shell("exit 1").await.unwrap_err().to_string();
        assert!(error.contains("it said nothing"), "{error}");
        let error = Hosted::start(Path::new("/nowhere/server"), &[], None).await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/server") && error.contains("cargo build"), "{error}");
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_for_it_leaves_nothing_behind() {
        let pid_file = std::env::temp_dir().join(format!("hosted-{}", std::process::id()));
        let script = format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec sleep 60", pid_file.display());
        let started = async {
            while !pid_file.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            hosted = shell(&script) => panic!("it says no address: {hosted:?}"),
            () = started => {}
        }
        let pid = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        std::fs::remove_file(&pid_file).unwrap();
        assert!(!is_there(pid));
    }

    #[tokio::test]
    async fn cores_that_are_not_there_are_told_before_anything_starts() {
        let split = "1023/1023".parse().unwrap();
        let started = Hosted::start(Path::new("/nowhere/server"), &[], Some(&split)).await;
        let Err(NotHosted::Pin(why)) = started else { panic!("{started:?}") };
        assert!(why.contains("1023") || !cfg!(target_os = "linux"), "{why}");
    }
}

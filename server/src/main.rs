//! The program: flags, listeners, signals, exit codes.

mod cli;
mod replay;
mod ticket;

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cli::{Cli, Task};
use server::config::{LogFormat, TlsSource};
use server::net::{Redirect, Tls};
use server::{Config, Listeners, Options, Server};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Exit code for everything that whoever started the server can put right.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    outlive_file_limits();
    let config = match Cli::read() {
        Ok(Task::Serve(config)) => *config,
        Ok(Task::Replay(asked)) => return replay::run(&asked),
        Ok(Task::Ticket(asked)) => return ticket::run(asked),
        Err(code) => return code,
    };
    let run = || {
        log_to_stderr(config.log_format)?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        let served = runtime.block_on(serve(config));
        // What still waits for a disk that does not answer is not waited for.
        runtime.shutdown_timeout(Duration::from_millis(500));
        served
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(USAGE)
        }
    }
}

/// Begins to log what `RUST_LOG` asks for.
fn log_to_stderr(format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text)
            .with_context(|| format!("RUST_LOG={text}: write it like info, or server=debug,info"))?,
        _ => EnvFilter::new("info"),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => {
            logs.json().flatten_event(true).init();
            // What reads the lines cannot read a panic's own text.
            std::panic::set_hook(Box::new(|panic| {
                let place = panic.location().map(ToString::to_string);
                tracing::error!(place, panic = panic.payload_as_str(), "panicked");
            }));
        }
    }
    Ok(())
}

async fn serve(config: Config) -> anyhow::Result<()> {
    raise_file_limit(config.net.connections);
    let options = Options::default();
    let tls = match &config.tls {
        Some(tls) => Some(Tls::new(tls, &own_addresses(config.listen), options.metrics.clone())?),
        None => None,
    };
    let game = bind(config.listen, "listen").await?;
    let admin = match config.admin {
        Some(address) => Some(bind(address, "admin").await?),
        None => None,
    };
    let redirect = match config.net.redirect_http {
        Some(address) => {
            let port = game.local_addr()?.port();
            Some((bind(address, "redirect-http").await?, Redirect { port }))
        }
        None => None,
    };
    // Before anybody can read that we are up: a signal that comes at once is a stop, not a kill.
    let signals = Signals::listen()?;
    if let Some(tls) = &tls {
        reload_on_hangup(tls.clone())?;
    }
    let mut lines = announcement(game.local_addr()?, tls.as_deref(), &config);
    if let Some(admin) = &admin {
        lines.push(format!("  metrics at http://{}/metrics; stop with Ctrl-C", admin.local_addr()?));
    }
    let stopping = stop(signals, options.end.clone());
    let server = Server::start(Listeners { game, tls, admin, redirect }, config, options)?;
    lines.iter().for_each(|line| say(line));
    let summary = server.until(stopping).await;
    say(&format!(
        "served {} players, {} ticks, {} missed ticks",
        summary.players, summary.ticks, summary.missed
    ));
    Ok(())
}

/// Prints a line. Nobody may be reading; that is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Lets this process have as many files, and so connections, as the system allows; warns if that is too few.
fn raise_file_limit(connections: usize) {
    let wanted = connections as u64 + 64;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < wanted => {
            tracing::warn!(
                limit,
                wanted,
                "fewer open files are allowed than net.max_connections needs: see `ulimit -Hn`"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; stop what is listening there, or choose another address with --{flag}")
    })
}

/// The first line says where to play; on an unspecified address the next ones where others can.
fn announcement(game: SocketAddr, tls: Option<&Tls>, config: &Config) -> Vec<String> {
    let port = game.port();
    let mut lines = Vec::new();
    let scheme = if tls.is_some() { "https" } else { "http" };
    if game.ip().is_unspecified() {
        lines.push(format!("Drift Arena listens on {scheme}://127.0.0.1:{port}"));
        for ip in own_addresses(game) {
            lines.push(format!("  others on the network open {scheme}://{}", SocketAddr::new(ip, port)));
        }
    } else {
        lines.push(format!("Drift Arena listens on {scheme}://{game}"));
    }
    if let (Some(tls), Some(TlsSource::Dev)) = (tls, config.tls.as_ref().map(|tls| &tls.source)) {
        lines.push(
            "  with a certificate made for this run: browsers warn of it; compare its SHA-256 fingerprint"
                .into(),
        );
        lines.push(format!("  {}", tls.fingerprint()));
    }
    lines
}

/// Under which addresses other machines reach a listener; none if only this machine does.
fn own_addresses(listen: SocketAddr) -> Vec<IpAddr> {
    let usable = |ip: &IpAddr| !ip.is_loopback() && (ip.is_ipv4() || listen.is_ipv6());
    if !listen.ip().is_unspecified() {
        return Some(listen.ip()).into_iter().filter(usable).collect();
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().map(if_addrs::Interface::ip).filter(usable).collect()
}

/// SIGHUP has the certificate read again. Without one the signal does what it always does.
#[cfg(unix)]
fn reload_on_hangup(tls: Arc<Tls>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tls.reload();
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn reload_on_hangup(_: Arc<Tls>) -> std::io::Result<()> {
    Ok(())
}

/// A file that is as large as files may be (`ulimit -f`, `LimitFSIZE`) is an error for whoever writes it and nothing else:
/// left alone, the signal that comes with it ends the process.
#[cfg(unix)]
fn outlive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    // What is caught once stays so, without the runtime that it takes to say it.
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
        let _entered = runtime.enter();
        let _ = signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGXFSZ as i32));
    }
}

#[cfg(not(unix))]
fn outlive_file_limits() {}

/// The first signal begins the good-byes. One that comes when they have begun, by a signal or by an operator, ends the
/// process at once.
async fn stop(mut signals: Signals, end: CancellationToken) {
    let begun = end.clone();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = end.cancelled() => {}
            () = signals.next() => {
                tracing::info!("stopping: players are told; once more to stop at once");
                end.cancel();
            }
        }
        signals.next().await;
        std::process::exit(1);
    });
    begun.cancelled().await;
}

/// Ctrl-C and the system's polite request to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

//! The program: flags, listeners, signals, exit codes.

mod cli;
mod replay;

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use cli::{Cli, Task};
use server::{Config, Listeners, Options};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// Exit code for everything that whoever started the server can put right.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let config = match Cli::read() {
        Ok(Task::Serve(config)) => *config,
        Ok(Task::Replay(asked)) => return replay::run(&asked),
        Err(code) => return code,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
    match tokio::runtime::Runtime::new()
        .context("cannot start the runtime")
        .and_then(|rt| rt.block_on(serve(config)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(USAGE)
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    raise_file_limit(config.net.connections);
    let game = bind(config.listen, "listen").await?;
    let admin = match config.admin {
        Some(address) => Some(bind(address, "admin").await?),
        None => None,
    };
    // Before anybody can read that we are up: a signal that comes at once is a stop, not a kill.
    let signals = Signals::listen()?;
    announce(game.local_addr()?, admin.as_ref().map(TcpListener::local_addr).transpose()?);
    let summary = server::run(Listeners { game, admin }, config, Options::default(), stop(signals)).await?;
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
fn announce(game: SocketAddr, admin: Option<SocketAddr>) {
    let port = game.port();
    if game.ip().is_unspecified() {
        say(&format!("Drift Arena listens on http://127.0.0.1:{port}"));
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let usable = |ip: &IpAddr| !ip.is_loopback() && (ip.is_ipv4() || game.is_ipv6());
        for ip in interfaces.iter().map(if_addrs::Interface::ip).filter(usable) {
            say(&format!("  others on the network open http://{}", SocketAddr::new(ip, port)));
        }
    } else {
        say(&format!("Drift Arena listens on http://{game}"));
    }
    if let Some(admin) = admin {
        say(&format!("  metrics at http://{admin}/metrics; stop with Ctrl-C"));
    }
}

/// The first signal begins the good-byes; the second ends the process at once.
async fn stop(mut signals: Signals) {
    signals.next().await;
    tracing::info!("stopping: players are told; once more to stop at once");
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(1);
    });
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

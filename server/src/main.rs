//! The program: flags, listeners, signals, exit codes.

mod cli;

use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use cli::Cli;
use server::{Config, Listeners, Options};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// Exit code for everything that whoever started the server can put right.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let config = match Cli::read() {
        Ok(config) => config,
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
    let game = bind(config.listen, "listen").await?;
    let admin = match config.admin {
        Some(address) => Some(bind(address, "admin").await?),
        None => None,
    };
    announce(game.local_addr()?, admin.as_ref().map(TcpListener::local_addr).transpose()?);
    let summary = server::run(Listeners { game, admin }, config, Options::default(), stop_signal()).await?;
    println!("served {} players, {} ticks, {} missed ticks", summary.players, summary.ticks, summary.missed);
    Ok(())
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
        println!("Drift Arena listens on http://127.0.0.1:{port}");
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let usable = |ip: &IpAddr| !ip.is_loopback() && (ip.is_ipv4() || game.is_ipv6());
        for ip in interfaces.iter().map(if_addrs::Interface::ip).filter(usable) {
            println!("  others on the network open http://{}", SocketAddr::new(ip, port));
        }
    } else {
        println!("Drift Arena listens on http://{game}");
    }
    if let Some(admin) = admin {
        println!("  metrics at http://{admin}/metrics; stop with Ctrl-C");
    }
}

/// The first signal begins the good-byes; the second ends the process at once.
async fn stop_signal() {
    signal().await;
    tracing::info!("stopping: players are told; once more to stop at once");
    tokio::spawn(async {
        signal().await;
        std::process::exit(1);
    });
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).expect("a Unix system has SIGTERM");
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}

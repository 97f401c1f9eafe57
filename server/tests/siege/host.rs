//! The server under siege: the program itself, limits on, and what the system says of its process.

use std::path::Path;
use std::time::Duration;

use bot_client::hosted::Hosted;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What a busy machine may need for anything.
const LONG: Duration = Duration::from_secs(60);

/// One mebibyte.
pub(crate) const MIB: f64 = 1_048_576.0;

/// A running server.
pub(crate) struct Host {
    hosted: Hosted,
    admin: String,
}

/// One look at it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Resident memory, bytes.
    pub(crate) memory: f64,
    /// Open files, sockets included; the one of the question, too.
    pub(crate) files: f64,
    /// Seats, those of lost connections included.
    pub(crate) seats: f64,
    /// Connections so far.
    pub(crate) accepted: f64,
}

impl Host {
    /// A server whose limits by address count on this machine, too, as they do for everybody from elsewhere.
    pub(crate) async fn start(name: &str, capacity: u32) -> Host {
        let config = std::env::temp_dir().join(format!("drift-arena-{name}-{}.toml", std::process::id()));
        // Seats of lost connections are kept for a minute; the next kind of peer shall not have to wait for that.
        let rooms = format!("[rooms]\ncapacity = {capacity}\npilots = 0\ngrace_secs = 1\nkeep_secs = 1\n");
        let text = format!("[net]\nlimit_loopback = true\n{rooms}");
        std::fs::write(&config, text).expect("a temporary file");
        let path = config.to_str().expect("a plain path");
        let arguments = ["--listen", "127.0.0.1:0", "--config", path].map(str::to_owned);
        let hosted = Hosted::start(Path::new(env!("CARGO_BIN_EXE_server")), &arguments, None);
        let hosted = hosted.await.expect("a server");
        std::fs::remove_file(&config).expect("it was there");
        let metrics = hosted.metrics.as_ref().expect("it says where its metrics are").to_string();
        let admin = metrics.trim_start_matches("http://").trim_end_matches("/metrics").to_owned();
        Host { hosted, admin }
    }

    /// Where to play.
    pub(crate) fn url(&self) -> &bot_client::Endpoint {
        &self.hosted.url
    }

    /// Asks it how it is.
    pub(crate) async fn look(&self) -> Look {
        let mut stream = TcpStream::connect(&self.admin).await.expect("it listens");
        let host = &self.admin;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("text");
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in:\n{text}"))
        };
        Look {
            memory: value("process_resident_memory_bytes"),
            files: value("process_open_fds"),
            seats: value("drift_players"),
            accepted: value("drift_accepted_total"),
        }
    }

    /// Waits until it has no seats and no more files open than it had; panics if it keeps some.
    pub(crate) async fn back_to(&self, files: f64) -> Look {
        let deadline = Instant::now() + LONG;
        loop {
            let look = self.look().await;
            if look.files <= files && look.seats == 0.0 {
                return look;
            }
            assert!(Instant::now() < deadline, "{files} files were open before, and now {look:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

//! Echoes every message over the game's own WebSocket layer, so that a conformance suite can try that layer:
//! `cargo run -p server --example echo -- 127.0.0.1:9001`, then open ws://127.0.0.1:9001/ws.
//!
//! Differs from the game only by configuration: messages of up to 16 MiB in any number of frames, no subprotocol,
//! and no hurry to say something first.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::CloseCode;
use server::RawConfig;
use server::config::{NetLimits, RecordLimits};
use server::farewell::Farewell;
use server::metrics::Metrics;
use server::net::{self, Accept, Accepted, Answered, Door, FrameKind, Game, Page, Refusal, Service, Shards};
use server::outbox::Outbox;
use server::record::shelf::Shelf;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Largest message, bytes.
const MESSAGE_BYTES: usize = 16 << 20;

/// Listens on the address that the command line names, and prints it: with port 0 the system draws one.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    writeln!(std::io::stdout(), "echo listens on ws://{}/ws", listener.local_addr()?)?;
    let limits = NetLimits {
        message_bytes: MESSAGE_BYTES,
        fragments: usize::MAX,
        messages_per_sec: 1_000_000,
        bytes_per_sec: 1 << 30,
        control_per_sec: 1_000_000,
        hello: Duration::from_secs(60),
        ..RawConfig::default().check()?.net
    };
    let (stop, tasks, metrics) = (CancellationToken::new(), TaskTracker::new(), Arc::new(Metrics::default()));
    let accept = Accept {
        stop: stop.clone(),
        tasks: tasks.clone(),
        head_timeout: limits.handshake,
        tls: None,
        connections: Arc::new(Semaphore::new(limits.connections)),
        door: None,
    };
    let shards = Shards::start(&stop)?;
    let door = Door::new(&limits, metrics.clone());
    let (page, limits) = (Page::new(None), Arc::new(limits));
    let game = Game {
        service: Echoes,
        page,
        shelf: Shelf::new(&RecordLimits::default()),
        limits,
        door,
        metrics,
        homes: Some(shards.homes()),
        tasks,
        stop,
    };
    net::serve(listener, Arc::new(game), accept, || ()).await;
    Ok(())
}

/// Opens an echo for each connection.
#[derive(Debug, Clone)]
struct Echoes;

/// Sends back what it hears. In the outbox a message begins with a byte for its kind.
struct Hears(Arc<Outbox>);

struct Says;

impl Service for Echoes {
    type Agreement = ();
    type Ingress = Hears;
    type Egress = Says;

    fn agree(&self, _offer: Option<&str>, _bearer: Option<&str>) -> Result<Accepted<()>, Refusal> {
        Ok(Accepted { subprotocol: None, agreement: () })
    }

    fn open(&self, (): (), _client: IpAddr, outbox: Arc<Outbox>) -> (Hears, Says) {
        (Hears(outbox), Says)
    }
}

impl net::Ingress for Hears {
    fn message(&mut self, kind: FrameKind, bytes: &[u8], _arrival: Instant) -> Result<Answered, Farewell> {
        let queued = self.0.push(|out| {
            out.push(u8::from(kind == FrameKind::Text));
            out.extend_from_slice(bytes);
        });
        queued.map(|()| Answered::Yes).map_err(|_| Farewell::bye(CloseCode::TooSlow))
    }
}

impl net::Egress for Says {
    fn message<'a>(&mut self, message: &'a [u8], _scratch: &'a mut Vec<u8>) -> Option<(FrameKind, &'a [u8])> {
        let (kind, bytes) = message.split_first()?;
        Some((if *kind == 1 { FrameKind::Text } else { FrameKind::Binary }, bytes))
    }

    fn farewell(&mut self, _farewell: &Farewell, _out: &mut Vec<u8>) -> Option<FrameKind> {
        None
    }
}

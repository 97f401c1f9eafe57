//! One WebSocket connection: a reading half and a writing half that run side by side until both have ended.
//!
//! Neither half is ever cancelled inside a frame. The reader ends the writer through the outbox; the writer ends the
//! reader through a token once the last frame is out.

mod budget;
mod reader;
mod writer;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::{Egress, Ingress};
use crate::config::NetLimits;
use crate::metrics::Metrics;
use crate::outbox::{Farewell, Outbox};
use budget::Budget;
use protocol::CloseCode;
use reader::{Event, Reader};

/// After the close frame: how long and how much is still read, so that the peer sees the reason instead of a reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

/// Runs a connection to its end. `early` was read behind the handshake.
pub(super) async fn run<S, I: Ingress, E: Egress>(
    stream: S,
    early: Bytes,
    open: impl FnOnce(Arc<Outbox>) -> (I, E),
    client: IpAddr,
    limits: &NetLimits,
    metrics: &Metrics,
    stop: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    metrics.connections.inc();
    let outbox = Arc::new(Outbox::new());
    let (ingress, mut egress) = open(outbox.clone());
    let (read, mut write) = tokio::io::split(stream);
    let mut read = std::io::Cursor::new(early).chain(read);
    let closed = CancellationToken::new();
    let budget = Budget::new(limits, client, metrics, Instant::now());

    let reading = async {
        let farewell = tokio::select! {
            farewell = attend(&mut read, ingress, budget, &outbox, limits, stop) => farewell,
            () = closed.cancelled() => return linger(&mut read).await,
        };
        let dead = farewell == Farewell::Dead;
        outbox.close(farewell);
        if !dead {
            closed.cancelled().await;
            linger(&mut read).await;
        }
    };
    let writing = async {
        let farewell = writer::drain(&mut write, &outbox, &mut egress, limits.ping).await;
        closed.cancel();
        farewell
    };
    let ((), farewell) = tokio::join!(reading, writing);

    metrics.connections.dec();
    metrics.disconnects.get_or_create(&farewell.label().into()).inc();
    tracing::debug!(reason = farewell.label(), "connection closed");
}

/// Listens until the connection is to end, and says how. Gives up the ingress at once, so that the room knows.
async fn attend(
    read: &mut (impl AsyncRead + Unpin),
    mut ingress: impl Ingress,
    budget: Budget<'_>,
    outbox: &Outbox,
    limits: &NetLimits,
    stop: &CancellationToken,
) -> Farewell {
    let farewell = listen(read, &mut ingress, budget, outbox, limits, stop).await;
    if farewell.is_final() {
        ingress.left();
    }
    farewell
}

/// Reads messages until the connection is to end, and says how.
async fn listen(
    read: &mut (impl AsyncRead + Unpin),
    ingress: &mut impl Ingress,
    mut budget: Budget<'_>,
    outbox: &Outbox,
    limits: &NetLimits,
    stop: &CancellationToken,
) -> Farewell {
    let mut reader = Reader::new(read, limits.message_bytes, limits.fragments);
    let hello_by = Instant::now() + limits.hello;
    let mut silent_for = None;
    loop {
        let deadline = match silent_for {
            None => hello_by,
            Some(since) => since + limits.silence,
        };
        let event = tokio::select! {
            event = tokio::time::timeout_at(deadline, reader.next()) => event,
            // Whoever has a seat is told by the room; this is for those who have none yet.
            () = stop.cancelled(), if silent_for.is_none() => {
                return Farewell::bye(CloseCode::ShuttingDown).retry_after(2000);
            }
        };
        let Ok(event) = event else {
            return match silent_for {
                None => Farewell::bye(CloseCode::NoHello),
                Some(_) => Farewell::because(CloseCode::GoingAway, "nothing heard for too long"),
            };
        };
        let now = Instant::now();
        let within = match budget.take(reader.cost(), now) {
            Ok(within) => within,
            Err(farewell) => return farewell,
        };
        match event {
            Event::End(farewell) => return farewell,
            // Dropped.
            _ if !within => {}
            Event::Message(kind, bytes) => {
                if let Err(farewell) = ingress.message(kind, &bytes, now) {
                    return farewell;
                }
                silent_for = Some(now);
            }
            Event::Ping(payload) => outbox.pong(&payload),
            Event::Pong => {}
        }
        // Before the first message nothing extends the deadline.
        silent_for = silent_for.map(|_| now);
    }
}

/// Reads and discards until the peer closes too.
async fn linger(read: &mut (impl AsyncRead + Unpin)) {
    let discard = async {
        let mut buffer = [0; 4096];
        let mut total = 0;
        while let Ok(n @ 1..) = read.read(&mut buffer).await {
            total += n;
            if total > LINGER_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, discard).await;
}

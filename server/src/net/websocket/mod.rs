//! One WebSocket connection: a reading half and a writing half that run side by side until both have ended.
//!
//! Neither half is ever cancelled inside a frame that still matters. The reader ends the writer through the outbox; when
//! the last frame is out, nothing that the peer says matters any more.

mod budget;
mod deadline;
mod head;
mod reader;
mod writer;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Egress, Ingress};
use crate::config::NetLimits;
use crate::farewell::Farewell;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use budget::Budget;
use deadline::Deadline;
use protocol::CloseCode;
use reader::{Event, Reader};

/// After the close frame: how long and how much is still read, so that the peer sees the reason instead of a reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

/// A connection that is open.
pub(super) struct Connection<S, I, E> {
    pub stream: S,
    /// What was read behind the handshake.
    pub early: Bytes,
    pub client: IpAddr,
    pub outbox: Arc<Outbox>,
    pub ingress: I,
    pub egress: E,
}

/// Runs a connection to its end.
pub(super) async fn run<S, I: Ingress, E: Egress>(
    connection: Connection<S, I, E>,
    limits: Arc<NetLimits>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connection { stream, early, client, outbox, mut ingress, egress } = connection;
    metrics.connections.inc();
    let (read, write) = tokio::io::split(stream);
    let mut reader = Reader::new(read, &early, limits.message_bytes, limits.fragments);
    drop(early);
    let mut budget = Budget::new(&limits, client, &metrics, Instant::now());
    // A task of its own: what wakes one half does not trouble the other.
    let writing = tokio::spawn(writer::drain(write, outbox.clone(), egress, limits.ping));
    let mut writing = AbortOnDropHandle::new(writing);
    let farewell = tokio::select! {
        biased;
        heard = listen(&mut reader, &mut ingress, &mut budget, &outbox, &limits, &stop) => {
            if heard.is_final() {
                ingress.left();
            }
            // At once, so that the room knows.
            drop(ingress);
            outbox.close(heard);
            writing.await
        }
        farewell = &mut writing => {
            drop(ingress);
            farewell
        }
    };
    let farewell = farewell.unwrap_or(Farewell::Dead);
    if farewell != Farewell::Dead {
        let _ = tokio::time::timeout(LINGER, reader.discard(LINGER_BYTES)).await;
    }

    metrics.connections.dec();
    metrics.disconnects.get_or_create(&farewell.label().into()).inc();
    tracing::debug!(reason = farewell.label(), "connection closed");
}

/// Reads messages until the connection is to end, and says how.
async fn listen(
    reader: &mut Reader<impl AsyncRead + Unpin>,
    ingress: &mut impl Ingress,
    budget: &mut Budget<'_>,
    outbox: &Outbox,
    limits: &NetLimits,
    stop: &CancellationToken,
) -> Farewell {
    let mut greeted = false;
    let mut patience = Deadline::new(Instant::now() + limits.hello);
    loop {
        let event = tokio::select! {
            biased;
            event = reader.next() => event,
            () = patience.passed() => return match greeted {
                false => Farewell::bye(CloseCode::NoHello),
                true => Farewell::because(CloseCode::GoingAway, "nothing heard for too long"),
            },
            // Whoever has a seat is told by the room; this is for those who have none yet.
            () = stop.cancelled(), if !greeted => {
                return Farewell::bye(CloseCode::ShuttingDown).retry_after(2000);
            }
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
            Event::Message(kind) => {
                if let Err(farewell) = ingress.message(kind, reader.message(), now) {
                    return farewell;
                }
                greeted = true;
            }
            Event::Ping => outbox.pong(reader.control()),
            Event::Pong => {}
        }
        // Before the first message nothing extends the deadline.
        if greeted {
            patience.move_to(now + limits.silence);
        }
    }
}

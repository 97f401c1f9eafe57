//! A bad network to put between a client and a server: a TCP proxy that delays, stalls, throttles and cuts.
//!
//! It keeps every byte and their order, as TCP does: what would be a lost packet is a stall that all later bytes wait
//! behind. Knows no WebSocket and no message. [`Line`] decides when a segment arrives and asks for no time itself;
//! [`run`] serves connections by it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sim::dice::Dice;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// What a connection suffers, in each direction by itself. The default is a perfect line.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Conditions {
    /// One way.
    pub delay: Duration,
    /// The delay of a segment differs from [`Conditions::delay`] by up to this, either way, all values alike.
    pub jitter: Duration,
    /// Some segments hold up all that follows.
    pub stall: Option<Stall>,
    /// Bytes a second.
    pub rate: Option<u64>,
    /// Each connection is reset when it is this old.
    pub cut: Option<Duration>,
}

/// What a lost packet is on TCP: a pause until it has been sent again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stall {
    /// How long.
    pub length: Duration,
    /// Share of the segments that it happens to, 0 to 1.
    pub share: f64,
}

/// What the proxy did. Shown when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Connections taken.
    pub connections: u64,
    /// Those that were reset because their time was over.
    pub cut: u64,
    /// Those for which nobody answered at the other end.
    pub refused: u64,
    /// Segments carried, both directions.
    pub segments: u64,
    /// Those that stalled.
    pub stalls: u64,
    /// Bytes carried, both directions.
    pub bytes: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { connections, cut, refused, segments, stalls, bytes } = self;
        write!(f, "{connections} connections, {cut} cut, {refused} refused by the other end; ")?;
        write!(f, "{segments} segments, {stalls} stalls, {bytes} bytes")
    }
}

/// The same while it runs.
#[derive(Debug, Default)]
struct Counters {
    cut: AtomicU64,
    segments: AtomicU64,
    stalls: AtomicU64,
    bytes: AtomicU64,
}

/// Most bytes of a segment: what an Ethernet packet carries of a TCP stream.
pub const SEGMENT: usize = 1448;
/// Segments under way in one direction; more waits in the sender's own buffers, as behind a full router.
const UNDER_WAY: usize = 1024;
/// Where a rate is the bottleneck, the queue before it holds this much time.
const QUEUE: Duration = Duration::from_millis(250);
/// Kernel buffers on the proxy's side where there is a rate: large ones would hide a second queue.
const THROTTLED_BUFFER: u32 = 16 * 1024;

/// One direction of one connection: says when each segment arrives.
#[derive(Debug, Clone)]
pub struct Line {
    conditions: Conditions,
    dice: Dice,
    /// The bottleneck is busy until then.
    free_at: Option<Instant>,
    /// Nothing arrives before what was sent before it.
    newest: Option<Instant>,
}

impl Line {
    /// Equal seeds suffer equally.
    pub fn new(conditions: Conditions, seed: u64) -> Line {
        Line { conditions, dice: Dice::new(seed), free_at: None, newest: None }
    }

    /// When a segment of `len` bytes that is sent at `now` arrives, and whether it stalled.
    pub fn arrival(&mut self, now: Instant, len: usize) -> (Instant, bool) {
        let Conditions { delay, jitter, stall, rate, .. } = self.conditions;
        let mut at = now;
        if let Some(rate) = rate {
            let busy = Duration::from_secs_f64(len as f64 / rate.max(1) as f64);
            at = self.free_at.map_or(now, |free| free.max(now)) + busy;
            self.free_at = Some(at);
        }
        at += (delay + jitter.mul_f64(2.0 * self.chance())).saturating_sub(jitter);
        // The dice are rolled either way, so that the same segments suffer under other conditions.
        let roll = self.chance();
        let stall = stall.filter(|stall| roll < stall.share);
        at += stall.map_or(Duration::ZERO, |stall| stall.length);
        let at = self.newest.map_or(at, |newest| newest.max(at));
        self.newest = Some(at);
        (at, stall.is_some())
    }

    /// When the queue before the bottleneck has room again.
    fn has_room_at(&self) -> Option<Instant> {
        self.free_at.and_then(|free| free.checked_sub(QUEUE))
    }

    /// 0 to just below 1.
    fn chance(&mut self) -> f64 {
        (self.dice.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Carries one direction until its end has been passed on or either side is gone.
async fn pipe(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: Line,
    counters: &Counters,
) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Bytes)>(UNDER_WAY);
    let read = async {
        let mut buffer = BytesMut::new();
        loop {
            if let Some(at) = line.has_room_at() {
                sleep_until(at).await;
            }
            buffer.reserve(SEGMENT);
            let len = (&mut from).take(SEGMENT as u64).read_buf(&mut buffer).await?;
            // The end of the stream travels as a segment without bytes.
            let (at, stalled) = line.arrival(Instant::now(), len);
            if sender.send((at, buffer.split().freeze())).await.is_err() || len == 0 {
                return Ok::<_, io::Error>(());
            }
            counters.segments.fetch_add(1, Relaxed);
            counters.stalls.fetch_add(u64::from(stalled), Relaxed);
            counters.bytes.fetch_add(len as u64, Relaxed);
        }
    };
    let write = async {
        while let Some((at, bytes)) = receiver.recv().await {
            sleep_until(at).await;
            if bytes.is_empty() {
                break;
            }
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(|_| ())
}

/// A listener whose connections bring small buffers if there is a rate.
///
/// # Errors
/// The address is taken or is not ours.
pub fn listen(address: SocketAddr, conditions: &Conditions) -> io::Result<TcpListener> {
    let socket = socket(address, conditions)?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

fn socket(address: SocketAddr, conditions: &Conditions) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if conditions.rate.is_some() {
        socket.set_recv_buffer_size(THROTTLED_BUFFER)?;
        socket.set_send_buffer_size(THROTTLED_BUFFER)?;
    }
    Ok(socket)
}

/// Carries every connection to `listener` on to `to` until `stop` resolves; those that are open then are dropped.
/// `on_trouble` hears of connections that came to nothing.
pub async fn run(
    listener: TcpListener,
    to: SocketAddr,
    conditions: Conditions,
    seed: u64,
    stop: impl Future<Output = ()>,
    mut on_trouble: impl FnMut(io::Error),
) -> Tally {
    let counters = Arc::new(Counters::default());
    let (mut taken, mut refused) = (0, 0);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = connections.join_next() => if let Ok(Err(error)) = ended {
                refused += 1;
                on_trouble(error);
            },
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(2 * taken);
                    taken += 1;
                    connections.spawn(carry(client, to, conditions, seed, Arc::clone(&counters)));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: without a pause this would spin.
                    on_trouble(error);
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    let Counters { cut, segments, stalls, bytes } = &*counters;
    Tally {
        connections: taken,
        cut: cut.load(Relaxed),
        refused,
        segments: segments.load(Relaxed),
        stalls: stalls.load(Relaxed),
        bytes: bytes.load(Relaxed),
    }
}

/// Carries one connection. Fails if nobody answers at the other end.
async fn carry(
    mut client: TcpStream,
    to: SocketAddr,
    conditions: Conditions,
    seed: u64,
    counters: Arc<Counters>,
) -> io::Result<()> {
    let mut server = socket(to, &conditions)?.connect(to).await?;
    // The delays are meant to be the proxy's own.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let both = async {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        // A side that is gone is no trouble of the proxy's: the other side hears of it when both are dropped.
        let _ = tokio::try_join!(
            pipe(from_client, to_server, Line::new(conditions, seed), &counters),
            pipe(from_server, to_client, Line::new(conditions, seed.wrapping_add(1)), &counters),
        );
    };
    let Some(age) = conditions.cut else {
        both.await;
        return Ok(());
    };
    if tokio::time::timeout(age, both).await.is_err() {
        counters.cut.fetch_add(1, Relaxed);
        // A reset and no orderly end, which the peers would take for a goodbye.
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

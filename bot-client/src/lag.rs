//! A bad network to put between a client and a server: a TCP proxy that delays, stalls, throttles and cuts.
//!
//! It keeps every byte and their order, as TCP does: what would be a lost packet is a stall that all later bytes wait
//! behind. Knows no WebSocket and no message. [`Line`] decides when a segment arrives and asks for no time itself;
//! [`run`] serves connections by it.

mod pipe;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sim::dice::Dice;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use pipe::{Side, pipe};

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
    /// Times that this side had no socket to give: out of files, of ports, or of memory. A client that waits to be taken
    /// counts ten times a second.
    pub short: u64,
    /// Segments carried, both directions.
    pub segments: u64,
    /// Those that stalled.
    pub stalls: u64,
    /// Bytes carried, both directions.
    pub bytes: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { connections, cut, refused, short, segments, stalls, bytes } = self;
        write!(f, "{connections} connections, {cut} cut, {refused} refused by the other end, ")?;
        write!(f, "{short} times short of files or ports here; ")?;
        write!(f, "{segments} segments, {stalls} stalls, {bytes} bytes")
    }
}

/// Why a connection came to nothing, or has to wait.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// This side has no socket for it.
    #[error("no socket left here: {0}")]
    Short(io::Error),
    /// The other end does not answer.
    #[error("the other end: {0}")]
    Refused(io::Error),
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

/// True if what is sent to `to` comes to who listens at `own`, so that a proxy would be its own client without end.
pub fn leads_back(to: SocketAddr, own: SocketAddr) -> bool {
    if to.port() != own.port() {
        return false;
    }
    // "Any" address is the machine itself for whoever dials it.
    let to = match to.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip.to_canonical(),
    };
    match own.ip().to_canonical() {
        // IPv6's listens on IPv4 as well. Only what belongs to this machine can be bound; that sends nothing.
        any if any.is_unspecified() => {
            (any.is_ipv6() || to.is_ipv4()) && UdpSocket::bind(SocketAddr::new(to, 0)).is_ok()
        }
        own => own == to,
    }
}

/// Carries every connection to `listener` on to `to` until `stop` resolves; those that are open then are dropped.
/// `on_trouble` hears of connections that came to nothing.
pub async fn run(
    listener: TcpListener,
    to: SocketAddr,
    conditions: Conditions,
    seed: u64,
    stop: impl Future<Output = ()>,
    mut on_trouble: impl FnMut(Trouble),
) -> Tally {
    let counters = Arc::new(Counters::default());
    let (mut taken, mut refused, mut short) = (0, 0, 0);
    let mut trouble = |trouble| {
        match trouble {
            Trouble::Short(_) => short += 1,
            Trouble::Refused(_) => refused += 1,
        }
        on_trouble(trouble);
    };
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = connections.join_next() => if let Ok(Err(error)) = ended {
                trouble(error);
            },
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(2 * taken);
                    taken += 1;
                    connections.spawn(carry(client, to, conditions, seed, Arc::clone(&counters)));
                }
                // It was there, and left before it was taken.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of files, mostly: without a pause this would spin.
                    trouble(Trouble::Short(error));
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
        short,
        segments: segments.load(Relaxed),
        stalls: stalls.load(Relaxed),
        bytes: bytes.load(Relaxed),
    }
}

/// Carries one connection until both sides have been told of the other's end, or one of its reset.
async fn carry(
    mut client: TcpStream,
    to: SocketAddr,
    conditions: Conditions,
    seed: u64,
    counters: Arc<Counters>,
) -> Result<(), Trouble> {
    let connected = connect(to, &conditions).await.inspect_err(|_| {
        // What the client would meet without a proxy, too.
        let _ = client.set_zero_linger();
    });
    let mut server = connected?;
    // The delays are meant to be the proxy's own. A side that is gone already says so when it is read.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let both = async {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let (near, far) = (Side::default(), Side::default());
        let [up, down] = [seed, seed.wrapping_add(1)].map(|seed| Line::new(conditions, seed));
        tokio::select! {
            () = pipe((from_client, &near), (to_server, &far), up, &counters) => true,
            () = pipe((from_server, &far), (to_client, &near), down, &counters) => true,
            _ = async { tokio::join!(near.ended.notified(), far.ended.notified()) } => false,
        }
    };
    let is_reset = match conditions.cut {
        None => both.await,
        Some(age) => timeout(age, both).await.unwrap_or_else(|_| {
            counters.cut.fetch_add(1, Relaxed);
            true
        }),
    };
    if is_reset {
        // No orderly end, which the peers would take for a goodbye.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
    Ok(())
}

async fn connect(to: SocketAddr, conditions: &Conditions) -> Result<TcpStream, Trouble> {
    let socket = socket(to, conditions).map_err(Trouble::Short)?;
    socket.connect(to).await.map_err(|error| match error.kind() {
        // All ports towards there are in use.
        io::ErrorKind::AddrNotAvailable => Trouble::Short(error),
        _ => Trouble::Refused(error),
    })
}

#[cfg(test)]
mod tests;

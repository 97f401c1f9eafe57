//! One direction of one connection: bytes are taken, held back as the line says, and passed on; then how it ended, too.
//!
//! What was taken is delivered as long as there is somebody to deliver it to: an end or a reset travels behind the bytes
//! that were sent before it, and trouble with one side takes nothing away from the other.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Counters, Line, Relaxed, SEGMENT, UNDER_WAY};

/// How long an end waits for a receiver that reads nothing of what comes before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the two directions tell each other of one side of the connection.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Writing to it failed, and took the error that reading would have met behind the last bytes.
    gone: Notify,
    /// It has been told of the other side's orderly end.
    pub(super) ended: Notify,
}

/// Where bytes come from.
pub(super) trait Source: AsyncRead + Unpin {
    /// Resolves at a reset that comes after the orderly end, which reading does not tell of.
    async fn late_reset(&self);
}

/// Where they go.
pub(super) trait Target: AsyncWrite + Unpin {
    /// Resolves when nothing that was written waits here any more, where the system tells.
    async fn sent(&self) -> io::Result<()>;
}

impl Source for ReadHalf<'_> {
    async fn late_reset(&self) {
        // An error is one, too: such a socket is of no more use.
        let _ = self.ready(Interest::ERROR).await;
    }
}

impl Target for WriteHalf<'_> {
    async fn sent(&self) -> io::Result<()> {
        sent(self.as_ref()).await
    }
}

/// What travels.
enum Item {
    Bytes(Bytes),
    End,
    Reset,
}

/// Carries one direction. Returns when a reset of `source` is due at `target`, and never after an orderly end: a reset
/// may follow it.
pub(super) async fn pipe(
    (mut from, source): (impl Source, &Side),
    (mut to, target): (impl Target, &Side),
    mut line: Line,
    counters: &Counters,
) {
    let (sender, mut receiver) = mpsc::channel(UNDER_WAY);
    let take = async {
        let mut buffer = BytesMut::new();
        loop {
            if let Some(at) = line.has_room_at() {
                until(at).await;
            }
            buffer.reserve(SEGMENT);
            let mut segment = (&mut from).take(SEGMENT as u64);
            let Ok(len) = segment.read_buf(&mut buffer).await else { break };
            let (at, stalled) = line.arrival(Instant::now(), len);
            if len == 0 {
                tokio::select! {
                    // Once a write has failed, reading makes an end of what was a reset.
                    biased;
                    () = source.gone.notified() => break,
                    _ = sender.send((at, Item::End)) => {}
                }
                tokio::select! {
                    () = source.gone.notified() => {}
                    () = from.late_reset() => {}
                }
                break;
            }
            counters.segments.fetch_add(1, Relaxed);
            counters.stalls.fetch_add(u64::from(stalled), Relaxed);
            counters.bytes.fetch_add(len as u64, Relaxed);
            // The receiver is below, and lives as long.
            let _ = sender.send((at, Item::Bytes(buffer.split().freeze()))).await;
        }
        let (at, _) = line.arrival(Instant::now(), 0);
        let _ = sender.send((at, Item::Reset)).await;
    };
    let give = async {
        let mut gone = false;
        while let Some((at, item)) = receiver.recv().await {
            if !gone {
                until(at).await;
            }
            let given = match item {
                Item::Bytes(_) | Item::End if gone => continue,
                Item::Bytes(bytes) => to.write_all(&bytes).await,
                Item::End => {
                    // A reset may follow at once, and would drop what waits.
                    let _ = timeout(PATIENCE, to.sent()).await;
                    let ended = to.shutdown().await;
                    ended.inspect(|()| target.ended.notify_one())
                }
                Item::Reset if gone => return,
                Item::Reset => {
                    let _ = timeout(PATIENCE, to.sent()).await;
                    return;
                }
            };
            if given.is_err() {
                gone = true;
                target.gone.notify_one();
            }
        }
    };
    tokio::join!(take, give);
}

/// Sleeps, unless it is time already: a timer would take up to a millisecond all the same.
async fn until(at: Instant) {
    if at > Instant::now() {
        sleep_until(at).await;
    }
}

/// Waits until the kernel has sent all that was written. Call it when no more will be.
#[cfg(target_os = "linux")]
pub(super) async fn sent(stream: &TcpStream) -> io::Result<()> {
    use std::os::fd::AsFd;

    // From now on, a socket is writable if nothing waits.
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(1)?;
    // By another handle: the stream's own has seen it writable before.
    let handle = stream.as_fd().try_clone_to_owned()?;
    TcpStream::from_std(handle.into())?.writable().await
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn sent(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

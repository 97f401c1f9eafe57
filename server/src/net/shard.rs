//! The threads that serve connections: each with a runtime of its own, on which a connection stays from its first byte
//! to its last.
//!
//! A shard that has done its work naps before it waits for more. Without the nap every input wakes it for itself; with
//! it the kernel gathers what arrives in the meantime, and one look at the sockets finds the inputs of many.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio_util::sync::CancellationToken;

use crate::outbox::Bell;

/// How long a shard gathers: what an input or a snapshot may wait here at worst.
const NAP: Duration = Duration::from_millis(2);

/// The threads. When this is dropped they end, and with them what still runs there.
#[derive(Debug)]
pub struct Shards {
    homes: Homes,
    threads: Vec<JoinHandle<()>>,
    ended: CancellationToken,
}

/// Deals out the shards in turn.
#[derive(Debug, Clone)]
pub struct Homes {
    homes: Arc<[Home]>,
    turn: Arc<AtomicUsize>,
}

/// Where a connection is served.
#[derive(Debug, Clone)]
pub struct Home {
    /// The shard's runtime.
    pub runtime: Handle,
    /// How a room calls for the writers there; none: each for itself.
    pub bell: Option<Arc<Bell>>,
}

impl Home {
    /// The runtime that asks, whatever it is.
    pub(super) fn here() -> Home {
        Home { runtime: Handle::current(), bell: None }
    }
}

impl Shards {
    /// Starts one shard for each core that this process may use.
    ///
    /// # Errors
    /// The system refused a thread, or what a runtime needs to watch sockets.
    pub fn start() -> io::Result<Shards> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let ended = CancellationToken::new();
        let mut homes = Vec::new();
        let mut threads = Vec::new();
        for n in 0..count {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .on_thread_park(|| thread::sleep(NAP))
                .build()?;
            let bell = Arc::new(Bell::default());
            homes.push(Home { runtime: runtime.handle().clone(), bell: Some(bell.clone()) });
            let ended = ended.clone();
            let shard = thread::Builder::new().name(format!("net {n}"));
            threads.push(shard.spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = ended.cancelled() => {}
                        () = bell.answer() => {}
                    }
                });
            })?);
        }
        let homes = Homes { homes: homes.into(), turn: Arc::default() };
        Ok(Shards { homes, threads, ended })
    }

    /// Where connections may be served.
    pub fn homes(&self) -> Homes {
        self.homes.clone()
    }
}

impl Homes {
    /// The shard whose turn it is.
    pub(super) fn next(&self) -> Home {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.homes[turn % self.homes.len()].clone()
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.ended.cancel();
        for thread in self.threads.drain(..) {
            // It has nothing to say: a connection that panics ends alone.
            let _ = thread.join();
        }
    }
}

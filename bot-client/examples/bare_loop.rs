//! What sockets alone cost: a loop that reads 15 bytes a tick from each of many and writes 110 to each, and does nothing
//! else. No server on the same system calls can take less than this, so it is what the real one is to be compared with.
//!
//! `cargo run --release -p bot-client --example bare_loop -- 1000 10`: sockets, seconds. Server and client have a core each.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use bot_client::pin::Cores;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const TICK: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// An input and a snapshot of the real server, with their frames' heads.
const INPUT: [u8; 15] = [1; 15];
const SNAPSHOT: [u8; 110] = [2; 110];
/// How often the client looks what it has to do.
const NAP: Duration = Duration::from_millis(2);

/// Sockets that are watched together.
struct Sockets {
    poll: Poll,
    events: Events,
    all: Vec<TcpStream>,
    reads: u64,
    writes: u64,
}

impl Sockets {
    fn new(all: Vec<std::net::TcpStream>) -> anyhow::Result<Sockets> {
        let poll = Poll::new()?;
        let mut watched = Vec::new();
        for (n, socket) in all.into_iter().enumerate() {
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let mut socket = TcpStream::from_std(socket);
            poll.registry().register(&mut socket, Token(n), Interest::READABLE)?;
            watched.push(socket);
        }
        Ok(Sockets { poll, events: Events::with_capacity(1024), all: watched, reads: 0, writes: 0 })
    }

    /// Reads what has arrived, or arrives until `timeout` is over.
    fn read(&mut self, timeout: Duration) -> anyhow::Result<()> {
        let mut buffer = [0; 4096];
        self.poll.poll(&mut self.events, Some(timeout))?;
        for event in &self.events {
            match self.all[event.token().0].read(&mut buffer) {
                Ok(0) => anyhow::bail!("a socket was closed"),
                Ok(_) => self.reads += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn write(&mut self, n: usize, bytes: &[u8]) -> anyhow::Result<()> {
        self.all[n].write_all(bytes).context("a socket does not keep up")?;
        self.writes += 1;
        Ok(())
    }
}

/// CPU time of this thread.
fn cpu() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("only Linux tells")?;
    let nanos = text.split_whitespace().next().context("it is empty")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

fn main() -> anyhow::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let count = numbers.next().transpose().context("how many sockets?")?.unwrap_or(1000).max(1);
    let seconds = numbers.next().transpose().context("how many seconds?")?.unwrap_or(10).max(1);
    rlimit::increase_nofile_limit(u64::from(count) * 2 + 64)?;
    let (ours, theirs) = Cores::halves().context("it needs two cores")?;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..count {
        far.push(std::net::TcpStream::connect(address)?);
        near.push(listener.accept()?.0);
    }
    let (mut server, mut client) = (Sockets::new(near)?, Sockets::new(far)?);
    let (over, ticks) = (AtomicBool::new(false), seconds * 30);
    thread::scope(|scope| {
        let client = scope.spawn(|| -> anyhow::Result<Duration> {
            theirs.pin_this_thread().map_err(anyhow::Error::msg)?;
            let (begun, before, mut sent) = (Instant::now(), cpu()?, 0);
            while !over.load(Ordering::Relaxed) {
                thread::sleep(NAP);
                client.read(Duration::ZERO)?;
                // Evenly: every so many ns the next one.
                let due = begun.elapsed().as_nanos() * u128::from(count) / TICK.as_nanos();
                while sent < due {
                    client.write((sent % u128::from(count)) as usize, &INPUT)?;
                    sent += 1;
                }
            }
            Ok(cpu()? - before)
        });
        let mut serve = || -> anyhow::Result<Duration> {
            ours.pin_this_thread().map_err(anyhow::Error::msg)?;
            let (begun, before) = (Instant::now(), cpu()?);
            for tick in 1..=ticks {
                while let Some(left) =
                    (TICK * tick).checked_sub(begun.elapsed()).filter(|left| !left.is_zero())
                {
                    server.read(left)?;
                }
                for n in 0..count as usize {
                    server.write(n, &SNAPSHOT)?;
                }
            }
            Ok(cpu()? - before)
        };
        let took = serve();
        // Also where that came to nothing: the client would go on for ever.
        over.store(true, Ordering::Relaxed);
        let theirs = client.join().expect("it does not panic");
        let (took, theirs) = (took?, theirs?);
        let each = f64::from(count) * f64::from(ticks);
        println!(
            "{count} sockets, {seconds} s: {:.1} µs of CPU per socket and tick, the client {:.1}; per socket and tick {:.2} \
             reads and {:.2} writes",
            took.as_secs_f64() * 1e6 / each,
            theirs.as_secs_f64() * 1e6 / each,
            server.reads as f64 / each,
            server.writes as f64 / each,
        );
        Ok(())
    })
}

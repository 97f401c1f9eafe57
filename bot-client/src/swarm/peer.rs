//! The swarm against another server: the one that a tutorial would build (`examples/tutorial_server.rs`). Same number of
//! players, inputs and snapshots, in that server's JSON; movement only. It is there to compare with.

mod measure;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fastwebsockets::OpCode;
use serde::Deserialize;
use sim::dice::Dice;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::report::{Report, round};
use super::server::Server;
use super::stats::Stats;
use super::{HEARTBEAT, LEAVE_TIMEOUT, Outcome, process};
use crate::client::Closed;
use crate::endpoint::Endpoint;
use crate::frames::{Inbound, Outbound};
use measure::Measure;

/// Ticks a second, of the peer and of the inputs.
const HZ: u32 = 30;
/// Between two of them.
const TICK: Duration = Duration::from_nanos(1_000_000_000 / HZ as u64);
/// Longest message that is read, bytes.
const LIMIT: usize = 1 << 20;
/// How long a bot may take to get in.
const PATIENCE: Duration = Duration::from_secs(10);
/// Inputs between two changes of course.
const COURSE: u32 = 30;

/// What to do to the peer.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where it is.
    pub url: Endpoint,
    /// How many bots.
    pub bots: u32,
    /// How long to measure.
    pub duration: Duration,
    /// Bots that connect per second.
    pub rate: f64,
    /// Its process on this machine, for what it takes.
    pub process: Option<u32>,
}

/// The part of a snapshot that matters here.
#[derive(Debug, PartialEq, Deserialize)]
struct Head {
    tick: u32,
    ack: u32,
}

#[derive(Default)]
struct Shared {
    window: OnceLock<Instant>,
    leaving: AtomicBool,
    stats: Mutex<Stats>,
}

impl Shared {
    fn stats(&self) -> std::sync::MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    fn settled(&self, bots: u32) -> bool {
        let stats = self.stats();
        stats.connected + stats.failed == bots
    }
}

/// Runs it until its time is over, nobody plays any more, or `stop` resolves. The report has what such a server can be
/// measured by; the rest stays zero.
pub async fn run(load: Load, stop: impl Future<Output = ()>) -> Outcome {
    let shared = Arc::new(Shared::default());
    let mut bots = JoinSet::new();
    let started = Instant::now();
    tokio::pin!(stop);
    let all_came = async {
        for index in 0..load.bots {
            sleep_until(started + Duration::from_secs_f64(f64::from(index) / load.rate)).await;
            bots.spawn(play(shared.clone(), load.url.clone(), index));
        }
        // Each bot's patience is bounded, and so this is.
        while !shared.settled(load.bots) {
            sleep(HEARTBEAT).await;
        }
    };
    let mut stopped = tokio::select! {
        () = all_came => false,
        () = &mut stop => true,
    };
    shared.stats().ramp = started.elapsed();
    let usage = |pid: Option<u32>| pid.and_then(process::usage);
    let usages = || (usage(load.process), usage(Some(std::process::id())));
    let (peer, own) = usages();
    if !stopped {
        let opened = *shared.window.get_or_init(Instant::now);
        while !stopped && shared.stats().playing > 0 && opened.elapsed() < load.duration {
            let next = Instant::now() + HEARTBEAT;
            stopped = tokio::select! {
                () = sleep_until(next.min(opened + load.duration)) => false,
                () = &mut stop => true,
            };
        }
    }
    let (peer_then, own_then) = usages();
    let window = shared.window.get().map_or(Duration::ZERO, Instant::elapsed);
    shared.leaving.store(true, Ordering::Relaxed);
    let everybody_out = async { while bots.join_next().await.is_some() {} };
    let _ = timeout(LEAVE_TIMEOUT, everybody_out).await;
    bots.shutdown().await;
    let stats = shared.stats();
    let bot_ticks = stats.bot_time.as_secs_f64() * f64::from(HZ);
    let spent = |then: Option<(u64, u64)>, now: Option<(u64, u64)>| Some(now?.0.saturating_sub(then?.0));
    let mut report = Report::new(load.url.to_string(), window.as_secs_f64(), &stats);
    report = report.with_own_cpu(spent(own, own_then), bot_ticks);
    let cpu = spent(peer, peer_then);
    report.server = Server {
        cpu_us_per_player_tick: cpu.map(|us| round(us as f64 / bot_ticks.max(1.0))),
        cpu_seconds: cpu.map(|us| round(us as f64 / 1e6)),
        rss_bytes: peer_then.map(|(_, rss)| rss),
        ..Server::default()
    };
    Outcome {
        report,
        charts: stats.charts(),
        first_failure: stats.first_failure.clone(),
        first_misprediction: None,
        first_protocol_error: None,
    }
}

async fn play(shared: Arc<Shared>, url: Endpoint, index: u32) {
    let opened = timeout(PATIENCE, open(&url)).await;
    let opened = opened.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
    let stream = match opened {
        Ok(stream) => stream,
        Err(why) => {
            let mut stats = shared.stats();
            stats.failed += 1;
            stats.first_failure.get_or_insert(why);
            return;
        }
    };
    {
        let mut stats = shared.stats();
        stats.connected += 1;
        stats.measured += 1;
        stats.playing += 1;
        stats.hz = HZ as u8;
    }
    let mut bot = Bot {
        stream,
        inbound: Inbound::new(&[], LIMIT),
        outbound: Outbound::default(),
        shared: &shared,
        measure: Measure::default(),
        // Spread over the tick, as they come.
        due: Instant::now() + TICK.mul_f64(f64::from(index) * 0.618 % 1.0),
        seq: 0,
        course: String::new(),
    };
    let kept = bot.play(index).await;
    let end = Instant::now();
    let mut stats = shared.stats();
    stats.playing -= 1;
    if let Some(&opened) = shared.window.get() {
        bot.measure.settle(bot.due, end, opened, &mut stats);
        stats.bot_time += end - opened;
        stats.seat_time += end - opened;
    }
    if kept.is_none() {
        *stats.disconnects.entry(Closed::CUT).or_default() += 1;
    }
}

struct Bot<'a> {
    stream: BufReader<TcpStream>,
    inbound: Inbound,
    outbound: Outbound,
    shared: &'a Shared,
    measure: Measure,
    /// When the next input is to be sent.
    due: Instant,
    seq: u32,
    /// The end of each input until the next change of course.
    course: String,
}

impl Bot<'_> {
    /// Plays to the end; none if the connection was lost before it.
    async fn play(&mut self, index: u32) -> Option<()> {
        let mut dice = Dice::new(index.into());
        // Set anew once a tick, and not for every message that comes in between.
        let mut alarm = pin!(sleep_until(self.due));
        while !self.shared.leaving() {
            tokio::select! {
                biased;
                () = &mut alarm => {
                    if self.seq.is_multiple_of(COURSE) {
                        let angle = f64::from(dice.below(6283)) / 1000.0;
                        self.course = format!("\"dx\":{:.3},\"dy\":{:.3}}}", angle.cos(), angle.sin());
                    }
                    self.send().await?;
                    alarm.as_mut().reset(self.due);
                }
                frame = self.inbound.next(&mut self.stream) => {
                    let frame = frame.ok().filter(|frame| frame.opcode == OpCode::Text)?;
                    self.take(&frame.payload, frame.wire_len())?;
                }
            }
        }
        self.outbound.push(true, OpCode::Close, &mut []);
        self.outbound.flush(&mut self.stream).await.ok()
    }

    async fn send(&mut self) -> Option<()> {
        let (due, now) = (self.due, Instant::now());
        self.due += TICK;
        self.seq += 1;
        let mut text = format!("{{\"seq\":{},{}", self.seq, self.course).into_bytes();
        self.outbound.push(true, OpCode::Text, &mut text);
        self.measure.sent(self.seq, due, now);
        let before = self.outbound.written;
        self.outbound.flush(&mut self.stream).await.ok()?;
        // What was due in the ramp is no part of the measurement, however late it is.
        if self.shared.window.get().is_some_and(|&opened| due >= opened) {
            let mut stats = self.shared.stats();
            stats.schedule_lag.record(now.saturating_duration_since(due));
            stats.messages_up += 1;
            stats.up += self.outbound.written - before;
        }
        Some(())
    }

    fn take(&mut self, payload: &[u8], wire_len: u64) -> Option<()> {
        let now = Instant::now();
        let head = head(payload)?;
        let Some(&opened) = self.shared.window.get() else {
            self.measure.skip(&head, now);
            return Some(());
        };
        let mut stats = self.shared.stats();
        self.measure.snapshot(&head, now, opened, &mut stats);
        stats.snapshot_bytes.record_value(payload.len() as u64);
        stats.messages_down += 1;
        stats.down += wire_len;
        Some(())
    }
}

/// What a snapshot begins with; where it begins otherwise, all of it is searched. Most of it are positions, which are of no
/// interest here.
fn head(snapshot: &[u8]) -> Option<Head> {
    let first = || {
        let (tick, rest) = number(snapshot.strip_prefix(b"{\"tick\":")?)?;
        let (ack, _) = number(rest.strip_prefix(b",\"ack\":")?)?;
        Some(Head { tick, ack })
    };
    first().or_else(|| serde_json::from_slice(snapshot).ok())
}

/// The number at the front, and what comes behind it.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (number, rest) = text.split_at(digits);
    // Anything else behind it, such as a fraction, is for somebody who knows more of JSON.
    let ends = matches!(rest, [b',' | b'}', ..]);
    Some((std::str::from_utf8(number).ok()?.parse().ok().filter(|_| ends)?, rest))
}

/// Connects and asks for the upgrade, without a subprotocol: tutorials have none, and no TLS.
async fn open(url: &Endpoint) -> Result<BufReader<TcpStream>, String> {
    if url.is_secure() {
        return Err("such a server has no TLS; write ws://".into());
    }
    let address = url.authority();
    let stream = TcpStream::connect(&address).await;
    let stream = stream.map_err(|error| format!("cannot connect to {address}: {error}"))?;
    upgrade(stream, url).await.map_err(|error| error.to_string())
}

async fn upgrade(stream: TcpStream, url: &Endpoint) -> std::io::Result<BufReader<TcpStream>> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(2048, stream);
    let key = fastwebsockets::handshake::generate_key();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n",
        url.path(),
        url.authority(),
    );
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if !line.starts_with("HTTP/1.1 101 ") {
        return Err(std::io::Error::other(format!("no WebSocket: {}", line.trim())));
    }
    while line.trim() != "" {
        line.clear();
        stream.read_line(&mut line).await?;
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_known_by_its_first_words() {
        let read = |text: &str| head(text.as_bytes()).map(|Head { tick, ack }| (tick, ack));
        assert_eq!(
            read(r#"{"tick":4000000000,"ack":7,"players":[{"id":1,"x":0.5,"y":2}]}"#),
            Some((4_000_000_000, 7))
        );
        // Behind them it may be anything: nobody looks.
        assert_eq!(read(r#"{"tick":1,"ack":2,"players":[{"#), Some((1, 2)));
        // Other servers have another order, or spaces.
        assert_eq!(read(r#"{"players":[], "ack": 2, "tick": 1}"#), Some((1, 2)));
        for bad in
            ["", "{", r#"{"tick":"#, r#"{"tick":1,"ack":2.5}"#, r#"{"tick":1}"#, r#"{"tick":-1,"ack":2}"#]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(r#"{"tick":4294967296,"ack":1}"#), None, "more than a tick can be");
    }
}

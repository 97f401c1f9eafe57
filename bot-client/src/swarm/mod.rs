//! Many bots that play on one server, and what they measure together: ramp up, measure, leave. Prints nothing.

pub mod bench;
pub mod capacity;
mod career;
pub mod compare;
mod config;
mod engine;
pub mod environment;
pub mod page;
pub mod peer;
mod player;
pub mod process;
pub mod profile;
pub mod report;
mod seat;
pub mod server;
mod stamps;
pub mod stats;
pub mod thresholds;
mod visitor;
mod wheel;
mod whole;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protocol::message::Welcome;
use sim::Map;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use crate::predict::Misprediction;
use crate::session::{chart, is_chart};
pub use config::Config;
use engine::Engines;
use page::Charts;
pub use report::Report;
use server::{Probe, Sample};
use stats::Stats;

/// How a swarm is getting on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Bots in their seats.
    pub playing: u32,
    /// Bots that got no seat.
    pub failed: u32,
    /// Bots on their way back to a seat.
    pub returning: u32,
    /// Seats lost for good.
    pub lost: u32,
    /// Median from input to snapshot so far, ms.
    pub latency_p50_ms: f64,
    /// The same, 99th percentile.
    pub latency_p99_ms: f64,
    /// Median from input to snapshot in the last whole second, ms.
    pub second_p50_ms: f64,
    /// The same, 99th percentile.
    pub second_p99_ms: f64,
    /// Between two snapshots in the last whole second, 99th percentile, ms.
    pub interval_p99_ms: f64,
    /// How late the swarm itself has been so far, 99th percentile, ms.
    pub lag_p99_ms: f64,
    /// Snapshots that all measured bots together got so far.
    pub snapshots: u64,
}

impl Progress {
    /// Nobody has come, and nothing is measured.
    pub fn at(phase: Phase) -> Progress {
        Progress {
            phase,
            playing: 0,
            failed: 0,
            returning: 0,
            lost: 0,
            latency_p50_ms: 0.0,
            latency_p99_ms: 0.0,
            second_p50_ms: 0.0,
            second_p99_ms: 0.0,
            interval_p99_ms: 0.0,
            lag_p99_ms: 0.0,
            snapshots: 0,
        }
    }
}

/// The parts of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Phase {
    /// Bots connect.
    Ramp,
    /// All have arrived or failed; it counts.
    Measure {
        /// Time since the window opened.
        elapsed: Duration,
    },
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// What can be drawn of them.
    pub charts: Charts,
    /// Why the first bot without a seat has none.
    pub first_failure: Option<String>,
    /// The first ship that was not as predicted.
    pub first_misprediction: Option<Misprediction>,
    /// What the server said that it must not say, the first time.
    pub first_protocol_error: Option<String>,
}

impl Outcome {
    fn none(url: String, why: String) -> Outcome {
        let stats = Stats::default();
        Outcome {
            report: Report::new(url, 0.0, &stats),
            charts: stats.charts(),
            first_failure: Some(why),
            first_misprediction: None,
            first_protocol_error: None,
        }
    }
}

/// How long a bot may take to get its seat.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the bots may take to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the run looks at its own state.
const HEARTBEAT: Duration = Duration::from_millis(20);
/// How long the bots stay after their time for the sake of the server's figures.
const CLOSING: Duration = Duration::from_millis(100);
/// Between two calls of the progress function.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// What the bots of one swarm share.
struct Shared {
    config: Config,
    /// When the first bot dialled.
    started: Instant,
    /// When the measurement began; empty during the ramp.
    window: OnceLock<Instant>,
    leaving: AtomicBool,
    stats: Mutex<Stats>,
    /// The arena of whoever came last: most share it.
    map: Mutex<Option<Arc<Map>>>,
}

impl Shared {
    /// The lock is held for a few histogram updates and never across an await.
    fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The arena of a `Welcome`, shared with earlier bots in the same one.
    fn map(&self, welcome: &Welcome) -> Arc<Map> {
        let mut known = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = known.as_ref().filter(|map| is_chart(map, welcome)) {
            return Arc::clone(map);
        }
        Arc::clone(known.insert(Arc::new(chart(welcome))))
    }

    fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Resolves once it is time to leave.
    async fn left(&self) {
        while !self.leaving() {
            tokio::time::sleep(HEARTBEAT * 4).await;
        }
    }
}

/// Runs a swarm until its time is over, all bots are gone, or `stop` resolves. Every bot's wait is bounded.
pub async fn run(
    config: Config,
    stop: impl Future<Output = ()>,
    mut on_progress: impl FnMut(Progress),
) -> Outcome {
    let url = config.url.to_string();
    let probe = config.metrics.clone().map(|target| Arc::new(Probe::new(target)));
    let before = sample(probe.as_ref()).await;
    let started = Instant::now();
    let shared = Arc::new(Shared {
        config,
        started,
        window: OnceLock::new(),
        leaving: AtomicBool::new(false),
        stats: Mutex::new(Stats::default()),
        map: Mutex::new(None),
    });
    let engines = match Engines::start(&shared) {
        Ok(engines) => Arc::new(engines),
        Err(error) => return Outcome::none(url, format!("the swarm cannot start: {error}")),
    };
    let mut opening: Option<JoinHandle<Option<Sample>>> = None;
    let mut own_cpu = None;
    let mut bots = JoinSet::new();
    let mut shown: Option<Instant> = None;
    let mut spawned = 0;
    let mut counted = 0;
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            _ = heartbeat.tick() => {}
            () = &mut stop => break,
        }
        let now = Instant::now();
        let due = ((now - started).as_secs_f64() * shared.config.rate) as u32 + 1;
        while spawned < due.min(shared.config.bots) {
            bots.spawn(career::run(Arc::clone(&shared), Arc::clone(&engines), spawned));
            spawned += 1;
        }
        let (settled, seated) = {
            let stats = shared.stats();
            (stats.connected + stats.failed, stats.playing + stats.returning)
        };
        if shown.is_none_or(|at| now - at >= PROGRESS_EVERY) {
            shown = Some(now);
            let progress = progress(&shared, &shared.stats(), now);
            on_progress(progress);
        }
        if settled == shared.config.bots {
            let opened = *shared.window.get_or_init(|| now);
            opening.get_or_insert_with(|| {
                own_cpu = cpu_time();
                // Beside the loop: a server that is slow to answer must not hold the measurement up.
                let probe = probe.clone().filter(|_| before.is_some());
                tokio::spawn(async move { sample(probe.as_ref()).await })
            });
            let seconds = (now - opened).as_secs();
            if seconds > counted {
                counted = seconds;
                shared.stats().end_second(now - opened);
            }
            if seated == 0 || now - opened >= shared.config.duration {
                break;
            }
        }
    }
    let ended = Instant::now();
    let own_cpu = own_cpu.zip(cpu_time()).map(|(before, after)| after.saturating_sub(before));
    let opened = match opening {
        Some(opening) => opening.await.ok().flatten(),
        None => None,
    };
    // The bots stay until it is known how the server has fared with them, but not for a server that does not say.
    let closing = probe.clone().filter(|_| opened.is_some());
    let mut closing = tokio::spawn(async move { sample(closing.as_ref()).await });
    let known = tokio::time::timeout(CLOSING, &mut closing).await;
    shared.leaving.store(true, Ordering::Relaxed);
    let closed = match known {
        Ok(known) => known,
        Err(_) => closing.await,
    };
    let closed = closed.ok().flatten();
    let everybody_out = async {
        while let Some(over) = bots.join_next().await {
            // Its panic was printed where it happened.
            shared.stats().broken += u32::from(over.is_err_and(|error| error.is_panic()));
        }
    };
    // Bots that are still connecting or whose goodbye stays unanswered are dropped with the set.
    let _ = tokio::time::timeout(LEAVE_TIMEOUT, everybody_out).await;
    bots.shutdown().await;
    let window = shared.window.get().map_or(Duration::ZERO, |&opened| ended - opened);
    let stats = shared.stats();
    let bot_ticks = stats.seat_time.as_secs_f64() * f64::from(stats.hz);
    let mut report = Report::new(url, window.as_secs_f64(), &stats).with_own_cpu(own_cpu, bot_ticks);
    if let (Some(probe), Some(opened), Some(closed)) = (&probe, &opened, &closed) {
        let players = stats.seat_time.as_secs_f64() / window.as_secs_f64().max(0.001);
        report.server = probe.report(before.as_ref(), (opened, closed), players, stats.hz, stats.connected);
    }
    Outcome {
        report,
        charts: stats.charts(),
        first_failure: stats.first_failure.clone(),
        first_misprediction: stats.first_misprediction,
        first_protocol_error: stats.first_protocol_error.clone(),
    }
}

/// Of this process, µs.
fn cpu_time() -> Option<u64> {
    process::usage(std::process::id()).map(|(us, _)| us)
}

async fn sample(probe: Option<&Arc<Probe>>) -> Option<Sample> {
    probe?.sample().await
}

fn progress(shared: &Shared, stats: &Stats, now: Instant) -> Progress {
    let phase = match shared.window.get() {
        None => Phase::Ramp,
        Some(&opened) => Phase::Measure { elapsed: now - opened },
    };
    let ms = |us: u64| us as f64 / 1000.0;
    let second = stats.seconds.last().copied().unwrap_or_default();
    Progress {
        playing: stats.playing,
        failed: stats.failed,
        returning: stats.returning,
        lost: stats.disconnects.values().sum(),
        latency_p50_ms: ms(stats.latency.quantile(0.5)),
        latency_p99_ms: ms(stats.latency.quantile(0.99)),
        second_p50_ms: second.latency_p50,
        second_p99_ms: second.latency_p99,
        interval_p99_ms: second.interval_p99,
        lag_p99_ms: ms(stats.schedule_lag.quantile(0.99)),
        snapshots: stats.snapshot_bytes.count(),
        ..Progress::at(phase)
    }
}

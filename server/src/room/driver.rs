//! What makes a room tick: an OS thread with absolute deadlines in production, a tokio task where time is virtual.
//!
//! The only part of a room that asks the time. A late room re-anchors its deadlines; the tick number never jumps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::{CloseCode, RoomCode, TICK_HZ};
use tokio::time::Instant;

use super::Room;
use super::load::Watch;
use super::metronome::{GIVE_UP_TICKS, Metronome};
use crate::farewell::Farewell;
use crate::metrics::{Metrics, TickLog, TickTime};
use crate::record::{Occasion, Recordings};
use crate::sampled::Sampled;
use crate::time::Epoch;

/// At a shutdown, clients are asked to come back spread over this many ms.
const RETRY_SPREAD_MS: u64 = 5000;

/// Which driver a server's rooms have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DriverKind {
    /// An OS thread a room.
    #[default]
    Thread,
    /// A tokio task a room, on tokio's clock, so that a test can pause time.
    Task,
}

/// What a driver needs beside its room.
pub struct Surroundings {
    /// Set when the server stops.
    pub stop: Arc<AtomicBool>,
    /// Asked when the room has been empty for `idle`: true if nobody is on the way in, and the directory has let go.
    pub may_end: Box<dyn Fn() -> bool + Send>,
    /// Called when the room has failed.
    pub on_failure: Box<dyn Fn() + Send>,
    /// How long an empty room stays.
    pub idle: Duration,
    /// Show players how long ticks take.
    pub debug: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Takes how long ticks take.
    pub times: Arc<TickLog>,
    /// Takes what the flight recorder has when the room fails.
    pub recordings: Arc<Recordings>,
}

/// How the rooms of one server are driven.
#[derive(Debug, Clone)]
pub struct Driver {
    /// Thread or task.
    pub kind: DriverKind,
    /// Where stamps count from.
    pub epoch: Epoch,
    /// See [`crate::Options::drag_ms`].
    pub drag_ms: Arc<AtomicU32>,
    /// See [`crate::Options::fail_room`].
    pub fail_room: Arc<Mutex<Option<RoomCode>>>,
}

impl Driver {
    /// True once, if a test wants this room to fail.
    fn wants_failure(&self, room: &RoomCode) -> bool {
        self.fail_room.try_lock().is_ok_and(|mut wanted| wanted.take_if(|wanted| wanted == room).is_some())
    }
}

impl Driver {
    /// Lets a room tick until it ends. Call it inside a tokio runtime for [`DriverKind::Task`].
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn spawn(&self, room: Room, around: Surroundings) -> std::io::Result<()> {
        let mut drive = Drive::new(room, around, self.clone());
        match self.kind {
            DriverKind::Thread => {
                std::thread::Builder::new().name(format!("room {}", drive.room.code())).spawn(move || {
                    loop {
                        std::thread::sleep(
                            drive.metronome.deadline().saturating_duration_since(Instant::now()),
                        );
                        if drive.beat() == Next::End {
                            break;
                        }
                    }
                })?;
            }
            DriverKind::Task => {
                tokio::spawn(async move {
                    loop {
                        tokio::time::sleep_until(drive.metronome.deadline()).await;
                        if drive.beat() == Next::End {
                            break;
                        }
                    }
                });
            }
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Tick,
    End,
}

/// A room with what drives it.
struct Drive {
    driver: Driver,
    room: Room,
    around: Surroundings,
    metronome: Metronome,
    empty_since: Option<Instant>,
    load: Load,
    watch: Watch,
}

/// How long the ticks of the last second took.
#[derive(Debug, Default)]
struct Load {
    ticks: u32,
    sum: Duration,
    max: Duration,
}

impl Drive {
    fn new(room: Room, around: Surroundings, driver: Driver) -> Drive {
        let metronome = Metronome::new(Instant::now());
        Drive {
            driver,
            room,
            around,
            metronome,
            empty_since: None,
            load: Load::default(),
            watch: Watch::default(),
        }
    }

    fn beat(&mut self) -> Next {
        let now = Instant::now();
        if self.around.stop.load(Ordering::Acquire) {
            self.stop();
            return Next::End;
        }
        let beat = self.metronome.begin(now);
        let metrics = self.around.metrics.clone();
        if beat.reanchored {
            metrics.reanchors.inc();
            static LINES: Sampled = Sampled::new();
            if let Some(left_out) = LINES.allow(now) {
                let room = self.room.code();
                tracing::warn!(%room, left_out, "more than {GIVE_UP_TICKS} ticks behind: deadlines re-anchored");
            }
        }
        let stamp = self.driver.epoch.stamp(now);
        let (mut time, mut since) = (TickTime::default(), now);
        let lap = |part| {
            let now = Instant::now();
            time.parts[part as usize] = now.saturating_duration_since(since);
            since = now;
        };
        let fails = self.driver.wants_failure(self.room.code());
        let tick = AssertUnwindSafe(|| {
            assert!(!fails, "a test wants it");
            self.room.tick_by_part(stamp, lap)
        });
        match catch_unwind(tick) {
            Ok(report) => {
                if let drag @ 1.. = self.driver.drag_ms.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(drag.into()));
                }
                let ended = Instant::now();
                let took = ended.saturating_duration_since(now);
                time.whole = took;
                self.around.times.note(&time, ended);
                metrics.tick(&report, took, beat.missed);
                self.note(took);
                if let Some(relief) = self.watch.note(took) {
                    static LINES: Sampled = Sampled::new();
                    if let Some(left_out) = LINES.allow(ended) {
                        let (room, now) = (self.room.code(), relief.label());
                        tracing::warn!(%room, gives_up = now, left_out, "ticks take too long, or no longer");
                    }
                    metrics.relief.get_or_create(&relief.label().into()).inc();
                    self.room.relieve(relief);
                }
            }
            Err(_) => {
                tracing::error!(room = %self.room.code(), "the room panicked; its players are told");
                metrics.room_failures.inc();
                (self.around.on_failure)();
                self.room.dismiss(|| Farewell::bye(CloseCode::RoomFailed).retry_after(1000));
                if let Some(flight) = self.room.flight() {
                    self.around.recordings.keep_flight(self.room.code(), &flight, Occasion::Failed);
                }
                return Next::End;
            }
        }
        self.reap(now)
    }

    fn note(&mut self, took: Duration) {
        let load = &mut self.load;
        load.ticks += 1;
        load.sum += took;
        load.max = load.max.max(took);
        if load.ticks == u32::from(TICK_HZ) {
            if self.around.debug {
                let micros = |d: Duration| u32::try_from(d.as_micros()).unwrap_or(u32::MAX);
                self.room.show_load(micros(load.sum / load.ticks), micros(load.max));
            }
            self.load = Load::default();
        }
    }

    fn stop(&mut self) {
        let mut n = 0u64;
        self.room.dismiss(|| {
            // Multiples of a number coprime to the spread visit it evenly, whatever the number of seats.
            n += 1;
            Farewell::bye(CloseCode::ShuttingDown).retry_after((n * 1789 % RETRY_SPREAD_MS) as u32)
        });
    }

    fn reap(&mut self, now: Instant) -> Next {
        if !self.room.is_empty() {
            self.empty_since = None;
            return Next::Tick;
        }
        let since = *self.empty_since.get_or_insert(now);
        if now.duration_since(since) >= self.around.idle && (self.around.may_end)() {
            static LINES: Sampled = Sampled::new();
            match LINES.allow(now) {
                Some(left_out) => tracing::info!(room = %self.room.code(), left_out, "empty room closed"),
                None => tracing::debug!(room = %self.room.code(), "empty room closed"),
            }
            return Next::End;
        }
        Next::Tick
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_fails_leaves_its_last_minute() {
        let dir = std::env::temp_dir().join(format!("drift-arena-failed-room-{}", std::process::id()));
        let world = sim::WorldConfig { capacity: 8, pilots: 4, seed: 2 };
        let (mut room, _ends) = Room::new("FAILS".parse().unwrap(), &world);
        let metrics = Arc::new(Metrics::default());
        let limits = crate::record::RecordLimits {
            dir: Some(dir.clone()),
            serve: false,
            max_bytes: 16 << 20,
            flight_bytes: 1 << 20,
        };
        let recordings = Arc::new(Recordings::start(limits, metrics.clone()).unwrap());
        room.record(recordings.recorder(room.code(), &world).unwrap());
        let around = Surroundings {
            stop: Arc::default(),
            may_end: Box::new(|| false),
            on_failure: Box::new(|| ()),
            idle: Duration::from_secs(60),
            debug: false,
            times: metrics.tick_logs.open(Instant::now()),
            metrics: metrics.clone(),
            recordings: recordings.clone(),
        };
        let driver = Driver {
            kind: DriverKind::Thread,
            epoch: Epoch::now(),
            drag_ms: Arc::default(),
            fail_room: Arc::default(),
        };
        let mut drive = Drive::new(room, around, driver);
        // Longer than a segment, so that both are in it.
        for _ in 0..1000 {
            assert_eq!(drive.beat(), Next::Tick);
        }
        drive.room.fails = true;
        assert_eq!(drive.beat(), Next::End);
        drop(drive);
        recordings.finish();

        let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let plan = crate::record::replay::Plan { verify: true, from: None };
        let replay = |n: usize| crate::record::replay::replay(&std::fs::read(&files[n]).unwrap(), plan);
        let (disk, flight) = (replay(0).unwrap(), replay(1).unwrap());
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(files[1].to_string_lossy().ends_with("-failed.drift"), "{files:?}");
        assert_eq!((flight.segments, flight.run), (2, 1001), "with the tick that failed");
        assert_eq!((disk.segments, disk.run, disk.checks), (2, 1001, 34));
        assert_eq!((metrics.recording_gaps.get(), metrics.recording_errors.get()), (0, 0));
    }
}

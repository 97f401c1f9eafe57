//! What operators may see and do: readiness, metrics, rooms, kicks, flight recordings, the drain.
//!
//! Reaches rooms the way joins do, through a bounded channel; never looks into one.

use std::sync::Arc;
use std::time::Duration;

use protocol::{RoomCode, Slot, TICK_HZ};
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::lobby::{Lobby, OrderRefused, RoomReport};
use crate::metrics::Metrics;
use crate::net::{Operator, Reply, Wish};
use crate::record::{Occasion, Recordings};
use crate::room::orders::{Order, SeatReport};

/// A room that ticks answers within a tick; one that does not is late by dozens.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a last minute may wait for another that is being written.
const TURN: Duration = Duration::from_millis(500);

/// What one tick may take, µs.
const BUDGET_US: u32 = 1_000_000 / TICK_HZ as u32;

/// The operator's hands.
#[derive(Debug)]
pub struct Operations {
    lobby: Lobby,
    metrics: Arc<Metrics>,
    recordings: Arc<Recordings>,
    /// One last minute is written at a time: a disk that does not answer holds one thread and no more.
    writing: Arc<Semaphore>,
    /// Cancelled when an operator wants the server to end.
    drain: CancellationToken,
}

/// What `/admin/rooms` says.
#[derive(Debug, Serialize)]
struct Rooms {
    rooms: Vec<RoomReport>,
    draining: bool,
}

/// What `/admin/rooms/CODE` says.
#[derive(Debug, Serialize)]
struct RoomDetails {
    #[serde(flatten)]
    room: RoomReport,
    seats: Vec<SeatReport>,
}

impl Operations {
    /// Over one server; `drain` is cancelled when an operator wants it to end.
    pub fn new(
        lobby: Lobby,
        metrics: Arc<Metrics>,
        recordings: Arc<Recordings>,
        drain: CancellationToken,
    ) -> Operations {
        Operations { lobby, metrics, recordings, writing: Arc::new(Semaphore::new(1)), drain }
    }

    /// Why nobody should be sent here now; empty if they should.
    fn unready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.draining() {
            reasons.push("draining".to_owned());
        }
        if let Some(ticks) = self.metrics.tick_logs.whole(Instant::now())
            && ticks.p99 > BUDGET_US
        {
            let ms = |us: u32| f64::from(us) / 1000.0;
            let (p99, budget) = (ms(ticks.p99), ms(BUDGET_US));
            reasons
                .push(format!("99 in 100 ticks take up to {p99:.1} ms of the {budget:.1} ms that there are"));
        }
        reasons
    }

    fn draining(&self) -> bool {
        self.drain.is_cancelled() || self.lobby.is_draining()
    }

    async fn order<T>(
        &self,
        room: &str,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<(RoomCode, T), Reply> {
        let code: RoomCode = room.parse().map_err(|_| no_such_room(room))?;
        let (done, answer) = oneshot::channel();
        self.lobby.order(&code, order(done)).map_err(|refused| match refused {
            OrderRefused::NoSuchRoom => no_such_room(code.as_str()),
            OrderRefused::Busy => Reply::text(503, "the room has other orders to do: try again\n"),
        })?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => Ok((code, answer)),
            Ok(Err(_)) => Err(no_such_room(code.as_str())),
            Err(_) => Err(Reply::text(503, "the room is too late to answer: try again\n")),
        }
    }

    async fn room(&self, room: &str) -> Result<Reply, Reply> {
        let (code, seats) = self.order(room, Order::Seats).await?;
        let report = self.lobby.report().into_iter().find(|report| report.room == code.as_str());
        let room = report.ok_or_else(|| no_such_room(code.as_str()))?;
        Ok(json(&RoomDetails { room, seats }))
    }

    async fn kick(&self, room: &str, slot: u16) -> Result<Reply, Reply> {
        let (room, name) = self.order(room, |done| Order::Kick { slot: Slot(slot), done }).await?;
        let name =
            name.ok_or_else(|| Reply::text(404, format!("nobody plays in slot {slot} of {room}\n")))?;
        tracing::info!(%room, slot, name, "an operator kicked a player");
        Ok(Reply::text(200, format!("kicked {name}\n")))
    }

    async fn keep_flight(&self, room: &str) -> Result<Reply, Reply> {
        let Ok(Ok(turn)) = timeout(TURN, self.writing.clone().acquire_owned()).await else {
            return Err(Reply::text(503, "another one is being written; try again in a moment\n"));
        };
        let (room, flight) = self.order(room, Order::Flight).await?;
        let off = || Reply::text(409, "nothing is noted: record.flight_mib is 0\n");
        let flight = flight.ok_or_else(off)?;
        let recordings = self.recordings.clone();
        // Disks are slow.
        let kept = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            recordings.keep_flight(&room, &flight, Occasion::Asked)
        });
        match timeout(PATIENCE, kept).await {
            Ok(Ok(Some(path))) => Ok(Reply::text(200, format!("{}\n", path.display()))),
            Ok(_) => Err(Reply::text(507, "it could not be written: see the log\n")),
            Err(_) => Err(Reply::text(507, "the disk does not answer\n")),
        }
    }
}

impl Operator for Operations {
    async fn fulfil(&self, wish: Wish<'_>) -> Reply {
        let answer = match wish {
            Wish::Health => Ok(Reply::text(200, "ok\n")),
            Wish::Ready => Ok(match self.unready() {
                reasons if reasons.is_empty() => Reply::text(200, "ready\n"),
                reasons => Reply::text(503, format!("not ready: {}\n", reasons.join("; "))),
            }),
            Wish::Metrics => {
                self.lobby.count();
                let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                Ok(Reply { status: 200, content_type, body: self.metrics.text() })
            }
            Wish::Rooms => Ok(json(&Rooms { rooms: self.lobby.report(), draining: self.draining() })),
            Wish::Room(room) => self.room(room).await,
            Wish::Kick { room, slot } => self.kick(room, slot).await,
            Wish::Flight(room) => self.keep_flight(room).await,
            Wish::Drain => {
                tracing::info!("an operator wants the server to end");
                self.drain.cancel();
                Ok(Reply::text(202, "draining: players are told, then the server ends\n"))
            }
        };
        answer.unwrap_or_else(|refusal| refusal)
    }
}

fn no_such_room(room: &str) -> Reply {
    Reply::text(404, format!("there is no room {}\n", room.escape_debug()))
}

fn json(value: &impl Serialize) -> Reply {
    let body =
        serde_json::to_string_pretty(value).expect("reports have text keys and plain values only") + "\n";
    Reply { status: 200, content_type: "application/json", body }
}

//! What operators see of the rooms, and how their orders get there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::RoomCode;
use serde::Serialize;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::{Entry, Lobby};
use crate::metrics::{Queue, TickLog};
use crate::room::orders::Order;

/// A room, for operators.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoomReport {
    /// Its code.
    pub room: String,
    /// Seats of players, those of lost connections included.
    pub players: usize,
    /// Seats of spectators.
    pub spectators: usize,
    /// Most players.
    pub capacity: u16,
    /// The last simulated tick.
    pub tick: u32,
    /// What half of its ticks did not exceed in the last ten seconds, ms; none if there was no tick.
    pub tick_ms_p50: Option<f64>,
    /// The same for 99 in 100.
    pub tick_ms_p99: Option<f64>,
    /// The longest.
    pub tick_ms_max: Option<f64>,
    /// Joins that wait for the next tick.
    pub joins_waiting: usize,
}

/// Why a room takes no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRefused {
    /// It is not there, or has just ended.
    NoSuchRoom,
    /// Too many wait.
    Busy,
}

impl Lobby {
    /// What operators are told of every room.
    pub fn report(&self) -> Vec<RoomReport> {
        let now = Instant::now();
        // Outside of the lock: sorting takes time.
        let rooms: Vec<_> = {
            let directory = self.directory();
            let counts = |entry: &Entry| (entry.players.taken(), entry.spectators.taken());
            let entry = |(code, entry): (&RoomCode, &Entry)| {
                let tick = entry.ends.clock.load(Ordering::Acquire);
                (code.to_string(), counts(entry), tick, entry.ends.waiting(), entry.times.clone())
            };
            directory.rooms.iter().map(entry).collect()
        };
        let report =
            |(room, (players, spectators), tick, (joins_waiting, _), times): (_, _, _, _, Arc<TickLog>)| {
                let ms = |us: u32| f64::from(us) / 1000.0;
                let ticks = times.whole(now);
                RoomReport {
                    room,
                    players,
                    spectators,
                    capacity: self.shared.limits.capacity,
                    tick,
                    tick_ms_p50: ticks.map(|ticks| ms(ticks.p50)),
                    tick_ms_p99: ticks.map(|ticks| ms(ticks.p99)),
                    tick_ms_max: ticks.map(|ticks| ms(ticks.max)),
                    joins_waiting,
                }
            };
        rooms.into_iter().map(report).collect()
    }

    /// Shows in the metrics what is counted here.
    pub fn count(&self) {
        let (mut players, mut spectators, mut joins, mut orders) = (0, 0, 0, 0);
        for entry in self.directory().rooms.values() {
            players += entry.players.taken();
            spectators += entry.spectators.taken();
            let waiting = entry.ends.waiting();
            joins += waiting.0;
            orders += waiting.1;
        }
        let metrics = &self.shared.metrics;
        metrics.players.set(players as i64);
        metrics.spectators.set(spectators as i64);
        metrics.queue_depth.get_or_create(&Queue { queue: "joins" }).set(joins as i64);
        metrics.queue_depth.get_or_create(&Queue { queue: "orders" }).set(orders as i64);
    }

    /// Gives a room an order.
    ///
    /// # Errors
    /// There is no such room, or it has too many orders to do.
    pub fn order(&self, code: &RoomCode, order: Order) -> Result<(), OrderRefused> {
        let orders = self.directory().rooms.get(code).map(|entry| entry.ends.orders.clone());
        orders.ok_or(OrderRefused::NoSuchRoom)?.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => OrderRefused::Busy,
            TrySendError::Closed(_) => OrderRefused::NoSuchRoom,
        })
    }
}

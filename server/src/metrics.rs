//! What the server counts, and its text form for `/metrics`. Labels come from closed sets, never from a peer.

mod moment;
mod process;
mod ticks;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use protocol::CloseCode;
use tokio::time::Instant;

use crate::room::TickReport;
pub use moment::Moment;
use process::Process;
pub use ticks::{Quantiles, TickLog, TickLogs, TickTime};

/// A reason out of a closed set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// Its name.
    pub reason: &'static str,
}

impl From<&'static str> for Reason {
    fn from(reason: &'static str) -> Reason {
        Reason { reason }
    }
}

/// Something that waits its turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Queue {
    /// What waits.
    pub queue: &'static str,
}

/// A part of a tick, and which share of ticks was not longer: 1 is the longest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TickLabels {
    phase: &'static str,
    quantile: &'static str,
}

/// All counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Connections accepted, HTTP and WebSocket.
    pub accepted: Counter,
    /// Connections refused before anything was read, by reason.
    pub connections_refused: Family<Reason, Counter>,
    /// Open WebSocket connections.
    pub connections: Gauge,
    /// WebSocket handshakes refused, by reason.
    pub handshakes_refused: Family<Reason, Counter>,
    /// WebSocket connections ended, by reason: the labels of the close codes, `lost`, `closed_by_peer`.
    pub disconnects: Family<Reason, Counter>,
    /// Messages and control frames over a connection's limits, by the limit.
    pub dropped: Family<Reason, Counter>,
    /// Messages from clients.
    pub messages_in: Counter,
    /// Bytes of messages from clients.
    pub bytes_in: Counter,
    /// Inputs by what became of them.
    pub inputs: Family<Reason, Counter>,
    /// Rooms not opened, by reason.
    pub rooms_refused: Family<Reason, Counter>,
    /// Joins refused, by the label of the close code.
    pub joins_refused: Family<Reason, Counter>,
    /// Requests to the admin listener that were refused, by reason.
    pub admin_refused: Family<Reason, Counter>,
    /// Rooms open.
    pub rooms: Gauge,
    /// Seats of players, those of lost connections included; up to date after `Lobby::count`.
    pub players: Gauge,
    /// Seats of spectators; the same.
    pub spectators: Gauge,
    /// What waits for rooms' next ticks; the same.
    pub queue_depth: Family<Queue, Gauge>,
    process: Process,
    /// Rooms that panicked.
    pub room_failures: Counter,
    /// Deadlines given up by late rooms.
    pub reanchors: Counter,
    /// Recordings that miss something because the disk was slow.
    pub recording_gaps: Counter,
    /// Recordings that could not be written.
    pub recording_errors: Counter,
    /// Steps taken or taken back by rooms whose ticks take too long, by what is given up now.
    pub relief: Family<Reason, Counter>,
    /// How long the last ticks of each room took.
    pub tick_logs: TickLogs,
    tick_ms: Family<TickLabels, Gauge<f64, AtomicU64>>,
    /// Certificates read again while the server ran, by what became of it.
    pub tls_reloads: Family<Reason, Counter>,
    /// When the TLS certificate ends, seconds since 1970; not there without TLS.
    pub tls_certificate_expiry: Moment,
    joined: Counter,
    ticks: Counter,
    missed_ticks: Counter,
    tick_seconds: Histogram,
    /// The longest tick so far, µs: histograms have no maximum.
    tick_max: Gauge<u64, AtomicU64>,
    inputs_missing: Counter,
    snapshots: Counter,
    snapshot_bytes: Counter,
    snapshots_skipped: Counter,
    snapshots_full: Counter,
    snapshots_over_budget: Counter,
    resyncs: Counter,
    resumed: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut whole = Registry::default();
        let process = Process::register(&mut whole);
        let registry = whole.sub_registry_with_prefix("drift");
        macro_rules! register {
            ($make:expr, $name:literal, $help:literal) => {{
                let metric = $make;
                registry.register($name, $help, metric.clone());
                metric
            }};
        }
        let seconds = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.033, 0.066, 0.133, 0.5];
        let accepted = register!(Counter::default(), "accepted", "Connections accepted");
        let connections_refused = register!(
            Family::default(),
            "connections_refused",
            "Connections refused before anything was read, by reason"
        );
        let rooms_refused = register!(Family::default(), "rooms_refused", "Rooms not opened, by reason");
        let connections = register!(Gauge::default(), "connections", "Open WebSocket connections");
        let handshakes_refused =
            register!(Family::default(), "handshakes_refused", "WebSocket handshakes refused, by reason");
        let disconnects =
            register!(Family::default(), "disconnects", "WebSocket connections ended, by reason");
        let dropped = register!(
            Family::default(),
            "dropped",
            "Messages and control frames over a connection's limits, by the limit"
        );
        let messages_in = register!(Counter::default(), "messages_in", "Messages from clients");
        let bytes_in = register!(Counter::default(), "bytes_in", "Bytes of messages from clients");
        let inputs = register!(Family::default(), "inputs", "Inputs from clients, by what became of them");
        let rooms = register!(Gauge::default(), "rooms", "Rooms open");
        let room_failures = register!(Counter::default(), "room_failures", "Rooms that panicked");
        let reanchors = register!(Counter::default(), "reanchors", "Deadlines given up by late rooms");
        let relief = register!(
            Family::default(),
            "relief_steps",
            "Steps of rooms under load, by what is given up then"
        );
        let joined = register!(Counter::default(), "players_joined", "Seats taken");
        let ticks = register!(Counter::default(), "ticks", "Ticks of all rooms");
        let missed_ticks = register!(
            Counter::default(),
            "missed_ticks",
            "Ticks that began a whole tick late or more, and those that a late room gave up"
        );
        let tick_seconds = register!(
            Histogram::new(seconds),
            "tick_seconds",
            "Time that a tick took: simulate, look, encode"
        );
        let tick_max =
            register!(Gauge::default(), "tick_max_microseconds", "The longest tick since the start");
        let tick_ms = register!(
            Family::default(),
            "tick_ms",
            "Time that ticks of all rooms took in the last 10 s by phase, ms; quantile 1 is the longest"
        );
        let inputs_missing =
            register!(Counter::default(), "inputs_missing", "Ticks for which a player's input was missing");
        let snapshots = register!(Counter::default(), "snapshots", "Snapshots encoded");
        let snapshot_bytes = register!(Counter::default(), "snapshot_bytes", "Bytes of encoded snapshots");
        let snapshots_skipped = register!(
            Counter::default(),
            "snapshots_skipped",
            "Snapshots not encoded because the last one was still on its way"
        );
        let snapshots_full = register!(Counter::default(), "snapshots_full", "Snapshots that started anew");
        let snapshots_over_budget = register!(
            Counter::default(),
            "snapshots_over_budget",
            "Snapshots that left something out to stay small"
        );
        let resyncs = register!(Counter::default(), "resync", "Clients whose view no longer added up");
        let joins_refused =
            register!(Family::default(), "joins_refused", "Joins refused, by the label of the close code");
        let admin_refused = register!(
            Family::default(),
            "admin_refused",
            "Refused requests to the admin listener, by reason"
        );
        let players = register!(Gauge::default(), "players", "Seats of players, lost connections included");
        let spectators = register!(Gauge::default(), "spectators", "Seats of spectators");
        let queue_depth =
            register!(Family::default(), "queue_depth", "What waits for the next tick of its room, by kind");
        let resumed =
            register!(Counter::default(), "seats_resumed", "Seats taken back after a lost connection");
        let recording_gaps = register!(
            Counter::default(),
            "recording_gaps",
            "Recordings that miss something because the disk was slow"
        );
        let recording_errors =
            register!(Counter::default(), "recording_errors", "Recordings that could not be written");
        let tls_reloads =
            register!(Family::default(), "tls_reloads", "Certificates read again, by what became of it");
        let tls_certificate_expiry = register!(
            Moment::default(),
            "tls_certificate_expiry_seconds",
            "When the TLS certificate ends, seconds since 1970"
        );
        let metrics = Metrics {
            tls_reloads,
            tls_certificate_expiry,
            registry: whole,
            process,
            admin_refused,
            players,
            spectators,
            queue_depth,
            recording_gaps,
            recording_errors,
            dropped,
            connections_refused,
            rooms_refused,
            relief,
            snapshots_full,
            snapshots_over_budget,
            resyncs,
            joins_refused,
            resumed,
            accepted,
            connections,
            handshakes_refused,
            disconnects,
            messages_in,
            bytes_in,
            inputs,
            rooms,
            room_failures,
            reanchors,
            joined,
            ticks,
            missed_ticks,
            tick_seconds,
            tick_max,
            tick_logs: TickLogs::default(),
            tick_ms,
            inputs_missing,
            snapshots,
            snapshot_bytes,
            snapshots_skipped,
        };
        metrics.begin_at_zero();
        metrics
    }
}

impl Metrics {
    /// Counts one tick of a room that `took` so long.
    pub fn tick(&self, report: &TickReport, took: Duration, missed: u64) {
        self.ticks.inc();
        self.missed_ticks.inc_by(missed);
        self.joined.inc_by(u64::from(report.joined));
        self.inputs_missing.inc_by(u64::from(report.inputs_missing));
        self.snapshots.inc_by(report.published.snapshots);
        self.snapshot_bytes.inc_by(report.published.bytes);
        self.snapshots_skipped.inc_by(report.published.skipped);
        self.snapshots_full.inc_by(report.published.full);
        self.snapshots_over_budget.inc_by(report.published.over_budget);
        self.resyncs.inc_by(u64::from(report.resyncs));
        self.resumed.inc_by(u64::from(report.resumed));
        for (code, refused) in
            [(CloseCode::RoomFull, report.refused_full), (CloseCode::Overloaded, report.refused_overloaded)]
        {
            if refused > 0 {
                self.joins_refused.get_or_create(&code.label().into()).inc_by(u64::from(refused));
            }
        }
        self.tick_seconds.observe(took.as_secs_f64());
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.tick_max.inner().fetch_max(micros, Ordering::Relaxed);
    }

    /// What can be counted is there from the start: a first event is a step up from 0 then, not a line out of nowhere.
    fn begin_at_zero(&self) {
        let byes = || CloseCode::ALL.iter().map(|code| code.label());
        for label in byes().chain(["closed_by_peer", "lost"]) {
            let _ = self.disconnects.get_or_create(&label.into());
        }
        for code in [CloseCode::RoomFull, CloseCode::Overloaded, CloseCode::ShuttingDown] {
            let _ = self.joins_refused.get_or_create(&code.label().into());
        }
        let families = [
            (&self.connections_refused, &["per_ip", "connect_rate"][..]),
            (&self.handshakes_refused, &["origin", "subprotocol"]),
            (&self.dropped, &["control", "messages", "bytes"]),
            (&self.inputs, &["taken", "late", "early"]),
            (&self.rooms_refused, &["max", "rate"]),
            (&self.relief, &["none", "far_ships", "snapshots", "joins"]),
            (&self.admin_refused, &["token", "origin", "host"]),
        ];
        for (family, labels) in families {
            for &label in labels {
                let _ = family.get_or_create(&label.into());
            }
        }
    }

    /// The figures of the summary line.
    pub fn summary(&self) -> Summary {
        Summary { players: self.joined.get(), ticks: self.ticks.get(), missed: self.missed_ticks.get() }
    }

    /// All of it in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let phases: Vec<_> = self.tick_logs.phases(Instant::now()).collect();
        if phases.is_empty() {
            self.tick_ms.clear();
        }
        for (phase, Quantiles { p50, p99, max }) in phases {
            for (quantile, micros) in [("0.5", p50), ("0.99", p99), ("1", max)] {
                let labels = TickLabels { phase, quantile };
                self.tick_ms.get_or_create(&labels).set(f64::from(micros) / 1000.0);
            }
        }
        self.process.look();
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String does not fail");
        text
    }
}

/// What a server did from start to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Seats taken by players and spectators.
    pub players: u64,
    /// Ticks of all rooms.
    pub ticks: u64,
    /// Ticks that began a whole tick late or more, and those that a late room gave up.
    pub missed: u64,
}

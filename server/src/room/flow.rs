//! Flow control of one connection by acknowledgement: proxies hide a slow reader from the socket, not from this.
//!
//! Every input carries the sequence number of the newest snapshot that the client has. What is in flight is limited to
//! what the path needs; beyond it snapshots are skipped, not queued.

use std::collections::VecDeque;

use protocol::{Seq, TICK_HZ, Tick};

use crate::time::Stamp;

/// Delay on top of the shortest round trip that is still normal, µs.
const SLACK_US: u64 = 150_000;

/// Snapshots in flight that are always allowed on top.
const SPARE: u64 = 2;

/// Most snapshots in flight: sequence numbers are told apart by distance.
const MAX_IN_FLIGHT: u64 = 200;

/// No progress for so long while something is in flight: the client does not keep up, µs.
const STUCK_US: u64 = 10_000_000;

/// Half of the time over which the shortest round trip is taken, µs.
const HALF_WINDOW_US: u64 = 5_000_000;

/// So many acknowledgements show that a client means them: one may be a number that never changes. Before that nothing
/// is known of the path, and nothing is held back.
const ACKS_KNOWN: u8 = 2;

/// One tick, µs.
const TICK_US: u64 = 1_000_000 / TICK_HZ as u64;

/// What is under way to one client.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Tick and moment of each snapshot in flight, oldest first.
    in_flight: VecDeque<(Tick, Stamp)>,
    last_sent: Seq,
    last_ack: Seq,
    /// The number that the client said last, whatever it was worth.
    heard: Option<Seq>,
    /// The newest tick that the client is known to have.
    acked: Tick,
    /// The last acknowledgement that was news, or the moment since which something is in flight.
    progress: Stamp,
    /// Acknowledgements that were news, as far as [`ACKS_KNOWN`].
    acks: u8,
    /// Shortest round trip of this half of the window and of the one before, µs.
    min_rtt: [u64; 2],
    half_since: Stamp,
}

impl Flow {
    /// For [`fetch`](crate::fetch::fetch).
    pub fn touch(&self) -> usize {
        let oldest = self.in_flight.front().map_or(0, |(tick, _)| tick.0 as usize);
        oldest ^ self.half_since.0 as usize ^ usize::from(self.acks)
    }

    /// Nothing under way; the client was welcomed at `tick`.
    pub fn new(tick: Tick) -> Flow {
        Flow {
            in_flight: VecDeque::new(),
            // The first snapshot is number 0.
            last_sent: Seq(255),
            last_ack: Seq(255),
            heard: None,
            acked: tick,
            progress: Stamp(0),
            acks: 0,
            min_rtt: [u64::MAX; 2],
            half_since: Stamp(0),
        }
    }

    /// The snapshot of `tick` goes out; returns its sequence number.
    pub fn send(&mut self, tick: Tick, now: Stamp) -> Seq {
        if self.in_flight.is_empty() {
            self.progress = now;
        }
        self.last_sent = self.last_sent.next();
        self.in_flight.push_back((tick, now));
        // A client that never acknowledges must not make numbers ambiguous.
        if self.in_flight() > MAX_IN_FLIGHT {
            self.in_flight.pop_front();
            self.last_ack = self.last_ack.next();
        }
        self.last_sent
    }

    /// An acknowledgement arrived. Only numbers that are in flight count.
    pub fn acknowledge(&mut self, seq: Seq, at: Stamp) {
        if self.heard.replace(seq) == Some(seq) {
            return;
        }
        let ahead = usize::from(seq.since(self.last_ack));
        if ahead > self.in_flight.len() {
            return;
        }
        // Usually one; what it answers is the last of them.
        let Some((tick, sent)) = (0..ahead).filter_map(|_| self.in_flight.pop_front()).last() else { return };
        self.last_ack = seq;
        self.acked = tick;
        self.progress = at;
        self.acks = (self.acks + 1).min(ACKS_KNOWN);
        if at.0.saturating_sub(self.half_since.0) > HALF_WINDOW_US {
            self.half_since = at;
            self.min_rtt = [u64::MAX, self.min_rtt[0]];
        }
        self.min_rtt[0] = self.min_rtt[0].min(at.0.saturating_sub(sent.0));
    }

    /// For a connection that is not asked to acknowledge: what is sent counts as received.
    pub fn take_as_received(&mut self) {
        self.last_ack = self.last_sent;
        self.acked = self.in_flight.back().map_or(self.acked, |(tick, _)| *tick);
        self.in_flight.clear();
    }

    /// Snapshots sent and not acknowledged.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.len() as u64
    }

    /// May another snapshot go out?
    pub fn is_open(&self) -> bool {
        let rtt = self.min_rtt[0].min(self.min_rtt[1]);
        if self.acks < ACKS_KNOWN || rtt == u64::MAX {
            return true;
        }
        self.in_flight() < ((rtt + SLACK_US).div_ceil(TICK_US) + SPARE).min(MAX_IN_FLIGHT)
    }

    /// True if the client has made no progress for too long.
    pub fn is_stuck(&self, now: Stamp) -> bool {
        self.in_flight() > 0 && now.0.saturating_sub(self.progress.0) > STUCK_US
    }

    /// The newest tick that the client is known to have seen.
    pub fn acked(&self) -> Tick {
        self.acked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(ms: u64) -> Stamp {
        Stamp(ms * 1000)
    }

    #[test]
    fn the_window_is_the_round_trip_and_a_bit() {
        let mut flow = Flow::new(Tick(0));
        for tick in 0..2 {
            let seq = flow.send(Tick(tick), stamp(0));
            flow.acknowledge(seq, stamp(100));
        }
        // ceil((100 + 150) / 33.3) + 2
        let sent = (0..50).take_while(|n| {
            let open = flow.is_open();
            if open {
                flow.send(Tick(2 + n), stamp(100));
            }
            open
        });
        assert_eq!(sent.count(), 10);
        assert_eq!(flow.acked(), Tick(1));
    }

    #[test]
    fn a_number_that_never_changes_closes_no_window() {
        let mut flow = Flow::new(Tick(0));
        for tick in 0..1000 {
            flow.send(Tick(tick), stamp(u64::from(tick) * 33));
            flow.acknowledge(Seq(0), stamp(u64::from(tick) * 33));
            assert!(flow.is_open());
        }
        assert!(flow.is_stuck(stamp(10_100)), "but it is no progress either");
    }

    #[test]
    fn only_numbers_in_flight_count() {
        let mut flow = Flow::new(Tick(0));
        for n in 1..=4 {
            flow.send(Tick(n), stamp(0));
        }
        flow.acknowledge(Seq(7), stamp(1));
        assert_eq!((flow.in_flight(), flow.acked()), (4, Tick(0)), "never sent");
        flow.acknowledge(Seq(2), stamp(1));
        assert_eq!((flow.in_flight(), flow.acked()), (1, Tick(3)));
        flow.acknowledge(Seq(1), stamp(1));
        assert_eq!((flow.in_flight(), flow.acked()), (1, Tick(3)), "an old one");
    }

    #[test]
    fn no_progress_for_ten_seconds_is_stuck() {
        let mut flow = Flow::new(Tick(0));
        assert!(!flow.is_stuck(stamp(60_000)), "nothing is in flight");
        flow.send(Tick(1), stamp(60_000));
        flow.send(Tick(2), stamp(69_000));
        assert!(!flow.is_stuck(stamp(70_000)));
        assert!(flow.is_stuck(stamp(70_001)));
    }

    #[test]
    fn a_client_that_never_acknowledges_stays_told_apart() {
        let mut flow = Flow::new(Tick(0));
        for n in 0..1000 {
            flow.send(Tick(n), stamp(0));
        }
        assert_eq!(flow.in_flight(), MAX_IN_FLIGHT);
        assert!(flow.is_stuck(stamp(10_001)));
    }
}

//! What a swarm does, and what follows for each of its bots.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use protocol::RoomCode;

use super::profile::Mix;
use super::server::Target;
use crate::endpoint::Endpoint;
use crate::trust::Trust;

/// Over how long the bots' inputs for one tick are spread: half a tick where a core can play them all in that time, else
/// up to a whole one.
const SPREAD: RangeInclusive<Duration> = Duration::from_millis(16)..=Duration::from_millis(32);
/// What a core takes for a bot's part of a tick and is to have for it.
const PLAYING: Duration = Duration::from_micros(13);
/// How much earlier than need be each bot sends at least: what the server's own delays are.
const LEAST_AHEAD: Duration = Duration::from_millis(4);
/// How much earlier than those who send last the first bot does: some ms after its own snapshot has come.
const FIRST_AHEAD: Duration = Duration::from_millis(12);

/// Of so many bots, or up to twice as many, it is measured what their whole views would weigh.
const WEIGHING: u32 = 200;

/// What a swarm does.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to play.
    pub url: Endpoint,
    /// Whose certificates are believed, with wss.
    pub trust: Trust,
    /// How many bots.
    pub bots: u32,
    /// How long to measure, from when all have arrived.
    pub duration: Duration,
    /// Bots that connect per second.
    pub rate: f64,
    /// Which room; none for quick play.
    pub room: Option<RoomCode>,
    /// Over how many rooms the bots are spread, if their names are not left to the server.
    pub rooms: Option<u32>,
    /// What the bots are like.
    pub profiles: Mix,
    /// From how many addresses of 127.0.0.0/8 the bots come, where the target is on this machine; else from its own.
    pub sources: u32,
    /// Seed of the bots' tempers.
    pub seed: u64,
    /// Share of the bots that predict their ship, 0 to 1. Unless it is 0, at least one does.
    pub predict: f64,
    /// Where to ask the server for its own figures.
    pub metrics: Option<Target>,
    /// Threads that the bots play on: one does for some thousands.
    pub threads: usize,
}

impl Config {
    /// The code of the room that the `index`-th bot asks for; empty for quick play.
    pub(super) fn room_of(&self, index: u32) -> String {
        let name = self.room.as_ref().map_or("SWARM", RoomCode::as_str);
        match (&self.room, self.rooms) {
            (None, None) => String::new(),
            (_, None | Some(0 | 1)) => name.into(),
            // A code has at most 24 characters, and there are at most 10000 rooms.
            (_, Some(rooms)) => format!("{}-{}", &name[..name.len().min(18)], index % rooms + 1),
        }
    }

    /// Where the `index`-th bot dials from, if not from wherever the system likes.
    pub(super) fn source_of(&self, index: u32) -> Option<IpAddr> {
        let spread = self.sources > 1 && self.url.is_loopback();
        let n = 1 + index % self.sources.max(1);
        spread.then(|| IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + n)))
    }

    /// How much earlier than need be the `index`-th bot sends its inputs. All of a room would send in the same millisecond
    /// otherwise, which players behind lines of their own do not, and which no single core could do.
    ///
    /// A server tells a room's players one after the other, in the order that they came. So they send in that order too:
    /// each when its snapshot has been there for some ms and is read on the way.
    pub(super) fn ahead_of(&self, index: u32) -> Duration {
        let needed = PLAYING * self.bots / self.threads.max(1) as u32;
        let spread = needed.clamp(*SPREAD.start(), *SPREAD.end()).as_secs_f64();
        let later = spread * f64::from(index) / f64::from(self.bots.max(1));
        LEAST_AHEAD + Duration::from_secs_f64((FIRST_AHEAD.as_secs_f64() - later).rem_euclid(spread))
    }

    /// True if the `index`-th bot works out now and then what its whole view would weigh: some hundreds tell enough.
    pub(super) fn weighs(&self, index: u32) -> bool {
        index.is_multiple_of((self.bots / WEIGHING).max(1))
    }

    /// True if the `index`-th bot predicts: those that do are spread evenly.
    pub(super) fn predicts(&self, index: u32) -> bool {
        let until = |bots: u32| (f64::from(bots) * self.predict).ceil();
        until(index + 1) > until(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: Endpoint, duration: Duration) -> Config {
        Config {
            url,
            trust: Trust::system(),
            bots: 1,
            duration,
            rate: 1.0,
            room: None,
            rooms: None,
            profiles: Mix::default(),
            sources: 1,
            seed: 1,
            predict: 0.0,
            metrics: None,
            threads: 1,
        }
    }

    #[test]
    fn rooms_and_addresses_are_dealt_out_in_turn() {
        let here = config("ws://127.0.0.1:1/ws".parse().unwrap(), Duration::from_secs(1));
        assert_eq!((here.room_of(3), here.source_of(3)), (String::new(), None));
        let one = Config { rooms: Some(1), ..here.clone() };
        assert_eq!((one.room_of(0), one.room_of(7)), ("SWARM".into(), "SWARM".into()));
        let named = "a-room-with-a-long-name1".parse().ok();
        let three = Config { rooms: Some(3), room: named, sources: 300, ..here };
        let rooms: Vec<_> = (0..4).map(|n| three.room_of(n)).collect();
        assert_eq!((&rooms[0], rooms[2].ends_with("-3")), (&rooms[3], true));
        assert!(rooms.iter().all(|room| room.parse::<RoomCode>().is_ok()), "{rooms:?}");
        let sources: Vec<_> = (0..301).map(|n| three.source_of(n).unwrap()).collect();
        assert_eq!((sources[0].to_string(), sources[300]), ("127.0.0.2".into(), sources[0]));
        assert!(sources.iter().all(IpAddr::is_loopback) && sources[255].to_string() == "127.0.1.1");
        let away = Config { url: "ws://10.0.0.1:1/ws".parse().unwrap(), ..three };
        assert_eq!(away.source_of(0), None);
    }

    #[test]
    fn the_bots_that_predict_are_as_many_as_asked_for_and_spread() {
        let count = |bots: u32, predict: f64| {
            let url = "ws://x:1/ws".parse().unwrap();
            let duration = Duration::from_secs(1);
            let config = Config { bots, predict, ..config(url, duration) };
            (0..bots).filter(|&index| config.predicts(index)).count()
        };
        for (bots, predict, expected) in
            [(100, 0.05, 5), (1000, 0.05, 50), (10, 0.05, 1), (1, 0.01, 1), (40, 0.0, 0), (40, 1.0, 40)]
        {
            assert_eq!(count(bots, predict), expected, "{predict} of {bots}");
        }
    }

    #[test]
    fn bots_send_one_after_the_other_in_the_order_of_their_snapshots() {
        for (bots, spread) in [(100, 16.0), (2000, 26.0), (5000, 32.0)] {
            let url = "ws://x:1/ws".parse().unwrap();
            let config = Config { bots, ..config(url, Duration::from_secs(1)) };
            let ahead: Vec<_> = (0..bots).map(|n| config.ahead_of(n).as_secs_f64() * 1000.0).collect();
            assert!(ahead.iter().all(|ms| (4.0..4.0 + spread).contains(ms)), "{ahead:?}");
            let later = spread / f64::from(bots);
            let steps = ahead.windows(2).map(|pair| (pair[0] - pair[1]).rem_euclid(spread));
            assert!(steps.into_iter().all(|step| (step - later).abs() < 0.001), "{ahead:?}");
            assert!((ahead[0] - 16.0).abs() < 0.001, "{ahead:?}");
        }
    }

    #[test]
    fn some_hundreds_of_bots_weigh_their_views_or_all_of_few() {
        for (bots, expected) in [(1, 1), (150, 150), (399, 399), (400, 200), (1000, 200), (2999, 215)] {
            let url = "ws://x:1/ws".parse().unwrap();
            let config = Config { bots, ..config(url, Duration::from_secs(1)) };
            assert_eq!((0..bots).filter(|&index| config.weighs(index)).count(), expected, "{bots}");
        }
    }
}

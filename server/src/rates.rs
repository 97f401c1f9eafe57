//! Rates: how much of something a peer, or all peers of a network, may do. Time is an argument.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many networks are kept before those that do nothing any more are looked for: about 100 kB.
const SWEEP_ABOVE: usize = 1024;

/// So much in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come in `per`; not zero.
    pub tokens: u32,
    /// The time in which they come; not zero, at most an hour.
    pub per: Duration,
    /// Most tokens that are kept, and so may be taken at once.
    pub burst: u32,
}

impl Rate {
    /// `tokens` a second on average, twice that at once.
    pub fn per_second(tokens: u32) -> Rate {
        Rate { tokens, per: Duration::from_secs(1), burst: tokens.saturating_mul(2) }
    }

    /// How long so many tokens take to come.
    fn time_of(self, tokens: u32) -> Duration {
        self.per.saturating_mul(tokens) / self.tokens
    }
}

/// A token bucket, kept as the time at which it is full again: the generic cell rate algorithm (ITU-T I.371, annex A), which
/// takes one number where a level and its time take two.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub struct TokenBucket {
    full_at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(now: Instant) -> TokenBucket {
        TokenBucket { full_at: now }
    }

    /// Takes so many tokens that come at `rate`, if there are as many. More than the burst are never there.
    pub fn take(&mut self, rate: Rate, tokens: u32, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + rate.time_of(tokens);
        let allowed = full_at - now <= rate.time_of(rate.burst);
        if allowed {
            self.full_at = full_at;
        }
        allowed
    }

    fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

/// What the addresses of one network may do together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkLimits {
    /// At a time.
    pub open: usize,
    /// Anew.
    pub rate: Rate,
    /// True if this machine's own addresses are limited, too: by default the swarm and a proxy beside the server are
    /// not.
    pub loopback: bool,
}

/// Which limit of a network was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Too many at a time.
    Open,
    /// Too many in too short a time.
    Rate,
}

impl Excess {
    /// A name for logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Excess::Open => "per_ip",
            Excess::Rate => "connect_rate",
        }
    }
}

/// Counts per network. Memory is bounded by the limits' own pace: who does nothing any more is forgotten.
#[derive(Debug)]
pub struct Networks {
    limits: NetworkLimits,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<IpAddr, Entry>,
    sweep_above: usize,
}

#[derive(Debug)]
struct Entry {
    open: usize,
    bucket: TokenBucket,
}

/// One that was let in; counts until it is dropped.
#[derive(Debug)]
pub struct Guest {
    /// None: not counted.
    counted: Option<(Arc<Networks>, IpAddr)>,
}

impl Networks {
    /// Nobody is in.
    pub fn new(limits: NetworkLimits) -> Arc<Networks> {
        Arc::new(Networks { limits, table: Mutex::default() })
    }

    /// Lets one more of an address' network in.
    ///
    /// # Errors
    /// The limit that would be broken.
    pub fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Guest, Excess> {
        let network = network(address);
        if network.is_loopback() && !self.limits.loopback {
            return Ok(Guest { counted: None });
        }
        let mut table = self.table();
        table.sweep(now);
        let entry =
            table.entries.entry(network).or_insert_with(|| Entry { open: 0, bucket: TokenBucket::new(now) });
        if entry.open >= self.limits.open {
            return Err(Excess::Open);
        }
        if !entry.bucket.take(self.limits.rate, 1, now) {
            return Err(Excess::Rate);
        }
        entry.open += 1;
        Ok(Guest { counted: Some((self.clone(), network)) })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn sweep(&mut self, now: Instant) {
        if self.entries.len() > self.sweep_above.max(SWEEP_ABOVE) {
            self.entries.retain(|_, entry| entry.open > 0 || !entry.bucket.is_full(now));
            // Else a table full of busy networks would be looked through again for each newcomer.
            self.sweep_above = self.entries.len() * 2;
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some((networks, network)) = &self.counted
            && let Some(entry) = networks.table().entries.get_mut(network)
        {
            entry.open -= 1;
        }
    }
}

/// The network that an address stands for: itself with IPv4; with IPv6 its /64, of which one subscriber has all.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let (mut bucket, rate) = (TokenBucket::new(start), Rate::per_second(10));
        assert_eq!((0..30).filter(|_| bucket.take(rate, 1, start)).count(), 20);
        let later = start + SECOND / 2;
        assert_eq!((0..30).filter(|_| bucket.take(rate, 1, later)).count(), 5);
        let much_later = later + 1000 * SECOND;
        assert!(!bucket.take(rate, 21, much_later) && bucket.take(rate, 20, much_later));
        assert!(!bucket.take(rate, u32::MAX, much_later) && bucket.take(rate, 0, much_later));
        let (mut slow, rate) = (TokenBucket::new(start), Rate { tokens: 2, per: 60 * SECOND, burst: 1 });
        let mut take = |at| slow.take(rate, 1, start + at * SECOND);
        assert!(take(0) && !take(29) && take(31));
        let hourly = Rate { tokens: 1, per: 3600 * SECOND, burst: 1 };
        assert!(!TokenBucket::new(start).take(hourly, u32::MAX, start), "however long that would take");
    }

    #[test]
    fn networks_are_addresses_or_their_upper_half() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::1"), "::1");
    }

    #[test]
    fn a_network_is_counted_until_its_guests_leave_and_forgotten_when_it_is_quiet() {
        let limits = NetworkLimits { open: 2, rate: Rate::per_second(10), loopback: false };
        let (networks, now) = (Networks::new(limits), Instant::now());
        let address = |n: u32| IpAddr::V4((0x0a00_0000 + n).into());
        let first = networks.admit(address(0), now).unwrap();
        let _second = networks.admit(address(0), now).unwrap();
        assert_eq!(networks.admit(address(0), now).unwrap_err(), Excess::Open);
        drop(first);
        networks.admit(address(0), now).expect("a place is free");
        for n in 1..10_000 {
            drop(networks.admit(address(n), now + SECOND * n).unwrap());
        }
        assert!(networks.table().entries.len() <= SWEEP_ABOVE + 1);
        let _again = networks.admit(address(0), now + SECOND).unwrap();
        assert_eq!(networks.admit(address(0), now + SECOND).unwrap_err(), Excess::Open, "who is in is kept");
        for _ in 0..100 {
            assert!(networks.admit(IpAddr::from([127, 0, 0, 1]), now).is_ok());
        }
    }
}

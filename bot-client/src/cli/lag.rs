//! The arguments of `bot-client lag`.

use std::net::SocketAddr;
use std::time::Duration;

use bot_client::lag::{Conditions, Stall};

use super::{duration, percent, seconds};

const EXAMPLES: &str = "\
Examples:
  bot-client lag --delay 40ms --jitter 10ms --stall 200ms@1%
      a home connection by radio; then play at http://127.0.0.1:9090, or
      bot-client swarm --url ws://127.0.0.1:9090/ws
  bot-client lag --delay 150ms --rate 64k --cut 30s
      far away, thin, and gone twice a minute

The server sees all connections come from one address: raise its limit of connections per address for large swarms.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Lag {
    /// Where clients connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    pub(crate) listen: SocketAddr,
    /// The server: host and port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) to: String,
    /// One way, so that a round trip takes twice as long: 40ms.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = delay)]
    delay: Duration,
    /// Each segment's delay differs by up to this, either way: 10ms.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = delay)]
    jitter: Duration,
    /// A share of the segments arrives later, and all that follows waits behind it: 200ms@1%. Loss is this, on TCP.
    #[arg(long, value_name = "TIME@PERCENT", value_parser = stall)]
    stall: Option<Stall>,
    /// Bytes a second, each way and connection, with k or M for thousands and millions: 64k. Or bits: 512kbit.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<u64>,
    /// Resets each connection when it is this old: 30s.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    cut: Option<Duration>,
    /// The same seed delays the n-th segment of the n-th connection alike.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl Lag {
    pub(crate) fn conditions(&self) -> Conditions {
        let &Lag { delay, jitter, stall, rate, cut, .. } = self;
        Conditions { delay, jitter, stall, rate, cut }
    }
}

fn delay(text: &str) -> Result<Duration, String> {
    match seconds(text) {
        Some(seconds) if (0.0..=60.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("write it like 40ms, up to 60s".into()),
    }
}

fn stall(text: &str) -> Result<Stall, String> {
    let parsed = text.split_once('@').and_then(|(length, share)| {
        Some(Stall { length: delay(length).ok()?, share: percent(share).ok()? / 100.0 })
    });
    parsed.ok_or_else(|| "write it like 200ms@1%".into())
}

fn rate(text: &str) -> Result<u64, String> {
    let (text, bits) = text.strip_suffix("bit").map_or((text, 1.0), |text| (text, 8.0));
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1e3),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1e6),
        _ => (text, 1.0),
    };
    match digits.parse::<f64>().map(|n| n * unit / bits) {
        Ok(rate) if (100.0..=1e10).contains(&rate) => Ok(rate as u64),
        Ok(_) => Err("it must be between 100 and 10000M bytes a second".into()),
        Err(_) => Err("write it like 64k or 512kbit".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_as_people_write_them() {
        assert_eq!((rate("64k"), rate("1.5M"), rate("512kbit")), (Ok(64_000), Ok(1_500_000), Ok(64_000)));
        assert!(rate("").is_err() && rate("k").is_err() && rate("0").is_err() && rate("-1k").is_err());
        let hiccup = Stall { length: Duration::from_millis(200), share: 0.01 };
        assert_eq!(stall("200ms@1%"), Ok(hiccup));
        assert!(stall("200ms").is_err() && stall("@1%").is_err() && stall("1s@200%").is_err());
        assert_eq!((delay("0"), delay("0ms")), (Ok(Duration::ZERO), Ok(Duration::ZERO)));
        assert!(delay("-1ms").is_err() && delay("2m").is_err());
    }
}

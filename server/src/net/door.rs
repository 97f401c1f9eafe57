//! Who may come in: limits per network, counted before anything is read, and who somebody behind a proxy is.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::HeaderMap;
use tokio::time::Instant;

use super::Refusal;
use crate::config::{NetLimits, Subnet};
use crate::metrics::Metrics;
use crate::rates::{Excess, Guest, Networks};

/// The header in which proxies note whom they speak for: each appends the address that it sees.
const FORWARDED: &str = "x-forwarded-for";

/// Lets connections in, or not.
#[derive(Debug)]
pub struct Door {
    networks: Arc<Networks>,
    proxies: Vec<Subnet>,
    hops: usize,
    metrics: Arc<Metrics>,
}

impl Door {
    /// A door with these limits; `metrics` counts who is refused.
    pub fn new(limits: &NetLimits, metrics: Arc<Metrics>) -> Arc<Door> {
        let (proxies, hops) = (limits.trusted_proxies.clone(), limits.forwarded_hops);
        Arc::new(Door { networks: Networks::new(limits.per_ip), proxies, hops, metrics })
    }

    /// A connection was accepted. A trusted proxy's are not counted: [`Door::client`] counts whom it speaks for.
    ///
    /// # Errors
    /// Its network has reached a limit.
    pub(super) fn admit(&self, peer: IpAddr, now: Instant) -> Result<Option<Guest>, Excess> {
        if self.trusts(peer) {
            return Ok(None);
        }
        self.networks.admit(peer, now).map(Some).inspect_err(|excess| {
            self.metrics.connections_refused.get_or_create(&excess.label().into()).inc();
        })
    }

    /// The player behind a handshake: the peer itself, whatever it claims, or whom a trusted proxy names; the latter
    /// counts until the guest is dropped.
    ///
    /// # Errors
    /// The proxy names nobody, or that network has reached a limit.
    pub(super) fn client(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        now: Instant,
    ) -> Result<(IpAddr, Option<Guest>), Refusal> {
        if !self.trusts(peer) {
            return Ok((peer, None));
        }
        let client = forwarded(headers, self.hops).ok_or(Refusal {
            status: 400,
            label: "forwarded",
            text: "the proxy must name the client in X-Forwarded-For; see net.forwarded_hops",
        })?;
        match self.networks.admit(client, now) {
            Ok(guest) => Ok((client, Some(guest))),
            Err(excess) => Err(Refusal {
                status: 429,
                label: excess.label(),
                text: "too many connections from your network: try again later",
            }),
        }
    }

    fn trusts(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(peer))
    }
}

/// The n-th address from the right: what stands left of it, the client may have written itself.
fn forwarded(headers: &HeaderMap, hops: usize) -> Option<IpAddr> {
    let lists = headers.get_all(FORWARDED).iter().rev();
    let mut from_the_right = lists.flat_map(|list| list.to_str().unwrap_or_default().rsplit(','));
    from_the_right.nth(hops.checked_sub(1)?)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn the_nth_address_from_the_right_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded(&headers, 1), None);
        headers.append(FORWARDED, HeaderValue::from_static("6.6.6.6, 192.0.2.1"));
        headers.append(FORWARDED, HeaderValue::from_static("2001:db8::1"));
        let at = |hops| forwarded(&headers, hops).map(|ip| ip.to_string());
        assert_eq!(at(1).as_deref(), Some("2001:db8::1"));
        assert_eq!(at(2).as_deref(), Some("192.0.2.1"));
        assert_eq!(at(3).as_deref(), Some("6.6.6.6"));
        assert_eq!(at(4), None);
        headers.append(FORWARDED, HeaderValue::from_static("unknown"));
        assert_eq!(forwarded(&headers, 1), None);
    }
}

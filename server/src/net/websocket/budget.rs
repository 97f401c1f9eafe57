//! What one peer may send: messages, bytes and control frames a second. Too much is dropped; whoever goes on is closed.

use std::net::IpAddr;

use protocol::CloseCode;
use tokio::time::{Duration, Instant};

use crate::config::NetLimits;
use crate::farewell::Farewell;
use crate::metrics::Metrics;
use crate::rates::{Rate, TokenBucket};
use crate::sampled::Sampled;

/// What may be dropped before the peer is closed: a hundred at once, as after a stall that a line makes up for, and
/// five a second, as from a client whose timer is a little too fast.
const STRIKES: Rate = Rate { tokens: 5, per: Duration::from_secs(1), burst: 100 };

/// What a frame costs beside its payload, bytes: head and mask. So empty fragments cost something, too.
const FRAME_BYTES: u64 = 6;

/// What came over the wire for one event.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Data frames: each fragment of a message counts.
    pub frames: u32,
    /// Control frames.
    pub control: u32,
    /// Bytes of all of them.
    pub bytes: u32,
}

impl Cost {
    /// Adds a frame.
    pub(super) fn add(&mut self, control: bool, payload: u64) {
        let count = if control { &mut self.control } else { &mut self.frames };
        *count = count.saturating_add(1);
        let bytes = u32::try_from(payload.saturating_add(FRAME_BYTES)).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The log lines of peers that send too much.
static FLOODS: Sampled = Sampled::new();

/// One peer's budget.
#[derive(Debug)]
pub(super) struct Budget {
    messages: TokenBucket,
    bytes: TokenBucket,
    control: TokenBucket,
    strikes: TokenBucket,
    warned: bool,
    /// For the log.
    client: IpAddr,
}

impl Budget {
    /// The whole budget of `client`.
    pub(super) fn new(client: IpAddr, now: Instant) -> Budget {
        let full = TokenBucket::new(now);
        Budget {
            messages: full.clone(),
            bytes: full.clone(),
            control: full.clone(),
            strikes: full,
            warned: false,
            client,
        }
    }

    /// For [`fetch`](crate::fetch::fetch).
    pub(super) fn touch(&self) -> usize {
        let Budget { messages, bytes, control, strikes, warned, .. } = self;
        usize::from(*warned) ^ usize::from(messages > bytes) ^ usize::from(control > strikes)
    }

    /// Pays for what arrived `now`. False: it is dropped.
    ///
    /// # Errors
    /// Too much was dropped already: how to end the connection.
    pub(super) fn take(
        &mut self,
        cost: Cost,
        limits: &NetLimits,
        metrics: &Metrics,
        now: Instant,
    ) -> Result<bool, Farewell> {
        let over = |bucket: &mut TokenBucket, limit, cost| !bucket.take(Rate::per_second(limit), cost, now);
        let limit = if over(&mut self.control, limits.control_per_sec, cost.control) {
            "control"
        } else if over(&mut self.messages, limits.messages_per_sec, cost.frames) {
            "messages"
        } else if over(&mut self.bytes, limits.bytes_per_sec, cost.bytes) {
            "bytes"
        } else {
            return Ok(true);
        };
        metrics.dropped.get_or_create(&limit.into()).inc();
        if !self.strikes.take(STRIKES, 1, now) {
            return Err(Farewell::bye(CloseCode::RateLimit).retry_after(10_000));
        }
        if !std::mem::replace(&mut self.warned, true)
            && let Some(left_out) = FLOODS.allow(now)
        {
            let client = self.client;
            tracing::warn!(%client, limit, left_out, "a peer sends too much; what is over the limit is dropped");
        }
        Ok(false)
    }
}

//! How a bot gets its seat, and how it gets one back. Measures nothing but that.

use std::time::Duration;

use protocol::message::{Hello, Welcome};
use protocol::{CloseCode, ResumeToken};
use sim::dice::Dice;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{JOIN_TIMEOUT, Shared};
use crate::client::{Client, Closed, Error, Options};

/// How long a bot may try to come back after its seat was lost.
const COME_BACK: Duration = Duration::from_secs(20);
/// The pause after the first attempt that came to nothing; it doubles up to [`LONGEST_PAUSE`], with full jitter.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long an attempt that is under way may go on when the swarm leaves.
const FAIR: Duration = Duration::from_secs(2);
/// "Service restart", which proxies send; the server itself says 4006.
const SERVICE_RESTART: u16 = 1012;

/// What a bot has of an earlier seat.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) token: Option<ResumeToken>,
    pub(super) room: String,
}

/// Takes a seat, or says why not; with a claim, the one that it had.
pub(super) async fn join(
    shared: &Shared,
    index: u32,
    claim: Option<&Claim>,
) -> Result<(Client, Welcome), String> {
    let config = &shared.config;
    let hello = Hello {
        name: format!("bot-{index:04}"),
        hue: (index % 8) as u8,
        room: claim.map_or_else(|| config.room_of(index), |claim| claim.room.clone()),
        resume: claim.and_then(|claim| claim.token),
        ..Hello::default()
    };
    let (source, trust) = (config.source_of(index), config.trust.clone());
    let options = Options { source, trust, ..Options::default() };
    let dialled = Instant::now();
    let join = async {
        let mut client = Client::open(&config.url, &options).await?;
        let open = Instant::now();
        let welcome = client.join(hello).await?;
        Ok((client, welcome, open))
    };
    match timeout(JOIN_TIMEOUT, join).await {
        Ok(Ok((client, welcome, open))) => {
            let mut stats = shared.stats();
            stats.handshake.record(open - dialled);
            stats.welcome.record(open.elapsed());
            Ok((client, welcome))
        }
        Ok(Err(error)) => {
            note_protocol_error(shared, &error);
            Err(error.to_string())
        }
        Err(_) => Err(format!("no seat within {} s", JOIN_TIMEOUT.as_secs())),
    }
}

/// A server that says what it must not say is another kind of trouble than one that says goodbye.
pub(super) fn note_protocol_error(shared: &Shared, error: &Error) {
    let broken = match error {
        Error::Upgrade { .. }
        | Error::Subprotocol { .. }
        | Error::WebSocket(_)
        | Error::Fragment
        | Error::Text
        | Error::Malformed(_)
        | Error::Snapshot(_)
        | Error::Welcome { .. }
        | Error::NotWelcome(_) => true,
        Error::Connect { .. }
        | Error::Tls { .. }
        | Error::Request(_)
        | Error::Handshake(_)
        | Error::Refused { .. }
        | Error::Closed(_)
        | Error::Send(_) => false,
    };
    if broken {
        let mut stats = shared.stats();
        stats.protocol_errors += 1;
        stats.first_protocol_error.get_or_insert_with(|| error.to_string());
    }
}

/// True if a client comes back by itself after such an end: the server stops or restarts, or there was no close at all.
pub(super) fn comes_back(closed: &Closed) -> bool {
    let stops = [CloseCode::GoingAway, CloseCode::ShuttingDown].map(CloseCode::code);
    stops.contains(&closed.code) || [SERVICE_RESTART, Closed::CUT].contains(&closed.code)
}

/// Why a bot is not back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Away {
    /// It tried, and got no seat.
    Refused,
    /// The swarm left before it could try.
    NoTime,
}

/// Waits as long as the server asked for, then tries until there is a seat, for a bounded time, or until the swarm leaves.
///
/// # Errors
/// It is not back.
pub(super) async fn come_back(
    shared: &Shared,
    index: u32,
    claim: &Claim,
    wait: Duration,
) -> Result<(Client, Welcome), Away> {
    let begun = Instant::now();
    let mut dice = Dice::new(shared.config.seed.wrapping_add(index.into()));
    let (mut pause, mut longest) = (wait, FIRST_PAUSE);
    let mut why = Away::NoTime;
    while begun.elapsed() + pause < COME_BACK {
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.left() => return Err(why),
        }
        let dialled = Instant::now();
        let attempt = join(shared, index, Some(claim));
        tokio::pin!(attempt);
        let joined = tokio::select! {
            joined = &mut attempt => joined.ok(),
            // Whom nobody answers is not somebody who did not try.
            () = shared.left() => timeout_at(dialled + FAIR, attempt).await.ok().and_then(Result::ok),
        };
        match joined {
            Some(joined) => return Ok(joined),
            None => why = Away::Refused,
        }
        pause = Duration::from_millis(10) + longest.mul_f64(f64::from(dice.below(1000)) / 1000.0);
        longest = (longest * 2).min(LONGEST_PAUSE);
    }
    // Also where the server asked for more time than a bot has.
    Err(Away::Refused)
}

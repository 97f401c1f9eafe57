//! One bot of a swarm from first to last: takes a seat, has the engine play it, comes back or leaves. One task each, which
//! sleeps while the bot plays.

use std::sync::Arc;
use std::time::Duration;

use protocol::message::Welcome;
use sim::dice::Dice;
use tokio::time::Instant;

use super::engine::Engines;
use super::player::{Dropped, End, Gap, Player};
use super::profile::{Profile, STAY};
use super::seat::{Away, Claim, FIRST_PAUSE, come_back, comes_back, join};
use super::{Shared, visitor};
use crate::client::{Client, Closed};

/// Longest that a resumer stays away, ms: much less than the server's grace.
const MOST_AWAY_MS: u32 = 1500;

/// Runs the `index`-th bot from connecting to the end.
pub(super) async fn run(shared: Arc<Shared>, engines: Arc<Engines>, index: u32) {
    let profile = shared.config.profiles.of(index);
    let (client, welcome) = match join(&shared, index, None).await {
        Ok(joined) => joined,
        Err(why) => return failed(&shared, why),
    };
    {
        let mut stats = shared.stats();
        stats.connected += 1;
        stats.measured += u32::from(profile.is_measured());
        stats.playing += 1;
        stats.ramp = shared.started.elapsed();
        stats.hz = welcome.hz;
    }
    if matches!(profile, Profile::JoinStorm | Profile::Garbage) {
        return visitor::come_and_go(&shared, index, profile, client).await;
    }
    let mut seat = Some((client, welcome));
    let mut dice = Dice::new(shared.config.seed.wrapping_add(index.into()));
    let (mut dropped, mut gap) = (None, None);
    while let Some((client, welcome)) = seat.take() {
        let mut player = match Player::new(&shared, index, client, &welcome, dropped.take()) {
            Ok(player) => player.after(gap.take()),
            Err(error) => {
                shared.stats().playing -= 1;
                return lost(&shared, &Closed { code: Closed::CUT, reason: error.to_string() });
            }
        };
        if profile == Profile::Resumer {
            let stay = STAY + STAY.mul_f64(f64::from(dice.below(1000)) / 500.0);
            player = player.dropping_at(Instant::now() + stay);
        }
        let left = engines.play(index, player).await;
        let claim = Claim { token: left.token, room: welcome.room };
        match left.end {
            End::Leave => shared.stats().playing -= 1,
            End::Dropped => {
                let pause = Duration::from_millis(u64::from(dice.below(MOST_AWAY_MS)));
                let dials_at = Instant::now() + pause;
                let before = Dropped { you: left.you, score: left.score, dials_at };
                seat = resume(&shared, index, &claim, before, pause).await;
                dropped = Some(before);
            }
            End::Lost(closed) if comes_back(&closed) => {
                gap = left.gap;
                // A server that takes a seat away at once is not asked again at once.
                let least = if left.saw_nothing { FIRST_PAUSE } else { Duration::ZERO };
                seat = reconnect(&shared, index, &claim, &closed, left.told_to_wait.max(least)).await;
                if seat.is_none() {
                    missed(&shared, gap);
                }
            }
            End::Lost(closed) => {
                shared.stats().playing -= 1;
                missed(&shared, left.gap);
                lost(&shared, &closed);
            }
        }
    }
}

/// Asks for the seat that was dropped. None if there is none, which is counted.
async fn resume(
    shared: &Shared,
    index: u32,
    claim: &Claim,
    before: Dropped,
    pause: Duration,
) -> Option<(Client, Welcome)> {
    {
        let mut stats = shared.stats();
        stats.resumes.tried += 1;
        stats.playing -= 1;
        stats.returning += 1;
    }
    let back = come_back(shared, index, claim, pause).await;
    let mut stats = shared.stats();
    stats.returning -= 1;
    match &back {
        // Its score is looked at when the first board comes.
        Ok((_, welcome)) if welcome.resumed && welcome.you == before.you => stats.playing += 1,
        Ok(_) => {
            stats.playing += 1;
            stats.resumes.lost += 1;
        }
        Err(Away::NoTime) => stats.resumes.tried -= 1,
        Err(Away::Refused) => stats.resumes.lost += 1,
    }
    back.ok()
}

/// Comes back to a server that stops or that has lost its line. None if it could not, which is a disconnect if it has tried.
async fn reconnect(
    shared: &Shared,
    index: u32,
    claim: &Claim,
    closed: &Closed,
    wait: Duration,
) -> Option<(Client, Welcome)> {
    let begun = Instant::now();
    {
        let mut stats = shared.stats();
        stats.reconnects.tried += 1;
        stats.playing -= 1;
        stats.returning += 1;
    }
    let back = come_back(shared, index, claim, wait).await;
    {
        let mut stats = shared.stats();
        stats.returning -= 1;
        match &back {
            Ok(_) => {
                stats.playing += 1;
                stats.reconnects.ok += 1;
                stats.reconnect_time.record(begun.elapsed());
            }
            Err(Away::NoTime) => stats.reconnects.tried -= 1,
            Err(Away::Refused) => {}
        }
    }
    if matches!(back, Err(Away::Refused)) {
        lost(shared, closed);
    }
    back.ok()
}

/// Takes note of the time without snapshots of one that gets no seat any more.
fn missed(shared: &Shared, gap: Option<Gap>) {
    let Some((Gap { since, before }, &opened)) = gap.zip(shared.window.get()) else { return };
    let mut stats = shared.stats();
    let (away, tick) = (since.max(opened).elapsed(), Duration::from_secs(1) / u32::from(stats.hz.max(1)));
    stats.bot_time += away;
    stats.record_open_interval(before, away, tick);
}

pub(super) fn lost(shared: &Shared, closed: &Closed) {
    *shared.stats().disconnects.entry(closed.code).or_default() += 1;
}

fn failed(shared: &Shared, why: String) {
    let mut stats = shared.stats();
    stats.failed += 1;
    stats.first_failure.get_or_insert(why);
}

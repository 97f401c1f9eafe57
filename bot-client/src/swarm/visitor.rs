//! Bots that come and go: a storm of joins, and peers that talk garbage until they are thrown out. They are not measured,
//! but what they cost the others is.

use std::time::Duration;

use protocol::{ClientMessage, CloseCode, Seq, ServerMessage};
use sim::dice::Dice;
use tokio::time::{Instant, sleep, timeout};

use super::career::lost;
use super::profile::{Profile, STAY};
use super::seat::{comes_back, join, note_protocol_error};
use super::{LEAVE_TIMEOUT, Shared};
use crate::OpCode;
use crate::client::{Client, Incoming};

/// Between two looks whether it is time to leave.
const LOOK: Duration = Duration::from_millis(100);
/// Between two lumps of garbage.
const BABBLE_EVERY: Duration = Duration::from_millis(50);

/// Comes and goes until the swarm leaves; `client` has its first seat.
pub(super) async fn come_and_go(shared: &Shared, index: u32, profile: Profile, client: Client) {
    let mut dice = Dice::new(shared.config.seed.wrapping_add(index.into()));
    let mut seat = Some(client);
    while !shared.leaving() {
        if let Some(mut client) = seat.take() {
            let began = Instant::now();
            let ended = match profile {
                Profile::Garbage => timeout(STAY, babble(shared, &mut client, &mut dice)).await,
                _ => timeout(STAY, linger(shared, &mut client)).await,
            };
            let thrown_out = ended.unwrap_or(false);
            if !thrown_out {
                let _ = timeout(LEAVE_TIMEOUT, client.close(CloseCode::Left.code(), "")).await;
            }
            let mut stats = shared.stats();
            stats.visits.made += 1;
            stats.visits.ended_by_server += u32::from(thrown_out);
            if let Some(&opened) = shared.window.get() {
                stats.seat_time += Instant::now().saturating_duration_since(began.max(opened));
            }
        }
        for _ in 0..STAY.as_millis() / LOOK.as_millis() {
            if shared.leaving() {
                break;
            }
            sleep(LOOK).await;
        }
        if !shared.leaving() {
            seat = join(shared, index, None).await.ok().map(|(client, _)| client);
            let refused = u32::from(seat.is_none());
            let visits = &mut shared.stats().visits;
            visits.refused += refused;
            visits.shut_out += if profile == Profile::Garbage { 0 } else { refused };
        }
    }
    shared.stats().playing -= 1;
}

/// Reads, and says that it has read. True if the server ended it, which counts as a disconnect if it is none that a client
/// comes back from by itself.
async fn linger(shared: &Shared, client: &mut Client) -> bool {
    while !shared.leaving() {
        match client.next().await {
            Ok(Incoming::Message(ServerMessage::Snapshot(snapshot))) => {
                let seq: Seq = snapshot.seq;
                if client.send(&ClientMessage::Ack { seq }).await.is_err() {
                    return true;
                }
            }
            Ok(Incoming::Closed(closed)) => {
                if !comes_back(&closed) {
                    lost(shared, &closed);
                }
                return true;
            }
            Err(error) => {
                note_protocol_error(shared, &error);
                return true;
            }
            Ok(_) => {}
        }
    }
    false
}

/// Sends what is no message. True once the server has ended it.
async fn babble(shared: &Shared, client: &mut Client, dice: &mut Dice) -> bool {
    while !shared.leaving() {
        let length = 1 + dice.below(40) as usize;
        let mut noise: Vec<u8> = std::iter::repeat_with(|| dice.bits() as u8).take(length).collect();
        // No kind of message has such a number.
        noise[0] |= 0x80;
        if client.send_frame(true, OpCode::Binary, &noise).await.is_err() {
            return true;
        }
        let listen = async {
            loop {
                match client.next().await {
                    Ok(Incoming::Closed(_)) => return,
                    Ok(_) => {}
                    Err(error) => return note_protocol_error(shared, &error),
                }
            }
        };
        if timeout(BABBLE_EVERY, listen).await.is_ok() {
            return true;
        }
    }
    false
}

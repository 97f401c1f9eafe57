//! Sessions: one player's stay, from the first message to the last.
//!
//! A session turns messages into what the room understands and back into what the peer's subprotocol wants. It knows
//! rooms only by their mailbox and outbox, and connections only by the two halves that [`crate::net`] drives.

mod egress;
mod ingress;
mod name;
mod token;

use std::net::IpAddr;
use std::sync::Arc;

use protocol::codec::Encoding;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lobby::Lobby;
use crate::metrics::Metrics;
use crate::net::{Accepted, Refusal, Service};
use crate::outbox::Outbox;
use crate::time::Epoch;

pub use egress::Egress;
pub use ingress::Ingress;
pub use token::Fingerprint;

/// Opens a session for each WebSocket connection.
#[derive(Debug, Clone)]
pub struct Sessions {
    lobby: Lobby,
    metrics: Arc<Metrics>,
    epoch: Epoch,
    json: Arc<Semaphore>,
}

/// The subprotocol that a connection agreed on, and its place among those that are counted.
#[derive(Debug)]
pub struct Agreement {
    encoding: Encoding,
    place: Option<OwnedSemaphorePermit>,
}

impl Sessions {
    /// Sessions that find their rooms in `lobby`; at most `json` of them on the JSON subprotocol.
    pub fn new(lobby: Lobby, metrics: Arc<Metrics>, epoch: Epoch, json: usize) -> Sessions {
        Sessions { lobby, metrics, epoch, json: Arc::new(Semaphore::new(json)) }
    }
}

impl Service for Sessions {
    type Agreement = Agreement;
    type Ingress = Ingress;
    type Egress = Egress;

    fn agree(&self, offer: Option<&str>) -> Result<Accepted<Agreement>, Refusal> {
        let encoding = offer.and_then(Encoding::from_offer).ok_or(Refusal {
            status: 400,
            label: "subprotocol",
            text: "offer the WebSocket subprotocol drift.v1.bincode or drift.v1.json",
        })?;
        let place = match encoding {
            Encoding::Bincode => None,
            Encoding::Json => Some(self.json.clone().try_acquire_owned().map_err(|_| Refusal {
                status: 503,
                label: "json_sessions",
                text: "no JSON session left: use drift.v1.bincode, or try again later",
            })?),
        };
        Ok(Accepted { subprotocol: Some(encoding.subprotocol()), agreement: Agreement { encoding, place } })
    }

    fn open(
        &self,
        Agreement { encoding, place }: Agreement,
        client: IpAddr,
        outbox: Arc<Outbox>,
    ) -> (Ingress, Egress) {
        let ingress = Ingress::new(
            encoding,
            client,
            outbox,
            self.lobby.clone(),
            self.metrics.clone(),
            self.epoch,
            place,
        );
        (ingress, Egress::new(encoding))
    }
}

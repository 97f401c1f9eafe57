//! Sessions: one player's stay, from the first message to the last.
//!
//! A session turns messages into what the room understands and back into what the peer's subprotocol wants. It knows
//! rooms only by their mailbox and outbox, and connections only by the two halves that [`crate::net`] drives.

mod egress;
mod ingress;
mod name;
pub mod ticket;
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
use ticket::Holder;
pub use ticket::{PlayerId, Tickets};
pub use token::Fingerprint;

/// Opens a session for each WebSocket connection.
#[derive(Debug, Clone)]
pub struct Sessions {
    lobby: Lobby,
    metrics: Arc<Metrics>,
    epoch: Epoch,
    json: Arc<Semaphore>,
    /// Looks at join tickets; none: everybody may join.
    tickets: Option<Arc<Tickets>>,
}

/// The subprotocol that a connection agreed on, and its place among those that are counted.
#[derive(Debug)]
pub struct Agreement {
    encoding: Encoding,
    place: Option<OwnedSemaphorePermit>,
    /// Whom the ticket in the request is for.
    holder: Option<Holder>,
}

impl Sessions {
    /// Sessions that find their rooms in `lobby`; at most `json` of them on the JSON subprotocol. With `tickets`
    /// nobody joins without one.
    pub fn new(
        lobby: Lobby,
        metrics: Arc<Metrics>,
        epoch: Epoch,
        json: usize,
        tickets: Option<Tickets>,
    ) -> Sessions {
        let (json, tickets) = (Arc::new(Semaphore::new(json)), tickets.map(Arc::new));
        Sessions { lobby, metrics, epoch, json, tickets }
    }
}

impl Service for Sessions {
    type Agreement = Agreement;
    type Ingress = Ingress;
    type Egress = Egress;

    fn agree(&self, offer: Option<&str>, bearer: Option<&str>) -> Result<Accepted<Agreement>, Refusal> {
        let encoding = offer.and_then(Encoding::from_offer).ok_or(Refusal {
            status: 400,
            label: "subprotocol",
            text: "offer the WebSocket subprotocol drift.v1.bincode or drift.v1.json",
        })?;
        // A browser cannot show any here: its ticket comes in the Hello.
        let holder = match (&self.tickets, bearer) {
            (Some(tickets), Some(ticket)) => Some(tickets.check(ticket).map_err(|why| {
                tracing::debug!(why = why.text(), "handshake refused");
                Refusal { status: 401, label: "ticket", text: why.text() }
            })?),
            _ => None,
        };
        let place = match encoding {
            Encoding::Bincode => None,
            Encoding::Json => Some(self.json.clone().try_acquire_owned().map_err(|_| Refusal {
                status: 503,
                label: "json_sessions",
                text: "no JSON session left: use drift.v1.bincode, or try again later",
            })?),
        };
        Ok(Accepted {
            subprotocol: Some(encoding.subprotocol()),
            agreement: Agreement { encoding, place, holder },
        })
    }

    fn open(&self, agreement: Agreement, client: IpAddr, outbox: Arc<Outbox>) -> (Ingress, Egress) {
        let encoding = agreement.encoding;
        let ingress = Ingress::new(
            agreement,
            self.tickets.clone(),
            client,
            outbox,
            self.lobby.clone(),
            self.metrics.clone(),
            self.epoch,
        );
        (ingress, Egress::new(encoding))
    }
}

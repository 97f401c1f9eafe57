//! The half of a session that listens: messages from the peer into the room's mailbox.

use std::net::IpAddr;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use protocol::codec::{self, DecodeError, Encoding};
use protocol::message::Hello;
use protocol::{ClientMessage, CloseCode, PROTOCOL, ServerMessage};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::ticket::{BadTicket, Holder};
use super::{Agreement, Fingerprint, Tickets, name, token};
use crate::farewell::Farewell;
use crate::lobby::{Lobby, SeatRequest};
use crate::metrics::Metrics;
use crate::net::{self, Answered, FrameKind};
use crate::outbox::Outbox;
use crate::room::inbound::{End, Mailbox, Reception};
use crate::room::seat::Keys;
use crate::time::Epoch;

/// What the first message needs, and no other.
#[derive(Debug)]
struct Entrance {
    /// None: everybody may join.
    tickets: Option<Arc<Tickets>>,
    /// Whom the ticket in the request was for.
    holder: Option<Holder>,
    client: IpAddr,
    lobby: Lobby,
}

impl Entrance {
    /// For whom the player has a ticket. None where none is asked for.
    fn holder(&self, ticket: Option<&str>) -> Result<Option<Holder>, Farewell> {
        let Some(tickets) = &self.tickets else { return Ok(None) };
        if let Some(holder) = &self.holder {
            return Ok(Some(holder.clone()));
        }
        let holder = ticket.ok_or(BadTicket::Missing).and_then(|ticket| tickets.check(ticket));
        holder.map(Some).map_err(|why| Farewell::because(CloseCode::BadTicket, why.text()))
    }
}

/// Takes in one peer's messages.
#[derive(Debug)]
pub struct Ingress {
    encoding: Encoding,
    outbox: Arc<Outbox>,
    metrics: Arc<Metrics>,
    /// Of these inputs, at hand: there is one a player and tick.
    taken: Counter,
    epoch: Epoch,
    stage: Stage,
    /// True once it is known that the peer will not come back.
    left: bool,
    _place: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum Stage {
    /// Before the `Hello`.
    Outside(Box<Entrance>),
    /// Behind it: what the player says goes there.
    Seated(Arc<Mailbox>),
}

impl Ingress {
    pub(super) fn new(
        agreement: Agreement,
        tickets: Option<Arc<Tickets>>,
        client: IpAddr,
        outbox: Arc<Outbox>,
        lobby: Lobby,
        metrics: Arc<Metrics>,
        epoch: Epoch,
    ) -> Ingress {
        let Agreement { encoding, place, holder } = agreement;
        let entrance = Entrance { tickets, holder, client, lobby };
        let taken = metrics.inputs.get_or_create(&"taken".into()).clone();
        Ingress {
            encoding,
            outbox,
            taken,
            metrics,
            epoch,
            stage: Stage::Outside(Box::new(entrance)),
            left: false,
            _place: place,
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<ClientMessage, Farewell> {
        codec::decode_client(self.encoding, bytes).map_err(|error| {
            if matches!(self.stage, Stage::Outside(_))
                && codec::hello_protocol(self.encoding, bytes).is_some_and(|number| number != PROTOCOL)
            {
                return wrong_protocol();
            }
            match error {
                DecodeError::TooLarge { .. } => Farewell::bye(CloseCode::TooLarge),
                error => Farewell::because(CloseCode::Malformed, error.to_string()),
            }
        })
    }

    fn hello(&self, entrance: &Entrance, hello: Hello) -> Result<Arc<Mailbox>, Farewell> {
        if hello.protocol != PROTOCOL {
            return Err(wrong_protocol());
        }
        let holder = entrance.holder(hello.ticket.as_deref())?;
        let token = token::draw().map_err(|_| Farewell::bye(CloseCode::Overloaded).retry_after(1000))?;
        entrance.lobby.seat(SeatRequest {
            name: holder
                .as_ref()
                .and_then(|holder| holder.name.clone())
                .unwrap_or_else(|| name::clean(&hello.name)),
            keys: Keys {
                token,
                resume: hello.resume.as_ref().map(Fingerprint::of),
                holder: holder.map(|holder| holder.id),
            },
            room: hello.room.trim(),
            hue: hello.hue % 8,
            aspect: hello.aspect,
            role: hello.role,
            // JSON peers are scripts: the session reads their snapshots for them.
            acknowledges: self.encoding == Encoding::Bincode,
            client: entrance.client,
            outbox: self.outbox.clone(),
        })
    }

    fn seated(
        &self,
        mailbox: &Mailbox,
        message: ClientMessage,
        arrival: Instant,
    ) -> Result<Answered, Farewell> {
        match message {
            ClientMessage::Input(input) => {
                match mailbox.put_input(&input, self.epoch.stamp(arrival)) {
                    Reception::Taken => self.taken.inc(),
                    Reception::Late => self.metrics.inputs.get_or_create(&"late".into()).inc(),
                    Reception::Early => self.metrics.inputs.get_or_create(&"early".into()).inc(),
                };
            }
            ClientMessage::Ack { seq } => mailbox.open().wishes.ack = Some((seq, self.epoch.stamp(arrival))),
            ClientMessage::Resync => mailbox.open().wishes.resync = true,
            ClientMessage::Spawn => mailbox.open().wishes.spawn = true,
            ClientMessage::View { aspect } => mailbox.open().wishes.aspect = Some(aspect),
            ClientMessage::Watch { slot } => mailbox.open().wishes.watch = Some(slot),
            ClientMessage::Idle { idle } => mailbox.open().wishes.idle = Some(idle),
            ClientMessage::Ping { t } => {
                let pong = ServerMessage::Pong { t };
                self.outbox.reply(|out| codec::encode_server(Encoding::Bincode, &pong, out));
                return Ok(Answered::Yes);
            }
            // No room has a chat.
            ClientMessage::Chat { .. } => {}
            ClientMessage::Hello(_) => {
                return Err(Farewell::because(CloseCode::Malformed, "a second Hello on one connection"));
            }
        }
        Ok(Answered::No)
    }
}

impl net::Ingress for Ingress {
    fn message(&mut self, kind: FrameKind, bytes: &[u8], arrival: Instant) -> Result<Answered, Farewell> {
        self.metrics.messages_in.inc();
        self.metrics.bytes_in.inc_by(bytes.len() as u64);
        let expected = match self.encoding {
            Encoding::Bincode => FrameKind::Binary,
            Encoding::Json => FrameKind::Text,
        };
        if kind != expected {
            return Err(Farewell::bye(CloseCode::WrongFrameType));
        }
        match (self.decode(bytes)?, &self.stage) {
            (message, Stage::Seated(mailbox)) => self.seated(mailbox, message, arrival),
            (ClientMessage::Hello(hello), Stage::Outside(entrance)) => {
                self.stage = Stage::Seated(self.hello(entrance, hello)?);
                Ok(Answered::No)
            }
            (_, Stage::Outside(_)) => {
                Err(Farewell::because(CloseCode::Malformed, "the first message must be a Hello"))
            }
        }
    }

    fn touch(&self) -> usize {
        match &self.stage {
            Stage::Seated(mailbox) => mailbox.touch(),
            Stage::Outside(_) => 0,
        }
    }

    fn left(&mut self) {
        self.left = true;
    }
}

impl Drop for Ingress {
    /// However the connection ended: the room hears of it.
    fn drop(&mut self) {
        if let Stage::Seated(mailbox) = &self.stage {
            mailbox.open().wishes.end = Some(if self.left { End::Left } else { End::Lost });
        }
    }
}

fn wrong_protocol() -> Farewell {
    Farewell::because(
        CloseCode::WrongProtocol,
        format!("this server speaks protocol {PROTOCOL}: reload or update"),
    )
}

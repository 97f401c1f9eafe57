//! The half of a session that speaks: the room's bytes as the peer's subprotocol wants them.
//!
//! Rooms write bincode only. A binary peer gets those bytes as they are; for a JSON peer they are read back with the
//! protocol's own reader and written as text, so that the room knows nothing of it.

use protocol::codec::{self, Encoding};
use protocol::snapshot::{Event, Reader, View};
use protocol::{ServerMessage, Tick};

use crate::farewell::Farewell;
use crate::net::{self, FrameKind};

/// A JSON peer gets every third snapshot: 10 a second.
const JSON_EVERY: u8 = 3;

/// Writes one peer's messages.
#[derive(Debug)]
pub struct Egress {
    /// None: the peer speaks bincode. Boxed: hardly any does not.
    json: Option<Box<Json>>,
}

/// What a JSON peer's messages are made from.
#[derive(Debug)]
struct Json {
    /// What the snapshots so far add up to.
    reader: Reader,
    /// Snapshots since the last one that was sent.
    held_back: u8,
    /// Events of the snapshots held back.
    events: Vec<Event>,
    /// `changed` of the snapshots held back.
    changed: u8,
}

impl Egress {
    pub(super) fn new(encoding: Encoding) -> Egress {
        let json =
            || Json { reader: Reader::default(), held_back: JSON_EVERY, events: Vec::new(), changed: 0 };
        Egress { json: (encoding == Encoding::Json).then(|| Box::new(json())) }
    }
}

impl Json {
    /// Appends a message as text. False: this one is not sent.
    fn text(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        let message = codec::decode_server(Encoding::Bincode, message).expect("the room's own bytes decode");
        match message {
            ServerMessage::Snapshot(snapshot) => {
                let view = self.reader.read(&snapshot).expect("the room's own snapshots can be read");
                self.events.extend_from_slice(&view.events);
                self.changed |= view.own.map_or(0, |own| own.changed);
                self.held_back += 1;
                if self.held_back < JSON_EVERY {
                    return false;
                }
                self.held_back = 0;
                let mut view = View { events: std::mem::take(&mut self.events), ..view.clone() };
                if let Some(own) = &mut view.own {
                    own.changed = std::mem::take(&mut self.changed);
                }
                codec::encode_view(&view, out);
            }
            message => {
                if let ServerMessage::Welcome(welcome) = &message {
                    self.reader = Reader::new(Tick(welcome.tick.0));
                }
                codec::encode_server(Encoding::Json, &message, out);
            }
        }
        true
    }
}

impl net::Egress for Egress {
    fn message<'a>(&mut self, message: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<(FrameKind, &'a [u8])> {
        match &mut self.json {
            None => Some((FrameKind::Binary, message)),
            Some(json) => json.text(message, scratch).then_some((FrameKind::Text, scratch)),
        }
    }

    fn farewell(&mut self, farewell: &Farewell, out: &mut Vec<u8>) -> Option<FrameKind> {
        let Farewell::Bye { code, retry_ms, .. } = farewell else { return None };
        let bye = ServerMessage::Bye { code: code.code(), retry_ms: *retry_ms, url: None };
        let (encoding, kind) = match self.json {
            None => (Encoding::Bincode, FrameKind::Binary),
            Some(_) => (Encoding::Json, FrameKind::Text),
        };
        codec::encode_server(encoding, &bye, out);
        Some(kind)
    }
}

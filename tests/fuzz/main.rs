//! Fuzz targets: any bytes into every decoder. `cargo test` runs each for a bounded time on random inputs;
//! `cargo bolero test NAME` runs one for as long as one likes.

use std::time::Duration;

use protocol::codec::{self, Encoding};
use protocol::message::Snapshot;
use protocol::snapshot::Reader;
use protocol::{ServerMessage, Tick};

const TIME: Duration = Duration::from_secs(3);

#[test]
fn client_messages_as_bincode() {
    bolero::check!().with_test_time(TIME).for_each(|bytes: &[u8]| {
        if let Ok(message) = codec::decode_client(Encoding::Bincode, bytes) {
            let mut again = Vec::new();
            codec::encode_client(Encoding::Bincode, &message, &mut again);
            assert_eq!(codec::decode_client(Encoding::Bincode, &again).expect("own bytes decode"), message);
        }
    });
}

#[test]
fn client_messages_as_json() {
    bolero::check!().with_test_time(TIME).for_each(|bytes: &[u8]| {
        if let Ok(message) = codec::decode_client(Encoding::Json, bytes) {
            let mut again = Vec::new();
            codec::encode_client(Encoding::Json, &message, &mut again);
            assert_eq!(codec::decode_client(Encoding::Json, &again).expect("own text decodes"), message);
        }
    });
}

#[test]
fn server_messages_and_their_snapshots() {
    bolero::check!().with_test_time(TIME).for_each(|bytes: &[u8]| {
        if let Ok(ServerMessage::Snapshot(snapshot)) = codec::decode_server(Encoding::Bincode, bytes) {
            let _ = Reader::new(Tick(0)).read(&snapshot);
        }
    });
}

#[test]
fn snapshot_bodies_one_after_the_other() {
    bolero::check!().with_test_time(TIME).with_type::<Vec<(u8, Vec<u8>)>>().for_each(|bodies| {
        let mut reader = Reader::new(Tick(0));
        for (n, (flags, body)) in bodies.iter().enumerate() {
            let tick = Tick(n as u32).wire();
            let snapshot =
                Snapshot { seq: protocol::Seq(n as u8), tick, margin: 0, flags: *flags, body: body.clone() };
            if let Ok(view) = reader.read(&snapshot) {
                assert!(view.ships.len() <= protocol::snapshot::MAX_KNOWN);
            }
        }
    });
}

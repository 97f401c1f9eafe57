//! Golden vectors, the way out of bincode, and hostile bytes.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::golden;
use crate::ids::{ResumeToken, Seq, Slot, Tick, Wire16};
use crate::input::{Buttons, Controls, Input};
use crate::message::*;
use crate::snapshot::{
    CellChange, CellWindow, Event, Hit, Item, Own, Pickup, PickupKind, Pulse, Reader, Ship, Timers, Writer,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    name: String,
    bytes_hex: String,
    json: serde_json::Value,
}

fn hello() -> Hello {
    Hello { name: "Ada".into(), hue: 3, room: "LOBBY".into(), ..Hello::default() }
}

fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let controls =
        Controls { magnitude: 7, buttons: Buttons::FIRE.with(Buttons::BOOST), dir: 200, aim: 3000 };
    vec![
        ("hello", ClientMessage::Hello(hello())),
        (
            "hello_full",
            ClientMessage::Hello(Hello {
                name: "Zoë ✨".into(),
                ticket: Some("t.t.t".into()),
                resume: Some(ResumeToken([7; 16])),
                aspect: 462,
                role: Role::Spectator,
                ..hello()
            }),
        ),
        (
            "input",
            ClientMessage::Input(Input { view: 9, ..Input::new(Tick(70_000).wire(), Seq(251), controls) }),
        ),
        ("ack", ClientMessage::Ack { seq: Seq(255) }),
        ("spawn", ClientMessage::Spawn),
        ("view", ClientMessage::View { aspect: 2100 }),
        ("watch", ClientMessage::Watch { slot: Some(Slot(300)) }),
        ("watch_leader", ClientMessage::Watch { slot: None }),
        ("idle", ClientMessage::Idle { idle: true }),
        ("ping", ClientMessage::Ping { t: 4_000_000_000 }),
        ("chat", ClientMessage::Chat { text: "gg".into() }),
        ("resync", ClientMessage::Resync),
    ]
}

fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let (snapshot, _) = snapshot();
    vec![
        (
            "welcome",
            ServerMessage::Welcome(Welcome {
                protocol: 1,
                resume: Some(ResumeToken([0xa5; 16])),
                you: Some(Slot(5)),
                tick: Tick(70_000),
                hz: 30,
                side: 2400,
                rules: 0xdead_beef,
                trig: 0xc59b_c7a7,
                obstacles: vec![Obstacle { x: 100, y: 9600, r: 250 }, Obstacle { x: 251, y: 300, r: 400 }],
                resumed: false,
                room: "LOBBY".into(),
            }),
        ),
        ("snapshot", ServerMessage::Snapshot(snapshot)),
        (
            "roster",
            ServerMessage::Roster {
                entries: vec![RosterEntry {
                    slot: Slot(260),
                    generation: 2,
                    hue: 7,
                    pilot: true,
                    name: "Vega".into(),
                }],
            },
        ),
        (
            "board",
            ServerMessage::Board(Board {
                top: vec![BoardRow { slot: Slot(1), score: 70_000 }, BoardRow { slot: Slot(2), score: 3 }],
                rank: 2,
                score: 3,
                ships: 20,
                players: 4,
                crown: Some(Crown { slot: Slot(1), x: 5000, y: 6000 }),
                spectators: 3,
            }),
        ),
        ("board_empty", ServerMessage::Board(Board::default())),
        (
            "feed",
            ServerMessage::Feed { killer: Some(Slot(1)), victim: Slot(2), weapon: Weapon::Pulse, rewind: 24 },
        ),
        ("pong", ServerMessage::Pong { t: 65_536 }),
        ("bye", ServerMessage::Bye { code: 4006, retry_ms: 2500, url: Some("wss://b.example/ws".into()) }),
        ("debug", ServerMessage::Debug { tick_us: 700, tick_max_us: 2300, in_flight: 3 }),
    ]
}

/// A snapshot that a script might see, and the view that a reader makes of it.
fn snapshot() -> (Snapshot, View) {
    let view = View {
        seq: Seq(9),
        tick: Tick(70_001),
        margin: -3,
        own: Some(Own {
            x: 614_400,
            y: -1,
            vx: -6611,
            vy: 300,
            energy: 25_600,
            timers: Timers {
                pulse: 6,
                lance: 45,
                windup: 4,
                shield: 60,
                overdrive: 240,
                respawn: 0,
                regen: 150,
            },
            hp: 87,
            changed: 3,
        }),
        focus: None,
        ships: vec![
            Ship { slot: Slot(250), generation: 1, x: 64_000, y: 128_064, aim: 200, hp: 100, state: 18 },
            Ship { slot: Slot(4095), generation: 255, x: 4_194_240, y: 0, aim: 0, hp: 0, state: 0 },
        ],
        pulses: vec![Pulse {
            id: 65_535,
            owner: Slot(250),
            x: 6400,
            y: 12_800,
            direction: 4095,
            fired: 0x71,
        }],
        pickups: vec![
            Pickup { kind: PickupKind::Shard, x: 64, y: 128 },
            Pickup { kind: PickupKind::Overdrive, x: 192, y: 256 },
        ],
        events: vec![
            Event::Hit { pulse: 3, victim: Slot(250), damage: 20 },
            Event::Explosion { slot: Slot(1), x: 128, y: 64 },
        ],
    };
    let mut body = Vec::new();
    let mut writer = Writer::new(&mut body, true);
    writer.own(&view.own.unwrap());
    writer.updates(&[], &[], true);
    writer.enters(&view.ships);
    writer.pulses(&view.pulses, &[Hit { pulse: 3, victim: Slot(250), damage: 20 }]);
    let items: Vec<Item> = view.pickups.iter().map(|p| Item::of(p).1).collect();
    let window = CellWindow { x: 0, y: 0, width: 1, height: 1 };
    writer.pickups(window, 1, [((0, 0), CellChange::Full(&items))].into_iter());
    writer.events(&view.events[1..]);
    let flags = writer.finish();
    (Snapshot { seq: view.seq, tick: view.tick.wire(), margin: view.margin, flags, body }, view)
}

fn golden<M: Encode + Serialize>(name: &str, message: &M) -> Golden {
    let mut bytes = Vec::new();
    encode(Encoding::Bincode, message, &mut bytes);
    let bytes_hex = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Golden { name: name.into(), bytes_hex, json: serde_json::to_value(message).unwrap() }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn messages_match_the_golden_vectors() {
    let all: Vec<Golden> = client_messages()
        .iter()
        .map(|(name, m)| golden(name, m))
        .chain(server_messages().iter().map(|(name, m)| golden(name, m)))
        .collect();
    golden::check("messages.json", &(serde_json::to_string_pretty(&all).unwrap() + "\n"));
}

#[test]
fn a_view_is_one_text_message() {
    let (snapshot, view) = snapshot();
    let mut reader = Reader::new(Tick(70_000));
    assert_eq!(reader.read(&snapshot).unwrap(), &view);
    golden::check("view.json", &(serde_json::to_string_pretty(&view).unwrap() + "\n"));
    let mut text = Vec::new();
    encode_view(&view, &mut text);
    assert!(text.starts_with(br#"{"type":"View""#));
    assert_eq!(decode_view(&text).unwrap(), view);
}

#[test]
fn golden_bytes_and_text_decode_to_the_same_message() {
    for (name, message) in client_messages() {
        let g = golden(name, &message);
        assert_eq!(decode_client(Encoding::Bincode, &unhex(&g.bytes_hex)).unwrap(), message, "{name}");
        assert_eq!(decode_client(Encoding::Json, g.json.to_string().as_bytes()).unwrap(), message, "{name}");
    }
    for (name, message) in server_messages() {
        let g = golden(name, &message);
        assert_eq!(decode_server(Encoding::Bincode, &unhex(&g.bytes_hex)).unwrap(), message, "{name}");
        assert_eq!(decode_server(Encoding::Json, g.json.to_string().as_bytes()).unwrap(), message, "{name}");
    }
}

#[test]
fn an_input_is_nine_bytes_and_a_snapshot_adds_six() {
    let input = Input::new(Wire16::new(65_535), Seq(255), Controls::default());
    let mut out = Vec::new();
    encode_client(Encoding::Bincode, &ClientMessage::Input(input), &mut out);
    assert_eq!(out.len(), 9);
    out.clear();
    let (mut s, _) = snapshot();
    s.body = vec![0; 100];
    encode_server(Encoding::Bincode, &ServerMessage::Snapshot(s), &mut out);
    assert_eq!(out.len(), 6 + 1 + 100, "head, length of the body, body");
}

#[test]
fn a_snapshot_written_by_hand_is_the_same_message() {
    let (mut snapshot, _) = snapshot();
    for len in [0, 1, 250, 251, 255, 256, 65_535, 65_536, 70_000] {
        snapshot.body = (0..len).map(|n| n as u8).collect();
        let (mut by_hand, mut derived) = (vec![7], vec![7]);
        let begun = begin_snapshot(&mut by_hand);
        by_hand.extend_from_slice(&snapshot.body);
        finish_snapshot(&mut by_hand, begun, snapshot.seq, snapshot.tick, snapshot.margin, snapshot.flags);
        encode_server(Encoding::Bincode, &ServerMessage::Snapshot(snapshot.clone()), &mut derived);
        assert_eq!(by_hand, derived, "a body of {len} bytes");
        assert_eq!(borrow_snapshot(&derived[1..]), Some((&snapshot).into()), "and it is read as the same");
    }
}

#[test]
fn only_a_whole_snapshot_is_borrowed_and_only_names_are_known_as_names() {
    let mut bytes = Vec::new();
    encode_server(Encoding::Bincode, &ServerMessage::Snapshot(snapshot().0), &mut bytes);
    assert!(borrow_snapshot(&bytes).is_some());
    assert_eq!(borrow_snapshot(&bytes[..bytes.len() - 1]), None, "cut short");
    bytes.push(0);
    assert_eq!(borrow_snapshot(&bytes), None, "something follows");
    for (name, message) in server_messages() {
        bytes.clear();
        encode_server(Encoding::Bincode, &message, &mut bytes);
        let is_snapshot = matches!(message, ServerMessage::Snapshot(_));
        assert_eq!(borrow_snapshot(&bytes).is_some(), is_snapshot, "{name}");
        assert_eq!(is_roster(&bytes), matches!(message, ServerMessage::Roster { .. }), "{name}");
    }
    // A length of 2^40 must not be believed.
    assert_eq!(borrow_snapshot(&[1, 0, 0, 0, 0, 0, 253, 0, 0, 0, 0, 0, 1, 0, 0]), None);
}

#[test]
fn wincode_writes_the_same_bytes() {
    let config = || wincode::config::Configuration::default().with_varint_encoding();
    for (name, message) in client_messages() {
        let bytes = wincode::config::serialize(&message, config()).unwrap();
        assert_eq!(bytes, unhex(&golden(name, &message).bytes_hex), "{name}");
    }
    for (name, message) in server_messages() {
        let bytes = wincode::config::serialize(&message, config()).unwrap();
        assert_eq!(bytes, unhex(&golden(name, &message).bytes_hex), "{name}");
    }
}

#[test]
fn a_bomb_is_refused_without_allocating_it() {
    // Chat announcing 2^40 bytes of text.
    let bomb = [8u8, 253, 0, 0, 0, 0, 0, 1, 0, 0];
    assert!(decode_client(Encoding::Bincode, &bomb).is_err());
    // Roster announcing 2^40 entries.
    let bomb = [2u8, 253, 0, 0, 0, 0, 0, 1, 0, 0];
    assert!(decode_server(Encoding::Bincode, &bomb).is_err());
}

#[test]
fn trailing_bytes_and_oversize_are_errors() {
    assert!(matches!(decode_client(Encoding::Bincode, &[3, 0]), Err(DecodeError::TrailingBytes(1))));
    assert!(decode_client(Encoding::Json, br#"{"type":"Spawn"} x"#).is_err());
    let long = vec![b' '; CLIENT_MESSAGE_LIMIT + 1];
    assert!(matches!(decode_client(Encoding::Json, &long), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn the_number_of_another_protocol_is_found() {
    assert_eq!(hello_protocol(Encoding::Bincode, &[0, 2, 99]), Some(2));
    assert_eq!(hello_protocol(Encoding::Bincode, &[1, 2, 99]), None);
    assert_eq!(hello_protocol(Encoding::Bincode, &[0]), None);
    let text = br#"{"type":"Hello","protocol":7,"name":5}"#;
    assert_eq!(hello_protocol(Encoding::Json, text), Some(7));
    assert_eq!(hello_protocol(Encoding::Json, br#"{"type":"Spawn"}"#), None);
}

#[test]
fn a_script_needs_to_say_little() {
    let text = br#"{"type":"Hello","protocol":1}"#;
    assert_eq!(decode_client(Encoding::Json, text).unwrap(), ClientMessage::Hello(Hello::default()));
    assert!(
        matches!(decode_client(Encoding::Json, br#"{"type":"Input","ctl":7}"#), Ok(ClientMessage::Input(i)) if i.for_next_tick())
    );
    assert!(decode_client(Encoding::Json, br#"{"type":"Nonsense"}"#).is_err());
}

#[test]
fn an_offer_picks_the_first_known_subprotocol() {
    assert_eq!(Encoding::from_offer("chat, drift.v1.json , drift.v1.bincode"), Some(Encoding::Json));
    assert_eq!(Encoding::from_offer("drift.v2.bincode"), None);
    assert_eq!(Encoding::from_offer(""), None);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode_client(Encoding::Bincode, &bytes);
        let _ = decode_client(Encoding::Json, &bytes);
        let _ = decode_server(Encoding::Bincode, &bytes);
    }

    #[test]
    fn flipped_golden_bytes_are_survived(which in 0usize..9, at in 0usize..200, flip in 1u8..=255) {
        let (name, message) = &server_messages()[which];
        let mut bytes = unhex(&golden(name, message).bytes_hex);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(ServerMessage::Snapshot(s)) = decode_server(Encoding::Bincode, &bytes) {
            let _ = Reader::new(Tick(0)).read(&s);
        }
    }
}

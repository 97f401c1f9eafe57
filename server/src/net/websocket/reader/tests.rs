//! Frames by hand, right and wrong.

use super::*;

/// A masked client frame.
fn frame(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::from(fin) << 7 | opcode];
    match payload.len() {
        n @ 0..=125 => bytes.push(0x80 | n as u8),
        n => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(n as u16).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
    bytes
}

fn read(bytes: &[u8]) -> Vec<String> {
    let whole = read_cut(bytes, 0);
    for cut in 1..=bytes.len() {
        assert_eq!(read_cut(bytes, cut), whole, "cut after {cut} bytes");
    }
    whole
}

/// What is seen of bytes that arrive in two pieces, and of an end behind them.
fn read_cut(bytes: &[u8], cut: usize) -> Vec<String> {
    let (early, late) = bytes.split_at(cut);
    let mut reader = Reader::new(100, 64);
    let (mut seen, mut message) = (Vec::new(), Vec::new());
    for mut piece in [early, late] {
        while let Some(event) = reader.next(&mut piece, &mut message) {
            let end = matches!(event, Event::End(_));
            seen.push(match event {
                Event::Message(kind) => format!("{kind:?} {}", message.len()),
                Event::Ping => format!("ping {}", reader.control().len()),
                Event::Pong => "pong".into(),
                Event::End(Farewell::Bye { code, .. }) => format!("bye {}", code.code()),
                Event::End(Farewell::Answer(code)) => format!("close {}", code.unwrap_or(0)),
                Event::End(Farewell::Dead) => "dead".into(),
            });
            if end {
                return seen;
            }
        }
        assert!(piece.is_empty(), "what is not understood yet is kept");
    }
    seen
}

#[test]
fn fragments_are_assembled_around_control_frames() {
    let bytes = [
        frame(false, 2, &[1; 30]),
        frame(true, 9, b"hi"),
        frame(false, 0, &[]),
        frame(true, 10, &[]),
        frame(true, 0, &[2; 70]),
        frame(true, 1, "é".as_bytes()),
        frame(true, 8, &1000u16.to_be_bytes()),
    ];
    assert_eq!(read(&bytes.concat()), ["ping 2", "pong", "Binary 100", "Text 2", "close 1000"]);
}

#[test]
fn limits_hold_for_frames_fragments_and_their_sum() {
    assert_eq!(read(&frame(true, 2, &[0; 101])), ["bye 1009"]);
    assert_eq!(read(&frame(true, 2, &[0; 200])), ["bye 1009"]);
    let sum = [frame(false, 2, &[0; 60]), frame(true, 0, &[0; 60])].concat();
    assert_eq!(read(&sum), ["bye 1009"]);
    let endless = [frame(false, 2, &[]), frame(false, 0, &[]).repeat(100)].concat();
    assert_eq!(read(&endless), ["bye 1009"]);
}

#[test]
fn broken_rules_end_with_1002() {
    let mut unmasked = vec![0x82, 2, 7, 7];
    assert_eq!(read(&unmasked), ["bye 1002"]);
    unmasked[0] = 0x82 | 0x40;
    assert_eq!(read(&unmasked), ["bye 1002"], "reserved bits");
    for bad in [
        frame(true, 0, b"x"),
        frame(true, 3, b"x"),
        frame(false, 9, b"x"),
        frame(true, 10, &[0; 126]),
        frame(true, 8, &[3]),
        frame(true, 8, &1005u16.to_be_bytes()),
        frame(true, 8, &999u16.to_be_bytes()),
        [frame(false, 2, b"a"), frame(true, 2, b"b")].concat(),
    ] {
        assert_eq!(read(&bad), ["bye 1002"], "{bad:?}");
    }
}

#[test]
fn text_that_is_not_utf_8_ends_with_1007_as_soon_as_that_is_certain() {
    for bad in [
        frame(true, 1, &[0xff, 0xfe]),
        frame(false, 1, &[b'a', 0xff]),
        [frame(false, 1, &[0xc3]), frame(false, 0, b"x")].concat(),
        [frame(false, 1, &[0xc3]), frame(true, 0, &[])].concat(),
        frame(true, 8, &[3, 0xe8, 0xff]),
    ] {
        assert_eq!(read(&bad), ["bye 1007"], "{bad:?}");
    }
    let split = [frame(false, 1, &[b'a', 0xc3]), frame(true, 9, &[0xff]), frame(true, 0, &[0xa9])].concat();
    assert_eq!(read(&split), ["ping 1", "Text 3"], "a character may be split");
}

#[test]
fn half_a_frame_is_nothing_yet() {
    assert!(read(&frame(true, 2, &[0; 50])[..20]).is_empty());
    assert!(read(&[]).is_empty());
}

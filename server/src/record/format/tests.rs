//! Writer and reader are inverses, and no damage goes unseen.

use protocol::{Buttons, Controls, Slot, Tick};
use sim::{Command, Deed, Keyframe, WorldConfig};

use super::*;

fn sample() -> Vec<u8> {
    let world = WorldConfig { capacity: 100, pilots: 16, seed: u64::MAX };
    let mut out = Vec::new();
    Header::new("ROOM".parse().unwrap(), world).write(&mut out);
    keyframe(&mut out, Tick(7), 0x1234, &Keyframe { numbers: vec![0, -1, i64::MAX, i64::MIN, 300] });
    let mut held = Vec::new();
    let fire = |aim| Command {
        controls: Controls { magnitude: 7, buttons: Buttons::FIRE, dir: 9, aim },
        rewind: 20,
    };
    let deeds = [Deed::Join(Slot(2)), Deed::Away(Slot(300), true)];
    let at = out.len();
    tick(&mut out, Tick(8), &deeds, &[Command::default(), Command::default(), fire(4095)], &mut held);
    outcome(&mut out[at..], 0xfeed_beef);
    tick(&mut out, Tick(9), &[], &[Command::default(), Command::default(), fire(4000)], &mut held);
    tick(&mut out, Tick(10), &[Deed::Leave(Slot(2))], &[], &mut held);
    checksum(&mut out, Tick(10), u64::MAX - 5);
    end(&mut out);
    out
}

fn read(bytes: &[u8]) -> Result<Vec<Record>, FormatError> {
    let (header, mut reader) = Reader::open(bytes)?;
    header.check()?;
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record);
    }
    Ok(records)
}

#[test]
fn what_is_written_is_read() {
    let records = read(&sample()).unwrap();
    let Record::Keyframe { tick: Tick(7), checksum: 0x1234, world } = &records[0] else {
        panic!("{records:?}")
    };
    assert_eq!(world.numbers, [0, -1, i64::MAX, i64::MIN, 300]);
    let Record::Tick { tick: Tick(8), deeds, changes, digest: Some(0xfeed_beef) } = &records[1] else {
        panic!("{records:?}")
    };
    assert_eq!(deeds, &[Deed::Join(Slot(2)), Deed::Away(Slot(300), true)]);
    assert_eq!((changes[0].0, changes[0].1.controls.aim, changes.len()), (Slot(2), 4095, 1));
    let Record::Tick { changes, digest: None, .. } = &records[2] else { panic!("{records:?}") };
    assert_eq!((changes[0].1.controls.aim, changes[0].1.rewind), (4000, 20));
    let Record::Tick { changes, .. } = &records[3] else { panic!("{records:?}") };
    assert_eq!(changes, &[(Slot(2), Command::default())], "whoever is gone holds nothing");
    assert_eq!(records[4..], [Record::Checksum { tick: Tick(10), checksum: u64::MAX - 5 }, Record::End]);
}

#[test]
fn every_shorter_file_is_cut_off() {
    let whole = sample();
    for length in 8..whole.len() {
        let error = read(&whole[..length]).unwrap_err();
        assert!(matches!(error, FormatError::CutOff(_)), "{length}: {error}");
    }
    for length in 0..8 {
        assert_eq!(read(&whole[..length]), Err(FormatError::NotARecording));
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let whole = sample();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = read(&flipped).unwrap_err();
        let expected = match bit / 8 {
            0..8 => error == FormatError::NotARecording,
            8..10 => matches!(error, FormatError::OtherFormat(_)),
            _ => matches!(error, FormatError::Damaged { .. }),
        };
        assert!(expected, "bit {bit}: {error}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(matches!(read(&longer), Err(FormatError::Damaged { .. })));
}

#[test]
fn other_rules_are_refused() {
    let header = Header::new("ROOM".parse().unwrap(), WorldConfig { capacity: 1, pilots: 0, seed: 0 });
    for other in
        [Header { rules: header.rules ^ 1, ..header.clone() }, Header { keyframes: 99, ..header.clone() }]
    {
        let mut out = Vec::new();
        other.write(&mut out);
        let error = Reader::open(&out).unwrap().0.check().unwrap_err();
        assert!(error.to_string().contains("other rules"), "{error}");
    }
    assert_eq!(header.check(), Ok(()));
}

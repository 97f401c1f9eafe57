//! Writer and reader are inverses, and the reader survives anything.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::ids::Wire16;
use crate::message::Snapshot;

fn encode(view: &View) -> Snapshot {
    let mut body = Vec::new();
    let mut writer = Writer::new(&mut body);
    if let Some(own) = &view.own {
        writer.own(own);
    }
    if let Some(slot) = view.focus {
        writer.focus(slot);
    }
    writer.ships(view.ships.iter().copied());
    writer.pulses(view.pulses.iter().copied());
    writer.pickups(view.pickups.iter().copied());
    let flags = writer.events(view.events.iter().copied());
    Snapshot { seq: view.seq, tick: view.tick.wire(), margin: view.margin, flags, body }
}

fn slot() -> impl Strategy<Value = Slot> {
    (0u16..4096).prop_map(Slot)
}

/// A coordinate that survives the wire exactly.
fn coord() -> impl Strategy<Value = i32> {
    any::<u16>().prop_map(crate::quantize::from_quarter)
}

fn own() -> impl Strategy<Value = Own> {
    let q8 = -(1 << 23)..(1 << 23);
    (q8.clone(), q8, any::<(i16, i16, u16)>(), any::<[u8; 7]>(), any::<(u8, u8)>()).prop_map(
        |(
            x,
            y,
            (vx, vy, energy),
            [pulse, lance, windup, shield, overdrive, respawn, regen],
            (hp, changed),
        )| Own {
            x,
            y,
            vx,
            vy,
            energy,
            timers: Timers { pulse, lance, windup, shield, overdrive, respawn, regen },
            hp,
            changed,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (any::<u16>(), slot(), coord(), coord(), any::<u8>())
            .prop_map(|(pulse, victim, x, y, damage)| Event::Hit { pulse, victim, x, y, damage }),
        (slot(), coord(), coord()).prop_map(|(slot, x, y)| Event::Explosion { slot, x, y }),
        (any::<u16>(), slot()).prop_map(|(id, slot)| Event::Taken { id, slot }),
    ]
}

fn view() -> impl Strategy<Value = View> {
    let ship = (slot(), any::<u8>(), coord(), coord(), any::<[u8; 3]>()).prop_map(
        |(slot, generation, x, y, [aim, hp, state])| Ship { slot, generation, x, y, aim, hp, state },
    );
    let pulse = (any::<u16>(), slot(), coord(), coord(), any::<(u16, u8)>())
        .prop_map(|(id, owner, x, y, (direction, fired))| Pulse { id, owner, x, y, direction, fired });
    let pickup = (any::<u16>(), 0usize..3, coord(), coord()).prop_map(|(id, kind, x, y)| Pickup {
        id,
        kind: PickupKind::ALL[kind],
        x,
        y,
    });
    (
        any::<(u8, u16, i8)>(),
        option::of(own()),
        option::of(slot()),
        vec(ship, 0..300),
        vec(pulse, 0..20),
        vec(pickup, 0..20),
        vec(event(), 0..10),
    )
        .prop_map(|((seq, tick, margin), own, focus, ships, pulses, pickups, events)| View {
            seq: Seq(seq),
            tick: Tick(u32::from(tick)),
            margin,
            own,
            focus,
            ships,
            pulses,
            pickups,
            events,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read(view in view()) {
        let mut reader = Reader::new(view.tick);
        prop_assert_eq!(reader.read(&encode(&view)).unwrap(), &view);
    }

    #[test]
    fn every_cut_of_a_body_is_an_error(view in view(), cut in 1usize..40) {
        let mut snapshot = encode(&view);
        let keep = snapshot.body.len().saturating_sub(cut);
        snapshot.body.truncate(keep);
        prop_assert!(Reader::new(view.tick).read(&snapshot).is_err());
    }

    #[test]
    fn any_bytes_are_survived(flags in any::<u8>(), body in vec(any::<u8>(), 0..400)) {
        let snapshot = Snapshot { seq: Seq(0), tick: Wire16::new(0), margin: 0, flags, body };
        let _ = Reader::new(Tick(0)).read(&snapshot);
    }
}

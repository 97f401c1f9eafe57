//! A room in full swing hardly ever allocates: a program of its own, because it counts every allocation of the process.

use std::alloc::System;

use harness::rig::Rig;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How long it is watched, ticks.
const TICKS: usize = 300;

/// Nothing is allocated for a tick, a player or a message. What is left are buffers that reach a new high, such as the list
/// of pulses of whoever flies into the largest fight so far: less than one in two hundred snapshots.
#[test]
fn a_room_in_full_swing_hardly_ever_allocates() {
    let mut rig = Rig::new(5, 200).wanderers(200);
    // Everybody has met nearly everybody, and every buffer has seen a crowd.
    for _ in 0..3000 {
        let stamp = rig.hold();
        rig.room.tick(stamp);
        rig.skim(stamp);
    }
    let (mut allocations, mut snapshots, mut moved) = (0, 0, 0);
    for _ in 0..TICKS {
        let stamp = rig.hold();
        let region = Region::new(ALLOCATOR);
        let report = rig.room.tick(stamp);
        let change = region.change();
        allocations += change.allocations + change.reallocations;
        snapshots += report.published.snapshots as usize;
        moved += usize::from(report.inputs_missing == 0);
        rig.skim(stamp);
    }
    assert_eq!((snapshots, moved), (200 * TICKS, TICKS), "everybody plays, and is told of it");
    assert!(allocations * 200 <= snapshots, "{allocations} allocations for {snapshots} snapshots");
}

//! A room in full swing allocates nothing: a program of its own, because it counts every allocation of the process.

use std::alloc::System;

use harness::rig::Rig;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Ticks of which the most part must be without any allocation: names that a client has not heard yet, and buffers
/// that reach a new high, are what is left.
const TICKS: usize = 300;

#[test]
fn a_room_in_full_swing_allocates_nothing() {
    let mut rig = Rig::new(5, 200).wanderers(200);
    // Everybody has met everybody, and every buffer has seen a crowd.
    for _ in 0..3000 {
        let stamp = rig.hold();
        rig.room.tick(stamp);
        rig.skim(stamp);
    }
    let mut allocations = Vec::new();
    for _ in 0..TICKS {
        let stamp = rig.hold();
        let region = Region::new(ALLOCATOR);
        rig.room.tick(stamp);
        let change = region.change();
        allocations.push(change.allocations + change.reallocations);
        rig.skim(stamp);
    }
    let quiet = allocations.iter().filter(|&&n| n == 0).count();
    let most = allocations.iter().max();
    assert!(
        quiet * 100 >= TICKS * 97,
        "{quiet} of {TICKS} ticks allocated nothing; the others up to {most:?}"
    );
}

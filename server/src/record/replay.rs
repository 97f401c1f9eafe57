//! Runs a recording again, and finds out whether it goes the same way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::Tick;
use sim::{Command, Deed, World};

use super::format::{FormatError, Header, Reader, Record};

/// What to do with a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Compare the digest after every tick, and the checksums, and stop at the first difference.
    pub verify: bool,
    /// Begin with the segment that has this tick; none: at the beginning.
    pub from: Option<Tick>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What the recording is of.
    pub header: Header,
    /// The tick that it began after, and the last.
    pub ticks: (Tick, Tick),
    /// Ticks that were run.
    pub run: u32,
    /// Segments.
    pub segments: u32,
    /// Where something is missing between two segments.
    pub gaps: u32,
    /// Most players at a time.
    pub players: usize,
    /// Ticks after which the world's digest was compared, and the same.
    pub digests: u32,
    /// Checksums of all that were compared, and the same.
    pub checks: u32,
}

/// Why a recording was not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// It is no recording that can be run.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It has no such tick.
    #[error("no tick {} in it: it goes from {} to {}", .asked.0, .first.0, .last.0)]
    NoSuchTick {
        /// What was asked for.
        asked: Tick,
        /// Its first tick.
        first: Tick,
        /// Its last tick.
        last: Tick,
    },
    /// It went another way.
    #[error("tick {} differs ({what}); {} was still the same", .tick.0, .same.0)]
    Different {
        /// The first tick that differs.
        tick: Tick,
        /// The last that is known not to.
        same: Tick,
        /// How it shows.
        what: &'static str,
    },
    /// The rules panicked.
    #[error("tick {} panics", .0.0)]
    Panic(Tick),
    /// It is whole, and has no tick.
    #[error("there is no tick in it")]
    Empty,
}

/// Sees a recording as it is run.
pub trait Viewer {
    /// The recording begins with this world, or goes on with it after something that is missing.
    fn begins(&mut self, header: &Header, world: &World);

    /// The world stepped, after these deeds. False ends the run.
    fn stepped(&mut self, world: &World, deeds: &[Deed]) -> bool;
}

/// Nobody looks.
impl Viewer for () {
    fn begins(&mut self, _: &Header, _: &World) {}

    fn stepped(&mut self, _: &World, _: &[Deed]) -> bool {
        true
    }
}

impl Stopped {
    /// True if it is about the run, not about the file.
    pub fn is_difference(&self) -> bool {
        matches!(self, Stopped::Different { .. } | Stopped::Panic(_))
    }
}

/// Runs a recording.
///
/// # Errors
/// See [`Stopped`].
pub fn replay(bytes: &[u8], plan: Plan) -> Result<Summary, Stopped> {
    watch(bytes, plan, &mut ())
        .and_then(|summary| if summary.run > 0 { Ok(summary) } else { Err(Stopped::Empty) })
}

/// Runs a recording before a viewer, who may end it early: then the summary is of what was run.
///
/// # Errors
/// See [`Stopped`]. What came before has been seen.
pub fn watch(bytes: &[u8], plan: Plan, viewer: &mut impl Viewer) -> Result<Summary, Stopped> {
    let (header, mut reader) = Reader::open(bytes)?;
    header.check()?;
    if let Some(from) = plan.from {
        reader = seek(reader, from)?;
    }
    let mut run: Option<Run> = None;
    while let Some(record) = reader.next_record()? {
        match (record, &mut run) {
            (Record::End, _) => {}
            (Record::Keyframe { tick, checksum, world }, run) => {
                let world = World::restore(&world).map_err(|_| FormatError::Keyframe(tick))?;
                if world.checksum() != checksum || world.tick() != tick {
                    return Err(FormatError::Keyframe(tick).into());
                }
                match run {
                    None => viewer.begins(&header, &run.insert(Run::new(world)).world),
                    Some(run) => {
                        let gaps = run.gaps;
                        run.segment(world, plan.verify)?;
                        if run.gaps > gaps {
                            viewer.begins(&header, &run.world);
                        }
                    }
                }
            }
            (_, None) => return Err(FormatError::CutOff(None).into()),
            (Record::Tick { tick, deeds, changes, digest }, Some(run)) => {
                for (slot, command) in changes {
                    if run.commands.len() <= slot.index() {
                        run.commands.resize(slot.index() + 1, Command::default());
                    }
                    run.commands[slot.index()] = command;
                }
                run.step(tick, &deeds)?;
                if let Some(digest) = digest.filter(|_| plan.verify) {
                    run.compare(digest)?;
                }
                if !viewer.stepped(&run.world, &deeds) {
                    break;
                }
            }
            (Record::Checksum { tick, checksum }, Some(run)) if plan.verify => run.check(tick, checksum)?,
            (Record::Checksum { .. }, Some(_)) => {}
        }
    }
    let run = run.ok_or(FormatError::CutOff(None))?;
    Ok(Summary {
        header,
        ticks: (run.first, run.world.tick()),
        run: run.ticks,
        segments: run.segments,
        gaps: run.gaps,
        players: run.players,
        digests: run.digests,
        checks: run.checks,
    })
}

/// The reader at the keyframe of the segment that has a tick. All that is before is read for errors only, and what is
/// wrong behind it is found when that is run.
fn seek(mut reader: Reader<'_>, from: Tick) -> Result<Reader<'_>, Stopped> {
    let (mut found, mut has_it, mut first, mut last) = (None, false, None, Tick(0));
    loop {
        let here = reader.clone();
        let record = match reader.next_record() {
            Err(_) if first.is_some_and(|first: Tick| first < from) && from <= last => break,
            record => record?,
        };
        match record {
            Some(Record::Keyframe { tick, .. }) => {
                first.get_or_insert(tick);
                if tick < from || found.is_none() {
                    found = Some(here);
                }
            }
            Some(Record::Tick { tick, .. }) => {
                last = tick;
                has_it |= tick == from;
            }
            Some(_) => {}
            None => break,
        }
    }
    let first = first.map_or(Tick(0), Tick::next);
    match found {
        Some(found) if has_it => Ok(found),
        _ => Err(Stopped::NoSuchTick { asked: from, first, last }),
    }
}

/// A world on its way.
struct Run {
    world: World,
    commands: Vec<Command>,
    first: Tick,
    /// The last tick that is known to be the same.
    same: Tick,
    ticks: u32,
    segments: u32,
    gaps: u32,
    players: usize,
    digests: u32,
    checks: u32,
}

impl Run {
    fn new(world: World) -> Run {
        let (first, players) = (world.tick(), world.players());
        let (commands, same) = (Vec::new(), first);
        Run { world, commands, first, same, ticks: 0, segments: 1, gaps: 0, players, digests: 0, checks: 0 }
    }

    /// Another segment begins.
    fn segment(&mut self, world: World, verify: bool) -> Result<(), Stopped> {
        self.segments += 1;
        if world.tick() < self.world.tick() {
            return Err(self.different(world.tick().next(), "it was there already"));
        }
        if world.tick() != self.world.tick() {
            self.gaps += 1;
        } else if verify {
            self.check(world.tick(), world.checksum())?;
        }
        self.same = world.tick();
        self.world = world;
        self.commands.clear();
        Ok(())
    }

    fn step(&mut self, tick: Tick, deeds: &[Deed]) -> Result<(), Stopped> {
        if tick != self.world.tick().next() {
            return Err(self.different(tick, "another tick was expected"));
        }
        let Run { world, commands, .. } = self;
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            let same = deeds.iter().all(|&deed| world.redo(deed));
            world.step(commands);
            same
        }));
        match stepped {
            Ok(true) => {}
            Ok(false) => return Err(self.different(tick, "somebody came or went otherwise")),
            Err(_) => return Err(Stopped::Panic(tick)),
        }
        self.ticks += 1;
        self.players = self.players.max(self.world.players());
        Ok(())
    }

    /// After a step.
    fn compare(&mut self, digest: u32) -> Result<(), Stopped> {
        if digest != self.world.digest() {
            return Err(self.different(self.world.tick(), "another digest"));
        }
        self.same = self.world.tick();
        self.digests += 1;
        Ok(())
    }

    fn check(&mut self, tick: Tick, checksum: u64) -> Result<(), Stopped> {
        if tick != self.world.tick() || checksum != self.world.checksum() {
            return Err(self.different(tick, "another checksum"));
        }
        self.same = tick;
        self.checks += 1;
        Ok(())
    }

    fn different(&self, tick: Tick, what: &'static str) -> Stopped {
        Stopped::Different { tick, same: self.same, what }
    }
}

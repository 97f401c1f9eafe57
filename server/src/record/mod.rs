//! Recordings: what rooms noted, on the disk and run again.
//!
//! [`crate::room::recorder`] notes and never waits; one thread writes (`disk`) in the format that [`mod@format`] knows;
//! [`replay`] runs a file again, [`film`] shows it to a client, and [`shelf`] says which.

mod disk;
pub mod film;
pub mod format;
pub mod replay;
pub mod shelf;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::RoomCode;
use sim::WorldConfig;

use crate::metrics::Metrics;
use crate::room::recorder::{FLIGHT_SEGMENTS, Keep, Parcel, Recorder};

/// Parcels that may wait for the disk, of all rooms: some seconds of a hundred rooms.
const WAITING: usize = 256;

/// Bytes of a segment where the flight recorder does not set them.
const SEGMENT: usize = 8 << 20;

/// Flight recordings that one run of the server writes at most, but for those that an operator wants in the folder of
/// recordings, where the oldest go: a room that fails again and again fills no disk.
const FLIGHTS: u32 = 16;

/// How long the disk has for what is left when the server ends.
const FINISH: Duration = Duration::from_secs(3);

/// What is recorded, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordLimits {
    /// Every room's recording goes to this folder; none: no recordings.
    pub dir: Option<PathBuf>,
    /// Whoever reaches the page may see what is in the folder.
    pub serve: bool,
    /// Recordings in the folder take at most so many bytes.
    pub max_bytes: u64,
    /// The flight recorder of each room takes about so many bytes of memory; 0: there is none.
    pub flight_bytes: usize,
}

/// Why the last minute of a room is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The room failed.
    Failed,
    /// An operator asked for it.
    Asked,
}

impl Occasion {
    const ALL: [Occasion; 2] = [Occasion::Failed, Occasion::Asked];

    /// In the file's name.
    fn word(self) -> &'static str {
        match self {
            Occasion::Failed => "failed",
            Occasion::Asked => "asked",
        }
    }
}

/// The recordings of one server. Dropping it ends nothing; [`Recordings::finish`] does.
#[derive(Debug)]
pub struct Recordings {
    limits: RecordLimits,
    metrics: Arc<Metrics>,
    /// None: nothing is written, or nothing more.
    writer: Mutex<Option<Writer>>,
    recorders: AtomicU64,
    flights: AtomicU32,
}

/// The thread that writes. It ends when every recorder is gone and this channel, too.
#[derive(Debug)]
struct Writer {
    channel: SyncSender<Parcel>,
    /// Says when everything is written.
    done: Receiver<()>,
}

impl Recordings {
    /// Starts what is asked for.
    ///
    /// # Errors
    /// The folder cannot be made or written to, or there is no thread to be had.
    pub fn start(limits: RecordLimits, metrics: Arc<Metrics>) -> io::Result<Recordings> {
        let mut writer = None;
        if let Some(dir) = &limits.dir {
            let (channel, parcels) = sync_channel(WAITING);
            let (finished, done) = mpsc::channel();
            let mut disk = disk::Disk::open(dir, limits.max_bytes, metrics.clone())?;
            let write = move || {
                disk.run(&parcels);
                drop(disk);
                let _ = finished.send(());
            };
            std::thread::Builder::new().name("recordings".into()).spawn(write)?;
            writer = Some(Writer { channel, done });
        }
        Ok(Recordings {
            limits,
            metrics,
            writer: Mutex::new(writer),
            recorders: AtomicU64::new(0),
            flights: AtomicU32::new(0),
        })
    }

    /// A recorder for a room, if anything of it is to be kept.
    pub fn recorder(&self, room: &RoomCode, world: &WorldConfig) -> Option<Recorder> {
        let flight = self.limits.flight_bytes > 0;
        let channel = self.channel();
        if channel.is_none() && !flight {
            return None;
        }
        let segment = if flight { self.limits.flight_bytes / FLIGHT_SEGMENTS } else { SEGMENT };
        let recorder = Recorder::new(room.clone(), *world, Keep { segment, flight });
        Some(match channel {
            None => recorder,
            Some(channel) => {
                let id = self.recorders.fetch_add(1, Ordering::Relaxed);
                recorder.sending(id, room.clone(), channel, self.metrics.recording_gaps.clone())
            }
        })
    }

    /// Writes a flight recording: to the folder of recordings, or where the system keeps what is temporary.
    pub fn keep_flight(&self, room: &RoomCode, bytes: &[u8], occasion: Occasion) -> Option<PathBuf> {
        let is_bounded = self.limits.dir.is_some() && occasion == Occasion::Asked;
        if !is_bounded && self.flights.load(Ordering::Relaxed) >= FLIGHTS {
            tracing::warn!(%room, "its last minute is not kept: {FLIGHTS} have been, since the server was started");
            return None;
        }
        let dir = self.limits.dir.clone().unwrap_or_else(std::env::temp_dir);
        let path = dir.join(format!("{room}-{}-{}.drift", disk::now_ms(), occasion.word()));
        match write_new(&path, bytes) {
            Ok(_) => {
                if !is_bounded {
                    self.flights.fetch_add(1, Ordering::Relaxed);
                }
                tracing::warn!(%room, "its last minute is in {}; `server replay` runs it again", path.display());
                if let Some(channel) = self.channel() {
                    // With a channel that is full it is counted by the next run.
                    let _ =
                        channel.try_send(Parcel::Flight { path: path.clone(), bytes: bytes.len() as u64 });
                }
                Some(path)
            }
            Err(error) => {
                tracing::error!(%room, %error, "its last minute cannot be kept in {}", path.display());
                self.metrics.recording_errors.inc();
                None
            }
        }
    }

    /// Waits until everything is written, at most three seconds. Rooms should have ended.
    pub fn finish(&self) {
        self.finish_within(FINISH);
    }

    fn finish_within(&self, patience: Duration) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Writer { channel, done }) = writer else { return };
        drop(channel);
        match done.recv_timeout(patience) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                tracing::error!("the disk does not take the rest of the recordings: they are cut off");
                self.metrics.recording_errors.inc();
            }
            Err(RecvTimeoutError::Disconnected) => tracing::error!("the writer of recordings failed"),
        }
    }

    fn channel(&self) -> Option<SyncSender<Parcel>> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_ref().map(|writer| writer.channel.clone())
    }
}

/// Writes to a new file: in a folder that others can write to, a name that is there may lead anywhere. Of one that cannot
/// be written nothing is left.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::create_new(path)?;
    match file.write_all(bytes) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_takes_nothing_more_does_not_keep_the_server_from_ending() {
        let recordings = Recordings::start(RecordLimits::default(), Arc::default()).unwrap();
        let (channel, parcels) = sync_channel(1);
        let (finished, done) = mpsc::channel();
        let flight = || Parcel::Flight { path: PathBuf::new(), bytes: 0 };
        channel.send(flight()).unwrap();
        assert!(channel.try_send(flight()).is_err(), "it is full");
        *recordings.writer.lock().unwrap() = Some(Writer { channel, done });
        recordings.finish_within(Duration::from_millis(20));
        assert_eq!(recordings.metrics.recording_errors.get(), 1);
        recordings.finish();
        assert_eq!(recordings.metrics.recording_errors.get(), 1, "there is nothing more to wait for");
        drop((finished, parcels));
    }
}

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
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use protocol::RoomCode;
use sim::WorldConfig;

use crate::metrics::Metrics;
use crate::room::recorder::{Keep, Parcel, Recorder};

/// Parcels that may wait for the disk, of all rooms: some seconds of a hundred rooms.
const WAITING: usize = 256;

/// Bytes of a segment where the flight recorder does not set them.
const SEGMENT: usize = 8 << 20;

/// Flight recordings that one run of the server writes at most: a room that fails again and again fills no disk.
const FLIGHTS: u32 = 16;

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

/// The recordings of one server. Dropping it ends nothing; [`Recordings::finish`] does.
#[derive(Debug)]
pub struct Recordings {
    limits: RecordLimits,
    metrics: Arc<Metrics>,
    channel: Option<SyncSender<Parcel>>,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
    recorders: AtomicU64,
    flights: AtomicU32,
}

impl Recordings {
    /// Starts what is asked for.
    ///
    /// # Errors
    /// The folder cannot be made or written to, or there is no thread to be had.
    pub fn start(limits: RecordLimits, metrics: Arc<Metrics>) -> io::Result<Recordings> {
        let (mut channel, mut writer) = (None, None);
        if let Some(dir) = &limits.dir {
            let (sender, parcels) = sync_channel(WAITING);
            let mut disk = disk::Disk::open(dir, limits.max_bytes, metrics.clone())?;
            let thread = std::thread::Builder::new().name("recordings".into());
            writer = Some(thread.spawn(move || disk.run(&parcels))?);
            channel = Some(sender);
        }
        Ok(Recordings {
            limits,
            metrics,
            channel,
            writer: std::sync::Mutex::new(writer),
            recorders: AtomicU64::new(0),
            flights: AtomicU32::new(0),
        })
    }

    /// A recorder for a room, if anything of it is to be kept.
    pub fn recorder(&self, room: &RoomCode, world: &WorldConfig) -> Option<Recorder> {
        let flight = self.limits.flight_bytes > 0;
        if self.channel.is_none() && !flight {
            return None;
        }
        let segment = if flight { self.limits.flight_bytes / 2 } else { SEGMENT };
        let recorder = Recorder::new(room.clone(), *world, Keep { segment, flight });
        Some(match &self.channel {
            None => recorder,
            Some(channel) => {
                let id = self.recorders.fetch_add(1, Ordering::Relaxed);
                recorder.sending(id, room.clone(), channel.clone(), self.metrics.recording_gaps.clone())
            }
        })
    }

    /// Writes a flight recording: to the folder of recordings, or where the system keeps what is temporary.
    pub fn keep_flight(&self, room: &RoomCode, bytes: &[u8], occasion: Occasion) -> Option<PathBuf> {
        let name = match occasion {
            Occasion::Failed if self.flights.fetch_add(1, Ordering::Relaxed) >= FLIGHTS => return None,
            Occasion::Failed => "failed",
            Occasion::Asked => "asked",
        };
        let dir = self.limits.dir.clone().unwrap_or_else(std::env::temp_dir);
        let path = dir.join(format!("{room}-{}-{name}.drift", disk::now_ms()));
        // A new file: in a folder that others can write to, a name that is there may lead anywhere.
        match File::create_new(&path).and_then(|mut file| file.write_all(bytes)) {
            Ok(()) => {
                tracing::warn!(%room, "its last minute is in {}; `server replay` runs it again", path.display());
                Some(path)
            }
            Err(error) => {
                tracing::error!(%room, %error, "its last minute cannot be kept in {}", path.display());
                self.metrics.recording_errors.inc();
                None
            }
        }
    }

    /// Waits until everything is written, at most some seconds. Rooms should have ended.
    pub fn finish(&self) {
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if let (Some(channel), Some(writer)) = (&self.channel, writer) {
            // The writer may be gone; then there is nothing to wait for.
            let _ = channel.send(Parcel::Finish);
            if writer.join().is_err() {
                tracing::error!("the writer of recordings failed");
            }
        }
    }
}

//! The one thread that writes recordings: a file a room, in parts, so that the oldest can go when there is no more space.
//!
//! The only part of recording that knows files and asks the time.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Occasion, WAITING, format, write_new};
use crate::metrics::Metrics;
use crate::room::recorder::{Ending, Parcel, Sender};

/// A part is as long as this share of what all recordings may take, or this many bytes; shorter, where many rooms are open.
const PARTS: u64 = 8;
const LONGEST_PART: u64 = 64 << 20;

/// How often it is looked for rooms that have ended, whose files are to be closed.
const LOOK: Duration = Duration::from_millis(250);

/// The folder.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    /// Locked, so that two servers do not remove each other's recordings; none where the system knows no such locks.
    lock: Option<File>,
    max_bytes: u64,
    metrics: Arc<Metrics>,
    /// All parts, oldest first, those of earlier runs included.
    parts: VecDeque<Part>,
    /// Bytes of all parts.
    total: u64,
    /// By the recorder's number.
    open: BTreeMap<u64, Open>,
    /// Parcels so far.
    received: u64,
    /// Files made by this run; makes their names different.
    made: u32,
    /// An error has been told, and nothing has been written since.
    told: bool,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    bytes: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    sender: Sender,
    bytes: u64,
    /// Its room has been seen to have ended: after so many parcels all that it sent has come.
    last_parcel: Option<u64>,
}

/// Milliseconds since 1970, for names.
pub(super) fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

impl Disk {
    /// Finds what is there from earlier runs.
    pub(super) fn open(dir: &Path, max_bytes: u64, metrics: Arc<Metrics>) -> io::Result<Disk> {
        let lock = make(dir)?;
        // Made anew: a name that is there already may lead anywhere.
        let probe = dir.join(format!(".writable-{}", std::process::id()));
        let _ = fs::remove_file(&probe);
        File::create_new(&probe)?;
        fs::remove_file(&probe)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_file() && is_part(&entry.file_name().to_string_lossy()) {
                found.push((data.modified()?, Part { path: entry.path(), bytes: data.len() }));
            }
        }
        found.sort_by_key(|(modified, _)| *modified);
        let parts: VecDeque<Part> = found.into_iter().map(|(_, part)| part).collect();
        let total = parts.iter().map(|part| part.bytes).sum();
        let mut disk = Disk {
            dir: dir.to_owned(),
            lock,
            max_bytes,
            metrics,
            parts,
            total,
            open: BTreeMap::new(),
            received: 0,
            made: 0,
            told: false,
        };
        disk.make_space(None, 0);
        Ok(disk)
    }

    /// Writes until everybody who sends is gone.
    pub(super) fn run(&mut self, parcels: &Receiver<Parcel>) {
        let mut looked = Instant::now();
        loop {
            let parcel = parcels.recv_timeout(LOOK);
            let all_came = parcel.is_err();
            match parcel {
                Ok(parcel) => self.take(parcel),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if all_came || looked.elapsed() >= LOOK {
                self.close_ended(all_came);
                looked = Instant::now();
            }
        }
        while let Some((&id, _)) = self.open.first_key_value() {
            self.close_at_its_end(id);
        }
    }

    fn take(&mut self, parcel: Parcel) {
        self.received += 1;
        match parcel {
            Parcel::Segment { sender, bytes, after_gap } => self.segment(sender, &bytes, after_gap),
            Parcel::More { id, bytes } => self.more(id, &bytes),
            Parcel::Flight { path, bytes } => {
                self.make_space(None, bytes);
                self.parts.push_back(Part { path, bytes });
                self.total += bytes;
            }
        }
    }

    fn segment(&mut self, sender: Sender, bytes: &[u8], after_gap: bool) {
        let id = sender.id;
        // Parts that are being written take half of the space, so that there are others to go.
        let most_open = (self.open.len() as u64).max(PARTS / 2);
        let longest = LONGEST_PART.min(self.max_bytes / (2 * most_open));
        let mut was_removed = false;
        match self.open.get(&id) {
            Some(open) if open.path.symlink_metadata().is_err() => {
                self.open.remove(&id);
                was_removed = true;
            }
            Some(open) if open.bytes >= longest => self.close(id, !after_gap),
            _ => {}
        }
        if self.open.contains_key(&id) {
            self.more(id, bytes);
        } else if let Err(error) = self.create(sender, bytes) {
            self.failed(&error, "cannot begin a recording");
        } else if was_removed {
            self.failed(&io::ErrorKind::NotFound.into(), "somebody removed a recording");
        }
    }

    fn more(&mut self, id: u64, bytes: &[u8]) {
        // None: its file could not be made, or had to go; there will be another with the next segment.
        if !self.open.contains_key(&id) {
            return;
        }
        self.make_space(Some(id), bytes.len() as u64);
        let Some(open) = self.open.get_mut(&id) else { return };
        let written = open.file.write_all(bytes);
        open.bytes += bytes.len() as u64;
        self.total += bytes.len() as u64;
        if let Some(part) = self.parts.iter_mut().rfind(|part| part.path == open.path) {
            part.bytes = open.bytes;
        }
        match written {
            Ok(()) => self.told = false,
            Err(error) => {
                self.open.remove(&id);
                self.failed(&error, "a recording ends early");
            }
        }
    }

    /// Begins a part. Of one that cannot be begun nothing is left.
    fn create(&mut self, sender: Sender, segment: &[u8]) -> io::Result<()> {
        if !is_still(&self.dir, self.lock.as_ref()) {
            self.lock = make(&self.dir)?;
        }
        let bytes = [&sender.header, segment].concat();
        self.make_space(None, bytes.len() as u64);
        let name = format!("{}-{}-{}.drift", sender.room, now_ms(), self.made);
        self.made += 1;
        let path = self.dir.join(name);
        let file = write_new(&path, &bytes)?;
        self.told = false;
        let bytes = bytes.len() as u64;
        self.total += bytes;
        self.parts.push_back(Part { path: path.clone(), bytes });
        self.open.insert(sender.id, Open { file, path, sender, bytes, last_parcel: None });
        Ok(())
    }

    /// Removes parts until so many bytes more are allowed, the oldest first, those that are being written last, and never
    /// the one that `writing` is at.
    fn make_space(&mut self, writing: Option<u64>, bytes: u64) {
        while self.total + bytes > self.max_bytes {
            let writer =
                |part: &Part| self.open.iter().find(|(_, open)| open.path == part.path).map(|(&id, _)| id);
            let done = self.parts.iter().position(|part| writer(part).is_none());
            let oldest = || self.parts.iter().position(|part| writer(part) != writing);
            let Some(at) = done.or_else(oldest) else { return };
            let Some(part) = self.parts.remove(at) else { return };
            self.total -= part.bytes;
            if let Some(id) = writer(&part) {
                // Its room begins another with its next segment.
                self.open.remove(&id);
                self.metrics.recording_gaps.inc();
                tracing::warn!(
                    "record.max_mib is too little for so many rooms: {} goes",
                    part.path.display()
                );
            }
            if let Err(error) = fs::remove_file(&part.path)
                && error.kind() != io::ErrorKind::NotFound
            {
                self.failed(&error, "cannot remove an old recording");
            }
        }
    }

    /// Closes files of rooms that have ended, once what was on its way when that was seen has come.
    fn close_ended(&mut self, all_came: bool) {
        let is_due = |open: &Open| open.last_parcel.is_some_and(|last| all_came || last <= self.received);
        let due: Vec<u64> = self.open.iter().filter(|(_, open)| is_due(open)).map(|(&id, _)| id).collect();
        for id in due {
            self.close_at_its_end(id);
        }
        let on_the_way = self.received + WAITING as u64;
        for open in self.open.values_mut().filter(|open| open.sender.ending.get().is_some()) {
            open.last_parcel.get_or_insert(on_the_way);
        }
    }

    fn close_at_its_end(&mut self, id: u64) {
        let ending = self.open.get(&id).and_then(|open| open.sender.ending.get());
        self.close(id, ending == Some(&Ending::Whole));
    }

    /// Without its last record, a recording is known to be cut off.
    fn close(&mut self, id: u64, whole: bool) {
        if whole {
            let mut bytes = Vec::new();
            format::end(&mut bytes);
            self.more(id, &bytes);
        }
        self.open.remove(&id);
    }

    /// Told once, until something can be written again.
    fn failed(&mut self, error: &io::Error, what: &str) {
        self.metrics.recording_errors.inc();
        if !std::mem::replace(&mut self.told, true) {
            tracing::error!(%error, "{what} in {}; the game goes on", self.dir.display());
        }
    }
}

/// Makes the folder, if it is not there, and locks it.
fn make(dir: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(dir).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::Error::other("that is no folder; name one, or one to be made"),
        _ => error,
    })?;
    lock(dir)
}

/// True if the folder is there and is the one that is locked, not one that somebody made in its place.
fn is_still(dir: &Path, lock: Option<&File>) -> bool {
    #[cfg(unix)]
    if let Some(lock) = lock {
        use std::os::unix::fs::MetadataExt;
        let id = |data: io::Result<fs::Metadata>| data.map(|data| (data.dev(), data.ino())).ok();
        return id(fs::metadata(dir)).is_some_and(|found| Some(found) == id(lock.metadata()));
    }
    // Elsewhere nothing here tells one folder from another.
    #[cfg(not(unix))]
    let _ = lock;
    dir.exists()
}

/// # Errors
/// Another server has it.
fn lock(dir: &Path) -> io::Result<Option<File>> {
    let Ok(file) = File::open(dir) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::other("another server records to it; each one needs a folder of its own"))
        }
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "{} cannot be locked: see that no other server records to it", dir.display());
            Ok(None)
        }
    }
}

/// True for the names of recordings: `ROOM-MILLISECONDS-NUMBER.drift` of [`Disk::create`], and a word instead of the number
/// in a flight recording's. Other files are left alone.
fn is_part(name: &str) -> bool {
    let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|b| b.is_ascii_digit());
    let Some(name) = name.strip_suffix(".drift") else { return false };
    let mut words = name.rsplitn(3, '-');
    let (last, time, room) = (words.next(), words.next(), words.next());
    let is_last =
        |word: &str| digits(word, 1) || Occasion::ALL.iter().any(|occasion| occasion.word() == word);
    last.is_some_and(is_last) && time.is_some_and(|t| digits(t, 13)) && room.is_some()
}

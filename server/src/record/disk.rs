//! The one thread that writes recordings: a file a room, in parts, so that the oldest can go when there is no more space.
//!
//! The only part of recording that knows files and asks the time.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::format;
use crate::metrics::Metrics;
use crate::room::recorder::{Parcel, Sender};

/// A part is as long as this share of what all recordings may take, or this many bytes.
const PARTS: u64 = 8;
const LONGEST_PART: u64 = 64 << 20;

/// After so long without a parcel, files of rooms that have ended are closed.
const QUIET: Duration = Duration::from_millis(250);
/// The same when the server stops, and how long that may take.
const QUIET_AT_THE_END: Duration = Duration::from_millis(40);
const FINISH: Duration = Duration::from_secs(3);

/// The folder.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    max_bytes: u64,
    metrics: Arc<Metrics>,
    /// All parts, oldest first, those of earlier runs included.
    parts: VecDeque<Part>,
    /// Bytes of all parts.
    total: u64,
    /// By the recorder's number.
    open: BTreeMap<u64, Open>,
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
    /// Its room has ended; what it sent is being waited for.
    ending: bool,
}

/// Milliseconds since 1970, for names.
pub(super) fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

impl Disk {
    /// Finds what is there from earlier runs.
    pub(super) fn open(dir: &Path, max_bytes: u64, metrics: Arc<Metrics>) -> io::Result<Disk> {
        fs::create_dir_all(dir)?;
        let probe = dir.join(format!(".writable-{}", std::process::id()));
        fs::write(&probe, [])?;
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
        let dir = dir.to_owned();
        Ok(Disk { dir, max_bytes, metrics, parts, total, open: BTreeMap::new(), made: 0, told: false })
    }

    /// Writes until everybody is gone, or told to finish.
    pub(super) fn run(&mut self, parcels: &Receiver<Parcel>) {
        let (mut quiet, mut deadline) = (QUIET, None);
        loop {
            match parcels.recv_timeout(quiet) {
                Ok(Parcel::Segment { sender, bytes }) => self.segment(sender, &bytes),
                Ok(Parcel::More { id, bytes }) => self.more(id, &bytes),
                Ok(Parcel::Finish) => {
                    (quiet, deadline) = (QUIET_AT_THE_END, Some(Instant::now() + FINISH));
                }
                Err(RecvTimeoutError::Timeout) => self.close_ended(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if deadline.is_some_and(|deadline| self.open.is_empty() || Instant::now() > deadline) {
                break;
            }
        }
        while let Some((&id, _)) = self.open.first_key_value() {
            self.close(id);
        }
    }

    fn segment(&mut self, sender: Sender, bytes: &[u8]) {
        let id = sender.id;
        let longest = LONGEST_PART.min(self.max_bytes / PARTS);
        if self.open.get(&id).is_some_and(|open| open.bytes >= longest) {
            self.close(id);
        }
        if self.open.contains_key(&id) {
            self.more(id, bytes);
        } else if let Err(error) = self.create(sender, bytes) {
            self.failed(&error, "cannot begin a recording");
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
        if let Some(part) = self.parts.iter_mut().find(|part| part.path == open.path) {
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
        let bytes = [&sender.header, segment].concat();
        self.make_space(None, bytes.len() as u64);
        let name = format!("{}-{}-{}.drift", sender.room, now_ms(), self.made);
        self.made += 1;
        let path = self.dir.join(name);
        let mut file = File::create_new(&path)?;
        if let Err(error) = file.write_all(&bytes) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.told = false;
        let bytes = bytes.len() as u64;
        self.total += bytes;
        self.parts.push_back(Part { path: path.clone(), bytes });
        self.open.insert(sender.id, Open { file, path, sender, bytes, ending: false });
        Ok(())
    }

    /// Removes the oldest parts until so many bytes more are allowed; never the one that `writing` is at.
    fn make_space(&mut self, writing: Option<u64>, bytes: u64) {
        let keep = writing.and_then(|id| self.open.get(&id)).map(|open| open.path.clone());
        while self.total + bytes > self.max_bytes {
            let Some(at) = self.parts.iter().position(|part| Some(&part.path) != keep.as_ref()) else {
                return;
            };
            let Some(part) = self.parts.remove(at) else { return };
            // A room that is still at it begins another with its next segment.
            self.open.retain(|_, open| open.path != part.path);
            self.total -= part.bytes;
            if let Err(error) = fs::remove_file(&part.path)
                && error.kind() != io::ErrorKind::NotFound
            {
                self.failed(&error, "cannot remove an old recording");
            }
        }
    }

    /// Closes files of rooms that have ended, when nothing has come for a while since that was seen.
    fn close_ended(&mut self) {
        let ended: Vec<u64> = self.open.iter().filter(|(_, open)| open.ending).map(|(&id, _)| id).collect();
        for id in ended {
            self.close(id);
        }
        for open in self.open.values_mut() {
            open.ending = open.sender.alive.strong_count() == 0;
        }
    }

    fn close(&mut self, id: u64) {
        let mut bytes = Vec::new();
        format::end(&mut bytes);
        self.more(id, &bytes);
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

/// True for names that [`Disk::create`] gives: `ROOM-MILLISECONDS-NUMBER.drift`. Other files are left alone.
fn is_part(name: &str) -> bool {
    let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|b| b.is_ascii_digit());
    let Some(name) = name.strip_suffix(".drift") else { return false };
    let mut words = name.rsplitn(3, '-');
    let (number, time, room) = (words.next(), words.next(), words.next());
    number.is_some_and(|n| digits(n, 1)) && time.is_some_and(|t| digits(t, 13)) && room.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_are_removed() {
        for (name, own) in [
            ("ROOM-1767225600000-0.drift", true),
            ("A-B_C-1767225600000-12.drift", true),
            ("ROOM-1767225600000-failed.drift", false),
            ("ROOM-1767225600000-0.kept.drift", false),
            ("ROOM-7-0.drift", false),
            ("1767225600000-0.drift", false),
            ("ROOM-1767225600000-0.txt", false),
        ] {
            assert_eq!(is_part(name), own, "{name}");
        }
    }

    #[test]
    fn a_disk_that_takes_no_more_is_told_once_and_tried_again() {
        let dir = std::env::temp_dir().join(format!("drift-arena-full-disk-{}", std::process::id()));
        let metrics = Arc::new(Metrics::default());
        let mut disk = Disk::open(&dir, 1 << 20, metrics.clone()).unwrap();
        let sender = |id| Sender {
            id,
            room: "ROOM".parse().unwrap(),
            header: (*b"head").into(),
            alive: std::sync::Weak::new(),
        };
        let count = || fs::read_dir(&dir).unwrap().count();
        for id in 0..2 {
            disk.segment(sender(id), b"segment");
            // A file that can only be read takes no more than a full disk does.
            let open = disk.open.get_mut(&id).unwrap();
            open.file = File::open(&open.path).unwrap();
        }
        disk.more(0, b"more");
        assert!(disk.told);
        disk.more(0, b"and more");
        disk.more(1, b"more");
        assert_eq!((metrics.recording_errors.get(), count()), (2, 2), "once a recording");
        disk.segment(sender(0), b"segment");
        assert!(!disk.told, "it can be told again");
        disk.more(0, b"more");
        disk.close(0);
        assert_eq!((metrics.recording_errors.get(), count(), disk.open.len()), (2, 3, 0));
        let last = fs::read(&disk.parts.back().unwrap().path).unwrap();
        assert!(last.starts_with(b"headsegmentmore") && last.len() > 15, "the end follows");
        fs::remove_dir_all(&dir).unwrap();
        disk.segment(sender(5), b"segment");
        assert_eq!((metrics.recording_errors.get(), disk.open.len()), (3, 0));
    }
}

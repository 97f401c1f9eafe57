//! The shelf: which recordings the page may show, and the making of films, one at a time and not for ever.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::{TICK_HZ, Tick};
use serde::Serialize;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::RecordLimits;
use super::film::{Reel, film};
use super::replay::Stopped;

/// Most names that are listed, newest first.
const LISTED: usize = 200;

/// Longest name.
const LONGEST_NAME: usize = 100;

/// Largest recording that a film is made of: no part of a room is larger.
const LARGEST: u64 = 80 << 20;

/// What one film has at most: ten minutes, 8 MiB, and what can be done in four seconds.
const REEL: Reel = Reel { ticks: 600 * TICK_HZ as u32, bytes: 8 << 20, until: None };
const WORK: Duration = Duration::from_secs(4);

/// Films at a time that are made or not yet fetched.
const FILMS: usize = 4;

/// How long whoever wants the list waits for the disk.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no film.
#[derive(Debug, thiserror::Error)]
pub enum NoFilm {
    /// Not allowed.
    #[error(
        "this server shows no replays; its operator can turn them on with --serve-replays, or serve = true in [record]"
    )]
    Off,
    /// No recording is called so.
    #[error("not the name of a recording: letters, digits, ., - and _, ending in .drift")]
    Name,
    /// There is none.
    #[error("there is no such recording; /replays lists those that are there")]
    Missing,
    /// Too large to be read.
    #[error("a recording of more than {} MiB; `server replay` runs it", LARGEST >> 20)]
    TooLarge,
    /// It cannot be read.
    #[error("the recording cannot be read: {0}")]
    Unreadable(io::Error),
    /// The folder cannot be read.
    #[error("the recordings cannot be listed: {0}")]
    Unlisted(io::Error),
    /// The folder cannot be read in time.
    #[error("the disk does not answer; try again in a moment")]
    Slow,
    /// It cannot be run.
    #[error("the recording cannot be shown: {0}")]
    Stopped(#[from] Stopped),
    /// Another one is being made.
    #[error("another film is being made; try again in a moment")]
    Busy,
}

/// One recording, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The file's name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// The recordings of a folder, to be shown. Whoever asks again and again has half of one processor for lists and half of one
/// for films, and the game the rest; who asks and leaves has no more.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// None: nothing is shown.
    dir: Option<PathBuf>,
    listed: Arc<Mutex<List>>,
    making: Arc<Semaphore>,
    out: Arc<Semaphore>,
}

/// What the folder had.
#[derive(Debug, Default)]
struct List {
    names: Arc<[Listed]>,
    /// For so long after it was read it is not read again: as long as that took.
    until: Option<Instant>,
}

/// A film and its place among those that are out.
struct Out {
    film: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Out {
    fn as_ref(&self) -> &[u8] {
        &self.film
    }
}

impl Shelf {
    /// What may be shown of what is recorded.
    pub fn new(limits: &RecordLimits) -> Shelf {
        Shelf {
            dir: limits.dir.clone().filter(|_| limits.serve),
            listed: Arc::default(),
            making: Arc::new(Semaphore::new(1)),
            out: Arc::new(Semaphore::new(FILMS)),
        }
    }

    /// The recordings, newest first, at most 200.
    ///
    /// # Errors
    /// Nothing is shown, or the folder cannot be read, or not in time.
    pub async fn list(&self) -> Result<Arc<[Listed]>, NoFilm> {
        self.list_within(PATIENCE).await
    }

    async fn list_within(&self, patience: Duration) -> Result<Arc<[Listed]>, NoFilm> {
        let dir = self.dir.clone().ok_or(NoFilm::Off)?;
        let listed = async {
            let mut list = self.listed.clone().lock_owned().await;
            if list.until.is_some_and(|until| Instant::now() < until) {
                return Ok(list.names.clone());
            }
            // With the lock, which it keeps if nobody waits for it any more.
            let read = move || {
                let begun = Instant::now();
                list.names = recordings(&dir)?;
                list.until = Some(Instant::now() + begun.elapsed());
                Ok(list.names.clone())
            };
            blocking(read).await.map_err(NoFilm::Unlisted)
        };
        timeout(patience, listed).await.unwrap_or(Err(NoFilm::Slow))
    }

    /// The film of a recording, or of what is left of it from a tick on.
    ///
    /// # Errors
    /// See [`NoFilm`].
    pub async fn film(&self, name: &str, from: Option<Tick>) -> Result<Bytes, NoFilm> {
        let dir = self.dir.as_ref().ok_or(NoFilm::Off)?;
        if !is_name(name) {
            return Err(NoFilm::Name);
        }
        let path = dir.join(name);
        let place = self.out.clone().try_acquire_owned().map_err(|_| NoFilm::Busy)?;
        let making = self.making.clone().try_acquire_owned().map_err(|_| NoFilm::Busy)?;
        let (done, film) = oneshot::channel();
        // By itself, so that whoever hangs up does not end its turn before its work.
        tokio::spawn(async move {
            let begun = Instant::now();
            let made = blocking(move || develop(&path, from)).await;
            let made = made.map_err(NoFilm::Unreadable).flatten();
            // Where nobody waits any more, it gives its place back.
            let _ = done.send(made.map(|film| Bytes::from_owner(Out { film, _place: place })));
            tokio::time::sleep(begun.elapsed()).await;
            drop(making);
        });
        film.await.unwrap_or(Err(NoFilm::Busy))
    }
}

fn recordings(dir: &Path) -> io::Result<Arc<[Listed]>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)?.flatten() {
        let Ok(data) = entry.metadata() else { continue };
        if let Some(name) = entry.file_name().to_str().filter(|name| is_name(name))
            && data.is_file()
        {
            found.push((data.modified()?, Listed { name: name.to_owned(), bytes: data.len() }));
        }
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    Ok(found.into_iter().take(LISTED).map(|(_, listed)| listed).collect())
}

fn develop(path: &Path, from: Option<Tick>) -> io::Result<Result<Vec<u8>, NoFilm>> {
    let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
    let Some(found) = found else { return Ok(Err(NoFilm::Missing)) };
    if found.len() > LARGEST {
        return Ok(Err(NoFilm::TooLarge));
    }
    let recording = fs::read(path)?;
    let reel = Reel { until: Some(Instant::now() + WORK), ..REEL };
    Ok(film(&recording, from, reel).map(|film| film.bytes).map_err(NoFilm::Stopped))
}

/// Work with files, beside the connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// True for what can only be a file in the folder. Nothing is decoded before or after.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    name.len() <= LONGEST_NAME
        && name.bytes().all(plain)
        && !name.starts_with('.')
        && name.strip_suffix(".drift").is_some_and(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        for name in ["ROOM-1767225600000-0.drift", "a.drift", "A-B_C-1-failed.drift"] {
            assert!(is_name(name), "{name}");
        }
        let long = format!("{}.drift", "a".repeat(LONGEST_NAME));
        for name in [
            "",
            ".drift",
            "..drift",
            "../a.drift",
            "..",
            "a/b.drift",
            "a\\b.drift",
            "/a.drift",
            "%2e%2e%2fa.drift",
            "a.drift\0",
            "a.txt",
            "a.drift/",
            "C:a.drift",
            "ä.drift",
            "a b.drift",
            &long,
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    /// A film, once nobody else has one made.
    async fn in_turn(shelf: &Shelf, from: Option<Tick>) -> Result<Bytes, NoFilm> {
        for _ in 0..1000 {
            match shelf.film("duel.drift", from).await {
                Err(NoFilm::Busy) => tokio::time::sleep(Duration::from_millis(10)).await,
                other => return other,
            }
        }
        Err(NoFilm::Busy)
    }

    #[tokio::test]
    async fn one_film_is_made_at_a_time_and_few_are_out() {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/replays");
        let limits = RecordLimits { dir: Some(dir), serve: true, ..RecordLimits::default() };
        let shelf = Shelf::new(&limits);
        let (one, two) = tokio::join!(shelf.film("duel.drift", None), shelf.film("duel.drift", None));
        assert!(matches!(two, Err(NoFilm::Busy)), "the first is not done");
        let mut kept = vec![one.expect("a film")];
        while kept.len() < FILMS {
            kept.push(in_turn(&shelf, None).await.expect("a film"));
        }
        assert_eq!(shelf.out.available_permits(), 0);
        assert!(matches!(shelf.film("duel.drift", None).await, Err(NoFilm::Busy)), "too many are out");
        kept.pop();
        let none = in_turn(&shelf, Some(Tick(9999))).await;
        assert!(matches!(none, Err(NoFilm::Stopped(Stopped::NoSuchTick { .. }))), "{none:?}");
        assert!(in_turn(&shelf, None).await.is_ok(), "what failed keeps no place");
    }

    #[tokio::test]
    async fn who_hangs_up_ends_no_turn() {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/replays");
        let limits = RecordLimits { dir: Some(dir), serve: true, ..RecordLimits::default() };
        let shelf = Shelf::new(&limits);
        let asked = timeout(Duration::ZERO, shelf.film("duel.drift", None)).await;
        assert!(asked.is_err(), "it takes longer than no time");
        assert!(matches!(shelf.film("duel.drift", None).await, Err(NoFilm::Busy)), "it is still made");
        assert!(in_turn(&shelf, None).await.is_ok());
        assert_eq!(shelf.out.available_permits(), FILMS, "what nobody fetched keeps no place");
    }

    #[tokio::test]
    async fn a_folder_is_read_once_at_a_time_and_waited_for_not_for_ever() {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/replays");
        let limits = RecordLimits { dir: Some(dir), serve: true, ..RecordLimits::default() };
        let shelf = Shelf::new(&limits);
        let mut reading = shelf.listed.clone().lock_owned().await;
        assert!(matches!(shelf.list_within(Duration::from_millis(5)).await, Err(NoFilm::Slow)));
        reading.until = Some(Instant::now() + Duration::from_secs(3600));
        drop(reading);
        assert!(shelf.list().await.expect("what was read last").is_empty());
        shelf.listed.lock().await.until = None;
        assert!(!shelf.list().await.expect("what is there now").is_empty());
    }

    #[tokio::test]
    async fn the_list_has_recordings_only_and_nothing_where_it_is_off() {
        let dir = std::env::temp_dir().join(format!("drift-arena-shelf-{}", std::process::id()));
        fs::create_dir_all(dir.join("folder.drift")).unwrap();
        for name in ["one.drift", "two.drift", "notes.txt", "not a name.drift"] {
            fs::write(dir.join(name), name).unwrap();
        }
        let mut limits = RecordLimits { dir: Some(dir.clone()), serve: true, ..RecordLimits::default() };
        let listed = Shelf::new(&limits).list().await.unwrap();
        let mut names: Vec<_> = listed.iter().map(|listed| &listed.name[..]).collect();
        names.sort();
        assert_eq!(names, ["one.drift", "two.drift"]);
        let shelf = Shelf::new(&limits);
        assert!(matches!(shelf.film("folder.drift", None).await, Err(NoFilm::Missing)));
        limits.serve = false;
        assert!(matches!(Shelf::new(&limits).list().await, Err(NoFilm::Off)));
        assert!(matches!(Shelf::new(&limits).film("one.drift", None).await, Err(NoFilm::Off)));
        fs::remove_dir_all(&dir).unwrap();
    }
}

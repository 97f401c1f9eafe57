//! The folder of recordings without a thread and without a room.

use super::*;

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let dir = std::env::temp_dir().join(format!("drift-arena-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        Folder(dir)
    }

    fn open(&self) -> Disk {
        Disk::open(&self.0, 1 << 20, Arc::default()).unwrap()
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sender(id: u64) -> Sender {
    Sender { id, room: "ROOM".parse().unwrap(), header: (*b"head").into(), ending: Arc::default() }
}

fn segment(sender: &Sender) -> Parcel {
    Parcel::Segment { sender: sender.clone(), bytes: b"segment".to_vec(), after_gap: false }
}

fn more(sender: &Sender) -> Parcel {
    Parcel::More { id: sender.id, bytes: b"more".to_vec() }
}

/// What the newest file has behind `start`: nothing, or the record that ends a recording.
fn has_its_end(disk: &Disk, start: &[u8]) -> bool {
    let bytes = fs::read(&disk.parts.back().unwrap().path).unwrap();
    let mut end = Vec::new();
    format::end(&mut end);
    let rest = bytes.strip_prefix(start).unwrap();
    assert!(rest.is_empty() || rest == end, "{bytes:?}");
    !rest.is_empty()
}

#[test]
fn only_own_names_are_removed() {
    for (name, own) in [
        ("ROOM-1767225600000-0.drift", true),
        ("A-B_C-1767225600000-12.drift", true),
        ("ROOM-1767225600000-failed.drift", true),
        ("ROOM-1767225600000-asked.drift", true),
        ("ROOM-1767225600000-other.drift", false),
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
    let folder = Folder::new("full-disk");
    let mut disk = folder.open();
    let metrics = disk.metrics.clone();
    let senders = [0, 1, 5].map(sender);
    for sender in &senders[..2] {
        disk.take(segment(sender));
        // A file that can only be read takes no more than a full disk does.
        let open = disk.open.get_mut(&sender.id).unwrap();
        open.file = File::open(&open.path).unwrap();
    }
    disk.take(more(&senders[0]));
    assert!(disk.told);
    disk.take(more(&senders[0]));
    disk.take(more(&senders[1]));
    assert_eq!((metrics.recording_errors.get(), folder.files()), (2, 2), "once a recording");
    disk.take(segment(&senders[0]));
    assert!(!disk.told, "it can be told again");
    disk.take(more(&senders[0]));
    disk.close(0, true);
    assert_eq!((metrics.recording_errors.get(), folder.files(), disk.open.len()), (2, 3, 0));
    assert!(has_its_end(&disk, b"headsegmentmore"));
    // Something else has the folder's place.
    fs::remove_dir_all(&folder.0).unwrap();
    fs::write(&folder.0, b"").unwrap();
    disk.take(segment(&senders[2]));
    assert_eq!((metrics.recording_errors.get(), disk.open.len()), (3, 0));
    let error = Disk::open(&folder.0, 1 << 20, Arc::default()).unwrap_err().to_string();
    assert!(error.starts_with("that is no folder"), "{error}");
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn the_file_of_a_room_that_has_ended_is_closed_however_much_others_send() {
    let folder = Folder::new("ended");
    let mut disk = folder.open();
    let [busy, ended] = [0, 1].map(sender);
    disk.take(segment(&busy));
    disk.take(segment(&ended));
    ended.ending.set(Ending::Whole).unwrap();
    disk.close_ended(false);
    // Its last parcel may be the last one in a full channel.
    for _ in 1..WAITING {
        disk.take(more(&busy));
        disk.close_ended(false);
    }
    disk.take(more(&ended));
    assert_eq!(disk.open.len(), 2);
    disk.close_ended(false);
    assert_eq!(disk.open.keys().collect::<Vec<_>>(), [&0]);
    assert!(has_its_end(&disk, b"headsegmentmore"));
    // Where nobody sends, that nothing came is as good.
    busy.ending.set(Ending::Whole).unwrap();
    disk.close_ended(true);
    assert_eq!(disk.open.len(), 1, "what it sent last may have come since");
    disk.close_ended(true);
    assert_eq!(disk.open.len(), 0);
}

#[test]
fn what_lacks_its_last_ticks_does_not_say_that_it_is_whole() {
    let folder = Folder::new("cut-off");
    let mut disk = folder.open();
    for (id, ending, whole) in
        [(0, Some(Ending::Whole), true), (1, Some(Ending::CutOff), false), (2, None, false)]
    {
        let sender = sender(id);
        disk.take(segment(&sender));
        if let Some(ending) = ending {
            sender.ending.set(ending).unwrap();
        }
        disk.close_at_its_end(id);
        assert_eq!(has_its_end(&disk, b"headsegment"), whole, "{ending:?}");
    }
    // A part that is full, and lacks what the next one does not have either.
    let sender = sender(3);
    for after_gap in [false, true] {
        disk.take(segment(&sender));
        let first = disk.parts.len();
        disk.open.get_mut(&3).unwrap().bytes = LONGEST_PART;
        disk.segment(sender.clone(), b"segment", after_gap);
        assert_eq!(disk.parts.len(), first + 1);
        let part = disk.parts.remove(first - 1).unwrap();
        assert_eq!(fs::read(part.path).unwrap() == b"headsegment", after_gap);
        disk.close(3, false);
    }
}

#[test]
fn the_last_minutes_count_among_the_others() {
    let folder = Folder::new("flights");
    let mut disk = folder.open();
    disk.take(segment(&sender(0)));
    let oldest = disk.parts[0].path.clone();
    for n in 1..=2 {
        let path = folder.0.join(format!("ROOM-{}-asked.drift", 1_767_225_600_000u64 + n));
        fs::write(&path, vec![0; 600_000]).unwrap();
        disk.take(Parcel::Flight { path, bytes: 600_000 });
    }
    assert_eq!((disk.total, disk.parts.len(), folder.files()), (600_011, 2, 2));
    assert!(oldest.exists(), "it is being written");
    drop(disk);
    assert_eq!(folder.open().total, 600_011, "another run finds it");
    let less = Disk::open(&folder.0, 500_000, Arc::default()).unwrap();
    assert_eq!((less.total, folder.files()), (0, 0), "and has less space");
}

#[test]
fn parts_that_are_being_written_go_last_and_that_is_told() {
    let folder = Folder::new("many");
    let mut disk = folder.open();
    let part = |id| Parcel::Segment { sender: sender(id), bytes: vec![0; 100_000], after_gap: false };
    let done = sender(100);
    disk.take(segment(&done));
    (0..10).for_each(|id| disk.take(part(id)));
    // A part is full sooner, where there are many.
    disk.take(part(0));
    assert_eq!((disk.open.len(), disk.parts.len(), disk.total > 1_000_000), (11, 11, true));
    disk.take(segment(&done));
    disk.close(100, true);
    let gaps = disk.metrics.recording_gaps.clone();
    assert_eq!(gaps.get(), 0);
    // Among those that are left, all but one are being written: that one goes, newest though it is.
    let open: Vec<_> = disk.open.values().map(|open| open.path.clone()).collect();
    disk.make_space(Some(3), 50_000);
    assert!(disk.parts.iter().all(|part| open.contains(&part.path)));
    let before = gaps.get();
    disk.make_space(Some(3), 300_000);
    assert!(gaps.get() > before && disk.open.contains_key(&3) && disk.total <= (1 << 20) - 300_000);
    assert_eq!(disk.open.len(), disk.parts.len());
}

#[test]
fn a_folder_that_somebody_removed_is_made_anew() {
    let folder = Folder::new("removed-folder");
    let mut disk = folder.open();
    let sender = sender(0);
    disk.take(segment(&sender));
    fs::remove_dir_all(&folder.0).unwrap();
    disk.take(segment(&sender));
    assert_eq!((disk.metrics.recording_errors.get(), folder.files()), (1, 1));
    assert!(Disk::open(&folder.0, 1 << 20, Arc::default()).is_err(), "it is locked as before");
    // Somebody may make it anew, too, and have it for another server.
    fs::remove_dir_all(&folder.0).unwrap();
    fs::create_dir(&folder.0).unwrap();
    disk.take(segment(&sender));
    assert!(Disk::open(&folder.0, 1 << 20, Arc::default()).is_err(), "that one is locked");
    fs::remove_dir_all(&folder.0).unwrap();
    let _other = folder.open();
    disk.take(segment(&sender));
    assert_eq!(folder.files(), 0, "it is the other's");
}

#[test]
fn a_recording_that_somebody_removed_is_begun_anew() {
    let folder = Folder::new("removed");
    let mut disk = folder.open();
    let sender = sender(0);
    disk.take(segment(&sender));
    fs::remove_file(&disk.parts[0].path).unwrap();
    disk.take(more(&sender));
    disk.take(segment(&sender));
    assert_eq!((disk.metrics.recording_errors.get(), folder.files()), (1, 1));
}

#[test]
fn two_servers_do_not_share_a_folder_and_nothing_is_written_to_where_a_name_leads() {
    let folder = Folder::new("shared");
    let disk = folder.open();
    let error = Disk::open(&folder.0, 1 << 20, Arc::default()).unwrap_err();
    assert!(error.to_string().starts_with("another server records to it"), "{error}");
    drop(disk);
    let mine = folder.0.join("mine");
    fs::write(&mine, b"mine").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&mine, folder.0.join(format!(".writable-{}", std::process::id()))).unwrap();
    drop(folder.open());
    assert_eq!((fs::read(&mine).unwrap().as_slice(), folder.files()), (&b"mine"[..], 1));
}

//! Connections over a stream that does what a test says, at times that a test says.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::sync::Mutex;

use super::*;
use crate::RawConfig;
use crate::net::FrameKind;

/// A peer that takes so many bytes and no more, and whose words are read in pieces.
#[derive(Default)]
struct Peer {
    /// What arrives, by reads. None: its half has ended.
    says: VecDeque<Option<Vec<u8>>>,
    /// What it has taken.
    heard: Vec<u8>,
    /// How much more it takes.
    takes: usize,
    /// True once our half has ended.
    shut: bool,
    reads: usize,
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        match self.says.pop_front() {
            None => Err(ErrorKind::WouldBlock.into()),
            Some(None) => Ok(0),
            Some(Some(bytes)) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
        }
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(self.takes);
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.takes -= n;
        self.heard.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire for Peer {
    const TELLS: bool = true;

    fn shutdown(&mut self) -> io::Result<()> {
        self.shut = true;
        Ok(())
    }
}

/// Notes what it hears.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Ingress for Notes {
    fn message(&mut self, _: FrameKind, bytes: &[u8], _: Instant) -> Result<Answered, Farewell> {
        self.0.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
        Ok(Answered::No)
    }

    fn left(&mut self) {
        self.0.lock().unwrap().push("left".into());
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        // The test's own copy does not count.
        if Arc::strong_count(&self.0) == 2 {
            self.0.lock().unwrap().push("gone".into());
        }
    }
}

/// Sends what is in the outbox as it is.
struct Plainly;

impl Egress for Plainly {
    fn message<'a>(&mut self, message: &'a [u8], _: &'a mut Vec<u8>) -> Option<(FrameKind, &'a [u8])> {
        Some((FrameKind::Binary, message))
    }

    fn farewell(&mut self, _: &Farewell, _: &mut Vec<u8>) -> Option<FrameKind> {
        None
    }
}

struct Scene {
    connection: Connection<Notes, Plainly>,
    outbox: Arc<Outbox>,
    notes: Notes,
    metrics: Arc<Metrics>,
    peer: Peer,
    desk: Desk,
    start: Instant,
}

impl Scene {
    fn new() -> Scene {
        let (outbox, notes, metrics) =
            (Arc::new(Outbox::new()), Notes::default(), Arc::new(Metrics::default()));
        let limits = Arc::new(RawConfig::default().check().unwrap().net);
        let halves = (notes.clone(), Plainly);
        let client = Ipv4Addr::LOCALHOST.into();
        let connection = Connection::open(halves, client, outbox.clone(), b"", limits, metrics.clone());
        let peer = Peer { takes: usize::MAX, ..Peer::default() };
        Scene { connection, outbox, notes, metrics, peer, desk: Desk::default(), start: Instant::now() }
    }

    /// A turn so many ms after the start, to which it was called.
    fn turn(&mut self, ms: u64) -> bool {
        self.connection.call();
        self.turn_uncalled(ms)
    }

    fn turn_uncalled(&mut self, ms: u64) -> bool {
        let now = self.start + Duration::from_millis(ms);
        self.connection.turn(&mut self.peer, &mut self.desk, now, false)
    }

    fn snapshot(&self, byte: u8, len: usize) {
        self.outbox.put_snapshot(|out| out.resize(len, byte));
    }

    fn ended_as(&self, label: &'static str) -> u64 {
        self.metrics.disconnects.get_or_create(&label.into()).get()
    }
}

/// A masked text frame; the mask is zero.
fn text(words: &str) -> Vec<u8> {
    [&[0x81, 0x80 | words.len() as u8, 0, 0, 0, 0][..], words.as_bytes()].concat()
}

fn close(code: u16) -> Vec<u8> {
    [&[0x88, 0x82, 0, 0, 0, 0][..], &code.to_be_bytes()].concat()
}

#[test]
fn a_short_read_is_the_last_one_unless_the_peer_has_ended() {
    let mut scene = Scene::new();
    scene.peer.says.push_back(Some([text("a"), text("b")].concat()));
    assert!(scene.turn(0) && !scene.connection.wants_more());
    assert_eq!((scene.peer.reads, &scene.notes.take()[..]), (1, &["a".to_owned(), "b".to_owned()][..]));
    // Nothing is read that was not told of.
    assert!(scene.turn(1));
    assert_eq!(scene.peer.reads, 1);
    scene.peer.says.extend([Some(text("c")), None]);
    scene.connection.look(true);
    assert!(!scene.turn(2), "the end behind it is found at once");
    assert_eq!(scene.notes.take(), ["c", "gone"], "lost, and not left");
    drop(scene.connection);
    let lost = scene.metrics.disconnects.get_or_create(&"lost".into()).get();
    assert_eq!((lost, scene.metrics.connections.get()), (1, 0));
}

#[test]
fn who_was_not_called_speaks_when_it_has_an_answer_only() {
    let mut scene = Scene::new();
    assert!(scene.turn_uncalled(0), "a new one looks for itself");
    scene.outbox.push(|out| out.push(7)).unwrap();
    scene.peer.says.push_back(Some(text("a")));
    scene.connection.look(false);
    assert!(scene.turn_uncalled(1));
    assert_eq!((scene.notes.take().len(), scene.peer.heard.len()), (1, 0));
    let ping = [0x89, 0x81, 0, 0, 0, 0, 9];
    scene.peer.says.push_back(Some(ping.into()));
    scene.connection.look(false);
    assert!(scene.turn_uncalled(2));
    assert_eq!(scene.peer.heard, [0x8a, 1, 9, 0x82, 1, 7], "a pong, and what waited with it");
    // What a stream did not take goes on by itself, and what came after it.
    scene.peer.takes = 50;
    scene.snapshot(1, 100);
    assert!(scene.turn(3));
    scene.outbox.push(|out| out.push(8)).unwrap();
    scene.peer.takes = usize::MAX;
    assert!(scene.turn_uncalled(4) && scene.peer.heard.ends_with(&[1, 0x82, 1, 8]));
}

#[test]
fn who_sends_without_end_takes_turns() {
    let mut scene = Scene::new();
    // Four frames fill a read to its last byte.
    let frame = [&[0x82, 0xfe, 0x0f, 0xf8, 0, 0, 0, 0][..], &[7; 0x0ff8]].concat();
    assert_eq!(INPUT, 4 * frame.len());
    for _ in 0..READS + 1 {
        scene.peer.says.push_back(Some(frame.repeat(4)));
    }
    assert!(scene.turn(0) && scene.connection.wants_more());
    assert_eq!(scene.peer.reads, READS);
}

#[test]
fn what_is_not_taken_waits_and_holds_up_snapshots_only() {
    let mut scene = Scene::new();
    scene.peer.takes = 50;
    scene.snapshot(1, 100);
    assert!(scene.turn(0));
    assert_eq!((scene.peer.heard.len(), scene.outbox.is_free()), (50, false));
    scene.outbox.push(|out| out.push(7)).unwrap();
    scene.peer.takes = 10;
    assert!(scene.turn(100) && !scene.outbox.is_free());
    scene.peer.takes = usize::MAX;
    assert!(scene.turn(200) && scene.outbox.is_free());
    let expected = [&[0x82, 100][..], &[1; 100], &[0x82, 1, 7]].concat();
    assert_eq!(scene.peer.heard, expected);
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let mut scene = Scene::new();
    scene.peer.says.push_back(Some(text("hello")));
    scene.peer.takes = 0;
    scene.snapshot(1, 100);
    assert!(scene.turn(0));
    assert_eq!(scene.connection.deadline(), scene.start + WRITE_TIMEOUT);
    assert!(scene.turn(11_000));
    // The end makes it shorter.
    scene.outbox.close(Farewell::bye(CloseCode::TooSlow));
    assert!(scene.turn(11_100));
    assert_eq!(scene.connection.deadline(), scene.start + WRITE_TIMEOUT, "and never longer");
    assert!(!scene.turn(12_000));
    drop(std::mem::replace(&mut scene.connection, Scene::new().connection));
    assert_eq!(scene.ended_as("too_slow"), 1, "for what the room said");
    assert_eq!(scene.notes.take(), ["hello", "gone"]);
}

#[test]
fn the_end_is_said_then_the_peer_has_a_moment_to_read_it() {
    let mut scene = Scene::new();
    scene.snapshot(1, 3);
    scene.outbox.close(Farewell::bye(CloseCode::Kicked));
    assert!(scene.turn(0) && scene.peer.shut);
    let kicked = CloseCode::Kicked.code().to_be_bytes();
    assert_eq!(scene.peer.heard[..5], [0x82, 3, 1, 1, 1]);
    assert_eq!(scene.peer.heard[7..9], kicked);
    assert_eq!(scene.notes.take(), ["gone"]);
    scene.peer.says.push_back(Some(text("what?")));
    scene.connection.look(false);
    assert!(scene.turn(500));
    assert_eq!(scene.notes.take().len(), 0, "read and forgotten");
    assert_eq!(scene.connection.deadline(), scene.start + LINGER);
    assert!(!scene.turn(1000));
    drop(std::mem::replace(&mut scene.connection, Scene::new().connection));
    assert_eq!(scene.ended_as("kicked"), 1);
}

#[test]
fn a_goodbye_is_answered() {
    let mut scene = Scene::new();
    scene.peer.says.extend([Some([text("a"), close(1000), text("b")].concat()), None]);
    scene.connection.look(true);
    assert!(!scene.turn(0), "both halves have ended");
    assert_eq!(scene.peer.heard, [0x88, 2, 0x03, 0xe8]);
    assert_eq!(scene.notes.take(), ["a", "left", "gone"]);
}

#[test]
fn silence_has_limits_and_pings_in_it() {
    let mut scene = Scene::new();
    let limits = scene.connection.limits.clone();
    assert_eq!(scene.connection.deadline(), scene.connection.patience.min(scene.connection.ping));
    scene.peer.says.push_back(Some(text("hello")));
    assert!(scene.turn(0));
    let silence = limits.silence.as_millis() as u64;
    let ping = limits.ping.as_millis() as u64;
    assert!(scene.turn(ping + 10));
    assert_eq!(scene.peer.heard, [0x89, 0]);
    assert!(scene.turn(silence - 1) && !scene.peer.shut);
    assert!(scene.turn(silence + 1) && scene.peer.shut);
    assert_eq!(scene.notes.take(), ["hello", "gone"], "lost, and not left");
    let mut mute = Scene::new();
    let hello = limits.hello.as_millis() as u64;
    assert!(mute.turn(hello + 100) && mute.peer.shut);
    assert_eq!(mute.notes.take(), ["left", "gone"]);
}

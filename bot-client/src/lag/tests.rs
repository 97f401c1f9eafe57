use std::pin::pin;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::pipe::{Source, Target, sent};
use super::*;

/// Has no resets, and keeps nothing back.
impl Source for DuplexStream {
    async fn late_reset(&self) {
        std::future::pending().await
    }
}

impl Target for DuplexStream {
    async fn sent(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Carries one direction until its end has been passed on.
async fn one_way(from: DuplexStream, to: DuplexStream, line: Line, counters: &Counters) {
    let (source, target) = (Side::default(), Side::default());
    tokio::select! {
        () = pipe((from, &source), (to, &target), line, counters) => panic!("nobody reset anything"),
        () = target.ended.notified() => {}
    }
}

const MS: Duration = Duration::from_millis(1);

fn stalls(length: Duration, share: f64) -> Option<Stall> {
    Some(Stall { length, share })
}

/// Delays of `n` segments sent 10 ms apart.
fn delays(conditions: Conditions, seed: u64, n: u32) -> Vec<Duration> {
    let mut line = Line::new(conditions, seed);
    let start = Instant::now();
    let sent = (0..n).map(|i| start + 10 * MS * i);
    sent.map(|at| line.arrival(at, 100).0 - at).collect()
}

#[test]
fn jitter_is_around_the_delay_and_the_same_for_the_same_seed() {
    // Segments 10 ms apart, so that ±4 ms never has to wait for the one before.
    let conditions = Conditions { delay: 40 * MS, jitter: 4 * MS, ..Conditions::default() };
    let seen = delays(conditions, 1, 2000);
    let (low, high) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
    assert!(*low >= 36 * MS && *low < 37 * MS, "{low:?}");
    assert!(*high <= 44 * MS && *high > 43 * MS, "{high:?}");
    let mean = seen.iter().sum::<Duration>() / 2000;
    assert!((39 * MS..41 * MS).contains(&mean), "{mean:?}");
    assert_eq!(seen, delays(conditions, 1, 2000));
    assert_ne!(seen, delays(conditions, 2, 2000));
    // More jitter than delay: nothing arrives before it was sent.
    let wild = Conditions { delay: 2 * MS, jitter: 50 * MS, ..Conditions::default() };
    assert!(delays(wild, 1, 2000).contains(&Duration::ZERO));
}

#[test]
fn stalls_come_as_often_as_asked_for_and_all_that_follows_waits() {
    let conditions = Conditions { delay: 40 * MS, stall: stalls(200 * MS, 0.01), ..Conditions::default() };
    let mut line = Line::new(conditions, 3);
    let start = Instant::now();
    let mut newest = start;
    let mut stalled = 0;
    for n in 0..10_000 {
        let now = start + 10 * MS * n;
        let (at, stall) = line.arrival(now, 100);
        assert!(at >= newest, "order is kept");
        assert!(at >= now + 40 * MS && at <= now + 240 * MS);
        assert_eq!(stall, at == now + 240 * MS);
        stalled += u32::from(stall);
        newest = at;
    }
    assert!((70..130).contains(&stalled), "{stalled}");
}

#[test]
fn a_rate_spaces_segments_and_leaves_pauses_alone() {
    let mut line = Line::new(Conditions { rate: Some(100_000), ..Conditions::default() }, 1);
    let start = Instant::now();
    assert_eq!(line.has_room_at(), None);
    let arrivals: Vec<_> = (0..30).map(|_| line.arrival(start, 1000).0 - start).collect();
    assert!(arrivals.iter().zip(1..).all(|(&at, n)| at == 10 * MS * n), "{arrivals:?}");
    assert_eq!(line.has_room_at(), Some(start + 50 * MS), "300 ms are queued, 250 may be");
    let later = start + Duration::from_secs(1);
    assert_eq!(line.arrival(later, 1000).0, later + 10 * MS, "an idle line is free at once");
}

#[tokio::test(start_paused = true)]
async fn a_pipe_carries_all_bytes_in_order_at_its_own_pace() {
    let (mut client, near) = tokio::io::duplex(64 * 1024);
    let (far, mut server) = tokio::io::duplex(64 * 1024);
    let conditions = Conditions {
        delay: 40 * MS,
        jitter: 30 * MS,
        stall: stalls(200 * MS, 0.2),
        rate: Some(50_000),
        cut: None,
    };
    let counters = Arc::new(Counters::default());
    let carried = tokio::spawn({
        let counters = Arc::clone(&counters);
        async move { one_way(near, far, Line::new(conditions, 5), &counters).await }
    });
    let start = Instant::now();
    let sent: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    tokio::spawn(async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
    });
    let mut first = [0; 1];
    server.read_exact(&mut first).await.unwrap();
    assert!(start.elapsed() >= 10 * MS, "{:?}", start.elapsed());
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).await.unwrap();
    assert!(first[0] == expected[0] && rest == expected[1..], "every byte in order, and then the end");
    let took = start.elapsed();
    assert!(took >= 2000 * MS && took < 2500 * MS, "100 kB at 50 kB/s: {took:?}");
    carried.await.unwrap();
    assert_eq!(counters.bytes.load(Relaxed), 100_000);
    assert!(counters.stalls.load(Relaxed) > 5);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_nobody_reads_is_stopped() {
    let (mut client, near) = tokio::io::duplex(1024);
    let (far, _unread) = tokio::io::duplex(1024);
    let counters = Counters::default();
    let flood = async {
        let mut sent = 0;
        while client.write_all(&[0; 1024]).await.is_ok() {
            sent += 1024;
            if sent > 100 * UNDER_WAY * SEGMENT {
                break;
            }
        }
    };
    let carry = one_way(near, far, Line::new(Conditions::default(), 1), &counters);
    let both = async { tokio::join!(flood, carry) };
    assert!(tokio::time::timeout(Duration::from_secs(60), both).await.is_err(), "it waits for ever");
    assert!(counters.bytes.load(Relaxed) <= ((UNDER_WAY + 2) * SEGMENT) as u64);
}

#[tokio::test(start_paused = true)]
async fn a_perfect_line_takes_no_time_at_all() {
    let (mut client, near) = tokio::io::duplex(1024);
    let (far, mut server) = tokio::io::duplex(1024);
    let counters = Counters::default();
    // Between two of the timer's ticks, where it rounds up.
    tokio::time::advance(Duration::from_micros(300)).await;
    let start = Instant::now();
    let talk = async {
        for n in 0..100 {
            client.write_all(&[n]).await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), n);
        }
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    };
    tokio::join!(talk, one_way(near, far, Line::new(Conditions::default(), 1), &counters));
    assert_eq!(start.elapsed(), Duration::ZERO, "no timer was waited for");
}

/// Both ends of a connection over loopback.
async fn socket_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_waits_in_the_kernel_is_sent_before_a_reset() {
    let (near, mut far) = socket_pair().await;
    let mut written = 0;
    near.writable().await.unwrap();
    while let Ok(len) = near.try_write(&[7; 4096]) {
        written += len;
    }
    {
        let mut sent = pin!(sent(&near));
        assert!(timeout(50 * MS, &mut sent).await.is_err(), "nobody reads");
        let mut got = 0;
        let mut buffer = vec![0; 64 * 1024];
        let read = async {
            loop {
                got += far.read(&mut buffer).await.unwrap();
            }
        };
        tokio::select! {
            sent = sent => sent.unwrap(),
            () = read => {}
        }
        written -= got;
    }
    near.set_zero_linger().unwrap();
    drop(near);
    let mut rest = Vec::new();
    let error = far.read_to_end(&mut rest).await.expect_err("a reset");
    assert_eq!((error.kind(), rest.len()), (io::ErrorKind::ConnectionReset, written));
}

#[test]
fn a_proxy_must_not_lead_to_itself() {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    for (to, own, back) in [
        ("127.0.0.1:9", "127.0.0.1:9", true),
        ("127.0.0.1:8", "127.0.0.1:9", false),
        ("127.0.0.2:9", "127.0.0.1:9", false),
        ("0.0.0.0:9", "127.0.0.1:9", true),
        ("127.0.0.1:9", "0.0.0.0:9", true),
        ("127.0.0.2:9", "0.0.0.0:9", true),
        ("0.0.0.0:9", "0.0.0.0:9", true),
        ("127.0.0.1:9", "[::]:9", true),
        ("[::ffff:127.0.0.1]:9", "127.0.0.1:9", true),
        ("[::1]:9", "127.0.0.1:9", false),
        // Documentation's own: no machine has it.
        ("192.0.2.1:9", "0.0.0.0:9", false),
    ] {
        assert_eq!(leads_back(at(to), at(own)), back, "{to} from {own}");
    }
    assert!(leads_back(at("[::]:9"), at("[::1]:9")));
}

#[tokio::test]
async fn who_did_not_answer_is_told_from_what_is_short_here() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = connect(nobody, &Conditions::default()).await.expect_err("nobody is there");
    assert!(matches!(refused, Trouble::Refused(_)), "{refused}");
    let short = Tally { short: 3, ..Tally::default() }.to_string();
    assert!(short.contains("0 refused by the other end, 3 times short of files"), "{short}");
}

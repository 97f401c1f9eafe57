//! A room that panics: its players are told, its last minute is kept, and nobody else notices.

use harness::GameServer;
use protocol::{CloseCode, Retry};
use server::record::replay::{Plan, replay};

use super::{SECOND, join};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_panics_takes_nobody_elses_ticks() {
    let dir = std::env::temp_dir().join(format!("drift-arena-e2e-fail-{}", std::process::id()));
    let server =
        GameServer::start(|raw| raw.record.dir = dir.to_str().expect("a plain path").to_owned()).await;
    let (mut a, mut b) = (join(&server, "A", "good").await, join(&server, "B", "good").await);
    let (mut c, mut d) = (join(&server, "C", "bad").await, join(&server, "D", "bad").await);
    let fail = async {
        tokio::time::sleep(SECOND).await;
        *server.fail_room.lock().expect("nobody panicked over it") = Some("BAD".parse().expect("a code"));
    };
    let (_, _, c_closed, d_closed, ()) = tokio::join!(
        a.play(3 * SECOND),
        b.play(3 * SECOND),
        c.closes(20 * SECOND),
        d.closes(20 * SECOND),
        fail
    );
    for closed in [c_closed, d_closed] {
        let closed = closed.expect("its players are told");
        assert_eq!(closed.code, CloseCode::RoomFailed.code());
        assert_eq!(closed.retry(), Retry::Yes);
    }
    for other in [&a, &b] {
        other.assert_served(3 * SECOND);
        let gap = other.ticks.windows(2).map(|pair| pair[1].since(pair[0])).max().expect("ticks");
        assert!(gap < 15, "ticks of the other room went on: {gap}");
    }
    server.metric_reaches("drift_disconnects_total{reason=\"room_failed\"}", 2.0).await;
    assert_eq!((server.metric("drift_room_failures_total"), server.metric("drift_rooms")), (1.0, 1.0));
    // The same code opens a new room.
    let mut again = join(&server, "C", "bad").await;
    again.play(SECOND).await;
    again.assert_served(SECOND);
    server.stop().await;
    let files = std::fs::read_dir(&dir).expect("a folder").map(|entry| entry.expect("readable").path());
    let failed = files.filter(|path| path.to_string_lossy().ends_with("-failed.drift")).collect::<Vec<_>>();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let flight = std::fs::read(&failed[0]).expect("readable");
    let summary = replay(&flight, Plan { verify: true, from: None }).expect("the same way");
    assert_eq!((summary.header.room.as_str(), summary.players), ("BAD", 2));
    std::fs::remove_dir_all(&dir).expect("it was there");
}

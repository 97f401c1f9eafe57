//! The page and what else answers over HTTP.

use std::time::Duration;

use harness::GameServer;
use harness::game_server::raw_exchange;
use harness::outside::root;
use server::record::format::{Header, Reader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_and_a_browsers_copy_is_checked_each_time() {
    let server = GameServer::start(|_| ()).await;
    let page = raw_exchange(server.address, &get("/", "")).await;
    assert_eq!(status(&page), "200");
    assert!(page.contains("<canvas"), "the arena");
    assert_eq!(header(&page, "cache-control"), Some("no-cache"));
    assert!(header(&page, "content-security-policy").expect("a policy").contains("default-src 'self'"));
    assert_eq!(header(&page, "x-content-type-options"), Some("nosniff"));
    let etag = header(&page, "etag").expect("an ETag");
    let again = raw_exchange(server.address, &get("/", &format!("If-None-Match: {etag}\r\n"))).await;
    assert_eq!(status(&again), "304");
    assert!(again.ends_with("\r\n\r\n"), "without the body");
    let old = raw_exchange(server.address, &get("/", "If-None-Match: \"old\"\r\n")).await;
    assert_eq!(status(&old), "200");
    let script = raw_exchange(server.address, &get("/main.js?x=1", "")).await;
    assert_eq!(header(&script, "content-type"), Some("text/javascript; charset=utf-8"));
    let head = get("/", "").replacen("GET", "HEAD", 1);
    let head = raw_exchange(server.address, &head).await;
    assert!(status(&head) == "200" && head.ends_with("\r\n\r\n"), "{head}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_page_is_served() {
    let server = GameServer::start(|raw| raw.listen = "127.0.0.1:0".into()).await;
    for path in
        ["/nothing", "/../Cargo.toml", "/..%2fCargo.toml", "//etc/passwd", "/test/codec.test.js", "/metrics"]
    {
        assert_eq!(status(&raw_exchange(server.address, &get(path, "")).await), "404", "{path}");
    }
    let post = get("/", "Content-Length: 0\r\n").replacen("GET", "POST", 1);
    assert_eq!(status(&raw_exchange(server.address, &post).await), "405");
    assert_eq!(status(&raw_exchange(server.address, "nonsense\r\n\r\n").await), "400");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_handshake_gets_its_own_answer() {
    let server = GameServer::start(|_| ()).await;
    let right = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: drift.v1.bincode\r\n";
    let request = |head: &str| format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{head}\r\n");
    let answer = raw_exchange(server.address, &request(right)).await;
    assert_eq!(status(&answer), "101");
    assert_eq!(header(&answer, "sec-websocket-protocol"), Some("drift.v1.bincode"));
    assert_eq!(header(&answer, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    for (wrong, by, expected) in [
        ("Upgrade: websocket\r\n", "", "426"),
        ("Version: 13", "Version: 12", "426"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", "400"),
        ("drift.v1.bincode", "drift.v2.bincode", "400"),
        ("Sec-WebSocket-Protocol: drift.v1.bincode\r\n", "", "400"),
    ] {
        let answer = raw_exchange(server.address, &request(&right.replace(wrong, by))).await;
        assert_eq!(status(&answer), expected, "{wrong} -> {by}: {answer}");
        assert!(
            answer.trim_end().len() > answer.find("\r\n\r\n").expect("a head") + 10,
            "it says what would be right"
        );
    }
    let post = request(right).replacen("GET", "POST", 1);
    assert_eq!(status(&raw_exchange(server.address, &post).await), "405");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_has_health_and_metrics() {
    let server = GameServer::start(|_| ()).await;
    let health = raw_exchange(server.admin, &get("/healthz", "")).await;
    assert!(status(&health) == "200" && health.ends_with("ok\n"));
    let metrics = raw_exchange(server.admin, &get("/metrics", "")).await;
    assert!(metrics.contains("# TYPE drift_ticks counter") && metrics.trim_end().ends_with("# EOF"));
    assert_eq!(status(&raw_exchange(server.admin, &get("/", "")).await), "404");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_is_given_up() {
    let server = GameServer::start(|raw| raw.net.handshake_secs = 1).await;
    for beginning in ["GET / HTTP/1.1\r\nHost: lo", ""] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("open");
        stream.write_all(beginning.as_bytes()).await.expect("sent");
        // An answer or none; what counts is that the server ends it.
        let given_up =
            tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut Vec::new())).await;
        assert!(given_up.is_ok(), "{beginning:?} is waited for");
    }
    server.stop().await;
}

/// A folder of recordings for one test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let dir = std::env::temp_dir().join(format!("drift-arena-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        Folder(dir)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_shown_only_where_the_operator_says_so() {
    let folder = Folder::new("hidden");
    std::fs::copy(root().join("assets/replays/duel.drift"), folder.0.join("duel.drift")).expect("a copy");
    let server = GameServer::start(|raw| raw.record.dir = folder.0.to_string_lossy().into_owned()).await;
    for path in ["/replays", "/replays/duel.drift", "/replays/../duel.drift"] {
        let answer = raw_exchange(server.address, &get(path, "")).await;
        assert_eq!(status(&answer), "404", "{path}");
        assert!(answer.contains("--serve-replays"), "it says how: {answer}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn films_are_made_of_recordings_and_of_nothing_else() {
    let folder = Folder::new("shown");
    let golden =
        |name: &str| std::fs::read(root().join("assets/replays").join(name)).expect("a golden recording");
    std::fs::write(folder.0.join("duel.drift"), golden("duel.drift")).expect("a copy");
    std::fs::write(folder.0.join("notes.drift"), "no recording").expect("a file");
    std::fs::write(folder.0.join("secret.txt"), "secret").expect("a file");
    let mut flipped = golden("duel.drift");
    flipped[20] ^= 1;
    std::fs::write(folder.0.join("flipped.drift"), flipped).expect("a file");
    let other = Header { rules: 1, ..Reader::open(&golden("duel.drift")).expect("a recording").0 };
    let mut bytes = Vec::new();
    other.write(&mut bytes);
    std::fs::write(folder.0.join("other.drift"), bytes).expect("a file");
    let server = GameServer::start(|raw| {
        raw.record.dir = folder.0.to_string_lossy().into_owned();
        raw.record.serve = true;
    })
    .await;
    let list = raw_exchange(server.address, &get("/replays", "")).await;
    assert!(status(&list) == "200" && list.contains("\"duel.drift\"") && !list.contains("secret"), "{list}");
    for (path, code, text) in [
        ("/replays/none.drift", "404", "no such recording"),
        ("/replays/secret.txt", "400", "ending in .drift"),
        ("/replays/../secret.txt", "400", "not the name"),
        ("/replays/..%2fduel.drift", "400", "not the name"),
        ("/replays/%2e%2e/duel.drift", "400", "not the name"),
        ("/replays/%64uel.drift", "400", "not the name"),
        ("/replays//duel.drift", "400", "not the name"),
        ("/replays/duel.drift?from=soon", "400", "a number"),
        ("/replays/duel.drift?from=99999", "422", "no tick 99999"),
        ("/replays/notes.drift", "422", "not a recording"),
        ("/replays/flipped.drift", "422", "damaged"),
        ("/replays/other.drift", "422", "other rules"),
        ("/replayshop", "404", "no such page"),
    ] {
        let answer = patiently(&server, path).await;
        assert_eq!(status(&answer), code, "{path}: {answer}");
        assert!(answer.contains(text), "{path}: {answer}");
    }
    let film = patiently(&server, "/replays/duel.drift").await;
    assert_eq!(status(&film), "200");
    assert!(film.contains("DRIFTFL") && film.contains("\"last\":300"), "the whole of it");
    assert_eq!(header(&film, "content-type"), Some("application/octet-stream"));
    let head = get("/replays/duel.drift", "").replacen("GET", "HEAD", 1);
    assert_eq!(status(&raw_exchange(server.address, &head).await), "405", "no work for nothing");
    server.stop().await;
}

/// Asks again while another film is being made; the server says when.
async fn patiently(server: &GameServer, path: &str) -> String {
    for _ in 0..200 {
        let answer = raw_exchange(server.address, &get(path, "")).await;
        if status(&answer) != "503" {
            return answer;
        }
        assert_eq!(header(&answer, "retry-after"), Some("2"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server is busy for ever");
}

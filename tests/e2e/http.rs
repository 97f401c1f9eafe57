//! The page and what else answers over HTTP.

use std::time::Duration;

use harness::GameServer;
use harness::game_server::raw_exchange;
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

//! https and wss: who gets in, what a certificate's exchange changes, and peers that never come to the end of a handshake.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use bot_client::swarm::{self, profile::Mix};
use bot_client::{Client, Incoming, Options, Trust};
use harness::game_server::raw_exchange;
use harness::{GameServer, Player};
use protocol::codec::Encoding;
use server::RawConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{SECOND, named};

/// A folder with a certificate and its key, gone with it.
struct Files(PathBuf);

impl Files {
    /// A pair for `name` that ends at the beginning of a year.
    fn new(name: &str, end: i32) -> Files {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("drift-arena-tls-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).expect("a temporary folder");
        let files = Files(dir);
        files.write(name, end);
        files
    }

    fn write(&self, name: &str, end: i32) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(end, 1, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(self.0.join("cert.pem"), certificate.pem()).expect("written");
        fs::write(self.0.join("key.pem"), key.serialize_pem()).expect("written");
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a plain path").to_owned()
    }

    fn configure(&self, raw: &mut RawConfig) {
        raw.tls.cert = self.path("cert.pem");
        raw.tls.key = self.path("key.pem");
    }

    fn trust(&self) -> Trust {
        Trust::only(&self.0.join("cert.pem")).expect("a certificate")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn open(server: &GameServer, trust: &Trust, encoding: Encoding) -> Result<Client, bot_client::Error> {
    let options = Options { trust: trust.clone(), encoding, ..Options::default() };
    Client::open(&server.endpoint(), &options).await
}

async fn join(server: &GameServer, trust: &Trust, name: &str) -> Player {
    let mut client = open(server, trust, Encoding::Bincode).await.expect("open");
    let welcome = client.join(named(name, "r")).await.expect("a seat");
    Player::seated(client, welcome)
}

/// The page over https: its head and body, what ALPN agreed on, and the certificate.
async fn page(server: &GameServer, trust: &Trust) -> (String, Option<Vec<u8>>, Vec<u8>) {
    let stream = TcpStream::connect(server.address).await.expect("it listens");
    let mut stream = trust.connect(stream, "127.0.0.1").await.expect("a certificate that is believed");
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream.flush().await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer that ends as TLS should");
    let tls = stream.get_ref().1;
    let certificate = tls.peer_certificates().expect("it showed one")[0].to_vec();
    (String::from_utf8_lossy(&answer).into_owned(), tls.alpn_protocol().map(<[u8]>::to_vec), certificate)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_both_subprotocols_work_over_tls() {
    let files = Files::new("127.0.0.1", 2100);
    let server = GameServer::start(|raw| files.configure(raw)).await;
    let trust = files.trust();
    let (answer, alpn, _) = page(&server, &trust).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<canvas"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    assert_eq!(alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(server.metric("drift_tls_certificate_expiry_seconds"), 4_102_444_800.0, "2100-01-01");

    let mut player = join(&server, &trust, "Ada").await;
    player.play(3 * SECOND).await;
    player.assert_served(3 * SECOND);
    let mut script = open(&server, &trust, Encoding::Json).await.expect("open");
    script.join(named("Script", "r")).await.expect("a seat");
    let mut views = 0;
    while views < 10 {
        views += u32::from(matches!(script.next().await.expect("a message"), Incoming::View(_)));
    }
    let closed = player.client.close(1000, "").await.expect("a close frame through TLS");
    assert_eq!(closed.code, 1000);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_certificate_that_is_believed_and_fits_the_name_will_do() {
    let files = Files::new("127.0.0.1", 2100);
    let elsewhere = Files::new("arena.example", 2100);
    let server = GameServer::start(|raw| files.configure(raw)).await;
    // The system's authorities, if it has any, do not know this one.
    for (trust, word) in [(Trust::system(), "secure"), (elsewhere.trust(), "certificate")] {
        let error = open(&server, &trust, Encoding::Bincode).await.err().expect("refused").to_string();
        assert!(error.contains("cannot secure") && error.contains(word), "{error}");
    }
    drop(server);
    let server = GameServer::start(|raw| elsewhere.configure(raw)).await;
    let error = open(&server, &elsewhere.trust(), Encoding::Bincode).await.err().expect("refused");
    assert!(error.to_string().contains("certificate"), "for another name: {error}");
    join(&server, &Trust::anybody(), "Careless").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_development_is_never_pinned() {
    let server = GameServer::start(|raw| raw.tls.dev = true).await;
    let (answer, _, _) = page(&server, &Trust::anybody()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.to_lowercase().contains("strict-transport-security"), "{answer}");
    let fingerprint = server.tls.as_ref().expect("it speaks TLS").fingerprint();
    assert_eq!(fingerprint.split(':').count(), 32, "{fingerprint}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_connections_get_a_new_certificate_and_old_ones_go_on() {
    let files = Files::new("127.0.0.1", 2100);
    let server = GameServer::start(|raw| files.configure(raw)).await;
    let old = files.trust();
    let mut player = join(&server, &old, "Ada").await;
    let (_, _, first) = page(&server, &old).await;
    let reloads = |result: &str| format!("drift_tls_reloads_total{{reason=\"{result}\"}}");

    // The files' change is noticed.
    files.write("127.0.0.1", 2101);
    let good = reloads("ok");
    tokio::select! {
        () = server.metric_reaches(&good, 1.0) => {}
        () = player.play(60 * SECOND) => {}
    }
    let (_, _, second) = page(&server, &files.trust()).await;
    assert_ne!(first, second);
    assert_eq!(server.metric("drift_tls_certificate_expiry_seconds"), 4_133_980_800.0, "2101-01-01");

    // A bad pair changes nothing, on request or by itself.
    let trust = files.trust();
    let key = fs::read(files.path("key.pem")).expect("it is there");
    fs::write(files.path("key.pem"), "no key").expect("written");
    server.tls.as_ref().expect("it speaks TLS").reload();
    server.metric_reaches(&reloads("failed"), 1.0).await;
    assert_eq!(page(&server, &trust).await.2, second);
    fs::remove_file(files.path("cert.pem")).expect("it was there");
    server.metric_reaches(&reloads("failed"), 2.0).await;
    assert_eq!(page(&server, &trust).await.2, second);

    // And a good one does again, though it is one that was there before.
    files.write("127.0.0.1", 2102);
    assert_ne!(fs::read(files.path("key.pem")).expect("it is there"), key);
    server.tls.as_ref().expect("it speaks TLS").reload();
    server.metric_reaches(&good, 2.0).await;
    assert_ne!(page(&server, &files.trust()).await.2, second);

    player.ticks.clear();
    player.play(2 * SECOND).await;
    player.assert_served(2 * SECOND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_never_ends_is_given_up_and_nobody_else_notices() {
    let files = Files::new("127.0.0.1", 2100);
    let configure = |raw: &mut RawConfig| {
        files.configure(raw);
        raw.net.handshake_secs = 1;
    };
    let server = GameServer::start(configure).await;
    let mut player = join(&server, &files.trust(), "Good").await;
    let (address, trust) = (server.address, files.trust());
    let slow = async move {
        // Nothing; the head of a record that is to be long; a record that is none; a hello that does not go on.
        let beginnings: [&[u8]; 4] =
            [b"", &[22, 3, 1, 2, 0], &[0x80; 40], &[22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3]];
        for beginning in beginnings {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.write_all(beginning).await.expect("sent");
            let ended = tokio::time::timeout(10 * SECOND, stream.read_to_end(&mut Vec::new())).await;
            assert!(ended.is_ok(), "{beginning:?} is waited for");
        }
        // The deadline is one for the TLS handshake and the head behind it.
        let stream = TcpStream::connect(address).await.expect("it listens");
        let mut stream = trust.connect(stream, "127.0.0.1").await.expect("TLS");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: lo").await.expect("sent");
        stream.flush().await.expect("sent");
        let ended = tokio::time::timeout(10 * SECOND, stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "half a head is waited for");
    };
    let mut slow = std::pin::pin!(slow);
    let begun = std::time::Instant::now();
    loop {
        tokio::select! {
            () = &mut slow => break,
            () = player.play(SECOND) => {}
        }
    }
    player.assert_served(begun.elapsed());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_per_network_count_before_tls() {
    let files = Files::new("127.0.0.1", 2100);
    let configure = |raw: &mut RawConfig| {
        files.configure(raw);
        raw.net.limit_loopback = true;
        raw.net.max_per_ip = 1;
    };
    let server = GameServer::start(configure).await;
    let mut player = join(&server, &files.trust(), "Good").await;
    let more = TcpStream::connect(server.address).await.expect("the system accepts");
    assert!(files.trust().connect(more, "127.0.0.1").await.is_err(), "nothing is said to it");
    assert_eq!(server.metric("drift_connections_refused_total{reason=\"per_ip\"}"), 1.0);
    player.play(SECOND).await;
    player.assert_served(SECOND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_told_where_to_go() {
    let files = Files::new("127.0.0.1", 2100);
    let configure = |raw: &mut RawConfig| {
        files.configure(raw);
        raw.net.redirect_http = "127.0.0.1:0".into();
    };
    let server = GameServer::start(configure).await;
    let get = |head: &str| format!("GET /x?y=1 HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
    let wrong_port = raw_exchange(server.address, &get("Host: localhost\r\n")).await;
    assert!(wrong_port.starts_with("HTTP/1.1 400 ") && wrong_port.contains("speaks https"), "{wrong_port}");

    let redirect = server.redirect.expect("it listens");
    let answer = raw_exchange(redirect, &get("Host: play.example.org:8080\r\n")).await;
    let target = format!("\r\nlocation: https://play.example.org:{}/x?y=1\r\n", server.address.port());
    assert!(answer.starts_with("HTTP/1.1 308 ") && answer.contains(&target), "{answer}");
    for host in ["", "Host: me@evil.example\r\n", "Host: a\r\nHost: b\r\n"] {
        let answer = raw_exchange(redirect, &get(host)).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("location"), "{host}: {answer}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_that_speaks_tls_the_own_page_may_connect() {
    let server = GameServer::start(|raw| raw.net.trusted_proxies = vec!["127.0.0.1".into()]).await;
    let ask = async |origin: &str, forwarded: &str| {
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: play.example.org\r\nOrigin: {origin}\r\n{forwarded}Connection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: drift.v1.bincode\r\n\r\n"
        );
        raw_exchange(server.address, &head).await.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let client = "X-Forwarded-For: 192.0.2.7\r\n";
    assert_eq!(ask("https://play.example.org", client).await, "101");
    assert_eq!(ask("https://evil.example", client).await, "403");
    assert_eq!(ask("https://play.example.org", "").await, "400", "the proxy must say who it is");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swarm_plays_over_wss() {
    let server = GameServer::start(|raw| raw.tls.dev = true).await;
    let config = swarm::Config {
        url: server.endpoint(),
        trust: Trust::anybody(),
        bots: 20,
        duration: 3 * SECOND,
        rate: 50.0,
        room: None,
        rooms: None,
        profiles: Mix::default(),
        sources: 1,
        seed: 1,
        predict: 0.05,
        metrics: None,
        threads: 1,
    };
    let outcome = swarm::run(config, std::future::pending(), |_| ()).await;
    assert_eq!(outcome.report.bots.connected, 20, "{:?}", outcome.first_failure);
    assert!(outcome.report.is_clean(), "{}", outcome.report);
    assert!(outcome.report.url.starts_with("wss://"), "{}", outcome.report.url);
    server.stop().await;
}

//! The program with a certificate of its own: what SIGHUP changes, and what it speaks below HTTP.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bot_client::hosted::Hosted;
use bot_client::{Client, Options, Trust};
use protocol::message::Hello;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, ClientConfig, Error, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// What a busy machine may need for anything.
const LONG: Duration = Duration::from_secs(20);

/// A folder with a certificate for 127.0.0.1 and its key, gone with it.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Files {
        let dir = std::env::temp_dir().join(format!("drift-arena-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a temporary folder");
        let files = Files(dir);
        files.write();
        files
    }

    /// Another pair in the same place.
    fn write(&self) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        fs::write(self.cert(), made.cert.pem()).expect("written");
        fs::write(self.key(), made.signing_key.serialize_pem()).expect("written");
    }

    fn cert(&self) -> PathBuf {
        self.0.join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn start(files: &Files) -> Hosted {
    let text = |path: PathBuf| path.to_str().expect("a plain path").to_owned();
    let arguments: Vec<String> = ["--listen", "127.0.0.1:0", "--pilots", "0", "--tls-cert"]
        .map(str::to_owned)
        .into_iter()
        .chain([text(files.cert()), "--tls-key".into(), text(files.key())])
        .collect();
    Hosted::start(Path::new(env!("CARGO_BIN_EXE_server")), &arguments, None).await.expect("a server")
}

async fn join(server: &Hosted, trust: Trust) -> Result<Client, bot_client::Error> {
    let options = Options { trust, ..Options::default() };
    let mut client = Client::open(&server.url, &options).await?;
    client.join(Hello { name: "Ada".into(), ..Hello::default() }).await?;
    Ok(client)
}

/// How many times the files were read again with success.
async fn reloads(server: &Hosted) -> u32 {
    let target = server.metrics.as_ref().expect("it says where its metrics are").to_string();
    let host = target.trim_start_matches("http://").trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(host).await.expect("it listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix("drift_tls_reloads_total{reason=\"ok\"} "));
    value.map_or(0, |value| value.parse().expect("a number"))
}

/// Sends SIGHUP, and waits until the files have been read so many times.
async fn hang_up(server: &Hosted, until: u32) {
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
    let deadline = Instant::now() + LONG;
    while reloads(server).await < until {
        assert!(Instant::now() < deadline, "the files are not read again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn after_a_hang_up_new_connections_are_shown_the_pair_that_is_in_the_files_now() {
    let files = Files::new("hang-up");
    let server = start(&files).await;
    let first = Trust::only(&files.cert()).expect("a certificate");
    let mut player = join(&server, first.clone()).await.expect("a seat");
    // Only the signal has files read that have not changed.
    hang_up(&server, 1).await;
    join(&server, first.clone()).await.expect("still the same certificate");

    files.write();
    hang_up(&server, 2).await;
    let second = Trust::only(&files.cert()).expect("a certificate");
    join(&server, second).await.expect("the new certificate");
    let error = join(&server, first).await.err().expect("the old one is shown to nobody").to_string();
    assert!(error.contains("certificate"), "{error}");
    // Whoever was there goes on with what was agreed on then.
    for _ in 0..30 {
        let incoming = tokio::time::timeout(LONG, player.next()).await.expect("snapshots go on");
        assert!(matches!(incoming, Ok(bot_client::Incoming::Message(_))), "{incoming:?}");
    }
}

/// Shakes hands as a client that offers these protocols; says which one was agreed on.
async fn agree(server: &Hosted, files: &Files, offer: &[&str]) -> Result<Option<Vec<u8>>, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.cert()).expect("a certificate")).expect("a usable one");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offer.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.url.authority()).await.expect("it listens");
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
}

#[tokio::test]
async fn a_client_that_speaks_nothing_but_http_2_is_told_so_in_the_handshake() {
    let files = Files::new("alpn");
    let server = start(&files).await;
    let refused = agree(&server, &files, &["h2"]).await.expect_err("refused");
    let why = refused.get_ref().and_then(|error| error.downcast_ref::<Error>());
    assert_eq!(why, Some(&Error::AlertReceived(AlertDescription::NoApplicationProtocol)), "{refused}");
    // Browsers offer both, scripts often nothing.
    let both = agree(&server, &files, &["h2", "http/1.1"]).await.expect("a handshake");
    assert_eq!(both.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(agree(&server, &files, &[]).await.expect("a handshake"), None);
    let trust = Trust::only(&files.cert()).expect("a certificate");
    join(&server, trust).await.expect("and others play");
}

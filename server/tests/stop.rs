//! The end of the program: who may ask for it, and what a second word does.

#![cfg(unix)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use bot_client::Client;
use bot_client::hosted::Hosted;
use protocol::message::Hello;

/// What a busy machine may need for anything.
const LONG: Duration = Duration::from_secs(20);

async fn start() -> Hosted {
    let arguments = ["--listen", "127.0.0.1:0", "--pilots", "0"].map(str::to_owned);
    Hosted::start(Path::new(env!("CARGO_BIN_EXE_server")), &arguments, None).await.expect("a server")
}

fn signal(server: &Hosted, signal: &str) {
    assert!(Command::new("kill").args([signal, &server.id().to_string()]).status().expect("kill").success());
}

fn drain(server: &Hosted) {
    let target = server.metrics.as_ref().expect("it says where its metrics are").to_string();
    let host = target.trim_start_matches("http://").trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(host).expect("it listens");
    write!(stream, "POST /admin/drain HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n").expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 202");
}

fn end(mut server: Hosted) -> ExitStatus {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(status) = server.ended().expect("known") {
            return status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Somebody who does not answer the good-bye, so that it takes its time.
async fn deaf(server: &Hosted) -> Client {
    let hello = Hello { name: "Deaf".into(), ..Hello::default() };
    Client::connect(&server.url, hello).await.expect("a seat").0
}

/// A server that says good-bye to somebody deaf: by a signal, or because its operator wants it.
async fn ending(by_signal: Option<&str>) -> (Hosted, Client) {
    let server = start().await;
    let deaf = deaf(&server).await;
    match by_signal {
        Some(name) => signal(&server, name),
        None => drain(&server),
    }
    (server, deaf)
}

#[tokio::test]
async fn an_operator_or_a_signal_ends_it_politely() {
    for by_signal in [None, Some("-TERM")] {
        let (server, _deaf) = ending(by_signal).await;
        assert_eq!(end(server).code(), Some(0), "by a signal: {by_signal:?}");
    }
}

#[tokio::test]
async fn a_signal_during_the_good_byes_ends_it_at_once_whoever_began_them() {
    for by_signal in [None, Some("-INT")] {
        let (server, _deaf) = ending(by_signal).await;
        signal(&server, "-TERM");
        // Politely it would be 0.
        assert_eq!(end(server).code(), Some(1), "begun by a signal: {by_signal:?}");
    }
}

//! The lag proxy on loopback: what goes in comes out, later; cuts are resets; the command says what it does and ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A server that sends everything back.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let (mut from, mut to) = (&stream, &stream);
                let _ = std::io::copy(&mut from, &mut to);
                let _ = stream.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    address
}

/// The proxy; it dies with the test.
struct Proxy {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Proxy {
    fn start(to: &str, conditions: &[&str]) -> Proxy {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bot-client"))
            .args(["lag", "--listen", "127.0.0.1:0", "--to", to])
            .args(conditions)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary was built for this test");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Proxy { child, stdout, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn many_connections_are_delayed_each_by_itself_and_lose_nothing() {
    let proxy = Proxy::start(&echo(), &["--delay", "40ms", "--jitter", "10ms", "--stall", "20ms@10%"]);
    thread::scope(|scope| {
        for n in 0..8u8 {
            let proxy = &proxy;
            scope.spawn(move || {
                let mut stream = proxy.connect();
                let start = Instant::now();
                stream.write_all(&[n]).unwrap();
                stream.read_exact(&mut [0]).unwrap();
                let trip = start.elapsed();
                assert!(trip >= Duration::from_millis(60), "{trip:?}");
                assert!(trip < Duration::from_secs(2), "eight at once, not one after the other: {trip:?}");
                let sent: Vec<u8> = (0..200_000u32).map(|i| (i % 241) as u8 ^ n).collect();
                let mut writer = stream.try_clone().unwrap();
                let copy = sent.clone();
                scope.spawn(move || {
                    writer.write_all(&copy).unwrap();
                    writer.shutdown(std::net::Shutdown::Write).unwrap();
                });
                let mut got = Vec::new();
                stream.read_to_end(&mut got).unwrap();
                assert!(got == sent, "every byte in order");
            });
        }
    });
}

#[test]
fn a_connection_that_is_old_enough_is_reset() {
    let proxy = Proxy::start(&echo(), &["--cut", "300ms"]);
    let mut stream = proxy.connect();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let start = Instant::now();
    let error = stream.read(&mut [0]).expect_err("no orderly end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(start.elapsed() > Duration::from_millis(100), "{:?}", start.elapsed());
    proxy.connect().write_all(b"and the next one is taken").unwrap();
}

#[test]
#[cfg(unix)]
fn the_interrupt_ends_it_with_a_summary() {
    let mut proxy = Proxy::start(&echo(), &[]);
    let mut stream = proxy.connect();
    stream.write_all(b"four").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    let killed = Command::new("kill").args(["-INT", &proxy.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut summary = String::new();
    proxy.stdout.read_to_string(&mut summary).unwrap();
    assert!(summary.starts_with("1 connections, 0 cut, 0 refused"), "{summary}");
    assert!(summary.contains("2 segments, 0 stalls, 8 bytes"), "{summary}");
    assert_eq!(proxy.child.wait().unwrap().code(), Some(0));
}

#[test]
fn nonsense_is_refused() {
    for (arguments, hint) in [
        (["--delay", "soon"], "40ms"),
        (["--stall", "200ms"], "200ms@1%"),
        (["--rate", "fast"], "64k"),
        (["--to", "nowhere"], "127.0.0.1:8080"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_bot-client")).arg("lag").args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(hint), "{stderr}");
    }
}

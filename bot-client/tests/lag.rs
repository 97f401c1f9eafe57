//! The lag proxy on loopback: what goes in comes out, later; cuts are resets; the command says what it does and ends.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
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
        Proxy::of(&[env!("CARGO_BIN_EXE_bot-client")], to, conditions, Stdio::inherit())
    }

    fn of(program: &[&str], to: &str, conditions: &[&str], stderr: Stdio) -> Proxy {
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .args(["lag", "--listen", "127.0.0.1:0", "--to", to])
            .args(conditions)
            .stdout(Stdio::piped())
            .stderr(stderr)
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

    /// Ends it as Ctrl-C does, and gives its summary.
    #[cfg(unix)]
    fn interrupt(mut self) -> String {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let mut summary = String::new();
        self.stdout.read_to_string(&mut summary).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        summary
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

/// A server that does this with the one connection that it takes, in a thread whose end can be waited for.
fn serve<T: Send + 'static>(work: impl FnOnce(TcpStream) -> T + Send + 'static) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        work(stream)
    });
    (address, thread)
}

/// What is easy to recognise.
fn pattern(len: u32) -> Vec<u8> {
    (0..len).map(|i| (i % 241) as u8).collect()
}

/// Ends a connection with a reset.
fn reset(stream: TcpStream) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _guard = runtime.enter();
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap().set_zero_linger().unwrap();
}

/// Reads until a reset, and gives what came before it.
fn read_to_reset(mut stream: &TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    let error = stream.read_to_end(&mut got).expect_err("no orderly end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    got
}

const BAD_LINES: [&[&str]; 4] = [
    &[],
    &["--delay", "50ms"],
    &["--delay", "5ms", "--stall", "100ms@20%"],
    &["--delay", "50ms", "--rate", "1M"],
];

#[test]
fn all_that_a_server_sent_before_it_left_arrives() {
    // Long enough for the proxy to have taken all before the server's own system hears a word, and drops the rest.
    for more in [["--stall", "100ms@20%"], ["--rate", "1M"]] {
        let conditions = ["--delay", "200ms", more[0], more[1]];
        let (address, server) = serve(|mut stream| stream.write_all(&pattern(200_000)).unwrap());
        let proxy = Proxy::start(&address, &conditions);
        let mut stream = proxy.connect();
        server.join().unwrap();
        // Nobody is there for it any more, which is answered with a reset, while much is still on its way here.
        for _ in 0..3 {
            let _ = stream.write_all(b"are you there?");
            thread::sleep(Duration::from_millis(5));
        }
        let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            got.extend_from_slice(&buffer[..len]);
        }
        assert!(got == pattern(200_000), "{conditions:?}: {} bytes", got.len());
    }
}

#[test]
fn a_reply_comes_to_who_has_said_all_there_was_to_say() {
    for conditions in BAD_LINES {
        let (address, server) = serve(|mut stream| {
            let mut request = Vec::new();
            stream.read_to_end(&mut request).unwrap();
            thread::sleep(Duration::from_millis(50));
            stream.write_all(&pattern(200_000)).unwrap();
            request
        });
        let proxy = Proxy::start(&address, conditions);
        let mut stream = proxy.connect();
        stream.write_all(&pattern(50_000)).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert!(reply == pattern(200_000), "{conditions:?}: {} bytes", reply.len());
        assert!(server.join().unwrap() == pattern(50_000), "{conditions:?}");
    }
}

#[test]
fn a_reset_arrives_behind_what_was_sent_before_it() {
    for conditions in BAD_LINES {
        // The server talks all the time, so that writing to the client fails while its words are still on their way.
        let (address, server) = serve(|stream| {
            let mut got = Vec::new();
            // Either the one or the other hears of the reset. An orderly end would break the pipe.
            let (heard, told) = thread::scope(|scope| {
                let talk = scope.spawn(|| {
                    loop {
                        if let Err(error) = (&stream).write_all(&[1; 100]) {
                            return error.kind();
                        }
                    }
                });
                ((&stream).read_to_end(&mut got).map_err(|error| error.kind()), talk.join().unwrap())
            });
            let reset = ErrorKind::ConnectionReset;
            assert!(heard == Err(reset) || told == reset, "no orderly end: {heard:?}, {told:?}");
            got
        });
        let proxy = Proxy::start(&address, conditions);
        let mut stream = proxy.connect();
        stream.read_exact(&mut [0; 100]).unwrap();
        // So little is in the proxy's hands at once, reset or not.
        stream.write_all(&pattern(8_000)).unwrap();
        let start = Instant::now();
        reset(stream);
        let got = server.join().unwrap();
        assert!(got == pattern(8_000), "{conditions:?}: {} bytes", got.len());
        if conditions.contains(&"50ms") {
            assert!(start.elapsed() >= Duration::from_millis(50), "not before its time");
        }
    }
}

#[test]
fn a_reset_after_an_orderly_end_is_passed_on_to_who_says_nothing() {
    let (address, server) = serve(|mut stream| {
        stream.write_all(b"hello").unwrap();
        assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0);
        // Only writing tells of a reset now. It will come.
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if stream.take_error().unwrap().is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    });
    let proxy = Proxy::start(&address, &["--delay", "20ms"]);
    let mut stream = proxy.connect();
    stream.read_exact(&mut [0; 5]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    reset(stream);
    assert!(server.join().unwrap(), "the server heard of it");
}

#[test]
fn a_server_that_resets_is_heard_out() {
    let (address, server) = serve(|mut stream| {
        stream.read_exact(&mut [0]).unwrap();
        stream.write_all(&pattern(8_000)).unwrap();
        reset(stream);
    });
    let proxy = Proxy::start(&address, &["--delay", "50ms"]);
    let mut stream = proxy.connect();
    stream.write_all(b"?").unwrap();
    server.join().unwrap();
    assert!(read_to_reset(&stream) == pattern(8_000));
}

#[test]
fn a_server_that_is_not_there_is_no_orderly_end() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let proxy = Proxy::start(&nobody, &[]);
    assert_eq!(read_to_reset(&proxy.connect()), b"");
}

#[test]
#[cfg(unix)]
fn the_interrupt_ends_it_with_a_summary() {
    let proxy = Proxy::start(&echo(), &[]);
    let mut stream = proxy.connect();
    stream.write_all(b"four").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    let summary = proxy.interrupt();
    assert!(
        summary.starts_with("1 connections, 0 cut, 0 refused by the other end, 0 times short"),
        "{summary}"
    );
    assert!(summary.contains("2 segments, 0 stalls, 8 bytes"), "{summary}");
}

#[test]
#[cfg(unix)]
fn what_fails_for_lack_of_files_is_not_the_other_ends_fault() {
    let few_files = "ulimit -n 16 && exec \"$0\" \"$@\"";
    let program = ["sh", "-c", few_files, env!("CARGO_BIN_EXE_bot-client")];
    let mut proxy = Proxy::of(&program, &echo(), &[], Stdio::piped());
    // Those behind the first few wait, or are taken and dropped.
    let _streams: Vec<_> = (0..12).map(|_| proxy.connect()).collect();
    let mut trouble = String::new();
    BufReader::new(proxy.child.stderr.take().unwrap()).read_line(&mut trouble).unwrap();
    assert!(trouble.contains("no socket left here"), "{trouble}");
    let summary = proxy.interrupt();
    assert!(summary.contains(" 0 refused by the other end"), "{summary}");
    assert!(!summary.contains(" 0 times short of files"), "{summary}");
}

#[test]
fn a_proxy_that_would_be_its_own_client_is_refused() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (listen, to) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("127.0.0.1", "localhost"),
        ("0.0.0.0", "127.0.0.1"),
    ] {
        let (listen, to) = (format!("{listen}:{port}"), format!("{to}:{port}"));
        refused(&["--listen", &listen, "--to", &to], "this proxy itself");
    }
}

#[test]
fn nonsense_is_refused() {
    for (arguments, hint) in [
        (["--delay", "soon"], "40ms"),
        (["--stall", "200ms"], "200ms@1%"),
        (["--rate", "fast"], "64k"),
        (["--to", "nowhere"], "127.0.0.1:8080"),
    ] {
        refused(&arguments, hint);
    }
}

#[track_caller]
fn refused(arguments: &[&str], hint: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_bot-client")).arg("lag").args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(hint), "{stderr}");
}

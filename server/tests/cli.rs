//! The program from outside: what it prints, its exit codes, and how it stops.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SERVER: &str = env!("CARGO_BIN_EXE_server");

fn run(args: &[&str]) -> Output {
    Command::new(SERVER).args(args).output().expect("the server starts")
}

/// Runs the server with wrong arguments; returns its one line on stderr.
fn complaint(args: &[&str]) -> String {
    let out = run(args);
    let text = String::from_utf8(out.stderr).expect("text");
    assert_eq!(out.status.code(), Some(2), "{args:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{args:?}: {text}");
    assert!(out.stdout.is_empty(), "{args:?}");
    text
}

#[test]
fn wrong_arguments_get_one_clear_line_and_exit_code_2() {
    for (args, word) in [
        (&["--listen", "nowhere"][..], "127.0.0.1:8080"),
        (&["--room-capacity", "0"], "1 to 4000"),
        (&["--room-capacity", "many"], "--room-capacity"),
        (&["--pilots", "some"], "auto"),
        (&["--admin", "maybe"], "off"),
        (&["--admin", "0.0.0.0:0"], "admin_token_file"),
        (&["--admin-token-file", "/does/not/exist"], "/does/not/exist"),
        (&["--bogus"], "--bogus"),
        (&["--config", "/does/not/exist.toml"], "/does/not/exist.toml"),
    ] {
        let text = complaint(args);
        assert!(text.contains(word), "{args:?}: {text}");
    }
}

#[test]
fn an_unknown_key_is_named() {
    let path = std::env::temp_dir().join(format!("drift-arena-test-{}.toml", std::process::id()));
    std::fs::write(&path, "[rooms]\ncapacty = 3\n").expect("a temporary file");
    let text = complaint(&["--config", path.to_str().expect("a plain path")]);
    std::fs::remove_file(&path).expect("it was there");
    assert!(text.contains("capacty") && text.contains("line 2"), "{text}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let text = complaint(&["--listen", &address, "--admin", "off"]);
    assert!(text.contains(&address) && text.contains("--listen"), "{text}");
}

#[test]
fn help_names_every_flag() {
    let out = run(&["--help"]);
    let text = String::from_utf8(out.stdout).expect("text");
    assert!(out.status.success());
    for flag in [
        "--listen",
        "--config",
        "--room-capacity",
        "--pilots",
        "--seed",
        "--admin",
        "--admin-token-file",
        "--log-format",
        "--record",
        "--assets",
    ] {
        assert!(text.contains(flag), "{flag}");
    }
    for flag in ["--tls-cert", "--tls-key", "--dev-tls", "--redirect-http"] {
        assert!(text.contains(flag), "{flag}");
    }
}

/// A running server and the address from its first line.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    address: SocketAddr,
}

fn start(args: &[&str]) -> Running {
    let mut command = Command::new(SERVER);
    command.args(["--admin", "off"]).args(args).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the server starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a first line");
    let address = line.trim_end().rsplit("://").next().expect("an address");
    let address = address.parse().unwrap_or_else(|_| panic!("no address in {line:?}"));
    Running { child, out, address }
}

impl Running {
    /// Sends a signal; returns the exit code and what it said since its first line.
    #[cfg(unix)]
    fn signal(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(sent.success());
        let begun = Instant::now();
        while self.child.try_wait().expect("waited").is_none() {
            if begun.elapsed() > Duration::from_secs(5) {
                self.child.kill().expect("killed");
                panic!("it did not stop within five seconds");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("waited").code(), rest)
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_end_it_with_a_summary() {
    for signal in ["-INT", "-TERM"] {
        let server = start(&["--listen", "127.0.0.1:0"]);
        // An open connection holds nothing up.
        let _idle = TcpStream::connect(server.address).expect("it listens");
        let (code, rest) = server.signal(signal);
        assert_eq!(code, Some(0), "{signal}");
        assert_eq!(rest.lines().last(), Some("served 0 players, 0 ticks, 0 missed ticks"), "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn on_every_address_it_says_where_others_can_play() {
    let server = start(&["--listen", "0.0.0.0:0"]);
    assert_eq!(server.address.ip().to_string(), "127.0.0.1", "the first line is for whoever started it");
    TcpStream::connect(server.address).expect("it listens");
    let (code, rest) = server.signal("-INT");
    assert_eq!(code, Some(0));
    // Whether there is a network beside loopback depends on the machine.
    for line in rest.lines().filter(|line| line.contains("network")) {
        assert!(line.contains("http://"), "{line}");
    }
}

/// A folder of one test's own.
fn scratch(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("drift-arena-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    dir
}

/// A certificate for localhost and its key, PEM.
fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_certificate_that_will_not_do_is_named_in_one_line() {
    let dir = scratch("pairs");
    let ((cert, key), (_, other)) = (pair(), pair());
    let broken = cert.replacen("MII", "AAA", 1);
    for (name, text) in
        [("cert", &cert), ("key", &key), ("other", &other), ("broken", &broken), ("empty", &String::new())]
    {
        std::fs::write(dir.join(name), text).expect("a temporary file");
    }
    let at = |name: &str| dir.join(name).to_str().expect("a plain path").to_owned();
    for (cert, key, words) in [
        ("nothing", "key", &["cannot read", "nothing"][..]),
        ("cert", "nothing", &["cannot read", "nothing"]),
        ("empty", "key", &["empty", "no certificate", "BEGIN CERTIFICATE"]),
        ("cert", "empty", &["empty", "no private key", "BEGIN PRIVATE KEY"]),
        ("key", "key", &["no certificate"]),
        ("broken", "key", &["broken", "cannot be read"]),
        ("cert", "other", &["other", "does not belong to", "cert"]),
    ] {
        let args = ["--listen", "127.0.0.1:0", "--tls-cert", &at(cert), "--tls-key", &at(key)];
        let text = complaint(&args);
        assert!(words.iter().all(|word| text.contains(word)), "{cert} {key}: {text}");
    }
    let only = |flag| complaint(&["--listen", "127.0.0.1:0", flag, &at("cert")]);
    assert!(only("--tls-cert").contains("--tls-key") && only("--tls-key").contains("--tls-cert"));
    let both = complaint(&["--dev-tls", "--tls-cert", &at("cert"), "--tls-key", &at("key")]);
    assert!(both.contains("--dev-tls") && both.contains("tls.cert"), "{both}");
    assert!(complaint(&["--redirect-http", "127.0.0.1:0"]).contains("--tls-cert"));
    std::fs::remove_dir_all(&dir).expect("it was there");
}

#[cfg(unix)]
#[test]
fn a_certificate_for_development_says_its_fingerprint() {
    let server = start(&["--listen", "127.0.0.1:0", "--dev-tls"]);
    let (code, rest) = server.signal("-INT");
    assert_eq!(code, Some(0));
    let shown = rest.lines().any(|line| {
        let bytes: Vec<&str> = line.trim().split(':').collect();
        bytes.len() == 32 && bytes.iter().all(|byte| u8::from_str_radix(byte, 16).is_ok())
    });
    assert!(shown, "{rest}");
}

#[test]
fn a_ticket_is_printed_and_nothing_else() {
    let dir = scratch("ticket");
    let key = dir.join("key");
    let path = key.to_str().expect("a plain path");
    std::fs::write(&key, "a secret for tests, longer than 32 bytes\n").expect("a temporary file");
    let args = |key| {
        [
            "ticket",
            "--key",
            key,
            "--kid",
            "k",
            "--issuer",
            "i",
            "--audience",
            "a",
            "--sub",
            "ada",
            "--ttl",
            "60",
        ]
    };
    let out = run(&args(path));
    let text = String::from_utf8(out.stdout).expect("text");
    assert_eq!(out.status.code(), Some(0));
    assert_eq!((text.lines().count(), text.trim_end().split('.').count()), (1, 3), "{text}");
    assert!(complaint(&args("/nowhere/key")).contains("/nowhere/key"));
    std::fs::write(&key, "short").expect("a temporary file");
    assert!(complaint(&args(path)).contains("32 bytes"));
    complaint(&["ticket", "--key", path]);
    std::fs::remove_dir_all(&dir).expect("it was there");
}

#[cfg(unix)]
#[test]
fn recordings_go_to_a_folder_that_can_be_made() {
    let dir = std::env::temp_dir().join(format!("drift-arena-recorded-{}", std::process::id()));
    let out = run(&["--listen", "127.0.0.1:0", "--admin", "off", "--record", "/dev/null/recordings"]);
    assert_eq!(out.status.code(), Some(2));
    let text = String::from_utf8(out.stderr).expect("text");
    assert!(text.contains("/dev/null/recordings"), "{text}");
    let server = start(&["--listen", "127.0.0.1:0", "--record", dir.to_str().expect("a plain path")]);
    let (code, _) = server.signal("-INT");
    assert_eq!(code, Some(0));
    std::fs::remove_dir_all(&dir).expect("the server made it");
}

/// Starts the server, ends it, and returns what it logged.
#[cfg(unix)]
fn logged(args: &[&str], filter: &str) -> String {
    let mut command = Command::new(SERVER);
    command.args(["--listen", "127.0.0.1:0", "--admin", "off"]).args(args).env("RUST_LOG", filter);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server starts");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut line).expect("a first line");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    let mut text = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut text).expect("text");
    assert_eq!(child.wait().expect("waited").code(), Some(0));
    text
}

#[cfg(unix)]
#[test]
fn logs_are_for_people_or_for_programs_and_as_many_as_asked_for() {
    let text = logged(&[], "");
    assert!(text.contains("INFO") && text.contains("stopping"), "{text}");
    let json = logged(&["--log-format", "json"], "info");
    assert!(!json.is_empty());
    for line in json.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(
            line["level"].is_string() && line["timestamp"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    assert_eq!(logged(&[], "error"), "");
    let out = Command::new(SERVER).env("RUST_LOG", "server=loud").output().expect("the server starts");
    let text = String::from_utf8(out.stderr).expect("text");
    assert_eq!(out.status.code(), Some(2), "{text}");
    assert!(text.contains("RUST_LOG=server=loud") && text.trim_end().lines().count() == 1, "{text}");
    assert!(complaint(&["--log-format", "xml"]).contains("json"));
}

fn deploy(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/deploy").join(name);
    std::fs::read_to_string(&path).expect("it is there")
}

/// Runs the server with flags from `assets/deploy`, whose places are put where a test may write, and ends it.
#[cfg(unix)]
fn serves_with(flags: &[&str], record: &str) {
    let here = |flag: &&str| match *flag {
        "/etc/drift-arena/server.toml" => std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../assets/server.toml")
            .display()
            .to_string(),
        "/var/lib/drift-arena" => record.to_owned(),
        "0.0.0.0:8080" | "127.0.0.1:8081" => "127.0.0.1:0".to_owned(),
        flag => flag.to_owned(),
    };
    let flags: Vec<String> = flags.iter().map(here).collect();
    let mut child = Command::new(SERVER)
        .args(&flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a first line");
    assert!(line.contains("listens on"), "{flags:?}: {line:?}");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill").success());
    assert_eq!(child.wait().expect("waited").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn the_flags_of_the_unit_and_of_the_container_are_the_programs() {
    let record = std::env::temp_dir().join(format!("drift-arena-unit-{}", std::process::id()));
    let record = record.to_str().expect("a plain path");
    let unit = deploy("drift-arena.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something");
    let flags: Vec<&str> = start.split(' ').skip(1).collect();
    assert!(flags.len() >= 6, "{flags:?}");
    serves_with(&flags, record);
    std::fs::remove_dir_all(record).expect("the server made it");
    let container = deploy("Dockerfile");
    let flags = container.lines().find_map(|line| line.strip_prefix("CMD ")).expect("it has flags");
    let flags: Vec<&str> = serde_json::from_str(flags).expect("a list of words");
    serves_with(&flags, record);
    // What comments propose is there, too.
    let help = String::from_utf8(run(&["--help"]).stdout).expect("text");
    for text in [&unit, &container] {
        for flag in
            text.split_whitespace().filter(|word| word.starts_with("--admin") || word.starts_with("--record"))
        {
            assert!(help.contains(flag), "{flag}");
        }
    }
}

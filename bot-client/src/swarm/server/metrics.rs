//! A server's `/metrics`: where they are, and what is read out of their text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{TickMs, TickParts};
use crate::endpoint::Endpoint;
use crate::swarm::report::round;

/// A server that has not answered by then has more to do.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest text that is read, bytes.
const TEXT_LIMIT: usize = 1 << 20;

/// Where a server's metrics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    path: String,
}

impl Target {
    /// The port after a loopback server's own on 127.0.0.1, where the admin listener is unless it was moved. None elsewhere.
    pub fn beside(game: &Endpoint) -> Option<Target> {
        let port = game.port().checked_add(1)?;
        game.is_loopback().then(|| Target { host: "127.0.0.1".into(), port, path: "/metrics".into() })
    }

    /// None if the server does not answer in time, or not with the figures of this game.
    pub(super) async fn ask(&self) -> Option<Counts> {
        let text = timeout(PATIENCE, self.fetch()).await.ok()??;
        Counts::read(&text)
    }

    async fn fetch(&self) -> Option<String> {
        let Target { host, port, path } = self;
        let stream = TcpStream::connect(format!("{host}:{port}")).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        // Ends when `sender` is dropped.
        tokio::spawn(connection);
        let request = Request::get(path).header(header::HOST, format!("{host}:{port}"));
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).ok()?).await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        let body = Limited::new(response.into_body(), TEXT_LIMIT).collect().await.ok()?.to_bytes();
        String::from_utf8(body.into()).ok()
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let bad =
            || format!("{text:?} is not where metrics are: write it like http://127.0.0.1:8081/metrics");
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(bad)?;
        if uri.scheme_str() != Some("http") {
            return Err(bad());
        }
        let path = match uri.path() {
            "" | "/" => "/metrics",
            path => path,
        };
        let port = authority.port_u16().unwrap_or(80);
        Ok(Target { host: authority.host().into(), port, path: path.into() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.path)
    }
}

/// What is read out of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Counts {
    /// When the process started, Unix time, s.
    started: Option<u64>,
    pub(super) cpu_us: Option<u64>,
    pub(super) rss_bytes: Option<u64>,
    pub(super) ticks: u64,
    pub(super) missed: u64,
    pub(super) tick: TickMs,
    pub(super) parts: TickParts,
}

impl Counts {
    /// None if it is another program's text.
    pub(super) fn read(text: &str) -> Option<Counts> {
        let mut counts = Counts::default();
        let mut known = false;
        for line in text.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let count = value as u64; // saturates
            match name {
                "drift_ticks_total" => (counts.ticks, known) = (count, true),
                "drift_missed_ticks_total" => counts.missed = count,
                "process_start_time_seconds" => counts.started = Some(count),
                "process_cpu_seconds_total" => counts.cpu_us = Some((value * 1e6).round() as u64),
                "process_resident_memory_bytes" => counts.rss_bytes = Some(count),
                _ => counts.read_time(name, value),
            }
        }
        // Where the system does not tell the server, both stay 0.
        if counts.rss_bytes == Some(0) {
            (counts.cpu_us, counts.rss_bytes) = (None, None);
        }
        known.then_some(counts)
    }

    /// False if the server was started anew in between: another process counts from zero, and what the time between is to
    /// it, nobody knows.
    pub(super) fn is_of_the_process_of(&self, earlier: &Counts) -> bool {
        self.started == earlier.started && self.ticks >= earlier.ticks
    }

    /// `drift_tick_ms{phase="step",quantile="0.99"}`
    fn read_time(&mut self, name: &str, ms: f64) {
        let labels = name.strip_prefix("drift_tick_ms{phase=\"").and_then(|rest| rest.strip_suffix("\"}"));
        let Some((phase, quantile)) = labels.and_then(|labels| labels.split_once("\",quantile=\"")) else {
            return;
        };
        let time = match phase {
            "tick" => &mut self.tick,
            "listen" => &mut self.parts.listen,
            "step" => &mut self.parts.step,
            "publish" => &mut self.parts.publish,
            _ => return,
        };
        match quantile {
            "0.5" => time.p50 = Some(round(ms)),
            "0.99" => time.p99 = Some(round(ms)),
            "1" | "1.0" => time.max = Some(round(ms)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "# TYPE drift_ticks counter\ndrift_ticks_total 12\ndrift_missed_ticks_total 4\n\
        drift_tick_ms{phase=\"tick\",quantile=\"1\"} 3\n\
        drift_tick_ms{phase=\"publish\",quantile=\"0.99\"} 1.25\n# EOF\n";

    #[tokio::test]
    async fn a_server_is_asked_over_http_and_its_absence_is_no_error() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target: Target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            for body in [OURS, "hello 1\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 1024]).await;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).await.unwrap();
            }
        });
        let counts = target.ask().await.expect("an answer");
        assert_eq!((counts.ticks, counts.missed, counts.tick.max), (12, 4, Some(3.0)));
        assert_eq!((counts.tick.p50, counts.parts.publish.p99), (None, Some(1.25)));
        // Whoever listens may be a proxy: what it takes is not what the server takes.
        assert_eq!((counts.cpu_us, counts.rss_bytes), (None, None));
        assert_eq!(target.ask().await, None, "another program's metrics");
        assert_eq!(target.ask().await, None, "nobody there");
    }

    #[test]
    fn targets() {
        let beside = |url: &str| Target::beside(&url.parse().unwrap()).map(|t| t.to_string());
        assert_eq!(beside("ws://127.0.0.1:8080/ws").as_deref(), Some("http://127.0.0.1:8081/metrics"));
        assert_eq!(beside("ws://localhost:9000").as_deref(), Some("http://127.0.0.1:9001/metrics"));
        assert_eq!(beside("ws://[::1]:9000").as_deref(), Some("http://127.0.0.1:9001/metrics"));
        assert_eq!((beside("ws://10.0.0.1:8080"), beside("ws://127.0.0.1:65535")), (None, None));
        assert_eq!("http://h:9".parse::<Target>().unwrap().to_string(), "http://h:9/metrics");
        for bad in ["", "h:9", "https://h:9/metrics", "http://me@h/"] {
            assert!(bad.parse::<Target>().unwrap_err().contains("http://127"), "{bad}");
        }
    }
}

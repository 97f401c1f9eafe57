//! The `[net]` section: what connections may do.

use std::net::SocketAddr;
use std::time::Duration;

use protocol::codec::CLIENT_MESSAGE_LIMIT;
use serde::Deserialize;

use super::{ConfigError, Subnet, secs, within};
use crate::rates::{NetworkLimits, Rate};

/// Most frames that one message may come in. No client of ours sends more than one; 64 of 64 bytes make the largest.
const FRAGMENTS: usize = 64;

/// `[net]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawNet {
    /// Most connections at a time.
    pub max_connections: usize,
    /// Most of them from one network: an IPv4 address, an IPv6 /64.
    pub max_per_ip: usize,
    /// Connections a second from one network on average; four times that at once.
    pub connects_per_sec_per_ip: u32,
    /// Limit the connections of this machine itself, too.
    pub limit_loopback: bool,
    /// Proxies whose `X-Forwarded-For` is believed: addresses, or ranges like `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// Which address of `X-Forwarded-For` is the client's, counted from the right: the number of proxies.
    pub forwarded_hops: usize,
    /// Most of them on the JSON subprotocol, which costs many times a binary one.
    pub max_json: usize,
    /// Address of a listener that sends plain http to https; empty: none.
    pub redirect_http: String,
    /// Pages of these origins may connect besides the server's own.
    pub allowed_origins: Vec<String>,
    /// Seconds for a request's head, and again for the `Hello`.
    pub handshake_secs: u64,
    /// Seconds between WebSocket pings.
    pub ping_secs: u64,
    /// Seconds without a whole frame after which a connection counts as lost.
    pub silence_secs: u64,
    /// Messages a second that one connection may send on average; twice that at once. Each fragment counts.
    pub messages_per_sec: u32,
    /// Bytes a second that one connection may send on average; twice that at once.
    pub bytes_per_sec: u32,
    /// Pings and pongs a second that one connection may send on average; twice that at once.
    pub control_per_sec: u32,
}

impl Default for RawNet {
    fn default() -> Self {
        RawNet {
            max_connections: 5000,
            max_per_ip: 64,
            connects_per_sec_per_ip: 10,
            limit_loopback: false,
            trusted_proxies: Vec::new(),
            forwarded_hops: 1,
            max_json: 64,
            redirect_http: String::new(),
            allowed_origins: Vec::new(),
            handshake_secs: 5,
            ping_secs: 5,
            silence_secs: 12,
            messages_per_sec: 200,
            bytes_per_sec: 65_536,
            control_per_sec: 20,
        }
    }
}

impl RawNet {
    /// Checks every value.
    pub(super) fn check(self, tls: bool) -> Result<NetLimits, ConfigError> {
        let redirect_http = match self.redirect_http.as_str() {
            "" => None,
            address => {
                let bad = |expected| ConfigError::Value {
                    key: "net.redirect_http",
                    value: address.to_owned(),
                    expected,
                };
                if !tls {
                    return Err(bad(
                        "tls.cert and tls.key (--tls-cert, --tls-key): there is no https to go to",
                    ));
                }
                Some(address.parse().map_err(|_| bad("an address like 0.0.0.0:80 or [::]:80"))?)
            }
        };
        for origin in &self.allowed_origins {
            if origin != "*" && !(origin.starts_with("http://") || origin.starts_with("https://")) {
                return Err(ConfigError::Value {
                    key: "net.allowed_origins",
                    value: origin.clone(),
                    expected: "origins like \"https://play.example.org\", or \"*\" for any",
                });
            }
        }
        let proxy = |text: &String| {
            text.parse().map_err(|_| ConfigError::Value {
                key: "net.trusted_proxies",
                value: text.clone(),
                expected: "addresses like \"192.0.2.1\" or ranges like \"10.0.0.0/8\"",
            })
        };
        let trusted_proxies = self.trusted_proxies.iter().map(proxy).collect::<Result<_, _>>()?;
        let connects =
            within("net.connects_per_sec_per_ip", self.connects_per_sec_per_ip, 1, 10_000, "1 to 10000")?;
        let handshake = secs("net.handshake_secs", self.handshake_secs)?;
        Ok(NetLimits {
            connections: within("net.max_connections", self.max_connections, 1, 100_000, "1 to 100000")?,
            per_ip: NetworkLimits {
                open: within("net.max_per_ip", self.max_per_ip, 1, 100_000, "1 to 100000")?,
                // A browser opens a handful at once for the page, and then the socket.
                rate: Rate { burst: connects * 4, ..Rate::per_second(connects) },
                loopback: self.limit_loopback,
            },
            trusted_proxies,
            forwarded_hops: within("net.forwarded_hops", self.forwarded_hops, 1, 16, "1 to 16 proxies")?,
            json: within("net.max_json", self.max_json, 0, 100_000, "0 to 100000")?,
            redirect_http,
            allowed_origins: self.allowed_origins,
            handshake,
            hello: handshake,
            ping: secs("net.ping_secs", self.ping_secs)?,
            silence: secs("net.silence_secs", self.silence_secs)?,
            message_bytes: CLIENT_MESSAGE_LIMIT,
            fragments: FRAGMENTS,
            messages_per_sec: within(
                "net.messages_per_sec",
                self.messages_per_sec,
                40,
                100_000,
                "40 to 100000",
            )?,
            // The least still lets the largest message through, and the most does not wrap when it is doubled.
            bytes_per_sec: within(
                "net.bytes_per_sec",
                self.bytes_per_sec,
                4096,
                1 << 30,
                "4096 to 1073741824 bytes",
            )?,
            control_per_sec: within("net.control_per_sec", self.control_per_sec, 1, 100_000, "1 to 100000")?,
        })
    }
}

/// Limits of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetLimits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections from one network.
    pub per_ip: NetworkLimits,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<Subnet>,
    /// Which of the forwarded addresses is the client's, from the right; 1..=16.
    pub forwarded_hops: usize,
    /// JSON sessions at a time.
    pub json: usize,
    /// Where plain http is sent to https; none: nowhere.
    pub redirect_http: Option<SocketAddr>,
    /// Origins besides the server's own.
    pub allowed_origins: Vec<String>,
    /// For a request's head.
    pub handshake: Duration,
    /// For the first message, which is the `Hello`, from the end of the handshake on.
    pub hello: Duration,
    /// Between WebSocket pings.
    pub ping: Duration,
    /// Without a whole frame: lost.
    pub silence: Duration,
    /// Bytes of one message. The codec takes no longer ones, so this is no key.
    pub message_bytes: usize,
    /// Frames of one message.
    pub fragments: usize,
    /// Messages a second from one connection, each fragment counted; twice that at once.
    pub messages_per_sec: u32,
    /// Bytes a second from one connection; twice that at once.
    pub bytes_per_sec: u32,
    /// Control frames a second from one connection; twice that at once.
    pub control_per_sec: u32,
}

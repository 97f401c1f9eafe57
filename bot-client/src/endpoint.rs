//! Where a server is: `ws://host[:port][/path]` or `wss://…`, checked before anything is dialled. Resolves no names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;

/// The address of a server's WebSocket endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

/// Why a URL was refused; each says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It is not a URL with a host.
    #[error("{0:?} is not a URL: write it like ws://127.0.0.1:8080/ws")]
    NotAUrl(String),
    /// It has another scheme than `ws` and `wss`.
    #[error("{0}:// is not supported: use ws:// or wss://")]
    Scheme(String),
    /// It carries a user name or password.
    #[error("the URL must not have a user name or password")]
    Credentials,
}

impl Endpoint {
    /// Where the server listens for WebSockets when the URL has no path.
    pub const DEFAULT_PATH: &str = "/ws";

    /// True with `wss`: over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// `host:port` to dial; an IPv6 address is in brackets.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Name or address, without the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True if it is on this machine, as far as its name tells.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Path and query to ask for.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// True for `localhost`, 127.0.0.0/8 and `[::1]`.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl FromStr for Endpoint {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Endpoint, BadUrl> {
        let not_a_url = || BadUrl::NotAUrl(text.into());
        let uri: Uri = text.parse().map_err(|_| not_a_url())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(not_a_url());
        };
        let secure = match scheme {
            "ws" => false,
            "wss" => true,
            other => return Err(BadUrl::Scheme(other.into())),
        };
        if authority.as_str().contains('@') {
            return Err(BadUrl::Credentials);
        }
        // A port that is no number leaves `port()` empty too: only a bare host means the default.
        let port = match authority.port_u16() {
            Some(0) => return Err(not_a_url()),
            Some(port) => port,
            None if authority.as_str() == authority.host() => {
                if secure {
                    443
                } else {
                    80
                }
            }
            None => return Err(not_a_url()),
        };
        let path = match uri.path_and_query().map(|p| p.as_str()) {
            None | Some("" | "/") => Self::DEFAULT_PATH,
            Some(path) => path,
        };
        Ok(Endpoint { secure, host: authority.host().into(), port, path: path.into() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls() {
        for (text, whole) in [
            ("ws://127.0.0.1:8080/ws", "ws://127.0.0.1:8080/ws"),
            ("ws://localhost:8080", "ws://localhost:8080/ws"),
            ("ws://localhost:8080/", "ws://localhost:8080/ws"),
            ("ws://arena.example/play?x=1", "ws://arena.example:80/play?x=1"),
            ("ws://[::1]:9/ws", "ws://[::1]:9/ws"),
            ("wss://arena.example", "wss://arena.example:443/ws"),
            ("wss://arena.example:8443/ws", "wss://arena.example:8443/ws"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), whole);
        }
        assert_eq!("ws://[::1]:9/ws".parse::<Endpoint>().unwrap().authority(), "[::1]:9");
    }

    #[test]
    fn what_is_on_this_machine() {
        let here = |text: &str| text.parse::<Endpoint>().unwrap().is_loopback();
        assert!(here("ws://localhost:1") && here("ws://127.3.2.1:1") && here("ws://[::1]:1"));
        assert!(!here("ws://10.0.0.1:1") && !here("ws://localhost.example:1") && !here("ws://[::2]:1"));
    }

    #[test]
    fn bad_urls_say_what_to_do() {
        for (text, hint) in [
            ("", "write it like"),
            ("127.0.0.1:8080", "write it like"),
            ("/ws", "write it like"),
            ("ws://", "write it like"),
            ("ws://host:99999/ws", "write it like"),
            ("ws://host:0/ws", "write it like"),
            ("ws://host:x/ws", "write it like"),
            ("http://host/ws", "use ws://"),
            ("https://host/ws", "wss://"),
            ("ws://me:secret@host/ws", "user name"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(hint), "{text:?}: {error}");
        }
    }
}

//! The game's HTTP side: the page at `/`, films of recordings, and the WebSocket handshake at `/ws` with everything that fastwebsockets
//! leaves unchecked.

use std::marker::PhantomData;
use std::sync::Arc;

use fastwebsockets::upgrade;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::{Answer, Handler, Place, plain};
use super::handover::Handover;
use super::page::Page;
use super::{Accepted, Door, Homes, Refusal, Service, replays};
use crate::config::NetLimits;
use crate::metrics::Metrics;
use crate::record::shelf::Shelf;

/// Answers players.
pub struct Game<V: Service> {
    /// What runs on the WebSocket connections.
    pub service: V,
    /// The page.
    pub page: Page,
    /// Recordings that the page may show.
    pub shelf: Shelf,
    /// Limits of connections.
    pub limits: Arc<NetLimits>,
    /// Who may come in.
    pub door: Arc<Door>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who drives the connections; none: a task of the runtime each, over whatever stream they come.
    pub homes: Option<Homes<V::Ingress, V::Egress>>,
    /// Knows every connection.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

impl<V: Service, S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Handler<S> for Game<V> {
    async fn handle(&self, mut request: Request<Incoming>, place: &Place) -> Answer {
        let path = request.uri().path();
        if path == "/ws" {
            return match self.handshake::<S>(&mut request, place) {
                Ok(answer) => answer,
                Err(refusal) => self.refuse(refusal),
            };
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        if let Some(answer) = replays::answer(&self.shelf, request.method(), request.uri()).await {
            return answer;
        }
        self.page.get(path, request.headers()).await
    }
}

impl<V: Service> Game<V> {
    /// Upgrades the connection, or says what is wrong with the request (RFC 6455 4.2.1).
    fn handshake<S>(&self, request: &mut Request<Incoming>, place: &Place) -> Result<Answer, Refusal>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (client, guest) = self.door.client(place.peer, request.headers(), Instant::now())?;
        check_head(request)?;
        check_origin(request.headers(), &self.limits.allowed_origins)?;
        let offer = joined(request.headers(), header::SEC_WEBSOCKET_PROTOCOL);
        let Accepted { subprotocol, agreement } =
            self.service.agree(offer.as_deref(), bearer(request.headers()))?;
        let (answer, upgraded) = upgrade::upgrade(request).map_err(|_| BAD_KEY)?;
        let mut answer = answer.map(Either::Right);
        if let Some(name) = subprotocol {
            answer.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
        }
        let handover = Handover {
            service: self.service.clone(),
            agreement,
            client,
            limits: self.limits.clone(),
            metrics: self.metrics.clone(),
            stop: self.stop.clone(),
            held: (place.clone(), guest, self.tasks.token()),
        };
        let (homes, tasks) = (self.homes.clone(), self.tasks.clone());
        self.tasks.spawn(async move {
            let Ok(socket) = upgraded.await else { return };
            handover.to::<S>(homes, socket.into_inner().into_inner(), &tasks);
        });
        Ok(answer)
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        self.metrics.handshakes_refused.get_or_create(&refusal.label.into()).inc();
        let status = StatusCode::from_u16(refusal.status).expect("refusals name real status codes");
        let mut answer = plain(status, format!("{}\n", refusal.text));
        if status == StatusCode::UPGRADE_REQUIRED {
            answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        answer
    }
}

impl<V: Service> std::fmt::Debug for Game<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Game").field("limits", &self.limits).field("service", &PhantomData::<V>).finish()
    }
}

const BAD_KEY: Refusal =
    Refusal { status: 400, label: "key", text: "Sec-WebSocket-Key must be 16 bytes in base64" };

fn check_head<B>(request: &Request<B>) -> Result<(), Refusal> {
    let refusal = |status, label, text| Err(Refusal { status, label, text });
    let headers = request.headers();
    if request.method() != Method::GET {
        return refusal(405, "method", "a WebSocket handshake is a GET");
    }
    if request.version() < Version::HTTP_11 {
        return refusal(426, "http_version", "a WebSocket handshake needs HTTP/1.1");
    }
    if headers.get_all(header::HOST).iter().count() != 1 {
        return refusal(400, "host", "a WebSocket handshake has one Host header");
    }
    if !upgrade::is_upgrade_request(request) {
        return refusal(426, "upgrade", "this is a WebSocket endpoint: open it with a WebSocket client");
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(b"13") {
        return refusal(426, "websocket_version", "only WebSocket version 13");
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map_or(&b""[..], HeaderValue::as_bytes);
    if !is_base64_of_16_bytes(key) { Err(BAD_KEY) } else { Ok(()) }
}

/// 16 bytes make 22 letters and two pads.
fn is_base64_of_16_bytes(key: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(letter)
}

/// Against pages that open a socket in the name of whoever looks at them: an `Origin`, if there is one, must be this
/// server's or be allowed. Native clients send none.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let matches = |origin: &str| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|a| a.eq_ignore_ascii_case(host))
            || allowed.iter().any(|a| a == "*" || a.eq_ignore_ascii_case(origin))
    };
    if origin.to_str().is_ok_and(matches) {
        return Ok(());
    }
    let text =
        "pages of this origin may not connect; the server's operator can allow it in net.allowed_origins";
    Err(Refusal { status: 403, label: "origin", text })
}

/// What a native client shows of itself. Another scheme is somebody else's, such as a proxy's.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A header's values as one list.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(origin: &str, host: &'static str, allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        headers.insert(header::HOST, HeaderValue::from_static(host));
        let allowed: Vec<String> = allowed.iter().map(|s| (*s).to_owned()).collect();
        check_origin(&headers, &allowed).is_ok()
    }

    #[test]
    fn only_the_own_origin_and_allowed_ones_connect() {
        assert!(origin("http://localhost:8080", "localhost:8080", &[]));
        assert!(origin("https://Play.Example.org", "play.example.org", &[]), "behind a TLS proxy");
        assert!(!origin("http://localhost:9090", "localhost:8080", &[]));
        assert!(!origin("http://localhost:8080.evil.example", "localhost:8080", &[]));
        assert!(!origin("null", "localhost:8080", &[]));
        assert!(origin("https://a.example", "b.example", &["https://a.example"]));
        assert!(origin("https://a.example", "b.example", &["*"]));
        assert!(check_origin(&HeaderMap::new(), &[]).is_ok(), "native clients have none");
    }

    #[test]
    fn a_key_is_sixteen_bytes() {
        assert!(is_base64_of_16_bytes(b"dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(!is_base64_of_16_bytes(b"dGhlIHNhbXBsZSBub25jZQ"));
        assert!(!is_base64_of_16_bytes(b"dGhlIHNhbXBsZSBub25jZ==="));
        assert!(!is_base64_of_16_bytes(b""));
    }
}

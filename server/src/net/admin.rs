//! The operator's listener: who may ask, and what for. On loopback unless configured otherwise.
//!
//! Two kinds of guests are kept out. Strangers: beyond loopback a token is required. And web pages that somebody on the
//! operator's machine has open, which can reach loopback, too: browsers send an `Origin` with whatever could change
//! something, and a page that has moved its own name to 127.0.0.1 shows that name in `Host`.

use std::sync::Arc;

use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::accept::{Answer, Handler, Place, plain};
use crate::config::AdminToken;
use crate::metrics::Metrics;
use crate::sampled::Sampled;

/// What an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<'a> {
    /// `GET /healthz`: does the process answer?
    Health,
    /// `GET /readyz`: should players be sent here?
    Ready,
    /// `GET /metrics`
    Metrics,
    /// `GET /admin/rooms`
    Rooms,
    /// `GET /admin/rooms/CODE`
    Room(&'a str),
    /// `POST /admin/rooms/CODE/kick/SLOT`
    Kick {
        /// The room as written.
        room: &'a str,
        /// Whose player.
        slot: u16,
    },
    /// `POST /admin/rooms/CODE/flight`
    Flight(&'a str),
    /// `POST /admin/drain`
    Drain,
}

/// What an operator gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Of the body.
    pub content_type: &'static str,
    /// For people or programs.
    pub body: String,
}

impl Reply {
    /// A line for people.
    pub fn text(status: u16, body: impl Into<String>) -> Reply {
        Reply { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// Does what operators ask for.
pub trait Operator: Send + Sync + 'static {
    /// Does one thing. Whoever asks has been let in.
    fn fulfil(&self, wish: Wish<'_>) -> impl Future<Output = Reply> + Send;
}

/// Answers operators.
#[derive(Debug)]
pub struct Admin<O> {
    operator: O,
    token: Option<AdminToken>,
    metrics: Arc<Metrics>,
}

impl<O: Operator> Admin<O> {
    /// Lets in whoever has the `token`, or everybody without one.
    pub fn new(operator: O, token: Option<AdminToken>, metrics: Arc<Metrics>) -> Admin<O> {
        Admin { operator, token, metrics }
    }

    fn refuse(&self, label: &'static str, status: StatusCode, text: &'static str) -> Answer {
        static LINES: Sampled = Sampled::new();
        self.metrics.admin_refused.get_or_create(&label.into()).inc();
        if let Some(left_out) = LINES.allow(Instant::now()) {
            tracing::warn!(reason = label, left_out, "a request to the admin listener was refused");
        }
        plain(status, text)
    }
}

impl<S, O: Operator> Handler<S> for Admin<O> {
    async fn handle(&self, request: Request<Incoming>, _place: &Place) -> Answer {
        let headers = request.headers();
        if headers.contains_key(header::ORIGIN) {
            let text = "web pages may not ask: there is an Origin header\n";
            return self.refuse("origin", StatusCode::FORBIDDEN, text);
        }
        if self.token.is_none() && !host_is_plain(headers) {
            let text = "ask for this by its address or as localhost, or set admin_token_file\n";
            return self.refuse("host", StatusCode::FORBIDDEN, text);
        }
        let path = request.uri().path();
        let open = matches!(path, "/healthz" | "/readyz");
        if !open
            && let Some(token) = &self.token
            && !shows(headers, token)
        {
            let text = "send the header Authorization: Bearer TOKEN with the token of admin_token_file\n";
            let mut answer = self.refuse("token", StatusCode::UNAUTHORIZED, text);
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return answer;
        }
        let (wish, method) = match route(path) {
            Some(found) => found,
            None => return plain(StatusCode::NOT_FOUND, ROUTES),
        };
        if request.method() != method && !(method == Method::GET && request.method() == Method::HEAD) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, format!("only {method}\n"));
            let allow = if method == Method::GET { "GET, HEAD" } else { "POST" };
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
            return answer;
        }
        let Reply { status, content_type, body } = self.operator.fulfil(wish).await;
        let mut answer = Response::new(Either::Left(Full::new(body.into())));
        *answer.status_mut() = StatusCode::from_u16(status).expect("operators answer with real status codes");
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }
}

const ROUTES: &str = "\
GET  /healthz /readyz /metrics /admin/rooms /admin/rooms/CODE
POST /admin/rooms/CODE/kick/SLOT /admin/rooms/CODE/flight /admin/drain
";

fn route(path: &str) -> Option<(Wish<'_>, Method)> {
    let words: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    Some(match words[..] {
        ["healthz"] => (Wish::Health, Method::GET),
        ["readyz"] => (Wish::Ready, Method::GET),
        ["metrics"] => (Wish::Metrics, Method::GET),
        ["admin", "rooms"] => (Wish::Rooms, Method::GET),
        ["admin", "rooms", room] => (Wish::Room(room), Method::GET),
        ["admin", "rooms", room, "kick", slot] => {
            (Wish::Kick { room, slot: slot.parse().ok()? }, Method::POST)
        }
        ["admin", "rooms", room, "flight"] => (Wish::Flight(room), Method::POST),
        ["admin", "drain"] => (Wish::Drain, Method::POST),
        _ => return None,
    })
}

/// An address or `localhost`: not a name that a page could have been loaded from. Who sends none is no browser.
fn host_is_plain(headers: &HeaderMap) -> bool {
    let plain = |host: &HeaderValue| {
        let Ok(host) = host.to_str() else { return false };
        let name = match host.rsplit_once(':') {
            // An IPv6 address has colons of its own, and brackets around them.
            Some((name, port)) if !port.ends_with(']') => name,
            _ => host,
        };
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        name.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok()
    };
    headers.get_all(header::HOST).iter().all(plain)
}

fn shows(headers: &HeaderMap, token: &AdminToken) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = value.and_then(|value| value.split_once(' '));
    shown.is_some_and(|(scheme, shown)| scheme.eq_ignore_ascii_case("bearer") && token.is(shown.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_its_method() {
        assert_eq!(
            route("/admin/rooms/A-B/kick/7"),
            Some((Wish::Kick { room: "A-B", slot: 7 }, Method::POST))
        );
        assert_eq!(route("/admin/rooms/A"), Some((Wish::Room("A"), Method::GET)));
        for path in [
            "/",
            "",
            "/admin",
            "/admin/rooms/A/kick/x",
            "/admin/rooms/A/kick/70000",
            "/metrics/",
            "//metrics",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    #[test]
    fn a_host_that_is_a_name_is_somebody_elses() {
        let host = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            host_is_plain(&headers)
        };
        for good in [
            "127.0.0.1:8081",
            "127.0.0.1",
            "localhost:8081",
            "LOCALHOST",
            "[::1]:8081",
            "[::1]",
            "10.0.0.7:1",
        ] {
            assert!(host(good), "{good}");
        }
        for bad in [
            "rebound.example:8081",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "",
            "[::1",
            "a:b:c",
        ] {
            assert!(!host(bad), "{bad}");
        }
        assert!(host_is_plain(&HeaderMap::new()), "no browser leaves it out");
    }
}

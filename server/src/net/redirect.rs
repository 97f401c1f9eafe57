//! Plain HTTP beside a server that speaks https: every request is sent there.

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode};

use super::accept::{Answer, Handler, Place, plain};

/// Sends requests to https.
#[derive(Debug, Clone, Copy)]
pub struct Redirect {
    /// The port on which https is spoken.
    pub port: u16,
}

impl<S> Handler<S> for Redirect {
    async fn handle(&self, request: Request<Incoming>, _place: &Place) -> Answer {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().ok(),
            _ => None,
        };
        let target = host.and_then(|host| self.target(host, path));
        let Some(target) = target.and_then(|target| HeaderValue::try_from(target).ok()) else {
            return plain(StatusCode::BAD_REQUEST, "the game is at https, under the server's name\n");
        };
        let mut answer = plain(StatusCode::PERMANENT_REDIRECT, "the game is at https\n");
        answer.headers_mut().insert(header::LOCATION, target);
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

impl Redirect {
    /// Where a request goes. None if the host is no host.
    fn target(&self, host: &str, path: &str) -> Option<String> {
        let authority: Authority = host.parse().ok()?;
        let name = authority.host();
        // Such as a user name: a Host has none, and a reader could take it for the host.
        let whole = name.len() + authority.port().map_or(0, |port| 1 + port.as_str().len());
        if name.is_empty() || whole != host.len() || !path.starts_with('/') {
            return None;
        }
        match self.port {
            443 => Some(format!("https://{name}{path}")),
            port => Some(format!("https://{name}:{port}{path}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Redirect;

    #[test]
    fn the_host_stays_and_the_port_is_that_of_https() {
        let (far, usual) = (Redirect { port: 8443 }, Redirect { port: 443 });
        let to = |redirect: Redirect, host, path| redirect.target(host, path);
        assert_eq!(to(usual, "a.example", "/x?y=1").as_deref(), Some("https://a.example/x?y=1"));
        assert_eq!(to(far, "a.example:8080", "/").as_deref(), Some("https://a.example:8443/"));
        assert_eq!(to(far, "[::1]:80", "/").as_deref(), Some("https://[::1]:8443/"));
        for host in ["", "me@evil.example", "a.example/x", "a b", ":80", "a.example:x", "a.example:80:90"] {
            assert_eq!(to(far, host, "/"), None, "{host:?}");
        }
        assert_eq!(to(far, "a.example", "*"), None, "OPTIONS *");
    }
}

//! From a byte stream to one that speaks WebSocket: the HTTP request and the answer's check.
//!
//! `fastwebsockets::handshake::client` would do it too, but prints to stderr when a connection breaks and drops the text
//! that comes with a refusal, and does not look at `Sec-WebSocket-Accept`.

use bytes::Bytes;
use fastwebsockets::handshake::generate_key;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{HeaderMap, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{Error, Options};
use crate::endpoint::Endpoint;

/// Longest explanation that is read from a refusal, bytes.
const REFUSAL_LIMIT: usize = 4096;

/// Asks for the upgrade. Gives the stream back with what arrived on it behind the answer.
pub(crate) async fn upgrade<S>(stream: S, to: &Endpoint, options: &Options) -> Result<(S, Bytes), Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = Request::get(to.path())
        .header(header::HOST, to.authority())
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, generate_key())
        .header(header::SEC_WEBSOCKET_PROTOCOL, options.encoding.subprotocol());
    for (name, value) in &options.headers {
        request = request.header(name, value);
    }
    let mut request = request.body(Empty::<Bytes>::new())?;
    // What a server of ours would say to this very request.
    let (expected, _) = fastwebsockets::upgrade::upgrade(&mut request).map_err(Error::WebSocket)?;

    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the upgrade, with the refusal, or when `sender` is dropped because the caller gave up. Its error, if
    // any, is the one that `send_request` reports.
    tokio::spawn(connection.with_upgrades());
    let mut response = sender.send_request(request).await?;

    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), REFUSAL_LIMIT).collect().await;
        let text = body.map(|b| String::from_utf8_lossy(&b.to_bytes()).trim().to_owned()).unwrap_or_default();
        return Err(Error::Refused { status, text });
    }
    agrees(response.headers(), expected.headers()).map_err(|what| Error::Upgrade { what })?;
    let agreed = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    if agreed.is_none_or(|name| name != options.encoding.subprotocol()) {
        return Err(Error::Subprotocol { wanted: options.encoding.subprotocol() });
    }
    let upgraded = hyper::upgrade::on(&mut response).await?;
    let parts =
        upgraded.downcast::<TokioIo<S>>().expect("the connection was made from this very type just above");
    Ok((parts.io.into_inner(), parts.read_buf))
}

/// RFC 6455, section 4.1: what a client has to check in the answer. Says what is wrong.
fn agrees(answer: &HeaderMap, expected: &HeaderMap) -> Result<(), &'static str> {
    let names = |name, word: &str| {
        let values = answer.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    let accept = |headers: &HeaderMap| headers.get(header::SEC_WEBSOCKET_ACCEPT).cloned();
    if !names(header::UPGRADE, "websocket") {
        Err("no \"Upgrade: websocket\"")
    } else if !names(header::CONNECTION, "upgrade") {
        Err("no \"Connection: Upgrade\"")
    } else if accept(answer).is_none() {
        Err("no Sec-WebSocket-Accept")
    } else if accept(answer) != accept(expected) {
        Err("the Sec-WebSocket-Accept of another request")
    } else {
        Ok(())
    }
}

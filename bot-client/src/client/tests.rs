//! The client against a tiny server over a pipe in memory.

use std::time::Duration;

use fastwebsockets::{Frame, Payload, Role, WebSocket};
use protocol::{PROTOCOL, Retry, Slot, Tick};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;

fn url() -> Endpoint {
    "ws://pipe:1/ws".parse().unwrap()
}

fn welcome() -> Welcome {
    Welcome {
        protocol: PROTOCOL,
        resume: None,
        you: Some(Slot(3)),
        tick: Tick(70_000),
        hz: 30,
        side: 2400,
        rules: 0,
        trig: 0,
        obstacles: Vec::new(),
        resumed: false,
        room: "LOBBY".into(),
    }
}

/// Reads a request's head and answers with `head`, in which {accept} becomes the right one; `behind` comes in the same write.
async fn answer(mut stream: DuplexStream, head: &str, behind: &[u8]) -> (DuplexStream, String) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let mut reply = head.replace("{accept}", &derive_accept_key(key(&request).as_bytes())).into_bytes();
    reply.extend_from_slice(behind);
    stream.write_all(&reply).await.unwrap();
    (stream, request)
}

fn key(request: &str) -> &str {
    let of = |line: &'_ str| line.to_ascii_lowercase().starts_with("sec-websocket-key: ");
    request.lines().find(|line| of(line)).map_or("", |line| &line["sec-websocket-key: ".len()..])
}

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: drift.v1.bincode\r\n\r\n";

/// A client and the server's end of its WebSocket, automatic answers off.
async fn pair() -> (Client, WebSocket<DuplexStream>) {
    let (near, far) = duplex(64 * 1024);
    let (url, options) = (url(), Options::default());
    let (client, (far, _)) =
        tokio::join!(Client::open_over(near, &url, &options), answer(far, SWITCHING, &[]));
    let mut server = WebSocket::after_handshake(far, Role::Server);
    server.set_auto_close(false);
    server.set_auto_pong(false);
    (client.unwrap(), server)
}

fn encoded(message: &ServerMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode_server(Encoding::Bincode, message, &mut bytes);
    bytes
}

async fn say(server: &mut WebSocket<DuplexStream>, message: &ServerMessage) {
    server.write_frame(Frame::binary(encoded(message).into())).await.unwrap();
}

#[tokio::test]
async fn joining_is_a_hello_and_a_welcome() {
    let (mut client, mut server) = pair().await;
    let serve = async {
        let frame = server.read_frame().await.unwrap();
        let message = codec::decode_client(Encoding::Bincode, &frame.payload).unwrap();
        assert_eq!(message, ClientMessage::Hello(Hello::default()));
        say(&mut server, &ServerMessage::Welcome(welcome())).await;
    };
    let (joined, ()) = tokio::join!(client.join(Hello::default()), serve);
    assert_eq!(joined.unwrap(), welcome());
    assert_eq!(client.last_len(), encoded(&ServerMessage::Welcome(welcome())).len());
}

#[tokio::test]
async fn there_is_no_joining_a_room_that_there_cannot_be() {
    for (wrong, what) in [
        (Welcome { side: 35, ..welcome() }, "an arena that holds no ship"),
        (Welcome { hz: 0, ..welcome() }, "no ticks"),
        (Welcome { tick: Tick(u32::MAX - 5), ..welcome() }, "too few ticks left"),
    ] {
        let (mut client, mut server) = pair().await;
        say(&mut server, &ServerMessage::Welcome(wrong)).await;
        let error = client.join(Hello::default()).await.expect_err(what);
        assert!(error.to_string().ends_with(what), "{error}");
    }
    let (mut client, mut server) = pair().await;
    say(&mut server, &ServerMessage::Welcome(Welcome { side: 36, ..welcome() })).await;
    assert!(client.join(Hello::default()).await.is_ok());
}

#[tokio::test]
async fn the_request_names_host_path_and_subprotocol_and_early_bytes_are_kept() {
    let (near, far) = duplex(4096);
    let options =
        Options { headers: vec![("Origin".into(), "https://evil.example".into())], ..Options::default() };
    let bytes = encoded(&ServerMessage::Pong { t: 7 });
    let mut framed = Vec::new();
    let framed = Frame::binary(Payload::Borrowed(&bytes)).write(&mut framed).to_vec();
    let url = url();
    let (client, (_far, request)) =
        tokio::join!(Client::open_over(near, &url, &options), answer(far, SWITCHING, &framed));
    let request = request.to_ascii_lowercase();
    for line in [
        "get /ws http/1.1",
        "host: pipe:1",
        "sec-websocket-protocol: drift.v1.bincode",
        "origin: https://evil",
    ] {
        assert!(request.contains(line), "{request}");
    }
    let next = client.unwrap().next().await.unwrap();
    assert!(matches!(next, Incoming::Message(ServerMessage::Pong { t: 7 })), "{next:?}");
}

#[tokio::test]
async fn a_refusal_tells_why() {
    let (near, far) = duplex(4096);
    let head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 19\r\n\r\norigin not allowed\n";
    let (url, options) = (url(), Options::default());
    let (client, _) = tokio::join!(Client::open_over(near, &url, &options), answer(far, head, &[]));
    let error = client.err().unwrap();
    assert!(
        matches!(&error, Error::Refused { status: 403, text } if text == "origin not allowed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_101_that_answers_another_request_is_refused() {
    let mut keys = Vec::new();
    for (right, wrong, what) in [
        ("Sec-WebSocket-Accept: {accept}\r\n", "", "no Sec-WebSocket-Accept"),
        // That of the example in RFC 6455.
        ("{accept}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Accept of another request"),
        ("{accept}", "", "Accept of another request"),
        ("Connection: Upgrade", "Connection: close", "\"Connection: Upgrade\""),
        ("Upgrade: websocket\r\n", "", "\"Upgrade: websocket\""),
    ] {
        let (near, far) = duplex(4096);
        let head = SWITCHING.replace(right, wrong);
        let (url, options) = (url(), Options::default());
        let (client, (_far, request)) =
            tokio::join!(Client::open_over(near, &url, &options), answer(far, &head, &[]));
        let error = client.err().unwrap_or_else(|| panic!("connected without {right}"));
        assert!(matches!(error, Error::Upgrade { .. }) && error.to_string().contains(what), "{error}");
        keys.push(key(&request).to_owned());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5, "each connection has a key of its own");

    let (near, far) = duplex(4096);
    let head = SWITCHING.replace("Connection: Upgrade", "connection: keep-alive, upgrade");
    let head = head.replace("Upgrade: websocket", "UPGRADE: WebSocket");
    let (url, options) = (url(), Options::default());
    let (client, _) = tokio::join!(Client::open_over(near, &url, &options), answer(far, &head, &[]));
    assert!(client.is_ok(), "letters are small or large, and there may be more words: {:?}", client.err());
}

#[tokio::test]
async fn another_subprotocol_is_refused() {
    let (near, far) = duplex(4096);
    let head = SWITCHING.replace("drift.v1.bincode", "chat");
    let (url, options) = (url(), Options::default());
    let (client, _) = tokio::join!(Client::open_over(near, &url, &options), answer(far, &head, &[]));
    assert!(matches!(client.err().unwrap(), Error::Subprotocol { .. }));
}

#[tokio::test]
async fn a_dropped_read_loses_nothing() {
    let (mut client, server) = pair().await;
    let mut far = server.into_inner();
    let bytes = encoded(&ServerMessage::Pong { t: 1234 });
    let mut framed = Vec::new();
    let framed = Frame::binary(Payload::Borrowed(&bytes)).write(&mut framed).to_vec();
    for part in framed.chunks(1) {
        assert!(timeout(Duration::from_millis(5), client.next()).await.is_err());
        far.write_all(part).await.unwrap();
    }
    let next = client.next().await.unwrap();
    assert!(matches!(next, Incoming::Message(ServerMessage::Pong { t: 1234 })), "{next:?}");
    assert_eq!(client.traffic().0, framed.len() as u64);
}

#[tokio::test]
async fn pings_are_answered_and_not_shown() {
    let (mut client, mut server) = pair().await;
    let serve = async {
        server.write_frame(Frame::new(true, OpCode::Ping, None, b"hi".to_vec().into())).await.unwrap();
        let pong = server.read_frame().await.unwrap();
        assert_eq!((pong.opcode, &*pong.payload), (OpCode::Pong, &b"hi"[..]));
        say(&mut server, &ServerMessage::Pong { t: 1 }).await;
    };
    let (next, ()) = tokio::join!(client.next(), serve);
    assert!(matches!(next.unwrap(), Incoming::Message(ServerMessage::Pong { t: 1 })));
}

#[tokio::test]
async fn a_close_is_answered_once_and_remembered() {
    let (mut client, mut server) = pair().await;
    server.write_frame(Frame::close(4003, b"too slow to keep up")).await.unwrap();
    for _ in 0..2 {
        let Incoming::Closed(closed) = client.next().await.unwrap() else { panic!("not closed") };
        assert_eq!((closed.code, closed.retry()), (4003, Retry::Yes));
        assert_eq!(closed.to_string(), "4003 (too slow to keep up)");
    }
    let echo = server.read_frame().await.unwrap();
    assert_eq!((echo.opcode, &*echo.payload), (OpCode::Close, &4003u16.to_be_bytes()[..]));
    drop(client);
    assert!(server.read_frame().await.is_err(), "one close is enough");
}

#[tokio::test]
async fn the_end_without_a_close_frame_is_1006() {
    let (mut client, server) = pair().await;
    drop(server);
    let Incoming::Closed(closed) = client.next().await.unwrap() else { panic!("not closed") };
    assert_eq!((closed.code, closed.retry()), (Closed::CUT, Retry::Yes));
}

#[tokio::test]
async fn saying_goodbye_waits_for_the_answer() {
    let (mut client, mut server) = pair().await;
    let serve = async {
        say(&mut server, &ServerMessage::Pong { t: 1 }).await; // still under way: dropped
        let frame = server.read_frame().await.unwrap();
        assert_eq!((frame.opcode, &*frame.payload), (OpCode::Close, &[3, 232, b'x'][..]));
        server.write_frame(Frame::close(1000, b"")).await.unwrap();
    };
    let (closed, ()) = tokio::join!(client.close(1000, "x"), serve);
    assert_eq!(closed.unwrap().code, 1000);
}

#[tokio::test]
async fn hostile_bytes_from_a_server_are_errors() {
    let (mut client, mut server) = pair().await;
    server.write_frame(Frame::binary(vec![250, 1, 2].into())).await.unwrap();
    assert!(matches!(client.next().await, Err(Error::Malformed(_))));

    let (mut client, server) = pair().await;
    server.into_inner().write_all(&[0xff; 32]).await.unwrap();
    assert!(matches!(client.next().await, Err(Error::WebSocket(_))));
    assert!(matches!(client.next().await, Ok(Incoming::Closed(_))), "and then it is over");
}

#[tokio::test]
async fn on_the_json_subprotocol_snapshots_come_decoded() {
    let (near, far) = duplex(4096);
    let options = Options { encoding: Encoding::Json, ..Options::default() };
    let head = SWITCHING.replace("bincode", "json");
    let url = url();
    let (client, (far, _)) = tokio::join!(Client::open_over(near, &url, &options), answer(far, &head, &[]));
    let (mut client, mut server) = (client.unwrap(), WebSocket::after_handshake(far, Role::Server));
    client.send(&ClientMessage::Spawn).await.unwrap();
    let frame = server.read_frame().await.unwrap();
    assert_eq!((frame.opcode, &*frame.payload), (OpCode::Text, &br#"{"type":"Spawn"}"#[..]));

    let view = View { tick: Tick(9), ..View::default() };
    let mut text = Vec::new();
    codec::encode_view(&view, &mut text);
    server.write_frame(Frame::text(text.into())).await.unwrap();
    server.write_frame(Frame::text(br#"{"type":"Pong","t":5}"#.to_vec().into())).await.unwrap();
    assert!(matches!(client.next().await.unwrap(), Incoming::View(seen) if seen == view));
    assert!(matches!(client.next().await.unwrap(), Incoming::Message(ServerMessage::Pong { t: 5 })));
}

//! Messages over one connection to a server. Keeps no view and no clock: that is [`crate::Session`]'s.
//!
//! Every method may be dropped half-way (`timeout`, `select!`) without harm to the connection.

mod closed;
mod error;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use fastwebsockets::{OpCode, WebSocketError};
use protocol::codec::{self, Encoding, SERVER_MESSAGE_LIMIT};
use protocol::message::{Hello, Welcome};
use protocol::quantize::Q8;
use protocol::snapshot::View;
use protocol::{ClientMessage, ServerMessage, Tick};
use sim::rules;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};

use crate::endpoint::Endpoint;
use crate::frames::{Inbound, Outbound};
use crate::trust::Trust;
use crate::upgrade::upgrade;
pub use closed::Closed;
pub use error::Error;

/// How to ask for a connection.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which subprotocol to offer.
    pub encoding: Encoding,
    /// Further request headers, such as `Origin`.
    pub headers: Vec<(String, String)>,
    /// Which of this machine's addresses to dial from; none leaves it to the system.
    pub source: Option<IpAddr>,
    /// Whose certificates are believed on wss.
    pub trust: Trust,
}

impl Default for Options {
    fn default() -> Options {
        Options { encoding: Encoding::Bincode, headers: Vec::new(), source: None, trust: Trust::system() }
    }
}

/// What the server sent next.
#[derive(Debug)]
pub enum Incoming {
    /// A message.
    Message(ServerMessage),
    /// A decoded snapshot, on the JSON subprotocol.
    View(View),
    /// The answer to a WebSocket ping, with its payload.
    Pong(Bytes),
    /// The end; it is repeated if asked for again.
    Closed(Closed),
}

/// Whoever joins later than this will see the end of the numbers that ticks have; it takes a room four years to get there.
const LAST_TICK: Tick = Tick(u32::MAX - (1 << 20));

/// Any byte stream that can be told apart from others again.
trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + Any {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Any> ByteStream for S {}

/// One connection to a server.
pub struct Client {
    stream: Box<dyn ByteStream>,
    inbound: Inbound,
    outbound: Outbound,
    encoding: Encoding,
    scratch: Vec<u8>,
    closed: Option<Closed>,
    /// A close frame goes out once, whoever says it first.
    said_goodbye: bool,
    last_len: usize,
    received: u64,
}

impl Client {
    /// Connects over TCP, with wss over TLS, and takes a seat.
    ///
    /// # Errors
    /// Nobody there, not a server, or no seat: [`Error::Closed`] has the server's code.
    pub async fn connect(url: &Endpoint, hello: Hello) -> Result<(Client, Welcome), Error> {
        let mut client = Client::open(url, &Options::default()).await?;
        let welcome = client.join(hello).await?;
        Ok((client, welcome))
    }

    /// Connects over TCP, with wss over TLS, and shakes hands, but says no `Hello`.
    ///
    /// # Errors
    /// Nobody there, or not a server, or with wss: not one with a certificate that is believed.
    pub async fn open(url: &Endpoint, options: &Options) -> Result<Client, Error> {
        let address = url.authority();
        let stream = match dial(&address, options.source).await {
            Ok(stream) => stream,
            Err(source) => return Err(Error::Connect { address, source }),
        };
        // Without it an input waits for the acknowledgement of the one before.
        stream.set_nodelay(true).map_err(|source| Error::Connect { address: address.clone(), source })?;
        if url.is_secure() {
            let secured = options.trust.connect(stream, url.host()).await;
            let stream = secured.map_err(|source| Error::Tls { address, source })?;
            return Client::open_over(stream, url, options).await;
        }
        Client::open_over(stream, url, options).await
    }

    /// The same over any byte stream; `url` is only what the request names.
    ///
    /// # Errors
    /// The other end is not a server.
    pub async fn open_over<S>(stream: S, url: &Endpoint, options: &Options) -> Result<Client, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stream, early) = upgrade(stream, url, options).await?;
        Ok(Client {
            stream: Box::new(stream),
            inbound: Inbound::new(&early, SERVER_MESSAGE_LIMIT),
            outbound: Outbound::default(),
            encoding: options.encoding,
            scratch: Vec::new(),
            closed: None,
            said_goodbye: false,
            last_len: 0,
            received: 0,
        })
    }

    /// The stream that it was opened over, and what came in on it and was not asked for. What is queued is lost.
    pub(crate) fn into_parts(self) -> (Box<dyn Any>, BytesMut) {
        (self.stream, self.inbound.into_unread())
    }

    /// Says `Hello` and waits for the `Welcome`, which is one to a room that there can be.
    ///
    /// # Errors
    /// The server closed ([`Error::Closed`]), or answered with something else.
    pub async fn join(&mut self, hello: Hello) -> Result<Welcome, Error> {
        self.send(&ClientMessage::Hello(hello)).await?;
        loop {
            match self.next().await? {
                Incoming::Message(ServerMessage::Welcome(welcome)) => {
                    return impossible(&welcome).map_or(Ok(welcome), |what| Err(Error::Welcome { what }));
                }
                // The close frame with the same code follows.
                Incoming::Message(ServerMessage::Bye { .. }) | Incoming::Pong(_) => {}
                Incoming::Closed(closed) => return Err(Error::Closed(closed)),
                other => {
                    let text = format!("{other:?}");
                    return Err(Error::NotWelcome(text.chars().take(80).collect()));
                }
            }
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn send(&mut self, message: &ClientMessage) -> Result<(), Error> {
        self.queue(message);
        self.flush().await
    }

    /// Frames one message, to be sent with the next flush or send, in one write.
    pub fn queue(&mut self, message: &ClientMessage) {
        self.scratch.clear();
        codec::encode_client(self.encoding, message, &mut self.scratch);
        let opcode = match self.encoding {
            Encoding::Bincode => OpCode::Binary,
            Encoding::Json => OpCode::Text,
        };
        self.outbound.push(true, opcode, &mut self.scratch);
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.outbound.flush(&mut self.stream).await.map_err(Error::Send)
    }

    /// Sends a frame of one's own making, right or wrong: a ping, text on the binary protocol, half a message.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn send_frame(&mut self, fin: bool, opcode: OpCode, payload: &[u8]) -> Result<(), Error> {
        self.said_goodbye |= opcode == OpCode::Close;
        self.outbound.push(fin, opcode, &mut payload.to_vec());
        self.flush().await
    }

    /// Sends bytes without a frame around them.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.outbound.push_bytes(bytes);
        self.flush().await
    }

    /// What comes next. Pings are answered and not shown; a close is answered and repeated ever after.
    ///
    /// # Errors
    /// The server broke the protocol. The connection is of no use then.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        loop {
            if let Some(closed) = &self.closed {
                return Ok(Incoming::Closed(closed.clone()));
            }
            if self.outbound.has_waiting() {
                // An answer that a dropped call left behind. Should the stream be broken, reading will say so.
                let _ = self.outbound.flush(&mut self.stream).await;
            }
            let mut frame = match self.inbound.next(&mut self.stream).await {
                Ok(frame) => frame,
                Err(WebSocketError::UnexpectedEOF) => {
                    self.closed = Some(Closed { code: Closed::CUT, reason: String::new() });
                    continue;
                }
                Err(WebSocketError::IoError(error)) => {
                    self.closed = Some(Closed { code: Closed::CUT, reason: error.to_string() });
                    continue;
                }
                Err(error) => {
                    self.closed = Some(Closed { code: Closed::CUT, reason: error.to_string() });
                    return Err(Error::WebSocket(error));
                }
            };
            self.received += frame.wire_len();
            self.last_len = frame.payload.len();
            match frame.opcode {
                OpCode::Text | OpCode::Binary if frame.fin => return self.decode(&frame.payload),
                OpCode::Text | OpCode::Binary | OpCode::Continuation => return Err(Error::Fragment),
                OpCode::Ping => self.outbound.push(true, OpCode::Pong, &mut frame.payload),
                OpCode::Pong => return Ok(Incoming::Pong(frame.payload.freeze())),
                OpCode::Close => {
                    self.closed = Some(Closed::read(&frame.payload));
                    if !self.said_goodbye {
                        let code = frame.payload.len().min(2);
                        self.outbound.push(true, OpCode::Close, &mut frame.payload[..code]);
                        // The server may be gone already, and then nobody needs the answer.
                        let _ = self.outbound.flush(&mut self.stream).await;
                    }
                }
            }
        }
    }

    /// Says goodbye and waits for the server's answer; what still comes in before it is dropped.
    ///
    /// # Errors
    /// The stream broke or the server broke the protocol.
    pub async fn close(&mut self, code: u16, reason: &str) -> Result<Closed, Error> {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        self.send_frame(true, OpCode::Close, &payload).await?;
        loop {
            if let Incoming::Closed(closed) = self.next().await? {
                return Ok(closed);
            }
        }
    }

    /// Length of the message that [`Client::next`] returned last: bytes, without the WebSocket header.
    pub fn last_len(&self) -> usize {
        self.last_len
    }

    /// Bytes (received, sent) since the handshake, WebSocket headers included, TCP/IP excluded.
    pub fn traffic(&self) -> (u64, u64) {
        (self.received, self.outbound.written)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Incoming, Error> {
        // The server's serializer writes the tag first.
        if self.encoding == Encoding::Json && bytes.starts_with(br#"{"type":"View""#) {
            return Ok(Incoming::View(codec::decode_view(bytes)?));
        }
        Ok(Incoming::Message(codec::decode_server(self.encoding, bytes)?))
    }
}

/// What of a room there cannot be, so that whoever plays in it need not ask.
fn impossible(welcome: &Welcome) -> Option<&'static str> {
    if i32::from(welcome.side) * Q8 < 2 * rules::SHIP_RADIUS {
        Some("an arena that holds no ship")
    } else if welcome.hz == 0 {
        Some("no ticks")
    } else if welcome.tick.since(LAST_TICK) > 0 {
        Some("too few ticks left")
    } else {
        None
    }
}

async fn dial(address: &str, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(address).await };
    let fits = |to: &SocketAddr| to.is_ipv4() == source.is_ipv4();
    let to = tokio::net::lookup_host(address).await?.find(fits);
    let to = to.ok_or_else(|| io::Error::other("it has no address that can be reached from the source's"))?;
    let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(to).await
}

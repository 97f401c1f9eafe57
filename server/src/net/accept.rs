//! Accepts connections and serves HTTP on them; WebSocket connections start as HTTP.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Empty, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Door, Tls};
use crate::rates::Guest;

/// Kernel send buffer of a game socket, bytes: what a peer that reads nothing may cost outside this process. The
/// kernel's default lets megabytes of old snapshots wait.
const SEND_BUFFER: usize = 64 * 1024;

/// Pause after an accept error, such as no file handle left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Of accept errors at most one in so long is logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// How long a connection may be used for HTTP, answers that the peer does not read included. A browser just opens
/// another one.
const HTTP_TIMEOUT: Duration = Duration::from_secs(30);

/// Browsers come by https only for a year.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// An HTTP answer.
pub type Answer = Response<Either<Full<Bytes>, Empty<Bytes>>>;

/// Where connections come from.
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection and its peer.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&mut self) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // Without these a push waits for the peer's ack, or for seconds of stale data before it.
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER)?;
        Ok((stream, peer))
    }
}

/// A connection's place among those that are allowed at a time; given back when the last copy is dropped.
pub type Place = Arc<Held>;

/// What a connection holds as long as it lasts.
#[derive(Debug)]
pub struct Held {
    /// The other end.
    pub peer: IpAddr,
    _place: OwnedSemaphorePermit,
    _guest: Option<Guest>,
}

/// Answers requests; one for the game, one for the admin listener.
pub trait Handler<S>: Send + Sync + 'static {
    /// Answers one request. Who keeps the connection beyond HTTP keeps its place, too.
    fn handle(&self, request: Request<Incoming>, place: &Place) -> impl Future<Output = Answer> + Send;
}

/// What an accept loop needs.
#[derive(Debug, Clone)]
pub struct Accept {
    /// Stops accepting, and asks idle HTTP connections to end.
    pub stop: CancellationToken,
    /// Knows every connection.
    pub tasks: TaskTracker,
    /// For the TLS handshake and the head of a request together.
    pub head_timeout: Duration,
    /// None: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Connections at a time; more wait in the system's queue.
    pub connections: Arc<Semaphore>,
    /// Limits per network; none for operators.
    pub door: Option<Arc<Door>>,
}

/// Accepts until it is stopped. `count` is called for each connection.
pub async fn serve<L: Listener, H: Handler<L::Stream> + Handler<TlsStream<L::Stream>>>(
    mut listener: L,
    handler: Arc<H>,
    accept: Accept,
    count: impl Fn() + Send + 'static,
) {
    let mut complained = None;
    loop {
        let next = async {
            let place = accept.connections.clone().acquire_owned().await;
            (place.expect("nobody closes the semaphore"), listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = accept.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                count();
                let peer = peer.ip().to_canonical();
                let guest = accept.door.as_ref().map(|door| door.admit(peer, Instant::now())).transpose();
                // Nothing is said: over TLS it could not be read, and answers are work, too.
                let Ok(guest) = guest else { continue };
                let place = Arc::new(Held { peer, _place: place, _guest: guest.flatten() });
                let (handler, accept_) = (handler.clone(), accept.clone());
                accept.tasks.spawn(async move { connection(stream, handler, place, &accept_).await });
            }
            // The peer was gone before we came, or no file handle is left: neither ends the server.
            Err(error) => {
                if complained.is_none_or(|at: Instant| at.elapsed() > COMPLAIN_EVERY) {
                    complained = Some(Instant::now());
                    tracing::warn!(%error, "cannot accept connections; is the limit of open files too low?");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<S, H>(stream: S, handler: Arc<H>, place: Place, accept: &Accept)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler<S> + Handler<TlsStream<S>>,
{
    let Some(tls) = &accept.tls else {
        return http(stream, handler, place, accept, accept.head_timeout).await;
    };
    let begun = Instant::now();
    let secured = tokio::select! {
        secured = tokio::time::timeout(accept.head_timeout, tls.accept(stream)) => secured,
        () = accept.stop.cancelled() => return,
    };
    match secured {
        Ok(Ok(stream)) => {
            let left = accept.head_timeout.saturating_sub(begun.elapsed());
            http(stream, handler, place, accept, left).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake given up"),
    }
}

/// Serves HTTP on a stream whose first head must come within `head_timeout`.
async fn http<S, H>(stream: S, handler: Arc<H>, place: Place, accept: &Accept, head_timeout: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler<S>,
{
    let pins = accept.tls.as_ref().is_some_and(|tls| tls.hsts);
    let service = service_fn(move |request| {
        let (handler, place) = (handler.clone(), place.clone());
        async move {
            let mut answer = handler.handle(request, &place).await;
            if pins {
                answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    // Without a timer the head's time-out silently does nothing.
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let serving = async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = accept.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    match tokio::time::timeout(HTTP_TIMEOUT, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "HTTP connection failed"),
        Err(_) => tracing::debug!("HTTP connection given up"),
    }
}

/// A plain-text answer.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(text.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
